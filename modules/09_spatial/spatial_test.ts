/**
 * Graded tests of module 09. What a layer should give is computed a second time, by as many plain
 * loops as it has axes: slow, and easy to believe.
 *
 * @module
 */
import { gradients, leaf } from "#autograd";
import { batchNorm2d, conv2d, maxPool2d, unfold } from "#spatial";
import { type Nested, Tensor } from "#tensor";
import { finiteDifferences } from "../../tests/kit/finite_differences.ts";
import { graded, type GradedContext } from "../../tests/kit/graded.ts";

// ── Help ──

function float64(values: Nested): Tensor {
  return Tensor.of(values, { dtype: "float64" });
}

/** The element of images (B, C, H, W) at a place; 0 in the padding around. */
function pixel(
  { data, shape: [, C, H, W] }: Tensor,
  b: number,
  c: number,
  y: number,
  x: number,
): number {
  return y < 0 || y >= H || x < 0 || x >= W ? 0 : data[((b * C + c) * H + y) * W + x];
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

/** Compares what flows back with finite differences, at each number of each input. */
function expectDerivative(
  t: GradedContext,
  compute: (inputs: readonly Tensor[]) => Tensor,
  inputs: readonly Tensor[],
): void {
  const g = float64(t.uniform(compute(inputs).shape, 0.5, 1.5));
  const found = pullBack(compute, inputs, g);
  const moved = inputs.map(({ data, shape }) => new Tensor(data.slice(), shape));
  moved.forEach(({ data, shape }, which) => {
    const slopes = finiteDifferences(data, () => compute(moved).mul(g).sum().item());
    t.expectTensor(found[which], { data: slopes, shape }, 1e-7);
  });
}

/** How a window slides. */
interface Slide {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
}

const slides: readonly Slide[] = [
  { kernelSize: 1, stride: 1, padding: 0 },
  { kernelSize: 2, stride: 1, padding: 0 },
  { kernelSize: 3, stride: 2, padding: 0 },
  { kernelSize: 2, stride: 3, padding: 0 },
  { kernelSize: 3, stride: 1, padding: 1 },
  { kernelSize: 2, stride: 2, padding: 2 },
  { kernelSize: 3, stride: 2, padding: 1 },
];

/** ⌊(n + 2·padding − K) / stride⌋ + 1. */
function positions(n: number, { kernelSize, stride, padding }: Slide): number {
  return Math.floor((n + 2 * padding - kernelSize) / stride) + 1;
}

/** The columns of images, by six loops. */
function columnsOf(x: Tensor, slide: Slide): Tensor {
  const { kernelSize: K, stride, padding } = slide, [B, C, H, W] = x.shape;
  const oH = positions(H, slide), oW = positions(W, slide), out: number[] = [];
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let ky = 0; ky < K; ky++) {
        for (let kx = 0; kx < K; kx++) {
          for (let oy = 0; oy < oH; oy++) {
            for (let ox = 0; ox < oW; ox++) {
              out.push(pixel(x, b, c, oy * stride + ky - padding, ox * stride + kx - padding));
            }
          }
        }
      }
    }
  }
  return new Tensor(Float64Array.from(out), [B, C * K * K, oH * oW]);
}

/** Calls `visit` for each product of a convolution, with the positions in y, w and x. */
function forEachProduct(
  [B, C, H, W]: readonly number[],
  filters: number,
  slide: Slide,
  visit: (y: number, w: number, x: number) => void,
): void {
  const { kernelSize: K, stride, padding } = slide;
  const oH = positions(H, slide), oW = positions(W, slide);
  for (let b = 0; b < B; b++) {
    for (let f = 0; f < filters; f++) {
      for (let oy = 0; oy < oH; oy++) {
        for (let ox = 0; ox < oW; ox++) {
          for (let c = 0; c < C; c++) {
            for (let ky = 0; ky < K; ky++) {
              for (let kx = 0; kx < K; kx++) {
                const py = oy * stride + ky - padding, px = ox * stride + kx - padding;
                if (py < 0 || py >= H || px < 0 || px >= W) continue;
                const y = ((b * filters + f) * oH + oy) * oW + ox;
                visit(y, ((f * C + c) * K + ky) * K + kx, ((b * C + c) * H + py) * W + px);
              }
            }
          }
        }
      }
    }
  }
}

// ── 9.1 Unfolding ──

graded("09.1", 1, "unfold() writes what the window sees at each position as a column", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  const expected = [[[1, 2, 4, 5], [2, 3, 5, 6], [4, 5, 7, 8], [5, 6, 8, 9]]];
  t.expectTensor(unfold(image, { kernelSize: 2 }), expected, 0);
});

