/**
 * The graded tests of module 03.
 *
 * @module
 */
import { Flatten, Linear, Module, Sequential, uniformByFanIn } from "#layers";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { graded } from "../../tests/kit/graded.ts";

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
  constructor(
    readonly name: string,
    readonly notes: string[],
    readonly apply: (x: Tensor) => Tensor,
  ) {
    super();
  }

  forward(x: Tensor): Tensor {
    this.notes.push(this.name);
    return this.apply(x);
  }
}

// ── 03.1 ──

graded("03.1", 2, "uniformByFanIn() stays within ±1/√fanIn and fills it", (t) => {
  const generator = new Generator(t.integer(0, 1000));
  for (const fanIn of [1, 4, 100]) {
    const { data } = uniformByFanIn([50, 40], fanIn, generator, "float32");
    const bound = Math.fround(1 / Math.sqrt(fanIn)), greatest = Math.max(...data.map(Math.abs));
    t.expect(greatest <= bound, `a weight of ${greatest} is beyond 1/√${fanIn} = ${bound}`);
    t.expect(greatest > 0.98 * bound, `no weight comes near to 1/√${fanIn} = ${bound}`);
  }
});

graded("03.1", 2, "uniformByFanIn() draws evenly, on both sides of 0", (t) => {
  const { data } = uniformByFanIn([4000], 4, new Generator(t.integer(0, 1000)), "float32");
  for (let quarter = 0; quarter < 4; quarter++) {
    const low = quarter / 4 - 0.5, inside = data.filter((w) => w >= low && w < low + 0.25).length;
    // 1000 expected, and five standard deviations on either side
    t.expect(
      Math.abs(inside - 1000) < 137,
      `${inside} of 4000 weights are in [${low}, ${low + 0.25}), not about 1000`,
    );
  }
});

graded("03.1", 1, "uniformByFanIn() takes shape, format and random numbers as told", (t) => {
  const seed = t.integer(0, 1000);
  const weight = uniformByFanIn([2, 3], 3, new Generator(seed), "float64");
  t.expectEqual(weight.shape, [2, 3]);
  t.expectEqual(weight.dtype, "float64");
  t.expectTensor(uniformByFanIn([2, 3], 3, new Generator(seed), "float64"), weight, 0);
});

// ── 03.3 ──

graded("03.3", 2, "Linear.forward() gives each output its weighted sum of the inputs", (t) => {
  const layer = linear([[1, 2, 3], [10, 0, -1]], null);
  t.expectTensor(layer.forward(Tensor.of([[1, 1, 1], [1, 0, 2]])), [[6, 9], [7, 8]]);
});

graded("03.3", 1, "Linear.forward() adds the bias to each row", (t) => {
  const layer = linear([[1, 2], [0, 1]], [100, 200]);
  t.expectTensor(layer.forward(Tensor.of([[1, 1], [2, 0]])), [[103, 201], [102, 200]]);
});

graded(
  "03.3",
  2,
  "Linear.forward() agrees with the sum written out, for batches of any rank",
  (t) => {
    const weight = t.normal([5, 3]), bias = t.normal([5]), layer = linear(weight, bias);
    const unit = (row: number[]): number[] =>
      weight.map((w, o) => w.reduce((total, n, i) => total + n * row[i], bias[o]));
    const rows = t.normal([4, 3]), stack = t.normal([2, 2, 3]);
    t.expectTensor(layer.forward(Tensor.of(rows)), rows.map(unit));
    t.expectTensor(layer.forward(Tensor.of(stack)), stack.map((block) => block.map(unit)));
  },
);

graded("03.3", 1, "Linear.forward() remembers its weights", (t) => {
  t.expectEqual(linear([[1]], null).forward(Tensor.of([[2]])).requiresGrad, true);
});

// ── 03.4 ──

graded("03.4", 1, "Flatten.forward() makes each image one row", (t) => {
  const x = Tensor.of([[[1, 2], [3, 4]], [[5, 6], [7, 8]]]);
  t.expectTensor(new Flatten().forward(x), [[1, 2, 3, 4], [5, 6, 7, 8]]);
});

graded("03.4", 1, "Flatten.forward() keeps the batch axis, whatever comes after it", (t) => {
  const [b, c, h, w] = t.integers(4, 1, 5);
  t.expectEqual(new Flatten().forward(Tensor.zeros([b, c, h, w])).shape, [b, c * h * w]);
  t.expectEqual(new Flatten().forward(Tensor.zeros([b, c])).shape, [b, c]);
});

// ── 03.5 ──

graded("03.5", 2, "Sequential.forward() feeds each layer with what the one before it gave", (t) => {
  const notes: string[] = [];
  const model = new Sequential(
    new Noted("add 1", notes, (x) => x.add(1)),
    new Noted("double", notes, (x) => x.mul(2)),
    new Noted("negate", notes, (x) => x.neg()),
  );
  t.expectTensor(model.forward(Tensor.of([1, 2])), [-4, -6]);
  t.expectEqual(notes, ["add 1", "double", "negate"]);
});

graded("03.5", 1, "Sequential.forward() goes through models inside of models", (t) => {
  const notes: string[] = [], x = t.normal([2, 2]);
  const add = new Noted("add", notes, (y) => y.add(1));
  const model = new Sequential(new Sequential(add), new Sequential(new Sequential(add, add)));
  t.expectTensor(model.forward(Tensor.of(x)), Tensor.of(x).add(3));
  t.expectEqual(notes.length, 3);
});

graded("03.5", 1, "Sequential.forward() leads the gradient's memory back to every layer", (t) => {
  const first = linear([[2]], null), second = linear([[3]], null);
  const seen = new Set<Tensor>();
  const visit = (made: Tensor): void => {
    seen.add(made);
    made.origin?.inputs.forEach(visit);
  };
  visit(new Sequential(first, second).forward(Tensor.of([[1]])));
  const found = [first.weight, second.weight].filter((w) => seen.has(w)).length;
  t.expectEqual(found, 2);
});
