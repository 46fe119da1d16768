/**
 * # 01 · Tensor
 *
 * Everything that follows, from one neuron to the network of 1998, is made of one kind of thing: a
 * block of numbers with a shape. This file is its class. Each method is one line, because the work
 * is done in the chapters beside it, which know nothing but numbers and shapes:
 *
 *   shape.ts · arithmetic.ts · reduce.ts · matmul.ts · rearrange.ts · random.ts
 *
 * At the end you have NumPy's core, and one thing that NumPy lacks: a tensor remembers how it was
 * made. Module 05 will need nothing else to compute gradients.
 *
 * Throughout: data the numbers · shape their reading · dtype their format · origin their history
 *
 * @module
 */
import * as arithmetic from "./arithmetic.ts";
import { ShapeError } from "./errors.ts";
import { matmul } from "./matmul.ts";
import type { Generator } from "./random.ts";
import * as rearrange from "./rearrange.ts";
import type { Padding, Range } from "./rearrange.ts";
import * as reduce from "./reduce.ts";
import {
  type Axes,
  checkShape,
  type Data,
  describeShape,
  type DType,
  resolveAxes,
  type Shape,
  sizeOf,
  type Values,
} from "./shape.ts";

export { ShapeError, ValueError } from "./errors.ts";
export type { Padding, Range } from "./rearrange.ts";
export type { Axes, Data, DType, Shape, Values } from "./shape.ts";
export {
  broadcastShapes,
  describeShape,
  like,
  requireOneDtype,
  resolveAxis,
  sameShape,
  sizeOf,
  stridesOf,
} from "./shape.ts";

/** A number, or lists of lists of numbers of equal lengths. */
export type Nested = number | readonly Nested[];

/** What every factory takes. */
export interface TensorOptions {
  /** The number format, float32 by default. */
  readonly dtype?: DType;
}

/** What a reduction takes. */
export interface ReduceOptions {
  /** Keep the folded axes, with size 1; false by default. */
  readonly keepDims?: boolean;
}

// ── Origin: how a tensor was made ──
// Each operation ends in result(), which notes the operation and its inputs, if gradients may be
// asked for later. That is all this module knows of gradients; the calculus is in module 05.

/**
 * The primitive operations of modules 01 to 04, each with what its derivative needs to know beside
 * inputs and output. The list is closed: module 05 has one rule for each, and the compiler counts.
 */
export interface OpExtras {
  /** a + b */
  readonly add: undefined;
  /** a − b */
  readonly sub: undefined;
  /** a · b, element by element */
  readonly mul: undefined;
  /** a / b */
  readonly div: undefined;
  /** −x */
  readonly neg: undefined;
  /** eˣ */
  readonly exp: undefined;
  /** ln x */
  readonly log: undefined;
  /** √x */
  readonly sqrt: undefined;
  /** Another number format. */
  readonly to: undefined;
  /** The sum over axes; `kept` is the result's shape with the folded axes as 1. */
  readonly sum: { readonly kept: Shape };
  /** The greatest over axes; `kept` as above. */
  readonly max: { readonly kept: Shape; readonly axes: readonly number[] };
  /** Matrix product. */
  readonly matmul: undefined;
  /** Another shape for the same numbers. */
  readonly reshape: undefined;
  /** Another order of axes. */
  readonly permute: { readonly order: readonly number[] };
  /** Axes of size 1 stretched. */
  readonly expand: undefined;
  /** A part. */
  readonly slice: { readonly ranges: readonly (readonly [number, number])[] };
  /** Zeros around. */
  readonly pad: { readonly padding: Padding };
  /** max(x, 0) (module 02) */
  readonly relu: undefined;
  /** 1 / (1 + e⁻ˣ) (module 02) */
  readonly sigmoid: undefined;
  /** Hyperbolic tangent (module 02) */
  readonly tanh: undefined;
  /** Shares of a whole along an axis (module 02) */
  readonly softmax: { readonly axis: number };
  /** Their logarithms (module 02) */
  readonly logSoftmax: { readonly axis: number };
  /** The surprise at the right labels (module 04) */
  readonly crossEntropy: { readonly labels: Int32Array; readonly probabilities: Values };
}

