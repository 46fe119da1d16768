/**
 * A program of the project in a copy of it whose chapters are changed: bodies that are stubs, or hold
 * a bug, when the program says so. All of it happens in one process.
 *
 * @module
 */
import { join, toFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { declared, type GradedTest, listOnly } from "../../course/sandbox/graded.ts";
import { inFolder } from "./in_folder.ts";

/** What the copy needs beside the modules. */
const parts = [
  "course",
  "modules",
  "tests/project",
  "tests/mutants",
  "deno.json",
  "package.json",
  "tsconfig.json",
];

/**
 * Runs a program in a changed copy.
 *
 * @param root The project's folder.
 * @param program The program, relative to it.
 * @param args Its arguments.
 * @param change Gives the new text of a chapter, from its text and its path in the project.
 * @returns What it printed, as JSON says it.
 * @throws {Error} If it did not end well.
 */
export function runInChangedCopy<T>(
  root: string,
  program: string,
  args: readonly string[],
  change: (source: string, file: string) => string,
): T {
  return inFolder((folder) => {
    for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true });
    for (const file of chaptersIn(folder)) {
      const path = join(folder, file);
      writeFileSync(path, change(readFileSync(path, "utf8"), file));
    }
    const flags = process.versions.deno
      ? ["--no-prompt", "--no-check", "--allow-read", "--allow-env"]
      : [];
    const run = spawnSync(process.execPath, ["run", ...flags, join(folder, program), ...args], {
      cwd: folder,
      encoding: "utf8",
      timeout: 100_000,
      maxBuffer: 2 ** 26,
    });
    if (run.status !== 0) throw new Error(`Cannot run the graded tests:\n${run.stderr}`);
    return JSON.parse(run.stdout);
  });
}

/** The chapters of a project: "modules/01_tensor/shape.ts". */
export function chaptersIn(root: string): string[] {
  return sourcesIn(root).filter((name) => !name.endsWith("_test.ts"));
}

/** Loads the graded tests of a project, without running them. */
export async function loadGraded(root: string): Promise<readonly GradedTest[]> {
  listOnly();
  for (const file of sourcesIn(root).filter((name) => name.endsWith("_test.ts"))) {
    await import(toFileUrl(join(root, file)).href);
  }
  return declared;
}

function sourcesIn(root: string): string[] {
  return readdirSync(join(root, "modules"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `modules/${name.replaceAll("\\", "/")}`).sort();
}
