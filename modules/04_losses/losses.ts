/**
 * # 04 · Losses
 *
 * Learning needs one number that says how wrong the model is, and it must fall smoothly as the
 * model gets better. For sorting things into classes that number is the cross-entropy: how
 * surprised the model is by the right answer.
 *
 * At the end you can score any batch of predictions.
 *
 * Throughout: B rows in a batch · K classes · label the right class of a row, 0 … K − 1
 *
 * @module
 */
import { logSoftmax } from "#activations";
import { describeShape, like, result, ShapeError, type Tensor, ValueError } from "#tensor";

// ── 4.1 Cross-entropy ──
// The model gives K scores; softmax makes them probabilities p. If the right class got probability
// p, the surprise is −log p: 0 when the model was sure and right, log K when it knew nothing, and
// without bound when it was sure and wrong. The loss is the mean surprise over the batch:
//
//   L = −1/B · Σ_b log softmax(scores_b)[label_b]
//
// It is computed from the scores and not from p, because log softmax stays exact where p would be
// rounded to 0.

/**
 * Refuses labels that do not fit the scores.
 *
 * @throws {ShapeError} If scores are not (B, K), or there are not B labels.
 * @throws {ValueError} If a label is not one of 0 … K − 1.
 */
function checkLabels(scores: Tensor, labels: Int32Array): void {
  const says = `Cannot score ${describeShape(scores.shape)} against ${labels.length} labels`;
  if (scores.rank !== 2) throw new ShapeError(`${says}: scores must be (B, K)`);
  const [rows, classes] = scores.shape;
  if (rows !== labels.length) {
    throw new ShapeError(`${says}: there must be one label per row, ${rows} rows`);
  }
  const row = labels.findIndex((label) => label < 0 || label >= classes);
  if (row >= 0) {
    throw new ValueError(
      `${says}: labels go from 0 to ${classes - 1}, the one of row ${row} is ${labels[row]}`,
    );
  }
}

/**
 * The mean surprise at the right labels, computed from scores (logits).
 *
 * @task 04.1
 * @param scores (B, K), one row of scores per example.
 * @param labels The right class of each row.
 * @returns The loss, a single number.
 * @throws {ShapeError} If the shapes do not fit.
 * @throws {ValueError} If a label is out of range.
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
export function crossEntropy(scores: Tensor, labels: Int32Array): Tensor {
  checkLabels(scores, labels);
  const [rows, classes] = scores.shape;
  const { data: logs } = logSoftmax(scores); // (B, K)
  const probabilities = like(scores, logs.length), loss = like(scores, 1);
  let surprise = 0;
  for (let row = 0; row < rows; row++) surprise -= logs[row * classes + labels[row]];
  for (let i = 0; i < logs.length; i++) probabilities[i] = Math.exp(logs[i]);
  loss[0] = surprise / rows;
  return result({ data: loss, shape: [] }, "crossEntropy", [scores], {
    labels: labels.slice(), // the caller may use the array again before going backward
    probabilities: { data: probabilities, shape: scores.shape },
  });
}
