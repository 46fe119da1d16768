/**
 * Module 07 as a whole: what a step, fit() and evaluate() do, in which order, and when they stop.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { assertMatch, assertRejects } from "@std/assert";
import { defineOp, GraphError } from "#autograd";
import { crossEntropy, mseLoss } from "#losses";
import { Flatten, Linear, Module, Parameter, ReLU, Sequential } from "#layers";
import { Adam, AdamW, SGD } from "#optimizers";
import { Generator } from "#random";
import { type Nested, ShapeError, Tensor, ValueError } from "#tensor";
import {
  accuracy,
  type Batch,
  type Batches,
  clipGradientNorm,
  confusionMatrix,
  constant,
  cosine,
  type EpochResult,
  evaluate,
  fit,
  type FitOptions,
  type Loss,
  oneCycle,
  type Schedule,
  step,
  type StepResult,
  trainStep,
  triangular,
  warmup,
} from "#training";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";

// ── Help ──

/** y = w·x with one number w; says what it does. */
class Slope extends Module {
  readonly weight: Parameter;
  readonly say: (event: string) => void;
  constructor(weight: number, say: (event: string) => void = () => {}) {
    super();
    this.say = say;
    this.weight = new Parameter(Tensor.of(weight));
  }
  forward(x: Tensor): Tensor {
    this.say("forward");
    return x.mul(this.weight);
  }
}

/** An SGD that says when it steps. */
class SpokenSGD extends SGD {
  readonly say: (event: string) => void;
  constructor(model: Module, learningRate: number, say: (event: string) => void) {
    super(model.parameters(), { learningRate });
    this.say = say;
  }
  override step(): void {
    super.step();
    this.say("step");
  }
}

/** The same number, saying when a gradient passes. */
const listen = defineOp<(event: string) => void, null>({
  name: "listen",
  forward: ([x]) => ({ output: x, saved: null }),
  backward: (g, { options: say }) => {
    say("backward");
    return [g];
  },
});

/** The mean of what the model gives, whatever the targets. */
const meanOutput: Loss = (y) => y.mean();

/** A batch of rows of one number. */
function rows(...values: number[]): Batch {
  return { inputs: Tensor.of(values.map((v) => [v])), targets: new Int32Array(values.length) };
}

/** Scores and labels. */
function scored(scores: number[][], ...labels: number[]): Batch {
  return { inputs: Tensor.of(scores), targets: Int32Array.from(labels) };
}

/** A slope, and plain gradient descent on it. */
function slopeAndSGD(weight: number, learningRate: number): { model: Slope; optimizer: SGD } {
  const model = new Slope(weight);
  return { model, optimizer: new SGD(model.parameters(), { learningRate }) };
}

/** A parameter with a gradient. */
function withGradient(gradient: Nested, dtype: "float32" | "float64" = "float32"): Parameter {
  const grad = Tensor.of(gradient, { dtype });
  const parameter = new Parameter(Tensor.zeros(grad.shape, { dtype }));
  parameter.grad = grad;
  return parameter;
}

/** Runs something while the clock says what it is told, and puts the clock back. */
async function withClock(body: (advance: (ms: number) => void) => Promise<void>): Promise<void> {
  const now = performance.now;
  let time = 1000;
  performance.now = () => time;
  try {
    await body((ms) => time += ms);
  } finally {
    performance.now = now;
  }
}

/** Notes what `look` sees at each turn that other work gets while something runs. */
async function turnsDuring(body: () => Promise<unknown>, look: () => number): Promise<number[]> {
  const seen: number[] = [];
  let timer = setTimeout(turn, 0);
  function turn(): void {
    seen.push(look());
    timer = setTimeout(turn, 0);
  }
  try {
    await body();
  } finally {
    clearTimeout(timer);
  }
  return seen;
}

/** What assertRefuses() is for functions, for promises. */
async function assertRejectsWith(
  body: () => Promise<unknown>,
  ErrorClass: typeof ValueError | typeof ShapeError,
  message: string,
  hint?: string,
): Promise<void> {
  const error: ValueError | ShapeError = await assertRejects<ValueError | ShapeError>(
    body,
    ErrorClass,
  );
  assertEquals([error.name, error.message, error.hint], [ErrorClass.name, message, hint]);
}

async function assertAborts(body: () => Promise<unknown>): Promise<void> {
  const error = await assertRejects(body, DOMException);
  assertEquals(error.name, "AbortError");
}

const atLeast0 = "it must be a finite number of at least 0";
const atLeast1 = "it must be a whole number of at least 1";

// ── Schedules ──

const third = 1 / 3;

const rates: [title: string, schedule: Schedule, expected: [progress: number, rate: number][]][] = [
  ["constant(0.3)", constant(0.3), [[0, 0.3], [0.5, 0.3], [1, 0.3]]],
  ["constant(0)", constant(0), [[0.5, 0]]],
  ["step(1) every third", step(1, { every: third }), [[0, 1], [0.3, 1], [0.4, 0.1], [0.7, 0.01]]],
  [
    "step(1) every 0.4 by 2",
    step(1, { factor: 2, every: 0.4 }),
    [[0.39, 1], [0.4, 2], [0.79, 2], [0.8, 4], [1, 4]],
  ],
  ["step(1) every 0.1", step(1, { every: 0.1 }), [[0.3, 1e-3], [0.6, 1e-6], [0.7, 1e-7]]],
  ["step(1) by 0", step(1, { factor: 0, every: 0.5 }), [[0.49, 1], [0.5, 0], [1, 0]]],
  ["step(1) by 1", step(1, { factor: 1, every: 0.5 }), [[0.49, 1], [0.5, 1], [1, 1]]],
  // cos 0, π/4, π/3, π/2, 2π/3, 3π/4, π are 1, √½, ½, 0, −½, −√½, −1
  [
    "cosine(0.1)",
    cosine(0.1),
    [
      [0, 0.1],
      [0.25, 0.05 * (1 + Math.SQRT1_2)],
      [third, 0.075],
      [0.5, 0.05],
      [2 * third, 0.025],
      [0.75, 0.05 * (1 - Math.SQRT1_2)],
      [1, 0],
    ],
  ],
  ["cosine(3, 1)", cosine(3, 1), [[third, 2.5], [1, 1]]],
  ["cosine(1, 3)", cosine(1, 3), [[0.5, 2], [1, 3]]],
  ["cosine(0, 0)", cosine(0, 0), [[0.5, 0]]],
  ["warmup(constant(2))", warmup(constant(2)), [[0, 0], [0.05, 1], [0.1, 2], [1, 2]]],
  ["warmup(cosine(2), 0.5)", warmup(cosine(2), 0.5), [[0.25, 1], [0.5, 2], [0.75, 1], [1, 0]]],
  [
    "warmup(warmup(constant(4), 0.5), 0.5)", // the inner one starts at 0
    warmup(warmup(constant(4), 0.5), 0.5),
    [[0.25, 0], [0.5, 0], [0.625, 2], [0.75, 4]],
  ],
  [
    "oneCycle(1)",
    oneCycle(1),
    [[0, 0.04], [0.15, 0.52], [0.3, 1], [0.65, (1 + 4e-6) / 2], [1, 4e-6]],
  ],
  ["oneCycle(2, 0.5)", oneCycle(2, 0.5), [[0.25, 1.04], [0.5, 2], [0.75, 1 + 4e-6], [1, 8e-6]]],
  ["oneCycle(0)", oneCycle(0), [[0, 0], [0.5, 0], [1, 0]]],
  ["triangular(1, 3)", triangular(1, 3), [[0, 1], [0.25, 2], [0.5, 3], [0.75, 2], [1, 1]]],
  ["triangular(1, 3, 2)", triangular(1, 3, 2), [[0.25, 3], [0.5, 1], [0.625, 2], [1, 1]]],
  ["triangular(1, 3, 1.5)", triangular(1, 3, 1.5), [[third, 3], [2 * third, 1], [1, 3]]],
  ["triangular(1, 3, 0)", triangular(1, 3, 0), [[0, 1], [0.5, 1]]],
  ["triangular(3, 1)", triangular(3, 1), [[0, 3], [0.5, 1], [1, 3]]],
];

