/**
 * A milestone that trains while the course goes on. It ends with whoever started it.
 *
 * @module
 */
import { join } from "@std/path";
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { root } from "../content/course.ts";
import { launcherFlags } from "./follow_link.ts";

/** A training that goes on. */
export class Training {
  readonly #child: ChildProcess;
  readonly #started = performance.now();
  /** What it has printed so far. */
  readonly lines: string[] = [];
  /** Resolves when it has ended: whether by itself. */
  readonly ended: Promise<boolean>;
  #isStopped = false;

  /**
   * Starts a milestone on the learner's modules.
   *
   * @param milestone Its name, such as tinydigits.
   * @param onLine Is called for each line that it prints.
   */
  constructor(milestone: string, onLine: () => void) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.ended = promise;
    const flags = launcherFlags();
    const launch = join(root, "course", "commands", "launch.ts");
    // The channel closes when we are gone, however we went: the launcher then ends what it started.
    this.#child = spawn(
      process.execPath,
      ["run", ...(process.versions.deno ? flags : []), launch, milestone, "--quiet"],
      { cwd: root, stdio: ["ignore", "pipe", "pipe", "ipc"] },
    );
    for (const input of [this.#child.stdout, this.#child.stderr]) {
      if (input) {
        createInterface({ input }).on("line", (line) => {
          this.lines.push(line);
          onLine();
        });
      }
    }
    this.#child.on("error", (error) => this.lines.push(error.message));
    this.#child.on("close", () => resolve(!this.#isStopped));
  }

  /** For how long it has trained, in whole seconds. */
  get seconds(): number {
    return Math.floor((performance.now() - this.#started) / 1000);
  }

  /** Ends it, and all that it started. */
  stop(): void {
    this.#isStopped = true;
    if (this.#child.connected) this.#child.disconnect();
  }
}
