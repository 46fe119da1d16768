/**
 * # 06 · Optimizers
 *
 * A gradient says which way is up. An optimizer walks down: a small step against the gradient,
 * again and again. Cauchy proposed it for systems of equations (Cauchy, 1847), and networks of
 * today are still trained by it. What was added since concerns two things only: how long the step
 * is, and how much is remembered of earlier ones. They decide between a model that learns in
 * seconds and one that never does.
 *
 * *Stochastic* gradient descent looks at a few examples per step and not at all of them. Its
 * gradient is an estimate: cheap, right on average, and off by something else each time.
 *
 * At the end you have stochastic gradient descent with momentum, which trained the network that won
 * the ImageNet contest of 2012 (Krizhevsky, Sutskever and Hinton, 2012), and Adam and AdamW, with
 * which transformers are usually trained.
 *
 * Throughout: w a parameter · g its gradient · v its velocity · m, s running means of g and g² · η
 * learning rate · μ momentum · λ weight decay · t how many steps a parameter has taken
 *
 * ## The idea, by hand
 *
 * One weight, and the loss L = w², lowest at 0. Its gradient is 2w, so a step is w ← w − η·2w. From
 * w = 8, with three learning rates:
 *
 *   η = 0.25     8   4   2   1        halves each time
 *   η = 0.5      8   0   0   0        arrives at once: luck, it fits this curve
 *   η = 1.25     8 −12  18 −27        jumps over the valley, further each time
 *
 * The third walk points the right way at every step and ends ever higher: the loss goes from 64 to
 * 144, 324 and 729. So a rate is not good or bad by itself. It must fit how sharply the loss is
 * bent, and the loss of a network is bent differently in each of its directions.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * function walk(learningRate: number): number[] {
 *   const w = new Parameter(Tensor.of(8)), optimizer = new SGD([w], { learningRate });
 *   return [1, 2, 3].map(() => {
 *     optimizer.zeroGrad();
 *     backward(w.mul(w));
 *     optimizer.step();
 *     return w.item();
 *   });
 * }
 * assertEquals(walk(0.25), [4, 2, 1]);
 * assertEquals(walk(0.5), [0, 0, 0]);
 * assertEquals(walk(1.25), [-12, 18, -27]);
 * assertEquals([8, ...walk(1.25)].map((w) => w * w), [64, 144, 324, 729]);
 * ```
 *
 * @module
 */
import { checkState, Parameter } from "#layers";
import { type Data, Door, like, requireKind, requireNoOther, requireNumber, say } from "#tensor";
import { ShapeError, Tensor, ValueError } from "#tensor";

// ── What all optimizers share (given) ──
// Each keeps the parameters that it was made for, and beside each some numbers of its own: its
// slots, as many in each as the parameter has. step() goes through them and skips whatever has no
// gradient. For the others it calls update() with plain arrays: w to be changed in place, g to be
// read, the slots to be carried on. So one loop over i is all that tells SGD from Adam; settings,
// groups, and saving are done here.

/** What every optimizer takes. */
export interface OptimizerOptions {
  /** η, the length of a step. */
  readonly learningRate: number;
  /** λ, the pull towards 0. */
  readonly weightDecay?: number;
}

/** Parameters with settings of their own; what a group does not set is as for all. */
export type ParameterGroup<O> = Partial<O> & { readonly parameters: Iterable<Parameter> };

/** What is optimised: parameters, or groups of them. */
export type Parameters<Options> = Iterable<Parameter> | Iterable<ParameterGroup<Options>>;

/** What an update needs to know beside the numbers that it changes. */
export interface UpdateStep<Options> {
  /** g, the gradient. */
  readonly g: Data;
  /** Numbers kept from step to step, by name, as many in each as the parameter has. */
  readonly slots: Readonly<Record<string, Data>>;
  /** t, 1 for the first step. */
  readonly steps: number;
  /** All settings, with the learning rate of the moment. */
  readonly settings: Required<Options>;
}

/** What an optimizer keeps for one parameter. */
interface Memory<Options> extends Omit<UpdateStep<Options>, "g" | "steps"> {
  readonly parameter: Parameter;
  steps: number;
}

