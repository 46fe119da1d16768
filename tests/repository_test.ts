/**
 * What stands around the code: the counts, versions and commands that texts name, and what the
 * editor reads from the output of `check`.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { testsOf } from "../course/judge/check_module.ts";
import { modules, reference, root } from "../course/content/course.ts";
import { inCopy } from "./project/project_copy.ts";
import { test } from "../course/sandbox/register.ts";
import { findTasks } from "../course/content/task_bodies.ts";

const deno = { only: "deno" } as const;

function read(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

/** The files of a folder that are read by people, editors and the host, by their endings. */
function textsIn(folder: string, deep = true): string[] {
  return readdirSync(join(root, folder), { recursive: deep, encoding: "utf8" })
    .map((name) => join(folder, name).replaceAll("\\", "/"))
    .filter((name) => /\.(md|ya?ml|json)$/.test(name));
}

/** All texts about the project, but none of a module: those have tests of their own. */
const texts = [
  ...textsIn(".", false),
  ...textsIn("course"),
  ...[".github", ".vscode", ".devcontainer"].flatMap((folder) => textsIn(folder)),
];

// ── Counts ──

/** How many tasks and points a module has. */
async function sizeOf(module: typeof modules[number]): Promise<{ tasks: number; points: number }> {
  const sources = module.files.map((file) => reference(module.folder, file));
  const tasks = new Set(sources.flatMap(findTasks).map(({ task }) => task)).size;
  const points = (await testsOf(module)).reduce((sum, test) => sum + test.points, 0);
  return { tasks, points };
}

test("the README's map has each module's tasks and points", async () => {
  for (const module of modules) {
    const { tasks, points } = await sizeOf(module);
    const row = read("README.md").split("\n").find((line) =>
      line.startsWith("|") && line.includes(`modules/${module.folder}/`)
    );
    const cells = row?.split("|").slice(-3, -1).map((cell) => cell.trim());
    assertEquals(cells, [String(tasks), String(points)], module.folder);
  }
}, deno);

const words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];

/** The number that a text gives at a place, as a numeral or a word. */
function stated(file: string, place: RegExp): number {
  const [, text] = read(file).replace(/\s+/g, " ").match(place) ?? [];
  assert(text !== undefined, `${file} says nothing of the form ${place}`);
  const word = words.indexOf(text.toLowerCase());
  return word === -1 ? Number(text.replaceAll(",", "")) : word;
}

test("texts give the points and tasks of the whole course", async () => {
  const sizes = await Promise.all(modules.map(sizeOf));
  const points = sizes.reduce((sum, size) => sum + size.points, 0);
  const tasks = sizes.reduce((sum, size) => sum + size.tasks, 0);
  assertEquals(stated("course/grading/INSTRUCTORS.md", /the whole course has ([\d,]+)/), points);
  assertEquals(stated("CHANGELOG.md", /Graded tests for (\d+) tasks/), tasks);
}, deno);

/** The number that a constant has in a source. */
function constantIn(file: string, name: string): number {
  const [, digits] = read(file).match(new RegExp(`const ${name} = ([\\d_]+)`)) ?? [];
  assert(digits !== undefined, `${file} has no constant ${name}`);
  return Number(digits.replaceAll("_", ""));
}

