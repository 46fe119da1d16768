/**
 * Why to believe a result: checks that a program with a broken part would not pass, each with what it
 * found and, where it fails, with what is most likely wrong.
 *
 * @module
 */
import { backward, noGrad } from "#autograd";
import type { Dataset } from "#dataloader";
import type { Parameter, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import type { Tensor } from "#tensor";
import { measure, type Measured } from "./statistics.ts";

/** One check. */
export interface Check {
  /** What was checked, as a sentence with the numbers that were found. */
  readonly claim: string;
  /** Null if it could not be judged in this run; the claim says why. */
  readonly passed: boolean | null;
  /** What is most likely wrong, where it failed. */
  readonly suspicion?: string;
}

// ── Measuring ──

/** The mean cross-entropy of scores (B, K), with nothing but plain float64 arithmetic. */
export function plainCrossEntropy(scores: Tensor, labels: Int32Array): number {
  const [rows, classes] = scores.shape;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const line = Array.from(scores.data.subarray(row * classes, (row + 1) * classes));
    const right = line[labels[row]];
    total += Math.log(line.reduce((sum, score) => sum + Math.exp(score - right), 0));
  }
  return total / rows;
}

/** The length of several tensors taken as one long vector. */
export function lengthOf(vectors: readonly ArrayLike<number>[]): number {
  let squares = 0;
  for (const v of vectors) for (let i = 0; i < v.length; i++) squares += v[i] ** 2;
  return Math.sqrt(squares);
}

/**
 * Compares the gradient that reaches the filters with the loss's real slope in that direction. It
 * moves the filters to do so: give it a model that nobody trains.
 *
 * @param model The model.
 * @param filters Its filters.
 * @param images What the loss is computed on: the first 64 of them.
 * @param transform What becomes of the images first; nothing by default.
 * @returns The slope that backward() predicts, and the one measured by central differences.
 */
export function probeSlope(
  model: Sequential,
  filters: readonly Parameter[],
  images: Dataset,
  transform: (images: Tensor) => Tensor = (images) => images,
): { predicted: number; measured: number } {
  const length = Math.min(64, images.length);
  const batch = images.batch(Int32Array.from({ length }, (_, k) => k));
  const inputs = transform(batch.inputs), { targets } = batch;
  const lossNow = (): Tensor => crossEntropy(model.forward(inputs), targets);
  model.zeroGrad();
  backward(lossNow());
  const directions = filters.map(({ grad, size }) => grad?.data ?? new Float32Array(size));
  const predicted = lengthOf(directions);
  const before = filters.map(({ data }) => data.slice());
  const reach = predicted > 0 ? 0.001 * lengthOf(before) / predicted : 0; // a thousandth of their length
  function lossAt(distance: number): number {
    filters.forEach((filter, k) =>
      filter.write((w) => {
        for (let i = 0; i < w.length; i++) w[i] = before[k][i] + distance * directions[k][i];
      })
    );
    return noGrad(() => lossNow().item());
  }
  const measured = predicted > 0 ? (lossAt(reach) - lossAt(-reach)) / (2 * reach * predicted) : 0;
  return { predicted, measured };
}

// ── Judging ──

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

/** How far apart two losses are, as a part of the second. */
export function gapOf(loss: number, recomputed: number): number {
  const difference = Math.abs(loss - recomputed) / Math.max(1, Math.abs(recomputed));
  return Number.isFinite(difference) ? difference : Infinity;
}

/** The loss that fit() made small must be the cross-entropy, whoever computes it. */
export function checkLoss(title: string, loss: number, recomputed: number): Check {
  return {
    claim: `${title}: the test loss is ${loss.toFixed(5)}, ` +
      `and ${recomputed.toFixed(5)} when recomputed from the scores in plain float64`,
    passed: gapOf(loss, recomputed) < 1e-4,
    suspicion: "crossEntropy() or logSoftmax(): check the loss of two equal scores, log 2",
  };
}

/** A gradient must reach the filters, and say truly how the loss changes. */
export function checkSlope(title: string, predicted: number, measured: number): Check {
  return {
    claim: `${title}: along the gradient that reaches the filters (first seed, before ` +
      `training) the loss should have the slope ${predicted.toFixed(4)}, and moving them a ` +
      `little measures ${measured.toFixed(4)}`,
    passed: predicted > 0 && Math.abs(predicted - measured) < 0.05 * predicted,
    suspicion: predicted > 0
      ? "the backward of conv2d(), maxPool2d() or batchNorm2d(): check it with checkGradients()"
      : "the gradient is lost on its way to the filters: does every operation end in result()?",
  };
}

/** Filters must move in training. */
export function checkMovement(title: string, moved: number): Check {
  return {
    claim: `${title}: training moved the filters by ${percent(moved)} of their length`,
    passed: moved > 0.05,
    suspicion: "the optimizer does not get the filters, or their gradient is nearly 0",
  };
}

/**
 * The accuracy must not lie clearly below what the reference reached with the same recipe.
 *
 * @param says What was found, as the start of a sentence.
 * @param accuracies One per seed.
 * @param known What the calibration found; or why there is none to go by.
 * @returns The check.
 */
export function checkAccuracy(
  says: string,
  accuracies: readonly number[],
  known: Measured | string,
): Check {
  if (typeof known === "string") return { claim: `${says}; ${known}`, passed: null };
  if (known.spread === null) return { claim: `${says}; not calibrated`, passed: null };
  const { mean } = measure(accuracies);
  const least = known.mean - 4 * known.spread / Math.sqrt(accuracies.length);
  return {
    claim: `${says}; at least ${percent(least)} is asked for, four standard errors below ` +
      `the calibrated ${percent(known.mean)} ± ${percent(known.spread)} ` +
      `(${known.values.length} seeds)`,
    passed: mean >= least,
    suspicion: mean < 0.2
      ? "it has learnt nothing: do labels and images belong together, does the loss fall?"
      : "it learns, but not well: look at the first weights, momentum, and batch norm's statistics",
  };
}
