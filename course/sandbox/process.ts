/**
 * The process around a learner's code. It may read its own folder and nothing else. It reads jobs
 * from its input, a line each, runs each in a thread that it can end, and writes what came of it. A
 * line counts only if it begins with the word that came first on its input, which no thread knows.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { createInterface } from "node:readline";
import v8 from "node:v8";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { type Observation, type Thrown, thrownFrom } from "./recording.ts";

/** One test to run. */
export interface Job {
  /** The URL of the file that declares it. */
  readonly file: string;
  readonly task: string;
  readonly sentence: string;
  /** Where its random numbers come from. */
  readonly seed?: string;
  /** Whether it gets a thread of its own. */
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
  readonly ended?: "timeout" | "memory" | "exit" | "crash";
  /** What was thrown outside of the test. */
  readonly thrown?: Thrown;
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
  | Pick<Outcome, "ended" | "thrown">;

/** A thread for learner's code. */
interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Who is told what happens in it. */
  listener: (event: Sent) => void;
}

/** The thread in use, and one that has started meanwhile. */
let thread: Thread | undefined, spare: Thread | undefined, used = false;

function startThread(): Thread {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL("./thread.ts", import.meta.url), {
    workerData: port2,
    transferList: [port2],
    resourceLimits: { maxOldGenerationSizeMb: 768 },
  });
  const started: Thread = { worker, port: port1, listener: idle };
  port1.on("message", (sent: Sent) => started.listener(sent));
  worker.on("error", (error) => started.listener({ ended: "crash", thrown: thrownFrom(error) }));
  worker.on("exit", () => started.listener({ ended: "exit" }));
  return started;
}

/** What happens while no test runs: a thread that died must not get the next one. */
function idle(event: Sent): void {
  if ("ended" in event) endThread();
}

function endThread(): void {
  if (!thread) return;
  thread.listener = () => {};
  thread.worker.terminate();
  thread.port.close();
  thread = undefined;
  used = false;
}

/** Runs one test; a thread that it ended or spoilt is not used again. */
function run(job: Job): Promise<Outcome> {
  if (job.fresh && used) endThread();
  const current = thread ??= spare ?? startThread();
  if (current === spare) spare = undefined;
  if (job.fresh) spare ??= startThread(); // for the next one, while this one works
  used = true;
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
      resolve({ ...event, loaded, output });
    }
  };
  current.port.postMessage(job);
  return promise;
}

/** Answers the jobs on the input one after the other. */
async function main(): Promise<void> {
  let word: string | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    if (word === undefined) {
      word = line;
      thread = startThread(); // while the first job is on its way
      continue;
    }
    const answer = Buffer.from(v8.serialize(await run(JSON.parse(line)))).toString("base64");
    process.stdout.write(`\n${word} ${answer}\n`);
  }
}

if (import.meta.main) {
  await main();
  process.exit(0);
}
