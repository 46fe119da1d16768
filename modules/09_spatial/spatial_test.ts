/**
 * Graded tests of module 09. What a layer should give is computed a second time, by as many plain
 * loops as it has axes: slow, and easy to believe.
 *
 * @module
 */
import { defineOp, gradients, leaf } from "#autograd";
import { Generator } from "#random";
import {
  avgPool2d,
  BatchNorm2d,
  batchNorm2d,
  Conv2d,
  conv2d,
  MaxPool2d,
  maxPool2d,
  type Sliding,
  unfold,
} from "#spatial";
import { type Nested, type Shape, Tensor } from "#tensor";
import { finiteDifferences } from "../../course/sandbox/finite_differences.ts";
import { graded, type GradedContext } from "../../course/sandbox/graded.ts";

// ── Help ──

function float64(values: Nested): Tensor {
  return Tensor.of(values, { dtype: "float64" });
}

function zeros(shape: Shape): Tensor {
  return Tensor.zeros(shape, { dtype: "float64" });
}

/** What flows back to the inputs when `g` flows into the output. */
function pullBack(
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  g: Tensor,
): Tensor[] {
  const leaves = inputs.map(leaf);
  return gradients(compute(leaves).mul(g).sum(), leaves);
}

/** a + b of tensors of one shape, whose gradients are one and the same tensor. */
const both = defineOp<void, null>({
  name: "both",
  forward: ([a, b]) => ({ output: a.add(b), saved: null }),
  backward: (g) => [g, g],
});

/** A sum that hands one gradient to both of its inputs, and looks whether anybody changes it. */
function expectGradientKept(
  t: GradedContext,
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): void {
  const leaves = inputs.map(leaf), made = compute(leaves), other = leaf(zeros(made.shape));
  const g = float64(t.uniform(made.shape, 0.5, 1.5));
  const given = Object.fromEntries(inputs.map((input, k) => [["x", "weight", "bias"][k], input]));
  const found = t.expectUnchanged(
    { ...given, output: made },
    () => gradients(both([other, made]).mul(g).sum(), [...leaves, other]),
  );
  t.expectTensor(found[inputs.length], g, 1e-12, { name: "what the other term of the sum gets" });
}

/** Compares what flows back with finite differences, at each number of each input. */
function expectDerivative(
  t: GradedContext,
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): void {
  const g = float64(t.uniform(compute(inputs).shape, 0.5, 1.5));
  const given = Object.fromEntries(inputs.map((input, k) => [["x", "weight", "bias"][k], input]));
  const found = t.expectUnchanged(given, () => pullBack(compute, inputs, g));
  const moved = inputs.map(({ data, shape }) => new Tensor(data.slice(), shape));
  moved.forEach(({ data, shape }, which) => {
    const slopes = finiteDifferences(data, () => compute(moved).mul(g).sum().item());
    const about = { name: ["x", "weight", "bias"][which], of: inputs[which] };
    t.expectTensor(found[which], { data: slopes, shape }, 1e-7, about);
  });
}

/** Numbers at least 0.1 apart, so that a small move changes no winner. */
function distinct(shape: Shape, step: number): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  const order = Array.from({ length: size }, (_, k) => (k * step) % size / 10 - size / 20);
  return float64(order).reshape(shape);
}

type Two = readonly [number, number];

/** How a window slides: down and across. */
interface Slide {
  readonly kernelSize: Two;
  readonly stride: Two;
  readonly padding: Two;
  readonly dilation: Two;
}

function slideOf(
  kernelSize: Two,
  { stride = [1, 1], padding = [0, 0], dilation = [1, 1] }: Partial<Slide> = {},
): Slide {
  return { kernelSize, stride, padding, dilation };
}

const slides: readonly Slide[] = [
  slideOf([1, 1]),
  slideOf([2, 2]),
  slideOf([3, 3], { stride: [2, 2] }),
  slideOf([2, 1], { stride: [1, 3] }),
  slideOf([3, 3], { padding: [1, 1] }),
  slideOf([2, 2], { stride: [2, 2], padding: [2, 2] }),
  slideOf([3, 2], { stride: [2, 1], padding: [1, 0] }),
  slideOf([2, 2], { dilation: [2, 1] }),
  slideOf([2, 3], { stride: [2, 1], padding: [0, 1], dilation: [3, 2] }),
];

/** ⌊(n + 2·padding − d·(K − 1) − 1) / stride⌋ + 1, down and across. */
function positions([, , H, W]: Shape, { kernelSize, stride, padding, dilation }: Slide): number[] {
  return [H, W].map((n, axis) => {
    const reach = dilation[axis] * (kernelSize[axis] - 1) + 1;
    return Math.floor((n + 2 * padding[axis] - reach) / stride[axis]) + 1;
  });
}

/** One pixel of the window at one position. */
interface View {
  readonly b: number;
  readonly c: number;
  /** Which pixel of the window: row by row, from 0. */
  readonly k: number;
  /** Which position: row by row, from 0. */
  readonly p: number;
  /** Where the pixel stands in the images; −1 in the padding. */
  readonly from: number;
}

