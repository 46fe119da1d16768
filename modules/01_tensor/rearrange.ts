/**
 * # 01 · Tensor: rearranging
 *
 * The same numbers in another order, or a part of them, or with a border of zeros. A reshape moves
 * nothing: row-major order means that (4, 6) and (2, 2, 6) are the same memory. All the others
 * copy, so that every tensor stays a plain row of numbers that the loops can run straight through.
 *
 * At the end you can reshape, permute, cut and pad.
 *
 * @module
 */
import { ShapeError, ValueError } from "./errors.ts";
import {
  checkShape,
  describeShape,
  forEachStretch,
  like,
  resolveAxes,
  resolveAxis,
  type Shape,
  sizeOf,
  stretchedStrides,
  stridesOf,
  type Values,
} from "./shape.ts";

/** The part of an axis to keep, [start, end) with negatives counted from the end; null for all. */
export type Range = readonly [start: number, end: number] | null;

/** How many zeros to put before and after each axis. */
export type Padding = readonly (readonly [before: number, after: number])[];

// ── 1.8 Another shape for the same numbers ──

/**
 * Finds the size that −1 stands for, and checks that no number is lost.
 *
 * @task 01.8
 */
export function reshape(x: Values, shape: Shape): Values {
  const says = `Cannot reshape ${describeShape(x.shape)} to ${describeShape(shape)}`;
  const size = x.data.length, open = shape.indexOf(-1);
  let sizes = shape;
  if (open >= 0) {
    const others = shape.filter((_, axis) => axis !== open);
    if (others.includes(-1)) throw new ShapeError(`${says}: only one size can be left open`);
    checkShape(others);
    const known = sizeOf(others);
    if (size % known !== 0) {
      throw new ShapeError(`${says}: ${size} elements do not divide by ${known}`);
    }
    sizes = shape.map((n, axis) => axis === open ? size / known : n);
  } else checkShape(shape);
  if (sizeOf(sizes) !== size) {
    throw new ShapeError(`${says}: the count must stay, ${size} is not ${sizeOf(sizes)}`);
  }
  return { data: x.data, shape: sizes };
}

// ── 1.9 Another order ──
// Permuting axes, stretching them and cutting a part out are one thing: read the same memory with
// other strides, from another start.

/** Copies a tensor that is read through strides. */
function copyThrough(x: Values, shape: Shape, strides: Shape, start: number): Values {
  const from = x.data, out = like(x, sizeOf(shape));
  forEachStretch(shape, strides, strides, ({ o, i, iStep, n }) => {
    for (let k = 0, at = start + i; k < n; k++, at += iStep) out[o + k] = from[at];
  });
  return { data: out, shape };
}

/**
 * Puts axes into another order: axis k of the result is axis `order[k]` of x.
 *
 * @task 01.9
 */
export function permute(x: Values, order: readonly number[]): Values {
  const strides = stridesOf(x.shape), axes = order.map((axis) => resolveAxis(axis, x.shape));
  if (resolveAxes(axes, x.shape).length !== x.shape.length) {
    throw new ShapeError(
      `Cannot permute ${describeShape(x.shape)} by ${
        describeShape(order)
      }: each axis must be named`,
    );
  }
  return copyThrough(x, axes.map((axis) => x.shape[axis]), axes.map((axis) => strides[axis]), 0);
}

/** Stretches axes of size 1, and adds axes in front. */
export function expand(x: Values, shape: Shape): Values {
  checkShape(shape);
  const missing = shape.length - x.shape.length;
  const fits = missing >= 0 && x.shape.every((n, axis) => n === 1 || n === shape[axis + missing]);
  if (!fits) {
    throw new ShapeError(
      `Cannot expand ${describeShape(x.shape)} to ${describeShape(shape)}: ` +
        "only axes of size 1 can be stretched, and new axes only added in front",
    );
  }
  return copyThrough(x, shape, stretchedStrides(x.shape, shape), 0);
}

// ── 1.10 Cutting and padding ──
// Each undoes the other, and each is the other's derivative.

/**
 * Says which [start, end) of each axis is meant.
 *
 * @throws {ValueError} If a range is empty or reaches out of its axis.
 */
export function resolveRanges(ranges: readonly Range[], shape: Shape): [number, number][] {
  if (ranges.length > shape.length) {
    throw new ShapeError(
      `Cannot slice ${describeShape(shape)} with ${ranges.length} ranges: ` +
        `there are ${shape.length} axes`,
    );
  }
  return shape.map((n, axis) => {
    const range = ranges[axis] ?? null;
    if (range === null) return [0, n];
    const [start, end] = range.map((at) => at < 0 ? at + n : at);
    const inside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && end <= n;
    if (inside && start < end) return [start, end];
    throw new ValueError(
      `Cannot slice ${describeShape(shape)} with [${range.join(", ")}] on axis ${axis}: ` +
        `a range holds at least one of 0 … ${n - 1}, and nothing else`,
    );
  });
}

/**
 * Cuts a part out.
 *
 * @task 01.10
 */
export function slice(x: Values, ranges: readonly (readonly [number, number])[]): Values {
  const strides = stridesOf(x.shape);
  const start = ranges.reduce((at, [from], axis) => at + from * strides[axis], 0);
  return copyThrough(x, ranges.map(([from, to]) => to - from), strides, start);
}

/**
 * Puts zeros around.
 *
 * @task 01.10
 */
export function pad(x: Values, padding: Padding): Values {
  const fits = padding.length === x.shape.length &&
    padding.flat().every((n) => Number.isInteger(n) && n >= 0);
  if (!fits) {
    throw new ValueError(
      `Cannot pad ${describeShape(x.shape)} with ${JSON.stringify(padding)}: ` +
        "each axis needs [before, after], whole numbers of at least 0",
    );
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
