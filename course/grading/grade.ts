/**
 * Grades workspaces:
 *
 *   deno task grade submissions/* --emit gradescope,csv --out grades --seed "spring 1"
 *
 * @module
 */
import { dirname, join, resolve } from "@std/path";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { readArguments, UsageError } from "../arguments.ts";
import { pointsOf, say, showProgress } from "../commands/print.ts";
import { workspace } from "../commands/workspace.ts";
import { editedFiles } from "../content/manifest.ts";
import { endSandboxes } from "../judge/sandbox_process.ts";
import { printable } from "../printable.ts";
import { requireRuntime } from "../runtime.ts";
import { csv, emit, type Format, formatNames, type Graded, notesOf } from "./emit.ts";
import { gradeSubmission } from "./grade_submission.ts";
import { findSubmissions, maxDepth, sentenceOf, type Submission } from "./submissions.ts";

/** How long the tests of a submission may take; a complete one takes half a minute. */
const usualMinutes = 10;

const help = `Grades workspaces: deno task grade [DIR …] [options]

  DIR             a workspace, or a folder that holds one (by default: workspace)
  --emit LIST     formats to write, of ${formatNames.join(", ")}
  --out DIR       where to (by default: grades)
  --seed TEXT     where random cases come from (by default: drawn, and written down)
  --jobs N        how many are graded at the same time (by default: half of the cores)
  --minutes N     how long one may take; tests that come later earn nothing (by default: ${usualMinutes})

A workspace is looked for in each DIR down to ${maxDepth} folders deep. What cannot be graded gets a row
with 0 points that says why, and the others are graded all the same. Exit code: 0 if all were graded,
1 if some could not be, 2 if the command cannot be understood.`;

interface Options {
  readonly folders: readonly string[];
  readonly formats: readonly Format[];
  readonly out: string;
  readonly seed: string;
  readonly jobs: number;
  readonly minutes: number;
}

function readOptions(args: readonly string[]): Options | null {
  const flags = readArguments(args, ["help"], ["emit", "out", "seed", "jobs", "minutes"], {
    words: Infinity,
    refuse: ([word]) =>
      new UsageError(`Cannot use ${word}: there is no such option`, "see: --help"),
  });
  if (flags.help) return null;
  const { emit = "", out = "grades", seed = randomUUID().slice(0, 8), jobs, minutes } = flags;
  const names = emit.split(",").filter((name) => name !== "");
  const formats = formatNames.filter((name) => names.includes(name));
  const odd = names.find((name) => !formatNames.some((known) => known === name));
  if (odd !== undefined) {
    throw new UsageError(`Cannot emit ${odd}: formats are ${formatNames.join(", ")}`);
  }
  if (jobs !== undefined && !/^[1-9]\d?$/.test(jobs)) {
    throw new UsageError(`Cannot run ${jobs} jobs: it must be a whole number from 1 to 99`);
  }
  if (minutes !== undefined && !(Number(minutes) > 0)) {
    throw new UsageError(`Cannot stop after ${minutes} minutes: it must be a number above 0`);
  }
  return {
    folders: flags.words.length > 0 ? flags.words : [ownWorkspace()],
    formats,
    out: resolve(out),
    seed,
    jobs: Number(jobs ?? Math.max(1, Math.floor(availableParallelism() / 2))),
    minutes: Number(minutes ?? usualMinutes),
  };
}

/** The workspace of this project, which may be a link to where it is kept. */
function ownWorkspace(): string {
  return existsSync(workspace) ? realpathSync(workspace) : workspace;
}

/** Writes a file as a whole, so that nobody reads half of it. */
function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, text);
  renameSync(`${path}.part`, path);
}

/** Grades one after the other in each job; each is written as soon as it is graded. */
async function gradeAll(options: Options): Promise<number> {
  const { folders, formats, out, seed, jobs, minutes } = options;
  const all: Graded[] = [];
  let table: string | undefined, done = 0;
  for (const file of editedFiles()) say(`Notice: ${file} is not as the course has it`);
  say(`Random cases come from --seed ${JSON.stringify(seed)}`);
  const submissions = findSubmissions(folders), waiting = [...submissions.entries()];
  if (formats.length > 0) makeFolder(out);
  await Promise.all(Array.from({ length: Math.min(jobs, submissions.length) }, work));
  if (table) throw new UsageError(`Cannot write grades.csv: ${table}`);
  if (formats.length > 0) say(`Written to ${printable(out)}`);
  return all.some(({ problem }) => problem !== undefined) ? 1 : 0;

  async function work(): Promise<void> {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [at, submission] = next;
      all[at] = writeAll(
        submission,
        await gradeSubmission(submission, { seed, minutes }, (graded) => {
          const tests = graded.results.filter(({ status }) => status !== "missing").length;
          showProgress(
            `${done} of ${submissions.length} graded · ${printable(graded.name)}: ${tests} tests`,
          );
          // Gradescope's file is there before the first test, whatever comes after.
          if (formats.includes("gradescope")) {
            tryTo(() => writeOne("gradescope", submission, graded));
          }
        }),
      );
      table = tryTo(writeTable);
      done++;
      showProgress();
      sayRow(all[at]);
    }
  }

  /** All of them so far, in the order in which they were named. */
  function writeTable(): void {
    const done = submissions.flatMap((_, at) => all[at] ?? []);
    if (formats.includes("csv")) write(join(out, "grades.csv"), csv(done));
  }

  /** Writes all formats of one; if one cannot be written, it is not graded. */
  function writeAll(submission: Submission, graded: Graded): Graded {
    const wrong = formats.flatMap((format) => {
      const reason = format === "csv" ? "" : tryTo(() => writeOne(format, submission, graded));
      return reason ? [`${format} could not be written: ${reason}`] : [];
    });
    if (wrong.length === 0) return graded;
    return { ...graded, problem: [graded.problem ?? [], wrong].flat().join("; ") };
  }

  function writeOne(format: Format, submission: Submission, graded: Graded): void {
    if (format === "csv") return;
    const { file, text } = emit(format, graded);
    write(join(out, submissions.length > 1 ? submission.file : "", file), text);
  }
}

/** Does something; what went wrong, or nothing. */
function tryTo(what: () => void): string | undefined {
  try {
    what();
    return undefined;
  } catch (error) {
    return sentenceOf(error);
  }
}

/** The row of a submission, and what should be known of it. */
function sayRow(graded: Graded): void {
  const [earned, points] = pointsOf(graded.results);
  say(`${graded.name.padEnd(24)} ${earned} of ${points} points  ${graded.seconds} s`);
  for (const note of notesOf(graded)) say(`  ${printable(note)}`);
}

function makeFolder(out: string): void {
  const reason = tryTo(() => mkdirSync(out, { recursive: true }));
  if (reason) throw new UsageError(`Cannot write to ${printable(out)}: ${reason}`);
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

/** How the signals end a command: 128 and the signal's number. */
const signals = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

if (import.meta.main) {
  for (const [signal, code] of Object.entries(signals)) {
    process.on(signal, () => {
      endSandboxes();
      process.exit(code);
    });
  }
  process.exit(await main());
}
