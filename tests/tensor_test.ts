/**
 * What module 01 promises: every operation against a slow oracle that looks up one index after the
 * other, and every message in full.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Generator } from "#random";
import {
  broadcastShapes,
  describeShape,
  type DType,
  like,
  resolveAxis,
  result,
  sameShape,
  setRecording,
  type Shape,
  ShapeError,
  sizeOf,
  stridesOf,
  Tensor,
  ValueError,
} from "#tensor";
import { inspect } from "node:util";
import { assertRefuses } from "./kit/assert_refuses.ts";
import { test } from "./kit/register.ts";

// ── The slow oracle: tensors as functions of an index ──

const dtypes: readonly DType[] = ["float32", "float64"];

/** All indices of a shape, the last axis fastest. */
function indices(shape: Shape): number[][] {
  if (shape.length === 0) return [[]];
  const rest = indices(shape.slice(1));
  return Array.from({ length: shape[0] }).flatMap((_, k) => rest.map((index) => [k, ...index]));
}

/** The element at an index. */
function at({ data, shape }: Tensor, index: readonly number[]): number {
  return data[index.reduce((flat, k, axis) => flat * shape[axis] + k, 0)];
}

/** A tensor whose elements are computed from their indices, one by one. */
function build(shape: Shape, dtype: DType, element: (index: number[]) => number): Tensor {
  const numbers = indices(shape).map(element);
  const data = dtype === "float64" ? new Float64Array(numbers) : new Float32Array(numbers);
  return new Tensor(data, shape);
}

/** Same shape, same format, same numbers. */
function assertSame(actual: Tensor, expected: Tensor, what: string): void {
  assertEquals([...actual.shape], [...expected.shape], what);
  assertEquals(actual.dtype, expected.dtype, what);
  assertEquals(actual.data, expected.data, what);
}

function randomShape(g: Generator, maxRank = 4): number[] {
  return Array.from({ length: g.integer(maxRank + 1) }, () => 1 + g.integer(4));
}

/** Small whole numbers, so that sums are exact and equals are frequent. */
function randomTensor(g: Generator, shape: Shape, dtype: DType): Tensor {
  return build(shape, dtype, () => g.integer(9) - 4);
}

/** Some axes, in any order, some of them counted from the end. */
function randomAxes(g: Generator, rank: number): number[] {
  return [...g.permutation(rank)].slice(0, g.integer(rank + 1))
    .map((axis) => g.integer(2) === 0 ? axis : axis - rank);
}

/** Two shapes that broadcast, each a shape with axes in front left out and others made 1. */
function randomPair(g: Generator): [number[], number[]] {
  const whole = randomShape(g);
  const part = (): number[] =>
    whole.slice(g.integer(whole.length + 1)).map((n) => g.integer(3) === 0 ? 1 : n);
  return [part(), part()];
}

/** The element that a stretched tensor shows at an index of the larger shape. */
function stretchedAt(x: Tensor, index: readonly number[]): number {
  const missing = index.length - x.rank;
  return at(x, x.shape.map((n, axis) => n === 1 ? 0 : index[axis + missing]));
}

/** The shape in which two shapes meet, by lining up their ends. */
function meet(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const fill = (shape: Shape): number[] => [
    ...new Array<number>(rank - shape.length).fill(1),
    ...shape,
  ];
  const left = fill(a), right = fill(b);
  return left.map((n, axis) => Math.max(n, right[axis]));
}

// ── Making tensors ──

test("Tensor.of() takes as many axes as the lists are deep", () => {
  const cases: [Tensor, number[], number[]][] = [
    [Tensor.of(7), [], [7]],
    [Tensor.of([7]), [1], [7]],
    [Tensor.of([1, 2, 3]), [3], [1, 2, 3]],
    [Tensor.of([[1, 2], [3, 4], [5, 6]]), [3, 2], [1, 2, 3, 4, 5, 6]],
    [Tensor.of([[[1], [2]]]), [1, 2, 1], [1, 2]],
  ];
  for (const [tensor, shape, numbers] of cases) {
    assertEquals(tensor.shape, shape);
    assertEquals([...tensor.data], numbers);
  }
});

test("Tensor keeps the numbers that it is given, without a copy", () => {
  const data = Float32Array.of(1, 2);
  assertStrictEquals(new Tensor(data, [2]).data, data);
});

test("Tensor factories fill a shape in the format asked for, float32 by default", () => {
  for (const dtype of [undefined, ...dtypes]) {
    const expected = dtype ?? "float32";
    assertSame(Tensor.zeros([2, 1], { dtype }), build([2, 1], expected, () => 0), "zeros");
    assertSame(Tensor.ones([3], { dtype }), build([3], expected, () => 1), "ones");
    assertSame(Tensor.full([], 2.5, { dtype }), build([], expected, () => 2.5), "full");
    assertSame(Tensor.of([1, 2], { dtype }), build([2], expected, ([k]) => k + 1), "of");
  }
});

test("Tensor.uniform() and Tensor.normal() draw from the generator in row-major order", () => {
  for (const dtype of dtypes) {
    const twin = new Generator(5);
    const drawn = Tensor.uniform([2, 3], new Generator(5), { low: -2, high: 6, dtype });
    assertSame(drawn, build([2, 3], dtype, () => twin.uniform(-2, 6)), "uniform");
    const other = new Generator(6);
    const normal = Tensor.normal([3, 2], new Generator(6), {
      mean: 1,
      standardDeviation: 3,
      dtype,
    });
    assertSame(normal, build([3, 2], dtype, () => other.normal(1, 3)), "normal");
  }
});

