/**
 * The judge: what became of a test, which of its checks is told, and what the test's own text says.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { detailOf } from "../course/commands/print.ts";
import { judge, type Verdict } from "../course/judge/judge.ts";
import { firstDifference } from "../course/judge/difference.ts";
import { mostTelling } from "../course/judge/result.ts";
import { rightFor, testsOf } from "../course/judge/right.ts";
import { type CheckLines, readCheck } from "../course/judge/test_source.ts";
import { moduleOf } from "../course/content/course.ts";
import type { GradedTest } from "../course/sandbox/graded.ts";
import { type Check, observe } from "../course/sandbox/recording.ts";
import { test } from "../course/sandbox/register.ts";
import { usualSeed } from "../course/sandbox/seeded.ts";

const check: Check = { kind: "equal", actual: 4, expected: 4 };

test("judge() counts on what it expected itself, whatever is sent", () => {
  const right = { checks: [check] };
  assertEquals(
    judge({ checks: [{ kind: "equal", actual: 5, expected: 5 }] }, right).status,
    "failed",
  );
  assertEquals(
    judge({ checks: [{ kind: "condition", holds: true, sentence: "" }] }, right).status,
    "failed",
  );
  assertEquals(judge({ checks: [] }, right).status, "failed");
  assertEquals(judge({ checks: [check, check] }, right).status, "failed");
  assertEquals(judge({ checks: [check] }, right).status, "passed");
});

test("judge() tells a task that is not written from a mistake", () => {
  const thrown = { name: "TodoError", message: "01.1 sizeOf() is yours to write" };
  assertEquals(judge({ checks: [], thrown }, { checks: [check] }).status, "todo");
  const caught: Check = { kind: "error", actual: thrown, name: "Error", mentions: [] };
  assertEquals(judge({ checks: [caught] }, { checks: [caught] }).status, "todo");
  const other = { ...thrown, name: "TypeError" };
  assertEquals(judge({ checks: [], thrown: other }, { checks: [check] }).status, "error");
});

test("judge() takes a tensor for wrong whose shape does not fit its numbers", () => {
  const right: Check = {
    kind: "tensor",
    actual: null,
    expected: { data: [1, 2, 3], shape: [3] },
    tolerance: 0,
  };
  for (const shape of [[2 ** 31], [-3], [3.5], [1, 3, 1e9]]) {
    const shown = { ...right, actual: { data: [1, 2, 4], shape } };
    assertEquals(judge({ checks: [shown] }, { checks: [right] }).status, "failed");
  }
});

/** What is said of a value that is not the one expected. */
function verdictOn(actual: unknown, expected: unknown, name?: string): Verdict {
  const right: Check = { kind: "equal", actual: expected, expected, name };
  return judge({ checks: [{ ...right, actual }] }, { checks: [right] });
}

test("a wrong value is named, and what differs in it is marked", () => {
  assertEquals(
    verdictOn(5, 6, "sizeOf([3, 2])").message,
    "Wrong value of sizeOf([3, 2]): expected 6, got 5",
  );
  const orders = Array.from({ length: 15 }, (_, k) => [k, k + 1, k + 2, k + 3]);
  const other = orders.with(6, [6, 7, 9, 9]);
  assertMatch(
    verdictOn(other, orders).message,
    /\n {2}first difference at \[6\]\[2\]: expected 8, got 9$/,
  );
});

/** Two values, and where they differ first. */
const differences: [unknown, unknown, string][] = [
  [[1, 2, 3], [1, 5, 3], "[1]"],
  [{ a: 1, b: { c: [1, 2] } }, { a: 1, b: { c: [1, 3] } }, ".b.c[1]"],
  [new Map([["x", [1]]]), new Map([["x", [2]]]), ".get(x)[0]"],
  [{ a: 1 }, { b: 1 }, ""],
  [[1, 2], [1, 2, 3], ""],
  [[1, 2, 3], [1, 2], ""],
  [1, "1", ""],
  [Float64Array.of(1, 2), Float64Array.of(1, 3), "[1]"],
];
for (const [actual, expected, path] of differences) {
  test(`firstDifference() of ${JSON.stringify(actual)} and ${JSON.stringify(expected)}`, () => {
    assertEquals(firstDifference(actual, expected).path, path);
  });
}

// ── What is told first ──

test("that an input was changed is told before what came of it", () => {
  const wrong: Check = { kind: "equal", actual: [2], expected: [1] };
  const right: Check = { ...wrong, actual: [1] };
  const { check, cause } = judge({ checks: [wrong, wrong] }, { checks: [right, right] }, (k) => ({
    name: k === 1 ? "x" : undefined,
    isInput: k === 1,
  }));
  assertEquals([check, cause], [1, "x was changed: what is given must stay as it is"]);
});

