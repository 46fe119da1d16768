/**
 * One training run of milestone 04, part 1: a model, a seed, and all that is measured on it.
 *
 * @module
 */
import { softmax } from "#activations";
import { noGrad } from "#autograd";
import { DataLoader, randomShift, TensorDataset } from "#dataloader";
import { crossEntropy } from "#losses";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { cosine, type EpochResult, evaluate, fit } from "#training";
import type { LabelledImages } from "../../datasets/tinydigits.ts";
import { lengthOf, plainCrossEntropy, probeSlope } from "./evidence.ts";
import { convolutions, type ModelSpec, trainable } from "./tinydigits_models.ts";

/** What is the same for every model of the comparison. */
export const recipe = {
  batchSize: 32,
  learningRate: 0.05,
  momentum: 0.9,
  weightDecay: 5e-4,
} as const;

/** What can be done to the training digits, at random and anew in each epoch. */
export const augmentations = ["shift"] as const;

/** One of them. */
export type Augmentation = typeof augmentations[number];

/** What a run needs to know. */
export interface Plan {
  /** Which model. */
  readonly spec: ModelSpec;
  /** Which seed. */
  readonly seed: number;
  /** The digits to learn from. */
  readonly train: TensorDataset;
  /** The digits to be tested on; they are read only after training. */
  readonly test: TensorDataset;
  /** Passes over the training digits. */
  readonly epochs: number;
  /** What is done to them meanwhile; null for nothing. */
  readonly augment: Augmentation | null;
}

/** Facts about one run that show whether its result can be trusted. */
export interface RunEvidence {
  /** The test loss as evaluate() gave it. */
  readonly loss: number;
  /** The same from the scores alone, by plain float64 arithmetic. */
  readonly recomputedLoss: number;
  /** How far the filters moved in training, as a part of their length; null without filters. */
  readonly filtersMoved: number | null;
  /** How much the loss changes along the filters' gradient, as backward() says; null likewise. */
  readonly predictedSlope: number | null;
  /** The same, measured by moving the filters a little both ways. */
  readonly measuredSlope: number | null;
}

/** What one training run came to. */
export interface Run {
  /** Its seed. */
  readonly seed: number;
  /** Part of the test digits that it reads right, 0 to 1. */
  readonly accuracy: number;
  /** The same when they are shifted by one pixel: right, left, down, up. */
  readonly shifted: readonly number[];
  /** Seconds of training, without the tests. */
  readonly trainingSeconds: number;
  /** Mean loss of each epoch, while it ran. */
  readonly history: readonly EpochResult[];
  /** What it took each test digit for. */
  readonly predictions: Int32Array;
  /** How sure it was, 0 to 1. */
  readonly confidences: Float32Array;
  /** Its first layer's filters, (F, C, K, K); null without. */
  readonly filters: Tensor | null;
  /** Why to believe it. */
  readonly evidence: RunEvidence;
}

/** One pixel right, left, down, up, as [dy, dx]. */
const directions = [[0, 1], [0, -1], [1, 0], [-1, 0]] as const;

/** Moves images (B, C, H, W) by whole pixels; zeros move in. */
export function shift(images: Tensor, dy: number, dx: number): Tensor {
  const [, , height, width] = images.shape;
  const [top, bottom] = [Math.max(dy, 0), Math.max(-dy, 0)];
  const [left, right] = [Math.max(dx, 0), Math.max(-dx, 0)];
  return images
    .slice(null, null, [bottom, height - top], [right, width - left])
    .pad([[0, 0], [0, 0], [top, bottom], [left, right]]);
}

/** Wraps pictures as a data set. */
export function datasetOf({ images, labels, shape }: LabelledImages): TensorDataset {
  return new TensorDataset(new Tensor(images, shape), labels);
}

/**
 * Trains a model once and measures it. Weights, order of the batches and shifts come from the seed
 * alone, and the batches of one seed are the same for every model.
 *
 * @param plan Which model, how, on what.
 * @param onEpoch Called after each epoch.
 * @param signal Stops the run.
 * @returns All that is measured.
 */
export async function runModel(
  plan: Plan,
  onEpoch: (result: EpochResult) => void,
  signal: AbortSignal,
): Promise<Run> {
  const { spec, seed, train, test, epochs, augment } = plan;
  // shifts come last, so that the other two draw the same with and without them
  const [shuffle, weights, shifts] = new Generator(seed).split(3), { state } = weights;
  const model = spec.build(weights);
  const filters = convolutions(model).map(({ weight }) => weight);
  const before = filters.map(({ data }) => data.slice());
  weights.restore(state); // the probe gets a twin, so that it cannot touch what is trained
  const twin = spec.build(weights);
  const twinFilters = convolutions(twin).map(({ weight }) => weight);
  const slope = filters.length > 0 ? probeSlope(twin, twinFilters, train) : null;

  const { batchSize, learningRate, momentum, weightDecay } = recipe;
  const transform = augment === "shift" ? randomShift(1, shifts) : undefined;
  const loader = new DataLoader(train, { batchSize, shuffle, transform });
  const optimizer = new SGD(trainable(spec, model), { learningRate, momentum, weightDecay });
  const started = performance.now();
  const history = await fit(model, loader, {
    loss: crossEntropy,
    optimizer,
    epochs,
    schedule: cosine(learningRate),
    onEpoch,
    signal,
  });
  const trainingSeconds = (performance.now() - started) / 1000;

  const whole = (inputs: Tensor): DataLoader =>
    new DataLoader(new TensorDataset(inputs, test.targets), { batchSize: 200 });
  const tested = await evaluate(model, whole(test.inputs), { loss: crossEntropy, signal });
  const shifted: number[] = [];
  for (const [dy, dx] of directions) {
    const moved = whole(shift(test.inputs, dy, dx));
    shifted.push((await evaluate(model, moved, { loss: crossEntropy, signal })).accuracy);
  }
  const scores = noGrad(() => model.eval().forward(test.inputs)); // (797, 10)
  const moved = filters.map(({ data }, k) => data.map((w, i) => w - before[k][i]));
  return {
    seed,
    accuracy: tested.accuracy,
    shifted,
    trainingSeconds,
    history,
    predictions: tested.predictions,
    confidences: Float32Array.from(softmax(scores).max(1).data),
    filters: filters[0] ?? null,
    evidence: {
      loss: tested.loss,
      recomputedLoss: plainCrossEntropy(scores, test.targets),
      filtersMoved: filters.length > 0 ? lengthOf(moved) / lengthOf(before) : null,
      predictedSlope: slope?.predicted ?? null,
      measuredSlope: slope?.measured ?? null,
    },
  };
}