/** What update() is: a method that changes the numbers w of one parameter, and its slots. */
export type Update<Options> = {
  update(w: Data, step: UpdateStep<Options>): void;
}["update"];

/** What tells one kind of optimizer from another. */
export interface OptimizerKind<Options> {
  /** All settings, with what they are if nobody sets them. */
  readonly defaults: Required<Options>;
  /** Names of the numbers that it keeps for each number of a parameter. */
  readonly slotNames: readonly string[];
  /** The door of its update, if it has one. A subclass with another update does not go through it. */
  readonly door?: Door<Update<Options>>;
}

/** How single numbers of a state are kept. */
const exact = { dtype: "float64" } as const;

/**
 * Changes parameters by their gradients.
 *
 * @example An optimizer of one's own: only the sign of the gradient counts
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Optimizer, type OptimizerOptions, type UpdateStep } from "kindling/optimizers";
 * import { type Data, Tensor } from "kindling/tensor";
 * class SignSGD extends Optimizer {
 *   constructor(parameters: Iterable<Parameter>, options: OptimizerOptions) {
 *     super(parameters, options, { defaults: { learningRate: 0, weightDecay: 0 }, slotNames: [] });
 *   }
 *   protected override update(w: Data, { g, settings }: UpdateStep<OptimizerOptions>): void {
 *     for (let i = 0; i < w.length; i++) w[i] -= settings.learningRate * Math.sign(g[i]);
 *   }
 * }
 * const w = new Parameter(Tensor.of([3, -2]));
 * backward(w.mul(w).sum());
 * new SignSGD([w], { learningRate: 1 }).step();
 * assertEquals(w.toArray(), [2, -1]);
 * ```
 */
export abstract class Optimizer<Options extends OptimizerOptions = OptimizerOptions> {
  /** What is optimised. */
  readonly parameters: readonly Parameter[];
  readonly #memories: Memory<Options>[] = [];
  readonly #firstRate: number;
  readonly #door: Door<Update<Options>> | undefined;
  #learningRate: number;

  /**
   * Checks parameters and settings, and starts with an empty memory.
   *
   * @param parameters At least one, each once; or groups of them.
   * @param options What the user set.
   * @param kind What kind of optimizer this is.
   * @throws {ValueError} If there is no parameter, or one twice, or a setting is unknown or wrong.
   */
  constructor(parameters: Parameters<Options>, options: Options, kind: OptimizerKind<Options>) {
    const learningRate = this.#firstRate = this.#learningRate = options?.learningRate;
    this.#door = kind.door;
    requireKind("Cannot optimize", "list", Symbol.iterator in Object(parameters) ? [] : parameters);
    for (const part of parameters) {
      requireKind("Cannot optimize", "object", part);
      const { parameters: members, ...own } = "parameters" in part ? part : { parameters: [part] };
      const settings = { ...kind.defaults, ...options, learningRate, ...own };
      checkSettings(this.constructor.name, settings, kind.defaults);
      for (const parameter of members) {
        requireKind("Cannot optimize", Parameter, parameter);
        const slots = kind.slotNames.map((n) => [n, like(parameter, parameter.size, "lasting")]);
        this.#memories.push({ parameter, settings, slots: Object.fromEntries(slots), steps: 0 });
      }
    }
    this.parameters = this.#memories.map(({ parameter }) => parameter);
    checkEachOnce(this.parameters);
  }

  /** Changes the numbers w of one parameter, and what is kept for it. */
  protected abstract update(w: Data, step: UpdateStep<Options>): void;

  /** η, the length of a step; a schedule sets it. Groups with a rate of their own keep its ratio. */
  get learningRate(): number {
    return this.#learningRate;
  }

  set learningRate(rate: number) {
    requireNumber(`Cannot set learningRate to ${rate}`, rate);
    this.#learningRate = rate;
  }

