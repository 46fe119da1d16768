/**
 * Holds every operation against PyTorch: the values that it gives and the gradients that flow back,
 * as fixtures/make.py took them down in float64.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { readFileSync } from "node:fs";
import * as activations from "#activations";
import { backward, gradients, leaf } from "#autograd";
import { Parameter } from "#layers";
import * as losses from "#losses";
import { Adam, AdamW, type Optimizer, SGD } from "#optimizers";
import * as spatial from "#spatial";
import { type Padding, type Range, Tensor } from "#tensor";
import * as training from "#training";
import { test } from "../course/sandbox/register.ts";

/** A tensor in a fixture; infinities and NaN stand as words. */
interface Plain {
  readonly shape: readonly number[];
  readonly data: readonly (number | string)[];
}

/** One case, as make.py writes it. */
interface Case {
  readonly op: string;
  readonly note?: string;
  readonly inputs: readonly Plain[];
  // deno-lint-ignore no-explicit-any -- each operation has its own options
  readonly options: any;
  readonly labels?: readonly number[];
  readonly output: Plain;
  readonly weights?: Plain;
  readonly gradients?: readonly Plain[];
}

/** Reads one file of cases. */
function read<T = Case>(name: string): T[] {
  const path = fromFileUrl(new URL(`fixtures/${name}.json`, import.meta.url));
  return JSON.parse(readFileSync(path, "utf8"));
}

const words: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: NaN };

function number(value: number | string): number {
  return typeof value === "number" ? value : words[value];
}

function tensorOf({ data, shape }: Plain): Tensor {
  return new Tensor(Float64Array.from(data, number), shape);
}

/** What the operation of a case is called with us. */
type Compute = (inputs: readonly Tensor[], given: Case) => Tensor;

const operations: Readonly<Record<string, Compute>> = {
  add: ([a, b]) => a.add(b),
  sub: ([a, b]) => a.sub(b),
  mul: ([a, b]) => a.mul(b),
  div: ([a, b]) => a.div(b),
  maximum: ([a, b]) => a.maximum(b),
  neg: ([x]) => x.neg(),
  exp: ([x]) => x.exp(),
  log: ([x]) => x.log(),
  sqrt: ([x]) => x.sqrt(),
  abs: ([x]) => x.abs(),
  pow: ([x], { options: { exponent } }) => x.pow(exponent),
  clip: ([x], { options: { low, high } }) => x.clip(low, high),
  sum: ([x], { options: { axes, keepDims } }) => x.sum(axes, { keepDims }),
  mean: ([x], { options: { axes, keepDims } }) => x.mean(axes, { keepDims }),
  max: ([x], { options: { axes, keepDims } }) => x.max(axes, { keepDims }),
  min: ([x], { options: { axes, keepDims } }) => x.min(axes, { keepDims }),
  variance: ([x], { options: { axes, correction } }) => x.variance(axes, { correction }),
  argmax: ([x], { options: { axis } }) => x.argmax(axis),
  matmul: ([a, b]) => a.matmul(b),
  reshape: ([x], { options: { shape } }) => x.reshape(shape),
  permute: ([x], { options: { order } }) => x.permute(order),
  expand: ([x], { options: { shape } }) => x.expand(shape),
  slice: ([x], { options }) => x.slice(...options.ranges as Range[]),
  pad: ([x], { options }) => x.pad(options.padding as Padding),
  concat: (parts, { options: { axis } }) => Tensor.concat(parts, axis),
  stack: (parts, { options: { axis } }) => Tensor.stack(parts, axis),
  gather: ([x], { options: { axis, index } }) => x.gather(axis, Tensor.of(index)),
  relu: ([x]) => activations.relu(x),
  leakyRelu: ([x], { options: { slope } }) => activations.leakyRelu(x, slope),
  sigmoid: ([x]) => activations.sigmoid(x),
  tanh: ([x]) => activations.tanh(x),
  gelu: ([x]) => activations.gelu(x),
  softmax: ([x], { options: { axis } }) => activations.softmax(x, axis),
  logSoftmax: ([x], { options: { axis } }) => activations.logSoftmax(x, axis),
  mseLoss: ([x, targets], { options }) => losses.mseLoss(x, targets, options),
  crossEntropy: ([x], { labels, options }) =>
    losses.crossEntropy(x, Int32Array.from(labels ?? []), options),
  crossEntropyOfProbabilities: ([x], { options: { targets, ...options } }) =>
    losses.crossEntropy(x, tensorOf(targets), options),
  binaryCrossEntropy: ([x, targets], { options }) => losses.binaryCrossEntropy(x, targets, options),
  conv2d: ([x, weight, bias = null], { options }) => spatial.conv2d(x, weight, bias, options),
  unfold: ([x], { options }) => spatial.unfold(x, options),
  maxPool2d: ([x], { options: { kernelSize, ...options } }) =>
    spatial.maxPool2d(x, kernelSize, options),
  avgPool2d: ([x], { options: { kernelSize, ...options } }) =>
    spatial.avgPool2d(x, kernelSize, options),
  globalAvgPool2d: ([x]) => spatial.globalAvgPool2d(x),
  batchNorm2d: ([x, gamma, beta]) => spatial.batchNorm2d(x, gamma, beta),
};

/** Equal shapes, and each number within 1e-9 relative to the larger of 1 and what is expected. */
function assertClose(actual: Tensor, expected: Plain, what: string): void {
  assertEquals([...actual.shape], [...expected.shape], `${what}: shape`);
  expected.data.map(number).forEach((value, i) => {
    const got = actual.data[i];
    const close = Object.is(got, value) || got === value ||
      Math.abs(got - value) <= 1e-9 * Math.max(1, Math.abs(value));
    assert(close, `${what}[${i}]: got ${got}, PyTorch has ${value}`);
  });
}

