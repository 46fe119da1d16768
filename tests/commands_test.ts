/**
 * What a learner types, and what comes of it, in a copy of the project.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { modules } from "../course/content/course.ts";
import { test } from "../course/sandbox/register.ts";
import { inCopy, type ProjectCopy, shareCopy } from "./project/project_copy.ts";
import { noTerminal, Session } from "./project/session.ts";

const { inSharedCopy, inStartedCopy } = shareCopy();
const sizeOf = '  throw new TodoError("01.1 sizeOf() is yours to write");';
const task = process.versions.deno ? "deno task" : "bun run";

/** Writes the body of sizeOf() into the learner's file. */
function writeSizeOf(copy: ProjectCopy, body: string): void {
  const path = copy.path("workspace/01_tensor/shape.ts");
  const source = copy.read("workspace/01_tensor/shape.ts");
  assert(source.includes(sizeOf), "sizeOf() is no stub");
  writeFileSync(path, source.replace(sizeOf, `  ${body}`));
}

const right = "return shape.reduce((size, n) => size * n, 1);";
const wrong = "return shape.reduce((size, n) => size + n, 1);";

/** Gives the learner a module as the reference has it. */
function complete(copy: ProjectCopy, number: string): void {
  const module = modules.find((one) => one.number === number);
  assert(module);
  for (const file of module.files) {
    cpSync(copy.path("modules", module.folder, file), copy.path("workspace", module.folder, file));
  }
}

// ── Beginning ──

test("start makes the stubs of module 01 and stands the reference in for the others", () =>
  inSharedCopy((copy) => {
    const { code, stdout, stderr } = copy.run("start");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    assert(copy.read("workspace/01_tensor/shape.ts").includes(sizeOf));
    assertMatch(
      copy.read("workspace/09_spatial/spatial.ts"),
      /export \* from "\.\.\/\.\.\/modules/,
    );
    assertMatch(stdout, /^to do +01\.1 +sizeOf\(\) multiplies the sizes \(1 point\)$/m);
    assertMatch(stdout, /^ {2}yours: workspace\/01_tensor\/shape\.ts:\d+$/m);
  }));

test("start points to the line of the first task", () =>
  inSharedCopy(async (copy) => {
    const [, line] = (await copy.say("start")).stdout.match(/shape\.ts:(\d+)/) ?? [];
    assertEquals(copy.read("workspace/01_tensor/shape.ts").split("\n")[Number(line) - 1], sizeOf);
  }));

test("start changes nothing the second time", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, right);
    const before = copy.read("workspace/01_tensor/shape.ts");
    rmSync(copy.path("workspace/01_tensor/matmul.ts"));
    assertEquals((await copy.say("start")).code, 0);
    assertEquals(copy.read("workspace/01_tensor/shape.ts"), before);
    assert(existsSync(copy.path("workspace/01_tensor/matmul.ts")), "what is missing is made again");
  }));

test("start NN begins any module, and says that the reference stands for unfinished ones", () =>
  inStartedCopy(async (copy) => {
    await copy.say("start", "03");
    const { code, stdout } = await copy.say("check", "03");
    assertEquals(code, 1);
    assertMatch(stdout, /^The reference stands for 01 in this run: not all tests there pass yet$/m);
    assertMatch(stdout, /^03 layers +0 of 27 tests +0 of 39 points$/m);
  }));

// ── Checking ──

test("check says what was expected and what came, and ends with 1", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, wrong);
    const { code, stdout } = await copy.say("check", "01.1");
    assertEquals(code, 1);
    assertMatch(stdout, /^wrong +01\.1 +sizeOf\(\) multiplies the sizes/m);
    assertMatch(stdout, /^ {4}Wrong value of sizeOf\(\[4\]\): expected 4, got 5$/m);
    assertMatch(stdout, /^ {2}test: .*\n {9}t\.expectEqual\(sizeOf\(\[4\]\), 4\);$/m);
  }));

test("check ends with 0 when all tests of a task pass, and counts their points", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, right);
    const { code, stdout } = await copy.say("check", "01.1");
    assertEquals(code, 0);
    assertMatch(stdout, /^2 of 2 points$/m);
  }));

test("check shows what the learner's code prints under its test", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, `console.log("looking at", shape); ${wrong}`);
    assertMatch(
      (await copy.say("check", "01.1")).stdout,
      /^ {2}printed:\n {4}looking at \[ ?4 ?\]$/m,
    );
  }));

