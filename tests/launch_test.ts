/**
 * The launcher starts a milestone on the right modules with the right permissions, and ends as it
 * ends.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join, relative } from "@std/path";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { plan } from "../course/commands/launch.ts";
import { hashOf, modules } from "../course/content/course.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";

const root = fromFileUrl(new URL("../", import.meta.url));

// ── The plan ──

const script = join(root, "milestones/04_1998_cnn/01_tinydigits.ts");

test("plan() runs the reference if no module is yours, with the least permissions", () => {
  assertEquals(plan("tinydigits", ["--epochs", "5"], [], "deno"), {
    command: [
      "run",
      "--no-prompt",
      `--allow-read=${relative(process.cwd(), join(root, "datasets"))},${
        relative(process.cwd(), join(root, "modules/fast"))
      }`,
      "--allow-env=NO_COLOR,FORCE_COLOR,COLUMNS",
      script,
      "--epochs",
      "5",
    ],
  });
  assertEquals(plan("tinydigits", [], [], "bun"), { command: ["run", script] });
});

test("plan() lays a table of your names over the others", () => {
  const tables = { deno: "--import-map=import_map.json", bun: "--tsconfig-override=tsconfig.json" };
  for (const runtime of ["deno", "bun"] as const) {
    const planned = plan("tinydigits", [], modules.slice(0, 1), runtime);
    const table = "command" in planned ? planned.command[1] : "";
    assertEquals(table.replace(join(root, "workspace/.kindling/"), ""), tables[runtime]);
  }
});

test("plan() passes on arguments that look like the runtime's own", () => {
  const args = ["--", "--allow-all", "-A", "a b", ""];
  const planned = plan("tinydigits", args, [], "deno");
  assertEquals("command" in planned && planned.command.slice(-6), [script, ...args]);
});

test("plan() lists the milestones if the name is none of theirs", () => {
  const names = "\n  milestones: perceptron, tinydigits, cifar10";
  assertEquals(plan(undefined, [], []), {
    problem: `Cannot start a milestone: no name was given${names}`,
  });
  assertEquals(plan("toString", [], []), {
    problem: `Cannot start a milestone: there is no "toString"${names}`,
  });
});

// ── The launch ──

/** What deno.json lets the launcher do. */
const permissions: string[] = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"))
  .tasks.tinydigits.command.split(" ").filter((word: string) => word.startsWith("--allow-"));

/** A milestone that says what it got. */
const milestone = `
import process from "node:process";
import { whose } from "#tensor";
const [first] = process.argv.slice(2);
if (first === "stop") process.on("SIGINT", () => process.exit(7));
console.log(JSON.stringify({ whose, args: process.argv.slice(2), cwd: process.cwd() }));
if (first === "fail") process.exit(3);
if (first === "stop" || first === "wait") setTimeout(() => {}, 20_000);
`;

/** A small repository with the launcher in it. */
function inCopy(body: (folder: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const launcher = [
      "course/commands/launch.ts",
      "milestones/permissions.ts",
      "datasets/cache.ts",
    ];
    for (const part of ["course", "deno.json", "tsconfig.json", ...launcher]) {
      cpSync(join(root, part), join(folder, part), { recursive: true });
    }
    write(folder, "milestones/04_1998_cnn/01_tinydigits.ts", milestone);
    write(folder, "modules/01_tensor/tensor.ts", 'export const whose = "reference";\n');
    const paths = {
      yours: "./workspace/01_tensor/tensor.ts",
      default: "./modules/01_tensor/tensor.ts",
    };
    const manifest = {
      name: "kindling",
      exports: { "./tensor": paths },
      imports: { "#*": "kindling/*" },
      engines: { deno: ">=2.9.0", bun: ">=1.4.0" },
    };
    write(folder, "package.json", JSON.stringify(manifest));
    await body(folder);
  });
}

