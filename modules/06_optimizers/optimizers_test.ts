/**
 * Graded tests of module 06. Gradients are set by hand: no backward is needed.
 *
 * @module
 */
import { Parameter } from "#layers";
import { Adam, type AdamOptions, AdamW, type Optimizer, SGD, type SGDOptions } from "#optimizers";
import { Tensor } from "#tensor";
import { graded, type GradedContext } from "../../course/sandbox/graded.ts";

// ── Help ──

function float64(values: readonly number[]): Parameter {
  return new Parameter(Tensor.of(values, { dtype: "float64" }));
}

/** One step of one number, written as in the chapter; it keeps what it needs in `memory`. */
type Formula = (w: number, g: number, t: number, memory: number[], rate: number) => number;

/** Rates of six steps, as a schedule sets them. */
const falling = [0.1, 0.1, 0.01, 0.001, 0.05, 0.2];

/**
 * Takes six steps with random gradients, and compares each with a formula, number by number. The
 * learning rate is set before each step if there are `rates`.
 */
function expectPath(
  t: GradedContext,
  make: (w: Parameter) => Optimizer<SGDOptions> | Optimizer<AdamOptions>,
  formula: Formula,
  rates?: readonly number[],
): void {
  const start = t.normal([5]), w = float64(start), optimizer = make(w);
  let expected: number[] = start;
  const memories = start.map(() => [0, 0]);
  for (let step = 1; step <= 6; step++) {
    const gradient = t.normal([5]), g = Tensor.of(gradient, { dtype: "float64" });
    w.grad = g;
    if (rates) optimizer.learningRate = rates[step - 1];
    t.expectUnchanged({ "w.grad": g }, () => optimizer.step());
    const rate = optimizer.learningRate;
    expected = expected.map((at, i) => formula(at, gradient[i], step, memories[i], rate));
    t.expectTensor(w, expected, 1e-12, { name: `w after step ${step}` });
  }
}

/** Adam's formula, for some settings; without a rate, it is the one of the moment. */
function adamFormula(rate: number | null, beta1: number, beta2: number, epsilon: number): Formula {
  return (w, g, t, memory, now) => {
    memory[0] = beta1 * memory[0] + (1 - beta1) * g;
    memory[1] = beta2 * memory[1] + (1 - beta2) * g ** 2;
    const mean = memory[0] / (1 - beta1 ** t), square = memory[1] / (1 - beta2 ** t);
    return w - (rate ?? now) * mean / (Math.sqrt(square) + epsilon);
  };
}

// ── 06.1 ──

graded("06.1", 1, "SGD.step() moves each number against its gradient", (t) => {
  const before = t.normal([2, 3]), gradient = t.normal([2, 3]);
  const w = new Parameter(Tensor.of(before));
  w.grad = Tensor.of(gradient);
  const optimizer = new SGD([w], { learningRate: 0.5 }), { grad } = w;
  optimizer.step();
  t.expectTensor(w, before.map((row, i) => row.map((v, j) => v - 0.5 * gradient[i][j])), 1e-6);
  t.expectTensor(grad ?? Tensor.of(NaN), gradient, 0, { name: "w.grad afterwards" });
});

graded("06.1", 3, "SGD.step() keeps a part of each parameter's velocity", (t) => {
  const w = new Parameter(Tensor.of([0, 0])), other = new Parameter(Tensor.of(10));
  const optimizer = new SGD([w, other], { learningRate: 2, momentum: 0.5 });
  // gradients 1, −2 and 4 at every step: velocities 1, 1.5, 1.75 times that
  const expected: [w: number[], other: number][] = [
    [[-2, 4], 2],
    [[-5, 10], -10],
    [[-8.5, 17], -24],
  ];
  for (const [expectedW, expectedOther] of expected) {
    w.grad = Tensor.of([1, -2]);
    other.grad = Tensor.of(4);
    optimizer.step();
    t.expectTensor(w, expectedW, 1e-6, { name: "w" });
    t.expectTensor(other, expectedOther, 1e-6, { name: "the other parameter" });
  }
  // the rate falls to a tenth: v = 1, then 1.5, so w goes from 0 to −1, and to −1 − 0.1·1.5
  const single = new Parameter(Tensor.of(0));
  const falls = new SGD([single], { learningRate: 1, momentum: 0.5 });
  for (const [rate, expected] of [[1, -1], [0.1, -1.15], [0.1, -1.325], [2, -5.075]]) {
    falls.learningRate = rate;
    single.grad = Tensor.of(1);
    falls.step();
    t.expectTensor(single, expected, 1e-6, { name: `w after a step with rate ${rate}` });
  }
});

