/**
 * What module 05 promises beside its derivatives, which gradients_test.ts judges: the walk back,
 * gradients of anything, operations of one's own, the check itself, and every way in which a walk
 * can be refused, with all as it was before.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { relu } from "#activations";
import {
  backward,
  checkGradients,
  defineOp,
  detach,
  gradients,
  GraphError,
  leaf,
  noGrad,
  topologicalOrder,
  unbroadcast,
} from "#autograd";
import { Parameter } from "#layers";
import { crossEntropy } from "#losses";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import {
  broadcastShapes,
  describeShape,
  type Nested,
  type Shape,
  ShapeError,
  Tensor,
  ValueError,
} from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { float64 } from "./project/tensors.ts";

function parameter(values: Nested): Parameter {
  return new Parameter(float64(values));
}

/** Generic points: random numbers in a range, the same in every run. */
function points(shape: Shape, low = -2, high = 2, seed = 1): Tensor {
  return Tensor.uniform(shape, new Generator(seed), { low, high, dtype: "float64" });
}

// ── Summing over stretched axes ──

test("unbroadcast() sums over the axes along which an input was stretched", () => {
  const g = float64([[1, 2, 3], [10, 20, 30]]);
  const table: [Shape, Nested][] = [
    [[2, 3], [[1, 2, 3], [10, 20, 30]]],
    [[3], [11, 22, 33]],
    [[1, 3], [[11, 22, 33]]],
    [[2, 1], [[6], [60]]],
    [[1, 1], [[66]]],
    [[1], [66]],
    [[], 66],
  ];
  for (const [shape, expected] of table) {
    const summed = unbroadcast(g, shape);
    assertEquals([summed.shape, summed.toArray()], [shape, expected]);
  }
});

test("unbroadcast() counts how often each number was repeated, on 200 random shapes", () => {
  const g = new Generator(4);
  for (let round = 0; round < 200; round++) {
    const whole = Array.from({ length: g.integer(5) }, () => 1 + g.integer(4));
    const part = whole.slice(g.integer(whole.length + 1)).map((n) => g.integer(2) === 0 ? 1 : n);
    const ones = Tensor.ones(broadcastShapes(part, whole)), summed = unbroadcast(ones, part);
    assertEquals(summed.shape, part);
    for (const repeats of summed.data) assertEquals(repeats, ones.size / summed.size);
  }
});

// ── The walk ──

test("topologicalOrder() lists everything that requires a gradient once, after its inputs", () => {
  const w = parameter([1, 2]), x = float64([3, 4]);
  const a = w.mul(x), b = a.add(w), c = a.mul(b), last = c.add(a).sum();
  const order = topologicalOrder(last);
  assertEquals(order.length, 6); // w, a, b, c, c + a, and the sum
  assertEquals(new Set(order).size, 6);
  assertStrictEquals(order.at(-1), last);
  assert(!order.includes(x));
  for (const tensor of order) {
    for (const input of tensor.origin?.inputs ?? []) {
      if (input.requiresGrad) assert(order.indexOf(input) < order.indexOf(tensor));
    }
  }
});

test("topologicalOrder() of a constant is empty, and of a parameter itself", () => {
  assertEquals(topologicalOrder(float64([1])).length, 0);
  const w = parameter([1]), order = topologicalOrder(w);
  assertEquals(order.length, 1);
  assertStrictEquals(order[0], w);
});

test("backward() adds up what reaches a tensor that is used twice in one operation", () => {
  const w = parameter([3, -4]);
  backward(w.mul(w).sum());
  assertEquals(w.grad?.toArray(), [6, -8]);
  const v = parameter([3, -4]);
  backward(v.div(v).add(v.sub(v)).sum());
  assertEquals(v.grad?.toArray(), [0, 0]);
});

test("backward() adds up what reaches a tensor along two ways", () => {
  // a = 2w, L = a·(a + w) = 6w²  ⇒  ∂L/∂w = 12w
  const w = parameter([1, 5]), a = w.mul(2);
  backward(a.mul(a.add(w)).sum());
  assertEquals(w.grad?.toArray(), [12, 60]);
});

test("backward() goes once through each of a thousand diamonds", () => {
  const w = parameter(1);
  let y: Tensor = w;
  for (let k = 0; k < 1000; k++) y = y.mul(0.5).add(y.mul(0.5));
  backward(y);
  assertEquals(w.grad?.item(), 1);
});

test("backward() goes through 10,000 operations of one parameter, and adds up all its uses", () => {
  const w = parameter([1, -1]);
  let y: Tensor = w.mul(0);
  for (let k = 0; k < 10_000; k++) y = y.add(w);
  backward(y.sum());
  assertEquals(w.grad?.toArray(), [10_000, 10_000]);
});

