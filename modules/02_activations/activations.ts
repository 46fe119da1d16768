/**
 * # 02 · Activations
 *
 * Stack a hundred matrix products, and what you have is one matrix product: a network of straight
 * lines can be as deep as you like and draws nothing but a straight line. This module adds the one
 * thing that is missing, a *bend*. From then on depth counts: every deep network is a row of
 * products with bends in between.
 *
 * At the end you have relu and its siblings, sigmoid and tanh, and the softmax that turns scores
 * into shares of a whole, written so that a score of 10,000 does not become infinity divided by
 * infinity.
 *
 * Throughout: x any tensor · σ sigmoid · Φ(x) the share of a bell curve that lies below x · scores
 * one row of numbers, the greater the likelier
 *
 * ## The idea, by hand
 *
 * Two layers, one that doubles and one that triples: 3·(2·x) = 6·x. That is one layer with the
 * weight 6. Now let a bend stand between them, which makes 0 of what is negative, and follow two
 * paths, one with x and one with −x:
 *
 *   relu(x) + relu(−x)        x = −2:  0 + 2 = 2        x = 3:  3 + 0 = 3
 *
 * The sum is |x|, a line with a corner, and no single product can draw that. Each further path adds
 * a corner where it is wanted, and with enough corners a line follows any curve.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { relu } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * const x = Tensor.of([-2, 0, 3]);
 * assertEquals(relu(x).add(relu(x.neg())).toArray(), [2, 0, 3]);
 * ```
 *
 * @module
 */
import { type Data, type Doors, doors, type ElementLoop, elementwise, like } from "#tensor";
import { requireKind, requireNumber, resolveAxis, result, Tensor, tensorOf } from "#tensor";
import type { Values } from "#tensor";

// ── 2.1 The simplest bend ──
// relu keeps what is positive and makes 0 of the rest. It costs one comparison, and a number that
// it lets through keeps its whole gradient: that is why most networks use it.
//
//   relu(x) = max(x, 0)
//
//             ╱
//            ╱
//   ────────╱
//
// elementwise(), in relu() below, does what comes around the loop: it makes room, runs the loop,
// and notes how the result was made. The test also feeds it NaN. A network whose numbers have gone
// wrong must show it; a bend that made 0 of NaN would hide the accident until much later.

/** The loops of bends: what becomes of one x. */
const bends = {
  /** @task 02.1 */
  relu(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = x[i] < 0 ? 0 : x[i];
  },

  // ── 2.2 Two S-curves ──
  // sigmoid squeezes any number between 0 and 1, so that it can be read as a probability; tanh
  // squeezes it between −1 and 1. Both are one curve, tanh(x) = 2·σ(2x) − 1, but Math.tanh() is
  // more exact near 0 than that formula.
  //
  //   σ(x) = 1 / (1 + e⁻ˣ)
  //
  //              ╭───  1
  //             ╱
  //   0   ─────╯
  //
  // Of a very negative x, e⁻ˣ overflows to infinity; 1/∞ is 0, which is right, so no case is
  // needed. The test goes to ±10,000 and to ±∞, to see that nothing becomes NaN on the way.

  /** @task 02.2 */
  sigmoid(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = 1 / (1 + Math.exp(-x[i]));
  },

  /** @task 02.2 */
  tanh(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = Math.tanh(x[i]);
  },
};

/** The bends that are a loop over single numbers. */
export type Bend = "relu" | "sigmoid" | "tanh";

/** These loops as doors. */
export const activationDoors: Doors<Record<Bend, ElementLoop>> = doors(bends);

/**
 * The positive part, max(x, 0). NaN stays NaN.
 *
 * @param x Any tensor.
 * @returns A tensor of the same shape.
 *
 * @example What is negative becomes 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { relu } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(relu(Tensor.of([-2, 0, 3])).toArray(), [0, 0, 3]);
 * ```
 */
export function relu(x: Tensor): Tensor {
  return elementwise("relu", activationDoors.relu, x);
}

