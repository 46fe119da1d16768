/**
 * # 06 · Optimizers
 *
 * A gradient says which way is up. An optimizer walks down: a small step against the gradient,
 * again and again. How small, and with how much memory of earlier steps, decides between a model
 * that learns in seconds and one that never does.
 *
 * At the end you have stochastic gradient descent with momentum, which trained the networks of
 * 1998 and still trains many of today's.
 *
 * Throughout: w a parameter · g its gradient · v its velocity · η learning rate · μ momentum
 * · λ weight decay
 *
 * @module
 */
import type { Parameter } from "#layers";
import { type Data, like, ValueError } from "#tensor";

/** Changes parameters by their gradients. */
export abstract class Optimizer {
  /** What is optimised. */
  readonly parameters: readonly Parameter[];
  #learningRate = 0;

  /**
   * Checks the parameters.
   *
   * @param parameters At least one, each once.
   * @param learningRate η, the length of a step.
   * @throws {ValueError} If there is no parameter, one is listed twice, or the rate is negative.
   */
  constructor(parameters: Iterable<Parameter>, learningRate: number) {
    this.parameters = [...parameters];
    if (this.parameters.length === 0) {
      throw new ValueError(
        "Cannot optimize nothing: the list of parameters is empty",
        "does the model keep its layers in public fields?",
      );
    }
    const twice = this.parameters.findIndex((p, k) => this.parameters.indexOf(p) !== k);
    if (twice >= 0) {
      throw new ValueError(
        `Cannot optimize a parameter twice: number ${twice} of the list was listed before`,
      );
    }
    this.learningRate = learningRate;
  }

  /** η, the length of a step; a schedule sets it. */
  get learningRate(): number {
    return this.#learningRate;
  }

  set learningRate(rate: number) {
    this.#learningRate = checkRate("learningRate", rate);
  }

  /** Changes every parameter that has a gradient. */
  abstract step(): void;

  /** Forgets the gradients, before the next backward. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.grad = null;
  }
}

/** Refuses what cannot be a rate. */
function checkRate(name: string, rate: number): number {
  if (rate >= 0 && rate < Infinity) return rate;
  throw new ValueError(`Cannot set ${name} to ${rate}: it must be a finite number of at least 0`);
}

// ── 6.1 Momentum ──
// A ball that rolls keeps some of its speed. In a narrow valley the gradient points from wall to
// wall and only a little along; summed over steps, the to and fro cancels out, and the little adds
// up:
//
//   g ← g + λ·w        weight decay: large weights are pulled towards 0
//   v ← μ·v + g
//   w ← w − η·v

/** What SGD takes beside the parameters. */
export interface SGDOptions {
  /** η, the length of a step. */
  readonly learningRate: number;
  /** μ, the part of the velocity that is kept; 0 by default. */
  readonly momentum?: number;
  /** λ, the pull towards 0; 0 by default. */
  readonly weightDecay?: number;
}

/**
 * Stochastic gradient descent with momentum and weight decay, as PyTorch's SGD
 * (Sutskever et al., 2013, without their Nesterov variant).
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
export class SGD extends Optimizer {
  readonly #momentum: number;
  readonly #weightDecay: number;
  readonly #velocities = new Map<Parameter, Data>();

  /**
   * Makes an optimizer at rest: all velocities are 0.
   *
   * @param parameters What to optimise.
   * @param options Learning rate, momentum, weight decay.
   * @throws {ValueError} If a rate is negative or not a number.
   */
  constructor(
    parameters: Iterable<Parameter>,
    { learningRate, momentum = 0, weightDecay = 0 }: SGDOptions,
  ) {
    super(parameters, learningRate);
    this.#momentum = checkRate("momentum", momentum);
    this.#weightDecay = checkRate("weightDecay", weightDecay);
  }

  /**
   * Moves every parameter that has a gradient; the others stay.
   *
   * @task 06.1
   */
  step(): void {
    const rate = this.learningRate, momentum = this.#momentum, decay = this.#weightDecay;
    for (const parameter of this.parameters) {
      if (!parameter.grad) continue;
      const g = parameter.grad.data, n = g.length;
      let v = this.#velocities.get(parameter);
      if (!v) this.#velocities.set(parameter, v = like(parameter, n));
      const velocity = v;
      parameter.write((w) => {
        for (let i = 0; i < n; i++) {
          velocity[i] = momentum * velocity[i] + g[i] + decay * w[i];
          w[i] -= rate * velocity[i];
        }
      });
    }
  }
}
