/**
 * Grades one submission. Whatever is in it, this gives a row: with the points that could be found,
 * and what could not be done.
 *
 * @module
 */
import { join } from "@std/path";
import { lstatSync } from "node:fs";
import { shimMark } from "../commands/workspace.ts";
import { type CourseModule, modules } from "../content/course.ts";
import { checkModule, type Result, testsOf } from "../judge/check_module.ts";
import { filesIn, maxSize } from "../judge/sandbox_sources.ts";
import { printable } from "../printable.ts";
import type { Graded } from "./emit.ts";
import { entriesOf, sentenceOf, type Submission } from "./submissions.ts";

/** How to grade. */
export interface GradeOptions {
  readonly seed: string;
  /** How long all of its tests may take together. */
  readonly minutes: number;
}

/** The most files that are named in notices. */
const maxNotices = 20;

/**
 * Grades a submission. It never throws for what is in it.
 *
 * @param submission What was found.
 * @param options How.
 * @param onResult Is told all results so far: before the first test, and after each.
 */
export async function gradeSubmission(
  { name, workspace, problem, notices }: Submission,
  { seed, minutes }: GradeOptions,
  onResult: (graded: Graded) => void = () => {},
): Promise<Graded> {
  const started = performance.now(), until = started + minutes * 60_000;
  const problems = problem === undefined ? [] : [problem], said = [...notices];
  const byModule = new Map<CourseModule, Result[]>(), complete = new Map<string, string>();
  for (const module of modules) byModule.set(module, await notRun(module, problem));
  onResult(soFar());
  for (const module of workspace === undefined ? [] : modules) {
    try {
      await gradeModule(module, join(workspace ?? "", module.folder));
    } catch (error) {
      problems.push(`${module.folder} could not be graded: ${sentenceOf(error)}`);
    }
  }
  if (performance.now() > until) said.push(`its ${minutes} minutes were used up before the end`);
  return soFar();

  async function gradeModule(module: CourseModule, own: string): Promise<void> {
    const done: Result[] = [];
    said.push(...notUsed(module, own));
    if (!isBegun(module, own)) return;
    const results = await checkModule(module, {
      owners: new Map([...complete, [module.folder, own]]),
      seed,
      fresh: true,
      until,
      onResult(result): void {
        done.push(asSubmitted(result));
        byModule.set(module, [...done, ...(byModule.get(module) ?? []).slice(done.length)]);
        onResult(soFar());
      },
    });
    byModule.set(module, results.map(asSubmitted));
    if (results.every(({ status }) => status === "passed")) complete.set(module.folder, own);
  }

  /** Messages name files as the learner knows them, and not where they lie here. */
  function asSubmitted(result: Result): Result {
    const [message, place] = [result.message, result.place].map((text) =>
      text.replaceAll(`${workspace}/`, "").replaceAll(`${workspace}\\`, "")
    );
    return { ...result, message, place };
  }

  function soFar(): Graded {
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    return {
      name,
      seed,
      results: [...byModule.values()].flat(),
      notices: capped(said),
      seconds,
      ...(problems.length > 0 ? { problem: problems.join("; ") } : {}),
    };
  }
}

/** The tests of a module that nobody has begun, or that have not run yet. */
async function notRun(module: CourseModule, problem: string | undefined): Promise<Result[]> {
  const message = problem === undefined
    ? "The module was not begun, or the grader did not come this far"
    : `It could not be graded: ${problem}`;
  return (await testsOf(module)).map(({ task, sentence, points, file, line }) => ({
    task,
    sentence,
    points,
    earned: 0,
    status: "missing",
    message,
    test: `${file}:${line}`,
    place: module.folder,
    output: "",
    ms: 0,
  }));
}

/** Whether a folder holds more of a module than what stands for the reference. */
function isBegun(module: CourseModule, folder: string): boolean {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory()) return false;
  const files = filesIn(folder);
  return module.files.some((file) => files.get(file)?.startsWith(shimMark) === false);
}

/** What is not part of a submission: it is left where it is, and that is said. */
function notUsed({ folder: module }: CourseModule, folder: string): string[] {
  const found = lstatSync(folder, { throwIfNoEntry: false });
  if (!found) return [];
  if (!found.isDirectory()) return [`${module} is not a folder and was not used`];
  const entries = entriesOf(folder), used = filesIn(folder);
  return entries.flatMap((entry) => {
    const { name } = entry, path = `${module}/${printable(name)}`;
    if (used.has(name) || name.startsWith(".")) return []; // systems and editors write hidden files
    if (!entry.isFile()) return [`${path} is not a file and was not used`];
    const { size } = lstatSync(join(folder, name));
    if (size <= maxSize) return [`${path} is not a file of the course and was not used`];
    return [`${path} was not used: it has ${size} bytes, and a file may have ${maxSize}`];
  });
}

function capped(notices: readonly string[]): string[] {
  const more = notices.length - maxNotices;
  return more <= 0 ? [...notices] : [...notices.slice(0, maxNotices), `and ${more} more of these`];
}
