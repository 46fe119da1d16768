/**
 * The graded tests of module 03.
 *
 * @module
 */
import {
  Dropout,
  fansOf,
  Flatten,
  type Initializer,
  kaimingNormal,
  kaimingUniform,
  lecunNormal,
  lecunUniform,
  Linear,
  Module,
  Parameter,
  Sequential,
  uniformByFanIn,
  xavierNormal,
  xavierUniform,
} from "#layers";
import { Generator } from "#random";
import { type Shape, Tensor } from "#tensor";
import { graded, type GradedContext } from "../../course/sandbox/graded.ts";

// ── Help ──

/** A layer with given weights. */
function linear(weight: number[][], bias: number[] | null): Linear {
  const options = { generator: new Generator(1), bias: bias !== null };
  const layer = new Linear(weight[0].length, weight.length, options);
  layer.weight.write((data) => data.set(weight.flat()));
  if (bias) layer.bias?.write((data) => data.set(bias));
  return layer;
}

/** A layer that does one simple thing, and notes its name. */
class Noted extends Module {
  readonly name: string;
  readonly notes: string[];
  readonly apply: (x: Tensor) => Tensor;

  constructor(name: string, notes: string[], apply: (x: Tensor) => Tensor) {
    super();
    this.name = name;
    this.notes = notes;
    this.apply = apply;
  }

  forward(x: Tensor): Tensor {
    this.notes.push(this.name);
    return this.apply(x);
  }
}

/** All tensors that one was made from, and itself. */
function madeFrom(last: Tensor): Set<Tensor> {
  const seen = new Set([last]);
  for (const tensor of seen) tensor.origin?.inputs.forEach((input) => seen.add(input));
  return seen;
}

/** Fails unless the numbers come near to both bounds ±bound, and none lies beyond. */
function expectFills(t: GradedContext, { data }: Tensor, bound: number): void {
  const most = Math.fround(bound), greatest = Math.max(...data), least = Math.min(...data);
  t.expect(greatest <= most, `a weight of ${greatest} is beyond ${most}`);
  t.expect(least >= -most, `a weight of ${least} is beyond ${-most}`);
  t.expect(greatest > 0.98 * most, `no weight comes near to ${most}`);
  t.expect(least < -0.98 * most, `no weight comes near to ${-most}`);
}

/** Fails unless both kinds of an initialiser give the variance: evenly drawn, and from a bell. */
function expectVariance(
  t: GradedContext,
  [evenly, normally]: readonly [Initializer, Initializer],
  shape: Shape,
  variance: number,
): void {
  const [first, second] = new Generator(t.integer(0, 1000)).split(2);
  expectFills(t, evenly(shape, first), Math.sqrt(3 * variance));
  const { data, size } = normally(shape, second);
  let squares = 0, within = 0;
  for (const w of data) {
    squares += w * w;
    if (w * w < variance) within++;
  }
  // about seven standard deviations of the estimates on either side
  t.expect(
    Math.abs(squares / size / variance - 1) < 0.1,
    `the mean square of ${size} weights is ${squares / size}, not about ${variance}`,
  );
  t.expect(
    Math.abs(within / size - 0.6827) < 0.035,
    `${within} of ${size} weights are within one standard deviation, not about 68 %`,
  );
}

// ── 03.1 ──

graded("03.1", 1, "fansOf() reads inputs and outputs off the weights of a Linear", (t) => {
  t.expectEqual(fansOf([5, 3]), { fanIn: 3, fanOut: 5 });
  const [outputs, inputs] = t.integers(2, 1, 50);
  const shape = [outputs, inputs], given = { shape: { data: shape, shape: [2] } };
  const fans = t.expectUnchanged(given, () => fansOf(shape));
  t.expectEqual(fans, { fanIn: inputs, fanOut: outputs });
});

