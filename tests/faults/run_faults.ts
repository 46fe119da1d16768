/**
 * Checks module 01 with one fault after the other, and prints what came of each as JSON.
 *
 * @module
 */
import { join } from "@std/path";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { modules, root } from "../../course/content/course.ts";
import { findTasks, replaceBodies } from "../../course/content/task_bodies.ts";
import { checkModule } from "../../course/judge/check_module.ts";
import { copyFiles } from "../../course/judge/sandbox_sources.ts";
import { inFolder } from "../project/in_folder.ts";
import { type Fault, faults } from "./faults.ts";

/** What came of a fault. */
export interface Contained {
  readonly name: string;
  readonly ends: readonly string[];
  readonly message: string;
  readonly seconds: number;
  /** Whether a file that it could have deleted is still there. */
  readonly canary: boolean;
}

const [tensor] = modules;

/** Builds a fault into a copy of module 01, and checks task 01.1 with it. */
async function tryOut(fault: Fault, folder: string): Promise<Contained> {
  const own = join(folder, "own"), canary = join(folder, "canary");
  mkdirSync(own, { recursive: true });
  copyFiles(join(root, "modules", tensor.folder), own);
  writeFileSync(canary, "alive");
  const path = join(own, fault.file ?? "shape.ts"), source = readFileSync(path, "utf8");
  const body = fault.body;
  const bodies = findTasks(source).filter(({ task }) => task === "01.1");
  const changed = body === undefined ? source : replaceBodies(source, bodies, () => body);
  const text = `${fault.first ?? ""}\n${changed}`;
  const slashes = (path: string): string => path.replaceAll("\\", "/");
  writeFileSync(
    path,
    text.replaceAll("CANARY", slashes(canary)),
  );
  const started = performance.now();
  const owners = new Map([[tensor.folder, own]]);
  const limits = fault.isGreedy ? { milliseconds: 20_000, bytes: 400 * 2 ** 20 } : {};
  const results = await checkModule(tensor, { owners, only: "01.1", limits });
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  const message = results.find(({ status }) => status !== "passed")?.message ?? "";
  const ends = results.map(({ status }) => status);
  return { name: fault.name, ends, message, seconds, canary: existsSync(canary) };
}

async function main(): Promise<void> {
  const here = process.versions.deno ? "deno" : "bun", all: Contained[] = [];
  await inFolder(async (folder) => {
    for (const fault of faults.filter(({ only }) => only === undefined || only === here)) {
      all.push(await tryOut(fault, folder));
    }
  });
  process.stdout.write(JSON.stringify(all), () => process.exit(0));
}

if (import.meta.main) await main();
