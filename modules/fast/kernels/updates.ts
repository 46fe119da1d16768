/**
 * # Fast kernels: the optimizers' updates
 *
 * Module 06's formulas. Each number is read once and written once, so memory sets the pace.
 *
 * @module
 */
import { type Assembler, type CallOf, callsOf, f32, f32x4 } from "../machine/assembler.ts";
import { type Kernels, type Numbers, reals, set, when, wholes } from "../machine/assembler.ts";
import { forEachVector } from "./lanes.ts";

const sgd = { ...wholes("w", "g", "v", "n", "nesterov"), ...reals("rate", "momentum", "decay") };

/** SGD: weights w, gradient g and velocity v of n numbers. */
export function sgdCall(
  { w, g, v, n, nesterov, rate, momentum, decay }: Numbers<typeof sgd>,
): CallOf<"sgd"> {
  return ["sgd", w, g, v, n, nesterov, rate, momentum, decay];
}

const adam = {
  ...wholes("w", "g", "mean", "square", "n"),
  ...reals("beta1", "rest1", "whole1"), // β, 1 − β, 1 − βᵗ
  ...reals("beta2", "rest2", "whole2"),
  ...reals("rate", "epsilon", "decay", "kept"), // kept: the part of w that AdamW leaves
};

/** Adam and AdamW: weights w, gradient g, and the running means of g and g², of n numbers. */
export const adamCall = callsOf("adam", adam);

/** Defines the updates of SGD and Adam. */
export function defineUpdates(module: Assembler): Kernels<"sgd" | "adam"> {
  const { splat, add, sub, mul, div, sqrt } = f32x4;
  return {
    ...module.define("sgd", sgd, (locals, declare) => {
      const { w, g, v, n, nesterov, rate, momentum, decay } = locals;
      const [end] = declare("i32"), [slope, speed] = declare("v128");
      return when(
        f32.gt(momentum, f32.const(0)),
        forEachVector([w, g, v], n, end, ({ read, write }) => [
          set(slope, add(read(g), mul(splat(decay), read(w)))),
          set(speed, add(mul(splat(momentum), read(v)), slope)),
          write(v, speed),
          when(nesterov, set(speed, add(slope, mul(splat(momentum), speed)))),
          write(w, sub(read(w), mul(splat(rate), speed))),
        ]),
        forEachVector([w, g, v], n, end, ({ read, write }) => [
          set(slope, add(read(g), mul(splat(decay), read(w)))), // 0·∞ would be NaN
          write(v, slope),
          write(w, sub(read(w), mul(splat(rate), slope))),
        ]),
      );
    }),

    ...module.define("adam", adam, (locals, declare) => {
      const { w, g, mean, square, n, rate, epsilon, decay, kept } = locals;
      const { beta1, rest1, whole1, beta2, rest2, whole2 } = locals;
      const [end] = declare("i32"), [slope, m, s] = declare("v128");
      const spread = add(sqrt(div(s, splat(whole2))), splat(epsilon));
      const step = div(mul(splat(rate), div(m, splat(whole1))), spread);
      return forEachVector([w, g, mean, square], n, end, ({ read, write }) => [
        set(slope, add(read(g), mul(splat(decay), read(w)))),
        set(m, add(mul(splat(beta1), read(mean)), mul(splat(rest1), slope))),
        set(s, add(mul(splat(beta2), read(square)), mul(mul(splat(rest2), slope), slope))),
        write(mean, m),
        write(square, s),
        write(w, sub(mul(splat(kept), read(w)), step)), // kept: decoupled weight decay
      ]);
    }),
  };
}
