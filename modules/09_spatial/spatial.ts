/**
 * # 09 · Spatial
 *
 * Until now a picture was a row of unrelated numbers. Here it becomes a plane again: a small window
 * slides over it, and the same few weights look through every position.
 *
 * At the end you have Conv2d, MaxPool2d and BatchNorm2d, and milestone 04 runs on them.
 *
 * Throughout: B images in a batch, 32 · C channels · H, W height and width, 8 · F filters, 8
 * · K window side, 3 · oH, oW the output's height and width, 6
 *
 * @module
 */
import { defineOp } from "#autograd";
import { type Cost, Module, Parameter, uniformByFanIn } from "#layers";
import type { Generator } from "#random";
import {
  describeShape,
  type DType,
  like,
  requireOneDtype,
  sameShape,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
  type Values,
} from "#tensor";
import { outputSide, type Window } from "./window.ts";

export { BatchNorm2d, batchNorm2d, type BatchNormOptions } from "./batch_norm.ts";
export { MaxPool2d, maxPool2d } from "./pooling.ts";
export { type Window } from "./window.ts";

// ── 9.1 Unfolding ──
// A convolution asks the same question at every position: how well does what I see through the
// window match my weights? Written out, each position's view becomes one column of K·K numbers per
// channel, and all questions at once become one matrix product.
//
//   image 3×3      window 2×2 at 4 positions      columns (4 pixels of the window, 4 positions)
//   1 2 3          1 2  2 3  4 5  5 6             1 2 4 5
//   4 5 6    →     4 5  5 6  7 8  8 9      →      2 3 5 6
//   7 8 9                                         4 5 7 8
//                                                 5 6 8 9

/** An image batch and the window that slides over it. */
interface Slide extends Window {
  readonly shape: Shape;
  readonly outputHeight: number;
  readonly outputWidth: number;
}

/** Measures how a window slides over images (B, C, H, W). */
function slideOver(shape: Shape, window: Window): Slide {
  if (shape.length !== 4) {
    throw new ShapeError(
      `Cannot slide a window over ${describeShape(shape)}: images are (B, C, H, W)`,
      shape.length === 3 ? "add a batch axis: reshape([1, C, H, W])" : undefined,
    );
  }
  const outputHeight = outputSide(shape, 2, window), outputWidth = outputSide(shape, 3, window);
  return { ...window, shape, outputHeight, outputWidth };
}

/**
 * Visits all rows of the columns: `count` neighbouring positions from `column` on see the pixels
 * from `pixel` on, `stride` apart. Positions that see the padding are left out.
 */
function forEachRow(
  { shape: [B, C, H, W], kernelSize, stride, padding, outputHeight, outputWidth }: Slide,
  visit: (column: number, pixel: number, count: number) => void,
): void {
  let row = 0; // rows of the columns, top to bottom: (B, C, K, K)
  for (let plane = 0; plane < B * C; plane++) {
    for (let ky = 0; ky < kernelSize; ky++) {
      for (let kx = 0; kx < kernelSize; kx++, row++) {
        const first = Math.max(0, Math.ceil((padding - kx) / stride));
        const last = Math.min(outputWidth, Math.floor((W - 1 + padding - kx) / stride) + 1);
        for (let oy = 0; oy < outputHeight; oy++) {
          const y = oy * stride + ky - padding;
          if (y < 0 || y >= H || first >= last) continue;
          const column = (row * outputHeight + oy) * outputWidth + first;
          visit(column, (plane * H + y) * W + first * stride + kx - padding, last - first);
        }
      }
    }
  }
}

/**
 * Writes out what the window sees, (B, C, H, W) → (B, C·K·K, oH·oW).
 *
 * @task 09.1
 */
function unfoldValues(x: Values, slide: Slide): Values {
  const { shape: [B, C], kernelSize, stride, outputHeight, outputWidth } = slide;
  const shape = [B, C * kernelSize * kernelSize, outputHeight * outputWidth];
  const from = x.data, out = like(x, sizeOf(shape));
  forEachRow(slide, (column, pixel, count) => {
    for (const end = column + count; column < end; column++, pixel += stride) {
      out[column] = from[pixel];
    }
  });
  return { data: out, shape };
}

