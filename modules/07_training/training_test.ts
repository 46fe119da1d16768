/**
 * Graded tests of module 07.
 *
 * @module
 */
import { Module, Parameter } from "#layers";
import { SGD } from "#optimizers";
import { loops, type Nested, setKernels, Tensor } from "#tensor";
import {
  accuracy,
  type Batch,
  clipGradientNorm,
  confusionMatrix,
  constant,
  cosine,
  evaluate,
  type Loss,
  oneCycle,
  type Schedule,
  step,
  trainStep,
  triangular,
  warmup,
} from "#training";
import { graded, type GradedContext, type TensorLike } from "../../course/sandbox/graded.ts";

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

/** y = w·x + v·x. */
class TwoSlopes extends Module {
  readonly weight = new Parameter(Tensor.of(2));
  readonly other = new Parameter(Tensor.of(5));
  forward(x: Tensor): Tensor {
    return x.mul(this.weight).add(x.mul(this.other));
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

/** Gives other scores in training, as dropout would. */
class Resting extends Scores {
  override forward(x: Tensor): Tensor {
    return super.forward(x).mul(this.training ? 0 : 1);
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

/** Inputs x with targets y. */
function pairs(inputs: Nested, targets: Nested): Batch<Tensor> {
  return { inputs: Tensor.of(inputs), targets: Tensor.of(targets) };
}

/** Numbers as they are, without the rounding of a tensor. */
function exactly(...data: readonly number[]): TensorLike {
  return { data, shape: [data.length] };
}

/** Compares the rates at some moments, given as [progress, rate]. */
function expectRates(
  t: GradedContext,
  schedule: Schedule,
  expected: readonly (readonly [progress: number, rate: number])[],
): void {
  for (const [progress, rate] of expected) {
    const name = `the rate at t = ${Number(progress.toFixed(3))}`;
    t.expectTensor(exactly(schedule(progress)), exactly(rate), 1e-9, { name });
  }
}

/** How many steps the kernels are asked to run, until the task is done. */
async function countSteps(task: () => unknown): Promise<number> {
  let count = 0;
  const restore = setKernels({
    ...loops,
    step: (compute) => {
      count++;
      return compute();
    },
  });
  try {
    await task();
  } finally {
    restore();
  }
  return count;
}

/** A parameter that has a gradient. */
function withGradient(gradient: Nested): Parameter {
  const grad = Tensor.of(gradient), parameter = new Parameter(Tensor.zeros(grad.shape));
  parameter.grad = grad;
  return parameter;
}

// ── 07.1 ──

graded("07.1", 2, "step() multiplies the rate by the factor after each part", (t) => {
  expectRates(t, step(0.8, { factor: 0.5, every: 0.25 }), [
    [0, 0.8],
    [0.2, 0.8],
    [0.25, 0.4],
    [0.49, 0.4],
    [0.5, 0.2],
    [0.75, 0.1],
    [0.99, 0.1],
  ]);
  const rate = t.uniform([], 0.5, 1), factor = t.uniform([], 0.2, 0.8);
  const third = step(rate, { factor, every: 0.3 });
  expectRates(t, third, [[0.29, rate], [0.31, rate * factor], [0.95, rate * factor ** 3]]);
  expectRates(t, step(0.8, { factor: 0, every: 0.5 }), [[0.4, 0.8], [0.6, 0]]);
});

graded("07.1", 1, "step() falls to a tenth unless told", (t) => {
  const rate = t.uniform([], 1, 2);
  expectRates(t, step(rate, { every: 0.5 }), [[0.4, rate], [0.5, rate / 10], [0.9, rate / 10]]);
});

graded("07.1", 1, "step() is not fooled by rounding: 0.3 is three times 0.1", (t) => {
  const schedule = step(1, { factor: 0.5, every: 0.1 });
  const tenths = Array.from({ length: 10 }, (_, k) => k);
  t.expectTensor(exactly(...tenths.map((k) => schedule(k / 10))), tenths.map((k) => 0.5 ** k));
});

graded("07.1", 1, "step() refuses rates and factors below 0, and parts beyond 0 to 1", (t) => {
  for (const wrong of [-1, NaN, Infinity]) {
    t.expectError(() => step(wrong, { every: 0.5 }), "ValueError", [wrong]);
    t.expectError(() => step(1, { factor: wrong, every: 0.5 }), "ValueError", [wrong]);
  }
  for (const every of [0, 1, -0.5, 1.5, NaN]) {
    t.expectError(() => step(1, { every }), "ValueError", ["every", every]);
  }
  const misspelt = { every: 0.5, facotr: 0.5 }; // an option that there is not
  t.expectError(() => step(1, misspelt), "ValueError", ["facotr"]);
});

// ── 07.2 ──

graded("07.2", 2, "cosine() falls along half a wave", (t) => {
  // cos π/3 = 1/2
  expectRates(t, cosine(2), [[0, 2], [1 / 3, 1.5], [1 / 2, 1], [2 / 3, 0.5], [1, 0]]);
});

graded("07.2", 1, "cosine() ends at the second rate", (t) => {
  const from = t.uniform([], 0.5, 1), to = t.uniform([], 0.1, 0.4);
  const expected = [[0, from], [1 / 3, to + (from - to) * 0.75], [1, to]] as const;
  expectRates(t, cosine(from, to), expected);
  expectRates(t, cosine(to, from), [[0, to], [0.5, (from + to) / 2], [1, from]]);
});

graded("07.2", 1, "cosine() refuses a rate below 0", (t) => {
  for (const wrong of [-0.5, NaN, Infinity]) {
    t.expectError(() => cosine(wrong), "ValueError", [wrong]);
    t.expectError(() => cosine(1, wrong), "ValueError", [wrong]);
  }
});

// ── 07.3 ──

graded("07.3", 1, "warmup() grows evenly from 0 to where the next schedule starts", (t) => {
  const rate = t.uniform([], 0.5, 1);
  expectRates(t, warmup(constant(rate), 0.2), [[0, 0], [0.05, rate / 4], [0.15, rate * 3 / 4]]);
  expectRates(t, warmup((progress) => rate + progress, 0.5), [[0.25, rate / 2], [0.5, rate]]);
});

graded("07.3", 2, "warmup() then gives the next schedule all of its time", (t) => {
  const next: Schedule = (progress) => 2 - progress; // from 2 to 1
  expectRates(t, warmup(next, 0.2), [[0.1, 1], [0.2, 2], [0.4, 1.75], [0.6, 1.5], [1, 1]]);
  const asked: number[] = []; // the next schedule knows no moment before 0 or after 1
  const noted = warmup((progress) => asked.push(progress), 0.5);
  for (const progress of [0, 0.25, 0.5, 0.75, 1]) noted(progress);
  t.expect(asked.every((at) => at >= 0 && at <= 1), `the next schedule was asked at ${asked}`);
});

graded("07.3", 1, "warmup() takes a tenth of the training unless told", (t) => {
  const rate = t.uniform([], 0.5, 1), next: Schedule = (progress) => rate * (1 - progress);
  expectRates(t, warmup(next), [[0.05, rate / 2], [0.1, rate], [0.55, rate / 2], [1, 0]]);
});

graded("07.3", 1, "warmup() refuses a part that does not lie between 0 and 1", (t) => {
  for (const part of [0, 1, -1, 1.5, NaN]) {
    t.expectError(() => warmup(constant(1), part), "ValueError", ["part", part]);
  }
});

// ── 07.4 ──

graded("07.4", 2, "oneCycle() rises from peak/25 to the peak along half a wave", (t) => {
  // cos π/3 = 1/2: after a third of the way up a quarter of the height is reached
  const peak = t.uniform([], 0.5, 1), low = peak / 25, height = peak - low;
  const expected = [[0, low], [0.1, low + height / 4], [0.2, low + height * 3 / 4]] as const;
  expectRates(t, oneCycle(peak), [...expected, [0.3, peak]]);
  expectRates(t, oneCycle(peak, 0.5), [[0, low], [0.25, low + height / 2], [0.5, peak]]);
  expectRates(t, oneCycle(peak), [[1, peak / 250_000]]);
  for (const wrong of [-1, NaN]) {
    t.expectError(() => oneCycle(wrong), "ValueError", [wrong]);
    t.expectError(() => oneCycle(1, wrong), "ValueError", ["rise", wrong]);
  }
  for (const rise of [0, 1]) t.expectError(() => oneCycle(1, rise), "ValueError", ["rise", rise]);
});

graded("07.4", 2, "oneCycle() falls to peak/250,000 along half a wave", (t) => {
  const peak = t.uniform([], 0.5, 1), low = peak / 250_000, height = peak - low;
  expectRates(t, oneCycle(peak), [[0.65, low + height / 2], [1, low]]);
  expectRates(t, oneCycle(peak, 0.1), [[0.1, peak], [0.4, low + height * 3 / 4], [1, low]]);
});

// ── 07.5 ──

graded("07.5", 1, "triangular() rises and falls in straight lines", (t) => {
  const low = t.uniform([], 0.1, 0.4), high = t.uniform([], 0.5, 1), middle = (low + high) / 2;
  expectRates(t, triangular(low, high), [[0.25, middle], [0.5, high], [0.75, middle], [1, low]]);
  expectRates(t, triangular(1, 6), [[0, 1], [0.1, 2], [0.4, 5], [0.8, 3]]);
  for (const wrong of [-1, NaN, Infinity]) {
    t.expectError(() => triangular(wrong, 1), "ValueError", [wrong]);
    t.expectError(() => triangular(1, wrong), "ValueError", [wrong]);
    t.expectError(() => triangular(1, 2, wrong), "ValueError", [wrong]);
  }
});

graded("07.5", 2, "triangular() comes back to the low rate between cycles", (t) => {
  const three = triangular(1, 4, 3);
  expectRates(t, three, [[0, 1], [1 / 6, 4], [1 / 3, 1], [1 / 2, 4], [2 / 3, 1], [5 / 6, 4]]);
  expectRates(t, three, [[1 / 12, 2.5], [5 / 12, 2.5], [8 / 9, 3], [1, 1]]);
  expectRates(t, triangular(1, 4, 1.5), [[1 / 3, 4], [2 / 3, 1], [5 / 6, 2.5], [1, 4]]); // ends at the top
  expectRates(t, triangular(1, 4, 0), [[0, 1], [0.5, 1], [1, 1]]);
});

// ── 07.6 ──

graded("07.6", 2, "clipGradientNorm() sees all gradients as one vector", (t) => {
  // √(2² + 3² + 6² + 0²) = 7
  const first = withGradient([[2], [3]]), second = withGradient([6, 0]);
  t.expectTensor(exactly(clipGradientNorm([first, second], 3.5)), [7]);
  t.expectTensor(first.grad ?? Tensor.of(NaN), [[1], [1.5]]);
  t.expectTensor(second.grad ?? Tensor.of(NaN), [3, 0]);

  const gradient = t.normal([4, 5]), longer = gradient.map((row) => row.map((g) => 10 * g));
  const norm = Math.sqrt(gradient.flat().reduce((total, g) => total + g * g, 0));
  const parameter = withGradient(longer);
  t.expectTensor(exactly(clipGradientNorm([parameter], norm)), [10 * norm]);
  t.expectTensor(parameter.grad ?? Tensor.of(NaN), gradient);
  // parameters may come from a generator, which can be walked only once
  const parts = [withGradient([30]), withGradient([[40]])];
  const norms = exactly(clipGradientNorm(parts.values(), 5));
  t.expectTensor(norms, [50], 1e-5, { name: "the norm of what a generator gave" });
  const clipped = parts.map(({ grad }) => grad?.item() ?? NaN);
  t.expectTensor(exactly(...clipped), [3, 4], 1e-5, { name: "gradients of what a generator gave" });
});

graded("07.6", 1, "clipGradientNorm() leaves gradients alone that are short enough", (t) => {
  const parameter = withGradient([3, -4]);
  t.expectTensor(exactly(clipGradientNorm([parameter], 6)), [5]);
  t.expectTensor(parameter.grad ?? Tensor.of(NaN), [3, -4], 0);
  // 3 and 4 are each below 4.5, and 5 long together
  const parts = [withGradient([3]), withGradient([4])];
  t.expectTensor(exactly(clipGradientNorm(parts, 4.5)), [5]);
  t.expectTensor(parts[0].grad ?? Tensor.of(NaN), [2.7], 1e-5, { name: "the first gradient" });
  t.expectTensor(parts[1].grad ?? Tensor.of(NaN), [3.6], 1e-5, { name: "the second gradient" });
  const [short, long] = [withGradient([0.3]), withGradient([0.4])];
  t.expectTensor(exactly(clipGradientNorm([short, long], 1)), [0.5]);
  t.expectTensor(short.grad ?? Tensor.of(NaN), [0.3], 1e-6, {
    name: "a gradient that is not long",
  });
  for (const wrong of [-1, NaN]) {
    t.expectError(() => clipGradientNorm([parameter], wrong), "ValueError", [wrong]);
  }
});

graded("07.6", 1, "clipGradientNorm() takes zeros, and parameters without a gradient", (t) => {
  const none = new Parameter(Tensor.ones([2])), zeros = withGradient([0, 0]);
  t.expectTensor(exactly(clipGradientNorm([none, zeros], 1)), [0], 0);
  t.expectTensor(exactly(clipGradientNorm([zeros], 0)), [0], 0);
  t.expectTensor(exactly(clipGradientNorm([], 1)), [0], 0);
  t.expectEqual(none.grad, null);
  t.expectTensor(zeros.grad ?? Tensor.of(NaN), [0, 0], 0);
  const some = withGradient([3, 4]);
  t.expectTensor(exactly(clipGradientNorm([some, none], 0)), [5]);
  t.expectTensor(some.grad ?? Tensor.of(NaN), [0, 0], 0, { name: "what is clipped to 0" });
  // one NaN makes the norm NaN, and so all gradients: a broken step must not look healthy
  const broken = withGradient([NaN, 1]), sound = withGradient([2]);
  t.expectTensor(exactly(clipGradientNorm([sound, broken], 1)), [NaN]);
  t.expectTensor(sound.grad ?? Tensor.of(1), [NaN], 0, { name: "a gradient beside one of NaN" });
});

// ── 07.7 ──

graded("07.7", 2, "trainStep() moves the weights against the gradient of the loss", (t) => {
  // L = (w·3 − 0)² = 36 at w = 2, dL/dw = 2·6·3 = 36
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  const batch = pairs([3], [0]), given = { inputs: batch.inputs, targets: batch.targets };
  t.expectUnchanged(given, () => trainStep(model, [batch], { loss: squaredError, optimizer }));
  t.expectTensor(model.weight, 2 - 0.36, 1e-5, { name: "weight" });
  const misspelt = { loss: squaredError, optimizer, maxnorm: 1 };
  t.expectError(() => trainStep(model, [batch], misspelt), "ValueError", ["maxnorm"]);
  t.expectError(() => trainStep(model, [], { loss: squaredError, optimizer }), "ValueError", [0]);
  t.expectTensor(model.weight, 2 - 0.36, 1e-5, { name: "weight, after what was refused" });

  // the mean of (w·x − y)² has the slope mean 2(w·x − y)·x
  const start = t.uniform([], -1, 1), x = t.normal([4, 1]), y = t.normal([4, 1]);
  const other = new Slope(start), sgd = new SGD(other.parameters(), { learningRate: 0.1 });
  trainStep(other, [pairs(x, y)], { loss: squaredError, optimizer: sgd });
  const slope = x.reduce((total, [v], k) => total + 2 * (start * v - y[k][0]) * v / 4, 0);
  t.expectTensor(other.weight, start - 0.1 * slope, 1e-5, { name: "weight" });
});

graded("07.7", 2, "trainStep() forgets the gradients of the step before", (t) => {
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  const about = { name: "weight", of: model.weight };
  model.weight.grad = Tensor.of(1000);
  t.expectTensor(model.weight.grad, 1000, 0, about);
  let w = 2;
  for (let k = 0; k < 3; k++) {
    trainStep(model, [pairs([3], [0])], { loss: squaredError, optimizer });
    const { grad } = model.weight;
    t.expect(
      grad !== null,
      "zeroGrad() comes before the step: gradients stay after it, this one did not",
    );
    if (grad) t.expectTensor(grad, 18 * w, 1e-5, about); // dL/dw = 2·3w·3
    w -= 0.01 * 18 * w;
    t.expectTensor(model.weight, w, 1e-5, { name: "weight" });
  }
});

graded("07.7", 1, "trainStep() returns the loss from before the step", (t) => {
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  const options = { loss: squaredError, optimizer }, batches = [pairs([3], [0])];
  const first = exactly(trainStep(model, batches, options));
  t.expectTensor(first, [36], 1e-5, { name: "the first loss" });
  const second = exactly(trainStep(model, batches, options));
  t.expectTensor(second, [(3 * 1.64) ** 2], 1e-5, { name: "the second loss" });
  const third = exactly(trainStep(model, batches, options)); // at w = 1.64 − 0.01·18·1.64
  t.expectTensor(third, [(3 * 1.3448) ** 2], 1e-5, { name: "the third loss" });
  // of three rows and one row: (3·4 + 16)/4 at w = 2
  const fresh = new Slope(2), sgd = new SGD(fresh.parameters(), { learningRate: 0.01 });
  const parts = [pairs([1, -1, 1], [0, 0, 0]), pairs([2], [0])];
  const mean = exactly(trainStep(fresh, parts, { loss: squaredError, optimizer: sgd }));
  t.expectTensor(mean, [7], 1e-5, { name: "the loss of a batch of 3 and a batch of 1" });
});

graded("07.7", 3, "trainStep() learns from several batches as from one large one", (t) => {
  const x = t.normal([6, 1]), y = t.normal([6, 1]), start = t.uniform([], -1, 1);
  const parts = [[0, 3], [3, 4], [4, 6]].map(([from, to]) =>
    pairs(x.slice(from, to), y.slice(from, to))
  );
  const [large, small] = [[pairs(x, y)], parts].map((batches) => {
    const model = new Slope(start);
    const optimizer = new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9 });
    return { model, loss: trainStep(model, batches, { loss: squaredError, optimizer }) };
  });
  const errors = x.map(([v], k) => start * v - y[k][0]);
  const mean = errors.reduce((total, error) => total + error ** 2, 0) / 6;
  const slope = errors.reduce((total, error, k) => total + 2 * error * x[k][0], 0) / 6;
  for (const [{ model, loss }, from] of [[large, "one batch"], [small, "three batches"]] as const) {
    t.expectTensor(exactly(loss), [mean], 1e-5, { name: `the loss of ${from}` });
    const about = { name: `weight, from ${from}` };
    t.expectTensor(model.weight, start - 0.1 * slope, 1e-5, about);
    const writes = exactly(model.weight.version);
    t.expectTensor(writes, [1], 0, { name: `how often the weight was written, from ${from}` });
  }
  const clipped = new Slope(start), sgd = new SGD(clipped.parameters(), { learningRate: 0.1 });
  trainStep(clipped, parts, { loss: squaredError, optimizer: sgd, maxNorm: 0.5 * Math.abs(slope) });
  t.expectTensor(clipped.weight, start - 0.05 * slope, 1e-5, { name: "weight, clipped to a half" });
});

graded("07.7", 1, "trainStep() takes no step when the loss is not a finite number", (t) => {
  const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
  for (const x of [NaN, Infinity]) {
    const good = pairs([1], [0]), bad = pairs([x], [0]);
    for (const batches of [[bad], [good, bad], [bad, good]]) {
      const value = trainStep(model, batches, { loss: squaredError, optimizer });
      t.expect(!Number.isFinite(value), `The loss is not finite, ${value} was returned`);
      t.expectTensor(model.weight, 2, 0, { name: "weight" });
      const writes = exactly(model.weight.version);
      t.expectTensor(writes, [0], 0, { name: "how often the weight was written" });
    }
  }
});

graded("07.7", 1, "trainStep() clips the gradients before the step, if told to", (t) => {
  // dL/dw = 36; clipped to 9, the step is 0.01·9
  for (const [maxNorm, moved] of [[9, 0.09], [0, 0], [40, 0.36], [undefined, 0.36]]) {
    const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
    trainStep(model, [pairs([3], [0])], { loss: squaredError, optimizer, maxNorm });
    const about = { name: `weight, with a greatest norm of ${maxNorm}` };
    t.expectTensor(model.weight, 2 - (moved ?? NaN), 1e-5, about);
  }
  // several batches are one gradient, and clipped as one: dL/dw is 36/2 − 24/2 = 6, and less than 9
  const pair = new Slope(2), sgd = new SGD(pair.parameters(), { learningRate: 0.01 });
  const batches = [pairs([3], [0]), pairs([1], [14])];
  trainStep(pair, batches, { loss: squaredError, optimizer: sgd, maxNorm: 9 });
  t.expectTensor(pair.weight, 2 - 0.06, 1e-5, { name: "weight, from two batches" });
  // what the optimizer does not move takes no part in it: dL/dw is 126, and clipped to 9
  const model = new TwoSlopes(), optimizer = new SGD([model.weight], { learningRate: 0.01 });
  trainStep(model, [pairs([3], [0])], { loss: squaredError, optimizer, maxNorm: 9 });
  t.expectTensor(model.weight, 2 - 0.09, 1e-5, { name: "the weight that is moved" });
  t.expectTensor(model.other, 5, 0, { name: "the weight that the optimizer does not have" });
});

graded(
  "07.7",
  1,
  "trainStep() is one step of the kernels, so that its room is given back",
  async (t) => {
    const model = new Slope(2), optimizer = new SGD(model.parameters(), { learningRate: 0.01 });
    const batches = [pairs([3], [0]), pairs([1], [0])];
    const count = await countSteps(() =>
      trainStep(model, batches, { loss: squaredError, optimizer })
    );
    t.expectTensor(exactly(count), [1], 0, { name: "steps of the kernels for two batches" });
    const parts = [batches[0], pairs([NaN], [0])];
    const broken = await countSteps(() =>
      trainStep(model, parts, { loss: squaredError, optimizer })
    );
    t.expectTensor(exactly(broken), [1], 0, { name: "steps of the kernels for a loss of NaN" });
  },
);

// ── 07.8 ──

graded("07.8", 1, "accuracy() is the part of the predictions that is right", (t) => {
  t.expectEqual(accuracy(Int32Array.of(1, 0, 2, 2, 0), Int32Array.of(1, 1, 2, 2, 2)), 3 / 5);
  t.expectEqual(accuracy(Int32Array.of(0, 3), Int32Array.of(0, 3)), 1);
  t.expectEqual(accuracy(Int32Array.of(0, 3), Int32Array.of(3, 0)), 0);
  const predictions = Int32Array.of(4, 1, 1), labels = Int32Array.of(4, 2, 1);
  t.expectUnchanged({
    predictions: { data: predictions, shape: [3] },
    labels: { data: labels, shape: [3] },
  }, () => accuracy(predictions, labels));
});

graded("07.8", 1, "accuracy() refuses what cannot be compared", (t) => {
  for (const [predictions, labels] of [[3, 2], [2, 3], [0, 0], [0, 1], [1, 0]]) {
    t.expectError(
      () => accuracy(new Int32Array(predictions), new Int32Array(labels)),
      "ValueError",
      [predictions, labels],
    );
  }
});

// ── 07.9 ──

graded("07.9", 1, "confusionMatrix() counts: row the right class, column the predicted", (t) => {
  const predicted = [0, 0, 1, 2, 2, 2], right = [0, 1, 1, 0, 2, 0];
  const counts = confusionMatrix(Int32Array.from(predicted), Int32Array.from(right), 4);
  t.expectTensor(counts, [[1, 0, 2, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]], 0);
});

graded("07.9", 1, "confusionMatrix() agrees with counting random answers one by one", (t) => {
  const guesses = t.integers(50, 0, 4), labels = t.integers(50, 0, 4);
  const expected = Array.from({ length: 5 }, () => [0, 0, 0, 0, 0]);
  labels.forEach((label, k) => expected[label][guesses[k]]++);
  const found = confusionMatrix(Int32Array.from(guesses), Int32Array.from(labels), 5);
  t.expectTensor(found, expected, 0);
  const [answers, truth] = [Int32Array.of(1, 1, 1), Int32Array.of(0, 0, 1)];
  const given = { predictions: { data: answers, shape: [3] }, labels: { data: truth, shape: [3] } };
  const counted = t.expectUnchanged(given, () => confusionMatrix(answers, truth, 2));
  t.expectTensor(counted, [[0, 2], [0, 1]], 0);
});

graded("07.9", 1, "confusionMatrix() refuses a class that there is not", (t) => {
  const none = Int32Array.of(0, 0);
  for (const wrong of [3, -1]) {
    t.expectError(() => confusionMatrix(Int32Array.of(0, wrong), none, 3), "ValueError", [wrong]);
    t.expectError(() => confusionMatrix(none, Int32Array.of(0, wrong), 3), "ValueError", [wrong]);
  }
  for (const count of [0, 1, 3]) {
    const labels = new Int32Array(count);
    t.expectError(() => confusionMatrix(none, labels, 3), "ValueError", [2, count]);
  }
  t.expectError(() => confusionMatrix(new Int32Array(0), new Int32Array(0), 3), "ValueError", [0]);
});

// ── 07.10 ──

graded("07.10", 2, "evaluate() runs in evaluation mode, without noting origins", async (t) => {
  for (const training of [true, false]) {
    const model = new Scores(new Slope(1)).train(training);
    const batches = [batchOf([[1, 2]], [0]), batchOf([[1, 2]], [0])];
    const { inputs } = batches[0];
    const done = t.expectUnchanged({ inputs, weight: model.weight }, () => {
      return evaluate(model, batches, { loss: firstScore });
    });
    await done;
    t.expectEqual(model.seen, [[false, false, false], [false, false, false]]);
    t.expectEqual([model.training, model.inner?.training], [training, training]);
    t.expect(model.forward(inputs).requiresGrad, "Operations must be noted again afterwards");
  }
});

graded(
  "07.10",
  2,
  "evaluate() compares the greatest score of each row with the label",
  async (t) => {
    const batches = [
      batchOf([[1, 3, 2], [9, 1, 1]], [1, 2]), // right, wrong
      batchOf([[0, 0, 5], [4, 4, 1], [-3, -1, -2]], [2, 0, 0]), // right, right (first of equals), wrong
    ];
    const found = await evaluate(new Scores(), batches, { loss: firstScore });
    t.expect(found.predictions instanceof Int32Array, "Predictions must be an Int32Array");
    t.expectEqual([...found.predictions], [1, 0, 2, 0, 1]);
    t.expectTensor(exactly(found.accuracy), [3 / 5], 1e-5, { name: "accuracy" });
    const one = await evaluate(new Scores(), batches.slice(1), { loss: firstScore });
    t.expectTensor(exactly(one.accuracy), [2 / 3], 1e-5, { name: "accuracy of one batch" });
  },
);

graded("07.10", 2, "evaluate() gives each example the same weight in the loss", async (t) => {
  const first = t.normal([7, 2]), second = t.normal([2, 2]);
  const batches = [batchOf(first, t.integers(7, 0, 1)), batchOf(second, t.integers(2, 0, 1))];
  const { loss } = await evaluate(new Resting(), batches, { loss: firstScore });
  const expected = [...first, ...second].reduce((total, [score]) => total + score, 0) / 9;
  t.expectTensor(exactly(loss), [expected], 1e-5, { name: "loss" });
  const swapped = await evaluate(new Scores(), batches.toReversed(), { loss: firstScore });
  t.expectTensor(exactly(swapped.loss), [expected], 1e-5, { name: "loss, the short batch first" });
});

graded("07.10", 1, "evaluate() gives the room of each batch back", async (t) => {
  const batches = [batchOf([[1, 2]], [0]), batchOf([[1, 2]], [0])];
  const count = await countSteps(() => evaluate(new Scores(), batches, { loss: firstScore }));
  t.expectTensor(exactly(count), [2], 0, { name: "steps of the kernels for two batches" });
});

graded("07.10", 1, "evaluate() puts the mode back when it fails, too", async (t) => {
  const model = new Scores(new Slope(1));
  const fail: Loss = () => {
    throw new RangeError("the loss failed");
  };
  let message = "";
  try {
    await evaluate(model, [batchOf([[1, 2]], [0])], { loss: fail });
  } catch (error) {
    message = error instanceof RangeError ? error.message : String(error);
  }
  t.expectEqual(message, "the loss failed");
  t.expectEqual([model.training, model.inner?.training], [true, true]);
  const recorded = model.forward(Tensor.of([[1, 2]])).requiresGrad;
  t.expect(recorded, "Operations must be noted again afterwards");
});

graded("07.10", 1, "evaluate() puts each part's own mode back", async (t) => {
  const model = new Scores(new Slope(1));
  model.inner?.eval(); // frozen, while the rest is trained
  await evaluate(model, [batchOf([[1, 2]], [0])], { loss: firstScore });
  t.expectEqual([model.training, model.inner?.training], [true, false]);
  // between two batches others have a turn: they, too, find each part in its own mode
  const between: boolean[][] = [];
  const batches = {
    length: 3,
    *[Symbol.iterator](): Iterator<Batch> {
      for (let k = 0; k < 3; k++) {
        between.push([model.training, model.inner?.training ?? true]);
        yield batchOf([[1, 2]], [0]);
      }
    },
  };
  await evaluate(model, batches, { loss: firstScore });
  t.expectEqual(between, [[true, false], [true, false], [true, false]]);
});

graded("07.10", 1, "evaluate() stops between two batches when the signal says so", async (t) => {
  const model = new Scores(), stop = new AbortController(), batches: Batch[] = [];
  for (let k = 0; k < 5; k++) batches.push(batchOf([[1, 2]], [0]));
  const loss: Loss = (scores) => {
    if (model.seen.length === 2) stop.abort();
    return scores.mean();
  };
  let name = "";
  try {
    await evaluate(model, batches, { loss, signal: stop.signal });
  } catch (error) {
    name = error instanceof Error ? error.name : String(error);
  }
  t.expectEqual([name, model.seen.length, model.training], ["AbortError", 2, true]);
  const misspelt = { loss: firstScore, singal: stop.signal };
  for (
    const [given, options, mention] of [[batches, misspelt, "singal"], [[], { loss }, 0]] as const
  ) {
    let refused: unknown;
    await evaluate(model, given, options).catch((error) => refused = error);
    t.expectError(
      () => {
        if (refused) throw refused;
      },
      "ValueError",
      [mention],
    );
  }
  // a batch that takes long is followed by a pause, in which a timer fires
  let fired = 0;
  const slow: Loss = (scores) => {
    if (fired > 0) return scores.mean();
    setTimeout(() => fired = model.seen.length);
    for (const end = performance.now() + 25; performance.now() < end;);
    return scores.mean();
  };
  model.seen.length = 0;
  await evaluate(model, batches.slice(0, 3), { loss: slow });
  t.expect(fired === 1, "evaluate() must give way between two batches: await breathe()");
});
