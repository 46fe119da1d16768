/**
 * Trains the same networks in Kindling, in PyTorch and in other JavaScript libraries, and prints how
 * many images each learns from in a second. All take turns, each in a process of its own, so that a
 * change in the machine's speed meets all of them; the table shows medians over the rounds.
 *
 *   deno task compare [--rounds 7] [--seconds 2] [--threads 1] [--networks A,B,cnn,mlp]
 *     [--peers kindling,pytorch,tfjs-wasm,jax-js,convnetjs,tfjs-cpu,loops] [--json] [--no-check]
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawTable } from "../../milestones/report/table.ts";
import { networkOf } from "../networks.ts";
import { plannedNetworks } from "./plan.ts";
import { median } from "./run_peer.ts";
import { readTimes } from "./times.ts";

/** A library, and how its script is started. */
interface Peer {
  readonly key: string;
  readonly title: string;
  readonly script: string;
  /** What Deno lets it do; null for a script in Python. */
  readonly permissions: readonly string[] | null;
  readonly args: readonly string[];
  /** Whether it can have more than one thread. */
  readonly hasThreads: boolean;
  /** Whether it also has the network with batch norm. */
  readonly hasNorm: boolean;
}

const kindling = { script: "kindling.ts", permissions: [], hasNorm: true } as const;
const tensorflow = {
  script: "tensorflow.ts",
  permissions: ["--allow-read", "--allow-env"], // it reads its own WebAssembly, and looks for proxies
  hasThreads: false,
  hasNorm: false,
} as const;

/** All that can be compared; the first is the measure of the others. */
const peers: readonly Peer[] = [
  { key: "kindling", title: "Kindling", ...kindling, args: [], hasThreads: true },
  {
    key: "pytorch",
    title: "PyTorch",
    script: "train_step_pytorch.py",
    permissions: null,
    args: [],
    hasThreads: true,
    hasNorm: true,
  },
  { key: "tfjs-wasm", title: "TF.js wasm", ...tensorflow, args: ["--backend", "wasm"] },
  {
    key: "jax-js",
    title: "jax-js",
    script: "jax_js.ts",
    permissions: [],
    args: [],
    hasThreads: true,
    hasNorm: false,
  },
  {
    key: "convnetjs",
    title: "ConvNetJS",
    script: "convnetjs.ts",
    permissions: [],
    args: [],
    hasThreads: false,
    hasNorm: false,
  },
  { key: "tfjs-cpu", title: "TF.js cpu", ...tensorflow, args: ["--backend", "cpu"] },
  {
    key: "loops",
    title: "Kindling's loops",
    ...kindling,
    args: ["--backend", "loops"],
    hasThreads: false,
  },
];

/** Who is compared when nothing else is asked for; the last two take their time. */
const usualPeers = peers.slice(0, 5).map(({ key }) => key);

/** What a script printed, or why it printed nothing. */
type Outcome = { readonly results: Record<string, number> } | { readonly problem: string };

/** The sentence in which a program said why it stopped. */
function reasonIn(output: string): string {
  const lines = output.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const reason = lines.find((line) => /error\b.*:/i.test(line)) ?? lines.at(-1) ??
    "it said nothing";
  return reason.replace(/^error: (Uncaught (\(in promise\) )?)?/, "");
}

