/**
 * # Fast kernels: the matrix product
 *
 * A processor can multiply and add eight times and more in a clock tick, but it can fetch only two
 * or three numbers. So everything in a fast product is about using each fetched number often.
 *
 * - The *tile*: 6 rows × 8 columns of the output are kept in twelve registers. Each step fetches 6
 *   numbers of a and 8 of b, and makes 48 products of them.
 * - *Packing*: b is first copied into panels of 8 columns, in just the order in which tiles read
 *   them: reading is then one straight walk. Rows of a are straight walks already.
 * - *Blocks*: only so many steps are taken at a time that a panel of b stays in the first cache, and
 *   only so many rows that they stay in the second.
 *
 * Where columns and rows begin stands in tables of offsets: element (lane, step) of b is packed from
 * `lanes[lane] + steps[step]`. A transposed matrix differs from a plain one only in its tables; and
 * so does a convolution's matrix of columns, which is never written out (see convolution.ts).
 *
 * Goto & van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
 *
 * Throughout: out (m, n) += a (m, k) · b (k, n) · all addresses and distances in bytes
 *
 * @module
 */
import { type Assembler, type Code, f32, f32x4, i32, loopOver } from "../machine/assembler.ts";
import { loopWhile, memory, move, type Operand, set, v128, when } from "../machine/assembler.ts";
import { type Local, wholes } from "../machine/assembler.ts";

/** Rows and columns of a tile: 12 sums, 2 of b and 1 of a fill 15 of 16 registers. */
export const tile = { rows: 6, columns: 8 } as const;

/** Most steps in a block: 8 columns of 256 numbers are 8 KiB. */
export const blockSteps = 256;

/** Most rows of a in a block: 96 rows of 256 numbers are 96 KiB, within the second cache. */
const blockRows = 96;

/** Writes a call. */
type Call = (...operands: Operand[]) => Code;

/** The kernels that other kernels are made of. */
export interface Products {
  /** (to, from, lanes, n, steps, k): packs panels of 8 columns, the last one filled up with zeros. */
  readonly packColumns: Call;
  /** (to, from, lanes, n, steps, k): copies rows, each step beside the one before. */
  readonly copyRows: Call;
  /**
   * (a, rows, b, out, m, n, length, lines, skip, stride, spare): out += a · packed b. Row i of a begins
   * at a + rows[i]; its steps come in `lines` of `length` neighbours, with `skip` bytes between them.
   */
  readonly multiply: Call;
  /** (to, n, distance): writes 0, distance, 2·distance, … */
  readonly progression: Call;
}

/** sum + a·b for four numbers each, in one instruction where the machine has it. */
export function multiplyAdd(relaxed: boolean, a: Operand, b: Operand, sum: Operand): Code {
  return relaxed ? f32x4.relaxedMadd(a, b, sum) : f32x4.add(sum, f32x4.mul(a, b));
}

/** Bytes that product() needs beside its operands. */
export function productScratch(m: number, n: number, k: number): number {
  const steps = Math.min(k, blockSteps), rows = Math.min(m, blockRows);
  const packed = (rows + n + tile.columns) * steps;
  return 4 * (packed + 2 * steps + 2 * rows + n) + spareBytes;
}

/** Bytes of one tile. */
export const spareBytes = 4 * tile.rows * tile.columns;

/** A matrix as product() reads it: its address, and how far apart rows and columns lie, in bytes. */
export type Matrix = { readonly at: number; readonly row: number; readonly column: number };

/** Defines the product of two matrices, and what it is made of. */
export function defineProducts(module: Assembler, relaxed: boolean): Products {
  const products = {
    packColumns: definePackColumns(module),
    copyRows: defineCopyRows(module),
    multiply: defineMultiply(module, relaxed),
    progression: defineProgression(module),
  };
  defineProduct(module, products);
  defineClear(module);
  definePeak(module, relaxed);
  return products;
}