for (const [title, schedule, expected] of rates) {
  test(`${title} gives the rates worked out by hand`, () => {
    for (const [progress, rate] of expected) assertAlmostEquals(schedule(progress), rate, 1e-12);
  });
}

const between = "it must lie between 0 and 1";
const scheduleRefusals: [title: string, body: () => unknown, message: string][] = [
  ...[-1, NaN, Infinity, -Infinity].flatMap((rate): [string, () => unknown, string][] => {
    const message = `Cannot schedule a rate of ${rate}: ${atLeast0}`;
    return [
      [`constant(${rate})`, () => constant(rate), message],
      [`step(${rate})`, () => step(rate, { every: 0.5 }), message],
      [`step() by ${rate}`, () => step(1, { factor: rate, every: 0.5 }), message],
      [`cosine(${rate})`, () => cosine(rate), message],
      [`cosine(1, ${rate})`, () => cosine(1, rate), message],
      [`oneCycle(${rate})`, () => oneCycle(rate), message],
      [`triangular(${rate}, 1)`, () => triangular(rate, 1), message],
      [`triangular(0, ${rate})`, () => triangular(0, rate), message],
      [
        `triangular() with ${rate} cycles`,
        () => triangular(0, 1, rate),
        `Cannot schedule ${rate} cycles: ${atLeast0}`,
      ],
    ];
  }),
  ...[0, 1, -0.1, 1.1, NaN, Infinity].flatMap((part): [string, () => unknown, string][] => [
    [
      `step() every ${part}`,
      () => step(1, { every: part }),
      `Cannot schedule with every ${part}: ${between}`,
    ],
    [
      `warmup() for ${part}`,
      () => warmup(constant(1), part),
      `Cannot schedule with part ${part}: ${between}`,
    ],
    [
      `oneCycle() that rises for ${part}`,
      () => oneCycle(1, part),
      `Cannot schedule with rise ${part}: ${between}`,
    ],
  ]),
];

for (const [title, body, message] of scheduleRefusals) {
  test(`${title} is refused`, () => assertRefuses(body, ValueError, message));
}

// ── clipGradientNorm() ──

test("clipGradientNorm() scales all gradients by one number, in both dtypes", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const parameters = [withGradient([[2, 3]], dtype), withGradient(6, dtype)];
    const data = parameters.map(({ grad }) => grad?.data);
    assertAlmostEquals(clipGradientNorm(parameters, 1), 7, 1e-12);
    const expected = [2 / 7, 3 / 7, 6 / 7];
    parameters.flatMap(({ grad }) => [...(grad?.data ?? [])])
      .forEach((g, k) => assertAlmostEquals(g, expected[k], 1e-6));
    assertEquals(parameters.map(({ grad }) => [grad?.dtype, grad?.shape]), [[dtype, [1, 2]], [
      dtype,
      [],
    ]]);
    parameters.forEach(({ grad }, k) => assert(grad?.data === data[k], "changed in place"));
  }
});

test("clipGradientNorm() never makes gradients longer, and takes any iterable once", () => {
  const parameters = [withGradient([3, 4]), withGradient([0])];
  assertEquals(clipGradientNorm(parameters.values(), 5.1), 5);
  assertEquals(parameters.map(({ grad }) => grad?.toArray()), [[3, 4], [0]]);
  assertEquals(clipGradientNorm(new Set(parameters).values(), 1e30), 5);
  assertEquals(parameters.map(({ grad }) => grad?.toArray()), [[3, 4], [0]]);
});

test("clipGradientNorm() adds a millionth to the norm that it divides by, as PyTorch", () => {
  for (const maxNorm of [1, 5, 5 + 0.9e-6]) {
    const parameter = withGradient([3, 4], "float64"), scale = maxNorm / (5 + 1e-6);
    clipGradientNorm([parameter], maxNorm);
    assertAlmostEquals(parameter.grad?.data[0] ?? NaN, 3 * scale, 1e-12);
    assertAlmostEquals(parameter.grad?.data[1] ?? NaN, 4 * scale, 1e-12);
  }
});

test("clipGradientNorm() to 0 takes all away", () => {
  const parameter = withGradient([3, 4]);
  assertEquals(clipGradientNorm([parameter], 0), 5);
  assertEquals(parameter.grad?.toArray(), [0, 0]);
});

test("clipGradientNorm() tells of a gradient that is not a number", () => {
  const parameter = withGradient([3, NaN]);
  assertEquals(clipGradientNorm([parameter], 1), NaN);
});

for (const maxNorm of [-1, -Infinity, NaN, Infinity]) {
  test(`clipGradientNorm() refuses ${maxNorm}, and leaves the gradients`, () => {
    const parameter = withGradient([3, 4]);
    assertRefuses(
      () => clipGradientNorm([parameter], maxNorm),
      ValueError,
      `Cannot clip gradients to ${maxNorm}: ${atLeast0}`,
    );
    assertEquals(parameter.grad?.toArray(), [3, 4]);
  });
}

// ── trainStep() ──

/** Seven examples, and the same ones in batches of several sizes. */
function examplesInParts(...sizes: number[]): Batch<Tensor>[] {
  const generator = new Generator(1), options = { dtype: "float64" } as const;
  const inputs = Tensor.normal([7, 3], generator, options);
  const targets = Tensor.normal([7, 2], generator, options);
  let end = 0;
  return sizes.map((size) => {
    const range = [end, end += size] as const;
    return { inputs: inputs.slice(range), targets: targets.slice(range) };
  });
}

/** A small network, and Adam on it. */
function networkAndAdam(): { model: Sequential; optimizer: Adam } {
  const generator = new Generator(2), dtype = "float64";
  const model = new Sequential(
    new Linear(3, 4, { generator, dtype }),
    new ReLU(),
    new Linear(4, 2, { generator, dtype }),
  );
  return { model, optimizer: new Adam(model.parameters(), { learningRate: 0.1 }) };
}

/** Fails unless two models have nearly the same parameters. */
function assertSameWeights(a: Module, b: Module): void {
  const [found, expected] = [a, b].map((model) => model.parameters().flatMap((p) => [...p.data]));
  assertEquals(found.length, expected.length);
  found.forEach((w, k) => assertAlmostEquals(w, expected[k], 1e-10));
}

test("trainStep() teaches the same whatever the batches are that the examples come in", () => {
  const whole = networkAndAdam(), { optimizer: wholes } = whole;
  const losses = [1, 2, 3].map(() =>
    trainStep(whole.model, examplesInParts(7), { loss: mseLoss, optimizer: wholes })
  );
  for (const sizes of [[3, 4], [1, 1, 5], [1, 1, 1, 1, 1, 1, 1]]) {
    const { model, optimizer } = networkAndAdam();
    losses.forEach((expected) => {
      const loss = trainStep(model, examplesInParts(...sizes), { loss: mseLoss, optimizer });
      assertAlmostEquals(loss, expected, 1e-12);
    });
    assertSameWeights(model, whole.model);
    for (const { version } of model.parameters()) assertEquals(version, 3);
  }
});

