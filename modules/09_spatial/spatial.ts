/**
 * # 09 · Spatial
 *
 * Until now a picture was a row of unrelated numbers: shuffle the pixels of all images alike, and
 * an MLP learns just as well. A person does not. What makes an edge an edge is which pixels are
 * neighbours, and an edge is an edge wherever it stands. Here a picture becomes a plane again: a
 * small window slides over it, and the same few weights look through at every position. That idea
 * came from what was found in the visual cortex of cats (Hubel and Wiesel, 1962) by way of the
 * neocognitron (Fukushima, 1980), was trained by gradients to read zip codes (LeCun et al., 1989),
 * and is the network of 1998.
 *
 * Read and write the chapters in this order:
 *
 *   window.ts · unfold.ts · spatial.ts · pooling.ts · batch_norm.ts
 *
 * At the end you have Conv2d, pooling and BatchNorm2d, and milestone 04 runs on them.
 *
 * Throughout: B images in a batch, 32 · C channels · H, W height and width, 8 · F filters, 8
 * · K window side, 3 · oH, oW the output's height and width, 6
 *
 * From earlier modules: a.matmul(b) where a may have no batch axis · reshape([n, −1]) leaves one
 * size open · permute([1, 0, 2]) · transpose() of the last two axes · sum(axes, { keepDims }) and
 * mean() over one axis or several · like(x, n) room for n zeros of the same dtype · noteWrite(data)
 * says that numbers were changed in place
 *
 * ## The idea, by hand
 *
 * A picture of 3×3 pixels, bright on the right, and a filter of 2×2 that asks "is it brighter right
 * than left?": −1 for the pixels on the left, 1 for those on the right. It fits in four places:
 *
 *   0 0 5      −1 1      left    0·(−1) + 0·1 + 0·(−1) + 0·1 =  0
 *   0 0 5      −1 1      right   0·(−1) + 5·1 + 0·(−1) + 5·1 = 10
 *   0 0 5                and below the same
 *
 * Four weights have found an edge and said where. A dense layer from 9 pixels to 4 outputs has 36.
 *
 * Now write what each position sees as a column, and the filter as a row. Then the four sums are
 * one product of matrices, and that is how this module computes them:
 *
 *                   0 0 0 0
 *                   0 5 0 5
 *   −1 1 −1 1   ·   0 0 0 0   =   0 10 0 10
 *                   0 5 0 5
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conv2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const picture = Tensor.of([[[[0, 0, 5], [0, 0, 5], [0, 0, 5]]]]); // (1, 1, 3, 3)
 * const filter = Tensor.of([[[[-1, 1], [-1, 1]]]]); // (F, C, K, K) = (1, 1, 2, 2)
 * assertEquals(conv2d(picture, filter, null).toArray(), [[[[0, 10], [0, 10]]]]);
 * const columns = Tensor.of([[0, 0, 0, 0], [0, 5, 0, 5], [0, 0, 0, 0], [0, 5, 0, 5]]);
 * assertEquals(filter.reshape([1, 4]).matmul(columns).toArray(), [[0, 10, 0, 10]]);
 * ```
 *
 * @module
 */
import { defineOp, type Operation } from "#autograd";
import { type Cost, drawWeights, Module, type Parameter, type WeightOptions } from "#layers";
import { requireNoOther, requireOneDtype, requireWhole, sameShape, say } from "#tensor";
import { type Shape, ShapeError, sizeOf, type Tensor } from "#tensor";
import { foldValues, unfoldValues } from "./unfold.ts";
import { checkWindow, type Pair, type Slide, slideOver, type Sliding } from "./window.ts";

export * from "./batch_norm.ts";
export * from "./pooling.ts";
export { unfold } from "./unfold.ts";
export type { Pair, Slide, Sliding, Track, Window } from "./window.ts";

// ── 9.4 Convolution ──
// Filter f at position p multiplies what it sees by its weights and adds up. With the views written
// out as columns, that is a row of w times a column: the whole convolution is one matrix product.
//
//   y[b, f, p] = Σ_q w[f, q] · columns[b, q, p] + bias[f]        q = one pixel of the window
//
//   w          (F, C, K, K)  →  (F, C·K·K)
//   columns                     (B, C·K·K, oH·oW)
//   product                     (B, F, oH·oW)      →  (B, F, oH, oW)
//
// matmul() does that for all images at once: the left side has no batch axis and is used for each.
// The bias is one number per filter and stands along the second axis from the end. You return {
// output: { data, shape }, saved }, as in module 05, and `saved` is handed to backward(), which
// needs the columns.
//
// Strictly it is a cross-correlation: a mathematician's convolution turns the filter round first.
// As the filter is learned, nobody would notice. The test compares with seven plain loops, one for
// each of b, f, oy, ox, c, ky and kx, for every way in which a window can slide.

