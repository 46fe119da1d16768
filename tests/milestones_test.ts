import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { Generator } from "#random";
import { Tensor } from "#tensor";
import calibration from "../milestones/04_1998_cnn/tinydigits_calibration.json" with {
  type: "json",
};
import ablations from "../milestones/04_1998_cnn/tinydigits_ablations.json" with { type: "json" };
import { models, shift, tinydigits as milestone } from "../milestones/04_1998_cnn/01_tinydigits.ts";
import { weighEvidence } from "../milestones/04_1998_cnn/tinydigits_document.ts";
import type { Options } from "../milestones/04_1998_cnn/tinydigits_options.ts";
import { conclusions, sectionsOf } from "../milestones/04_1998_cnn/tinydigits_report.ts";
import type { TinydigitsDocument as RunDocument } from "../milestones/04_1998_cnn/tinydigits_schema.ts";
import { EpochProgress } from "../milestones/report/epoch_progress.ts";
import { plainCrossEntropy } from "../milestones/report/evidence.ts";
import { brightness, drawPictures, signed } from "../milestones/report/picture.ts";
import { type Result, type RunEvidence, trainable } from "../milestones/report/results.ts";
import type { Measured } from "../milestones/report/schema.ts";
import { differ, measure } from "../milestones/report/statistics.ts";
import { drawConfusion, drawTable } from "../milestones/report/table.ts";
import { drawReport as drawAny } from "../milestones/report/terminal_report.ts";
import { nowhere, type Terminal, wrap } from "../milestones/report/terminal.ts";
import { UsageError } from "../course/arguments.ts";
import { test } from "../course/sandbox/register.ts";

const root = join(dirname(fromFileUrl(import.meta.url)), "..");
const script = join(root, "milestones/04_1998_cnn/01_tinydigits.ts");
/** Without coverage: what these runs train is covered elsewhere, and watching them is slow. */
const { DENO_COVERAGE_DIR: _, ...env } = process.env;
const { readOptions } = milestone;
const permissions = "Deno" in globalThis ? [`--allow-read=${join(root, "datasets")}`] : [];

/** Runs the milestone under the runtime that runs this test. */
function tinydigits(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["run", ...permissions, script, ...args],
    { encoding: "utf8", cwd: root, env },
  );
  return { code: status, stdout, stderr };
}

// ── The whole run ──

let wholeRun: RunDocument | undefined;

/** The default run's document; trained once for all tests that read it. */
function defaultRun(): RunDocument {
  if (!wholeRun) {
    const { code, stdout, stderr } = tinydigits("--json");
    assertEquals(code, 0, stderr);
    wholeRun = JSON.parse(stdout) as RunDocument;
  }
  return wholeRun;
}

test("tinydigits passes, and --json prints one document with all that was measured", () => {
  const { passed, evidence, models, closeup, data, recipe } = defaultRun();
  assert(passed);
  assertEquals(evidence.map(({ passed }) => passed), evidence.map(() => true));
  assertEquals(data, { train: 1000, test: 797 });
  assertEquals(recipe.seeds, [1, 2]);
  assertEquals(models.map(({ key }) => key), ["mlp", "one-conv", "lenet"]);
  assertEquals(models.flatMap(({ losses }) => losses).map((losses) => losses.length), [
    ...new Array<number>(6).fill(30),
  ]);
  assertEquals(closeup.confusion.flat().reduce((a, b) => a + b, 0), 2 * 797);
});

test("tinydigits --json prints what the schema says, whose type the report draws", async () => {
  const { tinydigitsDocument } = await import("../milestones/04_1998_cnn/tinydigits_schema.ts");
  assertEquals(tinydigitsDocument.parse(defaultRun()), defaultRun());
}, { only: "deno" }); // Zod is fetched, and `bun test` fetches nothing

test("tinydigits shows the small LeNet ahead of the MLP, straight and shifted", () => {
  const [mlp, , lenet] = defaultRun().models;
  assert(lenet.accuracy.mean > mlp.accuracy.mean);
  assert(lenet.shifted.mean > mlp.shifted.mean + 0.2);
});