test("trainStep() clips what all batches come to, not each one", () => {
  // gradients of the mean: 8/4 from the first batch, 4/4 from the second, 3 together
  const { model, optimizer } = slopeAndSGD(0, 1);
  trainStep(model, [rows(4, 4), rows(2, 2)], { loss: meanOutput, optimizer, maxNorm: 1.5 });
  assertAlmostEquals(model.weight.item(), -1.5, 1e-5);
});

test("trainStep() clips the gradients of all of the optimizer's parameters together", () => {
  const generator = new Generator(3), model = new Linear(4, 3, { generator });
  const optimizer = new SGD(model.parameters(), { learningRate: 1 });
  const before = model.parameters().map(({ data }) => data.slice());
  const loss = (y: Tensor): Tensor => y.sum();
  trainStep(model, [{ inputs: Tensor.ones([2, 4]), targets: null }], {
    loss,
    optimizer,
    maxNorm: 1,
  });
  let moved = 0;
  model.parameters().forEach(({ data }, k) =>
    data.forEach((w, i) => moved += (w - before[k][i]) ** 2)
  );
  assertAlmostEquals(Math.sqrt(moved), 1, 1e-5);
});

test("trainStep() leaves the model in the mode that it is in", () => {
  const { model, optimizer } = slopeAndSGD(1, 1);
  for (const training of [true, false]) {
    model.train(training);
    trainStep(model, [rows(1)], { loss: meanOutput, optimizer });
    assertEquals(model.training, training);
  }
});

test("trainStep() goes forward through a batch after it went backward through the last", () => {
  const events: string[] = [], say = (event: string): number => events.push(event);
  const model = new Slope(1, say), optimizer = new SpokenSGD(model, 1, say);
  const loss: Loss = (y) => listen([y.mean()], say);
  trainStep(model, [rows(1), rows(2)], { loss, optimizer });
  assertEquals(events, ["forward", "backward", "forward", "backward", "step"]);
});

for (const wrong of [NaN, Infinity, -Infinity]) {
  test(`trainStep() returns a loss of ${wrong}, and takes no step`, () => {
    const { model, optimizer } = slopeAndSGD(1, 1);
    for (const batches of [[rows(wrong)], [rows(1), rows(wrong), rows(2)]]) {
      assertEquals(trainStep(model, batches, { loss: meanOutput, optimizer }), wrong);
      assertEquals([model.weight.item(), model.weight.version], [1, 0]);
    }
  });
}

test("trainStep() refuses a loss that is not a single number, and takes no step", () => {
  const { model, optimizer } = slopeAndSGD(1, 1);
  assertRefuses(
    () => trainStep(model, [rows(1, 2)], { loss: (y) => y, optimizer }),
    ShapeError,
    "Cannot take one number out of (2, 1): it holds 2",
    "reduce it first, with sum() or mean()",
  );
  assertEquals([model.weight.item(), model.weight.version], [1, 0]);
});

test("trainStep() refuses a loss that nothing can be learnt from, and takes no step", () => {
  const { model, optimizer } = slopeAndSGD(1, 1);
  assertRefuses(
    () => trainStep(model, [rows(1)], { loss: () => Tensor.of(1), optimizer }),
    GraphError,
    "Cannot go backward from a constant: nothing in it requires a gradient",
    "was it computed inside of noGrad(), or without any parameter?",
  );
  assertEquals([model.weight.item(), model.weight.version], [1, 0]);
});

for (const maxNorm of [-1, NaN, Infinity]) {
  test(`trainStep() refuses to clip to ${maxNorm}, and takes no step`, () => {
    const { model, optimizer } = slopeAndSGD(1, 1);
    assertRefuses(
      () => trainStep(model, [rows(1)], { loss: meanOutput, optimizer, maxNorm }),
      ValueError,
      `Cannot clip gradients to ${maxNorm}: ${atLeast0}`,
    );
    assertEquals([model.weight.item(), model.weight.version], [1, 0]);
  });
}

test("trainStep() refuses to learn from nothing", () => {
  const { model, optimizer } = slopeAndSGD(1, 1);
  assertRefuses(
    () => trainStep(model, [], { loss: meanOutput, optimizer }),
    ValueError,
    `Cannot learn from 0 batches: ${atLeast1}`,
  );
  assertEquals([model.weight.item(), model.weight.version], [1, 0]);
});

// ── fit(): what happens when ──

test("fit() predicts, measures, goes backward and steps, batch by batch, then reports", async () => {
  const events: string[] = [], say = (event: string): number => events.push(event);
  const model = new Slope(1, say), optimizer = new SpokenSGD(model, 0.5, say);
  await fit(model, [rows(1), rows(2)], {
    loss: (y) => {
      say("loss");
      return listen([y.mean()], say);
    },
    optimizer,
    epochs: 2,
    schedule: (progress) => {
      say(`schedule ${progress}`);
      return 1e-3;
    },
    onStep: ({ epoch, step }) => say(`step ${step} of epoch ${epoch}`),
    onEpoch: ({ epoch }) => void say(`epoch ${epoch}`),
  });
  const learn = ["forward", "loss", "backward", "step"];
  assertEquals(
    events,
    [
      ["schedule 0", ...learn, "step 1 of epoch 1", "schedule 0.25", ...learn, "step 2 of epoch 1"],
      ["epoch 1"],
      ["schedule 0.5", ...learn, "step 3 of epoch 2"],
      ["schedule 0.75", ...learn, "step 4 of epoch 2"],
      ["epoch 2"],
    ].flat(),
  );
});

test("fit() moves the weights as worked out by hand", async () => {
  // L = w·x with x = 1, 2: slopes 1, 2, so that an epoch takes 0.5 + 1 off w
  const { model, optimizer } = slopeAndSGD(4, 0.5);
  const history = await fit(model, [rows(1), rows(2)], { loss: meanOutput, optimizer, epochs: 2 });
  assertEquals(model.weight.item(), 1);
  assertEquals(history, [
    { epoch: 1, loss: (4 + 3.5 * 2) / 2, learningRate: 0.5 },
    { epoch: 2, loss: (2.5 + 2 * 2) / 2, learningRate: 0.5 },
  ]);
});

test("fit() gives each example the same weight in an epoch's loss", async () => {
  for (const accumulate of [1, 2]) {
    const { model, optimizer } = slopeAndSGD(1, 0);
    const options = { loss: meanOutput, optimizer, epochs: 1, accumulate };
    const [{ loss }] = await fit(model, [rows(1, 2, 3, 6), rows(8)], options);
    assertAlmostEquals(loss, (1 + 2 + 3 + 6 + 8) / 5, 1e-6); // the mean of the batches' means would be 5.5
  }
});

test("fit() sets the schedule's rate before each step", async () => {
  const model = new Slope(0), rates: number[] = [];
  const optimizer = new SpokenSGD(model, 7, () => rates.push(optimizer.learningRate));
  const history = await fit(model, [rows(1), rows(1), rows(1)], {
    loss: meanOutput,
    optimizer,
    epochs: 2,
    schedule: (progress) => 3 - 3 * progress,
  });
  assertEquals(rates.map((rate) => Number(rate.toFixed(12))), [3, 2.5, 2, 1.5, 1, 0.5]);
  assertEquals(history.map(({ learningRate }) => learningRate), [rates[2], rates[5]]);
  assertAlmostEquals(model.weight.item(), -(3 + 2.5 + 2 + 1.5 + 1 + 0.5), 1e-6);
});

