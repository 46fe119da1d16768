/**
 * # 08 · Data loader
 *
 * A model learns from a few examples at a time, in another order each time round. Something has to
 * deal them out, and never show one twice or forget one. It is the least glorious part of deep
 * learning, and the one where mistakes hide best: nothing crashes, the numbers are only a little
 * worse, or much too good.
 *
 * At the end you can split any collection of examples and deal it out in shuffled batches, stop in
 * the middle of an epoch and go on as if nothing had happened. In transforms.ts, which you may read
 * now or after 8.4, each image becomes a bit different each time.
 *
 * Throughout: N examples in a data set · B examples in a batch · index the place of an example in
 * its data set, from 0 · epoch one walk over all examples
 *
 * From earlier modules: like(values, n) room for n numbers of the same dtype ·
 * generator.permutation(n) is 0 … n − 1 in a drawn order · generator.uniform() draws from 0 to 1 ·
 * generator.integer(n) draws one of 0 … n − 1 · requireWhole("Cannot …", n, least) refuses what is
 * not whole or too small
 *
 * ## The idea, by hand
 *
 * Five examples, batches of two. An order is drawn, say 3 0 4 1 2, and dealt out from the front:
 *
 *   3 0 │ 4 1 │ 2        three batches, and the last one is short
 *
 * The next epoch draws another order, and again everybody comes once. Which order is drawn depends
 * on the generator alone: with the same seed, somebody else gets the same batches.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DataLoader, TensorDataset } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const data = new TensorDataset(Tensor.zeros([5, 1]), Int32Array.of(0, 1, 2, 3, 4));
 * const loader = new DataLoader(data, { batchSize: 2, shuffle: new Generator(1) });
 * const epochs = [1, 2].map(() => [...loader].map(({ targets }) => [...targets]));
 * for (const epoch of epochs) {
 *   assertEquals(epoch.map((batch) => batch.length), [2, 2, 1]);
 *   assertEquals(epoch.flat().sort(), [0, 1, 2, 3, 4]);
 * }
 * const again = new DataLoader(data, { batchSize: 2, shuffle: new Generator(1) });
 * assertEquals([...again].map(({ targets }) => [...targets]), epochs[0]);
 * ```
 *
 * @module
 */
import type { Generator, GeneratorState } from "#random";
import { like, requireKind, requireNoOther, requireWhole, say, ShapeError, Tensor } from "#tensor";
import { ValueError, type Values } from "#tensor";
import type { Batch, Batches } from "#training";
import type { Transform } from "./transforms.ts";

export * from "./transforms.ts";

// ── 8.1 Data sets ──
// A data set knows how many examples it has, and can fetch any of them, many at once. Whether they
// lie in memory, in a file or on the other side of the world is its own affair.
//
// For one in memory, fetching is copying rows. A "row" is all that belongs to one example: for
// images (N, C, H, W) it is C·H·W numbers that lie side by side. So fetching 2 and 0 from a tensor
// (3, 2) is
//
//   numbers in memory     0 1   2 3   4 5
//   of example             0     1     2
//   batch, (2, 2)         4 5   0 1
//
// Example k begins at k·size, here with a size of 2, and the batch has the dtype of the whole.
//
// The tests take rows of several axes, in any order, some twice, and change a batch afterwards: the
// data set must not notice.

/** Examples that can be fetched by their indices. */
export interface Dataset<Targets = Int32Array> {
  /** How many examples there are. */
  readonly length: number;
  /** The examples at some indices, in that order. */
  batch(indices: Int32Array): Batch<Targets>;
}

/** Refuses indices of examples that are not there (given). */
function checkIndices(indices: Int32Array, length: number): void {
  requireKind("Cannot fetch the examples", Int32Array, indices);
  const wrong = indices.find((index) => !(index >= 0 && index < length));
  if (wrong === undefined) return;
  const rule = `indices go from 0 to ${length - 1}`;
  throw new ValueError(`Cannot fetch example ${wrong} of ${length}: ${rule}`);
}

/**
 * Copies rows of a tensor out, in the order of the indices.
 *
 * @task 08.1
 */
function rowsOf(values: Values, indices: Int32Array): Tensor {
  const { data, shape: [rows, ...rest] } = values, size = data.length / rows;
  const out = like(values, indices.length * size);
  indices.forEach((index, k) => out.set(data.subarray(index * size, (index + 1) * size), k * size));
  return new Tensor(out, [indices.length, ...rest]);
}

