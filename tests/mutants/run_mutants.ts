/**
 * Seeds one bug after the other into the reference, grades the bug's own module as a learner's, and
 * prints what came of each as JSON. Its arguments are the numbers of the bugs in the table.
 *
 * @module
 */
import { join } from "@std/path";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { moduleOf, root } from "../../course/content/course.ts";
import { findTasks, replaceBodies } from "../../course/content/task_bodies.ts";
import { checkModule } from "../../course/judge/check_module.ts";
import { copyFiles } from "../../course/judge/sandbox_sources.ts";
import { inFolder } from "../project/in_folder.ts";
import { type Caught, caughtBy } from "./caught.ts";
import { type Mutant, mutants, withBug } from "./mutants.ts";

/** Seeds a bug, and checks its module. */
async function seed(mutant: Mutant, folder: string): Promise<Caught> {
  const [task, name] = mutant;
  const module = moduleOf(task);
  if (!module) throw new Error(`There is no module of ${task}`);
  const own = join(folder, module.folder);
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  copyFiles(join(root, "modules", module.folder), own);
  let seeded = 0;
  for (const file of module.files) {
    const source = readFileSync(join(own, file), "utf8");
    const whole = source.includes(mutant[3]) ? [{ start: 0, end: source.length }] : [];
    const bodies = name === ""
      ? whole
      : findTasks(source).filter((body) => body.task === task && body.name === name);
    const changed = replaceBodies(source, bodies, (source, { start, end }) => {
      seeded++;
      return withBug(mutant, source.slice(start, end));
    });
    writeFileSync(join(own, file), changed);
  }
  if (seeded !== 1) throw new Error(`${task} ${name} was found ${seeded} times`);
  const owners = new Map([[module.folder, own]]);
  const results = await checkModule(module, { owners });
  return caughtBy(mutant, results);
}

async function main(): Promise<void> {
  const chosen = process.argv.slice(2).map((number) => mutants[Number(number)]);
  const all: Caught[] = [], waiting = [...chosen.entries()];
  await inFolder((folder) =>
    Promise.all(Array.from({ length: availableParallelism() }, async (_, worker) => {
      const own = join(folder, `${worker}`);
      mkdirSync(own);
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        all[next[0]] = await seed(next[1], own);
      }
    }))
  );
  process.stdout.write(JSON.stringify(all), () => process.exit(0));
}

if (import.meta.main) await main();
