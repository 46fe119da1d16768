/**
 * What is found among submissions, what it is called, and that one of them never stops the others.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { dirname, join, resolve } from "@std/path";
import { spawn } from "node:child_process";
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { reference } from "../course/content/course.ts";
import { findSubmissions } from "../course/grading/submissions.ts";
import { printable } from "../course/printable.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";
import { inCopy, type ProjectCopy } from "./project/project_copy.ts";

/** Makes empty files; what ends in a slash is a folder. */
function make(folder: string, paths: readonly string[]): void {
  for (const path of paths) {
    const full = join(folder, path);
    mkdirSync(path.endsWith("/") ? full : dirname(full), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(full, "");
  }
}

// ── Where the workspace is ──

/** What a submission holds, and where its workspace is. */
const layouts: [string, readonly string[], string][] = [
  ["modules at once", ["01_tensor/shape.ts"], "."],
  ["a workspace", ["workspace/01_tensor/shape.ts", "workspace/deno.json"], "workspace"],
  ["a later module alone", ["05_autograd/rules.ts"], "."],
  ["one folder too many", ["work/03_layers/layers.ts"], "work"],
  ["three folders too many", ["a/b/c/01_tensor/shape.ts"], "a/b/c"],
  [
    "a whole project",
    ["kindling-main/workspace/01_tensor/", "kindling-main/modules/01_tensor/tensor.ts"],
    "kindling-main/workspace",
  ],
  ["what a Mac packs beside", ["__MACOSX/ada/01_tensor/._shape.ts", "ada/01_tensor/"], "ada"],
  [
    "history",
    ["workspace/.kindling/history/1/01_tensor/", "workspace/02_activations/"],
    "workspace",
  ],
  ["packages", ["node_modules/x/workspace/01_tensor/", "y/01_tensor/", "notes.txt"], "y"],
  ["an empty workspace above", ["workspace/", "other/workspace/01_tensor/"], "other/workspace"],
  ["an older copy with another name", ["old/01_tensor/", "workspace/01_tensor/"], "workspace"],
];
for (const [name, paths, at] of layouts) {
  test(`findSubmissions() finds the workspace in ${name}`, () => {
    inFolder((folder) => {
      make(join(folder, "ada"), paths);
      const [{ workspace, problem, name }] = findSubmissions([join(folder, "ada")]);
      assertEquals([workspace, problem, name], [resolve(folder, "ada", at), undefined, "ada"]);
    });
  });
}

/** What there is, and why it cannot be graded. */
const problems: [string, readonly string[], RegExp][] = [
  ["nothing", [], /^there is no such folder$/],
  ["an empty folder", ["ada/"], /^it holds no workspace: no folder such as 01_tensor/],
  ["a file", ["ada"], /^it is not a folder; an archive must be unpacked$/],
  ["a folder of notes", ["ada/notes.txt", "ada/picture.png"], /^it holds no workspace/],
  ["files whose names are those of folders", ["ada/01_tensor"], /^it holds no workspace/],
  ["a workspace that is a file", ["ada/workspace"], /^it holds no workspace/],
  ["four folders too many", ["ada/a/b/c/d/01_tensor/"], /^it holds no workspace.* 3 folders deep$/],
  ["the reference alone", ["ada/kindling/modules/01_tensor/"], /^it holds no workspace/],
  [
    "two workspaces",
    ["ada/x/workspace/01_tensor/", "ada/workspace/01_tensor/"],
    /right one: works/,
  ],
  [
    "modules here and in a workspace",
    ["ada/01_tensor/", "ada/workspace/02_activations/"],
    /: \., w/,
  ],
  ["two copies", ["ada/old/01_tensor/", "ada/new/01_tensor/"], /name the right one: new, old$/],
  [
    "more folders than are looked through",
    Array.from({ length: 1001 }, (_, k) => `ada/${k}/`),
    /^it holds more than 1000 folders$/,
  ],
];
for (const [name, paths, says] of problems) {
  test(`findSubmissions() says what is wrong with ${name}`, () => {
    inFolder((folder) => {
      make(folder, paths);
      const [{ workspace, problem }] = findSubmissions([join(folder, "ada")]);
      assertEquals(workspace, undefined);
      assertMatch(problem?.replaceAll("\\", "/") ?? "", says);
    });
  });
}

test("findSubmissions() follows no link, as it could lead to the reference", () => {
  inFolder((folder) => {
    make(folder, ["real/01_tensor/", "ada/"]);
    symlinkSync(join(folder, "real"), join(folder, "bob"), "junction");
    symlinkSync(join(folder, "real/01_tensor"), join(folder, "ada/01_tensor"), "junction");
    const found = findSubmissions([join(folder, "bob"), join(folder, "ada")]);
    assertMatch(found[0].problem ?? "", /^it is a link/);
    assertMatch(found[1].problem ?? "", /^it holds no workspace/);
  });
});

test("findSubmissions() leaves out what systems put beside folders", () => {
  inFolder((folder) => {
    const beside = [".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX/ada/", ".#ada"];
    make(folder, [...beside, "ada/01_tensor/"]);
    const paths = readdirSync(folder).map((name) => join(folder, name));
    assertEquals(findSubmissions(paths).map(({ name }) => name), ["ada"]);
  });
});

// ── Names ──

/** Folders that are named together, what they are called, and the folders of their files. */
const names: [readonly string[], readonly string[], readonly string[]][] = [
  [["a/ada", "b/ada"], ["ada", "ada 2"], ["ada", "ada 2"]],
  [["a/ada", "ada 2", "b/ada"], ["ada", "ada 2", "ada 3"], ["ada", "ada 2", "ada 3"]],
  [["Ada", "ADA"], ["Ada", "ADA 2"], ["Ada", "ADA 2"]],
  [["e\u0301va", "\u00e9va"], ["e\u0301va", "\u00e9va 2"], ["e\u0301va", "\u00e9va 2"]],
  [["ada/workspace", "bob/workspace"], ["ada", "bob"], ["ada", "bob"]],
  [["a:b", "a?b"], ["a:b", "a?b"], ["a_b", "a_b 2"]],
  [["CON", "nul.txt", "Com1 .x", "console"], ["CON", "nul.txt", "Com1 .x", "console"], [
    "_CON",
    "_nul.txt",
    "_Com1 .x",
    "console",
  ]],
  [["ada.", "ada "], ["ada.", "ada "], ["ada_", "ada_ 2"]],
  [["grades.csv"], ["grades.csv"], ["grades.csv 2"]],
  [["a\nbob 453 of 453"], ["a\\nbob 453 of 453"], ["a_nbob 453 of 453"]],
  [["\x1b[2Kada", "ada\u202egnp"], ["\\x1b[2Kada", "ada\\u{202e}gnp"], [
    "_x1b[2Kada",
    "ada_u{202e}gnp",
  ]],
  [["😀 Zoë-李"], ["😀 Zoë-李"], ["😀 Zoë-李"]],
];
for (const [paths, called, files] of names) {
  test(`findSubmissions() calls ${JSON.stringify(paths)} by names that stay apart`, () => {
    const found = findSubmissions(paths.map((path) => `nowhere/${path}`));
    assertEquals(found.map(({ name }) => name), [...called]);
    assertEquals(found.map(({ file }) => file), [...files]);
  });
}

test("findSubmissions() keeps names short, and says which of those called alike is which", () => {
  const [one, other] = findSubmissions([`a/${"😀".repeat(300)}`, `b/${"😀".repeat(300)}`]);
  assertEquals([[...one.name].length, [...one.file].length], [100, 60]);
  assert(other.file !== one.file && other.name !== one.name);
  assertMatch(one.notices[0], /^several are called .*: this one is a\/😀/);
});

/** Text, and what is printed of it. */
const texts: [string, string][] = [
  ["plain text, Zoë 😀", "plain text, Zoë 😀"],
  ["👩‍💻 one sign of three", "👩‍💻 one sign of three"],
  ["line\nend\r", "line\\nend\\r"],
  ["a\tb\0c", "a\\tb\\x00c"],
  ["\x1b]0;title\x07", "\\x1b]0;title\\x07"],
  ["\x9b31mred", "\\x9b31mred"],
  ["\u202egnp.exe\u2066", "\\u{202e}gnp.exe\\u{2066}"],
  ["half \ud800 pair", "half \\u{d800} pair"],
  ["a\u2028b\u2029", "a\\u{2028}b\\u{2029}"],
  ["\x7f\b\b\b", "\\x7f\\x08\\x08\\x08"],
];
for (const [text, printed] of texts) {
  test(`printable() writes out what a terminal would obey in ${JSON.stringify(printed)}`, () => {
    assertEquals(printable(text), printed);
  });
}

// ── A class ──

const relu = '  return elementwise("relu", activationDoors.relu, x);';

/** Makes a submission of module 02 with another relu(), or one that cannot be loaded. */
function submit(folder: string, body?: string): void {
  const right = reference("02_activations", "activations.ts");
  assert(right.includes(relu));
  const text = body === undefined ? "throw new Error('no');" : right.replace(relu, body);
  mkdirSync(join(folder, "02_activations"), { recursive: true });
  writeFileSync(join(folder, "02_activations/activations.ts"), text);
}

/** A file that is 3 GB long and takes no room. */
function writeSparse(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, "w");
  ftruncateSync(file, 3 * 2 ** 30);
  closeSync(file);
}

