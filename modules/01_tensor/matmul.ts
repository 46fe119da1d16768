/**
 * # 01 · Tensor: the matrix product
 *
 * Most of the time that a network takes is spent here. A layer is a matrix product, the convolution
 * of module 09 is a matrix product of rearranged pixels, and each needs two more of them to learn.
 *
 * At the end you can multiply matrices and whole stacks of them.
 *
 * Throughout: a (m, k) · b (k, n) · out (m, n) · stack the axes before the last two
 *
 * ## The idea, by hand
 *
 * Each cell of the result is a row of a times a column of b, number by number, summed up:
 *
 *   1 2     5 6     1·5 + 2·7   1·6 + 2·8     19 22
 *   3 4  ·  7 8  →  3·5 + 4·7   3·6 + 4·8  →  43 50
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[5, 6], [7, 8]]);
 * assertEquals(a.matmul(b).toArray(), [[19, 22], [43, 50]]);
 * ```
 *
 * @module
 */
import { ShapeError } from "./errors.ts";
import { Door } from "./kernels.ts";
import { broadcastShapes, forEachStretch, like } from "./shape.ts";
import { type Data, requireOneDtype, say, sizeOf, stretchedStrides, type Values } from "./shape.ts";

// ── 1.9 Rows by columns ──
// What was done by hand above, for any cell:
//
//   out[i, j] = Σₚ a[i, p] · b[p, j]
//
// Three loops, over i, j and p, give the right answer in any order. What decides the time is how
// numbers lie in memory. Cell by cell, b is read in columns, and each step leaps over a whole row.
// Row by row, everything is a straight walk: row i of the output is a sum of the rows of b, each as
// often as row i of a says.
//
//   out[i] = a[i, 0]·b[0] + a[i, 1]·b[1] + … + a[i, k−1]·b[k−1]
//
// The places of a matrix b of shape (3, 4), in the order in which they are read for one row of a:
//
//   cell by cell     0 4 8   1 5 9   2 6 10   3 7 11
//   row by row       0 1 2 3   4 5 6 7   8 9 10 11
//
// The sums grow in float64, and are rounded once, at the end; the test would notice. A matrix may
// stand anywhere within a larger array, so each comes with its first position: the test multiplies
// stacks, where all but the first begin further on. It also has zeros in a meet NaN in b, since
// 0 · NaN is NaN: a loop that saves itself the work where a is 0 hides the accident.

/** A matrix within a larger array. */
export interface Block {
  /** The larger array. */
  readonly data: Data;
  /** Position of the matrix's first number. */
  readonly start: number;
}

/**
 * Writes the product of two matrices into a third.
 *
 * @task 01.9
 * @param out Where to write (m, n).
 * @param a First matrix (m, k).
 * @param b Second matrix (k, n).
 */
function multiplyInto(out: Block, a: Block, b: Block, [m, k, n]: readonly number[]): void {
  const x = a.data, y = b.data, sums = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    sums.fill(0);
    for (let p = 0; p < k; p++) {
      const times = x[a.start + i * k + p], row = b.start + p * n;
      for (let j = 0; j < n; j++) sums[j] += times * y[row + j];
    }
    out.data.set(sums, out.start + i * n);
  }
}

/** Writes a (m, k) · b (k, n) to out; sizes are [m, k, n]. */
export type Multiply = (out: Block, a: Block, b: Block, sizes: readonly number[]) => void;

/** The loop as a door. */
export const matmulDoor: Door<Multiply> = new Door("matmul", multiplyInto);

// ── Stacks (given) ──
// A stack of matrices is multiplied pair by pair, and a single matrix meets every one of the other
// stack: broadcasting once more, this time with whole matrices for elements.

/**
 * Refuses a product that does not exist.
 *
 * @throws {ShapeError} If an operand is a single number, or the inner sizes differ.
 */
export function checkProduct(a: Values, b: Values): void {
  requireOneDtype("Cannot multiply", a, b);
  const inner = a.shape.at(-1), found = b.shape.at(-2) ?? b.shape[0];
  if (inner !== undefined && inner === found) return;
  const says = say`Cannot multiply ${a} by ${b}`;
  if (inner === undefined || found === undefined) {
    throw new ShapeError(`${says}: both must have at least one axis`, "use mul() for numbers");
  }
  const hint = inner === b.shape.at(-1) ? "is the second one transposed?" : undefined;
  throw new ShapeError(`${says}: inner sizes must match, ${inner} is not ${found}`, hint);
}

/** Multiplies matrices or broadcasting stacks of them: (…, m, k) by (…, k, n) → (…, m, n). */
export function matmul(a: Values, b: Values): Values {
  const [m, k] = a.shape.slice(-2), n = b.shape[b.shape.length - 1];
  const stackA = a.shape.slice(0, -2), stackB = b.shape.slice(0, -2);
  const stack = broadcastShapes(stackA, stackB, () => say`Cannot multiply ${a} by ${b}`);
  const data = like(a, sizeOf(stack) * m * n, "anything");
  const aSteps = stretchedStrides(stackA, stack), bSteps = stretchedStrides(stackB, stack);
  forEachStretch(stack, aSteps, bSteps, ({ o, i, iStep, j, jStep, n: pairs }) => {
    for (let pair = 0; pair < pairs; pair++) {
      const left = { data: a.data, start: (i + pair * iStep) * m * k };
      const right = { data: b.data, start: (j + pair * jStep) * k * n };
      matmulDoor.run({ data, start: (o + pair) * m * n }, left, right, [m, k, n]);
    }
  });
  return { data, shape: [...stack, m, n] };
}

/**
 * ## What it costs
 *
 * m·k·n multiplications, each with an addition, on m·k + k·n numbers that are read and m·n that are
 * written. With all sizes doubled that is eight times the operations on four times the numbers. For
 * two matrices of 256 by 256 there are about 170 operations for each number, where add() has one
 * for three. So memory limits most operations, but arithmetic can limit a product, provided that
 * the loops use a number again while it is at hand. How much clever loops gain over these,
 * `deno task bench:kernels` shows.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const operations = (n: number): number => 2 * n ** 3;
 * const numbers = (n: number): number => 3 * n ** 2;
 * assertEquals(operations(512) / operations(256), 8);
 * assertEquals(numbers(512) / numbers(256), 4);
 * assertEquals(Math.floor(operations(256) / numbers(256)), 170);
 * ```
 *
 * ## What breaks in practice
 *
 * **mul() is not matmul().** For square matrices both have the same shape, and only the numbers
 * tell: mul() multiplies what stands at the same place.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[5, 6], [7, 8]]);
 * assertEquals(a.mul(b).toArray(), [[5, 12], [21, 32]]);
 * assertEquals(a.matmul(b).toArray(), [[19, 22], [43, 50]]);
 * ```
 *
 * **A transpose that fits by luck.** For square matrices a·bᵀ has the right shape where a·b was
 * meant. No error appears until a size changes. Again: test with sizes that all differ.
 *
 * ```ts
 * import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
 * import { ShapeError, Tensor } from "kindling/tensor";
 * const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[0, 1], [2, 3]]);
 * assertEquals(a.matmul(b.transpose()).shape, a.matmul(b).shape);
 * assertNotEquals(a.matmul(b.transpose()).toArray(), a.matmul(b).toArray());
 * const wide = Tensor.ones([2, 3]);
 * assertThrows(() => wide.matmul(wide), ShapeError, "3 is not 2");
 * ```
 */