test("Tensor.uniform() draws from [0, 1), Tensor.normal() around 0 with spread 1, by default", () => {
  const uniform = new Generator(8), normal = new Generator(8);
  assertSame(
    Tensor.uniform([4], new Generator(8)),
    build([4], "float32", () => uniform.uniform(0, 1)),
    "uniform",
  );
  assertSame(
    Tensor.normal([4], new Generator(8)),
    build([4], "float32", () => normal.normal(0, 1)),
    "normal",
  );
});

test("Tensor facts are read from the numbers and the shape", () => {
  const x = Tensor.zeros([2, 3, 4], { dtype: "float64" });
  const facts = [x.dtype, x.rank, x.size, x.requiresGrad, x.version, x.origin];
  assertEquals(facts, ["float64", 3, 24, false, 0, null]);
  assertEquals([Tensor.of(1).rank, Tensor.of(1).size, Tensor.of(1).dtype], [0, 1, "float32"]);
});

test("toArray() gives back the lists that of() was given", () => {
  for (const lists of [5, [5], [1, 2], [[1, 2], [3, 4]], [[[1], [2]], [[3], [4]]]]) {
    assertEquals(Tensor.of(lists).toArray(), lists);
  }
});

test("item() gives the only number, whatever the rank", () => {
  for (const shape of [[], [1], [1, 1, 1]]) assertEquals(Tensor.full(shape, 3).item(), 3);
});

test("to() converts the numbers and leaves the tensor as it was", () => {
  const x = Tensor.of([0.1, 1e300], { dtype: "float64" });
  assertEquals(x.to("float32").data, Float32Array.of(Math.fround(0.1), Infinity));
  assertEquals(x.data, Float64Array.of(0.1, 1e300));
  assertEquals(Tensor.of([0.1]).to("float64").data, Float64Array.of(Math.fround(0.1)));
});

test("to() gives the tensor itself where nothing has to be converted", () => {
  for (const dtype of dtypes) {
    const x = Tensor.ones([2], { dtype });
    assertStrictEquals(x.to(dtype), x);
  }
});

// ── Shapes ──

test("sizeOf() and stridesOf() agree with counting indices", () => {
  const g = new Generator(1);
  for (let round = 0; round < 50; round++) {
    const shape = randomShape(g, 5), all = indices(shape), strides = stridesOf(shape);
    assertEquals(sizeOf(shape), all.length);
    assertEquals(strides.length, shape.length);
    all.forEach((index, flat) => {
      assertEquals(index.reduce((sum, k, axis) => sum + k * strides[axis], 0), flat);
    });
  }
});

test("broadcastShapes() finds the common shape of 200 random pairs, in either order", () => {
  const g = new Generator(2);
  for (let round = 0; round < 200; round++) {
    const [a, b] = randomPair(g);
    assertEquals(broadcastShapes(a, b), meet(a, b));
    assertEquals(broadcastShapes(b, a), meet(a, b));
  }
});

test("describeShape() writes shapes as people do", () => {
  assertEquals([[], [4], [2, 3]].map(describeShape), ["()", "(4,)", "(2, 3)"]);
});

test("sameShape() compares rank and every size", () => {
  const cases: [Shape, Shape, boolean][] = [
    [[], [], true],
    [[2, 3], [2, 3], true],
    [[2, 3], [3, 2], false],
    [[2, 3], [2, 3, 1], false],
    [[1], [], false],
  ];
  for (const [a, b, same] of cases) assertEquals(sameShape(a, b), same, `${a} and ${b}`);
});

test("resolveAxis() counts negative axes from the end", () => {
  for (let axis = 0; axis < 3; axis++) {
    assertEquals(resolveAxis(axis, [5, 6, 7]), axis);
    assertEquals(resolveAxis(axis - 3, [5, 6, 7]), axis);
  }
});

test("like() makes zeros in the same format", () => {
  assertEquals(like(Tensor.ones([1]), 2), new Float32Array(2));
  assertEquals(like(Tensor.ones([1], { dtype: "float64" }), 3), new Float64Array(3));
});

// ── Arithmetic ──

type Pair = "add" | "sub" | "mul" | "div" | "equal" | "greater";

const pairs: { readonly [K in Pair]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  equal: (a, b) => a === b ? 1 : 0,
  greater: (a, b) => a > b ? 1 : 0,
};
const pairNames: readonly Pair[] = ["add", "sub", "mul", "div", "equal", "greater"];

