/**
 * The library in other people's projects: README's program prints the same loss wherever README says
 * that it runs, from the barrel and from the modules by their names.
 *
 * @module
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { join } from "@std/path";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "../course/sandbox/register.ts";
import { chromium } from "./project/chromium.ts";
import { inFolder } from "./project/in_folder.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

// ── README's program ──

const readme = readFileSync(join(root, "README.md"), "utf8");
const [, program, loss] = readme.match(
  /```ts\n(import \{[^}]*\} from "kindling";.*?console\.log\(.*?\); \/\/ (\S+)\n)```/s,
) ??
  [];

/** The same from the modules by their names. */
const bySubpath = `import { crossEntropy } from "kindling/losses";
import { fit } from "kindling/training";
import { Generator } from "kindling/random";
import { Linear, ReLU, Sequential } from "kindling/layers";
import { SGD } from "kindling/optimizers";
import { Tensor } from "kindling/tensor";
${program.replace(/^import .*\n/, "")}`;

/** What README puts into deno.json, so that `kindling` is a name. */
const fromJsr = { kindling: "jsr:@kindling/kindling@^0.1.0" };

/** A project next to a clone: folders app/ and kindling/. */
interface Neighbours {
  readonly folder: string;
  readonly app: string;
}

/** Gives a test two folders: the library as it is in a clone, and a project with the program. */
function besideClone(body: (neighbours: Neighbours) => void): Promise<void> {
  return inFolder((folder) => {
    const app = join(folder, "app");
    for (const part of ["deno.json", "package.json", "mod.ts", "modules", "README.md", "LICENSE"]) {
      cpSync(join(root, part), join(folder, "kindling", part), { recursive: true });
    }
    write(app, "barrel.ts", program);
    write(app, "subpaths.ts", bySubpath);
    write(app, "path.ts", program.replace('"kindling"', '"../kindling/mod.ts"'));
    write(app, "main.ts", 'import "./barrel.ts";\nimport "./subpaths.ts";\n');
    body({ folder, app });
    return Promise.resolve();
  });
}

function write(folder: string, name: string, content: string | object): void {
  const text = typeof content === "string" ? content : JSON.stringify(content);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), text);
}

/** Runs a program to its end, and gives what it printed. */
function run(folder: string, command: string, ...args: readonly string[]): string {
  const env = { ...process.env, NO_COLOR: "1" };
  const options = { cwd: folder, env, encoding: "utf8", timeout: 100_000 } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  assertEquals(status, 0, `${command} ${args.join(" ")}: ${error ?? stdout + stderr}`);
  return stdout.trim();
}

/** Why a program cannot be run here; nothing if it can. */
function missing(command: string | undefined, ...args: readonly string[]): string | undefined {
  const found = command && spawnSync(command, args, { stdio: "ignore" }).status === 0;
  return found ? undefined : `there is no ${command}`;
}

const deno = { only: "deno" } as const;
const withBun = { ...deno, skip: missing("bun", "--version") };
const withNpm = { ...deno, skip: missing("npm", "--version") };
const both = `${loss}\n${loss}`;

// ── Deno ──

/** Types checked, and nothing fetched: the library comes from the clone alone. */
const denoRun = ["run", "--check", "--cached-only", "--no-lock"];

test("Deno trains by links", () =>
  besideClone(({ app }) => {
    write(app, "deno.json", { links: ["../kindling"], imports: fromJsr });
    assertEquals(run(app, "deno", ...denoRun, "main.ts"), both);
  }), deno);

test(
  "Deno trains with the library as a member of a workspace",
  () =>
    besideClone(({ folder, app }) => {
      write(folder, "deno.json", { workspace: ["./kindling", "./app"] });
      write(app, "deno.json", { imports: fromJsr });
      assertEquals(run(app, "deno", ...denoRun, "main.ts"), both);
    }),
  deno,
);

test("Deno trains by path", () =>
  besideClone(({ app }) => {
    write(app, "deno.json", { imports: { kindling: "../kindling/mod.ts" } });
    write(app, "main.ts", 'import "./barrel.ts";\nimport "./path.ts";\n');
    assertEquals(run(app, "deno", ...denoRun, "main.ts"), both);
  }), deno);

// ── Bun ──

