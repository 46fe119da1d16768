/**
 * Times one training step (forward, backward, update; batch 32) of the TinyDigits models, beside
 * PyTorch on one thread where Python has it. The two sides take turns, so that a change in the
 * machine's speed meets both; the table shows medians and their ratio.
 *
 *   deno task bench
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { crossEntropy } from "#losses";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { trainStep } from "#training";
import { models } from "../milestones/04_1998_cnn/tinydigits_models.ts";
import { drawTable } from "../milestones/terminal/table.ts";
import { measure } from "./mitata.ts";

const rounds = 3;
const keys = ["mlp", "one-conv", "lenet"];

/** The median of some numbers. */
function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Median milliseconds per step of a model on our side. */
async function ours(key: string): Promise<number> {
  const spec = models.find((model) => model.key === key);
  if (!spec) throw new RangeError(`Cannot time ${key}: there is no such model`);
  const generator = new Generator(1), model = spec.build(generator);
  const optimizer = new SGD(model.parameters(), {
    learningRate: 0.01,
    momentum: 0.9,
    weightDecay: 5e-4,
  });
  const inputs = Tensor.uniform([32, 1, 8, 8], generator);
  const targets = Int32Array.from({ length: 32 }, (_, k) => k % 10);
  const step = (): number =>
    trainStep(model, [{ inputs, targets }], { loss: crossEntropy, optimizer });
  for (let k = 0; k < 300; k++) step();
  const { p50 } = await measure(step, { min_cpu_time: 1e9 });
  return p50 / 1e6;
}

/** Median milliseconds per step in PyTorch, or null where there is no Python that has it. */
function pytorch(): Record<string, number> | null {
  const script = fileURLToPath(new URL("peers/train_step_pytorch.py", import.meta.url));
  for (const python of ["python3", "/usr/bin/python3"]) {
    const { status, stdout } = spawnSync(python, [script], { encoding: "utf8" });
    if (status === 0) return JSON.parse(stdout);
  }
  return null;
}

const times = keys.map(() => ({ ours: [] as number[], theirs: [] as number[] }));
let peer = true;
for (let round = 0; round < rounds; round++) {
  for (const [k, key] of keys.entries()) times[k].ours.push(await ours(key));
  const theirs: Record<string, number> | null = peer ? pytorch() : null;
  peer = theirs !== null;
  if (theirs) keys.forEach((key, k) => times[k].theirs.push(theirs[key]));
}
const rows = keys.map((key, k) => {
  const mine = median(times[k].ours), theirs = peer ? median(times[k].theirs) : null;
  const beside = theirs === null ? ["–", "–"] : [theirs.toFixed(3), (mine / theirs).toFixed(2)];
  return [models.find((model) => model.key === key)?.title ?? key, mine.toFixed(3), ...beside];
});
const headings = ["ms per training step, batch 32", "Kindling", "PyTorch", "ratio"];
process.stdout.write(`${drawTable({ headings, rows }, 80)}\n`);
if (!peer) process.stdout.write("PyTorch is not here: it needs python3 with torch.\n");
