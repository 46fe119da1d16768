/**
 * What module 02 promises: the activations against a second formula each, at the edges of what a
 * number can be, and in both formats.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertStrictEquals } from "@std/assert";
import {
  gelu,
  leakyRelu,
  logSoftmax,
  normalShare,
  relu,
  sigmoid,
  softmax,
  tanh,
} from "#activations";
import { Generator } from "#random";
import { type DType, type Shape, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { dtypes, float64 } from "./project/tensors.ts";

const all = { relu, leakyRelu, sigmoid, tanh, gelu, softmax, logSoftmax };
const names = ["relu", "leakyRelu", "sigmoid", "tanh", "gelu", "softmax", "logSoftmax"] as const;

/** A tensor that requires a gradient, as parameters will in module 03. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

/** Both formats, numbers in ±6. */
function samples(shape: Shape): Tensor[] {
  return dtypes.map((dtype) =>
    Tensor.uniform(shape, new Generator(1), { low: -6, high: 6, dtype })
  );
}

/** How far float32 or float64 may be off, for results of about 1. */
function tolerance({ dtype }: Tensor): number {
  return dtype === "float64" ? 1e-14 : 1e-6;
}

function assertClose(actual: Tensor, expected: readonly number[], allowed: number): void {
  assertEquals(actual.size, expected.length);
  actual.data.forEach((value, k) => assertAlmostEquals(value, expected[k], allowed));
}

// ── Element by element ──

test("relu() is max(x, 0)", () => {
  for (const x of samples([50])) {
    assertEquals([...relu(x).data], [...x.data].map((v) => Math.max(v, 0)));
  }
});

test("relu() keeps NaN and infinity, and makes −∞ 0", () => {
  assertEquals([...relu(Tensor.of([NaN, Infinity, -Infinity])).data], [NaN, Infinity, 0]);
});

test("relu() gives the boundary itself back: 0 is 0", () => {
  assertEquals(relu(Tensor.of([0, 5e-324, -5e-324], { dtype: "float64" })).toArray(), [
    0,
    5e-324,
    0,
  ]);
});

test("leakyRelu() multiplies what is negative by the slope, and nothing else", () => {
  for (const x of samples([50])) {
    for (const slope of [undefined, 0, 0.3, 1, 2, -0.5]) {
      const factor = slope ?? 0.01;
      const expected = x.data.map((v) => v < 0 ? factor * v : v);
      assertEquals(leakyRelu(x, slope).data, expected, `slope ${slope}`);
    }
  }
});

test("leakyRelu() keeps NaN and both infinities", () => {
  const x = Tensor.of([NaN, Infinity, -Infinity, 0, -0]);
  const made = [...leakyRelu(x, 0.5).data];
  assertEquals(made, [NaN, Infinity, -Infinity, 0, 0]);
  assert(Object.is(made[4], -0));
});

test("leakyRelu() refuses a slope that is not a finite number", () => {
  const x = Tensor.of([-1, 1]);
  for (const slope of [NaN, Infinity, -Infinity]) {
    assertRefuses(
      () => leakyRelu(x, slope),
      ValueError,
      `Cannot leak with slope ${slope}: it must be a finite number`,
    );
  }
  assertEquals(x.toArray(), [-1, 1]);
});

test("sigmoid() is (1 + tanh(x/2)) / 2", () => {
  for (const x of samples([50])) {
    assertClose(sigmoid(x), [...x.data].map((v) => (1 + Math.tanh(v / 2)) / 2), tolerance(x));
  }
});

test("sigmoid() keeps all digits of small shares", () => {
  for (const x of [-40, -100, -700]) {
    const share = sigmoid(float64([x])).item();
    assertAlmostEquals(share / Math.exp(x), 1, 1e-14);
  }
});

test("sigmoid() keeps NaN and ends at 0 and 1", () => {
  const x = Tensor.of([NaN, -Infinity, -1e30, 1e30, Infinity]);
  assertEquals([...sigmoid(x).data], [NaN, 0, 0, 1, 1]);
});

test("tanh() is (e²ˣ − 1) / (e²ˣ + 1)", () => {
  for (const x of samples([50])) {
    const expected = [...x.data].map((v) => Math.expm1(2 * v) / (Math.expm1(2 * v) + 2));
    assertClose(tanh(x), expected, tolerance(x));
  }
});

test("tanh() keeps all digits of small numbers", () => {
  assertEquals(tanh(float64([1e-20])).item(), 1e-20);
});

test("tanh() keeps NaN and ends at −1 and 1", () => {
  const x = Tensor.of([NaN, -Infinity, -1e30, 1e30, Infinity]);
  assertEquals([...tanh(x).data], [NaN, -1, -1, 1, 1]);
});

/** Φ(x) by adding up the bell curve from 0 to x with Simpson's rule. */
function shareByArea(x: number): number {
  const steps = 2000, width = x / steps;
  let total = 0;
  for (let k = 0; k <= steps; k++) {
    const weight = k === 0 || k === steps ? 1 : k % 2 === 1 ? 4 : 2;
    total += weight * Math.exp(-((k * width) ** 2) / 2);
  }
  return 0.5 + total * width / 3 / Math.sqrt(2 * Math.PI);
}

