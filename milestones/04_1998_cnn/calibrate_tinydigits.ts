/**
 * Measures what the reference reaches on TinyDigits, with seeds that no default run uses, and
 * writes it to tinydigits_calibration.json: the thresholds of the milestone come from there.
 *
 *   deno run -A milestones/04_1998_cnn/calibrate_tinydigits.ts
 *
 * @module
 */
import { writeFile } from "node:fs/promises";
import { runPage } from "../report/run_page.ts";
import { tinydigitsDocument } from "./tinydigits_schema.ts";

const command = "deno run -A milestones/04_1998_cnn/calibrate_tinydigits.ts";
const page = new URL("01_tinydigits.ts", import.meta.url);

// On the modules' own loops: what they compute is what the chapters teach.
const words = ["--full", "--seed", "101", "--seeds", "10", "--kernels", "loops"];
const { models, recipe: { epochs } } = runPage(page, words, tinydigitsDocument);
const rows = models.map(({ key, accuracy, shifted }) => [key, { accuracy, shifted }]);
const document = { command, epochs, models: Object.fromEntries(rows) };
const path = new URL("tinydigits_calibration.json", import.meta.url);
await writeFile(path, `${JSON.stringify(document, null, 2)}\n`);
