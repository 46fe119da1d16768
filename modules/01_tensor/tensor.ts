/**
 * # 01 · Tensor
 *
 * A photograph, a sentence, the weights of a network and all that it computes are one kind of thing
 * to a computer: a row of numbers, and a way of reading them. That thing is a *tensor*. With a few
 * dozen operations on it you can build all that follows, up to a network that reads handwritten
 * digits (LeCun et al., 1998).
 *
 * This file is its class; here you write nothing. Most methods are one line, because the work is
 * done in the chapters beside it, which know nothing but numbers and shapes. Read what a tensor can
 * do, and then write these, in this order:
 *
 *   shape.ts · arithmetic.ts · reduce.ts · matmul.ts · rearrange.ts · random.ts
 *
 * What stands in primitives.ts, print.ts, errors.ts and kernels.ts is given.
 *
 * At the end you have the core of NumPy, Python's library of arrays, and one thing that NumPy
 * lacks: a tensor remembers how it was made. Module 05 follows that memory back.
 *
 * Throughout: data the numbers · shape their reading · dtype their format · origin their history
 *
 * ## The idea, by hand
 *
 * Six numbers, 1 to 6, read as two rows of three. Add 10, 20, 30 to each row, and sum up each row:
 *
 *   1 2 3                  11 22 33  →  66
 *   4 5 6  +  10 20 30  →  14 25 36  →  75
 *
 * Nobody said "for each row"; the shapes did. Axes count from 0: axis 0 goes from row to row and
 * axis 1 along a row, so sum(1) adds up along the rows.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const x = Tensor.of([1, 2, 3, 4, 5, 6]).reshape([2, 3]);
 * assertEquals(x.add(Tensor.of([10, 20, 30])).sum(1).toArray(), [66, 75]);
 * ```
 *
 * @module
 */
import { broadcast, clip, comparisonDoors, elementDoors, pairDoors } from "./arithmetic.ts";
import type { Comparison, ElementLoop, PairOp } from "./arithmetic.ts";
import { copyHint, requireKind, requireNoOther, requireNumber } from "./errors.ts";
import { ShapeError, ValueError } from "./errors.ts";
import { Door, kernels } from "./kernels.ts";
import { checkProduct, matmul } from "./matmul.ts";
import { type OpExtras, type OpName, type PlainOp, recording, versionOf } from "./primitives.ts";
import { describeNumbers } from "./print.ts";
import type { Generator } from "./random.ts";
import * as rearrange from "./rearrange.ts";
import type { Padding, Range } from "./rearrange.ts";
import * as reduce from "./reduce.ts";
import { checkShape, like, resolveAxes, resolveAxis, sameShape, say, sizeOf } from "./shape.ts";
import type { Axes, Data, DType, Shape, Values } from "./shape.ts";

export { comparisonDoors, elementDoors, pairDoors } from "./arithmetic.ts";
export type { Comparison, ElementLoop, ElementOp, Loop, PairOp } from "./arithmetic.ts";
export * from "./errors.ts";
export * from "./kernels.ts";
export { type Block, matmulDoor, type Multiply } from "./matmul.ts";
export { noteWrite, type OpExtras, type OpName, type PlainOp, setRecording } from "./primitives.ts";
export { type Padding, type Permute, permuteDoor, type Range } from "./rearrange.ts";
export { type Fold, sumDoor } from "./reduce.ts";
export { broadcastShapes, describeShape, like, requireOneDtype, resolveAxis } from "./shape.ts";
export type { Axes, Data, DType, Shape, Stretch, Values } from "./shape.ts";
export { checkShape, sameShape, say, sizeOf, stridesOf } from "./shape.ts";

/** A number, or lists of lists of numbers of equal lengths. */
export type Nested = number | readonly Nested[];

/** What every factory takes: the number format, float32 by default. */
export type TensorOptions = { readonly dtype?: DType };

/** Options of a factory, and numbers by name beside. */
export type With<Name extends string> = TensorOptions & { readonly [N in Name]?: number };

/** Tensor.arange(): the first number (0 by default) and how far apart they are (1). */
export type RangeOptions = With<"start" | "step">;

/** Tensor.uniform(): the lowest number (0 by default) and the bound that is not reached (1). */
export type UniformOptions = With<"low" | "high">;

/** Tensor.normal(): the centre (0 by default) and the spread (1). */
export type NormalOptions = With<"mean" | "standardDeviation">;

