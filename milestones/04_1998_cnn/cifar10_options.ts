/**
 * The command line of milestone 04, part 2.
 *
 * @module
 */
import { join } from "@std/path";
import process from "node:process";
import { cacheFolder, cacheVariables } from "../../datasets/cache.ts";
import {
  choice,
  type CommandLine,
  flag,
  helpOf,
  type Option,
  path,
  readCommandLine,
  type SharedOptions,
  text,
  whole,
} from "../report/options.ts";
import type { ModelSpec } from "../report/results.ts";
import { count } from "../report/wording.ts";
import { UsageError } from "../../course/arguments.ts";
import type { Preset } from "./cifar10_schema.ts";

/** What a run was asked to do. */
export interface Options extends SharedOptions {
  /** How the networks are trained. */
  readonly preset: Preset;
  /** Whether to judge by training images that were set aside, and leave the test images alone. */
  readonly validate: boolean;
  /** Whether to go on where a run of the same preset and seed stood. */
  readonly resume: boolean;
  /** Where the data come from instead: an address, an archive, a folder. */
  readonly source: string | null;
  /** The checksum of that archive. */
  readonly sha256: string | null;
  /** Folder of downloads and checkpoints. */
  readonly cache: string;
}

/** What the command line chooses from. */
export interface Choices {
  readonly convolutional: ModelSpec;
  readonly dense: ModelSpec;
  readonly presets: readonly Preset[];
  /** How many training images `--validate` sets aside. */
  readonly setAside: number;
}

/** The options that only this milestone has. */
type Own =
  & { readonly [K in "seed" | "resume" | "validate" | "source" | "sha256"]: Option<Options[K]> }
  & { readonly preset: Option<string>; readonly cache: Option<string | null> }
  & { readonly "no-mlp": Option<boolean> };

function optionsOf({ presets, setAside }: Choices): Own {
  const names = presets.map(({ key }) => key);
  return {
    preset: choice(`${names.join(", ")} (default standard)`, {
      names,
      usual: "standard",
      hint: `the presets are ${names.join(", ")}`,
    }),
    seed: whole("where all chance comes from (default 1)", 0, 1),
    resume: flag("go on where a run with this preset and seed was stopped or killed"),
    "no-mlp": flag("without the MLP beside it"),
    validate: flag(
      `judge by ${
        count(setAside)
      } training images that are set aside for it; the test images are ` +
        "not touched",
    ),
    source: text("FROM", "the data from elsewhere: the address of a copy, an archive, or a folder"),
    sha256: text("HEX", "the checksum of that archive; without it the data are not verified"),
    cache: path(
      "DIR",
      "folder for downloads and checkpoints (default: KINDLING_CACHE, or the system's place for " +
        "such files)",
    ),
  };
}

function commandLine(choices: Choices): CommandLine<Own> {
  const minutes = "each training takes minutes, and is one run";
  return {
    task: "cifar10",
    question: "Milestone 04, part 2: can a convolutional network learn photographs in minutes?",
    options: optionsOf(choices),
    note:
      "Ctrl-C stops it between two steps; --resume goes on, with the same result to the last bit.",
    kernels: "whose loops run: fast (the default without modules of your own), simd, loops",
    threads: "how many threads share large operations (default: one per processor, 8 at most)",
    usualThreads: Math.min(8, Math.max(1, navigator.hardwareConcurrency)),
    refused: {
      seeds: [minutes, "start it once for each --seed"],
      models: ["the CNN is what it is about", "--no-mlp leaves the MLP out"],
      load: ["each of its runs keeps a checkpoint", "--resume judges a run that has ended again"],
      augment: ["its images are always mirrored and shifted", "leave it out"],
      full: [minutes, "--preset best trains longest"],
    },
  };
}

/** The text of `--help`. */
export function help(choices: Choices): string {
  return helpOf(commandLine(choices));
}

function checkSha256(sha256: string | null, source: string | null): string | null {
  if (sha256 === null) return null;
  if (source === null) {
    const says = "Cannot use --sha256 without --source: the published archive has its own checksum";
    throw new UsageError(says, "give both or none");
  }
  if (/^[0-9a-f]{64}$/i.test(sha256)) return sha256.toLowerCase();
  const says = `Cannot use --sha256 ${JSON.stringify(sha256)}: it must be 64 hexadecimal digits`;
  throw new UsageError(says, "sha256sum FILE prints them");
}

/** The place of this system for what can be downloaded or computed again. */
function usualCache(): string {
  const env = Object.fromEntries(cacheVariables.map((name) => [name, process.env[name]]));
  return cacheFolder(process.platform, env);
}

/**
 * Reads a command line.
 *
 * @param choices What there is to choose from.
 * @param args The words after the script's name.
 * @throws {UsageError} If a word is unknown or a value cannot be used.
 */
export function readOptions(choices: Choices, args: readonly string[]): Options {
  const { preset, "no-mlp": isAlone, ...given } = readCommandLine(commandLine(choices), args);
  const { convolutional, dense, presets } = choices;
  return {
    ...given,
    preset: presets.find(({ key }) => key === preset) ?? presets[0],
    models: isAlone ? [convolutional] : [convolutional, dense],
    seeds: 1,
    sha256: checkSha256(given.sha256, given.source),
    cache: given.cache ?? (given.help ? "" : usualCache()),
  };
}

/** Where the checkpoints of a network are. */
export function checkpointPath(
  { cache, preset, seed, validate }: Options,
  network: string,
): string {
  const kind = validate ? `${preset.key}_validate` : preset.key;
  return join(cache, "checkpoints", `cifar10_${kind}_seed${seed}_${network}.safetensors`);
}
