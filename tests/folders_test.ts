/**
 * What lies in learners' folders and texts: files of editors and systems, other encodings, missing and
 * half-written files, disks that are full or can only be read, commands at the same time.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join, relative } from "@std/path";
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { UsageError } from "../course/arguments.ts";
import { permissionFlag } from "../course/commands/permission_flags.ts";
import { changedGiven } from "../course/content/given_code.ts";
import { findOpenBracket } from "../course/content/open_bracket.ts";
import { lineDiff } from "../course/content/line_diff.ts";
import { modules, reference } from "../course/content/course.ts";
import {
  filesIn,
  foldersIn,
  oneAtATime,
  readText,
  removeIfPossible,
  writeText,
  writeWhole,
} from "../course/files.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";
import { ProjectCopy, shareCopy } from "./project/project_copy.ts";

const { inStartedCopy } = shareCopy();
const isWindows = process.platform === "win32";

// ── Folders ──

test("only ordinary files with the right ending are read from a folder", () =>
  inFolder((folder) => {
    for (
      const name of ["b.ts", "a.ts", "é b.ts", ".hidden.ts", ".DS_Store", "a.ts~", "notes.txt"]
    ) {
      writeFileSync(join(folder, name), "");
    }
    for (const name of ["folder.ts", "01_tensor", ".git"]) mkdirSync(join(folder, name));
    if (!isWindows) {
      symlinkSync("me@host.1:2", join(folder, ".#print.ts"));
      symlinkSync("nowhere", join(folder, "link.ts"));
    }
    assertEquals(filesIn(folder, ".ts"), ["a.ts", "b.ts", "é b.ts"]);
    assertEquals(foldersIn(folder), ["01_tensor", "folder.ts"]);
    assertEquals(filesIn(join(folder, "nowhere"), ".ts"), []);
    assertEquals(filesIn(join(folder, "a.ts"), ".ts"), []);
  }));

// ── Texts ──

const texts: Readonly<Record<string, readonly [number[], string | RegExp]>> = {
  "plain": [[0x61, 0x0a], "a\n"],
  "with the line ends of Windows": [[0x61, 0x0d, 0x0a, 0x62], "a\nb"],
  "with a mark of UTF-8": [[0xef, 0xbb, 0xbf, 0x61], "a"],
  "empty": [[], ""],
  "of one byte": [[0x61], "a"],
  "with letters that are no UTF-8": [[0x61, 0xff, 0x62], "a\ufffdb"],
  "in UTF-16 with a mark": [[0xff, 0xfe, 0x61, 0x00], /UTF-16/],
  "in UTF-16, the other way round": [[0xfe, 0xff, 0x00, 0x61], /UTF-16/],
  "in UTF-16 without a mark": [[0x61, 0x00, 0x62, 0x00], /UTF-16/],
};

for (const [what, [bytes, expected]] of Object.entries(texts)) {
  test(`a text ${what} is read, or refused in a sentence`, () =>
    inFolder((folder) => {
      const path = join(folder, "a.ts");
      writeFileSync(path, Uint8Array.from(bytes));
      if (typeof expected === "string") assertEquals(readText(path), expected);
      else assertMatch(assertThrows(() => readText(path), UsageError).message, expected);
    }));
}

test("a file keeps its line ends when it is written again", () =>
  inFolder((folder) => {
    const path = join(folder, "a.ts");
    writeText(path, "a\nb\n");
    assertEquals(readFileSync(path, "utf8"), "a\nb\n");
    writeFileSync(path, "a\r\nb\r\n");
    writeText(path, "c\nd\n");
    assertEquals(readFileSync(path, "utf8"), "c\r\nd\r\n");
  }));

// ── Writing ──

test("a file that cannot be written is as it was, and nothing is left beside it", () =>
  inFolder((folder) => {
    mkdirSync(join(folder, "is a folder", "with something"), { recursive: true });
    writeFileSync(join(folder, "file"), "as it was");
    const reasons = {
      "is a folder": /Cannot write .*is a folder: a folder is in its place|the system says/,
      [join("file", "below")]: /a file is in the place of its folder/,
      ["x".repeat(300)]: /its path is too long|the system says/,
    };
    for (const [name, says] of Object.entries(reasons)) {
      const { message } = assertThrows(() => writeWhole(join(folder, name), "new"), UsageError);
      assertMatch(message, says);
    }
    assertEquals(readdirSync(folder).sort(), ["file", "is a folder"]);
    assertEquals(readFileSync(join(folder, "file"), "utf8"), "as it was");
  }));

test("what cannot be removed ends no command", () =>
  inFolder((folder) => {
    assertEquals(removeIfPossible(join(folder, "nowhere")), true);
    mkdirSync(join(folder, "a", "b"), { recursive: true });
    assertEquals(removeIfPossible(join(folder, "a")), true);
    assertEquals(existsSync(join(folder, "a")), false);
  }));

test("one at a time: the next one comes when all went well, and when it threw", () =>
  inFolder((folder) => {
    const lock = join(folder, "new", "lock");
    assertEquals(oneAtATime(lock, () => 1), 1);
    const fail = (): never => {
      throw new UsageError("no");
    };
    assertThrows(() => oneAtATime(lock, fail), UsageError);
    assertEquals(oneAtATime(lock, () => 2), 2);
    assertEquals(oneAtATime(join(folder, "\0"), () => 3), 3);
  }));

// ── Permission flags ──

const flags: readonly (readonly [string, readonly string[], string, string])[] = [
  ["read", ["/home/ada/k/datasets"], "/home/ada/k", "--allow-read=datasets"],
  ["read", ["/home/ada/k"], "/home/ada/k", "--allow-read=."],
  ["read", ["/a, b/k/datasets", "/a, b/k/modules"], "/a, b/k", "--allow-read=datasets,modules"],
  ["write", ["/a, b/out.html"], "/a, b/k", "--allow-write=../out.html"],
  ["write", ["/c, d/out.html"], "/a/k", "--allow-write=../.."],
  ["write", ["/a/k/x, y/out.html"], "/a/k", "--allow-write=."],
  ["read", ["/a/k/100% [done]~^|#/x"], "/a/k", "--allow-read=100% [done]~^|#/x"],
  ["env", ["NO_COLOR", "HOME"], "/a, b", "--allow-env=NO_COLOR,HOME"],
  ["net", ["example.org:443"], "/a", "--allow-net=example.org:443"],
];

test(
  "a permission flag names paths from the program's folder, so that few commas are in it",
  () => {
    for (const [kind, list, from, flag] of flags) {
      assertEquals(
        permissionFlag(kind, list, from),
        flag,
      );
    }
  },
  { skip: isWindows ? "the paths are of other systems" : undefined },
);

// ── Differences ──

test("a difference shows lines that went and came, with two equal ones around them", () => {
  assertEquals(lineDiff("a\nb", "a\nb"), []);
  assertEquals(
    lineDiff("a\nb\nc\nd\ne\nf", "a\nb\nc\nd\nX\nf"),
    [
      "…",
      "  c",
      "  d",
      "- e",
      "+ X",
      "  f",
    ].slice(1),
  );
  assertEquals(lineDiff("a", "b"), ["- a", "+ b"]);
  assertEquals(lineDiff("a\nb\nc", "a\nc"), ["  a", "- b", "  c"]);
  assertEquals(lineDiff("1\n2\n3\n4\n5\n6\n7\n8", "0\n2\n3\n4\n5\n6\n7\n9"), [
    "- 1",
    "+ 0",
    "  2",
    "  3",
    "…",
    "  6",
    "  7",
    "- 8",
    "+ 9",
  ]);
});

test("given code that was changed is named, and neither comments nor what was added", () => {
  const [tensor] = modules, right = reference(tensor.folder, "arithmetic.ts");
  const changed = (from: string, to: string): string[] => {
    assert(right.includes(from), from);
    return changedGiven(right.replace(from, to), right);
  };
  assertEquals(changed("a[i] ** b[j]", "a[i] * b[j]"), ["pow"]);
  assertEquals(changed("a[i] / b[j]", "a[i] * b[j]"), [], "div() is a task");
  assertEquals(changed("// pow() is given", "// it is given"), []);
  assertEquals(changedGiven(`${right}\nfunction mine(): void {}\n`, right), []);
  assertEquals(changedGiven(right.replaceAll("\n", "\n\n"), right), []);
  assertEquals(changedGiven(right.slice(0, 900), right).length > 0, true);
  assertEquals(changedGiven("{ not TypeScript", right).length > 0, true);
  for (const module of modules) {
    for (const file of module.files) {
      const source = reference(module.folder, file);
      assertEquals(changedGiven(source, source), [], file);
    }
  }
});

test("a bracket that was left open is looked for where the indentation comes back", () => {
  const source = reference("01_tensor", "shape.ts").split("\n");
  const body = source.findIndex((line) => line.startsWith("export function stridesOf"));
  const end = source.indexOf("}", body),
    loop = source.findIndex((line, k) => k > body && line === "  }");
  const without = (k: number): string => source.toSpliced(k, 1).join("\n");
  assertEquals(findOpenBracket(source.join("\n")), undefined);
  assertEquals(findOpenBracket(without(end))?.opened, body + 1);
  assertEquals(findOpenBracket(without(loop))?.opened, loop - 2);
  const texts: Readonly<Record<string, number | undefined>> = {
    "const a = [\n  1,\n];\nconst b = 2;\n": undefined,
    "const a = [\n  1,\nconst b = 2;\n": 1,
    "f(\n  1,\n);\n": undefined,
    "f(\n  1,\nf(2);\n": 1,
    "if (a) {\n  b();\n} else {\n  c();\n}\n": undefined,
    "if (a) {\n  b();\n} else {\n  c();\n\nd();\n": 3,
    'const text = "{ ( [";\n': undefined,
    "// { not code (\nconst a = 1;\n": undefined,
    "class A\n  extends B {\n  c = 1;\n}\n": undefined,
    "function a() {": 1,
    "a = (\n  1;\n}\n": 1,
    "function a() {\n  b([1, 2);\n}\n": 2,
  };
  for (const [text, opened] of Object.entries(texts)) {
    assertEquals(findOpenBracket(text)?.opened, opened, text);
  }
});

// ── In a learner's workspace ──

function shape(copy: ProjectCopy): string {
  return copy.path("workspace", "01_tensor", "shape.ts");
}

test("locks and folders of editors and systems disturb no command", () =>
  inStartedCopy((copy) => {
    const folder = copy.path("workspace", "01_tensor");
    if (!isWindows) symlinkSync("me@host.1:2", join(folder, ".#shape.ts"));
    mkdirSync(join(folder, "copy.ts"));
    writeFileSync(join(folder, ".DS_Store"), "");
    const history = copy.path("workspace", ".kindling", "history");
    writeFileSync(join(history, ".DS_Store"), "");
    mkdirSync(join(history, "2026-01-01T00-00-00.000.77.part"));
    for (const command of [["check", "01.1"], ["progress"], ["history"], ["reset", "01.1"]]) {
      const { code, stderr } = copy.run(command[0], ...command.slice(1));
      assertEquals([code, stderr], [command[0] === "check" ? 1 : 0, ""], command.join(" "));
    }
  }));

test("a missing file is named, and start puts it back as it was last", () =>
  inStartedCopy((copy) => {
    const typed = `${readFileSync(shape(copy), "utf8")}// mine\n`;
    writeFileSync(shape(copy), typed);
    copy.run("check", "01.1");
    rmSync(shape(copy));
    const { code, stdout } = copy.run("check", "01");
    assertEquals(code, 1);
    assertMatch(stdout, /shape\.ts is missing in workspace\/01_tensor\n.* start 01 puts it back/);
    assertMatch(copy.run("start", "01").stdout, /shape\.ts was missing, and is there again/);
    assertEquals(readFileSync(shape(copy), "utf8"), typed);
  }));

test("half of a stub is made whole, and is no news about the course", () =>
  inStartedCopy((copy) => {
    const stub = readFileSync(shape(copy), "utf8");
    rmSync(copy.path("workspace", ".kindling"), { recursive: true });
    writeFileSync(shape(copy), stub.slice(0, 2000));
    const { stdout } = copy.run("start", "01");
    assertEquals(readFileSync(shape(copy), "utf8"), stub);
    assertEquals(stdout.includes("course has changed"), false);
  }));

test("a file in UTF-16 is named in a sentence", () =>
  inStartedCopy((copy) => {
    writeFileSync(shape(copy), Uint8Array.from([0xff, 0xfe, 0x61, 0x00]));
    const { code, stdout } = copy.run("check", "01.1");
    assertEquals(code, 1);
    assertMatch(stdout, /shape\.ts: it is in UTF-16\n +save it as UTF-8/);
  }));

test("a brace left open is named where it was opened", () =>
  inStartedCopy((copy) => {
    const stub = readFileSync(shape(copy), "utf8");
    writeFileSync(shape(copy), stub.replace(/(01\.1 sizeOf[^\n]*\n)\}\n/, "$1"));
    const { stdout } = copy.run("check", "01.1");
    assertMatch(
      stdout,
      /likely: the \{ of workspace\/01_tensor\/shape\.ts:63 is still open on line/,
    );
  }));

test("reset keeps a file's line ends", () =>
  inStartedCopy((copy) => {
    writeFileSync(shape(copy), readFileSync(shape(copy), "utf8").replaceAll("\n", "\r\n"));
    for (const what of ["01.1", "01"]) {
      copy.run("reset", what);
      const text = readFileSync(shape(copy), "utf8");
      assertEquals(text.match(/\n/g)?.length, text.match(/\r\n/g)?.length, what);
    }
  }));

test("a number means what it says: 1.2, 1, 5", () =>
  inStartedCopy((copy) => {
    assertMatch(copy.run("hint", "1.2").stdout, /^Hint 1 of 3 for 01\.2/);
    assertMatch(copy.run("check", "1.1").stdout, /to do +01\.1/);
    assertMatch(copy.run("check", "5").stderr, /you have not begun it\n.*start 05/);
    assertMatch(copy.run("start", "5").stdout, /05\.1/);
    assertMatch(copy.run("hint", "10").stderr, /there is no "10"/);
  }));

test("hints that are asked for at the same time are all counted", () =>
  inStartedCopy(async (copy) => {
    const tasks = ["01.1", "01.2", "01.3", "01.4", "01.5"];
    await Promise.all(tasks.map((task) => {
      const [program, ...args] = copy.command("hint", task);
      const { promise, resolve } = Promise.withResolvers<unknown>();
      spawn(program, args, { cwd: copy.folder, stdio: "ignore" }).on("exit", resolve);
      return promise;
    }));
    const { hints } = JSON.parse(copy.read("workspace", "progress.json"));
    assertEquals(Object.keys(hints).sort(), tasks);
    assertEquals(
      readdirSync(copy.path("workspace")).filter((name) => /\.(lock|part)$/.test(name)),
      [],
    );
  }));

test("a comment in a green module takes nothing from it: it is checked again", () =>
  inStartedCopy((copy) => {
    const [tensor] = modules;
    for (const file of tensor.files) {
      writeFileSync(
        copy.path("workspace", tensor.folder, file),
        copy.read("modules", tensor.folder, file),
      );
    }
    assertEquals(copy.run("check", "01").code, 0);
    writeFileSync(shape(copy), `${readFileSync(shape(copy), "utf8")}// a thought\n`);
    const { stdout } = copy.run("start", "02");
    assertMatch(stdout, /01 has changed since it was green, and is checked again/);
    assertEquals(stdout.includes("The reference stands for 01"), false);
    const { stderr } = copy.run("tinydigits", "--quiet");
    assertMatch(stderr, /^Yours: 01 /);
  }));

test("types are looked for in what is written now, and not in its history", () =>
  inStartedCopy((copy) => {
    writeFileSync(shape(copy), `${readFileSync(shape(copy), "utf8")}// again\n`);
    copy.run("check", "01.1");
    assertEquals(existsSync(copy.path("workspace", ".kindling", "history")), true);
    const { exclude } = JSON.parse(copy.read("workspace", "deno.json"));
    assertEquals(exclude, [".kindling"]);
  }));

// ── Folders with odd names ──

/** Every sign that may stand in the name of a file, and letters of other alphabets. */
const odd = isWindows
  ? "Lovelace, Ada 100% [done]~^#&;'`$!@(){}=+ é日本😀"
  : "Lovelace, Ada 100% [done]~^|#&;'`$!@(){}<>=+*\":" + (process.versions.deno ? "?\\" : "") +
    " é日本😀";

