/**
 * The graded tests of module 01.
 *
 * @module
 */
import { Generator } from "#random";
import { broadcastShapes, sizeOf, stridesOf, Tensor } from "#tensor";
import { graded } from "../../course/sandbox/graded.ts";

/** Lists of numbers, each computed from its row and its column. */
function table(
  rows: number,
  columns: number,
  cell: (row: number, column: number) => number,
): number[][] {
  return Array.from(
    { length: rows },
    (_, row) => Array.from({ length: columns }, (_, column) => cell(row, column)),
  );
}

/** Rows by columns, straight from the definition. */
function product(a: readonly number[][], b: readonly number[][]): number[][] {
  return table(
    a.length,
    b[0].length,
    (row, column) => a[row].reduce((total, x, p) => total + x * b[p][column], 0),
  );
}

// ── 01.1 ──

graded("01.1", 1, "sizeOf() multiplies the sizes", (t) => {
  t.expectEqual(sizeOf([4]), 4);
  t.expectEqual(sizeOf([2, 3]), 6);
  const [a, b, c] = t.integers(3, 1, 9);
  t.expectEqual(sizeOf([a, b, c]), a * b * c);
});

graded("01.1", 1, "sizeOf() of a shape without axes is 1, a single number", (t) => {
  t.expectEqual(sizeOf([]), 1);
});

// ── 01.2 ──

graded("01.2", 1, "stridesOf() gives the last axis stride 1", (t) => {
  t.expectEqual(stridesOf([t.integer(2, 9)]), [1]);
  t.expectEqual(stridesOf([]), []);
});

graded("01.2", 2, "stridesOf() lets each axis jump over all that lies within it", (t) => {
  t.expectEqual(stridesOf([2, 3]), [3, 1]);
  t.expectEqual(stridesOf([2, 3, 4]), [12, 4, 1]);
  const [a, b, c, d] = t.integers(4, 2, 9);
  t.expectEqual(stridesOf([a, b, c, d]), [b * c * d, c * d, d, 1]);
});

graded("01.2", 1, "stridesOf() leaves the shape as it was", (t) => {
  const shape = [2, 3, 4];
  stridesOf(shape);
  t.expectEqual(shape, [2, 3, 4]);
});

// ── 01.3 ──

graded("01.3", 1, "broadcastShapes() keeps equal shapes", (t) => {
  const shape = t.integers(3, 1, 9);
  t.expectEqual(broadcastShapes(shape, shape), shape);
  t.expectEqual(broadcastShapes([], []), []);
});

graded("01.3", 2, "broadcastShapes() stretches sizes of 1 on either side", (t) => {
  const [a, b] = t.integers(2, 2, 9);
  t.expectEqual(broadcastShapes([a, 1], [1, b]), [a, b]);
  t.expectEqual(broadcastShapes([1, b], [a, 1]), [a, b]);
  t.expectEqual(broadcastShapes([1, 1], [1, 1]), [1, 1]);
});

graded("01.3", 2, "broadcastShapes() lines the shapes up at their ends", (t) => {
  t.expectEqual(broadcastShapes([32, 3], [3]), [32, 3]);
  t.expectEqual(broadcastShapes([7, 5], [8, 1, 5]), [8, 7, 5]);
  t.expectEqual(broadcastShapes([], [2, 3]), [2, 3]);
});

graded("01.3", 2, "broadcastShapes() refuses two sizes that differ and names them", (t) => {
  t.expectError(() => broadcastShapes([7, 3], [7]), "ShapeError", [[7, 3], [7], 3, 7]);
  t.expectError(() => broadcastShapes([2, 5], [3, 1]), "ShapeError", [[2, 5], [3, 1], 2, 3]);
  t.expectError(() => broadcastShapes([6, 2, 4], [3, 4]), "ShapeError", [2, 3]);
  t.expectError(() => broadcastShapes([4], [2]), "ShapeError", [4, 2]);
});

// ── 01.4 ──

graded("01.4", 2, "add(), sub(), mul() and div() work element by element", (t) => {
  const a = Tensor.of([[8, 6], [4, -2]]), b = Tensor.of([[2, 3], [-4, 4]]);
  t.expectTensor(a.add(b), [[10, 9], [0, 2]]);
  t.expectTensor(a.sub(b), [[6, 3], [8, -6]]);
  t.expectTensor(a.mul(b), [[16, 18], [-16, -8]]);
  t.expectTensor(a.div(b), [[4, 2], [-1, -0.5]]);
});

