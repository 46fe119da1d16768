/**
 * Grades workspaces:
 *
 *   deno task grade submissions/* --emit gradescope,csv --out grades --seed "spring 1"
 *
 * @module
 */
import { basename, dirname, join, resolve } from "@std/path";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import process from "node:process";
import { readArguments, UsageError } from "../arguments.ts";
import { pointsOf, say } from "../commands/print.ts";
import { shimMark, workspace } from "../commands/workspace.ts";
import { type CourseModule, modules, read } from "../content/course.ts";
import { editedFiles } from "../content/manifest.ts";
import { todoFile } from "../content/stubs.ts";
import { checkModule, type Result, testsOf } from "../judge/check_module.ts";
import { copyFiles } from "../judge/sandbox_sources.ts";
import { requireRuntime } from "../runtime.ts";
import { csv, emit, type Emitted, type Format, formatNames, type Graded } from "./emit.ts";

const help = `Grades workspaces: deno task grade [DIR …] [options]

  DIR             a workspace, or a folder that holds one (by default: workspace)
  --emit LIST     formats to write, of ${formatNames.join(", ")}
  --out DIR       where to (by default: grades)
  --seed TEXT     where random cases come from (by default: drawn, and written down)
  --jobs N        how many are graded at the same time (by default: half of the cores)`;

interface Options {
  readonly folders: readonly string[];
  readonly formats: readonly Format[];
  readonly out: string;
  readonly seed: string;
  readonly jobs: number;
}

function readOptions(args: readonly string[]): Options | null {
  const flags = readArguments(args, ["help"], ["emit", "out", "seed", "jobs"], {
    words: Infinity,
    refuse: ([word]) =>
      new UsageError(`Cannot use ${word}: there is no such option`, "see: --help"),
  });
  if (flags.help) return null;
  const { emit = "", out = "grades", seed = randomUUID().slice(0, 8), jobs } = flags;
  const names = emit.split(",").filter((name) => name !== "");
  const formats = formatNames.filter((name) => names.includes(name));
  const odd = names.find((name) => !formatNames.some((known) => known === name));
  if (odd !== undefined) {
    throw new UsageError(`Cannot emit ${odd}: formats are ${formatNames.join(", ")}`);
  }
  if (jobs !== undefined && !/^[1-9]\d?$/.test(jobs)) {
    throw new UsageError(`Cannot run ${jobs} jobs: it must be a whole number from 1 to 99`);
  }
  const folders = flags.words.length > 0 ? flags.words : [workspace];
  return {
    folders: folders.map((folder) => workspaceIn(resolve(folder))),
    formats,
    out: resolve(out),
    seed,
    jobs: Number(jobs ?? Math.max(1, Math.floor(availableParallelism() / 2))),
  };
}

/** A folder itself, or the workspace in it. */
function workspaceIn(folder: string): string {
  if (!existsSync(folder)) throw new UsageError(`Cannot grade ${folder}: there is no such folder`);
  const inner = join(folder, "workspace");
  if (isRealFolder(inner)) return inner;
  if (modules.some((module) => existsSync(join(folder, module.folder)))) return folder;
  throw new UsageError(
    `Cannot grade ${folder}: it holds no workspace, and no folder such as ${modules[0].folder}`,
  );
}

/** Whether there is a folder, and not a link to one: it could lead to the reference. */
function isRealFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** What to call a submission: the folder around its workspace. */
function nameOf(folder: string): string {
  return basename(basename(folder) === "workspace" ? dirname(folder) : folder);
}

