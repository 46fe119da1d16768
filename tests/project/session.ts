/**
 * A command at a real terminal: what is typed, and what is shown.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import type { ProjectCopy } from "./project_copy.ts";

/** Why there is no terminal, if there is none. */
export const noTerminal: string | undefined =
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux")
    ? undefined
    : "there is no script(1) of util-linux";

/** A process, as the system lists it. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly args: string;
}

/** All processes. */
export function processes(): Process[] {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" });
  return [...stdout.matchAll(/^ *(\d+) +(\d+) (.*)$/gm)].map(([, pid, parent, args]) => ({
    pid: Number(pid),
    parent: Number(parent),
    args,
  }));
}

/** How long something may take to be shown, in milliseconds. */
const patience = 20_000;

/** A session at a pseudo-terminal, made by script(1). */
export class Session {
  readonly #child;
  #shown = "";
  readonly #ended = Promise.withResolvers<number | null>();

  /**
   * @param copy The project.
   * @param command What runs in it.
   */
  constructor(copy: ProjectCopy, command: readonly string[]) {
    const line = command.map((word) => `'${word}'`).join(" ");
    this.#child = spawn("script", ["-qfec", line, "/dev/null"], { cwd: copy.folder });
    this.#child.stdout.on("data", (text) => this.#shown += stripVTControlCharacters(String(text)));
    this.#child.on("exit", (code) => this.#ended.resolve(code));
  }

  /** Presses keys. */
  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Waits until something is shown, and takes what came before from what is looked at next. */
  async shows(pattern: RegExp): Promise<void> {
    let found: RegExpMatchArray | null = null;
    await until(() => (found = this.#shown.match(pattern)) !== null).catch(() => {
      this.close();
      throw new Error(`${pattern} was not shown. Shown: ${this.#shown}`);
    });
    this.#shown = this.#shown.slice((found!.index ?? 0) + found![0].length);
  }

  /** Closes the window. */
  close(): void {
    this.#child.kill("SIGKILL");
  }

  /** Kills the program itself, as the system does that has no memory left. */
  kill(): void {
    const all = processes();
    const isOurs = ({ pid, parent }: Process): boolean =>
      pid === this.#child.pid || all.some((one) => one.pid === parent && isOurs(one));
    const program = all.find((one) => /^\S+ run .*main\.ts /.test(one.args) && isOurs(one));
    if (!program) throw new Error("Cannot kill the program: it does not run");
    process.kill(program.pid, "SIGKILL");
  }

  /** The exit code, when the session has ended. */
  end(): Promise<number | null> {
    return this.#ended.promise;
  }
}

/** Waits for something outside, which tells nothing: it is looked at again and again. */
export async function until(holds: () => boolean): Promise<void> {
  for (const end = Date.now() + patience; !holds();) {
    if (Date.now() > end) throw new Error("It did not come");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
