/**
 * Draws a report for a terminal.
 *
 * @module
 */
import { brightness, drawPictures, packed, packedColor, signed } from "./picture.ts";
import {
  type Block,
  claimOf,
  type Introduction,
  type Look,
  outcomeOf,
  type PictureBlock,
  type Section,
  verdictOf,
  verdictSection,
} from "./sections.ts";
import type { Check, Verdict } from "./schema.ts";
import { drawConfusion, drawTable } from "./table.ts";
import { paint, type Terminal, wrap } from "./terminal.ts";
import { percent } from "./wording.ts";

/** Draws what is about to be done. */
export function drawIntroduction(
  { title, paragraphs, facts }: Introduction,
  terminal: Terminal,
): string {
  const fitted = (text: string): string => wrap(text, terminal.columns);
  const head = [paint(terminal, "bold", fitted(title)), ...paragraphs.map(fitted)].join("\n\n");
  return `${head}\n${paint(terminal, "dim", fitted(facts))}\n`;
}

/**
 * Draws a report.
 *
 * @param sections What the run came to.
 * @param verdict Whether to believe it.
 * @param terminal Where it will be printed.
 * @param quiet Whether to draw the table and the evidence only.
 */
export function drawReport(
  sections: readonly Section[],
  verdict: Verdict,
  terminal: Terminal,
  quiet: boolean,
): string {
  const shown = [...sections, verdictSection(verdict)].filter(({ always }) => always || !quiet);
  const says = wrap(verdictOf(verdict), terminal.columns);
  return [
    ...shown.map((section) => drawSection(section, terminal)),
    paint(terminal, verdict.passed ? "green" : "red", says),
  ].join("\n\n");
}

/** Draws a title and the blocks under it. */
export function drawSection({ title, blocks }: Section, terminal: Terminal): string {
  const notes = blocks.flatMap((block) =>
    block.kind === "pictures" ? noteOf(block.look, terminal) : []
  );
  const heading = [title, ...notes].join(" ");
  const head = title === null ? [] : [paint(terminal, "bold", wrap(heading, terminal.columns))];
  return [...head, ...blocks.map((block) => drawBlock(block, terminal))].join("\n\n");
}

function drawBlock(block: Block, terminal: Terminal): string {
  const { columns } = terminal;
  switch (block.kind) {
    case "text":
      return wrap(block.text, columns);
    case "table":
      return drawTable(block, columns);
    case "list":
      return drawList(block.items, columns);
    case "bars":
      return drawBars(block.bars, columns);
    case "confusion":
      return drawConfusion(block.counts, columns);
    case "pictures":
      return drawLook(block.pictures, block.look, terminal);
    case "curves":
      return block.lines.map(({ name, values }) => `${name}: ${values.map(block.show).join(" ")}`)
        .join("\n");
    case "evidence":
      return drawEvidence(block.checks, terminal);
  }
}

// ── Lists and bars ──

interface Item {
  readonly mark: string;
  readonly text: string;
  readonly paintMark?: (mark: string) => string;
}

/** Draws each entry's mark, and its text next to it, wrapped. */
function drawList(entries: readonly Item[], columns: number): string {
  const width = Math.max(...entries.map(({ mark }) => mark.length)) + 1;
  return entries.map(({ mark, text, paintMark = (mark) => mark }) => {
    const lines = wrap(text, columns - 2 - width).split("\n");
    const space = " ".repeat(width - mark.length);
    return `  ${paintMark(mark)}${space}${lines.join(`\n${" ".repeat(2 + width)}`)}`;
  }).join("\n");
}

const styles = { "not judged": "yellow", "passed": "green", "FAILED": "red" } as const;

function drawEvidence(checks: readonly Check[], terminal: Terminal): string {
  const items = checks.map((check): Item => {
    const mark = outcomeOf(check);
    const paintMark = (mark: string): string => paint(terminal, styles[outcomeOf(check)], mark);
    return { mark, text: claimOf(check), paintMark };
  });
  return drawList(items, terminal.columns);
}

function drawBars(
  bars: readonly { readonly name: string; readonly part: number | null }[],
  columns: number,
): string {
  const width = Math.max(...bars.map(({ name }) => name.length));
  const room = Math.max(10, Math.min(40, columns - width - 14));
  return bars.map(({ name, part }) => {
    if (part === null) return `  ${name.padEnd(width)}  none`;
    return `  ${name.padEnd(width)}  ${percent(part).padStart(7)}  ${bar(part, room)}`;
  }).join("\n");
}

/** A bar of some columns for a part of a whole, in eighths of a column. */
function bar(part: number, columns: number): string {
  const eighths = Math.round(part * columns * 8), whole = Math.floor(eighths / 8);
  return "█".repeat(whole) + (eighths % 8 > 0 ? "▏▎▍▌▋▊▉"[eighths % 8 - 1] : "");
}

// ── Pictures ──

/** What a look means here, for the title above. */
function noteOf(look: Look, { color }: Terminal): string[] {
  if (look === "ink") return [];
  if (look === "signed") {
    return [color ? "(red above 0, blue below)" : "(# + above 0, = - below)"];
  }
  return [color ? "(in their own colours)" : "(brightness only)"];
}

function drawLook(pictures: readonly PictureBlock[], look: Look, terminal: Terminal): string {
  const { columns } = terminal;
  const planes = pictures.map(({ numbers, ...rest }) => ({ ...rest, data: numbers }));
  if (look === "ink") return drawPictures(planes, brightness(terminal), columns);
  if (look === "color") {
    const colored = planes.map((picture) => ({ ...picture, data: packedPlanes(picture.data) }));
    return drawPictures(colored, packedColor(terminal), columns);
  }
  const largest = Math.max(...pictures.flatMap(({ numbers }) => Array.from(numbers, Math.abs)));
  return drawPictures(planes, signed(terminal, largest), columns);
}

/** Planes of red, green and blue as one number per pixel. */
function packedPlanes(numbers: ArrayLike<number>): number[] {
  const size = numbers.length / 3;
  const level = (k: number): number => numbers[k];
  return Array.from(
    { length: size },
    (_, k) => packed(level(k), level(size + k), level(2 * size + k)),
  );
}
