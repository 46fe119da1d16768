/**
 * Reads from `deno info` which file imports which.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import process from "node:process";

/** One file that names another one in an import or export. */
export interface Edge {
  /** The importing file, relative to the root, or its URL if it is outside. */
  readonly from: string;
  /** The imported file, likewise. */
  readonly to: string;
  /** How the import names it: "#tensor", "./shape.ts". */
  readonly name: string;
  /** Whether only types are imported, so that nothing is loaded. */
  readonly typeOnly: boolean;
  /** Whether it is an `import()`, which loads nothing before it is reached. */
  readonly dynamic?: boolean;
}

/** All that a set of files leads to. */
export interface Graph {
  /** Every file, relative to the root, or its URL if it is outside: "npm:zod@^4". */
  readonly files: ReadonlySet<string>;
  readonly edges: readonly Edge[];
}

interface Target {
  readonly specifier?: string;
  readonly error?: string;
}

interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly isDynamic?: boolean;
      readonly code?: Target;
      readonly type?: Target;
    }[];
  }[];
}

/**
 * Reads the graph of the files and of all that they import, as Deno resolves it.
 *
 * @param root The repository's folder, a file URL that ends in a slash.
 * @param files Where to start, relative to the root.
 * @returns Files and edges, each once.
 * @throws {Error} If a file cannot be read, or imports one that does not exist.
 */
export function readGraph(root: URL, files: readonly string[]): Graph {
  const seen = new Set<string>(), edges: Edge[] = [];
  for (const file of files) {
    if (seen.has(file)) continue;
    for (const module of readInfo(root, file).modules) {
      const from = relativeTo(root, module.specifier);
      // Packages are not fetched for this: what they hold is not ours.
      if (module.error && !from.startsWith("npm:")) {
        throw new Error(`Cannot read the imports of ${from}: ${module.error}`);
      }
      if (seen.has(from)) continue;
      seen.add(from);
      for (
        const { specifier, code, type, isDynamic: dynamic = false } of module.dependencies ?? []
      ) {
        const target = code ?? type;
        if (!target?.specifier) {
          throw new Error(`Cannot resolve "${specifier}" in ${from}: ${target?.error}`);
        }
        const to = relativeTo(root, target.specifier);
        edges.push({ from, to, name: specifier, typeOnly: code === undefined, dynamic });
      }
    }
  }
  return { files: seen, edges };
}

function readInfo(root: URL, file: string): Info {
  const deno = "Deno" in globalThis ? process.execPath : "deno";
  const { stdout, stderr, status } = spawnSync(
    deno,
    ["info", "--json", "--no-lock", new URL(file, root).href],
    { encoding: "utf8", maxBuffer: 2 ** 26 },
  );
  if (status !== 0) throw new Error(`Cannot read the imports of ${file}: ${stderr}`);
  return JSON.parse(stdout);
}

function relativeTo(root: URL, specifier: string): string {
  return specifier.startsWith(root.href)
    ? decodeURIComponent(specifier.slice(root.href.length))
    : specifier;
}

/**
 * Finds circles of imports. Circles of types alone are left out, since nothing is loaded.
 *
 * @param edges The imports.
 * @returns For each import of more than types that leads back to itself, the files on the way.
 */
export function findCircles(edges: readonly Edge[]): string[][] {
  const next = Map.groupBy(edges, (edge) => edge.from);
  const circles: string[][] = [];
  for (const { from, to, typeOnly } of edges) {
    const way = typeOnly ? undefined : findWay(next, to, from);
    if (way) circles.push([from, ...way]);
  }
  return circles;
}

/**
 * Finds what is loaded with some files: what they import, and what that imports.
 *
 * @param edges The imports.
 * @param files The files.
 * @returns All of them; what is imported for its types or by `import()` is not among them.
 */
export function loadedWith(edges: readonly Edge[], files: readonly string[]): Set<string> {
  const next = Map.groupBy(edges, ({ from }) => from), loaded = new Set(files);
  for (const file of loaded) { // grows while it is walked
    for (const { to, typeOnly, dynamic } of next.get(file) ?? []) {
      if (!typeOnly && !dynamic) loaded.add(to);
    }
  }
  return loaded;
}

/**
 * Finds the folders that import each other, directly or over others.
 *
 * @param edges The imports, of types too.
 * @param folderOf The folder that a file counts for; nothing for files that do not count.
 * @returns The folders on the way of each circle.
 */
export function findFolderCircles(
  edges: readonly Edge[],
  folderOf: (file: string) => string | undefined,
): string[][] {
  const arrows = new Map<string, Edge>();
  for (const { from: file, to: target, name } of edges) {
    const from = folderOf(file), to = folderOf(target);
    if (from === undefined || to === undefined || from === to) continue;
    arrows.set(`${from} ${to}`, { from, to, name, typeOnly: false });
  }
  return findCircles([...arrows.values()]);
}

/** The files of a shortest way, both ends included. */
function findWay(next: Map<string, Edge[]>, from: string, to: string): string[] | undefined {
  const ways = new Map<string, string[]>([[from, [from]]]);
  for (const [file, way] of ways) { // grows while it is walked
    if (file === to) return way;
    for (const edge of next.get(file) ?? []) {
      if (!ways.has(edge.to)) ways.set(edge.to, [...way, edge.to]);
    }
  }
  return undefined;
}
