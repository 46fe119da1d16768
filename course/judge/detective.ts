/**
 * Looks at wrong numbers beside the right ones, and names the bug that makes such numbers: only if
 * undoing it makes them right, and if that cannot be chance. A cause that is wrong is worse than none.
 *
 * @module
 */
import type { TensorLike } from "../sandbox/expect_tensor.ts";
import { type Case, type Clues, indexes, isProved, wrongIndexes } from "./evidence.ts";
import { hypotheses } from "./hypotheses.ts";

/**
 * Names the likely cause of wrong numbers.
 *
 * @param got The numbers in question.
 * @param want The right ones.
 * @param clues What is known beside.
 * @returns The cause, or nothing if none is proved.
 */
export function diagnose(got: TensorLike, want: TensorLike, clues: Clues): string | undefined {
  const found = { ...clues, got, want };
  for (const hypothesis of hypotheses) {
    const proved = hypothesis(found).find((trial) => isProved(trial, found));
    if (proved) return proved.says;
  }
  return twoOracles(found);
}

/**
 * A gradient is expected twice: from the reference, and from moving the inputs of the learner's own
 * forward pass. Which of them the numbers agree with tells which half is wrong.
 */
function twoOracles({ got, want, own, about, tolerance }: Case): string | undefined {
  if (!own || !about?.of || own.data.length !== got.data.length) return undefined;
  const wrong = wrongIndexes({ got, want: own, tolerance: Math.max(tolerance, 1e-6) });
  if (wrong.length > 0) return "your backward does not agree with your forward";
  return indexes(want).some((i) => own.data[i] !== want.data[i])
    ? "your backward agrees with your forward, but the forward is not the right one"
    : undefined;
}
