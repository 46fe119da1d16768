/**
 * Runs tests whenever a file is saved: at a terminal on one screen, elsewhere line by line.
 *
 * @module
 */
import process from "node:process";
import { UsageError } from "../arguments.ts";
import { type CourseModule, modules } from "../content/course.ts";
import { titlesOf } from "../content/titles.ts";
import { type Result, taskPlace, testsOf } from "../judge/check_module.ts";
import { prepareRunner } from "../judge/sandbox_process.ts";
import { builtIn, checkYours, firstOpen, milestoneAfter, sayOpen, standInsOf } from "./checking.ts";
import { sayHint } from "./hint.ts";
import { history } from "./history.ts";
import { runtime } from "./named.ts";
import { lineOf, linesOf, paint, pointsOf, say, sayLines, summaryOf, wrapped } from "./print.ts";
import { isComplete, nameOf, readProgress } from "./progress_file.ts";
import { reset } from "./reset.ts";
import { solution } from "./solution.ts";
import { Terminal } from "./terminal.ts";
import { Training } from "./training.ts";
import { typeErrors } from "./type_errors.ts";
import { frame, taskLines, type View } from "./watch_view.ts";
import { WatchedFiles } from "./watched_files.ts";
import { begin, folderOf, isBegun } from "./workspace.ts";

/**
 * Watches until `q` is typed.
 *
 * @param first The module to begin with.
 * @param intro What is to be read first.
 * @returns The exit code.
 */
export async function watch(first: CourseModule, intro: readonly string[] = []): Promise<number> {
  return await new Watcher(first, intro).run();
}

/** Ends a check whose files have been saved again. */
class Outdated extends Error {}

/** How often the files are looked at, in milliseconds. */
const lookEvery = 50;

/** The most that is said of tests that were green. */
const mostBroken = 5;

class Watcher {
  #module: CourseModule;
  /** The task in hand: it changes when its tests are green and `n` is typed. */
  #task: string | undefined;
  #results: readonly Result[] = [];
  /** What the last check found. */
  #found: string[];
  /** What a key asked for: it lies over that until a key or a save takes it away. */
  #page: { readonly key: string; readonly lines: string[] } | undefined;
  #savedAt: number | undefined;
  /** What goes on now. */
  #doing = "";
  /** How long the last check took, in milliseconds. */
  #took: number | undefined;
  #training: Training | undefined;
  readonly #files = new WatchedFiles();
  /** Modules that were saved and not checked yet. */
  readonly #saved = new Set<CourseModule>();
  /** What keys asked for, in their order. */
  readonly #asked: string[] = [];
  /** What is being done, until all is; nothing while it waits. */
  #work: Promise<void> | undefined;
  #isEnding = false;
  #types = new AbortController();
  readonly #ended = Promise.withResolvers<number>();
  readonly #terminal = process.stdin.isTTY && process.stdout.isTTY
    ? new Terminal({
      onKey: (key) => this.#key(key),
      onEnd: (code) => this.#ended.resolve(code),
      onLost: () => this.#draw(),
    })
    : undefined;

