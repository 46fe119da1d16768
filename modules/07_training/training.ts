/**
 * # 07 · Training
 *
 * Five lines are the heart of all of deep learning: forget the old gradients, predict, measure, go
 * backward, step. The networks that read handwriting in the nineties were trained by them, and so
 * are those of today. This module writes them down once, with what makes them livable: a loop that
 * can be watched, stopped, and trusted to notice when the numbers have gone wrong.
 *
 * At the end you can train any model on any batches, and know how good it is. Begin with the
 * schedules, in schedules.ts; this file goes on from there. The files beside them are given:
 * options.ts, metrics.ts, breathing.ts and checkpoint.ts.
 *
 * Throughout: L the loss · batch some examples with their targets, rows of one tensor · step one
 * change of the weights · epoch one pass over all batches · K how many classes there are
 *
 * From earlier modules: requireNoOther("name", other) refuses options that there are not ·
 * requireNumber("Cannot …", x) refuses what is no finite number of at least 0 · noGrad(() => …)
 * computes without noting origins · scores.argmax(1) the place of the greatest of each row
 *
 * ## The idea, by hand
 *
 * One weight, one example: the model says w·x, and for x = 2 it should say 6. It begins with w = 1.
 *
 *   forget      ∂L/∂w = 0
 *   predict     y = 1·2 = 2
 *   measure     L = (2 − 6)² = 16
 *   backward    ∂L/∂w = 2·(2 − 6)·2 = −16
 *   step        w = 1 − 0.1·(−16) = 2.6
 *
 * The second time y is 5.2, and the loss (5.2 − 6)² = 0.64 in place of 16.
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { mseLoss } from "kindling/losses";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * import { trainStep } from "kindling/training";
 * const model = new Linear(1, 1, { generator: new Generator(1), bias: false });
 * model.weight.write((w) => w.fill(1));
 * const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
 * const batches = [{ inputs: Tensor.of([[2]]), targets: Tensor.of([[6]]) }];
 * assertAlmostEquals(trainStep(model, batches, { loss: mseLoss, optimizer }), 16);
 * assertAlmostEquals(model.weight.item(), 2.6, 1e-6);
 * assertAlmostEquals(trainStep(model, batches, { loss: mseLoss, optimizer }), 0.64, 1e-5);
 * ```
 *
 * @module
 */
import { backward, noGrad } from "#autograd";
import type { Module, Parameter } from "#layers";
import { kernels, requireKind, requireNoOther, requireNumber, requireWhole } from "#tensor";
import { Tensor, ValueError } from "#tensor";
import { breathing } from "./breathing.ts";
import { labelled, Meter, predictedClasses, targetsOf } from "./metrics.ts";
import type { Batch, Batches, EpochResult, FitOptions, Measured, Metrics } from "./options.ts";
import type { EvaluateOptions, Evaluation, EvaluationOf, NoMetrics } from "./options.ts";
import type { Loss, StepLoss, StepOptions } from "./options.ts";

export { topK } from "./metrics.ts";
export type * from "./options.ts";
export * from "./schedules.ts";

// ── 7.6 Clipping ──
// Now and then a batch has a gradient far longer than all others, and one step along it undoes an
// hour. Seen as one long vector, all gradients together are scaled down to a length that does no
// harm; their direction stays (Pascanu, Mikolov and Bengio, 2013).
//
//   norm = √(Σ g²)
//   g ← g · maxNorm / (norm + 10⁻⁶)        where that makes g shorter
//
// By hand: the gradients 3 and 4 are √(9 + 16) = 5 long. With a maximum of 1 they become 0.6 and
// 0.8. The sum runs over all parameters: clipping each number to 1 would leave 1 and 1, which is
// another direction. The length from before is given back, so that it can be watched.
//
// A parameter's `grad` is null, or a plain tensor. Change its `data` in place, so that everybody
// who holds it sees the shorter one. The tests have gradients of several parameters, one without
// any, and one of zeros, with a maximum of 0 as well: the 10⁻⁶ is there for 0/0. If one gradient is
// NaN, so is the norm, and all become NaN, so that it is seen.