  /**
   * Changes every parameter that has a gradient; the others stay.
   *
   * @throws {ShapeError} If a gradient set by hand has another count than its parameter.
   * @throws {ValueError} If a gradient is NaN or infinite; no parameter is changed then.
   */
  step(): void {
    for (const parameter of this.parameters) checkGradient(parameter);
    const door = this.#door, update = door?.own === this.update ? door.run : this.update;
    for (const memory of this.#memories) {
      const { parameter, slots, settings } = memory, g = parameter.grad?.data;
      if (!g) continue;
      const own = settings.learningRate, first = this.#firstRate;
      let learningRate = this.#learningRate;
      if (own !== first) learningRate = first > 0 ? learningRate * own / first : own;
      const now = { g, slots, steps: ++memory.steps, settings: { ...settings, learningRate } };
      parameter.write((w) => update.call(this, w, now));
    }
  }

  /** Forgets the gradients, before the next backward. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.grad = null;
  }

  /** Copies of all that is kept from step to step, by parameter and name: `0.velocity`. */
  stateDict(): Map<string, Tensor> {
    const state = new Map([["learningRate", Tensor.of(this.#learningRate, exact)]]);
    this.#memories.forEach(({ parameter: { shape }, slots, steps }, k) => {
      state.set(`${k}.steps`, Tensor.of(steps, exact));
      for (const name in slots) state.set(`${k}.${name}`, new Tensor(slots[name].slice(), shape));
    });
    return state;
  }

  /**
   * Goes on from a state. Nothing changes unless all of it fits.
   *
   * @param state What stateDict() gave, here or in an optimizer of the same kind, parameters and
   * settings; only the learning rate is taken over from the settings.
   * @throws {ValueError} If it does not fit; the message lists every name.
   */
  loadStateDict(state: ReadonlyMap<string, Tensor>): void {
    checkState(this.constructor.name, this.stateDict(), state);
    const numbers = (name: string): Data => state.get(name)?.data ?? new Float32Array();
    this.learningRate = numbers("learningRate")[0];
    this.#memories.forEach((memory, k) => {
      memory.steps = numbers(`${k}.steps`)[0];
      for (const name in memory.slots) memory.slots[name].set(numbers(`${k}.${name}`));
    });
  }
}

/** Refuses a gradient that does not fit, or would spoil its parameter for good. */
function checkGradient({ name, shape, size, grad }: Parameter): void {
  if (!grad) return;
  if (grad.size !== size) {
    throw new ShapeError(say`Cannot step ${shape} by a gradient ${grad}: sizes must be equal`);
  }
  const g = grad.data;
  let at = 0;
  while (at < g.length && g[at] - g[at] === 0) at++; // neither NaN nor infinite
  if (at === g.length) return;
  const says = say`Cannot step ${name} ${shape}: number ${at} of its gradient is ${g[at]}`;
  throw new ValueError(says, "a root or logarithm at 0? Clipping spreads NaN: leave out maxNorm");
}

/** Refuses to optimise nothing, or the same parameter twice. */
function checkEachOnce(parameters: readonly Parameter[]): void {
  if (parameters.length === 0) {
    const hint = "does the model keep its layers in public fields?";
    throw new ValueError("Cannot optimize nothing: the list of parameters is empty", hint);
  }
  const twice = parameters.findIndex((parameter, k) => parameters.indexOf(parameter) !== k);
  if (twice < 0) return;
  const says = say`Cannot optimize a parameter twice: ${parameters[twice]}`;
  throw new ValueError(`${says}, number ${twice + 1} of the list, was listed before`);
}

/** Refuses settings that an optimizer does not have, or that are out of range. */
function checkSettings(owner: string, settings: object, known: object): void {
  for (const [name, value] of Object.entries(settings)) {
    if (!(name in known)) requireNoOther(owner, { [name]: value });
    if (typeof value === "boolean") continue;
    const says = say`Cannot set ${name} of ${owner} to ${value}`;
    if (!Array.isArray(value)) requireNumber(says, value);
    else if (value.length !== 2 || !value.every((part) => part >= 0 && part < 1)) {
      throw new ValueError(`${says}: they must be two, at least 0 and below 1`);
    }
  }
}

