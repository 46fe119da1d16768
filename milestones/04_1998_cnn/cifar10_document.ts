/**
 * Everything that a run of milestone 04, part 2, has measured, as one plain document. The report and
 * the page draw it, `--json` prints it, and no number exists anywhere else.
 *
 * @module
 */
import type { Evaluation } from "#training";
import { classes, imageShape } from "../../datasets/cifar10.ts";
import type { Origin } from "../../datasets/cifar10_source.ts";
import { confusionOf, filtersOf, layerRows, rowOf, surestFirst } from "../report/comparison.ts";
import {
  checkAccuracy,
  checkLoss,
  checkMovement,
  checkSlope,
  hasPassed,
} from "../report/evidence.ts";
import type { Occasion } from "../report/milestone.ts";
import type { Data, Result } from "../report/results.ts";
import type { Check, Measured } from "../report/schema.ts";
import { count } from "../report/wording.ts";
import calibration from "./cifar10_calibration.json" with { type: "json" };
import type { Options } from "./cifar10_options.ts";
import type { Cifar10Document, NetworkRow } from "./cifar10_schema.ts";

/** The photographs, and which they are. */
export interface Photographs extends Data {
  readonly origin: Origin;
}

/** What a run was about, and what came of it. */
type Event = Occasion<Options, Photographs, Evaluation>;

function networkRow(result: Result): NetworkRow {
  const { spec: { key, title }, runs: [{ model, tested, seconds, history }] } = result;
  const { parameters, multiplyAccumulates } = rowOf(result, imageShape);
  return {
    key: key === "mlp" ? "mlp" : "cnn",
    title,
    parameters,
    multiplyAccumulates,
    layers: layerRows(model, imageShape),
    accuracy: tested.accuracy,
    loss: tested.loss,
    trainingSeconds: seconds,
    history,
  };
}

function pairsOf(confusion: readonly (readonly number[])[]): Cifar10Document["pairs"] {
  const pairs = confusion.flatMap((row, truth) =>
    row.map((count, taken) => ({ truth: classes[truth], taken: classes[taken], count }))
  );
  const confused = pairs.filter(({ truth, taken, count }) => truth !== taken && count > 0);
  return confused.sort((a, b) => b.count - a.count).slice(0, 5);
}

/** What the reference reached with a preset. */
const calibrated: Record<string, { accuracy: Measured } | undefined> = calibration.presets;

/** What the accuracy is held against; or why there is nothing. */
function knownAccuracy({ options: { preset, validate }, data }: Event): Measured | string {
  const known = calibrated[preset.key], wanted = preset.images ?? 50_000;
  if (validate) return "not calibrated for images that are set aside";
  if (!known) return "this preset is not calibrated";
  const isWhole = data.train.length === wanted && data.origin.test === 10_000;
  return isWhole ? known.accuracy : "other data than 50,000 and 10,000 images are not calibrated";
}

function weighEvidence(event: Event): Check[] {
  const { results, chosen, data: { labels } } = event;
  const what = `of ${count(labels.length)} images are right`;
  return [
    ...results.flatMap(checkLoss),
    ...checkSlope(chosen),
    ...checkMovement(chosen),
    checkAccuracy(chosen, what, knownAccuracy(event)),
  ];
}

/** Gathers everything that was measured. */
export function documentOf(
  recipe: Cifar10Document["recipe"],
  event: Event,
): Cifar10Document {
  const { options, setting, data: { origin, train, labels }, results, chosen: { runs } } = event;
  const confusion = confusionOf(runs, labels, classes.length), evidence = weighEvidence(event);
  const examples = surestFirst(runs[0], labels).map(({ label, prediction, ...rest }) => (
    { ...rest, truth: classes[label], taken: classes[prediction] }
  ));
  return {
    milestone: "04_1998_cnn/02_cifar10",
    setting,
    origin,
    preset: options.preset,
    recipe,
    seed: options.seed,
    trained: train.length,
    judgedBy: { images: labels.length, what: options.validate ? "set aside" : "test" },
    networks: results.map(networkRow),
    classes,
    classAccuracies: confusion.map((row, k) => {
      const all = row.reduce((a, b) => a + b, 0);
      return all > 0 ? row[k] / all : null;
    }),
    confusion,
    pairs: pairsOf(confusion),
    filters: filtersOf(runs[0].model),
    right: classes.flatMap((name) =>
      examples.find(({ truth, taken }) => truth === name && taken === name) ?? []
    ),
    wrong: examples.filter(({ truth, taken }) => truth !== taken).slice(0, 10),
    evidence,
    calibratedBy: calibration.command,
    passed: hasPassed(evidence),
  };
}
