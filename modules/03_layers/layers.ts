/**
 * # 03 · Layers
 *
 * A layer is a function with numbers of its own, and those numbers are what learning changes. This
 * module separates the two kinds of tensor: what flows through (Tensor) and what is kept and
 * trained (Parameter).
 *
 * At the end you can stack layers into a model and count what it costs.
 *
 * Throughout: B images or rows in a batch · I inputs of a layer · O its outputs · MAC one
 * multiplication with its addition
 *
 * @module
 */
import { gelu, leakyRelu, logSoftmax, relu, sigmoid, softmax, tanh } from "#activations";
import type { Generator } from "#random";
import { requireNumber, requireWhole, sameShape, say, ShapeError } from "#tensor";
import { sizeOf, Tensor, ValueError } from "#tensor";
import type { Data, Shape, TensorOptions, Values } from "#tensor";
import { fansOf, type Initializer, uniformByFanIn } from "./init.ts";

export * from "./init.ts";

// ── Parameters (given) ──

/**
 * A tensor that a model keeps and an optimizer changes.
 *
 * @example Whatever is computed from a parameter requires a gradient
 * ```ts
 * import { assert } from "@std/assert";
 * import { Parameter } from "#layers";
 * import { Tensor } from "#tensor";
 * const weight = new Parameter(Tensor.ones([2]));
 * assert(weight.mul(3).requiresGrad);
 * ```
 */
export class Parameter extends Tensor {
  /** The gradients that backward() has added up; null before, and after zeroGrad(). */
  grad: Tensor | null = null;
  #version = 0;

  /**
   * Makes a parameter.
   *
   * @param values Numbers and shape; the numbers are kept, not copied.
   */
  constructor(values: Values) {
    super(values.data, values.shape);
  }

  /** Always true. */
  override get requiresGrad(): boolean {
    return true;
  }

  /** How often write() has run. */
  override get version(): number {
    return this.#version;
  }

  /**
   * The one door through which training changes the numbers. It counts, so that a backward that
   * still needs the old numbers can say so. Writing to `data` directly goes unnoticed: that is at
   * your own risk.
   *
   * @param change Gets the numbers, to change in place.
   */
  write(change: (data: Data) => void): void {
    change(this.data);
    this.#version++;
  }
}

// ── Modules (given) ──
// A model is a tree of modules. Nobody registers anything: a module's parts are simply its public
// fields, and parameters() finds them by looking.

/** What a layer does to one shape, and what that costs. */
export interface Cost {
  /** The shape that comes out, batch axis included. */
  readonly outputShape: Shape;
  /** Multiplications with their additions, for the whole batch. */
  readonly multiplyAccumulates: number;
}

/** A layer or a model: forward() and the parameters in its public fields. */
export abstract class Module {
  /** Whether the module is being trained; batch norm behaves differently then. */
  training = true;

  /**
   * Computes the output for an input.
   *
   * @param x The input, its first axis the batch.
   */
  abstract forward(x: Tensor): Tensor;

  /**
   * What the module makes of an input of some shape, and what it costs; summarize() asks.
   *
   * @param inputShape The shape that goes in, batch axis included.
   * @returns The shape that comes out, and multiply-accumulates.
   * @throws {ShapeError} If the module does not say.
   */
  cost(inputShape: Shape): Cost {
    const hint = "write cost(inputShape), which returns { outputShape, multiplyAccumulates }";
    const name = this.constructor.name;
    throw new ShapeError(say`Cannot count ${name} on ${inputShape}: it has no cost()`, hint);
  }

