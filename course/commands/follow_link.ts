/**
 * Goes on where a link leads: the workspace may lie on another disk, or in a synchronised folder.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { lstatSync, realpathSync } from "node:fs";
import process from "node:process";
import { permissionFlag } from "./permission_flags.ts";
import { run } from "./run_program.ts";

const workspace = join(fromFileUrl(new URL("../../", import.meta.url)), "workspace");

/** Where the workspace is, if it is a link. */
function target(): string | undefined {
  if (!lstatSync(workspace, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
  try {
    return realpathSync(workspace);
  } catch {
    return undefined; // it leads nowhere: whoever writes there will say so
  }
}

/** What Deno lets a command of the course do: the tasks of deno.json say the same. */
export function launcherFlags(): string[] {
  const write = permissionFlag("write", [target() ?? workspace], process.cwd());
  return ["--allow-read", write, "--allow-env", "--allow-run"];
}

/**
 * Starts this command again if the workspace is a link: tasks may write into the folder of that name,
 * and Deno asks where a link leads. It ends as that ends; without a link, nothing happens.
 */
export async function followLink(): Promise<void> {
  if (!process.versions.deno || target() === undefined || process.env.KINDLING_LINK) return;
  process.env.KINDLING_LINK = "followed";
  const [, program, ...args] = process.argv;
  process.exit(await run(["run", ...launcherFlags(), program, ...args]));
}
