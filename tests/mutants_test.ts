/**
 * Each seeded bug loses points, and nearly each is named by what a learner reads first. The table is
 * printed; `deno task measure` prints the messages.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "../course/sandbox/register.ts";
import type { Caught } from "./mutants/caught.ts";
import { mutants } from "./mutants/mutants.ts";
import { shareOf } from "./project/shares.ts";

const root = fromFileUrl(new URL("../", import.meta.url));
const isDeno = process.versions.deno !== undefined;
/** The least share of the bugs that must be named. */
const leastNamed = 0.9;

const moreBugs: readonly unknown[] = JSON.parse(
  readFileSync(join(root, "tests/mutants/more_bugs.json"), "utf8"),
);
const alternatives: readonly string[] = JSON.parse(
  readFileSync(join(root, "tests/mutants/alternatives.json"), "utf8"),
).map(({ id }: { readonly id: string }) => id);

/** Tries bugs, by their numbers in the table. */
function measure(...args: readonly string[]): readonly Caught[] {
  const file = join(root, "tests/mutants/measure.ts");
  const flags = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-run"];
  const run = spawnSync(
    process.execPath,
    ["run", ...(isDeno ? flags : []), file, "--json", ...args],
    { encoding: "utf8", timeout: 600_000, maxBuffer: 2 ** 26 },
  );
  assertEquals(run.stderr, "");
  return JSON.parse(run.stdout);
}

let caught: readonly Caught[] | undefined;

/** What came of all bugs by the tests of their tasks; they are tried once. */
function caughtMutants(): readonly Caught[] {
  if (caught) return caught;
  caught = measure("--own-task");
  console.log(caught.map(rowOf).join("\n"));
  return caught;
}

function rowOf({ task, bug, lost, points, named, first }: Caught): string {
  const [, message = ""] = first.split("\n"), [, cause] = first.match(/likely: (.*)/) ?? [];
  return `${task.padEnd(5)} ${bug.slice(0, 60).padEnd(60)} ${
    `−${lost} of ${points}`.padStart(10)
  }` +
    `  ${named ? "named" : "     "}  ${(cause ?? message.trim()).slice(0, 80)}`;
}

test("every seeded bug loses points in its own task", () => {
  assertEquals(caughtMutants().filter(({ lost }) => lost === 0), []);
});

test("the message shown first names at least 90 % of the seeded bugs", () => {
  const found = caughtMutants(), named = found.filter((one) => one.named);
  const others = found.filter((one) => !one.named).map(({ task, bug }) => `${task} ${bug}`);
  assert(
    named.length >= leastNamed * found.length,
    `${named.length} of ${found.length}, without:\n${others.join("\n")}`,
  );
});

test("each of 300 more bugs loses points in its own module", () => {
  const ids = shareOf(
    Array.from({ length: moreBugs.length }, (_, k) => `+${k}`),
    8,
  );
  const found = measure("--more", ...ids);
  assertEquals(found.length, ids.length);
  assertEquals(found.filter(({ lost }) => lost === 0).map(({ bug }) => bug), []);
});

test("right programs that are written otherwise lose nothing", () => {
  const found = measure("tests/mutants/alternatives.json", ...shareOf(alternatives, 6));
  assert(found.length > 0);
  assertEquals(found.filter(({ lost }) => lost > 0).map(({ id }) => id), []);
});

test("a bug that is graded in the sandbox is told like one that is not", () => {
  const ids = shareOf([...mutants.keys()], 30).map((number) => `#${number}`);
  const here = measure(...ids), there = measure("--sandbox", ...ids);
  const facts = ({ id, lost, named, first }: Caught): unknown[] => [
    id,
    lost,
    named,
    first.replace(/ {2}yours: .*/, ""),
  ];
  assertEquals(there.map(facts), here.map(facts));
});

test("no bug counts as named by a function's name alone", () => {
  const names = mutants.filter(([, body, , , , named]) =>
    /^[\w.]+\(.*\)$/.test(named) || named === body
  );
  assertEquals(names.map(([task, , bug, , , named]) => `${task} ${bug}: ${named}`), []);
});

test("there are at least 60 seeded bugs, 5 a module", () => {
  const counts = Map.groupBy(mutants, ([task]) => task.slice(0, 2));
  assert(mutants.length >= 60);
  assertEquals([...counts].filter(([, ones]) => ones.length < 5).map(([number]) => number), []);
});
