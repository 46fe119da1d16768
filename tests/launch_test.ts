/**
 * The launcher starts a milestone on the right modules with the right permissions, and ends as it
 * ends.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { plan } from "./kit/launch.ts";
import { test } from "./kit/register.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

// ── The plan ──

const here = resolve("/kit"), script = join(here, "milestones/04_1998_cnn/01_tinydigits.ts");

function nothing(): boolean {
  return false;
}

function everything(): boolean {
  return true;
}

test("plan() runs the reference without a workspace, with the least permissions", () => {
  assertEquals(plan(here, "tinydigits", ["--epochs", "5"], nothing, "deno"), {
    command: [
      "run",
      "--no-prompt",
      `--allow-read=${join(here, "datasets")},${join(here, "modules/fast")}`,
      "--allow-env=NO_COLOR,FORCE_COLOR,COLUMNS",
      script,
      "--epochs",
      "5",
    ],
  });
  assertEquals(plan(here, "tinydigits", [], nothing, "bun"), { command: ["run", script] });
});

test("plan() runs your modules if there is a workspace", () => {
  for (const runtime of ["deno", "bun"] as const) {
    const planned = plan(here, "tinydigits", [], everything, runtime);
    assertEquals("command" in planned && planned.command.slice(0, 2), [
      "run",
      "--conditions=yours",
    ]);
  }
});

test("plan() passes on arguments that look like the runtime's own", () => {
  const args = ["--", "--allow-all", "-A", "a b", ""];
  const planned = plan(here, "tinydigits", args, nothing, "deno");
  assertEquals("command" in planned && planned.command.slice(-6), [script, ...args]);
});

test("plan() names the modules that a workspace lacks", () => {
  const missing = [
    join(here, "workspace/01_tensor/random.ts"),
    join(here, "workspace/03_layers/layers.ts"),
  ];
  assertEquals(plan(here, "tinydigits", [], (path) => !missing.includes(path)), {
    problem: "Cannot run on your modules: " +
      "missing workspace/01_tensor/random.ts, workspace/03_layers/layers.ts\n" +
      "  hint: restore what is missing, or rename workspace/ to run on the reference",
  });
});

test("plan() lists the milestones if the name is none of theirs", () => {
  const names = "\n  milestones: tinydigits";
  assertEquals(plan(here, undefined, [], nothing), {
    problem: `Cannot start a milestone: no name was given${names}`,
  });
  assertEquals(plan(here, "toString", [], nothing), {
    problem: `Cannot start a milestone: there is no "toString"${names}`,
  });
});

test("plan() escapes a comma in the path for Deno", () => {
  const planned = plan(resolve("/a,b"), "tinydigits", [], nothing, "deno");
  const read = "command" in planned ? planned.command[2] : "";
  const folders = ["datasets", "modules/fast"].map((name) => join(resolve("/a,,b"), name));
  assertEquals(read, `--allow-read=${folders.join(",")}`);
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
async function inCopy(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kindling-launch-")));
  try {
    for (const name of ["launch.ts", "runtime.ts"]) {
      cpSync(join(root, "tests/kit", name), join(folder, "tests/kit", name));
    }
    write(folder, "milestones/04_1998_cnn/01_tinydigits.ts", milestone);
    write(folder, "modules/01_tensor/tensor.ts", 'export const whose = "reference";\n');
    const paths = {
      yours: "./workspace/01_tensor/tensor.ts",
      default: "./modules/01_tensor/tensor.ts",
    };
    const engines = { deno: ">=2.9.0", bun: ">=1.4.0" };
    write(folder, "package.json", JSON.stringify({ imports: { "#tensor": paths }, engines }));
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
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
      join(folder, "tests/kit/launch.ts"),
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

test("launch runs your modules once there is a workspace", async () => {
  await inCopy(async (folder) => {
    write(folder, "workspace/01_tensor/tensor.ts", 'export const whose = "yours";\n');
    const { stdout } = await launch(folder, []);
    assertEquals(JSON.parse(stdout).whose, "yours");
  });
});

test("launch ends with 2 and names what the workspace lacks", async () => {
  await inCopy(async (folder) => {
    mkdirSync(join(folder, "workspace"));
    assertEquals(await launch(folder, []), {
      code: 2,
      stdout: "",
      stderr: "Cannot run on your modules: missing workspace/01_tensor/tensor.ts\n" +
        "  hint: restore what is missing, or rename workspace/ to run on the reference\n",
    });
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
