/**
 * What the commands of the desk share: finding a task, checking a module, saying what came of it.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { bisect } from "../judge/bisect.ts";
import { checkModule, type Result, shown, taskPlace, testsOf } from "../judge/check_module.ts";
import { type CourseModule, hintsOf, moduleOf, modules, read, root } from "../content/course.ts";
import { takeSnapshot } from "./snapshots.ts";
import {
  completeModules,
  isComplete,
  noteResults,
  readProgress,
  writeProgress,
} from "./progress_file.ts";
import { detailOf, paint, say, sayLines, wrapped } from "./print.ts";
import * as desk from "./workspace.ts";

/** A mistake in a command: what happened, and what to do. */
export class CommandError extends Error {}

/** How commands are typed here. */
export const runtime: string = process.versions.deno ? "deno task" : "bun run";

// ── Finding one's way ──

/** The module that a number or a task names. */
export function moduleNamed(text: string | undefined, what: string): CourseModule {
  const module = text === undefined || !/^\d\d(\.\d+)?$/.test(text) ? undefined : moduleOf(text);
  if (module) return module;
  const found = text === undefined ? "none was named" : `there is no "${text}"`;
  throw new CommandError(
    `Cannot ${what}: ${found}\n  modules are 01 to ${modules.at(-1)?.number}, tasks like 01.5`,
  );
}

/** The task that was named, and its module. */
export async function taskNamed(
  text: string | undefined,
  what: string,
): Promise<[CourseModule, string]> {
  const module = moduleNamed(text, what), tasks = await tasksOf(module);
  if (text !== undefined && tasks.includes(text)) return [module, text];
  throw new CommandError(
    `Cannot ${what}: it needs a task, and there is no task "${text}"\n` +
      `  tasks of ${module.number}: ${tasks[0]} to ${tasks.at(-1)}`,
  );
}

async function tasksOf(module: CourseModule): Promise<string[]> {
  return [...new Set((await testsOf(module)).map(({ task }) => task))];
}

/** Refuses to do something with a module that is not begun. */
export function requireBegun(module: CourseModule, what: string): void {
  if (desk.isBegun(module)) return;
  throw new CommandError(
    `Cannot ${what} ${module.number}: you have not begun it\n  begin: ${runtime} start ${module.number}`,
  );
}

/** The first test that does not pass, in the order of the course. */
export function firstOpen(results: readonly Result[]): Result | undefined {
  return results.find(({ status }) => status !== "passed");
}

// ── Checking ──

/** How to check at the desk. */
export interface DeskCheck {
  readonly only?: string;
  readonly first?: string;
  readonly onResult?: (result: Result) => void;
}

/** Runs the tests of a module, and remembers what came of them. */
export async function checkAtDesk(
  module: CourseModule,
  options: DeskCheck = {},
): Promise<Result[]> {
  takeSnapshot(options.only ? `check ${options.only}` : `check ${module.number}`);
  const owners = ownersFor(module);
  const results = await checkModule(module, { ...options, owners, rooms: desk.kept });
  const { length: total } = await testsOf(module);
  const shown = options.first ?? firstOpen(results)?.task;
  writeProgress(noteResults(readProgress(say), module, results, total, shown));
  return results;
}

/** The earlier modules that the reference stands for, as a sentence; nothing if there are none. */
export function standInsOf(module: CourseModule): string | undefined {
  const progress = readProgress();
  const standIns = modules.filter((one) =>
    one.number < module.number && desk.isBegun(one) && !isComplete(progress, one)
  );
  if (standIns.length === 0) return undefined;
  const names = standIns.map(({ number }) => number).join(", ");
  return `The reference stands for ${names} in this run: not all tests there pass yet`;
}

/** Which modules are the learner's when a module is tested: itself, and complete ones before it. */
function ownersFor(module: CourseModule): Map<string, string> {
  const lower = completeModules(readProgress()).filter(({ number }) => number < module.number);
  return new Map([...lower, module].map((one) => [one.folder, desk.folderOf(one)]));
}

