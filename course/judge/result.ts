/**
 * What became of one graded test: the verdict, where to look, what went in, and how telling it is.
 *
 * @module
 */
import type { CourseModule } from "../content/course.ts";
import type { GradedTest } from "../sandbox/graded.ts";
import type { Outcome } from "../sandbox/process.ts";
import { isTensor } from "../sandbox/expect_tensor.ts";
import type { Observation } from "../sandbox/recording.ts";
import { judge, type Status, type Verdict } from "./judge.ts";
import { placeOf } from "./places_of_tasks.ts";
import { cut } from "./received.ts";
import type { Right } from "./right.ts";
import { showValue } from "./show_value.ts";
import { type CheckLines, readCheck } from "./test_source.ts";

/** What became of one graded test. */
export interface Result extends Verdict {
  readonly task: string;
  readonly sentence: string;
  /** What it is worth, and what it earned: all or nothing. */
  readonly points: number;
  readonly earned: number;
  /** The test's file, and the line that did not hold. */
  readonly test: string;
  /** The lines of the test that lead to what did not hold, and what was random in them. */
  readonly wentIn?: readonly string[];
  /** Of the red tests of a task, that with the least is shown first. */
  readonly rank?: number;
  /** The task that it waits for: it is not written yet. */
  readonly waitsFor?: string;
  /** Where to look in the learner's files: "workspace/01_tensor/shape.ts:12". */
  readonly place: string;
  /** What the learner's code printed. */
  readonly output: string;
  readonly ms: number;
}

/** A test that has run. */
export interface Ran {
  readonly module: CourseModule;
  readonly test: GradedTest;
  readonly right: Right;
  readonly outcome: Outcome;
  /** The folder of the learner's files, and what stands before them in a stack. */
  readonly own: string;
  readonly inside: string;
  readonly ms: number;
}

/** Says what became of a test. */
export function resultOf({ module, test, right, outcome, own, inside, ms }: Ran): Result {
  const linesOf = (check: number): CheckLines | undefined =>
    right.trace.checks[check] && readCheck(test, right.trace.checks[check].stack ?? "");
  const verdict = safely(() =>
    verdictOf(outcome, right.observation, (check) => linesOf(check) ?? {})
  );
  const { status, message, check, thrown } = verdict,
    earned = status === "passed" ? test.points : 0;
  const at = check ?? outcome.observation?.checks.length ?? 0;
  const lines = check === undefined
    ? thrown?.stack === undefined ? undefined : readCheck(test, thrown.stack)
    : linesOf(check);
  const todo = status === "todo" ? message.split(" ")[0] : test.task;
  const texts = lines?.lines.map(({ text }) => text) ?? [];
  const words = status === "todo"
    ? [message]
    : [lines?.name ?? "", thrown?.message ?? "", ...texts.toReversed(), test.sentence];
  const stack = thrown?.stack;
  const unchanged = check === undefined ? undefined : isWhatWentIn(outcome, right, check);
  return {
    ...verdict,
    ...(unchanged ? { message: `${message}\n  what came out is what went in, unchanged` } : {}),
    task: test.task,
    sentence: test.sentence,
    points: test.points,
    earned,
    test: `${test.file}:${lines?.line ?? test.line}`,
    wentIn: lines ? [...withDraws(right, lines, at), ...roundOf(right, lines, at)] : [],
    rank: rankOf(verdict, right.observation, lines),
    ...(todo === test.task ? {} : { waitsFor: todo }),
    place: placeOf(module, own, {
      task: todo,
      words,
      isTodo: status === "todo",
      ...(stack === undefined ? {} : { thrown: { stack, inside } }),
    }) ?? "",
    output: outcome.output,
    ms,
  };
}

/** The verdict, in few words; one that cannot be found is a verdict too, and the next test goes on. */
function safely(judging: () => Verdict): Verdict {
  try {
    const verdict = judging();
    return {
      ...verdict,
      message: cut(verdict.message),
      cause: verdict.cause && cut(verdict.cause),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: "error", message: cut(`It gave what cannot be compared: ${reason}`) };
  }
}

/** Says what a test that was ended has done. */
const endings: Record<NonNullable<Outcome["ended"]>, [Status, string]> = {
  timeout: ["timeout", "It was still running and was ended: does a loop never end?"],
  memory: ["error", "It took more memory than a test may, and was ended"],
  crash: ["error", "It broke down outside of the test"],
};

/** The verdict on what came of a test. */
function verdictOf(
  { observation, ended, thrown, loaded }: Outcome,
  right: Observation,
  sourceOf: Parameters<typeof judge>[2],
): Verdict {
  if (observation === null) {
    return { status: "missing", message: "The test was not found among those that ran" };
  }
  if (observation) return judge(observation, right, sourceOf);
  const [status, message] = endings[ended ?? "crash"];
  if (thrown && ["ImportError", "TimeError"].includes(thrown.name)) {
    return { status, message: thrown.message };
  }
  const when = loaded
    ? message
    : message.replace(/^It|outside of the test/g, (text) =>
      text === "It" ? "The module" : "while it was loaded");
  return { status, message: thrown ? `${when}\n${thrown.name}: ${thrown.message}` : when, thrown };
}

