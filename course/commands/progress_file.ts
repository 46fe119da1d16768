/**
 * What is remembered between commands: which tests passed on which state of the files, which hints
 * were seen. The file may be deleted or damaged; what matters is found again by running the tests.
 *
 * @module
 */
import { join } from "@std/path";
import { existsSync, readFileSync } from "node:fs";
import { UsageError } from "../arguments.ts";
import { type CourseModule, modules } from "../content/course.ts";
import { oneAtATime, writeWhole } from "../files.ts";
import type { Result } from "../judge/check_module.ts";
import { hashOfModule, isBegun, kept, workspace } from "./workspace.ts";

/** A test that passed, as it is written down: "01.5 matmul() fills each cell …". */
type Passed = string;

/** The progress file. */
export interface Progress {
  readonly version: 1;
  /** By module: the tests that passed, and the state of its files when they did. */
  readonly modules: Record<string, { hash: string; passed: readonly Passed[]; all: boolean }>;
  /** Tests that passed at some time. */
  readonly everPassed: readonly Passed[];
  /** By task: how many hints were shown. */
  readonly hints: Record<string, number>;
  /** By task: how it failed last, and how often in a row. */
  readonly failures: Record<string, { signature: string; times: number }>;
  /** Tasks whose solution was looked at before they passed. */
  readonly spoiled: readonly string[];
}

const path = join(workspace, "progress.json"), lock = join(kept, "lock");

const nothing: Progress = {
  version: 1,
  modules: {},
  everPassed: [],
  hints: {},
  failures: {},
  spoiled: [],
};

/** Says what happened to a file that cannot be read. */
export type Notice = (text: string) => void;

/** Reads the file. If it is damaged, all begins anew. */
export function readProgress(notice: Notice = () => {}): Progress {
  if (!existsSync(path)) return nothing;
  const found = parse();
  if (found) return found;
  notice(
    "Cannot read workspace/progress.json: it is damaged, or from another version of the course\n" +
      "  Your code is untouched, and a check writes it anew; the old one becomes progress.json.damaged",
  );
  return nothing;
}

function parse(): Progress | undefined {
  try {
    const found: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isProgress(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Changes what is remembered. Another command may be doing so at the same time: each begins with
 * what the one before has written.
 *
 * @param change Gives what is known now.
 * @param notice Is told if the file was damaged, or cannot be written.
 */
export function updateProgress(change: (before: Progress) => Progress, notice?: Notice): void {
  oneAtATime(lock, () => {
    const before = readProgress(notice), after = change(before);
    try {
      if (isDamaged()) writeWhole(`${path}.damaged`, readFileSync(path, "utf8"));
      writeWhole(path, `${JSON.stringify(after, null, 2)}\n`);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      notice?.(`${error.message}\n  This command goes on, but nothing of it is remembered`);
    }
  });
}

/** Whether there is a file that cannot be understood. */
function isDamaged(): boolean {
  return existsSync(path) && parse() === undefined;
}

function isProgress(value: unknown): value is Progress {
  if (!isTable(value) || value.version !== 1 || !isTable(value.modules)) return false;
  return Object.values(value.modules).every((entry) =>
    isTable(entry) && typeof entry.hash === "string" && isTexts(entry.passed) &&
    typeof entry.all === "boolean"
  ) && isTexts(value.everPassed) && isTexts(value.spoiled) &&
    isTable(value.hints) && Object.values(value.hints).every(Number.isInteger) &&
    isTable(value.failures) &&
    Object.values(value.failures).every((entry) =>
      isTable(entry) && typeof entry.signature === "string" && Number.isInteger(entry.times)
    );
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

/** Whether all tests of a module passed on the files as they are now. */
export function isComplete(progress: Progress, module: CourseModule): boolean {
  const entry = progress.modules[module.folder];
  return isBegun(module) && entry?.all === true && entry.hash === hashOfModule(module);
}

/** Whether all tests of a module passed, but on files that have changed since. */
export function isChanged(progress: Progress, module: CourseModule): boolean {
  const entry = progress.modules[module.folder];
  return isBegun(module) && entry?.all === true && entry.hash !== hashOfModule(module);
}

/** The modules that a later one may be built on: begun and complete. */
export function completeModules(progress: Progress): CourseModule[] {
  return modules.filter((module) => isComplete(progress, module));
}

/** A test's name in the file. */
export function nameOf({ task, sentence }: Pick<Result, "task" | "sentence">): Passed {
  return `${task} ${sentence}`;
}

/**
 * Notes what came of running the tests of a module, or those of one task.
 *
 * @param progress What was known before.
 * @param module The module.
 * @param results What came of the tests that ran.
 * @param total How many tests the module has.
 * @param shown The task of which a failure is shown; those of others are not counted as seen.
 * @returns What is known now.
 */
export function noteResults(
  progress: Progress,
  module: CourseModule,
  results: readonly Result[],
  total: number,
  shown: string | undefined,
): Progress {
  const ran = new Set(results.map(nameOf)), hash = hashOfModule(module);
  const passed = results.filter(({ status }) => status === "passed").map(nameOf);
  const before = progress.modules[module.folder];
  const kept = before?.passed.filter((name) => !ran.has(name)) ?? [];
  // What passed on other files may not pass on these.
  const valid = before?.hash === hash ? kept.length + passed.length : passed.length;
  const entry = { hash, passed: [...kept, ...passed], all: valid === total };
  const failures = { ...progress.failures };
  for (const task of new Set(results.map(({ task }) => task))) {
    const first = results.find((one) =>
      one.task === task && one.status !== "passed" && one.status !== "todo"
    );
    if (!first) {
      delete failures[task];
      continue;
    }
    const signature = `${first.sentence} ${first.status} ${first.message}`.slice(0, 300);
    const last = failures[task], before = last?.signature === signature ? last.times : 0;
    failures[task] = { signature, times: before + (task === shown ? 1 : 0) };
  }
  return {
    ...progress,
    modules: { ...progress.modules, [module.folder]: entry },
    everPassed: [...new Set([...progress.everPassed, ...passed])],
    failures,
  };
}
