/**
 * Checkpoints: the file format, what is refused, and runs that go on from one.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import {
  type Checkpoint,
  CheckpointError,
  decodeCheckpoint,
  encodeCheckpoint,
  readCheckpoint,
  restoreCheckpoint,
  takeCheckpoint,
  type TrainingParts,
  writeCheckpoint,
} from "#checkpoint";
import { DataLoader, randomShift, TensorDataset } from "#dataloader";
import { Flatten, Linear, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { AdamW, SGD } from "#optimizers";
import { Generator } from "#random";
import { BatchNorm2d, Conv2d } from "#spatial";
import { Tensor } from "#tensor";
import { cosine, type EpochResult, fit, type FitProgress } from "#training";
import { fixtureModel } from "./fixtures/checkpoint.ts";
import { inFolder } from "./project/in_folder.ts";
import { test } from "../course/sandbox/register.ts";

const hint = "was it cut short, or is it another kind of file?";

/** The bytes of a safetensors file with this table and these numbers. */
function fileOf(table: unknown, numbers: readonly number[] = []): Uint8Array {
  const json = new TextEncoder().encode(typeof table === "string" ? table : JSON.stringify(table));
  const data = new Uint8Array(Float32Array.from(numbers).buffer);
  const length = new Uint8Array(new BigUint64Array([BigInt(json.length)]).buffer);
  return Uint8Array.from([...length, ...json, ...data]);
}

function refuses(file: Uint8Array, finding: string, todo = hint): void {
  const error = assertThrows(() => decodeCheckpoint(file, "x"), CheckpointError);
  assertEquals(error.message, `Cannot read the checkpoint x: ${finding}`);
  assertEquals(error.hint, todo);
}

// ── The format ──

test("encodeCheckpoint() writes what the safetensors format asks for, byte by byte", () => {
  const tensors = new Map([["w", Tensor.of([[1, -2]])]]);
  const file = encodeCheckpoint({ tensors, metadata: {} });
  const numbers = Uint8Array.of(0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0); // 1 and −2, little-endian
  const entry = { dtype: "F32", shape: [1, 2], data_offsets: [0, 8] };
  const sum = createHash("sha256")
    .update(JSON.stringify({ __metadata__: {}, w: entry })).update(numbers).digest("hex");
  const json = JSON.stringify({ __metadata__: { "kindling.sha256": sum }, w: entry });
  const length = Math.ceil(json.length / 8) * 8;
  const text = new TextEncoder().encode(json.padEnd(length));
  assertEquals([...file], [length % 256, length >> 8, 0, 0, 0, 0, 0, 0, ...text, ...numbers]);
});

test("encodeCheckpoint() gives each file the SHA-256 that node:crypto gives it", () => {
  for (let length = 1; length < 40; length++) { // over three blocks of 64 bytes
    const tensors = new Map([["w", Tensor.of(Array.from({ length }, (_, k) => k))]]);
    for (const texts of [{ a: "x".repeat(length % 5) }, { a: "漢" }]) {
      const file = encodeCheckpoint({ tensors, metadata: texts });
      const size = Number(new DataView(file.buffer).getBigUint64(0, true));
      const table = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + size)));
      const { ["kindling.sha256"]: sum, ...metadata } = table.__metadata__;
      const hash = createHash("sha256").update(
        JSON.stringify({ ...table, __metadata__: metadata }),
      );
      assertEquals(sum, hash.update(file.subarray(8 + size)).digest("hex"));
    }
  }
});

