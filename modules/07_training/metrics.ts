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
import { requireNumber, requireWhole, say, ShapeError, Tensor, ValueError } from "#tensor";
import type { Batch, Batches, Loss, Measured, Metric, Metrics, Sum, Tally } from "./options.ts";

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
  const [rows, classes] = scores.shape;
  const says = say`Cannot compare scores of shape ${scores} with ${labels.length ?? "no"} labels`; // a tensor has no length
  if (scores.rank !== 2 || classes < 2) {
    const hint = "for one score a row, make the targets a tensor, and measure with your own metric";
    throw new ShapeError(`${says}: scores must be (B, K), with at least 2 classes`, hint);
  }
  if (rows !== labels.length) throw new ShapeError(`${says}: there must be one label per row`);
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
 * import { Tensor } from "#tensor";
 * import { topK } from "#training";
 * const scores = Tensor.of([[1, 3, 2]]), labels = Int32Array.of(2);
 * assertEquals([topK(1)(scores, labels), topK(2)(scores, labels)], [0, 1]);
 * ```
 */
export function topK(k: number): (scores: Tensor, labels: Int32Array) => number {
  requireWhole(`Cannot name the top ${k} classes`, k);
  return (scores, labels) => {
    const classes = requireClasses(scores, labels);
    requireNumber(`Cannot name the top ${k} of ${classes} classes`, k, 1, classes);
    const found = labels.filter((label, row) => {
      const x = scores.data.subarray(row * classes, (row + 1) * classes), own = x[label];
      // how many classes come before the label; NaN is beyond every score
      return x.filter((score, i) => !(score <= own) || (score === own && i < label)).length < k;
    });
    return found.length / labels.length;
  };
}

// ── Adding up ──
// trainStep(), fit() and evaluate() wrap the loss: whenever it is asked, the metrics look at the
// same scores and targets. That happens within the step, as the scores are gone after it: numbers
// are copied here at once.

/** Names that the results have already. */
const taken = ["loss", "predictions", "epoch", "step", "learningRate", "progress"];

/** Adds metrics up over batches. */
export class Meter<Targets, M extends Metrics<Targets>> {
  /** What the metrics add up to so far; set it to {} to begin again. */
  tally: Tally;
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
    this.tally = tally ?? {};
    for (const [name, metric] of this.#metrics) {
      const says = `Cannot measure ${name}`;
      if (taken.includes(name)) {
        throw new ValueError(`${says}: results have a ${name} already`, "give it another name");
      }
      if (typeof metric !== "function") {
        throw new ValueError(`${says}: a metric must be a function of scores and targets`);
      }
      if (!tally || Object.hasOwn(tally, name)) continue;
      const hint = "go on from an onStep() of a run with the same metrics, or from a whole epoch";
      throw new ValueError(`${says} from the middle of an epoch: its sum so far is missing`, hint);
    }
  }

  /** The same loss; whenever it is asked, the metrics look at what it sees. */
  watch(loss: Loss<Targets>): Loss<Targets> {
    return (scores, targets) => {
      const value = loss(scores, targets), [rows = 1] = scores.shape;
      for (const [name, metric] of this.#metrics) {
        const sum = sumOf(name, noGrad(() => metric(scores, targets)), rows);
        // with a loss that is not a number, that is the news
        if (sum.values.some(Number.isNaN) && Number.isFinite(value.item())) {
          throw new ValueError(`Cannot measure ${name}: the metric returned NaN`, "is it 0/0?");
        }
        const before = Object.hasOwn(this.tally, name) ? this.tally[name] : undefined;
        this.tally = { ...this.tally, [name]: before ? add(name, before, sum) : sum };
      }
      return value;
    };
  }

  /** Means and sums over all rows so far. */
  result(): Measured<M> {
    const found = this.#metrics.map(([name]) => [name, resultOf(this.tally[name])]);
    return Object.fromEntries(found) as Measured<M>;
  }
}

/** What a metric found in a batch, as a sum over its rows. */
function sumOf(name: string, found: unknown, rows: number): Sum {
  if (typeof found === "number") {
    return { rows, shape: null, dtype: "float64", values: [found * rows] };
  }
  if (found instanceof Tensor) {
    return { rows, shape: found.shape, dtype: found.dtype, values: [...found.data] };
  }
  const says = `Cannot measure ${name}: a metric must return a number or a tensor`;
  throw new ValueError(`${says}, this one returned ${String(found)}`);
}

function add(name: string, a: Sum, b: Sum): Sum {
  if (String(a.shape) === String(b.shape)) {
    return { ...b, rows: a.rows + b.rows, values: a.values.map((value, i) => value + b.values[i]) };
  }
  const says = say`Cannot add ${b.shape ?? "a number"} to ${a.shape ?? "a number"}`;
  throw new ShapeError(`${says}: ${name} must have the same shape in all batches`);
}

function resultOf({ rows, shape, dtype, values }: Sum): number | Tensor {
  if (!shape) return values[0] / rows;
  const sum = Tensor.zeros(shape, { dtype });
  sum.data.set(values);
  return sum;
}

// ── Targets that are not labels ──
// The task of 7.10 evaluates classifiers: it counts labels. Tensors of targets go through the same
// loop. There, placeholder labels stand in for each tensor, one per row, and the loss gets the tensor.

/** Batches with labels: the user's, or placeholders for a tensor. */
export class Labelled<Targets extends Int32Array | Tensor> implements Iterable<Batch> {
  /** Whether all targets so far were labels. */
  isClassifier = true;
  readonly length: number;
  readonly #batches: Batches<Targets>;
  readonly #tensors = new WeakMap<Int32Array, Tensor>();

  constructor(batches: Batches<Targets>) {
    this.length = batches.length;
    this.#batches = batches;
  }

  *[Symbol.iterator](): Iterator<Batch> {
    for (const { inputs, targets } of this.#batches) {
      if (targets instanceof Tensor) {
        const labels = new Int32Array(targets.shape[0] ?? 1);
        this.#tensors.set(labels, targets);
        this.isClassifier = false;
        yield { inputs, targets: labels };
      } else yield { inputs, targets };
    }
  }

  /** The same loss, of those labels. It throws first if scores and targets do not go together. */
  lossOf(loss: Loss<Targets>): Loss {
    return (scores, labels) => {
      const targets = this.#tensors.get(labels);
      if (targets) requireRows(scores, targets);
      else requireClasses(scores, labels);
      return (loss as Loss<Int32Array | Tensor>)(scores, targets ?? labels);
    };
  }
}

function requireRows(scores: Tensor, targets: Tensor): void {
  if (scores.rank > 1 && scores.shape[0] === targets.shape[0]) return;
  const says = say`Cannot evaluate scores of shape ${scores} against targets of shape ${targets}`;
  const hint = "reshape([-1, 1]) makes one number a row";
  throw new ShapeError(`${says}: both must have a row per example, (B, …)`, hint);
}
