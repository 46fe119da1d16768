/**
 * Times the fast kernels against the loops that they replace, and against what this machine could do
 * at best, measured in the same run: for products, multiplications and additions in registers alone;
 * for everything else, copying memory.
 *
 *   deno task bench:kernels
 *
 * @module
 */
import process from "node:process";
import { chooseKernels } from "#fast";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import * as kindling from "../mod.ts";
import { drawTable } from "../milestones/report/table.ts";
import { FastKernels } from "../modules/fast/kernel_set.ts";
import type { Machine } from "../modules/fast/machine/machine.ts";
import { productCall, productScratch } from "../modules/fast/kernels/products.ts";
import type { Kernel } from "../modules/fast/machine/threads.ts";
import { peakOf, perRound } from "./peak.ts";
import { sideBySide } from "./side_by_side.ts";

/** A product (m, k) · (k, n), and how often a training step of a network makes it. */
type Product = readonly [title: string, m: number, n: number, k: number, times: number];

const squares: readonly Product[] = [64, 128, 256, 512, 1024].map((n) => [`${n}³`, n, n, n, 0]);

/** All products of one training step of the networks A and B (networks.ts), batches of 64. */
const ofNetworks: readonly Product[] = [
  ["A, convolution 1", 32, 900, 27, 64],
  ["A, its filters' gradient", 27, 32, 900, 64],
  ["A, convolution 2", 64, 169, 288, 64],
  ["A, its filters' gradient", 288, 64, 169, 64],
  ["A, its input's gradient", 288, 169, 64, 64],
  ["A, linear 1", 64, 256, 2304, 1],
  ["A, its weights' gradient", 256, 2304, 64, 1],
  ["A, its input's gradient", 64, 2304, 256, 1],
  ["B, convolution 1", 6, 784, 75, 64],
  ["B, its filters' gradient", 75, 6, 784, 64],
  ["B, convolution 2", 16, 100, 150, 64],
  ["B, its filters' gradient", 150, 16, 100, 64],
  ["B, its input's gradient", 150, 100, 16, 64],
  ["B, linear 1", 64, 120, 400, 1],
];

const { kernels, notice } = chooseKernels(kindling);
if (!(kernels instanceof FastKernels)) {
  process.stderr.write(`${notice}\n`);
  process.exit(1);
}
const { machine } = kernels, runPeak = peakOf(kernels.name === "SIMD" ? "SIMD" : "relaxed SIMD");

/** Writes random numbers, and returns where they are. */
function numbersAt({ heap }: Machine, count: number): number {
  const address = heap.take(4 * count), generator = new Generator(1);
  new Float32Array(heap.buffer, address, count).forEach((_, i, all) => all[i] = generator.normal());
  return address;
}

/** Times one product: kernel, registers alone, and the loops where they would not take too long. */
async function timeProduct([title, m, n, k, times]: Product): Promise<
  { row: string[]; seconds: number; best: number }
> {
  const { heap, run } = machine, start = heap.top;
  const [a, b, out] = [m * k, k * n, m * n].map((count) => numbersAt(machine, count));
  const scratch = heap.take(productScratch(m, n, k));
  const repeats = Math.ceil(4e6 / (m * n * k)), rounds = Math.ceil(repeats * m * n * k / perRound);
  const left = Tensor.uniform([m, k], new Generator(1)),
    right = Tensor.uniform([k, n], new Generator(2));
  const distances = { outRow: 4 * n, aRow: 4 * k, aStep: 4, bColumn: 4, bStep: 4 * n };
  const product = productCall({ out, a, b, m, n, k, ...distances });
  const [mine, peak, loops] = await sideBySide([
    () => {
      for (let r = 0; r < repeats; r++) {
        run.clear(out, 4 * m * n);
        const [name, ...parameters] = product;
        run[name](...parameters, scratch);
      }
    },
    () => runPeak(rounds),
    () => void left.matmul(right),
  ]);
  heap.top = start;
  const perProduct = mine / repeats,
    best = peak / repeats * (repeats * m * n * k / (rounds * perRound));
  const cells = [2e-9 * m * n * k / perProduct, best / perProduct, loops / perProduct];
  const [speed, share, faster] = cells;
  return {
    row: [
      title,
      `${m}×${k} · ${k}×${n}`,
      speed.toFixed(1),
      share.toFixed(2),
      `${faster.toFixed(0)}×`,
    ],
    seconds: perProduct * times,
    best: best * times,
  };
}

