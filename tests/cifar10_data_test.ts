/**
 * Reading CIFAR-10: archives, folders, and whatever else they may be.
 *
 * @module
 */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { Generator } from "#random";
import { cacheFolder } from "../datasets/cache.ts";
import { ByteImages, type Cifar10, readCifar10 } from "../datasets/cifar10.ts";
import { DataError } from "../datasets/idx.ts";
import { tarFiles } from "../datasets/tar.ts";
import { inFolder } from "./project/in_folder.ts";
import {
  joined,
  type NamedBytes,
  records,
  smallArchive,
  smallFiles,
  tar,
  tarHeader,
} from "./project/small_cifar10.ts";
import { test } from "../course/sandbox/register.ts";

/** What reading an archive of these files comes to. */
async function readFiles(
  files: readonly NamedBytes[],
  imagesPerFile: number | "any" = "any",
): Promise<Cifar10> {
  return await readBytes(new Uint8Array(gzipSync(tar(files))), imagesPerFile);
}

function readBytes(bytes: Uint8Array, imagesPerFile: number | "any" = "any"): Promise<Cifar10> {
  return inFolder(async (folder) => {
    const path = join(folder, "a.tar.gz");
    writeFileSync(path, bytes);
    return await readCifar10(path, { imagesPerFile }).catch((error) => {
      error.message = error.message.replaceAll(path, "a.tar.gz");
      throw error;
    });
  });
}

async function refuses(reading: Promise<unknown>, message: string, hint?: string): Promise<void> {
  const error = await assertRejects(() => reading, DataError);
  assertEquals(error.message, message);
  if (hint !== undefined) assertEquals(error.hint, hint);
}

const good = smallFiles(3);

/** The good files, one of them changed. */
function changed(name: string, bytes: Uint8Array | null): NamedBytes[] {
  return good.flatMap(([path, own]): NamedBytes[] => {
    if (path !== name) return [[path, own]];
    return bytes ? [[path, bytes]] : [];
  });
}

// ── What is read ──

test("readCifar10() reads the five training files in their order, and the test file", async () => {
  const { train, test } = await readBytes(smallArchive(4));
  assertEquals([train.length, test.length], [20, 4]);
  const files = new Map(smallFiles(4));
  const third = files.get("data_batch_3.bin") ?? new Uint8Array();
  assertEquals(train.labels[8 + 1], third[3073]);
  assertEquals(train.pixels.slice(9 * 3072, 10 * 3072), third.slice(3074, 2 * 3073));
  assertEquals(test.labels[0], files.get("test_batch.bin")?.[0]);
});

test("readCifar10() reads the folder that the archive unpacks to, or the one around it", () =>
  inFolder(async (folder) => {
    const inner = join(folder, "cifar-10-batches-bin");
    mkdirSync(inner);
    for (const [name, bytes] of good) writeFileSync(join(inner, name), bytes);
    const expected = await readFiles(good);
    for (const path of [folder, inner]) {
      assertEquals(await readCifar10(path, { imagesPerFile: 3 }), expected);
    }
  }));

const archived = good.map(([name, bytes]): NamedBytes => [`cifar-10-batches-bin/${name}`, bytes]);
const unpackedOnce = tar(archived), packed = gzipSync(unpackedOnce);
const inFolders = (where: string): NamedBytes[] =>
  good.map(([name, bytes]): NamedBytes => [`${where}/${name}`, bytes]);

