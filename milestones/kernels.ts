/**
 * Whose loops a milestone runs on.
 *
 * @module
 */
import { chooseKernels, type Wanted, wantedKernels } from "#fast";
import { UsageError } from "../course/arguments.ts";
import * as kindling from "../mod.ts";

/** What was asked for on the command line. */
export interface KernelOptions {
  /** Which kernels; null for the milestone's own choice. */
  readonly kernels: Wanted | null;
  /** How many threads share the work. */
  readonly threads: number;
}

/** What runs, as reports name it, and why it is not what was asked for, if it is not. */
export interface KernelsInUse {
  readonly name: string;
  readonly notice: string | null;
}

/**
 * Reads `--kernels` and `--threads`.
 *
 * @throws {UsageError} If there are no such kernels, or no such number of threads.
 */
export function readKernelOptions(kernels?: string, threads = "1"): KernelOptions {
  const wanted = wantedKernels.find((name) => name === kernels);
  if (kernels !== undefined && !wanted) {
    const says = `Cannot use --kernels ${JSON.stringify(kernels)}: there are none of that name`;
    throw new UsageError(says, `the kernels are ${wantedKernels.join(", ")}`);
  }
  if (!/^[1-9]\d?$/.test(threads)) {
    const says = `Cannot use --threads ${JSON.stringify(threads)}: it must be a whole number`;
    throw new UsageError(`${says} from 1 to 99`, "for example --threads 2");
  }
  return { kernels: wanted ?? null, threads: Number(threads) };
}

/**
 * Chooses kernels and makes them run from now on, for the whole process.
 *
 * @param options What was asked for.
 * @param usual What runs if nothing was.
 * @param yours Whether modules of the learner's are in use: then their loops run, unless something
 * else was asked for. The launcher only lets modules in whose tests are all green.
 */
export function useKernels(
  { kernels, threads }: KernelOptions,
  usual: Wanted,
  yours: boolean,
): KernelsInUse {
  const { kernels: chosen, notice } = chooseKernels(kindling, {
    wanted: kernels ?? (yours ? "loops" : usual),
    threads,
  });
  kindling.setKernels(chosen);
  return { name: chosen.name, notice };
}
