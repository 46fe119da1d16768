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
import { relu, sigmoid, tanh } from "#activations";
import type { Generator } from "#random";
import {
  type Data,
  describeShape,
  type DType,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
  ValueError,
  type Values,
} from "#tensor";
import { uniformByFanIn } from "./init.ts";

export { uniformByFanIn } from "./init.ts";

// ── 3.1 Parameters ──

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

// ── 3.2 Modules ──
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
    throw new ShapeError(
      `Cannot count ${this.constructor.name} on ${describeShape(inputShape)}: it has no cost()`,
      "write cost(inputShape), which returns { outputShape, multiplyAccumulates }",
    );
  }

  /** This module (path "") and all in it with their paths (`layers.0`), each once. */
  namedModules(): Map<string, Module> {
    const named = new Map<string, Module>(), seen = new Set<Module>();
    function visit(module: Module, path: string): void {
      if (seen.has(module)) return; // shared, or a circle
      seen.add(module);
      named.set(path, module);
      for (const [name, part] of fieldsOf(module, path)) {
        if (part instanceof Module) visit(part, name);
      }
    }
    visit(this, "");
    return named;
  }

  /** All parameters with their paths (`layers.0.weight`), own first, each once. */
  namedParameters(): Map<string, Parameter> {
    const named = new Map<string, Parameter>(), seen = new Set<Parameter>();
    for (const [path, module] of this.namedModules()) {
      for (const [name, part] of fieldsOf(module, path)) {
        if (!(part instanceof Parameter) || seen.has(part)) continue;
        seen.add(part);
        named.set(name, part);
      }
    }
    return named;
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
}

/** What stands in a module's public fields, with paths; lists are taken apart, by position. */
function fieldsOf(module: Module, path: string): [name: string, part: unknown][] {
  const prefix = path === "" ? "" : `${path}.`;
  return Object.entries(module).flatMap(([field, value]) =>
    Array.isArray(value)
      ? value.map((part, k): [string, unknown] => [`${prefix}${field}.${k}`, part])
      : [[prefix + field, value]]
  );
}

// ── 3.3 Linear ──
// Every output is a weighted sum of all inputs:
//
//   y = x·Wᵀ + b        x (B, I) · W (O, I) · b (O) · y (B, O)
//
// W holds one row per output, as in PyTorch, so that a row can be read as "what this unit looks
// for".

/** What Linear takes. */
export interface LinearOptions {
  /** Draws the first weights. */
  readonly generator: Generator;
  /** Whether to add a bias; true by default. */
  readonly bias?: boolean;
  /** The number format, float32 by default. */
  readonly dtype?: DType;
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
   * @param options Generator, bias, dtype.
   */
  constructor(
    readonly inFeatures: number,
    readonly outFeatures: number,
    { generator, bias = true, dtype = "float32" }: LinearOptions,
  ) {
    super();
    const draw = (...shape: number[]): Parameter =>
      new Parameter(uniformByFanIn(shape, inFeatures, generator, dtype));
    this.weight = draw(outFeatures, inFeatures);
    this.bias = bias ? draw(outFeatures) : null;
  }

  /**
   * Computes x·Wᵀ + b.
   *
   * @task 03.3
   * @param x (B, I); axes before the last are all batch.
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
    if (inputShape.length < 2 || inputShape.at(-1) !== this.inFeatures) {
      throw new ShapeError(
        `Cannot feed ${describeShape(inputShape)} to Linear(${this.inFeatures}, ` +
          `${this.outFeatures}): it takes (B, ${this.inFeatures})`,
        inputShape.length > 2 ? "put a Flatten before it" : undefined,
      );
    }
    const outputShape = [...inputShape.slice(0, -1), this.outFeatures];
    return { outputShape, multiplyAccumulates: sizeOf(outputShape) * this.inFeatures };
  }
}

// ── 3.4 Layers without parameters ──

/** Makes each image of a batch one row: (B, C, H, W) → (B, C·H·W). */
export class Flatten extends Module {
  /**
   * Joins all axes but the first.
   *
   * @task 03.4
   */
  forward(x: Tensor): Tensor {
    return x.reshape(this.cost(x.shape).outputShape);
  }

  /** No arithmetic. */
  override cost(inputShape: Shape): Cost {
    const [batch, ...rest] = inputShape;
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

/** relu as a layer. */
export class ReLU extends Elementwise {
  /** max(x, 0). */
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** sigmoid as a layer. */
export class Sigmoid extends Elementwise {
  /** 1 / (1 + e⁻ˣ). */
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** tanh as a layer. */
export class Tanh extends Elementwise {
  /** Hyperbolic tangent. */
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}

// ── 3.5 Sequential ──

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
    if (layers.length === 0) {
      throw new ValueError("Cannot make a Sequential of nothing: it needs at least one layer");
    }
    this.layers = layers;
  }

  /**
   * Feeds each layer with what the one before it gave.
   *
   * @task 03.5
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

// ── 3.6 What a model costs ──

/** One line of a summary. */
export interface LayerSummary {
  /** Path and class of the layer. */
  readonly name: string;
  /** The shape that goes in, batch axis included. */
  readonly inputShape: Shape;
  /** The shape that comes out. */
  readonly outputShape: Shape;
  /** Numbers that can be trained, those counted on an earlier line left out. */
  readonly parameters: number;
  /** Multiplications with their additions. */
  readonly multiplyAccumulates: number;
}

/** What a model costs, layer by layer and together. */
export interface Summary {
  /** One line per layer, in order. */
  readonly layers: readonly LayerSummary[];
  /** Numbers that can be trained, each once. */
  readonly parameters: number;
  /** Multiplications with their additions, for the batch of the input shape. */
  readonly multiplyAccumulates: number;
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
  const layers: LayerSummary[] = [];
  const counted = new Set<Parameter>();
  function countNew(module: Module): number {
    const fresh = module.parameters().filter((parameter) => !counted.has(parameter));
    for (const parameter of fresh) counted.add(parameter);
    return fresh.reduce((total, parameter) => total + parameter.size, 0);
  }
  function visit(module: Module, path: string, shape: Shape): Shape {
    if (module instanceof Sequential && module.constructor === Sequential) { // not one's own kind
      return module.layers.reduce<Shape>((at, layer, k) => visit(layer, `${path}${k}.`, at), shape);
    }
    const { outputShape, multiplyAccumulates } = module.cost(shape);
    const name = `${path && path.slice(0, -1) + " "}${module.constructor.name}`;
    const parameters = countNew(module);
    layers.push({ name, inputShape: shape, outputShape, parameters, multiplyAccumulates });
    return outputShape;
  }
  visit(model, "", inputShape);
  return {
    layers,
    parameters: layers.reduce((total, layer) => total + layer.parameters, 0),
    multiplyAccumulates: layers.reduce((total, layer) => total + layer.multiplyAccumulates, 0),
  };
}