test("normalShare() is the area under the bell curve", () => {
  for (let x = -6; x <= 6; x += 1 / 16) {
    assertAlmostEquals(normalShare(x), shareByArea(x), 1e-14, `${x}`);
  }
});

test("normalShare() keeps the digits of small shares", () => {
  const cases: [number, number][] = [
    [-1, 0.15865525393145705],
    [-2, 0.022750131948179207],
    [-3, 0.0013498980316300945],
    [-4, 3.167124183311992e-5],
    [-5, 2.866515718791939e-7],
    [-10, 7.619853024160526e-24],
    [-20, 2.753624118606233e-89],
    [-37, 5.725571222524576e-300],
  ];
  for (const [x, share] of cases) {
    assertAlmostEquals(normalShare(x) / share, 1, 2e-13, `${x}`);
  }
});

test("normalShare() of opposite numbers adds up to 1, without a jump where the formula changes", () => {
  for (const x of [0, 0.1, 1, 2.5, 2.999, 3, 3.001, 6, 40, Infinity]) {
    assertAlmostEquals(normalShare(x) + normalShare(-x), 1, 1e-15, `${x}`);
  }
  for (const edge of [-3, 3]) {
    const step = normalShare(edge + 1e-9) - normalShare(edge - 1e-9); // φ(3) = 0.00443…
    assertAlmostEquals(step, 2e-9 * 0.0044318484, 1e-14);
  }
});

test("normalShare() ends at 0 and 1, and keeps NaN", () => {
  const far = [-Infinity, -1e300, -100, 0, 100, 1e300, Infinity, NaN];
  assertEquals(far.map(normalShare), [0, 0, 0, 0.5, 1, 1, 1, NaN]);
});

test("gelu() is x·Φ(x), exact and in both formats", () => {
  for (const x of samples([50])) {
    assertClose(gelu(x), [...x.data].map((v) => v * shareByArea(v)), 6 * tolerance(x));
  }
  assertAlmostEquals(gelu(float64([1])).item(), 0.8413447460685429, 1e-15);
  assertAlmostEquals(gelu(float64([-2])).item(), -0.045500263896358414, 1e-15);
});

test("gelu() lets large numbers pass and keeps NaN, and is NaN at −∞, as in PyTorch", () => {
  const x = Tensor.of([NaN, Infinity, -Infinity, 2 ** 100, -(2 ** 100), 0]);
  assertEquals([...gelu(x).data], [NaN, Infinity, NaN, 2 ** 100, 0, 0]);
});

test("gelu() notes the shares, in the format of its input", () => {
  for (const dtype of dtypes) {
    const { data } = Tensor.of([0, 1, -1], { dtype });
    const { origin } = gelu(new Tracked(data, [3, 1]));
    const shares = data.map(normalShare);
    assertEquals(origin?.extra, { shares: new Tensor(shares, [3, 1]) });
  }
});

test("leakyRelu() notes its slope, also the one by default", () => {
  const x = new Tracked(Float32Array.of(1), [1]);
  assertEquals(leakyRelu(x, 0.2).origin?.extra, { slope: 0.2 });
  assertEquals(leakyRelu(x).origin?.extra, { slope: 0.01 });
});

// ── Along an axis ──

/** Calls `row` with the positions of each row of numbers along an axis. */
function rowsAlong({ shape, size }: Tensor, axis: number): number[][] {
  const step = shape.slice(axis + 1).reduce((a, b) => a * b, 1), n = shape[axis];
  const rows = new Map<string, number[]>();
  for (let flat = 0; flat < size; flat++) {
    const outer = Math.floor(flat / (step * n)), inner = flat % step;
    const key = `${outer} ${inner}`, row = rows.get(key) ?? [];
    row.push(flat);
    rows.set(key, row);
  }
  return [...rows.values()];
}

function randomCase(g: Generator, dtype: DType): { x: Tensor; axis: number; along: number } {
  const shape = Array.from({ length: 1 + g.integer(4) }, () => 1 + g.integer(4));
  const along = g.integer(shape.length), axis = g.integer(2) === 0 ? along : along - shape.length;
  return { x: Tensor.uniform(shape, g, { low: -6, high: 6, dtype }), axis, along };
}

test("softmax() shares by powers of e on 200 random shapes and axes", () => {
  const g = new Generator(2);
  for (let round = 0; round < 200; round++) {
    const { x, axis, along } = randomCase(g, dtypes[round % 2]);
    const expected = new Array<number>(x.size);
    for (const row of rowsAlong(x, along)) {
      const total = row.reduce((sum, flat) => sum + Math.exp(x.data[flat]), 0);
      for (const flat of row) expected[flat] = Math.exp(x.data[flat]) / total;
    }
    assertClose(softmax(x, axis), expected, tolerance(x));
  }
});

