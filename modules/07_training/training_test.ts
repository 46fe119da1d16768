/**
 * Graded tests of module 07.
 *
 * @module
 */
import { Module, Parameter } from "#layers";
import { SGD } from "#optimizers";
import { Tensor } from "#tensor";
import { type Batch, cosine, evaluate, type Loss, trainStep } from "#training";
import { graded } from "../../tests/kit/graded.ts";

// ── Help ──

/** y = w·x with one number w. */
class Slope extends Module {
  readonly weight: Parameter;
  constructor(weight: number) {
    super();
    this.weight = new Parameter(Tensor.of(weight));
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.weight);
  }
}

/** A classifier whose scores are its inputs. */
class Scores extends Module {
  /** A layer inside, to see its mode. */
  readonly inner: Module | null;
  readonly weight = new Parameter(Tensor.ones([]));
  /** Whether each forward found training mode, here and inside, and whether it was recorded. */
  readonly seen: boolean[][] = [];
  constructor(inner: Module | null = null) {
    super();
    this.inner = inner;
  }
  forward(x: Tensor): Tensor {
    const scores = x.mul(this.weight);
    this.seen.push([this.training, this.inner?.training ?? false, scores.requiresGrad]);
    return scores;
  }
}

function squaredError(y: Tensor, target: Tensor): Tensor {
  return y.sub(target).mul(y.sub(target)).mean();
}

/** A mean over the rows that is easy to know: the row's first score. */
const firstScore: Loss = (scores) => scores.slice(null, [0, 1]).mean();

function batchOf(scores: number[][], labels: number[]): Batch {
  return { inputs: Tensor.of(scores), targets: Int32Array.from(labels) };
}

// ── 7.1 Schedules ──

graded("07.1", 2, "cosine() falls along half a wave", (t) => {
  const schedule = cosine(2); // cos π/3 = 1/2
  const expected = [[0, 2], [1 / 3, 1.5], [1 / 2, 1], [2 / 3, 0.5], [1, 0]];
  for (const [progress, rate] of expected) {
    t.expectTensor(Tensor.of(schedule(progress)), rate, 1e-6);
  }
});

graded("07.1", 1, "cosine() ends at the second rate", (t) => {
  const from = t.uniform([], 0.5, 1), to = t.uniform([], 0.1, 0.4), schedule = cosine(from, to);
  const expected = [from, to + (from - to) * 0.75, (from + to) / 2, to];
  t.expectTensor(Tensor.of([0, 1 / 3, 1 / 2, 1].map(schedule)), expected, 1e-6);
});

graded("07.1", 1, "cosine() refuses a rate below 0", (t) => {
  const cases: [from: number, to: number, message: string][] = [
    [-1, 0, "Cannot fall from -1 to 0: rates must be at least 0"],
    [1, -0.5, "Cannot fall from 1 to -0.5: rates must be at least 0"],
    [NaN, 0, "Cannot fall from NaN to 0: rates must be at least 0"],
  ];
  for (const [from, to, message] of cases) {
    t.expectError(() => cosine(from, to), message, "ValueError");
  }
});

// ── 7.3 The training loop ──

graded("07.2", 3, "trainStep() moves the weights against the gradient of the loss", (t) => {
  // L = (w·3 − 0)² = 36 at w = 2, dL/dw = 2·6·3 = 36
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  const batch = { inputs: Tensor.of(3), targets: Tensor.of(0) };
  trainStep(model, batch, squaredError, optimizer);
  t.expectTensor(model.weight, 2 - 0.36);

  // the mean of (w·x − y)² has the slope mean 2(w·x − y)·x
  const start = t.uniform([], -1, 1), x = t.normal([4, 1]), y = t.normal([4, 1]);
  const other = new Slope(start), sgd = new SGD(other.parameters(), { learningRate: 0.1 });
  trainStep(other, { inputs: Tensor.of(x), targets: Tensor.of(y) }, squaredError, sgd);
  const slope = x.reduce((total, [v], k) => total + 2 * (start * v - y[k][0]) * v / 4, 0);
  t.expectTensor(other.weight, start - 0.1 * slope);
});

graded("07.2", 1, "trainStep() returns the loss from before the step", (t) => {
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  const batch = { inputs: Tensor.of(3), targets: Tensor.of(0) };
  t.expectTensor(Tensor.of(trainStep(model, batch, squaredError, optimizer)), 36);
  t.expectTensor(Tensor.of(trainStep(model, batch, squaredError, optimizer)), (3 * 1.64) ** 2);
});

graded("07.2", 2, "trainStep() forgets the gradients of the step before", (t) => {
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  model.weight.grad = Tensor.of(1000);
  const batch = { inputs: Tensor.of(3), targets: Tensor.of(0) };
  let w = 2;
  for (let k = 0; k < 3; k++) {
    trainStep(model, batch, squaredError, optimizer);
    w -= 0.01 * 18 * w; // dL/dw = 2·3w·3
    t.expectTensor(model.weight, w);
  }
});

graded("07.2", 1, "trainStep() takes no step when the loss is not a finite number", (t) => {
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  for (const x of [NaN, Infinity]) {
    const batch = { inputs: Tensor.of(x), targets: Tensor.of(0) };
    t.expectTensor(Tensor.of(trainStep(model, batch, squaredError, optimizer)), x);
    t.expectTensor(model.weight, 2, 0);
    t.expectEqual(model.weight.version, 0);
  }
});

// ── 7.4 Evaluation ──

graded(
  "07.3",
  3,
  "evaluate() compares the greatest score of each row with the label",
  async (t) => {
    const batches = [
      batchOf([[1, 3, 2], [9, 1, 1]], [1, 2]), // right, wrong
      batchOf([[0, 0, 5], [4, 4, 1], [-3, -1, -2]], [2, 0, 0]), // right, right (first of equals), wrong
    ];
    const { accuracy, predictions } = await evaluate(new Scores(), batches, firstScore);
    t.expectEqual([...predictions], [1, 0, 2, 0, 1]);
    t.expectEqual(predictions instanceof Int32Array, true);
    t.expectTensor(Tensor.of(accuracy), 3 / 5, 1e-6);
  },
);

graded("07.3", 2, "evaluate() gives each example the same weight in the loss", async (t) => {
  const first = t.normal([7, 2]), second = t.normal([2, 2]);
  const batches = [batchOf(first, t.integers(7, 0, 1)), batchOf(second, t.integers(2, 0, 1))];
  const { loss } = await evaluate(new Scores(), batches, firstScore);
  const expected = [...first, ...second].reduce((total, [score]) => total + score, 0) / 9;
  t.expectTensor(Tensor.of(loss), expected);
});

graded("07.3", 2, "evaluate() runs in evaluation mode, without noting origins", async (t) => {
  for (const training of [true, false]) {
    const model = new Scores(new Slope(1)).train(training);
    await evaluate(model, [batchOf([[1, 2]], [0]), batchOf([[1, 2]], [0])], firstScore);
    t.expectEqual(model.seen, [[false, false, false], [false, false, false]]);
    t.expectEqual([model.training, model.inner?.training], [training, training]);
  }
});

graded("07.3", 1, "evaluate() puts the mode back when it fails, too", async (t) => {
  const model = new Scores(new Slope(1));
  const fail: Loss = () => {
    throw new RangeError("the loss failed");
  };
  let message = "";
  try {
    await evaluate(model, [batchOf([[1, 2]], [0])], fail);
  } catch (error) {
    message = error instanceof RangeError ? error.message : String(error);
  }
  t.expectEqual(message, "the loss failed");
  t.expectEqual([model.training, model.inner?.training], [true, true]);
});
