/**
 * Milestone 04, part 2, as it is started: on a small archive of the same layout.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { decodeCheckpoint, encodeCheckpoint } from "#checkpoint";
import calibration from "../milestones/04_1998_cnn/cifar10_calibration.json" with {
  type: "json",
};
import { cifar10, convolutional, dense, presets } from "../milestones/04_1998_cnn/02_cifar10.ts";
import { conclusions, sectionsOf } from "../milestones/04_1998_cnn/cifar10_report.ts";
import type { Cifar10Document } from "../milestones/04_1998_cnn/cifar10_schema.ts";
import { DownloadLine } from "../milestones/report/download_line.ts";
import { drawPictures, packed, packedColor } from "../milestones/report/picture.ts";
import type { Measured } from "../milestones/report/schema.ts";
import { StepProgress } from "../milestones/report/step_progress.ts";
import { drawReport } from "../milestones/report/terminal_report.ts";
import { nowhere, type Terminal } from "../milestones/report/terminal.ts";
import { duration } from "../milestones/report/wording.ts";
import { plan } from "../course/commands/launch.ts";
import { UsageError } from "../course/arguments.ts";
import { tryLock } from "../datasets/lock.ts";
import { summarize } from "#layers";
import { Generator } from "#random";
import { assertRefuses } from "./project/assert_refuses.ts";
import { inFolder } from "./project/in_folder.ts";
import { smallArchive } from "./project/small_cifar10.ts";
import { test } from "../course/sandbox/register.ts";

const root = join(dirname(fromFileUrl(import.meta.url)), "..");
const { help, readOptions } = cifar10;
/** Without coverage: what these runs train is covered elsewhere, and watching them is slow. */
const { DENO_COVERAGE_DIR: _, ...env } = process.env;
const imagesPerFile = 60, archive = smallArchive(imagesPerFile);
const sha256 = createHash("sha256").update(archive).digest("hex");

/** How a run ended. */
interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with the small archive, and how to start the milestone there. */
interface Scene {
  readonly folder: string;
  readonly source: string;
  /** Starts it; sends a signal as soon as it has printed a text. */
  readonly start: (
    args: readonly string[],
    signal?: readonly ["SIGKILL" | "SIGINT", text: string],
  ) => Promise<Outcome>;
}

function inScene<T>(body: (scene: Scene) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const source = join(folder, "small.tar.gz"), cache = join(folder, "cache");
    writeFileSync(source, archive);
    const start: Scene["start"] = (args, when) => {
      const given = args.includes("--source") ? [] : ["--source", source, "--sha256", sha256];
      const all = [...args, ...given, "--cache", cache], planned = plan("cifar10", all, []);
      assert("command" in planned);
      const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
      const child = spawn(process.execPath, planned.command, { cwd: root, env });
      let stdout = "", stderr = "", isSent = false;
      child.stdout.on("data", (text) => {
        stdout += text;
        if (!when || isSent || !stdout.includes(when[1]) || !child.pid) return;
        isSent = true;
        process.kill(child.pid, when[0]);
      });
      child.stderr.on("data", (text) => stderr += text);
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout, stderr }));
      return promise;
    };
    return await body({ folder, source, start });
  });
}

/** A checkpoint, but for how long the training took. */
function checkpointIn(folder: string, name: string): unknown {
  const path = join(folder, "cache", "checkpoints", `cifar10_${name}.safetensors`);
  const { tensors, metadata: { seconds: _, ...texts } } = decodeCheckpoint(
    readFileSync(path),
    name,
  );
  return { texts, tensors: [...tensors].map(([name, { data, shape }]) => [name, shape, data]) };
}

// ── The whole way ──

/** What a quick run gives. */
interface Quick {
  readonly document: Cifar10Document;
  readonly page: string;
  readonly onnx: Uint8Array;
}

let quickRun: Promise<Quick> | undefined;

/** A quick run; trained once for all tests that read it. */
function quick(): Promise<Quick> {
  return quickRun ??= inScene(async ({ folder, start }) => {
    const [report, onnx] = [join(folder, "report.html"), join(folder, "model.onnx")];
    const args = ["--preset", "quick", "--json", "--report", report, "--export", onnx];
    const { code, stdout, stderr } = await start(args);
    assertEquals(code, 0, stderr);
    assertMatch(stderr, /CNN 32-64-128-256: [\d.]+ % of 60 images that it has not learnt from/);
    const page = readFileSync(report, "utf8");
    return { document: JSON.parse(stdout), page, onnx: new Uint8Array(readFileSync(onnx)) };
  });
}

