/**
 * # Fast kernels: convolution
 *
 * A convolution is a matrix product of the filters with the columns of module 09, and both of its
 * gradients are products too. The columns are nine times the images for a 3×3 window. They are
 * never written out: packing (see products.ts) reads each panel straight from the image, through
 * one table that says where a window stands, and one that says where a pixel lies in the window.
 *
 *   forward           out[b]  = W · columns[b]          W (F, Q) · columns (Q, P)
 *   weight gradient   gWᵀ    += columns[b] · g[b]ᵀ      a row of columns is read along the image
 *   input gradient    columns = Wᵀ · g[b], and each is added to the pixel that it came from
 *
 * Each works on the images from…to of a batch, so that threads can divide them.
 *
 * - **B** images · **C** channels · **F** filters
 * - **P** positions of the window, oH·oW · **Q** pixels in a window, C·K·K
 *
 * @module
 */
import { type Assembler, type CallOf, type CallWriter, type Code } from "../machine/assembler.ts";
import { type Declare, f32, f32x4, i32, type Kernels, type Local } from "../machine/assembler.ts";
import { loopOver, loopWhile, memory, move, type Operand } from "../machine/assembler.ts";
import { type Parts, set, v128, when, wholes } from "../machine/assembler.ts";
import { blockSteps, least, type ProductParts, spareBytes, tile } from "./products.ts";

/**
 * What the kernels must know of a convolution, in the order in which it lies in memory, each a
 * whole number of four bytes. They get the address of the first.
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

const grid = wholes("to", "n0", "d0", "n1", "d1", "n2", "d2");

/** How many places, and how far apart in bytes. */
type Axis = readonly [n: number, distance: number];

/** Writes the offsets of a grid: for each axis, how many and how far apart, the outermost first. */
export function gridCall(
  to: number,
  [n0, d0]: Axis,
  [n1, d1]: Axis,
  [n2, d2]: Axis,
): CallOf<"grid"> {
  return ["grid", to, n0, d0, n1, d1, n2, d2];
}

/** Defines the three products of a convolution. */
export function defineConvolution(
  module: Assembler,
  { packColumns, copyRows, multiply, progression }: ProductParts,
):
  & Kernels<"grid" | "convolve" | "convolveWeight" | "convolveInput">
  & Parts<"copyPlanes", typeof copying> {
  const { copyPlanes } = defineCopyPlanes(module), { fold } = defineFold(module);
  const gridKernel = defineGrid(module), { fillRows } = defineFillRows(module);
  const signature = wholes("about", "from", "to", "scratch"); // about: the description's address

  const convolve = module.define("convolve", signature, (locals, declare) => {
    const { known, begin, image, packed, padding } = describe(locals, declare, copyPlanes);
    const { out, weight, weightRows, bias, filters, Q, P, positions, pixels } = known;
    const b = locals.from, [first, step, n, k, to] = declare("i32");
    const lanes = at(positions, first), steps = at(pixels, step);
    return [
      begin,
      loopOver(b, b, locals.to, 1, [
        padding(b),
        set(to, i32.add(out, product(b, filters, P, 4))),
        fillRows({ out: to, bias, rows: filters, n: P }),
        loopOver(first, 0, P, blockPositions, [
          set(n, least(i32.sub(P, first), blockPositions)),
          loopOver(step, 0, Q, blockSteps, [
            set(k, least(i32.sub(Q, step), blockSteps)),
            packColumns({ to: packed, from: image, lanes, n, steps, k }),
            multiply({
              ...{ a: at(weight, step), rows: weightRows, b: packed, out: at(to, first) },
              ...{ m: filters, n, length: k, lines: 1, skip: 0 },
              ...{ stride: i32.mul(P, 4), spare: locals.scratch },
            }),
          ]),
        ]),
      ]),
    ];
  });

  const weightSignature = wholes("about", "from", "to", "sum", "scratch");
  const convolveWeight = module.define("convolveWeight", weightSignature, (locals, declare) => {
    const { known, begin, image, packed, padding } = describe(locals, declare, copyPlanes);
    const { gradient, filters, Q, P, positions, pixels, planes, ramp } = known;
    const { outHeight, outWidth, strideX, line } = known, b = locals.from;
    const [first, lines, k, g, columns, rows, most, start] = declare("i32");
    const from = at(g, start), stride = i32.mul(filters, 4);
    const fitting = i32.div(blockSteps, outWidth);
    const common = { b: packed, out: locals.sum, m: Q, n: filters, stride, spare: locals.scratch };
    const alongImage = multiply({
      ...{ ...common, a: i32.add(image, i32.mul(first, line)), rows: pixels },
      ...{ length: outWidth, lines, skip: i32.sub(line, i32.mul(outWidth, 4)) },
    });
    const throughCopy = [
      copyRows({ to: columns, from: image, lanes: pixels, n: Q, steps: at(positions, start), k }),
      progression({ to: rows, n: Q, distance: i32.mul(k, 4) }),
      multiply({ ...common, a: columns, rows, length: k, lines: 1, skip: 0 }),
    ];
    return [
      begin,
      set(rows, packed),
      set(columns, at(packed, Q)),
      set(most, i32.add(fitting, i32.lt(fitting, 1))), // lines of positions in a block, at least 1
      set(packed, at(columns, i32.mul(Q, i32.mul(most, outWidth)))),
      loopOver(b, b, locals.to, 1, [
        padding(b),
        set(g, i32.add(gradient, product(b, filters, P, 4))),
        loopOver(first, 0, outHeight, lines, [
          set(lines, least(i32.sub(outHeight, first), most)),
          set(k, i32.mul(lines, outWidth)),
          set(start, i32.mul(first, outWidth)),
          packColumns({ to: packed, from, lanes: planes, n: filters, steps: ramp, k }),
          when(i32.eq(strideX, 1), alongImage, throughCopy),
        ]),
      ]),
    ];
  });

  const convolveInput = module.define("convolveInput", signature, (locals, declare) => {
    const { known, begin, image, frame, packed, crop } = describe(locals, declare, copyPlanes);
    const { gradient, weight, weightRows, filters, Q, P, positions, pixels, planes, ramp } = known;
    const b = locals.from, [first, step, n, k, g, columns] = declare("i32");
    const from = at(g, first), steps = at(planes, step);
    return [
      begin,
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
            packColumns({ to: packed, from, lanes: ramp, n, steps, k }),
            multiply({
              ...{ a: at(weight, step), rows: weightRows, b: packed, out: columns },
              ...{ m: Q, n, length: k, lines: 1, skip: 0 },
              ...{ stride: i32.mul(n, 4), spare: locals.scratch },
            }),
          ]),
          fold({ image, columns, pixels, Q, positions: at(positions, first), n }),
        ]),
        crop(b),
      ]),
    ];
  });
  return { ...gridKernel, ...convolve, ...convolveWeight, ...convolveInput, copyPlanes };
}

