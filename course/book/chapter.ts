/**
 * Renders a module: its files in the order in which they are read, prose beside the code that it
 * speaks of, hints folded, and the solution of each task folded as well.
 *
 * @module
 */
import { type CourseModule, hintsOf } from "../content/course.ts";
import { todoBody } from "../content/stubs.ts";
import { replaceBodies, type TaskBody } from "../content/task_bodies.ts";
import { escape } from "../escape.ts";
import { testsOf } from "../judge/check_module.ts";
import type { GradedTest } from "../sandbox/graded.ts";
import { type DocComment, readDocComment } from "./doc_comment.ts";
import type { Piece } from "./literate.ts";
import { codeToHtml, idFor, type Setting, toHtml } from "./markdown.ts";
import { type Chapter, readModule } from "./reading.ts";

/** A module, ready to be put into a page. */
export interface ModulePage {
  /** "01 · Tensor" */
  readonly title: string;
  /** The first paragraph of its opening. */
  readonly summary: string;
  /** The page's main part. */
  readonly html: string;
  /** The numbers of its tasks. */
  readonly tasks: readonly string[];
  /** What its tests are worth. */
  readonly points: number;
}

/**
 * Renders a module.
 *
 * @param module Which.
 * @param setting Collects what may be pointed at, and knows where links lead.
 * @param answers Where the answers to its questions stand.
 * @returns Its page.
 */
export async function renderModule(
  module: CourseModule,
  setting: Omit<Setting, "deeper">,
  answers: string,
): Promise<ModulePage> {
  const { chapters, main } = readModule(module);
  const tests = await testsOf(module), page: Page = { module, setting, tests, shown: new Set() };
  const parts = chapters.map((chapter) => renderChapter(chapter, page, chapter === main));
  const questions = main.closing.includes("## To think about")
    ? `<p class="answers"><a href="${answers}">Answers to the questions</a></p>\n`
    : "";
  const closing = `<section>\n${toHtml(main.closing, { ...setting, deeper: 0 })}</section>\n`;
  return {
    title: main.heading,
    summary: main.opening.split("\n\n")[0].replace(/\s+/g, " "),
    html: `<h1>${escape(main.heading)}</h1>\n<section>\n${
      toHtml(withGlossary(main.opening), { ...setting, deeper: 0 })
    }</section>\n${parts.join("")}${closing}${questions}`,
    tasks: [...new Set(chapters.flatMap(({ tasks }) => tasks.map(({ task }) => task)))],
    points: tests.reduce((sum, { points }) => sum + points, 0),
  };
}

// ── A file ──

/** What its parts need to know of the page. */
interface Page {
  readonly module: CourseModule;
  readonly setting: Omit<Setting, "deeper">;
  readonly tests: readonly GradedTest[];
  /** Tasks whose hints were shown. */
  readonly shown: Set<string>;
}

function renderChapter(chapter: Chapter, page: Page, isMain: boolean): string {
  const { file, pieces } = chapter, { setting } = page;
  const topic = isMain ? "The chapter" : topicOf(chapter), id = idFor(file, setting.ids);
  setting.targets.push({ title: isMain ? file : `${topic} (${file})`, id, kind: "heading" });
  const heading = `<h2 id="${id}">${escape(topic)} <code>${file}</code></h2>\n`;
  const opening = isMain ? "" : toHtml(withGlossary(chapter.opening), { ...setting, deeper: 1 });
  const closing = isMain ? "" : toHtml(chapter.closing, { ...setting, deeper: 1 });
  const rows: string[] = [];
  let prose = "";
  for (const piece of pieces) {
    if (piece.kind === "section") prose += toHtml(piece.text, { ...setting, deeper: 1 });
    else if (piece.kind === "doc") prose += renderDoc(readDocComment(piece.text), page);
    else {
      rows.push(renderRow(prose, piece, chapter, page));
      prose = "";
    }
  }
  return `<section>\n${heading}${opening}${rows.join("")}${prose}${closing}</section>\n`;
}

/** "01 · Tensor: shapes" → "Shapes" */
function topicOf({ heading, file }: Chapter): string {
  const topic = heading.split(": ").at(-1) || file.replace(/\.ts$/, "").replaceAll("_", " ");
  return topic[0].toUpperCase() + topic.slice(1);
}

