/**
 * Tables for a terminal.
 *
 * @module
 */

/** A table: a heading per column, and rows of cells. */
export interface Table {
  /** The first column is set left, the others right. */
  readonly headings: readonly string[];
  /** One cell per heading. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * Draws a table. Where it is wider than the terminal, each row becomes a small block instead, with
 * one line per cell.
 *
 * @param table Headings and rows.
 * @param columns Width of the terminal.
 * @returns The lines, joined.
 */
export function drawTable({ headings, rows }: Table, columns: number): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, c) => Math.max(...all.map((row) => row[c].length)));
  const width = widths.reduce((total, w) => total + w + 2, -2);
  if (width > columns) return drawBlocks({ headings, rows });
  const lines = all.map((row) =>
    row.map((cell, c) => c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c])).join("  ")
      .trimEnd()
  );
  return [lines[0], "─".repeat(width), ...lines.slice(1)].join("\n");
}

/** One block per row: the first cell as a title, the others under it with their headings. */
function drawBlocks({ headings, rows }: Table): string {
  const label = Math.max(...headings.slice(1).map((heading) => heading.length));
  return rows.map(([title, ...cells]) =>
    [title, ...cells.map((cell, c) => `  ${headings[c + 1].padEnd(label)}  ${cell}`)].join("\n")
  ).join("\n");
}

/**
 * Draws which digit was taken for which: rows are the truth, columns what the model said; nothing
 * stands for zero.
 *
 * @param counts One row of counts per class.
 * @returns The lines, joined.
 */
export function drawConfusion(counts: readonly (readonly number[])[]): string {
  const width = Math.max(...counts.flat().map((n) => String(n).length)) + 1;
  const line = (label: string, cells: readonly string[]): string =>
    `  ${label} │${cells.map((cell) => cell.padStart(width)).join("")}`;
  const numbers = counts.map((_, k) => String(k));
  return [
    line(" ", numbers),
    `  ──┼${"─".repeat(width * counts.length)}`,
    ...counts.map((row, k) => line(numbers[k], row.map((n) => n === 0 ? "·" : String(n)))),
  ].join("\n");
}
