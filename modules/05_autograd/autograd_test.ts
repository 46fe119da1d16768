/**
 * Graded tests of module 05. A derivative is tested twice: by numbers worked out by hand, and by
 * moving each input a little and looking how far the output moves.
 *
 * Losses are made with weigh(), which brings its own derivative: a test of one rule needs no other.
 *
 * @module
 */
import { logSoftmax, relu, sigmoid, softmax, tanh } from "#activations";
import { backward, defineOp, gradients, leaf, topologicalOrder, unbroadcast } from "#autograd";
import { Parameter } from "#layers";
import { crossEntropy } from "#losses";
import { like, type Nested, Tensor } from "#tensor";
import { finiteDifferences } from "../../course/sandbox/finite_differences.ts";
import { graded, type GradedContext } from "../../course/sandbox/graded.ts";

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

/** a + b of two numbers, with its derivative, so that the walk can be tested without the rules. */
const plus = defineOp<void, null>({
  name: "plus",
  forward: ([a, b]) => ({ output: a.add(b), saved: null }),
  backward: (g) => [g, g],
});

/** a + b of tensors of one shape: both get the same gradient. */
const both = defineOp<void, null>({
  name: "both",
  forward: ([a, b]) => ({ output: a.add(b), saved: null }),
  backward: (g) => [g, g],
});

function float64(values: Nested): Tensor {
  return Tensor.of(values, { dtype: "float64" });
}

/** The gradient of a parameter that must have one. */
function gradientOf(w: Parameter): Tensor {
  return w.grad ?? Tensor.full(w.shape, NaN);
}

/** What flows back to the inputs when `g` flows into the output. */
function pullBack(
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  g: Tensor,
): Tensor[] {
  const leaves = inputs.map((input) => leaf(input));
  return gradients(weigh([compute(leaves)], g), leaves);
}

/** A sum that hands one gradient to both of its inputs, and looks whether anybody changes it. */
function expectGradientKept(
  t: GradedContext,
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): void {
  const leaves = inputs.map((input) => leaf(input)), made = compute(leaves);
  const other = leaf(Tensor.zeros(made.shape, { dtype: made.dtype }));
  const g = float64(t.uniform(made.shape, 0.5, 1.5)).to(made.dtype);
  const given = Object.fromEntries(inputs.map((input, k) => [`input ${k + 1}`, input]));
  const found = t.expectUnchanged(
    { ...given, output: made, "the gradient given": g },
    () => gradients(weigh([both([other, made])], g), [...leaves, other]),
  );
  t.expectTensor(found[inputs.length], g, 0, { name: "what the other term of the sum gets" });
}

/** Compares what flows back with finite differences, at each number of each input. */
function expectDerivative(
  t: GradedContext,
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): void {
  const g = float64(t.uniform(compute(inputs).shape, 0.5, 1.5));
  const found = pullBack(compute, inputs, g);
  expectGradientKept(t, compute, inputs);
  const moved = inputs.map(({ data, shape }) => new Tensor(data.slice(), shape));
  moved.forEach(({ data, shape }, which) => {
    const slopes = finiteDifferences(data, () => weigh([compute(moved)], g).item());
    const about = { name: `input ${which + 1}`, of: inputs[which] };
    t.expectTensor(found[which], { data: slopes, shape }, 1e-7, about);
  });
}

/** The same tensor objects in the same order; comparing what is in them would prove less. */
function isList(actual: readonly Tensor[], expected: readonly Tensor[]): boolean {
  return actual.length === expected.length && actual.every((tensor, k) => tensor === expected[k]);
}

// ── 05.1 ──

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
  const again = topologicalOrder(last); // it is only looked at
  t.expect(isList(again, order), "The second time the list must be the same");
  const alone = new Parameter(Tensor.ones([]));
  t.expect(isList(topologicalOrder(alone), [alone]), "A parameter comes after nothing but itself");
});

