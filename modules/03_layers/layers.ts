/**
 * # 03 · Layers
 *
 * So far nothing could learn: a function of module 02 gives the same answer for ever. A layer is a
 * function with numbers of its own, and those numbers are what learning changes. This module
 * separates the two kinds of tensor: what flows through (Tensor) and what is kept and trained
 * (Parameter). The first weights come from init.ts, which is read first; how a model finds all its
 * parts stands in module.ts, and is given.
 *
 * At the end you can stack layers into a model and count what it costs.
 *
 * Throughout: B images or rows in a batch · I inputs of a layer · O its outputs · MAC one
 * multiplication with its addition
 *
 * ## The idea, by hand
 *
 * A unit looks at three numbers with the weights 2, 0 and −1, and a bias of 5. Shown 1, 7, 3 it
 * says 2·1 + 0·7 − 1·3 + 5 = 4. The 7 it does not even see. A layer is several such units that look
 * at the same numbers, each with its own row of weights:
 *
 *   W = 2 0 −1      b = 5      x = 1 7 3      x·Wᵀ + b = 4 7
 *       0 1  0          0
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const layer = new Linear(3, 2, { generator: new Generator(1) });
 * layer.weight.write((w) => w.set([2, 0, -1, 0, 1, 0]));
 * layer.bias?.write((b) => b.set([5, 0]));
 * assertEquals(layer.forward(Tensor.of([[1, 7, 3]])).toArray(), [[4, 7]]);
 * ```
 *
 * @module
 */
import { gelu, leakyRelu, logSoftmax, relu, sigmoid, softmax, tanh } from "#activations";
import type { Generator } from "#random";
import { requireKind, requireNoOther, requireNumber, requireWhole, say, ShapeError } from "#tensor";
import { type Shape, sizeOf, Tensor, type TensorOptions } from "#tensor";
import { fansOf, type Initializer, uniformByFanIn } from "./init.ts";
import { type Cost, Module, Parameter } from "./module.ts";

export * from "./init.ts";
export * from "./module.ts";

// ── 3.4 Linear ──
// Every output is a weighted sum of all inputs:
//
//   y = x·Wᵀ + b        x (B, I) · W (O, I) · b (O) · y (B, O)
//
// W holds one row per output, as in PyTorch, so that a row can be read as "what this unit looks
// for", and has as many numbers as the input. In the product it is needed the other way round:
// (B, I) · (I, O). A square layer takes both, and is wrong with one of them: no error tells.
//
// cost(), below forward(), already refuses inputs that do not fit: ask it first. The tests look at
// the numbers, with and without a bias, at that refusal, and whether the result remembers both
// weights and biases: operations of module 01 note what they were made from, and without that
// memory nothing could ever be learnt.

/** How the weights of a layer begin. */
export interface WeightOptions extends TensorOptions {
  /** Draws the first weights. */
  readonly generator: Generator;
  /** Whether to add a bias; true by default. */
  readonly bias?: boolean;
  /** How the weights begin; uniformByFanIn, as in PyTorch, by default. */
  readonly initialize?: Initializer;
}

/**
 * Draws the weights of a layer, and then its biases (given).
 *
 * @param shape Shape of the weights, outputs first.
 * @param options Generator, bias, initialiser, dtype.
 * @returns Weights and biases; null without bias.
 * @throws {ValueError} If an option is unknown.
 *
 * @example One bias per output
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { drawWeights } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * const [weight, bias] = drawWeights([4, 3], { generator: new Generator(1) });
 * assertEquals([weight.shape, bias?.shape], [[4, 3], [4]]);
 * ```
 */
export function drawWeights(shape: Shape, options: WeightOptions): [Parameter, Parameter | null] {
  const { generator, bias = true, initialize = uniformByFanIn, dtype, ...other } = options ?? {};
  requireKind("Cannot draw weights from", "generator", generator);
  requireNoOther("a layer with weights", other);
  const weight = new Parameter(initialize(shape, generator, { dtype })), { fanIn } = fansOf(shape);
  if (!bias) return [weight, null];
  return [weight, new Parameter(uniformByFanIn([shape[0]], generator, { fanIn, dtype }))];
}

