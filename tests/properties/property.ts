/**
 * What must hold for every random case, and how it is told when it does not.
 *
 * @module
 */
import process from "node:process";
import { gradients, leaf } from "#autograd";
import { Tensor } from "#tensor";
import { expectTensor } from "../../course/sandbox/expect_tensor.ts";
import { type Arbitrary, fc } from "./fast_check.ts";
import type { Numbers } from "./oracle.ts";

/** A sentence, and how to try it. */
export interface Property {
  /** What must hold. */
  readonly sentence: string;
  /** How many random cases are tried. */
  readonly cases: number;
  /** Tries them all; throws with the seed and the smallest case found that fails. */
  readonly check: () => void;
}

/** Other cases on request: PROPERTY_SEED=7 deno task test */
const seed = Number(process.env.PROPERTY_SEED ?? 1);

/**
 * Makes a property.
 *
 * @param sentence What must hold.
 * @param cases How many random cases to try.
 * @param arbitrary Makes a case.
 * @param holds Throws for a case that fails.
 * @returns The property.
 */
export function property<Case>(
  sentence: string,
  cases: number,
  arbitrary: Arbitrary<Case>,
  holds: (value: Case) => void,
): Property {
  return {
    sentence,
    cases,
    check(): void {
      const tried = fc.check(fc.property(arbitrary, holds), {
        seed,
        numRuns: cases,
        includeErrorInReport: true,
      });
      if (tried.failed) throw new Error(`${sentence}\n${fc.defaultReportMessage(tried)}`);
      if (tried.numRuns !== cases) throw new Error(`${tried.numRuns} cases ran, not ${cases}`);
    },
  };
}

/**
 * Makes a tensor for exact checks.
 *
 * @param numbers What it holds.
 * @returns A float64 tensor.
 */
export function tensorOf({ data, shape }: Numbers): Tensor {
  return new Tensor(Float64Array.from(data), shape);
}

/**
 * Computes, and fails if an input was changed or the dtype was lost.
 *
 * @param inputs What to compute from.
 * @param compute The code under test.
 * @returns Its result.
 */
export function run(
  inputs: readonly Numbers[],
  compute: (...tensors: Tensor[]) => Tensor,
): Tensor {
  const tensors = inputs.map(tensorOf), made = compute(...tensors);
  tensors.forEach((tensor, k) => expectTensor(tensor, inputs[k], 0));
  if (made.dtype !== "float64") throw new Error(`The result is ${made.dtype}, not float64`);
  return made;
}

/**
 * Computes a loss, the weighted sum of a result, and its gradients.
 *
 * @param inputs What to compute the result from.
 * @param weights How much each element of the result counts.
 * @param compute The code under test.
 * @returns One gradient per input.
 */
export function slopes(
  inputs: readonly Numbers[],
  weights: Numbers,
  compute: (...tensors: Tensor[]) => Tensor,
): Tensor[] {
  const leaves = inputs.map((input) => leaf(tensorOf(input)));
  const loss = compute(...leaves).mul(tensorOf(weights)).sum();
  const found = gradients(loss, leaves);
  leaves.forEach((tensor, k) => expectTensor(tensor, inputs[k], 0));
  return found;
}