/** The name of a primitive operation. */
export type OpName = keyof OpExtras;

/** An operation that brings its own derivative; module 05's defineOp() makes them. */
export interface CustomOp {
  /** Its name, for messages. */
  readonly name: string;
  /** The gradient of each input, given that of the output; null where there is none. */
  readonly backward: (gradient: Tensor, made: Tensor) => readonly (Tensor | null)[];
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

let recording = true;

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

/**
 * Makes an operation's result, with its origin if an input requires a gradient and recording is on.
 *
 * @param out The numbers and their shape.
 * @param op Which operation made them.
 * @param inputs From what, in order.
 * @param extra What the operation's derivative needs beside.
 * @returns The tensor.
 */
export function result<K extends OpName>(
  out: Values,
  op: K,
  inputs: readonly Tensor[],
  ...extra: OpExtras[K] extends undefined ? [] : [OpExtras[K]]
): Tensor {
  return remember(new Tensor(out.data, out.shape), op, inputs, extra[0]);
}

/**
 * Notes a tensor's origin if an input requires a gradient and recording is on.
 *
 * @param made The new tensor.
 * @param op Which operation made it.
 * @param inputs From what.
 * @param extra What the derivative needs beside.
 * @returns The same tensor.
 */
export function remember(
  made: Tensor,
  op: OpName | CustomOp,
  inputs: readonly Tensor[],
  extra: unknown,
): Tensor {
  if (recording && inputs.some((input) => input.requiresGrad)) {
    made.origin = { op, inputs, extra, versions: inputs.map((input) => input.version) };
  }
  return made;
}

/**
 * Numbers with a shape. Operations never change their inputs; reshape() shares their numbers.
 *
 * @example A row is added to each row
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "#tensor";
 * const sum = Tensor.of([[1, 2], [3, 4]]).add(Tensor.of([10, 20]));
 * assertEquals(sum.toArray(), [[11, 22], [13, 24]]);
 * ```
 */
export class Tensor implements Values {
  /** How this tensor was made; null for what was not computed, or needs no gradient. */
  origin: Origin | null = null;

  /**
   * Wraps numbers that are there already; Tensor.of() and its like make new ones.
   *
   * @param data The numbers in row-major order; kept, not copied.
   * @param shape Sizes of the axes.
   * @throws {ShapeError} If the shape promises another count, or a size is not at least 1.
   */
  constructor(readonly data: Data, readonly shape: Shape) {
    checkShape(shape);
    if (sizeOf(shape) !== data.length) {
      throw new ShapeError(
        `Cannot make a tensor of shape ${describeShape(shape)}: ` +
          `it needs ${sizeOf(shape)} numbers, there are ${data.length}`,
      );
    }
  }

  // ── Factories ──

  /** A tensor of the numbers given, as many axes deep as the lists are. */
  static of(values: Nested, options: TensorOptions = {}): Tensor {
    const shape: number[] = [];
    for (let inner = values; Array.isArray(inner); inner = inner[0]) {
      shape.push(inner.length);
      checkShape(shape);
    }
    const tensor = Tensor.zeros(shape, options);
    fill(tensor.data, 0, values, shape, 0);
    return tensor;
  }

  /** A tensor of zeros. */
  static zeros(shape: Shape, { dtype = "float32" }: TensorOptions = {}): Tensor {
    checkShape(shape);
    const size = sizeOf(shape), data = dtype === "float64" ? Float64Array : Float32Array;
    return new Tensor(new data(size), [...shape]);
  }

  /** A tensor of ones. */
  static ones(shape: Shape, options: TensorOptions = {}): Tensor {
    return Tensor.full(shape, 1, options);
  }

  /** A tensor of one number repeated. */
  static full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
    const tensor = Tensor.zeros(shape, options);
    tensor.data.fill(value);
    return tensor;
  }

