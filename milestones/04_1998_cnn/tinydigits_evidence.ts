/**
 * Why to believe the result: checks that a program with a broken part would not pass, each with
 * what it found and, where it fails, with what is most likely wrong.
 *
 * @module
 */
import calibration from "./tinydigits_calibration.json" with { type: "json" };
import { measure, type Measured } from "./statistics.ts";
import type { ModelSpec } from "./tinydigits_models.ts";
import type { Run } from "./tinydigits_run.ts";

/** One check. */
export interface Check {
  /** What was checked, as a sentence with the numbers that were found. */
  readonly claim: string;
  /** Null if it could not be judged in this run; the claim says why. */
  readonly passed: boolean | null;
  /** What is most likely wrong, where it failed. */
  readonly suspicion?: string;
}

/** What one model came to over all seeds. */
export interface ModelResult {
  /** The model. */
  readonly spec: ModelSpec;
  /** One run per seed. */
  readonly runs: readonly Run[];
}

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

/** The loss that fit() made small must be the cross-entropy, whoever computes it. */
function checkLoss({ spec, runs }: ModelResult): Check {
  const worst = runs.reduce((a, b) => gap(a) >= gap(b) ? a : b);
  const { loss, recomputedLoss } = worst.evidence;
  return {
    claim: `${spec.title}: the test loss is ${loss.toFixed(5)}, ` +
      `and ${recomputedLoss.toFixed(5)} when recomputed from the scores in plain float64`,
    passed: gap(worst) < 1e-4,
    suspicion: "crossEntropy() or logSoftmax(): check the loss of two equal scores, log 2",
  };
}

function gap({ evidence: { loss, recomputedLoss } }: Run): number {
  const difference = Math.abs(loss - recomputedLoss) / Math.max(1, Math.abs(recomputedLoss));
  return Number.isFinite(difference) ? difference : Infinity;
}

/** A gradient must reach the filters, and say truly how the loss changes. */
function checkSlope({ spec, runs }: ModelResult): Check[] {
  const { predictedSlope: predicted, measuredSlope: measured } = runs[0].evidence;
  if (predicted === null || measured === null) return [];
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

/** Filters must move in training, unless they are frozen: then not at all. */
function checkMovement({ spec, runs }: ModelResult): Check[] {
  const moved = runs.map(({ evidence }) => evidence.filtersMoved ?? NaN);
  if (runs[0].evidence.filtersMoved === null) return [];
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

/** The command that measured the thresholds. */
export const calibratedBy: string = calibration.command;

/** What the reference reached, from the committed calibration. */
type Calibrated = Record<string, { accuracy: Measured } | undefined>;

/** The accuracy must not lie clearly below what the reference reached with the same recipe. */
function checkAccuracy({ spec, runs }: ModelResult, epochs: number): Check {
  const { mean } = measure(runs.map(({ accuracy }) => accuracy));
  const known = (calibration.models as Calibrated)[spec.key]?.accuracy;
  const says = `${spec.title}: ${percent(mean)} of the test digits are read right`;
  if (!known || known.spread === null) return { claim: `${says}; not calibrated`, passed: null };
  if (epochs !== calibration.epochs) {
    return { claim: `${says}; only ${calibration.epochs} epochs are calibrated`, passed: null };
  }
  const least = known.mean - 4 * known.spread / Math.sqrt(runs.length);
  return {
    claim: `${says}; at least ${percent(least)} is asked for, four standard errors below ` +
      `the calibrated ${percent(known.mean)} ± ${
        percent(known.spread)
      } (${known.values.length} seeds)`,
    passed: mean >= least,
    suspicion: mean < 0.2
      ? "it has learnt nothing: do labels and images belong together, does the loss fall?"
      : "it learns, but not well: look at the first weights, momentum, and batch norm's statistics",
  };
}

/**
 * Holds all checks against what was measured.
 *
 * @param results What the models came to.
 * @param epochs Epochs of each run.
 * @returns The checks, in the order in which they build on each other.
 */
export function weighEvidence(results: readonly ModelResult[], epochs: number): Check[] {
  return results.flatMap((result) => [
    checkLoss(result),
    ...checkSlope(result),
    ...checkMovement(result),
    checkAccuracy(result, epochs),
  ]);
}
