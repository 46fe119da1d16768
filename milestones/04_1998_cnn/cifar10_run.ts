/**
 * Trains a network of milestone 04, part 2, so that it can be stopped and killed at any time, and
 * judges it.
 *
 * @module
 */
import { basename, dirname } from "@std/path";
import { mkdir, rename } from "node:fs/promises";
import {
  type Checkpoint,
  CheckpointError,
  readCheckpoint,
  restoreCheckpoint,
  takeCheckpoint,
  writeCheckpoint,
} from "#checkpoint";
import {
  compose,
  DataLoader,
  type Dataset,
  normalize,
  randomHorizontalFlip,
  randomShift,
  randomSplit,
  Subset,
  type Transform,
} from "#dataloader";
import type { Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { AdamW } from "#optimizers";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { type EpochResult, evaluate, fit, type FitProgress, oneCycle } from "#training";
import { type ByteImages, type Cifar10, pickImages } from "../../datasets/cifar10.ts";
import { tryLock, writeFailure } from "../../datasets/lock.ts";
import { lengthOf, plainCrossEntropy, probeSlope } from "./evidence.ts";
import { type NetworkSpec, type Preset, recipe, setAside } from "./cifar10_presets.ts";
import { convolutions } from "./tinydigits_models.ts";

/** What the networks learn from, and what they are judged by. */
export interface Parts {
  /** Images to learn from. */
  readonly train: Dataset;
  /** Images that training never sees. */
  readonly judgedBy: ByteImages;
}

/** Divides the data. Who sets images aside always sets the same ones aside, whatever the seed. */
export function divide(
  { train, test }: Cifar10,
  { validate, preset }: { readonly validate: boolean; readonly preset: Preset },
): Parts {
  const held = validate ? Math.min(setAside, Math.floor(train.length / 10)) : 0;
  const lengths = [train.length - held, ...(held > 0 ? [held] : [])];
  const [learnt, aside] = randomSplit(train, lengths, new Generator(0));
  const most = Math.min(learnt.length, preset.images ?? learnt.length);
  return {
    train: new Subset(train, learnt.indices.subarray(0, most)),
    judgedBy: aside ? pickImages(train, aside.indices) : test,
  };
}

/** What happened in one epoch. */
export interface Epoch extends EpochResult {
  /** The part of the augmented training images that was right, each at the moment it was seen. */
  readonly accuracy: number;
}

/** How far a training is, after a step. */
export interface Step {
  /** 1 for the first. */
  readonly epoch: number;
  /** Steps taken since the training began. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
  /** Mean loss of the epoch so far. */
  readonly loss: number;
  /** The part that was right in the epoch so far. */
  readonly accuracy: number;
}

/** What a training needs to know. */
export interface Plan {
  /** Which network. */
  readonly spec: NetworkSpec;
  /** How it is trained. */
  readonly preset: Preset;
  /** Where all chance comes from. */
  readonly seed: number;
  /** What it learns from. */
  readonly train: Dataset;
  /** Which data those are, for the checkpoint. */
  readonly fingerprint: string;
  /** Whether training images were set aside. */
  readonly validate: boolean;
  /** Whose loops run. */
  readonly kernels: string;
  /** Where the checkpoint goes. */
  readonly checkpoint: string;
  /** Whether to go on from it. */
  readonly resume: boolean;
}

/** Who is told how it goes. */
export interface Listener {
  /** Called once, with the steps that an earlier run has taken. */
  readonly onStart?: (step: number, steps: number) => void;
  /** Called after each step. */
  readonly onStep?: (step: Step) => void;
  /** Called after each epoch. */
  readonly onEpoch?: (epoch: Epoch) => void;
  /** Called with a sentence that the user should know. */
  readonly onNotice?: (text: string) => void;
}

/** What a training came to. */
export interface Trained {
  /** The network. */
  readonly model: Sequential;
  /** What each epoch came to. */
  readonly history: readonly Epoch[];
  /** Seconds of training, those of earlier runs included. */
  readonly seconds: number;
  /** How far the filters moved, as a part of their length; null without filters. */
  readonly filtersMoved: number | null;
  /** What backward() says of the loss along the filters' gradient, and what moving them measures. */
  readonly slope: { readonly predicted: number; readonly measured: number } | null;
}

/** Frees what nobody uses any more, where the launcher has asked the runtime for a way to do so. */
function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** What is kept beside tensors and generators. */
interface Notes {
  /** Everything that the result depends on, but for the kernels. */
  readonly settings: unknown;
  /** Whose loops ran. */
  readonly kernels: string;
  readonly progress: FitProgress;
  /** How many images of this epoch were right so far. */
  readonly right: number;
  readonly history: readonly Epoch[];
  readonly seconds: number;
}

/** Images as the networks see them. */
const normalized = normalize(recipe.means, recipe.deviations);

/** The same, each a bit differently every time: zeros that come in are the mean colour. */
export function augmented(generator: Generator): Transform {
  const mirror = randomHorizontalFlip(generator), shift = randomShift(recipe.shift, generator);
  return compose(normalized, mirror, shift);
}

/** How many of the scores' greatest stand at their label. */
function countRight(scores: Tensor, labels: Int32Array): number {
  const { data } = scores.argmax(1);
  return labels.reduce((right, label, k) => right + (data[k] === label ? 1 : 0), 0);
}

/**
 * Trains a network. A checkpoint is written after each epoch, and when the signal says stop.
 *
 * @param plan Which network, how, on what.
 * @param listener Who is told how it goes.
 * @param signal Stops it between two steps.
 * @returns The network, and what its training came to.
 * @throws {CheckpointError} If it cannot go on from the checkpoint, or cannot write it.
 * @throws {DOMException} An AbortError, if the signal says stop; the checkpoint is written then.
 */
export async function trainNetwork(
  plan: Plan,
  listener: Listener,
  signal: AbortSignal,
): Promise<Trained> {
  const path = plan.checkpoint;
  await mkdir(dirname(path), { recursive: true }).catch((cause) => {
    throw writeFailure(dirname(path), cause);
  });
  const lock = await tryLock(`${path}.lock`);
  if (!lock) {
    throw new CheckpointError(
      `Cannot train: another run writes the checkpoint ${path}`,
      "wait for it, or choose another --seed or --cache",
    );
  }
  try {
    return await train(plan, listener, signal);
  } finally {
    lock.release();
  }
}

async function train(plan: Plan, listener: Listener, signal: AbortSignal): Promise<Trained> {
  const { spec, preset, seed, kernels, checkpoint: path } = plan;
  const [weights, shuffle, augmentation] = new Generator(seed).split(3), { state } = weights;
  const model = spec.build(weights);
  const first = convolutions(model).map(({ weight }) => weight.data.slice());
  weights.restore(state); // the probe gets a twin, so that it cannot touch what is trained
  const slope = first.length > 0 ? probe(spec.build(weights), plan.train) : null;
  const loader = new DataLoader(plan.train, {
    batchSize: recipe.batchSize,
    shuffle,
    transform: augmented(augmentation),
  });
  const { weightDecay, epochs } = preset, learningRate = spec.learningRate(preset);
  const optimizer = new AdamW(model.parameters(), { learningRate, weightDecay });
  const parts = { model, optimizer, resumable: { loader, augmentation } };

  const settings = settingsOf(plan), found = plan.resume ? await readRun(path) : null;
  let notes: Notes = {
    settings,
    kernels,
    progress: { step: 0, total: 0, examples: 0 },
    right: 0,
    history: [],
    seconds: 0,
  };
  if (found) {
    requireSame(found.notes.settings, settings, path);
    restoreCheckpoint(found.checkpoint, parts);
    notes = { ...found.notes, kernels };
    if (withoutThreads(found.notes.kernels) !== withoutThreads(kernels)) {
      listener.onNotice?.(
        `The run that is gone on with used other kernels (${found.notes.kernels}, now ${kernels}): ` +
          "the last bits may differ from those of a run that never stopped.",
      );
    }
  }

  const steps = epochs * loader.length, before = notes.seconds, started = performance.now();
  const save = (): Promise<void> => {
    const seconds = before + (performance.now() - started) / 1000;
    notes = { ...notes, seconds };
    collectGarbage(); // a checkpoint copies all that it keeps
    return writeCheckpoint(path, takeCheckpoint(parts, { ...notes }));
  };
  if (!found) await keepUnfinished(path, steps, listener);
  listener.onStart?.(notes.progress.step, steps);
  try {
    await fit(model, loader, {
      loss: (scores, labels) => {
        notes = { ...notes, right: notes.right + countRight(scores, labels) };
        return crossEntropy(scores, labels, { labelSmoothing: recipe.labelSmoothing });
      },
      optimizer,
      epochs,
      schedule: oneCycle(learningRate, recipe.rise),
      from: notes.progress,
      signal,
      onStep: ({ epoch, step, progress }) => {
        notes = { ...notes, progress };
        const { total, examples } = progress;
        const [loss, accuracy] = [total / examples, notes.right / examples];
        listener.onStep?.({ epoch, step, steps, loss, accuracy });
      },
      onEpoch: async (result) => {
        const { right, progress: { step, examples } } = notes;
        const epoch = { ...result, accuracy: right / examples };
        const progress = { step, total: 0, examples: 0 };
        notes = { ...notes, progress, right: 0, history: [...notes.history, epoch] };
        await save();
        listener.onEpoch?.(epoch);
      },
    });
  } catch (error) {
    if (signal.aborted) await save();
    throw error;
  }
  const filters = convolutions(model).map(({ weight }) => weight.data);
  const moved = filters.map((data, k) => data.map((w, i) => w - first[k][i]));
  return {
    model,
    history: notes.history,
    seconds: notes.seconds,
    filtersMoved: filters.length > 0 ? lengthOf(moved) / lengthOf(first) : null,
    slope,
  };
}

/** The kernels alone: how many threads share the work changes no bit. */
function withoutThreads(kernels: string): string {
  return kernels.replace(/, \d+ threads$/, "");
}

/** Compares gradient and slope on a network that nobody trains. */
function probe(twin: Sequential, images: Dataset): Trained["slope"] {
  const filters = convolutions(twin).map(({ weight }) => weight);
  return probeSlope(twin, filters, images, normalized);
}

/** Everything that the result depends on, but for the kernels. */
function settingsOf({ spec, preset, seed, validate, fingerprint, train }: Plan): unknown {
  const { purpose: _, ...numbers } = preset;
  const settings = { network: spec.title, seed, validate, fingerprint, images: train.length };
  return { ...settings, preset: numbers, recipe };
}

/** Reads what trainNetwork() has written. */
async function readRun(path: string): Promise<{ checkpoint: Checkpoint; notes: Notes }> {
  const checkpoint = await readCheckpoint(path), { metadata } = checkpoint;
  const names = ["settings", "kernels", "progress", "right", "history", "seconds"];
  const missing = names.find((name) => metadata[name] === undefined);
  if (missing !== undefined) {
    const says = `Cannot go on from ${path}: it does not say its ${missing}`;
    throw new CheckpointError(says, "was it written by this milestone?");
  }
  try {
    const notes = Object.fromEntries(names.map((name) => [name, JSON.parse(metadata[name])]));
    return { checkpoint, notes: notes as unknown as Notes };
  } catch {
    throw new CheckpointError(
      `Cannot go on from ${path}: its notes are no JSON`,
      "is it another's?",
    );
  }
}

/** A run that begins anew must not destroy one that somebody may want to go on with. */
async function keepUnfinished(path: string, steps: number, { onNotice }: Listener): Promise<void> {
  const earlier = await readRun(path).catch(() => null),
    step = earlier?.notes.progress.step ?? steps;
  if (step >= steps) return;
  const kept = path.replace(/\.safetensors$/, "_before.safetensors");
  await rename(path, kept);
  onNotice?.(
    `An earlier run stood at step ${step} of ${steps}. This one begins anew: --resume would have ` +
      `gone on. The earlier one is kept as ${basename(kept)} in ${dirname(kept)}.`,
  );
}

/** A run may only go on with the very settings that it began with. */
function requireSame(found: unknown, wanted: unknown, path: string): void {
  if (JSON.stringify(found) === JSON.stringify(wanted)) return;
  const [before, now] = [found, wanted].map((settings) => flat(settings));
  const changed = [...now].find(([name, value]) => before.get(name) !== value);
  const [name, value] = changed ?? ["something", "other"];
  throw new CheckpointError(
    `Cannot go on from ${path}: its ${name} was ${
      before.get(name) ?? "not known"
    }, now it is ${value}`,
    "start anew without --resume, or with the data and version of then",
  );
}

/** Settings by their paths. */
function flat(settings: unknown, path = ""): Map<string, string> {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    return new Map([[path, JSON.stringify(settings) ?? "nothing"]]);
  }
  return new Map(
    Object.entries(settings).flatMap(([name, value]) => [
      ...flat(value, path === "" ? name : `${path}.${name}`),
    ]),
  );
}