/** Runs a program to its end. */
async function runProgram(program: string, args: readonly string[]): Promise<Outcome> {
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  if (error) return { problem: `${program} cannot be started` };
  if (status !== 0) return { problem: reasonIn(stderr) };
  try {
    return { results: await readTimes(program, stdout) };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

/** Runs the script of a library, in Python wherever there is one that has what it needs. */
async function runPeer(
  { script, permissions, args }: Peer,
  more: readonly string[],
): Promise<Outcome> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  if (permissions) {
    const config = fileURLToPath(new URL("deno.json", import.meta.url));
    const before = ["run", "--quiet", "--no-prompt", "--config", config];
    return await runProgram("deno", [...before, ...permissions, path, ...args, ...more]);
  }
  let outcome: Outcome = { problem: "there is no Python" };
  for (const python of ["python3", "/usr/bin/python3"]) {
    outcome = await runProgram(python, [path, ...args, ...more]);
    if ("results" in outcome) break;
  }
  return outcome;
}

/** What was asked for. */
interface Settings {
  readonly rounds: number;
  readonly seconds: string;
  readonly threads: string;
  readonly networks: readonly string[];
  readonly chosen: readonly Peer[];
  readonly isJson: boolean;
  readonly isChecked: boolean;
}

/** Reads the command line. */
function readSettings(): Settings {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      rounds: { type: "string", default: "7" },
      seconds: { type: "string", default: "2" },
      threads: { type: "string", default: "1" },
      networks: { type: "string", default: plannedNetworks.join() },
      peers: { type: "string", default: usualPeers.join() },
      json: { type: "boolean", default: false },
      "no-check": { type: "boolean", default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    throw new RangeError(`Cannot measure ${values.rounds} rounds: it must be a whole number`);
  }
  const chosen = values.peers.split(",").map((key) => {
    const peer = peers.find((peer) => peer.key === key);
    if (peer) return peer;
    const known = peers.map(({ key }) => key).join(", ");
    throw new RangeError(`Cannot compare with ${key}: it is none of ${known}`);
  });
  return {
    rounds,
    seconds: values.seconds,
    threads: values.threads,
    networks: values.networks.split(",").map((key) => networkOf(key).key),
    chosen,
    isJson: values.json,
    isChecked: !values["no-check"],
  };
}

/** All milliseconds per step, one for each round, and the most memory. */
interface Measured {
  readonly ms: number[];
  MiB: number;
}

/** What was measured of each library and network, and why there is nothing of some libraries. */
interface Comparison {
  readonly measured: Map<string, Measured>;
  readonly problems: Map<Peer, string>;
}

function nameOf(peer: Peer, network: string): string {
  return `${peer.key} ${network}`;
}

/** The networks that a library has. */
function networksOf({ hasNorm }: Peer, networks: readonly string[]): string[] {
  return networks.filter((key) => hasNorm || plannedNetworks.includes(key));
}

/** Whether each library computes what Kindling's loops do; PyTorch draws weights of its own. */
async function checkAll(
  { chosen, networks }: Settings,
  problems: Map<Peer, string>,
): Promise<void> {
  for (const peer of chosen) {
    const own = networksOf(peer, networks);
    if (peer.permissions === null || own.length === 0) continue;
    process.stderr.write(`checking ${peer.title}\n`);
    const outcome = await runPeer(peer, ["--check", ...own]);
    if ("problem" in outcome) problems.set(peer, outcome.problem);
  }
}

/** Measures in turns. */
async function compare(settings: Settings): Promise<Comparison> {
  const { rounds, seconds, threads, networks, chosen, isChecked } = settings;
  const measured = new Map<string, Measured>(), problems = new Map<Peer, string>();
  if (isChecked) await checkAll(settings, problems);
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    for (const network of networks) {
      for (const peer of chosen) {
        if (problems.has(peer) || !networksOf(peer, [network]).length) continue;
        const share = peer.hasThreads ? ["--threads", threads] : [];
        const outcome = await runPeer(peer, ["--seconds", seconds, ...share, network]);
        if ("problem" in outcome) {
          problems.set(peer, outcome.problem);
          continue;
        }
        const name = nameOf(peer, network), before = measured.get(name) ?? { ms: [], MiB: 0 };
        before.ms.push(outcome.results[network]);
        before.MiB = Math.max(before.MiB, outcome.results.MiB);
        measured.set(name, before);
      }
    }
  }
  return { measured, problems };
}

/** Three digits that count, with commas between thousands. */
function digits(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 3 });
}

/** A table with a row for each network and a column for each library. */
function tableOf(
  first: string,
  { networks, chosen }: Settings,
  cell: (peer: Peer, network: string) => string,
): string {
  const rows = networks.map((key) => {
    const { title, batch } = networkOf(key);
    return [`${key}: ${title}, batch ${batch}`, ...chosen.map((peer) => cell(peer, key))];
  });
  const headings = [first, ...chosen.map(({ title }) => title)];
  return drawTable({ headings, rows }, process.stdout.columns || 120);
}

/** Prints the tables, and a line about each library that is missing. */
function report(settings: Settings, { measured, problems }: Comparison): void {
  const [judge] = settings.chosen;
  function speed(peer: Peer, key: string): number | null {
    const times = measured.get(nameOf(peer, key))?.ms;
    return times && !problems.has(peer) ? 1000 * networkOf(key).batch / median(times) : null;
  }
  const heading = `images/s (times ${judge.title})`;
  const speeds = tableOf(heading, settings, (peer, key) => {
    const own = speed(peer, key), other = speed(judge, key);
    if (own === null) return "–";
    return peer === judge || other === null
      ? digits(own)
      : `${digits(own)} (${digits(own / other)})`;
  });
  const memory = tableOf("most memory, MiB", settings, (peer, key) => {
    const found = measured.get(nameOf(peer, key));
    return found && !problems.has(peer) ? digits(found.MiB) : "–";
  });
  process.stdout.write(`${speeds}\n\n${memory}\n`);
  for (const [{ title }, problem] of problems) process.stdout.write(`\n${title}: ${problem}\n`);
}

const settings = readSettings(), comparison = await compare(settings);
if (settings.isJson) {
  process.stdout.write(`${JSON.stringify(Object.fromEntries(comparison.measured), null, 2)}\n`);
} else {
  report(settings, comparison);
}
