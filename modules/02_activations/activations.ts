/**
 * # 02 · Activations
 *
 * Two matrix products in a row are one matrix product: without something bent in between, a deep
 * network is a shallow one in disguise. An activation is that bend.
 *
 * At the end you have relu, sigmoid and tanh, and the softmax that turns scores into shares of a
 * whole, written so that a score of 10,000 does not turn into infinity divided by infinity.
 *
 * Throughout: x any tensor · scores one row of numbers, the greater the likelier
 *
 * @module
 */
import { like, resolveAxis, result, sizeOf, type Tensor, type Values } from "#tensor";

// ── 2.1 Element by element ──
// relu keeps what is positive. Its derivative at exactly 0 is a choice; ours is PyTorch's, 0.

/**
 * The positive part, max(x, 0). NaN stays NaN.
 *
 * @task 02.1
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
  const from = x.data, n = from.length, out = like(x, n);
  for (let i = 0; i < n; i++) out[i] = from[i] < 0 ? 0 : from[i];
  return result({ data: out, shape: x.shape }, "relu", [x]);
}

/**
 * 1 / (1 + e⁻ˣ): any number to one between 0 and 1.
 *
 * e⁻ˣ of a very negative x overflows to infinity, and 1/∞ is 0, which is right: no branch needed.
 *
 * @task 02.2
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
  const from = x.data, n = from.length, out = like(x, n);
  for (let i = 0; i < n; i++) out[i] = 1 / (1 + Math.exp(-from[i]));
  return result({ data: out, shape: x.shape }, "sigmoid", [x]);
}

/**
 * The hyperbolic tangent: any number to one between −1 and 1.
 *
 * @task 02.2
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
  const from = x.data, n = from.length, out = like(x, n);
  for (let i = 0; i < n; i++) out[i] = Math.tanh(from[i]);
  return result({ data: out, shape: x.shape }, "tanh", [x]);
}

// ── 2.3 Along an axis ──
// softmax(x)ᵢ = e^xᵢ / Σⱼ e^xⱼ. Written like that, x = 1000 gives ∞/∞. Subtracting the greatest
// score from all of them changes nothing in the result, since it cancels, and keeps every power at
// most e⁰ = 1:
//
//   softmax(x)ᵢ = e^(xᵢ−m) / Σⱼ e^(xⱼ−m)        m = max x

/** Calls `row` for each row of numbers along an axis: where it starts, how long, how far apart. */
function forEachRow(
  x: Values,
  axis: number,
  row: (start: number, n: number, step: number) => void,
): void {
  const n = x.shape[axis], step = sizeOf(x.shape.slice(axis + 1));
  for (let block = 0; block < x.data.length; block += n * step) {
    for (let start = block; start < block + step; start++) row(start, n, step);
  }
}

/**
 * Turns scores into shares of a whole: all positive, 1 in sum.
 *
 * @task 02.3
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
  const from = x.data, out = like(x, from.length), along = resolveAxis(axis, x.shape);
  forEachRow(x, along, (start, n, step) => {
    const end = start + n * step;
    let greatest = -Infinity, total = 0;
    for (let i = start; i < end; i += step) if (from[i] > greatest) greatest = from[i];
    for (let i = start; i < end; i += step) total += out[i] = Math.exp(from[i] - greatest);
    for (let i = start; i < end; i += step) out[i] /= total;
  });
  return result({ data: out, shape: x.shape }, "softmax", [x], { axis: along });
}

/**
 * The logarithms of softmax, exact also where the share itself would be rounded to 0.
 *
 * log softmax(x)ᵢ = (xᵢ − m) − log Σⱼ e^(xⱼ−m)
 *
 * @task 02.4
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
  const from = x.data, out = like(x, from.length), along = resolveAxis(axis, x.shape);
  forEachRow(x, along, (start, n, step) => {
    const end = start + n * step;
    let greatest = -Infinity, total = 0;
    for (let i = start; i < end; i += step) if (from[i] > greatest) greatest = from[i];
    for (let i = start; i < end; i += step) total += Math.exp(from[i] - greatest);
    const logTotal = Math.log(total);
    for (let i = start; i < end; i += step) out[i] = from[i] - greatest - logTotal;
  });
  return result({ data: out, shape: x.shape }, "logSoftmax", [x], { axis: along });
}
