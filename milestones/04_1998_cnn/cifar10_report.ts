/**
 * Draws the report of milestone 04, part 2, from the document of what was measured.
 *
 * @module
 */
import { drawPictures, packed, packedColor } from "../terminal/picture.ts";
import { drawConfusion, drawTable } from "../terminal/table.ts";
import { paint, type Terminal, wrap } from "../terminal/terminal.ts";
import { duration } from "../terminal/training_progress.ts";
import { describeOrigin, type Origin } from "./cifar10_data.ts";
import type { Cifar10Document, NetworkRow } from "./cifar10_document.ts";
import type { Options } from "./cifar10_options.ts";
import { recipe } from "./cifar10_presets.ts";
import type { Setting } from "../kernels.ts";
import { count, drawEvidence, drawList, drawVerdict, times } from "./report_parts.ts";

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

/**
 * What is about to be done.
 *
 * @param terminal Where it is printed.
 * @param options What was asked for.
 * @param setting Where it runs.
 * @param origin Which data.
 * @param images How many images the networks will learn from.
 */
export function introduction(
  terminal: Terminal,
  options: Options,
  setting: Setting,
  origin: Origin,
  images: number,
): string {
  const { preset, seed } = options, { batchSize, shift, labelSmoothing } = recipe;
  const fitted = (text: string): string => wrap(text, terminal.columns);
  const judged = options.validate
    ? "judged by training images that are set aside; the test images are not touched"
    : `judged by ${count(origin.test)} test images, which are read once, at the end`;
  return [
    paint(terminal, "bold", fitted("Milestone 04 · 1998, part 2: photographs")),
    "",
    fitted(
      `Preset ${preset.key} (${preset.purpose}): ${count(images)} images of 32×32 pixels, ` +
        `${preset.epochs} epoch${
          preset.epochs === 1 ? "" : "s"
        } in batches of ${batchSize}, each ` +
        `image mirrored or not and shifted by up to ${shift} pixels; AdamW, the learning rate ` +
        `rising to ${preset.learningRate} and falling to nearly 0, label smoothing ` +
        `${labelSmoothing}, seed ${seed}; ${judged}.`,
    ),
    "",
    fitted(`Data: ${describeOrigin(origin)}`),
    paint(
      terminal,
      "dim",
      fitted(`modules: ${setting.modules} · kernels: ${setting.kernels} · ${setting.runtime}`),
    ),
    "",
  ].join("\n");
}

function mainTable({ networks }: Cifar10Document, columns: number): string {
  const headings = ["", "parameters", "MACs/image", "accuracy", "training"];
  const rows = networks.map((row) => [
    row.title,
    count(row.parameters),
    count(row.multiplyAccumulates),
    percent(row.accuracy),
    duration(row.trainingSeconds),
  ]);
  return drawTable({ headings, rows }, columns);
}

function layerTable({ layers, parameters }: NetworkRow, columns: number): string {
  const headings = ["", "output", "parameters", "share", "MACs/image"];
  const rows = layers.map((layer) => [
    layer.name,
    layer.outputShape.join("×"),
    count(layer.parameters),
    percent(layer.parameters / parameters),
    count(layer.multiplyAccumulates),
  ]);
  return drawTable({ headings, rows }, columns);
}

/** A bar of some columns for a part of a whole, in eighths of a column. */
function bar(part: number, columns: number): string {
  const eighths = Math.round(part * columns * 8), whole = Math.floor(eighths / 8);
  return "█".repeat(whole) + (eighths % 8 > 0 ? "▏▎▍▌▋▊▉"[eighths % 8 - 1] : "");
}

function classBars({ classes, classAccuracies }: Cifar10Document, columns: number): string {
  const width = Math.max(...classes.map((name) => name.length));
  const room = Math.max(10, Math.min(40, columns - width - 14));
  return classes.map((name, k) => {
    const part = classAccuracies[k];
    if (part === null) return `  ${name.padEnd(width)}  none`;
    return `  ${name.padEnd(width)}  ${percent(part).padStart(7)}  ${bar(part, room)}`;
  }).join("\n");
}

/** Each filter as a picture in colour: its least number dark, its greatest bright. */
function drawFilters({ filters }: Cifar10Document, terminal: Terminal): string {
  const pictures = filters.map((planes) => {
    const least = Math.min(...planes), range = Math.max(...planes) - least || 1;
    const size = planes.length / 3, side = Math.sqrt(size);
    const level = (k: number): number => (planes[k] - least) / range;
    const data = Array.from(
      { length: size },
      (_, k) => packed(level(k), level(size + k), level(2 * size + k)),
    );
    return { data, height: side, width: side };
  });
  return drawPictures(pictures, packedColor(terminal), terminal.columns);
}

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

/**
 * Draws the report.
 *
 * @param document What was measured.
 * @param terminal Where it will be printed.
 * @param quiet Only the result and the evidence.
 */
export function drawReport(
  document: Cifar10Document,
  terminal: Terminal,
  quiet: boolean,
): string {
  const { columns } = terminal, { networks: [cnn], judgedBy, origin } = document;
  const heading = (text: string): string => `\n${paint(terminal, "bold", wrap(text, columns))}\n`;
  const what = judgedBy.what === "test" ? "test images" : "training images that were set aside";
  const lines = [
    mainTable(document, columns),
    "",
    wrap(
      `Accuracy: of ${count(judgedBy.images)} ${what}, ${
        describeOrigin(origin)
      }. One seed, so no ` +
        "spread. MACs: multiplications with their additions.",
      columns,
    ),
  ];
  if (!quiet) {
    lines.push(heading("Of each class, the part that is right"), classBars(document, columns));
    const legend = document.classes.map((name, k) => `${k} ${name}`).join(", ");
    lines.push(
      heading("Which class is taken for which (rows: what it is, columns: what it says)"),
      drawConfusion(document.confusion, columns),
      "",
      wrap(legend, columns),
    );
    if (document.pairs.length > 0) {
      const texts = document.pairs.map(({ truth, taken, count }) => ({
        mark: `${count}`,
        text: `${truth} taken for ${taken}`,
      }));
      lines.push(heading("Most often confused"), drawList(texts, columns));
    }
    if (document.filters.length > 0) {
      const note = terminal.color ? "in their own colours" : "brightness only";
      lines.push(
        heading(`The ${document.filters.length} filters of the first layer (${note})`),
        drawFilters(document, terminal),
      );
    }
    lines.push(heading(`Where the parameters of the ${cnn.title} are`), layerTable(cnn, columns));
    const sentences = conclusions(document).map((text) => ({ mark: "-", text }));
    lines.push(heading("What this run shows"), drawList(sentences, columns));
  }
  lines.push(heading("Evidence"), drawEvidence(document.evidence, terminal), "");
  lines.push(wrap(`Calibrated by: ${document.calibratedBy}`, columns), "");
  lines.push(drawVerdict(document.passed, terminal));
  return lines.join("\n");
}
