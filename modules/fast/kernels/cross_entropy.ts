/**
 * # Fast kernels: cross-entropy
 *
 * Softmax, its logarithm and the surprises of module 04, row by row. Rows are short, ten classes, so
 * what counts is to stay in one call.
 *
 * @module
 */
import { type Assembler, f32, f32x4, i32 } from "../machine/assembler.ts";
import { loopOver, move, set, v128, wholes } from "../machine/assembler.ts";
import { exp, log } from "./elementwise.ts";
import { overStretch, sumOf } from "./lanes.ts";

/** Defines the logarithms of the shares, the surprises, and their gradient. */
export function defineRows(module: Assembler): void {
  module.define("logSoftmax", wholes("out", "x", "rows", "n"), ({ out, x, rows, n }, declare) => {
    const row = declare("i32"), end = declare("i32"), from = declare("i32"), to = declare("i32");
    const most = declare("v128"), total = declare("v128"), value = declare("v128");
    const greatest = declare("f32");
    const power = exp(value, declare), logarithm = log(total, declare);
    return loopOver(row, 0, rows, 1, [
      set(greatest, f32.load(x)),
      loopOver(from, x, i32.add(x, i32.mul(n, 4)), 4, [
        set(greatest, f32.max(greatest, f32.load(from))),
      ]),
      set(most, f32x4.splat(greatest)),
      set(total, f32x4.const(0)),
      set(from, x),
      set(to, out),
      overStretch([from, to], n, end, ({ read, write, keep }) => [
        set(value, f32x4.sub(read(from), most)),
        write(to, value),
        set(total, f32x4.add(total, keep(power))),
      ]),
      set(total, f32x4.splat(sumOf(total))),
      set(total, logarithm),
      overStretch([out], n, end, ({ read, write }) => write(out, f32x4.sub(read(out), total))),
      move(x, i32.mul(n, 4)),
    ]);
  });

  module.define("surprises", wholes("out", "logs", "shares", "rows", "n"), (locals, declare) => {
    const { out, logs, shares, rows, n } = locals, row = declare("i32"), end = declare("i32");
    const total = declare("v128"), share = declare("v128"), zero = f32x4.const(0);
    return loopOver(row, 0, rows, 1, [
      set(total, zero),
      overStretch([logs, shares], n, end, ({ read }) => [
        set(share, read(shares)),
        set(
          total,
          f32x4.sub(
            total, // a share of 0 counts nothing, even of −∞
            v128.and(f32x4.mul(share, read(logs)), f32x4.ne(share, zero)),
          ),
        ),
      ]),
      f32.store(out, sumOf(total)),
      move(out, 4),
    ]);
  });

  const names = ["out", "g", "logs", "shares", "rows", "n"] as const;
  module.define("surprisesGradient", wholes(...names), (locals, declare) => {
    const { out, g, logs, shares, rows, n } = locals, row = declare("i32"), end = declare("i32");
    const total = declare("v128"), value = declare("v128"), from = declare("i32");
    const power = exp(value, declare);
    return loopOver(row, 0, rows, 1, [
      set(total, f32x4.const(0)),
      set(from, shares),
      overStretch([from], n, end, ({ read }) => set(total, f32x4.add(total, read(from)))),
      set(total, f32x4.splat(sumOf(total))),
      overStretch([out, logs, shares], n, end, ({ read, write }) => [
        set(value, read(logs)),
        write(
          out,
          f32x4.mul(v128.loadSplat(g), f32x4.sub(f32x4.mul(power, total), read(shares))),
        ),
      ]),
      move(g, 4),
    ]);
  });
}
