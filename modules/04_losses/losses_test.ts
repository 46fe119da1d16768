/**
 * The graded tests of module 04.
 *
 * @module
 */
import { binaryCrossEntropy, crossEntropy, mseLoss } from "#losses";
import { type Nested, ShapeError, Tensor, ValueError } from "#tensor";
import { graded, type GradedContext } from "../../course/sandbox/graded.ts";

// ── Help ──

/** A tensor that requires a gradient, as a model's scores do. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

function float64(values: Nested): Tensor {
  return Tensor.of(values, { dtype: "float64" });
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** −log softmax of a row of scores, from the definition. */
function surprisesOf(scores: readonly number[]): number[] {
  const powers = scores.map(Math.exp), all = total(powers);
  return powers.map((power) => -Math.log(power / all));
}

/** Shares of a whole, one row each. */
function randomShares(t: GradedContext, rows: number, classes: number): number[][] {
  return t.uniform([rows, classes], 0.1, 1).map((row) => row.map((part) => part / total(row)));
}

function expectRefused(t: GradedContext, what: string, body: () => unknown, kind: unknown): void {
  try {
    body();
  } catch (error) {
    const is = error instanceof Error && error.constructor === kind;
    t.expect(is, `${what}: the error is no ShapeError or ValueError as it should be, but ${error}`);
    return;
  }
  t.expect(false, `${what} is taken`);
}

// ── 04.1 ──

graded("04.1", 2, "mseLoss() is the mean of the squared distances, over all elements", (t) => {
  t.expectTensor(mseLoss(Tensor.of([[1, 5], [0, 2]]), Tensor.of([[2, 2], [0, 0]])), 3.5);
  const predictions = t.normal([3, 4]), targets = t.normal([3, 4]);
  const squares = predictions.flatMap((row, i) => row.map((p, j) => (p - targets[i][j]) ** 2));
  t.expectTensor(mseLoss(Tensor.of(predictions), Tensor.of(targets)), total(squares) / 12);
});

graded("04.1", 1, "mseLoss() sums, or leaves each element its loss, if told so", (t) => {
  const predictions = Tensor.of([[1, 5, 0]]), targets = Tensor.of([[2, 2, 0]]);
  t.expectTensor(mseLoss(predictions, targets, { reduction: "sum" }), 10);
  t.expectTensor(mseLoss(predictions, targets, { reduction: "none" }), [[1, 9, 0]]);
  t.expectTensor(mseLoss(predictions, targets, { reduction: "mean" }), 10 / 3);
});

graded("04.1", 1, "mseLoss() is one number that remembers the predictions", (t) => {
  for (const data of [Float32Array.of(1, 2), Float64Array.of(1, 2)]) {
    const predictions = new Tracked(data, [1, 2]);
    const loss = mseLoss(predictions, new Tensor(data.slice(), [1, 2]));
    t.expectEqual([loss.shape, loss.dtype, loss.requiresGrad], [[], predictions.dtype, true]);
  }
});

graded("04.1", 1, "mseLoss() refuses targets of another shape, and NaN", (t) => {
  const column = Tensor.zeros([2, 1]), row = Tensor.zeros([2]); // they would broadcast to (2, 2)
  expectRefused(t, "another shape", () => mseLoss(column, row), ShapeError);
  expectRefused(t, "NaN", () => mseLoss(row, Tensor.of([0, NaN])), ValueError);
});

// ── 04.2 ──

graded("04.2", 2, "crossEntropy() of a model that knows nothing is log K", (t) => {
  const classes = t.integer(2, 20), score = t.integer(-5, 5);
  const scores = Tensor.full([3, classes], score);
  t.expectTensor(crossEntropy(scores, Int32Array.of(0, 1, classes - 1)), Math.log(classes));
});

graded("04.2", 3, "crossEntropy() is the mean surprise at the right labels", (t) => {
  // shares 1/4, 1/4, 1/2 and 1/10, 9/10, 0
  const two = Tensor.of([[0, 0, Math.log(2)], [0, Math.log(9), -1e4]]);
  const expected = -(Math.log(1 / 2) + Math.log(1 / 10)) / 2;
  t.expectTensor(crossEntropy(two, Int32Array.of(2, 0)), expected);

  const rows = t.normal([5, 4]), labels = t.integers(5, 0, 3);
  const surprises = rows.map((row, k) => surprisesOf(row)[labels[k]]);
  const loss = crossEntropy(Tensor.of(rows), Int32Array.from(labels));
  t.expectTensor(loss, total(surprises) / 5);
});

graded("04.2", 2, "crossEntropy() stays exact where a probability would be 0", (t) => {
  t.expectTensor(crossEntropy(Tensor.of([[1000, 0]]), Int32Array.of(1)), 1000);
  t.expectTensor(crossEntropy(Tensor.of([[1000, 0]]), Int32Array.of(0)), 0);
});

