/**
 * Graded tests of module 05. A derivative is tested twice: by numbers worked out by hand, and by
 * moving each input a little and looking how far the output moves.
 *
 * Losses are made with weigh(), which brings its own derivative: a test of one rule needs no other.
 *
 * @module
 */
import {
  backward,
  defineOp,
  gradients,
  GraphError,
  leaf,
  topologicalOrder,
  unbroadcast,
} from "#autograd";
import { Parameter } from "#layers";
import { like, type Nested, result, ShapeError, Tensor } from "#tensor";
import { finiteDifferences } from "../../tests/kit/finite_differences.ts";
import { graded, type GradedContext } from "../../tests/kit/graded.ts";

// ── Help ──

/** L = Σ wᵢ·xᵢ, so that ∂L/∂x = w. */
const weigh = defineOp<Tensor, null>({
  name: "weigh",
  forward: ([x], weights) => {
    const data = like(x, 1);
    for (let i = 0; i < x.size; i++) data[0] += x.data[i] * weights.data[i];
    return { output: { data, shape: [] }, saved: null };
  },
  backward: (g, { inputs: [x], options: weights }) => {
    const data = like(x, x.size);
    for (let i = 0; i < x.size; i++) data[i] = g.item() * weights.data[i];
    return [new Tensor(data, x.shape)];
  },
});

function float64(values: Nested): Tensor {
  return Tensor.of(values, { dtype: "float64" });
}

/** What flows back to the inputs when `g` flows into the output. */
function pullBack(
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  g: Tensor,
): Tensor[] {
  const leaves = inputs.map(leaf);
  return gradients(weigh([compute(leaves)], g), leaves);
}

/** Compares what flows back with finite differences, at each number of each input. */
function expectDerivative(
  t: GradedContext,
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): void {
  const g = float64(t.uniform(compute(inputs).shape, 0.5, 1.5));
  const found = pullBack(compute, inputs, g);
  const moved = inputs.map(({ data, shape }) => new Tensor(data.slice(), shape));
  moved.forEach(({ data, shape }, which) => {
    const slopes = finiteDifferences(data, () => weigh([compute(moved)], g).item());
    t.expectTensor(found[which], { data: slopes, shape }, 1e-7);
  });
}

/** The same tensor objects in the same order; comparing what is in them would prove less. */
function isList(actual: readonly Tensor[], expected: readonly Tensor[]): boolean {
  return actual.length === expected.length && actual.every((tensor, k) => tensor === expected[k]);
}

// ── 5.1 The order of the walk ──

graded("05.1", 2, "topologicalOrder() lists every tensor after all that it was made from", (t) => {
  const made: Tensor[] = [new Parameter(Tensor.ones([])), new Parameter(Tensor.ones([]))];
  for (let k = 0; k < 40; k++) {
    const [a, b] = t.integers(2, Math.max(0, made.length - 6), made.length - 1);
    made.push(made[a].add(made[b]));
  }
  const last = made[made.length - 1], needed = new Set([last]);
  for (const tensor of needed) tensor.origin?.inputs.forEach((input) => needed.add(input));

  const order = topologicalOrder(last);
  t.expect(order[order.length - 1] === last, "The result must come last");
  t.expect(
    order.length === needed.size && order.every((tensor) => needed.has(tensor)),
    "The list must hold all that the result was made from, each tensor once, and nothing else",
  );
  const isAfterInputs = order.every((tensor, k) =>
    (tensor.origin?.inputs ?? []).every((input) => order.indexOf(input) < k)
  );
  t.expect(isAfterInputs, "A tensor stands before one that it was made from");
});

graded("05.1", 1, "topologicalOrder() lists a tensor once, however often it was used", (t) => {
  const w = new Parameter(Tensor.ones([])), a = w.mul(w), b = a.add(a), last = b.mul(a);
  t.expect(isList(topologicalOrder(last), [w, a, b, last]), "The order must be w, w·w, a + a, b·a");
});

graded("05.1", 1, "topologicalOrder() leaves out what requires no gradient", (t) => {
  const w = new Parameter(Tensor.ones([])), x = Tensor.ones([]), fixed = x.exp().add(x);
  const product = fixed.mul(w), last = product.add(1);
  t.expect(
    isList(topologicalOrder(last), [w, product, last]),
    "Only the parameter, the product and the sum require a gradient",
  );
});