function write(folder: string, name: string, text: string): void {
  mkdirSync(join(folder, name, ".."), { recursive: true });
  writeFileSync(join(folder, name), text);
}

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Launches the milestone, and sends the launcher a signal when the milestone has begun. */
function launch(
  folder: string,
  args: readonly string[],
  signal?: "SIGINT" | "SIGTERM",
): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const launcher = spawn(
    process.execPath,
    [
      "run",
      ...(process.versions.deno ? ["--no-prompt", ...permissions] : []),
      ...(process.versions.deno ? [`--allow-write=${join(folder, "workspace")}`] : []), // cwd differs
      join(folder, "course/commands/launch.ts"),
      "tinydigits",
      ...args,
    ],
    { cwd: join(folder, "modules"), stdio: ["ignore", "pipe", "pipe"] },
  );
  let stdout = "", stderr = "";
  launcher.stdout?.on("data", (text) => {
    if (stdout === "" && signal && launcher.pid) process.kill(launcher.pid, signal);
    stdout += text;
  });
  launcher.stderr?.on("data", (text) => stderr += text);
  launcher.on("error", reject);
  launcher.on("close", (code) => resolve({ code, stdout, stderr }));
  return promise;
}

test("launch passes on arguments and folder, and runs the reference", async () => {
  await inCopy(async (folder) => {
    const { code, stdout, stderr } = await launch(folder, ["a b", "--help", "--", "-5"]);
    assertEquals({ code, stderr, got: JSON.parse(stdout) }, {
      code: 0,
      stderr: "",
      got: {
        whose: "reference",
        args: ["a b", "--help", "--", "-5"],
        cwd: join(folder, "modules"),
      },
    });
  });
});

/** Gives the copy a module of a learner's, which passed its tests when it was `checked`. */
function begin(folder: string, text: string, checked = text): void {
  write(folder, "workspace/01_tensor/tensor.ts", text);
  const entry = { hash: hashOf(`tensor.ts\0${checked}`), passed: [], all: true };
  const progress = { version: 1, modules: { "01_tensor": entry }, everPassed: [], spoiled: [] };
  write(
    folder,
    "workspace/progress.json",
    JSON.stringify({ ...progress, hints: {}, failures: {} }),
  );
}

const yours = 'export const whose = "yours";\n';

test("launch runs your modules whose tests all pass, and says so", async () => {
  await inCopy(async (folder) => {
    begin(folder, yours);
    const { stdout, stderr } = await launch(folder, []);
    assertEquals(JSON.parse(stdout).whose, "yours");
    const hash = hashOf(`tensor.ts\0${yours}`).slice(0, 7);
    assertEquals(stderr, `Yours: 01 (${hash}). The reference: none.\n`);
  });
});

test("launch runs the reference for a changed module that cannot be checked again", async () => {
  await inCopy(async (folder) => {
    begin(folder, `${yours}// changed\n`, yours);
    const { stdout, stderr } = await launch(folder, []);
    assertEquals(JSON.parse(stdout).whose, "reference");
    const begun = "01 (begun, not all its tests pass)";
    assertMatch(stderr, /^01 has changed since it was green, and is checked again\nIt cannot be/);
    assertMatch(
      stderr,
      RegExp(`Yours: none yet. The reference: ${begun.replace(/[()]/g, "\\$&")}`),
    );
  });
});

test("launch runs the reference if the progress file is damaged", async () => {
  await inCopy(async (folder) => {
    begin(folder, yours);
    write(folder, "workspace/progress.json", "<<<<<<< HEAD");
    assertEquals(JSON.parse((await launch(folder, [])).stdout).whose, "reference");
  });
});

test("launch ends with the exit code of the milestone", async () => {
  await inCopy(async (folder) => {
    assertEquals((await launch(folder, ["fail"])).code, 3);
  });
});

const skip = process.platform === "win32" ? "Windows has no signals" : undefined;

test("launch passes on SIGINT, and the milestone decides how to end", async () => {
  await inCopy(async (folder) => {
    const { code } = await launch(folder, ["stop"], "SIGINT");
    assertEquals(code, 7);
  });
}, { skip });

test("launch ends with 130 if SIGINT ended the milestone, and 143 for SIGTERM", async () => {
  await inCopy(async (folder) => {
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const outcome = await launch(folder, ["wait"], signal);
      assertEquals(outcome.code, code);
    }
  });
}, { skip });
