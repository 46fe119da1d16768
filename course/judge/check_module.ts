/**
 * Runs the graded tests of a module on a learner's files, and says of each what became of it.
 *
 * @module
 */
import { type CourseModule, modules } from "../content/course.ts";
import type { Owners } from "../names.ts";
import type { GradedTest } from "../sandbox/graded.ts";
import type { Limits, Outcome } from "../sandbox/process.ts";
import { usualSeed } from "../sandbox/seeded.ts";
import { explainImport } from "./imports.ts";
import { shown } from "./places_of_tasks.ts";
import { received } from "./received.ts";
import { type Result, resultOf } from "./result.ts";
import { rightFor, testsOf } from "./right.ts";
import { takeRunner } from "./sandbox_process.ts";
import { sandboxSources } from "./sandbox_sources.ts";

export { shown, taskPlace } from "./places_of_tasks.ts";
export type { Result } from "./result.ts";
export { testsOf } from "./right.ts";

/** How to check. */
export interface CheckOptions {
  /** Which modules are the learner's, and where each is. */
  readonly owners: Owners;
  /** Where random cases come from. */
  readonly seed?: string;
  /** Whether each test gets a thread of its own; else one is used again while all goes well. */
  readonly fresh?: boolean;
  /** What each test may take; the usual where it is left out. */
  readonly limits?: Partial<Limits>;
  /** When `performance.now()` says so, the tests that have not run yet are left out. */
  readonly until?: number;
  /** Only tests of this task. */
  readonly only?: string;
  /** Tests of this task come first. */
  readonly first?: string;
  /** Is told of each result at once. */
  readonly onResult?: (result: Result) => void;
}

/** What a test may take: the reference takes less than a tenth of either. */
const usualLimits: Limits = { milliseconds: 5000, bytes: 1.25 * 2 ** 30 };

/** How long once a test of the module was too slow, so that nobody waits for minutes. */
const shortLimit = 1000;

/**
 * Runs the graded tests of a module.
 *
 * @param module The module.
 * @param options Whose files, where, and how.
 * @returns The results in the order of the tests.
 */
export async function checkModule(module: CourseModule, options: CheckOptions): Promise<Result[]> {
  const { owners, seed = usualSeed, fresh = false, only, first } = options;
  const { until = Infinity } = options;
  const own = owners.get(module.folder);
  if (own === undefined) throw new Error(`Cannot check ${module.folder}: it is not the learner's`);
  const room = sandboxSources(module, owners), runner = takeRunner();
  const found = new Map<GradedTest, Result>(), inside = `/yours/${module.folder}/`;
  let general: Outcome | undefined, limits = { ...usualLimits, ...options.limits }, tests;
  try {
    runner.open(room); // it gets ready while the tests are loaded here
    tests = (await testsOf(module)).filter(({ task }) => only === undefined || task === only);
    const ordered = first === undefined ? tests : tests.toSorted((a, b) => rank(a) - rank(b));
    for (const test of ordered) {
      const started = performance.now(), right = await rightFor(test, seed);
      const left = until - performance.now();
      const sent = general ?? (left <= 0 ? tooLate : await runner.run({
        task: test.task,
        sentence: test.sentence,
        seed: right.seed,
        fresh,
        limits: { ...limits, milliseconds: Math.min(limits.milliseconds, Math.ceil(left)) },
      }));
      const outcome = received(sent, right.observation);
      // What breaks while it is loaded breaks for every test: it need not be tried again.
      if (outcome.ended && !outcome.loaded) general = outcome;
      if (outcome.ended === "timeout") limits = { ...limits, milliseconds: shortLimit };
      const ran = { module, test, right, outcome: explained(outcome), own, inside };
      const ms = Math.round(performance.now() - started);
      const result = withPaths(resultOf({ ...ran, ms }));
      found.set(test, result);
      options.onResult?.(result);
    }
  } finally {
    runner.close();
  }
  return tests.flatMap((test) => found.get(test) ?? []);

  /** Messages name the learner's files as they lie there. */
  function withPaths(result: Result): Result {
    const folder = `file:///yours/${module.folder}`;
    return { ...result, message: result.message.replaceAll(folder, shown(own ?? "")) };
  }

  /** An import that was refused, in words. */
  function explained(outcome: Outcome): Outcome {
    if (!outcome.refused) return outcome;
    const { name, from } = outcome.refused, [, folder, file] = from.split("/");
    const files = Object.keys(room.files).filter((path) => path.startsWith(`yours/${folder}/`))
      .map((path) => path.split("/")[2]);
    const owner = modules.find((one) => one.folder === folder) ?? module;
    const source = room.files[from];
    const message = explainImport({ name, file, source, module: owner, files });
    return { ...outcome, thrown: { name: "ImportError", message } };
  }

  function rank({ task }: GradedTest): number {
    return task === first ? 0 : 1;
  }
}

/** What becomes of the tests that no time is left for. */
const tooLate: Outcome = {
  ended: "timeout",
  thrown: {
    name: "TimeError",
    message: "The time for the whole submission was used up before this test",
  },
  loaded: false,
  output: "",
};
