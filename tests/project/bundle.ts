/**
 * Bundles a program for browsers, as small as it gets, with esbuild or Vite:
 *
 *   deno run -A --lock=tests/project/bundle.lock tests/project/bundle.ts esbuild FOLDER
 *
 * FOLDER/main.ts becomes FOLDER/out/main.js. Both come from npm. They are named here and not in the
 * project's configuration, because only this program needs them.
 *
 * @module
 */
import * as esbuild from "npm:esbuild@0.28.2";
import { build as buildWithVite } from "npm:vite@8.3.8";
import { join } from "@std/path";
import process from "node:process";

const [tool, folder] = process.argv.slice(2), main = join(folder, "main.ts");
if (tool === "esbuild") {
  const outfile = join(folder, "out", "main.js"), format = "esm";
  await esbuild.build({ entryPoints: [main], outfile, format, bundle: true, minify: true });
  await esbuild.stop();
} else if (tool === "vite") {
  const output = { entryFileNames: "main.js" };
  const build = { outDir: "out", rolldownOptions: { input: main, output } };
  await buildWithVite({ root: folder, logLevel: "warn", configFile: false, build });
} else {
  console.error(`Cannot bundle with ${tool}: choose esbuild or vite`);
  process.exitCode = 2;
}
