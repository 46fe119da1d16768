/**
 * # 09 · Spatial: pooling
 *
 * Is there an edge in this corner? Yes or no matters more than the exact pixel. Pooling keeps the
 * strongest answer of each little square, or the mean of them, and forgets where in the square it
 * was. What follows has a quarter of the positions to look at, and a little less reason to care
 * where exactly something stood.
 *
 * At the end you have max-pooling with its routed gradient, and average-pooling in two lines.
 *
 * Throughout: K window side · oH, oW the output's height and width
 *
 * @module
 */
import { defineOp, type Operation } from "#autograd";
import { type Cost, Module } from "#layers";
import { like, requireKind, requireNoOther, say, type Shape, sizeOf, Tensor } from "#tensor";
import { ValueError } from "#tensor";
import { unfold } from "./unfold.ts";
import { checkWindow, slideOver } from "./window.ts";
import type { Pair, Slide, Sliding, Window } from "./window.ts";

/** How a pooling window slides. */
export type PoolOptions = Omit<Sliding, "dilation">;

/** The window of a pooling: by default it moves by its own size. */
function poolWindow(kernelSize: Pair, options: PoolOptions): Window {
  requireKind("Cannot pool with the options", "object", options);
  const { stride = kernelSize, padding = 0, ...other } = options;
  requireNoOther("pooling", other);
  return { kernelSize, stride, padding };
}

/** How a pooling window slides, and the shape of what it gives. */
export type Pooling = Slide & { readonly pooled: Shape };

/** Measures how a pooling window slides; it must never see padding only. */
function slidePool(shape: Shape, window: Window): Pooling {
  const slide = slideOver(shape, window), { y, x } = slide;
  if (2 * y.before <= y.kernelSize && 2 * x.before <= x.kernelSize) {
    return { ...slide, pooled: [shape[0], shape[1], y.count, x.count] };
  }
  const says = say`Cannot pool ${window.kernelSize} with padding ${window.padding}`;
  throw new ValueError(`${says}: the padding must be at most half of the window`);
}

// ── 9.6 Max-pooling ──
// Of each window the greatest number gets through. The forward pass keeps, for each output, the
// place where it was found: the way back will need it.
//
//   1 5 2 0                 greatest    5 3        places    1  7
//   2 3 1 3                             9 6                  8 14
//   9 0 4 4        K = 2
//   1 7 6 2
//
// Places are counted through the whole batch: pixel (row, column) of a plane stands at (plane·H +
// row)·W + column, where plane is b·C + c. From `y` and `x` comes where a window stands: along y it
// begins at oy·stride − before and has kernelSize rows, of which only those from 0 to H − 1 exist.
//
// A window never begins with 0 as the best so far: among negative numbers that would win. The tests
// have windows of negative numbers only, also next to the padding, which never wins; of equal
// numbers the first wins, and NaN wins over all, so that it is not lost.

/** Max-pooling of images that fit, as an operation with a door. */
export const maxPooling: Operation<Pooling, Int32Array> = defineOp<Pooling, Int32Array>({
  name: "maxPool2d",

  /** @task 09.6 */
  forward: ([images], { y, x, pooled: shape }) => {
    const [, , height, width] = images.shape, planes = shape[0] * shape[1];
    const from = images.data, out = like(images, sizeOf(shape));
    const places = new Int32Array(out.length);
    for (let plane = 0, o = 0; plane < planes; plane++) {
      for (let oy = 0; oy < y.count; oy++) {
        const above = oy * y.stride - y.before, top = plane * height + Math.max(above, 0);
        const bottom = plane * height + Math.min(above + y.kernelSize, height);
        for (let ox = 0; ox < x.count; ox++, o++) {
          const before = ox * x.stride - x.before, left = Math.max(before, 0);
          const n = Math.min(before + x.kernelSize, width) - left;
          let best = top * width + left;
          for (let row = best, end = bottom * width; row < end; row += width) {
            for (let at = row; at < row + n; at++) { // NaN gets through, as in PyTorch
              if (from[at] > from[best] || Number.isNaN(from[at])) best = at;
            }
          }
          out[o] = from[best];
          places[o] = best;
        }
      }
    }
    return { output: { data: out, shape }, saved: places };
  },

  // ── 9.7 The way back ──
  // Nudge a number that was not the greatest, and the output does not move: its gradient is 0.
  // Nudge the greatest, and the output moves as much. So each gradient goes to one place, the one
  // that was kept. Where windows overlap, one pixel may have won several times, and then it gets
  // several.
  //
  //   g    10 20        ∂L/∂x     0 10  0  0
  //        30 40                  0  0  0 20
  //                              30  0  0  0
  //                               0  0 40  0
  //
  // Three of four pixels get nothing. It is not lost: they had no part in the answer.

  /** @task 09.7 */
  backward: (g, { inputs: [x], saved: places }) => {
    const from = g.data, out = like(x, x.size), n = from.length;
    for (let o = 0; o < n; o++) out[places[o]] += from[o];
    return [new Tensor(out, x.shape)];
  },
});

/**
 * Keeps the greatest number of each window.
 *
 * @param x Images (B, C, H, W).
 * @param kernelSize K, the sides of the window.
 * @param options Stride (K by default) and padding (0), which never wins.
 * @returns (B, C, oH, oW); pixels at the right and at the bottom that fill no window are left out.
 * @throws {ShapeError} If x is not (B, C, H, W), or smaller than the window.
 * @throws {ValueError} If a number is not whole, or too small, or the padding too large.
 *
 * @example The strongest of four
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { maxPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(maxPool2d(Tensor.of([[[[1, 5], [2, 3]]]]), 2).item(), 5);
 * ```
 *
 * @example The pictures of 9.6 and 9.7
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { maxPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const x = new Parameter(Tensor.of([[[[1, 5, 2, 0], [2, 3, 1, 3], [9, 0, 4, 4], [1, 7, 6, 2]]]]));
 * const y = maxPool2d(x, 2);
 * assertEquals(y.toArray(), [[[[5, 3], [9, 6]]]]);
 * backward(y.mul(Tensor.of([[[[10, 20], [30, 40]]]])).sum());
 * const expected = [[0, 10, 0, 0], [0, 0, 0, 20], [30, 0, 0, 0], [0, 0, 40, 0]];
 * assertEquals(x.grad?.toArray(), [[expected]]);
 * ```
 */
