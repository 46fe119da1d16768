/**
 * # 09 · Spatial: batch normalisation
 *
 * While one layer learns, the layer behind it sees its inputs drift. Batch normalisation takes the
 * drift out: each channel is shifted and scaled to mean 0 and variance 1 over the batch, and two
 * learned numbers may undo that where it is not wanted (Ioffe and Szegedy, 2015).
 *
 * Throughout: N numbers of a channel in a batch, B·H·W · x̂ the normalised x · γ, β the learned scale
 * and shift · ε a small number that keeps the root away from 0
 *
 * @module
 */
import { defineOp } from "#autograd";
import { type Cost, Module, Parameter } from "#layers";
import {
  type Data,
  describeShape,
  type DType,
  like,
  requireOneDtype,
  sameShape,
  type Shape,
  ShapeError,
  Tensor,
  type Values,
} from "#tensor";

/** Calls `row` for each stretch of a channel's numbers: which channel, from where to where. */
function forEachChannelRow(
  [batch, channels, height, width]: Shape,
  row: (channel: number, start: number, end: number) => void,
): void {
  const plane = height * width;
  for (let k = 0; k < batch * channels; k++) row(k % channels, k * plane, (k + 1) * plane);
}

/** Mean and (biased) variance of each channel. */
interface Statistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Measures each channel: the mean first and then the distances from it, which is exact. */
function measure({ data, shape }: Values): Statistics {
  const channels = shape[1], count = data.length / channels;
  const mean = new Float64Array(channels), variance = new Float64Array(channels);
  forEachChannelRow(shape, (channel, start, end) => {
    let total = 0;
    for (let i = start; i < end; i++) total += data[i];
    mean[channel] += total / count;
  });
  forEachChannelRow(shape, (channel, start, end) => {
    const centre = mean[channel];
    let total = 0;
    for (let i = start; i < end; i++) total += (data[i] - centre) ** 2;
    variance[channel] += total / count;
  });
  return { mean, variance };
}

// ── 9.7 The three-way gradient ──
// x̂ depends on x three times: directly, through the mean, and through the variance. Worked out, the
// three ways become two corrections: the part of g that would only shift the whole channel, and the
// part that would only scale it, are taken out, because normalising would undo them anyway.
//
//   y = γ·x̂ + β,  x̂ = (x − mean) / √(variance + ε)
//
//   ∂L/∂x = γ/√(variance + ε) · (g − mean(g) − x̂·mean(g·x̂))      ∂L/∂γ = Σ g·x̂      ∂L/∂β = Σ g

const normalize = defineOp<Statistics & { epsilon: number }, { hat: Data; scale: Float64Array }>({
  name: "batchNorm2d",

  /** @task 09.7 */
  forward: ([x, gamma, beta], { mean, variance, epsilon }) => {
    const from = x.data, hat = like(x, from.length), out = like(x, from.length);
    const scale = variance.map((v) => 1 / Math.sqrt(v + epsilon));
    forEachChannelRow(x.shape, (channel, start, end) => {
      const centre = mean[channel], by = scale[channel];
      const stretch = gamma.data[channel], shift = beta.data[channel];
      for (let i = start; i < end; i++) {
        hat[i] = (from[i] - centre) * by;
        out[i] = hat[i] * stretch + shift;
      }
    });
    return { output: { data: out, shape: x.shape }, saved: { hat, scale } };
  },

  /** @task 09.8 */
  backward: (g, { inputs: [x, gamma], saved: { hat, scale } }) => {
    const from = g.data, channels = scale.length, count = from.length / channels;
    const sums = new Float64Array(channels), products = new Float64Array(channels);
    forEachChannelRow(x.shape, (channel, start, end) => {
      let sum = 0, product = 0;
      for (let i = start; i < end; i++) {
        sum += from[i];
        product += from[i] * hat[i];
      }
      sums[channel] += sum;
      products[channel] += product;
    });
    const out = like(x, from.length);
    forEachChannelRow(x.shape, (channel, start, end) => {
      const by = gamma.data[channel] * scale[channel];
      const shift = sums[channel] / count, stretch = products[channel] / count;
      for (let i = start; i < end; i++) out[i] = by * (from[i] - shift - hat[i] * stretch);
    });
    const dGamma = like(x, channels), dBeta = like(x, channels);
    dGamma.set(products);
    dBeta.set(sums);
    return [
      new Tensor(out, x.shape),
      new Tensor(dGamma, gamma.shape),
      new Tensor(dBeta, gamma.shape),
    ];
  },
});

