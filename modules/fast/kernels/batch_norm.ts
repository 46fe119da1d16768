/**
 * # Fast kernels: batch normalisation
 *
 * Module 09's formulas, one channel after the other. A channel's numbers lie in B stretches of H·W;
 * each is summed by itself and then added to the sum of all, so that no sum grows long enough for
 * rounding to matter.
 *
 * Throughout: x (B, C, n), n = H·W · N = B·n numbers in a channel
 *
 * @module
 */
import { type Assembler, type Code, type Declare, f32, f32x4, i32 } from "../machine/assembler.ts";
import { type Local, loopOver, move, set, v128, wholes } from "../machine/assembler.ts";
import { type Formula, overStretch, sumOf } from "./lanes.ts";

/** Defines both directions. */
export function defineNorm(module: Assembler): void {
  const arrays = ["x", "gamma", "beta", "out", "hat", "mean", "variance", "root"] as const;
  const forward = { ...wholes(...arrays, "B", "C", "n"), epsilon: "f32" } as const;
  module.define("normForward", forward, (locals, declare) => {
    const { x, gamma, beta, out, hat, mean, variance, root, B, C, n, epsilon } = locals;
    const channels = overChannels([x, out, hat], [B, C, n], declare);
    const [xs, outs, hats] = channels.walks, total = declare("v128"), value = declare("v128");
    const centre = declare("v128"), scale = declare("v128"), factor = declare("v128");
    const shift = declare("v128");
    return channels.each([
      channels.sum(total, ({ read }) => read(xs)),
      f32.store(mean, f32.mul(sumOf(total), channels.share)),
      set(centre, v128.loadSplat(mean)),
      channels.sum(total, ({ read, keep }) => [
        set(value, keep(f32x4.sub(read(xs), centre))),
        f32x4.mul(value, value),
      ]),
      f32.store(variance, f32.mul(sumOf(total), channels.share)),
      f32.store(root, f32.sqrt(f32.add(f32.load(variance), epsilon))),
      set(scale, f32x4.div(f32x4.const(1), v128.loadSplat(root))),
      set(factor, v128.loadSplat(gamma)),
      set(shift, v128.loadSplat(beta)),
      channels.walk(({ read, write }) => [
        set(value, f32x4.mul(f32x4.sub(read(xs), centre), scale)),
        write(hats, value),
        write(outs, f32x4.add(f32x4.mul(value, factor), shift)),
      ]),
    ], [gamma, beta, mean, variance, root]);
  });

  const names = ["g", "hat", "gamma", "root", "out", "gammaGradient", "betaGradient"] as const;
  module.define("normBackward", wholes(...names, "B", "C", "n"), (locals, declare) => {
    const { g, hat, gamma, root, out, gammaGradient, betaGradient, B, C, n } = locals;
    const channels = overChannels([g, hat, out], [B, C, n], declare);
    const [gs, hats, outs] = channels.walks, total = declare("v128"), factor = declare("v128");
    const shift = declare("v128"), stretch = declare("v128");
    const mean = (sum: Local): Code => f32x4.splat(f32.mul(f32.load(sum), channels.share));
    return channels.each([
      channels.sum(total, ({ read }) => read(gs)),
      f32.store(betaGradient, sumOf(total)),
      channels.sum(total, ({ read }) => f32x4.mul(read(gs), read(hats))),
      f32.store(gammaGradient, sumOf(total)),
      set(shift, mean(betaGradient)),
      set(stretch, mean(gammaGradient)),
      set(factor, f32x4.div(v128.loadSplat(gamma), v128.loadSplat(root))),
      channels.walk(({ read, write }) => {
        const rest = f32x4.sub(f32x4.sub(read(gs), shift), f32x4.mul(read(hats), stretch));
        return write(outs, f32x4.mul(rest, factor));
      }),
    ], [gamma, root, gammaGradient, betaGradient]);
  });
}

/** How to go through arrays (B, C, n), one channel after the other. */
interface Channels {
  /** Where the walk through a channel stands, in each of the arrays. */
  readonly walks: readonly Local[];
  /** 1/N. */
  readonly share: Local;
  /** Does something for each channel, and moves the arrays (C,) along. */
  readonly each: (body: Code, perChannel: readonly Local[]) => Code;
  /** Runs a formula over all numbers of a channel. */
  readonly walk: (formula: Formula, afterStretch?: Code, turns?: number) => Code;
  /** Sums what a formula leaves, in four sums. */
  readonly sum: (total: Local, formula: Formula) => Code;
}

function overChannels(
  arrays: readonly Local[],
  [B, C, n]: readonly Local[],
  declare: Declare,
): Channels {
  const walks = arrays.map(() => declare("i32")), b = declare("i32"), c = declare("i32");
  const end = declare("i32"), zero = declare("v128");
  const stretches = [0, 1, 2, 3].map(() => declare("v128")); // sums that need not wait for each other
  const share = declare("f32"), toNext = declare("i32");
  const walk: Channels["walk"] = (formula, afterStretch = [], turns = 1) => [
    walks.map((place, k) => set(place, arrays[k])),
    loopOver(b, 0, B, 1, [
      overStretch(walks, n, end, formula, turns),
      afterStretch,
      walks.map((place) => move(place, toNext)),
    ]),
  ];
  return {
    walks,
    share,
    each: (body, perChannel) => [
      set(share, f32.div(f32.const(1), f32.convert(i32.mul(B, n)))),
      set(toNext, i32.mul(i32.mul(i32.sub(C, 1), n), 4)),
      loopOver(c, 0, C, 1, [
        body,
        perChannel.map((array) => move(array, 4)),
        arrays.map((array) => move(array, i32.mul(n, 4))),
      ]),
    ],
    walk,
    sum: (total, formula) => [
      set(total, zero),
      stretches.map((stretch) => set(stretch, zero)),
      walk(
        (lanes, turn) => set(stretches[turn], f32x4.add(formula(lanes, turn), stretches[turn])),
        stretches.map((stretch) => [set(total, f32x4.add(total, stretch)), set(stretch, zero)]),
        stretches.length,
      ),
    ],
  };
}
