/**
 * Reads a graded test as a learner would: which line did not hold, and what went into it.
 *
 * @module
 */
import { join } from "@std/path";
import { read, root } from "../content/course.ts";
import { blank } from "../content/task_bodies.ts";
import type { GradedTest } from "../sandbox/graded.ts";
import { placeOfFrame } from "../sandbox/places.ts";
import {
  closing,
  itemsOf,
  lineAt,
  namesIn,
  pathTo,
  type Source,
  type Span,
  spanOfLine,
  targetsOf,
} from "./statements.ts";

/** What the text of a test says of one of its checks. */
export interface CheckLines {
  /** The line that did not hold, from 1. */
  readonly line: number;
  /** The expression of the value in question. */
  readonly name?: string;
  /** Whether it is something that the test made and handed over. */
  readonly isInput: boolean;
  /** What leads to the check, and the check: whole statements, each with the line it begins on. */
  readonly lines: readonly ShownLine[];
  /** The lists that loops around the check go through, the innermost first; empty if unknown. */
  readonly loops: readonly (readonly string[])[];
}

/** A line of a test. */
export interface ShownLine {
  readonly line: number;
  readonly text: string;
}

/** The most lines that lead to a check and are shown. */
const mostLines = 8;

const sources = new Map<string, Source>();

function sourceOf(file: string): Source {
  const known = sources.get(file);
  if (known) return known;
  const text = read(join(root, file)), source = { text, code: blank(text).code };
  sources.set(file, source);
  return source;
}

/**
 * Reads what a test says of a check, or of a call that threw.
 *
 * @param test The test.
 * @param stack The stack of an error that was made in it.
 * @returns What is there; nothing if the stack does not lead into the test.
 */
export function readCheck(test: GradedTest, stack: string): CheckLines | undefined {
  const source = sourceOf(test.file), body = bodyOf(test, source);
  const file = test.file.split("/").slice(-2).join("/");
  const lines = stack.split("\n").map(placeOfFrame).flatMap((place) =>
    place?.file.endsWith(`/${file}`) ? [place.line] : []
  );
  if (!body || lines.length === 0) return undefined;
  const [first, last] = [lineAt(source.text, body.start), lineAt(source.text, body.end)];
  const line = lines.find((line) => line >= first && line <= last);
  if (line === undefined) return undefined;
  const path = pathTo(source, body, line), check = path.at(-1)?.at(-1);
  if (!check) return undefined;
  const [name, expected] = argumentsOn(source, lines[0], line),
    { shown, loops } = leadingTo(source, path);
  return {
    line,
    name: name === undefined || name.length > 80 ? undefined : name,
    isInput: name !== undefined && expected !== undefined &&
      isGiven(source, path, name, expected),
    lines: [...lastOf(shown), ...textOf(source, check)],
    loops,
  };
}

/** What stands in the braces of the function that the test hands over. */
function bodyOf({ line }: GradedTest, { text, code }: Source): Span | undefined {
  const { start } = spanOfLine(text, line), open = code.indexOf("=> {", start) + 3;
  return open < 3 ? undefined : { start: open + 1, end: closing(code, open) };
}

// ── Statements ──

/** A statement as it stands, on the left margin. */
function textOf({ text }: Source, { start, end: last }: Span): ShownLine[] {
  // A comment behind a statement often is the formula.
  const end = last + (text.slice(last).match(/^ *\/\/.*/)?.[0].length ?? 0);
  const indent = text.slice(0, start).match(/[^\n]*$/)?.[0].length ?? 0,
    first = lineAt(text, start);
  return text.slice(start, end).split("\n").map((line, k) => ({
    line: first + k,
    text: k === 0 ? line : line.slice(Math.min(indent, line.search(/\S|$/))),
  }));
}