graded("03.1", 2, "fansOf() counts every pixel of a window, for inputs and outputs", (t) => {
  t.expectEqual(fansOf([8, 2, 3, 3]), { fanIn: 18, fanOut: 72 });
  t.expectEqual(fansOf([4, 3, 5]), { fanIn: 15, fanOut: 20 });
  const [f, c, height, width] = t.integers(4, 2, 9), seen = height * width;
  t.expectEqual(fansOf([f, c, height, width]), { fanIn: c * seen, fanOut: f * seen });
});

graded("03.1", 1, "fansOf() refuses weights of fewer than two axes", (t) => {
  for (const shape of [[], [3]]) t.expectError(() => fansOf(shape), "ShapeError", [shape]);
  for (const wrong of [0, -1, 1.5, NaN]) { // checkShape() refuses sizes that there are not
    t.expectError(() => fansOf([3, wrong]), "ShapeError", [wrong]);
    t.expectError(() => fansOf([4, 3, wrong]), "ShapeError", [wrong]);
  }
});

// ── 03.2 ──

graded("03.2", 2, "uniformByFanIn() stays within ±1/√fanIn and fills it", (t) => {
  const generator = new Generator(t.integer(0, 1000));
  for (const fanIn of [1, 4, 100]) {
    expectFills(t, uniformByFanIn([2000], generator, { fanIn }), 1 / Math.sqrt(fanIn));
  }
  const wide = uniformByFanIn([50, 40], generator, { fanIn: 4 }); // told, and not counted
  expectFills(t, wide, 1 / 2);
});

graded("03.2", 2, "uniformByFanIn() counts the fan-in from the shape if it is not told", (t) => {
  const generator = new Generator(t.integer(0, 1000));
  expectFills(t, uniformByFanIn([80, 25], generator), 1 / 5);
  expectFills(t, uniformByFanIn([40, 4, 3, 5], generator), 1 / Math.sqrt(60));
  t.expectError(() => uniformByFanIn([5], generator), "ShapeError", [[5]]);
  const format = { dtype: "float64", fanIn: 4 } as const;
  uniformByFanIn([5], generator, format);
  t.expectEqual(format, { dtype: "float64", fanIn: 4 });
});

graded("03.2", 2, "uniformByFanIn() draws evenly, on both sides of 0", (t) => {
  const generator = new Generator(t.integer(0, 1000));
  const { data } = uniformByFanIn([4000], generator, { fanIn: 4 });
  for (let quarter = 0; quarter < 4; quarter++) {
    const low = quarter / 4 - 0.5, inside = data.filter((w) => w >= low && w < low + 0.25).length;
    // 1000 expected, and five standard deviations on either side
    t.expect(
      Math.abs(inside - 1000) < 137,
      `${inside} of 4000 weights are in [${low}, ${low + 0.25}), not about 1000`,
    );
  }
});

graded("03.2", 1, "uniformByFanIn() takes shape, dtype and random numbers as told", (t) => {
  const seed = t.integer(0, 1000);
  const weight = uniformByFanIn([2, 3], new Generator(seed), { dtype: "float64" });
  t.expectEqual([weight.shape, weight.dtype], [[2, 3], "float64"]);
  const again = uniformByFanIn([2, 3], new Generator(seed), { dtype: "float64" });
  t.expectSame([...again.data], [...weight.data]);
  const other = uniformByFanIn([2, 3], new Generator(seed + 1), { dtype: "float64" });
  t.expect(other.data.every((w, i) => w !== weight.data[i]), "another seed gave the same weights");
  for (const fanIn of [0, -1, 0.5, NaN]) {
    t.expectError(() => uniformByFanIn([2], new Generator(1), { fanIn }), "ValueError", [fanIn]);
  }
});

// ── 03.3 ──

graded("03.3", 2, "lecunUniform() and lecunNormal() give weights the variance 1/fanIn", (t) => {
  const fanIn = t.integer(10, 30);
  expectVariance(t, [lecunUniform, lecunNormal], [300, fanIn], 1 / fanIn);
});