test("A checkpoint comes back as it was, in both number formats and all shapes", () => {
  const generator = new Generator(1);
  const tensors = new Map([
    ["single", Tensor.normal([3, 2], generator)],
    ["double", Tensor.normal([2], generator, { dtype: "float64" })],
    ["number", Tensor.of(Math.PI, { dtype: "float64" })],
    ["odd", Tensor.of([1, NaN, -Infinity])],
  ]);
  const metadata = { words: 'quotes " and \n lines, ü and 漢', empty: "" };
  const read = decodeCheckpoint(encodeCheckpoint({ tensors, metadata }), "x");
  assertEquals(read.metadata, metadata);
  assertEquals([...read.tensors.keys()], [...tensors.keys()]);
  for (const [name, { data, shape }] of tensors) {
    assertEquals(read.tensors.get(name)?.shape, shape);
    assertEquals(read.tensors.get(name)?.data, data);
  }
});

test("decodeCheckpoint() reads a file of another program, without checksum or texts", () => {
  const table = { b: { dtype: "F32", shape: [2], data_offsets: [0, 8] } };
  const { tensors, metadata } = decodeCheckpoint(fileOf(table, [3, 4]), "x");
  assertEquals(tensors.get("b")?.toArray(), [3, 4]);
  assertEquals(metadata, {});
});

test("decodeCheckpoint() notices each single byte that is wrong, and each that is missing", () => {
  const tensors = new Map([["w", Tensor.of([1, 2, 3])]]);
  const file = encodeCheckpoint({ tensors, metadata: { a: "b" } });
  const end = file.length - 12; // before the numbers
  const text = new TextDecoder("latin1").decode(file);
  const padding = text.slice(0, end).trimEnd().length, sum = text.indexOf("kindling.sha256");
  for (let at = 0; at < file.length; at++) {
    if (at >= padding && at < end) continue; // spaces behind the table say nothing
    if (at >= sum && at < sum + 15) continue; // without a checksum, it is a foreign file
    const damaged = file.slice();
    damaged[at] ^= 0x04;
    assertThrows(() => decodeCheckpoint(damaged, "x"), CheckpointError);
    assertThrows(() => decodeCheckpoint(file.subarray(0, at), "x"), CheckpointError);
  }
});

test("decodeCheckpoint() says what is wrong with a foreign file", () => {
  const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
  refuses(new Uint8Array(3), "it has 3 bytes, too few for a table");
  refuses(fileOf("<!doctype html>"), "its table is no JSON object");
  refuses(fileOf("[]"), "its table is no JSON object");
  refuses(
    Uint8Array.of(0, 0, 1, 0, 0, 0, 0, 0, 1),
    "its table should have 65536 bytes, and the file has 9",
  );
  refuses(fileOf({ __metadata__: { a: 1 } }), "its metadata are no texts");
  refuses(
    fileOf({ a: { ...entry, dtype: "BF16" } }, [1, 2]),
    'a is {"dtype":"BF16","shape":[2],"data_offsets":[0,8]}, no F32 or F64 with a shape',
    "only float32 and float64 are read: in PyTorch, save tensor.float()",
  );
  refuses(
    fileOf({ a: { ...entry, shape: [3] } }, [1, 2]),
    "a of (3,) F32 should begin at 0, not at 0–8",
  );
  refuses(
    fileOf({ a: entry, b: { ...entry } }, [1, 2]),
    "b of (2,) F32 should begin at 8, not at 0–8",
  );
  refuses(fileOf({ a: entry }, [1]), "a ends at 8 of 4 bytes");
  refuses(fileOf({ a: entry }, [1, 2, 3]), "its table ends at 8 of 12 bytes");
});

/** A table in the words of the format: `a F32 [2] 0-8`, one entry after the other. */
function tableOf(...entries: readonly string[]): string {
  const parts = entries.map((entry) => {
    const [name, dtype, shape, begin, end] = entry.split(/ |(?<=\d)-(?=\d)/);
    return `${
      JSON.stringify(name)
    }:{"dtype":"${dtype}","shape":${shape},"data_offsets":[${begin},${end}]}`;
  });
  return `{${parts.join(",")}}`;
}

