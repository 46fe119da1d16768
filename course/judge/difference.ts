/**
 * Where two values differ first, and both of them there.
 *
 * @module
 */
import { equal } from "@std/assert/equal";

/** A place in a value: `[3].labels[0]`, empty for the value itself. */
export interface Difference {
  readonly path: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/**
 * Finds where two values differ first.
 *
 * @param actual What came.
 * @param expected Something else.
 * @returns The innermost place that holds the first difference, and what stands there.
 */
export function firstDifference(actual: unknown, expected: unknown): Difference {
  const own = { path: "", actual, expected };
  const [ours, theirs] = [actual, expected].map(entriesOf);
  if (!ours || !theirs) return own;
  for (const [k, [key, item]] of theirs.entries()) {
    const [otherKey, other] = ours[k] ?? ["", missing];
    if (otherKey !== key && other !== missing) return own; // other keys: all of it is shown
    if (isEqual(other, item)) continue;
    if (other === missing) return own;
    const { path, ...found } = firstDifference(other, item);
    return { path: key + path, ...found };
  }
  return own; // more came than was expected
}

const missing = Symbol("missing");

/** Whether both have the same structure. */
export function isEqual(actual: unknown, expected: unknown): boolean {
  try {
    return equal(actual, expected);
  } catch { // nested too deep to be followed
    return false;
  }
}

/** The parts of a value, each after the words that lead to it. */
function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (Array.isArray(value) || ArrayBuffer.isView(value) && "length" in value) {
    return Array.from(value as ArrayLike<unknown>, (item, k) => [`[${k}]`, item]);
  }
  if (value instanceof Set) return undefined;
  if (value instanceof Map) return [...value].map(([key, item]) => [`.get(${key})`, item]);
  return Object.entries(value).map(([key, item]) => [`.${key}`, item]);
}
