/**
 * The data sets' own tests: the IDX reader says what is wrong with a file, and TinyDigits is whole.
 *
 * @module
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { createHash } from "node:crypto";
import { Buffer } from "node:buffer";
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { test } from "../course/sandbox/register.ts";
import {
  DataError,
  encodeIdx,
  type IdxArray,
  parseIdx,
  readFailure,
  readIdx,
  readLabelledImages,
} from "../datasets/idx.ts";
import { loadTinyDigits } from "../datasets/tinydigits.ts";
import { inFolder } from "./project/in_folder.ts";

const tinydigits = new URL("../datasets/tinydigits/", import.meta.url);
const names = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "test-images-idx3-ubyte",
  "test-labels-idx1-ubyte",
];
const fetchAgain = "Was the file cut short on its way? Copy or download it again.";
const restore = "Restore the folder from the repository: git checkout -- datasets/tinydigits";

// ── Help ──

async function expectRejection(
  body: () => Promise<unknown>,
  message: string,
  hint: string,
): Promise<void> {
  const error = await assertRejects(body, DataError);
  assertEquals([error.message, error.hint], [message, hint]);
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

function ubytes(...shape: number[]): Uint8Array<ArrayBuffer> {
  const length = shape.reduce((product, size) => product * size, 1);
  return encodeIdx({ data: Uint8Array.from({ length }, (_, i) => i % 10), shape });
}

function countDigits(labels: Iterable<number>): number[] {
  const counts = new Array<number>(10).fill(0);
  for (const digit of labels) counts[digit]++;
  return counts;
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Copies TinyDigits into a folder, with some files replaced. */
async function copyTinyDigits(folder: string, changed: Record<string, Uint8Array>): Promise<URL> {
  for (const name of names) {
    await writeFile(join(folder, name), changed[name] ?? await readFile(new URL(name, tinydigits)));
  }
  return toFileUrl(folder + "/");
}

// ── The format ──

const arrays: readonly IdxArray[] = [
  { data: Uint8Array.of(0, 1, 127, 128, 254, 255), shape: [2, 3] },
  { data: Int8Array.of(-128, -1, 0, 127), shape: [4] },
  { data: Int16Array.of(-32768, -2, 258, 32767), shape: [2, 1, 2] },
  { data: Int32Array.of(-2147483648, 16909060), shape: [2] },
  { data: Float32Array.of(0.5, -1e30, Infinity), shape: [3, 1] },
  { data: Float64Array.of(Math.PI, -1e-300), shape: [1, 1, 1, 2] },
];
for (const array of arrays) {
  test(`parseIdx() gives back what encodeIdx() wrote: ${array.data.constructor.name}`, () => {
    const { data, shape } = parseIdx(encodeIdx(array), "array");
    assertEquals(shape, array.shape);
    assertEquals(data, array.data);
  });
}

test("encodeIdx() writes the most significant byte first", () => {
  assertEquals(
    encodeIdx({ data: Int16Array.of(258, -2), shape: [2] }),
    Uint8Array.of(0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 2, 0xff, 0xfe),
  );
});

test("parseIdx() reads a file that lies in the middle of a buffer", () => {
  const file = ubytes(2, 2);
  const buffer = new Uint8Array(file.length + 6).fill(9);
  buffer.set(file, 3);
  const { data } = parseIdx(buffer.subarray(3, 3 + file.length), "array");
  assertEquals(data, Uint8Array.of(0, 1, 2, 3));
});