graded("09.1", 2, "unfold() slides over every channel of every image, in steps of stride", (t) => {
  const x = float64(t.normal([2, 3, 5, 7]));
  for (const slide of slides.filter(({ padding }) => padding === 0)) {
    t.expectTensor(unfold(x, slide), columnsOf(x, slide), 0);
  }
});

graded("09.1", 2, "unfold() sees zeros in the padding", (t) => {
  const corner = unfold(Tensor.of([[[[5]]]]), { kernelSize: 2, padding: 1 });
  t.expectTensor(corner, [[[0, 0, 0, 5], [0, 0, 5, 0], [0, 5, 0, 0], [5, 0, 0, 0]]], 0);

  const x = float64(t.normal([2, 2, 4, 5]));
  for (const slide of slides.filter(({ padding }) => padding > 0)) {
    t.expectTensor(unfold(x, slide), columnsOf(x, slide), 0);
  }
});

graded("09.2", 1, "fold, unfold()'s gradient, adds up what meets at a pixel", (t) => {
  // a pixel of a 3×3 image gets one for each 2×2 window that sees it
  const [seen] = pullBack(
    ([x]) => unfold(x, { kernelSize: 2 }),
    [Tensor.zeros([1, 1, 3, 3])],
    Tensor.ones([1, 4, 4]),
  );
  t.expectTensor(seen, [[[[1, 2, 1], [2, 4, 2], [1, 2, 1]]]], 0);
});

graded("09.2", 2, "fold, unfold()'s gradient, puts each number back where it came from", (t) => {
  const shape = [2, 2, 5, 4], places = float64(Array.from({ length: 80 }, (_, k) => k + 1));
  for (const slide of slides) {
    // 1 more than the place each column's number was read from, 0 for the padding
    const from = columnsOf(places.reshape(shape), slide).data;
    const y = float64(t.normal(columnsOf(places.reshape(shape), slide).shape));
    const expected = new Float64Array(81);
    y.data.forEach((value, k) => expected[from[k]] += value);
    const [folded] = pullBack(([x]) => unfold(x, slide), [places.reshape(shape)], y);
    t.expectTensor(folded, new Tensor(expected.slice(1), shape), 1e-12);
  }
});

graded("09.2", 1, "fold turns unfold() round: ⟨unfold(x), y⟩ = ⟨x, fold(y)⟩", (t) => {
  for (const slide of slides) {
    const x = float64(t.normal([2, 3, 4, 5])), columns = unfold(x, slide);
    const y = float64(t.normal(columns.shape));
    const [folded] = pullBack(([x]) => unfold(x, slide), [x], y);
    t.expectTensor(folded.mul(x).sum(), columns.mul(y).sum(), 1e-10);
  }
});

// ── 9.3 Convolution ──

graded("09.3", 1, "conv2d() multiplies what the window sees by the filter, and adds up", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  // 1·w₀ + 2·w₁ + 4·w₂ + 5·w₃ in the first corner; the filter is not turned round
  const filter = Tensor.of([[[[1, 10], [100, 1000]]]]);
  t.expectTensor(conv2d(image, filter, null), [[[[5421, 6532], [8754, 9865]]]], 0);
});

graded("09.3", 1, "conv2d() adds one bias to all positions of a filter", (t) => {
  const image = Tensor.of([[[[1, 2]]], [[[3, 4]]]]), filters = Tensor.of([[[[1]]], [[[10]]]]);
  t.expectTensor(
    conv2d(image, filters, Tensor.of([0.5, -5])),
    [[[[1.5, 2.5]], [[5, 15]]], [[[3.5, 4.5]], [[25, 35]]]],
    0,
  );
});

graded("09.3", 3, "conv2d() agrees with seven loops at every stride and padding", (t) => {
  for (const slide of slides) {
    const x = float64(t.normal([2, 3, 5, 6])), bias = float64(t.normal([4]));
    const weight = float64(t.normal([4, 3, slide.kernelSize, slide.kernelSize]));
    const shape = [2, 4, positions(5, slide), positions(6, slide)], plane = shape[2] * shape[3];
    const expected = new Float64Array(8 * plane)
      .map((_, k) => bias.data[Math.floor(k / plane) % 4]);
    forEachProduct(x.shape, 4, slide, (to, w, from) => {
      expected[to] += weight.data[w] * x.data[from];
    });
    t.expectTensor(conv2d(x, weight, bias, slide), new Tensor(expected, shape), 1e-12);
  }
});

