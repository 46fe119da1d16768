/**
 * How the tasks of a chapter are found in its source, and made into stubs.
 *
 * In the sources here, § is the doc comment of a task, and its body stands between ⟦ and ⟧.
 *
 * @module
 */
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import {
  type CourseModule,
  hintsOf,
  modules,
  read,
  reference,
  root,
} from "../course/content/course.ts";
import { makeStub, todoFile } from "../course/content/stubs.ts";
import { findTasks, replaceBodies } from "../course/content/task_bodies.ts";
import { sandboxNames } from "../course/names.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";

/** The source without marks. */
function plain(marked: string): string {
  return marked.replace(/[⟦⟧]/g, "").replaceAll("§", "/** @task 01.5 */");
}

/** The source with marks where findTasks() finds the bodies, and the names. */
function found(marked: string): [string, ...string[]] {
  const source = plain(marked), bodies = findTasks(source);
  const text = bodies.reduceRight((text, { start, end }) => {
    return `${text.slice(0, start)}⟦${text.slice(start, end)}⟧${text.slice(end)}`;
  }, source);
  return [text.replaceAll("/** @task 01.5 */", "§"), ...bodies.map(({ name }) => name)];
}

// ── What can be a task ──

// What is declared, how, and its name.
const declarations: [string, string, string][] = [
  ["a function", "§ export async function exp(x): Promise<void> ⟦{ a(); }⟧", "exp"],
  ["a generator", "§ function* f() ⟦{ yield 1; }⟧", "f"],
  ["a method", "class A { § f(x: A) ⟦{ a(); }⟧ g() {} }", "f"],
  ["an inherited method", "class A { § protected override f() ⟦{ a(); }⟧ }", "f"],
  ["a private method", "class A { § static async #f() ⟦{}⟧ }", "#f"],
  ["a method called get", "class A { § get(x) ⟦{ a(); }⟧ }", "get"],
  ["an accessor", "class A { § get f(): number ⟦{ return 1; }⟧ }", "f"],
  ["a constructor", "class A { § constructor(readonly a = 1) ⟦{ b(); }⟧ }", "constructor"],
  ["an iterator", "class A { § *[Symbol.iterator]() ⟦{ yield 1; }⟧ }", "[Symbol.iterator]"],
  ["a method in a table", "const t = { § f([x], w) ⟦{ a(); }⟧, g() {} };", "f"],
  ["an arrow in a table", "const t = { § f: (x) => ⟦x + 1⟧, g: 2 };", "f"],
  ["the last arrow in a table", "const t = {\n  § f: (x) => ⟦x + 1⟧ // one\n};", "f"],
  ["an arrow with a block", "op({ § f: ([x], w) => ⟦{ a(); }⟧ });", "f"],
  ["an arrow without parentheses", "const t = { § f: x => ⟦x⟧ };", "f"],
  ["an async arrow", "const t = { § f: async (x) => ⟦await x⟧, g };", "f"],
  ["an entry called async", "const t = { § async: (x) => ⟦x⟧ };", "async"],
  ["an entry with a quoted name", 'const t = { § "a.b": (x) => ⟦x⟧ };', "a.b"],
];
for (const [what, source, name] of declarations) {
  test(`findTasks() finds ${what}`, () => assertEquals(found(source), [source, name]));
}

// ── Where a body begins and ends ──