graded("01.4", 2, "add(), sub(), mul() and div() stretch a row over a matrix", (t) => {
  const left = t.normal([3, 4]), right = t.uniform([4], 1, 2);
  const a = Tensor.of(left), b = Tensor.of(right);
  t.expectTensor(a.add(b), table(3, 4, (row, column) => left[row][column] + right[column]));
  t.expectTensor(a.add(-2), table(3, 4, (row, column) => left[row][column] - 2));
  t.expectTensor(b.sub(a), table(3, 4, (row, column) => right[column] - left[row][column]));
  t.expectTensor(a.mul(b), table(3, 4, (row, column) => left[row][column] * right[column]));
  t.expectTensor(a.div(b), table(3, 4, (row, column) => left[row][column] / right[column]));
});

graded("01.4", 2, "add(), sub(), mul() and div() stretch columns and numbers", (t) => {
  const x = t.uniform([3], 1, 2), y = t.uniform([2], 1, 2);
  const column = Tensor.of(x.map((n) => [n])), row = Tensor.of(y), two = Tensor.of(2);
  t.expectTensor(column.add(row), table(3, 2, (i, j) => x[i] + y[j]));
  t.expectTensor(column.sub(row), table(3, 2, (i, j) => x[i] - y[j]));
  t.expectTensor(row.mul(column), table(3, 2, (i, j) => x[i] * y[j]));
  t.expectTensor(row.div(column), table(3, 2, (i, j) => y[j] / x[i]));
  t.expectTensor(two.sub(column), table(3, 1, (i) => 2 - x[i]));
  t.expectTensor(column.div(2), table(3, 1, (i) => x[i] / 2));
});

graded("01.4", 1, "div() by 0 is infinite, and 0 by 0 is NaN", (t) => {
  t.expectTensor(Tensor.of([1, -1, 0]).div(0), [Infinity, -Infinity, NaN]);
  t.expectTensor(Tensor.of([2, 3]).div(Tensor.of([0, 1e-30])), [Infinity, 3e30], 1e-6);
});

graded("01.4", 1, "add(), sub(), mul() and div() leave their inputs as they were", (t) => {
  const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([5, 6]), same = Tensor.of([[5, 6], [7, 8]]);
  for (const operation of ["add", "sub", "mul", "div"] as const) {
    t.expectUnchanged({ a, b }, () => a[operation](b));
    t.expectUnchanged({ a, b }, () => b[operation](a));
    t.expectUnchanged({ a, b: same }, () => a[operation](same).data.fill(-1));
  }
});

// ── 01.5 ──

graded("01.5", 1, "maximum() keeps the greater of each pair", (t) => {
  const left = t.normal([3, 4]), right = t.normal([4]), a = Tensor.of(left);
  const expected = table(3, 4, (i, j) => Math.max(left[i][j], right[j]));
  t.expectTensor(a.maximum(Tensor.of(right)), expected);
  t.expectTensor(Tensor.of(right).maximum(a), expected);
  t.expectTensor(Tensor.of([-3, -1, 5]).maximum(-2), [-2, -1, 5]);
  t.expectTensor(Tensor.of([-3, NaN, 5]).maximum(-2), [-2, NaN, 5]);
  const b = Tensor.of(left.map((row) => row.toReversed()));
  t.expectUnchanged({ a, b }, () => a.maximum(b).data.fill(-1));
});

graded("01.5", 1, "maximum() lets NaN win, from either side", (t) => {
  const a = Tensor.of([NaN, 1, NaN, -Infinity]), b = Tensor.of([1, NaN, NaN, -5]);
  t.expectTensor(a.maximum(b), [NaN, NaN, NaN, -5]);
});

graded("01.5", 1, "equal() and greater() answer 1 where it is so, else 0", (t) => {
  const a = Tensor.of([[1, 5, 3], [2, 2, 2]]), b = Tensor.of([2, 5, 1]);
  t.expectTensor(a.equal(b), [[0, 1, 0], [1, 0, 0]]);
  t.expectTensor(t.expectUnchanged({ a, b }, () => a.greater(b)), [[0, 0, 1], [0, 0, 1]]);
  t.expectUnchanged({ a, b }, () => a.equal(b));
  t.expectTensor(b.greater(a), [[1, 0, 0], [0, 1, 0]]);
  const [x, y] = [t.integers(20, 1, 3), t.integers(20, 1, 3)];
  t.expectTensor(Tensor.of(x).equal(Tensor.of(y)), x.map((n, k) => Number(n === y[k])));
  t.expectTensor(Tensor.of(x).greater(2), x.map((n) => Number(n > 2)));
  t.expectTensor(Tensor.of(x).less(Tensor.of(y)), x.map((n, k) => Number(n < y[k])));
});

