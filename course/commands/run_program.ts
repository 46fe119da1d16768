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
 * If whoever started us holds a channel to us, the program ends when they are gone, however they went.
 *
 * @param command The arguments.
 * @param stdio Where its output goes: to ours, or nowhere.
 * @returns The exit code: 128 and its number if a signal ended it, such as 130 for Ctrl-C.
 */
export function run(
  command: readonly string[],
  stdio: "inherit" | "ignore" = "inherit",
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const atTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  const child = spawn(process.execPath, command, { stdio });
  const listeners = {
    SIGINT: () => atTerminal || passOn("SIGINT"),
    SIGTERM: () => passOn("SIGTERM"),
    disconnect(): void {
      passOn("SIGTERM");
      child.on("exit", () => process.exit(143));
    },
  };
  Object.entries(listeners).forEach(([event, listener]) => process.on(event, listener));
  child.on("error", reject);
  child.on("exit", (code, signal) => {
    Object.entries(listeners).forEach(([event, listener]) => process.off(event, listener));
    resolve(code ?? 128 + constants.signals[signal ?? "SIGINT"]);
  });
  return promise;

  /** Not by child.kill(): Deno would then no longer say which code the child ends with. */
  function passOn(signal: "SIGINT" | "SIGTERM"): void {
    if (child.pid !== undefined) process.kill(child.pid, signal);
  }
}
