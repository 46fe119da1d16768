/**
 * What is too long for every run: `deno task ok --all` does all of it, other runs a share of it,
 * another one for each commit.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import process from "node:process";

/** Whether all is to run that is long. */
export const runsAll: boolean = process.env.KINDLING_ALL === "1";

/**
 * Picks every n-th of some things. Which ones, the commit decides: whoever runs the same commit
 * again gets the same ones, and ten commits see each of ten at some time.
 *
 * @param things What there is.
 * @param n Every how manieth.
 * @param commit The commit's hash; it is asked for if it is not given.
 * @param all Whether all are picked, as in a run of everything.
 * @returns Those that are picked.
 */
export function shareOf<T>(
  things: readonly T[],
  n: number,
  commit = currentCommit(),
  all = runsAll,
): T[] {
  if (all) return [...things];
  const first = Number.parseInt(commit.slice(0, 8), 16) % n;
  return things.filter((_, k) => k % n === first);
}

/** The hash of the commit that is checked out; zeros where there is no git. */
export function currentCommit(): string {
  const root = fromFileUrl(new URL("../../", import.meta.url));
  const { status, stdout } = spawnSync("git", ["rev-parse", "HEAD"], {
    cwd: root,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : "0".repeat(40);
}
