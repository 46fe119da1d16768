/**
 * Graded tests of module 08.
 *
 * @module
 */
import {
  DataLoader,
  type DataLoaderOptions,
  type Dataset,
  normalize,
  randomCrop,
  randomHorizontalFlip,
  randomSplit,
  Subset,
  TensorDataset,
} from "#dataloader";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { graded, type GradedContext } from "../../course/sandbox/graded.ts";

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

/** A loader over 0 … length − 1. */
function loaderOf(length: number, options: DataLoaderOptions): DataLoader {
  return new DataLoader(indicesUpTo(length), options);
}

/** The indices of one epoch, or of the first batches, batch by batch. */
function walk(loader: DataLoader, most = Infinity): number[][] {
  const batches: number[][] = [];
  for (const { targets } of loader) {
    if (batches.push([...targets]) >= most) break;
  }
  return batches;
}

function counting(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

/** A list, as something with a shape. */
function list(data: Int32Array): { data: Int32Array; shape: number[] } {
  return { data, shape: [data.length] };
}

/** Whether two generators stand at the same place. */
function isAt(one: Generator, other: Generator): boolean {
  return one.state.join() === other.state.join();
}

function sorted(numbers: readonly number[]): number[] {
  return [...numbers].sort((a, b) => a - b);
}

/** Images whose numbers are 1, 2, 3, …, so that each tells where it stood. */
function numberedImages(shape: readonly number[]): Tensor {
  return Tensor.arange(shape.reduce((size, n) => size * n, 1) + 1, { start: 1 }).reshape(shape);
}

/** The images of a batch, each as one list of its numbers. */
function imagesOf({ data, shape: [count] }: Tensor): number[][] {
  const size = data.length / count;
  return counting(count).map((k) => [...data.slice(k * size, (k + 1) * size)]);
}

/** The part of image `b` at (top, left), with zeros where it sticks out. */
function cut(
  { data, shape: [, C, H, W] }: Tensor,
  b: number,
  [top, left, height, width]: readonly number[],
): number[] {
  const part: number[] = [];
  for (let c = 0; c < C; c++) {
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) {
        const isInside = y >= 0 && y < H && x >= 0 && x < W;
        part.push(isInside ? data[((b * C + c) * H + y) * W + x] : 0);
      }
    }
  }
  return part;
}

/** Where each crop was cut out: [top, left] for each image; fails if one is no part of its image. */
function placesOf(
  t: GradedContext,
  images: Tensor,
  crops: Tensor,
  padding: number,
): number[][] {
  const [, , height, width] = crops.shape, [, , H, W] = images.shape;
  return imagesOf(crops).map((crop, b) => {
    for (let top = -padding; top <= H + padding - height; top++) {
      for (let left = -padding; left <= W + padding - width; left++) {
        const part = cut(images, b, [top, left, height, width]);
        if (part.every((value, k) => value === crop[k])) return [top, left];
      }
    }
    t.expect(false, `Image ${b} became [${crop}], which is no ${height}×${width} part of it`);
    return [];
  });
}

// ── 08.1 ──

graded("08.1", 2, "batch() fetches the inputs at the indices, in their order", (t) => {
  const values = t.normal([6, 2, 3]), indices = [...t.integers(7, 0, 5), 0, 5];
  for (const dtype of ["float32", "float64"] as const) {
    const data = new TensorDataset(Tensor.of(values, { dtype }), new Int32Array(6));
    const { inputs } = data.batch(Int32Array.from(indices));
    t.expectTensor(inputs, indices.map((index) => values[index]), 0, { name: "inputs" });
    t.expectEqual({ dtype: inputs.dtype }, { dtype });
  }
  const labels = Int32Array.from(t.integers(6, 0, 9)), asked = Int32Array.from(indices);
  const x = Tensor.of(values), data = new TensorDataset(x, labels);
  const { targets } = t.expectUnchanged({ x, indices: list(asked) }, () => data.batch(asked));
  t.expectEqual([...targets], indices.map((index) => labels[index]));
});