graded("01.5", 1, "equal() and greater() answer 0 wherever NaN takes part", (t) => {
  const a = Tensor.of([NaN, NaN, 1]), b = Tensor.of([NaN, 1, NaN]);
  t.expectTensor(a.equal(b), [0, 0, 0]);
  t.expectTensor(a.greater(b), [0, 0, 0]);
});

// ── 01.6 ──

graded("01.6", 1, "neg(), exp() and log() compute element by element", (t) => {
  const numbers = t.uniform([3, 4], 0.1, 4), x = Tensor.of(numbers);
  t.expectTensor(x.neg(), table(3, 4, (i, j) => -numbers[i][j]));
  t.expectTensor(x.exp(), table(3, 4, (i, j) => Math.E ** numbers[i][j]));
  t.expectTensor(x.log(), table(3, 4, (i, j) => Math.log2(numbers[i][j]) * Math.LN2));
  for (const operation of ["neg", "exp", "log"] as const) {
    t.expectUnchanged({ x }, () => x[operation]().data.fill(-1));
  }
});

graded("01.6", 1, "log() undoes exp()", (t) => {
  const numbers = t.normal([10]);
  t.expectTensor(Tensor.of(numbers).exp().log(), numbers);
  t.expectTensor(Tensor.of([0, 1]).exp(), [1, Math.E]);
});

graded("01.6", 1, "exp() and log() go to their limits and say NaN beyond", (t) => {
  const x = Tensor.of([NaN, Infinity, -Infinity, 0, -1]);
  t.expectTensor(x.exp(), [NaN, Infinity, 0, 1, 1 / Math.E]);
  t.expectTensor(x.log(), [NaN, Infinity, NaN, -Infinity, NaN]);
});

// ── 01.7 ──

graded("01.7", 2, "sum() folds rows, columns, or everything", (t) => {
  const x = Tensor.of([[1, 2, 3], [10, 20, 30]]);
  t.expectTensor(x.sum(0), [11, 22, 33]);
  t.expectTensor(x.sum(1), [6, 60]);
  t.expectTensor(x.sum(), 66);
  t.expectTensor(x.sum(1, { keepDims: true }), [[6], [60]]);
  const single = Tensor.of([[1], [2]]); // what is folded may have size 1
  t.expectUnchanged({ x }, () => x.sum(0).data.fill(-1));
  t.expectUnchanged({ x: single }, () => single.sum(1).data.fill(-1));
});

graded("01.7", 2, "sum() folds an axis in the middle, and several axes", (t) => {
  const lists = t.normal([2, 3, 4]), x = Tensor.of(lists);
  t.expectTensor(
    x.sum(1),
    table(2, 4, (i, k) => lists[i][0][k] + lists[i][1][k] + lists[i][2][k]),
  );
  const outer = [0, 1, 2].map((j) =>
    lists.reduce((total, block) => total + block[j].reduce((a, b) => a + b), 0)
  );
  t.expectTensor(x.sum([0, 2]), outer);
});

graded("01.7", 2, "sum() keeps its running total in float64", (t) => {
  // In float32, 16777216 + 1 is 16777216 again.
  const numbers = [2 ** 24, ...new Array<number>(100).fill(1)];
  t.expectTensor(Tensor.of(numbers).sum(), 2 ** 24 + 100, 0);
  t.expectTensor(Tensor.of(numbers.map((n) => [n, 2])).sum(0), [2 ** 24 + 100, 202], 0);
});

graded("01.7", 1, "sum() of a float64 tensor stays float64", (t) => {
  const total = Tensor.of([1, 2 ** -40], { dtype: "float64" }).sum();
  t.expectEqual({ dtype: total.dtype }, { dtype: "float64" });
  t.expectEqual(total.item(), 1 + 2 ** -40);
  const rows = Tensor.of([[1, 2 ** -40], [3, 2 ** -41]], { dtype: "float64" }).sum(1);
  t.expectTensor(rows, [1 + 2 ** -40, 3 + 2 ** -41], 0);
});

