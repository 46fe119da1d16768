/**
 * The thread where a learner's code runs, in a realm of its own that has no way out. The thread is
 * told which tests to run and sends what they showed, never a verdict. Its own source comes as text,
 * too, and so it imports nothing of ours but types.
 *
 * @module
 */
import vm, { type SourceTextModule as Module } from "node:vm";
import type * as inside from "./inside.ts";
import type { Job, Made, Room, Sent, Told } from "./process.ts";
import type { Host } from "./realm.ts";

/** What a thread has around it. */
interface Scope {
  postMessage(sent: Sent): void;
  addEventListener(name: "message", listener: (event: MessageEvent<Told>) => void): void;
  addEventListener(name: string, listener: (event: Unhandled) => void): void;
  /** Bun tells of what nobody caught here, and Deno by events. */
  readonly process?: { on(name: string, listener: (error: unknown) => void): void };
}

/** Tells of a promise that was rejected, or of an error, that nobody caught. */
interface Unhandled extends Event {
  readonly reason?: unknown;
  readonly error?: unknown;
}

const scope = globalThis as unknown as Scope;
const { process } = scope;

/** The most that is kept of what one test prints, in characters. */
const maxOutput = 4000;

let printed = 0;
const encoder = new TextEncoder();
/** What there is to load. */
let { files, names, test }: Room<Made> = { files: {}, names: {}, test: "" };
/** What code has asked for, by number: it ends with the test. */
const timers = new Map<number, ReturnType<typeof setTimeout>>();
let lastTimer = 0;
/** Whether a test runs: what it leaves behind starts nothing more. */
let isRunning = false;

function send(sent: Sent): void {
  scope.postMessage(sent);
}

const host: Host = {
  /** Keeps what is printed up to a limit, so that nobody waits for a gigabyte. */
  print(text): void {
    if (printed > maxOutput) return;
    printed += text.length + 1;
    const cut = printed > maxOutput ? `${text.slice(0, maxOutput)}\n… the rest is left out` : text;
    send({ output: `${cut}\n` });
  },
  now: () => performance.now(),
  startTimer(call, milliseconds, repeats): number {
    if (!isRunning) return 0;
    const timer = ++lastTimer;
    timers.set(timer, (repeats ? setInterval : setTimeout)(call, milliseconds));
    return timer;
  },
  stopTimer(timer): void {
    clearTimeout(timers.get(timer));
    timers.delete(timer);
  },
  encode: (text, into) => encoder.encodeInto(text, into).written,
  decode(bytes, fatal, keepMark): string | null {
    try {
      return new TextDecoder("utf-8", { fatal, ignoreBOM: keepMark }).decode(bytes);
    } catch {
      return null;
    }
  },
  threw: crash,
};

// ── Realms ──

/** A world of its own: the language, and what was loaded into it. */
interface Realm {
  readonly context: ReturnType<typeof vm.createContext>;
  /** What was loaded, by path. */
  readonly modules: Map<string, Module>;
  /** What is called in it. */
  readonly inside: typeof inside;
  /** Whether the tests are loaded. */
  isUsed: boolean;
}

async function makeRealm(): Promise<Realm> {
  const context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
    codeGeneration: { strings: false, wasm: false },
  });
  const modules = new Map<string, Module>();
  const first = await load({ context, modules }, "course/sandbox/inside.ts");
  const entry = first.namespace as typeof inside;
  entry.lockDown(host);
  return { context, modules, inside: entry, isUsed: false };
}

/** A name in a learner's file that leads nowhere. */
class Refused extends Error {}

/** A file that is no code. */
class Unread extends Error {}

