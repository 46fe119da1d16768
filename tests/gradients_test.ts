/**
 * All derivatives against finite differences, in float64, at every number of every input: each rule
 * of module 05 at generic points, in every way of broadcasting and beside its kinks, whatever is
 * composed of them, and each operation of module 09 that brings its own derivative. Then the
 * conventions at the kinks themselves, where finite differences cannot see.
 *
 * The walk back itself is judged in autograd_test.ts.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { gelu, leakyRelu, logSoftmax, relu, sigmoid, softmax, tanh } from "#activations";
import { gradients, leaf, rules, topologicalOrder } from "#autograd";
import { Dropout } from "#layers";
import { binaryCrossEntropy, crossEntropy, type CrossEntropyOptions, mseLoss } from "#losses";
import { Generator } from "#random";
import {
  avgPool2d,
  BatchNorm2d,
  batchNorm2d,
  conv2d,
  globalAvgPool2d,
  maxPool2d,
  type Pair,
  type Sliding,
  unfold,
  type Window,
} from "#spatial";
import { describeShape, type Nested, type OpName, type Shape, Tensor } from "#tensor";
import type { Axes } from "#tensor";
import { finiteDifferences } from "../course/sandbox/finite_differences.ts";
import { test } from "../course/sandbox/register.ts";
import { float64 } from "./project/tensors.ts";

// ── Help ──

/** Generic points: random numbers in a range, the same in every run. */
function points(shape: Shape, low = -2, high = 2, seed = 1): Tensor {
  return Tensor.uniform(shape, new Generator(seed), { low, high, dtype: "float64" });
}

/** Numbers no two of which are near each other, in random order, on both sides of 0. */
function apart(shape: Shape, seed = 1): Tensor {
  const x = Tensor.zeros(shape, { dtype: "float64" });
  new Generator(seed).permutation(x.size).forEach((k, i) =>
    x.data[i] = (k - x.size / 2) * 0.37 + 0.1
  );
  return x;
}

/** Numbers a thousandth left and right of some others, and those with signs exchanged. */
function beside(...kinks: readonly number[]): Tensor {
  return float64(kinks.flatMap((kink) => [kink - 1e-3, kink + 1e-3]));
}

/** The gradient of one leaf. */
function slope(compute: (x: Tensor) => Tensor, at: Tensor): Nested {
  const x = leaf(at);
  return gradients(compute(x), [x])[0].toArray();
}

/** One check of a derivative. */
interface Case {
  readonly what: string;
  readonly inputs: readonly Tensor[];
  readonly compute: (inputs: readonly Tensor[]) => Tensor;
  /** How far each number is moved. */
  readonly step?: number;
  /** Whether it meets float64 constants, and cannot be computed in float32. */
  readonly isDouble?: boolean;
}

/** Fixed weights fold an output to one number, so that errors cannot cancel out. */
function folded(output: Tensor): Tensor {
  const { shape, dtype } = output;
  return output.mul(Tensor.uniform(shape, new Generator(99), { low: 0.5, high: 1.5, dtype })).sum();
}

/** The greatest error of a gradient, relative where it is large. */
function worstError({ inputs, compute, step }: Case): number {
  const leaves = inputs.map((input) => leaf(input));
  const moved = inputs.map(({ data, shape }) => new Tensor(data.slice(), shape));
  const errors = gradients(folded(compute(leaves)), leaves).flatMap(
    ({ data, shape, dtype }, which) => {
      assertEquals([shape, dtype], [inputs[which].shape, "float64"]);
      const loss = (): number => folded(compute(moved)).item();
      const expected = finiteDifferences(moved[which].data, loss, step);
      return [...data].map((g, i) =>
        Math.abs(g - expected[i]) / Math.max(1, Math.abs(expected[i]))
      );
    },
  );
  return errors.some(Number.isNaN) ? NaN : Math.max(...errors);
}

/** Checks every case of an operation. */
function expectAllExact(name: string, own: readonly Case[]): void {
  for (const one of own) expectExact(name, one);
}

function expectExact(name: string, one: Case): void {
  const error = worstError(one);
  assertLess(error, 1e-6, `${name}, ${one.what}: the error is ${error}`);
}

// ── The rules: where they are checked ──

/** Every way in which two shapes can meet. */
const meetings: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[2, 3], [2, 3]],
  [[2, 3], [3]], // a row
  [[2, 3], [1, 3]],
  [[2, 3], [2, 1]], // a column
  [[2, 3], []], // a single number
  [[2, 3], [1]],
  [[2, 3], [1, 1]],
  [[2, 1], [1, 3]], // both stretched
  [[2, 1, 4], [3, 1]],
  [[2, 3, 4], [2, 1, 4]], // in the middle
  [[2, 3, 4], [1, 3, 1]], // at both ends
  [[1, 3, 1], [2, 1, 4]],
];

