/**
 * Turns the pictures of the chapters, drawn with characters, into SVG: each character keeps its place
 * on a grid, and those that draw lines become lines.
 *
 * @module
 */
import { escape } from "../escape.ts";

/** The size of a cell of the grid. */
const width = 8, height = 18;

/** Characters that draw: which of the four sides of their cell they reach from its middle. */
const strokes: Readonly<Record<string, string>> = {
  "─": "lr",
  "│": "ud",
  "┌": "rd",
  "┐": "ld",
  "└": "ru",
  "┘": "lu",
  "├": "rud",
  "┤": "lud",
  "┬": "lrd",
  "┴": "lru",
  "┼": "lrud",
};

/** From the middle of a cell to each side. */
const sides: Readonly<Record<string, string>> = {
  l: `h${-width / 2}`,
  r: `h${width / 2}`,
  u: `v${-height / 2}`,
  d: `v${height / 2}`,
};

/**
 * Draws a picture.
 *
 * @param block Its lines.
 * @returns SVG, to stand in a page.
 */
export function pictureToSvg(block: string): string {
  const lines = withoutIndent(block.replace(/\s+$/, "").split("\n"));
  const columns = Math.max(...lines.map((line) => [...line].length));
  const path: string[] = [], texts: string[] = [];
  lines.forEach((line, row) => {
    const y = row * height + height / 2;
    [...line].forEach((char, column) => {
      const x = column * width + width / 2;
      for (const side of strokes[char] ?? "") path.push(`M${x} ${y}${sides[side]}`);
    });
    for (const { run, column } of runsOf(line)) {
      const length = [...run].length * width;
      const place = `x="${column * width}" y="${y + 4.5}" textLength="${length}"`;
      texts.push(`<text ${place}>${escape(run)}</text>`);
    }
  });
  const box = `viewBox="-1 -1 ${columns * width + 2} ${lines.length * height + 2}"`;
  const size = `style="width:${((columns * width + 2) / 16).toFixed(2)}rem"`;
  const lineArt = path.length > 0 ? `<path d="${path.join("")}"/>` : "";
  const svg = `<svg ${box} ${size} role="img" aria-label="Diagram: ${escape(words(lines))}">`;
  return `<figure class="picture" tabindex="0">${svg}${lineArt}${texts.join("")}</svg></figure>\n`;
}

/** The pieces of text of a line that are not lines themselves, each with its first column. */
function runsOf(line: string): Run[] {
  return textRuns([...line].map((char) => char in strokes ? " " : char).join(""));
}

/** Words with single spaces between, and the column of the first character. */
export interface Run {
  /** The text. */
  readonly run: string;
  /** 0 for the first column. */
  readonly column: number;
}

/**
 * Takes a line apart where there are two spaces or more.
 *
 * @param line Text in columns.
 * @returns Its runs.
 */
export function textRuns(line: string): Run[] {
  return [...line.matchAll(/\S+(?: \S+)*/g)].map(({ 0: run, index }) => ({
    run,
    column: [...line.slice(0, index)].length,
  }));
}

function withoutIndent(lines: readonly string[]): string[] {
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  return lines.map((line) => line.slice(Math.min(...indents)));
}

/** What is written in it, for those who cannot see it. */
function words(lines: readonly string[]): string {
  return lines.flatMap((line) => runsOf(line).map(({ run }) => run)).join(" ");
}
