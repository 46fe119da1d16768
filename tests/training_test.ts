/**
 * Module 07 as a whole: what fit() and evaluate() do, in which order, and when they stop.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { defineOp } from "#autograd";
import { crossEntropy } from "#losses";
import { Linear, Module, Parameter, ReLU, Sequential } from "#layers";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import { Tensor, ValueError } from "#tensor";
import {
  type Batch,
  type Batches,
  cosine,
  type EpochResult,
  evaluate,
  fit,
  type Loss,
} from "#training";
import { test } from "./kit/register.ts";

// ── Help ──

/** y = w·x with one number w; says what it does. */
class Slope extends Module {
  readonly weight: Parameter;
  constructor(weight: number, readonly say: (event: string) => void = () => {}) {
    super();
    this.weight = new Parameter(Tensor.of(weight));
  }
  forward(x: Tensor): Tensor {
    this.say("forward");
    return x.mul(this.weight);
  }
}

/** An SGD that says when it steps. */
class SpokenSGD extends SGD {
  constructor(model: Module, learningRate: number, readonly say: (event: string) => void) {
    super(model.parameters(), { learningRate });
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

function squaredError(y: Tensor, target: Tensor): Tensor {
  return y.sub(target).mul(y.sub(target)).mean();
}

/** A batch of rows of one number. */
function rows(...values: number[]): Batch {
  return { inputs: Tensor.of(values.map((v) => [v])), targets: new Int32Array(values.length) };
}

/** Scores and labels. */
function scored(scores: number[][], ...labels: number[]): Batch {
  return { inputs: Tensor.of(scores), targets: Int32Array.from(labels) };
}

/** Keeps the processor busy, as a large model would. */
function work(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Counts how often a timer gets its turn while something runs. */
async function turnsDuring(body: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  try {
    await body();
  } finally {
    clearInterval(timer);
  }
  return turns;
}

async function expectValueError(
  body: () => Promise<unknown>,
  message: string,
  hint?: string,
): Promise<void> {
  const error = await assertRejects(body, ValueError);
  assertInstanceOf(error, RangeError);
  assertEquals([error.name, error.message, error.hint], ["ValueError", message, hint]);
}

async function expectAbortError(body: () => Promise<unknown>): Promise<void> {
  const error = await assertRejects(body, DOMException);
  assertEquals(error.name, "AbortError");
}

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
      return 0;
    },
    onEpoch: ({ epoch }) => say(`epoch ${epoch}`),
  });
  const step = ["forward", "loss", "backward", "step"];
  assertEquals(
    events,
    [
      ["schedule 0", ...step, "schedule 0.25", ...step, "epoch 1"],
      ["schedule 0.5", ...step, "schedule 0.75", ...step, "epoch 2"],
    ].flat(),
  );
});

test("fit() moves the weights as worked out by hand", async () => {
  // L = w·x with x = 1, 2: slopes 1, 2, so that an epoch takes 0.5 + 1 off w
  const model = new Slope(4);
  const history = await fit(model, [rows(1), rows(2)], {
    loss: meanOutput,
    optimizer: new SGD(model.parameters(), { learningRate: 0.5 }),
    epochs: 2,
  });
  assertEquals(model.weight.item(), 1);
  assertEquals(history, [
    { epoch: 1, loss: (4 + 3.5 * 2) / 2, learningRate: 0.5 },
    { epoch: 2, loss: (2.5 + 2 * 2) / 2, learningRate: 0.5 },
  ]);
});

test("fit() gives each example the same weight in an epoch's loss", async () => {
  const model = new Slope(1);
  const [{ loss }] = await fit(model, [rows(1, 2, 3, 6), rows(8)], {
    loss: meanOutput,
    optimizer: new SGD(model.parameters(), { learningRate: 0 }),
    epochs: 1,
  });
  assertEquals(loss, (1 + 2 + 3 + 6 + 8) / 5); // the mean of the batches' means would be 5.5
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
  const model = new Slope(0), optimizer = new SGD(model.parameters(), { learningRate: 0.125 });
  const [{ learningRate }] = await fit(model, [rows(1)], {
    loss: meanOutput,
    optimizer,
    epochs: 1,
  });
  assertEquals([learningRate, optimizer.learningRate], [0.125, 0.125]);
});

