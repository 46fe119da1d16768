/**
 * Each seeded bug loses points, and nearly each is named. The table is printed.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "../course/sandbox/register.ts";
import type { Caught } from "./mutants/caught.ts";
import { mutants } from "./mutants/mutants.ts";
import { canBeSwitched, runSwitched } from "./mutants/run_switched.ts";
import { shareOf } from "./project/shares.ts";

const root = fromFileUrl(new URL("../", import.meta.url));
const isDeno = process.versions.deno !== undefined;
/** The least share of the bugs that must be named. */
const leastNamed = 0.9;

/**
 * The bugs that are graded as a learner's files are, in the sandbox, by all tests of their module;
 * each of the others is tried by the tests of its own task.
 */
const graded = new Set(shareOf([...mutants.keys()], 10));
for (const bug of mutants.keys()) if (!canBeSwitched(bug)) graded.add(bug);

let caught: readonly Caught[] | undefined;

/** Seeds all bugs; once. */
function caughtMutants(): readonly Caught[] {
  if (caught) return caught;
  const others = runSwitched(root, [...mutants.keys()].filter((bug) => !graded.has(bug)));
  const all = new Map([...grade([...graded]), ...others]);
  const found = [...mutants.keys()].flatMap((bug) => all.get(bug) ?? []);
  assertEquals(found.length, mutants.length);
  const rows = found.map(({ task, bug, lost, points, named, feedback }) => {
    const cause = feedback.match(/likely: (?:.*?; )?(.*)/)?.[1] ?? feedback.split("\n")[0];
    return `${task.padEnd(5)} ${bug.slice(0, 60).padEnd(60)} ${
      `−${lost} of ${points}`.padStart(10)
    }  ` +
      `${named ? "named" : "     "}  ${cause.slice(0, 80)}`;
  });
  console.log(rows.join("\n"));
  return caught = found;
}

/** Grades bugs by all tests of their modules. */
function grade(bugs: readonly number[]): [bug: number, Caught][] {
  const file = join(root, "tests/mutants/run_mutants.ts");
  const flags = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-run"];
  const args = isDeno ? ["run", ...flags, "--allow-sys=cpus", file] : ["run", file];
  const run = spawnSync(process.execPath, [...args, ...bugs.map(String)], {
    encoding: "utf8",
    timeout: 600_000,
    maxBuffer: 2 ** 26,
  });
  assertEquals(run.stderr, "");
  const found: readonly Caught[] = JSON.parse(run.stdout);
  return found.map((one, k) => [bugs[k], one]);
}

test("every seeded bug loses points", () => {
  assertEquals(caughtMutants().filter(({ lost }) => lost === 0), []);
});

test("at least 90 % of the seeded bugs are named", () => {
  const found = caughtMutants(), named = found.filter((one) => one.named);
  assert(named.length >= leastNamed * found.length, `${named.length} of ${found.length}`);
});

test("there are at least 60 seeded bugs, 5 a module, and one for each signature", () => {
  const counts = Map.groupBy(mutants, ([task]) => task.slice(0, 2));
  assert(mutants.length >= 60);
  assertEquals([...counts].filter(([, ones]) => ones.length < 5).map(([number]) => number), []);
  const signatures = [
    "every sign is flipped",
    "times too large",
    "times too small",
    "transposed",
    "not summed over axis",
    "overwritten",
    "still in it",
    "where the input is 0",
    "in other cells",
    "stride or padding",
    "float32",
  ];
  const named = mutants.map((mutant) => mutant[5]);
  assertEquals(signatures.filter((signature) => !named.includes(signature)), []);
});
