/**
 * What the project expects of @std/assert, @std/cli and @std/path. The small local packages under
 * course/std are tested here, and the published ones by project/check_published_std.ts.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import {
  basename,
  dirname,
  fromFileUrl,
  isAbsolute,
  join,
  relative,
  resolve,
  toFileUrl,
} from "@std/path";
import process from "node:process";
import { test } from "../course/sandbox/register.ts";

const isWindows = process.platform === "win32";

/** What a failing assertion says, without colours. */
function messageOf(body: () => unknown): string {
  // deno-lint-ignore no-control-regex
  return assertThrows(body, AssertionError).message.replace(/\x1b\[[\d;]*m/g, "");
}

function refuse(): never {
  throw new RangeError("Cannot do it");
}

function doNothing(): void {}

// ── @std/assert: equality ──

class Point {
  #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  get x(): number {
    return this.#x;
  }
}

const circle: { self?: unknown; n: number } = { n: 1 };
circle.self = circle;
const otherCircle: { self?: unknown; n: number } = { n: 1 };
otherCircle.self = otherCircle;

const equalPairs: [string, unknown, unknown][] = [
  ["NaN and NaN", NaN, NaN],
  ["−0 and 0", -0, 0],
  ["−0 and 0 in a typed array", Float32Array.of(-0), Float32Array.of(0)],
  ["NaN in typed arrays", Float64Array.of(NaN), Float64Array.of(NaN)],
  ["nested lists", [1, [2, { a: 3 }]], [1, [2, { a: 3 }]]],
  ["keys in another order", { a: 1, b: 2 }, { b: 2, a: 1 }],
  ["an object without a prototype and a plain one", Object.create(null), {}],
  ["sets in another order", new Set([1, { a: 1 }]), new Set([{ a: 1 }, 1])],
  ["maps with equal keys", new Map([[{ a: 1 }, [2]]]), new Map([[{ a: 1 }, [2]]])],
  ["dates", new Date(5), new Date(5)],
  ["regular expressions", /a/g, /a/g],
  ["objects that hold themselves", circle, otherCircle],
  ["instances with equal getters", new Point(1), new Point(1)],
  ["buffers", new ArrayBuffer(2), new ArrayBuffer(2)],
];
for (const [name, a, b] of equalPairs) {
  test(`assertEquals() takes ${name} for equal`, () => {
    assertEquals(a, b);
    assertThrows(() => assertNotEquals(a, b), AssertionError, "Expected actual: ");
  });
}

const unequalPairs: [string, unknown, unknown][] = [
  ["1 and '1'", 1, "1"],
  ["null and undefined", null, undefined],
  ["{ a: undefined } and {}", { a: undefined }, {}],
  ["a hole and undefined", new Array(1), [undefined]],
  ["a list and a typed array", [1, 2], Float32Array.of(1, 2)],
  ["typed arrays of two kinds", Float32Array.of(1), Float64Array.of(1)],
  ["typed arrays of two lengths", Float32Array.of(1), Float32Array.of(1, 2)],
  ["instances with other getters", new Point(1), new Point(2)],
  ["instances of two classes", new Point(1), { x: 1 }],
  ["sets of two sizes", new Set([1]), new Set([1, 2])],
  ["maps with other values", new Map([[1, 2]]), new Map([[1, 3]])],
  ["two functions", doNothing, refuse],
  ["a list with a field more", Object.assign([1], { x: 1 }), [1]],
];
for (const [name, a, b] of unequalPairs) {
  test(`assertEquals() tells apart ${name}`, () => {
    assertNotEquals(a, b);
    assertThrows(() => assertEquals(a, b), AssertionError, "Values are not equal.");
  });
}

const diffHead = "\n\n    [Diff] Actual / Expected\n\n\n";

// Under Bun the values are written by node:util, which leaves out the last comma.
test("assertEquals() shows the lines that differ", () => {
  assertEquals(
    messageOf(() => assertEquals({ a: [1], b: 2 }, { a: [1], b: 3 })),
    `Values are not equal.\n${diffHead}    {
      a: [
        1,
      ],
-     b: 2,
+     b: 3,
    }\n`,
  );
}, { only: "deno" });

test("assertEquals() adds what it is told", () => {
  assertEquals(
    messageOf(() => assertEquals(1, 2, "counting")),
    `Values are not equal: counting\n${diffHead}-   1\n+   2\n`,
  );
});

test("assertEquals() compares texts by lines, and shows what cannot be seen", () => {
  assertEquals(
    messageOf(() => assertEquals("one\ntwo\t2", "one\nzwei")),
    `Values are not equal.\n${diffHead}    one\\n\n-   two\\t2\n+   zwei\n\n`,
  );
});

test("assertNotEquals() shows both values", () => {
  assertEquals(
    messageOf(() => assertNotEquals(1, 1, "why")),
    "Expected actual: 1 not to be: 1: why",
  );
});

