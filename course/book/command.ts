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

/**
 * Says that a file could not be written, and why.
 *
 * @param path The file or folder.
 * @param error What the system threw.
 * @returns What to throw.
 */
export function cannotWrite(path: string, error: unknown): UsageError {
  const reason = error instanceof Error && "code" in error ? error.code : error;
  return new UsageError(
    `Cannot write ${path}: the system answered ${reason}`,
    "is it a folder that you may write to, on a disk with room?",
  );
}
