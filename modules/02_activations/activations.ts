/**
 * # 02 · Activations
 *
 * Two matrix products in a row are one matrix product: without something bent in between, a deep
 * network is a shallow one in disguise. An activation is that bend.
 *
 * At the end you have relu and its siblings, sigmoid and tanh, and the softmax that turns scores into shares of a
 * whole, written so that a score of 10,000 does not turn into infinity divided by infinity.
 *
 * Throughout: x any tensor · scores one row of numbers, the greater the likelier
 *
 * @module
 */
import { type Data, elementwise, like, requireNumber, resolveAxis, result } from "#tensor";
import { Tensor, tensorOf, type Values } from "#tensor";

// ── 2.1 Element by element ──
// relu keeps what is positive. Its derivative at exactly 0 is a choice; ours is PyTorch's, 0.
//
// e⁻ˣ of a very negative x overflows to infinity, and 1/∞ is 0, which is right for sigmoid: no branch
// is needed.

/** The loops of bends: what becomes of one x. */
const bends = {
  /** @task 02.1 */
  relu(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = x[i] < 0 ? 0 : x[i];
  },

  /** @task 02.2 */
  sigmoid(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = 1 / (1 + Math.exp(-x[i]));
  },

  /** @task 02.2 */
  tanh(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = Math.tanh(x[i]);
  },
};

/**
 * The positive part, max(x, 0). NaN stays NaN.
 *
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 *
 * @example What is negative becomes 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { relu } from "#activations";
 * import { Tensor } from "#tensor";
 * assertEquals(relu(Tensor.of([-2, 0, 3])).toArray(), [0, 0, 3]);
 * ```
 */
export function relu(x: Tensor): Tensor {
  return elementwise("relu", bends.relu, x);
}

/**
 * relu that lets a little of the negative part through, so that no unit can die for good
 * (Maas et al., 2013).
 *
 * @task 02.3
 * @param x Any tensor.
 * @param slope What a negative number is multiplied by; 0.01 by default.
 * @returns A tensor of the same shape.
 * @throws {ValueError} If the slope is not a number.
 *
 * @example Half of what is negative
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { leakyRelu } from "#activations";
 * import { Tensor } from "#tensor";
 * assertEquals(leakyRelu(Tensor.of([-20, 0, 3]), 0.5).toArray(), [-10, 0, 3]);
 * ```
 */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  requireNumber(`Cannot leak with slope ${slope}`, slope, -Infinity);
  const from = x.data, n = from.length, out = like(x, n);
  for (let i = 0; i < n; i++) out[i] = from[i] > 0 ? from[i] : from[i] * slope;
  return result({ data: out, shape: x.shape }, "leakyRelu", [x], { slope });
}

/**
 * 1 / (1 + e⁻ˣ): any number to one between 0 and 1.
 *
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 *
 * @example Zero is in the middle
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { sigmoid } from "#activations";
 * import { Tensor } from "#tensor";
 * assertEquals(sigmoid(Tensor.of([-1e4, 0, 1e4])).toArray(), [0, 0.5, 1]);
 * ```
 */
export function sigmoid(x: Tensor): Tensor {
  return elementwise("sigmoid", bends.sigmoid, x);
}

/**
 * The hyperbolic tangent: any number to one between −1 and 1.
 *
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 *
 * @example Zero stays zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { tanh } from "#activations";
 * import { Tensor } from "#tensor";
 * assertEquals(tanh(Tensor.of([-1e4, 0, 1e4])).toArray(), [-1, 0, 1]);
 * ```
 */
export function tanh(x: Tensor): Tensor {
  return elementwise("tanh", bends.tanh, x);
}

// ── 2.4 The bend of the transformers ──
// relu cuts hard at 0. gelu asks: of all numbers that a bell curve draws, how many are below x? A
// share Φ(x) of x is let through: nearly all of a large x, nearly nothing of a very negative one.
//
//   gelu(x) = x·Φ(x)        Φ(x) = (1 + erf(x/√2)) / 2
//
// erf has no closed form. Near 0 its series serves; further out the series would subtract large
// numbers from each other, and the continued fraction of 1 − erf serves.

