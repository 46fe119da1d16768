/**
 * Graded tests: a task of the course, its points, and a sentence that must hold. They run as
 * ordinary tests under `deno test` and `bun test`, and the grader reads the list of them.
 *
 * @module
 */
import type { GradedContext, GradedTest } from "./context.ts";
import { placeOfCaller } from "./places.ts";
import { test } from "./register.ts";

export type { GradedContext, GradedTest } from "./context.ts";
export type { TensorLike } from "./expect_tensor.ts";
export type { Grid, Nested } from "./seeded.ts";

const tests: GradedTest[] = [];

/** The graded tests of all files imported so far, in order. */
export const declared: readonly GradedTest[] = tests;

let onlyListed = false;

/** From now on graded tests are listed and not handed to a test runner: the grader runs them. */
export function listOnly(): void {
  onlyListed = true;
}

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
  const here = new Error();
  // A stack takes long to be written down, and where nobody asks for the place it never is.
  const declaration: GradedTest = {
    task,
    points,
    sentence,
    get file() {
      return placeOfCaller(here.stack ?? "").file;
    },
    get line() {
      return placeOfCaller(here.stack ?? "").line;
    },
    body,
  };
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
