/**
 * What milestone 01 measures with its page, and how it is told.
 *
 * @module
 */
import { Generator } from "#random";
import { Tensor } from "#tensor";
import {
  type Experiment,
  type ExperimentOptions,
  refusedByExperiments,
} from "../report/experiment.ts";
import { type CommandLine, flag, type Option, whole } from "../report/options.ts";
import type { Check, Setting } from "../report/schema.ts";
import { bulleted, type PictureBlock, type Section, section } from "../report/sections.ts";
import { count, percent } from "../report/wording.ts";
import type { Pair, PerceptronDocument, Ten } from "./perceptron_schema.ts";

/** Inputs, one in a row, and the digit that each shows. */
export interface Examples {
  readonly x: Tensor; // (N, D)
  readonly digits: readonly number[];
}

/** What a machine came to. */
export interface Learnt {
  readonly weights: Tensor; // (D,)
  /** The mean of the weights over all examples that it saw. */
  readonly averaged: Tensor; // (D,)
  /** Which examples it was wrong about, in order. */
  readonly mistakes: readonly number[];
  readonly sweeps: number;
  /** Whether it went through all examples without a mistake. */
  readonly isClean: boolean;
}

/** The best margin, from below and from above, and a direction that reaches the lower bound. */
export interface Margin {
  readonly least: number;
  readonly most: number;
  readonly direction: Tensor; // (D,), of length 1
}

/** What the page does. */
export interface Page {
  readonly loadDigits: () => Promise<{ train: Examples; test: Examples }>;
  readonly withOne: (x: Tensor) => Tensor;
  readonly pairOf: (examples: Examples, yes: number, no: number) => Tensor;
  readonly learn: (yx: Tensor, most?: number) => Learnt;
  readonly rightOf: (yx: Tensor, weights: Tensor) => number;
  readonly bestMargin: (yx: Tensor, steps: number) => Margin;
  readonly association: (units: number, generator: Generator) => (x: Tensor) => Tensor;
}

type Own = { readonly full: Option<boolean>; readonly seed: Option<number> };

const commandLine: CommandLine<Own> = {
  task: "perceptron",
  question: "Milestone 01, 1958: what can a machine learn that corrects itself on mistakes?",
  options: {
    full: flag("also how far the digit 8 is from being separable from all others (seconds)"),
    seed: whole("the seed of the random association units (default 1)", 0, 1),
  },
  kernels: "whose loops run: simd (the default without modules of your own), fast, or loops",
  threads: "how many threads share large operations (default 1; these are small)",
  usualThreads: 1,
  refused: refusedByExperiments,
};

/** The milestone, for its page. */
export function perceptron(page: Page): Experiment<Own, PerceptronDocument> {
  return {
    commandLine,
    introduce: () => ({
      title: "Milestone 01 · 1958: the perceptron",
      paragraphs: [
        "A sum of inputs, each times a weight, is above 0 or not. On a mistake the input is added to " +
        "the weights, or taken from them. The rule as it is here, with corrections on mistakes only, " +
        "is that of the convergence proofs of 1960 to 1962; digits of 8×8 pixels stand for the cards " +
        "of 1958.",
      ],
    }),
    run: (options, setting) => new Measurement(page).run(options, setting),
    sections,
  };
}

// ── Measuring ──

const digits = Array.from({ length: 10 }, (_, digit) => digit);

const directions = { right: [0, 1], left: [0, -1], down: [1, 0], up: [-1, 0] } as const;

type Direction = keyof typeof directions;
const names = ["right", "left", "down", "up"] as const satisfies readonly Direction[];