graded("05.1", 2, "topologicalOrder() follows a chain of 100,000 operations", (t) => {
  const w = new Parameter(Tensor.ones([]));
  let last: Tensor = w;
  for (let k = 0; k < 100_000; k++) last = last.neg();
  const order = topologicalOrder(last);
  t.expectEqual(order.length, 100_001);
  t.expect(order[0] === w && order[100_000] === last, "The chain must go from the parameter on");
});

// ── 5.2 The walk ──
// Only rules that are given: neg, exp, sqrt, sub.

graded("05.2", 3, "backward() multiplies the derivatives along a chain", (t) => {
  // y = √(e^−w), so dy/dw = −y/2
  const at = t.uniform([], -1, 1), w = new Parameter(Tensor.of(at));
  backward(w.neg().exp().sqrt());
  t.expectTensor(w.grad!, -Math.exp(-at / 2) / 2);
  t.expect(!w.grad!.requiresGrad, "The way back must not be recorded: the gradient has a history");
});

graded("05.2", 3, "backward() waits until every use of a tensor has had its say", (t) => {
  // L = a + a with a = e^w, once directly and once through three more steps: dL/dw = 2e^w
  const w = new Parameter(Tensor.of(Math.log(3)));
  const a = w.exp();
  backward(a.sub(a.neg().neg().neg()));
  t.expectTensor(w.grad!, 6);

  const v = new Parameter(Tensor.of(Math.log(3)));
  const b = v.exp();
  backward(b.neg().neg().neg().sub(b)); // the long way first: L = −2e^v
  t.expectTensor(v.grad!, -6);
});

graded("05.2", 2, "backward() adds to the gradient that a parameter already has", (t) => {
  const w = new Parameter(Tensor.of(0));
  backward(w.exp()); // 1
  backward(w.exp().neg().exp()); // −e⁰·e^(−e⁰) = −1/e
  t.expectTensor(w.grad!, 1 - 1 / Math.E);
});

graded("05.2", 2, "backward() says why it cannot walk, and changes no gradient", (t) => {
  const w = new Parameter(Tensor.of([1, 2, 3])), single = new Parameter(Tensor.of([1]));
  const walked = single.exp();
  backward(walked);
  const cases: [loss: Tensor, message: string, name: string][] = [
    [w.exp(), "Cannot go backward from (3,): a loss is a single number", "ShapeError"],
    [
      Tensor.of(1).exp(),
      "Cannot go backward from a constant: nothing it was computed from requires a gradient",
      "GraphError",
    ],
    [
      walked.neg(),
      "Cannot go backward twice over one computation: its intermediate values are gone",
      "GraphError",
    ],
  ];
  for (const [loss, message, name] of cases) {
    const error = t.expectError(() => backward(loss), message, name);
    t.expect(error instanceof (name === "ShapeError" ? ShapeError : GraphError), `Not a ${name}`);
  }
  t.expectEqual(w.grad, null);
  t.expectTensor(single.grad!, [Math.E]);
  t.expect(single.exp().requiresGrad, "Operations must be noted again after an error");
});

// ── 5.3 Un-broadcasting ──

graded("05.3", 2, "unbroadcast() sums over axes that were added in front", (t) => {
  t.expectTensor(unbroadcast(Tensor.of([[1, 2, 3], [4, 5, 6]]), [3]), [5, 7, 9]);
  t.expectTensor(unbroadcast(Tensor.of([[1, 2, 3], [4, 5, 6]]), []), 21);
});

graded("05.3", 2, "unbroadcast() sums over axes that were stretched from size 1", (t) => {
  const gradient = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  t.expectTensor(unbroadcast(gradient, [2, 1]), [[6], [15]]);
  t.expectTensor(unbroadcast(gradient, [1, 3]), [[5, 7, 9]]);
  t.expectTensor(unbroadcast(gradient, [1, 1]), [[21]]);
});

