/**
 * What is fetched from npm, and by which command. Deno fetches all that the configuration or a lock
 * file names before it runs anything. So a package stands in one file that only its users load, in
 * Deno's spelling and in Bun's, and each need has its own lock file.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { existsSync, readdirSync, readFileSync } from "node:fs";
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
  "protobufjs": "milestones/onnx.ts",
  "onnxruntime-web": "tests/onnx_test.ts",
  "marked": "course/book/packages.ts",
  "highlight.js": "course/book/packages.ts",
  "mathup": "course/book/packages.ts",
  "axe-core": "tests/project/browse_book.ts",
  "puppeteer-core": "tests/project/browse_book.ts",
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
  assertEquals(readLock(everything).specifiers, locked);
});

test("no npm package stands where every task would fetch it", () => {
  assertEquals(JSON.parse(read("deno.json")).lock, false);
  assertEquals(existsSync(new URL("deno.lock", root)), false);
  const text = ["deno.json", "package.json"].map(read).join();
  assertEquals(text.match(/npm:|[dD]ependencies/g), null);
});

for (const [file, programs] of Object.entries(needs)) {
  test(`${file} names what its programs load, and nothing else`, () => {
    const { edges } = readGraph(root, programs);
    const loaded = edges.flatMap(({ name }) => name.startsWith("npm:") ? [name] : []);
    assertEquals(Object.keys(readLock(file).specifiers), [...new Set(loaded)].sort());
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
