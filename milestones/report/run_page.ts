/**
 * Runs a milestone's page as a program of its own, and reads the document that it prints.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Infer, Schema } from "./zod.ts";

/**
 * Runs a page with `--json`.
 *
 * @param page The page.
 * @param words Its command line.
 * @param schema What its document must be.
 * @returns The document; whether the run has passed stands in it.
 * @throws {Error} If it could not run, or printed something else.
 */
export function runPage<S extends Schema>(
  page: URL,
  words: readonly string[],
  schema: S,
): Infer<S> {
  const permissions = "Deno" in globalThis ? ["--v8-flags=--expose-gc", "-A"] : [];
  const args = ["run", ...permissions, fileURLToPath(page), ...words, "--json"];
  const { stdout, status } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  if (status === 0 || status === 1) return schema.parse(JSON.parse(stdout)) as Infer<S>;
  throw new Error(`Cannot measure ${words.join(" ")}: the page ended with ${status}`);
}
