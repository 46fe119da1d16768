/**
 * What holds of tensors of any shape, and of their gradients.
 *
 * @module
 */
import { logSoftmax, softmax } from "#activations";
import { Tensor } from "#tensor";
import { expectTensor } from "../../course/sandbox/expect_tensor.ts";
import {
  anyNumber,
  axesOf,
  axisOf,
  fittingPairs,
  fittingShapes,
  matrixPairs,
  numbers,
  numbersOf,
  productShape,
  quarter,
  salts,
  shapes,
  weightsFor,
} from "./cases.ts";
import { type Arbitrary, fc } from "./fast_check.ts";
import {
  at,
  build,
  firstGreatest,
  meetingOf,
  type Numbers,
  type Position,
  positionsOf,
  shownAt,
  total,
  Totals,
} from "./oracle.ts";
import { property, run, slopes, tensorOf } from "./property.ts";

/** Where rounding may differ: |a − e| at most this times max(1, |e|). */
const close = 1e-12;

// ── Two operands ──

interface Pair {
  readonly compute: (a: Tensor, b: Tensor | number) => Tensor;
  readonly oracle: (a: number, b: number) => number;
}

const arithmetic: readonly Pair[] = [
  { compute: (a, b) => a.add(b), oracle: (a, b) => a + b },
  { compute: (a, b) => a.sub(b), oracle: (a, b) => a - b },
  { compute: (a, b) => a.mul(b), oracle: (a, b) => a * b },
  { compute: (a, b) => a.div(b), oracle: (a, b) => a / b },
];

const others: readonly Pair[] = [
  { compute: (a, b) => a.maximum(b), oracle: greater },
  { compute: (a, b) => a.pow(b), oracle: (a, b) => a ** b },
  { compute: (a, b) => a.equal(b), oracle: (a, b) => a === b ? 1 : 0 },
  { compute: (a, b) => a.notEqual(b), oracle: (a, b) => a !== b ? 1 : 0 },
  { compute: (a, b) => a.greater(b), oracle: (a, b) => a > b ? 1 : 0 },
  { compute: (a, b) => a.greaterEqual(b), oracle: (a, b) => a >= b ? 1 : 0 },
  { compute: (a, b) => a.less(b), oracle: (a, b) => a < b ? 1 : 0 },
  { compute: (a, b) => a.lessEqual(b), oracle: (a, b) => a <= b ? 1 : 0 },
];

function greater(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? NaN : a > b ? a : b;
}

function checkPairs(pairs: readonly Pair[], [a, b]: [Numbers, Numbers]): void {
  for (const { compute, oracle } of pairs) {
    const expected = build(
      meetingOf(a.shape, b.shape),
      (position) => oracle(at(a, shownAt(a.shape, position)), at(b, shownAt(b.shape, position))),
    );
    expectTensor(run([a, b], compute), expected, 0);
    if (b.shape.length === 0) expectTensor(run([a], (x) => compute(x, b.data[0])), expected, 0);
  }
}

/** The gradients of a pair of operands, from the slopes at each position of the result. */
function pairGradients(
  [a, b]: [Numbers, Numbers],
  weights: Numbers,
  slope: (x: number, y: number) => [number, number],
): [Totals, Totals] {
  const toA = new Totals(a.shape), toB = new Totals(b.shape);
  for (const position of positionsOf(weights.shape)) {
    const inA = shownAt(a.shape, position), inB = shownAt(b.shape, position);
    const [slopeA, slopeB] = slope(at(a, inA), at(b, inB)), weight = at(weights, position);
    toA.add(inA, weight * slopeA);
    toB.add(inB, weight * slopeB);
  }
  return [toA, toB];
}

const pairSlopes: readonly {
  readonly compute: (a: Tensor, b: Tensor) => Tensor;
  readonly slope: (a: number, b: number) => [number, number];
}[] = [
  { compute: (a, b) => a.add(b), slope: () => [1, 1] },
  { compute: (a, b) => a.sub(b), slope: () => [1, -1] },
  { compute: (a, b) => a.mul(b), slope: (a, b) => [b, a] },
  {
    compute: (a, b) => a.maximum(b),
    slope: (a, b) => a > b ? [1, 0] : a < b ? [0, 1] : [0.5, 0.5],
  },
];

