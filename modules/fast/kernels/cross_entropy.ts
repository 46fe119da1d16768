/**
 * # Fast kernels: cross-entropy
 *
 * Module 04's softmax, its logarithm and the surprises, row by row. Rows are short, ten classes, so
 * it pays to do all rows in one call.
 *
 * - **x** the scores, (rows, n) · **logs** their log-softmax
 * - **shares** the true probabilities, (rows, n), as in module 04
 *
 * @module
 */
import { type Assembler, type Code, f32, f32x4, i32, type Kernels } from "../machine/assembler.ts";
import { loopOver, move, set, v128, wholes } from "../machine/assembler.ts";
import { exp, log } from "./elementwise.ts";
import { forEachVector, sumOf } from "./lanes.ts";

type CrossEntropyKernels = Kernels<"logSoftmax" | "surprises" | "surprisesGradient">;

/** Defines the logarithms of the shares, the surprises, and their gradient. */
export function defineCrossEntropy(module: Assembler): CrossEntropyKernels {
  const rowsSignature = wholes("out", "x", "rows", "n");
  const logSoftmax = module.define("logSoftmax", rowsSignature, ({ out, x, rows, n }, declare) => {
    const [row, end, from, to] = declare("i32"), [most, total, value] = declare("v128");
    const [greatest] = declare("f32"), greater = f32.max(greatest, f32.load(from));
    const power = exp(value, declare), logarithm = log(total, declare);
    return loopOver(row, 0, rows, 1, [
      set(greatest, f32.load(x)),
      loopOver(from, x, i32.add(x, i32.mul(n, 4)), 4, set(greatest, greater)),
      set(most, f32x4.splat(greatest)),
      set(total, f32x4.const(0)),
      set(from, x),
      set(to, out),
      forEachVector([from, to], n, end, ({ read, write, keep }) => [
        set(value, f32x4.sub(read(from), most)),
        write(to, value),
        set(total, f32x4.add(total, keep(power))),
      ]),
      set(total, f32x4.splat(sumOf(total))),
      set(total, logarithm),
      forEachVector([out], n, end, ({ read, write }) => write(out, f32x4.sub(read(out), total))),
      move(x, i32.mul(n, 4)),
    ]);
  });

  const lossSignature = wholes("out", "logs", "shares", "rows", "n");
  const surprises = module.define("surprises", lossSignature, (locals, declare) => {
    const { out, logs, shares, rows, n } = locals;
    const [row, end] = declare("i32"), [total, share] = declare("v128"), zero = f32x4.const(0);
    const loss = (log: Code): Code => v128.and(f32x4.mul(share, log), f32x4.ne(share, zero));
    return loopOver(row, 0, rows, 1, [
      set(total, zero),
      forEachVector([logs, shares], n, end, ({ read }) => [
        set(share, read(shares)),
        set(total, f32x4.sub(total, loss(read(logs)))), // a share of 0 adds 0, even times −∞
      ]),
      f32.store(out, sumOf(total)),
      move(out, 4),
    ]);
  });

  const signature = wholes("out", "g", "logs", "shares", "rows", "n");
  const surprisesGradient = module.define("surprisesGradient", signature, (locals, declare) => {
    const { out, g, logs, shares, rows, n } = locals;
    const [row, end] = declare("i32"), [total, value] = declare("v128"), [from] = declare("i32");
    const scaled = f32x4.mul(exp(value, declare), total), slope = v128.loadSplat(g);
    return loopOver(row, 0, rows, 1, [
      set(total, f32x4.const(0)),
      set(from, shares),
      forEachVector([from], n, end, ({ read }) => set(total, f32x4.add(total, read(from)))),
      set(total, f32x4.splat(sumOf(total))),
      forEachVector([out, logs, shares], n, end, ({ read, write }) => [
        set(value, read(logs)),
        write(out, f32x4.mul(slope, f32x4.sub(scaled, read(shares)))),
      ]),
      move(g, 4),
    ]);
  });
  return { ...logSoftmax, ...surprises, ...surprisesGradient };
}
