/**
 * Answers that are slow and plainly right: one position after the other, each number looked up by
 * its position. Nothing here uses the code under test, and there is one piece of index arithmetic.
 *
 * @module
 */

/** Numbers with a shape, in row-major order; plain, so that a failing case prints as it is. */
export interface Numbers {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** Where an element stands on each axis. */
export type Position = readonly number[];

/**
 * Lists all positions of a shape, the last axis moving fastest.
 *
 * @param shape Sizes of the axes.
 * @returns As many positions as there are elements; one empty position for a single number.
 */
export function positionsOf(shape: readonly number[]): Position[] {
  let positions: Position[] = [[]];
  for (const n of shape) {
    const steps = Array.from({ length: n }, (_, k) => k);
    positions = positions.flatMap((outer) => steps.map((k) => [...outer, k]));
  }
  return positions;
}

/**
 * Finds an element in row-major order.
 *
 * @param shape Sizes of the axes.
 * @param position Where it stands.
 * @returns Its place in the data.
 * @throws {RangeError} If there is no such position.
 */
export function placeOf(shape: readonly number[], position: Position): number {
  if (
    position.length !== shape.length || position.some((k, axis) => !(0 <= k && k < shape[axis]))
  ) {
    throw new RangeError(`The oracle looks at [${position.join()}] of (${shape.join()})`);
  }
  return position.reduce((place, k, axis) => place * shape[axis] + k, 0);
}

/**
 * Looks an element up.
 *
 * @param x Where to look.
 * @param position Where it stands.
 * @returns The number.
 */
export function at(
  { shape, data }: { readonly shape: readonly number[]; readonly data: ArrayLike<number> },
  position: Position,
): number {
  return data[placeOf(shape, position)];
}

/**
 * Computes numbers one by one.
 *
 * @param shape Their shape.
 * @param value The number at a position.
 * @returns All of them.
 */
export function build(shape: readonly number[], value: (position: Position) => number): Numbers {
  return { shape, data: positionsOf(shape).map(value) };
}

/** Numbers that are added up at positions, such as a gradient. */
export class Totals implements Numbers {
  readonly data: number[];
  /** Sizes of the axes. */
  readonly shape: readonly number[];

  /**
   * Starts with zeros.
   *
   * @param shape Sizes of the axes.
   */
  constructor(shape: readonly number[]) {
    this.shape = shape;
    this.data = positionsOf(shape).map(() => 0);
  }

  /** Adds to the number at a position. */
  add(position: Position, amount: number): void {
    this.data[placeOf(this.shape, position)] += amount;
  }
}

/**
 * Finds the element that a broadcast operand shows at a position of the result.
 *
 * @param shape The operand's own shape.
 * @param position A position of the result.
 * @returns The operand's position: the shapes are aligned at their ends, and sizes of 1 repeat.
 */
export function shownAt(shape: readonly number[], position: Position): Position {
  const missing = position.length - shape.length;
  return shape.map((n, axis) => n === 1 ? 0 : position[axis + missing]);
}

/**
 * Finds the shape in which shapes meet that are known to fit.
 *
 * @param shapes The shapes.
 * @returns The greatest size of each axis, the shapes aligned at their ends.
 */
export function meetingOf(...shapes: (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const sizeAt = (shape: readonly number[], axis: number): number =>
    shape[axis - rank + shape.length] ?? 1;
  return Array.from(
    { length: rank },
    (_, axis) => Math.max(...shapes.map((shape) => sizeAt(shape, axis))),
  );
}

/**
 * Adds numbers up, one after the other.
 *
 * @param numbers The numbers.
 * @returns Their sum.
 */
export function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, x) => sum + x, 0);
}

/**
 * Finds the first greatest number; NaN counts as the greatest of all.
 *
 * @param numbers At least one number.
 * @returns Its place.
 */
export function firstGreatest(numbers: readonly number[]): number {
  const nan = numbers.findIndex((x) => Number.isNaN(x));
  return nan >= 0 ? nan : numbers.indexOf(Math.max(...numbers));
}