const pairProperties = [
  property(
    "add(), sub(), mul() and div() take each number from where broadcasting shows it",
    1400,
    fittingPairs(anyNumber),
    (pair) => checkPairs(arithmetic, pair),
  ),
  property(
    "maximum(), pow() and the comparisons take each number from where broadcasting shows it",
    1000,
    fittingPairs(anyNumber),
    (pair) => checkPairs(others, pair),
  ),
  property(
    "backward() sums the gradient of a broadcast operand over all places that show it",
    1800,
    fc.tuple(fittingPairs(), salts),
    ([[a, b], salt]) => {
      const weights = weightsFor(meetingOf(a.shape, b.shape), salt);
      for (const { compute, slope } of pairSlopes) {
        const [toA, toB] = slopes([a, b], weights, compute);
        const [expectedA, expectedB] = pairGradients([a, b], weights, slope);
        expectTensor(toA, expectedA, 0);
        expectTensor(toB, expectedB, 0);
      }
    },
  ),
  property(
    "backward() of div() does so too",
    600,
    fc.tuple(fittingPairs(quarter.map((x) => x || 1)), salts),
    ([[a, b], salt]) => {
      const weights = weightsFor(meetingOf(a.shape, b.shape), salt);
      const [toA, toB] = slopes([a, b], weights, (x, y) => x.div(y));
      const [expectedA, expectedB] = pairGradients(
        [a, b],
        weights,
        (x, y) => [1 / y, -x / (y * y)],
      );
      expectTensor(toA, expectedA, close);
      expectTensor(toB, expectedB, close);
    },
  ),
];

// ── Reductions ──

interface Folding {
  readonly x: Numbers;
  readonly axes: number | number[] | undefined;
  readonly keepDims: boolean;
}

/** A tensor, and what to fold of it. */
function foldings(element: Arbitrary<number>): Arbitrary<Folding> {
  return numbers(shapes(0, 4, 4), element).chain((x) =>
    fc.record({ x: fc.constant(x), axes: axesOf(x.shape.length), keepDims: fc.boolean() })
  );
}

/** Which axes are meant, from the start. */
function foldedAxes({ x: { shape }, axes }: Folding): boolean[] {
  const list = axes === undefined ? shape.map((_, axis) => axis) : [axes].flat();
  return shape.map((_, axis) => list.includes(axis) || list.includes(axis - shape.length));
}

/** Where an element goes when axes are folded. */
function foldedPosition(
  position: Position,
  isFolded: readonly boolean[],
  keepDims: boolean,
): Position {
  return keepDims
    ? position.map((k, axis) => isFolded[axis] ? 0 : k)
    : position.filter((_, axis) => !isFolded[axis]);
}

/** Folds by gathering, for each position of the result, all numbers that go there. */
function fold(folding: Folding, value: (numbers: number[]) => number): Numbers {
  const { x, keepDims } = folding, isFolded = foldedAxes(folding);
  const shape = keepDims
    ? x.shape.map((n, axis) => isFolded[axis] ? 1 : n)
    : x.shape.filter((_, axis) => !isFolded[axis]);
  const members = new Map<string, number[]>();
  for (const position of positionsOf(x.shape)) {
    const key = foldedPosition(position, isFolded, keepDims).join();
    members.set(key, [...members.get(key) ?? [], at(x, position)]);
  }
  return build(shape, (position) => value(members.get(position.join()) ?? []));
}

function greatest(numbers: readonly number[]): number {
  return numbers[firstGreatest(numbers)];
}

function meanSquare(numbers: readonly number[], correction: number): number {
  const mean = total(numbers) / numbers.length;
  return total(numbers.map((x) => (x - mean) ** 2)) / (numbers.length - correction);
}

