/**
 * # 05 · Autograd
 *
 * A network with a million weights has a million questions: if this one grew a little, would the
 * loss rise or fall, and how fast? Tried out weight by weight, that takes a pass through the
 * network for each. One walk backwards from the loss answers all of them at once. Seppo Linnainmaa
 * described it in 1970, to see how rounding errors add up in a long computation (Linnainmaa, 1970).
 * Sixteen years later networks were shown to find their own features with it (Rumelhart, Hinton and
 * Williams, 1986), and deep networks have learned by it ever since.
 *
 * At the end you have backward(loss) for whatever can be computed with modules 01 to 04, and a
 * check for any derivative. This file has the walk, rules.ts the calculus: read here to the end of
 * 5.2, then rules.ts, then the rest.
 *
 * Throughout: L the loss, a single number · ∂L/∂w how fast L moves when w alone is moved · g =
 * ∂L/∂y, the gradient of a tensor y: one slope for each of its numbers, so it has y's shape
 *
 * ## The idea, by hand
 *
 * A neuron has the weight w = 3 and the bias b = 1. It gets x = 2 and should say t = 5. The loss is
 * the square of how far it is off, L = (w·x + b − t)². Forwards, each operation computes its
 * result; backwards, in brackets, each tensor learns how fast L moves when it moves:
 *
 *   w = 3 ──┐
 *      [8]  ├─ mul ─ a = 6 ──┐
 *   x = 2 ──┘           [4]  ├─ add ─ y = 7 ──┐
 *                    b = 1 ──┘           [4]  ├─ sub ─ d = 2 ─┬─ mul ─ L = 4
 *                       [4]           t = 5 ──┘           [4] └──┘        [1]
 *
 * Read it from the right. L moves as fast as itself: 1. The last product uses d twice; each use
 * says 1·2, and together that is 4. Sum and difference hand the 4 on as it is. The first product
 * gives w the 4 times its other factor: 4·2 = 8. x and t are constants, and nobody asks about them.
 *
 * That is all of it. Along a way slopes are multiplied, and where several ways meet they are added.
 * Whatever w and b have in common was computed once. And the 8 can be tried out: with w = 3.1, L
 * should be about 0.8 more, and it is (3.1·2 + 1 − 5)² = 4.84.
 *
 * ```ts
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of(3)), b = new Parameter(Tensor.of(1));
 * const d = w.mul(2).add(b).sub(5), loss = d.mul(d);
 * backward(loss);
 * assertEquals([loss.item(), w.grad?.item(), b.grad?.item()], [4, 8, 4]);
 * assertAlmostEquals((3.1 * 2 + 1 - 5) ** 2, 4.84, 1e-12);
 * ```
 *
 * @module
 */
import { Parameter } from "#layers";
import { Generator } from "#random";
import { Door, kernels, like, requireKind, requireNoOther, requireNumber } from "#tensor";
import { result, sameShape, say } from "#tensor";
import { setRecording, ShapeError, stridesOf, Tensor, tensorOf, ValueError } from "#tensor";
import type { CustomOp, Gradient, OpName, Origin, PlainOp, Values } from "#tensor";
import { type Rule, ruleDoors, unbroadcast } from "./rules.ts";

export { type Rule, ruleDoors, rules, type Step, unbroadcast } from "./rules.ts";

/**
 * A gradient was asked of a computation that cannot give it any more.
 *
 * @example A computation is walked back once
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { backward, GraphError } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const loss = new Parameter(Tensor.of(3)).mul(2);
 * backward(loss);
 * assertThrows(() => backward(loss), GraphError, "twice");
 * ```
 */
export class GraphError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "GraphError";
  /** What to do about it. */
  readonly hint: string;

  /**
   * Makes the error.
   *
   * @param message What happened and why.
   * @param hint What to do about it.
   */
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

// ── 5.1 The order of the walk ──
// Where a tensor was used several times, each use has a part of its gradient to give. It may hand
// the gradient on only when all of them have given theirs. So the walk needs a list in which every
// tensor stands after all that it was made from: a topological order. Read from its end, it is the
// way back.
//
//   w ──┐             ┌──────────────┐
//       ├── mul ── a ─┤              ├── add ── L
//   x ──┘             └── neg ── b ──┘
//
//   the list: w, a, b, L        the way back: L, b, a, w
//
// On the way back b comes before a, because b was made from a. x is a constant: no gradient is
// asked of it, and it is not listed. What a tensor was made from stands in `origin.inputs`; w and x
// were not made from anything, and their origin is null.
//
// The tests list random computations, and one in which a tensor is used again and again. They also
// follow a chain of 100,000 operations: a function that calls itself for every input does not get
// to its end.

