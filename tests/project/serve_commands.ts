/**
 * Runs commands of the course one after the other in one process, without looking for type errors:
 * it reads the arguments of each, a line of JSON, and writes how it ended. This is for tests of what
 * commands say and write; those of processes, signals and terminals start each for itself.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { main } from "../../course/commands/commands.ts";
import type { Ended } from "./project_copy.ts";

const write = process.stdout.write.bind(process.stdout);

/** Runs a command, and keeps what it prints. */
async function run(args: readonly string[]): Promise<Ended> {
  const printed = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    process[name].write = (text: string | Uint8Array): boolean => {
      printed[name] += text;
      return true;
    };
  }
  return { code: await main(args, { types: false }), ...printed };
}

for await (const line of createInterface({ input: process.stdin })) {
  write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}
process.exit(0);
