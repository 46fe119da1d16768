/**
 * Says what is wrong with an import of a learner's that led nowhere, where it stands, and what to
 * write. The sandbox refuses it anyway: this explains.
 *
 * @module
 */
import { type CourseModule, modules } from "../content/course.ts";

/** An import that was refused. */
export interface RefusedImport {
  /** What was imported: "../01_tensor/tensor.ts". */
  readonly name: string;
  /** The file's own name. */
  readonly file: string;
  /** Its text. */
  readonly source: string;
  /** The module that it belongs to, */
  readonly module: CourseModule;
  /** and the names of the files there. */
  readonly files: readonly string[];
}

/** One sentence for it. */
export function explainImport({ name, file, source, module, files }: RefusedImport): string {
  const place = `${file}:${lineOf(source, name)}`;
  return `${place} may not import "${name}": ${reason(name, file, module, files)}`;
}

function reason(
  name: string,
  file: string,
  module: CourseModule,
  files: readonly string[],
): string {
  const base = name.split("/").at(-1)?.replace(/\.[jt]s$/, "") ?? "";
  const beside = files.find((other) => other !== file && other === `${base}.ts`);
  const meant = modules.flatMap(({ names }) => names).find((one) =>
    name.startsWith("#") ? one.name === name : name.endsWith(`${one.folder}/${one.file}`)
  );
  if (meant && meant.folder > module.folder) {
    return `module ${meant.folder.slice(0, 2)} comes later`;
  }
  if (meant && meant.name !== name) return `write "${meant.name}"`;
  if (beside && /^\.\.?\//.test(name)) return `write "./${beside}"`;
  if (/^\.\//.test(name)) return "there is no such file beside it";
  return "a module imports files beside it and #names of earlier modules";
}

/** The line that imports a name, from 1: the first that has it in quotes and no comment before. */
function lineOf(source: string, name: string): number {
  const lines = source.split("\n");
  const isThere = (line: string): boolean =>
    line.includes(`"${name}"`) || line.includes(`'${name}'`);
  const at = lines.findIndex((line) => isThere(line) && /^[^*/]*\b(?:from|import)\b/.test(line));
  return (at < 0 ? Math.max(0, lines.findIndex(isThere)) : at) + 1;
}