graded("08.1", 1, "batch() fetches targets that are a tensor in the same way", (t) => {
  const targets = t.normal([5, 3]), data = new TensorDataset(Tensor.zeros([5]), Tensor.of(targets));
  const batch = data.batch(Int32Array.of(4, 0, 0, 2));
  const expected = [4, 0, 0, 2].map((index) => targets[index]);
  t.expectTensor(batch.targets, expected, 0, { name: "targets" });
  t.expectTensor(batch.inputs, [0, 0, 0, 0], 0, { name: "inputs" });
  const float64 = new TensorDataset(Tensor.zeros([2]), Tensor.of([0.1, 0.2], { dtype: "float64" }));
  t.expectTensor(float64.batch(Int32Array.of(1)).targets, [0.2], 1e-15, { name: "targets" });
});

graded("08.1", 1, "batch() copies: changing a batch leaves the data set as it was", (t) => {
  const data = new TensorDataset(Tensor.of([[1, 2], [3, 4]]), Tensor.of([7, 8]));
  for (const indices of [[0, 1], [0], [1], [1, 0]]) { // all of it, neighbours, single rows
    const { inputs, targets } = data.batch(Int32Array.from(indices));
    t.expectUnchanged({ "the data set's inputs": data.inputs }, () => inputs.data.fill(-1));
    t.expectUnchanged({ "the data set's targets": data.targets }, () => targets.data.fill(-1));
  }
});

// ── 08.2 ──

graded("08.2", 2, "Subset counts its own examples from 0", (t) => {
  const own = t.integers(6, 0, 19), part = new Subset(indicesUpTo(20), Int32Array.from(own));
  const asked = [5, 0, 3, 3], indices = Int32Array.from(asked);
  const given = { "the indices asked for": list(indices), "the part's own": list(part.indices) };
  const { inputs, targets } = t.expectUnchanged(given, () => part.batch(indices));
  t.expectEqual([...targets], asked.map((index) => own[index]));
  t.expectTensor(inputs, asked.map((index) => own[index]), 0, { name: "inputs" });
  t.expectError(() => part.batch(Int32Array.of(0, 6)), "ValueError", [6]);
});

graded("08.2", 1, "Subset can be a part of a part", (t) => {
  const odd = new Subset(indicesUpTo(10), Int32Array.of(1, 3, 5, 7, 9));
  const lastTwo = new Subset(odd, Int32Array.of(4, 3));
  t.expectEqual([...lastTwo.batch(Int32Array.of(0, 1, 0)).targets], [9, 7, 9]);
});

graded("08.2", 1, "Subset refuses an index beyond the part, even if the whole has it", (t) => {
  const part = new Subset(indicesUpTo(20), Int32Array.of(7, 8, 9));
  for (const wrong of [3, -1, 7]) {
    t.expectError(() => part.batch(Int32Array.of(0, wrong)), "ValueError", [wrong]);
  }
});

// ── 08.3 ──

graded("08.3", 2, "randomSplit() gives each example to exactly one part", (t) => {
  const lengths = [t.integer(1, 9), t.integer(1, 9), t.integer(1, 9)];
  const total = lengths[0] + lengths[1] + lengths[2], data = indicesUpTo(total);
  const seed = t.integer(0, 1000), generator = new Generator(seed), one = new Generator(seed);
  const given = { lengths: { data: lengths, shape: [3] } };
  const parts = t.expectUnchanged(given, () => randomSplit(data, lengths, generator));
  t.expectEqual(parts.map((part) => part.length), lengths);
  t.expectEqual(parts.map((part) => part.dataset === data), [true, true, true]);
  t.expectEqual(sorted(parts.flatMap(({ indices }) => [...indices])), counting(total));
  one.permutation(total); // one order is drawn, and nothing else
  t.expect(isAt(generator, one), "the generator moved on by more or less than one permutation()");
});

graded("08.3", 1, "randomSplit() draws who goes where, the same for the same seed", (t) => {
  const seed = t.integer(0, 1000);
  const [first, second, other] = [seed, seed, seed + 1].map((seed) =>
    randomSplit(indicesUpTo(40), [20, 20], new Generator(seed))
      .map(({ indices }) => sorted([...indices]))
  );
  t.expectSame(first, second);
  t.expect(Math.max(...first[0]) > 19, "The first part must not simply be the first examples");
  t.expect(String(first) !== String(other), "Another seed must give another split");
  const [a, b] = randomSplit(indicesUpTo(40), [30, 10], new Generator(seed));
  t.expectEqual(sorted([...a.indices, ...b.indices]), counting(40));
  const order = new Generator(seed).permutation(40);
  t.expectSame([[...a.indices], [...b.indices]], [[...order.slice(0, 30)], [...order.slice(30)]]);
});

