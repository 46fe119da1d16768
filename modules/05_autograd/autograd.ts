/**
 * # 05 · Autograd
 *
 * Every tensor that was computed from a parameter remembers how: which operation, from which
 * inputs. Followed backwards from the loss, these memories are a map of the whole computation, and
 * on the way back the chain rule says how much each number on it matters.
 *
 * At the end you can call backward(loss) on anything you can compute, and every parameter knows in
 * which direction to move.
 *
 * Throughout: L the loss, a single number · g = ∂L/∂y, the gradient of a tensor y: how much L
 * moves when an element of y moves, same shape as y
 *
 * @module
 */
import { Parameter } from "#layers";
import { Generator } from "#random";
import { kernels, like, requireNoOther, requireNumber, result, sameShape, say } from "#tensor";
import { setRecording, ShapeError, stridesOf, Tensor, tensorOf, ValueError } from "#tensor";
import type { CustomOp, Gradient, OpName, Origin, PlainOp, Values } from "#tensor";
import { type Rule, rules, unbroadcast } from "./rules.ts";

export { type Rule, rules, type Step, unbroadcast } from "./rules.ts";

/**
 * A gradient was asked of a computation that cannot give it any more.
 *
 * @example A computation is walked back once
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { backward, GraphError } from "#autograd";
 * import { Parameter } from "#layers";
 * import { Tensor } from "#tensor";
 * const loss = new Parameter(Tensor.of(3)).mul(2);
 * backward(loss);
 * assertThrows(() => backward(loss), GraphError, "twice");
 * ```
 */
export class GraphError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "GraphError";

  /**
   * Makes the error.
   *
   * @param message What happened and why.
   * @param hint What to do about it.
   */
  constructor(message: string, readonly hint: string) {
    super(message);
  }
}

// ── 5.1 The order of the walk ──
// A tensor's gradient is complete only when everything that used it has had its say. So the walk
// goes from the loss backwards, and visits a tensor after all its users: the reverse of a
// topological order.
//
//      w ──┐
//          mul ── a ──┬── add ── L        order back: L, b, a, w
//      x ──┘          └── b ──┘           (b before a, because b uses a)

/**
 * Lists a computation so that every tensor comes after all that it was made from. It keeps its own
 * stack, because ten thousand operations in a row would be too deep for recursion.
 *
 * @task 05.1
 * @param last The result.
 * @returns Everything on the way that requires a gradient, the result last.
 *
 * @example What was used comes first
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { leaf, topologicalOrder } from "#autograd";
 * import { Tensor } from "#tensor";
 * const x = leaf(Tensor.of(2)), square = x.mul(x);
 * assertEquals(topologicalOrder(square), [x, square]);
 * ```
 */
export function topologicalOrder(last: Tensor): Tensor[] {
  const order: Tensor[] = [], seen = new Set<Tensor>();
  const open = [{ tensor: last, inputsAreListed: false }];
  for (let top = open.pop(); top; top = open.pop()) {
    const { tensor, inputsAreListed } = top;
    if (inputsAreListed) order.push(tensor);
    else if (tensor.requiresGrad && !seen.has(tensor)) {
      seen.add(tensor);
      open.push({ tensor, inputsAreListed: true }); // its turn comes when all above it is done
      const inputs = tensor.origin?.inputs ?? [];
      for (const input of inputs) open.push({ tensor: input, inputsAreListed: false });
    }
  }
  return order;
}

// ── 5.2 The walk ──

/** Stand in the place of an operation whose graph was walked, so that its memory can be freed. */
const spent: CustomOp = { name: "walked", backward: refuse };
const walked: Origin = { op: spent, inputs: [], extra: null, versions: [] };

function refuse(): never {
  const says = "Cannot go backward twice over one computation: its intermediate values are gone";
  throw new GraphError(says, "compute the loss again, or add two losses before going backward");
}

