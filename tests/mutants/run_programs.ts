/**
 * Grades changed programs in one process: each module with a change is loaded in a thread of its own
 * and shows what its tests were given; the judge is the learner's. There is no sandbox.
 *
 * @module
 */
import { join, toFileUrl } from "@std/path";
import { mkdirSync, writeFileSync } from "node:fs";
import { MessageChannel, Worker } from "node:worker_threads";
import { type CourseModule, modules, read, root } from "../../course/content/course.ts";
import { type Result, resultOf } from "../../course/judge/result.ts";
import { rightFor, testsOf } from "../../course/judge/right.ts";
import { type GradedTest } from "../../course/sandbox/graded.ts";
import type { Outcome } from "../../course/sandbox/process.ts";
import { usualSeed } from "../../course/sandbox/seeded.ts";
import type { Program } from "./programs.ts";

/** How long one test may take before its thread is ended, in milliseconds. */
const limit = 15_000;

/** Which tests run. */
export interface Choice {
  /** Only those of the program's own task. */
  readonly onlyTask?: boolean;
}

/**
 * Grades a program.
 *
 * @param program The program.
 * @param folder Where its files may be written.
 * @param choice Which tests run.
 * @returns What became of each test.
 */
export async function runProgram(
  program: Program,
  folder: string,
  { onlyTask = false }: Choice = {},
): Promise<Result[]> {
  const { module, task } = program, own = join(folder, module.folder);
  const url = writeProgram(program, own);
  const tests = (await testsOf(module)).filter((test) => !onlyTask || test.task === task);
  const results: Result[] = [];
  const thread = new Thread(url);
  for (const test of tests) {
    const right = await rightFor(test, usualSeed);
    const outcome = await thread.run(test, right.seed);
    const inside = `${own.replaceAll("\\", "/")}/`;
    results.push(resultOf({ module, test, right, outcome, own, inside, ms: 0 }));
  }
  thread.close();
  return results;
}

/** Writes a module with its tests; what they import from elsewhere is the project's. */
function writeProgram({ module, files }: Program, own: string): string {
  mkdirSync(own, { recursive: true });
  const from = join(root, "modules", module.folder);
  for (const file of module.files) {
    writeFileSync(join(own, file), linked(files.get(file) ?? read(join(from, file)), module));
  }
  const test = module.test.split("/").at(-1) ?? "";
  writeFileSync(join(own, test), linked(read(join(root, module.test)), module));
  return toFileUrl(join(own, test)).href;
}

/** A source with files in the place of names: its own module's beside it, the project's elsewhere. */
function linked(source: string, own: CourseModule): string {
  const files = new Map(modules.flatMap(({ folder, names }) =>
    names.map(({ name, file }) => [
      name,
      folder === own.folder ? `./${file}` : toFileUrl(join(root, "modules", folder, file)).href,
    ])
  ));
  return source
    .replaceAll(/(from |import )"(#\w+)"/g, (_, word, name) => `${word}"${files.get(name)}"`)
    .replaceAll('"../../course/', `"${toFileUrl(root).href}/course/`);
}

/** A thread that shows what tests were given; another one takes its place when it dies. */
class Thread {
  readonly #url: string;
  #worker: Worker | undefined;
  #port: MessageChannel["port1"] | undefined;
  #loaded = false;

  constructor(url: string) {
    this.#url = url;
  }

  run(test: GradedTest, seed: string): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const { worker, port } = this.#start();
    const end = (outcome: Partial<Outcome>): void => {
      clearTimeout(timer);
      worker.removeAllListeners();
      if (!("observation" in outcome)) this.close();
      else this.#loaded = true;
      resolve({ output: "", loaded: this.#loaded, ...outcome });
    };
    const timer = setTimeout(() => end({ ended: "timeout" }), limit);
    worker.on("error", (error: Error) => {
      const { name, message, stack = "" } = error;
      end({ ended: "crash", thrown: { name, message, stack } });
    });
    port.once("message", (outcome) => end(outcome));
    port.postMessage({ url: this.#url, task: test.task, sentence: test.sentence, seed });
    return promise;
  }

  #start(): { worker: Worker; port: MessageChannel["port1"] } {
    if (this.#worker && this.#port) return { worker: this.#worker, port: this.#port };
    const { port1, port2 } = new MessageChannel();
    this.#worker = new Worker(new URL("./show_tests.ts", import.meta.url), {
      workerData: port2,
      transferList: [port2],
    });
    this.#port = port1;
    return { worker: this.#worker, port: port1 };
  }

  close(): void {
    void this.#worker?.terminate();
    this.#port?.close();
    this.#worker = undefined;
    this.#loaded = false;
  }
}
