/**
 * # Fast kernels: batch normalisation
 *
 * Module 09's formulas, one channel after the other. A channel's numbers lie in B rows of H·W; each
 * row is summed by itself and then added to the channel's sum, so that no sum grows long enough for
 * rounding to matter.
 *
 * - **x** (B, C, n), n = H·W
 * - **N** B·n, the numbers in a channel
 *
 * @module
 */
import { type Assembler, callsOf, type Code, type Declare, f32 } from "../machine/assembler.ts";
import { f32x4, i32, type Kernels, type Local, loopOver, move } from "../machine/assembler.ts";
import { reals, set, v128, wholes } from "../machine/assembler.ts";
import { forEachVector, type Formula, sumOf } from "./lanes.ts";

const forward = {
  ...wholes("x", "gamma", "beta", "out", "hat", "mean", "variance", "root"),
  ...{ ...wholes("B", "C", "n"), ...reals("epsilon") },
};
const backward = {
  ...wholes("g", "hat", "gamma", "root", "out", "gammaGradient", "betaGradient"),
  ...wholes("B", "C", "n"),
};

/** Normalises x; writes out and hat (B, C, n), and mean, variance and root (C,). */
export const normForwardCall = callsOf("normForward", forward);

/** Takes g back to the input: out (B, C, n), and the gradients of gamma and beta (C,). */
export const normBackwardCall = callsOf("normBackward", backward);

/** Defines both directions. */
export function defineBatchNorm(module: Assembler): Kernels<"normForward" | "normBackward"> {
  const normForward = module.define("normForward", forward, (locals, declare) => {
    const { x, gamma, beta, out, hat, mean, variance, root, epsilon } = locals;
    const { cursors: [xs, outs, hats], ...channels } = overChannels([x, out, hat], locals, declare);
    const [total, value, centre, scale, factor, shift] = declare("v128");
    return channels.each([
      channels.sum(total, ({ read }) => read(xs)),
      f32.store(mean, f32.mul(sumOf(total), channels.inverseN)),
      set(centre, v128.loadSplat(mean)),
      channels.sum(total, ({ read, keep }) => [
        set(value, keep(f32x4.sub(read(xs), centre))),
        f32x4.mul(value, value),
      ]),
      f32.store(variance, f32.mul(sumOf(total), channels.inverseN)),
      f32.store(root, f32.sqrt(f32.add(f32.load(variance), epsilon))),
      set(scale, f32x4.div(f32x4.const(1), v128.loadSplat(root))),
      set(factor, v128.loadSplat(gamma)),
      set(shift, v128.loadSplat(beta)),
      channels.forEachNumber(({ read, write }) => [
        set(value, f32x4.mul(f32x4.sub(read(xs), centre), scale)),
        write(hats, value),
        write(outs, f32x4.add(f32x4.mul(value, factor), shift)),
      ]),
    ], [gamma, beta, mean, variance, root]);
  });

  const normBackward = module.define("normBackward", backward, (locals, declare) => {
    const { g, hat, gamma, root, out, gammaGradient, betaGradient } = locals;
    const { cursors: [gs, hats, outs], ...channels } = overChannels([g, hat, out], locals, declare);
    const [total, factor, meanG, meanProduct] = declare("v128");
    const mean = (sum: Local): Code => f32x4.splat(f32.mul(f32.load(sum), channels.inverseN));
    return channels.each([
      channels.sum(total, ({ read }) => read(gs)),
      f32.store(betaGradient, sumOf(total)),
      channels.sum(total, ({ read }) => f32x4.mul(read(gs), read(hats))),
      f32.store(gammaGradient, sumOf(total)),
      set(meanG, mean(betaGradient)),
      set(meanProduct, mean(gammaGradient)),
      set(factor, f32x4.div(v128.loadSplat(gamma), v128.loadSplat(root))),
      channels.forEachNumber(({ read, write }) => {
        const rest = f32x4.sub(f32x4.sub(read(gs), meanG), f32x4.mul(read(hats), meanProduct));
        return write(outs, f32x4.mul(rest, factor));
      }),
    ], [gamma, root, gammaGradient, betaGradient]);
  });
  return { ...normForward, ...normBackward };
}

/** How to go through arrays (B, C, n), one channel after the other. */
interface Channels {
  /** An address within the channel, for each of the arrays. */
  readonly cursors: readonly Local[];
  /** 1/N. */
  readonly inverseN: Local;
  /** Does something for each channel, and moves the arrays (C,) along. */
  readonly each: (body: Code, perChannel: readonly Local[]) => Code;
  /** Runs a formula over all numbers of a channel. */
  readonly forEachNumber: (formula: Formula, afterRow?: Code, copies?: number) => Code;
  /** Sums what a formula leaves, in four sums. */
  readonly sum: (total: Local, formula: Formula) => Code;
}

function overChannels(
  arrays: readonly Local[],
  { B, C, n }: Readonly<Record<"B" | "C" | "n", Local>>,
  declare: Declare,
): Channels {
  const cursors = [...declare("i32", arrays.length)], [b, c, end] = declare("i32");
  const [zero] = declare("v128");
  const rowSums = [...declare("v128", 4)]; // four, so that none has to wait for another
  const [inverseN] = declare("f32"), [toNext] = declare("i32");
  const forEachNumber: Channels["forEachNumber"] = (formula, afterRow = [], copies = 1) => [
    cursors.map((cursor, k) => set(cursor, arrays[k])),
    loopOver(b, 0, B, 1, [
      forEachVector(cursors, n, end, formula, copies),
      afterRow,
      cursors.map((cursor) => move(cursor, toNext)),
    ]),
  ];
  return {
    cursors,
    inverseN,
    each: (body, perChannel) => [
      set(inverseN, f32.div(f32.const(1), f32.convert(i32.mul(B, n)))),
      set(toNext, i32.mul(i32.mul(i32.sub(C, 1), n), 4)),
      loopOver(c, 0, C, 1, [
        body,
        perChannel.map((array) => move(array, 4)),
        arrays.map((array) => move(array, i32.mul(n, 4))),
      ]),
    ],
    forEachNumber,
    sum: (total, formula) => [
      set(total, zero),
      rowSums.map((sum) => set(sum, zero)),
      forEachNumber(
        (lanes, copy) => set(rowSums[copy], f32x4.add(formula(lanes, copy), rowSums[copy])),
        rowSums.map((sum) => [set(total, f32x4.add(total, sum)), set(sum, zero)]),
        rowSums.length,
      ),
    ],
  };
}
