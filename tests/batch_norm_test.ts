/**
 * Batch normalisation against PyTorch and finite differences; what its layer remembers, and what it
 * refuses.
 *
 * @module
 */
import { assert, assertEquals, assertLess, assertThrows } from "@std/assert";
import { backward, checkGradients, leaf, noGrad } from "#autograd";
import { Sequential, summarize } from "#layers";
import { Generator } from "#random";
import { BatchNorm2d, batchNorm2d } from "#spatial";
import { type DType, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses, type Refusal } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { assertClose, dtypes, float64, normal, pullBack } from "./project/tensors.ts";

// ── Help ──

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

test("batchNorm2d() gives β where all numbers of a channel are equal, if ε is not 0", () => {
  const x = Tensor.full([2, 1, 1, 2], 7), one = Tensor.ones([1]);
  assertEquals(batchNorm2d(x, one, Tensor.of([3])).toArray(), [[[[3, 3]]], [[[3, 3]]]]);
  assert(batchNorm2d(x, one, one, 0).data.every(Number.isNaN)); // 0/0, as in PyTorch
});

test("batchNorm2d() uses ε of 1e-5 unless told", () => {
  const x = float64([[[[0.001, -0.001]]]]), one = float64([1]), zero = float64([0]);
  const expected = 0.001 / Math.sqrt(1e-6 + 1e-5);
  assertClose(batchNorm2d(x, one, zero), float64([[[[expected, -expected]]]]), 1e-12);
});

test("batchNorm2d() lets NaN into its own channel only", () => {
  const x = Tensor.of([[[[1, NaN]], [[1, 3]]]]), one = Tensor.ones([2]), zero = Tensor.zeros([2]);
  assertEquals(batchNorm2d(x, one, zero, 0).toArray(), [[[[NaN, NaN]], [[-1, 1]]]]);
});

test("batchNorm2d() changes none of its inputs, forward and backward", () => {
  const generator = new Generator(13);
  const inputs = [normal([2, 3, 2, 2], generator), ...[1, 2].map(() => normal([3], generator))];
  const before = inputs.map(({ data }) => [...data]);
  const g = normal([2, 3, 2, 2], generator), gBefore = [...g.data];
  pullBack(([x, gamma, beta]) => batchNorm2d(x, gamma, beta), inputs, g);
  assertEquals(inputs.map(({ data }) => [...data]), before);
  assertEquals([...g.data], gBefore);
});

for (const dtype of dtypes) {
  test(`batchNorm2d() and BatchNorm2d keep ${dtype}, forward and backward`, () => {
    const generator = new Generator(20), x = normal([2, 3, 4, 4], generator, dtype);
    const inputs = [x, normal([3], generator, dtype), normal([3], generator, dtype)];
    const g = Tensor.ones(x.shape, { dtype });
    const found = pullBack(([x, gamma, beta]) => batchNorm2d(x, gamma, beta), inputs, g);
    found.forEach((g, k) => assertEquals([g.dtype, g.shape], [dtype, [...inputs[k].shape]]));
    const norm = new BatchNorm2d(3, { dtype });
    const own = [...norm.parameters(), norm.runningMean, norm.runningVariance];
    assertEquals(own.map((tensor) => tensor.dtype), [dtype, dtype, dtype, dtype]);
    assertEquals([norm.forward(x).dtype, norm.eval().forward(x).dtype], [dtype, dtype]);
  });
}