graded("01.7", 1, "mean() divides the sum by how many were folded", (t) => {
  const x = Tensor.of([[1, 2, 3], [10, 20, 30]]);
  t.expectTensor(x.mean(), 11);
  t.expectTensor(x.mean(0), [5.5, 11, 16.5]);
  t.expectTensor(x.mean(-1, { keepDims: true }), [[2], [20]]);
  t.expectUnchanged({ x }, () => x.mean(0));
  t.expectTensor(Tensor.of([[NaN, 1], [Infinity, 1]]).mean(0), [NaN, 1]);
});

// ── 01.8 ──

graded("01.8", 2, "argmax() finds where the greatest stands along an axis", (t) => {
  const x = Tensor.of([[3, 9, 1], [7, 2, 8]]);
  t.expectTensor(x.argmax(1), [1, 2]);
  t.expectTensor(x.argmax(0), [1, 0, 1]);
  t.expectTensor(x.argmax(-2, { keepDims: true }), [[1, 0, 1]]);
});

graded("01.8", 1, "argmax() points to the first of equals", (t) => {
  t.expectTensor(Tensor.of([[5, 5, 5], [1, 4, 4]]).argmax(1), [0, 1]);
  t.expectTensor(Tensor.of([[5, 1], [5, 4], [2, 4]]).argmax(0), [0, 1]);
});

graded("01.8", 1, "argmax() finds the least bad of negative numbers", (t) => {
  t.expectTensor(Tensor.of([[-3, -1, -2]]).argmax(1), [1]);
  t.expectTensor(Tensor.of([[-Infinity, -1e30]]).argmax(1), [1]);
});

graded("01.8", 2, "argmax() looks along an axis in the middle", (t) => {
  const lists = t.normal([3, 4, 5]);
  const expected = table(3, 5, (i, k) => {
    const row = lists[i].map((line) => line[k]);
    return row.indexOf(Math.max(...row));
  });
  const x = Tensor.of(lists);
  t.expectTensor(t.expectUnchanged({ x }, () => x.argmax(1)), expected);
  t.expectTensor(Tensor.of([[[2, 2], [1, 3], [2, 3]]]).argmax(1), [[0, 1]]);
});

graded("01.8", 2, "max() and min() give the greatest and the least over axes", (t) => {
  const x = Tensor.of([[-3, -9, -1], [-7, -2, -8]]);
  t.expectTensor(x.max(), -1);
  t.expectTensor(x.max(0), [-3, -2, -1]);
  t.expectTensor(x.max(1, { keepDims: true }), [[-1], [-2]]);
  t.expectTensor(x.min(), -9);
  t.expectTensor(x.min(1), [-9, -8]);
  t.expectTensor(Tensor.of([[-3, -2], [-7, NaN]]).max(0), [-3, NaN]);
  const lists = t.normal([2, 3, 4]);
  t.expectTensor(
    Tensor.of(lists).max([0, 2]),
    [0, 1, 2].map((j) => Math.max(...lists[0][j], ...lists[1][j])),
  );
});

graded("01.8", 1, "argmax() and max() stop at the first NaN, so that it is seen", (t) => {
  const x = Tensor.of([[NaN, 5, NaN], [5, NaN, 9], [5, 9, NaN], [5, 9, 7]]);
  t.expectTensor(x.argmax(1), [0, 1, 2, 1]);
  t.expectTensor(x.max(1), [NaN, NaN, NaN, 9]);
});

// ── 01.9 ──

graded("01.9", 3, "matmul() fills each cell with a row-by-column sum", (t) => {
  const a = Tensor.of([[1, 2], [3, 4]]), b = Tensor.of([[5, 6], [7, 8]]);
  t.expectTensor(a.matmul(b), [[19, 22], [43, 50]]);
  t.expectTensor(b.matmul(a), [[23, 34], [31, 46]]);
  t.expectUnchanged({ a, b }, () => a.matmul(b).data.fill(-1));
});

graded("01.9", 2, "matmul() takes matrices of every size", (t) => {
  for (let size = 1; size <= 9; size++) {
    const a = t.normal([t.integer(1, 9), size]), b = t.normal([size, 10 - size]);
    t.expectTensor(Tensor.of(a).matmul(Tensor.of(b)), product(a, b));
  }
});

