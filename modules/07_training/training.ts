/**
 * # 07 · Training
 *
 * Five lines are the heart of all of deep learning: predict, measure, go backward, step, repeat.
 * This module writes them down once, with what makes them livable: a loop that can be watched,
 * stopped, and trusted to notice when the numbers have gone wrong.
 *
 * At the end you can train any model on any batches.
 *
 * Throughout: batch some examples with their targets · epoch one pass over all batches
 *
 * @module
 */
import { backward, noGrad } from "#autograd";
import type { Module } from "#layers";
import type { Optimizer } from "#optimizers";
import { type Tensor, ValueError } from "#tensor";
import type { Schedule } from "./schedules.ts";

export { cosine, type Schedule } from "./schedules.ts";

/** Examples that are learnt from together. */
export interface Batch<Targets = Int32Array> {
  /** What the model sees, its first axis the batch. */
  readonly inputs: Tensor;
  /** What it should say; class labels by default. */
  readonly targets: Targets;
}

/** All batches of one epoch: an array, or a DataLoader, which shuffles each time it is walked. */
export interface Batches<Targets = Int32Array> extends Iterable<Batch<Targets>> {
  /** How many there are. */
  readonly length: number;
}

/** A function of predictions and targets that gives a single number. */
export type Loss<Targets = Int32Array> = (predictions: Tensor, targets: Targets) => Tensor;

/** What one epoch came to. */
export interface EpochResult {
  /** 1 for the first. */
  readonly epoch: number;
  /** Mean loss over all examples of the epoch, each at the moment it was seen. */
  readonly loss: number;
  /** The learning rate of the epoch's last step. */
  readonly learningRate: number;
}

/** What fit() takes. */
export interface FitOptions<Targets = Int32Array> {
  /** What is to be made small. */
  readonly loss: Loss<Targets>;
  /** What moves the parameters. */
  readonly optimizer: Optimizer;
  /** How often all batches are walked. */
  readonly epochs: number;
  /** The learning rate over time; without it the optimizer's own stays. */
  readonly schedule?: Schedule;
  /** Called after each epoch. */
  readonly onEpoch?: (result: EpochResult) => void;
  /** Stops training between two steps. */
  readonly signal?: AbortSignal;
}

// ── 7.2 Breathing ──
// JavaScript does one thing at a time: while a loop runs, no key press is seen and no line is
// drawn. So the training loop pauses for a moment every few steps, and the rest of the program
// gets its turn.

/** Longest time without a pause, in milliseconds; a single step may of course take longer. */
const breath = 20;

/** Makes a function that pauses when it is time to. */
function breathing(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < breath) return undefined;
    return new Promise<void>((resolve) => setTimeout(resolve, 0)).then(() => {
      last = performance.now();
    });
  };
}

// ── 7.3 The training loop ──

/**
 * Learns from one batch: predict, measure, go backward, step. A loss that is not a finite number
 * teaches nothing: then no step is taken.
 *
 * @task 07.2
 * @param model What learns.
 * @param batch What it learns from.
 * @param loss What is to be made small.
 * @param optimizer What moves the parameters.
 * @returns The loss before the step.
 */
export function trainStep<Targets>(
  model: Module,
  batch: Batch<Targets>,
  loss: Loss<Targets>,
  optimizer: Optimizer,
): number {
  optimizer.zeroGrad();
  const value = loss(model.forward(batch.inputs), batch.targets);
  const measured = value.item();
  if (!Number.isFinite(measured)) return measured;
  backward(value);
  optimizer.step();
  return measured;
}

/**
 * Trains a model. Other work gets its turn at least every 50 ms, as long as a step takes less.
 *
 * @param model What learns; it is put into training mode.
 * @param batches What it learns from.
 * @param options Loss, optimizer, epochs, and whatever else is wanted.
 * @returns What each epoch came to.
 * @throws {ValueError} If there are no batches or epochs, or the loss is no longer a number.
 * @throws {DOMException} An AbortError, if the signal says stop; the model stays as it is then.
 *
 * @example A line through two points
 * ```ts
 * import { assert } from "@std/assert";
 * import { Linear } from "#layers";
 * import { SGD } from "#optimizers";
 * import { Generator } from "#random";
 * import { Tensor } from "#tensor";
 * import { fit } from "#training";
 * const model = new Linear(1, 1, { generator: new Generator(1) });
 * const batch = { inputs: Tensor.of([[0], [1]]), targets: Tensor.of([[1], [3]]) };
 * const history = await fit(model, [batch], {
 *   loss: (y, t) => y.sub(t).mul(y.sub(t)).mean(),
 *   optimizer: new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9 }),
 *   epochs: 200,
 * });
 * assert(history[199].loss < 1e-3);
 * ```
 */
