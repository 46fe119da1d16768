/**
 * Times several things against each other. They take turns, so that a change in the machine's speed
 * meets all of them; what counts is the median over the turns.
 *
 * @module
 */
import { measure } from "./mitata.ts";

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/**
 * Times functions in turns.
 *
 * @param sides What to time.
 * @param options How many turns each has (5 by default), and milliseconds of one turn (30).
 * @returns Median seconds of one call, in the same order.
 */
export async function sideBySide(
  sides: readonly (() => void)[],
  { rounds = 5, milliseconds = 30 }: { readonly rounds?: number; readonly milliseconds?: number } =
    {},
): Promise<number[]> {
  const times = sides.map((): number[] => []);
  for (const side of sides) for (let k = 0; k < 3; k++) side(); // warm
  for (let round = 0; round < rounds; round++) {
    for (const [k, side] of sides.entries()) {
      const { p50 } = await measure(side, { min_cpu_time: milliseconds * 1e6, min_samples: 3 });
      times[k].push(p50 / 1e9);
    }
  }
  return times.map(median);
}