  constructor(module: CourseModule, intro: readonly string[]) {
    this.#module = module;
    this.#saved.add(module);
    this.#found = [...intro];
    this.#terminal?.open();
    if (!this.#terminal) sayLines(intro);
  }

  async run(): Promise<number> {
    this.#goOn();
    const look = setInterval(() => this.#look(), lookEvery);
    const clock = setInterval(() => this.#draw(), 1000); // it says how long ago the save was
    const code = await this.#ended.promise;
    clearInterval(look);
    clearInterval(clock);
    this.#types.abort();
    this.#isEnding = true;
    this.#terminal?.close();
    await this.#work;
    if (this.#terminal && this.#results.length > 0) say(summaryOf(this.#module, this.#results));
    this.#training?.stop();
    await this.#training?.ended;
    return code;
  }

  // ── What comes from outside: saves and keys ──

  #look(): void {
    const changed = this.#files.changed().filter(isBegun);
    if (changed.length === 0) return;
    changed.forEach((module) => this.#saved.add(module));
    this.#savedAt = Date.now();
    this.#goOn();
  }

  #key(key: string): void {
    if (key === "q") this.#ended.resolve(0);
    else if (key === this.#page?.key || key === "\x1b") this.#turnTo(undefined);
    else if (key === "x") this.#training?.stop();
    else if (Object.hasOwn(this.#commands, key) && this.#asked.at(-1) !== key) {
      this.#asked.push(key);
      this.#goOn();
    }
  }

  readonly #commands: Readonly<Record<string, () => void | Promise<void>>> = {
    n: () => this.#next(),
    h: async () => this.#say(await this.#linesOf(() => sayHint(this.#taskInHand))),
    l: () => this.#turnTo("l", [...taskLines(this.#view, 16), "", `all: ${runtime} progress`]),
    c: () => void this.#saved.add(this.#module),
    s: async () => this.#turnTo("s", await this.#linesOf(() => solution(this.#taskInHand, false))),
    y: async () => this.#turnTo("y", await this.#linesOf(() => history([]))),
    r: () => this.#reset(),
    t: () => this.#train(),
    m: () => this.#terminal?.show(this.#page?.lines ?? this.#found),
  };

  #goOn(): void {
    this.#work ??= this.#doAll().finally(() => this.#work = undefined);
  }

  /** One thing after the other, until nothing is left to do: saves first, since keys ask about them. */
  async #doAll(): Promise<void> {
    while (!this.#isEnding) {
      const saved = [...this.#saved], key = saved.length > 0 ? undefined : this.#asked.shift();
      if (saved.length === 0 && key === undefined) break;
      this.#saved.clear();
      try {
        if (key === undefined) await this.#check(saved);
        else await this.#commands[key]();
      } catch (error) {
        if (error instanceof Outdated) saved.forEach((module) => this.#saved.add(module));
        else this.#say(messageOf(error));
      }
      this.#doing = "";
      this.#draw();
    }
  }

  // ── The tests ──

  /** Runs the tests of what was saved, those of the module in hand last, and says what is new. */
  async #check(saved: readonly CourseModule[]): Promise<void> {
    this.#types.abort();
    this.#types = new AbortController();
    const wasGreen = readProgress().everPassed, started = performance.now();
    // Until the first check has ended, what is to be read first stays.
    if (this.#took !== undefined) this.#found = [];
    this.#turnTo(undefined);
    for (const module of saved.filter((module) => module !== this.#module)) {
      await this.#checkOther(module);
    }
    let told = false;
    const before = this.#results,
      { first, results, notices } = await this.#runTests(
        this.#module,
        (result) => {
          // The first red test of the task in hand is shown at once, not when all others have run.
          if (told || result.task !== this.#task || result.status === "passed") return;
          told = true;
          void this.#open(result);
        },
      );
    this.#results = results;
    this.#task ??= first?.task;
    this.#say(notices);
    const own = results.filter(({ task }) => task === this.#task), open = firstOpen(own);
    if (open && !told) await this.#open(open);
    this.#say(brokenLines(results, before, open));
    if (this.#task !== undefined && !open && own.length > 0) {
      const [earned] = pointsOf(own);
      const what = `${this.#task} is green: ${own.length} tests, ${earned} points`;
      this.#say([paint("green", `${what}. Go on when you like: n`)]);
    }
    const standIns = standInsOf(this.#module);
    this.#say(standIns === undefined ? [] : [standIns]);
    if (!this.#terminal) say(summaryOf(this.#module, results));
    this.#took = performance.now() - started;
    if (isComplete(readProgress(), this.#module)) this.#celebrate(results, wasGreen);
    void this.#findTypeErrors();
  }

  /** A module that is not in hand was edited: what its tests say comes in few lines. */
  async #checkOther(module: CourseModule): Promise<void> {
    const { first, results } = await this.#runTests(module);
    this.#say([summaryOf(module, results)]);
    if (first && first.status !== "todo") await this.#open(first);
  }

  async #runTests(
    module: CourseModule,
    onResult: (result: Result) => void = () => {},
  ): Promise<{ first: Result | undefined; results: Result[]; notices: string[] }> {
    const { length: total } = await testsOf(module);
    let done = 0, results: Result[] = [];
    const notices = await linesOf(async () =>
      results = await checkYours(module, {
        first: module === this.#module ? this.#task : undefined,
        onResult: (result) => {
          if (this.#saved.size > 0 || this.#isEnding) throw new Outdated();
          this.#doing = `tests of ${module.number}: ${++done} of ${total}`;
          onResult(result);
          this.#draw();
        },
      })
    );
    prepareRunner(); // for the next save
    return { first: firstOpen(results), results, notices };
  }

  async #open(result: Result): Promise<void> {
    this.#say(await linesOf(() => sayOpen(result)));
  }

  /** They are looked for when the answer is there, until the next save. */
  async #findTypeErrors(): Promise<void> {
    const { signal } = this.#types;
    const errors = await typeErrors(this.#module, signal);
    if (!signal.aborted) this.#say(errors);
  }

  /** A module gone green for the first time is put to use at once. */
  #celebrate(results: readonly Result[], wasGreen: readonly string[]): void {
    if (results.every((result) => wasGreen.includes(nameOf(result)))) return;
    this.#say(["", ...wrapped(builtIn(this.#module)), ""]);
    this.#say([
      "And this is what it is for: real digits, on your modules as far as they are complete.",
    ]);
    this.#train();
  }

  // ── What keys ask for ──

  get #taskInHand(): string {
    return this.#task ?? `${this.#module.number}.1`;
  }

  #train(): void {
    if (this.#training) return;
    const training = new Training(milestoneAfter(this.#module), () => this.#draw());
    this.#training = training;
    if (!this.#terminal) say("Training …");
    void training.ended.then((isWhole) => {
      this.#training = undefined;
      this.#turnTo("t", isWhole ? training.lines : ["The training was stopped."]);
    });
  }

  async #next(): Promise<void> {
    const open = firstOpen(this.#results);
    if (open) this.#task = open.task;
    else {
      const next = modules.find(({ number }) => number > this.#module.number);
      if (!next) {
        this.#say([`All nine modules are done. Now: ${runtime} tinydigits --full`]);
        return;
      }
      begin(next);
      this.#files.changed();
      this.#module = next;
      this.#task = (await testsOf(next))[0].task;
      this.#results = [];
    }
    this.#saved.add(this.#module);
  }

  /** The files that it writes are saved ones, and so are checked. */
  async #reset(): Promise<void> {
    const task = this.#taskInHand;
    this.#found = await this.#linesOf(() => reset(task));
    this.#took = undefined;
  }

  /** What something says, or why it cannot. */
  #linesOf(what: () => unknown): Promise<string[]> {
    return linesOf(async () => {
      try {
        await what();
      } catch (error) {
        sayLines(messageOf(error));
      }
    });
  }

  // ── What is seen ──

  /** Lays a page over what was found, or takes it away. */
  #turnTo(key: string | undefined, lines: string[] = []): void {
    this.#page = key === undefined ? undefined : { key, lines };
    if (this.#terminal) this.#draw();
    else sayLines(lines);
  }

  /** Adds to what was found. */
  #say(lines: readonly string[]): void {
    this.#found.push(...lines);
    if (this.#terminal) this.#draw();
    else sayLines(lines);
  }

  #draw(): void {
    const body = this.#page?.lines ?? this.#found;
    this.#terminal?.draw(frame({ ...this.#view, body }, this.#terminal.size));
  }

  get #view(): Omit<View, "body"> {
    const place = this.#task && taskPlace(this.#module, folderOf(this.#module), this.#task);
    return {
      module: this.#module,
      titles: titlesOf(this.#module),
      task: this.#task,
      place: place || undefined,
      results: this.#results,
      status: this.#status,
    };
  }

  get #status(): string {
    const tests = this.#doing || [
      ...(this.#savedAt === undefined ? [] : [`saved ${ago(this.#savedAt)} ago`]),
      ...(this.#took === undefined ? [] : [`tests took ${(this.#took / 1000).toFixed(1)} s`]),
    ].join(" · ");
    const training = this.#training;
    if (!training) return tests;
    const seconds = `training for ${training.seconds} s, x stops it`;
    return [tests, seconds].filter((text) => text !== "").join(" · ");
  }
}

/** Tests that were green the last time, and are not now. */
function brokenLines(
  results: readonly Result[],
  before: readonly Result[],
  open: Result | undefined,
): string[] {
  const broken = results.filter((result) =>
    result.status !== "passed" && result !== open &&
    before.some((b) => nameOf(b) === nameOf(result) && b.status === "passed")
  );
  if (broken.length === 0) return [];
  const further = broken.length - mostBroken;
  const lines = [paint("red", "was green:"), ...broken.slice(0, mostBroken).map(lineOf)];
  return further > 0 ? [...lines, `  and ${further} more`] : lines;
}

/** A mistake in words; what nobody has foreseen by its message alone, since the watch goes on. */
function messageOf(error: unknown): string[] {
  const message = error instanceof Error ? error.message : String(error);
  const hint = error instanceof UsageError && error.hint ? [`  ${error.hint}`] : [];
  return [paint("red", message), ...hint];
}

function ago(time: number): string {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
