/**
 * # Fast kernels: Winograd's convolution
 *
 * Two outputs of a filter with three weights, side by side, take six multiplications:
 *
 *   y0 = d0·w0 + d1·w1 + d2·w2         y1 = d1·w0 + d2·w1 + d3·w2
 *
 * Four are enough, as Shmuel Winograd found:
 *
 *   m0 = (d0 − d2)·w0                  m1 = (d1 + d2)·(w0 + w1 + w2)/2
 *   m3 = (d1 − d3)·w2                  m2 = (d2 − d1)·(w0 − w1 + w2)/2
 *   y0 = m0 + m1 + m2                  y1 = m1 − m2 − m3
 *
 * With d = 1 2 3 4 and w = 1 1 1: m0 = −2, m1 = 5·3/2 = 7.5, m2 = 1·1/2 = 0.5, m3 = −2; so y0 = 6,
 * which is 1 + 2 + 3, and y1 = 9. What is done to w is done once for all pictures, and what is done
 * to d once for all filters. Behind it stand polynomials: a convolution multiplies two of them, and
 * a product of degree 3 is known by its values at four points, here 0, 1, −1 and ∞.
 *
 * Here it is four outputs by six pixels (points 0, ±1, ±2, ∞), in both directions: a tile of 6×6
 * pixels gives 4×4 outputs with 36 multiplications instead of 144. For each of the 36 places one
 * matrix product goes over all channels, filters and tiles:
 *
 *   forward           M[q] = U[q] · V[q]       U (36, F, C) from weights · V (36, C, T) from tiles
 *   input gradient    the same, with the filters turned round, and filters and channels exchanged
 *   weight gradient   U[q] += V[q] · G[q]ᵀ     G (36, F, T) from the gradient's tiles of 4×4
 *
 * It is paid for with digits: the factors up to 8 in the transforms make errors some ten times
 * those of a plain sum (a few 10⁻⁶ of the largest output), and sums of whole numbers are no longer
 * exact. That is why the kernels for plain SIMD, which promise the same bits everywhere, go without.
 * A number that is not finite would spoil its whole tile: the kernels note that one came out, and
 * the caller computes it again without tiles.
 *
 * Lavin et al., Fast Algorithms for Convolutional Neural Networks, 2016.
 *
 * - **T** tiles of a block of images · **C** channels · **F** filters · **q** 36 places in a tile
 *
 * @module
 */
import { type Assembler, callsOf, type CallWriter, type Code } from "../machine/assembler.ts";
import { type Declare, f32, f32x4, i32, type Kernels, type Local } from "../machine/assembler.ts";
import { loopOver, memory, move, type Operand, type Parts, set } from "../machine/assembler.ts";
import { v128, when, wholes } from "../machine/assembler.ts";
import { type copying, product } from "./convolution.ts";
import { defineMultiply, least, multiplyAdd, type ProductParts, tile } from "./products.ts";

/** Outputs, weights and pixels of a tile in one direction, and places in both. */
const outputSize = 4, weightSize = 3, pixelSize = 6, places = pixelSize * pixelSize;

/**
 * What the kernels must know, in the order in which it lies in memory, each a whole number of four
 * bytes. "In" and "out" are those of the kernel: for the input gradient, the filters come in.
 */
export const winogradFields = [
  "from", // addresses: (B, C, H, W)
  "weights", // U, transformed
  "bias", // (F,), or 0 for none
  "to", // (B, F, oH, oW), for the weight gradient what is read
  "flag", // becomes NaN if something that is not finite comes out
  ...["channels", "height", "width", "filters", "outHeight", "outWidth"],
  ...["before", "tilesDown", "tilesAcross"],
  "images", // in a block
  "tileAt", // tables of offsets: of the tiles of a block in its images
  "outAt", // in its outputs
  "channelAt", // of the channels in an image
  "filterAt", // of the filters in an output
] as const;

/** The numbers by name. */
export type WinogradDescription = Readonly<Record<typeof winogradFields[number], number>>;

