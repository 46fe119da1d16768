/**
 * What came of a seeded bug: what it cost, and what was said of it.
 *
 * @module
 */
import type { Verdict } from "../../course/judge/judge.ts";
import type { Mutant } from "./mutants.ts";

/** What came of a bug. */
export interface Caught {
  readonly task: string;
  readonly bug: string;
  readonly lost: number;
  /** What the tests are worth that ran. */
  readonly points: number;
  /** Whether the feedback of a red test says what it should. */
  readonly named: boolean;
  /** The feedback of the first red test. */
  readonly feedback: string;
}

/** What a test says of the bug. */
interface Judged extends Verdict {
  readonly sentence: string;
  readonly points: number;
}

/** Sums up what the tests say of a bug. */
export function caughtBy(
  [task, name, bug, , , named]: Mutant,
  results: readonly Judged[],
): Caught {
  const red = results.filter(({ status }) => status !== "passed");
  const feedback = red.map(({ sentence, message, cause }) =>
    [sentence, message, cause && `likely: ${cause}`].filter((part) => part).join("\n")
  );
  const sum = (some: readonly Judged[]): number =>
    some.reduce((sum, { points }) => sum + points, 0);
  return {
    task,
    bug: `${name}() ${bug}`,
    lost: sum(red),
    points: sum(results),
    named: feedback.some((text) => text.includes(named)),
    feedback: feedback.find((text) => text.includes(named)) ?? feedback[0] ?? "",
  };
}
