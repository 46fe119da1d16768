/**
 * # Fast kernels: max-pooling
 *
 * Finds the greatest number of each window of some planes, and its place, by module 09's rules: of
 * equals the first counts, and NaN gets through. The usual windows, 2×2 side by side, are done four
 * at a time. If the last four of a row would stick out, they move back, and some are found twice.
 *
 * The gradient of a window belongs to the number that was the greatest. In general it is added to
 * zeros there. Windows of 2×2 write each of their four numbers once: the gradient if its place is
 * the one noted, else 0.
 *
 * @module
 */
import { type Assembler, type CallOf, callsOf, type Code, f32 } from "../machine/assembler.ts";
import { f32x4, i32, i32x4, type Kernels, type Local, loopOver } from "../machine/assembler.ts";
import { loopWhile, move, type Numbers, type Operand, set, v128 } from "../machine/assembler.ts";
import { when, wholes } from "../machine/assembler.ts";

// `from` and `to` number planes of x; `out` and `places` begin at the results of the first of them.
const planes = wholes("out", "places", "x", "from", "to");
const usual = { ...planes, ...wholes("height", "width") };
const any = {
  ...planes,
  ...wholes("height", "countY", "kernelY", "strideY", "beforeY"),
  ...wholes("width", "countX", "kernelX", "strideX", "beforeX"),
};

/** Windows of 2×2 with stride 2, at least four in a row. */
export function maxPool2Call(
  { out, places, x, from, to, height, width }: Numbers<typeof usual>,
): CallOf<"maxPool2"> {
  return ["maxPool2", out, places, x, from, to, height, width];
}

// `out`, `g` and `places` begin at the first of the planes.
const usualBack = wholes("out", "g", "places", "from", "to", "height", "width");

/** The gradient of such windows. */
export const unpool2Call = callsOf("unpool2", usualBack);

/** Windows of any kind; `before` is how far the first one begins outside of the plane. */
export const maxPoolCall = callsOf("maxPool", any);

/** Defines max-pooling and what its gradient needs. */
export function definePooling(
  module: Assembler,
): Kernels<"maxPool2" | "unpool2" | "maxPool" | "scatter"> {
  return {
    ...{ ...defineUsual(module), ...defineUsualBack(module) },
    ...{ ...defineAny(module), ...defineScatter(module) },
  };
}

function defineUsual(module: Assembler): Kernels<"maxPool2"> {
  return module.define("maxPool2", usual, (locals, declare) => {
    const { out, places, x, from: plane, to, height, width } = locals;
    const [row, column, count, at, from, below] = declare("i32");
    const [best, place, next, isBetter] = declare("v128");
    const everySecond = (address: Local, offset: number): Code => {
      const lanes = [0, 2, 4, 6].map((lane) => lane + offset);
      return f32x4.shuffle(v128.load(address), v128.load(address, 16), lanes);
    };
    const take = (value: Code, where: Code): Code => [
      set(next, value),
      set(isBetter, v128.or(f32x4.gt(next, best), f32x4.ne(next, next))),
      set(best, v128.bitselect(next, best, isBetter)),
      set(place, v128.bitselect(where, place, isBetter)),
    ];
    const [index] = declare("i32"), [first] = declare("v128"), last = i32.sub(count, 4);
    const placesAt = (distance: Operand): Code => i32x4.add(first, i32x4.splat(distance));
    return [
      set(count, i32.div(width, 2)),
      loopOver(plane, plane, to, 1, [
        loopOver(row, 0, i32.div(height, 2), 1, [
          loopOver(column, 0, count, 4, [
            set(at, i32.select(column, last, i32.lt(column, last))),
            set(index, i32.mul(i32.add(i32.mul(plane, height), i32.mul(row, 2)), width)),
            move(index, i32.mul(at, 2)),
            set(from, i32.add(x, i32.mul(index, 4))),
            set(below, i32.add(from, i32.mul(width, 4))),
            set(first, i32x4.add(i32x4.splat(index), i32x4.const(0, 2, 4, 6))),
            set(best, everySecond(from, 0)),
            set(place, first),
            take(everySecond(from, 1), placesAt(1)),
            take(everySecond(below, 0), placesAt(width)),
            take(everySecond(below, 1), placesAt(i32.add(width, 1))),
            v128.store(i32.add(out, i32.mul(at, 4)), best),
            v128.store(i32.add(places, i32.mul(at, 4)), place),
          ]),
          move(out, i32.mul(count, 4)),
          move(places, i32.mul(count, 4)),
        ]),
      ]),
    ];
  });
}

