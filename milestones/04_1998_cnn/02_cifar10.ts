/**
 * # Milestone 04 · 1998, part 2: CIFAR-10
 *
 * Fifty thousand photographs, ten kinds of things in them, and a convolutional network that learns to
 * tell them apart in minutes.
 *
 *   deno task cifar10                    the milestone
 *   deno task cifar10 --preset quick     the whole way in about a minute
 *   deno task cifar10 --resume           go on where it was stopped or killed
 *   deno task cifar10 --help             everything else
 *
 * @module
 */
import { compose, DataLoader, normalize, type Transform } from "#dataloader";
import { randomHorizontalFlip, randomShift, randomSplit, Subset } from "#dataloader";
import { Flatten, Linear, type Module, ReLU, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { AdamW } from "#optimizers";
import { Generator } from "#random";
import { BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";
import { accuracyMetric, evaluate, type Evaluation, fit, oneCycle } from "#training";
import { type Cifar10, pickImages } from "../../datasets/cifar10.ts";
import { openCifar10 } from "../../datasets/cifar10_source.ts";
import { type Fetching, runMilestone, type Testing } from "../report/milestone.ts";
import type { Data, ModelSpec } from "../report/results.ts";
import type { Chance, Training } from "../report/training.ts";
import { type Options, particulars, type Photographs, type Preset } from "./cifar10_report.ts";

// ── The data ──
// Photographs (N, 3, 32, 32) from 0 to 1; with --validate, the test images stay unread.

const setAside = 5_000;

/** Those to learn from, and those to be judged by: with --validate always the same ones set aside. */
function divide({ train, test }: Cifar10, { validate, preset }: Options): Data {
  const held = validate ? Math.min(setAside, Math.floor(train.length / 10)) : 0;
  const lengths = [train.length - held, ...(held > 0 ? [held] : [])];
  const [learnt, aside] = randomSplit(train, lengths, new Generator(0));
  const judgedBy = aside ? pickImages(train, aside.indices) : test, { labels } = judgedBy;
  const images = Math.min(learnt.length, preset.images ?? learnt.length);
  return { train: new Subset(train, learnt.indices.subarray(0, images)), test: judgedBy, labels };
}

async function load(options: Options, fetching: Fetching): Promise<Photographs> {
  const { data, origin } = await openCifar10({ ...options, ...fetching });
  return { ...divide(data, options), origin };
}

// ── The models: B photographs in a batch, H × W pixels, and 10 scores for each ──

/** Looks through windows of 3×3, and halves the picture. */
function block(from: number, to: number, generator: Generator): Module[] {
  return [
    new Conv2d(from, to, 3, { generator, padding: 1, bias: false }), // (B, from, H, W) → (B, to, H, W)
    new MaxPool2d(2), // → (B, to, H/2, W/2); before batch norm, which then has a quarter to do
    new BatchNorm2d(to),
    new ReLU(),
  ];
}

/** Four blocks: what is lost in places is won in kinds of patterns. */
function cnn(generator: Generator): Sequential {
  return new Sequential(
    ...block(3, 32, generator), // (B, 3, 32, 32) → (B, 32, 16, 16)
    ...block(32, 64, generator), // → (B, 64, 8, 8)
    ...block(64, 128, generator), // → (B, 128, 4, 4)
    ...block(128, 256, generator), // → (B, 256, 2, 2)
    new Flatten(), // → (B, 1024)
    new Linear(1024, 10, { generator }), // → (B, 10)
  );
}

/** More than half of the CNN's multiplications, each with a weight of its own: as long to train. */
function mlp(generator: Generator): Sequential {
  return new Sequential(
    new Flatten(), // (B, 3, 32, 32) → (B, 3072)
    new Linear(3072, 2048, { generator }), // → (B, 2048)
    new ReLU(),
    new Linear(2048, 1024, { generator }), // → (B, 1024)
    new ReLU(),
    new Linear(1024, 10, { generator }), // → (B, 10)
  );
}

export const convolutional: ModelSpec = { key: "cnn", title: "CNN 32-64-128-256", build: cnn };
export const dense: ModelSpec = { key: "mlp", title: "MLP 2048-1024", build: mlp };

// ── The recipe: all of it was chosen with --validate ──

const gentle = { learningRate: 0.006, denseLearningRate: 0.001, weightDecay: 0.02 };
const bold = { learningRate: 0.008, denseLearningRate: 0.001, weightDecay: 0.03 };

/** How long the models learn, and how fast at most: the dense one would not bear the CNN's rate. */
export const presets: readonly Preset[] = [
  { key: "quick", purpose: "a first look at the whole way", images: 20_000, epochs: 1, ...gentle },
  { key: "standard", purpose: "the milestone", epochs: 4, ...gentle },
  { key: "best", purpose: "what this network can do", epochs: 10, ...bold },
];

export const recipe = {
  batchSize: 128,
  labelSmoothing: 0.05,
  shift: 3, // pixels by which an image is shifted at most
  rise: 0.25, // the part of the training in which the learning rate rises
  means: [0.4914, 0.4822, 0.4465], // of red, green and blue over the published training images
  deviations: [0.247, 0.2435, 0.2616],
} as const;

const normalized = normalize(recipe.means, recipe.deviations);
/** Normalised, mirrored or not, and shifted: zeros that come in are the mean colour. */
export function augmented(generator: Generator): Transform {
  const mirror = randomHorizontalFlip(generator), shift = randomShift(recipe.shift, generator);
  return compose(normalized, mirror, shift);
}

function chance(seed: number): Chance {
  const [weights, shuffle, augmentation] = new Generator(seed).split(3);
  return { weights, shuffle, augmentation };
}

// ── The loop ──

async function train(model: Sequential, training: Training<Options>): Promise<void> {
  const { spec, images, chance: { shuffle, augmentation }, options: { preset } } = training;
  const { batchSize, labelSmoothing, rise } = recipe, { epochs, weightDecay } = preset;
  const learningRate = spec === dense ? preset.denseLearningRate : preset.learningRate;
  const loader = new DataLoader(images, { batchSize, shuffle, transform: augmented(augmentation) });
  const optimizer = new AdamW(model.parameters(), { learningRate, weightDecay });
  await fit(model, loader, {
    loss: (scores, labels) => crossEntropy(scores, labels, { labelSmoothing }),
    metrics: { accuracy: accuracyMetric },
    optimizer,
    epochs,
    schedule: oneCycle(learningRate, rise),
    ...await training.follow({ loader, optimizer, epochs }), // shows, stops, saves, and goes on
  });
}

// ── The measurement ──

async function test(model: Sequential, testing: Testing<Photographs>): Promise<Evaluation> {
  const { data, noted, signal } = testing;
  const batches = new DataLoader(data.test, { batchSize: 250, transform: normalized });
  return await evaluate(model, batches, { loss: noted(crossEntropy), signal });
}

// ── The comparison: the CNN, and an MLP that gets the same images in the same order ──

export const cifar10 = particulars({ convolutional, dense, presets, recipe, setAside });
if (import.meta.main) await runMilestone({ ...cifar10, load, chance, train, test });
