/**
 * Seeds one bug after the other into the reference, runs the tests of the bug's own task, and prints
 * what came of each as JSON. Every tenth bug is graded by all tests of its module.
 * With `sample`, the first bug of each module.
 *
 * @module
 */
import { join } from "@std/path";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { pointsOf } from "../../course/commands/print.ts";
import { moduleOf, root } from "../../course/content/course.ts";
import { findTasks, replaceBodies } from "../../course/content/task_bodies.ts";
import { checkModule } from "../../course/judge/check_module.ts";
import { copyFiles } from "../../course/judge/sandbox_folder.ts";
import { inFolder } from "../project/in_folder.ts";
import { runsAll, shareOf } from "../project/shares.ts";
import { type Mutant, mutants } from "./mutants.ts";

/** What came of a bug. */
export interface Caught {
  readonly task: string;
  readonly bug: string;
  readonly lost: number;
  readonly points: number;
  /** Whether the feedback of a red test says what it should. */
  readonly named: boolean;
  /** The feedback of the first red test. */
  readonly feedback: string;
}

/** The bugs that all tests of their module are run for. */
const graded = shareOf(mutants, 10);

/** Seeds a bug, and runs the tests of its task or of its whole module. */
async function seed(mutant: Mutant, folder: string): Promise<Caught> {
  const [task, name, bug, find, replace, named] = mutant;
  const module = moduleOf(task);
  if (!module) throw new Error(`There is no module of ${task}`);
  const own = join(folder, module.folder);
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  copyFiles(module, join(root, "modules", module.folder), own);
  let seeded = 0;
  for (const file of module.files) {
    const source = readFileSync(join(own, file), "utf8");
    const whole = source.includes(find) ? [{ start: 0, end: source.length }] : [];
    const bodies = name === ""
      ? whole
      : findTasks(source).filter((body) => body.task === task && body.name === name);
    const changed = replaceBodies(source, bodies, (source, { start, end }) => {
      const body = source.slice(start, end);
      if (body.split(find).length !== 2) throw new Error(`Not once in ${task} ${name}: ${find}`);
      seeded++;
      return body.replace(find, () => replace);
    });
    writeFileSync(join(own, file), changed);
  }
  if (seeded !== 1) throw new Error(`${task} ${name} was found ${seeded} times`);
  const owners = new Map([[module.folder, own]]);
  const only = graded.includes(mutant) ? undefined : task;
  const results = await checkModule(module, { owners, scratch: folder, only });
  const [earned, points] = pointsOf(results);
  const red = results.filter(({ status }) => status !== "passed");
  const feedback = red.map(({ sentence, message, cause }) =>
    [sentence, message, cause && `likely: ${cause}`].filter((part) => part).join("\n")
  );
  return {
    task,
    bug: `${name}() ${bug}`,
    lost: points - earned,
    points,
    named: feedback.some((text) => text.includes(named)),
    feedback: feedback.find((text) => text.includes(named)) ?? feedback[0] ?? "",
  };
}

async function main(): Promise<void> {
  const isFirst = ([task]: Mutant, k: number): boolean =>
    mutants.findIndex(([other]) => moduleOf(other) === moduleOf(task)) === k;
  const isSample = process.argv[2] === "sample" && !runsAll;
  const chosen = isSample ? mutants.filter(isFirst) : mutants;
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