/** How large a block's arrays are. */
export interface WinogradBlock {
  /** Tiles of the block, and rounded up to whole vectors or panels. */
  readonly tiles: number;
  /** Images that these lie in: more than the block has, as far as they were rounded up. */
  readonly images: number;
  /** Numbers in an image with its frame, and in its outputs. */
  readonly image: number;
  readonly output: number;
}

/** The arrays of a block, for tables and scratch memory. */
export function winogradBlock(
  about: Pick<
    WinogradDescription,
    "channels" | "filters" | "tilesDown" | "tilesAcross" | "images"
  >,
): WinogradBlock {
  const { channels, filters, tilesDown, tilesAcross, images } = about;
  const each = tilesDown * tilesAcross, tiles = Math.ceil(each * images / 8) * 8;
  return {
    tiles,
    images: Math.ceil(tiles / each),
    image: channels * (outputSize * tilesDown + 2) * (outputSize * tilesAcross + 2),
    output: filters * outputSize * tilesDown * outputSize * tilesAcross,
  };
}

/** Bytes beyond an array that may be read as part of a vector. */
const overhang = 16;

/** Bytes of the numbers between a transform's two directions. */
const cellBytes = 4 * 2 * pixelSize * 16;

/** Bytes that the kernels need to work with. */
export function winogradScratch(about: WinogradDescription): number {
  const { tiles, images, image, output } = winogradBlock(about), { channels, filters } = about;
  const transformed = places * tiles * (channels + filters), rows = Math.max(channels, filters);
  return 4 * (images * (image + output) + transformed + rows) + cellBytes + overhang;
}

// ── Transforms of one line ──
// Values at the points 0, 1, −1, 2, −2 and ∞. `free` are vectors to work with.

/** What is computed first, and the numbers of a line. */
type Made = readonly [Code, readonly Code[]];

/** Makes the numbers of a line from others. */
type Line = (line: readonly Code[], free: readonly Local[]) => Made;

const { add, sub, mul, const: constant } = f32x4;

/** a·factor + b. */
function scaled(a: Operand, factor: number, b: Operand): Code {
  return multiplyAdd(true, a, constant(factor), b);
}

/** Two sums and their differences: what points ±1 and ±2 have in common. */
function pairs([even1, odd1, even2, odd2]: readonly Local[]): Code[] {
  return [add(even1, odd1), sub(even1, odd1), add(even2, odd2), sub(even2, odd2)];
}

/** Six pixels. */
function pixelLine([d0, d1, d2, d3, d4, d5]: readonly Code[], free: readonly Local[]): Made {
  const [even1, odd1, even2, odd2] = free;
  return [[
    set(even1, scaled(d2, -4, d4)),
    set(odd1, scaled(d1, -4, d3)),
    set(even2, sub(d4, d2)),
    set(odd2, mul(sub(d3, d1), constant(2))),
  ], [
    scaled(d0, 4, scaled(d2, -5, d4)),
    ...pairs(free),
    scaled(d1, 4, scaled(d3, -5, d5)),
  ]];
}

/** Three weights. */
function weightLine([w0, w1, w2]: readonly Code[], free: readonly Local[]): Made {
  const [even1, odd1, even2, odd2] = free;
  return [[
    set(even1, mul(add(w0, w2), constant(-1 / 6))),
    set(odd1, mul(w1, constant(-1 / 6))),
    set(even2, scaled(w0, 1 / 24, mul(w2, constant(1 / 6)))),
    set(odd2, mul(w1, constant(1 / 12))),
  ], [mul(w0, constant(1 / 4)), ...pairs(free), w2]];
}

/** The same three, turned round. */
function turnedLine([w0, w1, w2]: readonly Code[], free: readonly Local[]): Made {
  return weightLine([w2, w1, w0], free);
}

/** Four gradients of outputs. */
function gradientLine([g0, g1, g2, g3]: readonly Code[], free: readonly Local[]): Made {
  const [even1, odd1, even2, odd2] = free;
  return [[
    set(even1, add(g0, g2)),
    set(odd1, add(g1, g3)),
    set(even2, scaled(g2, 4, g0)),
    set(odd2, mul(scaled(g3, 4, g1), constant(2))),
  ], [g0, ...pairs(free), g3]];
}

