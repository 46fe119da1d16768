/**
 * Draws the report of milestone 04, part 1, from the document of what was measured.
 *
 * @module
 */
import type { Setting } from "../kernels.ts";
import { brightness, drawPictures, signed } from "../terminal/picture.ts";
import { drawConfusion, drawTable } from "../terminal/table.ts";
import { paint, type Terminal, wrap } from "../terminal/terminal.ts";
import { count, drawEvidence, drawList, drawVerdict, times } from "./report_parts.ts";
import { differ, type Measured } from "./statistics.ts";
import type { Closeup, LayerCount, ModelRow, RunDocument } from "./tinydigits_document.ts";
import type { Options } from "./tinydigits_options.ts";
import { recipe } from "./tinydigits_run.ts";

/** A part of a whole in per cent, with its spread if there are several seeds. */
function percent({ mean, spread }: Measured): string {
  const text = (mean * 100).toFixed(1);
  return spread === null ? `${text} %` : `${text} ± ${(spread * 100).toFixed(1)} %`;
}

/** Joins words as people do: a, b and c. */
function listed(words: readonly string[]): string {
  return words.length < 2
    ? words.join("")
    : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
}

/**
 * What is about to be compared, and why.
 *
 * @param terminal Where it is printed.
 * @param options What was asked for.
 * @param setting Where it runs.
 * @param sizes How many digits there are.
 * @returns The text.
 */
export function introduction(
  terminal: Terminal,
  options: Options,
  setting: Setting,
  sizes: { train: number; test: number },
): string {
  const { batchSize, learningRate, momentum, weightDecay } = recipe;
  const names = listed(options.models.map(({ title }) => title));
  const plural = (n: number, word: string): string => `${count(n)} ${word}${n === 1 ? "" : "s"}`;
  const shifts = options.augment ? ", the digits shifted by up to one pixel at random" : "";
  const title = "Milestone 04 · 1998: the convolutional network, on real handwritten digits";
  const question = "An MLP sees 64 unrelated numbers. A convolution sees a picture, and looks at " +
    "every place of it through the same few weights. Is that worth anything, when everything else " +
    "is equal?";
  const plan = `Compared: ${names}. Each learns ${count(sizes.train)} digits for ` +
    `${
      plural(options.epochs, "epoch")
    } in batches of ${batchSize}${shifts}, by SGD (momentum ${momentum}, ` +
    `weight decay ${weightDecay}, learning rate ${learningRate} falling to 0 along a cosine), with ` +
    `${plural(options.seeds, "seed")}, and is then tested on ${count(sizes.test)} digits that it ` +
    "has never seen.";
  const facts = `modules: ${setting.modules} · kernels: ${setting.kernels} · ${setting.runtime}`;
  const fitted = (text: string): string => wrap(text, terminal.columns);
  return [
    paint(terminal, "bold", fitted(title)),
    "",
    fitted(question),
    "",
    fitted(plan),
    paint(terminal, "dim", fitted(facts)),
    "",
  ].join("\n");
}

function mainTable(document: RunDocument, columns: number): string {
  const headings = ["", "parameters", "MACs/image", "accuracy", "shifted 1 px", "training"];
  const rows = document.models.map((row) => [
    row.title,
    count(row.parameters),
    count(row.multiplyAccumulates),
    percent(row.accuracy),
    percent(row.shifted),
    `${row.trainingSeconds.mean.toFixed(1)} s`,
  ]);
  const { augment } = document.recipe, seeds = document.recipe.seeds.length;
  const frozen = document.models.filter(({ trained, parameters }) => trained < parameters);
  return [
    drawTable({ headings, rows }, columns),
    "",
    wrap(
      (seeds > 1 ? `Mean ± standard deviation over ${seeds} seeds. ` : "One seed, so no spread. ") +
        "MACs: multiplications with their additions. Shifted: the same test digits moved by one " +
        "pixel, mean of right, left, down and up, zeros moved in. Training: mean seconds per seed." +
        frozen.map(({ title, parameters, trained }) =>
          ` ${title}: ${count(parameters - trained)} of its parameters are frozen.`
        ).join("") +
        (augment ? " The training digits were shifted as well, by up to one pixel at random." : ""),
      columns,
    ),
  ].join("\n");
}

function layerTable(layers: readonly LayerCount[], columns: number): string {
  const shape = (sizes: readonly number[]): string => sizes.join("×");
  const rows = layers.map((layer) => [
    `${layer.model}: ${layer.layer}`,
    `${shape(layer.inputShape)} → ${shape(layer.outputShape)}`,
    count(layer.weights),
    count(layer.denseWeights),
    `${times(layer.denseWeights / layer.weights)} ×`,
  ]);
  const headings = ["", "map", "weights", "dense layer", "more"];
  return drawTable({ headings, rows }, columns);
}

function drawFilters({ filters, filterSide }: Closeup, terminal: Terminal): string {
  const largest = Math.max(...filters.flat().map(Math.abs));
  const pictures = filters.map((data) => ({ data, height: filterSide, width: filterSide }));
  return drawPictures(pictures, signed(terminal, largest), terminal.columns);
}

function drawWrong({ wrong }: Closeup, terminal: Terminal): string {
  const pictures = wrong.map(({ pixels, label, prediction, confidence }) => ({
    data: pixels,
    height: 8,
    width: 8,
    caption: [`a ${label}, read as ${prediction}`, `${(confidence * 100).toFixed(0)} % sure`],
  }));
  return drawPictures(pictures, brightness(terminal), terminal.columns);
}

