/**
 * A runtime that is too old is told so in one line.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import process from "node:process";
import { runtimeProblem, type Versions } from "../course/runtime.ts";
import { test } from "../course/sandbox/register.ts";

const wanted = "Kindling needs Deno 2.9 or Bun 1.4 or newer; this is";

const cases: [Versions, string?][] = [
  [{ deno: "2.9.0", node: "26.0.0" }],
  [{ deno: "2.9.6" }],
  [{ deno: "2.10.0" }],
  [{ deno: "3.0.0" }],
  [{ deno: "2.9.1+abcdef0" }],
  [{ deno: "2.8.9" }, `${wanted} Deno 2.8.9. Update with: deno upgrade`],
  [{ deno: "2.1.4", node: "22.0.0" }, `${wanted} Deno 2.1.4. Update with: deno upgrade`],
  [{ deno: "1.46.3" }, `${wanted} Deno 1.46.3. Update with: deno upgrade`],
  [{ bun: "1.4.0", node: "26.0.0" }],
  [{ bun: "1.12.0-canary.3" }],
  [{ bun: "1.3.9" }, `${wanted} Bun 1.3.9. Update with: bun upgrade`],
  [{ node: "24.1.0" }, `${wanted} Node 24.1.0. Run it with: npx -y deno task …`],
  [{}, `${wanted} neither. Run it with: npx -y deno task …`],
];
for (const [versions, problem] of cases) {
  test(`runtimeProblem(${JSON.stringify(versions)}) says ${problem ?? "nothing"}`, () => {
    assertEquals(runtimeProblem(versions), problem);
  });
}

test("the runtime that runs the tests will do", () => {
  assertEquals(runtimeProblem(process.versions), undefined);
});
