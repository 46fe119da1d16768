/**
 * What module 01 promises: every operation against a slow oracle that looks up one index after the
 * other, and every message in full. Rearranging, origins and what comes out of a tensor
 * have files of their own.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { assertThrows } from "@std/assert";
import { Generator } from "#random";
import {
  type Axes,
  broadcastShapes,
  describeShape,
  type DType,
  like,
  type Nested,
  requireNoOther,
  requireNumber,
  requireOneDtype,
  requireWhole,
  resolveAxis,
  sameShape,
  say,
  type Shape,
  ShapeError,
  sizeOf,
  stridesOf,
  Tensor,
  ValueError,
} from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { expectTensor } from "../course/sandbox/expect_tensor.ts";
import { test } from "../course/sandbox/register.ts";
import { assertSame, build, dtypes } from "./project/tensors.ts";
import { at, type Position, positionsOf } from "./properties/oracle.ts";

// ── The slow oracle: tensors as functions of an index ──

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

test("Tensor.arange() refuses a count that is nothing, endless or no number", () => {
  const cases: [number, number | undefined, number | undefined, string][] = [
    [0, undefined, undefined, "0 to 0 in steps of 1"],
    [-1, undefined, undefined, "0 to -1 in steps of 1"],
    [3, 3, undefined, "3 to 3 in steps of 1"],
    [3, undefined, -1, "0 to 3 in steps of -1"],
    [3, undefined, 0, "0 to 3 in steps of 0"],
    [3, undefined, NaN, "0 to 3 in steps of NaN"],
    [3, NaN, undefined, "NaN to 3 in steps of 1"],
    [3, -Infinity, undefined, "-Infinity to 3 in steps of 1"],
    [NaN, undefined, undefined, "0 to NaN in steps of 1"],
    [Infinity, undefined, undefined, "0 to Infinity in steps of 1"],
    [3, undefined, Infinity, "0 to 3 in steps of Infinity"],
  ];
  for (const [end, start, step, shown] of cases) {
    assertRefuses(
      () => Tensor.arange(end, { start, step }),
      ValueError,
      `Cannot count from ${shown}: there must be at least one step, and an end`,
    );
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

test("Tensor factories keep the shape that they were given when the caller's list changes", () => {
  const factories: ((shape: Shape) => Tensor)[] = [
    (shape) => Tensor.zeros(shape),
    (shape) => Tensor.ones(shape),
    (shape) => Tensor.full(shape, 7),
    (shape) => Tensor.uniform(shape, new Generator(1)),
    (shape) => Tensor.normal(shape, new Generator(1)),
  ];
  for (const make of factories) {
    const shape = [2, 3], made = make(shape);
    shape[0] = 6;
    assertEquals(made.shape, [2, 3]);
  }
});

test("Tensor.full() takes NaN and infinity as any other number", () => {
  assertEquals([...Tensor.full([2], NaN).data], [NaN, NaN]);
  assertEquals([...Tensor.full([1], -Infinity).data], [-Infinity]);
});

test("Tensor.arange() counts from start on, below end, step by step", () => {
  const cases: [Tensor, number[]][] = [
    [Tensor.arange(4), [0, 1, 2, 3]],
    [Tensor.arange(1), [0]],
    [Tensor.arange(5, { start: 2 }), [2, 3, 4]],
    [Tensor.arange(7, { step: 3 }), [0, 3, 6]],
    [Tensor.arange(6, { step: 3 }), [0, 3]],
    [Tensor.arange(2.5), [0, 1, 2]],
    [Tensor.arange(1, { start: -1, step: 0.5 }), [-1, -0.5, 0, 0.5]],
    [Tensor.arange(0, { start: 3, step: -1 }), [3, 2, 1]],
    [Tensor.arange(-2, { step: -0.75 }), [0, -0.75, -1.5]],
    [Tensor.arange(1, { step: 9 }), [0]],
  ];
  for (const [made, expected] of cases) assertEquals(made.toArray(), expected);
});

test("Tensor.arange() multiplies, so that no error adds up, in the format asked for", () => {
  for (const dtype of dtypes) {
    const expected = build([1000], dtype, ([k]) => 2 + k * 0.1);
    assertSame(Tensor.arange(102, { start: 2, step: 0.1, dtype }), expected, dtype);
  }
  assertEquals(Tensor.arange(2).dtype, "float32");
});

test("Tensor.eye() has ones on its diagonal and zeros beside it", () => {
  for (const dtype of dtypes) {
    for (const n of [1, 2, 5]) {
      const expected = build([n, n], dtype, ([row, column]) => row === column ? 1 : 0);
      assertSame(Tensor.eye(n, { dtype }), expected, `${n}`);
    }
  }
  assertEquals(Tensor.eye(2).dtype, "float32");
});

// ── Bad input when making tensors ──

test("Tensor refuses sizes that are not whole numbers of at least 1", () => {
  for (const size of [0, -2, 1.5, NaN, Infinity]) {
    const message = `Cannot make a tensor of shape (2, ${size}): ` +
      `sizes must be whole numbers of at least 1, ${size} is not`;
    assertRefuses(() => Tensor.zeros([2, size]), ShapeError, message);
    assertRefuses(() => Tensor.ones([2, size]), ShapeError, message);
    assertRefuses(() => Tensor.full([2, size], 3), ShapeError, message);
    assertRefuses(() => Tensor.uniform([2, size], new Generator(1)), ShapeError, message);
    assertRefuses(() => Tensor.normal([2, size], new Generator(1)), ShapeError, message);
    assertRefuses(() => new Tensor(new Float32Array(2), [2, size]), ShapeError, message);
    assertRefuses(
      () => Tensor.eye(size),
      ShapeError,
      `Cannot make a tensor of shape (${size}, ${size}): ` +
        `sizes must be whole numbers of at least 1, ${size} is not`,
    );
  }
});

test("Tensor refuses a shape that promises another count", () => {
  const cases: [number, Shape, string][] = [
    [5, [2, 3], "(2, 3): it needs 6 numbers, there are 5"],
    [7, [2, 3], "(2, 3): it needs 6 numbers, there are 7"],
    [0, [4], "(4,): it needs 4 numbers, there are 0"],
  ];
  for (const [count, shape, rest] of cases) {
    for (const data of [new Float32Array(count), new Float64Array(count)]) {
      assertRefuses(
        () => new Tensor(data, shape),
        ShapeError,
        `Cannot make a tensor of shape ${rest}`,
      );
    }
  }
});

test("Tensor.of() refuses empty lists", () => {
  const cases: [Nested, string][] = [
    [[], "(0,)"],
    [[[]], "(1, 0)"],
    [[[], []], "(2, 0)"],
  ];
  for (const [lists, shape] of cases) {
    assertRefuses(
      () => Tensor.of(lists),
      ShapeError,
      `Cannot make a tensor of shape ${shape}: sizes must be whole numbers of at least 1, 0 is not`,
    );
  }
});

test("Tensor.of() refuses ragged lists, and names the first two shapes that differ", () => {
  const cases: [Nested, string][] = [
    [[[1, 2], [3]], "(1,) stands beside (2,)"],
    [[[1], [2, 3]], "(2,) stands beside (1,)"],
    [[[1], []], "(0,) stands beside (1,)"],
    [[[], [1]], "(1,) stands beside (0,)"],
    [[[1, 2], 3], "() stands beside (2,)"],
    [[1, 2, [3]], "(1,) stands beside ()"],
    [[[1, 2], [3, [4]]], "(1,) stands beside ()"],
    [[[[1], [2]], [[3]]], "(1, 1) stands beside (2, 1)"],
  ];
  for (const [lists, rest] of cases) {
    assertRefuses(
      () => Tensor.of(lists),
      ShapeError,
      `Cannot make a tensor of ragged lists: ${rest}`,
    );
  }
});

test("Tensor.of() refuses what is no number, wherever it stands", () => {
  const cases: [unknown, string][] = [
    ["1", "1"],
    [["1"], "1"],
    [[2, "1"], "1"],
    [[[2, 3], [4, "x"]], "x"],
    [undefined, "undefined"],
    [[null], "null"],
    [[[true]], "true"],
    [{}, "[object Object]"],
  ];
  for (const [values, shown] of cases) {
    assertRefuses(
      () => Reflect.apply(Tensor.of, Tensor, [values]),
      ShapeError,
      `Cannot make a tensor of ${shown}: it is no number`,
    );
  }
});

test("Tensor.of() refuses a typed array, and says what to do with one", () => {
  for (const values of [Float32Array.of(1, 2), [Float64Array.of(1, 2)]]) {
    assertRefuses(
      () => Reflect.apply(Tensor.of, Tensor, [values]),
      ShapeError,
      "Cannot make a tensor of 1,2: it is no number",
      "use new Tensor(data, shape)",
    );
  }
});

/** Every factory, with options that its type would refuse. */
const factories: readonly [name: string, make: (options: object) => Tensor][] = [
  ["of", (options) => Tensor.of([1], options)],
  ["zeros", (options) => Tensor.zeros([1], options)],
  ["ones", (options) => Tensor.ones([1], options)],
  ["full", (options) => Tensor.full([1], 2, options)],
  ["arange", (options) => Tensor.arange(1, options)],
  ["eye", (options) => Tensor.eye(1, options)],
  ["uniform", (options) => Tensor.uniform([1], new Generator(1), options)],
  ["normal", (options) => Tensor.normal([1], new Generator(1), options)],
];

