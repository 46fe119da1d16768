/**
 * Runs everything that must hold before a commit, and counts it:
 *
 *   deno task ok
 *   deno task ok --all   with all that is long, of which other runs do a share (see shares.ts)
 *
 * @module
 */
import { fromFileUrl, resolve } from "@std/path";
import { spawn, spawnSync } from "node:child_process";
import process from "node:process";
import { stripVTControlCharacters as withoutColours } from "node:util";
import { requireRuntime, type Runtime } from "../../course/runtime.ts";

/** One program to run. */
interface Part {
  readonly runtime: Runtime;
  readonly args: readonly string[];
  /** Whether it runs tests and says how many, or measures how much they ran; else it counts as one. */
  readonly kind?: "tests" | "coverage";
  /** What to call it, if not by its arguments. */
  readonly title?: string;
  /** Whether it changes files, which CI must not: there the tests say what has to be committed. */
  readonly writes?: boolean;
}

/** How many tests there were of each kind. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** How a part went. */
export interface Outcome {
  readonly title: string;
  readonly result: "passed" | "FAILED" | "skipped";
  readonly seconds: number;
  readonly counts: Counts;
}

/** The least share of the lines in modules/ that the tests must run, in per cent. */
const leastCoverage = 95;

/** What is fetched for these checks: every package, since types are checked everywhere. */
const lock = "--lock=tests/project/deno.lock";

/** Runs a checker from npm. */
const tool = ["run", "--no-prompt", lock, "--allow-read", "--allow-env", "--allow-sys"];

const parts: readonly Part[] = [
  { runtime: "deno", args: ["task", "--quiet", "manifest"], title: "manifest", writes: true },
  {
    runtime: "deno",
    args: [
      "task",
      "test",
      "--no-check", // a later part does
      "--coverage=coverage",
      "--clean",
      "--coverage-raw-data-only",
      "--preload=./tests/project/without_coverage.ts",
    ],
    kind: "tests",
    title: "deno task test",
  },
  {
    runtime: "deno",
    args: ["coverage", "--quiet", "--lcov", "--include=/modules/", "coverage"],
    kind: "coverage",
    title: "deno coverage",
  },
  { runtime: "bun", args: ["test", "--parallel", "modules", "tests"], kind: "tests" },
  { runtime: "deno", args: ["fmt", "--check"] },
  { runtime: "deno", args: ["lint"] },
  {
    runtime: "deno",
    args: [
      "check",
      lock,
      "mod.ts",
      "modules",
      "tests",
      "course",
      "milestones",
      "datasets",
      "bench/*.ts",
    ],
    title: "deno check",
  },
  {
    runtime: "deno",
    args: [
      "test",
      "--doc",
      "--no-prompt",
      "--allow-read",
      "--ignore=modules/**/*_test.ts", // the first part has run them
      "modules",
      "README.md",
      "mod.ts",
      "milestones/**/*.md",
      "course/book/typescript.md",
    ],
    kind: "tests",
    title: "deno test --doc",
  },
  { runtime: "deno", args: ["doc", "--lint", "mod.ts"] },
  {
    runtime: "deno",
    args: [...tool, "npm:cspell@10.0.0", "lint", "--no-progress", "--no-summary"],
    title: "spelling and terms",
  },
  { runtime: "deno", args: [...tool, "tests/project/links.ts"], title: "links" },
  { runtime: "deno", args: ["publish", "--dry-run", "--allow-dirty"] },
];

const one = {
  passed: { passed: 1, failed: 0, skipped: 0 },
  FAILED: { passed: 0, failed: 1, skipped: 0 },
  skipped: { passed: 0, failed: 0, skipped: 1 },
} as const;

/** What a program printed, and its exit code; no code if it is not installed. */
interface Finished {
  readonly code?: number;
  readonly output: string;
}

const root = resolve(fromFileUrl(new URL("../../", import.meta.url)));

