/**
 * Kindling, on its fast kernels or another kind of them (`--backend simd` or `--backend loops`).
 *
 * @module
 */
import { chooseKernels, wantedKernels } from "#fast";
import * as kindling from "../../mod.ts";
import { stepOf } from "../networks.ts";
import { seed } from "./plan.ts";
import { runPeer } from "./run_peer.ts";

await runPeer((network, { backend, threads }) => {
  const wanted = wantedKernels.find((name) => name === backend) ?? "fast";
  const { kernels, notice } = chooseKernels(kindling, { wanted, threads });
  if (notice !== null) throw new Error(notice);
  kindling.setKernels(kernels);
  return stepOf(network, { seed });
});