graded("05.3", 2, "unbroadcast() sums over new and stretched axes together", (t) => {
  const values = t.normal([4, 2, 3, 5]);
  const expected = [0, 1].map((j) => [
    [0, 1, 2, 3, 4].map((l) =>
      values.reduce((total, block) => block[j].reduce((sum, row) => sum + row[l], total), 0)
    ),
  ]); // (2, 1, 5)
  t.expectTensor(unbroadcast(float64(values), [2, 1, 5]), expected, 1e-12);
});

graded("05.3", 1, "unbroadcast() leaves alone what was not stretched", (t) => {
  for (const shape of [[], [3], [1, 3], [2, 1, 3]]) {
    const gradient = Tensor.of(t.normal(shape));
    t.expectTensor(unbroadcast(gradient, shape), gradient, 0);
  }
});

// ── 5.4 Arithmetic ──

graded("05.4", 1, "the rule for add hands the gradient to both", (t) => {
  const a = Tensor.of([1, 2]), b = Tensor.of([3, 4]), g = Tensor.of([10, -20]);
  const [ga, gb] = pullBack(([a, b]) => a.add(b), [a, b], g);
  t.expectTensor(ga, [10, -20]);
  t.expectTensor(gb, [10, -20]);
});

graded("05.4", 1, "the rule for add agrees with finite differences", (t) => {
  const a = float64(t.normal([2, 3])), row = float64(t.normal([3]));
  expectDerivative(t, ([a, b]) => a.add(b), [a, row]);
  expectDerivative(t, ([a, b]) => b.add(a), [a, row]);
});

graded("05.5", 1, "the rule for mul hands to each the gradient times the other", (t) => {
  const a = Tensor.of([2, 3]), b = Tensor.of([5, 7]), g = Tensor.of([1, 10]);
  const [ga, gb] = pullBack(([a, b]) => a.mul(b), [a, b], g);
  t.expectTensor(ga, [5, 70]);
  t.expectTensor(gb, [2, 30]);
});

graded("05.5", 1, "the rule for mul doubles the gradient of a square", (t) => {
  const [g] = pullBack(([x]) => x.mul(x), [Tensor.of([3, -4])], Tensor.of([1, 10]));
  t.expectTensor(g, [6, -80]);
});

graded("05.5", 1, "the rule for mul agrees with finite differences", (t) => {
  const a = float64(t.normal([2, 3])), column = float64(t.normal([2, 1]));
  expectDerivative(t, ([a, b]) => a.mul(b), [a, column]);
  expectDerivative(t, ([a]) => a.mul(2.5), [a]);
});

// ── 5.5 Reductions ──

graded("05.6", 2, "the rule for sum gives every number the gradient of its total", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  const cases: [compute: (x: Tensor) => Tensor, g: Nested, expected: Nested][] = [
    [(x) => x.sum(), 7, [[7, 7, 7], [7, 7, 7]]],
    [(x) => x.sum(0), [1, 2, 3], [[1, 2, 3], [1, 2, 3]]],
    [(x) => x.sum(1), [10, 20], [[10, 10, 10], [20, 20, 20]]],
    [(x) => x.sum(1, { keepDims: true }), [[10], [20]], [[10, 10, 10], [20, 20, 20]]],
  ];
  for (const [compute, g, expected] of cases) {
    t.expectTensor(pullBack(([x]) => compute(x), [x], Tensor.of(g))[0], expected);
  }
});

graded("05.6", 1, "the rule for sum agrees with finite differences", (t) => {
  const x = float64(t.normal([2, 3, 2]));
  for (const axes of [undefined, 1, [0, 2], [-1]]) {
    expectDerivative(t, ([x]) => x.sum(axes), [x]);
    expectDerivative(t, ([x]) => x.sum(axes, { keepDims: true }), [x]);
  }
});

// ── 5.6 The matrix product ──

graded("05.7", 2, "the rule for matmul multiplies by the other matrix, transposed", (t) => {
  const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[5, 6], [7, 8]]);
  const [ga, gb] = pullBack(([a, b]) => a.matmul(b), [a, b], Tensor.of([[1, 0], [0, 2]]));
  t.expectTensor(ga, [[5, 7], [12, 16]]); // g·bᵀ
  t.expectTensor(gb, [[1, 6], [2, 8]]); // aᵀ·g
});

