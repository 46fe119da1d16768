/**
 * # Fast kernels: the heap
 *
 * WebAssembly sees one row of bytes, its memory, and nothing else. So the numbers that the kernels
 * work on have to lie in there. Copying them in and out for each operation would cost more than
 * many an operation; instead, tensors are made in there from the start, as views of that memory.
 *
 * JavaScript frees what nobody uses any more, but it cannot know how much memory stands behind a
 * small view. So there are three ways to get room here, and none of them asks anybody to free:
 *
 * - within a step, all results go into the *arena*, one behind the other. When the step is over,
 *   the arena is empty again: that is why each step of a network costs the same memory;
 * - what is to last, parameters and what an optimizer keeps, gets a *block*, which is used again
 *   when the garbage collector has found that nobody holds its view any more;
 * - what a single kernel needs for itself is *scratch*.
 *
 * Throughout: address in bytes from the start of the memory · size in numbers of four bytes
 *
 * @module
 */
import type { Limits } from "./assembler.ts";

/** Bytes in a page of WebAssembly memory. */
const page = 2 ** 16;

/** Numbers begin at multiples of this, so that no vector lies across two cache lines. */
const alignment = 64;

/** A part of the memory that nobody uses any more. */
type Block = { readonly address: number; readonly bytes: number };

/** Rounds up to whole cache lines. */
function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

/** The memory that kernels work on, and who uses which part of it. */
export class Heap {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** Its pages, and whether threads may share it. */
  readonly limits: Limits;
  /** All of it. */
  readonly buffer: ArrayBufferLike;
  /** The highest address that arena and scratch have reached. */
  peak = 0;
  readonly #free = new Map<number, number[]>();
  readonly #collected = new FinalizationRegistry<Block>(({ address, bytes }) => {
    const blocks = this.#free.get(bytes);
    if (blocks) blocks.push(address);
    else this.#free.set(bytes, [address]);
  });
  /** Where the next result or scratch goes; set back, it gives up all that came after. */
  top: number;
  /** Where arena and scratch begin; lasting blocks lie below. */
  readonly #arenaStart: number;
  #lastingEnd = alignment; // address 0 is nobody's

  /**
   * Reserves the memory: a quarter for lasting blocks, the rest for arena and scratch.
   *
   * @param shared Whether threads may share it.
   * @param bytes How much, rounded up to whole pages of 64 KiB; used only where it is touched.
   * @throws {RangeError} If the system refuses.
   */
  constructor(shared: boolean, bytes: number) {
    const pages = Math.ceil(bytes / page);
    this.limits = { pages, shared };
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    this.buffer = this.memory.buffer;
    this.top = this.#arenaStart = aligned(this.buffer.byteLength / 4);
  }

  /** Bytes that were ever taken: lasting blocks, and the most that arena and scratch came to. */
  get used(): number {
    return this.#lastingEnd + Math.max(0, this.peak - this.#arenaStart);
  }

  /** Whether numbers lie in here, at an address or behind it. */
  isAbove(address: number, data: { buffer: ArrayBufferLike; byteOffset: number }): boolean {
    return data.buffer === this.buffer && data.byteOffset >= address;
  }

  /** Takes some bytes until `top` is set back; 0 if there are not so many left. */
  take(bytes: number): number {
    const address = this.top, end = address + aligned(bytes);
    if (end > this.buffer.byteLength) return 0;
    this.top = end;
    if (end > this.peak) this.peak = end;
    return address;
  }

  /** Makes room for numbers that last, all 0; null if there is no room left. */
  lasting(size: number): Float32Array | null {
    const bytes = aligned(4 * size);
    const address = this.#free.get(bytes)?.pop() ?? this.#lastingEnd;
    if (address === this.#lastingEnd) {
      if (address + bytes > this.#arenaStart) return null;
      this.#lastingEnd += bytes;
    }
    const view = new Float32Array(this.buffer, address, size).fill(0);
    this.#collected.register(view, { address, bytes });
    return view;
  }
}
