/**
 * Writes a chapter as a Jupyter notebook for Deno's kernel, over the files of the workspace:
 *
 *   deno task notebook 05
 *
 * @module
 */
import { join } from "@std/path";
import { existsSync } from "node:fs";
import { readArguments, UsageError } from "../arguments.ts";
import { followLink } from "../commands/follow_link.ts";
import { isBegun, workspace } from "../commands/workspace.ts";
import { type CourseModule, modules } from "../content/course.ts";
import { writeWhole } from "../files.ts";
import { runCommand } from "./command.ts";
import { cellsOf } from "./notebook_cells.ts";

const usage = `Writes a chapter as a Jupyter notebook, over your files in workspace/.

  deno task notebook NN [--force]

  --force   write it again, if it is there already
  --help    this text

The notebook runs in Deno's own kernel: "deno jupyter --install" makes it known to Jupyter.`;

await followLink();
await runCommand((args) => {
  const { help, force, words: [number] } = readArguments(args, ["help", "force"], [], { words: 1 });
  if (help) return usage;
  const module = chooseModule(number), name = `${module.folder}.ipynb`;
  if (existsSync(join(workspace, name)) && !force) {
    const says = `Cannot write workspace/${name}: it is there, and may hold what you wrote`;
    throw new UsageError(says, `deno task notebook ${module.number} --force`);
  }
  writeWhole(join(workspace, name), `${JSON.stringify(notebookOf(module), null, 1)}\n`);
  return `The notebook is workspace/${name}. Open it in Jupyter or in an editor, with the kernel Deno;
"deno jupyter --install" makes that kernel known.`;
});

/** The module of a number, if it was begun. */
function chooseModule(number: string | undefined): CourseModule {
  const module = modules.find((module) => module.number === number?.padStart(2, "0"));
  if (!module) {
    const last = modules[modules.length - 1].number;
    const says = `Cannot write a notebook of module ${number ?? "nothing"}`;
    throw new UsageError(`${says}: they go from 01 to ${last}`, "deno task notebook 01");
  }
  if (isBegun(module)) return module;
  const says = `Cannot write a notebook over workspace/${module.folder}: it is not begun`;
  throw new UsageError(says, `deno task start ${module.number}`);
}

/** The notebook of a module, as nbformat 4.5 has it. */
function notebookOf(module: CourseModule): object {
  return {
    cells: cellsOf(module).map((cell, k) => ({ id: `cell-${k + 1}`, ...cell })),
    metadata: {
      kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
      language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
    },
    nbformat: 4,
    nbformat_minor: 5,
  };
}