/** Grades one workspace; `onResult` is told all results so far, after each. */
async function grade(
  { folder, name, seed }: { folder: string; name: string; seed: string },
  onResult: (graded: Graded) => void,
): Promise<Graded> {
  const started = performance.now(), scratch = realpathSync(mkdtempSync(join(tmpdir(), "grade-")));
  const tests = await Promise.all(modules.map((module) => notRun(module)));
  const byModule = new Map(modules.map((module, k) => [module, tests[k]]));
  const notices = strangersIn(folder), complete = new Map<string, string>();
  onResult(soFar());
  try {
    for (const module of modules) {
      const own = join(scratch, "submitted", module.folder);
      if (!isBegunIn(folder, module)) continue;
      copyFiles(join(folder, module.folder), own);
      const owners = new Map([...complete, [module.folder, own]]), done: Result[] = [];
      const results = await checkModule(module, {
        owners,
        seed,
        fresh: true,
        onResult: (result) => {
          done.push(result);
          byModule.set(module, [...done, ...(byModule.get(module) ?? []).slice(done.length)]);
          onResult(soFar());
        },
      });
      byModule.set(module, results);
      if (results.every(({ status }) => status === "passed")) complete.set(module.folder, own);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return soFar();

  function soFar(): Graded {
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    return { name, seed, results: [...byModule.values()].flat(), notices, seconds };
  }
}

/** The tests of a module that nobody has begun, or that have not run yet. */
async function notRun(module: CourseModule): Promise<Result[]> {
  return (await testsOf(module)).map(({ task, sentence, points, file, line }) => ({
    task,
    sentence,
    points,
    earned: 0,
    status: "missing",
    message: "The module was not begun, or the grader did not come this far",
    test: `${file}:${line}`,
    place: module.folder,
    output: "",
    ms: 0,
  }));
}

function isBegunIn(folder: string, module: CourseModule): boolean {
  if (!isRealFolder(join(folder, module.folder))) return false;
  return module.files.some((file) => {
    const path = join(folder, module.folder, file);
    return lstatSync(path, { throwIfNoEntry: false })?.isFile() && !read(path).startsWith(shimMark);
  });
}

/** Files that are not part of a submission: they are left where they are, and that is said. */
function strangersIn(folder: string): string[] {
  return modules.filter(({ folder: name }) => isRealFolder(join(folder, name))).flatMap((module) =>
    readdirSync(join(folder, module.folder))
      .filter((name) =>
        name !== todoFile.name && !module.files.includes(name) ||
        lstatSync(join(folder, module.folder, name)).isSymbolicLink()
      )
      .map((name) => `${module.folder}/${name} is no file of the course and was not used`)
  );
}

/** Writes a file as a whole, so that nobody reads half of it. */
function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}

async function gradeAll({ folders, formats, out, seed, jobs }: Options): Promise<number> {
  for (const file of editedFiles()) say(`Notice: ${file} is not as the course has it`);
  say(`Random cases come from --seed ${JSON.stringify(seed)}`);
  const names = folders.map(nameOf), all: Graded[] = [], waiting = [...folders.entries()];
  names.forEach((name, at) => { // several may be called alike
    if (names.indexOf(name) < at) names[at] = `${name} ${at + 1}`;
  });
  await Promise.all(Array.from({ length: Math.min(jobs, folders.length) }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [at, folder] = next;
      const graded = await grade({ folder, name: names[at], seed }, (graded) => {
        emitted("gradescope", graded);
      });
      all[at] = graded;
      for (const format of formats) if (format !== "csv") emitted(format, graded);
      const [earned, points] = pointsOf(graded.results);
      say(`${graded.name.padEnd(24)} ${earned} of ${points} points  ${graded.seconds} s`);
      for (const notice of graded.notices) say(`  ${notice}`);
    }
  }));
  if (formats.includes("csv")) write(join(out, "grades.csv"), csv(all));
  if (formats.length > 0) say(`Written to ${out}`);
  return 0;

  /** Gradescope's file is there before the first test, whatever comes after. */
  function emitted(format: Exclude<Format, "csv">, graded: Graded): void {
    if (!formats.includes(format)) return;
    const { file, text }: Emitted = emit(format, graded);
    write(join(out, folders.length > 1 ? graded.name : "", file), text);
  }
}

async function main(): Promise<number> {
  requireRuntime();
  if (!process.versions.deno) {
    process.stderr.write(
      "Cannot grade with Bun: it has no permissions that would hold back a submission\n" +
        "  use Deno: npx -y deno task grade\n",
    );
    return 2;
  }
  try {
    const options = readOptions(process.argv.slice(2));
    if (options) return await gradeAll(options);
    say(help);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}${error.hint && `\n  ${error.hint}`}\n`);
    return 2;
  }
}

if (import.meta.main) {
  process.on("SIGINT", () => process.exit(130));
  process.exit(await main());
}
