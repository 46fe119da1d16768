/**
 * Runs graded tests in a process of their own, and starts another one when that dies.
 *
 * @module
 */
import { join } from "@std/path";
import { Buffer } from "node:buffer";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import process from "node:process";
import { createInterface } from "node:readline";
import v8 from "node:v8";
import { root } from "../content/course.ts";
import type { Job, Outcome, Room } from "../sandbox/process.ts";

/** How long the process may be silent beyond a test's own limit, in milliseconds. */
const grace = 5000;

/** A process for learner's code, started when it is needed. */
export class Runner {
  readonly #room: string;
  readonly #word = randomUUID();
  #child: ChildProcessWithoutNullStreams | undefined;
  #answer: ((outcome: Outcome) => void) | undefined;

  /** @param room What is there to run. */
  constructor(room: Room) {
    this.#room = JSON.stringify(room);
  }

  /** Starts the process, if it is not there. */
  start(): ChildProcessWithoutNullStreams {
    if (this.#child) return this.#child;
    const flags = process.versions.deno
      ? [
        "--no-prompt", // and no permission
        "--no-config",
        "--no-lock",
        "--no-npm",
        "--cached-only",
        "--v8-flags=--disallow-code-generation-from-strings",
      ]
      : ["--no-install"];
    const child = spawn(
      process.execPath,
      ["run", ...flags, join(root, "course/sandbox/process.ts")],
      { cwd: root, env: { NO_COLOR: "1", ...systemVariables() } },
    );
    let complaint = "";
    child.stderr.on("data", (text) => complaint = (complaint + text).slice(-2000));
    child.stdin.on("error", () => {}); // it died: "exit" tells
    child.on("exit", () => {
      if (this.#child !== child) return; // it was closed, or has a successor
      this.#child = undefined;
      const thrown = { name: "Error", message: complaint.trim() };
      this.#give({ ended: "crash", thrown, loaded: false, output: "" });
    });
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (!line.startsWith(`${this.#word} `)) return;
      this.#give(v8.deserialize(Buffer.from(line.slice(this.#word.length + 1), "base64")));
    });
    child.stdin.write(`${this.#word}\n${this.#room}\n`);
    return this.#child = child;
  }

  /** Runs one test. */
  async run(job: Job): Promise<Outcome> {
    const child = this.start();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#answer = resolve;
    const timer = setTimeout(() => {
      this.#give({ ended: "timeout", loaded: false, output: "" });
      this.close();
    }, job.limits.milliseconds + grace);
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const outcome = await promise;
    clearTimeout(timer);
    return outcome;
  }

  /** Ends the process. */
  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  #give(outcome: Outcome): void {
    this.#answer?.(outcome);
    this.#answer = undefined;
  }
}

/** What a runtime needs to start and to find its cache, on any system. */
function systemVariables(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR", "TEMP", "TMP"]
    .concat("SystemRoot", "LOCALAPPDATA", "USERPROFILE", "APPDATA");
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
