/**
 * Runs graded tests in a process of their own, and starts another one when that dies.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { Buffer } from "node:buffer";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import v8 from "node:v8";
import type { Job, Line, Outcome, Room, Sources } from "../sandbox/process.ts";
import { readLines } from "./report_lines.ts";

/** How long the process may be silent beyond a test's own limit, in milliseconds. */
const grace = 5000;

/** The most that is read of what a test shows, in bytes: twenty times what any shows that is right. */
const maxReport = 2 ** 22;

/** What comes of a test that shows more. */
const tooLarge: Outcome = {
  observation: {
    checks: [],
    thrown: { name: "RangeError", message: "What it gave is too large to be compared" },
  },
  loaded: true,
  output: "",
};

/** The processes that are there. */
const running = new Set<ChildProcessWithoutNullStreams>();

/** Ends all of them at once, for a command that is ended itself. */
export function endSandboxes(): void {
  for (const child of running) child.kill("SIGKILL");
}

const folder = fromFileUrl(new URL("../sandbox/", import.meta.url));

/** What lies beside a learner's code, all of it and nothing more. */
export const beside: readonly string[] = [
  ..."assertion_error context expect_error expect_tensor finite_differences graded".split(" "),
  ..."inside places plain realm recording register seeded thread".split(" "),
].map((name) => `${name}.ts`);

function besideFiles(): Sources {
  return Object.fromEntries(
    beside.map((name) => [`course/sandbox/${name}`, readFileSync(join(folder, name), "utf8")]),
  );
}

/** A character as JSON may write any. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16)}`;
}

/** A process that was started before anybody knew what it is to run. */
let spare: Runner | undefined;

/** Starts a process for the next check, so that it need not wait for that. */
export function prepareRunner(): void {
  spare ??= new Runner();
  spare.start();
}

/** The process that was prepared, or a new one. */
export function takeRunner(): Runner {
  const taken = spare ?? new Runner();
  spare = undefined;
  return taken;
}

/** A process for learner's code, started when it is needed. */
export class Runner {
  readonly #word = crypto.randomUUID();
  #room: Room | undefined;
  #child: ChildProcessWithoutNullStreams | undefined;
  #answer: ((outcome: Outcome) => void) | undefined;

  /** Says what is there to run. */
  open(room: Room): void {
    this.#room = room;
    if (this.#child) this.#write({ room });
    else this.start();
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
      ]
      : ["--no-install"];
    const child = spawn(
      process.execPath,
      ["run", ...flags, join(folder, "process.ts")],
      { cwd: folder, env: { NO_COLOR: "1", ...systemVariables() } },
    );
    running.add(child);
    let complaint = "";
    child.stderr.on("data", (text) => complaint = (complaint + text).slice(-2000));
    child.stdin.on("error", () => {}); // it died: "exit" tells
    const onEnd = (): void => {
      running.delete(child);
      if (this.#child !== child) return; // it was closed, or has a successor
      this.#child = undefined;
      const isFull = /out of memory|heap limit/i.test(complaint);
      const thrown = { name: "Error", message: complaint.trim() };
      this.#give({
        ...(isFull ? { ended: "memory" } : { ended: "crash", thrown }),
        loaded: false,
        output: "",
      });
    };
    child.on("exit", onEnd);
    child.on("error", onEnd); // it could not be started
    readLines(child.stdout, maxReport, (line) => {
      if (this.#child !== child) return; // an answer that came too late
      if (line === null) {
        this.close();
        return this.#give(tooLarge);
      }
      if (line.startsWith(`${this.#word} `)) {
        this.#give(outcomeOf(line.slice(this.#word.length + 1)));
      }
    });
    child.stdin.write(`${this.#word}\n`);
    this.#child = child;
    this.#write({ beside: besideFiles() });
    if (this.#room) this.#write({ room: this.#room });
    return child;
  }

  /** Runs one test. */
  async run(job: Job): Promise<Outcome> {
    this.start();
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.#answer = resolve;
    const timer = setTimeout(() => {
      this.#give({ ended: "timeout", loaded: false, output: "" });
      this.close();
    }, job.limits.milliseconds + grace);
    this.#write({ job });
    const outcome = await promise;
    clearTimeout(timer);
    return outcome;
  }

  /** Ends the process. */
  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
  }

  #write(line: Line): void {
    // To who reads lines, these two end one; JSON leaves them as they are.
    const text = JSON.stringify(line).replace(/[\u2028\u2029]/g, escaped);
    this.#child?.stdin.write(`${text}\n`);
  }

  #give(outcome: Outcome): void {
    this.#answer?.(outcome);
    this.#answer = undefined;
  }
}

/** Reads an answer; one that is none is a crash. */
function outcomeOf(text: string): Outcome {
  try {
    return v8.deserialize(Buffer.from(text, "base64"));
  } catch {
    return { ended: "crash", loaded: true, output: "" };
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
