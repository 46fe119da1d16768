/**
 * A copy of the project for tests of its commands, so that no test touches a learner's files.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { spawnSync } from "node:child_process";
import { cpSync, readFileSync } from "node:fs";
import process from "node:process";
import { inFolder } from "./in_folder.ts";

const root = fromFileUrl(new URL("../../", import.meta.url));
const parts = [
  "course",
  "modules",
  "milestones",
  "datasets",
  "tests/fixtures",
  "deno.json",
  "package.json",
  "tsconfig.json",
];

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project in a folder of its own. */
export class ProjectCopy {
  readonly folder: string;

  /** @param folder An empty folder for it. */
  constructor(folder: string) {
    this.folder = folder;
    for (const part of parts) {
      cpSync(join(root, part), join(this.folder, part), { recursive: true });
    }
  }

  /** The program and the arguments that a task stands for. */
  command(task: string, ...args: readonly string[]): string[] {
    const { tasks } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const text: string = process.versions.deno ? tasks[task].command : scripts[task];
    return [process.execPath, ...text.split(" ").slice(1), ...args];
  }

  /** Runs a task to its end. */
  run(task: string, ...args: readonly string[]): Ended {
    const [program, ...rest] = this.command(task, ...args);
    const { status, stdout, stderr } = spawnSync(program, rest, {
      cwd: this.folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 200_000,
    });
    return { code: status, stdout, stderr };
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  read(...names: readonly string[]): string {
    return readFileSync(this.path(...names), "utf8");
  }
}

/** Gives a copy to a test and removes it after. */
export function inCopy<T>(body: (copy: ProjectCopy) => T): T {
  return inFolder((folder) => body(new ProjectCopy(folder)));
}