/** Visits all that the window sees, in the order of the columns. */
function forEachView(shape: Shape, slide: Slide, visit: (view: View) => void): void {
  const [B, C, H, W] = shape, [oH, oW] = positions(shape, slide);
  const { kernelSize: [kH, kW], stride, padding, dilation } = slide;
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let k = 0; k < kH * kW; k++) {
        for (let p = 0; p < oH * oW; p++) {
          const y = Math.floor(p / oW) * stride[0] + Math.floor(k / kW) * dilation[0] - padding[0];
          const x = (p % oW) * stride[1] + (k % kW) * dilation[1] - padding[1];
          const isInside = y >= 0 && y < H && x >= 0 && x < W;
          visit({ b, c, k, p, from: isInside ? ((b * C + c) * H + y) * W + x : -1 });
        }
      }
    }
  }
}

/** The columns of images, (B, C·K·K, oH·oW). */
function columnsOf(x: Tensor, slide: Slide): Tensor {
  const [B, C] = x.shape, [kH, kW] = slide.kernelSize, [oH, oW] = positions(x.shape, slide);
  const out: number[] = [];
  forEachView(x.shape, slide, ({ from }) => out.push(from < 0 ? 0 : x.data[from]));
  return new Tensor(Float64Array.from(out), [B, C * kH * kW, oH * oW]);
}

/** Calls `visit` for each product of a convolution, with the places in y, w and x. */
function forEachProduct(
  shape: Shape,
  filters: number,
  slide: Slide,
  visit: (y: number, w: number, x: number) => void,
): void {
  const [oH, oW] = positions(shape, slide), [kH, kW] = slide.kernelSize, [, C] = shape;
  for (let f = 0; f < filters; f++) {
    forEachView(shape, slide, ({ b, c, k, p, from }) => {
      if (from >= 0) visit((b * filters + f) * oH * oW + p, (f * C + c) * kH * kW + k, from);
    });
  }
}

/** Folds each window to one number. */
function poolSlowly(
  x: Tensor,
  slide: Slide,
  first: number,
  fold: (before: number, pixel: number | undefined) => number,
): Tensor {
  const [B, C] = x.shape, [oH, oW] = positions(x.shape, slide);
  const pooled = Tensor.full([B, C, oH, oW], first, { dtype: "float64" });
  forEachView(x.shape, slide, ({ b, c, p, from }) => {
    const o = (b * C + c) * oH * oW + p;
    pooled.data[o] = fold(pooled.data[o], from < 0 ? undefined : x.data[from]);
  });
  return pooled;
}

/** What comes out of a convolution with one filter. */
function sizeAfter([H, W]: Two, kernelSize: number | Two, sliding: Sliding = {}): Shape {
  const layer = new Conv2d(1, 1, kernelSize, { generator: new Generator(1), ...sliding });
  return layer.cost([1, 1, H, W]).outputShape.slice(2);
}

// ── 09.1 ──

graded("09.1", 2, "a window has as many positions as fit: strides and padding count", (t) => {
  t.expectEqual(sizeAfter([8, 8], 3), [6, 6]);
  t.expectEqual(sizeAfter([8, 8], 3, { padding: 1 }), [8, 8]);
  t.expectEqual(sizeAfter([8, 8], 3, { stride: 2 }), [3, 3]); // 0–2, 2–4, 4–6; 7 is left over
  t.expectEqual(sizeAfter([9, 9], 3, { stride: 2 }), [4, 4]);
  t.expectEqual(sizeAfter([3, 3], 3), [1, 1]);
  t.expectEqual(sizeAfter([2, 2], 3, { padding: 1, stride: 5 }), [1, 1]);

  for (let k = 0; k < 10; k++) {
    const size = t.integer(5, 20), kernelSize = t.integer(1, 5);
    const stride = t.integer(1, 4), padding = t.integer(0, 2);
    let count = 0;
    for (let at = -padding; at + kernelSize <= size + padding; at += stride) count++;
    t.expectEqual(sizeAfter([size, size], kernelSize, { stride, padding }), [count, count]);
  }
});

graded("09.1", 1, "a window with dilation reaches over d·(K − 1) + 1 pixels", (t) => {
  t.expectEqual(sizeAfter([9, 9], 3, { dilation: 2 }), [5, 5]);
  t.expectEqual(sizeAfter([9, 9], 3, { dilation: 4 }), [1, 1]);
  t.expectEqual(sizeAfter([9, 9], 1, { dilation: 4 }), [9, 9]);
  t.expectEqual(sizeAfter([9, 9], 2, { dilation: 3, stride: 2, padding: 1 }), [4, 4]);
});

