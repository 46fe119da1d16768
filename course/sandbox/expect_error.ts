/**
 * Compares an error with the one that was expected.
 *
 * @module
 */
import { AssertionError } from "./assertion_error.ts";
import type { ErrorLike } from "./context.ts";

/** What a body throws, if it throws. */
export function errorOf(body: () => unknown): Error | undefined {
  try {
    body();
  } catch (error) {
    if (error instanceof Error) return error;
    throw new AssertionError(`Wrong kind of error: expected an Error, ${error} was thrown`);
  }
  return undefined;
}

/** What is wrong with an error, if anything is. */
export function wrongError(
  error: { readonly name: string; readonly message: string } | undefined,
  expected: ErrorLike & { readonly message?: string },
): string | undefined {
  const { name, message, mentions = [] } = expected;
  if (!error) return `No error was thrown\n  expected: ${message ?? describeError(expected)}`;
  if (name !== undefined && error.name !== name) {
    return `Wrong kind of error: expected ${name}, got ${error.name}\n  message: ${error.message}`;
  }
  if (message !== undefined && error.message !== message) {
    return `Wrong error message\n  expected: ${message}\n  got:      ${error.message}`;
  }
  const missing = mentions.find((what) => !isMentioned(`${what}`, error.message));
  if (missing === undefined) return undefined;
  return `The error does not say ${missing}\n  message: ${error.message}`;
}

/** A ShapeError that says (2, 3) and 4 */
function describeError({ name = "Error", mentions = [] }: ErrorLike): string {
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}` +
    (mentions.length > 0 ? ` that says ${mentions.join(" and ")}` : "");
}

/** Whether a message holds a word or a number, and not as a part of another one. */
function isMentioned(what: string, message: string): boolean {
  const letter = /[\p{L}\p{N}]/u;
  for (let at = message.indexOf(what); at >= 0; at = message.indexOf(what, at + 1)) {
    const before = message[at - 1] ?? "", after = message.slice(at + what.length);
    const isPart = letter.test(what[0]) && /[\p{L}\p{N}.−-]$/u.test(before) ||
      letter.test(what.at(-1) ?? "") && /^(?:[\p{L}\p{N}]|\.\d)/u.test(after);
    if (!isPart) return true;
  }
  return false;
}
