/**
 * What a learner's code finds around it, and that nothing in it leads out or can be changed.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { toFileUrl } from "@std/path";
import process from "node:process";
import { modules, read, reference, root } from "../course/content/course.ts";
import { explainImport } from "../course/judge/imports.ts";
import { judge } from "../course/judge/judge.ts";
import { beside, Runner } from "../course/judge/sandbox_process.ts";
import { filesIn, sandboxSources } from "../course/judge/sandbox_sources.ts";
import type { Outcome } from "../course/sandbox/process.ts";
import type { Observation } from "../course/sandbox/recording.ts";
import { test } from "../course/sandbox/register.ts";
import { type Attack, patches, tricks, waysOut } from "./faults/attacks.ts";
import { afterFile } from "./project/in_folder.ts";
import { loadedWith, readGraph } from "./project/module_graph.ts";

const [tensor, activations] = modules;
const runner = new Runner();
afterFile(() => runner.close());

const graded = 'import { graded } from "../course/sandbox/graded.ts";\n';

/** Runs the body of a test beside files of a learner's, of which the first is given.ts. */
async function run(
  given: string,
  body: string,
  others: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const source = `import * as given from "../yours/01_own/given.ts";\n${graded}` +
    `const theirs: any = given;\ngraded("01.1", 1, "it", async (t) => {\n${body}\n});`;
  const own = Object.entries(others).map(([name, text]) => [`yours/01_own/${name}`, text]);
  const files = { "yours/01_own/given.ts": given, "modules/secret_test.ts": source };
  runner.open({
    files: { ...files, ...Object.fromEntries(own) },
    names: {},
    test: "modules/secret_test.ts",
  });
  const limits = { milliseconds: 5000, bytes: 2 ** 31 };
  return await runner.run({ task: "01.1", sentence: "it", fresh: false, limits });
}

/** What the only check of a body was given. */
async function shown(given: string, body: string): Promise<unknown> {
  const { observation, thrown } = await run(
    given,
    `t.expectEqual(await (async () => {${body}})(), 0);`,
  );
  const check = observation?.checks[0];
  assert(check && "actual" in check, JSON.stringify([thrown, observation?.thrown]));
  return check.actual;
}

// ── What is there ──

test("a sandbox has the modules up to the tested one, its tests, and no reference of a learner's", () => {
  const folder = `${root}/modules/${tensor.folder}`;
  const { files, names } = sandboxSources(activations, new Map([[tensor.folder, folder]]));
  const own = [...filesIn(folder).keys()].map((file) => `yours/${tensor.folder}/${file}`);
  const others = activations.files.map((file) => `modules/${activations.folder}/${file}`);
  assertEquals(Object.keys(files).sort(), [...own, ...others, activations.test].sort());
  assertEquals(names["#tensor"], `yours/${tensor.folder}/tensor.ts`);
});

test("beside a learner's code lies what the sandbox loads, and nothing more", () => {
  const entries = ["thread.ts", "inside.ts", "finite_differences.ts"]
    .map((name) => `course/sandbox/${name}`);
  const { edges } = readGraph(new URL(`${toFileUrl(root)}/`), entries);
  const loaded = [...loadedWith(edges, entries)].filter((file) => !file.startsWith("node:"));
  assertEquals(beside.map((name) => `course/sandbox/${name}`), loaded.sort());
}, { only: "deno" });

test("the process of a sandbox has no permission", () => {
  const started = read(`${root}/course/judge/sandbox_process.ts`);
  assert(started.includes('"--no-prompt"') && !/--allow|-A\b/.test(started));
});

test("a learner's code finds the language, a clock, timers and a console, and nothing else", async () => {
  const found = await shown("", "return Reflect.ownKeys(globalThis).map(String).sort().join(' ');");
  const language = "AggregateError Array ArrayBuffer AsyncDisposableStack BigInt BigInt64Array " +
    "BigUint64Array Boolean DataView Date DisposableStack Error EvalError Float16Array " +
    "Float32Array Float64Array Function Infinity Int16Array Int32Array Int8Array Iterator JSON " +
    "Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set " +
    "String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array Uint32Array " +
    "Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent " +
    "encodeURI encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt " +
    "undefined unescape";
  const brought = "AbortController AbortSignal TextDecoder TextEncoder clearInterval " +
    "clearTimeout console performance queueMicrotask setInterval setTimeout structuredClone";
  assertEquals(found, `${language} ${brought}`.split(" ").sort().join(" "));
});