test("check shows type errors beside the results", () =>
  inStartedCopy((copy) => {
    writeSizeOf(copy, `const text: number = "1"; ${right}`);
    const { stdout } = copy.run("check", "01.1");
    assertMatch(stdout, /^passed +01\.1/m);
    assertMatch(
      stdout,
      /^types +TS2322: Type 'string' .* workspace\/01_tensor\/shape\.ts:\d+\n +const text: number = "1"/m,
    );
  }), { only: "deno" });

test("check counts the type errors that it does not show", () =>
  inStartedCopy((copy) => {
    const wrong = Array.from("abcde", (name) => `const ${name}: number = "1";`).join(" ");
    writeSizeOf(copy, `${wrong} ${right}`);
    const { stdout } = copy.run("check", "01.1");
    assertEquals(stdout.match(/^types +TS2322/gm)?.length, 3);
    assertMatch(stdout, /^types +and 2 more$/m);
  }), { only: "deno" });

test(
  "check reads types as your modules have them, also where the reference uses them",
  () =>
    inStartedCopy(async (copy) => {
      complete(copy, "01"); // a Tensor of its own, which is no Tensor of the reference
      await copy.say("start", "05"); // on the reference's 03, which must hold that Tensor too
      complete(copy, "05");
      const path = copy.path("workspace", "01_tensor", "tensor.ts");
      writeFileSync(
        path,
        `${copy.read("workspace", "01_tensor", "tensor.ts")}\nexport const mine: number = 1;\n`,
      );
      const user = copy.path("workspace", "05_autograd", "autograd.ts");
      const uses = 'import { mine } from "#tensor";\nexport const twice: string = mine;\n';
      writeFileSync(user, `${uses}${copy.read("workspace", "05_autograd", "autograd.ts")}`);
      const { stdout } = copy.run("check", "05");
      assertEquals(stdout.match(/^types .*$/gm)?.length, 1);
      assertMatch(stdout, /^types +TS2322: Type 'number' .*autograd\.ts:2$/m);
    }),
  { only: "deno" },
);

test("in the workspace, examples that are pasted run on your modules", () =>
  inStartedCopy((copy) => {
    complete(copy, "01");
    const path = copy.path("workspace", "01_tensor", "tensor.ts");
    const tensor = copy.read("workspace", "01_tensor", "tensor.ts");
    writeFileSync(path, `${tensor}\nexport const mine: number = 1;\n`);
    for (const name of ["kindling/", "#"]) {
      const example = `import { mine, Tensor } from "${name}tensor";
        import { Linear } from "${name}layers"; // the reference, on your Tensor
        import { Generator } from "${name}random";
        const { weight } = new Linear(1, 1, { generator: new Generator(1) });
        console.log(mine, weight instanceof Tensor);`;
      writeFileSync(copy.path("workspace", "example.ts"), example);
      const args = process.versions.deno ? ["run", "--check"] : ["--conditions=yours"];
      const { stdout, stderr } = spawnSync(process.execPath, [...args, "example.ts"], {
        cwd: copy.path("workspace"),
        encoding: "utf8",
      });
      assertEquals(stdout.trim(), "1 true", `${name}\n${stderr}`);
    }
  }));

test("check runs later modules on earlier ones that are complete", () =>
  inStartedCopy(async (copy) => {
    complete(copy, "01");
    await copy.say("start", "02");
    complete(copy, "02");
    const { code, stdout } = await copy.say("check");
    assertEquals(code, 0);
    assertEquals(stdout.includes("stands for"), false);
    assertMatch(stdout, /^125 of 125 points$/m);
  }));

test("check refuses what there is not, and what was not begun", () =>
  inSharedCopy(async (copy) => {
    const says = async (...args: readonly string[]): Promise<[number | null, string]> => {
      const { code, stderr } = await copy.say("check", ...args);
      return [code, stderr];
    };
    assertEquals(await says(), [2, `Nothing is begun yet\n  begin: ${task} start\n`]);
    assertEquals(await says("02"), [
      2,
      `Cannot check 02: you have not begun it\n  begin: ${task} start 02\n`,
    ]);
    assertEquals(await says("seven"), [
      2,
      'Cannot check: there is no "seven"\n  modules are 01 to 09, tasks like 01.5\n',
    ]);
    assertEquals(await says("01.99"), [
      2,
      'Cannot check: it needs a task, and there is no task "01.99"\n  tasks of 01: 01.1 to 01.16\n',
    ]);
  }));

test("check says that a file of the course was edited", () =>
  inCopy((copy) => {
    writeFileSync(
      copy.path("modules/01_tensor/tensor_test.ts"),
      `${copy.read("modules/01_tensor/tensor_test.ts")}\n`,
    );
    assertMatch(
      copy.run("start").stdout,
      /^modules\/01_tensor\/tensor_test\.ts is not as the course/m,
    );
  }));