/** A two-operand operation in every meeting, either way round, with numbers, and with itself. */
function pairCases(op: "add" | "sub" | "mul" | "div" | "pow" | "maximum"): Case[] {
  const bothWays = meetings.flatMap(([a, b]) => [[a, b], [b, a]]);
  const cases: Case[] = bothWays.map(([a, b]) => ({
    what: `${describeShape(a)} and ${describeShape(b)}`,
    inputs: [points(a, 0.5, 2, 2), points(b, 0.5, 2, 3)],
    compute: ([x, y]) => x[op](y),
  }));
  cases.push(
    { what: "a number", inputs: [points([2, 3], 0.5, 2)], compute: ([x]) => x[op](1.7) },
    { what: "itself", inputs: [points([2, 3], 0.5, 2)], compute: ([x]) => x[op](x).add(x) },
    {
      what: "a stretched part of itself",
      inputs: [points([2, 3], 0.5, 2)],
      compute: ([x]) => x[op](x.slice([0, 1]).mul(0.9)),
    },
    {
      what: "a constant first",
      inputs: [points([3], 0.5, 2)],
      compute: ([x]) => points([2, 3], 0.5, 2)[op](x),
      isDouble: true,
    },
  );
  return cases;
}

/** A one-operand operation over some shapes. */
function singleCases(compute: (x: Tensor) => Tensor, low: number, high: number): Case[] {
  return [[], [1], [5], [2, 3], [2, 1, 3]].map((shape) => ({
    what: describeShape(shape),
    inputs: [points(shape, low, high)],
    compute: ([x]) => compute(x),
  }));
}

/** An operation with kinks: far from them, and just beside. */
function kinkCases(compute: (x: Tensor) => Tensor, ...kinks: readonly number[]): Case[] {
  return [
    ...[[], [7], [2, 3, 2]].map((shape) => ({
      what: describeShape(shape),
      inputs: [apart(shape)],
    })),
    { what: `beside ${kinks.join(", ")}`, inputs: [beside(...kinks)] },
  ].map((one) => ({ ...one, compute: ([x]) => compute(x) }));
}

const folds: readonly (readonly [Shape, Axes | undefined])[] = [
  [[], undefined],
  [[4], undefined],
  [[4], 0],
  [[2, 3], undefined],
  [[2, 3], 0],
  [[2, 3], -1],
  [[2, 3], [0, 1]],
  [[2, 3], []],
  [[2, 3, 2], 1],
  [[2, 3, 2], [0, 2]],
  [[2, 3, 2], [-1, 1]],
  [[1, 3, 1], [0, 1]],
];

function foldCases(op: "sum" | "max" | "mean" | "min"): Case[] {
  return folds.flatMap(([shape, axes]) =>
    [false, true].map((keepDims) => ({
      what: `${describeShape(shape)} over ${axes ?? "all"}, keepDims ${keepDims}`,
      inputs: [apart(shape)],
      compute: ([x]: readonly Tensor[]) => x[op](axes, { keepDims }),
    }))
  );
}

/** An operation along one axis. */
function axisCases(compute: (x: Tensor, axis: number) => Tensor): Case[] {
  const along: [Shape, number][] = [
    [[4], 0],
    [[1], 0],
    [[2, 3], 0],
    [[2, 3], -1],
    [[2, 3, 2], 1],
    [[2, 3, 2], -3],
  ];
  return along.map(([shape, axis]) => ({
    what: `${describeShape(shape)} along ${axis}`,
    inputs: [points(shape)],
    compute: ([x]) => compute(x, axis),
  }));
}

const products: readonly (readonly [Shape, Shape])[] = [
  [[1, 1], [1, 1]],
  [[2, 3], [3, 4]],
  [[5, 1], [1, 2]],
  [[1, 6], [6, 1]],
  [[2, 2, 3], [2, 3, 2]],
  [[2, 2, 3], [3, 2]], // one matrix for the whole stack
  [[2, 3], [2, 3, 2]],
  [[2, 1, 2, 3], [3, 3, 2]], // both stacks stretched
  [[1, 2, 3], [2, 3, 1]],
  [[3], [3]], // vectors
  [[2, 3], [3]],
  [[3], [3, 2]],
  [[2, 2, 3], [3]],
  [[3], [2, 3, 4]],
];

function classify(
  shape: readonly [rows: number, classes: number],
  labels: readonly number[],
  options: CrossEntropyOptions = {},
  low = -2,
): Case {
  return {
    what: `${describeShape(shape)} with labels ${labels}, ${JSON.stringify(options)}, from ${low}`,
    inputs: [points(shape, low, low + 4)],
    compute: ([scores]) => crossEntropy(scores, Int32Array.from(labels), options),
  };
}

function classifyByShares(options: CrossEntropyOptions): Case {
  return {
    what: `scores and shares, ${JSON.stringify(options)}`,
    inputs: [points([3, 4]), points([3, 4], 0.1, 0.9, 2)], // the shares' sums are not 1
    compute: ([scores, shares]) => crossEntropy(scores, shares, options),
  };
}

/** Picks of an index along an axis. */
function pick(shape: Shape, axis: number, index: Nested): Case {
  return {
    what: `${describeShape(shape)} along ${axis} at ${JSON.stringify(index)}`,
    inputs: [points(shape)],
    compute: ([x]) => x.gather(axis, Tensor.of(index)),
  };
}