graded("03.3", 2, "kaimingUniform() and kaimingNormal() give weights the variance 2/fanIn", (t) => {
  const fanIn = t.integer(10, 30);
  expectVariance(t, [kaimingUniform, kaimingNormal], [300, fanIn], 2 / fanIn);
});

graded("03.3", 2, "xavierUniform() and xavierNormal() share between fan-in and fan-out", (t) => {
  const fanIn = t.integer(10, 30);
  expectVariance(t, [xavierUniform, xavierNormal], [300, fanIn], 2 / (fanIn + 300));
  expectVariance(t, [xavierUniform, xavierNormal], [fanIn, 300], 2 / (fanIn + 300));
});

graded("03.3", 1, "all initialisers count what the window of a Conv2d sees", (t) => {
  const shape = [20, 12, 3, 5]; // 180 inputs, 300 outputs
  expectVariance(t, [lecunUniform, lecunNormal], shape, 1 / 180);
  expectVariance(t, [kaimingUniform, kaimingNormal], shape, 2 / 180);
  expectVariance(t, [xavierUniform, xavierNormal], shape, 2 / 480);
});

// ── 03.4 ──

graded("03.4", 1, "Linear.forward() gives each output its weighted sum of the inputs", (t) => {
  const layer = linear([[1, 2, 3], [10, 0, -1]], null);
  const x = Tensor.of([[1, 1, 1], [1, 0, 2]]), { weight } = layer;
  t.expectTensor(t.expectUnchanged({ x, weight }, () => layer.forward(x)), [[6, 9], [7, 8]]);
  // as many outputs as inputs: without the transpose all shapes fit
  const square = linear([[1, 2], [10, 20]], null);
  t.expectTensor(square.forward(Tensor.of([[1, 0], [0, 1]])), [[1, 10], [2, 20]]);
});

graded("03.4", 1, "Linear.forward() refuses inputs that do not fit", (t) => {
  const layer = linear([[1, 2, 3]], null);
  for (const shape of [[2, 4], [3, 1], [1]]) {
    t.expectError(() => layer.forward(Tensor.ones(shape)), "ShapeError", [shape, 3]);
  }
});

graded("03.4", 1, "Linear.forward() adds the bias to each row", (t) => {
  const layer = linear([[1, 2], [0, 1]], [100, 200]);
  t.expectTensor(layer.forward(Tensor.of([[1, 1], [2, 0]])), [[103, 201], [102, 200]]);
  const { weight, bias } = layer, x = Tensor.of([[1, 1], [2, 0]]);
  if (bias) t.expectUnchanged({ x, weight, bias }, () => layer.forward(x).data.fill(-1));
});

graded(
  "03.4",
  2,
  "Linear.forward() agrees with the sum written out, for batches of any rank",
  (t) => {
    const weight = t.normal([5, 3]), bias = t.normal([5]), layer = linear(weight, bias);
    const unit = (row: number[]): number[] =>
      weight.map((w, o) => w.reduce((total, n, i) => total + n * row[i], bias[o]));
    const rows = t.normal([4, 3]), stack = t.normal([2, 2, 3]), single = t.normal([3]);
    t.expectTensor(layer.forward(Tensor.of(rows)), rows.map(unit));
    t.expectTensor(layer.forward(Tensor.of(stack)), stack.map((block) => block.map(unit)));
    t.expectTensor(layer.forward(Tensor.of(single)), unit(single));
  },
);

graded("03.4", 1, "Linear.forward() remembers its weights and its biases", (t) => {
  t.expectEqual(linear([[1]], null).forward(Tensor.of([[2]])).requiresGrad, true);
  const layer = linear([[1]], [1]), seen = madeFrom(layer.forward(Tensor.of([[2]])));
  t.expectEqual(layer.parameters().filter((w) => seen.has(w)).length, 2);
});

// ── 03.5 ──

