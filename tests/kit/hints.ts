/**
 * Reads a module's hints: three for each task, from the idea to almost the code.
 *
 * @module
 */
import { join } from "node:path";
import { type CourseModule, read, root } from "./course.ts";

/** The hints of a task, in order. */
export function hintsOf({ folder }: CourseModule, task: string): string[] {
  const text = read(join(root, "modules", folder, "hints.md"));
  const section = text.split(/^## /m).find((part) => part.startsWith(`${task} `)) ?? "";
  return section.split(/^\d\. /m).slice(1).map((hint) => hint.trim().replace(/\s*\n\s*/g, " "));
}
