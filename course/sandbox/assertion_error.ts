/**
 * What a check throws that does not hold. It is not the one of `@std/assert`: what runs beside a
 * learner's code, or in a page, brings no packages.
 *
 * @module
 */

/** Says what did not hold. */
export class AssertionError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "AssertionError";
}
