/**
 * # 01 · Tensor: printing
 *
 * What `console.log` shows of a tensor: its numbers in aligned rows, and of a large one only the
 * ends of each axis, as NumPy and PyTorch do.
 *
 * @module
 */
import { stridesOf, type Values } from "./shape.ts";

/** Up to this many numbers all are shown. */
const most = 200;

/** Four digits after the point, or three and an exponent where that says more. */
function describeNumber(x: number): string {
  const size = Math.abs(x);
  if (size === Infinity) return x > 0 ? "∞" : "-∞";
  if (size >= 1e9 || (size > 0 && size < 1e-3)) return x.toExponential(3);
  return String(Number(x.toFixed(4)));
}

/**
 * Writes a tensor's numbers as lists of lists, one row of the last axis to a line.
 *
 * @param values The tensor.
 * @returns The text.
 */
export function describeNumbers({ data, shape }: Values): string {
  const strides = stridesOf(shape);
  let width = 0;
  function describe(axis: number, at: number): string {
    const n = shape[axis], inside = shape.length - axis - 1; // axes within this one
    if (n === undefined) return describeNumber(data[at]).padStart(width);
    const all = n <= 6 || data.length <= most;
    const ends = all ? [...Array(n).keys()] : [0, 1, 2, -1, n - 3, n - 2, n - 1];
    const parts = ends.map((k) => k < 0 ? "…" : describe(axis + 1, at + k * strides[axis]));
    return `[${parts.join(inside ? "," + "\n".repeat(inside) + " ".repeat(axis + 1) : ", ")}]`;
  }
  for (const cell of describe(0, 0).split(/[^\w.∞+-]+/)) width = Math.max(width, cell.length);
  return describe(0, 0);
}
