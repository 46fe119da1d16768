/**
 * Everything that a run of milestone 04, part 1, has measured, as one plain document. The report
 * draws it, `--json` prints it, and no number exists anywhere else.
 *
 * @module
 */
import { type Sequential, summarize } from "#layers";
import { Generator } from "#random";
import { Conv2d } from "#spatial";
import type { TensorDataset } from "#dataloader";
import type { Setting } from "../kernels.ts";
import { measure, type Measured } from "./statistics.ts";
import type { Check } from "./evidence.ts";
import { calibratedBy, type ModelResult, weighEvidence } from "./tinydigits_evidence.ts";
import { models, type ModelSpec, trainable } from "./tinydigits_models.ts";
import type { Options } from "./tinydigits_options.ts";
import { type Augmentation, recipe } from "./tinydigits_run.ts";

/** One row of the main table. */
export interface ModelRow {
  /** What `--models` calls it. */
  readonly key: string;
  /** What the tables call it. */
  readonly title: string;
  /** All numbers in it that can be trained. */
  readonly parameters: number;
  /** Those that training may change; fewer if filters are frozen. */
  readonly trained: number;
  /** Multiplications with their additions, for one image. */
  readonly multiplyAccumulates: number;
  /** Part of the test digits read right, 0 to 1. */
  readonly accuracy: Measured;
  /** The same, mean of four shifts by one pixel. */
  readonly shifted: Measured;
  /** Seconds of training. */
  readonly trainingSeconds: Measured;
  /** Mean loss of each epoch while it ran, for each seed. */
  readonly losses: readonly (readonly number[])[];
}

/** A convolution beside the dense layer that would compute the same map. */
export interface LayerCount {
  /** Which model. */
  readonly model: string;
  /** Which layer. */
  readonly layer: string;
  /** What goes in, without the batch axis. */
  readonly inputShape: readonly number[];
  /** What comes out, without the batch axis. */
  readonly outputShape: readonly number[];
  /** Weights of the convolution. */
  readonly weights: number;
  /** Weights of a dense layer from the same input to the same output. */
  readonly denseWeights: number;
}

/** A digit that was read wrong. */
export interface WrongDigit {
  /** Its place in the test data. */
  readonly index: number;
  /** What it is. */
  readonly label: number;
  /** What it was taken for. */
  readonly prediction: number;
  /** How sure the model was, 0 to 1. */
  readonly confidence: number;
  /** Its pixels, 8×8, 0 to 1. */
  readonly pixels: readonly number[];
}

/** A closer look at one model. */
export interface Closeup {
  /** Which model. */
  readonly model: string;
  /** Which seed its filters and wrong digits are from. */
  readonly seed: number;
  /** Rows are the truth, columns what the model said; all seeds together. */
  readonly confusion: readonly (readonly number[])[];
  /** The first layer's filters, K×K numbers each; empty without convolutions. */
  readonly filters: readonly (readonly number[])[];
  /** Side of a filter; 0 without. */
  readonly filterSide: number;
  /** How many test digits it reads wrong with that seed. */
  readonly wrongCount: number;
  /** Up to five of them, those it was surest of first. */
  readonly wrong: readonly WrongDigit[];
}

/** Everything that was measured. */
export interface RunDocument {
  /** Which milestone. */
  readonly milestone: "04_1998_cnn/01_tinydigits";
  /** Where it ran. */
  readonly setting: Setting;
  /** What every model got alike. */
  readonly recipe: typeof recipe & {
    readonly epochs: number;
    readonly seeds: readonly number[];
    readonly augment: Augmentation | null;
  };
  /** How many digits. */
  readonly data: { readonly train: number; readonly test: number };
  /** One row per model. */
  readonly models: readonly ModelRow[];
  /** What "fewer parameters" truly means. */
  readonly layers: readonly LayerCount[];
  /** A closer look at the most interesting model. */
  readonly closeup: Closeup;
  /** Why to believe it. */
  readonly evidence: readonly Check[];
  /** The command that measured what the accuracies are held against. */
  readonly calibratedBy: string;
  /** Whether no check failed. */
  readonly passed: boolean;
}