graded("08.3", 1, "randomSplit() refuses lengths that are not the whole", (t) => {
  const generator = new Generator(1), still = new Generator(1);
  for (const lengths of [[7, 2], [7, 4], [5]]) {
    const mentions = [10, ...lengths];
    t.expectError(() => randomSplit(indicesUpTo(10), lengths, generator), "ValueError", mentions);
  }
  for (const [wrong, rest] of [[-2, 12], [0, 10], [0.5, 9.5], [NaN, 10]]) {
    const split = (): unknown => randomSplit(indicesUpTo(10), [rest, wrong], generator);
    t.expectError(split, "ValueError", [wrong]);
  }
  t.expect(isAt(generator, still), "lengths that are refused must move no generator");
});

// ── 08.4 ──

graded("08.4", 2, "DataLoader deals in order without shuffle, and the last batch is short", (t) => {
  const cases: [length: number, batchSize: number, expected: number[][]][] = [
    [5, 2, [[0, 1], [2, 3], [4]]],
    [6, 3, [[0, 1, 2], [3, 4, 5]]],
    [2, 4, [[0, 1]]],
    [3, 1, [[0], [1], [2]]],
  ];
  for (const [length, batchSize, expected] of cases) {
    const loader = loaderOf(length, { batchSize });
    t.expectEqual(walk(loader), expected);
    t.expectEqual(walk(loader), expected);
    t.expectEqual(walk(loader, 1), expected.slice(0, 1)); // left early
    t.expectEqual(walk(loader), expected);
  }
});

graded("08.4", 3, "DataLoader deals each example once, in a shuffled order", (t) => {
  const shuffle = new Generator(t.integer(0, 1000));
  const batches = walk(loaderOf(50, { batchSize: 8, shuffle }));
  t.expectEqual(batches.map((batch) => batch.length), [8, 8, 8, 8, 8, 8, 2]);
  t.expectEqual(sorted(batches.flat()), counting(50));
  t.expect(batches.flat().some((index, k) => index !== k), "The order is the data set's");
  t.expect(
    batches.slice(0, 6).some((batch) => Math.max(...batch) - Math.min(...batch) > 8),
    "Only whole batches were shuffled, not the examples",
  );
});

graded("08.4", 2, "DataLoader draws a new order for each epoch", (t) => {
  const shuffle = new Generator(3), one = new Generator(3);
  const loader = loaderOf(50, { batchSize: 25, shuffle });
  const epochs = counting(4).map(() => walk(loader).flat());
  for (const _ of epochs) one.permutation(50); // one order for each epoch, and nothing else
  t.expect(isAt(shuffle, one), "the generator moved on by more or less than one order per epoch");
  for (const order of epochs) t.expectEqual(sorted(order), counting(50));
  t.expectEqual(new Set(epochs.map((order) => order.join())).size, 4);
});

graded("08.4", 1, "DataLoader deals the same order for the same seed", (t) => {
  const seed = t.integer(0, 1000);
  const [first, second, other] = [seed, seed, seed + 1].map((seed) => {
    const loader = loaderOf(30, { batchSize: 4, shuffle: new Generator(seed) });
    return [walk(loader), walk(loader)];
  });
  t.expectSame(first, second);
  t.expect(String(first) !== String(other), "Another seed must give another order");
});

graded("08.4", 1, "DataLoader leaves out a last batch that is not full, if told to", (t) => {
  t.expectEqual(walk(loaderOf(7, { batchSize: 3, dropLast: true })), [[0, 1, 2], [3, 4, 5]]);
  t.expectEqual(walk(loaderOf(6, { batchSize: 3, dropLast: true })), [[0, 1, 2], [3, 4, 5]]);
});

graded("08.4", 1, "DataLoader transforms the inputs of each batch", (t) => {
  const loader = loaderOf(5, { batchSize: 2, transform: (x) => x.mul(10) });
  for (const { inputs, targets } of loader) {
    t.expectTensor(inputs, Array.from(targets, (index) => 10 * index), 0, { name: "inputs" });
  }
  t.expectEqual(walk(loader), [[0, 1], [2, 3], [4]]);
});

