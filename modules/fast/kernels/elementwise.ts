/**
 * # Fast kernels: element by element
 *
 * One formula for four numbers at a time. There is no branch in any of them: where a loop would ask,
 * a comparison makes a mask, all ones or all zeros, and the mask chooses.
 *
 * exp and log are polynomials on a short range, to which every number is brought by taking powers of
 * two out of it (Cephes, S. Moshier, 1984–1992; range reduction after Cody & Waite, 1980).
 *
 * Throughout: out, a, b, x addresses · n how many numbers
 *
 * @module
 */
import {
  type Assembler,
  type Code,
  type Declare,
  f32,
  f32x4,
  i32,
  i32x4,
} from "../machine/assembler.ts";
import { type Local, loopOver, move, type Operand, set, v128, when } from "../machine/assembler.ts";
import { wholes } from "../machine/assembler.ts";
import { overStretch } from "./lanes.ts";

/** A formula of one vector. */
type One = (x: Local, declare: Declare) => Code;

/** Defines all of them. */
export function defineElementwise(module: Assembler): void {
  const isOne = (mask: Code): Code => v128.and(mask, f32x4.const(1));
  const pairs: Readonly<Record<string, (a: Operand, b: Operand) => Code>> = {
    ...{ add: f32x4.add, sub: f32x4.sub, mul: f32x4.mul, div: f32x4.div, maximum: f32x4.max },
    equal: (a, b) => isOne(f32x4.eq(a, b)),
    notEqual: (a, b) => isOne(f32x4.ne(a, b)),
    greater: (a, b) => isOne(f32x4.gt(a, b)),
    greaterEqual: (a, b) => isOne(f32x4.ge(a, b)),
  };
  for (const [name, formula] of Object.entries(pairs)) definePair(module, name, formula);

  const singles: Readonly<Record<string, One>> = {
    neg: (x) => f32x4.neg(x),
    abs: (x) => f32x4.abs(x),
    sqrt: (x) => f32x4.sqrt(x),
    ...{ exp, log, tanh },
    relu: (x) => v128.and(x, v128.not(f32x4.lt(x, f32x4.const(0)))), // −0 and NaN stay
    sigmoid: (x, declare) => {
      const negative = declare("v128"), one = f32x4.const(1);
      return [set(negative, f32x4.neg(x)), f32x4.div(one, f32x4.add(one, exp(negative, declare)))];
    },
  };
  for (const [name, formula] of Object.entries(singles)) {
    module.define(name, wholes("out", "x", "n"), ({ out, x, n }, declare) => {
      const end = declare("i32"), value = declare("v128"), code = formula(value, declare);
      return overStretch([x, out], n, end, ({ read, write }) => [
        set(value, read(x)),
        write(out, code),
      ]);
    });
  }

  module.define("reluGradient", wholes("out", "g", "y", "n"), ({ out, g, y, n }, declare) => {
    return overStretch(
      [out, g, y],
      n,
      declare("i32"),
      ({ read, write }) => write(out, f32x4.mul(read(g), isOne(f32x4.ne(read(y), f32x4.const(0))))),
    );
  });
  defineTranspose(module);
}

/** A formula of two operands, either of which may be a single number: then its step is 0. */
function definePair(
  module: Assembler,
  name: string,
  formula: (a: Operand, b: Operand) => Code,
): void {
  const parameters = wholes("out", "a", "b", "n", "aStep", "bStep");
  module.define(name, parameters, ({ out, a, b, n, aStep, bStep }, declare) => {
    const end = declare("i32"), x = declare("v128"), y = declare("v128");
    const both = overStretch(
      [out, a, b],
      n,
      end,
      ({ read, write }) => write(out, formula(read(a), read(b))),
    );
    const aAlone = overStretch(
      [out, a],
      n,
      end,
      ({ read, write }) => write(out, formula(read(a), y)),
    );
    const bAlone = overStretch(
      [out, b],
      n,
      end,
      ({ read, write }) => write(out, formula(x, read(b))),
    );
    return when(i32.or(i32.and(aStep, bStep), i32.eq(n, 1)), both, [
      set(x, v128.loadSplat(a)),
      set(y, v128.loadSplat(b)),
      when(aStep, aAlone, bAlone),
    ]);
  });
}

