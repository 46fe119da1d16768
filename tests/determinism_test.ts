/**
 * The same seed gives the same run, to the last bit.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { compose, DataLoader, normalize, randomHorizontalFlip } from "#dataloader";
import { randomShift, randomSplit, type Subset, TensorDataset } from "#dataloader";
import { Dropout, Flatten, Linear, type Module, type Parameter, ReLU, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { Adam, AdamW, type Optimizer, SGD } from "#optimizers";
import { Generator } from "#random";
import { AvgPool2d, BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";
import { Tensor } from "#tensor";
import { type Batch, cosine, evaluate, fit, trainStep, warmup } from "#training";
import { test } from "../course/sandbox/register.ts";

// ── Help ──

type Make = (parameters: readonly Parameter[]) => Optimizer;

const makers: readonly (readonly [name: string, make: Make])[] = [
  ["SGD", (w) => new SGD(w, { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-3 })],
  ["Nesterov", (w) => new SGD(w, { learningRate: 0.1, momentum: 0.9, nesterov: true })],
  ["Adam", (w) => new Adam(w, { learningRate: 0.01 })],
  ["AdamW", (w) => new AdamW(w, { learningRate: 0.01, weightDecay: 0.1 })],
];
const [[, makeSGD], , [, makeAdam]] = makers;

/** All that a run needs, drawn from one seed. */
interface Setting {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly loader: DataLoader;
  readonly held: DataLoader;
  /** Whatever draws numbers while the model learns, beside the loader's own generator. */
  readonly generators: readonly Generator[];
}

/** A small convolutional network and 48 images: 38 to learn from, in 5 batches, 10 held back. */
function setUp(seed: number, make: Make): Setting {
  const [pictures, weights, drop, order, split, look] = new Generator(seed).split(6);
  const inputs = Tensor.normal([48, 1, 6, 6], pictures);
  const labels = Int32Array.from({ length: 48 }, () => pictures.integer(3));
  const model = new Sequential(
    new Conv2d(1, 4, 3, { generator: weights, padding: "same" }),
    new BatchNorm2d(4),
    new ReLU(),
    new MaxPool2d(2),
    new AvgPool2d(2, { stride: 1 }),
    new Flatten(),
    new Dropout(0.25, { generator: drop }),
    new Linear(16, 3, { generator: weights }),
  );
  const data = new TensorDataset(inputs, labels);
  const [seen, held]: Subset[] = randomSplit(data, [38, 10], split);
  const transform = compose(
    randomHorizontalFlip(look),
    randomShift(1, look),
    normalize([0.1], [0.9]),
  );
  return {
    model,
    optimizer: make(model.parameters()),
    loader: new DataLoader(seen, { batchSize: 8, shuffle: order, transform }),
    held: new DataLoader(held, { batchSize: 4 }),
    generators: [drop, look],
  };
}

/** The bits of all tensors of a state. */
function bitsOf(state: ReadonlyMap<string, Tensor>): [name: string, bits: Uint8Array][] {
  return Array.from(state, ([name, { data }]) => [name, new Uint8Array(data.slice().buffer)]);
}

/** What a run leaves behind. */
interface Run {
  readonly before: [name: string, bits: Uint8Array][];
  readonly after: [name: string, bits: Uint8Array][];
  readonly memory: [name: string, bits: Uint8Array][];
  readonly numbers: readonly unknown[];
}

/** Learns for two epochs, two batches a step: 38 = 16 + 16 + 6. */
async function train(seed: number, make: Make): Promise<Run> {
  const { model, optimizer, loader, held, generators } = setUp(seed, make);
  const before = bitsOf(model.stateDict()), steps: number[] = [];
  const history = await fit(model, loader, {
    loss: (scores, labels) => crossEntropy(scores, labels, { labelSmoothing: 0.1 }),
    optimizer,
    epochs: 2,
    accumulate: 2,
    maxNorm: 1,
    schedule: warmup(cosine(0.1), 0.3),
    onStep: ({ loss }) => steps.push(loss),
  });
  assertEquals([loader.length, steps.length], [5, 6]);
  const { loss, accuracy, predictions } = await evaluate(model, held, { loss: crossEntropy });
  return {
    before,
    after: bitsOf(model.stateDict()),
    memory: bitsOf(optimizer.stateDict()),
    numbers: [
      history,
      steps,
      loss,
      accuracy,
      [...predictions],
      loader.state,
      generators.map(({ state }) => state),
    ],
  };
}

