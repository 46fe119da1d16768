/**
 * # 08 · Data loader
 *
 * A model learns from a few examples at a time, in another order each time round. Something has to
 * deal them out, and never show one twice or forget one.
 *
 * At the end you can turn any collection of examples into shuffled batches.
 *
 * Throughout: B examples in a batch · index the place of an example in its data set
 *
 * @module
 */
import type { Generator, GeneratorState } from "#random";
import { like, requireNoOther, requireWhole, say, ShapeError, Tensor } from "#tensor";
import { ValueError, type Values } from "#tensor";
import type { Batch, Batches } from "#training";
import type { Transform } from "./transforms.ts";

export * from "./transforms.ts";

// ── 8.1 Data sets ──
// A data set knows how many examples it has, and can fetch any of them, many at once.

/** Examples that can be fetched by their indices. */
export interface Dataset<Targets = Int32Array> {
  /** How many examples there are. */
  readonly length: number;
  /** The examples at some indices, in that order. */
  batch(indices: Int32Array): Batch<Targets>;
}

/** Refuses indices of examples that are not there (given). */
function checkIndices(indices: Int32Array, length: number): void {
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
 * import { TensorDataset } from "#dataloader";
 * import { Tensor } from "#tensor";
 * const data = new TensorDataset(Tensor.of([[1, 2], [3, 4], [5, 6]]), Int32Array.of(7, 8, 9));
 * const { inputs, targets } = data.batch(Int32Array.of(2, 0));
 * assertEquals(inputs.toArray(), [[5, 6], [1, 2]]);
 * assertEquals([...targets], [9, 7]);
 * ```
 */
export class TensorDataset<T extends Int32Array | Tensor = Int32Array> implements Dataset<T> {
  /** How many examples there are. */
  readonly length: number;

  /**
   * Pairs inputs with targets.
   *
   * @param inputs (N, …), one example after the other.
   * @param targets N class labels, or a tensor (N, …).
   * @throws {ShapeError} If there are not as many targets as inputs.
   */
  constructor(readonly inputs: Tensor, readonly targets: T) {
    this.length = targets instanceof Tensor ? targets.shape[0] : targets.length;
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
// What a model is judged by must not be what it learnt from. So a data set is split, at random, and
// each part is a data set again: a list of indices into the whole.

/**
 * Some examples of another data set.
 *
 * @example The second half
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Subset, TensorDataset } from "#dataloader";
 * import { Tensor } from "#tensor";
 * const all = new TensorDataset(Tensor.zeros([4, 2]), Int32Array.of(0, 1, 2, 3));
 * const half = new Subset(all, Int32Array.of(2, 3));
 * assertEquals([...half.batch(Int32Array.of(1)).targets], [3]);
 * ```
 */
export class Subset<Targets = Int32Array> implements Dataset<Targets> {
  /** How many examples there are. */
  readonly length: number;

  /**
   * Chooses examples.
   *
   * @param dataset The whole.
   * @param indices Which examples of it, in order; kept, not copied.
   * @throws {ValueError} If the whole has no such example.
   */
  constructor(readonly dataset: Dataset<Targets>, readonly indices: Int32Array) {
    checkIndices(indices, dataset.length);
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
 * import { randomSplit, TensorDataset } from "#dataloader";
 * import { Generator } from "#random";
 * import { Tensor } from "#tensor";
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
 * Where a loader stands, enough to go on in another run as if nothing had happened: how many batches
 * of the epoch have been dealt out, and where the shuffling generator stood when the epoch began. The
 * generator of a transform is its owner's to save, and must not be the shuffling one.
 */
export type LoaderState = { readonly position: number; readonly generator: GeneratorState | null };

/**
 * Deals out a data set in batches. Each walk over it is one epoch.
 *
 * @example Five examples in batches of two
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DataLoader, TensorDataset } from "#dataloader";
 * import { Tensor } from "#tensor";
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
    const { batchSize, shuffle, dropLast, transform, ...other } = options;
    requireNoOther("DataLoader", other);
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
