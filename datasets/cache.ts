/**
 * Where downloaded data and checkpoints are kept, by the convention of each platform.
 *
 * @module
 */
import { join, resolve } from "@std/path";

/** The variables of the environment that say where. */
export const cacheVariables = [
  "KINDLING_CACHE",
  "XDG_CACHE_HOME",
  "HOME",
  "LOCALAPPDATA",
] as const;

/**
 * Finds the folder for what can be downloaded or computed again.
 *
 * @param platform `process.platform`.
 * @param env The environment.
 * @returns KINDLING_CACHE if it is set; else `~/Library/Caches/kindling` on macOS,
 * `%LOCALAPPDATA%\kindling` on Windows, `$XDG_CACHE_HOME/kindling` or `~/.cache/kindling` elsewhere;
 * `.cache` in the current folder if there is no home.
 */
export function cacheFolder(
  platform: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  const { KINDLING_CACHE, XDG_CACHE_HOME, HOME, LOCALAPPDATA } = env;
  if (KINDLING_CACHE) return resolve(KINDLING_CACHE);
  if (platform === "win32" && LOCALAPPDATA) return join(LOCALAPPDATA, "kindling");
  if (platform === "darwin" && HOME) return join(HOME, "Library", "Caches", "kindling");
  if (XDG_CACHE_HOME) return join(XDG_CACHE_HOME, "kindling");
  return HOME ? join(HOME, ".cache", "kindling") : resolve(".cache");
}
