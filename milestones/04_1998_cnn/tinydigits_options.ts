/**
 * The command line of milestone 04, part 1.
 *
 * @module
 */
import { type KernelOptions, readKernelOptions } from "../kernels.ts";
import { readArguments, UsageError, wholeNumber } from "../../course/arguments.ts";
import { type Augmentation, augmentations } from "./tinydigits_run.ts";
import { defaultModels, models, type ModelSpec } from "./tinydigits_models.ts";

/** What a run was asked to do. */
export interface Options extends KernelOptions {
  /** Passes over the training data. */
  readonly epochs: number;
  /** How many seeds, each a training run of its own. */
  readonly seeds: number;
  /** The first of them. */
  readonly seed: number;
  /** What is done to the training digits in each epoch; null for nothing. */
  readonly augment: Augmentation | null;
  /** Which models take part, in the order of the tables. */
  readonly models: readonly ModelSpec[];
  /** One JSON document instead of the report. */
  readonly json: boolean;
  /** Whether colour may be used. */
  readonly color: boolean;
  /** Only the table and the verdict. */
  readonly quiet: boolean;
  /** Only the help. */
  readonly help: boolean;
}

const keys = models.map(({ key }) => key);

/** The text of `--help`. */
export const help =
  `Milestone 04, part 1: do convolutions read handwritten digits better than an MLP?

  deno task tinydigits [options]

  --models A,B    which models: ${keys.join(", ")}
                  (default ${defaultModels.join(",")})
  --seeds N       training runs per model, each with its own seed (default 2)
  --seed N        the first seed (default 1)
  --epochs N      passes over the 1,000 training digits (default 30)
  --augment NAME  what is done to the training digits, for every model alike: shift (each by up to
                  one pixel at random, anew in each epoch; default nothing)
  --full          all six models and five seeds
  --kernels NAME  whose loops run: simd (the default without modules of your own; the same results on
                  every machine), fast (what this machine does best), loops (the modules' own)
  --threads N     how many threads share large operations (default 1; these are small)
  --json          one JSON document with everything that the tables show
  --quiet         only the table and the evidence
  --no-color      no colour, as with NO_COLOR
  --help          this text

Exit codes: 0 passed, 1 did not pass, 2 could not run, 130 interrupted.`;

const flags = ["full", "json", "quiet", "color", "help"] as const;
const values = ["models", "seeds", "seed", "epochs", "augment", "kernels", "threads"] as const;

/** Finds the models that are named, in the order of the tables. */
function chooseModels(text: string | undefined, usual: readonly string[]): ModelSpec[] {
  const chosen = text === undefined ? usual : text.split(",").map((key) => key.trim());
  const unknown = chosen.find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw new UsageError(
      `Cannot compare the model ${JSON.stringify(unknown)}: there is none of that name`,
      `the models are ${keys.join(", ")}`,
    );
  }
  return models.filter(({ key }) => chosen.includes(key));
}

/** Finds the augmentation that is named. */
function chooseAugmentation(name: string | undefined): Augmentation | null {
  const chosen = augmentations.find((known) => known === name);
  if (name === undefined || chosen) return chosen ?? null;
  throw new UsageError(
    `Cannot use --augment ${JSON.stringify(name)}: there is none of that name`,
    `for example --augment ${augmentations[0]}`,
  );
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
  return {
    epochs: wholeNumber("epochs", given.epochs, 1, 30),
    seeds: wholeNumber("seeds", given.seeds, 1, given.full ? 5 : 2),
    seed: wholeNumber("seed", given.seed, 0, 1),
    augment: chooseAugmentation(given.augment),
    models: chooseModels(given.models, given.full ? keys : defaultModels),
    ...readKernelOptions(given.kernels, given.threads),
    json: given.json,
    color: given.color,
    quiet: given.quiet,
    help: given.help,
  };
}