graded("09.1", 1, "a window has sides, strides and padding of its own on each axis", (t) => {
  t.expectEqual(sizeAfter([7, 9], [3, 2]), [5, 8]);
  t.expectEqual(sizeAfter([7, 9], 3, { stride: [2, 3] }), [3, 3]);
  t.expectEqual(sizeAfter([7, 9], 3, { padding: [0, 2] }), [5, 11]);
  t.expectEqual(sizeAfter([7, 9], 3, { dilation: [3, 1] }), [1, 7]);
  t.expectEqual(sizeAfter([7, 9], [3, 2], { stride: [1, 2], padding: [1, 0] }), [7, 4]);
});

graded(
  "09.1",
  1,
  'a window with padding "same" has a position per pixel, "valid" pads none',
  (t) => {
    for (const kernelSize of [1, 2, 3, 4, 5]) {
      for (const dilation of [1, 2, 3]) {
        t.expectEqual(sizeAfter([6, 7], kernelSize, { padding: "same", dilation }), [6, 7]);
      }
    }
    t.expectEqual(sizeAfter([7, 8], 3, { padding: "valid" }), [5, 6]);
  },
);

graded("09.1", 1, "a window larger than the plane is refused", (t) => {
  t.expectError(() => sizeAfter([6, 4], 5), "ShapeError", [5, [1, 1, 6, 4], 4]);
  t.expectError(() => sizeAfter([6, 4], 3, { dilation: 2 }), "ShapeError", [5, [1, 1, 6, 4], 4]);
  t.expectError(() => sizeAfter([4, 6], 5), "ShapeError", [5, [1, 1, 4, 6], 4]);
  const padded = { padding: 1 };
  t.expectError(() => sizeAfter([6, 4], [9, 1], padded), "ShapeError", [9, [1, 1, 6, 4], 6, 2]);
  t.expectEqual(sizeAfter([6, 4], [8, 6], padded), [1, 1]); // it just fits
});

// ── 09.2 ──

graded("09.2", 1, "unfold() writes what the window sees at each position as a column", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  const expected = [[[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]];
  t.expectTensor(unfold(image, { kernelSize: 2 }), expected, 0);
});

graded("09.2", 2, "unfold() slides over every channel of every image, in steps of stride", (t) => {
  const x = float64(t.normal([2, 3, 5, 7]));
  for (const kernelSize of [[1, 1], [2, 2], [3, 3], [3, 2], [1, 4]] as const) {
    for (const stride of [[1, 1], [2, 2], [3, 1], [2, 3]] as const) {
      const slide = slideOf(kernelSize, { stride });
      t.expectTensor(unfold(x, slide), columnsOf(x, slide), 0);
    }
  }
});

graded("09.2", 2, "unfold() sees zeros in the padding", (t) => {
  const corner = unfold(Tensor.of([[[[5]]]]), { kernelSize: 2, padding: 1 });
  t.expectTensor(corner, [[[0, 0, 0, 5], [0, 0, 5, 0], [0, 5, 0, 0], [5, 0, 0, 0]]], 0);

  const x = float64(t.normal([2, 2, 4, 5]));
  for (const kernelSize of [[1, 1], [2, 2], [3, 3], [3, 2]] as const) {
    for (const padding of [[1, 1], [2, 2], [0, 1], [3, 0]] as const) {
      for (const stride of [[1, 1], [2, 3]] as const) {
        const slide = slideOf(kernelSize, { padding, stride });
        t.expectTensor(unfold(x, slide), columnsOf(x, slide), 0);
      }
    }
  }
});

graded("09.2", 1, "unfold() sees pixels that lie a dilation apart", (t) => {
  const row = unfold(Tensor.of([[[[1, 2, 3, 4, 5]]]]), { kernelSize: [1, 3], dilation: 2 });
  t.expectTensor(row, [[[1], [3], [5]]], 0);

  const x = float64(t.normal([2, 2, 6, 7]));
  for (const dilation of [[2, 2], [3, 1], [1, 4]] as const) {
    for (const padding of [[0, 0], [2, 1]] as const) {
      const slide = slideOf([2, 2], { dilation, padding, stride: [1, 2] });
      t.expectTensor(unfold(x, slide), columnsOf(x, slide), 0);
    }
  }
});

graded("09.2", 1, 'unfold() pads one more after than before where "same" is odd', (t) => {
  const row = unfold(Tensor.of([[[[1, 2, 3]]]]), { kernelSize: [1, 2], padding: "same" });
  t.expectTensor(row, [[[1, 2, 3], [2, 3, 0]]], 0);
  const even = unfold(Tensor.of([[[[1, 2, 3]]]]), { kernelSize: [1, 3], padding: "same" });
  t.expectTensor(even, [[[0, 1, 2], [1, 2, 3], [2, 3, 0]]], 0);
  const wide = { kernelSize: [1, 2], padding: "same", dilation: 3 } as const;
  t.expectTensor(unfold(Tensor.of([[[[1, 2, 3]]]]), wide), [[[0, 1, 2], [3, 0, 0]]], 0);
});

// ── 09.3 ──

