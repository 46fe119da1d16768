/**
 * # CIFAR-10: sixty thousand small photographs
 *
 * 50,000 to learn from and 10,000 to be tested on, 32×32 pixels in colour, ten classes
 * (A. Krizhevsky: *Learning Multiple Layers of Features from Tiny Images*, 2009). The binary
 * distribution is a `.tar.gz` with six files of records, one behind the other:
 *
 * ```text
 * 06        3b 2b 32 …          3e 2e 31 …           3f 2d 2f …
 * label     1,024 red bytes     1,024 green          1,024 blue      row after row, from the top
 * ```
 *
 * The archive is read as it streams by. Browsers and file managers like to unpack it, once or
 * twice: the `.tar` and the folder are read as well. Pixels stay bytes, a quarter of what numbers
 * would take; each batch turns its own into numbers.
 *
 * @module
 */
import { join } from "@std/path";
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { Dataset } from "#dataloader";
import { Tensor } from "#tensor";
import type { Batch } from "#training";
import { DataError, readFailure } from "./idx.ts";
import { isTarHeader, tarFiles } from "./tar.ts";

/** The classes, by label. */
export const classes = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;

/** Shape of one image: channels red, green, blue; rows; columns. */
export const imageShape = [3, 32, 32] as const;

const imageBytes = 3 * 32 * 32, recordBytes = 1 + imageBytes;
const trainFiles = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
const files = [...trainFiles, "test_batch.bin"], namesFile = "batches.meta.txt";

/** How many images each of the six files has in the published data. */
export const publishedImagesPerFile = 10_000;

/** Largest file that is read from an archive; the published ones have 30.7 MB. */
const largestFile = 100_000_000;

/** What a byte of a picture is as a number from 0 to 1. */
const brightness = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** Pictures as bytes, and their labels. */
export class ByteImages implements Dataset {
  /** (count · 3 · 32 · 32) bytes. */
  readonly pixels: Uint8Array;
  /** One class per picture. */
  readonly labels: Int32Array;
  /** How many there are. */
  readonly length: number;

  /**
   * Pairs pictures with labels; neither is copied.
   *
   * @param pixels (count · 3 · 32 · 32) bytes.
   * @param labels One class per picture.
   */
  constructor(pixels: Uint8Array, labels: Int32Array) {
    this.pixels = pixels;
    this.labels = labels;
    this.length = labels.length;
  }

  /** The pictures at some indices, as numbers from 0 to 1: (B, 3, 32, 32). */
  batch(indices: Int32Array): Batch {
    const { pixels } = this, out = new Float32Array(indices.length * imageBytes);
    for (let k = 0, to = 0; k < indices.length; k++) {
      const from = indices[k] * imageBytes, end = from + imageBytes;
      for (let at = from; at < end; at++) out[to++] = brightness[pixels[at]];
    }
    const inputs = new Tensor(out, [indices.length, ...imageShape]);
    return { inputs, targets: indices.map((index) => this.labels[index]) };
  }
}

/** Copies some pictures out, as a set of their own. */
export function pickImages({ pixels, labels }: ByteImages, indices: Int32Array): ByteImages {
  const out = new Uint8Array(indices.length * imageBytes);
  indices.forEach((index, k) => {
    out.set(pixels.subarray(index * imageBytes, (index + 1) * imageBytes), k * imageBytes);
  });
  return new ByteImages(out, indices.map((index) => labels[index]));
}

/** All of CIFAR-10, or a smaller set of the same layout. */
export interface Cifar10 {
  /** Pictures to learn from. */
  readonly train: ByteImages;
  /** Pictures to be tested on. */
  readonly test: ByteImages;
}

/** What readCifar10() takes. */
export interface ReadOptions {
  /** How many images each of the six files must have: 10,000, or any number of at least 1. */
  readonly imagesPerFile?: number | "any";
}

/**
 * Reads the binary distribution.
 *
 * @param path The archive `cifar-10-binary.tar.gz`, the `.tar` in it, or the folder in that.
 * @param options How many images there must be.
 * @returns Pictures to learn from, and to be tested on.
 * @throws {DataError} If it is missing, damaged, incomplete, or something else.
 */
export async function readCifar10(
  path: string,
  { imagesPerFile = publishedImagesPerFile }: ReadOptions = {},
): Promise<Cifar10> {
  const collected = new Collection(path, imagesPerFile);
  if (await isFolder(path)) await readFolder(path, collected);
  else await readArchive(path, collected);
  return collected.finish();
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw readFailure(path, cause);
  }
}

/** Where the files of a folder may lie, deepest first. */
const innerFolders = ["cifar-10-binary/cifar-10-batches-bin", "cifar-10-batches-bin", "."];

async function readFolder(path: string, collected: Collection): Promise<void> {
  for (const name of ["cifar-10-binary.tar", "cifar-10-binary.tar.gz"]) { // unpacked into a folder
    const inner = join(path, name),
      isFile = await stat(inner).then((it) => it.isFile(), () => false);
    if (isFile) return await readArchive(inner, collected);
  }
  let folder = path;
  for (const inner of innerFolders) {
    folder = join(path, inner);
    if (await isFolder(folder).catch(() => false)) break;
  }
  for (const name of [namesFile, ...files]) {
    const bytes = await readFile(join(folder, name)).catch((cause) => {
      if (name === namesFile && cause.code === "ENOENT") return null;
      throw readFailure(join(folder, name), cause);
    });
    if (bytes) collected.add(name, bytes);
  }
}

