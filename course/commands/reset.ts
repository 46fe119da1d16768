/**
 * `deno task reset NN[.t]`: makes a module or a task a stub again.
 *
 * @module
 */
import { join } from "@std/path";
import { writeText } from "../files.ts";
import { moduleNamed, requireBegun, runtime, taskNamed } from "./named.ts";
import { say } from "./print.ts";
import { snapshots, takeSnapshot } from "./snapshots.ts";
import { begin, folderOf, openWorkspace, resetTask, stubOf } from "./workspace.ts";

/**
 * Begins a module or a task again; what was there stays in the history.
 *
 * @param what Which.
 * @returns The exit code.
 */
export async function reset(what: string | undefined): Promise<number> {
  const module = moduleNamed(what, "reset");
  requireBegun(module, "reset");
  const task = what?.includes(".") ? (await taskNamed(what, "reset"))[1] : undefined;
  openWorkspace();
  const id = takeSnapshot(`before reset ${what}`) ?? snapshots().at(-1)?.id;
  if (task) resetTask(module, task);
  else {
    for (const file of module.files) {
      writeText(join(folderOf(module), file), stubOf(module, file));
    }
    begin(module);
  }
  const named = task ?? module.number;
  takeSnapshot(`reset ${named}`);
  say(`${named} is as it was at the start. What you had: ${runtime} history restore ${id}`);
  return 0;
}
