/**
 * What the libraries' programs print: numbers by name, as one JSON object in their last line.
 *
 * @module
 */

/**
 * Reads what a program has printed.
 *
 * @param program What it is called in the message.
 * @param stdout All that it printed.
 * @returns Its numbers, each at least 0.
 * @throws {RangeError} If it printed something else.
 */
export async function readTimes(program: string, stdout: string): Promise<Record<string, number>> {
  const { z } = await import("../../milestones/report/zod.ts"); // fetched when something was printed
  const printed = parse(stdout.trim().split("\n").at(-1) ?? "");
  const times = z.record(z.string(), z.number().min(0)).safeParse(printed);
  if (times.success) return times.data;
  const reasons = times.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new RangeError(`Cannot read what ${program} printed: ${reasons.join("; ")}`);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}