function join(axis: number, ...shapes: readonly Shape[]): Case {
  return {
    what: `${shapes.map(describeShape).join(", ")} along ${axis}`,
    inputs: shapes.map((shape, k) => points(shape, -2, 2, k + 1)),
    compute: (parts) => Tensor.concat(parts, axis),
  };
}

/** The cases of every rule; the compiler, and the first test, count them. */
const cases: { readonly [K in OpName]: readonly Case[] } = {
  add: pairCases("add"),
  sub: pairCases("sub"),
  mul: pairCases("mul"),
  div: [
    ...pairCases("div"),
    {
      what: "negative numbers",
      inputs: [points([4]), points([4], -2, -0.5)],
      compute: ([a, b]) => a.div(b),
    },
    {
      what: "a number by it",
      inputs: [points([4], 0.5, 2)],
      compute: ([x]) => Tensor.full([], 3, { dtype: x.dtype }).div(x),
    },
  ],
  pow: [
    ...pairCases("pow"),
    ...[-2, -1, 0, 1, 2, 3].map((exponent) => ({
      what: `negative numbers to the power of ${exponent}`,
      inputs: [points([5], -2, -0.5)],
      compute: ([x]: readonly Tensor[]) => x.pow(exponent),
    })),
    ...[0, 1, 2, 3].map((exponent) => ({
      what: `0 to the power of ${exponent}`,
      inputs: [float64([0, 0.5, -0.5])],
      compute: ([x]: readonly Tensor[]) => x.pow(exponent),
    })),
    {
      what: "broken powers beside 0",
      inputs: [float64([1e-3, 0.1, 1, 1.001, 0.999])],
      compute: ([x]) => x.pow(2.5),
      step: 1e-6,
    },
    {
      what: "powers of 0 and of 1",
      inputs: [float64([0.5, 2, 3])],
      compute: ([exponent]) => float64([[0], [1]]).pow(exponent),
      isDouble: true,
    },
    {
      what: "powers below and above 0",
      inputs: [float64([1.5]), float64([-2, -1e-3, 0, 1e-3, 2])],
      compute: ([x, exponent]) => x.pow(exponent),
    },
  ],
  maximum: [
    ...pairCases("maximum"),
    {
      what: "beside ties",
      inputs: [beside(1, -2, 0), float64([1, 1, -2, -2, 0, 0])],
      compute: ([a, b]) => a.maximum(b),
    },
    { what: "beside a number", inputs: [beside(0.5)], compute: ([x]) => x.maximum(0.5) },
    { what: "−∞, which never wins", inputs: [apart([3])], compute: ([x]) => x.maximum(-Infinity) },
  ],
  neg: singleCases((x) => x.neg(), -2, 2),
  exp: singleCases((x) => x.exp(), -2, 2),
  log: singleCases((x) => x.log(), 0.5, 3),
  sqrt: singleCases((x) => x.sqrt(), 0.5, 3),
  abs: kinkCases((x) => x.abs(), 0),
  clip: [
    ...kinkCases((x) => x.clip(-1, 0.5), -1, 0.5),
    ...kinkCases((x) => x.clip(-Infinity, 0.25), 0.25),
    ...kinkCases((x) => x.clip(0.25, Infinity), 0.25),
    ...kinkCases((x) => x.clip(1, 1), 1),
  ],
  // Numbers and step are eighths and the like, which float32 holds exactly.
  to: [[], [3], [2, 2]].map((shape) => ({
    what: `${describeShape(shape)} to float32 and back`,
    inputs: [Tensor.full(shape, 1.125, { dtype: "float64" })],
    compute: ([x]) => x.to("float32").to("float64"),
    step: 2 ** -10,
  })),
  sum: foldCases("sum"),
  max: [
    ...foldCases("max"),
    {
      what: "beside ties",
      inputs: [float64([[1, 1.001, 0.999], [2, 1.999, 2.001]])],
      compute: ([x]) => Tensor.concat([x.max(0), x.max(1)]),
    },
  ],
  matmul: [
    ...products.map(([a, b]) => ({
      what: `${describeShape(a)} by ${describeShape(b)}`,
      inputs: [points(a, -2, 2, 2), points(b, -2, 2, 3)],
      compute: ([x, y]: readonly Tensor[]) => x.matmul(y),
    })),
    { what: "itself", inputs: [points([3, 3])], compute: ([x]) => x.matmul(x) },
    {
      what: "a constant first",
      inputs: [points([3, 2])],
      compute: ([x]) => points([2, 3]).matmul(x),
      isDouble: true,
    },
  ],
  reshape: ([[[6], [2, 3]], [[2, 3], [-1]], [[1], []], [[2, 3, 2], [4, 1, 3]]] as const).map(
    ([from, to]) => ({
      what: `${describeShape(from)} to ${describeShape(to)}`,
      inputs: [points(from)],
      compute: ([x]) => x.reshape(to),
    }),
  ),
  permute: [[], [0], [0, 1], [1, 0], [-1, 0], [2, 0, 1], [1, 2, 0], [-1, 0, -2], [3, 1, 0, 2]].map(
    (order) => ({
      what: `by ${describeShape(order)}`,
      inputs: [points([2, 3, 4, 2].slice(0, order.length))],
      compute: ([x]) => x.permute(order),
    }),
  ),
  expand:
    ([[[], [3]], [[1], [4]], [[3], [2, 3]], [[2, 1], [2, 3]], [[1, 3, 1], [2, 2, 3, 2]]] as const)
      .map(([from, to]) => ({
        what: `${describeShape(from)} to ${describeShape(to)}`,
        inputs: [points(from)],
        compute: ([x]) => x.expand(to),
      })),
  slice: [
    { what: "all", inputs: [points([2, 3])], compute: ([x]) => x.slice() },
    { what: "a row", inputs: [points([3, 2])], compute: ([x]) => x.slice([1, 2]) },
    {
      what: "the last columns",
      inputs: [points([2, 4])],
      compute: ([x]) => x.slice(null, [-2, 4]),
    },
    {
      what: "the inside",
      inputs: [points([3, 4, 2])],
      compute: ([x]) => x.slice([1, 2], [0, -1], [1, 2]),
    },
    {
      what: "two that overlap",
      inputs: [points([5])],
      compute: ([x]) => x.slice([0, 3]).mul(x.slice([2, 5])),
    },
  ],
  pad: [
    { what: "a row", inputs: [points([3])], compute: ([x]) => x.pad([[1, 2]]) },
    { what: "nothing", inputs: [points([2, 2])], compute: ([x]) => x.pad([[0, 0], [0, 0]]) },
    {
      what: "unevenly",
      inputs: [points([2, 3, 2])],
      compute: ([x]) => x.pad([[0, 1], [2, 0], [1, 1]]),
    },
  ],
  concat: [
    join(0, [3]),
    join(0, [2], [3], [1]),
    join(0, [2, 3], [1, 3]),
    join(1, [2, 3], [2, 1], [2, 2]),
    join(-2, [2, 1, 2], [2, 3, 2]),
    { what: "one twice", inputs: [points([2, 2])], compute: ([x]) => Tensor.concat([x, x], 1) },
    {
      what: "a constant between",
      inputs: [points([2]), points([3])],
      compute: ([a, b]) => Tensor.concat([a, float64([5, 6]), b]),
      isDouble: true,
    },
    {
      what: "side by side",
      inputs: [points([2, 3]), points([2, 3], -2, 2, 2)],
      compute: (parts) => Tensor.stack(parts, -1),
    },
  ],
  gather: [
    pick([4], 0, [2, 0, 2, 2, 3, 0]), // some twice
    pick([3, 4], 1, [[3], [0], [3]]),
    pick([3, 4], 0, [[2, 1, 0, 2]]),
    pick([3, 4], -1, [[1, 1, 1, 1, 0]]), // a smaller index
    pick([2, 3, 2], 1, [[[2, 0]], [[1, 1]]]),
    pick([2, 3, 2], 0, [[[1, 0], [0, 0], [1, 1]], [[1, 1], [1, 0], [0, 0]]]),
  ],
  relu: kinkCases(relu, 0),
  leakyRelu: [0.01, 0, 0.5, 1, 2, -0.5].flatMap((slope) =>
    kinkCases((x) => leakyRelu(x, slope), 0).map((one) => ({
      ...one,
      what: `${one.what}, slope ${slope}`,
    }))
  ),
  gelu: [
    ...singleCases(gelu, -5, 5),
    { what: "beside ±3, where the formula changes", inputs: [beside(-3, 3)] },
    { what: "far out", inputs: [float64([-30, -8, 8, 30])] },
  ].map((one) => ({ ...one, compute: ([x]) => gelu(x) })),
  sigmoid: singleCases(sigmoid, -4, 4),
  tanh: singleCases(tanh, -3, 3),
  softmax: axisCases(softmax),
  logSoftmax: axisCases(logSoftmax),
  crossEntropy: [
    classify([1, 2], [1]),
    classify([3, 4], [0, 3, 1]),
    classify([4, 3], [2, 2, 2, 2], { reduction: "none" }),
    classify([4, 3], [0, 1, 2, 1], { reduction: "sum" }),
    classify([2, 1], [0, 0]),
    classify([2, 3], [1, 0], {}, 1000), // powers of e that overflow
    classify([3, 3], [1, 0, 1], { labelSmoothing: 0.3 }),
    classify([3, 3], [1, 0, 1], { labelSmoothing: 1, reduction: "none" }),
    classify([3, 3], [1, 0, 1], { classWeights: [0.5, 2, 0] }),
    classify([3, 3], [1, 0, 2], { classWeights: [0.5, 2, 3], labelSmoothing: 0.2 }),
    classifyByShares({}),
    classifyByShares({ reduction: "none" }),
    classifyByShares({ reduction: "sum", labelSmoothing: 0.2, classWeights: [1, 0.5, 2, 0] }),
    {
      what: "a loss that is used again",
      inputs: [points([2, 3])],
      compute: ([x]) => {
        const loss = crossEntropy(x, Int32Array.of(2, 0));
        return loss.mul(loss).mul(3);
      },
    },
  ],
  binaryCrossEntropy: (["mean", "sum", "none"] as const).flatMap((reduction) =>
    [[], [5], [2, 3]].map((shape): Case => ({
      what: `${describeShape(shape)}, ${reduction}`,
      inputs: [points(shape, -4, 4), points(shape, 0.1, 0.9, 2)],
      compute: ([x, t]) => binaryCrossEntropy(x, t, { reduction }),
    })).concat({
      what: `beside 0 and far from it, ${reduction}`,
      inputs: [float64([-1e-3, 0, 1e-3, 40, -40, 800, -800])],
      compute: ([x]) => binaryCrossEntropy(x, float64([1, 0, 0.5, 0, 1, 1, 1]), { reduction }),
      isDouble: true,
    })
  ),
};

