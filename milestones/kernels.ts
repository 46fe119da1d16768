/**
 * Whose loops a milestone runs on.
 *
 * @module
 */
import process from "node:process";
import { chooseKernels, type Wanted, wantedKernels } from "#fast";
import * as tensor from "#tensor";
import manifest from "../package.json" with { type: "json" };
import type { Setting } from "./report/schema.ts";
import { UsageError } from "./usage.ts";

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
 * Finds out which modules are the learner's.
 *
 * @returns Their numbers: ["01", "02"].
 */
export function yourModules(): string[] {
  const workspace = new URL("../workspace/", import.meta.url).href;
  const places = courseNames().map((name) => import.meta.resolve(name));
  const yours = places.filter((place) => place.startsWith(workspace));
  return [...new Set(yours.map((place) => place.slice(workspace.length).slice(0, 2)))].sort();
}

/** The names that a learner's files may stand for: those with two places in package.json. */
function courseNames(): string[] {
  const entries = Object.entries(manifest.imports);
  return entries.filter(([, place]) => typeof place !== "string").map(([name]) => name);
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
  const { kernels: chosen, notice } = chooseKernels(tensor, {
    wanted: kernels ?? (yours ? "loops" : usual),
    threads,
  });
  tensor.setKernels(chosen);
  return { name: chosen.name, notice };
}

/**
 * Describes where a run takes place; it changes nothing.
 *
 * @param kernels The name of the kernels in use.
 * @param yours The numbers of the modules that are the learner's.
 */
export function describeSetting(kernels: string, yours: readonly string[]): Setting {
  const { deno, bun, node } = process.versions;
  const runtime = deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
  const modules = yours.length > 0 ? `${yours.join(", ")} yours, the rest reference` : "reference";
  return { runtime, modules, kernels };
}
