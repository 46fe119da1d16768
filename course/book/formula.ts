/**
 * Turns the formulas of the chapters, which are written in ordinary characters, into MathML.
 *
 * The library reads AsciiMath. What it needs to be told beside: which runs of letters are words, that
 * ᵢ and ² are indices and powers, and that a slash stays a slash, as the source has it.
 *
 * @module
 */
import { escape } from "../escape.ts";
import { formula } from "./packages.ts";

/** Raised characters and what they stand for. */
const raised = pair("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᵀᵗᵉˣⁿᵏᵃᵇʲ", "0123456789+-()Ttexnkabj");
/** Lowered characters and what they stand for. */
const lowered = pair("₀₁₂₃₄₅₆₇₈₉₊₋₍₎ᵢⱼₖₘₙₚₜₓᵦₐₑ", "0123456789+-()ijkmnptxbae");

/** Words that are functions: they stand upright, and as one. */
const names = ["log", "exp", "max", "min", "cos", "sin"];

/** Characters for which the library has a name. */
const symbols: Readonly<Record<string, string>> = {
  "Σ": " sum ",
  "√": " sqrt ",
  "−": "-",
  "×": " xx ",
  "/": ` "/" `,
  "…": " ... ",
  "|": " | ",
};

/** What makes a line a formula: it says that something is something. */
const relation = /[=←≈≤≥⇒∝]|\d ?< ?\w/;
/** What makes it a picture. */
const drawing = /[─│┌┐└┘├┤┬┴┼╱╲╭╮╯╰▁-█↑↓↗↘▲▼●○▶◀]/u;

/** Numbers in a row, as a table has them. */
const table = /(?:\d ){3}/;

function pair(from: string, to: string): ReadonlyMap<string, string> {
  const plain = [...to];
  return new Map([...from].map((char, k) => [char, plain[k]]));
}

/**
 * Tells whether an indented block is made of formulas; otherwise it is a picture.
 *
 * @param block Its lines.
 * @returns True if each line says what something is, and none draws.
 */
export function isFormula(block: string): boolean {
  const lines = block.split("\n").filter((line) => line.trim() !== "");
  return lines.every((line) => relation.test(line) && !drawing.test(line) && !table.test(line));
}

/**
 * Writes a block of formulas as MathML, one line under the other. What stands far apart in a line are
 * formulas of their own, or remarks.
 *
 * @param block Lines for which isFormula() holds.
 * @returns HTML.
 */
export function formulasToHtml(block: string): string {
  const lines = block.split("\n").filter((line) => line.trim() !== "");
  const rows = lines.map((line) => {
    const cells = line.trim().split(/(?:,)? {2,}/).map((cell) =>
      relation.test(cell)
        ? toMathML(cell.replace(/,$/, ""))
        : `<span class="remark">${escape(cell)}</span>`
    );
    return `<div class="line">${cells.join("")}</div>`;
  });
  return `<div class="formula" tabindex="0" role="group" aria-label="Formula">${
    rows.join("")
  }</div>\n`;
}

/** One formula. */
function toMathML(text: string): string {
  return String(formula(toAsciiMath(text))).replace("<math", '<math display="inline"');
}

/**
 * Writes a formula in the library's language.
 *
 * @param text A formula in ordinary characters.
 * @returns AsciiMath.
 */
export function toAsciiMath(text: string): string {
  const grouped = text
    .replace(/\^(\p{L}[ᵢⱼₖ]+|−?\|[^|]*\|)/gu, "^($1)") // the power is all of xᵢ
    .replace(/(\p{L})\u0302/gu, " ^^^$1 ");
  const word =
    /(?<=([\p{L}\d)\]] )?)(?<![\p{L}_])\p{L}[\p{L}\d']+(?:[ -][\p{L}']{2,})*(?=( [\p{L}\d([])?)/gu;
  const words = grouped.replace(word, (found, before, after) => {
    const isIndexed = /[\p{Lm}₀-₉]/u.test(found); // like a name, and no word
    if (isIndexed) return found.replace(/^[\p{Lu}\p{Ll}]{2,}/u, '"$&"');
    if (names.includes(found)) return found;
    return `"${before ? " " : ""}${found}${after ? " " : ""}"`;
  });
  const indexed = replaceRuns(replaceRuns(words, raised, "^"), lowered, "_")
    .replace(/(_\S+) \^(?!\^)/g, "$1^"); // one above the other
  return indexed.replace(/[Σ√−×/…|]/g, (char) => symbols[char]).replace(/\^{3}/g, " hat ");
}

/** Puts `^(…)` or `_(…)` for a run of small characters. */
function replaceRuns(text: string, small: ReadonlyMap<string, string>, sign: string): string {
  const run = RegExp(`[${[...small.keys()].join("")}]+`, "gu");
  return text.replace(run, (found) => {
    const plain = [...found].map((char) => small.get(char)).join("");
    return `${sign}${plain.length > 1 ? `(${plain})` : plain} `;
  });
}
