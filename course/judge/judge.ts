/**
 * Makes the verdict on a graded test. Here no code of a learner's runs: what the test showed with
 * the learner's modules is compared with what it expected with the reference, check by check.
 *
 * @module
 */
import { wrongError } from "../sandbox/expect_error.ts";
import { expectTensor, isTensor, type TensorLike } from "../sandbox/expect_tensor.ts";
import type { Check, Observation, Thrown } from "../sandbox/recording.ts";
import { diagnose } from "./detective.ts";
import { firstDifference, isEqual } from "./difference.ts";
import { patternOf } from "./patterns.ts";
import { showValue } from "./show_value.ts";

/** How a test ended. */
export type Status = "passed" | "todo" | "failed" | "error" | "timeout" | "missing";

/** A verdict, and why. */
export interface Verdict {
  readonly status: Status;
  /** What was expected and what came; empty if it passed. */
  readonly message: string;
  /** Which check did not hold, from 0. */
  readonly check?: number;
  /** The likely cause, where the numbers prove one. */
  readonly cause?: string;
  /** What was thrown. */
  readonly thrown?: Thrown;
}

/** What is known of a check from the text of its test. */
export interface CheckSource {
  /** The expression of the value in question: `a.matmul(b)`. */
  readonly name?: string;
  /** Whether it is something that the test made and handed over, and that nobody was to change. */
  readonly isInput?: boolean;
}

/**
 * Compares what a test showed with what it expected.
 *
 * @param shown What it showed with the learner's modules. Anything may stand in it.
 * @param right What it showed with the reference, and expected.
 * @param sourceOf Tells of a check what stands in the test, where that is known.
 * @returns The verdict.
 */
export function judge(
  shown: Observation,
  right: Observation,
  sourceOf: (check: number) => CheckSource = () => ({}),
): Verdict {
  let first: Verdict | undefined;
  for (const [k, expected] of right.checks.entries()) {
    const actual = shown.checks[k];
    if (!actual) break;
    const error = errorIn(actual);
    if (error?.name === "TodoError") return first ?? { status: "todo", message: error.message };
    if (isRight(actual, expected)) continue;
    const isInput = isAboutInput(expected, sourceOf(k));
    // That an input was changed explains what is wrong before; nothing explains a changed input.
    if (!first || isInput) first = verdictOn(k, { shown, right, sourceOf });
    if (isInput) break;
  }
  if (first) return first;
  const { thrown } = shown;
  if (thrown?.name === "TodoError") return { status: "todo", message: thrown.message };
  if (thrown) return { status: "error", message: `${thrown.name}: ${thrown.message}`, thrown };
  return shown.checks.length === right.checks.length
    ? { status: "passed", message: "" }
    : { status: "failed", message: otherWay };
}

const otherWay = "The test took another way than with the reference";

function isRight(shown: Check, right: Check): boolean {
  return compare(shown, right, undefined) === undefined;
}

/** A test that failed, and what is known of its checks. */
interface Failed {
  readonly shown: Observation;
  readonly right: Observation;
  readonly sourceOf: (check: number) => CheckSource;
}

function verdictOn(k: number, failed: Failed): Verdict {
  const { shown, right, sourceOf } = failed, source = sourceOf(k);
  const name = nameOf(right.checks[k]) ?? source.name,
    isInput = isAboutInput(right.checks[k], source);
  const message = compare(shown.checks[k], right.checks[k], name);
  const told = isInput ? undefined : numbersTell(k, failed);
  return {
    status: "failed",
    message: [message, !told?.cause && told?.pattern && `  ${told.pattern}`].filter((line) => line)
      .join("\n"),
    check: k,
    cause: isInput
      ? `${name?.replace(/ afterwards$/, "")} was changed: what is given must stay as it is`
      : told?.cause,
  };
}

/** Whether a check looks at what was given: the test made it, or says that it comes afterwards. */
function isAboutInput(check: Check, source: CheckSource): boolean {
  return source.isInput === true || nameOf(check)?.endsWith(" afterwards") === true;
}