test("a project in a folder of any name starts, checks and trains", () =>
  inFolder((folder) => {
    const place = join(folder, odd, "k");
    mkdirSync(place, { recursive: true });
    const copy = new ProjectCopy(place);
    const started = copy.run("start", "01");
    assertEquals([started.code, started.stderr], [0, ""]);
    writeFileSync(
      shape(copy),
      readFileSync(shape(copy), "utf8").replace(
        'throw new TodoError("01.1 sizeOf() is yours to write");',
        "return shape.reduce((size, n) => size * n, 1);",
      ),
    );
    const checked = copy.run("check", "01.1");
    assertMatch(checked.stdout, /2 of 2 points/);
    assertEquals(checked.code, 0);
    assertMatch(copy.run("watch", "--once").stdout, /2 of 94 points/);
    const trained = copy.run("tinydigits", "--quiet", "--models", "one-conv", "--seeds", "1");
    assertMatch(trained.stdout, /One convolution/, trained.stderr);
  }));

test("commands work where the learner's files are, too", () =>
  inStartedCopy((copy) => {
    for (const below of ["workspace", join("workspace", "01_tensor")]) {
      const { code, stdout } = copy.runTask(join(copy.folder, below), "check", "01.1");
      assertEquals([code, /to do +01\.1/.test(stdout)], [1, true], relative(".", below));
    }
  }));
