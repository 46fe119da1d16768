/**
 * What holds of random order and of batches.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { DataLoader, type Dataset, type LoaderState, randomSplit } from "#dataloader";
import { TensorDataset } from "#dataloader";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { fc } from "./fast_check.ts";
import { total } from "./oracle.ts";
import { property } from "./property.ts";

const seeds = fc.maxSafeNat();
const lengths = fc.integer({ min: 1, max: 60 });
const batchSizes = fc.integer({ min: 1, max: 70 });

/** 0, 1, 2, … */
function counting(length: number): number[] {
  return Array.from({ length }, (_, k) => k);
}

/** N examples; input k is the row [k, k + 0.5], target k is k. */
function numbered(length: number): TensorDataset {
  const rows = Float64Array.from(counting(length).flatMap((k) => [k, k + 0.5]));
  return new TensorDataset(new Tensor(rows, [length, 2]), Int32Array.from(counting(length)));
}

/** The targets of a batch; the inputs must belong to them. */
function targetsOf({ inputs, targets }: ReturnType<Dataset["batch"]>): number[] {
  assertEquals(inputs.shape, [targets.length, 2]);
  assertEquals([...inputs.data], [...targets].flatMap((k) => [k, k + 0.5]));
  return [...targets];
}

/** The targets of an epoch, batch by batch. */
function walk(loader: DataLoader): number[][] {
  return Array.from(loader, targetsOf);
}

/** Fails unless there is each of 0 … length − 1 once. */
function isOnceEach(order: Iterable<number>, length: number): void {
  assertEquals([...order].sort((a, b) => a - b), counting(length));
}

/** What is tried. */
export const dataProperties = [
  property(
    "permutation() holds each of 0 … n − 1 once, and the same for the same seed",
    600,
    fc.record({ n: fc.integer({ min: 1, max: 300 }), seed: seeds }),
    ({ n, seed }) => {
      const order = new Generator(seed).permutation(n);
      isOnceEach(order, n);
      assertEquals(new Generator(seed).permutation(n), order);
    },
  ),
  property(
    "DataLoader deals out every example once per epoch, in full batches but for the last",
    600,
    fc.record({ length: lengths, batchSize: batchSizes, seed: fc.option(seeds) }),
    ({ length, batchSize, seed }) => {
      const shuffle = seed === null ? undefined : new Generator(seed);
      const loader = new DataLoader(numbered(length), { batchSize, shuffle });
      for (let epoch = 0; epoch < 3; epoch++) {
        const batches = walk(loader), full = batches.slice(0, -1);
        isOnceEach(batches.flat(), length);
        assertEquals(full.map((batch) => batch.length), full.map(() => batchSize));
        assertEquals(batches[full.length].length <= batchSize, true);
        assertEquals(loader.length, batches.length);
        if (seed === null) assertEquals(batches.flat(), counting(length));
      }
    },
  ),
  property(
    "DataLoader with dropLast leaves out what fills no batch, and shows nothing twice",
    300,
    fc.tuple(lengths, seeds).chain(([length, seed]) =>
      fc.record({
        length: fc.constant(length),
        batchSize: fc.integer({ min: 1, max: length }),
        seed: fc.constant(seed),
      })
    ),
    ({ length, batchSize, seed }) => {
      const options = { batchSize, shuffle: new Generator(seed), dropLast: true };
      const batches = walk(new DataLoader(numbered(length), options)), shown = batches.flat();
      assertEquals(batches.map((batch) => batch.length), batches.map(() => batchSize));
      assertEquals(length - shown.length < batchSize, true);
      assertEquals(new Set(shown).size, shown.length);
    },
  ),
  property(
    "DataLoader begins a whole epoch with every walk, also after one that was broken off",
    300,
    fc.record({ length: lengths, batchSize: batchSizes, seed: seeds, taken: fc.nat({ max: 5 }) }),
    ({ length, batchSize, seed, taken }) => {
      const loader = new DataLoader(numbered(length), {
        batchSize,
        shuffle: new Generator(seed),
      });
      let left = taken;
      for (const _ of loader) if (--left < 0) break;
      isOnceEach(walk(loader).flat(), length);
    },
  ),
  property(
    "DataLoader goes on after restore() where the epoch stood, in another run too",
    600,
    fc.record({
      length: lengths,
      batchSize: fc.integer({ min: 1, max: 20 }),
      seed: seeds,
      epochs: fc.nat({ max: 2 }),
      taken: fc.nat({ max: 5 }),
      otherSeed: seeds,
    }),
    ({ length, batchSize, seed, epochs, taken, otherSeed }) => {
      const data = numbered(length);
      const loader = new DataLoader(data, { batchSize, shuffle: new Generator(seed) });
      for (let epoch = 0; epoch < epochs; epoch++) walk(loader);
      const epoch = loader[Symbol.iterator](), within = Math.min(taken, loader.length - 1);
      for (let batch = 0; batch < within; batch++) epoch.next();
      const saved = JSON.stringify(loader.state), rest: number[][] = [];
      for (let next = epoch.next(); !next.done; next = epoch.next()) {
        rest.push(targetsOf(next.value));
      }
      const following = walk(loader), state: LoaderState = JSON.parse(saved);

      const shuffle = new Generator(otherSeed),
        other = new DataLoader(data, { batchSize, shuffle });
      other.restore(state);
      assertEquals(other.state, state);
      assertEquals(walk(other), rest);
      assertEquals(walk(other), following);
    },
  ),
  property(
    "Generator draws the same after restore(), whatever it drew in between",
    300,
    fc.record({ seed: seeds, before: fc.nat({ max: 10 }), between: fc.nat({ max: 10 }) }),
    ({ seed, before, between }) => {
      const generator = new Generator(seed);
      const draw = (): unknown[] => [
        generator.uniform(),
        generator.normal(),
        generator.integer(10),
        generator.permutation(9),
        generator.split(2).map((child) => child.uniform()),
      ];
      for (let k = 0; k < before; k++) generator.uniform();
      const { state } = generator, drawn = draw();
      for (let k = 0; k < between; k++) generator.uniform();
      generator.restore(state);
      assertEquals(draw(), drawn);
    },
  ),
  property(
    "randomSplit() gives each example to one part",
    300,
    fc.record({ parts: fc.array(lengths, { minLength: 1, maxLength: 4 }), seed: seeds }),
    ({ parts, seed }) => {
      const length = total(parts);
      const split = randomSplit(numbered(length), parts, new Generator(seed));
      const given = split.map((part) =>
        targetsOf(part.batch(Int32Array.from(counting(part.length))))
      );
      assertEquals(given.map((targets) => targets.length), parts);
      isOnceEach(given.flat(), length);
    },
  ),
];
