/**
 * # 05 · Autograd: the rules
 *
 * All the calculus of the framework stands in one table: a line or two for each primitive
 * operation. The walk knows how fast the loss moves with each number of an output y. A rule turns
 * that into how fast it moves with each number of the inputs.
 *
 * Every rule is found in the same way. Take one number of an input, and ask which numbers of y it
 * has a part in, and how fast each of these moves with it. Slopes are multiplied along a way, and
 * added over all ways:
 *
 *   ∂L/∂xᵢ = Σⱼ gⱼ · ∂yⱼ/∂xᵢ
 *
 * The slopes of all outputs by all inputs would be a table of their own: for a thousand numbers in
 * and a thousand out, a million slopes. No rule ever writes it down. In eˣ all but a thousand of
 * them are 0, since each output depends on one input alone, and a rule makes use of what it knows.
 *
 * At the end you have the derivative of everything that can be computed. The table is complete:
 * leave a line out, and the compiler names it. Then go back to autograd.ts, which says what it
 * costs.
 *
 * Throughout: g = ∂L/∂y, same shape as y · a, b, x inputs · y output · a move: a small one, so
 * small that curves look straight
 *
 * From earlier modules: add(), sub(), mul(), div(), neg(), exp(), matmul() of tensors · equal() and
 * notEqual(), which give ones and zeros · sum(axes, { keepDims: true }) · reshape(shape),
 * expand(shape), permute(order), transpose() of the last two axes · slice([from, to], …), one range
 * for each axis · pad([[before, after], …])
 *
 * @module
 */
import { type Gradient, type OpExtras, type OpName, type Range } from "#tensor";
import { type Doors, doors, sameShape, type Shape, Tensor, tensorOf } from "#tensor";

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
 * broadcast shape: the walk sums it back over stretched axes.
 */
export type Rule<K extends OpName> = (g: Tensor, step: Step<K>) => readonly Gradient[];

// ── 5.3 What was stretched ──
// Broadcasting uses one number in many places: a bias of 3 numbers is added to each row of a batch.
// Each of these places has its say, so what was copied on the way there is summed on the way back.
//
//   x (3,)       1  2  3           ∂L/∂x (3,)   5  7  9
//                │  │  │                        │  │  │   sum
//   y (2, 3)     1  2  3           g (2, 3)     1  2  3
//                1  2  3                        4  5  6
//
// Axes can have been added in front, or stretched from size 1; the second kind must be there again
// in the result, with size 1. The tests have both, alone and together, and shapes in which nothing
// was stretched. The walk refuses a gradient of the wrong shape, but a square one that was summed
// over the wrong axis has the right shape, and only the numbers are wrong.

/**
 * Sums a gradient over the axes along which its input had been stretched.
 *
 * @task 05.3
 * @param gradient A gradient of the broadcast shape.
 * @param shape The input's own shape.
 * @returns The gradient in the input's shape, if the one was stretched to the other.
 *
 * @example A row that was used twice
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { unbroadcast } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
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
// Each line takes g and the step: `inputs` and `output` are those of the operation, `extra` is what
// it kept beside. It gives a list, one gradient for each input. Where a gradient is costly, give a
// function that computes it, () => …: the walk calls it only if somebody asks about that input.
// Stretched inputs need no thought here, since the walk puts every gradient through 5.3.

/** Folded axes are kept, with size 1. */
const keep = { keepDims: true };