/** One step back: the gradients of a tensor's inputs, each in its input's shape (given). */
function stepBack(made: Tensor, origin: Origin, gradient: Tensor): readonly (Tensor | null)[] {
  const { op, inputs, extra, versions } = origin;
  const says = `Cannot go backward through ${typeof op === "string" ? op : op.name}`;
  const changed = inputs.find((input, k) => input.version !== versions[k]);
  if (changed) {
    const rule = say`its input ${changed} was changed after it was used`;
    throw new GraphError(`${says}: ${rule}`, "call backward() before the optimizer's step()");
  }
  const step = { inputs, output: made, extra: extra as undefined };
  const found = typeof op === "string"
    ? kernels.replace(`∂${op}`, rules[op] as Rule<OpName>)(gradient, step)
    : op.backward(gradient, made);
  if (found.length < inputs.length) {
    const counts = `${found.length} is not ${inputs.length}`;
    throw new ShapeError(`${says}: it must give one gradient (or null) per input, ${counts}`);
  }
  return inputs.map((input, k) => {
    const given = input.requiresGrad ? found[k] : null;
    if (given === null) return null;
    const g = given instanceof Tensor ? given : given();
    const own = sameShape(g.shape, input.shape) ? g : unbroadcast(g, input.shape);
    if (sameShape(own.shape, input.shape)) return own.to(input.dtype);
    const rule = say`the gradient of an input must have its shape, ${g} is not ${input}`;
    throw new ShapeError(`${says}: ${rule}`);
  });
}

/**
 * Walks a computation back, and adds up what reaches each tensor.
 *
 * @task 05.2
 * @returns The gradients of all leaves: tensors that were not computed, but require a gradient.
 */
function walkBack(loss: Tensor): Map<Tensor, Tensor> {
  if (loss.size !== 1) {
    const says = say`Cannot go backward from ${loss}: a loss is a single number`;
    throw new ShapeError(says, "reduce it first, with sum() or mean()");
  }
  if (!loss.requiresGrad) {
    const says = "Cannot go backward from a constant: nothing in it requires a gradient";
    throw new GraphError(says, "was it computed inside of noGrad(), or without any parameter?");
  }
  const restore = setRecording(false);
  try {
    const order = topologicalOrder(loss);
    const gradients = new Map([[loss, new Tensor(like(loss, 1, "anything").fill(1), loss.shape)]]);
    for (let k = order.length - 1; k >= 0; k--) {
      const tensor = order[k], gradient = gradients.get(tensor), { origin } = tensor;
      if (!gradient || !origin) continue;
      stepBack(tensor, origin, gradient).forEach((g, at) => {
        if (g === null) return;
        const input = origin.inputs[at], before = gradients.get(input);
        gradients.set(input, before ? before.add(g) : g);
      });
      gradients.delete(tensor);
    }
    for (const tensor of order) if (tensor.origin) tensor.origin = walked;
    return gradients;
  } finally {
    restore();
  }
}

/**
 * Computes how much each parameter matters for a loss, and adds that to the parameter's `grad`.
 * A computation can be walked back once; its memory is freed then.
 *
 * @param loss A single number, computed from parameters.
 * @throws {ShapeError} If it is not a single number.
 * @throws {GraphError} If nothing on the way requires a gradient, if the computation was walked
 * before, or if a parameter was changed since it was used.
 *
 * @example L = w², so ∂L/∂w = 2w
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "#autograd";
 * import { Parameter } from "#layers";
 * import { Tensor } from "#tensor";
 * const w = new Parameter(Tensor.of([3, 4]));
 * backward(w.mul(w).sum());
 * assertEquals(w.grad?.toArray(), [6, 8]);
 * ```
 */
export function backward(loss: Tensor): void {
  for (const [tensor, g] of walkBack(loss)) {
    if (tensor instanceof Parameter) tensor.grad = kernels.keep(tensor.grad?.add(g) ?? copyOf(g));
  }
}

/** The same numbers in an array of their own: one gradient may have reached several tensors. */
function copyOf(values: Values): Tensor {
  const data = like(values, values.data.length, "anything");
  data.set(values.data);
  return new Tensor(data, values.shape);
}

/** A tensor that gradients are asked of, without being a parameter. */
class Leaf extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

/**
 * Makes a tensor that requires a gradient, for saliency maps and gradient checks.
 *
 * @param values Whose numbers to share.
 * @returns A new tensor over the same numbers.
 *
 * @example How much each pixel matters
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { gradients, leaf } from "#autograd";
 * import { Tensor } from "#tensor";
 * const pixels = leaf(Tensor.of([1, 2]));
 * const score = pixels.mul(Tensor.of([3, -1])).sum();
 * assertEquals(gradients(score, [pixels])[0].toArray(), [3, -1]);
 * ```
 */
export function leaf(values: Values): Tensor {
  return new Leaf(values.data, values.shape);
}

