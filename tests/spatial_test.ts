/**
 * The windows of module 09, unfolding and convolution: against plain loops and finite differences;
 * what they cost; and what they refuse.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { backward, checkGradients, gradients, GraphError, leaf, noGrad } from "#autograd";
import { type Cost, kaimingNormal, summarize } from "#layers";
import { Generator } from "#random";
import { Conv2d, conv2d, type Conv2dOptions, type Pair, type Sliding, unfold } from "#spatial";
import { type Shape, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses, type Refusal } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { assertClose, dtypes, float64, normal, pullBack } from "./project/tensors.ts";

// ── Help ──

/** One of low … high. */
function draw(generator: Generator, low: number, high: number): number {
  return low + generator.integer(high - low + 1);
}

/** ⟨a, b⟩ = Σ aᵢ·bᵢ. */
function inner(a: Tensor, b: Tensor): number {
  assertEquals(a.shape, b.shape);
  let total = 0;
  for (let i = 0; i < a.size; i++) total += a.data[i] * b.data[i];
  return total;
}

type Two = readonly [number, number];

/** How a window slides, down and across. */
interface Slide {
  readonly kernelSize: Two;
  readonly stride: Two;
  readonly padding: Two;
  readonly dilation: Two;
}

/** How many positions fit, found by trying one after the other. */
function positions([, , H, W]: Shape, { kernelSize, stride, padding, dilation }: Slide): number[] {
  return [H, W].map((n, axis) => {
    let count = 0, last = -padding[axis] + dilation[axis] * (kernelSize[axis] - 1);
    for (; last < n + padding[axis]; last += stride[axis]) count++;
    return count;
  });
}

