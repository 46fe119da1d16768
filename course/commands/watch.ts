/**
 * Runs tests whenever a file is saved. It looks at the files' times, twenty times a second: events
 * are lost on too many file systems.
 *
 * @module
 */
import { join } from "@std/path";
import { readdirSync, statSync } from "node:fs";
import process from "node:process";
import { type CourseModule, modules, root } from "../content/course.ts";
import { type Result, testsOf } from "../judge/check_module.ts";
import { builtIn, checkYours, firstOpen, sayOpen, standInsOf } from "./checking.ts";
import { sayHint } from "./hint.ts";
import { runtime } from "./named.ts";
import { lineOf, paint, pointsOf, say, sayLines, summaryOf, wrapped } from "./print.ts";
import { isComplete, nameOf, readProgress } from "./progress_file.ts";
import { run } from "./run_program.ts";
import { typeErrors } from "./type_errors.ts";
import { begin, folderOf } from "./workspace.ts";

const keys =
  "n next · h hint · l list · c check all · s solution · y history · r reset · t train · q quit";

/**
 * Watches until `q` is typed.
 *
 * @param first The module to begin with.
 * @returns The exit code.
 */
export async function watch(first: CourseModule): Promise<number> {
  return await new Watcher(first).run();
}

class Watcher {
  #module: CourseModule;
  /** The task in hand: it changes when its tests are green and `n` is typed. */
  #task: string | undefined;
  #results: readonly Result[] = [];
  #seen = "";
  #busy = false;
  #waiting: (() => Promise<void>) | undefined;
  readonly #ended = Promise.withResolvers<number>();

  constructor(module: CourseModule) {
    this.#module = module;
  }

  async run(): Promise<number> {
    this.#seen = this.#fingerprint();
    await this.#do(() => this.#check());
    const timer = setInterval(() => {
      const now = this.#fingerprint();
      if (now === this.#seen) return;
      this.#seen = now;
      void this.#do(() => this.#check());
    }, 50);
    const input = process.stdin;
    if (input.isTTY) {
      input.setRawMode(true);
      input.on("data", (typed) => this.#key(String(typed)));
    }
    const code = await this.#ended.promise;
    clearInterval(timer);
    if (input.isTTY) input.setRawMode(false);
    input.pause();
    return code;
  }

  /** One thing after the other; of what comes meanwhile the last. */
  async #do(what: () => Promise<void>): Promise<void> {
    if (this.#busy) {
      this.#waiting = what;
      return;
    }
    this.#busy = true;
    try {
      await what();
    } catch (error) {
      say(paint("red", error instanceof Error ? error.message : String(error)));
    }
    this.#busy = false;
    const next = this.#waiting;
    this.#waiting = undefined;
    if (next) await this.#do(next);
  }

  #fingerprint(): string {
    const folder = folderOf(this.#module);
    try {
      return readdirSync(folder).filter((name) => name.endsWith(".ts")).map((name) => {
        const { mtimeMs, size } = statSync(join(folder, name));
        return `${name} ${mtimeMs} ${size}`;
      }).join("\n");
    } catch {
      return this.#seen; // an editor is just replacing a file
    }
  }

  /** Runs the tests, those of the task in hand first, and says what is new. */
  async #check(): Promise<void> {
    const before = this.#results, wasComplete = isComplete(readProgress(), this.#module);
    let told = false, types: Promise<string[]> | undefined;
    say(paint("dim", `── ${new Date().toTimeString().slice(0, 8)} ${this.#module.folder}`));
    this.#results = await checkYours(this.#module, {
      first: this.#task,
      onResult: (result) => {
        types ??= typeErrors(this.#module); // not before: it would take time from the first test
        // The first red test of the task in hand is shown at once, not when all others have run.
        if (told || result.task !== this.#task || result.status === "passed") return;
        told = true;
        void sayOpen(result);
      },
    });
    const results = this.#results, standIns = standInsOf(this.#module);
    this.#task ??= firstOpen(results)?.task;
    const own = results.filter(({ task }) => task === this.#task);
    const open = firstOpen(own);
    if (open && !told) await sayOpen(open);
    const broken = results.filter((result) =>
      result.status !== "passed" && result !== open &&
      before.some((b) => nameOf(b) === nameOf(result) && b.status === "passed")
    );
    if (broken.length > 0) say(paint("red", "was green:"));
    sayLines(broken.map(lineOf));
    if (this.#task !== undefined && !open && own.length > 0) {
      const [earned] = pointsOf(own);
      const what = `${this.#task} is green: ${own.length} tests, ${earned} points`;
      say(paint("green", `${what}. Go on when you like: n`));
    }
    if (standIns) say(standIns);
    say(summaryOf(this.#module, results));
    sayLines(await types ?? []);
    if (!wasComplete && isComplete(readProgress(), this.#module)) await this.#celebrate();
    say(paint("dim", keys));
  }

  /** A module gone green is put to use at once. */
  async #celebrate(): Promise<void> {
    say();
    sayLines(wrapped(builtIn(this.#module)));
    say("\nAnd this is what it is for: real digits, on your modules as far as they are complete.");
    await this.#train();
  }

  async #train(): Promise<void> {
    await this.#run("course/commands/launch.ts", "tinydigits", "--quiet");
  }

  async #next(): Promise<void> {
    const open = firstOpen(this.#results);
    if (open) this.#task = open.task;
    else {
      const next = modules.find(({ number }) => number > this.#module.number);
      if (!next) {
        say(`All nine modules are done. Now: ${runtime} tinydigits --full`);
        return;
      }
      begin(next);
      this.#module = next;
      this.#task = (await testsOf(next))[0].task;
      this.#results = [];
      this.#seen = this.#fingerprint();
    }
    await this.#check();
  }

  #key(typed: string): void {
    const task = this.#task ?? `${this.#module.number}.1`;
    const commands: Record<string, () => Promise<void>> = {
      n: () => this.#next(),
      h: async () => void await sayHint(task),
      l: () => this.#list(),
      c: () => this.#check(),
      s: () => this.#command("solution", task),
      y: () => this.#command("history"),
      r: () => this.#command("reset", task),
      t: () => this.#train(),
    };
    if (typed === "q") this.#ended.resolve(0);
    else if (typed === "\x03") this.#ended.resolve(130);
    else if (Object.hasOwn(commands, typed)) void this.#do(commands[typed]);
  }

  async #list(): Promise<void> {
    sayLines(this.#results.map(lineOf));
    await this.#command("progress");
  }

  async #command(...words: readonly string[]): Promise<void> {
    await this.#run("course/commands/main.ts", ...words);
    say(paint("dim", keys));
  }

  /** Runs another program of the project. */
  async #run(file: string, ...args: readonly string[]): Promise<void> {
    const flags = ["--allow-read", "--allow-write=workspace", "--allow-env", "--allow-run"];
    const path = join(root, file);
    await run(["run", ...(process.versions.deno ? flags : []), path, ...args]);
  }
}