graded("05.1", 1, "topologicalOrder() lists a tensor once, however often it was used", (t) => {
  const w = new Parameter(Tensor.ones([])), a = w.mul(w), b = a.add(a), last = b.mul(a);
  t.expect(isList(topologicalOrder(last), [w, a, b, last]), "The order must be w, w·w, a + a, b·a");
  const turned = w.mul(2).mul(b); // b·a turned round: the long way comes second
  t.expectEqual(topologicalOrder(turned).length, 5);
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

// ── 05.2 ──
// Only rules that are given, abs, neg, pow and sqrt, and plus() from above; nothing is stretched.

graded("05.2", 2, "backward() multiplies the derivatives along a chain", (t) => {
  // y = √|−w³| of a w above 0, so dy/dw = 3/2·√w
  const at = t.uniform([], 0.5, 2), w = new Parameter(Tensor.of(at));
  backward(w.pow(3).neg().abs().sqrt());
  t.expectTensor(gradientOf(w), 1.5 * Math.sqrt(at));
  const row = new Parameter(Tensor.of([[at]])); // a single number may have axes
  t.expectUnchanged({ w: row }, () => backward(row.pow(2)));
  t.expectTensor(gradientOf(row), [[2 * at]]);
  t.expect(!w.grad?.requiresGrad, "The way back must not be recorded: the gradient has a history");
});

graded("05.2", 3, "backward() waits until every use of a tensor has had its say", (t) => {
  // L = a + a with a = w², once directly and once through three more steps: dL/dw = 4w
  const at = t.uniform([], 0.5, 2), [w, v] = [1, 2].map(() => new Parameter(Tensor.of(at)));
  const a = w.pow(2);
  backward(plus([a, a.neg().neg().abs()]));
  t.expectTensor(gradientOf(w), 4 * at);
  const b = v.pow(2);
  backward(plus([b.neg().neg().abs(), b])); // the long way first
  t.expectTensor(gradientOf(v), 4 * at);
});

graded("05.2", 2, "backward() goes once through each of fifty diamonds", (t) => {
  const w = new Parameter(Tensor.of(1));
  let y: Tensor = w;
  for (let k = 0; k < 50; k++) y = plus([y, y.neg().neg()]); // 2⁵⁰ ways lead back to w
  backward(y);
  t.expectTensor(gradientOf(w), 2 ** 50, 0);
  const [v, u] = [1, 1].map((n) => new Parameter(Tensor.of(n)));
  let both = plus([v, u]);
  for (let k = 0; k < 3; k++) both = plus([both, plus([both, u])]); // u: 1 → 3 → 7 → 15, v: 2³
  backward(both);
  t.expectTensor(gradientOf(v), 8, 0, { name: "the gradient of v" });
  t.expectTensor(gradientOf(u), 15, 0, { name: "the gradient of u" });
});

graded("05.2", 1, "backward() adds to the gradient that a parameter already has", (t) => {
  const w = new Parameter(Tensor.of(4)), other = new Parameter(Tensor.of(1));
  backward(w.sqrt()); // 1/4
  const first = gradientOf(w);
  t.expectUnchanged({ "the first gradient": first }, () => backward(w.pow(2))); // 8
  t.expectTensor(gradientOf(w), 8.25);
  t.expect(!gradientOf(w).requiresGrad, "The way back must not be recorded");
  t.expectEqual(other.grad, null);
});

graded("05.2", 2, "backward() reaches every parameter, and no constant", (t) => {
  const [a, b, c] = [2, 3, 4].map((n) => new Parameter(Tensor.of(n))), x = Tensor.of(5);
  backward(plus([plus([a.pow(2), x.neg()]), plus([b.neg(), plus([c.sqrt(), a])])]));
  t.expectEqual([a.grad?.item(), b.grad?.item(), c.grad?.item()], [5, -1, 0.25]);
  t.expect(!("grad" in x), "A constant was given a gradient");
  // a + b hands one gradient to both: adding to the one must not change the other
  const [v, u] = [1, 2].map((n) => new Parameter(Tensor.of(n)));
  backward(plus([plus([v, u]), v.neg().neg()]));
  t.expectTensor(gradientOf(v), 2, 0, { name: "the gradient of v, used twice" });
  t.expectTensor(gradientOf(u), 1, 0, { name: "the gradient of u, used once" });
  backward(plus([v.neg(), plus([v, u])]));
  t.expectTensor(gradientOf(v), 2, 0, { name: "the gradient of v, after 1 − 1 more" });
  t.expectTensor(gradientOf(u), 2, 0, { name: "the gradient of u, after 1 more" });
});

graded("05.2", 2, "backward() says why it cannot walk, and changes no gradient", (t) => {
  const w = new Parameter(Tensor.of([1, 2, 3])), single = new Parameter(Tensor.of([1]));
  const walked = single.neg();
  backward(walked.abs().neg());
  t.expectError(() => backward(w.neg()), "ShapeError", [3]);
  t.expectError(() => backward(Tensor.of([1, 2]).neg()), "ShapeError", [2]);
  t.expectError(() => backward(Tensor.of(1).neg()), "GraphError");
  t.expectError(() => backward(walked.neg()), "GraphError");
  t.expectError(() => backward(walked), "GraphError");
  t.expectEqual(w.grad, null);
  t.expectTensor(gradientOf(single), [-1]); // of −|−w|
  t.expect(single.neg().requiresGrad, "Operations must be noted again after an error");
  const broken = defineOp<void, null>({
    name: "broken",
    forward: ([x]) => ({ output: x.neg(), saved: null }),
    backward: () => {
      throw new RangeError("no slope");
    },
  });
  t.expectError(() => backward(broken([single])), "RangeError");
  t.expect(single.neg().requiresGrad, "Operations must be noted again after a rule has failed");
  t.expectTensor(gradientOf(single), [-1]);
});

// ── 05.3 ──

graded("05.3", 2, "unbroadcast() sums over axes that were added in front", (t) => {
  t.expectTensor(unbroadcast(Tensor.of([[1, 2, 3], [4, 5, 6]]), [3]), [5, 7, 9]);
  t.expectTensor(unbroadcast(Tensor.of([[1, 2, 3], [4, 5, 6]]), []), 21);
  const gradient = Tensor.of([[[1, 2, 3]], [[4, 5, 6]]]); // (2, 1, 3)
  t.expectTensor(t.expectUnchanged({ gradient }, () => unbroadcast(gradient, [3])), [5, 7, 9]);
  t.expectTensor(unbroadcast(gradient, [1, 3]), [[5, 7, 9]]);
});

graded("05.3", 2, "unbroadcast() sums over axes that were stretched from size 1", (t) => {
  const gradient = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  t.expectTensor(t.expectUnchanged({ gradient }, () => unbroadcast(gradient, [2, 1])), [[6], [15]]);
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

// ── 05.4 ──

graded("05.4", 1, "the rules for add and sub hand on the gradient, and its negative", (t) => {
  const a = Tensor.of([1, 2]), b = Tensor.of([3, 4]), g = Tensor.of([10, -20]);
  const sum = pullBack(([a, b]) => a.add(b), [a, b], g);
  t.expectTensor(sum[0], [10, -20], 0, { name: "the gradient of a in a + b" });
  t.expectTensor(sum[1], [10, -20], 0, { name: "the gradient of b in a + b" });
  const difference = pullBack(([a, b]) => a.sub(b), [a, b], g);
  t.expectTensor(difference[0], [10, -20], 0, { name: "the gradient of a in a − b" });
  t.expectTensor(difference[1], [-10, 20], 0, { name: "the gradient of b in a − b" });
  t.expectTensor(pullBack(([a]) => a.sub(a), [a], g)[0], [0, 0], 0, { name: "a in a − a" });
});

graded("05.4", 1, "the rules for add and sub agree with finite differences", (t) => {
  const a = float64(t.normal([2, 3])), row = float64(t.normal([3]));
  expectDerivative(t, ([a, b]) => a.add(b), [a, row]);
  expectDerivative(t, ([a, b]) => b.add(a), [a, row]);
  expectDerivative(t, ([a, b]) => a.sub(b), [a, row]);
  expectDerivative(t, ([a, b]) => b.sub(a), [a, row]);
});

// ── 05.5 ──

graded("05.5", 1, "the rule for mul hands to each the gradient times the other", (t) => {
  const a = Tensor.of([2, 3]), b = Tensor.of([5, 7]), g = Tensor.of([1, 10]);
  const [ga, gb] = pullBack(([a, b]) => a.mul(b), [a, b], g);
  t.expectTensor(ga, [5, 70], 0, { name: "the gradient of a" });
  t.expectTensor(gb, [2, 30], 0, { name: "the gradient of b" });
});

graded("05.5", 1, "the rule for mul doubles the gradient of a square", (t) => {
  const [g] = pullBack(([x]) => x.mul(x), [Tensor.of([3, -4])], Tensor.of([1, 10]));
  t.expectTensor(g, [6, -80]);
  const [cube] = pullBack(([x]) => x.mul(x).mul(x), [Tensor.of([3, -4])], Tensor.of([1, 10]));
  t.expectTensor(cube, [27, 480]);
});

graded("05.5", 2, "the rule for div divides by b, and by its square", (t) => {
  const a = Tensor.of([6, 3]), b = Tensor.of([2, -1]), g = Tensor.of([1, 10]);
  const [ga, gb] = pullBack(([a, b]) => a.div(b), [a, b], g);
  t.expectTensor(ga, [0.5, -10], 1e-6, { name: "the gradient of a" }); // g/b
  t.expectTensor(gb, [-1.5, -30], 1e-6, { name: "the gradient of b" }); // −g·a/b²
  const [slope] = pullBack(([b]) => Tensor.of(1).div(b), [Tensor.of([2, -4])], Tensor.of([4, 16]));
  t.expectTensor(slope, [-1, -1]);
});

graded("05.5", 1, "the rules for mul and div agree with finite differences", (t) => {
  const a = float64(t.normal([2, 3])), column = float64(t.uniform([2, 1], 1, 2));
  expectDerivative(t, ([a, b]) => a.mul(b), [a, column]);
  expectDerivative(t, ([a]) => a.mul(2.5), [a]);
  expectDerivative(t, ([a, b]) => a.div(b), [a, column]);
  expectDerivative(t, ([b]) => b.div(b.mul(b)), [column]);
});

// ── 05.6 ──

graded("05.6", 1, "the rules for exp and log multiply by eˣ, and divide by x", (t) => {
  const g = Tensor.of([10, -1]), ln = Math.log;
  t.expectTensor(pullBack(([x]) => x.exp(), [Tensor.of([0, ln(3)])], g)[0], [10, -3]);
  t.expectTensor(pullBack(([x]) => x.log(), [Tensor.of([4, 0.5])], g)[0], [2.5, -2]);
  expectGradientKept(t, ([x]) => x.exp(), [Tensor.of([0, 2])]);
  expectGradientKept(t, ([x]) => x.log(), [Tensor.of([4, 2])]);
});

graded("05.6", 1, "the rules for exp and log agree with finite differences", (t) => {
  expectDerivative(t, ([x]) => x.exp(), [float64(t.normal([2, 3]))]);
  expectDerivative(t, ([x]) => x.log(), [float64(t.uniform([2, 3], 0.5, 2))]);
  expectDerivative(t, ([x]) => x.exp().log(), [float64(t.normal([4]))]);
});

// ── 05.7 ──

graded("05.7", 2, "the rule for sum gives every number the gradient of its total", (t) => {
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

graded("05.7", 1, "the rule for sum agrees with finite differences", (t) => {
  const x = float64(t.normal([2, 3, 2]));
  for (const axes of [undefined, 1, [0, 2], [-1]]) {
    expectDerivative(t, ([x]) => x.sum(axes), [x]);
    expectDerivative(t, ([x]) => x.sum(axes, { keepDims: true }), [x]);
  }
});

// ── 05.8 ──

graded("05.8", 2, "the rule for max gives the gradient to the greatest alone", (t) => {
  const x = Tensor.of([[1, 5, 3], [6, 4, 2]]);
  const cases: [compute: (x: Tensor) => Tensor, g: Nested, expected: Nested][] = [
    [(x) => x.max(), 7, [[0, 0, 0], [7, 0, 0]]],
    [(x) => x.max(0), [1, 2, 3], [[0, 2, 3], [1, 0, 0]]],
    [(x) => x.max(1), [10, 20], [[0, 10, 0], [20, 0, 0]]],
    [(x) => x.max(1, { keepDims: true }), [[10], [20]], [[0, 10, 0], [20, 0, 0]]],
  ];
  for (const [compute, g, expected] of cases) {
    t.expectTensor(pullBack(([x]) => compute(x), [x], Tensor.of(g))[0], expected);
  }
});

graded("05.8", 1, "the rule for max shares evenly among equals", (t) => {
  const x = Tensor.of([[2, 2, 1], [3, 3, 3]]);
  const [g] = pullBack(([x]) => x.max(1), [x], Tensor.of([10, 6]));
  t.expectTensor(g, [[5, 5, 0], [2, 2, 2]]);
  t.expectTensor(pullBack(([x]) => x.max(), [x], Tensor.of(6))[0], [[0, 0, 0], [2, 2, 2]]);
});

graded("05.8", 1, "the rule for max agrees with finite differences", (t) => {
  const values = Float64Array.from(
    { length: 12 },
    (_, k) => (k * 7 % 12) / 4 + t.uniform([], 0, 0.1),
  );
  const x = new Tensor(values, [2, 3, 2]);
  for (const axes of [undefined, 1, [0, 2], [-1]]) {
    expectDerivative(t, ([x]) => x.max(axes), [x]);
    expectDerivative(t, ([x]) => x.max(axes, { keepDims: true }), [x]);
  }
});

// ── 05.9 ──

graded("05.9", 2, "the rule for matmul multiplies by the other matrix, transposed", (t) => {
  const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[5, 6], [7, 8]]);
  const [ga, gb] = pullBack(([a, b]) => a.matmul(b), [a, b], Tensor.of([[1, 0], [0, 2]]));
  t.expectTensor(ga, [[5, 7], [12, 16]]); // g·bᵀ
  t.expectTensor(gb, [[1, 6], [2, 8]]); // aᵀ·g
});

graded("05.9", 2, "the rule for matmul agrees with finite differences, also for stacks", (t) => {
  const pairs = [
    [[2, 3], [3, 4]],
    [[2, 3, 4], [2, 4, 2]],
    [[2, 3, 4], [4, 2]],
    [[3, 4], [2, 4, 1]],
  ];
  for (const [first, second] of pairs) {
    const a = float64(t.normal(first)), b = float64(t.normal(second));
    expectDerivative(t, ([a, b]) => a.matmul(b), [a, b]);
  }
});

// ── 05.10 ──

graded("05.10", 1, "the rules for reshape and permute put every number back", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]), g = Tensor.of([[1, 2], [3, 4], [5, 6]]);
  t.expectTensor(pullBack(([x]) => x.reshape([3, 2]), [x], g)[0], [[1, 2, 3], [4, 5, 6]]);
  t.expectTensor(pullBack(([x]) => x.permute([1, 0]), [x], g)[0], [[1, 3, 5], [2, 4, 6]]);
});

graded("05.10", 2, "the rules for reshape and permute agree with finite differences", (t) => {
  const x = float64(t.normal([2, 3, 4]));
  for (const shape of [[-1], [4, 6], [1, 24, 1]]) {
    expectDerivative(t, ([x]) => x.reshape(shape), [x]);
  }
  for (const order of [[1, 2, 0], [2, 0, 1], [0, 2, 1], [-1, 0, -2]]) {
    expectDerivative(t, ([x]) => x.permute(order), [x]);
  }
});

// ── 05.11 ──

graded("05.11", 2, "the rules for slice and pad undo each other", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  const [cut] = pullBack(([x]) => x.slice([1, 2], [0, 2]), [x], Tensor.of([[7, 8]]));
  t.expectTensor(cut, [[0, 0, 0], [7, 8, 0]]);
  const g = Tensor.arange(20).reshape([4, 5]);
  const [padded] = pullBack(([x]) => x.pad([[2, 0], [1, 1]]), [x], g);
  t.expectTensor(padded, [[11, 12, 13], [16, 17, 18]]);
});

