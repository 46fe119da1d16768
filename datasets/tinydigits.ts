/**
 * # TinyDigits
 *
 * 1,797 handwritten digits of 8×8 pixels, small enough to lie in the repository: 1,000 to train
 * on, 100 of each digit, and 797 to test on. Where they come from, and what an accuracy on them
 * can and cannot claim, stands in tinydigits/README.md.
 *
 * @module
 */

import { DataError, readLabelledImages } from "./idx.ts";

/** Pictures ready for a model: B of them, one channel of grey, 8×8, ink 0 to 1. */
export interface LabelledImages {
  /** Ink in NCHW order, (B · 1 · 8 · 8); every value is a sixteenth. */
  readonly images: Float32Array<ArrayBuffer>;
  /** The digit each picture shows, (B). */
  readonly labels: Int32Array;
  /** The shape of `images`, (B, 1, 8, 8). */
  readonly shape: readonly [count: number, channels: 1, height: 8, width: 8];
}

const side = 8;
const brightest = 16;
const hint = "Restore the folder from the repository: git checkout -- datasets/tinydigits";

/**
 * Loads both parts of TinyDigits from this repository; no network, no package.
 *
 * @param folder Folder of the four files, ending in `/`; only tests need another.
 * @returns 1,000 images to train on, (1000, 1, 8, 8), and 797 to test on, (797, 1, 8, 8).
 * @throws {DataError} If a file is missing, may not be read, or is not the one we committed.
 *
 * @example The labels count the images
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { loadTinyDigits } from "./tinydigits.ts";
 * const { train, test } = await loadTinyDigits();
 * assertEquals(train.shape, [1000, 1, 8, 8]);
 * assertEquals(test.labels.length, 797);
 * ```
 */
export async function loadTinyDigits(
  folder: URL = new URL("./tinydigits/", import.meta.url),
): Promise<{ train: LabelledImages; test: LabelledImages }> {
  return {
    train: await loadPart(folder, "train", 1000),
    test: await loadPart(folder, "test", 797),
  };
}

async function loadPart(folder: URL, part: string, expected: number): Promise<LabelledImages> {
  const { images, labels, count, height, width } = await readLabelledImages(
    new URL(`${part}-images-idx3-ubyte`, folder),
    new URL(`${part}-labels-idx1-ubyte`, folder),
  );
  if (count !== expected || height !== side || width !== side) {
    throw new DataError(
      `Cannot load TinyDigits: the ${part} part must be ${expected} images of ${side}×${side}, ` +
        `found ${count} of ${height}×${width}`,
      hint,
    );
  }
  const ink = new Float32Array(images.length);
  for (let i = 0; i < images.length; i++) {
    if (images[i] > brightest) {
      throw new DataError(
        `Cannot load TinyDigits: pixels must lie in 0 to ${brightest}, ` +
          `${part} image ${Math.floor(i / side ** 2)} has one of ${images[i]}`,
        hint,
      );
    }
    ink[i] = images[i] / brightest;
  }
  return {
    images: ink,
    labels,
    shape: [count, 1, side, side],
  };
}
