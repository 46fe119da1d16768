/**
 * The commands of the course, and what each is called.
 *
 * @module
 */
import process from "node:process";
import { readArguments, UsageError } from "../arguments.ts";
import { modules } from "../content/course.ts";
import { requireRuntime } from "../runtime.ts";
import { check, type CheckOptions } from "./check.ts";
import { moduleNamed, runtime } from "./named.ts";
import { say } from "./print.ts";
import { isBegun } from "./workspace.ts";

const help = `Kindling: build a deep-learning framework, one test at a time.

  ${runtime} start [NN]        begin, or begin module NN; then watch
  ${runtime} watch [--once]    run tests whenever a file is saved
  ${runtime} check [NN[.t]]    run all tests of what you have begun, of a module, or of a task
  ${runtime} hint NN.t         a hint; another one each time, three in all
  ${runtime} progress [--json] where you are, and what is next
  ${runtime} reset NN[.t]      begin a module or a task again; what was there is kept in history
  ${runtime} solution NN.t     the reference beside yours, once it passes (--spoil: before)
  ${runtime} history [show ID [FILE] | restore ID]
  ${runtime} perceptron        1958, on your module 01: a machine that corrects its mistakes
  ${runtime} tinydigits        train on real digits, on your modules as far as they are complete`;

/** What was typed after a command. */
interface Typed {
  readonly words: readonly string[];
  readonly flags: ReadonlySet<string>;
}

/** A command: the options that it knows, and what it does. */
interface Command {
  readonly flags?: readonly string[];
  readonly run: (typed: Typed, options: CheckOptions) => number | Promise<number>;
}

/** Each is loaded when it is typed, but for the one that is waited for most often. */
const commands: Readonly<Record<string, Command>> = {
  start: { run: async ({ words }) => (await import("./start.ts")).start(words[0]) },
  watch: { flags: ["once"], run: watchModule },
  check: { run: ({ words }, options) => check(words[0], options) },
  hint: { run: async ({ words }) => (await import("./hint.ts")).sayHint(words[0]) },
  progress: {
    flags: ["json"],
    run: async ({ flags }) => (await import("./progress.ts")).progressReport(flags.has("json")),
  },
  reset: { run: async ({ words }) => (await import("./reset.ts")).reset(words[0]) },
  solution: {
    flags: ["spoil"],
    run: async ({ words, flags }) =>
      (await import("./solution.ts")).solution(words[0], flags.has("spoil")),
  },
  history: { run: async ({ words }) => (await import("./history.ts")).history(words) },
};

async function watchModule(
  { words: [what], flags }: Typed,
  options: CheckOptions,
): Promise<number> {
  const module = what ? moduleNamed(what, "watch") : modules.findLast(isBegun);
  if (!module || !isBegun(module)) return await (await import("./start.ts")).start(what);
  if (flags.has("once")) return await check(module.number, options);
  return await (await import("./watch.ts")).watch(module);
}

async function run(
  [name, ...args]: readonly string[],
  options: CheckOptions,
): Promise<number> {
  if (name === undefined || args.includes("--help")) {
    say(help);
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const { words, ...given } = readArguments(args, command?.flags ?? [], [], {
    words: Infinity,
    refuse: ([word]) =>
      new UsageError(`Cannot use ${word} with ${name}`, `see: ${runtime} start --help`),
  });
  if (!command) throw new UsageError(`Cannot do "${name}": there is no such command\n${help}`);
  const flags = new Set(command.flags?.filter((flag) => given[flag]));
  return await command.run({ words, flags }, options);
}

/**
 * Runs a command; a user's mistake is a sentence and exit code 2.
 *
 * @param args What was typed: the command, and its words and options.
 * @param options What a check does.
 * @returns The exit code.
 */
export async function main(
  args: readonly string[],
  options: CheckOptions = {},
): Promise<number> {
  requireRuntime();
  try {
    return await run(args, options);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}${error.hint && `\n  ${error.hint}`}\n`);
      return 2;
    }
    const isKnown = error instanceof SyntaxError ||
      (error instanceof Error && "code" in error && typeof error.code === "string");
    if (!isKnown) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}
