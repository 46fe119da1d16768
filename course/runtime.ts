/**
 * Says at once, in one line, that a runtime is too old, in place of an error from somewhere within.
 *
 * @module
 */
import process from "node:process";
import manifest from "../package.json" with { type: "json" };

/** The runtimes that Kindling runs on. */
export type Runtime = "deno" | "bun";

/** The versions of the runtime that is at hand. */
export interface Versions {
  readonly deno?: string;
  readonly bun?: string;
  readonly node?: string;
}

/** The least versions: { deno: ">=2.9.0", bun: ">=1.4.0" }. */
const least = {
  deno: manifest.engines.deno.replace(">=", ""),
  bun: manifest.engines.bun.replace(">=", ""),
};

/**
 * Says what is wrong with a runtime.
 *
 * @param versions The versions that the runtime reports; Deno and Bun report one of Node too.
 * @returns One line, or nothing if the runtime will do.
 */
export function runtimeProblem({ deno, bun, node }: Versions): string | undefined {
  const wanted = `Kindling needs Deno ${short(least.deno)} or Bun ${short(least.bun)} or newer`;
  if (deno !== undefined) {
    return isOlder(deno, least.deno)
      ? `${wanted}; this is Deno ${deno}. Update with: deno upgrade`
      : undefined;
  }
  if (bun !== undefined) {
    return isOlder(bun, least.bun)
      ? `${wanted}; this is Bun ${bun}. Update with: bun upgrade`
      : undefined;
  }
  const found = node === undefined ? "neither" : `Node ${node}`;
  return `${wanted}; this is ${found}. Run it with: npx -y deno task …`;
}

/** Ends the process with exit code 2 and one line on stderr unless the runtime will do. */
export function requireRuntime(): void {
  const problem = runtimeProblem(process.versions);
  if (problem === undefined) return;
  process.stderr.write(`${problem}\n`);
  process.exit(2);
}

/** 2.9.0 → 2.9 */
function short(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/** Compares the numbers of two versions; what follows a hyphen or plus does not count. */
export function isOlder(version: string, least: string): boolean {
  const have = numbersOf(version), want = numbersOf(least);
  const differing = want.findIndex((n, i) => n !== have[i]);
  return differing >= 0 && (have[differing] ?? 0) < want[differing];
}

function numbersOf(version: string): number[] {
  return version.split(/[-+]/)[0].split(".").map(Number);
}
