/**
 * The graded tests of module 02.
 *
 * @module
 */
import {
  gelu,
  leakyRelu,
  logSoftmax,
  normalShare,
  relu,
  sigmoid,
  softmax,
  tanh,
} from "#activations";
import { Tensor } from "#tensor";
import { graded } from "../../course/sandbox/graded.ts";

/** A tensor that requires a gradient, as parameters will in module 03. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }
}

function tracked(numbers: readonly number[]): Tensor {
  return new Tracked(Float32Array.from(numbers), [numbers.length]);
}

/** The shares of one row, straight from the definition. */
function shares(row: readonly number[]): number[] {
  const powers = row.map((score) => Math.exp(score));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

// ── 02.1 ──

graded("02.1", 1, "relu() keeps what is positive and makes the rest 0", (t) => {
  t.expectTensor(relu(Tensor.of([[-2, 0, 3], [0.5, -0.5, 100]])), [[0, 0, 3], [0.5, 0, 100]]);
  const numbers = t.normal([20]);
  t.expectTensor(relu(Tensor.of(numbers)), numbers.map((x) => Math.max(x, 0)));
  t.expectTensor(relu(Tensor.of([[-1, NaN], [2, -3]])), [[0, NaN], [2, 0]]);
});

graded("02.1", 1, "relu() leaves its input and the format as they were", (t) => {
  const x = Tensor.of([-1 / 3, 1 / 3], { dtype: "float64" });
  t.expectTensor(t.expectUnchanged({ x }, () => relu(x)), [0, 1 / 3], 1e-15);
  t.expectEqual({ dtype: relu(x).dtype }, { dtype: "float64" });
  const positive = Tensor.of([[1, 2], [3, 4]]);
  t.expectUnchanged({ x: positive }, () => relu(positive).data.fill(-1)); // a copy
});

graded("02.1", 1, "relu() lets NaN through, so that it is seen", (t) => {
  t.expectTensor(relu(Tensor.of([NaN, Infinity, -Infinity])), [NaN, Infinity, 0]);
});

graded("02.1", 1, "relu() remembers what it was computed from", (t) => {
  t.expectEqual(relu(tracked([1])).origin?.op, "relu");
  t.expectEqual(relu(Tensor.of([1])).requiresGrad, false);
});

// ── 02.2 ──

graded("02.2", 1, "sigmoid() goes from 0 to 1 with one half at 0", (t) => {
  const x = Tensor.of([0, Math.log(3), -Math.log(3), Math.log(9)]);
  t.expectTensor(sigmoid(x), [0.5, 0.75, 0.25, 0.9]);
  const numbers = t.normal([20]);
  t.expectTensor(sigmoid(Tensor.of(numbers)), numbers.map((v) => 1 - 1 / (1 + Math.exp(v))));
  t.expectUnchanged({ x }, () => sigmoid(x).data.fill(-1));
  t.expectTensor(sigmoid(Tensor.of([-800, 0, 800, NaN])), [0, 0.5, 1, NaN]);
});

graded("02.2", 1, "tanh() goes from −1 to 1 through 0", (t) => {
  const x = Tensor.of([0, Math.log(2), -Math.log(2), Math.log(3)]);
  t.expectTensor(tanh(x), [0, 0.6, -0.6, 0.8]);
  const numbers = t.normal([20]);
  t.expectTensor(
    tanh(Tensor.of(numbers)),
    numbers.map((v) => (Math.exp(2 * v) - 1) / (Math.exp(2 * v) + 1)),
  );
  t.expectUnchanged({ x }, () => tanh(x).data.fill(-1));
  t.expectTensor(tanh(Tensor.of([-800, 0, 800, NaN])), [-1, 0, 1, NaN]);
});

graded("02.2", 1, "sigmoid() and tanh() reach their limits and never NaN", (t) => {
  const far = Tensor.of([[-1e4, 1e4], [-Infinity, Infinity]]);
  t.expectTensor(sigmoid(far), [[0, 1], [0, 1]]);
  t.expectTensor(tanh(far), [[-1, 1], [-1, 1]]);
});

graded("02.2", 1, "sigmoid() and tanh() remember what they were computed from", (t) => {
  t.expectEqual(sigmoid(tracked([1])).origin?.op, "sigmoid");
  t.expectEqual(tanh(tracked([1])).origin?.op, "tanh");
});

// ── 02.3 ──

graded("02.3", 1, "leakyRelu() lets a hundredth of what is negative through", (t) => {
  const x = Tensor.of([[-200, 0, 3], [0.5, -1, 100]]);
  t.expectTensor(t.expectUnchanged({ x }, () => leakyRelu(x)), [[-2, 0, 3], [0.5, -0.01, 100]]);
  const third = Tensor.of([-100 / 3, 1 / 3], { dtype: "float64" });
  t.expectTensor(leakyRelu(third), [-1 / 3, 1 / 3], 1e-15);
});

graded("02.3", 1, "leakyRelu() takes any slope", (t) => {
  const numbers = t.normal([20]), slope = t.integer(1, 9) / 10;
  t.expectTensor(
    leakyRelu(Tensor.of(numbers), slope),
    numbers.map((x) => Math.max(x, 0) + slope * Math.min(x, 0)),
  );
  t.expectTensor(leakyRelu(Tensor.of([-2, 3]), 0), [0, 3]);
  t.expectTensor(leakyRelu(Tensor.of([-2, 3]), -1), [2, 3]);
  t.expectTensor(leakyRelu(Tensor.of([-2, 3]), 2), [-4, 3]);
  const third = Tensor.of([-1 / 3, 1 / 3], { dtype: "float64" });
  t.expectTensor(leakyRelu(third, 2), [-2 / 3, 1 / 3], 1e-15);
  for (const wrong of [NaN, Infinity, -Infinity]) {
    t.expectError(() => leakyRelu(third, wrong), "ValueError", [wrong]);
  }
});

graded("02.3", 1, "leakyRelu() lets NaN through, so that it is seen", (t) => {
  t.expectTensor(leakyRelu(Tensor.of([NaN, Infinity, -Infinity])), [NaN, Infinity, -Infinity]);
});

graded("02.3", 1, "leakyRelu() remembers what it was computed from, and its slope", (t) => {
  const { origin } = leakyRelu(tracked([1]), 0.25);
  t.expectEqual([origin?.op, origin?.extra], ["leakyRelu", { slope: 0.25 }]);
  t.expectEqual(leakyRelu(tracked([1]), -3).origin?.extra, { slope: -3 });
  t.expectEqual(leakyRelu(Tensor.of([1])).requiresGrad, false);
});

// ── 02.4 ──

graded("02.4", 2, "gelu() multiplies x by the normal distribution's share below x", (t) => {
  // Φ(1) = 0.8413447460685429, Φ(2) = 0.9772498680518208 (any table of the normal distribution)
  t.expectTensor(
    gelu(Tensor.of([[0, 1, -1], [2, -2, 10]])),
    [[0, 0.841344746, -0.158655254], [1.954499736, -0.045500264, 10]],
    1e-7,
  );
  const numbers = t.normal([20]);
  t.expectTensor(gelu(Tensor.of(numbers)), numbers.map((x) => x * normalShare(x)));
  const x = Tensor.of([numbers]);
  t.expectUnchanged({ x }, () => gelu(x).data.fill(-1));
  t.expectTensor(gelu(Tensor.of([NaN, -1])), [NaN, -0.158655254], 1e-7);
});

graded("02.4", 1, "gelu() is exact, and not the approximation by tanh", (t) => {
  const x = Tensor.of([2], { dtype: "float64" }); // the approximation gives 1.9545977…
  t.expectTensor(gelu(x), [1.9544997361036416], 1e-14);
  t.expectTensor(gelu(Tensor.of([-2, 0.5], { dtype: "float64" })), [
    -0.045500263896358417,
    0.34573123063700656,
  ], 1e-14);
});

graded("02.4", 1, "gelu() remembers what it was computed from, and the shares", (t) => {
  const numbers = t.normal([2, 3]), x = new Tracked(Float32Array.from(numbers.flat()), [2, 3]);
  const { origin } = gelu(x), { shares } = Object(origin?.extra);
  t.expectEqual(origin?.op, "gelu");
  t.expectTensor(shares, numbers.map((row) => row.map(normalShare)), 1e-6, { name: "shares" });
  t.expectEqual(gelu(Tensor.of([1])).requiresGrad, false);
});

// ── 02.5 ──

graded("02.5", 2, "softmax() shares 1 in proportion to the powers of e", (t) => {
  const scores = Tensor.of([Math.log(1), Math.log(2), Math.log(5)]);
  t.expectTensor(softmax(scores), [0.125, 0.25, 0.625]);
  const rows = t.normal([4, 5]);
  t.expectTensor(softmax(Tensor.of(rows)), rows.map(shares));
  t.expectUnchanged({ scores }, () => softmax(scores).data.fill(-1));
  t.expectTensor(
    softmax(Tensor.of([[1000, 999], [1, 0]])),
    [[999, 998], [1, 0]].map(() => {
      return [Math.E / (1 + Math.E), 1 / (1 + Math.E)];
    }),
  );
});

graded("02.5", 3, "softmax() survives scores that overflow", (t) => {
  t.expectTensor(softmax(Tensor.of([1e4, 1e4])), [0.5, 0.5]);
  t.expectTensor(softmax(Tensor.of([-1e4, -1e4 - Math.log(3)])), [0.75, 0.25], 1e-3);
  t.expectTensor(softmax(Tensor.of([1e4, -1e4, -Infinity])), [1, 0, 0]);
  // each row has a greatest score of its own
  const rows = Tensor.of([[1000, 1000, -Infinity], [0, 0, 0], [-1000, -1000, -1000]]);
  const third = 1 / 3, even = [third, third, third];
  t.expectTensor(t.expectUnchanged({ rows }, () => softmax(rows)), [[0.5, 0.5, 0], even, even]);
  t.expectTensor(softmax(Tensor.of([[NaN, 1], [0, 0]])), [[NaN, NaN], [0.5, 0.5]]);
});

graded("02.5", 2, "softmax() works along any axis", (t) => {
  const lists = t.normal([3, 4]);
  const columns = [0, 1, 2, 3].map((column) => shares(lists.map((row) => row[column])));
  t.expectTensor(
    softmax(Tensor.of(lists), 0),
    lists.map((row, i) => row.map((_, j) => columns[j][i])),
  );
  const cube = t.normal([2, 3, 2]);
  t.expectTensor(
    softmax(Tensor.of(cube), 1),
    cube.map((block) => {
      const [left, right] = [0, 1].map((k) => shares(block.map((row) => row[k])));
      return block.map((_, j) => [left[j], right[j]]);
    }),
  );
  t.expectTensor(softmax(Tensor.of(lists), -2), softmax(Tensor.of(lists), 0));
  const far = Tensor.of([[1000, 0], [1000, 0], [0, -1000]]); // each column has a greatest of its own
  t.expectTensor(softmax(far, 0), [[0.5, 0.5], [0.5, 0.5], [0, 0]]);
  t.expectError(() => softmax(Tensor.of(lists), 2), "ValueError", [2]);
});

graded("02.5", 1, "softmax() remembers what it was computed from, and the axis", (t) => {
  const { origin } = softmax(tracked([1, 2])), last = softmax(tracked([1, 2]).reshape([2, 1]));
  t.expectEqual([origin?.op, origin?.extra], ["softmax", { axis: 0 }]);
  t.expectEqual(origin?.inputs.length, 1);
  t.expectEqual([last.origin?.op, last.origin?.extra], ["softmax", { axis: 1 }]);
});

// ── 02.6 ──

graded("02.6", 2, "logSoftmax() gives the logarithms of the shares", (t) => {
  const scores = Tensor.of([0, 0, Math.log(2)]);
  t.expectTensor(logSoftmax(scores), [-Math.log(4), -Math.log(4), -Math.log(2)]);
  const rows = t.normal([4, 5]);
  t.expectTensor(logSoftmax(Tensor.of(rows)), rows.map((row) => shares(row).map(Math.log)));
  t.expectUnchanged({ scores }, () => logSoftmax(scores).data.fill(-1));
  t.expectTensor(logSoftmax(Tensor.of([[0, 300], [0, 0]])), [[-300, 0], [
    -Math.log(2),
    -Math.log(2),
  ]]);
});

graded("02.6", 3, "logSoftmax() stays exact where the share itself would be 0", (t) => {
  t.expectTensor(logSoftmax(Tensor.of([1000, 0])), [0, -1000]);
  t.expectTensor(logSoftmax(Tensor.of([-5000, -6000])), [0, -1000]);
  const rows = Tensor.of([[1000, 0], [0, 1], [-3000, -2000]]); // each with a greatest of its own
  const made = t.expectUnchanged({ rows }, () => logSoftmax(rows));
  t.expectTensor(made, [[0, -1000], [-Math.log(1 + Math.E), 1 - Math.log(1 + Math.E)], [-1000, 0]]);
  t.expectTensor(logSoftmax(Tensor.of([[NaN, 1], [-Infinity, 0]])), [[NaN, NaN], [-Infinity, 0]]);
});

graded("02.6", 1, "logSoftmax() works along any axis", (t) => {
  const lists = t.normal([3, 4]);
  const columns = [0, 1, 2, 3].map((column) => shares(lists.map((row) => row[column])));
  t.expectTensor(
    logSoftmax(Tensor.of(lists), -2),
    lists.map((row, i) => row.map((_, j) => Math.log(columns[j][i]))),
  );
});

graded("02.6", 1, "logSoftmax() remembers what it was computed from, and the axis", (t) => {
  const { origin } = logSoftmax(tracked([1, 2])), x = tracked([1, 2]).reshape([1, 2]);
  t.expectEqual([origin?.op, origin?.extra], ["logSoftmax", { axis: 0 }]);
  t.expectEqual(origin?.inputs.length, 1);
  t.expectEqual([logSoftmax(x).origin?.op, logSoftmax(x).origin?.extra], ["logSoftmax", {
    axis: 1,
  }]);
});