const reductionProperties = [
  property(
    "sum(), mean(), max() and min() fold just the numbers of their axes",
    2000,
    foldings(anyNumber),
    (folding) => {
      const { x, axes, keepDims } = folding;
      const least = fold(folding, (list) => -greatest(list.map((value) => -value)));
      const mean = fold(folding, (list) => total(list) / list.length);
      expectTensor(run([x], (t) => t.sum(axes, { keepDims })), fold(folding, total), 0);
      expectTensor(run([x], (t) => t.mean(axes, { keepDims })), mean, close);
      expectTensor(run([x], (t) => t.max(axes, { keepDims })), fold(folding, greatest), 0);
      expectTensor(run([x], (t) => t.min(axes, { keepDims })), least, 0);
    },
  ),
  property(
    "variance() is the mean squared distance from the mean",
    600,
    foldings(quarter),
    (folding) => {
      const { x, axes, keepDims } = folding;
      const population = fold(folding, (list) => meanSquare(list, 0));
      const sample = fold(folding, (list) => meanSquare(list, 1));
      const compute = (correction: number): Tensor =>
        run([x], (t) => t.variance(axes, { keepDims, correction }));
      expectTensor(compute(0), population, close);
      if (sample.data.length < x.data.length) expectTensor(compute(1), sample, close);
    },
  ),
  property(
    "argmax() finds the first greatest along its axis",
    600,
    numbers(shapes(1, 4), anyNumber).chain((x) =>
      fc.record({ x: fc.constant(x), axes: axisOf(x.shape.length), keepDims: fc.boolean() })
    ),
    ({ x, axes, keepDims }) => {
      const expected = fold({ x, axes, keepDims }, firstGreatest);
      expectTensor(run([x], (t) => t.argmax(axes, { keepDims })), expected, 0);
      expectTensor(tensorOf(x).argmax(), firstGreatest(x.data), 0);
    },
  ),
  property(
    "backward() gives each folded number its share: of sum() all, of max() its part of a tie",
    1000,
    fc.tuple(foldings(quarter), salts),
    ([folding, salt]) => {
      const { x, axes, keepDims } = folding, isFolded = foldedAxes(folding);
      const best = fold(folding, greatest), weights = weightsFor(best.shape, salt);
      const ties = fold(
        folding,
        (list) => list.filter((value) => value === greatest(list)).length,
      );
      const goesTo = (position: Position): Position => foldedPosition(position, isFolded, keepDims);
      const toSum = build(x.shape, (position) => at(weights, goesTo(position)));
      const toMax = build(x.shape, (position) => {
        const there = goesTo(position), wins = at(x, position) === at(best, there);
        return wins ? at(weights, there) / at(ties, there) : 0;
      });
      expectTensor(slopes([x], weights, (t) => t.sum(axes, { keepDims }))[0], toSum, 0);
      expectTensor(slopes([x], weights, (t) => t.max(axes, { keepDims }))[0], toMax, close);
    },
  ),
];

// ── Rearranging ──

/** An order of axes, some counted from the end. */
function orders(rank: number): Arbitrary<number[]> {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return fc.tuple(
    fc.shuffledSubarray(axes, { minLength: rank, maxLength: rank }),
    fc.array(fc.boolean(), { minLength: rank, maxLength: rank }),
  ).map(([order, fromEnd]) => order.map((axis) => fromEnd[axis] ? axis - rank : axis));
}

/** Other shapes with as many elements: sizes shuffled, neighbours merged, one left open. */
function regroupings(shape: readonly number[]): Arbitrary<number[]> {
  const rank = shape.length;
  return fc.tuple(
    fc.shuffledSubarray([...shape], { minLength: rank, maxLength: rank }),
    fc.array(fc.boolean(), { minLength: rank, maxLength: rank }),
    fc.integer({ min: -1, max: rank }),
  ).map(([sizes, merges, open]) => {
    const merged: number[] = [];
    sizes.forEach((n, axis) => {
      if (merges[axis] && merged.length > 0) merged.push((merged.pop() ?? 1) * n);
      else merged.push(n);
    });
    return merged.map((n, axis) => axis === open ? -1 : n);
  });
}

