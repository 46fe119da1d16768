/**
 * Makes the cells of a Jupyter notebook from a module: prose becomes Markdown, examples become code,
 * and so does each task: its cell tests what stands in the learner's file.
 *
 * @module
 */
import { type CourseModule, hintsOf } from "../content/course.ts";
import { todoBody } from "../content/stubs.ts";
import type { TaskBody } from "../content/task_bodies.ts";
import { type DocComment, readDocComment } from "./doc_comment.ts";
import { type Chapter, readModule } from "./reading.ts";

/** Prose or code of a notebook, as nbformat 4.5 has it. */
export interface Cell {
  /** What it is. */
  readonly cell_type: "markdown" | "code";
  /** Its text. */
  readonly source: string;
  /** Nothing is said about it. */
  readonly metadata: Readonly<Record<string, never>>;
  /** Of code: how often it was run. */
  readonly execution_count?: null;
  /** Of code: what it printed. */
  readonly outputs?: readonly never[];
}

/** What the first cell of code holds. */
const helpers = `/** Tests a task on what stands in your files now. */
async function check(task: string): Promise<void> {
  const args = ["task", "--quiet", "check", task];
  const command = new Deno.Command(Deno.execPath(), { args, cwd: "..", env: { NO_COLOR: "1" } });
  const { stdout, stderr } = await command.output();
  for (const bytes of [stdout, stderr]) console.log(new TextDecoder().decode(bytes).trimEnd());
}`;

const introduction =
  `You write in the files of this module, in the folder beside this notebook. Cells with \`check()\` ` +
  `test what you saved last. The other ones show the chapter on your code; they see it as it was when ` +
  `they first ran: restart the kernel after a change. What is not written yet says so when it is run.`;

/**
 * Makes the cells of a module.
 *
 * @param module Which.
 * @returns The cells, in the order of reading.
 */
export function cellsOf(module: CourseModule): Cell[] {
  const { chapters, main } = readModule(module), shown = new Set<string>();
  return [
    prose(`# ${main.heading}\n\n${introduction}`),
    code(helpers),
    ...cellsOfText(main.opening),
    ...chapters.flatMap((chapter) => [
      ...cellsOfText(`## \`${module.folder}/${chapter.file}\``),
      ...(chapter === main ? [] : cellsOfText(chapter.opening)),
      ...cellsOfChapter(chapter, module, shown),
      ...(chapter === main ? [] : cellsOfText(chapter.closing)),
    ]),
    ...cellsOfText(main.closing),
  ];
}

function cellsOfChapter(chapter: Chapter, module: CourseModule, shown: Set<string>): Cell[] {
  const { pieces, tasks, source } = chapter;
  return pieces.flatMap((piece): Cell[] => {
    if (piece.kind === "section") return cellsOfText(piece.text);
    if (piece.kind === "doc") return cellsOfDoc(readDocComment(piece.text));
    const own = tasks.filter(({ start, end }) => start >= piece.start && end <= piece.end);
    return own.flatMap((body) => {
      const isFirst = !shown.has(body.task);
      shown.add(body.task);
      return cellsOfTask(body, source, module, isFirst);
    });
  });
}

/** What is said of something, and its examples. */
function cellsOfDoc({ text, tags }: DocComment): Cell[] {
  const facts = tags.flatMap(({ tag, text }) => {
    if (tag === "param") return `- ${text.replace(/^(\w+)/, "`$1`")}`;
    if (tag === "returns") return `- returns: ${text}`;
    return tag === "throws" ? `- throws ${text.replace(/^\{(\w+)\}/, "`$1`")}` : [];
  });
  const examples = tags.filter(({ tag }) => tag === "example").map(({ text }) =>
    text.replace(/^(.+)\n/, "*$1*\n\n")
  );
  return [...cellsOfText(`${text}\n\n${facts.join("\n")}`), ...examples.flatMap(cellsOfText)];
}

/** Where to write, the hints folded, and the test. */
function cellsOfTask(
  body: TaskBody,
  source: string,
  module: CourseModule,
  isFirst: boolean,
): Cell[] {
  const { task, start } = body, head = source.lastIndexOf("\n\n", start) + 2;
  const from = Math.max(head, source.lastIndexOf("*/\n", start) + 3);
  const stub = "```ts\n" + source.slice(from, start) + todoBody(source, body) + "\n```";
  const hints = hintsOf(module, task).map((hint, k) =>
    `<details><summary>Hint ${k + 1}</summary>\n\n${hint}\n\n</details>`
  );
  const text = `### Task ${task}\n\n${stub}`;
  if (!isFirst) return [prose(text)];
  return [prose(`${text}\n\n${hints.join("\n\n")}`), code(`await check("${task}");`)];
}

/** Prose, with its blocks of code as cells of their own, and its figures as they are drawn. */
function cellsOfText(text: string): Cell[] {
  return text.split(/^```ts\n([^]*?)^```$/m).flatMap((part, k) => {
    // the workspace may be older than the table that has kindling/tensor next to #tensor
    if (k % 2 === 1) return [code(inBlock(part.trim().replace(/"kindling\/(\w+)"/g, '"#$1"')))];
    const markdown = part.replace(
      /(?<=\n\n)(?: {2,}\S.*\n?|\n(?= {2,}\S))+/g,
      (figure) => "```text\n" + figure.trimEnd() + "\n```\n",
    ).trim();
    return markdown === "" ? [] : [prose(markdown)];
  });
}

/** An example with its names to itself: cells of a notebook share theirs, and each comes once. */
function inBlock(example: string): string {
  const [imports] = example.match(/^(?:import [^;]*;\n*)*/) ?? [""];
  const body = example.slice(imports.length).replace(/^(?=.)/gm, "  ");
  return body === "" ? imports.trim() : `${imports}{\n${body}\n}`;
}

function prose(source: string): Cell {
  return { cell_type: "markdown", metadata: {}, source };
}

function code(source: string): Cell {
  return { cell_type: "code", metadata: {}, source, execution_count: null, outputs: [] };
}
