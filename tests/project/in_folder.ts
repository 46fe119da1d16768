/**
 * A folder for the time of a test.
 *
 * @module
 */
import { join } from "@std/path";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";

/**
 * Makes an empty folder, does something with it, and removes it with all that is in it.
 *
 * @param body What to do.
 * @returns What it gives.
 */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "kindling-"));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