graded("01.9", 2, "matmul() multiplies a stack of matrices pair by pair, or each by one", (t) => {
  const a = Tensor.of([[[1, 2]], [[3, 4]]]); // (2, 1, 2)
  const b = Tensor.of([[[1], [10]], [[100], [1000]]]); // (2, 2, 1)
  t.expectTensor(a.matmul(b), [[[21]], [[4300]]]);
  t.expectTensor(a.matmul(Tensor.of([[1, 0], [0, 2]])), [[[1, 4]], [[3, 8]]]);
  const left = t.normal([3, 2, 4]), right = t.normal([3, 4, 6]), one = t.normal([5, 2]);
  t.expectTensor(
    Tensor.of(left).matmul(Tensor.of(right)),
    left.map((matrix, k) => product(matrix, right[k])),
  );
  t.expectTensor(
    Tensor.of(one).matmul(Tensor.of(left)),
    left.map((matrix) => product(one, matrix)),
  );
});

graded("01.9", 1, "matmul() keeps its sums in float64", (t) => {
  const row = Tensor.of([[2 ** 24, ...new Array<number>(100).fill(1)]]);
  for (const n of [1, 4, 5]) {
    const expected = [new Array<number>(n).fill(2 ** 24 + 100)];
    t.expectTensor(row.matmul(Tensor.ones([101, n])), expected, 0);
  }
  const many = row.data, ones = new Float32Array(202).fill(1, 0, 101).fill(2, 101);
  const stack = new Tensor(Float32Array.of(...many, ...many.map((x) => -x)), [2, 1, 101]);
  const about = { name: "a stack of two" };
  t.expectTensor(
    stack.matmul(new Tensor(ones, [2, 101, 1])),
    [[[2 ** 24 + 100]], [[-2 * (2 ** 24 + 100)]]],
    0,
    about,
  );
});

graded("01.9", 1, "matmul() lets no zero hide a NaN", (t) => {
  const zeros = Tensor.of([[0, 0]]);
  t.expectTensor(zeros.matmul(Tensor.of([[NaN, 1], [1, 1]])), [[NaN, 0]]);
  t.expectTensor(
    zeros.matmul(Tensor.of([[1, NaN, 1, 1, 1], [1, 1, 1, Infinity, NaN]])),
    [[0, NaN, 0, NaN, NaN]],
  );
});

// ── 01.10 ──

graded("01.10", 1, "reshape() reads the same numbers in another shape", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  t.expectTensor(x.reshape([3, 2]), [[1, 2], [3, 4], [5, 6]]);
  t.expectTensor(x.reshape([6]), [1, 2, 3, 4, 5, 6]);
  t.expectTensor(Tensor.of([[5]]).reshape([]), 5);
  t.expectEqual(x.shape, [2, 3]);
});

graded("01.10", 1, "reshape() shares the numbers", (t) => {
  const x = Tensor.of(t.normal([2, 3]));
  for (const shape of [[6], [3, -1], [2, 3]]) {
    t.expect(x.reshape(shape).data === x.data, `reshape([${shape}]): the numbers were copied`);
  }
});

graded("01.10", 2, "reshape() finds the size that −1 stands for", (t) => {
  const [a, b, c] = t.integers(3, 2, 5), x = Tensor.zeros([a, b, c]);
  t.expectEqual(x.reshape([-1, c]).shape, [a * b, c]);
  t.expectEqual(x.reshape([a, -1]).shape, [a, b * c]);
  t.expectEqual(x.reshape([a, -1, c]).shape, [a, b, c]);
  t.expectEqual(x.reshape([-1]).shape, [a * b * c]);
  const asked = [a, -1];
  x.reshape(asked).data[0] = 5; // the numbers are shared, and what was asked stays
  t.expectEqual(asked, [a, -1]);
  t.expectTensor(x.sum(), 5, 0);
});

graded("01.10", 2, "reshape() loses no number and invents none", (t) => {
  const x = Tensor.zeros([2, 3]);
  t.expectError(() => x.reshape([4]), "ShapeError", [[2, 3], 4]);
  t.expectError(() => x.reshape([4, 3]), "ShapeError", [[2, 3], [4, 3]]);
  t.expectError(() => x.reshape([3]), "ShapeError", [[2, 3], 3]); // 6 divides by 3, and is not 3
  t.expectError(() => x.reshape([4, -1]), "ShapeError", [[2, 3], 4]);
});

