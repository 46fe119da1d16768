/**
 * Small pictures for a terminal: one pixel is two columns wide, which makes it about square.
 *
 * @module
 */
import type { Terminal } from "./terminal.ts";

/** A plane of numbers. */
export interface Picture {
  /** The numbers, row after row. */
  readonly data: ArrayLike<number>;
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
  /** Lines that stand above it. */
  readonly caption?: readonly string[];
}

/** Turns a number into two columns of a terminal. */
type Pixel = (value: number) => string;

/** From dark to light, for where there is no colour. */
const ramp = " .:-=+*#%@";

/** Paints two blank columns in one of the terminal's 256 colours. */
function block(color: number): string {
  return `\x1b[48;5;${color}m  \x1b[0m`;
}

/**
 * Brightness from 0 to 1.
 *
 * @param terminal Where it is drawn.
 * @returns The pixel.
 */
export function brightness({ color }: Terminal): Pixel {
  return (value) => {
    const v = Math.min(1, Math.max(0, value));
    return color
      ? block(232 + Math.round(v * 23))
      : ramp[Math.round(v * (ramp.length - 1))].repeat(2);
  };
}

/**
 * Signed numbers: red above 0, blue below, white at 0; in plain text `##` `++` `  ` `--` `==`.
 *
 * @param terminal Where it is drawn.
 * @param largest The absolute value that gets the full colour.
 * @returns The pixel.
 */
export function signed({ color }: Terminal, largest: number): Pixel {
  return (value) => {
    const level = Math.round(Math.min(1, Math.abs(value) / largest) * (color ? 5 : 2));
    if (!color) return (value < 0 ? [" ", "-", "="] : [" ", "+", "#"])[level].repeat(2);
    const rest = 5 - level; // 6 levels per channel of the 6×6×6 colour cube
    return block(value < 0 ? 16 + 36 * rest + 6 * rest + 5 : 16 + 36 * 5 + 6 * rest + rest);
  };
}

/**
 * Packs a colour into one number, as a pixel of a Picture.
 *
 * @param red From 0 to 1, like the others.
 * @param green
 * @param blue
 * @returns A whole number, which packedColor() draws.
 */
export function packed(red: number, green: number, blue: number): number {
  return [red, green, blue].reduce((all, part) => {
    return all * 256 + Math.round(Math.min(1, Math.max(0, part)) * 255);
  }, 0);
}

/**
 * Colours that packed() made; their brightness where there is no colour.
 *
 * @param terminal Where it is drawn.
 * @returns The pixel.
 */
export function packedColor(terminal: Terminal): Pixel {
  const grey = brightness(terminal);
  return (value) => {
    const [red, green, blue] = [value >> 16, (value >> 8) & 255, value & 255];
    if (!terminal.color) return grey((red + green + blue) / 765);
    const level = (part: number): number => Math.round(part / 51); // 6 levels of the colour cube
    return block(16 + 36 * level(red) + 6 * level(green) + level(blue));
  };
}

/**
 * Draws pictures side by side, as many in a row as fit.
 *
 * @param pictures All of one size.
 * @param pixel How a number looks.
 * @param columns Width of the terminal.
 * @returns The lines, joined.
 */
export function drawPictures(
  pictures: readonly Picture[],
  pixel: Pixel,
  columns: number,
): string {
  const gap = 2, captions = pictures.flatMap(({ caption = [] }) => caption);
  const width = Math.max(pictures[0].width * 2, ...captions.map((line) => line.length));
  const fitting = Math.max(1, Math.floor(columns / (width + gap)));
  const perRow = Math.ceil(pictures.length / Math.ceil(pictures.length / fitting)); // even rows
  const lines: string[] = [];
  for (let start = 0; start < pictures.length; start += perRow) {
    const row = pictures.slice(start, start + perRow);
    const captionLines = Math.max(...row.map(({ caption = [] }) => caption.length));
    if (start > 0) lines.push("");
    for (let k = 0; k < captionLines; k++) {
      lines.push(
        row.map(({ caption = [] }) => " ".repeat(gap) + (caption[k] ?? "").padEnd(width)).join(""),
      );
    }
    for (let y = 0; y < pictures[0].height; y++) {
      lines.push(
        row.map((picture) => {
          const pixels = Array.from(
            { length: picture.width },
            (_, x) => pixel(picture.data[y * picture.width + x]),
          );
          return " ".repeat(gap) + pixels.join("") + " ".repeat(width - picture.width * 2);
        }).join(""),
      );
    }
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}
