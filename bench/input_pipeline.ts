/**
 * Times what happens to a batch of photographs before the network sees it, beside the training step
 * that it is for: milestone 04, part 2, on random bytes.
 *
 *   deno task bench:input               one thread
 *   deno task bench:input --threads 2   two, for the step; the pipeline has one
 *
 * @module
 */
import process from "node:process";
import { DataLoader } from "#dataloader";
import { crossEntropy } from "#losses";
import { AdamW } from "#optimizers";
import { Generator } from "#random";
import { type Batch, trainStep } from "#training";
import { ByteImages } from "../datasets/cifar10.ts";
import { augmented, convolutional, recipe } from "../milestones/04_1998_cnn/02_cifar10.ts";
import { readArguments } from "../course/arguments.ts";
import { readKernelOptions, useKernels } from "../milestones/kernels.ts";
import { sideBySide } from "./side_by_side.ts";

const given = readArguments(process.argv.slice(2), [], ["threads"]);
const wanted = readKernelOptions(undefined, given.threads);
const { name } = useKernels(wanted, "fast", false), { batchSize, labelSmoothing } = recipe;

const generator = new Generator(1), images = 20 * batchSize;
const pixels = Uint8Array.from({ length: images * 3072 }, () => generator.integer(256));
const labels = Int32Array.from({ length: images }, () => generator.integer(10));
const dataset = new ByteImages(pixels, labels), transform = augmented(generator);
const loader = new DataLoader(dataset, { batchSize, shuffle: generator, transform });
const model = convolutional.build(generator);
const optimizer = new AdamW(model.parameters(), { learningRate: 1e-3 });
const loss = (
  ...[scores, targets]: Parameters<typeof crossEntropy>
): ReturnType<typeof crossEntropy> => crossEntropy(scores, targets, { labelSmoothing });

let walk = loader[Symbol.iterator]();
/** The next batch, of the next epoch if this one is over. */
function next(): Batch {
  const { done, value } = walk.next();
  if (!done) return value;
  walk = loader[Symbol.iterator]();
  return next();
}
const batch = next();
const [input, step] = await sideBySide([
  () => void next(),
  () => void trainStep(model, [batch], { loss, optimizer }),
], { rounds: 5, milliseconds: 500 });
const milliseconds = (seconds: number): string => `${(seconds * 1000).toFixed(1)} ms`;
console.log(
  `A batch of ${batchSize}: ${milliseconds(input)} to load, normalise, mirror and shift; ` +
    `${milliseconds(step)} to learn from (${name}). The input takes ` +
    `${(input / (input + step) * 100).toFixed(1)} % of the two together, medians of 5 turns.`,
);
process.exit(0); // threads would keep it alive
