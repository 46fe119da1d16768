/**
 * # Fast kernels: convolution
 *
 * A convolution is a matrix product of the filters with the columns of module 09, and both of its
 * gradients are products too. The columns are nine times the images for a 3×3 window. They are never
 * written out: packing (see products.ts) reads each panel straight from the image, through one table
 * that says where a window stands, and one that says where a pixel lies within the window.
 *
 *   forward           out[b]  = W · columns[b]          W (F, Q) · columns (Q, P)
 *   weight gradient   gWᵀ    += columns[b] · g[b]ᵀ      a row of columns is a walk over the image
 *   input gradient    columns = Wᵀ · g[b], and each is added to the pixel that it came from
 *
 * Each works on the images from…to of a batch, so that threads can share them out.
 *
 * Throughout: B images · C channels · F filters · P positions of the window, oH·oW · Q pixels in a
 * window, C·K·K
 *
 * @module
 */
import {
  type Assembler,
  type Code,
  f32,
  f32x4,
  i32,
  type Local,
  loopOver,
} from "../machine/assembler.ts";
import { type Declare, loopWhile, memory, move, type Operand, set } from "../machine/assembler.ts";
import { v128, when, wholes } from "../machine/assembler.ts";
import { blockSteps, least, type Products, spareBytes, tile } from "./products.ts";

/**
 * What the kernels must know of a convolution, in the order in which it lies in memory, each a whole
 * number of four bytes. They get the address of the first.
 */
export const fields = [
  "images", // addresses: (B, C, H, W)
  "weight", // (F, Q) forward, and (Q, F) for the input gradient
  "bias", // (F,), or 0 for none
  "out", // what is computed
  "gradient", // (B, F, oH, oW)
  "pixels", // tables of offsets: of the Q pixels of a window in an image
  "positions", // of the P positions of the window in an image
  "planes", // of the F planes of a gradient
  "weightRows", // of the rows of `weight`
  "ramp", // of neighbours: 0, 4, 8, …
  ...["channels", "height", "width", "paddedHeight", "paddedWidth", "top", "left"],
  ...["filters", "Q", "P", "outHeight", "outWidth"],
  "strideX", // in numbers
  "line", // from one line of positions to the next, in bytes
] as const;

/** The numbers by name. */
export type Description = Readonly<Record<typeof fields[number], number>>;

/** Most positions that are packed together: with 256 steps, half a MiB. */
export const blockPositions = 512;

/** Bytes that the kernels need to work with, for any number of images. */
export function convolutionScratch(about: Description): number {
  const { filters, Q, P, channels, paddedHeight, paddedWidth, outWidth } = about;
  const padded = channels * paddedHeight * paddedWidth;
  const lanes = Math.max(Math.min(P, blockPositions), filters) + tile.columns;
  const columns = Q * Math.max(Math.min(P, blockPositions), outWidth);
  const steps = Math.max(blockSteps, outWidth);
  return 4 * (padded + lanes * steps + columns + Q) + spareBytes;
}

