/**
 * Measures what the CNN of part 2 reaches with each preset, with seeds that no default run uses, and
 * writes it to cifar10_calibration.json: the thresholds of the milestone come from there. Each
 * training writes its checkpoint, so that it can be stopped, and gone on with by `--resume`.
 *
 *   deno run -A milestones/04_1998_cnn/calibrate_cifar10.ts [--source FROM] [--sha256 HEX] [--resume]
 *
 * @module
 */
import { stat, writeFile } from "node:fs/promises";
import process from "node:process";
import { chooseSetting } from "../kernels.ts";
import { openCifar10 } from "./cifar10_data.ts";
import { checkpointPath, readOptions } from "./cifar10_options.ts";
import { convolutional, presets } from "./cifar10_presets.ts";
import { divide, judge, trainNetwork } from "./cifar10_run.ts";
import { measure, type Measured } from "./statistics.ts";

const command = "deno run -A milestones/04_1998_cnn/calibrate_cifar10.ts";
const firstSeed = 101, seeds: Readonly<Record<string, number>> = { quick: 3, standard: 3, best: 2 };

const given = readOptions(process.argv.slice(2)), never = new AbortController().signal;
const { data, origin } = await openCifar10(given);
const setting = chooseSetting(given, "fast");
const calibrated: Record<string, { accuracy: Measured; seconds: Measured }> = {};
for (const preset of presets) {
  const accuracies: number[] = [], seconds: number[] = [];
  for (let seed = firstSeed; seed < firstSeed + seeds[preset.key]; seed++) {
    const options = { ...given, preset, seed, validate: false };
    const { train, judgedBy } = divide(data, options);
    const checkpoint = checkpointPath(options, convolutional.key);
    const plan = {
      ...options,
      spec: convolutional,
      fingerprint: origin.fingerprint,
      train,
      checkpoint,
    };
    const resume = given.resume && await stat(checkpoint).then(() => true, () => false);
    const trained = await trainNetwork({ ...plan, kernels: setting.kernels, resume }, {}, never);
    accuracies.push((await judge(trained.model, judgedBy, never)).accuracy);
    seconds.push(trained.seconds);
    console.log(preset.key, seed, accuracies.at(-1), `${trained.seconds.toFixed(0)} s`);
  }
  calibrated[preset.key] = { accuracy: measure(accuracies), seconds: measure(seconds) };
}
const path = new URL("cifar10_calibration.json", import.meta.url);
const { verified, fingerprint } = origin, { kernels, runtime } = setting;
const document = {
  command,
  data: { verified, fingerprint },
  kernels,
  runtime,
  presets: calibrated,
};
await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