const badBytes: readonly { what: string; bytes: number[]; message: string; hint: string }[] = [
  {
    what: "an empty file",
    bytes: [],
    message: "Cannot parse digits: an IDX file must start with 00 00, its type and its rank, " +
      "this one is empty",
    hint: "Is it another kind of file, or a web page saved under this name?",
  },
  {
    what: "another kind of file",
    bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0],
    message: "Cannot parse digits: an IDX file must start with 00 00, its type and its rank, " +
      "this one starts with 89 50 4e 47 0d 0a 1a 0a",
    hint: "Is it another kind of file, or a web page saved under this name?",
  },
  {
    what: "an unknown element type",
    bytes: [0, 0, 0x0a, 1, 0, 0, 0, 1, 7],
    message: "Cannot parse digits: its type must be one of 08 09 0b 0c 0d 0e, found 0a",
    hint: "Is it really an IDX file? Those of MNIST have type 08.",
  },
  {
    what: "an array without axes",
    bytes: [0, 0, 0x08, 0, 7],
    message: "Cannot parse digits: an IDX array must have at least one axis, found rank 0",
    hint: "Is it really an IDX file? Those of MNIST have rank 1 or 3.",
  },
  {
    what: "a header cut short",
    bytes: [0, 0, 0x08, 3, 0, 0, 0, 1, 0],
    message: "Cannot parse digits: a header of rank 3 must take 16 bytes, the file has 9",
    hint: fetchAgain,
  },
  {
    what: "an empty axis",
    bytes: [0, 0, 0x08, 2, 0, 0, 0, 3, 0, 0, 0, 0],
    message: "Cannot parse digits: every axis must have a size of at least 1, found (3, 0)",
    hint: "Was the file written from an empty array?",
  },
  {
    what: "a size that no number can hold",
    bytes: [0, 0, 0x0e, 2, 255, 255, 255, 255, 255, 255, 255, 255],
    message: "Cannot parse digits: an array must have fewer than 2^53 bytes, " +
      "its header promises (4294967295, 4294967295)",
    hint: "The header is damaged, or the file is not IDX.",
  },
  {
    what: "missing elements",
    bytes: [0, 0, 0x0b, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5],
    message: "Cannot parse digits: (2, 3) of 16-bit integers must take 24 bytes with the header, " +
      "found 17",
    hint: fetchAgain,
  },
  {
    what: "bytes after the last element",
    bytes: [0, 0, 0x08, 1, 0, 0, 0, 2, 1, 2, 3],
    message: "Cannot parse digits: (2) of unsigned bytes must take 10 bytes with the header, " +
      "found 11",
    hint: "Was something appended to the file?",
  },
];
for (const { what, bytes, message, hint } of badBytes) {
  test(`parseIdx() refuses ${what}`, () => {
    const error = assertThrows(() => parseIdx(Uint8Array.from(bytes), "digits"), DataError);
    assertEquals([error.message, error.hint], [message, hint]);
  });
}

test("encodeIdx() refuses a shape that does not fit the elements", () => {
  const array = { data: new Uint8Array(5), shape: [2, 3] };
  const error = assertThrows(() => encodeIdx(array), DataError);
  assertEquals(
    error.message,
    "Cannot encode (2, 3): 1 to 255 sizes from 1 to 2^32 - 1 must multiply to the number of " +
      "elements, found 5 elements",
  );
});

test("encodeIdx() refuses an element type that IDX does not have", () => {
  // A caller without types can pass it.
  const call = (): unknown =>
    Reflect.apply(encodeIdx, undefined, [{ data: new Uint16Array(2), shape: [2] }]);
  const error = assertThrows(call, DataError);
  assertEquals(
    [error.message, error.hint],
    [
      "Cannot encode elements: they must be unsigned bytes, signed bytes, 16-bit integers, " +
      "32-bit integers, 32-bit floats, 64-bit floats, found Uint16Array",
      "Convert them first.",
    ],
  );
});

// ── Reading files ──

test("readIdx() unpacks a gzipped file, whatever its name", () =>
  inFolder(async (folder) => {
    const path = join(folder, "no-ending");
    const array = { data: Int32Array.of(1, -2, 3, -4), shape: [2, 2] };
    await writeFile(path, await gzip(encodeIdx(array)));
    assertEquals(await readIdx(path), array);
    assertEquals(await readIdx(toFileUrl(path)), array);
  }));

/** A gzip member that ends in the middle, has a wrong bit, a name in its header, and so on. */
const raw = ubytes(2, 3), whole = gzipSync(raw), half = gzipSync(raw.subarray(0, 9));
const rest = gzipSync(raw.subarray(9)), named = Buffer.from("name\0");
function changedAt(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, k) => k === (at + bytes.length) % bytes.length ? byte ^ 1 : byte);
}

