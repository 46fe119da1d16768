/**
 * # 06 · Optimizers
 *
 * A gradient says which way is up. An optimizer walks down: a small step against the gradient,
 * again and again. It sounds too simple to matter, and it decides between a model that learns in
 * seconds and one that never does: how long the step is, and how much is remembered of earlier ones.
 *
 * At the end you have stochastic gradient descent with momentum, which trained the networks of
 * 1998, and Adam and AdamW, which train those of today.
 *
 * Throughout: w a parameter · g its gradient · v its velocity · η learning rate · μ momentum
 * · λ weight decay · t how many steps a parameter has taken
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
 * A rate is not good or bad by itself. It must fit how sharply the loss is bent, and a network is bent
 * differently in each of its directions.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "#autograd";
 * import { Parameter } from "#layers";
 * import { SGD } from "#optimizers";
 * import { Tensor } from "#tensor";
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
 * ```
 *
 * @module
 */
import { checkState, Parameter } from "#layers";
import { type Data, kernels, like, requireNoOther, requireNumber, say } from "#tensor";
import { ShapeError, Tensor, ValueError } from "#tensor";

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

/** What tells one kind of optimizer from another. */
export interface OptimizerKind<Options> {
  /** All settings, with what they are if nobody sets them. */
  readonly defaults: Required<Options>;
  /** Names of the numbers that it keeps for each number of a parameter. */
  readonly slotNames: readonly string[];
}

/** How single numbers of a state are kept. */
const exact = { dtype: "float64" } as const;