graded("06.1", 2, "SGD.step() adds weight decay to the gradient, and so to the velocity", (t) => {
  // g = 0, λ = μ = 1/2, η = 1:  v = 0 + 2/2 = 1, w = 1;  v = 1/2 + 1/2 = 1, w = 0;  v = 1/2, w = −1/2
  const single = new Parameter(Tensor.of(2));
  const halves = new SGD([single], { learningRate: 1, momentum: 0.5, weightDecay: 0.5 });
  for (const expected of [1, 0, -0.5]) {
    single.grad = Tensor.of(0);
    halves.step();
    t.expectTensor(single, expected);
    t.expectTensor(single.grad, 0, 0, { name: "w.grad afterwards" });
  }
  const learningRate = t.uniform([], 0.01, 0.1), momentum = t.uniform([], 0.5, 0.9);
  const weightDecay = t.uniform([], 0.1, 0.5);
  expectPath(
    t,
    (w) => new SGD([w], { learningRate, momentum, weightDecay }),
    (w, g, _, memory) =>
      w - learningRate * (memory[0] = momentum * memory[0] + g + weightDecay * w),
  );
  expectPath(
    t,
    (w) => new SGD([w], { learningRate, momentum, weightDecay }),
    (w, g, _, memory, rate) => w - rate * (memory[0] = momentum * memory[0] + g + weightDecay * w),
    falling,
  );
});

graded("06.1", 3, "SGD.step() with nesterov looks one step ahead", (t) => {
  // g = 1, μ = 1/2, η = 1: velocities 1, 1.5, 1.75, and steps of 1 + v/2
  const single = new Parameter(Tensor.of(0));
  const optimizer = new SGD([single], { learningRate: 1, momentum: 0.5, nesterov: true });
  for (const expected of [-1.5, -3.25, -5.125]) {
    single.grad = Tensor.of(1);
    optimizer.step();
    t.expectTensor(single, expected);
  }
  const learningRate = t.uniform([], 0.01, 0.1), momentum = t.uniform([], 0.5, 0.9);
  const weightDecay = t.uniform([], 0.1, 0.5);
  expectPath(
    t,
    (w) => new SGD([w], { learningRate, momentum, weightDecay, nesterov: true }),
    (w, g, _, memory) => {
      const slope = g + weightDecay * w;
      memory[0] = momentum * memory[0] + slope;
      return w - learningRate * (slope + momentum * memory[0]);
    },
  );
  expectPath(
    t,
    (w) => new SGD([w], { learningRate, momentum, nesterov: true }),
    (w, g, _, memory, rate) => w - rate * (g + momentum * (memory[0] = momentum * memory[0] + g)),
    falling,
  );
});

graded("06.1", 1, "SGD.step() takes each group's own settings", (t) => {
  const groups = [
    { learningRate: 1 },
    { momentum: 0.5 },
    { weightDecay: 1 },
    {},
    { momentum: 0.5, nesterov: true },
  ];
  const parameters = groups.map(() => new Parameter(Tensor.of(1)));
  const optimizer = new SGD(
    groups.map((own, k) => ({ parameters: [parameters[k]], ...own })),
    { learningRate: 0.5 },
  );
  // the last: velocities 1 and 1.5, and steps of 1 + v/2, so 1.5 and 1.75 times ½
  for (const expected of [[0, 0.5, 0, 0.5, 0.25], [-1, -0.25, -0.5, 0, -0.625]]) {
    for (const w of parameters) w.grad = Tensor.of(1);
    optimizer.step();
    t.expectTensor(Tensor.of(parameters.map((w) => w.item())), expected);
  }
});

