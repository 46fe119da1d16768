/**
 * A folder for the time of a test.
 *
 * @module
 */
import { join } from "@std/path";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

/**
 * Makes an empty folder, does something with it, and removes it with all that is in it.
 *
 * @param body What to do; the folder stays until its promise is settled, if it gives one.
 * @returns What it gives.
 */
export function inFolder<T>(body: (folder: string) => T): T {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kindling-")));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
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
