/**
 * Whatever a folder is called, the commands work in it.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import process from "node:process";
import { completeModule, type Ended, inCopy, ProjectCopy } from "./project/project_copy.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";
import { runsAll } from "./project/shares.ts";

const isDeno = process.versions.deno !== undefined, isWindows = process.platform === "win32";
const onPosix = { skip: isWindows ? "its file names and links are others" : undefined };

/** Every sign of ASCII that a file name may have, and letters beyond. Bun does not start below ? and \. */
const signs = String.fromCharCode(...Array.from({ length: 95 }, (_, k) => k + 32))
  .replace(/[A-Za-z0-9/]/g, "").replace(isDeno ? "" : /[?\\]/g, "");
const odd = `Lovelace, Ada ${[...signs].join("")} 100% done é 漢 🙂`;

// ── Commands in such a folder ──

/** A copy of the project in a folder whose name holds everything. */
function inOddCopy(body: (copy: ProjectCopy) => void | Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    mkdirSync(join(folder, odd, "k"), { recursive: true });
    await body(new ProjectCopy(join(folder, odd, "k")));
  });
}

function assertEnds({ code, stdout, stderr }: Ended, wanted: number, says: RegExp): void {
  assertEquals(code, wanted, `${stdout}\n${stderr}`);
  assertMatch(stdout, says);
}

const quickly = ["--quiet", "--models", "one-conv", "--seeds", "1", "--epochs", "1"];

test(
  "start, check and tinydigits run in a folder whose name holds every sign",
  () =>
    inOddCopy((copy) => {
      assertEnds(copy.run("start"), 0, /^ {2}yours: workspace\/01_tensor\/shape\.ts:\d+$/m);
      completeModule(copy, "01");
      assertEnds(copy.run("check", "01"), 0, /^94 of 94 points$/m);
      const trained = copy.run("tinydigits", ...quickly, "--report", "a, b.html");
      assertMatch(trained.stdout, /^One convolution/m, trained.stderr);
      assertMatch(trained.stderr, /^Yours: 01 /m);
      assertMatch(copy.read("a, b.html"), /<html/);
    }),
  onPosix,
);

test(
  "watch --once, progress, reset, history, notebook, grade and book run in it, too",
  () =>
    inOddCopy((copy) => {
      assertEnds(copy.run("start"), 0, /^to do/m);
      const shape = copy.path("workspace/01_tensor/shape.ts");
      writeFileSync(
        shape,
        `${copy.read("workspace/01_tensor/shape.ts")}\nexport const x: string = 1;\n`,
      );
      assertEnds(copy.run("watch", "--once"), 1, /^01 tensor +0 of 62 tests/m);
      if (isDeno) {
        assertMatch(
          copy.run("check", "01.1").stdout,
          /^types .* workspace\/01_tensor\/shape\.ts:\d+$/m,
        );
      }
      assertEnds(copy.run("progress"), 0, /Next: 01\.1 +workspace/);
      assertEnds(copy.run("reset", "01.1"), 0, /^01\.1 is as it was/m);
      assertEnds(copy.run("history"), 0, /start 01/);
      assertEnds(copy.run("notebook", "1"), 0, /workspace\/01_tensor\.ipynb/);
      if (isDeno) assertEnds(copy.run("grade", "--out", "grades, all"), 0, /0 of 453 points/);
      cpSync("README.md", copy.path("README.md"));
      assertEnds(copy.run("book", "--out", "a, b"), 0, /^The book has \d+ pages/m);
    }),
  { skip: isWindows || !runsAll ? "a run of everything does it" : undefined },
);

const names = [
  "a,b",
  "100% done",
  "[x]",
  "{a,b}",
  "~",
  "^|#",
  "a\\b*?",
  "$HOME",
  "'\"`",
  "é漢🙂",
  "-A",
];
for (const name of names.filter((name) => isDeno || !/[?\\]/.test(name))) {
  test(`start and check run in a folder called ${name}`, () =>
    inFolder((folder) => {
      const copy = new ProjectCopy(join(folder, name));
      assertEnds(copy.run("start"), 0, /^to do/m);
      assertEnds(copy.run("check", "1.1"), 1, /^0 of 2 points$/m);
    }), { skip: isWindows || !runsAll ? "a run of everything does it" : undefined });
}

// ── Where a command is typed, and where the workspace lies ──

/** Types a task in a folder of the copy, as its user does. */
function typed(copy: ProjectCopy, folder: string, ...words: readonly string[]): Ended {
  const args = isDeno ? ["task", ...words] : ["run", ...words];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy.path(folder),
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { code: status, stdout, stderr };
}

test("a task that is typed in the workspace or below it is the project's", () =>
  inCopy((copy) => {
    copy.run("start");
    for (const folder of ["workspace", "workspace/01_tensor"]) {
      assertEnds(typed(copy, folder, "check", "01.1"), 1, /^0 of 2 points$/m);
    }
  }));

test("start gives tasks to a workspace that was begun without them", () =>
  inCopy(async (copy) => {
    await copy.say("start");
    const { tasks: _, exclude: __, ...rest } = JSON.parse(copy.read("workspace/deno.json"));
    writeFileSync(copy.path("workspace/deno.json"), JSON.stringify(rest));
    await copy.say("start");
    const { tasks, exclude } = JSON.parse(copy.read("workspace/deno.json"));
    assertEquals([tasks.check.command.slice(0, 9), exclude], ["cd .. && ", [".kindling"]]);
  }));

test("the workspace may be a link", () =>
  inCopy((copy) => {
    copy.run("start");
    renameSync(copy.path("workspace"), copy.path("else, where"));
    symlinkSync(copy.path("else, where"), copy.path("workspace"));
    assertEnds(copy.run("check", "01.1"), 1, /^0 of 2 points$/m);
    assertEnds(copy.run("hint", "1.1"), 0, /^Hint 1 of 3 for 01\.1/m);
    assertEnds(copy.run("notebook", "1"), 0, /01_tensor\.ipynb/);
    completeModule(copy, "01");
    copy.run("check", "01");
    assertMatch(copy.run("tinydigits", ...quickly).stderr, /^Yours: 01 /m);
  }), onPosix);

test("a workspace that is a link to nowhere is said in a sentence", () =>
  inCopy((copy) => {
    symlinkSync(copy.path("nowhere"), copy.path("workspace"));
    const { code, stderr } = copy.run("start");
    assertEquals(code, 2);
    assertMatch(stderr, /^Cannot write workspace/);
    assert(stderr.trim().split("\n").length <= 3, stderr);
  }), onPosix);

test("Deno checks the types of a workspace without its history", () =>
  inCopy((copy) => {
    copy.run("start");
    copy.run("check", "01.1");
    const args = ["check", "workspace"];
    const { stderr } = spawnSync(process.execPath, args, { cwd: copy.folder, encoding: "utf8" });
    assert(!/\.kindling.*\.ts/.test(stderr), stderr);
  }), { only: "deno" });