const readable: readonly [what: string, table: string, numbers: number[], read: unknown][] = [
  ["names that look like numbers", tableOf("10 F32 [1] 0-4", "2 F32 [1] 4-8"), [1, 2], {
    "10": [1],
    "2": [2],
  }],
  ["layers by number, the later first", tableOf("1.w F32 [1] 4-8", "0.w F32 [1] 0-4"), [1, 2], {
    "0.w": [1],
    "1.w": [2],
  }],
  ["three tensors in no order", tableOf("b F32 [1] 8-12", "c F32 [1] 0-4", "a F32 [1] 4-8"), [
    1,
    2,
    3,
  ], { a: [2], b: [3], c: [1] }],
  ["names of what every object has", tableOf("__proto__ F32 [1] 0-4", "constructor F32 [1] 4-8"), [
    1,
    2,
  ], { ["__proto__"]: [1], constructor: [2] }],
  ["a number without axes", tableOf("a F32 [] 0-4"), [7], { a: 7 }],
  ["a name of quotes and braces", '{"\\"{}:":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', [
    1,
  ], { '"{}:': [1] }],
  ["spaces and lines in the table", tableOf("a F32 [1] 0-4").replaceAll(/[:,{]/g, "$&\n "), [1], {
    a: [1],
  }],
  ["no tensors at all", "{}", [], {}],
  ["an empty name", tableOf(" F32 [1] 0-4"), [1], { "": [1] }],
];
for (const [what, table, numbers, read] of readable) {
  test(`decodeCheckpoint() reads ${what}`, () => {
    const { tensors, notices } = decodeCheckpoint(fileOf(table, numbers), "x");
    const found = [...tensors].map(([name, tensor]) => [name, tensor.toArray()]);
    assertEquals(
      Object.fromEntries(found.sort()),
      Object.fromEntries(Object.entries(read as object).sort()),
    );
    assertEquals(notices, undefined);
  });
}

const passedOver: readonly [table: string, notice: string][] = [
  ["n I64 [] 0-8", "n of () I64 was passed over"],
  ["n I32 [2] 0-8", "n of (2,) I32 was passed over"],
  ["n U8 [2,4] 0-8", "n of (2, 4) U8 was passed over"],
  ["n BOOL [8] 0-8", "n of (8,) BOOL was passed over"],
  ["n U16 [4] 0-8", "n of (4,) U16 was passed over"],
  ["n I8 [1,8] 0-8", "n of (1, 8) I8 was passed over"],
  ["n U64 [1] 0-8", "n of (1,) U64 was passed over"],
];
for (const [entry, notice] of passedOver) {
  test(`decodeCheckpoint() passes over ${entry}, and says so`, () => {
    const file = fileOf(tableOf("w F32 [1] 8-12", entry), [0, 0, 1.5]);
    const { tensors, notices } = decodeCheckpoint(file, "x");
    assertEquals([[...tensors.keys()], tensors.get("w")?.item()], [["w"], 1.5]);
    assertEquals(notices, [notice]);
  });
}

test("decodeCheckpoint() passes over tensors without numbers, wherever they stand", () => {
  for (const shape of ["[0]", "[0,3]", "[2,0]"]) {
    for (const at of [0, 4, 8]) {
      const table = tableOf("b F32 [1] 4-8", `none F32 ${shape} ${at}-${at}`, "a F32 [1] 0-4");
      const { tensors, notices } = decodeCheckpoint(fileOf(table, [1, 2]), "x");
      assertEquals([tensors.get("a")?.item(), tensors.get("b")?.item()], [1, 2]);
      assertEquals(notices?.length, 1);
    }
  }
});

test("decodeCheckpoint() refuses a name that is there twice, and numbers of two or of none", () => {
  const float = "only float32 and float64 are read: in PyTorch, save tensor.float()";
  const twice = tableOf("a F32 [1] 0-4", "a F32 [1] 4-8");
  refuses(fileOf(twice, [1, 2]), "its table names a twice in one object");
  refuses(
    fileOf(twice.replace('"a"', '"\\u0061"'), [1, 2]),
    "its table names a twice in one object",
  );
  refuses(fileOf('{"__metadata__":{"k":"1","k":"2"}}'), "its table names k twice in one object");
  refuses(
    fileOf(tableOf("a F32 [1] 0-4").replace('"shape"', '"dtype":"F32","shape"'), [1]),
    "its table names dtype twice in one object",
  );
  refuses(
    fileOf(tableOf("a F32 [1] 0-4", "b F32 [1] 8-12"), [1, 2, 3]),
    "b of (1,) F32 should begin at 4, not at 8–12",
  );
  refuses(
    fileOf(tableOf("b F32 [2] 4-12", "a F32 [2] 0-8"), [1, 2, 3]),
    "b of (2,) F32 should begin at 8, not at 4–12",
  );
  refuses(fileOf(tableOf("n I64 [] 0-4"), [1]), "n of () I64 should begin at 0, not at 0–4");
  refuses(fileOf(tableOf("n I64 [] 0-8"), [1]), "n ends at 8 of 4 bytes");
  refuses(
    fileOf(tableOf("a F16 [2] 0-4"), [1]),
    'a is {"dtype":"F16","shape":[2],"data_offsets":[0,4]}, no F32 or F64 with a shape',
    float,
  );
  refuses(
    fileOf(tableOf("a C64 [1] 0-8"), [1, 2]),
    'a is {"dtype":"C64","shape":[1],"data_offsets":[0,8]}, no F32 or F64 with a shape',
  );
  refuses(fileOf(tableOf("__metadata__ F32 [1] 0-4"), [1]), "its metadata are no texts");
});

test("encodeCheckpoint() writes any name, and decodeCheckpoint() reads it", () => {
  const names = ["10", "2", "0", "__proto__", "constructor", "", "a.b", "漢", '"', "4294967295"];
  const tensors = new Map(names.map((name, k) => [name, Tensor.of([k, k + 0.5])]));
  const file = encodeCheckpoint({ tensors, metadata: { "1": "a", ["__proto__"]: "b" } });
  const read = decodeCheckpoint(file, "x");
  assertEquals([...read.tensors.keys()].sort(), [...names].sort());
  for (const [name, tensor] of tensors) {
    assertEquals(read.tensors.get(name)?.toArray(), tensor.toArray());
  }
  assertEquals(Object.entries(read.metadata), [["1", "a"], ["__proto__", "b"]]);
});

test("encodeCheckpoint() refuses what the file has no place for", () => {
  const w = Tensor.of([1]), w1 = new Map([["w", w]]);
  const wrong: [parts: unknown, finding: string][] = [
    [{ tensors: new Map([["__metadata__", w]]), metadata: {} }, "the texts stand under this name"],
    [{ tensors: { w }, metadata: {} }, "tensors must be a Map of them by name"],
    [{ tensors: w1 }, "metadata an object of texts"],
    [{ tensors: new Map([["w", 1]]), metadata: {} }, "it is not a tensor"],
    [{ tensors: w1, metadata: { epoch: 3 } }, "it is not a text"],
    [{ tensors: w1, metadata: { "kindling.sha256": "0" } }, "its own checksum stands there"],
  ];
  for (const [parts, finding] of wrong) {
    const error = assertThrows(() => encodeCheckpoint(parts as Checkpoint), CheckpointError);
    assertEquals(error.message.includes(finding), true, error.message);
  }
});

// ── Files ──

function fixture(name: string): string {
  return fromFileUrl(new URL(`fixtures/${name}`, import.meta.url));
}

const small: Checkpoint = { tensors: new Map([["w", Tensor.of([1])]]), metadata: {} };

test("writeCheckpoint() replaces a file as a whole, and leaves nothing beside it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.safetensors");
    writeFileSync(path, "older");
    writeFileSync(`${path}.part`, "what a killed run left behind");
    await writeCheckpoint(path, small);
    assertEquals((await readCheckpoint(path)).tensors.get("w")?.toArray(), [1]);
    assertEquals(readdirSync(folder), ["a.safetensors"]);
  }));

