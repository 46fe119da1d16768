/**
 * Makes the verdict on a graded test. Here no code of a learner's runs: what the test showed with
 * the learner's modules is compared with what it expected with the reference, check by check.
 *
 * @module
 */
import { equal } from "@std/assert/equal";
import { wrongError } from "../sandbox/expect_error.ts";
import { expectTensor, isTensor, type TensorLike } from "../sandbox/expect_tensor.ts";
import type { Check, Observation, Thrown } from "../sandbox/recording.ts";
import { diagnose } from "./detective.ts";
import { showValue } from "./show_value.ts";

/** How a test ended. */
export type Status = "passed" | "todo" | "failed" | "error" | "timeout" | "missing";

/** A verdict, and why. */
export interface Verdict {
  readonly status: Status;
  /** What was expected and what came; empty if it passed. */
  readonly message: string;
  /** The likely cause, where the numbers tell. */
  readonly cause?: string;
  /** What was thrown. */
  readonly thrown?: Thrown;
}

/**
 * Compares what a test showed with what it expected.
 *
 * @param shown What it showed with the learner's modules. Anything may stand in it.
 * @param right What it showed with the reference, and expected.
 * @returns The verdict.
 */
export function judge(shown: Observation, right: Observation): Verdict {
  for (const [k, expected] of right.checks.entries()) {
    const actual = shown.checks[k];
    if (!actual) break;
    const error = errorIn(actual);
    if (error?.name === "TodoError") return { status: "todo", message: error.message };
    const wrong = compare(actual, expected);
    if (wrong === undefined) continue;
    return { status: "failed", message: wrong, cause: causeOf(k, shown, right) };
  }
  const { thrown } = shown;
  if (thrown?.name === "TodoError") return { status: "todo", message: thrown.message };
  if (thrown) return { status: "error", message: `${thrown.name}: ${thrown.message}`, thrown };
  return shown.checks.length === right.checks.length
    ? { status: "passed", message: "" }
    : { status: "failed", message: "The test took another way than with the reference" };
}

/** What is wrong with one check, if anything is. */
function compare(shown: Check, right: Check): string | undefined {
  if (shown.kind !== right.kind) return "The test took another way than with the reference";
  if (right.kind === "condition") {
    return "holds" in shown && shown.holds === true
      ? undefined
      : "sentence" in shown
      ? String(shown.sentence).slice(0, 500)
      : right.sentence;
  }
  if (right.kind === "error") return wrongError(errorIn(shown), right.name, right.mentions);
  const actual = "actual" in shown ? shown.actual : undefined;
  try {
    if (right.kind === "tensor") {
      expectTensor(actual as Parameters<typeof expectTensor>[0], right.expected, right.tolerance);
    } else {
      const other = right.kind === "same" && "expected" in shown ? shown.expected : right.expected;
      if (!isEqual(actual, other)) return differing(actual, other);
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The error that a check caught. */
function errorIn(shown: Check): Thrown | undefined {
  return shown.kind === "error" ? shown.actual ?? undefined : undefined;
}

function isEqual(actual: unknown, expected: unknown): boolean {
  try {
    return equal(actual, expected);
  } catch { // nested too deep to be followed
    return false;
  }
}

/** Both values, on one line each where they fit. */
function differing(actual: unknown, expected: unknown): string {
  const [want, got] = [expected, actual].map((value) => showValue(value).slice(0, 1500));
  return `Wrong value\n  expected: ${want}\n  got:      ${got}`;
}

/** The most numbers that are searched for a pattern. */
const maxNumbers = 100_000;

/** Whether it is worth looking for a bug's pattern, and there are only numbers to look at. */
function canDiagnose({ data }: TensorLike): boolean {
  return data.length <= maxNumbers && Array.from(data).every((x) => typeof x === "number");
}

/** What the numbers of the first wrong check tell about the bug. */
function causeOf(k: number, shown: Observation, right: Observation): string | undefined {
  const actual = shown.checks[k], expected = right.checks[k];
  if (actual.kind !== "tensor" || expected.kind !== "tensor") return undefined;
  if (!isTensor(actual.actual) || !canDiagnose(actual.actual)) return undefined;
  const earlier = right.checks.slice(0, k).flatMap((check) =>
    check.kind === "tensor" ? [check.expected] : []
  );
  return diagnose(actual.actual, expected.expected, {
    tolerance: expected.tolerance,
    about: expected.about,
    earlier,
    own: isTensor(actual.expected) ? actual.expected : undefined,
  });
}
