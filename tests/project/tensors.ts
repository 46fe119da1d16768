/**
 * What the tests across modules share when they handle tensors: making them one number after the
 * other, comparisons, and what flows back.
 *
 * @module
 */
import { gradients, leaf } from "#autograd";
import type { Generator } from "#random";
import { type DType, type Nested, type Shape, Tensor } from "#tensor";
import { assert, assertEquals } from "@std/assert";
import { type Position, positionsOf } from "../properties/oracle.ts";

/** Both number formats. */
export const dtypes: readonly DType[] = ["float32", "float64"];

/** A float64 tensor of these numbers. */
export function float64(values: Nested): Tensor {
  return Tensor.of(values, { dtype: "float64" });
}

/** Random numbers, float64 unless told. */
export function normal(shape: Shape, generator: Generator, dtype: DType = "float64"): Tensor {
  return Tensor.normal(shape, generator, { dtype });
}

/** A tensor whose elements are computed from their indices, one by one. */
export function build(shape: Shape, dtype: DType, element: (index: Position) => number): Tensor {
  const numbers = positionsOf(shape).map(element);
  const data = dtype === "float64" ? new Float64Array(numbers) : new Float32Array(numbers);
  return new Tensor(data, shape);
}

/** Fails unless shape, format and numbers are the same. */
export function assertSame(actual: Tensor, expected: Tensor, what: string): void {
  assertEquals([...actual.shape], [...expected.shape], what);
  assertEquals(actual.dtype, expected.dtype, what);
  assertEquals(actual.data, expected.data, what);
}

/** Fails unless shape and dtype are equal and each value within tolerance · max(1, |expected|). */
export function assertClose(actual: Tensor, expected: Tensor, tolerance: number, about = ""): void {
  assertEquals([[...actual.shape], actual.dtype], [[...expected.shape], expected.dtype], about);
  expected.data.forEach((e, i) => {
    const a = actual.data[i];
    const isClose = Object.is(a, e) || Math.abs(a - e) <= tolerance * Math.max(1, Math.abs(e));
    assert(isClose, `${about} at ${i}: got ${a}, expected ${e}`);
  });
}

/** What flows back to the inputs when `g` flows into the output. */
export function pullBack(
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  g: Tensor,
): Tensor[] {
  const leaves = inputs.map(leaf);
  return gradients(compute(leaves).mul(g).sum(), leaves);
}