/** Four outputs, from six products. */
function outputLine([m0, m1, m2, m3, m4, m5]: readonly Code[], free: readonly Local[]): Made {
  const [sum1, difference1, sum2, difference2] = free;
  return [[
    set(sum1, add(m1, m2)),
    set(difference1, sub(m1, m2)),
    set(sum2, add(m3, m4)),
    set(difference2, sub(m3, m4)),
  ], [
    add(add(m0, sum1), sum2),
    scaled(difference2, 2, difference1),
    scaled(sum2, 4, sum1),
    add(scaled(difference2, 8, difference1), m5),
  ]];
}

/** Three gradients of weights, from six products. */
function weightGradientLine(
  [m0, m1, m2, m3, m4, m5]: readonly Code[],
  free: readonly Local[],
): Made {
  const [sum1, difference1, sum2, difference2] = free;
  return [[
    set(sum1, mul(add(m1, m2), constant(-1 / 6))),
    set(difference1, mul(sub(m2, m1), constant(1 / 6))),
    set(sum2, add(m3, m4)),
    set(difference2, mul(sub(m3, m4), constant(1 / 12))),
  ], [
    add(scaled(m0, 1 / 4, sum1), mul(sum2, constant(1 / 24))),
    add(difference1, difference2),
    add(scaled(sum2, 1 / 6, sum1), m5),
  ]];
}

// ── Transforms of many tiles ──
// Four tiles lie side by side in a vector. Their lines of pixels do not, so that the first direction
// is done tile by tile, on four neighbours in a line, and the second after four tiles were turned.

const spreading = {
  ...wholes("to", "place", "panel", "step"), // distances between places, panels and steps
  ...wholes("from", "row", "lanes", "n", "steps", "k", "scratch"),
};

/**
 * Transforms the tiles that begin at from + lanes[lane] + steps[step], and writes the numbers of a
 * place in panels of eight lanes.
 */
function defineSpread(
  module: Assembler,
  name: string,
  { size, line }: { readonly size: number; readonly line: Line },
): CallWriter<typeof spreading> {
  const kernels = module.define(name, spreading, (locals, declare) => {
    const { to, place, panel, step, from, row, lanes, n, steps, k, scratch } = locals;
    const [lane, at, end, out, target, base, pixel] = declare("i32");
    const offsets = [...declare("i32", 4)], free = [...declare("v128", 4)];
    const rows = [...declare("v128", size)], turned = [...declare("v128", 4)];
    const pairsOf = [...declare("v128", 2)];
    // six neighbours are two vectors that overlap: the second begins at the third
    const halves = size === pixelSize ? [0, 8] : [0];
    const cell = (l: number, half: number, i: number): number =>
      16 * ((l * halves.length + half) * pixelSize + i);
    const down = offsets.map((offset, l) =>
      halves.map((shift, half) => {
        const [before, values] = line(rows.map(({ read }) => read), free);
        return [
          set(pixel, i32.add(base, i32.add(offset, shift))),
          rows.map((
            local,
            y,
          ) => [set(local, v128.load(pixel)), y + 1 < size ? move(pixel, row) : []]),
          before,
          values.map((value, i) => v128.store(scratch, value, cell(l, half, i))),
        ];
      })
    );
    const across = Array.from({ length: pixelSize }, (_, i) => {
      const loads = (half: number): Code =>
        turned.map((local, l) => set(local, v128.load(scratch, cell(l, half, i))));
      const [before, values] = line(rows.map(({ read }) => read), free);
      return [
        loads(0),
        turn(turned, pairsOf, rows.slice(0, 4)),
        size === pixelSize ? [loads(1), turn(turned, pairsOf, [none, none, ...rows.slice(4)])] : [],
        before,
        values.map((value) => [v128.store(target, value), move(target, place)]),
      ];
    });
    return loopOver(lane, 0, n, 4, [
      offsets.map((offset, l) => set(offset, i32.load(lanes, 4 * l))),
      set(end, i32.add(steps, i32.mul(k, 4))),
      set(out, i32.add(to, i32.mul(i32.div(lane, tile.columns), panel))),
      move(out, i32.mul(i32.and(lane, 4), 4)),
      loopOver(at, steps, end, 4, [
        set(base, i32.add(from, i32.load(at))),
        down,
        set(target, out),
        across,
        move(out, step),
      ]),
      move(lanes, 16),
    ]);
  });
  return kernels[name];
}

