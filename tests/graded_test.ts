/**
 * How tests are declared: what a learner reads when one fails, that random
 * cases are the same everywhere, and that nothing is skipped unseen.
 *
 * @module
 */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { stripVTControlCharacters } from "node:util";
import { AssertionError } from "../course/sandbox/assertion_error.ts";
import { createContext } from "../course/sandbox/context.ts";
import {
  declared,
  graded,
  type GradedContext,
  type GradedTest,
  type Nested,
  type TensorLike,
} from "../course/sandbox/graded.ts";
import { placeOfCaller, placeOfFrame } from "../course/sandbox/places.ts";
import { test } from "../course/sandbox/register.ts";
import { runGraded, strictChecks } from "../course/sandbox/strict.ts";
import { inFolder } from "./project/in_folder.ts";

const root = new URL("../", import.meta.url);
const t = contextOf("00.1", "a sentence");

/** What a test is given outside of the grader. */
function contextOf(task: string, sentence: string): GradedContext {
  return createContext({ task, sentence }, undefined, strictChecks);
}

/** What a body that must fail says. */
function messageOf(body: () => unknown): string {
  const error = assertThrows(body, Error);
  assertEquals(error.name, "AssertionError"); // ours, or the one of @std/assert
  return error.message;
}

function tensor(data: number[], ...shape: number[]): TensorLike {
  return { data: Float32Array.from(data), shape };
}

// ── Declaring ──

// A declaration that this file makes in earnest, and then looks at.
graded("00.1", 2, "graded() declares a test that runs", (t) => {
  t.expect(declared.some(({ task }) => task === "00.1"), "the list holds this test");
});

test("graded() remembers what was declared, and where", () => {
  const [{ task, points, sentence, file, line }] = declared.filter(({ task }) => task === "00.1");
  assertEquals(
    { task, points, sentence, file, line: line > 30 && line < 60 },
    {
      task: "00.1",
      points: 2,
      sentence: "graded() declares a test that runs",
      file: "tests/graded_test.ts",
      line: true,
    },
  );
});

for (
  const [task, points, sentence, message] of [
    ["1.5", 1, "s", 'Cannot declare a graded test: its task must look like "01.5", "1.5" does not'],
    ["01", 1, "s", 'Cannot declare a graded test: its task must look like "01.5", "01" does not'],
    [
      "01.0",
      1,
      "s",
      'Cannot declare a graded test: its task must look like "01.5", "01.0" does not',
    ],
    [
      "01.5",
      0,
      "s",
      "Cannot declare a graded test of 01.5: points must be a whole number of at least 1, 0 is not",
    ],
    [
      "01.5",
      2.5,
      "s",
      "Cannot declare a graded test of 01.5: points must be a whole number of at least 1, 2.5 is not",
    ],
    ["01.5", 1, " ", "Cannot declare a graded test of 01.5: its sentence must not be empty"],
  ] as const
) {
  test(`graded("${task}", ${points}, "${sentence}") is refused`, () => {
    const error = assertThrows(() => graded(task, points, sentence, doNothing), TypeError);
    assertEquals(error.message, message);
  });
}

function doNothing(): void {}

for (
  const [frame, file, line] of [
    ["    at file:///home/me/a_test.ts:12:3", "/home/me/a_test.ts", 12],
    ["    at graded (file:///home/me/a%20b/c_test.ts:5:1)", "/home/me/a b/c_test.ts", 5],
    ["    at async file:///home/me/a_test.ts:7:3", "/home/me/a_test.ts", 7],
    ["    at file:///C:/me/a_test.ts:12:3", "C:/me/a_test.ts", 12],
    ["    at /home/me/a_test.ts:3:1", "/home/me/a_test.ts", 3],
    ["    at <anonymous> (/home/me (old)/a_test.ts:8:29)", "/home/me (old)/a_test.ts", 8],
    ["    at module code (C:\\me\\a_test.ts:4:1)", "C:/me/a_test.ts", 4],
    ["      at /home/me/a_test.ts:9", "/home/me/a_test.ts", 9],
  ] as const
) {
  test(`placeOfFrame() reads ${frame.trim()}`, () => {
    assertEquals(placeOfFrame(frame), { file, line });
  });
}

