/**
 * Holds every operation against PyTorch: the values that it gives and the gradients that flow back,
 * as fixtures/make.py took them down in float64.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { readFileSync } from "node:fs";
import * as activations from "#activations";
import { gradients, leaf } from "#autograd";
import * as losses from "#losses";
import * as spatial from "#spatial";
import { type Padding, type Range, Tensor } from "#tensor";
import { test } from "./kit/register.ts";

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
  neg: ([x]) => x.neg(),
  exp: ([x]) => x.exp(),
  log: ([x]) => x.log(),
  sqrt: ([x]) => x.sqrt(),
  sum: ([x], { options: { axes, keepDims } }) => x.sum(axes, { keepDims }),
  mean: ([x], { options: { axes, keepDims } }) => x.mean(axes, { keepDims }),
  max: ([x], { options: { axes, keepDims } }) => x.max(axes, { keepDims }),
  argmax: ([x], { options: { axis } }) => x.argmax(axis),
  matmul: ([a, b]) => a.matmul(b),
  reshape: ([x], { options: { shape } }) => x.reshape(shape),
  permute: ([x], { options: { order } }) => x.permute(order),
  expand: ([x], { options: { shape } }) => x.expand(shape),
  slice: ([x], { options }) => x.slice(...options.ranges as Range[]),
  pad: ([x], { options }) => x.pad(options.padding as Padding),
  relu: ([x]) => activations.relu(x),
  sigmoid: ([x]) => activations.sigmoid(x),
  tanh: ([x]) => activations.tanh(x),
  softmax: ([x], { options: { axis } }) => activations.softmax(x, axis),
  logSoftmax: ([x], { options: { axis } }) => activations.logSoftmax(x, axis),
  crossEntropy: ([x], { labels }) => losses.crossEntropy(x, Int32Array.from(labels ?? [])),
  conv2d: ([x, weight, bias = null], { options: { stride, padding } }) =>
    spatial.conv2d(x, weight, bias, { stride: stride?.[0], padding: padding?.[0] }),
  unfold: ([x], { options: { kernelSize, stride, padding } }) =>
    spatial.unfold(x, { kernelSize: kernelSize[0], stride: stride[0], padding: padding[0] }),
  maxPool2d: ([x], { options: { kernelSize, stride } }) =>
    spatial.maxPool2d(x, kernelSize[0], stride[0]),
  batchNorm2d: ([x, gamma, beta]) => spatial.batchNorm2d(x, gamma, beta),
};

/** Why a case is still ahead of us, or nothing if it must hold. */
function ahead({ op, options, inputs }: Case): string | undefined {
  if (!Object.hasOwn(operations, op)) return op;
  if (op === "matmul" && inputs.some(({ shape }) => shape.length < 2)) return "matmul of vectors";
  if (op === "crossEntropy" && (options.labelSmoothing || options.classWeights)) {
    return "crossEntropy with smoothing or class weights";
  }
  if (op === "crossEntropy" && options.reduction !== "mean") return "crossEntropy, not the mean";
  const uneven = [options.kernelSize, options.stride, options.padding, inputs[1]?.shape.slice(2)]
    .some((pair) => Array.isArray(pair) && pair.length === 2 && pair[0] !== pair[1]);
  const dilated = [options.dilation].flat().some((n) => n > 1);
  const spatialOps = ["conv2d", "unfold", "maxPool2d"];
  if (spatialOps.includes(op) && (uneven || dilated || typeof options.padding === "string")) {
    return `${op}, uneven, dilated or padded by name`;
  }
  if (op === "maxPool2d" && options.padding[0] > 0) return "maxPool2d with padding";
  return undefined;
}

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
const waiting = new Set<string>();

cases.forEach((given, k) => {
  const { op, note, inputs, options, output, weights, gradients: expected } = given;
  const missing = ahead(given);
  if (missing !== undefined) return void waiting.add(missing);
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

test("The fixtures that are still ahead of us are these, and no others", () => {
  assertEquals([...waiting].sort(), [
    "BatchNorm2d",
    "abs",
    "avgPool2d",
    "binaryCrossEntropy",
    "clip",
    "concat",
    "conv2d, uneven, dilated or padded by name",
    "crossEntropy with smoothing or class weights",
    "crossEntropy, not the mean",
    "crossEntropyOfProbabilities",
    "gather",
    "gelu",
    "globalAvgPool2d",
    "leakyRelu",
    "matmul of vectors",
    "maxPool2d with padding",
    "maxPool2d, uneven, dilated or padded by name",
    "maximum",
    "min",
    "mseLoss",
    "pow",
    "stack",
    "unfold, uneven, dilated or padded by name",
    "variance",
  ]);
});