// ── What the numbers support ──

/** What would settle a comparison that few seeds leave open. */
function moreSeeds(seeds: number): string {
  return seeds < 5 ? " Five seeds may tell (--seeds 5)." : "";
}

/** One sentence about accuracy, which claims a difference only if there is one. */
function compareAccuracy(one: ModelRow, other: ModelRow): string {
  const parameters = `${count(one.parameters)} parameters against ${count(other.parameters)}`;
  const errors = [other, one].map(({ accuracy }) => 1 - accuracy.mean);
  if (!differ(one.accuracy, other.accuracy)) {
    const seeds = one.accuracy.values.length;
    return `${one.title} and ${other.title} cannot be told apart by accuracy with ` +
      `${seeds === 1 ? "one seed" : `${seeds} seeds`}: ${percent(one.accuracy)} and ` +
      `${percent(other.accuracy)}, with ${parameters}.` + moreSeeds(seeds);
  }
  const rates = `${(errors[1] * 100).toFixed(1)} errors in a hundred digits against ` +
    `${(errors[0] * 100).toFixed(1)}, with ${parameters} and ` +
    `${times(one.multiplyAccumulates / other.multiplyAccumulates)} times the arithmetic.`;
  return one.accuracy.mean > other.accuracy.mean
    ? `${one.title} reads better than ${other.title}: ${rates}`
    : `${one.title} reads worse than ${other.title}: ${rates}`;
}

/** One sentence about a shift by one pixel. */
function compareShift(one: ModelRow, other: ModelRow): string {
  const numbers = `${percent(one.shifted)} against ${percent(other.shifted)}`;
  if (!differ(one.shifted, other.shifted)) {
    return `Shifted by one pixel, the two cannot be told apart with these seeds: ` +
      `${numbers}.`;
  }
  return `Shifted by one pixel, ${one.title} reads ${
    one.shifted.mean > other.shifted.mean ? "more" : "less"
  } than ${other.title}: ${numbers}.`;
}

/** The sentences that this run's numbers support, and no others. */
export function conclusions({ models, layers }: RunDocument): string[] {
  const sentences: string[] = [];
  const mlp = models.find(({ key }) => key === "mlp") ?? models.find(({ key }) => key === "wide");
  for (const conv of models.filter(({ key }) => key !== "mlp" && key !== "wide")) {
    if (mlp) sentences.push(`${compareAccuracy(conv, mlp)} ${compareShift(conv, mlp)}`);
  }
  const lenet = models.find(({ key }) => key === "lenet");
  for (const other of models.filter(({ key }) => key === "unpooled" || key === "frozen")) {
    if (lenet) sentences.push(`${compareAccuracy(other, lenet)} ${compareShift(other, lenet)}`);
  }
  const wide = models.find(({ key }) => key === "wide");
  if (mlp && wide && mlp !== wide) sentences.push(compareAccuracy(wide, mlp));
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
    const [most] = layers.toSorted((a, b) =>
      b.denseWeights / b.weights - a.denseWeights / a.weights
    );
    sentences.push(
      `Sharing weights is what saves parameters: ${most.layer} of ${most.model} has ` +
        `${count(most.weights)}, and a dense layer that computes the same map would have ` +
        `${count(most.denseWeights)}. That is a count layer by layer, not one of whole models: ` +
        "theirs stand in the table.",
    );
  }
  return sentences;
}

/**
 * Draws the report.
 *
 * @param document What was measured.
 * @param terminal Where it will be printed.
 * @param quiet Only the table and the evidence.
 * @returns The text.
 */
export function drawReport(document: RunDocument, terminal: Terminal, quiet: boolean): string {
  const { columns } = terminal, { closeup, layers } = document;
  const heading = (text: string): string => `\n${paint(terminal, "bold", wrap(text, columns))}\n`;
  const lines = [mainTable(document, columns)];
  if (!quiet) {
    if (layers.length > 0) {
      lines.push(
        heading("Each convolution beside the dense layer that would compute the same map"),
        layerTable(layers, columns),
      );
    }
    const together = document.recipe.seeds.length > 1 ? "all seeds together" : "one seed";
    lines.push(
      heading(
        `Which digit ${closeup.model} takes for which (rows: what it is, columns: what it says; ` +
          `${together})`,
      ),
      drawConfusion(closeup.confusion, columns),
    );
    if (closeup.filters.length > 0) {
      const key = terminal.color ? "red above 0, blue below" : "# + above 0, = - below";
      lines.push(
        heading(
          `The ${closeup.filters.length} filters of ${closeup.model}'s first layer, ` +
            `seed ${closeup.seed} (${key})`,
        ),
        drawFilters(closeup, terminal),
      );
    }
    if (closeup.wrong.length > 0) {
      lines.push(
        heading(
          `${closeup.wrong.length} of the ${closeup.wrongCount} digits that it reads wrong with ` +
            `seed ${closeup.seed}, the surest first`,
        ),
        drawWrong(closeup, terminal),
      );
    }
    const sentences = conclusions(document);
    if (sentences.length > 0) {
      lines.push(
        heading("What this run shows"),
        drawList(sentences.map((text) => ({ mark: "-", text })), columns),
      );
    }
  }
  lines.push(heading("Evidence"), drawEvidence(document.evidence, terminal), "");
  lines.push(wrap(`Calibrated by: ${document.calibratedBy}`, columns), "");
  lines.push(drawVerdict(document.passed, terminal));
  return lines.join("\n");
}
