/**
 * What is fetched from npm, and by which command. Deno fetches all that the configuration or a lock
 * file names before it runs anything. So a package stands in one file that only its users load, in
 * Deno's spelling and in Bun's, and each need has its own lock file.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { isOlder } from "../course/runtime.ts";
import { readGraph } from "./project/module_graph.ts";
import { test } from "../course/sandbox/register.ts";

const root = new URL("../", import.meta.url);

interface Lock {
  readonly specifiers: Record<string, string>;
  readonly npm: Record<string, { readonly integrity: string }>;
}

/** Where each npm package is named. */
const npmFiles = {
  "mitata": "bench/mitata.ts",
  "fast-check": "tests/properties/fast_check.ts",
  "protobufjs": "milestones/report/onnx.ts",
  "zod": "milestones/report/zod.ts",
  "onnxruntime-web": "tests/onnx_test.ts",
  "marked": "course/book/packages.ts",
  "highlight.js": "course/book/packages.ts",
  "mathup": "course/book/packages.ts",
  "axe-core": "tests/project/browse_book.ts",
  "puppeteer-core": "tests/project/browse_book.ts",
  "esbuild": "tests/project/bundle.ts",
  "vite": "tests/project/bundle.ts",
  "remark": "tests/project/links.ts",
  "remark-validate-links": "tests/project/links.ts",
  "unified-engine": "tests/project/links.ts",
  "cspell": "tests/project/ok.ts",
};

/** Each lock file, and what is run with it. */
const needs: Record<string, readonly string[]> = {
  "course/book/deno.lock": ["course/book/book.ts"],
  "bench/deno.lock": sourcesIn("bench").filter((file) => !file.startsWith("bench/peers/")),
  "tests/deno.lock": [...sourcesIn("modules"), ...sourcesIn("tests")]
    .filter((file) => file.endsWith("_test.ts")),
  "tests/project/browse_book.lock": ["tests/project/browse_book.ts"],
  "tests/project/bundle.lock": ["tests/project/bundle.ts"],
};

/** And the one of `deno task ok`, which checks the types of everything. */
const everything = "tests/project/deno.lock";

function sourcesIn(folder: string): string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".ts"));
}

function read(file: string): string {
  return readFileSync(new URL(file, root), "utf8");
}

function readLock(file: string): Lock {
  return JSON.parse(read(file));
}

test("an npm package is named in one file, always with the same exact version", () => {
  const locked: Record<string, string> = {};
  for (const [name, file] of Object.entries(npmFiles)) {
    const all = [...read(file).matchAll(/"(?:npm:)?([a-z.-]+)@([^"]*)"/g)];
    const named = all.filter(([, package_]) => package_ === name);
    const spelled = new Set(named.map(([text]) => text.slice(1, -1)));
    const version = named[0]?.[2] ?? "";
    assertMatch(version, /^\d+\.\d+\.\d+$/);
    const forBun = file.startsWith("tests/project/") ? [] : [`${name}@${version}`];
    assertEquals(spelled, new Set([`npm:${name}@${version}`, ...forBun]));
    locked[`npm:${name}@${version}`] = version;
  }
  // "8.3.8_esbuild@0.28.2" names the package beside it that it goes with
  const versions = Object.entries(readLock(everything).specifiers)
    .map(([name, version]) => [name, version.split("_")[0]]);
  assertEquals(Object.fromEntries(versions), locked);
});

test("no npm package stands where every task would fetch it", () => {
  assertEquals(JSON.parse(read("deno.json")).lock, false);
  assertEquals(existsSync(new URL("deno.lock", root)), false);
  const text = ["deno.json", "package.json"].map(read).join();
  assertEquals(text.match(/npm:|[dD]ependencies/g), null);
});

/**
 * The npm packages of all files that programs load. A file that loads one late names it by a type.
 *
 * @param programs Where to start.
 * @param withLate Whether files count that are loaded late or for their types, as in tests, which
 * load everything there is; a bench draws no page and writes no network.
 */
function packagesOf(programs: readonly string[], withLate: boolean): string[] {
  const { edges } = readGraph(root, programs), files = new Set(programs);
  for (const file of files) {
    for (const { from, to, typeOnly, dynamic } of edges) {
      if (from === file && (withLate || !typeOnly && !dynamic)) files.add(to);
    }
  }
  const named = edges.filter(({ from, name }) => files.has(from) && name.startsWith("npm:"));
  return [...new Set(named.map(({ name }) => name))].sort();
}

