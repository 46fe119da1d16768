/**
 * Starts a milestone on your modules as far as they are complete, and on the reference for the rest:
 *
 *   launch.ts tinydigits --epochs 5
 *
 * @module
 */
import { isAbsolute, join } from "@std/path";
import process from "node:process";
import { milestones } from "../../milestones/permissions.ts";
import { type CourseModule, modules, root } from "../content/course.ts";
import { bisect } from "../judge/bisect.ts";
import { writeWhole } from "../files.ts";
import { bunConfig, importMap, type Owners } from "../names.ts";
import { requireRuntime, type Runtime } from "../runtime.ts";
import { checkChanged } from "./checking.ts";
import { followLink } from "./follow_link.ts";
import { permissionFlag } from "./permission_flags.ts";
import { linesOf, say } from "./print.ts";
import { completeModules, readProgress } from "./progress_file.ts";
import { run } from "./run_program.ts";
import { folderOf, hashOfModule, isBegun, kept } from "./workspace.ts";

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
  const { script, permissions, flags = [] } = milestones[name];
  const allowed = Object.entries(permissions(args)).filter(([, list]) => list.length > 0)
    .map(([kind, list]) => {
      const inRoot = (path: string): string => join(isAbsolute(path) ? "" : root, path);
      const isPath = kind === "read" || kind === "write";
      return permissionFlag(kind, isPath ? list.map(inRoot) : list, process.cwd());
    });
  const names = yours.length === 0
    ? []
    : [`${runtime === "deno" ? "--import-map" : "--tsconfig-override"}=${nameTables[runtime]}`];
  return {
    command: [
      "run",
      ...names,
      ...(runtime === "deno" ? ["--no-prompt", ...flags, ...allowed] : []),
      join(root, script),
      ...args,
    ],
  };
}

/** Modules that were edited since they were green may be so still. */
async function refresh(): Promise<void> {
  const lines = await linesOf(async () => { // standard output may be a document
    try {
      await checkChanged();
    } catch (error) {
      say(`It cannot be checked: ${error instanceof Error ? error.message : error}`);
    }
  });
  lines.forEach((line) => process.stderr.write(`${line}\n`));
}

/** Lays the learner's names over all others. */
function writeNames(owners: Owners): void {
  writeWhole(nameTables.deno, JSON.stringify(importMap(owners)));
  writeWhole(nameTables.bun, JSON.stringify(bunConfig(owners)));
}

/** Says of each module whose it is. */
function whose(yours: readonly CourseModule[]): string {
  const own = yours.map((module) => `${module.number} (${hashOfModule(module).slice(0, 7)})`);
  const others = modules.filter((module) => !yours.includes(module)).map((module) =>
    isBegun(module) ? `${module.number} (begun, not all its tests pass)` : module.number
  );
  const lines = [
    `Yours: ${own.join(", ") || "none yet"}. The reference: ${others.join(", ") || "none"}.`,
  ];
  const did = yours.flatMap(({ number }) => deeds[number] ?? []);
  return did.length === 0
    ? lines[0]
    : [...lines, `In this run your code ${listed(did)}.`].join("\n");
}

/** What a learner's module does in a run also where kernels stand in for loops. */
const deeds: Readonly<Record<string, string>> = {
  "03": "drew all weights and led each batch through the layers",
  "05": "walked back through the graph for every gradient",
  "07": "took every step of training",
  "08": "dealt every batch",
};

/** "a", "a and b", "a, b and c" */
function listed(words: readonly string[]): string {
  const last = words.slice(-1);
  return words.length < 2 ? last.join() : `${words.slice(0, -1).join(", ")} and ${last}`;
}

/** Does what the command line says; returns the exit code. */
async function main(): Promise<number> {
  requireRuntime();
  const [name, ...args] = process.argv.slice(2);
  await refresh();
  const yours = completeModules(readProgress());
  const planned = plan(name, args, yours);
  if ("problem" in planned) {
    process.stderr.write(`${planned.problem}\n`);
    return 2;
  }
  if (modules.some(isBegun)) process.stderr.write(`${whose(yours)}\n`);
  if (yours.length === 0) return await run(planned.command);
  writeNames(ownersOf(yours));
  const code = await run(planned.command);
  if (code === 1) await sayCulprit(yours);
  return code;
}

function ownersOf(yours: readonly CourseModule[]): Owners {
  return new Map(yours.map((module) => [module.folder, folderOf(module)]));
}

/** After a failure the shortest milestone tells which module makes the difference. */
async function sayCulprit(yours: readonly CourseModule[]): Promise<void> {
  const short = plan("tinydigits", ["--quiet", "--models", "one-conv", "--seeds", "1"], yours);
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

  async function passes(owners: Owners): Promise<boolean> {
    writeNames(owners);
    return "command" in short && await run(short.command, "ignore") === 0;
  }
}

// Signal handlers would keep the process alive.
if (import.meta.main) {
  await followLink();
  process.exit(await main());
}
