/**
 * # 04 · Losses
 *
 * Learning needs one number that says how wrong the model is, and it must fall smoothly as the
 * model gets better. For a quantity that number is the squared distance; for sorting things into
 * classes it is the cross-entropy: how surprised the model is by the right answer.
 *
 * At the end you can score any batch of predictions.
 *
 * Throughout: B rows in a batch · K classes · label the right class of a row, 0 … K − 1
 *
 * @module
 */
import { logSoftmax } from "#activations";
import { kernels, like, requireNoOther, requireNumber, requireOneDtype, result } from "#tensor";
import { sameShape, say, ShapeError, Tensor, ValueError, type Values } from "#tensor";

/** How the losses of single rows or elements become one: their mean, their sum, or not at all. */
export type Reduction = "mean" | "sum" | "none";

/** What every loss takes: how single losses become one; the mean by default. */
export type LossOptions = { readonly reduction?: Reduction };

/** Folds single losses to one number; their mean is the sum over `count` (given). */
function fold(losses: Tensor, reduction: Reduction, count: number): Tensor {
  if (reduction === "mean") return losses.sum().div(count);
  if (reduction === "sum") return losses.sum();
  if (reduction === "none") return losses;
  throw new ValueError(`Cannot fold losses by "${reduction}": it is "mean", "sum" or "none"`);
}

/** Refuses targets of another shape, or that are not numbers of a range (given). */
function checkTargets(scores: Tensor, targets: Tensor, [least, most]: readonly number[]): void {
  const says = (): string => say`Cannot score ${scores} against ${targets}`;
  if (!sameShape(scores.shape, targets.shape)) {
    throw new ShapeError(`${says()}: predictions and targets must have one shape`);
  }
  requireOneDtype("Cannot score", scores, targets);
  const wrong = targets.data.find((target) => !(target >= least && target <= most));
  if (wrong === undefined) return;
  const range = most === Infinity ? "numbers" : `numbers from ${least} to ${most}`;
  throw new ValueError(`${says()}: targets must be ${range}, one is ${wrong}`);
}

// ── 4.1 Squared error ──
// Twice as far off is four times as bad. The mean over all elements of (prediction − target)².

/**
 * The squared distance of each prediction from its target.
 *
 * @task 04.1
 * @param predictions Any tensor.
 * @param targets What they should have been, of the same shape.
 * @param options Reduction; the mean over all elements by default.
 * @returns The loss: a single number, or with reduction "none" one for each element.
 * @throws {ShapeError} If the shapes differ.
 * @throws {ValueError} If a target is NaN.
 *
 * @example Off by 1 and by 3
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mseLoss } from "#losses";
 * import { Tensor } from "#tensor";
 * assertEquals(mseLoss(Tensor.of([1, 5]), Tensor.of([2, 2])).item(), 5);
 * ```
 */
export function mseLoss(predictions: Tensor, targets: Tensor, options: LossOptions = {}): Tensor {
  const { reduction = "mean", ...other } = options;
  requireNoOther("mseLoss", other);
  checkTargets(predictions, targets, [-Infinity, Infinity]);
  const distance = predictions.sub(targets);
  return fold(distance.mul(distance), reduction, distance.size);
}

// ── 4.2 Cross-entropy ──
// The model gives K scores; softmax makes them probabilities p. If the right class got probability
// p, the surprise is −log p: 0 when the model was sure and right, log K when it knew nothing, and
// without bound when it was sure and wrong. If the truth itself is spread over the classes, as
// shares t, each class counts by its share:
//
//   Lᵦ = −Σₖ t[b, k] · log softmax(scores[b])[k]
//
// A label is the case t = (0, …, 1, …, 0). Everything is computed from the scores and not from p,
// because log softmax stays exact where p would be rounded to 0.

/** What crossEntropy() takes. */
export interface CrossEntropyOptions extends LossOptions {
  /** The part of the truth that is spread evenly over all classes, 0 to 1; 0 by default. */
  readonly labelSmoothing?: number;
  /** How much each class counts, K numbers; all 1 by default. */
  readonly classWeights?: readonly number[];
}

/**
 * Writes labels as shares: 1 at the label, 0 elsewhere (given).
 *
 * @throws {ShapeError} If there are not B labels.
 * @throws {ValueError} If a label is not one of 0 … K − 1.
 */
function oneHot(scores: Tensor, labels: Int32Array): Tensor {
  const says = (): string => say`Cannot score ${scores} against ${labels.length} labels`;
  const [rows, classes] = scores.shape;
  if (rows !== labels.length) {
    throw new ShapeError(`${says()}: there must be one label per row, ${rows} rows`);
  }
  const shares = like(scores, scores.size);
  labels.forEach((label, row) => {
    shares[row * classes + label] = 1;
    if (Number.isInteger(label) && label >= 0 && label < classes) return;
    throw new ValueError(`${says()}: labels go from 0 to ${classes - 1}, row ${row} has ${label}`);
  });
  return new Tensor(shares, scores.shape);
}

/**
 * The surprise of each row, −Σₖ t·log softmax(scores), and those logarithms. A share of 0 counts
 * nothing, even where the logarithm is −∞.
 *
 * @task 04.2
 */