/**
 * Lists a computation so that every tensor comes after all that it was made from. It keeps its own
 * stack, because a long computation is too deep for recursion.
 *
 * @task 05.1
 * @param last The result.
 * @returns Everything on the way that requires a gradient, the result last.
 *
 * @example What was used comes first
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { leaf, topologicalOrder } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
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
// The list is walked from its end, and the loss begins with ∂L/∂L = 1. When the turn comes to a
// tensor y, its gradient is complete. It gives each of its inputs that input's part, and the input
// adds up what it gets:
//
//   ∂L/∂x = Σ ∂L/∂y · ∂y/∂x        over all y that x was used in
//
// To add first and go on once is what makes it cheap. Fifty diamonds in a row,
//
//        ┌─────────────┐     ┌─────────────┐
//   w ───┤             ├─────┤             ├───  …
//        └─ neg ─ neg ─┘     └─ neg ─ neg ─┘
//
// hold 2⁵⁰ ways from the loss to w, and to walk along each of them is out of the question. This
// walk visits each operation once. A test makes those diamonds.
//
// stepBack() is given: it finds the rule, brings what the rule gives into the inputs' shapes, and
// refuses if an input was changed since it was used. The rest is care. Nothing on the way back may
// be recorded, or every gradient would drag a history along. Whatever happens, recording must be as
// it was afterwards. And when all is done, put `walked` in the place of every origin: it lets go of
// the intermediate values, and says what is wrong if somebody asks again.
//
// Refuse what cannot be walked before anything has changed, by a ShapeError and a GraphError:
//
//   Cannot go backward from (3,): a loss is a single number
//   Cannot go backward from a constant: nothing in it requires a gradient
//
// The tests use rules that are given, so the walk can be green before the table is begun.

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
    ? (ruleDoors[op].run as Rule<OpName>)(gradient, step)
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
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of([3, 4]));
 * backward(w.mul(w).sum());
 * assertEquals(w.grad?.toArray(), [6, 8]);
 * ```
 */