graded("09.3", 1, "fold, unfold()'s gradient, adds up what meets at a pixel", (t) => {
  // a pixel of a 3×3 image gets one for each 2×2 window that sees it
  const x = Tensor.zeros([1, 1, 3, 3]), g = Tensor.ones([1, 4, 4]);
  const [seen] = pullBack(([x]) => unfold(x, { kernelSize: 2 }), [x], g);
  t.expectTensor(seen, [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]], 0, { name: "x", of: x });
});

graded("09.3", 2, "fold, unfold()'s gradient, puts each number back where it came from", (t) => {
  const shape = [2, 2, 5, 4];
  for (const slide of slides) {
    const x = zeros(shape),
      y = float64(t.normal(columnsOf(x, slide).shape)),
      expected = zeros(shape);
    let at = 0;
    forEachView(shape, slide, ({ from }) => {
      if (from >= 0) expected.data[from] += y.data[at];
      at++;
    });
    const [folded] = pullBack(([x]) => unfold(x, slide), [x], y);
    t.expectTensor(folded, expected, 1e-12, { name: "x", of: x });
  }
  const slide = { kernelSize: 2, padding: 1 };
  expectGradientKept(t, ([x]) => unfold(x, slide), [float64(t.normal([2, 1, 3, 2]))]);
});

graded("09.3", 1, "fold turns unfold() round: ⟨unfold(x), y⟩ = ⟨x, fold(y)⟩", (t) => {
  for (const slide of slides) {
    const x = float64(t.normal([2, 3, 4, 5])), columns = unfold(x, slide);
    const y = float64(t.normal(columns.shape));
    const [folded] = pullBack(([x]) => unfold(x, slide), [x], y);
    t.expectTensor(folded.mul(x).sum(), columns.mul(y).sum(), 1e-10);
  }
});

// ── 09.4 ──

graded("09.4", 1, "conv2d() multiplies what the window sees by the filter, and adds up", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  // 1·w₀ + 2·w₁ + 4·w₂ + 5·w₃ in the first corner; the filter is not turned round
  const filter = Tensor.of([[[[1, 10], [100, 1000]]]]);
  const made = t.expectUnchanged({ image, filter }, () => conv2d(image, filter, null));
  t.expectTensor(made, [[[[5421, 6532], [8754, 9865]]]], 0);
  // two channels, each with weights of its own, and a filter that is not square
  const two = Tensor.of([[[[1, 2, 3]], [[4, 5, 6]]]]),
    weights = Tensor.of([[[[1, 10]], [[100, 1000]]]]);
  t.expectTensor(conv2d(two, weights, null), [[[[5421, 6532]]]], 0);
});

graded("09.4", 1, "conv2d() adds one bias to all positions of a filter", (t) => {
  const image = Tensor.of([[[[1, 2]]], [[[3, 4]]]]), filters = Tensor.of([[[[1]]], [[[10]]]]);
  t.expectTensor(
    conv2d(image, filters, Tensor.of([0.5, -5])),
    [[[[1.5, 2.5]], [[5, 15]]], [[[3.5, 4.5]], [[25, 35]]]],
    0,
  );
  const bias = Tensor.of([0.5, -5]);
  t.expectUnchanged({ image, filters, bias }, () => conv2d(image, filters, bias).data.fill(-1));
  const single = Tensor.of([[[[2]]]]); // what comes out has the image's own size
  t.expectUnchanged({ image }, () => conv2d(image, single, null).data.fill(-1));
});

graded("09.4", 3, "conv2d() agrees with seven loops however the window slides", (t) => {
  for (const slide of slides) {
    const x = float64(t.normal([2, 3, 5, 6])), bias = float64(t.normal([4]));
    const { kernelSize, ...sliding } = slide, weight = float64(t.normal([4, 3, ...kernelSize]));
    const shape = [2, 4, ...positions(x.shape, slide)], plane = shape[2] * shape[3];
    const expected = new Float64Array(8 * plane)
      .map((_, k) => bias.data[Math.floor(k / plane) % 4]);
    forEachProduct(x.shape, 4, slide, (to, w, from) => {
      expected[to] += weight.data[w] * x.data[from];
    });
    t.expectTensor(conv2d(x, weight, bias, sliding), new Tensor(expected, shape), 1e-12);
  }
});

// ── 09.5 ──

graded("09.5", 2, "conv2d()'s gradients are those worked out by hand", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  const filter = Tensor.of([[[[1, 10], [100, 1000]]]]);
  const [dx, dw, db] = pullBack(
    ([x, w, b]) => conv2d(x, w, b),
    [image, filter, Tensor.zeros([1])],
    Tensor.of([[[[1, 0], [0, 2]]]]), // the first window once, the last one twice
  );
  const right = [[[[1, 10, 0], [100, 1002, 20], [0, 200, 2000]]]];
  t.expectTensor(dx, right, 0, { name: "images", of: image });
  // 1 + 2·5, 2 + 2·6, 4 + 2·8, 5 + 2·9
  t.expectTensor(dw, [[[[11, 14], [20, 23]]]], 0, { name: "weight", of: filter });
  t.expectTensor(db, [3], 0, { name: "gradient of bias" });
});

