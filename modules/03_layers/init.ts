/**
 * # 03 · Layers: how weights begin
 *
 * If weights start too large, signals grow from layer to layer until they drown everything; too
 * small, and they die out. The right size follows from how many numbers each unit adds up, its
 * *fan-in*, and from how many units each number goes to, its *fan-out*. It can decide whether a
 * deep network learns at all: of two networks of 30 layers that began by different formulas of this
 * chapter, one learnt and the other did not (He et al., 2015).
 *
 * At the end you have four ways to begin, each one formula. Read this chapter first; layers.ts,
 * where the layers are, comes after it.
 *
 * Throughout: weights (O, I) of a Linear, (F, C, K, K) of a Conv2d: outputs first · variance the
 * mean squared distance from the mean · spread its root, the standard deviation
 *
 * ## The idea, by hand
 *
 * A unit adds up 100 ones, each times a weight of its own, drawn with mean 0 and spread 1. Plus and
 * minus cancel in part, so that the sum is neither 0 nor 100: its variance is 100·1, its spread 10.
 * A second layer of such weights makes 100 of that, a tenth makes 10¹⁰. With weights a tenth as
 * large, 1/√100, the spread is 1 in every layer.
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const ones = Tensor.ones([1, 100]), weight = Tensor.normal([1000, 100], new Generator(1));
 * const sums = ones.matmul(weight.transpose()); // a thousand units
 * assertAlmostEquals(Math.sqrt(sums.variance().item()), 10, 1);
 * assertAlmostEquals(Math.sqrt(sums.div(Math.sqrt(100)).variance().item()), 1, 0.1);
 * ```
 *
 * @module
 */
import type { Generator } from "#random";
import { checkShape, requireNumber, say, type Shape, ShapeError, sizeOf } from "#tensor";
import { Tensor, type TensorOptions } from "#tensor";

/** Draws the first weights of a layer. */
export type Initializer = (shape: Shape, generator: Generator, options?: TensorOptions) => Tensor;

// ── 3.1 How many numbers meet ──
// An output of a Linear adds up I numbers. An output of a Conv2d adds up C·K·K of them: everything
// that the window sees. The other way round, each input goes to O outputs, or F·K·K.
//
//   (O, I)         fanIn = I          fanOut = O
//   (F, C, K, K)   fanIn = C·K·K      fanOut = F·K·K
//
// Why it matters: an output y is a sum of fanIn products w·x. The weights are drawn independently,
// with mean 0; then the variances of the products add up, and on average
//
//   mean of y² = fanIn · variance of w · mean of x²
//
// So the spread grows with √fanIn, and all formulas below divide by just that. The test also has
// windows that are not square, where K·K stands for their size, and a shape with one axis: it does
// not say how many inputs there are, and is refused.

/** How many numbers one output of a layer adds up, and how many outputs one number goes to. */
export type Fans = { readonly fanIn: number; readonly fanOut: number };

/**
 * Counts how many numbers one output adds up, and how many outputs one number goes to.
 *
 * @task 03.1
 * @param shape Shape of the weights, outputs first, inputs second, then the window.
 * @returns Fan-in and fan-out.
 * @throws {ShapeError} If there are fewer than two axes, or checkShape() of module 01 refuses a size.
 *
 * @example A 3×3 window over 2 channels, 8 filters
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { fansOf } from "kindling/layers";
 * assertEquals(fansOf([8, 2, 3, 3]), { fanIn: 18, fanOut: 72 });
 * ```
 */
export function fansOf(shape: Shape): Fans {
  checkShape(shape);
  const [outputs, inputs, ...window] = shape, seen = sizeOf(window);
  if (shape.length >= 2) return { fanIn: inputs * seen, fanOut: outputs * seen };
  throw new ShapeError(say`Cannot count the inputs of weights ${shape}: they have axes (O, I)`);
}

// ── 3.2 Evenly, by fan-in ──
// The plainest way, and PyTorch's: draw evenly between two bounds that shrink with the fan-in.
//
//   weights from −1/√fanIn to 1/√fanIn
//
// Evenly drawn numbers from −b to b have the variance b²/3, the mean of all squares between the
// bounds: here 1/(3·fanIn). By the formula of 3.1 a unit's sum then has a third of the mean square
// of what it adds up: a signal shrinks from layer to layer, which a few layers bear. Biases have
// one axis only and cannot tell a fan-in: there it is handed over, as `options.fanIn`.
// Tensor.uniform() of module 01 draws, and takes `low` and `high` beside the dtype; a fan-in it
// does not know.
//
// The test draws many, and looks at the bounds and whether each quarter between them is as full.

