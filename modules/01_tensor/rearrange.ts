/**
 * # 01 · Tensor: rearranging
 *
 * The same numbers in another order, or a part of them, or with a border of zeros. A reshape moves
 * nothing: row-major order means that (4, 6) and (2, 2, 6) are the same memory. All the others
 * copy, so that every tensor stays a plain row of numbers that the loops can run straight through.
 *
 * At the end you can reshape, permute, cut, pad, join and pick.
 *
 * Throughout: x what is rearranged · out where it goes · −1 a size that is left open
 *
 * @module
 */
import { requireKind, ShapeError, ValueError } from "./errors.ts";
import { Door } from "./kernels.ts";
import { checkShape, forEachStretch, like, requireOneDtype, resolveAxes } from "./shape.ts";
import { resolveAxis, say, sizeOf, stretchedStrides, stridesOf } from "./shape.ts";
import type { Shape, Values } from "./shape.ts";

/** The part of an axis to keep, [start, end) with negatives counted from the end; null for all. */
export type Range = readonly [start: number, end: number] | null;

/** How many zeros to put before and after each axis. */
export type Padding = readonly (readonly [before: number, after: number])[];

// ── 1.10 Another shape for the same numbers ──
// 12 numbers can be (12,), (3, 4) or (2, 3, 2): the memory is the same, so nothing is copied. One
// size may be left open as −1 and is then whatever is left: of 12 numbers, (3, −1) makes (3, 4).
// The test asks for that, whether the array is the same, and for the messages where it cannot be:
//
//   Cannot reshape (2, 3) to (4,): the count must stay, 6 is not 4
//   Cannot reshape (2, 3) to (4, -1): 6 elements do not divide by 4
//   Cannot reshape (4,) to (-1, 2, -1): only one size can be left open
//
// (−2, −3) has a product of 6 too; checkShape() refuses it.

/**
 * Finds the size that −1 stands for, and checks that no number is lost.
 *
 * @task 01.10
 * @throws {ShapeError} If the count would change, two sizes are open, or one is below 1.
 */
export function reshape(x: Values, shape: Shape): Values {
  const says = (): string => say`Cannot reshape ${x} to ${shape}`; // only where it is needed
  const size = x.data.length, open = shape.indexOf(-1);
  const others = shape.filter((_, axis) => axis !== open), known = sizeOf(others);
  if (others.includes(-1)) throw new ShapeError(`${says()}: only one size can be left open`);
  checkShape(others);
  if (open < 0 && known !== size) {
    throw new ShapeError(`${says()}: the count must stay, ${size} is not ${known}`);
  }
  if (size % known === 0) {
    return { data: x.data, shape: shape.map((n, axis) => axis === open ? size / known : n) };
  }
  throw new ShapeError(`${says()}: ${size} elements do not divide by ${known}`);
}

// ── 1.11 Another order ──
// Permuting axes, stretching them and cutting a part out are one thing: read the same memory with
// other strides, from another start.
//
//   (2, 3) read by rows             the same memory, read as (3, 2) with strides (1, 3)
//   0 1 2                           0 3
//   3 4 5                           1 4
//                                   2 5
//
// So you need no loop here, only the sizes and strides in their new order. Three axes (2, 3, 4) in
// the order 2, 0, 1 become (4, 2, 3), and the test takes just that: with two axes an order and its
// inverse are the same, and a mistake between them would not show. An order of too few axes is
// refused: "Cannot permute (2, 3) by (1,): each axis must be named"; one that names an axis twice
// is refused by resolveAxes().

/** Puts axes into another order. */
export type Permute = (x: Values, axes: readonly number[]) => Values;

/** Copies a tensor that is read through strides. */
function copyThrough(x: Values, shape: Shape, strides: Shape, start: number): Values {
  const from = x.data, out = like(x, sizeOf(shape));
  forEachStretch(shape, strides, strides, ({ o, i, iStep, n }) => {
    for (let k = 0, at = start + i; k < n; k++, at += iStep) out[o + k] = from[at];
  });
  return { data: out, shape: [...shape] };
}

/**
 * Puts axes into another order: axis k of the result is axis `axes[k]` of x. It is always a copy.
 *
 * @task 01.11
 * @throws {ShapeError} If an axis is left out.
 * @throws {ValueError} If one is named twice.
 */
export function permute(x: Values, axes: readonly number[]): Values {
  const strides = stridesOf(x.shape);
  if (resolveAxes(axes, x.shape).length !== x.shape.length) {
    throw new ShapeError(say`Cannot permute ${x} by ${axes}: each axis must be named`);
  }
  return copyThrough(x, axes.map((axis) => x.shape[axis]), axes.map((axis) => strides[axis]), 0);
}

