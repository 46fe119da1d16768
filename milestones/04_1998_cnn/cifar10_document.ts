/**
 * Everything that a run of milestone 04, part 2, has measured, as one plain document. The report and
 * the page draw it, `--json` prints it, and no number exists anywhere else.
 *
 * @module
 */
import { classes, imageShape } from "../../datasets/cifar10.ts";
import { type Sequential, summarize } from "#layers";
import { confusionMatrix } from "#training";
import type { Setting } from "../kernels.ts";
import calibration from "./cifar10_calibration.json" with { type: "json" };
import type { Origin } from "./cifar10_data.ts";
import type { Options } from "./cifar10_options.ts";
import { type NetworkSpec, type Preset, recipe } from "./cifar10_presets.ts";
import type { Epoch, Judged, Trained } from "./cifar10_run.ts";
import { type Check, checkAccuracy, checkLoss, checkMovement, checkSlope } from "./evidence.ts";
import type { Measured } from "./statistics.ts";
import { convolutions } from "./tinydigits_models.ts";

/** A layer, and what it costs. */
export interface LayerRow {
  /** Place and class. */
  readonly name: string;
  /** What comes out, without the batch axis. */
  readonly outputShape: readonly number[];
  /** All numbers in it that are trained. */
  readonly parameters: number;
  /** Multiplications with their additions, for one image. */
  readonly multiplyAccumulates: number;
}

/** One network, trained and judged. */
export interface NetworkRow {
  /** `cnn` or `mlp`. */
  readonly key: string;
  /** What tables call it. */
  readonly title: string;
  /** All numbers in it that are trained. */
  readonly parameters: number;
  /** Multiplications with their additions, for one image. */
  readonly multiplyAccumulates: number;
  /** Its layers that have parameters or cost something. */
  readonly layers: readonly LayerRow[];
  /** The part of the images judged that is right. */
  readonly accuracy: number;
  /** Mean cross-entropy on them. */
  readonly loss: number;
  /** Seconds of training, those of earlier runs included. */
  readonly trainingSeconds: number;
  /** What each epoch came to. */
  readonly history: readonly Epoch[];
}

/** Two classes that are taken for each other. */
export interface Pair {
  /** What it is. */
  readonly truth: string;
  /** What it was taken for. */
  readonly taken: string;
  /** How often. */
  readonly count: number;
}

/** An image that was judged. */
export interface Example {
  /** Its place among the images judged. */
  readonly index: number;
  /** What it is. */
  readonly truth: string;
  /** What the network says. */
  readonly taken: string;
  /** How sure it is, 0 to 1. */
  readonly confidence: number;
}

/** Everything that was measured. */
export interface Cifar10Document {
  /** Which milestone. */
  readonly milestone: "04_1998_cnn/02_cifar10";
  /** Where it ran. */
  readonly setting: Setting;
  /** Which data. */
  readonly origin: Origin;
  /** How the networks were trained. */
  readonly preset: Preset;
  /** And what is the same for all presets. */
  readonly recipe: typeof recipe;
  /** Where all chance came from. */
  readonly seed: number;
  /** How many images the networks learnt from. */
  readonly trained: number;
  /** What they were judged by. */
  readonly judgedBy: { readonly images: number; readonly what: "test" | "set aside" };
  /** The CNN, and the MLP if it was trained. */
  readonly networks: readonly NetworkRow[];
  /** The classes, by label. */
  readonly classes: readonly string[];
  /** Of each class, the part that the CNN has right; null for a class of which there is none. */
  readonly classAccuracies: readonly (number | null)[];
  /** Rows are the truth, columns what the CNN says. */
  readonly confusion: readonly (readonly number[])[];
  /** The classes that it confuses most often, most first. */
  readonly pairs: readonly Pair[];
  /** The first layer's filters: red, green and blue planes of 3×3 numbers each. */
  readonly filters: readonly (readonly number[])[];
  /** Images that it has right, the surest of each class. */
  readonly right: readonly Example[];
  /** Images that it has wrong, the surest first. */
  readonly wrong: readonly Example[];
  /** Why to believe it. */
  readonly evidence: readonly Check[];
  /** The command that measured what the accuracy is held against. */
  readonly calibratedBy: string;
  /** Whether no check failed. */
  readonly passed: boolean;
}

/** A network with what its training and its judgement came to. */
export interface Result {
  readonly spec: NetworkSpec;
  readonly trained: Trained;
  readonly judged: Judged;
}

/** What a run was about. */
export interface Occasion {
  readonly options: Options;
  readonly setting: Setting;
  readonly origin: Origin;
  /** How many images the networks learnt from. */
  readonly images: number;
  /** The labels of the images that they were judged by. */
  readonly labels: Int32Array;
}

