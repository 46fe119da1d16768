/**
 * The networks whose training is timed: the same ones here, in PyTorch and in other JavaScript
 * libraries. Two see pictures of 32 × 32 points in colour and learn by plain SGD; three are those of
 * milestone 04, which see 8 × 8 points in grey.
 *
 * Throughout: B pictures in a batch · C channels · H, W height and width · o before one: its output
 *
 * @module
 */
import { Flatten, Linear, ReLU, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { SGD, type SGDOptions } from "#optimizers";
import { Generator } from "#random";
import { Conv2d, MaxPool2d } from "#spatial";
import { Tensor } from "#tensor";
import { type Batch, trainStep } from "#training";
import { models } from "../milestones/04_1998_cnn/01_tinydigits.ts";

/** A network, and how it is trained. */
export interface Network {
  /** What the command line calls it. */
  readonly key: string;
  /** What the tables call it. */
  readonly title: string;
  /** B, how many pictures a step learns from. */
  readonly batch: number;
  /** Shape of one picture, (C, H, W). */
  readonly inputShape: readonly [number, number, number];
  /** What SGD is told. */
  readonly sgd: Readonly<SGDOptions>;
  /** Makes it, with weights drawn from a generator. */
  readonly build: (generator: Generator) => Sequential;
}

/** Two wide convolutions: nearly all of the work is theirs. */
function wideCNN(generator: Generator): Sequential {
  return new Sequential(
    new Conv2d(3, 32, 3, { generator }), // (B, 3, 32, 32) → (B, 32, 30, 30)
    new ReLU(),
    new MaxPool2d(2), // → (B, 32, 15, 15)
    new Conv2d(32, 64, 3, { generator }), // → (B, 64, 13, 13)
    new ReLU(),
    new MaxPool2d(2), // → (B, 64, 6, 6); a row and a column are left over
    new Flatten(),
    new Linear(2304, 256, { generator }),
    new ReLU(),
    new Linear(256, 10, { generator }),
  );
}

/** LeNet-5 as it is drawn today: with ReLU and max-pooling, and on pictures in colour. */
function leNet5(generator: Generator): Sequential {
  return new Sequential(
    new Conv2d(3, 6, 5, { generator }), // (B, 3, 32, 32) → (B, 6, 28, 28)
    new ReLU(),
    new MaxPool2d(2), // → (B, 6, 14, 14)
    new Conv2d(6, 16, 5, { generator }), // → (B, 16, 10, 10)
    new ReLU(),
    new MaxPool2d(2), // → (B, 16, 5, 5)
    new Flatten(),
    new Linear(400, 120, { generator }),
    new ReLU(),
    new Linear(120, 84, { generator }),
    new ReLU(),
    new Linear(84, 10, { generator }),
  );
}

/** One of milestone 04's models, with the milestone's optimizer and batches of 32. */
function tinyDigits(key: string, of: string, title: string): Network {
  const spec = models.find((model) => model.key === of);
  if (!spec) throw new RangeError(`Cannot time ${of}: milestone 04 has no such model`);
  const sgd = { learningRate: 0.01, momentum: 0.9, weightDecay: 5e-4 };
  return { key, title, batch: 32, inputShape: [1, 8, 8], sgd, build: spec.build };
}

const colour = { batch: 64, inputShape: [3, 32, 32], sgd: { learningRate: 0.01 } } as const;

/** All networks, in the order in which they are shown. */
export const networks: readonly Network[] = [
  { key: "A", title: "CNN 32-64-256", ...colour, build: wideCNN },
  { key: "B", title: "LeNet-5", ...colour, build: leNet5 },
  tinyDigits("cnn", "one-conv", "TinyDigits CNN"),
  tinyDigits("mlp", "mlp", "TinyDigits MLP"),
  tinyDigits("lenet", "lenet", "Small LeNet"),
];

/**
 * Finds a network.
 *
 * @param key What the command line calls it.
 * @returns The network.
 * @throws {RangeError} If there is none of that name.
 */
export function networkOf(key: string): Network {
  const network = networks.find((network) => network.key === key);
  if (network) return network;
  const known = networks.map(({ key }) => key).join(", ");
  throw new RangeError(`Cannot time ${key}: there is no such network, only ${known}`);
}

/** A network and the one batch that it learns again and again. */
export interface Task {
  readonly model: Sequential;
  readonly batch: Batch;
}

/**
 * Builds a network, and draws a batch for it.
 *
 * @param network Which.
 * @param options Seed of the weights and of the pictures.
 * @returns The model and the batch; always the same for the same seed.
 */
export function taskOf(
  { batch, inputShape, build }: Network,
  { seed }: { readonly seed: number },
): Task {
  const generator = new Generator(seed), model = build(generator);
  const inputs = Tensor.uniform([batch, ...inputShape], generator);
  const targets = Int32Array.from({ length: batch }, (_, k) => k % 10);
  return { model, batch: { inputs, targets } };
}

/**
 * Makes a function that takes one step of training: forward, backward, update.
 *
 * @param network Which network.
 * @param options Seed of the weights and of the pictures.
 * @returns The function; it returns the loss before its step.
 */
export function stepOf(network: Network, options: { readonly seed: number }): () => number {
  const { model, batch } = taskOf(network, options);
  const optimizer = new SGD(model.parameters(), network.sgd);
  return () => trainStep(model, [batch], { loss: crossEntropy, optimizer });
}