// ── Hints and solutions ──

test("hint gives one more each time, three in all, and then all of them again", () =>
  inSharedCopy(async (copy) => {
    const shown: number[][] = [];
    for (let k = 0; k < 4; k++) {
      const { stdout } = await copy.say("hint", "01.2");
      const hints = [...stdout.matchAll(/^Hint (\d) of 3 for 01\.2:/gm)];
      shown.push(hints.map(([, level]) => Number(level)));
    }
    assertEquals(shown, [[1], [2], [3], [1, 2, 3]]);
  }));

test("a hint is offered unasked after three equal failures", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, wrong);
    const offered: boolean[] = [];
    for (let k = 0; k < 3; k++) {
      offered.push((await copy.say("check", "01.1")).stdout.includes("Hint 1 of 3"));
    }
    assertEquals(offered, [false, false, true]);
  }));

test("a failure that was not shown is named, and not counted as seen", () =>
  inStartedCopy(async (copy) => {
    const source = copy.read("workspace/01_tensor/shape.ts");
    const stub = 'throw new TodoError("01.2 stridesOf() is yours to write")';
    writeFileSync(copy.path("workspace/01_tensor/shape.ts"), source.replace(stub, "return []"));
    for (let k = 0; k < 3; k++) { // each shows 01.1, which is to do
      assertMatch((await copy.say("check", "01")).stdout, /^also wrong: 01\.2$/m);
    }
    assertEquals((await copy.say("check", "01.2")).stdout.includes("Hint 1 of 3"), false);
  }));

test("solution waits until the tests pass, or notes that it did not", () =>
  inStartedCopy(async (copy) => {
    assertEquals((await copy.say("solution", "01.1")).code, 2);
    assertMatch((await copy.say("solution", "01.1", "--spoil")).stdout, /reduce/);
    assertEquals(JSON.parse((await copy.say("progress", "--json")).stdout).spoiled, ["01.1"]);
    writeSizeOf(copy, right);
    await copy.say("check", "01.1");
    assertEquals((await copy.say("solution", "01.1")).code, 0);
  }));

// ── Where one is ──

test("progress counts points, names what was green, and says what is next", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, right);
    await copy.say("check", "01.1");
    const after = (await copy.say("progress")).stdout;
    assertMatch(after, /^2 of 453 points\. Next: 01\.2 +workspace\/01_tensor\/shape\.ts:\d+$/m);
    await copy.say("reset", "01.1");
    await copy.say("check", "01.1");
    assertMatch(
      (await copy.say("progress")).stdout,
      /^ {2}was green: 01\.1 sizeOf\(\) multiplies the sizes$/m,
    );
  }));

test("progress survives a damaged file, and a check writes it anew", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, right);
    for (const text of ["<<<<<<< HEAD", "{}", '{"version":2}', ""]) {
      writeFileSync(copy.path("workspace/progress.json"), text);
      const { code, stderr } = await copy.say("progress", "--json");
      assertEquals(code, 0);
      assertMatch(stderr, /^Cannot read workspace\/progress\.json/);
    }
    await copy.say("check", "01.1");
    assertEquals(JSON.parse((await copy.say("progress", "--json")).stdout).earned, 2);
    assertEquals(copy.read("workspace/progress.json.damaged"), "");
  }));

// ── Going back ──

test("reset empties a task, and history brings back what was there", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, right);
    const before = copy.read("workspace/01_tensor/shape.ts");
    const [, id] = (await copy.say("reset", "01.1")).stdout.match(/restore (\S+)/) ?? [];
    assert(copy.read("workspace/01_tensor/shape.ts").includes(sizeOf));
    assertMatch((await copy.say("history", "show", id, "01_tensor/shape.ts")).stdout, /size \* n/);
    assertEquals(
      (await copy.say("history", "restore", id)).stdout,
      "Restored 01_tensor/shape.ts\n",
    );
    assertEquals(copy.read("workspace/01_tensor/shape.ts"), before);
  }));

test("reset begins a whole module again, even one that does not parse", () =>
  inStartedCopy(async (copy) => {
    writeFileSync(copy.path("workspace/01_tensor/shape.ts"), "const = ;");
    assertEquals((await copy.say("reset", "01")).code, 0);
    assert(copy.read("workspace/01_tensor/shape.ts").includes(sizeOf));
  }));