/** What a reduction takes: whether to keep the folded axes, with size 1; false by default. */
export type ReduceOptions = { readonly keepDims?: boolean };

/** Of a variance also what is taken off the count, 1 by default. */
export type VarianceOptions = ReduceOptions & { readonly correction?: number };

// ── Origin: how a tensor was made ──
// Learning asks of a number how much the final result would change with it: its gradient. If that
// may be asked later, result(), in which operations end, notes the operation and its inputs. It is
// all that this module knows of gradients; the calculus is in module 05.

/** The gradient of an input; null if there is none. A function is called only if it is needed. */
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

/**
 * Makes an operation's result, with its origin if an input requires a gradient and recording is on.
 *
 * @param out The numbers and their shape.
 * @param op Which operation made them.
 * @param inputs From what, in order.
 * @param extra What the operation's derivative needs beside.
 * @returns The tensor.
 *
 * @example What was computed from a parameter remembers it
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { result, Tensor } from "kindling/tensor";
 * const x = new Parameter(Tensor.of([1, -2]));
 * const y = result({ data: x.data.map((v) => -v), shape: x.shape }, "neg", [x]);
 * assertEquals(y.origin?.op, "neg");
 * ```
 */
export function result<K extends OpName>(
  out: Values,
  op: K | CustomOp,
  inputs: readonly Tensor[],
  ...extra: OpExtras[K] extends undefined ? [] : [OpExtras[K]]
): Tensor {
  const made = new Tensor(out.data, out.shape);
  if (recording && inputs.some((input) => input.requiresGrad)) {
    made.origin = { op, inputs, extra: extra[0], versions: inputs.map((input) => input.version) };
  }
  return made;
}

/**
 * Numbers with a shape. Operations never change their inputs; reshape() shares their numbers.
 *
 * @example A row is added to each row
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * const sum = Tensor.of([[1, 2], [3, 4]]).add(Tensor.of([10, 20]));
 * assertEquals(sum.toArray(), [[11, 22], [13, 24]]);
 * ```
 */
export class Tensor implements Values {
  /** The numbers in row-major order. */
  readonly data: Data;
  /** How this tensor was made; null for what was not computed, or needs no gradient. */
  origin: Origin | null = null;
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;

  /**
   * Wraps numbers that are there already; Tensor.of() and its like make new ones.
   *
   * @param data The numbers in row-major order; kept, not copied.
   * @param shape Sizes of the axes.
   * @throws {ShapeError} If the shape promises another count, or a size is not at least 1.
   */
  constructor(data: Data, shape: Shape) {
    checkShape(shape);
    requireKind("Cannot wrap", "tensor", { data });
    this.data = data;
    this.shape = [...shape];
    kernels.made(this);
    if (sizeOf(shape) === data.length) return;
    const rule = `it needs ${sizeOf(shape)} numbers, there are ${data.length}`;
    throw new ShapeError(say`Cannot make a tensor of shape ${shape}: ` + rule);
  }

  // ── Factories ──

  /** A tensor of the numbers given, as many axes deep as the lists are. */
  static of(values: Nested, options: TensorOptions = {}): Tensor {
    const tensor = Tensor.zeros(shapeOf(values), options);
    tensor.data.set(flatten(values));
    return tensor;
  }

  /** A tensor of zeros. */
  static zeros(shape: Shape, { dtype = "float32", ...other }: TensorOptions = {}): Tensor {
    requireNoOther("a tensor", other);
    checkShape(shape);
    return new Tensor(dataOf(dtype, sizeOf(shape)), [...shape]);
  }

  /** A tensor of ones. */
  static ones(shape: Shape, options: TensorOptions = {}): Tensor {
    return Tensor.full(shape, 1, options);
  }

