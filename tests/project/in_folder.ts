/**
 * A folder for the time of a test, or of all tests of a file.
 *
 * @module
 */
import { join } from "@std/path";
import { mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import process from "node:process";
import { removeIfPossible } from "../../course/files.ts";

/**
 * Makes an empty folder, does something with it, and removes it with all that is in it.
 *
 * @param body What to do; the folder stays until its promise is settled, if it gives one.
 * @returns What it gives.
 */
export function inFolder<T>(body: (folder: string) => T): T {
  const folder = makeFolder();
  const remove = (): boolean => removeIfPossible(folder);
  let result: T;
  try {
    result = body(folder);
  } catch (error) {
    remove();
    throw error;
  }
  if (result instanceof Promise) return result.finally(remove) as T;
  remove();
  return result;
}

/**
 * An empty folder for all tests of a file. It is removed with all that is in it when they have ended,
 * so ask for it where the file declares its tests.
 *
 * @returns Gives the folder; it is made when it is first asked for.
 */
export function folderOfFile(): () => string {
  let folder: string | undefined;
  afterFile(() => {
    if (folder) removeIfPossible(folder);
  });
  return () => folder ??= makeFolder();
}

/** Does something when all tests of the file have ended that is declaring them now. */
export function afterFile(what: () => void): void {
  // Each runtime has its own word for the end of a file's tests.
  const bun = process.versions.bun ? process.getBuiltinModule("bun:test") : undefined;
  if (bun) Object(bun).afterAll(what);
  else globalThis.addEventListener("unload", what);
}

function makeFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), "kindling-")));
}
