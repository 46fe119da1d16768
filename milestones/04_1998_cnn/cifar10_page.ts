/**
 * Draws the report of milestone 04, part 2, as one page that needs nothing else: no script, no file
 * beside it, no network.
 *
 * @module
 */
import { noGrad } from "#autograd";
import { normalize } from "#dataloader";
import { ReLU, type Sequential } from "#layers";
import { Tensor } from "#tensor";
import { type ByteImages, imageShape } from "../../datasets/cifar10.ts";
import { encodePng } from "../png.ts";
import { duration } from "../terminal/training_progress.ts";
import { describeOrigin } from "./cifar10_data.ts";
import type { Cifar10Document, Example, NetworkRow } from "./cifar10_document.ts";
import { recipe } from "./cifar10_presets.ts";
import { conclusions } from "./cifar10_report.ts";
import { count } from "./report_parts.ts";

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

/** How many images the feature maps are shown of, and after how many of the blocks. */
const shownImages = 3, shownBlocks = 2;

/** Text as HTML. */
function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}

/** Numbers from 0 to 1, as planes of red, green and blue, or of grey alone. */
interface Planes {
  readonly numbers: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** A small picture with hard pixels, shown at some width. */
function picture(
  { numbers, width, height, channels }: Planes,
  shownWidth: number,
  alt: string,
): string {
  const size = width * height, pixels = new Uint8Array(3 * size);
  for (let k = 0; k < size; k++) {
    for (let c = 0; c < 3; c++) {
      pixels[3 * k + c] = Math.round(255 * numbers[channels === 3 ? c * size + k : k]);
    }
  }
  const data = encodePng(pixels, width, height);
  const source = `data:image/png;base64,${btoa(String.fromCharCode(...data))}`;
  return `<img width="${shownWidth}" alt="${escape(alt)}" src="${source}">`;
}

/** Stretches numbers so that the least is 0 and the greatest 1. */
function stretched(numbers: ArrayLike<number>): number[] {
  const all = Array.from(numbers), least = Math.min(...all), range = Math.max(...all) - least || 1;
  return all.map((n) => (n - least) / range);
}

function photograph(images: ByteImages, index: number, shownWidth: number, alt: string): string {
  const [channels, height, width] = imageShape, size = channels * height * width;
  const bytes = images.pixels.subarray(index * size, (index + 1) * size);
  return picture(
    { numbers: Array.from(bytes, (b) => b / 255), width, height, channels },
    shownWidth,
    alt,
  );
}

// ── Curves ──

/** One line of a chart: a name, its colour, and a value for each epoch. */
type Line = { readonly name: string; readonly color: string; readonly values: readonly number[] };

const colors = ["#c2410c", "#1d4ed8"];

/** Draws values over epochs, from the first to the last. */
function chart(title: string, lines: readonly Line[], show: (value: number) => string): string {
  const width = 420, height = 220, left = 52, bottom = 28, top = 12, right = 12;
  const all = lines.flatMap(({ values }) => values), most = Math.max(...all);
  const least = Math.min(...all), range = most - least || 1;
  const epochs = Math.max(...lines.map(({ values }) => values.length));
  const x = (k: number): string =>
    (left + (epochs > 1 ? k / (epochs - 1) : 0.5) * (width - left - right)).toFixed(1);
  const y = (value: number): string =>
    (height - bottom - (value - least) / range * (height - bottom - top)).toFixed(1);
  const drawn = lines.map(({ name, color, values }) => {
    const points = values.map((value, k) => `${x(k)},${y(value)}`);
    const dots = points.map((point) => {
      const [cx, cy] = point.split(",");
      return `<circle cx="${cx}" cy="${cy}" r="3" fill="${color}"/>`;
    });
    return `<g><title>${escape(name)}</title>` +
      `<polyline points="${points.join(" ")}" fill="none" stroke="${color}" stroke-width="2"/>` +
      `${dots.join("")}</g>`;
  });
  const ticks = [least, (least + most) / 2, most].map((value) =>
    `<line x1="${left}" x2="${width - right}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>` +
    `<text x="${left - 6}" y="${y(value)}" dy="4" text-anchor="end">${show(value)}</text>`
  );
  const ends = [...new Set([1, epochs])].map((epoch) =>
    `<text x="${x(epoch - 1)}" y="${height - 8}" text-anchor="middle">${epoch}</text>`
  );
  const legend = lines.map(({ name, color }) =>
    `<span style="color:${color}">● ${escape(name)}</span>`
  );
  return `<figure><figcaption>${escape(title)}, by epoch: ${legend.join(" ")}</figcaption>` +
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${
      escape(title)
    }">` +
    `${ticks.join("")}${ends.join("")}${drawn.join("")}</svg></figure>`;
}

function curves(networks: readonly NetworkRow[]): string {
  const lines = (of: "loss" | "accuracy"): Line[] =>
    networks.map(({ title, history }, k) => (
      { name: title, color: colors[k], values: history.map((epoch) => epoch[of]) }
    ));
  return chart("Loss while it learns", lines("loss"), (value) => value.toFixed(2)) +
    chart("Accuracy on the training images, as they come", lines("accuracy"), percent);
}

// ── What the network sees ──

/** What stands behind each of the first blocks, for one image. */
function featureMaps(model: Sequential, images: ByteImages, index: number): Tensor[] {
  const { inputs } = images.batch(Int32Array.of(index)), maps: Tensor[] = [];
  let x = normalize(recipe.means, recipe.deviations)(inputs);
  model.eval();
  for (const layer of model.layers) {
    x = noGrad(() => layer.forward(x));
    if (layer instanceof ReLU) maps.push(x); // a block ends with one
    if (maps.length === shownBlocks) break;
  }
  return maps.filter(({ rank }) => rank === 4);
}

function drawMaps(maps: Tensor): string {
  const [, channels, height, width] = maps.shape, size = height * width;
  return Array.from({ length: channels }, (_, k) => {
    const numbers = stretched(maps.data.subarray(k * size, (k + 1) * size));
    return picture({ numbers, width, height, channels: 1 }, 48, `map ${k}`);
  }).join("");
}

function filters({ filters }: Cifar10Document): string {
  return filters.map((planes, k) => {
    const side = Math.sqrt(planes.length / 3);
    const numbers = stretched(planes);
    return picture({ numbers, width: side, height: side, channels: 3 }, 48, `filter ${k}`);
  }).join("");
}

function examples(all: readonly Example[], images: ByteImages): string {
  return all.map(({ index, truth, taken, confidence }) => {
    const says = truth === taken ? truth : `${truth}, taken for ${taken}`;
    return `<figure>${photograph(images, index, 96, truth)}` +
      `<figcaption>${escape(says)}<br>${percent(confidence)} sure</figcaption></figure>`;
  }).join("");
}

// ── Tables ──

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  return `<table>${row(headings, "th")}${rows.map((cells) => row(cells, "td")).join("")}</table>`;
}

