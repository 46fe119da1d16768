/**
 * # 07 · Training: options and results
 *
 * The types of what trainStep(), fit() and evaluate() take and return (given).
 *
 * @module
 */
import type { Optimizer } from "#optimizers";
import type { Shape, Tensor } from "#tensor";
import type { Schedule } from "./schedules.ts";

// ── Batches and losses ──

/** Examples that are learnt from together: what the model sees, and what it should say of each. */
export type Batch<Targets = Int32Array> = { readonly inputs: Tensor; readonly targets: Targets };

/**
 * All batches of one epoch, and how many there are: an array, or a DataLoader, which shuffles each
 * time it is walked.
 */
export type Batches<T = Int32Array> = Iterable<Batch<T>> & { readonly length: number };

/** A function of predictions and targets that gives a single number. */
export type Loss<Targets = Int32Array> = (predictions: Tensor, targets: Targets) => Tensor;

// ── Metrics ──

/**
 * Measures the scores of one batch. A number is a mean over the rows: the mean over several batches
 * weighs each by its rows. A tensor holds sums over the rows, such as counts: the tensors of several
 * batches are added up, in float64. It runs within the step and records no gradients.
 *
 * @example Yes or no: one score a row, and a metric of your own
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Flatten } from "kindling/layers";
 * import { binaryCrossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
 * import { evaluate } from "kindling/training";
 * function right(scores: Tensor, targets: Tensor): number {
 *   const isRight = (score: number, row: number): boolean => score > 0 === targets.data[row] > 0.5;
 *   return scores.data.filter(isRight).length / targets.size;
 * }
 * const batch = { inputs: Tensor.of([[5], [-5]]), targets: Tensor.of([[1], [1]]) };
 * const options = { loss: binaryCrossEntropy, metrics: { right } };
 * assertEquals((await evaluate(new Flatten(), [batch], options)).right, 0.5);
 * ```
 */
export type Metric<Targets = Int32Array> = (scores: Tensor, targets: Targets) => number | Tensor;

/**
 * Metrics by the names that their results get.
 *
 * @example Accuracy and counts of each epoch
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { crossEntropy } from "kindling/losses";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * import { accuracyMetric, confusion, fit } from "kindling/training";
 * const model = new Linear(2, 2, { generator: new Generator(1) });
 * const batch = { inputs: Tensor.of([[0, 1], [1, 0]]), targets: Int32Array.of(0, 1) };
 * const history = await fit(model, [batch], {
 *   loss: crossEntropy,
 *   optimizer: new SGD(model.parameters(), { learningRate: 0.5 }),
 *   epochs: 100,
 *   metrics: { accuracy: accuracyMetric, counts: confusion(2) },
 * });
 * assertEquals(history[99].accuracy, 1);
 * assertEquals(history[99].counts.toArray(), [[1, 0], [0, 1]]);
 * ```
 */
export type Metrics<Targets = Int32Array> = Readonly<Record<string, Metric<Targets>>>;

/** What the type of metrics is where none are given. */
export type NoMetrics = Record<never, never>;

/** The results of metrics, a number or a tensor each: { accuracy: number; confusion: Tensor }. */
export type Measured<M> = {
  readonly [Name in keyof M]: M[Name] extends (...args: never) => number ? number
    : M[Name] extends (...args: never) => Tensor ? Tensor
    : number | Tensor;
};

/** What one metric adds up to over some rows; the shape of a number is null. */
export type Sum = Readonly<{ rows: number; shape: Shape | null; values: readonly number[] }>;

/** The sums of metrics by their names: plain data, so that a checkpoint can keep it. */
export type Tally = Readonly<Record<string, Sum>>;

// ── Training ──

/** What one epoch came to. */
export interface EpochResult {
  /** 1 for the first epoch. */
  readonly epoch: number;
  /** Mean loss over all examples, each at the moment it was seen. */
  readonly loss: number;
  /** The learning rate of the last step. */
  readonly learningRate: number;
}

/**
 * How far a training run is: the steps since it began, and of the epoch so far the sum of the
 * losses of all examples, and how many those are; with metrics, their sums, too.
 */
export type FitProgress = Readonly<Record<"step" | "total" | "examples", number>> & {
  readonly measured?: Tally;
};

/** What one step came to; the first of the training is 1. */
export type StepResult = EpochResult & { readonly step: number; readonly progress: FitProgress };

/** What one step takes. */
export interface StepOptions<Targets = Int32Array, M extends Metrics<Targets> = NoMetrics> {
  /** What is to be made small, as a mean over the examples. */
  readonly loss: Loss<Targets>;
  /** What moves the parameters. */
  readonly optimizer: Optimizer;
  /** The greatest norm that all gradients together may have; any by default. */
  readonly maxNorm?: number;
  /** What else to measure, by name; nothing by default. The names are those of the results. */
  readonly metrics?: M & Metrics<Targets>;
}

/** What trainStep() returns: the mean loss; with metrics, an object of loss and metrics. */
export type StepLoss<M> = [keyof M] extends [never] ? number
  : { readonly loss: number } & Measured<M>;

/** What fit() takes. */
export interface FitOptions<Targets = Int32Array, M extends Metrics<Targets> = NoMetrics>
  extends StepOptions<Targets, M> {
  /** How often all batches are walked. */
  readonly epochs: number;
  /** How many batches are learnt from in one step, 1 by default; the last step takes the rest. */
  readonly accumulate?: number;
  /**
   * The learning rate over time; without it the optimizer's own stays. Where it begins at 0, the
   * first step has the rate of the second.
   */
  readonly schedule?: Schedule;
  /** Where an earlier run stood: epochs, steps and schedule go on from there; the start by default. */
  readonly from?: FitProgress;
  /** Called after each step, with the step's loss, and metrics over the epoch so far. */
  readonly onStep?: (result: StepResult & Measured<NoInfer<M>>) => void;
  /** Called after each epoch, and waited for. */
  readonly onEpoch?: (result: EpochResult & Measured<NoInfer<M>>) => void | Promise<void>;
  /** Stops training between two steps, before the next batch is fetched. */
  readonly signal?: AbortSignal;
}

// ── Evaluation ──

/** What a model is worth on some data. */
export interface Evaluation {
  /** Mean loss over all examples. */
  readonly loss: number;
  /** The part of the examples whose greatest score was the label's, 0 to 1. */
  readonly accuracy: number;
  /** The class with the greatest score, for each example. */
  readonly predictions: Int32Array;
}

/**
 * What evaluate() returns: loss and metrics, and for class labels accuracy and predictions as well.
 * A metric called accuracy stands in the place of that accuracy.
 */
export type EvaluationOf<Targets, M = NoMetrics> =
  & Omit<Targets extends Int32Array ? Evaluation : Pick<Evaluation, "loss">, keyof M>
  & Measured<M>;

/** What evaluate() takes; the signal stops it between two batches. */
export type EvaluateOptions<Targets = Int32Array, M extends Metrics<Targets> = NoMetrics> =
  & Pick<StepOptions<Targets, M>, "loss" | "metrics">
  & Pick<FitOptions, "signal">;