/** One tile of up to 6 rows: out += some rows of a · a panel of b. */
function defineTile(module: Assembler, relaxed: boolean, rows: number): Call {
  const signature = wholes("a", "rows", "b", "out", "length", "lines", "skip", "stride");
  return module.define(`tile${rows}`, signature, (locals, declare) => {
    const { a, b, out, length, lines, skip, stride } = locals;
    const sums = Array.from({ length: rows }, () => [declare("v128"), declare("v128")]);
    const walks = sums.map(() => declare("i32")); // where each row of a is read
    const left = declare("v128"), right = declare("v128"), by = declare("v128");
    const at = declare("i32"), end = declare("i32"), unrolled = rows === tile.rows ? 4 : 1;
    const step = (p: number): Code => [
      set(left, v128.load(b, 32 * p)),
      set(right, v128.load(b, 32 * p + 16)),
      sums.map(([s, t], r) => [
        set(by, v128.loadSplat(walks[r], 4 * p)),
        set(s, multiplyAdd(relaxed, by, left, s)),
        set(t, multiplyAdd(relaxed, by, right, t)),
      ]),
    ];
    const steps = (count: number): Code => [
      Array.from({ length: count }, (_, p) => step(p)),
      walks.map((walk) => move(walk, 4 * count)),
      move(b, 32 * count),
    ];
    return [
      walks.map((walk, r) => set(walk, i32.add(a, i32.load(locals.rows, 4 * r)))),
      set(at, out),
      sums.map(([s, t]) => [set(s, v128.load(at)), set(t, v128.load(at, 16)), move(at, stride)]),
      loopWhile(lines, [
        set(end, i32.add(b, i32.mul(i32.sub(length, unrolled - 1), 32))),
        loopWhile(i32.lt(b, end), steps(unrolled)),
        move(end, 32 * (unrolled - 1)),
        unrolled > 1 ? loopWhile(i32.lt(b, end), steps(1)) : [],
        walks.map((walk) => move(walk, skip)),
        move(lines, -1),
      ]),
      set(at, out),
      sums.map(([s, t]) => [v128.store(at, s), v128.store(at, t, 16), move(at, stride)]),
    ];
  });
}

/** All tiles of a block. Tiles that stick out on the right are summed apart, in `spare`. */
function defineMultiply(module: Assembler, relaxed: boolean): Call {
  const tiles = Array.from({ length: tile.rows }, (_, r) => defineTile(module, relaxed, r + 1));
  const parameters = ["a", "rows", "b", "out", "m", "n", "length", "lines", "skip"] as const;
  const signature = wholes(...parameters, "stride", "spare");
  return module.define("multiply", signature, (locals, declare) => {
    const { a, rows, b, out, m, n, length, lines, skip, stride, spare } = locals;
    const i = declare("i32"), j = declare("i32"), to = declare("i32"), table = declare("i32");
    const height = declare("i32"), width = declare("i32"), row = declare("i32");
    const column = declare("i32"), from = declare("i32"), at = declare("i32");
    const zero = declare("v128");
    const run = (into: Operand, pitch: Operand): Code =>
      tiles.reduce<Code>((other, call, r) => {
        return when(
          i32.eq(height, r + 1),
          call(a, table, b, into, length, lines, skip, pitch),
          other,
        );
      }, []);
    const addSpare = [
      set(from, spare),
      set(at, to),
      loopOver(row, 0, height, 1, [
        loopOver(column, 0, i32.mul(width, 4), 4, [
          addTo(i32.add(at, column), f32.load(i32.add(from, column))),
        ]),
        move(from, 4 * tile.columns),
        move(at, stride),
      ]),
    ];
    return loopOver(j, 0, n, tile.columns, [
      set(table, rows),
      set(to, i32.add(out, i32.mul(j, 4))),
      set(width, i32.sub(n, j)),
      loopOver(i, 0, m, tile.rows, [
        set(height, least(i32.sub(m, i), tile.rows)),
        when(i32.ge(width, tile.columns), run(to, stride), [
          Array.from({ length: 2 * tile.rows }, (_, k) => v128.store(spare, zero, 16 * k)),
          run(spare, 4 * tile.columns),
          addSpare,
        ]),
        move(to, i32.mul(stride, height)),
        move(table, 4 * tile.rows),
      ]),
      move(b, i32.mul(i32.mul(length, lines), 4 * tile.columns)),
    ]);
  });
}

