/**
 * The process around a learner's code. It has no permission and reads no file: what runs comes on
 * its input as text, and then jobs, a line each. It runs each job in a thread that it can end, and
 * writes what came of it. A line counts only if it begins with the word that came first on
 * its input, which no thread knows.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";
import v8 from "node:v8";
import { type Thrown, thrownFrom } from "./plain.ts";
import type { Check, Observation } from "./recording.ts";
import { type Code, stripTypes, withSourceLines } from "./strip_types.ts";

/** Sources by their paths. */
export type Sources = Readonly<Record<string, string>>;

/** What is there for a learner's code to run with. */
export interface Room<File = string> {
  /** The learner's files in yours/, the modules below, and the tests. */
  readonly files: Readonly<Record<string, File>>;
  /** The paths that #names lead to. */
  readonly names: Readonly<Record<string, string>>;
  /** The path of the file that declares the tests. */
  readonly test: string;
}

/** A source as code, or why it is none. */
export type Made = Code | { readonly thrown: Thrown };

/** What a thread is told: what lies beside every learner's code, then that code, then tests to run. */
export type Told = { readonly beside: Readonly<Record<string, Made>> } | Room<Made> | Job;

/** One test to run. */
export interface Job {
  readonly task: string;
  readonly sentence: string;
  /** Where its random numbers come from. */
  readonly seed?: string;
  /** Whether it gets a realm of its own, where no other test has run. */
  readonly fresh: boolean;
  /** What it may take. */
  readonly limits: Limits;
}

/** What a test may take. */
export interface Limits {
  /** How long it may run. */
  readonly milliseconds: number;
  /** How much memory the whole process may hold. */
  readonly bytes: number;
}

/** What came of it. */
export interface Outcome {
  /** What the test showed; null if the file does not declare it. */
  readonly observation?: Observation | null;
  /** What ended it instead. */
  readonly ended?: "timeout" | "memory" | "crash";
  /** What was thrown outside of the test. */
  readonly thrown?: Thrown;
  /** A name that one of the learner's files may not import. */
  readonly refused?: { readonly name: string; readonly from: string };
  /** Whether the learner's modules had been loaded. */
  readonly loaded: boolean;
  /** What it printed. */
  readonly output: string;
}

/** What a thread sends. */
export type Sent =
  | { readonly output: string }
  | { readonly loaded: true }
  | { readonly observation: Observation | null }
  | Pick<Outcome, "ended" | "thrown" | "refused">;

/** A thread for learner's code. */
interface Thread {
  readonly worker: Worker;
  /** Who is told what happens in it. */
  listener: (event: Sent) => void;
}

/** What lies beside every learner's code, and the code itself, once they are known. */
let beside: Readonly<Record<string, Made>> = {}, room: Room<Made> | undefined;

/** The thread in use. */
let thread: Thread | undefined;

const threadPath = "course/sandbox/thread.ts";

/** Starts a thread. Its program is text, too: a file would need the permission to read it. */
function startThread(): Thread {
  const program = beside[threadPath];
  if ("thrown" in program) throw new SyntaxError(program.thrown.message);
  const url = `data:text/javascript,${encodeURIComponent(program.text)}`;
  const started: Thread = { worker: new Worker(url, { type: "module" }), listener: idle };
  const { worker } = started;
  worker.onmessage = ({ data }: MessageEvent<Sent>) => started.listener(data);
  worker.onerror = (event) => {
    event.preventDefault();
    started.listener({ ended: "crash", thrown: { name: "Error", message: event.message } });
  };
  return started;
}

/** Gives a thread what there is by now. */
function furnish(started: Thread): Thread {
  tell(started, { beside });
  if (room) tell(started, room);
  return started;
}

function tell({ worker }: Thread, told: Told): void {
  worker.postMessage(told);
}

/** What happens while no test runs: a thread that died must not get the next one. */
function idle(event: Sent): void {
  if ("ended" in event) endThread();
}

function endThread(): void {
  if (!thread) return;
  thread.listener = () => {};
  thread.worker.terminate();
  thread = undefined;
}

/** Runs one test; a thread that it ended or spoilt is not used again. */
function run(job: Job): Promise<Outcome> {
  const current = thread ??= furnish(startThread());
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  let output = "", loaded = false;
  const timer = setTimeout(() => current.listener({ ended: "timeout" }), job.limits.milliseconds);
  const watch = setInterval(() => {
    if (process.memoryUsage().rss > job.limits.bytes) current.listener({ ended: "memory" });
  }, 50);
  current.listener = (event) => {
    if ("output" in event) output += event.output;
    else if ("loaded" in event) loaded = true;
    else {
      clearTimeout(timer);
      clearInterval(watch);
      current.listener = idle;
      const thrown = "observation" in event ? event.observation?.thrown?.name : "";
      if (thrown !== undefined && thrown !== "TodoError") endThread();
      resolve(asWritten({ ...event, loaded, output }));
    }
  };
  tell(current, job);
  return promise;
}

/** The places in what a test showed, as the learner's files have them. */
function asWritten(outcome: Outcome): Outcome {
  const { observation, thrown, output } = outcome, codes = room?.files ?? {};
  return {
    ...outcome,
    output: withSourceLines(output, codes),
    ...(thrown ? { thrown: placed(thrown) } : {}),
    ...(observation ? { observation: withPlaces(observation) } : {}),
  };

  function placed(thrown: Thrown): Thrown {
    const { stack } = thrown;
    return stack === undefined ? thrown : { ...thrown, stack: withSourceLines(stack, codes) };
  }

  function withPlaces({ checks, thrown }: Observation): Observation {
    const placedChecks = checks.map((check): Check =>
      check.kind === "error" && check.actual ? { ...check, actual: placed(check.actual) } : check
    );
    return { checks: placedChecks, ...(thrown ? { thrown: placed(thrown) } : {}) };
  }
}

/** Makes code of what came as text. */
async function make(files: Sources): Promise<Readonly<Record<string, Made>>> {
  const all = Object.entries(files).map(async ([path, source]) => {
    try {
      return [path, await stripTypes(path, source)] as const;
    } catch (error) {
      return [path, { thrown: thrownFrom(error) }] as const;
    }
  });
  return Object.fromEntries(await Promise.all(all));
}

/** A line of the input: what lies beside a learner's code, then that code, then tests to run. */
export type Line = { readonly beside: Sources } | { readonly room: Room } | { readonly job: Job };

/** Does what the lines of the input say, one after the other. */
async function main(): Promise<void> {
  let word: string | undefined;
  for await (const text of createInterface({ input: process.stdin })) {
    if (word === undefined) {
      word = text;
      continue;
    }
    const line: Line = JSON.parse(text);
    if ("beside" in line) {
      const { [threadPath]: first, ...others } = line.beside;
      beside = await make({ [threadPath]: first });
      thread = startThread(); // it starts while the rest is made
      beside = { ...beside, ...await make(others) };
      furnish(thread);
    } else if ("room" in line) {
      if (room) endThread(); // it has another one
      room = { ...line.room, files: await make(line.room.files) };
      if (thread) tell(thread, room);
    } else {
      const answer = Buffer.from(v8.serialize(await run(line.job))).toString("base64");
      process.stdout.write(`\n${word} ${answer}\n`);
    }
  }
}

if (import.meta.main) {
  await main();
  process.exit(0);
}
