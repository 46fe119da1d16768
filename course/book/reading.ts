/**
 * A module as it is read: its files in order, each taken apart.
 *
 * @module
 */
import { join } from "@std/path";
import { readdirSync } from "node:fs";
import { type CourseModule, reference, root } from "../content/course.ts";
import { findTasks, type TaskBody } from "../content/task_bodies.ts";
import { readDocComment } from "./doc_comment.ts";
import { type Piece, readPieces } from "./literate.ts";

/** A file of a module, taken apart. */
export interface Chapter {
  /** "shape.ts" */
  readonly file: string;
  /** All of it. */
  readonly source: string;
  /** What stands between its opening and its closing. */
  readonly pieces: readonly Piece[];
  /** What is to be written in it. */
  readonly tasks: readonly TaskBody[];
  /** "01 · Tensor: shapes"; nothing if it has none. */
  readonly heading: string;
  /** What its first comment says, without the heading. */
  readonly opening: string;
  /** What stands after all code. */
  readonly closing: string;
}

/**
 * Reads a module.
 *
 * @param module Which.
 * @returns Its files in the order in which they are read, and the main one, whose opening is that of
 * the module and whose closing comes last of all.
 */
export function readModule(module: CourseModule): { chapters: Chapter[]; main: Chapter } {
  const chapters = filesOf(module).map((file) => readChapter(module, file));
  const [{ file: mainFile }] = module.names;
  const main = chapters.find(({ file }) => file === mainFile) ?? chapters[0];
  chapters.sort((a, b) => placeOf(a, main) - placeOf(b, main));
  return { chapters, main };
}

/** All its files but tests: those that learners write, and those that are given. */
function filesOf({ folder, files }: CourseModule): string[] {
  const all = readdirSync(join(root, "modules", folder)).sort();
  const given = all.filter((name) => /(?<!_test)\.ts$/.test(name) && !files.includes(name));
  return [...files, ...given];
}

function readChapter({ folder }: CourseModule, file: string): Chapter {
  const source = reference(folder, file), pieces = readPieces(source);
  const { text } = readDocComment(pieces[0].text), [heading, ...opening] = text.split("\n");
  const isTitled = heading.startsWith("# ");
  const isClosed = pieces.length > 1 && pieces[pieces.length - 1].kind === "doc";
  return {
    file,
    source,
    pieces: isClosed ? pieces.slice(1, -1) : pieces.slice(1),
    tasks: findTasks(source),
    heading: isTitled ? heading.slice(2) : "",
    opening: (isTitled ? opening : [heading, ...opening]).join("\n").trim(),
    closing: isClosed ? pieces[pieces.length - 1].text : "",
  };
}

/** The first task's number; files without tasks follow, but a main one without any comes first. */
function placeOf({ tasks, file }: Chapter, main: Chapter): number {
  const numbers = tasks.map(({ task }) => Number(task.slice(3)));
  if (numbers.length > 0) return Math.min(...numbers);
  return file === main.file ? 0 : Infinity;
}
