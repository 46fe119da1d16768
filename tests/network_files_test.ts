/**
 * What milestones read back from files: a trained network, and what a checkpoint says of its run.
 * Zod is the oracle of the small readers; it is fetched, so those tests run under Deno alone.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { CheckpointError, decodeCheckpoint } from "#checkpoint";
import { Generator } from "#random";
import { plan } from "../course/commands/launch.ts";
import { models, tinydigits } from "../milestones/04_1998_cnn/01_tinydigits.ts";
import type { TinydigitsDocument } from "../milestones/04_1998_cnn/tinydigits_schema.ts";
import { fillModel, readNetwork, saveNetwork } from "../milestones/report/network_file.ts";
import { readNotes } from "../milestones/report/notes.ts";
import type { Notes } from "../milestones/report/schema.ts";
import { notesReader } from "../milestones/report/training.ts";
import { test } from "../course/sandbox/register.ts";
import { inFolder } from "./project/in_folder.ts";

const { DENO_COVERAGE_DIR: _, ...env } = process.env;

/** Runs the milestone as its task does, with the permissions of its arguments and no others. */
function run(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const planned = plan("tinydigits", args, []);
  assert("command" in planned);
  const { status, stdout, stderr } = spawnSync(process.execPath, planned.command, {
    encoding: "utf8",
    env,
  });
  return { code: status, stdout, stderr };
}

// ── A trained network ──

test("tinydigits --load tests the network that --save has written, without training it", () =>
  inFolder((folder) => {
    const file = join(folder, "one.safetensors"), words = ["--json", "--epochs", "2"];
    const saved = run(
      "--models",
      "one-conv",
      "--seed",
      "3",
      "--seeds",
      "1",
      ...words,
      "--save",
      file,
    );
    assertEquals(saved.code, 0, saved.stderr);
    const loaded = run("--load", file, "--json");
    assertEquals([loaded.code, loaded.stderr], [0, ""]);
    const [before, after]: TinydigitsDocument[] = [saved, loaded].map(({ stdout }) =>
      JSON.parse(stdout)
    );
    assertEquals(after, { ...before, loadedFrom: file });
    assertEquals(before.recipe.seeds, [3]);
    return Promise.resolve();
  }));

test("tinydigits --report, --export and --save write their files, and the end says so", () =>
  inFolder((folder) => {
    const paths = ["page.html", "mlp.onnx", "mlp.safetensors"].map((name) => join(folder, name));
    const words = ["--models", "mlp", "--seeds", "1", "--epochs", "1"];
    const [report, onnx, network] = paths;
    const { code, stdout, stderr } = run(
      ...words,
      ...["--report", report, "--export", onnx, "--save", network],
    );
    assertEquals(code, 0, stderr);
    assert(stdout.endsWith(`${paths.map((path) => `Written: ${path}`).join("\n")}\n`));
    const page = readFileSync(report, "utf8");
    assert(!/<script|<link|<iframe|src="(?!data:)|href=|url\(/i.test(page));
    assert(page.includes("MLP 64-32-10") && page.includes("Evidence"));
    const { tensors } = decodeCheckpoint(readFileSync(network), "mlp");
    const names = ["layers.1.weight", "layers.1.bias", "layers.3.weight", "layers.3.bias"];
    assertEquals([...tensors.keys()], names);
    const bytes = readFileSync(onnx).length;
    assert(bytes > 4 * 2410 && bytes < 4 * 2410 + 2000, `${bytes} bytes`);
    return Promise.resolve();
  }));

test("tinydigits ends by saying what can be done with the network that it has trained", () => {
  const { stdout } = run("--models", "mlp", "--seeds", "1", "--epochs", "1");
  const [, end] = stdout.split("What you can do with this MLP 64-32-10 (seed 1)");
  for (const option of ["--report", "--export", "--save", "--load"]) assert(end.includes(option));
});

const notWritable: [option: string, path: string, why: string][] = [
  ["--report", "no/such/page.html", "its folder does not exist"],
  ["--export", "no/such/model.onnx", "its folder does not exist"],
  ["--save", "", "it is a folder"],
];
for (const [option, path, why] of notWritable) {
  test(`tinydigits refuses ${option} before it trains, if ${why}`, () =>
    inFolder((folder) => {
      const place = join(folder, path), { code, stdout, stderr } = run(option, place);
      assertEquals([code, stdout], [2, ""]);
      assert(stderr.startsWith(`UsageError: Cannot write ${option} ${place}: ${why}\n  hint: `));
      return Promise.resolve();
    }));
}

test("an option that has no meaning is refused in a sentence that says why", () => {
  const cases: [args: string[], says: string][] = [
    [["--resume"], "Cannot use --resume with tinydigits: its trainings take seconds"],
    [["--preset=quick"], "Cannot use --preset with tinydigits: its trainings take seconds"],
    [
      ["--load", "x", "--epochs", "3"],
      "Cannot use --epochs with --load: the network in the file is trained already",
    ],
    [
      ["--load", "x", "--full"],
      "Cannot use --full with --load: the network in the file is trained already",
    ],
  ];
  for (const [args, says] of cases) {
    assertEquals(assertThrows(() => tinydigits.readOptions(args), Error).message, says);
  }
});

/** Reads a file as `--load` does. */
function readOne(path: string): ReturnType<typeof readNetwork<unknown>> {
  const { name, readSettings } = tinydigits;
  assert(readSettings);
  return readNetwork(path, name, models, readSettings);
}

const settings = { epochs: 3, augment: null };
const history = [{ epoch: 1, loss: 0.5, learningRate: 0.05 }];
const sound = { milestone: tinydigits.name, model: "mlp", seed: 1, settings, history, seconds: 1 };

const damages: [change: Record<string, unknown>, says: string][] = [
  [{ milestone: "05" }, 'its milestone must be "04_1998_cnn/01_tinydigits", found "05"'],
  [{ milestone: "" }, 'its milestone must be "04_1998_cnn/01_tinydigits", found ""'],
  [{ seed: -1 }, "its seed must be a whole number of at least 0, found -1"],
  [{ seconds: "x" }, 'its seconds must be a number of at least 0, found "x"'],
  [{ settings: null }, "its settings must be a table of fields, found null"],
  [
    { settings: { epochs: 0 } },
    "its settings.epochs must be a whole number of at least 1, found 0",
  ],
  [
    { settings: { epochs: 3, augment: "flip" } },
    'its settings.augment must be "shift" or null, found "flip"',
  ],
  [{ history: 3 }, "its history must be a list, found 3"],
  [
    { history: [{ epoch: 1, loss: "x" }] },
    'its history[0].loss must be a number of at least 0, found "x"',
  ],
];
for (const [change, says] of damages) {
  test(`--load says that ${says}`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "a.safetensors"), [{ build }] = models;
      await saveNetwork(path, build(new Generator(1)), { ...sound, ...change } as typeof sound);
      const error = await assertRejects(() => readOne(path), CheckpointError);
      assertEquals(error.message, `Cannot load ${path}: ${says}`);
    }));
}

