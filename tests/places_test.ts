/**
 * Where a learner is sent: to the function in question, in whatever form it is declared.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { moduleOf, root } from "../course/content/course.ts";
import { placeOf, type Wanted } from "../course/judge/places_of_tasks.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";

/** The line that is shown for something, of a module whose file is changed. */
function lineFor(
  wanted: Wanted,
  file: string,
  change: (source: string) => string = (source) => source,
): string | undefined {
  const module = moduleOf(wanted.task);
  if (!module) throw new Error(`There is no module of ${wanted.task}`);
  return inFolder((folder) => {
    const own = join(folder, module.folder), path = join(own, file);
    cpSync(join(root, "modules", module.folder), own, { recursive: true });
    const source = change(readFileSync(path, "utf8"));
    writeFileSync(path, source);
    const place = placeOf(module, own, wanted),
      [, found, line] = place?.match(/([^/]*):(\d+)$/) ?? [];
    return found === file ? source.split("\n")[Number(line) - 1].trim() : place;
  });
}

test("of several functions of a task, the one is shown that the check names", () => {
  const task = "01.4", sentence = "add(), sub(), mul() and div() work element by element";
  for (const name of ["add", "sub", "mul", "div"]) {
    const line = lineFor({ task, words: [`a.${name}(b)`, sentence] }, "arithmetic.ts") ?? "";
    assertEquals(line.startsWith(`${name}(`) || line.includes(`function ${name}(`), true, line);
  }
});

/** Forms that a learner may give to sizeOf(). */
const forms: [form: string, change: (source: string) => string, line: RegExp][] = [
  ["a function", (source) => source, /^export function sizeOf\(/],
  [
    "a constant",
    (source) => source.replace("export function sizeOf(", "export const sizeOf = function ("),
    /^export const sizeOf = /,
  ],
  [
    "a function without its comment",
    (source) => source.replace(/\/\*\*(?:(?!\*\/)[^])*@task 01\.1[^]*?\*\/\n/, ""),
    /^export function sizeOf\(/,
  ],
];
for (const [form, change, line] of forms) {
  test(`sizeOf() is found as ${form}`, () => {
    const found = lineFor({ task: "01.1", words: ["sizeOf([4])"] }, "shape.ts", change) ?? "";
    assertEquals(line.test(found), true, found);
  });
}

test("what given code throws is shown at the task that is tested", () => {
  const stack = `ShapeError: Cannot go backward through permute
    at walkBack (file:///sandbox/yours/05_autograd/autograd.ts:243:11)
    at backward (file:///sandbox/yours/05_autograd/autograd.ts:200:3)`;
  const found = lineFor({
    task: "05.10",
    words: ["", "Cannot go backward through permute: the gradient of an input must have its shape"],
    thrown: { stack, inside: "/sandbox/yours/05_autograd/" },
  }, "rules.ts");
  assertEquals(found?.startsWith("permute"), true, found);
});