graded("01.10", 1, "reshape() leaves only one size open, and takes none below 1", (t) => {
  t.expectError(() => Tensor.zeros([2, 3]).reshape([-2, -3]), "ShapeError", [-2]);
  t.expectError(() => Tensor.zeros([2, 3]).reshape([-1, -2]), "ShapeError", [-2]);
  t.expectError(() => Tensor.zeros([2, 2]).reshape([0, 4]), "ShapeError", [0]);
  t.expectError(() => Tensor.zeros([4]).reshape([-1, 2, -1]), "ShapeError", [[-1, 2, -1]]);
});

// ── 01.11 ──

graded("01.11", 2, "permute() turns rows into columns", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  t.expectTensor(x.permute([1, 0]), [[1, 4], [2, 5], [3, 6]]);
  t.expectTensor(x.transpose(), [[1, 4], [2, 5], [3, 6]]);
  t.expectTensor(x.permute([0, 1]), [[1, 2, 3], [4, 5, 6]]);
  for (const order of [[1, 0], [0, 1]]) {
    t.expectUnchanged({ x }, () => x.permute(order).data.fill(-1)); // a copy, also where none moves
  }
});

graded("01.11", 3, "permute() makes axis order[k] of the input axis k of the result", (t) => {
  const lists = t.normal([2, 3, 4]), x = Tensor.of(lists);
  const moved = x.permute([2, 0, 1]); // (4, 2, 3)
  t.expectTensor(
    moved,
    [0, 1, 2, 3].map((k) => table(2, 3, (i, j) => lists[i][j][k])),
  );
  t.expectTensor(x.permute([-1, 0, 1]), moved);
  const order = [2, 0, 1];
  t.expectUnchanged({ x, order: { data: order, shape: [3] } }, () => x.permute(order));
  t.expectUnchanged({ x }, () => x.permute([0, 1, 2]).data.fill(-1));
});

graded("01.11", 1, "permute() refuses an order that leaves an axis out or names one twice", (t) => {
  t.expectError(() => Tensor.zeros([2, 3]).permute([1]), "ShapeError", [[2, 3], 1]);
  t.expectError(() => Tensor.zeros([2, 3]).permute([1, 1]), "ValueError", [[1, 1], [2, 3]]);
  t.expectError(() => Tensor.zeros([2, 3]).permute([0, -2]), "ValueError", [[2, 3]]);
});

// ── 01.12 ──

graded("01.12", 2, "slice() cuts a part out", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6], [7, 8, 9]]);
  t.expectTensor(x.slice([1, 3], [0, 2]), [[4, 5], [7, 8]]);
  t.expectTensor(x.slice(null, [2, 3]), [[3], [6], [9]]);
  t.expectTensor(x.slice([-1, 3]), [[7, 8, 9]]);
  t.expectTensor(x.slice(), x);
  t.expectUnchanged({ x }, () => x.slice().data.fill(-1)); // a copy, also of everything
});

graded("01.12", 2, "slice() cuts every axis by itself", (t) => {
  const lists = t.normal([4, 5, 6]), [i, j, k] = t.integers(3, 0, 3);
  const part = lists.slice(i, i + 1).map((rows) =>
    rows.slice(j, j + 2).map((row) => row.slice(k, k + 3))
  );
  t.expectTensor(Tensor.of(lists).slice([i, i + 1], [j, j + 2], [k, k + 3]), part);
});

graded("01.12", 1, "slice() copies the part, and leaves the whole as it was", (t) => {
  const x = Tensor.of([1, 2, 3, 4]), part = x.slice([1, 3]);
  part.data[0] = 99;
  t.expectTensor(part, [99, 3]);
  t.expectTensor(x, [1, 2, 3, 4]);
  for (const all of [x.slice(), x.slice([0, 4]), x.reshape([2, 2]).slice([0, 2], null)]) {
    t.expectUnchanged({ x }, () => all.data.fill(-1));
  }
});

// ── 01.13 ──

