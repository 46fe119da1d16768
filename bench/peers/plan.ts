/**
 * A network as a library of its own can build it: what each layer is, and the very weights and
 * pictures that Kindling would start from. So every library's first losses can be held against
 * Kindling's.
 *
 * Throughout: B pictures in a batch · C channels · F filters · K window side · I, O what goes into a
 * dense layer and comes out
 *
 * @module
 */
import { Flatten, Linear, type Module, ReLU } from "#layers";
import { Conv2d, MaxPool2d } from "#spatial";
import { type Network, networks, taskOf } from "../networks.ts";

/** Some weights or pictures: the numbers of a shape, the last axis fastest. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A layer with weights: (F, C, K, K) or (O, I), and one number more for each of F or O. */
export interface Weighted {
  readonly kind: "convolution" | "linear";
  readonly weight: Numbers;
  readonly bias: Numbers;
}

/** One layer; windows slide by 1 without padding, and pools are 2 × 2. */
export type Layer =
  | Weighted
  | { readonly kind: "relu" }
  | { readonly kind: "pool" }
  | { readonly kind: "flatten" };

/** All that is needed to train a network elsewhere. */
export interface Plan {
  readonly layers: readonly Layer[];
  /** (B, C, H, W). */
  readonly inputs: Numbers;
  readonly targets: Int32Array;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
}

/** The seed of everything. */
export const seed = 1;

/** The networks that other libraries are asked for: batch norm is not in all of them. */
export const plannedNetworks: readonly string[] = networks.map(({ key }) => key)
  .filter((key) => key !== "lenet");

function numbersOf(
  { shape, data }: { shape: readonly number[]; data: ArrayLike<number> },
): Numbers {
  return { shape: [...shape], data: Float32Array.from(data) };
}

/** Describes one layer. */
function layerOf(layer: Module): Layer {
  if (layer instanceof ReLU) return { kind: "relu" };
  if (layer instanceof MaxPool2d) return { kind: "pool" };
  if (layer instanceof Flatten) return { kind: "flatten" };
  if ((layer instanceof Conv2d || layer instanceof Linear) && layer.bias) {
    const kind = layer instanceof Conv2d ? "convolution" : "linear";
    return { kind, weight: numbersOf(layer.weight), bias: numbersOf(layer.bias) };
  }
  const says = `Cannot plan a ${layer.constructor.name}: not every library here has such a layer`;
  throw new TypeError(says);
}

/**
 * Describes a network.
 *
 * @param network Which.
 * @returns Its layers, its batch, and how it is trained.
 * @throws {TypeError} If it has a layer that not every library has.
 */
export function planOf(network: Network): Plan {
  const { model, batch: { inputs, targets } } = taskOf(network, { seed });
  return {
    layers: model.layers.map(layerOf),
    inputs: numbersOf(inputs),
    targets,
    learningRate: network.sgd.learningRate,
    momentum: network.sgd.momentum ?? 0,
    weightDecay: network.sgd.weightDecay ?? 0,
  };
}

/**
 * Puts numbers into another order of axes.
 *
 * @param numbers Numbers and their shape.
 * @param order For each axis of the result, which axis it was.
 * @returns New numbers.
 */
export function reorder({ shape, data }: Numbers, order: readonly number[]): Numbers {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const target = order.map((axis) => shape[axis]), steps = order.map((axis) => strides[axis]);
  const index = target.map(() => 0), reordered = new Float32Array(data.length);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    reordered[to] = data[from];
    for (let axis = target.length - 1; axis >= 0; axis--) {
      from += steps[axis];
      if (++index[axis] < target[axis]) break;
      from -= steps[axis] * target[axis];
      index[axis] = 0;
    }
  }
  return { shape: target, data: reordered };
}

/**
 * Puts the layers, weights and pictures of a plan into the order that libraries with channels last
 * want: pictures (B, H, W, C), filters (K, K, C, F), dense weights (I, O).
 *
 * @param plan Channels first.
 * @returns Channels last.
 */
export function channelsLast({ layers, inputs, ...rest }: Plan): Plan {
  let channels = inputs.shape[1], isFlat = false;
  const turned = layers.map((layer): Layer => {
    if (layer.kind === "flatten") isFlat = channels > 0;
    if (layer.kind === "convolution") {
      channels = layer.weight.shape[0];
      return { ...layer, weight: reorder(layer.weight, [2, 3, 1, 0]) };
    }
    if (layer.kind !== "linear") return layer;
    // The first dense layer sees a flattened picture, whose numbers now stand in another order.
    const [outputs, size] = layer.weight.shape, planes = isFlat ? channels : 1;
    isFlat = false;
    channels = 0;
    const split = { shape: [outputs, planes, size / planes], data: layer.weight.data };
    const weight = { shape: [size, outputs], data: reorder(split, [2, 1, 0]).data };
    return { ...layer, weight };
  });
  return { ...rest, layers: turned, inputs: reorder(inputs, [0, 2, 3, 1]) };
}