/**
 * Scales all gradients down, if together they are longer than they may be.
 *
 * @task 07.6
 * @param parameters Whose gradients, all of them together.
 * @param maxNorm The greatest length that is left alone.
 * @returns The length before.
 * @throws {ValueError} If maxNorm is negative or not a number.
 *
 * @example (3, 4) is 5 long
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Parameter } from "kindling/layers";
 * import { Tensor } from "kindling/tensor";
 * import { clipGradientNorm } from "kindling/training";
 * const w = new Parameter(Tensor.zeros([2]));
 * w.grad = Tensor.of([3, 4]);
 * assertAlmostEquals(clipGradientNorm([w], 1), 5);
 * assertAlmostEquals(w.grad.data[0], 0.6, 1e-6);
 * ```
 */
export function clipGradientNorm(parameters: Iterable<Parameter>, maxNorm: number): number {
  requireNumber(`Cannot clip gradients to ${maxNorm}`, maxNorm);
  let total = 0;
  const gradients = [...parameters].flatMap(({ grad }) => grad ? [grad.data] : []);
  for (const g of gradients) for (let i = 0; i < g.length; i++) total += g[i] * g[i];
  const norm = Math.sqrt(total), scale = maxNorm / (norm + 1e-6); // PyTorch's guard against 0/0
  if (scale >= 1) return norm;
  for (const g of gradients) for (let i = 0; i < g.length; i++) g[i] *= scale; // one NaN spoils all
  return norm;
}

// ── 7.7 One step ──
// The five lines of the opening, with the names of earlier modules:
//
//   forget      optimizer.zeroGrad()
//   predict     model.forward(inputs)
//   measure     loss(predictions, targets), and item() for its value
//   backward    backward(loss)
//   step        optimizer.step()
//
// Three things are not so plain.
//
// Several batches may make one step: who has no memory for 128 images at a time learns from four
// times 32. Gradients add up by themselves, but means do not. Three examples with a mean loss of 2
// and one with a loss of 6 have a mean of (2 + 2 + 2 + 6)/4 = 3, while the mean of the two means is
// 4. So each batch's loss is weighed by its part of the examples:
//
//   L = Σ (rows in the batch / rows in all) · mean loss of the batch
//
// A loss that is NaN or infinite must not reach the weights: one such step, and all of them are NaN
// for good. Then no step is taken, and the number is given back for others to complain about.
//
// And a step makes many tensors that nobody needs when it is over. Whatever runs within
// kernels.step(() => …) has its room used again after it, and its result handed on; put the whole
// step in there.
//
// The tests look at all three: several batches must move the weights as one large one does, with
// momentum too, and in a single step; after an infinite loss in the second batch the weights are
// untouched. They also look whether gradients of the step before are gone, and whether clipping
// comes before the step, for the parameters that the optimizer moves: `optimizer.parameters`.

/**
 * Learns from some batches, in one step. trainStep(), below, hands over to it.
 *
 * @task 07.7
 * @param model What learns.
 * @param batches What it learns from, at least one batch.
 * @param options Loss, optimizer, and the greatest gradient norm.
 * @returns The mean loss before the step.
 */
function learnFrom<Targets>(
  model: Module,
  batches: readonly Batch<Targets>[],
  { loss, optimizer, maxNorm, ...other }: StepOptions<Targets>,
): number {
  requireNoOther("trainStep", other);
  requireWhole(`Cannot learn from ${batches.length} batches`, batches.length);
  const examples = countExamples(batches);
  return kernels.step(() => {
    let mean = 0;
    optimizer.zeroGrad();
    for (const { inputs, targets } of batches) {
      const part = loss(model.forward(inputs), targets).mul(inputs.shape[0] / examples);
      mean += part.item();
      if (!Number.isFinite(mean)) return mean;
      backward(part);
    }
    if (maxNorm !== undefined) clipGradientNorm(optimizer.parameters, maxNorm);
    optimizer.step();
    return mean;
  });
}

