/**
 * # 04 · Losses
 *
 * Learning needs one number that says how wrong the model is, and it must fall smoothly as the
 * model gets better. "How many answers were wrong?" will not do: a nudge to a weight hardly ever
 * changes a count, so there is no slope to walk down. For a quantity the number is the squared
 * distance; for sorting things into classes it is the cross-entropy: how surprised the model is by
 * the right answer.
 *
 * At the end you can score any batch of predictions.
 *
 * Throughout: B rows in a batch · K classes · label the right class of a row, 0 … K − 1
 *
 * From earlier modules: requireNoOther("name", other) refuses options that there are not ·
 * requireNumber("Cannot …", x, least, most) refuses what is no number of a range · like(x, n) room
 * for n numbers of the same dtype · result({ data, shape }, "name", [inputs]) a tensor that
 * remembers how it was made · logSoftmax(scores) along the last axis
 *
 * ## The idea, by hand
 *
 * A model gives two scores, 0 and log 3, for "cat" and "dog". As shares that is ¼ and ¾. If it is a
 * dog, the right answer had ¾, and the surprise is −log ¾ = 0.288. If it is a cat, the surprise is
 * −log ¼ = 1.386. Had the model known nothing, both shares would be ½, and the surprise either way
 * log 2 = 0.693. To lean to the wrong side costs more than to know nothing: here twice as much,
 * since ¼ is ½·½.
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { crossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
 * const scores = Tensor.of([[0, Math.log(3)]]), cat = Int32Array.of(0), dog = Int32Array.of(1);
 * assertAlmostEquals(crossEntropy(scores, dog).item(), 0.288, 1e-3);
 * assertAlmostEquals(crossEntropy(scores, cat).item(), 1.386, 1e-3);
 * assertAlmostEquals(crossEntropy(Tensor.zeros([1, 2]), cat).item(), 0.693, 1e-3);
 * ```
 *
 * @module
 */
import { logSoftmax } from "#activations";
import { Door, like, requireNoOther, requireNumber, requireOneDtype, result } from "#tensor";
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
  requireOneDtype("Cannot score", scores, targets);
  if (!sameShape(scores.shape, targets.shape)) {
    throw new ShapeError(`${says()}: predictions and targets must have one shape`);
  }
  const wrong = targets.data.find((target) => !(target >= least && target <= most));
  if (wrong === undefined) return;
  const range = most === Infinity ? "numbers" : `numbers from ${least} to ${most}`;
  throw new ValueError(`${says()}: targets must be ${range}, one is ${wrong}`);
}

