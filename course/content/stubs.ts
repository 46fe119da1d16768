/**
 * Turns a reference chapter into the learner's: prose, types and given code stay, each task's body
 * becomes a line that says what is to be written.
 *
 * @module
 */
import { blank, findTasks, replaceBodies, type TaskBody } from "./task_bodies.ts";

/** The file that stands beside stubs and declares what they throw. */
export const todoFile = {
  name: "todo.ts",
  source: `/**
 * What a task throws that is not written yet. It is another thing than a wrong answer.
 *
 * @module
 */

/** Says which task is to be written. */
export class TodoError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "TodoError";
}
`,
};

const lintLine =
  "// deno-lint-ignore-file ban-unused-ignore no-unused-vars require-await require-yield\n";
const importLine = 'import { TodoError } from "./todo.ts";\n';

/**
 * Makes a stub.
 *
 * @param source A file of the reference, as `deno fmt` writes it.
 * @param isOpen Which tasks become stubs; by default all.
 * @returns The stub, formatted; the source itself if it holds no task.
 */
export function makeStub(source: string, isOpen: (task: string) => boolean = () => true): string {
  const tasks = findTasks(source).filter(({ task }) => isOpen(task));
  if (tasks.length === 0) return source;
  const bare = dropHelpers(replaceBodies(source, tasks, todoBody), source);
  const at = bare.search(/^import /m) >= 0 ? bare.search(/^import /m) : bare.indexOf("*/\n") + 3;
  return lintLine + bare.slice(0, at) + importLine + bare.slice(at);
}

/** The line that stands for a body, in its braces. */
export function todoBody(source: string, { task, name, start }: TaskBody): string {
  const line = source.slice(source.lastIndexOf("\n", start) + 1, start);
  const indent = " ".repeat(line.length - line.trimStart().length);
  const called = /^[#\w$]+$/.test(name) ? `${name}()` : name;
  return `{\n${indent}  throw new TodoError("${task} ${called} is yours to write");\n${indent}}`;
}

/** A function that is not exported, with the comment above it and the blank line before. */
const helper = /\n(?:\/\*\*(?:[^*]|\*(?!\/))*\*\/\n)?(?:async )?function\*? (\w+)[^]*?\n\}\n/g;

/** Leaves out the functions that only the bodies of tasks called, unless their comment says (given). */
function dropHelpers(stub: string, original: string): string {
  const dropped = [...stub.matchAll(helper)].find(([text, name]) =>
    uses(stub, name) === 1 && uses(original, name) > 1 && !isTask(stub, name) &&
    !text.split("*/")[0].includes("(given)")
  );
  return dropped ? dropHelpers(stub.replace(dropped[0], ""), original) : stub;
}

function uses(source: string, name: string): number {
  return blank(source).code.match(RegExp(`(?<![\\w$])${name}(?![\\w$])`, "g"))?.length ?? 0;
}

function isTask(source: string, name: string): boolean {
  return findTasks(source).some((body) => body.name === name);
}