graded("04.2", 1, "crossEntropy() does not count a class without a share, even at −∞", (t) => {
  t.expectTensor(crossEntropy(Tensor.of([[-Infinity, 0]]), Int32Array.of(1)), 0);
  t.expectTensor(crossEntropy(Tensor.of([[-Infinity, 0]]), Int32Array.of(0)), Infinity);
});

graded("04.2", 1, "crossEntropy() is one number that remembers the scores", (t) => {
  for (const data of [Float32Array.of(1, 2, 3, 4), Float64Array.of(1, 2, 3, 4)]) {
    const scores = new Tracked(data, [2, 2]), loss = crossEntropy(scores, Int32Array.of(0, 1));
    t.expectEqual([loss.shape, loss.dtype, loss.requiresGrad], [[], scores.dtype, true]);
  }
});

graded("04.2", 2, "crossEntropy() counts each class by its share of the truth", (t) => {
  // probabilities 1/4 and 3/4
  const scores = Tensor.of([[0, Math.log(3)]]), truth = Tensor.of([[0.5, 0.5]]);
  t.expectTensor(crossEntropy(scores, truth), -(Math.log(1 / 4) + Math.log(3 / 4)) / 2);

  const rows = t.normal([4, 3]), shares = randomShares(t, 4, 3);
  const surprises = rows.map((row, k) => total(surprisesOf(row).map((s, c) => s * shares[k][c])));
  t.expectTensor(crossEntropy(float64(rows), float64(shares)), total(surprises) / 4, 1e-12);
});

graded("04.2", 1, "crossEntropy() sums, or leaves each row its loss, if told so", (t) => {
  const rows = t.normal([4, 3]), labels = t.integers(4, 0, 2);
  const surprises = rows.map((row, k) => surprisesOf(row)[labels[k]]);
  const scores = Tensor.of(rows), targets = Int32Array.from(labels);
  t.expectTensor(crossEntropy(scores, targets, { reduction: "none" }), surprises);
  t.expectTensor(crossEntropy(scores, targets, { reduction: "sum" }), total(surprises));
  t.expectTensor(crossEntropy(scores, targets, { reduction: "mean" }), total(surprises) / 4);
});

graded("04.2", 3, "crossEntropy() spreads a part of the truth over all classes", (t) => {
  // probabilities 1/4 and 3/4; of the truth, 0.2 is spread: shares of 0.1 and 0.9
  const scores = Tensor.of([[0, Math.log(3)]]);
  const loss = crossEntropy(scores, Int32Array.of(1), { labelSmoothing: 0.2 });
  t.expectTensor(loss, -0.1 * Math.log(1 / 4) - 0.9 * Math.log(3 / 4));

  const rows = t.normal([4, 3]), shares = randomShares(t, 4, 3);
  const labelSmoothing = t.uniform([], 0.1, 0.9);
  const surprises = rows.map((row, k) =>
    total(
      surprisesOf(row).map((s, c) =>
        s * ((1 - labelSmoothing) * shares[k][c] + labelSmoothing / 3)
      ),
    )
  );
  const smooth = crossEntropy(float64(rows), float64(shares), { labelSmoothing });
  t.expectTensor(smooth, total(surprises) / 4, 1e-12);
});

graded(
  "04.2",
  3,
  "crossEntropy() weighs classes, and divides by the weights of the labels",
  (t) => {
    const rows = t.normal([5, 3]), labels = [0, 2, 2, 0, 2], classWeights = t.uniform([3], 0.5, 3);
    const weighed = rows.map((row, k) => surprisesOf(row)[labels[k]] * classWeights[labels[k]]);
    const scores = float64(rows), targets = Int32Array.from(labels);
    const weight = total(labels.map((label) => classWeights[label]));
    t.expectTensor(crossEntropy(scores, targets, { classWeights }), total(weighed) / weight, 1e-12);
    const sum = crossEntropy(scores, targets, { classWeights, reduction: "sum" });
    t.expectTensor(sum, total(weighed), 1e-12);
    const each = crossEntropy(scores, targets, { classWeights, reduction: "none" });
    t.expectTensor(each, weighed, 1e-12);

    // smoothed, it still divides by the weights of the labels alone
    const smooth = rows.map((row, k) =>
      total(
        surprisesOf(row).map((s, c) =>
          s * classWeights[c] * ((c === labels[k] ? 0.7 : 0) + 0.3 / 3)
        ),
      )
    );
    const loss = crossEntropy(scores, targets, { classWeights, labelSmoothing: 0.3 });
    t.expectTensor(loss, total(smooth) / weight, 1e-12);
  },
);

