/**
 * Where to look in a learner's files when a test fails.
 *
 * @module
 */
import { join } from "@std/path";
import { existsSync } from "node:fs";
import { type CourseModule, read, reference, root } from "../content/course.ts";
import { findTasks, type TaskBody } from "../content/task_bodies.ts";
import { placeOfFrame } from "../sandbox/places.ts";

/** What is looked for. */
export interface Wanted {
  readonly task: string;
  /** Texts that may name the function in question, the surest first: a task may have several. */
  readonly words?: readonly string[];
  /** The stack of what was thrown, and what stands in it before a file of the module. */
  readonly thrown?: { readonly stack: string; readonly inside: string };
  /** Whether it is not written yet. */
  readonly isTodo?: boolean;
}

/**
 * Finds the line to look at: where it was thrown, if that is in a body that the learner writes, or
 * else where the task stands.
 *
 * @param module The module.
 * @param own The folder of the learner's files.
 * @param wanted What is looked for.
 * @returns "workspace/01_tensor/shape.ts:12"; nothing if the task is nowhere.
 */
export function placeOf(module: CourseModule, own: string, wanted: Wanted): string | undefined {
  const { task, words = [], thrown } = wanted;
  const found = thrownIn(module, own, task, thrown) ?? taskLine(module, own, wanted, words);
  return found && `${shown(own)}/${found.file}:${found.line}`;
}

/** Where a task stands in a folder of module files. */
export function taskPlace(module: CourseModule, own: string, task: string): string | undefined {
  return placeOf(module, own, { task, isTodo: true }) ?? placeOf(module, own, { task });
}

/** A path as a learner types it: from the repository on. */
export function shown(path: string): string {
  return path.startsWith(root) ? path.slice(root.length + 1).replaceAll("\\", "/") : path;
}

interface Line {
  readonly file: string;
  readonly line: number;
}

function filesOf({ files }: CourseModule, own: string): [file: string, source: string][] {
  return files.filter((file) => existsSync(join(own, file)))
    .map((file) => [file, read(join(own, file))]);
}

/**
 * The frame in the task's own bodies. What another part throws that is given, or belongs to another
 * task, is for the task to mend: a rule that returned a wrong shape is not on the stack any more.
 */
function thrownIn(
  module: CourseModule,
  own: string,
  task: string,
  thrown: Wanted["thrown"],
): Line | undefined {
  if (!thrown) return undefined;
  const frames = thrown.stack.split("\n").map(placeOfFrame).flatMap((place) => {
    const file = place?.file.split(thrown.inside)[1];
    return place && file !== undefined ? [{ file, line: place.line }] : [];
  });
  const sources = new Map(filesOf(module, own));
  const bodies = new Map([...sources].map(([file, source]) => [file, bodiesIn(source)]));
  const isIn = ({ file, line }: Line, holds: (body: TaskBody) => boolean): boolean =>
    (bodies.get(file) ?? []).some((body) =>
      holds(body) && body.line <= line && line <= lineAt(sources.get(file) ?? "", body.end)
    );
  return frames.find((frame) => isIn(frame, (body) => body.task === task)) ??
    frames.find(({ file }) => bodies.get(file)?.length === 0); // declared in another form
}

function bodiesIn(source: string): TaskBody[] {
  try {
    return findTasks(source);
  } catch {
    return []; // it does not parse, or is declared in another form
  }
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split("\n").length;
}

/** The line of a task in whatever form it is declared. */
function taskLine(
  module: CourseModule,
  own: string,
  { task, isTodo }: Wanted,
  words: readonly string[],
): Line | undefined {
  const candidates = filesOf(module, own).flatMap(([file, source]) =>
    isTodo ? todosIn(file, source, task) : declarationsIn(file, source, task)
  );
  const named = words.flatMap((text) => candidates.filter(({ name }) => isNamed(name, text)))[0] ??
    words.flatMap((text) => candidates.filter(({ name }) => isNamed(`${name}\\w*`, text)))[0] ??
    candidates[0];
  if (named || isTodo) return named;
  const names = module.files.flatMap((file) => bodiesIn(reference(module.folder, file)))
    .filter((body) => body.task === task).map(({ name }) => name);
  for (const [file, source] of filesOf(module, own)) {
    for (const name of names) {
      const at = source.search(declaring(name));
      if (at >= 0) return { file, line: lineAt(source, at + source.slice(at).search(/\S/)) };
    }
  }
  return undefined;
}

/** What a message may call a function: `a.div(b)`, "div()", "the rule for div". */
function isNamed(name: string, text: string): boolean {
  return new RegExp(`(?<![\\w$])${name.replace(/[$#[\].]/g, "\\$&")}(?![\\w$])`).test(text);
}

interface Named extends Line {
  readonly name: string;
}

function todosIn(file: string, source: string, task: string): Named[] {
  return [...source.matchAll(/TodoError\("(\S+) ([\w$#.]*)/g)].flatMap((found) =>
    found[1] === task
      ? [{ file, name: found[2].split(".").at(-1) ?? "", line: lineAt(source, found.index) }]
      : []
  );
}

/** What stands below the comments that name the task. */
function declarationsIn(file: string, source: string, task: string): Named[] {
  const marked = new RegExp(`@task ${task.replace(".", "\\.")}\\b[^]*?\\*/\\s*`, "g");
  return [...source.matchAll(marked)].map((found) => {
    const at = found.index + found[0].length;
    const [, name = ""] = source.slice(at).match(
      /^(?:(?:export|async|static|override|private|get|set|function|const|let)\b[ *]*|\*)*([\w$#]+)/,
    ) ?? [];
    return { file, name, line: lineAt(source, at) };
  });
}

/** A function, a constant, a method or an entry of a table of that name. */
function declaring(name: string): RegExp {
  const safe = name.replace(/[$#[\].]/g, "\\$&");
  return new RegExp(
    `^[ \\t]*(?:(?:export|async|static|override)\\s+)*` +
      `(?:(?:function\\*?|const|let)\\s+${safe}\\b|${safe}\\s*(?:\\(|:))`,
    "m",
  );
}
