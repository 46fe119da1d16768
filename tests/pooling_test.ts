/**
 * Pooling of module 09 against plain loops and finite differences; its layers; what they cost and
 * what they refuse.
 *
 * @module
 */
import { assertEquals, assertLess } from "@std/assert";
import { checkGradients, gradients, leaf, noGrad } from "#autograd";
import { type Cost, type Module, Sequential, summarize } from "#layers";
import { Generator } from "#random";
import {
  AvgPool2d,
  avgPool2d,
  GlobalAvgPool2d,
  globalAvgPool2d,
  MaxPool2d,
  maxPool2d,
  type PoolOptions,
} from "#spatial";
import { type Shape, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { assertClose, dtypes, float64, normal, pullBack } from "./project/tensors.ts";

// ── Help ──

/** What flows back to the only input when `g` flows into the output. */
function pullBackOne(compute: (x: Tensor) => Tensor, x: Tensor, g: Tensor): Tensor {
  return pullBack(([input]) => compute(input), [x], g)[0];
}

/** Numbers 0.1 apart in random order, so that a small move changes no winner. */
function distinct(shape: Shape, generator: Generator): Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return float64(Array.from(generator.permutation(size), (k) => k / 10 - size / 20)).reshape(shape);
}

type Two = readonly [number, number];

/** How a window slides, down and across. */
interface Slide {
  readonly kernelSize: Two;
  readonly stride: Two;
  readonly padding: Two;
}

/** Every padding that is allowed, with strides smaller and larger than the window. */
const slides: readonly Slide[] = ([[1, 1], [2, 2], [3, 3], [4, 3], [1, 3], [3, 2]] as const)
  .flatMap((kernelSize) =>
    ([[1, 1], [2, 2], [3, 1], [1, 4]] as const).flatMap((stride) => {
      const most = kernelSize.map((side) => Math.floor(side / 2));
      return [0, 1, 2].filter((n) => n <= Math.max(...most)).map((n) => {
        const padding = [Math.min(n, most[0]), Math.min(n, most[1])] as const;
        return { kernelSize, stride, padding };
      });
    })
  );

/** The places in the images that each window sees, window by window; −1 in the padding. */
function viewsOf([B, C, H, W]: Shape, { kernelSize, stride, padding }: Slide): number[][] {
  const views: number[][] = [];
  for (let plane = 0; plane < B * C; plane++) {
    for (let top = -padding[0]; top + kernelSize[0] <= H + padding[0]; top += stride[0]) {
      for (let left = -padding[1]; left + kernelSize[1] <= W + padding[1]; left += stride[1]) {
        const seen: number[] = [];
        for (let y = top; y < top + kernelSize[0]; y++) {
          for (let x = left; x < left + kernelSize[1]; x++) {
            const isInside = y >= 0 && y < H && x >= 0 && x < W;
            seen.push(isInside ? (plane * H + y) * W + x : -1);
          }
        }
        views.push(seen);
      }
    }
  }
  return views;
}

function pooledShape([B, C, H, W]: Shape, { kernelSize, stride, padding }: Slide): number[] {
  const [oH, oW] = [H, W].map((n, axis) =>
    Math.floor((n + 2 * padding[axis] - kernelSize[axis]) / stride[axis]) + 1
  );
  return [B, C, oH, oW];
}

/** Where the winner of each window stands: the first of equals, but the last NaN. */
function winnersOf(x: Tensor, slide: Slide): number[] {
  return viewsOf(x.shape, slide).map((view) => {
    const seen = view.filter((place) => place >= 0);
    const lastNaN = seen.findLast((place) => Number.isNaN(x.data[place]));
    const greatest = Math.max(...seen.map((place) => x.data[place]));
    return lastNaN ?? seen.find((place) => x.data[place] === greatest) ?? NaN;
  });
}

/** The winners' numbers. */
function poolMax(x: Tensor, slide: Slide): Tensor {
  const pooled = Tensor.zeros(pooledShape(x.shape, slide), { dtype: x.dtype });
  winnersOf(x, slide).forEach((place, o) => pooled.data[o] = x.data[place]);
  return pooled;
}

