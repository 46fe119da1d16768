/**
 * # 09 · Spatial: batch normalisation
 *
 * While one layer learns, the layer behind it sees its inputs drift. Batch normalisation takes the
 * drift out: each channel is shifted and scaled to mean 0 and variance 1 over the batch, and two
 * learned numbers may undo that where it is not wanted (Ioffe and Szegedy, 2015). Networks with it
 * bear greater learning rates and careless first weights. Why it helps so much is still argued
 * about.
 *
 * At the end you have BatchNorm2d, the gradient that nearly everybody gets wrong once, and the two
 * modes that nearly everybody forgets once.
 *
 * Throughout: N numbers of a channel in a batch, B·H·W · x̂ the normalised x · γ, β the learned
 * scale and shift · ε a small number that keeps the root away from 0
 *
 * @module
 */
import { defineOp, type Operation } from "#autograd";
import { type Cost, Module, Parameter } from "#layers";
import { noteWrite, requireNoOther, requireNumber, requireOneDtype, requireWhole } from "#tensor";
import { sameShape, say, type Shape, ShapeError, Tensor, type TensorOptions } from "#tensor";

/** All axes of images but the channels. */
const everyImage = [0, 2, 3], keepDims = true;

/** One number per channel, in a shape that meets images (B, C, H, W). */
function perChannel(values: Tensor): Tensor {
  return values.reshape([-1, 1, 1]);
}

// ── 9.9 Mean 0, variance 1 ──
// Per channel, over all images and all positions: by hand, the numbers 3 and 5 have mean 4 and
// variance 1, and become −1 and 1. With γ = 10 and β = 2 they leave as −8 and 12.
//
//   x̂ = (x − mean) / √(variance + ε)
//   y = γ·x̂ + β
//
// Mean and variance are one number per channel: x.mean(everyImage, { keepDims }) is (1, C, 1, 1),
// and meets images (B, C, H, W). γ and β are (C,), which would be lined up with the columns:
// perChannel() gives them the shape that meets channels.
//
// The variance is the plain one, divided by N. The layer also keeps running statistics, and there
// the unbiased one is wanted, N / (N − 1) times as large: a variance about the batch's own mean is
// a little too small. `onMeasured` is to be called with mean and unbiased variance, if anybody
// listens. The tests use numbers for which the two differ enough to be told apart.

/** ε, and who wants to know mean and unbiased variance of each channel, (1, C, 1, 1). */
export type Normalizing = {
  epsilon: number;
  onMeasured?: (mean: Tensor, variance: Tensor) => void;
};

/** x̂, and √(variance + ε) of each channel, (1, C, 1, 1): what the derivative needs. */
export type Normalized = { readonly hat: Tensor; readonly root: Tensor };

/** Batch normalisation of images that fit, as an operation with a door. */
export const normalization: Operation<Normalizing, Normalized> = defineOp<Normalizing, Normalized>({
  name: "batchNorm2d",

  /** @task 09.9 */
  forward: ([x, gamma, beta], { epsilon, onMeasured }) => {
    const mean = x.mean(everyImage, { keepDims }), distance = x.sub(mean);
    const variance = distance.mul(distance).mean(everyImage, { keepDims });
    const root = variance.add(epsilon).sqrt(), hat = distance.div(root);
    const count = x.size / gamma.size; // N
    onMeasured?.(mean, variance.mul(count / (count - 1)));
    return { output: hat.mul(perChannel(gamma)).add(perChannel(beta)), saved: { hat, root } };
  },

  // ── 9.10 The three-way gradient ──
  // x̂ depends on x three times: directly, through the mean, and through the variance. Worked out,
  // the three ways become two corrections: the part of g that would only shift the whole channel,
  // and the part that would only scale it, are taken out, because normalising would undo them
  // anyway.
  //
  //   ∂L/∂β = Σ g
  //   ∂L/∂γ = Σ g·x̂
  //   ∂L/∂x = γ / √(variance + ε) · (g − mean(g) − x̂·mean(g·x̂))
  //
  // Both means are over the N numbers of a channel, so they are the two sums above, divided by N.
  // By hand, for x̂ = −1, 1 and g = 1, 0: mean(g) is ½ and mean(g·x̂) is −½, so that g − ½ + ½·x̂
  // is 0 for both. Two numbers become −1 and 1 whatever they are; nudging one of them changes
  // nothing.
  //
  // What backward() finds in `saved` is what forward() put there: x̂ is called hat, and the root is
  // (1, C, 1, 1). The gradients are returned in the order of the inputs: x, γ, β. The tests send a
  // gradient that would only shift a channel, and nothing may come out.

  /** @task 09.10 */
  backward: (g, { inputs: [, gamma], saved: { hat, root } }) => {
    const count = g.size / gamma.size, shift = g.sum(everyImage);
    const stretch = g.mul(hat).sum(everyImage);
    const rest = g.sub(perChannel(shift.div(count))).sub(hat.mul(perChannel(stretch.div(count))));
    return [rest.mul(perChannel(gamma).div(root)), stretch, shift];
  },
});