/**
 * A fully connected layer, y = x·Wᵀ + b. Weights start uniform in ±1/√I, as in PyTorch.
 *
 * @example Three inputs, two outputs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const layer = new Linear(3, 2, { generator: new Generator(1) });
 * assertEquals(layer.forward(Tensor.ones([5, 3])).shape, [5, 2]);
 * ```
 */
export class Linear extends Module {
  /** I, numbers that go in. */
  readonly inFeatures: number;
  /** O, numbers that come out. */
  readonly outFeatures: number;
  /** One row of weights per output, (O, I). */
  readonly weight: Parameter;
  /** One number per output, (O,); null without bias. */
  readonly bias: Parameter | null;

  /**
   * Makes a layer with random weights.
   *
   * @param inFeatures I, numbers that go in.
   * @param outFeatures O, numbers that come out.
   * @param options Generator, bias, initialiser, dtype.
   * @throws {ValueError} If a count is not a whole number of at least 1.
   */
  constructor(inFeatures: number, outFeatures: number, options: WeightOptions) {
    super();
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    requireWhole(`Cannot make a Linear of ${inFeatures} inputs`, inFeatures);
    requireWhole(`Cannot make a Linear of ${outFeatures} outputs`, outFeatures);
    [this.weight, this.bias] = drawWeights([outFeatures, inFeatures], options);
  }

  /**
   * Computes x·Wᵀ + b.
   *
   * @task 03.4
   * @param x (B, I); axes before the last, if there are any, are all batch.
   * @returns (B, O).
   * @throws {ShapeError} If the last axis is not I.
   */
  forward(x: Tensor): Tensor {
    this.cost(x.shape);
    const scores = x.matmul(this.weight.transpose()); // (B, I) · (I, O) → (B, O)
    return this.bias ? scores.add(this.bias) : scores;
  }

  /** B·I·O multiply-accumulates. */
  override cost(shape: Shape): Cost {
    const { inFeatures: I, outFeatures: O } = this, outputShape = [...shape?.slice(0, -1) ?? [], O];
    if (shape?.at(-1) === I) return { outputShape, multiplyAccumulates: sizeOf(outputShape) * I };
    const says = say`Cannot feed ${shape} to Linear(${I}, ${O}): it takes (B, ${I})`;
    throw new ShapeError(says, shape?.length > 2 ? "put a Flatten before it" : undefined);
  }
}

// ── 3.5 Layers without parameters ──
// A Linear takes rows, and a picture is none. Flatten makes it one: all axes but the first, the
// batch, are joined. No number moves; it is a reshape.
//
//   (B, C, H, W) → (B, C·H·W)
//
// A batch of single numbers, (B,), becomes (B, 1), since a product of no numbers is 1. The test
// takes batches of two, of four and of one axis, and looks whether the rows still know their
// images: a gradient must find its way back. The bends of module 02 become layers here, so that
// they can stand in a model; those are given.

/**
 * Makes each image of a batch one row: (B, C, H, W) → (B, C·H·W).
 *
 * @example Two images of four pixels
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Flatten } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new Flatten().forward(Tensor.zeros([2, 1, 2, 2])).shape, [2, 4]);
 * ```
 */
export class Flatten extends Module {
  /**
   * Joins all axes but the first.
   *
   * @task 03.5
   */
  forward(x: Tensor): Tensor {
    return x.reshape(this.cost(x.shape).outputShape);
  }

  /** No arithmetic. */
  override cost([batch, ...rest]: Shape = []): Cost {
    if (batch === undefined) throw new ShapeError("Cannot flatten (): there is no batch axis");
    return { outputShape: [batch, sizeOf(rest)], multiplyAccumulates: 0 };
  }
}

/**
 * A layer that treats each element alone, so that shapes stay as they are.
 *
 * @example Its cost is nothing
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Elementwise } from "kindling/layers";
 * import type { Tensor } from "kindling/tensor";
 * class Double extends Elementwise {
 *   forward(x: Tensor): Tensor {
 *     return x.mul(2);
 *   }
 * }
 * assertEquals(new Double().cost([2, 3]), { outputShape: [2, 3], multiplyAccumulates: 0 });
 * ```
 */