const schedules = read("modules/07_training/schedules.ts").match(
  /^export function .*: Schedule \{/gm,
);

const counts: [string, RegExp, number][] = [
  ["README.md", /(\w+) short TypeScript modules/, modules.length],
  ["README.md", /training loop, (\w+) schedules/, schedules?.length ?? 0],
  ["CITATION.cff", /: (\w+) modules in which/, modules.length],
  ["CHANGELOG.md", /- (\w+) modules in float32/, modules.length],
  ["CHANGELOG.md", /- (\w+) chapters on one spine/, modules.length],
  [
    "course/grading/INSTRUCTORS.md",
    /kept up to ([\d,]+) characters/,
    constantIn("course/sandbox/thread.ts", "maxOutput"),
  ],
  ["CONTRIBUTING.md", /at least (\d+) % of/, constantIn("tests/project/ok.ts", "leastCoverage")],
];
for (const [file, place, count] of counts) {
  test(`${file} says ${count} where it says ${place.source}`, () => {
    assertEquals(stated(file, place), count);
  });
}

test("each task has the three hints that the README promises", () => {
  assertEquals(stated("README.md", /another one each time, (\w+) in all/), 3);
  for (const { folder, files } of modules) {
    const sections = read(`modules/${folder}/hints.md`).split(/^## /m).slice(1);
    const tasks = new Set(
      files.flatMap((file) => findTasks(reference(folder, file))).map(({ task }) => task),
    );
    assertEquals(new Set(sections.map((text) => text.slice(0, text.indexOf(" ")))), tasks);
    for (const text of sections) assertEquals(text.match(/^\d\. /gm), ["1. ", "2. ", "3. "], text);
  }
});

// ── Versions and commands ──

test("every text names the versions of the runtimes that CI has", () => {
  for (const runtime of ["deno", "bun"]) {
    const [, version] = read(".ci/run").match(new RegExp(`^${runtime}_version=(.*)$`, "m")) ?? [];
    assertMatch(version ?? "", /^\d+\.\d+\.\d+$/);
    const named = new RegExp(`\\b${runtime}(?:@|-version: v?| )(\\d+\\.\\d+\\.\\d+)`, "g");
    const found = texts.flatMap((file) => [...read(file).matchAll(named)].map((m) => [file, m[1]]));
    assert(found.length > 0, runtime);
    assertEquals(found.filter(([, other]) => other !== version), []);
  }
});

test("CONTRIBUTING names the oldest runtimes that will do", () => {
  const { engines }: { engines: Record<string, string> } = JSON.parse(read("package.json"));
  const [, oldDeno, oldBun] = read("CONTRIBUTING.md").match(/Deno (\S+) or newer, and Bun (\S+)/) ??
    [];
  assertEquals({ deno: `>=${oldDeno}.0`, bun: `>=${oldBun}.0` }, engines);
});

test("every task that a text names is one", () => {
  const { tasks }: { tasks: Record<string, unknown> } = JSON.parse(read("deno.json"));
  const named = texts.filter((file) => file !== "deno.json").flatMap((file) =>
    [...read(file).matchAll(/\b(?:deno task|bun run|ci\/run deno task) ([a-z:]+)\b(?![/.])/g)]
      .map(([, task]) => [file, task])
  );
  assert(named.length > 50);
  assertEquals(named.filter(([, task]) => tasks[task] === undefined), []);
});

// ── The editor ──

/** A line of a problem matcher in .vscode/tasks.json, and which group is what. */
interface Pattern {
  readonly regexp: string;
  readonly file?: number;
  readonly line?: number;
  readonly message?: number;
}

/** What a problem matcher finds, in the way of VS Code: patterns match lines that follow directly. */
function findProblems(patterns: readonly Pattern[], output: string): Record<string, string>[] {
  const lines = output.split("\n");
  return lines.flatMap((_, start) => {
    const problem: Record<string, string> = {};
    for (const [k, { regexp, ...groups }] of patterns.entries()) {
      const match = lines[start + k]?.match(new RegExp(regexp));
      if (!match) return [];
      for (const [name, group] of Object.entries(groups)) problem[name] = match[group];
    }
    return [problem];
  });
}

test("VS Code finds the places that start and check print", () =>
  inCopy((copy) => {
    const { tasks } = JSON.parse(read(".vscode/tasks.json"));
    const [red, types]: Pattern[][] = tasks[0].problemMatcher
      .map(({ pattern }: { pattern: Pattern | Pattern[] }) => [pattern].flat());
    const todo = copy.run("start", "01").stdout;
    const shape = "workspace/01_tensor/shape.ts";
    const [first] = findProblems(red, todo);
    assertEquals([first.file, first.message], [shape, "01.1 sizeOf() is yours to write"]);
    const source = copy.read(shape), lines = source.split("\n");
    assertEquals(
      lines[Number(first.line) - 1],
      '  throw new TodoError("01.1 sizeOf() is yours to write");',
    );
    writeFileSync(copy.path(shape), source.replace(/throw new TodoError\("01\.1.*/, 'return "x";'));
    const wrong = copy.run("check", "01.1").stdout;
    assertEquals(findProblems(red, wrong).map(({ file, message }) => [file, message]), [
      [shape, "Wrong value of sizeOf([4]): expected 4, got 'x'"],
    ]);
    assertEquals(findProblems(types, wrong), [{
      file: shape,
      line: first.line,
      code: "TS2322",
      message: "Type 'string' is not assignable to type 'number'.",
    }]);
  }), deno);
