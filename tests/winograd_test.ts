/**
 * Winograd's convolution: its errors beside those of plain sums, what it does with numbers that are
 * not finite, and that threads change no bit.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { backward } from "#autograd";
import { chooseKernels } from "#fast";
import { Parameter } from "#layers";
import { Generator } from "#random";
import { conv2d } from "#spatial";
import { type Data, kernels, loops, setKernels, Tensor } from "#tensor";
import * as kindling from "../mod.ts";
import { FastKernels } from "../modules/fast/kernel_set.ts";
import { test } from "../course/sandbox/register.ts";

/** Sizes of a convolution with 3×3 filters: B, C, F, H, W, padding. */
type Sizes = readonly [number, number, number, number, number, number];

/** Whole tiles and tiles that stick out; fewer and more images than a block takes; all paddings. */
const shapes: readonly Sizes[] = [
  [8, 32, 64, 15, 15, 0],
  [3, 32, 64, 16, 16, 1],
  [2, 64, 128, 8, 8, 1],
  [9, 128, 64, 4, 4, 1],
  [5, 24, 16, 9, 9, 2],
  [1, 16, 16, 6, 10, 0],
  [7, 16, 40, 13, 12, 1],
  [40, 16, 16, 4, 4, 1],
];

/** What can be set apart in the inputs. */
interface Change {
  readonly of: "images" | "weights" | "gradient";
  readonly value: number;
}

/** Output and gradients of the images and the weights. */
function results(
  [B, C, F, H, W, padding]: Sizes,
  dtype: "float32" | "float64",
  change?: Change,
): Data[] {
  const generator = new Generator(3);
  const draw = (shape: number[], what: Change["of"], standardDeviation = 1): Tensor => {
    const data = [...Tensor.normal(shape, generator, { standardDeviation }).data];
    if (change?.of === what) data[Math.floor(data.length / 3)] = change.value;
    return new Tensor(
      dtype === "float32" ? Float32Array.from(data) : Float64Array.from(data),
      shape,
    );
  };
  const images = new Parameter(draw([B, C, H, W], "images"));
  const weights = new Parameter(draw([F, C, 3, 3], "weights", 0.1));
  const g = draw([B, F, H + 2 * padding - 2, W + 2 * padding - 2], "gradient");
  return kernels.step(() => {
    const output = conv2d(images, weights, null, { padding });
    backward(output.mul(g).sum());
    return [output, images.grad, weights.grad].map((tensor) => {
      assert(tensor);
      return tensor.data.slice();
    });
  });
}

function withFast<T>(options: Parameters<typeof chooseKernels>[1], body: () => T): T {
  const { kernels: chosen } = chooseKernels(kindling, options), restore = setKernels(chosen);
  try {
    return body();
  } finally {
    restore();
    if (chosen instanceof FastKernels) chosen.machine.stop();
  }
}

const { kernels: fast } = chooseKernels(kindling), isRelaxed = fast.name === "relaxed SIMD";
const skip = isRelaxed ? undefined : "this runtime has no relaxed SIMD";

test("only relaxed SIMD, which promises no bits, convolves by Winograd's way", () => {
  assert(fast instanceof FastKernels);
  const { kernels: plain } = chooseKernels(kindling, { wanted: "simd" });
  assert(plain instanceof FastKernels);
  assertEquals(["winograd" in fast.machine.run, "winograd" in plain.machine.run], [true, false]);
}, { skip });

test("its errors stay within 5e-6 of all outputs together, and 2e-5 of the largest one", () => {
  for (const sizes of shapes) {
    const right = results(sizes, "float64"), found = withFast({}, () => results(sizes, "float32"));
    found.forEach((numbers, k) => {
      const errors = Float64Array.from(right[k], (x, i) => numbers[i] - x);
      const norm = (all: Data): number => Math.hypot(...all);
      const most = (all: Data): number => Math.max(...Array.from(all, Math.abs));
      const says = `${["output", "images", "weights"][k]} of ${sizes}`;
      assert(norm(errors) <= 5e-6 * norm(right[k]), `${says}: ${norm(errors) / norm(right[k])}`);
      assert(most(errors) <= 2e-5 * most(right[k]), `${says}: ${most(errors) / most(right[k])}`);
    });
  }
}, { skip });

test("one, two and three threads give the same bits", () => {
  for (const sizes of [[16, 32, 64, 16, 16, 1], [32, 64, 128, 4, 4, 1]] as const) {
    const runs = [1, 2, 3].map((threads) => withFast({ threads }, () => results(sizes, "float32")));
    assertEquals(runs[1], runs[0]);
    assertEquals(runs[2], runs[0]);
  }
}, { skip });

for (const what of ["images", "weights", "gradient"] as const) {
  for (const value of [NaN, Infinity, -Infinity, 3e38]) {
    test(
      `${value} among the ${what} reaches just the numbers that it reaches with plain sums`,
      () => {
        const sizes = [3, 16, 16, 8, 8, 1] as const, change = { of: what, value };
        const kinds = (all: Data[]): string[] =>
          all.map((data) => Array.from(data, (x) => Number.isFinite(x) ? "." : `${x}`).join(""));
        const restore = setKernels(loops);
        const right = kinds(results(sizes, "float32", change));
        restore();
        assertEquals(kinds(withFast({}, () => results(sizes, "float32", change))), right);
      },
      { skip },
    );
  }
}