// ── 4.1 Squared error ──
// Twice as far off is four times as bad, on either side alike.
//
//   L = mean of (prediction − target)²
//
// The mean is over all elements, not over rows. fold() does that, and the sum and the single losses
// that are asked for by `reduction`; what you hand to it is one loss for each element, and how
// many. What is composed of tensor operations remembers how it was made, so there is nothing else
// to do.
//
// The test also hands in a column of predictions and a row of targets. They would broadcast to a
// square and give a number that looks like a loss; the shapes must be equal instead.

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
 * import { mseLoss } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
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
// without bound when it was sure and wrong. Why a logarithm: the probabilities of independent
// answers are multiplied, and surprises should add up (Shannon, 1948). If the truth itself is
// spread over the classes, as shares t, each class counts by its share:
//
//   Lᵦ = −Σₖ t[b, k] · log softmax(scores[b])[k]
//
// A label is the case t = (0, …, 1, …, 0). Everything is computed from the scores and not from p,
// because log softmax stays exact where p would be rounded to 0.
//
// The task has two places: the surprise of each row here, and around it what makes shares of the
// targets. Label smoothing takes a part of the truth and spreads it evenly, so that the model need
// not become infinitely sure; class weights make rare classes count more. For labels and shares
// alike, in this order, with s the part that is smoothed:
//
//   t[b, k] ← (1 − s)·t[b, k] + s/K
//   t[b, k] ← weight[k]·t[b, k]
//
// With labels, the weighted mean divides by the sum of the weights at the labels as they were
// given, as PyTorch does; with shares, by the rows. Weights are K numbers, finite and at least 0:
// another count is a ShapeError, a wrong number a ValueError.
//
// The test begins with equal scores, which must cost log K, and goes on to a right answer with a
// share of e⁻¹⁰⁰⁰. It also has a score of −∞ for a class without a share: 0·∞ must not become NaN.

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
  const says = (): string => say`Cannot score ${scores} against ${labels?.length} labels`;
  const [rows, classes] = scores.shape;
  if (rows !== labels?.length) {
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

/** The surprise of each row, and the logarithms that its derivative needs. */
export type Surprises = (scores: Tensor, shares: Tensor) => Record<"losses" | "logs", Values>;

/**
 * The surprise of each row, −Σₖ t·log softmax(scores), and those logarithms. A share of 0 counts
 * nothing, even where the logarithm is −∞. Of scores (B, K) the losses are (B,) and the logarithms
 * (B, K); both are Values, numbers with a shape, as a tensor has.
 *
 * @task 04.2
 */
function surprises(scores: Tensor, shares: Tensor): ReturnType<Surprises> {
  const { data: logs, shape } = logSoftmax(scores), [rows, classes] = shape;
  const t = shares.data, out = like(scores, rows);
  for (let row = 0, i = 0; row < rows; row++) {
    let surprise = 0;
    for (const end = i + classes; i < end; i++) if (t[i] !== 0) surprise -= t[i] * logs[i];
    out[row] = surprise;
  }
  return { losses: { data: out, shape: [rows] }, logs: { data: logs, shape } };
}

/** The surprises as a door. */
export const crossEntropyDoor: Door<Surprises> = new Door("crossEntropy", surprises);

/** Scores each row, and notes what the derivative needs (given). */
function score(scores: Tensor, shares: Tensor): Tensor {
  const { losses, logs } = crossEntropyDoor.run(scores, shares);
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
 * import { crossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
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
  if (scores?.rank !== 2) throw new ShapeError(say`Cannot score ${scores}: scores must be (B, K)`);
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
//   L = −t·log σ(x) − (1 − t)·log(1 − σ(x))
//
// For x = 100 and "no", σ(x) is rounded to 1, and the logarithm of 1 − σ(x) is −∞; the truth is
// −100. So this too is worked out on paper first. Since σ(x) = 1/(1 + e⁻ˣ),
//
//   −log σ(x) = log(1 + e⁻ˣ)        −log(1 − σ(x)) = x + log(1 + e⁻ˣ)
//
// and with the shares t and 1 − t of the two,
//
//   L = (1 − t)·x + log(1 + e⁻ˣ)
//
// which is fine for positive x. For negative x, where e⁻ˣ may overflow, take e⁻ˣ out of the
// bracket: log(1 + e⁻ˣ) = −x + log(1 + eˣ), so that L = −t·x + log(1 + eˣ). Both cases in one line:
//
//   L = max(x, 0) − x·t + log(1 + e^−|x|)
//
// Where e^−|x| is tiny, 1 + e^−|x| rounds it away; Math.log1p(z) is log(1 + z) without that loss. A
// loop over numbers leaves no trace, other than tensor operations do: result() notes where its
// losses came from, as in score() above: from both tensors. Call the origin "binaryCrossEntropy".
// The test goes to scores of ±1000, to 40, where the loss is hardly anything, and to shares.

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
 * import { binaryCrossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
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

/**
 * ## What it costs
 *
 * For a few classes next to nothing: a loss looks at B·K numbers, a model at many more. What
 * matters is what it keeps. For its gradient cross-entropy keeps the logarithms of the shares, and
 * what should have been, written as shares too: each as large as the scores. Where the classes are
 * the words of a language, that counts. 1000 places and 50,000 words make 200 MB of each:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals(1000 * 50_000 * Float32Array.BYTES_PER_ELEMENT, 200e6);
 * ```
 *
 * ## What breaks in practice
 *
 * **A first loss that is not log K.** It is the first thing to check in a training run. A model
 * that has seen nothing should know nothing: about log 10 = 2.30 for ten classes. Much more says
 * that it is sure without reason, from weights or inputs that are too large. Much less says that
 * the model is not new, or that the mean divides by the wrong count.
 *
 * ```ts
 * import { assert, assertAlmostEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { crossEntropy } from "kindling/losses";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * function firstLoss(factor: number): number {
 *   const generator = new Generator(1), layer = new Linear(64, 10, { generator });
 *   const inputs = Tensor.normal([256, 64], generator).mul(factor);
 *   const labels = Int32Array.from({ length: 256 }, (_, row) => row % 10);
 *   return crossEntropy(layer.forward(inputs), labels).item();
 * }
 * assertAlmostEquals(firstLoss(1), Math.log(10), 0.3);
 * assert(firstLoss(100) > 10 * Math.log(10)); // inputs that nobody normalised
 * ```
 *
 * **softmax twice.** crossEntropy() takes scores and applies softmax itself. Who gives it shares
 * gets a loss that looks sane and can hardly fall: no share is further than 1 from another, and for
 * scores that is close. For ten classes even a perfect answer keeps a loss of 1.46.
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { softmax } from "kindling/activations";
 * import { crossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
 * const sure = Tensor.of([[100, 0, 0, 0, 0, 0, 0, 0, 0, 0]]), label = Int32Array.of(0);
 * assertAlmostEquals(crossEntropy(sure, label).item(), 0, 1e-6);
 * assertAlmostEquals(crossEntropy(softmax(sure), label).item(), 1.46, 0.01);
 * ```
 *
 * **A sum where a mean was meant.** The loss is then B times as large, and so are its gradient and
 * the step of plain gradient descent. A learning rate that suited a batch of 32 makes steps eight
 * times as long with a batch of 256. With the mean, the step does not grow with the batch.
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { crossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
 * const scores = Tensor.zeros([256, 10]), labels = new Int32Array(256);
 * const mean = crossEntropy(scores, labels).item();
 * const sum = crossEntropy(scores, labels, { reduction: "sum" }).item();
 * assertAlmostEquals(sum / mean, 256, 1e-3);
 * ```
 *
 * **Squares for classes.** The squared distance between a share and 1 has hardly any slope where
 * the model is sure and wrong, just where it should learn most. Cross-entropy is steepest there:
 * raise the score of the right answer, and it falls with the slope 1 − p, where p is that answer's
 * share. Here the answer is yes, and the score goes from −8 to −7.
 *
 * ```ts
 * import { assert } from "@std/assert";
 * import { sigmoid } from "kindling/activations";
 * import { binaryCrossEntropy, mseLoss } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
 * const yes = Tensor.ones([1]), [from, to] = [-8, -7].map((score) => Tensor.of([score]));
 * const square = (x: Tensor): number => mseLoss(sigmoid(x), yes).item();
 * const surprise = (x: Tensor): number => binaryCrossEntropy(x, yes).item();
 * assert(square(from) - square(to) < 0.01);
 * assert(surprise(from) - surprise(to) > 0.99);
 * ```
 *
 * ## To think about
 *
 * 1. A model for ten classes starts with a loss of 9.2. What does that say?
 * 2. Why is the loss of a single row never negative, and when is it 0?
 * 3. All scores of a row are raised by 5. What becomes of the cross-entropy? And what does that say
 *    about the sum of its gradient over the row?
 * 4. Which share p of the right answer gives the same loss as knowing nothing about K classes?
 *
 * ## What is next
 *
 * There is a number to make small. Module 05 finds out, for each weight, in which direction it
 * falls.
 */
