/**
 * Checks the whole course with changed files in the place of a learner's, and prints what came of it
 * as JSON. Its arguments say with which changes.
 *
 * @module
 */
import { join } from "@std/path";
import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { pointsOf } from "../../course/commands/print.ts";
import { modules, reference } from "../../course/content/course.ts";
import { makeStub, todoFile } from "../../course/content/stubs.ts";
import { checkModule } from "../../course/judge/check_module.ts";
import { inFolder } from "./in_folder.ts";

/** A change that is made to each file of the reference. */
type Change = (source: string, file: string) => string;

/** Changes by name. */
const changes = {
  stubs: (source) => makeStub(source),
  reference: (source) => source,
  // Another order of random numbers is as good as the reference's.
  otherOrder: (source, file) =>
    file === "random.ts"
      ? source.replace("    return order;", "    return order.reverse();")
      : source,
} satisfies Record<string, Change>;

/** What a change is called. */
export type ChangeName = keyof typeof changes;

/** All changes. */
export const changeNames: readonly ChangeName[] = ["stubs", "reference", "otherOrder"];

/** What came of the whole course with a change. */
export interface WholeCourse {
  /** Points earned and points to earn, by module. */
  readonly points: Readonly<Record<string, readonly [number, number]>>;
  /** Tests that broke down, or took too long. */
  readonly broken: readonly string[];
}

/** Writes the files of all modules to a folder, each changed. */
export function writeCourse(folder: string, change: Change): void {
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
async function checkAll(folder: string): Promise<WholeCourse> {
  const points: Record<string, [number, number]> = {}, broken: string[] = [];
  for (const module of modules) {
    const below = modules.filter(({ number }) => number <= module.number);
    const owners = new Map(below.map((one) => [one.folder, join(folder, one.folder)]));
    const results = await checkModule(module, { owners });
    points[module.number] = pointsOf(results);
    const odd = results.filter(({ status }) => status === "error" || status === "timeout");
    broken.push(...odd.map(({ task, sentence, message }) => `${task} ${sentence}: ${message}`));
  }
  return { points, broken };
}

async function main(): Promise<void> {
  const found: Record<string, WholeCourse> = {};
  await inFolder(async (scratch) => {
    for (const name of changeNames.filter((name) => process.argv.includes(name))) {
      writeCourse(join(scratch, name), changes[name]);
      found[name] = await checkAll(join(scratch, name));
    }
  });
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
}

if (import.meta.main) await main();
