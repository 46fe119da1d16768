/**
 * Why to believe the result of milestone 04, part 1.
 *
 * @module
 */
import calibration from "./tinydigits_calibration.json" with { type: "json" };
import {
  type Check,
  checkAccuracy,
  checkLoss,
  checkMovement,
  checkSlope,
  gapOf,
} from "./evidence.ts";
import { measure, type Measured } from "./statistics.ts";
import type { ModelSpec } from "./tinydigits_models.ts";
import type { Plan, Run } from "./tinydigits_run.ts";

/** What one model came to over all seeds. */
export interface ModelResult {
  /** The model. */
  readonly spec: ModelSpec;
  /** One run per seed. */
  readonly runs: readonly Run[];
}

/** How the models were trained, as far as a calibration depends on it. */
export type Trained = Pick<Plan, "epochs" | "augment">;

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

/** The seed whose two losses are furthest apart. */
function lossOf({ spec, runs }: ModelResult): Check {
  const gap = ({ evidence }: Run): number => gapOf(evidence.loss, evidence.recomputedLoss);
  const { loss, recomputedLoss } = runs.reduce((a, b) => gap(a) >= gap(b) ? a : b).evidence;
  return checkLoss(spec.title, loss, recomputedLoss);
}

function slopeOf({ spec, runs }: ModelResult): Check[] {
  const { predictedSlope: predicted, measuredSlope: measured } = runs[0].evidence;
  return predicted === null || measured === null
    ? []
    : [checkSlope(spec.title, predicted, measured)];
}

/** Filters must move in training, unless they are frozen: then not at all. */
function movementOf({ spec, runs }: ModelResult): Check[] {
  const moved = runs.map(({ evidence }) => evidence.filtersMoved ?? NaN);
  if (runs[0].evidence.filtersMoved === null) return [];
  if (!spec.frozen) return [checkMovement(spec.title, Math.min(...moved))];
  const most = Math.max(...moved);
  return [{
    claim: `${spec.title}: the frozen filters moved by ${percent(most)} of their length`,
    passed: most === 0,
    suspicion: "something writes to parameters that no optimizer was given",
  }];
}

/** The command that measured the thresholds. */
export const calibratedBy: string = calibration.command;

/** What the reference reached, from the committed calibration. */
type Calibrated = Record<string, { accuracy: Measured } | undefined>;

/** Why the calibration says nothing about such a run; null if it does. */
function whyNotJudged({ epochs, augment }: Trained): string | null {
  if (augment) return "only runs without --augment are calibrated";
  return epochs === calibration.epochs ? null : `only ${calibration.epochs} epochs are calibrated`;
}

function accuracyOf({ spec, runs }: ModelResult, trained: Trained): Check {
  const accuracies = runs.map(({ accuracy }) => accuracy);
  const known = (calibration.models as Calibrated)[spec.key]?.accuracy ?? "not calibrated";
  const says = `${spec.title}: ${
    percent(measure(accuracies).mean)
  } of the test digits are read right`;
  return checkAccuracy(says, accuracies, whyNotJudged(trained) ?? known);
}

/**
 * Holds all checks against what was measured.
 *
 * @param results What the models came to.
 * @param trained How they were trained.
 * @returns The checks, in the order in which they build on each other.
 */
export function weighEvidence(results: readonly ModelResult[], trained: Trained): Check[] {
  return results.flatMap((result) => [
    lossOf(result),
    ...slopeOf(result),
    ...movementOf(result),
    accuracyOf(result, trained),
  ]);
}