test("writeCheckpoint() says why it cannot write", () =>
  inFolder(async (folder) => {
    const path = join(folder, "missing", "a.safetensors");
    const error = await assertRejects(() => writeCheckpoint(path, small), CheckpointError);
    assertEquals(
      error.message,
      `Cannot write the checkpoint ${path}: the system answered ENOENT`,
    );
  }));

test("readCheckpoint() says that there is none", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.safetensors");
    const error = await assertRejects(() => readCheckpoint(path), CheckpointError);
    assertEquals(error.message, `Cannot read the checkpoint ${path}: there is none`);
  }));

test("A place without files says what to do with the bytes", async () => {
  const process = Object.getOwnPropertyDescriptor(globalThis, "process") ?? {};
  Object.defineProperty(globalThis, "process", { value: undefined, configurable: true });
  try {
    const unread = await assertRejects(() => readCheckpoint("x"), CheckpointError);
    const unwritten = await assertRejects(() => writeCheckpoint("x", small), CheckpointError);
    assertEquals([unread.message, unread.hint, unwritten.message, unwritten.hint], [
      "Cannot read the checkpoint x: there are no files here",
      "fetch its bytes, and give them to decodeCheckpoint()",
      "Cannot write the checkpoint x: there are no files here",
      "encodeCheckpoint() gives you the bytes: keep those",
    ]);
  } finally {
    Object.defineProperty(globalThis, "process", process);
  }
});

