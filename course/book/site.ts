/**
 * Puts the book together: which pages it has, how they are joined, and what can be found in them.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { existsSync } from "node:fs";
import { modules, read, root } from "../content/course.ts";
import { escape } from "../escape.ts";
import { type ModulePage, renderModule } from "./chapter.ts";
import { type Setting, type Target, toHtml } from "./markdown.ts";

/** A page, before it gets its frame. */
interface Page {
  /** "01_tensor.html" */
  readonly file: string;
  readonly title: string;
  readonly html: string;
  readonly targets: readonly Target[];
}

/** Files of the repository that are pages of the book. */
const pageOfFile: Readonly<Record<string, string>> = {
  "README.md": "index.html",
  "course/book/typescript.md": "typescript.html",
  "milestones/04_1998_cnn/README.md": "milestone_04.html",
  ...Object.fromEntries(
    modules.map(({ folder }) => [`modules/${folder}/answers.md`, "answers.html"]),
  ),
};

/**
 * Renders the book.
 *
 * @returns The text of each of its files, by name.
 */
export async function renderBook(): Promise<Map<string, string>> {
  const chapters: (ModulePage & Page & { folder: string })[] = [];
  for (const module of modules) {
    const file = `${module.folder}.html`, base = `modules/${module.folder}`;
    const setting = settingOf(base);
    const answers = `answers.html#answers-for-module-${module.number}`;
    const page = await renderModule(module, setting, answers);
    chapters.push({ ...page, file, targets: setting.targets, folder: module.folder });
  }
  const pages = [
    renderFront(chapters),
    ...chapters,
    renderText("milestone_04.html", "milestones/04_1998_cnn/README.md"),
    renderAnswers(),
    renderText("typescript.html", "course/book/typescript.md"),
  ];
  const all = [...pages, renderTerms(pages)];
  const files = new Map(all.map((page, k) => [page.file, frame(page, all, k)]));
  for (const name of ["style.css", "browser.js"]) {
    files.set(name, read(join(root, "course/book", name)));
  }
  return files.set("search_index.js", searchIndex(all));
}

// ── Pages ──

/** What rendering a text needs; links in it are relative to a folder of the repository. */
function settingOf(folder: string): Omit<Setting, "deeper"> & { targets: Target[] } {
  return { ids: new Set(["top", "search"]), targets: [], link: (href) => linkFrom(folder, href) };
}

/** Where a link of the repository leads in the book; null where the book has nothing. */
function linkFrom(folder: string, href: string): string | null {
  const [path, anchor] = href.split("#");
  if (path === "") return href;
  const file = join(folder, path).replaceAll("\\", "/").replace(/\/$/, "");
  const chapter = modules.find((module) => file.startsWith(`modules/${module.folder}`));
  const page = pageOfFile[file] ?? (chapter ? `${chapter.folder}.html` : null);
  return page && anchor && !chapter ? `${page}#${anchor}` : page;
}

/** A Markdown file as a page. */
function renderText(file: string, source: string): Page {
  const setting = settingOf(dirname(source)), text = read(join(root, source));
  return {
    file,
    title: titleOf(text),
    html: toHtml(text, { ...setting, deeper: 0 }),
    targets: setting.targets,
  };
}

