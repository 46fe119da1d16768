/**
 * Runs a graded test without judging it: takes down what each check was given. It runs on both
 * sides, with the learner's modules where nobody is trusted, and with the reference where the
 * verdict is made.
 *
 * @module
 */
import {
  type About,
  type Checks,
  createContext,
  type GradedTest,
  usualTolerance,
} from "./context.ts";
import { errorOf, type Mention } from "./expect_error.ts";
import { fromNested, isTensor, type TensorLike } from "./expect_tensor.ts";
import { plain, type Thrown, thrownFrom } from "./plain.ts";
export type { Thrown } from "./plain.ts";

/** What a check was given, as plain values. */
export type Check =
  | {
    readonly kind: "tensor";
    readonly actual: unknown;
    readonly expected: TensorLike;
    readonly tolerance: number;
    readonly about?: About;
  }
  | {
    readonly kind: "equal" | "same";
    readonly actual: unknown;
    readonly expected: unknown;
    readonly name?: string;
  }
  | {
    readonly kind: "error";
    readonly actual: Thrown | null;
    /** The class that it must be of. */
    readonly name: string;
    /** What its message must mention. */
    readonly mentions: readonly Mention[];
  }
  | { readonly kind: "condition"; readonly holds: boolean; readonly sentence: string };

/** All that a test showed. */
export interface Observation {
  readonly checks: readonly Check[];
  /** What ended it early. */
  readonly thrown?: Thrown;
}

/** Where in a test something happened: the stack of an error made there says it. */
export interface Trace {
  /** At each check. */
  readonly checks: Error[];
  /** At each call for random numbers: the numbers, and how many checks came before. */
  readonly draws: {
    readonly at: Error;
    readonly drawn: unknown;
    readonly checksBefore: number;
  }[];
}

/** The most checks that a test may make: twenty times what any does. */
const maxChecks = 1000;

/** Ends a test that cannot go on, since an error that it needs was not thrown. */
class Ended extends Error {}

/**
 * Runs a graded test.
 *
 * @param test The test.
 * @param seed Where its random numbers come from.
 * @param trace Takes down where it all happened, where that is wanted.
 * @returns What its checks were given.
 */
export async function observe(
  test: GradedTest,
  seed?: string,
  trace?: Trace,
): Promise<Observation> {
  const checks: Check[] = [];
  const note = (check: Check): void => {
    if (checks.push(check) > maxChecks) throw new RangeError("Cannot go on: too much to compare");
    trace?.checks.push(new Error());
  };
  const onDraw = trace &&
    ((drawn: unknown) =>
      void trace.draws.push({ at: new Error(), drawn, checksBefore: checks.length }));
  const taking: Checks = {
    expectTensor: (actual, expected, tolerance = usualTolerance, about) =>
      note({
        kind: "tensor",
        actual: plain(actual),
        expected: plain(isTensor(expected) ? expected : fromNested(expected)) as TensorLike,
        tolerance,
        about: plain(typeof about === "string" ? { name: about } : about) as About | undefined,
      }),
    expectEqual: (actual, expected, name) =>
      note({ kind: "equal", actual: plain(actual), expected: plain(expected), name }),
    expectSame: (one, other, name) =>
      note({ kind: "same", actual: plain(one), expected: plain(other), name }),
    expectError(body, name, mentions = []): Error {
      const error = errorOf(body);
      note({ kind: "error", actual: error ? thrownFrom(error) : null, name, mentions });
      if (error) return error;
      throw new Ended();
    },
    expect: (holds, sentence) =>
      note({ kind: "condition", holds: holds === true, sentence: `${sentence}` }),
  };
  try {
    await test.body(createContext(test, seed, taking, onDraw));
  } catch (error) {
    if (!(error instanceof Ended)) return { checks, thrown: thrownFrom(error) };
  }
  return { checks };
}