/**
 * Cuts a tensor off from how it was made: the same numbers, and no gradient flows through.
 *
 * @param values Whose numbers to share.
 * @returns A new tensor over the same numbers.
 *
 * @example A constant for whoever uses it
 * ```ts
 * import { assert } from "@std/assert";
 * import { detach } from "#autograd";
 * import { Parameter } from "#layers";
 * import { Tensor } from "#tensor";
 * const w = new Parameter(Tensor.ones([2]));
 * assert(!detach(w.mul(2)).requiresGrad);
 * ```
 */
export function detach(values: Values): Tensor {
  return tensorOf(values);
}

/**
 * Computes how much each of some tensors matters for a loss, and changes nothing else.
 *
 * @param loss A single number.
 * @param inputs Parameters, or tensors made by leaf().
 * @returns One gradient per input, zeros for one that had no part in it.
 * @throws {ValueError} If an input is neither a parameter nor a leaf.
 *
 * @example L = Σ x³ of a leaf
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { gradients, leaf } from "#autograd";
 * import { Tensor } from "#tensor";
 * const x = leaf(Tensor.of([1, 2]));
 * assertEquals(gradients(x.mul(x).mul(x).sum(), [x])[0].toArray(), [3, 12]);
 * ```
 */
export function gradients(loss: Tensor, inputs: readonly Tensor[]): Tensor[] {
  for (const input of inputs) {
    if (input.requiresGrad && input.origin === null) continue;
    const says = say`Cannot give the gradient of ${input}: it is neither a parameter nor a leaf`;
    throw new ValueError(says, "wrap it with leaf(x) before it is used");
  }
  const found = walkBack(loss);
  return inputs.map((input) => {
    const gradient = found.get(input);
    return gradient ? copyOf(gradient) : Tensor.zeros(input.shape, { dtype: input.dtype });
  });
}

/**
 * Computes without noting origins: faster, and nothing is kept for a backward.
 *
 * @param compute What to compute; it must not be async, because recording is switched back on when
 * it returns.
 * @returns What it returns.
 * @throws {GraphError} If it returns a promise.
 *
 * @example No history, no gradient
 * ```ts
 * import { assert } from "@std/assert";
 * import { noGrad } from "#autograd";
 * import { Parameter } from "#layers";
 * import { Tensor } from "#tensor";
 * const w = new Parameter(Tensor.ones([2]));
 * assert(!noGrad(() => w.mul(2)).requiresGrad);
 * ```
 */
export function noGrad<T>(compute: () => T): T {
  const restore = setRecording(false);
  try {
    const value = compute();
    if (!(value instanceof Promise)) return value;
    const says = "Cannot run noGrad() over an async function: it returns too early";
    throw new GraphError(says, "call noGrad() around each synchronous part");
  } finally {
    restore();
  }
}

// ── Operations of your own (given) ──

/** An operation and its derivative. */
export interface OpDefinition<Options, Saved> {
  /** Its name, for messages. */
  readonly name: string;
  /** Which kernel may run in its place, if one may. */
  readonly kernel?: string;
  /** Computes the output, and what the derivative will need. Nothing in here is recorded. */
  forward(inputs: readonly Tensor[], options: Options): Forward<Saved>;
  /** The gradients of the inputs, in order, given that of the output; null where none is needed. */
  backward(gradient: Tensor, step: OpStep<Options, Saved>): readonly Gradient[];
}

/** What an operation computes: its output, and whatever its derivative will need. */
export type Forward<Saved> = { readonly output: Values; readonly saved: Saved };

/** What backward() may look at. */
export interface OpStep<Options, Saved> extends Forward<Saved> {
  /** What the operation was applied to. */
  readonly inputs: readonly Tensor[];
  /** What it gave. */
  readonly output: Tensor;
  /** What it was told. */
  readonly options: Options;
}

/**
 * Makes an operation that brings its own derivative.
 *
 * @param definition Name, forward and backward.
 * @returns A function over tensors.
 *
 * @example A cube with a hand-made derivative
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineOp, gradients, leaf } from "#autograd";
 * import { Tensor } from "#tensor";
 * const cube = defineOp<void, null>({
 *   name: "cube",
 *   forward: ([x]) => ({ output: x.mul(x).mul(x), saved: null }),
 *   backward: (g, { inputs: [x] }) => [g.mul(x.mul(x).mul(3))],
 * });
 * const x = leaf(Tensor.of([2]));
 * assertEquals(gradients(cube([x]).sum(), [x])[0].toArray(), [12]);
 * ```
 */