const orderProperties = [
  property(
    "reshape() keeps the numbers in their order, there and back, and backward too",
    1000,
    fc.tuple(numbers(), salts).chain(([x, salt]) =>
      fc.record({
        x: fc.constant(x),
        shape: regroupings(x.shape),
        unit: axisOf(x.shape.length + 1),
        salt: fc.constant(salt),
      })
    ),
    ({ x, shape, unit, salt }) => {
      const known = shape.filter((n) => n > 0).reduce((product, n) => product * n, 1);
      const sizes = shape.map((n) => n > 0 ? n : x.data.length / known);
      expectTensor(run([x], (t) => t.reshape(shape)), { shape: sizes, data: x.data }, 0);
      expectTensor(run([x], (t) => t.reshape(shape).reshape(x.shape)), x, 0);
      const weights = weightsFor(sizes, salt);
      const back = { shape: x.shape, data: weights.data };
      expectTensor(slopes([x], weights, (t) => t.reshape(shape))[0], back, 0);

      const place = unit < 0 ? unit + x.shape.length + 1 : unit;
      const wider = [...x.shape.slice(0, place), 1, ...x.shape.slice(place)];
      expectTensor(run([x], (t) => t.unsqueeze(unit)), { shape: wider, data: x.data }, 0);
      expectTensor(run([x], (t) => t.unsqueeze(unit).squeeze(unit)), x, 0);
      const narrow = { shape: x.shape.filter((n) => n !== 1), data: x.data };
      expectTensor(run([x], (t) => t.squeeze()), narrow, 0);
    },
  ),
  property(
    "permute() moves each number to the place that the order names, and back",
    1400,
    fc.tuple(numbers(), salts).chain(([x, salt]) =>
      fc.record({ x: fc.constant(x), order: orders(x.shape.length), salt: fc.constant(salt) })
    ),
    ({ x, order, salt }) => {
      const axes = order.map((axis) => axis < 0 ? axis + x.shape.length : axis);
      // Axis k of the result is axis axes[k] of x.
      const source = (position: Position): Position =>
        x.shape.map((_, axis) => position[axes.indexOf(axis)]);
      const expected = build(
        axes.map((axis) => x.shape[axis]),
        (position) => at(x, source(position)),
      );
      expectTensor(run([x], (t) => t.permute(order)), expected, 0);
      const undo = axes.map((_, axis) => axes.indexOf(axis));
      expectTensor(run([x], (t) => t.permute(order).permute(undo)), x, 0);
      const weights = weightsFor(expected.shape, salt), back = new Totals(x.shape);
      for (const position of positionsOf(weights.shape)) {
        back.add(source(position), at(weights, position));
      }
      expectTensor(slopes([x], weights, (t) => t.permute(order))[0], back, 0);
    },
  ),
  property(
    "transpose() exchanges the last two axes, and twice is not at all",
    600,
    numbers(shapes(2, 4)),
    (x) => {
      const [n, m] = x.shape.slice(-2), outer = x.shape.slice(0, -2);
      const expected = build([...outer, m, n], (position) => {
        const [row, column] = position.slice(-2);
        return at(x, [...position.slice(0, -2), column, row]);
      });
      expectTensor(run([x], (t) => t.transpose()), expected, 0);
      expectTensor(run([x], (t) => t.transpose().transpose()), x, 0);
    },
  ),
];

// ── Parts ──

interface Cut {
  readonly start: number;
  readonly end: number;
  /** How the range is written: null, or from the start or the end of the axis. */
  readonly range: readonly [number, number] | null;
}

/** A range of an axis. */
function cutsOf(n: number): Arbitrary<Cut> {
  const ends = fc.tuple(fc.nat({ max: n - 1 }), fc.nat({ max: n - 1 }));
  return fc.tuple(ends, fc.boolean(), fc.boolean(), fc.boolean()).map(
    ([[a, b], isAll, startFromEnd, endFromEnd]) => {
      if (isAll) return { start: 0, end: n, range: null };
      const start = Math.min(a, b), end = Math.max(a, b) + 1;
      const from = startFromEnd ? start - n : start;
      return { start, end, range: [from, endFromEnd && end < n ? end - n : end] };
    },
  );
}

/** Zeros before and after each axis. */
function paddings(rank: number): Arbitrary<[number, number][]> {
  const side = fc.nat({ max: 2 });
  return fc.array(fc.tuple(side, side), { minLength: rank, maxLength: rank });
}