/** A kernel over large arrays, the bytes that it reads and writes, and the loops that do the same. */
interface Walk {
  readonly title: string;
  readonly bytes: number;
  readonly kernel: () => void;
}

/** Kernels whose pace memory sets. */
function walks(): Walk[] {
  const run: Readonly<Record<string, Kernel>> = machine.run; // also those that only kernels call
  const { heap } = machine, n = 64 * 32 * 30 * 30, pooled = n / 4, weights = 600_000;
  const [x, y, out] = [n, n, n].map((count) => numbersAt(machine, count));
  const places = heap.take(4 * pooled), channel = numbersAt(machine, 512);
  const of = (k: number): number => channel + 4 * 64 * k;
  return [
    { title: "copy", bytes: 8 * n, kernel: () => run.copyPlanes(out, 0, 0, x, 0, 0, 1, 1, n) },
    { title: "ReLU", bytes: 8 * n, kernel: () => run.relu(out, x, n) },
    { title: "ReLU's gradient", bytes: 12 * n, kernel: () => run.reluGradient(out, x, y, n) },
    { title: "add", bytes: 12 * n, kernel: () => run.add(out, x, y, n, 1, 1) },
    { title: "bias", bytes: 8 * n, kernel: () => run.fillRows(out, of(0), 64, n / 64) },
    {
      title: "max-pool 2×2, with places",
      bytes: 4 * n + 8 * pooled,
      kernel: () => run.maxPool2(out, places, x, 0, 64 * 32, 30, 30),
    },
    {
      title: "batch norm",
      bytes: 4 * 5 * n, // reads x three times, writes two arrays
      kernel: () =>
        run.normForward(x, of(0), of(1), out, y, of(2), of(3), of(4), 64, 32, 900, 1e-5),
    },
    {
      title: "SGD with momentum",
      bytes: 20 * weights,
      kernel: () => run.sgd(out, y, x, weights, 0, 0, 0.9, 0),
    },
    {
      title: "Adam",
      bytes: 28 * weights,
      kernel: () =>
        run.adam(out, y, x, x + 4 * weights, weights, 0.9, 0.1, 1, 0.9, 0.1, 1, 0, 1e-8, 0, 1),
    },
    { title: "exp", bytes: 8 * n, kernel: () => run.exp(out, x, n) },
  ];
}

process.stdout.write(`Kernels: ${kernels.name}, one thread\n\n`);
const headings = ["", "product", "GFLOP/s", "share of peak", "loops take"];
const products: Awaited<ReturnType<typeof timeProduct>>[] = [];
for (const product of [...squares, ...ofNetworks]) products.push(await timeProduct(product));
process.stdout.write(`${drawTable({ headings, rows: products.map(({ row }) => row) }, 100)}\n`);
const total = (of: "seconds" | "best"): number => products.reduce((sum, part) => sum + part[of], 0);
const share = (total("best") / total("seconds")).toFixed(2);
process.stdout.write(
  `\nAll products of A and B together, by their time: ${share} of the peak.\n\n`,
);

const all = walks(), times = await sideBySide(all.map(({ kernel }) => kernel));
const bandwidth = all[0].bytes / times[0];
const rows = all.map(({ title, bytes }, k) => [
  title,
  (1e-9 * bytes / times[k]).toFixed(1),
  (bytes / times[k] / bandwidth).toFixed(2),
]);
process.stdout.write(`${drawTable({ headings: ["", "GB/s", "share of copying"], rows }, 100)}\n`);