/** What a page's rule comes to on the digits. */
class Measurement {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async run(
    { full, seed }: ExperimentOptions<Own>,
    setting: Setting,
  ): Promise<PerceptronDocument> {
    const { loadDigits, learn, pairOf, association } = this.#page;
    const { train, test } = await loadDigits();
    const first = this.#first(train, test), pairs: Pair[] = [];
    const machines: [number, number, Tensor][] = [];
    for (const yes of digits) {
      for (const no of digits.slice(yes + 1)) {
        const learnt = learn(pairOf(train, yes, no)), unseen = pairOf(test, yes, no);
        machines.push([yes, no, learnt.averaged]);
        pairs.push({
          digits: [yes, no],
          mistakes: learnt.mistakes.length,
          sweeps: learnt.sweeps,
          separated: learnt.isClean,
          test: this.#partRight(unseen, learnt.weights),
          averagedTest: this.#partRight(unseen, learnt.averaged),
        });
      }
    }
    const voted = (examples: Examples): number => voteOf(machines, examples);
    const wire = association(512, new Generator(seed));
    const document = {
      milestone: "01_1958_perceptron" as const,
      ...{ setting, seed, first, pairs },
      vote: { test: voted(test), shifted: this.#shiftedMean(test, voted) },
      pixels: this.#ten(train, test, (x) => x),
      association: this.#ten(train, test, wire),
      xor: this.#xorSweep(),
      eight: full ? this.#marginOfEight(train) : null,
      calibratedBy: "nothing: only the wiring is random, see --seed",
    };
    const evidence = evidenceOf(document);
    return { ...document, evidence, passed: evidence.every(({ passed }) => passed !== false) };
  }

  #first(train: Examples, test: Examples): PerceptronDocument["first"] {
    const { pairOf, learn, bestMargin } = this.#page, yx = pairOf(train, 0, 1);
    const { weights, mistakes, sweeps } = learn(yx), M = mistakes.length;
    const { least, most, direction } = bestMargin(yx, 5000);
    const length = (v: Tensor): number => Math.sqrt(v.mul(v).sum().item());
    const radius = Math.max(...yx.mul(yx).sum(1).data.map(Math.sqrt));
    const wrong = Tensor.concat(mistakes.map((k) => yx.slice([k, k + 1]))).sum(0);
    const [right, left, down, up] = names.map((name) =>
      this.#partRight(pairOf(this.#moved(test, name), 0, 1), weights)
    );
    return {
      ...{ examples: yx.shape[0], mistakes: [...mistakes], sweeps, radius },
      ...{ margin: { least, most }, bound: (radius / least) ** 2 },
      proof: [
        Math.sqrt(M) * radius,
        length(weights),
        weights.mul(direction).sum().item(),
        M * least,
      ],
      ...{ weights: [...weights.data], signedSum: [...wrong.data] },
      test: this.#partRight(pairOf(test, 0, 1), weights),
      shifted: { right, left, down, up },
    };
  }

  /** Ten machines on some inputs, twenty sweeps at most. */
  #ten(train: Examples, test: Examples, see: (x: Tensor) => Tensor): Ten {
    const x = see(train.x),
      machines = digits.map((digit) => {
        const sign = train.digits.map((shown) => [shown === digit ? 1 : -1]);
        return this.#page.learn(x.mul(Tensor.of(sign)), 20);
      });
    const table = columns(machines.map(({ averaged }) => averaged));
    const read = (examples: Examples): number => {
      const sums = see(examples.x).matmul(table);
      return partOf(examples.digits, (k) => loudest([...sums.data.subarray(k * 10, k * 10 + 10)]));
    };
    const notClean = digits.filter((digit) => !machines[digit].isClean);
    return {
      ...{ inputs: x.shape[1] - 1, clean: 10 - notClean.length, notClean },
      ...{ test: read(test), shifted: this.#shiftedMean(test, read) },
    };
  }

  /** The weights after each mistake of one sweep over XOR. */
  #xorSweep(): number[][] {
    const { mistakes } = this.#page.learn(xorPoints, 1);
    let weights = Tensor.zeros([3]);
    return mistakes.map((k) => {
      weights = weights.add(xorPoints.slice([k, k + 1]).reshape([3]));
      return [...weights.data];
    });
  }

  #marginOfEight({ x, digits: shown }: Examples): { least: number; most: number } {
    const sign = Tensor.of(shown.map((digit) => [digit === 8 ? 1 : -1]));
    const { least, most } = this.#page.bestMargin(x.mul(sign), 20_000);
    return { least, most };
  }

  #partRight(yx: Tensor, weights: Tensor): number {
    return this.#page.rightOf(yx, weights) / yx.shape[0];
  }

  /** Examples moved by one pixel; paper moves in. */
  #moved({ x, digits: shown }: Examples, direction: Direction): Examples {
    const [N] = x.shape, [dy, dx] = directions[direction];
    const [top, bottom] = [Math.max(dy, 0), Math.max(-dy, 0)];
    const [left, right] = [Math.max(dx, 0), Math.max(-dx, 0)];
    const moved = x.slice(null, [0, 64]).reshape([N, 8, 8])
      .slice(null, [bottom, 8 - top], [right, 8 - left])
      .pad([[0, 0], [top, bottom], [left, right]]);
    return { x: this.#page.withOne(moved.reshape([N, 64])), digits: shown };
  }

  /** The mean over the four directions. */
  #shiftedMean(test: Examples, partOf: (examples: Examples) => number): number {
    const parts = names.map((name) => partOf(this.#moved(test, name)));
    return parts.reduce((sum, part) => sum + part, 0) / parts.length;
  }
}

