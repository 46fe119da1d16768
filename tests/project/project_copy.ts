/**
 * A copy of the project for tests of its commands, so that no test touches a learner's files.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";
import { modules } from "../../course/content/course.ts";
import { afterFile, folderOfFile, inFolder } from "./in_folder.ts";

const root = fromFileUrl(new URL("../../", import.meta.url));
const parts = [
  "course",
  "modules",
  "milestones",
  "datasets",
  "tests/fixtures",
  "tests/project",
  "mod.ts",
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
  #server: ChildProcessWithoutNullStreams | undefined;
  #onEnd: (ended: string | undefined) => void = () => {};

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
    return this.runWith({}, task, ...args);
  }

  /** Runs a task with other variables in its environment, or without some. */
  runWith(
    env: Readonly<Record<string, string | undefined>>,
    task: string,
    ...args: readonly string[]
  ): Ended {
    const [program, ...rest] = this.command(task, ...args);
    const all = Object.entries({ ...process.env, NO_COLOR: "1", ...env });
    const { status, stdout, stderr } = spawnSync(program, rest, {
      cwd: this.folder,
      encoding: "utf8",
      env: Object.fromEntries(all.filter(([, value]) => value !== undefined)),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 600_000,
    });
    return { code: status, stdout, stderr };
  }

  /** Runs a task as it is typed in a folder of the project. */
  runTask(folder: string, ...words: readonly string[]): Ended {
    const args = process.versions.deno ? ["task", "--quiet", ...words] : ["run", ...words];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 600_000,
    });
    return { code: status, stdout, stderr };
  }

  /** Runs a command in a process that runs others, too: see serve_commands.ts. */
  async say(command: string, ...args: readonly string[]): Promise<Ended> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#onEnd = resolve;
    this.#server ??= this.#serve();
    this.#server.stdin.write(`${JSON.stringify([command, ...args])}\n`);
    const ended = await promise;
    if (ended === undefined) throw new Error(`Cannot go on: ${command} ended the process`);
    return JSON.parse(ended);
  }

  #serve(): ChildProcessWithoutNullStreams {
    const [program, ...args] = this.command("check");
    const own = args.map((arg) =>
      arg === "course/commands/main.ts" ? "tests/project/serve_commands.ts" : arg
    ).filter((arg) => arg !== "check");
    const env = { ...process.env, NO_COLOR: "1" };
    const server = spawn(program, own, { cwd: this.folder, env });
    server.stderr.on("data", (text) => process.stderr.write(text));
    server.on("exit", () => this.#onEnd(undefined));
    createInterface({ input: server.stdout }).on("line", (line) => this.#onEnd(line));
    return server;
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  read(...names: readonly string[]): string {
    return readFileSync(this.path(...names), "utf8");
  }
  /** Ends the process of say(). */
  end(): void {
    this.#server?.kill("SIGKILL");
  }
}

/** Gives the learner of a copy a module as the reference has it. */
export function completeModule(copy: ProjectCopy, number: string): void {
  const module = modules.find((one) => one.number === number), folder = module?.folder ?? "";
  for (const file of module?.files ?? []) {
    cpSync(copy.path("modules", folder, file), copy.path("workspace", folder, file));
  }
}

/** Gives a copy to a test and removes it after. */
export function inCopy<T>(body: (copy: ProjectCopy) => T | Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const copy = new ProjectCopy(folder);
    try {
      return await body(copy);
    } finally {
      copy.end();
    }
  });
}

/** Runs the body of a test in a copy. */
type InCopy = <T>(body: (copy: ProjectCopy) => T | Promise<T>) => Promise<T>;

/**
 * Makes one copy for the tests of a file that change nothing but the workspace. It is called where
 * the file declares its tests, and the copy goes when they have ended.
 *
 * @returns What gives the copy to a test: without a workspace, or with one that `start` has made.
 */
export function shareCopy(): { readonly inSharedCopy: InCopy; readonly inStartedCopy: InCopy } {
  let shared: ProjectCopy | undefined;
  afterFile(() => shared?.end());
  const folder = folderOfFile();
  return { inSharedCopy, inStartedCopy };

  async function inSharedCopy<T>(body: (copy: ProjectCopy) => T | Promise<T>): Promise<T> {
    shared ??= new ProjectCopy(folder());
    rmSync(shared.path("workspace"), { recursive: true, force: true });
    return await body(shared);
  }

  /** `start` runs once, and its workspace is put there again. */
  function inStartedCopy<T>(body: (copy: ProjectCopy) => T | Promise<T>): Promise<T> {
    return inSharedCopy(async (copy) => {
      const started = copy.path("started"), workspace = copy.path("workspace");
      if (!existsSync(started)) {
        await copy.say("start");
        cpSync(workspace, started, { recursive: true });
      } else cpSync(started, workspace, { recursive: true });
      return await body(copy);
    });
  }
}
