/**
 * Every state of the learner's files that was ever checked, reset or restored. A snapshot holds the
 * files that differ from the one before.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { modules, read } from "../content/course.ts";
import { filesOf, isBegun, kept, workspace } from "./workspace.ts";

const folder = join(kept, "history");

/** Where a snapshot keeps a file. */
export function placeOf(id: string, file: string): string {
  return join(folder, id, file);
}

/** A state of the workspace. */
export interface Snapshot {
  /** "2026-11-23T13-05-07.123": names sort by time. */
  readonly id: string;
  /** What was done then. */
  readonly reason: string;
  /** The files that had changed: "01_tensor/shape.ts". */
  readonly files: readonly string[];
}

/** All snapshots, the oldest first. */
export function snapshots(): Snapshot[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).sort().map((id) => {
    const names = readdirSync(join(folder, id), { recursive: true, encoding: "utf8" });
    const files = names.filter((name) => name.endsWith(".ts")).sort();
    const reason = existsSync(join(folder, id, "reason")) ? read(join(folder, id, "reason")) : "";
    return { id, reason, files: files.map((name) => name.replaceAll("\\", "/")) };
  });
}

/** The files as they were at a snapshot. */
export function stateAt(id: string): Map<string, string> {
  const state = new Map<string, string>();
  for (const one of snapshots().filter((one) => one.id <= id)) {
    for (const file of one.files) state.set(file, read(join(folder, one.id, file)));
  }
  return state;
}

/** The newest state that this process knows, so that a check need not read all of history. */
let newest: { readonly id: string | undefined; readonly state: Map<string, string> } | undefined;

/** The newest state: it is read again if another command has added to history, or it was deleted. */
function newestState(): Map<string, string> {
  const id = existsSync(folder) ? readdirSync(folder).sort().at(-1) : undefined;
  if (!newest || newest.id !== id) newest = { id, state: stateAt("~") };
  return newest.state;
}

/** Takes a snapshot of what has changed since the last one; gives its name if something has. */
export function takeSnapshot(reason: string, now = new Date()): string | undefined {
  const before = newestState();
  const files = modules.filter(isBegun).flatMap((module) =>
    [...filesOf(module)].map(([name, text]) => [`${module.folder}/${name}`, text] as const)
  );
  const changed = files.filter(([name, text]) => before.get(name) !== text);
  if (changed.length === 0) return undefined;
  const id = now.toISOString().replaceAll(":", "-").replace("Z", "");
  for (const [name, text] of changed) {
    mkdirSync(dirname(join(folder, id, name)), { recursive: true });
    writeFileSync(join(folder, id, name), text);
    before.set(name, text);
  }
  writeFileSync(join(folder, id, "reason"), reason);
  newest = { id, state: before };
  return id;
}

/** Brings a state back; what is there now is kept as a snapshot of its own. */
export function restore(id: string): string[] {
  takeSnapshot(`before restoring ${id}`);
  const restored: string[] = [];
  for (const [file, text] of stateAt(id)) {
    const path = join(workspace, file);
    if (existsSync(path) && read(path) === text) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    restored.push(file);
  }
  return restored;
}
