/**
 * # Fast kernels: four numbers, or one
 *
 * A vector instruction works on four numbers. An array of 30 has seven times four, and two that are
 * left over. Both are handled by the same formula, written twice: once with loads and stores of four
 * numbers, and once of one, with three zeros beside it that nobody looks at.
 *
 * @module
 */
import { type Code, f32, f32x4, i32, i32x4, type Local, loopWhile } from "../machine/assembler.ts";
import { move, type Operand, set, v128 } from "../machine/assembler.ts";

/** How a formula reads and writes: four numbers at a time, or one. */
export interface Lanes {
  readonly read: (address: Operand) => Code;
  readonly write: (address: Operand, value: Operand) => Code;
  /** The value, with zeros in the place of what is not looked at. */
  readonly keep: (value: Code) => Code;
}

const four: Lanes = {
  read: (address) => v128.load(address),
  write: (address, value) => v128.store(address, value),
  keep: (value) => value,
};

const one: Lanes = {
  read: (address) => v128.loadOne(address),
  write: (address, value) => v128.storeOne(address, value),
  keep: (value) => v128.and(value, i32x4.const(-1, 0, 0, 0)),
};

/**
 * A formula over the numbers at some addresses. Where several stand in a row, it is told which one it
 * is, so that each can add to a sum of its own and need not wait for the one before.
 */
export type Formula = (lanes: Lanes, turn: number) => Code;

/**
 * Runs a formula over stretches of n numbers, four at a time as far as that goes.
 *
 * @param walks Addresses that move along; when it is over, they stand behind the last numbers.
 * @param n How many numbers: a variable.
 * @param end A variable to use.
 * @param formula What to do at each place.
 * @param turns How many fours stand in a row in the loop.
 */
export function overStretch(
  walks: readonly Local[],
  n: Local,
  end: Local,
  formula: Formula,
  turns = 1,
): Code {
  const [first] = walks, go = (bytes: number): Code => walks.map((walk) => move(walk, bytes));
  return [
    turns === 1 ? [] : [
      set(end, i32.add(first, i32.mul(i32.and(n, -4 * turns), 4))),
      loopWhile(
        i32.lt(first, end),
        Array.from({ length: turns }, (_, turn) => [formula(four, turn), go(16)]),
      ),
    ],
    turns === 1
      ? set(end, i32.add(first, i32.mul(i32.and(n, -4), 4)))
      : move(end, i32.mul(i32.and(n, 4 * turns - 4), 4)),
    loopWhile(i32.lt(first, end), [formula(four, 0), go(16)]),
    move(end, i32.mul(i32.and(n, 3), 4)),
    loopWhile(i32.lt(first, end), [formula(one, 0), go(4)]),
  ];
}

/** The sum of four numbers. */
export function sumOf(vector: Operand): Code {
  const [a, b, c, d] = [0, 1, 2, 3].map((lane) => f32x4.extract(vector, lane));
  return f32.add(f32.add(a, b), f32.add(c, d));
}
