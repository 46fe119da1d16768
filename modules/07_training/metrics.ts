/**
 * # 07 · Training: metrics
 *
 * The loss is what training makes small. **Metrics** are what you want to know besides: accuracy,
 * top-5 accuracy, or a function of your own. This file adds them up over batches (given).
 *
 * A metric sees the scores of one batch at a time, and batches differ in size. So a number counts
 * with its rows, as the loss does in 7.7. By hand: 6 of 7 rows right in the first batch and 0 of 2
 * in the second are 6 of 9. The mean of 6/7 and 0, 3/7, would let a row of the small batch count
 * more than three times as much as one of the large.
 *
 * Throughout: rows the scores of one batch, a row per example · K how many classes there are · tally
 * the rows so far, and the sum of each metric over them
 *
 * @module
 */
import { noGrad } from "#autograd";
import { Module } from "#layers";
import { Optimizer } from "#optimizers";
import { requireKind, requireNumber, requireWhole, say, ShapeError, Tensor } from "#tensor";
import { ValueError } from "#tensor";
import type { Batch, Loss, Measured, Metric, Metrics, Sum, Tally } from "./options.ts";

// ── Scores and labels ──

/**
 * Throws if scores and labels do not go together.
 *
 * @param scores (B, K), with K of at least 2.
 * @param labels The right classes, one for each row.
 * @returns K
 * @throws {ShapeError} If the scores are not (B, K), or there is not one label per row.
 * @throws {ValueError} If a label is not one of 0 … K − 1.
 */
function requireClasses(scores: Tensor, labels: Int32Array): number {
  const [rows, classes] = scores?.shape ?? [];
  const says = say`Cannot compare scores of shape ${scores} with ${labels?.length ?? "no"} labels`; // a tensor has no length
  if (scores?.rank !== 2 || classes < 2) {
    const hint = "for one score a row, make the targets a tensor, and measure with your own metric";
    throw new ShapeError(`${says}: scores must be (B, K), with at least 2 classes`, hint);
  }
  if (rows !== labels?.length) throw new ShapeError(`${says}: there must be one label per row`);
  const wrong = labels.find((label) => label < 0 || label >= classes);
  if (wrong === undefined) return classes;
  throw new ValueError(`${says}: labels go from 0 to ${classes - 1}, one is ${wrong}`);
}

/** Each row's class with the greatest score, if the scores go with the labels. */
export function predictedClasses(scores: Tensor, labels: Int32Array): Int32Array {
  requireClasses(scores, labels);
  return Int32Array.from(scores.argmax(1).data);
}

/**
 * Makes a metric: the part of the rows whose label is among the k greatest scores. Among equal
 * scores the first class is the greater one. A label with the score NaN is never found.
 *
 * @param k How many classes may be named, at most K. With 1, it is the accuracy.
 * @returns The metric, of scores (B, K) and B labels; a number from 0 to 1.
 * @throws {ValueError} If k is not a whole number of at least 1; the metric, if k is beyond K.
 *
 * @example The label has the second greatest score
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * import { topK } from "kindling/training";
 * const scores = Tensor.of([[1, 3, 2]]), labels = Int32Array.of(2);
 * assertEquals([topK(1)(scores, labels), topK(2)(scores, labels)], [0, 1]);
 * ```
 */
export function topK(k: number): (scores: Tensor, labels: Int32Array) => number {
  requireWhole(`Cannot name the top ${k} classes`, k);
  return (scores, labels) => {
    const classes = requireClasses(scores, labels);
    requireNumber(`Cannot name the top ${k} of ${classes} classes`, k, 1, classes);
    return labels.filter((label, row) => {
      const x = scores.data.subarray(row * classes, (row + 1) * classes), own = x[label];
      // how many classes come before the label; NaN is beyond every score
      return x.filter((score, i) => !(score <= own) || (score === own && i < label)).length < k;
    }).length / labels.length;
  };
}

// ── Adding up ──
// trainStep(), fit() and evaluate() wrap the loss: whenever it is asked, the metrics look at the
// same scores and targets. That happens within the step, as the scores are gone after it: numbers
// are copied here at once.

/** Names that the results have already. */
const taken = ["loss", "predictions", "epoch", "step", "learningRate", "progress"];

/** Throws the error of what cannot be measured. */
function refuse(what: string, why: string, hint?: string): never {
  throw new ValueError(`Cannot measure ${what}: ${why}`, hint);
}

/** Adds metrics up over batches. */
export class Meter<Targets, M extends Metrics<Targets>> {
  /** What each metric adds up to so far; clear it to begin again. */
  readonly sums = new Map<string, Sum>();
  /** Whether all targets so far were labels. */
  isClassifier = true;
  readonly #metrics: [name: string, metric: Metric<Targets>][];

