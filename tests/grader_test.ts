/**
 * Points that an instructor can trust.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { bisect } from "../course/judge/bisect.ts";
import type { Result } from "../course/judge/check_module.ts";
import { modules } from "../course/content/course.ts";
import { csv, emit, formatNames, type Graded } from "../course/grading/emit.ts";
import { editedFiles } from "../course/content/manifest.ts";
import { printable } from "../course/printable.ts";
import { test } from "../course/sandbox/register.ts";
import { makeStub } from "../course/content/stubs.ts";
import { inCopy } from "./project/project_copy.ts";
import {
  type ChangeName,
  changeNames,
  type WholeCourse,
  writeCourse,
} from "./project/run_course.ts";

const isDeno = process.versions.deno !== undefined;

// ── The whole course ──

const names = isDeno ? ["stubs", "otherOrder"] as const : changeNames;
let course: Partial<Record<ChangeName, WholeCourse>> | undefined;

/** What came of the course with a change; all are checked once. */
function wholeCourse(name: ChangeName): WholeCourse {
  if (!course) {
    const file = fromFileUrl(new URL("./project/run_course.ts", import.meta.url));
    const flags = ["--no-prompt", "--allow-read", "--allow-write", "--allow-env", "--allow-run"];
    const args = ["run", ...(isDeno ? flags : []), file, ...names];
    const run = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 600_000 });
    assertEquals(run.stderr, "");
    course = JSON.parse(run.stdout);
  }
  const found = course?.[name];
  assert(found, `${name} was not checked`);
  return found;
}

test("stubs of every module score exactly 0 points, and none breaks down", () => {
  const { points, broken } = wholeCourse("stubs");
  const earned = Object.entries(points).map(([number, [earned]]) => [number, earned]);
  assertEquals(earned, modules.map(({ number }) => [number, 0]));
  assertEquals(broken, []);
});

/** Points that the reference earned: under Deno where a class is graded, else where it is checked. */
async function referencePoints(): Promise<number[]> {
  if (!isDeno) return Object.values(wholeCourse("reference").points).map(([earned]) => earned);
  const [, ada] = (await gradedClass()).grades.split("\n");
  return ada.split(",").slice(1, 1 + modules.length).map(Number);
}

test("the reference scores exactly full marks in every module", async () => {
  const points = Object.values(wholeCourse("stubs").points).map(([, points]) => points);
  assertEquals(await referencePoints(), points);
  assertEquals(points.length, modules.length);
  assertEquals(points.reduce((sum, points) => sum + points, 0), 453);
});

test("another order of random numbers than the reference's costs no point", () => {
  const { points } = wholeCourse("otherOrder");
  assertEquals(Object.values(points).filter(([earned, points]) => earned !== points), []);
});

test("the manifest knows every file that a verdict rests on", () => {
  const how = "run: deno task manifest";
  assertEquals(editedFiles(), [], how);
});

// ── The command ──

