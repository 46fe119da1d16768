/**
 * Runs the graded tests of every task: on the reference, with that one task as a stub, and with each
 * of its bodies alone as one (a task may have several, such as add() and sub()).
 *
 * All of it happens in one process of its own, in a copy of the project where each task's body
 * first asks whether it is the stub now. That process is this file, in the copy.
 *
 * @module
 */
import { fromFileUrl, join, toFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { findTasks, replaceBodies, type TaskBody } from "../../course/content/task_bodies.ts";
import { declared, type GradedTest, listOnly } from "../../course/sandbox/graded.ts";
import { runGraded } from "../../course/sandbox/strict.ts";
import { inFolder } from "./in_folder.ts";

/** A graded test, and what became of it. */
export interface StubbedTest extends Omit<GradedTest, "body"> {
  /** What it says on the reference, if it fails there. */
  readonly failure?: string;
  /** Whether it passes even though its task is a stub. */
  readonly passesStubbed: boolean;
}

/** What became of all of them. */
export interface StubbedRun {
  /** The graded tests in the order of their declaration. */
  readonly tests: readonly StubbedTest[];
  /** Bodies that may be stubs without any test of their task noticing. */
  readonly unnoticed: readonly string[];
}

/** What the copy needs beside the modules. */
const parts = [
  "course",
  "modules",
  "tests/project",
  "deno.json",
  "package.json",
  "tsconfig.json",
];

/**
 * Runs the graded tests of a project in a copy of it.
 *
 * @param root The project's folder.
 * @returns What became of them.
 * @throws {Error} If they could not be run.
 */
export function runStubbed(root: string): StubbedRun {
  return inFolder((folder) => {
    for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true });
    for (const file of sourcesIn(folder, false)) {
      const source = readFileSync(file, "utf8");
      writeFileSync(file, replaceBodies(source, findTasks(source), throwIfStubbed));
    }
    const flags = process.versions.deno ? ["--no-prompt", "--allow-read"] : [];
    const args = ["run", ...flags, join(folder, "tests/project/run_stubbed.ts")];
    const run = spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: "utf8",
      timeout: 60_000,
    });
    if (run.status !== 0) throw new Error(`Cannot run the graded tests:\n${run.stderr}`);
    return JSON.parse(run.stdout);
  });
}

/** The files of the modules in a folder: the graded tests, or the others. */
function sourcesIn(root: string, tests: boolean): string[] {
  return readdirSync(join(root, "modules"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && name.endsWith("_test.ts") === tests)
    .map((name) => join(root, "modules", name)).sort();
}

/** A task is stubbed by its number, one of its bodies by number, name and line. */
function throwIfStubbed(
  source: string,
  { task, name, line, start, end, isBlock }: TaskBody,
): string {
  const condition = `["${task}", "${task} ${name} ${line}"].includes(globalThis.stubbed)`;
  const old = source.slice(start, end);
  return `{ if (${condition}) throw new Error("${task} ${name}() is a stub"); ` +
    (isBlock ? old.slice(1) : `return ${old}; }`);
}

/** What a test says if it fails while something is a stub. */
async function failureOf(test: GradedTest, stubbed?: string): Promise<string | undefined> {
  Object.assign(globalThis, { stubbed });
  return await runGraded(test).then(() => undefined, String);
}

/** The bodies of all tasks, as throwIfStubbed() calls them. */
function bodiesIn(root: string): string[] {
  return sourcesIn(root, false).flatMap((file) =>
    findTasks(readFileSync(file, "utf8")).map(({ task, name, line }) => `${task} ${name} ${line}`)
  );
}

/** Runs the graded tests of the copy that this file is in. */
async function main(): Promise<void> {
  const root = fromFileUrl(new URL("../../", import.meta.url)), results: StubbedTest[] = [];
  listOnly();
  for (const file of sourcesIn(root, true)) await import(toFileUrl(file).href);
  for (const test of declared) {
    const { body: _, ...declaration } = test, failure = await failureOf(test);
    const passesStubbed = await failureOf(test, test.task) === undefined;
    results.push({ ...declaration, failure, passesStubbed });
  }
  const unnoticed: string[] = [];
  for (const body of bodiesIn(root)) {
    const own = declared.filter(({ task }) => task === body.split(" ")[0]);
    let noticed = false;
    for (const test of own) noticed ||= await failureOf(test, body) !== undefined;
    if (!noticed) unnoticed.push(body);
  }
  process.stdout.write(JSON.stringify({ tests: results, unnoticed }));
}

if (import.meta.main) await main();