function defineUsualBack(module: Assembler): Kernels<"unpool2"> {
  return module.define("unpool2", usualBack, (locals, declare) => {
    const { out, g, places, from: plane, to, height, width } = locals;
    const [row, column, count, at, line, index, target, below] = declare("i32");
    const [gradient, place, first, left, right, zero] = declare("v128");
    const last = i32.sub(count, 4);
    // −0 becomes 0, as it does where gradients are added to zeros
    const where = (distance: Operand): Code => {
      const isPlace = i32x4.eq(place, i32x4.add(first, i32x4.splat(distance)));
      return f32x4.add(v128.and(gradient, isPlace), zero);
    };
    const writeLine = (to: Local, distance: Operand): Code => [
      set(left, where(distance)),
      set(right, where(i32.add(distance, 1))),
      v128.store(to, f32x4.shuffle(left, right, [0, 4, 1, 5])),
      v128.store(to, f32x4.shuffle(left, right, [2, 6, 3, 7]), 16),
    ];
    const isOdd = (n: Local): Code => i32.and(n, 1);
    return [
      set(count, i32.div(width, 2)),
      set(line, i32.mul(width, 4)),
      set(index, i32.mul(plane, i32.mul(height, width))),
      loopOver(plane, plane, to, 1, [
        loopOver(row, 0, i32.div(height, 2), 1, [
          loopOver(column, 0, count, 4, [
            set(at, i32.select(column, last, i32.lt(column, last))),
            set(gradient, v128.load(i32.add(g, i32.mul(at, 4)))),
            set(place, v128.load(i32.add(places, i32.mul(at, 4)))),
            set(first, i32x4.splat(i32.add(index, i32.mul(at, 2)))),
            set(first, i32x4.add(first, i32x4.const(0, 2, 4, 6))),
            set(target, i32.add(out, i32.mul(at, 8))),
            set(below, i32.add(target, line)),
            writeLine(target, 0),
            writeLine(below, width),
          ]),
          // the column and the row that no window reaches
          when(isOdd(width), [i32.store(below, 0, 32), i32.store(target, 0, 32)]),
          move(out, i32.mul(line, 2)),
          move(index, i32.mul(width, 2)),
          move(g, i32.mul(count, 4)),
          move(places, i32.mul(count, 4)),
        ]),
        when(isOdd(height), [
          loopOver(column, 0, width, 1, [i32.store(out, 0), move(out, 4)]),
          move(index, width),
        ]),
      ]),
    ];
  });
}

function defineAny(module: Assembler): Kernels<"maxPool"> {
  return module.define("maxPool", any, (locals, declare) => {
    const { out, places, x, from: plane, to, height, width } = locals;
    const { countY, kernelY, strideY, beforeY, countX, kernelX, strideX, beforeX } = locals;
    const [oy, ox, y, top, left, bottom, right, at, end, place] = declare("i32");
    const [best, value] = declare("f32");
    const isBetter = i32.add(f32.gt(value, best), f32.ne(value, value)); // or NaN
    const bounded = (from: Local, to: Local, begin: Code, length: Local, most: Local): Code => [
      set(from, begin),
      set(to, i32.add(from, length)),
      when(i32.lt(from, 0), set(from, 0)),
      when(i32.gt(to, most), set(to, most)),
    ];
    const leftmost = (row: Local): Code =>
      i32.add(i32.mul(i32.add(i32.mul(plane, height), row), width), left);
    return loopOver(plane, plane, to, 1, [
      loopOver(oy, 0, countY, 1, [
        bounded(top, bottom, i32.sub(i32.mul(oy, strideY), beforeY), kernelY, height),
        loopOver(ox, 0, countX, 1, [
          bounded(left, right, i32.sub(i32.mul(ox, strideX), beforeX), kernelX, width),
          set(place, leftmost(top)),
          set(best, f32.load(i32.add(x, i32.mul(place, 4)))),
          loopOver(y, top, bottom, 1, [
            set(at, leftmost(y)),
            set(end, i32.add(at, i32.sub(right, left))),
            loopWhile(i32.lt(at, end), [
              set(value, f32.load(i32.add(x, i32.mul(at, 4)))),
              when(isBetter, [set(best, value), set(place, at)]),
              move(at, 1),
            ]),
          ]),
          f32.store(out, best),
          i32.store(places, place),
          move(out, 4),
          move(places, 4),
        ]),
      ]),
    ]);
  });
}

/** Adds each of n gradients to the number at its place. */
function defineScatter(module: Assembler): Kernels<"scatter"> {
  return module.define("scatter", wholes("out", "g", "places", "n"), (locals, declare) => {
    const { out, g, places, n } = locals, [end, to] = declare("i32");
    return [
      set(end, i32.add(g, i32.mul(n, 4))),
      loopWhile(i32.lt(g, end), [
        set(to, i32.add(out, i32.mul(i32.load(places), 4))),
        f32.store(to, f32.add(f32.load(to), f32.load(g))),
        move(g, 4),
        move(places, 4),
      ]),
    ];
  });
}