test("fit() leaves the optimizer's rate alone without a schedule", async () => {
  const { model, optimizer } = slopeAndSGD(0, 0.125);
  const options = { loss: meanOutput, optimizer, epochs: 1 };
  const [{ learningRate }] = await fit(model, [rows(1)], options);
  assertEquals([learningRate, optimizer.learningRate], [0.125, 0.125]);
});

test("fit() clips to maxNorm, and to nothing unless told", async () => {
  const expected: [maxNorm: number | undefined, weight: number][] = [[2, -4], [100, -30], [
    undefined,
    -30,
  ]];
  for (const [maxNorm, weight] of expected) {
    const { model, optimizer } = slopeAndSGD(0, 1);
    const options = { loss: meanOutput, optimizer, epochs: 1, maxNorm };
    await fit(model, [rows(10), rows(20)], options);
    assertAlmostEquals(model.weight.item(), weight, 1e-4);
  }
});

test("fit() gives onStep what each step came to", async () => {
  const { model, optimizer } = slopeAndSGD(4, 0.5), seen: StepResult[] = [];
  const options = { loss: meanOutput, optimizer, epochs: 2, schedule: (p: number) => 0.5 + p };
  await fit(model, [rows(1), rows(2)], { ...options, onStep: (result) => seen.push(result) });
  // w = 4 − 0.5·1 = 3.5, − 0.75·2 = 2, − 1·1 = 1
  const progress = [[1, 4, 1], [2, 11, 2], [3, 2, 1], [4, 4, 2]]
    .map(([step, total, examples]) => ({ step, total, examples }));
  assertEquals(seen, [
    { epoch: 1, step: 1, loss: 4, learningRate: 0.5, progress: progress[0] },
    { epoch: 1, step: 2, loss: 7, learningRate: 0.75, progress: progress[1] },
    { epoch: 2, step: 3, loss: 2, learningRate: 1, progress: progress[2] },
    { epoch: 2, step: 4, loss: 2, learningRate: 1.25, progress: progress[3] },
  ]);
});

test("fit() goes on from any step as if it had never stopped", async () => {
  const batches = [rows(1), rows(2), rows(3)], schedule = (p: number): number => 0.5 + p;
  const whole = slopeAndSGD(4, 0.5);
  const common = { loss: meanOutput, epochs: 2, schedule };
  const history = await fit(whole.model, batches, { ...common, optimizer: whole.optimizer });
  for (let last = 1; last < 6; last++) {
    const { model, optimizer } = slopeAndSGD(4, 0.5), stop = new AbortController();
    let from = { step: 0, total: 0, examples: 0 };
    const seen: EpochResult[] = [], options = { ...common, optimizer };
    await assertAborts(() =>
      fit(model, batches, {
        ...options,
        signal: stop.signal,
        onStep: ({ progress }) => {
          from = progress;
          if (progress.step === last) stop.abort();
        },
        onEpoch: (result) => {
          seen.push(result);
          from = { ...from, total: 0, examples: 0 };
        },
      })
    );
    const rest = batches.slice(last % 3); // what a restored loader deals out first
    const loader = {
      length: 3,
      [Symbol.iterator]: () => (rest.length ? rest.splice(0) : batches).values(),
    };
    seen.push(...await fit(model, loader, { ...options, from }));
    assertEquals(seen, history);
    assertEquals(model.weight.item(), whole.model.weight.item());
  }
});

test("fit() has nothing to do for a run that is over", async () => {
  const { model, optimizer } = slopeAndSGD(4, 0.5), from = { step: 4, total: 0, examples: 0 };
  const options = { loss: meanOutput, optimizer, epochs: 2, from };
  assertEquals(await fit(model, [rows(1), rows(2)], options), []);
  assertEquals(model.weight.version, 0);
});

test("fit() fetches no batch after it was told to stop", async () => {
  const { model, optimizer } = slopeAndSGD(1, 1), stop = new AbortController();
  let fetched = 0;
  function* deal(): Iterable<Batch> {
    for (fetched = 1; fetched <= 5; fetched++) yield rows(1);
  }
  const loader = { length: 5, [Symbol.iterator]: () => deal()[Symbol.iterator]() };
  const options = { loss: meanOutput, optimizer, epochs: 1, signal: stop.signal };
  const onStep = ({ step }: StepResult): void => void (step === 2 && stop.abort());
  await assertAborts(() => fit(model, loader, { ...options, onStep }));
  assertEquals(fetched, 2);
});

test("fit() gives onEpoch each result at once, and all of them in the end", async () => {
  const { model, optimizer } = slopeAndSGD(1, 1), seen: EpochResult[] = [];
  const history = await fit(model, [rows(1)], {
    loss: meanOutput,
    optimizer,
    epochs: 3,
    onEpoch: (result) => {
      seen.push(result);
      assertEquals([result.epoch, result.loss], [seen.length, model.weight.item() + 1]);
    },
  });
  assertEquals(seen.length, 3);
  assertEquals(history, seen);
});

test("fit() waits for onEpoch before the next epoch", async () => {
  const { model, optimizer } = slopeAndSGD(1, 1), versions: number[] = [];
  await fit(model, [rows(1)], {
    loss: meanOutput,
    optimizer,
    epochs: 3,
    onEpoch: async () => {
      for (let k = 0; k < 5; k++) await new Promise((resolve) => setTimeout(resolve, 0));
      versions.push(model.weight.version);
    },
  });
  assertEquals(versions, [1, 2, 3]);
});

test("fit() stops with whatever a callback throws", async () => {
  function fail(): never {
    throw new EvalError("enough");
  }
  const cases: [name: "onStep" | "onEpoch", steps: number][] = [["onStep", 1], ["onEpoch", 2]];
  for (const [name, steps] of cases) {
    const { model, optimizer } = slopeAndSGD(1, 1);
    const options = { loss: meanOutput, optimizer, epochs: 3, [name]: fail };
    const error = await assertRejects(() => fit(model, [rows(1), rows(1)], options), EvalError);
    assertEquals([error.message, model.weight.version], ["enough", steps]);
  }
  const { model, optimizer } = slopeAndSGD(1, 1);
  const onEpoch = (): Promise<void> => Promise.reject(new EvalError("later"));
  const options = { loss: meanOutput, optimizer, epochs: 3, onEpoch };
  const error = await assertRejects(() => fit(model, [rows(1)], options), EvalError);
  assertEquals([error.message, model.weight.version], ["later", 1]);
});

test("fit() walks the batches anew in each epoch", async () => {
  const { model, optimizer } = slopeAndSGD(0, 1), walks: number[] = [];
  const batches: Batches = {
    length: 1,
    *[Symbol.iterator](): Iterator<Batch> {
      walks.push(walks.length + 1);
      yield rows(walks.length);
    },
  };
  await fit(model, batches, { loss: meanOutput, optimizer, epochs: 3 });
  assertEquals(walks, [1, 2, 3]);
  assertEquals(model.weight.item(), -1 - 2 - 3);
});