/** The derivative of every primitive operation. */
export const rules: { readonly [K in OpName]: Rule<K> } = {
  // ── 5.4 Sums and differences ──
  // If a moves, a + b moves as far: the slope is 1. For b in a − b it is −1.
  //
  //   y = a + b  ⇒  ∂L/∂a = g,  ∂L/∂b = g
  //   y = a − b  ⇒  ∂L/∂a = g,  ∂L/∂b = −g
  //
  // So a sum hands the gradient on untouched. Very deep networks make use of it: where a layer's
  // output is added to its input, the gradient has a way past the layer (He et al., 2016).

  /** @task 05.4 */
  add: (g) => [g, g],

  /** @task 05.4 */
  sub: (g) => [g, g.neg()],

  // ── 5.5 Products and quotients ──
  // If a moves by h, a·b becomes (a + h)·b and moves by h·b: the slope by a is b, and that by b is
  // a. For y = a/b, write a = y·b and let b move while a stays: b's move times y and y's move times
  // b must make up for each other, so the slope of y by b is −y/b.
  //
  //   y = a·b  ⇒  ∂L/∂a = g·b,  ∂L/∂b = g·a
  //   y = a/b  ⇒  ∂L/∂a = g/b,  ∂L/∂b = −g·y/b
  //
  // Each factor's gradient needs the other factor: this is why the walk must find the inputs as
  // they were. The tests also multiply a tensor by itself; both gradients then reach the same one.

  /** @task 05.5 */
  mul: (g, { inputs: [a, b] }) => [() => g.mul(b), () => g.mul(a)],

  /** @task 05.5 */
  div: (g, { inputs: [, b], output: y }) => [() => g.div(b), () => g.mul(y).div(b).neg()],

  // y = −x  ⇒  ∂L/∂x = −g
  neg: (g) => [g.neg()],

  // ── 5.6 Powers of e, and logarithms ──
  // eˣ is the function that is its own slope, so the output is the derivative already. log undoes
  // it: where y = log x, x = eʸ moves x times as fast as y, and so y moves 1/x times as fast as x.
  //
  //   y = eˣ  ⇒  ∂L/∂x = g·y
  //   y = log x  ⇒  ∂L/∂x = g/x
  //
  // One of them needs its output, the other its input. The tests tell them apart.

  /** @task 05.6 */
  exp: (g, { output: y }) => [g.mul(y)],

  /** @task 05.6 */
  log: (g, { inputs: [x] }) => [g.div(x)],

  // ── Curves and corners (given) ──
  // At a corner there is no one slope: |x| has −1 on the left of 0 and 1 on the right. Any number
  // between would do. The table takes the same as PyTorch: 0 for |x|, half to each of two equals.

  // y = √x  ⇒  ∂L/∂x = g / 2y
  sqrt: (g, { output: y }) => [g.div(y.mul(2))],

  // y = |x|  ⇒  ∂L/∂x = g·sign x, and 0 at 0
  abs: (g, { inputs: [x] }) => [g.mul(x.greater(0).sub(x.less(0)))],

  // y = aᵇ  ⇒  ∂L/∂a = g·b·aᵇ⁻¹,  ∂L/∂b = g·y·log a    (both 0 where b or a is 0, and not NaN)
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

  // ── 5.7 Sums over axes ──
  // A number that is added up moves the sum as far as itself. So every number gets the gradient of
  // the sum that it went into: what was summed on the way there is copied on the way back. It is
  // 5.3 in a mirror.
  //
  //   x  1  2  3 ── y  6        g  10 ── ∂L/∂x  10  10  10
  //      4  5  6 ──   15           20 ──        20  20  20
  //
  // The folded axis may be gone from g. `kept` is the shape that still has it, with size 1. The
  // tests fold the first axis, the last, several and all.

  /** @task 05.7 */
  sum: (g, { inputs: [x], extra: { kept } }) => [g.reshape(kept).expand(x.shape)],

  // ── 5.8 The greatest ──
  // Move a number that is not the greatest, and the maximum stays where it is: its slope is 0. Move
  // the greatest, and the maximum moves as far. If several are equally great, one that moves up
  // takes the maximum along, and one that moves down does not: a corner. An even share for each is
  // fair, and does not depend on their order.
  //
  //   ∂L/∂xᵢ = g/n        for each of the n numbers that equal y, and 0 for all others
  //
  // By hand, for the row 2, 5, 5 and g = 6: 0, 3, 3. Every number of y has a count n of its own;
  // the tests have two rows whose counts differ.

  /** @task 05.8 */
  max: (g, { inputs: [x], output: y, extra: { kept, axes } }) => {
    const winners = x.equal(y.reshape(kept));
    return [winners.mul(g.reshape(kept)).div(winners.sum(axes, keep))];
  },

  // ── 5.9 The matrix product ──
  // Take one number, aᵢₚ. It has a part in all of row i of y, and in nothing else; in yᵢⱼ its
  // factor is bₚⱼ. So its gradient is row i of g times row p of b, and rows of b are columns of bᵀ:
  //
  //   yᵢⱼ = Σₚ aᵢₚ·bₚⱼ
  //   ∂L/∂aᵢₚ = Σⱼ gᵢⱼ·bₚⱼ
  //
  // For bₚⱼ it is the same with rows and columns exchanged. Written with matrices:
  //
  //   ∂L/∂a = g·bᵀ        (m, n)·(n, k) → (m, k)
  //   ∂L/∂b = aᵀ·g        (k, m)·(m, n) → (k, n)
  //
  // Who forgets the formula finds it by the shapes. ∂L/∂a must have a's shape (m, k). At hand are g
  // (m, n) and b (k, n), and only one product of them fits. Where all are square, everything fits,
  // and only the derivation tells. The tests have square ones, others, and stacks of them.

  /** @task 05.9 */
  matmul: (g, { inputs: [a, b] }) => [
    () => g.matmul(b.transpose()),
    () => a.transpose().matmul(g),
  ],

  // ── 5.10 Other shapes, other orders ──
  // Nothing is computed, numbers only move. Their gradients move back. Axis k of y is axis order[k]
  // of x; so axis order[k] of the gradient is axis k of g, and that is a permutation again, the one
  // that undoes the first:
  //
  //   order 1, 2, 0        (2, 3, 4) → (3, 4, 2)
  //   back  2, 0, 1        (3, 4, 2) → (2, 3, 4)
  //
  // Of two axes every order undoes itself, and a rule that forgets to turn it round seems to work.
  // The tests have three axes.

  /** @task 05.10 */
  reshape: (g, { inputs: [x] }) => [g.reshape(x.shape)],

  /** @task 05.10 */
  permute: (g, { extra: { order } }) => [g.permute(order.map((_, k) => order.indexOf(k)))],

  // what was copied is summed: the walk does it, with 5.3
  expand: (g) => [g],

  // ── 5.11 Cutting off, and putting around ──
  // What was cut off has no part in y: its gradient is 0. The zeros that were put around are
  // nobody's numbers: their gradient is dropped. So each of the two is the other's way back.
  //
  //   slice    x  1  2  3  4  5        pad      x        1  2
  //            y     2  3                       y     0  1  2  0  0
  //            g     6  7                       g     5  6  7  8  9
  //        ∂L/∂x  0  6  7  0  0             ∂L/∂x        6  7
  //
  // `ranges` and `padding` have an entry for each axis: where a slice begins and ends, how many
  // zeros stand before and after. The tests cut on both sides of several axes, and let both
  // operations follow each other.

  /** @task 05.11 */
  slice: (g, { inputs: [x], extra: { ranges } }) => [
    g.pad(ranges.map(([start, end], axis) => [start, x.shape[axis] - end])),
  ],

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

  // ── 5.12 The simplest bend ──
  // Where x is positive, relu lets it through, and the gradient too. Where it is negative, y stays
  // 0 however x moves, and the gradient is 0. At 0 there is a corner; the slope is taken to be 0
  // there.
  //
  //   ∂L/∂x = g        where x is positive, and 0 elsewhere
  //
  // y is 0 where x is not positive, so y alone tells where the gradient passes. The test has an x
  // of 0, and one just above it.

  /** @task 05.12 */
  relu: (g, { output: y }) => [g.mul(y.notEqual(0))],

  // y = x or slope·x  ⇒  ∂L/∂x = g or slope·g
  leakyRelu: (g, { inputs: [x], extra: { slope: s } }) => [g.mul(x.greater(0).mul(1 - s).add(s))],

  // y = x·Φ(x)  ⇒  ∂L/∂x = g·(Φ(x) + x·φ(x)),  φ(x) = e^(−x²/2) / √2π
  gelu: (g, { inputs: [x], extra: { shares } }) => {
    const density = x.mul(x).div(-2).exp().div(Math.sqrt(2 * Math.PI));
    return [g.mul(tensorOf(shares).add(x.mul(density)))];
  },

  // ── 5.13 S-curves ──
  // With y = 1 / (1 + e⁻ˣ), 1 − y is e⁻ˣ / (1 + e⁻ˣ). The slope of 1/u is −1/u² times that of u,
  // and u = 1 + e⁻ˣ has the slope −e⁻ˣ. Together that is e⁻ˣ / (1 + e⁻ˣ)², which is y·(1 − y). And
  // since tanh(x) = 2·σ(2x) − 1, its slope is 4·s·(1 − s) with s = σ(2x) = (1 + y)/2:
  //
  //   y = σ(x)  ⇒  ∂L/∂x = g·y·(1 − y)
  //   y = tanh x  ⇒  ∂L/∂x = g·(1 − y²)
  //
  // Both slopes follow from the output alone. The tests take points where they are simple
  // fractions.

  /** @task 05.13 */
  sigmoid: (g, { output: y }) => [g.mul(y.sub(y.mul(y)))],

  /** @task 05.13 */
  tanh: (g, { output: y }) => [g.sub(g.mul(y.mul(y)))],

  // ── 5.14 Shares of a whole ──
  // The logarithm comes first, since it is easier. With p = softmax x, log pᵢ = xᵢ − log S, where S
  // is the sum of all powers. The slope of log S by xⱼ is e^xⱼ / S = pⱼ. So if xⱼ moves by h, its
  // own logarithm gains h, and all of them lose h·pⱼ. Over all i, that sums up to
  //
  //   y = log softmax x  ⇒  ∂L/∂xⱼ = gⱼ − pⱼ·Σᵢ gᵢ
  //
  // A share moves pᵢ times as fast as its logarithm, since p is e to the power of log p. Put gᵢ·pᵢ
  // in the place of gᵢ:
  //
  //   y = softmax x  ⇒  ∂L/∂xⱼ = yⱼ·(gⱼ − Σᵢ gᵢ·yᵢ)
  //
  // By hand, for the shares ¼ and ¾ and g = (16, 0): the sum is 4, and the gradients are ¼·12 = 3
  // and ¾·(−4) = −3. They add up to 0, as they must: adding the same to all scores changes no
  // share. The tests know that, and take every axis.

  /** @task 05.14 */
  softmax: (g, { output: y, extra: { axis } }) => [y.mul(g.sub(g.mul(y).sum(axis, keep)))],

  /** @task 05.14 */
  logSoftmax: (g, { output: y, extra: { axis } }) => [g.sub(y.exp().mul(g.sum(axis, keep)))],

  // ── 5.15 What was said, minus what is true ──
  // With p = softmax(x), the loss of a row is −Σₖ tₖ·log pₖ. If its gradient is g, that of log pₖ
  // is −g·tₖ. Put this through the rule of 5.14, and it becomes −g·tₖ − pₖ·Σᵢ (−g·tᵢ). For the
  // scores x and for the targets t that makes
  //
  //   ∂L/∂xₖ = g·(pₖ·Σᵢ tᵢ − tₖ)
  //   ∂L/∂tₖ = −g·log pₖ
  //
  // The shares of the truth mostly add up to 1, and what is left is p − t. With p = ½, ½ and the
  // second class right, that is ½, −½: the first score should fall and the second rise, each by how
  // wrong it was. p − t stays between −1 and 1, so nothing becomes infinite, and a model that is
  // sure and wrong gets the strongest push. It is one more reason why the loss takes scores, and
  // not p.
  //
  // g has one number for each row. The tests give rows different ones, and targets that do not add
  // up to 1.

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

/** The rules as doors. */
export const ruleDoors: Doors<typeof rules> = doors(rules);
