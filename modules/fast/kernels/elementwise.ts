/**
 * # Fast kernels: element by element
 *
 * One formula for four numbers at a time. None of them branches: where a loop would ask, a
 * comparison makes a mask, all ones or all zeros, and the mask chooses.
 *
 * exp and log are polynomials on a short range. Every number is brought into it by taking powers of
 * two out (Cephes, S. Moshier, 1984–1992; range reduction after Cody & Waite, 1980).
 *
 * - **out**, **a**, **b**, **x** addresses · **n** how many numbers
 *
 * @module
 */
import { type Assembler, type Code, type Declare, f32, f32x4, i32 } from "../machine/assembler.ts";
import { i32x4, type Kernels, type Local, loopOver, move } from "../machine/assembler.ts";
import { type Operand, set, v128, when, wholes } from "../machine/assembler.ts";
import { forEachVector, type Lanes } from "./lanes.ts";

/** A formula of two operands. */
type Pair = (a: Operand, b: Operand) => Code;

/** A formula of one vector. */
type Single = (x: Local, declare: Declare) => Code;

const zero = f32x4.const(0), one = f32x4.const(1);

const pairs = {
  ...{ add: f32x4.add, sub: f32x4.sub, mul: f32x4.mul, div: f32x4.div, maximum: f32x4.max },
  equal: (a, b) => oneWhere(f32x4.eq(a, b)),
  notEqual: (a, b) => oneWhere(f32x4.ne(a, b)),
  greater: (a, b) => oneWhere(f32x4.gt(a, b)),
  greaterEqual: (a, b) => oneWhere(f32x4.ge(a, b)),
} satisfies Readonly<Record<string, Pair>>;

const singles = {
  neg: (x) => f32x4.neg(x),
  abs: (x) => f32x4.abs(x),
  sqrt: (x) => f32x4.sqrt(x),
  ...{ exp, log, tanh },
  relu: (x) => v128.and(x, v128.not(f32x4.lt(x, zero))), // −0 and NaN stay
  sigmoid: (x, declare) => {
    const [negative] = declare("v128");
    return [set(negative, f32x4.neg(x)), f32x4.div(one, f32x4.add(one, exp(negative, declare)))];
  },
} satisfies Readonly<Record<string, Single>>;

type PairKernels = Kernels<keyof typeof pairs>;
type SingleKernels = Kernels<keyof typeof singles>;

/** Defines all of them. */
export function defineElementwise(
  module: Assembler,
): PairKernels & SingleKernels & Kernels<"reluGradient" | "transpose"> {
  return {
    ...definePairs(module),
    ...defineSingles(module),
    ...module.define("reluGradient", wholes("out", "g", "y", "n"), ({ out, g, y, n }, declare) => {
      const [end] = declare("i32");
      return forEachVector([out, g, y], n, end, ({ read, write }) => [
        write(out, f32x4.mul(read(g), oneWhere(f32x4.ne(read(y), zero)))),
      ]);
    }),
    ...defineTranspose(module),
  };
}

/** 1 where a mask is set, and 0 elsewhere. */
function oneWhere(mask: Code): Code {
  return v128.and(mask, one);
}

/** Formulas of two operands, either of which may be a single number: then its step is 0. */
function definePairs(module: Assembler): PairKernels {
  const signature = wholes("out", "a", "b", "n", "aStep", "bStep");
  const kernels = Object.entries<Pair>(pairs).map(([name, formula]) =>
    module.define(name, signature, ({ out, a, b, n, aStep, bStep }, declare) => {
      const [end] = declare("i32"), [x, y] = declare("v128");
      const write = (moving: readonly Local[], value: (read: Lanes["read"]) => Code): Code =>
        forEachVector([out, ...moving], n, end, ({ read, write }) => write(out, value(read)));
      const both = write([a, b], (read) => formula(read(a), read(b)));
      const aAlone = write([a], (read) => formula(read(a), y));
      const bAlone = write([b], (read) => formula(x, read(b)));
      return when(i32.or(i32.and(aStep, bStep), i32.eq(n, 1)), both, [
        set(x, v128.loadSplat(a)),
        set(y, v128.loadSplat(b)),
        when(aStep, aAlone, bAlone),
      ]);
    })
  );
  return Object.assign({}, ...kernels);
}

function defineSingles(module: Assembler): SingleKernels {
  const kernels = Object.entries<Single>(singles).map(([name, formula]) =>
    module.define(name, wholes("out", "x", "n"), ({ out, x, n }, declare) => {
      const [end] = declare("i32"), [value] = declare("v128"), code = formula(value, declare);
      return forEachVector([x, out], n, end, ({ read, write }) => [
        set(value, read(x)),
        write(out, code),
      ]);
    })
  );
  return Object.assign({}, ...kernels);
}

/** A polynomial, its coefficients from the highest power down. */
function polynomial(x: Operand, coefficients: readonly number[]): Code {
  const [first, ...others] = coefficients.map(f32x4.const);
  return others.reduce<Code>((sum, next) => f32x4.add(f32x4.mul(sum, x), next), first);
}

// ── exp ──
// eˣ = 2ⁿ · eʳ, with n the whole number nearest to x/ln 2, and so |r| ≤ ½ ln 2. 2ⁿ is made of bits:
// n goes where the exponent of a number stands. It is made in two halves, because 2¹²⁸ does not
// fit, and because a very small result must be rounded only once.