test("fit() puts the model and all in it into training mode", async () => {
  class Outer extends Module {
    readonly inner = new Slope(1);
    readonly modes: boolean[][] = [];
    forward(x: Tensor): Tensor {
      this.modes.push([this.training, this.inner.training]);
      return this.inner.forward(x);
    }
  }
  const model = new Outer().eval();
  const optimizer = new SGD(model.parameters(), { learningRate: 0 });
  await fit(model, [rows(1)], { loss: meanOutput, optimizer, epochs: 1 });
  assertEquals(model.modes, [[true, true]]);
});

test("fit() learns a line through two points", async () => {
  const model = new Linear(1, 1, { generator: new Generator(1), dtype: "float64" });
  const inputs = Tensor.of([[0], [1]], { dtype: "float64" });
  const targets = Tensor.of([[1], [3]], { dtype: "float64" });
  const history = await fit(model, [{ inputs, targets }], {
    loss: mseLoss,
    optimizer: new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9 }),
    epochs: 500,
  });
  assertLess(history[499].loss, 1e-9);
  assertAlmostEquals(model.weight.item(), 2, 1e-4);
  assertAlmostEquals(model.bias?.item() ?? NaN, 1, 1e-4);
});

// ── fit(): accumulation ──

/** Trains on seven examples that come in some sizes. */
async function trainIn(
  sizes: readonly number[],
  more: Partial<FitOptions<Tensor>> = {},
): Promise<{ model: Module; history: EpochResult[]; steps: StepResult[] }> {
  const { model, optimizer } = networkAndAdam(), steps: StepResult[] = [];
  const history = await fit(model, examplesInParts(...sizes), {
    loss: mseLoss,
    optimizer,
    epochs: 3,
    schedule: cosine(0.1),
    onStep: (result) => steps.push(result),
    ...more,
  });
  return { model, history, steps };
}

const accumulations: [sizes: number[], accumulate: number, as: number[]][] = [
  [[2, 2, 2, 1], 2, [4, 3]], // two full groups, the last batch short
  [[2, 2, 2, 1], 3, [6, 1]], // a group with less batches than the others
  [[2, 2, 2, 1], 4, [7]],
  [[2, 2, 2, 1], 9, [7]], // never full
  [[1, 3, 1, 2], 3, [5, 2]], // batches of many sizes in a group
  [[1, 1, 1, 1, 1, 1, 1], 3, [3, 3, 1]],
];

for (const [sizes, accumulate, as] of accumulations) {
  test(`fit() learns from ${sizes}, ${accumulate} at a time, as from ${as}`, async () => {
    for (const maxNorm of [undefined, 0.1]) {
      const small = await trainIn(sizes, { accumulate, maxNorm });
      const large = await trainIn(as, { maxNorm });
      assertSameWeights(small.model, large.model);
      assertEquals(small.steps.length, 3 * as.length);
      for (const name of ["history", "steps"] as const) {
        small[name].forEach((result, k) => {
          const expected = large[name][k];
          assertAlmostEquals(result.loss, expected.loss, 1e-10);
          const exactly = { ...expected, loss: result.loss };
          if ("progress" in exactly) exactly.progress = small.steps[k].progress; // a sum of losses
          assertEquals(result, exactly);
        });
      }
    }
  });
}

test("fit() takes one batch at a time unless told", async () => {
  const one = await trainIn([2, 2, 3], { accumulate: 1 }), unsaid = await trainIn([2, 2, 3]);
  assertEquals(unsaid.steps, one.steps);
  assertEquals(unsaid.steps.length, 9);
});

// ── fit(): other work, and stopping ──

/** The longest time for which other work had to wait, when each look at the clock is noted. */
function longestGap(times: readonly number[], end: number): number {
  let last = 0, longest = 0;
  for (const time of [...times, end]) {
    longest = Math.max(longest, time - last);
    last = time;
  }
  return longest;
}

for (const [epochs, count] of [[40, 1], [1, 40]]) {
  test(`fit() gives other work its turn every 50 ms, in ${epochs} epochs of ${count}`, async () => {
    const { model, optimizer } = slopeAndSGD(1, 0);
    const batches = Array.from({ length: count }, () => rows(1));
    await withClock(async (advance) => {
      let spent = 0;
      const loss: Loss = (y) => {
        advance(10);
        spent += 10;
        return y.mean();
      };
      const run = (): Promise<unknown> => fit(model, batches, { loss, optimizer, epochs });
      const turns = await turnsDuring(run, () => spent);
      assertEquals(spent, 400);
      assert(longestGap(turns, spent) <= 50, `other work ran after ${turns} ms`);
    });
  });
}

test("fit() pauses after a long step, and not again after steps that take no time", async () => {
  const { model, optimizer } = slopeAndSGD(1, 0);
  await withClock(async (advance) => {
    const onStep = ({ step }: StepResult): void => advance(step === 3 ? 100 : 0);
    const options = { loss: meanOutput, optimizer, epochs: 40, onStep };
    const turns = await turnsDuring(() => fit(model, [rows(1)], options), () => 0);
    assert(turns.length === 1 || turns.length === 2, `other work ran ${turns.length} times`);
  });
});

test("fit() does not start when the signal has said stop before", async () => {
  const { model, optimizer } = slopeAndSGD(1, 1), signal = AbortSignal.abort();
  model.eval();
  await assertAborts(() =>
    fit(model, [rows(1)], { loss: meanOutput, optimizer, epochs: 1, signal })
  );
  assertEquals([model.weight.item(), model.weight.version, model.training], [1, 0, false]);
});

test("fit() stops between two steps when the signal says so, and nothing is lost", async () => {
  const settings = { learningRate: 0.01, momentum: 0.9 }, epochs = 60, batches = [rows(1, 2)];
  const target: Loss = (y) => mseLoss(y, Tensor.of([[3], [5]]));
  const whole = new Slope(1), wholeSGD = new SGD(whole.parameters(), settings);
  await fit(whole, batches, { loss: target, optimizer: wholeSGD, epochs });

  const model = new Slope(1), optimizer = new SGD(model.parameters(), settings);
  const stop = new AbortController();
  let reported = 0;
  await withClock(async (advance) => {
    const loss: Loss = (y, targets) => {
      if (model.weight.version === 7) setTimeout(() => stop.abort(), 0);
      advance(10);
      return target(y, targets);
    };
    const onEpoch = (): void => void reported++;
    const options = { loss, optimizer, epochs, onEpoch, signal: stop.signal };
    await assertAborts(() => fit(model, batches, options));
  });
  const done = model.weight.version;
  assert(done > 7 && done <= 7 + 5, `${done} of ${epochs} steps`);
  assert(reported === done || reported === done - 1, "the last step was finished");

  await fit(model, batches, { loss: target, optimizer, epochs: epochs - done });
  assertEquals(model.weight.item(), whole.weight.item());
});

test("fit() takes no further step after a callback has said stop", async () => {
  const cases: [name: "onStep" | "onEpoch", steps: number][] = [["onStep", 3], ["onEpoch", 4]];
  for (const [name, steps] of cases) {
    const { model, optimizer } = slopeAndSGD(1, 1), stop = new AbortController();
    const callback = (): void => {
      if (model.weight.version >= 3) stop.abort();
    };
    const options = { loss: meanOutput, optimizer, epochs: 5, signal: stop.signal };
    await assertAborts(() => fit(model, [rows(1), rows(1)], { ...options, [name]: callback }));
    assertEquals(model.weight.version, steps);
  }
});

test("fit() rejects with the signal's own reason", async () => {
  const { model, optimizer } = slopeAndSGD(1, 1);
  const signal = AbortSignal.abort(new EvalError("enough"));
  const error = await assertRejects(
    () => fit(model, [rows(1)], { loss: meanOutput, optimizer, epochs: 1, signal }),
    EvalError,
  );
  assertEquals(error.message, "enough");
});

