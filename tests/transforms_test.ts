/**
 * The transforms of module 08: other images of the same things, and the batch stays as it is.
 *
 * @module
 */
import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import {
  compose,
  normalize,
  randomCrop,
  randomHorizontalFlip,
  randomShift,
  type Transform,
} from "#dataloader";
import { Generator } from "#random";
import { type Nested, type Shape, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { dtypes } from "./project/tensors.ts";

// ── Help ──

/** Images whose numbers are 1, 2, 3, …, so that each tells where it stood. */
function numbered(shape: Shape): Tensor {
  return Tensor.arange(shape.reduce((size, n) => size * n, 1) + 1, { start: 1 }).reshape(shape);
}

/** The number at a place; 0 beside the image. */
function at(
  { data, shape: [, C, H, W] }: Tensor,
  b: number,
  c: number,
  y: number,
  x: number,
): number {
  return y < 0 || y >= H || x < 0 || x >= W ? 0 : data[((b * C + c) * H + y) * W + x];
}

/** Cuts image b out at a place of its own, [top, left]. */
function cutAll(images: Tensor, places: readonly Shape[], height: number, width: number): Tensor {
  const [B, C] = images.shape, out = Tensor.zeros([B, C, height, width], { dtype: images.dtype });
  let o = 0;
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          out.data[o++] = at(images, b, c, places[b][0] + y, places[b][1] + x);
        }
      }
    }
  }
  return out;
}

/** Where each part was cut out, found by trying all places; fails if it is no part. */
function placesOf(images: Tensor, parts: Tensor, padding: number): number[][] {
  const [B, C, height, width] = parts.shape, [, , H, W] = images.shape;
  return Array.from({ length: B }, (_, b) => {
    const image = images.slice([b, b + 1]), part = parts.slice([b, b + 1]).toArray();
    assertEquals(C, images.shape[1]);
    for (let top = -padding; top <= H + padding - height; top++) {
      for (let left = -padding; left <= W + padding - width; left++) {
        const tried = cutAll(image, [[top, left]], height, width).toArray();
        if (JSON.stringify(tried) === JSON.stringify(part)) return [top, left];
      }
    }
    throw new Error(`no part of image ${b}: ${part}`);
  });
}

const atLeast0 = "it must be a whole number of at least 0";
const atLeast1 = "it must be a whole number of at least 1";

// ── What all have in common ──

const all: [name: string, verb: string, make: (generator: Generator) => Transform][] = [
  ["normalize()", "normalise", () => normalize([1, 2], [3, 4])],
  ["randomHorizontalFlip()", "flip", (generator) => randomHorizontalFlip(generator)],
  ["randomCrop()", "crop", (generator) => randomCrop(3, { generator, padding: 1 })],
  ["randomShift()", "shift", (generator) => randomShift(2, generator)],
];

for (const [name, verb, make] of all) {
  test(`${name} leaves the batch as it is, shares nothing with it, and keeps its dtype`, () => {
    for (const dtype of dtypes) {
      const images = numbered([4, 2, 3, 5]).to(dtype), before = images.data.slice();
      const made = make(new Generator(1))(images);
      assertEquals(made.dtype, dtype);
      made.data.fill(-7);
      assertEquals(images.data, before);
      assertEquals(images.shape, [4, 2, 3, 5]);
    }
  });

  test(`${name} does the same for the same seed, and the next batch anew`, () => {
    const images = numbered([20, 2, 3, 5]);
    const [first, second] = [new Generator(3), new Generator(3)].map((generator) => {
      const transform = make(generator);
      return [transform(images).toArray(), transform(images).toArray()];
    });
    assertEquals(first, second);
    if (name !== "normalize()") assertNotEquals(first[0], first[1]);
  });

  test(`${name} takes one pixel`, () => {
    const made = make(new Generator(1))(Tensor.ones([1, 2, 1, 1]));
    assertEquals(made.shape.slice(0, 2), [1, 2]);
  });

  for (const shape of [[], [3], [3, 5], [2, 3, 5], [1, 4, 2, 3, 5]]) {
    test(`${name} refuses what has ${shape.length} axes, and draws nothing`, () => {
      const generator = new Generator(1), before = generator.state, transform = make(generator);
      const shown = shape.length === 1 ? `(${shape},)` : `(${shape.join(", ")})`;
      assertRefuses(
        () => transform(Tensor.ones(shape)),
        ShapeError,
        `Cannot ${verb} ${shown}: images are (B, C, H, W)`,
      );
      assertEquals(generator.state, before);
    });
  }
}

// ── compose() ──

test("compose() applies one after the other, in order", () => {
  const half: Transform = (x) => x.div(2), less: Transform = (x) => x.sub(4);
  const images = Tensor.of([[[[8]]]]);
  assertEquals(compose(half, less)(images).item(), 0);
  assertEquals(compose(less, half)(images).item(), 2);
  assertEquals(compose(half, compose(half, half), less)(images).item(), -3);
});

