/**
 * Trains one model with one seed: a page's own loop, watched, and able to stop, to be killed, and to
 * go on.
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
import type { DataLoader, Dataset, Transform } from "#dataloader";
import type { Sequential } from "#layers";
import type { Optimizer } from "#optimizers";
import type { Generator } from "#random";
import type { EpochResult, FitProgress, StepResult, Sum } from "#training";
import { tryLock, writeFailure } from "../../datasets/lock.ts";
import type { TrainingProgress } from "./epoch_progress.ts";
import { lengthOf, probeSlope } from "./evidence.ts";
import {
  fields,
  listOf,
  nullable,
  number,
  optional,
  type Reader,
  readNotes,
  table,
  tableOf,
  text,
  whole,
} from "./notes.ts";
import { convolutions, type ModelSpec, type RunEvidence } from "./results.ts";
import type { Epoch, Notes } from "./schema.ts";

/** Where the chance of one training comes from. */
export interface Chance {
  readonly weights: Generator;
  readonly shuffle: Generator;
  readonly augmentation: Generator;
}

/** What a page's loop gets. */
export interface Training<O> {
  readonly spec: ModelSpec;
  readonly options: O;
  /** What the model learns from. */
  readonly images: Dataset;
  readonly chance: Chance;
  /** Gives fit() what watches, stops and saves it, and where an earlier run stood. */
  readonly follow: (parts: Followed) => Promise<Follow>;
}

/** The parts of a loop that follow() must know. */
export interface Followed {
  readonly loader: DataLoader;
  readonly optimizer: Optimizer;
  readonly epochs: number;
}

/** What is shown besides the loss, if the page measures it. */
interface Shown {
  readonly accuracy?: number;
}

/** The options of fit() that follow() gives. */
export interface Follow {
  readonly from: FitProgress;
  readonly signal: AbortSignal;
  readonly onStep: (result: StepResult & Shown) => void;
  readonly onEpoch: (result: EpochResult & Shown) => Promise<void>;
}

/** Where a run is kept, so that it can go on. */
export interface Keeping {
  /** The checkpoint's file. */
  readonly path: string;
  /** Whether to go on from it. */
  readonly resume: boolean;
  /** Everything that the result depends on, but for the kernels. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Whose loops run. */
  readonly kernels: string;
}

/** What one training needs. */
export interface TrainingPlan<O> extends Omit<Training<O>, "follow"> {
  /** What becomes of images before a model sees them. */
  readonly prepare: Transform;
  readonly progress: TrainingProgress;
  readonly signal: AbortSignal;
  /** Null for a training of seconds, which is not kept. */
  readonly keeping: Keeping | null;
}

/** What one training came to. */
export interface Trained extends Omit<RunEvidence, "recomputedLoss"> {
  readonly model: Sequential;
  readonly history: readonly Epoch[];
  readonly seconds: number;
}

// ── The notes of a checkpoint ──

/** What a file says of an epoch. */
export const epochReader: Reader<Epoch> = fields<Epoch>({
  epoch: whole(1),
  loss: number(0),
  learningRate: number(0),
  accuracy: optional(number(0, 1)),
});

/** What a file says of a metric in the middle of an epoch. */
const sumReader: Reader<Sum> = fields<Sum>({
  rows: whole(0),
  shape: nullable(listOf(whole(1))),
  values: listOf(number()),
});

/** What a checkpoint says of its run, besides tensors and generators. */
export const notesReader: Reader<Notes> = fields<Notes>({
  settings: table,
  kernels: text,
  progress: fields<FitProgress>({
    step: whole(0),
    total: number(0),
    examples: whole(0),
    measured: optional(tableOf(sumReader)),
  }),
  history: listOf(epochReader),
  seconds: number(0),
});

/** Reads what a run has written. */
async function readRun(path: string): Promise<{ checkpoint: Checkpoint; notes: Notes }> {
  const checkpoint = await readCheckpoint(path);
  const notes = readNotes(notesReader, checkpoint.metadata, `Cannot go on from ${path}`);
  return { checkpoint, notes };
}

