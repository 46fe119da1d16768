/**
 * # 07 · Training: checkpoints
 *
 * A run of hours must survive a closed lid. So all that it would need to go on is written into one
 * file, now and then: weights, what the optimizer keeps, where each random generator stands, how
 * far the loader is. A run that goes on from there cannot be told from one that never stopped.
 *
 * The file is safetensors, which nothing can hide in: a length, a table as JSON, and numbers.
 *
 * ```text
 * 48 02 00 00 00 00 00 00   {"__metadata__":{…},"model.layers.0.weight":{"dtype":"F32",…}}   3f 80 …
 * length of the table       the table: dtype, shape and place of each tensor, by name        numbers
 * ```
 *
 * At the end you have files that PyTorch reads too, and runs that can be killed.
 *
 * @module
 */
import { checkState, Module } from "#layers";
import { Optimizer } from "#optimizers";
import { requireKind, say, type Shape, sizeOf, Tensor, type Values } from "#tensor";

/** What a checkpoint holds: tensors by name, and texts by name. */
export interface Checkpoint {
  /** Tensors, float32 or float64. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Texts about them. */
  readonly metadata: Readonly<Record<string, string>>;
  /** A sentence for each tensor that was passed over when the file was read, if there was one. */
  readonly notices?: readonly string[];
}

/**
 * A checkpoint that is missing, damaged, foreign, or does not fit.
 *
 * @example The message says why
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { CheckpointError, decodeCheckpoint } from "kindling/checkpoint";
 * assertThrows(() => decodeCheckpoint(Uint8Array.of(1, 2), "x"), CheckpointError, "it has 2 bytes");
 * ```
 */
export class CheckpointError extends Error {
  /** The class's name, as it is printed. */
  override readonly name = "CheckpointError";
  /** What to do about it, where that can be said. */
  readonly hint?: string;