/** The points of XOR and a 1, each times its answer. */
const xorPoints = Tensor.of([[0, 0, -1], [0, 1, 1], [1, 0, 1], [-1, -1, -1]]);

/** Weights side by side, one machine in a column. */
function columns(weights: readonly Tensor[]): Tensor {
  return Tensor.concat(weights.map((w) => w.reshape([w.size, 1])), 1);
}

/** The part of the test digits that most of the machines name. */
function voteOf(
  machines: readonly [number, number, Tensor][],
  { x, digits: shown }: Examples,
): number {
  const says = x.matmul(columns(machines.map(([, , weights]) => weights))).greater(0);
  return partOf(shown, (k) => {
    const votes = digits.map(() => 0);
    machines.forEach(([yes, no], m) => votes[says.data[k * machines.length + m] ? yes : no]++);
    return loudest(votes);
  });
}

function loudest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function partOf(shown: readonly number[], said: (k: number) => number): number {
  return shown.filter((digit, k) => digit === said(k)).length / shown.length;
}

// ── Evidence ──

function evidenceOf(document: Omit<PerceptronDocument, "evidence" | "passed">): Check[] {
  const { first, pairs, vote, pixels, association: units, xor } = document,
    [root, w, along, gap] = first.proof;
  const differs = first.weights.some((weight, k) => Math.abs(weight - first.signedSum[k]) > 1e-4);
  const M = first.mistakes.length, slack = 1e-4;
  const check = (passed: boolean, claim: string, suspicion: string): Check => ({
    claim,
    passed,
    suspicion,
  });
  return [
    check(
      M <= first.bound,
      `0 against 1: ${M} mistakes, and the proof allows ${
        count(Math.floor(first.bound))
      }: (R/γ)² with ` +
        `R = ${first.radius.toFixed(2)} and γ at least ${first.margin.least.toFixed(3)}`,
      "the rule adds to the weights without a mistake, or a product is wrong",
    ),
    check(
      root + slack >= w && w + slack >= along && along + slack >= gap,
      `the proof in this run's numbers: √M·R = ${root.toFixed(2)} ≥ ‖w‖ = ${
        w.toFixed(2)
      } ≥ w·w* = ` +
        `${along.toFixed(2)} ≥ M·γ = ${gap.toFixed(2)}`,
      "matmul() or sum() is wrong",
    ),
    check(
      !differs,
      "the weights are the sum of the digits that it got wrong, each with its sign",
      "add() is wrong, or weights were changed in place",
    ),
    check(
      pairs.every(({ separated }) => separated),
      `all ${pairs.length} pairs of digits are separated, after ` +
        `${count(pairs.reduce((sum, { mistakes }) => sum + mistakes, 0))} mistakes together`,
      "greater() or the choice of rows is wrong",
    ),
    check(
      vote.test >= 0.96,
      `45 machines vote: ${
        percent(vote.test)
      } of the test digits are read right; at least 96 % is asked for`,
      "the averaged weights are not the mean over all examples",
    ),
    check(
      units.clean === 10 && pixels.clean < 10,
      `with ${units.inputs} random association units ${units.clean} of 10 machines end without a mistake, ` +
        `on pixels ${pixels.clean}`,
      "the wiring is not ten different pixels for each unit",
    ),
    check(
      xor.length === 4 && xor[3].every((weight) => weight === 0),
      "XOR: four mistakes in the first sweep, and all weights are 0 again",
      "the rule does not ask each example once in a sweep",
    ),
  ];
}

// ── The report ──

