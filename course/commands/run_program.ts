/**
 * Runs a program of the project as if the user had started it.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";

/**
 * Runs the runtime at hand with some arguments until it ends.
 *
 * Ctrl-C in a terminal reaches both of us, and the program stops by itself: passing it on would
 * count as a second Ctrl-C, which ends it at once. Without a terminal, a signal was sent to us alone.
 *
 * @param command The arguments.
 * @returns The exit code: 128 and its number if a signal ended it, such as 130 for Ctrl-C.
 */
export function run(command: readonly string[]): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const atTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  process.on("SIGINT", () => atTerminal || passOn("SIGINT"));
  process.on("SIGTERM", () => passOn("SIGTERM"));
  const child = spawn(process.execPath, command, { stdio: "inherit" });
  child.on("error", reject);
  child.on("exit", (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? "SIGINT"]));
  return promise;

  /** Not by child.kill(): Deno would then no longer say which code the child ends with. */
  function passOn(signal: "SIGINT" | "SIGTERM"): void {
    if (child.pid !== undefined) process.kill(child.pid, signal);
  }
}
