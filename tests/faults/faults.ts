/**
 * What a learner's code may do, by accident or not, and what must come of it: it is held back, it is
 * named, and it costs no other tests than its own.
 *
 * @module
 */
import type { Runtime } from "../../course/runtime.ts";

/** A misbehaviour, built into a file of module 01. */
export interface Fault {
  readonly name: string;
  /** The file that gets it. */
  readonly file?: string;
  /** What is written in the place of the body of sizeOf(); else `first` stands at the file's top. */
  readonly body?: string;
  readonly first?: string;
  /** How the two tests of task 01.1 end. */
  readonly ends: readonly [string, string];
  /** What the message says. */
  readonly says?: string;
  /** Less memory than usual, so that a busy machine has time to fill it; with more time. */
  readonly isGreedy?: true;
  /** Only one runtime holds it back, or behaves so. */
  readonly only?: Runtime;
}

const own = "{ return shape.reduce((size, n) => size * n, 1); }";
const broken: readonly [string, string] = ["error", "error"];
const harmless: readonly [string, string] = ["passed", "passed"];
const matmul = "../../../modules/01_tensor/matmul.ts";
const global = "const g: Record<string, any> = globalThis;";

/** The table. */
export const faults: readonly Fault[] = [
  {
    name: "throws when it is loaded",
    first: 'throw new Error("boom");',
    ends: broken,
    says: "boom",
  },
  {
    name: "loops for ever when it is loaded",
    first: "for (;;) {}",
    ends: ["timeout", "timeout"],
    says: "does a loop never end?",
  },
  {
    name: "loops for ever in one test",
    body: `{ if (shape.length === 0) for (;;) {} ${own} }`,
    ends: ["passed", "timeout"],
    says: "does a loop never end?",
  },
  {
    name: "calls itself without end",
    body: "{ return 1 + sizeOf(shape); }",
    ends: broken,
    says: "Maximum call stack size exceeded",
  },
  {
    name: "calls exit()",
    first: `${global} g.process?.exit(0); g.Deno?.exit(0);`,
    ends: harmless, // there is none
  },
  {
    name: "patches Math",
    first: "Math.abs = () => 0;",
    ends: broken,
    says: "TypeError",
  },
  {
    name: "patches arrays",
    first: "Array.prototype.every = () => true;",
    ends: broken,
    says: "TypeError",
  },
  {
    name: "patches a method by defineProperty",
    first: 'Object.defineProperty(Math, "abs", { value: () => 0 });',
    ends: broken,
    says: "TypeError",
  },
  { name: "patches Deno.test", first: `${global} g.Deno.test = () => {};`, ends: broken },
  {
    name: "leaves a timer and a promise hanging",
    first: "setInterval(() => {}, 1); new Promise(() => {});",
    ends: harmless,
  },
  {
    name: "rejects a promise that nobody catches",
    body: `{ Promise.reject(new Error("late")); ${own} }`,
    ends: broken,
    says: "late",
  },
  {
    name: "prints a gigabyte",
    first: 'for (let k = 0; k < 1000; k++) console.log("x".repeat(1_000_000));',
    ends: harmless,
  },
  {
    name: "takes all memory with objects",
    first: "const hold: unknown[] = []; for (;;) hold.push(Array(1000).fill(0).map(() => ({})));",
    isGreedy: true,
    ends: broken,
  },
  {
    name: "takes all memory with typed arrays",
    first: "const hold: unknown[] = []; for (;;) hold.push(new Float64Array(1e6).fill(1));",
    isGreedy: true,
    ends: broken,
    says: "memory",
  },
  {
    name: "deletes files",
    first: `${global} g.Deno?.removeSync("CANARY");`,
    ends: harmless, // there is no Deno; Bun has no permissions
  },
  {
    name: "exports the reference as its own",
    file: "matmul.ts",
    first: `export * from "${matmul}";`,
    ends: broken,
    says: `matmul.ts:1 may not import "${matmul}"`,
  },
  {
    name: "loads the reference by import()",
    file: "matmul.ts",
    first: `await import("${matmul}");`,
    ends: broken,
    says: "while the program runs",
  },
  {
    name: "gets at the tests by a computed import()",
    first: 'const sandbox: any = await import(["../..", "course/sandbox/graded.ts"].join("/"));',
    ends: broken,
    says: "while the program runs",
  },
  {
    name: "hides an import() behind a comment",
    first: "const of = 1; of / import /* */ (`node:${'fs'}`) / 1;",
    ends: broken,
    says: "while the program runs",
  },
  {
    name: "steals what is expected when a promise is kept",
    first: "Object.defineProperty(Object.prototype, 'then', { value(this: any, resolve: any) {\n" +
      "  for (const check of this.checks ?? []) check.actual = check.expected; resolve(); } });",
    body: "{ return 0; }",
    ends: broken,
    says: "TypeError",
  },
  {
    name: "reads the fixtures as JSON",
    first: 'import cases from "../../../tests/fixtures/matmul.json" with { type: "json" };\n' +
      "console.log(cases);",
    ends: broken,
    says: "may not import",
  },
  {
    name: "reads the reference as text",
    first: `import text from "${matmul}" with { type: "text" }; console.log(text);`,
    ends: broken,
    says: "may not import",
  },
  { name: "imports node:fs", first: 'import "node:fs";', ends: broken, says: "may not import" },
  {
    name: "imports from the network",
    first: 'import "jsr:@std/fs";',
    ends: broken,
    says: "may not",
  },
  {
    name: "imports a later module",
    first: 'import "#layers";',
    ends: broken,
    says: "may not import",
  },
  {
    name: "posts a forged result",
    first: `${global} g.postMessage?.({ observation: { checks: [] } });`,
    body: "{ return 0; }",
    ends: ["failed", "failed"],
  },
  {
    name: "prints a forged verdict",
    first: 'console.log("\\npassed 01.1\\n"); ',
    body: "{ return 0; }",
    ends: ["failed", "failed"],
  },
  {
    name: "makes code of text",
    first: 'new Function("return 1")();',
    ends: broken,
  },
  {
    name: "gives an object that throws when it is looked at",
    body:
      '{ return new Proxy({}, { ownKeys() { throw new Error("no"); } }) as unknown as number; }',
    ends: broken,
    says: "no",
  },
  {
    name: "gives a bigint",
    body: "{ return BigInt(shape.length) as never; }",
    ends: ["failed", "failed"],
    says: "got 1n",
  },
  {
    name: "gives an array of bigints",
    body: "{ return new BigInt64Array(1) as never; }",
    ends: ["failed", "failed"],
  },
  {
    name: "gives a tensor of bigints",
    body: "{ return { shape: [], data: [1n] } as never; }",
    ends: ["failed", "failed"],
  },
  {
    name: "gives a DataView",
    body: "{ return new DataView(new ArrayBuffer(8)) as never; }",
    ends: ["failed", "failed"],
  },
  {
    name: "gives 900,000 numbers for one",
    body: "{ return Array(900_000).fill(1.5) as never; }",
    ends: ["failed", "failed"],
  },
  {
    name: "gives a text of 30 MB",
    body: '{ return "x".repeat(30_000_000) as never; }',
    ends: ["failed", "failed"],
  },
  {
    name: "throws an error with a text of 20 MB",
    body: '{ throw new Error("m".repeat(20_000_000)); }',
    ends: broken,
  },
  {
    name: "throws an error with a stack of 20 MB",
    body: '{ throw Object.assign(new Error("m"), { stack: "s".repeat(20_000_000) }); }',
    ends: broken,
  },
  {
    name: "gives lists nested 4,000 deep",
    body: "{ let v: unknown = 1; for (let k = 0; k < 4000; k++) v = [v]; return v as never; }",
    ends: ["failed", "failed"],
  },
  {
    name: "gives lists that hold one list a million times",
    body: "{ let v: unknown = 1; for (let k = 0; k < 40; k++) v = [v, v]; return v as never; }",
    ends: ["failed", "failed"],
  },
  {
    name: "gives a table of 100,000 rows",
    body: "{ return new Map(Array(100_000).entries()) as never; }",
    ends: ["failed", "failed"],
  },
  { name: "does not parse", first: "const = ;", ends: broken },
];
