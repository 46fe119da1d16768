/**
 * The watch: what its screen shows at any size, which keys it takes, which saves it sees, and that it
 * takes with it what it has started.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { keysIn } from "../course/commands/terminal.ts";
import { folded, frame, keys, taskLines, type View } from "../course/commands/watch_view.ts";
import { modules } from "../course/content/course.ts";
import { titlesOf } from "../course/content/titles.ts";
import type { Result } from "../course/judge/check_module.ts";
import { testsOf } from "../course/judge/check_module.ts";
import type { Status } from "../course/judge/judge.ts";
import { test } from "../course/sandbox/register.ts";
import { inCopy, type ProjectCopy } from "./project/project_copy.ts";
import { noTerminal, processes, Session, until } from "./project/session.ts";

// ── Keys ──

const typed: Readonly<Record<string, string>> = {
  "n": "n",
  "nh": "nh",
  "\x1b[A": "",
  "\x1b[1;5Cq": "q",
  "\x1bOPn": "n",
  "\x1b": "\x1b",
  "\x1b[200~quit now\n\x1b[201~h": "h",
  "\x1b[200~the end is in the next piece": "",
  "\x03": "\x03",
  "ж😀": "ж😀",
};

test("a terminal's input is single keys, without arrows and pasted text", () => {
  for (const [text, expected] of Object.entries(typed)) {
    assertEquals(keysIn(text).join(""), expected, JSON.stringify(text));
  }
});

// ── The screen ──

const [tensor] = modules;

async function viewOf(passed: number, body: readonly string[] = []): Promise<View> {
  const tests = await testsOf(tensor);
  const results: Result[] = tests.map((one, k) => {
    const status: Status = k < passed ? "passed" : "todo";
    return {
      ...one,
      status,
      earned: k < passed ? one.points : 0,
      message: "",
      test: "",
      place: "",
      output: "",
      ms: 0,
    };
  });
  return {
    module: tensor,
    titles: titlesOf(tensor),
    task: "01.2",
    place: "workspace/01_tensor/shape.ts:94",
    results,
    body,
    status: "saved 3 s ago",
  };
}

/** What a terminal shows of a line. */
function visible(line: string): string {
  // deno-lint-ignore no-control-regex -- that is what escape sequences begin with
  return line.replace(/\x1b\[[\d;]*m|\x1b\]8;;.*?\x1b\\/g, "");
}

test("the screen fits any terminal, whatever it has to show", async () => {
  const bodies = [[], ["short"], Array<string>(200).fill("x".repeat(300)), [
    "é".repeat(90),
    "日本".repeat(60),
  ]];
  for (const body of bodies) {
    const view = await viewOf(2, body);
    for (const columns of [1, 20, 40, 79, 80, 200]) {
      for (const rows of [1, 5, 10, 24, 60]) {
        const lines = frame(view, { columns, rows });
        assert(lines.length <= rows, `${lines.length} lines in ${rows} rows`);
        for (const line of lines.map(visible)) {
          assert([...line].length <= Math.max(columns, 2), `${columns} columns: ${line}`);
        }
      }
    }
  }
});

test("the screen shows the module's tasks, the one in hand, what was found and the keys", async () => {
  const lines = frame(await viewOf(2, ["what was found"]), { columns: 80, rows: 24 }).map(visible);
  assertEquals(lines.length, 24);
  assertEquals(lines[0], "01 tensor  ■▣□□□□□□□□□□□□□□  1 of 16 tasks · 2 of 94 points");
  assertEquals(lines[1], "01.2 Where an element lies   workspace/01_tensor/shape.ts:94");
  assertEquals(lines[3], "what was found");
  assertEquals(lines[22], "saved 3 s ago");
  assertEquals(lines[23], keys.join("  "));
});

test("what does not fit on the screen is counted, and a key shows it", async () => {
  const body = Array.from({ length: 30 }, (_, k) => `line ${k}`);
  const lines = frame(await viewOf(0, body), { columns: 80, rows: 24 }).map(visible);
  assertEquals(lines.slice(18, 21), ["line 15", "line 16", "… 13 more lines: m"]);
});

test("the list has a line for each task, and the one in hand is in it however many fit", async () => {
  const view = await viewOf(2);
  assertEquals(taskLines(view, 16).length, 16);
  for (const [task] of view.titles) {
    const lines = taskLines({ ...view, task }, 5).map(visible);
    assertEquals(lines.length, 5);
    assert(lines.some((line) => line.startsWith("▸") && line.includes(task)), task);
  }
});

