/**
 * # 09 · Spatial
 *
 * Until now a picture was a row of unrelated numbers. Here it becomes a plane again: a small window
 * slides over it, and the same few weights look through every position.
 *
 * At the end you have Conv2d, pooling and BatchNorm2d, and milestone 04 runs on them.
 *
 * Throughout: B images in a batch, 32 · C channels · H, W height and width, 8 · F filters, 8
 * · K window side, 3 · oH, oW the output's height and width, 6
 *
 * @module
 */
import { defineOp } from "#autograd";
import { type Cost, drawWeights, Module, type Parameter, type WeightOptions } from "#layers";
import { requireNoOther, requireOneDtype, requireWhole, sameShape, say } from "#tensor";
import { type Shape, ShapeError, sizeOf, type Tensor } from "#tensor";
import { foldValues, unfoldValues } from "./unfold.ts";
import { checkWindow, type Pair, type Slide, slideOver, type Sliding } from "./window.ts";

export * from "./batch_norm.ts";
export * from "./pooling.ts";
export { unfold } from "./unfold.ts";
export type { Pair, Sliding, Window } from "./window.ts";

// ── 9.4 Convolution ──
// With the columns written out, filter f at position p is a plain dot product:
//
//   y[b, f, p] = Σ_q w[f, q] · columns[b, q, p] + bias[f]        q = one pixel of the window
//
// and so is everything that flows back:
//
//   ∂L/∂w = Σ_b g[b] · columns[b]ᵀ      ∂L/∂columns = wᵀ · g      ∂L/∂bias = Σ_b,p g

const convolve = defineOp<Slide, Tensor>({
  name: "conv2d",
  kernel: "conv2d",

  /** @task 09.4 */
  forward: ([x, weight, bias], slide) => {
    const filters = weight.shape[0], columns = unfoldValues(x, slide); // (B, C·K·K, oH·oW)
    const scores = weight.reshape([filters, -1]).matmul(columns); // → (B, F, oH·oW)
    const shape = [x.shape[0], filters, slide.y.count, slide.x.count];
    const { data } = bias ? scores.add(bias.reshape([filters, 1])) : scores;
    return { output: { data, shape }, saved: columns };
  },

  /** @task 09.5 */
  backward: (g, { inputs: [, weight], saved: columns, options: slide }) => {
    const [batch, filters] = g.shape;
    const scores = g.reshape([batch, filters, -1]); // (B, F, oH·oW)
    const byFilter = scores.permute([1, 0, 2]).reshape([filters, -1]); // → (F, B·oH·oW)
    const views = columns.transpose().reshape([byFilter.shape[1], -1]); // → (B·oH·oW, C·K·K)
    const matrix = weight.reshape([filters, -1]).transpose(); // (C·K·K, F)
    return [
      () => foldValues(matrix.matmul(scores), slide),
      () => byFilter.matmul(views).reshape(weight.shape),
      () => byFilter.sum(1),
    ];
  },
});

/**
 * Slides filters over images (cross-correlation, as everywhere in deep learning).
 *
 * @param x Images (B, C, H, W).
 * @param weight Filters (F, C, K, K); the two K may differ.
 * @param bias One number per filter (F,), or null.
 * @param options Stride (1 by default), padding (0) and dilation (1).
 * @returns (B, F, oH, oW).
 * @throws {ShapeError} If the channels differ, or the images are smaller than the window.
 * @throws {ValueError} If an option is not whole, too small or unknown.
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
  { stride, padding, dilation, ...other }: Sliding = {},
): Tensor {
  requireNoOther("conv2d", other);
  checkFilters(x.shape, weight.shape);
  const [filters, , height, width] = weight.shape, learned = bias ? [weight, bias] : [weight];
  requireOneDtype("Cannot convolve", x, ...learned);
  if (bias && !sameShape(bias.shape, [filters])) {
    const rule = `it takes one number per filter (${filters},)`;
    throw new ShapeError(say`Cannot add a bias ${bias} to ${filters} filters: ` + rule);
  }
  const kernelSize = [height, width] as const;
  return convolve([x, ...learned], slideOver(x.shape, { kernelSize, stride, padding, dilation }));
}

/** Refuses filters that do not fit the images. */
function checkFilters(images: Shape, filters: Shape): void {
  if (images.length === 4 && filters.length === 4 && images[1] === filters[1]) return;
  const rule = "it takes images (B, C, H, W) and filters (F, C, K, K) of as many channels";
  const hint = images.length === 3 ? "add a batch axis with unsqueeze(0)" : undefined;
  throw new ShapeError(say`Cannot convolve ${images} with ${filters}: ` + rule, hint);
}

/** What Conv2d takes. */
export interface Conv2dOptions extends WeightOptions, Sliding {}

/**
 * A convolution with learned filters (LeCun et al., 1989).
 *
 * @example Eight filters over one channel; padding keeps the size
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Generator } from "#random";
 * import { Conv2d } from "#spatial";
 * import { Tensor } from "#tensor";
 * const layer = new Conv2d(1, 8, 3, { padding: "same", generator: new Generator(1) });
 * assertEquals(layer.forward(Tensor.zeros([2, 1, 6, 6])).shape, [2, 8, 6, 6]);
 * ```
 */
export class Conv2d extends Module {
  /** The filters, (F, C, K, K). */
  readonly weight: Parameter;
  /** One number per filter, (F,); null without bias. */
  readonly bias: Parameter | null;
  /** How the window slides. */
  readonly sliding: Sliding;

  /**
   * Makes a layer with random filters.
   *
   * @param inChannels C, channels that go in.
   * @param outChannels F, filters.
   * @param kernelSize K, the sides of the window.
   * @param options Generator, stride, padding, dilation, bias, initialiser, dtype.
   * @throws {ValueError} If a number is not whole, or too small, or an option is unknown.
   */
  constructor(
    readonly inChannels: number,
    readonly outChannels: number,
    kernelSize: Pair,
    { stride, padding, dilation, ...options }: Conv2dOptions,
  ) {
    super();
    this.sliding = structuredClone({ stride, padding, dilation });
    checkWindow({ kernelSize, ...this.sliding });
    requireWhole(`Cannot make a Conv2d of ${inChannels} channels`, inChannels);
    requireWhole(`Cannot make a Conv2d of ${outChannels} filters`, outChannels);
    const [height, width] = typeof kernelSize === "number" ? [kernelSize, kernelSize] : kernelSize;
    [this.weight, this.bias] = drawWeights([outChannels, inChannels, height, width], options);
  }

  /** (B, C, H, W) → (B, F, oH, oW). */
  forward(x: Tensor): Tensor {
    return conv2d(x, this.weight, this.bias, this.sliding);
  }

  /** B·F·oH·oW·C·K² multiply-accumulates. */
  override cost(inputShape: Shape): Cost {
    const { shape: [filters, ...window] } = this.weight, [, height, width] = window;
    checkFilters(inputShape, this.weight.shape);
    const { y, x } = slideOver(inputShape, { kernelSize: [height, width], ...this.sliding });
    const outputShape = [inputShape[0], filters, y.count, x.count];
    return { outputShape, multiplyAccumulates: sizeOf(outputShape) * sizeOf(window) };
  }
}
