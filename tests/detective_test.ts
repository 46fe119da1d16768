/**
 * The detective: which bugs it names from the numbers, where it is silent, and what is certain.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { diagnose } from "../course/judge/detective.ts";
import type { Clues } from "../course/judge/evidence.ts";
import { patternOf } from "../course/judge/patterns.ts";
import type { TensorLike } from "../course/sandbox/expect_tensor.ts";
import { test } from "../course/sandbox/register.ts";
import { normalFrom, uniformFrom } from "../course/sandbox/seeded.ts";

function of(...rows: readonly (readonly number[])[]): TensorLike {
  return { data: rows.flat(), shape: [rows.length, rows[0].length] };
}

function listOf(...data: readonly number[]): TensorLike {
  return { data, shape: [data.length] };
}

/** Each number changed. */
function changed({ data, shape }: TensorLike, change: (x: number) => number): TensorLike {
  return { data: Array.from(data, change), shape };
}

/** Numbers such as a test draws. */
function drawn(text: string, ...shape: number[]): TensorLike {
  const draw = uniformFrom(text), size = shape.reduce((product, n) => product * n, 1);
  return { data: Array.from({ length: size }, () => normalFrom(draw)), shape };
}

const want = of([1.25, -2.4, 3.7], [4.1, 5.3, -6.9]);
const transposed = of([1.25, 4.1], [-2.4, 5.3], [3.7, -6.9]);
const batch = drawn("batch", 4, 3);
const thirds = listOf(1 / 3, 2 / 3, 1 / 7);
const before = of([1.1, 1.2, 1.3], [1.4, 1.5, 1.6]);
const cube = drawn("cube", 2, 3, 4), [, rows, columns] = cube.shape;

/** The cells of a cube with two axes exchanged. */
function exchanged(): TensorLike {
  const data = Array.from(cube.data, (_, i) => {
    const b = Math.floor(i / 12), column = Math.floor(i % 12 / rows), row = i % rows;
    return cube.data[b * 12 + row * columns + column];
  });
  return { data, shape: [2, 4, 3] };
}

// ── What is proved ──

const tight: Clues = { tolerance: 1e-9 };

/** A bug, what came and what was expected, and the cause that is named. */
const proved: [bug: string, got: TensorLike, want: TensorLike, said: RegExp, clues?: Clues][] = [
  ["a flipped sign", changed(want, (x) => -x), want, /^every sign is flipped$/],
  [
    "what was overwritten",
    { data: Array.from(want.data, (x, i) => x - before.data[i]), shape: [2, 3] },
    want,
    /overwritten/,
    { ...tight, earlier: [before] },
  ],
  [
    "what was kept",
    { data: Array.from(want.data, (x, i) => x + before.data[i]), shape: [2, 3] },
    want,
    /still in it/,
    { ...tight, earlier: [before] },
  ],
  ["a forgotten root", changed(batch, (x) => x ** 2), changed(batch, Math.abs), /root missing/],
  ["a square too few", changed(batch, Math.abs), changed(batch, (x) => x ** 2), /square missing/],
  ["one divided by it", changed(want, (x) => 1 / x), want, /one divided by the right one/],
  ["the other share", changed(want, (x) => 1 - x), want, /1 minus the right one/],
  ["a forgotten exp()", want, changed(want, Math.exp), /is exp\(\) missing/],
  ["lost signs", changed(want, Math.abs), want, /the signs are lost/],
  [
    "a mean that is a sum",
    changed(batch, (x) => 4 * x),
    batch,
    /4 times too large.*average missing/,
  ],
  ["a mean of a mean", changed(batch, (x) => x / 12), batch, /12 times too small.*once too often/],
  ["a transpose", transposed, want, /^it is transposed$/],
  ["exchanged axes", exchanged(), cube, /axes 1 and 2 have changed places/],
  ["a reversed order", changed(listOf(5.1, 4.2, 3.3), (x) => x), listOf(3.3, 4.2, 5.1), /reversed/],
  ["off by one", listOf(2.1, 3.2, 4.3, 5.4, 0), listOf(1.7, 2.1, 3.2, 4.3, 5.4), /off by one/],
  [
    "one row for all",
    { data: [0, 1, 2, 3].flatMap(() => Array.from(batch.data).slice(0, 3)), shape: [4, 3] },
    batch,
    /right for the first along axis 0 stands in all 4/,
  ],
  [
    "a forgotten sum",
    batch,
    {
      data: [0, 1, 2].map((j) => [0, 1, 2, 3].reduce((s, i) => s + batch.data[i * 3 + j], 0)),
      shape: [3],
    },
    /not summed over axis 0/,
  ],
  ["another shape", { data: want.data, shape: [6] }, want, /only the shape is not/],
  [
    "a forgotten stride",
    drawn("steps", 5, 5),
    {
      data: [0, 2, 4].flatMap((y) => [0, 2, 4].map((x) => drawn("steps", 5, 5).data[5 * y + x])),
      shape: [3, 3],
    },
    /is the stride of 2 forgotten/,
  ],
  [
    "right numbers in other cells",
    listOf(...[2, 0, 1, 5, 4, 3].map((i) => want.data[i])),
    listOf(...Array.from(want.data)),
    /in other cells/,
  ],
];
for (const [bug, got, want, said, clues = tight] of proved) {
  test(`diagnose() names ${bug}`, () => {
    assertMatch(diagnose(got, want, clues) ?? "nothing", said);
  });
}

