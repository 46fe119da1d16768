/**
 * # Fast kernels
 *
 * The loops of the modules once more, at the speed of the machine: the same interfaces and the same
 * results but for rounding, in WebAssembly that is assembled when it is loaded.
 *
 *   machine/   the assembler, which writes WebAssembly (start here), memory, threads
 *   kernels/   products, convolution, pooling, … as the assembler writes them
 *   doors/     which kernel runs in place of which loop
 *
 * ## Near the greatest number
 *
 * A loop adds up in float64 and rounds once; a kernel adds up in float32. So both agree, but for
 * rounding, as long as the terms of each sum, all taken as positive, come to less than 2¹²⁷
 * (1.7·10³⁸, half of float32's greatest number) and are at most 2²⁴. Beyond it a kernel may pass the
 * greatest number on the way: it gives ∞, −∞ or NaN where a loop gives a number, or ∞ of the other
 * sign. For a matrix product the terms are the products |a·b|, for a variance the squares.
 *
 * @module
 */
import type { Kernels } from "#tensor";
import type { Modules } from "./doors/tools.ts";
import { FastKernels } from "./kernel_set.ts";
import { assembleKernels, type Level } from "./kernels/assemble.ts";
import { productScratch } from "./kernels/products.ts";
import type { Limits } from "./machine/assembler.ts";
import { Heap } from "./machine/heap.ts";
import { Machine } from "./machine/machine.ts";

export type { Level, Limits, Modules };

/** What may be asked for: what this machine does best; the same on every machine; no kernels. */
export const wantedKernels = ["fast", "simd", "loops"] as const;

/** Bytes to reserve unless you ask for others, and where a phone refuses that, less. */
const usualSizes = [2 ** 30, 2 ** 28, 2 ** 26];

/** Least bytes of memory: 1 MiB. */
const leastMemory = 2 ** 20;

/** Which kernels are asked for. */
export type Wanted = typeof wantedKernels[number];

/** What was found. */
export interface Choice {
  /** The kernels, for module 01's setKernels(). */
  readonly kernels: Kernels;
  /** Why they are not all that was asked for, or leave some loops alone; null if neither. */
  readonly notice: string | null;
}

/** What chooseKernels() takes. */
export interface ChoiceOptions {
  /** "fast" by default; "simd" gives the same results on every machine. */
  readonly wanted?: Wanted;
  /** How many threads share the work; 1 by default. */
  readonly threads?: number;
  /** How many bytes of memory to reserve; 1 GiB by default. Only what is touched is used. */
  readonly memory?: number;
  /** Writes the module; for tests, which hand in damaged ones. */
  readonly assemble?: (level: Level, limits: Limits) => Uint8Array<ArrayBuffer>;
}

/**
 * Chooses the fastest kernels that this runtime can load and that compute what they should: relaxed
 * SIMD, else SIMD, else the modules' own loops.
 *
 * @param modules The modules in use: the library's barrel.
 * @param options Which kernels are wanted, on how many threads, in how much memory.
 * @returns The kernels; they run once setKernels() has been told.
 * @throws {RangeError} If there are no such kernels, or a number makes no sense.
 * @throws {TypeError} If the first is not the library, or the second not an object.
 *
 * @example The matrix product in WebAssembly
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import * as kindling from "kindling";
 * const restore = kindling.setKernels(kindling.chooseKernels(kindling).kernels);
 * const a = kindling.Tensor.of([[1, 2], [3, 4]]);
 * assertEquals(a.matmul(a).toArray(), [[7, 10], [15, 22]]);
 * assert(kindling.matmulDoor.isReplaced);
 * restore();
 * ```
 */
