/**
 * The graded tests of module 04.
 *
 * @module
 */
import { binaryCrossEntropy, crossEntropy, type LossOptions, mseLoss } from "#losses";
import { type Nested, Tensor } from "#tensor";
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

/** All tensors that one was made from, and itself. */
function madeFrom(last: Tensor): Set<Tensor> {
  const seen = new Set([last]);
  for (const tensor of seen) tensor.origin?.inputs.forEach((input) => seen.add(input));
  return seen;
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

// ── 04.1 ──

graded("04.1", 2, "mseLoss() is the mean of the squared distances, over all elements", (t) => {
  t.expectTensor(mseLoss(Tensor.of([[1, 5], [0, 2]]), Tensor.of([[2, 2], [0, 0]])), 3.5);
  const predictions = t.normal([3, 4]), targets = t.normal([3, 4]);
  const squares = predictions.flatMap((row, i) => row.map((p, j) => (p - targets[i][j]) ** 2));
  const p = Tensor.of(predictions), truth = Tensor.of(targets);
  const loss = t.expectUnchanged({ predictions: p, targets: truth }, () => mseLoss(p, truth));
  t.expectTensor(loss, total(squares) / 12);
});

graded("04.1", 1, "mseLoss() sums, or leaves each element its loss, if told so", (t) => {
  const predictions = Tensor.of([[1, 5, 0]]), targets = Tensor.of([[2, 2, 0]]);
  t.expectTensor(mseLoss(predictions, targets, { reduction: "sum" }), 10);
  t.expectTensor(mseLoss(predictions, targets, { reduction: "none" }), [[1, 9, 0]]);
  t.expectTensor(mseLoss(predictions, targets, { reduction: "mean" }), 10 / 3);
  const none = { reduction: "none" } as const;
  const given = { predictions, targets };
  t.expectUnchanged(given, () => mseLoss(predictions, targets, none).data.fill(-1));
  t.expectTensor(mseLoss(Tensor.of([NaN, 1]), Tensor.of([0, 3]), none), [NaN, 4]);
});

graded("04.1", 1, "mseLoss() is one number that remembers the predictions", (t) => {
  for (const data of [Float32Array.of(1, 2), Float64Array.of(1, 2)]) {
    const predictions = new Tracked(data, [1, 2]);
    const loss = mseLoss(predictions, new Tensor(data.slice(), [1, 2]));
    t.expectEqual([loss.shape, loss.dtype, loss.requiresGrad], [[], predictions.dtype, true]);
    t.expect(madeFrom(loss).has(predictions), "the loss does not know its predictions");
  }
  const targets = new Tracked(Float32Array.of(1, 2), [2]),
    loss = mseLoss(Tensor.zeros([2]), targets);
  t.expect(madeFrom(loss).has(targets), "the loss does not know targets that require a gradient");
});

graded("04.1", 1, "mseLoss() refuses targets of another shape, and NaN", (t) => {
  const column = Tensor.zeros([2, 1]), row = Tensor.zeros([2]); // they would broadcast to (2, 2)
  t.expectError(() => mseLoss(column, row), "ShapeError", [[2, 1], 2]);
  t.expectError(() => mseLoss(row, column), "ShapeError", [[2, 1], 2]);
  t.expectError(() => mseLoss(row, Tensor.of([0, NaN])), "ValueError", [NaN]);
  t.expectError(() => mseLoss(row, float64([0, 0])), "ShapeError", ["float32", "float64"]);
  const misspelt = { reduction: "mean", reducton: "sum" } as const;
  t.expectError(() => mseLoss(row, row, misspelt), "ValueError", ["reducton"]);
  const other = { reduction: "median" } as unknown as LossOptions;
  t.expectError(() => mseLoss(row, row, other), "ValueError", ["median"]);
});

// ── 04.2 ──

graded("04.2", 2, "crossEntropy() of a model that knows nothing is log K", (t) => {
  const classes = t.integer(2, 20), score = t.integer(-5, 5);
  const scores = Tensor.full([3, classes], score);
  const labels = Int32Array.of(0, 1, classes - 1), given = { data: labels, shape: [3] };
  const loss = t.expectUnchanged({ scores, labels: given }, () => crossEntropy(scores, labels));
  t.expectTensor(loss, Math.log(classes));
});

graded("04.2", 3, "crossEntropy() is the mean surprise at the right labels", (t) => {
  // shares 1/4, 1/4, 1/2 and 1/10, 9/10, 0
  const two = Tensor.of([[0, 0, Math.log(2)], [0, Math.log(9), -1e4]]);
  const expected = -(Math.log(1 / 2) + Math.log(1 / 10)) / 2;
  t.expectTensor(crossEntropy(two, Int32Array.of(2, 0)), expected);

  const rows = t.normal([5, 4]), labels = t.integers(5, 0, 3);
  const surprises = rows.map((row, k) => surprisesOf(row)[labels[k]]);
  const scores = Tensor.of(rows), targets = Int32Array.from(labels);
  const loss = t.expectUnchanged({ scores }, () => crossEntropy(scores, targets));
  t.expectTensor(loss, total(surprises) / 5);
});

graded("04.2", 2, "crossEntropy() stays exact where a probability would be 0", (t) => {
  t.expectTensor(crossEntropy(Tensor.of([[1000, 0]]), Int32Array.of(1)), 1000);
  t.expectTensor(crossEntropy(Tensor.of([[1000, 0]]), Int32Array.of(0)), 0);
  const rows = Tensor.of([[1000, 0, 0], [1, 3, 0], [0, 0, -1000]]); // each row for itself
  const each = crossEntropy(rows, Int32Array.of(1, 1, 2), { reduction: "none" });
  t.expectTensor(each, [1000, Math.log(Math.exp(-2) + 1 + Math.exp(-3)), 1000 + Math.log(2)]);
});

graded("04.2", 1, "crossEntropy() does not count a class without a share, even at −∞", (t) => {
  t.expectTensor(crossEntropy(Tensor.of([[-Infinity, 0]]), Int32Array.of(1)), 0);
  t.expectTensor(crossEntropy(Tensor.of([[-Infinity, 0]]), Int32Array.of(0)), Infinity);
  const scores = Tensor.of([[0, -Infinity, 0]]), none = { reduction: "none" } as const;
  t.expectTensor(crossEntropy(scores, Tensor.of([[0.5, 0, 0.5]]), none), [Math.log(2)]);
  t.expectTensor(crossEntropy(Tensor.of([[NaN, 0], [0, 0]]), Int32Array.of(1, 1), none), [
    NaN,
    Math.log(2),
  ]);
});

graded("04.2", 1, "crossEntropy() is one number that remembers the scores", (t) => {
  for (const data of [Float32Array.of(1, 2, 3, 4), Float64Array.of(1, 2, 3, 4)]) {
    const scores = new Tracked(data, [2, 2]), loss = crossEntropy(scores, Int32Array.of(0, 1));
    t.expectEqual([loss.shape, loss.dtype, loss.requiresGrad], [[], scores.dtype, true]);
    t.expect(madeFrom(loss).has(scores), "the loss does not know its scores");
    const shares = new Tracked(new (Object(data).constructor)([1, 0, 0, 1]), [2, 2]);
    const fromShares = crossEntropy(scores, shares, { labelSmoothing: 0.1, classWeights: [1, 2] });
    t.expect(madeFrom(fromShares).has(scores), "the loss of shares does not know its scores");
    t.expect(
      madeFrom(fromShares).has(shares),
      "the loss does not know shares that require a gradient",
    );
  }
});

graded("04.2", 2, "crossEntropy() counts each class by its share of the truth", (t) => {
  // probabilities 1/4 and 3/4
  const scores = Tensor.of([[0, Math.log(3)]]), truth = Tensor.of([[0.5, 0.5]]);
  t.expectTensor(crossEntropy(scores, truth), -(Math.log(1 / 4) + Math.log(3 / 4)) / 2);

  const rows = t.normal([4, 3]), shares = randomShares(t, 4, 3);
  const surprises = rows.map((row, k) => total(surprisesOf(row).map((s, c) => s * shares[k][c])));
  const given = { scores: float64(rows), shares: float64(shares) };
  const loss = t.expectUnchanged(given, () => crossEntropy(given.scores, given.shares));
  t.expectTensor(loss, total(surprises) / 4, 1e-12);
});

graded("04.2", 1, "crossEntropy() sums, or leaves each row its loss, if told so", (t) => {
  const rows = t.normal([4, 3]), labels = t.integers(4, 0, 2);
  const surprises = rows.map((row, k) => surprisesOf(row)[labels[k]]);
  const scores = Tensor.of(rows), targets = Int32Array.from(labels);
  t.expectTensor(crossEntropy(scores, targets, { reduction: "none" }), surprises);
  t.expectTensor(crossEntropy(scores, targets, { reduction: "sum" }), total(surprises));
  t.expectTensor(crossEntropy(scores, targets, { reduction: "mean" }), total(surprises) / 4);
  const shares = randomShares(t, 4, 3), truth = Tensor.of(shares);
  const each = rows.map((row, k) => total(surprisesOf(row).map((s, c) => s * shares[k][c])));
  t.expectTensor(crossEntropy(scores, truth, { reduction: "none" }), each);
  t.expectTensor(crossEntropy(scores, truth, { reduction: "sum" }), total(each));
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
  const given = { scores: float64(rows), shares: float64(shares) };
  const smooth = t.expectUnchanged(given, () => {
    return crossEntropy(given.scores, given.shares, { labelSmoothing });
  });
  t.expectTensor(smooth, total(surprises) / 4, 1e-12);
  // all of it spread: each of three classes has a third
  const all = crossEntropy(given.scores, Int32Array.of(0, 1, 2, 0), { labelSmoothing: 1 });
  t.expectTensor(all, total(rows.map((row) => total(surprisesOf(row)) / 3)) / 4, 1e-12);
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
    const given = { scores, classWeights: { data: classWeights, shape: [3] } };
    const mean = t.expectUnchanged(given, () => crossEntropy(scores, targets, { classWeights }));
    t.expectTensor(mean, total(weighed) / weight, 1e-12);
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
  const given = { scores: float64(rows), shares: float64(shares) };
  const loss = t.expectUnchanged(given, () => {
    return crossEntropy(given.scores, given.shares, { classWeights, labelSmoothing });
  });
  t.expectTensor(loss, total(weighed) / 4, 1e-12);
  // of labels that are smoothed, too, the divisor is the weights at the labels
  const two = float64([[0, 0], [0, 0]]), weights = { classWeights: [1, 3], labelSmoothing: 0.5 };
  const smooth = crossEntropy(two, Int32Array.of(0, 1), weights); // (0.75 + 0.75 + 0.25 + 2.25)·log 2 / 4
  t.expectTensor(smooth, Math.log(2), 1e-12);
  // a weight of 0 leaves a class without a share, too, though its score is −∞
  const hopeless = Tensor.of([[0, -Infinity, 0]]),
    some = { classWeights: [1, 0, 1], labelSmoothing: 0.3 };
  t.expectTensor(crossEntropy(hopeless, Int32Array.of(0), some), 0.9 * Math.log(2));
  const rare = crossEntropy(two, Int32Array.of(0, 0), weights); // (0.75 + 0.75)·2·log 2 / 2
  t.expectTensor(rare, 1.5 * Math.log(2), 1e-12);
});

graded("04.2", 1, "crossEntropy() refuses targets that do not fit the scores", (t) => {
  const scores = Tensor.zeros([2, 3]), right = Int32Array.of(0, 2);
  for (const label of [-1, 3]) {
    t.expectError(() => crossEntropy(scores, Int32Array.of(0, label)), "ValueError", [label]);
  }
  t.expectError(() => crossEntropy(scores, Int32Array.of(0)), "ShapeError", [[2, 3]]);
  t.expectError(() => crossEntropy(scores, Int32Array.of(0, 1, 2)), "ShapeError", [[2, 3]]);
  for (const share of [2, -0.5, NaN]) {
    const shares = Tensor.of([[0, 0, 1], [share, 0, 1]]);
    t.expectError(() => crossEntropy(scores, shares), "ValueError", [share]);
  }
  t.expectError(() => crossEntropy(scores, Tensor.ones([3])), "ShapeError", [[2, 3]]);
  t.expectError(() => crossEntropy(scores, Tensor.zeros([3, 2])), "ShapeError", [[2, 3], [3, 2]]);
  const [row, stack] = [Tensor.ones([3]), Tensor.ones([2, 3, 1])]; // scores are (B, K)
  t.expectError(() => crossEntropy(row, row), "ShapeError", [3]);
  t.expectError(() => crossEntropy(row, Int32Array.of(0, 0, 0)), "ShapeError", [3]);
  t.expectError(() => crossEntropy(stack, stack), "ShapeError", [[2, 3, 1]]);
  for (const labelSmoothing of [-3, 1.5, NaN]) {
    const smooth = { labelSmoothing };
    t.expectError(() => crossEntropy(scores, right, smooth), "ValueError", [labelSmoothing]);
  }
  for (const classWeights of [[1], [1, 2], [1, 2, 3, 4], []]) { // one weight fits by broadcasting
    const weights = { classWeights };
    t.expectError(() => crossEntropy(scores, right, weights), "ShapeError", [classWeights.length]);
  }
  for (const weight of [-1, NaN, Infinity]) {
    const weights = { classWeights: [1, weight, 1] };
    t.expectError(() => crossEntropy(scores, right, weights), "ValueError", [weight]);
  }
  const misspelt = { labelSmoothing: 0, labelSmooting: 0.1 };
  t.expectError(() => crossEntropy(scores, right, misspelt), "ValueError", ["labelSmooting"]);
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
  const given = { scores: float64(scores), answers: float64(answers) };
  const found = t.expectUnchanged(given, () => binaryCrossEntropy(given.scores, given.answers));
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
  const last = binaryCrossEntropy(Tensor.of([NaN, 0]), Tensor.of([0, 1]), { reduction: "none" });
  t.expectTensor(last, [NaN, Math.log(2)]);
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
  t.expectTensor(binaryCrossEntropy(scores, answers, { reduction: "mean" }), log2);
  const two = float64([0, 1]), shares = float64([0.5, 1]), none = { reduction: "none" } as const;
  const given = { scores: two, shares };
  t.expectUnchanged(given, () => binaryCrossEntropy(two, shares, none).data.fill(-1));
  t.expectTensor(
    binaryCrossEntropy(two, shares, { reduction: "sum" }),
    log2 + Math.log1p(1 / Math.E),
  );
});

graded("04.3", 1, "binaryCrossEntropy() is one number that remembers the scores", (t) => {
  for (const data of [Float32Array.of(1, 0), Float64Array.of(1, 0)]) {
    const scores = new Tracked(data, [1, 2]);
    const targets = new Tensor(data.slice(), [1, 2]), loss = binaryCrossEntropy(scores, targets);
    t.expectEqual([loss.shape, loss.dtype, loss.requiresGrad], [[], scores.dtype, true]);
    t.expect(madeFrom(loss).has(scores), "the loss does not know its scores");
    // its derivative asks for both inputs, in this order
    const { origin } = binaryCrossEntropy(scores, targets, { reduction: "none" });
    const inputs = origin?.inputs ?? [], isBoth = inputs[0] === scores && inputs[1] === targets;
    t.expectEqual([origin?.op, inputs.length], ["binaryCrossEntropy", 2]);
    t.expect(isBoth, "the origin's inputs must be the scores and the targets");
  }
});

graded("04.3", 1, "binaryCrossEntropy() refuses targets that are no answers", (t) => {
  const scores = Tensor.zeros([2]);
  for (const wrong of [-0.1, 1.1, NaN]) {
    const targets = float64([0, wrong]), two = float64([0, 0]);
    t.expectError(() => binaryCrossEntropy(two, targets), "ValueError", [wrong]);
  }
  const column = Tensor.zeros([2, 1]);
  t.expectError(() => binaryCrossEntropy(scores, column), "ShapeError", [[2, 1]]);
  const misspelt = { reduction: "mean", reducton: "sum" } as const;
  t.expectError(() => binaryCrossEntropy(scores, scores, misspelt), "ValueError", ["reducton"]);
});
