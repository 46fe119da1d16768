/**
 * What module 01 promises of rearranging: every operation against a slow oracle that looks up one
 * index after the other, and every message in full.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Generator } from "#random";
import { describeShape, type DType, type Padding, resolveAxis, type Shape } from "#tensor";
import { ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { assertSame, build, dtypes } from "./project/tensors.ts";
import { at } from "./properties/oracle.ts";

// ── The slow oracle: tensors as functions of an index ──

/** The element that a stretched tensor shows at an index of the larger shape. */
function stretchedAt(x: Tensor, index: readonly number[]): number {
  const missing = index.length - x.rank;
  return at(x, x.shape.map((n, axis) => n === 1 ? 0 : index[axis + missing]));
}

function randomShape(g: Generator, maxRank = 4, minRank = 0): number[] {
  const rank = minRank + g.integer(maxRank - minRank + 1);
  return Array.from({ length: rank }, () => 1 + g.integer(4));
}

/** Numbers that are nearly all different, so that none can stand for another. */
function randomTensor(g: Generator, shape: Shape, dtype: DType): Tensor {
  return build(shape, dtype, () => g.integer(1_000_000));
}

/** An axis, counted from either end. */
function randomAxis(g: Generator, rank: number): number {
  return g.integer(2 * rank) - rank;
}

/** The list without, or with another, number at one place. */
function replaced(list: readonly number[], place: number, ...by: number[]): number[] {
  return [...list.slice(0, place), ...by, ...list.slice(place + 1)];
}

