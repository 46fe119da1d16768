/**
 * # 09 · Spatial: pooling
 *
 * Is there an edge in this corner? Yes or no matters more than the exact pixel. Pooling keeps the
 * strongest answer of each little square and forgets where in the square it was.
 *
 * Throughout: K window side · oH, oW the output's height and width
 *
 * @module
 */
import { defineOp } from "#autograd";
import { type Cost, Module } from "#layers";
import { describeShape, like, type Shape, ShapeError, sizeOf, Tensor } from "#tensor";
import { outputSide, type Window } from "./window.ts";

/** The shape after pooling. */
function pooledShape(shape: Shape, window: Window): number[] {
  if (shape.length !== 4) {
    throw new ShapeError(`Cannot pool ${describeShape(shape)}: images are (B, C, H, W)`);
  }
  return [shape[0], shape[1], outputSide(shape, 2, window), outputSide(shape, 3, window)];
}

// ── 9.5 Max-pooling ──
// Only the greatest number of a window gets through, and so only it gets the gradient. The forward
// pass therefore keeps, for each output, the place where its number was found.

const poolMax = defineOp<Window, Int32Array>({
  name: "maxPool2d",

  /** @task 09.5 */
  forward: ([x], window) => {
    const { kernelSize, stride } = window, shape = pooledShape(x.shape, window);
    const [, , height, width] = x.shape, [batch, channels, outputHeight, outputWidth] = shape;
    const from = x.data, out = like(x, sizeOf(shape)), places = new Int32Array(out.length);
    let o = 0;
    for (let plane = 0; plane < batch * channels; plane++) {
      for (let oy = 0; oy < outputHeight; oy++) {
        for (let ox = 0; ox < outputWidth; ox++, o++) {
          let row = (plane * height + oy * stride) * width + ox * stride;
          let place = row, greatest = from[row];
          for (let ky = 0; ky < kernelSize; ky++, row += width) {
            for (let at = row; at < row + kernelSize; at++) {
              const value = from[at];
              if (value > greatest || value !== value) { // NaN gets through, as in PyTorch
                greatest = value;
                place = at;
              }
            }
          }
          out[o] = greatest;
          places[o] = place;
        }
      }
    }
    return { output: { data: out, shape }, saved: places };
  },

  /** @task 09.6 */
  backward: (g, { inputs: [x], saved: places }) => {
    const from = g.data, out = like(x, x.size), n = from.length;
    for (let o = 0; o < n; o++) out[places[o]] += from[o];
    return [new Tensor(out, x.shape)];
  },
});

/**
 * Keeps the greatest number of each window.
 *
 * @param x Images (B, C, H, W).
 * @param kernelSize K, the side of the window.
 * @param stride How far the window moves, K by default.
 * @returns (B, C, oH, oW); pixels at the right and at the bottom that fill no window are left out.
 * @throws {ShapeError} If x is not (B, C, H, W), or smaller than the window.
 *
 * @example The strongest of four
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { maxPool2d } from "#spatial";
 * import { Tensor } from "#tensor";
 * assertEquals(maxPool2d(Tensor.of([[[[1, 5], [2, 3]]]]), 2).item(), 5);
 * ```
 */
export function maxPool2d(x: Tensor, kernelSize: number, stride: number = kernelSize): Tensor {
  return poolMax([x], { kernelSize, stride, padding: 0 });
}

/** Max-pooling as a layer. */
export class MaxPool2d extends Module {
  /**
   * Makes the layer.
   *
   * @param kernelSize K, the side of the window.
   * @param stride How far the window moves, K by default.
   */
  constructor(readonly kernelSize: number, readonly stride: number = kernelSize) {
    super();
  }

  /** (B, C, H, W) → (B, C, oH, oW). */
  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.stride);
  }

  /** Comparisons, but no multiply-accumulates. */
  override cost(inputShape: Shape): Cost {
    const { kernelSize, stride } = this;
    const outputShape = pooledShape(inputShape, { kernelSize, stride, padding: 0 });
    return { outputShape, multiplyAccumulates: 0 };
  }
}