const members: readonly [what: string, parts: readonly Uint8Array[], isRead: boolean][] = [
  ["one member", [whole], true],
  ["two members", [half, rest], true],
  ["an empty member between two", [half, gzipSync(""), rest], true],
  ["a member for each byte", [...raw].map((byte) => gzipSync(Uint8Array.of(byte))), true],
  ["zeros after the last member", [half, rest, new Uint8Array(512)], true],
  [
    "a header with a name",
    [whole.subarray(0, 3), [8], whole.subarray(4, 10), named, whole.subarray(10)].map((part) =>
      Uint8Array.from(part)
    ),
    true,
  ],
  ["members stored without packing", [gzipSync(raw, { level: 0 })], true],
  ["text after the last member", [whole, Buffer.from("sign in")], false],
  ["a second member cut in its header", [half, rest.subarray(0, 8)], false],
  ["a second member cut in its numbers", [half, rest.subarray(0, 14)], false],
  ["a last member without its sum", [half, rest.subarray(0, -8)], false],
  ["a wrong bit in the first sum", [changedAt(half, -5), rest], false],
  ["a wrong bit in the last length", [half, changedAt(rest, -1)], false],
  ["a beginning of another member", [half, rest, Uint8Array.of(0x1f, 0x8b)], false],
  ["a method that gzip does not have", [changedAt(whole, 2)], false],
];
for (const [what, parts, isRead] of members) {
  test(`readIdx() ${isRead ? "reads" : "refuses"} gzip data with ${what}`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "images");
      await writeFile(path, Buffer.concat(parts));
      if (isRead) return assertEquals((await readIdx(path)).data, parseIdx(raw, "raw").data);
      const { message } = await assertRejects(() => readIdx(path), DataError);
      assertEquals(message.startsWith(`Cannot unpack ${path}: its gzip data must be whole`), true);
    }));
}

test("readIdx() says when gzip data are damaged or cut short", () =>
  inFolder(async (folder) => {
    const path = join(folder, "images.gz");
    const whole = await gzip(ubytes(100, 8, 8));
    const flipped = whole.slice();
    flipped[whole.length - 6] ^= 0xff; // in the checksum
    for (const bytes of [flipped, whole.subarray(0, -12), whole.subarray(0, 5)]) {
      await writeFile(path, bytes);
      await expectRejection(
        () => readIdx(path),
        `Cannot unpack ${path}: its gzip data must be whole, ` +
          `its ${bytes.length} bytes are damaged or incomplete`,
        fetchAgain,
      );
    }
  }));

test("readIdx() names a missing file", () =>
  inFolder(async (folder) => {
    const path = join(folder, "nowhere");
    const message = `Cannot read ${path}: a file must be there, none was found`;
    const hint = "Check the path; a relative one starts at the folder the command runs in.";
    await expectRejection(() => readIdx(path), message, hint);
    await expectRejection(() => readIdx(toFileUrl(path)), message, hint);
  }));

test("readIdx() refuses a folder", () =>
  inFolder(async (folder) => {
    await expectRejection(
      () => readIdx(folder),
      `Cannot read ${folder}: it must be a file, a folder was found`,
      "Add the name of the file to the path.",
    );
  }));

test("readIdx() refuses an address on the network", async () => {
  await expectRejection(
    () => readIdx(new URL("https://example.org/digits")),
    "Cannot read https://example.org/digits: data must lie in a local file, " +
      "found an address of https:",
    "Download the file first.",
  );
});

test("readIdx() names the file it could not parse", () =>
  inFolder(async (folder) => {
    const path = join(folder, "page");
    await writeFile(path, "<!DOCTYPE html>");
    await expectRejection(
      () => readIdx(path),
      `Cannot parse ${path}: an IDX file must start with 00 00, its type and its rank, ` +
        "this one starts with 3c 21 44 4f 43 54 59 50",
      "Is it another kind of file, or a web page saved under this name?",
    );
  }));

test("readFailure() says which permission Deno lacks", () => {
  const refusal = Object.assign(new Error("Requires read access"), { name: "NotCapable" });
  const error = readFailure("datasets/digits", refusal);
  assertEquals(
    [error.name, error.message, error.hint, error.cause],
    [
      "DataError",
      "Cannot read datasets/digits: Deno must be allowed to read it, permission was refused",
      "Run again with --allow-read=datasets, or with the folder that holds the file.",
      refusal,
    ],
  );
});

test("readFailure() passes on what else the system answered", () => {
  const refusal = Object.assign(new Error("permission denied"), { code: "EACCES" });
  const error = readFailure("digits", refusal);
  assertEquals(
    [error.message, error.hint],
    [
      "Cannot read digits: a file must be readable, the system answered EACCES",
      "Check the path and who may read it.",
    ],
  );
});

// ── Images and labels ──

test("readLabelledImages() reads a gzipped pair, as MNIST is published", () =>
  inFolder(async (folder) => {
    const images = join(folder, "train-images-idx3-ubyte.gz");
    const labels = join(folder, "train-labels-idx1-ubyte.gz");
    await writeFile(images, await gzip(ubytes(3, 2, 4)));
    await writeFile(labels, await gzip(ubytes(3)));
    assertEquals(await readLabelledImages(images, labels), {
      images: Uint8Array.from({ length: 24 }, (_, i) => i % 10),
      labels: Int32Array.of(0, 1, 2),
      count: 3,
      height: 2,
      width: 4,
    });
  }));