  /** A tensor of one number repeated. */
  static full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
    return filled(shape, options, () => value);
  }

  /** The numbers from start on that lie below end, step apart: PyTorch's arange. */
  static arange(end: number, options: RangeOptions = {}): Tensor {
    const { start = 0, step = 1, ...others } = options, count = Math.ceil((end - start) / step);
    if (count >= 1 && count < Infinity) return filled([count], others, (i) => start + i * step);
    const says = `Cannot count from ${start} to ${end} in steps of ${step}`;
    throw new ValueError(`${says}: there must be at least one step, and an end`);
  }

  /** A square matrix of zeros with ones on its diagonal. */
  static eye(n: number, options: TensorOptions = {}): Tensor {
    return filled([n, n], options, (i) => i % (n + 1) === 0 ? 1 : 0);
  }

  /** Random numbers, drawn evenly from [low, high), which is [0, 1) by default. */
  static uniform(shape: Shape, generator: Generator, options: UniformOptions = {}): Tensor {
    const { low = 0, high = 1, ...others } = options;
    requireKind("Cannot draw numbers from", "generator", generator);
    requireNumber(`Cannot draw over a range of ${high - low}`, high - low);
    return filled(shape, others, () => generator.uniform(low, high));
  }

  /** Random numbers from a normal distribution, by default of mean 0 and standard deviation 1. */
  static normal(shape: Shape, generator: Generator, options: NormalOptions = {}): Tensor {
    const { mean = 0, standardDeviation: spread = 1, ...others } = options;
    requireKind("Cannot draw numbers from", "generator", generator);
    requireNumber(`Cannot draw with standard deviation ${spread}`, spread);
    return filled(shape, others, () => generator.normal(mean, spread));
  }

  // ── Facts ──

  /** The number format. */
  get dtype(): DType {
    return this.data instanceof Float64Array ? "float64" : "float32";
  }

  /** How many axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** How many numbers. */
  get size(): number {
    return this.data.length;
  }

  /** Whether a gradient flows through this tensor: true for what was computed from parameters. */
  get requiresGrad(): boolean {
    return this.origin !== null;
  }

  /** How often the numbers were written, by whichever tensor shares them. */
  get version(): number {
    return versionOf(this.data);
  }

  // ── Arithmetic, stretching axes of size 1 ──

  /** This plus other: a tensor whose shape broadcasts with this one's, or a number. */
  add(other: Tensor | number): Tensor {
    return binary("add", this, other);
  }

  /** This minus other. */
  sub(other: Tensor | number): Tensor {
    return binary("sub", this, other);
  }

  /** This times other, element by element. */
  mul(other: Tensor | number): Tensor {
    return binary("mul", this, other);
  }

  /** This divided by other, element by element. */
  div(other: Tensor | number): Tensor {
    return binary("div", this, other);
  }

  /** This to the power of other. */
  pow(other: Tensor | number): Tensor {
    return binary("pow", this, other);
  }

  /** The greater of this and other; its gradient is shared evenly where they are equal. */
  maximum(other: Tensor | number): Tensor {
    return binary("maximum", this, other);
  }

  /** The negative of each element. */
  neg(): Tensor {
    return elementwise("neg", elementDoors.neg, this);
  }

  /** e to the power of each element. */
  exp(): Tensor {
    return elementwise("exp", elementDoors.exp, this);
  }

  /** The natural logarithm of each element. */
  log(): Tensor {
    return elementwise("log", elementDoors.log, this);
  }

  /** The square root of each element. */
  sqrt(): Tensor {
    return elementwise("sqrt", elementDoors.sqrt, this);
  }

  /** The size of each element without its sign. */
  abs(): Tensor {
    return elementwise("abs", elementDoors.abs, this);
  }

  /** Each element, or the bound that it is beyond; infinite bounds are none. */
  clip(low: number, high: number): Tensor {
    if (low <= high) return result(clip(this, low, high), "clip", [this], { low, high });
    throw new ValueError(`Cannot clip to ${low} … ${high}: the first must not be the greater`);
  }

  // ── Comparisons: 1 where it is so, else 0; no gradient flows through them ──

  /** Where this equals other. */
  equal(other: Tensor | number): Tensor {
    return compare("equal", this, other);
  }

  /** Where this is not equal to other. */
  notEqual(other: Tensor | number): Tensor {
    return compare("notEqual", this, other);
  }

  /** Where this is greater than other. */
  greater(other: Tensor | number): Tensor {
    return compare("greater", this, other);
  }

  /** Where this is greater than other or equal. */
  greaterEqual(other: Tensor | number): Tensor {
    return compare("greaterEqual", this, other);
  }

  /** Where this is less than other. */
  less(other: Tensor | number): Tensor {
    return compare("greater", operand(this, other), this);
  }

  /** Where this is less than other or equal. */
  lessEqual(other: Tensor | number): Tensor {
    return compare("greaterEqual", operand(this, other), this);
  }

  // ── Reductions: over one axis, several, or all when left out ──

  /** The sum over axes. */
  sum(axes?: Axes, { keepDims = false, ...other }: ReduceOptions = {}): Tensor {
    requireNoOther("a reduction", other);
    const kept = reduce.reducedShape(this.shape, resolveAxes(axes, this.shape), true);
    return result(reduce.fold(this, axes, keepDims, reduce.sumDoor.run), "sum", [this], { kept });
  }

  /** The mean over axes. */
  mean(axes?: Axes, options: ReduceOptions = {}): Tensor {
    return this.sum(axes, options).div(reduce.foldedCount(this.shape, axes));
  }

  /** The greatest over axes; its gradient is shared evenly among equals, as in PyTorch's amax. */
  max(axes?: Axes, { keepDims = false, ...other }: ReduceOptions = {}): Tensor {
    requireNoOther("a reduction", other);
    const folded = resolveAxes(axes, this.shape);
    const kept = reduce.reducedShape(this.shape, folded, true);
    const out = reduce.fold(this, axes, keepDims, reduce.maxBlock);
    return result(out, "max", [this], { kept, axes: folded });
  }

  /** The least over axes; its gradient is shared evenly among equals. */
  min(axes?: Axes, options: ReduceOptions = {}): Tensor {
    return this.neg().max(axes, options).neg();
  }

  /**
   * The mean squared distance from the mean over axes.
   *
   * @param axes Which axes; all when left out.
   * @param options keepDims, and correction: what is taken off the count, 1 by default (as in
   * PyTorch), which makes the variance of a sample unbiased; 0 for that of the numbers themselves.
   * @returns The variances.
   * @throws {ValueError} If the count is not above the correction.
   */
  variance(axes?: Axes, { correction = 1, ...options }: VarianceOptions = {}): Tensor {
    const count = reduce.foldedCount(this.shape, axes);
    if (!(count > correction && correction > -Infinity)) {
      const says = `Cannot take a variance with correction ${correction}`;
      throw new ValueError(`${says}: there must be more numbers than that, ${count} is not`);
    }
    const distance = this.sub(this.mean(axes, { keepDims: true }));
    return distance.mul(distance).sum(axes, options).div(count - correction);
  }

  /** The position of the greatest along an axis, or among all; the first of equals. No gradient. */
  argmax(axis?: number, { keepDims = false, ...other }: ReduceOptions = {}): Tensor {
    requireNoOther("a reduction", other);
    if (axis !== undefined) return tensorOf(reduce.argmax(this, axis, keepDims));
    return this.reshape([-1]).argmax(0).reshape(keepDims ? this.shape.map(() => 1) : []);
  }

  // ── Matrix product ──

  /**
   * The matrix product, over broadcasting stacks of matrices. A vector counts as a row on the left
   * and as a column on the right, and that axis is gone from the result.
   *
   * @param other (…, k, n) where this is (…, m, k); or (k,).
   * @returns (…, m, n).
   * @throws {ShapeError} If the inner sizes differ, or one is a single number.
   *
   * @example Rows by columns
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Tensor } from "kindling/tensor";
   * const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[5, 6], [7, 8]]);
   * assertEquals(a.matmul(b).toArray(), [[19, 22], [43, 50]]);
   * ```
   */
  matmul(other: Tensor): Tensor {
    checkProduct(this, other);
    if (other.rank === 1) return this.matmul(other.unsqueeze(1)).squeeze(-1);
    if (this.rank === 1) return this.unsqueeze(0).matmul(other).squeeze(-2);
    return result(matmul(this, other), "matmul", [this, other]);
  }

  // ── Rearranging ──

  /** The same numbers, shared, in another shape; one size may be −1, for whatever is left. */
  reshape(shape: Shape): Tensor {
    requireKind("Cannot reshape to", "list", shape);
    return result(rearrange.reshape(this, shape), "reshape", [this]);
  }

  /** Axes in another order: axis k of the result is axis `order[k]` of this. */
  permute(order: readonly number[]): Tensor {
    requireKind("Cannot permute by", "list", order);
    const axes = order.map((axis) => resolveAxis(axis, this.shape));
    return result(rearrange.permuteDoor.run(this, axes), "permute", [this], { order: axes });
  }

  /** The last two axes exchanged. */
  transpose(): Tensor {
    const axes = this.shape.map((_, axis) => axis);
    return this.permute([...axes.slice(0, -2), ...axes.slice(-2).reverse()]);
  }

  /** Without an axis of size 1, or without all of them; other axes stay, as in PyTorch. */
  squeeze(axis?: number): Tensor {
    const chosen = axis === undefined ? -1 : resolveAxis(axis, this.shape);
    return this.reshape(this.shape.filter((n, k) => n !== 1 || (chosen >= 0 && k !== chosen)));
  }

  /** With one more axis, of size 1, in front of the axis named; −1 adds it at the end. */
  unsqueeze(axis: number): Tensor {
    const shape = [...this.shape];
    shape.splice(resolveAxis(axis, [...shape, 1]), 0, 1);
    return this.reshape(shape);
  }

  /** Axes of size 1 stretched, and new axes in front. */
  expand(shape: Shape): Tensor {
    return result(rearrange.expand(this, shape), "expand", [this]);
  }

  /**
   * A part: one range for each axis from the first on, null or left out for all of it.
   *
   * @param ranges [start, end) for each axis; negatives count from the end.
   * @returns A copy of that part, of the same rank.
   * @throws {ValueError} If a range is empty or reaches out of its axis.
   *
   * @example The last two columns
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Tensor } from "kindling/tensor";
   * const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
   * assertEquals(x.slice(null, [1, 3]).toArray(), [[2, 3], [5, 6]]);
   * ```
   */
  slice(...ranges: readonly Range[]): Tensor {
    const resolved = rearrange.resolveRanges(ranges, this.shape);
    return result(rearrange.slice(this, resolved), "slice", [this], { ranges: resolved });
  }

  /** Zeros around: [before, after] for each axis. */
  pad(padding: Padding): Tensor {
    const extra = { padding: structuredClone(padding) }; // the caller may change the list
    return result(rearrange.pad(this, padding), "pad", [this], extra);
  }

  /** Several tensors, one after the other along an axis. */
  static concat(tensors: readonly Tensor[], axis = 0): Tensor {
    requireKind("Cannot join", "list", tensors);
    const joined = rearrange.concat(tensors, axis);
    return result(joined, "concat", [...tensors], { axis: resolveAxis(axis, joined.shape) });
  }

  /** Several tensors of one shape, side by side along a new axis. */
  static stack(tensors: readonly Tensor[], axis = 0): Tensor {
    requireKind("Cannot stack", "list", tensors);
    requireKind("Cannot stack", "tensor", ...tensors);
    return Tensor.concat(tensors.map((tensor) => tensor.unsqueeze(axis)), axis);
  }

  /**
   * Picks one element for each element of an index, along one axis (PyTorch's gather).
   *
   * @param axis The axis along which `index` says where.
   * @param index Whole numbers, with as many axes as this.
   * @returns A tensor of the index's shape.
   * @throws {ShapeError} If the index has another rank, or is larger on another axis.
   * @throws {ValueError} If an index is not a whole number, or out of range.
   *
   * @example The score of one class per row
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Tensor } from "kindling/tensor";
   * const scores = Tensor.of([[1, 2, 3], [4, 5, 6]]);
   * assertEquals(scores.gather(1, Tensor.of([[2], [0]])).toArray(), [[3], [4]]);
   * ```
   */
  gather(axis: number, index: Tensor): Tensor {
    requireKind("Cannot gather by", "tensor", index);
    const places = rearrange.gatherPlaces(this, axis, index);
    const out = like(this, places.length).map((_, k) => this.data[places[k]]);
    return result({ data: out, shape: index.shape }, "gather", [this], { places });
  }

  // ── Out of the tensor ──

  /** The same numbers in another format. */
  to(dtype: DType): Tensor {
    if (dtype === this.dtype) return this;
    const data = dataOf(dtype, this.size);
    data.set(this.data);
    return result({ data, shape: this.shape }, "to", [this]);
  }

  /** The only number of a tensor of one element. */
  item(): number {
    if (this.size === 1) return this.data[0];
    const says = say`Cannot take one number out of ${this}: it holds ${this.size}`;
    throw new ShapeError(says, "reduce it first, with sum() or mean()");
  }

  /** The numbers as lists of lists. */
  toArray(): Nested {
    return nest(this.data, this.shape, 0, 0);
  }

  /** Shape, dtype and the numbers in aligned rows; of a large tensor the ends of each axis. */
  toString(): string {
    const numbers = describeNumbers(this), apart = this.rank > 1 ? "\n" : " ";
    return say`Tensor ${this} ${this.dtype}${apart}${numbers}`;
  }

  /** What `console.log` prints in Deno: the numbers, not the whole history. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  /** What `console.log` prints in Bun and Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

// ── Small tools (given) ──

/** The second operand as a tensor; a number takes the first one's dtype. */
function operand(first: Tensor, other: Tensor | number): Tensor {
  if (typeof other === "number") return new Tensor(like(first, 1, "anything").fill(other), []);
  if (other instanceof Tensor) return other;
  const says = say`Cannot combine ${first} with ${other}: it is no tensor and no number`;
  throw new ShapeError(says, copyHint(other));
}

