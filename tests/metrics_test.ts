/**
 * What trainStep(), fit() and evaluate() measure besides the loss: each example counts the same,
 * numbers are read before the step is over, and what cannot be measured is refused in a sentence.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Flatten, Linear, Module, Parameter, Sequential } from "#layers";
import { binaryCrossEntropy, crossEntropy, mseLoss } from "#losses";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import { setKernels, ShapeError, Tensor, ValueError } from "#tensor";
import {
  accuracyMetric,
  type Batch,
  type Batches,
  confusion,
  type EpochResult,
  evaluate,
  fit,
  type FitProgress,
  type Loss,
  type Measured,
  type Metric,
  topK,
  trainStep,
} from "#training";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import * as kindling from "../mod.ts";

// ── Help ──

/** Scores are the inputs, times a weight of 1 that a step may move. */
class Scores extends Module {
  readonly weight = new Parameter(Tensor.ones([]));
  forward(x: Tensor): Tensor {
    return x.mul(this.weight);
  }
}

/** Scores and labels. */
function scored(scores: number[][], ...labels: number[]): Batch {
  return { inputs: Tensor.of(scores), targets: Int32Array.from(labels) };
}

/** One score a row, and numbers that it should be. */
function pairs(scores: number[], targets: number[]): Batch<Tensor> {
  const column = (values: number[]): Tensor => Tensor.of(values.map((value) => [value]));
  return { inputs: column(scores), targets: column(targets) };
}

/** A model whose scores are its inputs, and an optimizer that moves nothing. */
function still(): { model: Scores; optimizer: SGD } {
  const model = new Scores();
  return { model, optimizer: new SGD(model.parameters(), { learningRate: 0 }) };
}

/** The mean of the first scores: a metric that is easy to know. */
function first(scores: Tensor): number {
  return scores.slice(null, [0, 1]).mean().item();
}

const yes = [1, 0], no = [0, 1];
/** 7 examples of class 0, 6 of them found, and 2 that are not: 6 of 9. */
const sevenAndTwo = [
  scored([yes, yes, yes, yes, yes, yes, no], 0, 0, 0, 0, 0, 0, 0),
  scored([no, no], 0, 0),
];

/** The refusal of a promise: class, message and hint. */
async function refusalOf(body: () => Promise<unknown>): Promise<unknown[]> {
  const error = await assertRejects(body, Error);
  const { name, message, hint }: Error & { hint?: string } = error;
  return [name, message, hint];
}

// ── Each example counts the same ──

test("evaluate() weighs batches of 7 and 2 examples 7 to 2, in numbers and in tensors", async () => {
  const metrics = { accuracy: accuracyMetric, counts: confusion(2), first };
  const found = await evaluate(new Flatten(), sevenAndTwo, { loss: crossEntropy, metrics });
  assertAlmostEquals(found.accuracy, 6 / 9, 1e-12);
  assertEquals(found.counts.toArray(), [[6, 3], [0, 0]]);
  assertAlmostEquals(found.first, 6 / 9, 1e-7);
});

test("evaluate() adds tensors up in float64, so that no small number is lost", async () => {
  const parts = [1, 2 ** -40], metrics = { part: () => Tensor.of([parts.shift() ?? 0]) };
  const { part } = await evaluate(new Flatten(), sevenAndTwo, { loss: crossEntropy, metrics });
  assertEquals([part.toArray(), part.dtype], [[1 + 2 ** -40], "float64"]);
});

test("trainStep() measures all of its batches as one", () => {
  const { model, optimizer } = still();
  const metrics = { right: accuracyMetric, counts: confusion(2) };
  const options = { loss: crossEntropy, optimizer, metrics };
  const { loss, right, counts } = trainStep(model, sevenAndTwo, options);
  assertAlmostEquals(right, 6 / 9, 1e-12);
  assertEquals(counts.toArray(), [[6, 3], [0, 0]]);
  assertEquals(loss, trainStep(model, sevenAndTwo, { loss: crossEntropy, optimizer }));
});