/** Writes a pair of files and expects `readLabelledImages()` to refuse it. */
function refusesPair(
  name: string,
  images: Uint8Array,
  labels: Uint8Array,
  message: (images: string, labels: string) => string,
  hint: string,
): void {
  test(`readLabelledImages() refuses ${name}`, () =>
    inFolder(async (folder) => {
      const paths = [join(folder, "images"), join(folder, "labels")] as const;
      await writeFile(paths[0], images);
      await writeFile(paths[1], labels);
      await expectRejection(() => readLabelledImages(...paths), message(...paths), hint);
    }));
}

refusesPair(
  "a swapped pair",
  ubytes(3),
  ubytes(3, 2, 2),
  (images) =>
    `Cannot read images from ${images}: images must come first and labels second, ` +
    "the images file holds labels and the labels file holds images",
  "Swap the two paths.",
);
refusesPair(
  "the images file given twice",
  ubytes(3, 2, 2),
  ubytes(3, 2, 2),
  (_, labels) =>
    `Cannot read labels from ${labels}: labels must have rank 1, found rank 3, (3, 2, 2)`,
  "The labels file holds images.",
);
refusesPair(
  "images without rows and columns",
  ubytes(3, 4),
  ubytes(3),
  (images) => `Cannot read images from ${images}: images must have rank 3, found rank 2, (3, 4)`,
  "MNIST names its files by rank: images-idx3 and labels-idx1.",
);
refusesPair(
  "labels of another element type",
  ubytes(3, 2, 2),
  encodeIdx({ data: new Int32Array(3), shape: [3] }),
  (_, labels) =>
    `Cannot read labels from ${labels}: labels must be unsigned bytes, found 32-bit integers`,
  "readIdx() reads every element type; convert what it returns.",
);
refusesPair(
  "a pair of different lengths",
  ubytes(3, 2, 2),
  ubytes(2),
  (images, labels) =>
    `Cannot pair ${images} with ${labels}: each image must have one label, ` +
    "3 images came with 2 labels",
  "Is one file from the training part and the other from the test part?",
);
refusesPair(
  "a label that is no class",
  ubytes(3, 2, 2),
  encodeIdx({ data: Uint8Array.of(9, 10, 0), shape: [3] }),
  (_, labels) => `Cannot read labels from ${labels}: labels must lie in 0 to 9, label 1 is 10`,
  "Does the data set have more classes? Pass their number as { classes }.",
);

test("readLabelledImages() takes as many classes as it is told", () =>
  inFolder(async (folder) => {
    const images = join(folder, "images");
    const labels = join(folder, "labels");
    await writeFile(images, ubytes(2, 1, 1));
    await writeFile(labels, encodeIdx({ data: Uint8Array.of(46, 0), shape: [2] }));
    const letters = await readLabelledImages(images, labels, { classes: 47 });
    assertEquals(letters.labels, Int32Array.of(46, 0));
  }));

// ── TinyDigits ──

test("loadTinyDigits() loads 1,000 images to train on, 100 of each digit", async () => {
  const { train } = await loadTinyDigits();
  assertEquals(train.shape, [1000, 1, 8, 8]);
  assertEquals(train.images.length, 1000 * 64);
  assertEquals(countDigits(train.labels), new Array(10).fill(100));
});

test("loadTinyDigits() loads the 797 others to test on", async () => {
  const { test } = await loadTinyDigits();
  assertEquals(test.shape, [797, 1, 8, 8]);
  assertEquals(test.images.length, 797 * 64);
  assertEquals(countDigits(test.labels), [78, 82, 77, 83, 81, 82, 81, 79, 74, 80]);
});

test("loadTinyDigits() gives ink from 0 to 1 in sixteenths", async () => {
  const { train, test } = await loadTinyDigits();
  const levels = new Set([...train.images, ...test.images]);
  assertEquals([...levels].sort((a, b) => a - b), Array.from({ length: 17 }, (_, i) => i / 16));
});

