/**
 * Module 08 as a whole: nothing twice, nothing forgotten, and the same again for the same seed.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertThrows } from "@std/assert";
import { DataLoader, type Dataset, TensorDataset } from "#dataloader";
import { Generator } from "#random";
import { ShapeError, Tensor, ValueError } from "#tensor";
import type { Batch } from "#training";
import { test } from "./kit/register.ts";

// ── Help ──

/** N examples; input k is the row [k, −k], label k is k. */
function numbered(length: number): TensorDataset {
  const inputs = Tensor.of(Array.from({ length }, (_, k) => [k, -k]));
  return new TensorDataset(inputs, Int32Array.from({ length }, (_, k) => k));
}

function counting(length: number): number[] {
  return Array.from({ length }, (_, k) => k);
}

/** The labels of an epoch; the inputs must belong to them. */
function walk(batches: Iterable<Batch>): number[][] {
  return Array.from(batches, ({ inputs, targets }) => {
    assertEquals(inputs.toArray(), Array.from(targets, (k) => [k, -k]));
    return [...targets];
  });
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

// ── TensorDataset ──

test("batch() fetches examples of any shape in the order of the indices", () => {
  const inputs = Tensor.of(counting(24)).reshape([4, 3, 1, 2]);
  const data = new TensorDataset(inputs, Int32Array.of(9, 8, 7, 6));
  const batch = data.batch(Int32Array.of(2, 0, 2));
  assertEquals(data.length, 4);
  assertEquals(batch.inputs.shape, [3, 3, 1, 2]);
  const [, , third] = [0, 6, 12].map((start) => counting(24).slice(start, start + 6));
  assertEquals([...batch.inputs.data], [...third, ...counting(6), ...third]);
  assertEquals(batch.targets, Int32Array.of(7, 9, 7));
});

test("batch() takes single numbers as examples", () => {
  const data = new TensorDataset(Tensor.of([5, 6, 7]), Int32Array.of(0, 1, 0));
  assertEquals(data.batch(Int32Array.of(2, 1)).inputs.toArray(), [7, 6]);
});

test("batch() keeps the dtype", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const data = new TensorDataset(Tensor.of([[0.1], [0.2]], { dtype }), Int32Array.of(0, 1));
    const { inputs } = data.batch(Int32Array.of(1));
    assertEquals([inputs.dtype, inputs.item()], [dtype, data.inputs.data[1]]);
  }
});

test("TensorDataset refuses another number of labels than of inputs", () => {
  const cases: [inputs: Tensor, labels: number, message: string][] = [
    [
      Tensor.zeros([5, 3]),
      4,
      "Cannot pair inputs (5, 3) with 4 labels: the first axis must be as long",
    ],
    [Tensor.zeros([5]), 0, "Cannot pair inputs (5,) with 0 labels: the first axis must be as long"],
    [Tensor.zeros([]), 1, "Cannot pair inputs () with 1 labels: the first axis must be as long"],
  ];
  for (const [inputs, labels, message] of cases) {
    const error = assertThrows(() => new TensorDataset(inputs, new Int32Array(labels)), ShapeError);
    assertInstanceOf(error, TypeError);
    assertEquals([error.name, error.message], ["ShapeError", message]);
  }
});

for (const index of [5, -1, 100]) {
  test(`batch() refuses the index ${index} of 5 examples`, () => {
    const error = assertThrows(() => numbered(5).batch(Int32Array.of(0, index)), ValueError);
    assertInstanceOf(error, RangeError);
    assertEquals(
      error.message,
      `Cannot fetch example ${index} of 5: indices go from 0 to 4`,
    );
  });
}

// ── DataLoader ──

for (
  const [length, batchSize, sizes] of [
    [10, 4, [4, 4, 2]],
    [8, 4, [4, 4]],
    [9, 4, [4, 4, 1]],
    [3, 4, [3]],
    [3, 1, [1, 1, 1]],
  ] as const
) {
  test(`DataLoader deals ${length} examples in batches of ${batchSize} as ${sizes}`, () => {
    for (const shuffle of [undefined, new Generator(1)]) {
      const loader = new DataLoader(numbered(length), { batchSize, shuffle });
      assertEquals(loader.length, sizes.length);
      assertEquals(walk(loader).map((batch) => batch.length), [...sizes]);
    }
  });
}

test("DataLoader keeps the data set's order without shuffle, in every epoch", () => {
  const loader = new DataLoader(numbered(5), { batchSize: 2 });
  for (let epoch = 0; epoch < 2; epoch++) assertEquals(walk(loader), [[0, 1], [2, 3], [4]]);
});

