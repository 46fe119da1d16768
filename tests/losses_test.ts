/**
 * What module 04 promises: the losses against their definitions, in every reduction and format, at
 * their edges, and every message.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  binaryCrossEntropy,
  crossEntropy,
  type CrossEntropyOptions,
  mseLoss,
  type Reduction,
} from "#losses";
import { Generator } from "#random";
import { type DType, type Shape, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { dtypes } from "./project/tensors.ts";

// ── Help ──

const reductions: readonly Reduction[] = ["mean", "sum", "none"];

/** A tensor that requires a gradient, as a model's scores do. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

/** Options that the compiler would not let through. */
function untyped(json: string): { readonly reduction?: Reduction } {
  return JSON.parse(json);
}

function precision(dtype: DType): number {
  return dtype === "float64" ? 1e-12 : 2e-5;
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Compares a folded loss with its parts, in the shape of the reduction. */
function assertFolds(
  loss: Tensor,
  reduction: Reduction,
  parts: readonly number[],
  count: number,
  shape: Shape,
): void {
  const expected = reduction === "none"
    ? parts
    : [total(parts) / (reduction === "mean" ? count : 1)];
  assertEquals(loss.shape, reduction === "none" ? shape : []);
  loss.data.forEach((value, i) => {
    assertAlmostEquals(
      value,
      expected[i],
      precision(loss.dtype) * Math.max(1, Math.abs(expected[i])),
    );
  });
}

/** The rows of a matrix. */
function rowsOf({ data, shape: [, width] }: Tensor): number[][] {
  const rows: number[][] = [];
  for (let at = 0; at < data.length; at += width) rows.push([...data.slice(at, at + width)]);
  return rows;
}

/** −log softmax of a row, from the definition. */
function surprisesOf(scores: readonly number[]): number[] {
  const powers = scores.map(Math.exp), all = total(powers);
  return powers.map((power) => -Math.log(power / all));
}

function repeat(
  rounds: number,
  body: (g: Generator, dtype: DType, reduction: Reduction) => void,
): void {
  const g = new Generator(1);
  for (let round = 0; round < rounds; round++) body(g, dtypes[round % 2], reductions[round % 3]);
}

// ── The squared error ──

test("mseLoss() is the squared distance of 100 random tensors", () => {
  repeat(102, (g, dtype, reduction) => {
    const shape = Array.from({ length: g.integer(4) }, () => 1 + g.integer(4));
    const [predictions, targets] = [1, 2].map(() => Tensor.normal(shape, g, { dtype }));
    const squares = Array.from(predictions.data, (p, i) => (p - targets.data[i]) ** 2);
    const loss = mseLoss(predictions, targets, { reduction });
    assertFolds(loss, reduction, squares, squares.length, shape);
    assertEquals(loss.dtype, dtype);
  });
});

test("mseLoss() is the mean by default, and with an empty list of options", () => {
  const predictions = Tensor.of([1, 5]), targets = Tensor.of([2, 2]);
  assertEquals(mseLoss(predictions, targets).item(), 5);
  assertEquals(mseLoss(predictions, targets, {}).item(), 5);
  assertEquals(mseLoss(predictions, targets, { reduction: undefined }).item(), 5);
});

test("mseLoss() of NaN is NaN, and of what is infinitely far off infinite", () => {
  assertEquals(mseLoss(Tensor.of([NaN, 0]), Tensor.of([0, 0])).item(), NaN);
  assertEquals(mseLoss(Tensor.of([Infinity, 0]), Tensor.of([0, 0])).item(), Infinity);
  assertEquals(mseLoss(Tensor.of([0]), Tensor.of([-Infinity])).item(), Infinity);
});

// ── The cross-entropy of labels ──

test("crossEntropy() is −log p at the labels of 100 random batches", () => {
  repeat(102, (g, dtype, reduction) => {
    const rows = 1 + g.integer(6), classes = 1 + g.integer(6);
    const scores = Tensor.uniform([rows, classes], g, { low: -9, high: 9, dtype });
    const labels = Int32Array.from({ length: rows }, () => g.integer(classes));
    const surprises = rowsOf(scores).map((row, k) => surprisesOf(row)[labels[k]]);
    const loss = crossEntropy(scores, labels, { reduction });
    assertFolds(loss, reduction, surprises, rows, [rows]);
    assertEquals(loss.dtype, dtype);
  });
});

test("crossEntropy() weighs classes and smooths labels in 100 random batches", () => {
  repeat(102, (g, dtype, reduction) => {
    const rows = 1 + g.integer(6), classes = 1 + g.integer(6), labelSmoothing = g.integer(5) / 4;
    const scores = Tensor.uniform([rows, classes], g, { low: -9, high: 9, dtype });
    const labels = Int32Array.from({ length: rows }, () => g.integer(classes));
    const classWeights = Array.from({ length: classes }, () => g.uniform(0.5, 2));
    const surprises = rowsOf(scores).map((row, k) =>
      total(
        surprisesOf(row).map((s, c) => {
          const share = c === labels[k] ? 1 - labelSmoothing : 0;
          return s * classWeights[c] * (share + labelSmoothing / classes);
        }),
      )
    );
    const weight = total([...labels].map((label) => classWeights[label]));
    const loss = crossEntropy(scores, labels, { reduction, labelSmoothing, classWeights });
    assertFolds(loss, reduction, surprises, weight, [rows]);
    assertEquals(loss.dtype, dtype);
  });
});

test("crossEntropy() of shares is the mean over the rows, weighed or not", () => {
  repeat(102, (g, dtype, reduction) => {
    const rows = 1 + g.integer(6), classes = 1 + g.integer(6), labelSmoothing = g.integer(5) / 4;
    const scores = Tensor.uniform([rows, classes], g, { low: -9, high: 9, dtype });
    const shares = Tensor.uniform([rows, classes], g, { dtype }); // their sums are not 1
    const classWeights = Array.from({ length: classes }, () => g.uniform(0, 2));
    const smooth = rowsOf(shares).map((row) =>
      row.map((t) => t * (1 - labelSmoothing) + labelSmoothing / classes)
    );
    const plain = rowsOf(scores).map((row, k) =>
      total(surprisesOf(row).map((s, c) => s * smooth[k][c]))
    );
    const loss = crossEntropy(scores, shares, { reduction, labelSmoothing });
    assertFolds(loss, reduction, plain, rows, [rows]);
    const weighed = rowsOf(scores).map((row, k) =>
      total(surprisesOf(row).map((s, c) => s * smooth[k][c] * classWeights[c]))
    );
    const other = crossEntropy(scores, shares, { reduction, labelSmoothing, classWeights });
    assertFolds(other, reduction, weighed, rows, [rows]);
    assertEquals([loss.dtype, other.dtype], [dtype, dtype]);
  });
});

test("crossEntropy() of labels is that of shares of 1 and 0", () => {
  const scores = Tensor.normal([3, 4], new Generator(1)), labels = Int32Array.of(3, 0, 1);
  const shares = Tensor.of([[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0]]);
  for (const options of [{}, { labelSmoothing: 0.3 }, { reduction: "none" as const }]) {
    const expected = crossEntropy(scores, shares, options);
    assertEquals(crossEntropy(scores, labels, options).data, expected.data);
  }
});

test("crossEntropy() without smoothing or with equal weights is as if nothing was said", () => {
  const scores = Tensor.normal([3, 2], new Generator(1)), labels = Int32Array.of(1, 0, 1);
  const expected = crossEntropy(scores, labels).item();
  const same: CrossEntropyOptions[] = [
    { labelSmoothing: 0 },
    { classWeights: [1, 1] },
    { reduction: "mean" },
    { reduction: undefined, labelSmoothing: undefined, classWeights: undefined },
  ];
  for (const options of same) assertEquals(crossEntropy(scores, labels, options).item(), expected);
  const doubled = crossEntropy(scores, labels, { classWeights: [2, 2] }).item();
  assertAlmostEquals(doubled, expected, 1e-6); // the weighted mean
});

test("crossEntropy() does not count a class of weight 0", () => {
  const scores = Tensor.of([[0, 0], [5, -5]]), labels = Int32Array.of(0, 1);
  const loss = crossEntropy(scores, labels, { classWeights: [1, 0] });
  assertAlmostEquals(loss.item(), Math.log(2), 1e-6);
});

test("crossEntropy() smoothed to the full does not depend on the labels", () => {
  const scores = Tensor.normal([2, 3], new Generator(1)), options = { labelSmoothing: 1 };
  const [first, second] = [[0, 1], [2, 2]].map((l) =>
    crossEntropy(scores, Int32Array.from(l), options)
  );
  assertEquals(first.item(), second.item());
});

test("crossEntropy() is 0 where there is only one class", () => {
  assertEquals(crossEntropy(Tensor.of([[5], [-7]]), Int32Array.of(0, 0)).item(), 0);
});

test("crossEntropy() grows with the score that it is wrong by, without bound", () => {
  for (const dtype of dtypes) {
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
  assertEquals(crossEntropy(scores, Tensor.of([[0, 1]])).item(), 0);
  assertEquals(crossEntropy(scores, Tensor.of([[0.5, 0.5]])).item(), Infinity);
});

test("crossEntropy() of scores with NaN is NaN, in that row alone", () => {
  const scores = Tensor.of([[0, 0], [NaN, 0]]), labels = Int32Array.of(0, 1);
  assertEquals(crossEntropy(scores, labels).item(), NaN);
  const [first, second] = crossEntropy(scores, labels, { reduction: "none" }).data;
  assertAlmostEquals(first, Math.log(2), 1e-6);
  assertEquals(second, NaN);
});

test("crossEntropy() of a row of −∞ is NaN, as in PyTorch", () => {
  const scores = Tensor.full([1, 2], -Infinity);
  assertEquals(crossEntropy(scores, Int32Array.of(0)).item(), NaN);
});

test("crossEntropy() of rows is noted as one step, from scores and shares", () => {
  const scores = new Tracked(Float64Array.of(0, Math.log(3)), [1, 2]);
  const { origin } = crossEntropy(scores, Int32Array.of(1), { reduction: "none" });
  assertEquals([origin?.op, origin?.inputs.length], ["crossEntropy", 2]);
  assert(origin?.inputs[0] === scores);
  assertEquals([origin.inputs[1].toArray(), origin.inputs[1].dtype], [[[0, 1]], "float64"]);
});

// ── Yes or no ──

test("binaryCrossEntropy() is −t·log σ(x) − (1 − t)·log(1 − σ(x)) of 100 random tensors", () => {
  repeat(102, (g, dtype, reduction) => {
    const shape = Array.from({ length: g.integer(4) }, () => 1 + g.integer(4));
    const scores = Tensor.uniform(shape, g, { low: -9, high: 9, dtype });
    const targets = Tensor.uniform(shape, g, { dtype });
    const surprises = Array.from(scores.data, (x, i) => {
      const t = targets.data[i];
      return t * Math.log(1 + Math.exp(-x)) + (1 - t) * Math.log(1 + Math.exp(x));
    });
    const loss = binaryCrossEntropy(scores, targets, { reduction });
    assertFolds(loss, reduction, surprises, surprises.length, shape);
    assertEquals(loss.dtype, dtype);
  });
});

test("binaryCrossEntropy() grows with the score that it is wrong by, without bound", () => {
  for (const dtype of dtypes) {
    const scores = Tensor.of([1e30, 1e30, -1e30, -1e30, 0], { dtype });
    const targets = Tensor.of([0, 1, 1, 0, 0.5], { dtype });
    const each = binaryCrossEntropy(scores, targets, { reduction: "none" }).data;
    assertEquals([...each.slice(0, 4)], [scores.data[0], 0, scores.data[0], 0]);
    assertAlmostEquals(each[4], Math.log(2), 1e-7);
  }
});

test("binaryCrossEntropy() of scores with NaN is NaN, in that place alone", () => {
  const each = binaryCrossEntropy(Tensor.of([NaN, 0]), Tensor.of([1, 1]), { reduction: "none" });
  assertEquals(each.data[0], NaN);
  assertAlmostEquals(each.data[1], Math.log(2), 1e-6);
});

// ── All of them ──

/** Every loss with good arguments. */
const losses: Readonly<Record<string, (scores: Tensor, targets: Tensor, json: string) => Tensor>> =
  {
    mseLoss: (scores, targets, json) => mseLoss(scores, targets, untyped(json)),
    binaryCrossEntropy: (scores, targets, json) =>
      binaryCrossEntropy(scores, targets, untyped(json)),
    crossEntropy: (scores, targets, json) => crossEntropy(scores, targets, untyped(json)),
  };

for (const [name, loss] of Object.entries(losses)) {
  test(`${name}() changes neither scores nor targets, and shares no numbers with them`, () => {
    for (const json of ["{}", '{ "reduction": "none" }']) {
      const scores = Tensor.of([[1, 2], [3, 4]]), targets = Tensor.of([[0, 1], [0.5, 0.5]]);
      const found = loss(scores, targets, json);
      found.data.fill(99);
      assertEquals(scores.toArray(), [[1, 2], [3, 4]]);
      assertEquals(targets.toArray(), [[0, 1], [0.5, 0.5]]);
    }
  });

  test(`${name}() has a history if the scores or the targets have one`, () => {
    const scores = new Tracked(Float32Array.of(1, 2), [1, 2]), targets = Tensor.of([[0, 1]]);
    const truth = new Tracked(Float32Array.of(0, 1), [1, 2]), given = Tensor.of([[1, 2]]);
    for (const json of ["{}", '{ "reduction": "sum" }', '{ "reduction": "none" }']) {
      assert(loss(scores, targets, json).requiresGrad);
      assert(loss(given, truth, json).requiresGrad);
      assertEquals(loss(given, targets, json).origin, null);
    }
  });

  test(`${name}() refuses targets of another shape`, () => {
    const table: [Shape, Shape, string][] = [
      [[2, 3], [3, 2], "Cannot score (2, 3) against (3, 2)"],
      [[2, 3], [3], "Cannot score (2, 3) against (3,)"], // it would broadcast
      [[2, 3], [], "Cannot score (2, 3) against ()"],
      [[2, 1], [2], "Cannot score (2, 1) against (2,)"],
      [[1, 1], [1, 1, 1], "Cannot score (1, 1) against (1, 1, 1)"],
    ];
    for (const [scores, targets, says] of table) {
      assertRefuses(
        () => loss(Tensor.ones(scores), Tensor.ones(targets), "{}"),
        ShapeError,
        `${says}: predictions and targets must have one shape`,
      );
    }
  });

  test(`${name}() refuses scores and targets of two formats`, () => {
    for (const [scores, targets] of [dtypes, dtypes.toReversed()]) {
      const [a, b] = [scores, targets].map((dtype) => Tensor.ones([2, 3], { dtype }));
      assertRefuses(
        () => loss(a, b, "{}"),
        ShapeError,
        `Cannot score ${scores} and ${targets}: all must have one dtype`,
        "convert one with .to(dtype)",
      );
    }
  });

  test(`${name}() refuses a reduction or an option that does not exist`, () => {
    const scores = Tensor.ones([2, 3]);
    const table: [json: string, message: string][] = [
      ['{ "reduction": "avg" }', 'Cannot fold losses by "avg": it is "mean", "sum" or "none"'],
      ['{ "reduction": "" }', 'Cannot fold losses by "": it is "mean", "sum" or "none"'],
      ['{ "reduction": null }', 'Cannot fold losses by "null": it is "mean", "sum" or "none"'],
      [
        '{ "reductoin": "sum" }',
        `Cannot use the option reductoin: ${name} has none of that name`,
      ],
    ];
    for (const [json, message] of table) {
      assertRefuses(() => loss(scores, scores, json), ValueError, message);
    }
  });
}

test("mseLoss() refuses NaN among the targets", () => {
  assertRefuses(
    () => mseLoss(Tensor.of([[1, 2]]), Tensor.of([[0, NaN]])),
    ValueError,
    "Cannot score (1, 2) against (1, 2): targets must be numbers, one is NaN",
  );
});

test("binaryCrossEntropy() and crossEntropy() refuse targets that are no shares", () => {
  for (const wrong of [-0.5, 1.5, NaN, Infinity, -Infinity]) {
    const scores = Tensor.zeros([1, 2]), targets = Tensor.of([[0.5, wrong]]);
    for (const loss of [binaryCrossEntropy, crossEntropy]) {
      assertRefuses(
        () => loss(scores, targets),
        ValueError,
        `Cannot score (1, 2) against (1, 2): targets must be numbers from 0 to 1, one is ${wrong}`,
      );
    }
  }
});

test("crossEntropy() refuses scores that are not (B, K)", () => {
  for (const [shape, shown] of [[[3], "(3,)"], [[2, 1, 2], "(2, 1, 2)"], [[], "()"]] as const) {
    for (const targets of [Int32Array.of(0, 1), Tensor.ones(shape)]) {
      assertRefuses(
        () => crossEntropy(Tensor.ones(shape), targets),
        ShapeError,
        `Cannot score ${shown}: scores must be (B, K)`,
      );
    }
  }
});

test("crossEntropy() refuses another number of labels than rows", () => {
  for (const count of [0, 1, 3]) {
    assertRefuses(
      () => crossEntropy(Tensor.ones([2, 3]), new Int32Array(count)),
      ShapeError,
      `Cannot score (2, 3) against ${count} labels: there must be one label per row, 2 rows`,
    );
  }
});

test("crossEntropy() refuses labels that are no class, and names the first row with one", () => {
  for (const label of [-1, 3, 1000]) {
    assertRefuses(
      () => crossEntropy(Tensor.ones([3, 3]), Int32Array.of(2, label, -5)),
      ValueError,
      "Cannot score (3, 3) against 3 labels: " +
        `labels go from 0 to 2, row 1 has ${label}`,
    );
  }
});

test("crossEntropy() refuses to smooth by what is no share", () => {
  for (const labelSmoothing of [-0.1, 1.1, NaN, Infinity]) {
    assertRefuses(
      () => crossEntropy(Tensor.ones([1, 2]), Int32Array.of(0), { labelSmoothing }),
      ValueError,
      `Cannot smooth labels by ${labelSmoothing}: it must be a finite number from 0 to 1`,
    );
  }
});

test("crossEntropy() refuses class weights that are not one number of at least 0 for each", () => {
  function weigh(classWeights: readonly number[]): void {
    crossEntropy(Tensor.ones([1, 3]), Int32Array.of(0), { classWeights });
  }
  for (const weight of [-1, NaN, Infinity]) {
    assertRefuses(
      () => weigh([1, weight, 1]),
      ValueError,
      `Cannot weigh a class by ${weight}: it must be a finite number of at least 0`,
    );
  }
  for (const count of [0, 1, 2, 4]) {
    assertRefuses(
      () => weigh(new Array(count).fill(1)),
      ShapeError,
      `Cannot weigh 3 classes by ${count} numbers: there must be one for each`,
    );
  }
});