/** Looks for the part of the learner's that makes a test fail, and says which it is. */
export async function sayCulprit(module: CourseModule, { task, sentence }: Result): Promise<void> {
  const culprit = await bisect({
    owners: ownersFor(module),
    tested: { module, task },
    scratch: desk.kept,
    passes: async (owners) => {
      const results = await checkModule(module, { owners, rooms: desk.kept, only: task });
      return results.some((one) => one.sentence === sentence && one.status === "passed");
    },
  });
  if (!culprit || culprit.task === task) return;
  const found = culprit.task ?? culprit.module.number;
  const place = taskPlace(culprit.module, desk.folderOf(culprit.module), found) ?? "";
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

/** Type errors of a module, as Deno finds them: they are shown beside the results. */
export async function typeErrors(module: CourseModule): Promise<string[]> {
  if (!process.versions.deno) return [];
  const files = module.files.map((file) => join(desk.folderOf(module), file)).filter(existsSync);
  const child = spawn(process.execPath, ["check", "--conditions=yours", ...files], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
  });
  let text = "";
  child.stderr.on("data", (part) => text += part);
  const { promise, resolve } = Promise.withResolvers<void>();
  child.on("exit", () => resolve());
  await promise;
  // TS1294, syntax that Node cannot strip, is a rule for our files; in yours it may stay.
  const errors = text.split(/\n(?=TS\d+ )/).filter((part) => /^TS(?!1294 )/.test(part));
  const most = 3, further = errors.length - most;
  const lines = errors.slice(0, most).flatMap((error) => {
    const [message] = error.split("\n"), place = error.match(/at file:\/\/(\S+?):(\d+):\d+/);
    const where = place ? `${shown(decodeURIComponent(place[1]))}:${place[2]}` : "";
    const code = error.match(/\n(.*)\n *[~^]+\n/)?.[1].trim() ?? "";
    const missing = error.match(/An argument for '.*' was not provided/)?.[0];
    return [
      paint("magenta", `types   ${message.replace(/ \[ERROR\]/, "")}  ${where}`),
      `          ${code}${missing ? `   ${missing}` : ""}`,
    ];
  });
  return further > 0 ? [...lines, paint("magenta", `types   and ${further} more`)] : lines;
}

// ── Words ──

/** Shows one more hint of a task; who asks again when all have been shown gets all of them. */
export async function sayHint(what: string | undefined, unasked = ""): Promise<number> {
  const [module, task] = await taskNamed(what, "give a hint");
  const progress = readProgress(say), hints = hintsOf(module, task);
  const shown = progress.hints[task] ?? 0, level = Math.min(shown + 1, hints.length);
  desk.openWorkspace();
  writeProgress({ ...progress, hints: { ...progress.hints, [task]: level } });
  const isOver = shown === hints.length && unasked === "";
  for (let k = isOver ? 1 : level; k <= level; k++) {
    say(paint("yellow", `${unasked}Hint ${k} of ${hints.length} for ${task}:`));
    sayLines(wrapped(hints[k - 1], "  "));
  }
  if (level < hints.length) say(`  (one more: ${runtime} hint ${task})`);
  return 0;
}

/** What is there to say when all tests of a module pass. */
export function doneWith(module: CourseModule): string[] {
  const next = modules.find((one) => one.number > module.number && !desk.isBegun(one));
  const further = next ? [`Next: ${runtime} start ${next.number}`] : [];
  return [...wrapped(builtIn(module)), `What it is for: ${runtime} tinydigits`, ...further];
}

/** What a module did, in the words of its chapter. */
export function builtIn(module: CourseModule): string {
  const source = read(join(root, "modules", module.folder, Object.values(module.names)[0]));
  const text = source.match(/At the end you (?:have|can) [^]*?\.(?=\s)/)?.[0] ?? "";
  return text.replace(/\s*\n \*\s*/g, " ").replace(/^At the end you/, "You now");
}