test("placeOfFrame() finds no place in a frame without a file", () => {
  assertEquals(placeOfFrame("Error: at last"), undefined);
  assertEquals(placeOfFrame("    at Array.forEach (<anonymous>)"), undefined);
  assertEquals(placeOfFrame("    at forEach (native:1:11)"), undefined);
});

test("placeOfCaller() is relative inside of the repository and absolute outside", () => {
  const declaring = new URL("course/sandbox/graded.ts", root).href;
  const inside = new URL("modules/01_tensor/tensor_test.ts", root).href;
  assertEquals(
    placeOfCaller(`Error\n    at graded (${declaring}:90:3)\n    at ${inside}:12:1`),
    { file: "modules/01_tensor/tensor_test.ts", line: 12 },
  );
  assertEquals(
    placeOfCaller(
      `Error\n    at graded (${declaring}:90:3)\n    at file:///elsewhere/a_test.ts:3:1`,
    ),
    { file: "/elsewhere/a_test.ts", line: 3 },
  );
  assertEquals(placeOfCaller("Error"), { file: "an unknown file", line: 0 });
});

// ── Running ──

function declaration(body: (t: GradedContext) => void | Promise<void>): GradedTest {
  const file = "modules/01_tensor/tensor_test.ts";
  return { task: "01.5", points: 3, sentence: "matmul() works", file, line: 12, body };
}

test("a failing graded test ends with the place where it was declared", async () => {
  const original = new RangeError("Cannot do it\n  hint: do something else");
  const failing = declaration(() => {
    throw original;
  });
  const message = "Cannot do it\n  hint: do something else\n" +
    "declared at modules/01_tensor/tensor_test.ts:12";
  for (let run = 0; run < 2; run++) {
    const error = await assertRejects(() => runGraded(failing));
    assertEquals(error === original, true);
    assertEquals(original.message, message);
  }
});

test("a graded test that fails later says the same", async () => {
  const error = await assertRejects(
    () => runGraded(declaration((t) => Promise.resolve().then(() => t.expect(false, "It holds")))),
    AssertionError,
  );
  assertEquals(error.message, "It holds\ndeclared at modules/01_tensor/tensor_test.ts:12");
});

test("a graded test that throws no Error, or a frozen one, fails with one", async () => {
  for (const [thrown, text] of [["x", "x was thrown"], [Object.freeze(new Error("y")), "y"]]) {
    const error = await assertRejects(
      () =>
        runGraded(declaration(() => {
          throw thrown;
        })),
      Error,
    );
    assertEquals(error.message, `${text}\ndeclared at modules/01_tensor/tensor_test.ts:12`);
    assertEquals(error.cause, thrown);
  }
});

test("the test runner shows name, points and place of a failing graded test", () => {
  const output = runFile(`
import { graded } from "${new URL("course/sandbox/graded.ts", root)}";
graded("01.5", 3, "matmul() fills each cell", (t) => {
  t.expectEqual(1, 2);
});`);
  assertEquals(output.match(/01\.5 matmul\(\) fills each cell \(3 points\)/)?.length, 1);
  assertEquals(output.match(/\ndeclared at .*sample_test\.ts:3\n/)?.length, 1);
});

test("a test for the other runtime, or not for now, is shown as skipped", () => {
  const other = "Deno" in globalThis ? "bun" : "deno";
  const output = runFile(`
import { test } from "${new URL("course/sandbox/register.ts", root)}";
test("first", () => { throw new Error("it ran"); }, { only: "${other}" });
test("second", () => { throw new Error("it ran"); }, { skip: "no data" });
test("third", () => {});`);
  assertEquals(output.includes(`first [runs under ${other} only]`), true);
  assertEquals(output.includes("second [no data]"), true);
  const counts = "Deno" in globalThis
    ? /1 passed \| 0 failed \| 2 ignored/
    : /1 pass\n 2 skip\n 0 fail/;
  assertEquals(counts.test(output), true, output);
});

