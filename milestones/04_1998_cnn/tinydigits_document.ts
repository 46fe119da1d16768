/**
 * Everything that a run of milestone 04, part 1, has measured, as one plain document. The report
 * draws it, `--json` prints it, and no number exists anywhere else.
 *
 * @module
 */
import type { TensorDataset } from "#dataloader";
import { Generator } from "#random";
import { Conv2d } from "#spatial";
import type { Evaluation } from "#training";
import { confusionOf, filtersOf, rowOf, surestFirst } from "../report/comparison.ts";
import {
  checkAccuracy,
  checkLoss,
  checkMovement,
  checkSlope,
  hasPassed,
} from "../report/evidence.ts";
import type { Occasion } from "../report/milestone.ts";
import type { Data, ModelSpec, Result } from "../report/results.ts";
import type { Check, Measured } from "../report/schema.ts";
import { measure } from "../report/statistics.ts";
import calibration from "./tinydigits_calibration.json" with { type: "json" };
import type { Options } from "./tinydigits_options.ts";
import type { LayerCount, TinydigitsDocument } from "./tinydigits_schema.ts";

/** The digits. */
export interface Digits extends Data {
  readonly train: TensorDataset;
  readonly test: TensorDataset;
}

/** What is measured of one trained model. */
export interface Tested extends Evaluation {
  /** The part that is right when the digits are moved by one pixel: right, left, down, up. */
  readonly shifted: readonly number[];
}

/** What was the same for all models. */
export type Recipe = Readonly<
  Record<"batchSize" | "learningRate" | "momentum" | "weightDecay", number>
>;

/** Shape of one digit. */
export const digitShape = [1, 8, 8] as const;

const size = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Counts every convolution of a model beside the dense layer that would replace it. */
function layerCounts({ title, build }: ModelSpec): LayerCount[] {
  let shape: readonly number[] = [1, ...digitShape];
  return build(new Generator(0)).layers.flatMap((layer) => {
    const inputShape = shape.slice(1);
    shape = layer.cost(shape).outputShape;
    if (!(layer instanceof Conv2d)) return [];
    const outputShape = shape.slice(1);
    return [{
      model: title,
      layer: `conv ${layer.inChannels}→${layer.outChannels}`,
      inputShape,
      outputShape,
      weights: layer.weight.size,
      denseWeights: size(inputShape) * size(outputShape),
    }];
  });
}

/** The deepest model that was trained freely deserves a closer look. */
export function mostInteresting(results: readonly Result<Tested>[]): Result<Tested> {
  return results.findLast(({ spec }) => !spec.frozen) ?? results[0];
}

function closeupOf({ spec, runs }: Result<Tested>, digits: Digits): TinydigitsDocument["closeup"] {
  const { labels, test: { inputs } } = digits, [{ seed, model }] = runs;
  const wrong = surestFirst(runs[0], labels).filter((one) => one.prediction !== one.label);
  const filters = filtersOf(model);
  return {
    model: spec.title,
    seed,
    confusion: confusionOf(runs, labels, 10),
    filters,
    filterSide: filters.length > 0 ? Math.sqrt(filters[0].length) : 0,
    wrongCount: wrong.length,
    wrong: wrong.slice(0, 5).map((answer) => ({
      ...answer,
      pixels: [...inputs.data.subarray(answer.index * 64, (answer.index + 1) * 64)],
    })),
  };
}

/** What the reference reached, from the committed calibration. */
const calibrated: Record<string, { accuracy: Measured } | undefined> = calibration.models;

/** Why the calibration says nothing about such a run; null if it does. */
function whyNotJudged(
  { epochs, augment }: Pick<Options, "epochs" | "augment">,
): string | null {
  if (augment) return "only runs without --augment are calibrated";
  return epochs === calibration.epochs ? null : `only ${calibration.epochs} epochs are calibrated`;
}

/**
 * Holds all checks against what was measured.
 *
 * @param results What the models came to.
 * @param options How they were trained.
 * @returns The checks, in the order in which they build on each other.
 */
export function weighEvidence(
  results: readonly Result[],
  options: Pick<Options, "epochs" | "augment">,
): Check[] {
  return results.flatMap((result) => {
    const known = whyNotJudged(options) ?? calibrated[result.spec.key]?.accuracy;
    const what = "of the test digits are read right";
    return [
      ...checkLoss(result),
      ...checkSlope(result),
      ...checkMovement(result),
      checkAccuracy(result, what, known),
    ];
  });
}

/** Gathers everything that was measured. */
export function documentOf(
  models: readonly ModelSpec[],
  recipe: Recipe,
  occasion: Occasion<Options, Digits, Tested>,
): TinydigitsDocument {
  const { options, setting, data, results, chosen, loadedFrom } = occasion;
  const evidence = weighEvidence(results, options);
  const counted = models.filter(({ key, frozen }) =>
    !frozen && results.some(({ spec }) => spec.key === key)
  );
  return {
    milestone: "04_1998_cnn/01_tinydigits",
    setting,
    recipe: {
      ...recipe,
      epochs: options.epochs,
      seeds: Array.from({ length: options.seeds }, (_, k) => options.seed + k),
      augment: options.augment,
    },
    loadedFrom,
    data: { train: data.train.length, test: data.test.length },
    models: results.map((result) => ({
      ...rowOf(result, digitShape),
      shifted: measure(result.runs.map(({ tested }) => measure(tested.shifted).mean)),
    })),
    layers: counted.flatMap(layerCounts),
    closeup: closeupOf(chosen, data),
    evidence,
    calibratedBy: calibration.command,
    passed: hasPassed(evidence),
  };
}
