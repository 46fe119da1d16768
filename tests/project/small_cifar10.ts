/**
 * A small set of pictures in the layout of CIFAR-10's binary distribution, for tests: each class has
 * a colour and a stripe of its own, so that a network can learn it, under noise.
 *
 * @module
 */
import { Generator } from "#random";
import { gzipSync } from "node:zlib";
import { classes } from "../../datasets/cifar10.ts";

/** A file of an archive. */
export type NamedBytes = readonly [path: string, bytes: Uint8Array];

/** The folder in the published archive. */
export const folder = "cifar-10-batches-bin";

/** One file of records. */
export function records(images: number, generator: Generator): Uint8Array {
  const bytes = new Uint8Array(images * 3073);
  for (let image = 0; image < images; image++) {
    const label = generator.integer(10), at = image * 3073;
    bytes[at] = label;
    for (let k = 0; k < 3072; k++) {
      const row = Math.floor(k % 1024 / 32), channel = Math.floor(k / 1024);
      const stripe = row % 10 === label ? 90 : 0, tint = label % 3 === channel ? 40 : 0;
      bytes[at + 1 + k] = 60 + stripe + tint + generator.integer(60);
    }
  }
  return bytes;
}

/** The six files of records and the one of names. */
export function smallFiles(images: number): NamedBytes[] {
  const generator = new Generator(1);
  const names = [1, 2, 3, 4, 5].map((k) => `data_batch_${k}.bin`);
  const all = [...names, "test_batch.bin"].map((
    name,
  ): NamedBytes => [name, records(images, generator)]);
  return [["batches.meta.txt", new TextEncoder().encode(`${classes.join("\n")}\n\n`)], ...all];
}

/** The header of a file in a tar archive; `kind` is "0" for an ordinary one. */
export function tarHeader(path: string, size: number, kind = "0"): Uint8Array {
  const header = new Uint8Array(512),
    text = (at: number, words: string): void => {
      header.set(new TextEncoder().encode(words), at);
    };
  text(0, path);
  text(100, "0000644\0");
  text(124, `${size.toString(8).padStart(11, "0")}\0`);
  text(148, "        ");
  text(156, kind);
  text(257, "ustar\x0000");
  const sum = header.reduce((total, byte) => total + byte, 0);
  text(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** Puts files into a tar archive. */
export function tar(files: readonly NamedBytes[]): Uint8Array {
  const parts = files.flatMap(([path, bytes]) => {
    const padded = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
    padded.set(bytes);
    return [tarHeader(path, bytes.length), padded];
  });
  return joined([...parts, new Uint8Array(1024)]);
}

/** Bytes one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  parts.reduce((at, part) => (all.set(part, at), at + part.length), 0);
  return all;
}

/** The archive, as it is published but for its size. */
export function smallArchive(images: number): Uint8Array {
  const folderHeader = tarHeader(`${folder}/`, 0, "5");
  const files = smallFiles(images).map(([name, bytes]): NamedBytes => [`${folder}/${name}`, bytes]);
  return new Uint8Array(gzipSync(joined([folderHeader, tar(files)]), { level: 1 }));
}