// ── 6.1 Momentum ──
// Let L = (a² + 19·b²) / 2: a valley along a, with steep walls across, along b. Its gradient is (a,
// 19·b). Plain steps need a rate below 2/19, or b runs away; and what suits the walls is slow along
// the valley. These are six steps from (10, 1) with η = 0.1, numbered, towards the circle at (0,
// 0):
//
//   μ = 0                                 μ = 0.5
//   ────────────────────────────────      ────────────────────────────────
//   0     2                               0
//             4   6                                   3
//                                 ○              2        4  5  6       ○
//           3   5
//      1                                     1
//   ────────────────────────────────      ────────────────────────────────
//
// On the left the steps jump from wall to wall. A ball would not: it keeps some of its speed, the
// velocity v (Polyak, 1964). In a sum over steps the to and fro cancels out, and the little that
// points along the valley adds up.
//
//   g ← g + λ·w
//   v ← μ·v + g
//   w ← w − η·v
//
// The first line is weight decay, a pull towards 0 that grows with the weight; it is a line of the
// computation, and the parameter's own gradient is left alone. In the second, a gradient that stays
// the same makes v longer for a while: momentum also means larger steps. Nesterov's variant
// (Nesterov, 1983) looks one step ahead, and puts g + μ·v, with the new v, in the place of v in the
// last line. With μ = 0 let v be g: had the old v been infinite, 0·∞ would be NaN.
//
// v is `slots.velocity`; in 6.2, m and s are `slots.mean` and `slots.square`, and t is `steps`.
//
// The tests follow several steps by hand, with each setting alone and with several together, and
// two parameters side by side, since each has a velocity of its own.

/** What SGD takes beside the parameters. */
export interface SGDOptions extends OptimizerOptions {
  /** μ, the part of the velocity that is kept; 0 by default. */
  readonly momentum?: number;
  /** Whether to look one step ahead; false by default. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent with momentum and weight decay, as PyTorch's SGD
 * (Sutskever et al., 2013).
 *
 * @example One step against the gradient
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of([3]));
 * const optimizer = new SGD([w], { learningRate: 0.5 });
 * backward(w.mul(w).sum()); // ∂L/∂w = 6
 * optimizer.step();
 * assertEquals(w.toArray(), [0]);
 * ```
 *
 * @example The valley of 6.1, and what is left of the way after 20 steps
 * ```ts
 * import { assert, assertAlmostEquals } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * function walk(momentum: number, steps: number): [a: number, b: number] {
 *   const w = new Parameter(Tensor.of([10, 1]));
 *   const optimizer = new SGD([w], { learningRate: 0.1, momentum });
 *   for (let k = 0; k < steps; k++) {
 *     w.grad = Tensor.of([w.data[0], 19 * w.data[1]]);
 *     optimizer.step();
 *   }
 *   return [w.data[0], w.data[1]];
 * }
 * assertAlmostEquals(walk(0, 1)[1], -0.9, 1e-6); // across the valley
 * assertAlmostEquals(walk(0, 2)[1], 0.81, 1e-6); // and back
 * assert(walk(0, 6)[0] > 5 && walk(0.5, 6)[0] < 3);
 * assert(walk(0, 20)[0] > 1 && Math.hypot(...walk(0.5, 20)) < 0.01);
 * ```
 */
export class SGD extends Optimizer<SGDOptions> {
  /** The update as a door. */
  static readonly door: Door<Update<SGDOptions>> = new Door("SGD", SGD.prototype.update);

  /**
   * Makes an optimizer at rest: all velocities are 0.
   *
   * @param parameters What to optimise, or groups with settings of their own.
   * @param options Learning rate, momentum, Nesterov's variant, weight decay.
   * @throws {ValueError} If there is nothing to optimise, or a setting is out of range.
   */
  constructor(parameters: Parameters<SGDOptions>, options: SGDOptions) {
    const defaults = { learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0 };
    super(parameters, options, { defaults, slotNames: ["velocity"], door: SGD.door });
  }