/**
 * Puts columns back to where their pixels came from, and adds up what meets there:
 * (B, C·K·K, oH·oW) → (B, C, H, W). It is unfolding read backwards, and its derivative.
 *
 * @task 09.2
 */
function foldValues(columns: Values, slide: Slide): Values {
  const { shape, stride } = slide, from = columns.data, out = like(columns, sizeOf(shape));
  forEachRow(slide, (column, pixel, count) => {
    for (const end = column + count; column < end; column++, pixel += stride) {
      out[pixel] += from[column];
    }
  });
  return { data: out, shape };
}

const unfoldOp = defineOp<Window, Slide>({
  name: "unfold",
  forward: ([x], window) => {
    const slide = slideOver(x.shape, window);
    return { output: unfoldValues(x, slide), saved: slide };
  },
  backward: (g, { saved: slide }) => [tensorOf(foldValues(g, slide))],
});

/** Wraps plain values. */
function tensorOf({ data, shape }: Values): Tensor {
  return new Tensor(data, shape);
}

/**
 * Writes out what a sliding window sees, one column per position, as PyTorch's unfold.
 *
 * @param x Images (B, C, H, W).
 * @param window Side, stride (1 by default) and padding (0 by default).
 * @returns (B, C·K·K, oH·oW).
 * @throws {ShapeError} If x is not (B, C, H, W), or smaller than the window.
 *
 * @example Four positions of a 2×2 window on a 3×3 image
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unfold } from "#spatial";
 * import { Tensor } from "#tensor";
 * const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
 * const columns = unfold(image, { kernelSize: 2 });
 * assertEquals(columns.toArray(), [[[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]]);
 * ```
 */
export function unfold(
  x: Tensor,
  { kernelSize, stride = 1, padding = 0 }: Partial<Window> & { kernelSize: number },
): Tensor {
  return unfoldOp([x], { kernelSize, stride, padding });
}

// ── 9.3 Convolution ──
// With the columns written out, filter f at position p is a plain dot product:
//
//   y[b, f, p] = Σ_q w[f, q] · columns[b, q, p] + bias[f]        q = one pixel of the window
//
// and so is everything that flows back:
//
//   ∂L/∂w = Σ_b g[b] · columns[b]ᵀ      ∂L/∂columns = wᵀ · g      ∂L/∂bias = Σ_b,p g

const convolve = defineOp<Window, { slide: Slide; columns: Tensor }>({
  name: "conv2d",

  /** @task 09.3 */
  forward: ([x, weight, bias], window) => {
    const slide = slideOver(x.shape, window), filters = weight.shape[0];
    const columns = tensorOf(unfoldValues(x, slide)); // (B, C·K·K, oH·oW)
    const scores = weight.reshape([filters, -1]).matmul(columns); // → (B, F, oH·oW)
    const shape = [x.shape[0], filters, slide.outputHeight, slide.outputWidth];
    const { data } = bias ? scores.add(bias.reshape([filters, 1])) : scores;
    return { output: { data, shape }, saved: { slide, columns } };
  },

  /** @task 09.4 */
  backward: (g, { inputs: [x, weight, bias], saved: { slide, columns } }) => {
    const [batch, filters] = g.shape;
    const scores = g.reshape([batch, filters, -1]); // (B, F, oH·oW)
    const byFilter = scores.permute([1, 0, 2]).reshape([filters, -1]); // → (F, B·oH·oW)
    const views = columns.transpose().reshape([byFilter.shape[1], -1]); // → (B·oH·oW, C·K·K)
    const dColumns = x.requiresGrad && weight.reshape([filters, -1]).transpose().matmul(scores);
    return [
      dColumns ? tensorOf(foldValues(dColumns, slide)) : null,
      weight.requiresGrad ? byFilter.matmul(views).reshape(weight.shape) : null,
      bias?.requiresGrad ? byFilter.sum(1) : null,
    ];
  },
});

