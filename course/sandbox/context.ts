/**
 * What the body of a graded test is given: random numbers that are the same in every run, and the
 * checks, which throw at once or take down what is to be judged elsewhere.
 *
 * @module
 */
import type { Mention } from "./expect_error.ts";
import type { TensorLike } from "./expect_tensor.ts";
import { fill, type Grid, type Nested, normalFrom, uniformFrom } from "./seeded.ts";

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
    about?: About | string,
  ): void;
  /** Fails unless `body` throws an error of this class that mentions all of this; returns it. */
  expectError(body: () => unknown, ErrorName: string, mentions?: readonly Mention[]): Error;
  /** Fails if `body` changes what it is given, by name; gives what `body` gives. */
  expectUnchanged<T>(given: Readonly<Record<string, TensorLike>>, body: () => T): T;
  /**
   * Fails unless both have the same structure; what is expected must not come from a task. A message
   * names the value by its expression in the test, unless `name` is given.
   */
  expectEqual<T>(actual: T, expected: T, name?: string): void;
  /** Fails unless both have the same structure, where either may come from a task. */
  expectSame<T>(one: T, other: T, name?: string): void;
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

/** How far a value may be off, unless a test says otherwise. */
export const usualTolerance = 1e-5;

/**
 * Makes what a graded test gets.
 *
 * @param test The test: its random numbers come from its task and its sentence,
 * @param seed and from this.
 * @param checks What its checks do.
 * @param onDraw Is told of all random numbers that the test asks for.
 * @returns A context whose numbers start anew.
 */
export function createContext(
  { task, sentence }: Pick<GradedTest, "task" | "sentence">,
  seed: string | undefined,
  checks: Checks,
  onDraw: (drawn: unknown) => void = () => {},
): GradedContext {
  const draw = uniformFrom(`${task} ${sentence}`, seed);
  function integer(low: number, high: number): number {
    return low + Math.floor(draw() * (high - low + 1));
  }
  function told<T>(drawn: T): T {
    onDraw(drawn);
    return drawn;
  }
  return {
    normal: (shape) => told(fill(shape, () => normalFrom(draw))),
    uniform: (shape, low = 0, high = 1) => told(fill(shape, () => low + draw() * (high - low))),
    integer: (low, high) => told(integer(low, high)),
    integers: (count, low, high) => told(Array.from({ length: count }, () => integer(low, high))),
    ...checks,
    expectUnchanged<T>(given: Readonly<Record<string, TensorLike>>, body: () => T): T {
      const before = Object.entries(given).map(([name, tensor]) => {
        return { name, tensor, data: Array.from(tensor.data), shape: [...tensor.shape] };
      });
      const made = body();
      for (const { name, tensor, data, shape } of before) {
        checks.expectTensor(tensor, { data, shape }, 0, { name: `${name} afterwards` });
      }
      return made;
    },
  };
}
