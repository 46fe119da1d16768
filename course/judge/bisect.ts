/**
 * When something large fails, finds out which small part is to blame: the reference takes the place
 * of one module after the other, and then of one task after the other, until it passes.
 *
 * @module
 */
import { join } from "@std/path";
import { cpSync, existsSync, writeFileSync } from "node:fs";
import { type CourseModule, modules, read, reference } from "../content/course.ts";
import { findTasks, replaceBodies } from "../content/task_bodies.ts";
import { removeIfPossible } from "../files.ts";
import type { Owners } from "../names.ts";

/** Tries something with other owners; whether it passes. */
export type Trial = (owners: Owners) => Promise<boolean>;

/** What to look through. */
export interface Search {
  /** Whose modules fail. */
  readonly owners: Owners;
  /** Whether it passes with others. */
  readonly passes: Trial;
  /** A folder for changed copies. */
  readonly scratch: string;
  /** The task that is tested: of its module, only earlier tasks are replaced. */
  readonly tested?: { readonly module: CourseModule; readonly task: string };
}

/**
 * Finds the part whose replacement mends what fails.
 *
 * @param search What fails, and how to try.
 * @returns The module's folder and, if one alone is to blame, the task; nothing if no single module
 * mends it.
 */
export async function bisect(
  { owners, passes, scratch, tested }: Search,
): Promise<{ module: CourseModule; task?: string } | undefined> {
  for (const module of modules.filter(({ folder }) => owners.has(folder))) {
    const isTested = module === tested?.module, tasks = tasksIn(module);
    if (!isTested && !await passes(without(owners, module))) continue;
    for (const task of isTested ? tasks.slice(0, tasks.indexOf(tested.task)) : tasks) {
      const copy = join(scratch, "bisect", module.folder);
      if (!mend(module, task, { from: owners.get(module.folder) ?? "", to: copy })) continue;
      const mended = await passes(new Map([...owners, [module.folder, copy]]));
      removeIfPossible(copy);
      if (mended) return { module, task };
    }
    if (!isTested) return { module };
  }
  return undefined;
}

function without(owners: Owners, { folder }: CourseModule): Owners {
  return new Map([...owners].filter(([owned]) => owned !== folder));
}

function tasksIn(module: CourseModule): string[] {
  const sources = module.files.map((file) => reference(module.folder, file)).join("\n");
  const tasks = new Set([...sources.matchAll(/@task (\S+)/g)].map(([, task]) => task));
  return [...tasks].toSorted((a, b) => Number(a.slice(3)) - Number(b.slice(3)));
}

/** Copies a module, with the reference's bodies of one task; whether there was something to mend. */
function mend(
  module: CourseModule,
  task: string,
  { from, to }: { from: string; to: string },
): boolean {
  cpSync(from, to, { recursive: true });
  let mended = 0;
  for (const file of module.files.filter((file) => existsSync(join(to, file)))) {
    const source = read(join(to, file)), right = reference(module.folder, file);
    const solutions = findTasks(right).filter((body) => body.task === task);
    const bodies = findTasks(source).filter((body) => body.task === task);
    const changed = replaceBodies(source, bodies, (text, { name, start, end }) => {
      const solution = solutions.find((body) => body.name === name);
      return solution ? right.slice(solution.start, solution.end) : text.slice(start, end);
    });
    if (changed !== source) mended++;
    writeFileSync(join(to, file), changed);
  }
  if (mended === 0) removeIfPossible(to);
  return mended > 0;
}
