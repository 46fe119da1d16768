/**
 * The report of milestone 04, part 1: what is said before the training and after it.
 *
 * @module
 */
import { compareAccuracy, lossCurves, mapsSection, type Sight } from "../report/comparison.ts";
import type { Milestone } from "../report/milestone.ts";
import type { ModelSpec } from "../report/results.ts";
import {
  type Block,
  bulleted,
  type Introduction,
  type Section,
  section,
} from "../report/sections.ts";
import { differ } from "../report/statistics.ts";
import { count, listed, percent, plural, sizes, times } from "../report/wording.ts";
import {
  type Digits,
  digitShape,
  documentOf,
  mostInteresting,
  type Recipe,
  type Tested,
} from "./tinydigits_document.ts";
import { help, type Options, readOptions, readSettings } from "./tinydigits_options.ts";
import type { DigitsRow, LayerCount, TinydigitsDocument } from "./tinydigits_schema.ts";

export type { Digits, Options, Tested };

/** What makes a command of the page. */
type Particulars = Omit<
  Milestone<Options, Digits, Tested, TinydigitsDocument>,
  "load" | "chance" | "train" | "test"
>;

/** Everything about the milestone that does not stand on its page. */
export function particulars(models: readonly ModelSpec[], recipe: Recipe): Particulars {
  return {
    name: "04_1998_cnn/01_tinydigits",
    task: "tinydigits",
    help: help(models),
    readOptions: (args) => readOptions(models, args),
    kernels: "simd",
    models,
    inputShape: digitShape,
    introduce: (options, data) => introduce(options, data, recipe),
    size: ({ epochs }) => ({ epochs, batchSize: recipe.batchSize, isLong: false }),
    outcome: ({ tested, seconds }) =>
      `${percent(tested.accuracy)} read right, trained in ${seconds.toFixed(1)} s`,
    choose: mostInteresting,
    describe: (occasion) => documentOf(models, recipe, occasion),
    sections: sectionsOf,
    settings: ({ epochs, augment }) => ({ epochs, augment }),
    readSettings,
  };
}

function introduce(
  { models, epochs, augment, seeds }: Options,
  { train, test }: Digits,
  { batchSize, momentum, weightDecay, learningRate }: Recipe,
): Omit<Introduction, "facts"> {
  const names = listed(models.map(({ title }) => title));
  const shifts = augment ? ", the digits shifted by up to one pixel at random" : "";
  return {
    title: "Milestone 04 · 1998: the convolutional network, on real handwritten digits",
    paragraphs: [
      "An MLP sees 64 unrelated numbers. A convolution sees a picture, and looks at every place of " +
      "it through the same few weights. Is that worth anything, when everything else is equal?",
      `Compared: ${names}. Each learns ${count(train.length)} digits for ` +
      `${plural(epochs, "epoch")} in batches of ${batchSize}${shifts}, by SGD (momentum ` +
      `${momentum}, weight decay ${weightDecay}, learning rate ${learningRate} falling to 0 along ` +
      `a cosine), with ${plural(seeds, "seed")}, and is then tested on ${count(test.length)} ` +
      "digits that it has never seen.",
    ],
  };
}

// ── Tables ──

function mainTable({ models }: TinydigitsDocument): Block {
  return {
    kind: "table",
    headings: ["", "parameters", "MACs/image", "accuracy", "shifted 1 px", "training"],
    rows: models.map((row) => [
      row.title,
      count(row.parameters),
      count(row.multiplyAccumulates),
      percent(row.accuracy),
      percent(row.shifted),
      `${row.trainingSeconds.mean.toFixed(1)} s`,
    ]),
  };
}

function legend({ models, recipe: { seeds, augment }, loadedFrom }: TinydigitsDocument): Block {
  const frozen = models.filter(({ trained, parameters }) => trained < parameters);
  const spread = seeds.length > 1
    ? `Mean ± standard deviation over ${seeds.length} seeds.`
    : "One seed, so no spread.";
  const text = [
    `${spread} MACs: multiplications with their additions. Shifted: the same test digits moved by ` +
    "one pixel, mean of right, left, down and up, zeros moved in. Training: mean seconds per seed" +
    (loadedFrom === null ? "." : ", as the network's file says."),
    ...frozen.map(({ title, parameters, trained }) =>
      `${title}: ${count(parameters - trained)} of its parameters are frozen.`
    ),
    ...(augment ? ["The training digits were shifted as well, by up to one pixel at random."] : []),
  ].join(" ");
  return { kind: "text", text };
}

function layerTable(layers: readonly LayerCount[]): Block {
  return {
    kind: "table",
    headings: ["", "map", "weights", "dense layer", "more"],
    rows: layers.map((layer) => [
      `${layer.model}: ${layer.layer}`,
      `${sizes(layer.inputShape)} → ${sizes(layer.outputShape)}`,
      count(layer.weights),
      count(layer.denseWeights),
      `${times(layer.denseWeights / layer.weights)} ×`,
    ]),
  };
}

