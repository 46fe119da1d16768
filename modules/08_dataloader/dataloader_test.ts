/**
 * Graded tests of module 08.
 *
 * @module
 */
import { DataLoader, type Dataset, TensorDataset } from "#dataloader";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { graded } from "../../tests/kit/graded.ts";

// ── Help ──

/** A data set of which only the indices matter, and which needs no TensorDataset. */
function indicesUpTo(length: number): Dataset {
  return {
    length,
    batch: (indices) => ({
      inputs: Tensor.of(Array.from(indices)),
      targets: indices.slice(),
    }),
  };
}

/** The indices of one epoch, batch by batch. */
function walk(loader: DataLoader): number[][] {
  return Array.from(loader, (batch) => [...batch.targets]);
}

function counting(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

// ── 8.1 Data sets ──

graded("08.1", 2, "batch() fetches the inputs at the indices, in their order", (t) => {
  const values = t.normal([6, 2, 3]), indices = [...t.integers(7, 0, 5), 0, 5];
  for (const dtype of ["float32", "float64"] as const) {
    const data = new TensorDataset(Tensor.of(values, { dtype }), new Int32Array(6));
    const { inputs } = data.batch(Int32Array.from(indices));
    t.expectTensor(inputs, indices.map((index) => values[index]), 0);
    t.expectEqual(inputs.dtype, dtype);
  }
});

graded("08.1", 1, "batch() fetches the labels at the indices, in their order", (t) => {
  const data = new TensorDataset(Tensor.zeros([5, 1]), Int32Array.of(50, 51, 52, 53, 54));
  const { targets } = data.batch(Int32Array.of(4, 0, 0, 2));
  t.expect(targets instanceof Int32Array, "Labels must be an Int32Array");
  t.expectEqual([...targets], [54, 50, 50, 52]);
});

graded("08.1", 1, "batch() copies: changing a batch leaves the data set as it was", (t) => {
  const data = new TensorDataset(Tensor.of([[1, 2], [3, 4]]), Int32Array.of(7, 8));
  const indices = Int32Array.of(0, 1), { inputs, targets } = data.batch(indices);
  inputs.data.fill(-1);
  targets.fill(-1);
  t.expectTensor(data.inputs, [[1, 2], [3, 4]], 0);
  t.expectEqual([[...data.labels], [...indices]], [[7, 8], [0, 1]]);
});

// ── 8.2 Batches ──

graded("08.2", 2, "DataLoader deals in order without shuffle, and the last batch is short", (t) => {
  const cases: [length: number, batchSize: number, expected: number[][]][] = [
    [5, 2, [[0, 1], [2, 3], [4]]],
    [6, 3, [[0, 1, 2], [3, 4, 5]]],
    [2, 4, [[0, 1]]],
    [3, 1, [[0], [1], [2]]],
  ];
  for (const [length, batchSize, expected] of cases) {
    const loader = new DataLoader(indicesUpTo(length), { batchSize });
    t.expectEqual(walk(loader), expected);
    t.expectEqual(walk(loader), expected);
  }
});

graded("08.2", 3, "DataLoader deals each example once, in a shuffled order", (t) => {
  const shuffle = new Generator(t.integer(0, 1000));
  const batches = walk(new DataLoader(indicesUpTo(50), { batchSize: 8, shuffle }));
  t.expectEqual(batches.map((batch) => batch.length), [8, 8, 8, 8, 8, 8, 2]);
  t.expectEqual(sorted(batches.flat()), counting(50));
  t.expect(batches.flat().some((index, k) => index !== k), "The order is the data set's");
  t.expect(
    batches.slice(0, 6).some((batch) => Math.max(...batch) - Math.min(...batch) > 8),
    "Only whole batches were shuffled, not the examples",
  );
});

graded("08.2", 2, "DataLoader draws a new order for each epoch", (t) => {
  const loader = new DataLoader(indicesUpTo(50), { batchSize: 50, shuffle: new Generator(3) });
  const epochs = counting(4).map(() => walk(loader).flat());
  for (const order of epochs) t.expectEqual(sorted(order), counting(50));
  t.expectEqual(new Set(epochs.map((order) => order.join())).size, 4);
});

graded("08.2", 1, "DataLoader deals the same order for the same seed", (t) => {
  const seed = t.integer(0, 1000);
  const [first, second, other] = [seed, seed, seed + 1].map((seed) => {
    const loader = new DataLoader(indicesUpTo(30), { batchSize: 4, shuffle: new Generator(seed) });
    return [walk(loader), walk(loader)];
  });
  t.expectEqual(first, second);
  t.expect(String(first) !== String(other), "Another seed must give another order");
});
