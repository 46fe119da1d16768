/**
 * The same run under every runtime. `Math.exp`, `Math.log`, `Math.log1p`, `Math.cos` and `**` may
 * differ in their last digit from engine to engine, in float64; rounded to float32, as networks use
 * them, the difference is gone, and only rarely leaves a trace. Random numbers and square roots are
 * the same to the last bit everywhere.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { DataLoader, TensorDataset } from "#dataloader";
import { Flatten, GELU, Linear, type Module, ReLU, Sequential, Tanh } from "#layers";
import { crossEntropy } from "#losses";
import { Adam } from "#optimizers";
import { Generator } from "#random";
import { BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";
import { Tensor } from "#tensor";
import { cosine, fit } from "#training";
import { loadTinyDigits } from "../datasets/tinydigits.ts";
import { test } from "../course/sandbox/register.ts";

/** Mean losses of two epochs of TinyDigits, as Deno 2.9 and Bun 1.4 both print them. */
const losses: Readonly<Record<string, readonly string[]>> = {
  ReLU: ["0.953167", "0.253407"],
  Tanh: ["1.11190", "0.384249"],
  GELU: ["0.876855", "0.221634"],
};

const activations: Readonly<Record<string, () => Module>> = {
  ReLU: () => new ReLU(),
  Tanh: () => new Tanh(),
  GELU: () => new GELU(),
};

for (const [name, activation] of Object.entries(activations)) {
  test(`a TinyDigits run with ${name} prints the same losses to six digits everywhere`, async () => {
    const { images, labels, shape } = (await loadTinyDigits()).train;
    const [weights, shuffle] = new Generator(1998).split(2), generator = weights;
    const model = new Sequential(
      new Conv2d(1, 8, 3, { generator, padding: "same" }),
      new BatchNorm2d(8),
      activation(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(128, 10, { generator }),
    );
    const dataset = new TensorDataset(new Tensor(images, shape), labels);
    const history = await fit(model, new DataLoader(dataset, { batchSize: 32, shuffle }), {
      loss: crossEntropy,
      optimizer: new Adam(model.parameters(), { learningRate: 0.01 }),
      epochs: 2,
      schedule: cosine(0.01),
    });
    assertEquals(history.map(({ loss }) => loss.toPrecision(6)), losses[name]);
  });
}
