/**
 * What lies beside a learner's code: nothing but what runs there.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { toFileUrl } from "@std/path";
import { readdirSync, readFileSync } from "node:fs";
import { modules, root } from "../course/content/course.ts";
import { makeSandboxFolder } from "../course/judge/sandbox_folder.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";
import { loadedWith, readGraph } from "./project/module_graph.ts";

const [tensor, activations] = modules;

/** All files in a sandbox for module 02, where module 01 is the learner's. */
function filesInSandbox(): string[] {
  return inFolder((folder) => {
    const owners = new Map([[tensor.folder, `${root}/modules/${tensor.folder}`]]);
    makeSandboxFolder(folder, activations, owners);
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(folder.length + 1))
      .map((name) => name.replaceAll("\\", "/")).sort();
  });
}

test("beside a learner's code lies what the sandbox loads, and nothing more", () => {
  const entries = ["process.ts", "thread.ts", "finite_differences.ts"]
    .map((name) => `course/sandbox/${name}`);
  const { edges } = readGraph(new URL(`${toFileUrl(root)}/`), entries);
  const loaded = [...loadedWith(edges, entries)].filter((file) => !file.startsWith("node:"));
  assertEquals(
    filesInSandbox().filter((name) => name.startsWith("course/")),
    loaded.sort(),
  );
}, { only: "deno" });

test("a sandbox has the modules up to the tested one, its tests, and no reference of a learner's", () => {
  const own = tensor.files.map((file) => `yours/${tensor.folder}/${file}`);
  const reference = activations.files.map((file) => `modules/${activations.folder}/${file}`);
  assertEquals(
    filesInSandbox().filter((name) => !name.startsWith("course/")),
    [...own, ...reference, activations.test, "deno.json", "package.json"].sort(),
  );
});

test("a sandbox's settings lead to no package", () => {
  inFolder((folder) => {
    makeSandboxFolder(folder, tensor, new Map());
    const text = readFileSync(`${folder}/deno.json`, "utf8");
    assertEquals(JSON.parse(text), { nodeModulesDir: "none", lock: false });
  });
});
