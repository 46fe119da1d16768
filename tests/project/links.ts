/**
 * Checks the links of all Markdown files, to other files and to headings, without a network:
 *
 *   deno run --allow-read --allow-env --allow-sys tests/project/links.ts
 *
 * @module
 */
import process from "node:process";
import validateLinks from "npm:remark-validate-links@13.1.0";
import { remark } from "npm:remark@15.0.1";
import { engine } from "npm:unified-engine@11.2.2";

engine({
  processor: remark(),
  plugins: [[validateLinks as never, { repository: false }]], // whose types know another unified
  files: [
    "*.md",
    "course/book/*.md",
    "course/grading",
    "course/sandbox",
    "datasets",
    "milestones",
    "modules",
  ],
  extensions: ["md"],
  frail: true, // a warning is a failure
  quiet: true,
}, (error, code) => {
  if (error) throw error;
  process.exitCode = code;
});