/** Convolution of images and filters that fit, as an operation with a door. */
export const convolution: Operation<Slide, Tensor> = defineOp<Slide, Tensor>({
  name: "conv2d",

  /** @task 09.4 */
  forward: ([x, weight, bias], slide) => {
    const filters = weight.shape[0], columns = unfoldValues(x, slide); // (B, C·K·K, oH·oW)
    const scores = weight.reshape([filters, -1]).matmul(columns); // → (B, F, oH·oW)
    const shape = [x.shape[0], filters, slide.y.count, slide.x.count];
    const { data } = bias ? scores.add(bias.reshape([filters, 1])) : scores;
    return { output: { data, shape }, saved: columns };
  },

  // ── 9.5 And back ──
  // Since it is a matrix product, the gradients are those of one: by the rule of module 05, each
  // side gets g times the other one, transposed. The columns' gradient is not asked for, but the
  // images' is: fold it back, and what several windows saw gets the sum of what they say.
  //
  //   ∂L/∂w = Σ_b g[b] · columns[b]ᵀ           (F, P) · (P, C·K·K), P = oH·oW
  //   ∂L/∂columns = wᵀ · g                     (C·K·K, F) · (B, F, P)
  //   ∂L/∂bias = Σ_b,p g
  //
  // By hand, for the picture above and a g of ones: the filter gets the sum of each row of the
  // columns, 0, 10, 0, 10. What would make L grow fastest is more weight where the bright pixels
  // are.
  //
  // The sum over b can be left to the product: put the images' columns side by side, (C·K·K, B·P),
  // and their g likewise, (F, B·P), and adding over B·P adds over the images too.
  //
  // Each of the three is costly and not always needed: the first layer's images need none. So you
  // return functions, [() => ∂L/∂x, () => ∂L/∂w, () => ∂L/∂bias], each in the shape of what it is
  // the gradient of; without a bias nobody calls the third. g comes as (B, F, oH, oW). The test
  // looks whether the filters get theirs when the images need none.

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
 * import { conv2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const image = Tensor.of([[[[0, 0, 1], [0, 0, 1]]]]);
 * const edge = Tensor.of([[[[-1, 1], [-1, 1]]]]);
 * assertEquals(conv2d(image, edge, null).toArray(), [[[[0, 2]]]]);
 * ```
 *
 * @example The gradient of 9.5, by hand
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { conv2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const picture = Tensor.of([[[[0, 0, 5], [0, 0, 5], [0, 0, 5]]]]);
 * const filter = new Parameter(Tensor.of([[[[-1, 1], [-1, 1]]]]));
 * backward(conv2d(picture, filter, null).sum()); // g is 1 at each of the four positions
 * assertEquals(filter.grad?.toArray(), [[[[0, 10], [0, 10]]]]);
 * ```
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride, padding, dilation, ...other }: Sliding = {},
): Tensor {
  requireNoOther("conv2d", other);
  checkFilters(x?.shape, weight?.shape);
  const [filters, , height, width] = weight.shape, learned = bias ? [weight, bias] : [weight];
  requireOneDtype("Cannot convolve", x, ...learned);
  if (bias && !sameShape(bias.shape, [filters])) {
    const rule = `it takes one number per filter (${filters},)`;
    throw new ShapeError(say`Cannot add a bias ${bias} to ${filters} filters: ` + rule);
  }
  const window = { kernelSize: [height, width], stride, padding, dilation } as const;
  return convolution([x, ...learned], slideOver(x.shape, window));
}

/** Refuses filters that do not fit the images. */
function checkFilters(images: Shape, filters: Shape): void {
  if (images?.length === 4 && filters?.length === 4 && images[1] === filters[1]) return;
  const rule = "it takes images (B, C, H, W) and filters (F, C, K, K) of as many channels";
  const hint = images?.length === 3 ? "add a batch axis with unsqueeze(0)" : undefined;
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
 * import { Generator } from "kindling/random";
 * import { Conv2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const layer = new Conv2d(1, 8, 3, { padding: "same", generator: new Generator(1) });
 * assertEquals(layer.forward(Tensor.zeros([2, 1, 6, 6])).shape, [2, 8, 6, 6]);
 * ```
 */
export class Conv2d extends Module {
  /** C, channels that go in. */
  readonly inChannels: number;
  /** F, filters. */
  readonly outChannels: number;
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
  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dOptions) {
    super();
    const { stride, padding, dilation, ...drawing } = options ?? {} as Conv2dOptions;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.sliding = structuredClone({ stride, padding, dilation });
    checkWindow({ kernelSize, ...this.sliding });
    requireWhole(`Cannot make a Conv2d of ${inChannels} channels`, inChannels);
    requireWhole(`Cannot make a Conv2d of ${outChannels} filters`, outChannels);
    const [height, width] = typeof kernelSize === "number" ? [kernelSize, kernelSize] : kernelSize;
    [this.weight, this.bias] = drawWeights([outChannels, inChannels, height, width], drawing);
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

/**
 * ## What it costs
 *
 * **Weights** do not depend on the size of the picture any more. A dense layer that computes the
 * same map from 8×8 pixels as a Conv2d with 8 filters has a weight for every pair of a pixel and an
 * output:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Conv2d } from "kindling/spatial";
 * const generator = new Generator(1), bias = false;
 * const conv = new Conv2d(1, 8, 3, { padding: "same", generator, bias });
 * const dense = new Linear(8 * 8, 8 * 8 * 8, { generator, bias });
 * assertEquals([conv.weight.size, dense.weight.size], [72, 32_768]);
 * assertEquals(conv.cost([1, 1, 8, 8]).multiplyAccumulates, 72 * 64); // at each of 64 positions
 * ```
 *
 * **Arithmetic** is saved less: each weight is used at every position. And it does not follow that
 * a whole convolutional network is small; its last dense layer may hold most of the weights. Count
 * by layers, as milestone 04 does.
 *
 * **Memory** is the price of unfolding: each pixel is written once for each window that sees it, K²
 * times with stride 1. The fast kernels unfold in small pieces for that reason;
 * `deno task bench:kernels` compares.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unfold } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const images = Tensor.zeros([2, 3, 8, 8]);
 * assertEquals(unfold(images, { kernelSize: 3, padding: "same" }).size, 9 * images.size);
 * ```
 *
 * ## What breaks in practice
 *
 * **Equivariance is not invariance.** Shift the picture, and the map shifts with it: the answer has
 * moved, not stayed. Pooling forgives a shift within its window and no more; a classifier that
 * shall not care where a digit stands has to see it in many places. Milestone 04 measures how
 * little one pixel is forgiven.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { conv2d, maxPool2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const edge = Tensor.of([[[[-1, 1]]]]), here = Tensor.of([[[[0, 0, 9, 0, 0, 0]]]]);
 * const there = Tensor.of([[[[0, 0, 0, 9, 0, 0]]]]);
 * assertEquals(conv2d(here, edge, null).toArray(), [[[[0, 9, -9, 0, 0]]]]);
 * assertEquals(conv2d(there, edge, null).toArray(), [[[[0, 0, 9, -9, 0]]]]); // shifted alike
 * assertEquals(maxPool2d(here, [1, 2]).toArray(), [[[[0, 9, 0]]]]);
 * assertEquals(maxPool2d(there, [1, 2]).toArray(), [[[[0, 9, 0]]]]); // the same window: forgiven
 * const further = Tensor.of([[[[0, 0, 0, 0, 9, 0]]]]);
 * assertEquals(maxPool2d(further, [1, 2]).toArray(), [[[[0, 0, 9]]]]); // the next one: not
 * ```
 *
 * **Channels last.** Many image files hold red, green, blue of one pixel side by side, (H, W, C).
 * Read as (C, H, W) by reshape() the colours are torn apart; permute() is meant. Nothing fails but
 * the accuracy. Two pixels, both of the colour 1 2 3:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const file = Tensor.of([[[1, 2, 3], [1, 2, 3]]]); // (H, W, C) = (1, 2, 3)
 * assertEquals(file.permute([2, 0, 1]).toArray(), [[[1, 1]], [[2, 2]], [[3, 3]]]);
 * assertEquals(file.reshape([3, 1, 2]).toArray(), [[[1, 2]], [[3, 1]], [[2, 3]]]);
 * ```
 *
 * **Borders.** Without padding each layer of 3×3 takes a frame of one pixel away. Ten of them leave
 * 12 of 32 pixels, and what stood in a corner was seen by one window where others were seen by
 * nine. With padding the size stays, but the zeros are an edge that is in no picture: filters
 * answer to it.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { conv2d, Conv2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const generator = new Generator(1);
 * let shape: readonly number[] = [1, 1, 32, 32];
 * for (let k = 0; k < 10; k++) shape = new Conv2d(1, 1, 3, { generator }).cost(shape).outputShape;
 * assertEquals(shape, [1, 1, 12, 12]);
 * const pixels = new Parameter(Tensor.ones([1, 1, 5, 5])), ones = Tensor.ones([1, 1, 3, 3]);
 * backward(conv2d(pixels, ones, null).sum()); // a pixel's gradient: how many windows saw it
 * assertEquals([pixels.grad?.data[0], pixels.grad?.data[12]], [1, 9]);
 * const grey = Tensor.ones([1, 1, 3, 3]), edge = Tensor.of([[[[-1, 1]]]]);
 * const seen = conv2d(grey, edge, null, { padding: [0, 1] });
 * assertEquals(seen.toArray(), [[[[1, 0, 0, -1], [1, 0, 0, -1], [1, 0, 0, -1]]]]);
 * ```
 *
 * ## To think about
 *
 * 1. What does a convolution with 1×1 windows compute?
 * 2. Two layers of 3×3 see 5×5 pixels of the picture. What speaks for two small ones, and not one of
 *    5×5?
 * 3. Can a convolution learn to answer "is this pixel in the upper left corner"? And with padding?
 * 4. Why does max-pooling keep the place of the greatest, and average-pooling nothing?
 * 5. BatchNorm2d works in training with batches of 2 and in evaluation with one image. Which numbers
 *    does it use in each case?
 *
 * ## What is next
 *
 * Everything is there: `deno task tinydigits` trains the network of 1998 on your own code, and
 * `deno task cifar10` a deeper one on photographs.
 */