test("fit() gives onEpoch each result at once, and all of them in the end", async () => {
  const model = new Slope(1), seen: EpochResult[] = [];
  const history = await fit(model, [rows(1)], {
    loss: meanOutput,
    optimizer: new SGD(model.parameters(), { learningRate: 1 }),
    epochs: 3,
    onEpoch: (result) => {
      seen.push(result);
      assertEquals([result.epoch, result.loss], [seen.length, model.weight.item() + 1]);
    },
  });
  assertEquals(seen.length, 3);
  assertEquals(history, seen);
});

test("fit() walks the batches anew in each epoch", async () => {
  const model = new Slope(0), walks: number[] = [];
  const batches: Batches = {
    length: 1,
    *[Symbol.iterator](): Iterator<Batch> {
      walks.push(walks.length + 1);
      yield rows(walks.length);
    },
  };
  await fit(model, batches, {
    loss: meanOutput,
    optimizer: new SGD(model.parameters(), { learningRate: 1 }),
    epochs: 3,
  });
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
    loss: squaredError,
    optimizer: new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9 }),
    epochs: 500,
  });
  assertLess(history[499].loss, 1e-9);
  assertAlmostEquals(model.weight.item(), 2, 1e-4);
  assertAlmostEquals(model.bias!.item(), 1, 1e-4);
});

// ── fit(): other work, and stopping ──

test("fit() lets timers have their turn while it trains", async () => {
  const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 0 });
  let steps = 0;
  const turns = await turnsDuring(() =>
    fit(model, [rows(1)], {
      loss: (y) => {
        work(10);
        steps++;
        return y.mean();
      },
      optimizer,
      epochs: 40,
    })
  );
  assertEquals(steps, 40);
  assertGreater(turns, 3); // 400 ms and more, with a pause at least every 50 ms
});

test("fit() lets timers have their turn in the middle of an epoch, too", async () => {
  const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 0 });
  const batches = Array.from({ length: 40 }, () => rows(1));
  const turns = await turnsDuring(() =>
    fit(model, batches, {
      loss: (y) => {
        work(10);
        return y.mean();
      },
      optimizer,
      epochs: 1,
    })
  );
  assertGreater(turns, 3);
});

test("fit() does not start when the signal has said stop before", async () => {
  const model = new Slope(1).eval();
  const optimizer = new SGD(model.parameters(), { learningRate: 1 });
  await expectAbortError(() =>
    fit(model, [rows(1)], {
      loss: meanOutput,
      optimizer,
      epochs: 1,
      signal: AbortSignal.abort(),
    })
  );
  assertEquals([model.weight.item(), model.weight.version, model.training], [1, 0, false]);
});

test("fit() stops between two steps when the signal says so, and nothing is lost", async () => {
  const settings = { learningRate: 0.01, momentum: 0.9 }, epochs = 60, batches = [rows(1, 2)];
  const target: Loss = (y) => squaredError(y, Tensor.of([[3], [5]]));
  const whole = new Slope(1), wholeSGD = new SGD(whole.parameters(), settings);
  await fit(whole, batches, { loss: target, optimizer: wholeSGD, epochs });

  const model = new Slope(1), optimizer = new SGD(model.parameters(), settings);
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), 30);
  let reported = 0;
  await expectAbortError(() =>
    fit(model, batches, {
      loss: (y, targets) => {
        work(10);
        return target(y, targets);
      },
      optimizer,
      epochs,
      onEpoch: () => reported++,
      signal: stop.signal,
    })
  );
  clearTimeout(timer);
  const done = model.weight.version;
  assert(done > 0 && done < epochs, `${done} of ${epochs} steps`);
  assert(reported === done || reported === done - 1, "the last step was finished");

  await fit(model, batches, { loss: target, optimizer, epochs: epochs - done });
  assertEquals(model.weight.item(), whole.weight.item());
});

