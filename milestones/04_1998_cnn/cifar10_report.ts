/**
 * The report of milestone 04, part 2: what is said before the training and after it.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { Evaluation } from "#training";
import { imageShape } from "../../datasets/cifar10.ts";
import { describeOrigin } from "../../datasets/cifar10_source.ts";
import { layerTable, mapsSection, type Sight, stretched } from "../report/comparison.ts";
import type { Milestone } from "../report/milestone.ts";
import {
  type Block,
  bulleted,
  type Introduction,
  type Section,
  section,
} from "../report/sections.ts";
import { count, duration, percent, plural, times } from "../report/wording.ts";
import { documentOf, type Photographs } from "./cifar10_document.ts";
import {
  checkpointPath,
  type Choices,
  help,
  type Options,
  readOptions,
} from "./cifar10_options.ts";
import type { Cifar10Document, Example, NetworkRow, Preset } from "./cifar10_schema.ts";

export type { Options, Photographs, Preset };

/** What makes a command of the page. */
type Particulars = Omit<
  Milestone<Options, Photographs, Evaluation, Cifar10Document>,
  "load" | "chance" | "train" | "test"
>;

/** Everything about the milestone that does not stand on its page. */
export function particulars(
  choices: Choices & { readonly recipe: Cifar10Document["recipe"] },
): Particulars {
  const { convolutional, dense, recipe } = choices, { batchSize } = recipe;
  return {
    name: "04_1998_cnn/02_cifar10",
    task: "cifar10",
    help: help(choices),
    readOptions: (args) => readOptions(choices, args),
    kernels: "fast",
    models: [convolutional, dense],
    inputShape: imageShape,
    normalized: recipe,
    introduce: (options, data) => introduce(options, data, recipe),
    size: ({ preset: { epochs } }) => ({ epochs, batchSize, isLong: true }),
    outcome: ({ tested, seconds }, images) =>
      `${percent(tested.accuracy)} of ${count(images)} images that it has not learnt from, ` +
      `trained in ${duration(seconds)}.`,
    choose: ([cnn]) => cnn,
    describe: (occasion) => documentOf(recipe, occasion),
    sections: sectionsOf,
    keep: (options, { key, title }, { train, origin: { fingerprint } }) => {
      const { preset: { purpose: _, ...preset }, seed, validate } = options;
      const path = checkpointPath(options, key), isFirst = key === convolutional.key;
      return {
        path,
        resume: options.resume && (isFirst || existsSync(path)), // the MLP may not have begun
        settings: {
          ...{ network: title, seed, validate, fingerprint, images: train.length },
          ...{ preset, recipe },
        },
      };
    },
    settings: ({ preset, validate }) => ({ preset, validate }),
  };
}

function introduce(
  { preset, seed, validate }: Options,
  { train, origin }: Photographs,
  { batchSize, shift, labelSmoothing }: Cifar10Document["recipe"],
): Omit<Introduction, "facts"> {
  const judged = validate
    ? "judged by training images that are set aside; the test images are not touched"
    : `judged by ${count(origin.test)} test images, which are read once, at the end`;
  return {
    title: "Milestone 04 · 1998, part 2: photographs",
    paragraphs: [
      `Preset ${preset.key} (${preset.purpose}): ${count(train.length)} images of 32×32 pixels, ` +
      `${
        plural(preset.epochs, "epoch")
      } in batches of ${batchSize}, each image mirrored or not and ` +
      `shifted by up to ${shift} pixels; AdamW, the learning rate rising to ` +
      `${preset.learningRate} and falling to nearly 0, label smoothing ${labelSmoothing}, seed ` +
      `${seed}; ${judged}.`,
      `Data: ${describeOrigin(origin)}`,
    ],
  };
}

// ── Tables ──

function mainTable({ networks }: Cifar10Document): Block {
  return {
    kind: "table",
    headings: ["", "parameters", "MACs/image", "accuracy", "training"],
    rows: networks.map((row) => [
      row.title,
      count(row.parameters),
      count(row.multiplyAccumulates),
      percent(row.accuracy),
      duration(row.trainingSeconds),
    ]),
  };
}

function legend({ judgedBy: { images, what }, origin }: Cifar10Document): Block {
  const judged = what === "test" ? "test images" : "training images that were set aside";
  return {
    kind: "text",
    text: `Accuracy: of ${count(images)} ${judged}, ${describeOrigin(origin)}. One seed, so no ` +
      "spread. MACs: multiplications with their additions.",
  };
}

