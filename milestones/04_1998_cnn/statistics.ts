/**
 * Means, spreads, and whether two means are far enough apart to say so.
 *
 * @module
 */

/** A mean over seeds, with how much the seeds differ. */
export interface Measured {
  /** The mean. */
  readonly mean: number;
  /** Standard deviation over the seeds (n − 1); null for a single seed. */
  readonly spread: number | null;
  /** One value per seed. */
  readonly values: readonly number[];
}

/** Measures a list of values, one per seed. */
export function measure(values: readonly number[]): Measured {
  const n = values.length, mean = values.reduce((total, v) => total + v, 0) / n;
  const squares = values.reduce((total, v) => total + (v - mean) ** 2, 0);
  return { mean, spread: n > 1 ? Math.sqrt(squares / (n - 1)) : null, values };
}

/**
 * Whether two means differ by more than twice the standard error of their difference. A single
 * seed tells nothing about its error, so it never does.
 */
export function differ(a: Measured, b: Measured): boolean {
  if (a.spread === null || b.spread === null) return false;
  const error = Math.sqrt(a.spread ** 2 / a.values.length + b.spread ** 2 / b.values.length);
  return Math.abs(a.mean - b.mean) > 2 * error;
}