export function backward(loss: Tensor): void {
  requireKind("Cannot go backward from", "tensor", loss);
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

// ── Gradients of anything, and of nothing (given) ──
// Parameters are not all that can be asked about. leaf() marks any tensor and gradients() tells its
// gradient, without touching a parameter: how much each pixel matters for a score, for instance.
// And where no gradient will be asked for, none should be prepared. detach() makes a constant of
// one tensor; noGrad() remembers nothing of a whole computation, such as an evaluation.

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
 * import { gradients, leaf } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
 * const pixels = leaf(Tensor.of([1, 2]));
 * const score = pixels.mul(Tensor.of([3, -1])).sum();
 * assertEquals(gradients(score, [pixels])[0].toArray(), [3, -1]);
 * ```
 */
export function leaf(values: Values): Tensor {
  return new Leaf(values?.data, values?.shape);
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
 * import { detach } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
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
 * import { gradients, leaf } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
 * const x = leaf(Tensor.of([1, 2]));
 * assertEquals(gradients(x.mul(x).mul(x).sum(), [x])[0].toArray(), [3, 12]);
 * ```
 */
export function gradients(loss: Tensor, inputs: readonly Tensor[]): Tensor[] {
  requireKind("Cannot give the gradients of", "list", inputs);
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
 * import { noGrad } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.ones([2]));
 * assert(!noGrad(() => w.mul(2)).requiresGrad);
 * ```
 */
export function noGrad<T>(compute: () => T): T {
  requireKind("Cannot run without gradients", "function", compute);
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
// A composition of primitive operations has its derivative already: the walk finds it. A separate
// rule pays where it is shorter, more exact, or keeps less in memory, as for module 09's windows.

/** An operation and its derivative. */
export interface OpDefinition<Options, Saved> {
  /** Its name, for messages. */
  readonly name: string;
  /** Computes the output, and what the derivative will need. Nothing in here is recorded. */
  forward(inputs: readonly Tensor[], options: Options): Forward<Saved>;
  /** The gradients of the inputs, in order, given that of the output; null where none is needed. */
  backward(gradient: Tensor, step: OpStep<Options, Saved>): readonly Gradient[];
}

/** An operation's output, and whatever its derivative will need. */
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

/** An operation over tensors, and the door behind which its definition runs. */
export type Operation<Options, Saved> =
  & ((inputs: readonly Tensor[], options: Options) => Tensor)
  & { readonly door: Door<OpDefinition<Options, Saved>> };

/**
 * Makes an operation that brings its own derivative.
 *
 * @param definition Name, forward and backward.
 * @returns A function over tensors, and the door behind which the definition runs.
 *
 * @example A cube with a hand-made derivative
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { defineOp, gradients, leaf } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
 * const cube = defineOp<void, null>({
 *   name: "cube",
 *   forward: ([x]) => ({ output: x.mul(x).mul(x), saved: null }),
 *   backward: (g, { inputs: [x] }) => [g.mul(x.mul(x).mul(3))],
 * });
 * const x = leaf(Tensor.of([2]));
 * assertEquals(gradients(cube([x]).sum(), [x])[0].toArray(), [12]);
 * ```
 */
export function defineOp<Options, S>(definition: OpDefinition<Options, S>): Operation<Options, S> {
  const door = new Door(definition.name, definition);
  function operation(given: readonly Tensor[], options: Options): Tensor {
    const { name, forward, backward } = door.run, inputs = [...given];
    const { output: { data, shape }, saved } = noGrad(() => forward(inputs, options));
    const op: CustomOp = {
      name,
      backward: (gradient, made) => backward(gradient, { inputs, output: made, saved, options }),
    };
    return result<PlainOp>({ data, shape }, op, inputs); // what it needs beside is in `op`
  }
  return Object.assign(operation, { door });
}

// ── Checking a derivative (given) ──
// A wrong derivative rarely crashes. The loss still falls, only more slowly, and nobody knows why.
// But there is a second way to find any derivative, which needs no calculus at all: move one
// number a little, and look how far the loss moves.
//
//   ∂L/∂x ≈ (L(x + h) − L(x − h)) / 2h
//
// Looking to both sides pays: for x³ at x = 1 with h = 0.1, one side gives (1.331 − 1) / 0.1 =
// 3.31, both give (1.331 − 0.729) / 0.2 = 3.01, and the slope is 3. The error that is left shrinks
// with h². Two passes for every number are too slow to train with, and just right for tests.

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
 * import { checkGradients } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
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
  requireKind("Cannot check gradients at", "list", inputs);
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
      where = say`input ${which} ${shape} at [${index.join(", ")}]`;
      where += `: got ${got}, expected ${numeric}`;
    }
  });
  if (worst <= tolerance) return worst;
  throw new ValueError(`Cannot confirm the gradient of ${where}`);
}