test("assertStrictEquals() wants the same object, and tells −0 from 0", () => {
  const list = [1];
  assertStrictEquals(list, list);
  assertStrictEquals(NaN, NaN);
  assertEquals(
    messageOf(() => assertStrictEquals(1, 2)),
    `Values are not strictly equal.\n${diffHead}-   1\n+   2\n`,
  );
  assertEquals(
    messageOf(() => assertStrictEquals({}, {})),
    "Values have the same structure but are not reference-equal.\n\n    {}\n",
  );
  assertThrows(() => assertStrictEquals(-0, 0), AssertionError);
});

// ── @std/assert: numbers ──

test("assertAlmostEquals() allows a ten-millionth of the expected value", () => {
  assertAlmostEquals(1000, 1000.00009);
  assertAlmostEquals(NaN, NaN);
  assertAlmostEquals(Infinity, Infinity);
  assertEquals(
    messageOf(() => assertAlmostEquals(1000, 1001)),
    'Expected actual: "1000" to be close to "1001": ' +
      'delta "1" is greater than "1.001e-4".',
  );
  assertThrows(() => assertAlmostEquals(1e-9, 0), AssertionError);
});

test("assertAlmostEquals() takes a tolerance in place of it", () => {
  assertAlmostEquals(1, 1.5, 0.5);
  assertEquals(
    messageOf(() => assertAlmostEquals(1, 2, 0.5, "why")),
    'Expected actual: "1" to be close to "2": delta "1" is greater than "5e-1": why',
  );
});

test("assertLess() is strict", () => {
  assertLess(1, 2);
  assertEquals(messageOf(() => assertLess(1, 1)), "Expect 1 < 1");
  assertEquals(messageOf(() => assertLess(1, 1, "why")), "why");
});

// ── @std/assert: the rest ──

test("assert() fails with what it is told", () => {
  assert(1);
  assertEquals(messageOf(() => assert(0)), "");
  assertEquals(messageOf(() => assert("", "why")), "why");
});

test("assertStringIncludes() and assertMatch() show text and pattern", () => {
  assertStringIncludes("abc", "b");
  assertMatch("abc", /b./);
  assertEquals(
    messageOf(() => assertStringIncludes("abc", "x")),
    'Expected actual: "abc" to contain: "x".',
  );
  assertEquals(
    messageOf(() => assertMatch("abc", /x/i, "why")),
    'Expected actual: "abc" to match: "/x/i": why',
  );
});

test("assertThrows() returns what was thrown", () => {
  const error = assertThrows(refuse, RangeError, "do it");
  const range: RangeError = error;
  assertEquals(range.message, "Cannot do it");
  assertEquals(assertThrows(refuse) instanceof RangeError, true);
  const thrown = assertThrows(() => {
    throw "text";
  });
  assertEquals(thrown, "text");
});

test("assertThrows() says why it fails", () => {
  assertEquals(messageOf(() => assertThrows(doNothing, "why")), "Expected function to throw: why");
  assertEquals(
    messageOf(() => assertThrows(refuse, TypeError)),
    'Expected error to be instance of "TypeError", but was "RangeError".',
  );
  assertEquals(
    messageOf(() => assertThrows(refuse, RangeError, "dance", "why")),
    'Expected error message to include "dance", but got "Cannot do it": why',
  );
  assertEquals(
    messageOf(() =>
      assertThrows(() => {
        throw "text";
      }, Error)
    ),
    "A non-Error object was thrown.",
  );
});

test("assertRejects() resolves to the reason", async () => {
  const error = await assertRejects(() => Promise.reject(new RangeError("no")), RangeError, "no");
  assertEquals(error.message, "no");
  assertEquals(await assertRejects(() => Promise.reject("text")), "text");
});

test("assertRejects() says why it fails", async () => {
  const cases: [() => Promise<unknown>, string][] = [
    [() => assertRejects(() => Promise.resolve()), "Expected function to reject."],
    [() => assertRejects(refuse), "Function throws when expected to reject."],
    [
      () => assertRejects(() => Promise.reject("text"), Error),
      "A non-Error object was rejected.",
    ],
    [
      () => assertRejects(() => Promise.reject(new Error("no")), TypeError),
      'Expected error to be instance of "TypeError", but was "Error".',
    ],
  ];
  for (const [body, message] of cases) {
    const error = await assertRejects(body, AssertionError);
    assertEquals(error.message, message);
  }
});

// ── @std/cli ──

const flags = { boolean: ["quiet", "color"], string: ["out"], negatable: ["color"] } as const;