/** Refuses images that batch normalisation cannot take. */
function checkImages(shape: Shape, channels: number): void {
  if (shape?.length === 4 && shape[1] === channels) return;
  const rule = `it takes images (B, ${channels}, H, W), one γ and β per channel`;
  throw new ShapeError(say`Cannot normalise ${shape}: ` + rule);
}

/**
 * Normalises each channel over the batch, then scales and shifts it.
 *
 * @param x Images (B, C, H, W), at least two numbers per channel.
 * @param gamma Scales (C,).
 * @param beta Shifts (C,).
 * @param epsilon ε, 1e-5 by default.
 * @returns Images of the same shape.
 * @throws {ShapeError} If the channels differ, or there is one number per channel only.
 *
 * @example Two pixels, one above and one below the mean
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { batchNorm2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const y = batchNorm2d(Tensor.of([[[[3, 5]]]]), Tensor.ones([1]), Tensor.zeros([1]), 0);
 * assertEquals(y.toArray(), [[[[-1, 1]]]]);
 * ```
 *
 * @example Scaled and shifted, and a gradient of 0 (9.9, 9.10)
 * ```ts
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { batchNorm2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const x = new Parameter(Tensor.of([[[[3, 5]]]]));
 * const y = batchNorm2d(x, Tensor.of([10]), Tensor.of([2]), 0);
 * assertEquals(y.toArray(), [[[[-8, 12]]]]);
 * backward(y.mul(Tensor.of([[[[1, 0]]]])).sum());
 * for (const slope of x.grad?.data ?? [NaN]) assertAlmostEquals(slope, 0, 1e-6);
 * ```
 */
export function batchNorm2d(x: Tensor, gamma: Tensor, beta: Tensor, epsilon = 1e-5): Tensor {
  return normalizeBatch([x, gamma, beta], { epsilon });
}

/** Normalises what can be normalised. */
function normalizeBatch([x, gamma, beta]: readonly Tensor[], options: Normalizing): Tensor {
  const channels = gamma?.size;
  checkImages(x?.shape, channels);
  requireOneDtype("Cannot normalise", x, gamma, beta);
  requireNumber(`Cannot normalise with epsilon ${options.epsilon}`, options.epsilon);
  if (!sameShape(gamma.shape, [channels]) || !sameShape(gamma.shape, beta.shape)) {
    const rule = `both must be (${channels},)`;
    throw new ShapeError(say`Cannot normalise with γ ${gamma} and β ${beta}: ` + rule);
  }
  if (x.size > channels) return normalization([x, gamma, beta], options);
  const says = say`Cannot normalise ${x} by itself: one number per channel has no variance`;
  throw new ShapeError(says, "a last batch of one? dropLast: true leaves it out; or eval()");
}

/** What BatchNorm2d takes. */
export interface BatchNormOptions extends TensorOptions {
  /** ε, 1e-5 by default. */
  readonly epsilon?: number;
  /** How much of each batch goes into the running statistics, 0 to 1; 0.1 by default. */
  readonly momentum?: number;
}

/**
 * Batch normalisation as a layer. In training it uses the batch's own statistics and keeps running
 * ones; in evaluation it uses those, so that one image's result does not depend on its neighbours.
 *
 * @example What comes out has mean 0
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { BatchNorm2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const y = new BatchNorm2d(1).forward(Tensor.of([[[[3, 5], [10, 2]]]]));
 * assertAlmostEquals(y.mean().item(), 0, 1e-6);
 * ```
 *
 * @example The running mean of 9.11
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { BatchNorm2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const norm = new BatchNorm2d(1), images = Tensor.of([[[[9, 11]]]]); // of mean 10
 * for (const expected of [1, 1.9, 2.71]) {
 *   norm.forward(images);
 *   assertAlmostEquals(norm.runningMean.item(), expected, 1e-5);
 * }
 * for (let k = 3; k < 10; k++) norm.forward(images);
 * assertAlmostEquals(norm.runningMean.item(), 10 * (1 - 0.35), 0.02); // a third of the 0 is left
 * ```
 */
export class BatchNorm2d extends Module {
  /** C. */
  readonly channels: number;
  /** γ, (C,), ones at first. */
  readonly weight: Parameter;
  /** β, (C,), zeros at first. */
  readonly bias: Parameter;
  /** Mean of each channel over the batches seen, (C,). */
  readonly runningMean: Tensor;
  /** Variance (unbiased) of each channel over the batches seen, (C,). */
  readonly runningVariance: Tensor;
  readonly #epsilon: number;
  readonly #momentum: number;