function surprises(scores: Tensor, shares: Tensor): Record<"losses" | "logs", Values> {
  const { data: logs, shape } = logSoftmax(scores), [rows, classes] = shape;
  const t = shares.data, out = like(scores, rows);
  for (let row = 0, i = 0; row < rows; row++) {
    let surprise = 0;
    for (const end = i + classes; i < end; i++) if (t[i] !== 0) surprise -= t[i] * logs[i];
    out[row] = surprise;
  }
  return { losses: { data: out, shape: [rows] }, logs: { data: logs, shape } };
}

/** Scores each row, and notes what the derivative needs (given). */
function score(scores: Tensor, shares: Tensor): Tensor {
  const { losses, logs } = kernels.replace("surprises", surprises)(scores, shares);
  return result(losses, "crossEntropy", [scores, shares], { logs });
}

/**
 * The surprise at the right classes, computed from scores (logits), as PyTorch's cross_entropy.
 *
 * @task 04.2
 * @param scores (B, K), one row of scores per example.
 * @param targets The right class of each row, or shares of the classes (B, K).
 * @param options Reduction (the mean by default; of labels with class weights the weighted mean),
 * label smoothing, class weights.
 * @returns The loss: a single number, or with reduction "none" one for each row.
 * @throws {ShapeError} If the shapes do not fit.
 * @throws {ValueError} If a label, share, weight or option is out of range.
 *
 * @example Knowing nothing about two classes costs log 2
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { crossEntropy } from "#losses";
 * import { Tensor } from "#tensor";
 * const loss = crossEntropy(Tensor.of([[5, 5]]), Int32Array.of(1));
 * assertAlmostEquals(loss.item(), Math.log(2), 1e-7);
 * ```
 */
export function crossEntropy(
  scores: Tensor,
  targets: Int32Array | Tensor,
  { reduction = "mean", labelSmoothing = 0, classWeights, ...other }: CrossEntropyOptions = {},
): Tensor {
  requireNoOther("crossEntropy", other);
  requireNumber(`Cannot smooth labels by ${labelSmoothing}`, labelSmoothing, 0, 1);
  if (scores.rank !== 2) throw new ShapeError(say`Cannot score ${scores}: scores must be (B, K)`);
  const isLabels = !(targets instanceof Tensor), [rows, classes] = scores.shape;
  if (!isLabels) checkTargets(scores, targets, [0, 1]);
  const right = isLabels ? oneHot(scores, targets) : targets;
  const even = labelSmoothing / classes; // what each class gets, whichever is right
  const shares = even > 0 ? right.mul(1 - labelSmoothing).add(even) : right;
  if (!classWeights) return fold(score(scores, shares), reduction, rows);
  const says = `Cannot weigh ${classes} classes by ${classWeights.length} numbers`;
  if (classWeights.length !== classes) throw new ShapeError(`${says}: there must be one for each`);
  for (const weight of classWeights) requireNumber(`Cannot weigh a class by ${weight}`, weight);
  const weights = Tensor.of(classWeights, { dtype: scores.dtype });
  const count = isLabels ? right.mul(weights).sum().item() : rows;
  return fold(score(scores, shares.mul(weights)), reduction, count);
}

// ── 4.3 Yes or no ──
// With one score per question, sigmoid makes it the probability p of yes, and the surprise is
// −log p or −log(1 − p). With t for yes (1), no (0) or anything between:
//
//   L = −t·log σ(x) − (1 − t)·log(1 − σ(x))  =  max(x, 0) − x·t + log(1 + e^−|x|)
//
// The form on the right never takes the logarithm of a rounded 0.

/**
 * The surprise at answers yes or no, computed from scores (logits), as PyTorch's
 * binary_cross_entropy_with_logits.
 *
 * @task 04.3
 * @param scores Any tensor; the greater, the surer is yes.
 * @param targets 1 for yes, 0 for no, or a share between, of the same shape.
 * @param options Reduction; the mean over all elements by default.
 * @returns The loss: a single number, or with reduction "none" one for each element.
 * @throws {ShapeError} If the shapes differ.
 * @throws {ValueError} If a target is not from 0 to 1.
 *
 * @example Knowing nothing costs log 2
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { binaryCrossEntropy } from "#losses";
 * import { Tensor } from "#tensor";
 * const loss = binaryCrossEntropy(Tensor.of([0, 0]), Tensor.of([1, 0]));
 * assertAlmostEquals(loss.item(), Math.log(2), 1e-7);
 * ```
 */
export function binaryCrossEntropy(scores: Tensor, targets: Tensor, options?: LossOptions): Tensor {
  const { reduction = "mean", ...other } = options ?? {};
  requireNoOther("binaryCrossEntropy", other);
  checkTargets(scores, targets, [0, 1]);
  const x = scores.data, t = targets.data, n = x.length, out = like(scores, n);
  for (let i = 0; i < n; i++) {
    out[i] = Math.max(x[i], 0) - x[i] * t[i] + Math.log1p(Math.exp(-Math.abs(x[i])));
  }
  const losses = { data: out, shape: scores.shape };
  return fold(result(losses, "binaryCrossEntropy", [scores, targets]), reduction, n);
}