/** A polynomial, its coefficients from the highest power down. */
function polynomial(x: Operand, coefficients: readonly number[]): Code {
  const [first, ...others] = coefficients;
  return others.reduce<Code>(
    (sum, coefficient) => f32x4.add(f32x4.mul(sum, x), f32x4.const(coefficient)),
    f32x4.const(first),
  );
}

// ── exp ──
// eˣ = 2ⁿ · eʳ, with n the whole number nearest to x/ln 2, and so |r| ≤ ½ ln 2. 2ⁿ is made of bits: n
// goes where the exponent of a number stands. It is made in two halves, because 2¹²⁸ does not fit,
// and because a very small result must be rounded only once.

/** eˣ for each of four numbers. */
export function exp(x: Operand, declare: Declare): Code {
  const n = declare("v128"), r = declare("v128"), whole = declare("v128"), half = declare("v128");
  const bounded = f32x4.min(f32x4.max(x, f32x4.const(-104)), f32x4.const(89));
  const power = (exponent: Operand): Code => i32x4.shl(i32x4.add(exponent, i32x4.const(127)), 23);
  return [
    set(r, bounded),
    set(n, f32x4.nearest(f32x4.mul(r, f32x4.const(Math.LOG2E)))),
    set(r, f32x4.sub(r, f32x4.mul(n, f32x4.const(0.693359375)))), // ln 2 in two parts
    set(r, f32x4.sub(r, f32x4.mul(n, f32x4.const(-2.12194440e-4)))),
    set(whole, i32x4.truncate(n)),
    set(half, i32x4.sar(whole, 1)),
    f32x4.mul(
      f32x4.mul(
        f32x4.add(
          f32x4.add(
            f32x4.mul(
              f32x4.mul(r, r),
              polynomial(r, [
                ...[1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3],
                ...[4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
              ]),
            ),
            r,
          ),
          f32x4.const(1),
        ),
        power(half),
      ),
      power(i32x4.sub(whole, half)),
    ),
  ];
}

// ── log ──
// x = 2ᵉ · m with ½√2 ≤ m < √2, so ln x = e·ln 2 + ln m, and ln m is a polynomial of m − 1. A denormal
// number is first made larger by 2²³.

/** ln x for each of four numbers. */
export function log(x: Operand, declare: Declare): Code {
  const m = declare("v128"), e = declare("v128"), z = declare("v128"), value = declare("v128");
  const isSmall = declare("v128"), isLow = declare("v128"), y = declare("v128");
  const one = f32x4.const(1), infinity = f32x4.const(Infinity);
  return [
    set(value, x),
    set(isSmall, f32x4.lt(value, f32x4.const(2 ** -126))),
    set(m, v128.bitselect(f32x4.mul(value, f32x4.const(2 ** 23)), value, isSmall)),
    set(e, i32x4.sub(i32x4.sar(m, 23), i32x4.const(126))),
    set(e, f32x4.sub(f32x4.convert(e), v128.and(isSmall, f32x4.const(23)))),
    set(m, v128.or(v128.and(m, i32x4.const(0x007fffff)), f32x4.const(0.5))), // ½ ≤ m < 1
    set(isLow, f32x4.lt(m, f32x4.const(Math.SQRT1_2))),
    set(e, f32x4.sub(e, v128.and(isLow, one))),
    set(m, f32x4.sub(f32x4.add(m, v128.and(isLow, m)), one)), // from here on m − 1
    set(z, f32x4.mul(m, m)),
    set(
      y,
      f32x4.mul(
        f32x4.mul(m, z),
        polynomial(m, [
          ...[7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1],
          ...[-1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1],
          ...[2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1],
        ]),
      ),
    ),
    set(
      y,
      f32x4.sub(
        f32x4.add(y, f32x4.mul(e, f32x4.const(-2.12194440e-4))),
        f32x4.mul(z, f32x4.const(0.5)),
      ),
    ),
    set(y, f32x4.add(f32x4.add(m, y), f32x4.mul(e, f32x4.const(0.693359375)))),
    set(y, v128.bitselect(value, y, f32x4.eq(value, infinity))),
    set(y, v128.bitselect(f32x4.const(-Infinity), y, f32x4.eq(value, f32x4.const(0)))),
    v128.bitselect(y, f32x4.const(NaN), f32x4.ge(value, f32x4.const(0))),
  ];
}

/** tanh x: an odd polynomial near 0, and 1 − 2/(e²ˣ + 1) further out. */
function tanh(x: Operand, declare: Declare): Code {
  const size = declare("v128"),
    far = declare("v128"),
    square = declare("v128"),
    twice = declare("v128");
  const sign = i32x4.const(-0x80000000);
  const one = f32x4.const(1), two = f32x4.const(2);
  return [
    set(size, f32x4.abs(x)),
    set(twice, f32x4.add(size, size)),
    set(far, f32x4.sub(one, f32x4.div(two, f32x4.add(exp(twice, declare), one)))),
    set(square, f32x4.mul(x, x)),
    v128.bitselect(
      f32x4.add(
        f32x4.mul(
          f32x4.mul(x, square),
          polynomial(square, [
            ...[-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2],
            ...[1.33314422036e-1, -3.33332819422e-1],
          ]),
        ),
        x,
      ),
      v128.or(far, v128.and(x, sign)),
      f32x4.lt(size, f32x4.const(0.625)),
    ),
  ];
}

/** Transposes each (rows, columns) matrix of a stack: blocks of 4×4 by shuffles, the rest one by one. */
function defineTranspose(module: Assembler): void {
  const parameters = wholes("out", "x", "stack", "rows", "columns");
  module.define("transpose", parameters, ({ out, x, stack, rows, columns }, declare) => {
    const matrix = declare("i32"), row = declare("i32"), column = declare("i32");
    const from = declare("i32"), to = declare("i32"), wide = declare("i32"), high = declare("i32");
    const [a, b, c, d] = [0, 1, 2, 3].map(() => declare("v128"));
    const across = i32.mul(columns, 4), down = i32.mul(rows, 4);
    const place = (base: Local, line: Operand, pitch: Operand, index: Operand): Code =>
      i32.add(base, i32.add(i32.mul(line, pitch), i32.mul(index, 4)));
    const single = f32.store(
      place(out, column, down, row),
      f32.load(place(x, row, across, column)),
    );
    const low = [0, 4, 1, 5], high2 = [2, 6, 3, 7], first = [0, 1, 4, 5], second = [2, 3, 6, 7];
    const left = declare("v128"), right = declare("v128");
    const columnsOf = (p: Local, q: Local, lanes: readonly number[]): Code =>
      f32x4.shuffle(p, q, lanes);
    const block = [
      set(from, place(x, row, across, column)),
      set(to, place(out, column, down, row)),
      [a, b, c, d].map((vector) => [set(vector, v128.load(from)), move(from, across)]),
      [low, high2].map((half) => [
        set(left, columnsOf(a, b, half)),
        set(right, columnsOf(c, d, half)),
        [first, second].map((lanes) => [
          v128.store(to, columnsOf(left, right, lanes)),
          move(to, down),
        ]),
      ]),
    ];
    return loopOver(matrix, 0, stack, 1, [
      set(wide, i32.and(columns, -4)),
      set(high, i32.and(rows, -4)),
      loopOver(row, 0, high, 4, [
        loopOver(column, 0, wide, 4, block),
      ]),
      loopOver(row, 0, rows, 1, loopOver(column, wide, columns, 1, single)),
      loopOver(row, high, rows, 1, loopOver(column, 0, wide, 1, single)),
      move(x, i32.mul(i32.mul(rows, columns), 4)),
      move(out, i32.mul(i32.mul(rows, columns), 4)),
    ]);
  });
}