graded("08.4", 1, "DataLoader knows how many batches are dealt, and where the epoch began", (t) => {
  // asked while a batch is learnt from, it is counted already; with the last one the count is 0
  const seed = t.integer(0, 1000), options = { batchSize: 4, shuffle: new Generator(seed) };
  const loader = loaderOf(18, options), start = loader.state;
  const states = Array.from(loader, () => loader.state);
  const positions = { data: states.map(({ position }) => position), shape: [states.length] };
  t.expectTensor(positions, [1, 2, 3, 4, 0], 0, { name: "state.position" });
  for (const { generator } of states.slice(0, 4)) { // it stands where it was before the draw
    t.expect(String(generator) === String(start.generator), "the order was drawn before the state");
  }
  const moved = String(states[4]?.generator) !== String(start.generator);
  t.expect(moved, "after the last batch the state is that of the next epoch");
});

graded("08.4", 2, "DataLoader goes on where another one stood", (t) => {
  const seed = t.integer(0, 1000), options = { batchSize: 4 };
  const whole = loaderOf(20, { ...options, shuffle: new Generator(seed) });
  const [, second, third] = [walk(whole), walk(whole), walk(whole)];
  for (const stop of [1, 2, 3, 4, 5]) { // of the second epoch's five batches
    const loader = loaderOf(20, { ...options, shuffle: new Generator(seed) });
    walk(loader);
    walk(loader, stop);
    const other = loaderOf(20, { ...options, shuffle: new Generator(seed + 1) });
    other.restore(loader.state);
    if (stop < 5) t.expectSame(walk(other).map(String), second.slice(stop).map(String));
    t.expectSame(walk(other).map(String), third.map(String));
  }
  // without a shuffling generator, too
  const plain = loaderOf(6, { batchSize: 2 }), other = loaderOf(6, { batchSize: 2 });
  walk(plain, 1);
  other.restore(plain.state);
  t.expectEqual([walk(other), walk(other)], [[[2, 3], [4, 5]], [[0, 1], [2, 3], [4, 5]]]);
});

graded("08.4", 1, "DataLoader begins a whole epoch after one that was left early", (t) => {
  const loader = loaderOf(12, { batchSize: 3, shuffle: new Generator(1) });
  t.expectEqual(walk(loader, 2).length, 2);
  t.expectEqual(sorted(walk(loader).flat()), counting(12));
  // restored in the middle, and then left early: what comes next is whole as well
  for (const stop of [1, 2]) {
    const other = loaderOf(12, { batchSize: 3, shuffle: new Generator(2) });
    walk(loader, 1);
    other.restore(loader.state);
    t.expectSame(walk(other, stop).length, stop);
    t.expectEqual(sorted(walk(other).flat()), counting(12));
  }
});

// ── 08.5 ──

graded("08.5", 2, "normalize() shifts and scales each channel by its own numbers", (t) => {
  const images = Tensor.of([[[[2, 6]], [[10, 30]]], [[[4, 0]], [[20, 0]]]]);
  t.expectTensor(
    t.expectUnchanged({ images }, () => normalize([4, 20], [2, 10])(images)),
    [[[[-1, 1]], [[-1, 1]]], [[[0, -2]], [[0, -2]]]],
  );
  // as large as the batch, and as wide: only the second axis counts
  const square = t.normal([3, 3, 3, 3]), means = t.normal([3]), deviations = t.uniform([3], 0.2, 2);
  const expected = square.map((image) =>
    image.map((plane, c) => plane.map((row) => row.map((x) => (x - means[c]) / deviations[c])))
  );
  t.expectTensor(normalize(means, deviations)(Tensor.of(square)), expected);
});

