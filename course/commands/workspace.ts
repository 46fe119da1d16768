/**
 * The learner's folder. A module that was begun is a folder of stubs and given files; each other one
 * is a line that stands for the reference, so that every #name leads somewhere.
 *
 * @module
 */
import { join } from "@std/path";
import { existsSync, statSync } from "node:fs";
import { type CourseModule, hashOf, modules, read, reference, root } from "../content/course.ts";
import { makeStub, todoBody, todoFile } from "../content/stubs.ts";
import { findTasks, replaceBodies, type TaskBody } from "../content/task_bodies.ts";
import { filesIn, foldersIn, removeIfPossible, writeText, writeWhole } from "../files.ts";
import { standIn, workspaceConfig } from "../names.ts";

/** Where learners work. */
export const workspace: string = join(root, "workspace");

/** Where names lead there: the editor reads it, and the check of types. */
export const nameTable: string = join(workspace, "deno.json");

/** What the commands keep there; it may be deleted. */
export const kept: string = join(workspace, ".kindling");

/** Where a module's files are. */
export function folderOf({ folder }: CourseModule): string {
  return join(workspace, folder);
}

/** What a file begins with that only stands for the reference. */
export const shimMark = "// Not begun: the reference stands here.\n";

/** Whether a file only stands for the reference, or was cut off when it was to begin so. */
function isShim(text: string): boolean {
  return text.startsWith(shimMark) || shimMark.startsWith(text);
}

/** Whether a module was begun: it has other files than those that stand for the reference. */
export function isBegun(module: CourseModule): boolean {
  const folder = folderOf(module);
  return filesIn(folder, ".ts").some((name) => !isShim(read(join(folder, name))));
}

/** Makes what is missing in the workspace. Nothing that learners wrote is changed. */
export function openWorkspace(): void {
  sweep();
  writeMissing(join(workspace, ".gitignore"), ".kindling/\n");
  const settings = `${JSON.stringify(workspaceConfig(), null, 2)}\n`;
  if (!existsSync(nameTable) || read(nameTable) !== settings) writeWhole(nameTable, settings);
  for (const module of modules.filter((module) => !isBegun(module))) writeShims(module);
}

function writeMissing(path: string, text: string): void {
  if (!existsSync(path)) writeWhole(path, text);
}

function writeShims(module: CourseModule): void {
  for (const name of module.names) {
    const path = join(folderOf(module), name.file), text = shimMark + standIn(name);
    const there = filesOf(module).get(name.file);
    if (there === undefined || (there !== text && isShim(there))) writeWhole(path, text);
  }
}

/** After what time nobody uses what a command wrote beside a place, in milliseconds. */
const oldAge = 3_600_000;

/** Removes what killed commands have left: halves of files, and copies that were tried. */
function sweep(): void {
  for (const folder of [workspace, kept, join(kept, "history"), ...modules.map(folderOf)]) {
    const left = [...filesIn(folder, ".part"), ...foldersIn(folder).filter((n) => isLeft.test(n))];
    for (const path of left.map((name) => join(folder, name))) {
      const found = statSync(path, { throwIfNoEntry: false });
      if (found && Date.now() - found.mtimeMs > oldAge) removeIfPossible(path);
    }
  }
}

const isLeft = /\.part$|^scratch-/;

/** Gives something a folder of its own, and removes it after, or leaves that to a later start. */
export async function inScratch<T>(what: (folder: string) => Promise<T>): Promise<T> {
  const folder = join(kept, `scratch-${crypto.randomUUID()}`);
  try {
    return await what(folder);
  } finally {
    removeIfPossible(folder);
  }
}

/** Files that a begun module must have and has not. */
export function missingFiles(module: CourseModule): string[] {
  const found = filesOf(module);
  return isBegun(module)
    ? module.files.filter((file) => found.get(file)?.startsWith(shimMark) !== false)
    : [];
}

/**
 * Puts the stubs of a module into the workspace. A file that was begun is not touched, unless only the
 * beginning of its stub is there: a command was stopped while it wrote it.
 */
export function begin(module: CourseModule): void {
  const found = filesOf(module);
  for (const file of [...module.files, todoFile.name]) {
    const there = found.get(file);
    const text = file === todoFile.name ? todoFile.source : stubOf(module, file);
    if (there?.startsWith(shimMark) === false && !text.startsWith(there)) continue;
    if (there === text) continue;
    writeWhole(join(folderOf(module), file), text);
  }
}

/** The stub of a file, as the course has it now. */
export function stubOf(module: CourseModule, file: string): string {
  return makeStub(reference(module.folder, file));
}

/** The learner's files of a module, by name. */
export function filesOf(module: CourseModule): Map<string, string> {
  const folder = folderOf(module);
  return new Map(filesIn(folder, ".ts").map((name) => [name, read(join(folder, name))]));
}

/** What tells whether a module has changed. */
export function hashOfModule(module: CourseModule): string {
  return hashOf([...filesOf(module)].flat().join("\0"));
}

/** Text that stands for a body, and the file that it stands in. */
export interface Written {
  readonly file: string;
  readonly body: TaskBody;
  readonly text: string;
}

/** The bodies of a task in files by name. */
export function bodiesOf(files: ReadonlyMap<string, string>, task: string): Written[] {
  return [...files].flatMap(([file, source]) => {
    if (!source.includes(`@task ${task}`)) return [];
    return findTasks(source).filter((body) => body.task === task)
      .map((body) => ({ file, body, text: source.slice(body.start, body.end) }));
  });
}

/** The bodies of a task in the reference. */
export function solutionOf(module: CourseModule, task: string): Written[] {
  const files = module.files.map((file) => [file, reference(module.folder, file)] as const);
  return bodiesOf(new Map(files), task);
}

/**
 * Empties the bodies of a task again, in the learner's files.
 *
 * @throws {SyntaxError} If a file is too broken to find the bodies in it.
 */
export function resetTask(module: CourseModule, task: string): void {
  begin(module); // a file that is gone comes back
  for (const [file, source] of filesOf(module)) {
    const bodies = source.includes(`@task ${task}`)
      ? findTasks(source).filter((body) => body.task === task)
      : [];
    if (bodies.length === 0) continue;
    writeText(join(folderOf(module), file), replaceBodies(source, bodies, todoBody));
  }
}