test("The README's table is what tinydigits measures", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const per = (value: number): string => (value * 100).toFixed(1);
  for (const row of defaultRun().models) {
    const cells = [
      row.title,
      row.parameters.toLocaleString("en-US"),
      row.multiplyAccumulates.toLocaleString("en-US"),
      `${per(row.accuracy.mean)} ± ${per(row.accuracy.spread ?? NaN)} %`,
      `${per(row.shifted.mean)} ± ${per(row.shifted.spread ?? NaN)} %`,
    ];
    const line = readme.split("\n").find((text) => text.startsWith(row.title));
    assertEquals(line?.split(/ {2,}/), cells);
  }
});

test("tinydigits gives the same result twice", () => {
  const args = ["--models", "one-conv", "--seeds", "1", "--epochs", "2", "--json"];
  const [first, second] = [tinydigits(...args), tinydigits(...args)].map(({ stdout }) => {
    const { trainingSeconds: _, ...row } = (JSON.parse(stdout) as RunDocument).models[0];
    return row;
  });
  assertEquals(first, second);
});

test("tinydigits --augment shift gives a model the same digits, whoever is beside it", () => {
  const [alone, beside] = ["one-conv", "mlp,one-conv"].map((models) => {
    const args = ["--models", models, "--seeds", "1", "--epochs", "2", "--augment", "shift"];
    return JSON.parse(tinydigits(...args, "--json").stdout) as RunDocument;
  });
  assertEquals(alone.recipe.augment, "shift");
  assertEquals(defaultRun().recipe.augment, null);
  const [one, , other] = [...alone.models, ...beside.models];
  assertEquals([one.losses, one.shifted], [other.losses, other.shifted]);
});

test("tinydigits --augment shift says so before and after, and judges no accuracy", () => {
  const args = ["--models", "mlp", "--seeds", "1", "--epochs", "1", "--augment", "shift"];
  const { code, stdout } = tinydigits(...args), text = stdout.replace(/\s+/g, " ");
  assertEquals(code, 0);
  assertMatch(text, /in batches of 32, the digits shifted by up to one pixel at random, by SGD/);
  assertMatch(text, /The training digits were shifted as well, by up to one pixel at random\./);
  assertMatch(text, /not judged MLP 64-32-10: .* only runs without --augment are calibrated/);
});

// ── The ablations of the chapter ──

test("The chapter's table of ablations is what was measured", () => {
  const chapter = readFileSync(join(root, "milestones/04_1998_cnn/README.md"), "utf8");
  const percent = ({ mean, spread }: Measured): string =>
    `${(mean * 100).toFixed(1)} ± ${((spread ?? NaN) * 100).toFixed(1)} %`;
  const rows = chapter.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  for (const [words, { accuracy, shifted }] of Object.entries(ablations.measured)) {
    const row = rows.find(([, , command]) => command === `\`${words}\``);
    const [spec] = readOptions(words.split(" ")).models,
      parameters = spec.build(new Generator(1))
        .parameters().reduce((total, { size }) => total + size, 0);
    const expected = [parameters.toLocaleString("en-US"), percent(accuracy), percent(shifted)];
    assertEquals(row?.slice(3, -1), expected, words);
  }
});

test("The ablations that were measured are those that tinydigits trains", () => {
  const values = ({ accuracy, shifted }: Record<"accuracy" | "shifted", Measured>): number[][] =>
    [accuracy, shifted].map(({ values }) => values.slice(0, 2));
  const { measured } = ablations, [mlp, , lenet] = defaultRun().models;
  assertEquals(values(mlp), values(measured["--models mlp"]));
  assertEquals(values(lenet), values(measured["--models lenet"]));
  const { stdout } = tinydigits("--models", "mlp", "--augment", "shift", "--json");
  const [shifted] = (JSON.parse(stdout) as RunDocument).models;
  assertEquals(values(shifted), values(measured["--models mlp --augment shift"]));
});