/** A tensor that requires a gradient, as parameters will in module 03. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

function tracked(): Tensor {
  return new Tracked(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
}

// ── Another shape, another order ──

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

test("reshape() refuses another count", () => {
  const x = Tensor.ones([2, 3]);
  const cases: [Shape, string][] = [
    [[4], "(4,): the count must stay, 6 is not 4"],
    [[], "(): the count must stay, 6 is not 1"],
    [[3, 3], "(3, 3): the count must stay, 6 is not 9"],
    [[4, -1], "(4, -1): 6 elements do not divide by 4"],
    [[12, -1], "(12, -1): 6 elements do not divide by 12"],
    [[-1, -1], "(-1, -1): only one size can be left open"],
    [[-1, 3, -1], "(-1, 3, -1): only one size can be left open"],
  ];
  for (const [shape, rest] of cases) {
    assertRefuses(() => x.reshape(shape), ShapeError, `Cannot reshape (2, 3) to ${rest}`);
  }
});

test("reshape() and expand() refuse sizes that are not whole numbers of at least 1", () => {
  for (const size of [0, -2, 1.5, NaN]) {
    const message = `Cannot make a tensor of shape (2, ${size}): ` +
      `sizes must be whole numbers of at least 1, ${size} is not`;
    assertRefuses(() => Tensor.ones([2, 1]).reshape([2, size]), ShapeError, message);
    assertRefuses(() => Tensor.ones([2, 1]).expand([2, size]), ShapeError, message);
  }
});

test("reshape() and expand() keep their shape when the caller's list changes", () => {
  const x = Tensor.ones([2, 3]);
  for (const name of ["reshape", "expand"] as const) {
    const shape = [2, 3], made = x[name](shape);
    shape[0] = 6;
    assertEquals(made.shape, [2, 3], name);
  }
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

test("permute() refuses an order that is not one of all axes", () => {
  const x = Tensor.ones([2, 3]);
  for (const order of [[], [1]]) {
    assertRefuses(
      () => x.permute(order),
      ShapeError,
      `Cannot permute (2, 3) by ${describeShape(order)}: each axis must be named`,
    );
  }
  for (const order of [[1, 1], [1, -1], [1, 0, 1]]) {
    const shown = describeShape(order.map((axis) => Math.abs(axis)));
    assertRefuses(
      () => x.permute(order),
      ValueError,
      `Cannot use axes ${shown} of shape (2, 3): one is named twice`,
    );
  }
  for (const axis of [2, -3, 0.5, NaN]) {
    assertRefuses(
      () => x.permute([0, axis]),
      ValueError,
      `Cannot use axis ${axis} of shape (2, 3): axes go from -2 to 1`,
    );
  }
});

test("permute() keeps the gradients' way although the caller's list changes", () => {
  const order = [1, 0], made = tracked().permute(order);
  order.reverse();
  assertEquals(made.origin?.extra, { order: [1, 0] });
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

test("expand() stretches only axes of size 1, and adds axes only in front", () => {
  const rest = "only axes of size 1 can be stretched, and new axes only added in front";
  const cases: [Shape, Shape][] = [
    [[2, 3], [4, 3]],
    [[2, 3], [3]],
    [[2, 3], []],
    [[2], [2, 3]],
    [[3, 2], [3, 1]],
  ];
  for (const [from, to] of cases) {
    assertRefuses(
      () => Tensor.ones(from).expand(to),
      ShapeError,
      `Cannot expand ${describeShape(from)} to ${describeShape(to)}: ${rest}`,
    );
  }
});

// ── Cutting and padding ──

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

test("slice() refuses more ranges than axes", () => {
  for (const [shape, count] of [[[2, 3], 3], [[4], 2], [[4], 3]] as const) {
    assertRefuses(
      () => Tensor.ones(shape).slice(...new Array<null>(count).fill(null)),
      ShapeError,
      `Cannot slice ${describeShape(shape)} with ${count} ranges: one per axis`,
    );
  }
});

test("slice() refuses ranges that are empty, reach out or are not whole", () => {
  const x = Tensor.ones([2, 4]);
  for (
    const range of [
      [2, 2],
      [3, 1],
      [0, 5],
      [-5, 2],
      [4, 5],
      [0, 1.5],
      [-1, 0],
      [NaN, 1],
      [0, NaN],
      [0, Infinity],
    ] as const
  ) {
    assertRefuses(
      () => x.slice(null, range),
      ValueError,
      `Cannot slice (2, 4) with [${range.join(", ")}] on axis 1: ` +
        "a range holds at least one of 0 … 3, and nothing else",
    );
  }
});

test("slice() keeps the gradients' way although the caller's list changes", () => {
  const range: [number, number] = [1, 3], made = tracked().slice(null, range);
  range[0] = 0;
  assertEquals(made.origin?.extra, { ranges: [[0, 2], [1, 3]] });
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

test("pad() of a single number, and of nothing around, is a copy", () => {
  assertEquals(Tensor.of(5).pad([]).toArray(), 5);
  const x = Tensor.of([1, 2]);
  assert(x.pad([[0, 0]]).data !== x.data);
});

test("pad() refuses a border that does not fit the axes", () => {
  const cases: [Padding, string][] = [
    [[], "[]"],
    [[[1, 1]], "[[1,1]]"],
    [[[1, 1], [1, 1], [0, 0]], "[[1,1],[1,1],[0,0]]"],
    [[[1, 1], [0, -1]], "[[1,1],[0,-1]]"],
    [[[1, 1], [0.5, 0]], "[[1,1],[0.5,0]]"],
  ];
  for (const [padding, shown] of cases) {
    assertRefuses(
      () => Tensor.ones([2, 2]).pad(padding),
      ValueError,
      `Cannot pad (2, 2) with ${shown}: each axis needs [before, after], ` +
        "whole numbers of at least 0",
    );
  }
});

test("pad() keeps the gradients' way although the caller's list changes", () => {
  const padding: [number, number][] = [[1, 0], [0, 2]], made = tracked().pad(padding);
  padding[0] = [0, 1];
  padding[1][0] = 9;
  assertEquals(made.origin?.extra, { padding: [[1, 0], [0, 2]] });
});

// ── Axes of size 1 ──

test("squeeze() takes axes of size 1 away, all or one, and leaves others", () => {
  const cases: [Shape, number | undefined, Shape][] = [
    [[1, 2, 1, 3], undefined, [2, 3]],
    [[1, 2, 1, 3], 0, [2, 1, 3]],
    [[1, 2, 1, 3], 2, [1, 2, 3]],
    [[1, 2, 1, 3], -2, [1, 2, 3]],
    [[1, 2, 1, 3], 1, [1, 2, 1, 3]], // of size 2
    [[1, 2, 1, 3], -1, [1, 2, 1, 3]],
    [[1, 1], undefined, []],
    [[1], 0, []],
    [[2, 3], undefined, [2, 3]],
    [[], undefined, []],
  ];
  for (const [from, axis, to] of cases) {
    const x = Tensor.full(from, 7), made = x.squeeze(axis);
    assertEquals(made.shape, to, `${describeShape(from)} without ${axis}`);
    assertStrictEquals(made.data, x.data);
    assertEquals(x.shape, from);
  }
});

test("unsqueeze() puts an axis of size 1 in front of another, or at the end", () => {
  const cases: [Shape, number, Shape][] = [
    [[2, 3], 0, [1, 2, 3]],
    [[2, 3], 1, [2, 1, 3]],
    [[2, 3], 2, [2, 3, 1]],
    [[2, 3], -1, [2, 3, 1]],
    [[2, 3], -2, [2, 1, 3]],
    [[2, 3], -3, [1, 2, 3]],
    [[], 0, [1]],
    [[], -1, [1]],
  ];
  for (const [from, axis, to] of cases) {
    const x = Tensor.full(from, 7), made = x.unsqueeze(axis);
    assertEquals(made.shape, to, `${describeShape(from)} with ${axis}`);
    assertStrictEquals(made.data, x.data);
    assertEquals(x.shape, from);
  }
});

test("squeeze() refuses an axis that does not exist", () => {
  const cases: [Shape, number, string][] = [
    [[1, 3], 2, "axes go from -2 to 1"],
    [[1, 3], -3, "axes go from -2 to 1"],
    [[1, 3], 0.5, "axes go from -2 to 1"],
    [[1, 3], NaN, "axes go from -2 to 1"],
    [[], 0, "a single number has no axes"],
  ];
  for (const [shape, axis, rest] of cases) {
    assertRefuses(
      () => Tensor.ones(shape).squeeze(axis),
      ValueError,
      `Cannot use axis ${axis} of shape ${describeShape(shape)}: ${rest}`,
    );
  }
});

// ── Joining ──

test("concat() agrees with the oracle on 200 random lists of tensors", () => {
  const g = new Generator(16);
  for (let round = 0; round < 200; round++) {
    const shape = randomShape(g, 4, 1), axis = randomAxis(g, shape.length);
    const dtype = dtypes[round % 2], along = resolveAxis(axis, shape);
    const sizes = Array.from({ length: 1 + g.integer(4) }, () => 1 + g.integer(3));
    const parts = sizes.map((n) => randomTensor(g, replaced(shape, along, n), dtype));
    const total = sizes.reduce((sum, n) => sum + n, 0);
    const expected = build(replaced(shape, along, total), dtype, (index) => {
      let part = 0, place = index[along];
      while (place >= sizes[part]) place -= sizes[part++];
      return at(parts[part], replaced(index, along, place));
    });
    assertSame(Tensor.concat(parts, axis), expected, `${describeShape(shape)} along ${axis}`);
  }
});

test("stack() agrees with the oracle on 200 random lists of tensors", () => {
  const g = new Generator(17);
  for (let round = 0; round < 200; round++) {
    const shape = randomShape(g, 3), rank = shape.length + 1, axis = randomAxis(g, rank);
    const dtype = dtypes[round % 2], along = axis < 0 ? axis + rank : axis;
    const parts = Array.from({ length: 1 + g.integer(4) }, () => randomTensor(g, shape, dtype));
    const expected = build(
      [...shape.slice(0, along), parts.length, ...shape.slice(along)],
      dtype,
      (index) => at(parts[index[along]], replaced(index, along)),
    );
    assertSame(Tensor.stack(parts, axis), expected, `${describeShape(shape)} along ${axis}`);
  }
});

test("concat() and stack() go along the first axis by default", () => {
  const x = Tensor.of([[1, 2], [3, 4]]);
  assertEquals(Tensor.concat([x, x]).shape, [4, 2]);
  assertEquals(Tensor.stack([x, x, x]).shape, [3, 2, 2]);
  assertEquals(Tensor.stack([Tensor.of(1), Tensor.of(2)]).toArray(), [1, 2]);
});

test("concat() keeps the gradients' way although the caller's list changes", () => {
  const x = tracked(), list = [x, x], made = Tensor.concat(list);
  list.length = 0;
  assertEquals(made.origin?.inputs.length, 2);
});

test("concat() refuses no tensors, two formats and sizes that differ", () => {
  const x = Tensor.ones([2, 3]), double = Tensor.ones([2, 3], { dtype: "float64" });
  assertRefuses(
    () => Tensor.concat([]),
    ValueError,
    "Cannot join nothing: concat() takes at least one tensor",
  );
  for (const join of [Tensor.concat, Tensor.stack]) {
    assertRefuses(
      () => join([x, x, double]),
      ShapeError,
      "Cannot join float32 and float64: all must have one dtype",
      "convert one with .to(dtype)",
    );
  }
  const cases: [Shape, number, string][] = [
    [[2, 4], 0, "(2, 4) along axis 0"],
    [[3, 3], 1, "(3, 3) along axis 1"],
    [[3, 3], -1, "(3, 3) along axis 1"],
    [[3], 0, "(3,) along axis 0"],
    [[2, 3, 1], 0, "(2, 3, 1) along axis 0"],
    [[], 0, "() along axis 0"],
  ];
  for (const [shape, axis, rest] of cases) {
    assertRefuses(
      () => Tensor.concat([x, x, Tensor.ones(shape)], axis),
      ShapeError,
      `Cannot join (2, 3) and ${rest}: all other sizes must be equal`,
    );
  }
});

test("concat() refuses an axis that does not exist", () => {
  const x = Tensor.ones([2, 3]);
  for (const axis of [2, -3, 0.5, NaN]) {
    assertRefuses(
      () => Tensor.concat([x, x], axis),
      ValueError,
      `Cannot use axis ${axis} of shape (2, 3): axes go from -2 to 1`,
    );
  }
  assertRefuses(
    () => Tensor.concat([Tensor.of(1), Tensor.of(2)]),
    ValueError,
    "Cannot use axis 0 of shape (): a single number has no axes",
  );
});

// ── Picking ──

test("gather() agrees with the oracle on 200 random indices", () => {
  const g = new Generator(18);
  for (let round = 0; round < 200; round++) {
    const shape = randomShape(g, 4, 1), axis = randomAxis(g, shape.length);
    const dtype = dtypes[round % 2], along = resolveAxis(axis, shape);
    const x = randomTensor(g, shape, dtype);
    const sizes = shape.map((n, k) => 1 + g.integer(k === along ? 5 : n));
    const index = build(sizes, dtypes[g.integer(2)], () => g.integer(shape[along]));
    const expected = build(
      sizes,
      dtype,
      (place) => at(x, replaced(place, along, at(index, place))),
    );
    assertSame(
      x.gather(axis, index),
      expected,
      `${describeShape(sizes)} from ${describeShape(shape)} along ${axis}`,
    );
  }
});

test("gather() refuses an index of another rank, or larger on another axis", () => {
  const x = Tensor.ones([2, 3]);
  const cases: [number, Shape][] = [
    [1, [2]],
    [1, []],
    [1, [2, 1, 1]],
    [1, [3, 1]],
    [0, [1, 4]],
    [-2, [1, 4]],
  ];
  for (const [axis, shape] of cases) {
    assertRefuses(
      () => x.gather(axis, Tensor.zeros(shape)),
      ShapeError,
      `Cannot gather ${describeShape(shape)} from (2, 3): ` +
        "its axes must be as many, and no larger",
    );
  }
});

test("gather() refuses places that are not whole or out of range, and names the first", () => {
  const x = Tensor.ones([2, 3]), before = [...x.data];
  for (const wrong of [3, -1, 0.5, NaN, Infinity, 2 ** 32]) {
    assertRefuses(
      () => x.gather(1, Tensor.of([[0, wrong], [99, 0]], { dtype: "float64" })),
      ValueError,
      `Cannot gather (2, 2) from (2, 3): an index is one of 0 … 2, ${wrong} is not`,
    );
  }
  assertRefuses(
    () => x.gather(0, Tensor.of([[2]])),
    ValueError,
    "Cannot gather (1, 1) from (2, 3): an index is one of 0 … 1, 2 is not",
  );
  assertEquals([...x.data], before);
});

test("gather() refuses an axis that does not exist", () => {
  for (const axis of [2, -3, NaN]) {
    assertRefuses(
      () => Tensor.ones([2, 3]).gather(axis, Tensor.zeros([2, 1])),
      ValueError,
      `Cannot use axis ${axis} of shape (2, 3): axes go from -2 to 1`,
    );
  }
  assertRefuses(
    () => Tensor.of(1).gather(0, Tensor.of(0)),
    ValueError,
    "Cannot use axis 0 of shape (): a single number has no axes",
  );
});

test("Tensor.concat() joins more tensors than a call takes arguments", () => {
  const one = Tensor.ones([1]);
  assertEquals(Tensor.concat(Array.from({ length: 200_000 }, () => one)).shape, [200_000]);
});