/**
 * A data set that is all in memory: one tensor of inputs, and class labels or a tensor of targets.
 *
 * @example The third example and the first
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { TensorDataset } from "kindling/dataloader";
 * import { Tensor } from "kindling/tensor";
 * const data = new TensorDataset(Tensor.of([[1, 2], [3, 4], [5, 6]]), Int32Array.of(7, 8, 9));
 * const { inputs, targets } = data.batch(Int32Array.of(2, 0));
 * assertEquals(inputs.toArray(), [[5, 6], [1, 2]]);
 * assertEquals([...targets], [9, 7]);
 * ```
 */
export class TensorDataset<T extends Int32Array | Tensor = Int32Array> implements Dataset<T> {
  /** (N, …), one example after the other. */
  readonly inputs: Tensor;
  /** N class labels, or a tensor (N, …). */
  readonly targets: T;
  /** How many examples there are. */
  readonly length: number;

  /**
   * Pairs inputs with targets.
   *
   * @param inputs (N, …), one example after the other.
   * @param targets N class labels, or a tensor (N, …).
   * @throws {ShapeError} If there are not as many targets as inputs.
   */
  constructor(inputs: Tensor, targets: T) {
    requireKind("Cannot keep as inputs", "tensor", inputs);
    this.inputs = inputs;
    this.targets = targets;
    this.length = targets instanceof Tensor ? targets.shape[0] : targets?.length;
    if (inputs.rank > 0 && inputs.shape[0] === this.length) return;
    const says = say`Cannot pair inputs ${inputs} with ${this.length} targets`;
    throw new ShapeError(`${says}: the first axis must be as long`);
  }

  /** The examples at some indices, in that order. */
  batch(indices: Int32Array): Batch<T> {
    checkIndices(indices, this.length);
    const { targets: all } = this;
    const targets = all instanceof Tensor ? rowsOf(all, indices) : indices.map((k) => all[k]);
    return { inputs: rowsOf(this.inputs, indices), targets: targets as T }; // of the same kind
  }
}

// ── 8.2 Parts of a data set ──
// What a model is judged by must not be what it learnt from. So a data set is split, and each part
// is a data set again: a list of indices into the whole. Nothing is copied.
//
//   the part's examples     0  1  2
//   stand in the whole at   7  2  5        index 1 of the part is example 2 of the whole
//
// A part of a part works by itself then: each translates, and asks the next. What must be refused
// is an index that the part does not have, even where the whole does: it would be an example of
// another part. The tests ask for one.

/**
 * Some examples of another data set.
 *
 * @example The second half
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Subset, TensorDataset } from "kindling/dataloader";
 * import { Tensor } from "kindling/tensor";
 * const all = new TensorDataset(Tensor.zeros([4, 2]), Int32Array.of(0, 1, 2, 3));
 * const half = new Subset(all, Int32Array.of(2, 3));
 * assertEquals([...half.batch(Int32Array.of(1)).targets], [3]);
 * ```
 */
export class Subset<Targets = Int32Array> implements Dataset<Targets> {
  /** The whole. */
  readonly dataset: Dataset<Targets>;
  /** Which examples of the whole, in order. */
  readonly indices: Int32Array;
  /** How many examples there are. */
  readonly length: number;

  /**
   * Chooses examples.
   *
   * @param dataset The whole.
   * @param indices Which examples of it, in order; kept, not copied.
   * @throws {ValueError} If the whole has no such example.
   */
  constructor(dataset: Dataset<Targets>, indices: Int32Array) {
    checkIndices(indices, dataset?.length);
    this.dataset = dataset;
    this.indices = indices;
    this.length = indices.length;
  }

  /**
   * The examples at some indices of the part.
   *
   * @task 08.2
   */
  batch(indices: Int32Array): Batch<Targets> {
    checkIndices(indices, this.length);
    return this.dataset.batch(indices.map((index) => this.indices[index]));
  }
}

// ── 8.3 Splitting ──
// Draw an order of all examples once, and cut it into pieces. For 5 examples and lengths 3 and 2:
//
//   order drawn    3 0 4 1 2
//   parts          3 0 4 │ 1 2
//
// Nobody is in two parts, and nobody is left out, since the lengths must add up to the whole.
// Lengths that do not are refused, before anything is drawn, so that a mistake moves no generator:
//
//   Cannot split 10 examples into 7 + 2: the lengths must add up to the whole
//
// The test looks for the numbers. requireWhole() refuses lengths that are not whole or too small.
// Why at random? Data are seldom stored that way: the last fifth of a list may be all nines, or all
// of one person's writing.

