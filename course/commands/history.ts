/**
 * `deno task history [show ID [FILE] | restore ID]`: every state that was checked.
 *
 * @module
 */
import { UsageError } from "../arguments.ts";
import { runtime } from "./named.ts";
import { paint, say } from "./print.ts";
import { restore, snapshots, stateAt } from "./snapshots.ts";

/**
 * Lists the states, shows one, or brings one back.
 *
 * @param words What was typed after the command.
 * @returns The exit code.
 */
export function history([verb, id, file]: readonly string[]): number {
  const known = snapshots();
  if (verb === undefined) {
    if (known.length === 0) say("No history yet: it begins with the first check");
    for (const one of known) say(`${one.id}  ${one.reason.padEnd(16)}  ${one.files.join(", ")}`);
    return 0;
  }
  const snapshot = known.find((one) => one.id === id);
  if (!["show", "restore"].includes(verb) || !snapshot) {
    throw new UsageError(
      `Cannot ${verb} ${id ?? "nothing"}: no state of that name`,
      `list them: ${runtime} history`,
    );
  }
  if (verb === "restore") {
    const restored = restore(snapshot.id);
    say(restored.length === 0 ? "Nothing differs" : `Restored ${restored.join(", ")}`);
  } else {
    const state = stateAt(snapshot.id);
    for (const name of file ? [file] : snapshot.files) {
      say(paint("bold", `── ${name}`));
      say(state.get(name) ?? "(not there)");
    }
  }
  return 0;
}