/** Sizes of one image of the data, with a batch of 1. */
const oneImage = [1, 1, 8, 8];

function modelRow({ spec, runs }: ModelResult): ModelRow {
  const model = spec.build(new Generator(0)), { multiplyAccumulates } = summarize(model, oneImage);
  const count = (parameters: readonly { size: number }[]): number =>
    parameters.reduce((total, { size }) => total + size, 0);
  return {
    key: spec.key,
    title: spec.title,
    parameters: count(model.parameters()),
    trained: count(trainable(spec, model)),
    multiplyAccumulates,
    accuracy: measure(runs.map(({ accuracy }) => accuracy)),
    shifted: measure(runs.map(({ shifted }) => measure(shifted).mean)),
    trainingSeconds: measure(runs.map((run) => run.trainingSeconds)),
    losses: runs.map(({ history }) => history.map(({ loss }) => loss)),
  };
}

/** Counts every convolution of a model beside the dense layer that would replace it. */
function layerCounts(spec: ModelSpec): LayerCount[] {
  const model: Sequential = spec.build(new Generator(0));
  const counts: LayerCount[] = [];
  let shape: readonly number[] = oneImage;
  for (const layer of model.layers) {
    const { outputShape } = layer.cost(shape);
    if (layer instanceof Conv2d) {
      const size = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
      counts.push({
        model: spec.title,
        layer: `conv ${layer.inChannels}→${layer.outChannels}`,
        inputShape: shape.slice(1),
        outputShape: outputShape.slice(1),
        weights: layer.weight.size,
        denseWeights: size(shape) * size(outputShape),
      });
    }
    shape = outputShape;
  }
  return counts;
}

function closeupOf({ spec, runs }: ModelResult, test: TensorDataset): Closeup {
  const confusion = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
  for (const { predictions } of runs) {
    predictions.forEach((prediction, k) => confusion[test.targets[k]][prediction]++);
  }
  const { seed, predictions, confidences, filters } = runs[0];
  const wrong = [...predictions.keys()].filter((k) => predictions[k] !== test.targets[k]);
  wrong.sort((a, b) => confidences[b] - confidences[a] || a - b);
  const [count, , side] = filters?.shape ?? [0, 0, 0];
  const size = filters ? filters.size / count : 0;
  return {
    model: spec.title,
    seed,
    confusion,
    filters: Array.from(
      { length: count },
      (_, k) => Array.from(filters?.data.subarray(k * size, (k + 1) * size) ?? []),
    ),
    filterSide: side,
    wrongCount: wrong.length,
    wrong: wrong.slice(0, 5).map((index) => ({
      index,
      label: test.targets[index],
      prediction: predictions[index],
      confidence: confidences[index],
      pixels: Array.from(test.inputs.data.subarray(index * 64, (index + 1) * 64)),
    })),
  };
}

/** Which model deserves a closer look: the deepest that was trained freely. */
function mostInteresting(results: readonly ModelResult[]): ModelResult {
  const free = results.filter(({ spec }) => !spec.frozen);
  return (free.length > 0 ? free : results)[Math.max(free.length, 1) - 1];
}

/**
 * Gathers everything that was measured.
 *
 * @param options What the run was asked to do.
 * @param setting Where it took place.
 * @param results What the models came to.
 * @param train The training digits.
 * @param test The test digits.
 * @returns The document.
 */
export function documentOf(
  options: Options,
  setting: Setting,
  results: readonly ModelResult[],
  train: TensorDataset,
  test: TensorDataset,
): RunDocument {
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
    data: { train: train.length, test: test.length },
    models: results.map(modelRow),
    layers: counted.flatMap(layerCounts),
    closeup: closeupOf(mostInteresting(results), test),
    evidence,
    calibratedBy,
    passed: evidence.every(({ passed }) => passed !== false),
  };
}