/** What grading a class gives. */
interface GradedClass {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The table. */
  readonly grades: string;
  /** Each one's files, by name. */
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

let graded: Promise<GradedClass> | undefined;

/** Grades a class, once: ada has the reference, bob three modules of stubs and what does not belong there. */
function gradedClass(): Promise<GradedClass> {
  return graded ??= inCopy((copy) => {
    writeCourse(copy.path("class/ada/workspace"), (source) => source);
    writeCourse(copy.path("class/bob/workspace"), (source) => makeStub(source));
    const stranger = { imports: { "#tensor": "../../../../modules/01_tensor/tensor.ts" } };
    for (const name of ["deno.json", "package.json", "bunfig.toml", "more.ts"]) {
      writeFileSync(copy.path("class/bob/workspace/01_tensor", name), JSON.stringify(stranger));
    }
    for (const { folder } of modules.slice(3)) { // not begun: all stubs were checked above
      rmSync(copy.path("class/bob/workspace", folder), { recursive: true });
    }
    // A link to the reference is no work of one's own.
    rmSync(copy.path("class/bob/workspace/02_activations"), { recursive: true });
    symlinkSync(
      copy.path("modules/02_activations"),
      copy.path("class/bob/workspace/02_activations"),
    );
    rmSync(copy.path("class/bob/workspace/01_tensor/shape.ts"));
    symlinkSync(
      copy.path("modules/01_tensor/shape.ts"),
      copy.path("class/bob/workspace/01_tensor/shape.ts"),
    );
    const options = ["--emit", formatNames.join(","), "--out", "out", "--seed", "spring 1"];
    const ended = copy.run("grade", "class/ada", "class/bob", ...options, "--jobs", "2");
    assertEquals(ended.code, 0, ended.stderr);
    const files = ["ada", "bob"].map((name) => {
      const written = readdirSync(copy.path("out", name));
      return [
        name,
        Object.fromEntries(written.map((file) => [file, copy.read("out", name, file)])),
      ];
    });
    return {
      ...ended,
      grades: copy.read("out/grades.csv"),
      files: Object.fromEntries(files),
    };
  });
}

test("grade gives every declared test a place, in all formats, with equal totals", async () => {
  const { code, stdout, stderr, grades, files } = await gradedClass();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertMatch(stdout, /^ada +453 of 453 points/m);
  assertMatch(stdout, /^bob +0 of 453 points/m);
  for (
    const note of [
      "01_tensor/package.json is not a file of the course and was not used",
      "01_tensor/shape.ts is not a file and was not used",
      "02_activations is not a folder and was not used",
    ]
  ) assert(stdout.includes(`\n  ${note}\n`), note);
  const [, ada, bob] = grades.split("\n");
  assertEquals(ada, '"ada",94,31,39,36,68,32,51,41,61,453,453,"spring 1",""');
  assertMatch(bob, /^"bob",0,0,0,0,0,0,0,0,0,0,453,"spring 1","01_tensor\/\S+ is not a/);
  for (const own of Object.values(files)) {
    const scope = JSON.parse(own["results.json"]);
    const grade = JSON.parse(own["grade.json"]);
    const room = JSON.parse(own["result.json"]);
    assertEquals([scope.tests.length, grade.tests.length, room.tests.length], [297, 297, 297]);
    assertEquals([room.schema, room.score], ["classroom50/result/v1", grade.earned]);
    assertEquals(own["junit.xml"].match(/<testcase /g)?.length, 297);
  }
  assertEquals(Object.keys(files), ["ada", "bob"]);
}, { only: "deno" });

test("grade refuses what it cannot grade, in a sentence", () =>
  inCopy((copy) => {
    const says = (...args: readonly string[]): [number | null, string] => {
      const { code, stderr } = copy.run("grade", ...args);
      return [code, stderr.split("\n")[0].replaceAll(copy.folder, "HERE")];
    };
    assertEquals(says("modules", "--emit", "pdf"), [
      2,
      `Cannot emit pdf: formats are ${formatNames.join(", ")}`,
    ]);
    assertEquals(says("modules", "--jobs", "0")[0], 2);
    assertEquals(says("modules", "--tests", "0"), [
      2,
      "Cannot use --tests: there is no such option",
    ]);
    assertEquals(says("modules", "--minutes", "soon"), [
      2,
      "Cannot stop after soon minutes: it must be a number above 0",
    ]);
    writeFileSync(copy.path("in_the_way"), "");
    assertMatch(
      says("modules", "--emit", "csv", "--out", "in_the_way").join(),
      /^2,Cannot write to /,
    );
  }), { only: "deno" });

test("grade says under Bun that it needs Deno", () =>
  inCopy((copy) => {
    const { code, stderr } = copy.run("grade");
    assertEquals(code, 2);
    assertMatch(stderr, /^Cannot grade with Bun/);
  }), { only: "bun" });

// ── Formats ──

const result: Result = {
  task: "01.1",
  sentence: 'sizeOf() multiplies <the> "sizes" & more',
  status: "failed",
  message: "expected \u0000 \u001b[31m, got ]]>",
  points: 3,
  earned: 0,
  test: "modules/01_tensor/tensor_test.ts:33",
  place: "workspace/01_tensor/shape.ts:58",
  output: "=1+1",
  ms: 12,
};
const gradedOne: Graded = {
  name: '=cmd|"A"',
  seed: "1",
  results: [result, { ...result, task: "02.1", status: "passed", earned: 3, message: "" }],
  notices: [],
  seconds: 1,
};

test("emit() writes XML that holds no control character and no bare sign", () => {
  const { text } = emit("junit", gradedOne);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\x00-\x08\x1b]/.test(text), false);
  assertMatch(text, /name="01\.1 sizeOf\(\) multiplies &lt;the&gt; &quot;sizes&quot; &amp; more"/);
  assertMatch(text, /<testsuites tests="2" failures="1" errors="0"/);
});

