/**
 * Module 09 as a whole: convolution, pooling and batch normalisation against plain loops, finite
 * differences and PyTorch; what they cost; and what they refuse.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { backward, checkGradients, gradients, leaf, noGrad } from "#autograd";
import { type Cost, type Module, summarize } from "#layers";
import { Generator } from "#random";
import {
  BatchNorm2d,
  batchNorm2d,
  Conv2d,
  conv2d,
  MaxPool2d,
  maxPool2d,
  unfold,
  type Window,
} from "#spatial";
import { type DType, type Nested, type Shape, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./kit/assert_refuses.ts";
import { test } from "./kit/register.ts";

// ── Help ──

const dtypes = ["float32", "float64"] as const;

function float64(values: Nested): Tensor {
  return Tensor.of(values, { dtype: "float64" });
}

function normal(shape: Shape, generator: Generator, dtype: DType = "float64"): Tensor {
  return Tensor.normal(shape, generator, { dtype });
}

/** Numbers 0.1 apart in random order, so that a small move changes no winner. */
function distinct(shape: Shape, generator: Generator): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return float64(Array.from(generator.permutation(size), (k) => k / 10 - size / 20)).reshape(shape);
}

/** One of low … high. */
function draw(generator: Generator, low: number, high: number): number {
  return low + generator.integer(high - low + 1);
}

/** Fails unless shape and dtype are equal and each value within tolerance · max(1, |expected|). */
function assertClose(actual: Tensor, expected: Tensor, tolerance: number, about = ""): void {
  assertEquals([actual.shape, actual.dtype], [[...expected.shape], expected.dtype], about);
  for (let i = 0; i < expected.size; i++) {
    const a = actual.data[i], e = expected.data[i];
    const isClose = Object.is(a, e) || Math.abs(a - e) <= tolerance * Math.max(1, Math.abs(e));
    assert(isClose, `${about} at ${i}: got ${a}, expected ${e}`);
  }
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

/** ⟨a, b⟩ = Σ aᵢ·bᵢ. */
function inner(a: Tensor, b: Tensor): number {
  assertEquals(a.shape, b.shape);
  let total = 0;
  for (let i = 0; i < a.size; i++) total += a.data[i] * b.data[i];
  return total;
}

function positions(n: number, { kernelSize, stride, padding }: Window): number {
  return Math.floor((n + 2 * padding - kernelSize) / stride) + 1;
}

/** Calls `visit` for each pixel that each window sees, with the places in columns and images. */
function forEachView(
  [B, C, H, W]: Shape,
  slide: Window,
  visit: (column: number, pixel: number) => void,
): void {
  const { kernelSize: K, stride, padding } = slide;
  const oH = positions(H, slide), oW = positions(W, slide);
  let column = 0;
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let ky = 0; ky < K; ky++) {
        for (let kx = 0; kx < K; kx++) {
          for (let oy = 0; oy < oH; oy++) {
            for (let ox = 0; ox < oW; ox++, column++) {
              const y = oy * stride + ky - padding, x = ox * stride + kx - padding;
              if (y < 0 || y >= H || x < 0 || x >= W) continue;
              visit(column, ((b * C + c) * H + y) * W + x);
            }
          }
        }
      }
    }
  }
}

/** A convolution by seven loops, summed in float64. */
function convolveSlowly(x: Tensor, weight: Tensor, bias: Tensor | null, slide: Window): Tensor {
  const [B, C, H, W] = x.shape, [F, , K] = weight.shape, { stride, padding } = slide;
  const oH = positions(H, slide), oW = positions(W, slide);
  const out = Tensor.zeros([B, F, oH, oW], { dtype: x.dtype });
  let o = 0;
  for (let b = 0; b < B; b++) {
    for (let f = 0; f < F; f++) {
      for (let oy = 0; oy < oH; oy++) {
        for (let ox = 0; ox < oW; ox++, o++) {
          let total = bias ? bias.data[f] : 0;
          for (let c = 0; c < C; c++) {
            for (let ky = 0; ky < K; ky++) {
              for (let kx = 0; kx < K; kx++) {
                const py = oy * stride + ky - padding, px = ox * stride + kx - padding;
                if (py < 0 || py >= H || px < 0 || px >= W) continue;
                total += weight.data[((f * C + c) * K + ky) * K + kx] *
                  x.data[((b * C + c) * H + py) * W + px];
              }
            }
          }
          out.data[o] = total;
        }
      }
    }
  }
  return out;
}

/** Pools by plain loops; keeps where the winner stood: the first of equals, but the last NaN. */
function poolSlowly(
  { data, shape: [B, C, H, W], dtype }: Tensor,
  kernelSize: number,
  stride: number,
): { pooled: Tensor; places: number[] } {
  const slide = { kernelSize, stride, padding: 0 };
  const oH = positions(H, slide), oW = positions(W, slide);
  const places: number[] = [];
  for (let plane = 0; plane < B * C; plane++) {
    for (let oy = 0; oy < oH; oy++) {
      for (let ox = 0; ox < oW; ox++) {
        const seen: number[] = [];
        for (let ky = 0; ky < kernelSize; ky++) {
          for (let kx = 0; kx < kernelSize; kx++) {
            seen.push((plane * H + oy * stride + ky) * W + ox * stride + kx);
          }
        }
        const greatest = Math.max(...seen.map((at) => data[at]));
        places.push(
          Number.isNaN(greatest)
            ? seen.findLast((at) => Number.isNaN(data[at]))!
            : seen.find((at) => data[at] === greatest)!,
        );
      }
    }
  }
  const pooled = Tensor.zeros([B, C, oH, oW], { dtype });
  places.forEach((at, o) => pooled.data[o] = data[at]);
  return { pooled, places };
}