graded("04.2", 2, "crossEntropy() weighs shares too, and divides by the rows", (t) => {
  const rows = t.normal([4, 3]), shares = randomShares(t, 4, 3);
  const classWeights = t.uniform([3], 0.5, 3), labelSmoothing = 0.25;
  const truth = shares.map((row) => row.map((part) => 0.75 * part + 0.25 / 3));
  const weighed = rows.map((row, k) =>
    total(surprisesOf(row).map((s, c) => s * classWeights[c] * truth[k][c]))
  );
  const loss = crossEntropy(float64(rows), float64(shares), { classWeights, labelSmoothing });
  t.expectTensor(loss, total(weighed) / 4, 1e-12);
});

graded("04.2", 1, "crossEntropy() refuses targets that do not fit the scores", (t) => {
  const scores = Tensor.zeros([2, 3]);
  for (const label of [-1, 3]) {
    const wrong = Int32Array.of(0, label);
    expectRefused(t, `label ${label}`, () => crossEntropy(scores, wrong), ValueError);
  }
  expectRefused(t, "one label", () => crossEntropy(scores, Int32Array.of(0)), ShapeError);
  expectRefused(t, "a share of 2", () => crossEntropy(scores, Tensor.full([2, 3], 2)), ValueError);
  expectRefused(t, "(3,) shares", () => crossEntropy(scores, Tensor.ones([3])), ShapeError);
  expectRefused(t, "one axis", () => crossEntropy(Tensor.ones([3]), Tensor.ones([3])), ShapeError);
});

// ── 04.3 ──

graded("04.3", 3, "binaryCrossEntropy() is the mean surprise at the answers", (t) => {
  // σ(0) = 1/2 and σ(log 3) = 3/4
  const loss = binaryCrossEntropy(Tensor.of([0, Math.log(3)]), Tensor.of([1, 0]));
  t.expectTensor(loss, (Math.log(2) + Math.log(4)) / 2);

  const scores = t.normal([3, 4]), answers = scores.map((row) => row.map(() => t.integer(0, 1)));
  const surprises = scores.flatMap((row, i) =>
    row.map((x, j) => -Math.log(1 / (1 + Math.exp(answers[i][j] === 1 ? -x : x))))
  );
  const found = binaryCrossEntropy(float64(scores), float64(answers));
  t.expectTensor(found, total(surprises) / 12, 1e-12);
});

graded("04.3", 2, "binaryCrossEntropy() counts yes and no by their shares", (t) => {
  const scores = t.normal([6]), shares = t.uniform([6]);
  const surprises = scores.map((x, i) => {
    const yes = 1 / (1 + Math.exp(-x));
    return -shares[i] * Math.log(yes) - (1 - shares[i]) * Math.log(1 - yes);
  });
  const loss = binaryCrossEntropy(float64(scores), float64(shares));
  t.expectTensor(loss, total(surprises) / 6, 1e-12);
});

graded("04.3", 2, "binaryCrossEntropy() stays exact however sure the scores are", (t) => {
  const scores = Tensor.of([1000, 1000, -1000, -1000]), answers = Tensor.of([0, 1, 1, 0]);
  const each = binaryCrossEntropy(scores, answers, { reduction: "none" });
  t.expectTensor(each, [1000, 0, 1000, 0], 0);
  // log(1 + e^−40) is nearly e^−40, which 1 + e^−40 would round away
  const tiny = binaryCrossEntropy(float64([40]), float64([1])).item();
  t.expect(Math.abs(tiny / Math.exp(-40) - 1) < 1e-9, `log(1 + e^−40) is not ${tiny}`);
});

graded("04.3", 1, "binaryCrossEntropy() sums, or leaves each element its loss, if told so", (t) => {
  const scores = Tensor.of([[0, 0], [0, 0]]), answers = Tensor.of([[0, 1], [1, 0.5]]);
  const log2 = Math.log(2);
  t.expectTensor(binaryCrossEntropy(scores, answers, { reduction: "sum" }), 4 * log2);
  const each = binaryCrossEntropy(scores, answers, { reduction: "none" });
  t.expectTensor(each, [[log2, log2], [log2, log2]]);
});

graded("04.3", 1, "binaryCrossEntropy() is one number that remembers the scores", (t) => {
  for (const data of [Float32Array.of(1, 0), Float64Array.of(1, 0)]) {
    const scores = new Tracked(data, [1, 2]);
    const loss = binaryCrossEntropy(scores, new Tensor(data.slice(), [1, 2]));
    t.expectEqual([loss.shape, loss.dtype, loss.requiresGrad], [[], scores.dtype, true]);
  }
});

graded("04.3", 1, "binaryCrossEntropy() refuses targets that are no answers", (t) => {
  const scores = Tensor.zeros([2]);
  for (const wrong of [-0.1, 1.1, NaN]) {
    const targets = Tensor.of([0, wrong]);
    expectRefused(t, `${wrong}`, () => binaryCrossEntropy(scores, targets), ValueError);
  }
  const column = Tensor.zeros([2, 1]);
  expectRefused(t, "(2, 1)", () => binaryCrossEntropy(scores, column), ShapeError);
});
