/**
 * What module 02 promises: the activations against a second formula each, at the edges of what a
 * number can be, and in both formats.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { logSoftmax, relu, sigmoid, softmax, tanh } from "#activations";
import { Generator } from "#random";
import { type DType, type Shape, Tensor, ValueError } from "#tensor";
import { test } from "./kit/register.ts";

const dtypes: readonly DType[] = ["float32", "float64"];

const all = { relu, sigmoid, tanh, softmax, logSoftmax };
const names = ["relu", "sigmoid", "tanh", "softmax", "logSoftmax"] as const;

/** A tensor that requires a gradient, as parameters will in module 03. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

function float64(values: number[] | number[][]): Tensor {
  return Tensor.of(values, { dtype: "float64" });
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
    [
      Tensor.of(1),
      undefined,
      "Cannot use axis -1 of shape (): a single number has no axes",
    ],
    [Tensor.ones([2, 3]), 2, "Cannot use axis 2 of shape (2, 3): axes go from -2 to 1"],
    [Tensor.ones([2, 3]), -3, "Cannot use axis -3 of shape (2, 3): axes go from -2 to 1"],
  ];
  for (const [x, axis, message] of cases) {
    for (const activation of [softmax, logSoftmax]) {
      assertEquals(assertThrows(() => activation(x, axis), ValueError).message, message);
    }
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
    const made = all[name](new Tracked(Float32Array.of(1, 2), [2]));
    assertEquals(made.origin?.op, name);
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
