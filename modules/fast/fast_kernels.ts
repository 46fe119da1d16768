/**
 * # Fast kernels: the set
 *
 * Kernels as module 01 asks for them: what replaces what, where results go, and when a step's room is
 * used again.
 *
 * @module
 */
import type { Data, Kernels, Room } from "#tensor";
import type { Machine } from "./machine.ts";
import { replaceLoops } from "./replace_loops.ts";
import { replaceLosses } from "./replace_losses.ts";
import { replaceProducts } from "./replace_products.ts";
import { replaceSpatial } from "./replace_spatial.ts";
import { replaceUpdates } from "./replace_updates.ts";
import type { TensorModule, Workshop } from "./workshop.ts";

/** A tensor as the heap sees it when it takes its room back. */
type Holder = { data: Data };

/** Kernels in WebAssembly. */
export class FastKernels implements Kernels {
  readonly name: string;
  readonly #machine: Machine;
  readonly #replaced = new WeakMap<object, object>();
  readonly #table: Readonly<Record<string, (own: never) => object>>;
  readonly #released: Data;
  /** What was made in the current step; null between steps. */
  #made: Holder[] | null = null;
  /** What of it shall outlive the step. */
  #kept: Holder[] = [];

  /** Puts the kernels of a machine into a set. */
  constructor(readonly machine: Machine, tensor: TensorModule) {
    const { level, threads } = machine;
    this.name = threads > 1 ? `${level}, ${threads} threads` : level;
    this.#machine = machine;
    const workshop: Workshop = {
      machine,
      made: (shape, write) => {
        const data = this.room(shape.reduce((all, n) => all * n, 1), "anything");
        return machine.work(() => write(machine.target(data)))
          ? tensor.tensorOf({ data, shape })
          : null;
      },
      wholeNumbers: (size) => {
        const address = this.#made ? machine.heap.take(4 * size) : 0;
        return address === 0
          ? new Int32Array(size)
          : new Int32Array(machine.heap.buffer as ArrayBuffer, address, size);
      },
      isSingle: (...all) => all.every(({ data }) => data instanceof Float32Array),
    };
    this.#table = {
      ...replaceLoops(workshop),
      ...replaceProducts(workshop),
      ...replaceLosses(workshop),
      ...replaceUpdates(workshop),
      ...replaceSpatial(workshop),
    };
    this.#released = releasedNumbers(tensor);
  }

  room(size: number, holding: Room): Float32Array {
    const { heap, run } = this.#machine;
    if (holding === "lasting") return heap.lasting(size);
    const address = this.#made ? heap.take(4 * size) : 0;
    if (address === 0) return new Float32Array(size);
    if (holding === "zeros") run.clear(address, 4 * size);
    return new Float32Array(heap.buffer, address, size);
  }

  replace<Own extends object>(name: string, own: Own): Own {
    const known = this.#replaced.get(own);
    if (known) return known as Own;
    const replaced = this.#table[name]?.(own as never) ?? own;
    this.#replaced.set(own, replaced);
    return replaced as Own;
  }

  made(tensor: object): void {
    this.#made?.push(tensor as Holder);
  }

  keep<T extends object>(tensor: T): T {
    if (this.#made) this.#kept.push(tensor as unknown as Holder);
    return tensor;
  }

  step<T>(compute: () => T): T {
    const { heap } = this.#machine, start = heap.top, outer = this.#made, outerKept = this.#kept;
    const made: Holder[] = this.#made = [], kept: Holder[] = this.#kept = [];
    try {
      return compute();
    } finally {
      for (const tensor of kept) {
        if (heap.isAbove(start, tensor.data)) tensor.data = tensor.data.slice();
      }
      for (const tensor of made) {
        if (heap.isAbove(start, tensor.data)) tensor.data = this.#released;
      }
      heap.top = start;
      this.#made = outer;
      this.#kept = outerKept;
    }
  }
}

/** Stands in the place of numbers whose room is used again: whoever looks is told so. */
function releasedNumbers({ ValueError }: TensorModule): Data {
  function refuse(): never {
    const says = "Cannot read a tensor after its step: its room is used again";
    throw new ValueError(says, "copy what shall outlive the step within it, with mul(1)");
  }
  return new Proxy(new Float32Array(), { get: refuse, getPrototypeOf: refuse, set: refuse });
}