test("DataLoader deals each example exactly once per epoch", () => {
  for (const [length, batchSize] of [[1, 1], [2, 1], [7, 3], [64, 10], [257, 32]]) {
    const loader = new DataLoader(numbered(length), { batchSize, shuffle: new Generator(length) });
    for (let epoch = 0; epoch < 3; epoch++) {
      assertEquals(sorted(walk(loader).flat()), counting(length));
    }
  }
});

test("DataLoader draws a new order for each epoch", () => {
  const loader = new DataLoader(numbered(20), { batchSize: 6, shuffle: new Generator(5) });
  const epochs = counting(5).map(() => walk(loader).flat());
  assertEquals(new Set(epochs.map(String)).size, 5);
  for (const order of epochs) assertNotEquals(order, counting(20));
});

test("DataLoader puts every example first about equally often", () => {
  const loader = new DataLoader(numbered(4), { batchSize: 1, shuffle: new Generator(2) });
  const first = [0, 0, 0, 0];
  for (let epoch = 0; epoch < 4000; epoch++) {
    for (const { targets } of loader) {
      first[targets[0]]++;
      break;
    }
  }
  // 1000 ± 27: five deviations to either side
  for (const times of first) assert(Math.abs(times - 1000) < 137, String(first));
});

test("DataLoader deals the same orders for the same seed", () => {
  const [first, second, other] = [7, 7, 8].map((seed) => {
    const loader = new DataLoader(numbered(20), { batchSize: 6, shuffle: new Generator(seed) });
    return [walk(loader), walk(loader), walk(loader)];
  });
  assertEquals(first, second);
  assertNotEquals(first, other);
});

test("DataLoader draws the same orders whatever the batch size", () => {
  const [small, large] = [1, 20].map((batchSize) => {
    const loader = new DataLoader(numbered(20), { batchSize, shuffle: new Generator(7) });
    return [walk(loader).flat(), walk(loader).flat()];
  });
  assertEquals(small, large);
});

test("DataLoader lets two walks at once go their own ways", () => {
  const loader = new DataLoader(numbered(12), { batchSize: 5, shuffle: new Generator(4) });
  const twin = new DataLoader(numbered(12), { batchSize: 5, shuffle: new Generator(4) });
  const expected = [walk(twin), walk(twin)]; // one after the other
  const walks = [loader[Symbol.iterator](), loader[Symbol.iterator]()];
  const found: number[][][] = [[], []];
  for (let k = 0; k < 3; k++) {
    walks.forEach((iterator, which) => {
      const { value } = iterator.next();
      found[which].push([...value.targets]);
    });
  }
  assertEquals(walks.map((iterator) => iterator.next().done), [true, true]);
  assertEquals(found, expected);
});

test("DataLoader begins a whole epoch after one that was left early", () => {
  const loader = new DataLoader(numbered(6), { batchSize: 2, shuffle: new Generator(1) });
  for (const { targets } of loader) {
    assertEquals(targets.length, 2);
    break;
  }
  assertEquals(sorted(walk(loader).flat()), counting(6));
});

test("DataLoader takes any data set, and asks it only for indices", () => {
  const asked: number[][] = [];
  const dataset: Dataset<string> = {
    length: 3,
    batch: (indices) => {
      asked.push([...indices]);
      return { inputs: Tensor.zeros([indices.length]), targets: `words ${indices.join()}` };
    },
  };
  const loader = new DataLoader(dataset, { batchSize: 2 });
  assertEquals(asked, []);
  assertEquals(Array.from(loader, ({ targets }) => targets), ["words 0,1", "words 2"]);
  assertEquals(asked, [[0, 1], [2]]);
});

test("DataLoader deals nothing out of an empty data set", () => {
  const dataset: Dataset = {
    length: 0,
    batch: () => {
      throw new Error("asked for a batch");
    },
  };
  const loader = new DataLoader(dataset, { batchSize: 2, shuffle: new Generator(1) });
  assertEquals([loader.length, [...loader]], [0, []]);
});

for (const batchSize of [0, -2, 1.5, NaN, Infinity]) {
  test(`DataLoader refuses batches of ${batchSize}, and draws nothing`, () => {
    const shuffle = new Generator(1), before = shuffle.state;
    const error = assertThrows(
      () => new DataLoader(numbered(3), { batchSize, shuffle }),
      ValueError,
    );
    assertInstanceOf(error, RangeError);
    assertEquals([error.name, error.message], [
      "ValueError",
      `Cannot make batches of ${batchSize}: a batch holds a whole number of at least 1`,
    ]);
    assertEquals(shuffle.state, before);
  });
}
