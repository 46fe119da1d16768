/**
 * `deno task hint NN.t`: one more hint each time, three in all.
 *
 * @module
 */
import { hintsOf } from "../content/course.ts";
import { runtime, taskNamed } from "./named.ts";
import { paint, say, sayLines, wrapped } from "./print.ts";
import { updateProgress } from "./progress_file.ts";
import { openWorkspace } from "./workspace.ts";

/** Shows one more hint of a task; who asks again when all have been shown gets all of them. */
export async function sayHint(what: string | undefined, unasked = ""): Promise<number> {
  const [module, task] = await taskNamed(what, "give a hint");
  const hints = hintsOf(module, task);
  let shown = 0, level = 0;
  openWorkspace();
  updateProgress((before) => {
    shown = before.hints[task] ?? 0;
    level = Math.min(shown + 1, hints.length);
    return { ...before, hints: { ...before.hints, [task]: level } };
  }, say);
  const isOver = shown === hints.length && unasked === "";
  for (let k = isOver ? 1 : level; k <= level; k++) {
    say(paint("yellow", `${unasked}Hint ${k} of ${hints.length} for ${task}:`));
    sayLines(wrapped(hints[k - 1], "  "));
  }
  if (level < hints.length) say(`  (one more: ${runtime} hint ${task})`);
  return 0;
}