test("backward() goes through 10,000 operations in a row", () => {
  const w = parameter([1, 2]);
  let y: Tensor = w;
  for (let k = 0; k < 5000; k++) y = y.add(1).mul(k % 2 === 0 ? 2 : 0.5);
  backward(y.sum());
  assertEquals(w.grad?.toArray(), [1, 1]);
});

test("backward() takes a single number of any rank, a parameter too", () => {
  for (const shape of [[], [1], [1, 1]]) {
    const w = parameter([2]);
    backward(w.mul(3).reshape(shape));
    assertEquals(w.grad?.toArray(), [3]);
  }
  const alone = parameter([2]);
  backward(alone);
  assertEquals(alone.grad?.toArray(), [1]);
});

test("backward() adds to the gradients that are there", () => {
  const w = parameter([1, 2]);
  backward(w.mul(3).sum());
  backward(w.mul(w).sum());
  assertEquals(w.grad?.toArray(), [3 + 2, 3 + 4]);
});

test("backward() leaves the gradient that was there as it was, and makes another", () => {
  const w = parameter([1]);
  backward(w.mul(3).sum());
  const before = w.grad;
  backward(w.mul(4).sum());
  assertEquals([before?.toArray(), w.grad?.toArray()], [[3], [7]]);
});

test("backward() gives each parameter a gradient of its own", () => {
  const a = parameter([1, 2]), b = parameter([3, 4]);
  backward(a.add(b).sum());
  a.grad?.data.fill(99);
  assertEquals(b.grad?.toArray(), [1, 1]);
});

test("gradients() gives each input a gradient of its own", () => {
  const a = leaf(float64([1, 2])), b = leaf(float64([3, 4]));
  const [forA, forB] = gradients(a.add(b).sum(), [a, b]);
  forA.data.fill(99);
  assertEquals(forB.toArray(), [1, 1]);
});

test("backward() leaves parameters without a part in the loss alone", () => {
  const w = parameter([1]), other = parameter([1]);
  backward(w.mul(2).sum());
  assertEquals(other.grad, null);
});

test("backward() leaves values and versions as they were", () => {
  const w = parameter([2, 3]), x = float64([4, 5]), y = w.mul(x);
  backward(y.mul(y).sum());
  assertEquals([w.toArray(), x.toArray(), y.toArray()], [[2, 3], [4, 5], [8, 15]]);
  assertEquals(w.version, 0);
});

test("backward() makes gradients without a history", () => {
  const w = parameter([1, 2]);
  backward(w.mul(w).exp().sum());
  assertEquals([w.grad?.requiresGrad, w.grad?.origin], [false, null]);
});

test("backward() adds to gradients without making a history", () => {
  const w = parameter([1, 2]);
  for (const expected of [[2, 4], [4, 8]]) {
    backward(w.mul(w).sum());
    assertEquals(w.grad?.toArray(), expected);
    assertEquals([w.grad?.requiresGrad, w.grad?.origin], [false, null]);
  }
});

test("backward() lets go of the values on the way", () => {
  const w = parameter([1, 2]), y = w.mul(w), loss = y.exp().sum();
  backward(loss);
  assertEquals([y.origin?.inputs, loss.origin?.inputs], [[], []]);
});

test("backward() records again afterwards", () => {
  const w = parameter([1]);
  backward(w.mul(2).sum());
  assert(w.mul(2).requiresGrad);
});

test("backward() keeps the format of each parameter", () => {
  const single = new Parameter(Tensor.of([[1, 2], [3, 4]]));
  const row = new Parameter(Tensor.of([1, 1]));
  backward(crossEntropy(relu(single.matmul(single)).add(row).div(3), Int32Array.of(0, 1)));
  assertEquals([single.grad?.dtype, row.grad?.dtype], ["float32", "float32"]);
  const double = parameter([1, 2]), mixed = new Parameter(Tensor.of([1, 2]));
  backward(mixed.to("float64").mul(double).max());
  assertEquals([mixed.grad?.dtype, double.grad?.dtype], ["float32", "float64"]);
  assertEquals([mixed.grad?.toArray(), double.grad?.toArray()], [[0, 2], [0, 2]]);
});

// ── Gradients of anything ──

test("leaf() shares the numbers, requires a gradient and is no parameter", () => {
  const x = float64([1, 2]), asked = leaf(x);
  assertStrictEquals(asked.data, x.data);
  assertEquals([asked.requiresGrad, asked.origin, asked.shape], [true, null, [2]]);
  assert(!(asked instanceof Parameter));
  assert(!x.requiresGrad);
});

