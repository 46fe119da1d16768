/**
 * Every state of the learner's files that was ever checked, reset or restored. A snapshot holds the
 * files that differ from the one before.
 *
 * @module
 */
import { join } from "@std/path";
import { existsSync, renameSync } from "node:fs";
import process from "node:process";
import { type CourseModule, modules, read } from "../content/course.ts";
import {
  cannotWrite,
  filesIn,
  foldersIn,
  removeIfPossible,
  writeText,
  writeWhole,
} from "../files.ts";
import { filesOf, isBegun, kept, missingFiles, workspace } from "./workspace.ts";

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

/** The names of all snapshots, the oldest first. A folder that is still being written is none. */
function names(): string[] {
  return foldersIn(folder).filter((name) =>
    /^\d{4}-\d\d-\d\dT[\d.-]+$/.test(name) && existsSync(join(folder, name, "reason"))
  );
}

/** All snapshots, the oldest first. */
export function snapshots(): Snapshot[] {
  return names().map((id) => {
    const files = foldersIn(join(folder, id)).flatMap((module) =>
      filesIn(join(folder, id, module), ".ts").map((name) => `${module}/${name}`)
    );
    const reason = existsSync(join(folder, id, "reason")) ? read(join(folder, id, "reason")) : "";
    return { id, reason, files };
  });
}

/** The files as they were at a snapshot. */
export function stateAt(id: string): Map<string, string> {
  return stateOf(snapshots().filter((one) => one.id <= id));
}

/** The files as they were before a snapshot. */
export function stateBefore(id: string): Map<string, string> {
  return stateOf(snapshots().filter((one) => one.id < id));
}

function stateOf(all: readonly Snapshot[]): Map<string, string> {
  const state = new Map<string, string>();
  for (const one of all) {
    for (const file of one.files) state.set(file, read(join(folder, one.id, file)));
  }
  return state;
}

/** The newest state that this process knows, so that a check need not read all of history. */
let newest: { readonly id: string | undefined; readonly state: Map<string, string> } | undefined;

/** The newest state: it is read again if another command has added to history, or it was deleted. */
function newestState(): Map<string, string> {
  const id = names().at(-1);
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
  const id = writeSnapshot(freeName(now), reason, changed);
  newest = { id, state: new Map([...before, ...changed]) };
  return id;
}

/** A name that no other command has taken in the same millisecond. */
function freeName(now: Date): string {
  const name = now.toISOString().replaceAll(":", "-").replace("Z", "");
  return existsSync(join(folder, name)) ? freeName(new Date(now.getTime() + 1)) : name;
}

/** Writes a snapshot as a whole or not at all. */
function writeSnapshot(
  id: string,
  reason: string,
  files: readonly (readonly [name: string, text: string])[],
): string {
  const beside = join(folder, `${id}.${process.pid}.part`);
  try {
    for (const [name, text] of files) writeWhole(join(beside, name), text, folder);
    writeWhole(join(beside, "reason"), reason, folder);
    renameSync(beside, join(folder, id));
  } catch (error) {
    removeIfPossible(beside);
    throw cannotWrite(folder, error);
  }
  return id;
}

/** Puts back files of a begun module that are missing, as they were when they were last checked. */
export function putBack(module: CourseModule): string[] {
  const state = newestState();
  return missingFiles(module).filter((file) => {
    const text = state.get(`${module.folder}/${file}`);
    if (text !== undefined) writeText(join(workspace, module.folder, file), text);
    return text !== undefined;
  });
}

/** Brings a state back; what is there now is kept as a snapshot of its own. */
export function restore(id: string): string[] {
  takeSnapshot(`before restoring ${id}`);
  const restored: string[] = [];
  for (const [file, text] of stateAt(id)) {
    const path = join(workspace, file);
    if (existsSync(path) && read(path) === text) continue;
    writeText(path, text);
    restored.push(file);
  }
  return restored;
}
