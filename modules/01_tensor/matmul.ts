/**
 * # 01 · Tensor: the matrix product
 *
 * Nearly all of the time that a network takes is spent here. A layer is a matrix product, a
 * convolution is a matrix product of rearranged pixels, and each needs two more of them to learn.
 *
 * At the end you can multiply matrices and whole stacks of them.
 *
 * Throughout: a (m, k) · b (k, n) · out (m, n) · stack the axes before the last two
 *
 * @module
 */
import { ShapeError } from "./errors.ts";
import {
  broadcastShapes,
  type Data,
  describeShape,
  forEachStretch,
  like,
  sizeOf,
  stretchedStrides,
  type Values,
} from "./shape.ts";

// ── 1.7 Rows by columns ──
// out[i, j] = Σₚ a[i, p] · b[p, j]. The order of the three loops changes nothing in the result and
// much in the time. With j innermost, b and out are both read side by side, and the processor's
// cache sees straight lines; with p innermost, each step through b jumps over a whole row.
//
// Four rows of b are taken at once, so that each number of `out` is read and written once for four
// products. The rest of the rows, when k is not a multiple of four, is taken one by one.

/**
 * Adds the product of two matrices, which lie inside of larger arrays, to a third.
 *
 * @task 01.7
 * @param out Where to add, from position o on: (m, n).
 * @param a First matrix, from position at on: (m, k).
 * @param b Second matrix, from position bt on: (k, n).
 */
function multiplyInto(
  out: Data,
  o: number,
  a: Data,
  at: number,
  b: Data,
  bt: number,
  m: number,
  k: number,
  n: number,
): void {
  for (let i = 0; i < m; i++) {
    const row = o + i * n, end = row + n;
    let p = 0;
    for (; p + 3 < k; p += 4) {
      const from = at + i * k + p;
      const a0 = a[from], a1 = a[from + 1], a2 = a[from + 2], a3 = a[from + 3];
      let b0 = bt + p * n, b1 = b0 + n, b2 = b1 + n, b3 = b2 + n;
      for (let c = row; c < end; c++) {
        out[c] += a0 * b[b0++] + a1 * b[b1++] + a2 * b[b2++] + a3 * b[b3++];
      }
    }
    for (; p < k; p++) {
      const a0 = a[at + i * k + p];
      let b0 = bt + p * n;
      for (let c = row; c < end; c++) out[c] += a0 * b[b0++];
    }
  }
}

// ── Stacks (given) ──
// A stack of matrices is multiplied pair by pair, and a single matrix meets every one of the other
// stack: broadcasting once more, this time with whole matrices for elements.

/** Multiplies matrices or broadcasting stacks of them: (…, m, k) by (…, k, n) → (…, m, n). */
export function matmul(a: Values, b: Values): Values {
  const rankA = a.shape.length, rankB = b.shape.length;
  const says = `Cannot multiply ${describeShape(a.shape)} by ${describeShape(b.shape)}`;
  if (rankA < 2 || rankB < 2) {
    throw new ShapeError(
      `${says}: both must have at least two axes`,
      "reshape a vector to one row or one column first",
    );
  }
  if (a.data instanceof Float64Array !== b.data instanceof Float64Array) {
    throw new ShapeError(`${says}: both must have one dtype, one is float32 and one float64`);
  }
  const [m, k] = a.shape.slice(-2), [inner, n] = b.shape.slice(-2);
  if (k !== inner) {
    const fits = a.shape.at(-1) === n;
    throw new ShapeError(
      `${says}: inner sizes must match, ${k} is not ${inner}`,
      fits ? "is the second one transposed?" : undefined,
    );
  }
  const stackA = a.shape.slice(0, -2), stackB = b.shape.slice(0, -2);
  const stack = broadcastShapes(stackA, stackB), count = sizeOf(stack);
  const x = a.data, y = b.data, out = like(a, count * m * n);
  const strides = [stretchedStrides(stackA, stack), stretchedStrides(stackB, stack)];
  forEachStretch(stack, strides[0], strides[1], ({ o, i, iStep, j, jStep, n: pairs }) => {
    for (let pair = 0; pair < pairs; pair++) {
      const at = (i + pair * iStep) * m * k, bt = (j + pair * jStep) * k * n;
      multiplyInto(out, (o + pair) * m * n, x, at, y, bt, m, k, n);
    }
  });
  return { data: out, shape: [...stack, m, n] };
}
