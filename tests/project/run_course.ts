/**
 * Checks the whole course with every task a stub, with the reference in the place of a learner, and
 * task by task as a learner goes, and prints what came of it as JSON.
 *
 * @module
 */
import { join } from "@std/path";
import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { pointsOf } from "../../course/commands/print.ts";
import { modules, reference } from "../../course/content/course.ts";
import { makeStub, todoFile } from "../../course/content/stubs.ts";
import { findTasks } from "../../course/content/task_bodies.ts";
import { checkModule } from "../../course/judge/check_module.ts";
import { inFolder } from "./in_folder.ts";

/** What came of the whole course. */
export interface WholeCourse {
  /** Points by name of the change that was made to the reference. */
  readonly points: Readonly<Record<string, Points>>;
  /** Tests that need a task which comes after theirs. */
  readonly notInTurn: readonly string[];
}

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
async function pointsIn(folder: string, scratch: string): Promise<Points> {
  const points: Record<string, [number, number]> = {};
  for (const module of modules) {
    const below = modules.filter(({ number }) => number <= module.number);
    const owners = new Map(below.map((one) => [one.folder, join(folder, one.folder)]));
    points[module.number] = pointsOf(await checkModule(module, { owners, scratch }));
  }
  return points;
}

/** The tests that do not pass when only their task and those before it are written. */
async function notInTurn(folder: string, scratch: string): Promise<string[]> {
  const failing: string[] = [];
  for (const module of modules) {
    const sources = module.files.map((file) => reference(module.folder, file));
    for (const task of new Set(sources.flatMap(findTasks).map(({ task }) => task))) {
      writeCourse(folder, (source) => makeStub(source, (other) => isAfter(other, task)));
      const owners = new Map([[module.folder, join(folder, module.folder)]]);
      const results = await checkModule(module, { owners, scratch, only: task });
      const red = results.filter(({ status }) => status !== "passed");
      failing.push(...red.map(({ sentence }) => `${task} ${sentence}`));
    }
  }
  return failing;
}

/** Whether a task comes after another one of its module. */
function isAfter(task: string, other: string): boolean {
  return Number(task.slice(3)) > Number(other.slice(3));
}

async function main(): Promise<void> {
  const changes: Record<string, (source: string, file: string) => string> = {
    stubs: (source) => makeStub(source),
    reference: (source) => source,
    // Another order of random numbers is as good as the reference's.
    otherOrder: (source, file) =>
      file === "random.ts"
        ? source.replace("    return order;", "    return order.reverse();")
        : source,
  };
  const all: Record<string, Points> = {};
  const inTurn = await inFolder(async (scratch) => {
    for (const [name, change] of Object.entries(changes)) {
      writeCourse(join(scratch, name), change);
      all[name] = await pointsIn(join(scratch, name), scratch);
    }
    return await notInTurn(join(scratch, "turn"), scratch);
  });
  const found: WholeCourse = { points: all, notInTurn: inTurn };
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
}

if (import.meta.main) await main();
