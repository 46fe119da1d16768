/**
 * What the book's commands do alike: read the command line, and say in words what cannot be done.
 *
 * @module
 */
import process from "node:process";
import { UsageError } from "../arguments.ts";

/**
 * Runs a command and sets the exit code: 0, or 2 if it could not be done.
 *
 * @param run Does it, with the words of the command line, and says what to print.
 */
export async function runCommand(
  run: (args: readonly string[]) => string | Promise<string>,
): Promise<void> {
  try {
    console.log(await run(process.argv.slice(2)));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n  hint: ${error.hint}`);
    process.exitCode = 2;
  }
}
