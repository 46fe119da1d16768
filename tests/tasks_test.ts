/**
 * The tasks of the course and their graded tests belong together: a learner who leaves a task out
 * gets no points for it, and whatever is a task is tested.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "../course/sandbox/register.ts";
import { runStubbed, type StubbedRun, type StubbedTest } from "./project/run_stubbed.ts";
import { findTasks, type TaskBody } from "../course/content/task_bodies.ts";

const root = fromFileUrl(new URL("../", import.meta.url));

/** What belongs to one module. */
interface Module {
  /** Its folder: "01_tensor". */
  readonly folder: string;
  /** Its bodies, file by file. */
  readonly bodies: readonly (TaskBody & { readonly file: string })[];
  /** Its tasks in rising order, each once. */
  readonly tasks: readonly string[];
}

const modules: readonly Module[] = readdirSync(join(root, "modules"))
  .filter((folder) => /^\d\d_/.test(folder)).sort().map(readModule);

function readModule(folder: string): Module {
  const files = readdirSync(join(root, "modules", folder))
    .filter((file) => file.endsWith(".ts") && !file.endsWith("_test.ts")).sort();
  const bodies = files.flatMap((file) => bodiesIn(`modules/${folder}/${file}`));
  const tasks = new Set(bodies.map(({ task }) => task));
  return { folder, bodies, tasks: [...tasks].sort((a, b) => orderOf(a) - orderOf(b)) };
}

function bodiesIn(file: string): Module["bodies"] {
  try {
    return findTasks(readFileSync(join(root, file), "utf8")).map((body) => ({ ...body, file }));
  } catch (error) {
    throw new Error(`Cannot find the tasks in ${file}`, { cause: error });
  }
}

/** 01.10 comes after 01.2. */
function orderOf(task: string): number {
  const [module, number] = task.split(".").map(Number);
  return module * 1000 + number;
}

let stubbed: StubbedRun | undefined;

/** All graded tests are run once. */
function stubbedRun(): StubbedRun {
  return stubbed ??= runStubbed(root);
}

/** The graded tests of a module, or of all of them. */
function testsOf(folder = ""): readonly StubbedTest[] {
  return stubbedRun().tests.filter(({ file }) => file.startsWith(`modules/${folder}`));
}

function describe({ task, sentence }: StubbedTest): string {
  return `${task} "${sentence}"`;
}

// ── Each task is tested ──

test("every task has a graded test", () => {
  const tested = new Set(testsOf().map(({ task }) => task));
  assertEquals(modules.flatMap(({ tasks }) => tasks.filter((task) => !tested.has(task))), []);
});

test("every graded test is of a task in its own module", () => {
  const strays = modules.flatMap(({ folder, tasks }) =>
    testsOf(folder).filter(({ task }) => !tasks.includes(task)).map((test) =>
      `${describe(test)} at ${test.file}:${test.line}: there is no such task in ${folder}`
    )
  );
  assertEquals(strays, []);
});

test("every graded test passes on the reference, whatever ran before it", () => {
  const failing = testsOf().filter(({ failure }) => failure !== undefined)
    .map((test) => `${describe(test)} fails: ${test.failure}`);
  assertEquals(failing, []);
});

test("a stub fails every graded test of its task", () => {
  const passing = testsOf().filter(({ passesStubbed }) => passesStubbed)
    .map((test) => `${describe(test)} passes although ${test.task} is a stub`);
  assertEquals(passing, []);
});

test("a stub in any body of a task fails a graded test of the task", () => {
  assertEquals(stubbedRun().unnoticed, []);
});

// ── They come in order ──

test("each task can be tested when its turn comes", () => {
  const early = testsOf().filter(({ failureInTurn }) => failureInTurn !== undefined)
    .map((test) => `${describe(test)} needs a later task: ${test.failureInTurn}`);
  assertEquals(early, []);
});

interface Placed {
  readonly task: string;
  readonly file: string;
  readonly line: number;
}

/** What stands in a file after something of a later task. */
function disorderIn(list: readonly Placed[]): string[] {
  return list.slice(1).flatMap(({ task, file, line }, k) => {
    const before = list[k];
    if (before.file !== file || orderOf(before.task) <= orderOf(task)) return [];
    return [`${file}:${line}: ${task} comes after ${before.task}`];
  });
}

test("the tasks in a file come in rising order", () => {
  assertEquals(modules.flatMap(({ bodies }) => disorderIn(bodies)), []);
});

test("the graded tests of a module come in the order of their tasks", () => {
  assertEquals(modules.flatMap(({ folder }) => disorderIn(testsOf(folder))), []);
});

test("the tasks of a module are numbered without a gap", () => {
  const wrong = modules.flatMap(({ folder, tasks }) => {
    const due = tasks.map((_, k) => `${folder.slice(0, 2)}.${k + 1}`);
    const k = tasks.findIndex((task, k) => task !== due[k]);
    return k < 0 ? [] : [`${folder} has ${tasks[k]} where ${due[k]} should be`];
  });
  assertEquals(wrong, []);
});

// ── There are enough ──

test("the nine modules have 60 to 80 tasks", () => {
  const count = modules.flatMap(({ tasks }) => tasks).length;
  assert(modules.length === 9, `there are ${modules.length} modules`);
  assert(count >= 60 && count <= 80, `there are ${count} tasks`);
});

test("every module has at least 8 graded tests, worth at least 30 points", () => {
  const short = modules.flatMap(({ folder }) => {
    const tests = testsOf(folder), points = tests.reduce((sum, { points }) => sum + points, 0);
    return tests.length >= 8 && points >= 30
      ? []
      : [`${folder} has ${tests.length} graded tests, worth ${points} points`];
  });
  assertEquals(short, []);
});