/**
 * Slides filters over images (cross-correlation, as everywhere in deep learning).
 *
 * @param x Images (B, C, H, W).
 * @param weight Filters (F, C, K, K).
 * @param bias One number per filter (F,), or null.
 * @param options Stride (1 by default) and padding (0 by default).
 * @returns (B, F, oH, oW).
 * @throws {ShapeError} If the channels differ, or the images are smaller than the window.
 *
 * @example A filter that finds where brightness rises from left to right
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conv2d } from "#spatial";
 * import { Tensor } from "#tensor";
 * const image = Tensor.of([[[[0, 0, 1], [0, 0, 1]]]]);
 * const edge = Tensor.of([[[[-1, 1], [-1, 1]]]]);
 * assertEquals(conv2d(image, edge, null).toArray(), [[[[0, 2]]]]);
 * ```
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride = 1, padding = 0 }: Partial<Omit<Window, "kernelSize">> = {},
): Tensor {
  checkFilters(x.shape, weight.shape);
  const [filters, , kernelSize] = weight.shape, learned = bias ? [weight, bias] : [weight];
  requireOneDtype("Cannot convolve", "with", x, ...learned);
  if (bias && !sameShape(bias.shape, [filters])) {
    throw new ShapeError(
      `Cannot add a bias ${describeShape(bias.shape)} to ${filters} filters: ` +
        `it takes one number per filter (${filters},)`,
    );
  }
  return convolve([x, ...learned], { kernelSize, stride, padding });
}

/** Refuses filters that do not fit the images. */
function checkFilters(images: Shape, filters: Shape): void {
  const [, channels, height, width] = filters;
  if (filters.length === 4 && height === width && images[1] === channels) return;
  throw new ShapeError(
    `Cannot convolve ${describeShape(images)} with ${describeShape(filters)}: ` +
      "it takes images (B, C, H, W) and square filters (F, C, K, K) of as many channels",
  );
}

/** What Conv2d takes. */
export interface Conv2dOptions {
  /** Draws the first weights. */
  readonly generator: Generator;
  /** How far the window moves, 1 by default. */
  readonly stride?: number;
  /** Zeros around the image, 0 by default. */
  readonly padding?: number;
  /** Whether to add a bias; true by default. */
  readonly bias?: boolean;
  /** The number format, float32 by default. */
  readonly dtype?: DType;
}

/** A convolution with learned filters (LeCun et al., 1989). Weights start as PyTorch's. */
export class Conv2d extends Module {
  /** The filters, (F, C, K, K). */
  readonly weight: Parameter;
  /** One number per filter, (F,); null without bias. */
  readonly bias: Parameter | null;
  /** How the window slides. */
  readonly window: Window;

  /**
   * Makes a layer with random filters.
   *
   * @param inChannels C, channels that go in.
   * @param outChannels F, filters.
   * @param kernelSize K, the side of the window.
   * @param options Generator, stride, padding, bias, dtype.
   */
  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: number,
    { generator, stride = 1, padding = 0, bias = true, dtype = "float32" }: Conv2dOptions,
  ) {
    super();
    this.window = { kernelSize, stride, padding };
    const fanIn = inChannels * kernelSize * kernelSize;
    const draw = (...shape: number[]): Parameter =>
      new Parameter(uniformByFanIn(shape, fanIn, generator, dtype));
    this.weight = draw(outChannels, inChannels, kernelSize, kernelSize);
    this.bias = bias ? draw(outChannels) : null;
  }

  /** (B, C, H, W) → (B, F, oH, oW). */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.window);
  }

  /** B·F·oH·oW·C·K² multiply-accumulates. */
  override cost(inputShape: Shape): Cost {
    checkFilters(inputShape, this.weight.shape);
    const { outputHeight, outputWidth } = slideOver(inputShape, this.window);
    const outputShape = [inputShape[0], this.outChannels, outputHeight, outputWidth];
    const perOutput = this.inChannels * this.window.kernelSize ** 2;
    return { outputShape, multiplyAccumulates: sizeOf(outputShape) * perOutput };
  }
}
