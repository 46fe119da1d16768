/**
 * Runs a milestone: its page has the data, the models, the recipe, the loop and the measurement; here
 * is what makes a command of it. It trains every model with every seed, shows how far it is, weighs
 * the evidence, and gives one document, which is printed, drawn as a page, or written as JSON.
 *
 * @module
 */
import process from "node:process";
import { normalize, type Transform } from "#dataloader";
import type { Wanted } from "#fast";
import type { Sequential } from "#layers";
import { Tensor } from "#tensor";
import type { Evaluation, Loss } from "#training";
import type { DownloadProgress } from "../../datasets/download.ts";
import { yourModules } from "../../course/names.ts";
import { useKernels } from "../kernels.ts";
import { exit, runCommand } from "./command.ts";
import { type Sight, sightOf } from "./comparison.ts";
import { DownloadLine } from "./download_line.ts";
import { EpochProgress, type TrainingProgress } from "./epoch_progress.ts";
import { plainCrossEntropy } from "./evidence.ts";
import { fillModel, type NetworkFile, readNetwork, saveNetwork } from "./network_file.ts";
import type { Reader } from "./notes.ts";
import type { SharedOptions } from "./options.ts";
import { drawPage } from "./page.ts";
import { askedFor, tryOutputs, writeOutput } from "./outputs.ts";
import type { Data, ModelSpec, Result, Run } from "./results.ts";
import type { Setting, Verdict } from "./schema.ts";
import { bulleted, type Introduction, type Section } from "./sections.ts";
import { StepProgress } from "./step_progress.ts";
import { drawIntroduction, drawReport, drawSection } from "./terminal_report.ts";
import { LiveLine, nowhere, openTerminal, type Terminal } from "./terminal.ts";
import {
  type Chance,
  type Drawing,
  drawModel,
  type Keeping,
  movementOf,
  train,
  type Trained,
  type Training,
} from "./training.ts";

/** What a run was about, and what came of it. */
export interface Occasion<O, D, T extends Evaluation> {
  readonly options: O;
  readonly setting: Setting;
  readonly data: D;
  readonly results: readonly Result<T>[];
  /** The file that the network came from, if nothing was trained. */
  readonly loadedFrom: string | null;
  /** The model that gets a closer look, and is saved and exported. */
  readonly chosen: Result<T>;
}

/** What is needed to get data that have to be downloaded. */
export interface Fetching {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly onNotice: (text: string) => void;
}

/** What a page's measurement gets. */
export interface Testing<D> {
  readonly data: D;
  readonly signal: AbortSignal;
  /** Has the same loss note the scores that it is given, for the evidence. */
  readonly noted: (loss: Loss) => Loss;
}

/** A milestone. */
export interface Milestone<
  O extends SharedOptions,
  D extends Data,
  T extends Evaluation,
  Document extends Verdict,
> {
  /** What documents and files call it: "04_1998_cnn/01_tinydigits". */
  readonly name: string;
  /** The name of its task in deno.json. */
  readonly task: string;
  readonly help: string;
  readonly readOptions: (args: readonly string[]) => O;
  /** The kernels that run if nothing else is asked for, and no module is the learner's. */
  readonly kernels: Wanted;

  // The page.
  readonly load: (options: O, fetching: Fetching) => Promise<D>;
  /** All of them; `options.models` takes part. */
  readonly models: readonly ModelSpec[];
  readonly chance: (seed: number) => Chance;
  readonly train: (model: Sequential, training: Training<O>) => Promise<unknown>;
  readonly test: (model: Sequential, testing: Testing<D>) => Promise<T>;

  // What it looks like.
  readonly inputShape: readonly [channels: number, height: number, width: number];
  /** How images are normalised before a model sees them; not at all by default. */
  readonly normalized?: {
    readonly means: readonly number[];
    readonly deviations: readonly number[];
  };
  readonly introduce: (options: O, data: D) => Omit<Introduction, "facts">;
  /** Epochs, and examples in a step; `isLong` if it takes minutes. */
  readonly size: (options: O) => { epochs: number; batchSize: number; isLong: boolean };
  /** What one training came to, as the end of a line. */
  readonly outcome: (run: Run<T>, images: number) => string;
  readonly choose: (results: readonly Result<T>[]) => Result<T>;
  readonly describe: (occasion: Occasion<O, D, T>) => Document;
  readonly sections: (document: Document, sight?: Sight) => readonly Section[];

  // What is kept.
  /** Where a training is kept while it runs; not at all by default. */
  readonly keep?: (options: O, spec: ModelSpec, data: D) => Omit<Keeping, "kernels">;
  /** The options that a trained network depends on, as its file says them. */
  readonly settings: (options: O) => Partial<O>;
  /** Reads them; without it there is no --load. */
  readonly readSettings?: Reader<Partial<O>>;
}

