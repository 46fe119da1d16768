/**
 * Statements, lists and names in a piece of TypeScript, found by its brackets.
 *
 * @module
 */

/** A piece of a text: where it begins, and where it has ended. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Source {
  readonly text: string;
  /** As long, with comments and texts blanked out. */
  readonly code: string;
}

export function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

/** Where a line begins and ends. */
export function spanOfLine(text: string, line: number): Span {
  const start = text.split("\n").slice(0, line - 1).reduce(
    (sum, { length }) => sum + length + 1,
    0,
  );
  return { start, end: start + (text.slice(start).indexOf("\n") + 1 || text.length) - 1 };
}

/** Where the bracket closes that opens at `open`. */
export function closing(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if ("([{".includes(code[i])) depth++;
    else if (")]}".includes(code[i]) && --depth === 0) return i;
  }
  return code.length;
}

/** The statements of a block, one after the other. */
export function statementsIn({ code }: Source, { start, end }: Span): Span[] {
  const found: Span[] = [];
  let begin = start;
  for (let i = start; i < end; i++) {
    if ("([{".includes(code[i])) {
      const close = closing(code, i);
      const isBlock = code[i] === "{" &&
        /^\s*(?:for|if|while|try|else|do|function|async function)\b/
          .test(code.slice(begin, i));
      i = close;
      if (!isBlock) continue;
    } else if (code[i] !== ";") continue;
    const from = begin + code.slice(begin, i).search(/\S|$/);
    found.push({ start: from, end: i + 1 });
    begin = i + 1;
  }
  return found;
}

/**
 * The way to a line: of each block around it the statements up to the one that holds it, the
 * outermost block first.
 */
export function pathTo(source: Source, block: Span, line: number): Span[][] {
  const { text, code } = source, wanted = spanOfLine(text, line);
  const statements = statementsIn(source, block);
  const last = statements.findIndex(({ start, end }) => start <= wanted.end && end > wanted.start);
  if (last < 0) return [];
  const own = statements.slice(0, last + 1), { start, end } = own[last];
  for (let i = start; i < end; i++) {
    if (code[i] !== "{" || !/(?:\)|=>|else|try|do)\s*$/.test(code.slice(start, i))) continue;
    const inner = { start: i + 1, end: closing(code, i) };
    if (inner.start <= wanted.end && inner.end > wanted.start && code.slice(i).search(/\n/) >= 0) {
      const deeper = pathTo(source, inner, line);
      if (deeper.length > 0) return [own, ...deeper];
    }
    i = inner.end;
  }
  return [own];
}

/** The items in the bracket that opens at `open`, each on one line. */
export function itemsOf({ text, code }: Source, open: number): string[] {
  const end = closing(code, open), items: string[] = [];
  for (let from = open + 1, i = from; i <= end; i++) {
    if ("([{".includes(code[i])) i = closing(code, i);
    else if (code[i] === "," && code[i - 1] !== "=" || i === end) {
      const item = text.slice(from, i).replace(/\/\/.*/g, "").replace(/\s+/g, " ").trim();
      if (item !== "") items.push(item);
      from = i + 1;
    }
  }
  return items;
}

/** All names in an expression. */
export function namesIn(code: string): Set<string> {
  const names = code.match(/(?<![\w$.#])[A-Za-z_$][\w$]*/g) ?? [];
  return new Set(names.filter((name) => !["t", "const", "of", "new", "Tensor"].includes(name)));
}

/** The names that a statement gives a value to, or hands to something that may change them. */
export function targetsOf(code: string): Set<string> {
  const declared = code.match(/^\s*(?:const|let|function)\s/);
  if (!declared) return namesIn(code);
  const parts = code.split(/(?<![=!<>])=(?![=>])/).slice(0, -1);
  return namesIn(parts.map((part) => part.slice(part.lastIndexOf("\n") + 1)).join(" "));
}
