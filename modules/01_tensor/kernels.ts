/**
 * # 01 · Tensor: whose loops run
 *
 * The loops of these chapters are plain, so that they can be read and written. Others may run in
 * their place: a set of kernels has the same loops in a faster form, and makes room for numbers
 * where it reaches them. Results are the same but for rounding.
 *
 * @module
 */

/** Where room for numbers is needed; what it holds at first. */
export type Room = "zeros" | "anything" | "lasting";

/** A set of kernels. */
export interface Kernels {
  /** What reports call it. */
  readonly name: string;

  /** Makes room for numbers; "lasting" if they are not the result of an operation. */
  room(size: number, holding: Room): Float32Array;

  /**
   * Says what runs in the place of a module's own loop, operation or rule: it has the same
   * parameters and results.
   */
  replace<Own extends object>(name: string, own: Own): Own;

  /** Is told of every tensor that is made. */
  made(tensor: object): void;

  /** Is told of a tensor that shall outlive the step, and gives it back. */
  keep<T extends object>(tensor: T): T;

  /**
   * Runs one step of training or evaluation. The room that its tensors took may be used again when
   * it is over, but not that of what is kept.
   */
  step<T>(compute: () => T): T;
}

/** The modules' own loops, over ordinary typed arrays. */
export const loops: Kernels = {
  name: "loops",
  room: (size) => new Float32Array(size),
  replace: (_, own) => own,
  made: () => {},
  keep: (tensor) => tensor,
  step: (compute) => compute(),
};

/** The kernels that run. */
export let kernels: Kernels = loops;

/**
 * Chooses kernels.
 *
 * @param chosen Which run from now on.
 * @returns A function that puts back what was before.
 *
 * @example Kernels that count the tensors that are made
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loops, setKernels, Tensor } from "#tensor";
 * let count = 0;
 * const restore = setKernels({ ...loops, name: "counting", made: () => count++ });
 * Tensor.of([1, 2]).add(Tensor.of([3, 4]));
 * restore();
 * Tensor.of([5, 6]);
 * assertEquals(count, 3); // two terms and their sum
 * ```
 */
export function setKernels(chosen: Kernels): () => void {
  const before = kernels;
  kernels = chosen;
  return () => {
    kernels = before;
  };
}
