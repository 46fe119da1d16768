/**
 * # Fast kernels: the matrix product
 *
 * A processor can multiply and add eight times and more in a clock tick, but it can fetch only two
 * or three numbers. So everything in a fast product is about using each fetched number often.
 *
 * - The *tile*: 6 rows × 8 columns of the output are kept in twelve registers. Each step fetches 6
 *   numbers of a and 8 of b, and makes 48 products of them.
 * - *Packing*: b is first copied into panels of 8 columns, in just the order in which tiles read
 *   them, so that reading goes straight on. Rows of a lie straight already.
 * - *Blocks*: only so many steps are taken at a time that a panel of b stays in the first cache,
 *   and only so many rows that they stay in the second.
 *
 * Tables of offsets say where columns and rows begin: element (lane, step) of b is packed from
 * `lanes[lane] + steps[step]`. A transposed matrix differs from a plain one only in its tables. So
 * does a convolution's matrix of columns, which is never written out (see convolution.ts).
 *
 * Sums are float32, where the modules' loops keep them in float64: as long as the sum of all |a·b|
 * of a cell stays below float32's greatest number, both end in the same kind of number; beyond, one
 * may reach ∞, or NaN by ∞ − ∞, where the other does not.
 *
 * Goto & van de Geijn, Anatomy of High-Performance Matrix Multiplication, 2008.
 *
 * - **out** (m, n) += **a** (m, k) · **b** (k, n) · all addresses and distances in bytes
 *
 * @module
 */
import { type Assembler, type CallOf, callsOf, type CallWriter } from "../machine/assembler.ts";
import { type Code, f32, f32x4, i32, type Kernels, type Local } from "../machine/assembler.ts";
import { loopOver, loopWhile, memory, move, type Numbers } from "../machine/assembler.ts";
import { type Operand, type Parts, set, v128, when, wholes } from "../machine/assembler.ts";

/** Rows and columns of a tile: 12 sums, 2 of b and 1 of a fill 15 of 16 registers. */
export const tile = { rows: 6, columns: 8 } as const;

/** Bytes of one tile. */
export const spareBytes = 4 * tile.rows * tile.columns;

/** Most steps in a block: 8 columns of 256 numbers are 8 KiB. */
export const blockSteps = 256;

/** Most rows of a in a block: 96 rows of 256 numbers are 96 KiB, within the second cache. */
const blockRows = 96;

/** A matrix as a product reads it: its address, and the bytes between rows and between columns. */
export type Matrix = { readonly at: number; readonly row: number; readonly column: number };

// ── Parameters ──
// Each kernel's parameters in order, and what builds its calls from JavaScript.

/** Element (lane, step) is read at from + lanes[lane] + steps[step]; n lanes, k steps. */
const gathering = wholes("to", "from", "lanes", "n", "steps", "k");

/**
 * Row i of a begins at a + rows[i]; its steps come in `lines` of `length` neighbours, with `skip`
 * bytes between them. Rows of out lie `stride` bytes apart.
 */
const tiling = wholes("a", "rows", "b", "out", "length", "lines", "skip", "stride");

/** The same for all tiles of m rows and n columns; `spare` has room for one tile. */
const multiplying = {
  ...wholes("a", "rows", "b", "out", "m", "n"),
  ...wholes("length", "lines", "skip", "stride", "spare"),
};

/** A table of n distances. */
const counting = wholes("to", "n", "distance");

const sizes = wholes("out", "a", "b", "m", "n", "k");

/** Whole matrices, with the distances between their rows, columns and steps. */
const producing = { ...sizes, ...wholes("outRow", "aRow", "aStep", "bColumn", "bStep") };

/** out (m, n) += a (m, k) · b (k, n), whose rows and columns lie any distances apart, in bytes. */
export function productCall(
  { out, a, b, m, n, k, outRow, aRow, aStep, bColumn, bStep }: Numbers<typeof producing>,
): CallOf<"product"> {
  return ["product", out, a, b, m, n, k, outRow, aRow, aStep, bColumn, bStep];
}

/** Copies n lanes of k steps, which lie anywhere, into rows of neighbours. */
export const copyRowsCall = callsOf("copyRows", gathering);