/** Every way to slide that fits the images used with it. */
const slides: readonly Window[] = [1, 2, 3].flatMap((kernelSize) =>
  [1, 2, 3].flatMap((stride) => [0, 1, 2].map((padding) => ({ kernelSize, stride, padding })))
);

// ── unfold() and its gradient ──

test("unfold() agrees with plain loops at every window, stride and padding", () => {
  const generator = new Generator(1);
  for (const dtype of dtypes) {
    for (const slide of slides) {
      const x = normal([2, 3, 5, 4], generator, dtype), { kernelSize: K } = slide;
      const shape = [2, 3 * K * K, positions(5, slide) * positions(4, slide)];
      const expected = Tensor.zeros(shape, { dtype });
      forEachView(x.shape, slide, (column, pixel) => expected.data[column] = x.data[pixel]);
      assertClose(unfold(x, slide), expected, 0, JSON.stringify(slide));
    }
  }
});

test("unfold() sees nothing but zeros where the padding is wider than the window", () => {
  const columns = unfold(Tensor.of([[[[7]]]]), { kernelSize: 1, padding: 2 });
  assertEquals(columns.shape, [1, 1, 25]);
  assertEquals([...columns.data], Array.from({ length: 25 }, (_, k) => k === 12 ? 7 : 0));
});

test("unfold() moves by 1 and pads nothing unless told", () => {
  const x = Tensor.of([[[[1, 2, 3]]]]), expected = [[[1, 2, 3]]];
  assertEquals(unfold(x, { kernelSize: 1 }).toArray(), expected);
  assertEquals(
    unfold(x, { kernelSize: 1, stride: undefined, padding: undefined }).toArray(),
    expected,
  );
});

test("fold is unfold() turned round: ⟨unfold(x), y⟩ = ⟨x, fold(y)⟩", () => {
  const generator = new Generator(2);
  for (const slide of slides) {
    const x = normal([2, 3, 5, 4], generator), columns = unfold(x, slide);
    const y = normal(columns.shape, generator);
    const [folded] = pullBack(([x]) => unfold(x, slide), [x], y);
    assertLess(Math.abs(inner(columns, y) - inner(x, folded)), 1e-10, JSON.stringify(slide));
  }
});

test("fold adds up what meets at a pixel", () => {
  const generator = new Generator(3);
  for (const dtype of dtypes) {
    for (const slide of slides) {
      const x = normal([2, 2, 5, 4], generator, dtype);
      const y = normal(unfold(x, slide).shape, generator, dtype);
      const expected = Tensor.zeros(x.shape, { dtype });
      forEachView(x.shape, slide, (column, pixel) => expected.data[pixel] += y.data[column]);
      const [folded] = pullBack(([x]) => unfold(x, slide), [x], y);
      assertClose(folded, expected, dtype === "float32" ? 1e-6 : 1e-14, JSON.stringify(slide));
    }
  }
});

test("unfold()'s gradient agrees with finite differences", () => {
  const generator = new Generator(4);
  for (const slide of slides) {
    const x = normal([2, 2, 4, 3], generator);
    assertLess(checkGradients(([x]) => unfold(x, slide), [x]), 1e-6);
  }
});

// ── conv2d() ──

for (const dtype of dtypes) {
  test(`conv2d() agrees with seven loops on 100 random shapes in ${dtype}`, () => {
    const generator = new Generator(5);
    for (let k = 0; k < 100; k++) {
      const kernelSize = draw(generator, 1, 5), stride = draw(generator, 1, 3);
      const padding = draw(generator, 0, 3), slide = { kernelSize, stride, padding };
      const [B, C, F] = [1, 2, 3].map(() => draw(generator, 1, 4));
      const least = Math.max(1, kernelSize - 2 * padding);
      const x = normal(
        [B, C, least + draw(generator, 0, 7), least + draw(generator, 0, 7)],
        generator,
        dtype,
      );
      const weight = normal([F, C, kernelSize, kernelSize], generator, dtype);
      const bias = draw(generator, 0, 1) === 1 ? normal([F], generator, dtype) : null;
      const about = `${x.shape} with ${weight.shape}, stride ${stride}, padding ${padding}`;
      const expected = convolveSlowly(x, weight, bias, slide);
      const tolerance = dtype === "float32" ? 1e-5 : 1e-12;
      assertClose(conv2d(x, weight, bias, { stride, padding }), expected, tolerance, about);
    }
  });
}

test("conv2d() gives the bias alone where the window sees only padding", () => {
  const y = conv2d(Tensor.of([[[[5]]]]), Tensor.of([[[[3]]]]), Tensor.of([0.5]), { padding: 1 });
  assertEquals(y.toArray(), [[[[0.5, 0.5, 0.5], [0.5, 15.5, 0.5], [0.5, 0.5, 0.5]]]]);
});