/** Defines the three products of a convolution. */
export function defineConvolution(module: Assembler, products: Products): void {
  const copyPlanes = defineCopyPlanes(module);
  const fold = defineFold(module);
  defineGrid(module);
  const fillRows = defineFillRows(module);
  const { packColumns, copyRows, multiply, progression } = products;

  module.define("convolve", wholes("about", "from", "to", "scratch"), (locals, declare) => {
    const { known, code, image, packed, padding } = describe(locals, declare);
    const { out, weight, weightRows, bias, filters, Q, P, positions, pixels } = known;
    const b = locals.from, first = declare("i32"), step = declare("i32"), n = declare("i32");
    const k = declare("i32"), to = declare("i32");
    return [
      code,
      loopOver(b, b, locals.to, 1, [
        padding(b),
        set(to, i32.add(out, product(b, filters, P, 4))),
        fillRows(to, bias, filters, P),
        loopOver(first, 0, P, blockPositions, [
          set(n, least(i32.sub(P, first), blockPositions)),
          loopOver(step, 0, Q, blockSteps, [
            set(k, least(i32.sub(Q, step), blockSteps)),
            packColumns(packed, image, at(positions, first), n, at(pixels, step), k),
            multiply(
              ...[at(weight, step), weightRows, packed, at(to, first), filters, n, k, 1, 0],
              ...[i32.mul(P, 4), locals.scratch],
            ),
          ]),
        ]),
      ]),
    ];
  });
  module.define(
    "convolveWeight",
    wholes("about", "from", "to", "sum", "scratch"),
    (locals, declare) => {
      const { known, code, image, packed, padding } = describe(locals, declare);
      const { gradient, filters, Q, P, positions, pixels, planes, ramp } = known;
      const { outHeight, outWidth, strideX, line } = known;
      const b = locals.from, first = declare("i32"), lines = declare("i32"), k = declare("i32");
      const g = declare("i32"),
        columns = declare("i32"),
        rows = declare("i32"),
        most = declare("i32");
      const begin = declare("i32");
      const run = (
        a: Operand,
        table: Operand,
        length: Operand,
        count: Operand,
        skip: Operand,
      ): Code =>
        multiply(
          ...[a, table, packed, locals.sum, Q, filters, length, count, skip],
          ...[i32.mul(filters, 4), locals.scratch],
        );
      return [
        code,
        set(rows, packed),
        set(columns, at(packed, Q)),
        set(most, atLeastOne(i32.div(blockSteps, outWidth))), // lines of positions in a block
        set(packed, at(columns, i32.mul(Q, i32.mul(most, outWidth)))),
        loopOver(b, b, locals.to, 1, [
          padding(b),
          set(g, i32.add(gradient, product(b, filters, P, 4))),
          set(first, 0),
          loopWhile(i32.lt(first, outHeight), [
            set(lines, least(i32.sub(outHeight, first), most)),
            set(k, i32.mul(lines, outWidth)),
            set(begin, i32.mul(first, outWidth)),
            packColumns(packed, at(g, begin), planes, filters, ramp, k),
            when(
              i32.eq(strideX, 1),
              run(
                ...[i32.add(image, i32.mul(first, line)), pixels, outWidth, lines] as const,
                i32.sub(line, i32.mul(outWidth, 4)),
              ),
              [
                copyRows(columns, image, pixels, Q, at(positions, begin), k),
                progression(rows, Q, i32.mul(k, 4)),
                run(columns, rows, k, 1, 0),
              ],
            ),
            move(first, lines),
          ]),
        ]),
      ];
    },
  );
  module.define("convolveInput", wholes("about", "from", "to", "scratch"), (locals, declare) => {
    const { known, code, image, frame, packed, crop } = describe(locals, declare);
    const { gradient, weight, weightRows, filters, Q, P, positions, pixels, planes, ramp } = known;
    const b = locals.from, first = declare("i32"), step = declare("i32"), n = declare("i32");
    const k = declare("i32"), g = declare("i32"), columns = declare("i32");
    return [
      code,
      set(columns, packed),
      move(packed, i32.mul(i32.mul(Q, least(P, blockPositions)), 4)),
      loopOver(b, b, locals.to, 1, [
        set(g, i32.add(gradient, product(b, filters, P, 4))),
        frame(b),
        loopOver(first, 0, P, blockPositions, [
          set(n, least(i32.sub(P, first), blockPositions)),
          memory.fill(columns, 0, product(Q, n, 4)),
          loopOver(step, 0, filters, blockSteps, [
            set(k, least(i32.sub(filters, step), blockSteps)),
            packColumns(packed, at(g, first), ramp, n, at(planes, step), k),
            multiply(
              ...[at(weight, step), weightRows, packed, columns, Q, n, k, 1, 0],
              ...[i32.mul(n, 4), locals.scratch],
            ),
          ]),
          fold(image, columns, pixels, Q, at(positions, first), n),
        ]),
        crop(b),
      ]),
    ];
  });

  /** What the three have in common: the description in variables, and images with zeros around. */
  function describe(
    locals: Readonly<Record<"about" | "scratch" | "from", Local>>,
    declare: Declare,
  ): {
    readonly known: Record<typeof fields[number], Local>;
    readonly code: Code;
    readonly image: Local;
    readonly packed: Local;
    readonly padding: (b: Operand) => Code;
    readonly frame: (b: Operand) => Code;
    readonly crop: (b: Operand) => Code;
  } {
    const entries = fields.map((field) => [field, declare("i32")]);
    const known = Object.fromEntries(entries) as Record<typeof fields[number], Local>;
    const image = declare("i32"),
      packed = declare("i32"),
      padded = declare("i32"),
      size = declare("i32");
    const isPadded = declare("i32");
    const { channels, height, width, paddedHeight, paddedWidth, top, left, images, out } = known;
    const inner = i32.add(padded, i32.mul(i32.add(i32.mul(top, paddedWidth), left), 4));
    const whole = [channels, height, width];
    const inPadded = [i32.mul(paddedWidth, 4), product(paddedHeight, paddedWidth, 4)];
    const inImage = [i32.mul(width, 4), product(height, width, 4)];
    const numberOf = (base: Operand, b: Operand): Code =>
      i32.add(base, i32.mul(b, product(channels, height, width, 4)));
    return {
      known,
      image,
      packed,
      code: [
        fields.map((field, k) => set(known[field], i32.load(locals.about, 4 * k))),
        set(padded, i32.add(locals.scratch, spareBytes)),
        set(size, product(channels, paddedHeight, paddedWidth, 4)),
        set(packed, i32.add(padded, size)),
        set(isPadded, i32.add(i32.ne(height, paddedHeight), i32.ne(width, paddedWidth))),
        memory.fill(padded, 0, size),
      ],
      padding: (b) => [
        set(image, numberOf(images, b)),
        when(isPadded, [
          copyPlanes(inner, ...inPadded, image, ...inImage, ...whole),
          set(image, padded),
        ]),
      ],
      frame: (b) => [
        set(image, numberOf(out, b)),
        when(isPadded, set(image, padded)),
        memory.fill(image, 0, size),
      ],
      crop: (b) =>
        when(isPadded, copyPlanes(numberOf(out, b), ...inImage, inner, ...inPadded, ...whole)),
    };
  }
}