/** The means, zeros of the padding counted. */
function poolMean(x: Tensor, slide: Slide): Tensor {
  const pooled = Tensor.zeros(pooledShape(x.shape, slide), { dtype: x.dtype });
  viewsOf(x.shape, slide).forEach((view, o) => {
    let total = 0;
    for (const place of view) if (place >= 0) total += x.data[place];
    pooled.data[o] = total / view.length;
  });
  return pooled;
}

// ── maxPool2d() ──

test("maxPool2d() agrees with plain loops however the window slides", () => {
  const generator = new Generator(1);
  for (const dtype of dtypes) {
    for (const slide of slides) {
      const { kernelSize, ...options } = slide, x = normal([2, 3, 7, 6], generator, dtype);
      const expected = poolMax(x, slide), about = JSON.stringify(slide);
      assertClose(maxPool2d(x, kernelSize, options), expected, 0, about);
      assertClose(new MaxPool2d(kernelSize, options).forward(x), expected, 0, about);
    }
  }
});

test("maxPool2d() never lets the padding win", () => {
  const x = Tensor.full([1, 1, 2, 2], -3);
  const expected = Array.from({ length: 3 }, () => [-3, -3, -3]);
  assertEquals(maxPool2d(x, 2, { stride: 1, padding: 1 }).toArray(), [[expected]]);
  const nothing = maxPool2d(Tensor.full([1, 1, 2, 2], -Infinity), 2, { stride: 1, padding: 1 });
  assertEquals(nothing.data.every((value) => value === -Infinity), true);
});

test("maxPool2d()'s gradient goes to the first of equals, in every window", () => {
  const generator = new Generator(2);
  for (const slide of slides) {
    const { kernelSize, ...options } = slide, shape = [2, 2, 7, 6]; // 0, 1 and 2 only: many ties
    const x = float64(Array.from({ length: 168 }, () => generator.integer(3))).reshape(shape);
    const winners = winnersOf(x, slide), expected = Tensor.zeros(shape, { dtype: "float64" });
    const g = normal(pooledShape(shape, slide), generator);
    winners.forEach((place, o) => expected.data[place] += g.data[o]);
    const dx = pullBackOne((x) => maxPool2d(x, kernelSize, options), x, g);
    assertClose(dx, expected, 1e-14, JSON.stringify(slide));
  }
});

test("maxPool2d()'s gradient agrees with finite differences however the window slides", () => {
  const generator = new Generator(3);
  for (const { kernelSize, ...options } of slides) {
    const x = distinct([2, 1, 5, 4], generator);
    assertLess(checkGradients(([x]) => maxPool2d(x, kernelSize, options), [x]), 1e-6);
  }
});

test("maxPool2d() lets NaN through, and sends its gradient to the last one", () => {
  // x = torch.tensor([[[[1, nan], [nan, 3]]]]).requires_grad_()
  // y = torch.nn.functional.max_pool2d(x, 2); y.sum().backward(); print(y, x.grad)
  const cases: [window: number[][], winner: number][] = [
    [[[1, NaN], [NaN, 3]], 2],
    [[[NaN, 1], [2, 3]], 0],
    [[[1, 2], [3, NaN]], 3],
    [[[Infinity, NaN], [1, 2]], 1],
  ];
  for (const [window, winner] of cases) {
    const x = Tensor.of([[window]]);
    assertEquals(maxPool2d(x, 2).item(), NaN);
    const dx = pullBackOne((x) => maxPool2d(x, 2), x, Tensor.of([[[[5]]]]));
    assertEquals([...dx.data], [0, 1, 2, 3].map((k) => k === winner ? 5 : 0));
  }
});

test("maxPool2d() keeps infinities, and −∞ where there is nothing else", () => {
  const cases: [window: number[][], greatest: number, winner: number][] = [
    [[[-Infinity, -Infinity], [-Infinity, -Infinity]], -Infinity, 0],
    [[[-Infinity, -5], [-Infinity, -7]], -5, 1],
    [[[1, 2], [Infinity, Infinity]], Infinity, 2],
  ];
  for (const [window, greatest, winner] of cases) {
    const x = Tensor.of([[window]]);
    assertEquals(maxPool2d(x, 2).item(), greatest);
    const dx = pullBackOne((x) => maxPool2d(x, 2), x, Tensor.ones([1, 1, 1, 1]));
    assertEquals([...dx.data], [0, 1, 2, 3].map((k) => k === winner ? 1 : 0));
  }
});