for (const name of pairNames) {
  test(`${name}() agrees index by index with the oracle on 200 random pairs of shapes`, () => {
    const g = new Generator(3);
    for (let round = 0; round < 200; round++) {
      const dtype = dtypes[round % 2], [left, right] = randomPair(g);
      const a = randomTensor(g, left, dtype), b = randomTensor(g, right, dtype);
      const expected = build(
        meet(left, right),
        dtype,
        (index) => pairs[name](stretchedAt(a, index), stretchedAt(b, index)),
      );
      assertSame(a[name](b), expected, `${describeShape(left)} and ${describeShape(right)}`);
    }
  });

  test(`${name}() takes a plain number for the second operand`, () => {
    for (const dtype of dtypes) {
      const x = build([2, 3], dtype, ([row, column]) => row - column);
      const expected = build([2, 3], dtype, (index) => pairs[name](at(x, index), -1));
      assertSame(x[name](-1), expected, dtype);
    }
  });

  test(`${name}() stretches either operand in every position`, () => {
    const shapes: [Shape, Shape][] = [
      [[2, 3], [3]], // a row
      [[2, 3], [1, 3]],
      [[2, 3], [2, 1]], // a column
      [[2, 3], []], // a single number
      [[2, 3], [1, 1]],
      [[2, 1], [1, 3]], // both
      [[2, 1, 4], [3, 1]],
      [[2, 3, 4], [2, 1, 4]], // in the middle
      [[1, 3, 1], [2, 1, 4]],
    ];
    const g = new Generator(4);
    for (const [left, right] of shapes.flatMap(([a, b]) => [[a, b], [b, a]])) {
      const a = randomTensor(g, left, "float64"), b = randomTensor(g, right, "float64");
      const expected = build(
        meet(left, right),
        "float64",
        (index) => pairs[name](stretchedAt(a, index), stretchedAt(b, index)),
      );
      assertSame(a[name](b), expected, `${describeShape(left)} and ${describeShape(right)}`);
    }
  });

  test(`${name}() refuses two formats, whichever comes first`, () => {
    const verbs = { add: "add", sub: "subtract", mul: "multiply", div: "divide" };
    const verb = name === "equal" || name === "greater" ? "compare" : verbs[name];
    const single = Tensor.ones([2]), double = Tensor.ones([2], { dtype: "float64" });
    assertRefuses(
      () => single[name](double),
      ShapeError,
      `Cannot ${verb} float32 and float64: all must have one dtype`,
      "convert one with .to(dtype)",
    );
    assertRefuses(
      () => double[name](single),
      ShapeError,
      `Cannot ${verb} float64 and float32: all must have one dtype`,
      "convert one with .to(dtype)",
    );
  });
}

test("add() follows IEEE 754 for NaN and infinity, as do its siblings", () => {
  const a = Tensor.of([NaN, Infinity, Infinity, 1, -1, 0, 0]);
  const b = Tensor.of([1, -Infinity, Infinity, 0, 0, 0, Infinity]);
  assertEquals([...a.add(b).data], [NaN, NaN, Infinity, 1, -1, 0, Infinity]);
  assertEquals([...a.sub(b).data], [NaN, Infinity, NaN, 1, -1, 0, -Infinity]);
  assertEquals([...a.mul(b).data], [NaN, -Infinity, Infinity, 0, -0, 0, NaN]);
  assertEquals([...a.div(b).data], [NaN, NaN, NaN, Infinity, -Infinity, NaN, 0]);
});

test("equal() and greater() are 0 wherever NaN takes part", () => {
  const a = Tensor.of([NaN, NaN, 1]), b = Tensor.of([NaN, 1, NaN]);
  assertEquals(a.equal(b).toArray(), [0, 0, 0]);
  assertEquals(a.greater(b).toArray(), [0, 0, 0]);
});

test("neg(), exp(), log() and sqrt() compute element by element", () => {
  for (const dtype of dtypes) {
    const x = build([2, 3], dtype, ([row, column]) => 0.25 + row * 3 + column);
    const cases: [Tensor, (v: number) => number][] = [
      [x.neg(), (v) => -v],
      [x.exp(), Math.exp],
      [x.log(), Math.log],
      [x.sqrt(), Math.sqrt],
    ];
    for (const [made, compute] of cases) {
      assertSame(made, build([2, 3], dtype, (index) => compute(at(x, index))), dtype);
    }
  }
});

test("exp(), log() and sqrt() answer what lies outside of them as PyTorch does", () => {
  const x = Tensor.of([NaN, Infinity, -Infinity, 0, -1, 1000], { dtype: "float64" });
  assertEquals([...x.exp().data], [NaN, Infinity, 0, 1, Math.exp(-1), Infinity]);
  assertEquals([...x.log().data], [NaN, Infinity, NaN, -Infinity, NaN, Math.log(1000)]);
  assertEquals([...x.sqrt().data], [NaN, Infinity, NaN, 0, NaN, Math.sqrt(1000)]);
});

// ── Reductions ──

/** Splits a shape's indices by what is left of them when some axes are folded. */
function folds(shape: Shape, axes: readonly number[], keepDims: boolean): {
  shape: number[];
  elements: (index: number[]) => number[][];
} {
  const kept = shape.map((n, axis) => axes.includes(axis) ? 1 : n);
  const left = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return {
    shape: keepDims ? kept : left.map((axis) => shape[axis]),
    elements: (index) =>
      indices(shape).filter((full) =>
        left.every((axis, k) => full[axis] === index[keepDims ? axis : k])
      ),
  };
}

const reductions: { readonly [name: string]: (numbers: number[]) => number } = {
  sum: (numbers) => numbers.reduce((total, n) => total + n, 0),
  mean: (numbers) => numbers.reduce((total, n) => total + n, 0) / numbers.length,
  max: (numbers) => numbers.reduce((best, n) => n > best ? n : best),
};

for (const name of ["sum", "mean", "max"] as const) {
  test(`${name}() agrees with the oracle on 200 random shapes, axes and keepDims`, () => {
    const g = new Generator(5);
    for (let round = 0; round < 200; round++) {
      const shape = randomShape(g), dtype = dtypes[round % 2], keepDims = g.integer(2) === 0;
      const x = randomTensor(g, shape, dtype), axes = randomAxes(g, shape.length);
      const folded = folds(shape, axes.map((axis) => resolveAxis(axis, shape)), keepDims);
      const expected = build(
        folded.shape,
        dtype,
        (index) => reductions[name](folded.elements(index).map((full) => at(x, full))),
      );
      assertSame(
        x[name](axes, { keepDims }),
        expected,
        `${describeShape(shape)} over [${axes}], keepDims ${keepDims}`,
      );
    }
  });

  test(`${name}() takes one axis, and folds all of them when none is named`, () => {
    const g = new Generator(6), x = randomTensor(g, [2, 3, 4], "float64");
    const all = reductions[name]([...x.data]);
    assertSame(x[name](), build([], "float64", () => all), "all");
    assertSame(x[name](undefined, { keepDims: true }), build([1, 1, 1], "float64", () => all), "");
    assertSame(x[name](-2), x[name]([1]), "one");
  });
}