test("tinydigits refuses a wrong option with the list of right ones and exit code 2", () => {
  const { code, stdout, stderr } = tinydigits("--epoch", "3");
  assertEquals([code, stdout], [2, ""]);
  assertEquals(
    stderr,
    "UsageError: Cannot understand --epoch: there is no such option\n" +
      "  hint: the options are --models --seeds --seed --epochs --augment --report --export --save --load --kernels --threads --no-color --full --json --quiet --help\n",
  );
});

test("tinydigits --help names every option and exit code", () => {
  const { code, stdout } = tinydigits("--help");
  assertEquals(code, 0);
  const options = [
    "models",
    "seeds",
    "seed",
    "epochs",
    "augment",
    "full",
    "report",
    "export",
    "save",
    "load",
    "kernels",
    "threads",
    "json",
    "quiet",
    "no-color",
    "help",
  ];
  for (const option of options) assertMatch(stdout, new RegExp(`^ {2}--${option} `, "m"));
  assertMatch(stdout, /0 passed, 1 did not pass, 2 could not run, 130 interrupted/);
});

test("tinydigits --quiet prints only the table and the evidence", () => {
  const { stdout } = tinydigits("--quiet", "--models", "mlp", "--seeds", "1", "--epochs", "1");
  assertMatch(stdout, /^ +parameters +MACs\/image/);
  assertMatch(stdout, /\nEvidence\n/);
  assert(!stdout.includes("Which digit"));
});

test("tinydigits says what was finished when it is interrupted, and exits with 130", async () => {
  const args = ["run", ...permissions, script, "--models", "mlp", "--seeds", "500"];
  const child = spawn(process.execPath, args, { cwd: root, env });
  let stdout = "", stderr = "", interrupted = false;
  child.stderr.on("data", (bytes) => stderr += bytes);
  child.stdout.on("data", (bytes) => {
    stdout += bytes;
    if (!interrupted && stdout.includes("seed 2  epoch")) interrupted = child.kill("SIGINT");
  });
  // Deno reports the signal that was sent, even where the child handled it and exited by itself.
  const ending = await new Promise((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal))
  );
  assertEquals(ending, "Deno" in globalThis ? "SIGINT" : 130);
  assertMatch(stderr, /^\nInterrupted\. Finished before that: MLP 64-32-10, seed 1[^]*\.\n$/);
});

// ── The parts ──

test("models have the numbers of parameters that were worked out by hand", () => {
  const counts = models.map((spec) => {
    const model = spec.build(new Generator(1));
    const size = (parts: readonly { size: number }[]): number =>
      parts.reduce((total, part) => total + part.size, 0);
    return [spec.key, size(model.parameters()), size(trainable(spec, model))];
  });
  assertEquals(counts, [
    ["mlp", 64 * 32 + 32 + 32 * 10 + 10, 2410],
    ["wide", 64 * 128 + 128 + 128 * 10 + 10, 9610],
    ["one-conv", 8 * 9 + 8 + 72 * 10 + 10, 810],
    ["unpooled", 8 * 9 + 16 + 16 * 8 * 9 + 32 + 16 * 64 * 10 + 10, 11_522],
    ["lenet", 8 * 9 + 16 + 16 * 8 * 9 + 32 + 64 * 10 + 10, 1922],
    ["frozen", 1922, 1922 - 8 * 9 - 16 * 8 * 9],
  ]);
});

test("readOptions() fills in what was not said", () => {
  const { epochs, seeds, seed, models, json, color, quiet, help } = readOptions([]);
  assertEquals([epochs, seeds, seed, json, color, quiet, help], [
    30,
    2,
    1,
    false,
    true,
    false,
    false,
  ]);
  assertEquals(models.map(({ key }) => key), ["mlp", "one-conv", "lenet"]);
  assertEquals(readOptions([]).augment, null);
});

test("readOptions() takes --full as six models and five seeds, unless told otherwise", () => {
  const full = readOptions(["--full"]), fewer = readOptions(["--full", "--seeds", "3"]);
  assertEquals([full.models.length, full.seeds, fewer.seeds], [6, 5, 3]);
});