export abstract class Elementwise extends Module {
  /** No multiply-accumulates, and the shape stays. */
  override cost(inputShape: Shape): Cost {
    return { outputShape: inputShape, multiplyAccumulates: 0 };
  }
}

/** What a layer without parameters computes. */
export type Compute = (x: Tensor) => Tensor;

/**
 * max(x, 0) as a layer.
 *
 * @example What is negative becomes 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { ReLU } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new ReLU().forward(Tensor.of([-2, 3])).toArray(), [0, 3]);
 * ```
 */
export class ReLU extends Elementwise {
  /** Computes relu(). */
  override readonly forward: Compute = relu;
}

/**
 * relu with a slope below 0, as a layer.
 *
 * @example Half of what is negative
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LeakyReLU } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new LeakyReLU(0.5).forward(Tensor.of([-2, 3])).toArray(), [-1, 3]);
 * ```
 */
export class LeakyReLU extends Elementwise {
  /** What a negative number is multiplied by. */
  readonly slope: number;

  /**
   * Makes the layer.
   *
   * @param slope What a negative number is multiplied by; 0.01 by default.
   */
  constructor(slope = 0.01) {
    super();
    this.slope = slope;
  }

  /** Computes leakyRelu(). */
  override readonly forward: Compute = (x) => leakyRelu(x, this.slope);
}

/**
 * 1 / (1 + e⁻ˣ) as a layer.
 *
 * @example Zero is in the middle
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Sigmoid } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new Sigmoid().forward(Tensor.of([0])).toArray(), [0.5]);
 * ```
 */
export class Sigmoid extends Elementwise {
  /** Computes sigmoid(). */
  override readonly forward: Compute = sigmoid;
}

/**
 * The hyperbolic tangent as a layer.
 *
 * @example Zero stays zero
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tanh } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new Tanh().forward(Tensor.of([0, 1e4])).toArray(), [0, 1]);
 * ```
 */
export class Tanh extends Elementwise {
  /** Computes tanh(). */
  override readonly forward: Compute = tanh;
}

/**
 * x times the normal distribution's share below x, as a layer.
 *
 * @example Large numbers pass
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { GELU } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new GELU().forward(Tensor.of([0, 1e4])).toArray(), [0, 1e4]);
 * ```
 */
export class GELU extends Elementwise {
  /** Computes gelu(). */
  override readonly forward: Compute = gelu;
}

/**
 * A layer that computes along one axis.
 *
 * @example Both layers know theirs
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { AlongAxis, LogSoftmax, Softmax } from "kindling/layers";
 * assert(new Softmax() instanceof AlongAxis);
 * assertEquals([new Softmax().axis, new LogSoftmax(1).axis], [-1, 1]);
 * ```
 */
export abstract class AlongAxis extends Elementwise {
  /** Along which the shares sum to 1. */
  readonly axis: number;

  /**
   * Makes the layer.
   *
   * @param axis Along which the shares sum to 1; the last by default.
   */
  constructor(axis: number = -1) {
    super();
    this.axis = axis;
  }
}

/**
 * Scores to shares along an axis, as a layer.
 *
 * @example Equal scores share equally
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Softmax } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new Softmax().forward(Tensor.of([[5, 5]])).toArray(), [[0.5, 0.5]]);
 * ```
 */
export class Softmax extends AlongAxis {
  /** Computes softmax(). */
  override readonly forward: Compute = (x) => softmax(x, this.axis);
}

/**
 * Scores to the logarithms of shares along an axis, as a layer.
 *
 * @example A hopeless score keeps its logarithm
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { LogSoftmax } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(new LogSoftmax().forward(Tensor.of([[1000, 0]])).toArray(), [[0, -1000]]);
 * ```
 */
export class LogSoftmax extends AlongAxis {
  /** Computes logSoftmax(). */
  override readonly forward: Compute = (x) => logSoftmax(x, this.axis);
}

