/**
 * # Fast kernels: memory and lifetime
 *
 * Results of a step lie in the arena of the heap, and are gone when the step is over. A tensor that
 * you kept says so then. An array that you took out of one says so too, by a prototype that throws:
 * numbers[0] cannot be stopped, but its length, iteration and methods can. That costs as much as a
 * small operation, so arrays are guarded in the first steps, where a program that keeps them shows
 * it, and in some of the others.
 *
 * @module
 */
import type { Holder, Lifetime, Memory, Room } from "#tensor";
import type { Machine } from "./machine.ts";

/** How many steps guard arrays at first, and how often later ones do. */
const guardFirst = 100, guardEvery = 100;

/**
 * How often Bun is asked to collect garbage, in steps. It takes all of the reserved memory for memory
 * in use, so by itself it lets garbage of a hundred megabytes gather first.
 */
const collectEvery = 200;

/** What Bun has for that; other runtimes know that reserved memory costs nothing. */
const { Bun }: { readonly Bun?: { gc(force: boolean): void } } = globalThis as object;

/** What to throw when released numbers are read. */
type Refuse = () => never;

/** Where tensors are allocated while kernels are in use, and how long they last. */
export class Arena implements Memory, Lifetime {
  /** What computes on the numbers. */
  readonly machine: Machine;
  readonly #elsewhere: Memory["room"];
  readonly #released: Float32Array;
  /** The prototype of arrays whose memory is used again. */
  readonly #gone: object;
  /** What was made in the current step; null between steps. */
  #made: Holder[] | null = null;
  #steps = 0;
  /** Which of it is to outlive the step. */
  #kept: Holder[] = [];

  /**
   * Allocates in a machine's memory.
   *
   * @param machine The machine.
   * @param elsewhere Makes room where the machine has none.
   * @param refuse What to throw when released numbers are read.
   */
  constructor(machine: Machine, elsewhere: Memory["room"], refuse: Refuse) {
    this.machine = machine;
    this.#elsewhere = elsewhere;
    const traps = { get: refuse, set: refuse, getPrototypeOf: refuse };
    this.#released = new Proxy(new Float32Array(), traps);
    this.#gone = new Proxy({}, traps);
  }

  room(size: number, holding: Room): Float32Array {
    const { heap, run } = this.machine;
    if (holding === "lasting") return heap.lasting(size) ?? this.#elsewhere(size, holding);
    const address = this.#made ? heap.take(4 * size) : 0;
    if (address === 0) return this.#elsewhere(size, holding);
    if (holding === "zeros") run.clear(address, 4 * size);
    return new Float32Array(heap.buffer, address, size);
  }

  /** Allocates whole numbers that live as long as the result that they belong to. */
  wholeNumbers(size: number): Int32Array {
    const { heap } = this.machine, address = this.#made ? heap.take(4 * size) : 0;
    if (address === 0) return new Int32Array(size);
    return new Int32Array(heap.buffer as ArrayBuffer, address, size);
  }

  made(tensor: Holder): void {
    this.#made?.push(tensor);
  }

  keep<T extends Holder>(tensor: T): T {
    if (this.#made) this.#kept.push(tensor);
    return tensor;
  }

  step<T>(compute: () => T): T {
    const { heap } = this.machine, start = heap.top, outer = this.#made, outerKept = this.#kept;
    const made: Holder[] = this.#made = [], kept: Holder[] = this.#kept = [];
    try {
      return compute();
    } finally {
      const dead: object[] = []; // several tensors may share one
      const guards = this.#steps++ % guardEvery === 0 || this.#steps < guardFirst;
      for (const tensor of kept) {
        if (!heap.isAbove(start, tensor.data)) continue;
        const view = tensor.data;
        tensor.data = view.slice();
        if (guards) dead.push(view);
      }
      for (const tensor of made) {
        if (!heap.isAbove(start, tensor.data)) continue;
        const view = tensor.data;
        tensor.data = this.#released;
        if (guards) dead.push(view);
      }
      for (const view of dead) Object.setPrototypeOf(view, this.#gone);
      heap.top = start;
      if (this.#steps % collectEvery === 0) Bun?.gc(false);
      this.#made = outer;
      this.#kept = outerKept;
    }
  }
}
