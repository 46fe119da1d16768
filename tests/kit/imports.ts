/**
 * Looks at what a learner's files import before any of them runs. A runtime's permissions do not
 * cover static imports: without this, a file could export the reference and earn full marks.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { type CourseModule, modules, read } from "./course.ts";
import { todoFile } from "./stubs.ts";

/** The part of Bun that is used here. */
interface BunHost {
  Bun: {
    Transpiler: new (options: { loader: "ts" }) => {
      scanImports(source: string): readonly { path: string }[];
    };
  };
}

/**
 * Finds imports that a learner's module may not have.
 *
 * @param folder Where its files are.
 * @param module Which module it is.
 * @returns What is wrong, a sentence each.
 */
export function importProblems(folder: string, module: CourseModule): string[] {
  const own = [...module.files, todoFile.name];
  const lower = modules.filter(({ number }) => number < module.number);
  const allowed = [
    ...own.map((file) => `./${file}`),
    ...lower.flatMap((m) => Object.keys(m.names)),
  ];
  return own.filter((file) => existsSync(join(folder, file))).flatMap((file) => {
    const found = importsOf(join(folder, file));
    if (found === undefined) return []; // it does not parse, so it will not run either
    return found.filter((name) => !allowed.includes(name)).map((name) =>
      `${file} may not import "${name}": a module imports its own files and #names of earlier modules`
    );
  });
}

/** The names that a file imports, as the runtime's own parser finds them. */
function importsOf(path: string): string[] | undefined {
  if (!process.versions.deno) {
    const { Bun } = globalThis as unknown as BunHost;
    try {
      return new Bun.Transpiler({ loader: "ts" }).scanImports(read(path)).map(({ path }) => path);
    } catch {
      return undefined;
    }
  }
  const args = ["info", "--json", "--no-lock", "--no-remote", "--no-npm", path];
  const info = spawnSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 26 });
  if (info.status !== 0) return [`what cannot be read: ${info.stderr.trim().split("\n")[0]}`];
  const { modules }: { modules: { specifier: string; dependencies?: { specifier: string }[] }[] } =
    JSON.parse(info.stdout);
  const own = modules.find(({ specifier }) => specifier === pathToFileURL(path).href);
  return own?.dependencies?.map(({ specifier }) => specifier) ?? [];
}