  /**
   * One step of one parameter.
   *
   * @task 06.1
   */
  protected override update(w: Data, { g, slots, settings }: UpdateStep<SGDOptions>): void {
    const { learningRate: rate, momentum, nesterov, weightDecay } = settings, v = slots.velocity;
    for (let i = 0, n = w.length; i < n; i++) {
      const slope = g[i] + weightDecay * w[i];
      v[i] = momentum > 0 ? momentum * v[i] + slope : slope; // 0·∞ would be NaN
      w[i] -= rate * (nesterov ? slope + momentum * v[i] : v[i]);
    }
  }
}

// ── 6.2 Adam ──
// Some weights see large gradients and some see tiny ones; one learning rate cannot suit both. Adam
// keeps two running means for each weight, of the gradient and of its square, and steps by their
// ratio. That is about η where the gradients agree, and less where they contradict each other,
// whether they are of the order of a million or of a millionth.
//
//   g ← g + λ·w
//   m ← β₁·m + (1 − β₁)·g
//   s ← β₂·s + (1 − β₂)·g²
//   w ← w − η · m/(1 − β₁ᵗ) / (√(s/(1 − β₂ᵗ)) + ε)
//
// Both means start at 0 and are too small at first. By hand, the first step with g = 4, β₁ = 0.9
// and β₂ = 0.999:
//
//   m = 0.1·4 = 0.4              m/(1 − 0.9) = 4
//   s = 0.001·4² = 0.016         s/(1 − 0.999) = 16
//
// Corrected, the ratio is 4/√16 = 1: a step of length η against the sign of g, whatever g was. Left
// as they are, m is 10 times too small, but the root of s √1000 times, and the step would be about
// three times too long. After many steps βᵗ is nearly 0, and the correction fades.
//
// That first step is the first thing the tests ask. Then come ε, which stands outside of the root;
// weight decay, added to the gradient as in 6.1; and t, which each parameter counts for
// itself, since one that had no gradient has taken no step.

/** An update of Adam's kind. */
export type AdamUpdate = Update<AdamOptions>;

/** What Adam and AdamW take beside the parameters. */
export interface AdamOptions extends OptimizerOptions {
  /** β₁ and β₂, how much of the running means is kept; 0.9 and 0.999 by default. */
  readonly betas?: readonly [number, number];
  /** ε, which keeps the division away from 0; 1e-8 by default. */
  readonly epsilon?: number;
}

/**
 * Steps of a size that does not depend on the gradients' (Kingma and Ba, 2015).
 *
 * @example The first step has the length of the learning rate
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { Adam } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of(3));
 * const optimizer = new Adam([w], { learningRate: 0.5 });
 * backward(w.mul(1000));
 * optimizer.step();
 * assertAlmostEquals(w.item(), 2.5);
 * ```
 *
 * @example The first step of 6.2: what is kept, and what the correction is for
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { Adam } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of(1)), optimizer = new Adam([w], { learningRate: 0.1 });
 * w.grad = Tensor.of(4);
 * optimizer.step();
 * const state = optimizer.stateDict();
 * const kept = (name: string): number => state.get(name)?.item() ?? NaN;
 * const m = kept("0.mean"), s = kept("0.square");
 * assertAlmostEquals(m, 0.4, 1e-6);
 * assertAlmostEquals(s, 0.016, 1e-6);
 * assertAlmostEquals(w.item(), 1 - 0.1, 1e-6);
 * assertAlmostEquals(m / Math.sqrt(s), Math.sqrt(10), 1e-5); // the ratio as it would be without
 * ```
 */
export class Adam extends Optimizer<AdamOptions> {
  /** The update as a door; AdamW has its own. */
  static readonly door: Door<AdamUpdate> = new Door("Adam", Adam.prototype.update);

  /**
   * Makes an optimizer with empty means.
   *
   * @param parameters What to optimise, or groups with settings of their own.
   * @param options Learning rate, betas, epsilon, weight decay.
   * @param weightDecay λ where the options do not say; 0 by default.
   * @throws {ValueError} If there is nothing to optimise, or a setting is out of range.
   */
  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions, weightDecay = 0) {
    const betas = [0.9, 0.999] as const;
    const defaults = { learningRate: 0, betas, epsilon: 1e-8, weightDecay };
    const slotNames = ["mean", "square"];
    super(parameters, options, { defaults, slotNames, door: new.target.door });
  }