const partProperties = [
  property(
    "slice() takes the numbers of its ranges, and backward() puts theirs back",
    1200,
    fc.tuple(numbers(), salts).chain(([x, salt]) =>
      fc.record({
        x: fc.constant(x),
        cuts: fc.tuple(...x.shape.map(cutsOf)),
        named: fc.nat({ max: x.shape.length }),
        salt: fc.constant(salt),
      })
    ),
    ({ x, cuts, named, salt }) => {
      const ranges = cuts.map(({ range }) => range).slice(0, named);
      const start = cuts.map((cut, axis) => axis < named ? cut.start : 0);
      const end = cuts.map((cut, axis) => axis < named ? cut.end : x.shape[axis]);
      const source = (position: Position): Position => position.map((k, axis) => k + start[axis]);
      const shape = end.map((last, axis) => last - start[axis]);
      const expected = build(shape, (position) => at(x, source(position)));
      expectTensor(run([x], (t) => t.slice(...ranges)), expected, 0);
      const weights = weightsFor(shape, salt), back = new Totals(x.shape);
      for (const position of positionsOf(shape)) back.add(source(position), at(weights, position));
      expectTensor(slopes([x], weights, (t) => t.slice(...ranges))[0], back, 0);
    },
  ),
  property(
    "pad() puts zeros around, and slice() takes them off again",
    1000,
    fc.tuple(numbers(shapes(0, 3)), salts).chain(([x, salt]) =>
      fc.record({ x: fc.constant(x), padding: paddings(x.shape.length), salt: fc.constant(salt) })
    ),
    ({ x, padding, salt }) => {
      const inner = (position: Position): Position =>
        position.map((k, axis) => k - padding[axis][0]);
      const isInside = (position: Position): boolean =>
        inner(position).every((k, axis) => 0 <= k && k < x.shape[axis]);
      const shape = x.shape.map((n, axis) => padding[axis][0] + n + padding[axis][1]);
      const expected = build(
        shape,
        (position) => isInside(position) ? at(x, inner(position)) : 0,
      );
      expectTensor(run([x], (t) => t.pad(padding)), expected, 0);
      const ranges = padding.map(([before], axis) => [before, before + x.shape[axis]] as const);
      expectTensor(run([x], (t) => t.pad(padding).slice(...ranges)), x, 0);
      const weights = weightsFor(shape, salt), back = new Totals(x.shape);
      for (const position of positionsOf(shape).filter(isInside)) {
        back.add(inner(position), at(weights, position));
      }
      expectTensor(slopes([x], weights, (t) => t.pad(padding))[0], back, 0);
    },
  ),
  property(
    "expand() shows one number in many places, and backward() sums over them",
    1000,
    fc.tuple(
      fittingShapes().chain(([shape, other]) =>
        fc.tuple(numbersOf(shape), fc.constant(meetingOf(shape, other)))
      ),
      salts,
    ),
    ([[x, shape], salt]) => {
      const expected = build(shape, (position) => at(x, shownAt(x.shape, position)));
      expectTensor(run([x], (t) => t.expand(shape)), expected, 0);
      const weights = weightsFor(shape, salt), back = new Totals(x.shape);
      for (const position of positionsOf(shape)) {
        back.add(shownAt(x.shape, position), at(weights, position));
      }
      expectTensor(slopes([x], weights, (t) => t.expand(shape))[0], back, 0);
    },
  ),
];

// ── The matrix product ──

/** The product and its gradients by the triple loop, for each pair of matrices of the stacks. */
function multiply(
  [a, b]: [Numbers, Numbers],
  weights: Numbers,
): { product: Numbers; toA: Numbers; toB: Numbers } {
  const { shape } = weights, k = a.shape[a.shape.length - 1];
  const product = new Totals(shape), toA = new Totals(a.shape), toB = new Totals(b.shape);
  for (const position of positionsOf(shape)) {
    const stack = position.slice(0, -2), [row, column] = position.slice(-2);
    const inStackA = shownAt(a.shape.slice(0, -2), stack);
    const inStackB = shownAt(b.shape.slice(0, -2), stack);
    for (let p = 0; p < k; p++) {
      const inA = [...inStackA, row, p], inB = [...inStackB, p, column];
      product.add(position, at(a, inA) * at(b, inB));
      toA.add(inA, at(weights, position) * at(b, inB));
      toB.add(inB, at(weights, position) * at(a, inA));
    }
  }
  return { product, toA, toB };
}

