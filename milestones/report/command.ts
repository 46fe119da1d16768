/**
 * What all milestones do alike when they are started: read the command line, stop at Ctrl-C, and say
 * what went wrong in words.
 *
 * @module
 */
import process from "node:process";
import { GraphError } from "#autograd";
import { CheckpointError } from "#checkpoint";
import { ShapeError, ValueError } from "#tensor";
import { DataError } from "../../datasets/idx.ts";
import { openTerminal, wrap } from "./terminal.ts";
import { UsageError } from "../../course/arguments.ts";

/** What the exit codes mean. */
export const exit = { passed: 0, failed: 1, couldNotRun: 2, interrupted: 130 } as const;

/** A run that has begun. */
export interface Started {
  /** Gives the exit code. */
  readonly done: Promise<number>;
  /** What to say if it was interrupted. */
  readonly whenStopped: () => string;
}

/** Prints an error: one line and a hint where we know what happened, else where it happened. */
function complain(error: Error & { hint?: string }): void {
  const expected = [UsageError, DataError, CheckpointError, ShapeError, ValueError, GraphError]
    .some((Known) => error instanceof Known);
  if (!expected) return console.error(error); // a bug, perhaps in your modules: say where
  console.error(`${error.name}: ${error.message}${error.hint ? `\n  hint: ${error.hint}` : ""}`);
}

/**
 * Runs a milestone. The first Ctrl-C stops it between two steps, the second at once.
 *
 * @param help The text of `--help`.
 * @param readOptions Reads the words of the command line.
 * @param start Begins.
 * @returns The exit code.
 */
export async function runCommand<Options extends { readonly help: boolean }>(
  help: string,
  readOptions: (args: readonly string[]) => Options,
  start: (options: Options, signal: AbortSignal) => Started,
): Promise<number> {
  const stop = new AbortController();
  let whenStopped = (): string => "";
  function interrupt(): void {
    if (stop.signal.aborted) process.exit(exit.interrupted);
    stop.abort();
  }
  process.on("SIGINT", interrupt);
  process.stdout.on("error", () => process.exit(exit.interrupted)); // the reader has gone away
  try {
    const options = readOptions(process.argv.slice(2));
    if (options.help) {
      console.log(help);
      return exit.passed;
    }
    const started = start(options, stop.signal);
    whenStopped = started.whenStopped;
    return await started.done;
  } catch (error) {
    if (stop.signal.aborted) {
      const text = `Interrupted. ${whenStopped()}`;
      console.error(`\n${wrap(text, openTerminal("stderr").columns)}`);
      process.exit(exit.interrupted);
    }
    if (!(error instanceof Error)) throw error;
    complain(error);
    return [UsageError, DataError, CheckpointError].some((Known) => error instanceof Known)
      ? exit.couldNotRun
      : exit.failed;
  } finally {
    process.off("SIGINT", interrupt);
  }
}