/** Runs a program in the repository's folder and keeps what it prints. */
function run(program: string, args: readonly string[]): Promise<Finished> {
  const { promise, resolve: finish } = Promise.withResolvers<Finished>();
  const env = { ...process.env, NO_COLOR: "1" };
  const child = spawn(program, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => output += text);
  }
  child.on("error", () => finish({ output }));
  child.on("close", (code) => finish({ code: code ?? 1, output: withoutColours(output) }));
  return promise;
}

/** Runs one part and prints a line about it, and all that it said if it failed. */
async function runPart(part: Part): Promise<Outcome> {
  const title = part.title ?? `${part.runtime} ${part.args.join(" ")}`;
  process.stdout.write(`${title.padEnd(38)} `);
  const start = performance.now();
  const here: Runtime = process.versions.deno ? "deno" : "bun";
  const program = part.runtime === here ? process.execPath : part.runtime;
  const { code, output } = await run(program, part.args);
  const seconds = (performance.now() - start) / 1000;
  const time = `${seconds.toFixed(1).padStart(6)} s`;
  if (code === undefined) {
    const result = part.runtime === "bun" && process.env.CI !== "true" ? "skipped" : "FAILED";
    console.log(`${result} ${time}  ${part.runtime} is not on PATH`);
    return { title, result, seconds, counts: one[result] };
  }
  const { counts, text, details } = judge(part, code, output);
  const result = counts.failed === 0 ? "passed" : "FAILED";
  console.log(`${result} ${time}  ${text}`.trimEnd());
  if (result === "FAILED") console.log(`\n${details}\n`);
  return { title, result, seconds, counts };
}

/** What came of a part: its counts, a few words, and what to show if it failed. */
interface Judgement {
  readonly counts: Counts;
  readonly text: string;
  readonly details: string;
}

function judge({ kind }: Part, code: number, output: string): Judgement {
  if (kind === "tests") {
    const counts = countsOf(code, output);
    return { counts, text: describe(counts), details: withoutPasses(output) };
  }
  if (kind === "coverage" && code === 0) {
    const { percent, text } = readCoverage(output);
    const details = `The tests must run ${leastCoverage} % of the lines in modules/.`;
    return { counts: one[percent < leastCoverage ? "FAILED" : "passed"], text, details };
  }
  return {
    counts: one[code === 0 ? "passed" : "FAILED"],
    text: "",
    details: withoutPasses(output),
  };
}

/**
 * Counts the tests of a run. A run that ends badly without a failed test, or that ran no test,
 * counts as one failure.
 *
 * @param code The runner's exit code.
 * @param output All that it printed, without colours.
 * @returns How many passed, failed and were skipped.
 */
export function countsOf(code: number, output: string): Counts {
  const counts = readSummary(output) ?? { passed: 0, failed: 0, skipped: 0 };
  const isSilent = counts.failed === 0 && (code !== 0 || counts.passed === 0);
  return isSilent ? { ...counts, failed: 1 } : counts;
}

/**
 * Reads the summary at the end of what `deno test` or `bun test` prints.
 *
 * @param output All that it printed, without colours.
 * @returns How many tests passed, failed and were skipped; nothing if there is no summary.
 */
export function readSummary(output: string): Counts | undefined {
  const deno = [...output.matchAll(/^(?:ok|FAILED) \| \d+ passed.*$/gm)].at(-1)?.[0];
  if (deno !== undefined) return readCounts(deno, "passed", "failed", ["ignored"]);
  const bun = [...output.matchAll(/(?:^ +\d+ .*\n)+Ran \d+ tests? across /gm)].at(-1)?.[0];
  if (bun !== undefined) return readCounts(bun, "pass", "fail", ["skip", "todo"]);
  return undefined;
}

function readCounts(
  text: string,
  passed: string,
  failed: string,
  skipped: readonly string[],
): Counts {
  function count(word: string): number {
    return Number(text.match(new RegExp(`(\\d+) ${word}\\b`))?.[1] ?? 0);
  }
  return {
    passed: count(passed),
    failed: count(failed),
    skipped: skipped.reduce((sum, word) => sum + count(word), 0),
  };
}

