/**
 * What the course consists of: its modules, their files and their tasks, as they stand in the
 * repository.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import manifest from "../../package.json" with { type: "json" };

/** The repository's folder. */
export const root: string = resolve(fileURLToPath(new URL("../../", import.meta.url)));

/** A module of the course. */
export interface CourseModule {
  /** "01" */
  readonly number: string;
  /** "01_tensor" */
  readonly folder: string;
  /** Its #names, and the file that each stands for: { "#tensor": "tensor.ts" }. */
  readonly names: Readonly<Record<string, string>>;
  /** Its files that learners write, each in a copy of their own: no tests, and none that is given. */
  readonly files: readonly string[];
  /** Its graded tests, relative to the repository. */
  readonly test: string;
}

const entries = Object.entries(manifest.imports);

/**
 * #names of files that are given: the reference stands for them, whoever runs. Each has one place
 * only, relative to the repository: { "#checkpoint": "./modules/07_training/checkpoint.ts" }.
 */
export const givenNames: Readonly<Record<string, string>> = Object.fromEntries(
  entries.flatMap(([name, entry]) => typeof entry === "string" ? [[name, entry]] : []),
);

/** The modules in the order of their numbers. */
export const modules: readonly CourseModule[] = readModules();

function readModules(): CourseModule[] {
  const table = entries.flatMap(([name, entry]) =>
    typeof entry === "string" ? [] : [[name, ...entry.default.split("/").slice(-2)]]
  );
  const given = Object.values(givenNames);
  return [...new Set(table.map(([, folder]) => folder))].sort().map((folder) => {
    const all = readdirSync(join(root, "modules", folder)).filter((name) => name.endsWith(".ts"));
    const names = table.filter((entry) => entry[1] === folder).map((
      [name, , file],
    ) => [name, file]);
    const test = all.find((name) => name.endsWith("_test.ts"));
    return {
      number: folder.slice(0, 2),
      folder,
      names: Object.fromEntries(names),
      files: all.filter((name) => name !== test && !given.includes(`./modules/${folder}/${name}`))
        .sort(),
      test: `modules/${folder}/${test}`,
    };
  });
}

/** The module that a task or a number belongs to. */
export function moduleOf(taskOrNumber: string): CourseModule | undefined {
  return modules.find(({ number }) => number === taskOrNumber.slice(0, 2));
}

/** A file of the reference. */
export function reference(folder: string, file: string): string {
  return read(join(root, "modules", folder, file));
}

/** The hints of a task, in order. */
export function hintsOf({ folder }: CourseModule, task: string): string[] {
  const text = read(join(root, "modules", folder, "hints.md"));
  const section = text.split(/^## /m).find((part) => part.startsWith(`${task} `)) ?? "";
  return section.split(/^\d\. /m).slice(1).map((hint) => hint.trim().replace(/\s*\n\s*/g, " "));
}

/** A text, with line ends as we write them. */
export function read(path: string): string {
  return readFileSync(path, "utf8").replaceAll("\r\n", "\n");
}

/** What a text is recognised by, on every system. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex").slice(0, 16);
}
