/**
 * A copy of the project whose disk fails: at the n-th write of a command, half of the text is written,
 * and the command is killed there, or the disk is full from then on; or it fails in other ways.
 *
 * @module
 */
import { readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import type { Ended, ProjectCopy } from "./project_copy.ts";

/**
 * What fails: the command is killed, the disk is full from there on, nothing may be written at all,
 * nothing can be removed.
 */
export type Fault = "kill" | "full" | "closed" | "held";

/** What stands between the commands and the disk of such a copy. */
const disk = `
import * as fs from "node:fs";
import process from "node:process";
export * from "node:fs";

const [fault, at] = (process.env.KINDLING_FAULT ?? "none 0").split(" ");
let writes = 0;

const error = (code) => Object.assign(new Error(code + ": it failed"), { code });

function fail(path, text) {
  if (fault === "closed") throw error("EROFS");
  if (!["kill", "full"].includes(fault) || ++writes < Number(at)) return;
  if (typeof text === "string" && writes === Number(at)) {
    fs.writeFileSync(path, text.slice(0, text.length / 2));
  }
  if (fault === "full") throw error("ENOSPC");
  process.kill(process.pid, "SIGKILL");
  for (;;); // it takes a moment
}

export function writeFileSync(path, text, options) {
  fail(path, text);
  fs.writeFileSync(path, text, options);
}

export function renameSync(from, to) {
  if (fault !== "full") fail(to);
  fs.renameSync(from, to);
}

export function mkdirSync(path, options) {
  if (!fs.existsSync(path)) fail(path);
  fs.mkdirSync(path, options);
}

export function rmSync(path, options) {
  if (fault === "held" && fs.existsSync(path)) throw error("EBUSY");
  fs.rmSync(path, options);
}
`;

/** Puts the faulty disk under a copy. */
export function giveFaultyDisk(copy: ProjectCopy): void {
  const files = copy.path("course/files.ts"), source = readFileSync(files, "utf8");
  const changed = source.replace('from "node:fs"', 'from "./faulty_disk.js"');
  if (changed === source) throw new Error("course/files.ts no longer writes by node:fs: mend this");
  writeFileSync(files, changed);
  writeFileSync(copy.path("course/faulty_disk.js"), disk);
}

/** Runs a task on a copy while its disk fails, at the n-th write where that matters. */
export function runWith(
  fault: Fault,
  at: number,
  copy: ProjectCopy,
  [task, ...words]: readonly [string, ...string[]],
): Ended {
  process.env.KINDLING_FAULT = `${fault} ${at}`;
  try {
    return copy.run(task, ...words);
  } finally {
    delete process.env.KINDLING_FAULT;
  }
}