/** In the place of a column that nobody needs. */
const none = undefined;

/** Turns four vectors that are rows into columns. `free` are two vectors to work with. */
function turn(
  [a, b, c, d]: readonly Local[],
  [ab, cd]: readonly Local[],
  [first, second, third, fourth]: readonly (Local | undefined)[],
): Code {
  const half = (lanes: readonly number[], left?: Local, right?: Local): Code => [
    set(ab, f32x4.shuffle(a, b, lanes)),
    set(cd, f32x4.shuffle(c, d, lanes)),
    left ? set(left, f32x4.shuffle(ab, cd, [0, 1, 4, 5])) : [],
    right ? set(right, f32x4.shuffle(ab, cd, [2, 3, 6, 7])) : [],
  ];
  return [
    first || second ? half([0, 4, 1, 5], first, second) : [],
    third || fourth ? half([2, 6, 3, 7], third, fourth) : [],
  ];
}

const gathering = {
  ...wholes("to", "row", "lanes", "n", "steps", "k"),
  ...wholes("from", "place", "step", "bias", "flag", "scratch"), // distances as above
};

/** The way back: from vectors [place][step][lane] to tiles that begin at to + lanes + steps. */
function defineGather(
  module: Assembler,
  name: string,
  { size, line }: { readonly size: number; readonly line: Line },
): CallWriter<typeof gathering> {
  const kernels = module.define(name, gathering, (locals, declare) => {
    const { to, row, lanes, n, steps, k, from, place, step, bias, flag, scratch } = locals;
    const [s, lane, at, base, source, column, table, placeRow] = declare("i32");
    const targets = [...declare("i32", 4)], free = [...declare("v128", 4)];
    const given = [...declare("v128", pixelSize)], made = [...declare("v128", 4)];
    const tiles = [...declare("v128", 4)], pairsOf = [...declare("v128", 2)];
    const [shift, odd] = declare("v128"), [sum] = declare("f32");
    const cell = (i: number, j: number): number => 16 * (i * pixelSize + j);
    const [before, values] = line(given.map(({ read }) => read), free);
    const down = Array.from({ length: pixelSize }, (_, j) => [
      set(source, column),
      given.map((local, i) => [set(local, v128.load(source)), i < 5 ? move(source, placeRow) : []]),
      before,
      values.map((value, i) => v128.store(scratch, value, cell(i, j))),
      move(column, place),
    ]);
    const across = Array.from({ length: size }, (_, i) => [
      given.map((local, j) => set(local, v128.load(scratch, cell(i, j)))),
      before,
      values.map((value, j) => set(made[j], add(value, shift))),
      // 0, or NaN from then on
      made.slice(0, size).map((local) => set(odd, add(odd, mul(local, constant(0))))),
      turn(made, pairsOf, tiles),
      targets.map((target, l) => [
        size === 4 ? v128.store(target, tiles[l]) : storeThree(target, tiles[l]),
        i + 1 < size ? move(target, row) : [],
      ]),
    ]);
    return [
      set(placeRow, i32.mul(place, pixelSize)),
      loopOver(s, 0, k, 1, [
        set(base, i32.add(to, i32.load(steps))),
        when(bias, [set(shift, v128.loadSplat(bias)), move(bias, 4)]),
        set(table, lanes),
        set(at, from),
        loopOver(lane, 0, n, 4, [
          targets.map((target, l) => set(target, i32.add(base, i32.load(table, 4 * l)))),
          set(column, at),
          down,
          across,
          move(at, 16),
          move(table, 16),
        ]),
        move(steps, 4),
        move(from, step),
      ]),
      set(sum, f32.add(f32x4.extract(odd, 0), f32x4.extract(odd, 1))),
      set(sum, f32.add(sum, f32.add(f32x4.extract(odd, 2), f32x4.extract(odd, 3)))),
      when(f32.ne(sum, sum), f32.store(flag, sum)), // threads share the flag: it is only ever raised
    ];
  });
  return kernels[name];
}