for (const [file, programs] of Object.entries(needs)) {
  test(`${file} names what its programs load, and nothing else`, () => {
    const loaded = packagesOf(programs, file.startsWith("tests/"));
    assertEquals(Object.keys(readLock(file).specifiers), loaded);
  }, { only: "deno" });

  test(`${file} and ${everything} have the same packages with the same checksums`, () => {
    const all = readLock(everything).npm;
    for (const [name, { integrity }] of Object.entries(readLock(file).npm)) {
      assertEquals([name, all[name]?.integrity], [name, integrity]);
    }
  });
}

test("each task that fetches names its lock file, and each lock file is in use", () => {
  const used = new Set(
    ["deno.json", ...sourcesIn("tests")].flatMap((file) =>
      [...read(file).matchAll(/--lock=([\w/.]+\.lock)\b/g)].map(([, name]) => name)
    ),
  );
  assertEquals([...used].sort(), [...Object.keys(needs), everything].sort());
});

// ── Tasks, and where @std comes from ──

interface Config {
  readonly lock: unknown;
  readonly imports: Record<string, string>;
  readonly links: readonly string[];
  readonly tasks: Record<string, unknown>;
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, string>;
}

interface Manifest {
  readonly scripts: Record<string, string>;
}

interface EditorConfig {
  readonly compilerOptions: { readonly paths: Record<string, readonly string[]> };
}

/** The files are our own, and of the type that the caller says. */
function readJson<T>(name: string): T {
  return JSON.parse(read(name));
}

const config = readJson<Config>("deno.json");
const manifest = readJson<Manifest>("package.json");
const links = config.links.map((folder) => ({
  folder,
  package: readJson<Package>(`${folder}/deno.json`),
}));

/** The name → version range of the pins in deno.json: `jsr:@std/assert@^1.0.0`. */
function pins(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, specifier] of Object.entries(config.imports)) {
    if (name.startsWith("#")) continue; // a module of the library's own
    const [, target, range] = specifier.match(/^jsr:(@?[^@]+)@([^/]+)/) ?? [];
    assertEquals(target, name, "each package comes from JSR, and is imported by its own name");
    found[name] = range;
  }
  return found;
}

/** Whether a version is in a range of the form ^1.2.3 with at least 1 in front. */
function isInRange(version: string, range: string): boolean {
  assertMatch(range, /^\^[1-9]\d*(\.\d+){0,2}$/);
  const least = range.slice(1);
  return version.split(".")[0] === least.split(".")[0] && !isOlder(version, least);
}

test("deno.json and package.json have the same tasks", () => {
  // Before npm runs a script without Bun, its "pre" script says what to run instead.
  const scripts = Object.keys(manifest.scripts).filter((name) => !name.startsWith("pre"));
  assertEquals(scripts, Object.keys(config.tasks));
});

test("every @std package is linked to a local one, whose version the pin allows", () => {
  const ranges = pins();
  assertEquals(links.map((link) => link.package.name).sort(), Object.keys(ranges).sort());
  for (const { package: { name, version } } of links) {
    assert(isInRange(version, ranges[name]), `${name} ${version} is not in ${ranges[name]}`);
  }
});

test("isInRange() means what a caret means", () => {
  const versions = ["0.9.0", "1.1.9", "1.2.2", "1.2.3", "1.2.4", "1.3.0", "2.2.3"];
  assertEquals(versions.filter((version) => isInRange(version, "^1.2.3")), [
    "1.2.3",
    "1.2.4",
    "1.3.0",
  ]);
  assertEquals(versions.filter((version) => isInRange(version, "^2")), ["2.2.3"]);
});

test("tsconfig.json leads to every export of the linked packages", () => {
  const paths: Record<string, string[]> = {};
  for (const { folder, package: { name, exports } } of links) {
    for (const [from, file] of Object.entries(exports)) {
      paths[name + from.slice(1)] = [`${folder}/${file.slice(2)}`];
    }
  }
  assertEquals(readJson<EditorConfig>("tsconfig.json").compilerOptions.paths, paths);
});
