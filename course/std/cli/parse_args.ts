/**
 * Reads a command line as the published `@std/cli/parse-args` does, quirks included, without its
 * `collect` option and without names with dots.
 *
 * @module
 */

/** What parseArgs is told about the options. */
export interface ParseOptions<
  Booleans extends string = string,
  Strings extends string = string,
  Negatables extends string = string,
  Defaults extends Record<string, unknown> = Record<string, unknown>,
  Aliases extends AliasTable = AliasTable,
  DoubleDash extends boolean = boolean,
> {
  /** Options that are true or false, and false when absent. */
  boolean?: Booleans | readonly Booleans[];
  /** Options whose value stays text, even if it looks like a number. */
  string?: Strings | readonly Strings[];
  /** Options that `--no-x` sets to false. */
  negatable?: Negatables | readonly Negatables[];
  /** Values of absent options. */
  default?: Defaults;
  /** Other names of an option. */
  alias?: Aliases;
  /** Called with what is not declared, and with its name and value; false drops it. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  /** Put everything from the first argument that is no option on into `_`. */
  stopEarly?: boolean;
  /** Put what follows `--` into `"--"` and not into `_`. */
  "--"?: DoubleDash;
}

type AliasTable = Record<string, string | readonly string[]>;

/** The other names that a table gives to an option. */
type NamesOf<Name, Aliases> = Name extends keyof Aliases
  ? Name | (Aliases[Name] extends readonly (infer Other)[] ? Other : Aliases[Name])
  : Name;

/** The options of a table, under all of their names. */
type WithAliases<Options, Aliases> = {
  [Name in keyof Options as Extract<NamesOf<Name, Aliases>, string>]: Options[Name];
};

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
  Aliases extends AliasTable = Record<never, never>,
  DoubleDash extends boolean = false,
> = Flat<
  & Record<string, unknown>
  & WithAliases<WithDefaults<Declared<Booleans, Strings, Negatables>, Defaults>, Aliases>
  & { _: (string | number)[] }
  & (DoubleDash extends true ? { "--": string[] } : Record<never, never>)
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
  const Aliases extends AliasTable = Record<never, never>,
  DoubleDash extends boolean = false,
>(
  args: readonly string[],
  options: ParseOptions<Booleans, Strings, Negatables, Defaults, Aliases, DoubleDash> = {},
): Args<Booleans, Strings, Negatables, Defaults, Aliases, DoubleDash> {
  const parser = new Parser(options);
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const rest = args.slice(end + 1);
  parser.read(args.slice(0, end), options.stopEarly ?? false);
  parser.fill(options.default ?? {});
  if (options["--"]) parser.result["--"] = rest;
  else parser.result._.push(...rest);
  return parser.result as Args<Booleans, Strings, Negatables, Defaults, Aliases, DoubleDash>;
}

/** Every name of an option leads to its other names. */
function aliasTable(alias: AliasTable): Map<string, string[]> {
  const table = new Map<string, string[]>();
  for (const [name, others] of Object.entries(alias)) {
    const all = [name, ...(typeof others === "string" ? [others] : others)];
    for (const one of all) table.set(one, all.filter((other) => other !== one));
  }
  return table;
}

function namesIn(
  list: string | readonly string[] | undefined,
  aliases: Map<string, string[]>,
): Set<string> {
  const names = typeof list === "string" ? [list] : list ?? [];
  return new Set(names.flatMap((name) => [name, ...(aliases.get(name) ?? [])]));
}

/** ParseOptions, whatever the names are. */
type AnyOptions = ParseOptions<
  string,
  string,
  string,
  Record<string, unknown>,
  AliasTable,
  boolean
>;

class Parser {
  readonly result: Record<string, unknown> & { _: (string | number)[] } = { _: [] };
  readonly booleans: Set<string>;
  readonly strings: Set<string>;
  readonly negatables: Set<string>;
  readonly aliases: Map<string, string[]>;
  readonly unknown?: AnyOptions["unknown"];

  constructor(options: AnyOptions) {
    this.aliases = aliasTable(options.alias ?? {});
    this.booleans = namesIn(options.boolean, this.aliases);
    this.strings = namesIn(options.string, this.aliases);
    this.negatables = namesIn(options.negatable, this.aliases);
    this.unknown = options.unknown;
  }

  read(args: readonly string[], stopEarly: boolean): void {
    for (let i = 0; i < args.length; i++) {
      if (/^--./s.test(args[i])) {
        i += this.#long(args[i], args[i + 1]);
      } else if (/^-./s.test(args[i])) {
        i += this.#letters(args[i], args[i + 1]);
      } else {
        this.#plain(args[i]);
        if (!stopEarly) continue;
        this.result._.push(...args.slice(i + 1));
        return;
      }
    }
  }

  /** Absent options get their default; absent booleans are false. */
  fill(defaults: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(defaults)) {
      if (Object.hasOwn(this.result, name)) continue;
      for (const one of [name, ...(this.aliases.get(name) ?? [])]) this.#put(one, value);
    }
    for (const name of this.booleans) {
      if (!Object.hasOwn(this.result, name)) this.#put(name, false);
    }
  }

  /** `--name=value`, `--name value`, `--name`, `--no-name`; says how many more it used up. */
  #long(arg: string, next: string | undefined): number {
    const [, no, name, value] = arg.match(/^--(no-)?(.+?)(?:=(.*))?$/s) ?? [];
    if (value !== undefined) {
      this.#set(name, this.booleans.has(name) ? value !== "false" : value, arg);
    } else if (no && this.negatables.has(name)) {
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
    if (next && !this.#isBoolean(name) && !isOption.test(next)) {
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
    if (this.unknown?.(arg) === false) return;
    this.result._.push(this.strings.has("_") || !isNumber(arg) ? arg : Number(arg));
  }

  #isBoolean(name: string): boolean {
    return this.booleans.has(name) ||
      (this.aliases.get(name) ?? []).some((other) => this.booleans.has(other));
  }

  #flag(name: string): "" | true {
    return this.strings.has(name) ? "" : true;
  }

  #set(name: string, value: Value, arg: string): void {
    const declared = this.booleans.has(name) || this.strings.has(name) || this.aliases.has(name);
    if (!declared && this.unknown?.(arg, name, value) === false) return;
    const number = typeof value === "string" && !this.strings.has(name) && isNumber(value);
    for (const one of [name, ...(this.aliases.get(name) ?? [])]) {
      this.#put(one, number ? Number(value) : value);
    }
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
