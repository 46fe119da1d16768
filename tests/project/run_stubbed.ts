/**
 * Runs the graded tests of every task: on the reference, with that one task as a stub, with each of
 * its bodies alone as one (a task may have several, such as add() and sub()), and with all tasks as
 * stubs that come after it.
 *
 * All of it happens in one process of its own, in a copy of the project where each task's body
 * first asks whether it is a stub now. That process is this file, in the copy.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { readFileSync } from "node:fs";
import process from "node:process";
import { findTasks, replaceBodies, type TaskBody } from "../../course/content/task_bodies.ts";
import type { GradedTest } from "../../course/sandbox/graded.ts";
import { runGraded } from "../../course/sandbox/strict.ts";
import { chaptersIn, loadGraded, runInChangedCopy } from "./changed_copy.ts";

/** A graded test, and what became of it. */
export interface StubbedTest extends Omit<GradedTest, "body"> {
  /** What it says on the reference, if it fails there. */
  readonly failure?: string;
  /** Whether it passes even though its task is a stub. */
  readonly passesStubbed: boolean;
  /** What it says when the tasks of its module that come later are stubs, if it fails then. */
  readonly failureInTurn?: string;
}

/** What became of all of them. */
export interface StubbedRun {
  /** The graded tests in the order of their declaration. */
  readonly tests: readonly StubbedTest[];
  /** Bodies that may be stubs without any test of their task noticing. */
  readonly unnoticed: readonly string[];
}

/**
 * Runs the graded tests of a project in a copy of it.
 *
 * @param root The project's folder.
 * @returns What became of them.
 * @throws {Error} If they could not be run.
 */
export function runStubbed(root: string): StubbedRun {
  return runInChangedCopy(
    root,
    "tests/project/run_stubbed.ts",
    [],
    (source) => replaceBodies(source, findTasks(source), throwIfStubbed),
  );
}

/** Whether something is a stub now: a task by its number, one of its bodies by its whole name. */
type IsStub = (task: string, body: string) => boolean;

/** A body's whole name: its task, its name and its line. */
function nameOf({ task, name, line }: TaskBody): string {
  return `${task} ${name} ${line}`;
}

function throwIfStubbed(source: string, body: TaskBody): string {
  const { task, name, start, end, isBlock } = body, old = source.slice(start, end);
  return `{ if (globalThis.isStub?.("${task}", "${nameOf(body)}")) ` +
    `throw new Error("${task} ${name}() is a stub"); ` +
    (isBlock ? old.slice(1) : `return ${old}; }`);
}

/** What a test says if it fails while something is a stub. */
async function failureOf(test: GradedTest, isStub?: IsStub): Promise<string | undefined> {
  Object.assign(globalThis, { isStub });
  return await runGraded(test).then(() => undefined, String);
}

/** Whether a task comes after another one of its module. */
function isAfter(task: string, other: string): boolean {
  const [module, number] = task.split("."), [otherModule, otherNumber] = other.split(".");
  return module === otherModule && Number(number) > Number(otherNumber);
}

/** Runs the graded tests of the copy that this file is in. */
async function main(): Promise<void> {
  const root = fromFileUrl(new URL("../../", import.meta.url)), results: StubbedTest[] = [];
  const declared = await loadGraded(root);
  for (const test of declared) {
    const { body: _, ...declaration } = test, failure = await failureOf(test);
    const passesStubbed = await failureOf(test, (task) => task === test.task) === undefined;
    const failureInTurn = await failureOf(test, (task) => isAfter(task, test.task));
    results.push({ ...declaration, failure, passesStubbed, failureInTurn });
  }
  const unnoticed: string[] = [];
  const bodies = chaptersIn(root).flatMap((file) =>
    findTasks(readFileSync(join(root, file), "utf8"))
  );
  for (const body of bodies) {
    const name = nameOf(body), own = declared.filter(({ task }) => task === body.task);
    let noticed = false;
    for (const test of own) {
      noticed ||= await failureOf(test, (_, other) => other === name) !== undefined;
    }
    if (!noticed) unnoticed.push(name);
  }
  process.stdout.write(JSON.stringify({ tests: results, unnoticed }));
}

if (import.meta.main) await main();
