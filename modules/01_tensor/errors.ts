/**
 * # 01 · Tensor: errors
 *
 * The two errors that every module throws for a value that it cannot use, and the checks that many
 * of them share.
 *
 * A message is one sentence, `Cannot <verb> <values>: <rule>, <what was found>`. What to do about
 * it stands apart, in `hint`, so that a program can show one without the other.
 *
 * @module
 */

/**
 * A wrong type, shape or dtype.
 *
 * @example Shapes that do not meet
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { ShapeError, Tensor } from "kindling/tensor";
 * assertThrows(() => Tensor.ones([2]).add(Tensor.ones([3])), ShapeError, "(2,) with (3,)");
 * ```
 */
export class ShapeError extends TypeError {
  /** The class's name, as it is printed. */
  override readonly name = "ShapeError";
  /** What to do about it, where that can be said. */
  readonly hint?: string;

  /**
   * Makes the error.
   *
   * @param message What happened and why, naming the shapes.
   * @param hint What to do about it, where that can be said.
   */
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * A value of the right type outside of what is allowed: an index, a label, a rate.
 *
 * @example An axis that is not there
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { Tensor, ValueError } from "kindling/tensor";
 * assertThrows(() => Tensor.ones([2]).sum(1), ValueError, "axis 1");
 * ```
 */
export class ValueError extends RangeError {
  /** The class's name, as it is printed. */
  override readonly name = "ValueError";
  /** What to do about it, where that can be said. */
  readonly hint?: string;

  /**
   * Makes the error.
   *
   * @param message What happened and why, naming the values.
   * @param hint What to do about it, where that can be said.
   */
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/**
 * A hint about a value that looks like a tensor and is not one of this library's.
 *
 * @example An array is no such value
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { copyHint } from "kindling/tensor";
 * const other = { data: [1], shape: [1] };
 * assertEquals(copyHint(other), "was it made by another copy of the library?");
 * assertEquals(copyHint([1]), undefined);
 * ```
 */
export function copyHint(value: unknown): string | undefined {
  const isAlike = value instanceof Object && "data" in value && "shape" in value;
  return isAlike ? "was it made by another copy of the library?" : undefined;
}

/**
 * Refuses what is not a whole number, or too small.
 *
 * @param says What cannot be done, naming the value: `Cannot make batches of 2.5`.
 * @param n The number.
 * @param least The smallest allowed, 1 by default.
 * @throws {ValueError} If it is neither whole nor large enough.
 *
 * @example Two and a half is not whole
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { requireWhole, ValueError } from "kindling/tensor";
 * assertThrows(() => requireWhole("Cannot take 2.5 steps", 2.5), ValueError, "whole number");
 * ```
 */
export function requireWhole(says: string, n: number, least = 1): void {
  if (Number.isInteger(n) && n >= least) return;
  throw new ValueError(`${says}: it must be a whole number of at least ${least}`);
}

/**
 * Refuses what is not a number of a range.
 *
 * @param says What cannot be done, naming the value: `Cannot set momentum to -1`.
 * @param x The number.
 * @param least The smallest allowed, 0 by default.
 * @param most The greatest allowed; any finite number by default.
 * @throws {ValueError} If it is NaN, infinite or out of range.
 *
 * @example NaN is no number
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { requireNumber, ValueError } from "kindling/tensor";
 * assertThrows(() => requireNumber("Cannot wait NaN seconds", NaN), ValueError, "finite number");
 * ```
 */
export function requireNumber(says: string, x: number, least = 0, most = Infinity): void {
  if (Number.isFinite(x) && x >= least && x <= most) return;
  const range = most < Infinity ? ` from ${least} to ${most}` : ` of at least ${least}`;
  throw new ValueError(`${says}: it must be a finite number${least > -Infinity ? range : ""}`);
}

/**
 * Refuses options that nobody reads: a misspelt name would silently do nothing.
 *
 * @param owner What was given the options: `SGD`.
 * @param unread The options that are left when all known ones are taken out.
 * @throws {ValueError} If there is one.
 *
 * @example A misspelt name is found
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { requireNoOther, ValueError } from "kindling/tensor";
 * const { stride: _, ...other } = { stride: 1, pading: 2 };
 * assertThrows(() => requireNoOther("conv2d", other), ValueError, "pading");
 * ```
 */
export function requireNoOther(owner: string, unread: object): void {
  const names = Object.keys(unread);
  if (names.length === 0) return;
  throw new ValueError(`Cannot use the option ${names[0]}: ${owner} has none of that name`);
}