/** Walks all that can be got at, another way than the sandbox does; gives what can be changed. */
const walk = `
const paths = new Map<object, string>(), open: object[] = [], loose: string[] = [];
const meet = (value: any, path: string) => {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return;
  if (paths.has(value)) return;
  paths.set(value, path);
  open.push(value);
};
const roots: Record<string, any> = {
  globalThis,
  arrow: Object.getPrototypeOf(async () => {}),
  generator: Object.getPrototypeOf(function* () {}),
  asyncGenerator: Object.getPrototypeOf(async function* () {}),
  arrayIterator: Object.getPrototypeOf([].values()),
  mapIterator: Object.getPrototypeOf(new Map().keys()),
  setIterator: Object.getPrototypeOf(new Set().keys()),
  textIterator: Object.getPrototypeOf(""[Symbol.iterator]()),
  matchIterator: Object.getPrototypeOf("".matchAll(/x/g)),
  helper: Object.getPrototypeOf([].values().map((x) => x)),
  wrapped: Object.getPrototypeOf(Iterator.from({ next() {} } as any)),
  typed: Object.getPrototypeOf(Int8Array),
  stack: Object.getOwnPropertyDescriptor(new Error(), "stack")?.get,
  callee: (function () { return Object.getOwnPropertyDescriptor(arguments, "callee")?.get; })(),
  timer: setTimeout(() => {}, 0),
};
for (const [name, value] of Object.entries(roots)) meet(value, name);
for (let k = 0; k < open.length; k++) {
  const owner = open[k], path = paths.get(owner) ?? "";
  if (!Object.isFrozen(owner)) loose.push(path);
  meet(Object.getPrototypeOf(owner), path + ".__proto__");
  for (const key of Reflect.ownKeys(owner)) {
    const found: any = Object.getOwnPropertyDescriptor(owner, key);
    for (const part of ["value", "get", "set"]) meet(found[part], path + "." + String(key));
  }
}
return [loose, open.length > 500];`;

test("all that everybody shares is frozen, as far as one can walk", async () => {
  assertEquals(await shown("", walk), [[], true]);
});

test("what the walk looks for would be found", async () => {
  assertEquals(await shown("", walk.replace("globalThis,", "globalThis, loose: { inner: {} },")), [
    ["loose", "loose.inner"],
    true,
  ]);
});

// Code that is honest, and what it gives.
const honest: [string, string, unknown][] = [
  [
    "names its errors",
    "const e = new Error('m'); e.name = 'ShapeError'; return `${e}`;",
    "ShapeError: m",
  ],
  [
    "writes to an error what all errors have",
    "const e = new RangeError('m'); e.message = 'n'; return e.message;",
    "n",
  ],
  [
    "replaces toString of an object",
    "const o: any = {}; o.toString = () => 'o'; return `${o}`;",
    "o",
  ],
  [
    "writes constructor to a prototype",
    "const A: any = function () {}; A.prototype = {}; A.prototype.constructor = A;" +
    "return new A().constructor === A;",
    true,
  ],
  ["clones", "return structuredClone({ a: [1, new Map([[1, new Float32Array(2)]])] });", {
    a: [1, new Map([[1, new Float32Array(2)]])],
  }],
  [
    "encodes and decodes",
    "return new TextDecoder().decode(new TextEncoder().encode('é€😀'));",
    "é€😀",
  ],
  [
    "finds text that is damaged",
    "try { new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255])); }" +
    "catch (e) { return e instanceof TypeError; }",
    true,
  ],
  [
    "waits",
    "await new Promise((resolve) => setTimeout(resolve, 1)); return performance.now() > 0;",
    true,
  ],
  [
    "aborts",
    "const c = new AbortController(); let told = 0; c.signal.addEventListener('abort', () => told++);" +
    "c.abort(); return [c.signal.aborted, told, (c.signal.reason as Error).name];",
    [true, 1, "AbortError"],
  ],
  ["asks whether it is the main program", "return (import.meta as any).main ?? false;", false],
  ["adds a field called name", "class A { name = 'a'; message = 'b'; } return new A();", {
    name: "a",
    message: "b",
  }],
];
for (const [what, body, value] of honest) {
  test(`honest code ${what}`, async () => {
    assertEquals(await shown("", body), value);
  });
}

test("what is printed reads as code does", async () => {
  const body =
    "console.log('a', [1, -0], { b: new Set(['c']) }, new Map([[1, null]]), new Int8Array(2));";
  const { output } = await run("", body);
  assertEquals(
    output,
    'a [ 1, -0 ] { b: Set(1) { "c" } } Map { 1 => null } Int8Array(2) [ 0, 0 ]\n',
  );
});

// ── Files and lines ──

