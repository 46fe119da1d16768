/**
 * The command line of milestone 04, part 2.
 *
 * @module
 */
import { join, resolve } from "@std/path";
import process from "node:process";
import { cacheFolder, cacheVariables } from "../../datasets/cache.ts";
import { type KernelOptions, readKernelOptions } from "../kernels.ts";
import { readArguments, UsageError, wholeNumber } from "../../course/arguments.ts";
import { type Preset, presets, setAside } from "./cifar10_presets.ts";

/** What a run was asked to do. */
export interface Options extends KernelOptions {
  /** How the networks are trained. */
  readonly preset: Preset;
  /** Where all chance comes from. */
  readonly seed: number;
  /** Whether to judge by training images that were set aside, and leave the test images alone. */
  readonly validate: boolean;
  /** Whether the MLP is trained too. */
  readonly mlp: boolean;
  /** Whether to go on where a run of the same preset and seed stood. */
  readonly resume: boolean;
  /** Where the data come from instead: an address, an archive, a folder. */
  readonly source: string | null;
  /** The checksum of that archive. */
  readonly sha256: string | null;
  /** Folder of downloads and checkpoints. */
  readonly cache: string;
  /** Where the report as a page goes. */
  readonly report: string | null;
  /** Where the network as an ONNX file goes. */
  readonly export: string | null;
  /** One JSON document instead of the report. */
  readonly json: boolean;
  /** Whether colour may be used. */
  readonly color: boolean;
  /** Only the result and the evidence. */
  readonly quiet: boolean;
  /** Only the help. */
  readonly help: boolean;
}

const keys = presets.map(({ key }) => key);

/** The text of `--help`. */
export const help = `Milestone 04, part 2: can a convolutional network learn photographs in minutes?

  deno task cifar10 [options]

  --preset NAME   ${keys.join(", ")} (default standard)
  --seed N        where all chance comes from (default 1)
  --resume        go on where a run with this preset and seed was stopped or killed
  --no-mlp        without the MLP beside it
  --validate      judge by ${
  setAside.toLocaleString("en-US")
} training images that are set aside for it; the test images
                  are not touched

  --source FROM   the data from elsewhere: the address of a copy, an archive, or a folder
  --sha256 HEX    the checksum of that archive; without it the data are not verified
  --cache DIR     folder for downloads and checkpoints (default: KINDLING_CACHE, or the
                  system's place for such files)

  --report FILE   a page with curves, filters, feature maps and pictures
  --export FILE   the trained network as ONNX, for any other engine
  --json          one JSON document with everything that was measured
  --quiet         only the result and the evidence
  --no-color      no colour, as with NO_COLOR

  --kernels NAME  whose loops run: fast (the default without modules of your own), simd, loops
  --threads N     how many threads share large operations (default: one per processor, 8 at most)
  --help          this text

Ctrl-C stops it between two steps; --resume goes on, with the same result to the last bit.
Exit codes: 0 passed, 1 did not pass, 2 could not run, 130 interrupted.`;

const flags = ["resume", "no-mlp", "validate", "json", "quiet", "color", "help"] as const;
const values = [
  "preset",
  "seed",
  "source",
  "sha256",
  "cache",
  "report",
  "export",
  "kernels",
  "threads",
] as const;

/** A path that was given; null without. */
function file(name: string, path: string | undefined): string | null {
  if (path === undefined) return null;
  if (path !== "") return resolve(path);
  throw new UsageError(
    `Cannot use --${name} "": it needs a path`,
    `for example --${name} DIR/FILE`,
  );
}

function choosePreset(name = "standard"): Preset {
  const preset = presets.find(({ key }) => key === name);
  if (preset) return preset;
  throw new UsageError(
    `Cannot use --preset ${JSON.stringify(name)}: there is none of that name`,
    `the presets are ${keys.join(", ")}`,
  );
}

function checkSha256(sha256: string | undefined, source: string | undefined): string | null {
  if (sha256 === undefined) return null;
  if (source === undefined) {
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
 * @param args The words after the script's name.
 * @returns The options, with the defaults filled in.
 * @throws {UsageError} If a word is unknown or a value cannot be used.
 */
export function readOptions(args: readonly string[]): Options {
  const given = readArguments(args, flags, values);
  const processors = String(Math.min(8, Math.max(1, navigator.hardwareConcurrency)));
  return {
    preset: choosePreset(given.preset),
    seed: wholeNumber("seed", given.seed, 0, 1),
    validate: given.validate,
    mlp: !given["no-mlp"],
    resume: given.resume,
    source: given.source ?? null,
    sha256: checkSha256(given.sha256, given.source),
    cache: file("cache", given.cache) ?? (given.help ? "" : usualCache()),
    report: file("report", given.report),
    export: file("export", given.export),
    ...readKernelOptions(given.kernels, given.threads ?? processors),
    json: given.json,
    color: given.color,
    quiet: given.quiet,
    help: given.help,
  };
}

/**
 * Where the checkpoints of a network are.
 *
 * @param options What the run was asked to do.
 * @param network `cnn` or `mlp`.
 */
export function checkpointPath(
  { cache, preset, seed, validate }: Options,
  network: string,
): string {
  const kind = validate ? `${preset.key}_validate` : preset.key;
  return join(cache, "checkpoints", `cifar10_${kind}_seed${seed}_${network}.safetensors`);
}