/** Prose, and at its side the code. */
function renderRow(prose: string, piece: Piece, chapter: Chapter, page: Page): string {
  const { source, tasks, file } = chapter, { module, setting } = page;
  const line = source.slice(0, source.indexOf(piece.text, piece.start)).split("\n").length;
  const place = `modules/${module.folder}/${file}, line ${line}`;
  const name = piece.text.match(
    /^export (?:abstract )?(?:async )?(?:function\*?|class|const|interface|type|let) (\w+)/,
  )?.[1];
  const id = idFor(name ?? `${file}-${line}`, setting.ids);
  if (name) setting.targets.push({ title: name, id, kind: "name" });
  const code = `<div class="code" id="${id}">${renderCode(piece, tasks, source)}` +
    `<p class="place">${place}</p></div>`;
  const isImports = prose === "" && /^import /.test(piece.text);
  const shown = isImports
    ? `<details class="imports"><summary>Imports</summary>${code}</details>`
    : code;
  return `<div class="row"><div class="prose">${prose}</div>${shown}</div>\n`;
}

/** Code as a learner gets it, and the reference's folded below. */
function renderCode(
  { text, start, end }: Piece,
  tasks: readonly TaskBody[],
  source: string,
): string {
  const own = tasks.filter((task) => task.start >= start && task.end <= end);
  if (own.length === 0) return codeToHtml(withoutIndent(text), "typescript");
  const offset = source.indexOf(text, start);
  const bodies = own.map((body) => ({
    ...body,
    start: body.start - offset,
    end: body.end - offset,
  }));
  const stub = replaceBodies(text, bodies, todoBody);
  return `${
    codeToHtml(withoutIndent(stub), "typescript")
  }<details class="solution"><summary>One solution of ${
    [...new Set(own.map(({ task }) => task))].join(", ")
  }</summary>${codeToHtml(withoutIndent(text), "typescript")}</details>`;
}

/** Methods stand at the edge of their column, like functions. */
function withoutIndent(code: string): string {
  const lines = code.split("\n"),
    indents = lines.filter((line) => line !== "").map((line) => line.search(/\S/));
  return lines.map((line) => line.slice(Math.min(indents[0], ...indents))).join("\n");
}

/** The short names that a file uses, "Throughout: a this · b that", as lists. */
function withGlossary(opening: string): string {
  const lists = /^(Throughout|From earlier modules): ([^]*?)(?=\n\n|$(?![^]))/gm;
  return opening.replace(lists, (_, title: string, names: string) => {
    const items = names.replace(/\s+/g, " ").split(" · ").map((name) => `<li>${escape(name)}</li>`);
    return `<p>${title}:</p>\n<ul class="glossary">${items.join("")}</ul>`;
  });
}

// ── A comment ──

function renderDoc({ text, tags }: DocComment, page: Page): string {
  const { setting } = page, inner = { ...setting, deeper: 2 };
  const all = (name: string): string[] =>
    tags.filter(({ tag }) => tag === name).map(({ text }) => text);
  const [task] = all("task");
  const parameters = all("param").map((text) =>
    text.match(/^(\w+) ?([^]*)$/)?.slice(1) ?? ["", text]
  );
  const facts = [
    ...parameters.map(([name, text]) => [`<code>${name}</code>`, text]),
    ...all("returns").map((text) => ["returns", text]),
    ...all("throws").map((text) => ["throws", text.replace(/^\{(\w+)\}/, "`$1`")]),
  ].map(([name, text]) => `<dt>${name}</dt><dd>${toHtml(text, inner)}</dd>`);
  const list = facts.length > 0 ? `<dl>${facts.join("")}</dl>` : "";
  const examples = all("example").map((example) => {
    const [title, ...rest] = example.split("\n");
    return `<div class="example"><p>${escape(title)}</p>${toHtml(rest.join("\n"), inner)}</div>`;
  });
  const help = task && !page.shown.has(task) ? renderTask(task, page) : "";
  return `${toHtml(text, inner)}${list}${examples.join("")}${help}`;
}

/** What is tested, and the hints. */
function renderTask(task: string, { module, setting, tests, shown }: Page): string {
  shown.add(task);
  const own = tests.filter((test) => test.task === task), inner = { ...setting, deeper: 3 };
  const points = own.reduce((sum, test) => sum + test.points, 0);
  const id = idFor(`task-${task}`, setting.ids);
  setting.targets.push({ title: `Task ${task}`, id, kind: "heading" });
  const sentences = own.map(({ sentence }) => `<li>${escape(sentence)}</li>`).join("");
  const hints = hintsOf(module, task).reduceRight(
    (later, hint, k) =>
      `<details><summary>Hint ${k + 1}</summary>${toHtml(hint, inner)}${later}</details>`,
    "",
  );
  return `<div class="task" id="${id}"><p><strong>Task ${task}</strong> · ${points} points</p>` +
    `<details><summary>What is tested</summary><ul>${sentences}</ul></details>${hints}</div>`;
}
