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
 * A hint about a value that looks like a tensor or a module and is not one of this library's.
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
  const x = Object(value), isAlike = "data" in x && "shape" in x || "namedParameters" in x;
  return isAlike ? "was it made by another copy of the library?" : undefined;
}

/** Kinds of values, by what they have, and where they come from. */
const kinds: Readonly<Record<KindName, readonly [is: (x: unknown) => boolean, hint: string]>> = {
  list: [(x) => Array.isArray(x), "a list stands in brackets: [a, b]"],
  object: [(x) => x !== null && typeof x === "object", "options stand in braces: { a: 1 }"],
  function: [(x) => typeof x === "function", "hand it over without calling it"],
  tensor: [(x) => ArrayBuffer.isView(Object(x).data), "Tensor.of([[1, 2]]) makes one"],
  generator: [(x) => "permutation" in Object(x), "new Generator(1) makes one of a seed"],
  state: [(x) => x instanceof Map, "stateDict() gives one"],
  "data set": [(x) => "batch" in Object(x), "new TensorDataset(x, labels) makes one"],
};

/** A kind that is told by what a value has. */
export type KindName =
  | "list"
  | "object"
  | "function"
  | "tensor"
  | "generator"
  | "state"
  | "data set";

/** A class, or one of those kinds. */
export type Kind = KindName | (abstract new (...args: never[]) => object);

/**
 * Refuses values of another kind than is needed. The compiler says so first, where it is asked.
 *
 * @param says What cannot be done with it, up to the value: `Cannot optimize`.
 * @param kind What it must be.
 * @param values What was given.
 * @throws {ShapeError} If one is anything else.
 *
 * @example A list is not a tensor
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { requireKind, ShapeError } from "kindling/tensor";
 * const says = "Cannot add a list of 2: it must be a tensor";
 * assertThrows(() => requireKind("Cannot add", "tensor", [1, 2]), ShapeError, says);
 * ```
 */
export function requireKind(says: string, kind: Kind, ...values: readonly unknown[]): void {
  const isClass = typeof kind === "function", wanted = isClass ? kind.name : kind;
  for (const value of values) {
    if (isClass ? value instanceof kind : kinds[kind][0](value)) continue;
    const rule = `it must be a${/^[aeiou]/i.test(wanted) ? "n" : ""} ${wanted}`;
    const hint = isClass ? copyHint(isNamed(value, wanted) ? value : null) : kinds[kind][1];
    throw new ShapeError(`${says} ${describe(value)}: ${rule}`, hint);
  }
}

/** Whether a value is of a class of that name, or of one that extends it. */
function isNamed(value: unknown, name: string): boolean {
  const { constructor: Class } = Object(value), above = Object.getPrototypeOf(Object(value));
  return Class?.name === name || above !== null && isNamed(above, name);
}

/** What a message calls a value. */
function describe(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (Object(value) === value) return `the ${Object(value).constructor?.name ?? "Object"}`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
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
