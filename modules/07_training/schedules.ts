/**
 * # 07 · Training: schedules
 *
 * Large steps get far, small steps get close. A schedule begins with the one and ends with the
 * other.
 *
 * @module
 */
import { ValueError } from "#tensor";

/** Gives the learning rate for a moment of training, from 0 (the start) to 1 (the end). */
export type Schedule = (progress: number) => number;

/**
 * Falls along half a cosine wave (Loshchilov and Hutter, 2017): slowly at first, fast in the
 * middle, slowly at the end.
 *
 *   η(t) = to + (from − to) · (1 + cos πt) / 2
 *
 * @task 07.1
 * @param from The rate at the start.
 * @param to The rate at the end, 0 by default.
 * @returns The schedule.
 * @throws {ValueError} If a rate is negative.
 *
 * @example Half of the way down in the middle
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { cosine } from "#training";
 * const schedule = cosine(0.1);
 * assertAlmostEquals(schedule(0.5), 0.05);
 * ```
 */
export function cosine(from: number, to = 0): Schedule {
  if (!(from >= 0 && to >= 0)) {
    throw new ValueError(`Cannot fall from ${from} to ${to}: rates must be at least 0`);
  }
  return (progress) => to + (from - to) * (1 + Math.cos(Math.PI * progress)) / 2;
}