graded("05.11", 2, "the rules for slice and pad agree with finite differences", (t) => {
  const x = float64(t.normal([3, 4, 2]));
  expectDerivative(t, ([x]) => x.slice([1, 3], null, [0, 1]), [x]);
  expectDerivative(t, ([x]) => x.slice([-1, 3], [1, -1]), [x]);
  expectDerivative(t, ([x]) => x.pad([[1, 0], [0, 2], [1, 1]]), [x]);
  expectDerivative(t, ([x]) => x.pad([[0, 1], [0, 0], [2, 0]]).slice([1, 4]), [x]);
});

// ── 05.12 ──

graded("05.12", 2, "the rule for relu lets the gradient through where x is above 0", (t) => {
  const x = Tensor.of([-2, 0, 3, 0.001]), g = Tensor.of([10, 20, 30, -40]);
  const [found] = pullBack(([x]) => relu(x), [x], g);
  t.expectTensor(found, [0, 0, 30, -40], 0, { name: "x", of: x });
  expectGradientKept(t, ([x]) => relu(x), [x]);
});

graded("05.12", 1, "the rule for relu agrees with finite differences on both sides of 0", (t) => {
  const x = float64([t.uniform([4], 0.1, 2), t.uniform([4], -2, -0.1)]);
  expectDerivative(t, ([x]) => relu(x), [x]);
});

