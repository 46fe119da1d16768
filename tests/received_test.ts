/**
 * What a sandbox may send: the judge gets it in a form that it knows and in a size that it can look at,
 * whatever it was.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { PassThrough } from "node:stream";
import { judge, type Verdict } from "../course/judge/judge.ts";
import { cut, received } from "../course/judge/received.ts";
import { readLines } from "../course/judge/report_lines.ts";
import type { Outcome } from "../course/sandbox/process.ts";
import type { Check, Observation } from "../course/sandbox/recording.ts";
import { test } from "../course/sandbox/register.ts";

const three = { data: Float32Array.of(1, 2, 3), shape: [3] };
const tensor: Check = { kind: "tensor", actual: three, expected: three, tolerance: 1e-5 };
const list: Check = { kind: "equal", actual: [1, 2, 3], expected: [1, 2, 3] };
const same: Check = { kind: "same", actual: [1, 2, 3], expected: [1, 2, 3] };
const refusal: Check = {
  kind: "error",
  actual: { name: "RangeError", message: "no" },
  name: "RangeError",
  mentions: ["no"],
};

/** The verdict on a check that shows a value where another one is right. */
function verdictOn(right: Check, actual: unknown, expected: unknown = actual): Verdict {
  const shown = { kind: right.kind, actual, expected } as Check;
  return verdictOnAll({ checks: [shown] }, { checks: [right] });
}

function verdictOnAll(observation: unknown, right: Observation): Verdict {
  const sent = { observation, loaded: true, output: "" } as Outcome;
  const { observation: bounded } = received(sent, right);
  assert(bounded);
  return judge(bounded, right);
}

/** A list in which the same two are everywhere, 2⁴⁰ in all. */
function twins(): unknown {
  let value: unknown = 1;
  for (let k = 0; k < 40; k++) value = [value, value];
  return value;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let k = 0; k < depth; k++) value = [value];
  return value;
}

function circle(): unknown {
  const value: unknown[] = [1];
  value.push(value);
  return value;
}

const long = "x".repeat(5_000_000), many = Array<number>(900_000).fill(1.5);

const numbers = Array<number>(5000).fill(1);
const longList: Check = { kind: "equal", actual: numbers, expected: numbers };