/** The change of order as a door. */
export const permuteDoor: Door<Permute> = new Door("permute", permute);

/** Stretches axes of size 1, and adds axes in front. */
export function expand(x: Values, shape: Shape): Values {
  checkShape(shape);
  const missing = shape.length - x.shape.length;
  const fits = missing >= 0 && x.shape.every((n, axis) => n === 1 || n === shape[axis + missing]);
  if (fits) return copyThrough(x, shape, stretchedStrides(x.shape, shape), 0);
  const rule = "only axes of size 1 can be stretched, and new axes only added in front";
  throw new ShapeError(say`Cannot expand ${x} to ${shape}: ` + rule);
}

// ── 1.12 Cutting ──
// A part begins at some place of the whole, and is read with the strides of the whole. From the
// rows [1, 3) and the columns [0, 2) of a matrix (3, 3) it begins at place 1·3 + 0·1 = 3:
//
//   1 2 3
//   4 5 6  →  4 5
//   7 8 9     7 8
//
//   start = from[0]·stride[0] + from[1]·stride[1] + …
//
// Ranges come to you as [from, to) on every axis, counted from the start; that part is given. The
// test cuts three axes at once, and writes into the part to see whether the whole stays as it was.

/**
 * Says which [start, end) of each axis is meant.
 *
 * @throws {ValueError} If a range is empty or reaches out of its axis.
 */
export function resolveRanges(ranges: readonly Range[], shape: Shape): [number, number][] {
  if (ranges.length > shape.length) {
    const says = say`Cannot slice ${shape} with ${ranges.length} ranges`;
    throw new ShapeError(`${says}: one per axis`);
  }
  return shape.map((n, axis) => {
    const range = ranges[axis] ?? null;
    if (range === null) return [0, n];
    requireKind("Cannot slice by", "list", range);
    const [start, end] = range.map((at) => at < 0 ? at + n : at);
    const inside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end <= n;
    if (inside && start < end) return [start, end];
    const says = say`Cannot slice ${shape} with [${range.join(", ")}] on axis ${axis}`;
    throw new ValueError(`${says}: a range holds at least one of 0 … ${n - 1}, and nothing else`);
  });
}

/**
 * Cuts a part out: a copy, even if the part is the whole.
 *
 * @task 01.12
 */
export function slice(x: Values, ranges: readonly (readonly [number, number])[]): Values {
  const strides = stridesOf(x.shape);
  const start = ranges.reduce((at, [from], axis) => at + from * strides[axis], 0);
  return copyThrough(x, ranges.map(([from, to]) => to - from), strides, start);
}

// ── 1.13 Padding ──
// Cutting, turned round: walk the small tensor, and write into a larger one of zeros with the
// strides of the larger one. One row before, and two columns after:
//
//   1 2     0 0 0 0
//   3 4  →  1 2 0 0
//           3 4 0 0
//
//   start = before[0]·stride[0] + before[1]·stride[1] + …
//
// slice() undoes pad(), which the test tries, and module 05 takes each for the gradient of the
// other. A border that does not fit the axes is refused:
//
//   Cannot pad (2, 2) with [[1,1],[0,-1]]: each axis needs [before, after], whole numbers of at
//   least 0

/**
 * Puts zeros around. It is always a copy.
 *
 * @task 01.13
 * @throws {ValueError} If the border does not fit the axes.
 */
export function pad(x: Values, padding: Padding): Values {
  const fits = padding?.length === x.shape.length &&
    padding.every((pair) => pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0));
  if (!fits) {
    const rule = "each axis needs [before, after], whole numbers of at least 0";
    throw new ValueError(say`Cannot pad ${x} with ${JSON.stringify(padding)}: ` + rule);
  }
  const shape = x.shape.map((n, axis) => n + padding[axis][0] + padding[axis][1]);
  const strides = stridesOf(shape);
  const start = padding.reduce((at, [before], axis) => at + before * strides[axis], 0);
  const from = x.data, out = like(x, sizeOf(shape));
  forEachStretch(x.shape, strides, strides, ({ o, i, iStep, n }) => {
    for (let k = 0, at = start + i; k < n; k++, at += iStep) out[at] = from[o + k];
  });
  return { data: out, shape };
}

// ── 1.14 Joining ──
// Joining along the first axis is copying one array after the other. Along a later axis the parts
// take turns, a piece of each for every row of what stands before that axis:
//
//   1 2    5     1 2 5
//   3 4    6  →  3 4 6
//
// The test joins along the middle one of three axes, and looks whether the result is a copy, even
// of a single part. The axis may count from the end. What cannot be joined is refused:
//
//   Cannot join nothing: concat() takes at least one tensor
//   Cannot join (2, 3) and (2, 4) along axis 0: all other sizes must be equal
//   Cannot join float32 and float64: all must have one dtype          (by requireOneDtype())