test("a line is broken at the terminal's edge, and its colour goes on", () => {
  assertEquals(folded("abcdef", 4), ["abcd", "ef"]);
  assertEquals(folded("", 4), [""]);
  assertEquals(folded("日本語", 4), ["日本", "語"]);
  assertEquals(folded("👩‍👩‍👧x", 2), ["👩‍👩‍👧", "x"]);
  assertEquals(folded("\x1b[31mabcdef\x1b[39m", 4), ["\x1b[31mabcd\x1b[0m", "\x1b[31mef\x1b[39m"]);
});

test("every task of the course has a title", async () => {
  for (const module of modules) {
    const tasks = new Set((await testsOf(module)).map(({ task }) => task));
    const titles = titlesOf(module);
    assertEquals([...titles.keys()].toSorted(), [...tasks].toSorted());
    assert([...titles.values()].every((title) => title !== ""), module.folder);
  }
});

// ── In a terminal ──

/** Begins two modules, and watches the second. */
function watching(body: (session: Session, copy: ProjectCopy) => Promise<void>): Promise<void> {
  return inCopy(async (copy) => {
    copy.run("start", "01");
    copy.run("start", "02");
    const session = new Session(copy, copy.command("watch", "02"));
    try {
      await body(session, copy);
    } finally {
      session.close();
    }
  });
}

test(
  "a save in any begun module is seen, and so is the next one of the same size and time",
  () =>
    watching(async (session, copy) => {
      const shape = copy.path("workspace", "01_tensor", "shape.ts");
      const stub = readFileSync(shape, "utf8");
      const returning = (n: number): string =>
        stub.replace('throw new TodoError("01.1 sizeOf() is yours to write");', `return ${n};`);
      await session.shows(/relu\(\) is yours to write/);
      writeFileSync(shape, returning(7));
      await session.shows(/, got 7\b/);
      const { atime, mtime } = statSync(shape);
      writeFileSync(shape, returning(8));
      utimesSync(shape, atime, mtime);
      await session.shows(/, got 8\b/);
      session.type("q");
      assertEquals(await session.end(), 0);
    }),
  { skip: noTerminal },
);

test(
  "keys that come while tests run are all answered, in their order",
  () =>
    watching(async (session) => {
      await session.shows(/n next/);
      session.type("chl");
      await session.shows(/Hint 1 of 3 for 02\.1/);
      await session.shows(/▸ □ 02\.1/);
      session.type("q");
      assertEquals(await session.end(), 0);
    }),
  { skip: noTerminal },
);

test(
  "a module that is finished is put to use once, and not after each edit that follows",
  () =>
    watching(async (session, copy) => {
      writeFileSync(milestoneOf(copy), `console.log("it trains");\n`);
      await session.shows(/relu\(\) is yours to write/);
      const file = copy.path("workspace", "02_activations", "activations.ts");
      writeFileSync(file, copy.read("modules", "02_activations", "activations.ts"));
      await session.shows(/And this is what it is for/);
      await session.shows(/it trains/);
      writeFileSync(file, `${copy.read("modules", "02_activations", "activations.ts")}// done\n`);
      await session.shows(/02\.1 is green/);
      session.type("l");
      await session.shows(/^(?:(?!it trains)[^])*all: /);
      session.type("q");
      assertEquals(await session.end(), 0);
    }),
  { skip: noTerminal },
);

/** Ways in which a watch comes to its end. */
const endings: Readonly<Record<string, (session: Session) => void>> = {
  "q is typed": (session) => session.type("q"),
  "Ctrl-C is typed": (session) => session.type("\x03"),
  "its window is closed": (session) => session.close(),
  "it is killed": (session) => session.kill(),
};

function milestoneOf(copy: ProjectCopy): string {
  return copy.path("milestones", "04_1998_cnn", "01_tinydigits.ts");
}

/** In the place of the milestone: a program that never ends. */
const endless = `console.log("it trains");\nsetInterval(() => {}, 1000);\n`;

for (const [how, end] of Object.entries(endings)) {
  test(`a training ends with its watch: ${how}`, () =>
    watching(async (session, copy) => {
      writeFileSync(milestoneOf(copy), endless);
      await session.shows(/relu\(\) is yours to write/);
      session.type("t");
      await until(() => trains(copy));
      end(session);
      await session.end();
      await until(() => !trains(copy));
    }), { skip: noTerminal });
}

/** Whether a milestone of this project runs. */
function trains({ folder }: ProjectCopy): boolean {
  return processes().some(({ args }) => args.includes(`${folder}/milestones/`));
}