/** eˣ for each of four numbers. */
export function exp(x: Operand, declare: Declare): Code {
  const { add, sub, mul } = f32x4, [n, r, whole, half] = declare("v128");
  const twoTo = (exponent: Operand): Code => i32x4.shl(i32x4.add(exponent, i32x4.const(127)), 23);
  const series = polynomial(r, [
    ...[1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3],
    ...[4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  ]);
  const powerOfR = add(add(mul(mul(r, r), series), r), one);
  return [
    set(r, f32x4.min(f32x4.max(x, f32x4.const(-104)), f32x4.const(89))),
    set(n, f32x4.nearest(mul(r, f32x4.const(Math.LOG2E)))),
    set(r, sub(r, mul(n, f32x4.const(0.693359375)))), // ln 2 in two parts
    set(r, sub(r, mul(n, f32x4.const(-2.12194440e-4)))),
    set(whole, i32x4.truncate(n)),
    set(half, i32x4.sar(whole, 1)),
    mul(mul(powerOfR, twoTo(half)), twoTo(i32x4.sub(whole, half))),
  ];
}

// ── log ──
// x = 2ᵉ · m with ½√2 ≤ m < √2, so ln x = e·ln 2 + ln m, and ln m is a polynomial of m − 1. A
// denormal number is first made larger by 2²³.

/** ln x for each of four numbers. */
export function log(x: Operand, declare: Declare): Code {
  const { add, sub, mul } = f32x4, [m, e, z, value, isSmall, isLow, y] = declare("v128");
  const series = polynomial(m, [
    ...[7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1],
    ...[-1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1],
    ...[2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1],
  ]);
  return [
    set(value, x),
    set(isSmall, f32x4.lt(value, f32x4.const(2 ** -126))),
    set(m, v128.bitselect(mul(value, f32x4.const(2 ** 23)), value, isSmall)),
    set(e, i32x4.sub(i32x4.sar(m, 23), i32x4.const(126))),
    set(e, sub(f32x4.convert(e), v128.and(isSmall, f32x4.const(23)))),
    set(m, v128.or(v128.and(m, i32x4.const(0x007fffff)), f32x4.const(0.5))), // ½ ≤ m < 1
    set(isLow, f32x4.lt(m, f32x4.const(Math.SQRT1_2))),
    set(e, sub(e, v128.and(isLow, one))),
    set(m, sub(add(m, v128.and(isLow, m)), one)), // from here on m − 1
    set(z, mul(m, m)),
    set(y, mul(mul(m, z), series)),
    set(y, sub(add(y, mul(e, f32x4.const(-2.12194440e-4))), mul(z, f32x4.const(0.5)))),
    set(y, add(add(m, y), mul(e, f32x4.const(0.693359375)))), // ln 2 in two parts, as in exp
    set(y, v128.bitselect(value, y, f32x4.eq(value, f32x4.const(Infinity)))),
    set(y, v128.bitselect(f32x4.const(-Infinity), y, f32x4.eq(value, zero))),
    v128.bitselect(y, f32x4.const(NaN), f32x4.ge(value, zero)),
  ];
}

/** tanh x: an odd polynomial near 0, and 1 − 2/(e²ˣ + 1) further out. */
function tanh(x: Operand, declare: Declare): Code {
  const { add, sub, mul, div } = f32x4, [size, far, square, twice] = declare("v128");
  const series = polynomial(square, [
    ...[-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2],
    ...[1.33314422036e-1, -3.33332819422e-1],
  ]);
  const near = add(mul(mul(x, square), series), x), sign = i32x4.const(-0x80000000);
  return [
    set(size, f32x4.abs(x)),
    set(twice, add(size, size)),
    set(far, sub(one, div(f32x4.const(2), add(exp(twice, declare), one)))),
    set(square, mul(x, x)),
    v128.bitselect(near, v128.or(far, v128.and(x, sign)), f32x4.lt(size, f32x4.const(0.625))),
  ];
}

/** Transposes each (rows, columns) matrix of a stack: 4×4 blocks by shuffles, others one by one. */
function defineTranspose(module: Assembler): Kernels<"transpose"> {
  const signature = wholes("out", "x", "stack", "rows", "columns");
  return module.define("transpose", signature, ({ out, x, stack, rows, columns }, declare) => {
    const [matrix, row, column, from, to, wide, high] = declare("i32");
    const [a, b, c, d, left, right] = declare("v128");
    const across = i32.mul(columns, 4), down = i32.mul(rows, 4); // bytes in a row of x and of out
    const at = (row: Operand, column: Operand): Code => i32.add(row, i32.mul(column, 4));
    const source = i32.add(x, at(i32.mul(row, across), column));
    const target = i32.add(out, at(i32.mul(column, down), row));
    const single = f32.store(target, f32.load(source));
    const block = [
      set(from, source),
      set(to, target),
      [a, b, c, d].map((vector) => [set(vector, v128.load(from)), move(from, across)]),
      [[0, 4, 1, 5], [2, 6, 3, 7]].map((lanes) => [ // two columns of a and b, of c and d
        set(left, f32x4.shuffle(a, b, lanes)),
        set(right, f32x4.shuffle(c, d, lanes)),
        [[0, 1, 4, 5], [2, 3, 6, 7]].map((lanes) => [ // each column whole
          v128.store(to, f32x4.shuffle(left, right, lanes)),
          move(to, down),
        ]),
      ]),
    ];
    return loopOver(matrix, 0, stack, 1, [
      set(wide, i32.and(columns, -4)),
      set(high, i32.and(rows, -4)),
      loopOver(row, 0, high, 4, loopOver(column, 0, wide, 4, block)),
      loopOver(row, 0, rows, 1, loopOver(column, wide, columns, 1, single)),
      loopOver(row, high, rows, 1, loopOver(column, 0, wide, 1, single)),
      move(x, i32.mul(i32.mul(rows, columns), 4)),
      move(out, i32.mul(i32.mul(rows, columns), 4)),
    ]);
  });
}
