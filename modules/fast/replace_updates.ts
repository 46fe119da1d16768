/**
 * # Fast kernels: in the place of module 06's updates
 *
 * An optimizer is known by its class's name only, and anybody may write another SGD. So a kernel takes
 * an update's place only if both make the same of an example.
 *
 * @module
 */
import type { Optimizer, UpdateStep } from "#optimizers";
import type { Data } from "#tensor";
import type { Machine } from "./machine.ts";
import type { Workshop } from "./workshop.ts";

/** An optimizer's update of one parameter: a method. */
type Update = (this: Optimizer, w: Data, step: UpdateStep<object>) => void;

/** All settings that the kernels know. */
interface Settings {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly betas: readonly [number, number];
  readonly epsilon: number;
}

/** Runs a kernel on the addresses of w, g and the slots. */
type Run = (addresses: readonly number[], n: number, steps: number, settings: Settings) => void;

/** What runs in the place of the updates, by the optimizers' names. */
export function replaceUpdates(
  { machine }: Workshop,
): Record<"SGD" | "Adam" | "AdamW", (own: Update) => Update> {
  const { run } = machine;
  const adam = (decay: number, kept: number): Run => (addresses, n, steps, settings) => {
    const { betas, learningRate, epsilon } = settings;
    const forBetas = betas.flatMap((beta) => [beta, 1 - beta, 1 - beta ** steps]);
    run.adam(...addresses, n, ...forBetas, learningRate, epsilon, decay, kept);
  };
  const runSGD: Run = (addresses, n, _, settings) => {
    const { nesterov, learningRate, momentum, weightDecay } = settings;
    run.sgd(...addresses, n, nesterov ? 1 : 0, learningRate, momentum, weightDecay);
  };
  const runAdam: Run = (addresses, n, steps, settings) =>
    adam(settings.weightDecay, 1)(addresses, n, steps, settings);
  const runAdamW: Run = (addresses, n, steps, settings) =>
    adam(0, 1 - settings.learningRate * settings.weightDecay)(addresses, n, steps, settings);
  return {
    SGD: (own) => replaced(machine, own, ["velocity"], runSGD),
    Adam: (own) => replaced(machine, own, ["mean", "square"], runAdam),
    AdamW: (own) => replaced(machine, own, ["mean", "square"], runAdamW),
  };
}

/** An update that runs a kernel where it can and may. */
function replaced(machine: Machine, own: Update, names: readonly string[], run: Run): Update {
  let agrees: boolean | undefined;
  return function (w, step): void {
    const arrays = [w, step.g, ...names.map((name) => step.slots[name])];
    const hasAll = Object.keys(step.slots).join() === names.join();
    agrees ??= hasAll && doAgree(machine, own, this, names, run);
    if (!agrees || !machine.holdsAll(...arrays)) return own.call(this, w, step);
    const addresses = arrays.map(({ byteOffset }) => byteOffset);
    run(addresses, w.length, step.steps, step.settings as Settings);
  };
}

/** Whether an update and a kernel make the same of five numbers, with and without momentum. */
function doAgree(
  machine: Machine,
  own: Update,
  optimizer: Optimizer,
  names: readonly string[],
  run: Run,
): boolean {
  const common = { learningRate: 0.1, weightDecay: 0.2, betas: [0.8, 0.9], epsilon: 1e-3 } as const;
  const cases = [{ momentum: 0, nesterov: false }, { momentum: 0.7, nesterov: false }, {
    momentum: 0.7,
    nesterov: true,
  }];
  const blank: Optimizer = Object.create(Object.getPrototypeOf(optimizer)); // no state to spoil
  return cases.every((some) => {
    const settings: Settings = { ...common, ...some };
    const arrays = [0.5, -2, ...names.map((_, k) => 0.25 + k)]
      .map((start) => Float32Array.from({ length: 5 }, (_, i) => start * (i - 1.5) ** 2));
    const [w, g, ...kept] = arrays.map((array) => array.slice());
    const slots = Object.fromEntries(names.map((name, k) => [name, kept[k]]));
    try {
      own.call(blank, w, { g, slots, steps: 3, settings });
    } catch {
      return false; // it needs more than an update is given
    }
    return machine.work(() => {
      const addresses = arrays.map((array) => machine.target(array));
      const staged = arrays.map((array, k) =>
        new Float32Array(machine.heap.buffer, addresses[k], array.length)
      );
      staged.forEach((view, k) => view.set(arrays[k]));
      run(addresses, w.length, 3, settings);
    }) && [w, g, ...kept].every((expected, k) =>
      expected.every((value, i) =>
        Math.abs(value - arrays[k][i]) <= 1e-5 * Math.abs(value)
      )
    );
  });
}
