/**
 * What the course consists of: its modules, their files and their tasks, as they stand in the
 * repository.
 *
 * @module
 */
import { fromFileUrl, join, resolve } from "@std/path";
import { createHash } from "node:crypto";
import { filesIn, readText } from "../files.ts";
import { type Name, names } from "../names.ts";

/** The repository's folder. */
export const root: string = resolve(fromFileUrl(new URL("../../", import.meta.url)));

/** A module of the course. */
export interface CourseModule {
  /** "01" */
  readonly number: string;
  /** "01_tensor" */
  readonly folder: string;
  /** Its #names that learners write; the first is that of its main file. */
  readonly names: readonly Name[];
  /** Its files that learners write, each in a copy of their own: no tests, and none that is given. */
  readonly files: readonly string[];
  /** Its graded tests, relative to the repository. */
  readonly test: string;
}

/** The modules in the order of their numbers. */
export const modules: readonly CourseModule[] = readModules();

function readModules(): CourseModule[] {
  const written = names.filter(({ isGiven }) => !isGiven);
  return [...new Set(written.map(({ folder }) => folder))].sort().map((folder) => {
    const all = filesIn(join(root, "modules", folder), ".ts");
    const test = all.find((name) => name.endsWith("_test.ts"));
    const given = names.filter((one) => one.isGiven && one.folder === folder);
    const others = [test, ...given.map(({ file }) => file)];
    return {
      number: folder.slice(0, 2),
      folder,
      names: written.filter((one) => one.folder === folder),
      files: all.filter((name) => !others.includes(name)),
      test: `modules/${folder}/${test}`,
    };
  });
}

/** The module that a task or a number belongs to. */
export function moduleOf(taskOrNumber: string): CourseModule | undefined {
  return modules.find(({ number }) => number === taskOrNumber.slice(0, 2));
}

/** A file of the reference. */
export function reference(folder: string, file: string): string {
  return read(join(root, "modules", folder, file));
}

/** The hints of a task, in order. */
export function hintsOf({ folder }: CourseModule, task: string): string[] {
  const text = read(join(root, "modules", folder, "hints.md"));
  const section = text.split(/^## /m).find((part) => part.startsWith(`${task} `)) ?? "";
  return section.split(/^\d\. /m).slice(1).map((hint) => hint.trim().replace(/\s*\n\s*/g, " "));
}

/** A text, with line ends as we write them. */
export const read = readText;

/** What a text is recognised by, on every system. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex").slice(0, 16);
}