  /**
   * Begins to measure.
   *
   * @param metrics Metrics by name; none by default.
   * @param tally What they added up to before, for a run that goes on in the middle of an epoch.
   * @throws {ValueError} If a name is taken, a metric is not a function, or `tally` has no sum of it.
   */
  constructor(metrics?: M, tally?: Tally) {
    this.#metrics = Object.entries(metrics ?? {});
    for (const [name, metric] of this.#metrics) {
      if (taken.includes(name)) refuse(name, `results have a ${name} already`, "use another name");
      const rule = "a metric must be a function of scores and targets";
      if (typeof metric !== "function") refuse(name, rule);
      if (!tally) continue;
      const what = `${name} from the middle of an epoch`;
      const hint = "go on from an onStep() of a run with the same metrics, or from a whole epoch";
      if (!Object.hasOwn(tally, name)) refuse(what, "its sum so far is missing", hint);
      this.sums.set(name, tally[name]);
    }
  }

  /** The same loss; whenever it is asked, the metrics look at what it sees. Refuses other parts. */
  watch(loss: Loss<Targets>, model: unknown, ...optimizers: unknown[]): Loss<Targets> {
    requireKind("Cannot use as a loss", "function", loss);
    requireKind("Cannot use as a model", Module, model);
    requireKind("Cannot train by", Optimizer, ...optimizers);
    return (scores, targets) => {
      const value = loss(scores, targets), [rows = 1] = scores.shape;
      requireKind("Cannot go on from the loss", "tensor", value);
      this.isClassifier &&= !(targets instanceof Tensor);
      for (const [name, metric] of this.#metrics) {
        const sum = sumOf(name, noGrad(() => metric(scores, targets)), rows);
        // where the loss is not a number either, the loss says so
        const isWrong = sum.values.some(Number.isNaN) && Number.isFinite(value.item());
        if (isWrong) refuse(name, "the metric returned NaN", "is it 0/0?");
        this.sums.set(name, add(name, this.sums.get(name), sum));
      }
      return value;
    };
  }

  /** Means and sums over all rows so far. */
  result(): Measured<M> {
    const found = Array.from(this.sums, ([name, sum]) => [name, resultOf(sum)]);
    return Object.fromEntries(found) as Measured<M>;
  }
}

/** What a metric found in a batch, as a sum over its rows. */
function sumOf(name: string, found: unknown, rows: number): Sum {
  if (typeof found === "number") return { rows, shape: null, values: [found * rows] };
  if (found instanceof Tensor) return { rows, shape: found.shape, values: [...found.data] };
  refuse(name, `a metric must return a number or a tensor, this one returned ${String(found)}`);
}

function add(name: string, a: Sum | undefined, b: Sum): Sum {
  if (!a) return b;
  const values = a.values.map((value, i) => value + b.values[i]);
  if (String(a.shape) === String(b.shape)) return { ...b, rows: a.rows + b.rows, values };
  const says = say`Cannot add ${b.shape ?? "a number"} to ${a.shape ?? "a number"}`;
  throw new ShapeError(`${says}: ${name} must have the same shape in all batches`);
}

function resultOf({ rows, shape, values }: Sum): number | Tensor {
  return shape ? new Tensor(Float64Array.from(values), shape) : values[0] / rows;
}

// ── Targets that are not labels ──
// The task of 7.10 evaluates classifiers: it counts labels. Tensors of targets go through the same
// loop. There, placeholder labels stand in for each tensor, one per row, and the loss gets the tensor.

/** Labels; placeholders carry the tensor that they stand in for. */
type Labels = Int32Array & { readonly tensor?: Tensor };

/** The same batches, with placeholders in the place of tensors. */
export function* labelled(batches: Iterable<Batch<Int32Array | Tensor>>): Generator<Batch<Labels>> {
  for (const { inputs, targets } of batches) {
    requireKind("Cannot evaluate the inputs", "tensor", inputs);
    if (targets instanceof Tensor) {
      const labels = new Int32Array(targets.shape[0] ?? 1);
      yield { inputs, targets: Object.assign(labels, { tensor: targets }) };
    } else yield { inputs, targets };
  }
}

/** The tensor that labels stand in for, or the labels. It throws if the scores do not go with it. */
export function targetsOf(scores: Tensor, labels: Labels): Int32Array | Tensor {
  const { tensor } = labels;
  if (!tensor) requireClasses(scores, labels);
  if (!tensor || (scores.rank > 1 && scores.shape[0] === tensor.shape[0])) return tensor ?? labels;
  const says = say`Cannot evaluate scores of shape ${scores} against targets of shape ${tensor}`;
  const hint = "reshape([-1, 1]) makes one number a row";
  throw new ShapeError(`${says}: both must have a row per example, (B, …)`, hint);
}
