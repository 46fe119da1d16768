/**
 * What the commands share that run tests: checking a module, and saying what came of it.
 *
 * @module
 */
import { join } from "@std/path";
import { lstatSync } from "node:fs";
import { UsageError } from "../arguments.ts";
import { type CourseModule, modules, read, reference, root } from "../content/course.ts";
import { changedGiven } from "../content/given_code.ts";
import { findOpenBracket } from "../content/open_bracket.ts";
import { bisect } from "../judge/bisect.ts";
import { checkModule, type Result, shown, taskPlace, testsOf } from "../judge/check_module.ts";
import { mostTelling } from "../judge/result.ts";
import { sayHint } from "./hint.ts";
import { moduleNamed, runtime } from "./named.ts";
import { detailOf, paint, say, sayLines, wrapped } from "./print.ts";
import {
  completeModules,
  isChanged,
  isComplete,
  noteResults,
  readProgress,
  updateProgress,
} from "./progress_file.ts";
import { takeSnapshot } from "./snapshots.ts";
import { filesOf, folderOf, inScratch, isBegun, missingFiles } from "./workspace.ts";

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
  requireWhole(module);
  await checkChanged(module);
  keepState(options.only ? `check ${options.only}` : `check ${module.number}`);
  const owners = ownersFor(module);
  const results = await checkModule(module, { ...options, owners });
  const { length: total } = await testsOf(module);
  const shown = options.first ?? firstOpen(results)?.task;
  updateProgress((before) => noteResults(before, module, results, total, shown), say);
  return results;
}

/** Takes a snapshot. If that cannot be done, tests run all the same. */
function keepState(reason: string): void {
  try {
    takeSnapshot(reason);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message}\n  The tests run, but history does not have this state`);
  }
}

/** Refuses to check a module with a file that is not there: all others would be blamed for it. */
function requireWhole(module: CourseModule): void {
  const [file] = missingFiles(module);
  if (file === undefined) return;
  const there = lstatSync(join(folderOf(module), file), { throwIfNoEntry: false });
  if (there && !there.isFile()) {
    throw new UsageError(
      `${file} in workspace/${module.folder} is ${there.isDirectory() ? "a folder" : "a link"}`,
      `move it away: ${runtime} start ${module.number} puts a file there`,
    );
  }
  throw new UsageError(
    `${file} is missing in workspace/${module.folder}`,
    `${runtime} start ${module.number} puts it back, as it was when it was last checked`,
  );
}

/**
 * Checks modules again that were green and have been edited since: a comment need not put the
 * reference in their place.
 *
 * @param before Only those before this one; all if it is left out.
 */
export async function checkChanged(before?: CourseModule): Promise<void> {
  for (const module of modules.filter((one) => !before || one.number < before.number)) {
    if (!isChanged(readProgress(), module) || missingFiles(module).length > 0) continue;
    say(`${module.number} has changed since it was green, and is checked again`);
    await checkYours(module);
  }
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
  const culprit = await inScratch((scratch) =>
    bisect({
      owners: ownersFor(module),
      tested: { module, task },
      scratch,
      passes: async (owners) => {
        const results = await checkModule(module, { owners, only: task });
        return results.some((one) => one.sentence === sentence && one.status === "passed");
      },
    })
  );
  if (!culprit || culprit.task === task) return;
  const found = culprit.task ?? culprit.module.number;
  const place = taskPlace(culprit.module, folderOf(culprit.module), found) ?? "";
  say(paint("cyan", `  It waits for ${found}: with the reference's ${found} it passes  ${place}`));
}

/** Prints what a test found, and offers a hint after three equal failures. */
export async function sayOpen(result: Result): Promise<void> {
  detailOf(result).forEach((line) => say(line));
  if (result.status !== "todo") {
    const module = moduleNamed(result.task, "find");
    const isRead = !result.message.includes("SyntaxError");
    sayLines(isRead ? changedGivenIn(module) : openBracketsIn(module));
  }
  const times = readProgress().failures[result.task]?.times ?? 0;
  if (times >= 3) await sayHint(result.task, "The same failure for the third time. ");
}

/** Brackets left open, where a file cannot be read: its last line is where a parser notices. */
function openBracketsIn(module: CourseModule): string[] {
  return [...filesOf(module)].flatMap(([file, source]) => {
    const found = findOpenBracket(source);
    if (!found) return [];
    const { bracket, opened, missedAt } = found, place = `${shown(folderOf(module))}/${file}`;
    const says = `the ${bracket} of ${place}:${opened} is still open on line ${missedAt}`;
    return [paint("yellow", `  likely: ${says}`)];
  });
}

/** Code of a module that was given and that the learner has changed, in one sentence a file. */
function changedGivenIn(module: CourseModule): string[] {
  return [...filesOf(module)].filter(([file]) => module.files.includes(file))
    .flatMap(([file, own]) => {
      const names = changedGiven(own, reference(module.folder, file));
      if (names.length === 0) return [];
      const shown = names.slice(0, 3).map((name) => `${name}`).join(", ");
      const further = names.length > 3 ? ` and ${names.length - 3} more` : "";
      return [paint("yellow", `  you changed ${shown}${further} in ${file}, which was given`)];
    });
}

/** The red test to look at first: of the first task that has one, the most telling. */
export function firstOpen(results: readonly Result[]): Result | undefined {
  return mostTelling(results);
}

// ── Words ──

/** What is there to say when all tests of a module pass. */
export function doneWith(module: CourseModule): string[] {
  const next = modules.find((one) => one.number > module.number && !isBegun(one));
  const further = next ? [`Next: ${runtime} start ${next.number}`] : [];
  return [
    ...wrapped(builtIn(module)),
    `What it is for: ${runtime} ${milestoneAfter(module)}`,
    ...further,
  ];
}

/** The milestone that a module is put to use in: the first one needs nothing but tensors. */
export function milestoneAfter({ number }: CourseModule): "perceptron" | "tinydigits" {
  return number === "01" ? "perceptron" : "tinydigits";
}

/** What a module did, in the words of its chapter. */
export function builtIn(module: CourseModule): string {
  const source = read(join(root, "modules", module.folder, module.names[0].file));
  const text = source.match(/At the end you (?:have|can) [^]*?\.(?=\s)/)?.[0] ?? "";
  return text.replace(/\s*\n \*\s*/g, " ").replace(/^At the end you/, "You now");
}