export async function fit<Targets>(
  model: Module,
  batches: Batches<Targets>,
  { loss, optimizer, epochs, schedule, onEpoch, signal }: FitOptions<Targets>,
): Promise<EpochResult[]> {
  if (!Number.isInteger(epochs) || epochs < 1 || batches.length === 0) {
    throw new ValueError(
      `Cannot train for ${epochs} epochs of ${batches.length} batches: both must be whole numbers of at least 1`,
    );
  }
  signal?.throwIfAborted();
  const breathe = breathing(), history: EpochResult[] = [], steps = epochs * batches.length;
  let step = 0;
  model.train();
  for (let epoch = 1; epoch <= epochs; epoch++) {
    let total = 0, examples = 0;
    for (const batch of batches) {
      signal?.throwIfAborted();
      if (schedule) optimizer.learningRate = schedule(step++ / steps);
      const value = trainStep(model, batch, loss, optimizer), rows = batch.inputs.shape[0];
      if (!Number.isFinite(value)) {
        throw new ValueError(
          `Cannot go on training: in epoch ${epoch} the loss is ${value}`,
          "is the learning rate too large, or an input not a number?",
        );
      }
      total += value * rows;
      examples += rows;
      const pause = breathe();
      if (pause) await pause;
    }
    const { learningRate } = optimizer;
    history.push({ epoch, loss: total / examples, learningRate });
    onEpoch?.(history[history.length - 1]);
  }
  return history;
}

// ── 7.4 Evaluation ──

/** What a model is worth on some data. */
export interface Evaluation {
  /** Mean loss over all examples. */
  readonly loss: number;
  /** The part of the examples whose greatest score was the label's, 0 to 1. */
  readonly accuracy: number;
  /** The class with the greatest score, for each example. */
  readonly predictions: Int32Array;
}

/** Puts a model into evaluation mode; returns what puts back the mode of each of its parts. */
function evaluating(model: Module): () => void {
  const modes = [...model.namedModules().values()].map((module) =>
    [module, module.training] as const
  );
  model.eval();
  return () => {
    for (const [module, training] of modes) module.training = training;
  };
}

/**
 * Tests a classifier: no gradients, evaluation mode, and the mode it was in put back.
 *
 * @task 07.3
 * @param model What is tested; it gives one row of scores per example.
 * @param batches What it is tested on.
 * @param loss How wrong it is, as a mean over the rows.
 * @param signal Stops between two batches.
 * @returns Loss, accuracy and predictions, in the order of the batches.
 * @throws {ValueError} If there are no batches.
 * @throws {DOMException} An AbortError, if the signal says stop.
 */
export async function evaluate(
  model: Module,
  batches: Batches,
  loss: Loss,
  signal?: AbortSignal,
): Promise<Evaluation> {
  if (batches.length === 0) {
    throw new ValueError("Cannot evaluate on 0 batches: there must be at least 1");
  }
  const restoreMode = evaluating(model), breathe = breathing(), predictions: number[] = [];
  let total = 0, correct = 0;
  try {
    for (const { inputs, targets } of batches) {
      signal?.throwIfAborted();
      const scores = noGrad(() => model.forward(inputs)); // (B, K)
      total += loss(scores, targets).item() * targets.length;
      scores.argmax(1).data.forEach((predicted, row) => {
        predictions.push(predicted);
        if (predicted === targets[row]) correct++;
      });
      const pause = breathe();
      if (pause) await pause;
    }
  } finally {
    restoreMode();
  }
  const examples = predictions.length;
  return {
    loss: total / examples,
    accuracy: correct / examples,
    predictions: Int32Array.from(predictions),
  };
}
