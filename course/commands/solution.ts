/**
 * `deno task solution NN.t`: shows the reference next to what the learner wrote.
 *
 * @module
 */
import { UsageError } from "../arguments.ts";
import { testsOf } from "../judge/check_module.ts";
import { runtime, taskNamed } from "./named.ts";
import { paint, say } from "./print.ts";
import { nameOf, readProgress, updateProgress } from "./progress_file.ts";
import { bodiesOf, filesOf, solutionOf } from "./workspace.ts";

/**
 * Shows both solutions of a task.
 *
 * @param what The task.
 * @param spoil Whether to show it before the learner's own passes.
 * @returns The exit code.
 */
export async function solution(what: string | undefined, spoil: boolean): Promise<number> {
  const [module, task] = await taskNamed(what, "show a solution");
  const progress = readProgress(say), own = (await testsOf(module)).filter((t) => t.task === task);
  const passed = progress.modules[module.folder]?.passed ?? [];
  const isDone = own.every((test) => passed.includes(nameOf(test)));
  if (!isDone && !spoil) {
    throw new UsageError(
      `Cannot show the solution of ${task}: its tests do not all pass yet`,
      `try: ${runtime} hint ${task}, or add --spoil (it will be noted)`,
    );
  }
  if (!isDone) {
    updateProgress((before) => ({
      ...before,
      spoiled: [...new Set([...before.spoiled, task])],
    }));
  }
  const yours = bodiesOf(filesOf(module), task);
  for (const { file, body, text } of solutionOf(module, task)) {
    const mine = yours.find((one) => one.file === file && one.body.name === body.name);
    say(
      paint("bold", `${body.name} · the reference (modules/${module.folder}/${file}:${body.line})`),
    );
    say(text);
    say(paint("bold", `${body.name} · yours`));
    say(`${mine?.text ?? "(not found)"}\n`);
  }
  return 0;
}
