/**
 * # IDX: the file format of MNIST
 *
 * An IDX file is an array and nothing else. Its header says how to read it, most significant byte
 * first; the elements follow in row-major order:
 *
 * ```text
 * 00 00   08       03      00 00 03 e8   00 00 00 08   00 00 00 08   …
 *         type     rank    1000 images   8 rows        8 columns     one byte per pixel
 * ```
 *
 * MNIST and Fashion-MNIST are published as four such files, gzipped; TinyDigits lies beside this
 * file as four of them, not gzipped. parseIdx() takes their bytes, wherever they come from, also in
 * a browser; readIdx() reads a file, of both kinds.
 *
 * @module
 */

/** The element arrays IDX can hold; which of them is the file's type byte. */
export type IdxData =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** An array as an IDX file holds it: elements in row-major order, and the size of each axis. */
export interface IdxArray {
  readonly data: IdxData;
  readonly shape: readonly number[];
}

/** Pictures and their classes, as the two files hold them. */
export interface RawImages {
  /** Pixels as stored, (count · height · width). */
  readonly images: Uint8Array;
  /** One class per picture, (count). */
  readonly labels: Int32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** Data that are missing, refused, damaged, or not what was asked for. */
export class DataError extends Error {
  override readonly name = "DataError";
  /** What to try next. */
  readonly hint: string;