/** Calls `visit` for each pixel that each window sees, with the places in columns and images. */
function forEachView(
  [B, C, H, W]: Shape,
  slide: Slide,
  visit: (column: number, pixel: number) => void,
): void {
  const { kernelSize: [kH, kW], stride, padding, dilation } = slide;
  const [oH, oW] = positions([B, C, H, W], slide);
  let column = 0;
  for (let b = 0; b < B; b++) {
    for (let c = 0; c < C; c++) {
      for (let ky = 0; ky < kH; ky++) {
        for (let kx = 0; kx < kW; kx++) {
          for (let oy = 0; oy < oH; oy++) {
            for (let ox = 0; ox < oW; ox++, column++) {
              const y = oy * stride[0] + ky * dilation[0] - padding[0];
              const x = ox * stride[1] + kx * dilation[1] - padding[1];
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
function convolveSlowly(x: Tensor, weight: Tensor, bias: Tensor | null, slide: Slide): Tensor {
  const [B, C, H, W] = x.shape, [F, , kH, kW] = weight.shape, { stride, padding, dilation } = slide;
  const [oH, oW] = positions(x.shape, slide);
  const out = Tensor.zeros([B, F, oH, oW], { dtype: x.dtype });
  let o = 0;
  for (let b = 0; b < B; b++) {
    for (let f = 0; f < F; f++) {
      for (let oy = 0; oy < oH; oy++) {
        for (let ox = 0; ox < oW; ox++, o++) {
          let total = bias ? bias.data[f] : 0;
          for (let c = 0; c < C; c++) {
            for (let ky = 0; ky < kH; ky++) {
              for (let kx = 0; kx < kW; kx++) {
                const py = oy * stride[0] + ky * dilation[0] - padding[0];
                const px = ox * stride[1] + kx * dilation[1] - padding[1];
                if (py < 0 || py >= H || px < 0 || px >= W) continue;
                total += weight.data[((f * C + c) * kH + ky) * kW + kx] *
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

/** A slide with the same numbers down and across, with one other number if told. */
function slideOf(kernelSize: Two, more: Partial<Slide> = {}): Slide {
  return { kernelSize, stride: [1, 1], padding: [0, 0], dilation: [1, 1], ...more };
}

/** Every way to slide that fits the images used with it, (5, 4) and larger. */
const slides: readonly Slide[] = [
  ...([1, 2, 3] as const).flatMap((side) =>
    ([1, 2, 3] as const).flatMap((step) =>
      ([0, 1, 2] as const).map((pad) =>
        slideOf([side, side], { stride: [step, step], padding: [pad, pad] })
      )
    )
  ),
  slideOf([3, 1]),
  slideOf([1, 4]),
  slideOf([5, 4]),
  slideOf([2, 3], { stride: [1, 2] }),
  slideOf([2, 3], { stride: [3, 1], padding: [0, 2] }),
  slideOf([2, 2], { dilation: [2, 2] }),
  slideOf([2, 2], { dilation: [4, 1], stride: [1, 2] }),
  slideOf([3, 2], { dilation: [2, 3], padding: [1, 0] }),
  slideOf([3, 3], { dilation: [3, 3], padding: [3, 3], stride: [2, 2] }),
  slideOf([2, 2], { dilation: [7, 7], padding: [4, 4] }), // its corners see different sides
];

// ── unfold() and its gradient ──

test("unfold() agrees with plain loops however the window slides", () => {
  const generator = new Generator(1);
  for (const dtype of dtypes) {
    for (const slide of slides) {
      const x = normal([2, 3, 5, 4], generator, dtype), [kH, kW] = slide.kernelSize;
      const [oH, oW] = positions(x.shape, slide);
      const expected = Tensor.zeros([2, 3 * kH * kW, oH * oW], { dtype });
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

test("unfold() moves by 1, pads nothing and sees neighbours unless told", () => {
  const x = Tensor.arange(12).reshape([1, 1, 3, 4]);
  const told = unfold(x, { kernelSize: 2, stride: 1, padding: 0, dilation: 1 });
  assertClose(unfold(x, { kernelSize: 2 }), told, 0);
  const unset = { stride: undefined, padding: undefined, dilation: undefined };
  assertClose(unfold(x, { kernelSize: 2, ...unset }), told, 0);
  assertClose(unfold(x, { kernelSize: 2, padding: "valid" }), told, 0);
});

test("unfold() takes one number for both axes", () => {
  const x = normal([2, 2, 6, 7], new Generator(2));
  const one = unfold(x, { kernelSize: 2, stride: 2, padding: 1, dilation: 3 });
  const both = { kernelSize: [2, 2], stride: [2, 2], padding: [1, 1], dilation: [3, 3] } as const;
  assertClose(one, unfold(x, both), 0);
});

test('unfold() pads by "same" as many as it takes, an odd one after the last pixel', () => {
  const x = normal([1, 2, 5, 4], new Generator(3));
  for (const kernelSize of [[1, 1], [2, 2], [3, 2], [4, 5], [6, 1]] as const) {
    for (const dilation of [[1, 1], [2, 1], [3, 3]] as const) {
      const [down, across] = [0, 1].map((axis) => dilation[axis] * (kernelSize[axis] - 1));
      const padded = x.pad([
        [0, 0],
        [0, 0],
        [Math.floor(down / 2), Math.ceil(down / 2)],
        [Math.floor(across / 2), Math.ceil(across / 2)],
      ]);
      const expected = unfold(padded, { kernelSize, dilation });
      assertEquals(expected.shape[2], 20);
      const same = { kernelSize, dilation, padding: "same", stride: 1 } as const;
      assertClose(unfold(x, same), expected, 0, `${kernelSize}, ${dilation}`);
    }
  }
});

test("unfold() moves NaN, infinities and −0 as they are", () => {
  const x = Tensor.of([[[[NaN, -0], [Infinity, -Infinity]]]]);
  const columns = unfold(x, { kernelSize: 2 });
  assertEquals([...columns.data], [NaN, -0, Infinity, -Infinity]);
});

test("fold is unfold() turned round: ⟨unfold(x), y⟩ = ⟨x, fold(y)⟩", () => {
  const generator = new Generator(4);
  for (const slide of slides) {
    const x = normal([2, 3, 5, 4], generator), columns = unfold(x, slide);
    const y = normal(columns.shape, generator);
    const [folded] = pullBack(([x]) => unfold(x, slide), [x], y);
    assertLess(Math.abs(inner(columns, y) - inner(x, folded)), 1e-10, JSON.stringify(slide));
  }
});

test("fold adds up what meets at a pixel", () => {
  const generator = new Generator(5);
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
  const generator = new Generator(6);
  for (const slide of slides) {
    const x = normal([2, 2, 5, 4], generator);
    assertLess(checkGradients(([x]) => unfold(x, slide), [x]), 1e-6);
  }
});

// ── conv2d() ──

for (const dtype of dtypes) {
  test(`conv2d() agrees with seven loops on 150 random shapes in ${dtype}`, () => {
    const generator = new Generator(7);
    const two = (low: number, high: number): Two => [
      draw(generator, low, high),
      draw(generator, low, high),
    ];
    for (let k = 0; k < 150; k++) {
      const kernelSize = two(1, 5), stride = two(1, 3), padding = two(0, 3), dilation = two(1, 3);
      const slide = { kernelSize, stride, padding, dilation };
      const [B, C, F] = [1, 2, 3].map(() => draw(generator, 1, 4));
      const [H, W] = [0, 1].map((axis) => {
        const reach = dilation[axis] * (kernelSize[axis] - 1) + 1;
        return Math.max(1, reach - 2 * padding[axis]) + draw(generator, 0, 7);
      });
      const x = normal([B, C, H, W], generator, dtype);
      const weight = normal([F, C, ...kernelSize], generator, dtype);
      const bias = draw(generator, 0, 1) === 1 ? normal([F], generator, dtype) : null;
      const expected = convolveSlowly(x, weight, bias, slide);
      const tolerance = dtype === "float32" ? 1e-5 : 1e-12;
      const found = conv2d(x, weight, bias, { stride, padding, dilation });
      assertClose(found, expected, tolerance, `${x.shape} with ${JSON.stringify(slide)}`);
    }
  });
}

test("conv2d() moves by 1, pads nothing and sees neighbours unless told", () => {
  const generator = new Generator(8), x = normal([2, 2, 5, 4], generator);
  const weight = normal([3, 2, 2, 3], generator), slide = slideOf([2, 3]);
  const expected = convolveSlowly(x, weight, null, slide);
  assertClose(conv2d(x, weight, null), expected, 1e-12);
  assertClose(conv2d(x, weight, null, {}), expected, 1e-12);
  const unset = { stride: undefined, padding: undefined, dilation: undefined };
  assertClose(conv2d(x, weight, null, unset), expected, 1e-12);
});

test('conv2d() with padding "same" keeps the size, for every side and dilation', () => {
  const generator = new Generator(9), x = normal([1, 2, 5, 4], generator);
  for (const kernelSize of [[1, 1], [2, 2], [3, 4], [5, 2], [7, 7]]) {
    for (const dilation of [1, 2]) {
      const weight = normal([3, 2, ...kernelSize], generator);
      const same = conv2d(x, weight, null, { padding: "same", dilation });
      assertEquals(same.shape, [1, 3, 5, 4]);
      const [down, across] = kernelSize.map((side) => dilation * (side - 1));
      const padded = x.pad([
        [0, 0],
        [0, 0],
        [Math.floor(down / 2), Math.ceil(down / 2)],
        [Math.floor(across / 2), Math.ceil(across / 2)],
      ]);
      assertClose(same, conv2d(padded, weight, null, { dilation }), 1e-12);
    }
  }
});

test("conv2d() gives the bias alone where the window sees only padding", () => {
  const y = conv2d(Tensor.of([[[[5]]]]), Tensor.of([[[[3]]]]), Tensor.of([0.5]), { padding: 1 });
  assertEquals(y.toArray(), [[[[0.5, 0.5, 0.5], [0.5, 15.5, 0.5], [0.5, 0.5, 0.5]]]]);
});

test("conv2d() lets NaN and ∞ into the positions that see them, and no others", () => {
  const x = Tensor.of([[[[1, 2, NaN, 4, 5, Infinity]]]]), filter = Tensor.of([[[[1, 1]]]]);
  assertEquals(conv2d(x, filter, null).toArray(), [[[[3, NaN, NaN, 9, Infinity]]]]);
});

test("conv2d() changes none of its inputs, forward and backward", () => {
  const generator = new Generator(10);
  const inputs = [[2, 2, 4, 4], [3, 2, 3, 3], [3]].map((shape) => normal(shape, generator));
  const g = normal([2, 3, 4, 4], generator), all = [...inputs, g];
  const before = all.map(({ data }) => [...data]);
  pullBack(([x, w, b]) => conv2d(x, w, b, { padding: 1 }), inputs, g);
  assertEquals(all.map(({ data }) => [...data]), before);
});

test("conv2d()'s gradients agree with finite differences however the window slides", () => {
  const generator = new Generator(11);
  for (const { kernelSize, ...sliding } of slides) {
    const x = normal([2, 2, 5, 4], generator), bias = normal([3], generator);
    const weight = normal([3, 2, ...kernelSize], generator);
    const worst = checkGradients(([x, w, b]) => conv2d(x, w, b, sliding), [x, weight, bias]);
    assertLess(worst, 1e-6);
  }
});

test('conv2d()\'s gradients agree with finite differences with padding "same"', () => {
  const generator = new Generator(12);
  const inputs = [[2, 2, 3, 4], [2, 2, 2, 3]].map((shape) => normal(shape, generator));
  for (const dilation of [1, 2]) {
    const sliding = { padding: "same", dilation } as const;
    assertLess(checkGradients(([x, w]) => conv2d(x, w, null, sliding), inputs), 1e-6);
  }
});

test("conv2d() gives a gradient to each input that requires one, whichever it is", () => {
  const generator = new Generator(13);
  const inputs = [[2, 2, 4, 3], [3, 2, 2, 2], [3]].map((shape) => normal(shape, generator));
  const g = normal([2, 3, 3, 2], generator);
  const all = pullBack(([x, w, b]) => conv2d(x, w, b), inputs, g);
  inputs.forEach((input, which) => {
    const only = leaf(input), [x, w, b] = inputs.map((other, k) => k === which ? only : other);
    assertClose(gradients(conv2d(x, w, b).mul(g).sum(), [only])[0], all[which], 0);
  });
});

test("conv2d() can be applied twice with the same filters", () => {
  const generator = new Generator(14);
  const inputs = [[1, 2, 5, 5], [2, 2, 2, 2]].map((shape) => normal(shape, generator));
  const twice = ([x, w]: readonly Tensor[]): Tensor => conv2d(conv2d(x, w, null), w, null);
  assertLess(checkGradients(twice, inputs), 1e-6);
});

test("conv2d() refuses to go backward through filters that were changed, or twice", () => {
  const layer = new Conv2d(1, 1, 2, { generator: new Generator(1) }), x = Tensor.ones([1, 1, 3, 3]);
  const loss = layer.forward(x).sum();
  layer.weight.write((w) => w.fill(0));
  assertRefuses(
    () => backward(loss),
    GraphError,
    "Cannot go backward through conv2d: its input (1, 1, 2, 2) was changed after it was used",
    "call backward() before the optimizer's step()",
  );
  const other = layer.forward(x).sum();
  backward(other);
  assertRefuses(
    () => backward(other),
    GraphError,
    "Cannot go backward twice over one computation: its intermediate values are gone",
    "compute the loss again, or add two losses before going backward",
  );
});

// ── Conv2d ──

test("Conv2d computes conv2d() with its own filters, bias and window", () => {
  const generator = new Generator(15), x = normal([2, 2, 5, 6], generator, "float32");
  const slide = slideOf([3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2] });
  const { kernelSize, ...sliding } = slide;
  for (const bias of [true, false]) {
    const layer = new Conv2d(2, 4, kernelSize, { generator, bias, ...sliding });
    assertClose(layer.forward(x), convolveSlowly(x, layer.weight, layer.bias, slide), 1e-5);
    const names = [...layer.namedParameters().keys()];
    assertEquals(names, bias ? ["weight", "bias"] : ["weight"]);
    assertEquals([layer.inChannels, layer.outChannels, layer.sliding], [2, 4, sliding]);
  }
});

test("Conv2d has a bias, moves by 1, pads nothing and sees neighbours unless told", () => {
  const generator = new Generator(16), layer = new Conv2d(2, 3, 2, { generator });
  const x = normal([1, 2, 4, 4], generator, "float32");
  assertEquals([layer.weight.shape, layer.bias?.shape], [[3, 2, 2, 2], [3]]);
  assertClose(layer.forward(x), convolveSlowly(x, layer.weight, layer.bias, slideOf([2, 2])), 1e-5);
});

test("Conv2d begins with weights and bias spread evenly over ±1/√(C·K·K)", () => {
  const layer = new Conv2d(4, 100, [3, 3], { generator: new Generator(18) }), bound = 1 / 6;
  assertEquals(layer.weight.shape, [100, 4, 3, 3]);
  assertEquals(layer.bias?.shape, [100]);
  for (const { data } of layer.parameters()) {
    assert(data.every((w) => Math.abs(w) <= bound));
    assert(data.some((w) => w > 0.9 * bound) && data.some((w) => w < -0.9 * bound));
  }
  const square = inner(layer.weight, layer.weight) / layer.weight.size;
  assertLess(Math.abs(square / (bound ** 2 / 3) - 1), 0.1); // the variance of even numbers
});

test("Conv2d begins as its initialiser says", () => {
  const layer = new Conv2d(8, 64, [5, 1], {
    generator: new Generator(19),
    initialize: kaimingNormal,
  });
  const square = inner(layer.weight, layer.weight) / layer.weight.size;
  assertAlmostEquals(square, 2 / (8 * 5), 0.1 * 2 / 40); // variance 2 / fan-in
  assert(layer.weight.data.some((w) => Math.abs(w) > 3 * Math.sqrt(2 / 40)), "no bell");
});

test("Conv2d draws the same filters for the same seed, and leaves the generator further on", () => {
  const [a, b] = [new Generator(1), new Generator(1)];
  const [first, twin, next] = [a, b, a].map((generator) => new Conv2d(1, 2, 3, { generator }));
  assertClose(first.weight, twin.weight, 0);
  assert(first.weight.data.some((w, k) => w !== next.weight.data[k]));
});

for (const dtype of dtypes) {
  test(`unfold(), conv2d() and Conv2d keep ${dtype}, forward and backward`, () => {
    const generator = new Generator(20), x = normal([2, 3, 4, 4], generator, dtype);
    const inputs = [x, normal([2, 3, 3, 3], generator, dtype), normal([2], generator, dtype)];
    const cases: [compute: (inputs: readonly Tensor[]) => Tensor, inputs: Tensor[]][] = [
      [([x]) => unfold(x, { kernelSize: 2, padding: 1 }), [x]],
      [([x, w, b]) => conv2d(x, w, b), inputs],
    ];
    for (const [compute, inputs] of cases) {
      const y = compute(inputs), found = pullBack(compute, inputs, Tensor.ones(y.shape, { dtype }));
      assertEquals(y.dtype, dtype);
      found.forEach((g, k) => assertEquals([g.dtype, g.shape], [dtype, [...inputs[k].shape]]));
    }
    const layer = new Conv2d(3, 2, 3, { generator, dtype });
    assertEquals(layer.parameters().map((p) => p.dtype), [dtype, dtype]);
    assertEquals(layer.forward(x).dtype, dtype);
  });
}

test("unfold() and conv2d() note an origin, but not inside of noGrad()", () => {
  const x = leaf(Tensor.ones([2, 1, 2, 2])), filter = Tensor.ones([1, 1, 1, 1]);
  const compute = (): boolean[] =>
    [unfold(x, { kernelSize: 1 }), conv2d(x, filter, null)].map((y) => y.requiresGrad);
  assertEquals([compute(), noGrad(compute)], [[true, true], [false, false]]);
  assertEquals(conv2d(Tensor.ones([1, 1, 1, 1]), filter, null).origin, null);
});

// ── What it costs ──

const generator = new Generator(1);
const costs: [title: string, layer: Conv2d, inputShape: Shape, cost: Cost][] = [
  [
    "8 filters at 6·6 places, each 1·3·3 products",
    new Conv2d(1, 8, 3, { generator }),
    [1, 1, 8, 8],
    { outputShape: [1, 8, 6, 6], multiplyAccumulates: 2592 },
  ],
  [
    "2 images, 8 filters at 5·4 places, each 3·3·3 products",
    new Conv2d(3, 8, 3, { generator, stride: 2, padding: 1 }),
    [2, 3, 9, 7],
    { outputShape: [2, 8, 5, 4], multiplyAccumulates: 8640 },
  ],
  [
    "4 filters at 7·5 places, each 2·3·1 products",
    new Conv2d(2, 4, [3, 1], { generator, padding: "same" }),
    [1, 2, 7, 5],
    { outputShape: [1, 4, 7, 5], multiplyAccumulates: 840 },
  ],
  [
    "1 filter at 3·2 places, each 1·2·2 products, a dilation apart",
    new Conv2d(1, 1, 2, { generator, dilation: [4, 3], bias: false }),
    [1, 1, 7, 5],
    { outputShape: [1, 1, 3, 2], multiplyAccumulates: 24 },
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

test("summarize() counts the parameters of convolutions", () => {
  const count = (kernelSize: Pair, bias: boolean): number =>
    summarize(new Conv2d(3, 8, kernelSize, { generator, bias }), [2, 3, 8, 8]).parameters;
  assertEquals(count(3, true), 8 * 3 * 3 * 3 + 8);
  assertEquals(count(3, false), 8 * 3 * 3 * 3);
  assertEquals(count([2, 5], true), 8 * 3 * 2 * 5 + 8);
});

// ── What is refused ──

const images = Tensor.ones([2, 3, 5, 4]), filters = Tensor.ones([2, 3, 3, 3]);
const layerOf3 = new Conv2d(3, 2, 3, { generator });
const batchHint = "add a batch axis with unsqueeze(0)", dtypeHint = "convert one with .to(dtype)";
const itTakes = "it takes images (B, C, H, W) and filters (F, C, K, K) of as many channels";
const atLeast1 = "it must be a whole number of at least 1";

function describe(value: number | readonly number[]): string {
  return typeof value === "number" ? String(value) : `(${value.join(", ")})`;
}

/** What no window can be told, whoever is told it. */
function wrongWindow(
  name: "stride" | "padding" | "dilation",
  value: number | Two,
  least: number,
): Refusal[] {
  const shown = describe(value), sliding: Sliding = { [name]: value };
  const rule = `it must be a whole number of at least ${least}`;
  const message = `Cannot slide a window with ${name} ${shown}: ${rule}`;
  const options = { generator, ...sliding };
  return [
    [
      `unfold() with ${name} ${shown}`,
      () => unfold(images, { kernelSize: 2, ...sliding }),
      ValueError,
      message,
    ],
    [
      `conv2d() with ${name} ${shown}`,
      () => conv2d(images, filters, null, sliding),
      ValueError,
      message,
    ],
    [`a Conv2d with ${name} ${shown}`, () => new Conv2d(3, 2, 2, options), ValueError, message],
  ];
}

/** Images and filters that do not go together. */
function wrongFilters(x: Shape, w: Shape, hint?: string): Refusal {
  const message = `Cannot convolve ${describe(x)} with ${describe(w)}: ${itTakes}`;
  const body = (): Tensor => conv2d(Tensor.ones(x), Tensor.ones(w), null);
  return [`conv2d() of ${describe(x)} with ${describe(w)}`, body, ShapeError, message, hint];
}

const refusals: readonly Refusal[] = [
  ...[[], [3, 4], [3, 5, 4], [1, 2, 3, 5, 4]].map((shape): Refusal => [
    `unfold() of ${describe(shape)}`,
    () => unfold(Tensor.ones(shape), { kernelSize: 2 }),
    ShapeError,
    `Cannot slide a window over ${describe(shape)}: images are (B, C, H, W)`,
    shape.length === 3 ? batchHint : undefined,
  ]),
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
    "Cannot slide a window of 8 over (2, 3, 5, 4): axis 2 has only 5 pixels and 2 of padding",
  ],
  [
    "a window that its dilation makes larger than the image",
    () => unfold(images, { kernelSize: 2, dilation: [1, 4] }),
    ShapeError,
    "Cannot slide a window of 5 over (2, 3, 5, 4): axis 3 has only 4 pixels",
  ],
  ...([0, -1, 1.5, NaN, Infinity, [2, 0], [1.5, 2]] as const).flatMap((kernelSize): Refusal[] => {
    const shown = describe(kernelSize);
    const message = `Cannot slide a window with kernelSize ${shown}: ${atLeast1}`;
    return [
      [
        `unfold() with a window of ${shown}`,
        () => unfold(images, { kernelSize }),
        ValueError,
        message,
      ],
      [
        `a Conv2d with a window of ${shown}`,
        () => new Conv2d(3, 2, kernelSize, { generator }),
        ValueError,
        message,
      ],
    ];
  }),
  ...([0, -1, 0.5, NaN, Infinity, [1, 0]] as const).flatMap((n) => wrongWindow("stride", n, 1)),
  ...([0, -1, 0.5, NaN, Infinity, [0, 1]] as const).flatMap((n) => wrongWindow("dilation", n, 1)),
  ...([-1, 0.5, NaN, Infinity, [0, -1]] as const).flatMap((n) => wrongWindow("padding", n, 0)),
  ...([2, [1, 2], [2, 1]] as const).flatMap((stride): Refusal[] => {
    const message = `Cannot pad "same" with stride ${
      describe(stride)
    }: the output would be smaller`;
    const sliding = { stride, padding: "same" } as const, hint = "give the padding in pixels";
    const options = { generator, ...sliding };
    return [
      [
        `unfold() padded by "same" with stride ${stride}`,
        () => unfold(images, { kernelSize: 2, ...sliding }),
        ValueError,
        message,
        hint,
      ],
      [
        `conv2d() padded by "same" with stride ${stride}`,
        () => conv2d(images, filters, null, sliding),
        ValueError,
        message,
        hint,
      ],
      [
        `a Conv2d padded by "same" with stride ${stride}`,
        () => new Conv2d(3, 2, 2, options),
        ValueError,
        message,
        hint,
      ],
    ];
  }),
  wrongFilters([2, 3, 5, 4], [2, 4, 3, 3]),
  wrongFilters([2, 3, 5, 4], [2, 3]),
  wrongFilters([2, 3, 5, 4], [3, 3, 3]),
  wrongFilters([3, 4], [2, 3, 3, 3]),
  wrongFilters([3, 5, 4], [2, 3, 3, 3], batchHint),
  wrongFilters([1, 2, 3, 5, 4], [2, 2, 3, 3]),
  [
    "conv2d() of images smaller than the filters",
    () => conv2d(Tensor.ones([2, 3, 2, 4]), filters, null),
    ShapeError,
    "Cannot slide a window of 3 over (2, 3, 2, 4): axis 2 has only 2 pixels",
  ],
  ...[[], [1], [3], [2, 1], [1, 2]].map((shape): Refusal => {
    const shown = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
    const message = `Cannot add a bias ${shown} to 2 filters: it takes one number per filter (2,)`;
    const body = (): Tensor => conv2d(images, filters, Tensor.ones(shape));
    return [`conv2d() with a bias ${shown}`, body, ShapeError, message];
  }),
  [
    "conv2d() with filters of another dtype",
    () => conv2d(images, filters.to("float64"), null),
    ShapeError,
    "Cannot convolve float32 and float64: all must have one dtype",
    dtypeHint,
  ],
  [
    "conv2d() with a bias of another dtype",
    () => conv2d(images, filters, float64([1, 2])),
    ShapeError,
    "Cannot convolve float32 and float64: all must have one dtype",
    dtypeHint,
  ],
  [
    "conv2d() of images of another dtype",
    () => layerOf3.forward(images.to("float64")),
    ShapeError,
    "Cannot convolve float64 and float32: all must have one dtype",
    dtypeHint,
  ],
  [
    "conv2d() with an option that it does not know",
    () => conv2d(images, filters, null, Object.assign({ stride: 1 }, { pad: 1 })),
    ValueError,
    "Cannot use the option pad: conv2d has none of that name",
  ],
  [
    "Conv2d on images of other channels",
    () => layerOf3.forward(Tensor.ones([2, 1, 5, 4])),
    ShapeError,
    `Cannot convolve (2, 1, 5, 4) with (2, 3, 3, 3): ${itTakes}`,
  ],
  [
    "Conv2d.cost() of images of other channels",
    () => layerOf3.cost([2, 1, 5, 4]),
    ShapeError,
    `Cannot convolve (2, 1, 5, 4) with (2, 3, 3, 3): ${itTakes}`,
  ],
  [
    "Conv2d.cost() of images without a batch axis",
    () => layerOf3.cost([3, 5, 4]),
    ShapeError,
    `Cannot convolve (3, 5, 4) with (2, 3, 3, 3): ${itTakes}`,
    batchHint,
  ],
  [
    "Conv2d.cost() of images smaller than the window",
    () => layerOf3.cost([2, 3, 5, 2]),
    ShapeError,
    "Cannot slide a window of 3 over (2, 3, 5, 2): axis 3 has only 2 pixels",
  ],
  ...[0, -1, 1.5, NaN, Infinity].flatMap((count): Refusal[] => [
    [
      `a Conv2d of ${count} channels`,
      () => new Conv2d(count, 1, 1, { generator }),
      ValueError,
      `Cannot make a Conv2d of ${count} channels: ${atLeast1}`,
    ],
    [
      `a Conv2d of ${count} filters`,
      () => new Conv2d(1, count, 1, { generator }),
      ValueError,
      `Cannot make a Conv2d of ${count} filters: ${atLeast1}`,
    ],
  ]),
  [
    "a Conv2d with an option that it does not know",
    () => new Conv2d(1, 1, 1, Object.assign({ generator }, { pad: 1 })),
    ValueError,
    "Cannot use the option pad: a layer with weights has none of that name",
  ],
  [
    "a Conv2d of an unknown dtype",
    () => new Conv2d(1, 1, 1, { generator, ...JSON.parse('{ "dtype": "float16" }') }),
    ValueError,
    'Cannot make numbers of dtype float16: it is "float32" or "float64"',
  ],
];

for (const [title, body, ErrorClass, message, hint] of refusals) {
  test(`${title} is refused`, () => assertRefuses(body, ErrorClass, message, hint));
}

const badOptions: [title: string, options: Conv2dOptions][] = [
  ["its stride", { generator, stride: 0 }],
  ["its padding", { generator, padding: -1 }],
  ["its options", Object.assign({ generator }, { pad: 1 })],
];
for (const [title, options] of badOptions) {
  test(`a Conv2d that is refused for ${title} has drawn nothing`, () => {
    const own = new Generator(5), before = own.state;
    let isRefused = false;
    try {
      new Conv2d(1, 1, 2, { ...options, generator: own });
    } catch {
      isRefused = true;
    }
    assertEquals([isRefused, own.state], [true, before]);
  });
}

// ── Pairs ──

for (const pair of [[1], [1, 2, 3], []]) {
  test(`a window refuses ${JSON.stringify(pair)} for a pair`, () => {
    const window = JSON.parse(`{ "kernelSize": ${JSON.stringify(pair)} }`);
    const shown = pair.length === 1 ? "(1,)" : `(${pair.join(", ")})`;
    assertRefuses(
      () => unfold(Tensor.ones([1, 1, 4, 4]), window),
      ValueError,
      `Cannot slide a window with kernelSize ${shown}: it must be a whole number of at least 1`,
    );
  });
}

test('only padding can be "same" or "valid"', () => {
  const window = JSON.parse('{ "kernelSize": 2, "stride": "same" }');
  assertRefuses(
    () => unfold(Tensor.ones([1, 1, 4, 4]), window),
    ValueError,
    "Cannot slide a window with stride same: it must be a whole number of at least 1",
  );
});

test("Conv2d keeps how its window slides, whatever becomes of the caller's list", () => {
  const stride: [number, number] = [1, 1];
  const layer = new Conv2d(1, 1, 2, { stride, generator: new Generator(1) });
  stride[0] = 2;
  assertEquals(layer.cost([1, 1, 4, 4]).outputShape, [1, 1, 3, 3]);
});

test("unfold() refuses an option that it does not know", () => {
  const window = Object.assign({ kernelSize: 2 }, { pading: 1 });
  assertRefuses(
    () => unfold(Tensor.ones([1, 1, 4, 4]), window),
    ValueError,
    "Cannot use the option pading: unfold has none of that name",
  );
});