for (const [name, make] of factories) {
  test(`Tensor.${name}() refuses a dtype and an option that it does not know`, () => {
    for (const dtype of ["int8", "Float32", null]) {
      assertRefuses(
        () => make({ dtype }),
        ValueError,
        `Cannot make numbers of dtype ${dtype}: it is "float32" or "float64"`,
      );
    }
    assertRefuses(
      () => make({ type: "float64" }),
      ValueError,
      "Cannot use the option type: a tensor has none of that name",
    );
  });
}

// ── Errors and checks ──

test("ShapeError is a TypeError and ValueError a RangeError, with a hint that may be missing", () => {
  const shape = new ShapeError("a", "b"), value = new ValueError("c");
  assert(shape instanceof TypeError && value instanceof RangeError);
  assertEquals([shape.name, shape.message, shape.hint], ["ShapeError", "a", "b"]);
  assertEquals([value.name, value.message, value.hint], ["ValueError", "c", undefined]);
});

test("requireWhole() lets whole numbers of at least 1 pass, or of at least what is asked", () => {
  for (const n of [1, 2, 2 ** 40]) requireWhole("Cannot", n);
  requireWhole("Cannot", 0, 0);
  requireWhole("Cannot", -3, -3);
  for (const n of [0, -1, 1.5, NaN, Infinity]) {
    assertRefuses(
      () => requireWhole(`Cannot take ${n}`, n),
      ValueError,
      `Cannot take ${n}: it must be a whole number of at least 1`,
    );
  }
  assertRefuses(
    () => requireWhole("Cannot take 2", 2, 3),
    ValueError,
    "Cannot take 2: it must be a whole number of at least 3",
  );
});

