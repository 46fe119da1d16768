/**
 * The folder that a module's tests run in: the learner's files, the reference in the place of what is
 * not theirs, the tests, and a table of names that says which is which. Nothing else is there.
 *
 * @module
 */
import { join } from "@std/path";
import { cpSync, lstatSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type CourseModule, modules, read, root } from "../content/course.ts";
import { todoFile } from "../content/stubs.ts";
import { type Owners, sandboxPackage } from "../names.ts";

/**
 * Makes the folder.
 *
 * @param folder Where; what was there before is replaced.
 * @param module The module that is tested: there are no later ones.
 * @param owners Which modules are the learner's, and the folder that each is copied from.
 */
export function makeSandboxFolder(folder: string, module: CourseModule, owners: Owners): void {
  rmSync(join(folder, "modules"), { recursive: true, force: true });
  rmSync(join(folder, "yours"), { recursive: true, force: true });
  const beside = join("course", "sandbox");
  mkdirSync(join(folder, beside), { recursive: true });
  for (const file of sandboxFiles()) cpSync(join(root, beside, file), join(folder, beside, file));
  for (const one of modules.filter(({ number }) => number <= module.number)) {
    const own = owners.get(one.folder), place = own === undefined ? "modules" : "yours";
    copyFiles(one, own ?? join(root, "modules", one.folder), join(folder, place, one.folder));
  }
  mkdirSync(join(folder, "modules", module.folder), { recursive: true });
  cpSync(join(root, module.test), join(folder, module.test));
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ nodeModulesDir: "none", lock: false }));
  const settings = sandboxPackage(module.folder, owners);
  writeFileSync(join(folder, "package.json"), JSON.stringify(settings));
}

/** What runs beside a learner's code: all of the folder, but what runs the tests without a sandbox. */
function sandboxFiles(): string[] {
  return readdirSync(join(root, "course", "sandbox")).filter((name) =>
    name.endsWith(".ts") && name !== "strict.ts"
  );
}

/** The largest file that is taken for a chapter, in bytes. */
const maxSize = 2 ** 20;

/** Copies the files that the course knows, as far as they are there. A link is no file. */
export function copyFiles({ files }: CourseModule, from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const file of [...files, todoFile.name]) {
    const found = lstatSync(join(from, file), { throwIfNoEntry: false });
    if (!found?.isFile() || found.size > maxSize) continue;
    writeFileSync(join(to, file), read(join(from, file)));
  }
}