/** What is shown in the place of what is right, and what is said of it. */
const hostile: [string, Check, unknown, RegExp][] = [
  [
    "an array of bigints in a tensor",
    tensor,
    { data: new BigInt64Array(3), shape: [3] },
    /numbers/,
  ],
  ["bigints in a tensor's list", tensor, { data: [1n, 2n, 3n], shape: [3] }, /got a bigint/],
  ["texts in a tensor's list", tensor, { data: ["1", "2", "3"], shape: [3] }, /got a string/],
  [
    "a DataView in a tensor",
    tensor,
    { data: new DataView(new ArrayBuffer(12)), shape: [3] },
    /not numbers in a list/,
  ],
  [
    "a shape of 900,000 axes",
    tensor,
    { data: [1], shape: many },
    /more than \d+ values/,
  ],
  [
    "900,000 numbers in a tensor",
    tensor,
    { data: Float64Array.from(many), shape: [900_000] },
    /expected \(3,\), got \(900000,\)/,
  ],
  [
    "900,000 numbers in a tensor of three",
    tensor,
    { data: Float64Array.from(many), shape: [3] },
    /this one holds 900000/,
  ],
  ["a shape of texts", tensor, { data: [1, 2, 3], shape: [long] }, /Wrong shape/],
  ["900,000 numbers in a list", list, many, /more than \d+ values/],
  ["a long text", list, long, /expected: \[ 1, 2, 3 \]\n +got: +'xxx/],
  ["a long text in a list", list, [1, 2, long], /first difference at \[2\]: expected 3, got 'xxx/],
  ["lists nested 4,000 deep", list, nested(4000), /very deep lists/],
  ["lists nested 60,000 deep where many numbers are right", longList, nested(60_000), /very deep/],
  ["a list that holds itself", list, circle(), /very deep lists/],
  ["a list of lists that are one", list, twins(), /very deep lists/],
  ["lists of lists that are one, on both sides", same, twins(), /^$/],
  ["a date", list, new Date(0), /got:? +'a Date'/],
  ["a regular expression", list, /a/, /got:? +'a RegExp'/],
  ["a buffer", list, new ArrayBuffer(8), /got:? +'a ArrayBuffer'/],
  ["a map of 100,000", list, new Map(many.slice(0, 100_000).entries()), /more than/],
  ["nothing", list, undefined, /got:? +undefined/],
  [
    "an error without a text",
    refusal,
    { name: 1, message: {} },
    /got a number\n +message: a object/,
  ],
  ["an error with a long text", refusal, { name: "E", message: long }, /more characters/],
];
for (const [name, right, actual, says] of hostile) {
  test(`a check that shows ${name} gets a short verdict`, () => {
    const { status, message } = verdictOn(right, actual);
    if (right.kind !== "same") assertEquals(status, "failed");
    assertMatch(message, says);
    assert(message.length < 10_000, `${message.length} characters`);
  });
}

/** What may come in the place of what a test showed. */
const observations: [string, unknown][] = [
  ["a number", 1],
  ["no checks", {}],
  ["checks that are a text", { checks: "all" }],
  ["checks that are null", { checks: [null] }],
  ["a check of another kind", { checks: [{ kind: "passed" }] }],
  ["a list with holes", { checks: Array(5) }],
  ["a million checks", { checks: Array(1e6).fill(list) }],
  ["an error that is a number", { checks: [], thrown: 1 }],
  ["an error that is null", { checks: [list], thrown: null }],
];
for (const [name, observation] of observations) {
  test(`a sandbox that sends ${name} earns nothing`, () => {
    assert(verdictOnAll(observation, { checks: [list] }).status !== "passed");
  });
}

test("received() keeps what is as it must be", () => {
  const checks = [tensor, list, same].map((
    { kind, actual, expected }: Record<string, unknown>,
  ) => ({
    kind,
    actual,
    expected,
  }));
  const sent = { observation: { checks }, loaded: true, output: "hello\n" } as unknown as Outcome;
  assertEquals(received(sent, { checks: [tensor, list, same] }), sent);
});

test("received() cuts what was printed and what was thrown", () => {
  const thrown = { name: long, message: long, hint: long, stack: long };
  const sent: Outcome = { ended: "crash", thrown, loaded: false, output: long };
  assert(JSON.stringify(received(sent, { checks: [] })).length < 50_000);
});

test("cut() says how much it has left out", () => {
  assertEquals(cut("abcdef", 2), "ab\n… 4 more characters");
  assertEquals(cut("abcdef", 6), "abcdef");
});

/** Parts that come one after the other, the most that a line may have, and the lines; null: too long. */
const streams: [readonly string[], number, readonly (string | null)[]][] = [
  [["a\nb\n"], 10, ["a", "b"]],
  [["a", "b", "\n"], 10, ["ab"]],
  [["ab\nc", "d\ne"], 10, ["ab", "cd"]],
  [["\n\n"], 10, ["", ""]],
  [["12345\n"], 5, ["12345"]],
  [["123456\n1\n"], 5, [null]],
  [["1\n123", "456", "789\n1\n"], 5, ["1", null]],
  [["123456"], 5, [null]],
  [["no end"], 10, []],
];
for (const [parts, most, lines] of streams) {
  test(`readLines() finds ${JSON.stringify(lines)} in ${JSON.stringify(parts)}`, async () => {
    const found: (string | null)[] = [], input = new PassThrough();
    readLines(input, most, (line) => found.push(line));
    for (const part of parts) input.write(part);
    input.end();
    const { promise, resolve } = Promise.withResolvers<void>();
    input.on("end", resolve);
    await promise;
    assertEquals(found, [...lines]);
  });
}
