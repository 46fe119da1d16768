/**
 * Disks that are full or can only be read, processes that are killed while they write, and
 * environments without a home or a place for temporary files: nothing of a learner's is lost.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { modules } from "../course/content/course.ts";
import { stubOf } from "../course/commands/workspace.ts";
import { test } from "../course/sandbox/register.ts";
import { inCopy, type ProjectCopy } from "./project/project_copy.ts";
import { runsAll, shareOf } from "./project/shares.ts";

const [tensor] = modules;

/** Every file of a learner's is whole: a stub, or what was typed. */
function assertWhole(copy: ProjectCopy, typed = ""): void {
  const folder = copy.path("workspace", tensor.folder);
  for (const file of existsSync(folder) ? readdirSync(folder) : []) {
    if (!tensor.files.includes(file)) continue;
    const text = readFileSync(join(folder, file), "utf8"), stub = stubOf(tensor, file);
    const isWhole = [stub, `${stub}${typed}`].includes(text) || text.startsWith("// Not begun");
    assert(isWhole, `${file} has ${text.length} of ${stub.length} characters`);
  }
  const progress = copy.path("workspace", "progress.json");
  if (existsSync(progress)) JSON.parse(readFileSync(progress, "utf8"));
}

// ── Kills ──

/** Moments after the start of a command, in milliseconds; other ones in each long run. */
const moments = Array.from({ length: runsAll ? 40 : 4 }, (_, k) => 20 + (runsAll ? 20 : 150) * k);

test("a kill at any moment leaves whole files, and start goes on from them", () =>
  inCopy(async (copy) => {
    for (const moment of moments) {
      for (const task of ["start", "check"]) {
        const [program, ...args] = copy.command(task, "01");
        const child = spawn(program, args, { cwd: copy.folder, stdio: "ignore" });
        const { promise, resolve } = Promise.withResolvers<unknown>();
        child.on("exit", resolve);
        const timer = setTimeout(() => child.kill("SIGKILL"), moment);
        await promise;
        clearTimeout(timer);
        assertWhole(copy);
      }
    }
    const { code, stdout } = copy.run("start", "01");
    assertEquals([code, /course has changed/.test(stdout)], [0, false]);
    for (const file of tensor.files) {
      assertEquals(copy.read("workspace", tensor.folder, file), stubOf(tensor, file));
    }
  }));

// ── Full disks ──

/** A small disk in a folder, where the system lets us make one. */
function withDisk(copy: ProjectCopy, kibibytes: number, body: () => void): void {
  const folder = copy.path("workspace");
  mkdirSync(folder, { recursive: true });
  const made = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${kibibytes}k`, "kindling", folder]);
  assertEquals(made.status, 0);
  try {
    body();
  } finally {
    spawnSync("umount", ["-l", folder]);
  }
}

const canMount = process.platform === "linux" &&
  spawnSync("unshare", ["--mount", "mount", "-t", "tmpfs", "kindling", "/mnt"]).status === 0;
const noDisk = canMount ? undefined : "only root can make a small disk";
const sizes = runsAll ? Array.from({ length: 40 }, (_, k) => 4 + 8 * k) : [4, 60, 130, 300];

test("a disk that fills up leaves whole files, and says so in a sentence", () =>
  inCopy((copy) => {
    for (const size of sizes) {
      withDisk(copy, size, () => {
        const { code, stderr, stdout } = copy.run("start", "01");
        assertWhole(copy);
        if (code === 2) assertMatch(stderr, /^Cannot write .*: the disk is full\n/);
        else assertMatch(stdout, /01\.1/);
        assertEquals(/ {4}at |course has changed/.test(stdout + stderr), false);
      });
    }
  }), { skip: noDisk });

test(
  "a disk that is full when tests have run loses no progress",
  () =>
    inCopy((copy) =>
      withDisk(copy, 400, () => {
        copy.run("start", "01");
        const before = copy.read("workspace", "progress.json");
        writeFileSync(copy.path("workspace", "ballast"), "");
        spawnSync("dd", ["if=/dev/zero", `of=${copy.path("workspace", "ballast")}`, "bs=1k"]);
        const { code, stdout } = copy.run("hint", "01.1");
        assertEquals(code, 0); // the hint is given, though it will not be remembered
        assertMatch(stdout, /^Cannot write .*progress\.json.*: the disk is full\n[^]*Hint 1 of 3/);
        assertEquals(copy.read("workspace", "progress.json"), before);
      })
    ),
  { skip: noDisk },
);

// ── Read-only ──

test("a workspace that can only be read is said in a sentence", () =>
  inCopy((copy) => {
    copy.run("start", "01");
    const folder = copy.path("workspace");
    const bind = spawnSync("mount", ["--bind", "-o", "ro", folder, folder]);
    assertEquals(bind.status, 0);
    spawnSync("mount", ["-o", "remount,bind,ro", folder]);
    try {
      for (const [command, ...words] of [["check", "01.1"], ["hint", "01.1"], ["reset", "01.1"]]) {
        const { code, stdout, stderr } = copy.run(command, ...words);
        assertEquals(code, { check: 1, hint: 0, reset: 2 }[command], command);
        assertMatch(stdout + stderr, /Cannot write .*: this disk can only be read\n/, command);
        assertEquals(/ {4}at /.test(stdout + stderr), false, command);
      }
      assertEquals(copy.run("progress").code, 0);
    } finally {
      spawnSync("umount", ["-l", folder]);
    }
  }), { skip: noDisk });

// ── Environments ──

const environments: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  "without HOME": { HOME: undefined },
  "with a HOME that is not there": { HOME: "/nowhere/at/all" },
  "with a TMPDIR that is not there": { TMPDIR: "/nowhere/at/all" },
  "with a TMPDIR that is a file": { TMPDIR: "/etc/hostname" },
  "without both": { HOME: undefined, TMPDIR: "/nowhere/at/all" },
  "with an empty TERM and no COLUMNS": { TERM: "", COLUMNS: undefined },
  "in another language": { LANG: "de_DE.UTF-8", LC_ALL: "ja_JP.UTF-8" },
  "with colours forced": { FORCE_COLOR: "1" },
};

for (const [what, env] of shareOf(Object.entries(environments), 4)) {
  test(`${what}, commands start, check and train`, () =>
    inCopy((copy) => {
      const cache = process.env.DENO_DIR ?? cacheFolder();
      const given = { ...env, ...(cache === undefined ? {} : { DENO_DIR: cache }) };
      assertEquals(copy.runWith(given, "start", "01").code, 0);
      const { stdout, code } = copy.runWith(given, "check", "01.1");
      assertEquals([code, /01\.1/.test(stdout)], [1, true]);
      const trained = copy.runWith(
        given,
        "tinydigits",
        "--quiet",
        "--models",
        "mlp",
        "--seeds",
        "1",
      );
      assertMatch(trained.stdout, /MLP 64-32-10/);
    }), { skip: process.platform === "win32" ? "the environment is of other systems" : undefined });
}

/** Where Deno keeps what it has compiled: with another home it would do all of that again. */
function cacheFolder(): string | undefined {
  if (!process.versions.deno) return undefined;
  const { stdout } = spawnSync(process.execPath, ["info", "--json"], { encoding: "utf8" });
  return JSON.parse(stdout).denoDir;
}