/**
 * Learns from some batches: predict, measure, go backward; then one step. Each batch counts by how
 * many examples it has, so that three small batches teach the same as one large. A loss that is not
 * a finite number teaches nothing: then no step is taken.
 *
 * The room that its tensors took may be used again when the step is over: what shall outlive it
 * must be copied within it. Parameters and their gradients stay.
 *
 * @param model What learns.
 * @param batches What it learns from, at least one batch.
 * @param options Loss, optimizer, the greatest gradient norm, and metrics.
 * @returns The mean loss before the step; with metrics, an object of `loss` and the metrics.
 * @throws {ValueError} If there are no batches, or a metric cannot be measured.
 *
 * @example One step towards 1
 * ```ts
 * import { assert } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { mseLoss } from "kindling/losses";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * import { trainStep } from "kindling/training";
 * const model = new Linear(1, 1, { generator: new Generator(1) });
 * const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
 * const batches = [{ inputs: Tensor.ones([4, 1]), targets: Tensor.ones([4, 1]) }];
 * const before = trainStep(model, batches, { loss: mseLoss, optimizer });
 * assert(trainStep(model, batches, { loss: mseLoss, optimizer }) < before);
 * ```
 */
export function trainStep<Targets, M extends Metrics<Targets> = NoMetrics>(
  model: Module,
  batches: readonly Batch<Targets>[],
  given: StepOptions<Targets, M>,
): StepLoss<NoInfer<M>> {
  const { metrics, ...options } = given ?? {} as StepOptions<Targets, M>;
  const meter = new Meter<Targets, M>(metrics);
  const watched = meter.watch(options.loss, model, options.optimizer);
  const loss = learnFrom(model, batches, { ...options, loss: watched });
  return (meter.sums.size > 0 ? { loss, ...meter.result() } : loss) as StepLoss<M>;
}

/** How many examples there are in some batches. */
function countExamples(batches: readonly Batch<unknown>[]): number {
  for (const batch of batches) requireKind("Cannot learn from the inputs", "tensor", batch?.inputs);
  return batches.reduce((total, { inputs }) => total + inputs.shape[0], 0);
}