  /** Random numbers, drawn evenly from [low, high), which is [0, 1) by default. */
  static uniform(
    shape: Shape,
    generator: Generator,
    { low = 0, high = 1, ...options }: TensorOptions & { low?: number; high?: number } = {},
  ): Tensor {
    const tensor = Tensor.zeros(shape, options), { data } = tensor;
    for (let i = 0; i < data.length; i++) data[i] = generator.uniform(low, high);
    return tensor;
  }

  /** Random numbers from a normal distribution, by default of mean 0 and standard deviation 1. */
  static normal(
    shape: Shape,
    generator: Generator,
    { mean = 0, standardDeviation = 1, ...options }:
      & TensorOptions
      & { mean?: number; standardDeviation?: number } = {},
  ): Tensor {
    const tensor = Tensor.zeros(shape, options), { data } = tensor;
    for (let i = 0; i < data.length; i++) data[i] = generator.normal(mean, standardDeviation);
    return tensor;
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

  /** How often write() has replaced the numbers; 0 for all but parameters. */
  get version(): number {
    return 0;
  }

  // ── Arithmetic, stretching axes of size 1 ──

  /** This plus other: a tensor whose shape broadcasts with this one's, or a number. */
  add(other: Tensor | number): Tensor {
    return binary("add", arithmetic.add, this, other);
  }

  /** This minus other. */
  sub(other: Tensor | number): Tensor {
    return binary("sub", arithmetic.sub, this, other);
  }

  /** This times other, element by element. */
  mul(other: Tensor | number): Tensor {
    return binary("mul", arithmetic.mul, this, other);
  }

  /** This divided by other, element by element. */
  div(other: Tensor | number): Tensor {
    return binary("div", arithmetic.div, this, other);
  }

  /** The negative of each element. */
  neg(): Tensor {
    return result(arithmetic.neg(this), "neg", [this]);
  }

  /** e to the power of each element. */
  exp(): Tensor {
    return result(arithmetic.exp(this), "exp", [this]);
  }

  /** The natural logarithm of each element. */
  log(): Tensor {
    return result(arithmetic.log(this), "log", [this]);
  }

  /** The square root of each element. */
  sqrt(): Tensor {
    return result(arithmetic.sqrt(this), "sqrt", [this]);
  }

  /** 1 where equal to other, else 0; no gradient flows through a comparison. */
  equal(other: Tensor | number): Tensor {
    const { data, shape } = arithmetic.equal(this, operand(this, other));
    return new Tensor(data, shape);
  }

  /** 1 where greater than other, else 0; no gradient flows through a comparison. */
  greater(other: Tensor | number): Tensor {
    const { data, shape } = arithmetic.greater(this, operand(this, other));
    return new Tensor(data, shape);
  }

  // ── Reductions: over one axis, several, or all when left out ──

  /** The sum over axes. */
  sum(axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
    const kept = reduce.reducedShape(this.shape, resolveAxes(axes, this.shape), true);
    return result(reduce.sum(this, axes, keepDims), "sum", [this], { kept });
  }

  /** The mean over axes. */
  mean(axes?: Axes, options: ReduceOptions = {}): Tensor {
    return this.sum(axes, options).div(reduce.foldedCount(this.shape, axes));
  }

  /** The greatest over axes; its gradient is shared evenly among equals, as in PyTorch's amax. */
  max(axes?: Axes, { keepDims = false }: ReduceOptions = {}): Tensor {
    const folded = resolveAxes(axes, this.shape);
    const kept = reduce.reducedShape(this.shape, folded, true);
    return result(reduce.max(this, axes, keepDims), "max", [this], { kept, axes: folded });
  }

  /** The position of the greatest along an axis, as numbers; the first of equals. No gradient. */
  argmax(axis = -1, { keepDims = false }: ReduceOptions = {}): Tensor {
    const { data, shape } = reduce.argmax(this, axis, keepDims);
    return new Tensor(data, shape);
  }

  // ── Matrix product ──

  /**
   * The matrix product, over broadcasting stacks of matrices.
   *
   * @param other (…, k, n) where this is (…, m, k).
   * @returns (…, m, n).
   * @throws {ShapeError} If the inner sizes differ, or one has fewer than two axes.
   *
   * @example Rows by columns
   * ```ts
   * import { assertEquals } from "@std/assert";
   * import { Tensor } from "#tensor";
   * const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[5, 6], [7, 8]]);
   * assertEquals(a.matmul(b).toArray(), [[19, 22], [43, 50]]);
   * ```
   */
  matmul(other: Tensor): Tensor {
    return result(matmul(this, other), "matmul", [this, other]);
  }

  // ── Rearranging ──

  /** The same numbers, shared, in another shape; one size may be −1, for whatever is left. */
  reshape(shape: Shape): Tensor {
    return result(rearrange.reshape(this, shape), "reshape", [this]);
  }

  /** Axes in another order: axis k of the result is axis `order[k]` of this. */
  permute(order: readonly number[]): Tensor {
    return result(rearrange.permute(this, order), "permute", [this], { order });
  }

  /** The last two axes exchanged. */
  transpose(): Tensor {
    const axes = this.shape.map((_, axis) => axis);
    return this.permute([...axes.slice(0, -2), ...axes.slice(-2).reverse()]);
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
   * import { Tensor } from "#tensor";
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
    return result(rearrange.pad(this, padding), "pad", [this], { padding });
  }

  // ── Out of the tensor ──

  /** The same numbers in another format. */
  to(dtype: DType): Tensor {
    if (dtype === this.dtype) return this;
    const data = dtype === "float64" ? new Float64Array(this.data) : new Float32Array(this.data);
    return result({ data, shape: this.shape }, "to", [this]);
  }

  /** The only number of a tensor of one element. */
  item(): number {
    if (this.size === 1) return this.data[0];
    throw new ShapeError(
      `Cannot take one number out of ${describeShape(this.shape)}: it holds ${this.size}`,
      "reduce it first, with sum() or mean()",
    );
  }

  /** The numbers as lists of lists. */
  toArray(): Nested {
    return nest(this.data, this.shape, 0, 0);
  }

  /** Shape, dtype and the numbers (the first few of a large tensor). */
  toString(): string {
    const shown = this.size <= 100
      ? describeNested(this.toArray())
      : `[${Array.from(this.data.slice(0, 8), describeNested).join(", ")}, …]`;
    return `Tensor ${describeShape(this.shape)} ${this.dtype} ${shown}`;
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
  return typeof other === "number" ? Tensor.full([], other, { dtype: first.dtype }) : other;
}

/** Runs a two-operand primitive and notes its origin. */
function binary(
  op: "add" | "sub" | "mul" | "div",
  compute: (a: Values, b: Values) => Values,
  first: Tensor,
  other: Tensor | number,
): Tensor {
  const second = operand(first, other);
  return result(compute(first, second), op, [first, second]);
}

/** Copies nested lists into a typed array, and refuses ragged ones. Returns the next position. */
function fill(data: Data, at: number, values: Nested, shape: Shape, axis: number): number {
  if (typeof values === "number" && axis === shape.length) {
    data[at] = values;
    return at + 1;
  }
  if (!Array.isArray(values) || axis === shape.length || values.length !== shape[axis]) {
    const found = Array.isArray(values)
      ? `a list of ${values.length}`
      : `${typeof values} ${values}`;
    throw new ShapeError(
      `Cannot make a tensor of ragged lists: ` +
        `for shape ${describeShape(shape)}, at depth ${axis} there is ${found}`,
    );
  }
  for (const part of values) at = fill(data, at, part, shape, axis + 1);
  return at;
}

/** Cuts a typed array into nested lists. */
function nest(data: Data, shape: Shape, axis: number, at: number): Nested {
  if (axis === shape.length) return data[at];
  const step = sizeOf(shape.slice(axis + 1));
  return Array.from({ length: shape[axis] }, (_, k) => nest(data, shape, axis + 1, at + k * step));
}

/** Writes nested lists as JSON does, but NaN and infinity as what they are. */
function describeNested(values: Nested): string {
  if (typeof values !== "number") return `[${values.map(describeNested).join(",")}]`;
  return Math.abs(values) === Infinity ? (values > 0 ? "∞" : "-∞") : String(values);
}