  constructor(message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.hint = hint;
  }
}

interface ElementType {
  readonly code: number;
  readonly plural: string;
  readonly array: {
    readonly BYTES_PER_ELEMENT: number;
    new (buffer: ArrayBufferLike, byteOffset: number, length: number): IdxData;
  };
}

const elementTypes: readonly ElementType[] = [
  { code: 0x08, plural: "unsigned bytes", array: Uint8Array },
  { code: 0x09, plural: "signed bytes", array: Int8Array },
  { code: 0x0b, plural: "16-bit integers", array: Int16Array },
  { code: 0x0c, plural: "32-bit integers", array: Int32Array },
  { code: 0x0d, plural: "32-bit floats", array: Float32Array },
  { code: 0x0e, plural: "64-bit floats", array: Float64Array },
];

/** What to do about a file that is cut short. */
export const fetchAgain = "Was the file cut short on its way? Copy or download it again.";

// ── The format ──

/**
 * Takes an IDX file's bytes apart.
 *
 * @param bytes The whole file, not gzipped. Unsigned bytes are not copied: the array shares them.
 * @param name What errors call the file.
 * @returns The array, of any rank from 1.
 * @throws {DataError} If the bytes are not exactly one IDX array, or one of its axes is empty.
 *
 * @example Two rows of three
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseIdx } from "./idx.ts";
 * const header = [0, 0, 0x08, 2, 0, 0, 0, 2, 0, 0, 0, 3];
 * const array = parseIdx(Uint8Array.from([...header, 1, 2, 3, 4, 5, 6]), "example");
 * assertEquals(array.shape, [2, 3]);
 * assertEquals(array.data, Uint8Array.of(1, 2, 3, 4, 5, 6));
 * ```
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    throw new DataError(
      `Cannot parse ${name}: an IDX file must start with 00 00, its type and its rank, ` +
        (bytes.length === 0 ? "this one is empty" : `this one starts with ${hex(bytes)}`),
      "Is it another kind of file, or a web page saved under this name?",
    );
  }
  const [, , code, rank] = bytes;
  const type = elementTypes.find((t) => t.code === code);
  if (type === undefined) {
    throw new DataError(
      `Cannot parse ${name}: its type must be one of ` +
        `${hex(elementTypes.map((t) => t.code))}, found ${hex([code])}`,
      "Is it really an IDX file? Those of MNIST have type 08.",
    );
  }
  if (rank === 0) {
    throw new DataError(
      `Cannot parse ${name}: an IDX array must have at least one axis, found rank 0`,
      "Is it really an IDX file? Those of MNIST have rank 1 or 3.",
    );
  }
  const start = headerBytes(rank);
  if (bytes.length < start) {
    throw new DataError(
      `Cannot parse ${name}: a header of rank ${rank} must take ${start} bytes, ` +
        `the file has ${bytes.length}`,
      fetchAgain,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  if (shape.includes(0)) {
    throw new DataError(
      `Cannot parse ${name}: every axis must have a size of at least 1, found ${show(shape)}`,
      "Was the file written from an empty array?",
    );
  }
  const width = type.array.BYTES_PER_ELEMENT;
  const length = shape.reduce((product, size) => product * size, 1);
  const expected = start + length * width;
  if (!Number.isSafeInteger(expected)) {
    throw new DataError(
      `Cannot parse ${name}: an array must have fewer than 2^53 bytes, ` +
        `its header promises ${show(shape)}`,
      "The header is damaged, or the file is not IDX.",
    );
  }
  if (bytes.length !== expected) {
    throw new DataError(
      `Cannot parse ${name}: ${show(shape)} of ${type.plural} must take ${expected} bytes ` +
        `with the header, found ${bytes.length}`,
      bytes.length < expected ? fetchAgain : "Was something appended to the file?",
    );
  }
  const stored = new Uint8Array(bytes.buffer, bytes.byteOffset + start, length * width);
  const body = swapBytes(stored, width);
  return { data: new type.array(body.buffer, body.byteOffset, length), shape };
}

/**
 * Writes an array as the bytes of an IDX file.
 *
 * @param array Elements and the sizes of 1 to 255 axes, whose product is the number of elements.
 * @returns The whole file; `parseIdx()` gives the array back.
 * @throws {DataError} If the shape or the element type does not fit the format, or the shape does
 * not fit the elements.
 */
export function encodeIdx({ data, shape }: IdxArray): Uint8Array<ArrayBuffer> {
  const length = shape.reduce((product, size) => product * size, 1);
  const fits = shape.every((size) => Number.isInteger(size) && size > 0 && size < 2 ** 32);
  if (!fits || shape.length < 1 || shape.length > 255 || length !== data.length) {
    throw new DataError(
      `Cannot encode ${show(shape)}: 1 to 255 sizes from 1 to 2^32 - 1 must multiply to the ` +
        `number of elements, found ${data.length} elements`,
      "Check the shape.",
    );
  }
  const { code, array } = elementTypeOf(data);
  const start = headerBytes(shape.length);
  const out = new Uint8Array(start + data.byteLength);
  const view = new DataView(out.buffer);
  out.set([0, 0, code, shape.length]);
  shape.forEach((size, axis) => view.setUint32(4 + 4 * axis, size));
  const body = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  out.set(swapBytes(body, array.BYTES_PER_ELEMENT), start);
  return out;
}

// ── Pictures and labels ──

/** An array of a file, and what errors call the file. */
export interface NamedIdx {
  readonly array: IdxArray;
  readonly name: string;
}

/**
 * Pairs pictures with their labels, and checks that they belong together.
 *
 * @param images Unsigned bytes, (count, height, width).
 * @param labels Unsigned bytes, (count).
 * @param options `classes`: labels must be below it, 10 unless told.
 * @returns Pixels (count · height · width) and labels (count).
 * @throws {DataError} If the two are swapped or of different lengths, or a label is no class.
 *
 * @example Two pictures of one pixel
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { pairIdx } from "./idx.ts";
 * const images = { array: { data: Uint8Array.of(9, 0), shape: [2, 1, 1] }, name: "images" };
 * const labels = { array: { data: Uint8Array.of(3, 8), shape: [2] }, name: "labels" };
 * assertEquals([...pairIdx(images, labels).labels], [3, 8]);
 * ```
 */
export function pairIdx(
  { array: images, name: imagesName }: NamedIdx,
  { array: labels, name: labelsName }: NamedIdx,
  { classes = 10 }: { classes?: number } = {},
): RawImages {
  if (images.shape.length === 1 && labels.shape.length === 3) {
    throw new DataError(
      `Cannot read images from ${imagesName}: images must come first and labels second, ` +
        `the images file holds labels and the labels file holds images`,
      "Swap the two paths.",
    );
  }
  const pixels = bytesOfRank(images, 3, "images", imagesName);
  const classBytes = bytesOfRank(labels, 1, "labels", labelsName);
  const [count, height, width] = images.shape;
  if (classBytes.length !== count) {
    throw new DataError(
      `Cannot pair ${imagesName} with ${labelsName}: each image must have one label, ` +
        `${count} images came with ${classBytes.length} labels`,
      "Is one file from the training part and the other from the test part?",
    );
  }
  for (let i = 0; i < count; i++) {
    if (classBytes[i] >= classes) {
      throw new DataError(
        `Cannot read labels from ${labelsName}: labels must lie in 0 to ${classes - 1}, ` +
          `label ${i} is ${classBytes[i]}`,
        "Does the data set have more classes? Pass their number as { classes }.",
      );
    }
  }
  return { images: pixels, labels: new Int32Array(classBytes), count, height, width };
}

function bytesOfRank(array: IdxArray, rank: number, role: string, name: string): Uint8Array {
  const { data, shape } = array;
  if (shape.length !== rank) {
    throw new DataError(
      `Cannot read ${role} from ${name}: ${role} must have rank ${rank}, ` +
        `found rank ${shape.length}, ${show(shape)}`,
      shape.length === 3
        ? "The labels file holds images."
        : "MNIST names its files by rank: images-idx3 and labels-idx1.",
    );
  }
  if (!(data instanceof Uint8Array)) {
    throw new DataError(
      `Cannot read ${role} from ${name}: ${role} must be unsigned bytes, ` +
        `found ${elementTypeOf(data).plural}`,
      "readIdx() reads every element type; convert what it returns.",
    );
  }
  return data;
}

function headerBytes(rank: number): number {
  return 4 + 4 * rank;
}

/**
 * Reverses the bytes of each element: files hold the most significant byte first, and the
 * processors that Deno and Bun run on hold it last.
 */
function swapBytes(bytes: Uint8Array, width: number): Uint8Array {
  if (width === 1) return bytes;
  const out = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i += width) {
    for (let j = 0; j < width; j++) out[i + j] = bytes[i + width - 1 - j];
  }
  return out;
}

