/**
 * # 01 · Tensor: doors for faster kernels
 *
 * The loops of these chapters are plain, so that you can read and write them. Faster ones may run in
 * their place: the same loops in machine code, on several threads. What may be replaced is a door:
 * an object that the module exports, with the module's own loop in it.
 *
 * A set of kernels does three things, each with an interface here: it replaces loops behind doors,
 * it allocates numbers where it can reach them, and it decides how long they last. Results are the
 * same but for rounding.
 *
 * @module
 */
import { requireKind, ValueError } from "./errors.ts";

// ── Dispatch ──

/**
 * A loop, an operation or a rule that something faster may replace.
 *
 * @example Counting products
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { matmulDoor, Tensor } from "kindling/tensor";
 * let products = 0;
 * const restore = matmulDoor.replace((...operands) => {
 *   products++;
 *   matmulDoor.own(...operands);
 * });
 * const a = Tensor.ones([2, 2]);
 * a.matmul(a).matmul(a);
 * restore();
 * a.matmul(a);
 * assertEquals(products, 2);
 * ```
 */
export class Door<Own> {
  /** What reports call it. Nothing is looked up by it. */
  readonly name: string;
  /** The module's own. */
  readonly own: Own;
  /** What runs: `own`, unless something replaces it. */
  run: Own;

  /** Makes a door behind which the module's own runs. */
  constructor(name: string, own: Own) {
    this.name = name;
    this.own = this.run = own;
  }

  /** Whether something else than the module's own runs. */
  get isReplaced(): boolean {
    return this.run !== this.own;
  }

  /** Runs something else from now on; call the function that it returns to put back what was there. */
  replace(by: Own): () => void {
    const before = this.run;
    this.run = by;
    return () => {
      this.run = before;
    };
  }
}

/** A door for each entry of a table, by the same names. */
export type Doors<Table> = { readonly [Name in keyof Table]: Door<Table[Name]> };

/**
 * Makes a door for each entry of a table.
 *
 * @example The loops of arithmetic have one each
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { doors } from "kindling/tensor";
 * const { double } = doors({ double: (x: number) => 2 * x });
 * assertEquals([double.name, double.run(4)], ["double", 8]);
 * ```
 */
export function doors<Table extends object>(table: Table): Doors<Table> {
  const entries = Object.entries(table).map(([name, own]) => [name, new Door(name, own)]);
  return Object.fromEntries(entries) as Doors<Table>;
}

/** A door, and what a set of kernels puts behind it. */
export interface Replacement {
  /** The door's name. */
  readonly name: string;
  /** Puts it there, and returns a function that takes it away. */
  readonly install: () => () => void;
}

// ── Memory ──

/** What newly allocated memory must contain; "lasting" is for what is not an operation's result. */
export type Room = "zeros" | "anything" | "lasting";

/** Where numbers are allocated. */
export interface Memory {
  /** Allocates numbers. */
  room(size: number, holding: Room): Float32Array;
}

// ── Lifetime ──

/** What has numbers that can be taken away: a tensor. */
export type Holder = { data: Float32Array | Float64Array };

/** How long numbers last. */
export interface Lifetime {
  /** Called for every new tensor. */
  made(tensor: Holder): void;

  /** Lets a tensor outlive the step in which it was made, and returns it. */
  keep<T extends Holder>(tensor: T): T;

  /**
   * Runs one step of training or evaluation and returns its result. Afterwards the memory of the
   * tensors made in it is used again, except that of kept ones.
   */
  step<T>(compute: () => T): T;
}

// ── The kernels in use ──

/** A set of kernels. */
export interface Kernels extends Memory, Lifetime {
  /** What reports call it. */
  readonly name: string;
  /** What it runs in place of the modules' own loops. */
  readonly replacements: readonly Replacement[];
}

/** The modules' own loops, over ordinary typed arrays. */
export const loops: Kernels = {
  name: "loops",
  replacements: [],
  room: (size) => {
    try {
      return new Float32Array(size);
    } catch { // each runtime has another word for it
      const gigabytes = `${Number((4 * size / 1e9).toPrecision(3)).toLocaleString("en")} GB`;
      const says = `Cannot make room for ${
        size.toLocaleString("en")
      } numbers: they take ${gigabytes}`;
      throw new ValueError(says, "is a size of the shape too large, or a batch?");
    }
  },
  made: () => {},
  keep: (tensor) => tensor,
  step: (compute) => compute(),
};

/** The kernels in use. */
export let kernels: Kernels = loops;

/** What takes their replacements away again, in the order in which they were installed. */
let removals: readonly (() => void)[] = [];

/** Takes away the kernels in use and installs others. */
function install(chosen: Kernels): void {
  for (const remove of removals.toReversed()) remove();
  kernels = chosen;
  removals = chosen.replacements.map((replacement) => replacement.install());
}

/**
 * Chooses kernels.
 *
 * @param chosen Which run from now on.
 * @returns A function that puts back those in use before.
 * @throws {ShapeError} If they are not kernels: chooseKernels() and `loops` give some.
 *
 * @example Kernels that count the tensors that are made
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loops, setKernels, Tensor } from "kindling/tensor";
 * let count = 0;
 * const restore = setKernels({ ...loops, name: "counting", made: () => count++ });
 * Tensor.of([1, 2]).add(Tensor.of([3, 4]));
 * restore();
 * Tensor.of([5, 6]);
 * assertEquals(count, 3); // two terms and their sum
 * ```
 */
export function setKernels(chosen: Kernels): () => void {
  requireKind("Cannot run the kernels", "function", chosen?.room, chosen?.made, chosen?.step);
  requireKind("Cannot install the replacements", "list", chosen.replacements);
  const before = kernels;
  install(chosen);
  return () => install(before);
}