graded("09.4", 2, "conv2d()'s gradients are those worked out by hand", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]);
  const filter = Tensor.of([[[[1, 10], [100, 1000]]]]);
  const [dx, dw, db] = pullBack(
    ([x, w, b]) => conv2d(x, w, b),
    [image, filter, Tensor.zeros([1])],
    Tensor.of([[[[1, 0], [0, 2]]]]), // the first window once, the last one twice
  );
  t.expectTensor(dx, [[[[1, 10, 0], [100, 1002, 20], [0, 200, 2000]]]], 0);
  t.expectTensor(dw, [[[[11, 14], [20, 23]]]], 0); // 1 + 2·5, 2 + 2·6, 4 + 2·8, 5 + 2·9
  t.expectTensor(db, [3], 0);
});

graded(
  "09.4",
  3,
  "conv2d()'s gradients agree with seven loops at every stride and padding",
  (t) => {
    for (const slide of slides) {
      const x = float64(t.normal([2, 2, 5, 4])), bias = float64(t.normal([3]));
      const weight = float64(t.normal([3, 2, slide.kernelSize, slide.kernelSize]));
      const g = float64(t.normal([2, 3, positions(5, slide), positions(4, slide)]));
      const dx = Tensor.zeros(x.shape, { dtype: "float64" });
      const dw = Tensor.zeros(weight.shape, { dtype: "float64" });
      forEachProduct(x.shape, 3, slide, (at, w, from) => {
        dx.data[from] += g.data[at] * weight.data[w];
        dw.data[w] += g.data[at] * x.data[from];
      });
      const found = pullBack(([x, w, b]) => conv2d(x, w, b, slide), [x, weight, bias], g);
      t.expectTensor(found[0], dx, 1e-12);
      t.expectTensor(found[1], dw, 1e-12);
      t.expectTensor(found[2], g.sum([0, 2, 3]), 1e-12);
    }
  },
);

graded("09.4", 2, "conv2d()'s gradients agree with finite differences", (t) => {
  const x = float64(t.normal([2, 2, 4, 3])), weight = float64(t.normal([2, 2, 2, 2]));
  const bias = float64(t.normal([2])), slide = { stride: 2, padding: 1 };
  expectDerivative(t, ([x, w, b]) => conv2d(x, w, b, slide), [x, weight, bias]);
  expectDerivative(t, ([x, w]) => conv2d(x, w, null), [x, weight]);
});

graded("09.4", 1, "conv2d() gives the filters their gradient when the images need none", (t) => {
  const x = float64(t.normal([2, 1, 4, 4])), g = float64(t.normal([2, 3, 3, 3]));
  const weight = leaf(float64(t.normal([3, 1, 2, 2]))), bias = leaf(float64(t.normal([3])));
  const dw = Tensor.zeros(weight.shape, { dtype: "float64" });
  forEachProduct(x.shape, 3, { kernelSize: 2, stride: 1, padding: 0 }, (at, w, from) => {
    dw.data[w] += g.data[at] * x.data[from];
  });
  const found = gradients(conv2d(x, weight, bias).mul(g).sum(), [weight, bias]);
  t.expectTensor(found[0], dw, 1e-12);
  t.expectTensor(found[1], g.sum([0, 2, 3]), 1e-12);
});

// ── 9.5 Max-pooling ──

graded("09.5", 1, "maxPool2d() keeps the greatest number of each window", (t) => {
  const image = Tensor.of([[[[1, 5, 2, 0], [2, 3, 9, 1], [0, 1, 4, 4], [8, 7, 4, 3]]]]);
  t.expectTensor(maxPool2d(image, 2), [[[[5, 9], [8, 4]]]], 0);
});

graded("09.5", 1, "maxPool2d() keeps the greatest of negative numbers", (t) => {
  t.expectTensor(maxPool2d(Tensor.of([[[[-4, -2], [-3, -9]]]]), 2), [[[[-2]]]], 0);
});

graded("09.5", 2, "maxPool2d() agrees with plain loops, also where windows overlap", (t) => {
  const x = float64(t.normal([2, 3, 6, 7]));
  for (const [kernelSize, stride] of [[2, 2], [3, 3], [3, 1], [3, 2], [2, 3], [1, 2]]) {
    const columns = columnsOf(x.reshape([6, 1, 6, 7]), { kernelSize, stride, padding: 0 });
    const slide = { kernelSize, stride, padding: 0 };
    const expected = columns.max(1).reshape([2, 3, positions(6, slide), positions(7, slide)]);
    t.expectTensor(maxPool2d(x, kernelSize, stride), expected, 0);
  }
});

graded("09.6", 2, "maxPool2d()'s gradient goes to the greatest number of each window", (t) => {
  const image = Tensor.of([[[[1, 5, 2, 0], [2, 3, 9, 1]]], [[[8, 7, 4, 3], [0, 1, 4, 6]]]]);
  const g = Tensor.of([[[[10, 20]]], [[[30, 40]]]]);
  const [dx] = pullBack(([x]) => maxPool2d(x, 2), [image], g);
  t.expectTensor(dx, [[[[0, 10, 0, 0], [0, 0, 20, 0]]], [[[30, 0, 0, 0], [0, 0, 0, 40]]]], 0);
});