function titleOf(text: string): string {
  return text.match(/^# (.*)$/m)?.[1] ?? "";
}

function renderAnswers(): Page {
  const setting = settingOf("modules");
  const parts = modules.map(({ folder }) => join(root, "modules", folder, "answers.md"))
    .filter((path) => existsSync(path)).map((path) =>
      toHtml(read(path), { ...setting, deeper: 1 })
    );
  const html = `<h1>Answers</h1>\n${parts.join("")}`;
  return { file: "answers.html", title: "Answers", html, targets: setting.targets };
}

function renderFront(chapters: readonly (ModulePage & Page)[]): Page {
  const setting = settingOf(""), inner = { ...setting, deeper: 0 };
  const [, introduction] = read(join(root, "README.md")).split(/\n\n/);
  const cards = chapters.map(({ file, title, summary, tasks, points }) => {
    const text = toHtml(summary, inner).replace(/<\/?a\b[^>]*>/g, "");
    return `<li><h2><a href="${file}">${escape(title)}</a></h2>${text}` +
      `<p class="place">${tasks.length} tasks, ${points} points</p></li>`;
  });
  const total = {
    tasks: chapters.reduce((sum, { tasks }) => sum + tasks.length, 0),
    points: chapters.reduce((sum, { points }) => sum + points, 0),
  };
  const html = `<h1>Kindling</h1>\n${toHtml(introduction, inner)}
<p>${modules.length} modules, ${total.tasks} tasks, ${total.points} points. Prose stands beside the code it
speaks of; hints and solutions are folded, so that none is read by accident. To write the code yourself,
run <code>deno task start</code>.</p>
<ol class="map">${cards.join("\n")}</ol>
<ul>
<li><a href="milestone_04.html">The milestone: 1998, the convolutional network</a></li>
<li><a href="answers.html">Answers to the questions</a></li>
<li><a href="typescript.html">TypeScript for people who come from Python</a></li>
<li><a href="terms.html">Terms and names</a></li>
</ul>`;
  return { file: "index.html", title: "Kindling", html, targets: setting.targets };
}

/** All terms and names in the order of the alphabet. */
function renderTerms(pages: readonly Page[]): Page {
  const entries = pages.flatMap(({ file, title, targets }) =>
    targets.filter(({ kind }) => kind !== "heading").map((target) => ({
      ...target,
      file,
      page: title,
    }))
  ).sort((a, b) => a.title.localeCompare(b.title, "en"));
  const letters = Map.groupBy(entries, ({ title }) => title[0].toUpperCase());
  const parts = [...letters].map(([letter, group]) => {
    const items = group.map(({ title, id, file, page, kind }) => {
      const word = kind === "name" ? `<code>${escape(title)}</code>` : escape(title);
      return `<li><a href="${file}#${id}">${word}</a> <span>${escape(page)}</span></li>`;
    });
    return `<h2>${escape(letter)}</h2><ul class="terms">${items.join("\n")}</ul>`;
  });
  const html = `<h1>Terms and names</h1>
<p>Terms lead to where they are introduced, names to where they are defined.</p>${
    parts.join("\n")
  }`;
  return { file: "terms.html", title: "Terms and names", html, targets: [] };
}

// ── What all pages have ──

/** What can be searched, as a script: pages that are files may not read other files. */
function searchIndex(pages: readonly Page[]): string {
  const entries = pages.flatMap(({ file, title, targets }) => [
    [title, file, ""],
    ...targets.map((target) => [target.title, `${file}#${target.id}`, title]),
  ]);
  return `globalThis.searchIndex = ${JSON.stringify(entries)};\n`;
}

function frame({ file, title, html }: Page, all: readonly Page[], at: number): string {
  const before = all[at - 1], after = all[at + 1];
  const step = (page: Page | undefined, rel: string, sign: string): string =>
    page
      ? `<a rel="${rel}" href="${page.file}">${sign} ${escape(page.title)}</a>`
      : "<span></span>";
  const contents = all.map((page) => {
    const here = page.file === file ? ' aria-current="page"' : "";
    return `<li><a href="${page.file}"${here}>${escape(page.title)}</a></li>`;
  });
  const heading = title === "Kindling" ? title : `${title} · Kindling`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${escape(heading)}</title>
<link rel="stylesheet" href="style.css">
<script defer src="search_index.js"></script>
<script defer src="browser.js"></script>
</head>
<body id="top">
<a class="skip" href="#content">Skip to the text</a>
<header>
<nav aria-label="Chapters"><details><summary>Contents</summary><ol>${
    contents.join("")
  }</ol></details></nav>
<form role="search" hidden><label for="search">Search</label>
<input id="search" type="search" autocomplete="off" aria-controls="found">
<ul id="found" aria-label="Found"></ul></form>
</header>
<main id="content">
${html}
</main>
<footer><nav aria-label="Next and previous chapter">${step(before, "prev", "←")}${
    step(after, "next", "→")
  }</nav></footer>
</body>
</html>
`;
}