export function chooseKernels(modules: Modules, options: ChoiceOptions = {}): Choice {
  const { wanted = "fast", threads = 1, memory, assemble = assembleKernels } = options;
  if (typeof Object(modules).loops !== "object" || typeof options !== "object") {
    const rule = "the first must be the library, import * as kindling, the second an object";
    throw new TypeError(`Cannot choose kernels: ${rule}`);
  }
  checkOptions(wanted, threads, memory);
  if (wanted === "loops") return { kernels: modules.loops, notice: null };
  const levels: readonly Level[] = wanted === "fast" ? ["relaxed SIMD", "SIMD"] : ["SIMD"];
  const reasons: string[] = [];
  for (const level of levels) {
    try {
      const heap = openHeap(memory === undefined ? usualSizes : [memory]);
      const machine = new Machine(assemble(level, heap.limits), heap, threads);
      if (isRight(machine)) {
        const kernels = new FastKernels(level, machine, modules);
        return { kernels, notice: noticeOf(kernels) };
      }
      reasons.push(`its ${level} gives wrong results`);
    } catch (error) {
      reasons.push(`it cannot load ${level} (${error instanceof Error ? error.message : error})`);
    }
  }
  const notice = `No fast kernels on this runtime, so the modules' own loops run: ${reasons[0]}`;
  return { kernels: modules.loops, notice };
}

/** What a user should know of kernels that run. */
function noticeOf({ withoutDoors, machine }: FastKernels): string | null {
  const notices: string[] = [];
  if (machine.fewerThreads !== null) notices.push(`One thread runs: ${machine.fewerThreads}`);
  if (withoutDoors.length > 0) {
    const which = `${withoutDoors.length > 1 ? "modules" : "module"} ${withoutDoors.join(", ")}`;
    notices.push(
      `The loops of ${which} run: no doors for kernels there, so it is an older version`,
    );
  }
  return notices.length > 0 ? notices.join("; ") : null;
}

/** Refuses kernels that there are not, and numbers of threads or bytes that make no sense. */
function checkOptions(wanted: Wanted, threads: number, memory?: number): void {
  if (!wantedKernels.includes(wanted)) {
    throw new RangeError(`Cannot choose kernels ${wanted}: they are ${wantedKernels.join(", ")}`);
  }
  if (!(Number.isInteger(threads) && threads >= 1)) {
    throw new RangeError(`Cannot share work among ${threads} threads: it must be a whole number`);
  }
  if (memory === undefined || memory >= leastMemory && memory < 2 ** 32) return;
  const limits = "it must be at least 1 MiB and less than 4 GiB";
  throw new RangeError(`Cannot reserve ${memory} bytes for kernels: ${limits}`);
}

/** Memory that threads can share, where the runtime has that; else of one thread; else less. */
function openHeap([bytes, ...smaller]: readonly number[]): Heap {
  for (const shared of [true, false]) {
    try {
      return new Heap(shared, bytes);
    } catch (error) {
      if (!shared && smaller.length === 0) throw error;
    }
  }
  return openHeap(smaller);
}

/**
 * Whether a machine computes what it should: a product of every kind of tile, and one row of each.
 */
function isRight({ run, heap }: Machine): boolean {
  const [m, k, n] = [7, 9, 11], start = heap.top, at = heap.take(4 * (m * k + k * n + m * n));
  const a = new Float32Array(heap.buffer, at, m * k).map((_, i) => (i * 7) % 5 - 2);
  const b = new Float32Array(heap.buffer, at + 4 * m * k, k * n).map((_, i) => (i * 3) % 7 - 3);
  new Float32Array(heap.buffer, at).set([...a, ...b]);
  const out = at + 4 * (a.length + b.length), scratch = heap.take(productScratch(m, n, k));
  run.clear(out, 4 * m * n);
  run.product(out, at, at + 4 * m * k, m, n, k, 4 * n, 4 * k, 4, 4, 4 * n, scratch);
  const found = new Float32Array(heap.buffer, out, m * n);
  heap.top = start;
  return found.every((value, cell) => {
    const row = Math.floor(cell / n) * k, column = cell % n;
    let sum = 0;
    for (let p = 0; p < k; p++) sum += a[row + p] * b[p * n + column];
    return value === sum; // small whole numbers: there is nothing to round
  });
}