function confusion({ classes, confusion }: Cifar10Document): string {
  const most = Math.max(1, ...confusion.flatMap((row, k) => row.filter((_, c) => c !== k)));
  const rows = confusion.map((row, k) => {
    const cells = row.map((n, c) => {
      const shade = c === k ? "#e5e7eb" : `rgba(194, 65, 12, ${(n / most).toFixed(2)})`;
      return `<td style="background:${shade}">${n === 0 ? "·" : n}</td>`;
    });
    return `<tr><th>${escape(classes[k])}</th>${cells.join("")}</tr>`;
  });
  const names = classes.map((name) => `<th>${escape(name.slice(0, 5))}</th>`).join("");
  return `<table><tr><th></th>${names}</tr>${rows.join("")}</table>`;
}

/**
 * Draws the page.
 *
 * @param document What was measured.
 * @param model The CNN, for its feature maps.
 * @param images What it was judged by.
 * @returns The whole HTML file.
 */
export function drawPage(document: Cifar10Document, model: Sequential, images: ByteImages): string {
  const { networks, judgedBy, origin, setting, preset, right, wrong, evidence, passed } = document;
  const [cnn] = networks;
  const section = (title: string, body: string): string => `<h2>${escape(title)}</h2>${body}`;
  const list = (items: readonly string[]): string =>
    `<ul>${items.map((item) => `<li>${escape(item)}</li>`).join("")}</ul>`;
  const shown = [...right, ...wrong].slice(0, shownImages).map(({ index, truth }) => {
    const [first, ...others] = featureMaps(model, images, index);
    const rows = [first, ...others].filter((maps) => maps !== undefined).map((maps, k) =>
      `<p>After block ${k + 1}: ${maps.shape.slice(1).join("×")}</p><p>${drawMaps(maps)}</p>`
    );
    return `<h3>${escape(truth)}</h3><p>${photograph(images, index, 96, truth)}</p>${
      rows.join("")
    }`;
  });
  const results = table(
    ["", "parameters", "MACs/image", "accuracy", "training"],
    networks.map((row) => [
      row.title,
      count(row.parameters),
      count(row.multiplyAccumulates),
      percent(row.accuracy),
      duration(row.trainingSeconds),
    ]),
  );
  const layers = table(
    ["", "output", "parameters", "MACs/image"],
    cnn.layers.map(({ name, outputShape, parameters, multiplyAccumulates }) => [
      name,
      outputShape.join("×"),
      count(parameters),
      count(multiplyAccumulates),
    ]),
  );
  const byClass = table(
    ["", "right"],
    document.classes.map((name, k) => {
      const part = document.classAccuracies[k];
      return [name, part === null ? "none" : percent(part)];
    }),
  );
  const what = judgedBy.what === "test" ? "test images" : "training images that were set aside";
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Milestone 04 · 1998, part 2: photographs</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
img { image-rendering: pixelated; margin: 2px; }
table { border-collapse: collapse; } td, th { padding: .1rem .6rem; text-align: right; }
td:first-child, th:first-child { text-align: left; } th { font-weight: 600; }
figure { display: inline-block; margin: .4rem; text-align: center; vertical-align: top; }
figcaption, svg text { font-size: 12px; }
</style>
<h1>Milestone 04 · 1998, part 2: photographs</h1>
<p>Preset ${escape(preset.key)}, ${preset.epochs} epoch${
    preset.epochs === 1 ? "" : "s"
  }, seed ${document.seed}. ${escape(describeOrigin(origin))}. ${
    count(judgedBy.images)
  } ${what}. Modules: ${escape(setting.modules)}; kernels: ${escape(setting.kernels)}; ${
    escape(setting.runtime)
  }.</p>
${results}
${section("How they learnt", curves(networks))}
${section("Of each class, the part that is right", byClass)}
${section("Which class is taken for which (rows: what it is)", confusion(document))}
${
    section(
      `The ${document.filters.length} filters of the first layer`,
      `<p>${filters(document)}</p>`,
    )
  }
${section("What three images become on their way", shown.join(""))}
${section("Right, the surest of each class", examples(right, images))}
${section("Wrong, the surest first", examples(wrong, images))}
${section("Where the parameters are", layers)}
${section("What this run shows", list(conclusions(document)))}
${
    section(
      "Evidence",
      list(evidence.map(({ claim, passed }) =>
        `${passed === null ? "not judged" : passed ? "passed" : "FAILED"}: ${claim}`
      )),
    )
  }
<p><strong>${passed ? "Passed" : "Did not pass"}</strong></p>
</html>
`;
}
