/**
 * # Fast kernels: Winograd's convolution, behind the door of module 09's
 *
 * @module
 */
import type { Slide, Track } from "#spatial";
import {
  winogradBlock,
  type WinogradDescription,
  winogradFields,
  winogradGatherCall,
  winogradScratch,
  winogradTurnedCall,
  winogradWeightsCall,
} from "../kernels/winograd.ts";
import { type Machine, partsOf } from "../machine/machine.ts";

/** Places of a tile, and its outputs in one direction. */
const places = 36, outputs = 4;

/** Fewest tiles of a block: fewer are not worth fetching the transformed filters for. */
const fewestTiles = 32;

/** Most bytes that the sums of a weight gradient may take, in all parts together. */
const mostSums = 2 ** 24;

/** A convolution of some images: those of the layer, or that of its gradients with turned filters. */
interface Correlation {
  readonly batch: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly filters: number;
  readonly before: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** Whether tiles suit a convolution: 3×3 filters one apart, many of them, and little waste at edges. */
export function suitsWinograd(machine: Machine, slide: Slide, filters: number): boolean {
  const { shape: [, channels], y, x } = slide;
  const isMany = (n: number): boolean => n >= 16 && n % 8 === 0;
  const whole = (n: number): number => Math.ceil(n / outputs) * outputs;
  return "winograd" in machine.run && isMany(channels) && isMany(filters) &&
    isPlain(y, slide.shape[2]) && isPlain(x, slide.shape[3]) && y.before === x.before &&
    whole(y.count) * whole(x.count) <= 1.8 * y.count * x.count;
}

/** Three weights one apart, with as many zeros after the image as before it. */
function isPlain({ kernelSize, stride, dilation, before, count }: Track, n: number): boolean {
  return kernelSize === 3 && stride === 1 && dilation === 1 && before <= 2 &&
    count === n + 2 * before - 2;
}

/** The outputs of a layer; false if something came out that is not finite. */
export function winogradForward(
  machine: Machine,
  slide: Slide,
  filters: number,
  { images, weight, bias, out }: Record<"images" | "weight" | "bias" | "out", number>,
): boolean {
  const correlation = correlationOf(slide, filters), { channels } = correlation;
  const weights = machine.take(4 * places * filters * channels);
  machine.call(winogradWeightsCall({
    ...{ to: weights, place: 4 * filters * channels, panel: 32, step: 4 * channels },
    ...{ from: weight, row: 12, lanes: offsets(machine, channels, 9), n: channels },
    ...{ steps: offsets(machine, filters, 9 * channels), k: filters },
    scratch: machine.take(1024),
  }));
  return correlate(machine, correlation, { from: images, weights, bias, to: out });
}

/** The gradient of the images: gradients of outputs, with the filters turned round. */
export function winogradInput(
  machine: Machine,
  slide: Slide,
  filters: number,
  { gradient, weight, out }: Record<"gradient" | "weight" | "out", number>,
): boolean {
  const forward = correlationOf(slide, filters), { channels, height, width } = forward;
  const weights = machine.take(4 * places * filters * channels);
  machine.call(winogradTurnedCall({
    ...{ to: weights, place: 4 * filters * channels, panel: 32, step: 4 * filters },
    ...{ from: weight, row: 12, lanes: offsets(machine, filters, 9 * channels), n: filters },
    ...{ steps: offsets(machine, channels, 9), k: channels },
    scratch: machine.take(1024),
  }));
  const backward = {
    ...{ batch: forward.batch, channels: filters, filters: channels, before: 2 - forward.before },
    ...{ height: forward.outHeight, width: forward.outWidth, outHeight: height, outWidth: width },
  };
  return correlate(machine, backward, { from: gradient, weights, bias: 0, to: out });
}

/** The gradient of the filters. */
export function winogradWeight(
  machine: Machine,
  slide: Slide,
  filters: number,
  { images, gradient, out }: Record<"images" | "gradient" | "out", number>,
): boolean {
  const correlation = correlationOf(slide, filters), { batch, channels } = correlation;
  const size = places * channels * filters;
  // The sums are added in the order of the parts, whose number does not depend on the threads.
  const most = Math.max(1, Math.min(8, Math.floor(mostSums / (4 * size))));
  const parts = partsOf(batch, 1, Math.min(most, partsWorth(correlation)));
  const sums = parts.map(() => machine.take(4 * size));
  for (const sum of sums) machine.run.clear(sum, 4 * size);
  const given = { from: images, weights: 0, bias: 0, to: gradient, flag: raised(machine) };
  const about = describe(machine, correlation, parts[0][1], given);
  const calls = parts.map(([from, to], k) =>
    ["winogradWeightGradient", about.address, from, to, sums[k]] as const
  );
  machine.share(calls, workOf(correlation), winogradScratch(about.description));
  const [total, ...others] = sums;
  for (const sum of others) machine.run.add(total, total, sum, size, 1, 1);
  machine.call(winogradGatherCall({
    ...{ to: out, row: 12, lanes: offsets(machine, filters, 9 * channels), n: filters },
    ...{ steps: offsets(machine, channels, 9), k: channels, from: total },
    ...{ place: 4 * channels * filters, step: 4 * filters, bias: 0, flag: given.flag },
    scratch: machine.take(1024),
  }));
  return isFinite(machine, given.flag);
}

function correlationOf({ shape, y, x }: Slide, filters: number): Correlation {
  const [batch, channels, height, width] = shape;
  return {
    ...{ batch, channels, height, width, filters },
    ...{ before: y.before, outHeight: y.count, outWidth: x.count },
  };
}

function correlate(
  machine: Machine,
  correlation: Correlation,
  given: Record<"from" | "weights" | "bias" | "to", number>,
): boolean {
  const flag = raised(machine), { batch } = correlation;
  // No number depends on the parts: one thread takes all images in one.
  const parts = partsOf(batch, 1, machine.threads === 1 ? 1 : partsWorth(correlation));
  const about = describe(machine, correlation, parts[0][1], { ...given, flag });
  const calls = parts.map(([from, to]) => ["winograd", about.address, from, to] as const);
  machine.share(calls, workOf(correlation), winogradScratch(about.description));
  return isFinite(machine, flag);
}

/** Tiles of an image, down and across. */
function tilesOf({ outHeight, outWidth }: Correlation): readonly [number, number] {
  return [Math.ceil(outHeight / outputs), Math.ceil(outWidth / outputs)];
}

/** How many parts the images can be divided into, so that each has a block of tiles. */
function partsWorth(correlation: Correlation): number {
  const [down, across] = tilesOf(correlation);
  return Math.max(1, Math.min(8, Math.floor(correlation.batch * down * across / fewestTiles)));
}

/** Multiplications in all products together. */
function workOf(correlation: Correlation): number {
  const [down, across] = tilesOf(correlation), { batch, channels, filters } = correlation;
  return places * batch * down * across * channels * filters;
}

/** Writes down what the kernels must know, with blocks for parts of some images. */
function describe(
  machine: Machine,
  correlation: Correlation,
  images: number,
  given: Pick<WinogradDescription, "from" | "weights" | "bias" | "to" | "flag">,
): { readonly address: number; readonly description: WinogradDescription } {
  const { channels, filters, height, width, outHeight, outWidth, before } = correlation;
  const [tilesDown, tilesAcross] = tilesOf(correlation), each = tilesDown * tilesAcross;
  const some = Math.min(images, Math.ceil(fewestTiles / each));
  const sizes = { channels, filters, tilesDown, tilesAcross, images: some };
  const { tiles } = winogradBlock(sizes);
  const line = outputs * tilesAcross, plane = outputs * tilesDown * line;
  const framed = line + 2, framedPlane = (outputs * tilesDown + 2) * framed;
  const description: WinogradDescription = {
    ...{ ...given, ...sizes, height, width, outHeight, outWidth, before },
    tileAt: tileOffsets(channels * framedPlane, framed),
    outAt: tileOffsets(filters * plane, line),
    channelAt: offsets(machine, channels, framedPlane),
    filterAt: offsets(machine, filters, plane),
  };
  const address = machine.take(4 * winogradFields.length);
  machine.writeWhole(address, winogradFields.map((field) => description[field]));
  return { address, description };

  /** Where the tiles of a block lie: image by image, line by line. */
  function tileOffsets(image: number, line: number): number {
    const table = machine.take(4 * tiles);
    machine.writeWhole(
      table,
      Array.from({ length: tiles }, (_, k) => {
        const down = Math.floor(k % each / tilesAcross), across = k % tilesAcross;
        return 4 * (Math.floor(k / each) * image + outputs * (down * line + across));
      }),
    );
    return table;
  }
}

/** Offsets that grow by a fixed distance, in numbers. */
function offsets(machine: Machine, n: number, distance: number): number {
  const table = machine.take(4 * n);
  machine.run.progression(table, n, 4 * distance);
  return table;
}

/** A flag that no kernel has raised yet. */
function raised(machine: Machine): number {
  const flag = machine.take(4);
  machine.writeWhole(flag, [0]);
  return flag;
}

function isFinite(machine: Machine, flag: number): boolean {
  return !Number.isNaN(new Float32Array(machine.heap.buffer, flag, 1)[0]);
}
