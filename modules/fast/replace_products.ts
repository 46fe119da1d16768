/**
 * # Fast kernels: in the place of the matrix product
 *
 * @module
 */
import type { Rule } from "#autograd";
import type { Data, Tensor } from "#tensor";

import { type Machine, partsOf } from "./machine.ts";
import { type Matrix, productScratch, tile } from "./products.ts";
import type { Call } from "./threads.ts";
import type { Workshop } from "./workshop.ts";

/** A matrix within a larger array. */
type Block = { readonly data: Data; readonly start: number };

/** Module 01's loop: writes a (m, k) · b (k, n) to out. */
type Multiply = (out: Block, a: Block, b: Block, sizes: readonly number[]) => void;

/** Products below which numbers that lie elsewhere are not worth copying. */
const worthCopying = 30_000;

/** Columns and rows of a part of a product, so that each part is worth a call. */
const part = { rows: 8 * tile.rows, columns: 16 * tile.columns } as const;

/** What runs in the place of module 01's product, and of its rule. */
export function replaceProducts({ machine, made, isSingle }: Workshop): {
  readonly multiplyInto: (own: Multiply) => Multiply;
  readonly "∂matmul": (own: Rule<"matmul">) => Rule<"matmul">;
} {
  return {
    multiplyInto: (own) => (out, a, b, [m, k, n]) => {
      const isWhole = out.data.length === m * n && m * n * k > worthCopying;
      const suits = out.data instanceof Float32Array && (isWhole || machine.holds(out.data));
      const done = suits && machine.work(() => {
        const to = machine.target(out.data) + 4 * out.start;
        const left = { at: machine.address(a.data) + 4 * a.start, row: 4 * k, column: 4 };
        const right = { at: machine.address(b.data) + 4 * b.start, row: 4 * n, column: 4 };
        multiply(machine, to, left, right, [m, k, n]);
      });
      if (!done) own(out, a, b, [m, k, n]);
    },

    "∂matmul": (own) => (g, step) => {
      const [a, b] = step.inputs, [m, k] = a.shape, n = b.shape[1];
      if (a.rank !== 2 || b.rank !== 2 || !isSingle(a, b, g)) return own(g, step);
      const at = (x: Tensor, row: number, column: number): Matrix => {
        return { at: machine.address(x.data), row: 4 * row, column: 4 * column };
      };
      const times = (sizes: number[], factors: () => [Matrix, Matrix]): Tensor | null =>
        made([sizes[0], sizes[2]], (to) => multiply(machine, to, ...factors(), sizes));
      return [
        () => times([m, n, k], () => [at(g, n, 1), at(b, 1, n)]) ?? g.matmul(b.transpose()),
        () => times([k, m, n], () => [at(a, 1, k), at(g, n, 1)]) ?? a.transpose().matmul(g),
      ];
    },
  };
}

/** Writes a (m, k) · b (k, n) to an address, in parts. */
function multiply(
  machine: Machine,
  out: number,
  a: Matrix,
  b: Matrix,
  [m, k, n]: readonly number[],
): void {
  machine.run.clear(out, 4 * m * n);
  const isWide = n >= m; // the longer side is cut, so that the other operand is packed less often
  const ranges = isWide ? partsOf(n, part.columns) : partsOf(m, part.rows);
  const calls = ranges.map(([from, to]): Call => {
    const [rows, columns] = isWide ? [m, to - from] : [to - from, n];
    const [i, j] = isWide ? [0, from] : [from, 0];
    const addresses = [out + 4 * (i * n + j), a.at + i * a.row, b.at + j * b.column];
    return ["product", ...addresses, rows, columns, k, 4 * n, a.row, a.column, b.column, b.row];
  });
  const [[from, to]] = ranges,
    scratch = isWide ? productScratch(m, to - from, k) : productScratch(to - from, n, k);
  machine.share(calls, m * n * k, scratch);
}
