/**
 * # Fast kernels: behind the doors of modules 01 and 02
 *
 * Loops over elements, sums, and the order of axes.
 *
 * @module
 */
import type { Door, ElementLoop, Loop, Replacement } from "#tensor";
import type { Call, KernelName } from "../kernels/assemble.ts";
import { partsOf, worthSharing } from "../machine/machine.ts";
import { type Modules, on, type Tools } from "./tools.ts";

/** Numbers in a part are a multiple of this: whole cache lines. */
export const line = 16;

/** What runs in place of the loops of module 01. */
export function replaceTensor(tools: Tools, modules: Modules): Replacement[] {
  const { machine, made } = tools, { run } = machine;
  const { pairDoors, comparisonDoors, elementDoors, sumDoor, permuteDoor } = modules;
  const pair = (door: Door<Loop>, kernel: KernelName): Replacement =>
    on(door, (own) => pairLoop(tools, kernel, own));
  return [
    pair(pairDoors.add, "add"),
    pair(pairDoors.sub, "sub"),
    pair(pairDoors.mul, "mul"),
    pair(pairDoors.div, "div"),
    pair(pairDoors.maximum, "maximum"),
    pair(comparisonDoors.equal, "equal"),
    pair(comparisonDoors.notEqual, "notEqual"),
    pair(comparisonDoors.greater, "greater"),
    pair(comparisonDoors.greaterEqual, "greaterEqual"),
    onElements(tools, elementDoors.neg, "neg"),
    onElements(tools, elementDoors.exp, "exp"),
    onElements(tools, elementDoors.log, "log"),
    onElements(tools, elementDoors.sqrt, "sqrt"),
    onElements(tools, elementDoors.abs, "abs"),

    on(sumDoor, (own) => (x, outer, middle, inner) => {
      if (!machine.holds(x.data)) return own(x, outer, middle, inner);
      const sums = made([outer, inner], (to) => {
        if (inner === 1) run.sumRows(to, machine.address(x.data), outer, middle);
        else run.sumColumns(to, machine.address(x.data), outer, middle, inner);
      });
      return sums ?? own(x, outer, middle, inner);
    }),

    // Only the last two axes exchanged; other orders are rare.
    on(permuteDoor, (own) => (x, axes) => {
      const rank = axes.length, [rows, columns] = x.shape.slice(-2);
      const isTransposed = rank === x.shape.length && rank > 1 &&
        axes.every((axis, k) => axis === (k < rank - 2 ? k : 2 * rank - 3 - k));
      if (!isTransposed || !machine.holds(x.data)) return own(x, axes);
      const shape = [...x.shape.slice(0, -2), columns, rows];
      const stack = x.data.length / (rows * columns);
      const transposed = made(shape, (to) => {
        run.transpose(to, machine.address(x.data), stack, rows, columns);
      });
      return transposed ?? own(x, axes);
    }),
  ];
}

/** What runs in place of the loops of module 02. */
export function replaceActivations(tools: Tools, { activationDoors }: Modules): Replacement[] {
  return [
    onElements(tools, activationDoors.relu, "relu"),
    onElements(tools, activationDoors.sigmoid, "sigmoid"),
    onElements(tools, activationDoors.tanh, "tanh"),
  ];
}

/** A loop over pairs, where both operands are read straight on or are a single number. */
function pairLoop({ machine }: Tools, name: KernelName, own: Loop): Loop {
  const kernel = machine.run[name];
  return (out, a, b, stretch) => {
    const { o, i, iStep, j, jStep, n } = stretch;
    if (iStep > 1 || jStep > 1 || !machine.holds(out, a, b)) return own(out, a, b, stretch);
    const [to, x, y] = [out.byteOffset + 4 * o, a.byteOffset + 4 * i, b.byteOffset + 4 * j];
    if (!isShared(machine.threads, n)) return kernel(to, x, y, n, iStep, jStep);
    const calls = partsOf(n, line).map(([from, end]): Call => {
      const addresses = [to + 4 * from, x + 4 * from * iStep, y + 4 * from * jStep];
      return [name, ...addresses, end - from, iStep, jStep];
    });
    machine.share(calls, n);
  };
}

/** A loop over the numbers of one tensor. */
function onElements({ machine }: Tools, door: Door<ElementLoop>, name: KernelName): Replacement {
  const kernel = machine.run[name];
  return on(door, (own) => (out, x) => {
    if (!machine.holds(out, x)) return own(out, x);
    const to = out.byteOffset, from = x.byteOffset;
    if (!isShared(machine.threads, x.length)) return kernel(to, from, x.length);
    const calls = partsOf(x.length, line).map(([begin, end]): Call => {
      return [name, to + 4 * begin, from + 4 * begin, end - begin];
    });
    machine.share(calls, x.length);
  });
}

function isShared(threads: number, n: number): boolean {
  return threads > 1 && n >= worthSharing;
}