test("conv2d() changes none of its inputs", () => {
  const generator = new Generator(6);
  const inputs = [[2, 2, 4, 4], [3, 2, 3, 3], [3]].map((shape) => normal(shape, generator));
  const before = inputs.map(({ data }) => [...data]);
  pullBack(([x, w, b]) => conv2d(x, w, b, { padding: 1 }), inputs, normal([2, 3, 4, 4], generator));
  assertEquals(inputs.map(({ data }) => [...data]), before);
});

test("conv2d()'s gradients agree with finite differences at every stride and padding", () => {
  const generator = new Generator(7);
  for (const { kernelSize, stride, padding } of slides) {
    const x = normal([2, 2, 4, 3], generator), bias = normal([3], generator);
    const weight = normal([3, 2, kernelSize, kernelSize], generator);
    const worst = checkGradients(
      ([x, w, b]) => conv2d(x, w, b, { stride, padding }),
      [x, weight, bias],
    );
    assertLess(worst, 1e-6);
  }
});

test("conv2d()'s gradients agree with finite differences without a bias", () => {
  const generator = new Generator(8);
  const inputs = [[2, 2, 4, 3], [3, 2, 2, 2]].map((shape) => normal(shape, generator));
  assertLess(checkGradients(([x, w]) => conv2d(x, w, null), inputs), 1e-6);
});

test("conv2d() gives a gradient to each input that requires one, whichever it is", () => {
  const generator = new Generator(9);
  const inputs = [[2, 2, 4, 3], [3, 2, 2, 2], [3]].map((shape) => normal(shape, generator));
  const g = normal([2, 3, 3, 2], generator);
  const all = pullBack(([x, w, b]) => conv2d(x, w, b), inputs, g);
  inputs.forEach((input, which) => {
    const only = leaf(input), [x, w, b] = inputs.map((other, k) => k === which ? only : other);
    assertClose(gradients(conv2d(x, w, b).mul(g).sum(), [only])[0], all[which], 0);
  });
});

// ── maxPool2d() ──

const pools = [[1, 1], [1, 2], [2, 2], [3, 3], [2, 3], [2, 1], [3, 1], [3, 2], [4, 3]];

test("maxPool2d() agrees with plain loops, also where windows overlap", () => {
  const generator = new Generator(10);
  for (const dtype of dtypes) {
    for (const [kernelSize, stride] of pools) {
      const x = normal([2, 3, 7, 6], generator, dtype);
      const { pooled } = poolSlowly(x, kernelSize, stride);
      assertClose(maxPool2d(x, kernelSize, stride), pooled, 0, `${kernelSize}, ${stride}`);
    }
  }
});

test("maxPool2d() moves by the window's side unless told", () => {
  const x = normal([1, 2, 6, 7], new Generator(11));
  assertClose(maxPool2d(x, 3), maxPool2d(x, 3, 3), 0);
});

test("maxPool2d()'s gradient goes to the first of equals, in every window", () => {
  const generator = new Generator(12);
  for (const [kernelSize, stride] of pools) {
    const shape = [2, 2, 7, 6]; // 0, 1 and 2 only: many ties
    const x = float64(Array.from({ length: 168 }, () => generator.integer(3))).reshape(shape);
    const { pooled, places } = poolSlowly(x, kernelSize, stride);
    const g = normal(pooled.shape, generator), expected = Tensor.zeros(shape, { dtype: "float64" });
    places.forEach((at, o) => expected.data[at] += g.data[o]);
    const [dx] = pullBack(([x]) => maxPool2d(x, kernelSize, stride), [x], g);
    assertClose(dx, expected, 1e-14, `${kernelSize}, ${stride}`);
  }
});

test("maxPool2d() lets NaN through, and sends its gradient to the last one", () => {
  // x = torch.tensor([[[[1, nan], [nan, 3]]]]).requires_grad_()
  // y = torch.nn.functional.max_pool2d(x, 2); y.sum().backward(); print(y, x.grad)
  const cases: [window: number[][], winner: number][] = [
    [[[1, NaN], [NaN, 3]], 2],
    [[[NaN, 1], [2, 3]], 0],
    [[[1, 2], [3, NaN]], 3],
  ];
  for (const [window, winner] of cases) {
    const x = Tensor.of([[window]]);
    assertEquals(maxPool2d(x, 2).item(), NaN);
    const [dx] = pullBack(([x]) => maxPool2d(x, 2), [x], Tensor.of([[[[5]]]]));
    assertEquals([...dx.data], [0, 1, 2, 3].map((k) => k === winner ? 5 : 0));
  }
});

test("maxPool2d() keeps −∞ where there is nothing else", () => {
  const x = Tensor.full([1, 1, 2, 2], -Infinity);
  assertEquals(maxPool2d(x, 2).item(), -Infinity);
  assertEquals([...pullBack(([x]) => maxPool2d(x, 2), [x], Tensor.of([[[[1]]]]))[0].data], [
    1,
    0,
    0,
    0,
  ]);
});

test("maxPool2d()'s gradient agrees with finite differences, also where windows overlap", () => {
  const generator = new Generator(13);
  for (const [kernelSize, stride] of pools) {
    const x = distinct([2, 2, 5, 6], generator);
    assertLess(checkGradients(([x]) => maxPool2d(x, kernelSize, stride), [x]), 1e-6);
  }
});

// ── batchNorm2d() ──