test("loadTinyDigits() loses no image of the source and keeps the parts apart", async () => {
  const { train, test } = await loadTinyDigits();
  const totals = countDigits([...train.labels, ...test.labels]);
  assertEquals(totals, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
  const rows = [train, test].flatMap(({ images, labels }) =>
    Array.from(labels, (digit, i) => {
      const pixels = images.subarray(64 * i, 64 * (i + 1)).map((ink) => ink * 16);
      return `${pixels.join(",")},${digit}`;
    })
  );
  assertEquals(new Set(rows).size, 1797);
  // The sha256 of the sorted source; README.md says how to compute it.
  const sorted = sha256(rows.sort().join("\n") + "\n");
  assertEquals(sorted, "f8f84d31b33e2782ea21163a24b28a9a5133ff0ab296d831b814366e8ca3a00f");
  const readme = await readFile(new URL("README.md", tinydigits), "utf8");
  assertEquals(readme.includes(sorted), true);
});

test("tinydigits/README.md gives the sha256 of each file", async () => {
  const readme = await readFile(new URL("README.md", tinydigits), "utf8");
  const printed = [...readme.matchAll(/^\| `(\S+-ubyte)` +\| `([0-9a-f]{64})` \|$/gm)];
  const actual = await Promise.all(
    names.map(async (name) => [name, sha256(await readFile(new URL(name, tinydigits)))]),
  );
  assertEquals(printed.map(([, name, sum]) => [name, sum]), actual);
});

test("loadTinyDigits() says which file was cut short", () =>
  inFolder(async (folder) => {
    const name = "train-images-idx3-ubyte";
    const bytes = await readFile(new URL(name, tinydigits));
    const copy = await copyTinyDigits(folder, { [name]: bytes.subarray(0, 64000) });
    await expectRejection(
      () => loadTinyDigits(copy),
      `Cannot parse ${join(folder, name)}: (1000, 8, 8) of unsigned bytes must take 64016 bytes ` +
        "with the header, found 64000",
      fetchAgain,
    );
  }));

test("loadTinyDigits() says which file does not start as an IDX file", () =>
  inFolder(async (folder) => {
    const name = "test-labels-idx1-ubyte";
    const bytes = Uint8Array.from(await readFile(new URL(name, tinydigits)));
    bytes[0] = 1;
    const copy = await copyTinyDigits(folder, { [name]: bytes });
    await expectRejection(
      () => loadTinyDigits(copy),
      `Cannot parse ${join(folder, name)}: an IDX file must start with 00 00, its type and its ` +
        "rank, this one starts with 01 00 08 01 00 00 03 1d",
      "Is it another kind of file, or a web page saved under this name?",
    );
  }));

test("loadTinyDigits() says when images and labels are swapped", () =>
  inFolder(async (folder) => {
    const [images, labels] = names;
    const copy = await copyTinyDigits(folder, {
      [images]: await readFile(new URL(labels, tinydigits)),
      [labels]: await readFile(new URL(images, tinydigits)),
    });
    await expectRejection(
      () => loadTinyDigits(copy),
      `Cannot read images from ${join(folder, images)}: images must come first and labels ` +
        "second, the images file holds labels and the labels file holds images",
      "Swap the two paths.",
    );
  }));

test("loadTinyDigits() says when images and labels are of different parts", () =>
  inFolder(async (folder) => {
    const [images, labels, , testLabels] = names;
    const copy = await copyTinyDigits(folder, {
      [labels]: await readFile(new URL(testLabels, tinydigits)),
    });
    await expectRejection(
      () => loadTinyDigits(copy),
      `Cannot pair ${join(folder, images)} with ${join(folder, labels)}: ` +
        "each image must have one label, 1000 images came with 797 labels",
      "Is one file from the training part and the other from the test part?",
    );
  }));

test("loadTinyDigits() refuses another data set", () =>
  inFolder(async (folder) => {
    const [images, labels] = names;
    const copy = await copyTinyDigits(folder, {
      [images]: ubytes(5, 28, 28),
      [labels]: ubytes(5),
    });
    await expectRejection(
      () => loadTinyDigits(copy),
      "Cannot load TinyDigits: the train part must be 1000 images of 8×8, found 5 of 28×28",
      restore,
    );
  }));

test("loadTinyDigits() refuses a pixel brighter than 16", () =>
  inFolder(async (folder) => {
    const name = "test-images-idx3-ubyte";
    const bytes = Uint8Array.from(await readFile(new URL(name, tinydigits)));
    bytes[16 + 64 * 3 + 5] = 17;
    const copy = await copyTinyDigits(folder, { [name]: bytes });
    await expectRejection(
      () => loadTinyDigits(copy),
      "Cannot load TinyDigits: pixels must lie in 0 to 16, test image 3 has one of 17",
      restore,
    );
  }));
