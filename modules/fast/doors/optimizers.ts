/**
 * # Fast kernels: behind the doors of module 06's updates
 *
 * @module
 */
import type { AdamOptions, Update, UpdateStep } from "#optimizers";
import type { Door, Replacement } from "#tensor";
import { type Modules, on, type Tools } from "./tools.ts";

/** Runs a kernel on the addresses of w, g and the slots, each of n numbers. */
type Run<Options> = (addresses: readonly number[], n: number, step: UpdateStep<Options>) => void;

/** What runs in place of the updates. */
export function replaceUpdates({ machine }: Tools, modules: Modules): Replacement[] {
  const { run } = machine, { SGD, Adam, AdamW } = modules;

  /** An update by a kernel, where it reaches all numbers. */
  function update<Options>(
    door: Door<Update<Options>>,
    slots: readonly string[],
    compute: Run<Options>,
  ): Replacement {
    return on(door, (own) =>
      function (this: unknown, w, step): void {
        const arrays = [w, step.g, ...slots.map((name) => step.slots[name])];
        if (!machine.holdsAll(...arrays)) return own.call(this, w, step);
        compute(arrays.map(({ byteOffset }) => byteOffset), w.length, step);
      });
  }

  /** Adam, with weight decay added to the gradient, or with what is kept of w apart from it. */
  function adam(
    addresses: readonly number[],
    n: number,
    { settings, steps }: UpdateStep<AdamOptions>,
    { decay, kept }: Record<"decay" | "kept", number>,
  ): void {
    const { betas, learningRate, epsilon } = settings;
    const forBetas = betas.flatMap((beta) => [beta, 1 - beta, 1 - beta ** steps]);
    run.adam(...addresses, n, ...forBetas, learningRate, epsilon, decay, kept);
  }

  const moments = ["mean", "square"];
  return [
    update(SGD.door, ["velocity"], (addresses, n, { settings }) => {
      const { nesterov, learningRate, momentum, weightDecay } = settings;
      run.sgd(...addresses, n, nesterov ? 1 : 0, learningRate, momentum, weightDecay);
    }),
    update(Adam.door, moments, (addresses, n, step) => {
      adam(addresses, n, step, { decay: step.settings.weightDecay, kept: 1 });
    }),
    update(AdamW.door, moments, (addresses, n, step) => {
      const { learningRate, weightDecay } = step.settings;
      adam(addresses, n, step, { decay: 0, kept: 1 - learningRate * weightDecay });
    }),
  ];
}