// ── avgPool2d() ──

test("avgPool2d() agrees with plain loops however the window slides", () => {
  const generator = new Generator(4);
  for (const dtype of dtypes) {
    for (const slide of slides) {
      const { kernelSize, ...options } = slide, x = normal([2, 3, 7, 6], generator, dtype);
      const expected = poolMean(x, slide), about = JSON.stringify(slide);
      const tolerance = dtype === "float32" ? 1e-6 : 1e-14;
      assertClose(avgPool2d(x, kernelSize, options), expected, tolerance, about);
      assertClose(new AvgPool2d(kernelSize, options).forward(x), expected, tolerance, about);
    }
  }
});

test("avgPool2d()'s gradient agrees with finite differences however the window slides", () => {
  const generator = new Generator(5);
  for (const { kernelSize, ...options } of slides) {
    const x = normal([2, 1, 5, 4], generator);
    assertLess(checkGradients(([x]) => avgPool2d(x, kernelSize, options), [x]), 1e-6);
  }
});

test("avgPool2d() lets NaN and ∞ into the windows that see them, and no others", () => {
  const x = Tensor.of([[[[1, NaN, 3, Infinity, 5, 7]]]]);
  assertEquals(avgPool2d(x, [1, 2]).toArray(), [[[[NaN, Infinity, 6]]]]);
});

// ── globalAvgPool2d() ──

test("globalAvgPool2d() is the mean of each channel of each image", () => {
  for (const dtype of dtypes) {
    const x = Tensor.of([[[[1, 2], [3, 6]], [[0, 0], [0, -2]]], [[[5, 5], [5, 5]], [[1, 0], [
      0,
      0,
    ]]]], {
      dtype,
    });
    const expected = Tensor.of([[3, -0.5], [5, 0.25]], { dtype });
    assertClose(globalAvgPool2d(x), expected, 0);
    assertClose(new GlobalAvgPool2d().forward(x), expected, 0);
  }
});

test("globalAvgPool2d()'s gradient is the same for each pixel of a channel", () => {
  const dx = pullBackOne(globalAvgPool2d, Tensor.zeros([1, 2, 1, 4]), Tensor.of([[4, -8]]));
  assertEquals(dx.toArray(), [[[[1, 1, 1, 1]], [[-2, -2, -2, -2]]]]);
  assertLess(
    checkGradients(([x]) => globalAvgPool2d(x), [normal([2, 3, 2, 3], new Generator(6))]),
    1e-6,
  );
});

// ── What both have in common ──

const pools = [["maxPool2d", maxPool2d], ["avgPool2d", avgPool2d]] as const;
const layers = [["MaxPool2d", MaxPool2d], ["AvgPool2d", AvgPool2d]] as const;

for (const [name, pool] of pools) {
  test(`${name}() moves by the window's own sides and pads nothing unless told`, () => {
    const x = normal([1, 2, 6, 7], new Generator(7));
    const options = { stride: undefined, padding: undefined };
    for (const side of [2, 3]) {
      const told = pool(x, side, { stride: side, padding: 0 });
      assertClose(pool(x, side), told, 0);
      assertClose(pool(x, side, options), told, 0);
    }
    assertClose(pool(x, [3, 2]), pool(x, [3, 2], { stride: [3, 2] }), 0);
    assertClose(pool(x, 2, { padding: 1 }), pool(x, 2, { stride: 2, padding: [1, 1] }), 0);
  });

  test(`${name}() pads by name`, () => {
    const x = normal([1, 2, 5, 6], new Generator(8));
    assertClose(pool(x, 2, { padding: "valid" }), pool(x, 2), 0);
    const same = pool(x, 3, { stride: 1, padding: "same" });
    assertClose(same, pool(x, 3, { stride: 1, padding: 1 }), 0);
    // an even window: one more after than before
    const wider = pool(x, 2, { stride: 1, padding: 1 });
    const even = pool(x, 2, { stride: 1, padding: "same" });
    assertClose(even, wider.slice(null, null, [1, 6], [1, 7]), 0);
  });

  test(`${name}() takes one pixel, and windows as large as the image`, () => {
    assertEquals(pool(Tensor.of([[[[7]]]]), 1).toArray(), [[[[7]]]]);
    assertEquals(pool(Tensor.full([2, 3, 5, 4], 2), [5, 4]).shape, [2, 3, 1, 1]);
  });

  test(`${name}() leaves out what fills no window`, () => {
    const x = Tensor.of([[[[1, 1, NaN], [1, 1, NaN], [NaN, NaN, NaN]]]]);
    assertEquals(pool(x, 2).toArray(), [[[[1]]]]);
  });

  test(`${name}() changes nothing, keeps the dtype, and notes no origin in noGrad()`, () => {
    for (const dtype of dtypes) {
      const x = leaf(normal([2, 3, 4, 4], new Generator(9), dtype)), before = x.data.slice();
      const y = pool(x, 2), dx = gradients(y.sum(), [x])[0];
      assertEquals([y.dtype, dx.dtype, dx.shape], [dtype, dtype, [2, 3, 4, 4]]);
      y.data.fill(9);
      assertEquals(x.data, before);
      assertEquals(noGrad(() => pool(x, 2)).requiresGrad, false);
    }
  });
}

