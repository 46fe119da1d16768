/**
 * The shape of the project: who may import whom, which folders there are, and how long things may
 * get. It looks at the files as they are, and at the module graph as Deno resolves it.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { countCodeLines } from "./project/code_lines.ts";
import {
  type Edge,
  findCircles,
  findFolderCircles,
  type Graph,
  loadedWith,
  readGraph,
} from "./project/module_graph.ts";
import { names } from "../course/names.ts";
import { test } from "../course/sandbox/register.ts";

const root = new URL("../", import.meta.url);
const tinydigits = "milestones/04_1998_cnn/01_tinydigits.ts";

// ── What is there ──

const topFolders = [
  ".ci",
  ".devcontainer",
  ".github",
  ".vscode",
  "bench",
  "course",
  "datasets",
  "milestones",
  "modules",
  "tests",
  "workspace",
];

/** The files that git knows; without git, all but what git would ignore. */
function ourFiles(): string[] {
  const git = spawnSync("git", ["ls-files"], { cwd: root, encoding: "utf8" });
  if (git.status === 0) return git.stdout.split("\n").filter((name) => name !== "");
  const ignored = [".git", "node_modules", "coverage"];
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.replace(/\/+/g, "/"))
    .map((path) => path.slice(toPath(root).length))
    .filter((name) => !ignored.includes(name.split("/")[0]));
}

function toPath(url: URL): string {
  return decodeURIComponent(url.pathname);
}

/** The TypeScript files of a folder and its folders. */
function sourcesIn(folder: string): string[] {
  const url = new URL(`${folder}/`, root);
  if (!existsSync(url)) return [];
  return readdirSync(url, { withFileTypes: true }).flatMap((entry) => {
    const name = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sourcesIn(name);
    return name.endsWith(".ts") ? [name] : [];
  }).sort();
}

function read(file: string): string {
  return readFileSync(new URL(file, root), "utf8");
}

function isTest(file: string): boolean {
  return file.endsWith("_test.ts");
}

test("there are only the folders that the design names", () => {
  const folders = ourFiles().filter((name) => name.includes("/")).map((name) => name.split("/")[0]);
  assertEquals([...new Set(folders)].filter((name) => !topFolders.includes(name)), []);
});

test("no file is called utils, helpers, common or core", () => {
  const vague = ourFiles().filter((name) => /(^|\/)(utils?|helpers?|common|core)\b/.test(name));
  assertEquals(vague, []);
});

test("every #name leads to a file that exists", () => {
  const missing = names.filter(({ folder, file }) =>
    !existsSync(new URL(`modules/${folder}/${file}`, root))
  );
  assertEquals(missing, []);
});

test("Deno's own tables of names are the one of package.json", () => {
  type Table = Record<string, string>;
  const { imports, exports }: { imports: Table; exports: Table } = JSON.parse(read("deno.json"));
  const files = new Map(
    names.map(({ name, folder, file }) => [name, `./modules/${folder}/${file}`]),
  );
  const linked = Object.entries(imports).filter(([name]) => name.startsWith("#"));
  assertEquals(linked, [...files], "a project that links this one reads its imports");
  const published = [...files].map(([name, file]) => [name.replace("#", "./"), file]);
  assertEquals(Object.entries(exports), [[".", "./mod.ts"], ...published], "JSR reads its exports");
  assertEquals(JSON.parse(read("package.json")).imports, { "#*": "kindling/*" });
});

// A folder with settings of its own does not see the project's table.
test("the comparison with other libraries has the same names", () => {
  const { imports }: { imports: Record<string, string> } = JSON.parse(
    read("bench/peers/deno.json"),
  );
  const own = Object.entries(imports).filter(([name]) => name.startsWith("#"));
  const paths = new Map(names.map(({ name, folder, file }) => [name, `modules/${folder}/${file}`]));
  assertEquals(own, own.map(([name]) => [name, `../../${paths.get(name)}`]));
});

// ── Who imports whom ──

