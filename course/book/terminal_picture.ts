/**
 * Draws what `deno task tinydigits` prints as a picture for the README, from a real run:
 *
 *   deno run --allow-read --allow-write=course/book --allow-run --allow-env course/book/terminal_picture.ts
 *
 * It leaves out the column of times, so that the same code draws the same picture on any machine,
 * and shows the parts that a reader would look at first.
 *
 * @module
 */
import { join } from "@std/path";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { root } from "../content/course.ts";
import { escape } from "../escape.ts";
import { textRuns } from "./picture.ts";

/** Paragraphs of the output that are shown: each begins with this. */
const shown = [
  "Milestone 04",
  "An MLP sees",
  " +parameters +MACs",
  "\\d of the \\d+ digits",
  "  a 2, read as",
];

/** The size of a character, and the room around all of them. */
const width = 8.4, height = 19, margin = 20, bar = 34;

/** What a run prints. */
function output(): string {
  const args = ["task", "--quiet", "tinydigits"];
  const env = { ...process.env, COLUMNS: "80", NO_COLOR: "1" };
  const { stdout, status } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    env,
  });
  if (status === 0) return stdout;
  throw new Error(`Cannot draw tinydigits: it ended with exit code ${status}`);
}

/**
 * Chooses what is shown.
 *
 * @param text All that was printed.
 * @returns The lines of the picture.
 */
export function excerpt(text: string): string[] {
  const paragraphs = text.split("\n\n");
  const chosen = shown.map((start) => paragraphs.find((part) => RegExp(`^${start}`).test(part)));
  const lines = chosen.flatMap((part) => [...(part ?? "").trimEnd().split("\n"), ""]);
  return [
    "$ deno task tinydigits",
    "",
    ...lines.map((line) =>
      line.replace(/ {2}(?:training|[\d.]+ s)$/, "").replace(/^─+$/, (rule) => rule.slice(10))
    ),
  ].slice(0, -1);
}

/** Draws lines as a terminal would show them. */
export function draw(lines: readonly string[]): string {
  const columns = Math.max(...lines.map((line) => [...line].length));
  const w = Math.ceil(columns * width + 2 * margin), h = lines.length * height + bar + margin;
  const texts = lines.flatMap((line, row) =>
    textRuns(line).map(({ run, column }) => {
      const x = margin + column * width, y = bar + (row + 0.8) * height;
      const length = [...run].length * width;
      const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" textLength="${length.toFixed(1)}"`;
      return `<text ${place}>${escape(run)}</text>`;
    })
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" role="img" aria-label="A terminal: deno task tinydigits trains three networks and compares them">
<rect width="${w}" height="${h}" rx="8" fill="#1e1d1b"/>
${
    ["#e0695d", "#e3b341", "#6fb56a"].map((fill, k) =>
      `<circle cx="${20 + 20 * k}" cy="18" r="6" fill="${fill}"/>`
    ).join("\n")
  }
<g font-family="ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#e9e4da">
${texts.join("\n")}
</g>
</svg>
`;
}

if (import.meta.main) {
  writeFileSync(join(root, "course/book/tinydigits.svg"), draw(excerpt(output())));
  console.log("Drawn: course/book/tinydigits.svg");
}
