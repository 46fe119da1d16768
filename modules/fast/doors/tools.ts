/**
 * # Fast kernels: what replacements are made with
 *
 * @module
 */
import type { Door, Gradient, Replacement, Shape, Tensor, Values } from "#tensor";
import type { Machine } from "../machine/machine.ts";

/**
 * The modules whose loops may be replaced, which this folder knows by their types only. The
 * library's barrel has all of them.
 */
export type Modules =
  & typeof import("#tensor")
  & typeof import("#activations")
  & typeof import("#losses")
  & typeof import("#autograd")
  & typeof import("#optimizers")
  & typeof import("#spatial");

/** What replacements are made with. */
export interface Tools {
  readonly machine: Machine;
  /** A tensor of what a kernel writes to an address; null if there was no room. */
  readonly made: (shape: Shape, write: (to: number) => void) => Tensor | null;
  /** Allocates whole numbers that live as long as the result that they belong to. */
  readonly wholeNumbers: (size: number) => Int32Array;
}

/** Puts something behind a door; it is made from the module's own, to leave to it what it must. */
export function on<Own>(door: Door<Own>, make: (own: Own) => Own): Replacement {
  const by = make(door.own);
  return { name: door.name, install: () => door.replace(by) };
}

/** The gradient of an input that needs one, as a module's own rule gives it. */
export function gradientOf(gradients: readonly Gradient[], input: number): Tensor {
  const gradient = gradients[input];
  if (gradient === null) throw new TypeError(`Cannot take the gradient of input ${input}: none`);
  return gradient instanceof Function ? gradient() : gradient;
}

/** Whether all are float32. */
export function areSingle(...all: readonly Values[]): boolean {
  return all.every(({ data }) => data instanceof Float32Array);
}
