/**
 * Tries the project on the published @std in place of the stand-ins, in a copy of it without
 * "links" and without course/std/:
 *
 *   deno run --allow-read --allow-write --allow-env --allow-run tests/project/check_published_std.ts
 *
 * It needs a network, or a JSR_URL that serves the packages. Types must check, the tests of @std must
 * pass, and the commands must work.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { root } from "../../course/content/course.ts";
import { inFolder } from "./in_folder.ts";

/** What is run in the copy; a learner's first check fails, since nothing is written yet. */
const steps: readonly (readonly [args: readonly string[], code: number])[] = [
  [["check", "--quiet", "mod.ts", "modules", "course", "milestones", "datasets"], 0],
  [["check", "--quiet", "tests/project/std_calls.ts", "tests/std_test.ts"], 0],
  [["test", "--quiet", "--allow-read", "tests/std_test.ts", "modules/01_tensor"], 0],
  [["task", "--quiet", "start"], 0],
  [["task", "--quiet", "check", "01.1"], 1],
  [["task", "--quiet", "notebook", "01"], 0],
  [["task", "--quiet", "grade", "--emit", "json"], 0],
  [["task", "--quiet", "tinydigits", "--help"], 0],
];

/** Runs a program to its end, in a folder. */
function run(program: string, args: readonly string[], cwd: string): [number | null, string] {
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8", env });
  return [status, stdout + stderr];
}

/** Copies the files that git knows, but for the stand-ins and what leads to them. */
function copyWithoutStandIns(folder: string): void {
  const [, names] = run("git", ["ls-files", "-z"], root);
  for (const name of names.split("\0").filter((name) => name && !name.startsWith("course/std/"))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    cpSync(join(root, name), join(folder, name));
  }
  const { links: _, ...settings } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const { compilerOptions } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
  const { paths: __, ...options } = compilerOptions;
  writeFileSync(join(folder, "deno.json"), JSON.stringify(settings));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: options }));
}

/** Runs all steps; returns the exit code. */
async function main(): Promise<number> {
  return await inFolder((folder) => {
    copyWithoutStandIns(folder);
    for (const [args, wanted] of steps) {
      const [code, output] = run(process.execPath, args, folder);
      console.log(`${code === wanted ? "passed" : "FAILED"}  deno ${args.join(" ")}`);
      if (code === wanted) continue;
      console.error(output);
      return Promise.resolve(1);
    }
    return Promise.resolve(0);
  });
}

if (import.meta.main) process.exitCode = await main();