graded("08.5", 1, "normalize() leaves the batch as it is, and keeps its dtype", (t) => {
  const images = Tensor.of([[[[0.1, 3]]]], { dtype: "float64" }),
    made = normalize([1], [3])(images);
  t.expectEqual({ dtype: made.dtype }, { dtype: "float64" });
  t.expectTensor(made, [[[[-0.3, 2 / 3]]]], 1e-12);
  t.expectTensor(images, [[[[0.1, 3]]]], 1e-15, { name: "the batch afterwards" });
  // three channels of one pixel, and a plain mean of 0: a channel is not a column
  const pixels = Tensor.of([[[[1]], [[2]], [[3]]], [[[4]], [[5]], [[6]]]]);
  const means = [1, 2, 3], deviations = [1, 2, 4], three = { shape: [3] };
  const given = {
    pixels,
    means: { data: means, ...three },
    deviations: { data: deviations, ...three },
  };
  const scaled = t.expectUnchanged(given, () => normalize(means, deviations)(pixels));
  t.expectTensor(scaled, [[[[0]], [[0]], [[0]]], [[[3]], [[1.5]], [[0.75]]]]);
  t.expectUnchanged({ pixels }, () => normalize([0, 0, 0], [1, 1, 1])(pixels).data.fill(-1));
});

graded("08.5", 1, "normalize() refuses a deviation of 0, and one number too few", (t) => {
  const three = normalize([1, 2, 3], [1, 2, 3]);
  for (const shape of [[1, 1, 2, 2], [3, 2, 3, 3]]) { // the second has three of all but channels
    t.expectError(() => three(Tensor.zeros(shape)), "ShapeError", [shape, 3]);
  }
  t.expectError(() => three(Tensor.zeros([3, 2, 2])), "ShapeError", [[3, 2, 2]]);
  const wrong = [[[1, 2], [1, 0]], [[1, 2], [1, -1]], [[1, 2], [NaN, 1]], [[1, 2], [1, Infinity]]];
  for (const [means, deviations] of [...wrong, [[1, NaN], [1, 1]], [[1, 2], [1]], [[1], [1, 2]]]) {
    const mentions = [...means, ...deviations];
    t.expectError(() => normalize(means, deviations), "ValueError", mentions);
  }
});

// ── 08.6 ──

graded("08.6", 2, "randomHorizontalFlip() turns each row of each channel round", (t) => {
  const flip = randomHorizontalFlip(new Generator(1), 1);
  t.expectTensor(
    flip(Tensor.of([[[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [0, 0, 1]]]])),
    [[[[3, 2, 1], [6, 5, 4]], [[9, 8, 7], [1, 0, 0]]]],
    0,
  );
  const images = t.normal([2, 3, 4, 5]);
  const expected = images.map((image) =>
    image.map((plane) => plane.map((row) => row.toReversed()))
  );
  t.expectTensor(flip(Tensor.of(images)), expected, 0);
  const whole = Tensor.of(images), never = randomHorizontalFlip(new Generator(1), 0);
  t.expectTensor(never(whole), images, 0, { name: "what is never flipped" });
  t.expectUnchanged({ images: whole }, () => never(whole).data.fill(-1));
  for (const wrong of [-0.1, 1.1, NaN]) {
    const make = (): unknown => randomHorizontalFlip(new Generator(1), wrong);
    t.expectError(make, "ValueError", [wrong]);
  }
  t.expectError(() => flip(Tensor.zeros([2, 3, 4])), "ShapeError", [[2, 3, 4]]);
});

graded(
  "08.6",
  1,
  "randomHorizontalFlip() turns an image as a whole, and draws once for it",
  (t) => {
    const seed = t.integer(0, 1000), values = t.normal([12, 2, 3, 4]), images = Tensor.of(values);
    for (const probability of [0.3, 0.6, 0, 1]) {
      const generator = new Generator(seed), draws = new Generator(seed);
      const flipped = imagesOf(randomHorizontalFlip(generator, probability)(images));
      values.forEach((image, b) => {
        const turned = image.map((plane) => plane.map((row) => row.toReversed()));
        const isWhole = [image, turned].some((rows) => rows.flat(2).join() === flipped[b].join());
        t.expect(
          isWhole,
          `image ${b} was turned in some of its rows or channels, and not in others`,
        );
      });
      for (const _ of values) draws.uniform();
      const says = "the generator must move on by one draw for each of 12 images";
      t.expect(isAt(generator, draws), `${says}, with probability ${probability} too`);
    }
  },
);

graded("08.6", 1, "randomHorizontalFlip() decides for each image anew", (t) => {
  const plane = [[0, 1], [0, 1]],
    images = Tensor.of(Array.from({ length: 400 }, () => [plane, plane]));
  for (const [probability, low, high] of [[undefined, 150, 250], [0.9, 330, 390]]) {
    const generator = new Generator(t.integer(0, 1000));
    const flipped = randomHorizontalFlip(generator, probability)(images);
    const count = imagesOf(flipped).filter((image) => image.join() === "1,0,1,0,1,0,1,0").length;
    t.expect(
      count > (low ?? 0) && count < (high ?? 0),
      `${count} of 400 were turned round with probability ${probability ?? 0.5}`,
    );
  }
});