test("compose() of nothing changes nothing", () => {
  const images = numbered([1, 1, 2, 2]);
  assertStrictEquals(compose()(images), images);
});

test("compose() lets each transform draw when its turn comes", () => {
  const images = numbered([30, 1, 3, 4]), generator = new Generator(1), twin = new Generator(1);
  const both = compose(randomHorizontalFlip(generator), randomShift(1, generator))(images);
  const flipped = randomHorizontalFlip(twin)(images);
  assertEquals(both.toArray(), randomShift(1, twin)(flipped).toArray());
});

// ── normalize() ──

test("normalize() shifts and scales each channel by its own numbers", () => {
  for (const dtype of dtypes) {
    const images = numbered([2, 3, 2, 2]).to(dtype), expected = images.data.slice();
    const means = [0.5, -2, 100], deviations = [2, 0.25, 1e3];
    expected.forEach((x, i) => {
      const c = Math.floor(i / 4) % 3;
      expected[i] = (x - means[c]) / deviations[c];
    });
    const made = normalize(means, deviations)(images);
    assertEquals(made.shape, [2, 3, 2, 2]);
    const tolerance = dtype === "float32" ? 1e-5 : 1e-14;
    made.data.forEach((x, i) => assert(Math.abs(x - expected[i]) <= tolerance * 100, `at ${i}`));
  }
});

const noNormal: [means: number[], deviations: number[]][] = [
  [[1], [1, 2]],
  [[1, 2], [1]],
  [[], [1]],
  [[1], [0]],
  [[1], [-1]],
  [[1], [NaN]],
  [[1, 2], [3, -0]],
];
for (const [means, deviations] of noNormal) {
  test(`normalize() refuses means [${means}] with deviations [${deviations}]`, () => {
    assertRefuses(
      () => normalize(means, deviations),
      ValueError,
      `Cannot normalise by means [${means}] and deviations [${deviations}]: ` +
        "it takes one number of each per channel, deviations above 0",
    );
  });
}

// ── randomHorizontalFlip() ──

test("randomHorizontalFlip() turns whole images round, all channels together", () => {
  const images = numbered([60, 2, 2, 3]), row = (x: number): Nested => [x, x + 1, x + 2];
  const made = randomHorizontalFlip(new Generator(1))(images), turned: number[] = [];
  for (let b = 0; b < 60; b++) {
    const rows = [0, 1, 2, 3].map((k) => row(12 * b + 3 * k + 1));
    const found = made.slice([b, b + 1]).reshape([4, 3]).toArray();
    const isTurned = JSON.stringify(found) !== JSON.stringify(rows);
    if (isTurned) turned.push(b);
    const wanted = rows.map((r) => isTurned && Array.isArray(r) ? r.toReversed() : r);
    assertEquals(found, wanted);
  }
  assert(turned.length > 10 && turned.length < 50, `${turned.length} of 60`); // 30 ± 4
});

test("randomHorizontalFlip() draws one number per image, whatever the probability", () => {
  for (const probability of [0, 0.3, 1]) {
    const generator = new Generator(1), twin = new Generator(1), images = numbered([7, 2, 3, 4]);
    const made = randomHorizontalFlip(generator, probability)(images);
    for (let b = 0; b < 7; b++) {
      const isTurned = twin.uniform() < probability;
      for (let c = 0; c < 2; c++) {
        for (let y = 0; y < 3; y++) {
          for (let x = 0; x < 4; x++) {
            assertEquals(at(made, b, c, y, x), at(images, b, c, y, isTurned ? 3 - x : x));
          }
        }
      }
    }
    assertEquals(generator.state, twin.state);
  }
});

test("randomHorizontalFlip() of one column changes nothing", () => {
  const images = numbered([2, 2, 3, 1]);
  assertEquals(randomHorizontalFlip(new Generator(1), 1)(images).toArray(), images.toArray());
});

for (const probability of [-0.1, 1.1, NaN, Infinity, -Infinity]) {
  test(`randomHorizontalFlip() refuses the probability ${probability}`, () => {
    assertRefuses(
      () => randomHorizontalFlip(new Generator(1), probability),
      ValueError,
      `Cannot flip with probability ${probability}: it must be a finite number from 0 to 1`,
    );
  });
}

// ── randomCrop() ──

for (
  const [size, padding] of [
    [1, 0],
    [3, 0],
    [3, 2],
    [6, 1],
    [[2, 5], 0],
    [[4, 1], 0],
    [[3, 6], 2],
    [[6, 7], 1],
  ] as const
) {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  test(`randomCrop() cuts ${height}×${width} out of 4×5 padded by ${padding}, everywhere`, () => {
    const images = numbered([200, 2, 4, 5]), generator = new Generator(1);
    const parts = randomCrop(size, { generator, padding })(images);
    assertEquals(parts.shape, [200, 2, height, width]);
    const places = placesOf(images, parts, padding);
    // the outermost places come: with 200 draws among at most 10 per axis, certainly enough
    const [tops, lefts] = [0, 1].map((axis) => places.map((place) => place[axis]));
    assertEquals([Math.min(...tops), Math.max(...tops)], [-padding, 4 + padding - height]);
    assertEquals([Math.min(...lefts), Math.max(...lefts)], [-padding, 5 + padding - width]);
  });
}

