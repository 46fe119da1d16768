/**
 * What a learner does at the desk:
 *
 *   deno task start · watch · check 01.5 · hint 01.5 · progress · reset · solution · history
 *
 * @module
 */
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type Result, shown, taskPlace, testsOf } from "../judge/check_module.ts";
import {
  checkAtDesk,
  CommandError,
  doneWith,
  firstOpen,
  moduleNamed,
  requireBegun,
  runtime,
  sayCulprit,
  sayHint,
  sayOpen,
  standInsOf,
  taskNamed,
  typeErrors,
} from "./checking.ts";
import { type CourseModule, modules, read } from "../content/course.ts";
import { placeOf, restore, snapshots, stateAt, takeSnapshot } from "./snapshots.ts";
import { editedFiles } from "../content/manifest.ts";
import { isComplete, nameOf, readProgress, writeProgress } from "./progress_file.ts";
import { requireRuntime } from "../runtime.ts";
import { lineOf, paint, pointsOf, say, sayLines, summaryOf } from "./print.ts";
import { todoFile } from "../content/stubs.ts";
import { watch } from "./watch.ts";
import * as desk from "./workspace.ts";

const help = `Kindling: build a deep-learning framework, one test at a time.

  ${runtime} start [NN]        begin, or begin module NN; then watch
  ${runtime} watch [--once]    run tests whenever a file is saved
  ${runtime} check [NN[.t]]    run all tests of what you have begun, of a module, or of a task
  ${runtime} hint NN.t         a hint; another one each time, three in all
  ${runtime} progress [--json] where you are, and what is next
  ${runtime} reset NN[.t]      begin a module or a task again; what was there is kept in history
  ${runtime} solution NN.t     the reference beside yours, once it passes (--spoil: before)
  ${runtime} history [show ID [FILE] | restore ID]
  ${runtime} tinydigits        train on real digits, on your modules as far as they are complete`;

// ── Checking ──

async function check(what: string | undefined): Promise<number> {
  const named = what === undefined ? undefined : moduleNamed(what, "check");
  const only = what?.includes(".") ? (await taskNamed(what, "check"))[1] : undefined;
  if (named) requireBegun(named, "check");
  const chosen = named ? [named] : modules.filter(desk.isBegun);
  if (chosen.length === 0) {
    throw new CommandError(`Nothing is begun yet\n  begin: ${runtime} start`);
  }
  const all: Result[] = [];
  for (const module of chosen) {
    const standIns = standInsOf(module);
    if (standIns) say(standIns);
    const print = only ? (result: Result) => say(lineOf(result)) : undefined;
    const results = await checkAtDesk(module, { only, onResult: print });
    all.push(...results);
    say(only ? "" : summaryOf(module, results));
    if (isComplete(readProgress(), module)) sayLines(doneWith(module));
  }
  const open = firstOpen(all);
  if (open) {
    say();
    await sayOpen(open);
    const module = moduleNamed(open.task, "find");
    if (open.status !== "todo") await sayCulprit(module, open);
    const wrong = all.filter(({ status }) => status !== "passed" && status !== "todo");
    const others = new Set(wrong.map(({ task }) => task).filter((task) => task !== open.task));
    if (others.size > 0) say(`also wrong: ${[...others].join(", ")}`);
  }
  for (const module of chosen) sayLines(await typeErrors(module));
  const [earned, points] = pointsOf(all);
  say(`\n${earned} of ${points} points`);
  return open ? 1 : 0;
}

// ── Beginning ──

async function start(what: string | undefined): Promise<number> {
  const named = what === undefined ? undefined : moduleNamed(what, "start");
  const module = named ?? modules.findLast(desk.isBegun) ?? modules[0];
  const isNew = !desk.isBegun(module);
  desk.openWorkspace();
  desk.begin(module);
  takeSnapshot(`start ${module.number}`);
  if (isNew) sayLines(welcome(module));
  sayLines(noticesOf(module));
  if (process.stdin.isTTY && process.stdout.isTTY) return await watch(module);
  const open = firstOpen(await checkAtDesk(module));
  if (open) {
    await sayOpen(open);
    say(`\nEdit the file, then: ${runtime} watch   (or ${runtime} check ${module.number})`);
  } else sayLines(doneWith(module));
  return 0;
}