/** Deals batches out by `size` at a time; the last group has what is left. */
function* groupsOf<Item>(items: Iterable<Item>, size: number): Generator<Item[]> {
  let group: Item[] = [];
  for (const item of items) {
    if (group.push(item) < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

/**
 * Trains a model. Other work gets its turn after each step that ends 20 ms or more after the last
 * pause.
 *
 * A run that was stopped goes on with `from`, and with model, optimizer and loader as they were
 * then. Without it, a loader that was restored in the middle of an epoch deals out the rest of that
 * one first, and the schedule ends as much earlier.
 *
 * @param model What learns; it is put into training mode.
 * @param batches What it learns from.
 * @param options Loss, optimizer, epochs, and whatever else is wanted.
 * @returns What each epoch came to: loss, and metrics by their names.
 * @throws {ValueError} If there are no batches or epochs, or the loss or a metric is not a number.
 * @throws {DOMException} An AbortError, if the signal says stop; the model stays as it is then.
 *
 * @example A line through two points
 * ```ts
 * import { assert } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * import { fit } from "kindling/training";
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
export async function fit<Targets, M extends Metrics<Targets> = NoMetrics>(
  model: Module,
  batches: Batches<Targets>,
  options: FitOptions<Targets, M>,
): Promise<(EpochResult & Measured<NoInfer<M>>)[]> {
  const { epochs, accumulate = 1, schedule, onStep, onEpoch, signal, ...rest } = options ?? {};
  const { loss, optimizer, maxNorm, metrics, from, ...other } = rest;
  let { step, total, examples } = from ?? { step: 0, total: 0, examples: 0 };
  requireNoOther("fit", other);
  requireWhole(`Cannot train for ${epochs} epochs`, epochs);
  requireWhole(`Cannot train on ${batches.length} batches`, batches.length);
  requireWhole(`Cannot accumulate ${accumulate} batches`, accumulate);
  requireWhole(`Cannot go on after ${step} steps`, step, 0);
  signal?.throwIfAborted();
  const stepsOfEpoch = Math.ceil(batches.length / accumulate), steps = epochs * stepsOfEpoch;
  const meter = new Meter<Targets, M>(metrics, examples > 0 ? from?.measured ?? {} : undefined);
  const watched = { loss: meter.watch(loss, model, optimizer), optimizer, maxNorm };
  const history: (EpochResult & Measured<M>)[] = [], breathe = breathing();
  model.train();
  for (let epoch = Math.floor(step / stepsOfEpoch) + 1; epoch <= epochs; epoch++) {
    for (const group of groupsOf(batches, accumulate)) {
      const rate = schedule?.(step / steps); // at 0, a first step would learn nothing
      if (schedule) optimizer.learningRate = rate || schedule((step || 1) / steps);
      const value = learnFrom(model, group, watched);
      const rows = countExamples(group), { learningRate } = optimizer;
      if (!Number.isFinite(value)) {
        const hint = "is the learning rate too large, or an input not a number?";
        throw new ValueError(`Cannot go on training: in epoch ${epoch} the loss is ${value}`, hint);
      }
      total += value * rows;
      examples += rows;
      step++;
      const measured = metrics && Object.fromEntries(meter.sums);
      const progress = { step, total, examples, ...(measured && { measured }) };
      onStep?.({ epoch, step, loss: value, learningRate, progress, ...meter.result() });
      await breathe();
      if (step % stepsOfEpoch > 0) signal?.throwIfAborted();
    }
    if (examples === 0) throw new ValueError(`Cannot train in epoch ${epoch}: no batches came`);
    const { learningRate } = optimizer, measured = meter.result();
    history.push({ epoch, loss: total / examples, learningRate, ...measured });
    total = examples = 0;
    meter.sums.clear();
    await onEpoch?.(history[history.length - 1]);
    if (epoch < epochs) signal?.throwIfAborted();
  }
  return history;
}

// ── 7.8 How good it is ──
// The loss is what training makes small; the part that is right is what people ask for. Accuracy is
// a count: it does not change when a weight moves by a little, so it has no gradient to learn from.
// And the two may disagree. For three examples, the shares that two models give to the right class
// of two:
//
//   one       0.6    0.6    0.6         all three right, and not sure of any
//   other     0.99   0.99   0.45        one wrong, by a little
//
// The mean loss of the one is −log 0.6, about 0.51. That of the other is about 0.27: lower, with
// fewer right. The second example below computes both. The test is about counting, and about what
// cannot be compared.

/**
 * The part of the predictions that is right.
 *
 * @task 07.8
 * @param predictions A class for each example.
 * @param labels The right ones.
 * @returns A number from 0 to 1.
 * @throws {ValueError} If there are none, or not as many labels.
 *
 * @example Two of four
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { accuracy } from "kindling/training";
 * assertEquals(accuracy(Int32Array.of(1, 0, 2, 2), Int32Array.of(1, 1, 1, 2)), 0.5);
 * ```
 *
 * @example A lower loss with fewer right
 * ```ts
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 * import { crossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
 * import { accuracy } from "kindling/training";
 * const labels = Int32Array.of(0, 0, 0);
 * const found = [[0.6, 0.6, 0.6], [0.99, 0.99, 0.45]].map((shares) => {
 *   const scores = Tensor.of(shares.map((p) => [p, 1 - p])).log();
 *   const right = accuracy(Int32Array.from(scores.argmax(1).data), labels);
 *   return { right, loss: crossEntropy(scores, labels).item() };
 * });
 * assertEquals(found.map(({ right }) => right), [1, 2 / 3]);
 * assertAlmostEquals(found[0].loss, 0.51, 0.005);
 * assertAlmostEquals(found[1].loss, 0.27, 0.005);
 * ```
 */
export function accuracy(predictions: Int32Array, labels: Int32Array): number {
  checkPairs(predictions, labels);
  return labels.filter((label, k) => label === predictions[k]).length / labels.length;
}

/**
 * A metric (given): the part of the rows whose greatest score is the label's.
 *
 * @param scores (B, K)
 * @param labels The right classes, one for each row.
 * @returns A number from 0 to 1.
 * @throws {ShapeError} If the scores are not (B, K), or there is not one label per row.
 *
 * @example The second score is the greatest
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * import { accuracyMetric } from "kindling/training";
 * assertEquals(accuracyMetric(Tensor.of([[1, 3, 2]]), Int32Array.of(1)), 1);
 * ```
 */
export function accuracyMetric(scores: Tensor, labels: Int32Array): number {
  return accuracy(predictedClasses(scores, labels), labels);
}

/** Refuses predictions and labels that do not go together (given). */
function checkPairs(predictions: Int32Array, labels: Int32Array): void {
  if (labels?.length > 0 && predictions?.length === labels.length) return;
  const says = `Cannot compare ${predictions?.length} predictions with ${labels?.length} labels`;
  throw new ValueError(`${says}: there must be one for each, and at least one`);
}

// ── 7.9 What is taken for what ──
// An accuracy does not say what goes wrong. A confusion matrix does: one row for each right class,
// one column for each answer. Here 93 of 100 are right:
//
//             says 0   says 1
//   is a 0      48        2         2 zeros were taken for ones
//   is a 1       5       45         5 ones for zeros
//
// What is right stands on the diagonal. Along a row: of 50 zeros 48 were found. Down a column: of
// the 53 answers "0", 48 were true. And a model that always says 0 shows at once, by a column that
// is empty, while its accuracy may be high where most examples are zeros. The test counts random
// answers, and hands in classes that do not exist; a wrong one must not be counted somewhere else.
// It is refused, in these words: "Cannot count class 3: classes go from 0 to 2".

/**
 * Counts which classes are taken for which.
 *
 * @task 07.9
 * @param predictions A class for each example.
 * @param labels The right ones.
 * @param K How many classes there are.
 * @returns (K, K): row = the right class, column = the class predicted.
 * @throws {ValueError} If there are none, not as many labels, or a class is not one of 0 … K − 1.
 *
 * @example One 1 was taken for a 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { confusionMatrix } from "kindling/training";
 * const counts = confusionMatrix(Int32Array.of(0, 0, 1), Int32Array.of(0, 1, 1), 2);
 * assertEquals(counts.toArray(), [[1, 0], [1, 1]]);
 * ```
 */
export function confusionMatrix(predictions: Int32Array, labels: Int32Array, K: number): Tensor {
  checkPairs(predictions, labels);
  requireWhole(`Cannot count ${K} classes`, K);
  const wrong = [...predictions, ...labels].find((k) => k < 0 || k >= K);
  if (wrong !== undefined) {
    throw new ValueError(`Cannot count class ${wrong}: classes go from 0 to ${K - 1}`);
  }
  const counts = Tensor.zeros([K, K]);
  labels.forEach((label, k) => counts.data[label * K + predictions[k]]++);
  return counts;
}

/**
 * Makes a metric (given): which classes are taken for which, counted over all batches.
 *
 * @param K How many classes there are.
 * @returns The metric, of scores (B, K) and B labels; a tensor (K, K) as of confusionMatrix().
 * @throws {ValueError} If K is not a whole number of at least 1.
 * @throws {ShapeError} The metric, if the scores are not (B, K), or there is not one label per row.
 *
 * @example One 1 was taken for a 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Tensor } from "kindling/tensor";
 * import { confusion } from "kindling/training";
 * const scores = Tensor.of([[2, 1], [2, 1], [1, 2]]);
 * assertEquals(confusion(2)(scores, Int32Array.of(0, 1, 1)).toArray(), [[1, 0], [1, 1]]);
 * ```
 */
export function confusion(K: number): (scores: Tensor, labels: Int32Array) => Tensor {
  requireWhole(`Cannot count ${K} classes`, K);
  return (scores, labels) => confusionMatrix(predictedClasses(scores, labels), labels, K);
}

// ── 7.10 Evaluation ──
// Asking a model must change nothing in it, and the answer must not depend on chance or on which
// examples happen to share a batch. So evaluation runs in eval() mode, in which dropout rests and
// batch normalisation uses the statistics that it gathered in training. It notes no origins, and
// each batch is a step of its own for the kernels, as in 7.7.
//
// And when a batch is done, even if something was thrown, each part is in the mode that it was in:
// a part may be frozen while the rest is trained. The parts are the values of model.namedModules(),
// the model itself among them, and the mode of each is its `training`.
//
// Between two batches it gives way, like fit(): await what a function made by breathing() returns.
// There, too, a signal may stop it, by signal.throwIfAborted().
//
// The last batch may be smaller, and each example counts the same, as in 7.7: batches of 7 and 2
// examples are weighed 7 to 2. All of that is tested, with a signal that stops in the middle.

/**
 * Tests a classifier, in evaluation mode and without gradients. evaluate(), below, hands over to it.
 *
 * @task 07.10
 * @param model What is tested; it gives one row of scores per example.
 * @param batches What it is tested on.
 * @param options How wrong it is, as a mean over the rows; and a signal that stops between batches.
 * @returns Loss, accuracy and predictions, in the order of the batches.
 * @throws {ValueError} If there are no batches.
 * @throws {DOMException} An AbortError, if the signal says stop.
 */
async function evaluateClassifier(
  model: Module,
  batches: Batches,
  { loss, signal, ...other }: EvaluateOptions,
): Promise<Evaluation> {
  requireNoOther("evaluate", other);
  requireWhole(`Cannot evaluate on ${batches.length} batches`, batches.length);
  const parts = [...model.namedModules().values()];
  const breathe = breathing(), predictions: number[] = [], labels: number[] = [];
  let total = 0;
  for (const { inputs, targets } of batches) {
    signal?.throwIfAborted();
    const modes = parts.map(({ training }) => training);
    model.eval(); // only while nobody else has a turn
    try {
      kernels.step(() => {
        const scores = noGrad(() => model.forward(inputs)); // (B, K)
        total += loss(scores, targets).item() * targets.length;
        for (const predicted of scores.argmax(1).data) predictions.push(predicted);
      });
      for (const label of targets) labels.push(label);
    } finally {
      parts.forEach((part, k) => part.training = modes[k]);
    }
    await breathe();
  }
  const predicted = Int32Array.from(predictions);
  const right = accuracy(predicted, Int32Array.from(labels));
  return { loss: total / labels.length, accuracy: right, predictions: predicted };
}

/**
 * Tests a model: no gradients, evaluation mode, and the mode it was in put back.
 *
 * Targets may be class labels: then scores must be (B, K), with at least 2 classes. Or they are
 * tensors, with a row for each row of scores: then the result is loss and metrics.
 *
 * @param model What is tested; it gives one row of scores per example.
 * @param batches What it is tested on.
 * @param options The loss; metrics; and a signal that stops between batches.
 * @returns Loss, and metrics by name; for labels, accuracy and predictions in the batches' order.
 * @throws {ValueError} If there are no batches, or a metric cannot be measured.
 * @throws {ShapeError} If scores and targets do not go together.
 * @throws {DOMException} An AbortError, if the signal says stop.
 *
 * @example A model that always says 1
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Flatten } from "kindling/layers";
 * import { crossEntropy } from "kindling/losses";
 * import { Tensor } from "kindling/tensor";
 * import { evaluate } from "kindling/training";
 * const batch = { inputs: Tensor.of([[0, 1], [0, 1]]), targets: Int32Array.of(1, 0) };
 * const { accuracy } = await evaluate(new Flatten(), [batch], { loss: crossEntropy });
 * assertEquals(accuracy, 0.5);
 * ```
 */
export async function evaluate<T extends Int32Array | Tensor, M extends Metrics<T> = NoMetrics>(
  model: Module,
  batches: Batches<T>,
  given: EvaluateOptions<T, M>,
): Promise<EvaluationOf<T, NoInfer<M>>> {
  const { loss, metrics, ...options } = given ?? {};
  const meter = new Meter<T, M>(metrics),
    ask = meter.watch(loss, model) as Loss<Int32Array | Tensor>;
  const watched: Loss = (scores, labels) => ask(scores, targetsOf(scores, labels));
  const dealt = { length: batches.length, [Symbol.iterator]: () => labelled(batches) };
  const found = await evaluateClassifier(model, dealt, { ...options, loss: watched });
  const known = meter.isClassifier ? found : { loss: found.loss };
  return { ...known, ...meter.result() } as EvaluationOf<T, M>;
}

/**
 * ## What it costs
 *
 * A step goes forward once and backward once, and the way back takes about twice the arithmetic:
 * for each product two more, one for the inputs and one for the weights (module 05 counts them).
 * Evaluation goes forward only, so an example costs about a third. `deno task bench` times whole
 * steps.
 *
 * Memory is filled by what lies between forward and backward: every result on the way is kept, and
 * grows with the batch. Accumulating buys that back with time. Three batches of 4, 4 and 2 need
 * room for 4 examples, and move the weights as one batch of 10 does, up to rounding:
 *
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { mseLoss } from "kindling/losses";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * import { trainStep } from "kindling/training";
 * const x = Tensor.normal([10, 3], new Generator(1)), y = Tensor.normal([10, 1], new Generator(2));
 * function learned(parts: [from: number, to: number][]): number {
 *   const model = new Linear(3, 1, { generator: new Generator(3) });
 *   const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
 *   const batches = parts.map((part) => ({ inputs: x.slice(part), targets: y.slice(part) }));
 *   trainStep(model, batches, { loss: mseLoss, optimizer });
 *   return model.weight.data[0];
 * }
 * assertAlmostEquals(learned([[0, 4], [4, 8], [8, 10]]), learned([[0, 10]]), 1e-6);
 * ```
 *
 * ## What breaks in practice
 *
 * **Training goes wrong, in one of four ways.** With K classes, a model that knows nothing has a
 * loss of log K. Hold what you see against that:
 *
 *   what you see                              where to look first
 *   ────────────────────────────────────────────────────────────────────────────────────────
 *   far above log K before any training       first weights too large, inputs not normalised
 *   stays at log K                            gradients do not arrive, labels do not fit
 *   NaN, or beyond all bounds                 rate too large, an input not a number
 *   falls in training, rises in validation    learnt by heart: more data, or stop earlier
 *
 * Knowing nothing means equal scores. fit() refuses to go on with NaN, because no later step could
 * mend it:
 *
 * ```ts
 * import { assertAlmostEquals, assertRejects } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { crossEntropy, mseLoss } from "kindling/losses";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor, ValueError } from "kindling/tensor";
 * import { fit } from "kindling/training";
 * const loss = crossEntropy(Tensor.zeros([4, 10]), Int32Array.of(3, 1, 4, 1));
 * assertAlmostEquals(loss.item(), Math.log(10), 1e-6);
 * const model = new Linear(1, 1, { generator: new Generator(1) });
 * const optimizer = new SGD(model.parameters(), { learningRate: 100 });
 * const batch = { inputs: Tensor.of([[5]]), targets: Tensor.of([[1]]) };
 * await assertRejects(
 *   () => fit(model, [batch], { loss: mseLoss, optimizer, epochs: 100 }),
 *   ValueError,
 *   "Cannot go on training",
 * );
 * ```
 *
 * **Learnt by heart.** Ten examples with labels drawn by lot: there is nothing to learn, and a
 * model with more weights than examples learns it all the same. Only examples that it does not
 * learn from show what that is worth, which is why module 08 splits them.
 *
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { Linear } from "kindling/layers";
 * import { crossEntropy } from "kindling/losses";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * import { type Batch, evaluate, fit } from "kindling/training";
 * const dice = new Generator(1), loss = crossEntropy;
 * function drawn(n: number): Batch {
 *   const targets = Int32Array.from({ length: n }, () => dice.uniform() < 0.5 ? 0 : 1);
 *   return { inputs: Tensor.normal([n, 20], dice), targets };
 * }
 * const seen = drawn(10), unseen = drawn(100), model = new Linear(20, 2, { generator: dice });
 * const optimizer = new SGD(model.parameters(), { learningRate: 0.5 });
 * const before = await evaluate(model, [unseen], { loss });
 * const history = await fit(model, [seen], { loss, optimizer, epochs: 50 });
 * const after = await evaluate(model, [unseen], { loss });
 * assert(history[49].loss < 0.1 * history[0].loss && after.loss > before.loss);
 * assertEquals((await evaluate(model, [seen], { loss })).accuracy, 1);
 * assert(after.accuracy < 0.7);
 * ```
 *
 * **The wrong mode.** fit() leaves the model in training mode. Ask it by hand then, and dropout
 * gives two answers to one question; with batch normalisation the answer depends on what else is in
 * the batch, and each question moves the statistics. evaluate() takes care of that; for a forward()
 * of your own, call eval() first.
 *
 * ```ts
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * import { Dropout, Linear, Sequential } from "kindling/layers";
 * import { mseLoss } from "kindling/losses";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * import { fit } from "kindling/training";
 * const generator = new Generator(1);
 * const model = new Sequential(new Dropout(0.5, { generator }), new Linear(20, 1, { generator }));
 * const x = Tensor.ones([1, 20]), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
 * const batch = { inputs: x, targets: Tensor.ones([1, 1]) };
 * await fit(model, [batch], { loss: mseLoss, optimizer, epochs: 1 });
 * assertNotEquals(model.forward(x).item(), model.forward(x).item());
 * model.eval();
 * assertEquals(model.forward(x).item(), model.forward(x).item());
 * ```
 *
 * **A loop that never gives way.** `await` alone is no pause: a thousand settled promises keep a
 * timer waiting that was due long ago. Only another timer lets it in.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * const seen: string[] = [];
 * setTimeout(() => seen.push("a key press"), 0);
 * for (let step = 0; step < 1000; step++) await Promise.resolve();
 * seen.push("1000 steps");
 * await new Promise((resolve) => setTimeout(resolve, 0));
 * assertEquals(seen, ["1000 steps", "a key press"]);
 * ```
 *
 * ## To think about
 *
 * 1. Four batches of 32 make one step, or one batch of 128 does. In which models does that differ?
 * 2. Why is each gradient not clipped by itself?
 * 3. 1,000 images, batches of 32: how many steps has an epoch, and how many if three make a step?
 * 4. The loss on the training data is above that on the test data. How, without a mistake?
 * 5. The validation loss rises, and the validation accuracy stays. What happens to the model?
 *
 * ## What is next
 *
 * The loop takes any batches. Module 08 makes them: shuffled, split, each image a bit different.
 */