test("the most telling red test of the first task that has one is shown first", () => {
  const of = (task: string, rank: number, status: Verdict["status"] = "failed") =>
    ({ task, rank, status }) as const;
  const chosen = of("01.2", 0);
  const results = [of("01.1", 9, "passed"), of("01.2", 4), of("01.2", 1), chosen, of("01.3", 0)];
  assertEquals(mostTelling(results), chosen);
  assertEquals(mostTelling([of("01.1", 9, "passed")]), undefined);
});

test("a test that needs an earlier task waits for it, and is not an error", () => {
  const message = "01.1 sizeOf() is yours to write";
  const lines = detailOf({
    task: "01.4",
    sentence: "add() works",
    status: "todo",
    message,
    points: 2,
    earned: 0,
    test: "tensor_test.ts:7",
    place: "shape.ts:3",
    output: "",
    ms: 0,
    waitsFor: "01.1",
  });
  assertEquals(lines.slice(0, 2), [
    "waits    01.4  add() works (2 points)",
    `    It waits for 01.1: ${message}`,
  ]);
});

// ── What the test's text says ──

/** The graded test with a sentence, and what its text says of a check. */
async function readIn(
  task: string,
  sentence: string,
  check: number,
): Promise<CheckLines | undefined> {
  const module = moduleOf(task);
  if (!module) throw new Error(`There is no module of ${task}`);
  const found = (await testsOf(module)).find((test) =>
    test.task === task && test.sentence.startsWith(sentence)
  );
  if (!found) throw new Error(`There is no test of ${task} ${sentence}`);
  const { trace } = await rightFor(found, usualSeed);
  return readCheck(found, trace.checks[check].stack ?? "");
}

test("readCheck() finds the line of a check, the value's expression, and what it was made from", async () => {
  const found = await readIn("01.4", "add(), sub(), mul() and div() work", 1);
  assertEquals(found?.name, "a.sub(b)");
  assertEquals(found?.isInput, false);
  assertEquals(found?.lines.map(({ text }) => text), [
    "const a = Tensor.of([[8, 6], [4, -2]]), b = Tensor.of([[2, 3], [-4, 4]]);",
    "t.expectTensor(a.sub(b), [[6, 3], [8, -6]]);",
  ]);
});

test("readCheck() knows what a test made itself, to see whether it was changed", async () => {
  const shape = await readIn("01.2", "stridesOf() leaves the shape", 0);
  assertEquals([shape?.name, shape?.isInput], ["shape", true]);
  assertEquals(shape?.lines.map(({ text }) => text), [
    "const shape = [2, 3, 4];",
    "stridesOf(shape);",
    "t.expectEqual(shape, [2, 3, 4]);",
  ]);
  const moved = await readIn("06.1", "SGD.step() keeps a part", 0);
  assertEquals([moved?.name, moved?.isInput], ["w", false]);
});

test("readCheck() names what a test hands to a function that checks for several tests", async () => {
  const found = await readIn("07.2", "cosine() falls", 0);
  assertEquals(found?.name, "cosine(2)");
  assertMatch(found?.lines[0].text ?? "", /^expectRates\(t, cosine\(2\), /);
});

test("readCheck() knows the lists that loops around a check go through", async () => {
  const found = await readIn("05.7", "the rule for sum gives", 0);
  assertEquals(found?.loops.length, 1);
  assertEquals(found?.loops[0].length, 4);
  assertEquals(found?.loops[0][0], "[(x) => x.sum(), 7, [[7, 7, 7], [7, 7, 7]]]");
});

test("readCheck() finds nothing in a stack that does not lead into the test", () => {
  const declared: GradedTest = {
    task: "01.1",
    points: 1,
    sentence: "",
    file: "modules/01_tensor/tensor_test.ts",
    line: 33,
    body: () => {},
  };
  assertEquals(
    readCheck(declared, "Error\n    at f (/elsewhere/01_tensor/shape.ts:3:4)"),
    undefined,
  );
  assertEquals(
    readCheck(declared, "Error\n    at f (/a/01_tensor/tensor_test.ts:9999:4)"),
    undefined,
  );
});

test("each check of each graded test is found in its text", async () => {
  const missing: string[] = [];
  for (const number of ["01", "04", "07"]) {
    const module = moduleOf(number);
    for (const found of module ? await testsOf(module) : []) {
      const { trace } = await rightFor(found, usualSeed);
      trace.checks.forEach(({ stack = "" }, k) => {
        if (k < 50 && !readCheck(found, stack)) {
          missing.push(`${found.task} ${found.sentence} ${k}`);
        }
      });
    }
  }
  assertEquals(missing, []);
});

// ── Taking down ──

test("observe() takes down checks without judging, and what ended the test", async () => {
  const declared = { task: "01.1", points: 1, sentence: "a", file: "", line: 0 };
  const seen = await observe({
    ...declared,
    body: (t) => {
      t.expectEqual(1, 2);
      t.expectTensor({ data: [1], shape: [] }, 2);
      throw new RangeError("late");
    },
  });
  assertEquals(seen.checks.map(({ kind }) => kind), ["equal", "tensor"]);
  assertEquals([seen.thrown?.name, seen.thrown?.message], ["RangeError", "late"]);
});