/** Runs a milestone as its command line says, and sets the exit code. */
export async function runMilestone<
  O extends SharedOptions,
  D extends Data,
  T extends Evaluation,
  Document extends Verdict,
>(milestone: Milestone<O, D, T, Document>): Promise<void> {
  process.exitCode = await runCommand(milestone.help, milestone.readOptions, (options, signal) => {
    const run = new MilestoneRun(milestone, options, signal);
    return { done: run.toItsEnd(), whenStopped: () => run.whenStopped() };
  });
}

/** One run of a milestone. */
class MilestoneRun<
  O extends SharedOptions,
  D extends Data,
  T extends Evaluation,
  Document extends Verdict,
> {
  readonly #milestone: Milestone<O, D, T, Document>;
  readonly #signal: AbortSignal;
  readonly #out: Terminal;
  readonly #progressTo: Terminal;
  readonly #prepare: Transform;
  #options: O;
  /** What Ctrl-C leaves behind. */
  readonly #finished: string[] = [];
  #isKeeping = false;

  constructor(milestone: Milestone<O, D, T, Document>, options: O, signal: AbortSignal) {
    const { normalized } = milestone, { color, quiet, json } = options;
    this.#milestone = milestone;
    this.#options = options;
    this.#signal = signal;
    this.#out = openTerminal("stdout", color);
    this.#progressTo = quiet ? nowhere : json ? openTerminal("stderr") : this.#out;
    this.#prepare = normalized
      ? normalize(normalized.means, normalized.deviations)
      : (images) => images;
  }

  /** Does everything; gives the exit code. */
  async toItsEnd(): Promise<number> {
    const milestone = this.#milestone, { json, quiet } = this.#options;
    await tryOutputs(this.#options);
    if (this.#options.export !== null) await (await import("./onnx.ts")).fetchWriter();
    const file = await this.#openNetwork();
    const data = await this.#load(), options = this.#options;
    const yours = yourModules();
    const { name, notice } = useKernels(options, milestone.kernels, yours.length > 0);
    if (notice) console.error(notice);
    const setting = describeSetting(name, yours);
    const introduction = this.#introduce(data, setting);
    if (!json && !quiet) this.#print(drawIntroduction(introduction, this.#out));
    if (name === "loops" && milestone.size(options).isLong) {
      new LiveLine(this.#progressTo).say(
        "The modules' own loops run, which takes hours: --kernels fast takes their place.",
      );
    }

    const results: Result<T>[] = [];
    for (const spec of options.models) {
      const runs: Run<T>[] = [];
      for (let seed = options.seed; seed < options.seed + options.seeds; seed++) {
        runs.push(
          file ? await this.#fill(file, spec, data) : await this.#train(spec, seed, data, name),
        );
      }
      results.push({ spec, runs });
    }
    const chosen = milestone.choose(results), loadedFrom = file && file.path;
    const occasion = { options, setting, data, results, loadedFrom, chosen };
    const document = milestone.describe(occasion);
    if (json) this.#out.write(`${JSON.stringify(document, null, 2)}\n`);
    else {
      const report = drawReport(milestone.sections(document), document, this.#out, quiet);
      this.#print(`${quiet ? "" : "\n"}${report}`);
    }
    await this.#write(document, introduction, occasion);
    if (!json && !quiet) this.#sayWhatNext(chosen);
    return document.passed ? exit.passed : exit.failed;
  }

  /** Says how to go on after Ctrl-C. */
  whenStopped(): string {
    const { task, keep } = this.#milestone;
    if (!keep) return `Finished before that: ${this.#finished.join("; ") || "nothing yet"}.`;
    if (!this.#isKeeping) return "Run the same again: a download goes on where it stopped.";
    const words = process.argv.slice(2).filter((word) => word !== "--resume");
    const quoted = words.map((word) => /[^\w.,:/=@+-]/.test(word) ? JSON.stringify(word) : word);
    return `Go on with: ${["deno task", task, "--resume", ...quoted].join(" ")}`;
  }

  /** Reads the network that --load names; the options become those that it was trained with. */
  async #openNetwork(): Promise<NetworkFile<Partial<O>> | null> {
    const { name, models, readSettings } = this.#milestone, { load } = this.#options;
    if (load === null || !readSettings) return null;
    const file = await readNetwork(load, name, models, readSettings);
    const { model, seed, settings } = file.notes;
    const spec = models.filter(({ key }) => key === model);
    this.#options = { ...this.#options, ...settings, models: spec, seed, seeds: 1 };
    return file;
  }

  #introduce(data: D, setting: Setting): Introduction {
    const { title, paragraphs } = this.#milestone.introduce(this.#options, data);
    const { load } = this.#options, { modules, kernels, runtime } = setting;
    const says = `Nothing is trained here: after such a training the network was saved as ${load}.`;
    return {
      title,
      paragraphs: load === null ? paragraphs : [...paragraphs, says],
      facts: `modules: ${modules} · kernels: ${kernels} · ${runtime}`,
    };
  }

  async #load(): Promise<D> {
    const line = new DownloadLine(this.#progressTo);
    const data = await this.#milestone.load(this.#options, {
      signal: this.#signal,
      onProgress: (progress) => line.show(progress),
      onNotice: (text) => line.say(text),
    });
    line.finish();
    return data;
  }

  /** Trains a model with a seed, and measures it. */
  async #train(spec: ModelSpec, seed: number, data: D, kernels: string): Promise<Run<T>> {
    const milestone = this.#milestone, options = this.#options;
    const progress = this.#openProgress(spec, seed);
    const kept = milestone.keep?.(options, spec, data),
      keeping = kept ? { ...kept, kernels } : null;
    this.#isKeeping = keeping !== null;
    const plan = { ...this.#drawing(spec, seed, data), options, progress, keeping };
    const trained = await train({ ...plan, signal: this.#signal }, milestone.train);
    const run = await this.#test(trained, seed, data);
    progress.finish(milestone.outcome(run, data.labels.length));
    this.#finished.push(`${spec.title}, seed ${seed}`);
    return run;
  }

  /** Takes a trained network out of a file, and measures it. */
  async #fill(file: NetworkFile<unknown>, spec: ModelSpec, data: D): Promise<Run<T>> {
    const { seed, history, seconds } = file.notes;
    const untrained = drawModel(this.#drawing(spec, seed, data)), { model, slope } = untrained;
    fillModel(model, file);
    const filtersMoved = movementOf(untrained);
    return await this.#test({ model, history, seconds, filtersMoved, slope }, seed, data);
  }

  #drawing(spec: ModelSpec, seed: number, data: D): Drawing {
    const chance = this.#milestone.chance(seed);
    return { spec, chance, images: data.train, prepare: this.#prepare };
  }

  #openProgress(spec: ModelSpec, seed: number): TrainingProgress {
    const { epochs, batchSize, isLong } = this.#milestone.size(this.#options);
    if (isLong) return new StepProgress(this.#progressTo, spec.title, { epochs, batchSize });
    return new EpochProgress(this.#progressTo, `${spec.title}, seed ${seed}`, epochs);
  }

  /** Has the page measure a trained model, and gathers the evidence. */
  async #test(trained: Trained, seed: number, data: D): Promise<Run<T>> {
    const { model, history, seconds, filtersMoved, slope } = trained, { labels } = data;
    const rows: number[][] = [];
    const noted: Testing<D>["noted"] = (loss) => (scores, targets) => {
      const [count, classes] = scores.shape;
      for (let k = 0; k < count; k++) {
        rows.push([...scores.data.subarray(k * classes, (k + 1) * classes)]);
      }
      return loss(scores, targets);
    };
    const tested = await this.#milestone.test(model, { data, signal: this.#signal, noted });
    const recomputedLoss = rows.length > 0 ? plainCrossEntropy(Tensor.of(rows), labels) : null;
    const confidences = Float32Array.from(rows, (row, k) => {
      const said = row[tested.predictions[k]];
      return 1 / row.reduce((sum, score) => sum + Math.exp(score - said), 0);
    });
    const evidence = { recomputedLoss, filtersMoved, slope };
    return { seed, model, history, seconds, tested, confidences, evidence };
  }

  /** Writes the files that were asked for. */
  async #write(
    document: Document,
    introduction: Introduction,
    { options, data, chosen: { spec, runs: [{ model, seed, history, seconds }] } }: Occasion<
      O,
      D,
      T
    >,
  ): Promise<void> {
    const { name, sections, inputShape, settings } = this.#milestone;
    if (options.report !== null) {
      const sight = sightOf(model, data.test, this.#prepare);
      const page = drawPage(introduction, sections(document, sight), document);
      await writeOutput("report", options.report, page);
    }
    if (options.export !== null) {
      const { encodeOnnx } = await import("./onnx.ts");
      const bytes = await encodeOnnx(model, inputShape, this.#milestone.normalized);
      await writeOutput("export", options.export, bytes);
    }
    if (options.save !== null) {
      const notes = { milestone: name, model: spec.key, seed, settings: settings(options) };
      await saveNetwork(options.save, model, { ...notes, history, seconds });
    }
    if (options.json) return;
    for (const [, path] of askedFor(options)) this.#print(`Written: ${path}`);
  }

  /** Says what can be done with the network that was trained. */
  #sayWhatNext({ spec, runs: [{ seed }] }: Result<T>): void {
    const { readSettings, task } = this.#milestone, { key } = spec;
    const again = readSettings ? `; --load ${key}.safetensors tests it again` : "";
    const ways = {
      report: `--report ${task}.html draws this report as a page, with more pictures`,
      export: `--export ${key}.onnx takes it into a browser, a phone or another framework`,
      save: `--save ${key}.safetensors keeps its weights, for your programs and PyTorch${again}`,
    } as const;
    const left = Object.entries(ways).filter(([name]) =>
      askedFor(this.#options).every(([option]) => option !== name)
    );
    if (left.length === 0 || this.#options.load !== null) return;
    const title = `What you can do with this ${spec.title} (seed ${seed}): add to the command`;
    const section = { title, blocks: [bulleted(left.map(([, text]) => text))] };
    this.#print(`\n${drawSection(section, this.#out)}`);
  }

  #print(text: string): void {
    this.#out.write(`${text}\n`);
  }
}

/** Describes where a run takes place. */
export function describeSetting(kernels: string, yours: readonly string[]): Setting {
  const { deno, bun, node } = process.versions;
  const runtime = deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node ${node}`;
  const modules = yours.length > 0 ? `${yours.join(", ")} yours, the rest reference` : "reference";
  return { runtime, modules, kernels };
}
