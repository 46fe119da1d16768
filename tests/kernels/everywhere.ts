/**
 * Loaded before other tests, this makes them run on kernels: every number lies where kernels see it,
 * so that none of them declines. The first word of KINDLING_KERNELS says which, the second how many
 * threads.
 *
 * @module
 */
import process from "node:process";
import { chooseKernels, wantedKernels } from "#fast";
import * as tensor from "#tensor";

const [name, threads] = (process.env.KINDLING_KERNELS ?? "fast 1").split(" ");
const wanted = wantedKernels.find((known) => known === name);
const { kernels, notice } = chooseKernels(tensor, { wanted, threads: Number(threads) });
if (notice) throw new Error(notice);
tensor.setKernels({
  ...tensor.loops,
  name: kernels.name,
  room: (size) => kernels.room(size, "lasting"),
  replace: (own, loop) => kernels.replace(own, loop),
});
