/**
 * The notebook door: a chapter as cells over the learner's files, run in Deno's own kernel.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cpSync } from "node:fs";
import process from "node:process";
import type { Cell } from "../course/book/notebook_cells.ts";
import { type CourseModule, modules } from "../course/content/course.ts";
import { type ProjectCopy, shareCopy } from "./project/project_copy.ts";
import { test } from "../course/sandbox/register.ts";
import { type CellResult, Kernel } from "./project/jupyter_kernel.ts";

const deno = { only: "deno" } as const;
const { inSharedCopy } = shareCopy();

/** A notebook, as far as it is looked at here. */
interface Notebook {
  readonly nbformat: number;
  readonly cells: readonly (Cell & { readonly id: string })[];
  readonly metadata: { readonly kernelspec: { readonly name: string } };
}

/** Begins a module, writes its notebook, and reads it. */
async function openNotebook(copy: ProjectCopy, number: string, folder: string): Promise<Notebook> {
  assertEquals((await copy.say("start", number)).code, 0);
  const { code, stdout, stderr } = copy.run("notebook", number);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertStringIncludes(stdout, `The notebook is workspace/${folder}.ipynb.`);
  return JSON.parse(copy.read(`workspace/${folder}.ipynb`));
}

/** Runs cells of a module's notebook, on the module as it should be written, in a kernel. */
function runCells(
  module: CourseModule,
  isWanted: (source: string) => boolean,
  onRun: (source: string, result: CellResult, kernel: Kernel) => void | Promise<void>,
): Promise<void> {
  return inSharedCopy(async (copy) => {
    const { folder, number, files } = module;
    const { cells, nbformat, metadata } = await openNotebook(copy, number, folder);
    assertEquals([nbformat, metadata.kernelspec.name], [4, "deno"]);
    assertEquals(new Set(cells.map(({ id }) => id)).size, cells.length);
    for (const file of files) {
      cpSync(copy.path("modules", folder, file), copy.path("workspace", folder, file));
    }
    const kernel = await Kernel.start(process.execPath, copy.path("workspace"));
    try {
      for (const { cell_type, source } of cells) {
        if (cell_type !== "code" || !isWanted(source)) continue;
        await onRun(source, await kernel.run(source), kernel);
      }
    } finally {
      await kernel.stop();
    }
  });
}

function isCheck(source: string): boolean {
  return source.startsWith("await check(");
}

for (const module of modules) {
  test(`notebook ${module.number} runs in Deno's kernel, on a module that is written`, async () => {
    const wrong: string[] = [];
    await runCells(module, (source) => !isCheck(source), (source, { status, error }) => {
      if (status !== "ok") wrong.push(`${error} of\n${source}`);
    });
    assertEquals(wrong, []);
  }, deno);
}

test("notebook checks each task with the tests of the course", async () => {
  const answers: string[] = [];
  await runCells(
    modules[1],
    (source) => isCheck(source) || source.includes("function check("),
    async (source, { status }, kernel) => {
      assertEquals(status, "ok");
      if (isCheck(source)) answers.push(await kernel.printed());
    },
  );
  assertEquals(answers.length, 6); // one for each task of module 02
  for (const answer of answers) assert(/\b(\d+) of \1 points/.test(answer), answer);
}, deno);

test(
  "notebook shows no solution, and a task that is not written says so when it is run",
  () =>
    inSharedCopy(async (copy) => {
      const { cells } = await openNotebook(copy, "02", "02_activations");
      const text = cells.map(({ source }) => source).join("\n");
      assertStringIncludes(text, 'throw new TodoError("02.5 softmax() is yours to write")');
      assert(!text.includes("powers.div("), "the solution of 02.5");
      const kernel = await Kernel.start(process.execPath, copy.path("workspace"));
      try {
        const example = cells.find(({ source }) => source.includes("softmax(Tensor.of([1e4"));
        const { status, error } = await kernel.run(example?.source ?? "");
        assertEquals([status, error], ["error", "TodoError: 02.5 softmax() is yours to write"]);
      } finally {
        await kernel.stop();
      }
    }),
  deno,
);

test("notebook refuses in a sentence what it cannot write", () =>
  inSharedCopy(async (copy) => {
    function refusal(...args: readonly string[]): [number | null, string] {
      const { code, stderr } = copy.run("notebook", ...args);
      return [code, stderr];
    }
    const range = "they go from 01 to 09\n  hint: deno task notebook 01\n";
    assertEquals(refusal(), [2, `Cannot write a notebook of module nothing: ${range}`]);
    assertEquals(refusal("12"), [2, `Cannot write a notebook of module 12: ${range}`]);
    assertEquals(refusal("05"), [
      2,
      "Cannot write a notebook over workspace/05_autograd: it is not begun\n" +
      "  hint: deno task start 05\n",
    ]);
    await openNotebook(copy, "02", "02_activations");
    assertEquals(refusal("2"), [
      2,
      "Cannot write workspace/02_activations.ipynb: it is there, and may hold what you wrote\n" +
      "  hint: deno task notebook 02 --force\n",
    ]);
    assertEquals(copy.run("notebook", "2", "--force").code, 0);
  }), deno);
