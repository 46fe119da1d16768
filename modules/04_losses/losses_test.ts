/**
 * The graded tests of module 04.
 *
 * @module
 */
import { crossEntropy } from "#losses";
import { ShapeError, Tensor, ValueError } from "#tensor";
import { graded } from "../../tests/kit/graded.ts";

/** A tensor that requires a gradient, as a model's scores do. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

function errorOf(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  return undefined;
}

// ── 04.1 ──

graded("04.1", 2, "crossEntropy() of a model that knows nothing is log K", (t) => {
  const classes = t.integer(2, 20), score = t.integer(-5, 5);
  const scores = Tensor.full([3, classes], score);
  t.expectTensor(crossEntropy(scores, Int32Array.of(0, 1, classes - 1)), Math.log(classes));
});

graded("04.1", 3, "crossEntropy() is the mean surprise at the right labels", (t) => {
  // shares 1/4, 1/4, 1/2 and 1/10, 9/10, 0
  const two = Tensor.of([[0, 0, Math.log(2)], [0, Math.log(9), -1e4]]);
  const expected = -(Math.log(1 / 2) + Math.log(1 / 10)) / 2;
  t.expectTensor(crossEntropy(two, Int32Array.of(2, 0)), expected);

  const rows = t.normal([5, 4]), labels = Int32Array.from(t.integers(5, 0, 3));
  const surprises = rows.map((row, k) => {
    const total = row.reduce((sum, score) => sum + Math.exp(score), 0);
    return -Math.log(Math.exp(row[labels[k]]) / total);
  });
  t.expectTensor(crossEntropy(Tensor.of(rows), labels), surprises.reduce((a, b) => a + b) / 5);
});

graded("04.1", 2, "crossEntropy() stays exact where a probability would be 0", (t) => {
  t.expectTensor(crossEntropy(Tensor.of([[1000, 0]]), Int32Array.of(1)), 1000);
  t.expectTensor(crossEntropy(Tensor.of([[1000, 0]]), Int32Array.of(0)), 0);
});

graded("04.1", 1, "crossEntropy() is one number that remembers the scores", (t) => {
  for (const data of [Float32Array.of(1, 2, 3, 4), Float64Array.of(1, 2, 3, 4)]) {
    const scores = new Tracked(data, [2, 2]), loss = crossEntropy(scores, Int32Array.of(0, 1));
    t.expectEqual(loss.shape, []);
    t.expectEqual(loss.dtype, scores.dtype);
    t.expectEqual(loss.requiresGrad, true);
  }
});

graded("04.1", 1, "crossEntropy() refuses labels that do not fit the scores", (t) => {
  const scores = Tensor.zeros([2, 3]);
  for (const label of [-1, 3]) {
    const error = errorOf(() => crossEntropy(scores, Int32Array.of(0, label)));
    t.expect(error instanceof ValueError, `label ${label} of 3 classes is no ValueError`);
  }
  const short = errorOf(() => crossEntropy(scores, Int32Array.of(0)));
  t.expect(short instanceof ShapeError, "1 label for 2 rows is no ShapeError");
});
