/**
 * # Fast kernels: the set
 *
 * Memory and lifetime from the arena, and what runs behind which door.
 *
 * @module
 */
import type { Kernels, Replacement } from "#tensor";
import { replaceBatchNorm2d } from "./doors/batch_norm.ts";
import { replaceConv2d } from "./doors/convolution.ts";
import { replaceLosses } from "./doors/losses.ts";
import { replaceUpdates } from "./doors/optimizers.ts";
import { replaceMaxPool2d } from "./doors/pooling.ts";
import { replaceProducts } from "./doors/products.ts";
import { replaceRules } from "./doors/rules.ts";
import { replaceActivations, replaceTensor } from "./doors/tensor.ts";
import type { Modules, Tools } from "./doors/tools.ts";
import { Arena } from "./machine/arena.ts";
import type { Machine } from "./machine/machine.ts";

/** Makes what runs behind the doors of some module. */
type Replace = (tools: Tools, modules: Modules) => Replacement | Replacement[];

/** What replaces the loops of which module. */
const replacing: Readonly<Record<string, readonly Replace[]>> = {
  "01": [replaceTensor, replaceProducts],
  "02": [replaceActivations],
  "04": [replaceLosses],
  "05": [replaceRules],
  "06": [replaceUpdates],
  "09": [replaceConv2d, replaceMaxPool2d, replaceBatchNorm2d],
};

/** Kernels in WebAssembly. */
export class FastKernels extends Arena implements Kernels {
  readonly name: string;
  readonly replacements: readonly Replacement[];
  /** Modules without the doors that kernels fit: their own loops run. */
  readonly withoutDoors: readonly string[];

  /** Puts the kernels of a machine into a set. */
  constructor(level: string, machine: Machine, modules: Modules) {
    super(machine, modules.loops.room, () => {
      const says = "Cannot read numbers after their step: their memory is used again";
      throw new modules.ValueError(
        says,
        "copy what you need within the step, with mul(1) or slice()",
      );
    });
    this.name = machine.threads > 1 ? `${level}, ${machine.threads} threads` : level;
    const tools: Tools = {
      machine,
      made: (shape, write) => {
        const data = this.room(shape.reduce((all, n) => all * n, 1), "anything");
        const done = machine.work(() => write(machine.target(data)));
        return done ? modules.tensorOf({ data, shape }) : null;
      },
      wholeNumbers: (size) => this.wholeNumbers(size),
    };
    const withoutDoors: string[] = [];
    this.replacements = Object.entries(replacing).flatMap(([number, all]) => {
      try {
        return all.flatMap((replace) => replace(tools, modules));
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        withoutDoors.push(number); // a learner's module may be older than its doors
        return [];
      }
    });
    this.withoutDoors = withoutDoors;
  }
}