test("sum() keeps its total in float64, along rows and along columns", () => {
  const numbers = [2 ** 24, ...new Array<number>(99).fill(1)];
  assertEquals(Tensor.of(numbers).sum().item(), Math.fround(2 ** 24 + 99));
  const column = Tensor.of(numbers.map((n) => [n, 1]));
  assertEquals(column.sum(0).toArray(), [Math.fround(2 ** 24 + 99), 100]);
});

test("sum() of opposite infinities is NaN", () => {
  assertEquals(Tensor.of([Infinity, -Infinity]).sum().item(), NaN);
});

test("max() is NaN where a NaN takes part, and −∞ where there is nothing else", () => {
  const x = Tensor.of([[NaN, 5, 9], [5, NaN, 9], [5, 9, NaN], [5, 9, 7]]);
  assertEquals([...x.max(1).data], [NaN, NaN, NaN, 9]);
  assertEquals([...x.max(0).data], [NaN, NaN, NaN]);
  assertEquals(Tensor.of([-Infinity, -Infinity]).max().item(), -Infinity);
});

test("argmax() finds the first of equals on 200 random shapes and axes", () => {
  const g = new Generator(7);
  for (let round = 0; round < 200; round++) {
    const shape = [1 + g.integer(4), ...randomShape(g, 3)], dtype = dtypes[round % 2];
    const axis = g.integer(2 * shape.length) - shape.length, keepDims = g.integer(2) === 0;
    const x = randomTensor(g, shape, dtype), along = resolveAxis(axis, shape);
    const folded = folds(shape, [along], keepDims);
    const expected = build(folded.shape, dtype, (index) => {
      const numbers = folded.elements(index).map((full) => at(x, full));
      return numbers.indexOf(Math.max(...numbers));
    });
    assertSame(x.argmax(axis, { keepDims }), expected, `${describeShape(shape)} along ${axis}`);
  }
});

test("argmax() looks along the last axis by default", () => {
  assertEquals(Tensor.of([[1, 3, 2], [9, 8, 7]]).argmax().toArray(), [1, 0]);
});

test("argmax() points to the first NaN, as in PyTorch", () => {
  const x = Tensor.of([[NaN, 5, NaN], [5, NaN, 9], [5, 9, NaN], [-Infinity, -Infinity, 0]]);
  assertEquals(x.argmax(1).toArray(), [0, 1, 2, 2]);
});

// ── The matrix product ──

test("matmul() agrees with the sum over products on 200 random stacks", () => {
  const g = new Generator(8);
  for (let round = 0; round < 200; round++) {
    const dtype = dtypes[round % 2], [stackA, stackB] = randomPair(g);
    const m = 1 + g.integer(5), k = 1 + g.integer(9), n = 1 + g.integer(9);
    const a = randomTensor(g, [...stackA, m, k], dtype);
    const b = randomTensor(g, [...stackB, k, n], dtype);
    const expected = build([...meet(stackA, stackB), m, n], dtype, (index) => {
      const stack = index.slice(0, -2), [row, column] = index.slice(-2);
      const inA = stackA.map((size, axis) =>
        size === 1 ? 0 : stack[axis + stack.length - stackA.length]
      );
      const inB = stackB.map((size, axis) =>
        size === 1 ? 0 : stack[axis + stack.length - stackB.length]
      );
      let total = 0;
      for (let p = 0; p < k; p++) {
        total += at(a, [...inA, row, p]) * at(b, [...inB, p, column]);
      }
      return total;
    });
    assertSame(a.matmul(b), expected, `${describeShape(a.shape)} by ${describeShape(b.shape)}`);
  }
});

test("matmul() keeps its sums in float64", () => {
  const row = Tensor.of([[2 ** 24, ...new Array<number>(99).fill(1)]]);
  for (const n of [1, 4, 5]) {
    const expected = new Array<number>(n).fill(Math.fround(2 ** 24 + 99));
    assertEquals(row.matmul(Tensor.ones([100, n])).toArray(), [expected]);
  }
});

test("matmul() skips no zero: 0 times infinity is NaN", () => {
  const zeros = Tensor.of([[0, 0]]), row = Tensor.of([[Infinity, 1], [NaN, 1]]);
  assertEquals([...zeros.matmul(row).data], [NaN, 0]);
});

// ── Rearranging ──

test("reshape() shares the numbers and changes only their reading", () => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]), y = x.reshape([3, 2]);
  assertStrictEquals(y.data, x.data);
  assertEquals(y.toArray(), [[1, 2], [3, 4], [5, 6]]);
  assertEquals(x.shape, [2, 3]);
});

test("reshape() finds the one size that is left open, in every position", () => {
  const x = Tensor.zeros([2, 3, 4]);
  const cases: [number[], number[]][] = [
    [[-1], [24]],
    [[-1, 6], [4, 6]],
    [[6, -1], [6, 4]],
    [[2, -1, 2], [2, 6, 2]],
    [[24, -1], [24, 1]],
  ];
  for (const [asked, found] of cases) assertEquals(x.reshape(asked).shape, found);
  assertEquals(Tensor.of(5).reshape([-1]).shape, [1]);
  assertEquals(Tensor.of([[5]]).reshape([]).shape, []);
});