/** The folders that each module may import, besides its own. */
const lower: Record<string, readonly string[]> = {
  "01_tensor": [],
  "02_activations": ["01_tensor"],
  "03_layers": ["01_tensor", "02_activations"],
  "04_losses": ["01_tensor", "02_activations"],
  "05_autograd": ["01_tensor", "03_layers"],
  "06_optimizers": ["01_tensor", "03_layers"],
  "07_training": ["01_tensor", "03_layers", "05_autograd", "06_optimizers"],
  "08_dataloader": ["01_tensor"],
  "09_spatial": ["01_tensor", "03_layers", "05_autograd"],
  "fast": [],
};

/** And those of which it may import types only. */
const lowerTypes: Record<string, readonly string[]> = {
  "08_dataloader": ["07_training"],
  "fast": Object.keys(lower),
};

/** `modules/01_tensor/shape.ts` → `01_tensor` */
function moduleOf(file: string): string | undefined {
  return file.match(/^modules\/([^/]+)\//)?.[1];
}

/** What is wrong with an import of a file in modules/, if anything is. */
function complaint({ from, to, name, typeOnly }: Edge): string | undefined {
  const here = moduleOf(from), there = moduleOf(to);
  if (here === undefined) return undefined;
  if (there === undefined) {
    return isAllowedOutside(from, to) ? undefined : "is outside of modules/";
  }
  if (here === there) return undefined;
  if (!name.startsWith("#")) return "is in another folder: import it by its #name";
  // A test may use any module that was there before its own.
  if (isTest(from) && there < here) return undefined;
  if (lower[here]?.includes(there)) return undefined;
  if (!lowerTypes[here]?.includes(there)) return "is not below it";
  return typeOnly ? undefined : "may be imported for its types only";
}

/**
 * Graded tests use graded() and slopes, and no package, since a sandbox has none; threads are the
 * runtime's.
 */
function isAllowedOutside(from: string, to: string): boolean {
  if (/^modules\/fast\/machine\/(threads|worker)\.ts$/.test(from)) {
    return to === "node:worker_threads";
  }
  return isTest(from) && /^course\/sandbox\/(graded|finite_differences)\.ts$/.test(to);
}

const edge: Edge = {
  from: "modules/03_layers/layers.ts",
  to: "modules/01_tensor/tensor.ts",
  name: "#tensor",
  typeOnly: false,
};
const losses = { to: "modules/04_losses/losses.ts", name: "#losses" };
const batch = {
  from: "modules/08_dataloader/dataloader.ts",
  to: "modules/07_training/training.ts",
  name: "#training",
};
const layersTest = "modules/03_layers/layers_test.ts";

// Changes to a good import, and what is then wrong with it.
const judgements: [string, Partial<Edge>, string?][] = [
  ["a lower module by its name", {}],
  ["a file beside it", { to: "modules/03_layers/init.ts", name: "./init.ts" }],
  [
    "a lower module by a path",
    { name: "../01_tensor/tensor.ts" },
    "is in another folder: import it by its #name",
  ],
  ["a higher module", losses, "is not below it"],
  ["a type of a higher module", { ...losses, typeOnly: true }, "is not below it"],
  ["an unrelated module", { ...losses, from: "modules/09_spatial/spatial.ts" }, "is not below it"],
  ["the type of a batch", { ...batch, typeOnly: true }],
  ["more than the type of a batch", batch, "may be imported for its types only"],
  ["the fast kernels", { to: "modules/fast/fast.ts", name: "#fast" }, "is not below it"],
  ["a type into the fast kernels", { from: "modules/fast/fast.ts", typeOnly: true }],
  ["an npm package", { to: "npm:/zod@4.0.0", name: "zod" }, "is outside of modules/"],
  [
    "files into checkpoints",
    { from: "modules/07_training/checkpoint.ts", to: "node:fs/promises", name: "node:fs/promises" },
    "is outside of modules/",
  ],
  ["a part of the runtime", { to: "node:fs", name: "node:fs" }, "is outside of modules/"],
  ["graded() into a test", { from: layersTest, to: "course/sandbox/graded.ts" }],
  ["graded() into a module", { to: "course/sandbox/graded.ts" }, "is outside of modules/"],
  [
    "a package into a test",
    { from: layersTest, to: "course/std/assert/mod.ts", name: "@std/assert" },
    "is outside of modules/",
  ],
  ["an earlier module into a test", { ...losses, from: "modules/09_spatial/spatial_test.ts" }],
  ["a later module into a test", { ...losses, from: layersTest }, "is not below it"],
];
for (const [name, change, wrong] of judgements) {
  test(`complaint() judges the import of ${name}`, () => {
    assertEquals(complaint({ ...edge, ...change }), wrong);
  });
}

/** Only Deno shows its module graph. */
const deno = { only: "deno" } as const;

test("modules import their own folder and the ones below, by name", () => {
  const wrong: string[] = [];
  for (const edge of productGraph().edges) {
    const text = complaint(edge);
    if (text !== undefined) wrong.push(`${edge.from} imports "${edge.name}", which ${text}`);
  }
  assertEquals(wrong, []);
}, deno);

test("modules import nothing in circles", () => {
  const circles = findCircles(
    productGraph().edges.filter(({ from }) => moduleOf(from) && !isTest(from)),
  );
  assertEquals(circles.map((files) => files.join(" → ")), []);
}, deno);

// ── Which folder imports which ──

/** The files outside of tests/ and of what has settings of its own. */
function productFiles(): string[] {
  const files = ["bench", "course", "datasets", "milestones", "modules"].flatMap(sourcesIn);
  return ["mod.ts", ...files].filter((file) => !/^bench\/peers\/|\.d\.ts$/.test(file));
}

let product: Graph | undefined;

/** The graph of all of them, read once. */
function productGraph(): Graph {
  return product ??= readGraph(root, productFiles());
}

/** What counts as a folder: those in course/, milestones/ and modules/ one by one. */
function folderOf(file: string): string {
  if (file === "mod.ts") return "the library";
  const [, top, inner] = file.match(/^([^/]+)\/(?:([^/]+)\/)?/) ?? [];
  if (top === undefined) return "the top";
  if (top === "modules" && isTest(file)) return "graded tests";
  return inner && ["course", "milestones", "modules"].includes(top) ? `${top}/${inner}` : top;
}

/** The folders that each folder may import, besides its own and @std. */
const arrows: readonly (readonly [from: string, ...to: RegExp[]])[] = [
  ["bench", /^(the library|datasets|milestones|course)$/, /^(modules|milestones)\//],
  ["datasets", /^modules\//],
  ["milestones", /^(modules|milestones)\//, /^(the library|milestones|datasets|course)$/],
  ["course/sandbox"],
  ["course", /^the top$/],
  ["course/content", /^course$/],
  ["course/judge", /^course$/, /^course\/(content|sandbox)$/],
  ["course/commands", /^course$/, /^course\/(content|judge|sandbox)$/],
  ["course/grading", /^course$/, /^course\/(content|judge|sandbox|commands)$/],
  ["course/book", /^course$/, /^course\/(content|judge|sandbox|commands)$/],
  ["the library", /^modules\//],
];

/** Single arrows: graded tests declare themselves, and the launcher starts milestones. */
const exceptions: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/_test\.ts$/, /^course\/sandbox\/(graded|finite_differences)\.ts$/],
  [/^course\/commands\/launch\.ts$/, /^milestones\/permissions\.ts$/],
];

/** What is wrong with an import between folders, if anything is; modules/ has rules of its own. */
function folderComplaint({ from, to }: Edge): string | undefined {
  const here = folderOf(from), there = folderOf(to);
  if (here === there || /^(node|npm|jsr|https?):|^course\/std\//.test(to)) return undefined;
  if (here.startsWith("modules/")) return undefined;
  if (exceptions.some(([file, target]) => file.test(from) && target.test(to))) return undefined;
  if (here === "graded tests") return there.startsWith("modules/") ? undefined : `is in ${there}`;
  const row = arrows.find(([name]) => name === here) ??
    arrows.find(([name]) => here.startsWith(`${name}/`) && name === "milestones");
  if (row === undefined) return "comes from a folder that no arrow leaves";
  return row.slice(1).some((target) => target instanceof RegExp && target.test(there))
    ? undefined
    : `is in ${there}, which ${here} may not import`;
}

const folderJudgements: [string, string, string, string?][] = [
  ["the judge into the commands", "course/commands/check.ts", "course/judge/judge.ts"],
  [
    "the commands into the judge",
    "course/judge/judge.ts",
    "course/commands/check.ts",
    "is in course/commands, which course/judge may not import",
  ],
  [
    "a test into the course",
    "course/judge/judge.ts",
    "tests/project/in_folder.ts",
    "is in tests, which course/judge may not import",
  ],
  [
    "the content into the sandbox",
    "course/sandbox/graded.ts",
    "course/content/course.ts",
    "is in course/content, which course/sandbox may not import",
  ],
  [
    "data into the course",
    "course/book/book.ts",
    "datasets/idx.ts",
    "is in datasets, which course/book may not import",
  ],
  ["permissions into the launcher", "course/commands/launch.ts", "milestones/permissions.ts"],
  [
    "permissions into another command",
    "course/commands/check.ts",
    "milestones/permissions.ts",
    "is in milestones, which course/commands may not import",
  ],
  ["graded() into a graded test", "modules/01_tensor/tensor_test.ts", "course/sandbox/graded.ts"],
  [
    "the judge into a graded test",
    "modules/01_tensor/tensor_test.ts",
    "course/judge/judge.ts",
    "is in course/judge",
  ],
  ["a report into a milestone", "milestones/04_1998_cnn/a.ts", "milestones/report/b.ts"],
  [
    "a command into a milestone",
    "milestones/04_1998_cnn/a.ts",
    "course/commands/check.ts",
    "is in course/commands, which milestones/04_1998_cnn may not import",
  ],
  ["the library into a milestone", "milestones/kernels.ts", "mod.ts"],
  [
    "the library into the course",
    "course/judge/judge.ts",
    "mod.ts",
    "is in the library, which course/judge may not import",
  ],
  ["a milestone into a bench", "bench/a.ts", "milestones/kernels.ts"],
];
for (const [name, from, to, wrong] of folderJudgements) {
  test(`folderComplaint() judges the import of ${name}`, () => {
    assertEquals(folderComplaint({ from, to, name: "", typeOnly: true }), wrong);
  });
}

test("each folder imports only those that it may", () => {
  const wrong: string[] = [];
  for (const edge of productGraph().edges) {
    const text = folderComplaint(edge);
    if (text !== undefined) wrong.push(`${edge.from} imports "${edge.name}", which ${text}`);
  }
  assertEquals(wrong, []);
}, deno);

test("nothing outside of tests/ imports from it", () => {
  const { edges } = productGraph();
  assertEquals(edges.filter(({ to }) => to.startsWith("tests/")), []);
}, deno);

test("no folders import each other in circles", () => {
  const circles = findFolderCircles(productGraph().edges, (file) => {
    const folder = folderOf(file);
    return /^(node|npm|jsr|https?):/.test(file) || folder === "graded tests" ? undefined : folder;
  });
  assertEquals(circles.map((folders) => folders.join(" → ")), []);
}, deno);

/** What a page needs to run a task's tests, and to say what is wrong. */
const inPages = [
  "course/judge/detective.ts",
  "course/judge/judge.ts",
  "course/sandbox/finite_differences.ts",
  "course/sandbox/graded.ts",
  "course/sandbox/recording.ts",
];

test("what pages run loads nothing that only a runtime has", () => {
  const loaded = [...loadedWith(readGraph(root, inPages).edges, inPages)].sort();
  const known = /^course\/(judge|sandbox)\/|[@/]std\/assert\b.*\/equal/;
  assertEquals(loaded.filter((file) => !known.test(file)), []);
}, deno);

test("nothing that the first milestone loads comes from a registry", () => {
  const { edges } = readGraph(root, [tinydigits]);
  const loaded = new Set([tinydigits]); // types load nothing
  for (const file of loaded) {
    for (const { from, to, typeOnly } of edges) if (from === file && !typeOnly) loaded.add(to);
  }
  assert(loaded.has("milestones/report/onnx.ts"), "what is loaded late counts too");
  const fetched = /^(npm|jsr|https?):|^milestones\/report\/zod\.ts$/; // that file fetches zod
  assertEquals([...loaded].filter((name) => fetched.test(name)), []);
}, { ...deno, skip: existsSync(new URL(tinydigits, root)) ? undefined : "not written yet" });

test("findCircles() finds what leads back to itself, unless all of it is types", () => {
  const at = (from: string, to: string, typeOnly = false): Edge => ({
    from,
    to,
    name: "",
    typeOnly,
  });
  assertEquals(findCircles([at("a", "b"), at("b", "c"), at("a", "c")]), []);
  assertEquals(findCircles([at("a", "b", true), at("b", "a", true)]), []);
  assertEquals(findCircles([at("a", "b"), at("b", "c", true), at("c", "a", true)]), [
    ["a", "b", "c", "a"],
  ]);
  assertEquals(findCircles([at("a", "a")]), [["a", "a"]]);
});

// ── How long things are ──

const sources: [string, number][] = [
  ["", 0],
  ["a();\n\n  \nb();", 2],
  ["a();\n", 1],
  ["// a\n  // b\na(); // c\n", 1],
  ["/** a\n * b\n */\na(); /* b */\n/* c */ d();\n/* e\n f */ g();\n", 3],
  ['const a = "// not a comment";\nconst b = "/*";\nc();\n', 3],
  ["const a = 'it\\'s'; // b\n/* c */\n", 1],
  ["const a = `\n// text\n\n/* text */\n`;\n// b\n", 4],
  ["const a = `${f({ b: `// ${c} /*` })} // d`;\n// e\n", 1],
  ["const a = `${\n  // b\n  c\n}`;\n", 3],
  ["const a = b / c; // d\n", 1],
];
for (const [source, count] of sources) {
  test(`countCodeLines() counts ${count} in ${JSON.stringify(source)}`, () => {
    assertEquals(countCodeLines(source), count);
  });
}

const maxLiterateLines = 700, maxModuleCode = 2940;
/** What learners and instructors run; the book is not counted. */
const maxCourseCode = 6500;

test("no chapter is longer than 700 lines, and no part has more code than its budget", () => {
  const chapters = sourcesIn("modules").filter((file) =>
    /^modules\/\d/.test(file) && !isTest(file)
  );
  // kernels.ts is the door to modules/fast/, and counts as little as what is behind it
  const counted = chapters.filter((file) => !/\/(checkpoint|kernels)\.ts$/.test(file));
  const course = sourcesIn("course").filter((file) => !/^course\/(book|std)\//.test(file));
  const rows: [string, number, number][] = [];
  for (const folder of Object.keys(lower).filter((name) => name !== "fast")) {
    const files = chapters.filter((file) => moduleOf(file) === folder);
    rows.push([folder, codeIn(files.filter((file) => counted.includes(file))), longest(files)]);
  }
  rows.push(["modules", codeIn(counted), longest(chapters)]);
  rows.push(["course", codeIn(course), longest(course)]);
  console.log(["part               code   longest file", ...rows.map(tableRow)].join("\n"));
  const tooLong = chapters.filter((file) => lengthOf(file) > maxLiterateLines);
  assertEquals(tooLong, [], `chapters have at most ${maxLiterateLines} lines`);
  assert(codeIn(counted) <= maxModuleCode, `01 to 09 have at most ${maxModuleCode} lines of code`);
  assert(codeIn(course) <= maxCourseCode, `the course has at most ${maxCourseCode} lines of code`);
});

function tableRow([name, code, longest]: [string, number, number]): string {
  return `${name.padEnd(15)} ${String(code).padStart(7)} ${String(longest).padStart(14)}`;
}

function codeIn(files: readonly string[]): number {
  return files.reduce((sum, file) => sum + countCodeLines(read(file)), 0);
}

function longest(files: readonly string[]): number {
  return Math.max(0, ...files.map(lengthOf));
}

function lengthOf(file: string): number {
  return read(file).trimEnd().split("\n").length;
}
