/**
 * Numbers in the words of a report.
 *
 * @module
 */
import type { Measured } from "./schema.ts";

/** A whole number with commas between its thousands. */
export function count(n: number): string {
  return n.toLocaleString("en-US");
}

/** A count with its noun: "1 seed", "1,000 seeds". */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** How many times as much one number is as another. */
export function times(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : count(Math.round(ratio));
}

/** A part of a whole, 0 to 1, as "97.0 %"; with its spread over seeds, if it has one. */
export function percent(part: number | Measured): string {
  if (typeof part === "number") return `${(part * 100).toFixed(1)} %`;
  const { mean, spread } = part;
  if (spread === null) return percent(mean);
  return `${(mean * 100).toFixed(1)} ± ${(spread * 100).toFixed(1)} %`;
}

/** Sizes as "8×6×6". */
export function sizes(shape: readonly number[]): string {
  return shape.join("×");
}

/** Words joined as people do: "a, b and c". */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** Hours, minutes and seconds, as people say them. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