/** Number format, and how many numbers one output adds up; counted from the shape by default. */
export type FanInOptions = TensorOptions & { readonly fanIn?: number };

/**
 * Draws evenly from ±1/√fanIn, with which PyTorch begins the weights and biases of Linear and
 * Conv2d.
 *
 * @task 03.2
 * @param shape Shape of the weights, or of the biases.
 * @param generator Where the random numbers come from.
 * @param options The fan-in, which a shape of biases does not tell, and the number format.
 * @returns The weights.
 * @throws {ShapeError} If the fan-in is not given, and the shape has fewer than two axes.
 * @throws {ValueError} If the fan-in is below 1; requireNumber() says so.
 *
 * @example No weight is larger than 1/√fanIn
 * ```ts
 * import { assert } from "@std/assert";
 * import { uniformByFanIn } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * const weight = uniformByFanIn([8, 16], new Generator(1));
 * assert(weight.data.every((w) => Math.abs(w) <= 1 / 4));
 * ```
 */
export function uniformByFanIn(shape: Shape, generator: Generator, options?: FanInOptions): Tensor {
  const { fanIn = fansOf(shape).fanIn, ...format } = options ?? {}, high = 1 / Math.sqrt(fanIn);
  requireNumber(`Cannot draw weights for a fan-in of ${fanIn}`, fanIn, 1);
  return Tensor.uniform(shape, generator, { ...format, low: -high, high });
}

// ── 3.3 Three formulas ──
// Look at 3.1 again: y is as large as x if fanIn · variance of w is 1. That is LeCun's formula:
//
//   variance = 1/fanIn
//
// relu makes 0 of one half of the numbers, and with them goes half of the mean square. Kaiming's
// makes up for that. And a gradient on its way back is a sum too, of fanOut products (module 05
// shows it); it would ask for 1/fanOut. Xavier's is fair to both ways: it divides by the mean of
// the two fans. What comes of it stands above the six functions below, with which you can check
// yours.
//
// How the numbers are drawn, evenly or along a bell curve, is a second choice and given. To have
// the variance, even draws need the bounds ±√(3·variance). The test draws both ways, and measures
// the mean square and the share of weights within one spread.

/** The variance that each formula gives to the weights. */
const variances = {
  /** @task 03.3 */
  lecun: ({ fanIn }: Fans): number => 1 / fanIn,

  /** @task 03.3 */
  kaiming: ({ fanIn }: Fans): number => 2 / fanIn,

  /** @task 03.3 */
  xavier: ({ fanIn, fanOut }: Fans): number => 2 / (fanIn + fanOut),
};

/** Makes an initialiser that draws evenly from ±√(3·variance). */
function evenly(variance: (fans: Fans) => number): Initializer {
  return (shape, generator, options = {}) => {
    const high = Math.sqrt(3 * variance(fansOf(shape)));
    return Tensor.uniform(shape, generator, { ...options, low: -high, high });
  };
}

/** Makes an initialiser that draws from a bell curve of mean 0. */
function normally(variance: (fans: Fans) => number): Initializer {
  return (shape, generator, options = {}) => {
    const standardDeviation = Math.sqrt(variance(fansOf(shape)));
    return Tensor.normal(shape, generator, { ...options, mean: 0, standardDeviation });
  };
}

/** Evenly from ±√(3 / fanIn): sums keep the size of what they add up (LeCun et al., 1998). */
export const lecunUniform: Initializer = evenly(variances.lecun);

/** Normal with standard deviation √(1 / fanIn) (LeCun et al., 1998). */
export const lecunNormal: Initializer = normally(variances.lecun);

/** Evenly from ±√(6 / fanIn), for layers before a relu (He et al., 2015). */
export const kaimingUniform: Initializer = evenly(variances.kaiming);

/**
 * Normal with standard deviation √(2 / fanIn), for layers before a relu (He et al., 2015).
 *
 * @example The spread is the formula's, within chance
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { kaimingNormal } from "kindling/layers";
 * import { Generator } from "kindling/random";
 * const weight = kaimingNormal([64, 32], new Generator(1));
 * assertAlmostEquals(Math.sqrt(weight.variance().item()), 0.25, 0.02);
 * ```
 */
export const kaimingNormal: Initializer = normally(variances.kaiming);

/** Evenly from ±√(6 / (fanIn + fanOut)), before a tanh or sigmoid (Glorot and Bengio, 2010). */
export const xavierUniform: Initializer = evenly(variances.xavier);

/** Normal with standard deviation √(2 / (fanIn + fanOut)) (Glorot and Bengio, 2010). */
export const xavierNormal: Initializer = normally(variances.xavier);
