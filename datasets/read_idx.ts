/**
 * # IDX files
 *
 * Reads what idx.ts takes apart: from files, gzipped or not.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { fromFileUrl } from "@std/path";
import { DataError, fetchAgain, type IdxArray, pairIdx, parseIdx, type RawImages } from "./idx.ts";

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
    bytes = new Uint8Array(await readFile(path));
  } catch (cause) {
    throw readFailure(name, cause);
  }
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? await gunzip(bytes, name) : bytes;
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

async function gunzip(bytes: Uint8Array<ArrayBuffer>, name: string): Promise<Uint8Array> {
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(unpacked).arrayBuffer());
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
  if (path.protocol === "file:") return fromFileUrl(path);
  throw new DataError(
    `Cannot read ${path.href}: data must lie in a local file, found an address of ${path.protocol}`,
    "Download the file first.",
  );
}