function welcome(module: CourseModule): string[] {
  if (module.number !== "01") {
    return [`Module ${module.folder.replace("_", " ")} is in workspace/${module.folder}/.`, ""];
  }
  return [
    paint("bold", "Kindling: from an empty Tensor to the convolutional network of 1998."),
    "Your files are in workspace/01_tensor/. Each is a chapter: read from the top,",
    "and write what throws a TodoError. The rest of the framework is the reference,",
    "until you come to it. Nothing you write can break it, and history keeps it all.",
    "Save, and the tests of what you changed run. A green test waits until you go on.",
    `First is shape.ts. Try it: it takes three minutes.`,
    "",
  ];
}

/** What the learner should know about changes in the course. */
export function noticesOf(module: CourseModule): string[] {
  const edited = editedFiles().map((file) =>
    `${file} is not as the course has it. Your work belongs into workspace/; grading uses the course's own.`
  );
  return [...edited, ...changedStubs(module)];
}

/** Tasks whose stub is another one than the learner began with: said, never written. */
function changedStubs(module: CourseModule): string[] {
  const began = snapshots().find(({ files }) => files.some((f) => f.startsWith(module.folder)));
  if (!began) return [];
  return module.files.flatMap((file) => {
    const name = `${module.folder}/${file}`;
    if (!began.files.includes(name)) return [];
    const before = read(placeOf(began.id, name)), now = desk.stubOf(module, file);
    if (before === now || !now.includes("@task")) return [];
    const tasks = [...new Set([...now.matchAll(/@task (\S+)/g)].map(([, task]) => task))];
    const changed = tasks.filter((task) => around(before, task) !== around(now, task));
    const which = changed.length > 0 ? `task ${changed.join(", ")}` : "text around the tasks";
    return [
      `The course has changed ${which} in ${file} since you began; yours was not touched.`,
      `  as you began: ${
        shown(placeOf(began.id, name))
      }   now: modules/${name}   yours: workspace/${name}`,
    ];
  });
}

/** What stands from a task's comment to its body. */
function around(stub: string, task: string): string {
  const at = stub.indexOf(`@task ${task}\n`);
  return stub.slice(stub.lastIndexOf("/**", at), stub.indexOf(`TodoError("${task} `, at));
}

// ── Help ──