test("requireNumber() lets finite numbers of a range pass, both ends included", () => {
  for (const x of [0, 0.5, 1e300]) requireNumber("Cannot", x);
  for (const x of [-1, 0, 2]) requireNumber("Cannot", x, -1, 2);
  for (const x of [-0.1, NaN, Infinity, -Infinity]) {
    assertRefuses(
      () => requireNumber(`Cannot take ${x}`, x),
      ValueError,
      `Cannot take ${x}: it must be a finite number of at least 0`,
    );
  }
  for (const x of [-1.5, 2.5, NaN]) {
    assertRefuses(
      () => requireNumber(`Cannot take ${x}`, x, -1, 2),
      ValueError,
      `Cannot take ${x}: it must be a finite number from -1 to 2`,
    );
  }
});

test("requireNumber() of any size still refuses what is not finite", () => {
  for (const x of [-1e300, 0, 1e300]) requireNumber("Cannot", x, -Infinity);
  for (const x of [NaN, Infinity, -Infinity]) {
    assertRefuses(
      () => requireNumber(`Cannot take ${x}`, x, -Infinity),
      ValueError,
      `Cannot take ${x}: it must be a finite number`,
    );
  }
});

test("requireNoOther() names the first option that is left", () => {
  requireNoOther("SGD", {});
  assertRefuses(
    () => requireNoOther("SGD", { speed: 1, force: 2 }),
    ValueError,
    "Cannot use the option speed: SGD has none of that name",
  );
});

test("requireOneDtype() names the first format and the first other one", () => {
  const single = Tensor.ones([1]), double = single.to("float64");
  requireOneDtype("Cannot join");
  requireOneDtype("Cannot join", single, single);
  requireOneDtype("Cannot join", double, double, double);
  for (const [first, other] of [[single, double], [double, single]]) {
    assertRefuses(
      () => requireOneDtype("Cannot join", first, first, other),
      ShapeError,
      `Cannot join ${first.dtype} and ${other.dtype}: all must have one dtype`,
      "convert one with .to(dtype)",
    );
  }
});

// ── Shapes ──