test("fit() measures each epoch by itself, whatever the steps were", async () => {
  for (const accumulate of [1, 2]) {
    const metrics = { right: accuracyMetric, counts: confusion(2) };
    const options = { loss: crossEntropy, ...still(), epochs: 2, accumulate, metrics };
    const { model, ...rest } = options;
    const history = await fit(model, sevenAndTwo, rest);
    assertEquals(history.length, 2);
    for (const { right, counts } of history) {
      assertAlmostEquals(right, 6 / 9, 1e-12);
      assertEquals(counts.toArray(), [[6, 3], [0, 0]]);
    }
  }
});

test("fit() gives onStep the metrics of the epoch so far, and onEpoch those of the whole", async () => {
  const { model, optimizer } = still(), steps: number[] = [], epochs: number[] = [];
  const metrics = { right: accuracyMetric };
  const history = await fit(model, sevenAndTwo, {
    loss: crossEntropy,
    optimizer,
    epochs: 2,
    metrics,
    onStep: ({ right }) => steps.push(right),
    onEpoch: ({ right }) => void epochs.push(right),
  });
  assertEquals(steps, [6 / 7, 6 / 9, 6 / 7, 6 / 9]);
  assertEquals(epochs, [6 / 9, 6 / 9]);
  assertEquals(history.map(({ right }) => right), epochs);
});

test("fit() measures each example before the step that learns from it", async () => {
  // scores w·x with w = 1, then 1 − 2·1 = −1 after the slope of the mean, 1
  const model = new Scores(), optimizer = new SGD(model.parameters(), { learningRate: 2 });
  const loss = (scores: Tensor): Tensor => scores.mean();
  const score = (scores: Tensor): number => scores.item();
  const batches = [pairs([1], [0]), pairs([1], [0])];
  const [{ score: mean }] = await fit(model, batches, {
    loss,
    optimizer,
    epochs: 1,
    metrics: { score },
  });
  assertEquals(mean, (1 + -1) / 2);
});

test("fit() goes on in the middle of an epoch as if it had never stopped, metrics too", async () => {
  const metrics = { first, counts: confusion(2) };
  const batches = [...sevenAndTwo, scored([[0.1, 0.3]], 1)];
  const whole = still();
  const common = { loss: crossEntropy, epochs: 2, metrics };
  const history = await fit(whole.model, batches, { ...common, optimizer: whole.optimizer });
  for (const last of [1, 2, 4, 5]) {
    const { model, optimizer } = still(), stop = new AbortController();
    let from: FitProgress = { step: 0, total: 0, examples: 0 };
    const seen: EpochResult[] = [];
    await assertRejects(() =>
      fit(model, batches, {
        ...common,
        optimizer,
        signal: stop.signal,
        onStep: ({ progress }) => {
          from = JSON.parse(JSON.stringify(progress)); // as a checkpoint keeps it
          if (progress.step === last) stop.abort();
        },
        onEpoch: (result) => void seen.push(result),
      })
    );
    const rest = batches.slice(last % 3); // what a restored loader deals out first
    const loader: Batches = {
      length: 3,
      [Symbol.iterator]: () => (rest.length ? rest.splice(0) : batches).values(),
    };
    seen.push(...await fit(model, loader, { ...common, optimizer, from }));
    assertEquals(seen, history);
  }
});

test("fit() forgets the sums of an epoch that is over", async () => {
  const { model, optimizer } = still(), seen: FitProgress[] = [];
  const common = { loss: crossEntropy, optimizer, metrics: { first } };
  const onStep = ({ progress }: { progress: FitProgress }): void => void seen.push(progress);
  await fit(model, [sevenAndTwo[0]], { ...common, epochs: 1, onStep });
  const from = { ...seen[0], total: 0, examples: 0 }; // as after an epoch, in a checkpoint
  const [result] = await fit(model, [sevenAndTwo[1]], { ...common, epochs: 2, from });
  assertEquals(result.first, 0);
});

test("fit() refuses to measure from the middle of an epoch without the sums so far", async () => {
  const { model, optimizer } = still(), from = { step: 1, total: 2, examples: 7 };
  const options = { loss: crossEntropy, optimizer, epochs: 1, metrics: { first }, from };
  assertEquals(await refusalOf(() => fit(model, sevenAndTwo, options)), [
    "ValueError",
    "Cannot measure first from the middle of an epoch: its sum so far is missing",
    "go on from an onStep() of a run with the same metrics, or from a whole epoch",
  ]);
});

