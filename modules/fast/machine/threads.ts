/**
 * # Fast kernels: threads
 *
 * Several workers see the same memory, so a kernel can be shared out: each call covers a part of
 * the images or rows, and whoever is free takes the next call. The caller takes calls too, and so
 * loses nothing where a worker is slow to wake up, or has not even started.
 *
 * The parts do not depend on the number of threads, and what is summed is summed in the order of
 * the parts. So the results are the same, to the last bit, for any number of threads.
 *
 * Workers sleep in Atomics.wait(), where no message reaches them; they keep no process alive.
 *
 * @module
 */
import type { Worker } from "node:worker_threads";
import type { CallOf } from "./assembler.ts";

/** A kernel: all its parameters are numbers, and its results are in memory. */
export type Kernel = (...parameters: readonly number[]) => void;

/** One call of a kernel: its name, and its parameters. */
export type Call = CallOf<string>;

/** What a worker needs to begin. */
export interface Start {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  readonly thread: number;
}

/** Offsets into the control block, in 32-bit words. */
const slot = { ticket: 0, count: 1, done: 2, pitch: 3, started: 4, stop: 5 } as const;

/** 64-bit words before the first call, and in a call: kernel, number of parameters, parameters. */
const firstCall = 8, callSize = 24;

/** Most calls that are open at a time. */
export const mostCalls = 64;

/** Spins before a waiting thread sleeps: some tens of microseconds. */
const patience = 5000;

/** How long to wait for a thread, in milliseconds; it can only be late if it has died. */
const deadline = 30_000;

/** The open calls, in memory that all threads share. */
export class Calls {
  readonly #state: Int32Array;
  readonly #numbers: Float64Array;
  readonly #names: readonly string[];
  readonly #kernels: readonly Kernel[];

  /** The control block. */
  readonly control: SharedArrayBuffer;

  /** Reads and writes a control block; new memory by default. */
  constructor(
    run: Readonly<Record<string, Kernel>>,
    control = new SharedArrayBuffer(8 * (firstCall + mostCalls * callSize)),
  ) {
    this.control = control;
    this.#state = new Int32Array(control);
    this.#numbers = new Float64Array(control);
    this.#names = Object.keys(run);
    this.#kernels = Object.values(run);
  }

  /**
   * Opens calls, and wakes all who wait for some.
   *
   * @param calls At most 64, each with the address of its scratch as the last parameter.
   * @param pitch How far apart the scratches of two threads lie, in bytes.
   */
  open(calls: readonly Call[], pitch: number): void {
    const state = this.#state, round = (Atomics.load(state, slot.ticket) >> 8) + 1;
    Atomics.store(state, slot.ticket, (round << 8) | 0xff); // closed: nobody reads half of it
    calls.forEach(([name, ...parameters], k) => {
      const call = [this.#names.indexOf(name), parameters.length, ...parameters];
      this.#numbers.set(call, firstCall + k * callSize);
    });
    state[slot.done] = 0;
    state[slot.count] = calls.length;
    state[slot.pitch] = pitch;
    Atomics.store(state, slot.ticket, round << 8); // its last 8 bits count the calls taken
    Atomics.notify(state, slot.ticket);
  }

  /** Makes open calls until all are taken. */
  take(thread: number): void {
    const state = this.#state;
    for (;;) {
      const ticket = Atomics.load(state, slot.ticket), k = ticket & 0xff;
      if (k >= Atomics.load(state, slot.count)) return;
      if (Atomics.compareExchange(state, slot.ticket, ticket, ticket + 1) !== ticket) continue;
      const at = firstCall + k * callSize, end = at + 2 + this.#numbers[at + 1];
      const parameters = this.#numbers.slice(at + 2, end);
      parameters[parameters.length - 1] += thread * state[slot.pitch];
      this.#kernels[this.#numbers[at]](...parameters);
      Atomics.add(state, slot.done, 1);
      Atomics.notify(state, slot.done);
    }
  }

  /** Waits until all open calls are done. */
  finish(): void {
    for (let looks = 0;; looks++) {
      const done = Atomics.load(this.#state, slot.done);
      if (done >= this.#state[slot.count]) return;
      if (looks < patience) continue;
      if (Atomics.wait(this.#state, slot.done, done, deadline) !== "timed-out") continue;
      throw new Error("Cannot go on: a thread has not finished its part");
    }
  }

  /** Makes calls for as long as the process lives; for workers. */
  serve(thread: number): void {
    Atomics.add(this.#state, slot.started, 1);
    Atomics.notify(this.#state, slot.started);
    for (let looks = 0; this.#state[slot.stop] === 0; looks++) {
      const ticket = Atomics.load(this.#state, slot.ticket);
      if ((ticket & 0xff) < this.#state[slot.count]) {
        this.take(thread);
        looks = 0;
      } else if (looks > patience) Atomics.wait(this.#state, slot.ticket, ticket);
    }
  }

  /** Waits until so many workers have started. */
  await(workers: number): void {
    for (;;) {
      const started = Atomics.load(this.#state, slot.started);
      if (started >= workers) return;
      if (Atomics.wait(this.#state, slot.started, started, deadline) !== "timed-out") continue;
      throw new Error("Cannot go on: a thread has not started");
    }
  }

  /** Sends all workers home. */
  stop(): void {
    this.#state[slot.stop] = 1;
    Atomics.add(this.#state, slot.ticket, 1 << 8);
    Atomics.notify(this.#state, slot.ticket);
  }
}

/**
 * The class of the runtime's worker threads. It is loaded only when it is asked for: a browser has
 * none, and a bundler must find no import of it.
 *
 * @throws {Error} If there is none, or the worker's file is not there.
 */
function workerClass(file: URL): typeof Worker {
  const load = globalThis.process?.getBuiltinModule;
  if (!load) throw new Error("this runtime has no worker threads");
  if (file.protocol !== "file:" || load("node:fs").existsSync(file)) {
    return load("node:worker_threads").Worker;
  }
  throw new Error("worker.ts is not beside the code that runs: was it bundled?");
}

/** Workers, and the calls that they take. */
export class ThreadPool {
  /** How many threads there are, the caller included. */
  readonly threads: number;
  readonly #calls: Calls;

  /**
   * Starts workers and waits for them.
   *
   * @param threads How many threads in all, the caller included; at least 2.
   * @throws {Error} If the runtime has none, or the worker's file is not beside this one.
   */
  constructor(
    threads: number,
    module: WebAssembly.Module,
    memory: WebAssembly.Memory,
    run: Readonly<Record<string, Kernel>>,
  ) {
    const file = new URL("./worker.ts", import.meta.url), Worker = workerClass(file);
    this.threads = threads;
    this.#calls = new Calls(run);
    for (let thread = 1; thread < threads; thread++) {
      const workerData: Start = { module, memory, control: this.#calls.control, thread };
      new Worker(file, { workerData }).unref();
    }
    this.#calls.await(threads - 1);
  }

  /** Makes calls on all threads, and returns when all are done. */
  run(calls: readonly Call[], pitch: number): void {
    this.#calls.open(calls, pitch);
    this.#calls.take(0);
    this.#calls.finish();
  }

  /** Sends the workers home. */
  stop(): void {
    this.#calls.stop();
  }
}
