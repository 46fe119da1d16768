/**
 * How much numbers prove. A hypothesis about a bug is tried by undoing the bug: what comes of it must
 * be what was expected. Few numbers, or simple ones, can agree by chance, so each that agrees is
 * counted in bits, and a hypothesis pays for whatever it was free to choose.
 *
 * @module
 */
import type { About } from "../sandbox/context.ts";
import { isClose, type TensorLike } from "../sandbox/expect_tensor.ts";

/** What is known beside the numbers. */
export interface Clues {
  readonly tolerance: number;
  readonly about?: About;
  /** What was expected of the same value earlier in the test. */
  readonly earlier?: readonly TensorLike[];
  /** What the test expected where the learner's own forward pass was used to find it. */
  readonly own?: TensorLike;
}

/** Wrong numbers, the right ones, and what is known of them. */
export interface Case extends Clues {
  readonly got: TensorLike;
  readonly want: TensorLike;
}

/** One form of a bug, undone. */
export interface Trial {
  /** What is said if it is true. */
  readonly says: string;
  /** What must be equal then. A hole in the first says nothing. */
  readonly made: TensorLike | Holed;
  /** By default what was expected. */
  readonly right?: TensorLike;
  /** What the hypothesis was free to choose, in bits: a number out of a thousand costs 10. */
  readonly cost?: number;
  /** How many roundings went into each number. */
  readonly slack?: number;
}

/** Numbers of which some are not known. */
export interface Holed {
  readonly data: ArrayLike<number | undefined>;
  readonly shape: readonly number[];
}

/** The least that must be left when all is paid: such numbers come by chance once in 4,096 times. */
const enough = 12;

/** Whether a trial comes out right, and cannot have done so by chance. */
export function isProved({ made, right, cost = 0, slack = 4 }: Trial, found: Case): boolean {
  const want = right ?? found.want, tolerance = Math.max(found.tolerance, 1e-7) * slack;
  if (!sameShape(made, want)) return false;
  const known = indexes(want).filter((i) => made.data[i] !== undefined);
  if (known.length * 2 < want.data.length) return false;
  if (!known.every((i) => isClose(made.data[i] ?? NaN, want.data[i], tolerance))) return false;
  // What was right before, or nearly so, proves nothing.
  const changed = sameShape(found.got, found.want) && sameShape(want, found.want)
    ? known.filter((i) => !isClose(found.got.data[i], found.want.data[i], tolerance))
    : known;
  return bitsIn(changed.map((i) => want.data[i]), found.tolerance) - cost >= enough;
}

/** How unlikely it is to meet these numbers by chance. Equal ones count once. */
function bitsIn(numbers: readonly number[], tolerance: number): number {
  const most = Math.min(-Math.log2(Math.max(tolerance, 1e-7)), 18);
  return [...new Set(numbers)].reduce((sum, x) => sum + Math.min(bitsOf(x), most), 0);
}

/** A number such as 1.5 is met more often than one such as 1.4142. */
function bitsOf(x: number): number {
  if (x === 0 || !Number.isFinite(x)) return 1;
  for (const parts of [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 16, 20, 25, 50, 100]) {
    const whole = Math.round(x * parts);
    if (whole !== 0 && Math.abs(x * parts - whole) < 1e-6 * Math.abs(whole)) {
      return Math.log2(2 * Math.abs(whole) + 1) + Math.log2(parts);
    }
  }
  return Infinity;
}

// ── Small tools ──

/** From 0 up to but without the count of numbers. */
export function indexes({ data }: { readonly data: ArrayLike<unknown> }): number[] {
  return Array.from({ length: data.length }, (_, i) => i);
}

/** Where the numbers are not right. */
export function wrongIndexes({ got, want, tolerance }: Case): number[] {
  return indexes(want).filter((i) => !isClose(got.data[i], want.data[i], tolerance));
}

/** Whether two have one shape. */
export function sameShape(
  { shape: a }: { readonly shape: readonly number[] },
  { shape: b }: { readonly shape: readonly number[] },
): boolean {
  return a.length === b.length && a.every((n, axis) => n === b[axis]);
}

/** The same cells, each changed. */
export function mapped({ data, shape }: TensorLike, change: (x: number) => number): TensorLike {
  return { data: Array.from(data, change), shape };
}

/** How the cells of a shape are walked: along an axis, the next one is `inner` numbers further. */
export function walkOf(shape: readonly number[], axis: number): { n: number; inner: number } {
  return { n: shape[axis], inner: shape.slice(axis + 1).reduce((size, n) => size * n, 1) };
}

/** Where a cell is along an axis. */
export function placeAlong(i: number, shape: readonly number[], axis: number): number {
  const { n, inner } = walkOf(shape, axis);
  return Math.floor(i / inner) % n;
}

/** Other cells of a tensor in a new shape; `from` gives each cell's index there, or nothing. */
export function picked(
  source: TensorLike,
  shape: readonly number[],
  from: (index: readonly number[]) => readonly number[] | undefined,
): Holed {
  const size = shape.reduce((product, n) => product * n, 1);
  const data = Array.from({ length: size }, (_, i) => {
    const index = from(shape.map((_, axis) => placeAlong(i, shape, axis)));
    if (!index || index.some((k, axis) => k < 0 || k >= source.shape[axis])) return undefined;
    return source.data[index.reduce((at, k, axis) => at * source.shape[axis] + k, 0)];
  });
  return { data, shape };
}

/** Sums over axes, which keep size 1. */
export function sumOver({ data, shape }: TensorLike, axes: readonly number[]): TensorLike {
  const kept = shape.map((n, axis) => axes.includes(axis) ? 1 : n);
  const sums: number[] = Array(kept.reduce((product, n) => product * n, 1)).fill(0);
  for (let i = 0; i < data.length; i++) {
    let place = 0;
    kept.forEach((n, axis) => place = place * n + (n === 1 ? 0 : placeAlong(i, shape, axis)));
    sums[place] += data[i];
  }
  return { data: sums, shape: kept };
}