test("gradients() gives one gradient per input, in order, and changes no parameter", () => {
  const x = leaf(float64([1, 2])), w = parameter([3, 4]);
  const [forW, forX] = gradients(x.mul(w).mul(x).sum(), [w, x]);
  assertEquals([forW.toArray(), forX.toArray()], [[1, 4], [6, 16]]);
  assertEquals(w.grad, null);
});

test("gradients() gives zeros for an input without a part in the loss", () => {
  const x = leaf(float64([1])), idle = leaf(Tensor.ones([2, 3]));
  const other = leaf(float64([[5]])), [, none, zero] = gradients(x.mul(2).sum(), [x, idle, other]);
  assertEquals([none.shape, none.dtype, [...none.data]], [[2, 3], "float32", [0, 0, 0, 0, 0, 0]]);
  assertEquals([zero.toArray(), zero.dtype], [[[0]], "float64"]);
});

test("backward() passes leaves by", () => {
  const x = leaf(float64([1])), w = parameter([2]);
  backward(x.mul(w).sum());
  assertEquals(w.grad?.toArray(), [1]);
  assert(!("grad" in x));
});

test("gradients() refuses what is neither a parameter nor a leaf, before it walks", () => {
  const w = parameter([1, 2]), loss = w.mul(2).sum();
  for (const input of [float64([1, 2]), w.mul(1)]) {
    assertRefuses(
      () => gradients(loss, [w, input]),
      ValueError,
      "Cannot give the gradient of (2,): it is neither a parameter nor a leaf",
      "wrap it with leaf(x) before it is used",
    );
  }
  assertEquals(gradients(loss, [w])[0].toArray(), [2, 2]);
});

test("gradients() gives an input that is asked for twice two gradients of its own", () => {
  const x = leaf(float64([1, 2])), [first, second] = gradients(x.mul(x).sum(), [x, x]);
  assertEquals([first.toArray(), second.toArray()], [[2, 4], [2, 4]]);
  assert(first.data !== second.data);
});

test("gradients() of nothing is nothing, and the computation is walked all the same", () => {
  const x = leaf(float64([1])), loss = x.mul(2).sum();
  assertEquals(gradients(loss, []), []);
  assertThrows(() => gradients(loss, [x]), GraphError);
});

test("leaf() takes the place of a parameter, and goes without one that was computed", () => {
  const w = parameter([1, 2]), asked = leaf(w.mul(3));
  const [found] = gradients(asked.mul(w).sum(), [asked]);
  assertEquals([found.toArray(), w.grad], [[1, 2], null]);
  backward(leaf(w.mul(3)).mul(w).sum());
  assertEquals(w.grad?.toArray(), [3, 6]); // nothing through the leaf
});

test("leaf() follows the version of a parameter", () => {
  const w = parameter([1, 2]), asked = leaf(w), loss = asked.mul(asked).sum();
  assertEquals(asked.version, 0);
  w.write((data) => data.fill(9));
  assertEquals(asked.version, 1);
  assertRefuses(
    () => gradients(loss, [asked]),
    GraphError,
    "Cannot go backward through mul: its input (2,) was changed after it was used",
    "call backward() before the optimizer's step()",
  );
  assertEquals(gradients(asked.mul(asked).sum(), [asked])[0].toArray(), [18, 18]);
});

test("detach() shares the numbers, and lets no gradient through", () => {
  const w = parameter([3, 4]), y = w.mul(2), cut = detach(y);
  assertStrictEquals(cut.data, y.data);
  assertEquals([cut.shape, cut.requiresGrad, cut.origin], [[2], false, null]);
  backward(w.mul(detach(w)).add(cut).sum());
  assertEquals(w.grad?.toArray(), [3, 4]); // and not 2w + 2
  assert(y.requiresGrad && w.requiresGrad);
});

test("detach() leaves the way back of its source as it was", () => {
  const w = parameter([3, 4]), y = w.mul(2);
  detach(y);
  backward(y.sum());
  assertEquals(w.grad?.toArray(), [2, 2]);
});

// ── Walks that are refused ──

test("backward() refuses a loss of several numbers", () => {
  const w = parameter([1, 2]), y = w.mul(2);
  for (const [loss, shown] of [[y, "(2,)"], [y.reshape([1, 2]), "(1, 2)"]] as const) {
    const message = `Cannot go backward from ${shown}: a loss is a single number`;
    const hint = "reduce it first, with sum() or mean()";
    assertRefuses(() => backward(loss), ShapeError, message, hint);
    assertRefuses(() => gradients(loss, [w]), ShapeError, message, hint);
  }
  assertEquals(w.grad, null);
  backward(y.sum());
  assertEquals(w.grad?.toArray(), [2, 2]);
});