const productProperties = [
  property(
    "matmul() is the triple loop, over broadcasting stacks too, and so is its derivative",
    2000,
    fc.tuple(matrixPairs(), salts),
    ([[a, b], salt]) => {
      const weights = weightsFor(productShape(a.shape, b.shape), salt);
      const { product, toA, toB } = multiply([a, b], weights);
      expectTensor(run([a, b], (x, y) => x.matmul(y)), product, 0);
      const [gradientA, gradientB] = slopes([a, b], weights, (x, y) => x.matmul(y));
      expectTensor(gradientA, toA, 0);
      expectTensor(gradientB, toB, 0);
    },
  ),
  property(
    "matmul() takes a vector for a row on the left and for a column on the right",
    800,
    fc.tuple(matrixPairs(), fc.constantFrom("left", "right", "both"), salts),
    ([[a, b], vector, salt]) => {
      const left = vector !== "right", right = vector !== "left";
      const k = a.shape[a.shape.length - 1], n = b.shape[b.shape.length - 1];
      // The first row of the first operand, the first column of the second.
      const row = { shape: [1, k], data: a.data.slice(0, k) };
      const column = { shape: [k, 1], data: b.data.slice(0, k * n).filter((_, i) => i % n === 0) };
      const wide: [Numbers, Numbers] = [left ? row : a, right ? column : b];
      const full = productShape(wide[0].shape, wide[1].shape), rank = full.length;
      const shape = full.filter((_, axis) =>
        !(left && axis === rank - 2) && !(right && axis === rank - 1)
      );
      const { product, toA, toB } = multiply(wide, weightsFor(full, salt));
      const given = [
        left ? { shape: [k], data: row.data } : a,
        right ? { shape: [k], data: column.data } : b,
      ];
      expectTensor(run(given, (x, y) => x.matmul(y)), { shape, data: product.data }, 0);
      const found = slopes(given, weightsFor(shape, salt), (x, y) => x.matmul(y));
      [toA, toB].forEach(({ data }, i) =>
        expectTensor(found[i], { shape: given[i].shape, data }, 0)
      );
    },
  ),
];

// ── Joining and picking ──

/** Parts that differ in size along one axis only. */
function partsToJoin(): Arbitrary<{ axis: number; parts: Numbers[] }> {
  return shapes(1, 4, 3).chain((shape) =>
    fc.tuple(
      axisOf(shape.length),
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }),
    ).chain(([axis, sizes]) => {
      const along = axis < 0 ? axis + shape.length : axis;
      const parts = sizes.map((size) => numbersOf(shape.map((n, k) => k === along ? size : n)));
      return fc.record({ axis: fc.constant(axis), parts: fc.tuple(...parts) });
    })
  );
}

/** A tensor, an axis, and an index that fits. */
function picks(): Arbitrary<{ x: Numbers; axis: number; index: Numbers }> {
  return numbers(shapes(1, 4)).chain((x) =>
    fc.tuple(
      axisOf(x.shape.length),
      fc.integer({ min: 1, max: 5 }),
      fc.tuple(...x.shape.map((n) => fc.integer({ min: 1, max: n }))),
    ).chain(([axis, count, smaller]) => {
      const along = axis < 0 ? axis + x.shape.length : axis;
      const shape = smaller.map((n, k) => k === along ? count : n);
      const index = numbersOf(shape, fc.nat({ max: x.shape[along] - 1 }));
      return fc.record({ x: fc.constant(x), axis: fc.constant(axis), index });
    })
  );
}

const joinProperties = [
  property(
    "concat() holds its parts one after the other, slice() gives them back, and so does backward()",
    1200,
    fc.tuple(partsToJoin(), salts),
    ([{ axis, parts }, salt]) => {
      const [{ shape }] = parts, along = axis < 0 ? axis + shape.length : axis;
      const sizes = parts.map((part) => part.shape[along]);
      const starts = sizes.map((_, k) => total(sizes.slice(0, k)));
      const joined = build(shape.map((n, k) => k === along ? total(sizes) : n), (position) => {
        const which = starts.findLastIndex((start) => start <= position[along]);
        const inPart = position.map((k, other) => other === along ? k - starts[which] : k);
        return at(parts[which], inPart);
      });
      expectTensor(run(parts, (...tensors) => Tensor.concat(tensors, axis)), joined, 0);
      const weights = weightsFor(joined.shape, salt);
      const found = slopes(parts, weights, (...tensors) => Tensor.concat(tensors, axis));
      parts.forEach((part, k) => {
        const ranges = shape.map((_, other) =>
          other === along ? [starts[k], starts[k] + sizes[k]] as const : null
        );
        const back = run(parts, (...tensors) => Tensor.concat(tensors, axis).slice(...ranges));
        expectTensor(back, part, 0);
        const expected = build(
          part.shape,
          (position) =>
            at(weights, position.map((at, other) => other === along ? at + starts[k] : at)),
        );
        expectTensor(found[k], expected, 0);
      });
    },
  ),
  property(
    "stack() puts tensors side by side along a new axis",
    600,
    shapes(0, 3).chain((shape) =>
      fc.record({
        axis: axisOf(shape.length + 1),
        parts: fc.array(numbersOf(shape), { minLength: 1, maxLength: 4 }),
      })
    ),
    ({ axis, parts }) => {
      const [{ shape }] = parts, along = axis < 0 ? axis + shape.length + 1 : axis;
      const expected = build(
        [...shape.slice(0, along), parts.length, ...shape.slice(along)],
        (position) => at(parts[position[along]], position.filter((_, k) => k !== along)),
      );
      expectTensor(run(parts, (...tensors) => Tensor.stack(tensors, axis)), expected, 0);
    },
  ),
  property(
    "gather() picks by its index along one axis, and backward() adds up where it picked",
    1200,
    fc.tuple(picks(), salts),
    ([{ x, axis, index }, salt]) => {
      const along = axis < 0 ? axis + x.shape.length : axis;
      const source = (position: Position): Position =>
        position.map((k, other) => other === along ? at(index, position) : k);
      const expected = build(index.shape, (position) => at(x, source(position)));
      expectTensor(run([x, index], (t, places) => t.gather(axis, places)), expected, 0);
      const weights = weightsFor(index.shape, salt), back = new Totals(x.shape);
      for (const position of positionsOf(index.shape)) {
        back.add(source(position), at(weights, position));
      }
      const places = tensorOf(index);
      expectTensor(slopes([x], weights, (t) => t.gather(axis, places))[0], back, 0);
    },
  ),
];

