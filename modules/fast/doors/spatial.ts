/**
 * # Fast kernels: behind the doors of module 09's operations
 *
 * @module
 */
import type { Slide, Track } from "#spatial";
import type { Replacement, Tensor } from "#tensor";
import {
  blockPositions,
  convolutionScratch,
  type Description,
  fields,
} from "../kernels/convolution.ts";
import { partsOf } from "../machine/machine.ts";
import type { Call } from "../machine/threads.ts";
import { areSingle, gradientOf, type Modules, on, type Tools } from "./tools.ts";

/** Multiplications above which the weight gradient is summed in parts. */
const worthSumming = 500_000;

/** What runs in place of convolution, max-pooling and batch normalisation. */
export function replaceSpatial(
  { machine, made, wholeNumbers }: Tools,
  { convolution, maxPooling, normalization }: Modules,
): Replacement[] {
  const { run } = machine;

  /** A table of offsets that grow by a fixed distance, in numbers. */
  function progression(n: number, distance: number): number {
    const table = machine.take(4 * n);
    run.progression(table, n, 4 * distance);
    return table;
  }

  /** Calls one of the convolution kernels for all images, or for several sums of them. */
  function convolve(
    kernel: string,
    slide: Slide,
    filters: number,
    given: Partial<Description>,
    sums?: readonly number[],
  ): void {
    const { shape: [batch, channels, height, width], y, x } = slide;
    const reach = ({ count, stride, dilation, kernelSize }: Track): number =>
      (count - 1) * stride + dilation * (kernelSize - 1) + 1;
    const paddedHeight = Math.max(y.before + height, reach(y));
    const paddedWidth = Math.max(x.before + width, reach(x));
    const Q = channels * y.kernelSize * x.kernelSize, P = y.count * x.count;
    const pixels = machine.take(4 * Q), positions = machine.take(4 * P);
    const longest = Math.max(blockPositions, x.count);
    const row = 4 * paddedWidth, plane = row * paddedHeight;
    run.grid(pixels, channels, plane, y.kernelSize, row * y.dilation, x.kernelSize, 4 * x.dilation);
    run.grid(positions, 1, 0, y.count, row * y.stride, x.count, 4 * x.stride);
    const description: Description = {
      ...{ images: 0, weight: 0, weightRows: 0, bias: 0, out: 0, gradient: 0, ...given },
      ...{ pixels, positions, planes: progression(filters, P), ramp: progression(longest, 1) },
      ...{ channels, height, width, paddedHeight, paddedWidth, top: y.before, left: x.before },
      ...{ filters, Q, P, outHeight: y.count, outWidth: x.count },
      ...{ strideX: x.stride, line: row * y.stride },
    };
    const about = machine.take(4 * fields.length);
    machine.writeWhole(about, fields.map((field) => description[field]));
    const parts = partsOf(batch, 1, sums?.length);
    const calls = parts.map(([from, to], k) =>
      [kernel, about, from, to, ...(sums ? [sums[k]] : [])] as const
    );
    machine.share(calls, batch * filters * Q * P, convolutionScratch(description));
  }

  return [
    on(convolution.door, (own) => ({
      ...own,

      forward: (inputs, slide) => {
        const [x, weight, bias] = inputs, [filters] = weight.shape, Q = weight.size / filters;
        const shape = [x.shape[0], filters, slide.y.count, slide.x.count];
        const output = areSingle(...inputs) && made(shape, (out) => {
          convolve("convolve", slide, filters, {
            weight: machine.address(weight.data),
            weightRows: progression(filters, Q),
            images: machine.address(x.data),
            bias: bias ? machine.address(bias.data) : 0,
            out,
          });
        });
        // no columns are kept: the images stand for them, and say that a kernel ran
        return output ? { output, saved: x } : own.forward(inputs, slide);
      },

      backward: (g, step) => {
        const { inputs: [x, weight], options: slide } = step, [filters] = weight.shape;
        if (step.saved !== x) return own.backward(g, step);
        const Q = weight.size / filters, products = g.size * Q;
        const fallBack = (input: number): Tensor => {
          const { saved } = own.forward(step.inputs, slide);
          return gradientOf(own.backward(g, { ...step, saved }), input);
        };
        return [
          () =>
            made(x.shape, (out) => {
              const from = machine.address(weight.data), gradient = machine.address(g.data);
              const transposed = machine.take(4 * weight.size);
              run.copyRows(
                transposed,
                from,
                progression(Q, 1),
                Q,
                progression(filters, Q),
                filters,
              );
              const weightRows = progression(Q, filters);
              convolve("convolveInput", slide, filters, {
                ...{ weight: transposed, weightRows, gradient, out },
              });
            }) ?? fallBack(0),
          () =>
            made(weight.shape, (out) => {
              const images = machine.address(x.data), gradient = machine.address(g.data);
              const count = products > worthSumming ? Math.min(8, x.shape[0]) : 1;
              const sums = partsOf(x.shape[0], 1, count).map(() => machine.take(4 * weight.size));
              for (const sum of sums) run.clear(sum, 4 * weight.size);
              convolve("convolveWeight", slide, filters, { images, gradient }, sums);
              const [total, ...others] = sums; // (Q, F)
              for (const sum of others) run.add(total, total, sum, weight.size, 1, 1);
              run.copyRows(
                out,
                total,
                progression(filters, 1),
                filters,
                progression(Q, filters),
                Q,
              );
            }) ?? fallBack(1),
          () => g.sum([0, 2, 3]),
        ];
      },
    })),

    on(maxPooling.door, (own) => ({
      ...own,

      forward: (inputs, slide) => {
        const [x] = inputs, { y, x: across } = slide, [batch, channels, height, width] = x.shape;
        if (!areSingle(x)) return own.forward(inputs, slide);
        const planes = batch * channels, size = y.count * across.count;
        const places = wholeNumbers(planes * size);
        const isUsual = across.count >= 4 &&
          [y, across].every((track) =>
            track.kernelSize === 2 && track.stride === 2 && track.before === 0
          );
        const windows = ([[height, y], [width, across]] as const).flatMap(([length, track]) => {
          return [length, track.count, track.kernelSize, track.stride, track.before];
        });
        const output = made([batch, channels, y.count, across.count], (out) => {
          const from = machine.address(x.data), to = machine.target(places);
          const calls = partsOf(planes, 1).map(([first, end]): Call => {
            const results = [out + 4 * first * size, to + 4 * first * size, from, first, end];
            if (isUsual) return ["maxPool2", ...results, height, width];
            return ["maxPool", ...results, ...windows];
          });
          machine.share(calls, x.size);
        });
        return output ? { output, saved: places } : own.forward(inputs, slide);
      },

      backward: (g, step) => {
        const { inputs: [x], saved: places } = step;
        if (!areSingle(g) || !machine.holds(g.data)) return own.backward(g, step);
        return [
          made(x.shape, (out) => {
            run.clear(out, 4 * x.size);
            run.scatter(out, machine.address(g.data), machine.addressOfWhole(places), g.size);
          }) ?? own.backward(g, step)[0],
        ];
      },
    })),

    on(normalization.door, (own) => ({
      ...own,

      forward: (inputs, options) => {
        const [x, gamma, beta] = inputs, [batch, channels, ...rest] = x.shape;
        const perChannel = [1, channels, 1, 1], n = rest[0] * rest[1], count = batch * n;
        const [hat, mean, variance, root] = [x.shape, perChannel, perChannel, perChannel]
          .map((shape) => areSingle(...inputs) ? made(shape, () => {}) : null);
        const output = hat && mean && variance && root && made(x.shape, (out) =>
          run.normForward(
            ...[x, gamma, beta].map(({ data }) => machine.address(data)),
            out,
            ...[hat, mean, variance, root].map(({ data }) => machine.target(data)),
            ...[batch, channels, n, options.epsilon],
          ));
        if (!output) return own.forward(inputs, options);
        options.onMeasured?.(mean, variance.mul(count / (count - 1)));
        return { output, saved: { hat, root } };
      },

      backward: (g, step) => {
        const { inputs: [, gamma], saved: { hat, root } } = step, [batch, channels] = g.shape;
        const forGamma = areSingle(g, gamma, hat) ? made([channels], () => {}) : null;
        const forBeta = forGamma && made([channels], () => {});
        const forX = forBeta && made(g.shape, (out) =>
          run.normBackward(
            ...[g, hat, gamma, root].map(({ data }) => machine.address(data)),
            out,
            ...[forGamma, forBeta].map(({ data }) => machine.target(data)),
            ...[batch, channels, g.size / (batch * channels)],
          ));
        return forX ? [forX, forGamma, forBeta] : own.backward(g, step);
      },
    })),
  ];
}