const files = ["tensor", "activations", "losses", "spatial"];
const cases = files.flatMap((name) => read(name));
cases.forEach((given, k) => {
  const { op, note, inputs, options, output, weights, gradients: expected } = given;
  if (op === "BatchNorm2d") return; // a layer; see below
  const shapes = inputs.map(({ shape }) => `(${shape.join(", ")})`).join(" ");
  const details = Object.keys(options).length > 0 ? ` ${JSON.stringify(options).slice(0, 80)}` : "";
  test(`${op} of ${shapes}${details}${note ? `, ${note},` : ""} is PyTorch's (case ${k})`, () => {
    const leaves = inputs.map((input) => leaf(tensorOf(input)));
    const result = operations[op](leaves, given);
    assertClose(result, output, "value");
    if (!weights || !expected) return;
    const found = gradients(result.mul(tensorOf(weights)).sum(), leaves);
    found.forEach((gradient, which) => {
      assertClose(gradient, expected[which], `gradient of input ${which}`);
    });
  });
});

// ── Batch norm's running statistics ──

/** What make.py writes of a BatchNorm2d that saw three batches. */
interface Running {
  readonly op: string;
  readonly inputs: readonly Plain[];
  readonly runningMean: Plain;
  readonly runningVariance: Plain;
  readonly probe: Plain;
  readonly output: Plain;
}

test("BatchNorm2d keeps PyTorch's running statistics, and uses them in evaluation", () => {
  const [given] = read<Running>("spatial").filter(({ op }) => op === "BatchNorm2d");
  const layer = new spatial.BatchNorm2d(2, { dtype: "float64" });
  for (const batch of given.inputs) layer.forward(tensorOf(batch));
  assertClose(layer.runningMean, given.runningMean, "running mean");
  assertClose(layer.runningVariance, given.runningVariance, "running variance");
  assertClose(layer.eval().forward(tensorOf(given.probe)), given.output, "output in evaluation");
});

// ── Twenty steps of each optimizer ──

/** The positions of all parameters after each of twenty steps. */
interface Walk {
  readonly op: string;
  readonly inputs: readonly Plain[];
  // deno-lint-ignore no-explicit-any -- each optimizer has its own options
  readonly options: any;
  readonly trajectory: readonly (readonly (readonly number[])[])[];
}

/** Makes the optimizer of a walk; the groups are those of make.py. */
function optimizerOf({ op, options }: Walk, parameters: readonly Parameter[]): Optimizer {
  if (op === "Adam") return new Adam(parameters, options);
  if (op === "AdamW") return new AdamW(parameters, options);
  if (op === "SGD") return new SGD(parameters, options);
  return new SGD([
    { parameters: parameters.slice(0, 1), learningRate: 0.1 },
    { parameters: parameters.slice(1), weightDecay: 0.5 },
  ], { learningRate: 0.05, momentum: 0.5 });
}

/** x²/2 + x⁴/10 − 3x/10, summed over all parameters. */
function bowl(parameters: readonly Parameter[]): Tensor {
  const parts = parameters.map((p) => p.pow(2).mul(0.5).add(p.pow(4).mul(0.1)).sub(p.mul(0.3)));
  return Tensor.concat(parts.map((part) => part.reshape([-1]))).sum();
}

for (const walk of read<Walk>("optimizers")) {
  test(`${walk.op} ${JSON.stringify(walk.options)} goes PyTorch's way for twenty steps`, () => {
    const parameters = walk.inputs.map((input) => new Parameter(tensorOf(input)));
    const optimizer = optimizerOf(walk, parameters);
    walk.trajectory.forEach((positions, k) => {
      optimizer.zeroGrad();
      backward(bowl(parameters));
      optimizer.step();
      parameters.forEach((parameter, p) => {
        const expected = { shape: parameter.shape, data: positions[p] };
        assertClose(parameter, expected, `parameter ${p} after step ${k + 1}`);
      });
    });
  });
}

// ── Training ──

/** What make.py writes about clipping and schedules. */
interface Training {
  readonly op: string;
  readonly inputs: readonly Plain[];
  readonly options: {
    readonly maxNorm: number;
    readonly from: number;
    readonly to: number;
    readonly rate: number;
    readonly factor: number;
    readonly every: number;
    readonly steps: number;
  };
  readonly norm: number;
  readonly clipped: readonly Plain[];
  readonly rates: readonly number[];
}

for (const { op, inputs, options, norm, clipped, rates } of read<Training>("training")) {
  test(`${op} ${JSON.stringify(options)} is PyTorch's`, () => {
    if (op === "clipGradientNorm") {
      const parameters = inputs.map(({ shape }) => new Parameter(Tensor.zeros(shape)));
      parameters.forEach((parameter, k) => parameter.grad = tensorOf(inputs[k]));
      const found = training.clipGradientNorm(parameters, options.maxNorm);
      assertAlmostEquals(found, norm, 1e-9);
      parameters.forEach(({ grad }, k) => assertClose(grad!, clipped[k], `gradient ${k}`));
      return;
    }
    const schedule = op === "cosine"
      ? training.cosine(options.from, options.to)
      : training.step(options.rate, { factor: options.factor, every: options.every });
    rates.forEach((rate, k) => assertAlmostEquals(schedule(k / options.steps), rate, 1e-12));
  });
}