// ── Softmax ──

const softmaxProperties = [
  property(
    "softmax() gives shares of a whole, the same for shifted scores; logSoftmax() their logarithms",
    1200,
    numbers(shapes(1, 4)).chain((x) =>
      fc.record({
        x: fc.constant(x),
        axis: axisOf(x.shape.length),
        shift: fc.integer({ min: -1000, max: 1000 }),
      })
    ),
    ({ x, axis, shift }) => {
      const powers = { shape: x.shape, data: x.data.map(Math.exp) };
      const sums = fold({ x: powers, axes: axis, keepDims: true }, total);
      const expected = build(
        x.shape,
        (position) => at(powers, position) / at(sums, shownAt(sums.shape, position)),
      );
      const shares = run([x], (t) => softmax(t, axis));
      expectTensor(shares, expected, close);
      const shifted = { shape: x.shape, data: x.data.map((score) => score + shift) };
      expectTensor(run([shifted], (t) => softmax(t, axis)), expected, close);
      const given = { shape: x.shape, data: [...shares.data] };
      const wholes = fold({ x: given, axes: axis, keepDims: true }, total);
      expectTensor(wholes, build(sums.shape, () => 1), close);

      const logs = { shape: x.shape, data: given.data.map(Math.log) };
      expectTensor(run([x], (t) => logSoftmax(t, axis)), logs, close);
      expectTensor(run([shifted], (t) => logSoftmax(t, axis)), logs, close);
    },
  ),
  property(
    "backward() of softmax() and logSoftmax() is the sum over their matrix of slopes",
    600,
    fc.tuple(
      numbers(shapes(1, 3)).chain((x) => fc.tuple(fc.constant(x), axisOf(x.shape.length))),
      salts,
    ),
    ([[x, axis], salt]) => {
      const along = axis < 0 ? axis + x.shape.length : axis;
      const powers = { shape: x.shape, data: x.data.map(Math.exp) };
      const sums = fold({ x: powers, axes: axis, keepDims: true }, total);
      const share = (position: Position): number =>
        at(powers, position) / at(sums, shownAt(sums.shape, position));
      const weights = weightsFor(x.shape, salt);
      const toShares = new Totals(x.shape), toLogs = new Totals(x.shape);
      for (const from of positionsOf(x.shape)) {
        for (let k = 0; k < x.shape[along]; k++) { // every score moves every share of its row
          const to = from.map((place, other) => other === along ? k : place);
          const same = from[along] === k ? 1 : 0;
          toShares.add(to, at(weights, from) * share(from) * (same - share(to)));
          toLogs.add(to, at(weights, from) * (same - share(to)));
        }
      }
      expectTensor(slopes([x], weights, (t) => softmax(t, axis))[0], toShares, close);
      expectTensor(slopes([x], weights, (t) => logSoftmax(t, axis))[0], toLogs, close);
    },
  ),
];

/** What is tried. */
export const tensorProperties = [
  ...pairProperties,
  ...reductionProperties,
  ...orderProperties,
  ...partProperties,
  ...productProperties,
  ...joinProperties,
  ...softmaxProperties,
];