/** How much of modules/ the tests ran. */
export interface Coverage {
  /** The share of all lines, in per cent; 0 if nothing was measured. */
  readonly percent: number;
  /** That share, and on a line each the files below the least. */
  readonly text: string;
}

/**
 * Reads what `deno coverage --lcov` prints: for each file `SF:` its path, `LF:` how many lines can
 * run and `LH:` how many did.
 *
 * @param lcov All that it printed.
 * @returns The share of lines that ran.
 */
export function readCoverage(lcov: string): Coverage {
  let lines = 0, run = 0;
  const low: string[] = [];
  for (const record of lcov.split("end_of_record")) {
    const file = record.match(/^SF:.*[\\/](modules[\\/].*)$/m)?.[1];
    const all = Number(record.match(/^LF:(\d+)$/m)?.[1] ?? 0);
    const ran = Number(record.match(/^LH:(\d+)$/m)?.[1] ?? 0);
    if (file === undefined || all === 0) continue;
    lines += all;
    run += ran;
    const percent = ran / all * 100;
    if (percent < leastCoverage) low.push(`\n  ${percent.toFixed(1).padStart(5)} % of ${file}`);
  }
  const percent = lines === 0 ? 0 : run / lines * 100;
  return { percent, text: `${percent.toFixed(1)} % of ${lines} lines${low.join("")}` };
}

/** Leaves out the lines about tests and files that passed. */
function withoutPasses(output: string): string {
  return output.split("\n")
    .filter((line) => !/ \.\.\. ok \(.*\)$|^\(pass\) |^running \d+ tests? from |^Check /.test(line))
    .join("\n")
    .trim();
}

/**
 * Sums up all parts.
 *
 * @param outcomes How they went.
 * @returns A table, and a last line with the sums.
 */
export function report(outcomes: readonly Outcome[]): string {
  const width = Math.max(...outcomes.map(({ title }) => title.length));
  const rows = outcomes.map(({ title, result, seconds }) =>
    `${title.padEnd(width)}  ${result.padEnd(7)}  ${seconds.toFixed(1).padStart(7)}`
  );
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const { counts } of outcomes) {
    sum.passed += counts.passed;
    sum.failed += counts.failed;
    sum.skipped += counts.skipped;
  }
  const skipped = sum.skipped > 0 ? ["", `skipped: ${sum.skipped}`] : [];
  const total = `${sum.passed} passed, ${sum.failed} failed`;
  return [`${"part".padEnd(width)}  result   seconds`, ...rows, ...skipped, "", total].join("\n");
}

function describe({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

// ── Everything ──

/** Where git keeps, for this clone, when a run of everything last passed. */
const passedKey = "kindling.passedAll";

/** What git says, without the line's end; nothing if it fails. */
function git(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync("git", args, { cwd: root, encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** Notes that a run of everything has passed: when, and what was checked out. */
function notePassed(): void {
  const commit = git("describe", "--always", "--dirty") ?? "an unknown commit";
  git("config", "--local", passedKey, `${new Date().toISOString().slice(0, 16)}Z at ${commit}`);
}

/** Says when a run of everything last passed. */
function lastPassed(): string {
  const when = git("config", "--local", "--get", passedKey);
  return `deno task ok --all last passed: ${when ?? "never in this clone"}`;
}

/** Runs all parts; returns the exit code. */
async function main(args: readonly string[]): Promise<number> {
  requireRuntime();
  const odd = args.find((arg) => arg !== "--all");
  if (odd !== undefined) {
    process.stderr.write(`Cannot use ${odd}: the only option is --all\n`);
    return 2;
  }
  const isAll = args.includes("--all"), outcomes: Outcome[] = [];
  if (isAll) process.env.KINDLING_ALL = "1";
  console.log(`${lastPassed()}\n`);
  const isInCI = process.env.CI === "true";
  for (const part of parts.filter(({ writes }) => !(writes && isInCI))) {
    outcomes.push(await runPart(part));
  }
  console.log(`\n${report(outcomes)}`);
  const isGood = outcomes.every(({ result }) => result === "passed");
  if (isAll && isGood) notePassed();
  return outcomes.some(({ result }) => result === "FAILED") ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
