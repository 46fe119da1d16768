/**
 * # 03 · Layers: parameters and modules
 *
 * What all layers have in common (given): tensors that are kept and trained, and a way of finding
 * them. Nobody registers anything: a module's parts are simply its public fields.
 *
 * At the end you have what every layer and every model is made of. Read on in layers.ts.
 *
 * Throughout: module a layer or a model · part what stands in one of its public fields · path the
 * names that lead to a part, `layers.0.weight` · state all tensors by their paths
 *
 * @module
 */
import { copyHint, noteWrite, requireKind, requireNoOther, sameShape, say } from "#tensor";
import { ShapeError, sizeOf, Tensor, ValueError } from "#tensor";
import type { Data, Shape, Values } from "#tensor";

// ── Parameters (given) ──

/**
 * A tensor that a model keeps and an optimizer changes.
 *
 * @example Whatever is computed from a parameter requires a gradient
 * ```ts
 * import { assert } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * const weight = new Parameter(Tensor.ones([2]));
 * assert(weight.mul(3).requiresGrad);
 * ```
 */
export class Parameter extends Tensor {
  /** The gradients that backward() has added up; null before, and after zeroGrad(). */
  grad: Tensor | null = null;
  /** What messages call it: its path in the model that was last asked for it. */
  name = "a parameter";

  /**
   * Makes a parameter.
   *
   * @param values Numbers and shape; the numbers are kept, not copied.
   */
  constructor(values: Values) {
    super(values?.data, values?.shape);
  }

  /** Always true. */
  override get requiresGrad(): boolean {
    return true;
  }

  /**
   * The one door through which training changes the numbers. It counts, so that a backward that
   * still needs the old numbers can say so. Writing to `data` directly goes unnoticed: that is at
   * your own risk.
   *
   * @param change Gets the numbers, to change in place.
   */
  write(change: (data: Data) => void): void {
    noteWrite(this.data); // first: a change that throws may have written already
    change(this.data);
  }
}

// ── Modules (given) ──
// A model is a tree of modules. Nobody registers anything: a module's parts are simply its public
// fields, and parameters() finds them by looking.

/**
 * What a layer does to one shape: the shape that comes out, batch axis included, and what that
 * costs for the whole batch, in multiplications with their additions.
 */
export type Cost = { readonly outputShape: Shape; readonly multiplyAccumulates: number };

/**
 * A layer or a model: forward() and the parameters in its public fields.
 *
 * @example A model of one's own
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear, Module } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * class Twice extends Module {
 *   readonly layer = new Linear(2, 2, { generator: new Generator(1) });
 *   forward(x: Tensor): Tensor {
 *     return this.layer.forward(this.layer.forward(x));
 *   }
 * }
 * assertEquals([...new Twice().namedParameters().keys()], ["layer.weight", "layer.bias"]);
 * ```
 */
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
    const parts = [...partsOf(this, "", new Set())];
    return new Map(parts.filter(([, part]) => part instanceof Kind)) as Map<string, Part>;
  }

  /** This module (path "") and all in it, each once. */
  namedModules(): Map<string, Module> {
    return this.#named(Module);
  }

  /** All parameters with their paths, own first, each once. */
  namedParameters(): Map<string, Parameter> {
    const named = this.#named(Parameter);
    for (const [path, parameter] of named) parameter.name = path;
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

  /** Copies of all parameters and running statistics, by their paths. */
  stateDict(): Map<string, Tensor> {
    const own = [...this.#named(Tensor)];
    return new Map(own.map(([name, { data, shape }]) => [name, new Tensor(data.slice(), shape)]));
  }

  /**
   * Takes over the numbers of a state. Nothing changes unless all of it fits.
   *
   * @param state What stateDict() gave, here or in a model built alike.
   * @param options strict, true by default: names on one side only are an error. Where it is false,
   * it is one only if no name is on both sides.
   * @throws {ValueError} If it does not fit; the message lists every name.
   */
  loadStateDict(state: State, { strict = true, ...other } = {}): void {
    requireNoOther("loadStateDict", other);
    requireKind("Cannot load", "state", state);
    const own = this.#named(Tensor);
    const given = new Map([...state].filter(([name]) => strict || own.has(name)));
    const isAll = strict || given.size === 0; // a state of which nothing fits is an error, too
    const common = new Map([...own].filter(([name]) => isAll || state.has(name)));
    checkState(this.constructor.name, common, given);
    for (const [name, { data }] of given) {
      const numbers = own.get(name)?.data;
      if (!numbers) continue;
      noteWrite(numbers);
      numbers.set(data);
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
 *
 * @example The message lists every name
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { checkState } from "kindling/layers";
 * import { Tensor, ValueError } from "kindling/tensor";
 * const own = new Map([["weight", Tensor.ones([2])]]);
 * assertThrows(() => checkState("Linear", own, new Map()), ValueError, "weight is missing");
 * ```
 */
export function checkState(owner: string, own: State, state: State): void {
  requireKind("Cannot load", "state", state);
  const complaints = [...own].flatMap(([name, { shape }]) => {
    const given = state.get(name);
    if (!given) return `${name} is missing`;
    if (!sameShape(given.shape ?? [], shape)) return say`${name} is ${given}, not ${shape}`;
    return given.data.length === sizeOf(shape) ? [] : `${name} has ${given.data.length} numbers`;
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

/** What stands in a module's public fields, with paths; see partsIn(). */
function fieldsOf(module: Module, prefix: string): [name: string, part: unknown][] {
  return Object.entries(module).flatMap(([field, value]) => partsIn(prefix + field, value, []));
}

/** Takes lists, Maps, Sets and plain objects apart, however deep, by position or by name. */
function partsIn(path: string, value: unknown, around: unknown[]): [string, unknown][] {
  if (value instanceof Tensor || value instanceof Module) return [[path, value]];
  const isPlain = Object(value).constructor === Object,
    hint = isPlain ? undefined : copyHint(value);
  if (hint) throw new ShapeError(`Cannot use ${path} as a part of a module`, hint);
  const list = value instanceof Set ? [...value] : value, isList = isPlain || Array.isArray(list);
  const inner = list instanceof Map ? [...list] : isList ? Object.entries(Object(list)) : [];
  if (around.includes(value)) return []; // a circle
  return inner.flatMap(([key, part]) => partsIn(`${path}.${key}`, part, [...around, value]));
}
