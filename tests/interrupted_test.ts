/**
 * A command that is killed in the middle of a write, or finds the disk full, loses nothing of a
 * learner's and leaves no half of a file that is used.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { foldersIn } from "../course/files.ts";
import { test } from "../course/sandbox/register.ts";
import { type Fault, giveFaultyDisk, runWith } from "./project/faulty_disk.ts";
import { type Ended, inCopy, type ProjectCopy } from "./project/project_copy.ts";
import { shareOf } from "./project/shares.ts";

/** What is typed. */
type Words = readonly [string, ...string[]];

const shape = "workspace/01_tensor/shape.ts";
const todo = 'throw new TodoError("01.1 sizeOf() is yours to write");';
const written = "return shape.reduce((size, n) => size * n, 1); // mine";

// ── Killed, and full ──

/** A command, and the writes at which it is disturbed. */
const disturbed: readonly (readonly [words: Words, writes: readonly number[]])[] = [
  [["start"], [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 15, 17, 20, 23, 26, 30, 34]],
  [["start", "02"], [1, 2, 3, 4, 6]],
  [["reset", "01"], [1, 2, 3, 5, 7, 9, 11]],
  [["check", "01.1"], [1, 2, 3, 4]],
  [["reset", "01.1"], [1, 2, 4]],
  [["history", "restore", "newest"], [1, 2]],
  [["hint", "01.1"], [1]],
];
const cases = disturbed.flatMap(([words, writes]) => writes.map((at) => [words, at] as const));

test("forty commands are disturbed", () => assertEquals(cases.length, 40));

for (const [fault, ending] of [["kill", "it was killed"], ["full", "the disk was full"]] as const) {
  test(`whatever a command was doing when ${ending} does no harm`, () =>
    inCopy((copy) => {
      giveFaultyDisk(copy);
      for (const [words, at] of shareOf(cases, 10)) disturb(copy, fault, words, at);
    }));
}

/** Disturbs one command, and looks at what it left. */
function disturb(copy: ProjectCopy, fault: Fault, words: Words, at: number): void {
  const name = `${words.join(" ")}, write ${at}, ${fault}`;
  const isBeginning = words.join() === "start";
  rmSync(copy.path("workspace"), { recursive: true, force: true });
  copy.run("start");
  const good = filesOf(copy), stub = good.get(shape) ?? "", mine = stub.replace(todo, written);
  if (isBeginning) rmSync(copy.path("workspace"), { recursive: true });
  else writeFileSync(copy.path(shape), mine);
  if (words[0] === "history") {
    copy.run("check", "01.1");
    writeFileSync(copy.path(shape), stub);
  }
  const newest = readHistory(copy).at(-1) ?? "";
  const [command, ...rest] = words;
  const typed: Words = [command, ...rest.map((word) => word === "newest" ? newest : word)];
  const { code, stderr } = runWith(fault, at, copy, typed);
  assert(fault === "kill" || [0, 1, 2].includes(code ?? -1), `${name}: ${code} ${stderr}`);
  assert(!/^ +at /m.test(stderr), `${name}: ${stderr}`);
  for (const [file, text] of filesOf(copy)) {
    const known = good.get(file), isOther = known === undefined || file.includes("/02_");
    const isShim = /^\/\/ Not begun: .*\nexport \* from ".*";\n$/.test(text);
    const isWhole = isOther || isShim || text === known || (file === shape && text === mine) ||
      file === "workspace/progress.json";
    assert(isWhole, `${name}: nobody wrote this ${file}\n…${text.slice(-300)}`);
  }
  const progress = "workspace/progress.json";
  if (existsSync(copy.path(progress))) JSON.parse(copy.read(progress));
  // The next start makes all whole, and what was written is there or in history.
  const started = copy.run("start");
  assertEquals(started.code, 0, `${name}: ${started.stdout}${started.stderr}`);
  assert(!/The course has changed/.test(started.stdout), `${name}: ${started.stdout}`);
  const after = filesOf(copy);
  for (const file of good.keys()) {
    if (file.startsWith("workspace/01_tensor/")) assert(after.has(file), `${name}: no ${file}`);
  }
  const states = readHistory(copy).map((id) => copy.path("workspace/.kindling/history", id));
  const texts = [copy.path(shape), ...states.map((state) => join(state, "01_tensor/shape.ts"))]
    .filter(existsSync).map((path) => readFileSync(path, "utf8"));
  assert(isBeginning || texts.includes(mine), `${name}: what was written is lost`);
}