const commandLines: [string, Record<string, unknown>][] = [
  ["", { _: [], quiet: false, color: false }],
  ["--quiet a 2 0x10", { _: ["a", 2, 16], quiet: true, color: false }],
  ["--out 5 b", { _: ["b"], out: "5", quiet: false, color: false }],
  ["--out=a=b", { _: [], out: "a=b", quiet: false, color: false }],
  ["--out --quiet", { _: [], out: "", quiet: true, color: false }],
  ["--out=1 --out=2", { _: [], out: "2", quiet: false, color: false }],
  ["--color --no-color", { _: [], quiet: false, color: false }],
  ["--no-quiet", { _: [], "no-quiet": true, quiet: false, color: false }],
  ["--no-color=x", { _: [], quiet: false, color: true }],
  ["--quiet=false --color=no", { _: [], quiet: false, color: true }],
  ["--quiet true --color false", { _: [], quiet: true, color: false }],
  ["--other 7 --flag -5", { _: [], other: 7, flag: true, 5: true, quiet: false, color: false }],
  ["-abc 3 -n5 -m=6", { _: [], a: true, b: true, c: 3, n: 5, m: 6, quiet: false, color: false }],
  ["a -- --quiet 3", { _: ["a", "--quiet", "3"], quiet: false, color: false }],
  ["-", { _: ["-"], quiet: false, color: false }],
];
for (const [line, expected] of commandLines) {
  test(`parseArgs() reads "${line}"`, () => {
    assertEquals(parseArgs(line.split(" ").filter((word) => word !== ""), flags), expected);
  });
}

test("parseArgs() types what it returns", () => {
  const { quiet, out, epochs, _, extra } = parseArgs(["--epochs=3"], {
    ...flags,
    string: ["out", "epochs"],
    default: { epochs: "20" },
  });
  const isQuiet: boolean = quiet, to: string | undefined = out, count: string = epochs;
  const rest: (string | number)[] = _, unknown: unknown = extra;
  assertEquals([isQuiet, to, count, rest, unknown], [false, undefined, "3", [], undefined]);
});

test("parseArgs() fills in defaults, also of booleans", () => {
  const options = { boolean: ["quiet"], default: { quiet: true, epochs: 20 } } as const;
  assertEquals(parseArgs([], options), { _: [], quiet: true, epochs: 20 });
  assertEquals(parseArgs(["--epochs", "5", "--quiet=false"], options), {
    _: [],
    quiet: false,
    epochs: 5,
  });
});

test("parseArgs() asks about what is not declared, and drops it for false", () => {
  const asked: unknown[][] = [];
  const args = parseArgs(["--quiet", "--epohcs", "5", "-x", "file", "--a=b", "more"], {
    ...flags,
    unknown: (...question) => {
      asked.push(question);
      return question[0] === "more";
    },
  });
  assertEquals(args, { _: ["more"], quiet: true, color: false });
  assertEquals(asked, [
    ["--epohcs", "epohcs", "5"],
    ["-x", "x", "file"],
    ["--a=b", "a", "b"],
    ["more"],
  ]);
});

test("parseArgs() sets no __proto__", () => {
  parseArgs(["--__proto__=1", "--constructor=2"]);
  assertEquals(Object.hasOwn(parseArgs(["--__proto__=1"]), "__proto__"), false);
});

// ── @std/path ──

test("join(), dirname() and basename() take paths apart", () => {
  assertEquals(join("a", "..", "b", "./c.ts"), ["b", "c.ts"].join(isWindows ? "\\" : "/"));
  assertEquals(join(""), ".");
  assertEquals(dirname("a//b"), "a");
  assertEquals(dirname("/a"), "/");
  assertEquals(dirname("a"), ".");
  assertEquals(basename("a/b.ts/"), "b.ts");
  assertEquals(basename("a/b.ts", ".ts"), "b");
  assertEquals(basename(".ts", ".ts"), ".ts");
});

test("resolve(), relative() and isAbsolute() know where they are", () => {
  const here = resolve();
  assertEquals(isAbsolute(here), true);
  assertEquals(isAbsolute("a/b"), false);
  assertEquals(resolve("a"), join(here, "a"));
  assertEquals(relative(join(here, "a", "b"), join(here, "c")), join("..", "..", "c"));
  assertEquals(relative(here, here), "");
});

test("toFileUrl() and fromFileUrl() undo each other", () => {
  for (const name of ["a b", "c#d", "e?f", "100%", "%20", "é", "[x]"]) {
    const path = resolve(name);
    assertEquals(fromFileUrl(toFileUrl(path)), path);
    assertEquals(basename(toFileUrl(path)), name);
  }
});

test("toFileUrl() and fromFileUrl() refuse what they cannot turn", () => {
  assertEquals(
    assertThrows(() => toFileUrl("a/b"), TypeError).message,
    'Path must be absolute: received "a/b"',
  );
  assertEquals(
    assertThrows(() => fromFileUrl("https://example.com/a"), TypeError).message,
    'URL must be a file URL: received "https:"',
  );
});

test("toFileUrl() escapes, and fromFileUrl() forgives a lone %", () => {
  assertEquals(toFileUrl("/a b/%20\\?#").href, "file:///a%20b/%2520%5C%3F%23");
  assertEquals(fromFileUrl("file:///a%zz%20b"), "/a%zz b");
}, { skip: isWindows ? "paths look different on Windows" : undefined });