test("randomCrop() draws places evenly, down and across apart", () => {
  const images = numbered([3600, 1, 3, 3]), generator = new Generator(2);
  const times = new Map<string, number>();
  for (const place of placesOf(images, randomCrop(1, { generator })(images), 0)) {
    times.set(String(place), (times.get(String(place)) ?? 0) + 1);
  }
  // 400 ± 19: five deviations to either side
  assertEquals(times.size, 9);
  for (const [place, count] of times) assert(Math.abs(count - 400) < 95, `${place}: ${count}`);
});

test("randomCrop() pads nothing unless told", () => {
  const images = numbered([50, 1, 2, 2]), generator = new Generator(1);
  assertEquals(randomCrop(2, { generator })(images).toArray(), images.toArray());
});

for (const side of [0, -1, 1.5, NaN, Infinity]) {
  test(`randomCrop() refuses ${side} pixels`, () => {
    const generator = new Generator(1), message = `Cannot crop to ${side} pixels: ${atLeast1}`;
    for (const size of [side, [side, 2], [2, side]] as const) {
      assertRefuses(() => randomCrop(size, { generator }), ValueError, message);
    }
  });
}

for (const padding of [-1, 0.5, NaN, Infinity]) {
  test(`randomCrop() refuses padding ${padding}`, () => {
    assertRefuses(
      () => randomCrop(2, { generator: new Generator(1), padding }),
      ValueError,
      `Cannot crop with padding ${padding}: ${atLeast0}`,
    );
  });
}

for (const [size, padding] of [[[5, 5], 0], [[4, 6], 0], [[7, 1], 1], [[1, 8], 1]] as const) {
  test(`randomCrop() refuses to cut ${size} out of 4×5 padded by ${padding}, and draws nothing`, () => {
    const generator = new Generator(1), before = generator.state;
    assertRefuses(
      () => randomCrop(size, { generator, padding })(numbered([2, 3, 4, 5])),
      ShapeError,
      `Cannot crop (2, 3, 4, 5) to (${size.join(", ")}): it is smaller`,
    );
    assertEquals(generator.state, before);
  });
}

// ── randomShift() ──

test("randomShift() moves each image by up to so many pixels, and fills up with zeros", () => {
  const images = numbered([300, 2, 4, 5]), made = randomShift(2, new Generator(1))(images);
  assertEquals(made.shape, [300, 2, 4, 5]);
  const places = placesOf(images, made, 2);
  assertEquals(new Set(places.map(String)).size, 25);
  for (const [top, left] of places) assert(Math.abs(top) <= 2 && Math.abs(left) <= 2);
});

test("randomShift() by 0 changes nothing, and by more than all can leave zeros only", () => {
  const images = numbered([40, 1, 2, 3]);
  assertEquals(randomShift(0, new Generator(1))(images).toArray(), images.toArray());
  const far = randomShift(50, new Generator(1))(images);
  assertEquals(far.shape, [40, 1, 2, 3]);
  assert(far.reshape([40, 6]).sum(1).data.some((total) => total === 0));
});

for (const most of [-1, 0.5, NaN, Infinity]) {
  test(`randomShift() refuses ${most} pixels`, () => {
    assertRefuses(
      () => randomShift(most, new Generator(1)),
      ValueError,
      `Cannot shift by ${most} pixels: ${atLeast0}`,
    );
  });
}

// ── What is refused, besides ──

test("normalize() refuses images of other channels", () => {
  const three = normalize([1, 2, 3], [1, 1, 1]);
  assertRefuses(
    () => three(Tensor.ones([2, 1, 2, 2])),
    ShapeError,
    "Cannot normalise (2, 1, 2, 2) by 3 means: one per channel",
  );
});

test("normalize() refuses means and deviations that are not finite", () => {
  for (const [mean, deviation] of [[NaN, 1], [Infinity, 1], [0, Infinity]]) {
    assertRefuses(
      () => normalize([mean], [deviation]),
      ValueError,
      `Cannot normalise by means [${mean}] and deviations [${deviation}]: ` +
        "it takes one number of each per channel, deviations above 0",
    );
  }
});

test("randomCrop() refuses an option that it does not know", () => {
  const options = Object.assign({ generator: new Generator(1) }, { pad: 1 });
  assertRefuses(
    () => randomCrop(2, options),
    ValueError,
    "Cannot use the option pad: randomCrop has none of that name",
  );
});
