/**
 * # 01 · Tensor: arithmetic
 *
 * Element by element: a sum of two tensors is a loop over two typed arrays. What makes it more
 * than a loop is broadcasting. An operation of two operands therefore has two parts: the plain loop
 * over one straight stretch of memory, and broadcast(), which says what the stretches are.
 *
 * At the end you can add, subtract, multiply, divide and compare tensors of any shapes that fit.
 *
 * Throughout: a, b operands · o, i, j positions in the output, in a and in b · n length of a
 * stretch
 *
 * @module
 */
import { type Doors, doors } from "./kernels.ts";
import { broadcastShapes, forEachStretch, like, requireOneDtype } from "./shape.ts";
import { sameShape, sizeOf, stretchedStrides } from "./shape.ts";
import type { Data, Stretch, Values } from "./shape.ts";

/** The loop of a two-operand operation over one stretch. */
export type Loop = (out: Data, a: Data, b: Data, stretch: Stretch) => void;

// ── 1.4 Two operands ──
// Three cases cover nearly everything that a network does: equal shapes are one stretch of memory;
// a single number is one stretch with step 0; a row added to many rows is one stretch for each.
// What you write is the loop over one stretch. It is told where to begin and how far to step in
// each operand:
//
//   a (2, 3)    0 1 2 3 4 5       first stretch    i = 0, iStep = 1
//   b (3,)      0 1 2                              j = 0, jStep = 1
//   out         0 1 2 3 4 5                        o = 0, n = 3; the second: o = i = 3, j = 0
//
// pow() is given, so you can see the form. The test stretches rows, columns and single numbers, on
// the left and on the right, so that a loop which ignores a step is found out.

/** The loops of two operands: what becomes of one a and one b. */
export const pairLoops = {
  /** @task 01.4 */
  add(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] + b[j];
  },

  /** @task 01.4 */
  sub(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] - b[j];
  },

  /** @task 01.4 */
  mul(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] * b[j];
  },

  /** @task 01.4 */
  div(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] / b[j];
  },

  pow(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] ** b[j];
  },

  // ── 1.5 The greater one, and comparisons ──
  // A comparison is arithmetic too: its answer is 1 or 0, so that answers can be summed and
  // averaged. NaN, "not a number", is what 0/0 gives. It is greater than nothing and equal to
  // nothing, itself included; but a maximum that meets it must be NaN, or a broken run would look
  // healthy. (Math.max() gives NaN if either is.) The test puts it on either side, of a maximum and
  // of a comparison.

  /**
   * The greater of the two; NaN wins, as in PyTorch.
   *
   * @task 01.5
   */
  maximum(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = Math.max(a[i], b[j]);
  },
} satisfies Readonly<Record<string, Loop>>;

/** The loops of comparisons: 1 where it is so, else 0. */
export const comparisons = {
  /** @task 01.5 */
  equal(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] === b[j] ? 1 : 0;
  },

  notEqual(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] !== b[j] ? 1 : 0;
  },

  /** @task 01.5 */
  greater(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] > b[j] ? 1 : 0;
  },

  greaterEqual(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
    for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] >= b[j] ? 1 : 0;
  },
} satisfies Readonly<Record<string, Loop>>;

/** Primitives of two operands. */
export type PairOp = "add" | "sub" | "mul" | "div" | "pow" | "maximum";

/** Comparisons. */
export type Comparison = "equal" | "notEqual" | "greater" | "greaterEqual";

/** The loops of two operands as doors, by name. */
export const pairDoors: Doors<Record<PairOp, Loop>> = doors(pairLoops);

/** The loops of comparisons as doors. */
export const comparisonDoors: Doors<Record<Comparison, Loop>> = doors(comparisons);

