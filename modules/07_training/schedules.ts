/**
 * # 07 · Training: schedules
 *
 * Large steps get far, small steps get close. A schedule says how large they are at each moment.
 *
 * Why small ones at the end? Take two examples, of which one wants w = 1 and the other w = −1; the
 * best for both is 0. They come in turn, and with η = 0.5 each step goes half of the way to what
 * the example wants. From w = −⅓ the first leads to ⅓, the second back to −⅓, and so on for ever: a
 * rate that stays the same goes round the best weights and never arrives. One that falls comes to
 * rest in the middle.
 *
 * ```ts
 * import { assert, assertAlmostEquals } from "@std/assert";
 * import { constant, cosine, type Schedule } from "kindling/training";
 * function rest(schedule: Schedule): number {
 *   let w = 0;
 *   for (let k = 0; k < 100; k++) w += schedule(k / 100) * ((k % 2 === 0 ? 1 : -1) - w);
 *   return Math.abs(w);
 * }
 * assertAlmostEquals(rest(constant(0.5)), 1 / 3);
 * assert(rest(cosine(0.5)) < 1e-6);
 * ```
 *
 * At the end you have six of them, each one formula; then read on in training.ts. A schedule knows
 * only how far training is, not how many steps it has, so it is the same for ten epochs and for a
 * hundred. fit() asks it before every step.
 *
 * Throughout: t progress, 0 at the start of training, 1 at its end · η(t) the learning rate
 *
 * @module
 */
import { requireKind, requireNoOther, requireNumber, ValueError } from "#tensor";

/** Gives the learning rate for a moment of training, from 0 (the start) to 1 (the end). */
export type Schedule = (progress: number) => number;

/** Refuses what cannot be a rate (given). */
function checkRates(...rates: readonly number[]): void {
  for (const rate of rates) requireNumber(`Cannot schedule a rate of ${rate}`, rate);
}

/** Refuses what cannot be a part of the training (given). */
function checkPart(name: string, part: number): void {
  if (part > 0 && part < 1) return;
  throw new ValueError(`Cannot schedule with ${name} ${part}: it must lie between 0 and 1`);
}

// ── 7.1 Stay, or fall in steps ──
// The oldest way: train until the loss stands still, divide the rate by 10, and go on. With "every
// third of the training" in the place of "when it stands still", it needs nobody to watch.
//
//   ────────┐
//           └───────┐            η(t) = rate · factor^⌊t / every⌋
//                   └───────
//
// By hand: from 0.8, halved after every quarter, t = 0.6 has passed two falls, ⌊0.6 / 0.25⌋ = 2,
// and the rate is 0.8·½·½ = 0.2. The test asks for moments at which a division is not exact: on a
// computer 0.3 / 0.1 is a little less than 3, and the third fall would come late. So add something
// tiny, 10⁻⁹, before rounding down.
//
// `...other` in the head of a function catches options that it does not have, such as a misspelt
// one. requireNoOther("step", other) refuses them by name; all functions of this module begin so.

/**
 * Stays the same.
 *
 * @param rate The rate.
 * @returns The schedule.
 * @throws {ValueError} If the rate is negative.
 *
 * @example Always a tenth
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { constant } from "kindling/training";
 * assertEquals(constant(0.1)(0.7), 0.1);
 * ```
 */
export function constant(rate: number): Schedule {
  checkRates(rate);
  return () => rate;
}

/** By how much a rate is multiplied (0.1), and the part of the training between two falls. */
export type StepwiseOptions = { readonly factor?: number; readonly every: number };

/**
 * Is multiplied by a factor at regular moments: η(t) = rate · factor^⌊t / every⌋.
 *
 * @task 07.1
 * @param rate The rate at the start.
 * @param options The factor, 0.1 by default, and the part of the training between two falls.
 * @returns The schedule.
 * @throws {ValueError} If the rate or the factor is negative, or the part not between 0 and 1.
 *
 * @example Halved after every quarter
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { step } from "kindling/training";
 * const schedule = step(0.8, { factor: 0.5, every: 0.25 });
 * assertEquals([0, 0.24, 0.25, 0.5].map(schedule), [0.8, 0.8, 0.4, 0.2]);
 * ```
 */
export function step(rate: number, options: StepwiseOptions): Schedule {
  const { factor = 0.1, every = NaN, ...other } = options ?? {};
  requireNoOther("step", other);
  checkRates(rate, factor);
  checkPart("every", every);
  return (progress) => rate * factor ** Math.floor(progress / every + 1e-9); // 0.3 / 0.1 is 2.99…
}

// ── 7.2 Fall smoothly ──
// Half a wave needs no choice of moments: large steps for long, a fall, small ones for long.
//
//   ‾‾‾╲
//       ╲
//        ╲___
//
//   η(t) = to + (from − to) · (1 + cos πt) / 2
//
// At t = 0 the cosine is 1 and η is `from`; at t = 1 it is −1 and η is `to`. The test looks at
// those ends, in between, and whether it can rise as well: 7.4 will need that.

