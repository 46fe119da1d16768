/**
 * Notices which modules of the workspace have changed. Events of a file system get lost on too many
 * of them, so the files are looked at; and two saves within one tick of its clock may have the same
 * time and size, so what was saved just now is read.
 *
 * @module
 */
import { join } from "@std/path";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { type CourseModule, modules } from "../content/course.ts";
import { folderOf } from "./workspace.ts";

/** How long after a save another one may show the same time, in milliseconds: FAT counts in twos. */
const coarsestClock = 2000;

/** A file as it was seen last. */
interface Seen {
  readonly stamp: string;
  /** When it was read, in milliseconds. */
  readonly readAt: number;
  readonly text: string;
}

/** The learner's files, as they were when somebody looked. */
export class WatchedFiles {
  readonly #seen = new Map<CourseModule, Map<string, Seen>>();

  /** Looks at all files; from here on changes count. */
  constructor() {
    this.changed();
  }

  /** The modules whose files differ from those of the last look: another text, one more or one less. */
  changed(): CourseModule[] {
    return modules.filter((module) => {
      const before = this.#seen.get(module), now = look(folderOf(module), before);
      if (!now) return false;
      this.#seen.set(module, now);
      return now.size !== (before?.size ?? 0) ||
        [...now].some(([name, { text }]) => before?.get(name)?.text !== text);
    });
  }
}

/** The files of a folder; nothing while an editor is just replacing one. */
function look(
  folder: string,
  before: ReadonlyMap<string, Seen> | undefined,
): Map<string, Seen> | undefined {
  const seen = new Map<string, Seen>();
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const path = join(folder, entry.name), { mtimeMs, ctimeMs, ino, size } = statSync(path);
      const stamp = `${mtimeMs} ${ctimeMs} ${ino} ${size}`, known = before?.get(entry.name);
      const isSame = known?.stamp === stamp && known.readAt - mtimeMs > coarsestClock;
      const readAt = Date.now();
      seen.set(entry.name, isSame ? known : { stamp, readAt, text: readFileSync(path, "utf8") });
    }
  } catch (error) {
    if (before === undefined && isMissing(error)) return seen;
    return undefined;
  }
  return seen;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