// n = torch.arange(24., dtype=torch.float64).reshape(2, 3, 2, 2); x, g, b = n.sin().requires_grad_(), torch.tensor([1.5, -0.5, 2], dtype=n.dtype, requires_grad=True), torch.tensor([0.25, 0, -1], dtype=n.dtype, requires_grad=True)
// y = torch.nn.functional.batch_norm(x, None, None, g, b, True); (y * n.cos()).sum().backward(); [print(v.flatten().tolist()) for v in (y, x.grad, g.grad, b.grad)]
const byTorch = {
  y: [
    -1.0426445218310743,
    1.5044341523993965,
    1.7097404399975011,
    -0.6154833130360032,
    0.3322648532515168,
    0.5197356073287319,
    -0.11051820862426909,
    -0.9790441427846853,
    1.355485784401914,
    -0.16310080409698174,
    -2.678486722665998,
    -3.8780377580692793,
    -2.666816312995724,
    0.2291741367291692,
    1.9558603770660232,
    0.9257350416707119,
    -0.10264563925844505,
    0.5220295506041068,
    0.32687112956812436,
    -0.5086931500850808,
    1.1544605631375786,
    0.9537599363501768,
    -1.2705766346072678,
    -3.473504364450142,
  ],
  dx: [
    1.8697554406448047,
    1.817168792179308,
    -0.9700207773230198,
    -3.9292840314449933,
    0.618288214268411,
    -0.35944127193593134,
    -0.6226008300363947,
    0.07075722406210565,
    0.46226380947337653,
    -1.3411983445008944,
    -0.8025636817098433,
    1.5829495729174539,
    0.5433547354675557,
    2.2581426876591997,
    0.8328983529651122,
    -2.4220152001479676,
    1.151662232260647,
    0.1575511648879613,
    -0.5973104365639551,
    -0.4189062969428436,
    1.9465090801558576,
    -0.5401616457358743,
    -1.421205001536839,
    0.11340621093676367,
  ],
  dGamma: [-2.0839158221537994, 2.492851945035275, 0.8439908553883917],
  dBeta: [1.2625130182522528, 1.7602896136490527, -3.5637171719206036],
};

const counted = float64(Array.from({ length: 24 }, (_, k) => k)).reshape([2, 3, 2, 2]);

/** f of each number of n = 0 … 23 as images (2, 3, 2, 2). */
function ofCount(f: (n: number) => number): Tensor {
  return new Tensor(counted.data.map(f), counted.shape);
}

const gamma = [1.5, -0.5, 2], beta = [0.25, 0, -1];

test("batchNorm2d() gives PyTorch's numbers", () => {
  const y = batchNorm2d(ofCount(Math.sin), float64(gamma), float64(beta));
  assertClose(y, float64(byTorch.y).reshape([2, 3, 2, 2]), 1e-12);
});

test("batchNorm2d() gives PyTorch's gradients", () => {
  const inputs = [ofCount(Math.sin), float64(gamma), float64(beta)];
  const [dx, dGamma, dBeta] = pullBack(
    ([x, gamma, beta]) => batchNorm2d(x, gamma, beta),
    inputs,
    ofCount(Math.cos),
  );
  assertClose(dx, float64(byTorch.dx).reshape([2, 3, 2, 2]), 1e-11);
  assertClose(dGamma, float64(byTorch.dGamma), 1e-11);
  assertClose(dBeta, float64(byTorch.dBeta), 1e-11);
});

test("batchNorm2d() gives PyTorch's numbers and gradients in float32, as far as that goes", () => {
  const inputs = [ofCount(Math.sin), float64(gamma), float64(beta)].map((v) => v.to("float32"));
  const compute = ([x, gamma, beta]: readonly Tensor[]): Tensor => batchNorm2d(x, gamma, beta);
  assertClose(compute(inputs), float64(byTorch.y).reshape([2, 3, 2, 2]).to("float32"), 1e-5);
  const found = pullBack(compute, inputs, ofCount(Math.cos).to("float32"));
  const expected = [float64(byTorch.dx).reshape([2, 3, 2, 2]), float64(byTorch.dGamma)];
  expected.forEach((gradient, k) => assertClose(found[k], gradient.to("float32"), 1e-5));
});

test("batchNorm2d() stays exact far away from 0", () => {
  // the mean of squares minus the square of the mean would lose all digits here
  const x = ofCount((n) => 1e8 + Math.sin(n));
  const near = batchNorm2d(ofCount(Math.sin), float64(gamma), float64(beta));
  assertClose(batchNorm2d(x, float64(gamma), float64(beta)), near, 1e-6);
});

test("batchNorm2d()'s gradients agree with finite differences", () => {
  const generator = new Generator(14);
  for (const shape of [[2, 3, 2, 2], [4, 2, 1, 1], [1, 2, 3, 3], [3, 1, 2, 3]]) {
    const inputs = [normal(shape, generator), ...[1, 2].map(() => normal([shape[1]], generator))];
    for (const epsilon of [undefined, 0.5]) {
      const worst = checkGradients(([x, g, b]) => batchNorm2d(x, g, b, epsilon), inputs);
      assertLess(worst, 1e-6);
    }
  }
});

// ── BatchNorm2d ──

/** The three batches that the running statistics are measured on. */
function batchesForStatistics(): Tensor[] {
  return [0, 1, 2].map((k) => ofCount((n) => Math.sin(n + 24 * k) * (k + 1) + k));
}

