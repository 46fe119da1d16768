/**
 * Measures what the reference reaches on TinyDigits, with seeds that no default run uses, and
 * writes it to tinydigits_calibration.json: the thresholds of the milestone come from there.
 *
 *   deno run --allow-read --allow-write milestones/04_1998_cnn/calibrate_tinydigits.ts
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { loadTinyDigits } from "../../datasets/tinydigits.ts";
import { measure } from "./statistics.ts";
import { models } from "./tinydigits_models.ts";
import { datasetOf, type Run, runModel } from "./tinydigits_run.ts";

const epochs = 30, firstSeed = 101, seeds = 10;
const command =
  "deno run --allow-read --allow-write milestones/04_1998_cnn/calibrate_tinydigits.ts";

const digits = await loadTinyDigits();
const [train, test] = [datasetOf(digits.train), datasetOf(digits.test)];
const plan = { train, test, epochs, augment: null };
const never = new AbortController().signal;
const calibrated: Record<string, { accuracy: unknown; shifted: unknown }> = {};
for (const spec of models) {
  const runs: Run[] = [];
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    runs.push(await runModel({ ...plan, spec, seed }, () => {}, never));
  }
  const accuracy = measure(runs.map((run) => run.accuracy));
  const shifted = measure(runs.map((run) => measure(run.shifted).mean));
  calibrated[spec.key] = { accuracy, shifted };
  console.log(spec.title, accuracy.mean, accuracy.spread, shifted.mean, shifted.spread);
}
const path = new URL("tinydigits_calibration.json", import.meta.url);
await writeFile(path, `${JSON.stringify({ command, epochs, models: calibrated }, null, 2)}\n`);
