/**
 * The six models of milestone 04, part 1.
 *
 * @module
 */
import { Flatten, Linear, type Parameter, ReLU, Sequential } from "#layers";
import type { Generator } from "#random";
import { BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";

/** A model that takes part in the comparison. */
export interface ModelSpec {
  /** What `--models` calls it. */
  readonly key: string;
  /** What the tables call it. */
  readonly title: string;
  /** Makes it, with weights drawn from a generator. */
  readonly build: (generator: Generator) => Sequential;
  /** Whether its filters stay as they were drawn. */
  readonly frozen?: boolean;
}

/** A network without any idea of a plane: 64 numbers in, one hidden layer. */
function mlp(hidden: number): ModelSpec["build"] {
  return (generator) =>
    new Sequential(
      new Flatten(),
      new Linear(64, hidden, { generator }),
      new ReLU(),
      new Linear(hidden, 10, { generator }),
    );
}

/** One convolution, and a decision straight from what it saw. */
function oneConvolution(generator: Generator): Sequential {
  return new Sequential(
    new Conv2d(1, 8, 3, { generator }), // (B, 1, 8, 8) → (B, 8, 6, 6)
    new ReLU(),
    new MaxPool2d(2), // → (B, 8, 3, 3)
    new Flatten(),
    new Linear(72, 10, { generator }),
  );
}

/** Two convolutions, each followed by pooling: LeNet-5's idea at a thirtieth of its size. */
function smallLeNet(generator: Generator): Sequential {
  return new Sequential(
    new Conv2d(1, 8, 3, { generator, padding: 1, bias: false }), // (B, 1, 8, 8) → (B, 8, 8, 8)
    new BatchNorm2d(8),
    new ReLU(),
    new MaxPool2d(2), // → (B, 8, 4, 4)
    new Conv2d(8, 16, 3, { generator, padding: 1, bias: false }), // → (B, 16, 4, 4)
    new BatchNorm2d(16),
    new ReLU(),
    new MaxPool2d(2), // → (B, 16, 2, 2)
    new Flatten(),
    new Linear(64, 10, { generator }),
  );
}

/** The same convolutions without pooling: the last layer sees all 64 places of each map. */
function unpooledLeNet(generator: Generator): Sequential {
  return new Sequential(
    new Conv2d(1, 8, 3, { generator, padding: 1, bias: false }), // (B, 1, 8, 8) → (B, 8, 8, 8)
    new BatchNorm2d(8),
    new ReLU(),
    new Conv2d(8, 16, 3, { generator, padding: 1, bias: false }), // → (B, 16, 8, 8)
    new BatchNorm2d(16),
    new ReLU(),
    new Flatten(),
    new Linear(1024, 10, { generator }),
  );
}

/** All models, in the order in which they are shown. */
export const models: readonly ModelSpec[] = [
  { key: "mlp", title: "MLP 64-32-10", build: mlp(32) },
  { key: "wide", title: "Wide MLP 64-128-10", build: mlp(128) },
  { key: "one-conv", title: "One convolution", build: oneConvolution },
  { key: "unpooled", title: "Unpooled LeNet", build: unpooledLeNet },
  { key: "lenet", title: "Small LeNet", build: smallLeNet },
  { key: "frozen", title: "Frozen LeNet", build: smallLeNet, frozen: true },
];

/** The models that are compared when nothing else is asked for. */
export const defaultModels: readonly string[] = ["mlp", "one-conv", "lenet"];

/** The convolutions of a model, first to last. */
export function convolutions(model: Sequential): Conv2d[] {
  return model.layers.filter((layer) => layer instanceof Conv2d);
}

/** What training may change: everything, or everything but the filters. */
export function trainable(spec: ModelSpec, model: Sequential): Parameter[] {
  const filters = new Set(convolutions(model).map((layer) => layer.weight));
  return model.parameters().filter((parameter) => !(spec.frozen && filters.has(parameter)));
}