const costs: [title: string, layer: Module, inputShape: Shape, cost: Cost][] = layers.flatMap((
  [name, Layer],
): [string, Module, Shape, Cost][] => [
  [
    `${name}: what fills no window is left out`,
    new Layer(2),
    [2, 3, 5, 7],
    { outputShape: [2, 3, 2, 3], multiplyAccumulates: 0 },
  ],
  [
    `${name}: overlapping windows`,
    new Layer(3, { stride: 2 }),
    [2, 3, 5, 7],
    { outputShape: [2, 3, 2, 3], multiplyAccumulates: 0 },
  ],
  [
    `${name}: padding, and axes of their own`,
    new Layer([3, 2], { stride: [1, 2], padding: [1, 0] }),
    [2, 3, 5, 7],
    { outputShape: [2, 3, 5, 3], multiplyAccumulates: 0 },
  ],
]);
costs.push([
  "GlobalAvgPool2d: one number per channel",
  new GlobalAvgPool2d(),
  [2, 3, 5, 7],
  { outputShape: [2, 3], multiplyAccumulates: 0 },
]);

for (const [title, layer, inputShape, cost] of costs) {
  test(`cost() counts ${title}`, () => {
    assertEquals(layer.cost(inputShape), cost);
    assertEquals(layer.forward(Tensor.ones(inputShape)).shape, cost.outputShape);
    const { parameters, multiplyAccumulates } = summarize(new Sequential(layer), inputShape);
    assertEquals([parameters, multiplyAccumulates], [0, 0]);
  });
}

test("pooling layers say how their window slides", () => {
  for (const [, Layer] of layers) {
    assertEquals(new Layer(3).window, { kernelSize: 3, stride: 3, padding: 0 });
    const window = { kernelSize: [2, 3], stride: 1, padding: [1, 0] } as const;
    const { kernelSize, ...options } = window;
    assertEquals(new Layer(kernelSize, options).window, window);
  }
});

// ── What is refused ──

const images = Tensor.ones([2, 3, 5, 4]);
const batchHint = "add a batch axis with unsqueeze(0)";

type Refusal = readonly [
  title: string,
  kernelSize: number | Two,
  options: PoolOptions,
  ErrorClass: typeof ShapeError | typeof ValueError,
  message: string,
  hint?: string,
];

/** What a window of side 2 must not be told. */
function noOption(name: "stride" | "padding", value: number | Two, least: number): Refusal {
  const shown = typeof value === "number" ? value : `(${value.join(", ")})`;
  const rule = `it must be a whole number of at least ${least}`;
  const message = `Cannot slide a window with ${name} ${shown}: ${rule}`;
  return [`${name} ${shown}`, 2, { [name]: value }, ValueError, message];
}