test("batchNorm2d() and BatchNorm2d note no origin inside of noGrad()", () => {
  const x = leaf(Tensor.of([[[[1, 2]]]])), one = Tensor.ones([1]), norm = new BatchNorm2d(1);
  const results = noGrad(() => [
    batchNorm2d(x, one, one),
    norm.forward(x),
    new BatchNorm2d(1).eval().forward(x),
  ]);
  assertEquals(results.map(({ requiresGrad }) => requiresGrad), [false, false, false]);
  assertClose(norm.runningMean, Tensor.of([0.15]), 1e-6); // measured all the same
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

test("BatchNorm2d begins with γ and variance 1, β and mean 0, momentum 0.1 and ε 1e-5", () => {
  const norm = new BatchNorm2d(2, { dtype: "float64" });
  assertEquals(norm.channels, 2);
  const own = [norm.weight, norm.bias, norm.runningMean, norm.runningVariance];
  assertEquals(own.map((tensor) => tensor.toArray()), [[1, 1], [0, 0], [0, 0], [1, 1]]);
  const y = norm.eval().forward(float64([[[[1]], [[2]]]])), scale = 1 / Math.sqrt(1 + 1e-5);
  assertClose(y, float64([[[[scale]], [[2 * scale]]]]), 1e-15);
  norm.train().forward(float64([[[[10, 10]], [[20, 20]]]]));
  assertClose(norm.runningMean, float64([1, 2]), 1e-15);
  assertClose(norm.runningVariance, float64([0.9, 0.9]), 1e-15);
});

test("BatchNorm2d remembers nothing with momentum 0, and only the last batch with 1", () => {
  for (const [momentum, mean, variance] of [[0, 0, 1], [1, 20, 200]]) {
    const norm = new BatchNorm2d(1, { momentum });
    for (const batch of [[3, 5], [10, 30]]) norm.forward(Tensor.of([[[batch]]]));
    assertEquals([norm.runningMean.item(), norm.runningVariance.item()], [mean, variance]);
  }
});

test("BatchNorm2d measures each batch once, and nothing on the way back", () => {
  const norm = new BatchNorm2d(1, { momentum: 0.5 });
  backward(norm.forward(Tensor.of([[[[3, 5]]]])).sum());
  assertEquals([norm.runningMean.item(), norm.runningVariance.item()], [2, 1.5]);
});

test("BatchNorm2d's statistics do not share memory with what comes in and out", () => {
  const norm = new BatchNorm2d(1, { momentum: 1 }), x = Tensor.of([[[[3, 5]]]]);
  norm.forward(x).data.fill(99);
  x.data.fill(99);
  assertEquals([norm.runningMean.item(), norm.runningVariance.item()], [4, 2]);
});

test("BatchNorm2d's state has parameters and statistics, and loads again", () => {
  const norm = trained(), other = new BatchNorm2d(3, { dtype: "float64" });
  const names = ["weight", "bias", "runningMean", "runningVariance"];
  assertEquals([...norm.stateDict().keys()], names);
  other.loadStateDict(norm.stateDict());
  const x = ofCount(Math.sin);
  assertClose(other.eval().forward(x), norm.eval().forward(x), 0);
  other.runningMean.data.fill(7);
  assertClose(norm.runningMean, float64(runningByTorch.mean), 1e-12);
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
  assertThrows(() => norm.forward(Tensor.ones([2, 3, 2, 2])), ShapeError);
  assertClose(norm.runningMean, float64(runningByTorch.mean), 1e-12);
  assertClose(norm.runningVariance, float64(runningByTorch.variance), 1e-12);
});

test("BatchNorm2d in evaluation keeps the statistics it used, whatever a later training step does", () => {
  const norm = new BatchNorm2d(1), x = Tensor.of([[[[1, 2], [3, 6]]]]);
  const gradientOfScale = (between: () => void): number => {
    norm.zeroGrad();
    const loss = norm.eval().forward(x).sum();
    between();
    backward(loss);
    return norm.weight.grad?.item() ?? NaN;
  };
  const undisturbed = gradientOfScale(() => {});
  assertEquals(gradientOfScale(() => norm.train().forward(x.mul(10))), undisturbed);
});

// ── What it costs ──

test("BatchNorm2d costs no products, keeps the shape, and has two parameters per channel", () => {
  const norm = new BatchNorm2d(3), shape = [2, 3, 5, 7];
  assertEquals(norm.cost(shape), { outputShape: shape, multiplyAccumulates: 0 });
  assertEquals(norm.forward(Tensor.ones(shape)).shape, shape);
  const { parameters, multiplyAccumulates } = summarize(new Sequential(norm), shape);
  assertEquals([parameters, multiplyAccumulates], [6, 0]);
});

// ── What is refused ──

const images = Tensor.ones([2, 3, 5, 4]), three = Tensor.ones([3]);
const itTakes = (channels: number): string =>
  `it takes images (B, ${channels}, H, W), one γ and β per channel`;
const atLeast0 = "it must be a finite number of at least 0";

const refusals: readonly Refusal[] = [
  ...[[], [3], [4, 3], [2, 3, 4], [1, 2, 3, 4, 5]].flatMap((shape): Refusal[] => {
    const shown = shape.length === 1 ? "(3,)" : `(${shape.join(", ")})`;
    const message = `Cannot normalise ${shown}: ${itTakes(3)}`;
    const norm = new BatchNorm2d(3);
    return [
      [
        `batchNorm2d() of ${shown}`,
        () => batchNorm2d(Tensor.ones(shape), three, three),
        ShapeError,
        message,
      ],
      [`BatchNorm2d of ${shown}`, () => norm.forward(Tensor.ones(shape)), ShapeError, message],
      [`BatchNorm2d.cost() of ${shown}`, () => norm.cost(shape), ShapeError, message],
    ];
  }),
  [
    "batchNorm2d() with another number of scales than of channels",
    () => batchNorm2d(images, Tensor.ones([2]), Tensor.ones([2])),
    ShapeError,
    `Cannot normalise (2, 3, 5, 4): ${itTakes(2)}`,
  ],
  [
    "batchNorm2d() with one number for all channels",
    () => batchNorm2d(images, Tensor.ones([]), Tensor.ones([])),
    ShapeError,
    `Cannot normalise (2, 3, 5, 4): ${itTakes(1)}`,
  ],
  [
    "batchNorm2d() with another number of shifts than of scales",
    () => batchNorm2d(images, three, Tensor.ones([1])),
    ShapeError,
    "Cannot normalise with γ (3,) and β (1,): both must be (3,)",
  ],
  [
    "batchNorm2d() with scales in a row of a matrix",
    () => batchNorm2d(images, Tensor.ones([1, 3]), three),
    ShapeError,
    "Cannot normalise with γ (1, 3) and β (3,): both must be (3,)",
  ],
  [
    "batchNorm2d() with shifts of another shape",
    () => batchNorm2d(images, three, Tensor.ones([3, 1, 1])),
    ShapeError,
    "Cannot normalise with γ (3,) and β (3, 1, 1): both must be (3,)",
  ],
  [
    "batchNorm2d() of another dtype than its scales'",
    () => batchNorm2d(images.to("float64"), three, three),
    ShapeError,
    "Cannot normalise float64 and float32: all must have one dtype",
    "convert one with .to(dtype)",
  ],
  [
    "batchNorm2d() of another dtype than its shifts'",
    () => batchNorm2d(images, three, three.to("float64")),
    ShapeError,
    "Cannot normalise float32 and float64: all must have one dtype",
    "convert one with .to(dtype)",
  ],
  [
    "BatchNorm2d of another dtype in training",
    () => new BatchNorm2d(3).forward(images.to("float64")),
    ShapeError,
    "Cannot normalise float64 and float32: all must have one dtype",
    "convert one with .to(dtype)",
  ],
  [
    "BatchNorm2d of another dtype in evaluation",
    () => new BatchNorm2d(3).eval().forward(images.to("float64")),
    ShapeError,
    "Cannot combine float64 and float32: all must have one dtype",
    "convert one with .to(dtype)",
  ],
  [
    "batchNorm2d() of one number per channel",
    () => batchNorm2d(Tensor.ones([1, 3, 1, 1]), three, three),
    ShapeError,
    "Cannot normalise (1, 3, 1, 1) by itself: one number per channel has no variance",
    "a last batch of one? dropLast: true leaves it out; or eval()",
  ],
  ...[true, false].map((training): Refusal => [
    `BatchNorm2d on images of other channels ${training ? "in training" : "in evaluation"}`,
    () => new BatchNorm2d(2).train(training).forward(images),
    ShapeError,
    `Cannot normalise (2, 3, 5, 4): ${itTakes(2)}`,
  ]),
  [
    "BatchNorm2d.cost() of images of other channels",
    () => new BatchNorm2d(2).cost([2, 3, 5, 4]),
    ShapeError,
    `Cannot normalise (2, 3, 5, 4): ${itTakes(2)}`,
  ],
  ...[-1, NaN, Infinity].flatMap((epsilon): Refusal[] => [
    [
      `batchNorm2d() with ε ${epsilon}`,
      () => batchNorm2d(images, three, three, epsilon),
      ValueError,
      `Cannot normalise with epsilon ${epsilon}: ${atLeast0}`,
    ],
    [
      `a BatchNorm2d with ε ${epsilon}`,
      () => new BatchNorm2d(3, { epsilon }),
      ValueError,
      `Cannot make a BatchNorm2d with epsilon ${epsilon}: ${atLeast0}`,
    ],
  ]),
  ...[-0.1, 1.1, NaN, Infinity].map((momentum): Refusal => [
    `a BatchNorm2d with momentum ${momentum}`,
    () => new BatchNorm2d(3, { momentum }),
    ValueError,
    `Cannot make a BatchNorm2d with momentum ${momentum}: it must be a finite number from 0 to 1`,
  ]),
  ...[0, -1, 1.5, NaN, Infinity].map((channels): Refusal => [
    `a BatchNorm2d of ${channels} channels`,
    () => new BatchNorm2d(channels),
    ValueError,
    `Cannot make a BatchNorm2d of ${channels} channels: it must be a whole number of at least 1`,
  ]),
  [
    "a BatchNorm2d with an option that it does not know",
    () => new BatchNorm2d(3, Object.assign({ epsilon: 1 }, { eps: 1 })),
    ValueError,
    "Cannot use the option eps: BatchNorm2d has none of that name",
  ],
  [
    "a BatchNorm2d of an unknown dtype",
    () => new BatchNorm2d(3, JSON.parse('{ "dtype": "float16" }')),
    ValueError,
    'Cannot make numbers of dtype float16: it is "float32" or "float64"',
  ],
];

for (const [title, body, ErrorClass, message, hint] of refusals) {
  test(`${title} is refused`, () => assertRefuses(body, ErrorClass, message, hint));
}
