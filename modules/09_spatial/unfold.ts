/**
 * # 09 · Spatial: unfolding
 *
 * A convolution asks the same question at every position: how well does what I see through the
 * window match my weights? Written out, each position's view becomes one column, and all questions
 * at once become one matrix product.
 *
 * At the end you can take images apart into views, and put views back into images.
 *
 * Throughout: B images · C channels · K window side · oH, oW how many positions down and across
 *
 * @module
 */
import { defineOp } from "#autograd";
import { like, requireNoOther, sizeOf, type Tensor, tensorOf, type Values } from "#tensor";
import { type Slide, slideOver, type Window } from "./window.ts";

// ── 9.2 Views as columns ──
//
//   image 3×3      window 2×2 at 4 positions      columns (4 pixels of the window, 4 positions)
//   1 2 3          1 2  2 3  4 5  5 6             1 2 4 5
//   4 5 6    →     4 5  5 6  7 8  8 9      →      2 3 5 6
//   7 8 9                                         4 5 7 8
//                                                 5 6 8 9
//
// One row of the columns is one pixel of the window, at all positions: the first row, 1 2 4 5, is
// what stands at the upper left of each view. With several channels the rows of the first come
// first.
//
// Along a row of the image, what neighbouring positions see lies `stride` apart, so that a row of
// columns is copied in straight stretches. Finding the stretches is fiddly and given;
// forEachStretch() calls you for each, with three numbers. In the picture, the first two calls are
//
//   visit(column 0, pixel 0, count 2)      positions 0 and 1 see pixels 0 and 1, which hold 1 and 2
//   visit(column 2, pixel 3, count 2)      positions 2 and 3 see pixels 3 and 4, which hold 4 and 5
//
// where column and pixel are places in the data of columns and images, and count is how many
// numbers to go on for; in the image the next one lies x.stride further. Positions that see the
// padding are in no stretch, so their numbers stay 0, as they should. like(images, size) is room
// for that many zeros, and tensorOf({ data, shape }) makes a tensor of it.

/** What is done with each stretch. */
type Visit = (column: number, pixel: number, count: number) => void;

/**
 * Visits all stretches of the columns: `count` neighbouring positions from `column` on see the
 * pixels from `pixel` on, a stride apart. Positions that see the padding are left out (given).
 */
function forEachStretch({ shape: [B, C, H, W], y, x }: Slide, visit: Visit): void {
  let row = 0; // rows of the columns, top to bottom: (B, C, K, K)
  for (let plane = 0; plane < B * C; plane++) {
    for (let ky = 0; ky < y.kernelSize; ky++) {
      for (let kx = 0; kx < x.kernelSize; kx++, row++) {
        const left = x.before - kx * x.dilation; // positions before the first pixel
        const first = Math.max(0, Math.ceil(left / x.stride));
        const last = Math.min(x.count, Math.floor((W - 1 + left) / x.stride) + 1);
        for (let oy = 0; oy < y.count; oy++) {
          const iy = oy * y.stride + ky * y.dilation - y.before;
          if (iy < 0 || iy >= H || first >= last) continue;
          const pixel = (plane * H + iy) * W + first * x.stride - left;
          visit((row * y.count + oy) * x.count + first, pixel, last - first);
        }
      }
    }
  }
}

/**
 * Writes out what the window sees, (B, C, H, W) → (B, C·K·K, oH·oW).
 *
 * @task 09.2
 */
export function unfoldValues(images: Values, slide: Slide): Tensor {
  const { shape: [B, C], y, x } = slide, stride = x.stride;
  const shape = [B, C * y.kernelSize * x.kernelSize, y.count * x.count];
  const from = images.data, out = like(images, sizeOf(shape));
  forEachStretch(slide, (column, pixel, count) => {
    for (const end = column + count; column < end; column++, pixel += stride) {
      out[column] = from[pixel];
    }
  });
  return tensorOf({ data: out, shape });
}

// ── 9.3 Columns as pixels ──
// Unfolding copies: a pixel that four windows see stands in four places. So its gradient comes back
// from four places, and they add up. Folding walks the same stretches and turns the arrow round:
//
//   unfold   column ← pixel
//   fold     pixel ← pixel + column
//
// It is not the inverse. Unfold ones and fold them again, and each pixel holds how many windows saw
// it. For the 3×3 image and the window of 2×2 that is
//
//   1 2 1
//   2 4 2
//   1 2 1
//
// The test uses the property that makes it the derivative: for any x and y, the sum of unfold(x)·y
// is the sum of x·fold(y).

/**
 * Puts columns back to where their pixels came from, and adds up what meets there:
 * (B, C·K·K, oH·oW) → (B, C, H, W).
 *
 * @task 09.3
 */
export function foldValues(columns: Values, slide: Slide): Tensor {
  const { shape, x: { stride } } = slide, from = columns.data, out = like(columns, sizeOf(shape));
  forEachStretch(slide, (column, pixel, count) => {
    for (const end = column + count; column < end; column++, pixel += stride) {
      out[pixel] += from[column];
    }
  });
  return tensorOf({ data: out, shape });
}

const unfoldOp = defineOp<Window, Slide>({
  name: "unfold",
  forward: ([x], window) => {
    const slide = slideOver(x.shape, window);
    return { output: unfoldValues(x, slide), saved: slide };
  },
  backward: (g, { saved: slide }) => [foldValues(g, slide)],
});

/**
 * Writes out what a sliding window sees, one column per position, as PyTorch's unfold.
 *
 * @param x Images (B, C, H, W).
 * @param window Sides, stride (1 by default), padding (0) and dilation (1).
 * @returns (B, C·K·K, oH·oW).
 * @throws {ShapeError} If x is not (B, C, H, W), or smaller than the window.
 * @throws {ValueError} If the window's numbers are not whole, or too small.
 *
 * @example Four positions of a 2×2 window on a 3×3 image
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unfold } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
 * const columns = unfold(image, { kernelSize: 2 });
 * assertEquals(columns.toArray(), [[[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]]);
 * ```
 *
 * @example How many windows saw each pixel (9.3)
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { unfold } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const image = new Parameter(Tensor.ones([1, 1, 3, 3]));
 * backward(unfold(image, { kernelSize: 2 }).sum());
 * assertEquals(image.grad?.toArray(), [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]]);
 * ```
 */
export function unfold(x: Tensor, window: Window): Tensor {
  const { kernelSize = NaN, stride, padding, dilation, ...other } = window ?? {};
  requireNoOther("unfold", other);
  return unfoldOp([x], { kernelSize, stride, padding, dilation });
}