/** A number, or 1 if it is less. */
function atLeastOne(value: Code): Code {
  return i32.add(value, i32.lt(value, 1));
}

/** The address of an element of an array of four-byte numbers. */
function at(array: Operand, index: Operand): Code {
  return i32.add(array, i32.mul(index, 4));
}

/** The product of several numbers. */
function product(first: Operand, ...others: readonly Operand[]): Code {
  return others.reduce<Code>((all, one) => i32.mul(all, one), i32.mul(first, 1));
}

/** Copies planes of rows between two arrays in which rows and planes lie different distances apart. */
function defineCopyPlanes(module: Assembler): (...operands: Operand[]) => Code {
  const names = [
    "to",
    "toRow",
    "toPlane",
    "from",
    "fromRow",
    "fromPlane",
    "planes",
    "height",
  ] as const;
  return module.define("copyPlanes", wholes(...names, "width"), (locals, declare) => {
    const { to, toRow, toPlane, from, fromRow, fromPlane, planes, height, width } = locals;
    const plane = declare("i32"), row = declare("i32"), x = declare("i32");
    const target = declare("i32"), source = declare("i32"), fours = declare("i32");
    return [
      set(width, i32.mul(width, 4)), // in bytes from here on
      set(fours, i32.and(width, -16)),
      loopOver(plane, 0, planes, 1, [
        set(target, to),
        set(source, from),
        loopOver(row, 0, height, 1, [
          loopOver(x, 0, fours, 16, v128.store(i32.add(target, x), v128.load(i32.add(source, x)))),
          loopOver(x, fours, width, 4, f32.store(i32.add(target, x), f32.load(i32.add(source, x)))),
          move(target, toRow),
          move(source, fromRow),
        ]),
        move(to, toPlane),
        move(from, fromPlane),
      ]),
    ];
  });
}

/** Fills each row with its bias, or with zeros if there is none. */
function defineFillRows(module: Assembler): (...operands: Operand[]) => Code {
  return module.define("fillRows", wholes("out", "bias", "rows", "n"), (locals, declare) => {
    const { out, bias, rows, n } = locals, row = declare("i32"), end = declare("i32");
    const value = declare("v128");
    return loopOver(row, 0, rows, 1, [
      when(bias, [set(value, v128.loadSplat(bias)), move(bias, 4)]),
      set(end, i32.add(out, i32.mul(i32.and(n, -4), 4))),
      loopWhile(i32.lt(out, end), [v128.store(out, value), move(out, 16)]),
      move(end, i32.mul(i32.and(n, 3), 4)),
      loopWhile(i32.lt(out, end), [f32.store(out, f32x4.extract(value, 0)), move(out, 4)]),
    ]);
  });
}

/** Writes the offsets of a grid of three axes: sizes n, distances d. */
function defineGrid(module: Assembler): void {
  const names = ["to", "n0", "d0", "n1", "d1", "n2", "d2"] as const;
  module.define("grid", wholes(...names), ({ to, n0, d0, n1, d1, n2, d2 }, declare) => {
    const i = declare("i32"), j = declare("i32"), k = declare("i32"), value = declare("i32");
    return loopOver(
      i,
      0,
      n0,
      1,
      loopOver(j, 0, n1, 1, [
        set(value, i32.add(i32.mul(i, d0), i32.mul(j, d1))),
        loopOver(k, 0, n2, 1, [i32.store(to, value), move(value, d2), move(to, 4)]),
      ]),
    );
  });
}

/** Adds each number of the columns (Q, n) to the pixel that it came from. */
function defineFold(module: Assembler): (...operands: Operand[]) => Code {
  const names = ["image", "columns", "pixels", "Q", "positions", "n"] as const;
  return module.define("fold", wholes(...names), (locals, declare) => {
    const { image, columns, pixels, Q, positions, n } = locals;
    const q = declare("i32"), base = declare("i32"), p = declare("i32"), end = declare("i32");
    const fours = declare("i32"), target = declare("i32");
    const addOne = [
      set(target, i32.add(base, i32.load(p))),
      f32.store(target, f32.add(f32.load(target), f32.load(columns))),
      move(columns, 4),
      move(p, 4),
    ];
    return [
      set(end, i32.add(positions, i32.mul(n, 4))),
      set(fours, i32.sub(end, 12)),
      loopOver(q, 0, Q, 1, [
        set(base, i32.add(image, i32.load(pixels))),
        move(pixels, 4),
        set(p, positions),
        loopWhile(
          i32.lt(p, fours),
          when(
            i32.eq(i32.sub(i32.load(p, 12), i32.load(p)), 12), // four neighbours
            [
              set(target, i32.add(base, i32.load(p))),
              v128.store(target, f32x4.add(v128.load(target), v128.load(columns))),
              move(columns, 16),
              move(p, 16),
            ],
            addOne,
          ),
        ),
        loopWhile(i32.lt(p, end), addOne),
      ]),
    ];
  });
}