test("a metric that was measured before, and is not asked for now, is not in the result", async () => {
  const { model, optimizer } = still(), seen: FitProgress[] = [];
  const common = { loss: crossEntropy, optimizer, epochs: 1 };
  const onStep = ({ progress }: { progress: FitProgress }): void => void seen.push(progress);
  await fit(model, sevenAndTwo, { ...common, metrics: { first, right: accuracyMetric }, onStep });
  const loader = { length: 2, [Symbol.iterator]: () => [sevenAndTwo[1]].values() };
  const [result] = await fit(model, loader, { ...common, metrics: { first }, from: seen[0] });
  assertEquals(Object.keys(result).sort(), ["epoch", "first", "learningRate", "loss"]);
  assertAlmostEquals(result.first, 6 / 9, 1e-7);
});

// ── What metrics see ──

test("metrics see the scores and targets of the loss, and record no gradients", () => {
  const { model, optimizer } = still(), seen: unknown[] = [];
  const batch = scored([yes, no], 0, 1);
  const metric: Metric = (scores, targets) => {
    seen.push(scores.toArray(), targets === batch.targets, scores.mul(2).requiresGrad);
    return 0;
  };
  trainStep(model, [batch], { loss: crossEntropy, optimizer, metrics: { metric } });
  assertEquals(seen, [[yes, no], true, false]);
});

test("metrics change nothing of what is learnt", () => {
  const learned = (metrics?: { first: typeof first }): number => {
    const model = new Scores(), optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
    for (let k = 0; k < 5; k++) {
      trainStep(model, sevenAndTwo, { loss: crossEntropy, optimizer, metrics });
    }
    return model.weight.item();
  };
  assertEquals(learned({ first }), learned());
});

for (const wanted of ["simd", "fast"] as const) {
  test(`metrics are read before the room of a step is used again: ${wanted} kernels`, async () => {
    const run = async (): Promise<unknown> => {
      const generator = new Generator(3);
      const model = new Sequential(new Linear(4, 3, { generator }));
      const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
      const batches = [3, 5, 2].map((rows) => ({
        inputs: Tensor.of(generatedRows(rows, generator)),
        targets: Int32Array.from({ length: rows }, (_, k) => k % 3),
      }));
      const sums = (scores: Tensor): Tensor => scores.argmax(1).sum(0).reshape([1]);
      const metrics = { right: accuracyMetric, top: topK(2), counts: confusion(3), sums };
      const common = { loss: crossEntropy, metrics };
      const history = await fit(model, batches, { ...common, optimizer, epochs: 3 });
      const step = trainStep(model, batches, { ...common, optimizer });
      const tested = await evaluate(model, batches, common);
      return [...history, step, tested].map(({ right, top, counts, sums }) => [
        right,
        top,
        counts.toArray(),
        sums.toArray(),
      ]);
    };
    const expected = await run();
    const { kernels: chosen } = kindling.chooseKernels(kindling, { wanted });
    assert(chosen.name !== "loops", `there are no ${wanted} kernels here`);
    const restore = setKernels(chosen);
    try {
      assertEquals(await run(), expected);
    } finally {
      restore();
    }
  });
}

/** Rows of four numbers, far enough apart that rounding decides nothing. */
function generatedRows(rows: number, generator: Generator): number[][] {
  return Array.from(
    { length: rows },
    () => Array.from({ length: 4 }, () => Math.round(20 * generator.uniform() - 10)),
  );
}

test("evaluate() measures in evaluation mode, and puts the mode back when a metric throws", async () => {
  const model = new Scores();
  const metric: Metric = () => {
    assert(!model.training);
    throw new EvalError("no metric");
  };
  const options = { loss: crossEntropy, metrics: { metric } };
  const error = await assertRejects(() => evaluate(model, sevenAndTwo, options), EvalError);
  assertEquals([error.message, model.training], ["no metric", true]);
});

test("trainStep() and evaluate() return a loss of NaN, whatever the metrics are then", async () => {
  const { model, optimizer } = still(), options = { loss: crossEntropy, metrics: { first } };
  const batch = scored([[NaN, 1]], 1);
  assertEquals(trainStep(model, [batch], { ...options, optimizer }), { loss: NaN, first: NaN });
  const { loss, first: found } = await evaluate(model, [batch], options);
  assertEquals([loss, found], [NaN, NaN]);
  const [, message] = await refusalOf(() =>
    fit(model, [batch], { ...options, optimizer, epochs: 1 })
  );
  assertEquals(message, "Cannot go on training: in epoch 1 the loss is NaN");
});