/** The kernels that other kernels are made of. */
export type ProductParts =
  & Parts<"packColumns" | "copyRows", typeof gathering>
  & Parts<"multiply", typeof multiplying>
  & Parts<"progression", typeof counting>;

/** Bytes of scratch memory that a product needs. */
export function productScratch(m: number, n: number, k: number): number {
  const steps = Math.min(k, blockSteps), rows = Math.min(m, blockRows);
  const packed = (rows + n + tile.columns) * steps;
  return 4 * (packed + 2 * steps + 2 * rows + n) + spareBytes;
}

// ── The kernels ──
// From the inside out: a tile, a block of tiles, packing, and the product that is made of them.

/** sum + a·b for four numbers each, in one instruction where the machine has it. */
export function multiplyAdd(relaxed: boolean, a: Operand, b: Operand, sum: Operand): Code {
  return relaxed ? f32x4.relaxedMadd(a, b, sum) : f32x4.add(sum, f32x4.mul(a, b));
}

/** The lesser of two numbers that are cheap to compute. */
export function least(a: Operand, b: Operand): Code {
  return i32.select(a, b, i32.lt(a, b));
}

/** Defines the product of two matrices, and what it is made of. */
export function defineProducts(
  module: Assembler,
  relaxed: boolean,
): ProductParts & Kernels<"product" | "clear"> {
  const parts = {
    ...definePackColumns(module),
    ...defineCopyRows(module),
    ...defineMultiply(module, "multiply", { relaxed, isFresh: false }),
    ...defineProgression(module),
  };
  return { ...parts, ...defineProduct(module, parts), ...defineClear(module) };
}

/** How products are summed. */
interface Summing {
  readonly relaxed: boolean;
  /** Whether what stood in `out` is written over and not added to; n is a multiple of 8 then. */
  readonly isFresh: boolean;
}

/** One tile of up to 6 rows: out += some rows of a · a panel of b. */
function defineTile(
  module: Assembler,
  rows: number,
  { relaxed, isFresh }: Summing,
): CallWriter<typeof tiling> {
  const name = `${isFresh ? "freshTile" : "tile"}${rows}`, unrolled = rows === tile.rows ? 4 : 1;
  const kernels = module.define(name, tiling, (locals, declare) => {
    const { a, b, out, length, lines, skip, stride } = locals;
    const sums = Array.from({ length: rows }, () => [...declare("v128", 2)]);
    const cursors = [...declare("i32", rows)]; // where each row of a is read
    const [left, right, by] = declare("v128"), [at, end] = declare("i32");
    const step = (p: number): Code => [
      set(left, v128.load(b, 32 * p)),
      set(right, v128.load(b, 32 * p + 16)),
      sums.map(([s, t], r) => [
        set(by, v128.loadSplat(cursors[r], 4 * p)),
        set(s, multiplyAdd(relaxed, by, left, s)),
        set(t, multiplyAdd(relaxed, by, right, t)),
      ]),
    ];
    const steps = (count: number): Code => [
      Array.from({ length: count }, (_, p) => step(p)),
      cursors.map((cursor) => move(cursor, 4 * count)),
      move(b, 32 * count),
    ];
    return [
      cursors.map((cursor, r) => set(cursor, i32.add(a, i32.load(locals.rows, 4 * r)))),
      set(at, out),
      isFresh ? sums.flat().map((sum) => set(sum, f32x4.const(0))) : sums.map((
        [s, t],
      ) => [set(s, v128.load(at)), set(t, v128.load(at, 16)), move(at, stride)]),
      loopWhile(lines, [
        set(end, i32.add(b, i32.mul(i32.sub(length, unrolled - 1), 32))),
        loopWhile(i32.lt(b, end), steps(unrolled)),
        move(end, 32 * (unrolled - 1)),
        unrolled > 1 ? loopWhile(i32.lt(b, end), steps(1)) : [],
        cursors.map((cursor) => move(cursor, skip)),
        move(lines, -1),
      ]),
      set(at, out),
      sums.map(([s, t]) => [v128.store(at, s), v128.store(at, t, 16), move(at, stride)]),
    ];
  });
  return kernels[name];
}