test("--load refuses weights of another model, and names what does not fit", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.safetensors"), [mlp, wide] = models;
    await saveNetwork(path, wide.build(new Generator(1)), sound);
    const file = await readOne(path);
    const error = assertThrows(() => fillModel(mlp.build(new Generator(1)), file), CheckpointError);
    assert(error.message.startsWith(`Cannot load ${path}: `) && error.message.includes("128"));
  }));

// ── What a checkpoint says of its run ──

const notes: Notes = {
  settings: { network: "CNN", preset: { epochs: 4 } },
  kernels: "SIMD",
  progress: {
    step: 3,
    total: 1.5,
    examples: 96,
    measured: { accuracy: { rows: 96, shape: null, values: [10] } },
  },
  history: [{ epoch: 1, loss: 2.1, learningRate: 0.001, accuracy: 0.25 }],
  seconds: 12.5,
};

function read(given: object): Notes {
  return readNotes(notesReader, toTexts(given), "Cannot go on from a file");
}

function toTexts(table: object): Record<string, string> {
  return Object.fromEntries(
    Object.entries(table).map(([name, value]) => [name, JSON.stringify(value)]),
  );
}

/** A value with one place in it changed, for every place and every change. */
function* changed(value: unknown): Iterable<unknown> {
  for (const other of [null, "x", -1, 0, 0.5, 2, 1e300, true, [], {}, undefined]) yield other;
  if (typeof value !== "object" || value === null) return;
  for (const [name, part] of Object.entries(value)) {
    for (const other of changed(part)) {
      if (Array.isArray(value)) yield value.with(Number(name), other);
      else yield { ...value, [name]: other };
    }
  }
}

test("readNotes() accepts the notes that Zod accepts, and no others", async () => {
  const schema = await import("../milestones/report/schema.ts");
  const verdicts = { accepted: 0, refused: 0 };
  assertEquals(read(notes), notes);
  for (const variant of changed(notes)) {
    if (typeof variant !== "object" || variant === null || Array.isArray(variant)) continue;
    const parsed: object = JSON.parse(JSON.stringify(variant)); // as a file would say it
    const { success, data } = schema.notes.safeParse(parsed);
    const what = JSON.stringify(variant);
    if (success) assertEquals(read(parsed), data, what);
    else assertThrows(() => read(parsed), CheckpointError, "its ", what);
    verdicts[success ? "accepted" : "refused"]++;
  }
  assert(verdicts.accepted > 20 && verdicts.refused > 80, JSON.stringify(verdicts));
}, { only: "deno" });

test("readNotes() names the field that is damaged, and does not mind texts of others", () => {
  const texts = { ...notes, progress: null };
  const says = "Cannot go on from a file: its progress must be a table of fields, found null";
  assertEquals(assertThrows(() => read(texts), CheckpointError).message, says);
  const foreign = { format: "pt", ...toTexts(notes) };
  assertEquals(readNotes(notesReader, foreign, "x"), notes);
  const broken = { ...toTexts(notes), seconds: "12.5 s" };
  const error = assertThrows(() => readNotes(notesReader, broken, "x"), CheckpointError);
  assertEquals(error.message, "x: its seconds must be a number of at least 0, found nothing");
});
