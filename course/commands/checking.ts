/**
 * What the commands share that run tests: checking a module, and saying what came of it.
 *
 * @module
 */
import { join } from "@std/path";
import { type CourseModule, modules, read, root } from "../content/course.ts";
import { bisect } from "../judge/bisect.ts";
import { checkModule, type Result, taskPlace, testsOf } from "../judge/check_module.ts";
import { sayHint } from "./hint.ts";
import { runtime } from "./named.ts";
import { detailOf, paint, say, wrapped } from "./print.ts";
import {
  completeModules,
  isComplete,
  noteResults,
  readProgress,
  writeProgress,
} from "./progress_file.ts";
import { takeSnapshot } from "./snapshots.ts";
import { folderOf, isBegun, kept } from "./workspace.ts";

/** How to check. */
export interface Choice {
  readonly only?: string;
  readonly first?: string;
  readonly onResult?: (result: Result) => void;
}

/** Runs the tests of a module, and remembers what came of them. */
export async function checkYours(
  module: CourseModule,
  options: Choice = {},
): Promise<Result[]> {
  takeSnapshot(options.only ? `check ${options.only}` : `check ${module.number}`);
  const owners = ownersFor(module);
  const results = await checkModule(module, { ...options, owners });
  const { length: total } = await testsOf(module);
  const shown = options.first ?? firstOpen(results)?.task;
  writeProgress(noteResults(readProgress(say), module, results, total, shown));
  return results;
}

/** The earlier modules that the reference stands for, as a sentence; nothing if there are none. */
export function standInsOf(module: CourseModule): string | undefined {
  const progress = readProgress();
  const standIns = modules.filter((one) =>
    one.number < module.number && isBegun(one) && !isComplete(progress, one)
  );
  if (standIns.length === 0) return undefined;
  const names = standIns.map(({ number }) => number).join(", ");
  return `The reference stands for ${names} in this run: not all tests there pass yet`;
}

/** Which modules are the learner's when a module is tested: itself, and complete ones before it. */
function ownersFor(module: CourseModule): Map<string, string> {
  const lower = completeModules(readProgress()).filter(({ number }) => number < module.number);
  return new Map([...lower, module].map((one) => [one.folder, folderOf(one)]));
}

/** Looks for the part of the learner's that makes a test fail, and says which it is. */
export async function sayCulprit(module: CourseModule, { task, sentence }: Result): Promise<void> {
  const culprit = await bisect({
    owners: ownersFor(module),
    tested: { module, task },
    scratch: kept,
    passes: async (owners) => {
      const results = await checkModule(module, { owners, only: task });
      return results.some((one) => one.sentence === sentence && one.status === "passed");
    },
  });
  if (!culprit || culprit.task === task) return;
  const found = culprit.task ?? culprit.module.number;
  const place = taskPlace(culprit.module, folderOf(culprit.module), found) ?? "";
  say(
    paint("yellow", `  likely: it passes with the reference's ${found} instead of yours  ${place}`),
  );
}

/** Prints what a test found, and offers a hint after three equal failures. */
export async function sayOpen(result: Result): Promise<void> {
  detailOf(result).forEach((line) => say(line));
  const times = readProgress().failures[result.task]?.times ?? 0;
  if (times >= 3) await sayHint(result.task, "The same failure for the third time. ");
}

/** The first test that does not pass, in the order of the course. */
export function firstOpen(results: readonly Result[]): Result | undefined {
  return results.find(({ status }) => status !== "passed");
}

// ── Words ──

/** What is there to say when all tests of a module pass. */
export function doneWith(module: CourseModule): string[] {
  const next = modules.find((one) => one.number > module.number && !isBegun(one));
  const further = next ? [`Next: ${runtime} start ${next.number}`] : [];
  return [...wrapped(builtIn(module)), `What it is for: ${runtime} tinydigits`, ...further];
}

/** What a module did, in the words of its chapter. */
export function builtIn(module: CourseModule): string {
  const source = read(join(root, "modules", module.folder, module.names[0].file));
  const text = source.match(/At the end you (?:have|can) [^]*?\.(?=\s)/)?.[0] ?? "";
  return text.replace(/\s*\n \*\s*/g, " ").replace(/^At the end you/, "You now");
}