/** Runs a two-operand primitive and notes its origin. */
function binary(op: PairOp, first: Tensor, other: Tensor | number): Tensor {
  const second = operand(first, other);
  return result(broadcast(pairDoors[op].run, first, second), op, [first, second]);
}

/** Runs a comparison. */
function compare(op: Comparison, first: Tensor, other: Tensor | number): Tensor {
  return tensorOf(broadcast(comparisonDoors[op].run, first, operand(first, other)));
}

/**
 * Makes a primitive of a loop that writes one number for each.
 *
 * @param op Which primitive it is.
 * @param f Writes `out` from the numbers of x, which are as many; or a door with such a loop.
 * @param x Any tensor.
 * @returns A tensor of the same shape, with its origin.
 *
 * @example A loop of one's own
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { type Data, elementwise, Tensor } from "kindling/tensor";
 * const negate = (out: Data, x: Data): void => x.forEach((v, i) => out[i] = -v);
 * assertEquals(elementwise("neg", negate, Tensor.of([1, 2])).toArray(), [-1, -2]);
 * ```
 */
export function elementwise(op: PlainOp, f: ElementLoop | Door<ElementLoop>, x: Tensor): Tensor {
  requireKind("Cannot compute with", "tensor", x);
  const data = like(x, x.size, "anything");
  (f instanceof Door ? f.run : f)(data, x.data);
  return result({ data, shape: x.shape }, op, [x]);
}