test("backward() refuses a constant", () => {
  const w = parameter([1]);
  for (const loss of [float64(1), noGrad(() => w.sum()), w.greater(0)]) {
    assertRefuses(
      () => backward(loss),
      GraphError,
      "Cannot go backward from a constant: nothing in it requires a gradient",
      "was it computed inside of noGrad(), or without any parameter?",
    );
  }
  assertEquals(w.grad, null);
});

test("backward() refuses to walk a computation twice, or a part of it", () => {
  const w = parameter([1, 2]), shared = w.mul(w), loss = shared.sum();
  const other = shared.mul(3).add(w).sum();
  backward(loss);
  const message = "Cannot go backward twice over one computation: its intermediate values are gone";
  const hint = "compute the loss again, or add two losses before going backward";
  assertRefuses(() => backward(loss), GraphError, message, hint);
  assertRefuses(() => backward(other), GraphError, message, hint);
  assertRefuses(() => gradients(other, [w]), GraphError, message, hint);
  assertEquals(w.grad?.toArray(), [2, 4]);
  assert(w.mul(2).requiresGrad, "recording is on again");
});

test("backward() walks two losses over one computation when they are added first", () => {
  const w = parameter([1, 2]), shared = w.mul(w);
  backward(shared.sum().add(shared.mul(3).sum()));
  assertEquals(w.grad?.toArray(), [8, 16]);
});

test("backward() refuses values that were changed after they were used", () => {
  const w = parameter([1, 2]), v = parameter([5]);
  const loss = w.mul(w).add(v).sum();
  w.write((data) => data.fill(9));
  assertRefuses(
    () => backward(loss),
    GraphError,
    "Cannot go backward through mul: its input (2,) was changed after it was used",
    "call backward() before the optimizer's step()",
  );
  assertEquals([w.grad, v.grad], [null, null]);
  assert(w.mul(2).requiresGrad, "recording is on again");
  backward(w.mul(w).sum());
  assertEquals(w.grad?.toArray(), [18, 18]);
});

test("backward() refuses after an optimizer's step, and says what to do", () => {
  const w = parameter([1, 2]), optimizer = new SGD([w], { learningRate: 0.5 });
  const early = w.mul(w).sum(), late = w.mul(w).sum();
  backward(early);
  optimizer.step();
  assertRefuses(
    () => backward(late),
    GraphError,
    "Cannot go backward through mul: its input (2,) was changed after it was used",
    "call backward() before the optimizer's step()",
  );
  assertEquals([w.grad?.toArray(), w.toArray()], [[2, 4], [0, 0]]);
});

test("backward() takes values that were changed before they were used", () => {
  const w = parameter([1, 2]);
  w.write((data) => data.fill(9));
  backward(w.mul(w).sum());
  assertEquals(w.grad?.toArray(), [18, 18]);
});

test("backward() names the custom operation whose input was changed", () => {
  const w = parameter([1, 2]), loss = double([w]).sum();
  w.write((data) => data.fill(9));
  assertRefuses(
    () => backward(loss),
    GraphError,
    "Cannot go backward through double: its input (2,) was changed after it was used",
    "call backward() before the optimizer's step()",
  );
});

test("GraphError is an Error by that name", () => {
  const error = new GraphError("message", "hint");
  assert(error instanceof Error);
  assertEquals([error.name, error.message, error.hint], ["GraphError", "message", "hint"]);
});

// ── Without recording ──

test("noGrad() computes the same without a history, and gives what its callback gives", () => {
  const w = parameter([1, 2]);
  const { y, text } = noGrad(() => ({ y: w.mul(3), text: "done" }));
  assertEquals([y.toArray(), y.requiresGrad, y.origin, text], [[3, 6], false, null, "done"]);
  assert(w.mul(3).requiresGrad);
});

test("noGrad() inside of noGrad() stays without recording until the outer one ends", () => {
  const w = parameter([1]);
  noGrad(() => {
    noGrad(() => assert(!w.mul(2).requiresGrad));
    assert(!w.mul(2).requiresGrad);
  });
  assert(w.mul(2).requiresGrad);
});

test("noGrad() records again after an error, and lets the error through", () => {
  const w = parameter([1]), thrown = new Error("from inside");
  const caught = assertThrows(() =>
    noGrad(() => {
      throw thrown;
    })
  );
  assertStrictEquals(caught, thrown);
  assert(w.mul(2).requiresGrad);
});

