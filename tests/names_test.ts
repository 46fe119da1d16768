/**
 * The one table of #names, and what is written from it: whose file a name leads to.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import {
  bunConfig,
  importMap,
  names,
  sandboxNames,
  workspaceConfig,
  yourModules,
} from "../course/names.ts";
import { test } from "../course/sandbox/register.ts";

const own = join("/", "learner", "07_training"), owners = new Map([["07_training", own]]);

test("importMap() leads the learner's names to their files, and no given one", () => {
  const { imports } = Object(importMap(owners));
  assertEquals(imports["#training"], toFileUrl(join(own, "training.ts")).href);
  assertEquals([imports["#checkpoint"], imports["#tensor"]], [undefined, undefined]);
});

test("importMap() repeats the packages of the project, with what is below them", () => {
  const { imports } = Object(importMap(new Map()));
  assertEquals(Object.keys(imports).length % 2, 0);
  assertEquals(imports["@std/assert/"], imports["@std/assert"].replace("jsr:", "jsr:/") + "/");
});

test("bunConfig() leads the learner's names to their files, and no given one", () => {
  const { paths } = Object(bunConfig(owners)).compilerOptions;
  assertEquals(paths["#training"], [join(own, "training.ts")]);
  assertEquals([paths["#checkpoint"], paths["#tensor"]], [undefined, undefined]);
});

test("sandboxNames() has no later modules, and says whose the others are", () => {
  assertEquals(sandboxNames("03_layers", new Map([["02_activations", own]])), {
    "#tensor": "modules/01_tensor/tensor.ts",
    "#random": "modules/01_tensor/random.ts",
    "#activations": "yours/02_activations/activations.ts",
    "#layers": "modules/03_layers/layers.ts",
  });
});

test("workspaceConfig() leads every name to a file beside it, or to the given one", () => {
  const { imports } = Object(workspaceConfig());
  assertEquals(names.map(({ name }) => name).filter((name) => !(name in imports)), []);
  assertEquals(imports["#spatial"], "./09_spatial/spatial.ts");
  assertEquals(imports["#checkpoint"], "../modules/07_training/checkpoint.ts");
});

test("workspaceConfig() links what the project links, one folder up", () => {
  const { links } = Object(workspaceConfig());
  assertEquals((links ?? []).filter((link: string) => !link.startsWith("../course/std/")), []);
});

test("yourModules() finds none where the tests run", () => {
  assertEquals(yourModules(), []);
});