test("a file cannot have two tests of one name", () => {
  const output = runFile(`
import { test } from "${new URL("course/sandbox/register.ts", root)}";
test("it holds", () => {});
test("it holds", () => {});`);
  const says = /Cannot declare "it holds" a second time: .*sample_test\.ts has a test of that name/;
  assertEquals(says.test(output), true, output);
});

/** Runs a test file of its own with this runtime; returns what was printed. */
function runFile(source: string): string {
  return inFolder((folder) => {
    const file = join(folder, "sample_test.ts");
    writeFileSync(file, source);
    const config = new URL("deno.json", root);
    const args = "Deno" in globalThis
      ? ["test", "--no-check", "--no-lock", `--config=${toPath(config)}`, toFileUrl(file).href]
      : ["test", file];
    const env = { ...process.env, NO_COLOR: "1" };
    const run = spawnSync(process.execPath, args, { cwd: folder, env, encoding: "utf8" });
    return stripVTControlCharacters(run.stdout + run.stderr);
  });
}

function toPath(url: URL): string {
  return decodeURIComponent(url.pathname).replace(/^\/(?=[A-Za-z]:)/, "");
}

// ── Random cases ──

test("t gives the same numbers in every run and on every runtime", () => {
  const t = contextOf("01.5", "matmul() works");
  assertEquals(t.normal([2, 2]), [[-0.9493609666824341, -0.06431744992733002], [
    1.384852647781372,
    -0.3087981641292572,
  ]]);
  assertEquals(t.uniform([2], -1, 1), [0.3617905378341675, -0.39847931265830994]);
  assertEquals(t.integers(8, 1, 6), [4, 1, 3, 1, 4, 4, 3, 4]);
  assertEquals(t.integer(0, 1000), 46);
  assertEquals(t.uniform([]), 0.11089480668306351);
});

test("t gives other numbers for another sentence or task", () => {
  const first = contextOf("01.5", "a").integers(4, 0, 1_000_000);
  assertEquals(contextOf("01.5", "a").integers(4, 0, 1_000_000), first);
  assertEquals(
    contextOf("01.5", "b").integers(4, 0, 1_000_000).includes(first[0]),
    false,
  );
  assertEquals(
    contextOf("01.6", "a").integers(4, 0, 1_000_000).includes(first[0]),
    false,
  );
});

test("t.normal() has mean 0, variance 1, and numbers that fit in float32", () => {
  const numbers = contextOf("01.5", "moments").normal([4000]);
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  assertEquals([Math.abs(mean) < 0.05, Math.abs(variance - 1) < 0.05], [true, true]);
  assertEquals(numbers.every((x) => x === Math.fround(x)), true);
});

test("t.uniform() and t.integer() stay within their bounds and reach them", () => {
  const t = contextOf("01.5", "bounds");
  const numbers = t.uniform([4000], -2, 3);
  assertEquals(numbers.every((x) => x >= -2 && x <= 3), true);
  assertEquals([Math.min(...numbers) < -1.9, Math.max(...numbers) > 2.9], [true, true]);
  assertEquals([...new Set(t.integers(200, -1, 2))].sort(), [-1, 0, 1, 2]);
});

test("t.normal() is typed by its shape", () => {
  const cube: number[][][] = t.normal([2, 3, 4]);
  const shape: readonly number[] = [2, 1];
  const nested: Nested = t.normal(shape);
  assertEquals([cube.length, cube[0].length, cube[0][0].length], [2, 3, 4]);
  assertEquals(Array.isArray(nested), true);
});

// ── t.expectTensor ──

test("expectTensor() accepts equal tensors, lists and numbers", () => {
  t.expectTensor(tensor([1, 2, 3, 4], 2, 2), [[1, 2], [3, 4]]);
  t.expectTensor(tensor([1, 2], 2), tensor([1, 2], 2));
  t.expectTensor(tensor([1, 2], 2), { data: Float64Array.of(1, 2), shape: [2] });
  t.expectTensor(tensor([3]), 3);
  t.expectTensor(tensor([NaN, Infinity, -Infinity, -0], 4), [NaN, Infinity, -Infinity, 0]);
});