// ── fit(): what is refused ──

const fitRefusals: [title: string, options: object, batches: number, message: string][] = [
  ...[0, -1, 1.5, NaN, Infinity].flatMap((n): [string, object, number, string][] => [
    [`${n} epochs`, { epochs: n }, 1, `Cannot train for ${n} epochs: ${atLeast1}`],
    [`to accumulate ${n}`, { accumulate: n }, 1, `Cannot accumulate ${n} batches: ${atLeast1}`],
  ]),
  ["no batches", {}, 0, `Cannot train on 0 batches: ${atLeast1}`],
  [
    "an option that it does not know",
    { shedule: constant(1) },
    1,
    "Cannot use the option shedule: fit has none of that name",
  ],
];

for (const [title, wrong, count, message] of fitRefusals) {
  test(`fit() refuses ${title}, and changes nothing`, async () => {
    const { model, optimizer } = slopeAndSGD(1, 1);
    model.eval();
    const options = { loss: meanOutput, optimizer, epochs: 1, ...wrong };
    const batches = Array.from({ length: count }, () => rows(1));
    await assertRejectsWith(() => fit(model, batches, options), ValueError, message);
    assertEquals([model.weight.item(), model.weight.version, model.training], [1, 0, false]);
    assertEquals([model.weight.grad, optimizer.learningRate], [null, 1]);
  });
}

for (const maxNorm of [-1, NaN]) {
  test(`fit() refuses to clip to ${maxNorm}, and takes no step`, async () => {
    const { model, optimizer } = slopeAndSGD(1, 1);
    await assertRejectsWith(
      () => fit(model, [rows(1)], { loss: meanOutput, optimizer, epochs: 1, maxNorm }),
      ValueError,
      `Cannot clip gradients to ${maxNorm}: ${atLeast0}`,
    );
    assertEquals([model.weight.item(), model.weight.version], [1, 0]);
  });
}

test("fit() refuses batches that can be walked only once", async () => {
  const { model, optimizer } = slopeAndSGD(1, 1), once = [rows(1)].values();
  const batches: Batches = { length: 1, [Symbol.iterator]: () => once };
  const epochs: number[] = [], onEpoch = ({ epoch }: EpochResult): void => void epochs.push(epoch);
  await assertRejectsWith(
    () => fit(model, batches, { loss: meanOutput, optimizer, epochs: 2, onEpoch }),
    ValueError,
    "Cannot train in epoch 2: no batches came",
  );
  assertEquals(epochs, [1]);
});

for (const value of [NaN, Infinity, -Infinity]) {
  test(`fit() refuses to go on with a loss of ${value}`, async () => {
    const { model, optimizer } = slopeAndSGD(1, 0), reported: number[] = [], steps: number[] = [];
    await assertRejectsWith(
      () =>
        fit(model, [rows(1), rows(1)], {
          loss: (y) => y.mean().mul(model.weight.version === 3 ? value : 1),
          optimizer,
          epochs: 4,
          onStep: ({ step }) => steps.push(step),
          onEpoch: ({ epoch }) => void reported.push(epoch),
        }),
      ValueError,
      `Cannot go on training: in epoch 2 the loss is ${value}`,
      "is the learning rate too large, or an input not a number?",
    );
    assertEquals([reported, steps], [[1], [1, 2, 3]]);
  });
}

test("fit() leaves the weights from before a loss that is not a number", async () => {
  for (const accumulate of [1, 2]) {
    const { model, optimizer } = slopeAndSGD(1, 0.5);
    const batches = [rows(1), rows(1), rows(1), rows(NaN)];
    await assertRejects(
      () => fit(model, batches, { loss: meanOutput, optimizer, epochs: 1, accumulate }),
      ValueError,
    );
    const steps = accumulate === 1 ? 3 : 1;
    assertEquals([model.weight.item(), model.weight.version], [1 - 0.5 * steps, steps]);
  }
});

for (const rate of [-1, NaN, Infinity]) {
  test(`fit() takes no step with a rate of ${rate} from the schedule`, async () => {
    const { model, optimizer } = slopeAndSGD(1, 0.5);
    await assertRejectsWith(
      () => fit(model, [rows(1)], { loss: meanOutput, optimizer, epochs: 1, schedule: () => rate }),
      ValueError,
      `Cannot set learningRate to ${rate}: ${atLeast0}`,
    );
    assertEquals([model.weight.version, optimizer.learningRate], [0, 0.5]);
  });
}

// ── accuracy() and confusionMatrix() ──

const judged: [predictions: number[], labels: number[], accuracy: number, counts: number[][]][] = [
  [[0], [0], 1, [[1, 0, 0], [0, 0, 0], [0, 0, 0]]],
  [[2], [0], 0, [[0, 0, 1], [0, 0, 0], [0, 0, 0]]],
  [[0, 1, 2, 2], [0, 1, 2, 1], 0.75, [[1, 0, 0], [0, 1, 1], [0, 0, 1]]],
  [[1, 1, 1, 0], [2, 2, 2, 2], 0, [[0, 0, 0], [0, 0, 0], [1, 3, 0]]],
];

for (const [predictions, labels, part, counts] of judged) {
  test(`accuracy() and confusionMatrix() of ${predictions} for ${labels}`, () => {
    const pair = [Int32Array.from(predictions), Int32Array.from(labels)] as const;
    assertEquals(accuracy(...pair), part);
    const matrix = confusionMatrix(...pair, 3);
    assertEquals([matrix.toArray(), matrix.dtype], [counts, "float32"]);
    assertEquals([[...pair[0]], [...pair[1]]], [predictions, labels]);
  });
}

test("accuracy() and confusionMatrix() take as many examples as there are", () => {
  const many = 300_000,
    predictions = new Int32Array(many),
    labels = new Int32Array(many).fill(1, 3);
  assertEquals(accuracy(predictions, labels), 3 / many);
  assertEquals(confusionMatrix(predictions, labels, 2).toArray(), [[3, 0], [many - 3, 0]]);
});

for (const [predictions, labels] of [[2, 3], [3, 2], [0, 0], [0, 1], [1, 0]]) {
  test(`accuracy() and confusionMatrix() refuse ${predictions} for ${labels}`, () => {
    const pair = [new Int32Array(predictions), new Int32Array(labels)] as const;
    const message = `Cannot compare ${predictions} predictions with ${labels} labels: ` +
      "there must be one for each, and at least one";
    assertRefuses(() => accuracy(...pair), ValueError, message);
    assertRefuses(() => confusionMatrix(...pair, 3), ValueError, message);
  });
}

for (const wrong of [-1, 2, 100]) {
  test(`confusionMatrix() refuses the class ${wrong} of 2`, () => {
    const message = `Cannot count class ${wrong}: classes go from 0 to 1`;
    const right = Int32Array.of(0, 1), bad = Int32Array.of(1, wrong);
    assertRefuses(() => confusionMatrix(bad, right, 2), ValueError, message);
    assertRefuses(() => confusionMatrix(right, bad, 2), ValueError, message);
  });
}

for (const classes of [0, -1, 1.5, NaN, Infinity]) {
  test(`confusionMatrix() refuses to count ${classes} classes`, () => {
    assertRefuses(
      () => confusionMatrix(Int32Array.of(0), Int32Array.of(0), classes),
      ValueError,
      `Cannot count ${classes} classes: ${atLeast1}`,
    );
  });
}

