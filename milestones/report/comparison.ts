/**
 * What the results of a comparison come to: rows of tables, a closer look at one model, and the
 * sentences that the numbers support.
 *
 * @module
 */
import { noGrad } from "#autograd";
import type { Dataset, Transform } from "#dataloader";
import { ReLU, type Sequential, summarize } from "#layers";
import { Generator } from "#random";
import { confusionMatrix } from "#training";
import { convolutions, type Result, type Run, trainable } from "./results.ts";
import type { LayerRow, ModelRow } from "./schema.ts";
import type { Block, PictureBlock, Section } from "./sections.ts";
import { differ, measure } from "./statistics.ts";
import { count, percent, sizes, times } from "./wording.ts";

// ── Rows ──

/** A model's row. Its parameters and arithmetic are counted on a fresh model. */
export function rowOf({ spec, runs }: Result, inputShape: readonly number[]): ModelRow {
  const model = spec.build(new Generator(0));
  const { parameters, multiplyAccumulates } = summarize(model, [1, ...inputShape]);
  return {
    key: spec.key,
    title: spec.title,
    parameters,
    trained: trainable(spec, model).reduce((total, { size }) => total + size, 0),
    multiplyAccumulates,
    accuracy: measure(runs.map(({ tested }) => tested.accuracy)),
    trainingSeconds: measure(runs.map(({ seconds }) => seconds)),
    losses: runs.map(({ history }) => history.map(({ loss }) => loss)),
  };
}

/** The layers of a model that have parameters. */
export function layerRows(model: Sequential, inputShape: readonly number[]): LayerRow[] {
  const { layers } = summarize(model, [1, ...inputShape]);
  return layers.filter(({ parameters }) => parameters > 0).map(
    ({ name, outputShape, parameters, multiplyAccumulates }) => (
      { name, outputShape: outputShape.slice(1), parameters, multiplyAccumulates }
    ),
  );
}

/** A table of layers. */
export function layerTable(layers: readonly LayerRow[]): Block {
  const all = layers.reduce((sum, { parameters }) => sum + parameters, 0);
  return {
    kind: "table",
    headings: ["", "output", "parameters", "share", "MACs/image"],
    rows: layers.map(({ name, outputShape, parameters, multiplyAccumulates }) => [
      name,
      sizes(outputShape),
      count(parameters),
      percent(parameters / all),
      count(multiplyAccumulates),
    ]),
  };
}

/** How the losses fell: a line per model, for its first seed. */
export function lossCurves(models: readonly ModelRow[]): Block {
  const lines = models.map(({ title, losses: [values] }) => ({ name: title, values }));
  return { kind: "curves", title: "Loss while it learns", lines, show: (loss) => loss.toFixed(2) };
}

// ── A closer look ──

/** How often each class (row) was taken for each other (column), over all runs. */
export function confusionOf(runs: readonly Run[], labels: Int32Array, classes: number): number[][] {
  const predictions = runs.flatMap(({ tested }) => [...tested.predictions]);
  const truths = runs.flatMap(() => [...labels]);
  const { data } = confusionMatrix(Int32Array.from(predictions), Int32Array.from(truths), classes);
  return Array.from(
    { length: classes },
    (_, k) => [...data.subarray(k * classes, (k + 1) * classes)],
  );
}

/** A test image, and what a model says of it. */
export interface Answer {
  readonly index: number;
  readonly label: number;
  readonly prediction: number;
  readonly confidence: number;
}

/** All answers of a run, the surest first. */
export function surestFirst({ tested, confidences }: Run, labels: Int32Array): Answer[] {
  const order = [...labels.keys()].sort((a, b) => confidences[b] - confidences[a] || a - b);
  return order.map((index) => ({
    index,
    label: labels[index],
    prediction: tested.predictions[index],
    confidence: confidences[index],
  }));
}

