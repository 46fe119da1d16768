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
import { errorOf } from "./expect_error.ts";
import { fromNested, isTensor, type TensorLike } from "./expect_tensor.ts";

/** An error as plain values. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
}

/** What a check was given, as plain values. */
export type Check =
  | {
    readonly kind: "tensor";
    readonly actual: unknown;
    readonly expected: TensorLike;
    readonly tolerance: number;
    readonly about?: About;
  }
  | { readonly kind: "equal" | "same"; readonly actual: unknown; readonly expected: unknown }
  | {
    readonly kind: "error";
    readonly actual: Thrown | null;
    readonly message: string;
    readonly name?: string;
  }
  | { readonly kind: "condition"; readonly holds: boolean; readonly sentence: string };

/** All that a test showed. */
export interface Observation {
  readonly checks: readonly Check[];
  /** What ended it early. */
  readonly thrown?: Thrown;
}

/** Ends a test that cannot go on, since an error that it needs was not thrown. */
class Ended extends Error {}

/**
 * Runs a graded test.
 *
 * @param test The test.
 * @param seed Where its random numbers come from.
 * @returns What its checks were given.
 */
export async function observe(test: GradedTest, seed?: string): Promise<Observation> {
  const checks: Check[] = [];
  const note = (check: Check): unknown => checks.push(check);
  const taking: Checks = {
    expectTensor: (actual, expected, tolerance = usualTolerance, about) =>
      note({
        kind: "tensor",
        actual: plain(actual),
        expected: plain(isTensor(expected) ? expected : fromNested(expected)) as TensorLike,
        tolerance,
        about: plain(about) as About | undefined,
      }),
    expectEqual: (actual, expected) =>
      note({ kind: "equal", actual: plain(actual), expected: plain(expected) }),
    expectSame: (one, other) => note({ kind: "same", actual: plain(one), expected: plain(other) }),
    expectError(body, message, name): Error {
      const error = errorOf(body);
      note({ kind: "error", actual: error ? thrownFrom(error) : null, message, name });
      if (error) return error;
      throw new Ended();
    },
    expect: (holds, sentence) =>
      note({ kind: "condition", holds: holds === true, sentence: `${sentence}` }),
  };
  try {
    await test.body(createContext(test, seed, taking));
  } catch (error) {
    if (!(error instanceof Ended)) return { checks, thrown: thrownFrom(error) };
  }
  return { checks };
}

/** An error, or whatever was thrown, as plain values. */
export function thrownFrom(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: "Error", message: `${error} was thrown` };
  const { name, message, stack } = error, hint = "hint" in error ? error.hint : undefined;
  return {
    name: `${name}`,
    message: `${message}`,
    ...(typeof hint === "string" ? { hint } : {}),
    stack: `${stack}`,
  };
}

/** The most that one value of a check may hold. */
const maxNodes = 1_000_000;

/**
 * Copies a value into what can be sent: numbers, texts, lists, tables and plain objects. A tensor
 * is its numbers and its shape, an object of a class its fields.
 */
export function plain(value: unknown): unknown {
  let nodes = 0;
  const around: unknown[] = [];
  return copy(value);

  function copy(value: unknown): unknown {
    if (++nodes > maxNodes) throw new RangeError("Cannot compare this value: it is too large");
    if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
    if (typeof value !== "object" || value === null) return value;
    if (around.includes(value)) return "itself";
    if (value instanceof Error) return thrownFrom(value);
    if (ArrayBuffer.isView(value)) return structuredClone(value);
    around.push(value);
    const copied = copyObject(value);
    around.pop();
    return copied;
  }

  function copyObject(value: object): unknown {
    if (isTensor(value)) return { data: copy(value.data), shape: copy(value.shape) };
    if (Array.isArray(value)) return value.map(copy);
    if (value instanceof Map) return new Map([...value].map(([k, v]) => [copy(k), copy(v)]));
    if (value instanceof Set) return new Set([...value].map(copy));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
  }
}
