/**
 * The command line of milestone 04, part 1.
 *
 * @module
 */
import { fields, oneOf, type Reader, whole as wholeNote } from "../report/notes.ts";
import {
  choice,
  type CommandLine,
  flag,
  helpOf,
  type Option,
  readCommandLine,
  type SharedOptions,
  whole,
} from "../report/options.ts";
import type { ModelSpec } from "../report/results.ts";
import { UsageError } from "../../course/arguments.ts";

/** What can be done to the training digits, at random and anew in each epoch. */
const augmentations = ["shift"] as const;

/** What a run was asked to do. */
export interface Options extends SharedOptions {
  /** Passes over the training data. */
  readonly epochs: number;
  /** What is done to the training digits in each epoch; null for nothing. */
  readonly augment: typeof augmentations[number] | null;
}

/** The models that are compared when nothing else is asked for. */
const usualModels = ["mlp", "one-conv", "lenet"];

/** Some models, in the order of the tables. */
function someModels(models: readonly ModelSpec[], isFull: boolean): Option<readonly ModelSpec[]> {
  const keys = models.map(({ key }) => key);
  return {
    value: "A,B",
    help: `which models: ${keys.join(", ")} (default ${usualModels.join(",")})`,
    read: (_name, given) => {
      const usual = isFull ? keys : usualModels;
      const chosen = given === undefined ? usual : given.split(",").map((key) => key.trim());
      const unknown = chosen.find((key) => !keys.includes(key));
      if (unknown === undefined) return models.filter(({ key }) => chosen.includes(key));
      throw new UsageError(
        `Cannot compare the model ${JSON.stringify(unknown)}: there is none of that name`,
        `the models are ${keys.join(", ")}`,
      );
    },
  };
}

/** The options that only this milestone has. */
type Own =
  & { readonly [K in "models" | "seeds" | "seed" | "epochs" | "augment"]: Option<Options[K]> }
  & { readonly full: Option<boolean> };

function optionsOf(models: readonly ModelSpec[], isFull: boolean): Own {
  return {
    models: someModels(models, isFull),
    seeds: whole(
      "training runs per model, each with its own seed (default 2)",
      1,
      isFull ? 5 : 2,
    ),
    seed: whole("the first seed (default 1)", 0, 1),
    epochs: whole("passes over the 1,000 training digits (default 30)", 1, 30),
    augment: choice(
      "what is done to the training digits, for every model alike: shift (each by up to one pixel " +
        "at random, anew in each epoch; default nothing)",
      { names: augmentations, usual: null, hint: "for example --augment shift" },
    ),
    full: flag("all six models and five seeds"),
  };
}

const seconds = "its trainings take seconds";

function commandLine(
  models: readonly ModelSpec[],
  isFull: boolean,
): CommandLine<Own> {
  return {
    task: "tinydigits",
    question: "Milestone 04, part 1: do convolutions read handwritten digits better than an MLP?",
    options: optionsOf(models, isFull),
    kernels:
      "whose loops run: simd (the default without modules of your own; the same results on " +
      "every machine), fast (what this machine does best), loops (the modules' own)",
    threads: "how many threads share large operations (default 1; these are small)",
    usualThreads: 1,
    refused: {
      resume: [seconds, "start it again; --save keeps a trained network"],
      preset: [seconds, "--epochs, --models and --seeds say how much is trained"],
      validate: ["nothing is chosen here", "its test digits are read once, at the end"],
      source: ["its digits are in the repository", "--source is an option of cifar10"],
      cache: ["it keeps nothing", "--save keeps a trained network"],
    },
  };
}

/** The text of `--help`. */
export function help(models: readonly ModelSpec[]): string {
  return helpOf(commandLine(models, false));
}

/**
 * Reads a command line.
 *
 * @param models All models.
 * @param args The words after the script's name.
 * @throws {UsageError} If a word is unknown or a value cannot be used.
 */
export function readOptions(
  models: readonly ModelSpec[],
  args: readonly string[],
): Options {
  return readCommandLine(commandLine(models, args.includes("--full")), args);
}

/** Reads what a trained network's file says of its training. */
export const readSettings: Reader<Pick<Options, "epochs" | "augment">> = fields({
  epochs: wholeNote(1),
  augment: oneOf([...augmentations, null]),
});
