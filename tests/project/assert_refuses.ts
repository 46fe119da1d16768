/**
 * Checks of what a user is told who has made a mistake.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";

/** An error with what to do about it. */
type HintedError = Error & { readonly hint?: string };

/** A row of a table of mistakes: what is done, and what the user is told. */
export type Refusal = readonly [
  title: string,
  body: () => unknown,
  ErrorClass: abstract new (...args: never[]) => HintedError,
  message: string,
  hint?: string,
];

/**
 * Fails unless `body` throws an error of exactly this class, message and hint.
 *
 * @param body What must be refused.
 * @param ErrorClass The class of the error.
 * @param message Its whole message.
 * @param hint Its hint; left out if there must be none.
 */
export function assertRefuses(
  body: () => unknown,
  ErrorClass: abstract new (...args: never[]) => HintedError,
  message: string,
  hint?: string,
): void {
  const error: HintedError = assertThrows(body, Error);
  assert(error instanceof ErrorClass, `${error.name} is not a ${ErrorClass.name}`);
  assertEquals([error.name, error.message, error.hint], [ErrorClass.name, message, hint]);
}
