/**
 * Random cases: shapes, numbers, axes. All sizes are small, since what goes wrong with strides goes
 * wrong with 3 × 2 numbers, and a small case can be followed by hand.
 *
 * The numbers are quarters from −4 to 4, so that sums and products of them are exact in any order:
 * most properties ask for equality, not for nearness. There are few of them, so that ties happen.
 *
 * @module
 */
import { type Arbitrary, fc } from "./fast_check.ts";
import { meetingOf, type Numbers, positionsOf } from "./oracle.ts";

/** A number whose sums and products are exact. */
export const quarter: Arbitrary<number> = fc.integer({ min: -16, max: 16 }).map((n) => n / 4);

/** Such a number, or now and then one that is none. */
export const anyNumber: Arbitrary<number> = fc.oneof(
  { arbitrary: quarter, weight: 20 },
  { arbitrary: fc.constantFrom(NaN, Infinity, -Infinity), weight: 1 },
);

/**
 * One of several, the first the most often; what fails is tried again with the first.
 *
 * @param often Three times in four.
 * @param seldom Else.
 * @returns Both together.
 */
function mostly<T>(often: Arbitrary<T>, seldom: Arbitrary<T>): Arbitrary<T> {
  return fc.oneof(
    { withCrossShrink: true },
    { arbitrary: often, weight: 3 },
    { arbitrary: seldom, weight: 1 },
  );
}

/**
 * Sizes of axes. Left to itself, fast-check prefers the ends of a range, and so single numbers and
 * axes of 1, with which nothing can be confused.
 *
 * @param minRank The least count of axes.
 * @param maxRank The greatest.
 * @param maxSide The greatest size.
 * @returns Shapes.
 */
export function shapes(minRank = 0, maxRank = 4, maxSide = 4): Arbitrary<number[]> {
  const side = mostly(fc.integer({ min: 2, max: maxSide }), fc.constant(1));
  const few = fc.array(side, { minLength: minRank, maxLength: maxRank });
  const least = Math.max(minRank, maxRank - 1);
  return mostly(fc.array(side, { minLength: least, maxLength: maxRank }), few);
}

/**
 * Fills a shape.
 *
 * @param shape Sizes of the axes.
 * @param element What to fill it with.
 * @returns Numbers of that shape.
 */
export function numbersOf(
  shape: readonly number[],
  element: Arbitrary<number> = quarter,
): Arbitrary<Numbers> {
  const size = shape.reduce((product, n) => product * n, 1);
  return fc.array(element, { minLength: size, maxLength: size }).map((data) => ({ shape, data }));
}

/**
 * Numbers of any shape.
 *
 * @param shape The shapes.
 * @param element What to fill them with.
 * @returns Numbers.
 */
export function numbers(
  shape: Arbitrary<number[]> = shapes(),
  element: Arbitrary<number> = quarter,
): Arbitrary<Numbers> {
  return shape.chain((sizes) => numbersOf(sizes, element));
}

/**
 * Two shapes that broadcast: one common shape, of which each leaves out axes in front, and has 1 in
 * the place of others.
 *
 * @param maxRank The greatest count of axes.
 * @param maxSide The greatest size.
 * @returns Pairs of shapes.
 */
export function fittingShapes(maxRank = 4, maxSide = 4): Arbitrary<[number[], number[]]> {
  return shapes(0, maxRank, maxSide).chain((common) => {
    const sizes = common.map((n) => mostly(fc.constant(n), fc.constant(1)));
    const dropped = mostly(fc.constant(0), fc.nat({ max: common.length }));
    const one = fc.tuple(fc.tuple(...sizes), dropped).map(([shape, k]) => shape.slice(k));
    return fc.tuple(one, one);
  });
}

/**
 * Two operands that broadcast.
 *
 * @param element What to fill them with.
 * @returns Pairs of numbers.
 */
export function fittingPairs(
  element: Arbitrary<number> = quarter,
): Arbitrary<[Numbers, Numbers]> {
  return fittingShapes().chain(([a, b]) => fc.tuple(numbersOf(a, element), numbersOf(b, element)));
}

/**
 * One axis, counted from either end.
 *
 * @param rank How many axes there are, at least 1.
 * @returns −rank … rank − 1.
 */
export function axisOf(rank: number): Arbitrary<number> {
  return fc.integer({ min: -rank, max: rank - 1 });
}

/**
 * One axis, several in any order, or all (left out).
 *
 * @param rank How many axes there are.
 * @returns What a reduction takes.
 */
export function axesOf(rank: number): Arbitrary<number | number[] | undefined> {
  if (rank === 0) return fc.constant(undefined);
  const all = Array.from({ length: rank }, (_, axis) => axis);
  const some = fc.tuple(
    fc.shuffledSubarray(all, { minLength: 1 }),
    fc.array(fc.boolean(), { minLength: rank, maxLength: rank }),
  ).map(([axes, fromEnd]) => axes.map((axis) => fromEnd[axis] ? axis - rank : axis));
  return fc.oneof(fc.constant(undefined), axisOf(rank), some);
}

/**
 * Weights for turning a result into a loss: mixed numbers, the same for the same shape and salt.
 *
 * @param shape The result's shape.
 * @param salt Any whole number.
 * @returns Halves from −3 to 3.
 */
export function weightsFor(shape: readonly number[], salt: number): Numbers {
  return { shape, data: positionsOf(shape).map((_, k) => ((k * 7 + salt * 3) % 13 - 6) / 2) };
}

/** Salts for weightsFor(). */
export const salts: Arbitrary<number> = fc.nat({ max: 12 });

/**
 * Two operands of a matrix product: stacks that broadcast, of matrices that fit.
 *
 * @returns Pairs of numbers, (…, m, k) and (…, k, n).
 */
export function matrixPairs(): Arbitrary<[Numbers, Numbers]> {
  const side = fc.integer({ min: 1, max: 7 });
  return fc.tuple(fittingShapes(2, 3), side, side, side).chain(([[stackA, stackB], m, k, n]) =>
    fc.tuple(numbersOf([...stackA, m, k]), numbersOf([...stackB, k, n]))
  );
}

/**
 * The shape of a matrix product.
 *
 * @param a Shape of the first operand, (…, m, k).
 * @param b Shape of the second, (…, k, n).
 * @returns (…, m, n).
 */
export function productShape(a: readonly number[], b: readonly number[]): number[] {
  return [...meetingOf(a.slice(0, -2), b.slice(0, -2)), a[a.length - 2], b[b.length - 1]];
}
