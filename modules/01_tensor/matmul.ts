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
  requireOneDtype,
  sizeOf,
  stretchedStrides,
  type Values,
} from "./shape.ts";

// ── 1.7 Rows by columns ──
// out[i, j] = Σₚ a[i, p] · b[p, j]. Three loops in any order give the right answer. What decides
// the time is how often a number is fetched from memory. Computed one by one, each product costs
// two fetches. Computed as a tile of two rows by four columns, eight sums grow side by side in
// local variables, and six fetches feed eight products:
//
//             b0 b1 b2 b3
//        x →  s0 s1 s2 s3        one row of a, four columns of b
//        y →  t0 t1 t2 t3        the next row of a
//
// The sums are JavaScript numbers, so they grow in float64 and are rounded once, at the end.

/**
 * Writes the product of two matrices, which lie inside of larger arrays, into a third.
 *
 * @task 01.7
 * @param out Where to write, from position o on: (m, n).
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
  for (let i = 0; i < m; i += 2) {
    const down = i + 1 < m ? 1 : 0; // the last of an odd number of rows is its own neighbour
    const a0 = at + i * k, a1 = a0 + down * k, row0 = o + i * n, row1 = row0 + down * n;
    let j = 0;
    for (; j + 3 < n; j += 4) {
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
      for (let p = 0, q = bt + j; p < k; p++, q += n) {
        const x = a[a0 + p], y = a[a1 + p];
        const b0 = b[q], b1 = b[q + 1], b2 = b[q + 2], b3 = b[q + 3];
        s0 += x * b0;
        s1 += x * b1;
        s2 += x * b2;
        s3 += x * b3;
        t0 += y * b0;
        t1 += y * b1;
        t2 += y * b2;
        t3 += y * b3;
      }
      out[row0 + j] = s0;
      out[row0 + j + 1] = s1;
      out[row0 + j + 2] = s2;
      out[row0 + j + 3] = s3;
      out[row1 + j] = t0;
      out[row1 + j + 1] = t1;
      out[row1 + j + 2] = t2;
      out[row1 + j + 3] = t3;
    }
    for (; j < n; j++) { // columns that fill no tile
      let s = 0, t = 0;
      for (let p = 0, q = bt + j; p < k; p++, q += n) {
        s += a[a0 + p] * b[q];
        t += a[a1 + p] * b[q];
      }
      out[row0 + j] = s;
      out[row1 + j] = t;
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
  requireOneDtype("Cannot multiply", "by", a, b);
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