test("fit() takes no further step after onEpoch has said stop", async () => {
  const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 1 });
  const stop = new AbortController();
  await expectAbortError(() =>
    fit(model, [rows(1), rows(1)], {
      loss: meanOutput,
      optimizer,
      epochs: 5,
      onEpoch: ({ epoch }) => {
        if (epoch === 2) stop.abort();
      },
      signal: stop.signal,
    })
  );
  assertEquals(model.weight.version, 4);
});

test("fit() rejects with the signal's own reason", async () => {
  const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 1 });
  const signal = AbortSignal.abort(new RangeError("enough"));
  const error = await assertRejects(
    () => fit(model, [rows(1)], { loss: meanOutput, optimizer, epochs: 1, signal }),
    RangeError,
  );
  assertEquals(error.message, "enough");
});

// ── fit(): what is refused ──

for (const [epochs, count] of [[0, 1], [-1, 1], [1.5, 1], [NaN, 1], [1, 0]]) {
  test(`fit() refuses ${epochs} epochs of ${count} batches`, async () => {
    const model = new Slope(1).eval();
    const optimizer = new SGD(model.parameters(), { learningRate: 1 });
    await expectValueError(
      () => fit(model, Array(count).fill(rows(1)), { loss: meanOutput, optimizer, epochs }),
      `Cannot train for ${epochs} epochs of ${count} batches: ` +
        "both must be whole numbers of at least 1",
    );
    assertEquals([model.weight.item(), model.weight.version, model.training], [1, 0, false]);
  });
}

for (const [value, shown] of [[NaN, "NaN"], [Infinity, "Infinity"], [-Infinity, "-Infinity"]]) {
  test(`fit() refuses to go on with a loss of ${shown}`, async () => {
    const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 0 });
    const reported: number[] = [];
    await expectValueError(
      () =>
        fit(model, [rows(1), rows(1)], {
          loss: (y) => y.mean().mul(model.weight.version === 3 ? Number(value) : 1),
          optimizer,
          epochs: 4,
          onEpoch: ({ epoch }) => reported.push(epoch),
        }),
      `Cannot go on training: in epoch 2 the loss is ${shown}`,
      "is the learning rate too large, or an input not a number?",
    );
    assertEquals(reported, [1]);
  });
}

test("fit() leaves the weights from before a loss that is not a number", async () => {
  const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 0.5 });
  await assertRejects(
    () => fit(model, [rows(1), rows(NaN)], { loss: meanOutput, optimizer, epochs: 1 }),
    ValueError,
  );
  assertEquals([model.weight.item(), model.weight.version], [0.5, 1]);
});

test("fit() takes no step with a rate that the schedule should not have given", async () => {
  const model = new Slope(1), optimizer = new SGD(model.parameters(), { learningRate: 0.5 });
  const error = await assertRejects(
    () => fit(model, [rows(1)], { loss: meanOutput, optimizer, epochs: 1, schedule: () => -1 }),
    ValueError,
  );
  assertEquals(
    error.message,
    "Cannot set learningRate to -1: it must be a finite number of at least 0",
  );
  assertEquals([model.weight.version, optimizer.learningRate], [0, 0.5]);
});

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
  const { accuracy, predictions } = await evaluate(new Scores(), batches, meanOutput);
  assertEquals([...predictions], [1, 0, 2, 0]);
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
    const { loss, accuracy } = await evaluate(new Scores(), batches, crossEntropy);
    assertAlmostEquals(loss, expected, 1e-6);
    assertEquals(accuracy, 3 / 5); // right: 0, the first of equals in 3, and 2
  }
});

test("evaluate() notes no origins, and switches noting back on", async () => {
  const model = new Scores();
  const loss: Loss = (scores) => {
    assert(!scores.requiresGrad);
    return scores.mean();
  };
  await evaluate(model, [scored([[1, 2]], 1)], loss);
  assert(model.forward(Tensor.of([1])).requiresGrad);
  assertEquals(model.head.weight.grad, null);
});

test("evaluate() runs in evaluation mode, and puts back the mode from before", async () => {
  for (const training of [true, false]) {
    const model = new Scores().train(training), modes: boolean[] = [];
    const loss: Loss = (scores) => {
      modes.push(model.training, model.head.training);
      return scores.mean();
    };
    await evaluate(model, [scored([[1, 2]], 1)], loss);
    assertEquals(modes, [false, false]);
    assertEquals([model.training, model.head.training], [training, training]);
  }
});

