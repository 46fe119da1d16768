/**
 * Reads a command line, for every command of the project, and says what is wrong with one.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

/** A command that cannot be understood, or that cannot be done as it was typed. */
export class UsageError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "UsageError";
  /** What would be right. */
  readonly hint: string;

  /**
   * @param message What is wrong.
   * @param hint What would be right; empty if that is plain.
   */
  constructor(message: string, hint = "") {
    super(message);
    this.hint = hint;
  }
}

/**
 * What a command line says: true or false for each flag, a text for each value that was given, and
 * the words among them.
 */
export type Arguments<Flag extends string, Value extends string> =
  & { readonly [K in Flag]: boolean }
  & { readonly [K in Value]?: string }
  & { readonly words: readonly string[] };

/** What else may stand on a command line. */
export interface Reading {
  /** How many words that are not options; by default none. */
  readonly words?: number;
  /** What to throw if something cannot be understood. */
  readonly refuse?: (unknown: readonly string[], options: readonly string[]) => UsageError;
}

/**
 * Reads the words of a command line.
 *
 * @param args The words after the script's name.
 * @param flags Options without a value. `color` is on by default, and `--no-color` turns it off.
 * @param values Options with a value.
 * @param reading What else may stand there.
 * @returns What was given.
 * @throws {UsageError} If an option is unknown, or there are too many words.
 */
export function readArguments<Flag extends string, Value extends string>(
  args: readonly string[],
  flags: readonly Flag[],
  values: readonly Value[],
  { words: most = 0, refuse = refusal }: Reading = {},
): Arguments<Flag, Value> {
  const unknown: string[] = [], words: string[] = [];
  const boolean: string[] = [...flags], string: string[] = [...values];
  const given = parseArgs([...args], {
    boolean,
    string,
    negatable: ["color"],
    default: Object.fromEntries([["color", true]]),
    unknown: (word: string) => {
      if (word.startsWith("-") || words.length === most) unknown.push(word);
      else words.push(word);
      return false;
    },
  });
  if (unknown.length > 0) throw refuse(unknown, [...values, ...flags]);
  return { ...given, words: [...words, ...given._.map(String)] } as unknown as Arguments<
    Flag,
    Value
  >;
}

/** Says which words cannot be understood, and which options there are. */
function refusal(unknown: readonly string[], options: readonly string[]): UsageError {
  const names = options.map((name) => name === "color" ? "--no-color" : `--${name}`);
  return new UsageError(
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
 * @throws {UsageError} If it is not a whole number, or too small.
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
