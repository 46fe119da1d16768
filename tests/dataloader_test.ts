/**
 * Module 08 as a whole: nothing twice, nothing forgotten, and the same again for the same seed.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  DataLoader,
  type DataLoaderOptions,
  type Dataset,
  type LoaderState,
  randomSplit,
  Subset,
  TensorDataset,
} from "#dataloader";
import { Generator } from "#random";
import { ShapeError, Tensor, ValueError } from "#tensor";
import type { Batch } from "#training";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";

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

/** The first batches of an epoch. */
function walkSome(loader: DataLoader, count: number): number[][] {
  const batches: number[][] = [];
  for (const { targets } of loader) {
    if (batches.push([...targets]) >= count) break;
  }
  return batches;
}

function sorted(numbers: Iterable<number>): number[] {
  return [...numbers].sort((a, b) => a - b);
}

const atLeast1 = "it must be a whole number of at least 1";

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

test("batch() fetches targets that are a tensor, of any shape and dtype", () => {
  const targets = Tensor.arange(12, { dtype: "float64" }).reshape([3, 2, 2]);
  const data = new TensorDataset(Tensor.zeros([3, 1]), targets), indices = Int32Array.of(2, 2, 0);
  const batch = data.batch(indices);
  assertEquals(data.length, 3);
  assertEquals([batch.inputs.dtype, batch.targets.dtype], ["float32", "float64"]);
  assertEquals(batch.targets.toArray(), [[[8, 9], [10, 11]], [[8, 9], [10, 11]], [[0, 1], [2, 3]]]);
  assertEquals([...indices], [2, 2, 0]);
});

test("batch() shares nothing with the data set", () => {
  const data = numbered(3), tensors = new TensorDataset(Tensor.zeros([3]), Tensor.zeros([3]));
  const one = data.batch(Int32Array.of(0, 1, 2)), other = tensors.batch(Int32Array.of(0, 1, 2));
  for (const { data } of [one.inputs, other.inputs, other.targets]) data.fill(-7);
  one.targets.fill(-7);
  assertEquals(walk([data.batch(Int32Array.of(0, 1, 2))]), [[0, 1, 2]]);
  assertEquals([...tensors.inputs.data, ...tensors.targets.data], [0, 0, 0, 0, 0, 0]);
});

const unpaired: [inputs: Tensor, targets: Int32Array | Tensor, message: string][] = [
  [Tensor.zeros([5, 3]), new Int32Array(4), "inputs (5, 3) with 4 targets"],
  [Tensor.zeros([5]), new Int32Array(0), "inputs (5,) with 0 targets"],
  [Tensor.zeros([]), new Int32Array(1), "inputs () with 1 targets"],
  [Tensor.zeros([5, 3]), Tensor.zeros([3, 5]), "inputs (5, 3) with 3 targets"],
];
for (const [inputs, targets, what] of unpaired) {
  test(`TensorDataset refuses ${what}`, () => {
    assertRefuses(
      () => new TensorDataset(inputs, targets),
      ShapeError,
      `Cannot pair ${what}: the first axis must be as long`,
    );
  });
}

for (const index of [5, -1, 100]) {
  test(`the index ${index} of 5 examples is refused`, () => {
    const data = numbered(5), indices = Int32Array.of(0, index);
    const message = `Cannot fetch example ${index} of 5: indices go from 0 to 4`;
    assertRefuses(() => data.batch(indices), ValueError, message);
    assertRefuses(() => new Subset(data, indices), ValueError, message);
    assertRefuses(
      () => new Subset(numbered(9), Int32Array.of(8, 7, 6, 5, 4)).batch(indices),
      ValueError,
      message,
    );
  });
}

// ── Subset and randomSplit() ──

test("Subset fetches from the whole what its own indices stand for", () => {
  const part = new Subset(numbered(9), Int32Array.of(8, 2, 2, 5));
  assertEquals(part.length, 4);
  assertEquals(walk([part.batch(Int32Array.of(3, 0, 0)), part.batch(Int32Array.of(1, 2))]), [
    [5, 8, 8],
    [2, 2],
  ]);
});