/** The operations that a tensor was made by. */
function operationsOf(made: Tensor): Set<string> {
  return new Set(
    topologicalOrder(made).flatMap(({ origin }) => typeof origin?.op === "string" ? origin.op : []),
  );
}

test("rules holds no operation that is not checked here", () => {
  assertEquals(Object.keys(rules).sort(), Object.keys(cases).sort());
});

for (const [name, own] of Object.entries(cases)) {
  test(`rules.${name} agrees with finite differences at every index`, () => {
    assert(own.length >= 3, `${name} has ${own.length} cases`);
    for (const one of own) {
      const made = one.compute(one.inputs.map((input) => leaf(input)));
      assert(operationsOf(made).has(name), `${one.what} does not use ${name}`);
      expectExact(name, one);
    }
  });

  // The rule of to() gives the format of its input, whatever that is.
  if (name === "to") continue;
  test(`rules.${name} keeps float32 gradients float32`, () => {
    for (const { what, inputs, compute } of own.filter(({ isDouble }) => !isDouble)) {
      const leaves = inputs.map((input) => leaf(input.to("float32")));
      for (const g of gradients(folded(compute(leaves)), leaves)) {
        assertEquals(g.dtype, "float32", what);
      }
    }
  });
}

// ── What is composed of them ──

test("mean(), min() and variance() agree with finite differences over any axes", () => {
  expectAllExact("mean", foldCases("mean"));
  expectAllExact("min", foldCases("min"));
  const wide = folds.filter(([shape, axes]) => Tensor.ones(shape).sum(axes).size < 2);
  for (const [shape, axes] of wide.filter(([shape]) => shape.length > 0)) {
    for (const correction of [0, 1, 0.5]) {
      const compute = ([x]: readonly Tensor[]): Tensor => x.variance(axes, { correction });
      expectExact("variance", { what: describeShape(shape), inputs: [points(shape)], compute });
    }
  }
  const columns = ([x]: readonly Tensor[]): Tensor => x.variance(0, { keepDims: true });
  expectExact("variance", { what: "columns", inputs: [points([3, 2])], compute: columns });
});

