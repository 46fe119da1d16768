/**
 * Runs a milestone that is an experiment and no comparison of networks: it measures, and gives one
 * document, which is printed, drawn as a page, or written as JSON.
 *
 * @module
 */
import process from "node:process";
import { yourModules } from "../../course/names.ts";
import { useKernels } from "../kernels.ts";
import { exit, runCommand } from "./command.ts";
import { describeSetting } from "./milestone.ts";
import {
  type CommandLine,
  helpOf,
  type OptionTable,
  readCommandLine,
  type SharedOptions,
  type ValuesOf,
} from "./options.ts";
import { tryOutputs, writeOutput } from "./outputs.ts";
import { drawPage } from "./page.ts";
import type { Setting, Verdict } from "./schema.ts";
import type { Introduction, Section } from "./sections.ts";
import { openTerminal } from "./terminal.ts";
import { drawIntroduction, drawReport } from "./terminal_report.ts";

/** What a run was asked to do. */
export type ExperimentOptions<T extends OptionTable> =
  & ValuesOf<T>
  & Omit<SharedOptions, "models" | "seed" | "seeds">;

/** An experiment. */
export interface Experiment<T extends OptionTable, Document extends Verdict> {
  readonly commandLine: CommandLine<T>;
  readonly introduce: (options: ExperimentOptions<T>) => Omit<Introduction, "facts">;
  readonly run: (options: ExperimentOptions<T>, setting: Setting) => Promise<Document>;
  readonly sections: (document: Document) => readonly Section[];
}

/** Why an experiment has no network to hand on. */
const none = "it trains no network";

/** The options of milestones that an experiment does not have. */
export const refusedByExperiments: CommandLine<OptionTable>["refused"] = {
  export: [none, "deno task tinydigits --export FILE exports one"],
  save: [none, "deno task tinydigits --save FILE keeps one"],
  load: [none, "deno task tinydigits --load FILE tests one"],
};

/** Runs an experiment as its command line says, and sets the exit code. */
export async function runExperiment<T extends OptionTable, Document extends Verdict>(
  { commandLine, introduce, run, sections }: Experiment<T, Document>,
): Promise<void> {
  const read = (args: readonly string[]): ExperimentOptions<T> => ({
    ...readCommandLine(commandLine, args),
    export: null,
    save: null,
  });
  process.exitCode = await runCommand(helpOf(commandLine), read, (options) => ({
    done: toItsEnd(options),
    whenStopped: () => "Nothing was finished before that.",
  }));

  async function toItsEnd(options: ExperimentOptions<T>): Promise<number> {
    const { json, quiet, report, color } = options, out = openTerminal("stdout", color);
    await tryOutputs(options);
    const yours = yourModules(), { name, notice } = useKernels(options, "simd", yours.length > 0);
    if (notice) console.error(notice);
    const setting = describeSetting(name, yours), { modules, kernels, runtime } = setting;
    const introduction = {
      ...introduce(options),
      facts: `modules: ${modules} · kernels: ${kernels} · ${runtime}`,
    };
    if (!json && !quiet) out.write(`${drawIntroduction(introduction, out)}\n`);
    const document = await run(options, setting);
    if (json) out.write(`${JSON.stringify(document, null, 2)}\n`);
    else {
      const drawn = drawReport(sections(document), document, out, quiet);
      out.write(`${quiet ? "" : "\n"}${drawn}\n`);
    }
    if (report !== null) {
      await writeOutput("report", report, drawPage(introduction, sections(document), document));
      if (!json) out.write(`Written: ${report}\n`);
    }
    return document.passed ? exit.passed : exit.failed;
  }
}
