/**
 * # 01 · Tensor: shapes
 *
 * A tensor is a row of numbers in memory and a way of reading them. The numbers are a typed array;
 * the way of reading is the *shape*, a list of sizes. A picture, a batch of pictures and a layer's
 * weights are told apart by nothing else.
 *
 * At the end of this file you can say where any element of any tensor lies, and what shape comes
 * out when two tensors of different shapes meet.
 *
 * Throughout: shape (2, 3) 2 rows of 3 · axis one position in a shape · rank how many axes · stride
 * how far apart in memory neighbours along an axis lie
 *
 * @module
 */
import { requireKind, ShapeError, ValueError } from "./errors.ts";
import { kernels, type Room } from "./kernels.ts";

/** The numbers of a tensor, row after row. Float32 is the default, float64 is for exact checks. */
export type Data = Float32Array | Float64Array;

/** The name of a tensor's number format. */
export type DType = "float32" | "float64";

/** Sizes of the axes, outermost first; `[]` is a single number. No size is 0. */
export type Shape = readonly number[];

/**
 * What the chapters of this module know of a tensor: numbers in row-major order (the last axis
 * varies fastest), and the sizes of the axes, outermost first.
 */
export type Values = { readonly data: Data; readonly shape: Shape };

/** One axis, several, or (left out) all of them; negative numbers count from the end. */
export type Axes = number | readonly number[];

// ── 1.1 How many numbers ──
// A shape is a list of sizes, `[2, 3]` in code and (2, 3) in prose: 2 rows of 3. It promises a
// count, here six numbers. (4,) has one axis and promises four. () has none and is a single number,
// because the product of nothing is 1.
//
//   size of (a, b, c) = a·b·c
//
// The test asks for shapes of no axis up to several. () is the case that gets forgotten.

/**
 * Counts the elements of a shape.
 *
 * @task 01.1
 * @param shape Sizes of the axes.
 * @returns Their product; 1 for the empty shape.
 *
 * @example Two rows of three
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { sizeOf } from "kindling/tensor";
 * assertEquals(sizeOf([2, 3]), 6);
 * assertEquals(sizeOf([]), 1);
 * ```
 */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, n) => size * n, 1);
}

// ── 1.2 Where an element lies ──
// Row-major order puts the last axis side by side. One step along the last axis is one step in
// memory; one step along the axis before it jumps over a whole row, and so on outwards:
//
//   shape   (2, 3)     data   0 1 2   3 4 5
//   strides (3, 1)            └───┘   └───┘
//                             row 0   row 1     element (1, 2) lies at place 1·3 + 2·1 = 5
//
// Rows, columns and places count from 0. The stride of an axis is the product of all sizes behind
// it. Strides are the key to everything in this module: with other strides the same memory is read
// in another way. The test looks at your list, and whether the shape given is still what it was.

/**
 * Says how far apart in memory neighbours along each axis lie.
 *
 * @task 01.2
 * @param shape Sizes of the axes.
 * @returns One stride per axis, in elements.
 *
 * @example The last axis has stride 1
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { stridesOf } from "kindling/tensor";
 * assertEquals(stridesOf([2, 3, 4]), [12, 4, 1]);
 * ```
 */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

// ── 1.3 Broadcasting ──
// Three numbers, shape (3,), added to 32 rows, shape (32, 3), should reach every row, and nobody
// wants to copy them 32 times. The rule is NumPy's: line the shapes up at their *ends*; missing
// axes count as 1; two sizes fit if they are equal or one of them is 1, and the 1 is stretched.
//
//     (32, 3)        (8, 1, 5)        (4, 3)
//         (3)           (7, 5)        (4)
//   = (32, 3)      = (8, 7, 5)      = error: 3 is not 4
//
// A good message names both shapes and the two sizes that do not fit. The tests check the class of
// an error, and the numbers and shapes in it, here and further on; the words are yours. Ours are:
//
//   Cannot broadcast (4, 3) with (4,): sizes, counted from the end, must be equal or 1, 3 is not 4

/**
 * Finds the shape in which two tensors meet (NumPy's broadcasting).
 *
 * @task 01.3
 * @param a First shape.
 * @param b Second shape.
 * @param says Tells what cannot be done, for the error: by default, to broadcast the two.
 * @returns The common shape.
 * @throws {ShapeError} If two sizes differ and neither is 1.
 *
 * @example Sizes of 1 and missing axes are stretched
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { broadcastShapes } from "kindling/tensor";
 * assertEquals(broadcastShapes([8, 1, 5], [7, 5]), [8, 7, 5]);
 * ```
 */
export function broadcastShapes(a: Shape, b: Shape, says?: () => string): number[] {
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let fromEnd = 1; fromEnd <= rank; fromEnd++) {
    const n = a[a.length - fromEnd] ?? 1;
    const m = b[b.length - fromEnd] ?? 1;
    if (n !== m && n !== 1 && m !== 1) {
      const rule = `sizes, counted from the end, must be equal or 1, ${n} is not ${m}`;
      throw new ShapeError(`${says?.() ?? say`Cannot broadcast ${a} with ${b}`}: ${rule}`);
    }
    shape[rank - fromEnd] = n === 1 ? m : n;
  }
  return shape;
}