graded("09.5", 3, "conv2d()'s gradients agree with seven loops however the window slides", (t) => {
  for (const slide of slides) {
    const x = float64(t.normal([2, 2, 5, 4])), bias = float64(t.normal([3]));
    const { kernelSize, ...sliding } = slide, weight = float64(t.normal([3, 2, ...kernelSize]));
    const [oH, oW] = positions(x.shape, slide), g = float64(t.normal([2, 3, oH, oW]));
    const dx = zeros(x.shape), dw = zeros(weight.shape);
    forEachProduct(x.shape, 3, slide, (at, w, from) => {
      dx.data[from] += g.data[at] * weight.data[w];
      dw.data[w] += g.data[at] * x.data[from];
    });
    const found = pullBack(([x, w, b]) => conv2d(x, w, b, sliding), [x, weight, bias], g);
    t.expectTensor(found[0], dx, 1e-12, { name: "images", of: x });
    t.expectTensor(found[1], dw, 1e-12, { name: "weight", of: weight });
    t.expectTensor(found[2], g.sum([0, 2, 3]), 1e-12, { name: "bias", of: bias });
  }
});

graded("09.5", 2, "conv2d()'s gradients agree with finite differences", (t) => {
  const x = float64(t.normal([2, 2, 4, 3])), weight = float64(t.normal([2, 2, 2, 2]));
  const bias = float64(t.normal([2])), slide = { stride: 2, padding: 1 };
  expectDerivative(t, ([x, w, b]) => conv2d(x, w, b, slide), [x, weight, bias]);
  expectDerivative(t, ([x, w]) => conv2d(x, w, null), [x, weight]);
  expectGradientKept(t, ([x, w, b]) => conv2d(x, w, b, slide), [x, weight, bias]);
  const pixels = float64(t.normal([2, 3, 1, 1])), one = float64(t.normal([2, 3, 1, 1]));
  expectGradientKept(t, ([x, w]) => conv2d(x, w, null), [pixels, one]); // columns like images
});

graded("09.5", 1, "conv2d() gives the filters their gradient when the images need none", (t) => {
  const x = float64(t.normal([2, 1, 4, 4])), g = float64(t.normal([2, 3, 3, 3]));
  const weight = leaf(float64(t.normal([3, 1, 2, 2]))), bias = leaf(float64(t.normal([3])));
  const dw = zeros(weight.shape);
  forEachProduct(x.shape, 3, slideOf([2, 2]), (at, w, from) => {
    dw.data[w] += g.data[at] * x.data[from];
  });
  const found = gradients(conv2d(x, weight, bias).mul(g).sum(), [weight, bias]);
  t.expectTensor(found[0], dw, 1e-12, { name: "weight", of: weight });
  t.expectTensor(found[1], g.sum([0, 2, 3]), 1e-12, { name: "bias", of: bias });
});

// ── 09.6 ──

graded("09.6", 1, "maxPool2d() keeps the greatest number of each window", (t) => {
  const image = Tensor.of([[[[1, 5, 2, 0], [2, 3, 9, 1], [0, 1, 4, 4], [8, 7, 4, 3]]]]);
  t.expectTensor(maxPool2d(image, 2), [[[[5, 9], [8, 4]]]], 0);
  // a last row and column that fill no window are left out, and none sees the next plane
  const odd = Tensor.of([[[[1, 2, 9], [3, 4, 9], [9, 9, 9]], [[5, 6, 0], [7, 8, 0], [0, 0, 0]]]]);
  t.expectTensor(maxPool2d(odd, 2), [[[[4]], [[8]]]], 0);
  const last = Tensor.of([[[[1, 2], [3, 4]], [[50, 60], [70, 80]]]]); // windows over the edge
  t.expectTensor(maxPool2d(last, 2, { padding: 1 }), [[[[1, 2], [3, 4]], [[50, 60], [70, 80]]]], 0);
  t.expectUnchanged({ image }, () => maxPool2d(image, 1).data.fill(-1));
});

graded("09.6", 1, "maxPool2d() keeps the greatest of negative numbers, padded or not", (t) => {
  const image = Tensor.of([[[[-4, -2], [-3, -9]]]]);
  t.expectTensor(maxPool2d(image, 2), [[[[-2]]]], 0);
  t.expectTensor(maxPool2d(image, 2, { padding: 1 }), [[[[-4, -2], [-3, -9]]]], 0);
});

graded("09.6", 2, "maxPool2d() agrees with plain loops, also where windows overlap", (t) => {
  const x = float64(t.normal([2, 3, 6, 7]).flat(3).map((v) => v - 1)).reshape([2, 3, 6, 7]);
  for (const kernelSize of [[1, 1], [2, 2], [3, 3], [3, 2], [1, 4]] as const) {
    for (const stride of [[1, 1], [2, 2], [3, 1], [1, 2]] as const) {
      for (const padding of [[0, 0], kernelSize.map((n) => Math.floor(n / 2))]) {
        const [top, left] = padding, slide = slideOf(kernelSize, { stride, padding: [top, left] });
        const expected = poolSlowly(x, slide, -Infinity, (best, v) => Math.max(best, v ?? best));
        t.expectTensor(maxPool2d(x, kernelSize, { stride, padding: slide.padding }), expected, 0);
      }
    }
  }
});