export function defineOp<Options, Saved>(
  own: OpDefinition<Options, Saved>,
): (inputs: readonly Tensor[], options: Options) => Tensor {
  return (given, options) => {
    const { name, forward, backward } = own.kernel ? kernels.replace(own.kernel, own) : own;
    const inputs = [...given];
    const { output: { data, shape }, saved } = noGrad(() => forward(inputs, options));
    const op: CustomOp = {
      name,
      backward: (gradient, made) => backward(gradient, { inputs, output: made, saved, options }),
    };
    return result<PlainOp>({ data, shape }, op, inputs); // what it needs beside is in `op`
  };
}

// ── Checking a derivative (given) ──
// A wrong derivative rarely crashes. The loss still falls, only more slowly, and nobody knows why.
// But there is a second way to find any derivative, which needs no calculus at all: move one
// number a little, and look how far the loss moves.
//
//   ∂L/∂x ≈ (L(x + h) − L(x − h)) / 2h
//
// It is far too slow to train with, two forward passes for every single number, and just right for
// tests.

/** How far each number is moved, h (1e-4), and the error above which the check fails (1e-6). */
export type CheckOptions = { readonly step?: number; readonly tolerance?: number };

/**
 * Compares the gradients of a function with finite differences, at every index of every input.
 * The error is |a − n| / max(1, |a|, |n|). An output of many numbers is folded to one by fixed
 * random weights, so that errors cannot cancel out.
 *
 * @param compute The function to check.
 * @param inputs Float64 tensors: in float32 the differences would drown in rounding.
 * @param options Step and tolerance.
 * @returns The largest error found.
 * @throws {ShapeError} If an input is not float64.
 * @throws {ValueError} If an error is above the tolerance; the message names the worst index.
 *
 * @example The derivative of a product
 * ```ts
 * import { assert } from "@std/assert";
 * import { checkGradients } from "#autograd";
 * import { Tensor } from "#tensor";
 * const x = Tensor.of([[1, 2]], { dtype: "float64" }), y = Tensor.of([[3], [4]], { dtype: "float64" });
 * assert(checkGradients(([a, b]) => a.mul(b), [x, y]) < 1e-6);
 * ```
 */
export function checkGradients(
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { step = 1e-4, tolerance = 1e-6, ...other }: CheckOptions = {},
): number {
  requireNoOther("checkGradients", other);
  requireNumber(`Cannot move numbers by ${step}`, step, Number.MIN_VALUE);
  requireNumber(`Cannot tolerate an error of ${tolerance}`, tolerance);
  const single = inputs.find((input) => input.dtype !== "float64");
  if (single) {
    const says = say`Cannot check gradients at ${single} in float32: rounding is too coarse`;
    throw new ShapeError(says, 'make the inputs with { dtype: "float64" }');
  }
  const moved = inputs.map(copyOf);
  const output = noGrad(() => compute(moved)), range = { low: 0.5, high: 1.5 };
  const weights = Tensor.uniform(output.shape, new Generator(1), range).to("float64");
  const loss = (at: readonly Tensor[]): Tensor => compute(at).mul(weights).sum();
  const leaves = inputs.map((input) => leaf(input));
  const analytic = gradients(loss(leaves), leaves);

  let worst = 0, where = "";
  analytic.forEach((gradient, which) => {
    const { data, shape } = moved[which];
    for (let i = 0; i < data.length; i++) {
      const before = data[i];
      const [above, below] = [before + step, before - step].map((value) => {
        data[i] = value;
        return noGrad(() => loss(moved).item());
      });
      data[i] = before;
      const numeric = (above - below) / (2 * step), got = gradient.data[i];
      const error = Math.abs(got - numeric) / Math.max(1, Math.abs(got), Math.abs(numeric));
      if (error <= worst) continue;
      worst = Number.isNaN(error) ? Infinity : error;
      const index = stridesOf(shape).map((stride, axis) => Math.floor(i / stride) % shape[axis]);
      where = say`input ${which} ${shape} at [${
        index.join(", ")
      }]: got ${got}, expected ${numeric}`;
    }
  });
  if (worst <= tolerance) return worst;
  throw new ValueError(`Cannot confirm the gradient of ${where}`);
}