const refused: [args: string[], message: string, hint: string][] = [
  [["--seeds"], 'Cannot use --seeds "": it must be a whole number of at least 1', "--seeds 2"],
  [
    ["--seeds", "0"],
    'Cannot use --seeds "0": it must be a whole number of at least 1',
    "--seeds 2",
  ],
  [
    ["--epochs", "x"],
    'Cannot use --epochs "x": it must be a whole number of at least 1',
    "--epochs 30",
  ],
  [
    ["--augment", "flip"],
    'Cannot use --augment "flip": there is none of that name',
    "--augment shift",
  ],
  [["--augment"], 'Cannot use --augment "": there is none of that name', "--augment shift"],
  [["--seed=-1"], 'Cannot use --seed "-1": it must be a whole number of at least 0', "--seed 1"],
  [
    ["--epochs", "1.5"],
    'Cannot use --epochs "1.5": it must be a whole number of at least 1',
    "--epochs 30",
  ],
];
for (const [args, message, example] of refused) {
  test(`readOptions() refuses ${args.join(" ")}`, () => {
    const error = assertThrows(() => readOptions(args), UsageError);
    assertEquals([error.message, error.hint], [message, `for example ${example}`]);
  });
}

test("readOptions() refuses an unknown model with the list of right ones", () => {
  const error = assertThrows(() => readOptions(["--models", "mlp,cnn"]), UsageError);
  assertEquals(error.message, 'Cannot compare the model "cnn": there is none of that name');
  assertEquals(error.hint, "the models are mlp, wide, one-conv, unpooled, lenet, frozen");
});

test("measure() gives the mean and the standard deviation with n − 1", () => {
  assertEquals(measure([1, 3]), { mean: 2, spread: Math.SQRT2, values: [1, 3] });
  assertEquals(measure([5]).spread, null);
});

test("differ() is Welch's t-test at 95 %", () => {
  // Spreads of √2 over two seeds: each mean has a standard error of 1, their difference of √2,
  // with 2 degrees of freedom, for which t is 4.303: 4.303 · √2 = 6.085.
  assert(!differ(measure([1, 3]), measure([7, 9])));
  assert(differ(measure([1, 3]), measure([7.2, 9.2])));
  assert(!differ(measure([1]), measure([100])));
});

test("shift() moves every pixel, and zeros move in", () => {
  const image = Tensor.of([[[[1, 2], [3, 4]]]]);
  const moved = [[0, 1], [0, -1], [1, 0], [-1, 0]].map(([dy, dx]) =>
    shift(image, dy, dx).toArray()
  );
  assertEquals(moved, [
    [[[[0, 1], [0, 3]]]],
    [[[[2, 0], [4, 0]]]],
    [[[[0, 0], [1, 2]]]],
    [[[[3, 4], [0, 0]]]],
  ]);
});

test("plainCrossEntropy() of equal scores is the logarithm of their number", () => {
  assertEquals(plainCrossEntropy(Tensor.of([[2, 2], [7, 7]]), Int32Array.of(0, 1)), Math.log(2));
});

// ── Evidence ──

/** What the evidence is weighed by. */
type Facts = RunEvidence & { readonly loss: number };

/** How a model was trained. */
type Trained = Pick<Options, "epochs" | "augment">;

const sound: Facts = {
  loss: 0.06,
  recomputedLoss: 0.06,
  filtersMoved: 1.7,
  slope: { predicted: 1.5, measured: 1.5 },
};

/** The training that the calibration speaks of. */
const calibrated: Trained = { epochs: 30, augment: null };

/** A made-up result of one seed. */
function resultOf(key: string, facts: Partial<Facts>, accuracy = 0.98): Result {
  const spec = models.find((model) => model.key === key);
  if (!spec) throw new RangeError(`no model ${key}`);
  const { loss, ...evidence } = { ...sound, ...facts };
  const run = {
    seed: 1,
    model: spec.build(new Generator(1)),
    history: [],
    seconds: 1,
    tested: { accuracy, loss, predictions: new Int32Array(0) },
    confidences: new Float32Array(0),
    evidence,
  };
  return { spec, runs: [run] };
}