// ── The metrics that there are ──

const ranked: [scores: number[], label: number, from: number][] = [
  [[3, 2, 1], 0, 1],
  [[3, 2, 1], 1, 2],
  [[3, 2, 1], 2, 3],
  [[2, 2, 2], 0, 1], // of equals, the first is the greater one
  [[2, 2, 2], 1, 2],
  [[2, 2, 2], 2, 3],
  [[1, 5, 5], 2, 2],
  [[NaN, 5, 1], 1, 2], // NaN is beyond every score
  [[NaN, 5, 1], 0, Infinity], // and never found
];
for (const [scores, label, from] of ranked) {
  test(`topK() finds class ${label} of ${scores} from k = ${from} on`, () => {
    const found = [1, 2, 3].map((k) => topK(k)(Tensor.of([scores]), Int32Array.of(label)));
    assertEquals(found, [1, 2, 3].map((k) => k >= from ? 1 : 0));
  });
}

test("topK() is the part of the rows", () => {
  const scores = Tensor.of([[3, 2, 1], [3, 2, 1], [3, 2, 1], [1, 2, 3]]);
  assertEquals(topK(2)(scores, Int32Array.of(0, 1, 2, 2)), 3 / 4);
});

test("accuracyMetric() is topK(1), and the accuracy of evaluate()", async () => {
  const metrics = { metric: accuracyMetric, top: topK(1) };
  const found = await evaluate(new Flatten(), sevenAndTwo, { loss: crossEntropy, metrics });
  assertEquals([found.metric, found.top], [found.accuracy, found.accuracy]);
});

const metricRefusals: [
  title: string,
  body: () => unknown,
  ErrorClass: typeof ValueError | typeof ShapeError,
  message: string,
][] = [
  ...[0, 1.5, NaN].map((k): [string, () => unknown, typeof ValueError, string] => [
    `topK(${k})`,
    () => topK(k),
    ValueError,
    `Cannot name the top ${k} classes: it must be a whole number of at least 1`,
  ]),
  [
    "topK(4) of 3 classes",
    () => topK(4)(Tensor.of([[1, 2, 3]]), Int32Array.of(0)),
    ValueError,
    "Cannot name the top 4 of 3 classes: it must be a finite number from 1 to 3",
  ],
  [
    "confusion(0)",
    () => confusion(0),
    ValueError,
    "Cannot count 0 classes: it must be a whole number of at least 1",
  ],
  [
    "confusion(2) of 3 classes",
    () => confusion(2)(Tensor.of([[1, 2, 3]]), Int32Array.of(0)),
    ValueError,
    "Cannot count class 2: classes go from 0 to 1",
  ],
  ...[-1, 3].flatMap((label) =>
    [accuracyMetric, topK(1), confusion(3)].map((
      metric,
      k,
    ): [string, () => unknown, typeof ValueError, string] => [
      `label ${label} of 3 classes in metric ${k}`,
      () => metric(Tensor.of([[1, 2, 3]]), Int32Array.of(label)),
      ValueError,
      "Cannot compare scores of shape (1, 3) with 1 labels: " +
      `labels go from 0 to 2, one is ${label}`,
    ])
  ),
  [
    "accuracyMetric() of more labels than rows",
    () => accuracyMetric(Tensor.of([[1, 2]]), Int32Array.of(0, 1)),
    ShapeError,
    "Cannot compare scores of shape (1, 2) with 2 labels: there must be one label per row",
  ],
];
for (const [title, body, ErrorClass, message] of metricRefusals) {
  test(`${title} is refused`, () => assertRefuses(body, ErrorClass, message));
}

test("a metric of labels says that a tensor is none", () => {
  const { model, optimizer } = still();
  const options = { loss: mseLoss, optimizer, metrics: { right: accuracyMetric } };
  const batch = { inputs: Tensor.ones([2, 2]), targets: Tensor.ones([2, 2]) };
  assertRefuses(
    // @ts-expect-error: a metric of labels does not take tensors
    () => trainStep(model, [batch], options),
    ShapeError,
    "Cannot compare scores of shape (2, 2) with no labels: there must be one label per row",
  );
});

