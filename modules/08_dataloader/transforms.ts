/**
 * # 08 · Data loader: transforms
 *
 * A cat is still a cat when it stands a little to the left, or looks the other way. Showing each
 * image a bit differently in each epoch is the cheapest way to more data there is.
 *
 * At the end you can normalise, shift, crop and flip batches of images, and hand that to the loader
 * as one function.
 *
 * A transform takes a batch and gives another. What it draws, it draws when it is called, image by
 * image, from a generator that it was given when it was made; so it has a state, and the order of
 * the calls counts. The batch that it was given stays as it is, because it may be the data set's
 * own.
 *
 * Throughout: images (B, C, H, W): B images of C channels, H rows and W columns
 *
 * @module
 */
import type { Generator } from "#random";
import { requireKind, requireNoOther, requireNumber, requireWhole, say, ShapeError } from "#tensor";
import { Tensor, ValueError } from "#tensor";

/** Makes other images of a batch (B, C, H, W); the batch itself stays as it is. */
export type Transform = (images: Tensor) => Tensor;

/** Refuses what are no images (given). */
function checkImages(verb: string, images: Tensor): void {
  if (images?.rank === 4) return;
  throw new ShapeError(say`Cannot ${verb} ${images}: images are (B, C, H, W)`);
}

/**
 * Several transforms, one after the other.
 *
 * @param transforms In the order in which they are applied.
 * @returns The transform.
 *
 * @example Flipped, then normalised
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { compose, normalize, randomHorizontalFlip } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const transform = compose(randomHorizontalFlip(new Generator(1), 1), normalize([1], [2]));
 * assertEquals(transform(Tensor.of([[[[1, 3]]]])).toArray(), [[[[1, 0]]]]);
 * ```
 */
export function compose(...transforms: readonly Transform[]): Transform {
  requireKind("Cannot transform by", "function", ...transforms);
  return (images) => transforms.reduce((made, transform) => transform(made), images);
}

// ── 8.5 To the same scale ──
// Pixels from 0 to 255, or red brighter than blue in every photograph: a network would have to
// learn its way around that first. The first weights of module 03 were chosen for inputs of mean 0
// and deviation 1, so that is what the inputs should have, channel by channel:
//
//   (x − mean) / deviation
//
// Both are measured beforehand, over the training images, and are the same for every batch: what
// the model sees of one image must not depend on its neighbours.
//
// One number per channel, C of them, has to meet images (B, C, H, W). Broadcasting lines shapes up
// at their ends, so the C must stand three axes from the end:
//
//   images   B   C   H   W
//   means        C   1   1
//
// Tensors of two dtypes do not mix, and the images' is known only when they come; Tensor.of() takes
// { dtype } as a second argument. Means must be finite, deviations finite and above 0, and there
// are as many of each. Otherwise:
//
//   Cannot normalise by means [1,2] and deviations [1]: it takes one number of each per channel,
//   deviations above 0
//
// The test looks for the class and the numbers. Images with another number of channels are refused
// when they come, after checkImages(), since three means and one channel would fit by broadcasting, and make three
// channels:
//
//   Cannot normalise (1, 1, 2, 2) by 3 means: one per channel

/**
 * Shifts and scales each channel: (x − mean) / standard deviation.
 *
 * @task 08.5
 * @param means One number per channel.
 * @param deviations The standard deviation of each channel, greater than 0.
 * @returns The transform.
 * @throws {ValueError} If there are not as many of both, or a deviation is not above 0.
 *
 * @example To mean 0
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { normalize } from "kindling/dataloader";
 * import { Tensor } from "kindling/tensor";
 * assertEquals(normalize([4], [2])(Tensor.of([[[[2, 6]]]])).toArray(), [[[[-1, 1]]]]);
 * ```
 */
export function normalize(means: readonly number[], deviations: readonly number[]): Transform {
  requireKind("Cannot normalise by", "list", means, deviations);
  const sound = means.every(Number.isFinite) && deviations.every((s) => s > 0 && s < Infinity);
  if (means.length !== deviations.length || !sound) {
    const says = `Cannot normalise by means [${means}] and deviations [${deviations}]`;
    throw new ValueError(`${says}: it takes one number of each per channel, deviations above 0`);
  }
  return (images) => {
    checkImages("normalise", images);
    if (images.shape[1] !== means.length) {
      const says = say`Cannot normalise ${images} by ${means.length} means`;
      throw new ShapeError(`${says}: one per channel`);
    }
    const [mean, deviation] = [means, deviations].map((numbers) =>
      Tensor.of(numbers, { dtype: images.dtype }).reshape([-1, 1, 1])
    );
    return images.sub(mean).div(deviation);
  };
}

// ── 8.6 Left and right ──
// A cat that looks to the left becomes one that looks to the right, and is still a cat. For each
// image one draw decides, for all its channels and rows alike, and even if the probability is 0 or
// 1: so the generator always moves on by B. An image is turned where generator.uniform() is below
// the probability; then each row is turned round by itself.
//
//   1 2 3     3 2 1
//   4 5 6  →  6 5 4
//
// In memory a row is W numbers side by side, and an image C·H such rows. The tests look whether
// some images of a batch are turned and some are not, how often, and whether the batch that was
// given is still what it was.