/** Writes the first three numbers of a vector. */
function storeThree(target: Local, value: Local): Code {
  const third = f32.store(target, f32x4.extract(value, 2), 8);
  return [v128.storeTwo(target, value), third];
}

// ── The kernels ──

/** Transforms filters: they stand (F, C, 3, 3), and are spread as U (36, F, C). */
export const winogradWeightsCall = callsOf("winogradWeights", spreading);

/** The same, turned round. */
export const winogradTurnedCall = callsOf("winogradTurned", spreading);

/** Writes the gradient of filters from sums (36, C, F). */
export const winogradGatherCall = callsOf("winogradGather", gathering);

/** What the kernels are made of. */
type WinogradParts =
  & Pick<ProductParts, "multiply" | "progression">
  & Parts<"copyPlanes", typeof copying>;

/**
 * Defines Winograd's convolution.
 *
 * @example Two outputs of three weights with four multiplications
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const [d0, d1, d2, d3] = [1, 2, 3, 4], [w0, w1, w2] = [1, 1, 1];
 * const m0 = (d0 - d2) * w0, m1 = (d1 + d2) * (w0 + w1 + w2) / 2;
 * const m3 = (d1 - d3) * w2, m2 = (d2 - d1) * (w0 - w1 + w2) / 2;
 * assertEquals([m0 + m1 + m2, m1 - m2 - m3], [1 + 2 + 3, 2 + 3 + 4]);
 * ```
 */
export function defineWinograd(
  module: Assembler,
  { multiply, progression, copyPlanes }: WinogradParts,
): Kernels<
  "winogradWeights" | "winogradTurned" | "winogradGather" | "winograd" | "winogradWeightGradient"