test("Bun trains by path", () =>
  besideClone(({ app }) => {
    assertEquals(run(app, "bun", "path.ts"), loss);
  }), withBun);

test("Bun trains with a clone that was added", () =>
  besideClone(({ app }) => {
    write(app, "package.json", {});
    run(app, "bun", "add", "../kindling");
    assertEquals(run(app, "bun", "main.ts"), both);
  }), withBun);

test("Bun trains with the packed library", () =>
  besideClone(({ folder, app }) => {
    write(app, "package.json", {});
    run(app, "bun", "add", pack(folder));
    assertEquals(run(app, "bun", "main.ts"), both);
  }), { ...deno, skip: withBun.skip ?? withNpm.skip });

// ── Node ──

/** What a Node can do that strips types by itself, as it does from 22.18 on. */
const stripping = ["--input-type=module-typescript", "--eval", "const a: number = 1"];
const withNode = missing("node", ...stripping) && "there is no Node from 22.18 on";

test("Node trains with a clone that was installed", () =>
  besideClone(({ app }) => {
    write(app, "package.json", { type: "module" });
    run(app, "npm", "install", "--offline", "--no-audit", "--no-fund", "../kindling");
    assertEquals(run(app, "node", "main.ts"), both);
    assertEquals(run(app, "node", "path.ts"), loss);
  }), { ...deno, skip: withNode ?? withNpm.skip });

// ── A browser ──

/** Both programs, and then one on kernels: whether they are in use, and whether it learns. */
const onKernels = `import "./barrel.ts";
import "./subpaths.ts";
import * as kindling from "kindling";
kindling.setKernels(kindling.chooseKernels(kindling, { memory: 2 ** 24 }).kernels);
console.log(kindling.SGD.door.isReplaced);
${program.replace(/console\.log\(.*/, "console.log(history[199].loss < 0.01);")}`;

/** A page that shows what a program prints. It is one file, as pages from files load no modules. */
function pageOf(script: string): string {
  assert(!script.includes("</script"));
  return `<!doctype html><pre></pre><script type="module">
    const show = (...values) => document.querySelector("pre").append(values.join(" ") + "\\n");
    console.log = show;
    addEventListener("error", ({ message }) => show(message));
    ${script}
  </script>`;
}

for (const tool of ["esbuild", "vite"]) {
  test(
    `Chromium trains on kernels with what ${tool} makes of the packed library`,
    () =>
      besideClone(({ folder, app }) => {
        const installed = join(app, "node_modules", "kindling");
        mkdirSync(installed, { recursive: true });
        run(app, "tar", "-xzf", pack(folder), "-C", installed, "--strip-components=1");
        write(app, "main.ts", onKernels);
        const bundle = join(root, "tests/project/bundle.ts"),
          lock = "--lock=tests/project/bundle.lock";
        run(root, "deno", "run", "-A", "--quiet", lock, bundle, tool, app);
        write(app, "page.html", pageOf(readFileSync(join(app, "out", "main.js"), "utf8")));
        const page = run(
          app,
          chromium ?? "",
          ...["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=20000"],
          `--user-data-dir=${join(folder, "chromium")}`,
          "--dump-dom",
          `file://${join(app, "page.html")}`,
        );
        assertEquals(page.match(/<pre>(.*?)\n?<\/pre>/s)?.[1], `${both}\ntrue\ntrue`);
      }),
    { ...deno, skip: chromium ? withNpm.skip : "there is no Chromium" },
  );
}

// ── What is in the package ──

/** Packs the clone as npm would publish it; gives the file. */
function pack(folder: string): string {
  const clone = join(folder, "kindling");
  return join(folder, run(clone, "npm", "pack", "--silent", "--pack-destination", folder));
}

test(
  "the packed library is under 220 kB, and has no tests and no course in it",
  () =>
    besideClone(({ folder }) => {
      const file = pack(folder);
      assertLess(statSync(file).size, 220_000);
      const names = run(folder, "tar", "-tzf", file).split("\n");
      const strangers = names.filter((name) =>
        !/^package\/(modules\/.*(?<!_test)\.ts|mod\.ts|package\.json|[A-Z]+(\.md)?)$/.test(name)
      );
      assertEquals(strangers, []);
      assert(names.includes("package/modules/09_spatial/spatial.ts"));
    }),
  withNpm,
);
