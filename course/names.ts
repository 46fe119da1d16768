/**
 * The one table of #names, and all who write it down. Code imports across modules by name, and here
 * is decided whether a name leads to a learner's file or to the reference. The table itself is in
 * package.json: what it exports as kindling/tensor to others is #tensor in the project.
 *
 * @module
 */
import { fromFileUrl, join, toFileUrl } from "@std/path";
import deno from "../deno.json" with { type: "json" };
import manifest from "../package.json" with { type: "json" };
import editor from "../tsconfig.json" with { type: "json" };

/** A name, and the file that it stands for. */
export interface Name {
  /** "#tensor" */
  readonly name: string;
  /** The folder of its module: "01_tensor". */
  readonly folder: string;
  /** "tensor.ts" */
  readonly file: string;
  /** Whether the reference always stands for it, since learners do not write it. */
  readonly isGiven: boolean;
}

/** Whose files stand for the modules: the learner's folder of each that is theirs. */
export type Owners = ReadonlyMap<string, string>;

/** Names, each with where it leads. */
type Table = Readonly<Record<string, string>>;

/** What is read of deno.json; without "links", the published @std takes the place of ours. */
const project: {
  readonly imports: Table;
  readonly links?: readonly string[];
  readonly tasks: Readonly<Record<string, { description: string; command: string }>>;
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  readonly fmt: { readonly lineWidth: number };
} = deno;

/** What is read of tsconfig.json. */
const options: {
  readonly strict: boolean;
  readonly paths?: Readonly<Record<string, readonly string[]>>;
} = editor.compilerOptions;

/** The packages that deno.json names. Its #names are for projects that link this one. */
const packages: Table = Object.fromEntries(
  Object.entries(project.imports).filter(([name]) => !name.startsWith("#")),
);

/** What is exported under a name; "." is the barrel of them all. */
const exported = Object.entries(manifest.exports).filter(([path]) => path !== ".");

/** All names. */
export const names: readonly Name[] = exported.map(([exportedAs, entry]) => {
  const name = exportedAs.replace("./", "#");
  const isGiven = typeof entry === "string", path = isGiven ? entry : entry.default;
  const [folder, file] = path.split("/").slice(-2);
  return { name, folder, file, isGiven };
});

/** The names that learners write. */
const written = names.filter(({ isGiven }) => !isGiven);

/** Where names lead: a path for each, and none for a name that is left out. */
function tableOf(all: readonly Name[], pathOf: (name: Name) => string | undefined): Table {
  return Object.fromEntries(all.flatMap((one) => {
    const path = pathOf(one);
    return path === undefined ? [] : [[one.name, path]];
  }));
}

/** The names that lead to a learner's files. */
function ownedNames(owners: Owners): Table {
  return tableOf(written, ({ folder, file }) => {
    const own = owners.get(folder);
    return own === undefined ? undefined : join(own, file);
  });
}

// ── Who writes them down ──

/** Gives the line that stands for the reference where a learner has not begun a module. */
export function standIn({ folder, file }: Name): string {
  return `export * from "../../modules/${folder}/${file}";\n`;
}

/**
 * Gives what deno.json says in the learner's folder: there every name leads to a file beside it, also
 * the one that an example in a chapter has for others.
 */
export function workspaceConfig(): object {
  const { links, compilerOptions: { erasableSyntaxOnly: _, ...compilerOptions } } = project;
  const beside = tableOf(
    names,
    ({ folder, file, isGiven }) => isGiven ? `../modules/${folder}/${file}` : `./${folder}/${file}`,
  );
  const exported = Object.entries(beside).map((
    [name, path],
  ) => [name.replace("#", "kindling/"), path]);
  return {
    imports: { ...packages, ...beside, ...Object.fromEntries(exported) },
    // A path into the project makes Deno read its names too; these are nearer, and win.
    scopes: { "./": beside, "../modules/": beside },
    links: links?.map((link) => link.replace("./", "../")),
    exclude: [".kindling"],
    // A terminal opened here, or in a module's folder, finds the course's commands.
    tasks: Object.fromEntries(
      Object.entries(project.tasks).map(([name, { description, command }]) => [
        name,
        { description, command: `cd .. && ${command}` },
      ]),
    ),
    compilerOptions, // without the limit that Node sets: learners may write what it cannot strip
    fmt: { lineWidth: project.fmt.lineWidth },
  };
}

/**
 * Gives the paths that names have in a sandbox.
 *
 * @param last The module that is tested: there are no later ones.
 * @param owners The learner's modules; each lies in yours/, and the others in modules/.
 */
export function sandboxNames(last: string, owners: Owners): Table {
  return tableOf(
    written.filter(({ folder }) => folder <= last),
    ({ folder, file }) => `${owners.has(folder) ? "yours" : "modules"}/${folder}/${file}`,
  );
}

/** Gives an import map for Deno. It replaces the project's own, and so repeats that. */
export function importMap(owners: Owners): object {
  const published = Object.entries(packages).flatMap(([name, from]) => [
    [name, from],
    [`${name}/`, `${from.replace("jsr:", "jsr:/")}/`], // what deno.json implies
  ]);
  const own = Object.entries(ownedNames(owners)).map((
    [name, path],
  ) => [name, toFileUrl(path).href]);
  return { imports: Object.fromEntries([...published, ...own]) };
}

/** Gives a tsconfig for Bun. It replaces the project's own, and so repeats that. */
export function bunConfig(owners: Owners): object {
  const root = fromFileUrl(new URL("../", import.meta.url));
  const given = Object.entries(options.paths ?? {}).map((
    [name, [path]],
  ) => [name, join(root, path)]);
  const all = [...given, ...Object.entries(ownedNames(owners))];
  const paths = Object.fromEntries(all.map(([name, path]) => [name, [path]]));
  return { compilerOptions: { ...options, paths } };
}

// ── Who runs ──

/**
 * Finds out which modules are the learner's in this process.
 *
 * @returns Their numbers: ["01", "02"].
 */
export function yourModules(): string[] {
  // Paths are compared, not addresses: each program escapes other characters.
  const workspace = fromFileUrl(new URL("../workspace/", import.meta.url));
  const yours = written.filter(({ name }) =>
    fromFileUrl(import.meta.resolve(name)).startsWith(workspace)
  );
  return [...new Set(yours.map(({ folder }) => folder.slice(0, 2)))].sort();
}
