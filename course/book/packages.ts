/**
 * The packages that make pages of text, from npm. They are named here and not in the project's
 * configuration, because what stands there is fetched before any task runs, and most tasks need
 * nothing.
 *
 * @module
 */
import type * as HighlightJs from "npm:highlight.js@11.12.0";
import type * as MarkedModule from "npm:marked@18.2.1";
import type MathupFunction from "npm:mathup@1.0.2";

const marked = "marked@18.2.1", highlighter = "highlight.js@11.12.0", mathup = "mathup@1.0.2";
const registry = "Deno" in globalThis ? "npm:" : "";

/** Markdown: a parser with options of its own. */
export const Marked: typeof MarkedModule.Marked = (await import(registry + marked)).Marked;

/** Highlighting of code. */
export const highlight: typeof HighlightJs.default = (await import(registry + highlighter)).default;

/** Formulas, from AsciiMath to MathML. */
export const formula: typeof MathupFunction = (await import(registry + mathup)).default;