graded("01.13", 2, "pad() puts zeros around", (t) => {
  const x = Tensor.of([[1, 2], [3, 4]]);
  t.expectTensor(x.pad([[1, 0], [0, 2]]), [[0, 0, 0, 0], [1, 2, 0, 0], [3, 4, 0, 0]]);
  t.expectTensor(x.pad([[0, 0], [1, 0]]), [[0, 1, 2], [0, 3, 4]]);
  t.expectTensor(x.pad([[0, 0], [0, 0]]), [[1, 2], [3, 4]]);
  t.expectUnchanged({ x }, () => x.pad([[1, 0], [0, 2]]).data.fill(-1));
  t.expectUnchanged({ x }, () => x.pad([[0, 0], [0, 0]]).data.fill(-1)); // a copy, too
});

graded("01.13", 2, "pad() is undone by slice()", (t) => {
  const [before, after, left, right] = t.integers(4, 0, 3);
  const x = Tensor.of(t.normal([2, 3, 4]));
  const padded = x.pad([[before, after], [0, 0], [left, right]]);
  t.expectEqual(padded.shape, [2 + before + after, 3, 4 + left + right]);
  t.expectTensor(padded.sum(), x.sum());
  t.expectTensor(padded.slice([before, before + 2], null, [left, left + 4]), x);
});

graded("01.13", 1, "pad() refuses a border that does not fit the axes", (t) => {
  const x = Tensor.zeros([2, 3]);
  t.expectError(() => x.pad([[1, 1]]), "ValueError", [[2, 3]]);
  t.expectError(() => x.pad([[1, 1], [0, 0], [1, 1]]), "ValueError", [[2, 3]]);
  t.expectError(() => x.pad([[1, 1], [0, -1]]), "ValueError", [[2, 3], -1]);
  t.expectError(() => x.pad([[-1, 1], [0, 0]]), "ValueError", [[2, 3], -1]);
  t.expectError(() => x.pad([[0, 0.5], [0, 0]]), "ValueError", [[2, 3], 0.5]);
});

// ── 01.14 ──

graded("01.14", 2, "concat() joins tensors along an axis, one after the other", (t) => {
  const a = Tensor.of([[1, 2], [3, 4]]), row = Tensor.of([[5, 6]]), column = Tensor.of([[7], [8]]);
  t.expectTensor(Tensor.concat([a, row]), [[1, 2], [3, 4], [5, 6]]);
  t.expectTensor(Tensor.concat([row, a], 0), [[5, 6], [1, 2], [3, 4]]);
  t.expectTensor(Tensor.concat([a, column, a], 1), [[1, 2, 7, 1, 2], [3, 4, 8, 3, 4]]);
  const shape = { data: a.shape, shape: [2] };
  t.expectUnchanged({ a, row, "a.shape": shape }, () => Tensor.concat([a, row]).data.fill(-1));
});

graded("01.14", 2, "concat() joins along an axis in the middle", (t) => {
  const parts = [t.normal([2, 1, 4]), t.normal([2, 3, 4]), t.normal([2, 2, 4])];
  const joined = [0, 1].map((k) => parts.flatMap((part) => part[k]));
  t.expectTensor(Tensor.concat(parts.map((part) => Tensor.of(part)), -2), joined);
});

graded("01.14", 1, "concat() copies its parts, and so does stack() along a new axis", (t) => {
  const x = Tensor.of([1, 2]), y = Tensor.of([3, 4]), joined = Tensor.concat([x]);
  joined.data[0] = 99;
  t.expectTensor(x, [1, 2]);
  const square = x.reshape([2, 1]);
  t.expectUnchanged({ x }, () => Tensor.concat([square], 1).data.fill(-1));
  t.expectTensor(Tensor.stack([x, y]), [[1, 2], [3, 4]]);
  t.expectTensor(Tensor.stack([x, y], 1), [[1, 3], [2, 4]]);
});

graded("01.14", 1, "concat() refuses sizes and dtypes that differ, and nothing at all", (t) => {
  const x = Tensor.zeros([2, 3]), float64 = Tensor.zeros([2, 3], { dtype: "float64" });
  t.expectError(() => Tensor.concat([x, float64]), "ShapeError", ["float32", "float64"]);
  t.expectError(() => Tensor.concat([x, x, float64]), "ShapeError", ["float64"]);
  t.expectError(() => Tensor.concat([x, Tensor.zeros([2, 4])]), "ShapeError", [[2, 3], [2, 4]]);
  t.expectError(() => Tensor.concat([x, x, Tensor.zeros([2, 4])]), "ShapeError", [[2, 4]]);
  t.expectError(() => Tensor.concat([x, Tensor.zeros([3, 3])], 1), "ShapeError", [[3, 3]]);
  t.expectError(() => Tensor.concat([x, Tensor.zeros([2])]), "ShapeError", [[2, 3]]);
  t.expectError(() => Tensor.concat([]), "ValueError");
});

