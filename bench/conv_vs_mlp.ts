/**
 * The comparison that the project is named for: what a convolution costs and what an MLP costs, on
 * TinyDigits, at equal width, at equal parameters, and at the best accuracy that the MLP reaches.
 * Accuracy is measured on a fifth of the training digits that neither has learned; the test digits are
 * not touched.
 *
 *   deno task bench:conv
 *
 * @module
 */
import process from "node:process";
import { DataLoader, randomSplit } from "#dataloader";
import { Flatten, Linear, ReLU, Sequential, summarize } from "#layers";
import { crossEntropy } from "#losses";
import { SGD } from "#optimizers";
import { Generator } from "#random";
import { Conv2d, MaxPool2d } from "#spatial";
import { loops, setKernels, type Tensor } from "#tensor";
import { type Batch, cosine, evaluate, fit, trainStep } from "#training";
import { loadDigits, recipe } from "../milestones/04_1998_cnn/01_tinydigits.ts";
import { useKernels } from "../milestones/kernels.ts";
import { drawTable } from "../milestones/report/table.ts";
import { sideBySide } from "./side_by_side.ts";

const epochs = 30, seeds = [1, 2, 3];

const { learningRate, momentum, weightDecay } = recipe,
  sgd = { learningRate, momentum, weightDecay };

/** A kind of network, made with a generator. */
interface Kind {
  readonly title: string;
  readonly build: (generator: Generator) => Sequential;
}

/** One hidden layer. */
function mlp(hidden: number): Kind {
  const build: Kind["build"] = (generator) =>
    new Sequential(
      new Flatten(),
      new Linear(64, hidden, { generator }),
      new ReLU(),
      new Linear(hidden, 10, { generator }),
    );
  return { title: `MLP 64-${hidden}-10`, build };
}

/** One convolution with a 3×3 window and pooling; (B, 1, 8, 8) → (B, filters, 3, 3) → (B, 10). */
function conv(filters: number): Kind {
  const build: Kind["build"] = (generator) =>
    new Sequential(
      new Conv2d(1, filters, 3, { generator }),
      new ReLU(),
      new MaxPool2d(2),
      new Flatten(),
      new Linear(9 * filters, 10, { generator }),
    );
  return { title: `Conv 3×3, ${filters} filters`, build };
}

const { train: digits } = await loadDigits();
const learned = Math.floor(digits.length * 0.8);
const parts = [learned, digits.length - learned];
const [toLearn, heldOut] = randomSplit(digits, parts, new Generator(1));
const one = heldOut.batch(Int32Array.from({ length: recipe.batchSize }, (_, k) => k));

/** Makes a step of training on one batch. */
function stepper({ build }: Kind, batch: Batch): () => number {
  const model = build(new Generator(1)), optimizer = new SGD(model.parameters(), sgd);
  return () => trainStep(model, [batch], { loss: crossEntropy, optimizer });
}

/** Bytes of all different arrays that the tensors of one step of training hold, each once. */
function bytesOfStep(kind: Kind): number {
  const made: object[] = [], step = stepper(kind, one);
  const restore = setKernels({ ...loops, made: (tensor) => made.push(tensor) });
  step();
  restore();
  const arrays = new Set(made.map((tensor) => (tensor as Tensor).data));
  return [...arrays].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** Mean accuracy on the digits held out, over all seeds, and half the range between them. */
async function accuracyOf({ build }: Kind): Promise<{ mean: number; spread: number }> {
  const found: number[] = [];
  for (const seed of seeds) {
    const generator = new Generator(seed), model = build(generator);
    const optimizer = new SGD(model.parameters(), sgd);
    const batches = new DataLoader(toLearn, { batchSize: recipe.batchSize, shuffle: generator });
    const schedule = cosine(recipe.learningRate);
    await fit(model, batches, { loss: crossEntropy, optimizer, epochs, schedule });
    const held = new DataLoader(heldOut, { batchSize: heldOut.length });
    found.push((await evaluate(model, held, { loss: crossEntropy })).accuracy);
  }
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
  return { mean, spread: (Math.max(...found) - Math.min(...found)) / 2 };
}

/** Compares kinds beside the first of them, and prints a table. */
async function compare(title: string, kinds: readonly Kind[]): Promise<void> {
  const times = await sideBySide(kinds.map((kind) => stepper(kind, one)));
  const rows: string[][] = [];
  for (const [k, kind] of kinds.entries()) {
    const { parameters, multiplyAccumulates } = summarize(kind.build(new Generator(1)), [
      1,
      1,
      8,
      8,
    ]);
    const { mean, spread } = await accuracyOf(kind);
    rows.push([
      kind.title,
      String(parameters),
      String(multiplyAccumulates),
      (1e3 * times[k]).toFixed(3),
      `${(times[k] / times[0]).toFixed(2)}×`,
      (bytesOfStep(kind) / 1024).toFixed(0),
      `${(100 * mean).toFixed(1)} ± ${(100 * spread).toFixed(1)} %`,
    ]);
  }
  const headings = [title, "parameters", "MACs/image", "ms a step", "", "KiB a step", "held out"];
  process.stdout.write(`${drawTable({ headings, rows }, 100)}\n\n`);
}

/** Parameters of a kind. */
function sizeOf({ build }: Kind): number {
  return summarize(build(new Generator(1)), [1, 1, 8, 8]).parameters;
}

const { name } = useKernels({ kernels: null, threads: 1 }, "simd", false);
process.stdout.write(`Kernels: ${name}; batches of ${recipe.batchSize}, ${epochs} epochs, `);
process.stdout.write(`${seeds.length} seeds. ± is half the range between them.\n\n`);

const eight = conv(8), outputs = 8 * 6 * 6;
await compare("Equal width", [eight, mlp(outputs)]);

const widths = Array.from({ length: 256 }, (_, k) => k + 1);
const distance = (hidden: number): number => Math.abs(sizeOf(mlp(hidden)) - sizeOf(eight));
const equal = widths.reduce((best, hidden) => distance(hidden) < distance(best) ? hidden : best);
await compare("Equal parameters", [eight, mlp(equal)]);

const mlps: { kind: Kind; mean: number }[] = [];
for (const kind of [8, 16, 32, 64, 128, 256].map(mlp)) {
  mlps.push({ kind, mean: (await accuracyOf(kind)).mean });
}
const best = mlps.reduce((most, one) => one.mean > most.mean ? one : most);
let smallest: Kind | null = null;
for (const kind of [2, 4, 6, 8, 12, 16, 24].map(conv)) {
  smallest ??= (await accuracyOf(kind)).mean >= best.mean ? kind : null;
  if (smallest) break;
}
if (smallest) await compare("Equal accuracy", [smallest, best.kind]);
else {process.stdout.write(
    `No convolution of up to 24 filters reads as well as ${best.kind.title}.\n`,
  );}