graded("09.6", 1, "maxPool2d()'s gradient goes to the first of equals", (t) => {
  const [dx] = pullBack(([x]) => maxPool2d(x, 2), [Tensor.of([[[[1, 7], [7, 7]]]])], Tensor.of(3));
  t.expectTensor(dx, [[[[0, 3], [0, 0]]]], 0);
});

graded("09.6", 2, "maxPool2d()'s gradient adds up where windows overlap", (t) => {
  const image = Tensor.of([[[[1, 2, 3], [4, 9, 6], [7, 8, 5]]]]); // 9 wins in all four
  const g = Tensor.of([[[[1, 10], [100, 1000]]]]);
  const [dx] = pullBack(([x]) => maxPool2d(x, 2, 1), [image], g);
  t.expectTensor(dx, [[[[0, 0, 0], [0, 1111, 0], [0, 0, 0]]]], 0);

  // numbers at least 0.1 apart, so that a small move changes no winner
  const order = Array.from({ length: 50 }, (_, k) => (k * 27) % 50 / 10);
  const x = float64(order).reshape([2, 1, 5, 5]);
  expectDerivative(t, ([x]) => maxPool2d(x, 3, 2), [x]);
  expectDerivative(t, ([x]) => maxPool2d(x, 3, 1), [x]);
});

// ── 9.7 Batch normalisation ──

graded("09.7", 1, "batchNorm2d() brings each channel to mean 0 and variance 1", (t) => {
  const x = Tensor.of([[[[3, 5]], [[10, 10]]], [[[5, 3]], [[30, 30]]]]);
  const y = batchNorm2d(x, Tensor.ones([2]), Tensor.zeros([2]), 0);
  t.expectTensor(y, [[[[-1, 1]], [[-1, -1]]], [[[1, -1]], [[1, 1]]]]);
});

graded("09.7", 1, "batchNorm2d() scales each channel by γ and shifts it by β", (t) => {
  const x = Tensor.of([[[[3, 5]], [[10, 30]]]]);
  const y = batchNorm2d(x, Tensor.of([2, 10]), Tensor.of([0.5, -7]), 0);
  t.expectTensor(y, [[[[-1.5, 2.5]], [[-17, 3]]]]);
});

graded("09.7", 2, "batchNorm2d() divides by the root of the biased variance plus ε", (t) => {
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

graded("09.8", 2, "batchNorm2d()'s gradients of γ and β are sums over a channel", (t) => {
  const x = Tensor.of([[[[3, 5]], [[10, 30]]]]); // x̂ is −1 and 1 in both channels
  const [, dGamma, dBeta] = pullBack(
    ([x, gamma, beta]) => batchNorm2d(x, gamma, beta, 0),
    [x, Tensor.of([2, 3]), Tensor.zeros([2])],
    Tensor.of([[[[1, 5]], [[-2, 7]]]]),
  );
  t.expectTensor(dGamma, [4, 9]); // Σ g·x̂
  t.expectTensor(dBeta, [6, 5]); // Σ g
});

graded("09.8", 2, "batchNorm2d() lets no gradient through that normalising would undo", (t) => {
  // x̂ is −1, 1, −1, 1 with a scale of 1; shifts and stretches of the channel are taken out of g
  const cases: [g: number[], expected: number[]][] = [
    [[5, 5, 5, 5], [0, 0, 0, 0]], // only shifts
    [[-3, 3, -3, 3], [0, 0, 0, 0]], // only stretches
    [[1, 0, 0, 0], [0.5, 0, -0.5, 0]], // 1 − 1/4 − 1/4, 0 − 1/4 + 1/4, 0 − 1/4 − 1/4, …
  ];
  const x = Tensor.of([[[[3, 5], [3, 5]]]]), one = Tensor.ones([1]);
  for (const [g, expected] of cases) {
    const [dx] = pullBack(
      ([x]) => batchNorm2d(x, one, one, 0),
      [x],
      Tensor.of(g).reshape([1, 1, 2, 2]),
    );
    t.expectTensor(dx.reshape([4]), expected);
  }
});

graded("09.8", 3, "batchNorm2d()'s gradients agree with finite differences", (t) => {
  const x = float64(t.normal([3, 2, 2, 2])), gamma = float64(t.uniform([2], 0.5, 2));
  const beta = float64(t.normal([2]));
  for (const epsilon of [1e-5, 0.5]) {
    expectDerivative(t, ([x, g, b]) => batchNorm2d(x, g, b, epsilon), [x, gamma, beta]);
  }
});
