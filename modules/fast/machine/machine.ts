/**
 * # Fast kernels: the machine
 *
 * The kernels of one kind, loaded: their functions, and the heap that they work on.
 *
 * @module
 */
import type { Heap } from "./heap.ts";
import type { Call, KernelName, RelaxedName } from "../kernels/assemble.ts";
import { type Kernel, mostCalls, ThreadPool } from "./threads.ts";

/** Numbers of a tensor. */
type Data = Float32Array | Float64Array;

/** Kernels by name: those that only relaxed SIMD has are missing elsewhere; ask with `in`. */
type Run = Readonly<Record<KernelName | RelaxedName, Kernel>>;

/** Work below which threads cost more than they save: waking one takes some microseconds. */
export const worthSharing = 500_000;

/** Kernels and their memory. */
export class Machine {
  /** The kernels by name. */
  readonly run: Run;
  /** How many threads share the work. */
  readonly threads: number;
  /** The memory that the kernels work on. */
  readonly heap: Heap;
  /** Why fewer threads run than were asked for; null if they do not. */
  readonly fewerThreads: string | null = null;
  readonly #pool: ThreadPool | null = null;
  readonly #staged: { readonly data: Data | Int32Array; readonly address: number }[] = [];

  /**
   * Loads kernels.
   *
   * @param bytes The module of all kernels.
   * @param heap What they work on.
   * @param threads How many threads share the work; one if the heap or the runtime cannot.
   * @throws {WebAssembly.CompileError} If the runtime does not know such instructions.
   */
  constructor(bytes: Uint8Array<ArrayBuffer>, heap: Heap, threads: number) {
    const module = new WebAssembly.Module(bytes), { memory, limits } = heap;
    const instance = new WebAssembly.Instance(module, { env: { memory } });
    this.heap = heap;
    this.run = instance.exports as Run;
    try {
      if (threads > 1 && !limits.shared) throw new Error("memory cannot be shared here");
      if (threads > 1) this.#pool = new ThreadPool(threads, module, memory, this.run);
    } catch (error) {
      this.fewerThreads = error instanceof Error ? error.message : String(error);
    }
    this.threads = this.#pool?.threads ?? 1;
  }

  /** Makes a call. */
  call([name, ...parameters]: Call): void {
    this.run[name](...parameters);
  }

  /**
   * Makes calls, on several threads if there are some and the work is worth it.
   *
   * @param calls Parts that do not touch each other's results; scratch is passed last.
   * @param work Multiplications, or numbers read and written, in all of them together.
   * @param scratch How many bytes each needs for itself.
   */
  share(calls: readonly Call[], work: number, scratch = 0): void {
    if (!this.#pool || calls.length < 2 || work < worthSharing) {
      const address = scratch > 0 ? this.take(scratch) : 0;
      for (const [name, ...parameters] of calls) this.run[name](...parameters, address);
      return;
    }
    const pitch = Math.ceil(scratch / 64) * 64, address = this.take(pitch * this.threads + 64);
    for (let k = 0; k < calls.length; k += mostCalls) {
      const open = calls.slice(k, k + mostCalls);
      this.#pool.run(open.map((call) => [...call, address]), pitch);
    }
  }

  /** Sends the threads home. */
  stop(): void {
    this.#pool?.stop();
  }

  /** Whether all of these numbers lie where kernels see them. */
  holds(...all: readonly (Data | Int32Array)[]): boolean {
    return all.every((data) => data.buffer === this.heap.buffer);
  }

  /** Where numbers lie; those that lie elsewhere are copied in. For use within work(). */
  address(data: Data | Int32Array): number {
    if (this.holds(data)) return data.byteOffset;
    const address = this.take(4 * data.length);
    const { buffer } = this.heap, { length } = data;
    if (data instanceof Int32Array) new Int32Array(buffer, address, length).set(data);
    else new Float32Array(buffer, address, length).set(data);
    return address;
  }

  /** Where results go; if they belong elsewhere, work() copies them out in the end. */
  target(data: Data | Int32Array): number {
    if (this.holds(data)) return data.byteOffset;
    const address = this.take(4 * data.length);
    this.#staged.push({ data, address });
    return address;
  }

  /** Writes whole numbers. */
  writeWhole(address: number, numbers: readonly number[]): void {
    new Int32Array(this.heap.buffer, address, numbers.length).set(numbers);
  }

  /** Bytes for as long as work() lasts. */
  take(bytes: number): number {
    const address = this.heap.take(bytes);
    if (address === 0) throw new NoRoom();
    return address;
  }

  /** Does something that needs room of its own, and tells whether there was enough. */
  work(compute: () => void): boolean {
    const { heap } = this, before = heap.top;
    try {
      compute();
      for (const { data, address } of this.#staged) {
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
        bytes.set(new Uint8Array(heap.buffer, address, bytes.length));
      }
      return true;
    } catch (error) {
      if (error instanceof NoRoom) return false;
      throw error;
    } finally {
      heap.top = before;
      this.#staged.length = 0;
    }
  }
}

/** The parts of a range, each a multiple of some number long but for the last. */
export function partsOf(n: number, multiple: number, most = 8): (readonly [number, number])[] {
  const length = Math.ceil(n / most / multiple) * multiple;
  return Array.from({ length: Math.ceil(n / length) }, (_, k) => {
    return [k * length, Math.min(n, (k + 1) * length)] as const;
  });
}

/** The heap is full: somebody else must do the work. */
class NoRoom extends Error {}