graded("03.5", 1, "Flatten.forward() makes each image one row", (t) => {
  const x = Tensor.of([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]);
  t.expectTensor(t.expectUnchanged({ x }, () => new Flatten().forward(x)), [[1, 2, 3, 4], [
    5,
    6,
    7,
    8,
  ]]);
  const one = Tensor.of([[[1, 2, 3]]]); // a batch of one is a batch
  t.expectTensor(new Flatten().forward(one), [[1, 2, 3]]);
});

graded("03.5", 1, "Flatten.forward() keeps the batch axis, whatever comes after it", (t) => {
  const [b, c, h, w] = t.integers(4, 1, 5);
  t.expectEqual(new Flatten().forward(Tensor.zeros([b, c, h, w])).shape, [b, c * h * w]);
  t.expectEqual(new Flatten().forward(Tensor.zeros([b, c])).shape, [b, c]);
  t.expectEqual(new Flatten().forward(Tensor.zeros([b])).shape, [b, 1]);
  t.expectError(() => new Flatten().forward(Tensor.zeros([])), "ShapeError");
});

graded("03.5", 1, "Flatten.forward() remembers what it flattened", (t) => {
  const w = new Parameter(Tensor.ones([2, 2, 2]));
  t.expect(madeFrom(new Flatten().forward(w)).has(w), "the rows do not know their images");
});

// ── 03.6 ──

graded("03.6", 1, "Dropout.forward() lets everything pass in evaluation", (t) => {
  const x = Tensor.of(t.normal([4, 5])), { state } = new Generator(7), generator = new Generator(7);
  t.expectTensor(new Dropout(0.5, { generator }).eval().forward(x), x, 0);
  t.expectTensor(new Dropout(1, { generator }).eval().forward(x), x, 0);
  const isStill = generator.state.join() === state.join();
  t.expect(isStill, "an evaluation must draw no random number");
});

graded("03.6", 3, "Dropout.forward() drops a share p and scales the rest by 1/(1 − p)", (t) => {
  const generator = new Generator(t.integer(0, 1000));
  for (const p of [0.2, 0.5, 0.75]) {
    const x = Tensor.of(t.uniform([100, 100], 1, 2));
    const { data, shape } = new Dropout(p, { generator }).forward(x);
    t.expectEqual(shape, x.shape);
    const dropped = data.filter((v) => v === 0).length;
    const wrong = x.data.findIndex((v, i) =>
      data[i] !== 0 && !(Math.abs(data[i] - v / (1 - p)) < 1e-6 * data[i])
    );
    t.expect(wrong < 0, `with p = ${p}, ${x.data[wrong]} became ${data[wrong]}`);
    // at most 5 standard deviations of √(10000·p·(1 − p)) ≤ 50
    t.expect(
      Math.abs(dropped - 10_000 * p) < 250,
      `${dropped} of 10000 numbers were dropped, not about ${10_000 * p}`,
    );
  }
});

graded("03.6", 1, "Dropout.forward() passes everything at p = 0 and nothing at p = 1", (t) => {
  const x = Tensor.of(t.normal([3, 4])), generator = new Generator(t.integer(0, 1000));
  const { state } = generator;
  t.expectTensor(new Dropout(0, { generator }).forward(x), x, 0);
  t.expect(generator.state.join() === state.join(), "with p = 0 no random number must be drawn");
  const none = t.expectUnchanged({ x }, () => new Dropout(1, { generator }).forward(x));
  t.expectTensor(none, Tensor.zeros([3, 4]), 0);
});