test("transpose(), squeeze() and unsqueeze() agree with finite differences", () => {
  const computes: { readonly [what: string]: (x: Tensor) => Tensor } = {
    transpose: (x) => x.transpose(),
    "squeeze all": (x) => x.squeeze(),
    "squeeze one": (x) => x.squeeze(1),
    "unsqueeze first": (x) => x.unsqueeze(0),
    "unsqueeze last": (x) => x.unsqueeze(-1),
  };
  for (const [what, compute] of Object.entries(computes)) {
    const inputs = [points([2, 1, 3])];
    expectExact(what, { what: "(2, 1, 3)", inputs, compute: ([x]) => compute(x) });
  }
});

test("mseLoss() agrees with finite differences, for predictions and targets", () => {
  for (const reduction of ["mean", "sum", "none"] as const) {
    expectExact("mseLoss", {
      what: reduction,
      inputs: [points([2, 3]), points([2, 3], -2, 2, 2)],
      compute: ([predictions, targets]) => mseLoss(predictions, targets, { reduction }),
    });
  }
});

test("Dropout agrees with finite differences, where it drops and where it scales", () => {
  for (const p of [0, 0.5, 0.9, 1]) {
    expectExact("Dropout", {
      what: `p = ${p}`,
      inputs: [points([4, 5])],
      compute: ([x]) => new Dropout(p, { generator: new Generator(3) }).forward(x),
    });
  }
});

test("a network of many operations agrees with finite differences", () => {
  expectExact("network", {
    what: "of two layers",
    inputs: [points([4, 3]), points([5, 3]), points([5]), points([5, 2])],
    compute: ([x, w, b, v]) => {
      const hidden = tanh(x.matmul(w.transpose()).add(b)); // (4, 3) → (4, 5)
      const scaled = hidden.sub(hidden.mean(0)).div(hidden.mul(hidden).mean(0).add(0.1).sqrt());
      return crossEntropy(sigmoid(scaled).matmul(v), Int32Array.of(1, 0, 1, 1));
    },
  });
});

// ── Module 09 ──