function sections(document: PerceptronDocument): readonly Section[] {
  const { first, pairs, vote, pixels, association: units, xor, eight } = document;
  const M = first.mistakes.length, hardest = pairs.toSorted((a, b) => b.mistakes - a.mistakes)[0];
  const mean = (key: "test" | "averagedTest"): number =>
    pairs.reduce((sum, pair) => sum + pair[key], 0) / pairs.length;
  const plane = (numbers: readonly number[]): PictureBlock => ({
    numbers: numbers.slice(0, 64),
    height: 8,
    width: 8,
  });
  return [
    {
      title: null,
      always: true,
      blocks: [
        {
          kind: "table",
          headings: ["", "learnt without a mistake", "test digits", "shifted 1 px"],
          rows: [
            ["0 against 1", "yes", percent(first.test), percent(meanShift(first.shifted))],
            [
              "45 pairs that vote",
              `${pairs.filter((p) => p.separated).length} of 45`,
              percent(vote.test),
              percent(vote.shifted),
            ],
            [
              "ten machines on 64 pixels",
              `${pixels.clean} of 10`,
              percent(pixels.test),
              percent(pixels.shifted),
            ],
            [
              `ten on ${units.inputs} random units`,
              `${units.clean} of 10`,
              percent(units.test),
              percent(units.shifted),
            ],
          ],
        },
        {
          kind: "text",
          text:
            "Voting and the ten use the mean of the weights over all examples. Shifted: the same test digits moved by one pixel, mean of right, left, down and up.",
        },
      ],
    },
    section(
      "What 0 against 1 has learnt",
      {
        kind: "pictures",
        look: "signed",
        pictures: [
          { ...plane(first.weights), caption: ["the weights"] },
          { ...plane(first.signedSum), caption: ["the digits it got", "wrong, added up"] },
        ],
      },
      {
        kind: "text",
        text: `${M} mistakes in ${first.sweeps} sweeps over ${
          count(first.examples)
        } digits. Both pictures are the same numbers: a perceptron is the sum of its mistakes.`,
      },
    ),
    section(
      "Why it had to stop",
      bulleted([
        `Each mistake adds an example no longer than R = ${
          first.radius.toFixed(2)
        } that points away from w, so ‖w‖² grows by at most R²: after ${M} mistakes ‖w‖ is at most √${M}·R = ${
          first.proof[0].toFixed(2)
        }.`,
        `Some direction w* has every example at least γ on its right side, so w·w* grows by γ each time: it is at least ${M}·γ = ${
          first.proof[3].toFixed(2)
        }.`,
        `A length is never below its part along a direction: M·γ ≤ √M·R, so M ≤ (R/γ)² = ${
          count(Math.floor(first.bound))
        }. The best γ lies between ${first.margin.least.toFixed(4)} and ${
          first.margin.most.toFixed(4)
        } (Gilbert's algorithm).`,
      ]),
    ),
    section(
      "What it cannot do",
      bulleted([
        `One pixel to the right, and 0 against 1 is ${
          percent(first.shifted.right)
        } right (a coin: 50 %); left ${percent(first.shifted.left)}, down ${
          percent(first.shifted.down)
        }, up ${percent(first.shifted.up)}.`,
        `XOR: the weights (for x₁, x₂ and 1) after each of its four mistakes are ${
          xor.map((w) => `(${w.join(", ")})`).join(", ")
        }. They are back at 0, and the next sweep is the same: the corrections cancel, so no weights can be right.`,
        eight === null
          ? `On pixels, ${
            pixels.notClean.join(", ")
          } against all others did not come clean in 20 sweeps (--full brackets the margin of 8).`
          : `On pixels, 8 against all others: its best margin is at most ${
            eight.most.toFixed(4)
          }, and none above ${Math.max(0, eight.least).toFixed(4)} was found.`,
      ]),
    ),
    section("All pairs", {
      kind: "text",
      text: `Hardest is ${
        hardest.digits.join(" against ")
      } with ${hardest.mistakes} mistakes. On test digits of the two, the last weights are ${
        percent(mean("test"))
      } right, their mean over all examples ${percent(mean("averagedTest"))}.`,
    }),
    section("The Mark I's idea", {
      kind: "text",
      text:
        `The Mark I of 1960 had 512 association units between its photocells and its weights, wired at random and never trained. Here each is excited by five pixels and inhibited by five. With them ${units.clean} of 10 machines come clean that on pixels did so ${pixels.clean} times of 10: a random layer is enough to separate what pixels alone do not.`,
    }),
  ];
}

function meanShift(parts: PerceptronDocument["first"]["shifted"]): number {
  return Object.values(parts).reduce((sum, part) => sum + part, 0) / 4;
}
