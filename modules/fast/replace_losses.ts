/**
 * # Fast kernels: in the place of module 04's cross-entropy
 *
 * @module
 */
import type { Rule } from "#autograd";
import type { Tensor, Values } from "#tensor";
import type { Workshop } from "./workshop.ts";

/** Module 04's surprises of rows, and the logarithms that their derivative needs. */
type Surprises = (scores: Tensor, shares: Tensor) => { losses: Values; logs: Values };

/** What runs in the place of the surprises, and of their rule. */
export function replaceLosses({ machine, made, isSingle }: Workshop): {
  readonly surprises: (own: Surprises) => Surprises;
  readonly "∂crossEntropy": (own: Rule<"crossEntropy">) => Rule<"crossEntropy">;
} {
  const { run } = machine;
  return {
    surprises: (own) => (scores, shares) => {
      const [rows, classes] = scores.shape, suits = isSingle(scores, shares);
      const logs = suits
        ? made(
          scores.shape,
          (to) => run.logSoftmax(to, machine.address(scores.data), rows, classes),
        )
        : null;
      const losses = logs && made([rows], (to) => {
        const [from, by] = [logs, shares].map(({ data }) => machine.address(data));
        run.surprises(to, from, by, rows, classes);
      });
      return losses && logs ? { losses, logs } : own(scores, shares);
    },

    "∂crossEntropy": (own) => (g, step) => {
      const { inputs: [scores, shares], extra: { logs } } = step, [rows, classes] = scores.shape;
      const gradient = isSingle(g, shares, logs)
        ? made(scores.shape, (to) => {
          const addresses = [g, logs, shares].map(({ data }) => machine.address(data));
          run.surprisesGradient(to, ...addresses, rows, classes);
        })
        : null;
      if (!gradient) return own(g, step);
      const forShares = (): Tensor => {
        const given = own(g, step)[1];
        return given instanceof Function ? given() : given as Tensor;
      };
      return [gradient, forShares];
    },
  };
}
