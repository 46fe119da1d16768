/**
 * Graded tests: a task of the course, its points, and a sentence that must hold. They run as
 * ordinary tests under `deno test` and `bun test`, and the grader reads the list of them.
 *
 * @module
 */
import { assertEquals, AssertionError } from "@std/assert";
import { errorOf, wrongError } from "./expect_error.ts";
import { expectTensor, type TensorLike } from "./expect_tensor.ts";
import { test } from "./register.ts";
import { fill, type Grid, type Nested, normalFrom, uniformFrom } from "./seeded.ts";

export type { TensorLike } from "./expect_tensor.ts";
export type { Grid, Nested } from "./seeded.ts";

/** What a graded test gets: its own random numbers, the same in every run, and its checks. */
export interface GradedContext {
  /** Lists of bell-shaped numbers with mean 0 and variance 1. */
  normal<const S extends readonly number[]>(shape: S): Grid<S>;
  /** Lists of numbers from `low` (0) to `high` (1). */
  uniform<const S extends readonly number[]>(shape: S, low?: number, high?: number): Grid<S>;
  /** A whole number from `low` to `high`, both included. */
  integer(low: number, high: number): number;
  /** A list of such numbers. */
  integers(count: number, low: number, high: number): number[];
  /** Fails unless the shapes are equal and the values within tolerance · max(1, |expected|). */
  expectTensor(
    actual: TensorLike,
    expected: TensorLike | Nested,
    tolerance?: number,
    about?: About,
  ): void;
  /** Fails unless `body` throws an error with exactly this message; returns the error. */
  expectError(body: () => unknown, message: string, ErrorName?: string): Error;
  /** Fails unless both have the same structure; what is expected must not come from a task. */
  expectEqual<T>(actual: T, expected: T): void;
  /** Fails unless both have the same structure, where either may come from a task. */
  expectSame<T>(one: T, other: T): void;
  /** Fails with the sentence unless the condition holds. */
  expect(condition: boolean, sentence: string): void;
}

/** The checks among it: they throw at once, or take down what is to be judged elsewhere. */
export type Checks = Pick<
  GradedContext,
  "expectTensor" | "expectError" | "expectEqual" | "expectSame" | "expect"
>;

/** What a tensor is that is checked, for messages. */
export interface About {
  /** Its name: "Conv2d.weight". */
  readonly name: string;
  /** If it is a gradient, what it is the gradient of. */
  readonly of?: TensorLike;
}

/** A graded test as it was declared. */
export interface GradedTest {
  /** Module and number: "01.5". */
  readonly task: string;
  /** What it is worth. */
  readonly points: number;
  /** What must hold. */
  readonly sentence: string;
  /** Where it was declared, relative to the repository if it is inside. */
  readonly file: string;
  /** The line of the declaration, from 1. */
  readonly line: number;
  /** Throws or rejects if the sentence does not hold. */
  readonly body: (t: GradedContext) => void | Promise<void>;
}

/** A line of a file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** How far a value may be off, unless a test says otherwise. */
export const usualTolerance = 1e-5;

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
    () => runGraded(declaration),
  );
}

/**
 * Runs a graded test once, with a fresh context.
 *
 * @param test The test.
 * @returns A promise that rejects if the sentence does not hold; the error's last line says where
 * the test was declared.
 */
export async function runGraded(test: GradedTest): Promise<void> {
  try {
    await test.body(createContext(test));
  } catch (error) {
    // Thrown again, Bun would show this line and not the one that failed.
    return Promise.reject(withPlace(error, test));
  }
}

/** Checks that throw at once. */
const strictChecks: Checks = {
  expectTensor: (actual, expected, tolerance = usualTolerance) =>
    expectTensor(actual, expected, tolerance),
  expectError,
  expectEqual: (actual, expected) => assertEquals(actual, expected),
  expectSame: (one, other) => assertEquals(one, other),
  expect(condition, sentence): void {
    if (!condition) throw new AssertionError(sentence);
  },
};

/**
 * Makes what a graded test gets.
 *
 * @param test The test: its random numbers come from its task and its sentence,
 * @param seed and from this.
 * @param checks What its checks do; by default they throw.
 * @returns A context whose numbers start anew.
 */
export function createContext(
  { task, sentence }: Pick<GradedTest, "task" | "sentence">,
  seed?: string,
  checks: Checks = strictChecks,
): GradedContext {
  const draw = uniformFrom(`${task} ${sentence}`, seed);
  function integer(low: number, high: number): number {
    return low + Math.floor(draw() * (high - low + 1));
  }
  return {
    normal: (shape) => fill(shape, () => normalFrom(draw)),
    uniform: (shape, low = 0, high = 1) => fill(shape, () => low + draw() * (high - low)),
    integer,
    integers: (count, low, high) => Array.from({ length: count }, () => integer(low, high)),
    ...checks,
  };
}

function expectError(body: () => unknown, message: string, ErrorName?: string): Error {
  const error = errorOf(body), wrong = wrongError(error, message, ErrorName);
  if (error && wrong === undefined) return error;
  throw new AssertionError(wrong ?? "", { cause: error });
}

/** The same error, so that its kind and its stack stay, with one line more in its message. */
function withPlace(error: unknown, { file, line }: Place): unknown {
  const place = `declared at ${file}:${line}`;
  if (!(error instanceof Error)) {
    return new AssertionError(`${error} was thrown\n${place}`, { cause: error });
  }
  const message = `${error.message.replace(/\ndeclared at .*:\d+$/, "")}\n${place}`;
  try {
    error.message = message;
    return error;
  } catch { // a frozen error
    return new Error(message, { cause: error });
  }
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