  /**
   * Makes the error.
   *
   * @param message What happened and why.
   * @param hint What to do about it, where that can be said.
   */
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

// ── The format ──

/** How many bytes a number of each kind takes. Whole numbers are passed over: PyTorch counts so. */
const widths: Readonly<Record<string, number>> = {
  ...{ F32: 4, F64: 8, BOOL: 1, I8: 1, U8: 1, I16: 2, U16: 2, I32: 4, U32: 4, I64: 8, U64: 8 },
};

/** What the table says of one tensor. */
interface Entry {
  readonly dtype: string;
  readonly shape: Shape;
  readonly data_offsets: readonly [begin: number, end: number];
}

/** Where the checksum of everything else stands among the texts. */
const checksumName = "kindling.sha256";

/** Longest table that is read, in bytes; the format's own limit. */
const longestTable = 100_000_000;

const hint = "was it cut short, or is it another kind of file?";

/** The checksum of a checkpoint: of its texts, the names, kinds and shapes, and all numbers. */
function checksum(table: Readonly<Record<string, unknown>>, numbers: Iterable<Uint8Array>): string {
  return sha256([new TextEncoder().encode(JSON.stringify(table)), ...numbers]);
}

/** The bytes of each tensor in turn, copied: files and checksums do not take shared memory. */
function* numbersOf(tensors: Iterable<Values>): Generator<Uint8Array<ArrayBuffer>> {
  for (const { data } of tensors) {
    yield new Uint8Array(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

/** What a file begins with: the length of the table, and the table, with the checksum of it all. */
function headOf({ tensors, metadata }: Checkpoint): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let end = 0;
  for (const [name, { data, shape }] of tensors) {
    const dtype = data instanceof Float64Array ? "F64" : "F32";
    entries.push([name, { dtype, shape, data_offsets: [end, end += data.byteLength] }]);
  }
  const table = Object.fromEntries(entries); // where __proto__ is a name like any other
  const texts = { ...metadata, [checksumName]: checksum(table, numbersOf(tensors.values())) };
  const json = new TextEncoder().encode(JSON.stringify({ ...table, __metadata__: texts }));
  const length = Math.ceil(json.length / 8) * 8; // so that all numbers lie at multiples of 8
  const head = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(head.buffer).setBigUint64(0, BigInt(length), true);
  head.set(json, 8);
  return head;
}

/** Refuses what the format has no place for. */
function checkParts({ tensors, metadata }: Partial<Checkpoint> = {}): void {
  function refuse(what: string, finding: string, hint: string): never {
    throw new CheckpointError(`Cannot write a checkpoint with ${what}: ${finding}`, hint);
  }
  if (!(tensors instanceof Map) || !isRecord(metadata)) {
    const hint = "encodeCheckpoint({ tensors: model.stateDict(), metadata: {} })";
    refuse(
      "these parts",
      "tensors must be a Map of them by name, metadata an object of texts",
      hint,
    );
  }
  for (const [name, tensor] of tensors) {
    const rename = "give it another name";
    if (name === "__metadata__") {
      refuse(`a tensor ${name}`, "the texts stand under this name", rename);
    }
    if (!(tensor instanceof Tensor)) refuse(String(name), "it is not a tensor", "is it a number?");
  }
  for (const [name, text] of Object.entries(metadata)) {
    if (name === checksumName) {
      refuse(`a text ${name}`, "its own checksum stands there", "rename it");
    }
    if (typeof text !== "string") {
      refuse(`${name}: ${text}`, "it is not a text", "JSON.stringify() it");
    }
  }
}

/**
 * Writes a checkpoint as the bytes of a safetensors file.
 *
 * @param checkpoint Tensors and texts.
 * @returns The file; the same checkpoint always gives the same bytes.
 * @throws {CheckpointError} If a tensor is called `__metadata__`, or a text is not one.
 *
 * @example There and back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeCheckpoint, encodeCheckpoint } from "kindling/checkpoint";
 * import { Tensor } from "kindling/tensor";
 * const tensors = new Map([["weight", Tensor.of([[1, 2], [3, 4]])]]);
 * const file = encodeCheckpoint({ tensors, metadata: { by: "me" } });
 * const { tensors: read, metadata } = decodeCheckpoint(file, "example");
 * assertEquals(read.get("weight")?.toArray(), [[1, 2], [3, 4]]);
 * assertEquals(metadata, { by: "me" });
 * ```
 */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array<ArrayBuffer> {
  checkParts(checkpoint);
  const parts = [headOf(checkpoint), ...numbersOf(checkpoint.tensors.values())];
  const file = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/**
 * Takes the bytes of a safetensors file apart: one of ours, or any other with float32 and float64
 * numbers, in any order. Ours carry a checksum, so that a single wrong bit is noticed. Whole numbers
 * (PyTorch counts batches) and tensors without numbers are passed over, with a notice.
 *
 * @param file All bytes.
 * @param name What errors call the file.
 * @returns Tensors and texts, and notices if something was passed over.
 * @throws {CheckpointError} If anything in it is not as it should be.
 *
 * @example A single wrong bit is noticed
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { CheckpointError, decodeCheckpoint, encodeCheckpoint } from "kindling/checkpoint";
 * import { Tensor } from "kindling/tensor";
 * const file = encodeCheckpoint({ tensors: new Map([["w", Tensor.of([1])]]), metadata: {} });
 * file[file.length - 1] ^= 1;
 * assertThrows(() => decodeCheckpoint(file, "x"), CheckpointError, "its checksum is wrong");
 * ```
 */
export function decodeCheckpoint(file: Uint8Array, name: string): Checkpoint {
  function refuse(finding: string, todo = hint): never {
    throw new CheckpointError(`Cannot read the checkpoint ${name}: ${finding}`, todo);
  }
  if (!(file instanceof Uint8Array)) refuse("it must be bytes, in a Uint8Array");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 8) refuse(`it has ${file.length} bytes, too few for a table`);
  const length = Number(view.getBigUint64(0, true));
  if (length > longestTable || 8 + length > file.length) {
    refuse(`its table should have ${length} bytes, and the file has ${file.length}`);
  }
  const text = textOf(file.subarray(8, 8 + length));
  const table = parseTable(text) ?? refuse("its table is no JSON object");
  const twice = namedTwice(text);
  if (twice !== undefined) refuse(`its table names ${twice} twice in one object`);
  const { __metadata__: texts = {}, ...entries } = table;
  if (!isRecord(texts) || Object.values(texts).some((text) => typeof text !== "string")) {
    refuse("its metadata are no texts");
  }
  const numbers = file.subarray(8 + length), tensors = new Map<string, Tensor>();
  const notices: string[] = [];
  let expected = 0;
  for (const [tensor, entry] of inOrder(entries)) {
    if (!isEntry(entry)) {
      const hint = "only float32 and float64 are read: in PyTorch, save tensor.float()";
      const says = `${tensor} is ${JSON.stringify(entry)}, no F32 or F64 with a shape`;
      refuse(says, isRecord(entry) && /F/.test(String(entry.dtype)) ? hint : undefined);
    }
    const { dtype, shape, data_offsets: [begin, end] } = entry;
    if (begin !== expected || end !== begin + sizeOf(shape) * widths[dtype]) {
      refuse(
        say`${tensor} of ${shape} ${dtype} should begin at ${expected}, not at ${begin}–${end}`,
      );
    }
    if (end > numbers.length) refuse(`${tensor} ends at ${end} of ${numbers.length} bytes`);
    expected = end;
    if (begin < end && /^F/.test(dtype)) tensors.set(tensor, tensorIn(numbers, entry));
    else notices.push(say`${tensor} of ${shape} ${dtype} was passed over`);
  }
  if (expected !== numbers.length) {
    refuse(`its table ends at ${expected} of ${numbers.length} bytes`);
  }
  const { [checksumName]: sum, ...metadata } = texts as Record<string, string>;
  if (sum !== undefined && sum !== checksum({ __metadata__: metadata, ...entries }, [numbers])) {
    refuse("its checksum is wrong, so it was damaged");
  }
  return notices.length > 0 ? { tensors, metadata, notices } : { tensors, metadata };
}

/** The entries in the order of their numbers: a table may list them in any. */
function inOrder(entries: Readonly<Record<string, unknown>>): [name: string, entry: unknown][] {
  const places = (entry: unknown): readonly [number, number] =>
    isEntry(entry) ? entry.data_offsets : [-1, -1];
  return Object.entries(entries).sort(([, a], [, b]) => {
    const [begin, end] = places(a), [otherBegin, otherEnd] = places(b);
    return begin - otherBegin || end - otherEnd;
  });
}

/** A name that one object has twice: JSON.parse() would keep the last, and say nothing. */
function namedTwice(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [token, text, isName] of json.matchAll(/[{}]|("(?:[^"\\]|\\.)*")\s*(:?)/g)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (isName) {
      const name: string = JSON.parse(text), names = open[open.length - 1];
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The text of some bytes; an empty one if they are none. */
function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return "";
  }
}

/** Reads JSON; null if it is no object. */
function parseTable(text: string): Record<string, unknown> | null {
  try {
    const table: unknown = JSON.parse(text);
    return isRecord(table) ? table : null;
  } catch {
    return null;
  }
}

/** Whether the table says of a tensor what it should. */
function isEntry(value: unknown): value is Entry {
  if (!isRecord(value)) return false;
  const { dtype, shape, data_offsets: offsets } = value;
  const isWhole = (n: unknown): boolean => Number.isSafeInteger(n) && Number(n) >= 0;
  return typeof dtype === "string" && Object.hasOwn(widths, dtype) &&
    Array.isArray(shape) && shape.every(isWhole) &&
    Array.isArray(offsets) && offsets.length === 2 && offsets.every(isWhole);
}

/** Copies the numbers of one tensor out, so that they lie where an array may begin. */
function tensorIn(
  numbers: Uint8Array,
  { dtype, shape, data_offsets: [begin, end] }: Entry,
): Tensor {
  const buffer = new Uint8Array(numbers.subarray(begin, end)).buffer as ArrayBuffer;
  return new Tensor(dtype === "F64" ? new Float64Array(buffer) : new Float32Array(buffer), shape);
}

// ── The checksum ──
// SHA-256 (FIPS 180-4), written out: a browser has it, but hands it over only later, and a
// checkpoint must have the same bytes everywhere. Eight words are stirred with one block of 64
// bytes after the other. After the last byte come a bit of 1, zeros, and the count of all bits.

/** The first bits behind the point: of square roots for the start, of cube roots for the rounds. */
function fractionOf(root: number): number {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

function isPrime(n: number): boolean {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false;
  return true;
}

const primes = Array.from({ length: 310 }, (_, k) => k + 2).filter(isPrime); // the first 64
const firstWords = primes.slice(0, 8).map((prime) => fractionOf(Math.sqrt(prime)));
const roundWords = Int32Array.from(primes, (prime) => fractionOf(Math.cbrt(prime)));

/** The hash of some parts, one after the other, in hexadecimal digits. */
function sha256(parts: Iterable<Uint8Array>): string {
  const words = Int32Array.from(firstWords), schedule = new Int32Array(64);
  const block = new Uint8Array(64), view = new DataView(block.buffer);
  let filled = 0, total = 0;
  function put(part: Uint8Array): void {
    total += part.length;
    for (let at = 0; at < part.length;) {
      const count = Math.min(64 - filled, part.length - at);
      block.set(part.subarray(at, at + count), filled);
      at += count;
      filled += count;
      if (filled < 64) return;
      stir(words, view, schedule);
      filled = 0;
    }
  }
  for (const part of parts) put(part);
  const bits = BigInt(total) * 8n, zeros = (119 - total % 64) % 64;
  const end = new Uint8Array(1 + zeros + 8);
  end[0] = 0x80;
  new DataView(end.buffer).setBigUint64(1 + zeros, bits);
  put(end);
  return [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

/** Stirs one block into the eight words. */
function stir(words: Int32Array, block: DataView, schedule: Int32Array): void {
  for (let t = 0; t < 16; t++) schedule[t] = block.getInt32(4 * t);
  for (let t = 16; t < 64; t++) {
    const x = schedule[t - 15], y = schedule[t - 2];
    const early = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ (x >>> 3);
    const late = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ (y >>> 10);
    schedule[t] = schedule[t - 16] + early + schedule[t - 7] + late;
  }
  let a = words[0], b = words[1], c = words[2], d = words[3]; // destructured, it takes twice as long
  let e = words[4], f = words[5], g = words[6], h = words[7];
  for (let t = 0; t < 64; t++) {
    const turnedE = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const chosen = (e & f) ^ (~e & g);
    const first = (h + turnedE + chosen + roundWords[t] + schedule[t]) | 0;
    const turnedA = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + turnedA + majority) | 0;
  }
  const stirred = [a, b, c, d, e, f, g, h];
  for (let k = 0; k < 8; k++) words[k] += stirred[k];
}

// ── Files ──

/** What files need of the system. */
interface FileSystem {
  open(path: string, mode: "w"): Promise<OpenFile>;
  readFile(path: string): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: boolean }): Promise<void>;
}

interface OpenFile {
  writeFile(bytes: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A runtime that has files, and gives them to whoever asks; a browser does not. */
interface Runtime {
  readonly process?: { getBuiltinModule?(name: "node:fs/promises"): FileSystem };
}

/** The system's files: asked for when they are needed, since no bundler could find them. */
function fileSystem(): FileSystem | undefined {
  return (globalThis as Runtime).process?.getBuiltinModule?.("node:fs/promises");
}

/** Why the system refused. */
function reasonOf(error: unknown): string {
  const { code, name }: { code?: string; name?: string } = error instanceof Error ? error : {};
  return code ?? name ?? "an unknown error";
}

/**
 * Writes a checkpoint into a file. Whoever kills the process at any moment leaves either the old
 * file or the new one, never half of one.
 *
 * @param path Where; its folder must be there.
 * @param checkpoint What.
 * @throws {CheckpointError} If the system does not let it, or has no files, as a browser.
 *
 * @example Its folder must be there
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { CheckpointError, takeCheckpoint, writeCheckpoint } from "kindling/checkpoint";
 * import { Linear } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * const model = new Linear(2, 1, { generator: new Generator(1) });
 * const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
 * const checkpoint = takeCheckpoint({ model, optimizer, resumable: {} });
 * await assertRejects(() => writeCheckpoint("no/such/folder/run", checkpoint), CheckpointError);
 * ```
 */
export async function writeCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const files = fileSystem(), part = `${path}.part`;
  checkParts(checkpoint);
  if (!files) {
    const says = `Cannot write the checkpoint ${path}: there are no files here`;
    throw new CheckpointError(says, "encodeCheckpoint() gives you the bytes: keep those");
  }
  try {
    const file = await files.open(part, "w");
    try {
      await file.writeFile(headOf(checkpoint));
      for (const part of numbersOf(checkpoint.tensors.values())) await file.writeFile(part);
      await file.sync(); // on the disk before the name is
    } finally {
      await file.close();
    }
    await files.rename(part, path);
  } catch (error) {
    await files.rm(part, { force: true }).catch(() => {}); // the first error is the one to tell
    const says = `Cannot write the checkpoint ${path}: the system answered ${reasonOf(error)}`;
    throw new CheckpointError(says, "is there room on the disk, and may you write there?");
  }
}

/**
 * Reads a checkpoint from a file.
 *
 * @param path Where.
 * @returns Tensors and texts.
 * @throws {CheckpointError} If the file is missing or not as it should be, or there are no files.
 *
 * @example There is none
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { CheckpointError, readCheckpoint } from "kindling/checkpoint";
 * await assertRejects(() => readCheckpoint("missing"), CheckpointError, "there is none");
 * ```
 */
export async function readCheckpoint(path: string): Promise<Checkpoint> {
  const files = fileSystem();
  if (!files) {
    const says = `Cannot read the checkpoint ${path}: there are no files here`;
    throw new CheckpointError(says, "fetch its bytes, and give them to decodeCheckpoint()");
  }
  let file: Uint8Array;
  try {
    file = await files.readFile(path);
  } catch (error) {
    const reason = reasonOf(error) === "ENOENT" ? "there is none" : `it is ${reasonOf(error)}`;
    throw new CheckpointError(`Cannot read the checkpoint ${path}: ${reason}`, "check the path");
  }
  return decodeCheckpoint(file, path);
}

// ── A training run ──

/** Whatever can say where it stands and be put back there: a Generator, a DataLoader. */
export interface Resumable {
  /** Where it stands, as plain data. */
  readonly state: unknown;
  /** Puts it back; throws, and stays as it is, if the state is not one of its own. */
  restore(state: unknown): void;
}

/** All parts of a training run that change while it runs. */
export interface TrainingParts {
  /** What learns. */
  readonly model: Module;
  /** What moves its parameters. */
  readonly optimizer: Optimizer;
  /** Loader and generators, by names of your own. */
  readonly resumable: Readonly<Record<string, Resumable>>;
}

/** Refuses what are not all parts of a training run. */
function checkedParts(parts: TrainingParts): TrainingParts {
  const { model, optimizer, resumable } = parts ?? {} as TrainingParts;
  requireKind("Cannot keep or restore as model", Module, model);
  requireKind("Cannot keep or restore as optimizer", Optimizer, optimizer);
  requireKind("Cannot keep or restore as resumable", "object", resumable); // {}, if there is nothing
  return parts;
}

/**
 * Takes down where a training run stands.
 *
 * @param parts All that changes while it runs.
 * @param notes Anything else that can be JSON: how far it is, history, settings.
 * @returns What writeCheckpoint() writes: `model.…`, `optimizer.…`, and states as texts.
 *
 * @example A model without anything else
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { takeCheckpoint } from "kindling/checkpoint";
 * import { Linear } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * const model = new Linear(2, 1, { generator: new Generator(1), bias: false });
 * const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
 * const { tensors } = takeCheckpoint({ model, optimizer, resumable: {} });
 * const names = ["model.weight", "optimizer.learningRate", "optimizer.0.steps"];
 * assertEquals([...tensors.keys()], [...names, "optimizer.0.velocity"]);
 * ```
 */
export function takeCheckpoint(
  parts: TrainingParts,
  notes: Readonly<Record<string, unknown>> = {},
): Checkpoint {
  const { model, optimizer, resumable } = checkedParts(parts);
  const tensors = new Map<string, Tensor>();
  for (const [name, tensor] of model.stateDict()) tensors.set(`model.${name}`, tensor);
  for (const [name, tensor] of optimizer.stateDict()) tensors.set(`optimizer.${name}`, tensor);
  const states = Object.entries(resumable).map(([name, { state }]) => [`state.${name}`, state]);
  const texts = [...states, ...Object.entries(notes)];
  const metadata = Object.fromEntries(texts.map(([name, value]) => [name, JSON.stringify(value)]));
  return { tensors, metadata };
}

/**
 * Puts a training run back to where a checkpoint was taken. If anything does not fit, nothing
 * changes.
 *
 * @param checkpoint What takeCheckpoint() gave, here or in another run.
 * @param parts The same parts, built alike.
 * @throws {CheckpointError} If it does not fit; the message says what.
 *
 * @example A second model goes on where the first one was
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { restoreCheckpoint, takeCheckpoint } from "kindling/checkpoint";
 * import { Linear } from "kindling/layers";
 * import { SGD } from "kindling/optimizers";
 * import { Generator } from "kindling/random";
 * function parts(seed: number) {
 *   const model = new Linear(2, 1, { generator: new Generator(seed) });
 *   const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
 *   return { model, optimizer, resumable: { dice: new Generator(seed) } };
 * }
 * const first = parts(1), second = parts(2);
 * restoreCheckpoint(takeCheckpoint(first), second);
 * assertEquals(second.model.weight.data, first.model.weight.data);
 * assertEquals(second.resumable.dice.uniform(), first.resumable.dice.uniform());
 * ```
 */
export function restoreCheckpoint(checkpoint: Checkpoint, parts: TrainingParts): void {
  const { model, optimizer, resumable } = checkedParts(parts), { tensors, metadata } = checkpoint;
  checkParts(checkpoint);
  const named = (prefix: string): Map<string, Tensor> =>
    new Map(
      [...tensors].filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
    );
  const before = Object.values(resumable).map(({ state }) => state);
  try {
    const weights = named("model."), moments = named("optimizer.");
    checkState(model.constructor.name, model.stateDict(), weights);
    checkState(optimizer.constructor.name, optimizer.stateDict(), moments);
    for (const [name, part] of Object.entries(resumable)) {
      const text = metadata[`state.${name}`];
      if (text === undefined) throw new RangeError(`it does not say where ${name} stands`);
      part.restore(JSON.parse(text));
    }
    optimizer.loadStateDict(moments); // the one that may still refuse: a rate of NaN
    model.loadStateDict(weights);
  } catch (error) {
    Object.values(resumable).forEach((part, k) => part.restore(before[k]));
    const reason = error instanceof Error ? error.message : String(error);
    const says = `Cannot go on from this checkpoint: ${reason}`;
    throw new CheckpointError(says, "was it written by the same model, optimizer and loader?");
  }
}
