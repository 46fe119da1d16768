/**
 * # Milestone 01 · 1958: the perceptron
 *
 * The first machine that learnt from examples: it adds up its inputs, each times a weight, and says
 * yes if the sum is above 0. When it is wrong, and only then, the input itself is added to the
 * weights, or taken from them. That is all, and it comes to an end whenever an answer exists.
 *
 *   deno task perceptron            0 against 1; all pairs; ten machines; the Mark I's idea; XOR
 *   deno task perceptron --full     also how far the digit 8 is from being separable
 *   deno task perceptron --help     everything else
 *
 * It needs tensors and random numbers, both of module 01, and nothing that came later.
 *
 * @module
 */
import { Generator } from "#random";
import { Tensor } from "#tensor";
import { loadTinyDigits } from "../../datasets/tinydigits.ts";
import { runExperiment } from "../report/experiment.ts";
import { type Examples, type Learnt, type Margin, perceptron } from "./perceptron_report.ts";

// ── The data: inputs (N, 65), the ink of 64 pixels and a 1, and what each shows ──
// The 1 makes the threshold a weight like the others.

async function loadDigits(): Promise<{ train: Examples; test: Examples }> {
  const [train, test] = Object.values(await loadTinyDigits()).map(({ images, labels, shape }) => {
    const pixels = new Tensor(images, [shape[0], 64]);
    return { x: withOne(pixels), digits: [...labels] };
  });
  return { train, test };
}

function withOne(x: Tensor): Tensor {
  return Tensor.concat([x, Tensor.ones([x.shape[0], 1])], 1);
}

/** Those that show one of two digits: y·x, so that right means above 0 for both. */
function pairOf({ x, digits }: Examples, yes: number, no: number): Tensor {
  const rows = digits.flatMap((digit, k) => digit === yes || digit === no ? [k] : []);
  const sign = rows.map((k) => [digits[k] === yes ? 1 : -1]);
  return Tensor.concat(rows.map((k) => x.slice([k, k + 1]))).mul(Tensor.of(sign));
}

// ── The rule ──

/**
 * Corrects on each mistake, until there is none in a whole sweep. While the weights stay as they are,
 * one product asks all examples that are left.
 *
 * @param yx The examples, each times its answer, 1 or −1: (N, D).
 * @param most The most sweeps.
 */
function learn(yx: Tensor, most = 100): Learnt {
  const [N, D] = yx.shape, mistakes: number[] = [];
  let weights = Tensor.zeros([D]), sum = weights, seen = 0;
  for (let sweep = 1; sweep <= most; sweep++) {
    const before = mistakes.length;
    for (let from = 0; from < N;) {
      const sums = yx.slice([from, N]).matmul(weights.reshape([D, 1])); // (N − from, 1)
      const wrong = sums.data.findIndex((sum) => sum <= 0),
        asked = wrong < 0 ? N - from : wrong + 1;
      sum = sum.add(weights.mul(asked));
      seen += asked;
      from += asked;
      if (wrong < 0) break;
      mistakes.push(from - 1);
      weights = weights.add(yx.slice([from - 1, from]).reshape([D])); // w += y·x
    }
    const isClean = mistakes.length === before;
    if (isClean || sweep === most) {
      return { weights, averaged: sum.div(seen), mistakes, sweeps: sweep, isClean };
    }
  }
  throw new RangeError("Cannot learn in no sweep");
}

/** How many examples are on the right side. */
function rightOf(yx: Tensor, weights: Tensor): number {
  return yx.matmul(weights.reshape([weights.size, 1])).greater(0).sum().item();
}

// ── How wide the gap is: Gilbert's algorithm, 1966 ──
// The best margin is the distance of the origin from the convex hull of all y·x. A point of the hull
// moves towards the example that is furthest behind; its length is never below the margin, and its
// worst example never above it.

function bestMargin(yx: Tensor, steps: number): Margin {
  const [, D] = yx.shape;
  let point = yx.slice([0, 1]).reshape([D]), least = -Infinity, direction = point;
  for (let step = 0; step <= steps; step++) {
    const length = Math.sqrt(point.mul(point).sum().item());
    const sums = yx.matmul(point.reshape([D, 1])).data, worst = sums.indexOf(Math.min(...sums));
    if (sums[worst] / length > least) {
      least = sums[worst] / length;
      direction = point.div(length);
    }
    if (step === steps || length - least <= 0.01 * length) {
      return { least, most: length, direction };
    }
    const towards = yx.slice([worst, worst + 1]).reshape([D]).sub(point);
    const t = -point.mul(towards).sum().item() / towards.mul(towards).sum().item();
    point = point.add(towards.mul(Math.min(1, Math.max(0, t))));
  }
  throw new RangeError("Cannot bracket a margin in no step");
}

// ── The Mark I's idea: association units, wired at random and never trained ──

/** 0 or 1 from each unit: five pixels excite it, five inhibit it. */
function association(units: number, generator: Generator): (x: Tensor) => Tensor {
  const wires = new Float32Array(64 * units);
  for (let unit = 0; unit < units; unit++) {
    const pixels = generator.permutation(64);
    for (let k = 0; k < 10; k++) wires[pixels[k] * units + unit] = k < 5 ? 1 : -1;
  }
  const table = new Tensor(wires, [64, units]);
  return (x) => withOne(x.slice(null, [0, 64]).matmul(table).greater(0)); // (N, units + 1)
}

const page = { loadDigits, withOne, pairOf, learn, rightOf, bestMargin, association };
if (import.meta.main) await runExperiment(perceptron(page));