/** A name, and its cell: on one line, quoted, and no formula. */
const cells: [string, string][] = [
  ["Ada, Lovelace", '"Ada, Lovelace"'],
  ['say "hi"', '"say ""hi"""'],
  ["=1+1", `"'=1+1"`],
  ['=cmd|"A"', `"'=cmd|""A"""`],
  ["+1", `"'+1"`],
  ["-1", `"'-1"`],
  ["@SUM(A1)", `"'@SUM(A1)"`],
  ["  =1+1", `"'  =1+1"`],
  ["\uff1d1+1", `"'\uff1d1+1"`],
  ["\t=1+1", '"\\t=1+1"'],
  ["two\nlines", '"two\\nlines"'],
  ["a\0b\ud800", '"a\\x00b\\u{d800}"'],
];
for (const [name, cell] of cells) {
  test(`csv() writes the name ${JSON.stringify(name)} as text`, () => {
    const row = csv([{ ...gradedOne, name, seed: name, problem: name }]).split("\n")[1];
    const note = quotedNote(name);
    assertEquals(row, `${cell},0,3,3,6,${cell},${note}`);
  });
}

/** The cell that says why something could not be graded. */
function quotedNote(problem: string): string {
  return `"not graded: ${printable(problem).replaceAll('"', '""')}"`;
}

/** What a submission prints, or says in an error. */
const printed: [string, string][] = [
  ["NUL", "a\0b"],
  ["the first half of a pair", "a\ud83db"],
  ["the second half of a pair", "a\ude00b"],
  ["a pair the wrong way round", "\ude00\ud83d"],
  ["an escape sequence", "\x1b[31mred\x1b[0m"],
  ["backspaces and a bell", "ab\b\b\x07"],
  ["what XML forbids at the end of a plane", "\ufffe\uffff"],
  ["the end of a CDATA section", "]]><!--&amp;<testcase>"],
  ["quotes and a script", `"'</failure><script>alert(1)</script>`],
  ["form feeds and vertical tabs", "a\f\vb"],
  ["emoji and marks that turn text around", "😀\u202egnp"],
];
for (const [what, text] of printed) {
  for (const format of ["gradescope", "classroom50", "junit", "json"] as const) {
    test(`emit() writes ${format} that is valid when a submission prints ${what}`, () => {
      const thrown = { name: text, message: text };
      const hostile = { ...result, output: text, message: text, cause: text, place: text, thrown };
      const all = { ...gradedOne, name: text, results: [hostile], notices: [text], problem: text };
      const written = emit(format, all).text;
      assert(written.isWellFormed());
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x08\x0b-\x1f\ufffe\uffff]/.test(written));
      if (format === "junit") return assertEquals(written.match(/<testcase /g)?.length, 1);
      // deno-lint-ignore no-control-regex
      assert(!/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(textsIn(JSON.parse(written)).join("")));
      assert(textsIn(JSON.parse(written)).every((one) => one.isWellFormed()));
    });
  }
}

/** All texts in a document. */
function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

test("emit() refuses to write totals that are not those of the tests", () => {
  const odd = { ...gradedOne, results: [{ ...result, earned: 0.5 }] };
  const { message } = assertThrows(() => emit("junit", odd), Error);
  assertMatch(
    message,
    /^Cannot write the grade of .*: junit says 0 of 3, the tests say 0\.5 of 3$/,
  );
});

test("emit() gives a test that timed out no points and says so", () => {
  const late = { ...gradedOne, results: [{ ...result, status: "timeout" as const }] };
  const { tests: [found] } = JSON.parse(emit("gradescope", late).text);
  assertEquals([found.status, found.score, found.extra_data.status], ["failed", 0, "timeout"]);
});

// ── Bisection ──

test("bisect() names the task whose replacement mends what fails", () =>
  inCopy(async (copy) => {
    writeCourse(copy.path("mine"), (source) => makeStub(source));
    const owners = new Map(
      modules.slice(0, 3).map(({ folder }) => [folder, copy.path("mine", folder)]),
    );
    /** Passes with the reference's relu(), and with the whole reference of 02. */
    const found = await bisect({
      owners,
      scratch: copy.folder,
      passes: (tried) => {
        const own = tried.get("02_activations");
        if (own === undefined) return Promise.resolve(true);
        const text = readFileSync(join(own, "activations.ts"), "utf8");
        return Promise.resolve(!text.includes('TodoError("02.1 '));
      },
    });
    assertEquals([found?.module.folder, found?.task], ["02_activations", "02.1"]);
  }));

test("bisect() names nothing if no single module mends it", async () => {
  const owners = new Map([["01_tensor", "nowhere"]]);
  const found = await bisect({ owners, scratch: "", passes: () => Promise.resolve(false) });
  assert(found === undefined);
});