/**
 * Falls along half a cosine wave (Loshchilov and Hutter, 2017): slowly at first, fast in the
 * middle, slowly at the end.
 *
 * @task 07.2
 * @param from The rate at the start.
 * @param to The rate at the end, 0 by default.
 * @returns The schedule.
 * @throws {ValueError} If a rate is negative.
 *
 * @example Half of the way down in the middle
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { cosine } from "kindling/training";
 * const schedule = cosine(0.1);
 * assertAlmostEquals(schedule(0.5), 0.05);
 * ```
 */
export function cosine(from: number, to = 0): Schedule {
  checkRates(from, to);
  return (progress) => to + (from - to) * (1 + Math.cos(Math.PI * progress)) / 2;
}

// ── 7.3 Start carefully ──
// The first weights are random, and so is where their gradients point: large, and soon somewhere
// else. Adam's means rest on a handful of them so far. A full step would throw the weights to a
// place from which there is no good way on. So the rate grows first, as Goyal et al. (2017) did for
// very large batches, and then does what it would have done anyway.
//
//       ╱╲
//      ╱  ╲__           a schedule within a schedule: what follows gets all of
//     ╱      ╲__        its own time, from 0 to 1, in what is left
//
// With a fifth for the way up, t = 0.4 is a quarter of what is left: (0.4 − 0.2) / 0.8. The test
// asks the inner schedule at such moments, and at the one where the two meet.

/**
 * Grows evenly from 0 to where another schedule starts, and then follows that one.
 *
 * @task 07.3
 * @param then What follows.
 * @param part The part of the training that it takes to get there, 0.1 by default.
 * @returns The schedule.
 * @throws {ValueError} If the part is not between 0 and 1.
 *
 * @example Half of the rate in the middle of the first tenth
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { constant, warmup } from "kindling/training";
 * const schedule = warmup(constant(0.2));
 * assertAlmostEquals(schedule(0.05), 0.1);
 * ```
 */
export function warmup(then: Schedule, part = 0.1): Schedule {
  checkPart("part", part);
  requireKind("Cannot warm up for", "function", then);
  return (progress) =>
    progress < part ? then(0) * progress / part : then((progress - part) / (1 - part));
}

// ── 7.4 Up and far down ──
// One rise and one long fall, in place of a warm-up and a schedule. Both ways are half waves, so
// the function of 7.2 does all the work: once upwards, from a 25th of the peak, and once down to
// almost nothing.
//
//       ╱‾‾╲__
//      ╱      ╲__
//   __╱          ╲____
//
// The test looks at three moments of the way up and at the way down, with the usual rise and with
// another one.

/**
 * Rises to a peak and falls far below its start, both along half a cosine wave (Smith and Topin,
 * 2019): from peak/25 up to the peak, and down to peak/250,000, as in PyTorch. The peak comes at
 * exactly `rise`; PyTorch's comes one step earlier.
 *
 * @task 07.4
 * @param peak The greatest rate.
 * @param rise The part of the training that the way up takes, 0.3 by default.
 * @returns The schedule.
 * @throws {ValueError} If the peak is negative, or the part not between 0 and 1.
 *
 * @example The peak comes after three tenths
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { oneCycle } from "kindling/training";
 * const schedule = oneCycle(0.5);
 * assertAlmostEquals(schedule(0), 0.02);
 * assertAlmostEquals(schedule(0.3), 0.5);
 * ```
 */
export function oneCycle(peak: number, rise = 0.3): Schedule {
  checkRates(peak);
  checkPart("rise", rise);
  const up = cosine(peak / 25, peak), down = cosine(peak, peak / 25e4);
  return (progress) => progress < rise ? up(progress / rise) : down((progress - rise) / (1 - rise));
}

// ── 7.5 Up and down ──
// Straight lines, once or several times.
//
//     ╱╲    ╱╲
//    ╱  ╲  ╱  ╲         cycles = 2
//   ╱    ╲╱    ╲
//
// t·cycles counts cycles; its fractional part says how far the present one is. How far that is from
// ½ says how far the rate is from the top. The test asks for points on both slopes, and for the low
// rate between two cycles. Any number of cycles from 0 on will do; with 1½ training ends at the
// top.

/**
 * Goes up and down between two rates in straight lines (Smith, 2017).
 *
 * @task 07.5
 * @param low The rate at the start and between two cycles.
 * @param high The rate in the middle of each.
 * @param cycles How often, 1 by default; not only whole numbers.
 * @returns The schedule.
 * @throws {ValueError} If a number is negative.
 *
 * @example Half of the way up after a quarter
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { triangular } from "kindling/training";
 * assertAlmostEquals(triangular(0.1, 0.3)(0.25), 0.2);
 * ```
 */
export function triangular(low: number, high: number, cycles = 1): Schedule {
  checkRates(low, high);
  requireNumber(`Cannot schedule ${cycles} cycles`, cycles);
  return (progress) => low + (high - low) * (1 - Math.abs(2 * (progress * cycles % 1) - 1));
}
