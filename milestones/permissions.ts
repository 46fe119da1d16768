/**
 * Which milestones there are, and what Deno has to let each of them do: exactly that, and no more.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { resolve } from "@std/path";
import process from "node:process";
import { cacheFolder, cacheVariables } from "../datasets/cache.ts";

/** A script, and what it needs. */
export interface Milestone {
  /** Where it is, from the repository's folder. */
  readonly script: string;
  /** What it needs when it is started with some arguments. */
  readonly permissions: (args: readonly string[]) => Permissions;
  /** What else Deno is told: `gc()` is for a network of millions of weights beside the data. */
  readonly flags?: readonly string[];
}

/** Lists of what may be used, by permission: paths, hosts, names. */
export type Permissions = Readonly<
  Partial<Record<"read" | "write" | "env" | "net" | "sys", readonly string[]>>
>;

/** What all need: their data, the place where the worker of --threads stands, the terminal. */
const folders = ["datasets", "modules/fast"], terminal = ["NO_COLOR", "FORCE_COLOR", "COLUMNS"];

/** The files that an option of any milestone reads or writes. */
function filesOf(args: readonly string[]): Record<"read" | "write", string[]> {
  const given = (name: string): string[] => {
    const path = valueOf(args, name);
    return path ? [resolve(path)] : [];
  };
  const saved = given("save").flatMap((path) => [path, `${path}.part`]); // written, then renamed
  const write = [...given("report"), ...given("export"), ...saved];
  return { read: [...given("load"), ...write], write }; // whether a file is there is read
}

/** All milestones, by the name of their task. */
export const milestones: Readonly<Record<string, Milestone>> = {
  perceptron: {
    script: "milestones/01_1958_perceptron/perceptron.ts",
    permissions: (args) => {
      const { read, write } = filesOf(args);
      return { read: [...folders, ...read], write, env: terminal };
    },
  },
  tinydigits: {
    script: "milestones/04_1998_cnn/01_tinydigits.ts",
    permissions: (args) => {
      const { read, write } = filesOf(args);
      return { read: [...folders, ...read], write, env: terminal };
    },
  },
  cifar10: {
    script: "milestones/04_1998_cnn/02_cifar10.ts",
    flags: ["--v8-flags=--expose-gc"],
    permissions: (args) => {
      const { read, write } = filesOf(args);
      const cache = valueOf(args, "cache") ?? cacheFolder(process.platform, process.env);
      const source = valueOf(args, "source") ?? "https://www.cs.toronto.edu";
      const isAddress = /^https?:/.test(source);
      return {
        read: [...folders, resolve(cache), ...(isAddress ? [] : [resolve(source)]), ...read],
        write: [resolve(cache), ...write],
        env: [...terminal, ...cacheVariables],
        net: isAddress && URL.canParse(source) ? [new URL(source).host] : [],
        sys: ["statfs"], // whether the disk has room for a download
      };
    },
  },
};

/** The value of an option; what cannot be understood is refused by the milestone itself. */
function valueOf(args: readonly string[], name: string): string | undefined {
  return parseArgs([...args], { string: [name] })[name];
}
