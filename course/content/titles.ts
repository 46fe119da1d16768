/**
 * What the tasks are called: the section of the chapter that each stands in.
 *
 * @module
 */
import { type CourseModule, reference } from "./course.ts";

/**
 * The titles of a module's tasks.
 *
 * @param module The module.
 * @returns By task, in the order of the numbers: "01.3" → "Broadcasting".
 */
export function titlesOf(module: CourseModule): Map<string, string> {
  const found: [string, string][] = [];
  for (const file of module.files) {
    let title = "";
    for (const line of reference(module.folder, file).split("\n")) {
      title = line.match(/^ *\/\/ ── [\d.]+ (.*) ──$/)?.[1] ?? title;
      const task = line.match(/^ *\/?\*+ @task (\d\d\.\d+)/)?.[1];
      if (task !== undefined) found.push([task, title]);
    }
  }
  return new Map(found.toSorted(([a], [b]) => Number(a.slice(3)) - Number(b.slice(3))));
}
