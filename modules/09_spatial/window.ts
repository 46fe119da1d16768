/**
 * # 09 · Spatial: the window
 *
 * Convolution and pooling share one picture: a square window that slides over a plane. This file
 * says where it can stand.
 *
 * @module
 */
import { describeShape, type Shape, ShapeError, ValueError } from "#tensor";

/** A square window that slides over a plane. */
export interface Window {
  /** K, its side in pixels. */
  readonly kernelSize: number;
  /** How far it moves from one position to the next, in pixels. */
  readonly stride: number;
  /** How many zeros stand around the plane on each side. */
  readonly padding: number;
}

/**
 * How many positions a window has along one axis: ⌊(n + 2·padding − K) / stride⌋ + 1.
 *
 * @param shape The shape that it slides over.
 * @param axis The axis along which it moves.
 * @param window The window.
 * @returns The number of positions, at least 1.
 * @throws {ValueError} If the window's numbers are not whole, or too small.
 * @throws {ShapeError} If the window is larger than the plane.
 */
export function outputSide(
  shape: Shape,
  axis: number,
  { kernelSize, stride, padding }: Window,
): number {
  const limits = { kernelSize: 1, stride: 1, padding: 0 }, given = { kernelSize, stride, padding };
  for (const name of ["kernelSize", "stride", "padding"] as const) {
    if (Number.isInteger(given[name]) && given[name] >= limits[name]) continue;
    throw new ValueError(
      `Cannot slide a window with ${name} ${given[name]}: ` +
        `it must be a whole number of at least ${limits[name]}`,
    );
  }
  const room = shape[axis] + 2 * padding - kernelSize;
  if (room >= 0) return Math.floor(room / stride) + 1;
  throw new ShapeError(
    `Cannot slide a window of ${kernelSize} over ${describeShape(shape)}: ` +
      `axis ${axis} has only ${shape[axis]} pixels` +
      (padding > 0 ? ` and padding ${padding}` : ""),
  );
}