function networkRow({ spec, trained, judged }: Result): NetworkRow {
  const summary = summarize(trained.model, [1, ...imageShape]);
  const layers = summary.layers.filter((layer) => layer.parameters > 0);
  return {
    key: spec.key,
    title: spec.title,
    parameters: summary.parameters,
    multiplyAccumulates: summary.multiplyAccumulates,
    layers: layers.map(({ name, outputShape, parameters, multiplyAccumulates }) => (
      { name, outputShape: outputShape.slice(1), parameters, multiplyAccumulates }
    )),
    accuracy: judged.accuracy,
    loss: judged.loss,
    trainingSeconds: trained.seconds,
    history: trained.history,
  };
}

/** The numbers of the first layer's filters. */
function filtersOf(model: Sequential): number[][] {
  const [first] = convolutions(model);
  if (!first) return [];
  const { data, shape: [count] } = first.weight, size = data.length / count;
  return Array.from({ length: count }, (_, k) => [...data.subarray(k * size, (k + 1) * size)]);
}

function confusionOf({ predictions }: Judged, labels: Int32Array): number[][] {
  const { data } = confusionMatrix(predictions, labels, classes.length), K = classes.length;
  return Array.from({ length: K }, (_, k) => [...data.subarray(k * K, (k + 1) * K)]);
}

function pairsOf(confusion: readonly (readonly number[])[]): Pair[] {
  const pairs = confusion.flatMap((row, truth) =>
    row.map((count, taken) => ({ truth: classes[truth], taken: classes[taken], count }))
  );
  const confused = pairs.filter(({ truth, taken, count }) => truth !== taken && count > 0);
  return confused.sort((a, b) => b.count - a.count).slice(0, 5);
}

/** Images in the order of how sure the network is, the surest first. */
function surest({ predictions, confidences }: Judged, labels: Int32Array): Example[] {
  const order = [...labels.keys()].sort((a, b) => confidences[b] - confidences[a] || a - b);
  return order.map((index) => ({
    index,
    truth: classes[labels[index]],
    taken: classes[predictions[index]],
    confidence: confidences[index],
  }));
}

/** What the reference reached with a preset, and on which data. */
type Calibrated = Record<string, { accuracy: Measured } | undefined>;

/** What the accuracy is held against; or why there is nothing. */
function knownAccuracy({ options, origin, images }: Occasion): Measured | string {
  const { key, images: wanted = 50_000 } = options.preset;
  const known = (calibration.presets as Calibrated)[key];
  if (options.validate) return "not calibrated for images that are set aside";
  if (!known) return "this preset is not calibrated";
  const isWhole = images === wanted && origin.test === 10_000;
  return isWhole ? known.accuracy : "other data than 50,000 and 10,000 images are not calibrated";
}

function weighEvidence(results: readonly Result[], occasion: Occasion): Check[] {
  const [{ spec, trained, judged }] = results, percent = (judged.accuracy * 100).toFixed(1);
  const checks = results.map(({ spec, judged }) =>
    checkLoss(spec.title, judged.loss, judged.recomputedLoss)
  );
  if (trained.slope) {
    checks.push(checkSlope(spec.title, trained.slope.predicted, trained.slope.measured));
  }
  if (trained.filtersMoved !== null) checks.push(checkMovement(spec.title, trained.filtersMoved));
  const says = `${spec.title}: ${percent} % of ${
    judged.predictions.length.toLocaleString("en-US")
  } images are right`;
  return [...checks, checkAccuracy(says, [judged.accuracy], knownAccuracy(occasion))];
}

/**
 * Gathers everything that was measured.
 *
 * @param results The CNN first, and the MLP if it was trained.
 * @param occasion What the run was about.
 */
export function documentOf(results: readonly Result[], occasion: Occasion): Cifar10Document {
  const { options, setting, origin, labels } = occasion, [{ trained, judged }] = results;
  const confusion = confusionOf(judged, labels), examples = surest(judged, labels);
  const evidence = weighEvidence(results, occasion);
  const right = classes.flatMap((name) =>
    examples.find(({ truth, taken }) => truth === name && taken === name) ?? []
  );
  return {
    milestone: "04_1998_cnn/02_cifar10",
    setting,
    origin,
    preset: options.preset,
    recipe,
    seed: options.seed,
    trained: occasion.images,
    judgedBy: { images: labels.length, what: options.validate ? "set aside" : "test" },
    networks: results.map(networkRow),
    classes,
    classAccuracies: confusion.map((row, k) => {
      const all = row.reduce((a, b) => a + b, 0);
      return all > 0 ? row[k] / all : null;
    }),
    confusion,
    pairs: pairsOf(confusion),
    filters: filtersOf(trained.model),
    right,
    wrong: examples.filter(({ truth, taken }) => truth !== taken).slice(0, 10),
    evidence,
    calibratedBy: calibration.command,
    passed: evidence.every(({ passed }) => passed !== false),
  };
}
