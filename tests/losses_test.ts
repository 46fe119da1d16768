/**
 * What module 04 promises: the loss against the definition, at its edges, and every message.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { crossEntropy } from "#losses";
import { Generator } from "#random";
import { ShapeError, Tensor, ValueError, type Values } from "#tensor";
import { test } from "./kit/register.ts";

/** A tensor that requires a gradient, as a model's scores do. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

test("crossEntropy() is the mean of −log p on 100 random batches", () => {
  const g = new Generator(1);
  for (let round = 0; round < 100; round++) {
    const rows = 1 + g.integer(6), classes = 1 + g.integer(6);
    const dtype = round % 2 === 0 ? "float32" : "float64";
    const scores = Tensor.uniform([rows, classes], g, { low: -9, high: 9, dtype });
    const labels = Int32Array.from({ length: rows }, () => g.integer(classes));
    let surprise = 0;
    for (let row = 0; row < rows; row++) {
      const powers = [...scores.slice([row, row + 1]).data].map(Math.exp);
      surprise -= Math.log(powers[labels[row]] / powers.reduce((a, b) => a + b));
    }
    const loss = crossEntropy(scores, labels);
    assertEquals([loss.shape, loss.dtype], [[], dtype]);
    assertAlmostEquals(loss.item(), surprise / rows, dtype === "float64" ? 1e-13 : 1e-5);
  }
});

test("crossEntropy() is 0 where there is only one class", () => {
  assertEquals(crossEntropy(Tensor.of([[5], [-7]]), Int32Array.of(0, 0)).item(), 0);
});

test("crossEntropy() grows with the score that it is wrong by, without bound", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const wrong of [100, 1e4, 1e30]) {
      const scores = Tensor.of([[wrong, 0]], { dtype });
      assertEquals(crossEntropy(scores, Int32Array.of(1)).item(), scores.data[0]);
      assertEquals(crossEntropy(scores, Int32Array.of(0)).item(), 0);
    }
  }
});

test("crossEntropy() is infinite where the right class was ruled out", () => {
  const scores = Tensor.of([[-Infinity, 0]]);
  assertEquals(crossEntropy(scores, Int32Array.of(0)).item(), Infinity);
  assertEquals(crossEntropy(scores, Int32Array.of(1)).item(), 0);
});

test("crossEntropy() of scores with NaN is NaN", () => {
  const scores = Tensor.of([[0, 0], [NaN, 0]]);
  assertEquals(crossEntropy(scores, Int32Array.of(0, 1)).item(), NaN);
});

test("crossEntropy() changes neither scores nor labels", () => {
  const scores = Tensor.of([[1, 2], [3, 4]]), labels = Int32Array.of(1, 0);
  crossEntropy(scores, labels);
  assertEquals(scores.toArray(), [[1, 2], [3, 4]]);
  assertEquals(labels, Int32Array.of(1, 0));
});

test("crossEntropy() is noted as one step, with labels and probabilities", () => {
  const scores = new Tracked(Float64Array.of(0, Math.log(3)), [1, 2]);
  const { origin } = crossEntropy(scores, Int32Array.of(1));
  assertEquals(origin?.op, "crossEntropy");
  const extra = origin?.extra as { labels: Int32Array; probabilities: Values };
  assertEquals([...extra.labels], [1]);
  assertEquals(extra.probabilities.shape, [1, 2]);
  assert(extra.probabilities.data instanceof Float64Array);
  assertAlmostEquals(extra.probabilities.data[0], 0.25, 1e-15);
  assertAlmostEquals(extra.probabilities.data[1], 0.75, 1e-15);
});

test("crossEntropy() refuses scores that are not (B, K)", () => {
  for (const [shape, shown] of [[[3], "(3,)"], [[2, 1, 2], "(2, 1, 2)"], [[], "()"]] as const) {
    const error = assertThrows(
      () => crossEntropy(Tensor.ones(shape), Int32Array.of(0, 1)),
      ShapeError,
    );
    assertEquals(error.message, `Cannot score ${shown} against 2 labels: scores must be (B, K)`);
  }
});

test("crossEntropy() refuses another number of labels than rows", () => {
  for (const count of [0, 1, 3]) {
    const error = assertThrows(
      () => crossEntropy(Tensor.ones([2, 3]), new Int32Array(count)),
      ShapeError,
    );
    assertEquals(
      error.message,
      `Cannot score (2, 3) against ${count} labels: there must be one label per row, 2 rows`,
    );
  }
});

test("crossEntropy() refuses labels that are no class, and names the first row with one", () => {
  for (const label of [-1, 3, 1000]) {
    const error = assertThrows(
      () => crossEntropy(Tensor.ones([3, 3]), Int32Array.of(2, label, -5)),
      ValueError,
    );
    assertEquals(
      error.message,
      "Cannot score (3, 3) against 3 labels: " +
        `labels go from 0 to 2, the one of row 1 is ${label}`,
    );
  }
});
