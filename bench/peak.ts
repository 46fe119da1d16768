/**
 * The most that one core can multiply and add: twelve registers that never wait for memory.
 *
 * @module
 */
import {
  Assembler,
  f32x4,
  loopOver,
  set,
  v128,
  wholes,
} from "../modules/fast/machine/assembler.ts";
import type { Level } from "../modules/fast/kernels/assemble.ts";
import { multiplyAdd } from "../modules/fast/kernels/products.ts";

/** Multiplications and additions in a round: 4 × 12 instructions on 4 numbers each. */
export const perRound = 4 * 12 * 4;

/** Makes a function that runs so many rounds. */
export function peakOf(level: Level): (rounds: number) => void {
  const module = new Assembler(), relaxed = level === "relaxed SIMD";
  module.define("peak", wholes("rounds", "out"), ({ rounds, out }, declare) => {
    const values = [...declare("v128", 12)], [half, one] = declare("v128"), [k] = declare("i32");
    const once = values.map((value) => set(value, multiplyAdd(relaxed, value, half, one)));
    return [
      set(half, f32x4.const(0.5)),
      set(one, f32x4.const(1)),
      loopOver(k, 0, rounds, 1, [once, once, once, once]),
      values.map((value, k) => v128.store(out, value, 16 * k)), // or nothing need be computed
    ];
  });
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const compiled = new WebAssembly.Module(module.assemble({ pages: 1, shared: false }));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const peak = exports.peak as (rounds: number, out: number) => void;
  return (rounds) => peak(rounds, 64);
}