> {
  const freshly = { relaxed: true, isFresh: true };
  const { multiplyFresh } = defineMultiply(module, "multiplyFresh", freshly);
  const spreadWeights = defineSpread(module, "winogradWeights", {
    size: weightSize,
    line: weightLine,
  });
  const spreadTurned = defineSpread(module, "winogradTurned", {
    size: weightSize,
    line: turnedLine,
  });
  const spreadPixels = defineSpread(module, "winogradPixels", { size: pixelSize, line: pixelLine });
  const spreadGradient = defineSpread(module, "winogradSpread", {
    size: outputSize,
    line: gradientLine,
  });
  const gather = defineGather(module, "winogradOutputs", { size: outputSize, line: outputLine });
  const gatherWeights = defineGather(module, "winogradGather", {
    size: weightSize,
    line: weightGradientLine,
  });

  const signature = wholes("about", "from", "to", "scratch");
  const winograd = module.define("winograd", signature, (locals, declare) => {
    const { known, begin, inputs, products, area, rows, block, cells } = describe(
      locals,
      declare,
    );
    const { channels, filters, weights, bias, flag, tileAt, outAt, channelAt, filterAt } = known;
    const [q, first] = declare("i32"), b = locals.from;
    const oneProduct = multiplyFresh({
      a: i32.add(weights, i32.mul(q, product(filters, channels, 4))),
      rows,
      b: i32.add(inputs, i32.mul(q, product(block.tiles, channels, 4))),
      out: i32.add(products, i32.mul(q, product(block.tiles, filters, 4))),
      ...{ m: filters, n: block.tiles, length: channels, lines: 1, skip: 0 },
      ...{ stride: i32.mul(block.tiles, 4), spare: 0 },
    });
    return [
      begin,
      progression({ to: rows, n: filters, distance: i32.mul(channels, 4) }),
      loopOver(first, b, locals.to, known.images, [
        block.begin(first),
        copyPlanes(area.framed(known.from, first)),
        spreadPixels({
          ...{ to: inputs, place: product(block.tiles, channels, 4), panel: i32.mul(channels, 32) },
          ...{ step: 32, from: area.start, row: area.row, lanes: tileAt, n: block.tiles },
          ...{ steps: channelAt, k: channels, scratch: cells },
        }),
        loopOver(q, 0, places, 1, oneProduct),
        gather({
          ...{ to: area.outputs, row: area.outRow, lanes: outAt, n: block.tiles, steps: filterAt },
          ...{ k: filters, from: products, place: product(block.tiles, filters, 4) },
          ...{ step: i32.mul(block.tiles, 4), bias, flag, scratch: cells },
        }),
        copyPlanes(area.cropped(known.to, first)),
      ]),
    ];
  });

  const summing = wholes("about", "from", "to", "sum", "scratch");
  const weightGradient = module.define("winogradWeightGradient", summing, (locals, declare) => {
    const { known, begin, inputs, products, area, rows, block, cells } = describe(
      locals,
      declare,
    );
    const { channels, filters, tileAt, outAt, channelAt, filterAt } = known;
    const [q, first] = declare("i32"), b = locals.from, line = i32.mul(block.whole, 4);
    const oneProduct = multiply({
      a: i32.add(inputs, i32.mul(q, product(block.whole, channels, 4))),
      rows,
      b: i32.add(products, i32.mul(q, product(block.exact, filters, 4))),
      out: i32.add(locals.sum, i32.mul(q, product(channels, filters, 4))),
      ...{ m: channels, n: filters, length: block.exact, lines: 1, skip: 0 },
      ...{ stride: i32.mul(filters, 4), spare: 0 },
    });
    return [
      begin,
      loopOver(first, b, locals.to, known.images, [
        block.begin(first),
        progression({ to: rows, n: channels, distance: line }),
        copyPlanes(area.framed(known.from, first)),
        copyPlanes(area.uncropped(known.to, first)),
        spreadPixels({
          ...{ to: inputs, place: product(block.whole, channels, 4), panel: 32, step: line },
          ...{ from: area.start, row: area.row, lanes: tileAt, n: block.whole },
          ...{ steps: channelAt, k: channels, scratch: cells },
        }),
        spreadGradient({
          ...{ to: products, place: product(block.exact, filters, 4) },
          ...{ panel: i32.mul(block.exact, 32), step: 32, from: area.outputs, row: area.outRow },
          ...{ lanes: filterAt, n: filters, steps: outAt, k: block.exact, scratch: cells },
        }),
        loopOver(q, 0, places, 1, oneProduct),
      ]),
    ];
  });
  return {
    winogradWeights: spreadWeights,
    winogradTurned: spreadTurned,
    winogradGather: gatherWeights,
    ...winograd,
    ...weightGradient,
  };
}

/** What both kernels have in common. */
interface Described {
  readonly known: Record<typeof winogradFields[number], Local>;
  /** Reads the description and divides the scratch memory; what lies around images becomes 0. */
  readonly begin: Code;
  /** Addresses of transformed tiles, of products, of a table of rows, of a transform's cells. */
  readonly inputs: Local;
  readonly products: Local;
  readonly rows: Local;
  readonly cells: Local;
  readonly block: {
    /** Counts the images and tiles from an image on. */
    readonly begin: (first: Local) => Code;
    /** Tiles: as many as there are, rounded up to whole vectors, and to whole panels. */
    readonly exact: Local;
    readonly whole: Local;
    readonly tiles: Local;
  };
  /** Images with zeros around them, and outputs of whole tiles. */
  readonly area: {
    readonly start: Local;
    readonly row: Local;
    readonly outputs: Local;
    readonly outRow: Local;
    readonly framed: (images: Operand, first: Local) => Copy;
    readonly cropped: (outputs: Operand, first: Local) => Copy;
    readonly uncropped: (outputs: Operand, first: Local) => Copy;
  };
}