/** A layer after three batches. */
function trained(dtype: DType = "float64"): BatchNorm2d {
  const norm = new BatchNorm2d(3, { dtype });
  for (const batch of batchesForStatistics()) norm.forward(batch.to(dtype));
  return norm;
}

// m = torch.nn.BatchNorm2d(3).double(); [m((n + 24*k).sin() * (k + 1) + k) for k in range(3)]; print(m.running_mean.tolist(), m.running_var.tolist())
// print(m.eval()(n.sin()).flatten().tolist())
const runningByTorch = {
  mean: [0.21308848834487992, 0.2172468967665159, 0.4620207153083175],
  variance: [1.300405110558048, 1.4909972675652237, 1.3275310879557343],
  y: [
    -0.18686113604824467,
    0.5510399368541614,
    0.6105181663352439,
    -0.06311045749199574,
    -0.7977027687883652,
    -0.9632314414983828,
    -0.40674422759324896,
    0.3601270948349295,
    0.4576829099043457,
    -0.04331077632692535,
    -0.8731564190991351,
    -1.2688977614767711,
    -0.6573915988107679,
    0.18159091146160983,
    0.6818203084571022,
    0.38338799150411146,
    -0.41369537026271125,
    -0.9652568954819332,
    -0.792940341034387,
    -0.05517275240064128,
    0.3913631047714496,
    0.32515038591520096,
    -0.4086757828016878,
    -1.1354390060736743,
  ],
};

test("BatchNorm2d keeps PyTorch's running statistics", () => {
  for (const dtype of dtypes) {
    const { runningMean, runningVariance } = trained(dtype);
    const tolerance = dtype === "float32" ? 1e-6 : 1e-12;
    assertClose(runningMean, float64(runningByTorch.mean).to(dtype), tolerance);
    assertClose(runningVariance, float64(runningByTorch.variance).to(dtype), tolerance);
  }
});

test("BatchNorm2d uses the running statistics in evaluation, and leaves them alone", () => {
  const norm = trained().eval();
  const y = norm.forward(ofCount(Math.sin));
  assertClose(y, float64(runningByTorch.y).reshape([2, 3, 2, 2]), 1e-12);
  assertClose(norm.runningMean, float64(runningByTorch.mean), 1e-12);
  assertClose(norm.runningVariance, float64(runningByTorch.variance), 1e-12);
});

test("BatchNorm2d uses the batch's own statistics in training, whatever the running ones", () => {
  const y = trained().forward(ofCount(Math.sin));
  const fresh = batchNorm2d(ofCount(Math.sin), float64([1, 1, 1]), float64([0, 0, 0]));
  assertClose(y, fresh, 1e-12);
});

test("BatchNorm2d takes one image of one pixel in evaluation", () => {
  const norm = new BatchNorm2d(2, { epsilon: 0, dtype: "float64" }).eval();
  norm.runningMean.data.set([1, 2]);
  norm.runningVariance.data.set([4, 16]);
  assertEquals(norm.forward(float64([[[[5]], [[5]]]])).toArray(), [[[[2]], [[0.75]]]]);
});

test("BatchNorm2d takes ε and momentum from its options", () => {
  const norm = new BatchNorm2d(1, { epsilon: 3, momentum: 0.5, dtype: "float64" });
  const y = norm.forward(float64([[[[3, 5]]]])); // mean 4, variance 1, unbiased 2
  assertEquals(y.toArray(), [[[[-0.5, 0.5]]]]);
  assertEquals([norm.runningMean.item(), norm.runningVariance.item()], [2, 1.5]);
});

test("BatchNorm2d keeps running statistics out of the gradients and out of the parameters", () => {
  const norm = trained();
  assertEquals([...norm.namedParameters().keys()], ["weight", "bias"]);
  assert(!norm.runningMean.requiresGrad && !norm.runningVariance.requiresGrad);
  assertEquals([norm.weight.version, norm.bias.version], [0, 0]);
});

test("BatchNorm2d's gradients agree with finite differences in evaluation", () => {
  const generator = new Generator(15), norm = trained().eval();
  const inputs = [normal([2, 3, 2, 2], generator), ...[1, 2].map(() => normal([3], generator))];
  const compute = ([x, weight, bias]: readonly Tensor[]): Tensor =>
    Object.assign(norm, { weight, bias }).forward(x);
  assertLess(checkGradients(compute, inputs), 1e-6);
});

test("BatchNorm2d's gradients agree with finite differences in training", () => {
  const generator = new Generator(16), norm = new BatchNorm2d(3, { dtype: "float64" });
  const inputs = [normal([2, 3, 2, 2], generator), ...[1, 2].map(() => normal([3], generator))];
  const compute = ([x, weight, bias]: readonly Tensor[]): Tensor =>
    Object.assign(norm, { weight, bias }).forward(x);
  assertLess(checkGradients(compute, inputs), 1e-6);
});

test("BatchNorm2d leaves its statistics as they were after an error", () => {
  const norm = trained();
  for (const shape of [[2, 4, 2, 2], [2, 3], [1, 3, 1, 1]]) {
    assertThrows(() => norm.forward(Tensor.ones(shape, { dtype: "float64" })), ShapeError);
  }
  assertClose(norm.runningMean, float64(runningByTorch.mean), 1e-12);
  assertClose(norm.runningVariance, float64(runningByTorch.variance), 1e-12);
});

// ── Layers ──

