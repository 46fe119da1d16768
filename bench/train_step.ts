/**
 * Times one training step (forward, backward, update) of the networks in networks.ts, on the fast
 * kernels and on the modules' own loops, beside PyTorch on as many threads where Python has it. All
 * sides take turns; the table shows medians and ratios.
 *
 *   deno task bench               one thread
 *   deno task bench --threads 2   two, on every side but the loops
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { chooseKernels } from "#fast";
import { setKernels } from "#tensor";
import * as kindling from "../mod.ts";
import { readArguments } from "../course/arguments.ts";
import { readKernelOptions } from "../milestones/kernels.ts";
import { fields, number } from "../milestones/report/notes.ts";
import { drawTable } from "../milestones/report/table.ts";
import { FastKernels } from "../modules/fast/kernel_set.ts";
import { measure } from "./mitata.ts";
import { type Network, networks, stepOf } from "./networks.ts";
import { median } from "./side_by_side.ts";

const rounds = 3;
const given = readArguments(process.argv.slice(2), [], ["threads"]);
const { threads } = readKernelOptions(undefined, given.threads);

/** Median milliseconds per step, and the highest address of memory that kernels took, in MiB. */
async function time(network: Network, wanted: "fast" | "loops"): Promise<[number, number]> {
  const { kernels } = chooseKernels(kindling, { wanted, threads }), restore = setKernels(kernels);
  const step = stepOf(network, { seed: 1 });
  const isLarge = network.inputShape[1] > 8;
  for (let k = 0; k < (isLarge ? 3 : 300); k++) step();
  const { p50 } = await measure(step, { min_cpu_time: isLarge ? 8e8 : 4e8, min_samples: 3 });
  restore();
  if (!(kernels instanceof FastKernels)) return [p50 / 1e6, 0];
  const { heap } = kernels.machine;
  kernels.machine.stop();
  return [p50 / 1e6, heap.used / 2 ** 20];
}

/** Reads what the script in Python prints; zod would be a hundred times what a bench fetches. */
const readTimes = fields<Record<string, number>>(
  Object.fromEntries(networks.map(({ key }) => [key, number(0)])),
);

/** Median milliseconds per step in PyTorch, or null where there is no Python that has it. */
function pytorch(): Record<string, number> | null {
  const script = fileURLToPath(new URL("peers/train_step_pytorch.py", import.meta.url));
  const args = [script, "--threads", String(threads), ...networks.map(({ key }) => key)];
  for (const python of ["python3", "/usr/bin/python3"]) {
    const { status, stdout } = spawnSync(python, args, { encoding: "utf8" });
    if (status === 0) return readTimes(JSON.parse(stdout), "");
  }
  return null;
}

/** What was measured of one network. */
interface Times {
  readonly fast: number[];
  readonly loops: number[];
  readonly peer: number[];
  memory: number;
}

const times = networks.map((): Times => ({ fast: [], loops: [], peer: [], memory: 0 }));
let hasPeer = true;
for (let round = 0; round < rounds; round++) {
  for (const [k, network] of networks.entries()) {
    const [fast, memory] = await time(network, "fast");
    times[k].fast.push(fast);
    times[k].memory = memory;
    if (round === 0) times[k].loops.push((await time(network, "loops"))[0]);
  }
  const theirs: Record<string, number> | null = hasPeer ? pytorch() : null;
  hasPeer = theirs !== null;
  if (theirs) networks.forEach(({ key }, k) => times[k].peer.push(theirs[key]));
}
const rows = networks.map(({ title, batch }, k) => {
  const fast = median(times[k].fast), loops = median(times[k].loops), peer = median(times[k].peer);
  return [
    `${title}, batch ${batch}`,
    fast.toFixed(3),
    (1000 * batch / fast).toFixed(0),
    `${(loops / fast).toFixed(1)}×`,
    hasPeer ? peer.toFixed(3) : "–",
    hasPeer ? `${(peer / fast).toFixed(2)}×` : "–",
    `${times[k].memory.toFixed(1)} MiB`,
  ];
});
const headings = ["", "ms a step", "images/s", "loops", "PyTorch ms", "PyTorch", "memory"];
process.stdout.write(`${threads} thread${threads > 1 ? "s" : ""}; loops always one\n\n`);
process.stdout.write(`${drawTable({ headings, rows }, 100)}\n\n`);
process.stdout.write(
  "× : how much longer the loops or PyTorch take. Memory: what the kernels use.\n",
);
if (!hasPeer) process.stdout.write("PyTorch is not here: it needs python3 with torch.\n");
