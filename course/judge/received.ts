/**
 * Looks at what a sandbox has sent before anything is done with it. Whoever breaks out of the thread
 * could send anything: here it gets a form that the judge knows, and a size that fits what the
 * reference showed. Nothing is compared or written that is larger.
 *
 * @module
 */
import type { Outcome } from "../sandbox/process.ts";
import type { Check, Observation, Thrown } from "../sandbox/recording.ts";

/** The most characters of a text that is compared, and of one that is only shown. */
const maxCompared = 100_000, maxShown = 4000;

/** How many times as many values as the reference's a check may have, and how many more. */
const maxRatio = 16, moreValues = 2000;

/** How deep lists may lie in lists. */
const maxDepth = 100;

/** Cuts a text, and says how much is left out. */
export function cut(text: string, most = maxShown): string {
  if (text.length <= most) return text;
  return `${text.slice(0, most)}\n… ${text.length - most} more characters`;
}

/**
 * Gives an outcome that can be judged.
 *
 * @param sent What came.
 * @param right What the reference showed.
 * @returns The same, within bounds; other values became a text that says what they were.
 */
export function received(sent: Outcome, right: Observation): Outcome {
  const { ended, loaded, thrown, observation, output, refused } = Object(sent);
  return {
    ...(ended === undefined ? {} : { ended }),
    ...(thrown === undefined ? {} : { thrown: error(thrown) }),
    ...(observation === undefined ? {} : { observation: observed(observation, right) }),
    ...(refused === undefined
      ? {}
      : { refused: { name: text(refused.name), from: text(refused.from) } }),
    loaded: loaded === true,
    output: cut(typeof output === "string" ? output : "", 2 * maxShown),
  };
}

function observed(observation: unknown, right: Observation): Observation | null {
  if (observation === null) return null;
  const { checks, thrown } = Object(observation);
  // One check too many tells that the test took another way; no more are ever looked at.
  const shown = Array.isArray(checks) ? checks.slice(0, right.checks.length + 1) : [];
  return {
    checks: Array.from(shown, (check, k) => noted(check, right.checks[k])),
    ...(thrown === undefined ? {} : { thrown: error(thrown) }),
  };
}

/** A check with values no larger than those of the reference allow. */
function noted(check: unknown, right: Check | undefined): Check {
  const { kind, actual, expected, holds, sentence } = Object(check);
  if (kind === "error") {
    return { kind, actual: actual ? error(actual) : null, name: "", mentions: [] };
  }
  if (kind === "condition") {
    return { kind, holds: holds === true, sentence: cut(text(sentence), 500) };
  }
  const known = right && "expected" in right ? [right.actual, right.expected] : [];
  const most = maxRatio * Math.max(0, ...known.map((value) => valuesIn(value))) + moreValues;
  return { kind, actual: within(actual, most), expected: within(expected, most) } as Check;
}

function error(value: unknown): Thrown {
  const { name, message, hint, stack } = Object(value);
  return {
    name: cut(text(name), 200),
    message: cut(text(message)),
    ...(typeof hint === "string" ? { hint: cut(hint) } : {}),
    ...(typeof stack === "string" ? { stack: stack.slice(0, 5 * maxShown) } : {}),
  };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : `a ${typeof value}`;
}

/** A value, or a text that says why it cannot be compared. */
function within(value: unknown, most: number): unknown {
  if (valuesIn(value, most) > most) return `more than ${most} values, or very deep lists`;
  return known(value);
}

/** How many values there are, up to a limit; an array of numbers is one, since it is never walked. */
function valuesIn(value: unknown, most = Infinity, depth = 0): number {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return 1;
  if (depth > maxDepth) return Infinity;
  let count = 1;
  for (const part of partsOf(value)) {
    count += valuesIn(part, most - count, depth + 1);
    if (count > most) break;
  }
  return count;
}

function partsOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Set) return value;
  return value instanceof Map ? [...value].flat() : Object.values(value);
}

/** Keeps what checks are made of; of all else only the class is left. */
function known(value: unknown): unknown {
  if (typeof value === "string") return value.length > maxCompared ? cut(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from(value, known);
  if (value instanceof Map) return new Map([...value].map(([k, v]) => [known(k), known(v)]));
  if (value instanceof Set) return new Set([...value].map(known));
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  if (kind === "Object") {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, known(part)]));
  }
  return /^((Float|Int)(16|32|64)|Int8|Uint(8|8Clamped|16|32))Array$/.test(kind)
    ? value
    : `a ${kind}`;
}
