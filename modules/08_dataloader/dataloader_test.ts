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
    t.expectTensor(inputs, indices.map((index) => values[index]), 0);
    t.expectEqual({ dtype: inputs.dtype }, { dtype });
  }
});

graded("08.1", 1, "batch() fetches targets that are a tensor in the same way", (t) => {
  const targets = t.normal([5, 3]), data = new TensorDataset(Tensor.zeros([5]), Tensor.of(targets));
  const batch = data.batch(Int32Array.of(4, 0, 0, 2));
  t.expectTensor(batch.targets, [4, 0, 0, 2].map((index) => targets[index]), 0);
  t.expectTensor(batch.inputs, [0, 0, 0, 0], 0);
});

graded("08.1", 1, "batch() copies: changing a batch leaves the data set as it was", (t) => {
  const data = new TensorDataset(Tensor.of([[1, 2], [3, 4]]), Tensor.of([7, 8]));
  const { inputs, targets } = data.batch(Int32Array.of(0, 1));
  inputs.data.fill(-1);
  targets.data.fill(-1);
  t.expectTensor(data.inputs, [[1, 2], [3, 4]], 0);
  t.expectTensor(data.targets, [7, 8], 0);
});

// ── 08.2 ──

graded("08.2", 2, "Subset counts its own examples from 0", (t) => {
  const own = t.integers(6, 0, 19), part = new Subset(indicesUpTo(20), Int32Array.from(own));
  const asked = [5, 0, 3, 3], { inputs, targets } = part.batch(Int32Array.from(asked));
  t.expectEqual([...targets], asked.map((index) => own[index]));
  t.expectTensor(inputs, asked.map((index) => own[index]), 0);
});

graded("08.2", 1, "Subset can be a part of a part", (t) => {
  const odd = new Subset(indicesUpTo(10), Int32Array.of(1, 3, 5, 7, 9));
  const lastTwo = new Subset(odd, Int32Array.of(4, 3));
  t.expectEqual([...lastTwo.batch(Int32Array.of(0, 1, 0)).targets], [9, 7, 9]);
});

graded("08.2", 1, "Subset refuses an index beyond the part, even if the whole has it", (t) => {
  const part = new Subset(indicesUpTo(20), Int32Array.of(7, 8, 9));
  const says = "Cannot fetch example 3 of 3: indices go from 0 to 2";
  t.expectError(() => part.batch(Int32Array.of(0, 3)), says, "ValueError");
});

// ── 08.3 ──

graded("08.3", 2, "randomSplit() gives each example to exactly one part", (t) => {
  const lengths = [t.integer(1, 9), t.integer(1, 9), t.integer(1, 9)];
  const total = lengths[0] + lengths[1] + lengths[2], data = indicesUpTo(total);
  const parts = randomSplit(data, lengths, new Generator(t.integer(0, 1000)));
  t.expectEqual(parts.map((part) => part.length), lengths);
  t.expectEqual(parts.map((part) => part.dataset === data), [true, true, true]);
  t.expectEqual(sorted(parts.flatMap(({ indices }) => [...indices])), counting(total));
});

graded("08.3", 1, "randomSplit() draws who goes where, the same for the same seed", (t) => {
  const seed = t.integer(0, 1000);
  const [first, second, other] = [seed, seed, seed + 1].map((seed) =>
    randomSplit(indicesUpTo(40), [20, 20], new Generator(seed))
      .map(({ indices }) => sorted([...indices]))
  );
  t.expectSame(first, second);
  t.expect(String(first) !== String(other), "Another seed must give another split");
  t.expect(Math.max(...first[0]) > 19, "The first part must not simply be the first examples");
});

graded("08.3", 1, "randomSplit() refuses lengths that are not the whole", (t) => {
  const generator = new Generator(1), before = generator.state;
  for (const lengths of [[7, 2], [7, 4], [5]]) {
    t.expectError(
      () => randomSplit(indicesUpTo(10), lengths, generator),
      `Cannot split 10 examples into ${lengths.join(" + ")}: the lengths must add up to the whole`,
      "ValueError",
    );
  }
  t.expectSame(generator.state, before);
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
  const loader = loaderOf(50, { batchSize: 50, shuffle: new Generator(3) });
  const epochs = counting(4).map(() => walk(loader).flat());
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
    t.expectTensor(inputs, Array.from(targets, (index) => 10 * index), 0);
  }
  t.expectEqual(walk(loader), [[0, 1], [2, 3], [4]]);
});