test("PyTorch reads a checkpoint, and computes the same scores from it", async () => {
  const { inputs, scores } = JSON.parse(readFileSync(fixture("checkpoint.json"), "utf8"));
  const { tensors } = await readCheckpoint(fixture("checkpoint.safetensors"));
  const weights = [...tensors].filter(([name]) => name.startsWith("model."));
  const model = fixtureModel(new Generator(2));
  model.loadStateDict(new Map(weights.map(([name, tensor]) => [name.slice(6), tensor])));
  const own = model.eval().forward(Tensor.of(inputs)), expected = Tensor.of(scores);
  assertEquals(own.shape, expected.shape);
  own.data.forEach((score, k) => assertAlmostEquals(score, expected.data[k], 1e-5));
});

// ── A training run ──

/** A small network with everything that has a state: momentum, batch norm, shuffling, shifts. */
function partsOf(seed: number): TrainingParts & { readonly loader: DataLoader } {
  const [weights, shuffle, shifts, numbers] = new Generator(seed).split(4);
  const model = new Sequential(
    new Conv2d(1, 3, 3, { generator: weights, padding: 1 }),
    new BatchNorm2d(3),
    new Flatten(),
    new Linear(48, 3, { generator: weights }),
  );
  const images = Tensor.normal([20, 1, 4, 4], numbers);
  const dataset = new TensorDataset(images, Int32Array.from({ length: 20 }, (_, k) => k % 3));
  const loader = new DataLoader(dataset, {
    batchSize: 3,
    shuffle,
    transform: randomShift(1, shifts),
  });
  const optimizer = new AdamW(model.parameters(), { learningRate: 0.01 });
  return { model, optimizer, loader, resumable: { loader, shifts } };
}