export function maxPool2d(x: Tensor, kernelSize: Pair, options: PoolOptions = {}): Tensor {
  return maxPooling([x], slidePool(x.shape, poolWindow(kernelSize, options)));
}

// ── 9.8 Average-pooling ──
// The mean of a window is the mean of one column of the unfolded images, and the gradient finds its
// own way back: through the mean, and through the unfolding. Only the channels must be kept apart
// in between, since a column holds the window's pixels of all of them:
//
//   unfold    (B, C·K·K, P)    P = oH·oW, and the K·K pixels of channel 0 stand first
//   apart     (B, C, K·K, P)
//
// The zeros of the padding count, so each mean divides by K², at the border too.

/**
 * Takes the mean of each window; zeros of the padding count, as in PyTorch.
 *
 * @task 09.8
 * @param x Images (B, C, H, W).
 * @param kernelSize K, the sides of the window.
 * @param options Stride (K by default) and padding (0).
 * @returns (B, C, oH, oW).
 * @throws {ShapeError} If x is not (B, C, H, W), or smaller than the window.
 * @throws {ValueError} If a number is not whole, or too small, or the padding too large.
 *
 * @example The mean of four
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { avgPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(avgPool2d(Tensor.of([[[[1, 5], [2, 4]]]]), 2).item(), 3);
 * ```
 */
export function avgPool2d(x: Tensor, kernelSize: Pair, options: PoolOptions = {}): Tensor {
  const window = poolWindow(kernelSize, options), { pooled } = slidePool(x.shape, window);
  const [batch, channels, height, width] = pooled;
  const views = unfold(x, window).reshape([batch, channels, -1, height * width]); // (B, C, K·K, P)
  return views.mean(2).reshape(pooled);
}

/**
 * Takes the mean of each channel over the whole image.
 *
 * @param x Images (B, C, H, W).
 * @returns (B, C).
 * @throws {ShapeError} If x is not (B, C, H, W).
 *
 * @example One number is left of each channel
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { globalAvgPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(globalAvgPool2d(Tensor.of([[[[1, 5], [2, 4]]]])).toArray(), [[3]]);
 * ```
 */
export function globalAvgPool2d(x: Tensor): Tensor {
  slideOver(x.shape, { kernelSize: 1 }); // refuses what are no images
  return x.mean([2, 3]);
}

// ── Pooling as layers (given) ──

/**
 * What the two pooling layers share.
 *
 * @example The size is known before anything is computed
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MaxPool2d, type Pool2d } from "kindling/spatial";
 * const layer: Pool2d = new MaxPool2d(2);
 * assertEquals(layer.cost([1, 3, 8, 6]).outputShape, [1, 3, 4, 3]);
 * ```
 */
export abstract class Pool2d extends Module {
  /** The window, and how it slides. */
  readonly window: Window;

  /**
   * Makes the layer.
   *
   * @param kernelSize K, the sides of the window.
   * @param options Stride (K by default) and padding (0).
   * @throws {ValueError} If a number is not whole, or too small.
   */
  constructor(kernelSize: Pair, options: PoolOptions = {}) {
    super();
    this.window = structuredClone(poolWindow(kernelSize, options));
    checkWindow(this.window);
  }

  /** No multiply-accumulates. */
  override cost(inputShape: Shape): Cost {
    return { outputShape: slidePool(inputShape, this.window).pooled, multiplyAccumulates: 0 };
  }
}

/**
 * Max-pooling as a layer.
 *
 * @example Half as high and half as wide
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MaxPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new MaxPool2d(2).forward(Tensor.of([[[[1, 5], [2, 3]]]])).toArray(), [[[[5]]]]);
 * ```
 */
export class MaxPool2d extends Pool2d {
  /** (B, C, H, W) → (B, C, oH, oW). */
  forward(x: Tensor): Tensor {
    return maxPooling([x], slidePool(x.shape, this.window));
  }
}

/**
 * Average-pooling as a layer.
 *
 * @example The mean of four
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { AvgPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new AvgPool2d(2).forward(Tensor.of([[[[1, 5], [2, 4]]]])).toArray(), [[[[3]]]]);
 * ```
 */
export class AvgPool2d extends Pool2d {
  /** (B, C, H, W) → (B, C, oH, oW). */
  forward(x: Tensor): Tensor {
    const { kernelSize, stride, padding } = this.window;
    return avgPool2d(x, kernelSize, { stride, padding });
  }
}

/**
 * The mean of each channel as a layer.
 *
 * @example One number per channel is left
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { GlobalAvgPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new GlobalAvgPool2d().forward(Tensor.ones([2, 3, 4, 4])).shape, [2, 3]);
 * ```
 */
export class GlobalAvgPool2d extends Module {
  /** (B, C, H, W) → (B, C). */
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }

  /** Additions, but no multiply-accumulates. */
  override cost(inputShape: Shape): Cost {
    const { shape } = slideOver(inputShape, { kernelSize: 1 }); // refuses what are no images
    return { outputShape: shape.slice(0, 2), multiplyAccumulates: 0 };
  }
}
