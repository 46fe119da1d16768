/**
 * What is right: the graded tests of the repository, and what they show with the reference.
 *
 * @module
 */
import { join, toFileUrl } from "@std/path";
import { type CourseModule, root } from "../content/course.ts";
import { declared, type GradedTest, listOnly } from "../sandbox/graded.ts";
import { type Observation, observe, type Trace } from "../sandbox/recording.ts";
import { judge } from "./judge.ts";

/** What a test shows with the reference. */
export interface Right {
  readonly observation: Observation;
  /** The seed that it did so with. */
  readonly seed: string;
  /** Where in the test it did so. */
  readonly trace: Trace;
}

const testsByFile = new Map<string, Promise<readonly GradedTest[]>>();

/** The graded tests of a module: those of the repository, not of a learner. */
export function testsOf({ test, number }: CourseModule): Promise<readonly GradedTest[]> {
  const known = testsByFile.get(test);
  if (known) return known;
  const loaded = load();
  testsByFile.set(test, loaded);
  return loaded;

  async function load(): Promise<readonly GradedTest[]> {
    listOnly();
    await import(toFileUrl(join(root, test)).href);
    return declared.filter(({ task }) => task.startsWith(`${number}.`));
  }
}

const rights = new Map<string, Promise<Right>>();

/** Observes the reference, once for each seed. */
export function rightFor(test: GradedTest, seed: string): Promise<Right> {
  const key = `${seed} ${test.task} ${test.sentence}`, known = rights.get(key);
  if (known) return known;
  const observed = observeReference(test, seed);
  rights.set(key, observed);
  return observed;
}

/** Some seeds are unlucky for tests that count random events: then the next one is taken. */
async function observeReference(test: GradedTest, seed: string): Promise<Right> {
  let message = "";
  for (const tried of [seed, `${seed} 2`, `${seed} 3`, `${seed} 4`]) {
    const trace: Trace = { checks: [], draws: [] };
    const observation = await observe(test, tried, trace);
    const verdict = judge(observation, observation);
    if (verdict.status === "passed") return { observation, seed: tried, trace };
    message = verdict.message;
  }
  throw new Error(
    `Cannot grade "${test.task} ${test.sentence}": the reference itself fails it\n${message}`,
  );
}
