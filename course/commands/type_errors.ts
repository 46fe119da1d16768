/**
 * Finds the type errors of a module, to be shown with the results of its tests.
 *
 * @module
 */
import { fromFileUrl, join, relative } from "@std/path";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import process from "node:process";
import { type CourseModule, root } from "../content/course.ts";
import { shown } from "../judge/check_module.ts";
import { paint } from "./print.ts";
import { folderOf, nameTable } from "./workspace.ts";

/**
 * Type errors of a module, as Deno finds them: they are shown beside the results.
 *
 * @param module The module.
 * @param signal Ends the search; what was found by then is not whole.
 */
export async function typeErrors(module: CourseModule, signal?: AbortSignal): Promise<string[]> {
  if (!process.versions.deno) return [];
  const files = module.files.map((file) => join(folderOf(module), file)).filter(existsSync);
  // From the root on: in a whole path, brackets and stars around it would be patterns.
  const near = [nameTable, ...files].map((path) => relative(root, path));
  const child = spawn(process.execPath, ["check", `--import-map=${near[0]}`, ...near.slice(1)], {
    cwd: root,
    env: { ...process.env, NO_COLOR: "1" },
    signal,
  });
  let text = "";
  child.stderr.on("data", (part) => text += part);
  const { promise, resolve } = Promise.withResolvers<void>();
  child.on("exit", () => resolve());
  child.on("error", () => resolve()); // the search was ended
  await promise;
  // TS1294, syntax that Node cannot strip, is a rule for our files; in yours it may stay.
  const errors = text.split(/\n(?=TS\d+ )/).filter((part) => /^TS(?!1294 )/.test(part));
  const most = 3, further = errors.length - most;
  const lines = errors.slice(0, most).flatMap((error) => {
    const [message] = error.split("\n"), place = error.match(/at (file:\/\/\S+?):(\d+):\d+/);
    const where = place ? `${shown(fromFileUrl(place[1]))}:${place[2]}` : "";
    const code = error.match(/\n(.*)\n *[~^]+\n/)?.[1].trim() ?? "";
    const missing = error.match(/An argument for '.*' was not provided/)?.[0];
    return [
      paint("magenta", `types   ${message.replace(/ \[ERROR\]/, "")}  ${where}`),
      `          ${code}${missing ? `   ${missing}` : ""}`,
    ];
  });
  return further > 0 ? [...lines, paint("magenta", `types   and ${further} more`)] : lines;
}
