/**
 * Graded tests: a task of the course, its points, and a sentence that must hold. They run as
 * ordinary tests under `deno test` and `bun test`, and the grader reads the list of them.
 *
 * @module
 */
import type { GradedContext, GradedTest } from "./context.ts";
import { test } from "./register.ts";

export type { GradedContext, GradedTest } from "./context.ts";
export type { TensorLike } from "./expect_tensor.ts";
export type { Grid, Nested } from "./seeded.ts";

/** A line of a file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

const tests: GradedTest[] = [];

/** The graded tests of all files imported so far, in order. */
export const declared: readonly GradedTest[] = tests;

let onlyListed = false;

/** From now on graded tests are listed and not handed to a test runner: the grader runs them. */
export function listOnly(): void {
  onlyListed = true;
}

const thisFile = toPath(import.meta.url);
const root = thisFile.slice(0, -"course/sandbox/graded.ts".length);

/**
 * Declares a graded test.
 *
 * @param task Module and number of the task: "01.5".
 * @param points What the test is worth, a whole number of at least 1.
 * @param sentence What must hold: "matmul() fills each cell with a row-by-column sum".
 * @param body Throws or rejects if it does not.
 * @throws {TypeError} If the task, the points or the sentence are not of that form.
 */
export function graded(
  task: string,
  points: number,
  sentence: string,
  body: (t: GradedContext) => void | Promise<void>,
): void {
  if (!/^\d\d\.[1-9]\d*$/.test(task)) {
    throw new TypeError(
      `Cannot declare a graded test: its task must look like "01.5", "${task}" does not`,
    );
  }
  if (!Number.isInteger(points) || points < 1) {
    throw new TypeError(
      `Cannot declare a graded test of ${task}: points must be a whole number of at least 1, ` +
        `${points} is not`,
    );
  }
  if (sentence.trim() === "") {
    throw new TypeError(`Cannot declare a graded test of ${task}: its sentence must not be empty`);
  }
  const place = placeOfCaller(new Error().stack ?? "");
  const declaration: GradedTest = { task, points, sentence, ...place, body };
  tests.push(declaration);
  if (onlyListed) return;
  test(
    `${task} ${sentence} (${points} ${points === 1 ? "point" : "points"})`,
    async () => {
      const { runGraded } = await import("./strict.ts"); // not there beside a learner's code
      return runGraded(declaration);
    },
  );
}

/**
 * Finds who called into this file.
 *
 * @param stack The stack of an error made in this file.
 * @returns The first line of another file.
 */
export function placeOfCaller(stack: string): Place {
  const places = stack.split("\n").map(placeOfFrame).filter((place) => place !== undefined);
  const place = places.find(({ file }) => file !== thisFile) ??
    { file: "an unknown file", line: 0 };
  return { ...place, file: relativeTo(root, place.file) };
}

/**
 * Reads one line of a stack as Deno or Bun writes it, on any system:
 * `at f (file:///C:/a/b.ts:12:3)`, `at /a/b.ts:12:3`.
 *
 * @param frame The line.
 * @returns The file's path, with slashes, and the line in it; nothing if the frame has no file.
 */
export function placeOfFrame(frame: string): Place | undefined {
  const match = frame.match(
    /^\s*at (?:.*? \(|async )?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+)(?::\d+)?\)?$/,
  );
  return match ? { file: toPath(match[1]), line: Number(match[2]) } : undefined;
}

/** A path with slashes, from a path or a file URL of any system. */
function toPath(file: string): string {
  if (!file.startsWith("file://")) return file.replaceAll("\\", "/");
  const path = decodeURIComponent(file.slice("file://".length));
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path;
}

function relativeTo(folder: string, file: string): string {
  return file.startsWith(folder) ? file.slice(folder.length) : file;
}