// ── evaluate() ──

/** A classifier whose scores are its inputs. */
class Scores extends Module {
  readonly head = new Slope(1);
  readonly body = new Slope(1);
  forward(x: Tensor): Tensor {
    return this.head.forward(x);
  }
}

test("evaluate() counts what is right, and keeps the order of the batches", async () => {
  const batches = [
    scored([[1, 3, 2], [9, 1, 1], [0, 0, 1]], 1, 2, 2), // right, wrong, right
    scored([[4, 4, 1]], 1), // wrong: the first of equals is 0
  ];
  const { accuracy, predictions } = await evaluate(new Scores(), batches, { loss: meanOutput });
  assertEquals(predictions, Int32Array.of(1, 0, 2, 0));
  assertEquals(accuracy, 2 / 4);
});

test("evaluate() means the loss over examples, not batches", async () => {
  const scores = [[2, -1], [0.5, 0], [-3, 1], [1, 1], [0, 4]], labels = [0, 1, 1, 0, 0];
  const surprises = scores.map(([a, b], k) =>
    Math.log(Math.exp(a) + Math.exp(b)) - (labels[k] === 0 ? a : b)
  );
  const expected = surprises.reduce((total, surprise) => total + surprise, 0) / 5;
  for (const sizes of [[5], [4, 1], [1, 2, 2]]) {
    let start = 0;
    const batches = sizes.map((size) => {
      const end = start + size;
      const batch = scored(scores.slice(start, end), ...labels.slice(start, end));
      start = end;
      return batch;
    });
    const { loss, accuracy } = await evaluate(new Scores(), batches, { loss: crossEntropy });
    assertAlmostEquals(loss, expected, 1e-6);
    assertEquals(accuracy, 3 / 5); // right: 0, the first of equals in 3, and 2
  }
});

test("evaluate() takes more rows than a function takes arguments", async () => {
  const count = 300_000,
    batch = { inputs: Tensor.ones([count, 2]), targets: new Int32Array(count) };
  const { predictions, accuracy } = await evaluate(new Flatten(), [batch], { loss: crossEntropy });
  assertEquals([predictions.length, accuracy], [count, 1]);
});

test("evaluate() returns a loss that is not a number", async () => {
  const { loss } = await evaluate(new Scores(), [scored([[NaN, 1]], 1)], { loss: meanOutput });
  assertEquals(loss, NaN);
});

test("evaluate() notes no origins, and switches noting back on", async () => {
  const model = new Scores();
  const loss: Loss = (scores) => {
    assert(!scores.requiresGrad);
    return scores.mean();
  };
  await evaluate(model, [scored([[1, 2]], 1)], { loss });
  assert(model.forward(Tensor.of([1])).requiresGrad);
  assertEquals([model.head.weight.grad, model.head.weight.version], [null, 0]);
});

test("evaluate() runs in evaluation mode, and puts back the mode from before", async () => {
  for (const training of [true, false]) {
    const model = new Scores().train(training), modes: boolean[] = [];
    const loss: Loss = (scores) => {
      modes.push(model.training, model.head.training);
      return scores.mean();
    };
    await evaluate(model, [scored([[1, 2]], 1)], { loss });
    assertEquals(modes, [false, false]);
    assertEquals([model.training, model.head.training], [training, training]);
  }
});

test("evaluate() puts back the mode of a layer that was set apart", async () => {
  const model = new Scores();
  model.body.eval(); // frozen, while the rest is trained
  await evaluate(model, [scored([[1, 2]], 1)], { loss: meanOutput });
  assertEquals([model.training, model.head.training, model.body.training], [true, true, false]);
});

test("evaluate() puts back the mode of a layer that is used twice", async () => {
  const twice = new Slope(1), model = new Sequential(twice, new ReLU(), twice);
  await evaluate(model, [scored([[1, 2]], 1)], { loss: meanOutput });
  assertEquals([model.training, twice.training], [true, true]);
});

test("evaluate() puts the mode back when the loss throws", async () => {
  const model = new Scores();
  const loss: Loss = () => {
    throw new EvalError("no loss");
  };
  const error = await assertRejects(
    () => evaluate(model, [scored([[1, 2]], 1)], { loss }),
    EvalError,
  );
  assertEquals(error.message, "no loss");
  assertEquals([model.training, model.head.training], [true, true]);
  assert(model.forward(Tensor.of([1])).requiresGrad);
});

test("evaluate() gives other work its turn every 50 ms", async () => {
  const batches = Array.from({ length: 40 }, () => scored([[1, 2]], 1));
  await withClock(async (advance) => {
    let spent = 0;
    const loss: Loss = (scores) => {
      advance(10);
      spent += 10;
      return scores.mean();
    };
    const turns = await turnsDuring(() => evaluate(new Scores(), batches, { loss }), () => spent);
    assertEquals(spent, 400);
    assert(longestGap(turns, spent) <= 50, `other work ran after ${turns} ms`);
  });
});

test("evaluate() stops between two batches when the signal says so", async () => {
  const model = new Scores(), stop = new AbortController();
  let seen = 0;
  const loss: Loss = (scores) => {
    if (++seen === 7) stop.abort();
    return scores.mean();
  };
  const batches = Array.from({ length: 60 }, () => scored([[1, 2]], 1));
  await assertAborts(() => evaluate(model, batches, { loss, signal: stop.signal }));
  assertEquals([seen, model.training, model.head.training], [7, true, true]);
});

test("evaluate() does not start when the signal has said stop before", async () => {
  let seen = 0;
  const loss: Loss = (scores) => {
    seen++;
    return scores.mean();
  };
  const model = new Scores(), signal = AbortSignal.abort();
  await assertAborts(() => evaluate(model, [scored([[1, 2]], 1)], { loss, signal }));
  assertEquals([seen, model.training], [0, true]);
});

const evaluateRefusals: [
  title: string,
  batches: Batch[],
  loss: Loss,
  ErrorClass: typeof ValueError | typeof ShapeError,
  message: string,
  hint?: string,
][] = [
  ["no batches", [], meanOutput, ValueError, `Cannot evaluate on 0 batches: ${atLeast1}`],
  [
    "scores without classes",
    [{ inputs: Tensor.of([1, 2]), targets: Int32Array.of(0, 1) }],
    meanOutput,
    ShapeError,
    "Cannot compare scores of shape (2,) with 2 labels: scores must be (B, K), with at least 2 classes",
    "for one score a row, make the targets a tensor, and measure with your own metric",
  ],
  [
    "one score a row for labels",
    [scored([[1], [2]], 0, 0)],
    meanOutput,
    ShapeError,
    "Cannot compare scores of shape (2, 1) with 2 labels: scores must be (B, K), with at least 2 classes",
    "for one score a row, make the targets a tensor, and measure with your own metric",
  ],
  [
    "more labels than rows",
    [scored([[1, 2]], 0, 1)],
    meanOutput,
    ShapeError,
    "Cannot compare scores of shape (1, 2) with 2 labels: there must be one label per row",
  ],
  [
    "a label that is not a class",
    [scored([[1, 2]], 2)],
    meanOutput,
    ValueError,
    "Cannot compare scores of shape (1, 2) with 1 labels: labels go from 0 to 1, one is 2",
  ],
  [
    "a loss for each row",
    [scored([[1, 2], [3, 4]], 0, 1)],
    (scores, labels) => crossEntropy(scores, labels, { reduction: "none" }),
    ShapeError,
    "Cannot take one number out of (2,): it holds 2",
    "reduce it first, with sum() or mean()",
  ],
];

