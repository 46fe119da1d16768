/**
 * Runs a graded test as an ordinary test, with checks that throw at once. The grader takes down what
 * the checks were given instead, so this file does not go beside a learner's code.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { AssertionError } from "./assertion_error.ts";
import { type Checks, createContext, type GradedTest, usualTolerance } from "./context.ts";
import { errorOf, type Mention, wrongError } from "./expect_error.ts";
import { expectTensor } from "./expect_tensor.ts";

/**
 * Runs a graded test once, with a fresh context.
 *
 * @param test The test.
 * @returns A promise that rejects if the sentence does not hold; the error's last line says where
 * the test was declared.
 */
export async function runGraded(test: GradedTest): Promise<void> {
  try {
    await test.body(createContext(test, undefined, strictChecks));
  } catch (error) {
    // Thrown again, Bun would show this line and not the one that failed.
    return Promise.reject(withPlace(error, test));
  }
}

/** Checks that throw at once. */
export const strictChecks: Checks = {
  expectTensor: (actual, expected, tolerance = usualTolerance) =>
    expectTensor(actual, expected, tolerance),
  expectError,
  expectEqual: (actual, expected) => assertEquals(actual, expected),
  expectSame: (one, other) => assertEquals(one, other),
  expect(condition, sentence): void {
    if (!condition) throw new AssertionError(sentence);
  },
};

function expectError(
  body: () => unknown,
  name: string,
  mentions: readonly Mention[] = [],
): Error {
  const error = errorOf(body), wrong = wrongError(error, name, mentions);
  if (error && wrong === undefined) return error;
  throw new AssertionError(wrong ?? "", { cause: error });
}

/** The same error, so that its kind and its stack stay, with one line more in its message. */
function withPlace(error: unknown, { file, line }: GradedTest): unknown {
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
