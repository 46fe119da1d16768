/**
 * Networks as ONNX files: run by another program they say what they say here.
 *
 * The program that runs them is ONNX Runtime, compiled to WebAssembly, from npm. It is named here
 * and not in the project's configuration, because only these tests need it. Under Bun they run in a
 * process of their own, since `bun test` fetches no packages:
 *
 *   bun run tests/onnx_test.ts alone
 *
 * @module
 */
import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import process from "node:process";
import type * as Runtime from "npm:onnxruntime-web@1.30.0";
import { noGrad } from "#autograd";
import { Dropout, Flatten, Linear, type Module, ReLU, Sequential, Sigmoid } from "#layers";
import { Generator } from "#random";
import { BatchNorm2d, Conv2d, MaxPool2d } from "#spatial";
import { type DType, Tensor } from "#tensor";
import { encodeOnnx } from "../milestones/report/onnx.ts";
import { test } from "../course/sandbox/register.ts";

const onnxRuntime = "onnxruntime-web@1.30.0";
const image = [3, 11, 9] as const;
const normalized = { means: [0.5, 0.25, 0.75], deviations: [0.25, 0.5, 0.125] };

/** Runs the bytes of a file on images. */
async function run(bytes: Uint8Array, images: Tensor): Promise<Tensor> {
  const { env, InferenceSession, Tensor: Input }: typeof Runtime = await import(
    "Deno" in globalThis ? `npm:${onnxRuntime}` : onnxRuntime
  );
  env.wasm.numThreads = 1; // a thread would outlive the test
  const session = await InferenceSession.create(bytes);
  assertEquals([session.inputNames, session.outputNames], [["images"], ["scores"]]);
  const input = new Input("float32", Float32Array.from(images.data), images.shape);
  const { scores: { data, dims } } = await session.run({ images: input });
  await session.release();
  if (!(data instanceof Float32Array)) throw new TypeError("The scores are not float32");
  return new Tensor(data, dims);
}

/** Fails unless the file says of random images what the network says of them normalised. */
async function assertAgrees(model: Sequential, batch: number, dtype?: DType): Promise<void> {
  const images = Tensor.uniform([batch, ...image], new Generator(1), { dtype });
  const scores = await run(await encodeOnnx(model, image, normalized), images);
  const [means, deviations] = [normalized.means, normalized.deviations].map((values) =>
    Tensor.of(values, { dtype }).reshape([3, 1, 1])
  );
  const expected = noGrad(() => model.eval().forward(images.sub(means).div(deviations)));
  assertEquals([...scores.shape], [...expected.shape]);
  expected.data.forEach((e, k) => assertLess(Math.abs(scores.data[k] - e), 1e-4));
}

/** A network of every layer that can be exported; its normalisation has seen two batches. */
function everyLayer(): Sequential {
  const generator = new Generator(1);
  const norm = new BatchNorm2d(4, { epsilon: 0.01 });
  norm.weight.write((data) => data.set([1, -2, 0.5, 0]));
  norm.bias.write((data) => data.set([0, 0.5, -1, 2]));
  const model = new Sequential(
    new Conv2d(3, 4, [3, 2], { stride: [2, 1], padding: [1, 0], generator }), // → (4, 6, 8)
    norm,
    new ReLU(),
    new MaxPool2d(3, { stride: 2, padding: 1 }), // → (4, 3, 4)
    new Dropout(0.5, { generator }),
    new Flatten(),
    new Linear(48, 5, { generator }),
  );
  for (let k = 0; k < 2; k++) {
    model.forward(Tensor.normal([4, ...image], generator, { mean: 3, standardDeviation: 2 }));
  }
  return model;
}

/** What is tested, by sentence. */
const checks = new Map<string, () => Promise<void>>();

for (const batch of [1, 3]) {
  const sentence = `encodeOnnx() writes a network that scores a batch of ${batch} as it does here`;
  checks.set(sentence, () => assertAgrees(everyLayer(), batch));
}

checks.set("encodeOnnx() writes evaluation, and leaves the network in training", async () => {
  const model = everyLayer(), state = model.stateDict();
  const bytes = await encodeOnnx(model, image, normalized);
  assertEquals([...model.namedModules().values()].filter(({ training }) => !training), []);
  assertEquals(model.stateDict(), state);
  assertEquals(bytes, await encodeOnnx(model.eval(), image, normalized));
});