// ── 2.3 A leak ──
// A unit whose input is negative for every image gives 0 for all of them, and so is its gradient:
// no step will ever wake it up. A small slope on the negative side keeps a little gradient flowing.
//
//   leakyRelu(x) = x where x > 0, slope·x elsewhere
//
// Until now elementwise() did what comes around the loop. From here on you do it, with functions of
// module 01:
//
//   requireNumber("Cannot …", x, least)             refuses x if it is not finite or below least
//   like(x, n)                                      an array for n numbers of x's dtype
//   result({ data, shape }, name, inputs, noted)    the tensor, and how it was made
//   resolveAxis(axis, x.shape)                      an axis counted from the start, −1 being the last
//   tensorOf(x)                                     the numbers of x without its history
//
// The name is the function's own, `inputs` a list of the tensors that it was made from, and `noted`
// is what module 05 will want to know for the derivative; here that is `{ slope }`. Any finite
// slope will do, also below 0, so that `least` is -Infinity. The tests look at the numbers, and at
// what the tensor remembers of how it was made.

/**
 * relu that lets a little of the negative part through, so that no unit can die for good
 * (Maas et al., 2013).
 *
 * @task 02.3
 * @param x Any tensor.
 * @param slope What a negative number is multiplied by; 0.01 by default.
 * @returns A tensor of the same shape.
 * @throws {ValueError} If the slope is not finite; one below 0 is allowed.
 *
 * @example Half of what is negative
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { leakyRelu } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(leakyRelu(Tensor.of([-20, 0, 3]), 0.5).toArray(), [-10, 0, 3]);
 * ```
 */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  requireKind("Cannot compute with", "tensor", x);
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
 * import { sigmoid } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(sigmoid(Tensor.of([-1e4, 0, 1e4])).toArray(), [0, 0.5, 1]);
 * ```
 */
export function sigmoid(x: Tensor): Tensor {
  return elementwise("sigmoid", activationDoors.sigmoid, x);
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
 * import { tanh } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(tanh(Tensor.of([-1e4, 0, 1e4])).toArray(), [-1, 0, 1]);
 * ```
 */
export function tanh(x: Tensor): Tensor {
  return elementwise("tanh", activationDoors.tanh, x);
}

// ── 2.4 The bend of the transformers ──
// relu cuts hard at 0. gelu asks: of all numbers that a bell curve draws, how many are below x?
// That share of x is let through: nearly all of a large x, half of a tiny one, nearly nothing of a
// very negative one.
//
//   gelu(x) = x·Φ(x)        Φ(x) = (1 + erf(x/√2)) / 2
//
// erf has no closed form. Near 0 its series serves; further out the series would subtract large
// numbers from each other, and a continued fraction serves. That part is given, normalShare(x). The
// derivative will need the shares again: note them as `{ shares }`, a tensor of x's shape. The test
// looks whether they were kept.

/**
 * The share of a normal distribution that lies below x, Φ(x) (given).
 *
 * @param x A number.
 * @returns The share, 0 to 1, to about 13 digits, small shares too.
 *
 * @example Half of it lies below the mean
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { normalShare } from "kindling/activations";
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
 * import { gelu } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(gelu(Tensor.of([0, 1e4])).toArray(), [0, 1e4]);
 * ```
 */
export function gelu(x: Tensor): Tensor {
  requireKind("Cannot compute with", "tensor", x);
  const from = x.data, n = from.length, out = like(x, n), shares = like(x, n);
  for (let i = 0; i < n; i++) out[i] = from[i] * (shares[i] = normalShare(from[i]));
  const extra = { shares: new Tensor(shares, x.shape) };
  return result({ data: out, shape: x.shape }, "gelu", [x], extra);
}

// ── 2.5 Shares of a whole ──
// Ten scores, one for each digit, should become ten probabilities: all positive, 1 in sum, the
// greatest score with the greatest share. e to the power of each makes them positive, and dividing
// by their sum does the rest. By hand, for the scores 0 and log 3: e⁰ = 1, e^(log 3) = 3, shares ¼,
// ¾.
//
//   softmax(x)ᵢ = e^xᵢ / Σⱼ e^xⱼ
//
// Written like that, a score of 1000 gives ∞/∞. Subtracting the greatest score from all of them
// changes nothing in the result, since it cancels, and keeps every power at most e⁰ = 1:
//
//   softmax(x)ᵢ = e^(xᵢ−m) / Σⱼ e^(xⱼ−m),  m = max x
//
// Record all of it as one operation, "softmax", and note `{ axis }`, counted from the start: its
// derivative is one rule, and simpler than those of its parts. So the steps on the way need no
// history, and may begin with tensorOf(x). max() and sum() along an axis can keep it, with size 1:
// with { keepDims: true } what they give stretches over the scores again.
//
// The test takes scores of ten thousand, and every axis of a tensor: rows are only the default.

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
 * import { softmax } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
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

