/**
 * # 05 · Autograd: the rules
 *
 * All the calculus of the framework stands in one table. For each primitive operation y = f(a, b)
 * it says: if the loss moves by g when y moves by 1, by how much does it move when a moves by 1,
 * and when b does? That is the chain rule, one step of it, and every network is made of such steps.
 *
 * The table is complete: leave a line out, and the compiler names it.
 *
 * Throughout: g = ∂L/∂y, same shape as y · a, b, x inputs · y output
 *
 * @module
 */
import { type Gradient, type OpExtras, type OpName, type Range } from "#tensor";
import { sameShape, type Shape, Tensor, tensorOf } from "#tensor";

/** One step in a computation: what went in, what came out, what else the derivative needs. */
export interface Step<K extends OpName> {
  /** What the operation was applied to. */
  readonly inputs: readonly Tensor[];
  /** What it gave. */
  readonly output: Tensor;
  /** What it kept for its derivative. */
  readonly extra: OpExtras[K];
}

/**
 * Turns the gradient of an output into those of the inputs, in order. A gradient may have the
 * broadcast shape: the engine sums it back over stretched axes.
 */
export type Rule<K extends OpName> = (g: Tensor, step: Step<K>) => readonly Gradient[];

// ── 5.3 What was stretched ──

/**
 * Sums a gradient over the axes along which its input had been stretched.
 *
 * If one number was used in many places, each place has its say:
 *
 *   x (3,) stretched to (2, 3)   ⇒   ∂L/∂x = g summed over axis 0
 *
 * @task 05.3
 * @param gradient A gradient of the broadcast shape.
 * @param shape The input's own shape.
 * @returns The gradient in the input's shape, if the one was stretched to the other.
 *
 * @example A row that was used twice
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unbroadcast } from "#autograd";
 * import { Tensor } from "#tensor";
 * assertEquals(unbroadcast(Tensor.of([[1, 2], [3, 4]]), [2]).toArray(), [4, 6]);
 * ```
 */
export function unbroadcast(gradient: Tensor, shape: Shape): Tensor {
  if (sameShape(gradient.shape, shape)) return gradient;
  const missing = gradient.rank - shape.length;
  const stretched = gradient.shape.flatMap((n, axis) =>
    axis < missing || (shape[axis - missing] === 1 && n !== 1) ? [axis] : []
  );
  const summed = stretched.length > 0 ? gradient.sum(stretched, keep) : gradient;
  return missing > 0 ? summed.reshape(summed.shape.slice(missing)) : summed;
}

// ── The table ──

/** Folded axes are kept, with size 1. */
const keep = { keepDims: true };