/** What the three have in common: the description in variables, and images with zeros around. */
interface Described {
  readonly known: Record<typeof fields[number], Local>;
  /** Reads the description. */
  readonly begin: Code;
  /** Address of the image that is being read or written. */
  readonly image: Local;
  /** Where packed panels go: the rest of the scratch memory. */
  readonly packed: Local;
  /** Points `image` at image b, or at a copy of it with its padding. */
  readonly padding: (b: Operand) => Code;
  /** Points `image` at zeros, to which the gradient of image b and its padding is added. */
  readonly frame: (b: Operand) => Code;
  /** Copies that gradient out of its padding, if it has some. */
  readonly crop: (b: Operand) => Code;
}

function describe(
  { about, scratch }: Readonly<Record<"about" | "scratch", Local>>,
  declare: Declare,
  copyPlanes: CallWriter<typeof copying>,
): Described {
  const locals = [...declare("i32", fields.length)];
  const entries = fields.map((field, k) => [field, locals[k]]);
  const known: Described["known"] = Object.fromEntries(entries);
  const [image, packed, padded, size, isPadded] = declare("i32");
  const { channels, height, width, paddedHeight, paddedWidth, top, left, images, out } = known;
  const inner = i32.add(padded, i32.mul(i32.add(i32.mul(top, paddedWidth), left), 4));
  const whole = { planes: channels, height, width };
  const paddedRow = i32.mul(paddedWidth, 4), paddedPlane = product(paddedHeight, paddedWidth, 4);
  const row = i32.mul(width, 4), plane = product(height, width, 4);
  const imageOf = (batch: Operand, b: Operand): Code =>
    i32.add(batch, i32.mul(b, product(channels, height, width, 4)));
  return {
    known,
    image,
    packed,
    begin: [
      fields.map((field, k) => set(known[field], i32.load(about, 4 * k))),
      set(padded, i32.add(scratch, spareBytes)),
      set(size, product(channels, paddedHeight, paddedWidth, 4)),
      set(packed, i32.add(padded, size)),
      set(isPadded, i32.add(i32.ne(height, paddedHeight), i32.ne(width, paddedWidth))),
      memory.fill(padded, 0, size),
    ],
    padding: (b) => [
      set(image, imageOf(images, b)),
      when(isPadded, [
        copyPlanes({
          ...{ to: inner, toRow: paddedRow, toPlane: paddedPlane },
          ...{ from: image, fromRow: row, fromPlane: plane, ...whole },
        }),
        set(image, padded),
      ]),
    ],
    frame: (b) => [
      set(image, imageOf(out, b)),
      when(isPadded, set(image, padded)),
      memory.fill(image, 0, size),
    ],
    crop: (b) => {
      const target = { to: imageOf(out, b), toRow: row, toPlane: plane };
      const source = { from: inner, fromRow: paddedRow, fromPlane: paddedPlane };
      return when(isPadded, copyPlanes({ ...target, ...source, ...whole }));
    },
  };
}