graded("09.6", 1, "maxPool2d() lets NaN through", (t) => {
  const image = Tensor.of([[[[1, NaN, 5, 2], [3, 4, NaN, -1], [NaN, 1, 0, 2], [2, 3, 1, 0]]]]);
  t.expectTensor(maxPool2d(image, 2), [[[[NaN, NaN], [NaN, 2]]]], 0);
});

graded("09.6", 1, "MaxPool2d moves by the window's sides unless told", (t) => {
  const x = float64(t.normal([2, 2, 6, 7]));
  const slide = slideOf([3, 2], { stride: [3, 2] });
  const expected = poolSlowly(x, slide, -Infinity, (best, v) => Math.max(best, v ?? best));
  t.expectTensor(new MaxPool2d([3, 2]).forward(x), expected, 0);
});

// ── 09.7 ──

graded("09.7", 2, "maxPool2d()'s gradient goes to the greatest number of each window", (t) => {
  const image = Tensor.of([[[[1, 5, 2, 0], [2, 3, 9, 1]]], [[[8, 7, 4, 3], [0, 1, 4, 6]]]]);
  const g = Tensor.of([[[[10, 20]]], [[[30, 40]]]]);
  const [dx] = pullBack(([x]) => maxPool2d(x, 2), [image], g);
  const right = [[[[0, 10, 0, 0], [0, 0, 20, 0]]], [[[30, 0, 0, 0], [0, 0, 0, 40]]]];
  t.expectTensor(dx, right, 0, { name: "x", of: image });
});

graded("09.7", 2, "maxPool2d()'s gradient adds up where windows overlap", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 9, 6], [7, 8, 5]]]]); // 9 wins in all four
  const g = Tensor.of([[[[1, 10], [100, 1000]]]]);
  const [dx] = pullBack(([x]) => maxPool2d(x, 2, { stride: 1 }), [image], g);
  t.expectTensor(dx, [[[[0, 0, 0], [0, 1111, 0], [0, 0, 0]]]], 0, { name: "x", of: image });

  const x = distinct([2, 1, 5, 5], 27);
  expectDerivative(t, ([x]) => maxPool2d(x, 3, { stride: 2 }), [x]);
  expectDerivative(t, ([x]) => maxPool2d(x, [3, 2], { stride: 1, padding: 1 }), [x]);
  expectGradientKept(t, ([x]) => maxPool2d(x, 1), [x]); // places and gradient are of one size
});

graded("09.7", 1, "maxPool2d()'s gradient goes to the first of equals", (t) => {
  const [dx] = pullBack(([x]) => maxPool2d(x, 2), [Tensor.of([[[[1, 7], [7, 7]]]])], Tensor.of(3));
  t.expectTensor(dx, [[[[0, 3], [0, 0]]]], 0);
  // the 7 in the middle is the first of equals twice
  const row = Tensor.of([[[[1, 7, 7, 2]]]]), g = Tensor.of([[[[1, 10, 100]]]]);
  const [overlapping] = pullBack(([x]) => maxPool2d(x, [1, 2], { stride: 1 }), [row], g);
  t.expectTensor(overlapping, [[[[0, 11, 100, 0]]]], 0);
});

// ── 09.8 ──

graded("09.8", 1, "avgPool2d() takes the mean of each window", (t) => {
  const image = Tensor.of([[[[1, 5, 2, 0], [2, 4, 9, 1]], [[8, 8, 8, 8], [0, 0, 0, 4]]]]);
  t.expectTensor(avgPool2d(image, 2), [[[[3, 3]], [[4, 5]]]], 1e-6);
  t.expectTensor(avgPool2d(image, 2, { stride: 1 }), [[[[3, 5, 3]], [[4, 4, 5]]]], 1e-6);
  const tall = Tensor.of([[[[1, 2], [3, 4], [5, 6]]], [[[10, 20], [30, 40], [50, 60]]]]);
  t.expectTensor(avgPool2d(tall, [3, 1]), [[[[3, 4]]], [[[30, 40]]]], 1e-6);
  t.expectTensor(avgPool2d(Tensor.of([[[[NaN, 1, 2, 2]]]]), [1, 2]), [[[[NaN, 2]]]], 1e-6);
});

graded("09.8", 2, "avgPool2d() counts the zeros of the padding", (t) => {
  const image = Tensor.of([[[[4, 8], [12, 16]]]]);
  t.expectTensor(avgPool2d(image, 2, { padding: 1 }), [[[[1, 2], [3, 4]]]], 1e-6);

  const x = float64(t.normal([2, 3, 6, 7]));
  for (const kernelSize of [[2, 2], [3, 2], [4, 1]] as const) {
    for (const padding of [[0, 0], [1, 0]] as const) {
      const stride = [2, 1] as const, slide = slideOf(kernelSize, { stride, padding });
      const count = kernelSize[0] * kernelSize[1];
      const expected = poolSlowly(x, slide, 0, (total, v = 0) => total + v / count);
      t.expectTensor(avgPool2d(x, kernelSize, { stride, padding }), expected, 1e-12);
    }
  }
});

