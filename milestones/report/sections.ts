/**
 * A report as sections of plain blocks: the terminal and the page each draw the same ones.
 *
 * @module
 */
import type { Check, Verdict } from "./schema.ts";

/** How the numbers of a picture look: ink on paper, above and below 0, or red, green and blue. */
export type Look = "ink" | "signed" | "color";

/** A picture: a plane of numbers, or three of them, one behind the other, for colours. */
export interface PictureBlock {
  readonly numbers: ArrayLike<number>;
  readonly height: number;
  readonly width: number;
  /** What stands next to it. */
  readonly caption?: readonly string[];
}

/** A line of a chart: a value for each epoch. */
export interface Line {
  readonly name: string;
  readonly values: readonly number[];
}

/** A piece of a report. */
export type Block =
  | { readonly kind: "text"; readonly text: string }
  | {
    readonly kind: "table";
    readonly headings: readonly string[];
    readonly rows: readonly (readonly string[])[];
  }
  | { readonly kind: "list"; readonly items: readonly { mark: string; text: string }[] }
  /** A part of a whole for each name; null where there is no whole. */
  | { readonly kind: "bars"; readonly bars: readonly { name: string; part: number | null }[] }
  /** How often each class (row) was taken for each other (column). */
  | {
    readonly kind: "confusion";
    readonly counts: readonly (readonly number[])[];
    readonly classes?: readonly string[];
  }
  | {
    readonly kind: "pictures";
    readonly look: Look;
    readonly pictures: readonly PictureBlock[];
    /** How wide one is on the page, in pixels; 48 by default. */
    readonly shownWidth?: number;
  }
  | {
    readonly kind: "curves";
    readonly title: string;
    readonly lines: readonly Line[];
    readonly show: (value: number) => string;
  }
  | { readonly kind: "evidence"; readonly checks: readonly Check[] };

/** Blocks under a title. */
export interface Section {
  /** Null for the result itself, which comes first. */
  readonly title: string | null;
  readonly blocks: readonly Block[];
  /** Whether --quiet shows it too; false by default. */
  readonly always?: boolean;
}

/** What stands above all sections. */
export interface Introduction {
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** Where it ran. */
  readonly facts: string;
}

/** The last section of every report. */
export function verdictSection({ evidence, calibratedBy }: Verdict): Section {
  const text = `Calibrated by: ${calibratedBy}`;
  return {
    title: "Evidence",
    always: true,
    blocks: [{ kind: "evidence", checks: evidence }, { kind: "text", text }],
  };
}

/** The sentence that ends every report. */
export function verdictOf({ passed }: Verdict): string {
  return passed
    ? "Passed: every check that could be judged holds."
    : "Did not pass: see the failed checks above.";
}

/** What came of a check, in words. */
export function outcomeOf({ passed }: Check): "not judged" | "passed" | "FAILED" {
  if (passed === null) return "not judged";
  return passed ? "passed" : "FAILED";
}

/** A check's claim, and what is most likely wrong if it failed. */
export function claimOf({ claim, passed, suspicion }: Check): string {
  return passed === false ? `${claim}. Most likely: ${suspicion}` : claim;
}

/** Blocks under a title. */
export function section(title: string, ...blocks: readonly Block[]): Section {
  return { title, blocks };
}

/** A list of sentences, each with a dash in front. */
export function bulleted(sentences: readonly string[]): Block {
  return { kind: "list", items: sentences.map((text) => ({ mark: "-", text })) };
}