// ── Which is shown first ──

/** What a test says whose numbers only hold on average. */
const counted = /probability|on average|\bmean\b|variance|\bof \d+ (?:times|draws)|\d+ of \d+ /;

/**
 * How telling a red test is: that an input was changed explains all that follows; a mistake in a
 * shape or in a few numbers is understood at once; in many numbers, or on average, it is not.
 */
function rankOf(
  { status, message, check }: Verdict,
  right: Observation,
  lines: CheckLines | undefined,
): number {
  if (status === "passed") return 9;
  if (check === undefined) return status === "todo" ? 5 : 1;
  const expected = right.checks[check];
  if (lines?.isInput || aboutSharing.test(message)) return 0;
  if (expected.kind === "condition") return counted.test(message) ? 4 : 2;
  if (expected.kind !== "tensor") return 1;
  const isSlope = expected.tolerance < 1e-6 && expected.about?.of !== undefined;
  return isSlope ? 3 : expected.expected.data.length <= 12 ? 1 : 2;
}

const aboutSharing = /\b(?:shares?|copied|copies|own memory|in place|was changed|were changed)\b/;

/**
 * The red test to look at first: the first task that has one, and of that task the most telling.
 *
 * @param results In the order of the tests.
 */
export function mostTelling<R extends Pick<Result, "status" | "task" | "rank">>(
  results: readonly R[],
): R | undefined {
  const first = results.find(({ status }) => status !== "passed");
  const own = results.filter(({ status, task }) => status !== "passed" && task === first?.task);
  return own.toSorted((a, b) => (a.rank ?? 0) - (b.rank ?? 0))[0];
}

// ── What went in ──

/** Whether the wrong numbers of a check are random ones that the test drew, as they were. */
function isWhatWentIn({ observation }: Outcome, { trace }: Right, check: number): boolean {
  const shown = observation?.checks[check];
  const got: unknown = shown?.kind === "tensor" ? shown.actual : undefined;
  if (!isTensor(got) || got.data.length < 3 || got.data.length > 1000) return false;
  return trace.draws.some(({ drawn }) => {
    const numbers = [drawn].flat(9);
    return numbers.length === got.data.length && numbers.every((x, i) => x === got.data[i]);
  });
}

/** The lines of a test, each with the random numbers that were drawn on it. */
function withDraws({ trace }: Right, { lines }: CheckLines, check: number): string[] {
  const before = trace.draws.filter(({ checksBefore }) => checksBefore <= check);
  return lines.flatMap(({ line, text }) => {
    const calls = text.match(/\bt\.(?:normal|uniform|integers?)\(/g)?.length ?? 0;
    const drawn = calls === 0 ? [] : before.filter(({ at }) => isOn(line, at)).slice(-calls);
    return [text, ...drawn.map(({ drawn }) => `  drew ${summary(drawn)}`)];
  });
}

function isOn(line: number, { stack = "" }: Error): boolean {
  return stack.includes(`_test.ts:${line}:`);
}

/** Which round of the loops around it a check stood in, and on what. */
function roundOf({ trace }: Right, { line, loops }: CheckLines, check: number): string[] {
  if (loops.length === 0) return [];
  const rounds = loops.reduce((product, { length }) => product * length, 1);
  const inEach = trace.checks.filter((at) => isOn(line, at)).length / rounds;
  if (rounds > 0 && !Number.isInteger(inEach)) return []; // some rounds are skipped
  const before = trace.checks.slice(0, check).filter((at) => isOn(line, at)).length;
  let round = rounds > 0 ? Math.floor(before / inEach) : before;
  const items: string[] = [];
  for (const list of loops) {
    if (list.length === 0) return round === 0 ? [] : [`in round ${round + 1}`];
    items.unshift(list[round % list.length]);
    round = Math.floor(round / list.length);
  }
  return items.map((item) => `with ${item}`);
}

/** Few numbers whole, many by their shape and the first of them. */
function summary(drawn: unknown): string {
  const shape: number[] = [];
  for (let inner = drawn; Array.isArray(inner); inner = inner[0]) shape.push(inner.length);
  const size = shape.reduce((product, n) => product * n, 1);
  if (size <= 6 && shape.length <= 2) return showValue(rounded(drawn));
  const first: unknown[] = [drawn].flat(9).slice(0, 4);
  return `(${shape.join(", ")}): ${first.map((x) => showValue(rounded(x))).join(", ")}, …`;
}

function rounded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rounded);
  return typeof value === "number" ? Number(value.toPrecision(4)) : value;
}