// ── 01.15 ──

graded("01.15", 2, "gather() picks one element of each row, or of each column", (t) => {
  const x = Tensor.of([[1, 2, 3], [4, 5, 6]]);
  t.expectTensor(x.gather(1, Tensor.of([[2], [0]])), [[3], [4]]);
  t.expectTensor(x.gather(0, Tensor.of([[1, 0, 1]])), [[4, 2, 6]]);
  const index = Tensor.of([[1, 1], [0, 1], [1, 0]]); // longer than x along axis 0, shorter along 1
  t.expectTensor(t.expectUnchanged({ x, index }, () => x.gather(0, index)), [[4, 5], [1, 5], [
    4,
    2,
  ]]);
  t.expectTensor(x.gather(-1, Tensor.of([[2, 0, 1, 1], [0, 0, 2, 1]])), [[3, 1, 2, 2], [
    4,
    4,
    6,
    5,
  ]]);
});

graded("01.15", 2, "gather() picks as many along the axis as the index says", (t) => {
  const lists = t.normal([2, 3, 4]);
  const index = table(5, 4, () => t.integer(0, 2));
  t.expectTensor(
    Tensor.of(lists).gather(1, Tensor.of([index])), // (1, 5, 4): from the first of two only
    [table(5, 4, (row, k) => lists[0][index[row][k]][k])],
  );
});

graded("01.15", 1, "gather() refuses an index that points to nothing", (t) => {
  const x = Tensor.zeros([2, 3]);
  for (const shape of [[2], [3, 1], [1, 2, 1]]) {
    t.expectError(() => x.gather(1, Tensor.zeros(shape)), "ShapeError", [shape, [2, 3]]);
  }
  t.expectError(() => x.gather(0, Tensor.zeros([1, 4])), "ShapeError", [[1, 4], [2, 3]]);
  for (const wrong of [3, -1, 0.5, NaN]) {
    t.expectError(() => x.gather(1, Tensor.of([[0], [wrong]])), "ValueError", [[2, 3], wrong]);
  }
  t.expectError(() => x.gather(0, Tensor.of([[2]])), "ValueError", [2]); // axis 1 has it, axis 0 not
});

// ── 01.16 ──

graded("01.16", 1, "permutation() holds each number once", (t) => {
  for (const n of [0, 1, 2, t.integer(10, 100)]) {
    const sorted = [...new Generator(n).permutation(n)].sort((a, b) => a - b);
    t.expectEqual(sorted, Array.from({ length: n }, (_, k) => k));
  }
  const firsts = new Set<number>(), generator = new Generator(t.integer(0, 1000));
  for (let k = 0; k < 200; k++) firsts.add(generator.permutation(4)[0]);
  t.expect(firsts.size === 4, `each of 4 should come first at times, ${firsts.size} of them did`);
});

graded("01.16", 1, "permutation() is the same for the same seed and another for another", (t) => {
  const seed = t.integer(0, 1000), order = [...new Generator(seed).permutation(50)];
  t.expectSame([...new Generator(seed).permutation(50)], order);
  const other = [...new Generator(seed + 1).permutation(50)];
  t.expect(other.join() !== order.join(), "two seeds gave the same order of 50");
  const generator = new Generator(seed), again = generator.permutation(50);
  t.expect(
    generator.permutation(50).join() !== again.join(),
    "two draws gave the same order of 50",
  );
});

graded("01.16", 3, "permutation() gives each order as often as any other", (t) => {
  const generator = new Generator(t.integer(0, 1000)), counts = new Map<string, number>();
  for (let k = 0; k < 24_000; k++) {
    const order = generator.permutation(3).join(" ");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  t.expect(counts.size === 6, `there are 6 orders of three, ${counts.size} came`);
  for (const [order, count] of counts) {
    // 4000 expected, and five standard deviations on either side
    const even = Math.abs(count - 4000) < 289;
    t.expect(even, `order ${order} came ${count} times of 24,000, not about 4000`);
  }
});

graded("01.16", 1, "permutation() refuses a count that is not whole or below 0", (t) => {
  for (const n of [-1, 1.5, NaN]) {
    t.expectError(() => new Generator(1).permutation(n), "ValueError", [n]);
  }
});
