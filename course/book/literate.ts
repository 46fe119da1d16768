/**
 * Reads a literate file: which lines are prose and which are code, in the order in which they stand.
 *
 * Prose stands in section rules (`// ── 1.3 Broadcasting ──` and the line comments under it) and in
 * JSDoc. A few lines of JSDoc within a class or an interface are left in the code, as the short note that
 * they are.
 *
 * @module
 */

/** Prose, as Markdown in our dialect, or code. */
export interface Piece {
  /** Whether it is a section's prose, a JSDoc comment or code. */
  readonly kind: "section" | "doc" | "code";
  /** The text without comment signs; of code as it stands. */
  readonly text: string;
  /** Where it begins and ends in the source. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
}

/** A section rule with its prose, a JSDoc comment, or an ordinary line. */
const comments = /^( *)(?:\/\/ ── .*\n(?: *\/\/.*\n)*|\/\*\*(?: [^]*?|\n[^]*?)\*\/\n)/gm;

/** JSDoc within something else stays in its code up to this many lines, if it has no tags. */
const noteLines = 6;

/**
 * Takes a file apart.
 *
 * @param source TypeScript as `deno fmt` writes it.
 * @returns Its pieces, in order; together they cover all lines but blank ones.
 */
export function readPieces(source: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  function addCode(until: number): void {
    const code = source.slice(end, until), text = code.replace(/^(?: *\n)+|\s+$/g, "");
    if (text !== "") pieces.push({ kind: "code", text, start: end, end: until });
  }
  for (const { 0: comment, 1: indent, index } of source.matchAll(comments)) {
    const isDoc = comment.trimStart().startsWith("/**");
    const isNote = isDoc && indent !== "" && !/^ *(?:\/\*)?\* @/m.test(comment) &&
      comment.split("\n").length - 1 <= noteLines;
    if (isNote || isSuppression(comment)) continue;
    addCode(index);
    end = index + comment.length;
    const text = isDoc ? textOfDoc(comment) : textOfSection(comment);
    pieces.push({ kind: isDoc ? "doc" : "section", text, start: index, end });
  }
  addCode(source.length);
  return pieces;
}

/** Whether a comment speaks to a tool. */
function isSuppression(comment: string): boolean {
  return /^\s*\/\/ deno-lint-ignore/.test(comment);
}

/** The heading as Markdown, and the prose under it. */
function textOfSection(comment: string): string {
  const [rule, ...lines] = comment.trimEnd().split("\n");
  const title = rule.replace(/^ *\/\/ ── (.*?)(?: ──)?$/, "$1");
  return [`## ${title}`, "", ...lines.map((line) => line.replace(/^ *\/\/ ?/, ""))].join("\n");
}

function textOfDoc(comment: string): string {
  const inner = comment.trim().slice(3, -2);
  return inner.split("\n").map((line) => line.replace(/^ *\* ?/, "").trimEnd()).join("\n").trim();
}
