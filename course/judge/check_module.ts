/**
 * Runs the graded tests of a module on a learner's files, and says of each what became of it.
 *
 * @module
 */
import { join, toFileUrl } from "@std/path";
import { existsSync } from "node:fs";
import { type CourseModule, modules, read, root } from "../content/course.ts";
import { findTasks } from "../content/task_bodies.ts";
import type { Owners } from "../names.ts";
import { declared, type GradedTest, listOnly } from "../sandbox/graded.ts";
import { placeOfFrame } from "../sandbox/places.ts";
import type { Limits, Outcome } from "../sandbox/process.ts";
import { type Observation, observe } from "../sandbox/recording.ts";
import { usualSeed } from "../sandbox/seeded.ts";
import { explainImport } from "./imports.ts";
import { judge, type Status, type Verdict } from "./judge.ts";
import { cut, received } from "./received.ts";
import { sandboxSources } from "./sandbox_sources.ts";
import { takeRunner } from "./sandbox_process.ts";

/** What became of one graded test. */
export interface Result extends Verdict {
  readonly task: string;
  readonly sentence: string;
  /** What it is worth, and what it earned: all or nothing. */
  readonly points: number;
  readonly earned: number;
  /** The test's file and line. */
  readonly test: string;
  /** Where to look in the learner's files: "workspace/01_tensor/shape.ts:12". */
  readonly place: string;
  /** What the learner's code printed. */
  readonly output: string;
  readonly ms: number;
}

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

/** Says what a test that was ended has done. */
const endings: Record<NonNullable<Outcome["ended"]>, [Status, string]> = {
  timeout: ["timeout", "It was still running and was ended: does a loop never end?"],
  memory: ["error", "It took more memory than a test may, and was ended"],
  crash: ["error", "It broke down outside of the test"],
};

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
  const found = new Map<GradedTest, Result>();
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
      const verdict = withPaths(safely(() => verdictOf(explained(outcome), right.observation)));
      const result = {
        ...verdict,
        task: test.task,
        sentence: test.sentence,
        points: test.points,
        earned: verdict.status === "passed" ? test.points : 0,
        test: `${test.file}:${test.line}`,
        place: placeOf(module, own, { test, verdict }),
        output: outcome.output,
        ms: Math.round(performance.now() - started),
      };
      found.set(test, result);
      options.onResult?.(result);
    }
  } finally {
    runner.close();
  }
  return tests.flatMap((test) => found.get(test) ?? []);

  /** Messages name the learner's files as they lie there. */
  function withPaths(verdict: Verdict): Verdict {
    const inside = `file:///yours/${module.folder}`;
    return { ...verdict, message: verdict.message.replaceAll(inside, shown(own ?? "")) };
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

/** The verdict, in few words; one that cannot be found is a verdict too, and the next test goes on. */
function safely(judging: () => Verdict): Verdict {
  try {
    const verdict = judging();
    return {
      ...verdict,
      message: cut(verdict.message),
      cause: verdict.cause && cut(verdict.cause),
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { status: "error", message: cut(`It gave what cannot be compared: ${reason}`) };
  }
}

/** The verdict on what came of a test. */
function verdictOf({ observation, ended, thrown, loaded }: Outcome, right: Observation): Verdict {
  if (observation === null) {
    return { status: "missing", message: "The test was not found among those that ran" };
  }
  if (observation) return judge(observation, right);
  const [status, message] = endings[ended ?? "crash"];
  if (thrown && ["ImportError", "TimeError"].includes(thrown.name)) {
    return { status, message: thrown.message };
  }
  const when = loaded
    ? message
    : message.replace(/^It|outside of the test/g, (text) =>
      text === "It" ? "The module" : "while it was loaded");
  return { status, message: thrown ? `${when}\n${thrown.name}: ${thrown.message}` : when, thrown };
}

// ── What is right ──

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

/** What a test shows with the reference, and the seed that it did so with. */
interface Right {
  readonly observation: Observation;
  readonly seed: string;
}

const rights = new Map<string, Promise<Right>>();

/** Observes the reference, once for each seed. */
function rightFor(test: GradedTest, seed: string): Promise<Right> {
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
    const observation = await observe(test, tried), verdict = judge(observation, observation);
    if (verdict.status === "passed") return { observation, seed: tried };
    message = verdict.message;
  }
  throw new Error(
    `Cannot grade "${test.task} ${test.sentence}": the reference itself fails it\n${message}`,
  );
}

// ── Where to look ──

interface Finding {
  readonly test: GradedTest;
  readonly verdict: Verdict;
}

/** Where it was thrown, or else where the task stands. */
function placeOf(module: CourseModule, own: string, { test, verdict }: Finding): string {
  const inside = `/yours/${module.folder}/`;
  const frames = (verdict.thrown?.stack ?? "").split("\n").map(placeOfFrame);
  const thrown = frames.find((place) => place?.file.includes(inside));
  if (thrown) return `${shown(own)}/${thrown.file.split(inside)[1]}:${thrown.line}`;
  const task = verdict.status === "todo" ? verdict.message.split(" ")[0] : test.task;
  return taskPlace(module, own, task) ?? `${shown(own)}/${module.files[0]}:1`;
}

/** Where a task stands in a folder of module files. */
export function taskPlace(module: CourseModule, own: string, task: string): string | undefined {
  for (const file of module.files.filter((file) => existsSync(join(own, file)))) {
    const source = read(join(own, file)), todo = source.indexOf(`TodoError("${task} `);
    const body = todo < 0 && new RegExp(`@task ${task}\\b`).test(source)
      ? bodyIn(source, task)
      : undefined;
    const line = todo < 0 ? body : source.slice(0, todo).split("\n").length;
    if (line !== undefined) return `${shown(own)}/${file}:${line}`;
  }
  return undefined;
}

function bodyIn(source: string, task: string): number | undefined {
  try {
    return findTasks(source).find((body) => body.task === task)?.line;
  } catch {
    return undefined; // it does not parse
  }
}

/** A path as a learner types it: from the repository on. */
export function shown(path: string): string {
  return path.startsWith(root) ? path.slice(root.length + 1).replaceAll("\\", "/") : path;
}
