/**
 * What came of a seeded bug: what it cost, and what a learner reads of it first.
 *
 * @module
 */
import { detailOf } from "../../course/commands/print.ts";
import { mostTelling, type Result } from "../../course/judge/result.ts";
import type { Program } from "./programs.ts";

/** What came of a bug. */
export interface Caught {
  readonly id: string;
  readonly task: string;
  readonly bug: string;
  readonly lost: number;
  /** What the tests are worth that ran. */
  readonly points: number;
  /** Whether the first message says what it should; nothing where that is not known. */
  readonly named?: boolean;
  /** All that is printed of the red test that is shown first. */
  readonly first: string;
}

/** Sums up what the tests say of a bug. */
export function caughtBy({ id, task, bug, named }: Program, results: readonly Result[]): Caught {
  const first = mostTelling(results), text = first ? detailOf(first).join("\n") : "";
  return {
    id,
    task,
    bug,
    lost: results.reduce((sum, { points, earned }) => sum + points - earned, 0),
    points: results.reduce((sum, { points }) => sum + points, 0),
    ...(named === undefined ? {} : { named: text.includes(named) }),
    first: text,
  };
}
