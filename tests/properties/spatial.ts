/**
 * What holds of windows that slide over images, whatever their sides, strides, paddings and
 * dilations.
 *
 * Throughout: B images · C channels · H, W height and width · F filters · oH, oW positions
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { avgPool2d, conv2d, maxPool2d, unfold } from "#spatial";
import type { Tensor } from "#tensor";
import { expectTensor } from "../../course/sandbox/expect_tensor.ts";
import { numbersOf, quarter, salts, weightsFor } from "./cases.ts";
import { type Arbitrary, fc } from "./fast_check.ts";
import { at, firstGreatest, type Numbers, positionsOf, total, Totals } from "./oracle.ts";
import { property, run, slopes } from "./property.ts";

/** One number for both directions, or vertical and horizontal. */
type Both = number | readonly [number, number];

interface Options {
  readonly stride?: Both;
  readonly padding?: Both | "same" | "valid";
  readonly dilation?: Both;
}

/** Vertical and horizontal. */
function sides(both: Both): readonly [number, number] {
  return typeof both === "number" ? [both, both] : both;
}

/** How a window slides in one direction. */
interface Along {
  /** Pixels of the image. */
  readonly n: number;
  /** Pixels of the window. */
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  /** Padding in front of the first pixel, and behind the last. */
  readonly before: number;
  readonly after: number;
}

/** What is meant for one direction, 0 vertical, 1 horizontal. */
function alongAxis(n: number, kernel: number, options: Options, direction: 0 | 1): Along {
  const { stride = 1, padding = 0, dilation = 1 } = options;
  const of = (both: Both): number => sides(both)[direction];
  const span = of(dilation) * (kernel - 1); // from the window's first pixel to its last
  const [before, after] = padding === "same"
    ? [Math.floor(span / 2), Math.ceil(span / 2)]
    : padding === "valid"
    ? [0, 0]
    : [of(padding), of(padding)];
  return { n, kernel, stride: of(stride), dilation: of(dilation), before, after };
}

/** Which pixel a window sees; it may be in the padding. */
function pixelAt({ stride, dilation, before }: Along, position: number, k: number): number {
  return position * stride + k * dilation - before;
}

/** How many positions there are: as long as the window's last pixel is in the image or padding. */
function countPositions(along: Along): number {
  let count = 0;
  while (pixelAt(along, count, along.kernel - 1) < along.n + along.after) count++;
  return count;
}

/** Every place of the window, with the pixel seen; pixels in the padding are left out. */
function seen(
  [vertical, horizontal]: readonly [Along, Along],
  oy: number,
  ox: number,
): { ky: number; kx: number; y: number; x: number }[] {
  return positionsOf([vertical.kernel, horizontal.kernel])
    .map(([ky, kx]) => {
      return { ky, kx, y: pixelAt(vertical, oy, ky), x: pixelAt(horizontal, ox, kx) };
    })
    .filter(({ y, x }) => 0 <= y && y < vertical.n && 0 <= x && x < horizontal.n);
}

// ── Cases ──

/** A setting, as one number or as two. */
function both(min: number, max: number): Arbitrary<Both> {
  const one = fc.integer({ min, max });
  return fc.oneof(one, fc.tuple(one, one));
}

const strides = both(1, 3), dilations = both(1, 2);

/** Options, any of which may be left out. */
const options: Arbitrary<Options> = fc.oneof(
  {
    arbitrary: fc.record(
      { stride: strides, padding: both(0, 2), dilation: dilations },
      { requiredKeys: [] },
    ),
    weight: 4,
  },
  {
    arbitrary: fc.record(
      { padding: fc.constant("same" as const), dilation: dilations },
      { requiredKeys: ["padding"] },
    ),
    weight: 1,
  },
  {
    arbitrary: fc.record(
      { padding: fc.constant("valid" as const), stride: strides },
      { requiredKeys: ["padding"] },
    ),
    weight: 1,
  },
);

interface Sliding {
  readonly x: Numbers;
  readonly kernel: [number, number];
  readonly options: Options;
}

/** The smallest image over which a window can slide. */
function leastSide(kernel: number, options: Options, direction: 0 | 1): number {
  const { dilation, before, after } = alongAxis(1, kernel, options, direction);
  return Math.max(1, dilation * (kernel - 1) + 1 - before - after);
}