  /**
   * Makes a layer that changes nothing yet but mean and variance: γ is 1, β is 0.
   *
   * @param channels C.
   * @param options ε, momentum, dtype.
   * @throws {ValueError} If a number is out of range, or an option unknown.
   */
  constructor(channels: number, options: BatchNormOptions = {}) {
    super();
    this.channels = channels;
    const { epsilon = 1e-5, momentum = 0.1, dtype, ...other } = options;
    requireNoOther("BatchNorm2d", other);
    requireWhole(`Cannot make a BatchNorm2d of ${channels} channels`, channels);
    requireNumber(`Cannot make a BatchNorm2d with epsilon ${epsilon}`, epsilon);
    requireNumber(`Cannot make a BatchNorm2d with momentum ${momentum}`, momentum, 0, 1);
    this.weight = new Parameter(Tensor.ones([channels], { dtype }));
    this.bias = new Parameter(Tensor.zeros([channels], { dtype }));
    this.runningMean = Tensor.zeros([channels], { dtype });
    this.runningVariance = Tensor.ones([channels], { dtype });
    this.#epsilon = epsilon;
    this.#momentum = momentum;
  }

  /** (B, C, H, W) → the same shape. */
  forward(x: Tensor): Tensor {
    if (this.training) {
      const onMeasured = (mean: Tensor, variance: Tensor): void => this.#remember(mean, variance);
      return normalizeBatch([x, this.weight, this.bias], { epsilon: this.#epsilon, onMeasured });
    }
    checkImages(x.shape, this.channels);
    const mean = this.runningMean.mul(1); // copies: a later training step changes the originals
    const scale = this.weight.div(this.runningVariance.add(this.#epsilon).sqrt());
    return x.mul(perChannel(scale)).add(perChannel(this.bias.sub(mean.mul(scale))));
  }

  // ── 9.11 What evaluation goes by ──
  // When a model is asked about a single image, there is no batch, and the answer must not depend
  // on who else is asked at the same time. So training keeps running statistics on the side:
  //
  //   running ← running + momentum · (batch − running)
  //
  // With the momentum of 0.1, a tenth of what is there goes, and a tenth of the batch comes: from
  // 0, a mean of 10 seen three times makes 1, 1.9, 2.71. What a layer began with has faded to about
  // a third after ten batches.
  //
  // They are no parameters: no gradient flows, and no optimizer moves them. But numbers are changed
  // in place that somebody may have saved for a backward pass, so noteWrite(running.data) is called
  // first. The variance that comes is the unbiased one already.

  /**
   * Moves the running statistics a little towards those of a batch. The variance is the unbiased
   * one, as in PyTorch: a sum of N squares divided by N − 1.
   *
   * @task 09.11
   */
  #remember(mean: Tensor, variance: Tensor): void {
    const steps = [[this.runningMean, mean], [this.runningVariance, variance]];
    for (const [{ data: running }, { data: fresh }] of steps) {
      noteWrite(running);
      for (let c = 0; c < fresh.length; c++) running[c] += this.#momentum * (fresh[c] - running[c]);
    }
  }

  /** Two numbers per channel can be folded into the convolution before it, so none is counted. */
  override cost(inputShape: Shape): Cost {
    checkImages(inputShape, this.channels);
    return { outputShape: inputShape, multiplyAccumulates: 0 };
  }
}

/**
 * ## What breaks in practice
 *
 * **Evaluating in training mode.** Without eval() each image is normalised by its batch: the same
 * image gets other scores in other company, and the running statistics go on moving on test data.
 *
 * ```ts
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * import { BatchNorm2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const norm = new BatchNorm2d(1), image = Tensor.of([[[[3, 5]]]]);
 * const company = Tensor.concat([image, Tensor.of([[[[30, 50]]]])]);
 * assertNotEquals(norm.forward(image).data[0], norm.forward(company).data[0]);
 * norm.eval();
 * assertEquals(norm.forward(image).data[0], norm.forward(company).data[0]);
 * ```
 *
 * **One number per channel.** A batch of one image, pooled down to a single pixel, has no variance.
 * It is refused; small batches that are not refused still have a variance that is mostly luck.
 *
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { BatchNorm2d } from "kindling/spatial";
 * import { ShapeError, Tensor } from "kindling/tensor";
 * assertThrows(() => new BatchNorm2d(2).forward(Tensor.ones([1, 2, 1, 1])), ShapeError, "variance");
 * ```
 *
 * **A bias before it.** Whatever constant a convolution adds, the mean takes it out again. That
 * bias gets no gradient but rounding errors; leave it out, with `bias: false`.
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Sequential } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { BatchNorm2d, Conv2d } from "kindling/spatial";
 * import { Tensor } from "kindling/tensor";
 * const generator = new Generator(1), conv = new Conv2d(1, 2, 3, { generator });
 * const images = Tensor.normal([4, 1, 6, 6], generator);
 * const made = new Sequential(conv, new BatchNorm2d(2)).forward(images);
 * backward(made.mul(Tensor.normal(made.shape, generator)).sum());
 * for (const slope of conv.bias?.grad?.data ?? [NaN]) assertAlmostEquals(slope, 0, 1e-4);
 * ```
 */