// ── 3.6 Dropout ──
// In training each number is set to 0 with probability p, so that no unit can rely on another one.
// What is left is scaled by 1/(1 − p): then the sums keep their size on average, and in evaluation
// there is nothing to do at all. A number x becomes x/(1 − p) with probability 1 − p, and else 0:
//
//   its mean = (1 − p) · x/(1 − p) + p · 0 = x
//
//   x = 1 2 3 4, p = ½        1 and 4 dropped:  0 4 6 0        the mean of many such draws is x
//
// Whether a number is kept is a tensor of ones and zeros: draws from [0, 1), in the shape and the
// dtype of x, compared with p. Comparisons of module 01 give ones and zeros, such as x.less(p) or
// x.greaterEqual(p); which of them keeps all at p = 0, and none at p = 1?
//
// At p = 1 all becomes 0, and not NaN, which is what 0/(1 − p) would be. The tests count how many
// are dropped, look for fresh draws each time, and try both ends. In evaluation and at p = 0 no
// random number may be drawn, so that an evaluation in between does not change how training goes
// on.

/** What draws the numbers that Dropout drops. */
export type DropoutOptions = { readonly generator: Generator };

/**
 * Drops numbers at random while training (Srivastava et al., 2014).
 *
 * @example In evaluation everything passes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Dropout } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const layer = new Dropout(0.5, { generator: new Generator(1) });
 * assertEquals(layer.eval().forward(Tensor.of([1, 2])).toArray(), [1, 2]);
 * ```
 */
export class Dropout extends Elementwise {
  /** p, the part that is dropped. */
  readonly probability: number;
  readonly #generator: Generator;

  /**
   * Makes the layer.
   *
   * @param probability p, the part that is dropped, 0 to 1.
   * @param options The generator that chooses.
   * @throws {ValueError} If p is not from 0 to 1.
   */
  constructor(probability: number, options: DropoutOptions) {
    super();
    requireKind("Cannot drop at random from", "generator", options?.generator);
    const { generator, ...other } = options;
    this.probability = probability;
    requireNoOther("Dropout", other);
    requireNumber(`Cannot drop with probability ${probability}`, probability, 0, 1);
    this.#generator = generator;
  }

  /**
   * Sets numbers to 0 with probability p and scales the others by 1/(1 − p), while training.
   *
   * @task 03.6
   */
  forward(x: Tensor): Tensor {
    const p = this.probability;
    if (!this.training || p === 0) return x;
    const kept = Tensor.uniform(x.shape, this.#generator, { dtype: x.dtype }).greaterEqual(p);
    return x.mul(p < 1 ? kept.div(1 - p) : kept);
  }
}

// ── 3.7 Sequential ──
// A deep network is mostly a row of layers. What one layer gives, the next one gets:
//
//   x  →  Linear  →  ReLU  →  Linear  →  scores
//
// A Sequential is itself a Module, so models can stand in models. The test notes the order in which
// layers are called, puts models into models, and looks whether the result remembers every layer:
// one that is not remembered is never trained.

/**
 * Layers one after the other.
 *
 * @example Flattened, then bent
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Flatten, ReLU, Sequential } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const model = new Sequential(new Flatten(), new ReLU());
 * assertEquals(model.forward(Tensor.of([[[-1, 2]]])).toArray(), [[0, 2]]);
 * ```
 */
export class Sequential extends Module {
  /** The layers in order. */
  readonly layers: readonly Module[];

  /**
   * Puts layers into a row.
   *
   * @param layers At least one.
   * @throws {ValueError} If there is none.
   */
  constructor(...layers: readonly Module[]) {
    super();
    requireWhole(`Cannot make a Sequential of ${layers.length} layers`, layers.length);
    requireKind("Cannot put into a row", Module, ...layers);
    this.layers = layers;
  }

  /**
   * Feeds each layer with what the one before it gave.
   *
   * @task 03.7
   */
  forward(x: Tensor): Tensor {
    let value = x;
    for (const layer of this.layers) value = layer.forward(value);
    return value;
  }

