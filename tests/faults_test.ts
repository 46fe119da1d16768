/**
 * The grader holds back what a learner's code may do, and says what it was.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { faults } from "./faults/faults.ts";
import type { Contained } from "./faults/run_faults.ts";
import { test } from "../course/sandbox/register.ts";

const here = process.versions.deno ? "deno" : "bun";
let contained: readonly Contained[] | undefined;

/** Tries all faults out, once. */
function containedFaults(): readonly Contained[] {
  if (contained) return contained;
  const file = fromFileUrl(new URL("./faults/run_faults.ts", import.meta.url));
  const flags = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-run"];
  const args = ["run", ...(here === "deno" ? flags : []), file];
  const run = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 200_000 });
  assertEquals(run.stderr, "");
  const found: Contained[] = JSON.parse(run.stdout);
  const rows = found.map(({ name, ends, seconds, message }) =>
    `${name.padEnd(48)} ${`${seconds} s`.padStart(6)}  ${ends.join(", ").padEnd(16)} ` +
    message.replaceAll("\n", " ").slice(0, 90)
  );
  console.log([`faults under ${here}`, ...rows].join("\n"));
  return contained = found;
}

for (const fault of faults) {
  test(`the grader contains code that ${fault.name}`, () => {
    const found = containedFaults().find(({ name }) => name === fault.name);
    assert(found);
    assertEquals(found.ends, [...fault.ends], found.message);
    assert(found.message.includes(fault.says ?? ""), found.message);
    assert(found.canary, "it deleted a file");
  }, { only: fault.only });
}
