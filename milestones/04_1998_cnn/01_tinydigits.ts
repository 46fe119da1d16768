/**
 * # Milestone 04 · 1998, part 1: TinyDigits
 *
 * The comparison that convolutional networks are known for, on real handwritten digits and with
 * everything else equal: the same digits, epochs, batches, optimizer, schedule and seeds.
 *
 *   deno task tinydigits            the MLP, one convolution, and a small LeNet, two seeds each
 *   deno task tinydigits --full     all six models, five seeds
 *   deno task tinydigits --help     everything else
 *
 * It imports the modules by name, so that it runs on yours where you have written them.
 *
 * @module
 */
import { DataLoader, randomShift, TensorDataset } from "#dataloader";
import { Flatten, Linear, ReLU, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import { BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";
import { Tensor } from "#tensor";
import { cosine, evaluate, fit } from "#training";
import { loadTinyDigits } from "../../datasets/tinydigits.ts";
import { runMilestone, type Testing } from "../report/milestone.ts";
import { type ModelSpec, trainable } from "../report/results.ts";
import type { Chance, Training } from "../report/training.ts";
import { type Digits, type Options, particulars, type Tested } from "./tinydigits_report.ts";

// ── The data ──
// Images (N, 1, 8, 8) from 0 for paper to 1 for ink. The models learn from 1,000 of them, and are
// tested on 797 that they never see.

export async function loadDigits(): Promise<Digits> {
  const { train, test } = await loadTinyDigits();
  const [learnt, unseen] = [train, test].map(({ images, labels, shape }) =>
    new TensorDataset(new Tensor(images, shape), labels)
  );
  return { train: learnt, test: unseen, labels: test.labels };
}

// ── The models: B digits in a batch, and 10 scores for each ──
// An MLP sees 64 unrelated numbers. A convolution looks at every place through the same weights.

function mlp(hidden: number): ModelSpec["build"] {
  return (generator) =>
    new Sequential(
      new Flatten(), // (B, 1, 8, 8) → (B, 64)
      new Linear(64, hidden, { generator }), // → (B, hidden)
      new ReLU(),
      new Linear(hidden, 10, { generator }), // → (B, 10)
    );
}

function oneConvolution(generator: Generator): Sequential {
  return new Sequential(
    new Conv2d(1, 8, 3, { generator }), // (B, 1, 8, 8) → (B, 8, 6, 6)
    new ReLU(),
    new MaxPool2d(2), // → (B, 8, 3, 3)
    new Flatten(), // → (B, 72)
    new Linear(72, 10, { generator }), // → (B, 10)
  );
}

/** LeNet-5's idea at a thirtieth of its size. Without pools the maps stay 8×8 to the end. */
function lenet(pool: () => MaxPool2d[], left: number): ModelSpec["build"] {
  return (generator) =>
    new Sequential(
      new Conv2d(1, 8, 3, { generator, padding: 1, bias: false }), // (B, 1, 8, 8) → (B, 8, 8, 8)
      new BatchNorm2d(8),
      new ReLU(),
      ...pool(), // → (B, 8, 4, 4)
      new Conv2d(8, 16, 3, { generator, padding: 1, bias: false }), // → (B, 16, 4, 4)
      new BatchNorm2d(16),
      new ReLU(),
      ...pool(), // → (B, 16, 2, 2)
      new Flatten(), // → (B, left)
      new Linear(left, 10, { generator }), // → (B, 10)
    );
}

const halved = (): MaxPool2d[] => [new MaxPool2d(2)], whole = (): MaxPool2d[] => [];

/** All models, in the order of the tables. */
export const models: readonly ModelSpec[] = [
  { key: "mlp", title: "MLP 64-32-10", build: mlp(32) },
  { key: "wide", title: "Wide MLP 64-128-10", build: mlp(128) },
  { key: "one-conv", title: "One convolution", build: oneConvolution },
  { key: "unpooled", title: "Unpooled LeNet", build: lenet(whole, 16 * 8 * 8) },
  { key: "lenet", title: "Small LeNet", build: lenet(halved, 16 * 2 * 2) },
  { key: "frozen", title: "Frozen LeNet", build: lenet(halved, 16 * 2 * 2), frozen: true },
];

// ── The recipe: the same for every model ──

export const recipe = { batchSize: 32, learningRate: 0.05, momentum: 0.9, weightDecay: 5e-4 };

/** Weights, batches and shifts depend on the seed alone: all models of a seed see the same ones. */
function chance(seed: number): Chance {
  const [shuffle, weights, augmentation] = new Generator(seed).split(3);
  return { shuffle, weights, augmentation };
}

// ── The loop ──

async function train(model: Sequential, training: Training<Options>): Promise<void> {
  const { spec, images, chance, options: { epochs, augment }, follow } = training;
  const { batchSize, ...sgd } = recipe, { shuffle, augmentation } = chance;
  const transform = augment === "shift" ? randomShift(1, augmentation) : undefined;
  const loader = new DataLoader(images, { batchSize, shuffle, transform });
  const optimizer = new SGD(trainable(spec, model), sgd);
  await fit(model, loader, {
    loss: crossEntropy,
    optimizer,
    epochs,
    schedule: cosine(sgd.learningRate),
    ...await follow({ loader, optimizer, epochs }), // shows how far it is, and stops at Ctrl-C
  });
}

// ── The measurement: the test digits as they are, and moved by one pixel in each direction ──

const directions = [[0, 1], [0, -1], [1, 0], [-1, 0]] as const; // right, left, down, up: [dy, dx]

/** Moves images (B, 1, H, W) by whole pixels; zeros move in. */
export function shift(images: Tensor, dy: number, dx: number): Tensor {
  const [, , height, width] = images.shape;
  const [top, bottom] = [Math.max(dy, 0), Math.max(-dy, 0)];
  const [left, right] = [Math.max(dx, 0), Math.max(-dx, 0)];
  return images
    .slice(null, null, [bottom, height - top], [right, width - left])
    .pad([[0, 0], [0, 0], [top, bottom], [left, right]]);
}

async function test(model: Sequential, testing: Testing<Digits>): Promise<Tested> {
  const { data: { test: { inputs, targets } }, noted, signal } = testing;
  const batches = (images: Tensor): DataLoader =>
    new DataLoader(new TensorDataset(images, targets), { batchSize: 200 });
  const straight = await evaluate(model, batches(inputs), { loss: noted(crossEntropy), signal });
  const shifted: number[] = [];
  for (const [dy, dx] of directions) {
    const moved = batches(shift(inputs, dy, dx));
    shifted.push((await evaluate(model, moved, { loss: crossEntropy, signal })).accuracy);
  }
  return { ...straight, shifted };
}

// ── The comparison: every model with every seed, and what the numbers support ──

export const tinydigits = particulars(models, recipe);
if (import.meta.main) await runMilestone({ ...tinydigits, load: loadDigits, chance, train, test });