// ── Twice ──

for (const [name, make] of makers) {
  test(`a run with ${name} gives the same bits twice`, async () => {
    const first = await train(1, make), second = await train(1, make);
    assertEquals(second, first);
  });
}

test("a run moves every parameter and statistic, and all numbers stay finite", async () => {
  const { before, after, numbers: [, steps, loss] } = await train(1, makeAdam);
  const names = ["0.weight", "0.bias", "1.weight", "1.bias", "1.runningMean", "1.runningVariance"];
  assertEquals(
    after.map(([name]) => name),
    [...names, "7.weight", "7.bias"].map((s) => `layers.${s}`),
  );
  after.forEach(([, bits], k) => assertNotEquals(bits, before[k][1]));
  assert([steps, loss].flat().every(Number.isFinite));
});

test("another seed gives other weights", async () => {
  const first = await train(1, makeAdam), other = await train(2, makeAdam);
  first.before.forEach(([name, bits], k) => {
    // γ, β and the statistics begin as ones and zeros, whatever the seed
    assertEquals(String(bits) !== String(other.before[k][1]), !name.startsWith("layers.1."));
    assertNotEquals(first.after[k], other.after[k]);
  });
});

test("a run in between does not change the next one", async () => {
  const alone = await train(1, makeSGD);
  const [, between] = await Promise.all([train(3, makeAdam), train(1, makeSGD)]); // both at once
  assertEquals(between, alone);
});

// ── By hand ──

/** Walks one epoch, or what is left of it, two batches a step; leaves after `most` steps. */
function learnByHand({ model, optimizer, loader }: Setting, most = Infinity): number[] {
  const losses: number[] = [];
  let group: Batch[] = [];
  for (const batch of loader) {
    if (group.push(batch) < 2 && loader.state.position > 0) continue; // the last one stands alone
    losses.push(trainStep(model, group, { loss: crossEntropy, optimizer, maxNorm: 1 }));
    group = [];
    if (losses.length >= most) break;
  }
  return losses;
}

test("trainStep() by hand is what fit() does, to the last bit", async () => {
  const byHand = setUp(1, makeAdam), fitted = setUp(1, makeAdam), steps: number[] = [];
  const losses = [...learnByHand(byHand), ...learnByHand(byHand)];
  await fit(fitted.model, fitted.loader, {
    loss: crossEntropy,
    optimizer: fitted.optimizer,
    epochs: 2,
    accumulate: 2,
    maxNorm: 1,
    onStep: ({ loss }) => steps.push(loss),
  });
  assertEquals(losses, steps);
  assertEquals(bitsOf(byHand.model.stateDict()), bitsOf(fitted.model.stateDict()));
  assertEquals(bitsOf(byHand.optimizer.stateDict()), bitsOf(fitted.optimizer.stateDict()));
});

for (const [name, make] of makers) {
  test(`a run with ${name} that was stopped goes on as if it had not been`, () => {
    const whole = setUp(1, make), expected = [1, 2, 3].flatMap(() => learnByHand(whole));
    const first = setUp(1, make);
    const losses = [...learnByHand(first), ...learnByHand(first, 1)];
    const { state } = first.loader, states = first.generators.map((generator) => generator.state);

    const other = setUp(1, make);
    learnByHand(other); // nothing is as it was
    other.model.loadStateDict(first.model.stateDict());
    other.optimizer.loadStateDict(first.optimizer.stateDict());
    other.loader.restore(state);
    other.generators.forEach((generator, k) => generator.restore(states[k]));
    assertEquals([...losses, ...learnByHand(other), ...learnByHand(other)], expected);
    assertEquals(bitsOf(other.model.stateDict()), bitsOf(whole.model.stateDict()));
    assertEquals(bitsOf(other.optimizer.stateDict()), bitsOf(whole.optimizer.stateDict()));
  });
}
