/**
 * # Fast kernels: what replacements are made with
 *
 * @module
 */
import type { Shape, Tensor, Values } from "#tensor";
import type { Machine } from "./machine.ts";

/** Module 01, which this folder knows by its types only. */
export type TensorModule = typeof import("#tensor");

/** What replacements are made with. */
export interface Workshop {
  readonly machine: Machine;
  /** A tensor of what a kernel writes to an address; null if there was no room. */
  readonly made: (shape: Shape, write: (to: number) => void) => Tensor | null;
  /** Room for whole numbers that live as long as the result that they go with. */
  readonly wholeNumbers: (size: number) => Int32Array;
  /** Whether all are float32. */
  readonly isSingle: (...all: readonly Values[]) => boolean;
}