test("noGrad() stays without recording when an error ends an inner one", () => {
  const w = parameter([1]);
  noGrad(() => {
    assertThrows(() =>
      noGrad(() => {
        throw new Error("from inside");
      })
    );
    assert(!w.mul(2).requiresGrad);
  });
});

test("noGrad() refuses async functions, and records again", () => {
  const w = parameter([1]);
  assertRefuses(
    () => noGrad(async () => await Promise.resolve(1)),
    GraphError,
    "Cannot run noGrad() over an async function: it returns too early",
    "call noGrad() around each synchronous part",
  );
  assert(w.mul(2).requiresGrad);
});

// ── Operations of one's own ──

/** 2x, with its derivative. */
const double = defineOp<void, null>({
  name: "double",
  forward: ([x]) => ({ output: x.mul(2), saved: null }),
  backward: (g) => [g.mul(2)],
});

/** An operation x ↦ x whose backward gives a tensor of some shape. */
function givesBack(shape: Shape): (x: Tensor) => Tensor {
  const op = defineOp<void, null>({
    name: "identity",
    forward: ([x]) => ({ output: x, saved: null }),
    backward: () => [Tensor.ones(shape, { dtype: "float64" })],
  });
  return (x) => op([x]);
}

test("defineOp() makes an operation that brings its own derivative", () => {
  const power = defineOp<{ exponent: number }, Tensor>({
    name: "power",
    forward: ([x], { exponent }) => {
      const output = Tensor.zeros(x.shape, { dtype: x.dtype });
      x.data.forEach((value, i) => output.data[i] = value ** exponent);
      return { output, saved: output.div(x) };
    },
    backward: (g, { saved, options: { exponent } }) => [g.mul(saved).mul(exponent)],
  });
  for (const exponent of [2, 3, -1]) {
    const x = points([2, 3], 0.5, 2);
    assertLess(checkGradients(([t]) => power([t], { exponent }), [x]), 1e-6);
    assertLess(checkGradients(([t]) => power([t.add(1)], { exponent }).mul(t), [x]), 1e-6);
  }
});

test("defineOp() hands backward the inputs, the output, what was saved and the options", () => {
  let handed: readonly Tensor[] = [], told: unknown[] = [];
  const op = defineOp<string, number>({
    name: "watched",
    forward: ([a, b]) => ({ output: a.add(b), saved: 42 }),
    backward: (g, { inputs, output, saved, options }) => {
      handed = [...inputs, output];
      told = [g.toArray(), saved, options];
      return [g, g];
    },
  });
  const a = leaf(float64([1])), b = leaf(float64([2])), made = op([a, b], "told");
  gradients(made.mul(5).sum(), [a]);
  [a, b, made].forEach((tensor, k) => assertStrictEquals(handed[k], tensor));
  assertEquals([handed.length, told], [3, [[5], 42, "told"]]);
});

test("defineOp() runs forward without recording", () => {
  const inside: boolean[] = [];
  const op = defineOp<void, null>({
    name: "watched",
    forward: ([x]) => {
      inside.push(x.mul(2).requiresGrad);
      return { output: x, saved: null };
    },
    backward: (g) => [g],
  });
  op([parameter([1])]);
  assertEquals(inside, [false]);
});

test("defineOp() runs backward without recording", () => {
  const inside: boolean[] = [], w = parameter([1]);
  const op = defineOp<void, null>({
    name: "watched",
    forward: ([x]) => ({ output: x, saved: null }),
    backward: (g, { inputs: [x] }) => {
      inside.push(g.mul(x).requiresGrad);
      return [g];
    },
  });
  backward(op([w]));
  assertEquals(inside, [false]);
});

test("defineOp() takes functions, which are called only where a gradient is needed", () => {
  const called: string[] = [];
  const times = defineOp<void, null>({
    name: "times",
    forward: ([a, b]) => ({ output: a.mul(b), saved: null }),
    backward: (g, { inputs: [a, b] }) => [
      () => {
        called.push("a");
        return g.mul(b);
      },
      () => {
        called.push("b");
        return g.mul(a);
      },
    ],
  });
  const a = parameter([2, 3]), b = float64([5, 7]);
  backward(times([a, b]).sum());
  assertEquals([a.grad?.toArray(), called], [[5, 7], ["a"]]);
  const c = leaf(b);
  assertEquals(gradients(times([float64([2, 3]), c]).sum(), [c])[0].toArray(), [2, 3]);
  assertEquals(called, ["a", "b"]);
});

test("backward() does not look at the gradient of a constant", () => {
  const op = defineOp<void, null>({
    name: "careless",
    forward: ([x, y]) => ({ output: x.mul(y), saved: null }),
    backward: (g, { inputs: [, y] }) => [g.mul(y), Tensor.ones([7])],
  });
  const w = parameter([1, 2]);
  backward(op([w, float64([3, 4])]).sum());
  assertEquals(w.grad?.toArray(), [3, 4]);
});