/** The lesser of two numbers that are cheap to compute. */
export function least(a: Operand, b: Operand): Code {
  return i32.select(a, b, i32.lt(a, b));
}

/** Adds to a number in memory. */
function addTo(address: Operand, value: Operand): Code {
  return f32.store(address, f32.add(f32.load(address), value));
}

/** Packs columns. Where neighbours lie side by side in memory, eight or four are copied as one. */
function definePackColumns(module: Assembler): Call {
  const signature = wholes("to", "from", "lanes", "n", "steps", "k");
  return module.define("packColumns", signature, ({ to, from, lanes, n, steps, k }, declare) => {
    const first = declare("i32"), width = declare("i32"), lane = declare("i32");
    const at = declare("i32"), end = declare("i32"), out = declare("i32"), base = declare("i32");
    const four = declare("v128"), pitch = 4 * tile.columns;
    const offsets = Array.from({ length: tile.columns }, () => declare("i32"));
    const walk = (start: Operand, body: Code): Code => [
      set(out, i32.add(to, start)),
      loopOver(at, steps, end, 4, [set(base, i32.add(from, i32.load(at))), body, move(out, pitch)]),
    ];
    const areNeighbours = ([o, ...others]: readonly Local[]): Code =>
      others.reduce<Code>(
        (all, offset, l) => i32.and(all, i32.eq(i32.sub(offset, o), 4 * (l + 1))),
        i32.eq(0, 0),
      );
    const loadFour = (offset: Local): Code => v128.load(i32.add(base, offset));
    const apart = ([o, ...others]: readonly Local[]): Code => [
      set(four, v128.loadSplat(i32.add(base, o))),
      others.map((offset, l) => set(four, v128.loadLane(i32.add(base, offset), four, l + 1))),
      v128.store(out, four),
    ];
    const halves = [offsets.slice(0, 4), offsets.slice(4)];
    return [
      set(end, i32.add(steps, i32.mul(k, 4))),
      loopOver(first, 0, n, tile.columns, [
        set(width, i32.sub(n, first)),
        when(i32.ge(width, tile.columns), [
          offsets.map((offset, l) => set(offset, i32.load(lanes, 4 * l))),
          when(
            areNeighbours(offsets),
            walk(0, [
              v128.store(out, loadFour(offsets[0])),
              v128.store(out, loadFour(offsets[4]), 16),
            ]),
            halves.map((half, h) =>
              when(
                areNeighbours(half),
                walk(16 * h, v128.store(out, loadFour(half[0]))),
                walk(16 * h, apart(half)),
              )
            ),
          ),
        ], [
          memory.fill(to, 0, i32.mul(k, pitch)),
          loopOver(lane, 0, i32.mul(width, 4), 4, [
            set(offsets[0], i32.load(i32.add(lanes, lane))),
            walk(lane, f32.store(out, f32.load(i32.add(base, offsets[0])))),
          ]),
        ]),
        move(to, i32.mul(k, pitch)),
        move(lanes, pitch),
      ]),
    ];
  });
}

/** Copies rows whose steps are not neighbours into rows whose steps are. */
function defineCopyRows(module: Assembler): Call {
  const signature = wholes("to", "from", "lanes", "n", "steps", "k");
  return module.define("copyRows", signature, ({ to, from, lanes, n, steps, k }, declare) => {
    const row = declare("i32"), at = declare("i32"), end = declare("i32"), base = declare("i32");
    return [
      set(end, i32.add(steps, i32.mul(k, 4))),
      loopOver(row, 0, n, 1, [
        set(base, i32.add(from, i32.load(lanes))),
        loopOver(at, steps, end, 4, [
          f32.store(to, f32.load(i32.add(base, i32.load(at)))),
          move(to, 4),
        ]),
        move(lanes, 4),
      ]),
    ];
  });
}

/** Sets bytes, a multiple of four, to 0. The runtime's own way is quick only for many of them. */
function defineClear(module: Assembler): void {
  module.define("clear", wholes("to", "bytes"), ({ to, bytes }, declare) => {
    const end = declare("i32"), zero = declare("v128");
    return when(i32.gt(bytes, 2048), memory.fill(to, 0, bytes), [
      set(end, i32.add(to, i32.and(bytes, -16))),
      loopWhile(i32.lt(to, end), [v128.store(to, zero), move(to, 16)]),
      move(end, i32.and(bytes, 15)),
      loopWhile(i32.lt(to, end), [i32.store(to, 0), move(to, 4)]),
    ]);
  });
}

