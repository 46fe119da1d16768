/**
 * Turns our Markdown into HTML: the usual one, and in it formulas and pictures as indented blocks.
 *
 * @module
 */
import { escape } from "../escape.ts";
import { formulasToHtml, isFormula } from "./formula.ts";
import { highlight, Marked } from "./packages.ts";
import { pictureToSvg } from "./picture.ts";

/** What a page has that others may point at. */
export interface Target {
  /** What it is called. */
  readonly title: string;
  /** Its name within the page. */
  readonly id: string;
  /** A heading, a term that the text introduces in italics, or a name of the library. */
  readonly kind: "heading" | "term" | "name";
}

/** How a text becomes part of a page. */
export interface Setting {
  /** What is added to the levels of its headings. */
  readonly deeper: number;
  /** The page's own names, so that none is given twice. */
  readonly ids: Set<string>;
  /** Collects what may be pointed at. */
  readonly targets: Target[];
  /** Where a link to a file of the repository leads in the book; null if it is not part of it. */
  link(href: string): string | null;
}

/** Some indented lines after a blank one: a formula or a picture. */
const indented = /^(?: {2,}\S.*(?:\n|$))+/;

/**
 * Renders a text.
 *
 * @param text Markdown.
 * @param setting Where it will stand.
 * @returns HTML.
 */
export function toHtml(text: string, setting: Setting): string {
  const parser = new Marked({
    extensions: [{
      name: "figure",
      level: "block",
      tokenizer(source): { type: string; raw: string } | undefined {
        const raw = source.match(indented)?.[0];
        return raw === undefined ? undefined : { type: "figure", raw };
      },
      renderer: ({ raw }) => isFormula(raw) ? formulasToHtml(raw) : pictureToSvg(raw),
    }],
    renderer: {
      code: ({ text, lang = "" }) => codeToHtml(text, lang.split(" ")[0]),
      heading({ tokens, depth, text }): string {
        const id = idFor(text, setting.ids), level = Math.min(depth + setting.deeper, 6);
        setting.targets.push({ title: plain(text), id, kind: "heading" });
        return `<h${level} id="${id}">${this.parser.parseInline(tokens)}</h${level}>\n`;
      },
      em({ tokens, text }): string {
        const inner = this.parser.parseInline(tokens);
        if (!/^\p{Ll}[\p{L} -]{2,30}$/u.test(text)) return `<em>${inner}</em>`;
        const id = idFor(`term ${text}`, setting.ids);
        setting.targets.push({ title: text, id, kind: "term" });
        return `<dfn id="${id}">${inner}</dfn>`;
      },
      link({ href, tokens }): string {
        const inner = this.parser.parseInline(tokens);
        const target = /^https?:/.test(href) ? href : setting.link(href);
        return target === null ? inner : `<a href="${escape(target)}">${inner}</a>`;
      },
      table({ header, rows }): string {
        const cells = (tag: string, row: typeof header): string =>
          row.map(({ tokens, align }) => {
            const side = align ? ` class="${align}"` : "";
            return `<${tag}${side}>${this.parser.parseInline(tokens)}</${tag}>`;
          }).join("");
        const body = rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n");
        const head = `<thead><tr>${cells("th", header)}</tr></thead>`;
        return `<div class="wide" tabindex="0"><table>${head}<tbody>${body}</tbody></table></div>\n`;
      },
    },
  });
  return String(parser.parse(text, { async: false }));
}

/**
 * Renders code.
 *
 * @param code The text.
 * @param language What it is written in; text that is in none stays as it is.
 * @returns HTML.
 */
export function codeToHtml(code: string, language: string): string {
  const known = highlight.getLanguage(language) !== undefined;
  const inner = known ? highlight.highlight(code, { language }).value : escape(code);
  return `<pre tabindex="0"><code>${inner}</code></pre>\n`;
}

/**
 * Finds a free name within a page.
 *
 * @param title What it is to be the name of.
 * @param ids Names that are taken; the new one is added.
 * @returns Letters, digits and hyphens.
 */
export function idFor(title: string, ids: Set<string>): string {
  const words = plain(title).toLowerCase().replace(/[^\p{L}\p{N}.]+/gu, "-");
  const base = words.replace(/^-|-$/g, "") || "part";
  let id = base;
  for (let k = 2; ids.has(id); k++) id = `${base}-${k}`;
  ids.add(id);
  return id;
}

/** A title without Markdown's signs. */
function plain(title: string): string {
  return title.replace(/[`*]/g, "");
}
