/**
 * Measures what the chapter's ablations come to, with the seeds that `deno task tinydigits --seeds 5`
 * uses, and writes it to tinydigits_ablations.json: the chapter's table comes from there.
 *
 *   deno run -A milestones/04_1998_cnn/measure_ablations.ts
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { runPage } from "../report/run_page.ts";
import { tinydigitsDocument } from "./tinydigits_schema.ts";

const command = "deno run -A milestones/04_1998_cnn/measure_ablations.ts";
const page = new URL("01_tinydigits.ts", import.meta.url), seeds = 5;
/** Each as it is asked for on the command line. */
const ablations = [
  "--models lenet",
  "--models frozen",
  "--models unpooled",
  "--models lenet --augment shift",
  "--models mlp",
  "--models wide",
  "--models mlp --augment shift",
];

const runs = ablations.map((words) =>
  runPage(page, [...words.split(" "), "--seeds", String(seeds)], tinydigitsDocument)
);
const [{ setting: { kernels, runtime }, recipe: { epochs } }] = runs;
const rows = runs.map((
  { models: [{ accuracy, shifted }] },
  k,
) => [ablations[k], { accuracy, shifted }]);
const measured = Object.fromEntries(rows);
const path = new URL("tinydigits_ablations.json", import.meta.url);
const document = { command, kernels, runtime, epochs, seeds, measured };
await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
