/**
 * # Fast kernels: behind the doors of module 05's rules
 *
 * @module
 */
import type { Replacement, Tensor } from "#tensor";
import type { Call } from "../kernels/assemble.ts";
import type { Matrix } from "../kernels/products.ts";
import { partsOf } from "../machine/machine.ts";
import { multiply } from "./products.ts";
import { line } from "./tensor.ts";
import { areSingle, gradientOf, type Modules, on, type Tools } from "./tools.ts";

/** What runs in place of the derivatives of relu, the matrix product and cross-entropy. */
export function replaceRules({ machine, made }: Tools, { ruleDoors }: Modules): Replacement[] {
  const { run } = machine;
  return [
    on(ruleDoors.relu, (own) => (g, step) => {
      const { output: y } = step;
      if (!areSingle(g, y) || !machine.holds(g.data, y.data)) return own(g, step);
      const gradient = made(y.shape, (to) => {
        const calls = partsOf(y.size, line).map(([begin, end]): Call => {
          const [at, before] = [g, y].map(({ data }) => data.byteOffset + 4 * begin);
          return ["reluGradient", to + 4 * begin, at, before, end - begin];
        });
        machine.share(calls, y.size);
      });
      return gradient ? [gradient] : own(g, step);
    }),

    on(ruleDoors.matmul, (own) => (g, step) => {
      const [a, b] = step.inputs, [m, k] = a.shape, n = b.shape[1];
      if (a.rank !== 2 || b.rank !== 2 || !areSingle(a, b, g)) return own(g, step);
      const at = (x: Tensor, row: number, column: number): Matrix => {
        return { at: machine.address(x.data), row: 4 * row, column: 4 * column };
      };
      const times = (sizes: number[], factors: () => [Matrix, Matrix]): Tensor | null =>
        made([sizes[0], sizes[2]], (to) => multiply(machine, to, ...factors(), sizes));
      return [
        () => times([m, n, k], () => [at(g, n, 1), at(b, 1, n)]) ?? g.matmul(b.transpose()),
        () => times([k, m, n], () => [at(a, 1, k), at(g, n, 1)]) ?? a.transpose().matmul(g),
      ];
    }),

    on(ruleDoors.crossEntropy, (own) => (g, step) => {
      const { inputs: [scores, shares], extra: { logs } } = step, [rows, classes] = scores.shape;
      const gradient = areSingle(g, shares, logs)
        ? made(scores.shape, (to) => {
          const [by, from, right] = [g, logs, shares].map(({ data }) => machine.address(data));
          run.surprisesGradient(to, by, from, right, rows, classes);
        })
        : null;
      return gradient ? [gradient, () => gradientOf(own(g, step), 1)] : own(g, step);
    }),
  ];
}
