/**
 * # Fast kernels: max-pooling
 *
 * The greatest of each window of some planes and the place where it stood, as module 09 finds them: of equals the
 * first, and NaN gets through. The usual window, 2×2 side by side, is four numbers at a time; if the
 * last four of a row would stick out, they are moved back, and some are found twice.
 *
 * @module
 */
import {
  type Assembler,
  type Code,
  f32,
  f32x4,
  i32,
  i32x4,
  type Local,
} from "../machine/assembler.ts";
import {
  loopOver,
  loopWhile,
  move,
  type Operand,
  set,
  v128,
  when,
  wholes,
} from "../machine/assembler.ts";

/** Defines max-pooling and what its gradient needs. */
export function definePool(module: Assembler): void {
  defineFours(module);
  defineAny(module);
  module.define("scatter", wholes("out", "g", "places", "n"), (locals, declare) => {
    const { out, g, places, n } = locals, end = declare("i32"), to = declare("i32");
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

/** Windows of 2×2 with stride 2, at least four in a row. */
function defineFours(module: Assembler): void {
  const parameters = wholes("out", "places", "x", "from", "to", "height", "width");
  module.define("maxPool2", parameters, (locals, declare) => {
    const { out, places, x, from: plane, to, height, width } = locals;
    const row = declare("i32"), column = declare("i32");
    const count = declare("i32"),
      at = declare("i32"),
      from = declare("i32"),
      below = declare("i32");
    const best = declare("v128"), place = declare("v128"), next = declare("v128");
    const isBetter = declare("v128");
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
    const index = declare("i32"), first = declare("v128");
    const from4 = (distance: Operand): Code => i32x4.add(first, i32x4.splat(distance));
    return [
      set(count, i32.div(width, 2)),
      loopOver(plane, plane, to, 1, [
        loopOver(row, 0, i32.div(height, 2), 1, [
          set(column, 0),
          loopWhile(i32.lt(column, count), [
            set(at, i32.select(column, i32.sub(count, 4), i32.lt(column, i32.sub(count, 4)))),
            set(index, i32.mul(i32.add(i32.mul(plane, height), i32.mul(row, 2)), width)),
            move(index, i32.mul(at, 2)),
            set(from, i32.add(x, i32.mul(index, 4))),
            set(below, i32.add(from, i32.mul(width, 4))),
            set(first, i32x4.add(i32x4.splat(index), i32x4.const(0, 2, 4, 6))),
            set(best, everySecond(from, 0)),
            set(place, first),
            take(everySecond(from, 1), from4(1)),
            take(everySecond(below, 0), from4(width)),
            take(everySecond(below, 1), from4(i32.add(width, 1))),
            v128.store(i32.add(out, i32.mul(at, 4)), best),
            v128.store(i32.add(places, i32.mul(at, 4)), place),
            move(column, 4),
          ]),
          move(out, i32.mul(count, 4)),
          move(places, i32.mul(count, 4)),
        ]),
      ]),
    ];
  });
}

/** Windows of any kind, one after the other. */
function defineAny(module: Assembler): void {
  const vertical = ["height", "countY", "kernelY", "strideY", "beforeY"] as const;
  const horizontal = ["width", "countX", "kernelX", "strideX", "beforeX"] as const;
  const parameters = wholes("out", "places", "x", "from", "to", ...vertical, ...horizontal);
  module.define("maxPool", parameters, (locals, declare) => {
    const { out, places, x, from: plane, to, height, width } = locals;
    const { countY, kernelY, strideY, beforeY, countX, kernelX, strideX, beforeX } = locals;
    const oy = declare("i32"), ox = declare("i32"), y = declare("i32");
    const top = declare("i32"), left = declare("i32"), bottom = declare("i32");
    const right = declare("i32"), at = declare("i32"), end = declare("i32"), place = declare("i32");
    const best = declare("f32"), value = declare("f32");
    const bounded = (from: Local, to: Local, begin: Code, length: Local, most: Local): Code => [
      set(from, begin),
      set(to, i32.add(from, length)),
      when(i32.lt(from, 0), set(from, 0)),
      when(i32.gt(to, most), set(to, most)),
    ];
    return loopOver(plane, plane, to, 1, [
      loopOver(oy, 0, countY, 1, [
        bounded(top, bottom, i32.sub(i32.mul(oy, strideY), beforeY), kernelY, height),
        loopOver(ox, 0, countX, 1, [
          bounded(left, right, i32.sub(i32.mul(ox, strideX), beforeX), kernelX, width),
          set(place, i32.add(i32.mul(i32.add(i32.mul(plane, height), top), width), left)),
          set(best, f32.load(i32.add(x, i32.mul(place, 4)))),
          loopOver(y, top, bottom, 1, [
            set(at, i32.add(i32.mul(i32.add(i32.mul(plane, height), y), width), left)),
            set(end, i32.add(at, i32.sub(right, left))),
            loopWhile(i32.lt(at, end), [
              set(value, f32.load(i32.add(x, i32.mul(at, 4)))),
              when(i32.add(f32.gt(value, best), f32.ne(value, value)), [
                set(best, value),
                set(place, at),
              ]),
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