function elementTypeOf(data: IdxData): ElementType {
  // A Buffer is a Uint8Array too, so instanceof and not the constructor's name.
  const type = elementTypes.find((t) => data instanceof t.array);
  if (type === undefined) {
    throw new DataError(
      `Cannot encode elements: they must be ${elementTypes.map((t) => t.plural).join(", ")}, ` +
        `found ${data.constructor.name}`,
      "Convert them first.",
    );
  }
  return type;
}

function show(shape: readonly number[]): string {
  return `(${shape.join(", ")})`;
}

/** The first eight bytes at most, as `1f 8b 08`. */
function hex(bytes: Iterable<number>): string {
  return [...bytes].slice(0, 8).map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

// ── Files ──

/** Loads parts of the runtime when a file is read; a browser has none. */
function runtime(): typeof process.getBuiltinModule {
  const load = globalThis.process?.getBuiltinModule;
  if (load) return load;
  throw new DataError("Cannot read a file: there are none here", "Hand its bytes to parseIdx().");
}

/**
 * Reads an IDX file, gzipped or not: the first bytes tell, whatever the name says.
 *
 * @param path Path or `file:` URL.
 * @returns The array, of any rank from 1.
 * @throws {DataError} If the file is missing, may not be read, or is not a whole IDX file.
 */
export async function readIdx(path: string | URL): Promise<IdxArray> {
  return parseIdx(await readUnpacked(path), nameOf(path));
}

/**
 * Reads pictures and their labels from a pair of IDX files, and checks that they belong together.
 *
 * @param imagesPath IDX file of unsigned bytes, (count, height, width).
 * @param labelsPath IDX file of unsigned bytes, (count).
 * @param options `classes`: labels must be below it, 10 unless told.
 * @returns Pixels (count · height · width) and labels (count).
 * @throws {DataError} If a file cannot be read, the two are swapped or of different lengths, or a
 * label is no class.
 */
export async function readLabelledImages(
  imagesPath: string | URL,
  labelsPath: string | URL,
  options: { classes?: number } = {},
): Promise<RawImages> {
  const images = { array: await readIdx(imagesPath), name: nameOf(imagesPath) };
  const labels = { array: await readIdx(labelsPath), name: nameOf(labelsPath) };
  return pairIdx(images, labels, options);
}

/**
 * Reads a file's bytes, unpacked if they are gzipped.
 *
 * @param path Path or `file:` URL.
 * @throws {DataError} If the file is missing, may not be read, or its gzip data are damaged.
 */
export async function readUnpacked(path: string | URL): Promise<Uint8Array> {
  const name = nameOf(path);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(await runtime()("node:fs/promises").readFile(path));
  } catch (cause) {
    throw readFailure(name, cause);
  }
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? await unpacked(bytes, name) : bytes;
}

/** Says in our words why a file could not be read: one sentence for both runtimes. */
export function readFailure(name: string, cause: unknown): DataError {
  const error: { name?: string; code?: string } = cause instanceof Error ? cause : {};
  let finding = `a file must be readable, the system answered ${error.code ?? error.name}`;
  let hint = "Check the path and who may read it.";
  if (error.name === "NotCapable") {
    finding = "Deno must be allowed to read it, permission was refused";
    hint = "Run again with --allow-read=datasets, or with the folder that holds the file.";
  } else if (error.code === "ENOENT") {
    finding = "a file must be there, none was found";
    hint = "Check the path; a relative one starts at the folder the command runs in.";
  } else if (error.code === "EISDIR") {
    finding = "it must be a file, a folder was found";
    hint = "Add the name of the file to the path.";
  }
  return new DataError(`Cannot read ${name}: ${finding}`, hint, { cause });
}

/** Unpacks gzip data, in one member or several; DecompressionStream reads only one under Deno. */
async function unpacked(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Uint8Array> {
  const load = runtime(), gunzip = load("node:util").promisify(load("node:zlib").gunzip);
  try {
    return new Uint8Array(await gunzip(bytes));
  } catch (cause) {
    throw new DataError(
      `Cannot unpack ${name}: its gzip data must be whole, ` +
        `its ${bytes.length} bytes are damaged or incomplete`,
      fetchAgain,
      { cause },
    );
  }
}

function nameOf(path: string | URL): string {
  if (typeof path === "string") return path;
  if (path.protocol === "file:") return runtime()("node:url").fileURLToPath(path);
  throw new DataError(
    `Cannot read ${path.href}: data must lie in a local file, found an address of ${path.protocol}`,
    "Download the file first.",
  );
}
