/**
 * What holds for every shape, stride and axis, tried on thousands of random cases.
 *
 * @module
 */
import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { spawn } from "node:child_process";
import process from "node:process";
import { test } from "../course/sandbox/register.ts";

/** Runs them all in a process of their own, and gives its exit code and what it printed. */
function runAlone(): Promise<{ code: number | null; output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<
    { code: number | null; output: string }
  >();
  const file = fromFileUrl(new URL("properties/all.ts", import.meta.url));
  const child = spawn(process.execPath, ["run", file], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => output += text);
  }
  child.on("error", reject);
  child.on("close", (code) => resolve({ code, output: output.trim() }));
  return promise;
}

if ("Deno" in globalThis) {
  const { properties } = await import("./properties/all.ts");
  for (const { sentence, cases, check } of properties) test(`${sentence} [${cases} cases]`, check);
  test("the properties are tried on more than 10,000 cases", () => {
    const cases = properties.reduce((sum, property) => sum + property.cases, 0);
    console.log(`${properties.length} properties, ${cases} cases`);
    assert(cases > 10_000);
  });
} else {
  test("the properties hold, run by themselves: bun test fetches no packages", async () => {
    const { code, output } = await runAlone();
    console.log(output);
    assert(code === 0, output);
  });
}