graded("05.7", 2, "the rule for matmul agrees with finite differences, also for stacks", (t) => {
  const cases = [[[2, 3], [3, 4]], [[2, 3, 4], [2, 4, 2]], [[2, 3, 4], [4, 2]], [[3, 4], [
    2,
    4,
    1,
  ]]];
  for (const [first, second] of cases) {
    const a = float64(t.normal(first)), b = float64(t.normal(second));
    expectDerivative(t, ([a, b]) => a.matmul(b), [a, b]);
  }
});

// ── 5.7 Rearranging ──

graded("05.8", 1, "the rule for reshape gives the gradient the shape from before", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  const g = Tensor.of([[1, 2], [3, 4], [5, 6]]);
  t.expectTensor(pullBack(([x]) => x.reshape([3, 2]), [x], g)[0], [[1, 2, 3], [4, 5, 6]]);
});

graded("05.8", 1, "the rule for reshape agrees with finite differences", (t) => {
  const x = float64(t.normal([2, 3, 2]));
  for (const shape of [[-1], [4, 3], [1, 12, 1]]) {
    expectDerivative(t, ([x]) => x.reshape(shape), [x]);
  }
});

// ── 5.8 Activations and losses ──

/** relu as module 02 makes it, without that module. */
function relu(x: Tensor): Tensor {
  return result({ data: x.data.map((v) => v < 0 ? 0 : v), shape: x.shape }, "relu", [x]);
}

graded("05.9", 2, "the rule for relu lets the gradient through where x is above 0", (t) => {
  const x = Tensor.of([-2, 0, 3, 0.001]), g = Tensor.of([10, 20, 30, -40]);
  t.expectTensor(pullBack(([x]) => relu(x), [x], g)[0], [0, 0, 30, -40]);
});

graded("05.9", 1, "the rule for relu agrees with finite differences on both sides of 0", (t) => {
  const x = float64([t.uniform([4], 0.1, 2), t.uniform([4], -2, -0.1)]);
  expectDerivative(t, ([x]) => relu(x), [x]);
});

/** The cross-entropy as module 04 makes it, −1/B Σ log softmax(scores)[label], without that module. */
function crossEntropy(scores: Tensor, labels: Int32Array): Tensor {
  const [rows, classes] = scores.shape, data = like(scores, scores.size), loss = like(scores, 1);
  for (let row = 0; row < rows; row++) {
    const powers = [...scores.data.slice(row * classes, (row + 1) * classes)].map(Math.exp);
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, k) => data[row * classes + k] = power / total);
    loss[0] -= Math.log(powers[labels[row]] / total) / rows;
  }
  const probabilities = { data, shape: scores.shape };
  return result({ data: loss, shape: [] }, "crossEntropy", [scores], { labels, probabilities });
}

graded("05.10", 2, "the rule for crossEntropy takes 1 from the share at the label", (t) => {
  // equal scores: shares of 1/2, two rows, a gradient of 6: 6·(1/2 − 1)/2 and 6·(1/2)/2
  const [g] = pullBack(
    ([scores]) => crossEntropy(scores, Int32Array.of(1, 0)),
    [Tensor.of([[0, 0], [3, 3]])],
    Tensor.of(6),
  );
  t.expectTensor(g, [[1.5, -1.5], [-1.5, 1.5]]);
});

graded("05.10", 2, "the rule for crossEntropy agrees with finite differences", (t) => {
  const scores = float64(t.normal([4, 3])), labels = Int32Array.from(t.integers(4, 0, 2));
  expectDerivative(t, ([scores]) => crossEntropy(scores, labels), [scores]);
});

graded("05.10", 1, "the rule for crossEntropy changes neither shares nor labels", (t) => {
  const scores = leaf(Tensor.of([[0, 0]])), labels = Int32Array.of(1);
  const probabilities = Tensor.of([[0.5, 0.5]]);
  const loss = result({ data: Float32Array.of(Math.LN2), shape: [] }, "crossEntropy", [scores], {
    labels,
    probabilities,
  });
  t.expectTensor(gradients(loss, [scores])[0], [[0.5, -0.5]]);
  t.expectTensor(probabilities, [[0.5, 0.5]], 0);
  t.expectEqual([...labels], [1]);
});