  /** All parts of a kind in here, with their paths (`layers.0.weight`), each once. */
  #named<Part>(Kind: abstract new (...args: never[]) => Part): Map<string, Part> {
    const named = new Map<string, Part>();
    for (const [path, part] of partsOf(this, "", new Set())) {
      if (part instanceof Kind) named.set(path, part);
    }
    return named;
  }

  /** This module (path "") and all in it, each once. */
  namedModules(): Map<string, Module> {
    return this.#named(Module);
  }

  /** All parameters with their paths, own first, each once. */
  namedParameters(): Map<string, Parameter> {
    return this.#named(Parameter);
  }

  /** All parameters, each once. */
  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  /** Puts this module and all in it into training mode. */
  train(on = true): this {
    for (const module of this.namedModules().values()) module.training = on;
    return this;
  }

  /** Puts this module and all in it into evaluation mode. */
  eval(): this {
    return this.train(false);
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Copies of all parameters and running statistics, by their paths. */
  stateDict(): Map<string, Tensor> {
    const own = [...this.#named(Tensor)];
    return new Map(own.map(([name, { data, shape }]) => [name, new Tensor(data.slice(), shape)]));
  }

  /**
   * Takes over the numbers of a state. Nothing changes unless all of it fits.
   *
   * @param state What stateDict() gave, here or in a model built alike.
   * @param options strict, true by default: names on one side only are an error.
   * @throws {ValueError} If it does not fit; the message lists every name.
   */
  loadStateDict(state: State, { strict = true } = {}): void {
    const own = this.#named(Tensor);
    const common = new Map([...own].filter(([name]) => strict || state.has(name)));
    const given = new Map([...state].filter(([name]) => strict || own.has(name)));
    checkState(this.constructor.name, common, given);
    for (const [name, { data }] of given) {
      const tensor = own.get(name);
      if (tensor instanceof Parameter) tensor.write((numbers) => numbers.set(data));
      else tensor?.data.set(data);
    }
  }
}

/** Tensors by name. */
export type State = ReadonlyMap<string, Values>;

/**
 * Refuses a saved state that does not fit.
 *
 * @param owner Whose state it is to become.
 * @param own What the owner has.
 * @param state What is given.
 * @throws {ValueError} If names or shapes differ; the message lists every name.
 */
export function checkState(owner: string, own: State, state: State): void {
  const complaints = [...own].flatMap(([name, { shape }]) => {
    const given = state.get(name);
    if (!given) return `${name} is missing`;
    return sameShape(given.shape, shape) ? [] : say`${name} is ${given}, not ${shape}`;
  });
  for (const name of state.keys()) if (!own.has(name)) complaints.push(`${name} is unexpected`);
  if (complaints.length === 0) return;
  throw new ValueError(`Cannot load this state into ${owner}: ${complaints.join(", ")}`);
}

/** A module, its own tensors, and then all that is in its modules: each once, with its path. */
function* partsOf(module: Module, path: string, seen: Set<object>): Iterable<[string, object]> {
  if (seen.has(module)) return; // shared, or a circle
  seen.add(module);
  yield [path, module];
  const fields = fieldsOf(module, path === "" ? "" : `${path}.`);
  for (const [name, part] of fields) {
    if (!(part instanceof Tensor) || seen.has(part)) continue;
    seen.add(part);
    yield [name, part];
  }
  for (const [name, part] of fields) if (part instanceof Module) yield* partsOf(part, name, seen);
}

/** What stands in a module's public fields, with paths; lists are taken apart, by position. */
function fieldsOf(module: Module, prefix: string): [name: string, part: unknown][] {
  return Object.entries(module).flatMap(([field, value]): [string, unknown][] =>
    Array.isArray(value)
      ? value.map((part, k) => [`${prefix}${field}.${k}`, part])
      : [[prefix + field, value]]
  );
}

// ── 3.4 Linear ──
// Every output is a weighted sum of all inputs:
//
//   y = x·Wᵀ + b        x (B, I) · W (O, I) · b (O) · y (B, O)
//
// W holds one row per output, as in PyTorch, so that a row can be read as "what this unit looks
// for".

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
 */
export function drawWeights(shape: Shape, options: WeightOptions): [Parameter, Parameter | null] {
  const { generator, bias = true, initialize = uniformByFanIn, ...format } = options;
  const weight = new Parameter(initialize(shape, generator, format)), { fanIn } = fansOf(shape);
  if (!bias) return [weight, null];
  return [weight, new Parameter(uniformByFanIn([shape[0]], generator, { fanIn, ...format }))];
}

/**
 * A fully connected layer, y = x·Wᵀ + b. Weights start uniform in ±1/√I, as in PyTorch.
 *
 * @example Three inputs, two outputs
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "#layers";
 * import { Generator } from "#random";
 * import { Tensor } from "#tensor";
 * const layer = new Linear(3, 2, { generator: new Generator(1) });
 * assertEquals(layer.forward(Tensor.ones([5, 3])).shape, [5, 2]);
 * ```
 */
export class Linear extends Module {
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
  constructor(readonly inFeatures: number, readonly outFeatures: number, options: WeightOptions) {
    super();
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
  override cost(inputShape: Shape): Cost {
    const { inFeatures: I, outFeatures: O } = this, outputShape = [...inputShape.slice(0, -1), O];
    if (inputShape.at(-1) === I) {
      return { outputShape, multiplyAccumulates: sizeOf(outputShape) * I };
    }
    const says = say`Cannot feed ${inputShape} to Linear(${I}, ${O}): it takes (B, ${I})`;
    throw new ShapeError(says, inputShape.length > 2 ? "put a Flatten before it" : undefined);
  }
}

// ── 3.5 Layers without parameters ──

/** Makes each image of a batch one row: (B, C, H, W) → (B, C·H·W). */
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
  override cost([batch, ...rest]: Shape): Cost {
    if (batch === undefined) throw new ShapeError("Cannot flatten (): there is no batch axis");
    return { outputShape: [batch, sizeOf(rest)], multiplyAccumulates: 0 };
  }
}

/** A layer that treats each element alone, so that shapes stay as they are. */
export abstract class Elementwise extends Module {
  /** No multiply-accumulates, and the shape stays. */
  override cost(inputShape: Shape): Cost {
    return { outputShape: inputShape, multiplyAccumulates: 0 };
  }
}

/** What a layer without parameters computes. */
export type Compute = (x: Tensor) => Tensor;

/** max(x, 0) as a layer. */
export class ReLU extends Elementwise {
  /** Computes relu(). */
  override readonly forward: Compute = relu;
}

/** relu with a slope below 0, as a layer. */
export class LeakyReLU extends Elementwise {
  /**
   * Makes the layer.
   *
   * @param slope What a negative number is multiplied by; 0.01 by default.
   */
  constructor(readonly slope = 0.01) {
    super();
  }

  /** Computes leakyRelu(). */
  override readonly forward: Compute = (x) => leakyRelu(x, this.slope);
}

/** 1 / (1 + e⁻ˣ) as a layer. */
export class Sigmoid extends Elementwise {
  /** Computes sigmoid(). */
  override readonly forward: Compute = sigmoid;
}

/** The hyperbolic tangent as a layer. */
export class Tanh extends Elementwise {
  /** Computes tanh(). */
  override readonly forward: Compute = tanh;
}

/** x times the normal distribution's share below x, as a layer. */
export class GELU extends Elementwise {
  /** Computes gelu(). */
  override readonly forward: Compute = gelu;
}

/** Scores to shares along an axis, as a layer. */
export class Softmax extends Elementwise {
  /**
   * Makes the layer.
   *
   * @param axis Along which the shares sum to 1; the last by default.
   */
  constructor(readonly axis = -1) {
    super();
  }

  /** Computes softmax(). */
  override readonly forward: Compute = (x) => softmax(x, this.axis);
}

/** Scores to the logarithms of shares along an axis, as a layer. */
export class LogSoftmax extends Elementwise {
  /**
   * Makes the layer.
   *
   * @param axis Along which the shares sum to 1; the last by default.
   */
  constructor(readonly axis = -1) {
    super();
  }

  /** Computes logSoftmax(). */
  override readonly forward: Compute = (x) => logSoftmax(x, this.axis);
}

// ── 3.6 Dropout ──
// In training each number is set to 0 with probability p, so that no unit can rely on another one.
// What is left is scaled by 1/(1 − p): then the sums keep their size, and in evaluation there is
// nothing to do at all.

/**
 * Drops numbers at random while training (Srivastava et al., 2014).
 *
 * @example In evaluation everything passes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Dropout } from "#layers";
 * import { Generator } from "#random";
 * import { Tensor } from "#tensor";
 * const layer = new Dropout(0.5, { generator: new Generator(1) });
 * assertEquals(layer.eval().forward(Tensor.of([1, 2])).toArray(), [1, 2]);
 * ```
 */
export class Dropout extends Elementwise {
  readonly #generator: Generator;

  /**
   * Makes the layer.
   *
   * @param probability p, the part that is dropped, 0 to 1.
   * @param options The generator that chooses.
   * @throws {ValueError} If p is not from 0 to 1.
   */
  constructor(readonly probability: number, { generator }: { readonly generator: Generator }) {
    super();
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

/** Layers one after the other. */
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
    let outputShape = inputShape, multiplyAccumulates = 0;
    for (const layer of this.layers) {
      const cost = layer.cost(outputShape);
      outputShape = cost.outputShape;
      multiplyAccumulates += cost.multiplyAccumulates;
    }
    return { outputShape, multiplyAccumulates };
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

/** What a model costs, layer by layer and together, for the batch of the input shape. */
export interface Summary extends Costs {
  /** One line per layer, in order. */
  readonly layers: readonly LayerSummary[];
}

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
 * import { Linear, summarize } from "#layers";
 * import { Generator } from "#random";
 * const { parameters } = summarize(new Linear(3, 2, { generator: new Generator(1) }), [1, 3]);
 * assertEquals(parameters, 8);
 * ```
 */
export function summarize(model: Module, inputShape: Shape): Summary {
  const layers: LayerSummary[] = [], counted = new Set<Parameter>();
  function visit(module: Module, path: string, shape: Shape): Shape {
    if (module instanceof Sequential && module.constructor === Sequential) { // not one's own kind
      return module.layers.reduce<Shape>((at, layer, k) => visit(layer, `${path}${k}.`, at), shape);
    }
    const cost = module.cost(shape), before = sizeTogether(counted);
    const name = `${path && path.slice(0, -1) + " "}${module.constructor.name}`;
    for (const parameter of module.parameters()) counted.add(parameter);
    layers.push({ name, inputShape: shape, parameters: sizeTogether(counted) - before, ...cost });
    return cost.outputShape;
  }
  visit(model, "", inputShape);
  const multiplyAccumulates = layers.reduce((sum, layer) => sum + layer.multiplyAccumulates, 0);
  return { layers, parameters: sizeTogether(counted), multiplyAccumulates };
}

/** How many numbers some parameters have. */
function sizeTogether(parameters: Iterable<Parameter>): number {
  return [...parameters].reduce((total, { size }) => total + size, 0);
}
