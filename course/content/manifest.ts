/**
 * What the course's own files are recognised by: its modules, its tests and what judges them.
 *
 *   deno run --allow-read --allow-write course/content/manifest.ts     after changing one of them
 *
 * @module
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hashOf, modules, read, root } from "./course.ts";

const path = join(root, "course/content/manifest.json");

/** The hash of each file that a verdict rests on, as the files are now. */
export function hashesNow(): Record<string, string> {
  const course = ["", "/commands", "/content", "/grading", "/judge", "/sandbox"];
  const own = course.map((name) => `course${name}`);
  const folders = [...own, "tests/fixtures", ...modules.map(({ folder }) => `modules/${folder}`)];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder)).filter((name) => /\.(ts|json)$/.test(name)).sort()
      .map((name) => `${folder}/${name}`)
  );
  return Object.fromEntries(files.map((file) => [file, hashOf(read(join(root, file)))]));
}

/** Files that are not as the course has them. */
export function editedFiles(): string[] {
  if (!existsSync(path)) return ["course/content/manifest.json"];
  const { files }: { files: Record<string, string> } = JSON.parse(read(path)), now = hashesNow();
  const all = [...new Set([...Object.keys(files), ...Object.keys(now)])];
  return all.filter((file) => files[file] !== now[file]);
}

if (import.meta.main) {
  writeFileSync(path, `${JSON.stringify({ version: 1, files: hashesNow() }, null, 2)}\n`);
}