// ── 2.6 Their logarithms ──
// A loss will ask for the logarithm of a share. A hopeless score has a share too small for any
// number format: it is rounded to 0, and log 0 is −∞. So the logarithm is taken on paper, before
// anything is rounded:
//
//   log softmax(x)ᵢ = (xᵢ − m) − log Σⱼ e^(xⱼ−m)
//
// The test asks for the logarithm of a share of e⁻¹⁰⁰⁰, which is −1000 and not −∞.

/**
 * The logarithms of softmax, exact also where the share itself would be rounded to 0.
 *
 * @task 02.6
 * @param x Scores.
 * @param axis Along which the shares sum to 1; the last by default.
 * @returns A tensor of the same shape.
 *
 * @example A hopeless score keeps its logarithm
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logSoftmax } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(logSoftmax(Tensor.of([1000, 0])).toArray(), [0, -1000]);
 * ```
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const along = resolveAxis(axis, x.shape), shifted = fromGreatest(x, along);
  const logs = shifted.sub(shifted.exp().sum(along, { keepDims: true }).log());
  return result(logs, "logSoftmax", [x], { axis: along });
}

/**
 * ## What it costs
 *
 * A bend reads each number once, does little with it, and writes one of the same size. So it is not
 * arithmetic that limits it but memory: `deno task bench:kernels` compares the fast kernels' relu
 * with a plain copy. e to the power of x is the exception; it is arithmetic again.
 *
 * The result stays in memory until the gradients have been computed. For 128 images, 32 filters and
 * planes of 32 by 32 that is 16 MiB for each bend:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const numbers = 128 * 32 * 32 * 32;
 * assertEquals(numbers * Float32Array.BYTES_PER_ELEMENT, 16 * 2 ** 20);
 * ```
 *
 * ## What breaks in practice
 *
 * **Gradients vanish.** The slope of sigmoid is σ(x)·(1 − σ(x)), at most ¼, and on the way back the
 * slopes of all layers are multiplied. After ten of them less than a millionth is left for the
 * first; with relu, where a number passes, all of it is. This held deep networks back for years.
 *
 * ```ts
 * import { assert } from "@std/assert";
 * import { sigmoid } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * let x = Tensor.of(0), slope = 1;
 * for (let layer = 0; layer < 10; layer++) {
 *   x = sigmoid(x);
 *   slope *= x.item() * (1 - x.item());
 * }
 * assert(slope < 1e-6);
 * ```
 *
 * **The wrong axis.** softmax over the batch instead of over the classes has the right shape, all
 * its numbers lie between 0 and 1, and it is nonsense: now the images compete with each other. Sum
 * a row if in doubt.
 *
 * ```ts
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * import { softmax } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * const scores = Tensor.of([[5, 5], [5, 5], [5, 5]]); // three images, two classes
 * assertEquals(softmax(scores).sum(-1).toArray(), [1, 1, 1]);
 * assertAlmostEquals(softmax(scores, 0).sum(-1).data[0], 2 / 3, 1e-6);
 * ```
 *
 * **The logarithm too late.** In float32 a share below about 10⁻⁴⁵ is 0, and its logarithm is gone.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { logSoftmax, softmax } from "kindling/activations";
 * import { Tensor } from "kindling/tensor";
 * const scores = Tensor.of([200, 0]);
 * assertEquals(softmax(scores).log().toArray(), [0, -Infinity]);
 * assertEquals(logSoftmax(scores).toArray(), [0, -200]);
 * ```
 *
 * ## To think about
 *
 * 1. How can sigmoid be had from softmax, with two scores?
 * 2. What does a second relu right after the first change? And leakyRelu with a slope of 1?
 * 3. softmax subtracts the greatest score. Why not the mean of the scores?
 * 4. A unit behind relu gives 0 for all images of a batch. What could wake it up again?
 *
 * ## What is next
 *
 * A bend has nothing to learn. Module 03 makes the things that have: layers, with numbers of their
 * own, and a way to stack them into a model.
 */
