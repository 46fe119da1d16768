/**
 * Looks at what a learner's files import before any of them runs. A runtime's permissions do not
 * cover static imports: without this, a file could export the reference and earn full marks.
 *
 * @module
 */
import { basename, join, toFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { type CourseModule, modules, read } from "../content/course.ts";
import { todoFile } from "../content/stubs.ts";

/** The part of Bun that is used here. */
interface BunHost {
  Bun: {
    Transpiler: new (options: { loader: "ts" }) => {
      scanImports(source: string): readonly { path: string }[];
    };
  };
}

/** An import() or import.meta, wherever it stands: what it reaches is known only when it runs. */
const dynamic = /\bimport\s*(?:\/\*[^]*?\*\/\s*|\/\/.*\n\s*)*(?:\(|\.\s*\w)/;

/**
 * Finds imports that a learner's module may not have.
 *
 * @param folder Where its files are.
 * @param module Which module it is.
 * @returns What is wrong, a sentence each.
 */
export function importProblems(folder: string, module: CourseModule): string[] {
  const own = [...module.files, todoFile.name].filter((file) => existsSync(join(folder, file)));
  const lower = modules.filter(({ number }) => number < module.number);
  const allowed = [
    ...own.map((file) => `./${file}`),
    ...lower.flatMap(({ names }) => names.map(({ name }) => name)),
  ];
  const imports = process.versions.deno ? readGraph(folder, own) : scan(folder, own);
  const rule = "a module imports its own files and #names of earlier modules";
  return own.flatMap((file) => {
    const source = read(join(folder, file)), names = imports.get(file) ?? [];
    const computed = dynamic.test(source)
      ? [`${file} may not use import() or import.meta: ${rule}`]
      : [];
    const others = names.filter((name) => !allowed.includes(name));
    return [...computed, ...others.map((name) => `${file} may not import "${name}": ${rule}`)];
  });
}

/** What each file imports, as Deno's own parser finds it: one look at a file that imports them all. */
function readGraph(folder: string, files: readonly string[]): Map<string, string[]> {
  const all = join(folder, "..", "all.ts");
  const lines = files.map((file) => `import "./${basename(folder)}/${file}";\n`);
  writeFileSync(all, lines.join(""));
  const args = ["info", "--json", "--no-lock", "--no-remote", "--no-npm", all];
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  rmSync(all);
  if (status !== 0) return new Map(files.map((file) => [file, ["what Deno cannot read"]]));
  const { modules }: { modules: Info[] } = JSON.parse(stdout);
  return new Map(files.map((file) => {
    const url = toFileUrl(join(folder, file)).href;
    const found = modules.find(({ specifier }) => specifier === url);
    // What cannot be parsed is allowed nothing, and will say so itself when it is loaded.
    return [file, found?.dependencies?.map(({ specifier }) => specifier) ?? []];
  }));
}

interface Info {
  readonly specifier: string;
  readonly dependencies?: readonly { readonly specifier: string }[];
}

/** The same with Bun's parser. */
function scan(folder: string, files: readonly string[]): Map<string, string[]> {
  const { Bun } = globalThis as unknown as BunHost, parser = new Bun.Transpiler({ loader: "ts" });
  return new Map(files.map((file) => {
    try {
      return [file, parser.scanImports(read(join(folder, file))).map(({ path }) => path)];
    } catch {
      return [file, []];
    }
  }));
}