const bodies: [string, string][] = [
  ["destructured parameters", "§ function f({ a, b: { c } }: T, [d]: U) ⟦{ e(); }⟧"],
  ["default values with braces", "§ function f(a = {}, { b = { c: 1 } }: T = {}) ⟦{ d(); }⟧"],
  ["a returned object type", "§ function f(): { a: number } ⟦{ b(); }⟧"],
  ["object types in a union", "§ function f(): A | { a: 1 } & { b: 2 } ⟦{ c(); }⟧"],
  ["a list of objects", "§ function f(): readonly { a: 1 }[] ⟦{ b(); }⟧"],
  ["an object type as an argument", "§ function f(): Promise<{ a: 1 }> ⟦{ b(); }⟧"],
  ["a function that returns an object", "§ function f(): () => { a: 1 } ⟦{ b(); }⟧"],
  ["a type predicate", "§ function f(x: A): x is { a: 1 } ⟦{ b(); }⟧"],
  ["an assertion", "§ function f(x: A): asserts x ⟦{ b(); }⟧"],
  ["a tuple", "§ function f(): [number, { a: 1 }] ⟦{ b(); }⟧"],
  ["type parameters", "§ function f<const T extends () => void, U = { a: 1 }>(a: T): U ⟦{ b(); }⟧"],
  ["an arrow's type parameters", "const t = { § f: <T, U>(x: T): { a: U } => ⟦{ b(); }⟧ };"],
  ["an arrow's returned object type", "const t = { § f: (x): { a: number } => ⟦x⟧ };"],
  ["an arrow that returns an object", "const t = { § f: (x) => ⟦({ a: 1, b: 2 })⟧, g: 1 };"],
  ["commas in brackets", "const t = { § f: (x) => ⟦[a(1, 2), { b, c }]⟧, g: 1 };"],
  ["commas in type arguments", "const t = { § f: (x) => ⟦new Map<A, B<C>>()⟧, g: 1 };"],
  ["comparisons", "const t = { § f: (x) => ⟦a < b⟧, g: c > d };"],
  ["shifts", "const t = { § f: (x) => ⟦(a << 2) + (a >>> 3)⟧, g: 1 };"],
  ["arrows that return arrows", "const t = { § f: (x) => ⟦(y) => y⟧, g: 1 };"],
  ["lines", "const t = {\n  § f: (x) =>\n    ⟦[\n      x,\n    ]⟧,\n};"],
  ["braces in strings", '§ function f() ⟦{ a(\'}\', "\\"}"); }⟧'],
  ["braces in templates", "§ function f() ⟦{ a(`} \\` ${b({ c: `}${d}}` })} }`); }⟧"],
  ["commas in templates", "const t = { § f: (x) => ⟦say`a, ${b, c}, ${d}`⟧, g: 1 };"],
  ["braces in comments", "§ function f() ⟦{\n  // }\n  a(); /* } */\n}⟧"],
  ["braces in regular expressions", '§ function f() ⟦{ return /[}/\\]]}\\/"/g.test(a); }⟧'],
  ...["a", "(a)", "a[0]", "a++", "a!", "`a`"].map((value): [string, string] => [
    `a division of ${value}`, // read as a regular expression, it would hide a brace
    `§ function f() ⟦{ return ${value} / b({ c: d / e }); }⟧`,
  ]),
  ["a comment before the function", "§\n// {\nfunction f() ⟦{ a(); }⟧"],
  ["a task before it", "const t = { § f: (x) => ⟦x⟧, § g: (x) => ⟦{}⟧, § h() ⟦{}⟧ };"],
];
for (const [what, source] of bodies) {
  test(`findTasks() is not misled by ${what}`, () => assertEquals(found(source)[0], source));
}

// ── What is said about a task ──

test("findTasks() says which task it is, and on which line its name stands", () => {
  const source =
    "/**\n * Adds.\n *\n * @task 01.12\n * @returns The sum.\n */\nfunction add() {}\n";
  const [{ task, name, line, isBlock }, ...others] = findTasks(source);
  assertEquals({ task, name, line, isBlock }, {
    task: "01.12",
    name: "add",
    line: 7,
    isBlock: true,
  });
  assertEquals(others, []);
});

test("findTasks() leaves out what has no tag, or only talks of it", () => {
  const sources = [
    "/** Adds. */ function f() {}",
    "/** Is `@task 01.5`. */ function f() {}",
    "/** Adds. @task 01.5 */ function f() {}",
    "// @task 01.5\nfunction f() {}",
    "/* @task 01.5 */ function f() {}",
    'const a = "/** @task 01.5 */"; function f() {}',
    "const a = `\n/** @task 01.5 */`; function f() {}",
  ];
  assertEquals(sources.flatMap(findTasks), []);
});

// What is wrong, a source, and what is said.
const refusals: [string, string, string][] = [
  ...["§ const a = (x) => x;", "§ class A {}", "const t = { § a: b((x) => x) };", "§"].map(
    (source): [string, string, string] => [
      source,
      source,
      "Cannot stub task 01.5 on line 1: it must be a function, a method or an arrow in a table",
    ],
  ),
  [
    "a method without a body",
    "abstract class A {\n  §\n  abstract f(): void;\n}",
    "Cannot stub task 01.5 on line 2: it must be a function, a method or an arrow in a table",
  ],
  [
    "an overload",
    "§\nfunction f(): void;\nfunction f() {}",
    "Cannot stub task 01.5 on line 1: it must be a function, a method or an arrow in a table",
  ],
  [
    "a task without a module",
    "/** @task 5 */ function f() {}",
    'Cannot stub task 5 on line 1: a declaration has one @task, and it looks like "01.5"',
  ],
  [
    "two tasks",
    "/**\n * @task 01.5\n * @task 01.6\n */ function f() {}",
    'Cannot stub task 01.5 on line 4: a declaration has one @task, and it looks like "01.5"',
  ],
  [
    "a source that breaks off",
    "§\nfunction f() {\n",
    "Cannot find the end of what begins on line 2",
  ],
];
for (const [what, source, message] of refusals) {
  test(`findTasks() refuses ${what}`, () => {
    assertEquals(assertThrows(() => findTasks(plain(source)), SyntaxError).message, message);
  });
}

// ── Stubs ──

/** What stands between the lines that every stub begins with and its end. */
function stub(source: string): string {
  return makeStub(plain(source)).split('import { TodoError } from "./todo.ts";\n')[1];
}

