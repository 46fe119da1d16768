/**
 * The assertions that this project uses, with the signatures, the results and the messages of the
 * published `@std/assert`, so that a clone runs its tests without a network. Two things are left
 * out: messages carry no colours, and within a changed line nothing is marked.
 *
 * @module
 */
import { inspect } from "node:util";
import { equal } from "./equal.ts";
import { type Change, diff, diffText } from "./diff.ts";

/** Any class whose instances are E. */
type Class<E> = abstract new (...args: never[]) => E;

/** What every assertion here throws when it does not hold. */
export class AssertionError extends Error {
  /**
   * @param message What did not hold.
   * @param options The cause, where there is one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** Fails unless `expr` is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** Fails unless both have the same structure; −0 equals 0, and NaN equals NaN. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  throw new AssertionError(`Values are not equal${ending(msg)}\n${difference(actual, expected)}`);
}

/** Fails if both have the same structure. */
export function assertNotEquals<T>(actual: T, expected: T, msg?: string): void {
  if (!equal(actual, expected)) return;
  throw new AssertionError(
    `Expected actual: ${show(actual)} not to be: ${show(expected)}${ending(msg)}`,
  );
}

/** Fails unless both are the same value or the same object; −0 is not 0. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  if (Object.is(actual, expected)) return;
  const text = show(actual);
  if (text !== show(expected)) {
    throw new AssertionError(
      `Values are not strictly equal${ending(msg)}\n${difference(actual, expected)}`,
    );
  }
  const indented = text.split("\n").map((line) => `    ${line}`).join("\n");
  throw new AssertionError(
    `Values have the same structure but are not reference-equal${ending(msg)}\n\n${indented}\n`,
  );
}

/** Fails unless the two are at most `tolerance` apart, by default 1e-7 of the expected one. */
export function assertAlmostEquals(
  actual: number,
  expected: number,
  tolerance?: number,
  msg?: string,
): void {
  if (Object.is(actual, expected)) return;
  const delta = Math.abs(expected - actual);
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  if (delta <= allowed) return;
  throw new AssertionError(
    `Expected actual: "${short(actual)}" to be close to "${short(expected)}": ` +
      `delta "${short(delta)}" is greater than "${short(allowed)}"${ending(msg)}`,
  );
}

/** Fails unless `actual` is less. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (actual < expected) return;
  throw new AssertionError(msg ?? `Expect ${show(actual)} < ${show(expected)}`);
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(
    `Expected actual: "${actual}" to contain: "${expected}"${ending(msg)}`,
  );
}

/** Fails unless `expected` matches somewhere in `actual`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (expected.test(actual)) return;
  throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${ending(msg)}`);
}

/** Fails unless `fn` throws; returns what was thrown. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws an instance of the class whose message includes the text; returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  classOrMsg?: Class<E> | string,
  includesOrMsg?: string,
  msg?: string,
): unknown {
  const wanted = errorWanted(classOrMsg, includesOrMsg, msg);
  try {
    fn();
  } catch (error) {
    checkError(error, "thrown", wanted);
    return error;
  }
  throw new AssertionError(`Expected function to throw${ending(wanted.msg)}`);
}

/** Fails unless `fn` returns a promise that rejects; resolves to the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Fails unless the promise rejects with an instance of the class whose message includes the text. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: Class<E> | string,
  includesOrMsg?: string,
  msg?: string,
): Promise<unknown> {
  const wanted = errorWanted(classOrMsg, includesOrMsg, msg);
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
  } catch { /* below, as if nothing had been returned */ }
  if (!promise || typeof promise !== "object" || typeof promise.then !== "function") {
    throw new AssertionError(`Function throws when expected to reject${ending(wanted.msg)}`);
  }
  try {
    await promise;
  } catch (error) {
    checkError(error, "rejected", wanted);
    return error;
  }
  throw new AssertionError(`Expected function to reject${ending(wanted.msg)}`);
}

/** What assertThrows and assertRejects were asked for. */
interface Wanted {
  readonly ErrorClass?: Class<Error>;
  readonly includes?: string;
  readonly msg?: string;
}

function errorWanted(
  classOrMsg: Class<Error> | string | undefined,
  includesOrMsg: string | undefined,
  msg: string | undefined,
): Wanted {
  if (typeof classOrMsg === "string") return { msg: classOrMsg };
  return { ErrorClass: classOrMsg, includes: includesOrMsg, msg };
}

/** Without a class, anything may be thrown, and its message is not looked at. */
function checkError(error: unknown, how: "thrown" | "rejected", wanted: Wanted): void {
  const { ErrorClass, includes, msg } = wanted;
  if (!ErrorClass) return;
  if (!(error instanceof Error)) {
    throw new AssertionError(`A non-Error object was ${how}${ending(msg)}`);
  }
  const found = error.constructor?.name;
  if (!(error instanceof ErrorClass)) {
    throw new AssertionError(
      `Expected error to be instance of "${ErrorClass.name}", but was "${found}"${ending(msg)}`,
    );
  }
  if (includes && !withoutColours(error.message).includes(withoutColours(includes))) {
    throw new AssertionError(
      `Expected error message to include ${JSON.stringify(includes)}, ` +
        `but got ${JSON.stringify(error.message)}${ending(msg)}`,
    );
  }
}

function withoutColours(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;]*m/g, "");
}

function ending(msg?: string): string {
  return msg ? `: ${msg}` : ".";
}

/** Whole numbers as they are, others as 1.5e+0. */
function short(n: number): string {
  return Number.isInteger(n) ? String(n) : n.toExponential();
}

/** One item a line and keys in order, so that two values can be compared line by line. */
function show(value: unknown): string {
  const options = {
    depth: Infinity,
    sorted: true,
    trailingComma: true,
    compact: false,
    iterableLimit: Infinity,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
    getters: true,
    strAbbreviateSize: Infinity,
  };
  const host: { Deno?: { inspect(value: unknown, options: object): string } } = globalThis;
  return host.Deno ? host.Deno.inspect(value, options) : inspect(value, options);
}

const signs = { common: "    ", removed: "-   ", added: "+   " };

function difference(actual: unknown, expected: unknown): string {
  const head = "\n\n    [Diff] Actual / Expected\n\n\n";
  const line = ({ type, value }: Change): string => signs[type] + value;
  if (typeof actual === "string" && typeof expected === "string") {
    return `${head}${diffText(actual, expected).map(line).join("")}\n`;
  }
  const changes = diff(show(actual).split("\n"), show(expected).split("\n"));
  return `${head}${changes.map(line).join("\n")}\n`;
}
