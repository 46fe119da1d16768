/**
 * Measures what the CNN of part 2 reaches with each preset, with seeds that no default run uses, and
 * writes it to cifar10_calibration.json: the thresholds of the milestone come from there. Each
 * training writes its checkpoint, so that it can be stopped, and gone on with by `--resume`.
 *
 *   deno run -A milestones/04_1998_cnn/calibrate_cifar10.ts [--source FROM] [--sha256 HEX] [--resume]
 *
 * @module
 */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { runPage } from "../report/run_page.ts";
import type { Measured } from "../report/schema.ts";
import { measure } from "../report/statistics.ts";
import { cifar10, presets } from "./02_cifar10.ts";
import { checkpointPath } from "./cifar10_options.ts";
import { type Cifar10Document, cifar10Document } from "./cifar10_schema.ts";

const command = "deno run -A milestones/04_1998_cnn/calibrate_cifar10.ts";
const page = new URL("02_cifar10.ts", import.meta.url);
const firstSeed = 101, seeds: Readonly<Record<string, number>> = { quick: 3, standard: 3, best: 2 };
const given = process.argv.slice(2).filter((word) => word !== "--resume");

/** Trains once, or goes on with a training that was begun. */
function train(preset: string, seed: number): Cifar10Document {
  const words = [...given, "--preset", preset, "--seed", String(seed), "--no-mlp"];
  const path = checkpointPath(cifar10.readOptions(words), "cnn");
  const goOn = process.argv.includes("--resume") && existsSync(path) ? ["--resume"] : [];
  return runPage(page, [...words, ...goOn], cifar10Document);
}

const calibrated: Record<string, { accuracy: Measured; seconds: Measured }> = {};
const runs: Cifar10Document[] = [];
for (const { key } of presets) {
  const all = Array.from({ length: seeds[key] }, (_, k) => train(key, firstSeed + k));
  calibrated[key] = {
    accuracy: measure(all.map(({ networks: [{ accuracy }] }) => accuracy)),
    seconds: measure(all.map(({ networks: [{ trainingSeconds }] }) => trainingSeconds)),
  };
  runs.push(...all);
}
const [{ origin: { verified, fingerprint }, setting: { kernels, runtime } }] = runs;
const document = {
  command,
  data: { verified, fingerprint },
  kernels,
  runtime,
  presets: calibrated,
};
const path = new URL("cifar10_calibration.json", import.meta.url);
await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
