/**
 * # Milestone 04 · 1998, part 1: TinyDigits
 *
 * The comparison that convolutional networks are known for, on real handwritten digits and with
 * everything else equal: the same digits, epochs, batches, optimizer, schedule and seeds.
 *
 *   deno task tinydigits            the MLP, one convolution, and a small LeNet, two seeds each
 *   deno task tinydigits --full     all six models, five seeds
 *   deno task tinydigits --help     everything else
 *
 * It imports the modules by name, so that it runs on yours where you have written them.
 *
 * @module
 */
import process from "node:process";
import { loadTinyDigits } from "../../datasets/tinydigits.ts";
import { exit, runCommand } from "../command.ts";
import { chooseSetting } from "../kernels.ts";
import { Progress } from "../terminal/progress.ts";
import { nowhere, openTerminal } from "../terminal/terminal.ts";
import { documentOf } from "./tinydigits_document.ts";
import type { ModelResult } from "./tinydigits_evidence.ts";
import { help, type Options, readOptions } from "./tinydigits_options.ts";
import { drawReport, introduction } from "./tinydigits_report.ts";
import { datasetOf, type Run, runModel } from "./tinydigits_run.ts";

/** Trains every model with every seed, shows how far it is, and prints the report. */
async function compare(options: Options, signal: AbortSignal, finished: string[]): Promise<number> {
  const out = openTerminal("stdout", options.color);
  const progressTo = options.quiet ? nowhere : options.json ? openTerminal("stderr") : out;
  const { train, test } = await loadTinyDigits().then(({ train, test }) => ({
    train: datasetOf(train),
    test: datasetOf(test),
  }));
  const setting = chooseSetting(options, "simd");
  if (!options.json && !options.quiet) {
    const sizes = { train: train.length, test: test.length };
    out.write(`${introduction(out, options, setting, sizes)}\n`);
  }

  const results: ModelResult[] = [];
  const { epochs, augment } = options;
  for (const spec of options.models) {
    const runs: Run[] = [];
    for (let k = 0; k < options.seeds; k++) {
      const seed = options.seed + k, title = `${spec.title}, seed ${seed}`;
      const progress = new Progress(progressTo, title, epochs);
      const run = await runModel(
        { spec, seed, train, test, epochs, augment },
        ({ epoch, loss }) => progress.show(epoch, loss),
        signal,
      );
      runs.push(run);
      progress.finish(
        `${(run.accuracy * 100).toFixed(1)} % read right, trained in ${
          run.trainingSeconds.toFixed(1)
        } s`,
      );
      finished.push(title);
    }
    results.push({ spec, runs });
  }

  const document = documentOf(options, setting, results, train, test);
  if (options.json) out.write(`${JSON.stringify(document, null, 2)}\n`);
  else out.write(`${options.quiet ? "" : "\n"}${drawReport(document, out, options.quiet)}\n`);
  return document.passed ? exit.passed : exit.failed;
}

if (import.meta.main) {
  process.exitCode = await runCommand(help, readOptions, (options, signal) => {
    const finished: string[] = [];
    const whenStopped = (): string =>
      `Finished before that: ${finished.length > 0 ? finished.join("; ") : "nothing yet"}.`;
    return { done: compare(options, signal, finished), whenStopped };
  });
}