test("cifar10 learns from a small archive, and --json prints one document of what was measured", async () => {
  const { document } = await quick();
  const { networks: [cnn, mlp], confusion, origin, judgedBy, trained, passed } = document;
  assert(passed);
  assertEquals([origin.verified, origin.train, origin.test], ["given", 300, 60]);
  assertEquals([trained, judgedBy], [300, { images: 60, what: "test" }]);
  assertEquals([cnn.key, mlp.key, cnn.history.length, mlp.history.length], ["cnn", "mlp", 1, 1]);
  assertEquals(confusion.flat().reduce((a, b) => a + b, 0), 60);
  const right = confusion.reduce((sum, row, k) => sum + row[k], 0);
  assertEquals(cnn.accuracy, right / 60);
  assertEquals(document.filters.map((filter) => filter.length), new Array(32).fill(27));
});

test("cifar10 --json prints what the schema says, whose type the report draws", async () => {
  const { cifar10Document } = await import("../milestones/04_1998_cnn/cifar10_schema.ts");
  const { document } = await quick();
  assertEquals(cifar10Document.parse(document), document);
}, { only: "deno" }); // Zod is fetched, and `bun test` fetches nothing

test("cifar10's page needs nothing else: no script, no address but those in its text", async () => {
  const { page, document } = await quick();
  assert(!/<script|<link|<iframe|src="(?!data:)|href=|url\(/i.test(page));
  assertEquals(page.match(/<svg /g)?.length, 2);
  const pictures = 32 + 3 * (1 + 32 + 64) + document.right.length + document.wrong.length;
  assertEquals(page.match(/<img /g)?.length, pictures);
  for (const words of ["CNN 32-64-128-256", "Evidence", "taken for", "fingerprint"]) {
    assertStringIncludes(page, words);
  }
});

test("cifar10 --export writes the trained network", async () => {
  const { onnx } = await quick();
  assert(onnx.length > 4 * 399_146 && onnx.length < 4 * 399_146 + 10_000, `${onnx.length} bytes`);
});

// ── Stopped, killed, gone on with ──

test("A run killed in the middle and gone on with ends with the same bits as one that was not", () =>
  inScene(async ({ folder, start }) => {
    const words = ["--no-mlp"], name = "standard_seed1_cnn";
    const whole = await start(words);
    assertEquals(whole.code, 0, whole.stderr);
    const expected = checkpointIn(folder, name);

    const killed = await start(words, ["SIGKILL", "epoch 2/4"]);
    assert(killed.code !== 0);
    assert(!/epoch 4\/4/.test(killed.stdout), "it must not have come to its end");
    const { code, stdout, stderr } = await start([...words, "--resume"]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, "going on after step");
    assertEquals(checkpointIn(folder, name), expected);

    const stopped = await start(words, ["SIGINT", "epoch 3/4"]);
    assertEquals(stopped.code, 130, stopped.stderr);
    assertStringIncludes(
      stopped.stderr.replaceAll("\n", " "),
      "Go on with: deno task cifar10 --resume",
    );
    assertEquals((await start([...words, "--resume"])).code, 0);
    assertEquals(checkpointIn(folder, name), expected);
    await start(words, ["SIGINT", "epoch 1/4"]);
    const anew = await start(words, ["SIGINT", "epoch 1/4"]);
    assertMatch(anew.stdout, /An earlier run stood at step \d+ of 12\. This one begins anew/);
    assert(existsSync(join(folder, "cache", "checkpoints", `cifar10_${name}_before.safetensors`)));
    const verdict = (text: string): string => text.slice(text.indexOf("Evidence"));
    assertEquals(verdict(stdout), verdict(whole.stdout));
  }));

/** What a checkpoint may say by mistake, and what is said of it. */
const damagedNotes = [
  ["progress", "null", "its progress must be a table of fields, found null"],
  ["seconds", '"x"', 'its seconds must be a number of at least 0, found "x"'],
  [
    "progress",
    '{"step":9,"total":0,"examples":0}',
    "it does not fit together, found step 9 of 3, and 1 epochs in its history",
  ],
] as const;

test("cifar10 does not go on from a checkpoint that is missing, damaged, or of other settings", () =>
  inScene(async ({ folder, start }) => {
    const words = ["--preset", "quick", "--no-mlp"], resume = [...words, "--resume"];
    const path = join(folder, "cache", "checkpoints", "cifar10_quick_seed1_cnn.safetensors");
    const missing = await start(resume);
    assertEquals([missing.code, missing.stdout.includes("epoch")], [2, true]);
    assertStringIncludes(missing.stderr, `Cannot read the checkpoint ${path}: there is none`);
    assertEquals((await start(words)).code, 0);
    const bytes = readFileSync(path);
    const text = bytes.toString("latin1"), number = text.indexOf('\\"learningRate\\":0.006');
    assert(number > 0);

    writeFileSync(path, bytes.subarray(0, bytes.length - 5));
    const cut = await start(resume);
    assertEquals(cut.code, 2);
    assertStringIncludes(cut.stderr, "Cannot read the checkpoint");

    const damaged = new Uint8Array(bytes);
    damaged[number + 22] ^= 1; // another learning rate
    writeFileSync(path, damaged);
    assertStringIncludes((await start(resume)).stderr, "its checksum is wrong, so it was damaged");

    const { tensors, metadata } = decodeCheckpoint(bytes, path);
    for (const [name, json, rule] of damagedNotes) {
      writeFileSync(path, encodeCheckpoint({ tensors, metadata: { ...metadata, [name]: json } }));
      const { code, stderr } = await start(resume);
      assertEquals(code, 2);
      assertStringIncludes(stderr, `Cannot go on from ${path}: ${rule}`);
    }
    assertEquals((await start(words)).code, 0); // it begins anew, whatever the old one says

    writeFileSync(path, bytes);
    const lock = await tryLock(`${path}.lock`); // as another run has it
    const locked = await start(words);
    lock?.release();
    assertEquals(locked.code, 2);
    assertStringIncludes(locked.stderr, `Cannot train: another run writes the checkpoint ${path}`);

    writeFileSync(join(folder, "small.tar.gz"), smallArchive(61));
    const other = createHash("sha256").update(smallArchive(61)).digest("hex");
    const source = ["--source", join(folder, "small.tar.gz"), "--sha256", other];
    const changed = await start([...resume, ...source]);
    assertEquals(changed.code, 2);
    assertMatch(changed.stderr, /Cannot go on from .*: its (fingerprint|images) was .*, now it is/);
  }));

// ── What cannot run ──

test("cifar10 refuses data that are not what they should be, in words and with code 2", () =>
  inScene(async ({ folder, source, start }) => {
    const wrong = "0".repeat(64);
    const checked = await start(["--source", source, "--sha256", wrong]);
    assertEquals([checked.code, checked.stdout], [2, ""]);
    assertEquals(
      checked.stderr,
      `DataError: Cannot use ${source}: its sha256 must be ${wrong}, found ${sha256}\n` +
        "  hint: Is it the right file, and whole? Without --sha256 it is used as it is, unverified.\n",
    );
    const unverified = await start(["--source", source]);
    assertEquals(unverified.code, 2);
    assertStringIncludes(unverified.stderr, "it must have 10000 images, found 60");
    const missing = join(folder, "nothing.tar.gz");
    const { code, stderr } = await start(["--source", missing]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `Cannot read ${missing}: a file must be there, none was found`);
    const report = join(folder, "no", "such", "folder.html");
    const unwritten = await start(["--preset", "quick", "--no-mlp", "--report", report]);
    assertEquals(unwritten.code, 2);
    assertStringIncludes(unwritten.stderr, `Cannot write --report ${report}`);
    assert(!unwritten.stdout.includes("epoch"), "it says so before it trains");
  }));

test("readOptions() refuses what cannot be used", () => {
  const options = "the options are --preset --seed --source --sha256 --cache --report --export " +
    "--save --kernels --threads --no-color --resume --no-mlp --validate --json --quiet --help";
  const cases: [args: string[], message: string, hint: string][] = [
    [
      ["--preset", "fast"],
      'Cannot use --preset "fast": there is none of that name',
      "the presets are quick, standard, best",
    ],
    [
      ["--seed=-1"],
      'Cannot use --seed "-1": it must be a whole number of at least 0',
      "for example --seed 1",
    ],
    [
      ["--sha256", "0".repeat(64)],
      "Cannot use --sha256 without --source: the published archive has its own checksum",
      "give both or none",
    ],
    [
      ["--source", "x", "--sha256", "abc"],
      'Cannot use --sha256 "abc": it must be 64 hexadecimal digits',
      "sha256sum FILE prints them",
    ],
    [
      ["--report="],
      'Cannot use --report "": it needs a path',
      "for example --report DIR/FILE",
    ],
    [["--epochs", "3"], "Cannot understand --epochs: there is no such option", options],
    [["quick"], "Cannot understand quick: there is no such option", options],
  ];
  for (const [args, message, hint] of cases) {
    assertRefuses(() => readOptions(args), UsageError, message, hint);
  }
});

test("cifar10 --help names every option, preset and exit code, 100 columns wide", () => {
  const words = ["preset", "seed", "resume", "no-mlp", "validate", "source", "sha256", "cache"];
  const more = [
    "report",
    "export",
    "save",
    "json",
    "quiet",
    "no-color",
    "kernels",
    "threads",
    "help",
  ];
  for (const word of [...words, ...more]) assertStringIncludes(help, `--${word}`);
  for (const { key } of presets) assertStringIncludes(help, key);
  assertStringIncludes(help, "0 passed, 1 did not pass, 2 could not run, 130 interrupted");
  assert(help.split("\n").every((line) => line.length <= 100));
});

// ── What is claimed ──

test("The MLP has more than half of the arithmetic, and the parameters stand where the report says", () => {
  const [cnn, mlp] = [convolutional, dense].map(({ build }) =>
    summarize(build(new Generator(1)), [1, 3, 32, 32])
  );
  // 3·9·32 + 32·9·64 + 64·9·128 + 128·9·256, two numbers per channel, and 1024·10 + 10
  assertEquals(cnn.parameters, 864 + 18_432 + 73_728 + 294_912 + 2 * 480 + 10_250);
  assertEquals(
    cnn.multiplyAccumulates,
    1024 * 864 + 256 * 18_432 + 64 * 73_728 + 16 * 294_912 + 10_240,
  );
  assertEquals(mlp.multiplyAccumulates, 3072 * 2048 + 2048 * 1024 + 1024 * 10);
  assert(mlp.multiplyAccumulates / cnn.multiplyAccumulates > 0.5);
  assertEquals(Math.floor(mlp.parameters / cnn.parameters), 21); // as the chapter says
});

test("The report fits the terminal, says which data, and claims only what was measured", async () => {
  const { document } = await quick();
  for (const columns of [80, 60, 40]) {
    const text = drawReport(sectionsOf(document), document, { ...nowhere, columns }, false);
    const wide = text.split("\n").filter((line) => line.length > columns && !/\//.test(line));
    assertEquals(wide, []);
  }
  const text = drawReport(sectionsOf(document), document, nowhere, false).replace(/\s+/g, " ");
  assertStringIncludes(text, "data checked against the sha256 that was given");
  const { networks: [cnn, mlp] } = document, gap = (cnn.accuracy - mlp.accuracy) * 100;
  assertStringIncludes(conclusions(document)[0], `a gap of ${gap.toFixed(1)} points with one seed`);
});

test("The chapter's table is what the calibration measured", () => {
  const chapter = readFileSync(join(root, "milestones/04_1998_cnn/README.md"), "utf8");
  const percent = ({ mean, spread }: Measured): string =>
    `${(mean * 100).toFixed(1)} ± ${((spread ?? NaN) * 100).toFixed(1)} %`;
  const measured: Record<string, { accuracy: Measured; seconds: Measured }> = calibration.presets;
  const rows = chapter.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  for (const { key, epochs, images = 50_000 } of presets) {
    const { accuracy, seconds } = measured[key], row = rows.find(([, name]) => name === key);
    const numbers = [
      String(epochs),
      images.toLocaleString("en-US"),
      String(accuracy.values.length),
    ];
    const expected = [key, ...numbers, percent(accuracy), duration(seconds.mean)];
    assertEquals(row?.slice(1, -1), expected);
  }
  assertStringIncludes(chapter, calibration.data.fingerprint.slice(0, 12));
});

// ── What is shown meanwhile ──

/** A terminal that keeps what is written. */
function recorder(live: boolean, columns = 80): Terminal & { readonly written: string[] } {
  const written: string[] = [];
  return { live, color: false, columns, written, write: (text) => void written.push(text) };
}

test("StepProgress says first how long it will take, judging by ten steps", () => {
  let now = 0;
  const terminal = recorder(false), size = { epochs: 2, batchSize: 100 };
  const progress = new StepProgress(terminal, "CNN", size, () => now);
  progress.start(0, 100);
  for (let step = 1; step <= 20; step++) {
    now += step <= 3 ? 5000 : 500; // the first steps are slow
    progress.show({ epoch: 1, step, steps: 100, loss: 1, accuracy: 0.5 });
  }
  assertEquals(
    terminal.written.join(""),
    "CNN: about 50 s for 100 steps in 2 epochs, judging by 10 steps at 200 images/s.\n",
  );
});

test("StepProgress says it after one step if that takes long, or goes on", () => {
  let now = 0;
  const terminal = recorder(false, 100), size = { epochs: 1, batchSize: 100 };
  const progress = new StepProgress(terminal, "CNN", size, () => now);
  progress.start(40, 100);
  for (let step = 41; step <= 50; step++) {
    now += 20_000;
    progress.show({ epoch: 1, step, steps: 100, loss: 1, accuracy: 0.5 });
  }
  assertEquals(terminal.written, [
    "CNN: going on after step 40 of 100.\n",
    "CNN: about 20 min 0 s for 60 steps in 1 epoch, judging by 1 step at 5.0 images/s.\n",
  ]);
});

test("StepProgress overwrites one line at a terminal, never wider than it", () => {
  let now = 0;
  for (const columns of [80, 30]) {
    const terminal = recorder(true, columns), size = { epochs: 2, batchSize: 100 };
    const progress = new StepProgress(terminal, "CNN", size, () => now);
    progress.start(0, 100);
    for (let step = 1; step <= 30; step++) {
      now += 200;
      progress.show({ epoch: 1, step, steps: 100, loss: 1.23456, accuracy: 0.5 });
    }
    const line = terminal.written.at(-1) ?? "";
    const whole = "\r\x1b[Kepoch 1/2  500 images/s  loss 1.235  accuracy 50.0 %  14 s left";
    assertEquals(line, whole.slice(0, columns - 1 + 4));
  }
});

test("duration() says minutes and hours as people do", () => {
  assertEquals([0, 59.4, 59.6, 61, 3600, 7320].map(duration), [
    "0 s",
    "59 s",
    "1 min 0 s",
    "1 min 1 s",
    "1 h 0 min",
    "2 h 2 min",
  ]);
});

test("DownloadLine shows bytes, rate and time left, and plain lines where there is no terminal", () => {
  let now = 0;
  const terminal = recorder(false), line = new DownloadLine(terminal, () => now);
  const progress = { received: 20e6, total: 170e6, rate: 5e6, secondsLeft: 30 };
  line.show(progress);
  now += 100;
  line.show({ ...progress, received: 21e6 });
  line.finish();
  assertEquals(terminal.written, [
    "Downloading: 20.0 of 170.0 MB, 5.0 MB/s, 30 s left\n",
    "Downloading: 21.0 of 170.0 MB, 5.0 MB/s\n",
  ]);
});

test("packedColor() draws red, green and blue in a terminal's colours, else their brightness", () => {
  const data = [packed(1, 0, 0), packed(0, 1, 0), packed(0, 0, 1), packed(1, 1, 1)];
  const picture = { data, height: 1, width: 4 };
  const colored = drawPictures([picture], packedColor({ ...nowhere, color: true }), 80);
  assertEquals([...colored.matchAll(/48;5;(\d+)m/g)].map(([, color]) => Number(color)), [
    196,
    46,
    21,
    231,
  ]);
  assertEquals(drawPictures([picture], packedColor(nowhere), 80), "  ------@@");
});

// ── What Deno lets it do ──

test("The launcher lets cifar10 do what its command line names, and nothing else", () => {
  const allowed = (...args: string[]): string[] => {
    const planned = plan("cifar10", [...args, "--cache", "/c"], [], "deno");
    return "command" in planned ? planned.command.filter((word) => word.startsWith("--allow")) : [];
  };
  const named = (words: readonly string[], kind: string): string =>
    words.find((word) => word.startsWith(`--allow-${kind}=`))?.split("=")[1] ?? "";
  const usual = allowed();
  assertEquals(named(usual, "net"), "www.cs.toronto.edu");
  assertMatch(named(usual, "write"), /^\S*c$/);
  const mirror = allowed("--source", "http://127.0.0.1:8000/x.tar.gz", "--report=/r.html");
  assertEquals(named(mirror, "net"), "127.0.0.1:8000");
  assertMatch(named(mirror, "write"), /r\.html$/);
  const local = allowed("--source", "/data/a.tar.gz");
  assertEquals(named(local, "net"), "");
  assertMatch(named(local, "read"), /a\.tar\.gz/);
  assert(![usual, mirror, local].flat().includes("--allow-all"));
});