test("sizeOf() and stridesOf() agree with counting indices", () => {
  const g = new Generator(1);
  for (let round = 0; round < 50; round++) {
    const shape = randomShape(g, 5), all = positionsOf(shape), strides = stridesOf(shape);
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

test("say() writes tensors and lists as shapes, and all else as it is", () => {
  const x = Tensor.zeros([3]), axis = -1, name = "sum";
  assertEquals(
    say`Cannot ${name}() ${x} over ${axis} to ${[2, 4]} or ${[]}: ${1.5}`,
    "Cannot sum() (3,) over -1 to (2, 4) or (): 1.5",
  );
  assertEquals(say`nothing`, "nothing");
});

// ── Arithmetic ──

type Pair = "add" | "sub" | "mul" | "div" | "pow" | "maximum" | Comparison;
type Comparison = "equal" | "notEqual" | "greater" | "greaterEqual" | "less" | "lessEqual";

const pairs: { readonly [K in Pair]: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: (a, b) => Math.pow(a, b),
  maximum: (a, b) => a > b ? a : b,
  equal: (a, b) => Number(a === b),
  notEqual: (a, b) => Number(a !== b),
  greater: (a, b) => Number(a > b),
  greaterEqual: (a, b) => Number(a >= b),
  less: (a, b) => Number(a < b),
  lessEqual: (a, b) => Number(a <= b),
};
const comparisons: readonly Comparison[] = [
  "equal",
  "notEqual",
  "greater",
  "greaterEqual",
  "less",
  "lessEqual",
];
const pairNames: readonly Pair[] = ["add", "sub", "mul", "div", "pow", "maximum", ...comparisons];

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
}

/** All but less() and lessEqual(), which are the others with their operands exchanged. */
const inOrder = pairNames.filter((name) => name !== "less" && name !== "lessEqual");

test("add() refuses two formats, whichever comes first, as do its siblings", () => {
  const single = Tensor.ones([2]), double = Tensor.ones([2], { dtype: "float64" });
  for (const name of inOrder) {
    for (const [first, second] of [[single, double], [double, single]]) {
      assertRefuses(
        () => first[name](second),
        ShapeError,
        `Cannot combine ${first.dtype} and ${second.dtype}: all must have one dtype`,
        "convert one with .to(dtype)",
      );
    }
  }
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
    for (const name of inOrder) {
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

test("add() refuses what is neither a tensor nor a number, as do all its siblings", () => {
  const x = Tensor.ones([2, 3]);
  const cases: [unknown, string][] = [[undefined, "undefined"], ["1", "1"], [[4, 5], "(4, 5)"]];
  for (const [other, shown] of cases) {
    for (const name of pairNames) {
      assertRefuses(
        () => Reflect.apply(x[name], x, [other]),
        ShapeError,
        `Cannot combine (2, 3) with ${shown}: it is no tensor and no number`,
      );
    }
  }
});

test("add() follows IEEE 754 for NaN and infinity, as do its siblings", () => {
  const a = Tensor.of([NaN, Infinity, Infinity, 1, -1, 0, 0]);
  const b = Tensor.of([1, -Infinity, Infinity, 0, 0, 0, Infinity]);
  assertEquals([...a.add(b).data], [NaN, NaN, Infinity, 1, -1, 0, Infinity]);
  assertEquals([...a.sub(b).data], [NaN, Infinity, NaN, 1, -1, 0, -Infinity]);
  assertEquals([...a.mul(b).data], [NaN, -Infinity, Infinity, 0, -0, 0, NaN]);
  assertEquals([...a.div(b).data], [NaN, NaN, NaN, Infinity, -Infinity, NaN, 0]);
});

test("pow() takes powers that are parts, negative or infinite, and NaN to the power of 0 is 1", () => {
  const cases: [number, number, number][] = [
    [9, 0.5, 3],
    [2, -2, 0.25],
    [-2, 3, -8],
    [-8, 1 / 3, NaN],
    [0, 0, 1],
    [0, -1, Infinity],
    [NaN, 0, 1],
    [NaN, 1, NaN],
    [2, NaN, NaN],
    [2, Infinity, Infinity],
    [0.5, Infinity, 0],
    [Infinity, -1, 0],
  ];
  for (const [base, power, expected] of cases) {
    const x = Tensor.of([base], { dtype: "float64" });
    assertEquals(x.pow(power).item(), expected, `${base} to the power of ${power}`);
  }
});

test("maximum() lets NaN win from either side, and 0 over −0", () => {
  const a = Tensor.of([NaN, 1, -Infinity, -0, 0, Infinity]);
  const b = Tensor.of([1, NaN, -5, 0, -0, 3]);
  const made = [...a.maximum(b).data];
  assertEquals(made, [NaN, NaN, -5, 0, 0, Infinity]);
  assert(made.slice(3, 5).every((zero) => Object.is(zero, 0)));
});

test("notEqual() alone is 1 where NaN takes part, and −0 equals 0", () => {
  const a = Tensor.of([NaN, NaN, 1, -0]), b = Tensor.of([NaN, 1, NaN, 0]);
  for (const name of comparisons) {
    const zeros = Number(name === "equal" || name.endsWith("Equal") && name !== "notEqual");
    const expected = name === "notEqual" ? [1, 1, 1, 0] : [0, 0, 0, zeros];
    assertEquals(a[name](b).toArray(), expected, name);
  }
});

test("equal() rounds a number to the tensor's format, as all operations do", () => {
  const single = Tensor.of([0.1]), double = single.to("float64");
  assertEquals(single.equal(0.1).item(), 1);
  assertEquals(double.equal(0.1).item(), 0);
  assertEquals(Tensor.of([1]).mul(1e300).item(), Infinity);
  assertEquals(double.mul(1e300).dtype, "float64");
});

test("neg(), exp(), log(), sqrt() and abs() compute element by element", () => {
  for (const dtype of dtypes) {
    const x = build([2, 3], dtype, ([row, column]) => 0.25 + row * 3 + column), y = x.sub(3);
    const cases: [Tensor, Tensor, (v: number) => number][] = [
      [y, y.neg(), (v) => -v],
      [y, y.exp(), Math.exp],
      [x, x.log(), Math.log],
      [x, x.sqrt(), Math.sqrt],
      [y, y.abs(), (v) => v < 0 ? -v : v],
    ];
    for (const [from, made, compute] of cases) {
      assertSame(made, build([2, 3], dtype, (index) => compute(at(from, index))), dtype);
    }
  }
});

test("exp(), log(), sqrt() and abs() answer what lies outside of them as PyTorch does", () => {
  const x = Tensor.of([NaN, Infinity, -Infinity, 0, -1, 1000], { dtype: "float64" });
  assertEquals([...x.exp().data], [NaN, Infinity, 0, 1, Math.exp(-1), Infinity]);
  assertEquals([...x.log().data], [NaN, Infinity, NaN, -Infinity, NaN, Math.log(1000)]);
  assertEquals([...x.sqrt().data], [NaN, Infinity, NaN, 0, NaN, Math.sqrt(1000)]);
  assertEquals([...x.abs().data], [NaN, Infinity, Infinity, 0, 1, 1000]);
  assert(Object.is(Tensor.of(-0).abs().item(), 0));
  assert(Object.is(Tensor.of(0).neg().item(), -0));
});

test("clip() keeps what lies between its bounds, and gives the bound for what is beyond", () => {
  const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
  const x = [nan, -infinity, -2, -1, 0, 1, 2, infinity];
  const cases: [number, number, number[]][] = [
    [-1, 1, [nan, -1, -1, -1, 0, 1, 1, 1]],
    [0.5, 0.5, [nan, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]],
    [-infinity, 1, [nan, -infinity, -2, -1, 0, 1, 1, 1]],
    [0, infinity, [nan, 0, 0, 0, 0, 1, 2, infinity]],
    [-infinity, infinity, x],
  ];
  for (const dtype of dtypes) {
    for (const [low, high, expected] of cases) {
      const made = Tensor.of([x], { dtype }).clip(low, high);
      assertSame(made, Tensor.of([expected], { dtype }), `${low} to ${high}`);
    }
  }
});

test("clip() refuses bounds in the wrong order, and NaN", () => {
  for (const [low, high] of [[2, 1], [NaN, 1], [0, NaN], [Infinity, -Infinity]]) {
    assertRefuses(
      () => Tensor.ones([2]).clip(low, high),
      ValueError,
      `Cannot clip to ${low} … ${high}: the first must not be the greater`,
    );
  }
});

// ── Reductions ──

/** Splits a shape's indices by what is left of them when some axes are folded. */
function folds(shape: Shape, axes: readonly number[], keepDims: boolean): {
  shape: number[];
  elements: (index: Position) => Position[];
} {
  const kept = shape.map((n, axis) => axes.includes(axis) ? 1 : n);
  const left = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return {
    shape: keepDims ? kept : left.map((axis) => shape[axis]),
    elements: (index) =>
      positionsOf(shape).filter((full) =>
        left.every((axis, k) => full[axis] === index[keepDims ? axis : k])
      ),
  };
}

type Reduction = "sum" | "mean" | "max" | "min";

const reductions: { readonly [K in Reduction]: (numbers: number[]) => number } = {
  sum: (numbers) => numbers.reduce((total, n) => total + n, 0),
  mean: (numbers) => numbers.reduce((total, n) => total + n, 0) / numbers.length,
  max: (numbers) => numbers.reduce((best, n) => n > best ? n : best),
  min: (numbers) => numbers.reduce((best, n) => n < best ? n : best),
};
const reductionNames: readonly Reduction[] = ["sum", "mean", "max", "min"];

for (const name of reductionNames) {
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
    assertSame(x[name](0, { keepDims: false }), x[name](0), "keepDims is false by default");
  });

  test(`${name}() leaves the list of axes as it was`, () => {
    const axes = [-1, 0];
    Tensor.ones([2, 3, 4])[name](axes);
    assertEquals(axes, [-1, 0]);
  });
}

/** The mean squared distance from the mean, in two passes. */
function varianceOf(numbers: readonly number[], correction: number): number {
  const mean = numbers.reduce((total, n) => total + n, 0) / numbers.length;
  return numbers.reduce((total, n) => total + (n - mean) ** 2, 0) / (numbers.length - correction);
}

test("variance() agrees with the oracle on 200 random shapes, axes and corrections", () => {
  const g = new Generator(15);
  for (let round = 0; round < 200; round++) {
    const shape = randomShape(g), dtype = dtypes[round % 2], keepDims = g.integer(2) === 0;
    const x = randomTensor(g, shape, dtype), axes = randomAxes(g, shape.length);
    const folded = folds(shape, axes.map((axis) => resolveAxis(axis, shape)), keepDims);
    const count = axes.reduce((product, axis) => product * shape[resolveAxis(axis, shape)], 1);
    const correction = count > 1 ? g.integer(2) : 0;
    const expected = build(
      folded.shape,
      dtype,
      (index) => varianceOf(folded.elements(index).map((full) => at(x, full)), correction),
    );
    const made = x.variance(axes, { keepDims, correction });
    assertEquals(made.dtype, dtype);
    expectTensor(made, expected, dtype === "float32" ? 1e-6 : 1e-14);
  }
});

test("variance() divides by one less than the count by default, as PyTorch does", () => {
  const x = Tensor.of([[1, 2, 3, 6], [5, 5, 5, 5]]); // distances −2, −1, 0, 3: 14 in squares
  assertEquals(x.variance(1).toArray(), [Math.fround(14 / 3), 0]);
  assertEquals(x.variance(1, { correction: 0 }).toArray(), [3.5, 0]);
  assertEquals(x.variance(-1, { correction: 2, keepDims: true }).toArray(), [[7], [0]]);
  assertEquals(x.variance(0).toArray(), [8, 4.5, 2, 0.5]);
  assertEquals(Tensor.of([1, 3]).variance().item(), 2);
  assertEquals(Tensor.of([1, 3]).variance(0, { correction: 1.5 }).item(), 4);
});

test("variance() stays exact for numbers far from 0, and is NaN where NaN takes part", () => {
  const far = Tensor.of([1e9, 1e9 + 1, 1e9 + 2], { dtype: "float64" });
  assertEquals(far.variance().item(), 1);
  assertEquals(Tensor.of([1, NaN]).variance().item(), NaN);
});

test("variance() refuses to divide by nothing", () => {
  const x = Tensor.ones([2, 3]);
  const cases: [Axes | undefined, number, number][] = [
    [0, 2, 2],
    [undefined, 6, 6],
    [[0, 1], 7, 6],
    [1, NaN, 3],
    [1, Infinity, 3],
  ];
  for (const [axes, correction, count] of cases) {
    assertRefuses(
      () => x.variance(axes, { correction }),
      ValueError,
      `Cannot take a variance with correction ${correction}: ` +
        `there must be more numbers than that, ${count} is not`,
    );
  }
});

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

test("min() is NaN where a NaN takes part, and ∞ where there is nothing else", () => {
  const x = Tensor.of([[NaN, 5, 9], [5, 9, NaN], [5, 9, 7]]);
  assertEquals([...x.min(1).data], [NaN, NaN, 5]);
  assertEquals(Tensor.of([Infinity, Infinity]).min().item(), Infinity);
  assert(Object.is(Tensor.of([0]).min().item(), 0));
});

test("argmax() gives the position among all numbers when no axis is named", () => {
  const x = Tensor.of([[[1, 3], [2, 0]], [[9, 8], [9, 7]]]);
  for (const dtype of dtypes) {
    assertSame(x.to(dtype).argmax(), build([], dtype, () => 4), dtype);
    const kept = x.to(dtype).argmax(undefined, { keepDims: true });
    assertSame(kept, build([1, 1, 1], dtype, () => 4), dtype);
  }
  assertEquals(Tensor.of(5).argmax().toArray(), 0);
  assertEquals(Tensor.of([[1, NaN, 3], [NaN, 9, 9]]).argmax().item(), 1);
});

test("argmax() points to the first NaN, as in PyTorch", () => {
  const x = Tensor.of([[NaN, 5, NaN], [5, NaN, 9], [5, 9, NaN], [-Infinity, -Infinity, 0]]);
  assertEquals(x.argmax(1).toArray(), [0, 1, 2, 2]);
});

test("sum() refuses axes that do not exist, as do its siblings", () => {
  const x = Tensor.ones([2, 3]);
  for (const axis of [2, -3, 0.5, NaN, Infinity]) {
    const message = `Cannot use axis ${axis} of shape (2, 3): axes go from -2 to 1`;
    for (const name of [...reductionNames, "variance"] as const) {
      assertRefuses(() => x[name](axis), ValueError, message);
      assertRefuses(() => x[name]([0, axis]), ValueError, message);
    }
    assertRefuses(() => x.argmax(axis), ValueError, message);
    assertRefuses(() => resolveAxis(axis, x.shape), ValueError, message);
  }
});

test("sum() refuses any axis of a single number, as do its siblings", () => {
  const x = Tensor.of(1);
  for (const axis of [0, -1]) {
    const message = `Cannot use axis ${axis} of shape (): a single number has no axes`;
    for (const name of [...reductionNames, "variance", "argmax"] as const) {
      assertRefuses(() => x[name](axis), ValueError, message);
    }
  }
});

test("sum() refuses an axis that is named twice, from whichever end, as do its siblings", () => {
  const x = Tensor.ones([2, 3]);
  const message = "Cannot use axes (1, 1) of shape (2, 3): one is named twice";
  for (const name of [...reductionNames, "variance"] as const) {
    for (const axes of [[1, 1], [1, -1], [-1, 1]]) {
      assertRefuses(() => x[name](axes), ValueError, message);
    }
  }
});

test("sum() refuses an option that it does not know, as do its siblings", () => {
  const x = Tensor.ones([2, 3]);
  for (const name of [...reductionNames, "variance", "argmax"] as const) {
    for (const axis of [1, undefined]) {
      assertRefuses(
        () => Reflect.apply(x[name], x, [axis, { keepdims: true }]),
        ValueError,
        "Cannot use the option keepdims: a reduction has none of that name",
      );
    }
  }
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
  const zeros = Tensor.of([[0, 0]]), narrow = Tensor.of([[Infinity, 1], [NaN, 1]]);
  assertEquals([...zeros.matmul(narrow).data], [NaN, 0]);
  const wide = Tensor.of([[1, Infinity, 1, 1, 1], [1, 1, NaN, 1, NaN]]);
  assertEquals([...zeros.matmul(wide).data], [0, NaN, NaN, 0, NaN]);
});

test("matmul() takes a vector for a row on the left and for a column on the right", () => {
  const row = Tensor.of([1, 10, 100]), matrix = Tensor.of([[1, 2], [3, 4], [5, 6]]);
  assertEquals(row.matmul(row).toArray(), 10101);
  assertEquals(row.matmul(matrix).toArray(), [531, 642]);
  assertEquals(matrix.transpose().matmul(row).toArray(), [531, 642]);
  const stack = Tensor.stack([matrix, matrix.neg()]); // (2, 3, 2)
  assertEquals(row.matmul(stack).toArray(), [[531, 642], [-531, -642]]);
  assertEquals(stack.matmul(Tensor.of([1, 10])).toArray(), [[21, 43, 65], [-21, -43, -65]]);
  const shapes: [Shape, Shape, Shape][] = [
    [[1], [1], []],
    [[1], [1, 1], [1]],
    [[1, 3], [3], [1]],
    [[3], [3, 1], [1]],
    [[2, 1, 3], [3], [2, 1]],
    [[3], [1, 2, 3, 1], [1, 2, 1]],
  ];
  for (const [left, right, made] of shapes) {
    assertEquals(Tensor.ones(left).matmul(Tensor.ones(right)).shape, made);
  }
});

test("matmul() refuses inner sizes that differ, and asks about a transposed one", () => {
  const transposed = "is the second one transposed?";
  const cases: [Shape, Shape, string, string?][] = [
    [[32, 64], [3, 3], "64 is not 3"],
    [[2, 3], [4, 3], "3 is not 4", transposed],
    [[5, 2, 3], [5, 4, 3], "3 is not 4", transposed],
    [[3], [2], "3 is not 2"],
    [[2, 3], [2], "3 is not 2"],
    [[2], [3, 4], "2 is not 3"],
    [[4], [3, 4], "4 is not 3", transposed],
  ];
  for (const [left, right, rest, hint] of cases) {
    assertRefuses(
      () => Tensor.ones(left).matmul(Tensor.ones(right)),
      ShapeError,
      `Cannot multiply ${describeShape(left)} by ${describeShape(right)}: ` +
        `inner sizes must match, ${rest}`,
      hint,
    );
  }
});

test("matmul() refuses a single number", () => {
  for (const [left, right] of [[[], [2, 3]], [[2, 3], []], [[], []], [[3], []]]) {
    assertRefuses(
      () => Tensor.ones(left).matmul(Tensor.ones(right)),
      ShapeError,
      `Cannot multiply ${describeShape(left)} by ${describeShape(right)}: ` +
        "both must have at least one axis",
      "use mul() for numbers",
    );
  }
});

test("matmul() refuses two formats", () => {
  const single = Tensor.ones([2, 2]), double = Tensor.ones([2, 2], { dtype: "float64" });
  for (const [left, right] of [[single, double], [double, single]]) {
    assertRefuses(
      () => left.matmul(right),
      ShapeError,
      `Cannot multiply ${left.dtype} and ${right.dtype}: all must have one dtype`,
      "convert one with .to(dtype)",
    );
  }
});

test("matmul() refuses stacks that do not fit", () => {
  assertRefuses(
    () => Tensor.ones([2, 3, 4]).matmul(Tensor.ones([5, 4, 3])),
    ShapeError,
    "Cannot multiply (2, 3, 4) by (5, 4, 3): " +
      "sizes, counted from the end, must be equal or 1, 2 is not 5",
  );
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
  ["pow", (x) => x.pow(x.slice([1, 2]))],
  ["pow a number", (x) => x.pow(2)],
  ["maximum", (x) => x.maximum(x.neg())],
  ["maximum of a number", (x) => x.maximum(-9)],
  ["abs", (x) => x.abs()],
  ["clip", (x) => x.clip(-1, 1)],
  ["clip to anything", (x) => x.clip(-Infinity, Infinity)],
  ["equal", (x) => x.equal(x)],
  ["equal a number", (x) => x.equal(1)],
  ["greater", (x) => x.greater(x.neg())],
  ["greater a number", (x) => x.greater(1)],
  ["notEqual", (x) => x.notEqual(x)],
  ["greaterEqual", (x) => x.greaterEqual(0)],
  ["less", (x) => x.less(x.neg())],
  ["less than a number", (x) => x.less(1)],
  ["lessEqual", (x) => x.lessEqual(0)],
  ["sum", (x) => x.sum()],
  ["sum over an axis", (x) => x.sum(0, { keepDims: true })],
  ["sum over no axis", (x) => x.sum([])],
  ["mean", (x) => x.mean(1)],
  ["max", (x) => x.max()],
  ["max over an axis", (x) => x.max(-1)],
  ["max over no axis", (x) => x.max([])],
  ["min", (x) => x.min()],
  ["min over no axis", (x) => x.min([])],
  ["variance", (x) => x.variance()],
  ["variance over an axis", (x) => x.variance(1, { correction: 0 })],
  ["argmax", (x) => x.argmax()],
  ["argmax along an axis", (x) => x.argmax(0)],
  ["matmul", (x) => x.matmul(x.transpose())],
  ["matmul by a vector", (x) => x.matmul(x.slice([0, 1]).squeeze())],
  ["permute", (x) => x.permute([1, 0])],
  ["permute to the same order", (x) => x.permute([0, 1])],
  ["transpose", (x) => x.transpose()],
  ["expand", (x) => x.expand([4, 2, 3])],
  ["expand to the same shape", (x) => x.expand([2, 3])],
  ["slice", (x) => x.slice(null, [1, 3])],
  ["slice of everything", (x) => x.slice()],
  ["pad", (x) => x.pad([[1, 0], [0, 2]])],
  ["pad with nothing", (x) => x.pad([[0, 0], [0, 0]])],
  ["concat", (x) => Tensor.concat([x, x])],
  ["concat of one", (x) => Tensor.concat([x], 1)],
  ["stack", (x) => Tensor.stack([x, x], -1)],
  ["gather", (x) => x.gather(1, Tensor.zeros([2, 1]))],
  ["gather of everything", (x) => x.gather(0, Tensor.of([[0, 0, 0], [1, 1, 1]]))],
  ["reshape", (x) => x.reshape([3, 2])],
  ["reshape to the same shape", (x) => x.reshape([2, 3])],
  ["squeeze", (x) => x.squeeze()],
  ["unsqueeze", (x) => x.unsqueeze(0)],
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

test("Tensor operations give numbers of their own, all but reshape() and its kin", () => {
  for (const [name, apply] of operations) {
    const x = build([2, 3], "float32", ([row, column]) => row * 3 + column + 1);
    const shared = apply(x).data.buffer === x.data.buffer;
    assertEquals(shared, /reshape|squeeze/.test(name), name);
  }
});

test("sum() and max() of a single number give numbers of their own", () => {
  const x = Tensor.of(3);
  assert(x.sum().data !== x.data, "sum shares the numbers of its input");
  assert(x.max().data !== x.data, "max shares the numbers of its input");
});

// ── Random tensors ──

test("Tensor.uniform() and Tensor.normal() refuse ranges and spreads that cannot be", () => {
  for (const [low, high] of [[2, 1], [NaN, 1], [0, Infinity]]) {
    assertRefuses(
      () => Tensor.uniform([2], new Generator(1), { low, high }),
      ValueError,
      `Cannot draw over a range of ${high - low}: it must be a finite number of at least 0`,
    );
  }
  for (const standardDeviation of [-1, NaN]) {
    assertRefuses(
      () => Tensor.normal([2], new Generator(1), { standardDeviation }),
      ValueError,
      `Cannot draw with standard deviation ${standardDeviation}: ` +
        "it must be a finite number of at least 0",
    );
  }
});

test("reductions refuse an option that they do not know", () => {
  const options = JSON.parse('{ "keepdim": true }'), x = Tensor.ones([2]);
  for (
    const reduce of [() => x.sum(0, options), () => x.max(0, options), () => x.mean(0, options)]
  ) {
    const message = "Cannot use the option keepdim: a reduction has none of that name";
    assertRefuses(reduce, ValueError, message);
  }
});

test("what is neither a tensor nor a number cannot be combined with one", () => {
  const nothing = JSON.parse("null");
  assertRefuses(
    () => Tensor.ones([2]).add(nothing),
    ShapeError,
    "Cannot combine (2,) with null: it is no tensor and no number",
  );
});

test("a tensor keeps its shape, whatever becomes of the caller's list", () => {
  const shape = [4], x = new Tensor(new Float32Array(4), shape);
  shape[0] = 2;
  assertEquals([x.shape, x.size], [[4], 4]);
});

// ── Beyond all machines ──

test("a tensor that no machine has room for is refused with what it would take", () => {
  for (const shape of [[2 ** 40], [2 ** 20, 2 ** 20, 2 ** 20], [2 ** 53]]) {
    const { message } = assertThrows(() => Tensor.zeros(shape), ValueError);
    assertMatch(message, /^Cannot make room for [\d,]+ numbers: they take [\d,]+ GB$/);
  }
});
