/**
 * Prints what each seeded bug costs and what a learner reads of it first: `deno task measure`. Named
 * is a bug whose words are in that first message. With a file it tries the bugs in that, a list of
 * `{ id, module, task, bug, edits: [{ file, find, replace }] }`; words that follow choose by id.
 *
 * - `--json`      prints what came of each as JSON
 * - `--own-task`  runs the tests of the bug's own task only
 * - `--more`      tries the bugs of more_bugs.json, for which nobody has said what names them
 * - `--sandbox`   grades as a learner's files are graded, in the sandbox
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { mkdirSync, writeFileSync } from "node:fs";
import process from "node:process";
import { read, root } from "../../course/content/course.ts";
import { checkModule } from "../../course/judge/check_module.ts";
import type { Result } from "../../course/judge/result.ts";
import { inFolder } from "../project/in_folder.ts";
import { type Caught, caughtBy } from "./caught.ts";
import { mutants } from "./mutants.ts";
import { type Program, programOf, readBugs, readPrograms } from "./programs.ts";
import { runProgram } from "./run_programs.ts";

/** Grades a program in the sandbox, by all tests of its module. */
async function grade({ module, files }: Program, scratch: string): Promise<Result[]> {
  const own = join(scratch, module.folder);
  mkdirSync(own);
  for (const file of module.files) {
    const source = files.get(file) ?? read(join(root, "modules", module.folder, file));
    writeFileSync(join(own, file), source);
  }
  return await checkModule(module, { owners: new Map([[module.folder, own]]) });
}

async function main(): Promise<void> {
  const { _: words, ...options } = parseArgs(process.argv.slice(2), {
    boolean: ["json", "own-task", "sandbox", "more"],
    string: ["_"],
  });
  const [file] = words.filter((word) => `${word}`.endsWith(".json"));
  const { programs, stale } = file !== undefined
    ? readPrograms(`${file}`)
    : options.more
    ? readBugs()
    : { programs: mutants.map((mutant, k) => programOf(mutant, `#${k}`)), stale: [] };
  const ids = words.filter((word) => word !== file);
  const chosen = programs.filter(({ id }) =>
    ids.length === 0 ||
    ids.some((part) => id === part || file !== undefined && id.includes(`${part}`))
  );
  const all: Caught[] = [];
  await inFolder(async (folder) => {
    for (const [k, program] of chosen.entries()) {
      const own = join(folder, `${k}`);
      mkdirSync(own);
      const results = options.sandbox
        ? await grade(program, own)
        : await runProgram(program, own, { onlyTask: options["own-task"] });
      all.push(caughtBy(program, results));
      if (!options.json) say(all[k]);
    }
  });
  const text = options.json ? JSON.stringify(all) : sumOf(all, stale);
  process.stdout.write(`${text}\n`, () => process.exit(0));
}

function say({ id, task, bug, lost, points, named, first }: Caught): void {
  const mark = named === undefined ? "" : named ? ", named" : ", NOT NAMED";
  console.log(`── ${id} ${task} ${bug}: −${lost} of ${points}${mark}\n${first}`);
}

function sumOf(all: readonly Caught[], stale: readonly string[]): string {
  const count = (holds: (one: Caught) => boolean): number => all.filter(holds).length;
  return `\n${all.length} bugs: ${count(({ lost }) => lost === 0)} lose nothing, ` +
    `${count(({ named }) => named === true)} are named by the first message, ` +
    `${count(({ named }) => named === false)} are not, ` +
    `${count(({ first }) => first.includes("likely: "))} have a likely cause` +
    (stale.length > 0 ? `; edits that no longer fit: ${stale.join(", ")}` : "");
}

if (import.meta.main) await main();
