/**
 * # 01 · Tensor: reductions
 *
 * A reduction folds axes away: the sum of a column, the mean of a batch, the best of ten scores.
 * At the end you can sum over any axes of any tensor, and you know why one running total is kept
 * in double precision.
 *
 * Throughout: outer, middle, inner the axes before, within and after those that are folded
 *
 * @module
 */
import { ValueError } from "./errors.ts";
import {
  type Axes,
  describeShape,
  like,
  resolveAxes,
  resolveAxis,
  type Shape,
  sizeOf,
  type Values,
} from "./shape.ts";

// ── 1.5 Three blocks ──
// However many axes a tensor has, folding neighbouring ones sees only three blocks: what lies
// outside of them, themselves, and what lies inside. Folding axis 1 of (2, 3, 4) is
//
//   outer 2 · middle 3 · inner 4      out[o, i] = Σₘ x[o, m, i]
//
// and folding the last axis is the case inner = 1: rows of numbers that lie side by side.

/**
 * The shape that is left when axes are folded.
 *
 * @param shape Shape before.
 * @param axes Axes to fold, in rising order.
 * @param keepDims True to keep them with size 1.
 * @returns The shape after.
 */
export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((n, axis) => axes.includes(axis) ? 1 : n);
  return shape.filter((_, axis) => !axes.includes(axis));
}

/** Folds one block of neighbouring axes of a tensor seen as (outer, middle, inner). */
type Fold = (x: Values, outer: number, middle: number, inner: number) => Values;

/** Folds axes, one block of neighbours after the other, from the last to the first. */
function reduce(x: Values, axes: Axes | undefined, keepDims: boolean, fold: Fold): Values {
  const folded = resolveAxes(axes, x.shape);
  let result = x;
  for (let last = folded.length - 1; last >= 0; last--) {
    let first = last;
    while (first > 0 && folded[first - 1] === folded[first] - 1) first--;
    const from = folded[first], to = folded[last] + 1;
    const outer = sizeOf(x.shape.slice(0, from)), middle = sizeOf(x.shape.slice(from, to));
    result = fold(result, outer, middle, result.data.length / (outer * middle));
    last = first;
  }
  const data = result === x ? x.data.slice() : result.data; // never the input's own numbers
  return { data, shape: reducedShape(x.shape, folded, keepDims) };
}

/**
 * Sums a block. The total is kept in float64: ten thousand float32 additions, each rounded, would
 * lose three digits.
 *
 * @task 01.5
 */
function sumBlock(x: Values, outer: number, middle: number, inner: number): Values {
  const from = x.data, out = like(x, outer * inner);
  if (inner === 1) {
    for (let o = 0, at = 0; o < outer; o++) {
      let total = 0;
      for (const end = at + middle; at < end; at++) total += from[at];
      out[o] = total;
    }
  } else {
    const totals = new Float64Array(inner);
    for (let o = 0, at = 0; o < outer; o++) {
      totals.fill(0);
      for (let m = 0; m < middle; m++) {
        for (let i = 0; i < inner; i++, at++) totals[i] += from[at];
      }
      out.set(totals, o * inner);
    }
  }
  return { data: out, shape: [outer, inner] };
}

/** Takes the greatest of a block; NaN wins, as in PyTorch. */
function maxBlock(x: Values, outer: number, middle: number, inner: number): Values {
  const from = x.data, out = like(x, outer * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const at = o * middle * inner + i;
      out[o * inner + i] = from[at + indexOfMax(x, at, middle, inner) * inner];
    }
  }
  return { data: out, shape: [outer, inner] };
}

/** Finds the first greatest of n numbers that start at `at`, `step` apart; the first NaN wins. */
function indexOfMax({ data }: Values, at: number, n: number, step: number): number {
  let best = 0, greatest = data[at];
  for (let k = 1; k < n && greatest === greatest; k++) {
    const value = data[at + k * step];
    if (value > greatest || value !== value) {
      best = k;
      greatest = value;
    }
  }
  return best;
}

/** The sum over axes. */
export function sum(x: Values, axes: Axes | undefined, keepDims: boolean): Values {
  return reduce(x, axes, keepDims, sumBlock);
}

/** The greatest over axes. */
export function max(x: Values, axes: Axes | undefined, keepDims: boolean): Values {
  return reduce(x, axes, keepDims, maxBlock);
}

/** How many elements fold into one. */
export function foldedCount(shape: Shape, axes: Axes | undefined): number {
  return resolveAxes(axes, shape).reduce((count, axis) => count * shape[axis], 1);
}

/**
 * Where the greatest along one axis stands; the first of equals.
 *
 * @task 01.6
 */
export function argmax(x: Values, axis: number, keepDims: boolean): Values {
  if (x.shape.length === 0) {
    throw new ValueError(`Cannot take argmax of shape ${describeShape(x.shape)}: it has no axes`);
  }
  const folded = resolveAxis(axis, x.shape);
  const middle = x.shape[folded], inner = sizeOf(x.shape.slice(folded + 1));
  const outer = x.data.length / (middle * inner), out = like(x, outer * inner);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      out[o * inner + i] = indexOfMax(x, o * middle * inner + i, middle, inner);
    }
  }
  return { data: out, shape: reducedShape(x.shape, [folded], keepDims) };
}
