/**
 * Derivatives without calculus, for judging those that were worked out.
 *
 * @module
 */

/**
 * Moves each number a little up and down, and measures how fast `loss` changes (central
 * differences).
 *
 * @param data The numbers, float64; each is moved in place and put back.
 * @param loss Computed anew from `data` at each call.
 * @param step How far each is moved.
 * @returns One slope per number.
 */
export function finiteDifferences(
  data: Float32Array | Float64Array,
  loss: () => number,
  step = 1e-5,
): Float64Array {
  return Float64Array.from(data, (before, i) => {
    data[i] = before + step;
    const above = loss();
    data[i] = before - step;
    const below = loss();
    data[i] = before;
    return (above - below) / (2 * step);
  });
}
