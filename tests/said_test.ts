/**
 * What the commands say of a workspace, and what is found in the text of a file.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { writeFileSync } from "node:fs";
import { findOpenBracket } from "../course/content/open_bracket.ts";
import { modules, reference } from "../course/content/course.ts";
import { blank } from "../course/content/task_bodies.ts";
import { test } from "../course/sandbox/register.ts";
import { completeModule, inCopy, shareCopy } from "./project/project_copy.ts";

const { inStartedCopy } = shareCopy();
const shape = "workspace/01_tensor/shape.ts";

// ── Numbers as people type them ──

const typed: readonly (readonly [command: string, word: string, says: RegExp])[] = [
  ["check", "1", /^01 tensor +0 of 62 tests/m],
  ["check", "01", /^01 tensor +0 of 62 tests/m],
  ["check", "1.1", /^to do +01\.1 /m],
  ["check", "1.16", /^to do +01\.16 /m],
  ["hint", "1.2", /^Hint 1 of 3 for 01\.2:/m],
  ["reset", "1.3", /^01\.3 is as it was at the start/m],
  ["reset", "1", /^01 is as it was at the start/m],
  ["start", "5", /workspace\/05_autograd/],
];
for (const [command, word, says] of typed) {
  test(`${command} ${word} means what it says`, () =>
    inStartedCopy(async (copy) => {
      const { stdout, stderr } = await copy.say(command, word);
      assertEquals(stderr, "");
      assertMatch(stdout, says);
    }));
}

for (const word of ["0", "10", "1.0", "1.99", "1.2.3", "x", "001", "-1"]) {
  test(`check ${word} is refused`, () =>
    inStartedCopy(async (copy) => {
      const { code, stderr } = await copy.say("check", word);
      assertEquals(code, 2);
      assertMatch(stderr, /^Cannot /);
    }));
}

// ── A green module that was touched ──

test("a comment in a green module does not put the reference in its place", () =>
  inCopy(async (copy) => {
    await copy.say("start");
    completeModule(copy, "01");
    await copy.say("start", "02");
    await copy.say("check", "01");
    writeFileSync(copy.path(shape), `${copy.read(shape)}// mine\n`);
    const { stdout } = await copy.say("check", "02");
    assertMatch(stdout, /^01 has changed since it was green, and is checked again$/m);
    assert(!stdout.includes("stands for"), stdout);
    assert(!(await copy.say("check", "02")).stdout.includes("checked again"));
    writeFileSync(copy.path(shape), `// again\n${copy.read(shape)}`);
    const epochs = ["--quiet", "--models", "one-conv", "--seeds", "1", "--epochs", "1"];
    const { stderr } = copy.run("tinydigits", ...epochs);
    assertMatch(stderr, /^01 has changed since it was green, and is checked again\nYours: 01 /);
  }));

test("a green module that was broken is checked again, and the reference stands for it", () =>
  inCopy(async (copy) => {
    await copy.say("start");
    completeModule(copy, "01");
    await copy.say("start", "02");
    await copy.say("check", "01");
    const sum = "return shape.reduce((size, n) => size * n, 1);";
    writeFileSync(copy.path(shape), copy.read(shape).replace(sum, "return 7;"));
    const { stdout } = await copy.say("check", "02");
    assertMatch(stdout, /^01 has changed since it was green, and is checked again$/m);
    assertMatch(stdout, /^The reference stands for 01 in this run/m);
    const { stdout: progress } = await copy.say("progress");
    assertEquals(progress.match(/was green: /g)?.length, 3);
    assertMatch(progress, /^ {2}and \d+ more were green$/m);
  }));

// ── A brace that is open ──

test("findOpenBracket() finds what is open wherever a closing line of a chapter is taken out", () => {
  for (const { folder, files } of modules.slice(0, 3)) {
    for (const file of files) {
      const lines = reference(folder, file).split("\n");
      const plain = blank(lines.join("\n")).code.split("\n").map((line) => line.trimEnd());
      assertEquals(findOpenBracket(lines.join("\n")), undefined);
      for (const [k, line] of lines.entries()) {
        if (line.trim() !== "}") continue;
        const indent = line.slice(0, -1);
        const opener = plain.findLastIndex((other, j) =>
          j < k && other.startsWith(indent) && /\S/.test(other[indent.length] ?? "") &&
          other.endsWith("{")
        );
        const found = findOpenBracket(lines.toSpliced(k, 1).join("\n"));
        assertEquals([file, k + 1, found?.opened], [file, k + 1, opener + 1]);
      }
    }
  }
});

// ── What a state changed ──

test("history show says what a state changed", () =>
  inStartedCopy(async (copy) => {
    const todo = '  throw new TodoError("01.1 sizeOf() is yours to write");';
    writeFileSync(copy.path(shape), copy.read(shape).replace(todo, "  return 7;"));
    await copy.say("check", "01.1");
    const id = (await copy.say("history")).stdout.trim().split("\n").at(-1)?.split(" ")[0] ?? "";
    const { stdout } = await copy.say("history", "show", id);
    assert(stdout.includes("── 01_tensor/shape.ts\n"), stdout);
    assert(stdout.includes(`\n- ${todo}\n+   return 7;\n`), stdout);
    assert(stdout.split("\n").length < 12, stdout);
  }));