/** The states in history. */
function readHistory(copy: ProjectCopy): string[] {
  return foldersIn(copy.path("workspace/.kindling/history")).filter((id) => !id.endsWith(".part"));
}

/** The learner's files, and those of history; halves under other names do not count. */
function filesOf(copy: ProjectCopy): Map<string, string> {
  if (!existsSync(copy.path("workspace"))) return new Map();
  const all = readdirSync(copy.path("workspace"), { recursive: true, encoding: "utf8" });
  return new Map(
    all.map((name) => `workspace/${name.replaceAll("\\", "/")}`)
      .filter((name) => /\.(ts|json)$/.test(name) && !/\/scratch-|\.part\//.test(name))
      .map((name) => [name, copy.read(name)]),
  );
}

// ── What is said ──

test("on a full disk, a check still says what is right", () =>
  inCopy((copy) => {
    giveFaultyDisk(copy);
    copy.run("start");
    writeFileSync(copy.path(shape), copy.read(shape).replace(todo, written));
    const { code, stdout } = runWith("full", 1, copy, ["check", "01.1"]);
    assertMatch(stdout, /^Cannot write workspace\/\.kindling\/history: the disk is full$/m);
    assertMatch(stdout, /^Cannot write workspace\/progress\.json: the disk is full$/m);
    assertMatch(stdout, /^2 of 2 points$/m);
    assertEquals(code, 0);
  }));

const closed: readonly (readonly [words: Words, code: number])[] = [
  [["start"], 2],
  [["start", "02"], 2],
  [["check"], 1],
  [["check", "01.1"], 0],
  [["watch", "--once"], 1],
  [["hint", "01.1"], 0],
  [["progress"], 0],
  [["solution", "01.2", "--spoil"], 0],
  [["reset", "01"], 2],
  [["notebook", "01"], 2],
];

test("where nothing may be written, each command says so in a sentence or goes without", () =>
  inCopy((copy) => {
    giveFaultyDisk(copy);
    copy.run("start");
    writeFileSync(copy.path(shape), copy.read(shape).replace(todo, written));
    const before = filesOf(copy);
    for (const [words, wanted] of closed) {
      const { code, stdout, stderr } = runWith("closed", 1, copy, words);
      assertEquals(code, wanted, `${words.join(" ")}: ${stdout}${stderr}`);
      if (code === 2) {
        assertMatch(stderr, /^Cannot write workspace.*: this disk can only be read\n +\S/);
        assertEquals(stderr.trim().split("\n").length, 2);
      } else assertEquals(stderr, "");
    }
    assertEquals(filesOf(copy), before);
  }));

test("a folder that cannot be removed fails no command, and the next start removes it", () =>
  inCopy((copy) => {
    giveFaultyDisk(copy);
    copy.run("start");
    writeFileSync(copy.path(shape), copy.read(shape).replace(todo, "return 7;"));
    const kept = copy.path("workspace/.kindling"), old = new Date(Date.now() - 2 * 3_600_000);
    assertEquals(runWith("held", 1, copy, ["check", "01.2"]).code, 1);
    mkdirSync(join(kept, "scratch-old"));
    writeFileSync(join(kept, "scratch-old", "copy.ts"), "");
    utimesSync(join(kept, "scratch-old"), old, old);
    assertEquals(runWith("held", 1, copy, ["start"]).code, 0);
    assert(foldersIn(kept).includes("scratch-old"));
    assertEquals(copy.run("start").code, 0);
    assert(!foldersIn(kept).includes("scratch-old"));
  }));

test("start mends a stub of which an earlier command wrote a part", () =>
  inCopy(async (copy) => {
    await copy.say("start");
    const stub = copy.read(shape);
    for (const part of [0, 1, 40, 400, stub.length / 2, stub.length - 2, stub.length - 1]) {
      writeFileSync(copy.path(shape), stub.slice(0, part));
      const { code, stdout } = await copy.say("start");
      assertEquals([code, stdout.includes("has changed"), copy.read(shape)], [0, false, stub]);
    }
  }));

test("reset and restore keep the line ends of a file", () =>
  inCopy(async (copy) => {
    await copy.say("start");
    const stub = copy.read(shape).replaceAll("\n", "\r\n"), mine = stub.replace(todo, written);
    for (const what of ["01.1", "1.1", "01", "1"]) {
      writeFileSync(copy.path(shape), mine);
      const [, id] = (await copy.say("reset", what)).stdout.match(/restore (\S+)/) ?? [];
      assertEquals(copy.read(shape), stub);
      await copy.say("history", "restore", id);
      assertEquals(copy.read(shape), mine);
    }
  }));

// ── Two at once ──

/** Runs commands at the same time. */
async function together(copy: ProjectCopy, all: readonly Words[]): Promise<Ended[]> {
  return await Promise.all(all.map(([command, ...words]) => {
    const [program, ...args] = copy.command(command, ...words);
    const { promise, resolve } = Promise.withResolvers<Ended>();
    const env = { ...process.env, NO_COLOR: "1" };
    const child = spawn(program, args, { cwd: copy.folder, env });
    let stdout = "", stderr = "";
    child.stdout.on("data", (text) => stdout += text);
    child.stderr.on("data", (text) => stderr += text);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    return promise;
  }));
}

test("of commands at the same time, none loses what another has written", () =>
  inCopy(async (copy) => {
    await copy.say("start");
    writeFileSync(copy.path(shape), copy.read(shape).replace(todo, written));
    const ended = await together(copy, [
      ["hint", "01.1"],
      ["hint", "01.1"],
      ["hint", "01.1"],
      ["hint", "01.2"],
      ["hint", "01.3"],
      ["solution", "01.4", "--spoil"],
      ["solution", "01.5", "--spoil"],
      ["check", "01.1"],
    ]);
    assertEquals(ended.map(({ code, stderr }) => `${code}${stderr}`), Array(8).fill("0"));
    const { hints, spoiled, everPassed } = JSON.parse(copy.read("workspace/progress.json"));
    assertEquals(hints, { "01.1": 3, "01.2": 1, "01.3": 1 });
    assertEquals([spoiled.sort(), everPassed.length], [["01.4", "01.5"], 2]);
    const shown = ended.slice(0, 3).map(({ stdout }) => stdout.match(/Hint (\d)/)?.[1]).sort();
    assertEquals(shown, ["1", "2", "3"]);
  }));

// ── A real disk ──

test("a real disk that is full, and one that is read-only, are said", () =>
  inCopy((copy) => {
    const workspace = copy.path("workspace");
    mkdirSync(workspace);
    const mount = (options: string): boolean =>
      spawnSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", workspace]).status === 0;
    if (!mount("size=256k")) return; // only the system's owner may
    try {
      const { code, stderr } = copy.run("start");
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /^Cannot write workspace\/.*: the disk is full\n/);
      assert(mount("remount,size=8m"));
      const started = copy.run("start");
      assertEquals(started.code, 0, started.stderr);
      assert(!started.stdout.includes("has changed"));
      assert(mount("remount,ro"));
      assertEquals(copy.run("check", "01.1").code, 1);
      assertMatch(copy.run("reset", "01").stderr, /: this disk can only be read\n/);
    } finally {
      spawnSync("umount", [workspace]);
    }
  }), { skip: process.platform !== "linux" ? "needs a small disk" : undefined });
