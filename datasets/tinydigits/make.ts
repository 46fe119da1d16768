/**
 * # How TinyDigits was made
 *
 * Splits scikit-learn's `digits.csv.gz` (1,797 rows of 64 pixels 0 to 16, then the digit) into
 * 100 images of each digit for training and all others for the test, and writes the four IDX files
 * of this folder:
 *
 * ```sh
 * deno run --allow-read --allow-write=datasets/tinydigits datasets/tinydigits/make.ts digits.csv.gz
 * bun datasets/tinydigits/make.ts digits.csv.gz
 * ```
 *
 * Both give the same bytes every time. The generator stands in this file and nothing of modules/
 * is imported, so that the split never moves when a module changes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import process from "node:process";
import { DataError, encodeIdx, readUnpacked } from "../idx.ts";

const side = 8;
const classes = 10;
const trainPerDigit = 100;
const seed = 1998;

interface Row {
  readonly image: readonly number[];
  readonly digit: number;
}

function parseRows(text: string, name: string): Row[] {
  return text.trimEnd().split("\n").map((line, i) => {
    if (!/^((\d|1[0-6]),){64}\d$/.test(line)) {
      throw new DataError(
        `Cannot parse ${name}: a line must hold 64 pixels from 0 to 16 and a digit, ` +
          `line ${i + 1} starts with "${line.slice(0, 20)}"`,
        "The source is scikit-learn's digits.csv.gz.",
      );
    }
    const fields = line.split(",").map(Number);
    return { image: fields.slice(0, 64), digit: fields[64] };
  });
}

/** Mulberry32: a 32-bit generator of five lines; returns numbers in [0, 1). */
function generator(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Fisher and Yates: every order is equally likely. */
function shuffle<T>(items: readonly T[], random: () => number): T[] {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** The first 100 of each digit, in shuffled order, train; the rest test. */
function split(rows: readonly Row[]): { train: Row[]; test: Row[] } {
  const taken = new Array<number>(classes).fill(0);
  const train: Row[] = [];
  const test: Row[] = [];
  for (const row of rows) {
    const isTrain = taken[row.digit] < trainPerDigit;
    if (isTrain) taken[row.digit]++;
    (isTrain ? train : test).push(row);
  }
  return { train, test };
}

async function writePart(name: string, rows: readonly Row[]): Promise<void> {
  const images = Uint8Array.from(rows.flatMap((row) => row.image));
  const labels = Uint8Array.from(rows, (row) => row.digit);
  const counts = new Array<number>(classes).fill(0);
  for (const digit of labels) counts[digit]++;
  console.log(`${name}: ${rows.length} images, of digits 0 to 9: ${counts.join(" ")}`);
  const files = {
    [`${name}-images-idx3-ubyte`]: encodeIdx({ data: images, shape: [rows.length, side, side] }),
    [`${name}-labels-idx1-ubyte`]: encodeIdx({ data: labels, shape: [rows.length] }),
  };
  for (const [file, bytes] of Object.entries(files)) {
    await writeFile(new URL(file, import.meta.url), bytes);
    console.log(`${createHash("sha256").update(bytes).digest("hex")}  ${file}`);
  }
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length !== 1) {
    console.error("Usage: make.ts digits.csv.gz");
    return 2;
  }
  const [source] = args;
  try {
    const text = new TextDecoder().decode(await readUnpacked(source));
    const { train, test } = split(shuffle(parseRows(text, source), generator(seed)));
    await writePart("train", train);
    await writePart("test", test);
    return 0;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    console.error(`${error.message}\n  hint: ${error.hint}`);
    return 2;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
