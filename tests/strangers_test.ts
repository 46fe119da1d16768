/**
 * What editors, systems and people leave in a workspace harms no command, and a file of the learner's
 * that is gone or cannot be read is named.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "../course/sandbox/register.ts";
import { type ProjectCopy, shareCopy } from "./project/project_copy.ts";

const { inStartedCopy } = shareCopy();
const noLinks = process.platform === "win32" ? "its links need a right of their own" : undefined;

/** What lies there, and how it comes to lie there. */
type Stranger = readonly [what: string, make: (copy: ProjectCopy) => void];

const strangers: readonly Stranger[] = [
  ["an editor's lock", (copy) => link(copy, "ada@host.1:2", "01_tensor/.#print.ts")],
  ["a link in a circle", (copy) => link(copy, "loop.ts", "01_tensor/loop.ts")],
  ["a link to a file", (copy) => link(copy, "print.ts", "01_tensor/other.ts")],
  ["a link to a folder", (copy) => link(copy, "../02_activations", "01_tensor/more.ts")],
  ["a folder called x.ts", (copy) => folder(copy, "01_tensor/x.ts")],
  ["a folder of a module's file in it", (copy) => folder(copy, "01_tensor/old/shape.ts")],
  ["a system's note", (copy) => file(copy, "01_tensor/.DS_Store", "\0\0\0\x01Bud1")],
  ["a system's note in history", (copy) => file(copy, ".kindling/history/.DS_Store", "\0Bud1")],
  ["a note in history", (copy) => file(copy, ".kindling/history/zzz.txt", "keep")],
  ["an empty folder in history", (copy) => folder(copy, ".kindling/history/zzz")],
  [
    "half a state in history",
    (copy) => file(copy, ".kindling/history/2030/01_tensor/shape.ts", "x"),
  ],
  ["a folder in a state", (copy) => folder(copy, ".kindling/history/2030/01_tensor/x.ts")],
  ["a file's backup", (copy) => file(copy, "01_tensor/shape.ts~", "const = ;")],
  ["half of a written file", (copy) => file(copy, "01_tensor/.shape.ts.1.part", "const = ;")],
  ["a folder where progress is kept", (copy) => folder(copy, "progress.json.damaged")],
  ["bytes that are no text", (copy) => file(copy, "01_tensor/.shape.ts.swp", "\xff\xfe\0b0VIM")],
];

function link(copy: ProjectCopy, to: string, name: string): void {
  symlinkSync(to, copy.path("workspace", name));
}

function folder(copy: ProjectCopy, name: string): void {
  mkdirSync(copy.path("workspace", name), { recursive: true });
}

function file(copy: ProjectCopy, name: string, text: string): void {
  folder(copy, name.slice(0, name.lastIndexOf("/")));
  writeFileSync(copy.path("workspace", name), Buffer.from(text, "latin1"));
}

for (const [what, make] of strangers) {
  test(`${what} harms no command`, () =>
    inStartedCopy(async (copy) => {
      make(copy);
      for (const [[command, ...words], code, says] of commands) {
        const ended = await copy.say(command, ...words);
        assertEquals(ended.code, code, `${command}: ${ended.stdout}${ended.stderr}`);
        assertMatch(ended.stdout, says);
        assertEquals(ended.stderr, "");
      }
    }), { skip: what.includes("link") || what.includes("lock") ? noLinks : undefined });
}

const commands: readonly [[string, ...string[]], number, RegExp][] = [
  [["check", "01.1"], 1, /^0 of 2 points$/m],
  [["hint", "01.1"], 0, /^Hint 1/m],
  [["progress"], 0, /^0 of 453 points\. Next: 01\.1/m],
  [["reset", "01.1"], 0, /^01\.1 is as it was/m],
  [["history"], 0, /^\d{4}-\S+ +start 01/m],
  [["start"], 0, /^to do +01\.1/m],
];

// ── A file that is not there, or is none ──

const shape = "workspace/01_tensor/shape.ts";
const inUtf16 = /shape\.ts: it is in UTF-16\n +save it as UTF-8/;
const isLink = /shape\.ts in workspace\/01_tensor is a link\n +move it away: .* start 01 puts/m;

const problems: readonly (readonly [what: string, spoil: (path: string) => void, says: RegExp])[] =
  [
    [
      "deleted",
      (path) => rmSync(path),
      /shape\.ts is missing in workspace\/01_tensor\n +\S+ \w+ start 01/m,
    ],
    [
      "a folder",
      (path) => replace(path, () => mkdirSync(path)),
      /shape\.ts in workspace\/01_tensor is a folder\n +move it away: .* start 01 puts/m,
    ],
    ["a link", (path) => replace(path, () => symlinkSync("print.ts", path)), isLink],
    ["a link to nowhere", (path) => replace(path, () => symlinkSync("no.ts", path)), isLink],
    ["UTF-16", (path) => writeWide(path, "\ufeffexport const a = 1;\n"), inUtf16],
    ["UTF-16 without a mark", (path) => writeWide(path, "export const a = 1;\n"), inUtf16],
    [
      "UTF-16 of the other order",
      (path) => writeFileSync(path, Buffer.from("\ufeffconst a = 1;", "utf16le").swap16()),
      inUtf16,
    ],
  ];

function writeWide(path: string, text: string): void {
  writeFileSync(path, Buffer.from(text, "utf16le"));
}

function replace(path: string, by: () => void): void {
  rmSync(path);
  by();
}

for (const [what, spoil, says] of problems) {
  test(`a file that is ${what} is named, and what to do`, () =>
    inStartedCopy(async (copy) => {
      spoil(copy.path(shape));
      for (
        const [command, ...words] of [["check", "01.1"], ["check"], ["watch", "--once"]] as const
      ) {
        const { code, stdout, stderr } = await copy.say(command, ...words);
        assert(code === 1 || code === 2);
        assertMatch(stdout + stderr, says);
      }
    }), { skip: what.includes("link") ? noLinks : undefined });
}

for (
  const [command, ...words] of [["start"], ["start", "1"], ["reset", "01"], [
    "reset",
    "1.1",
  ]] as const
) {
  test(`${[command, ...words].join(" ")} puts a deleted file back, and others stay`, () =>
    inStartedCopy(async (copy) => {
      const stub = copy.read(shape), other = "workspace/01_tensor/print.ts";
      rmSync(copy.path(shape));
      if (command === "start") writeFileSync(copy.path(other), `${copy.read(other)}// mine\n`);
      const before = copy.read(other);
      assertEquals((await copy.say(command, ...words)).code, 0);
      assertEquals([copy.read(shape), copy.read(other)], [stub, before]);
    }));
}

test("a file that was saved with the mark of UTF-8 is a text", () =>
  inStartedCopy(async (copy) => {
    writeFileSync(copy.path(shape), `\ufeff${copy.read(shape)}`);
    const { code, stdout } = await copy.say("check", "01.1");
    assertEquals(code, 1);
    assert(stdout.includes("01.1 sizeOf() is yours to write"), stdout);
  }));
