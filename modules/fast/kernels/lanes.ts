/**
 * # Fast kernels: four numbers, or one
 *
 * A vector instruction works on four numbers. An array of 30 has seven times four, and two that are
 * left over. One formula handles both, written twice: once with loads and stores of four numbers,
 * and once of one number, with three zeros next to it that nobody looks at.
 *
 * - **cursor** an address in a variable, which moves along an array
 *
 * @module
 */
import { type Code, f32, f32x4, i32, i32x4, type Local, loopWhile } from "../machine/assembler.ts";
import { move, type Operand, set, v128 } from "../machine/assembler.ts";

/** How a formula reads and writes: four numbers at a time, or one. */
export interface Lanes {
  readonly read: (address: Operand) => Code;
  readonly write: (address: Operand, value: Operand) => Code;
  /** The value, with zeros in the lanes that nobody looks at. */
  readonly keep: (value: Code) => Code;
}

const four: Lanes = { read: v128.load, write: v128.store, keep: (value) => value };

const one: Lanes = {
  read: v128.loadOne,
  write: v128.storeOne,
  keep: (value) => v128.and(value, i32x4.const(-1, 0, 0, 0)),
};

/**
 * A formula over the numbers at some addresses. Where the loop holds several copies of it, each is
 * told which copy it is, so that it can add to a sum of its own and need not wait for the others.
 */
export type Formula = (lanes: Lanes, copy: number) => Code;

/**
 * Runs a formula over n numbers, four at a time as long as there are four.
 *
 * @param cursors Addresses that move along; at the end they stand behind the last numbers.
 * @param n How many numbers: a variable.
 * @param end A variable to use.
 * @param formula What to do at each place.
 * @param copies How many copies of the formula, four numbers each, the loop holds.
 */
export function forEachVector(
  cursors: readonly Local[],
  n: Local,
  end: Local,
  formula: Formula,
  copies = 1,
): Code {
  const [first] = cursors;
  const advance = (bytes: number): Code => cursors.map((cursor) => move(cursor, bytes));
  const unrolled = Array.from({ length: copies }, (_, copy) => [formula(four, copy), advance(16)]);
  return [
    set(end, i32.add(first, i32.mul(i32.and(n, -4 * copies), 4))),
    copies === 1 ? [] : [
      loopWhile(i32.lt(first, end), unrolled),
      move(end, i32.mul(i32.and(n, 4 * copies - 4), 4)),
    ],
    loopWhile(i32.lt(first, end), [formula(four, 0), advance(16)]),
    move(end, i32.mul(i32.and(n, 3), 4)),
    loopWhile(i32.lt(first, end), [formula(one, 0), advance(4)]),
  ];
}

/** The sum of four numbers. */
export function sumOf(vector: Operand): Code {
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => f32x4.extract(vector, lane));
  return f32.add(f32.add(a, b), f32.add(c, d));
}