/** What a network makes of images that it has not learnt from. */
export interface Judged {
  /** The part that is right. */
  readonly accuracy: number;
  /** Mean cross-entropy, as evaluate() gave it. */
  readonly loss: number;
  /** The same from the scores alone, by plain float64 arithmetic. */
  readonly recomputedLoss: number;
  /** The class with the greatest score, for each image. */
  readonly predictions: Int32Array;
  /** How sure it was, 0 to 1. */
  readonly confidences: Float32Array;
}

/**
 * Judges a network.
 *
 * @param model The network.
 * @param images What it is judged by.
 * @param signal Stops it.
 */
export async function judge(
  model: Sequential,
  images: Dataset,
  signal: AbortSignal,
): Promise<Judged> {
  const scores = new Float32Array(images.length * 10), labels: number[] = [];
  const loader = new DataLoader(images, { batchSize: 250, transform: normalized });
  const { accuracy, loss, predictions } = await evaluate(model, loader, {
    signal,
    loss: (batch, targets) => {
      scores.set(batch.data, labels.length * 10);
      labels.push(...targets);
      return crossEntropy(batch, targets);
    },
  });
  const all = new Tensor(scores, [images.length, 10]);
  const recomputedLoss = plainCrossEntropy(all, Int32Array.from(labels));
  const confidences = Float32Array.from(predictions, (k, image) => {
    const row = scores.subarray(image * 10, image * 10 + 10);
    return 1 / row.reduce((sum, score) => sum + Math.exp(score - row[k]), 0);
  });
  return { accuracy, loss, recomputedLoss, predictions, confidences };
}
