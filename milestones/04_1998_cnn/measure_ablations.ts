/**
 * Measures what the chapter's ablations come to, with the seeds that `deno task tinydigits --seeds 5`
 * uses, and writes it to tinydigits_ablations.json: the chapter's table comes from there.
 *
 *   deno run --allow-read --allow-write milestones/04_1998_cnn/measure_ablations.ts
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { loadTinyDigits } from "../../datasets/tinydigits.ts";
import { chooseSetting } from "../kernels.ts";
import { measure, type Measured } from "./statistics.ts";
import { readOptions } from "./tinydigits_options.ts";
import { datasetOf, type Run, runModel } from "./tinydigits_run.ts";

const command = "deno run --allow-read --allow-write milestones/04_1998_cnn/measure_ablations.ts";
/** Each as it is asked for on the command line. */
const ablations = [
  "--models lenet",
  "--models frozen",
  "--models unpooled",
  "--models lenet --augment shift",
  "--models mlp",
  "--models wide",
  "--models mlp --augment shift",
];

const digits = await loadTinyDigits(), never = new AbortController().signal;
const [train, test] = [datasetOf(digits.train), datasetOf(digits.test)];
const asked = ablations.map((words) => readOptions([...words.split(" "), "--seeds", "5"]));
const [{ epochs, seeds }] = asked, { kernels, runtime } = chooseSetting(asked[0], "simd");
const measured: Record<string, { accuracy: Measured; shifted: Measured }> = {};
for (const [k, { models: [spec], seed: first, augment }] of asked.entries()) {
  const runs: Run[] = [];
  for (let seed = first; seed < first + seeds; seed++) {
    runs.push(await runModel({ spec, seed, train, test, epochs, augment }, () => {}, never));
  }
  const accuracy = measure(runs.map((run) => run.accuracy));
  const shifted = measure(runs.map((run) => measure(run.shifted).mean));
  measured[ablations[k]] = { accuracy, shifted };
  console.log(ablations[k], accuracy.mean, accuracy.spread, shifted.mean, shifted.spread);
}
const path = new URL("tinydigits_ablations.json", import.meta.url);
const document = { command, kernels, runtime, epochs, seeds, measured };
await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