test("diagnose() keeps the two oracles apart", () => {
  const got = drawn("got", 2, 3), clues = { ...tight, about: { name: "weight", of: before } };
  assertMatch(
    diagnose(got, want, { ...clues, own: got }) ?? "",
    /^your backward agrees with your forward, but the forward is not the right one$/,
  );
  assertMatch(
    diagnose(got, want, { ...clues, own: want }) ?? "",
    /^your backward does not agree with your forward$/,
  );
  assertEquals(diagnose(got, want, { ...tight, own: want }), undefined, "not a gradient");
});

// ── Where chance could do it ──

/** Few or simple numbers that agree with a hypothesis, and what is not quite right. */
const silent: [what: string, got: TensorLike, want: TensorLike, clues?: Clues][] = [
  ["a single whole number and its half", listOf(3), listOf(6)],
  ["a single number twice too large", listOf(3), listOf(1.5)],
  ["two small numbers doubled", listOf(2, 3), listOf(1, 1.5)],
  ["a mistake by one in small numbers", listOf(2, 3, 4), listOf(1, 2, 3)],
  ["two numbers that are exchanged", listOf(1, 0), listOf(0, 1)],
  ["zeros", listOf(0, 0, 0), listOf(1.7, 2.3, 3.1)],
  ["a constant", listOf(1, 1, 1), listOf(2, 2, 2)],
  ["another order of the same indices", listOf(3, 1, 0, 2), listOf(0, 1, 2, 3)],
  ["a part of a sum", listOf(1, 2.5, 0.7), listOf(1.9, 3, 1.1)],
  [
    "a square that is almost right",
    changed(batch, (x) => x ** 2 * 1.001),
    changed(batch, Math.abs),
  ],
  ["a sign that is not flipped everywhere", changed(batch, (x) => x > 0 ? -x : 0.3), batch],
  ["numbers that agree to nine digits", changed(want, (x) => x + 6e-10), want, {
    tolerance: 1e-12,
  }],
];
for (const [what, got, want, clues = tight] of silent) {
  test(`diagnose() says nothing of ${what}`, () => {
    assertEquals(diagnose(got, want, clues), undefined);
  });
}

/** How wrong numbers are drawn: bell-shaped, small whole, halves, or probabilities. */
const sources: Record<string, (draw: () => number) => number> = {
  "real numbers": normalFrom,
  "whole numbers from -5 to 5": (draw) => Math.floor(draw() * 11) - 5,
  "halves from 0 to 4": (draw) => Math.floor(draw() * 9) / 2,
  "zeros and ones": (draw) => Math.round(draw()),
};
for (const [name, next] of Object.entries(sources)) {
  test(`diagnose() says next to nothing of 3,000 tensors of random ${name}`, () => {
    const draw = uniformFrom(name),
      shapes = [[1], [2], [3], [5], [2, 2], [2, 3], [3, 3], [2, 2, 2]];
    const found: string[] = [];
    for (let k = 0; k < 3000; k++) {
      const shape = shapes[k % shapes.length], size = shape.reduce((product, n) => product * n, 1);
      const [got, want, earlier] = [1, 2, 3].map(() => ({
        data: Array.from({ length: size }, () => next(draw)),
        shape,
      }));
      const about = { name: "x", of: earlier };
      const cause = diagnose(got, want, { tolerance: 1e-5, about, earlier: [earlier] });
      if (cause !== undefined) found.push(`${cause}: ${got.data} for ${want.data}`);
    }
    assert(found.length <= 1, found.join("\n"));
  });
}