/**
 * Splits a data set at random into parts of given lengths.
 *
 * @task 08.3
 * @param dataset The whole.
 * @param lengths How many examples each part has; all of them together.
 * @param generator Draws who goes where.
 * @returns One part for each length; no two share an example.
 * @throws {ValueError} If a length is not whole and positive, or they do not add up.
 *
 * @example Eight to learn from, two to be judged by
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { randomSplit, TensorDataset } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const data = new TensorDataset(Tensor.zeros([10, 3]), new Int32Array(10));
 * const [training, validation] = randomSplit(data, [8, 2], new Generator(1));
 * assertEquals([training.length, validation.length], [8, 2]);
 * ```
 */
export function randomSplit<Targets>(
  dataset: Dataset<Targets>,
  lengths: readonly number[],
  generator: Generator,
): Subset<Targets>[] {
  requireKind("Cannot split into", "list", lengths);
  requireKind("Cannot split by", "generator", generator);
  const says = `Cannot split ${dataset.length} examples into ${lengths.join(" + ")}`;
  for (const length of lengths) requireWhole(says, length);
  if (lengths.reduce((total, length) => total + length, 0) !== dataset.length) {
    throw new ValueError(`${says}: the lengths must add up to the whole`);
  }
  const order = generator.permutation(dataset.length);
  let end = 0;
  return lengths.map((length) => new Subset(dataset, order.slice(end, end += length)));
}

// ── 8.4 Batches ──
// Each walk over the loader is an epoch, and begins with a new order; without a shuffling generator
// the order is 0, 1, 2, …. Written as a generator function, with `yield`, it makes a batch when it
// is asked for one, and rests in between: an epoch of 50,000 images is never in memory at once.
//
// A loader can also go on in the middle of an epoch, after a pause of a night, and deal just what
// is left. Two notes are enough for that, and `state` hands them out. One is where the shuffling
// generator stood before it drew: from there it draws the same order again. The other is how many
// batches have been dealt:
//
//   epoch             ┌──────── first ────────┐ ┌── second …
//   batch dealt         3 0     4 1      2        1 4
//   #position       0    1       2       0         1
//   #epochStart         └ before the draw ┘       └ before the next draw
//
// A batch is counted before it is handed out: whoever asks while it is being learnt from hears that
// it is gone. After the last one the count is 0, since an epoch that is complete leaves nothing to
// go on with; so it is 0 already while the last batch is being learnt from.
//
// restore() has put the generator back when the walk begins, and the count into #resumeAt. The walk
// draws the same order again and begins with batch #resumeAt. Only that one walk does: an epoch
// that somebody left early is over, and the one after it is whole. The tests try all of these.

/** What a loader takes. */
export interface DataLoaderOptions {
  /** B, how many examples a batch holds; the last batch holds what is left. */
  readonly batchSize: number;
  /** Draws a new order for each epoch; without it the order is the data set's. */
  readonly shuffle?: Generator;
  /** Whether to leave out a last batch that is not full; false by default. */
  readonly dropLast?: boolean;
  /** What becomes of the inputs of each batch; nothing by default. */
  readonly transform?: Transform;
}

/**
 * Where a loader stands, enough to go on in another run as if nothing had happened: how many
 * batches of the epoch have been dealt out, and where the shuffling generator stood when the epoch
 * began. The generator of a transform is its owner's to save, and must not be the shuffling one.
 */
export type LoaderState = { readonly position: number; readonly generator: GeneratorState | null };

/**
 * Deals out a data set in batches. Each walk over it is one epoch.
 *
 * @example Five examples in batches of two
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DataLoader, TensorDataset } from "kindling/dataloader";
 * import { Tensor } from "kindling/tensor";
 * const data = new TensorDataset(Tensor.zeros([5, 3]), Int32Array.of(0, 1, 2, 3, 4));
 * const loader = new DataLoader(data, { batchSize: 2 });
 * assertEquals([...loader].map((batch) => [...batch.targets]), [[0, 1], [2, 3], [4]]);
 * ```
 */
export class DataLoader<Targets = Int32Array> implements Batches<Targets> {
  readonly #dataset: Dataset<Targets>;
  readonly #options: DataLoaderOptions;
  #position = 0;
  #resumeAt = 0;
  #epochStart: GeneratorState | null = null;