/** The name that the test itself gives. */
function nameOf(check: Check): string | undefined {
  if (check.kind === "tensor" && check.about) {
    return `${check.about.of ? "the gradient of " : ""}${check.about.name}`;
  }
  return "name" in check && check.kind !== "error" ? check.name : undefined;
}

/** What is wrong with one check, if anything is. */
function compare(shown: Check, right: Check, name: string | undefined): string | undefined {
  if (shown.kind !== right.kind) return otherWay;
  if (right.kind === "condition") {
    return "holds" in shown && shown.holds === true
      ? undefined
      : "sentence" in shown
      ? String(shown.sentence).slice(0, 500)
      : right.sentence;
  }
  if (right.kind === "error") {
    const wrong = wrongError(errorIn(shown), right.name, right.mentions);
    return wrong && name !== undefined ? `${wrong}\n  from:     ${name}` : wrong;
  }
  const actual = "actual" in shown ? shown.actual : undefined;
  try {
    if (right.kind === "tensor") {
      expectTensor(actual as TensorLike, right.expected, right.tolerance, name);
    } else {
      const other = right.kind === "same" && "expected" in shown ? shown.expected : right.expected;
      if (!isEqual(actual, other)) return differing(actual, other, name);
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

/** Both values, on one line each where they fit, and where they differ. */
function differing(actual: unknown, expected: unknown, name = ""): string {
  const of = name === "" ? "" : ` of ${name}`;
  const [want, got] = [expected, actual].map((value) => showValue(value));
  if (`${want}${got}`.length < 50) return `Wrong value${of}: expected ${want}, got ${got}`;
  const { path, ...inner } = firstDifference(actual, expected);
  const isLong = want.length > 400 || got.length > 400;
  const [innerWant, innerGot] = [inner.expected, inner.actual].map((value) =>
    showValue(value).slice(0, 700)
  );
  const both = isLong && path !== ""
    ? `Wrong value${of}`
    : `Wrong value${of}\n  expected: ${want.slice(0, 1500)}\n  got:      ${got.slice(0, 1500)}`;
  return path === ""
    ? both
    : `${both}\n  first difference at ${path}: expected ${innerWant}, got ${innerGot}`;
}

// ── What the numbers tell ──

/** What the numbers of a wrong check tell about the bug. */
function numbersTell(k: number, { shown, right, sourceOf }: Failed): Told | undefined {
  const got = numbersIn(shown.checks[k], "actual"), want = numbersIn(right.checks[k], "expected");
  if (!got || !want) return undefined;
  const check = right.checks[k], isSlope = want.data instanceof Float64Array;
  const own = isSlope ? numbersIn(shown.checks[k], "expected") : undefined;
  const name = nameOf(check) ?? sourceOf(k).name;
  const earlier = right.checks.slice(0, k).flatMap((check, before) => {
    const numbers = numbersIn(check, "expected");
    return numbers && name !== undefined && (nameOf(check) ?? sourceOf(before).name) === name
      ? [numbers]
      : [];
  });
  const clues = check.kind === "tensor"
    ? { tolerance: check.tolerance, about: check.about, own, earlier }
    : { tolerance: 0, earlier };
  return { cause: diagnose(got, want, clues), pattern: patternOf(got, want, clues) };
}

interface Told {
  readonly cause?: string;
  readonly pattern?: string;
}

/** The most numbers that are looked into. */
const mostNumbers = 20_000;

/** The numbers of a check: a tensor, or a list of numbers. */
function numbersIn(check: Check, side: "actual" | "expected"): TensorLike | undefined {
  const value: unknown = side in check ? Reflect.get(check, side) : undefined;
  if (isTensor(value)) {
    const size = value.shape.reduce((product, n) => product * n, 1);
    const isWhole = isNumbers(value.data) && value.data.length === size && size <= mostNumbers;
    return isWhole ? value : undefined;
  }
  if (check.kind !== "equal" && check.kind !== "same") return undefined;
  return isNumbers(value) && value.length > 1 && value.length <= mostNumbers
    ? { data: value, shape: [value.length] }
    : undefined;
}

function isNumbers(value: unknown): value is ArrayLike<number> {
  if (ArrayBuffer.isView(value)) return "length" in value;
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}