graded("09.8", 2, "avgPool2d()'s gradient is spread evenly over each window", (t) => {
  const [even] = pullBack(
    ([x]) => avgPool2d(x, 2),
    [Tensor.zeros([1, 1, 2, 4])],
    Tensor.of([4, 8]),
  );
  t.expectTensor(even, [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]);

  const x = float64(t.normal([2, 2, 5, 4]));
  expectDerivative(t, ([x]) => avgPool2d(x, [3, 2], { stride: [2, 1], padding: 1 }), [x]);
  expectGradientKept(t, ([x]) => avgPool2d(x, 2), [x]);
});

// ── 09.9 ──

graded("09.9", 1, "batchNorm2d() brings each channel to mean 0 and variance 1", (t) => {
  const x = Tensor.of([[[[3, 5]], [[10, 10]]], [[[5, 3]], [[30, 30]]]]);
  const gamma = Tensor.ones([2]), beta = Tensor.zeros([2]);
  const y = t.expectUnchanged({ x, gamma, beta }, () => batchNorm2d(x, gamma, beta, 0));
  t.expectTensor(y, [[[[-1, 1]], [[-1, -1]]], [[[1, -1]], [[1, 1]]]]);
  // far from 0, where the mean of squares less the square of the mean would be rounding alone
  const far = x.add(10_000).slice(null, [0, 1]);
  const near = batchNorm2d(far, Tensor.ones([1]), Tensor.zeros([1]), 0);
  t.expectTensor(near, [[[[-1, 1]]], [[[1, -1]]]], 1e-3);
});

graded("09.9", 1, "batchNorm2d() scales each channel by γ and shifts it by β", (t) => {
  const x = Tensor.of([[[[3, 5]], [[10, 30]]]]);
  const y = batchNorm2d(x, Tensor.of([2, 10]), Tensor.of([0.5, -7]), 0);
  t.expectTensor(y, [[[[-1.5, 2.5]], [[-17, 3]]]]);
  // as many channels as columns: γ and β are the channels'
  const square = Tensor.of([[[[3, 5], [5, 3]], [[10, 30], [30, 10]]]]);
  const z = batchNorm2d(square, Tensor.of([2, 10]), Tensor.of([0.5, -7]), 0);
  t.expectTensor(z, [[[[-1.5, 2.5], [2.5, -1.5]], [[-17, 3], [3, -17]]]]);
});

graded("09.9", 2, "batchNorm2d() divides by the root of the biased variance plus ε", (t) => {
  const shape = [3, 2, 2, 4] as const, values = t.normal(shape), epsilon = 0.5;
  const gamma = t.normal([2]), beta = t.normal([2]);
  const expected = values.map((image) => [...image]);
  for (const c of [0, 1]) {
    const numbers = values.flatMap((image) => image[c].flat());
    const mean = numbers.reduce((total, v) => total + v, 0) / numbers.length;
    const variance = numbers.reduce((total, v) => total + (v - mean) ** 2, 0) / numbers.length;
    for (const image of expected) {
      image[c] = image[c].map((row) =>
        row.map((v) => gamma[c] * (v - mean) / Math.sqrt(variance + epsilon) + beta[c])
      );
    }
  }
  const y = batchNorm2d(float64(values), float64(gamma), float64(beta), epsilon);
  t.expectTensor(y, expected, 1e-12);
});

// ── 09.10 ──

graded("09.10", 2, "batchNorm2d()'s gradients of γ and β are sums over a channel", (t) => {
  const x = Tensor.of([[[[3, 5]], [[10, 30]]]]); // x̂ is −1 and 1 in both channels
  const [, dGamma, dBeta] = pullBack(
    ([x, gamma, beta]) => batchNorm2d(x, gamma, beta, 0),
    [x, Tensor.of([2, 3]), Tensor.zeros([2])],
    Tensor.of([[[[1, 5]], [[-2, 7]]]]),
  );
  t.expectTensor(dGamma, [4, 9], 1e-5, { name: "gradient of γ" }); // Σ g·x̂
  t.expectTensor(dBeta, [6, 5], 1e-5, { name: "gradient of β" }); // Σ g
  const [, ofTwo, andShift] = pullBack(
    ([x, gamma, beta]) => batchNorm2d(x, gamma, beta, 0),
    [x.reshape([2, 1, 1, 2]), Tensor.of([2]), Tensor.zeros([1])], // 3, 5, 10 and 30: two images
    Tensor.of([[[[1, 1]]], [[[1, 1]]]]),
  );
  t.expectTensor(ofTwo, [0], 1e-5, { name: "gradient of γ over two images" });
  t.expectTensor(andShift, [4], 1e-5, { name: "gradient of β over two images" });
});