/** The address of an element of an array of four-byte numbers. */
function at(array: Operand, index: Operand): Code {
  return i32.add(array, i32.mul(index, 4));
}

/** The product of several numbers. */
export function product(first: Operand, ...others: readonly Operand[]): Code {
  return others.reduce<Code>((all, one) => i32.mul(all, one), i32.mul(first, 1));
}

/** Planes of rows, and the distances between their rows and planes. */
export const copying = {
  ...wholes("to", "toRow", "toPlane", "from", "fromRow", "fromPlane"), // row, plane: distances
  ...wholes("planes", "height", "width"),
};

/** Copies planes of rows between two arrays whose rows and planes lie different distances apart. */
function defineCopyPlanes(module: Assembler): Parts<"copyPlanes", typeof copying> {
  return module.define("copyPlanes", copying, (locals, declare) => {
    const { to, toRow, toPlane, from, fromRow, fromPlane, planes, height, width } = locals;
    const [plane, row, x, target, source, fours] = declare("i32");
    const there = i32.add(target, x), here = i32.add(source, x);
    return [
      set(width, i32.mul(width, 4)), // in bytes from here on
      set(fours, i32.and(width, -16)),
      loopOver(plane, 0, planes, 1, [
        set(target, to),
        set(source, from),
        loopOver(row, 0, height, 1, [
          loopOver(x, 0, fours, 16, v128.store(there, v128.load(here))),
          loopOver(x, fours, width, 4, f32.store(there, f32.load(here))),
          move(target, toRow),
          move(source, fromRow),
        ]),
        move(to, toPlane),
        move(from, fromPlane),
      ]),
    ];
  });
}

const filling = wholes("out", "bias", "rows", "n");

/** Fills each row with its bias, or with zeros if there is none. */
function defineFillRows(module: Assembler): Parts<"fillRows", typeof filling> {
  return module.define("fillRows", filling, ({ out, bias, rows, n }, declare) => {
    const [row, end] = declare("i32"), [value] = declare("v128");
    return loopOver(row, 0, rows, 1, [
      when(bias, [set(value, v128.loadSplat(bias)), move(bias, 4)]),
      set(end, i32.add(out, i32.mul(i32.and(n, -4), 4))),
      loopWhile(i32.lt(out, end), [v128.store(out, value), move(out, 16)]),
      move(end, i32.mul(i32.and(n, 3), 4)),
      loopWhile(i32.lt(out, end), [f32.store(out, f32x4.extract(value, 0)), move(out, 4)]),
    ]);
  });
}

function defineGrid(module: Assembler): Kernels<"grid"> {
  return module.define("grid", grid, ({ to, n0, d0, n1, d1, n2, d2 }, declare) => {
    const [i, j, k, value] = declare("i32");
    const line = [
      set(value, i32.add(i32.mul(i, d0), i32.mul(j, d1))),
      loopOver(k, 0, n2, 1, [i32.store(to, value), move(value, d2), move(to, 4)]),
    ];
    return loopOver(i, 0, n0, 1, loopOver(j, 0, n1, 1, line));
  });
}

const folding = wholes("image", "columns", "pixels", "Q", "positions", "n");

/** Adds each number of the columns (Q, n) to the pixel that it came from. */
function defineFold(module: Assembler): Parts<"fold", typeof folding> {
  return module.define("fold", folding, (locals, declare) => {
    const { image, columns, pixels, Q, positions, n } = locals;
    const [q, base, p, end, fours, target] = declare("i32");
    const pixel = set(target, i32.add(base, i32.load(p)));
    const sum = f32.store(target, f32.add(f32.load(target), f32.load(columns)));
    const sums = v128.store(target, f32x4.add(v128.load(target), v128.load(columns)));
    const addOne = [pixel, sum, move(columns, 4), move(p, 4)];
    const addFour = [pixel, sums, move(columns, 16), move(p, 16)];
    const areNeighbours = i32.eq(i32.sub(i32.load(p, 12), i32.load(p)), 12);
    return [
      set(end, i32.add(positions, i32.mul(n, 4))),
      set(fours, i32.sub(end, 12)),
      loopOver(q, 0, Q, 1, [
        set(base, i32.add(image, i32.load(pixels))),
        move(pixels, 4),
        set(p, positions),
        loopWhile(i32.lt(p, fours), when(areNeighbours, addFour, addOne)),
        loopWhile(i32.lt(p, end), addOne),
      ]),
    ];
  });
}
