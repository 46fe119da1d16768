/**
 * `deno task check [NN[.t]]`: runs the tests of what the learner has begun.
 *
 * @module
 */
import { UsageError } from "../arguments.ts";
import { type CourseModule, modules } from "../content/course.ts";
import { type Result, testsOf } from "../judge/check_module.ts";
import {
  checkChanged,
  checkYours,
  type Choice,
  doneWith,
  firstOpen,
  sayCulprit,
  sayOpen,
  standInsOf,
} from "./checking.ts";
import { moduleNamed, requireBegun, runtime, taskNamed } from "./named.ts";
import { lineOf, pointsOf, say, sayLines, showProgress, summaryOf } from "./print.ts";
import { isComplete, readProgress } from "./progress_file.ts";
import { typeErrors } from "./type_errors.ts";
import { isBegun } from "./workspace.ts";

/** What a check does. */
export interface CheckOptions {
  /** Whether it looks for type errors, too (it does). */
  readonly types?: boolean;
}

/** Checks a module; if it cannot be checked, says why, and the next one can be. */
async function checkWhole(module: CourseModule, choice: Choice): Promise<Result[]> {
  try {
    return await checkYours(module, choice);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`${module.folder.replace("_", " ")}: ${error.message}\n  ${error.hint}`);
    return [];
  }
}

/**
 * Runs tests and says what came of them.
 *
 * @param what A module or a task; all that was begun if nothing is named.
 * @param options What else is done.
 * @returns The exit code.
 */
export async function check(
  what: string | undefined,
  { types = true }: CheckOptions = {},
): Promise<number> {
  const named = what === undefined ? undefined : moduleNamed(what, "check");
  const only = what?.includes(".") ? (await taskNamed(what, "check"))[1] : undefined;
  if (named) requireBegun(named, "check");
  const chosen = named ? [named] : modules.filter(isBegun);
  if (chosen.length === 0) {
    throw new UsageError("Nothing is begun yet", `begin: ${runtime} start`);
  }
  const all: Result[] = [];
  let isWhole = true;
  for (const module of chosen) {
    await checkChanged(module);
    const standIns = standInsOf(module);
    if (standIns) say(standIns);
    let done = 0;
    const { length: total } = await testsOf(module);
    const results = await checkWhole(module, {
      only,
      onResult: (result) => {
        if (only) say(lineOf(result));
        else showProgress(`tests of ${module.number}: ${++done} of ${total}`);
      },
    });
    showProgress();
    all.push(...results);
    if (results.length === 0) {
      isWhole = false;
      continue;
    }
    say(only ? "" : summaryOf(module, results));
    if (isComplete(readProgress(), module)) sayLines(doneWith(module));
  }
  const open = firstOpen(all);
  if (open) {
    say();
    await sayOpen(open);
    const module = moduleNamed(open.task, "find");
    if (open.status !== "todo") await sayCulprit(module, open);
    const wrong = all.filter(({ status }) => status !== "passed" && status !== "todo");
    const others = new Set(wrong.map(({ task }) => task).filter((task) => task !== open.task));
    if (others.size > 0) say(`also wrong: ${[...others].join(", ")}`);
  }
  const [earned, points] = pointsOf(all);
  say(`\n${earned} of ${points} points`);
  if (types) await sayTypes(chosen);
  return open || !isWhole ? 1 : 0;
}

/** How long nothing is said of what goes on after the answer, in milliseconds. */
const patience = 300;

/** Looks for type errors, and says so if that takes a while. */
async function sayTypes(chosen: readonly CourseModule[]): Promise<void> {
  const notice = setTimeout(() => say("Looking for type errors … (Ctrl-C stops it)"), patience);
  for (const module of chosen) {
    const lines = await typeErrors(module);
    clearTimeout(notice);
    sayLines(lines);
  }
}