for (const shape of [[4, 1], [4], [4, 3, 2]]) {
  test(`accuracyMetric() refuses scores of shape ${shape}`, () => {
    assertThrows(
      () => accuracyMetric(Tensor.ones(shape), new Int32Array(4)),
      ShapeError,
      "scores must be (B, K), with at least 2 classes",
    );
  });
}

// ── What cannot be measured ──

const unmeasurable: [title: string, metrics: object, message: string][] = [
  ...["loss", "predictions", "epoch", "step", "learningRate", "progress"].map((
    name,
  ): [string, object, string] => [
    `a metric called ${name}`,
    { [name]: first },
    `Cannot measure ${name}: results have a ${name} already`,
  ]),
  [
    "a metric that is not a function",
    { five: 5 },
    "Cannot measure five: a metric must be a function of scores and targets",
  ],
  [
    "a metric that returns NaN",
    { mine: () => NaN },
    "Cannot measure mine: the metric returned NaN",
  ],
  [
    "a metric that returns NaN in a tensor",
    { mine: () => Tensor.of([1, NaN]) },
    "Cannot measure mine: the metric returned NaN",
  ],
  ...[undefined, null, true, "0.5", [1]].map((value): [string, object, string] => [
    `a metric that returns ${JSON.stringify(value)}`,
    { mine: () => value },
    "Cannot measure mine: a metric must return a number or a tensor, " +
    `this one returned ${value}`,
  ]),
];
for (const [title, metrics, message] of unmeasurable) {
  test(`${title} is refused by trainStep(), fit() and evaluate(), and no step is taken`, async () => {
    const model = new Scores(), optimizer = new SGD(model.parameters(), { learningRate: 1 });
    const options = { loss: crossEntropy, optimizer, metrics } as { loss: Loss; optimizer: SGD };
    const { optimizer: _, ...forEvaluate } = options;
    for (
      const body of [
        async () => await trainStep(model, sevenAndTwo, options),
        () => fit(model, sevenAndTwo, { ...options, epochs: 1 }),
        () => evaluate(model, sevenAndTwo, forEvaluate),
      ]
    ) {
      const [name, found] = await refusalOf(body);
      assertEquals([name, found], ["ValueError", message]);
    }
    assertEquals([model.weight.version, model.training], [0, true]);
  });
}

test("a metric may be called accuracy, and stands in the place of evaluate()'s own", async () => {
  const metrics = { accuracy: () => 0.25 };
  const found = await evaluate(new Flatten(), sevenAndTwo, { loss: crossEntropy, metrics });
  assertEquals([found.accuracy, found.predictions.length], [0.25, 9]);
});

test("a metric must have the same shape in all batches", async () => {
  let rank = 0;
  const cases: [Metric, string][] = [
    [(scores) => scores.sum(1), "Cannot add (2,) to (7,)"],
    [(scores) => rank++ === 0 ? 1 : scores.sum(1), "Cannot add (2,) to a number"],
  ];
  for (const [mine, says] of cases) {
    const options = { loss: crossEntropy, metrics: { mine } };
    assertEquals(await refusalOf(() => evaluate(new Flatten(), sevenAndTwo, options)), [
      "ShapeError",
      `${says}: mine must have the same shape in all batches`,
      undefined,
    ]);
  }
});

test("trainStep(), fit() and evaluate() say when metrics is misspelt", async () => {
  const { model, optimizer } = still(), wrong = { loss: crossEntropy, metric: { first } };
  const bodies: [string, () => Promise<unknown>][] = [
    ["trainStep", async () => await trainStep(model, sevenAndTwo, { ...wrong, optimizer })],
    ["fit", () => fit(model, sevenAndTwo, { ...wrong, optimizer, epochs: 1 })],
    ["evaluate", () => evaluate(model, sevenAndTwo, wrong)],
  ];
  for (const [name, body] of bodies) {
    const [, message] = await refusalOf(body);
    assertEquals(message, `Cannot use the option metric: ${name} has none of that name`);
  }
});