  /** The sum over the layers. */
  override cost(inputShape: Shape): Cost {
    return this.layers.reduce<Cost>(({ outputShape, multiplyAccumulates }, layer) => {
      const cost = layer.cost(outputShape);
      return { ...cost, multiplyAccumulates: multiplyAccumulates + cost.multiplyAccumulates };
    }, { outputShape: inputShape, multiplyAccumulates: 0 });
  }
}

// ── What a model costs (given) ──

/** Numbers that can be trained, and multiplications with their additions. */
export type Costs = { readonly parameters: number; readonly multiplyAccumulates: number };

/** One line of a summary. */
export interface LayerSummary extends Costs {
  /** Path and class of the layer. */
  readonly name: string;
  /** The shape that goes in, batch axis included. */
  readonly inputShape: Shape;
  /** The shape that comes out. */
  readonly outputShape: Shape;
}

/** What a model costs for the batch of the input shape: together, and one line per layer. */
export type Summary = Costs & { readonly layers: readonly LayerSummary[] };

/**
 * Counts parameters and multiply-accumulates of a model; nothing is typed in by hand.
 *
 * @param model A module; a Sequential is listed layer by layer.
 * @param inputShape What goes in, batch axis included; a batch of 1 counts per image.
 * @returns The lines and the totals.
 * @throws {ShapeError} If a layer cannot take what it would get.
 *
 * @example A layer of 3 inputs and 2 outputs has 3·2 weights and 2 biases
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear, summarize } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * const { parameters } = summarize(new Linear(3, 2, { generator: new Generator(1) }), [1, 3]);
 * assertEquals(parameters, 8);
 * ```
 */
export function summarize(model: Module, inputShape: Shape): Summary {
  requireKind("Cannot summarize for", "list", inputShape);
  for (const n of inputShape) requireWhole(say`Cannot summarize for ${inputShape}`, n);
  const layers: LayerSummary[] = [], counted = new Set<Parameter>();
  const size = (): number => [...counted].reduce((total, parameter) => total + parameter.size, 0);
  function visit(module: Module, path: string, shape: Shape): Shape {
    if (module instanceof Sequential && module.constructor === Sequential) { // not one's own kind
      return module.layers.reduce<Shape>((at, layer, k) => visit(layer, `${path}${k}.`, at), shape);
    }
    const cost = module.cost(shape), before = size();
    const name = `${path && path.slice(0, -1) + " "}${module.constructor.name}`;
    for (const parameter of module.parameters()) counted.add(parameter);
    layers.push({ name, inputShape: shape, parameters: size() - before, ...cost });
    return cost.outputShape;
  }
  visit(model, "", inputShape);
  const multiplyAccumulates = layers.reduce((sum, layer) => sum + layer.multiplyAccumulates, 0);
  return { layers, parameters: size(), multiplyAccumulates };
}

/**
 * ## What it costs
 *
 * A Linear has I·O weights and O biases, and for each row of a batch it does I·O multiplications
 * with their additions: each weight is used once per row. For the network 64-32-10, by hand:
 *
 *   parameters  64·32 + 32 + 32·10 + 10 = 2048 + 32 + 320 + 10 = 2410
 *   MACs        64·32      + 32·10      = 2048      + 320      = 2368 for each row
 *
 * summarize() counts both, for any model, by asking each layer:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear, ReLU, Sequential, summarize } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * const generator = new Generator(1);
 * const model = new Sequential(
 *   new Linear(64, 32, { generator }),
 *   new ReLU(),
 *   new Linear(32, 10, { generator }),
 * );
 * const { parameters, multiplyAccumulates } = summarize(model, [1, 64]);
 * assertEquals(parameters, 2410);
 * assertEquals(multiplyAccumulates, 2368);
 * assertEquals(summarize(model, [128, 64]).multiplyAccumulates, 128 * 2368);
 * ```
 *
 * The arithmetic grows with the batch, the weights do not. With one row each weight is fetched from
 * memory for a single MAC, and memory sets the pace; with 128 rows one fetch serves 128 of them,
 * and arithmetic does. `deno task bench:kernels` times products. In training each parameter has a
 * second number beside it, its gradient.
 *
 * ## What breaks in practice
 *
 * **Weights that begin alike stay alike.** Two hidden units with the same weights, before and
 * behind them, say the same, and a nudge to one does what the same nudge to the other does. So they
 * get the same gradient and take the same step, for ever: many units, and the layer is worth one.
 * Zeros in two layers are worse: each silences the other, and no nudge to a single weight does
 * anything.
 *
 * ```ts
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * import { relu } from "kindling/activations";
 * import { Linear } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * function answer(fill: number, unit: number, nudge: number): number {
 *   const options = { generator: new Generator(1), bias: false };
 *   const hidden = new Linear(3, 2, options), last = new Linear(2, 1, options);
 *   for (const { weight } of [hidden, last]) weight.write((w) => w.fill(fill));
 *   hidden.weight.write((w) => w[3 * unit] += nudge); // the first weight of that unit
 *   return last.forward(relu(hidden.forward(Tensor.of([[1, 7, 3]])))).item();
 * }
 * assertNotEquals(answer(0.5, 0, 0.1), answer(0.5, 0, 0));
 * assertEquals(answer(0.5, 0, 0.1), answer(0.5, 1, 0.1));
 * assertEquals(answer(0, 0, 0.1), answer(0, 0, 0));
 * ```
 *
 * **Signals that fade or explode.** Ten layers of 64 units with a relu each. Begun as Kaiming asks,
 * the signal arrives about as large as it left. With weights half as large it is halved ten times,
 * which leaves 1/1024 of it; with weights twice as large it is 1024 times as large. (Powers of two
 * round nothing, so here both are exact.)
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { relu } from "kindling/activations";
 * import { kaimingNormal } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * function spreadAfterTen(factor: number): number {
 *   const generator = new Generator(1);
 *   let x = Tensor.normal([100, 64], generator);
 *   for (let layer = 0; layer < 10; layer++) {
 *     x = relu(x.matmul(kaimingNormal([64, 64], generator).mul(factor).transpose()));
 *   }
 *   return Math.sqrt(x.variance().item());
 * }
 * const kaiming = spreadAfterTen(1);
 * assert(kaiming > 0.5 && kaiming < 2);
 * assertEquals(spreadAfterTen(0.5), kaiming / 1024);
 * assertEquals(spreadAfterTen(2), kaiming * 1024);
 * ```
 *
 * **Dropout that never rests.** A model knows two modes, train() and eval(). Who forgets eval()
 * before asking it something gets an answer with a random part missing, and another one the next
 * time. The mean over many numbers is right in both modes, so a glance at it does not tell.
 *
 * ```ts
 * import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
 * import { Dropout } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const layer = new Dropout(0.5, { generator: new Generator(1) }), x = Tensor.ones([10_000]);
 * assertNotEquals(layer.forward(x).toArray(), layer.forward(x).toArray());
 * assertAlmostEquals(layer.forward(x).mean().item(), 1, 0.05);
 * assertEquals(layer.eval().forward(x).toArray(), x.toArray());
 * ```
 *
 * **Parts in hiding.** parameters() finds what stands in public fields, and in lists, Maps, Sets and
 * plain objects there, however deep. A layer in a private field is not found, nor one in an object
 * of a class that is not a Module: it is not trained, and not saved; no error tells. Count.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear, Module } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import type { Tensor } from "kindling/tensor";
 * const options = { generator: new Generator(1), bias: false };
 * class Hiding extends Module {
 *   readonly seen = [[new Linear(2, 2, options)]];
 *   readonly byName = new Map([["second", new Linear(2, 2, options)]]);
 *   readonly #third = new Linear(2, 2, options);
 *   forward(x: Tensor): Tensor {
 *     return this.#third.forward(x);
 *   }
 * }
 * const found = [...new Hiding().namedParameters().keys()];
 * assertEquals(found, ["seen.0.0.weight", "byName.second.weight"]);
 * ```
 *
 * ## To think about
 *
 * 1. Two Linears in a row, 100 → 10 → 100, without a bend. What can they compute that one Linear
 *    100 → 100 cannot, and what can it that they cannot?
 * 2. Why may biases begin at 0, but not weights?
 * 3. Why does Kaiming's formula have a 2 where LeCun's has a 1?
 * 4. A model trains with dropout, and its training loss is above its test loss. Is that a mistake?
 *
 * ## What is next
 *
 * The model answers. Module 04 says how wrong the answer is.
 */
