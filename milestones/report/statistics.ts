/**
 * Means, spreads, and whether two means are far enough apart to say so.
 *
 * @module
 */

import type { Measured } from "./schema.ts";

/** Measures a list of values, one per seed. */
export function measure(values: readonly number[]): Measured {
  const n = values.length, mean = values.reduce((total, v) => total + v, 0) / n;
  const squares = values.reduce((total, v) => total + (v - mean) ** 2, 0);
  return { mean, spread: n > 1 ? Math.sqrt(squares / (n - 1)) : null, values };
}

/** Student's t for 95 %, two-sided, by degrees of freedom from 1 on; from any table of it. */
const studentT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/**
 * Whether two means differ at the level of 95 % (Welch's t-test, 1947). With two seeds only very
 * large differences do; a single seed tells nothing about its error, so it never does.
 */
export function differ(a: Measured, b: Measured): boolean {
  if (a.spread === null || b.spread === null) return false;
  const [n, m] = [a.values.length, b.values.length];
  const [u, v] = [a.spread ** 2 / n, b.spread ** 2 / m]; // squared standard errors of the means
  if (u + v === 0) return a.mean !== b.mean;
  const freedom = Math.floor((u + v) ** 2 / (u ** 2 / (n - 1) + v ** 2 / (m - 1)) + 1e-9);
  const critical = studentT[Math.min(Math.max(freedom, 1), studentT.length) - 1];
  return Math.abs(a.mean - b.mean) > critical * Math.sqrt(u + v);
}
