/**
 * Calls that @std must accept, and calls that it must refuse. The type checker runs this file: on
 * the stand-ins whenever tests are checked, and on the published code by check_published_std.ts. A
 * refusal that does not come is an error too.
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
import { equal } from "@std/assert/equal";
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

/** Calls to assertions. */
export function assertions(text: string | undefined, value: unknown): void {
  assert(text !== undefined, "why");
  const length: number = text.length;
  assertEquals([length], [3], "why");
  assertNotEquals(new Map([["a", 1]]), new Map());
  assertStrictEquals(value, length);
  const same: number = value;
  assertAlmostEquals(same, 0.5, 1e-9, "why");
  assertLess(same, 1);
  assertMatch(text, /a/);
  assertStringIncludes(text, "a");
  const thrown: unknown = assertThrows(() => {});
  const error: RangeError = assertThrows(() => 1, RangeError, "part of it");
  const rejected: Promise<Error> = assertRejects(() => Promise.resolve(error), AssertionError);
  const isEqual: boolean = equal(thrown, rejected);
  assert(isEqual);
  // @ts-expect-error: both sides are of one type
  assertEquals(1, "1");
  // @ts-expect-error: a tolerance is a number
  assertAlmostEquals(1, 1, "1e-9");
  // @ts-expect-error: a pattern, not a text
  assertMatch(text, "a");
  // @ts-expect-error: it must return a promise
  assertRejects(() => 1);
  // @ts-expect-error: only an error's class
  assertThrows(() => {}, Map);
}

/** Calls to the reader of command lines. */
export function commandLines(args: readonly string[]): void {
  const given = parseArgs([...args], {
    boolean: ["quiet", "color"],
    string: ["out", "epochs"],
    negatable: ["color"],
    default: { color: true, epochs: "20" },
    unknown: (word, key, value) => [word, key, value].length === 0,
  });
  const quiet: boolean = given.quiet, epochs: string = given.epochs;
  const out: string | undefined = given.out, words: (string | number)[] = given._;
  assert(quiet || epochs || out || words);
  // @ts-expect-error: it may not have been given
  const surely: string = given.out;
  // @ts-expect-error: a flag is no text
  const text: string = given.quiet;
  assert(surely || text);
  // @ts-expect-error: names are texts
  parseArgs([], { boolean: [1] });
}

/** Calls that take paths apart. */
export function paths(url: URL): void {
  const path: string = join(fromFileUrl(url), "..", "a.ts"), whole: URL = toFileUrl(resolve(path));
  const isWhole: boolean = isAbsolute(dirname(whole)), name: string = basename(path, ".ts");
  assert(isWhole || name || relative(".", resolve("a", "b")));
  // @ts-expect-error: a path is a text
  join(1);
  // @ts-expect-error: not a URL
  resolve(url);
}