/**
 * Wraps plain values that need no origin.
 *
 * @example The numbers are shared
 * ```ts
 * import { assert } from "@std/assert";
 * import { Tensor, tensorOf } from "kindling/tensor";
 * const x = Tensor.of([1, 2]);
 * assert(tensorOf(x).data === x.data);
 * ```
 */
export function tensorOf({ data, shape }: Values): Tensor {
  return new Tensor(data, shape);
}

/** Makes a tensor of numbers that follow from their position. */
function filled(shape: Shape, options: TensorOptions, at: (i: number) => number): Tensor {
  const tensor = Tensor.zeros(shape, options), { data } = tensor;
  for (let i = 0; i < data.length; i++) data[i] = at(i);
  return tensor;
}

/** Makes room for numbers of a format. */
function dataOf(dtype: DType, size: number): Data {
  if (dtype === "float32") return kernels.room(size, "lasting");
  if (dtype === "float64") return new Float64Array(size);
  throw new ValueError(`Cannot make numbers of dtype ${dtype}: it is "float32" or "float64"`);
}

/** Measures nested lists, and refuses ragged ones. */
function shapeOf(values: Nested): number[] {
  if (typeof values === "number") return [];
  if (!Array.isArray(values)) {
    const hint = ArrayBuffer.isView(values) ? "use new Tensor(data, shape)" : undefined;
    throw new ShapeError(`Cannot make a tensor of ${values}: it is no number`, hint);
  }
  const [first = [], ...others] = Array.from(values, shapeOf);
  const odd = others.find((shape) => !sameShape(shape, first));
  if (!odd) return [values.length, ...first];
  throw new ShapeError(say`Cannot make a tensor of ragged lists: ${odd} stands beside ${first}`);
}

/** All numbers of nested lists, one after the other. */
function flatten(values: Nested): number[] {
  return typeof values === "number" ? [values] : values.flatMap(flatten);
}

/** Cuts a typed array into nested lists. */
function nest(data: Data, shape: Shape, axis: number, at: number): Nested {
  if (axis === shape.length) return data[at];
  const step = sizeOf(shape.slice(axis + 1));
  return Array.from({ length: shape[axis] }, (_, k) => nest(data, shape, axis + 1, at + k * step));
}

/**
 * ## To think about
 *
 * 1. Which shapes can 12 numbers have, if none of the sizes is 1?
 * 2. float32 can hold 3·10³⁸. Why is mean() of two such numbers infinite?
 * 3. a and b are (256, 256), c is (256, 1). (a·b)·c and a·(b·c) are one column. Which is cheaper?
 * 4. Why is reshape() free, while permute() has to copy?
 * 5. A shuffle swaps each place with one of all n, not of those left. Why is it unfair for n = 3?
 *
 * ## What is next
 *
 * Matrix products, however many follow each other, draw straight lines only. Module 02 adds the
 * bend that makes depth count.
 */