/** Refuses what batch normalisation cannot take. */
function checkImages(shape: Shape, channels: number): void {
  if (shape.length === 4 && shape[1] === channels) return;
  throw new ShapeError(
    `Cannot normalise ${describeShape(shape)}: ` +
      `it takes images (B, ${channels}, H, W), one γ and β per channel`,
  );
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
 * import { batchNorm2d } from "#spatial";
 * import { Tensor } from "#tensor";
 * const y = batchNorm2d(Tensor.of([[[[3, 5]]]]), Tensor.ones([1]), Tensor.zeros([1]), 0);
 * assertEquals(y.toArray(), [[[[-1, 1]]]]);
 * ```
 */
export function batchNorm2d(x: Tensor, gamma: Tensor, beta: Tensor, epsilon = 1e-5): Tensor {
  return normalizeByBatch(x, gamma, beta, epsilon).y;
}

function normalizeByBatch(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  epsilon: number,
): { y: Tensor; statistics: Statistics } {
  checkImages(x.shape, gamma.size);
  if (!sameShape(gamma.shape, [gamma.size]) || !sameShape(gamma.shape, beta.shape)) {
    throw new ShapeError(
      `Cannot normalise ${describeShape(x.shape)} with γ ${describeShape(gamma.shape)} and ` +
        `β ${describeShape(beta.shape)}: both must be (${gamma.size},)`,
    );
  }
  requireOneDtype("Cannot normalise", "with", x, gamma, beta);
  if (x.size === x.shape[1]) {
    throw new ShapeError(
      `Cannot normalise ${describeShape(x.shape)} by itself: ` +
        "one number per channel has no variance",
      "train on larger batches, or call eval() first",
    );
  }
  const statistics = measure(x);
  return { y: normalize([x, gamma, beta], { ...statistics, epsilon }), statistics };
}

/** What BatchNorm2d takes. */
export interface BatchNormOptions {
  /** ε, 1e-5 by default. */
  readonly epsilon?: number;
  /** How much of each batch goes into the running statistics, 0.1 by default. */
  readonly momentum?: number;
  /** The number format, float32 by default. */
  readonly dtype?: DType;
}

/**
 * Batch normalisation as a layer. In training it uses the batch's own statistics and keeps running
 * ones; in evaluation it uses those, so that one image's result does not depend on its neighbours.
 */
export class BatchNorm2d extends Module {
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
   */
  constructor(
    readonly channels: number,
    { epsilon = 1e-5, momentum = 0.1, dtype = "float32" }: BatchNormOptions = {},
  ) {
    super();
    this.weight = new Parameter(Tensor.ones([channels], { dtype }));
    this.bias = new Parameter(Tensor.zeros([channels], { dtype }));
    this.runningMean = Tensor.zeros([channels], { dtype });
    this.runningVariance = Tensor.ones([channels], { dtype });
    this.#epsilon = epsilon;
    this.#momentum = momentum;
  }

  /** (B, C, H, W) → the same shape. */
  forward(x: Tensor): Tensor {
    return this.training ? this.#byBatch(x) : this.#byRunning(x);
  }

  /** Uses the batch's statistics and remembers a part of them. */
  #byBatch(x: Tensor): Tensor {
    const { y, statistics } = normalizeByBatch(x, this.weight, this.bias, this.#epsilon);
    const count = x.size / this.channels, kept = 1 - this.#momentum, fresh = this.#momentum;
    const means = this.runningMean.data, variances = this.runningVariance.data;
    for (let c = 0; c < this.channels; c++) {
      const unbiased = statistics.variance[c] * count / (count - 1);
      means[c] = kept * means[c] + fresh * statistics.mean[c];
      variances[c] = kept * variances[c] + fresh * unbiased;
    }
    return y;
  }

  /** Uses the running statistics, which do not depend on x. */
  #byRunning(x: Tensor): Tensor {
    checkImages(x.shape, this.channels);
    const perChannel = [this.channels, 1, 1];
    const mean = this.runningMean.mul(1); // copies: a later training step changes the originals
    const scale = this.weight.div(this.runningVariance.add(this.#epsilon).sqrt());
    const shift = this.bias.sub(mean.mul(scale));
    return x.mul(scale.reshape(perChannel)).add(shift.reshape(perChannel));
  }

  /** Two numbers per channel can be folded into the convolution before it, so none is counted. */
  override cost(inputShape: Shape): Cost {
    checkImages(inputShape, this.channels);
    return { outputShape: inputShape, multiplyAccumulates: 0 };
  }
}
