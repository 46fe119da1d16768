/**
 * What the reports of both parts of milestone 04 are put together from.
 *
 * @module
 */
import { paint, type Terminal, wrap } from "../terminal/terminal.ts";
import type { Check } from "./evidence.ts";

/** A whole number with its thousands apart. */
export function count(n: number): string {
  return n.toLocaleString("en-US");
}

/** How many times as much. */
export function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : count(Math.round(ratio));
}

/** Draws a list: what each entry starts with, its text beside it, wrapped. */
export function drawList(
  entries: readonly { mark: string; text: string; paintMark?: (mark: string) => string }[],
  columns: number,
): string {
  const width = Math.max(...entries.map(({ mark }) => mark.length)) + 1;
  return entries.map(({ mark, text, paintMark = (mark) => mark }) => {
    const lines = wrap(text, columns - 2 - width).split("\n");
    const space = " ".repeat(width - mark.length);
    return `  ${paintMark(mark)}${space}${lines.join(`\n${" ".repeat(2 + width)}`)}`;
  }).join("\n");
}

/** Draws the checks with what came of each. */
export function drawEvidence(checks: readonly Check[], terminal: Terminal): string {
  const entries = checks.map(({ claim, passed, suspicion }) => {
    const [mark, style] = passed === null
      ? ["not judged", "yellow"] as const
      : passed
      ? ["passed", "green"] as const
      : ["FAILED", "red"] as const;
    const text = passed === false ? `${claim}. Most likely: ${suspicion}` : claim;
    return { mark, text, paintMark: (mark: string) => paint(terminal, style, mark) };
  });
  return drawList(entries, terminal.columns);
}

/** Says whether a run has passed. */
export function drawVerdict(passed: boolean, terminal: Terminal): string {
  const [style, verdict] = passed
    ? ["green", "Passed: every check that could be judged holds."] as const
    : ["red", "Did not pass: see the failed checks above."] as const;
  return paint(terminal, style, wrap(verdict, terminal.columns));
}
