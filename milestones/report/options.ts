/**
 * The command line of a milestone: a table of options says what --help prints, what may be given,
 * and what comes out.
 *
 * @module
 */
import { resolve } from "@std/path";
import { type KernelOptions, readKernelOptions } from "../kernels.ts";
import { readArguments, UsageError, wholeNumber } from "../../course/arguments.ts";
import type { ModelSpec } from "./results.ts";
import { wrap } from "./terminal.ts";

/** An option with a value, or a flag, whose `value` is empty. */
export interface Option<T> {
  /** What --help calls the value: "FILE"; "" for a flag. */
  readonly value: string;
  readonly help: string;
  /** Turns what was given into a value; undefined if nothing was, true for a flag. */
  readonly read: (name: string, given: string | undefined, isOn: boolean) => T;
}

/** Options by their names. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** What the options of a table come to. */
export type ValuesOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends Option<infer V> ? V : never;
};

/** A flag. */
export function flag(help: string): Option<boolean> {
  return { value: "", help, read: (_name, _given, isOn) => isOn };
}

/** A whole number of at least `least`; `usual` if it is not given. */
export function whole(help: string, least: number, usual: number): Option<number> {
  return { value: "N", help, read: (name, given) => wholeNumber(name, given, least, usual) };
}

/** A text as it was given, or null. */
export function text(value: string, help: string): Option<string | null> {
  return { value, help, read: (_name, given) => given ?? null };
}

/** A path as an absolute one, or null. */
export function path(value: string, help: string): Option<string | null> {
  return {
    value,
    help,
    read: (name, given) => {
      if (given === undefined) return null;
      if (given !== "") return resolve(given);
      const says = `Cannot use --${name} "": it needs a path`;
      throw new UsageError(says, `for example --${name} DIR/FILE`);
    },
  };
}

/** One of some names; `usual` if it is not given. */
export function choice<T extends string, U extends T | null>(
  help: string,
  { names, usual, hint }: { names: readonly T[]; usual: U; hint: string },
): Option<T | U> {
  return {
    value: "NAME",
    help,
    read: (name, given) => {
      const chosen = names.find((known) => known === given);
      if (given === undefined) return usual;
      if (chosen !== undefined) return chosen;
      const says = `Cannot use --${name} ${JSON.stringify(given)}: there is none of that name`;
      throw new UsageError(says, hint);
    },
  };
}

// ── What all milestones take ──

const files = {
  report: path("FILE", "the report as a page with pictures, which needs nothing else"),
  export: path("FILE", "the trained network as ONNX, for any other engine"),
  save: path("FILE", "the trained network as safetensors, for Kindling and PyTorch"),
  load: path("FILE", "test a network that --save has written, instead of training any"),
} as const;

const output = {
  json: flag("one JSON document with everything that was measured"),
  quiet: flag("only the table and the evidence"),
  "no-color": flag("no colour, as with NO_COLOR"),
} as const;

const machine = {
  kernels: text("NAME", ""), // each milestone has its own usual ones
  threads: text("N", ""),
  help: flag("this text"),
} as const;

/** The options that milestones share. */
export type SharedOptions =
  & KernelOptions
  & ValuesOf<typeof files>
  & {
    readonly json: boolean;
    readonly quiet: boolean;
    readonly color: boolean;
    readonly help: boolean;
    /** The models that take part. */
    readonly models: readonly ModelSpec[];
    /** How many trainings each model gets, and the first one's seed. */
    readonly seeds: number;
    readonly seed: number;
  };

/** A milestone's command line. */
export interface CommandLine<T extends OptionTable> {
  /** What --help says first, and last before the exit codes. */
  readonly question: string;
  readonly task: string;
  readonly note?: string;
  /** The milestone's own options. */
  readonly options: T;
  /** Options of other milestones that have no meaning here: why, and what to do instead. */
  readonly refused: Readonly<Record<string, readonly [why: string, hint: string]>>;
  /** What --help says of kernels and threads, and how many threads there usually are. */
  readonly kernels: string;
  readonly threads: string;
  readonly usualThreads: number;
}

/** What may be given with --load: the rest says how to train. */
const withLoad = [...Object.keys(files), ...Object.keys(output), ...Object.keys(machine)];

function tableOf<T extends OptionTable>(line: CommandLine<T>): OptionTable[] {
  const kept = Object.entries(files).filter(([name]) => !Object.hasOwn(line.refused, name));
  const { kernels, threads } = machine;
  const own = {
    kernels: { ...kernels, help: line.kernels },
    threads: { ...threads, help: line.threads },
    help: machine.help,
  };
  return [line.options, Object.fromEntries(kept), output, own];
}

/** Writes the text of --help. */
export function helpOf<T extends OptionTable>(line: CommandLine<T>): string {
  const groups = tableOf(line).map((options) =>
    Object.entries(options).map(([name, { value, help }]) => {
      const head = `  --${name}${value === "" ? "" : ` ${value}`}`.padEnd(18);
      return head + wrap(help, 82).replaceAll("\n", `\n${" ".repeat(18)}`);
    }).join("\n")
  );
  return [
    line.question,
    `  deno task ${line.task} [options]`,
    ...groups,
    `${line.note ? `${line.note}\n` : ""}` +
    "Exit codes: 0 passed, 1 did not pass, 2 could not run, 130 interrupted.",
  ].join("\n\n");
}

/**
 * Reads a milestone's command line.
 *
 * @param line Which options there are.
 * @param args The words after the script's name.
 * @returns The values of all options, with the defaults filled in.
 * @throws {UsageError} If a word is unknown, has no meaning here, or has a wrong value.
 */
export function readCommandLine<T extends OptionTable>(
  line: CommandLine<T>,
  args: readonly string[],
): ValuesOf<T> & Omit<SharedOptions, "models" | "seed" | "seeds"> {
  refuseMeaningless(line, args);
  const options: OptionTable = Object.assign({}, ...tableOf(line));
  const names = Object.keys(options).filter((name) => name !== "no-color");
  const isFlag = (name: string): boolean => options[name].value === "";
  const flags = ["color", ...names.filter(isFlag)];
  const given = readArguments<string, string>(args, flags, names.filter((name) => !isFlag(name)));
  const table: Record<string, string | boolean | undefined> = given;
  if (table.load !== undefined) refuseTraining(names.filter((name) => table[name]));
  const values = names.map((name) => {
    const word = table[name];
    return [name, options[name].read(name, typeof word === "string" ? word : undefined, !!word)];
  });
  const kernels = readKernelOptions(
    asText(table.kernels),
    asText(table.threads) ?? String(line.usualThreads),
  );
  return { load: null, ...Object.fromEntries(values), color: table.color, ...kernels };
}

function asText(value: string | boolean | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function refuseMeaningless(
  { refused, task }: CommandLine<OptionTable>,
  args: readonly string[],
): void {
  const names = args.filter((word) => word.startsWith("--")).map((word) =>
    word.split("=")[0].slice(2)
  );
  const name = names.find((name) => Object.hasOwn(refused, name));
  if (name === undefined) return;
  throw new UsageError(`Cannot use --${name} with ${task}: ${refused[name][0]}`, refused[name][1]);
}

function refuseTraining(given: readonly string[]): void {
  const name = given.find((name) => !withLoad.includes(name));
  if (name === undefined) return;
  const says = `Cannot use --${name} with --load: the network in the file is trained already`;
  throw new UsageError(says, `leave out --${name}, or --load`);
}