test("permute() agrees with the oracle on 200 random orders, counted from either end", () => {
  const g = new Generator(9);
  for (let round = 0; round < 200; round++) {
    const shape = randomShape(g, 5), rank = shape.length, dtype = dtypes[round % 2];
    const x = randomTensor(g, shape, dtype), axes = [...g.permutation(rank)];
    const order = axes.map((axis) => g.integer(2) === 0 ? axis : axis - rank);
    const expected = build(axes.map((axis) => shape[axis]), dtype, (index) => {
      const source = new Array<number>(rank);
      axes.forEach((axis, k) => source[axis] = index[k]);
      return at(x, source);
    });
    assertSame(x.permute(order), expected, `${describeShape(shape)} by [${order}]`);
  }
});

test("transpose() exchanges the last two axes and leaves fewer as they are", () => {
  const g = new Generator(10), x = randomTensor(g, [2, 3, 4], "float64");
  assertSame(x.transpose(), build([2, 4, 3], "float64", ([b, i, j]) => at(x, [b, j, i])), "");
  assertSame(Tensor.of([1, 2]).transpose(), Tensor.of([1, 2]), "one axis");
  assertSame(Tensor.of(1).transpose(), Tensor.of(1), "no axis");
});

test("expand() agrees with the oracle on 200 random shapes", () => {
  const g = new Generator(11);
  for (let round = 0; round < 200; round++) {
    const whole = randomShape(g), dtype = dtypes[round % 2];
    const part = whole.slice(g.integer(whole.length + 1)).map((n) => g.integer(2) === 0 ? 1 : n);
    const x = randomTensor(g, part, dtype);
    const expected = build(whole, dtype, (index) => stretchedAt(x, index));
    assertSame(x.expand(whole), expected, `${describeShape(part)} to ${describeShape(whole)}`);
  }
});

test("slice() agrees with the oracle on 200 random ranges, counted from either end", () => {
  const g = new Generator(12);
  for (let round = 0; round < 200; round++) {
    const shape = randomShape(g), dtype = dtypes[round % 2];
    const x = randomTensor(g, shape, dtype);
    const parts = shape.slice(0, g.integer(shape.length + 1)).map((n) => {
      const start = g.integer(n), end = start + 1 + g.integer(n - start);
      const shown: [number, number] = [
        g.integer(2) === 0 ? start : start - n,
        end < n && g.integer(2) === 0 ? end - n : end,
      ];
      return { start, end, range: g.integer(4) === 0 ? null : shown };
    });
    const start = (axis: number): number => parts[axis]?.range ? parts[axis].start : 0;
    const sizes = shape.map((n, axis) =>
      parts[axis]?.range ? parts[axis].end - parts[axis].start : n
    );
    const expected = build(
      sizes,
      dtype,
      (index) => at(x, index.map((k, axis) => k + start(axis))),
    );
    assertSame(
      x.slice(...parts.map(({ range }) => range)),
      expected,
      `${describeShape(shape)} with ${JSON.stringify(parts)}`,
    );
  }
});

test("pad() agrees with the oracle on 200 random borders", () => {
  const g = new Generator(13);
  for (let round = 0; round < 200; round++) {
    const shape = randomShape(g), dtype = dtypes[round % 2];
    const x = randomTensor(g, shape, dtype);
    const padding = shape.map((): [number, number] => [g.integer(3), g.integer(3)]);
    const sizes = shape.map((n, axis) => n + padding[axis][0] + padding[axis][1]);
    const expected = build(sizes, dtype, (index) => {
      const source = index.map((k, axis) => k - padding[axis][0]);
      return source.every((k, axis) => k >= 0 && k < shape[axis]) ? at(x, source) : 0;
    });
    assertSame(x.pad(padding), expected, `${describeShape(shape)} with ${JSON.stringify(padding)}`);
  }
});

// ── All operations alike ──

/** Every operation of a tensor that gives a tensor, applied to (2, 3). */
const operations: readonly [name: string, apply: (x: Tensor) => Tensor][] = [
  ["add", (x) => x.add(x.slice([0, 1]))],
  ["add a number", (x) => x.add(1)],
  ["sub", (x) => x.sub(x.slice(null, [0, 1]))],
  ["sub a number", (x) => x.sub(1)],
  ["mul", (x) => x.mul(x)],
  ["mul a number", (x) => x.mul(2)],
  ["div", (x) => x.div(x.add(9))],
  ["div a number", (x) => x.div(2)],
  ["neg", (x) => x.neg()],
  ["exp", (x) => x.exp()],
  ["log", (x) => x.log()],
  ["sqrt", (x) => x.sqrt()],
  ["equal", (x) => x.equal(x)],
  ["equal a number", (x) => x.equal(1)],
  ["greater", (x) => x.greater(x.neg())],
  ["greater a number", (x) => x.greater(1)],
  ["sum", (x) => x.sum()],
  ["sum over an axis", (x) => x.sum(0, { keepDims: true })],
  ["sum over no axis", (x) => x.sum([])],
  ["mean", (x) => x.mean(1)],
  ["max", (x) => x.max()],
  ["max over an axis", (x) => x.max(-1)],
  ["max over no axis", (x) => x.max([])],
  ["argmax", (x) => x.argmax()],
  ["matmul", (x) => x.matmul(x.transpose())],
  ["permute", (x) => x.permute([1, 0])],
  ["permute to the same order", (x) => x.permute([0, 1])],
  ["transpose", (x) => x.transpose()],
  ["expand", (x) => x.expand([4, 2, 3])],
  ["expand to the same shape", (x) => x.expand([2, 3])],
  ["slice", (x) => x.slice(null, [1, 3])],
  ["slice of everything", (x) => x.slice()],
  ["pad", (x) => x.pad([[1, 0], [0, 2]])],
  ["pad with nothing", (x) => x.pad([[0, 0], [0, 0]])],
  ["reshape", (x) => x.reshape([3, 2])],
];