  /**
   * One step of one parameter.
   *
   * @task 06.2
   */
  protected override update(w: Data, { g, slots, steps, settings }: UpdateStep<AdamOptions>): void {
    const { learningRate: rate, betas: [beta1, beta2], epsilon, weightDecay } = settings;
    const { mean, square } = slots, whole1 = 1 - beta1 ** steps, whole2 = 1 - beta2 ** steps;
    for (let i = 0, n = w.length; i < n; i++) {
      const slope = g[i] + weightDecay * w[i];
      mean[i] = beta1 * mean[i] + (1 - beta1) * slope;
      square[i] = beta2 * square[i] + (1 - beta2) * slope * slope;
      w[i] -= rate * (mean[i] / whole1) / (Math.sqrt(square[i] / whole2) + epsilon);
    }
  }
}

// ── 6.3 AdamW ──
// In Adam the pull towards 0 is part of the gradient, and is divided by how large gradients are
// like everything else. AdamW takes it out and applies it directly, before the step:
//
//   w ← w − η·λ·w
//
// Then it takes Adam's step, with λ = 0.
//
// What that changes can be seen in the first step, from w = 1 with η = 0.1 and λ = 0.1:
//
//              gradient 0      gradient 1000
//   no decay    1 → 1            1 → 0.9
//   Adam        1 → 0.9          1 → 0.9
//   AdamW       1 → 0.99         1 → 0.89
//
// Where Adam sees no gradient, the pull is all it sees, and becomes a step of full length; beside a
// large gradient the pull is lost. AdamW takes a hundredth, η·λ, off both.
//
// The whole of Adam is in 6.2 already, and a class that extends another can call it. The tests
// compare with the formula, and with the learning rate of the moment, which a schedule may have
// changed.

/**
 * Adam with the weight decay kept apart (Loshchilov and Hutter, 2019); it is 0.01 by default.
 *
 * @example Weights without a gradient shrink by η·λ
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { AdamW } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of(2));
 * w.grad = Tensor.of(0);
 * new AdamW([w], { learningRate: 0.5, weightDecay: 0.1 }).step();
 * assertAlmostEquals(w.item(), 1.9, 1e-6);
 * ```
 *
 * @example The table of 6.3
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { Adam, AdamW } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * function first(Kind: typeof Adam | typeof AdamW, weightDecay: number, gradient: number): number {
 *   const w = new Parameter(Tensor.of(1));
 *   w.grad = Tensor.of(gradient);
 *   new Kind([w], { learningRate: 0.1, weightDecay }).step();
 *   return w.item();
 * }
 * const found = [[Adam, 0], [Adam, 0.1], [AdamW, 0.1]] as const;
 * const expected = [[1, 0.9], [0.9, 0.9], [0.99, 0.89]];
 * found.forEach(([Kind, weightDecay], k) => {
 *   assertAlmostEquals(first(Kind, weightDecay, 0), expected[k][0], 1e-6);
 *   assertAlmostEquals(first(Kind, weightDecay, 1000), expected[k][1], 1e-6);
 * });
 * ```
 */
export class AdamW extends Adam {
  /** The update as a door. */
  static override readonly door: Door<AdamUpdate> = new Door("AdamW", AdamW.prototype.update);

  /**
   * Makes an optimizer with empty means.
   *
   * @param parameters What to optimise, or groups with settings of their own.
   * @param options Learning rate, betas, epsilon, weight decay.
   * @throws {ValueError} If there is nothing to optimise, or a setting is out of range.
   */
  constructor(parameters: Parameters<AdamOptions>, options: AdamOptions) {
    super(parameters, options, 0.01);
  }

  /**
   * One step of one parameter.
   *
   * @task 06.3
   */
  protected override update(w: Data, step: UpdateStep<AdamOptions>): void {
    const { settings } = step, kept = 1 - settings.learningRate * settings.weightDecay;
    for (let i = 0, n = w.length; i < n; i++) w[i] *= kept;
    super.update(w, { ...step, settings: { ...settings, weightDecay: 0 } });
  }
}

