/**
 * # Fast kernels: behind the door of module 09's convolution
 *
 * @module
 */
import type { Slide, Track } from "#spatial";
import type { Replacement, Tensor } from "#tensor";
import { blockPositions, convolutionScratch, fields, gridCall } from "../kernels/convolution.ts";
import type { Description } from "../kernels/convolution.ts";
import { copyRowsCall } from "../kernels/products.ts";
import { type Machine, partsOf } from "../machine/machine.ts";
import { areSingle, gradientOf, type Modules, on, type Tools } from "./tools.ts";
import { suitsWinograd, winogradForward, winogradInput, winogradWeight } from "./winograd.ts";

/** Multiplications above which the weight gradient is summed in parts. */
const worthSumming = 500_000;

/** What runs in place of convolution and its gradients. */
export function replaceConv2d({ machine, made }: Tools, { convolution }: Modules): Replacement {
  const { run } = machine, offsets = offsetsIn(machine);

  /** A matrix (rows, columns) transposed into another place. */
  function transpose(to: number, from: number, rows: number, columns: number): void {
    const lanes = offsets(columns, 1), steps = offsets(rows, columns);
    machine.call(copyRowsCall({ to, from, lanes, n: columns, steps, k: rows }));
  }

  return on(convolution.door, (own) => ({
    ...own,

    forward: (inputs, slide) => {
      const [x, weight, bias] = inputs, [filters] = weight.shape, Q = weight.size / filters;
      const shape = [x.shape[0], filters, slide.y.count, slide.x.count];
      const tiled = suitsWinograd(machine, slide, filters);
      const output = areSingle(...inputs) && made(shape, (out) => {
        const given = {
          weight: machine.address(weight.data),
          images: machine.address(x.data),
          bias: bias ? machine.address(bias.data) : 0,
          out,
        };
        if (tiled && winogradForward(machine, slide, filters, given)) return;
        const weightRows = offsets(filters, Q);
        convolve(machine, "convolve", slide, filters, { ...given, weightRows });
      });
      // no columns are kept: the images stand for them, and say that a kernel ran
      return output ? { output, saved: x } : own.forward(inputs, slide);
    },

    backward: (g, step) => {
      const { inputs: [x, weight], options: slide } = step, [filters] = weight.shape;
      if (step.saved !== x) return own.backward(g, step);
      const Q = weight.size / filters, products = g.size * Q;
      const tiled = suitsWinograd(machine, slide, filters);
      const fallBack = (input: number): Tensor => {
        const { saved } = own.forward(step.inputs, slide);
        return gradientOf(own.backward(g, { ...step, saved }), input);
      };
      return [
        () =>
          made(x.shape, (out) => {
            const from = machine.address(weight.data), gradient = machine.address(g.data);
            const whole = { gradient, weight: from, out };
            if (tiled && winogradInput(machine, slide, filters, whole)) return;
            const transposed = machine.take(4 * weight.size); // (F, Q) → (Q, F)
            transpose(transposed, from, filters, Q);
            const weightRows = offsets(Q, filters);
            const given = { weight: transposed, weightRows, gradient, out };
            convolve(machine, "convolveInput", slide, filters, given);
          }) ?? fallBack(0),
        () =>
          made(weight.shape, (out) => {
            const images = machine.address(x.data), gradient = machine.address(g.data);
            const whole = { images, gradient, out };
            if (tiled && winogradWeight(machine, slide, filters, whole)) return;
            const count = products > worthSumming ? Math.min(8, x.shape[0]) : 1;
            const sums = partsOf(x.shape[0], 1, count).map(() => machine.take(4 * weight.size));
            for (const sum of sums) run.clear(sum, 4 * weight.size);
            convolve(machine, "convolveWeight", slide, filters, { images, gradient }, sums);
            const [total, ...others] = sums; // (Q, F)
            for (const sum of others) run.add(total, total, sum, weight.size, 1, 1);
            transpose(out, total, Q, filters);
          }) ?? fallBack(1),
        () => g.sum([0, 2, 3]),
      ];
    },
  }));
}

/** Makes tables of offsets that grow by a fixed distance, in numbers. */
function offsetsIn(machine: Machine): (n: number, distance: number) => number {
  return (n, distance) => {
    const table = machine.take(4 * n);
    machine.run.progression(table, n, 4 * distance);
    return table;
  };
}

/** Calls one of the convolution kernels for all images, or for several sums of them. */
function convolve(
  machine: Machine,
  kernel: "convolve" | "convolveInput" | "convolveWeight",
  slide: Slide,
  filters: number,
  given: Partial<Description>,
  sums?: readonly number[],
): void {
  const { shape: [batch, channels, height, width], y, x } = slide, offsets = offsetsIn(machine);
  const reach = ({ count, stride, dilation, kernelSize }: Track): number =>
    (count - 1) * stride + dilation * (kernelSize - 1) + 1;
  const paddedHeight = Math.max(y.before + height, reach(y));
  const paddedWidth = Math.max(x.before + width, reach(x));
  const Q = channels * y.kernelSize * x.kernelSize, P = y.count * x.count;
  const pixels = machine.take(4 * Q), positions = machine.take(4 * P);
  const row = 4 * paddedWidth, plane = row * paddedHeight;
  const down = [y.kernelSize, row * y.dilation] as const;
  machine.call(gridCall(pixels, [channels, plane], down, [x.kernelSize, 4 * x.dilation]));
  const steps = [y.count, row * y.stride] as const;
  machine.call(gridCall(positions, [1, 0], steps, [x.count, 4 * x.stride]));
  const description: Description = {
    ...{ images: 0, weight: 0, weightRows: 0, bias: 0, out: 0, gradient: 0, ...given },
    ...{ pixels, positions, planes: offsets(filters, P) },
    ramp: offsets(Math.max(blockPositions, x.count), 1),
    ...{ channels, height, width, paddedHeight, paddedWidth, top: y.before, left: x.before },
    ...{ filters, Q, P, outHeight: y.count, outWidth: x.count },
    ...{ strideX: x.stride, line: row * y.stride },
  };
  const about = machine.take(4 * fields.length);
  machine.writeWhole(about, fields.map((field) => description[field]));
  const calls = partsOf(batch, 1, sums?.length).map(([from, to], k) =>
    [kernel, about, from, to, ...(sums ? [sums[k]] : [])] as const
  );
  machine.share(calls, batch * filters * Q * P, convolutionScratch(description));
}
