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
import { like, resolveAxes, resolveAxis, sizeOf } from "./shape.ts";
import type { Axes, Shape, Values } from "./shape.ts";

// ── 1.7 Three blocks ──
// However many axes a tensor has, folding neighbouring ones sees only three blocks: what lies
// outside of them, themselves, and what lies inside. Folding axis 1 of (2, 3, 4) is
//
//   outer 2 · middle 3 · inner 4      out[o, i] = Σₘ x[o, m, i]
//
// and folding the last axis is the case inner = 1: rows of numbers that lie side by side. Along the
// middle, neighbours are `inner` numbers apart.
//
// The running total is kept in float64 and rounded once, at the end. The test adds up so many small
// numbers that a total in float32 would be caught.

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
export type Fold = (x: Values, outer: number, middle: number, inner: number) => Values;

/** Folds axes, one block of neighbours after the other, from the last to the first. */
export function fold(x: Values, axes: Axes | undefined, keepDims: boolean, block: Fold): Values {
  const folded = resolveAxes(axes, x.shape);
  let result = x;
  for (let last = folded.length - 1; last >= 0; last--) {
    let first = last;
    while (first > 0 && folded[first - 1] === folded[first] - 1) first--;
    const from = folded[first], to = folded[last] + 1;
    const outer = sizeOf(x.shape.slice(0, from)), middle = sizeOf(x.shape.slice(from, to));
    result = block(result, outer, middle, result.data.length / (outer * middle));
    last = first;
  }
  const data = result === x ? x.data.slice() : result.data; // never the input's own numbers
  return { data, shape: reducedShape(x.shape, folded, keepDims) };
}

/**
 * Sums a block. The total is kept in float64: ten thousand float32 additions, each rounded, would
 * lose three digits.
 *
 * @task 01.7
 */
export function sumBlock(x: Values, outer: number, middle: number, inner: number): Values {
  const from = x.data, out = like(x, outer * inner), size = middle * inner;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let total = 0;
      for (let at = o * size + i, end = (o + 1) * size; at < end; at += inner) total += from[at];
      out[o * inner + i] = total;
    }
  }
  return { data: out, shape: [outer, inner] };
}

// ── 1.8 The greatest, and where it stands ──
// The same walk, but what is remembered is a place and not a number. From the place the number is
// had at once; from the number the place could not be. A classifier needs both: its answer is where
// the greatest score stands. Of equal numbers the first wins, and NaN wins over all; both are what
// PyTorch does, and both are tested.

/**
 * Finds where in a block the greatest stand: the first of equals; NaN wins, as in PyTorch.
 *
 * @task 01.8
 */
function placesOfMax(x: Values, outer: number, middle: number, inner: number): Int32Array {
  const from = x.data, places = new Int32Array(outer * inner), size = middle * inner;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let best = o * size + i;
      for (let at = best + inner; at < (o + 1) * size && !Number.isNaN(from[best]); at += inner) {
        if (from[at] > from[best] || Number.isNaN(from[at])) best = at;
      }
      places[o * inner + i] = best;
    }
  }
  return places;
}

/** The greatest of a block. */
export function maxBlock(x: Values, outer: number, middle: number, inner: number): Values {
  const places = placesOfMax(x, outer, middle, inner);
  return { data: like(x, places.length).map((_, k) => x.data[places[k]]), shape: [outer, inner] };
}

/** How many elements fold into one. */
export function foldedCount(shape: Shape, axes: Axes | undefined): number {
  return resolveAxes(axes, shape).reduce((count, axis) => count * shape[axis], 1);
}

/** Where the greatest along one axis stands; the first of equals. */
export function argmax(x: Values, axis: number, keepDims: boolean): Values {
  const folded = resolveAxis(axis, x.shape), middle = x.shape[folded];
  const inner = sizeOf(x.shape.slice(folded + 1)), outer = x.data.length / (middle * inner);
  const places = placesOfMax(x, outer, middle, inner), data = like(x, places.length);
  places.forEach((place, k) => data[k] = Math.floor(place / inner) % middle);
  return { data, shape: reducedShape(x.shape, [folded], keepDims) };
}

/**
 * ## What it costs
 *
 * Each number is read once, so a reduction over the last axis runs at the speed of memory. Over an
 * earlier axis the same numbers are read in leaps of `inner`, of which the processor's cache can make
 * less: the same sum takes longer.
 *
 * ## What breaks in practice
 *
 * **A total that stands still.** A float32 has 24 bits for its digits. From 2²⁴ = 16,777,216 on the
 * next number is 2 further, so adding 1 changes nothing any more, however often.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals(Math.fround(16_777_216 + 1), 16_777_216);
 * ```
 *
 * **The wrong axis.** The mean of a square matrix over axis 0 and over axis 1 has the same shape. If a
 * shape cannot tell a mistake from the truth, try the code on sizes that all differ.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "#tensor";
 * const x = Tensor.of([[1, 2], [3, 4]]);
 * assertEquals(x.mean(0).toArray(), [2, 3]);
 * assertEquals(x.mean(1).toArray(), [1.5, 3.5]);
 * ```
 */