/** What stands before a check and has to do with it: what makes its values, and loops around it. */
function leadingTo(
  source: Source,
  path: readonly Span[][],
): { shown: ShownLine[][]; loops: string[][] } {
  const { code } = source, check = path.at(-1)?.at(-1), loops: string[][] = [];
  if (!check) return { shown: [], loops };
  const needed = namesIn(code.slice(check.start, check.end)), shown: ShownLine[][] = [];
  for (const [depth, block] of path.toReversed().entries()) {
    const around = block[block.length - 1];
    if (depth > 0) { // a loop, or a callback, around what was looked at before
      const open = code.slice(around.start, around.end).search(/(?<=\)|=>)\s*\{/);
      const head = { start: around.start, end: around.start + Math.max(open, 0) };
      const list = listOf(source, path, head);
      if (/^\s*for\b/.test(code.slice(head.start))) loops.push(list.items);
      shown.unshift(textOf(source, head).map(({ line, text }) => ({ line, text: `${text} …` })));
      namesIn(code.slice(head.start, head.end)).forEach((name) =>
        name === list.name || needed.add(name)
      );
    }
    for (const statement of block.slice(0, -1).toReversed()) {
      const text = code.slice(statement.start, statement.end);
      const names = namesIn(text), isCheck = /^\s*(?:t\.|expect\w*\(t\b)/.test(text);
      const isCall = depth === 0 && !/^\s*(?:const|let|function|for|if|while)\b/.test(text);
      if (isCheck || !isCall && ![...targetsOf(text)].some((name) => needed.has(name))) continue;
      names.forEach((name) => needed.add(name));
      shown.unshift(textOf(source, statement));
    }
  }
  return { shown, loops };
}

/** Whole statements from the end, as many as may be shown. */
function lastOf(statements: readonly ShownLine[][]): ShownLine[] {
  const shown: ShownLine[] = [];
  for (const lines of statements.toReversed()) {
    if (shown.length + lines.length > mostLines) break;
    shown.unshift(...lines);
  }
  return shown;
}

/** The list that a loop goes through, where it is written in the test. */
function listOf(
  source: Source,
  path: readonly Span[][],
  { start, end }: Span,
): { name?: string; items: string[] } {
  const { code } = source, [all = "", name] = code.slice(start, end).match(/ of (\w+)?/) ?? [];
  if (all === "") return { items: [] };
  let open = start + code.slice(start, end).indexOf(all) + " of ".length;
  if (name !== undefined) {
    const declared = path.flat().flatMap((span) => {
      const at = code.slice(span.start, span.end)
        .search(new RegExp(`(?<=\\b${name}\\b(?:: [^=]*(?:=>[^=]*)*)? = )\\[`));
      return at < 0 ? [] : [span.start + at];
    });
    if (declared.length === 0) return { items: [] };
    open = declared[0];
  }
  return code[open] === "[" ? { name, items: itemsOf(source, open) } : { items: [] };
}

// ── The check itself ──

/** A check, and a function of the file that checks for several tests. */
const aCheck = /\bt\s*\.(?:expectTensor|expectEqual|expectSame|expectError)\(/;
const aHelper = /\bexpect\w+\((?=\s*t,)/;

/**
 * The arguments of a check, each on one line. Of one in a function that several tests share, those
 * that the test hands to that function say more than the check's own.
 */
function argumentsOn(source: Source, checkLine: number, testLine: number): string[] {
  const ofHelper = checkLine === testLine ? [] : argumentsOf(source, testLine, aHelper).slice(1, 2);
  return ofHelper.length > 0 ? ofHelper : argumentsOf(source, checkLine, aCheck);
}

function argumentsOf(source: Source, line: number, call: RegExp): string[] {
  const { start, end } = spanOfLine(source.text, line);
  const found = source.code.slice(start).match(call), at = start + (found?.index ?? 0);
  if (!found || at > end) return [];
  return itemsOf(source, at + found[0].length - 1).map((item) =>
    item.replace(/^t\.expectUnchanged\(\{.*?\}, \(\) => (.*)\)$/, "$1").replace(/^\(\) => /, "")
      .replace(/([[(]) /g, "$1").replace(/,? ([\])])/g, "$1")
  );
}

/** What a test makes by itself: lists, tensors of given numbers, random ones. */
const made =
  /^(?:\[|t\.(?:normal|uniform|integers?)\(|(?:Tensor\.(?:of|zeros|ones|full|arange)|float64|float32|zeros|[IF]\w+Array\.of|new [A-Z]\w*)\()/;

/**
 * Whether a check looks at something that the test made of just the numbers that it expects now: so
 * if it holds others, it was changed.
 */
function isGiven(
  { text, code }: Source,
  path: readonly Span[][],
  name: string,
  expected: string,
): boolean {
  const [, base] = name.match(/^([A-Za-z_$][\w$]*)(?:\.\w+)*$/) ?? [];
  if (base === undefined || !/[A-Za-z[]/.test(expected)) return false;
  const names = name === base ? [name] : [name, base];
  return path.flat().some(({ start, end }) =>
    names.some((given) => {
      const safe = given.replaceAll(".", "\\.");
      const at = code.slice(start, end).search(
        new RegExp(`(?<=(?:^\\s*|(?:const|let|,) )${safe}(?:: [^=,]*)? = )\\S`),
      );
      if (at < 0) return false;
      const value = start + at, open = value + code.slice(value).search(/[([]/);
      const after = closing(code, open) + 1;
      const whole = text.slice(value, after).replace(/\s+/g, " ");
      const isListed = new RegExp(
        `(?<![\\w$.])${expected.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&")}(?![\\w$.])`,
      )
        .test(whole);
      return isListed && made.test(whole) && ",;".includes(code[after]);
    })
  );
}