/** Images, and a window that fits. */
const slidings: Arbitrary<Sliding> = fc.record({
  kernel: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  options,
  batch: fc.integer({ min: 1, max: 2 }),
  channels: fc.integer({ min: 1, max: 3 }),
  more: fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 3 })),
}).chain(({ kernel, options, batch, channels, more }) => {
  const height = leastSide(kernel[0], options, 0) + more[0];
  const width = leastSide(kernel[1], options, 1) + more[1];
  return fc.record({
    x: numbersOf([batch, channels, height, width]),
    kernel: fc.constant(kernel),
    options: fc.constant(options),
  });
});

function alongBoth({ x, kernel, options }: Sliding): [Along, Along] {
  return [
    alongAxis(x.shape[2], kernel[0], options, 0),
    alongAxis(x.shape[3], kernel[1], options, 1),
  ];
}

// ── Convolution ──

interface Filtering {
  readonly sliding: Sliding;
  readonly weight: Numbers;
  readonly bias: Numbers | null;
}

/** Images, and filters that fit. */
const filterings: Arbitrary<Filtering> = fc.tuple(slidings, fc.integer({ min: 1, max: 3 })).chain(
  ([sliding, filters]) =>
    fc.record({
      sliding: fc.constant(sliding),
      weight: numbersOf([filters, sliding.x.shape[1], ...sliding.kernel]),
      bias: fc.option(numbersOf([filters])),
    }),
);

/** The shape of what a convolution gives. */
function filteredShape({ sliding, weight }: Filtering): number[] {
  return [sliding.x.shape[0], weight.shape[0], ...alongBoth(sliding).map(countPositions)];
}

/** Seven loops: image, filter, two of the position, channel, two of the window. */
function filter(
  { sliding, weight, bias }: Filtering,
  weights: Numbers,
): { scores: Numbers; toX: Numbers; toWeight: Numbers; toBias: Numbers } {
  const { x } = sliding, along = alongBoth(sliding), channels = x.shape[1];
  const scores = new Totals(weights.shape), toBias = new Totals([weight.shape[0]]);
  const toX = new Totals(x.shape), toWeight = new Totals(weight.shape);
  for (const [b, f, oy, ox] of positionsOf(scores.shape)) {
    const here = [b, f, oy, ox], g = at(weights, here);
    scores.add(here, bias ? at(bias, [f]) : 0);
    toBias.add([f], g);
    for (let c = 0; c < channels; c++) {
      for (const pixel of seen(along, oy, ox)) {
        const inX = [b, c, pixel.y, pixel.x], inWeight = [f, c, pixel.ky, pixel.kx];
        scores.add(here, at(x, inX) * at(weight, inWeight));
        toX.add(inX, g * at(weight, inWeight));
        toWeight.add(inWeight, g * at(x, inX));
      }
    }
  }
  return { scores, toX, toWeight, toBias };
}

const convolutionProperties = [
  property(
    "conv2d() and its three derivatives are the seven loops",
    3000,
    fc.tuple(filterings, salts),
    ([filtering, salt]) => {
      const { sliding: { x, options }, weight, bias } = filtering;
      const inputs = bias ? [x, weight, bias] : [x, weight];
      const compute = (x: Tensor, w: Tensor, b?: Tensor): Tensor =>
        conv2d(x, w, b ?? null, options);
      const weights = weightsFor(filteredShape(filtering), salt);
      const { scores, toX, toWeight, toBias } = filter(filtering, weights);
      expectTensor(run(inputs, compute), scores, 0);
      const found = slopes(inputs, weights, compute);
      expectTensor(found[0], toX, 0);
      expectTensor(found[1], toWeight, 0);
      if (bias) expectTensor(found[2], toBias, 0);
    },
  ),
  property(
    "unfold() writes out what each window sees, and folding is its adjoint: ⟨unfold x, c⟩ = ⟨x, fold c⟩",
    1800,
    fc.tuple(slidings, salts),
    ([sliding, salt]) => {
      const { x, kernel: [height, width], options } = sliding, along = alongBoth(sliding);
      const kernelSize = height === width && salt % 2 ? height : [height, width] as const;
      const compute = (x: Tensor): Tensor => unfold(x, { kernelSize, ...options });
      const [batch, channels] = x.shape, [down, across] = along.map(countPositions);
      const columns = new Totals([batch, channels * height * width, down * across]);
      const weights = weightsFor(columns.shape, salt), folded = new Totals(x.shape);
      for (const [b, c, oy, ox] of positionsOf([batch, channels, down, across])) {
        for (const pixel of seen(along, oy, ox)) {
          const row = c * height * width + pixel.ky * width + pixel.kx;
          const column = [b, row, oy * across + ox];
          columns.add(column, at(x, [b, c, pixel.y, pixel.x]));
          folded.add([b, c, pixel.y, pixel.x], at(weights, column));
        }
      }
      const made = run([x], compute), [gradient] = slopes([x], weights, compute);
      expectTensor(made, columns, 0);
      expectTensor(gradient, folded, 0);
      const there = total([...made.data].map((value, i) => value * weights.data[i]));
      const back = total([...gradient.data].map((value, i) => value * x.data[i]));
      assertEquals(there === back, true, `${there} is not ${back}`);
    },
  ),
];