graded("08.6", 1, "randomHorizontalFlip() leaves the batch as it is, and keeps its dtype", (t) => {
  for (const dtype of ["float32", "float64"] as const) {
    const images = Tensor.of([[[[1, 2, 3]]]], { dtype });
    const flipped = randomHorizontalFlip(new Generator(1), 1)(images);
    t.expectTensor(images, [[[[1, 2, 3]]]], 0, { name: "the batch afterwards" });
    t.expectEqual({ dtype: flipped.dtype }, { dtype });
  }
  const images = Tensor.of(t.normal([4, 2, 2, 3])), generator = new Generator(t.integer(0, 1000));
  t.expectUnchanged({ images }, () => randomHorizontalFlip(generator)(images).data.fill(-1));
});

// ── 08.7 ──

graded("08.7", 3, "randomCrop() cuts a part out of each image, zeros around it", (t) => {
  const images = numberedImages([8, 2, 4, 5]);
  for (const [size, padding] of [[3, 0], [4, 1], [2, 2], [6, 1]]) {
    const crop = randomCrop(size, { padding, generator: new Generator(t.integer(0, 1000)) });
    const crops = t.expectUnchanged({ images }, () => crop(images));
    t.expectEqual(crops.shape, [8, 2, size, size]);
    placesOf(t, images, crops, padding);
  }
});

graded("08.7", 1, "randomCrop() draws a place for each image, and every place comes", (t) => {
  // 2 places down (0, 1), 3 across (0, 1, 2), each with probability 1/6
  const images = numberedImages([120, 1, 3, 4]);
  const crop = randomCrop(2, { generator: new Generator(t.integer(0, 1000)) });
  const places = placesOf(t, images, crop(images), 0).map(String);
  t.expectEqual([...new Set(places)].sort(), ["0,0", "0,1", "0,2", "1,0", "1,1", "1,2"]);
});

graded("08.7", 1, "randomCrop() draws first the row and then the column of each image", (t) => {
  const seed = t.integer(0, 1000), generator = new Generator(seed), draws = new Generator(seed);
  const some = numberedImages([9, 2, 3, 5]);
  const found = placesOf(t, some, randomCrop([2, 3], { generator, padding: 1 })(some), 1);
  const expected = found.map(() => [draws.integer(4) - 1, draws.integer(5) - 1]);
  t.expectSame(found, expected);
  t.expect(isAt(generator, draws), "the generator must move on by two draws for each of 9 images");
});

graded(
  "08.7",
  1,
  "randomCrop() takes a height and a width, of which neither may be larger",
  (t) => {
    const three = randomCrop(3, { generator: new Generator(1) });
    for (const shape of [[1, 1, 2, 4], [1, 1, 4, 2], [3, 4, 4]]) {
      t.expectError(() => three(Tensor.zeros(shape)), "ShapeError", [shape]);
    }
    for (const wrong of [0, -1, 1.5, NaN]) {
      const options = { generator: new Generator(1) };
      t.expectError(() => randomCrop(wrong, options), "ValueError", [wrong]);
      t.expectError(() => randomCrop([3, wrong], options), "ValueError", [wrong]);
    }
    for (const padding of [-1, 0.5]) {
      const options = { generator: new Generator(1), padding };
      t.expectError(() => randomCrop(3, options), "ValueError", [padding]);
    }
    const misspelt = { generator: new Generator(1), pading: 1 };
    t.expectError(() => randomCrop(3, misspelt), "ValueError", ["pading"]);
    const images = numberedImages([3, 2, 4, 5]), generator = new Generator(t.integer(0, 1000));
    const crops = randomCrop([1, 5], { generator })(images);
    t.expectEqual(crops.shape, [3, 2, 1, 5]);
    placesOf(t, images, crops, 0);
    const whole = randomCrop([4, 5], { generator }); // there is one place only
    t.expectTensor(whole(images), images, 0);
    t.expectUnchanged({ images }, () => whole(images).data.fill(-1));
  },
);
