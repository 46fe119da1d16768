/**
 * What the generator promises: one stream of random numbers per seed, that can never drift.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import { Generator, type GeneratorState } from "#random";
import { ValueError } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";

// ── Generator: the algorithm ──

const words = 2 ** 32;

function draw<T>(count: number, next: () => T): T[] {
  return Array.from({ length: count }, next);
}

/** xoshiro128**, written from the published algorithm, in whole numbers of any length. */
function referenceWords(state: GeneratorState, count: number): number[] {
  const word = (n: bigint): bigint => BigInt.asUintN(32, n);
  const rotl = (x: bigint, k: bigint): bigint => word(x << k) | (x >> (32n - k));
  const s = state.map((n) => word(BigInt(n)));
  return draw(count, () => {
    const value = word(rotl(word(s[1] * 5n), 7n) * 9n), t = word(s[1] << 9n);
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 11n);
    return Number(value);
  });
}

test("Generator draws the published numbers of xoshiro128** from the state 1, 2, 3, 4", () => {
  const published = [
    11520,
    0,
    5927040,
    70819200,
    2031721883,
    1637235492,
    1287239034,
    3734860849,
    3729100597,
    4258142804,
  ];
  const g = new Generator(0);
  g.restore([1, 2, 3, 4]);
  assertEquals(draw(10, () => g.integer(words)), published);
  assertEquals(referenceWords([1, 2, 3, 4], 10), published);
});

