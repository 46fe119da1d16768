/**
 * What is public explains itself: every function and class that mod.ts exports carries an example,
 * which `deno task ok` runs. And what is numbered in the chapters agrees with the tasks.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { test } from "../course/sandbox/register.ts";

const root = fromFileUrl(new URL("../", import.meta.url));

/** What `deno doc --json` says of a symbol, as far as it is looked at here. */
interface Declaration {
  readonly kind: string;
  readonly jsDoc?: { readonly tags?: readonly { readonly kind: string }[] };
}

/** The symbols of mod.ts with their declarations. */
function exported(): { name: string; declarations: readonly Declaration[] }[] {
  const run = spawnSync(process.execPath, ["doc", "--json", "mod.ts"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (run.status !== 0) throw new Error(`Cannot read the documentation:\n${run.stderr}`);
  const { nodes }: {
    nodes: Record<string, { symbols: { name: string; declarations: Declaration[] }[] }>;
  } = JSON.parse(run.stdout);
  return Object.values(nodes).flatMap(({ symbols }) => symbols);
}

test("every exported function and class has an example", () => {
  const symbols = exported();
  assertEquals(symbols.some(({ name }) => name === "Tensor"), true);
  const silent = symbols.filter(({ declarations }) =>
    declarations.some(({ kind, jsDoc }) =>
      ["function", "class"].includes(kind) && !jsDoc?.tags?.some((tag) => tag.kind === "example")
    )
  );
  assertEquals(silent.map(({ name }) => name), []);
}, { only: "deno" });

/** The chapters of a module: "modules/01_tensor/shape.ts". */
function chaptersOf(folder: string): string[] {
  return readdirSync(join(root, "modules", folder))
    .filter((file) => file.endsWith(".ts") && !file.endsWith("_test.ts"))
    .map((file) => `modules/${folder}/${file}`);
}

test("a section that has a number is the section of that task", () => {
  const folders = readdirSync(join(root, "modules")).filter((name) => /^\d\d_/.test(name));
  const wrong = folders.flatMap(chaptersOf).flatMap((file) => {
    const source = readFileSync(join(root, file), "utf8");
    const sections = [...source.matchAll(/^ *\/\/ ── (\d+)\.(\d+) /gm)];
    return sections.flatMap(({ index, 1: module, 2: number }, k) => {
      const text = source.slice(index, sections[k + 1]?.index);
      const first = text.match(/@task (\d+)\.(\d+)/);
      const fits = first && Number(first[1]) === Number(module) && first[2] === number;
      return fits ? [] : [`${file}: section ${module}.${number} begins with ${first?.[0]}`];
    });
  });
  assertEquals(wrong, []);
});
