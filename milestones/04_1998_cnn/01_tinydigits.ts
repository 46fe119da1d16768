/**
 * # Milestone 04 · 1998, part 1: TinyDigits
 *
 * The comparison that convolutional networks are known for, on real handwritten digits and with
 * everything else equal: the same digits, epochs, batches, optimizer, schedule and seeds.
 *
 *   deno task tinydigits            the MLP, one convolution, and a small LeNet, two seeds each
 *   deno task tinydigits --full     all five models, five seeds
 *   deno task tinydigits --help     everything else
 *
 * It imports the modules by name, so that it runs on yours where you have written them.
 *
 * @module
 */
import process from "node:process";
import { GraphError } from "#autograd";
import { ShapeError, ValueError } from "#tensor";
import { DataError } from "../../datasets/idx.ts";
import { loadTinyDigits } from "../../datasets/tinydigits.ts";
import { useKernels, yourModules } from "../kernels.ts";
import { Progress } from "../terminal/progress.ts";
import { nowhere, openTerminal, wrap } from "../terminal/terminal.ts";
import { UsageError } from "../usage.ts";
import { documentOf, type Setting } from "./tinydigits_document.ts";
import type { ModelResult } from "./tinydigits_evidence.ts";
import { help, type Options, readOptions } from "./tinydigits_options.ts";
import { drawReport, introduction } from "./tinydigits_report.ts";
import { datasetOf, type Run, runModel } from "./tinydigits_run.ts";

/** What the exit codes mean. */
const exit = { passed: 0, failed: 1, couldNotRun: 2, interrupted: 130 } as const;

/** Which runtime this is, whose modules it has loaded, and whose loops run: it chooses them. */
function chooseSetting(options: Options): Setting {
  const { deno, bun, node } = process.versions;
  const runtime = deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
  const yours = yourModules(), isYours = yours.length > 0;
  const { name, notice } = useKernels(options, "simd", isYours);
  if (notice) console.error(notice);
  const modules = isYours ? `${yours.join(", ")} yours, the rest reference` : "reference";
  return { runtime, modules, kernels: name };
}

/** Trains every model with every seed, shows how far it is, and prints the report. */
async function compare(options: Options, signal: AbortSignal, finished: string[]): Promise<number> {
  const out = openTerminal("stdout", options.color);
  const progressTo = options.quiet ? nowhere : options.json ? openTerminal("stderr") : out;
  const { train, test } = await loadTinyDigits().then(({ train, test }) => ({
    train: datasetOf(train),
    test: datasetOf(test),
  }));
  const setting = chooseSetting(options);
  if (!options.json && !options.quiet) {
    const sizes = { train: train.length, test: test.length };
    out.write(`${introduction(out, options, setting, sizes)}\n`);
  }

  const results: ModelResult[] = [];
  for (const spec of options.models) {
    const runs: Run[] = [];
    for (let k = 0; k < options.seeds; k++) {
      const title = `${spec.title}, seed ${options.seed + k}`;
      const progress = new Progress(progressTo, title, options.epochs);
      const run = await runModel(
        spec,
        options.seed + k,
        train,
        test,
        options.epochs,
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

/** Prints an error: one line and a hint where we know what happened, else where it happened. */
function complain(error: Error & { hint?: string }): void {
  const expected = [UsageError, DataError, ShapeError, ValueError, GraphError]
    .some((Known) => error instanceof Known);
  if (!expected) return console.error(error); // a bug, perhaps in your modules: say where
  console.error(`${error.name}: ${error.message}${error.hint ? `\n  hint: ${error.hint}` : ""}`);
}

/** Runs the milestone and returns its exit code. */
async function main(): Promise<number> {
  const stop = new AbortController(), finished: string[] = [];
  function interrupt(): void {
    if (stop.signal.aborted) process.exit(exit.interrupted);
    stop.abort();
  }
  process.on("SIGINT", interrupt);
  process.stdout.on("error", () => process.exit(exit.interrupted)); // the reader has gone away
  try {
    const options = readOptions(process.argv.slice(2));
    if (options.help) {
      console.log(help);
      return exit.passed;
    }
    return await compare(options, stop.signal, finished);
  } catch (error) {
    if (stop.signal.aborted) {
      const done = finished.length > 0 ? finished.join("; ") : "nothing yet";
      const text = `Interrupted. Finished before that: ${done}.`;
      console.error(`\n${wrap(text, openTerminal("stderr").columns)}`);
      process.exit(exit.interrupted);
    }
    if (!(error instanceof Error)) throw error;
    complain(error);
    return error instanceof UsageError || error instanceof DataError
      ? exit.couldNotRun
      : exit.failed;
  } finally {
    process.off("SIGINT", interrupt);
  }
}

if (import.meta.main) process.exitCode = await main();
