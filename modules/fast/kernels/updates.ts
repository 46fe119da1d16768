/**
 * # Fast kernels: the optimizers' updates
 *
 * Module 06's formulas. Each number is read once and written once, so memory sets the pace.
 *
 * @module
 */
import { type Assembler, f32, f32x4, reals, set, when, wholes } from "../machine/assembler.ts";
import { overStretch } from "./lanes.ts";

/** Defines the updates of SGD and Adam. */
export function defineUpdates(module: Assembler): void {
  const sgd = { ...wholes("w", "g", "v", "n", "nesterov"), ...reals("rate", "momentum", "decay") };
  module.define("sgd", sgd, ({ w, g, v, n, nesterov, rate, momentum, decay }, declare) => {
    const end = declare("i32"), slope = declare("v128"), speed = declare("v128");
    const splat = f32x4.splat, { add, sub, mul } = f32x4;
    return when(
      f32.gt(momentum, f32.const(0)),
      overStretch([w, g, v], n, end, ({ read, write }) => [
        set(slope, add(read(g), mul(splat(decay), read(w)))),
        set(speed, add(mul(splat(momentum), read(v)), slope)),
        write(v, speed),
        when(nesterov, set(speed, add(slope, mul(splat(momentum), speed)))),
        write(w, sub(read(w), mul(splat(rate), speed))),
      ]),
      overStretch([w, g, v], n, end, ({ read, write }) => [
        set(slope, add(read(g), mul(splat(decay), read(w)))), // 0·∞ would be NaN
        write(v, slope),
        write(w, sub(read(w), mul(splat(rate), slope))),
      ]),
    );
  });

  const betas = reals("beta1", "rest1", "whole1", "beta2", "rest2", "whole2"); // rest = 1 − β
  const adam = {
    ...wholes("w", "g", "mean", "square", "n"),
    ...betas,
    ...reals("rate", "epsilon", "decay", "kept"),
  };
  module.define("adam", adam, (locals, declare) => {
    const { w, g, mean, square, n, rate, epsilon, decay, kept } = locals;
    const { beta1, rest1, whole1, beta2, rest2, whole2 } = locals;
    const end = declare("i32"), slope = declare("v128"), m = declare("v128"), s = declare("v128");
    const splat = f32x4.splat, { add, sub, mul, div, sqrt } = f32x4;
    return overStretch([w, g, mean, square], n, end, ({ read, write }) => [
      set(slope, add(read(g), mul(splat(decay), read(w)))),
      set(m, add(mul(splat(beta1), read(mean)), mul(splat(rest1), slope))),
      set(
        s,
        add(mul(splat(beta2), read(square)), mul(mul(splat(rest2), slope), slope)),
      ),
      write(mean, m),
      write(square, s),
      write(
        w,
        sub(
          mul(splat(kept), read(w)), // decoupled weight decay: AdamW's
          div(
            mul(splat(rate), div(m, splat(whole1))),
            add(sqrt(div(s, splat(whole2))), splat(epsilon)),
          ),
        ),
      ),
    ]);
  });
}
