/**
 * Reads a command line as the published `@std/cli/parse-args` does, quirks included. Of its options
 * those are here that the project uses, and names have no dots.
 *
 * @module
 */

/** What parseArgs is told about the options. */
export interface ParseOptions<
  Booleans extends string = string,
  Strings extends string = string,
  Negatables extends string = string,
  Defaults extends Record<string, unknown> = Record<string, unknown>,
> {
  /** Options that are true or false, and false when absent. */
  boolean?: Booleans | readonly Booleans[];
  /** Options whose value stays text, even if it looks like a number. */
  string?: Strings | readonly Strings[];
  /** Options that `--no-x` sets to false. */
  negatable?: Negatables | readonly Negatables[];
  /** Values of absent options. */
  default?: Defaults;
  /** Called with what is not declared, and with its name and value; false drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

type Declared<Booleans extends string, Strings extends string, Negatables extends string> =
  & { [Name in Booleans]: boolean }
  & { [Name in Strings]?: Name extends Negatables ? string | false : string };

/** An option with a default is always there: of its own type, or of the default's. */
type WithDefaults<Options, Defaults> =
  & Omit<Options, keyof Defaults>
  & {
    [Name in keyof Defaults]: Name extends keyof Options
      ? NonNullable<Options[Name]> | Defaults[Name]
      : unknown;
  };

type Flat<T> = { [Key in keyof T]: T[Key] };

/** What parseArgs returns. */
export type Args<
  Booleans extends string = never,
  Strings extends string = never,
  Negatables extends string = never,
  Defaults extends Record<string, unknown> = Record<never, never>,
> = Flat<
  & Record<string, unknown>
  & WithDefaults<Declared<Booleans, Strings, Negatables>, Defaults>
  & { _: (string | number)[] }
>;

type Value = string | number | boolean;

/**
 * Splits a command line into options and the rest, which comes in `_`. What looks like a number
 * becomes one, except for options declared as text. After `--`, nothing is an option.
 *
 * @param args The command line, without the program.
 * @param options Which options there are.
 * @returns The options by name, and `_`.
 */
export function parseArgs<
  Booleans extends string = never,
  Strings extends string = never,
  Negatables extends string = never,
  Defaults extends Record<string, unknown> = Record<never, never>,
>(
  args: readonly string[],
  options: ParseOptions<Booleans, Strings, Negatables, Defaults> = {},
): Args<Booleans, Strings, Negatables, Defaults> {
  const { boolean, string, negatable, unknown } = options;
  const parser = new Parser(setOf(boolean), setOf(string), setOf(negatable), unknown);
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  parser.read(args.slice(0, end));
  parser.fill(options.default ?? {});
  parser.result._.push(...args.slice(end + 1));
  return parser.result as Args<Booleans, Strings, Negatables, Defaults>;
}

function setOf(names: string | readonly string[] = []): Set<string> {
  return new Set(typeof names === "string" ? [names] : names);
}

class Parser {
  readonly result: Record<string, unknown> & { _: (string | number)[] } = { _: [] };
  readonly #booleans: ReadonlySet<string>;
  readonly #strings: ReadonlySet<string>;
  readonly #negatables: ReadonlySet<string>;
  readonly #unknown: ParseOptions["unknown"];

  constructor(
    booleans: ReadonlySet<string>,
    strings: ReadonlySet<string>,
    negatables: ReadonlySet<string>,
    unknown: ParseOptions["unknown"],
  ) {
    this.#booleans = booleans;
    this.#strings = strings;
    this.#negatables = negatables;
    this.#unknown = unknown;
  }

  read(args: readonly string[]): void {
    for (let i = 0; i < args.length; i++) {
      if (/^--./s.test(args[i])) i += this.#long(args[i], args[i + 1]);
      else if (/^-./s.test(args[i])) i += this.#letters(args[i], args[i + 1]);
      else this.#plain(args[i]);
    }
  }

  /** Absent options get their default; absent booleans are false. */
  fill(defaults: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(defaults)) {
      if (!Object.hasOwn(this.result, name)) this.#put(name, value);
    }
    for (const name of this.#booleans) {
      if (!Object.hasOwn(this.result, name)) this.#put(name, false);
    }
  }

  /** `--name=value`, `--name value`, `--name`, `--no-name`; says how many more it used up. */
  #long(arg: string, next: string | undefined): number {
    const [, no, name, value] = arg.match(/^--(no-)?(.+?)(?:=(.*))?$/s) ?? [];
    if (value !== undefined) {
      this.#set(name, this.#booleans.has(name) ? value !== "false" : value, arg);
    } else if (no && this.#negatables.has(name)) {
      this.#set(name, false, arg);
    } else {
      return this.#valueOrFlag(no ? `no-${name}` : name, next, arg, /^-/);
    }
    return 0;
  }

  /** `-n 5`, `-n5`, `-n=5`, `-abc`; says how many more it used up. */
  #letters(arg: string, next: string | undefined): number {
    for (let i = 1; i < arg.length - 1; i++) {
      const letter = arg[i], rest = arg.slice(i + 1);
      if (rest === "-") {
        this.#set(letter, "-", arg);
        continue;
      }
      const value = attachedValue(letter, rest);
      if (value !== undefined) {
        this.#set(letter, value, arg);
        return 0;
      }
      this.#set(letter, this.#flag(letter), arg);
    }
    const last = arg.slice(-1);
    return last === "-" ? 0 : this.#valueOrFlag(last, next, arg, /^--?[^-]/);
  }

  /** Takes the next argument for the value, unless it is an option or none is wanted. */
  #valueOrFlag(name: string, next: string | undefined, arg: string, isOption: RegExp): 0 | 1 {
    if (next && !this.#booleans.has(name) && !isOption.test(next)) {
      this.#set(name, next, arg);
      return 1;
    }
    if (next === "true" || next === "false") {
      this.#set(name, next === "true", arg);
      return 1;
    }
    this.#set(name, this.#flag(name), arg);
    return 0;
  }

  #plain(arg: string): void {
    if (this.#unknown?.(arg) === false) return;
    this.result._.push(this.#strings.has("_") || !isNumber(arg) ? arg : Number(arg));
  }

  #flag(name: string): "" | true {
    return this.#strings.has(name) ? "" : true;
  }

  #set(name: string, value: Value, arg: string): void {
    const isText = this.#strings.has(name), isDeclared = isText || this.#booleans.has(name);
    if (!isDeclared && this.#unknown?.(arg, name, value) === false) return;
    const isCount = typeof value === "string" && !isText && isNumber(value);
    this.#put(name, isCount ? Number(value) : value);
  }

  #put(name: string, value: unknown): void {
    if (name === "__proto__" || name === "constructor") return;
    this.result[name] = value;
  }
}

/** What stands right behind a letter and is its value, not more letters. */
function attachedValue(letter: string, rest: string): string | undefined {
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(letter)) {
    const assigned = rest.match(/=(.+)/);
    if (assigned) return assigned[1];
    if (/-?\d+(\.\d*)?(e-?\d+)?$/.test(rest)) return rest;
  }
  return rest.length > 1 && /^\W/.test(rest) ? rest : undefined;
}

function isNumber(text: string): boolean {
  return text.trim() !== "" && Number.isFinite(Number(text));
}