async function readArchive(path: string, collected: Collection): Promise<void> {
  const start = await startOf(path), isPacked = start[0] === 0x1f && start[1] === 0x8b;
  if (!isPacked && !isTarHeader(start)) {
    const found = JSON.stringify(new TextDecoder("latin1").decode(start.subarray(0, 16)));
    throw new DataError(
      `Cannot read ${path}: a gzip archive must start with 1f 8b, a tar archive with a header, ` +
        `this file starts with ${found}`,
      "Is it another kind of file, or a web page saved under this name?",
    );
  }
  const others: string[] = [], bytes = createReadStream(path);
  async function collect(stream: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const file of tarFiles(stream, path)) {
      const name = file.path.split("/").at(-1) ?? "";
      if (![namesFile, ...files].includes(name)) others.push(name);
      else if (file.size > largestFile) collected.refuse(name, `it has ${file.size} bytes`);
      else collected.add(name, await file.read());
    }
  }
  try {
    await (isPacked ? pipeline(bytes, createGunzip(), collect) : pipeline(bytes, collect));
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(
      `Cannot unpack ${path}: its gzip data must be whole, they are damaged or incomplete`,
      "Was the archive cut short on its way? Copy or download it again.",
      { cause },
    );
  }
  collected.others = others;
}

/** The first 512 bytes of a file, zeros where it has fewer. */
async function startOf(path: string): Promise<Uint8Array> {
  const start = new Uint8Array(512);
  try {
    const file = await open(path);
    try {
      await file.read(start, 0, start.length, 0);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw readFailure(path, cause);
  }
  return start;
}

/** The six files, as they come in. */
class Collection {
  readonly #found = new Map<string, Uint8Array>();
  readonly #source: string;
  readonly #imagesPerFile: number | "any";
  /** Files of the archive that do not belong to CIFAR-10. */
  others: readonly string[] = [];

  constructor(source: string, imagesPerFile: number | "any") {
    this.#source = source;
    this.#imagesPerFile = imagesPerFile;
  }

  refuse(name: string, finding: string, hint = "Download the data again."): never {
    throw new DataError(`Cannot read ${name} of ${this.#source}: ${finding}`, hint);
  }

  /** Checks a file, and keeps it. */
  add(name: string, bytes: Uint8Array): void {
    if (name === namesFile) return this.#checkNames(bytes);
    if (this.#found.has(name)) this.refuse(name, "it is there twice");
    const images = bytes.length / recordBytes, wanted = this.#imagesPerFile;
    if (!Number.isInteger(images) || images === 0) {
      const rule = `an image takes ${recordBytes} bytes with its label`;
      this.refuse(name, `${rule}, and ${bytes.length} are no whole number of images`);
    }
    if (wanted !== "any" && images !== wanted) {
      const hint = "A set of another size is read only if its --sha256 is given.";
      this.refuse(name, `it must have ${wanted} images, found ${images}`, hint);
    }
    for (let k = 0; k < images; k++) {
      const label = bytes[k * recordBytes];
      if (label < classes.length) continue;
      this.refuse(name, `labels must lie in 0 to 9, that of image ${k} is ${label}`);
    }
    this.#found.set(name, bytes);
  }

  #checkNames(bytes: Uint8Array): void {
    const names = new TextDecoder().decode(bytes).trim().split(/\s+/);
    if (names.join() === classes.join()) return;
    const finding = `the classes must be ${classes.join(" ")}, found ${names.join(" ")}`;
    this.refuse(namesFile, finding.slice(0, 200), "Is it another data set?");
  }

  /** All six files together. */
  finish(): Cifar10 {
    const missing = files.filter((name) => !this.#found.has(name));
    if (missing.length > 0) {
      const others = this.others.length > 0 ? `, found ${this.others.slice(0, 4).join(", ")}` : "";
      const hint = this.others.includes("data_batch_1")
        ? "That is the Python version, which would have to be executed: take cifar-10-binary.tar.gz."
        : "Is it cifar-10-binary.tar.gz, or the folder that it unpacks to?";
      const says = `Cannot read CIFAR-10 from ${this.#source}: it must hold six files`;
      throw new DataError(`${says}, ${missing.join(", ")} missing${others}`, hint);
    }
    return { train: this.#together(trainFiles), test: this.#together(["test_batch.bin"]) };
  }

  /** Parts labels from pixels. Each file is let go as soon as it has been copied. */
  #together(names: readonly string[]): ByteImages {
    const counts = names.map((name) => (this.#found.get(name)?.length ?? 0) / recordBytes);
    const count = counts.reduce((a, b) => a + b, 0);
    const pixels = new Uint8Array(count * imageBytes), labels = new Int32Array(count);
    let image = 0;
    for (const name of names) {
      const bytes = this.#found.get(name) ?? new Uint8Array();
      this.#found.delete(name);
      for (let at = 0; at < bytes.length; at += recordBytes, image++) {
        labels[image] = bytes[at];
        pixels.set(bytes.subarray(at + 1, at + recordBytes), image * imageBytes);
      }
    }
    return new ByteImages(pixels, labels);
  }
}