test("Subset asks the whole once for each batch", () => {
  const asked: number[][] = [];
  const dataset: Dataset<string> = {
    length: 10,
    batch: (indices) => {
      asked.push([...indices]);
      return { inputs: Tensor.zeros([indices.length]), targets: "targets" };
    },
  };
  const part = new Subset(new Subset(dataset, Int32Array.of(9, 7, 5, 3)), Int32Array.of(1, 3));
  assertEquals(part.batch(Int32Array.of(1, 0)).targets, "targets");
  assertEquals(asked, [[3, 7]]);
});

test("Subset can be dealt out in batches", () => {
  const part = new Subset(numbered(9), Int32Array.of(8, 2, 5));
  assertEquals(walk(new DataLoader(part, { batchSize: 2 })), [[8, 2], [5]]);
});

test("Subset can be empty", () => {
  assertEquals(new Subset(numbered(3), new Int32Array(0)).length, 0);
});

for (const lengths of [[10], [9, 1], [1, 9], [3, 3, 4], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]) {
  test(`randomSplit() gives each of 10 examples to one of the parts ${lengths}`, () => {
    const data = numbered(10), parts = randomSplit(data, lengths, new Generator(1));
    assertEquals(parts.map(({ length, indices }) => [length, indices.length]), [
      ...lengths.map((n) => [n, n]),
    ]);
    assertEquals(sorted(parts.flatMap(({ indices }) => [...indices])), counting(10));
    const labels = parts.map((part) => walk(new DataLoader(part, { batchSize: 10 })).flat());
    assertEquals(labels, parts.map(({ indices }) => [...indices]));
  });
}

test("randomSplit() puts each example into each part equally often", () => {
  const generator = new Generator(2), data = numbered(4), times = [0, 0, 0, 0];
  for (let k = 0; k < 4000; k++) {
    for (const index of randomSplit(data, [1, 3], generator)[0].indices) times[index]++;
  }
  // 1000 ± 27: five deviations to either side
  for (const count of times) assert(Math.abs(count - 1000) < 137, String(times));
});

test("randomSplit() splits the same for the same seed, and the next time otherwise", () => {
  const [a, b] = [new Generator(3), new Generator(3)].map((generator) =>
    [1, 2].map(() =>
      randomSplit(numbered(30), [15, 15], generator).map(({ indices }) => [...indices])
    )
  );
  assertEquals(a, b);
  assertNotEquals(a[0], a[1]);
});

test("randomSplit() makes parts that share no memory", () => {
  const [first, second] = randomSplit(numbered(4), [2, 2], new Generator(4));
  const before = [...second.indices];
  first.indices.fill(0);
  assert(first.indices.buffer !== second.indices.buffer);
  assertEquals([...second.indices], before);
});

for (const lengths of [[5, 4], [5, 6], [10, 10], [11]]) {
  test(`randomSplit() refuses to split 10 examples into ${lengths}, and draws nothing`, () => {
    const generator = new Generator(1), before = generator.state;
    assertRefuses(
      () => randomSplit(numbered(10), lengths, generator),
      ValueError,
      `Cannot split 10 examples into ${lengths.join(" + ")}: the lengths must add up to the whole`,
    );
    assertEquals(generator.state, before);
  });
}