function curves(networks: readonly NetworkRow[]): Block[] {
  const lines = (of: "loss" | "accuracy"): { name: string; values: number[] }[] =>
    networks.map(({ title, history }) => (
      { name: title, values: history.map((epoch) => epoch[of] ?? 0) }
    ));
  const [losses, accuracies] = [lines("loss"), lines("accuracy")];
  const accuracy = "Accuracy on the training images, as they come";
  return [
    { kind: "curves", title: "Loss while it learns", lines: losses, show: (y) => y.toFixed(2) },
    { kind: "curves", title: accuracy, lines: accuracies, show: percent },
  ];
}

/** Photographs with what the network says of them. */
function photographs(title: string, examples: readonly Example[], { image }: Sight): Section {
  const pictures = examples.map(({ index, truth, taken, confidence }) => {
    const says = truth === taken ? truth : `${truth}, taken for ${taken}`;
    return { ...image(index), caption: [says, `${percent(confidence)} sure`] };
  });
  return section(title, { kind: "pictures", look: "color", pictures, shownWidth: 96 });
}

// ── What the numbers support ──

/** The sentences that this run's numbers support, and no others. */
export function conclusions({ networks, judgedBy, trained }: Cifar10Document): string[] {
  const [cnn, mlp] = networks, sentences: string[] = [];
  if (mlp) {
    const gap = (cnn.accuracy - mlp.accuracy) * 100;
    const ratio = mlp.multiplyAccumulates / cnn.multiplyAccumulates;
    sentences.push(
      `The ${mlp.title} got the same ${count(trained)} images in the same order with the same ` +
        `shifts, epochs, optimizer and schedule, a learning rate that suits it, and ` +
        `${times(ratio)} times the multiplications: ` +
        `${percent(mlp.accuracy)} against ${percent(cnn.accuracy)}, a gap of ` +
        `${gap.toFixed(1)} points with one seed, by ${count(judgedBy.images)} images. It has ` +
        `${times(mlp.parameters / cnn.parameters)} times the parameters.`,
    );
  }
  const most = cnn.layers.reduce((a, b) => a.parameters >= b.parameters ? a : b);
  const linear = cnn.layers.filter(({ name }) => name.endsWith("Linear"));
  const inLinear = linear.reduce((sum, { parameters }) => sum + parameters, 0);
  sentences.push(
    `Most parameters of the ${cnn.title} stand in one layer, ${most.name}: ` +
      `${count(most.parameters)} of ${count(cnn.parameters)}. Its dense part has ` +
      `${percent(inLinear / cnn.parameters)} of them.`,
  );
  return sentences;
}

// ── The report ──

/** What the report shows; with sight, also what only a page can show. */
export function sectionsOf(document: Cifar10Document, sight?: Sight): readonly Section[] {
  const { networks, classes, classAccuracies, confusion, pairs, filters, right, wrong } = document;
  const [cnn] = networks;
  const bars = classes.map((name, k) => ({ name, part: classAccuracies[k] }));
  const names = classes.map((name, k) => `${k} ${name}`).join(", ");
  const confused = pairs.map(({ truth, taken, count }) => (
    { mark: `${count}`, text: `${truth} taken for ${taken}` }
  ));
  const pictures = filters.map((planes) => {
    const side = Math.sqrt(planes.length / 3);
    return { numbers: stretched(planes), height: side, width: side };
  });
  const shown = [...right, ...wrong].slice(0, 3).map(({ index, truth }) => ({
    index,
    name: truth,
  }));
  const result: Section = {
    title: null,
    always: true,
    blocks: [mainTable(document), legend(document)],
  };
  const all = "Which class is taken for which (rows: what it is, columns: what it says)";
  const first = `The ${filters.length} filters of the first layer`;
  const parameters = `Where the parameters of the ${cnn.title} are`;
  return [
    result,
    ...(sight ? [section("How they learnt", ...curves(networks))] : []),
    section("Of each class, the part that is right", { kind: "bars", bars }),
    section(all, { kind: "confusion", counts: confusion, classes }, { kind: "text", text: names }),
    ...(pairs.length > 0
      ? [section("Most often confused", { kind: "list", items: confused })]
      : []),
    ...(filters.length > 0 ? [section(first, { kind: "pictures", look: "color", pictures })] : []),
    ...(sight
      ? [
        ...mapsSection(shown, sight, "color"),
        photographs("Right, the surest of each class", right, sight),
        photographs("Wrong, the surest first", wrong, sight),
      ]
      : []),
    section(parameters, layerTable(cnn.layers)),
    section("What this run shows", bulleted(conclusions(document))),
  ];
}
