/**
 * Reading a command line, and what is wrong with it.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

/** A command line that cannot be understood. */
export class UsageError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "UsageError";
  /** What would be right. */
  readonly hint: string;

  /**
   * @param message What is wrong with it.
   * @param hint What would be right.
   */
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

/** What a command line says: true or false for each flag, and a text for each value given. */
export type Arguments<Flag extends string, Value extends string> =
  & { readonly [K in Flag]: boolean }
  & { readonly [K in Value]?: string };

/**
 * Reads the words of a command line.
 *
 * @param args The words after the script's name.
 * @param flags Options without a value. `color` is on by default, and `--no-color` turns it off.
 * @param values Options with a value.
 * @returns What was given.
 * @throws {UsageError} If a word is unknown, or a value is missing.
 */
export function readArguments<Flag extends string, Value extends string>(
  args: readonly string[],
  flags: readonly Flag[],
  values: readonly Value[],
): Arguments<Flag, Value> {
  const unknown: string[] = [];
  const given = parseArgs([...args], {
    boolean: [...flags],
    string: [...values],
    negatable: ["color"],
    default: { color: true },
    unknown: (word: string) => {
      unknown.push(word);
      return false;
    },
  });
  const names = [...values, ...flags].map((name) => name === "color" ? "--no-color" : `--${name}`);
  if (unknown.length === 0) return given as unknown as Arguments<Flag, Value>;
  throw new UsageError(
    `Cannot understand ${unknown.join(" ")}: there is no such option`,
    `the options are ${names.join(" ")}`,
  );
}

/**
 * Reads a whole number.
 *
 * @param name The option's name.
 * @param text What was given; undefined for nothing.
 * @param least The least that can be used.
 * @param usual What it is if nothing was given.
 * @throws {UsageError} If it is no whole number, or too small.
 */
export function wholeNumber(
  name: string,
  text: string | undefined,
  least: number,
  usual: number,
): number {
  if (text === undefined) return usual;
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && Number.isSafeInteger(number)) return number;
  throw new UsageError(
    `Cannot use --${name} ${JSON.stringify(text)}: it must be a whole number of at least ${least}`,
    `for example --${name} ${Math.max(least, usual)}`,
  );
}
