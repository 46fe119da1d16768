/**
 * What the place that we print to can show: colour, a live line, how many columns.
 *
 * @module
 */
import process from "node:process";

/** Where text goes, and what can be shown there. */
export interface Terminal {
  /** Whether a line may be overwritten: true at a real terminal. */
  readonly live: boolean;
  /** Whether colour may be used. */
  readonly color: boolean;
  /** How many columns there are; 80 where nobody says. */
  readonly columns: number;
  /** Prints text as it is, without a line end. */
  write(text: string): void;
}

/** Whether the environment asks for no colour (no-color.org). Deno tells without a permission. */
function noColorWanted(): boolean {
  if ("Deno" in globalThis) return Deno.noColor;
  return Boolean(process.env.NO_COLOR);
}

/**
 * Looks at a standard stream.
 *
 * @param stream Which one; standard output by default.
 * @param color False to use no colour even where it could be shown.
 * @returns What can be shown there.
 */
export function openTerminal(stream: "stdout" | "stderr" = "stdout", color = true): Terminal {
  const out = process[stream], live = Boolean(out.isTTY);
  return {
    live,
    color: color && live && !noColorWanted(),
    columns: live && out.columns > 0 ? out.columns : 80,
    write: (text) => void out.write(text),
  };
}

/** A place that shows nothing. */
export const nowhere: Terminal = { live: false, color: false, columns: 80, write: () => {} };

/** Styles by their ANSI codes. */
const styles = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/**
 * Wraps text in a style, where colour may be used.
 *
 * @param terminal Where it will be printed.
 * @param style Which style.
 * @param text The text.
 * @returns The text, with or without escape codes.
 */
export function paint(terminal: Terminal, style: keyof typeof styles, text: string): string {
  return terminal.color ? `\x1b[${styles[style]}m${text}\x1b[0m` : text;
}

/**
 * Breaks a paragraph into lines.
 *
 * @param text The paragraph; runs of white space count as one space.
 * @param columns The width.
 * @returns The lines, joined.
 */
export function wrap(text: string, columns: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

/** A line that is overwritten at a terminal, and gives way to sentences that stay. */
export class LiveLine {
  readonly #terminal: Terminal;

  /** @param terminal Where it is shown. */
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Shows a state in place of the last one; where there is no terminal, nothing. */
  overwrite(text: string): void {
    const { live, columns } = this.#terminal;
    if (live) this.#terminal.write(`\r\x1b[K${text.slice(0, columns - 1)}`);
  }

  /** Prints a sentence in place of the line; it keeps its indentation where it wraps. */
  say(text: string): void {
    const { live, columns } = this.#terminal;
    const lead = /^ */.exec(text)?.[0] ?? "";
    const lines = wrap(text.trim(), columns - lead.length).replaceAll("\n", `\n${lead}`);
    this.#terminal.write(`${live ? "\r\x1b[K" : ""}${lead}${lines}\n`);
  }
}
