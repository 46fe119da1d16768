/**
 * # 01 · Tensor: the primitive operations
 *
 * A tensor that was computed remembers how: by which operation, from which tensors. This is the
 * list of those operations, and the switch that turns remembering off.
 *
 * @module
 */
import type { Padding } from "./rearrange.ts";
import type { Data, Shape, Values } from "./shape.ts";

/** Operations whose derivative needs nothing but their inputs and their output. */
export type PlainOp =
  | ("add" | "sub" | "mul" | "div" | "pow" | "maximum")
  | ("neg" | "exp" | "log" | "sqrt" | "abs" | "to")
  | ("matmul" | "reshape" | "expand")
  | ("relu" | "sigmoid" | "tanh") // module 02
  | "binaryCrossEntropy"; // module 04

/**
 * The primitive operations of modules 01 to 04, each with what its derivative needs to know beside
 * inputs and output. The list is closed: module 05 has one rule for each, and the compiler counts.
 */
export interface OpExtras extends Readonly<Record<PlainOp, undefined>> {
  /** x, or the bound that it is beyond */
  readonly clip: { readonly low: number; readonly high: number };
  /** Σ x over axes; `kept` is the shape with those axes of size 1 */
  readonly sum: { readonly kept: Shape };
  /** The greatest over axes */
  readonly max: { readonly kept: Shape; readonly axes: readonly number[] };
  /** Axes in another order */
  readonly permute: { readonly order: readonly number[] };
  /** A part, [start, end) on each axis */
  readonly slice: { readonly ranges: readonly (readonly [number, number])[] };
  /** Zeros around */
  readonly pad: { readonly padding: Padding };
  /** One after the other along an axis */
  readonly concat: { readonly axis: number };
  /** Elements picked one by one, from these places */
  readonly gather: { readonly places: Int32Array };
  /** relu that lets a little of the negative part through (module 02) */
  readonly leakyRelu: { readonly slope: number };
  /** x times the normal distribution's share below x (module 02) */
  readonly gelu: { readonly shares: Values };
  /** Shares of a whole along an axis (module 02) */
  readonly softmax: { readonly axis: number };
  /** Their logarithms (module 02) */
  readonly logSoftmax: { readonly axis: number };
  /** The surprise at the right classes, row by row (module 04) */
  readonly crossEntropy: { readonly logs: Values };
}

/** The name of a primitive operation. */
export type OpName = keyof OpExtras;

/** How often each array of numbers was written, so that all tensors that share it know. */
const writes = new WeakMap<Data, number>();

/** How often some numbers were written. */
export function versionOf(data: Data): number {
  return writes.get(data) ?? 0;
}

/**
 * Notes that numbers are about to be written: a backward that still needs the old ones will say so.
 *
 * @param data The array, whichever tensors share it.
 *
 * @example All tensors over one array know
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { noteWrite, Tensor } from "kindling/tensor";
 * const x = Tensor.ones([4]), square = x.reshape([2, 2]);
 * noteWrite(x.data);
 * assertEquals([x.version, square.version], [1, 1]);
 * ```
 */
export function noteWrite(data: Data): void {
  writes.set(data, versionOf(data) + 1);
}

/** Whether results remember how they were made. */
export let recording = true;

/**
 * Switches the noting of origins on or off.
 *
 * @param on Whether results shall remember how they were made.
 * @returns A function that puts back what was before.
 *
 * @example Switched off, and back on
 * ```ts
 * import { assert } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { setRecording, Tensor } from "kindling/tensor";
 * const restore = setRecording(false);
 * const made = new Parameter(Tensor.ones([2])).mul(3);
 * restore();
 * assert(!made.requiresGrad);
 * ```
 */
export function setRecording(on: boolean): () => void {
  const before = recording;
  recording = on;
  return () => {
    recording = before;
  };
}