test("weighEvidence() passes what is sound", () => {
  assertEquals(weighEvidence([resultOf("lenet", {})], calibrated).map(({ passed }) => passed), [
    true,
    true,
    true,
    true,
  ]);
});

const broken: [what: string, result: Result, suspicion: RegExp][] = [
  ["a loss that is not the cross-entropy", resultOf("lenet", { loss: 0.07 }), /crossEntropy\(\)/],
  ["a loss that is not a number", resultOf("lenet", { loss: NaN }), /crossEntropy\(\)/],
  [
    "a gradient that is lost",
    resultOf("lenet", { slope: { predicted: 0, measured: 0 } }),
    /lost on its way/,
  ],
  [
    "a gradient of the wrong sign",
    resultOf("lenet", { slope: { predicted: 1.5, measured: -1.5 } }),
    /backward of conv2d/,
  ],
  [
    "a gradient that is not a number",
    resultOf("lenet", { slope: { predicted: 1.5, measured: NaN } }),
    /backward of conv2d/,
  ],
  ["filters that stay", resultOf("lenet", { filtersMoved: 0 }), /optimizer does not get/],
  [
    "frozen filters that move",
    resultOf("frozen", { filtersMoved: 1e-9 }, 0.95),
    /no optimizer was given/,
  ],
  ["a model that knows nothing", resultOf("lenet", {}, 0.1), /learnt nothing/],
  ["a model that learns badly", resultOf("lenet", {}, 0.9), /not well/],
];
for (const [what, result, suspicion] of broken) {
  test(`weighEvidence() catches ${what}, and says what is most likely wrong`, () => {
    const failed = weighEvidence([result], calibrated).filter(({ passed }) => passed === false);
    assertEquals(failed.length, 1);
    assertMatch(failed[0].suspicion ?? "", suspicion);
  });
}

const otherwise: [how: string, trained: Trained, why: string][] = [
  ["other epochs", { epochs: 3, augment: null }, "only 30 epochs are calibrated"],
  ["shifts", { epochs: 30, augment: "shift" }, "only runs without --augment are calibrated"],
];
for (const [how, trained, why] of otherwise) {
  test(`weighEvidence() does not judge an accuracy after ${how}, which are not calibrated`, () => {
    const result = resultOf("mlp", { filtersMoved: null, slope: null }, 0.5);
    const accuracy = weighEvidence([result], trained).at(-1);
    assertEquals(accuracy?.passed, null);
    const says = `MLP 64-32-10: 50.0 % of the test digits are read right; ${why}`;
    assertEquals(accuracy?.claim, says);
  });
}

test("The calibration knows every model", () => {
  assertEquals(Object.keys(calibration.models), models.map(({ key }) => key));
});

// ── What a run claims ──

/** The default run, with other accuracies. */
function runWith(mlp: number[], lenet: number[]): RunDocument {
  const document = defaultRun(), [first, , third] = document.models;
  return {
    ...document,
    models: [{ ...first, accuracy: measure(mlp) }, { ...third, accuracy: measure(lenet) }],
  };
}

test("conclusions() claims a difference only if there is one", () => {
  const clear = conclusions(runWith([0.96, 0.961], [0.98, 0.982]))[0];
  const close = conclusions(runWith([0.96, 0.98], [0.965, 0.985]))[0];
  const worse = conclusions(runWith([0.98, 0.981], [0.96, 0.961]))[0];
  const single = conclusions(runWith([0.9], [0.99]))[0];
  assertMatch(
    clear,
    /^Small LeNet reads better than MLP 64-32-10: 1\.9 errors .* against 4\.0, with/,
  );
  assertMatch(close, /^Small LeNet and MLP 64-32-10 cannot be told apart by accuracy with 2 seeds/);
  assertMatch(worse, /^Small LeNet reads worse than MLP 64-32-10/);
  assertMatch(
    single,
    /^Small LeNet and MLP 64-32-10 cannot be told apart by accuracy with one seed/,
  );
});