/** What copies planes. */
type Copy = Readonly<Record<keyof typeof copying, Operand>>;

function describe(
  { about, to, scratch }: Readonly<Record<"about" | "to" | "scratch", Local>>,
  declare: Declare,
): Described {
  const locals = [...declare("i32", winogradFields.length)];
  const entries = winogradFields.map((field, k) => [field, locals[k]]);
  const known: Described["known"] = Object.fromEntries(entries);
  const [row, plane, outRow, outPlane, framedBytes, outBytes] = declare("i32");
  const [start, outputs, inputs, products, rows, count, exact, whole, tiles] = declare("i32");
  const { channels, height, width, filters, outHeight, outWidth, before } = known;
  const { tilesDown, tilesAcross, images } = known;
  const most = i32.and(i32.add(product(images, tilesDown, tilesAcross), 7), -8);
  const each = i32.mul(tilesDown, tilesAcross);
  const room = i32.div(i32.add(most, i32.sub(each, 1)), each); // images that all tiles lie in
  const inner = i32.add(start, i32.add(i32.mul(before, row), i32.mul(before, 4)));
  const innerRow = i32.mul(width, 4), innerPlane = product(height, width, 4);
  const cropRow = i32.mul(outWidth, 4), cropPlane = product(outHeight, outWidth, 4);
  const wholeOutputs = { planes: i32.mul(count, filters), height: outHeight, width: outWidth };
  return {
    known,
    inputs,
    products,
    rows,
    cells: scratch,
    begin: [
      winogradFields.map((field, k) => set(known[field], i32.load(about, 4 * k))),
      set(row, i32.add(i32.mul(tilesAcross, 4 * outputSize), 8)),
      set(plane, i32.mul(row, i32.add(i32.mul(tilesDown, outputSize), 2))),
      set(outRow, i32.mul(tilesAcross, 4 * outputSize)),
      set(outPlane, product(outRow, tilesDown, outputSize)),
      set(start, i32.add(scratch, cellBytes)),
      set(framedBytes, product(room, channels, plane)),
      set(outputs, i32.add(start, framedBytes)),
      set(outBytes, product(room, filters, outPlane)),
      set(inputs, i32.add(outputs, i32.add(outBytes, overhang))),
      set(products, i32.add(inputs, product(most, channels, 4 * places))),
      set(rows, i32.add(products, product(most, filters, 4 * places))),
      memory.fill(start, 0, i32.add(framedBytes, outBytes)),
    ],
    block: {
      exact,
      whole,
      tiles,
      begin: (first) => [
        set(count, least(i32.sub(to, first), images)),
        set(exact, i32.mul(count, each)),
        set(whole, i32.and(i32.add(exact, 3), -4)),
        set(tiles, i32.and(i32.add(exact, 7), -8)),
      ],
    },
    area: {
      ...{ start, row, outputs, outRow },
      framed: (from, first) => ({
        ...{ to: inner, toRow: row, toPlane: plane },
        from: i32.add(from, i32.mul(first, product(channels, height, width, 4))),
        ...{ fromRow: innerRow, fromPlane: innerPlane },
        ...{ planes: i32.mul(count, channels), height, width },
      }),
      cropped: (to, first) => ({
        to: i32.add(to, i32.mul(first, product(filters, outHeight, outWidth, 4))),
        ...{ toRow: cropRow, toPlane: cropPlane, from: outputs, fromRow: outRow },
        ...{ fromPlane: outPlane, ...wholeOutputs },
      }),
      uncropped: (from, first) => ({
        ...{ to: outputs, toRow: outRow, toPlane: outPlane },
        from: i32.add(from, i32.mul(first, product(filters, outHeight, outWidth, 4))),
        ...{ fromRow: cropRow, fromPlane: cropPlane, ...wholeOutputs },
      }),
    },
  };
}