test("unfold() agrees with finite differences, whatever the window", () => {
  const windows: [Shape, Window][] = [
    [[1, 1, 3, 3], { kernelSize: 2 }],
    [[2, 2, 4, 5], { kernelSize: [2, 3] }],
    [[2, 1, 5, 4], { kernelSize: 3, stride: 2, padding: 1 }],
    [[1, 2, 4, 4], { kernelSize: 2, stride: 3, padding: 2 }],
    [[1, 1, 5, 6], { kernelSize: [2, 3], stride: [2, 1], padding: [0, 1], dilation: [1, 2] }],
    [[1, 1, 4, 4], { kernelSize: 3, dilation: 2, padding: 2 }],
    [[1, 1, 3, 4], { kernelSize: [2, 3], padding: "same", dilation: 2 }],
    [[1, 2, 3, 3], { kernelSize: 3, padding: "valid" }],
    [[1, 1, 2, 2], { kernelSize: 1, padding: 1 }],
  ];
  for (const [shape, window] of windows) {
    const what = `${describeShape(shape)} ${JSON.stringify(window)}`;
    const compute = ([x]: readonly Tensor[]): Tensor => unfold(x, window);
    expectExact("unfold", { what, inputs: [points(shape)], compute });
  }
});

/** Images, filters, and how the filters slide. */
const convolutions: readonly [images: Shape, filters: Shape, sliding: Sliding][] = [
  [[1, 1, 3, 3], [1, 1, 2, 2], {}],
  [[2, 2, 4, 5], [3, 2, 2, 3], {}],
  [[1, 2, 3, 3], [2, 2, 1, 1], {}],
  [[1, 1, 3, 3], [1, 1, 3, 3], { padding: "valid" }],
  [[2, 1, 5, 6], [2, 1, 3, 3], { stride: 2 }],
  [[1, 1, 5, 6], [2, 1, 2, 2], { stride: [1, 3] }],
  [[2, 2, 3, 3], [2, 2, 3, 3], { padding: 1 }],
  [[1, 1, 3, 2], [1, 1, 2, 2], { padding: [2, 1] }],
  [[1, 1, 5, 5], [2, 1, 2, 2], { dilation: 2 }],
  [[1, 1, 5, 6], [1, 1, 2, 3], { dilation: [3, 2] }],
  [[1, 2, 3, 4], [2, 2, 3, 3], { padding: "same" }],
  [[1, 1, 4, 3], [1, 1, 2, 4], { padding: "same" }], // one more after than before
  [[1, 1, 4, 4], [1, 1, 2, 3], { padding: "same", dilation: 2 }],
  [[2, 2, 6, 5], [2, 2, 2, 2], { stride: [2, 1], padding: [1, 0], dilation: [2, 1] }],
];

for (const [images, filters, sliding] of convolutions) {
  const given = `${describeShape(images)} by ${describeShape(filters)} ${JSON.stringify(sliding)}`;
  test(`conv2d() agrees with finite differences: ${given}`, () => {
    const inputs = [points(images), points(filters, -2, 2, 2), points([filters[0]], -2, 2, 3)];
    const computes: { readonly [what: string]: [Tensor[], Case["compute"]] } = {
      "all three": [inputs, ([x, w, b]) => conv2d(x, w, b, sliding)],
      "no bias": [inputs.slice(0, 2), ([x, w]) => conv2d(x, w, null, sliding)],
      "the images alone": [[inputs[0]], ([x]) => conv2d(x, inputs[1], inputs[2], sliding)],
      "the filters alone": [[inputs[1]], ([w]) => conv2d(inputs[0], w, inputs[2], sliding)],
      "the biases alone": [[inputs[2]], ([b]) => conv2d(inputs[0], inputs[1], b, sliding)],
    };
    for (const [what, [own, compute]] of Object.entries(computes)) {
      expectExact("conv2d", { what, inputs: own, compute });
    }
  });
}

/** Images, and a window that slides over them. */
const poolings: readonly [Shape, Pair, Omit<Sliding, "dilation">][] = [
  [[1, 1, 4, 4], 2, {}],
  [[2, 2, 5, 5], 2, {}], // the last row and column fill no window
  [[1, 2, 4, 6], [2, 3], {}],
  [[1, 1, 5, 5], 3, { stride: 1 }], // windows that overlap
  [[1, 1, 5, 5], 3, { stride: 2, padding: 1 }],
  [[1, 1, 4, 5], [2, 3], { stride: [1, 2], padding: [1, 0] }],
  [[2, 1, 3, 3], 1, {}],
  [[1, 1, 3, 3], 3, { stride: 1, padding: "same" }],
];

test("maxPool2d() and avgPool2d() agree with finite differences, whatever the window", () => {
  for (const [shape, kernelSize, options] of poolings) {
    const what = `${describeShape(shape)} ${JSON.stringify({ kernelSize, ...options })}`;
    for (const pool of [maxPool2d, avgPool2d]) {
      const compute = ([x]: readonly Tensor[]): Tensor => pool(x, kernelSize, options);
      expectExact(pool.name, { what, inputs: [apart(shape)], compute });
    }
    // the zeros around must not win over negative numbers
    const below = apart(shape).sub(100);
    expectExact("maxPool2d", {
      what: `${what}, far below 0`,
      inputs: [below],
      compute: ([x]) => maxPool2d(x, kernelSize, options),
    });
  }
});

