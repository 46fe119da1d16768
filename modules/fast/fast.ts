/**
 * # Fast kernels
 *
 * The loops of the modules once more, at the speed of the machine: the same interfaces and the same
 * results but for rounding, in WebAssembly that is assembled when it is loaded.
 *
 *   assembler.ts                                  writes WebAssembly: start here
 *   products.ts · convolution.ts · elementwise.ts · sums.ts · rows.ts · pool.ts · norm.ts ·
 *   updates.ts · lanes.ts                         the kernels
 *   heap.ts · machine.ts · threads.ts · worker.ts where numbers lie, and what runs on them
 *   replace_….ts · workshop.ts · fast_kernels.ts  what runs in the place of which loop
 *
 * @module
 */
import type { Kernels } from "#tensor";
import type { Limits } from "./assembler.ts";
import { FastKernels } from "./fast_kernels.ts";
import { Heap } from "./heap.ts";
import { assembleKernels, type Level, Machine } from "./machine.ts";
import { productScratch } from "./products.ts";
import type { TensorModule } from "./workshop.ts";

export type { Level, Limits, TensorModule };

/** What may be asked for: what this machine does best; the same on every machine; no kernels. */
export const wantedKernels = ["fast", "simd", "loops"] as const;

/** Which kernels are asked for. */
export type Wanted = typeof wantedKernels[number];

/** What was found. */
export interface Choice {
  /** The kernels, for module 01's setKernels(). */
  readonly kernels: Kernels;
  /** Why they are not those that were asked for; null if they are. */
  readonly notice: string | null;
}

/** What chooseKernels() takes. */
export interface ChoiceOptions {
  /** "fast" by default; "simd" gives the same results on every machine. */
  readonly wanted?: Wanted;
  /** How many threads share the work; 1 by default. */
  readonly threads?: number;
  /** Writes the module; for tests, which hand in damaged ones. */
  readonly assemble?: (level: Level, limits: Limits) => Uint8Array<ArrayBuffer>;
}

/**
 * Chooses the fastest kernels that this runtime can load and that compute what they should: relaxed
 * SIMD, else SIMD, else the modules' own loops.
 *
 * @param tensor Module 01, whichever is in use.
 * @param options Which are wanted, and how many threads.
 * @returns The kernels; they run only once setKernels() was told.
 *
 * @example The matrix product in WebAssembly
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { chooseKernels } from "#fast";
 * import * as tensor from "#tensor";
 * const restore = tensor.setKernels(chooseKernels(tensor).kernels);
 * const a = tensor.Tensor.of([[1, 2], [3, 4]]);
 * assertEquals(a.matmul(a).toArray(), [[7, 10], [15, 22]]);
 * restore();
 * ```
 */
export function chooseKernels(
  tensor: TensorModule,
  { wanted = "fast", threads = 1, assemble = assembleKernels }: ChoiceOptions = {},
): Choice {
  if (wanted === "loops") return { kernels: tensor.loops, notice: null };
  const levels: readonly Level[] = wanted === "fast" ? ["relaxed SIMD", "SIMD"] : ["SIMD"];
  const reasons: string[] = [];
  for (const level of levels) {
    try {
      const machine = new Machine(level, openHeap(), { threads, assemble });
      if (isRight(machine)) return { kernels: new FastKernels(machine, tensor), notice: null };
      reasons.push(`its ${level} gives wrong results`);
    } catch (error) {
      reasons.push(`it cannot load ${level} (${error instanceof Error ? error.message : error})`);
    }
  }
  const notice = `No fast kernels on this runtime, so the modules' own loops run: ${reasons[0]}`;
  return { kernels: tensor.loops, notice };
}

/** Memory that threads can share, where the runtime has that; else memory of one thread. */
function openHeap(): Heap {
  try {
    return new Heap(true);
  } catch {
    return new Heap(false);
  }
}

/** Whether a machine computes what it should: a product of every kind of tile, and one row of each. */
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