/**
 * Joins tensors along an axis, one after the other.
 *
 * @task 01.14
 * @throws {ShapeError} If other sizes, or dtypes, differ.
 * @throws {ValueError} If there is nothing to join.
 */
export function concat(parts: readonly Values[], axis: number): Values {
  const [first, ...others] = parts;
  if (!first) throw new ValueError("Cannot join nothing: concat() takes at least one tensor");
  for (const part of others) requireOneDtype("Cannot join", first, part);
  const along = resolveAxis(axis, first.shape);
  const odd = others.find(({ shape }) =>
    shape.length !== first.shape.length || shape.some((n, k) => k !== along && n !== first.shape[k])
  );
  if (odd) {
    const says = say`Cannot join ${first} and ${odd} along axis ${along}`;
    throw new ShapeError(`${says}: all other sizes must be equal`);
  }
  const shape = [...first.shape], outer = sizeOf(shape.slice(0, along));
  shape[along] = parts.reduce((total, part) => total + part.shape[along], 0);
  const out = like(first, sizeOf(shape)), row = out.length / outer;
  let at = 0;
  for (const { data } of parts) {
    const each = data.length / outer; // what one part gives to each row of the whole
    for (let o = 0; o < outer; o++) out.set(data.subarray(o * each, (o + 1) * each), o * row + at);
    at += each;
  }
  return { data: out, shape };
}

// ── 1.15 Picking ──
// Which element of each row is wanted stands in a second tensor, of indices; that is how the score
// of the right class is picked out of each row of scores. Along axis 1, and along axis 0:
//
//   out[i, j] = x[i, index[i, j]]
//   out[i, j] = x[index[i, j], j]
//
//   x         index     out, along axis 1
//   1 2 3     2         3
//   4 5 6     0         4
//
// The axis may count from the end. You return places in the data and not the numbers there, because
// the derivative needs them again. The test takes an index that is longer than x along the axis and
// shorter along another. And it points to nothing, with 3, −1, 0.5 and NaN, all of which must be
// refused:
//
//   Cannot gather (2, 1) from (2, 3): an index is one of 0 … 2, 3 is not
//   Cannot gather (3, 1) from (2, 3): its axes must be as many, and no larger

/**
 * Finds where picked elements lie: along one axis at the index given, on all others at the place of
 * the index itself (PyTorch's gather).
 *
 * @task 01.15
 * @throws {ShapeError} If the index has another rank, or reaches further on another axis.
 * @throws {ValueError} If an index is not a whole number, or out of range.
 */
export function gatherPlaces(x: Values, axis: number, index: Values): Int32Array {
  const along = resolveAxis(axis, x.shape), sizes = x.shape, n = sizes[along];
  const says = (): string => say`Cannot gather ${index} from ${sizes}`;
  const fits = index.shape.length === sizes.length &&
    index.shape.every((size, k) => k === along || size <= sizes[k]);
  if (!fits) throw new ShapeError(`${says()}: its axes must be as many, and no larger`);
  const wrong = index.data.find((at) => !(Number.isInteger(at) && at >= 0 && at < n));
  if (wrong !== undefined) {
    throw new ValueError(`${says()}: an index is one of 0 … ${n - 1}, ${wrong} is not`);
  }
  const strides = stridesOf(sizes), step = strides[along], places = new Int32Array(index.data);
  strides[along] = 0;
  forEachStretch(index.shape, strides, strides, ({ o, i, iStep, n }) => {
    for (let k = 0; k < n; k++) places[o + k] = i + k * iStep + places[o + k] * step;
  });
  return places;
}

/**
 * ## What it costs
 *
 * reshape() makes a new shape and copies nothing. All others write each number of their result
 * once, in straight stretches where the memory allows it. For permute() it often does not:
 * numbers are then fetched one by one from all over, and the same copy takes longer.
 *
 * ## What breaks in practice
 *
 * **reshape() does not transpose.** (2, 3) to (3, 2) has the right shape and the wrong numbers. It
 * is the silent mistake of everybody's first week.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
 * assertEquals(x.reshape([3, 2]).toArray(), [[1, 2], [3, 4], [5, 6]]);
 * assertEquals(x.transpose().toArray(), [[1, 4], [2, 5], [3, 6]]);
 * ```
 *
 * **Shared numbers.** What reshape() gives has the same array. Who writes to the one by hand has
 * written to the other.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const x = Tensor.zeros([4]), square = x.reshape([2, 2]);
 * x.data[3] = 7;
 * assertEquals(square.toArray(), [[0, 0], [0, 7]]);
 * ```
 */