  /**
   * Makes a loader.
   *
   * @param dataset Where the examples are.
   * @param options Batch size, and whether to shuffle, drop the last batch, transform.
   * @throws {ValueError} If the batch size is not a whole number of at least 1, larger than a data
   * set whose last batch is dropped, or an option is unknown.
   */
  constructor(dataset: Dataset<Targets>, options: DataLoaderOptions) {
    const { batchSize = NaN, shuffle, dropLast, transform, ...other } = options ?? {};
    requireKind("Cannot deal out", "data set", dataset);
    requireNoOther("DataLoader", other);
    if (shuffle !== undefined) requireKind("Cannot shuffle by", "generator", shuffle);
    if (transform !== undefined) requireKind("Cannot transform by", "function", transform);
    requireWhole(`Cannot make batches of ${batchSize}`, batchSize);
    this.#dataset = dataset;
    this.#options = { batchSize, shuffle, dropLast, transform };
    requireWhole(`Cannot deal out ${this.length} batches of ${batchSize}`, this.length);
  }

  /** How many batches one epoch has. */
  get length(): number {
    const batches = this.#dataset.length / this.#options.batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** Where the loader stands now. */
  get state(): LoaderState {
    const position = this.#position, now = this.#options.shuffle?.state ?? null;
    return { position, generator: position > 0 ? this.#epochStart : now };
  }

  /**
   * Puts the loader back: the next walk goes on where that epoch stood.
   *
   * @param state What `state` gave, here or in another run.
   * @throws {ValueError} If the position is not one of this loader, or a generator is missing.
   */
  restore({ position, generator }: LoaderState): void {
    const { shuffle } = this.#options;
    const inside = Number.isInteger(position) && position >= 0 && position < this.length;
    if (!inside || (shuffle === undefined) !== !generator) {
      const says = `Cannot go on at batch ${position} of ${this.length}`;
      throw new ValueError(`${says}: the state is of a loader with other options`);
    }
    if (generator) shuffle?.restore(generator);
    this.#position = this.#resumeAt = position;
    this.#epochStart = generator;
  }

  /**
   * Deals out one epoch, or the rest of one after restore().
   *
   * @task 08.4
   */
  *[Symbol.iterator](): Iterator<Batch<Targets>> {
    const { shuffle, batchSize, transform } = this.#options, { length } = this.#dataset;
    this.#epochStart = shuffle?.state ?? null;
    const order = shuffle?.permutation(length) ?? Int32Array.from({ length }, (_, k) => k);
    const first = this.#resumeAt;
    this.#resumeAt = 0;
    for (let k = first; k < this.length; k++) {
      this.#position = (k + 1) % this.length;
      const batch = this.#dataset.batch(order.subarray(k * batchSize, (k + 1) * batchSize));
      yield transform ? { ...batch, inputs: transform(batch.inputs) } : batch;
    }
  }
}

/**
 * ## What it costs
 *
 * A batch is copied once from the data set, and once more by each transform. All of that is done
 * while the network waits, so it should be little beside a training step; `deno task bench:input`
 * says how little. A part of a data set costs four bytes per example, whatever an example weighs,
 * and so does the order of an epoch:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { randomSplit, TensorDataset } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const photographs = new TensorDataset(Tensor.zeros([100, 3, 32, 32]), new Int32Array(100));
 * const [training] = randomSplit(photographs, [80, 20], new Generator(1));
 * assertEquals(training.indices.byteLength, 4 * 80);
 * assertEquals(training.batch(Int32Array.of(0)).inputs.data.byteLength, 4 * 3 * 32 * 32);
 * ```
 *
 * ## What breaks in practice
 *
 * **No shuffling.** Data are often sorted: first all zeros, then all ones. In that order the model
 * learns to say "zero", then unlearns it. Two batches of a sorted set show one class each:
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DataLoader, TensorDataset } from "kindling/dataloader";
 * import { Tensor } from "kindling/tensor";
 * const sorted = new TensorDataset(Tensor.zeros([4, 1]), Int32Array.of(0, 0, 1, 1));
 * const batches = [...new DataLoader(sorted, { batchSize: 2 })].map(({ targets }) => [...targets]);
 * assertEquals(batches, [[0, 0], [1, 1]]);
 * ```
 *
 * **Test data in training.** Results that are too good usually are. Here labels are drawn by lot,
 * so that nobody can know them, and the answer for an image is the label of the most similar one
 * that was seen. On images of its own that is right about half of the time. With each example
 * stored twice, as happens when data are collected from several places, nearly every test image has
 * a twin in training:
 *
 * ```ts
 * import { assert } from "@std/assert";
 * import { randomSplit, type Subset, TensorDataset } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const dice = new Generator(1), x = Tensor.normal([100, 1], dice);
 * const labels = Int32Array.from(x.data, () => dice.uniform() < 0.5 ? 0 : 1);
 * const once = new TensorDataset(x, labels);
 * const twice = new TensorDataset(Tensor.concat([x, x]), Int32Array.of(...labels, ...labels));
 * function rightAnswers([seen, asked]: Subset[]): number {
 *   const all = ({ indices, dataset }: Subset) => dataset.batch(indices);
 *   const { inputs, targets } = all(seen), test = all(asked);
 *   const answers = [...test.inputs.data].map((number) => {
 *     const distances = [...inputs.data].map((other) => Math.abs(other - number));
 *     return targets[distances.indexOf(Math.min(...distances))];
 *   });
 *   return answers.filter((answer, k) => answer === test.targets[k]).length / answers.length;
 * }
 * assert(rightAnswers(randomSplit(once, [80, 20], dice)) < 0.7);
 * assert(rightAnswers(randomSplit(twice, [160, 40], dice)) > 0.85);
 * ```
 *
 * There are quieter ways: a mean and deviation for normalising that were computed over both parts,
 * a learning rate that was chosen by looking at the test accuracy. Split first, compute and choose
 * on the training part, and read the test part once.
 *
 * **An epoch kept as a list.** `[...loader]` looks like a loader, and fit() takes it. But it was
 * shuffled once, and each transform drew once: every epoch is the same. So it is with any list of
 * batches; the loader itself has to be handed on.
 *
 * ```ts
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * import { DataLoader, randomShift, TensorDataset } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const images = new TensorDataset(Tensor.arange(64).reshape([4, 1, 4, 4]), new Int32Array(4));
 * const transform = randomShift(2, new Generator(1));
 * const loader = new DataLoader(images, { batchSize: 4, transform }), list = [...loader];
 * const firstOf = (batches: Iterable<{ inputs: Tensor }>) => [...batches][0].inputs.toArray();
 * assertEquals(firstOf(list), firstOf(list));
 * assertNotEquals(firstOf(loader), firstOf(loader));
 * ```
 *
 * The same example shows why random shifts belong into training only: if the test images are
 * shifted at random too, the accuracy of a model depends on a generator.
 *
 * **One generator for two.** If shuffle and transform draw from the same one, the order of an epoch
 * depends on how much was drawn for the images before it. A run that goes on from a saved state is
 * another run then, and so is one in which only the augmentation was changed. Give each its own, by
 * split():
 *
 * ```ts
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * import { DataLoader, randomHorizontalFlip, TensorDataset } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const images = new TensorDataset(Tensor.zeros([9, 1, 1, 2]), Int32Array.from(Array(9).keys()));
 * function secondEpoch(shuffle: Generator, flips?: Generator): number[] {
 *   const transform = flips && randomHorizontalFlip(flips);
 *   const loader = new DataLoader(images, { batchSize: 9, shuffle, transform });
 *   return [1, 2].map(() => [...loader].flatMap(({ targets }) => [...targets]))[1];
 * }
 * const plain = secondEpoch(new Generator(1)), both = new Generator(1);
 * assertNotEquals(secondEpoch(both, both), plain);
 * assertEquals(secondEpoch(new Generator(1), new Generator(1).split(1)[0]), plain);
 * ```
 *
 * ## To think about
 *
 * 1. 1,000 examples, batches of 64, and dropLast. How many are left out of each epoch, and why are
 *    they not lost?
 * 2. Why does a loader draw a whole order, and not B random indices for each batch?
 * 3. A digit is turned round left to right by an augmentation. Which digits would that spoil?
 * 4. Means and deviations for normalising are computed over the training images. Why not over all?
 * 5. A run was stopped after batch 300 of 391, and goes on from what was saved. What would be wrong if
 *    it began a new epoch instead?
 *
 * ## What is next
 *
 * Everything is there to train on pictures, except for layers that know what a picture is. That is
 * module 09.
 */
