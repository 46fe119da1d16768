/**
 * Writes grades in the formats that others read. All are made of one result, and none is written
 * unless its points add up to the same.
 *
 * @module
 */
import process from "node:process";
import { pointsOf } from "../commands/print.ts";
import { escape, storable } from "../escape.ts";
import type { Result } from "../judge/check_module.ts";
import { printable } from "../printable.ts";

/** What became of one submission. */
export interface Graded {
  readonly name: string;
  /** Where the random cases came from. */
  readonly seed: string;
  readonly results: readonly Result[];
  /** What the instructor should know beside. */
  readonly notices: readonly string[];
  readonly seconds: number;
  /** Why some of it, or all, could not be graded. */
  readonly problem?: string;
}

/** A file to write. */
export interface Emitted {
  readonly file: string;
  readonly text: string;
}

/** The formats, and the file that each is. */
const formats = {
  gradescope: { file: "results.json", write: gradescope, total: sumOf("score", "max_score") },
  classroom50: { file: "result.json", write: classroom50, total: sumOf("score", "max-score") },
  junit: { file: "junit.xml", write: junit, total: junitTotal },
  json: { file: "grade.json", write: ownFormat, total: sumOf("earned", "points") },
} as const;

/** What can be asked for; csv is one table of all submissions. */
export type Format = keyof typeof formats | "csv";

/** All formats, for messages. */
export const formatNames: readonly Format[] = [
  ...(Object.keys(formats) as (keyof typeof formats)[]),
  "csv",
];

/**
 * Writes a grade in a format.
 *
 * @param format Which.
 * @param graded The result.
 * @returns The file.
 * @throws {Error} If its points do not add up to those of the result.
 */
export function emit(format: Exclude<Format, "csv">, graded: Graded): Emitted {
  const { file, write, total } = formats[format], text = write(graded);
  requireTotal(format, total(text), graded);
  return { file, text };
}

function requireTotal(format: string, found: readonly number[], { name, results }: Graded): void {
  const [earned, points] = pointsOf(results);
  if (found[0] === earned && found[1] === points) return;
  throw new Error(
    `Cannot write the grade of ${name}: ${format} says ${found.join(" of ")}, ` +
      `the tests say ${earned} of ${points}`,
  );
}

/** Adds up two fields of the tests of a JSON document. */
function sumOf(earned: string, points: string): (text: string) => [number, number] {
  return function total(text: string): [number, number] {
    const { tests }: { tests: Record<string, number>[] } = JSON.parse(text);
    const sum = (key: string): number => tests.reduce((total, test) => total + test[key], 0);
    return [sum(earned), sum(points)];
  };
}

function junitTotal(text: string): [number, number] {
  const sum = (key: string): number =>
    [...text.matchAll(RegExp(`name="${key}" value="(\\d+)"`, "g"))]
      .reduce((total, [, value]) => total + Number(value), 0);
  return [sum("earned"), sum("points")];
}

/** JSON that every reader takes, whatever a submission has printed. */
function print(value: unknown): string {
  const store = (_: string, value: unknown): unknown =>
    typeof value === "string" ? storable(value) : value;
  return `${JSON.stringify(value, store, 1)}\n`;
}

/** What the instructor should know of a submission. */
export function notesOf({ problem, notices }: Graded): string[] {
  return problem === undefined ? [...notices] : [`not graded: ${problem}`, ...notices];
}

/** What a learner is told about a test. */
function outputOf({ message, cause, output, place, status }: Result): string {
  if (status === "passed") return "";
  const parts = [message, cause && `likely: ${cause}`, output && `printed:\n${output}`];
  return [...parts.filter((part) => part), `see ${place}`].join("\n");
}