// ── 05.13 ──

graded("05.13", 1, "the rules for sigmoid and tanh need nothing but the output", (t) => {
  // σ(log 3) = 3/4, tanh(log 2) = 3/5
  const g = Tensor.of([16, 25]), x = [0, Math.log(3)], z = [0, Math.log(2)];
  t.expectTensor(pullBack(([x]) => sigmoid(x), [Tensor.of(x)], g)[0], [4, 25 * 3 / 16]);
  t.expectTensor(pullBack(([x]) => tanh(x), [Tensor.of(z)], g)[0], [16, 16]);
});

graded("05.13", 1, "the rules for sigmoid and tanh agree with finite differences", (t) => {
  const x = float64(t.normal([2, 5]));
  expectDerivative(t, ([x]) => sigmoid(x), [x]);
  expectDerivative(t, ([x]) => tanh(x), [x]);
});

// ── 05.14 ──

graded("05.14", 2, "the rules for softmax and logSoftmax see that shares have one sum", (t) => {
  // shares 1/4 and 3/4
  const x = Tensor.of([0, Math.log(3)]), g = Tensor.of([16, 0]);
  t.expectTensor(pullBack(([x]) => softmax(x), [x], g)[0], [3, -3]); // y₀·(g₀ − g₀·y₀), −y₁·g₀·y₀
  t.expectTensor(pullBack(([x]) => logSoftmax(x), [x], g)[0], [12, -12]); // g₀ − y₀·g₀, −y₁·g₀
  const same = Tensor.of([5, 5]); // adding the same to all scores changes no share
  const [none] = pullBack(([x]) => softmax(x), [x], same);
  t.expectTensor(none, [0, 0]);
  // along the first axis: columns of shares ¼ and ¾, of which each has a gradient of its own
  const columns = Tensor.of([[0, 2, 1], [Math.log(3), 2 + Math.log(3), 1 + Math.log(3)]]);
  const gs = Tensor.of([[16, 0, 4], [0, 16, 4]]);
  const [dx] = pullBack(([x]) => softmax(x, 0), [columns], gs);
  t.expectTensor(dx, [[3, -3, 0], [-3, 3, 0]]);
  const [dlog] = pullBack(([x]) => logSoftmax(x, 0), [columns], gs);
  t.expectTensor(dlog, [[12, -4, 2], [-12, 4, -2]]);
});

