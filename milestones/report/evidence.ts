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
import type { Result, Run, Slope } from "./results.ts";
import type { Check, Measured } from "./schema.ts";
import { measure } from "./statistics.ts";
import { percent } from "./wording.ts";

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
): Slope {
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

/** How far apart two losses are, as a part of the second. */
function gapOf({ tested, evidence }: Run): number {
  const recomputedLoss = evidence.recomputedLoss ?? NaN;
  const difference = Math.abs(tested.loss - recomputedLoss) / Math.max(1, Math.abs(recomputedLoss));
  return Number.isFinite(difference) ? difference : Infinity;
}

/**
 * The loss that was made small must be the cross-entropy; the seed that is furthest off counts. No
 * check where no scores were noted.
 */
export function checkLoss({ spec, runs }: Result): Check[] {
  const worst = runs.reduce((a, b) => gapOf(a) >= gapOf(b) ? a : b);
  const { tested: { loss }, evidence: { recomputedLoss } } = worst;
  if (recomputedLoss === null) return [];
  return [{
    claim: `${spec.title}: the test loss is ${loss.toFixed(5)}, ` +
      `and ${recomputedLoss.toFixed(5)} when recomputed from the scores in plain float64`,
    passed: gapOf(worst) < 1e-4,
    suspicion: "crossEntropy() or logSoftmax(): check the loss of two equal scores, log 2",
  }];
}

/** A gradient must reach the filters, and predict how the loss changes; no check without filters. */
export function checkSlope({ spec, runs: [{ evidence: { slope } }] }: Result): Check[] {
  if (!slope) return [];
  const { predicted, measured } = slope;
  return [{
    claim: `${spec.title}: along the gradient that reaches the filters (first seed, before ` +
      `training) the loss should have the slope ${predicted.toFixed(4)}, and moving them a ` +
      `little measures ${measured.toFixed(4)}`,
    passed: predicted > 0 && Math.abs(predicted - measured) < 0.05 * predicted,
    suspicion: predicted > 0
      ? "the backward of conv2d(), maxPool2d() or batchNorm2d(): check it with checkGradients()"
      : "the gradient is lost on its way to the filters: does every operation end in result()?",
  }];
}

/** Training must move the filters, and must not move frozen ones; no check without filters. */
export function checkMovement({ spec, runs }: Result): Check[] {
  if (runs[0].evidence.filtersMoved === null) return [];
  const moved = runs.map(({ evidence }) => evidence.filtersMoved ?? NaN);
  const least = Math.min(...moved), most = Math.max(...moved);
  if (spec.frozen) {
    return [{
      claim: `${spec.title}: the frozen filters moved by ${percent(most)} of their length`,
      passed: most === 0,
      suspicion: "something writes to parameters that no optimizer was given",
    }];
  }
  return [{
    claim: `${spec.title}: training moved the filters by ${percent(least)} of their length`,
    passed: least > 0.05,
    suspicion: "the optimizer does not get the filters, or their gradient is nearly 0",
  }];
}

/**
 * The accuracy must not lie clearly below what the reference reached with the same recipe.
 *
 * @param result A model's runs.
 * @param what What was read right, to end the sentence: "of the test digits are read right".
 * @param known What the calibration found; or why there is none to go by.
 * @returns The check.
 */
export function checkAccuracy(
  { spec, runs }: Result,
  what: string,
  known: Measured | string = "not calibrated",
): Check {
  const { mean } = measure(runs.map(({ tested }) => tested.accuracy));
  const says = `${spec.title}: ${percent(mean)} ${what}`;
  if (typeof known === "string") return { claim: `${says}; ${known}`, passed: null };
  if (known.spread === null) return { claim: `${says}; not calibrated`, passed: null };
  const least = known.mean - 4 * known.spread / Math.sqrt(runs.length);
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

/** Whether no check failed. */
export function hasPassed(checks: readonly Check[]): boolean {
  return checks.every(({ passed }) => passed !== false);
}