graded(
  "06.1",
  1,
  "SGD.step() counts a write to what has a gradient, and leaves the rest alone",
  (t) => {
    const w = new Parameter(Tensor.of([1, 2])), still = new Parameter(Tensor.of([3, 4]));
    const optimizer = new SGD([still, w], { learningRate: 1, momentum: 0.5, weightDecay: 0.5 });
    for (const times of [1, 2]) {
      w.grad = Tensor.of([1, 1]);
      optimizer.step();
      t.expectEqual([w.version, still.version], [times, 0]);
      t.expectTensor(w.grad, [1, 1], 0);
    }
    t.expectTensor(still, [3, 4], 0);
  },
);

// ── 06.2 ──

graded("06.2", 2, "Adam.step() takes a first step of the learning rate's length", (t) => {
  const gradient = [1e-3, -1e-3, 1e3, -1e3, t.uniform([], 0.5, 2)];
  const w = float64([0, 0, 0, 0, 0]);
  w.grad = Tensor.of(gradient, { dtype: "float64" });
  const { grad } = w;
  t.expectUnchanged({ "w.grad": grad }, () => new Adam([w], { learningRate: 0.25 }).step());
  t.expectTensor(w, gradient.map((g) => -0.25 * Math.sign(g)), 1e-4);
  const still = float64([1, 2]); // a gradient of 0 is no step, and no 0/0
  still.grad = Tensor.zeros([2], { dtype: "float64" });
  new Adam([still], { learningRate: 0.25 }).step();
  t.expectTensor(still, [1, 2], 0, { name: "w after a step with the gradient 0" });
});

graded(
  "06.2",
  4,
  "Adam.step() divides the mean of the gradients by the root of their square",
  (t) => {
    // β₁ = β₂ = 1/2, ε = 0, η = 1: gradients 1 and −2 give
    //   m = 1/2, s = 1/2       m/(1/2) = 1     √(s/(1/2)) = 1           w = −1
    //   m = −3/4, s = 9/4      m/(3/4) = −1    √(s/(3/4)) = √3          w = −1 + 1/√3
    const single = new Parameter(Tensor.of(0));
    const halves = new Adam([single], { learningRate: 1, betas: [0.5, 0.5], epsilon: 0 });
    for (const [gradient, expected] of [[1, -1], [-2, -1 + 1 / Math.sqrt(3)]]) {
      single.grad = Tensor.of(gradient);
      halves.step();
      t.expectTensor(single, expected);
    }
    const learningRate = t.uniform([], 0.01, 0.1), betas = [0.8, 0.95] as const;
    expectPath(
      t,
      (w) => new Adam([w], { learningRate, betas }),
      adamFormula(learningRate, 0.8, 0.95, 1e-8),
    );
    const make = (w: Parameter): Adam => new Adam([w], { learningRate: 1, betas });
    expectPath(t, make, adamFormula(null, 0.8, 0.95, 1e-8), falling);
  },
);

graded("06.2", 2, "Adam.step() adds epsilon to the root, outside of it", (t) => {
  // the first step: m/(1 − β₁) = g = 3, √(s/(1 − β₂)) = 3, so w = −3/(3 + 1)
  const single = new Parameter(Tensor.of(0));
  single.grad = Tensor.of(3);
  new Adam([single], { learningRate: 1, epsilon: 1 }).step();
  t.expectTensor(single, -0.75);
  expectPath(
    t,
    (w) => new Adam([w], { learningRate: 0.1, epsilon: 0.5 }),
    adamFormula(0.1, 0.9, 0.999, 0.5),
  );
});

graded("06.2", 2, "Adam.step() adds weight decay to the gradient", (t) => {
  const weightDecay = t.uniform([], 0.1, 0.5), formula = adamFormula(0.1, 0.9, 0.999, 1e-8);
  expectPath(
    t,
    (w) => new Adam([w], { learningRate: 0.1, weightDecay }),
    (w, g, step, memory, rate) => formula(w, g + weightDecay * w, step, memory, rate),
  );
  // the first step has full length: from 2 towards 0, though the gradient is 0
  const single = new Parameter(Tensor.of(2));
  single.grad = Tensor.of(0);
  new Adam([single], { learningRate: 0.5, weightDecay: 0.1 }).step();
  t.expectTensor(single, 1.5);
  t.expectTensor(single.grad, 0, 0, { name: "w.grad afterwards" });
});

