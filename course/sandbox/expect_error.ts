/**
 * Compares an error with the one that was expected.
 *
 * @module
 */
import { AssertionError } from "./assertion_error.ts";
import { describe } from "./expect_tensor.ts";

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

/** What a message must mention: a number, a shape, or a word. */
export type Mention = number | string | readonly number[];

/** An error, as far as it is compared. */
interface Said {
  readonly name: string;
  readonly message: string;
  readonly hint?: string;
}

/**
 * What is wrong with an error, if anything is. Its class counts, and the numbers, shapes and words
 * that it mentions; how the sentence runs does not.
 */
export function wrongError(
  error: Said | undefined,
  name: string,
  mentions: readonly Mention[],
): string | undefined {
  const listed = mentions.map(written).join(", ");
  const wanted = listed === "" ? name : `${name} that mentions ${listed}`;
  if (!error) return `No error was thrown\n  expected: ${wanted}`;
  if (error.name !== name) {
    return `Wrong kind of error: expected ${name}, got ${error.name}\n  message: ${error.message}`;
  }
  const text = `${error.message} ${error.hint ?? ""}`;
  const missing = mentions.filter((mention) => !patternOf(mention).test(text));
  if (missing.length === 0) return undefined;
  return `Wrong error message: it does not mention ${missing.map(written).join(", ")}\n` +
    `  expected: ${wanted}\n  got:      ${error.message}`;
}

function written(mention: Mention): string {
  return typeof mention === "object" ? describe(mention) : `${mention}`;
}

/** Finds a mention by itself: 3 is not in 13 or 0.3. Shapes may be written in any brackets. */
function patternOf(mention: Mention): RegExp {
  const parts = typeof mention === "object" ? mention : [mention];
  const escaped = parts.map((part) =>
    `${part}`.replace(/[^\w\s]/g, "\\$&").replace(/^\\-(?=\d)/, "[-−]")
  );
  return new RegExp(`(?<![\\w.−-])${escaped.join("\\D{1,3}")}(?!\\.?\\w)`);
}
