/**
 * Gets the data of milestone 04, part 2, and knows what they are.
 *
 * @module
 */
import { basename, join, resolve } from "@std/path";
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { type Cifar10, publishedImagesPerFile, readCifar10 } from "./cifar10.ts";
import { type Checksum, download, type DownloadProgress, hashOfFile } from "./download.ts";
import { DataError, readFailure } from "./idx.ts";

/** Where CIFAR-10 is published, and the checksum that is given there. */
export const published = {
  url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  checksum: { algorithm: "md5", hex: "c32a1d4ab5d03f1284b67883e8d87530" },
} as const;

/** Which data were used. */
export interface Origin {
  /** Where they came from. */
  readonly source: string;
  /** Whether they are the published ones, or those of a checksum that was given, or nobody knows. */
  readonly verified: "published" | "given" | "unverified";
  /** sha256 of all pixels and labels: the same data have the same, however they are packed. */
  readonly fingerprint: string;
  /** How many images there are to learn from. */
  readonly train: number;
  /** How many there are to be tested on. */
  readonly test: number;
}

/** What openCifar10() takes. */
export interface Wanted {
  /** An address, an archive, a folder; null for the published archive. */
  readonly source: string | null;
  /** The checksum of the archive; null if nobody knows. */
  readonly sha256: string | null;
  /** Folder for downloads. */
  readonly cache: string;
  /** Called for every piece that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Called with a sentence when something is tried again. */
  readonly onNotice?: (text: string) => void;
  /** Stops a download. */
  readonly signal?: AbortSignal;
}

/**
 * Gets the data: downloads them if they are not there, checks them, reads them.
 *
 * @param wanted Which data.
 * @returns The data, and which they are.
 * @throws {DataError} If they cannot be had, or are not what they should be.
 */
export async function openCifar10(wanted: Wanted): Promise<{ data: Cifar10; origin: Origin }> {
  const { source, sha256 } = wanted;
  const checksum: Checksum | undefined = source === null
    ? published.checksum
    : sha256 !== null
    ? { algorithm: "sha256", hex: sha256 }
    : undefined;
  const verified = source === null ? "published" : checksum ? "given" : "unverified";
  const isAddress = source === null || /^https?:\/\//.test(source);
  const path = isAddress ? await fetched(wanted, checksum) : resolve(source);
  if (!isAddress && checksum) await requireChecksum(path, checksum);
  const imagesPerFile = checksum ? "any" : publishedImagesPerFile;
  const data = await readCifar10(path, { imagesPerFile }).catch(async (error) => {
    if (isAddress) await rm(path, { force: true }); // or the next run would trust it again
    throw error;
  });
  const origin: Origin = {
    source: source ?? published.url,
    verified,
    fingerprint: fingerprintOf(data),
    train: data.train.length,
    test: data.test.length,
  };
  return { data, origin };
}

/** Downloads an archive into a folder of its own, so that those of two sources never mix. */
async function fetched(
  { source, cache, onProgress, onNotice, signal }: Wanted,
  checksum: Checksum | undefined,
): Promise<string> {
  const url = source ?? published.url, name = basename(new URL(url).pathname) || "archive";
  const key = createHash("sha256").update(url).digest("hex").slice(0, 12);
  const path = source === null
    ? join(cache, "cifar10", name)
    : join(cache, "cifar10", `from_${key}`, name);
  const magic = name.endsWith(".tar") ? [] : [0x1f, 0x8b]; // gzip
  await download({ url, path, checksum, magic, onProgress, onNotice, signal });
  return path;
}

async function requireChecksum(path: string, { algorithm, hex }: Checksum): Promise<void> {
  const found = await hashOfFile(path, algorithm).catch((cause) => {
    throw readFailure(path, cause);
  });
  if (found === hex) return;
  throw new DataError(
    `Cannot use ${path}: its ${algorithm} must be ${hex}, found ${found}`,
    "Is it the right file, and whole? Without --sha256 it is used as it is, unverified.",
  );
}

/** The same data have the same fingerprint. */
function fingerprintOf({ train, test }: Cifar10): string {
  const hash = createHash("sha256");
  for (const { pixels, labels } of [train, test]) {
    hash.update(pixels).update(Uint8Array.from(labels));
  }
  return hash.digest("hex");
}

/** Says in a line which data were used. */
export function describeOrigin({ source, verified, fingerprint }: Origin): string {
  const which = `${source} (fingerprint ${fingerprint.slice(0, 12)})`;
  if (verified === "published") return `CIFAR-10 as published, md5 checked: ${which}`;
  if (verified === "given") return `data checked against the sha256 that was given: ${which}`;
  return `UNVERIFIED data, since no --sha256 was given: ${which}`;
}
