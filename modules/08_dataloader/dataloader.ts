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
import type { Generator } from "#random";
import { describeShape, like, ShapeError, Tensor, ValueError } from "#tensor";
import type { Batch, Batches } from "#training";

// ── 8.1 Data sets ──

/** Examples that can be fetched by their indices, many at once. */
export interface Dataset<Targets = Int32Array> {
  /** How many examples there are. */
  readonly length: number;
  /** The examples at some indices, in that order. */
  batch(indices: Int32Array): Batch<Targets>;
}

/** A data set that is all in memory: one tensor of inputs, one label for each. */
export class TensorDataset implements Dataset {
  /** How many examples there are. */
  readonly length: number;

  /**
   * Pairs inputs with labels.
   *
   * @param inputs (N, …), one example after the other.
   * @param labels N class labels.
   * @throws {ShapeError} If there are not as many labels as inputs.
   */
  constructor(readonly inputs: Tensor, readonly labels: Int32Array) {
    this.length = labels.length;
    if (inputs.shape[0] !== labels.length) {
      throw new ShapeError(
        `Cannot pair inputs ${describeShape(inputs.shape)} with ${labels.length} labels: ` +
          "the first axis must be as long",
      );
    }
  }

  /**
   * Copies examples out, in the order of the indices.
   *
   * @task 08.1
   */
  batch(indices: Int32Array): Batch {
    const { data, shape } = this.inputs, size = data.length / this.length;
    const out = like(this.inputs, indices.length * size);
    indices.forEach((index, row) => {
      if (!(index >= 0 && index < this.length)) {
        throw new ValueError(
          `Cannot fetch example ${index} of ${this.length}: indices go from 0 to ${
            this.length - 1
          }`,
        );
      }
      out.set(data.subarray(index * size, (index + 1) * size), row * size);
    });
    return {
      inputs: new Tensor(out, [indices.length, ...shape.slice(1)]),
      targets: indices.map((index) => this.labels[index]),
    };
  }
}

// ── 8.2 Batches ──

/** What a loader takes. */
export interface DataLoaderOptions {
  /** B, how many examples a batch holds; the last batch holds what is left. */
  readonly batchSize: number;
  /** Draws a new order for each epoch; without it the order is the data set's. */
  readonly shuffle?: Generator;
}

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
  readonly #batchSize: number;
  readonly #shuffle: Generator | undefined;

  /**
   * Makes a loader.
   *
   * @param dataset Where the examples are.
   * @param options Batch size, and whether to shuffle.
   * @throws {ValueError} If the batch size is not a whole number of at least 1.
   */
  constructor(dataset: Dataset<Targets>, { batchSize, shuffle }: DataLoaderOptions) {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ValueError(
        `Cannot make batches of ${batchSize}: a batch holds a whole number of at least 1`,
      );
    }
    this.#dataset = dataset;
    this.#batchSize = batchSize;
    this.#shuffle = shuffle;
  }

  /** How many batches one epoch has. */
  get length(): number {
    return Math.ceil(this.#dataset.length / this.#batchSize);
  }

  /**
   * Deals out one epoch.
   *
   * @task 08.2
   */
  *[Symbol.iterator](): Iterator<Batch<Targets>> {
    const { length } = this.#dataset;
    const order = this.#shuffle?.permutation(length) ??
      Int32Array.from({ length }, (_, index) => index);
    for (let start = 0; start < length; start += this.#batchSize) {
      yield this.#dataset.batch(order.subarray(start, start + this.#batchSize));
    }
  }
}