/**
 * ## What it costs
 *
 * What is kept from step to step: one number per weight for SGD, its velocity, and two for Adam.
 * With the weight and its gradient that makes four numbers per weight with Adam, 16 bytes in
 * float32. (Our SGD keeps the velocity even if the momentum is 0.)
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { Adam, SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import type { Tensor } from "kindling/tensor";
 * const layer = new Linear(100, 10, { generator: new Generator(1), bias: false });
 * function bytesPerWeight(optimizer: { stateDict(): Map<string, Tensor> }): number {
 *   const perWeight = [...optimizer.stateDict().values()].filter(({ size }) => size > 1);
 *   const kept = perWeight.reduce((sum, { data }) => sum + data.byteLength, 0);
 *   return (2 * layer.weight.data.byteLength + kept) / layer.weight.size; // weight and gradient
 * }
 * const sgd = new SGD(layer.parameters(), { learningRate: 0.1, momentum: 0.9 });
 * assertEquals(bytesPerWeight(sgd), 12);
 * assertEquals(bytesPerWeight(new Adam(layer.parameters(), { learningRate: 0.1 })), 16);
 * ```
 *
 * A step does a few operations on each of these numbers, so memory limits it and not arithmetic;
 * `deno task bench:kernels` times both updates. An update is made once per batch. A weight of a
 * convolution is used at every place of every image in between, and the update is little beside
 * that. A weight of a Linear is used once per example: with small batches the update counts.
 *
 * ## What breaks in practice
 *
 * **Yesterday's gradients.** backward() adds. Whoever forgets zeroGrad() steps along the sum of all
 * gradients since the start: a momentum that never lets go. Nothing fails; the steps grow.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * const w = new Parameter(Tensor.of(10)), optimizer = new SGD([w], { learningRate: 1 });
 * const path = [1, 2, 3].map(() => {
 *   backward(w.mul(2)); // the slope is always 2
 *   optimizer.step();
 *   return w.item();
 * });
 * assertEquals(path, [8, 4, -2]); // and not 8, 6, 4
 * ```
 *
 * **A rate from another optimizer.** For SGD a rate of 0.1 is common. Adam's first steps have the
 * length of the rate, however small the gradient is: a weight of 0.05 is thrown across 0. Rates
 * around 0.001 are where people begin with Adam.
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { Adam, SGD } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * for (const [Kind, expected] of [[SGD, 0.0499], [Adam, -0.05]] as const) {
 *   const w = new Parameter(Tensor.of(0.05));
 *   w.grad = Tensor.of(0.001);
 *   new Kind([w], { learningRate: 0.1 }).step();
 *   assertAlmostEquals(w.item(), expected, 1e-5);
 * }
 * ```
 *
 * **Weight decay on everything.** Biases and the scales of batch normalisation are usually left out
 * of it: they are few, and the pull only moves them from where the data want them. A group with
 * settings of its own does that.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const layer = new Linear(2, 1, { generator: new Generator(1) });
 * const decays = [0.5, 0]; // of the weights, and of the biases
 * const groups = layer.parameters().map((w, k) => ({ parameters: [w], weightDecay: decays[k] }));
 * const optimizer = new SGD(groups, { learningRate: 1 });
 * for (const w of layer.parameters()) {
 *   w.write((numbers) => numbers.fill(4));
 *   w.grad = Tensor.zeros(w.shape);
 * }
 * optimizer.step();
 * assertEquals([...layer.parameters()].map(({ data }) => data[0]), [2, 4]);
 * ```
 *
 * **Parameters that were exchanged.** An optimizer keeps the parameters that it was given, not the
 * model. Put a new last layer on a model afterwards, and nobody trains it; no error tells.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "kindling/autograd";
 * import { Parameter } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Tensor } from "kindling/tensor";
 * const model = { head: new Parameter(Tensor.of(3)) };
 * const optimizer = new SGD([model.head], { learningRate: 0.1 });
 * model.head = new Parameter(Tensor.of(5));
 * backward(model.head.mul(2));
 * optimizer.step();
 * assertEquals(model.head.item(), 5);
 * ```
 *
 * ## To think about
 *
 * 1. For L = w², which learning rates of plain SGD make |w| smaller in each step?
 * 2. With momentum 0.9 and gradients that always are 1, how long does a step become?
 * 3. All gradients are multiplied by 1000. What becomes of a step of SGD, and of Adam?
 * 4. Why can the loss jump after loading a checkpoint without the optimizer's state?
 * 5. A weight has long seen gradients of 1; now one of 100 comes. Is Adam's step still η long?
 *
 * ## What is next
 *
 * The rate need not stay the same, and somebody has to take the steps: schedules and a loop, in 07.
 */