test("maxPool2d() agrees with finite differences beside ties", () => {
  const inputs = [float64([[[[1, 1.001], [0.999, 0.998]]]])];
  expectExact("maxPool2d", { what: "(1, 1, 2, 2)", inputs, compute: ([x]) => maxPool2d(x, 2) });
});

test("maxPool2d() gives the gradient of a tie to the first of equals, as PyTorch does", () => {
  const x = float64([[[[2, 2], [2, 1]]]]);
  assertEquals(slope((t) => maxPool2d(t, 2).mul(6).sum(), x), [[[[6, 0], [0, 0]]]]);
});

test("globalAvgPool2d() agrees with finite differences", () => {
  for (const shape of [[1, 1, 1, 1], [2, 3, 2, 4]]) {
    const what = describeShape(shape), compute = ([x]: readonly Tensor[]) => globalAvgPool2d(x);
    expectExact("globalAvgPool2d", { what, inputs: [points(shape)], compute });
  }
});

test("batchNorm2d() agrees with finite differences, for images, scales and shifts", () => {
  for (const shape of [[1, 1, 1, 2], [2, 3, 1, 1], [3, 2, 2, 4]]) {
    for (const epsilon of [1e-5, 0.1, undefined]) {
      const inputs = [points(shape), points([shape[1]], 0.5, 2, 2), points([shape[1]], -2, 2, 3)];
      const what = `${describeShape(shape)}, epsilon ${epsilon}`;
      expectExact("batchNorm2d", {
        what,
        inputs,
        compute: ([x, gamma, beta]) => batchNorm2d(x, gamma, beta, epsilon),
      });
      expectExact("batchNorm2d", {
        what: `${what}, the images alone`,
        inputs: inputs.slice(0, 1),
        compute: ([x]) => batchNorm2d(x, inputs[1], inputs[2], epsilon),
      });
    }
  }
});

test("BatchNorm2d agrees with finite differences in training and in evaluation", () => {
  const shape = [3, 2, 2, 2], seen = points(shape, 1, 5, 7);
  for (const training of [true, false]) {
    expectExact("BatchNorm2d", {
      what: training ? "training" : "evaluation",
      inputs: [points(shape)],
      compute: ([x]) => {
        const layer = new BatchNorm2d(2, { dtype: "float64", momentum: 0.5 });
        layer.weight.write((data) => data.set([0.5, 2]));
        layer.forward(seen);
        return layer.train(training).forward(x);
      },
    });
  }
});

test("conv2d(), pooling and batchNorm2d() agree with finite differences in one network", () => {
  expectExact("network", {
    what: "of two convolutions",
    inputs: [
      points([2, 1, 6, 6]),
      points([2, 1, 3, 3], -2, 2, 2),
      points([2], 0.5, 2, 3),
      points([2], -2, 2, 4),
      points([3, 2, 2, 2], -2, 2, 5),
    ],
    compute: ([x, filters, gamma, beta, heads]) => {
      const seen = tanh(batchNorm2d(conv2d(x, filters, null, { padding: 1 }), gamma, beta));
      const scores = globalAvgPool2d(conv2d(avgPool2d(seen, 2), heads, null)); // (2, 3)
      return crossEntropy(scores, Int32Array.of(2, 0));
    },
  });
});

test("operations of module 09 keep float32 gradients float32", () => {
  const x = leaf(Tensor.uniform([2, 2, 4, 4], new Generator(1)));
  const w = leaf(Tensor.uniform([3, 2, 2, 2], new Generator(2))), b = leaf(Tensor.ones([3]));
  const gamma = leaf(Tensor.ones([2])), beta = leaf(Tensor.ones([2]));
  const y = conv2d(batchNorm2d(x, gamma, beta), w, b, { padding: "same" });
  const loss = maxPool2d(y, 2).sum().add(avgPool2d(y, 2).sum()).add(
    unfold(x, { kernelSize: 2 }).sum(),
  );
  const inputs = [x, w, b, gamma, beta];
  for (const g of gradients(loss, inputs)) assertEquals(g.dtype, "float32");
});

// ── Conventions, where finite differences cannot see: PyTorch's ──

test("relu(), leakyRelu() and abs() have the slope of the left, or 0, at exactly 0", () => {
  const x = float64([-1, 0, -0, 1]);
  assertEquals(slope((t) => relu(t).sum(), x), [0, 0, 0, 1]);
  assertEquals(slope((t) => leakyRelu(t, 0.25).sum(), x), [0.25, 0.25, 0.25, 1]);
  assertEquals(slope((t) => t.abs().sum(), x), [-1, 0, 0, 1]);
});

test("clip() lets the gradient through at its bounds, and not beyond", () => {
  const x = float64([-2, -1, 0, 1, 2]);
  assertEquals(slope((t) => t.clip(-1, 1).sum(), x), [0, 1, 1, 1, 0]);
  assertEquals(slope((t) => t.clip(-Infinity, Infinity).sum(), x), [1, 1, 1, 1, 1]);
});

