/**
 * Loaded before other tests, this makes them run on kernels: every number lies where kernels see it,
 * so that none of them declines. The first word of KINDLING_KERNELS says which, the second how many
 * threads.
 *
 * @module
 */
import process from "node:process";
import * as kindling from "../../mod.ts";

const [name, threads] = (process.env.KINDLING_KERNELS ?? "fast 1").split(" ");
const wanted = kindling.wantedKernels.find((known) => known === name);
const { kernels, notice } = kindling.chooseKernels(kindling, { wanted, threads: Number(threads) });
if (notice) throw new Error(notice);
kindling.setKernels({
  ...kindling.loops,
  name: kernels.name,
  replacements: kernels.replacements,
  room: (size) => kernels.room(size, "lasting"),
});
