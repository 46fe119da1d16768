/**
 * # Fast kernels: behind the door of module 09's max-pooling
 *
 * @module
 */
import type { Slide } from "#spatial";
import type { Replacement } from "#tensor";
import { maxPool2Call, maxPoolCall, unpool2Call } from "../kernels/pooling.ts";
import { partsOf } from "../machine/machine.ts";
import { areSingle, type Modules, on, type Tools } from "./tools.ts";

/** Windows of 2×2 side by side, at least four in a row. */
function isUsualPooling({ y, x }: Pick<Slide, "y" | "x">): boolean {
  return x.count >= 4 &&
    [y, x].every((t) => t.kernelSize === 2 && t.stride === 2 && t.before === 0);
}

/** What runs in place of max-pooling and its gradient. */
export function replaceMaxPool2d(tools: Tools, { maxPooling }: Modules): Replacement {
  const { machine, made, wholeNumbers } = tools, { run } = machine;
  return on(maxPooling.door, (own) => ({
    ...own,

    forward: (inputs, slide) => {
      const [image] = inputs, { y, x, pooled } = slide, [, , height, width] = image.shape;
      if (!areSingle(image)) return own.forward(inputs, slide);
      const planes = pooled[0] * pooled[1], size = y.count * x.count;
      const saved = wholeNumbers(planes * size); // where each greatest number stood
      const isUsual = isUsualPooling(slide);
      const output = made(pooled, (out) => {
        const from = machine.address(image.data), to = machine.target(saved);
        const calls = partsOf(planes, 1).map(([first, end]) => {
          const at = out + 4 * first * size, places = to + 4 * first * size;
          const common = { out: at, places, x: from, from: first, to: end, height, width };
          if (isUsual) return maxPool2Call(common);
          return maxPoolCall({
            ...common,
            ...{ countY: y.count, kernelY: y.kernelSize, strideY: y.stride, beforeY: y.before },
            ...{ countX: x.count, kernelX: x.kernelSize, strideX: x.stride, beforeX: x.before },
          });
        });
        machine.share(calls, image.size);
      });
      return output ? { output, saved } : own.forward(inputs, slide);
    },

    backward: (g, step) => {
      const { inputs: [x], saved: places, options: slide } = step;
      if (!areSingle(g) || !machine.holds(g.data)) return own.backward(g, step);
      const gradient = made(x.shape, (out) => {
        const from = machine.address(g.data), at = machine.address(places);
        if (!isUsualPooling(slide)) {
          run.clear(out, 4 * x.size);
          run.scatter(out, from, at, g.size);
          return;
        }
        const [batch, channels, height, width] = x.shape, planes = batch * channels;
        const size = height * width, pooled = slide.y.count * slide.x.count;
        const calls = partsOf(planes, 1).map(([first, to]) =>
          unpool2Call({
            ...{ out: out + 4 * first * size, g: from + 4 * first * pooled },
            ...{ places: at + 4 * first * pooled, from: first, to, height, width },
          })
        );
        machine.share(calls, x.size);
      });
      return gradient ? [gradient] : own.backward(g, step);
    },
  }));
}