test("defineOp() records the operation and nothing inside of it", () => {
  const w = parameter([1, 2]), made = double([w]);
  assertEquals(topologicalOrder(made).length, 2);
  const op = made.origin?.op;
  assert(typeof op === "object");
  assertEquals(op.name, "double");
});

test("defineOp() keeps no history of constants, nor inside of noGrad()", () => {
  const w = parameter([1]);
  assertEquals(double([float64([1])]).origin, null);
  assertEquals(noGrad(() => double([w])).origin, null);
});

test("defineOp() takes null for an input that gets no gradient", () => {
  const gate = defineOp<void, null>({
    name: "gate",
    forward: ([x, mask]) => ({ output: x.mul(mask), saved: null }),
    backward: (g, { inputs: [, mask] }) => [g.mul(mask), null],
  });
  const x = leaf(float64([3, 4])), mask = leaf(float64([0, 1]));
  const [forX, forMask] = gradients(gate([x, mask]).sum(), [x, mask]);
  assertEquals([forX.toArray(), forMask.toArray()], [[0, 1], [0, 0]]);
  const w = parameter([3, 4]), v = parameter([0, 1]);
  backward(gate([w, v.mul(2).neg()]).sum()); // nothing goes on behind the null
  assertEquals([w.grad?.toArray(), v.grad], [[-0, -2], null]);
});

test("defineOp() gradients of the broadcast shape are summed by the engine", () => {
  const plus = defineOp<void, null>({
    name: "plus",
    forward: ([a, b]) => ({ output: a.add(b), saved: null }),
    backward: (g) => [g, g],
  });
  const inputs = [points([2, 3]), points([3]), points([2, 1])];
  assertLess(checkGradients(([a, b, c]) => plus([plus([a, b]), c]).exp(), inputs), 1e-6);
});

test("backward() refuses a gradient that has not its input's shape", () => {
  const table: [Shape, Shape][] = [
    [[2], [3]],
    [[2, 3], [2, 2]],
    [[2, 3], [3]],
    [[6], [2, 3]],
    [[2, 3], [3, 2]],
    [[2, 3], [6]],
    [[2, 2], [4]],
  ];
  for (const [shape, given] of table) {
    const w = new Parameter(points(shape)), loss = givesBack(given)(w).sum();
    assertRefuses(
      () => backward(loss),
      ShapeError,
      "Cannot go backward through identity: the gradient of an input must have its shape, " +
        `${describeShape(given)} is not ${describeShape(shape)}`,
    );
    assertEquals(w.grad, null);
    assert(w.mul(2).requiresGrad, "recording is on again");
  }
});

test("backward() can be tried again after an error in an operation's backward", () => {
  let broken = true;
  const fragile = defineOp<void, null>({
    name: "fragile",
    forward: ([x]) => ({ output: x, saved: null }),
    backward: (g) => {
      if (broken) throw new Error("from backward");
      return [g];
    },
  });
  const w = parameter([[0, Math.log(3)]]), v = parameter(2);
  const loss = crossEntropy(fragile([w]), Int32Array.of(0)).mul(v);
  assertEquals(assertThrows(() => backward(loss), Error).message, "from backward");
  assertEquals([w.grad, v.grad], [null, null]);
  assert(w.mul(2).requiresGrad, "recording is on again");
  broken = false;
  backward(loss);
  const [first, second] = w.grad?.data ?? [];
  assertAlmostEquals(first, 2 * (1 / 4 - 1), 1e-15);
  assertAlmostEquals(second, 2 * (3 / 4), 1e-15);
  assertAlmostEquals(v.grad?.item() ?? NaN, Math.log(4), 1e-15);
});

// ── The check itself ──

test("checkGradients() names the worst index of a wrong derivative", () => {
  // Halves and quarters, and a step of 2⁻¹⁰, so that every difference is exact.
  let weight = 0;
  const wrong = defineOp<void, null>({
    name: "wrong",
    forward: ([x]) => ({ output: x.mul(2), saved: null }),
    backward: (g) => {
      weight = g.data[2];
      const given = g.mul(2);
      given.data[2] = 3 * weight; // at [1, 0] of (2, 2)
      return [given];
    },
  });
  const inputs = [float64([0.5]), float64([[0.5, 0.25], [1, 0.75]])];
  const error = assertThrows(
    () => checkGradients(([a, b]) => wrong([b]).mul(a.mul(0).add(1)), inputs, { step: 2 ** -10 }),
    ValueError,
  );
  assertEquals(
    error.message,
    `Cannot confirm the gradient of input 1 (2, 2) at [1, 0]: got ${3 * weight}, ` +
      `expected ${2 * weight}`,
  );
});