/**
 * The share of a normal distribution that lies below x, Φ(x) (given).
 *
 * @param x A number.
 * @returns The share, 0 to 1, to about 13 digits, small shares too.
 *
 * @example Half of it lies below the mean
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { normalShare } from "#activations";
 * assertEquals(normalShare(0), 0.5);
 * ```
 */
export function normalShare(x: number): number {
  const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI); // the bell curve, φ(x)
  if (Math.abs(x) < 3) { // Φ(x) = ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …)   (Marsaglia, 2004)
    let total = x, term = x;
    for (let k = 3; Math.abs(term) > 1e-17; k += 2) total += term *= x * x / k;
    return 0.5 + density * total;
  }
  let fraction = 0; // 1 − Φ(x) = φ(x)/(x + 1/(x + 2/(x + 3/(x + …))))   (Laplace, 1805)
  for (let k = 60; k > 0; k--) fraction = k / (Math.abs(x) + fraction);
  const tail = density / (Math.abs(x) + fraction);
  return x > 0 ? 1 - tail : tail;
}

/**
 * x·Φ(x), the smooth relu of the transformers (Hendrycks and Gimpel, 2016), exact and not the tanh
 * approximation.
 *
 * @task 02.4
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 *
 * @example Large numbers pass, very negative ones do not
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { gelu } from "#activations";
 * import { Tensor } from "#tensor";
 * assertEquals(gelu(Tensor.of([0, 1e4])).toArray(), [0, 1e4]);
 * ```
 */
export function gelu(x: Tensor): Tensor {
  const from = x.data, n = from.length, out = like(x, n), shares = like(x, n);
  for (let i = 0; i < n; i++) out[i] = from[i] * (shares[i] = normalShare(from[i]));
  const extra = { shares: new Tensor(shares, x.shape) };
  return result({ data: out, shape: x.shape }, "gelu", [x], extra);
}

// ── 2.5 Along an axis ──
// softmax(x)ᵢ = e^xᵢ / Σⱼ e^xⱼ. Written like that, x = 1000 gives ∞/∞. Subtracting the greatest
// score from all of them changes nothing in the result, since it cancels, and keeps every power at
// most e⁰ = 1:
//
//   softmax(x)ᵢ = e^(xᵢ−m) / Σⱼ e^(xⱼ−m)        m = max x

/**
 * Turns scores into shares of a whole: all positive, 1 in sum.
 *
 * @task 02.5
 * @param x Scores.
 * @param axis Along which they sum to 1; the last by default.
 * @returns A tensor of the same shape.
 *
 * @example Equal scores share equally
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { softmax } from "#activations";
 * import { Tensor } from "#tensor";
 * assertEquals(softmax(Tensor.of([1e4, 1e4])).toArray(), [0.5, 0.5]);
 * ```
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  const along = resolveAxis(axis, x.shape), powers = fromGreatest(x, along).exp();
  const shares = powers.div(powers.sum(along, { keepDims: true }));
  return result(shares, "softmax", [x], { axis: along });
}

/** x − m, without a history: the derivative of the whole is one rule. */
function fromGreatest(values: Values, axis: number): Tensor {
  const x = tensorOf(values);
  return x.sub(x.max(axis, { keepDims: true }));
}

/**
 * The logarithms of softmax, exact also where the share itself would be rounded to 0.
 *
 * log softmax(x)ᵢ = (xᵢ − m) − log Σⱼ e^(xⱼ−m)
 *
 * @task 02.6
 * @param x Scores.
 * @param axis Along which the shares sum to 1; the last by default.
 * @returns A tensor of the same shape.
 *
 * @example A hopeless score keeps its logarithm
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logSoftmax } from "#activations";
 * import { Tensor } from "#tensor";
 * assertEquals(logSoftmax(Tensor.of([1000, 0])).toArray(), [0, -1000]);
 * ```
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const along = resolveAxis(axis, x.shape), shifted = fromGreatest(x, along);
  const logs = shifted.sub(shifted.exp().sum(along, { keepDims: true }).log());
  return result(logs, "logSoftmax", [x], { axis: along });
}