/** Writes numbers that grow by a fixed distance. */
function defineProgression(module: Assembler): Call {
  const signature = wholes("to", "n", "distance");
  return module.define("progression", signature, ({ to, n, distance }, declare) => {
    const end = declare("i32"), value = declare("i32");
    return [
      set(end, i32.add(to, i32.mul(n, 4))),
      loopWhile(i32.lt(to, end), [i32.store(to, value), move(value, distance), move(to, 4)]),
    ];
  });
}

/** out += a·b for matrices whose rows and columns lie any distances apart. */
function defineProduct(module: Assembler, products: Products): void {
  const sizes = ["out", "a", "b", "m", "n", "k"] as const;
  const distances = ["outRow", "aRow", "aStep", "bColumn", "bStep"] as const;
  module.define("product", wholes(...sizes, ...distances, "scratch"), (locals, declare) => {
    const { out, a, b, m, n, k, outRow, aRow, aStep, bColumn, bStep, scratch } = locals;
    const { packColumns, copyRows, multiply, progression } = products;
    const step = declare("i32"),
      row = declare("i32"),
      steps = declare("i32"),
      rows = declare("i32");
    const aSteps = declare("i32"), bSteps = declare("i32"), aRows = declare("i32");
    const bColumns = declare("i32"), packed = declare("i32"), top = declare("i32");
    const copied = declare("i32"), copiedRows = declare("i32"), left = declare("i32");
    const table = (local: Local, count: Operand, distance: Operand): Code => [
      reserve(local, count),
      progression(local, count, distance),
    ];
    const reserve = (local: Local, count: Operand): Code => [
      set(local, top),
      move(top, i32.mul(count, 4)),
    ];
    const target = i32.add(out, i32.mul(row, outRow));
    const run = (from: Operand, begin: Operand): Code =>
      multiply(from, begin, packed, target, rows, n, steps, 1, 0, outRow, scratch);
    return [
      set(top, i32.add(scratch, spareBytes)),
      set(steps, least(k, blockSteps)),
      set(rows, least(m, blockRows)),
      table(aSteps, steps, aStep),
      table(bSteps, steps, bStep),
      table(aRows, rows, aRow),
      table(bColumns, n, bColumn),
      reserve(copiedRows, rows),
      reserve(copied, i32.mul(rows, steps)),
      set(packed, top),
      loopOver(step, 0, k, blockSteps, [
        set(steps, least(i32.sub(k, step), blockSteps)),
        packColumns(packed, i32.add(b, i32.mul(step, bStep)), bColumns, n, bSteps, steps),
        loopOver(row, 0, m, blockRows, [
          set(rows, least(i32.sub(m, row), blockRows)),
          set(left, i32.add(a, i32.add(i32.mul(row, aRow), i32.mul(step, aStep)))),
          when(i32.eq(aStep, 4), run(left, aRows), [
            copyRows(copied, left, aRows, rows, aSteps, steps),
            progression(copiedRows, rows, i32.mul(steps, 4)),
            run(copied, copiedRows),
          ]),
        ]),
      ]),
    ];
  });
}

/**
 * Nothing but products in registers, for comparison: 12 numbers by 4, each 4·rounds times. Each comes
 * from the one before, so that no compiler can leave any out.
 */
function definePeak(module: Assembler, relaxed: boolean): void {
  module.define("peak", wholes("rounds", "out"), ({ rounds, out }, declare) => {
    const values = Array.from({ length: 12 }, () => declare("v128"));
    const half = declare("v128"), one = declare("v128"), round = declare("i32");
    const once = values.map((value) => set(value, multiplyAdd(relaxed, value, half, one)));
    return [
      set(half, f32x4.const(0.5)),
      set(one, f32x4.const(1)),
      loopOver(round, 0, rounds, 1, [once, once, once, once]),
      values.map((value, k) => v128.store(out, value, 16 * k)),
    ];
  });
}