test("a module of a learner's may have files of its own beside it", async () => {
  const given = 'import { two } from "./extra.ts";\nexport const three = two + 1;';
  const { observation } = await run(given, "t.expectEqual(theirs.three, 3);", {
    "extra.ts": "export const two: number = 2;",
  });
  assertEquals(observation?.checks.map((check) => "actual" in check && check.actual), [3]);
});

test("filesIn() finds a module's files and those that were added, but no tests", () => {
  const names = [...filesIn(`${root}/modules/${tensor.folder}`).keys()];
  assertEquals(
    names,
    tensor.files.filter((name) => !name.endsWith("_test.ts")).concat("random.ts").filter(
      (name, at, all) => all.indexOf(name) === at,
    ).sort(),
  );
});

const lines = "interface A {\n  a: number;\n}\n/** x */\nexport function fail(a?: A): void {\n" +
  "  // why\n  if (!a) throw new Error(`one\ntwo`);\n}\n";

for (
  const [what, source] of [
    ["types", lines],
    ["an enum", `enum E { A }\n${lines}`],
    ["a parameter property", `${lines}class P { constructor(private x = 1) {} }`],
  ]
) {
  test(`an error in a file with ${what} has the line that the learner sees`, async () => {
    const { observation } = await run(source, "theirs.fail();");
    const line = source.split("\n").findIndex((line) => line.includes("throw")) + 1;
    const stack = observation?.thrown?.stack ?? "";
    assert(stack.includes(`yours/01_own/given.ts:${line}`), stack);
  });
}

test("a file that is no TypeScript is named with the line", async () => {
  const { ended, thrown } = await run("const a = 1;\nconst = ;\n", "");
  assertEquals([ended, thrown?.name], ["crash", "SyntaxError"]);
  assert(thrown?.stack?.includes("yours/01_own/given.ts:2:"), thrown?.stack);
});

test("a file may hold any character", async () => {
  const given = 'export const text = "\u2028\u2029\ufeff\u0085";';
  const { observation } = await run(given, "t.expectEqual([...theirs.text].length, 4);");
  assertEquals(observation?.checks.map((check) => "actual" in check && check.actual), [4]);
});

test("lists in lists without end are no harm to what reads the file", async () => {
  const { ended, thrown } = await run(`export const a = ${"[".repeat(200_000)}`, "");
  assertEquals(ended, "crash", thrown?.message);
});

const comments = [
  "// import ( is a word here\n/* import.meta, import (x) */\n",
  'const text = "import (x)", other = `import("${1}")`;\n',
];
test("a comment or a text with the words of an import costs nothing", async () => {
  const { observation } = await run(
    `${comments.join("")}export const one = text.length;`,
    "t.expect(true, 'x');",
  );
  assertEquals(observation?.checks.length, 1);
});

test("a file imports nothing but what lies beside it and #names", async () => {
  const names = ["node:fs", "../../course/sandbox/graded.ts", "file:///modules/secret_test.ts"];
  names.push(
    "data:text/javascript,1",
    "http://[",
    "__proto__",
    "./\u2028.ts",
    "./none.ts",
    "#tensor",
    "../01_own/../../modules/secret_test.ts",
  );
  for (const name of names) {
    const { refused } = await run(
      `import * as x from ${JSON.stringify(name)};\nconsole.log(x);`,
      "",
    );
    assertEquals(refused, { name, from: "yours/01_own/given.ts" });
  }
});

// What is imported, and the sentence.
const explained: [string, string][] = [
  ["../01_tensor/tensor.ts", 'write "#tensor"'],
  ["../../modules/01_tensor/tensor.ts", 'write "#tensor"'],
  ["./rules", 'write "./rules.ts"'],
  ["./rules.js", 'write "./rules.ts"'],
  ["./none.ts", "there is no such file beside it"],
  ["#spatial", "module 09 comes later"],
  ["../09_spatial/spatial.ts", "module 09 comes later"],
  ["npm:lodash", "a module imports files beside it and #names of earlier modules"],
];
for (const [name, says] of explained) {
  test(`an import of ${name} is explained: ${says}`, () => {
    const module = modules[4], source = `/* "${name}" */\n\nimport { x } from "${name}";\n`;
    const files = ["autograd.ts", "rules.ts"];
    assertEquals(
      explainImport({ name, file: "autograd.ts", source, module, files }),
      `autograd.ts:3 may not import "${name}": ${says}`,
    );
  });
}

// ── Nobody gets points for it ──

