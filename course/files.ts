/**
 * Reading folders and texts that people edit, and writing files so that nobody ever finds half of one.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import {
  type Dirent,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { UsageError } from "./arguments.ts";

// ── Folders ──

/**
 * The files of a folder, in order. Links, folders and hidden files are left out: editors keep locks
 * and copies there, whatever their names end with.
 *
 * @param folder Where to look.
 * @param ending What their names end with.
 * @returns Their names; none if there is no such folder.
 */
export function filesIn(folder: string, ending: string): string[] {
  return entriesOf(folder)
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending) && !entry.name.startsWith("."))
    .map(({ name }) => name).sort();
}

/** The folders in a folder, in order, as `filesIn` finds files. */
export function foldersIn(folder: string): string[] {
  return entriesOf(folder)
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name).sort();
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return [];
    throw error;
  }
}

// ── Texts ──

/**
 * Reads a text, with line ends as we write them.
 *
 * @param path Where it is.
 * @throws {UsageError} If it is in UTF-16, as some editors save it.
 */
export function readText(path: string): string {
  const bytes = readFileSync(path);
  const [first, second] = bytes; // a mark at the start, or letters with a 0 beside them
  if (first === 0xff && second === 0xfe || first === 0xfe && second === 0xff || second === 0) {
    throw new UsageError(`Cannot read ${path}: it is in UTF-16`, "save it as UTF-8 in your editor");
  }
  return new TextDecoder().decode(bytes).replaceAll("\r\n", "\n");
}

/** Writes a text with the line ends that the file has already, if there is one. */
export function writeText(path: string, text: string): void {
  writeWhole(path, hasWindowsLines(path) ? text.replaceAll("\n", "\r\n") : text);
}

function hasWindowsLines(path: string): boolean {
  try {
    return readFileSync(path, "utf8").includes("\r\n");
  } catch {
    return false; // nothing is there yet
  }
}

// ── Writing and removing ──

/**
 * Writes a file as a whole or not at all: beside the place, and then renamed. Its folder is made if
 * it is missing.
 *
 * @param path Where to.
 * @param text What.
 * @param named What to call it if it cannot be written.
 * @throws {UsageError} If it cannot be written, with the reason.
 */
export function writeWhole(path: string, text: string, named: string = path): void {
  const beside = `${path}.${process.pid}.part`;
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(beside, text, { flush: true });
    renameSync(beside, path);
  } catch (error) {
    removeIfPossible(beside);
    throw cannotWrite(named, error);
  }
}

/** Removes a folder or a file with all that is in it; false if the system holds on to it. */
export function removeIfPossible(path: string): boolean {
  try {
    unlinkSync(path); // most are files
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return true;
  }
  try {
    rmSync(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 });
    return true;
  } catch {
    return false; // an editor or a virus scanner has it open, which Windows does not allow
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "your share of the disk is used up",
  EROFS: "this disk can only be read",
  EACCES: "you may not write there",
  EPERM: "you may not write there",
  EISDIR: "a folder is in its place",
  ENOTDIR: "a file is in the place of its folder",
  EEXIST: "a file is in the place of its folder",
  ENOENT: "a folder on the way is missing, or a link there leads nowhere",
  ENAMETOOLONG: "its path is too long for this system",
};

/** What to say of a file that cannot be written, from what the system threw. */
export function cannotWrite(path: string, error: unknown): UsageError {
  if (error instanceof UsageError) return error;
  const code = codeOf(error), reason = reasons[code ?? ""] ?? `the system says ${code ?? error}`;
  const here = join(process.cwd(), "/"),
    near = path.startsWith(here) ? path.slice(here.length) : path;
  return new UsageError(`Cannot write ${near}: ${reason}`, "what was there is unchanged");
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

// ── One at a time ──

/** How long one command waits for others, in milliseconds: each needs a few. */
const patience = 5000;

/**
 * Does something while no other command does the same.
 *
 * The lock is one of the system's, through SQLite: the system lets go of it when its owner dies,
 * however it dies. Where none can be had, such as on a full disk, it goes without.
 *
 * @param lock The lock's file: it is made, and stays.
 * @param what What to do.
 * @returns What it gives.
 */
export function oneAtATime<T>(lock: string, what: () => T): T {
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dirname(lock), { recursive: true });
    database = new DatabaseSync(lock);
    database.exec(`PRAGMA busy_timeout = ${patience}; BEGIN EXCLUSIVE`);
  } catch { /* what is written will say what is wrong */ }
  try {
    return what();
  } finally {
    database?.close();
  }
}
