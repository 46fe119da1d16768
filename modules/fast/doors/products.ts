/**
 * # Fast kernels: the matrix product, in parts
 *
 * @module
 */
import type { Block, Replacement } from "#tensor";
import type { Call } from "../kernels/assemble.ts";
import { type Matrix, productCall, productScratch, tile } from "../kernels/products.ts";
import { type Machine, partsOf } from "../machine/machine.ts";
import { type Modules, on, type Tools } from "./tools.ts";

/** Products below which numbers that lie elsewhere are not worth copying. */
const worthCopying = 30_000;

/** Columns and rows of a part of a product, so that each part is worth a call. */
const part = { rows: 8 * tile.rows, columns: 16 * tile.columns } as const;

/** What runs in place of module 01's product. */
export function replaceProducts({ machine }: Tools, { matmulDoor }: Modules): Replacement {
  const at = ({ data, start }: Block, columns: number): Matrix => {
    return { at: machine.address(data) + 4 * start, row: 4 * columns, column: 4 };
  };
  return on(matmulDoor, (own) =>
    function product(out, a, b, [m, k, n]): void {
      const isWhole = out.data.length === m * n && m * n * k > worthCopying;
      const suits = out.data instanceof Float32Array && (isWhole || machine.holds(out.data));
      const done = suits && machine.work(() => {
        const to = machine.target(out.data) + 4 * out.start;
        multiply(machine, to, at(a, k), at(b, n), [m, k, n]);
      });
      if (done) return;
      if (!suits || m <= part.rows) {
        own(out, a, b, [m, k, n]);
        return;
      }
      const half = Math.ceil(m / 2); // there is no room for all rows at once
      for (const [from, rows] of [[0, half], [half, m - half]]) {
        product(rowsOf(out, from, rows, n), rowsOf(a, from, rows, k), b, [rows, k, n]);
      }
    });
}

/** Some rows of a matrix. */
function rowsOf({ data, start }: Block, from: number, rows: number, columns: number): Block {
  const first = start + from * columns;
  return { data: data.subarray(first, first + rows * columns), start: 0 };
}

/** Writes a (m, k) · b (k, n) to an address, in parts. */
export function multiply(
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
    return productCall({
      out: out + 4 * (i * n + j),
      a: a.at + i * a.row,
      b: b.at + j * b.column,
      m: rows,
      n: columns,
      k,
      outRow: 4 * n,
      aRow: a.row,
      aStep: a.column,
      bColumn: b.column,
      bStep: b.row,
    });
  });
  const [[from, to]] = ranges;
  const scratch = isWide ? productScratch(m, to - from, k) : productScratch(to - from, n, k);
  machine.share(calls, m * n * k, scratch);
}