const secret = `
t.expectTensor(theirs.give("tensor"), [41, 42, 43]);
t.expectTensor(theirs.give("tensor"), { data: [41, 42, 43], shape: [3] });
t.expectEqual(theirs.give("list"), [44, 45, 46]);
t.expectSame(theirs.give("number"), 47);
t.expectError(() => theirs.give("error"), "Error", [48]);`;

/** What the tests show with a module that is right. */
const right: Observation = {
  checks: [
    ...[0, 1].map(() => ({
      kind: "tensor" as const,
      actual: { data: [41, 42, 43], shape: [3] },
      expected: { data: [41, 42, 43], shape: [3] },
      tolerance: 1e-5,
    })),
    { kind: "equal", actual: [44, 45, 46], expected: [44, 45, 46] },
    { kind: "same", actual: 47, expected: 47 },
    { kind: "error", actual: { name: "Error", message: "48" }, name: "Error", mentions: [48] },
  ],
};

/** Which of the checks would have been passed. */
function passed({ observation }: Outcome): number[] {
  return right.checks.flatMap((check, k) => {
    const found = observation?.checks[k];
    if (!found) return [];
    return judge({ checks: [found] }, { checks: [check] }).status === "passed" ? [k] : [];
  });
}

test("a module that is right passes the tests of attacks", async () => {
  const give = "export const give = (what: string): any => what === 'list' ? [44, 45, 46]\n" +
    ": what === 'number' ? 47 : what === 'error' ? (() => { throw new Error('48'); })()\n" +
    ": { data: Float32Array.of(41, 42, 43), shape: [3] };";
  assertEquals(passed(await run(give, secret)), [0, 1, 2, 3, 4]);
});

function withstand(kind: string, attacks: readonly Attack[]): void {
  for (const { name, code, isWary = false } of attacks) {
    test(`${kind} earns nothing: ${name}`, async () => {
      const outcome = await run(code, secret);
      assertEquals(passed(outcome), []);
      assert(outcome.loaded || !isWary, JSON.stringify(outcome.thrown));
      const size = JSON.stringify(outcome).length;
      assert(size < 500_000, `${size} characters`);
    });
  }
}

withstand("a way out", waysOut);
withstand("a patch", patches);
withstand("a trick", tricks);

// ── Always the same ──

test("a rejection that nobody catches is an error, each time", async () => {
  const given = "export const leave = (depth: number): void => {\n" +
    "  if (depth === 0) return void Promise.reject(new Error('late'));\n" +
    "  void Promise.resolve().then(() => leave(depth - 1));\n};";
  const times = Number(process.env.SANDBOX_REPETITIONS ?? 10), found: string[] = [];
  for (let k = 0; k < times; k++) {
    const { ended, thrown } = await run(given, `theirs.leave(${k % 5}); t.expectEqual(1, 1);`);
    found.push(`${ended} ${thrown?.message}`);
  }
  assertEquals(new Set(found), new Set(["crash late"]));
});

test("a timer that outlives its test is never heard of", async () => {
  const given =
    "export const leave = (): void => {\n  setInterval(() => { throw new Error('late'); }, 0);\n" +
    "  setTimeout(() => Promise.reject(new Error('late')), 0);\n};";
  const { observation, ended } = await run(given, "theirs.leave(); t.expectEqual(1, 1);");
  assertEquals([ended, observation?.checks.length], [undefined, 1]);
});

test("what a timer throws while a test runs is an error", async () => {
  const given =
    "export const leave = (): void => void setTimeout(() => { throw new Error('late'); }, 0);";
  const wait = "theirs.leave(); await new Promise((resolve) => setTimeout(resolve, 20));";
  const { ended, thrown } = await run(given, wait);
  assertEquals([ended, thrown?.message], ["crash", "late"]);
});

test("a fresh test begins in a realm where no other one has left anything", async () => {
  await run(
    "let n = 0;\nexport const count = (): number => ++n;",
    "t.expectEqual(theirs.count(), 1);",
  );
  const limits = { milliseconds: 5000, bytes: 2 ** 31 }, counts: unknown[] = [];
  for (const fresh of [false, true, true]) {
    const { observation } = await runner.run({ task: "01.1", sentence: "it", fresh, limits });
    counts.push(observation?.checks.map((check) => "actual" in check && check.actual));
  }
  assertEquals(counts, [[2], [1], [1]]);
});

test("reference() is not in a sandbox of a learner's module", () => {
  const owners = new Map([[tensor.folder, `${root}/modules/${activations.folder}`]]);
  const { files } = sandboxSources(tensor, owners);
  const text = reference(tensor.folder, "tensor.ts");
  assert(!Object.values(files).includes(text));
});
