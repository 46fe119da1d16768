/**
 * Makes the book: static pages of all chapters, to be opened from a folder.
 *
 *   deno task book [--out FOLDER]
 *
 * @module
 */
import { join, relative, resolve } from "@std/path";
import { mkdir, writeFile } from "node:fs/promises";
import process from "node:process";
import { readArguments, UsageError } from "../arguments.ts";
import { root } from "../content/course.ts";
import { cannotWrite } from "../files.ts";
import { runCommand } from "./command.ts";
import { renderBook } from "./site.ts";

const usage = `Makes the book: static pages of all chapters, to be opened from a folder.

  deno task book [--out FOLDER]

  --out FOLDER   where the pages go (default: course/book/pages)
  --help         this text`;

await runCommand(async (args) => {
  const { help, out } = readArguments(args, ["help"], ["out"]);
  if (help) return usage;
  if (out === "") throw new UsageError("Cannot use --out without a folder", "--out FOLDER");
  const folder = resolve(out ?? join(root, "course/book/pages")), files = await renderBook();
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, text] of files) await writeFile(join(folder, name), text);
  } catch (error) {
    throw cannotWrite(folder, error);
  }
  const pages = [...files.keys()].filter((name) => name.endsWith(".html")).length;
  const first = join(relative(process.cwd(), folder), "index.html");
  return `The book has ${pages} pages. Open ${first} in a browser.`;
});