test("maximum() shares its gradient evenly between equals", () => {
  const a = leaf(float64([1, 2, 3])), b = leaf(float64([3, 2, 1]));
  const [forA, forB] = gradients(a.maximum(b).mul(float64([4, 6, 8])).sum(), [a, b]);
  assertEquals([forA.toArray(), forB.toArray()], [[0, 3, 8], [4, 3, 0]]);
  assertEquals(slope((t) => t.maximum(0).sum(), float64([-1, 0, 1])), [0, 0.5, 1]);
  assertEquals(slope((t) => t.maximum(t).sum(), float64([5])), [1]);
});

test("max() and min() share their gradients evenly among equals", () => {
  const x = float64([[3, 1, 3], [2, 2, 2]]);
  const third = 1 / 3, whole = [[0.5, 0, 0.5], [0, 0, 0]];
  assertEquals(slope((t) => t.max(1).sum(), x), [[0.5, 0, 0.5], [third, third, third]]);
  assertEquals(slope((t) => t.max(0).mul(float64([2, 4, 6])).sum(), x), [[2, 0, 6], [0, 4, 0]]);
  assertEquals(slope((t) => t.max(), x), whole);
  assertEquals(slope((t) => t.max([0, 1], { keepDims: true }).sum(), x), whole);
  assertEquals(slope((t) => t.max([]).sum(), x), [[1, 1, 1], [1, 1, 1]]);
  assertEquals(slope((t) => t.min(1).sum(), x), [[0, 1, 0], [third, third, third]]);
});

test("pow() has no NaN at powers of 0, and of 0 to 0", () => {
  assertEquals(slope((t) => t.pow(0).sum(), float64([0, 2])), [0, 0]);
  assertEquals(slope((t) => t.pow(1).sum(), float64([0, 2])), [1, 1]);
  assertEquals(slope((t) => float64(0).pow(t).sum(), float64([0, 2])), [0, 0]);
  assertEquals(slope((t) => t.pow(0.5).sum(), float64([0, 4])), [Infinity, 0.25]);
});

test("sqrt() and log() have infinite slopes at 0", () => {
  assertEquals(slope((t) => t.sqrt().sum(), float64([0, 4])), [Infinity, 0.25]);
  assertEquals(slope((t) => t.log().sum(), float64([0, 4])), [Infinity, 0.25]);
});

test("comparisons and argmax() let no gradient through", () => {
  const x = float64([1, 2, 3]);
  assertEquals(slope((t) => t.mul(t.greater(1.5)).sum(), x), [0, 1, 1]);
  assertEquals(slope((t) => t.mul(t.greaterEqual(2)).sum(), x), [0, 1, 1]);
  assertEquals(slope((t) => t.mul(t.less(2)).sum(), x), [1, 0, 0]);
  assertEquals(slope((t) => t.mul(t.lessEqual(2)).sum(), x), [1, 1, 0]);
  assertEquals(slope((t) => t.mul(t.equal(2)).sum(), x), [0, 1, 0]);
  assertEquals(slope((t) => t.mul(t.notEqual(2)).sum(), x), [1, 0, 1]);
  assertEquals(slope((t) => t.sum().mul(t.argmax()), x), [2, 2, 2]);
});

test("gelu() has the slope Φ(x) + x·φ(x)", () => {
  assertEquals(slope((t) => gelu(t).sum(), float64([0, 40, -40])), [0.5, 1, 0]);
  const one = leaf(float64(1)), [found] = gradients(gelu(one), [one]);
  const expected = 0.8413447460685429 + Math.exp(-0.5) / Math.sqrt(2 * Math.PI);
  assertAlmostEquals(found.item(), expected, 1e-15);
});

test("saturated activations have the slope 0, and not NaN", () => {
  const far = float64([-800, 800]);
  for (const activation of [sigmoid, tanh, softmax]) {
    const name = activation.name;
    assertEquals(slope((t) => activation(t).slice([0, 1]).sum(), far), [0, 0], name);
  }
  assertEquals(slope((t) => logSoftmax(t).slice([0, 1]).sum(), far), [1, -1]);
});

test("crossEntropy() gives exact gradients to classes that were ruled out", () => {
  const scores = float64([[-Infinity, 0, 0]]);
  assertEquals(slope((x) => crossEntropy(x, Int32Array.of(1)), scores), [[0, -0.5, 0.5]]);
});

test("binaryCrossEntropy() has the slope σ(x) − t, however sure the scores are", () => {
  const x = float64([-800, 800, 0, 800]), t = float64([0, 0, 0.25, 1]);
  const found = slope((x) => binaryCrossEntropy(x, t, { reduction: "sum" }), x);
  assertEquals(found, [0, 1, 0.25, 0]);
});

test("no rule writes to a value on the way", () => {
  for (const [name, own] of Object.entries(cases)) {
    for (const { what, inputs, compute } of own) {
      const leaves = inputs.map((input) => leaf(new Tensor(input.data.slice(), input.shape)));
      const made = compute(leaves), from = made.origin?.inputs ?? [];
      const kept = [made, ...leaves, ...from].map(({ data }) => data.slice());
      gradients(folded(made), leaves);
      const after = [made, ...leaves, ...from].map(({ data }) => data);
      assertEquals(after, kept, `${name}, ${what}`);
    }
  }
});
