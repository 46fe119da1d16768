/**
 * What a module's tests run with, as text: the learner's files, the reference in the place of what is
 * not theirs, the tests, and what runs beside them. Nothing else is there.
 *
 * @module
 */
import { join } from "@std/path";
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { type CourseModule, modules, read, root } from "../content/course.ts";
import { type Owners, sandboxNames } from "../names.ts";
import type { Room } from "../sandbox/process.ts";

/**
 * Gathers it.
 *
 * @param module The module that is tested: there are no later ones.
 * @param owners Which modules are the learner's, and the folder of each.
 */
export function sandboxSources(module: CourseModule, owners: Owners): Room {
  const files: [string, string][] = [];
  for (const { number, folder, files: known } of modules) {
    if (number > module.number) break;
    const own = owners.get(folder);
    const found = own === undefined
      ? known.map((file) =>
        [`modules/${folder}/${file}`, ours(`modules/${folder}/${file}`)] as const
      )
      : [...filesIn(own)].map(([file, text]) => [`yours/${folder}/${file}`, text] as const);
    files.push(...found.map(([path, text]): [string, string] => [path, text]));
  }
  files.push([module.test, ours(module.test)]);
  return {
    files: Object.fromEntries(files),
    names: sandboxNames(module.folder, owners),
    test: module.test,
  };
}

const known = new Map<string, string>();

/** A file of the project, read once. */
function ours(path: string): string {
  const text = known.get(path) ?? read(join(root, path));
  known.set(path, text);
  return text;
}

/** The largest file that is taken for a chapter, in bytes. */
export const maxSize: number = 2 ** 20;

/** How many files a folder may hold, and how many bytes in all. */
const maxFiles = 40, maxTotal = 2 * maxSize;

/** The TypeScript files of a module in a folder, by name: the learner's own, too, but no tests. */
export function filesIn(folder: string): Map<string, string> {
  const names = readdirSync(folder, { withFileTypes: true }) // a link is no file
    .filter((entry) => entry.isFile() && /^[\w.-]+(?<!_test)\.ts$/.test(entry.name))
    .map(({ name }) => name).sort();
  const found = new Map<string, string>();
  let left = maxTotal;
  for (const name of names) {
    const { size } = lstatSync(join(folder, name));
    if (size > Math.min(left, maxSize) || found.size === maxFiles) continue;
    left -= size;
    found.set(name, read(join(folder, name)));
  }
  return found;
}

/** Copies the files of a module. */
export function copyFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const [file, text] of filesIn(from)) writeFileSync(join(to, file), text);
}