graded("08.4", 3, "DataLoader goes on where another one stood", (t) => {
  const seed = t.integer(0, 1000), options = { batchSize: 4 };
  const whole = loaderOf(20, { ...options, shuffle: new Generator(seed) });
  const expected = [...walk(whole), ...walk(whole), ...walk(whole)];
  for (const stop of [1, 2, 3, 4, 5]) { // of the second epoch's five batches
    const loader = loaderOf(20, { ...options, shuffle: new Generator(seed) });
    const seen = [...walk(loader), ...walk(loader, stop)];
    const other = loaderOf(20, { ...options, shuffle: new Generator(seed + 1) });
    other.restore(loader.state);
    t.expectSame([...seen, ...walk(other), ...walk(other)].slice(0, 15), expected);
  }
});

graded("08.4", 1, "DataLoader begins a whole epoch after one that was left early", (t) => {
  const loader = loaderOf(12, { batchSize: 3, shuffle: new Generator(1) });
  t.expectEqual(walk(loader, 2).length, 2);
  t.expectEqual(sorted(walk(loader).flat()), counting(12));
});

// ── 08.5 ──

graded("08.5", 2, "normalize() shifts and scales each channel by its own numbers", (t) => {
  const images = Tensor.of([[[[2, 6]], [[10, 30]]], [[[4, 0]], [[20, 0]]]]);
  t.expectTensor(
    normalize([4, 20], [2, 10])(images),
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
  t.expectTensor(images, [[[[0.1, 3]]]], 1e-15);
});

graded("08.5", 1, "normalize() refuses a deviation of 0, and one number too few", (t) => {
  t.expectError(
    () => normalize([1, 2, 3], [1, 2, 3])(Tensor.zeros([1, 1, 2, 2])),
    "Cannot normalise (1, 1, 2, 2) by 3 means: one per channel",
    "ShapeError",
  );
  const rule = "it takes one number of each per channel, deviations above 0";
  t.expectError(
    () => normalize([1, 2], [1, 0]),
    `Cannot normalise by means [1,2] and deviations [1,0]: ${rule}`,
    "ValueError",
  );
  t.expectError(
    () => normalize([1, 2], [1]),
    `Cannot normalise by means [1,2] and deviations [1]: ${rule}`,
    "ValueError",
  );
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
  t.expectTensor(randomHorizontalFlip(new Generator(1), 0)(Tensor.of(images)), images, 0);
});

graded("08.6", 2, "randomHorizontalFlip() decides for each image anew", (t) => {
  const images = Tensor.of(Array.from({ length: 400 }, () => [[[0, 1]]])); // 400 images
  for (const [probability, low, high] of [[undefined, 150, 250], [0.9, 330, 390]]) {
    const generator = new Generator(t.integer(0, 1000));
    const flipped = randomHorizontalFlip(generator, probability)(images);
    const count = imagesOf(flipped).filter(([first]) => first === 1).length;
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
    t.expectTensor(images, [[[[1, 2, 3]]]], 0);
    t.expectEqual({ dtype: flipped.dtype }, { dtype });
  }
});

// ── 08.7 ──

graded("08.7", 3, "randomCrop() cuts a part out of each image, zeros around it", (t) => {
  const images = numberedImages([8, 2, 4, 5]);
  for (const [size, padding] of [[3, 0], [4, 1], [2, 2], [6, 1]]) {
    const crop = randomCrop(size, { padding, generator: new Generator(t.integer(0, 1000)) });
    const crops = crop(images);
    t.expectEqual(crops.shape, [8, 2, size, size]);
    placesOf(t, images, crops, padding);
  }
});

graded("08.7", 2, "randomCrop() draws a place for each image, and every place comes", (t) => {
  // 2 places down (0, 1), 3 across (0, 1, 2), each with probability 1/6
  const images = numberedImages([120, 1, 3, 4]);
  const crop = randomCrop(2, { generator: new Generator(t.integer(0, 1000)) });
  const places = placesOf(t, images, crop(images), 0).map(String);
  t.expectEqual([...new Set(places)].sort(), ["0,0", "0,1", "0,2", "1,0", "1,1", "1,2"]);
});

graded(
  "08.7",
  1,
  "randomCrop() takes a height and a width, of which neither may be larger",
  (t) => {
    for (
      const [shape, written] of [[[1, 1, 2, 4], "(1, 1, 2, 4)"], [
        [1, 1, 4, 2],
        "(1, 1, 4, 2)",
      ]] as const
    ) {
      t.expectError(
        () => randomCrop(3, { generator: new Generator(1) })(Tensor.zeros(shape)),
        `Cannot crop ${written} to (3, 3): it is smaller`,
        "ShapeError",
      );
    }
    const images = numberedImages([3, 2, 4, 5]), generator = new Generator(t.integer(0, 1000));
    const crops = randomCrop([1, 5], { generator })(images);
    t.expectEqual(crops.shape, [3, 2, 1, 5]);
    placesOf(t, images, crops, 0);
    t.expectTensor(randomCrop([4, 5], { generator })(images), images, 0); // there is one place only
  },
);