graded("09.10", 2, "batchNorm2d() lets no gradient through that normalising would undo", (t) => {
  // x̂ is −1, 1, −1, 1 with a scale of 1; shifts and stretches of the channel are taken out of g
  const cases: [g: number[], expected: number[]][] = [
    [[5, 5, 5, 5], [0, 0, 0, 0]], // only shifts
    [[-3, 3, -3, 3], [0, 0, 0, 0]], // only stretches
    [[1, 0, 0, 0], [0.5, 0, -0.5, 0]], // 1 − 1/4 − 1/4, 0 − 1/4 + 1/4, 0 − 1/4 − 1/4, …
  ];
  const x = Tensor.of([[[[3, 5], [3, 5]]]]), one = Tensor.ones([1]);
  for (const scale of [1, -3]) { // dL/dx is as many times as large as γ
    for (const [g, expected] of cases) {
      const [dx] = pullBack(
        ([x]) => batchNorm2d(x, Tensor.of([scale]), one, 0),
        [x],
        Tensor.of(g).reshape([1, 1, 2, 2]),
      );
      const about = { name: `x with γ = ${scale}`, of: x };
      t.expectTensor(dx.reshape([4]), expected.map((v) => v * scale), 1e-5, about);
    }
  }
});

graded("09.10", 3, "batchNorm2d()'s gradients agree with finite differences", (t) => {
  const x = float64(t.normal([3, 2, 2, 2])), gamma = float64(t.uniform([2], 0.5, 2));
  const beta = float64(t.normal([2]));
  for (const epsilon of [1e-5, 0.5]) {
    expectDerivative(t, ([x, g, b]) => batchNorm2d(x, g, b, epsilon), [x, gamma, beta]);
  }
  expectGradientKept(t, ([x, g, b]) => batchNorm2d(x, g, b), [x, gamma, beta]);
});

// ── 09.11 ──

const mean = { name: "runningMean" }, variance = { name: "runningVariance" };

graded("09.11", 2, "BatchNorm2d moves its running statistics a little towards each batch", (t) => {
  // channel 0: mean 4, variance 1 of 2 numbers, unbiased 2; channel 1: 20, 100, unbiased 200
  const norm = new BatchNorm2d(2), x = Tensor.of([[[[3, 5]], [[10, 30]]]]);
  const first = t.expectUnchanged({ x }, () => norm.forward(x));
  t.expectTensor(first, [[[[-1, 1]], [[-1, 1]]]], 1e-4); // it goes by the batch, not by what runs
  t.expectTensor(norm.runningMean, [0.4, 2], 1e-5, mean); // 0 + 0.1·4, 0 + 0.1·20
  t.expectTensor(norm.runningVariance, [1.1, 20.9], 1e-5, variance); // 1 + 0.1·1, 1 + 0.1·199
  norm.forward(x);
  t.expectTensor(norm.runningMean, [0.76, 3.8], 1e-5, mean); // 0.4 + 0.1·3.6, 2 + 0.1·18
  t.expectTensor(norm.runningVariance, [1.19, 38.81], 1e-5, variance); // 1.1 + 0.09, 20.9 + 17.91
});

graded("09.11", 1, "BatchNorm2d counts a batch as much as its momentum says", (t) => {
  const values = t.normal([3, 1, 2, 2]), numbers = values.flat(3), momentum = t.uniform([]);
  const average = numbers.reduce((total, v) => total + v, 0) / 12;
  const unbiased = numbers.reduce((total, v) => total + (v - average) ** 2, 0) / 11;
  const norm = new BatchNorm2d(1, { momentum, epsilon: 1, dtype: "float64" });
  norm.forward(float64(values));
  t.expectTensor(norm.runningMean, [momentum * average], 1e-12, mean);
  t.expectTensor(norm.runningVariance, [1 - momentum + momentum * unbiased], 1e-12, variance);
  const still = new BatchNorm2d(1, { momentum: 0, dtype: "float64" });
  still.forward(float64(values));
  t.expectTensor(still.runningMean, [0], 0, mean);
  t.expectTensor(still.runningVariance, [1], 0, variance);
});

graded(
  "09.11",
  1,
  "BatchNorm2d uses what it has learnt in evaluation, and leaves it alone",
  (t) => {
    const norm = new BatchNorm2d(1, { momentum: 1, epsilon: 0 });
    norm.forward(Tensor.of([[[[1, 5, 3]]]])); // mean 3, unbiased variance 4
    const y = norm.eval().forward(Tensor.of([[[[3, 9]]]]));
    t.expectTensor(y, [[[[0, 3]]]]);
    t.expectTensor(norm.runningMean, [3], 1e-6, mean);
    t.expectTensor(norm.runningVariance, [4], 1e-5, variance);
    // numbers that somebody saved for a way back are changed in place, and that is noted
    const leafOf = leaf(norm.runningMean), loss = leafOf.mul(leafOf).sum();
    norm.train().forward(Tensor.of([[[[7, 9]]]]));
    t.expectError(() => gradients(loss, [leafOf]), "GraphError");
  },
);
