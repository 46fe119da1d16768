/**
 * # Fast kernels: behind the doors of module 06's updates
 *
 * @module
 */
import type { AdamOptions, Update, UpdateStep } from "#optimizers";
import type { Door, Replacement } from "#tensor";
import type { Call } from "../kernels/assemble.ts";
import { adamCall, sgdCall } from "../kernels/updates.ts";
import { type Modules, on, type Tools } from "./tools.ts";

/** Makes the call for w, g and the slots at some addresses, each of n numbers. */
type CallFor<Options> = (
  addresses: readonly number[],
  n: number,
  step: UpdateStep<Options>,
) => Call;

/** What runs in place of the updates. */
export function replaceUpdates(tools: Tools, { SGD, Adam, AdamW }: Modules): Replacement[] {
  const moments = ["mean", "square"];
  return [
    onUpdate(tools, SGD.door, ["velocity"], ([w, g, v], n, { settings }) => {
      const { learningRate: rate, momentum, weightDecay: decay } = settings;
      return sgdCall({ w, g, v, n, nesterov: settings.nesterov ? 1 : 0, rate, momentum, decay });
    }),
    onUpdate(tools, Adam.door, moments, (addresses, n, step) => {
      return adam(addresses, n, step, { decay: step.settings.weightDecay, kept: 1 });
    }),
    onUpdate(tools, AdamW.door, moments, (addresses, n, step) => {
      const { learningRate, weightDecay } = step.settings;
      return adam(addresses, n, step, { decay: 0, kept: 1 - learningRate * weightDecay });
    }),
  ];
}

/** An update by a kernel, where the kernel reaches all numbers. */
function onUpdate<Options>(
  { machine }: Tools,
  door: Door<Update<Options>>,
  slots: readonly string[],
  callFor: CallFor<Options>,
): Replacement {
  return on(door, (own) =>
    function (this: unknown, w, step): void {
      const arrays = [w, step.g, ...slots.map((name) => step.slots[name])];
      if (!machine.holds(...arrays)) return own.call(this, w, step);
      machine.call(callFor(arrays.map(({ byteOffset }) => byteOffset), w.length, step));
    });
}

/** Adam, with weight decay added to the gradient, or with what is kept of w apart from it. */
function adam(
  [w, g, mean, square]: readonly number[],
  n: number,
  { settings, steps }: UpdateStep<AdamOptions>,
  decoupled: Record<"decay" | "kept", number>,
): Call {
  const { betas: [beta1, beta2], learningRate: rate, epsilon } = settings;
  return adamCall({
    ...{ w, g, mean, square, n, rate, epsilon, ...decoupled },
    ...{ beta1, rest1: 1 - beta1, whole1: 1 - beta1 ** steps },
    ...{ beta2, rest2: 1 - beta2, whole2: 1 - beta2 ** steps },
  });
}
