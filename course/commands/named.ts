/**
 * Finds the module or the task that was named on the command line.
 *
 * @module
 */
import process from "node:process";
import { UsageError } from "../arguments.ts";
import { type CourseModule, moduleOf, modules } from "../content/course.ts";
import { testsOf } from "../judge/check_module.ts";
import { isBegun } from "./workspace.ts";

/** How commands are typed here. */
export const runtime: string = process.versions.deno ? "deno task" : "bun run";

/** The module that a number or a task names. */
export function moduleNamed(text: string | undefined, what: string): CourseModule {
  const name = text === undefined ? undefined : asNamed(text), module = name && moduleOf(name);
  if (module) return module;
  const found = text === undefined ? "none was named" : `there is no "${text}"`;
  throw new UsageError(
    `Cannot ${what}: ${found}`,
    `modules are 01 to ${modules.at(-1)?.number}, tasks like 01.5`,
  );
}

/** What people write for a module or a task, as the course writes it: 5 → 05, 1.2 → 01.2. */
function asNamed(text: string): string | undefined {
  const [, module, task] = text.match(/^(\d{1,2})(?:_\w+)?(\.\d+)?$/) ?? [];
  return module === undefined ? undefined : `${module.padStart(2, "0")}${task ?? ""}`;
}

/** The task that was named, and its module. */
export async function taskNamed(
  text: string | undefined,
  what: string,
): Promise<[CourseModule, string]> {
  const module = moduleNamed(text, what), tasks = await tasksOf(module);
  const task = asNamed(text ?? "");
  if (task !== undefined && tasks.includes(task)) return [module, task];
  throw new UsageError(
    `Cannot ${what}: it needs a task, and there is no task "${text}"`,
    `tasks of ${module.number}: ${tasks[0]} to ${tasks.at(-1)}`,
  );
}

async function tasksOf(module: CourseModule): Promise<string[]> {
  return [...new Set((await testsOf(module)).map(({ task }) => task))];
}

/** Refuses to do something with a module that is not begun. */
export function requireBegun(module: CourseModule, what: string): void {
  if (isBegun(module)) return;
  throw new UsageError(
    `Cannot ${what} ${module.number}: you have not begun it`,
    `begin: ${runtime} start ${module.number}`,
  );
}