for (const lengths of [[0, 10], [-1, 11], [2.5, 7.5], [NaN, 10], [Infinity, 10]]) {
  test(`randomSplit() refuses parts of ${lengths}, and draws nothing`, () => {
    const generator = new Generator(1), before = generator.state;
    assertRefuses(
      () => randomSplit(numbered(10), lengths, generator),
      ValueError,
      `Cannot split 10 examples into ${lengths.join(" + ")}: ${atLeast1}`,
    );
    assertEquals(generator.state, before);
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

test("DataLoader leaves out a last batch that is not full only if told to", () => {
  for (
    const [length, dropLast, sizes] of [
      [7, true, [3, 3]],
      [7, false, [3, 3, 1]],
      [7, undefined, [3, 3, 1]],
      [6, true, [3, 3]],
      [3, true, [3]],
    ] as const
  ) {
    for (const shuffle of [undefined, new Generator(1)]) {
      const loader = new DataLoader(numbered(length), { batchSize: 3, dropLast, shuffle });
      assertEquals(loader.length, sizes.length);
      assertEquals(walk(loader).map((batch) => batch.length), [...sizes]);
    }
  }
});

test("DataLoader leaves out other examples in each epoch when it drops the last", () => {
  const loader = new DataLoader(numbered(7), {
    batchSize: 4,
    dropLast: true,
    shuffle: new Generator(1),
  });
  const seen = new Set(counting(20).flatMap(() => walk(loader).flat()));
  assertEquals(sorted(seen), counting(7));
});

test("DataLoader transforms the inputs of each batch, and nothing else", () => {
  const shapes: number[][] = [];
  const loader = new DataLoader(numbered(5), {
    batchSize: 2,
    transform: (inputs) => {
      shapes.push([...inputs.shape]);
      return inputs.mul(10);
    },
  });
  const found = Array.from(loader, ({ inputs, targets }) => [inputs.toArray(), ...targets]);
  assertEquals(found, [
    [[[0, -0], [10, -10]], 0, 1],
    [[[20, -20], [30, -30]], 2, 3],
    [[[40, -40]], 4],
  ]);
  assertEquals(shapes, [[2, 2], [2, 2], [1, 2]]);
});

test("DataLoader computes a batch when it is asked for, not before", () => {
  let fetched = 0;
  const dataset: Dataset<null> = {
    length: 6,
    batch: (indices) => {
      fetched++;
      return { inputs: Tensor.zeros([indices.length]), targets: null };
    },
  };
  for (const _ of new DataLoader(dataset, { batchSize: 2 })) if (fetched === 2) break;
  assertEquals(fetched, 2);
});

test("DataLoader does not look at its options again", () => {
  const options = { batchSize: 2, dropLast: true }, loader = new DataLoader(numbered(5), options);
  Object.assign(options, { batchSize: 3, dropLast: false });
  assertEquals(walk(loader), [[0, 1], [2, 3]]);
});

// ── DataLoader: leaving off and going on ──

/** Ten examples in batches of three. */
function loaderOf(seed?: number, more: Partial<DataLoaderOptions> = {}): DataLoader {
  const shuffle = seed === undefined ? undefined : new Generator(seed);
  return new DataLoader(numbered(10), { batchSize: 3, shuffle, ...more });
}

/** A state as it is after having been written to a file. */
function saved({ state }: DataLoader): LoaderState {
  return JSON.parse(JSON.stringify(state));
}

test("DataLoader stands at the start of an epoch, before and after a whole one", () => {
  for (const seed of [undefined, 1]) {
    const loader = loaderOf(seed), twin = seed === undefined ? null : new Generator(seed);
    assertEquals(loader.state, { position: 0, generator: twin?.state ?? null });
    walk(loader);
    twin?.permutation(10);
    assertEquals(loader.state, { position: 0, generator: twin?.state ?? null });
  }
});

test("DataLoader says how many batches have been dealt out", () => {
  const start = new Generator(1).state, loader = loaderOf(1), states: LoaderState[] = [];
  for (const _ of loader) states.push(loader.state);
  assertEquals(states.map(({ position }) => position), [1, 2, 3, 0]);
  assertEquals(states.slice(0, 3).map(({ generator }) => generator), [start, start, start]);
  const plain = loaderOf(), positions: number[] = [];
  for (const _ of plain) positions.push(plain.state.position);
  assertEquals(positions, [1, 2, 3, 0]);
});

for (const dropLast of [false, true]) {
  for (const seed of [undefined, 5]) {
    const batches = dropLast ? 3 : 4, how = seed === undefined ? "in order" : "shuffled";
    test(`DataLoader goes on from each of ${batches} batches ${how}, as if never stopped`, () => {
      const whole = loaderOf(seed, { dropLast });
      const epochs = counting(3).map(() => walk(whole));
      for (let stop = 0; stop <= batches; stop++) {
        const loader = loaderOf(seed, { dropLast });
        walk(loader);
        const seen = stop > 0 ? walkSome(loader, stop) : [], state = saved(loader);
        walkSome(loader, 2); // has no part in what was saved
        const other = loaderOf(seed === undefined ? undefined : 99, { dropLast });
        walkSome(other, 1);
        for (const each of [loader, other]) {
          each.restore(state);
          assertEquals(each.state, state);
          const rest = stop < batches ? walk(each) : [];
          assertEquals([...seen, ...rest], epochs[1]);
          assertEquals(walk(each), epochs[2]);
        }
      }
    });
  }
}

test("DataLoader can be restored in the middle of an epoch more than once", () => {
  const loader = loaderOf(3), whole = walk(loaderOf(3));
  walkSome(loader, 1);
  loader.restore(saved(loader));
  assertEquals(walkSome(loader, 1), whole.slice(1, 2));
  const state = saved(loader);
  assertEquals(state.position, 2);
  loader.restore(state);
  loader.restore(state);
  assertEquals(walk(loader), whole.slice(2));
});

test("DataLoader begins a whole epoch after one that was left early", () => {
  const generator = new Generator(1);
  const orders = counting(2).map(() => [...generator.permutation(10)]);
  const loader = loaderOf(1);
  assertEquals(walkSome(loader, 2).flat(), orders[0].slice(0, 6));
  assertEquals(walk(loader).flat(), orders[1]);
  const plain = loaderOf();
  walkSome(plain, 2);
  assertEquals(walk(plain).flat(), counting(10));
});

test("DataLoader's states are not changed by what comes later", () => {
  const loader = loaderOf(1);
  walkSome(loader, 2);
  const { state } = loader, before = saved(loader);
  walk(loader);
  walkSome(loader, 1);
  assertEquals(state, before);
});

// ── DataLoader: what is refused ──

const elsewhere = "the state is of a loader with other options", state1 = new Generator(1).state;
const strangeStates: [seed: number | undefined, state: LoaderState, at: string][] = [
  ...[-1, 4, 0.5, NaN, Infinity].map((position): [undefined, LoaderState, string] => [
    undefined,
    { position, generator: null },
    `${position} of 4`,
  ]),
  [1, { position: 4, generator: state1 }, "4 of 4"],
  [1, { position: 1, generator: null }, "1 of 4"],
  [undefined, { position: 1, generator: state1 }, "1 of 4"],
];
for (const [seed, state, at] of strangeStates) {
  test(`DataLoader refuses to go on at batch ${at}${seed ? " when it shuffles" : ""}`, () => {
    const loader = loaderOf(seed), before = saved(loader);
    assertRefuses(
      () => loader.restore(state),
      ValueError,
      `Cannot go on at batch ${at}: ${elsewhere}`,
    );
    assertEquals(loader.state, before);
    assertEquals(walk(loader), walk(loaderOf(seed)));
  });
}

test("DataLoader refuses a state whose generator is broken, and stays where it stands", () => {
  const loader = loaderOf(1);
  walkSome(loader, 2);
  const before = saved(loader);
  assertRefuses(
    () => loader.restore({ position: 1, generator: [0, 0, 0, 0] }),
    ValueError,
    "Cannot restore a generator to [0, 0, 0, 0]: a state is four words of 32 bits, not all of them 0",
  );
  assertEquals(loader.state, before);
});

const dealRefusals: [title: string, length: number, options: DataLoaderOptions, message: string][] =
  [
    ...[0, -2, 1.5, NaN, Infinity].map((n): [string, number, DataLoaderOptions, string] => [
      `batches of ${n}`,
      3,
      { batchSize: n },
      `Cannot make batches of ${n}: ${atLeast1}`,
    ]),
    [
      "an empty data set",
      0,
      { batchSize: 2 },
      `Cannot deal out 0 batches of 2: ${atLeast1}`,
    ],
    [
      "to drop the only batch",
      3,
      { batchSize: 4, dropLast: true },
      `Cannot deal out 0 batches of 4: ${atLeast1}`,
    ],
    [
      "an option that it does not know",
      3,
      Object.assign({ batchSize: 2 }, { droplast: true }),
      "Cannot use the option droplast: DataLoader has none of that name",
    ],
  ];
for (const [title, length, options, message] of dealRefusals) {
  test(`DataLoader refuses ${title}, and draws nothing`, () => {
    const shuffle = new Generator(1), before = shuffle.state;
    const dataset: Dataset = {
      length,
      batch: () => {
        throw new Error("asked for a batch");
      },
    };
    assertRefuses(() => new DataLoader(dataset, { ...options, shuffle }), ValueError, message);
    assertEquals(shuffle.state, before);
  });
}
