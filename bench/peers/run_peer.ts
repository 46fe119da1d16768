/**
 * What the script of each library has in common: reads the command line, checks that the library does
 * the work, times it, and prints one JSON object.
 *
 *   <script> [--check] [--seconds 2] [--threads 1] A B cnn mlp
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Network, networkOf, stepOf } from "../networks.ts";
import { plannedNetworks, seed } from "./plan.ts";

/** Takes one step of training and returns the loss before it. */
export type Step = () => number | Promise<number>;

/** What the script was asked for, beside the networks. */
export interface PeerOptions {
  /** How many threads may share the work. */
  readonly threads: number;
  /** Which of its backends the library uses, if it has several. */
  readonly backend: string;
}

/** Fewest steps before the clock starts, and with the clock running; only 1 if one takes too long. */
const least = { warmUp: 2, timed: 3 } as const;

/** How many losses are held against Kindling's, and how far off they may be: float32 rounds. */
const checked = { steps: 4, tolerance: 2e-4 } as const;

/** The median of some numbers. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** The median milliseconds of a step: a third of the seconds is to warm up, and the rest counts. */
async function timeSteps(key: string, step: Step, seconds: number): Promise<number> {
  const begin = performance.now(), first = await step();
  const isSlow = performance.now() - begin > 1000 * seconds;
  let last = first;
  async function repeat(duration: number, atLeast: number): Promise<number[]> {
    const times: number[] = [], end = performance.now() + 1000 * duration;
    while (times.length < atLeast || performance.now() < end) {
      const start = performance.now(), loss = step();
      last = typeof loss === "number" ? loss : await loss;
      times.push(performance.now() - start);
    }
    return times;
  }
  if (!isSlow) await repeat(seconds / 3, least.warmUp);
  const times = await repeat(2 * seconds / 3, isSlow ? 1 : least.timed);
  if (!(last < first)) throw new Error(`${key} does not learn: its loss went ${first} → ${last}`);
  return median(times);
}

/** Kindling's first losses, on its plain loops. */
function firstLosses(network: Network): number[] {
  const step = stepOf(network, { seed });
  return Array.from({ length: checked.steps }, step);
}

/** Compares the first losses with Kindling's; returns the largest difference. */
async function checkLosses(key: string, step: Step, expected: readonly number[]): Promise<number> {
  let worst = 0;
  for (const [k, loss] of expected.entries()) {
    const found = await step(), off = Math.abs(found - loss);
    worst = Math.max(worst, off);
    if (off <= checked.tolerance) continue;
    throw new Error(
      `${key} is another network: its loss before step ${k + 1} is ${found}, not ${loss}`,
    );
  }
  return worst;
}

/**
 * Runs the script of a library. Prints median milliseconds per step for each network, and under `MiB`
 * the most memory that the process ever had; with `--check` how far the first losses are from
 * Kindling's instead.
 *
 * @param prepare Builds a network in the library, and makes the function that takes a step.
 */
export async function runPeer(
  prepare: (network: Network, options: PeerOptions) => Step | Promise<Step>,
): Promise<void> {
  const { values, positionals } = parseArgs({
    args: process.argv.slice(2),
    allowPositionals: true,
    options: {
      check: { type: "boolean", default: false },
      seconds: { type: "string", default: "2" },
      threads: { type: "string", default: "1" },
      backend: { type: "string", default: "" },
    },
  });
  const chosen = (positionals.length > 0 ? positionals : plannedNetworks).map(networkOf);
  const options = { threads: Number(values.threads), backend: values.backend };
  const expected = values.check ? chosen.map(firstLosses) : [];
  const results: Record<string, number> = {};
  for (const [k, network] of chosen.entries()) {
    const step = await prepare(network, options);
    results[network.key] = values.check
      ? await checkLosses(network.key, step, expected[k])
      : await timeSteps(network.key, step, Number(values.seconds));
  }
  const { maxRSS } = process.resourceUsage();
  process.stdout.write(`${JSON.stringify({ ...results, MiB: Math.round(maxRSS / 1024) })}\n`);
  process.exit(0); // some libraries keep workers, which would keep the process
}