test("Tensor operations keep float32 float32 and float64 float64", () => {
  for (const [name, apply] of operations) {
    for (const dtype of dtypes) {
      assertEquals(apply(Tensor.ones([2, 3], { dtype })).dtype, dtype, name);
    }
  }
});

test("Tensor operations never change their inputs", () => {
  for (const [name, apply] of operations) {
    for (const dtype of dtypes) {
      const x = build([2, 3], dtype, ([row, column]) => row * 3 + column - 2);
      const before = x.data.slice();
      apply(x);
      assertEquals(x.data, before, name);
      assertEquals(x.shape, [2, 3], name);
    }
  }
});

test("Tensor operations give numbers of their own, all but reshape()", () => {
  for (const [name, apply] of operations) {
    const x = build([2, 3], "float32", ([row, column]) => row * 3 + column + 1);
    const shared = apply(x).data.buffer === x.data.buffer;
    assertEquals(shared, name === "reshape", name);
  }
});

test("sum() and max() of a single number give numbers of their own", () => {
  const x = Tensor.of(3);
  assert(x.sum().data !== x.data, "sum shares the numbers of its input");
  assert(x.max().data !== x.data, "max shares the numbers of its input");
});

// ── Origins ──

/** A tensor that requires a gradient, as parameters will in module 03. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

test("mul() notes what it was made from if one input requires a gradient", () => {
  const w = new Tracked(Float32Array.of(2), [1]), x = Tensor.of([3]);
  for (const [made, inputs] of [[w.mul(x), [w, x]], [x.mul(w), [x, w]]] as const) {
    assert(made.requiresGrad);
    assertEquals(made.origin?.op, "mul");
    assertEquals(made.origin?.versions, [0, 0]);
    inputs.forEach((input, k) => assertStrictEquals(made.origin?.inputs[k], input));
  }
});

test("mul() of constants keeps no history", () => {
  assertEquals(Tensor.of([2]).mul(Tensor.of([3])).origin, null);
});

test("result() hands an operation's extras to its origin", () => {
  const w = new Tracked(Float32Array.of(1, 2), [2]);
  const made = result({ data: Float32Array.of(3), shape: [] }, "sum", [w], { kept: [1] });
  assertEquals(made.origin?.extra, { kept: [1] });
});

test("equal(), greater() and argmax() carry no gradient", () => {
  const w = new Tracked(Float32Array.of(1, 2), [2]);
  for (const made of [w.equal(w), w.greater(0), w.argmax()]) assert(!made.requiresGrad);
});

test("setRecording() switches origins off, and what it gives puts back what was before", () => {
  const w = new Tracked(Float32Array.of(2), [1]);
  const outer = setRecording(false), inner = setRecording(true);
  assert(w.neg().requiresGrad);
  inner();
  assert(!w.neg().requiresGrad);
  outer();
  assert(w.neg().requiresGrad);
});

// ── Text ──

test("toString() shows shape, format and numbers", () => {
  const cases: [Tensor, string][] = [
    [Tensor.of(5), "Tensor () float32 5"],
    [Tensor.of([1.5, -2]), "Tensor (2,) float32 [1.5,-2]"],
    [
      Tensor.of([[1, 2], [3, 4]], { dtype: "float64" }),
      "Tensor (2, 2) float64 [[1,2],[3,4]]",
    ],
  ];
  for (const [tensor, text] of cases) assertEquals(String(tensor), text);
});

test("toString() shows the first eight of more than a hundred numbers", () => {
  const hundred = build([10, 10], "float32", () => 7);
  assertEquals(String(hundred).match(/7/g)?.length, 100);
  const more = build([101], "float32", ([k]) => k);
  assertEquals(String(more), "Tensor (101,) float32 [0, 1, 2, 3, 4, 5, 6, 7, …]");
});

test("toString() says NaN and infinity where they stand", () => {
  const text = String(Tensor.of([NaN, Infinity, -Infinity, 1]));
  assertEquals(text.replaceAll("Infinity", "∞"), "Tensor (4,) float32 [NaN,∞,-∞,1]");
});

test("console.log() shows the numbers, and not the history", () => {
  const host: {
    Deno?: { inspect(value: unknown): string };
    Bun?: { inspect(value: unknown): string };
  } = globalThis;
  const made = new Tracked(Float32Array.of(2), [1]).mul(3);
  for (const show of [host.Deno?.inspect, host.Bun?.inspect, inspect]) {
    if (show) assertEquals(show(made), "Tensor (1,) float32 [6]");
  }
});

// ── Errors ──

test("Tensor refuses sizes that are not whole numbers of at least 1", () => {
  for (const [size, shown] of [[0, "0"], [-2, "-2"], [1.5, "1.5"], [NaN, "NaN"]] as const) {
    const message = `Cannot make a tensor of shape (2, ${shown}): ` +
      `sizes must be whole numbers of at least 1, ${shown} is not`;
    assertRefuses(() => Tensor.zeros([2, size]), ShapeError, message);
    assertRefuses(() => Tensor.ones([2, size]), ShapeError, message);
    assertRefuses(() => new Tensor(new Float32Array(2), [2, size]), ShapeError, message);
    assertRefuses(() => Tensor.ones([2, 1]).expand([2, size]), ShapeError, message);
    assertRefuses(() => Tensor.ones([2, 1]).reshape([2, size]), ShapeError, message);
  }
});

test("Tensor refuses a shape that promises another count", () => {
  assertRefuses(
    () => new Tensor(new Float32Array(5), [2, 3]),
    ShapeError,
    "Cannot make a tensor of shape (2, 3): it needs 6 numbers, there are 5",
  );
});

test("Tensor.of() refuses empty and ragged lists", () => {
  assertRefuses(
    () => Tensor.of([]),
    ShapeError,
    "Cannot make a tensor of shape (0,): sizes must be whole numbers of at least 1, 0 is not",
  );
  assertRefuses(
    () => Tensor.of([[1, 2], [3]]),
    ShapeError,
    "Cannot make a tensor of ragged lists: for shape (2, 2), at depth 1 there is a list of 1",
  );
  assertRefuses(
    () => Tensor.of([[1], [2, 3]]),
    ShapeError,
    "Cannot make a tensor of ragged lists: for shape (2, 1), at depth 1 there is a list of 2",
  );
  assertRefuses(
    () => Tensor.of([[1, 2], 3]),
    ShapeError,
    "Cannot make a tensor of ragged lists: for shape (2, 2), at depth 1 there is number 3",
  );
  assertRefuses(
    () => Tensor.of([1, [2]]),
    ShapeError,
    "Cannot make a tensor of ragged lists: for shape (2,), at depth 1 there is a list of 1",
  );
});

test("Tensor.of() refuses what is no number", () => {
  assertRefuses(
    () => Tensor.of(["1"] as unknown as number[]),
    ShapeError,
    "Cannot make a tensor of ragged lists: for shape (1,), at depth 1 there is string 1",
  );
});

test("add() refuses shapes that do not fit, as do its siblings, and names the sizes", () => {
  const cases: [Shape, Shape, string][] = [
    [[4, 3], [4], "(4, 3) with (4,): sizes, counted from the end, must be equal or 1, 3 is not 4"],
    [
      [2, 3],
      [3, 3],
      "(2, 3) with (3, 3): sizes, counted from the end, must be equal or 1, 2 is not 3",
    ],
    [
      [2, 1, 5],
      [3, 4, 5],
      "(2, 1, 5) with (3, 4, 5): sizes, counted from the end, must be equal or 1, 2 is not 3",
    ],
  ];
  for (const [left, right, rest] of cases) {
    for (const name of pairNames) {
      assertRefuses(
        () => Tensor.ones(left)[name](Tensor.ones(right)),
        ShapeError,
        `Cannot broadcast ${rest}`,
      );
    }
    assertRefuses(() => broadcastShapes(left, right), ShapeError, `Cannot broadcast ${rest}`);
  }
});

test("add() refuses each of 200 random pairs in which one size does not fit", () => {
  const g = new Generator(14);
  for (let round = 0; round < 200; round++) {
    const before = randomShape(g, 2), after = randomShape(g, 2);
    const [n, m] = [2 + g.integer(3), 5 + g.integer(3)];
    const a = [...before, n, ...after], b = [m, ...after];
    assertRefuses(
      () => Tensor.ones(a).add(Tensor.ones(b)),
      ShapeError,
      `Cannot broadcast ${describeShape(a)} with ${describeShape(b)}: ` +
        `sizes, counted from the end, must be equal or 1, ${n} is not ${m}`,
    );
  }
});

test("sum() refuses axes that do not exist, as do its siblings", () => {
  const x = Tensor.ones([2, 3]);
  for (const axis of [2, -3, 0.5]) {
    const message = `Cannot use axis ${axis} of shape (2, 3): axes go from -2 to 1`;
    assertRefuses(() => x.sum(axis), ValueError, message);
    assertRefuses(() => x.sum([0, axis]), ValueError, message);
    assertRefuses(() => x.mean(axis), ValueError, message);
    assertRefuses(() => x.max(axis), ValueError, message);
    assertRefuses(() => x.argmax(axis), ValueError, message);
    assertRefuses(() => resolveAxis(axis, x.shape), ValueError, message);
  }
});

test("sum() refuses any axis of a single number", () => {
  const message = "Cannot use axis 0 of shape (): a single number has no axes";
  assertRefuses(() => Tensor.of(1).sum(0), ValueError, message);
  assertRefuses(() => Tensor.of(1).max(0), ValueError, message);
});

test("sum() refuses an axis that is named twice, from whichever end", () => {
  const x = Tensor.ones([2, 3]);
  const message = "Cannot use axes (1, 1) of shape (2, 3): one is named twice";
  assertRefuses(() => x.sum([1, 1]), ValueError, message);
  assertRefuses(() => x.mean([1, -1]), ValueError, message);
  assertRefuses(() => x.max([-1, 1]), ValueError, message);
});

test("argmax() refuses a single number", () => {
  assertRefuses(
    () => Tensor.of(1).argmax(),
    ValueError,
    "Cannot take argmax of shape (): it has no axes",
  );
});

test("matmul() refuses vectors", () => {
  const hint = "reshape a vector to one row or one column first";
  assertRefuses(
    () => Tensor.ones([3]).matmul(Tensor.ones([3, 2])),
    ShapeError,
    "Cannot multiply (3,) by (3, 2): both must have at least two axes",
    hint,
  );
  assertRefuses(
    () => Tensor.ones([2, 3]).matmul(Tensor.ones([3])),
    ShapeError,
    "Cannot multiply (2, 3) by (3,): both must have at least two axes",
    hint,
  );
});

test("matmul() refuses inner sizes that differ, and asks about a transposed one", () => {
  assertRefuses(
    () => Tensor.ones([32, 64]).matmul(Tensor.ones([3, 3])),
    ShapeError,
    "Cannot multiply (32, 64) by (3, 3): inner sizes must match, 64 is not 3",
  );
  assertRefuses(
    () => Tensor.ones([2, 3]).matmul(Tensor.ones([4, 3])),
    ShapeError,
    "Cannot multiply (2, 3) by (4, 3): inner sizes must match, 3 is not 4",
    "is the second one transposed?",
  );
});

test("matmul() refuses two formats", () => {
  const single = Tensor.ones([2, 3]), double = Tensor.ones([3, 2], { dtype: "float64" });
  assertRefuses(
    () => single.matmul(double),
    ShapeError,
    "Cannot multiply float32 by float64: all must have one dtype",
    "convert one with .to(dtype)",
  );
  assertRefuses(
    () => double.matmul(single),
    ShapeError,
    "Cannot multiply float64 by float32: all must have one dtype",
    "convert one with .to(dtype)",
  );
});

test("matmul() refuses stacks that do not fit", () => {
  assertRefuses(
    () => Tensor.ones([2, 3, 4]).matmul(Tensor.ones([5, 4, 3])),
    ShapeError,
    "Cannot broadcast (2,) with (5,): sizes, counted from the end, must be equal or 1, 2 is not 5",
  );
});

test("reshape() refuses another count", () => {
  assertRefuses(
    () => Tensor.ones([2, 3]).reshape([4]),
    ShapeError,
    "Cannot reshape (2, 3) to (4,): the count must stay, 6 is not 4",
  );
  assertRefuses(
    () => Tensor.ones([2, 3]).reshape([4, -1]),
    ShapeError,
    "Cannot reshape (2, 3) to (4, -1): 6 elements do not divide by 4",
  );
});

test("reshape() leaves only one size open", () => {
  assertRefuses(
    () => Tensor.ones([4]).reshape([-1, -1]),
    ShapeError,
    "Cannot reshape (4,) to (-1, -1): only one size can be left open",
  );
});

test("permute() refuses an order that is not one of all axes", () => {
  const x = Tensor.ones([2, 3]);
  assertRefuses(
    () => x.permute([1]),
    ShapeError,
    "Cannot permute (2, 3) by (1,): each axis must be named",
  );
  assertRefuses(
    () => x.permute([1, 1]),
    ValueError,
    "Cannot use axes (1, 1) of shape (2, 3): one is named twice",
  );
  assertRefuses(
    () => x.permute([0, 2]),
    ValueError,
    "Cannot use axis 2 of shape (2, 3): axes go from -2 to 1",
  );
});

test("permute() refuses an axis that lies before the first", () => {
  assertRefuses(
    () => Tensor.ones([2, 3]).permute([0, -3]),
    ValueError,
    "Cannot use axis -3 of shape (2, 3): axes go from -2 to 1",
  );
});

test("expand() stretches only axes of size 1, and adds axes only in front", () => {
  const rest = "only axes of size 1 can be stretched, and new axes only added in front";
  const cases: [Shape, Shape][] = [[[2, 3], [4, 3]], [[2, 3], [3]], [[2], [2, 3]]];
  for (const [from, to] of cases) {
    assertRefuses(
      () => Tensor.ones(from).expand(to),
      ShapeError,
      `Cannot expand ${describeShape(from)} to ${describeShape(to)}: ${rest}`,
    );
  }
});

test("slice() refuses more ranges than axes", () => {
  assertRefuses(
    () => Tensor.ones([4]).slice(null, [0, 1]),
    ShapeError,
    "Cannot slice (4,) with 2 ranges: there are 1 axes",
  );
});

test("slice() refuses ranges that are empty, reach out or are not whole", () => {
  const x = Tensor.ones([2, 4]);
  for (const range of [[2, 2], [3, 1], [0, 5], [-5, 2], [4, 5], [0, 1.5], [-1, 0]] as const) {
    assertRefuses(
      () => x.slice(null, range),
      ValueError,
      `Cannot slice (2, 4) with [${range.join(", ")}] on axis 1: ` +
        "a range holds at least one of 0 … 3, and nothing else",
    );
  }
});

test("pad() refuses a border that does not fit the axes", () => {
  const x = Tensor.ones([2, 2]),
    rest = "each axis needs [before, after], whole numbers of at least 0";
  const cases: [[number, number][], string][] = [
    [[[1, 1]], "[[1,1]]"],
    [[[1, 1], [0, -1]], "[[1,1],[0,-1]]"],
    [[[1, 1], [0.5, 0]], "[[1,1],[0.5,0]]"],
  ];
  for (const [padding, shown] of cases) {
    assertRefuses(
      () => x.pad(padding),
      ValueError,
      `Cannot pad (2, 2) with ${shown}: ${rest}`,
    );
  }
});

test("item() refuses more than one number", () => {
  assertRefuses(
    () => Tensor.ones([2, 1]).item(),
    ShapeError,
    "Cannot take one number out of (2, 1): it holds 2",
    "reduce it first, with sum() or mean()",
  );
});

test("ShapeError is a TypeError and ValueError a RangeError", () => {
  assert(new ShapeError("") instanceof TypeError);
  assert(new ValueError("") instanceof RangeError);
});

test("Tensor.zeros() keeps its shape when the caller's list changes", () => {
  const shape = [2, 3], zeros = Tensor.zeros(shape);
  shape[0] = 6;
  assertEquals(zeros.shape, [2, 3]);
});