test("checkGradients() finds each of many wrong derivatives", () => {
  const wrongs: { readonly [what: string]: (g: Tensor, x: Tensor) => Tensor } = {
    "nothing": (g) => g.mul(0),
    "the wrong sign": (g, x) => g.mul(x).mul(-2),
    "half of it": (g, x) => g.mul(x),
    "one per mille too much": (g, x) => g.mul(x).mul(2.002),
    "another operation's": (g, x) => g.mul(x.exp()),
    "neighbours exchanged": (g, x) => g.mul(x).mul(2).permute([1, 0]).reshape([2, 3]),
    "NaN": (g) => g.mul(NaN),
  };
  for (const [what, derivative] of Object.entries(wrongs)) {
    const square = defineOp<void, null>({
      name: "square",
      forward: ([x]) => ({ output: x.mul(x), saved: null }),
      backward: (g, { inputs: [x] }) => [derivative(g, x)],
    });
    const error = assertThrows(
      () => checkGradients(([x]) => square([x]), [points([2, 3], 0.5, 2)]),
      ValueError,
      undefined,
      what,
    );
    const number = String.raw`-?[\d.e+-]+`;
    const whole = new RegExp(
      String.raw`^Cannot confirm the gradient of input 0 \(2, 3\) at \[[01], [012]\]: ` +
        `got (${number}|NaN), expected ${number}$`,
    );
    assert(whole.test(error.message), `${what}: ${error.message}`);
  }
});

test("checkGradients() finds a NaN among right numbers, wherever it stands", () => {
  for (const place of [0, 1, 2]) {
    const hole = defineOp<void, null>({
      name: "hole",
      forward: ([x]) => ({ output: x.mul(1), saved: null }),
      backward: (g) => {
        const given = g.mul(1);
        given.data[place] = NaN;
        return [given];
      },
    });
    const error = assertThrows(() => checkGradients(([x]) => hole([x]), [points([3])]), ValueError);
    const start = `Cannot confirm the gradient of input 0 (3,) at [${place}]: got NaN, expected `;
    assertEquals(error.message.slice(0, start.length), start);
    assert(Number.isFinite(Number(error.message.slice(start.length))), error.message);
  }
});

test("checkGradients() sees errors that a plain sum would cancel", () => {
  const swapped = defineOp<void, null>({
    name: "swapped",
    forward: ([x]) => ({ output: x.permute([1, 0]), saved: null }),
    backward: (g) => [g], // should be permuted back
  });
  assertThrows(() => checkGradients(([x]) => swapped([x]), [points([2, 2])]), ValueError);
});

test("checkGradients() takes a step and a tolerance", () => {
  const cube = ([x]: readonly Tensor[]): Tensor => x.mul(x).mul(x);
  // The difference is off by h², whatever x is.
  assertThrows(() => checkGradients(cube, [float64([0.1])], { step: 0.1 }), ValueError);
  const error = checkGradients(cube, [float64([0.1])], { step: 0.1, tolerance: 0.016 });
  assert(error > 0.004 && error < 0.016, `${error}`); // folded by a weight from 0.5 to 1.5
});

test("checkGradients() leaves its inputs as they were", () => {
  const x = points([2, 3]), before = x.data.slice();
  checkGradients(([t]) => t.exp(), [x]);
  assertEquals(x.data, before);
  assert(!x.requiresGrad);
  let calls = 0;
  const fails = ([t]: readonly Tensor[]): Tensor => {
    if (++calls === 4) throw new Error("from inside");
    return t.exp();
  };
  assertThrows(() => checkGradients(fails, [x]), Error, "from inside");
  assertEquals(x.data, before);
});

test("checkGradients() refuses float32", () => {
  assertRefuses(
    () => checkGradients(([a, b]) => a.mul(b), [points([2]), Tensor.ones([2, 3])]),
    ShapeError,
    "Cannot check gradients at (2, 3) in float32: rounding is too coarse",
    'make the inputs with { dtype: "float64" }',
  );
});

test("backward() refuses an operation that gives too few gradients", () => {
  const careless = defineOp<void, null>({
    name: "careless",
    forward: ([x]) => ({ output: x.mul(1), saved: null }),
    backward: (g) => [g],
  });
  const w = new Parameter(Tensor.of([1])), v = new Parameter(Tensor.of([2]));
  assertRefuses(
    () => backward(careless([w, v]).sum()),
    ShapeError,
    "Cannot go backward through careless: it must give one gradient (or null) per input, 1 is not 2",
  );
  assertEquals([w.grad, v.grad], [null, null]);
});