for (const [title, batches, loss, ErrorClass, message, hint] of evaluateRefusals) {
  test(`evaluate() refuses ${title}, and puts the mode back`, async () => {
    const model = new Scores();
    await assertRejectsWith(() => evaluate(model, batches, { loss }), ErrorClass, message, hint);
    assertEquals([model.training, model.head.training], [true, true]);
    assert(model.forward(Tensor.of([1])).requiresGrad);
  });
}

// ── Options that nobody reads ──

test("trainStep() and evaluate() refuse options that they do not know", async () => {
  const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 1 });
  const options = Object.assign({ loss: mseLoss, optimizer }, { maxnorm: 1 });
  const batch = { inputs: Tensor.ones([1, 1]), targets: Tensor.ones([1, 1]) };
  assertRefuses(
    () => trainStep(model, [batch], options),
    ValueError,
    "Cannot use the option maxnorm: trainStep has none of that name",
  );
  const wrong = Object.assign({ loss: crossEntropy }, { batch: 1 });
  const scored = { inputs: Tensor.ones([1, 2]), targets: Int32Array.of(0) };
  const error = await assertRejects(() => evaluate(model, [scored], wrong), ValueError);
  assertEquals(error.message, "Cannot use the option batch: evaluate has none of that name");
  assertEquals([model.weight.item(), model.weight.grad], [1, null]);
});

// ── Found by a second reader ──

// ── A gradient that would spoil the weights ──

/** Two weights; the slope of what is done to the first is not finite. */
class Spoiled extends Module {
  readonly inner = new Sequential(new Linear(2, 1, { generator: new Generator(1), bias: false }));
  readonly other = new Parameter(Tensor.of([5]));
  readonly #spoil: (x: Tensor) => Tensor;

  constructor(spoil: (x: Tensor) => Tensor) {
    super();
    this.#spoil = spoil;
    this.inner.parameters()[0].write((w) => w.fill(0));
  }

  forward(x: Tensor): Tensor {
    return this.#spoil(this.inner.forward(x)).sum().add(this.other.mul(this.other).sum());
  }
}

const spoiling: readonly [what: string, spoil: (x: Tensor) => Tensor, found: string][] = [
  ["a root of a square", (x) => x.mul(x).sqrt(), "NaN"],
  ["a root at 0", (x) => x.sqrt(), "Infinity"],
  ["the negative of a root at 0", (x) => x.sqrt().neg(), "-Infinity"],
  ["a power below 1 at 0", (x) => x.pow(0.5), "Infinity"],
  ["0 times a root at 0", (x) => x.sqrt().mul(0), "NaN"],
  ["a length at 0", (x) => x.mul(x).sum().sqrt(), "NaN"],
  ["a slope beyond float32", (x) => x.mul(1e30).mul(1e30), "Infinity"],
  ["a root of one of two, and the other", (x) => x.sqrt().add(x), "Infinity"],
];
for (const [what, spoil, found] of spoiling) {
  for (const maxNorm of [undefined, 1]) {
    const clipped = maxNorm ? ", clipped" : "";
    test(`a step leaves all weights, and names the one with a gradient of ${what}${clipped}`, async () => {
      for (const Kind of [SGD, Adam, AdamW]) {
        const model = new Spoiled(spoil);
        const optimizer = new Kind(model.parameters(), { learningRate: 0.1 });
        const before = optimizer.stateDict();
        const options = { loss: (y: Tensor) => y, optimizer, maxNorm, epochs: 1 };
        const batch = { inputs: Tensor.ones([1, 2]), targets: null };
        const error = await assertRejects(() => fit(model, [batch], options), ValueError);
        // Clipping spreads one NaN to all gradients, and makes 0 and NaN of ∞: the hint says so.
        const name = maxNorm ? "(?:inner.layers.0.weight|other)" : "inner.layers.0.weight";
        const says = `^Cannot step ${name} \\(.*\\): number 0 of its gradient is ${
          maxNorm ? "NaN" : found
        }$`;
        assertMatch(error.message, RegExp(says));
        assertEquals(model.parameters().map((w) => w.toArray()), [[5], [[0, 0]]]);
        assertEquals(optimizer.stateDict(), before);
      }
    });
  }
}

test("step() goes through when no gradient is beyond all bounds, however large", () => {
  for (const value of [3e38, -3e38, 1e-45, 0]) {
    const w = new Parameter(Tensor.of([1]));
    w.grad = Tensor.of([value]);
    new SGD([w], { learningRate: 1e-38 }).step();
    assertEquals(Number.isFinite(w.item()), true);
  }
});

// ── A first step that would learn nothing ──

const starts: readonly [what: string, schedule: Schedule, rates: readonly number[]][] = [
  ["a warm-up", warmup(constant(0.8), 0.5), [0.2, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8]],
  ["a short warm-up", warmup(constant(0.8), 0.25), [0.4, 0.4, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]],
  ["a warm-up of one step", warmup(constant(0.8), 0.125), [...new Array<number>(8).fill(0.8)]],
  ["a triangle from 0", triangular(0, 0.8), [0.2, 0.2, 0.4, 0.6, 0.8, 0.6, 0.4, 0.2]],
  ["a triangle from above 0", triangular(0.4, 0.8), [0.4, 0.5, 0.6, 0.7, 0.8, 0.7, 0.6, 0.5]],
  ["two triangles from 0", triangular(0, 0.8, 2), [0.4, 0.4, 0.8, 0.4, 0, 0.4, 0.8, 0.4]],
  ["a rate of 0 all along", constant(0), [...new Array<number>(8).fill(0)]],
  ["a rate that does not change", constant(0.5), [...new Array<number>(8).fill(0.5)]],
  ["a function of one's own", (progress) => progress, [1, 1, 2, 3, 4, 5, 6, 7].map((k) => k / 8)],
];
for (const [what, schedule, rates] of starts) {
  test(`fit() begins with a rate above 0 if there is one: ${what}`, async () => {
    const { model, optimizer } = slopeAndSGD(1, 1), found: number[] = [];
    const onStep = ({ learningRate }: StepResult): number => found.push(learningRate);
    const options = { loss: meanOutput, optimizer, schedule, epochs: 2, onStep };
    await fit(model, [1, 2, 3, 4].map((n) => rows(n)), options);
    assertEquals(found.map((rate) => Math.round(rate * 1e6) / 1e6), rates);
  });
}

test("two evaluations at once both run in evaluation mode, and put the mode back", async () => {
  const modes: boolean[] = [];
  class Watched extends Module {
    forward(x: Tensor): Tensor {
      modes.push(this.training);
      for (const until = performance.now() + 1; performance.now() < until;); // so that it breathes
      return x;
    }
  }
  const model = new Watched();
  const batch = { inputs: Tensor.ones([1, 2]), targets: Int32Array.of(0) };
  const batches = Array.from({ length: 60 }, () => batch);
  const run = (): Promise<unknown> => evaluate(model, batches, { loss: crossEntropy });
  await Promise.all([run(), run()]);
  assertEquals(modes, modes.map(() => false));
  assert(model.training);
});

test("step() refuses an option that it does not know", () => {
  const options = Object.assign({ every: 0.5 }, { facter: 0.2 });
  assertRefuses(
    () => step(1, options),
    ValueError,
    "Cannot use the option facter: step has none of that name",
  );
});