test("makeStub() puts a TodoError in the place of each body", () => {
  assertEquals(
    stub(
      "/** A. */\n§\nfunction f(x: A): B {\n  a();\n}\n\nconst t = {\n  §\n  g: (x) => [x, 1],\n};\n",
    ),
    plain('§\nfunction f(x: A): B {\n  throw new TodoError("01.5 f() is yours to write");\n}\n\n') +
      plain("const t = {\n  §\n  g: (x) => {\n") +
      '    throw new TodoError("01.5 g() is yours to write");\n  },\n};\n',
  );
});

const helper = "/** Helps. */\nfunction help(x: number): number {\n  return x;\n}\n";
const given = helper.replace("Helps.", "Helps (given).");
const task = "\n§\nfunction f(): void {\n  help(1);\n}\n";

test("makeStub() leaves out a function that only bodies of tasks call", () => {
  assertEquals(stub(`/** A. */\n${task}\n${helper}`).includes("help"), false);
});

test("makeStub() keeps a function that is given, or used elsewhere, or a task itself", () => {
  assertEquals(stub(`/** A. */\n${task}\n${given}`).includes("function help"), true);
  assertEquals(stub(`/** A. */\n${task}\n${helper}\nhelp(2);\n`).includes("function help"), true);
  const own = helper.replace("/** Helps. */", "§");
  assertEquals(stub(`/** A. */\n${task}\n${own}`).includes("function help"), true);
});

test("makeStub() leaves a file without tasks as it is", () => {
  assertEquals(makeStub("function f() {}\n"), "function f() {}\n");
});

test("no stub holds a line of its solution", () => {
  for (const module of modules) {
    for (const file of module.files) {
      const source = reference(module.folder, file), tasks = findTasks(source);
      const stubbed = makeStub(source).split("\n").map((line) => line.trim());
      const others = replaceBodies(source, tasks, () => "").split("\n").map((line) => line.trim());
      const lines = tasks.flatMap(({ start, end }) => source.slice(start, end).split("\n"))
        .map((line) => line.trim()).filter((line) => line.length > 12 && !others.includes(line));
      assertEquals(lines.filter((line) => stubbed.includes(line)), [], `${module.folder}/${file}`);
    }
  }
});

test("stubs are formatted, pass the linter and the type checker", () => {
  return inFolder((folder) => {
    const yours = join(folder, "yours");
    const owners = new Map(modules.map((module) => {
      const own = join(yours, module.folder);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(own, todoFile.name), todoFile.source);
      for (const file of module.files) {
        writeFileSync(join(own, file), makeStub(reference(module.folder, file)));
      }
      return [module.folder, own];
    }));
    const paths = Object.entries(sandboxNames(modules[modules.length - 1].folder, owners));
    const imports = Object.fromEntries(paths.map(([name, path]) => [name, `./${path}`]));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", imports }));
    writeFileSync(
      join(folder, "deno.json"),
      JSON.stringify({ nodeModulesDir: "none", lock: false }),
    );
    const settings = join(root, "deno.json");
    for (
      const args of [
        ["fmt", "--check", "--config", settings, yours],
        ["lint", "--config", settings, yours],
        ["check", ...owners.values()],
      ]
    ) {
      const { status, stderr } = spawnSync("deno", args, { cwd: folder, encoding: "utf8" });
      assertEquals(status, 0, stderr);
    }
  });
}, { only: "deno" });

// ── What each task has ──

/** All stubs of a module, one after the other. */
function stubsOf(module: CourseModule): string {
  return module.files.map((file) => makeStub(reference(module.folder, file))).join("");
}

test("every task has a test, three hints and a line in the chapter", () => {
  for (const module of modules) {
    const chapter = module.files.map((file) => reference(module.folder, file)).join("");
    const tests = read(join(root, module.test));
    const tasks = [...new Set([...chapter.matchAll(/@task (\S+)/g)].map(([, task]) => task))];
    for (const task of tasks) {
      assertEquals(hintsOf(module, task).length, 3, `hints of ${task}`);
      assertEquals(tests.includes(`graded("${task}"`) || tests.includes(`"${task}",`), true, task);
    }
    const words = read(join(root, "modules", module.folder, "hints.md")), stubs = stubsOf(module);
    const missing = [...chapter.matchAll(/^(?:async )?function (\w+)/gm)].map(([, name]) => name)
      .filter((name) => words.includes(`${name}(`) && !RegExp(`function ${name}[(<]`).test(stubs));
    assertEquals(missing, [], "hints name functions that no stub holds");
    const hinted = [
      ...read(join(root, "modules", module.folder, "hints.md")).matchAll(/^## (\S+)/gm),
    ];
    assertEquals(
      hinted.map(([, task]) => task).toSorted(),
      tasks.toSorted(),
      "hints without a task",
    );
  }
});