test("checkGradients() refuses a function that does not depend on its inputs", () => {
  assertRefuses(
    () => checkGradients(() => points([2]), [points([2])]),
    GraphError,
    "Cannot go backward from a constant: nothing in it requires a gradient",
    "was it computed inside of noGrad(), or without any parameter?",
  );
});

test("checkGradients() measures large slopes by their size", () => {
  assertLess(checkGradients(([x]) => x.exp(), [float64([10, 12])]), 1e-6);
  const cube = ([x]: readonly Tensor[]): Tensor => x.mul(x).mul(x);
  assertLess(checkGradients(cube, [float64([1e3, -1e3])]), 1e-6);
});

test("checkGradients() gives 0 where derivative and difference are the same number", () => {
  const identity = ([x]: readonly Tensor[]): Tensor => x.mul(0);
  assertEquals(checkGradients(identity, [points([2, 2])], { tolerance: 0 }), 0);
});

test("crossEntropy() keeps the labels that it was given, whatever becomes of the array", () => {
  const scores = new Parameter(Tensor.of([[0, 0]])), labels = Int32Array.of(1);
  const loss = crossEntropy(scores, labels);
  labels[0] = 0;
  backward(loss);
  assertEquals(scores.grad?.toArray(), [[0.5, -0.5]]);
});

// ── Views of a parameter ──

test("a backward that needs what detach() showed says so if the parameter was changed", () => {
  const v = parameter([2]), w = parameter([3]);
  const loss = v.mul(detach(w)).sum();
  w.write((numbers) => numbers.fill(100));
  assertRefuses(
    () => backward(loss),
    GraphError,
    "Cannot go backward through mul: its input (1,) was changed after it was used",
    "call backward() before the optimizer's step()",
  );
  assertEquals(v.grad, null);
});

test("a gradient takes its input's format", () => {
  const half = defineOp<null, null>({
    name: "half",
    forward: ([x]) => ({ output: x.div(2), saved: null }),
    backward: (g) => [g.div(2).to("float32")],
  });
  const x = leaf(float64([4]));
  assertEquals(gradients(half([x], null).sum(), [x])[0].dtype, "float64");
});

test("checkGradients() refuses a step or a tolerance that cannot be", () => {
  const x = float64([1]);
  for (const step of [0, -1, NaN, Infinity]) {
    assertThrows(() => checkGradients(([a]) => a.mul(2), [x], { step }), ValueError);
  }
  assertRefuses(
    () => checkGradients(([a]) => a.mul(2), [x], { tolerance: -1 }),
    ValueError,
    "Cannot tolerate an error of -1: it must be a finite number of at least 0",
  );
});

/** Other tensors over the numbers of a parameter. */
const views: Readonly<Record<string, (w: Parameter) => Tensor>> = {
  "a reshape that nobody recorded": (w) => noGrad(() => w.reshape([2, 1])).squeeze(),
  "what detach() showed, reshaped": (w) => detach(w).reshape([2]),
  "detach() of a reshape": (w) => detach(w.reshape([2])),
  "a leaf over it": (w) => leaf(w.reshape([2])),
  "another parameter over it": (w) => new Parameter(w),
};
for (const [name, view] of Object.entries(views)) {
  test(`a write to a parameter is known to ${name}`, () => {
    const w = parameter([1, 2]), x = parameter([3, 4]), loss = x.mul(view(w)).sum();
    w.write((numbers) => numbers.fill(100));
    const error = assertThrows(() => backward(loss), GraphError);
    assertEquals(error.message.includes("was changed after it was used"), true);
    assertEquals(x.grad, null);
  });
}

test("an operation keeps its inputs, whatever becomes of the caller's list", () => {
  const product = defineOp<null, null>({
    name: "product",
    forward: ([a, b]) => ({ output: a.mul(b), saved: null }),
    backward: (g, { inputs: [a, b] }) => [g.mul(b), g.mul(a)],
  });
  const x = parameter([2]), y = parameter([5]), list = [x, y], out = product(list, null);
  list[1] = parameter([50]);
  backward(out.sum());
  assertEquals([x.grad?.item(), y.grad?.item()], [5, 2]);
});

test("checkGradients() refuses an option that it does not know", () => {
  const options = Object.assign({ step: 1e-4 }, { tolerence: 5 });
  assertRefuses(
    () => checkGradients(([x]) => x.mul(2), [float64([1])], options),
    ValueError,
    "Cannot use the option tolerence: checkGradients has none of that name",
  );
});

// ── Views of a parameter ──