/** Applies a loop to all pairs of elements, stretching axes of size 1. */
export function broadcast(loop: Loop, a: Values, b: Values): Values {
  requireOneDtype("Cannot combine", a, b);
  if (sameShape(a.shape, b.shape)) {
    const out = like(a, a.data.length, "anything");
    loop(out, a.data, b.data, { o: 0, i: 0, iStep: 1, j: 0, jStep: 1, n: out.length });
    return { data: out, shape: a.shape };
  }
  const shape = broadcastShapes(a.shape, b.shape);
  const x = a.data, y = b.data, out = like(a, sizeOf(shape), "anything");
  const iStrides = stretchedStrides(a.shape, shape), jStrides = stretchedStrides(b.shape, shape);
  forEachStretch(shape, iStrides, jStrides, (stretch) => loop(out, x, y, stretch));
  return { data: out, shape };
}

// ── 1.6 One operand ──
// No broadcasting, no steps: the plainest loops of the whole framework, as many numbers out as in.
// The test asks for eˣ and log x at their limits too: log 0 is −∞, and that is an answer; the
// logarithm of a negative number is NaN, and that must be seen.

/** The loop of a one-operand operation: as many numbers out as in. */
export type ElementLoop = (out: Data, x: Data) => void;

/** The loops of one operand: what becomes of one x. */
export const elementLoops = {
  /** @task 01.6 */
  neg(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = -x[i];
  },

  /** @task 01.6 */
  exp(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = Math.exp(x[i]);
  },

  /** @task 01.6 */
  log(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = Math.log(x[i]);
  },

  sqrt(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = Math.sqrt(x[i]);
  },

  abs(out: Data, x: Data): void {
    for (let i = 0, n = x.length; i < n; i++) out[i] = Math.abs(x[i]);
  },
};

/** Primitives of one operand. */
export type ElementOp = "neg" | "exp" | "log" | "sqrt" | "abs";

/** The loops of one operand as doors. */
export const elementDoors: Doors<Record<ElementOp, ElementLoop>> = doors(elementLoops);

/** Each element, or the bound that it is beyond; NaN stays NaN. */
export function clip(x: Values, low: number, high: number): Values {
  const from = x.data, n = from.length, out = like(x, n);
  for (let i = 0; i < n; i++) out[i] = Math.min(Math.max(from[i], low), high);
  return { data: out, shape: x.shape };
}

/**
 * ## What it costs
 *
 * One addition in float32 reads two numbers and writes one: 12 bytes moved for one operation. For
 * large tensors the time goes into moving and not into adding: `deno task bench:kernels` sets
 * faster forms of such loops beside a plain copy. eˣ is an exception, since it takes many
 * operations of its own.
 *
 * Each result is a new tensor, too: a formula of five operations makes five, and four of them are
 * forgotten at once. What an operation costs beside its arithmetic, `deno task bench:ops` shows, on
 * single numbers, where there is hardly any arithmetic.
 *
 * ## What breaks in practice
 *
 * **0.1 is not 0.1.** float32 keeps about seven digits, float64 about sixteen, and each result is
 * rounded to that. Even the order of a sum can change its last digit. So numbers that were computed
 * are compared with a tolerance, never with `===`.
 *
 * ```ts
 * import { assert, assertAlmostEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const one = Tensor.of(1), precise = Tensor.of(1, { dtype: "float64" });
 * assert(one.add(1e-7).item() !== 1 && one.add(1e-8).item() === 1);
 * assert(precise.add(1e-15).item() !== 1 && precise.add(1e-16).item() === 1);
 * assert((0.1 + 0.2) + 0.3 !== 0.1 + (0.2 + 0.3));
 * assert(Tensor.of(0.1).item() !== 0.1);
 * assertAlmostEquals(Tensor.of(0.1).item(), 0.1, 1e-8);
 * ```
 *
 * **NaN spreads.** One 0/0 makes every sum NaN that it takes part in. That is a good thing: follow
 * it back to where it came from, and do not put a 0 in its place. Nothing else is unequal to
 * itself, so a tensor compared with itself shows where NaN stands.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const shares = Tensor.of([1, 0]).div(Tensor.of([2, 0]));
 * assertEquals(shares.sum().item(), NaN);
 * assertEquals(shares.notEqual(shares).toArray(), [0, 1]);
 * ```
 */