graded("05.14", 2, "the rules for softmax and logSoftmax agree with finite differences", (t) => {
  const x = float64(t.normal([2, 3, 2]));
  for (const axis of [0, 1, 2, -1]) {
    expectDerivative(t, ([x]) => softmax(x, axis), [x]);
    expectDerivative(t, ([x]) => logSoftmax(x, axis), [x]);
  }
});

// ── 05.15 ──

graded("05.15", 2, "the rule for crossEntropy takes 1 from the share at the label", (t) => {
  // equal scores: shares of 1/2, two rows, a gradient of 6: 6·(1/2 − 1)/2 and 6·(1/2)/2
  const [g] = pullBack(
    ([scores]) => crossEntropy(scores, Int32Array.of(1, 0)),
    [Tensor.of([[0, 0], [3, 3]])],
    Tensor.of(6),
  );
  t.expectTensor(g, [[1.5, -1.5], [-1.5, 1.5]]);
});

graded("05.15", 2, "the rule for crossEntropy gives each row its own gradient", (t) => {
  // probabilities 1/4 and 3/4 in both rows
  const scores = Tensor.of([[0, Math.log(3)], [Math.log(3), Math.log(9)]]);
  const [g] = pullBack(
    ([scores]) => crossEntropy(scores, Int32Array.of(0, 1), { reduction: "none" }),
    [scores],
    Tensor.of([4, 8]),
  );
  t.expectTensor(g, [[-3, 3], [2, -2]]);
  // shares that add up to 2: 4·(2·¼ − 1), 4·(2·¾ − 1), and with a weight of 3 on the second class
  const first = scores.slice([0, 1]);
  const [double] = pullBack(
    ([scores]) => crossEntropy(scores, Tensor.of([[1, 1]])),
    [first],
    Tensor.of(4),
  );
  t.expectTensor(double, [[-2, 2]]);
  const [weighed] = pullBack(
    ([scores]) => {
      const options = { classWeights: [1, 3], reduction: "sum" } as const;
      return crossEntropy(scores, Int32Array.of(1), options);
    },
    [first],
    Tensor.of(4),
  );
  t.expectTensor(weighed, [[3, -3]]);
});

graded("05.15", 2, "the rule for crossEntropy agrees with finite differences", (t) => {
  const scores = float64(t.normal([4, 3])), labels = Int32Array.from(t.integers(4, 0, 2));
  expectDerivative(t, ([scores]) => crossEntropy(scores, labels), [scores]);
  const options = { classWeights: t.uniform([3], 0.5, 2), labelSmoothing: 0.2 };
  expectDerivative(t, ([scores]) => crossEntropy(scores, labels, options), [scores]);
  const shares = float64(t.uniform([4, 3], 0.2, 0.8)); // their sums are not 1
  expectDerivative(t, ([scores, shares]) => crossEntropy(scores, shares), [scores, shares]);
});

graded("05.15", 1, "the rule for crossEntropy changes neither scores nor shares", (t) => {
  const scores = leaf(Tensor.of([[0, 0]])), shares = leaf(Tensor.of([[0.25, 0.75]]));
  const loss = crossEntropy(scores, shares);
  const [g] = gradients(weigh([loss], Tensor.of(1)), [scores, shares]);
  t.expectTensor(g, [[0.25, -0.25]]);
  t.expectTensor(scores, [[0, 0]], 0);
  t.expectTensor(shares, [[0.25, 0.75]], 0);
});
