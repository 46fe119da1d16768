/**
 * Milestone 01: what its run prints, against what was measured by other means, and what it says.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import type { PerceptronDocument } from "../milestones/01_1958_perceptron/perceptron_schema.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";

const root = fromFileUrl(new URL("../", import.meta.url));
const page = join(root, "milestones", "01_1958_perceptron", "perceptron.ts");

function run(...words: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  const permissions = process.versions.deno ? ["--allow-read", "--allow-write", "--allow-env"] : [];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["run", ...permissions, page, ...words],
    { encoding: "utf8", env: { ...process.env, NO_COLOR: "1", COLUMNS: "80" } },
  );
  return { code: status, stdout, stderr };
}

const { stdout, code } = run("--json");
const measured: PerceptronDocument = JSON.parse(stdout);

test("perceptron --json prints what its schema says, and passes", async () => {
  const { perceptronDocument } = await import(
    "../milestones/01_1958_perceptron/perceptron_schema.ts"
  );
  assertEquals(code, 0);
  assertEquals(perceptronDocument.parse(measured), measured);
  assertEquals(measured.evidence.map(({ passed }) => passed), Array(7).fill(true));
}, { only: "deno" }); // Zod is fetched, and `bun test` fetches nothing

test("0 against 1 makes the mistakes that a loop without tensors makes", () => {
  const file = readFileSync(join(root, "datasets/tinydigits/train-images-idx3-ubyte"));
  const labels = readFileSync(join(root, "datasets/tinydigits/train-labels-idx1-ubyte")).subarray(
    8,
  );
  const examples = [...labels].flatMap((digit, k) => {
    if (digit > 1) return [];
    const pixels = [...file.subarray(16 + 64 * k, 16 + 64 * (k + 1))].map((ink) => ink / 16);
    return [[...pixels, 1].map((x) => digit === 0 ? x : -x)];
  });
  const w = Array<number>(65).fill(0), mistakes: number[] = [];
  for (let wrong = true; wrong;) {
    wrong = false;
    for (const [k, x] of examples.entries()) {
      if (x.reduce((sum, value, i) => sum + value * w[i], 0) > 0) continue;
      x.forEach((value, i) => w[i] += value);
      mistakes.push(k);
      wrong = true;
    }
  }
  assertEquals(measured.first.mistakes, mistakes);
  assert(measured.first.weights.every((weight, i) => Math.abs(weight - w[i]) < 1e-5));
});

test("the best margin of 0 against 1 is bracketed where another solver found it", () => {
  const { least, most } = measured.first.margin;
  assert(least <= 0.6229 && 0.6229 <= most, `${least} to ${most}`);
  assertEquals(Math.floor(measured.first.bound), 62);
});

test("the chapter's table is what the run prints", () => {
  const chapter = readFileSync(
    join(root, "milestones", "01_1958_perceptron", "README.md"),
    "utf8",
  );
  const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
  const { first, vote, pixels, association, pairs } = measured;
  const shifted = Object.values(first.shifted).reduce((sum, part) => sum + part, 0) / 4;
  const rows = [
    ["0 against 1", "11 mistakes", percent(first.test), percent(shifted)],
    ["45 pairs that vote", "45 of 45", percent(vote.test), percent(vote.shifted)],
    [
      "ten machines on 64 pixels",
      `${pixels.clean} of 10`,
      percent(pixels.test),
      percent(pixels.shifted),
    ],
    ["ten on 512 random", "10 of 10", percent(association.test), percent(association.shifted)],
  ];
  for (const row of rows) {
    const pattern = row.map((cell) => cell.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*");
    assertMatch(chapter, RegExp(pattern), row[0]);
  }
  const mean = (key: "test" | "averagedTest"): number =>
    pairs.reduce((sum, pair) => sum + pair[key], 0) / pairs.length;
  assertMatch(
    chapter,
    RegExp(`${percent(mean("test"))}\\s+right, the mean ${percent(mean("averagedTest"))}`),
  );
  assertEquals(pixels.notClean, [1, 3, 5, 8, 9]);
});

test("perceptron writes a page that needs nothing else, and refuses what it does not have", () =>
  inFolder((folder) => {
    const path = join(folder, "page.html");
    assertEquals(run("--quiet", "--report", path).code, 0);
    const html = readFileSync(path, "utf8");
    assertMatch(html, /<h1>Milestone 01 · 1958/);
    assertEquals(/<script|src="http/.test(html), false);
    for (
      const words of [["--export", "a.onnx"], ["--save", "a"], ["--epochs", "3"], ["--seed", "x"]]
    ) {
      const { code, stderr } = run(...words);
      assertEquals([code, stderr.split("\n").length <= 4], [2, true], `${words}: ${stderr}`);
    }
  }));

test("the lesson is one page, and needs nothing of what came after module 01", () => {
  const source = readFileSync(page, "utf8");
  assert(source.split("\n").length <= 150);
  assertEquals([...source.matchAll(/from "(#\w+)"/g)].map(([, name]) => name), [
    "#random",
    "#tensor",
  ]);
});