async function solution(what: string | undefined, spoil: boolean): Promise<number> {
  const [module, task] = await taskNamed(what, "show a solution");
  const progress = readProgress(say), own = (await testsOf(module)).filter((t) => t.task === task);
  const passed = progress.modules[module.folder]?.passed ?? [];
  const isDone = own.every((test) => passed.includes(nameOf(test)));
  if (!isDone && !spoil) {
    throw new CommandError(
      `Cannot show the solution of ${task}: its tests do not all pass yet\n` +
        `  try: ${runtime} hint ${task}, or add --spoil (it will be noted)`,
    );
  }
  if (!isDone) writeProgress({ ...progress, spoiled: [...new Set([...progress.spoiled, task])] });
  const yours = desk.bodiesOf(desk.filesOf(module), task);
  for (const { file, body, text } of desk.solutionOf(module, task)) {
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

// ── Where one is ──

async function progressReport(json: boolean): Promise<number> {
  const progress = readProgress((text) => process.stderr.write(`${text}\n`));
  const rows = await Promise.all(modules.map(async (module) => {
    const tests = await testsOf(module), entry = progress.modules[module.folder];
    const isBegun = desk.isBegun(module), ever = isBegun ? progress.everPassed : [];
    const passed = tests.filter((test) => isBegun && entry?.passed.includes(nameOf(test)));
    const regressed = tests.filter((test) => ever.includes(nameOf(test)) && !passed.includes(test));
    return {
      module: module.folder,
      state: !isBegun ? "not begun" : isComplete(progress, module) ? "complete" : "begun",
      checked: isBegun && entry?.hash === desk.hashOfModule(module),
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
    for (const name of row.regressed) say(paint("red", `  was green: ${name}`));
  }
  say(`\n${earned} of ${points} points. Next: ${await nextLine(next)}`);
  return 0;
}

async function nextLine(task: string | null): Promise<string> {
  if (task === null) return "nothing, all is done";
  const [module] = await taskNamed(task, "find");
  if (!desk.isBegun(module)) return `${runtime} start ${module.number}`;
  return `${task}  ${taskPlace(module, desk.folderOf(module), task) ?? ""}`;
}

// ── Going back ──

async function reset(what: string | undefined): Promise<number> {
  const module = moduleNamed(what, "reset");
  requireBegun(module, "reset");
  const task = what?.includes(".") ? (await taskNamed(what, "reset"))[1] : undefined;
  const id = takeSnapshot(`before reset ${what}`) ?? snapshots().at(-1)?.id;
  if (task) desk.resetTask(module, task);
  else {
    for (const file of [...module.files, todoFile.name]) {
      rmSync(join(desk.folderOf(module), file), { force: true });
    }
    desk.begin(module);
  }
  takeSnapshot(`reset ${what}`);
  say(`${what} is as it was at the start. What you had: ${runtime} history restore ${id}`);
  return 0;
}

function history([verb, id, file]: readonly string[]): number {
  const known = snapshots();
  if (verb === undefined) {
    if (known.length === 0) say("No history yet: it begins with the first check");
    for (const one of known) say(`${one.id}  ${one.reason.padEnd(16)}  ${one.files.join(", ")}`);
    return 0;
  }
  const snapshot = known.find((one) => one.id === id);
  if (!["show", "restore"].includes(verb) || !snapshot) {
    throw new CommandError(
      `Cannot ${verb} ${id ?? "nothing"}: no state of that name\n  list them: ${runtime} history`,
    );
  }
  if (verb === "restore") {
    const restored = restore(snapshot.id);
    say(restored.length === 0 ? "Nothing differs" : `Restored ${restored.join(", ")}`);
  } else {
    const state = stateAt(snapshot.id);
    for (const name of file ? [file] : snapshot.files) {
      say(paint("bold", `── ${name}`));
      say(state.get(name) ?? "(not there)");
    }
  }
  return 0;
}

// ── The commands ──

/** Leaves no rooms behind of a run that was killed. */
function sweep(): void {
  if (!existsSync(desk.kept)) return;
  for (const name of readdirSync(desk.kept).filter((name) => name.startsWith("room-"))) {
    const path = join(desk.kept, name);
    if (Date.now() - statSync(path).mtimeMs > 3_600_000) rmSync(path, { recursive: true });
  }
}

async function run([command, ...args]: readonly string[]): Promise<number> {
  const words = args.filter((arg) => !arg.startsWith("--"));
  const flags = args.filter((arg) => arg.startsWith("--"));
  const known: Record<string, readonly string[]> = {
    watch: ["--once"],
    progress: ["--json"],
    solution: ["--spoil"],
  };
  if (command === undefined || flags.includes("--help")) {
    say(help);
    return command === undefined ? 2 : 0;
  }
  const odd = flags.find((flag) => !known[command]?.includes(flag));
  if (odd) {
    throw new CommandError(`Cannot use ${odd} with ${command}\n  see: ${runtime} start --help`);
  }
  sweep();
  switch (command) {
    case "start":
      return await start(words[0]);
    case "watch": {
      const module = words[0] ? moduleNamed(words[0], "watch") : modules.findLast(desk.isBegun);
      if (!module || !desk.isBegun(module)) return await start(words[0]);
      return flags.includes("--once") ? await check(module.number) : await watch(module);
    }
    case "check":
      return await check(words[0]);
    case "hint":
      return await sayHint(words[0]);
    case "progress":
      return await progressReport(flags.includes("--json"));
    case "reset":
      return await reset(words[0]);
    case "solution":
      return await solution(words[0], flags.includes("--spoil"));
    case "history":
      return history(words);
    default:
      throw new CommandError(`Cannot do "${command}": there is no such command\n${help}`);
  }
}

/** Runs a command; a user's mistake is a sentence and exit code 2. */
async function main(): Promise<number> {
  requireRuntime();
  try {
    return await run(process.argv.slice(2));
  } catch (error) {
    const isKnown = error instanceof CommandError || error instanceof SyntaxError ||
      (error instanceof Error && "code" in error && typeof error.code === "string");
    if (!isKnown) throw error;
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
}

if (import.meta.main) {
  process.on("SIGINT", () => process.exit(130));
  process.exit(await main());
}