/** All tiles of a block. Tiles that stick out on the right are summed apart, in `spare`. */
export function defineMultiply<Name extends string>(
  module: Assembler,
  name: Name,
  how: Summing,
): Parts<Name, typeof multiplying> {
  const tiles = Array.from({ length: tile.rows }, (_, r) => defineTile(module, r + 1, how));
  return module.define(name, multiplying, (locals, declare) => {
    const { a, rows, b, out, m, n, length, lines, skip, stride, spare } = locals;
    const [i, j, to, table, height, width, row, column, from, at] = declare("i32");
    const [zero] = declare("v128");
    const addTile = (out: Operand, stride: Operand): Code =>
      tiles.reduce<Code>((shorter, addRows, r) => {
        const call = addRows({ a, rows: table, b, out, length, lines, skip, stride });
        return when(i32.eq(height, r + 1), call, shorter);
      }, []);
    const source = i32.add(from, column), target = i32.add(at, column);
    const sum = f32.add(f32.load(target), f32.load(source));
    const addSpare = [
      set(from, spare),
      set(at, to),
      loopOver(row, 0, height, 1, [
        loopOver(column, 0, i32.mul(width, 4), 4, f32.store(target, sum)),
        move(from, 4 * tile.columns),
        move(at, stride),
      ]),
    ];
    return loopOver(j, 0, n, tile.columns, [
      set(table, rows),
      set(to, i32.add(out, i32.mul(j, 4))),
      set(width, i32.sub(n, j)),
      loopOver(i, 0, m, height, [
        set(height, least(i32.sub(m, i), tile.rows)),
        // 8 rows are 4 + 4, and 7 are 4 + 3: a tile of one or two waits for its own sums
        when(i32.eq(i32.div(i32.sub(i32.sub(m, i), 1), 2), 3), set(height, 4)),
        when(i32.ge(width, tile.columns), addTile(to, stride), [
          Array.from({ length: 2 * tile.rows }, (_, k) => v128.store(spare, zero, 16 * k)),
          addTile(spare, 4 * tile.columns),
          addSpare,
        ]),
        move(to, i32.mul(stride, height)),
        move(table, i32.mul(height, 4)),
      ]),
      move(b, i32.mul(i32.mul(length, lines), 4 * tile.columns)),
    ]);
  });
}

/**
 * Packs panels of 8 columns, the last one filled up with zeros. Where neighbours lie side by side
 * in memory, eight or four are copied as one.
 */
function definePackColumns(module: Assembler): Parts<"packColumns", typeof gathering> {
  return module.define("packColumns", gathering, (locals, declare) => {
    const { to, from, lanes, n, steps, k } = locals, pitch = 4 * tile.columns;
    const [first, width, lane, at, end, out, base] = declare("i32");
    const [four] = declare("v128"), offsets = [...declare("i32", tile.columns)];
    const forEachStep = (start: Operand, body: Code): Code => [
      set(out, i32.add(to, start)),
      loopOver(at, steps, end, 4, [set(base, i32.add(from, i32.load(at))), body, move(out, pitch)]),
    ];
    const areNeighbours = ([o, ...others]: readonly Local[]): Code =>
      others.reduce<Code>((all, offset, l) => {
        return i32.and(all, i32.eq(i32.sub(offset, o), 4 * (l + 1)));
      }, i32.eq(0, 0));
    const copyFour = (offset: Local, distance = 0): Code =>
      v128.store(out, v128.load(i32.add(base, offset)), distance);
    const collectFour = ([o, ...others]: readonly Local[]): Code => [
      set(four, v128.loadSplat(i32.add(base, o))),
      others.map((offset, l) => set(four, v128.loadLane(i32.add(base, offset), four, l + 1))),
      v128.store(out, four),
    ];
    const packHalf = (half: readonly Local[], start: number): Code => {
      const together = forEachStep(start, copyFour(half[0]));
      return when(areNeighbours(half), together, forEachStep(start, collectFour(half)));
    };
    const packEight = when(
      areNeighbours(offsets),
      forEachStep(0, [copyFour(offsets[0]), copyFour(offsets[4], 16)]),
      [packHalf(offsets.slice(0, 4), 0), packHalf(offsets.slice(4), 16)],
    );
    return [
      set(end, i32.add(steps, i32.mul(k, 4))),
      loopOver(first, 0, n, tile.columns, [
        set(width, i32.sub(n, first)),
        when(i32.ge(width, tile.columns), [
          offsets.map((offset, l) => set(offset, i32.load(lanes, 4 * l))),
          packEight,
        ], [
          memory.fill(to, 0, i32.mul(k, pitch)),
          loopOver(lane, 0, i32.mul(width, 4), 4, [
            set(offsets[0], i32.load(i32.add(lanes, lane))),
            forEachStep(lane, f32.store(out, f32.load(i32.add(base, offsets[0])))),
          ]),
        ]),
        move(to, i32.mul(k, pitch)),
        move(lanes, pitch),
      ]),
    ];
  });
}