test("conclusions() holds a changed LeNet against the LeNet, with or without an MLP", () => {
  const document = defaultRun(), [mlp, , lenet] = document.models;
  const row = { ...lenet, accuracy: measure([0.98, 0.982]) };
  const changed = { ...row, key: "frozen", title: "Frozen LeNet", accuracy: measure([0.9, 0.902]) };
  const says = /^Frozen LeNet reads worse than Small LeNet: 9\.9 errors .* against 1\.9, with/;
  assertMatch(conclusions({ ...document, models: [row, changed] })[0], says);
  assertMatch(conclusions({ ...document, models: [mlp, row, changed] })[2], says);
});

// ── Drawing ──

function drawReport(document: RunDocument, terminal: Terminal, quiet: boolean): string {
  return drawAny(sectionsOf(document), document, terminal, quiet);
}

test("drawReport() fits a terminal of 40 columns", () => {
  const lines = drawReport(defaultRun(), { ...nowhere, columns: 40 }, false).split("\n");
  assertEquals(lines.filter((line) => line.length > 40 && line.includes(" ")), []);
});

test("drawReport() has room for all six models in 80 columns", () => {
  const document = defaultRun(), [, , lenet] = document.models;
  const rows = models.map(({ title }) => ({ ...lenet, title }));
  const [headings] = drawReport({ ...document, models: rows }, nowhere, true).split("\n");
  assertMatch(headings, /parameters +MACs\/image +accuracy +shifted 1 px +training$/);
});

test("drawTable() sets the first column left and the others right", () => {
  const table = { headings: ["", "n"], rows: [["one", "1"], ["three", "333"]] };
  assertEquals(drawTable(table, 80), "         n\n──────────\none      1\nthree  333");
});

test("drawTable() makes blocks where the table is wider than the terminal", () => {
  const table = { headings: ["", "count", "n"], rows: [["one", "1", "2"]] };
  assertEquals(drawTable(table, 8), "one\n  count  1\n  n      2");
});

test("drawConfusion() counts what was right only where there is room", () => {
  const counts = [[100, 2], [0, 98]];
  assertEquals(
    drawConfusion(counts, 80),
    "    │   0   1\n  ──┼────────\n  0 │ 100   2\n  1 │   ·  98",
  );
  assertEquals(drawConfusion(counts, 10), "    │ 0 1\n  ──┼────\n  0 │ ■ 2\n  1 │ · ■");
});

test("drawPictures() puts as many side by side as fit, in even rows", () => {
  const dot = { data: [1, 0], height: 1, width: 2, caption: ["x"] };
  const drawn = drawPictures([dot, dot, dot, dot], brightness(nowhere), 20);
  assertEquals(drawn, "  x     x\n  @@    @@\n\n  x     x\n  @@    @@");
});

test("signed() tells strong and weak, above and below 0 without colour", () => {
  const pixel = signed(nowhere, 1);
  assertEquals([1, 0.5, 0, -0.5, -1].map(pixel), ["##", "++", "  ", "--", "=="]);
});

test("wrap() breaks between words", () => {
  assertEquals(wrap("one two three", 7), "one two\nthree");
});

test("EpochProgress prints a plain line every few epochs where there is no terminal", () => {
  let text = "";
  const progress = new EpochProgress({ ...nowhere, write: (part) => text += part }, "MLP", 6);
  for (let epoch = 1; epoch <= 6; epoch++) progress.finishEpoch({ epoch, loss: 1 / epoch });
  progress.finish("done");
  const lines = text.replace(/\d+\.\d s/g, "T").split("\n");
  assertEquals(lines, [
    "MLP  epoch 2/6  loss 0.5000  T",
    "MLP  epoch 4/6  loss 0.2500  T",
    "MLP: done",
    "",
  ]);
});

test("EpochProgress overwrites one line at a terminal, and never a second one", () => {
  let text = "";
  const terminal = { ...nowhere, live: true, columns: 20, write: (part: string) => text += part };
  const progress = new EpochProgress(terminal, "MLP", 2);
  progress.finishEpoch({ epoch: 1, loss: 0.5 });
  assert(text.startsWith("\r\x1b[KMLP  epoch 1/2"));
  assertEquals(text.length, "\r\x1b[K".length + 19);
});
