/**
 * The thread where a learner's code runs. It is told which tests to run and sends what they showed,
 * never a verdict, over a port that it took before the learner's code was there.
 *
 * @module
 */
import { inspect } from "node:util";
import { type MessagePort, workerData } from "node:worker_threads";
import { declared, listOnly } from "./graded.ts";
import type { Job, Sent } from "./process.ts";
import { observe, thrownFrom } from "./recording.ts";

/** The most that is kept of what one test prints, in characters. */
const maxOutput = 4000;

/** What a deep-learning framework has no use for, and could do harm with. */
const removed = ["Deno", "Bun", "process", "Worker", "postMessage", "onmessage", "close", "fetch"];

/** What everybody shares who runs here, and so nobody may change. */
const shared = [
  "Array",
  "ArrayBuffer",
  "BigInt",
  "Boolean",
  "Error",
  "Float32Array",
  "Float64Array",
  "Function",
  "Int32Array",
  "JSON",
  "Map",
  "Math",
  "MessagePort",
  "Number",
  "Object",
  "Promise",
  "Reflect",
  "RegExp",
  "Set",
  "String",
  "Symbol",
  "Uint8Array",
  "WeakMap",
  "structuredClone",
];

/** Those from which all others inherit. */
const inherited = ["Error", "Function", "Object"];

const port: MessagePort = workerData;
const send: (message: Sent) => void = port.postMessage.bind(port);
const later = setTimeout;
let printed = 0;

/** Keeps what is printed up to a limit, so that nobody waits for a gigabyte. */
function print(...values: readonly unknown[]): void {
  if (printed > maxOutput) return;
  const text = values.map((value) => typeof value === "string" ? value : inspect(value)).join(" ");
  printed += text.length + 1;
  const cut = printed > maxOutput ? `${text.slice(0, maxOutput)}\n… the rest is left out` : text;
  send({ output: `${cut}\n` });
}

function lockDown(): void {
  const global: Record<string, unknown> = Object(globalThis);
  for (const name of removed) {
    if (!Reflect.deleteProperty(global, name)) Reflect.set(global, name, undefined);
  }
  const quiet = { log: print, info: print, warn: print, error: print, debug: print, table: print };
  global.console = new Proxy(quiet, {
    get: (target, name) => Reflect.get(target, name) ?? (() => {}),
  });
  for (const name of shared) {
    const value = Object(global[name]);
    Object.defineProperty(global, name, { value, writable: false, configurable: false });
    // Objects could not have a name or a message of their own if they inherited a frozen one.
    const lock = inherited.includes(name) ? Object.seal : Object.freeze;
    if (value.prototype) lock(value.prototype);
    if (name !== "Error") Object.freeze(value);
  }
  Object.freeze(Object.getPrototypeOf(Float32Array.prototype));
  Object.freeze(Object.getPrototypeOf(Float32Array));
}

async function run({ file, task, sentence, seed }: Job): Promise<void> {
  printed = 0;
  try {
    await import(file);
  } catch (error) {
    const first = error instanceof AggregateError ? error.errors[0] : error; // Bun's syntax errors
    return send({ ended: "crash", thrown: thrownFrom(first) });
  }
  send({ loaded: true });
  const test = declared.find((test) => test.task === task && test.sentence === sentence);
  const observation = test ? await observe(test, seed) : null;
  // A promise that was rejected and that nobody caught ends the thread now, and not in the next test.
  later(() => send({ observation }), 0);
}

listOnly();
lockDown();
port.on("message", run);
