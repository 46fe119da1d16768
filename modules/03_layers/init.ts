/**
 * # 03 · Layers: how weights begin
 *
 * If weights start too large, signals grow from layer to layer until they drown everything; too
 * small, and they die out. The right size follows from how many numbers each unit adds up: the
 * *fan-in*.
 *
 * @module
 */
import type { Generator } from "#random";
import { type DType, type Shape, Tensor } from "#tensor";

/**
 * Draws weights evenly from ±1/√fanIn, PyTorch's default for Linear and Conv2d.
 *
 * @task 03.1
 * @param shape Their shape.
 * @param fanIn How many numbers one output adds up.
 * @param generator Where the random numbers come from.
 * @param dtype The number format.
 * @returns The weights.
 *
 * @example No weight is larger than 1/√fanIn
 * ```ts
 * import { assert } from "@std/assert";
 * import { uniformByFanIn } from "#layers";
 * import { Generator } from "#random";
 * const weight = uniformByFanIn([8, 16], 16, new Generator(1), "float32");
 * assert(weight.data.every((w) => Math.abs(w) <= 1 / 4));
 * ```
 */
export function uniformByFanIn(
  shape: Shape,
  fanIn: number,
  generator: Generator,
  dtype: DType,
): Tensor {
  const bound = 1 / Math.sqrt(fanIn);
  return Tensor.uniform(shape, generator, { low: -bound, high: bound, dtype });
}
