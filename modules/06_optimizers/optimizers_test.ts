/**
 * Graded tests of module 06. Gradients are set by hand: no backward is needed.
 *
 * @module
 */
import { Parameter } from "#layers";
import { SGD } from "#optimizers";
import { Tensor } from "#tensor";
import { graded } from "../../tests/kit/graded.ts";

// ── 6.1 Momentum ──

graded("06.1", 1, "step() moves each number against its gradient", (t) => {
  const before = t.normal([2, 3]), gradient = t.normal([2, 3]);
  const w = new Parameter(Tensor.of(before));
  w.grad = Tensor.of(gradient);
  new SGD([w], { learningRate: 0.5 }).step();
  t.expectTensor(w, before.map((row, i) => row.map((v, j) => v - 0.5 * gradient[i][j])), 1e-6);
});

graded("06.1", 3, "step() keeps a part of each parameter's velocity", (t) => {
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
    t.expectTensor(w, expectedW);
    t.expectTensor(other, expectedOther);
  }
});

graded("06.1", 2, "step() adds weight decay to the gradient, and so to the velocity", (t) => {
  // g = 0, λ = μ = 1/2, η = 1:  v = 0 + 2/2 = 1, w = 1;  v = 1/2 + 1/2 = 1, w = 0;  v = 1/2, w = −1/2
  const single = new Parameter(Tensor.of(2));
  const halves = new SGD([single], { learningRate: 1, momentum: 0.5, weightDecay: 0.5 });
  for (const expected of [1, 0, -0.5]) {
    single.grad = Tensor.of(0);
    halves.step();
    t.expectTensor(single, expected);
  }

  const start = t.normal([5]), w = new Parameter(Tensor.of(start, { dtype: "float64" }));
  const rate = t.uniform([], 0.01, 0.1), momentum = t.uniform([], 0.5, 0.9);
  const decay = t.uniform([], 0.1, 0.5);
  const optimizer = new SGD([w], { learningRate: rate, momentum, weightDecay: decay });
  const velocity = start.map(() => 0), expected = [...start];
  for (let k = 0; k < 6; k++) {
    const gradient = t.normal([5]);
    w.grad = Tensor.of(gradient, { dtype: "float64" });
    optimizer.step();
    for (let i = 0; i < 5; i++) {
      velocity[i] = momentum * velocity[i] + (gradient[i] + decay * expected[i]);
      expected[i] -= rate * velocity[i];
    }
    t.expectTensor(w, expected, 1e-12);
  }
});

graded(
  "06.1",
  2,
  "step() counts a write to what has a gradient, and leaves the rest alone",
  (t) => {
    const w = new Parameter(Tensor.of([1, 2])), still = new Parameter(Tensor.of([3, 4]));
    const optimizer = new SGD([still, w], { learningRate: 1, momentum: 0.5, weightDecay: 0.5 });
    for (const times of [1, 2]) {
      w.grad = Tensor.of([1, 1]);
      optimizer.step();
      t.expectEqual([w.version, still.version], [times, 0]);
    }
    t.expectTensor(still, [3, 4], 0);
    t.expectTensor(w.grad!, [1, 1], 0);
  },
);
