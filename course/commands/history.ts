/**
 * `deno task history [show ID [FILE] | restore ID]`: every state that was checked.
 *
 * @module
 */
import { UsageError } from "../arguments.ts";
import { lineDiff } from "../content/line_diff.ts";
import { runtime } from "./named.ts";
import { paint, say, sayLines } from "./print.ts";
import { restore, snapshots, stateAt, stateBefore } from "./snapshots.ts";

/**
 * Lists the states, shows what changed in one or a file of it, or brings one back.
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
    const state = stateAt(snapshot.id), before = stateBefore(snapshot.id);
    if (file !== undefined) {
      say(state.get(file) ?? `${file} was not there`);
      return 0;
    }
    for (const name of snapshot.files) {
      const old = before.get(name), now = state.get(name) ?? "";
      say(paint("bold", old === undefined ? `── ${name} is new` : `── ${name}`));
      if (old !== undefined) sayLines(lineDiff(old, now).map(coloured));
    }
  }
  return 0;
}

/** A line of a difference as it is shown. */
function coloured(line: string): string {
  if (line.startsWith("+")) return paint("green", line);
  return line.startsWith("-") ? paint("red", line) : paint("dim", line);
}