checks.set(
  "encodeOnnx() leaves images as they are, unless it is told how to normalise",
  async () => {
    const model = new Sequential(
      new Flatten(),
      new Linear(297, 2, { generator: new Generator(1) }),
    );
    const images = Tensor.uniform([2, ...image], new Generator(2));
    const scores = await run(await encodeOnnx(model, image), images);
    const expected = noGrad(() => model.forward(images));
    expected.data.forEach((e, k) => assertLess(Math.abs(scores.data[k] - e), 1e-5));
  },
);

const generator = new Generator(1), plain = { bias: false, generator };
const farAway = new BatchNorm2d(3, { momentum: 1 });
farAway.forward(Tensor.normal([2, ...image], generator, { mean: 200 }));
const others: [what: string, layers: Module[], dtype?: DType][] = [
  ["windows of even sides, padded to the same size", [
    new Conv2d(3, 2, [2, 4], { padding: "same", dilation: [3, 1], ...plain }),
  ]],
  ["windows of distant pixels", [new Conv2d(3, 2, 3, { dilation: [2, 3], ...plain })]],
  ["pooling to the same size", [new MaxPool2d([2, 3], { stride: 1, padding: "same" })]],
  ["pooling that leaves pixels over", [new MaxPool2d(2, { padding: "valid" })]],
  ["a normalisation whose mean is far away", [farAway]],
  ["rows without bias", [
    new Flatten(),
    new Linear(297, 2, plain),
    new Dropout(0.5, { generator }),
  ]],
  ["float64", [new Conv2d(3, 2, 3, { dtype: "float64", ...plain }), new ReLU()], "float64"],
];
for (const [what, layers, dtype] of others) {
  const model = new Sequential(...layers);
  checks.set(`encodeOnnx() writes ${what}`, () => assertAgrees(model, 2, dtype));
}

const { means, deviations } = normalized;
const refused: [what: string, error: string, given: Parameters<typeof encodeOnnx>][] = [
  [
    "a layer that it does not know",
    "ValueError: Cannot export Sigmoid: ONNX export knows " +
    "Flatten, Linear, ReLU, Dropout, Conv2d, BatchNorm2d, MaxPool2d",
    [new Sequential(new Flatten(), new Sigmoid()), image, normalized],
  ],
  [
    "a layer of one's own, which may compute what it likes",
    "ValueError: Cannot export Leaky: ONNX export knows " +
    "Flatten, Linear, ReLU, Dropout, Conv2d, BatchNorm2d, MaxPool2d",
    [new Sequential(new (class Leaky extends ReLU {})()), image, normalized],
  ],
  [
    "a Linear over the last axis of images",
    "ShapeError: Cannot export Linear for (1, 3, 11, 9): ONNX takes rows (B, I)",
    [new Sequential(new Linear(9, 2, plain)), image, normalized],
  ],
  [
    "images that do not fit the network",
    "ShapeError: Cannot convolve (1, 3, 11, 9) with (2, 1, 3, 3): " +
    "it takes images (B, C, H, W) and filters (F, C, K, K) of as many channels",
    [new Sequential(new Conv2d(1, 2, 3, plain)), image, normalized],
  ],
  [
    "means of other channels",
    "ShapeError: Cannot reshape (2,) to (1, 3, 1, 1): the count must stay, 2 is not 3",
    [new Sequential(new Flatten()), image, { means: means.slice(1), deviations }],
  ],
];
for (const [what, error, given] of refused) {
  checks.set(`encodeOnnx() refuses ${what}`, async () => {
    assertEquals(String(await assertRejects(() => encodeOnnx(...given), Error)), error);
  });
}

if ("Deno" in globalThis) {
  for (const [sentence, check] of checks) test(sentence, check);
} else if (process.argv.includes("alone")) {
  for (const check of checks.values()) await check();
  console.log(`${checks.size} checks hold`);
} else {
  test("what is said of encodeOnnx() holds, run by itself: bun test fetches no packages", () => {
    const args = ["run", fromFileUrl(import.meta.url), "alone"];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assertEquals([status, stdout], [0, `${checks.size} checks hold\n`], stderr);
  });
}
