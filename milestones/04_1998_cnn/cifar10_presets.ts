/**
 * The two networks of milestone 04, part 2, and how they are trained.
 *
 * @module
 */
import { Flatten, Linear, type Module, ReLU, Sequential } from "#layers";
import type { Generator } from "#random";
import { BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";

/** How a network is trained. */
export interface Preset {
  /** What `--preset` calls it. */
  readonly key: string;
  /** What it is for. */
  readonly purpose: string;
  /** How many of the training images are used; all by default. */
  readonly images?: number;
  /** Passes over them. */
  readonly epochs: number;
  /** The greatest learning rate. */
  readonly learningRate: number;
  /** The same for the MLP, which a rate that suits convolutions throws about. */
  readonly denseLearningRate: number;
  /** AdamW's pull towards 0. */
  readonly weightDecay: number;
}

/** All presets. They were chosen with `--validate`, on 5,000 training images set aside. */
export const presets: readonly Preset[] = [
  {
    key: "quick",
    purpose: "a first look at the whole way",
    images: 20_000,
    epochs: 1,
    learningRate: 0.006,
    denseLearningRate: 0.001,
    weightDecay: 0.02,
  },
  {
    key: "standard",
    purpose: "the milestone",
    epochs: 4,
    learningRate: 0.006,
    denseLearningRate: 0.001,
    weightDecay: 0.02,
  },
  {
    key: "best",
    purpose: "what this network can do",
    epochs: 10,
    learningRate: 0.008,
    denseLearningRate: 0.001,
    weightDecay: 0.03,
  },
];

/** What is the same for all presets and both networks. */
export const recipe = {
  batchSize: 128,
  labelSmoothing: 0.05,
  /** Pixels by which an image is shifted at most. */
  shift: 3,
  /** The part of the training in which the learning rate rises. */
  rise: 0.25,
  /** Mean and standard deviation of red, green and blue over the published training images. */
  means: [0.4914, 0.4822, 0.4465],
  deviations: [0.247, 0.2435, 0.2616],
} as const;

/** How many training images `--validate` sets aside. */
export const setAside = 5_000;

/** A network that takes part. */
export interface NetworkSpec {
  /** What files and documents call it. */
  readonly key: "cnn" | "mlp";
  /** What tables call it. */
  readonly title: string;
  /** Makes it, with weights drawn from a generator. */
  readonly build: (generator: Generator) => Sequential;
  /** The greatest learning rate that a preset gives it. */
  readonly learningRate: (preset: Preset) => number;
}

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
    new Flatten(),
    new Linear(1024, 10, { generator }),
  );
}

/**
 * More than half of the CNN's multiplications, and about as long to train, since each of them has a
 * weight of its own, which the optimizer looks at in every step. With 14.7 million weights it was no
 * better, and took the run above 1 GB of memory.
 */
function mlp(generator: Generator): Sequential {
  return new Sequential(
    new Flatten(),
    new Linear(3072, 2048, { generator }),
    new ReLU(),
    new Linear(2048, 1024, { generator }),
    new ReLU(),
    new Linear(1024, 10, { generator }),
  );
}

/** The network of the milestone. */
export const convolutional: NetworkSpec = {
  key: "cnn",
  title: "CNN 32-64-128-256",
  build: cnn,
  learningRate: (preset) => preset.learningRate,
};

/** The one beside it. */
export const dense: NetworkSpec = {
  key: "mlp",
  title: "MLP 2048-1024",
  build: mlp,
  learningRate: (preset) => preset.denseLearningRate,
};