test("Generator steps as a second implementation of xoshiro128** does", () => {
  for (const seed of [0, 1, 2, 12345, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const g = new Generator(seed), expected = referenceWords(g.state, 1000);
    assertEquals(draw(1000, () => g.integer(words)), expected, `seed ${seed}`);
  }
});

test("Generator gives the same first numbers for ever", () => {
  const pinned: { seed: number; words: number[]; normals: number[]; order: number[] }[] = [
    {
      seed: 0,
      words: [192071276, 3266400803, 3008656103, 3211945252],
      normals: [0.07032482358929867, -1.3504696055475012, -0.7288905697401464, 0.27699874060980667],
      order: [4, 1, 3, 6, 2, 5, 0, 7],
    },
    {
      seed: 1,
      words: [4089160860, 878725019, 32237386, 3974264291],
      normals: [0.4954414441126455, -0.6743450326801611, 0.6360500794206959, 0.790130813716233],
      order: [1, 5, 2, 3, 4, 0, 7, 6],
    },
    {
      seed: 4294967296,
      words: [4187081053, 2597470923, 3215418445, 3264353319],
      normals: [-1.923831593648123, -0.4665497212772717, 0.8449030975870331, -0.22717530325544083],
      order: [3, 1, 6, 5, 4, 0, 7, 2],
    },
    {
      seed: 9007199254740991,
      words: [1150425331, 1545419089, 3441149017, 3339851042],
      normals: [-2.088471194737415, 1.0883806369026283, -0.3980873161032294, 1.6999024468324984],
      order: [0, 3, 7, 1, 6, 5, 4, 2],
    },
  ];
  for (const { seed, words: expected, normals, order } of pinned) {
    const g = new Generator(seed);
    assertEquals(draw(4, () => g.integer(words)), expected, `seed ${seed}`);
    assertEquals(draw(4, () => g.normal()), normals, `seed ${seed}`);
    assertEquals([...g.permutation(8)], order, `seed ${seed}`);
  }
});

test("split() gives the same children for ever", () => {
  const first = new Generator(7).split(3).map((child) => child.integer(words));
  assertEquals(first, [2104759586, 257030576, 1218454882]);
});

test("uniform() is the upper 24 bits of a word", () => {
  const g = new Generator(3), expected = referenceWords(g.state, 1000);
  assertEquals(draw(1000, () => g.uniform()), expected.map((word) => (word >>> 8) / 2 ** 24));
});

test("uniform() stays within [0, 1) and is the same number in float32", () => {
  const g = new Generator(4);
  for (let k = 0; k < 100_000; k++) {
    const u = g.uniform();
    if (u < 0 || u >= 1 || Math.fround(u) !== u) throw new RangeError(`${u} at draw ${k}`);
  }
  // The greatest possible draw: 24 bits of ones
  assert(Math.fround((2 ** 24 - 1) / 2 ** 24) < 1);
});

test("uniform() stretches a draw to [low, high)", () => {
  const a = new Generator(5), b = new Generator(5);
  assertEquals(draw(100, () => a.uniform(-2, 6)), draw(100, () => -2 + 8 * b.uniform()));
});

/** Pearson's χ² of counts that should be equal. */
function chiSquare(counts: readonly number[]): number {
  const expected = counts.reduce((sum, n) => sum + n, 0) / counts.length;
  return counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
}

/** What χ² exceeds once in a million, for so many degrees of freedom (Wilson and Hilferty). */
function chiSquareBound(freedom: number): number {
  const part = 2 / (9 * freedom);
  return freedom * (1 - part + 4.753 * Math.sqrt(part)) ** 3;
}

test("uniform() fills 64 bins evenly and centres at one half", () => {
  const g = new Generator(6), n = 100_000, bins = new Array<number>(64).fill(0);
  let total = 0;
  for (let k = 0; k < n; k++) {
    const u = g.uniform();
    total += u;
    bins[Math.floor(u * 64)]++;
  }
  assertAlmostEquals(total / n, 0.5, 5 * Math.sqrt(1 / 12 / n));
  assertLess(chiSquare(bins), chiSquareBound(63));
});

test("normal() has mean 0, variance 1, no skew and kurtosis 3", () => {
  const g = new Generator(7), n = 100_000, drawn = draw(n, () => g.normal());
  const moment = (power: number): number => drawn.reduce((sum, x) => sum + x ** power, 0) / n;
  // five standard errors of each moment of a normal sample
  assertAlmostEquals(moment(1), 0, 5 * Math.sqrt(1 / n));
  assertAlmostEquals(moment(2), 1, 5 * Math.sqrt(2 / n));
  assertAlmostEquals(moment(3), 0, 5 * Math.sqrt(15 / n));
  const variance = moment(2) - moment(1) ** 2;
  const mean = moment(1), fourth = drawn.reduce((sum, x) => sum + (x - mean) ** 4, 0) / n;
  assertAlmostEquals(fourth / variance ** 2, 3, 5 * Math.sqrt(24 / n));
});

test("normal() falls within one, two and three deviations as often as it should", () => {
  const g = new Generator(8), n = 100_000, drawn = draw(n, () => Math.abs(g.normal()));
  for (const [bound, share] of [[1, 0.682689], [2, 0.954500], [3, 0.997300]]) {
    const inside = drawn.filter((x) => x < bound).length / n;
    assertAlmostEquals(inside, share, 5 * Math.sqrt(share * (1 - share) / n));
  }
});

test("normal() is Marsaglia's polar method, with a logarithm as good as the engine's", () => {
  const g = new Generator(9), twin = new Generator(9);
  for (let k = 0; k < 10_000; k++) {
    let x = 0, square = 0;
    do {
      x = 2 * twin.uniform() - 1;
      const y = 2 * twin.uniform() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const expected = x * Math.sqrt(-2 * Math.log(square) / square);
    assertAlmostEquals(g.normal(), expected, 1e-14 * Math.max(1, Math.abs(expected)));
  }
  assertEquals(g.state, twin.state);
});

test("normal() moves and stretches a draw", () => {
  const a = new Generator(10), b = new Generator(10);
  assertEquals(draw(100, () => a.normal(3, 2)), draw(100, () => 3 + 2 * b.normal()));
});

test("integer() chooses evenly, for small counts and for counts near 2³²", () => {
  const cases: { seed: number; count: number; bins: number }[] = [
    { seed: 11, count: 2, bins: 2 },
    { seed: 12, count: 10, bins: 10 },
    { seed: 13, count: 97, bins: 97 },
    { seed: 14, count: 3 * 2 ** 30, bins: 3 }, // the remainder of 2³² would favour the first third
    { seed: 15, count: 2 ** 32, bins: 16 },
  ];
  for (const { seed, count, bins } of cases) {
    const g = new Generator(seed), counts = new Array<number>(bins).fill(0);
    for (let k = 0; k < 20_000; k++) {
      const drawn = g.integer(count);
      if (!Number.isInteger(drawn) || drawn < 0 || drawn >= count) {
        throw new RangeError(`${drawn} of ${count}`);
      }
      counts[Math.floor(drawn * bins / count)]++;
    }
    assertLess(chiSquare(counts), chiSquareBound(bins - 1), `of ${count}`);
  }
});

test("integer() of one is 0", () => {
  const g = new Generator(16);
  assertEquals(draw(20, () => g.integer(1)), new Array<number>(20).fill(0));
});

test("permutation() holds each number once", () => {
  const g = new Generator(17);
  for (const n of [0, 1, 2, 3, 10, 1000]) {
    const sorted = [...g.permutation(n)].sort((a, b) => a - b);
    assertEquals(sorted, Array.from({ length: n }, (_, k) => k));
  }
});

test("permutation() gives each of the 24 orders of four as often", () => {
  const g = new Generator(18), counts = new Map<string, number>();
  for (let k = 0; k < 24_000; k++) {
    const order = g.permutation(4).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assertEquals(counts.size, 24);
  assertLess(chiSquare([...counts.values()]), chiSquareBound(23));
});

// ── Generator: seeds, state and children ──

test("Generator draws the same from the same seed and something else from another", () => {
  const first = (seed: number): number[] => {
    const g = new Generator(seed);
    return draw(4, () => g.integer(words));
  };
  assertEquals(first(42), first(42));
  const seeds = [...Array.from({ length: 1000 }, (_, k) => k), 2 ** 32, 2 ** 32 + 1, 2 ** 52];
  assertEquals(new Set(seeds.map((seed) => first(seed).join())).size, seeds.length);
});

test("state holds four words of 32 bits, for every seed and after every draw", () => {
  for (let seed = 0; seed < 200; seed++) {
    const g = new Generator(seed);
    for (let k = 0; k < 3; k++, g.uniform()) {
      assertEquals([...g.state], g.state.map((word) => word >>> 0), `seed ${seed}, draw ${k}`);
    }
  }
});

test("restore() takes the state of a new generator, whatever the seed", () => {
  for (let seed = 0; seed < 200; seed++) {
    const g = new Generator(seed), other = new Generator(seed + 1);
    other.restore(g.state);
    assertEquals(draw(3, () => other.uniform()), draw(3, () => g.uniform()), `seed ${seed}`);
  }
});

test("restore() takes the state of a new child", () => {
  for (const child of new Generator(19).split(200)) {
    const other = new Generator(0);
    other.restore(child.state);
    assertEquals(draw(3, () => other.uniform()), draw(3, () => child.uniform()));
  }
});

test("restore() draws the same numbers again, in the middle of a stream", () => {
  const g = new Generator(20);
  g.normal();
  const state = g.state;
  const first = [...draw(5, () => g.uniform()), g.normal(), g.integer(10), ...g.permutation(9)];
  g.restore(state);
  const again = [...draw(5, () => g.uniform()), g.normal(), g.integer(10), ...g.permutation(9)];
  assertEquals(again, first);
});

test("state is a copy, and reading it draws nothing", () => {
  const g = new Generator(21), twin = new Generator(21);
  g.uniform();
  twin.uniform();
  const state = [...g.state];
  Reflect.set(g.state, 0, 99);
  assertEquals([...g.state], state);
  assertEquals(g.uniform(), twin.uniform());
});

test("restore() keeps no hold on the list that it was given", () => {
  const g = new Generator(0), state: [number, number, number, number] = [1, 2, 3, 4];
  g.restore(state);
  g.uniform();
  assertEquals(state, [1, 2, 3, 4]);
  state[1] = 77;
  assertNotEquals(g.state[1], 77);
});

test("restore() refuses what is not a state, and leaves the stream where it was", () => {
  const g = new Generator(22), twin = new Generator(22);
  g.uniform();
  twin.uniform();
  const cases: [number[], string][] = [
    [[0, 0, 0, 0], "0, 0, 0, 0"],
    [[1, 2, 3], "1, 2, 3"],
    [[1, 2, 3, 4, 5], "1, 2, 3, 4, 5"],
    [[1, 2, 3, 2 ** 32], "1, 2, 3, 4294967296"],
    [[1, 2, 3, -4], "1, 2, 3, -4"],
    [[1, 2, 3, 0.5], "1, 2, 3, 0.5"],
    [[1, 2, 3, NaN], "1, 2, 3, NaN"],
    [[], ""],
  ];
  for (const [state, shown] of cases) {
    assertRefuses(
      () => g.restore(state as unknown as GeneratorState),
      ValueError,
      `Cannot restore a generator to [${shown}]: ` +
        "a state is four words of 32 bits, not all of them 0",
    );
  }
  assertEquals(g.uniform(), twin.uniform());
});

test("Generator refuses what cannot be a seed", () => {
  for (const seed of [-1, 1.5, NaN, Infinity, -Infinity]) {
    assertRefuses(
      () => new Generator(seed),
      ValueError,
      `Cannot seed a generator with ${seed}: it must be a whole number of at least 0`,
    );
  }
});

test("split() makes children that differ from the parent and from each other", () => {
  const parent = new Generator(23), children = parent.split(1000);
  const streams = [parent, ...children].map((g) => draw(4, () => g.integer(words)).join());
  assertEquals(new Set(streams).size, 1001);
});

test("split() makes siblings whose numbers do not go together", () => {
  const [a, b] = new Generator(24).split(2), n = 20_000;
  let product = 0;
  for (let k = 0; k < n; k++) product += a.normal() * b.normal();
  assertAlmostEquals(product / n, 0, 5 / Math.sqrt(n));
});

test("split() makes children that do not change each other", () => {
  const alone = new Generator(25).split(2)[1];
  const [busy, beside] = new Generator(25).split(2);
  draw(100, () => busy.normal());
  assertEquals(draw(10, () => beside.uniform()), draw(10, () => alone.uniform()));
});

test("split() makes the first children the same, however many there are", () => {
  const few = new Generator(26).split(2), many = new Generator(26).split(5);
  few.forEach((child, k) => assertEquals(child.state, many[k].state));
});

test("split() refuses a count that is not whole or below 1, and draws nothing", () => {
  const parent = new Generator(28), { state } = parent;
  for (const count of [0, -1, 1.5, NaN, Infinity]) {
    assertRefuses(
      () => parent.split(count),
      ValueError,
      `Cannot split a generator into ${count}: it must be a whole number of at least 1`,
    );
  }
  assertEquals(parent.state, state);
});

test("permutation() refuses a count that is not whole or below 0, and draws nothing", () => {
  const generator = new Generator(29), { state } = generator;
  for (const n of [-1, 1.5, NaN, Infinity]) {
    assertRefuses(
      () => generator.permutation(n),
      ValueError,
      `Cannot shuffle ${n} things: it must be a whole number of at least 0`,
    );
  }
  assertEquals(generator.state, state);
});

test("permutation() of nothing or of one draws nothing", () => {
  const generator = new Generator(30), { state } = generator;
  assertEquals(generator.permutation(0), new Int32Array(0));
  assertEquals(generator.permutation(1), Int32Array.of(0));
  assertEquals(generator.state, state);
});

test("split() moves the parent on by four draws for each child", () => {
  const parent = new Generator(27), twin = new Generator(27);
  parent.split(3);
  draw(12, () => twin.integer(words));
  assertEquals(parent.state, twin.state);
});

test("integer() refuses to choose from nothing, from parts, and from too many", () => {
  const generator = new Generator(1), { state } = generator;
  for (const count of [0, -1, 1.5, NaN, Infinity, 2 ** 32 + 1, 2 ** 33]) {
    assertRefuses(
      () => generator.integer(count),
      ValueError,
      `Cannot draw one of ${count}: it must be a whole number, 1 to 2³²`,
    );
  }
  assertEquals(generator.state, state);
});