/** What a browser or a file manager may have made of the archive, and what is given as --source. */
const unpackings: readonly [what: string, source: string, files: readonly NamedBytes[]][] = [
  ["a tar archive", "a.tar", [["a.tar", unpackedOnce]]],
  ["a tar archive that is still called gzip", "a.tar.gz", [["a.tar.gz", unpackedOnce]]],
  ["a gzip archive that is called tar", "a.tar", [["a.tar", packed]]],
  ["a tar archive without the mark at its end", "a", [["a", unpackedOnce.subarray(0, -1024)]]],
  ["a tar archive of the bare files", "a.tar", [["a.tar", tar(good)]]],
  ["the folder", "a", inFolders("a")],
  ["the folder in a folder", "a", inFolders("a/cifar-10-batches-bin")],
  ["the folder in two", "a", inFolders("a/cifar-10-binary/cifar-10-batches-bin")],
  ["the tar archive in a folder", "a", [["a/cifar-10-binary.tar", unpackedOnce]]],
  ["the gzip archive in a folder", "a", [["a/cifar-10-binary.tar.gz", packed]]],
  ["an archive in two gzip members", "a", [[
    "a",
    joined([gzipSync(unpackedOnce.subarray(0, 5000)), gzipSync(unpackedOnce.subarray(5000))]),
  ]]],
  ["an archive with zeros behind it", "a", [["a", joined([packed, new Uint8Array(100)])]]],
];
for (const [what, source, files] of unpackings) {
  test(`readCifar10() reads ${what}`, () =>
    inFolder(async (folder) => {
      for (const [name, bytes] of files) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), bytes);
      }
      const read = await readCifar10(join(folder, source), { imagesPerFile: 3 });
      assertEquals(read, await readFiles(good));
    }));
}

test("ByteImages gives planes of red, green and blue as numbers from 0 to 1", () => {
  const pixels = new Uint8Array(2 * 3072);
  pixels.set([0, 255, 51], 3072); // the second image's first three red ones
  pixels[3072 + 1024] = 102; // its first green one
  const images = new ByteImages(pixels, Int32Array.of(7, 9));
  const { inputs, targets } = images.batch(Int32Array.of(1, 0));
  assertEquals(inputs.shape, [2, 3, 32, 32]);
  assertEquals([...inputs.data.subarray(0, 3)], [0, 1, Math.fround(0.2)]);
  assertEquals(inputs.data[1024], Math.fround(0.4));
  assertEquals([...targets], [9, 7]);
});

// ── What is refused ──

test("readCifar10() refuses an archive that was cut short, wherever it was", async () => {
  const archive = smallArchive(2);
  for (let length = 0; length < archive.length; length += 997) {
    await assertRejects(() => readBytes(archive.subarray(0, length)), DataError);
  }
  const damaged = archive.slice();
  damaged[Math.floor(archive.length / 2)] ^= 0xff;
  await assertRejects(() => readBytes(damaged), DataError);
  for (let length = 0; length < unpackedOnce.length - 1024; length += 9_997) {
    await assertRejects(() => readBytes(unpackedOnce.subarray(0, length)), DataError);
  }
});

test("readCifar10() says what is wrong with a file, and what to do", async () => {
  await refuses(
    readBytes(new TextEncoder().encode("<!doctype html><title>Sign in</title>")),
    "Cannot read a.tar.gz: a gzip archive must start with 1f 8b, a tar archive with a header, " +
      'this file starts with "<!doctype html><"',
    "Is it another kind of file, or a web page saved under this name?",
  );
  await refuses(
    readFiles(changed("data_batch_2.bin", null)),
    "Cannot read CIFAR-10 from a.tar.gz: it must hold six files, data_batch_2.bin missing",
  );
  await refuses(
    readFiles(changed("data_batch_2.bin", new Uint8Array(3073 * 2 - 1))),
    "Cannot read data_batch_2.bin of a.tar.gz: an image takes 3073 bytes with its label, " +
      "and 6145 are no whole number of images",
  );
  const labels = records(3, new Generator(2));
  labels[3073] = 10;
  await refuses(
    readFiles(changed("test_batch.bin", labels)),
    "Cannot read test_batch.bin of a.tar.gz: labels must lie in 0 to 9, that of image 1 is 10",
  );
  await refuses(
    readFiles([...good, good[1]]),
    "Cannot read data_batch_1.bin of a.tar.gz: it is there twice",
  );
  const names = new TextEncoder().encode("beaver\ndolphin\n");
  await refuses(
    readFiles(changed("batches.meta.txt", names)),
    "Cannot read batches.meta.txt of a.tar.gz: the classes must be airplane automobile bird cat " +
      "deer dog frog horse ship truck, found beaver dolphin",
  );
  await refuses(
    readFiles(good, 10_000),
    "Cannot read data_batch_1.bin of a.tar.gz: it must have 10000 images, found 3",
    "A set of another size is read only if its --sha256 is given.",
  );
});