/**
 * Turns images round, left to right, each with a probability.
 *
 * @task 08.6
 * @param generator Draws which.
 * @param probability How often, 0.5 by default.
 * @returns The transform.
 * @throws {ValueError} If the probability is not from 0 to 1.
 *
 * @example Always
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { randomHorizontalFlip } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const flip = randomHorizontalFlip(new Generator(1), 1);
 * assertEquals(flip(Tensor.of([[[[1, 2], [3, 4]]]])).toArray(), [[[[2, 1], [4, 3]]]]);
 * ```
 */
export function randomHorizontalFlip(generator: Generator, probability = 0.5): Transform {
  requireKind("Cannot flip by", "generator", generator);
  requireNumber(`Cannot flip with probability ${probability}`, probability, 0, 1);
  return (images) => {
    checkImages("flip", images);
    const { shape, size } = images, out = images.data.slice(), each = size / shape[0];
    for (let image = 0; image < size; image += each) {
      const end = generator.uniform() < probability ? image + each : image, width = shape[3];
      for (let row = image; row < end; row += width) out.subarray(row, row + width).reverse();
    }
    return new Tensor(out, shape);
  };
}

// ── 8.7 A little to the side ──
// Put zeros around an image, and cut a part of the old size out at a random place: that is a shift,
// and what moved out of the picture is replaced by zeros. Without padding and with a smaller size
// it is a crop. Each image draws its own place, first the row, then the column:
//
//   ┌─────┐
//   │. . .│. .        a 3×3 image with one zero around it
//   │. 1 2│3 .
//   │. 4 5│6 .        cut at row 0, column 0:    . . .
//   └─────┘                                      . 1 2
//    . 7 8 9 .        the image moved down       . 4 5
//    . . . . .        and to the right
//
// A part of 3×3 can begin in row 0, 1 or 2, and in three columns: nine places. In general there are
// H + 2·padding − height + 1 rows to begin in, and as many columns with W and width. If that is
// none, the image is refused with a ShapeError: "Cannot crop (1, 1, 2, 4) to (3, 3): it is
// smaller".
//
// Module 01 does all of the work. pad([[0, 0], [0, 0], [1, 1], [1, 1]]) puts one zero around
// planes, slice([k, k + 1], null, [0, 3], [0, 3]) cuts 3×3 out of image k, and Tensor.concat(parts)
// puts images together. The tests find each part in its image again, and look whether every place
// comes: the last row and column are easily forgotten.

/** What draws the places of randomCrop(), and how many zeros are put on each side first (0). */
export type CropOptions = { readonly generator: Generator; readonly padding?: number };

/**
 * Cuts a part out of each image at a random place, after putting zeros around.
 *
 * @task 08.7
 * @param size Height and width of the part in pixels; one number for a square.
 * @param options The generator that draws the places, and the padding.
 * @returns The transform: (B, C, H, W) → (B, C, height, width).
 * @throws {ValueError} If a number is not whole, or too small, or an option is unknown.
 *
 * @example One of nine places
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { randomCrop } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const crop = randomCrop(4, { padding: 1, generator: new Generator(1) });
 * assertEquals(crop(Tensor.ones([2, 3, 4, 4])).shape, [2, 3, 4, 4]);
 * ```
 */
export function randomCrop(
  size: number | readonly [height: number, width: number],
  options: CropOptions,
): Transform {
  requireKind("Cannot crop by", "generator", options?.generator);
  const { generator, padding = 0, ...other } = options;
  requireNoOther("randomCrop", other);
  const [height, width] = typeof size === "number" ? [size, size] : size;
  for (const side of [height, width]) requireWhole(`Cannot crop to ${side} pixels`, side);
  requireWhole(`Cannot crop with padding ${padding}`, padding, 0);
  return (images) => {
    checkImages("crop", images);
    const down = images.shape[2] + 2 * padding - height; // the lowest place
    const across = images.shape[3] + 2 * padding - width;
    if (down < 0 || across < 0) {
      throw new ShapeError(say`Cannot crop ${images} to ${[height, width]}: it is smaller`);
    }
    const padded = images.pad([[0, 0], [0, 0], [padding, padding], [padding, padding]]);
    return Tensor.concat(Array.from({ length: images.shape[0] }, (_, k) => {
      const y = generator.integer(down + 1), x = generator.integer(across + 1);
      return padded.slice([k, k + 1], null, [y, y + height], [x, x + width]);
    }));
  };
}

/**
 * Shifts each image by some pixels in a random direction; zeros come in at the other side.
 *
 * @param most How many pixels at most, up or down and left or right.
 * @param generator Draws how many.
 * @returns The transform.
 * @throws {ValueError} If `most` is not a whole number of at least 0.
 *
 * @example The size stays
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { randomShift } from "kindling/dataloader";
 * import { Generator } from "kindling/random";
 * import { Tensor } from "kindling/tensor";
 * const shift = randomShift(1, new Generator(1));
 * assertEquals(shift(Tensor.ones([2, 1, 5, 4])).shape, [2, 1, 5, 4]);
 * ```
 */
export function randomShift(most: number, generator: Generator): Transform {
  requireKind("Cannot shift by", "generator", generator);
  requireWhole(`Cannot shift by ${most} pixels`, most, 0);
  return (images) => {
    checkImages("shift", images);
    const [, , height, width] = images.shape;
    return randomCrop([height, width], { generator, padding: most })(images);
  };
}
