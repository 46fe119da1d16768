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
import { type OpExtras, type OpName, type Shape, Tensor } from "#tensor";

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
 * Turns the gradient of an output into those of the inputs, in order; null for one that is not
 * needed. A gradient may have the broadcast shape: the engine sums it back over stretched axes.
 */
export type Rule<K extends OpName> = (g: Tensor, step: Step<K>) => readonly (Tensor | null)[];

/** The derivative of every primitive operation. */
export const rules: { readonly [K in OpName]: Rule<K> } = {
  // ── 5.4 Arithmetic ──

  // y = a + b  ⇒  ∂L/∂a = g,  ∂L/∂b = g
  /** @task 05.4 */
  add: (g) => [g, g],

  // y = a − b  ⇒  ∂L/∂a = g,  ∂L/∂b = −g
  sub: (g) => [g, g.neg()],

  // y = a·b  ⇒  ∂L/∂a = g·b,  ∂L/∂b = g·a
  /** @task 05.5 */
  mul: (g, { inputs: [a, b] }) => [
    a.requiresGrad ? g.mul(b) : null,
    b.requiresGrad ? g.mul(a) : null,
  ],

  // y = a/b  ⇒  ∂L/∂a = g/b,  ∂L/∂b = −g·y/b
  div: (g, { inputs: [a, b], output: y }) => [
    a.requiresGrad ? g.div(b) : null,
    b.requiresGrad ? g.mul(y).div(b).neg() : null,
  ],

  // y = −x  ⇒  ∂L/∂x = −g
  neg: (g) => [g.neg()],

  // y = eˣ  ⇒  ∂L/∂x = g·y
  exp: (g, { output: y }) => [g.mul(y)],

  // y = ln x  ⇒  ∂L/∂x = g/x
  log: (g, { inputs: [x] }) => [g.div(x)],

  // y = √x  ⇒  ∂L/∂x = g / 2y
  sqrt: (g, { output: y }) => [g.div(y.mul(2))],

  // y = x in another format
  to: (g, { inputs: [x] }) => [g.to(x.dtype)],

  // ── 5.5 Reductions: every number that was folded in gets the gradient of the whole ──

  // y = Σ x  ⇒  ∂L/∂xᵢ = g
  /** @task 05.6 */
  sum: (g, { inputs: [x], extra: { kept } }) => [g.reshape(kept).expand(x.shape)],

  // y = max x  ⇒  ∂L/∂xᵢ = g where xᵢ is the greatest, shared evenly among equals
  max: (g, { inputs: [x], output: y, extra: { kept, axes } }) => {
    const winners = x.equal(y.reshape(kept));
    return [winners.mul(g.reshape(kept)).div(winners.sum(axes, { keepDims: true }))];
  },

  // ── 5.6 The matrix product ──

  // y = a·b  ⇒  ∂L/∂a = g·bᵀ,  ∂L/∂b = aᵀ·g
  /** @task 05.7 */
  matmul: (g, { inputs: [a, b] }) => [
    a.requiresGrad ? g.matmul(b.transpose()) : null,
    b.requiresGrad ? a.transpose().matmul(g) : null,
  ],

  // ── 5.7 Rearranging: put every gradient back where its number came from ──

  /** @task 05.8 */
  reshape: (g, { inputs: [x] }) => [g.reshape(x.shape)],

  // axis k of y is axis order[k] of x  ⇒  axis order[k] of ∂L/∂x is axis k of g
  permute: (g, { extra: { order } }) => [g.permute(inverse(order))],

  // the engine sums over stretched axes
  expand: (g) => [g],

  // what was cut away did not matter
  slice: (g, { inputs: [x], extra: { ranges } }) => [
    g.pad(ranges.map(([start, end], axis) => [start, x.shape[axis] - end])),
  ],

  // the zeros around were not x's
  pad: (g, { inputs: [x], extra: { padding } }) => [
    g.slice(...padding.map(([before], axis) => [before, before + x.shape[axis]] as const)),
  ],

  // ── 5.8 Activations and losses ──

  // y = max(x, 0)  ⇒  ∂L/∂x = g where x > 0
  /** @task 05.9 */
  relu: (g, { output: y }) => [g.mul(y.greater(0))],

  // y = σ(x)  ⇒  ∂L/∂x = g·y·(1 − y)
  sigmoid: (g, { output: y }) => [g.mul(y.sub(y.mul(y)))],

  // y = tanh x  ⇒  ∂L/∂x = g·(1 − y²)
  tanh: (g, { output: y }) => [g.sub(g.mul(y.mul(y)))],

  // y = softmax x  ⇒  ∂L/∂xᵢ = yᵢ·(gᵢ − Σⱼ gⱼ·yⱼ)
  softmax: (g, { output: y, extra: { axis } }) => [
    y.mul(g.sub(g.mul(y).sum(axis, { keepDims: true }))),
  ],

  // y = log softmax x  ⇒  ∂L/∂xᵢ = gᵢ − e^yᵢ·Σⱼ gⱼ
  logSoftmax: (g, { output: y, extra: { axis } }) => [
    g.sub(y.exp().mul(g.sum(axis, { keepDims: true }))),
  ],

  // L = −1/B Σ log p[label]  ⇒  ∂L/∂scores = (p − 1 at the label) / B
  /** @task 05.10 */
  crossEntropy: (g, { extra: { labels, probabilities } }) => {
    const { data, shape } = probabilities, gradient = new Tensor(data.slice(), shape);
    labels.forEach((label, row) => gradient.data[row * shape[1] + label] -= 1);
    return [gradient.mul(g.div(labels.length))];
  },
};

/** The order of axes that undoes another. */
function inverse(order: readonly number[]): number[] {
  const undo = new Array<number>(order.length);
  order.forEach((axis, k) => undo[axis < 0 ? axis + order.length : axis] = k);
  return undo;
}

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
 */
export function unbroadcast(gradient: Tensor, shape: Shape): Tensor {
  const missing = gradient.rank - shape.length;
  const stretched = gradient.shape.flatMap((n, axis) =>
    axis < missing || (shape[axis - missing] === 1 && n !== 1) ? [axis] : []
  );
  const summed = stretched.length > 0 ? gradient.sum(stretched, { keepDims: true }) : gradient;
  return missing > 0 ? summed.reshape(summed.shape.slice(missing)) : summed;
}