/** A new run must not destroy one that you may want to go on with. */
async function keepUnfinished(path: string, steps: number, tell: Tell): Promise<void> {
  const earlier = await readRun(path).catch(() => null);
  const step = earlier?.notes.progress.step ?? steps;
  if (step >= steps) return;
  const kept = path.replace(/\.safetensors$/, "_before.safetensors");
  await rename(path, kept);
  tell(
    `An earlier run stood at step ${step} of ${steps}. This one begins anew: --resume would have ` +
      `gone on. The earlier one is kept as ${basename(kept)} in ${dirname(kept)}.`,
  );
}

type Tell = (text: string) => void;

/** A run may only go on with the very settings that it began with. */
function requireSame(found: unknown, wanted: unknown, path: string): void {
  if (JSON.stringify(found) === JSON.stringify(wanted)) return;
  const [before, now] = [found, wanted].map((settings) => flat(settings));
  const changed = [...now].find(([name, value]) => before.get(name) !== value);
  const [name, value] = changed ?? ["something", "other"];
  const was = before.get(name) ?? "not known";
  throw new CheckpointError(
    `Cannot go on from ${path}: its ${name} was ${was}, now it is ${value}`,
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

/** The kernels alone: how many threads share the work changes no bit. */
function withoutThreads(kernels: string): string {
  return kernels.replace(/, \d+ threads$/, "");
}

/** Frees what nobody uses any more, where the launcher has asked the runtime for a way to do so. */
function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

// ── Watching a loop ──

/** Follows one training: keeps its notes, shows them, and writes them down. */
class Follower<O> {
  readonly #plan: TrainingPlan<O>;
  readonly #model: Sequential;
  #notes: Notes;
  #before = 0;
  #started = performance.now();
  #save: () => Promise<void> = () => Promise.resolve();

  constructor(plan: TrainingPlan<O>, model: Sequential) {
    const { settings = {}, kernels = "" } = plan.keeping ?? {};
    const progress = { step: 0, total: 0, examples: 0 };
    this.#plan = plan;
    this.#model = model;
    this.#notes = { settings, kernels, progress, history: [], seconds: 0 };
  }

  get history(): readonly Epoch[] {
    return this.#notes.history;
  }

  get seconds(): number {
    return this.#before + (performance.now() - this.#started) / 1000;
  }

  /** Writes down where the training stands, if it is kept. */
  save(): Promise<void> {
    return this.#save();
  }

  async follow({ loader, optimizer, epochs }: Followed): Promise<Follow> {
    const { progress: shown, signal, keeping, chance: { augmentation } } = this.#plan;
    const steps = epochs * loader.length;
    if (keeping) {
      const parts = { model: this.#model, optimizer, resumable: { loader, augmentation } };
      if (keeping.resume) await this.#goOn(keeping, parts, { steps, stepsOfEpoch: loader.length });
      else await keepUnfinished(keeping.path, steps, (text) => shown.say(text));
      this.#save = () => {
        this.#notes = { ...this.#notes, seconds: this.seconds };
        collectGarbage(); // a checkpoint copies all that it keeps
        return writeCheckpoint(keeping.path, takeCheckpoint(parts, { ...this.#notes }));
      };
    }
    shown.start(this.#notes.progress.step, steps);
    this.#started = performance.now();
    return {
      from: this.#notes.progress,
      signal,
      onStep: ({ epoch, step, progress, accuracy }) => {
        this.#notes = { ...this.#notes, progress };
        shown.show({ epoch, step, steps, loss: progress.total / progress.examples, accuracy });
      },
      onEpoch: async (epoch) => {
        const { history, progress: { step } } = this.#notes;
        const progress = { step, total: 0, examples: 0 };
        this.#notes = { ...this.#notes, progress, history: [...history, epoch] };
        await this.#save();
        shown.finishEpoch(epoch);
      },
    };
  }

  /** Puts everything back to where an earlier run stood. */
  async #goOn(
    { path, settings, kernels }: Keeping,
    parts: Parameters<typeof restoreCheckpoint>[1],
    { steps, stepsOfEpoch }: { readonly steps: number; readonly stepsOfEpoch: number },
  ): Promise<void> {
    const { checkpoint, notes } = await readRun(path);
    requireSame(notes.settings, settings, path);
    const { progress: { step }, history } = notes;
    if (step > steps || history.length !== Math.floor(step / stepsOfEpoch)) {
      const found = `step ${step} of ${steps}, and ${history.length} epochs in its history`;
      throw new CheckpointError(
        `Cannot go on from ${path}: it does not fit together, found ${found}`,
      );
    }
    restoreCheckpoint(checkpoint, parts);
    this.#before = notes.seconds;
    this.#notes = { ...notes, kernels };
    if (withoutThreads(notes.kernels) === withoutThreads(kernels)) return;
    this.#plan.progress.say(
      `The run that is gone on with used other kernels (${notes.kernels}, now ${kernels}): the ` +
        "last bits may differ from those of a run that never stopped.",
    );
  }
}

// ── Training ──

/** What a model is drawn from. */
export type Drawing = Pick<TrainingPlan<unknown>, "spec" | "chance" | "images" | "prepare">;

/** A model before its training, with what the evidence needs to know of it. */
export interface Untrained extends Pick<RunEvidence, "slope"> {
  readonly model: Sequential;
  /** The filters as they were drawn. */
  readonly drawn: readonly ArrayLike<number>[];
}

/** Draws a model, and compares gradient and slope on a twin of it. */
export function drawModel({ spec, chance: { weights }, images, prepare }: Drawing): Untrained {
  const { state } = weights, model = spec.build(weights);
  const drawn = convolutions(model).map(({ weight }) => weight.data.slice());
  weights.restore(state); // the probe gets a twin, so that it cannot touch what is trained
  const twin = spec.build(weights), filters = convolutions(twin).map(({ weight }) => weight);
  const slope = filters.length > 0 ? probeSlope(twin, filters, images, prepare) : null;
  return { model, drawn, slope };
}

/** How far filters are from where they were drawn, as a part of their length; null without any. */
export function movementOf({ model, drawn }: Untrained): number | null {
  const filters = convolutions(model).map(({ weight }) => weight.data);
  const moved = filters.map((data, k) => data.map((w, i) => w - drawn[k][i]));
  return filters.length > 0 ? lengthOf(moved) / lengthOf(drawn) : null;
}

/**
 * Trains a model. If it is kept, a checkpoint is written after each epoch, and when the signal says
 * stop.
 *
 * @param plan Which model, on what, and who watches.
 * @param loop The page's own loop.
 * @returns The model, and what its training came to.
 * @throws {CheckpointError} If it cannot go on from the checkpoint, or cannot write it.
 * @throws {DOMException} An AbortError, if the signal says stop; the checkpoint is written then.
 */
export async function train<O>(
  plan: TrainingPlan<O>,
  loop: (model: Sequential, training: Training<O>) => Promise<unknown>,
): Promise<Trained> {
  return await locked(plan.keeping, async () => {
    const untrained = drawModel(plan), { model, slope } = untrained;
    const follower = new Follower(plan, model);
    const follow: Training<O>["follow"] = (parts) => follower.follow(parts);
    try {
      await loop(model, { ...plan, follow });
    } catch (error) {
      if (plan.signal.aborted) await follower.save();
      throw error;
    }
    const { history, seconds } = follower;
    return { model, history, seconds, filtersMoved: movementOf(untrained), slope };
  });
}

/** Trains while no other run may write the same checkpoint. */
async function locked<T>(keeping: Keeping | null, body: () => Promise<T>): Promise<T> {
  if (!keeping) return await body();
  const { path } = keeping;
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
    return await body();
  } finally {
    lock.release();
  }
}
