/**
 * # 09 · Spatial: the window
 *
 * Convolution and pooling share one picture: a window that slides over a plane. This file says
 * where it can stand. It is one formula, and many shape errors in convolutional networks come from
 * not having it at hand. At the end you have it, for strides, padding and gaps of every kind.
 *
 * Throughout: n pixels along an axis · K window side · d dilation, the distance between the pixels
 * that it sees · reach how many pixels lie between its first and its last, both included
 *
 * @module
 */
import { requireWhole, say, type Shape, ShapeError, ValueError } from "#tensor";

/** One number for both axes, or one for each. */
export type Pair = number | readonly [vertical: number, horizontal: number];

/** How a window slides. */
export interface Sliding {
  /** How far it moves from one position to the next, in pixels. */
  readonly stride?: Pair;
  /**
   * How many zeros stand around the plane on each side. "valid" is none; "same" is as many as make
   * the output as large as the input (where they are odd, one more after than before).
   */
  readonly padding?: Pair | "same" | "valid";
  /** How far apart the pixels are that it sees; 1 for neighbours. */
  readonly dilation?: Pair;
}

/** A window that slides over a plane: K, its sides in pixels, and how it slides. */
export type Window = Sliding & { readonly kernelSize: Pair };

/** Where a window stands along one axis. */
export interface Track {
  /** K, how many pixels it sees. */
  readonly kernelSize: number;
  /** How far apart they are. */
  readonly dilation: number;
  /** How far it moves from one position to the next. */
  readonly stride: number;
  /** How many zeros stand before the first pixel. */
  readonly before: number;
  /** How many positions it has. */
  readonly count: number;
}

/** The smallest number that each part of a window may be. */
const least = { kernelSize: 1, stride: 1, padding: 0, dilation: 1 };

/**
 * Refuses what is no window.
 *
 * @param window Its sides, and how it slides.
 * @throws {ValueError} If a number is not whole, or too small, or "same" meets a stride.
 */
export function checkWindow(window: Window): void {
  for (const name of ["kernelSize", "stride", "padding", "dilation"] as const) {
    const value = name === "kernelSize" ? window[name] : window[name] ?? 1;
    if (name === "padding" && (value === "same" || value === "valid")) continue;
    const says = say`Cannot slide a window with ${name} ${value}`;
    const [down, across, ...more] = Array.isArray(value) ? value : [value, value];
    for (const n of [down, across, ...more.map(() => NaN)]) requireWhole(says, n, least[name]);
  }
  if (window.padding !== "same" || [window.stride ?? 1].flat().every((n) => n === 1)) return;
  const says = say`Cannot pad "same" with stride ${window.stride}`;
  throw new ValueError(`${says}: the output would be smaller`, "give the padding in pixels");
}

// ── 9.1 Where it can stand ──
// A window of 3 on 8 pixels stands at 0, 1, … 5: 8 − 3 + 1 = 6 positions. With a stride of 2 it
// stands at 0, 2, 4. Zeros around make the plane larger; gaps between the pixels it sees, dilation,
// make the window longer without giving it more weights.
//
//   n = 8, K = 3, stride 2                    n = 5, K = 3, d = 2: reach 5
//   ┌─────┐                                   x . x . x
//   0 1 2 3 4 5 6 7                           0 1 2 3 4
//       └─────┘
//
//   reach = d·(K − 1) + 1
//   positions = ⌊(n + padding before and after − reach) / stride⌋ + 1
//
// On the left: ⌊(8 + 0 − 3) / 2⌋ + 1 = 3, and the last pixel is seen by nobody. A padding of 1
// means one zero on each side: ⌊(8 + 2 − 3) / 2⌋ + 1 = 4.
//
// "same" padding is reach − 1 zeros in all; where that is odd, the one left over goes behind.
// "valid" is none. What you return holds everything that a walk along this axis needs; slideOver(),
// below, has checked the window's numbers already. The tests try all of it, each axis for itself,
// and a window that fits nowhere, which is refused:
//
//   Cannot slide a window of 5 over (1, 1, 6, 4): axis 3 has only 4 pixels
//   Cannot slide a window of 9 over (1, 1, 6, 4): axis 2 has only 6 pixels and 2 of padding
//
// (That is the padding of both sides together.)

/**
 * Finds where a window can stand along one axis (section 9.1 has the formula).
 *
 * @task 09.1
 * @param shape The shape that it slides over, (B, C, H, W).
 * @param axis The axis along which it moves, 2 or 3.
 * @param window The window; stride, padding and dilation are 1, 0 and 1 by default.
 * @returns The positions, at least one.
 * @throws {ValueError} If the window's numbers are not whole, or too small.
 * @throws {ShapeError} If the window is larger than the plane.
 */
function trackOf(shape: Shape, axis: 2 | 3, window: Window): Track {
  const pick = (pair: Pair): number => typeof pair === "number" ? pair : pair[axis - 2];
  const { padding = 0 } = window, kernelSize = pick(window.kernelSize);
  const stride = pick(window.stride ?? 1), dilation = pick(window.dilation ?? 1);
  const reach = dilation * (kernelSize - 1) + 1;
  const named = padding === "same" ? reach - 1 : 0; // zeros before and after together
  const around = typeof padding === "string" ? named : 2 * pick(padding);
  const room = shape[axis] + around - reach;
  if (room >= 0) {
    const before = Math.floor(around / 2), count = Math.floor(room / stride) + 1;
    return { kernelSize, dilation, stride, before, count };
  }
  const rule = `axis ${axis} has only ${shape[axis]} pixels`, more = ` and ${around} of padding`;
  const says = say`Cannot slide a window of ${reach} over ${shape}: ` + rule;
  throw new ShapeError(around > 0 ? says + more : says);
}

/** A batch of images (B, C, H, W), and where a window stands down and across them. */
export type Slide = { readonly shape: Shape; readonly y: Track; readonly x: Track };

/**
 * Measures how a window slides over images.
 *
 * @param shape (B, C, H, W).
 * @param window The window.
 * @returns Its positions down and across.
 * @throws {ShapeError} If the shape is not one of images, or smaller than the window.
 * @throws {ValueError} If the window's numbers are not whole, or too small.
 */
export function slideOver(shape: Shape, window: Window): Slide {
  checkWindow(window);
  if (shape?.length === 4) {
    return { shape, y: trackOf(shape, 2, window), x: trackOf(shape, 3, window) };
  }
  const hint = shape?.length === 3 ? "add a batch axis with unsqueeze(0)" : undefined;
  throw new ShapeError(say`Cannot slide a window over ${shape}: images are (B, C, H, W)`, hint);
}