/** What is in a class, by folder; each shows something that must not stop the others. */
const hostile: Readonly<Record<string, string | undefined>> = {
  bigints: "  return { shape: [2, 3], data: [1n, 1n, 1n, 1n, 1n, 1n] } as never;",
  errors: '  throw new Error("m".repeat(20_000_000));',
  texts: '  return "x".repeat(20_000_000) as never;',
  "=1+1": undefined,
  "eve\nada 453 of 453 points": undefined,
  "esc\x1b[2J": undefined,
  printing: '  console.log("a\\0b\\ud800\\x1b[31m\\uffff]]>"); return x;',
};

test(
  "a class is graded to its end, whatever is in it, and each row says what happened",
  () =>
    inCopy((copy) => {
      const at = (name: string): string => copy.path("class", name);
      submit(at("ada"), relu);
      submit(at("bob/kindling-main/workspace"), relu);
      for (const [name, body] of Object.entries(hostile)) submit(at(name), body);
      make(copy.path("class"), [
        "empty/",
        "notes.txt",
        ".DS_Store",
        "dir/02_activations/activations.ts/",
      ]);
      writeSparse(at("sparse/02_activations/activations.ts"));
      const all = readdirSync(copy.path("class")).sort().map(at);
      const options = ["--emit", "csv,json,junit,gradescope,classroom50", "--out", "out"];
      const { code, stdout, stderr } = copy.run("grade", ...all, ...options, "--jobs", "2");
      assertEquals([code, stderr], [1, ""]);
      assertEquals(stdout.match(/^ada +31 of 453 points/gm)?.length, 1);
      assertEquals(stdout.match(/^\S.* of 453 points/gm)?.length, all.length - 1);
      // deno-lint-ignore no-control-regex
      assertEquals(/[\x00-\x09\x0b-\x1f]/.test(stdout), false);
      const rows = copy.read("out/grades.csv").trimEnd().split("\n");
      assertEquals(rows.length, all.length);
      assertRow(rows, "bob", /,31,453,/);
      assertRow(rows, "empty", /,0,453,.*"not graded: it holds no workspace/);
      assertRow(rows, "notes.txt", /,0,453,.*"not graded: it is not a folder/);
      assertRow(rows, "dir", /,0,453,.*activations\.ts is not a file and was not used"/);
      assertRow(rows, "sparse", /,0,453,.*3221225472 bytes, and a file may have 1048576"/);
      assertRow(rows, "bigints", /,27,453,/);
      assertRow(rows, "'=1+1", /,0,453,/);
      for (const folder of readdirSync(copy.path("out")).filter((name) => name !== "grades.csv")) {
        assertEquals(readdirSync(copy.path("out", folder)).length, 4, folder);
        for (const file of readdirSync(copy.path("out", folder))) {
          const text = copy.read("out", folder, file);
          assert(text.isWellFormed() && text.length < 300_000, `${folder}/${file}`);
          // deno-lint-ignore no-control-regex
          assert(!/[\x00-\x09\x0b-\x1f]|\\u00[01]|\\ud[89a-f]/.test(text), `${folder}/${file}`);
        }
      }
    }),
  { only: "deno" },
);

function assertRow(rows: readonly string[], name: string, says: RegExp): void {
  assertMatch(rows.find((row) => row.startsWith(`"${name}",`)) ?? `no row of ${name}`, says);
}

test("grade gives an honest submission its points in a folder of any name", () =>
  inCopy((copy) => {
    const names = ["[a-b]", "~x^", "50% %41", "a,b,,c", "#1", "ä&b=c+d'e", "sp ace"];
    const all = names.map((name) => copy.path(name, "ada, [1] %20#"));
    all.forEach((folder) => submit(folder, relu));
    const { code, stdout } = copy.run("grade", ...all, "--jobs", "2");
    assertEquals(code, 0);
    assertEquals(stdout.match(/ 31 of 453 points/g)?.length, names.length);
  }), { only: "deno" });

test(
  "grade leaves out the tests that a submission's time does not reach, and says so",
  () =>
    inCopy((copy) => {
      submit(copy.path("ada"), relu);
      const options = ["--emit", "json", "--out", "out", "--minutes", "0.0001"];
      const { code, stdout } = copy.run("grade", "ada", ...options);
      assertEquals(code, 0);
      assertMatch(stdout, /^ {2}its 0\.0001 minutes were used up before the end$/m);
      const { tests }: { tests: { status: string }[] } = JSON.parse(copy.read("out/grade.json"));
      const statuses = tests.map(({ status }) => status);
      assertEquals([...new Set(statuses)], ["missing", "timeout"]);
    }),
  { only: "deno" },
);

// ── Ended from outside ──

/** Starts to grade a submission that never ends, and ends the command at its first line. */
async function endWhileGrading(copy: ProjectCopy, signal: string): Promise<number | null> {
  submit(copy.path("ada"), "  for (;;) {}");
  mkdirSync(copy.path("temporary"));
  const [program, ...args] = copy.command("grade", "ada", "--seed", "s");
  const env = { ...process.env, TMPDIR: copy.path("temporary") };
  const child = spawn(program, args, { cwd: copy.folder, env });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on("exit", (code) => resolve(code));
  // Deno would take its own kill() for the reason of the end.
  child.stdout.once("data", () => process.kill(child.pid ?? 0, signal));
  return await promise;
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  test(`grade leaves no temporary file when ${signal} ends it`, () =>
    inCopy(async (copy) => {
      assertEquals(await endWhileGrading(copy, signal), code);
      assertEquals(readdirSync(copy.path("temporary")), []);
    }), {
    only: "deno",
    skip: process.platform === "win32" ? "signals are of other systems" : undefined,
  });
}