graded("06.2", 2, "Adam.step() counts the steps of each parameter for itself", (t) => {
  const often = float64([0]), rarely = float64([0]);
  const optimizer = new Adam([often, rarely], { learningRate: 1, betas: [0.5, 0.5], epsilon: 0 });
  for (let step = 0; step < 3; step++) {
    often.grad = Tensor.of([1], { dtype: "float64" });
    optimizer.step();
  }
  rarely.grad = Tensor.of([-5], { dtype: "float64" });
  often.grad = null;
  optimizer.step(); // the first one of `rarely`
  t.expectTensor(rarely, [1], 1e-12, { name: "what has a gradient for the first time" });
  t.expectTensor(often, [-3], 1e-12, { name: "what has none this time" });
  // two parameters of two sizes, in one optimizer, keep their means apart
  const [a, b] = [float64([0, 0]), float64([0])];
  const two = new Adam([a, b], { learningRate: 1, betas: [0.5, 0.5], epsilon: 0 });
  for (const [ga, gb] of [[1, -2], [-2, 1]]) {
    a.grad = Tensor.of([ga, 0.001], { dtype: "float64" });
    b.grad = Tensor.of([gb], { dtype: "float64" });
    two.step();
  }
  t.expectTensor(a, [-1 + 1 / Math.sqrt(3), -2], 1e-12, { name: "the first parameter" });
  t.expectTensor(b, [1], 1e-12, { name: "the second parameter" }); // then m = −½ + ½ = 0
});

// ── 06.3 ──

graded("06.3", 2, "AdamW.step() pulls weights towards 0, whatever their gradients are", (t) => {
  // without a slope Adam does not move: w shrinks by η·λ = 1/4 of itself
  const [first, second] = t.uniform([2], 1, 3), w = float64([first, second]);
  const optimizer = new AdamW([w], { learningRate: 0.5, weightDecay: 0.5 });
  for (const kept of [3 / 4, 9 / 16]) {
    w.grad = Tensor.zeros([2], { dtype: "float64" });
    t.expectUnchanged({ "w.grad": w.grad }, () => optimizer.step());
    t.expectTensor(w, [kept * first, kept * second], 1e-12);
  }
});

graded("06.3", 4, "AdamW.step() is the pull towards 0, and then Adam's step without it", (t) => {
  const learningRate = t.uniform([], 0.05, 0.1), weightDecay = t.uniform([], 0.1, 0.5);
  const formula = adamFormula(learningRate, 0.9, 0.999, 1e-8);
  expectPath(
    t,
    (w) => new AdamW([w], { learningRate, weightDecay }),
    (w, g, step, memory, now) =>
      formula(w * (1 - learningRate * weightDecay), g, step, memory, now),
  );
  const scheduled = adamFormula(null, 0.9, 0.999, 1e-8);
  expectPath(
    t,
    (w) => new AdamW([w], { learningRate, weightDecay }),
    (w, g, step, memory, now) => scheduled(w * (1 - now * weightDecay), g, step, memory, now),
    falling,
  );
});

graded("06.3", 1, "AdamW.step() pulls by 0.01 unless told otherwise", (t) => {
  const w = float64([2]), free = float64([2]);
  for (const parameter of [w, free]) parameter.grad = Tensor.zeros([1], { dtype: "float64" });
  new AdamW([w], { learningRate: 0.5 }).step();
  t.expectTensor(w, [2 * (1 - 0.5 * 0.01)], 1e-12);
  new AdamW([free], { learningRate: 0.5, weightDecay: 0 }).step();
  t.expectTensor(free, [2], 0);
});

graded("06.3", 2, "AdamW.step() pulls by the learning rate of the moment, group by group", (t) => {
  const w = float64([4]), strong = float64([4]);
  const groups = [{ parameters: [w] }, { parameters: [strong], weightDecay: 1 }];
  const optimizer = new AdamW(groups, { learningRate: 1, weightDecay: 0.5 });
  for (const parameter of [w, strong]) parameter.grad = Tensor.zeros([1], { dtype: "float64" });
  optimizer.learningRate = 0.5; // 1 − 1/4 and 1 − 1/2 are kept
  optimizer.step();
  t.expectTensor(w, [3], 1e-12);
  t.expectTensor(strong, [2], 1e-12);
  optimizer.learningRate = 0.25;
  optimizer.step();
  t.expectTensor(w, [3 * 0.875], 1e-12);
  t.expectTensor(strong, [1.5], 1e-12);
});
