/**
 * The same seed gives the same run, to the last bit.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { DataLoader, TensorDataset } from "#dataloader";
import { Flatten, Linear, ReLU, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import { BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";
import { Tensor } from "#tensor";
import { cosine, evaluate, fit } from "#training";
import { test } from "./kit/register.ts";

/** What a run leaves behind, as bits. */
interface Run {
  readonly before: Uint8Array[];
  readonly after: Uint8Array[];
  readonly losses: number[];
}

/** The bits of all parameters and running statistics. */
function bitsOf(tensors: readonly Tensor[]): Uint8Array[] {
  return tensors.map(({ data }) => new Uint8Array(data.slice().buffer));
}

/** Trains a small convolutional network for five steps: 36 images in batches of 8. */
async function train(seed: number): Promise<Run> {
  const [pictures, weights, order] = new Generator(seed).split(3);
  const inputs = Tensor.normal([36, 1, 6, 6], pictures);
  const labels = Int32Array.from({ length: 36 }, () => pictures.integer(3));
  const norm = new BatchNorm2d(4);
  const model = new Sequential(
    new Conv2d(1, 4, 3, { generator: weights, padding: 1 }),
    norm,
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(36, 3, { generator: weights }),
  );
  const kept = [...model.parameters(), norm.runningMean, norm.runningVariance];
  const before = bitsOf(kept);
  const loader = new DataLoader(new TensorDataset(inputs, labels), {
    batchSize: 8,
    shuffle: order,
  });
  assertEquals(loader.length, 5);
  const optimizer = new SGD(model.parameters(), {
    learningRate: 0.1,
    momentum: 0.9,
    weightDecay: 1e-3,
  });
  const history = await fit(model, loader, {
    loss: crossEntropy,
    optimizer,
    epochs: 1,
    schedule: cosine(0.1),
  });
  const { loss } = await evaluate(model, loader, crossEntropy);
  return { before, after: bitsOf(kept), losses: [history[0].loss, loss] };
}

test("five steps of a small CNN give the same bits twice", async () => {
  const first = await train(1), second = await train(1);
  assertEquals(first.after, second.after);
  assertEquals(first.losses, second.losses);
});

test("five steps of a small CNN move every parameter and statistic", async () => {
  const { before, after, losses } = await train(1);
  after.forEach((bits, k) => assertNotEquals(bits, before[k]));
  assert(losses.every(Number.isFinite));
});

test("another seed gives other weights", async () => {
  const first = await train(1), other = await train(2);
  first.before.forEach((bits, k) => {
    // γ, β and the statistics begin as ones and zeros, whatever the seed
    const isDrawn = [0, 1, 4, 5].includes(k);
    assertEquals(String(bits) !== String(other.before[k]), isDrawn);
    assertNotEquals(first.after[k], other.after[k]);
  });
});

test("a run in between does not change the next one", async () => {
  const alone = await train(1);
  const [, between] = await Promise.all([train(3), train(1)]); // two runs at once
  assertEquals(between.after, alone.after);
});
