/**
 * Compares an error with the one that was expected.
 *
 * @module
 */
import { AssertionError } from "./assertion_error.ts";

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
  message: string,
  name: string | undefined,
): string | undefined {
  if (!error) return `No error was thrown\n  expected: ${message}`;
  if (error.message !== message) {
    return `Wrong error message\n  expected: ${message}\n  got:      ${error.message}`;
  }
  if (name === undefined || error.name === name) return undefined;
  return `Wrong kind of error: expected ${name}, got ${error.name}\n  message: ${message}`;
}
