/**
 * Runs a command of the course:
 *
 *   deno task start · watch · check 01.5 · hint 01.5 · progress · reset · solution · history
 *
 * @module
 */
import process from "node:process";
import { prepareRunner } from "../judge/sandbox_process.ts";
import { followLink } from "./follow_link.ts";

if (import.meta.main) {
  process.on("SIGINT", () => process.exit(130));
  const args = process.argv.slice(2);
  await followLink();
  // What runs tests gets ready while all else is still being loaded.
  if (["start", "check", "watch"].includes(args[0])) prepareRunner();
  const { main } = await import("./commands.ts");
  process.exit(await main(args));
}
