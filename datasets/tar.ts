/**
 * # Tar: files one behind the other
 *
 * A tar archive is a row of blocks of 512 bytes: for each file a block with its name and size, then
 * its bytes, filled up with zeros to a whole block. It is read here as it streams by, one file at a
 * time in memory, and nothing is ever written to a path that an archive names.
 *
 * @module
 */
import { DataError } from "./idx.ts";

/** A file of an archive. */
export interface TarFile {
  /** Its path, as the archive gives it. */
  readonly path: string;
  /** How many bytes it has. */
  readonly size: number;
  /** Reads them, before the next file is asked for; who does not want them asks for the next file. */
  readonly read: () => Promise<Uint8Array<ArrayBuffer>>;
}

const block = 512;

/** Bytes of a stream, as many at a time as are asked for. */
class Bytes {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#source = stream[Symbol.asyncIterator]();
  }

  /** Gives the next bytes to `take`, in pieces; returns how many there were, fewer only at the end. */
  async each(count: number, take: (piece: Uint8Array, at: number) => void): Promise<number> {
    let at = 0;
    while (at < count) {
      if (this.#chunk.length === 0) {
        const { done, value } = await this.#source.next();
        if (done) break;
        this.#chunk = value;
      }
      const piece = this.#chunk.subarray(0, count - at);
      take(piece, at);
      at += piece.length;
      this.#chunk = this.#chunk.subarray(piece.length);
    }
    return at;
  }
}

/** Text up to the first zero byte. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Reads an octal number as headers have them; NaN if it is none. */
function octal(bytes: Uint8Array): number {
  const text = textOf(bytes).trim();
  return /^[0-7]+$/.test(text) ? parseInt(text, 8) : NaN;
}

/** Whether a block is a header: its bytes add up to what it says, its own sum counted as spaces. */
export function isTarHeader(header: Uint8Array): boolean {
  const sum = header.reduce((total, byte, k) => total + (k >= 148 && k < 156 ? 32 : byte), 0);
  return sum === octal(header.subarray(148, 156));
}

/**
 * Reads the files of an archive, one after the other. Folders, links and whatever else it holds are
 * passed over.
 *
 * @param stream The archive's bytes, unpacked.
 * @param name What errors call it.
 * @returns The files, in the archive's order.
 * @throws {DataError} If it is damaged, or ends in the middle of a file.
 */
export async function* tarFiles(
  stream: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<TarFile> {
  const bytes = new Bytes(stream);
  for (;;) {
    const header = new Uint8Array(block);
    const found = await bytes.each(block, (piece, at) => header.set(piece, at));
    if (found === 0 || header.every((byte) => byte === 0)) return; // some archives lack the end mark
    if (found < block || !isTarHeader(header)) {
      throw new DataError(
        `Cannot read the archive ${name}: a file's header must be 512 bytes that add up to the ` +
          `sum in it, ${found < block ? `${found} bytes were left` : "one does not"}`,
        "Is it a tar archive, and a whole one?",
      );
    }
    const size = octal(header.subarray(124, 136)), prefix = textOf(header.subarray(345, 500));
    const path = (prefix === "" ? "" : `${prefix}/`) + textOf(header.subarray(0, 100));
    if (Number.isNaN(size)) {
      throw new DataError(
        `Cannot read the archive ${name}: sizes must be octal numbers, that of ${path} is not`,
        "Files of 8 GiB and more are not read here.",
      );
    }
    let left = size;
    const pass = async (count: number, take: (piece: Uint8Array, at: number) => void) => {
      const passed = await bytes.each(count, take);
      left -= Math.min(left, passed);
      if (passed === count) return;
      throw new DataError(
        `Cannot read ${path} from the archive ${name}: it must have ${size} bytes, ` +
          `the archive ends after ${size - left}`,
        "Was the archive cut short on its way? Copy or download it again.",
      );
    };
    const kind = header[156];
    if (kind === 0 || kind === 0x30) { // an ordinary file: "0", or in old archives nothing
      yield {
        path,
        size,
        read: async () => {
          const all = new Uint8Array(size);
          await pass(size, (piece, at) => all.set(piece, at));
          return all;
        },
      };
    }
    const filling = (block - size % block) % block;
    await pass(left, () => {});
    await bytes.each(filling, () => {});
  }
}