test("history goes on from what another command has added beside it", () =>
  inStartedCopy(async (copy) => {
    const stub = copy.read("workspace/01_tensor/shape.ts");
    await copy.say("check", "01.1");
    writeSizeOf(copy, right);
    copy.run("check", "01.1"); // in a process of its own
    writeFileSync(copy.path("workspace/01_tensor/shape.ts"), stub);
    await copy.say("check", "01.1");
    const newest = readdirSync(copy.path("workspace/.kindling/history")).sort().at(-1) ?? "";
    assertEquals(copy.read("workspace/.kindling/history", newest, "01_tensor/shape.ts"), stub);
  }));

test("history refuses a state that there is not", () =>
  inSharedCopy(async (copy) => {
    const { code, stderr } = await copy.say("history", "restore", "yesterday");
    assertEquals([code, stderr.split("\n")[0]], [
      2,
      "Cannot restore yesterday: no state of that name",
    ]);
  }));

test("an update of the course touches no file of the learner's, and names the task", () =>
  inCopy((copy) => {
    copy.run("start");
    const before = copy.read("workspace/01_tensor/shape.ts");
    const source = copy.read("modules/01_tensor/shape.ts");
    const changed = source.replace(
      "export function sizeOf(shape: Shape)",
      "export function sizeOf(a: Shape)",
    );
    assert(changed !== source);
    writeFileSync(copy.path("modules/01_tensor/shape.ts"), changed);
    assertMatch(
      copy.run("start").stdout,
      /^The course has changed task 01\.1 in shape\.ts since you began/m,
    );
    assertEquals(copy.read("workspace/01_tensor/shape.ts"), before);
  }));

// ── Trouble ──

test("an unknown flag is refused in a sentence", () =>
  inSharedCopy((copy) => {
    const { code, stderr } = copy.run("check", "--verbose");
    assertEquals([code, stderr.split("\n")[0]], [2, "Cannot use --verbose with check"]);
  }));

test("a folder that may not be written to is said in a sentence", () =>
  inSharedCopy((copy) => {
    writeFileSync(copy.path("workspace"), "a file in the place of the folder");
    const { code, stderr } = copy.run("start");
    assertEquals(code, 2);
    const [says, hint] = stderr.trim().split("\n");
    assertMatch(says, /^Cannot write .*: a file is in the place of its folder$/);
    assertEquals(hint, "  what was there is unchanged");
  }));

test("two checks at the same time do not disturb each other", () =>
  inStartedCopy(async (copy) => {
    writeSizeOf(copy, right);
    const [program, ...args] = copy.command("check", "01.1");
    const codes = await Promise.all([1, 2, 3].map(() => {
      const { promise, resolve } = Promise.withResolvers<number | null>();
      spawn(program, args, { cwd: copy.folder, stdio: "ignore" }).on("exit", resolve);
      return promise;
    }));
    assertEquals(codes, [0, 0, 0]);
    const left = readdirSync(copy.path("workspace/.kindling")).filter((name) =>
      name.startsWith("sandbox-")
    );
    assertEquals(left, []);
  }));

// ── At a terminal ──

test("a session: start, edit, red, hint, green, next, quit", () =>
  inSharedCopy(async (copy) => {
    const session = new Session(copy, copy.command("start"));
    await session.shows(/to do +01\.1 +sizeOf/);
    await session.shows(/q quit/);
    writeSizeOf(copy, wrong);
    await session.shows(/wrong +01\.1 +sizeOf/);
    await session.shows(/q quit/);
    session.type("h");
    await session.shows(/Hint 1 of 3 for 01\.1/);
    const source = copy.read("workspace/01_tensor/shape.ts");
    writeFileSync(copy.path("workspace/01_tensor/shape.ts"), source.replace(wrong, right));
    await session.shows(/01\.1 is green: 2 tests, 2 points\. Go on when you like: n/);
    await session.shows(/q quit/);
    session.type("n");
    await session.shows(/to do +01\.2 +stridesOf/);
    await session.shows(/q quit/);
    session.type("q");
    assertEquals(await session.end(), 0);
  }), { skip: noTerminal });

test(
  "Ctrl-C ends a session with 130, and leaves nothing behind",
  () =>
    inSharedCopy(async (copy) => {
      const session = new Session(copy, copy.command("start"));
      await session.shows(/q quit/);
      session.type("\x03");
      assertEquals(await session.end(), 130);
      const left = readdirSync(join(copy.folder, "workspace/.kindling"));
      assertEquals(left.filter((name) => name.startsWith("sandbox-")), []);
    }),
  { skip: noTerminal },
);

test("watch --once is a check of the module in hand", () =>
  inStartedCopy((copy) => {
    const { code, stdout } = copy.run("watch", "--once");
    assertEquals(code, 1);
    assertMatch(stdout, /^01 tensor +0 of 62 tests/m);
  }));