/** Copies rows whose steps are not neighbours into rows whose steps are. */
function defineCopyRows(module: Assembler): Parts<"copyRows", typeof gathering> {
  return module.define("copyRows", gathering, ({ to, from, lanes, n, steps, k }, declare) => {
    const [row, at, end, base] = declare("i32");
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

/** Writes n numbers from 0 on that grow by a fixed distance. */
function defineProgression(module: Assembler): Parts<"progression", typeof counting> {
  return module.define("progression", counting, ({ to, n, distance }, declare) => {
    const [end, value] = declare("i32");
    return [
      set(end, i32.add(to, i32.mul(n, 4))),
      loopWhile(i32.lt(to, end), [i32.store(to, value), move(value, distance), move(to, 4)]),
    ];
  });
}

function defineProduct(module: Assembler, parts: ProductParts): Kernels<"product"> {
  const { packColumns, copyRows, multiply, progression } = parts;
  const signature = { ...producing, ...wholes("scratch") };
  return module.define("product", signature, (locals, declare) => {
    const { out, a, b, m, n, k, outRow, aRow, aStep, bColumn, bStep, scratch } = locals;
    const [step, row, steps, rows, aSteps, bSteps, aRows, bColumns] = declare("i32");
    const [packed, top, copied, copiedRows, left] = declare("i32");
    const reserve = (local: Local, count: Operand): Code => [
      set(local, top),
      move(top, i32.mul(count, 4)),
    ];
    const table = (to: Local, n: Operand, distance: Operand): Code => [
      reserve(to, n),
      progression({ to, n, distance }),
    ];
    const multiplyRows = (a: Local, offsets: Local): Code =>
      multiply({
        ...{ a, rows: offsets, b: packed, out: i32.add(out, i32.mul(row, outRow)), m: rows, n },
        ...{ length: steps, lines: 1, skip: 0, stride: outRow, spare: scratch },
      });
    const begin = i32.add(b, i32.mul(step, bStep));
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
        packColumns({ to: packed, from: begin, lanes: bColumns, n, steps: bSteps, k: steps }),
        loopOver(row, 0, m, blockRows, [
          set(rows, least(i32.sub(m, row), blockRows)),
          set(left, i32.add(a, i32.add(i32.mul(row, aRow), i32.mul(step, aStep)))),
          when(i32.eq(aStep, 4), multiplyRows(left, aRows), [
            copyRows({ to: copied, from: left, lanes: aRows, n: rows, steps: aSteps, k: steps }),
            progression({ to: copiedRows, n: rows, distance: i32.mul(steps, 4) }),
            multiplyRows(copied, copiedRows),
          ]),
        ]),
      ]),
    ];
  });
}

/** Sets bytes, a multiple of four, to 0. The runtime's own way is quick only for many of them. */
function defineClear(module: Assembler): Kernels<"clear"> {
  return module.define("clear", wholes("to", "bytes"), ({ to, bytes }, declare) => {
    const [end] = declare("i32"), [zero] = declare("v128");
    return when(i32.gt(bytes, 2048), memory.fill(to, 0, bytes), [
      set(end, i32.add(to, i32.and(bytes, -16))),
      loopWhile(i32.lt(to, end), [v128.store(to, zero), move(to, 16)]),
      move(end, i32.and(bytes, 15)),
      loopWhile(i32.lt(to, end), [i32.store(to, 0), move(to, 4)]),
    ]);
  });
}