test("logSoftmax() is the logarithm of the shares on 200 random shapes and axes", () => {
  const g = new Generator(3);
  for (let round = 0; round < 200; round++) {
    const { x, axis, along } = randomCase(g, dtypes[round % 2]);
    const expected = new Array<number>(x.size);
    for (const row of rowsAlong(x, along)) {
      const total = row.reduce((sum, flat) => sum + Math.exp(x.data[flat]), 0);
      for (const flat of row) expected[flat] = x.data[flat] - Math.log(total);
    }
    assertClose(logSoftmax(x, axis), expected, 20 * tolerance(x));
  }
});

test("softmax() and logSoftmax() work along the last axis by default", () => {
  const [x] = samples([3, 4]);
  assertEquals(softmax(x).data, softmax(x, 1).data);
  assertEquals(logSoftmax(x).data, logSoftmax(x, 1).data);
});

test("softmax() of one score alone is 1, and its logarithm 0", () => {
  const x = Tensor.of([[-5], [7], [1e30]]);
  assertEquals(softmax(x).toArray(), [[1], [1], [1]]);
  assertEquals(logSoftmax(x).toArray(), [[0], [0], [0]]);
});

test("softmax() of scores beyond what e can be raised to stays exact", () => {
  const cases: [number[], number[]][] = [
    [[1e4, 1e4], [0.5, 0.5]],
    [[-1e4, -1e4, -1e4, -1e4], [0.25, 0.25, 0.25, 0.25]],
    [[1e30, 0], [1, 0]],
    [[-1e30, 0], [0, 1]],
    [[3e38, -3e38, 3e38], [0.5, 0, 0.5]],
  ];
  for (const dtype of dtypes) {
    for (const [scores, shares] of cases) {
      assertEquals(softmax(Tensor.of(scores, { dtype })).toArray(), shares);
    }
  }
});

test("logSoftmax() stays exact where the share would be rounded to 0", () => {
  for (const dtype of dtypes) {
    assertEquals(logSoftmax(Tensor.of([1000, 0, -500], { dtype })).toArray(), [0, -1000, -1500]);
  }
});

test("softmax() gives −∞ no share, and logSoftmax() leaves it −∞", () => {
  const x = float64([-Infinity, 0, 0]);
  assertEquals(softmax(x).toArray(), [0, 0.5, 0.5]);
  assertEquals(logSoftmax(x).toArray(), [-Infinity, -Math.LN2, -Math.LN2]);
});

test("softmax() of a row with NaN, with ∞ or of −∞ alone is NaN, and of other rows is not", () => {
  const x = float64([[NaN, 0], [Infinity, 0], [-Infinity, -Infinity], [0, 0]]);
  assertEquals([...softmax(x).data], [NaN, NaN, NaN, NaN, NaN, NaN, 0.5, 0.5]);
  const logs = [...logSoftmax(x).data];
  assertEquals(logs, [NaN, NaN, NaN, NaN, NaN, NaN, -Math.LN2, -Math.LN2]);
});

test("softmax() and logSoftmax() refuse axes that do not exist", () => {
  const cases: [Tensor, number | undefined, string][] = [
    [Tensor.of(1), undefined, "axis -1 of shape (): a single number has no axes"],
    [Tensor.of(1), 0, "axis 0 of shape (): a single number has no axes"],
    [Tensor.ones([2, 3]), 2, "axis 2 of shape (2, 3): axes go from -2 to 1"],
    [Tensor.ones([2, 3]), -3, "axis -3 of shape (2, 3): axes go from -2 to 1"],
    [Tensor.ones([2, 3]), 0.5, "axis 0.5 of shape (2, 3): axes go from -2 to 1"],
    [Tensor.ones([2, 3]), NaN, "axis NaN of shape (2, 3): axes go from -2 to 1"],
  ];
  for (const [x, axis, rest] of cases) {
    const before = x.data.slice();
    for (const activation of [softmax, logSoftmax]) {
      assertRefuses(() => activation(x, axis), ValueError, `Cannot use ${rest}`);
    }
    assertEquals(x.data, before);
  }
});

// ── All alike ──

for (const name of names) {
  test(`${name}() keeps shape and format, changes no input, and shares no memory`, () => {
    for (const x of samples([2, 3, 2])) {
      const before = x.data.slice(), made = all[name](x);
      assertEquals([made.shape, made.dtype], [x.shape, x.dtype]);
      assertEquals(x.data, before);
      assert(made.data.buffer !== x.data.buffer);
    }
  });

  test(`${name}() is noted as one step, if its input requires a gradient`, () => {
    const x = new Tracked(Float32Array.of(1, 2), [2]), made = all[name](x);
    assertEquals(made.origin?.op, name);
    assertEquals(made.origin?.inputs.length, 1);
    assertStrictEquals(made.origin?.inputs[0], x);
    assertEquals(all[name](Tensor.of([1, 2])).origin, null);
  });
}

test("softmax() and logSoftmax() note their axis, counted from the start", () => {
  const x = new Tracked(new Float32Array(6), [1, 2, 3]);
  for (const activation of [softmax, logSoftmax]) {
    assertEquals(activation(x).origin?.extra, { axis: 2 });
    assertEquals(activation(x, -2).origin?.extra, { axis: 1 });
  }
});