/**
 * ## What it costs
 *
 * **Passes.** Finite differences need two passes for every number that is asked about. There is
 * also a way forwards: let every tensor carry along how fast it moves when one chosen input moves
 * (Wengert, 1964). That is exact, and still takes a pass for every input. Only backwards does one
 * walk serve all inputs, because all of them are asked about the same single number, the loss. The
 * check of 50 numbers computes its function once for the shape, once for the walk, and a hundred
 * times for the differences:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { checkGradients } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
 * let passes = 0;
 * checkGradients(([w]) => {
 *   passes++;
 *   return w.mul(w);
 * }, [Tensor.ones([50], { dtype: "float64" })]);
 * assertEquals(passes, 1 + 1 + 2 * 50);
 * ```
 *
 * **Arithmetic.** A matrix product takes two more on the way back, one for each factor, each with
 * as many multiplications as itself. So the walk is about twice the work of the pass before it, or
 * a little less: the first layer's input is a constant, and nobody asks about it. `deno task bench`
 * times whole steps of training, and `deno task bench:ops` what one operation costs beside its
 * arithmetic, forwards and back.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { matmulDoor, Tensor } from "kindling/tensor";
 * let products = 0;
 * const restore = matmulDoor.replace((...operands) => {
 *   products++;
 *   matmulDoor.own(...operands);
 * });
 * const x = Tensor.ones([4, 3]), [w, v] = [1, 2].map(() => new Parameter(Tensor.ones([3, 3])));
 * const loss = x.matmul(w).matmul(v).sum(), forward = products;
 * backward(loss);
 * restore();
 * assertEquals([forward, products - forward], [2, 3]); // back: both for v's product, one for w's
 * ```
 *
 * **Memory.** The rules need the numbers that went in or came out, so all of them are kept until
 * the walk has passed. More often than the weights, that is what fills memory in training;
 * evaluation inside of noGrad() keeps none of it. Ten bends over 1,000 numbers keep 40,000 bytes,
 * four for each number:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { tanh } from "kindling/activations";
 * import { backward, leaf, topologicalOrder } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
 * const x = leaf(Tensor.ones([1000]));
 * let y: Tensor = x;
 * for (let layer = 0; layer < 10; layer++) y = tanh(y);
 * const kept = topologicalOrder(y).filter((tensor) => tensor !== x);
 * assertEquals(kept.reduce((bytes, { data }) => bytes + data.byteLength, 0), 40_000);
 * backward(y.sum());
 * assertEquals(topologicalOrder(y), [y]); // it does not know any more what it was made from
 * ```
 *
 * ## What breaks in practice
 *
 * **Gradients add up.** backward() adds to `grad`, so that a large batch can be fed in parts.
 * Without zeroGrad() between two steps, the second one goes by the gradients of both. Nothing
 * fails: training behaves as if its steps were too long.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of(3));
 * for (const expected of [6, 12]) { // the slope of w² is 6, both times
 *   backward(w.mul(w));
 *   assertEquals(w.grad?.item(), expected);
 * }
 * ```
 *
 * **A way that was cut.** A number taken out with item() has no history, and neither has what
 * detach() gives. What was computed from it counts as a constant; whatever ways are left give a
 * gradient that looks right and is not.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of(3)), double = w.mul(2);
 * backward(w.mul(double.item())); // L = w·2w, whose slope is 4w = 12
 * assertEquals(w.grad?.item(), 6);
 * ```
 *
 * **A parameter that was changed too early.** The rule for a product needs the factors as they
 * were. An optimizer that steps before the walk puts others in their place. Changes made through
 * write() are counted, and the walk refuses; whoever writes to `data` gets a wrong gradient and no
 * word.
 *
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { backward, GraphError } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const v = new Parameter(Tensor.of(2)), w = new Parameter(Tensor.of(5));
 * const loss = v.mul(w), again = v.mul(w);
 * w.data[0] = 7;
 * backward(loss);
 * assertEquals(v.grad?.item(), 7); // it was 5 when the loss was computed
 * w.write((numbers) => numbers.fill(9));
 * assertThrows(() => backward(again), GraphError, "was changed after it was used");
 * ```
 *
 * **0·∞ on the way back.** The slope of √x at 0 is infinite. Hide that place with a mask of 0, and
 * the loss is right, but the gradient is 0·∞ = NaN, and with the next step so is every weight
 * behind it. (Of log x the loss is NaN already, since log 0 is infinite itself.) Mask what goes
 * into the root, not only what comes out.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { gradients, leaf } from "kindling/autograd";
 * import { Tensor } from "kindling/tensor";
 * const x = leaf(Tensor.of([0, 4])), mask = Tensor.of([0, 1]);
 * const loss = x.sqrt().mul(mask).sum();
 * assertEquals(loss.item(), 2);
 * assertEquals(gradients(loss, [x])[0].toArray(), [NaN, 0.25]);
 * const harmless = x.add(Tensor.of([1, 0])); // 1 where the mask is 0
 * assertEquals(gradients(harmless.sqrt().mul(mask).sum(), [x])[0].toArray(), [0, 0.25]);
 * ```
 *
 * ## To think about
 *
 * 1. A function has one input and a thousand outputs, all of which are of interest. Which way is
 *    cheaper, forwards or backwards?
 * 2. The check refuses float32. Would a smaller h help there? And why is h not as small as possible
 *    in float64?
 * 3. add() needs neither its inputs nor its output for its derivative. Which operations need what,
 *    and what could be let go of early?
 * 4. Memory is short, so only the value in the middle of a long computation is kept. How can the
 *    walk still be made, and what does it cost?
 * 5. A second derivative is the gradient of a gradient. Can it be had here, and what would have to
 *    change?
 *
 * ## What is next
 *
 * Every parameter now knows which way to move. How far is another question, and module 06 has
 * several answers to it: the optimizers.
 */
