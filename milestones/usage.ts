/**
 * What is wrong with a command line.
 *
 * @module
 */

/** A command line that cannot be understood. */
export class UsageError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "UsageError";

  /**
   * @param message What is wrong with it.
   * @param hint What would be right.
   */
  constructor(message: string, readonly hint: string) {
    super(message);
  }
}
