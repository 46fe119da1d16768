/**
 * # 01 · Tensor: reductions
 *
 * A reduction folds axes away: the sum of a column, the mean of a batch, the best of ten scores.
 *
 * At the end you can sum over any axes of any tensor, and you know why the running total is kept in
 * float64.
 *
 * Throughout: outer, middle, inner the axes before, within and after those that are folded
 *
 * @module
 */
import { Door } from "./kernels.ts";
import { like, resolveAxes, resolveAxis, sizeOf } from "./shape.ts";
import type { Axes, Shape, Values } from "./shape.ts";

// ── 1.7 Three blocks ──
// However many axes a tensor has, folding neighbouring ones sees only three blocks: what lies
// outside of them, themselves, and what lies inside. Of a matrix (2, 3), either axis can go:
//
//   1 2 3      fold axis 1     outer 2 · middle 3 · inner 1     6 15
//   4 5 6      fold axis 0     outer 1 · middle 2 · inner 3     5 7 9
//
// A tensor (2, 3, 4) without its axis 1 has all three:
//
//   outer 2 · middle 3 · inner 4      out[o, i] = Σₘ x[o, m, i]
//
// Along the middle, neighbours are `inner` numbers apart. The running total is kept in float64 and
// rounded once, at the end. You return one total for each outer and each inner, in the shape
// (outer, inner). The test adds ones to a number so great that float32 would not notice.

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
 * Sums a block. The total is kept in float64: ten thousand float32 additions, each rounded, can
 * lose three digits, as is shown at the end of this file.
 *
 * @task 01.7
 */
function sumBlock(x: Values, outer: number, middle: number, inner: number): Values {
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

/** The sum as a door. */
export const sumDoor: Door<Fold> = new Door("sum", sumBlock);

// ── 1.8 The greatest, and where it stands ──
// The same walk, but what is remembered is a place and not a number. Whoever has the place has the
// number too; whoever has the number would have to search for the place. And the place is often
// what is asked: of ten scores, one for each digit, the answer is where the greatest stands.
//
//   argmax(3, 9, 1) = 1      argmax(5, 5, 5) = 0      argmax(5, NaN, 9) = 1
//
// Of equal numbers the first wins, and the first NaN wins over all; both are what PyTorch does, and
// both are tested. So are numbers that are all negative: a search that begins with 0 fails there.
// What you return are places in x.data, one for each outer and each inner, the inner ones side by
// side; argmax(), given below, counts them along the axis.

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
 * Each number is read once and added once. Over the last axis the loop walks straight through
 * memory; what holds it up is that each addition has to wait for the one before it. Over an earlier
 * axis it leaps by `inner` numbers. Memory is fetched in small blocks of neighbours, and of each
 * block one number is used and the others may be gone before their turn: the same sum takes longer.
 *
 * ## What breaks in practice
 *
 * **A total that stands still.** A float32 has 24 bits for its digits, which is enough for whole
 * numbers up to 2²⁴ = 16,777,216 and not for the next: add 1, and the sum is 16,777,216 again,
 * however often. Smaller totals suffer too. Ten thousand times 0.1, rounded each time, stays about
 * a tenth below 1000: four digits are right where float32 has seven.
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(Tensor.of(16_777_216).add(1).item(), 16_777_216);
 * let total = Tensor.of(0);
 * for (let k = 0; k < 10_000; k++) total = total.add(0.1); // rounded to float32 each time
 * assert(total.item() > 999.85 && total.item() < 999.95);
 * assertEquals(Tensor.full([10_000], 0.1).sum().item(), 1000); // rounded once
 * ```
 *
 * **The wrong axis.** The mean of a square matrix over axis 0 and over axis 1 has the same shape.
 * And the axis that was folded is gone: subtract the means of the rows, shape (2,), and
 * broadcasting takes them for a row. keepDims leaves (2, 1), which fits where it should. If a shape
 * cannot tell a mistake from the truth, try the code on sizes that all differ.
 *
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { ShapeError, Tensor } from "kindling/tensor";
 * const x = Tensor.of([[1, 2], [3, 4]]);
 * assertEquals(x.mean(0).toArray(), [2, 3]);
 * assertEquals(x.mean(1).toArray(), [1.5, 3.5]);
 * assertEquals(x.sub(x.mean(1)).toArray(), [[-0.5, -1.5], [1.5, 0.5]]); // meant was:
 * assertEquals(x.sub(x.mean(1, { keepDims: true })).toArray(), [[-0.5, 0.5], [-0.5, 0.5]]);
 * const wide = Tensor.ones([2, 3]);
 * assertThrows(() => wide.sub(wide.mean(1)), ShapeError, "3 is not 2");
 * ```
 */