// ── Walking (given) ──
// Loops over several axes at once are needed again and again: to broadcast, to permute, to cut.
// forEachStretch() turns all of them into a few long straight stretches, so that the loop that
// matters stays a plain `for` over a typed array.

/** A straight stretch of `n` elements, with the positions and steps of two operands along it. */
export interface Stretch {
  /** First position in the row-major output; its step is 1. */
  readonly o: number;
  /** First position in the first operand. */
  readonly i: number;
  /** How far the first operand moves from one element to the next; 0 repeats one number. */
  readonly iStep: number;
  /** First position in the second operand. */
  readonly j: number;
  /** How far the second operand moves from one element to the next. */
  readonly jStep: number;
  /** How many elements. */
  readonly n: number;
}

/** What is done with each stretch. */
export type Visit = (stretch: Stretch) => void;

/**
 * Walks a shape in row-major order, in the longest stretches along which two operands each move by
 * one fixed step. Neighbouring axes are merged where the memory of both allows it: two tensors of
 * one shape are a single stretch.
 *
 * @param shape The shape to walk.
 * @param iStrides Strides of the first operand on that shape; 0 where it is stretched.
 * @param jStrides Strides of the second.
 * @param visit Called once per stretch.
 */
export function forEachStretch(shape: Shape, iStrides: Shape, jStrides: Shape, visit: Visit): void {
  const sizes: number[] = [], iSteps: number[] = [], jSteps: number[] = []; // innermost first
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    const last = sizes.length - 1, size = sizes[last];
    if (iStrides[axis] === iSteps[last] * size && jStrides[axis] === jSteps[last] * size) {
      sizes[last] *= shape[axis]; // the outer axis goes on where the inner one ends
      continue;
    }
    sizes.push(shape[axis]);
    iSteps.push(iStrides[axis]);
    jSteps.push(jStrides[axis]);
  }
  const [n = 1] = sizes, [iStep = 0] = iSteps, [jStep = 0] = jSteps;
  let o = 0;
  function walk(level: number, i: number, j: number): void {
    if (level < 1) {
      visit({ o, i, iStep, j, jStep, n });
      o += n;
      return;
    }
    const iMove = iSteps[level], jMove = jSteps[level];
    for (let k = 0; k < sizes[level]; k++) walk(level - 1, i + k * iMove, j + k * jMove);
  }
  walk(sizes.length - 1, 0, 0);
}

/**
 * Strides with which a tensor of one shape is read as if it had a larger one.
 *
 * @param from Its shape.
 * @param to A shape that it broadcasts to.
 * @returns One stride per axis of `to`; 0 where a single value is repeated.
 */
export function stretchedStrides(from: Shape, to: Shape): number[] {
  const own = stridesOf(from), missing = to.length - from.length;
  return to.map((_, k) => k < missing || from[k - missing] === 1 ? 0 : own[k - missing]);
}

// ── Small tools (given) ──

/**
 * Makes room for `size` numbers in the format of `values`.
 *
 * @param values Whose format to take.
 * @param size How many numbers.
 * @param holding What they are at first: "zeros" by default; "anything" if all get written anyway.
 * @returns A typed array.
 *
 * @example The format is taken over
 * ```ts
 * import { assert } from "@std/assert";
 * import { like, Tensor } from "kindling/tensor";
 * assert(like(Tensor.of(1, { dtype: "float64" }), 4) instanceof Float64Array);
 * ```
 */
export function like({ data }: Pick<Values, "data">, size: number, holding: Room = "zeros"): Data {
  return data instanceof Float64Array ? new Float64Array(size) : kernels.room(size, holding);
}

/**
 * Tells whether two shapes are the same.
 *
 * @param a First shape.
 * @param b Second shape.
 * @returns True if rank and all sizes are equal.
 *
 * @example Rank counts
 * ```ts
 * import { assert } from "@std/assert";
 * import { sameShape } from "kindling/tensor";
 * assert(sameShape([2, 3], [2, 3]) && !sameShape([3], [1, 3]));
 * ```
 */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}

/**
 * Writes a shape as people do: `(2, 3)`, `(4,)` for one axis, `()` for a single number.
 *
 * @param shape Sizes of the axes.
 * @returns The text.
 *
 * @example One axis keeps its comma
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { describeShape } from "kindling/tensor";
 * assertEquals(describeShape([3]), "(3,)");
 * ```
 */
export function describeShape(shape: Shape): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/**
 * Writes a message: shapes, and tensors by their shapes, appear as describeShape() writes them.
 *
 * @example For a template
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { say, Tensor } from "kindling/tensor";
 * assertEquals(say`Cannot add ${Tensor.zeros([3])} to ${[2, 4]}`, "Cannot add (3,) to (2, 4)");
 * ```
 */
