/**
 * Checks the whole course twice, with every task a stub and with the reference in the place of a
 * learner, and prints the points as JSON.
 *
 * @module
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { checkModule } from "../kit/check.ts";
import { modules, reference } from "../kit/course.ts";
import { pointsOf } from "../kit/show.ts";
import { makeStub, todoFile } from "../kit/stubs.ts";

/** Points earned and points to earn, by module. */
export type Points = Readonly<Record<string, readonly [number, number]>>;

/** Writes the files of all modules to a folder, each changed. */
export function writeCourse(
  folder: string,
  change: (source: string, file: string) => string,
): void {
  for (const module of modules) {
    const own = join(folder, module.folder);
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, todoFile.name), todoFile.source);
    for (const file of module.files) {
      writeFileSync(join(own, file), change(reference(module.folder, file), file));
    }
  }
}

/** Checks all modules of a folder. */
async function pointsIn(folder: string, rooms: string): Promise<Points> {
  const points: Record<string, [number, number]> = {};
  for (const module of modules) {
    const below = modules.filter(({ number }) => number <= module.number);
    const owners = new Map(below.map((one) => [one.folder, join(folder, one.folder)]));
    points[module.number] = pointsOf(await checkModule(module, { owners, rooms }));
  }
  return points;
}

async function main(): Promise<void> {
  const rooms = realpathSync(mkdtempSync(join(tmpdir(), "kindling-course-")));
  const changes: Record<string, (source: string, file: string) => string> = {
    stubs: makeStub,
    reference: (source) => source,
    // Another order of random numbers is as good as the reference's.
    otherOrder: (source, file) =>
      file === "random.ts"
        ? source.replace("    return order;", "    return order.reverse();")
        : source,
  };
  const all: Record<string, Points> = {};
  try {
    for (const [name, change] of Object.entries(changes)) {
      writeCourse(join(rooms, name), change);
      all[name] = await pointsIn(join(rooms, name), rooms);
    }
  } finally {
    rmSync(rooms, { recursive: true, force: true });
  }
  process.stdout.write(JSON.stringify(all), () => process.exit(0));
}

if (import.meta.main) await main();
