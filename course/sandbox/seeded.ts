/**
 * Random numbers for tests, the same on every machine and runtime: only whole-number arithmetic
 * and additions, no `Math.log` or `Math.cos`, whose last digits may differ.
 *
 * @module
 */

/** A number, or lists of lists of numbers. */
export type Nested = number | readonly Nested[];

/** The lists that a shape stands for: `Grid<[2, 3]>` is `number[][]`. */
export type Grid<S extends readonly number[]> = number extends S["length"] ? Nested
  : S extends readonly [number, ...infer Rest extends readonly number[]] ? Grid<Rest>[]
  : number;

/** Gives one number after another. */
export type Draw = () => number;

/** What the tests' numbers come from, unless a grader says otherwise. */
export const usualSeed = "kindling 1";

/** Gives numbers from 0 up to but without 1, other ones for every text and seed (mulberry32). */
export function uniformFrom(text: string, seed = usualSeed): Draw {
  let state = hash(`${seed} ${text}`);
  return function draw(): number {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A sum of twelve uniform numbers has mean 6, variance 1, and nearly the shape of the bell. */
export function normalFrom(draw: Draw): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += draw();
  return sum;
}

/** Fills lists of this shape, in the order of reading, with numbers that fit in float32. */
export function fill<const S extends readonly number[]>(shape: S, draw: Draw): Grid<S> {
  return fillAxis(shape, 0, draw) as Grid<S>;
}

function fillAxis(shape: readonly number[], axis: number, draw: Draw): Nested {
  if (axis === shape.length) return Math.fround(draw());
  return Array.from({ length: shape[axis] }, () => fillAxis(shape, axis + 1, draw));
}

/** FNV-1a. */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) {
    bits = Math.imul(bits ^ byte, 0x01000193);
  }
  return bits;
}
