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
 * Draws which class was taken for which: rows are the truth, columns what the model said; a dot
 * stands for zero. Where it is wider than the terminal, the counts of what was right give way to
 * squares, and only the mistakes are counted.
 *
 * @param counts One row of counts per class.
 * @param columns Width of the terminal.
 * @returns The lines, joined.
 */
export function drawConfusion(counts: readonly (readonly number[])[], columns: number): string {
  const whole = counts.map((row) => row.map((n) => n === 0 ? "·" : String(n)));
  const wide = drawCrossTable(whole);
  if (wide.split("\n")[0].length <= columns) return wide;
  return drawCrossTable(whole.map((row, k) => row.map((cell, c) => c === k ? "■" : cell)));
}

/** Draws cells between numbered rows and numbered columns. */
function drawCrossTable(cells: readonly (readonly string[])[]): string {
  const width = Math.max(...cells.flat().map((cell) => cell.length)) + 1;
  const line = (label: string, row: readonly string[]): string =>
    `  ${label} │${row.map((cell) => cell.padStart(width)).join("")}`;
  const numbers = cells.map((_, k) => String(k));
  return [
    line(" ", numbers),
    `  ──┼${"─".repeat(width * cells.length)}`,
    ...cells.map((row, k) => line(numbers[k], row)),
  ].join("\n");
}