/** The numbers of each filter of the first convolution; none without one. */
export function filtersOf(model: Sequential): number[][] {
  const [first] = convolutions(model);
  if (!first) return [];
  const { data, shape: [filters] } = first.weight, size = data.length / filters;
  return Array.from({ length: filters }, (_, k) => [...data.subarray(k * size, (k + 1) * size)]);
}

/** Numbers stretched so that the least is 0 and the greatest 1. */
export function stretched(numbers: ArrayLike<number>): number[] {
  const all = Array.from(numbers), least = Math.min(...all), range = Math.max(...all) - least || 1;
  return all.map((n) => (n - least) / range);
}

/** What the page shows besides numbers: test images, and what becomes of them in the model. */
export interface Sight {
  /** A test image, as it is. */
  image(index: number): PictureBlock;
  /** What comes out of each of the first two blocks, a picture per channel. */
  maps(index: number): PictureBlock[][];
}

/** How many blocks the feature maps are shown of. */
const shownBlocks = 2;

/** Lets the page look at test images with a model's eyes. */
export function sightOf(model: Sequential, test: Dataset, prepare: Transform): Sight {
  return {
    image(index): PictureBlock {
      const { data, shape: [, , height, width] } = test.batch(Int32Array.of(index)).inputs;
      return { numbers: data, height, width };
    },
    maps(index): PictureBlock[][] {
      const maps: PictureBlock[][] = [];
      let x = prepare(test.batch(Int32Array.of(index)).inputs);
      model.eval();
      for (const layer of model.layers) {
        x = noGrad(() => layer.forward(x));
        if (!(layer instanceof ReLU) || x.rank !== 4) continue; // a block ends with one
        const [, channels, height, width] = x.shape, { data } = x, size = height * width;
        maps.push(Array.from({ length: channels }, (_, k) => {
          return { numbers: stretched(data.subarray(k * size, (k + 1) * size)), height, width };
        }));
        if (maps.length === shownBlocks) break;
      }
      return maps;
    },
  };
}

/** Shows what becomes of some images in the first blocks; nothing without maps. */
export function mapsSection(
  images: readonly { readonly index: number; readonly name: string }[],
  { image, maps }: Sight,
  look: "ink" | "color",
): Section[] {
  const blocks = images.flatMap(({ index, name }): Block[] => {
    const pictures = [{ ...image(index), caption: [name] }];
    return [
      { kind: "pictures", look, pictures, shownWidth: 96 },
      ...maps(index).flatMap((channels, k): Block[] => [
        {
          kind: "text",
          text: `After block ${k + 1}: ` +
            sizes([channels.length, channels[0].height, channels[0].width]),
        },
        { kind: "pictures", look: "ink", pictures: channels },
      ]),
    ];
  });
  const hasMaps = images.length > 0 && maps(images[0].index).length > 0;
  return hasMaps ? [{ title: `What ${images.length} images become on their way`, blocks }] : [];
}

// ── What the numbers support ──

/** One sentence about accuracy, which claims a difference only if there is one. */
export function compareAccuracy(one: ModelRow, other: ModelRow, noun: string): string {
  const parameters = `${count(one.parameters)} parameters against ${count(other.parameters)}`;
  if (!differ(one.accuracy, other.accuracy)) {
    const seeds = one.accuracy.values.length;
    const more = seeds < 5 ? " Five seeds may tell (--seeds 5)." : "";
    return `${one.title} and ${other.title} cannot be told apart by accuracy with ` +
      `${seeds === 1 ? "one seed" : `${seeds} seeds`}: ${percent(one.accuracy)} and ` +
      `${percent(other.accuracy)}, with ${parameters}.${more}`;
  }
  const [errors, others] = [one, other].map(({ accuracy }) =>
    ((1 - accuracy.mean) * 100).toFixed(1)
  );
  const verb = one.accuracy.mean > other.accuracy.mean ? "better" : "worse";
  return `${one.title} reads ${verb} than ${other.title}: ${errors} errors in a hundred ${noun} ` +
    `against ${others}, with ${parameters} and ` +
    `${times(one.multiplyAccumulates / other.multiplyAccumulates)} times the arithmetic.`;
}