/**
 * Changes parameters by their gradients.
 *
 * @example An optimizer of one's own: only the sign of the gradient counts
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "#autograd";
 * import { Parameter } from "#layers";
 * import { Optimizer, type OptimizerOptions, type UpdateStep } from "#optimizers";
 * import { type Data, Tensor } from "#tensor";
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
  #learningRate: number;

  /**
   * Checks parameters and settings, and starts with an empty memory.
   *
   * @param parameters At least one, each once; or groups of them.
   * @param options What the user set.
   * @param kind What kind of optimizer this is.
   * @throws {ValueError} If there is no parameter, one is listed twice, or a setting is unknown or
   * out of range.
   */
  constructor(parameters: Parameters<Options>, options: Options, kind: OptimizerKind<Options>) {
    this.#firstRate = this.#learningRate = options.learningRate;
    for (const part of parameters) {
      const group = part instanceof Tensor ? { parameters: [part] } : part;
      const { parameters: members, ...own } = group;
      const settings = { ...kind.defaults, ...options, ...own };
      checkSettings(this.constructor.name, settings, kind.defaults);
      for (const parameter of members) {
        if (!(parameter instanceof Parameter)) {
          throw new ShapeError(say`Cannot optimize ${parameter}: it is no Parameter`);
        }
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
   */
  step(): void {
    for (const { shape, size, grad } of this.parameters) {
      if (!grad || grad.size === size) continue;
      throw new ShapeError(say`Cannot step ${shape} by a gradient ${grad}: sizes must be equal`);
    }
    for (const memory of this.#memories) {
      const { parameter, slots, settings } = memory, g = parameter.grad?.data;
      if (!g) continue;
      const own = settings.learningRate, first = this.#firstRate;
      let learningRate = this.#learningRate;
      if (own !== first) learningRate = first > 0 ? learningRate * own / first : own;
      const now = { g, slots, steps: ++memory.steps, settings: { ...settings, learningRate } };
      parameter.write((w) =>
        kernels.replace(this.constructor.name, this.update).call(this, w, now)
      );
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
// A ball that rolls keeps some of its speed. In a narrow valley the gradient points from wall to
// wall and only a little along; summed over steps, the to and fro cancels out, and the little adds
// up:
//
//   without     ╲╱╲╱╲╱╲╱╲╱╲╱╲     with     ╲  ╱‾╲__╱‾──────
//
//   g ← g + λ·w        weight decay: large weights are pulled towards 0
//   v ← μ·v + g
//   w ← w − η·v
//
// With μ = 0.9 and a gradient that stays the same, v grows to 10 times g: momentum is also a larger
// step. Nesterov's variant looks one step ahead, and takes g + μ·v in the place of v in the last line.
//
// The test follows several steps by hand, with each setting alone and with several together.

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
 * import { backward } from "#autograd";
 * import { Parameter } from "#layers";
 * import { SGD } from "#optimizers";
 * import { Tensor } from "#tensor";
 * const w = new Parameter(Tensor.of([3]));
 * const optimizer = new SGD([w], { learningRate: 0.5 });
 * backward(w.mul(w).sum()); // ∂L/∂w = 6
 * optimizer.step();
 * assertEquals(w.toArray(), [0]);
 * ```
 */
export class SGD extends Optimizer<SGDOptions> {
  /**
   * Makes an optimizer at rest: all velocities are 0.
   *
   * @param parameters What to optimise, or groups with settings of their own.
   * @param options Learning rate, momentum, Nesterov's variant, weight decay.
   * @throws {ValueError} If there is nothing to optimise, or a setting is out of range.
   */
  constructor(parameters: Parameters<SGDOptions>, options: SGDOptions) {
    const defaults = { learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0 };
    super(parameters, options, { defaults, slotNames: ["velocity"] });
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
// keeps two running means for each weight, of the gradient and of its square, and steps by the
// ratio: about η for every weight, however large its gradients are.
//
//   m ← β₁·m + (1 − β₁)·g
//   s ← β₂·s + (1 − β₂)·g²
//   w ← w − η · m/(1 − β₁ᵗ) / (√(s/(1 − β₂ᵗ)) + ε)
//
// Both means start at 0 and are too small at first. By hand, with β₁ = 0.9: after one step m is only
// 0.1·g. But 1 − 0.9¹ is 0.1 too, and the quotient is g again. So the first step has length η, in the
// direction of the sign of g, whatever the gradient was. That is the first thing the test asks; the
// second is ε, which stands outside of the root; and each parameter counts its own steps, since one
// that had no gradient has taken none.

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
 * import { backward } from "#autograd";
 * import { Parameter } from "#layers";
 * import { Adam } from "#optimizers";
 * import { Tensor } from "#tensor";
 * const w = new Parameter(Tensor.of(3));
 * const optimizer = new Adam([w], { learningRate: 0.5 });
 * backward(w.mul(1000));
 * optimizer.step();
 * assertAlmostEquals(w.item(), 2.5);
 * ```
 */
export class Adam extends Optimizer<AdamOptions> {
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
    super(parameters, options, { defaults, slotNames: ["mean", "square"] });
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
// Adam divides the pull towards 0 by the size of the gradients, like everything else: weights with
// large gradients are hardly pulled at all. AdamW takes the pull out and applies it directly, and then
// takes Adam's step without weight decay:
//
//   w ← w − η·λ·w
//
// The whole of Adam is in 6.2 already; a class that extends another can call it. The test compares
// with just that, and with the learning rate of the moment, which a schedule may have changed.

/**
 * Adam with the weight decay kept apart (Loshchilov and Hutter, 2019); it is 0.01 by default.
 *
 * @example Weights without a gradient shrink by η·λ
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Parameter } from "#layers";
 * import { AdamW } from "#optimizers";
 * import { Tensor } from "#tensor";
 * const w = new Parameter(Tensor.of(2));
 * w.grad = Tensor.of(0);
 * new AdamW([w], { learningRate: 0.5, weightDecay: 0.1 }).step();
 * assertAlmostEquals(w.item(), 1.9, 1e-6);
 * ```
 */
export class AdamW extends Adam {
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
 * What is kept from step to step: one number per weight for SGD with momentum, two for Adam. Together
 * with the weight and its gradient that is four numbers per weight with Adam, and 16 bytes.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "#layers";
 * import { Adam, SGD } from "#optimizers";
 * import { Generator } from "#random";
 * import type { Tensor } from "#tensor";
 * const layer = new Linear(100, 10, { generator: new Generator(1), bias: false });
 * function keptBy(optimizer: { stateDict(): Map<string, Tensor> }): number {
 *   return [...optimizer.stateDict().values()].reduce((sum, { size }) => sum + (size > 1 ? size : 0), 0);
 * }
 * assertEquals(keptBy(new SGD(layer.parameters(), { learningRate: 1 })), 1000);
 * assertEquals(keptBy(new Adam(layer.parameters(), { learningRate: 1 })), 2000);
 * ```
 *
 * A step does a few operations on each of these numbers, so it waits for memory. That is little beside
 * a convolution, whose weights are few and used often, and much beside a dense layer.
 *
 * ## What breaks in practice
 *
 * **Yesterday's gradients.** backward() adds. Who forgets zeroGrad() steps along the sum of all
 * gradients since the start: a second momentum, without an end.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { backward } from "#autograd";
 * import { Parameter } from "#layers";
 * import { Tensor } from "#tensor";
 * const w = new Parameter(Tensor.of(3));
 * backward(w.mul(2));
 * backward(w.mul(2));
 * assertEquals(w.grad?.item(), 4); // and not 2
 * ```
 *
 * **A rate from another optimizer.** 0.1 is usual for SGD and far too much for Adam, whose steps have
 * that length whatever the gradients are: a weight of 0.05 is thrown across 0 in the first step.
 *
 * **Weight decay on everything.** Biases and the scales of batch normalisation are usually left out of
 * it. A group with settings of its own does that: `{ parameters: biases, weightDecay: 0 }`.
 *
 * ## To think about
 *
 * 1. For L = w², which learning rates of plain SGD make |w| smaller in each step?
 * 2. With momentum 0.9 and gradients that always are 1, how long does a step become?
 * 3. All gradients are multiplied by 1000. What becomes of a step of SGD, and of Adam?
 * 4. Why does loading a checkpoint without the optimizer's state make the loss jump?
 *
 * ## What is next
 *
 * The rate need not stay the same, and the steps need somebody to take them. Module 07 writes the loop.
 */
