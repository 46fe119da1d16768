/**
 * Changed programs to be graded: single bugs, or right programs written otherwise.
 *
 * @module
 */
import { join } from "@std/path";
import { readFileSync } from "node:fs";
import { type CourseModule, moduleOf, read, root } from "../../course/content/course.ts";
import { findTasks, replaceBodies } from "../../course/content/task_bodies.ts";
import { type Mutant, withBug } from "./mutants.ts";

/** A module with a change in it. */
export interface Program {
  readonly id: string;
  readonly module: CourseModule;
  /** The task that the change is in: "01.5". */
  readonly task: string;
  /** What is changed, in words. */
  readonly bug: string;
  /** The files that are changed, each with its new text. */
  readonly files: ReadonlyMap<string, string>;
  /** Words of which the first message must hold one, if they are known. */
  readonly named?: string;
}

/** A bug of the table, seeded into its module. */
export function programOf(mutant: Mutant, id: string): Program {
  const [task, name, bug, find, , named] = mutant, module = moduleFor(task);
  const files = new Map<string, string>();
  for (const file of module.files) {
    const source = read(join(root, "modules", module.folder, file));
    const whole = source.includes(find) ? [{ start: 0, end: source.length }] : [];
    const bodies = name === ""
      ? whole
      : findTasks(source).filter((body) => body.task === task && body.name === name);
    if (bodies.length === 0) continue;
    if (bodies.length > 1 || files.size > 0) throw new Error(`${task} ${name} is found twice`);
    files.set(
      file,
      replaceBodies(
        source,
        bodies,
        (source, { start, end }) => withBug(mutant, source.slice(start, end)),
      ),
    );
  }
  if (files.size !== 1) throw new Error(`${task} ${name} is not found`);
  return { id, module, task, bug: `${name}() ${bug}`, files, named };
}

/** An entry of a file of programs: each edit replaces the first of its kind. */
interface Entry {
  readonly id: string;
  readonly module: string;
  readonly task: string;
  readonly bug: string;
  readonly edits: readonly {
    readonly file: string;
    readonly find: string;
    readonly replace: string;
  }[];
}

/**
 * Reads programs from a JSON file: a list of `{ id, module, task, bug, edits: [{ file, find, replace
 * }] }`.
 *
 * @param path The file.
 * @returns The programs, and the ids of those whose edits do not fit the modules of today.
 */
export function readPrograms(path: string): { programs: Program[]; stale: string[] } {
  const entries: readonly Entry[] = JSON.parse(readFileSync(path, "utf8"));
  const programs: Program[] = [], stale: string[] = [];
  for (const { id, module: number, task, bug, edits } of entries) {
    const module = moduleFor(number), files = new Map<string, string>();
    const fits = edits.every(({ file, find, replace }) => {
      const source = files.get(file) ?? read(join(root, "modules", module.folder, file));
      files.set(file, source.replace(find, () => replace));
      return source.includes(find);
    });
    if (fits) programs.push({ id, module, task, bug, files });
    else stale.push(id);
  }
  return { programs, stale };
}

/** Reads the bugs of which only the points are looked at, as `readPrograms` reads others. */
export function readBugs(): { programs: Program[]; stale: string[] } {
  const path = join(root, "tests", "mutants", "more_bugs.json");
  const bugs: readonly [string, string, string, string, string][] = JSON.parse(
    readFileSync(path, "utf8"),
  );
  const programs: Program[] = [], stale: string[] = [];
  for (const [k, [task, body, bug, find, replace]] of bugs.entries()) {
    try {
      const { named: _, ...program } = programOf([task, body, bug, find, replace, ""], `+${k}`);
      programs.push(program);
    } catch (error) {
      stale.push(`${task} ${body} ${bug}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { programs, stale };
}

function moduleFor(task: string): CourseModule {
  const module = moduleOf(task);
  if (!module) throw new Error(`There is no module of ${task}`);
  return module;
}