// ── What the numbers support ──

/** One sentence about a shift by one pixel. */
function compareShift(one: DigitsRow, other: DigitsRow): string {
  const numbers = `${percent(one.shifted)} against ${percent(other.shifted)}`;
  if (!differ(one.shifted, other.shifted)) {
    return `Shifted by one pixel, the two cannot be told apart with these seeds: ${numbers}.`;
  }
  const reads = one.shifted.mean > other.shifted.mean ? "more" : "less";
  return `Shifted by one pixel, ${one.title} reads ${reads} than ${other.title}: ${numbers}.`;
}

/** The sentences that this run's numbers support, and no others. */
export function conclusions({ models, layers }: TinydigitsDocument): string[] {
  const row = (key: string): DigitsRow | undefined => models.find((model) => model.key === key);
  const [wide, lenet] = [row("wide"), row("lenet")], mlp = row("mlp") ?? wide;
  const others = models.filter(({ key }) => key !== "mlp" && key !== "wide");
  const changed = models.filter(({ key }) => key === "unpooled" || key === "frozen");
  const pairs = [
    ...others.flatMap((conv) => mlp ? [[conv, mlp] as const] : []),
    ...changed.flatMap((other) => lenet ? [[other, lenet] as const] : []),
  ];
  const sentences = pairs.map(([one, other]) =>
    `${compareAccuracy(one, other, "digits")} ${compareShift(one, other)}`
  );
  if (mlp && wide && mlp !== wide) sentences.push(compareAccuracy(wide, mlp, "digits"));
  const losses = models.map(({ accuracy, shifted }) => accuracy.mean - shifted.mean);
  const least = Math.min(...losses);
  if (layers.length > 0 && models.length > 1 && least > 0) {
    sentences.push(
      `One pixel still costs every model something, the least ${(least * 100).toFixed(1)} points ` +
        `(${models[losses.indexOf(least)].title}): convolution and pooling do not make a network ` +
        "blind to shifts.",
    );
  }
  if (layers.length > 0) {
    const ratio = ({ denseWeights, weights }: LayerCount): number => denseWeights / weights;
    const most = layers.reduce((a, b) => ratio(b) > ratio(a) ? b : a);
    sentences.push(
      `Sharing weights is what saves parameters: ${most.layer} of ${most.model} has ` +
        `${count(most.weights)}, and a dense layer that computes the same map would have ` +
        `${count(most.denseWeights)}. That is a count layer by layer, not one of whole models: ` +
        "theirs stand in the table.",
    );
  }
  return sentences;
}

// ── The report ──

/** What the report shows; with sight, also what only a page can show. */
export function sectionsOf(document: TinydigitsDocument, sight?: Sight): readonly Section[] {
  const { models, layers, closeup, recipe: { seeds } } = document;
  const { model, seed, confusion, filters, filterSide, wrong, wrongCount } = closeup;
  const together = seeds.length > 1 ? "all seeds together" : "one seed";
  const filterPictures = filters.map((numbers) => (
    { numbers, height: filterSide, width: filterSide }
  ));
  const digits = wrong.map(({ pixels, label, prediction, confidence }) => ({
    numbers: pixels,
    height: 8,
    width: 8,
    caption: [`a ${label}, read as ${prediction}`, `${(confidence * 100).toFixed(0)} % sure`],
  }));
  const shown = wrong.slice(0, 3).map(({ index, label }) => ({ index, name: `a ${label}` }));
  const sentences = conclusions(document);
  const result: Section = {
    title: null,
    always: true,
    blocks: [mainTable(document), legend(document)],
  };
  const confused =
    `Which digit ${model} takes for which (rows: what it is, columns: what it says; ` +
    `${together})`;
  const first = `The ${filters.length} filters of ${model}'s first layer, seed ${seed}`;
  const surest = `${wrong.length} of the ${wrongCount} digits that it reads wrong with seed ` +
    `${seed}, the surest first`;
  const dense = "Each convolution beside the dense layer that would compute the same map";
  const pictures: Block = { kind: "pictures", look: "signed", pictures: filterPictures };
  const readWrong: Block = { kind: "pictures", look: "ink", pictures: digits, shownWidth: 96 };
  return [
    result,
    ...(sight ? [section("How they learnt (first seed)", lossCurves(models))] : []),
    ...(layers.length > 0 ? [section(dense, layerTable(layers))] : []),
    section(confused, { kind: "confusion", counts: confusion }),
    ...(filters.length > 0 ? [section(first, pictures)] : []),
    ...(wrong.length > 0 ? [section(surest, readWrong)] : []),
    ...(sight ? mapsSection(shown, sight, "ink") : []),
    ...(sentences.length > 0 ? [section("What this run shows", bulleted(sentences))] : []),
  ];
}