test("evaluate() puts back the mode of a layer that was set apart", async () => {
  const model = new Scores();
  model.body.eval(); // frozen, while the rest is trained
  await evaluate(model, [scored([[1, 2]], 1)], meanOutput);
  assertEquals([model.training, model.head.training, model.body.training], [true, true, false]);
});

test("evaluate() puts back the mode of a layer that is used twice", async () => {
  const twice = new Slope(1), model = new Sequential(twice, new ReLU(), twice);
  await evaluate(model, [scored([[1, 2]], 1)], meanOutput);
  assertEquals([model.training, twice.training], [true, true]);
});

test("evaluate() puts the mode back when the loss throws", async () => {
  const model = new Scores();
  const error = await assertRejects(
    () =>
      evaluate(model, [scored([[1, 2]], 1)], () => {
        throw new RangeError("no loss");
      }),
    RangeError,
  );
  assertEquals(error.message, "no loss");
  assertEquals([model.training, model.head.training], [true, true]);
  assert(model.forward(Tensor.of([1])).requiresGrad);
});

test("evaluate() lets timers have their turn", async () => {
  const batches = Array.from({ length: 40 }, () => scored([[1, 2]], 1));
  const loss: Loss = (scores) => {
    work(10);
    return scores.mean();
  };
  assertGreater(await turnsDuring(() => evaluate(new Scores(), batches, loss)), 3);
});

test("evaluate() stops between two batches when the signal says so", async () => {
  const model = new Scores(), stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), 30);
  let seen = 0;
  const loss: Loss = (scores) => {
    work(10);
    seen++;
    return scores.mean();
  };
  const batches = Array.from({ length: 60 }, () => scored([[1, 2]], 1));
  await expectAbortError(() => evaluate(model, batches, loss, stop.signal));
  clearTimeout(timer);
  assert(seen > 0 && seen < 60, `${seen} of 60 batches`);
  assertEquals([model.training, model.head.training], [true, true]);
});

test("evaluate() does not start when the signal has said stop before", async () => {
  let seen = 0;
  const loss: Loss = (scores) => {
    seen++;
    return scores.mean();
  };
  await expectAbortError(() =>
    evaluate(new Scores(), [scored([[1, 2]], 1)], loss, AbortSignal.abort())
  );
  assertEquals(seen, 0);
});

test("evaluate() refuses to mean over nothing", async () => {
  await expectValueError(
    () => evaluate(new Scores(), [], meanOutput),
    "Cannot evaluate on 0 batches: there must be at least 1",
  );
});

// ── cosine() ──

const third = 1 / 3;

for (
  const [from, to, progress, expected] of [
    // cos 0, π/4, π/3, π/2, 2π/3, 3π/4, π are 1, √½, ½, 0, −½, −√½, −1
    [0.1, 0, 0, 0.1],
    [0.1, 0, 0.25, 0.05 * (1 + Math.SQRT1_2)],
    [0.1, 0, third, 0.075],
    [0.1, 0, 0.5, 0.05],
    [0.1, 0, 2 * third, 0.025],
    [0.1, 0, 0.75, 0.05 * (1 - Math.SQRT1_2)],
    [0.1, 0, 1, 0],
    [3, 1, third, 2.5],
    [3, 1, 1, 1],
    [1, 3, 0.5, 2],
    [1, 3, 1, 3],
    [0, 0, 0.5, 0],
  ]
) {
  test(`cosine(${from}, ${to}) gives ${expected.toFixed(4)} at ${progress.toFixed(2)}`, () => {
    assertAlmostEquals(cosine(from, to)(progress), expected, 1e-12);
  });
}

for (const [from, to] of [[-1, 0], [1, -1], [NaN, 0], [0.1, NaN]]) {
  test(`cosine() refuses to fall from ${from} to ${to}`, () => {
    const error = assertThrows(() => cosine(from, to), ValueError);
    assertInstanceOf(error, RangeError);
    assertEquals(error.message, `Cannot fall from ${from} to ${to}: rates must be at least 0`);
  });
}
