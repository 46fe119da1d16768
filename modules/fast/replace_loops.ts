/**
 * # Fast kernels: in the place of module 01's and 02's loops
 *
 * @module
 */
import type { Rule } from "#autograd";
import type { Data, ElementLoop, Loop, Values } from "#tensor";

import { partsOf, worthSharing } from "./machine.ts";
import type { Call } from "./threads.ts";
import type { Workshop } from "./workshop.ts";

/** Module 01's sum of a tensor seen as (outer, middle, inner), over the middle. */
type Fold = (x: Values, outer: number, middle: number, inner: number) => Values;

/** Module 01's change of the order of axes. */
type Permute = (x: Values, axes: readonly number[]) => Values;

/** Makes the replacement of a module's own form. */
type Replace<Own> = (own: Own) => Own;

const pairs = [
  ...["add", "sub", "mul", "div", "maximum"],
  ...["equal", "notEqual", "greater", "greaterEqual"],
];
const singles = ["neg", "exp", "log", "sqrt", "abs", "relu", "sigmoid", "tanh"];

/** Numbers in a part are a multiple of this: whole cache lines. */
const line = 16;

/** What runs in the place of loops over elements, of sums, and of the order of axes. */
export function replaceLoops(
  { machine, made, isSingle }: Workshop,
): Record<
  string,
  (own: never) => object
> {
  const { run } = machine;
  const isShared = (n: number): boolean => machine.threads > 1 && n >= worthSharing;

  function replacePair(name: string, own: Loop): Loop {
    const kernel = run[name];
    return (out, a, b, stretch) => {
      const { o, i, iStep, j, jStep, n } = stretch;
      if (iStep > 1 || jStep > 1 || !machine.holdsAll(out, a, b)) return own(out, a, b, stretch);
      const [to, x, y] = [out.byteOffset + 4 * o, a.byteOffset + 4 * i, b.byteOffset + 4 * j];
      if (!isShared(n)) return kernel(to, x, y, n, iStep, jStep);
      const calls = partsOf(n, line).map(([from, end]): Call => {
        const addresses = [to + 4 * from, x + 4 * from * iStep, y + 4 * from * jStep];
        return [name, ...addresses, end - from, iStep, jStep];
      });
      machine.share(calls, n);
    };
  }

  function replaceSingle(name: string, own: ElementLoop): ElementLoop {
    const kernel = run[name];
    return (out, x) => {
      if (!machine.holdsAll(out, x)) return own(out, x);
      const to = out.byteOffset, from = x.byteOffset;
      if (!isShared(x.length)) return kernel(to, from, x.length);
      const calls = partsOf(x.length, line).map(([begin, end]): Call => {
        return [name, to + 4 * begin, from + 4 * begin, end - begin];
      });
      machine.share(calls, x.length);
    };
  }

  const sumBlock: Replace<Fold> = (own) => (x, outer, middle, inner) => {
    if (!machine.holds(x.data)) return own(x, outer, middle, inner);
    const sums = made([outer, inner], (to) => {
      if (inner === 1) run.sumRows(to, machine.address(x.data), outer, middle);
      else run.sumColumns(to, machine.address(x.data), outer, middle, inner);
    });
    return sums ?? own(x, outer, middle, inner);
  };

  /** Only the last two axes exchanged; other orders are rare. */
  const permute: Replace<Permute> = (own) => (x, axes) => {
    const rank = axes.length, [rows, columns] = x.shape.slice(-2);
    const isTransposed = rank === x.shape.length && rank > 1 &&
      axes.every((axis, k) => axis === (k < rank - 2 ? k : 2 * rank - 3 - k));
    if (!isTransposed || !machine.holds(x.data)) return own(x, axes);
    const shape = [...x.shape.slice(0, -2), columns, rows];
    const stack = x.data.length / (rows * columns);
    return made(shape, (to) => run.transpose(to, machine.address(x.data), stack, rows, columns)) ??
      own(x, axes);
  };

  const reluRule: Replace<Rule<"relu">> = (own) => (g, step) => {
    const { output: y } = step;
    if (!isSingle(g, y) || !machine.holdsAll(g.data, y.data)) return own(g, step);
    const gradient = made(y.shape, (to) => {
      const from: readonly Data[] = [g.data, y.data];
      const calls = partsOf(y.size, line).map(([begin, end]): Call => {
        const [at, before] = from.map((data) => data.byteOffset + 4 * begin);
        return ["reluGradient", to + 4 * begin, at, before, end - begin];
      });
      machine.share(calls, y.size);
    });
    return gradient ? [gradient] : own(g, step);
  };

  return {
    ...Object.fromEntries(pairs.map((name) => [name, (own: Loop) => replacePair(name, own)])),
    ...Object.fromEntries(
      singles.map((name) => [name, (own: ElementLoop) => replaceSingle(name, own)]),
    ),
    ...{ sumBlock, permute, "∂relu": reluRule },
  };
}