function gradescope(graded: Graded): string {
  const { results, seconds } = graded;
  return print({
    execution_time: Math.round(seconds),
    stdout_visibility: "hidden",
    test_output_format: "text",
    output: notesOf(graded).join("\n"),
    tests: results.map((result) => ({
      name: `${result.task} ${result.sentence}`,
      number: result.task,
      score: result.earned,
      max_score: result.points,
      status: result.status === "passed" ? "passed" : "failed",
      output: outputOf(result),
      tags: [result.task.slice(0, 2)],
      extra_data: { status: result.status, ms: result.ms },
    })),
  });
}

/** Its address comes from the runner of the assignment. */
function classroom50({ results }: Graded): string {
  const { CLASSROOM, ASSIGNMENT, SUBMISSION_TAG, COMMIT_URL, RELEASE_URL, REVIEW_URL } =
    process.env;
  const [score, most] = pointsOf(results);
  return print({
    schema: "classroom50/result/v1",
    classroom: CLASSROOM ?? "",
    assignment: ASSIGNMENT ?? "",
    submission: SUBMISSION_TAG ?? "",
    commit: COMMIT_URL ?? "",
    release: RELEASE_URL ?? "",
    review: REVIEW_URL ?? "",
    datetime: new Date().toISOString(),
    score,
    "max-score": most,
    tests: results.map((result) => ({
      "test-name": `${result.task} ${result.sentence}`,
      passed: result.status === "passed",
      score: result.earned,
      "max-score": result.points,
      status: result.status,
      output: outputOf(result),
    })),
  });
}

function ownFormat({ name, seed, results, notices, seconds, problem }: Graded): string {
  const [earned, points] = pointsOf(results);
  const tests = results.map(({ thrown: _, ...result }) => result);
  return print({ version: 1, name, seed, earned, points, seconds, problem, notices, tests });
}

function junit({ name, results, seconds }: Graded): string {
  const failed = results.filter(({ status }) => status === "failed" || status === "todo").length;
  const passed = results.filter(({ status }) => status === "passed").length;
  const counts = `tests="${results.length}" failures="${failed}" ` +
    `errors="${results.length - failed - passed}"`;
  const cases = results.map((result) => {
    const { task, sentence, status, ms, earned, points, message } = result;
    const kind = status === "failed" || status === "todo" ? "failure" : "error";
    const verdict = status === "passed"
      ? ""
      : `   <${kind} type="${status}" message="${escape(message.split("\n")[0])}">` +
        `${escape(outputOf(result))}</${kind}>\n`;
    return `  <testcase name="${escape(`${task} ${sentence}`)}" classname="${task.slice(0, 2)}" ` +
      `time="${ms / 1000}">\n   <properties><property name="earned" value="${earned}"/>` +
      `<property name="points" value="${points}"/></properties>\n${verdict}  </testcase>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts} time="${seconds}">\n` +
    ` <testsuite name="${escape(name)}" ${counts} time="${seconds}">\n${cases.join("")}` +
    ` </testsuite>\n</testsuites>\n`;
}

/** One table: a row for each submission, a column for each module. */
export function csv(all: readonly Graded[]): string {
  const numbers = [
    ...new Set(all.flatMap(({ results }) => results.map(({ task }) => task.slice(0, 2)))),
  ];
  const rows = all.map((graded) => {
    const columns = numbers.map((number) =>
      pointsOf(graded.results.filter(({ task }) => task.startsWith(number)))
    );
    const sums = [0, 1].map((k) => columns.reduce((sum, column) => sum + column[k], 0));
    requireTotal("csv", sums, graded);
    const [name, seed, notes] = [graded.name, graded.seed, notesOf(graded).join("; ")].map(quoted);
    return [name, ...columns.map(([earned]) => earned), ...sums, seed, notes];
  });
  const head = ["name", ...numbers, "earned", "points", "seed", "notes"];
  return [head, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

/** A cell of text on one line; one that a spreadsheet would take for a formula is marked as text. */
function quoted(text: string): string {
  const line = printable(text), safe = line.replace(/^\s*[=+\-@＝＋－＠]/, "'$&");
  return `"${safe.replaceAll('"', '""')}"`;
}
