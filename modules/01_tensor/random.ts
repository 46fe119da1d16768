/**
 * # 01 · Tensor: random numbers
 *
 * Weights start random, batches are drawn in random order, and still the same seed must give the
 * same run, today and in ten years, under Deno and under Bun. So no number here comes from
 * `Math.random()`, and none from a function whose last digit an engine may choose.
 *
 * At the end you have a generator that can be seeded, split and put back where it was. It is given
 * but for one thing: you write the shuffle.
 *
 * Throughout: seed the number that a stream begins with · state where a stream stands · word 32
 * bits
 *
 * @module
 */
import { requireWhole, ValueError } from "./errors.ts";

/** Where a generator stands: four 32-bit words. */
export type GeneratorState = readonly [number, number, number, number];

/** Turns a counter into bits that look random (the finaliser of MurmurHash3). */
function mix(word: number): number {
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/** Derives four well-mixed words from a few. */
function expandSeed(words: readonly number[]): [number, number, number, number] {
  let hash = 0x9e3779b9;
  const state = [0, 0, 0, 0].map((_, index) => {
    for (const word of words) hash = mix(hash ^ mix(word + Math.imul(index + 1, 0x9e3779b9)));
    return hash;
  });
  return [(state[0] | 1) >>> 0, state[1], state[2], state[3]]; // all zeros would stay zeros
}

/**
 * The natural logarithm of a number in (0, 1), built from + − × ÷ alone.
 *
 * Engines may round the last bit of `Math.log` differently; these four operations are exact to the
 * bit everywhere. x = m·2ᵉ, and log m = 2·artanh(s) = 2(s + s³/3 + s⁵/5 + …) with s = (m−1)/(m+1).
 */
function portableLog(x: number): number {
  let exponent = 0, mantissa = x;
  for (; mantissa < Math.SQRT1_2; mantissa *= 2) exponent--;
  const s = (mantissa - 1) / (mantissa + 1), square = s * s;
  let total = 0;
  for (let k = 23; k >= 1; k -= 2) total = total * square + 1 / k;
  return exponent * Math.LN2 + 2 * s * total;
}

/**
 * A seeded stream of random numbers: xoshiro128** (Blackman and Vigna, 2018).
 *
 * @example The same seed gives the same numbers
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Generator } from "kindling/random";
 * assertEquals(new Generator(7).permutation(5), new Generator(7).permutation(5));
 * ```
 */
export class Generator {
  #state: [number, number, number, number];

  /**
   * Starts the stream of a seed.
   *
   * @param seed A whole number, 0 … 2⁵³ − 1.
   * @throws {ValueError} If it is not.
   */
  constructor(seed: number) {
    requireWhole(`Cannot seed a generator with ${seed}`, Number.isSafeInteger(seed) ? seed : -1, 0);
    this.#state = expandSeed([seed >>> 0, Math.floor(seed / 2 ** 32)]);
  }

  /** Where the stream stands; give it to restore() to draw the same numbers again. */
  get state(): GeneratorState {
    return [...this.#state];
  }

  /**
   * Puts the stream back to where it stood.
   *
   * @param state What `state` gave.
   * @throws {ValueError} If that is not four 32-bit words, or all are 0.
   */
  restore(state: GeneratorState): void {
    const sound = state?.length === 4 && state.every((word) => word === word >>> 0);
    if (sound && state.some((word) => word !== 0)) return void (this.#state = [...state]);
    const rule = "a state is four words of 32 bits, not all of them 0";
    throw new ValueError(`Cannot restore a generator to [${state?.join?.(", ")}]: ${rule}`);
  }

  /**
   * Makes independent child streams, so that one part of a program can draw more numbers without
   * changing what another part sees.
   *
   * @param count How many, at least 1.
   * @returns The children; the parent moves on by four draws for each.
   * @throws {ValueError} If the count is not a whole number of at least 1.
   */
  split(count: number): Generator[] {
    requireWhole(`Cannot split a generator into ${count}`, count);
    return Array.from({ length: count }, () => {
      const child = new Generator(0);
      child.#state = expandSeed([this.#next(), this.#next(), this.#next(), this.#next()]);
      return child;
    });
  }

  /** The next 32 bits. */
  #next(): number {
    const s = this.#state;
    let word = Math.imul(s[1], 5);
    word = Math.imul((word << 7) | (word >>> 25), 9) >>> 0;
    const shifted = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] = (s[1] ^ s[2]) >>> 0;
    s[0] = (s[0] ^ s[3]) >>> 0;
    s[2] = (s[2] ^ shifted) >>> 0;
    s[3] = ((s[3] << 11) | (s[3] >>> 21)) >>> 0;
    return word;
  }

  /**
   * Draws evenly from [low, high). A draw has 24 random bits, so that it is the same number in
   * float32 and in float64 and never rounds up to `high` = 1.
   *
   * @param low Lowest value, 0 by default.
   * @param high Bound that is not reached, 1 by default.
   * @returns A number.
   */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * ((this.#next() >>> 8) / 0x1000000);
  }

  /**
   * Draws from a normal distribution (Marsaglia's polar method, 1964).
   *
   * @param mean Centre, 0 by default.
   * @param standardDeviation Spread, 1 by default.
   * @returns A number.
   */
  normal(mean = 0, standardDeviation = 1): number {
    for (;;) {
      const x = this.uniform(-1, 1), y = this.uniform(-1, 1), square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      return mean + standardDeviation * x * Math.sqrt(-2 * portableLog(square) / square);
    }
  }

  /**
   * Draws one of 0 … count − 1, each as often.
   *
   * @param count How many there are to choose from, 1 … 2³².
   * @returns A whole number.
   * @throws {ValueError} If there is nothing to choose from, or too much.
   */
  integer(count: number): number {
    if (!Number.isInteger(count) || count < 1 || count > 2 ** 32) {
      throw new ValueError(`Cannot draw one of ${count}: it must be a whole number, 1 to 2³²`);
    }
    const fair = 2 ** 32 - 2 ** 32 % count; // above it, low numbers would come more often
    for (;;) {
      const word = this.#next();
      if (word < fair) return word % count;
    }
  }

  // ── 1.16 Shuffling ──
  // Each of the n·(n − 1)·…·1 orders must be as likely as any other. Swapping two random places
  // again and again does not do that. Fisher and Yates do: the last place gets one of all n, drawn
  // evenly; the place before it one of the n − 1 that are left; and so on down to the second:
  //
  //   0 1 2 3      of places 0 to 3 draw 1, swap it with 3      0 3 2│1
  //   0 3 2│1      of places 0 to 2 draw 0, swap it with 2      2 3│0 1
  //   2 3│0 1      of places 0 and 1 draw 1, which stays        2│3 0 1
  //
  // Each order comes in just one way, with a chance of 1/n · 1/(n − 1) · … · 1/2. The test counts
  // how often each order of three comes, and a shuffle that is only nearly fair is found out. What
  // is no count is refused, by requireWhole(): "Cannot shuffle 2.5 things: it must be a whole
  // number of at least 0".

  /**
   * Shuffles 0 … n − 1 (Fisher and Yates; Durstenfeld, 1964).
   *
   * @task 01.16
   * @param n How many.
   * @returns Each of 0 … n − 1 once, in random order.
   * @throws {ValueError} If n is not a whole number of at least 0.
   */
  permutation(n: number): Int32Array {
    requireWhole(`Cannot shuffle ${n} things`, n, 0);
    const order = Int32Array.from({ length: n }, (_, index) => index);
    for (let last = n - 1; last > 0; last--) {
      const chosen = this.integer(last + 1);
      [order[last], order[chosen]] = [order[chosen], order[last]];
    }
    return order;
  }
}

/**
 * ## What breaks in practice
 *
 * **One generator for everything.** If weights and batches draw from one stream, a layer that is
 * added changes the order of the batches as well. Two runs then differ in two things, and nobody
 * can say which of them made the difference. split() gives each purpose a stream of its own.
 *
 * ```ts
 * import { assertEquals, assertNotEquals } from "@std/assert";
 * import { Generator } from "kindling/random";
 * const one = new Generator(1), other = new Generator(1);
 * other.normal(); // one draw more: a larger layer
 * assertNotEquals(one.permutation(9), other.permutation(9));
 * const [, order] = new Generator(1).split(2), [weights, sameOrder] = new Generator(1).split(2);
 * weights.normal();
 * assertEquals(order.permutation(9), sameOrder.permutation(9));
 * ```
 *
 * **A remainder is not a fair draw.** Four equally likely words, 0 to 3, modulo 3: 0 comes twice as
 * often as 1 and 2. With 32 bits the difference is tiny and still there, so integer() draws again
 * where the words do not divide evenly.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * assertEquals([0, 1, 2, 3].map((word) => word % 3), [0, 1, 2, 0]);
 * ```
 */