/** What a whole run of three epochs comes to, stopped after some steps and gone on elsewhere. */
async function run(stopAfter: number | null): Promise<[Checkpoint, EpochResult[]]> {
  let parts = partsOf(1), progress: FitProgress = { step: 0, total: 0, examples: 0 };
  const history: EpochResult[] = [];
  const stop = new AbortController();
  const options = (): Parameters<typeof fit>[2] => ({
    loss: crossEntropy as never,
    optimizer: parts.optimizer,
    epochs: 3,
    schedule: cosine(0.01),
    onStep: (result) => {
      progress = result.progress;
      if (progress.step === stopAfter) stop.abort();
    },
    onEpoch: (result) => {
      history.push(result);
      progress = { ...progress, total: 0, examples: 0 };
    },
  });
  try {
    await fit(parts.model, parts.loader, { ...options(), signal: stop.signal } as never);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    const file = encodeCheckpoint(takeCheckpoint(parts, { progress }));
    parts = partsOf(2); // everything in it is different until it is restored
    const images = partsOf(1);
    parts = { ...parts, loader: images.loader, resumable: images.resumable };
    const read = decodeCheckpoint(file, "x");
    restoreCheckpoint(read, parts);
    const from = JSON.parse(read.metadata.progress);
    await fit(parts.model, parts.loader, { ...options(), from } as never);
  }
  return [takeCheckpoint(parts), history];
}

test("A run that goes on from a checkpoint ends with the same bits, wherever it stopped", async () => {
  const [whole, history] = await run(null);
  const expected = encodeCheckpoint(whole);
  for (const stopAfter of [1, 6, 7, 8, 13, 20]) { // an epoch has 7 steps
    const [stopped, itsHistory] = await run(stopAfter);
    assertEquals(encodeCheckpoint(stopped), expected);
    assertEquals(itsHistory, history);
  }
});

test("restoreCheckpoint() changes nothing if anything does not fit", () => {
  const good = takeCheckpoint(partsOf(1));
  const without = (name: string): Checkpoint => ({
    ...good,
    tensors: new Map([...good.tensors].filter(([key]) => key !== name)),
  });
  const noted = (name: string, text: string): Checkpoint => ({
    ...good,
    metadata: { ...good.metadata, [name]: text },
  });
  const rate = new Map(good.tensors).set(
    "optimizer.learningRate",
    Tensor.of(NaN, { dtype: "float64" }),
  );
  const cases: [string, Checkpoint][] = [
    [
      "Cannot load this state into Sequential: layers.3.bias is missing",
      without("model.layers.3.bias"),
    ],
    ["Cannot load this state into AdamW: 0.mean is missing", without("optimizer.0.mean")],
    ["it does not say where loader stands", { ...good, metadata: {} }],
    [
      "Cannot go on at batch 99 of 7: the state is of a loader with other options",
      noted("state.loader", '{"position":99,"generator":[1,2,3,4]}'),
    ],
    [
      "Cannot restore a generator to [0, 0]: a state is four words of 32 bits, not all of them 0",
      noted("state.shifts", "[0,0]"),
    ],
    ["Cannot set learningRate to NaN: it must be a finite number of at least 0", {
      ...good,
      tensors: rate,
    }],
  ];
  const parts = partsOf(2), before = encodeCheckpoint(takeCheckpoint(parts));
  for (const [reason, checkpoint] of cases) {
    const error = assertThrows(() => restoreCheckpoint(checkpoint, parts), CheckpointError);
    assertEquals(error.message, `Cannot go on from this checkpoint: ${reason}`);
    assertEquals(encodeCheckpoint(takeCheckpoint(parts)), before);
  }
  for (const text of ["null", "7", "{", '{"position":1}', "[]"]) {
    assertThrows(() => restoreCheckpoint(noted("state.loader", text), parts), CheckpointError);
    assertThrows(() => restoreCheckpoint(noted("state.shifts", text), parts), CheckpointError);
    assertEquals(encodeCheckpoint(takeCheckpoint(parts)), before);
  }
});

test("restoreCheckpoint() refuses the state of another kind of optimizer", () => {
  const { model, resumable } = partsOf(1);
  const other = { model, resumable, optimizer: new SGD(model.parameters(), { learningRate: 1 }) };
  assertThrows(() => restoreCheckpoint(takeCheckpoint(other), partsOf(1)), CheckpointError);
});
