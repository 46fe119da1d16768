/**
 * Seeds bugs that are switched on one after the other, runs the tests of each bug's own task, and
 * judges them as a learner's. All of it happens in one process, in a copy of the project where a body
 * with bugs asks which of them it has now; that process is this file, in the copy. There is no
 * sandbox: run_mutants.ts is the way of a learner's files.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import process from "node:process";
import { findTasks, replaceBodies, type TaskBody } from "../../course/content/task_bodies.ts";
import { judge } from "../../course/judge/judge.ts";
import type { GradedTest } from "../../course/sandbox/graded.ts";
import { type Observation, observe } from "../../course/sandbox/recording.ts";
import { loadGraded, runInChangedCopy } from "../project/changed_copy.ts";
import { type Caught, caughtBy } from "./caught.ts";
import { mutants, withBug } from "./mutants.ts";

/** Whether a bug can be switched: it is inside of a body, not around it. */
export function canBeSwitched(bug: number): boolean {
  return mutants[bug][1] !== "";
}

/**
 * Seeds bugs and runs the tests of their tasks.
 *
 * @param root The project's folder.
 * @param bugs Their numbers in the table; each can be switched.
 * @returns What came of each, by its number.
 * @throws {Error} If a bug is not in exactly one body, or the tests could not be run.
 */
export function runSwitched(root: string, bugs: readonly number[]): Map<number, Caught> {
  const found = new Map<number, Caught>();
  while (found.size < bugs.length) {
    const waiting = bugs.filter((bug) => !found.has(bug)), seeded: number[] = [];
    const results: [number, Caught][] = runInChangedCopy(
      root,
      "tests/mutants/run_switched.ts",
      waiting.map(String),
      (source) =>
        replaceBodies(source, findTasks(source), (source, body) => {
          const own = bugs.filter((bug) => isIn(body, bug));
          seeded.push(...own);
          return switched(source.slice(body.start, body.end), body, own);
        }),
    );
    assertEquals(seeded.toSorted((a, b) => a - b), [...bugs], "each is in one body");
    for (const [bug, caught] of results) found.set(bug, caught);
  }
  return found;
}

function isIn(body: TaskBody, bug: number): boolean {
  const [task, name] = mutants[bug];
  return task === body.task && name === body.name;
}

/** A body that has the bug in it whose number is in `globalThis.bug`. */
function switched(body: string, { isBlock }: TaskBody, bugs: readonly number[]): string {
  return bugs.reduce((all, bug) => {
    const wrong = withBug(mutants[bug], body), is = `globalThis.bug === ${bug}`;
    return isBlock
      ? `{ if (${is}) { ${wrong.slice(1, -1)}\nreturn; } ${all.slice(1)}`
      : `(${is} ? (${wrong}) : (${all}))`;
  }, body);
}

/** What a test shows while a bug is in it; none by default. */
async function show(test: GradedTest, bug?: number): Promise<Observation> {
  Object.assign(globalThis, { bug });
  const observation = await observe(test);
  Object.assign(globalThis, { bug: undefined });
  return observation;
}

/**
 * Runs the tests in the copy that this file is in. A bug may leave something behind, such as a
 * process that no longer records: as soon as the reference fails a test, the bugs that are left are
 * for another process.
 */
async function main(): Promise<void> {
  const declared = await loadGraded(fromFileUrl(new URL("../../", import.meta.url)));
  const results: [number, Caught][] = [];
  for (const bug of process.argv.slice(2).map(Number)) {
    const tests = declared.filter(({ task }) => task === mutants[bug][0]);
    const rights: Observation[] = [], wrongs: Observation[] = [];
    for (const test of tests) rights.push(await show(test));
    const odd = rights.findIndex((right) => judge(right, right).status !== "passed");
    if (odd >= 0 && results.length > 0) break;
    if (odd >= 0) throw new Error(`The reference fails ${tests[odd].sentence}`);
    for (const test of tests) wrongs.push(await show(test, bug));
    const judged = tests.map(({ sentence, points }, k) => ({
      sentence,
      points,
      ...judge(wrongs[k], rights[k]),
    }));
    results.push([bug, caughtBy(mutants[bug], judged)]);
  }
  process.stdout.write(JSON.stringify(results), () => process.exit(0));
}

if (import.meta.main) await main();
