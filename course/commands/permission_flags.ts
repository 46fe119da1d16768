/**
 * Deno's permission flags for paths. A comma in a flag begins the next path, and nothing escapes it;
 * so paths are written from the folder where the program runs, and most commas are in the part that
 * is left out.
 *
 * @module
 */
import { join, relative } from "@std/path";
import { sep } from "node:path";

/**
 * Writes a flag.
 *
 * @param kind What is allowed: read, write, env, net, …
 * @param list The paths, whole ones, or the names.
 * @param from The folder that the program will run in.
 * @returns The flag. Where a comma is left in a path, it allows the folder above that.
 */
export function permissionFlag(kind: string, list: readonly string[], from: string): string {
  const isPath = kind === "read" || kind === "write";
  return `--allow-${kind}=${(isPath ? list.map((path) => pathIn(path, from)) : list).join()}`;
}

function pathIn(path: string, from: string): string {
  const parts = relative(from, path).split(sep);
  const comma = parts.findIndex((part) => part.includes(","));
  return join(".", ...(comma < 0 ? parts : parts.slice(0, comma)));
}
