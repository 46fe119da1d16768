/**
 * Starts a milestone on your modules if you have begun, else on the reference:
 *
 *   launch.ts tinydigits --epochs 5
 *
 * @module
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import manifest from "../../package.json" with { type: "json" };
import { requireRuntime, type Runtime } from "./runtime.ts";

/** A script, and what Deno lets it do. */
interface Milestone {
  readonly script: string;
  /** Folders that it reads. */
  readonly read: readonly string[];
  /** Variables of the environment that it asks for. */
  readonly env: readonly string[];
}

const milestones: Readonly<Record<string, Milestone>> = {
  tinydigits: {
    script: "milestones/04_1998_cnn/01_tinydigits.ts",
    read: ["datasets", "modules/fast"], // where the worker of --threads stands
    env: ["NO_COLOR", "FORCE_COLOR", "COLUMNS"],
  },
};

/** The arguments to start the runtime with, or why it cannot be started. */
export type Plan = { readonly command: readonly string[] } | { readonly problem: string };

/**
 * Plans how to start a milestone, without looking at anything but its arguments.
 *
 * @param root The repository's folder.
 * @param name The milestone, as the user named it.
 * @param args What the milestone is to get, untouched.
 * @param exists Whether there is a file or folder of that path.
 * @param runtime Whose arguments to give, by default those of the runtime at hand.
 * @returns The runtime's arguments, or what to tell the user.
 */
export function plan(
  root: string,
  name: string | undefined,
  args: readonly string[],
  exists: (path: string) => boolean,
  runtime: Runtime = process.versions.deno ? "deno" : "bun",
): Plan {
  if (name === undefined || !Object.hasOwn(milestones, name)) {
    const found = name === undefined ? "no name was given" : `there is no "${name}"`;
    return {
      problem: `Cannot start a milestone: ${found}\n` +
        `  milestones: ${Object.keys(milestones).join(", ")}`,
    };
  }
  const { script, read, env } = milestones[name];
  const isYours = exists(join(root, "workspace"));
  const missing = isYours
    ? Object.values(manifest.imports)
      .flatMap((entry) => typeof entry === "string" ? [] : [entry.yours.replace("./", "")])
      .filter((file) => !exists(join(root, file)))
    : [];
  if (missing.length > 0) {
    return {
      problem: `Cannot run on your modules: missing ${missing.join(", ")}\n` +
        "  hint: restore what is missing, or rename workspace/ to run on the reference",
    };
  }
  const folders = read.map((folder) => join(root, folder).replaceAll(",", ",,")); // Deno's escape
  const permissions = [`--allow-read=${folders.join(",")}`, `--allow-env=${env.join(",")}`];
  return {
    command: [
      "run",
      ...(isYours ? ["--conditions=yours"] : []),
      ...(runtime === "deno" ? ["--no-prompt", ...permissions] : []),
      join(root, script),
      ...args,
    ],
  };
}

/**
 * Runs the runtime at hand with these arguments until it ends.
 *
 * Ctrl-C in a terminal reaches both of us, and the milestone stops by itself: passing it on would
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

/** Does what the command line says; returns the exit code. */
async function main(): Promise<number> {
  requireRuntime();
  const root = resolve(fileURLToPath(new URL("../../", import.meta.url)));
  const [name, ...args] = process.argv.slice(2);
  const planned = plan(root, name, args, existsSync);
  if ("command" in planned) return await run(planned.command);
  process.stderr.write(`${planned.problem}\n`);
  return 2;
}

// Signal handlers would keep the process alive.
if (import.meta.main) process.exit(await main());