test("diagnose() says nothing if only some numbers of a right tensor are wrong", () => {
  const draw = uniformFrom("some cells"), found: string[] = [];
  for (let k = 0; k < 1000; k++) {
    const want = drawn(`${k}`, 3, 4), data = Array.from(want.data);
    for (let n = 0; n <= k % 3; n++) data[Math.floor(draw() * 12)] = normalFrom(draw);
    const cause = diagnose({ data, shape: [3, 4] }, want, { tolerance: 1e-5 });
    if (cause !== undefined) found.push(cause);
  }
  assertEquals(found, []);
});

// ── What is certain ──

/** Wrong numbers, and what is certain about them. */
const patterns: [got: TensorLike, want: TensorLike, said: string | undefined][] = [
  [
    listOf(1, 2, 3, 9, 9),
    listOf(1, 2, 3, 4, 5),
    "the first 3 are right, and all after them are wrong",
  ],
  [listOf(1, 9, 8), listOf(1, 2, 3), "the first is right, and all after it are wrong"],
  [listOf(1, 2, 9), listOf(1, 2, 3), "only the last is wrong"],
  [
    of([1, 2], [3, 4], [8, 7]),
    of([1, 2], [3, 4], [5, 6]),
    "all that is wrong is at 2 (the last) along axis 0 of (3, 2)",
  ],
  [of([1, -2], [3, -4]), of([1, 2], [3, 4]), "only the signs are wrong"],
  [of([1, 3], [2, 4]), of([1, 2], [3, 4]), "rows and columns have changed places"],
  [listOf(6, 4, 8), listOf(3, 2, 4), "every number is 2 times too large"],
  [listOf(8, 9, 11), listOf(1, 2, 4), "every number is 7 too large"],
  [listOf(2, 2, 2), listOf(1, 2, 3), "every number is 2"],
  [
    listOf(1.000001, 2.000002),
    listOf(1, 2),
    "all are nearly right: is a small number (an ε) in another place, or something rounded?",
  ],
  [
    { data: [1, 2, 3, 4], shape: [2, 2] },
    { data: [1, 2], shape: [2, 1] },
    "one too many along axis 1: is it off by one?",
  ],
  [
    { data: [1, 2, 3, 4, 5, 6], shape: [2, 3] },
    { data: [1, 2], shape: [2, 1] },
    "axis 1, of size 3, is still there",
  ],
  [
    of([0.3, 0.9], [0.7, 0.1]),
    of([0.4, 0.6], [0.8, 0.2]),
    "they add up to 1 over axis 0, and should over axis 1",
  ],
  [
    changed(thirds, Math.fround),
    thirds,
    "these are the right numbers, rounded to float32: make room with like()",
  ],
  [
    changed(thirds, (x) => Math.fround(x * (1 + 3e-7))),
    thirds,
    "all are nearly right, and all fit in float32: is a running total kept in float32?",
  ],
  [of([7, 1, 0], [2, 2, 3]), of([1, -2, 3], [4, 5, -6]), undefined],
];
for (const [got, want, said] of patterns) {
  test(`patternOf() says ${said ?? "nothing where there is nothing to see"}`, () => {
    assertEquals(patternOf(got, want, { tolerance: 1e-9 }), said);
  });
}

test("patternOf() says where a gradient is wrong, by its input", () => {
  const about = { name: "x", of: listOf(0, 3, 0, -1) };
  assertEquals(
    patternOf(listOf(1, 5, 1, 6), listOf(0, 5, 0, 6), { tolerance: 1e-9, about }),
    "wrong just where the input is 0",
  );
});

test("patternOf() names the sources of NaN, and where it stands", () => {
  const said = patternOf(listOf(1, 2, NaN, NaN), listOf(1, 2, 3, 4), { tolerance: 0 }) ?? "";
  assertMatch(said, /^the first 2 are right, and all after them are wrong\n/);
  assertMatch(said, /NaN \(2 of 4\) comes from: an index outside of an array, 0\/0, 0·∞, ∞ − ∞/);
});
