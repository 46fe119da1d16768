/**
 * Finds a bracket that was left open. A parser notices only at the end of the file; the indentation
 * tells where.
 *
 * @module
 */
import { blank } from "./task_bodies.ts";

/** Where a bracket was opened, and the line by which it should have been closed. */
export interface OpenBracket {
  readonly bracket: string;
  /** Lines, from 1. */
  readonly opened: number;
  readonly missedAt: number;
}

const closers: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" };

/**
 * Looks for the first bracket at a line's end that is not closed where its line's indentation comes
 * back.
 *
 * @param source TypeScript, indented as `deno fmt` does.
 * @returns Where; nothing if all are closed.
 */
export function findOpenBracket(source: string): OpenBracket | undefined {
  const open: { bracket: string; line: number; indent: number }[] = [];
  const lines = blank(source).code.split("\n");
  for (const [k, line] of lines.entries()) {
    const text = line.trim(), indent = line.search(/\S/);
    if (text === "") continue;
    const last = open.at(-1);
    const isCloser = /^[})\]]/.test(text);
    if (last && (isCloser ? indent < last.indent : indent <= last.indent)) {
      return { bracket: last.bracket, opened: last.line, missedAt: k + 1 };
    }
    // The head of a class may go on in a second line, which is indented as the body is.
    const next = lines.slice(k + 1).find((line) => line.trim() !== "") ?? "";
    const inner = Math.min(indent, Math.max(0, next.search(/\S/) - 2));
    for (const char of text) {
      if (char in closers) open.push({ bracket: char, line: k + 1, indent: inner });
      else if (/[})\]]/.test(char)) {
        const top = open.pop();
        if (!top || closers[top.bracket] === char) continue;
        return { bracket: top.bracket, opened: top.line, missedAt: k + 1 };
      }
    }
  }
  const left = open.at(-1);
  return left && { bracket: left.bracket, opened: left.line, missedAt: lines.length };
}