test("expectTensor() allows tolerance · max(1, |expected|)", () => {
  t.expectTensor(tensor([0.5, 1000], 2), [0.50009, 1000.09], 1e-4);
  assertThrows(() => t.expectTensor(tensor([0.5], 1), [0.5002], 1e-4), AssertionError);
  assertThrows(() => t.expectTensor(tensor([1000], 1), [1000.2], 1e-4), AssertionError);
  assertThrows(() => t.expectTensor(tensor([1], 1), [Infinity]), AssertionError);
  assertThrows(() => t.expectTensor(tensor([Infinity], 1), [1]), AssertionError);
  assertThrows(() => t.expectTensor(tensor([-Infinity], 1), [Infinity]), AssertionError);
  assertThrows(() => t.expectTensor(tensor([NaN], 1), [1]), AssertionError);
  assertThrows(() => t.expectTensor(tensor([1], 1), [NaN]), AssertionError);
});

test("expectTensor() shows a wrong shape", () => {
  assertEquals(
    messageOf(() => t.expectTensor(tensor([1, 2, 3, 4], 2, 2), [1, 2, 3, 4])),
    "Wrong shape: expected (4,), got (2, 2)",
  );
  assertEquals(
    messageOf(() => t.expectTensor(tensor([1], 1), 1)),
    "Wrong shape: expected (), got (1,)",
  );
});

test("expectTensor() says what came in place of a tensor", () => {
  const cases = [
    [undefined, "undefined"],
    [null, "null"],
    [3, "3"],
    [{}, "an object of class Object"],
    [[1, 2], "an object of class Array"],
  ] as const;
  for (const [value, text] of cases) {
    assertEquals(
      messageOf(() => t.expectTensor(value as unknown as TensorLike, [1, 2])),
      `Wrong value: expected a tensor of shape (2,), got ${text}`,
    );
  }
  assertEquals(
    messageOf(() => t.expectTensor(tensor([1, 2, 3], 2), [1, 2])),
    "Wrong data: a tensor of shape (2,) holds 2 numbers, this one holds 3",
  );
});

test("expectTensor() marks the wrong cells of a grid", () => {
  assertEquals(
    messageOf(() => t.expectTensor(tensor([19, 22, 43, 51], 2, 2), [[19, 22], [43, 50]])),
    `Wrong values: 1 of 4, marked * (tolerance 0.00001)
  expected   got
  19 22      19  22
  43 50      43  51*`,
  );
  assertEquals(
    messageOf(() => t.expectTensor(tensor([0.25, -1, NaN], 3), [0.5, -1, 2 / 3], 1e-3)),
    `Wrong values: 2 of 3, marked * (tolerance 0.001)
  expected               got
     0.5     -1 0.6667   0.25*   -1   NaN*`,
  );
});

test("expectTensor() shows a wrong number without a grid", () => {
  assertEquals(
    messageOf(() => t.expectTensor(tensor([2]), 3)),
    "Wrong value: expected 3, got 2 (tolerance 0.00001)",
  );
});

test("expectTensor() writes as many digits as tell the values apart", () => {
  assertEquals(
    messageOf(() => t.expectTensor(tensor([0.1]), 0.1, 0)),
    "Wrong value: expected 0.1, got 0.100000001 (tolerance 0)",
  );
});

test("expectTensor() shows a part of a big tensor, from its first wrong cell", () => {
  const data = Array.from({ length: 2 * 9 * 20 }, (_, i) => i);
  const expected = tensor(data, 2, 9, 20);
  data[230] = -1; // [1, 2, 10]
  data[359] = -2; // [1, 8, 19]
  assertEquals(
    messageOf(() => t.expectTensor(tensor(data, 2, 9, 20), expected)),
    `Wrong values: 2 of 360, marked * (tolerance 0.00001)
  expected                  got
  210 211 212 213 214 215   210  211  212  213  214  215
  230 231 232 233 234 235    -1* 231  232  233  234  235
  250 251 252 253 254 255   250  251  252  253  254  255
  270 271 272 273 274 275   270  271  272  273  274  275
  290 291 292 293 294 295   290  291  292  293  294  295
  310 311 312 313 314 315   310  311  312  313  314  315
  330 331 332 333 334 335   330  331  332  333  334  335
  350 351 352 353 354 355   350  351  352  353  354  355
  (shown: 48 of 360, from [1, 1, 10])`,
  );
});