test("Conv2d computes conv2d() with its own filters, bias and window", () => {
  const generator = new Generator(17), slide = { kernelSize: 3, stride: 2, padding: 1 };
  for (const bias of [true, false]) {
    const layer = new Conv2d(2, 4, 3, { generator, stride: 2, padding: 1, bias });
    const x = normal([2, 2, 5, 6], generator, "float32");
    assertClose(layer.forward(x), convolveSlowly(x, layer.weight, layer.bias, slide), 1e-5);
    const names = [...layer.namedParameters().keys()];
    assertEquals(names, bias ? ["weight", "bias"] : ["weight"]);
  }
});

test("Conv2d begins with weights and bias spread evenly over ±1/√(C·K·K)", () => {
  const layer = new Conv2d(4, 100, 3, { generator: new Generator(18) }), bound = 1 / 6;
  assertEquals(layer.weight.shape, [100, 4, 3, 3]);
  assertEquals(layer.bias?.shape, [100]);
  for (const { data } of layer.parameters()) {
    assert(data.every((w) => Math.abs(w) <= bound));
    assert(data.some((w) => w > 0.9 * bound) && data.some((w) => w < -0.9 * bound));
  }
  const square = inner(layer.weight, layer.weight) / layer.weight.size;
  assertLess(Math.abs(square / (bound ** 2 / 3) - 1), 0.1); // the variance of even numbers
});

test("MaxPool2d computes maxPool2d() with its own window", () => {
  const x = normal([2, 2, 5, 6], new Generator(19));
  assertClose(new MaxPool2d(2).forward(x), poolSlowly(x, 2, 2).pooled, 0);
  assertClose(new MaxPool2d(3, 1).forward(x), poolSlowly(x, 3, 1).pooled, 0);
});

// ── What it costs ──

const costs: [title: string, layer: Module, inputShape: Shape, cost: Cost][] = [
  [
    "Conv2d: 8 filters at 6·6 places, each 1·3·3 products",
    new Conv2d(1, 8, 3, { generator: new Generator(1) }),
    [1, 1, 8, 8],
    { outputShape: [1, 8, 6, 6], multiplyAccumulates: 2592 },
  ],
  [
    "Conv2d: 2 images, 8 filters at 5·4 places, each 3·3·3 products",
    new Conv2d(3, 8, 3, { generator: new Generator(1), stride: 2, padding: 1 }),
    [2, 3, 9, 7],
    { outputShape: [2, 8, 5, 4], multiplyAccumulates: 8640 },
  ],
  [
    "MaxPool2d: no products, and what fills no window is left out",
    new MaxPool2d(2),
    [2, 3, 5, 7],
    { outputShape: [2, 3, 2, 3], multiplyAccumulates: 0 },
  ],
  [
    "MaxPool2d: overlapping windows",
    new MaxPool2d(3, 2),
    [2, 3, 5, 7],
    { outputShape: [2, 3, 2, 3], multiplyAccumulates: 0 },
  ],
  [
    "BatchNorm2d: no products, and the shape stays",
    new BatchNorm2d(3),
    [2, 3, 5, 7],
    { outputShape: [2, 3, 5, 7], multiplyAccumulates: 0 },
  ],
];

for (const [title, layer, inputShape, cost] of costs) {
  test(`cost() counts ${title}`, () => {
    assertEquals(layer.cost(inputShape), cost);
    assertEquals(layer.forward(Tensor.ones(inputShape)).shape, cost.outputShape);
    const { multiplyAccumulates } = summarize(layer, inputShape);
    assertEquals(multiplyAccumulates, cost.multiplyAccumulates);
  });
}

test("summarize() counts the parameters of convolutions and normalisations", () => {
  const generator = new Generator(1);
  const count = (layer: Module): number => summarize(layer, [2, 3, 8, 8]).parameters;
  assertEquals(count(new Conv2d(3, 8, 3, { generator })), 8 * 3 * 3 * 3 + 8);
  assertEquals(count(new Conv2d(3, 8, 3, { generator, bias: false })), 8 * 3 * 3 * 3);
  assertEquals(count(new BatchNorm2d(3)), 3 + 3);
  assertEquals(count(new MaxPool2d(2)), 0);
});

// ── Dtypes ──

for (const dtype of dtypes) {
  test(`every operation of module 09 keeps ${dtype}, forward and backward`, () => {
    const generator = new Generator(20);
    const [x, w, c] = [[2, 3, 4, 4], [2, 3, 3, 3], [3]].map((shape) =>
      normal(shape, generator, dtype)
    );
    const bias = normal([2], generator, dtype);
    const cases: [compute: (inputs: readonly Tensor[]) => Tensor, inputs: Tensor[]][] = [
      [([x]) => unfold(x, { kernelSize: 2, padding: 1 }), [x]],
      [([x, w, b]) => conv2d(x, w, b), [x, w, bias]],
      [([x]) => maxPool2d(x, 2), [x]],
      [([x, g, b]) => batchNorm2d(x, g, b), [x, c, c]],
    ];
    for (const [compute, inputs] of cases) {
      const y = compute(inputs);
      assertEquals(y.dtype, dtype);
      const found = pullBack(compute, inputs, Tensor.ones(y.shape, { dtype }));
      found.forEach((g, k) => assertEquals([g.dtype, g.shape], [dtype, [...inputs[k].shape]]));
    }
  });

  test(`every layer of module 09 can be ${dtype}`, () => {
    const generator = new Generator(21), x = normal([2, 3, 4, 4], generator, dtype);
    for (
      const layer of [new Conv2d(3, 2, 3, { generator, dtype }), new BatchNorm2d(3, { dtype })]
    ) {
      assertEquals(layer.parameters().map((p) => p.dtype), [dtype, dtype]);
      assertEquals([layer.forward(x).dtype, layer.eval().forward(x).dtype], [dtype, dtype]);
    }
  });
}

