/**
 * # Milestone 04 · 1998, part 2: CIFAR-10
 *
 * Fifty thousand photographs, ten kinds of things in them, and a convolutional network that learns to
 * tell them apart in minutes.
 *
 *   deno task cifar10                    the milestone
 *   deno task cifar10 --preset quick     the whole way in about a minute
 *   deno task cifar10 --resume           go on where it was stopped or killed
 *   deno task cifar10 --help             everything else
 *
 * It imports the modules by name, so that it runs on yours where you have written them.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { imageShape } from "../../datasets/cifar10.ts";
import { DataError } from "../../datasets/idx.ts";
import { exit, runCommand } from "../command.ts";
import { chooseSetting } from "../kernels.ts";
import { encodeOnnx } from "../onnx.ts";
import { nowhere, openTerminal } from "../terminal/terminal.ts";
import { DownloadLine } from "../terminal/download_line.ts";
import { TrainingProgress } from "../terminal/training_progress.ts";
import { openCifar10 } from "./cifar10_data.ts";
import { documentOf, type Result } from "./cifar10_document.ts";
import { checkpointPath, help, type Options, readOptions } from "./cifar10_options.ts";
import { drawPage } from "./cifar10_page.ts";
import { convolutional, dense, type NetworkSpec, recipe } from "./cifar10_presets.ts";
import { drawReport, introduction } from "./cifar10_report.ts";
import { divide, judge, trainNetwork } from "./cifar10_run.ts";

/** Trains the networks, shows how far they are, and reports. */
async function run(options: Options, signal: AbortSignal, phase: Phase): Promise<number> {
  const out = openTerminal("stdout", options.color);
  const progressTo = options.quiet ? nowhere : options.json ? openTerminal("stderr") : out;
  const line = new DownloadLine(progressTo);
  const { data, origin } = await openCifar10({
    ...options,
    signal,
    onProgress: (progress) => line.show(progress),
    onNotice: (text) => line.say(text),
  });
  line.finish();
  const setting = chooseSetting(options, "fast"), { train, judgedBy } = divide(data, options);
  if (!options.json && !options.quiet) {
    out.write(`${introduction(out, options, setting, origin, train.length)}\n`);
  }

  if (setting.kernels === "loops") {
    line.say("The modules' own loops run, which takes hours: --kernels fast takes their place.");
  }
  const results: Result[] = [];
  phase.isTraining = true;
  for (const spec of options.mlp ? [convolutional, dense] : [convolutional]) {
    results.push(await trainAndJudge(spec));
  }

  const images = train.length, { labels } = judgedBy;
  const document = documentOf(results, { options, setting, origin, images, labels });
  if (options.report !== null) {
    await write(
      "report",
      options.report,
      await drawPage(document, results[0].trained.model, judgedBy),
    );
  }
  if (options.export !== null) {
    const { means, deviations } = recipe;
    const model = results[0].trained.model;
    await write(
      "export",
      options.export,
      await encodeOnnx(model, imageShape, { means, deviations }),
    );
  }
  if (options.json) out.write(`${JSON.stringify(document, null, 2)}\n`);
  else out.write(`${options.quiet ? "" : "\n"}${drawReport(document, out, options.quiet)}\n`);
  for (const path of [options.report, options.export]) {
    if (path !== null && !options.json) out.write(`Written: ${path}\n`);
  }
  return document.passed ? exit.passed : exit.failed;

  async function trainAndJudge(spec: NetworkSpec): Promise<Result> {
    const { preset: { epochs }, preset, seed, validate } = options;
    const { batchSize } = recipe;
    const progress = new TrainingProgress(progressTo, spec.title, { epochs, batchSize });
    const checkpoint = checkpointPath(options, spec.key), { fingerprint } = origin;
    const isFirst = results.length === 0; // the others may not have begun when it was stopped
    const resume = options.resume && (isFirst || existsSync(checkpoint));
    const plan = { spec, preset, seed, train, fingerprint, validate, checkpoint, resume };
    const trained = await trainNetwork({ ...plan, kernels: setting.kernels }, {
      onStart: (step, steps) => progress.start(step, steps),
      onStep: (step) => progress.show(step),
      onEpoch: (epoch) => progress.finishEpoch(epoch),
      onNotice: (text) => progress.say(text),
    }, signal);
    const judged = await judge(trained.model, judgedBy, signal);
    progress.finish(trained.seconds, judged.accuracy, judgedBy.length);
    return { spec, trained, judged };
  }
}

/** Writes what was asked for. */
async function write(option: string, path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(path, content).catch((cause) => {
    throw new DataError(
      `Cannot write --${option} ${path}: the system answered ${cause.code ?? cause.name}`,
      "The training is not lost: run this again with --resume and another path.",
      { cause },
    );
  });
}

/** What Ctrl-C interrupts. */
interface Phase {
  /** Whether there is a training to go on with. */
  isTraining: boolean;
}

/** How to go on after Ctrl-C. */
function whenStopped({ preset, seed, validate }: Options, { isTraining }: Phase): string {
  if (!isTraining) return "Run the same again: a download goes on where it stopped.";
  const words = [
    ...(preset.key === "standard" ? [] : ["--preset", preset.key]),
    ...(seed === 1 ? [] : ["--seed", seed]),
    ...(validate ? ["--validate"] : []),
    "--resume",
  ];
  return `Go on with: deno task cifar10 ${words.join(" ")} (and the data options as they were).`;
}

if (import.meta.main) {
  process.exitCode = await runCommand(help, readOptions, (options, signal) => {
    const phase: Phase = { isTraining: false };
    return { done: run(options, signal, phase), whenStopped: () => whenStopped(options, phase) };
  });
}
