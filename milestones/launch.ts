/**
 * Starts a milestone on your modules as far as they are complete, and on the reference for the rest:
 *
 *   launch.ts tinydigits --epochs 5
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type CourseModule, modules, read, root } from "./course.ts";
import { bisect } from "../feedback/bisect.ts";
import { completeModules, readProgress } from "./progress.ts";
import type { Owners } from "./room.ts";
import { requireRuntime, type Runtime } from "./runtime.ts";
import { folderOf, hashOfModule, isBegun, kept } from "./workspace.ts";

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

/** Where each runtime finds the names that are the learner's. */
const nameTables = { deno: join(kept, "import_map.json"), bun: join(kept, "tsconfig.json") };

/**
 * Plans how to start a milestone, without looking at anything but its arguments.
 *
 * @param name The milestone, as the user named it.
 * @param args What the milestone is to get, untouched.
 * @param yours The modules that are the learner's; the reference stands for the others.
 * @param runtime Whose arguments to give, by default those of the runtime at hand.
 * @returns The runtime's arguments, or what to tell the user.
 */
export function plan(
  name: string | undefined,
  args: readonly string[],
  yours: readonly CourseModule[],
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
  const folders = read.map((folder) => join(root, folder).replaceAll(",", ",,")); // Deno's escape
  const permissions = [`--allow-read=${folders.join(",")}`, `--allow-env=${env.join(",")}`];
  const names = yours.length === 0
    ? []
    : [`${runtime === "deno" ? "--import-map" : "--tsconfig-override"}=${nameTables[runtime]}`];
  return {
    command: [
      "run",
      ...names,
      ...(runtime === "deno" ? ["--no-prompt", ...permissions] : []),
      join(root, script),
      ...args,
    ],
  };
}

/** Lays the learner's names over all others. A table replaces the project's own, so it has both. */
function writeNames(owners: Owners): void {
  const own = modules.filter(({ folder }) => owners.has(folder)).flatMap(({ folder, names }) =>
    Object.entries(names).map(([name, file]) => [name, join(owners.get(folder) ?? "", file)])
  );
  const { imports }: { imports: Record<string, string> } = JSON.parse(
    read(join(root, "deno.json")),
  );
  const packages = Object.entries(imports).flatMap(([name, from]) => [
    [name, from],
    [`${name}/`, `${from.replace("jsr:", "jsr:/")}/`], // what deno.json implies
  ]);
  const urls = own.map(([name, path]) => [name, pathToFileURL(path).href]);
  const map = { imports: Object.fromEntries([...packages, ...urls]) };
  writeFileSync(nameTables.deno, JSON.stringify(map));
  const { compilerOptions } = JSON.parse(read(join(root, "tsconfig.json")));
  const given: [string, string[]][] = Object.entries(compilerOptions.paths);
  const paths = given.map(([name, [path]]) => [name, [join(root, path)]]);
  const all = Object.fromEntries([...paths, ...own.map(([name, path]) => [name, [path]])]);
  const options = { compilerOptions: { ...compilerOptions, paths: all } };
  writeFileSync(nameTables.bun, JSON.stringify(options));
}

/** Says of each module whose it is. */
function whose(yours: readonly CourseModule[]): string {
  const own = yours.map((module) => `${module.number} (${hashOfModule(module).slice(0, 7)})`);
  const others = modules.filter((module) => !yours.includes(module)).map((module) =>
    isBegun(module) ? `${module.number} (begun, not all its tests pass)` : module.number
  );
  return `Yours: ${own.join(", ") || "none yet"}. The reference: ${others.join(", ") || "none"}.`;
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
  const [name, ...args] = process.argv.slice(2);
  const yours = completeModules(readProgress());
  const planned = plan(name, args, yours);
  if ("problem" in planned) {
    process.stderr.write(`${planned.problem}\n`);
    return 2;
  }
  if (modules.some(isBegun)) process.stderr.write(`${whose(yours)}\n`);
  if (yours.length === 0) return await run(planned.command);
  mkdirSync(kept, { recursive: true });
  writeNames(ownersOf(yours));
  const code = await run(planned.command);
  if (code === 1) await sayCulprit(name, yours);
  return code;
}

function ownersOf(yours: readonly CourseModule[]): Owners {
  return new Map(yours.map((module) => [module.folder, folderOf(module)]));
}

/** A milestone that failed is tried again, shorter, to find out which module makes it fail. */
async function sayCulprit(name: string | undefined, yours: readonly CourseModule[]): Promise<void> {
  const short = plan(name, ["--quiet", "--models", "one-conv", "--seeds", "1"], yours);
  if ("problem" in short) return;
  process.stderr.write(
    "It did not pass. Looking for the module of yours that makes the difference …\n",
  );
  const owners = ownersOf(yours), culprit = await bisect({ owners, scratch: kept, passes });
  writeNames(owners);
  const found = culprit &&
    `${culprit.task ?? culprit.module.folder} of the reference instead of yours`;
  process.stderr.write(
    found ? `It passes with ${found}.\n` : "No single module of the reference makes it pass.\n",
  );

  function passes(owners: Owners): Promise<boolean> {
    writeNames(owners);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const child = spawn(process.execPath, "command" in short ? short.command : [], {
      stdio: "ignore",
    });
    child.on("exit", (code) => resolve(code === 0));
    return promise;
  }
}

// Signal handlers would keep the process alive.
if (import.meta.main) process.exit(await main());