test("no operation of module 09 notes an origin inside of noGrad()", () => {
  const x = leaf(Tensor.ones([2, 1, 2, 2])), one = Tensor.ones([1]);
  const results = noGrad(() => [
    unfold(x, { kernelSize: 1 }),
    conv2d(x, Tensor.ones([1, 1, 1, 1]), null),
    maxPool2d(x, 2),
    batchNorm2d(x, one, one),
  ]);
  assertEquals(results.map(({ requiresGrad }) => requiresGrad), [false, false, false, false]);
});

// ── What is refused ──

const images = Tensor.ones([2, 3, 5, 4]);
const layerOf3 = new Conv2d(3, 2, 3, { generator: new Generator(1) });

type Refusal = readonly [
  title: string,
  body: () => unknown,
  Class: typeof ShapeError | typeof ValueError,
  message: string,
  hint?: string,
];

const refusals: readonly Refusal[] = [
  [
    "unfold() of a matrix",
    () => unfold(Tensor.ones([3, 4]), { kernelSize: 2 }),
    ShapeError,
    "Cannot slide a window over (3, 4): images are (B, C, H, W)",
  ],
  [
    "unfold() of an image without a batch axis",
    () => unfold(Tensor.ones([3, 5, 4]), { kernelSize: 2 }),
    ShapeError,
    "Cannot slide a window over (3, 5, 4): images are (B, C, H, W)",
    "add a batch axis: reshape([1, C, H, W])",
  ],
  [
    "a window larger than the image",
    () => unfold(images, { kernelSize: 5 }),
    ShapeError,
    "Cannot slide a window of 5 over (2, 3, 5, 4): axis 3 has only 4 pixels",
  ],
  [
    "a window larger than the image with its padding",
    () => unfold(images, { kernelSize: 8, padding: 1 }),
    ShapeError,
    "Cannot slide a window of 8 over (2, 3, 5, 4): axis 2 has only 5 pixels and padding 1",
  ],
  ...[0, -1, 1.5, NaN].map((kernelSize): Refusal => [
    `a window with side ${kernelSize}`,
    () => unfold(images, { kernelSize }),
    ValueError,
    `Cannot slide a window with kernelSize ${kernelSize}: it must be a whole number of at least 1`,
  ]),
  ...[0, -1, 0.5, Infinity].map((stride): Refusal => [
    `a window with stride ${stride}`,
    () => conv2d(images, layerOf3.weight, null, { stride }),
    ValueError,
    `Cannot slide a window with stride ${stride}: it must be a whole number of at least 1`,
  ]),
  ...[-1, 0.5, NaN].map((padding): Refusal => [
    `a window with padding ${padding}`,
    () => conv2d(images, layerOf3.weight, null, { padding }),
    ValueError,
    `Cannot slide a window with padding ${padding}: it must be a whole number of at least 0`,
  ]),
  [
    "conv2d() with filters of other channels",
    () => conv2d(images, Tensor.ones([2, 4, 3, 3]), null),
    ShapeError,
    "Cannot convolve (2, 3, 5, 4) with (2, 4, 3, 3): " +
    "it takes images (B, C, H, W) and square filters (F, C, K, K) of as many channels",
  ],
  [
    "conv2d() with filters that are not square",
    () => conv2d(images, Tensor.ones([2, 3, 3, 2]), null),
    ShapeError,
    "Cannot convolve (2, 3, 5, 4) with (2, 3, 3, 2): " +
    "it takes images (B, C, H, W) and square filters (F, C, K, K) of as many channels",
  ],
  [
    "conv2d() with a matrix for filters",
    () => conv2d(images, Tensor.ones([2, 3]), null),
    ShapeError,
    "Cannot convolve (2, 3, 5, 4) with (2, 3): " +
    "it takes images (B, C, H, W) and square filters (F, C, K, K) of as many channels",
  ],
  [
    "conv2d() of images without a batch axis",
    () => conv2d(Tensor.ones([3, 5, 4]), Tensor.ones([2, 3, 3, 3]), null),
    ShapeError,
    "Cannot convolve (3, 5, 4) with (2, 3, 3, 3): " +
    "it takes images (B, C, H, W) and square filters (F, C, K, K) of as many channels",
  ],
  [
    "conv2d() of images smaller than the filters",
    () => conv2d(Tensor.ones([2, 3, 2, 4]), Tensor.ones([2, 3, 3, 3]), null),
    ShapeError,
    "Cannot slide a window of 3 over (2, 3, 2, 4): axis 2 has only 2 pixels",
  ],
  [
    "conv2d() with another number of biases than of filters",
    () => conv2d(images, Tensor.ones([2, 3, 3, 3]), Tensor.ones([3])),
    ShapeError,
    "Cannot add a bias (3,) to 2 filters: it takes one number per filter (2,)",
  ],
  [
    "conv2d() with filters of another dtype",
    () => conv2d(images, Tensor.ones([2, 3, 3, 3], { dtype: "float64" }), null),
    ShapeError,
    "Cannot convolve float32 with float64: all must have one dtype",
    "convert one with .to(dtype)",
  ],
  [
    "conv2d() with a bias of another dtype",
    () => conv2d(images, layerOf3.weight, Tensor.ones([2], { dtype: "float64" })),
    ShapeError,
    "Cannot convolve float32 with float64: all must have one dtype",
    "convert one with .to(dtype)",
  ],
  [
    "Conv2d on images of other channels",
    () => layerOf3.forward(Tensor.ones([2, 1, 5, 4])),
    ShapeError,
    "Cannot convolve (2, 1, 5, 4) with (2, 3, 3, 3): " +
    "it takes images (B, C, H, W) and square filters (F, C, K, K) of as many channels",
  ],
  [
    "Conv2d.cost() of images of other channels",
    () => layerOf3.cost([2, 1, 5, 4]),
    ShapeError,
    "Cannot convolve (2, 1, 5, 4) with (2, 3, 3, 3): " +
    "it takes images (B, C, H, W) and square filters (F, C, K, K) of as many channels",
  ],
  [
    "Conv2d.cost() of images smaller than the window",
    () => layerOf3.cost([2, 3, 5, 2]),
    ShapeError,
    "Cannot slide a window of 3 over (2, 3, 5, 2): axis 3 has only 2 pixels",
  ],
  [
    "maxPool2d() of a matrix",
    () => maxPool2d(Tensor.ones([4, 4]), 2),
    ShapeError,
    "Cannot pool (4, 4): images are (B, C, H, W)",
  ],
  [
    "maxPool2d() of images smaller than the window",
    () => maxPool2d(images, 5),
    ShapeError,
    "Cannot slide a window of 5 over (2, 3, 5, 4): axis 3 has only 4 pixels",
  ],
  [
    "maxPool2d() with a window of 0",
    () => maxPool2d(images, 0),
    ValueError,
    "Cannot slide a window with kernelSize 0: it must be a whole number of at least 1",
  ],
  [
    "maxPool2d() with a stride of 0",
    () => maxPool2d(images, 2, 0),
    ValueError,
    "Cannot slide a window with stride 0: it must be a whole number of at least 1",
  ],
  [
    "MaxPool2d.cost() of a matrix",
    () => new MaxPool2d(2).cost([4, 4]),
    ShapeError,
    "Cannot pool (4, 4): images are (B, C, H, W)",
  ],
  [
    "batchNorm2d() of a matrix",
    () => batchNorm2d(Tensor.ones([4, 3]), Tensor.ones([3]), Tensor.ones([3])),
    ShapeError,
    "Cannot normalise (4, 3): it takes images (B, 3, H, W), one γ and β per channel",
  ],
  [
    "batchNorm2d() with another number of scales than of channels",
    () => batchNorm2d(images, Tensor.ones([2]), Tensor.ones([2])),
    ShapeError,
    "Cannot normalise (2, 3, 5, 4): it takes images (B, 2, H, W), one γ and β per channel",
  ],
  [
    "batchNorm2d() with another number of shifts than of scales",
    () => batchNorm2d(images, Tensor.ones([3]), Tensor.ones([1])),
    ShapeError,
    "Cannot normalise (2, 3, 5, 4) with γ (3,) and β (1,): both must be (3,)",
  ],
  [
    "batchNorm2d() of another dtype than its scales'",
    () => batchNorm2d(images.to("float64"), Tensor.ones([3]), Tensor.ones([3])),
    ShapeError,
    "Cannot normalise float64 with float32: all must have one dtype",
    "convert one with .to(dtype)",
  ],
  [
    "batchNorm2d() of one number per channel",
    () => batchNorm2d(Tensor.ones([1, 3, 1, 1]), Tensor.ones([3]), Tensor.ones([3])),
    ShapeError,
    "Cannot normalise (1, 3, 1, 1) by itself: one number per channel has no variance",
    "train on larger batches, or call eval() first",
  ],
  ...[true, false].map((training): Refusal => [
    `BatchNorm2d on images of other channels ${training ? "in training" : "in evaluation"}`,
    () => new BatchNorm2d(2).train(training).forward(images),
    ShapeError,
    "Cannot normalise (2, 3, 5, 4): it takes images (B, 2, H, W), one γ and β per channel",
  ]),
  [
    "BatchNorm2d.cost() of images of other channels",
    () => new BatchNorm2d(2).cost([2, 3, 5, 4]),
    ShapeError,
    "Cannot normalise (2, 3, 5, 4): it takes images (B, 2, H, W), one γ and β per channel",
  ],
];

for (const [title, body, Class, message, hint] of refusals) {
  test(`${title} is refused`, () => assertRefuses(body, Class, message, hint));
}

test("BatchNorm2d in evaluation keeps the statistics it used, whatever a later training step does", () => {
  const norm = new BatchNorm2d(1), x = Tensor.of([[[[1, 2], [3, 6]]]]);
  const gradientOfScale = (between: () => void): number => {
    norm.weight.grad = null;
    const loss = norm.eval().forward(x).sum();
    between();
    backward(loss);
    return norm.weight.grad === null ? NaN : (norm.weight.grad as Tensor).item();
  };
  const undisturbed = gradientOfScale(() => {});
  assertEquals(gradientOfScale(() => norm.train().forward(x.mul(10))), undisturbed);
});