test("expectTensor() refuses lists of different lengths", () => {
  const error = assertThrows(() => t.expectTensor(tensor([1], 1), [[1, 2], [3]]), TypeError);
  assertEquals(
    error.message,
    "Cannot compare with these lists: lists side by side must be equally long",
  );
});

// ── The other checks ──

function refuse(): never {
  throw new RangeError("Cannot do it: 3 is not 2");
}

test("expectError() returns an error of a class that mentions numbers, however it is worded", () => {
  const error = t.expectError(refuse, "RangeError", [3, 2]);
  assertEquals(error instanceof RangeError, true);
});

test("expectError() finds shapes in any brackets, and no number within another", () => {
  const says = (message: string) => (): never => {
    throw new TypeError(message);
  };
  t.expectError(says("a [2,3] and -1"), "TypeError", [[2, 3], -1]);
  t.expectError(says("a (2, 3), float32 and 0.5"), "TypeError", [[2, 3], "float32", 0.5]);
  for (const [message, mention] of [["13", 3], ["0.3", 3], ["3.5", 3], ["32", 3]] as const) {
    messageOf(() => t.expectError(says(message), "TypeError", [mention]));
  }
});

test("expectError() says what a message does not mention", () => {
  assertEquals(
    messageOf(() => t.expectError(refuse, "RangeError", [2, [3, 4]])),
    `Wrong error message: it does not mention (3, 4)
  expected: RangeError that mentions 2, (3, 4)
  got:      Cannot do it: 3 is not 2`,
  );
});

test("expectError() fails if nothing, no Error, or another kind of error was thrown", () => {
  assertEquals(
    messageOf(() => t.expectError(doNothing, "RangeError")),
    "No error was thrown\n  expected: RangeError",
  );
  assertEquals(
    messageOf(() =>
      t.expectError(() => {
        throw "x";
      }, "RangeError")
    ),
    "Wrong kind of error: expected an Error, x was thrown",
  );
  assertEquals(
    messageOf(() => t.expectError(refuse, "ShapeError", [3])),
    "Wrong kind of error: expected ShapeError, got RangeError\n" +
      "  message: Cannot do it: 3 is not 2",
  );
});

for (
  const [what, message, isSaid] of [
    [3, "Cannot do it: 3 is not 2", true],
    [3, "Cannot do it: 13 is not 32", false],
    [3, "it ends at 3.", true],
    [3, "it ends at 3.5", false],
    [3, "it ends at -3", false],
    [-3, "it ends at -3", true],
    ["(2, 3)", "Cannot add (2, 3) and (4,)", true],
    ["(2, 3)", "Cannot add (12, 3)", false],
    ["slope", "the slopes", false],
  ] as const
) {
  test(`expectError() ${isSaid ? "finds" : "does not find"} ${what} in "${message}"`, () => {
    const body = (): never => {
      throw new Error(message);
    };
    const check = (): Error => t.expectError(body, "Error", [what]);
    if (isSaid) check();
    else assertThrows(check, AssertionError);
  });
}

test("expectEqual() and expect() fail with what is wrong", () => {
  t.expectEqual({ a: [1, 2] }, { a: [1, 2] });
  t.expect(true, "it holds");
  assertEquals(
    messageOf(() => t.expectEqual(1, 2)),
    "Values are not equal.\n\n\n    [Diff] Actual / Expected\n\n\n-   1\n+   2\n",
  );
  assertEquals(messageOf(() => t.expect(false, "it holds")), "it holds");
});
