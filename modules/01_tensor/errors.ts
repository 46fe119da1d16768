/**
 * The two errors that every module throws for a value that it cannot use.
 *
 * A message is one sentence, `Cannot <verb> <values>: <rule>, <what was found>`. What to do about
 * it stands apart, in `hint`, so that a program can show one without the other.
 *
 * @module
 */

/** A wrong type, shape or dtype. */
export class ShapeError extends TypeError {
  /** The class's name, as it is printed. */
  override readonly name = "ShapeError";

  /**
   * Makes the error.
   *
   * @param message What happened and why, naming the shapes.
   * @param hint What to do about it, where that can be said.
   */
  constructor(message: string, readonly hint?: string) {
    super(message);
  }
}

/** A value of the right type outside of what is allowed: an index, a label, a rate. */
export class ValueError extends RangeError {
  /** The class's name, as it is printed. */
  override readonly name = "ValueError";

  /**
   * Makes the error.
   *
   * @param message What happened and why, naming the values.
   * @param hint What to do about it, where that can be said.
   */
  constructor(message: string, readonly hint?: string) {
    super(message);
  }
}
