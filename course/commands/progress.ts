/**
 * `deno task progress`: says where the learner is, and what is next.
 *
 * @module
 */
import process from "node:process";
import { modules } from "../content/course.ts";
import { taskPlace, testsOf } from "../judge/check_module.ts";
import { runtime, taskNamed } from "./named.ts";
import { paint, pointsOf, say } from "./print.ts";
import { isComplete, nameOf, readProgress } from "./progress_file.ts";
import { folderOf, hashOfModule, isBegun } from "./workspace.ts";

/** How many tests that were green and are not are named, of a module. */
const mostLost = 3;

/**
 * Reports the progress.
 *
 * @param json Whether as JSON.
 * @returns The exit code.
 */
export async function progressReport(json: boolean): Promise<number> {
  const progress = readProgress((text) => process.stderr.write(`${text}\n`));
  const rows = await Promise.all(modules.map(async (module) => {
    const tests = await testsOf(module), entry = progress.modules[module.folder];
    const begun = isBegun(module), ever = begun ? progress.everPassed : [];
    const passed = tests.filter((test) => begun && entry?.passed.includes(nameOf(test)));
    const regressed = tests.filter((test) => ever.includes(nameOf(test)) && !passed.includes(test));
    return {
      module: module.folder,
      state: !begun ? "not begun" : isComplete(progress, module) ? "complete" : "begun",
      checked: begun && entry?.hash === hashOfModule(module),
      tasks: new Set(tests.map(({ task }) => task)).size,
      tests: tests.length,
      passed: passed.length,
      earned: passed.reduce((sum, { points }) => sum + points, 0),
      points: tests.reduce((sum, { points }) => sum + points, 0),
      regressed: regressed.map(nameOf),
      next: tests.find((test) => !passed.includes(test))?.task ?? null,
    };
  }));
  const [earned, points] = pointsOf(rows);
  const current = rows.find(({ state, next }) => state === "begun" && next !== null) ??
    rows.find(({ state }) => state === "not begun");
  const next = current?.next ?? null;
  if (json) {
    const { spoiled, hints } = progress;
    say(
      JSON.stringify({ version: 1, earned, points, next, modules: rows, hints, spoiled }, null, 2),
    );
    return 0;
  }
  for (const row of rows) {
    const stale = row.state === "not begun" || row.checked ? "" : ", changed since it was checked";
    say(
      `${row.module.replace("_", " ").padEnd(15)} ${
        `${row.passed} of ${row.tests}`.padStart(9)
      } tests` +
        ` ${`${row.earned} of ${row.points}`.padStart(9)} points  ${row.state}${stale}`,
    );
    const lost = row.regressed.slice(0, mostLost), further = row.regressed.length - lost.length;
    for (const name of lost) say(paint("red", `  was green: ${name}`));
    if (further > 0) say(paint("red", `  and ${further} more were green`));
  }
  say(`\n${earned} of ${points} points. Next: ${await nextLine(next)}`);
  return 0;
}

async function nextLine(task: string | null): Promise<string> {
  if (task === null) return "nothing, all is done";
  const [module] = await taskNamed(task, "find");
  if (!isBegun(module)) return `${runtime} start ${module.number}`;
  return `${task}  ${taskPlace(module, folderOf(module), task) ?? ""}`;
}