export function say(text: TemplateStringsArray, ...values: readonly unknown[]): string {
  const parts = values.map((part) => part instanceof Object && "shape" in part ? part.shape : part);
  return String.raw({ raw: text }, ...parts.map((s) => Array.isArray(s) ? describeShape(s) : s));
}

/**
 * Refuses what cannot be a shape.
 *
 * @param shape Sizes to check.
 * @throws {ShapeError} If a size is not a whole number of at least 1.
 *
 * @example No size is 0
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { checkShape, ShapeError } from "kindling/tensor";
 * assertThrows(() => checkShape([2, 0]), ShapeError, "0 is not");
 * ```
 */
export function checkShape(shape: Shape): void {
  requireKind("Cannot make a tensor of shape", "list", shape);
  for (const n of shape) {
    if (Number.isInteger(n) && n > 0) continue;
    const rule = `sizes must be whole numbers of at least 1, ${n} is not`;
    throw new ShapeError(say`Cannot make a tensor of shape ${shape}: ` + rule);
  }
}

/**
 * Turns an axis that may count from the end into one that counts from the start.
 *
 * @param axis The axis, −rank … rank − 1.
 * @param shape The shape that it belongs to.
 * @returns The axis, 0 … rank − 1.
 * @throws {ValueError} If the shape has no such axis.
 *
 * @example −1 is the last one
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { resolveAxis } from "kindling/tensor";
 * assertEquals(resolveAxis(-1, [2, 3, 4]), 2);
 * ```
 */
export function resolveAxis(axis: number, shape: Shape): number {
  const rank = shape?.length ?? 0; // of a list that was taken for a tensor, it is undefined
  if (Number.isInteger(axis) && axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis;
  const rule = rank === 0 ? "a single number has no axes" : `axes go from ${-rank} to ${rank - 1}`;
  throw new ValueError(say`Cannot use axis ${axis} of shape ${shape}: ` + rule);
}

/**
 * Lists axes in rising order, counted from the start.
 *
 * @param axes One axis, several, or all when left out.
 * @param shape The shape that they belong to.
 * @returns The axes, each once.
 * @throws {ValueError} If one does not exist or is named twice.
 */
export function resolveAxes(axes: Axes | undefined, shape: Shape): number[] {
  if (axes === undefined) return shape.map((_, axis) => axis);
  if (typeof axes !== "number") requireKind("Cannot use as axes", "list", axes);
  const list = (typeof axes === "number" ? [axes] : axes).map((axis) => resolveAxis(axis, shape));
  if (new Set(list).size === list.length) return list.sort((a, b) => a - b);
  throw new ValueError(say`Cannot use axes ${list} of shape ${shape}: one is named twice`);
}

/**
 * Refuses tensors of different number formats.
 *
 * @param says What cannot be done, `Cannot convolve`.
 * @param tensors Tensors that must have the same format.
 * @throws {ShapeError} If one has not.
 *
 * @example The message names both
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { requireOneDtype, ShapeError, Tensor } from "kindling/tensor";
 * const a = Tensor.of(1), b = Tensor.of(1, { dtype: "float64" });
 * assertThrows(() => requireOneDtype("Cannot mix", a, b), ShapeError, "float32 and float64");
 * ```
 */
export function requireOneDtype(says: string, ...tensors: readonly Values[]): void {
  requireKind(says, "tensor", ...tensors);
  const formats = tensors.map(({ data }) => data instanceof Float32Array ? "float32" : "float64");
  const other = formats.find((format) => format !== formats[0]);
  if (other === undefined) return;
  const message = `${says} ${formats[0]} and ${other}: all must have one dtype`;
  throw new ShapeError(message, "convert one with .to(dtype)");
}

/**
 * ## What it costs
 *
 * A shape is a handful of numbers, whatever it describes. Nor does broadcasting copy what it
 * stretches: a stride of 0 reads the same number again and again. Only results take memory, 4 bytes
 * for each number in float32 and 8 in float64.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const batch = Tensor.zeros([32, 3, 64, 64]); // 32 photographs in three colours
 * assertEquals(batch.data.byteLength, 1.5 * 2 ** 20); // 1.5 MiB
 * ```
 *
 * ## What breaks in practice
 *
 * **Broadcasting is silent.** Three predictions of shape (3,) minus three targets of shape (3, 1)
 * should be three differences. The shapes fit, so there is no error, and there are nine: each
 * prediction minus each target. How wrong the predictions are is often measured by the mean of the
 * squares. Here each of them is right, and the measure is not 0.
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const predictions = Tensor.of([1, 2, 3]), targets = Tensor.of([[1], [2], [3]]);
 * const wrong = predictions.sub(targets);
 * assertEquals(wrong.shape, [3, 3]);
 * assert(wrong.pow(2).mean().item() > 1);
 * assertEquals(predictions.sub(targets.reshape([3])).toArray(), [0, 0, 0]);
 * ```
 */
