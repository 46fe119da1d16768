/**
 * What the course's own files are recognised by: its modules, its tests and what judges them.
 *
 *   deno task manifest     after changing one of them
 *
 * @module
 */
import { join } from "@std/path";
import { existsSync, writeFileSync } from "node:fs";
import { filesIn } from "../files.ts";
import { hashOf, modules, read, root } from "./course.ts";

const place = "course/content/manifest.json", path = join(root, place);

/** The hash of each file that a verdict rests on, as the files are now. */
export function hashesNow(): Record<string, string> {
  const course = ["", "/commands", "/content", "/grading", "/judge", "/sandbox"];
  const own = course.map((name) => `course${name}`);
  const folders = [...own, "tests/fixtures", ...modules.map(({ folder }) => `modules/${folder}`)];
  const files = folders.flatMap((folder) =>
    [...filesIn(join(root, folder), ".ts"), ...filesIn(join(root, folder), ".json")].sort()
      .map((name) => `${folder}/${name}`).filter((file) => file !== place)
  );
  return Object.fromEntries(files.map((file) => [file, hashOf(read(join(root, file)))]));
}

/** Files that are not as the course has them. */
export function editedFiles(): string[] {
  if (!existsSync(path)) return [place];
  const { files }: { files: Record<string, string> } = JSON.parse(read(path)), now = hashesNow();
  const all = [...new Set([...Object.keys(files), ...Object.keys(now)])];
  return all.filter((file) => files[file] !== now[file]);
}

if (import.meta.main) {
  writeFileSync(path, `${JSON.stringify({ version: 1, files: hashesNow() }, null, 2)}\n`);
}
