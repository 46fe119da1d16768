/**
 * The part of the published `@std/cli` that this project uses: reading a command line.
 *
 * @module
 */
export * from "./parse_args.ts";
