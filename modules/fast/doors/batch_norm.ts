/**
 * # Fast kernels: behind the door of module 09's batch normalisation
 *
 * @module
 */
import type { Replacement, Tensor } from "#tensor";
import { normBackwardCall, normForwardCall } from "../kernels/batch_norm.ts";
import { areSingle, type Modules, on, type Tools } from "./tools.ts";

/** What runs in place of batch normalisation and its gradient. */
export function replaceBatchNorm2d(
  { machine, made }: Tools,
  { normalization }: Modules,
): Replacement {
  const empty = (shape: readonly number[]): Tensor | null => made(shape, () => {});
  return on(normalization.door, (own) => ({
    ...own,

    forward: (inputs, options) => {
      const [x, gamma, beta] = inputs, [B, C, height, width] = x.shape, n = height * width;
      const perChannel = [1, C, 1, 1], shapes = [x.shape, perChannel, perChannel, perChannel];
      const [hat, mean, variance, root] = areSingle(...inputs) ? shapes.map(empty) : [];
      const output = hat && mean && variance && root &&
        made(x.shape, (out) =>
          machine.call(normForwardCall({
            x: machine.address(x.data),
            gamma: machine.address(gamma.data),
            beta: machine.address(beta.data),
            out,
            hat: machine.target(hat.data),
            mean: machine.target(mean.data),
            variance: machine.target(variance.data),
            root: machine.target(root.data),
            ...{ B, C, n, epsilon: options.epsilon },
          })));
      if (!output) return own.forward(inputs, options);
      options.onMeasured?.(mean, variance.mul(B * n / (B * n - 1)));
      return { output, saved: { hat, root } };
    },

    backward: (g, step) => {
      const { inputs: [, gamma], saved: { hat, root } } = step, [B, C] = g.shape;
      const [forGamma, forBeta] = areSingle(g, gamma, hat) ? [[C], [C]].map(empty) : [];
      const forX = forGamma && forBeta && made(g.shape, (out) =>
        machine.call(normBackwardCall({
          g: machine.address(g.data),
          hat: machine.address(hat.data),
          gamma: machine.address(gamma.data),
          root: machine.address(root.data),
          out,
          gammaGradient: machine.target(forGamma.data),
          betaGradient: machine.target(forBeta.data),
          ...{ B, C, n: g.size / (B * C) },
        })));
      return forX ? [forX, forGamma, forBeta] : own.backward(g, step);
    },
  }));
}