graded("03.6", 2, "Dropout.forward() chooses anew each time, number by number", (t) => {
  const seed = t.integer(0, 1000), x = Tensor.ones([20, 20]);
  const layer = new Dropout(0.5, { generator: new Generator(seed) });
  const [first, second] = [layer.forward(x), layer.forward(x)];
  const again = new Dropout(0.5, { generator: new Generator(seed) }).forward(x);
  t.expectSame([...again.data], [...first.data]);
  const [atOnce, byRow, byColumn] = [first.sub(second), first.variance(1), first.variance(0)];
  t.expect(atOnce.data.some((v) => v !== 0), "the same numbers were dropped twice");
  t.expect(byRow.data.every((v) => v > 0), "a whole row was dropped or kept");
  t.expect(byColumn.data.every((v) => v > 0), "a whole column was dropped or kept");
  const draws = new Generator(seed),
    quarter = new Dropout(0.25, { generator: new Generator(seed) });
  const thirds = new Set(quarter.forward(Tensor.ones([9, 20])).data);
  t.expectTensor({ data: [...thirds].sort(), shape: [thirds.size] }, [0, 4 / 3]);
  const once = new Dropout(0.5, { generator: draws });
  for (let k = 0; k < 2; k++) once.forward(x); // one draw for each number, each time
  const same = new Generator(seed);
  for (let k = 0; k < 800; k++) same.uniform();
  const isThere = draws.state.join() === same.state.join();
  t.expect(isThere, "400 numbers take 400 draws of the generator, and take them each time");
});

graded("03.6", 1, "Dropout.forward() keeps the dtype, the input and the history", (t) => {
  const w = new Parameter(Tensor.ones([8], { dtype: "float64" }));
  const y = new Dropout(0.5, { generator: new Generator(1) }).forward(w);
  t.expectEqual({ dtype: y.dtype }, { dtype: "float64" });
  t.expectTensor(w, Tensor.ones([8]), 0, { name: "the input afterwards" });
  for (const v of y.data) t.expect(v === 0 || v === 2, `with p = 0.5, 1 became ${v}, not 0 or 2`);
  const x = Tensor.of(t.normal([4, 4]));
  for (const p of [0.5, 1]) {
    const layer = new Dropout(p, { generator: new Generator(1) });
    t.expectUnchanged({ x }, () => layer.forward(x).data.fill(-1));
  }
  t.expect(madeFrom(y).has(w), "the numbers that are left do not know where they came from");
});

// ── 03.7 ──

graded("03.7", 2, "Sequential.forward() feeds each layer with what the one before it gave", (t) => {
  const notes: string[] = [];
  const model = new Sequential(
    new Noted("add 1", notes, (x) => x.add(1)),
    new Noted("double", notes, (x) => x.mul(2)),
    new Noted("negate", notes, (x) => x.neg()),
  );
  const x = Tensor.of([1, 2]);
  t.expectTensor(t.expectUnchanged({ x }, () => model.forward(x)), [-4, -6]);
  t.expectEqual(notes, ["add 1", "double", "negate"]);
});

graded("03.7", 1, "Sequential.forward() goes through models inside of models", (t) => {
  const notes: string[] = [], x = t.normal([2, 2]);
  const add = new Noted("add", notes, (y) => y.add(1));
  const model = new Sequential(new Sequential(add), new Sequential(new Sequential(add, add)));
  t.expectTensor(model.forward(Tensor.of(x)), Tensor.of(x).add(3));
  t.expectEqual(notes.length, 3);
  const double = new Noted("double", notes, (y) => y.mul(2));
  const mixed = new Sequential(double, new Sequential(add, add));
  t.expectTensor(mixed.forward(Tensor.of([[3]])), [[8]]); // 3·2 + 1 + 1
  const { layers } = mixed, length = layers.length;
  t.expectTensor(mixed.forward(Tensor.of([[1]])), [[4]]); // and once more
  t.expectEqual(layers.length, length);
});

graded("03.7", 1, "Sequential.forward() leads the gradient's memory back to every layer", (t) => {
  const first = linear([[2]], null), second = linear([[3]], null);
  const seen = madeFrom(new Sequential(first, second).forward(Tensor.of([[1]])));
  t.expectEqual([first.weight, second.weight].filter((w) => seen.has(w)).length, 2);
});