test("readCifar10() knows the Python version, and does not touch it", async () => {
  const files: NamedBytes[] = [1, 2].map((k) => [`data_batch_${k}`, new Uint8Array(10)]);
  await refuses(
    readFiles(files),
    "Cannot read CIFAR-10 from a.tar.gz: it must hold six files, data_batch_1.bin, " +
      "data_batch_2.bin, data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, test_batch.bin " +
      "missing, found data_batch_1, data_batch_2",
    "That is the Python version, which would have to be executed: take cifar-10-binary.tar.gz.",
  );
});

test("readCifar10() says that there is nothing, or only half of a folder", () =>
  inFolder(async (folder) => {
    const missing = join(folder, "missing");
    await refuses(
      readCifar10(missing),
      `Cannot read ${missing}: a file must be there, none was found`,
    );
    const file = join(folder, "data_batch_1.bin");
    await refuses(readCifar10(folder), `Cannot read ${file}: a file must be there, none was found`);
  }));

// ── Tar ──

async function namesIn(archive: Uint8Array, chunk = 700): Promise<string[]> {
  const names: string[] = [];
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < archive.length; at += chunk) yield archive.subarray(at, at + chunk);
  }
  for await (const { path, read } of tarFiles(stream(), "x.tar")) {
    names.push(`${path} ${new TextDecoder().decode(await read())}`);
  }
  return names;
}

const text = (words: string): Uint8Array => new TextEncoder().encode(words);

test("tarFiles() gives each file with its bytes, however the stream is cut", async () => {
  const long = "x".repeat(1300),
    archive = tar([["a", text(long)], ["b/c", text("")], ["d", text("e")]]);
  for (const chunk of [1, 511, 512, 513, 1e6]) {
    assertEquals(await namesIn(archive, chunk), [`a ${long}`, "b/c ", "d e"]);
  }
});

test("tarFiles() passes over folders, links and headers of other kinds", async () => {
  const others = ["5", "1", "2", "x", "g"].map((kind) => tarHeader("other", 0, kind));
  assertEquals(await namesIn(joined([...others, tar([["a", text("b")]])])), ["a b"]);
});

test("tarFiles() reads an archive without the mark at its end, and an empty one", async () => {
  const archive = tar([["a", text("b")]]);
  assertEquals(await namesIn(archive.subarray(0, 1024)), ["a b"]);
  assertEquals(await namesIn(new Uint8Array()), []);
});

test("tarFiles() says where an archive is damaged", async () => {
  const archive = tar([["a", text("b".repeat(600))]]);
  await refuses(
    namesIn(archive.subarray(0, 1000)),
    "Cannot read a from the archive x.tar: it must have 600 bytes, the archive ends after 488",
  );
  const damaged = archive.slice();
  damaged[3] = 65;
  await refuses(
    namesIn(damaged),
    "Cannot read the archive x.tar: a file's header must be 512 bytes that add up to the sum in " +
      "it, one does not",
  );
  const endless = tarHeader("a", 0);
  endless.set(text("999"), 124); // no octal number
  const sum = endless.reduce((total, byte, k) => total + (k >= 148 && k < 156 ? 32 : byte), 0);
  endless.set(text(sum.toString(8).padStart(6, "0")), 148);
  await refuses(
    namesIn(endless),
    "Cannot read the archive x.tar: sizes must be octal numbers, that of a is not",
  );
});

// ── The cache ──

test("cacheFolder() follows the convention of each platform, and KINDLING_CACHE before all", () => {
  const HOME = "/home/me", LOCALAPPDATA = "/local", XDG_CACHE_HOME = "/xdg";
  const cases: [string, Record<string, string>, RegExp][] = [
    ["linux", { HOME }, /me.\.cache.kindling$/],
    ["linux", { HOME, XDG_CACHE_HOME }, /xdg.kindling$/],
    ["darwin", { HOME, XDG_CACHE_HOME }, /me.Library.Caches.kindling$/],
    ["win32", { HOME, LOCALAPPDATA }, /local.kindling$/],
    ["win32", { HOME, LOCALAPPDATA, KINDLING_CACHE: "/mine" }, /mine$/],
    ["linux", {}, /\.cache$/],
  ];
  for (const [platform, env, folder] of cases) assertMatch(cacheFolder(platform, env), folder);
});
