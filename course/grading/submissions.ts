/**
 * Finds out what is to be graded: where the workspace is in each folder that was named, and what to
 * call it. What cannot be graded is a submission too, with a sentence that says why.
 *
 * @module
 */
import { basename, dirname, join, resolve } from "@std/path";
import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { modules } from "../content/course.ts";
import { printable } from "../printable.ts";

/** One of those that are to be graded. */
export interface Submission {
  /** What it is called in every table: safe to print, and no other has it. */
  readonly name: string;
  /** The folder of its files below --out: a name that every system can have. */
  readonly file: string;
  /** Where the modules are; nothing if they cannot be found. */
  readonly workspace?: string;
  /** Why it cannot be graded. */
  readonly problem?: string;
  /** What else should be known of it. */
  readonly notices: readonly string[];
}

/** How deep below a named folder a workspace is looked for, and in how many folders. */
export const maxDepth = 3, maxFolders = 1000;

/** A folder whose own entry is larger, in bytes, holds more than 20,000 names and is not read. */
const maxEntry = 2 ** 20;

/** What systems put beside the files of people. */
const byTheWay = /^(\.|__MACOSX$|Thumbs\.db$|desktop\.ini$|node_modules$)/i;

/**
 * Looks at all that was named.
 *
 * @param paths Folders; what a system puts beside them is left out.
 * @returns Each with a name of its own, in the same order.
 */
export function findSubmissions(paths: readonly string[]): Submission[] {
  const kept = paths.filter((path) => !isByTheWay(path));
  const plain = kept.map((path) => beginning(printable(nameOf(path)), 100));
  const names = distinct(plain, []), files = distinct(names.map(fileNameOf), ["grades.csv"]);
  return kept.map((path, at) => {
    const alike = plain.filter((name) => folded(name) === folded(plain[at])).length > 1;
    const notices = alike
      ? [`several are called ${plain[at]}: this one is ${printable(path)}`]
      : [];
    return { name: names[at], file: files[at], notices, ...workspaceIn(path) };
  });
}

/** A hidden file, or one that a system makes; a folder is left out only if its name says so. */
function isByTheWay(path: string): boolean {
  const name = basename(resolve(path));
  if (!byTheWay.test(name)) return false;
  return !name.startsWith(".") ||
    lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

// ── Names ──

/** The folder around the workspace. */
function nameOf(path: string): string {
  const full = resolve(path), name = basename(full);
  return (name === "workspace" ? basename(dirname(full)) : name) || "submission";
}

/** The first characters; none of them is cut in halves. */
function beginning(text: string, most: number): string {
  return [...text].slice(0, most).join("");
}

/** Numbers names that some system would take for another: ada, ADA 2. */
function distinct(names: readonly string[], taken: readonly string[]): string[] {
  const used = new Set(taken);
  return names.map((name) => {
    let own = name;
    for (let k = 2; used.has(folded(own)); k++) own = `${name} ${k}`;
    used.add(folded(own));
    return own;
  });
}

/** Two names that are one to Windows or macOS. */
function folded(name: string): string {
  return name.normalize("NFKC").toUpperCase().toLowerCase();
}

/** Names that Windows keeps for devices, whatever follows the dot. */
const reserved = /^(con|prn|aux|nul|com\d|lpt\d|com[¹²³]|lpt[¹²³]|conin\$|conout\$) *(\.|$)/i;

/** A name that every file system can have. */
function fileNameOf(name: string): string {
  const clean = beginning(name.replace(/[\\/:*?"<>|]/g, "_"), 60).replace(/^[. ]+|[. ]+$/g, "_");
  return reserved.test(clean) ? `_${clean}` : clean;
}

// ── Workspaces ──

/** What is in a folder, each with its type. */
export function entriesOf(folder: string): Dirent[] {
  if (lstatSync(folder).size > maxEntry) throw new RangeError("it holds too many files to look at");
  return readdirSync(folder, { withFileTypes: true });
}

function workspaceIn(path: string): Pick<Submission, "workspace" | "problem"> {
  const top = resolve(path);
  try {
    const found = lstatSync(top, { throwIfNoEntry: false });
    if (!found) return { problem: missing(top) };
    if (found.isSymbolicLink()) {
      return { problem: "it is a link: name the folder that it leads to" };
    }
    if (!found.isDirectory()) return { problem: "it is not a folder; an archive must be unpacked" };
    const all = workspacesBelow(top);
    const [workspace, ...others] = all;
    if (workspace === undefined) {
      const wanted = `no folder such as ${modules[0].folder}`;
      return { problem: `it holds no workspace: ${wanted} down to ${maxDepth} folders deep` };
    }
    if (others.length === 0) return { workspace };
    const places = all.slice(0, 4).map((folder) => printable(folder.slice(top.length + 1) || "."));
    return { problem: `it holds several workspaces, name the right one: ${places.join(", ")}` };
  } catch (error) {
    return { problem: sentenceOf(error) };
  }
}

/** A name that is not UTF-8 comes with a sign in the place of what it is. */
function missing(path: string): string {
  return path.includes("\ufffd")
    ? "its name is not valid UTF-8: rename the folder"
    : "there is no such folder";
}

/** What went wrong, on one line. */
export function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return printable(text.split("\n")[0]).slice(0, 300);
}

/** The folders in a folder, but for those that systems make. */
function foldersIn(folder: string): string[] {
  const folders = entriesOf(folder).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => name).filter((name) => !byTheWay.test(name));
}

/** The folders that hold modules: those called workspace if there are any. */
function workspacesBelow(top: string): string[] {
  const found: string[] = [];
  let level = [top], looked = 0, unread: unknown;
  for (let depth = 0; depth <= maxDepth; depth++) {
    const next: string[] = [];
    for (const folder of level) {
      if (++looked > maxFolders) throw new RangeError(`it holds more than ${maxFolders} folders`);
      let inner: string[] = [];
      try {
        inner = foldersIn(folder);
      } catch (error) { // it may not be the one that is looked for
        unread ??= error;
      }
      if (inner.some(isModule)) found.push(folder);
      next.push(...inner.filter((name) => !isModule(name)).map((name) => join(folder, name)));
    }
    level = next;
  }
  if (found.length === 0 && unread !== undefined) throw unread;
  const named = found.filter((folder) => folder === top || basename(folder) === "workspace");
  if (named.length > 0) return named;
  return found.filter((folder) => basename(folder) !== "modules"); // the reference, in a whole project
}

function isModule(name: string): boolean {
  return modules.some(({ folder }) => folder === name);
}