/** The derivative of every primitive operation. */
export const rules: { readonly [K in OpName]: Rule<K> } = {
  // ── 5.4 Arithmetic ──

  // y = a + b  ⇒  ∂L/∂a = g,  ∂L/∂b = g
  /** @task 05.4 */
  add: (g) => [g, g],

  // y = a − b  ⇒  ∂L/∂a = g,  ∂L/∂b = −g
  /** @task 05.4 */
  sub: (g) => [g, g.neg()],

  // y = a·b  ⇒  ∂L/∂a = g·b,  ∂L/∂b = g·a
  /** @task 05.5 */
  mul: (g, { inputs: [a, b] }) => [() => g.mul(b), () => g.mul(a)],

  // y = a/b  ⇒  ∂L/∂a = g/b,  ∂L/∂b = −g·y/b
  /** @task 05.5 */
  div: (g, { inputs: [, b], output: y }) => [() => g.div(b), () => g.mul(y).div(b).neg()],

  // y = −x  ⇒  ∂L/∂x = −g
  neg: (g) => [g.neg()],

  // y = eˣ  ⇒  ∂L/∂x = g·y
  /** @task 05.6 */
  exp: (g, { output: y }) => [g.mul(y)],

  // y = ln x  ⇒  ∂L/∂x = g/x
  /** @task 05.6 */
  log: (g, { inputs: [x] }) => [g.div(x)],

  // y = √x  ⇒  ∂L/∂x = g / 2y
  sqrt: (g, { output: y }) => [g.div(y.mul(2))],

  // y = |x|  ⇒  ∂L/∂x = g·sign x, and 0 at 0
  abs: (g, { inputs: [x] }) => [g.mul(x.greater(0).sub(x.less(0)))],

  // y = aᵇ  ⇒  ∂L/∂a = g·b·aᵇ⁻¹,  ∂L/∂b = g·y·ln a    (both 0 where b or a is 0, and not NaN)
  pow: (g, { inputs: [a, b], output: y }) => [
    () => g.mul(b).mul(a.pow(b.sub(1).mul(b.notEqual(0)))),
    () => g.mul(y).mul(a.add(a.equal(0)).log()),
  ],

  // y = max(a, b)  ⇒  g goes to the greater, half to each of equals
  maximum: (g, { inputs: [a, b] }) => {
    const share = a.greater(b).add(a.equal(b).div(2));
    return [g.mul(share), g.sub(g.mul(share))];
  },

  // y = x within its bounds, exactly at them too  ⇒  ∂L/∂x = g there
  clip: (g, { inputs: [x], extra: e }) => [g.mul(x.greaterEqual(e.low).mul(x.lessEqual(e.high)))],

  // y = x in another format
  to: (g, { inputs: [x] }) => [g.to(x.dtype)],

  // ── 5.7 Reductions: every number that was folded in gets the gradient of the whole ──

  // y = Σ x  ⇒  ∂L/∂xᵢ = g
  /** @task 05.7 */
  sum: (g, { inputs: [x], extra: { kept } }) => [g.reshape(kept).expand(x.shape)],

  // y = max x  ⇒  ∂L/∂xᵢ = g where xᵢ is the greatest, shared evenly among equals
  /** @task 05.8 */
  max: (g, { inputs: [x], output: y, extra: { kept, axes } }) => {
    const winners = x.equal(y.reshape(kept));
    return [winners.mul(g.reshape(kept)).div(winners.sum(axes, keep))];
  },

  // ── 5.9 The matrix product ──

  // y = a·b  ⇒  ∂L/∂a = g·bᵀ,  ∂L/∂b = aᵀ·g
  /** @task 05.9 */
  matmul: (g, { inputs: [a, b] }) => [
    () => g.matmul(b.transpose()),
    () => a.transpose().matmul(g),
  ],

  // ── 5.10 Rearranging: put every gradient back where its number came from ──

  /** @task 05.10 */
  reshape: (g, { inputs: [x] }) => [g.reshape(x.shape)],

  // axis k of y is axis order[k] of x  ⇒  axis order[k] of ∂L/∂x is axis k of g
  /** @task 05.10 */
  permute: (g, { extra: { order } }) => [g.permute(order.map((_, k) => order.indexOf(k)))],

  // the engine sums over stretched axes
  expand: (g) => [g],

  // what was cut away did not matter
  /** @task 05.11 */
  slice: (g, { inputs: [x], extra: { ranges } }) => [
    g.pad(ranges.map(([start, end], axis) => [start, x.shape[axis] - end])),
  ],

  // the zeros around were not x's
  /** @task 05.11 */
  pad: (g, { inputs: [x], extra: { padding } }) => [
    g.slice(...padding.map(([before], axis) => [before, before + x.shape[axis]] as const)),
  ],

  // each part gets back its own stretch
  concat: (g, { inputs, extra: { axis } }) => {
    let end = 0;
    return inputs.map(({ shape }) => {
      const start = end;
      end += shape[axis];
      return g.slice(...g.shape.map((_, k): Range => k === axis ? [start, end] : null));
    });
  },

  // what was picked twice is told twice
  gather: (g, { inputs: [x], extra: { places } }) => {
    const gradient = Tensor.zeros(x.shape, { dtype: x.dtype });
    places.forEach((place, k) => gradient.data[place] += g.data[k]);
    return [gradient];
  },

  // ── 5.12 Activations and losses ──

  // y = max(x, 0)  ⇒  ∂L/∂x = g where x > 0
  /** @task 05.12 */
  relu: (g, { output: y }) => [g.mul(y.notEqual(0))],

  // y = x or slope·x  ⇒  ∂L/∂x = g or slope·g
  leakyRelu: (g, { inputs: [x], extra: { slope: s } }) => [g.mul(x.greater(0).mul(1 - s).add(s))],

  // y = x·Φ(x)  ⇒  ∂L/∂x = g·(Φ(x) + x·φ(x)),  φ(x) = e^(−x²/2) / √2π
  gelu: (g, { inputs: [x], extra: { shares } }) => {
    const density = x.mul(x).div(-2).exp().div(Math.sqrt(2 * Math.PI));
    return [g.mul(tensorOf(shares).add(x.mul(density)))];
  },

  // y = σ(x)  ⇒  ∂L/∂x = g·y·(1 − y)
  /** @task 05.13 */
  sigmoid: (g, { output: y }) => [g.mul(y.sub(y.mul(y)))],

  // y = tanh x  ⇒  ∂L/∂x = g·(1 − y²)
  /** @task 05.13 */
  tanh: (g, { output: y }) => [g.sub(g.mul(y.mul(y)))],

  // y = softmax x  ⇒  ∂L/∂xᵢ = yᵢ·(gᵢ − Σⱼ gⱼ·yⱼ)
  /** @task 05.14 */
  softmax: (g, { output: y, extra: { axis } }) => [y.mul(g.sub(g.mul(y).sum(axis, keep)))],

  // y = log softmax x  ⇒  ∂L/∂xᵢ = gᵢ − e^yᵢ·Σⱼ gⱼ
  /** @task 05.14 */
  logSoftmax: (g, { output: y, extra: { axis } }) => [g.sub(y.exp().mul(g.sum(axis, keep)))],

  // L = −Σₖ t·log p, p = softmax(scores)  ⇒  ∂L/∂scores = g·(p·Σₖ t − t),  ∂L/∂t = −g·log p
  /** @task 05.15 */
  crossEntropy: (g, { inputs: [, shares], extra }) => {
    const each = g.unsqueeze(1), logs = tensorOf(extra.logs);
    const total = shares.sum(1, keep);
    return [each.mul(logs.exp().mul(total).sub(shares)), () => each.mul(logs).neg()];
  },

  // L = −t·log σ(x) − (1 − t)·log(1 − σ(x))  ⇒  ∂L/∂x = g·(σ(x) − t),  ∂L/∂t = −g·x
  binaryCrossEntropy: (g, { inputs: [x, t] }) => [
    g.mul(x.neg().exp().add(1).pow(-1).sub(t)),
    () => g.mul(x).neg(),
  ],
};