/** Refused when the layer is made, too. */
const windowRefusals: readonly Refusal[] = [
  ...([0, -1, 1.5, NaN, Infinity, [2, 0], [0.5, 2]] as const).map((kernelSize): Refusal => {
    const shown = typeof kernelSize === "number" ? kernelSize : `(${kernelSize.join(", ")})`;
    const rule = "it must be a whole number of at least 1";
    const message = `Cannot slide a window with kernelSize ${shown}: ${rule}`;
    return [`the window ${shown}`, kernelSize, { stride: 1 }, ValueError, message];
  }),
  ...([0, -1, 0.5, NaN, Infinity, [1, 0]] as const).map((n) => noOption("stride", n, 1)),
  ...([-1, 0.5, NaN, Infinity, [0, -1]] as const).map((n) => noOption("padding", n, 0)),
  [
    'padding "same" with a stride',
    2,
    { padding: "same" },
    ValueError,
    'Cannot pad "same" with stride 2: the output would be smaller',
    "give the padding in pixels",
  ],
  [
    'padding "same" with a stride across',
    2,
    { padding: "same", stride: [1, 2] },
    ValueError,
    'Cannot pad "same" with stride (1, 2): the output would be smaller',
    "give the padding in pixels",
  ],
  [
    "an option that it does not know",
    2,
    Object.assign({ stride: 1 }, { dilation: 2 }),
    ValueError,
    "Cannot use the option dilation: pooling has none of that name",
  ],
];

/** Refused when the images are seen. */
const slideRefusals: readonly Refusal[] = [
  [
    "a window larger than the images",
    5,
    {},
    ShapeError,
    "Cannot slide a window of 5 over (2, 3, 5, 4): axis 3 has only 4 pixels",
  ],
  [
    "a window larger than the images with their padding",
    [9, 2],
    { padding: [1, 0] },
    ShapeError,
    "Cannot slide a window of 9 over (2, 3, 5, 4): axis 2 has only 5 pixels and 2 of padding",
  ],
  ...([[1, 1], [2, 2], [3, 2], [[4, 2], 2], [[2, 4], 2]] as const).map((
    [kernelSize, padding],
  ): Refusal => [
    `a window of ${kernelSize} that may see nothing but padding`,
    kernelSize,
    { padding },
    ValueError,
    `Cannot pool ${
      typeof kernelSize === "number" ? kernelSize : `(${kernelSize.join(", ")})`
    } with padding ${padding}: the padding must be at most half of the window`,
  ]),
];

for (const [title, kernelSize, options, ErrorClass, message, hint] of windowRefusals) {
  test(`pooling refuses ${title}`, () => {
    for (const [, pool] of pools) {
      assertRefuses(() => pool(images, kernelSize, options), ErrorClass, message, hint);
    }
    for (const [, Layer] of layers) {
      assertRefuses(() => new Layer(kernelSize, options), ErrorClass, message, hint);
    }
  });
}

for (const [title, kernelSize, options, ErrorClass, message, hint] of slideRefusals) {
  test(`pooling refuses ${title}`, () => {
    for (const [, pool] of pools) {
      assertRefuses(() => pool(images, kernelSize, options), ErrorClass, message, hint);
    }
    for (const [, Layer] of layers) {
      const layer = new Layer(kernelSize, options);
      assertRefuses(() => layer.forward(images), ErrorClass, message, hint);
      assertRefuses(() => layer.cost(images.shape), ErrorClass, message, hint);
    }
  });
}

for (const shape of [[], [3], [4, 4], [3, 4, 4], [1, 2, 3, 4, 4]]) {
  test(`pooling refuses what has ${shape.length} axes`, () => {
    const shown = shape.length === 1 ? "(3,)" : `(${shape.join(", ")})`, x = Tensor.ones(shape);
    const message = `Cannot slide a window over ${shown}: images are (B, C, H, W)`;
    const hint = shape.length === 3 ? batchHint : undefined;
    for (const body of [() => maxPool2d(x, 2), () => avgPool2d(x, 2), () => globalAvgPool2d(x)]) {
      assertRefuses(body, ShapeError, message, hint);
    }
    for (const layer of [new MaxPool2d(2), new AvgPool2d(2), new GlobalAvgPool2d()]) {
      assertRefuses(() => layer.forward(x), ShapeError, message, hint);
      assertRefuses(() => layer.cost(shape), ShapeError, message, hint);
    }
  });
}
