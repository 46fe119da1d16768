/**
 * Draws a report as one page that needs nothing else: no script, no file next to it, no network.
 *
 * @module
 */
import { encodePng } from "./png.ts";
import {
  type Block,
  claimOf,
  type Introduction,
  type Line,
  type Look,
  outcomeOf,
  type PictureBlock,
  type Section,
  verdictOf,
  verdictSection,
} from "./sections.ts";
import type { Verdict } from "./schema.ts";
import { percent } from "./wording.ts";

/**
 * Draws the page.
 *
 * @param introduction What was done.
 * @param sections What it came to.
 * @param verdict Whether to believe it.
 * @returns The whole HTML file.
 */
export function drawPage(
  { title, paragraphs, facts }: Introduction,
  sections: readonly Section[],
  verdict: Verdict,
): string {
  const all = [...sections, verdictSection(verdict)];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>${style}</style>
<h1>${escape(title)}</h1>
${paragraphs.map((text) => `<p>${escape(text)}</p>`).join("\n")}
<p class="facts">${escape(facts)}</p>
${all.map(drawSection).join("\n")}
<p class="${verdict.passed ? "passed" : "failed"}"><strong>${
    escape(verdictOf(verdict))
  }</strong></p>
</html>
`;
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1f2937; background: #fff; }
h1, h2 { line-height: 1.25; } h2 { margin-top: 2.5rem; font-size: 1.25rem; }
img { image-rendering: pixelated; margin: 3px; vertical-align: top; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .7rem; text-align: right; } th { font-weight: 600; }
td:first-child, th:first-child { text-align: left; padding-left: 0; white-space: nowrap; }
tr + tr td { border-top: 1px solid #e5e7eb; }
.wide { overflow-x: auto; } .facts { color: #6b7280; }
.bar { display: inline-block; height: .8rem; background: #1d4ed8; }
.confusion td, .confusion th { padding: .15rem .4rem; text-align: center; border: 0; }
figure { display: inline-block; margin: .4rem .8rem .4rem 0; text-align: center; vertical-align: top; }
figcaption, svg text { font-size: 12px; } svg { max-width: 100%; height: auto; }
.passed { color: #15803d; } .failed { color: #b91c1c; }
`;

/** Text as HTML. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

function drawSection({ title, blocks }: Section): string {
  const isSigned = blocks.some((block) => block.kind === "pictures" && block.look === "signed");
  const heading = isSigned ? `${title} (red above 0, blue below)` : title;
  const body = blocks.map(drawBlock).join("\n");
  return heading === null ? body : `<h2>${escape(heading)}</h2>\n${body}`;
}

function drawBlock(block: Block): string {
  switch (block.kind) {
    case "text":
      return `<p>${escape(block.text)}</p>`;
    case "table":
      return drawTable(block.headings, block.rows);
    case "list":
      return `<ul>${block.items.map(drawItem).join("")}</ul>`;
    case "bars":
      return drawBars(block.bars);
    case "confusion":
      return drawConfusion(block.counts, block.classes);
    case "pictures":
      return `<p>${drawPictures(block.pictures, block.look, block.shownWidth ?? 48)}</p>`;
    case "curves":
      return drawChart(block.title, block.lines, block.show);
    case "evidence":
      return `<ul>${
        block.checks.map((check) => {
          const outcome = outcomeOf(check);
          const kind = { "passed": "passed", "FAILED": "failed", "not judged": "facts" }[outcome];
          return `<li><span class="${kind}">${outcome}</span>: ${escape(claimOf(check))}</li>`;
        }).join("")
      }</ul>`;
  }
}

// ── Tables and lists ──

function drawItem({ mark, text }: { readonly mark: string; readonly text: string }): string {
  return `<li>${escape(mark === "-" ? text : `${mark} ${text}`)}</li>`;
}

function drawTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => row(cells, "td")).join("");
  return `<div class="wide"><table>${row(headings, "th")}${body}</table></div>`;
}

function drawBars(
  bars: readonly { readonly name: string; readonly part: number | null }[],
): string {
  const rows = bars.map(({ name, part }) => {
    const bar = `<span class="bar" style="width:${(12 * (part ?? 0)).toFixed(2)}rem"></span>`;
    return `<tr><td>${escape(name)}</td><td>${part === null ? "none" : percent(part)}</td>` +
      `<td style="text-align:left">${bar}</td></tr>`;
  });
  return `<div class="wide"><table>${rows.join("")}</table></div>`;
}

function drawConfusion(
  counts: readonly (readonly number[])[],
  classes: readonly string[] = counts.map((_, k) => String(k)),
): string {
  const most = Math.max(1, ...counts.flatMap((row, k) => row.filter((_, c) => c !== k)));
  const rows = counts.map((row, k) => {
    const cells = row.map((n, c) => {
      const shade = c === k ? "#e5e7eb" : `rgba(194, 65, 12, ${(n / most).toFixed(2)})`;
      return `<td style="background:${shade}">${n === 0 ? "·" : n}</td>`;
    });
    return `<tr><th>${escape(classes[k])}</th>${cells.join("")}</tr>`;
  });
  const names = classes.map((name) => `<th>${escape(name.slice(0, 5))}</th>`).join("");
  const head = `<tr><th></th>${names}</tr>`;
  return `<div class="wide"><table class="confusion">${head}${rows.join("")}</table></div>`;
}

// ── Pictures ──

function drawPictures(
  pictures: readonly PictureBlock[],
  look: Look,
  shownWidth: number,
): string {
  const largest = Math.max(...pictures.flatMap(({ numbers }) => Array.from(numbers, Math.abs)));
  return pictures.map((picture, k) => {
    const { caption = [] } = picture, alt = caption[0] ?? `picture ${k}`;
    const image = drawImage(picture, look, { largest, shownWidth, alt });
    if (caption.length === 0) return image;
    const lines = caption.map(escape).join("<br>");
    return `<figure>${image}<figcaption>${lines}</figcaption></figure>`;
  }).join("");
}

/** A small picture with hard pixels. */
function drawImage(
  { numbers, width, height }: PictureBlock,
  look: Look,
  { largest, shownWidth, alt }: { largest: number; shownWidth: number; alt: string },
): string {
  const size = width * height, pixels = new Uint8Array(3 * size);
  for (let k = 0; k < size; k++) {
    const at = (c: number): number => numbers[look === "color" ? c * size + k : k];
    const color = look === "signed" ? signedColor(at(0) / largest) : [at(0), at(1), at(2)];
    pixels.set(color.map((part) => Math.round(255 * part)), 3 * k);
  }
  const data = btoa(String.fromCharCode(...encodePng(pixels, width, height)));
  const source = `data:image/png;base64,${data}`;
  return `<img width="${shownWidth}" alt="${escape(alt)}" src="${source}">`;
}

/** White at 0, red at 1, blue at −1. */
function signedColor(part: number): number[] {
  const rest = 1 - Math.min(1, Math.abs(part));
  return part < 0 ? [rest, rest, 1] : [1, rest, rest];
}

// ── Curves ──

const colors = ["#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#0e7490", "#a16207"];
const chart = { width: 420, height: 220, left: 52, bottom: 28, top: 12, right: 12 } as const;

/** Draws values over epochs, from the first to the last. */
function drawChart(title: string, lines: readonly Line[], show: (value: number) => string): string {
  const { width, height, left, bottom, top, right } = chart;
  const all = lines.flatMap(({ values }) => values);
  const least = Math.min(...all), most = Math.max(...all), range = most - least || 1;
  const epochs = Math.max(...lines.map(({ values }) => values.length));
  const x = (k: number): string =>
    (left + (epochs > 1 ? k / (epochs - 1) : 0.5) * (width - left - right)).toFixed(1);
  const y = (value: number): string =>
    (height - bottom - (value - least) / range * (height - bottom - top)).toFixed(1);
  const drawn = lines.map(({ name, values }, k) => {
    const color = colors[k % colors.length], points = values.map((value, k) => [x(k), y(value)]);
    const dots = points.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`);
    return `<g><title>${escape(name)}</title><polyline points="${points.join(" ")}" fill="none" ` +
      `stroke="${color}" stroke-width="2"/>${epochs > 12 ? "" : dots.join("")}</g>`;
  });
  const ticks = [...new Set([least, (least + most) / 2, most])].map((value) =>
    `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
    `<text x="${left - 6}" y="${y(value)}" dy="4" text-anchor="end">${show(value)}</text>`
  );
  const ends = [...new Set([1, epochs])].map((epoch) =>
    `<text x="${x(epoch - 1)}" y="${height - 8}" text-anchor="middle">${epoch}</text>`
  );
  const legend = lines.map(({ name }, k) =>
    `<span style="color:${colors[k % colors.length]}">● ${escape(name)}</span>`
  );
  return `<figure><figcaption>${escape(title)}, by epoch: ${legend.join(" ")}</figcaption>` +
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" ` +
    `aria-label="${escape(title)}">` +
    `${ticks.join("")}${ends.join("")}${drawn.join("")}</svg></figure>`;
}
