/**
 * `deno task start [NN]`: puts the stubs of a module into the workspace, and shows the first red test.
 *
 * @module
 */
import process from "node:process";
import { type CourseModule, modules, read } from "../content/course.ts";
import { editedFiles } from "../content/manifest.ts";
import { shown } from "../judge/check_module.ts";
import { checkYours, doneWith, firstOpen, sayOpen } from "./checking.ts";
import { moduleNamed, runtime } from "./named.ts";
import { paint, say, sayLines } from "./print.ts";
import { placeOf, putBack, type Snapshot, snapshots, takeSnapshot } from "./snapshots.ts";
import { watch } from "./watch.ts";
import { begin, isBegun, openWorkspace, stubOf } from "./workspace.ts";

/**
 * Begins a module, or goes on with one.
 *
 * @param what Which; the last one that was begun if none is named.
 * @returns The exit code.
 */
export async function start(what: string | undefined): Promise<number> {
  const named = what === undefined ? undefined : moduleNamed(what, "start");
  const module = named ?? modules.findLast(isBegun) ?? modules[0];
  const isNew = !isBegun(module);
  openWorkspace();
  const back = putBack(module).map((file) =>
    `${file} was missing, and is there again as it was when it was last checked.`
  );
  begin(module);
  takeSnapshot(`start ${module.number}`);
  const intro = [...isNew ? welcome(module) : [], ...back, ...noticesOf(module)];
  if (process.stdin.isTTY && process.stdout.isTTY) return await watch(module, intro);
  sayLines(intro);
  const open = firstOpen(await checkYours(module));
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
  return module.files.flatMap((file) => {
    const name = `${module.folder}/${file}`, began = beginningOf(module, name);
    if (!began) return [];
    const before = read(placeOf(began.id, name)), now = stubOf(module, file);
    // What was begun may be the half of a stub, if a command was stopped while it wrote it.
    if (now.startsWith(before) || !now.includes("@task")) return [];
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

/**
 * The state in which a file was a stub as the course had it: the first one, or the last one after a
 * reset. A file in which something had been written by then tells nothing.
 */
function beginningOf({ number }: CourseModule, name: string): Snapshot | undefined {
  const found = snapshots().filter(({ reason, files }) =>
    files.includes(name) && (reason === `start ${number}` || reason === `reset ${number}`)
  );
  const began = found.findLast(({ reason }) => reason.startsWith("reset")) ?? found[0];
  return began && isStub(read(placeOf(began.id, name))) ? began : undefined;
}

function isStub(text: string): boolean {
  const tasks = [...text.matchAll(/@task (\S+)/g)].map(([, task]) => task);
  return tasks.every((task) => text.includes(`TodoError("${task} `));
}

/** What stands from a task's comment to its body. */
function around(stub: string, task: string): string {
  const at = stub.indexOf(`@task ${task}\n`);
  return stub.slice(stub.lastIndexOf("/**", at), stub.indexOf(`TodoError("${task} `, at));
}
