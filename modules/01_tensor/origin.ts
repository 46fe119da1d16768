/**
 * # 01 · Tensor: origins
 *
 * A tensor that was computed remembers how: by which operation, from which tensors. That is all this
 * module knows of gradients; the calculus is in module 05, which follows these memories backwards.
 *
 * @module
 */
import type { Padding } from "./rearrange.ts";
import type { Shape } from "./shape.ts";
import type { Tensor } from "./tensor.ts";

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
  readonly gelu: { readonly shares: Tensor };
  /** Shares of a whole along an axis (module 02) */
  readonly softmax: { readonly axis: number };
  /** Their logarithms (module 02) */
  readonly logSoftmax: { readonly axis: number };
  /** The surprise at the right classes, row by row (module 04) */
  readonly crossEntropy: { readonly logs: Tensor };
}

/** The name of a primitive operation. */
export type OpName = keyof OpExtras;

/**
 * The gradient of an input; null if there is none. A function is called only if the gradient is
 * needed: for what is costly.
 */
export type Gradient = Tensor | null | (() => Tensor);

/** An operation that brings its own derivative; module 05's defineOp() makes them. */
export interface CustomOp {
  /** Its name, for messages. */
  readonly name: string;
  /** The gradients of the inputs, in order, given that of the output. */
  readonly backward: (gradient: Tensor, made: Tensor) => readonly Gradient[];
}

/** How a tensor was made. */
export interface Origin {
  /** The operation. */
  readonly op: OpName | CustomOp;
  /** What it was made from. */
  readonly inputs: readonly Tensor[];
  /** What the derivative needs to know beside. */
  readonly extra: unknown;
  /** The inputs' versions at that moment. */
  readonly versions: readonly number[];
}

/** Whether results remember how they were made. */
export let recording = true;

/**
 * Switches the noting of origins on or off.
 *
 * @param on Whether results shall remember how they were made.
 * @returns A function that puts back what was before.
 */
export function setRecording(on: boolean): () => void {
  const before = recording;
  recording = on;
  return () => {
    recording = before;
  };
}