/** Loads a file and all that it imports. */
async function load(
  realm: Pick<Realm, "context" | "modules"> & Partial<Realm>,
  path: string,
): Promise<Module> {
  const module = moduleAt(path);
  await module.link((name, { identifier }) => {
    const from = identifier.slice("file:///".length), found = resolve(name, from);
    if (found === undefined) throw new Refused("", { cause: { name, from } });
    return moduleAt(found);
  });
  await module.evaluate();
  return module; // and not what it exports: with a then among it, that would be called

  function moduleAt(path: string): Module {
    const known = realm.modules.get(path), file = files[path];
    if (known) return known;
    if ("thrown" in file) throw new Unread("", { cause: file.thrown });
    // Bun names a file in a stack by this comment only.
    const made = new vm.SourceTextModule(`${file.text}\n//# sourceURL=file:///${path}`, {
      context: realm.context,
      identifier: `file:///${path}`,
      initializeImportMeta(meta): void {
        if (!path.startsWith("yours/")) meta.url = `file:///${path}`;
      },
      importModuleDynamically(name: string): never {
        throw realm.inside?.refusal(name);
      },
    });
    realm.modules.set(path, made);
    return made;
  }
}

/** The path that a name stands for in a file; a learner's file reaches its own folder and #names. */
function resolve(name: string, from: string): string | undefined {
  if (Object.hasOwn(names, name)) return names[name];
  if (!/^\.\.?\//.test(name)) return undefined;
  const path = new URL(name, `file:///${from}`).href.slice("file:///".length);
  if (!Object.hasOwn(files, path)) return undefined;
  const folder = (file: string): string => file.slice(0, file.lastIndexOf("/"));
  return !from.startsWith("yours/") || folder(path) === folder(from) ? path : undefined;
}

// ── Jobs ──

let realm: Realm, crashed = false;

/** Sends what was thrown where no test could catch it. */
function crash(error: unknown): void {
  if (crashed) return;
  crashed = true;
  send({ ended: "crash", thrown: realm.inside.thrownFrom(error) });
}

async function run({ task, sentence, seed, fresh }: Job): Promise<void> {
  if (fresh && realm.isUsed) realm = await makeRealm();
  printed = 0;
  crashed = false;
  isRunning = true;
  try {
    if (!realm.isUsed) await load(realm, test);
    realm.isUsed = true;
  } catch (error) {
    if (error instanceof Refused) return send({ ended: "crash", refused: Object(error.cause) });
    if (error instanceof Unread) return send({ ended: "crash", thrown: Object(error.cause) });
    return crash(error);
  }
  send({ loaded: true });
  const observation = await realm.inside.run(JSON.stringify({ task, sentence, seed }));
  isRunning = false;
  for (const timer of timers.keys()) host.stopTimer(timer);
  // A promise that was rejected and that nobody caught is told of before this thread's next turn.
  await turn();
  await turn();
  if (!crashed) send({ observation });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Does what the process tells, one after the other. */
let last: Promise<void> = Promise.resolve();
scope.addEventListener("message", ({ data: told }: MessageEvent<Told>) => {
  last = last.then(async () => {
    if ("beside" in told) {
      files = told.beside;
      realm = await makeRealm();
    } else if ("names" in told) {
      ({ names, test } = told);
      files = { ...files, ...told.files };
    } else await run(told);
  });
});

for (const name of ["unhandledrejection", "error"]) {
  scope.addEventListener(name, (event) => {
    event.preventDefault();
    crash("reason" in event ? event.reason : event.error);
  });
}
for (const name of ["unhandledRejection", "uncaughtException"]) process?.on(name, crash);

/**
 * A second wall: if a learner's code ever held a thing of this realm, that would lead to nothing, and
 * could make no code of text. (V8 has a flag for that, but it forgets its compiled code under one, and
 * starts a third slower.)
 */
function dropWayOut(): void {
  const makers = [
    () => {},
    async () => {},
    function* (): Generator {},
    async function* (): AsyncGenerator {},
  ];
  for (const maker of makers) {
    Object.defineProperty(Object.getPrototypeOf(maker), "constructor", { value: undefined });
  }
  const ways = ["Deno", "Bun", "process", "Worker", "WebAssembly", "fetch", "eval"];
  for (const name of ways.concat("caches", "BroadcastChannel", "WebSocket", "importScripts")) {
    Reflect.deleteProperty(globalThis, name);
  }
}
dropWayOut();