// ── Targets that are not labels ──

test("evaluate() weighs tensors of targets by their rows, and returns loss and metrics", async () => {
  const batches = [pairs([1, 2, 3], [1, 2, 6]), pairs([5], [4])];
  const worst = (y: Tensor, t: Tensor): number => y.sub(t).sum().item() / y.size;
  const found = await evaluate(new Flatten(), batches, { loss: mseLoss, metrics: { worst } });
  assertEquals(found, { loss: (9 + 1) / 4, worst: (-3 + 1) / 4 });
  assertEquals(await evaluate(new Flatten(), batches, { loss: mseLoss }), { loss: 10 / 4 });
});

test("evaluate() takes shares of classes for targets", async () => {
  const inputs = Tensor.of([[1, 0], [0, 1]]), targets = Tensor.of([[1, 0], [0.5, 0.5]]);
  const { loss } = await evaluate(new Flatten(), [{ inputs, targets }], { loss: crossEntropy });
  assertAlmostEquals(loss, crossEntropy(inputs, targets).item(), 1e-7);
});

test("evaluate() of yes or no, one score a row, measures what its metric measures", async () => {
  const batches = [pairs([5, -5, 5], [1, 1, 1]), pairs([-5], [0])];
  const right = (scores: Tensor, targets: Tensor): number =>
    scores.data.filter((score, k) => (score > 0) === (targets.data[k] === 1)).length / scores.size;
  const options = { loss: binaryCrossEntropy, metrics: { right } };
  assertEquals((await evaluate(new Flatten(), batches, options)).right, 3 / 4);
});

for (
  const [inputs, targets, says] of [
    [[2], [2], "scores of shape (2,) against targets of shape (2,)"],
    [[2, 1], [1, 2], "scores of shape (2, 1) against targets of shape (1, 2)"],
    [[2, 1], [], "scores of shape (2, 1) against targets of shape ()"],
  ] as const
) {
  test(`evaluate() refuses ${says} before it asks the loss`, async () => {
    const model = new Scores(),
      batch = { inputs: Tensor.ones(inputs), targets: Tensor.ones(targets) };
    let asked = 0;
    const loss = (y: Tensor): Tensor => {
      asked++;
      return y.mean();
    };
    assertEquals(await refusalOf(() => evaluate(model, [batch], { loss })), [
      "ShapeError",
      `Cannot evaluate ${says}: both must have a row per example, (B, …)`,
      "reshape([-1, 1]) makes one number a row",
    ]);
    assertEquals([asked, model.training], [0, true]);
  });
}

// ── Types ──

test("the type of a result follows from metrics and targets", async () => {
  const { model, optimizer } = still();
  const metrics = { right: accuracyMetric, counts: confusion(2), mine: () => 1 };
  const options = { loss: crossEntropy, optimizer, metrics };
  const plain: number = trainStep(model, sevenAndTwo, { loss: crossEntropy, optimizer });
  const step = trainStep(model, sevenAndTwo, options);
  const tested = await evaluate(model, sevenAndTwo, { loss: crossEntropy, metrics });
  const compared = await evaluate(model, [pairs([1], [1])], { loss: mseLoss });
  const numbers: number[] = [plain, step.loss, step.right, step.mine, tested.accuracy];
  const tensors: Tensor[] = [step.counts, tested.counts];
  const measured: Measured<typeof metrics> = tested;
  // @ts-expect-error: a metric that was not asked for
  assertEquals(measured.other, undefined);
  // @ts-expect-error: there is no accuracy without labels
  assertEquals(compared.accuracy, undefined);
  // @ts-expect-error: nor are there predictions
  assertEquals(compared.predictions, undefined);
  // @ts-expect-error: a metric of labels does not take tensors
  await assertRejects(() => evaluate(model, [pairs([1], [1])], { loss: mseLoss, metrics }));
  assertEquals([numbers.length, tensors.length], [5, 2]);
  const [epoch] = await fit(model, sevenAndTwo, {
    loss: crossEntropy,
    optimizer,
    epochs: 1,
    metrics: { rows: (scores, labels) => scores.shape[0] / labels.length },
    onStep: ({ rows }) => assertEquals<number>(rows, 1),
  });
  assertEquals<number>(epoch.rows, 1);
});
