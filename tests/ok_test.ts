/**
 * What `deno task ok` counts is what the test runners said.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Counts, countsOf, readCoverage, readSummary, report } from "./project/ok.ts";
import { shareOf } from "./project/shares.ts";
import { test } from "../course/sandbox/register.ts";

const summaries: [string, string, Counts?][] = [
  [
    "a good run of Deno",
    "a ... ok (1ms)\n\nok | 12 passed | 0 failed (34ms)\n\n",
    { passed: 12, failed: 0, skipped: 0 },
  ],
  [
    "a bad run of Deno",
    "FAILED | 2 passed (1 step) | 1 failed | 3 ignored | 4 filtered out (10ms)\n\n" +
    "error: Test failed\n",
    { passed: 2, failed: 1, skipped: 3 },
  ],
  [
    "the last of two summaries",
    "ok | 99 passed | 0 failed (1ms)\nok | 5 passed | 0 failed (2s)\n",
    { passed: 5, failed: 0, skipped: 0 },
  ],
  [
    "a good run of Bun",
    "(pass) a\n\n 12 pass\n 0 fail\n 34 expect() calls\nRan 12 tests across 2 files. [9.00ms]\n",
    { passed: 12, failed: 0, skipped: 0 },
  ],
  [
    "a bad run of Bun",
    " 99 pass\n\n 1 pass\n 2 skip\n 1 todo\n 3 fail\n 2 errors\nRan 7 tests across 3 files. [1s]\n",
    { passed: 1, failed: 3, skipped: 3 },
  ],
  ["a run of one test", " 1 pass\n 0 fail\nRan 1 test across 1 file. [5.00ms]\n", {
    passed: 1,
    failed: 0,
    skipped: 0,
  }],
  ["no summary at all", 'error: Module not found "file:///nothere.ts".\n'],
];
for (const [name, output, counts] of summaries) {
  test(`readSummary() reads ${name}`, () => {
    assertEquals(readSummary(output), counts);
  });
}

test("countsOf() makes a failure of a bad end, of no tests and of no summary", () => {
  const good = "ok | 3 passed | 0 failed (1ms)", none = "ok | 0 passed | 0 failed (1ms)";
  assertEquals(countsOf(0, good), { passed: 3, failed: 0, skipped: 0 });
  assertEquals(countsOf(1, good), { passed: 3, failed: 1, skipped: 0 });
  assertEquals(countsOf(0, none), { passed: 0, failed: 1, skipped: 0 });
  assertEquals(countsOf(1, "error: no tests\n"), { passed: 0, failed: 1, skipped: 0 });
  assertEquals(countsOf(1, "FAILED | 3 passed | 2 failed (1ms)"), {
    passed: 3,
    failed: 2,
    skipped: 0,
  });
});

test("readCoverage() sums up the lines of modules/, and names the files below 95 %", () => {
  const lcov = [
    "SF:/a/modules/b/modules/01_tensor/shape.ts\nFN:1,a\nDA:1,2\nDA:2,0\nLH:99\nLF:100",
    "SF:C:\\a\\modules\\02_activations\\relu.ts\nDA:1,1\nBRF:0\nBRH:0\nLH:47\nLF:50",
    "SF:/a/modules/03_layers/types.ts\nLH:0\nLF:0",
    "SF:/a/tests/project/ok.ts\nLH:1\nLF:1000\n",
  ].map((record) => `${record}\nend_of_record\n`).join("");
  assertEquals(readCoverage(lcov), {
    percent: 146 / 150 * 100,
    text: "97.3 % of 150 lines\n   94.0 % of modules\\02_activations\\relu.ts",
  });
  assertEquals(readCoverage(""), { percent: 0, text: "0.0 % of 0 lines" });
});

test("report() ends with the sums", () => {
  const tests = {
    title: "deno task test",
    result: "FAILED",
    seconds: 12.34,
    counts: { passed: 20, failed: 2, skipped: 0 },
  } as const;
  const lint = {
    title: "deno lint",
    result: "passed",
    seconds: 0.5,
    counts: { passed: 1, failed: 0, skipped: 0 },
  } as const;
  assertEquals(
    report([tests, lint]),
    `part            result   seconds
deno task test  FAILED      12.3
deno lint       passed       0.5

21 passed, 2 failed`,
  );
  const bun = {
    title: "bun test",
    result: "skipped",
    seconds: 0,
    counts: { passed: 0, failed: 0, skipped: 1 },
  } as const;
  assertEquals(report([lint, bun]).split("\n").slice(-3), [
    "skipped: 1",
    "",
    "1 passed, 0 failed",
  ]);
});

test("shareOf() picks a tenth by the commit, and another one for the next", () => {
  const things = Array.from({ length: 25 }, (_, k) => k);
  assertEquals(shareOf(things, 10, "0000000a5f", false), [0, 10, 20]);
  assertEquals(shareOf(things, 10, "0000000d5f", false), [3, 13, 23]);
  const all = Array.from({ length: 10 }, (_, k) => shareOf(things, 10, `0000000${k}`, false));
  assertEquals(all.flat().toSorted((a, b) => a - b), things);
  assertEquals(shareOf(things, 10, "0000000a5f", true), things);
});
