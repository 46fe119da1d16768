/**
 * The files that a run leaves behind: tried before the training, written after it.
 *
 * @module
 */
import { open, rm, writeFile } from "node:fs/promises";
import { UsageError } from "../../course/arguments.ts";

/** Where the files go; null for none. */
export interface Outputs {
  readonly report: string | null;
  readonly export: string | null;
  readonly save: string | null;
}

const names = ["report", "export", "save"] as const;

/** The files that are asked for, with the options that ask for them. */
export function askedFor(outputs: Outputs): (readonly [option: string, path: string])[] {
  return names.flatMap((name) => {
    const path = outputs[name];
    return path === null ? [] : [[name, path] as const];
  });
}

/**
 * Tries whether each file can be written, so that nobody learns after the training that it cannot.
 * What is there already stays as it is.
 *
 * @throws {UsageError} If one cannot.
 */
export async function tryOutputs(outputs: Outputs): Promise<void> {
  const asked = askedFor(outputs);
  for (const [k, [option, path]] of asked.entries()) {
    const other = asked.slice(0, k).find(([, one]) => one === path);
    if (other) {
      const says = `Cannot write --${option} ${path}: --${other[0]} writes there too`;
      throw new UsageError(says, "give each its own path");
    }
    try {
      await open(path, "ax").then((file) => file.close()); // fails if there is a file
      await rm(path);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw writeRefusal(option, path, error);
      await open(path, "a").then((file) => file.close()).catch((error) => {
        throw writeRefusal(option, path, error);
      });
    }
  }
}

/** Writes a file that was asked for. */
export async function writeOutput(
  option: string,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  await writeFile(path, content).catch((error) => {
    throw writeRefusal(option, path, error);
  });
}

function codeOf(error: unknown): string {
  const { code, name }: { code?: string; name?: string } = error instanceof Error ? error : {};
  return code ?? name ?? "an unknown error";
}

/** Says in our words why a file cannot be written. */
function writeRefusal(option: string, path: string, error: unknown): UsageError {
  const reasons: Record<string, readonly [why: string, hint: string]> = {
    ENOENT: ["its folder does not exist", "make the folder first, or choose another path"],
    ENOTDIR: ["its folder is a file", "choose another path"],
    EISDIR: ["it is a folder", "add a file's name to the path"],
    EACCES: ["you may not write there", "choose another path"],
    EROFS: ["the disk is read-only", "choose another path"],
    ENOSPC: ["the disk is full", "make room there, or choose another path"],
    NotCapable: ["Deno may not write there", "add --allow-read and --allow-write to deno run"],
  };
  const code = codeOf(error);
  const [why, hint] = reasons[code] ?? [`the system answered ${code}`, "choose another path"];
  return new UsageError(`Cannot write --${option} ${path}: ${why}`, hint);
}