// ── Pooling ──

interface Pooling {
  readonly x: Numbers;
  readonly kernelSize: Both;
  readonly options: { readonly stride?: Both; readonly padding?: Both };
}

/** Images and a window that fits; its padding is at most half of it, as in PyTorch. */
function poolings(element: Arbitrary<number>): Arbitrary<Pooling> {
  return both(1, 4).chain((kernelSize) => {
    const most = Math.floor(Math.min(...[kernelSize].flat()) / 2);
    return fc.record({
      kernelSize: fc.constant(kernelSize),
      options: fc.record(
        { stride: both(1, 4), padding: both(0, most) },
        { requiredKeys: [] },
      ),
      outer: fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 2 })),
      more: fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })),
    });
  }).chain(({ kernelSize, options, outer, more }) => {
    const [vertical, horizontal] = sides(kernelSize);
    const height = leastSide(vertical, options, 0) + more[0];
    const width = leastSide(horizontal, options, 1) + more[1];
    return fc.record({
      x: numbersOf([...outer, height, width], element),
      kernelSize: fc.constant(kernelSize),
      options: fc.constant(options),
    });
  });
}

interface PooledWindow {
  readonly position: readonly number[];
  /** The pixels that are not padding, row by row. */
  readonly pixels: readonly (readonly number[])[];
}

/** What each window sees. */
function pool({ x, kernelSize, options }: Pooling): { shape: number[]; windows: PooledWindow[] } {
  const { stride = kernelSize, padding = 0 } = options, [, , H, W] = x.shape;
  const [vertical, horizontal] = sides(kernelSize);
  const along: [Along, Along] = [
    alongAxis(H, vertical, { stride, padding }, 0),
    alongAxis(W, horizontal, { stride, padding }, 1),
  ];
  const shape = [x.shape[0], x.shape[1], ...along.map(countPositions)];
  const windows = positionsOf(shape).map(([b, c, oy, ox]) => ({
    position: [b, c, oy, ox],
    pixels: seen(along, oy, ox).map((pixel) => [b, c, pixel.y, pixel.x]),
  }));
  return { shape, windows };
}

/** Few numbers, so that windows hold the greatest more than once. */
const tied = fc.integer({ min: -2, max: 2 });

const poolingProperties = [
  property(
    "maxPool2d() keeps the greatest of each window, and its first place gets the gradient",
    1600,
    fc.tuple(poolings(fc.oneof(quarter, tied)), salts),
    ([pooling, salt]) => {
      const { x, kernelSize, options } = pooling, { shape, windows } = pool(pooling);
      const compute = (x: Tensor): Tensor => maxPool2d(x, kernelSize, options);
      const weights = weightsFor(shape, salt), back = new Totals(x.shape);
      const data = windows.map(({ position, pixels }) => {
        const values = pixels.map((pixel) => at(x, pixel)), place = firstGreatest(values);
        back.add(pixels[place], at(weights, position));
        return values[place];
      });
      expectTensor(run([x], compute), { shape, data }, 0);
      expectTensor(slopes([x], weights, compute)[0], back, 0);
    },
  ),
  property(
    "avgPool2d() shares each window's sum among all its places, padding included",
    1200,
    fc.tuple(poolings(quarter), salts),
    ([pooling, salt]) => {
      const { x, kernelSize, options } = pooling, { shape, windows } = pool(pooling);
      const compute = (x: Tensor): Tensor => avgPool2d(x, kernelSize, options);
      const weights = weightsFor(shape, salt),
        back = new Totals(x.shape),
        places = sides(kernelSize)[0] * sides(kernelSize)[1];
      const data = windows.map(({ position, pixels }) => {
        for (const pixel of pixels) back.add(pixel, at(weights, position) / places);
        return total(pixels.map((pixel) => at(x, pixel))) / places;
      });
      expectTensor(run([x], compute), { shape, data }, 1e-12);
      expectTensor(slopes([x], weights, compute)[0], back, 1e-12);
    },
  ),
];

/** What is tried. */
export const spatialProperties = [...convolutionProperties, ...poolingProperties];
