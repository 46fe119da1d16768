/**
 * # Fast kernels: sums
 *
 * Module 01's sum over the middle of (outer, middle, inner). Each addition rounds, and in a long
 * sum the errors add up. So all sums are in double precision, as in module 01, two to a vector.
 *
 * @module
 */
import { type Assembler, type Code, type Declare, f32, f32x4, f64 } from "../machine/assembler.ts";
import { f64x2, i32, type Kernels, type Local, loopOver, move } from "../machine/assembler.ts";
import { type Operand, set, wholes } from "../machine/assembler.ts";
import { forEachVector } from "./lanes.ts";

/** Four sums in double precision. */
interface Sums {
  readonly low: Local;
  readonly high: Local;
  /** Makes them 0. */
  readonly clear: Code;
  /** Adds four numbers. */
  readonly add: (values: Operand) => Code;
}

function sums(declare: Declare): Sums {
  const [low, high, values, zero] = declare("v128");
  const lastTwo = f32x4.shuffle(values, values, [2, 3, 2, 3]);
  return {
    low,
    high,
    clear: [set(low, zero), set(high, zero)],
    add: (operand) => [
      set(values, operand),
      set(low, f64x2.add(low, f64x2.promote(values))),
      set(high, f64x2.add(high, f64x2.promote(lastTwo))),
    ],
  };
}

/** Defines both kinds: the sum of each row, and the sums of columns. */
export function defineSums(module: Assembler): Kernels<"sumRows" | "sumColumns"> {
  const rowsSignature = wholes("out", "x", "rows", "n");
  const sumRows = module.define("sumRows", rowsSignature, ({ out, x, rows, n }, declare) => {
    const { low, high, clear, add } = sums(declare), [row, end] = declare("i32");
    const both = f64x2.add(low, high);
    return loopOver(row, 0, rows, 1, [
      clear,
      forEachVector([x], n, end, ({ read }) => add(read(x))),
      f32.store(out, f32.demote(f64.add(f64x2.extract(both, 0), f64x2.extract(both, 1)))),
      move(out, 4),
    ]);
  });

  const parameters = wholes("out", "x", "outer", "middle", "inner");
  const sumColumns = module.define("sumColumns", parameters, (locals, declare) => {
    const { out, x, outer, middle, inner } = locals, { low, high, clear, add } = sums(declare);
    const [o, m, end, line, last] = declare("i32");
    const total = f32x4.shuffle(f32x4.demote(low), f32x4.demote(high), [0, 1, 4, 5]);
    return [
      set(line, i32.mul(inner, 4)),
      loopOver(o, 0, outer, 1, [
        forEachVector([out, x], inner, end, ({ read, write }) => [
          clear,
          set(last, i32.add(x, i32.mul(middle, line))),
          loopOver(m, x, last, line, add(read(m))),
          write(out, total),
        ]),
        move(x, i32.mul(i32.sub(middle, 1), line)),
      ]),
    ];
  });
  return { ...sumRows, ...sumColumns };
}
