/**
 * How the commands print: what a test found, and where a module stands.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import { styleText } from "node:util";
import type { CourseModule } from "../content/course.ts";
import type { Result } from "../judge/check_module.ts";
import type { Status } from "../judge/judge.ts";

type Style = Parameters<typeof styleText>[0];

/** Whether to colour: at a terminal, unless the environment says otherwise. */
const coloured = !process.env.NO_COLOR && (process.stdout.isTTY || !!process.env.FORCE_COLOR);

/** A text in a style, where there are colours. */
export function paint(style: Style, text: string): string {
  return coloured ? styleText(style, text, { validateStream: false }) : text;
}

/** Who gets the lines of what runs, if they are not printed. */
const reader = new AsyncLocalStorage<string[]>();

/** Prints a line. */
export function say(line = ""): void {
  const lines = reader.getStore();
  if (lines) lines.push(...line.split("\n"));
  else process.stdout.write(`${line}\n`);
}

/** What something would print, as lines, for a screen that shows them in its own place. */
export async function linesOf(what: () => unknown): Promise<string[]> {
  const lines: string[] = [];
  await reader.run(lines, what);
  return lines;
}

/**
 * Shows how far something is, on a line of its own that the next text takes the place of. It is seen
 * at a terminal only, and not by whoever reads the output.
 *
 * @param text What to show; nothing takes the line away.
 */
export function showProgress(text = ""): void {
  if (!process.stderr.isTTY || reader.getStore()) return;
  process.stderr.write(`\r\x1b[K${text.slice(0, (process.stderr.columns || 80) - 1)}`);
}

/** Prints lines. */
export function sayLines(lines: readonly string[]): void {
  lines.forEach((line) => say(line));
}

/** A to-do is no mistake, and looks like none. */
const labels: Record<Status, [Style, string]> = {
  passed: ["green", "passed"],
  todo: ["cyan", "to do"],
  failed: ["red", "wrong"],
  error: ["red", "error"],
  timeout: ["red", "too long"],
  missing: ["red", "missing"],
};

/** A line about a test. */
export function lineOf({ task, sentence, status, points, waitsFor }: Result): string {
  const [style, label] = waitsFor === undefined ? labels[status] : ["cyan" as const, "waits"];
  const worth = `${points} ${points === 1 ? "point" : "points"}`;
  return `${paint(style, label.padEnd(8))} ${task.padEnd(5)} ${sentence} (${worth})`;
}

/** All that there is to say about a test that did not pass. */
export function detailOf(result: Result): string[] {
  const { message, cause, thrown, output, place, test, wentIn = [], waitsFor } = result;
  const says = waitsFor === undefined ? message : `It waits for ${waitsFor}: ${message}`;
  const lines = [lineOf(result), ...says.split("\n").map((line) => `    ${line}`)];
  if (thrown?.hint) lines.push(`    hint: ${thrown.hint}`);
  if (cause) lines.push(paint("yellow", `  likely: ${cause}`));
  if (output) {
    lines.push(
      "  printed:",
      ...output.trimEnd().split("\n").map((line) => `    ${line}`),
    );
  }
  const went = wentIn.map((line) => paint("dim", `         ${line}`));
  return [...lines, `  yours: ${paint("bold", place)}`, `  test:  ${test}`, ...went];
}

/** Where a module stands, in numbers. */
export function summaryOf(module: CourseModule, results: readonly Result[]): string {
  const passed = results.filter(({ status }) => status === "passed").length;
  const [earned, points] = pointsOf(results);
  const tests = `${passed} of ${results.length} tests`.padStart(15);
  const title = module.folder.replace("_", " ").padEnd(14);
  const line = `${title} ${tests} ${`${earned} of ${points} points`.padStart(17)}`;
  return passed === results.length ? paint("green", line) : line;
}

/** Points earned, and points to earn. */
export function pointsOf(results: readonly Pick<Result, "earned" | "points">[]): [number, number] {
  return [
    results.reduce((sum, { earned }) => sum + earned, 0),
    results.reduce((sum, { points }) => sum + points, 0),
  ];
}

/** Breaks a text into lines of at most 80 columns. */
export function wrapped(text: string, indent = ""): string[] {
  const lines = [indent];
  for (const word of text.split(/\s+/)) {
    const last = lines[lines.length - 1];
    if (last !== indent && last.length + word.length > 79) lines.push(`${indent}${word} `);
    else lines[lines.length - 1] = `${last}${word} `;
  }
  return lines.map((line) => line.trimEnd());
}
