/**
 * The register of doors: what may be replaced, and which set of kernels replaces it. A door that
 * loses its kernel fails here, not on a stopwatch.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Door, setKernels, ValueError } from "#tensor";
import * as kindling from "../mod.ts";
import { FastKernels } from "../modules/fast/kernel_set.ts";
import { test } from "../course/sandbox/register.ts";

const root = fileURLToPath(new URL("../", import.meta.url));

// ── The register ──

/** Whether there is a bundler to try. */
const hasBun = spawnSync("bun", ["--version"]).status === 0;

/** Every door, and whether a kernel stands behind it: one line for each module. */
const register: Readonly<Record<string, Readonly<Record<string, boolean>>>> = {
  pairDoors: { add: true, sub: true, mul: true, div: true, pow: false, maximum: true },
  comparisonDoors: { equal: true, notEqual: true, greater: true, greaterEqual: true },
  elementDoors: { neg: true, exp: true, log: true, sqrt: true, abs: true },
  matmulDoor: { matmul: true },
  sumDoor: { sum: true },
  permuteDoor: { permute: true },
  activationDoors: { relu: true, sigmoid: true, tanh: true },
  crossEntropyDoor: { crossEntropy: true },
  ruleDoors: {
    ...Object.fromEntries(Object.keys(kindling.rules).map((op) => [op, false])),
    ...{ relu: true, matmul: true, crossEntropy: true },
  },
  SGD: { SGD: true },
  Adam: { Adam: true },
  AdamW: { AdamW: true },
  convolution: { conv2d: true },
  maxPooling: { maxPool2d: true },
  normalization: { batchNorm2d: true },
};

/** The doors of an export: itself, those of a table, or that of an operation or optimizer. */
function doorsOf(value: unknown): Door<unknown>[] {
  if (value instanceof Door) return [value];
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return [];
  const inside = Object.values(value).filter((entry) => entry instanceof Door);
  return inside.length > 0 ? inside : [];
}

/** All doors that the library exports, with whether something stands behind each. */
function found(): Record<string, Record<string, boolean>> {
  const all = Object.entries(kindling).map(([name, value]) => [name, doorsOf(value)] as const);
  return Object.fromEntries(
    all.filter(([, doors]) => doors.length > 0).map(([name, doors]) => [
      name,
      Object.fromEntries(doors.map((door) => [door.name, door.isReplaced])),
    ]),
  );
}

/** Runs something with kernels, and puts back what was before. */
function withKernels<T>(
  options: kindling.ChoiceOptions,
  compute: (kernels: kindling.Kernels) => T,
): T {
  const { kernels, notice } = kindling.chooseKernels(kindling, options);
  assertEquals(notice, null);
  const restore = setKernels(kernels);
  try {
    return compute(kernels);
  } finally {
    restore();
    if (kernels instanceof FastKernels) kernels.machine.stop();
  }
}

const sets = {
  "SIMD": { wanted: "simd" },
  "relaxed SIMD": { wanted: "fast" },
  "relaxed SIMD, 2 threads": { wanted: "fast", threads: 2 },
} as const;

for (const [name, options] of Object.entries(sets)) {
  test(`${name} replaces what the register of doors says, and nothing else`, () => {
    withKernels(options, (kernels) => {
      assertEquals(kernels.name, name);
      assertEquals(found(), register);
    });
  });
}

test("without kernels every door has the module's own behind it", () => {
  const replaced = Object.values(found()).flatMap((doors) => Object.values(doors)).filter(Boolean);
  assertEquals(replaced, []);
});

test("kernels that are put back leave no door replaced, however deeply they were nested", () => {
  const outer = setKernels(kindling.chooseKernels(kindling, { wanted: "simd" }).kernels);
  const before = kindling.matmulDoor.run;
  const inner = setKernels(kindling.loops);
  assertEquals(kindling.matmulDoor.isReplaced, false);
  inner();
  assert(kindling.matmulDoor.run === before);
  outer();
  assertEquals(kindling.matmulDoor.isReplaced, false);
});

test("an optimizer with another update does not go through the door that it inherits", () => {
  class Backwards extends kindling.SGD {
    protected override update(w: Float32Array): void {
      for (let i = 0; i < w.length; i++) w[i] += 1;
    }
  }
  withKernels({}, () => {
    const w = new kindling.Parameter(kindling.Tensor.of([1, 2]));
    w.grad = kindling.Tensor.of([1, 1]);
    new Backwards([w], { learningRate: 0.5 }).step();
    assertEquals(w.toArray(), [2, 3]);
  });
});

test("a module without doors keeps its own loops, and the notice names it", () => {
  const older = { ...kindling, convolution: undefined } as unknown as kindling.Modules;
  const { kernels, notice } = kindling.chooseKernels(older, { wanted: "simd" });
  assertEquals(
    notice,
    "The loops of module 09 run: no doors for kernels there, so it is an older version",
  );
  const restore = setKernels(kernels);
  const replaced = [kindling.convolution.door, kindling.matmulDoor].map((door) => door.isReplaced);
  restore();
  assertEquals(replaced, [false, true]);
});

// ── What does not compile ──

/** Copies what a type check of the library reads. */
function copyOfLibrary(): string {
  const folder = mkdtempSync(join(tmpdir(), "kindling-doors-"));
  for (const name of ["deno.json", "package.json", "mod.ts", "modules"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  const settings = JSON.parse(readFileSync(join(folder, "deno.json"), "utf8"));
  delete settings.links; // the library itself needs no package
  delete settings.imports;
  writeFileSync(join(folder, "deno.json"), JSON.stringify(settings));
  return folder;
}

test("misspelt doors and kernels, and renamed fields of what kernels read, do not compile", () => {
  const folder = copyOfLibrary();
  const edits = [
    ["modules/fast/doors/losses.ts", /crossEntropyDoor, \(/, "crossEntropiDoor, ("],
    ["modules/fast/doors/tensor.ts", /pairDoors\.add/, "pairDoors.addd"],
    ["modules/fast/doors/rules.ts", /run\.surprisesGradient/, "run.surpriseGradient"],
    ["modules/09_spatial/window.ts", /\bbefore\b/g, "ahead"],
    ["modules/09_spatial/unfold.ts", /\bbefore\b/g, "ahead"],
    ["modules/09_spatial/pooling.ts", /\bbefore\b/g, "ahead"],
  ] as const;
  try {
    for (const [file, from, to] of edits) {
      const path = join(folder, file), text = readFileSync(path, "utf8");
      assert(text.search(from) >= 0, `${file} has no ${from}`);
      writeFileSync(path, text.replace(from, to));
    }
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["check", "--quiet", "--no-lock", "mod.ts"],
      { cwd: folder, encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } },
    );
    const places = `${stdout}${stderr}`.matchAll(/TS\d+ \[ERROR\][^]*?\/modules\/(\S+\.ts):/g);
    assertEquals([...new Set([...places].map(([, file]) => file))].sort(), [
      "fast/doors/convolution.ts",
      "fast/doors/losses.ts",
      "fast/doors/pooling.ts",
      "fast/doors/rules.ts",
      "fast/doors/tensor.ts",
      "fast/doors/winograd.ts",
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, { only: "deno" });

// ── What outlives a step ──

/** What can be done with an array. */
const uses: Readonly<Record<string, (numbers: Float32Array | Float64Array) => unknown>> = {
  "its length": (numbers) => numbers.length,
  "a spread": (numbers) => [...numbers],
  "slice()": (numbers) => numbers.slice(),
  "a tensor of it": (numbers) => new kindling.Tensor(numbers, [2]),
};
for (const [name, use] of Object.entries(uses)) {
  test(`an array that was taken out of a step refuses ${name} afterwards`, () => {
    withKernels({}, () => {
      const numbers = kindling.kernels.step(() => kindling.Tensor.of([1, 2]).mul(2).data);
      assertThrows(() => use(numbers), ValueError, "Cannot read numbers after their step");
    });
  });
}

test("an array that was copied within its step stays", () => {
  withKernels({}, () => {
    const copy = kindling.kernels.step(() => kindling.Tensor.of([1, 2]).mul(2).data.slice());
    assertEquals([...copy], [2, 4]);
  });
});

// ── Memory ──

test("the memory of kernels is what was asked for", () => {
  withKernels({ memory: 64 * 2 ** 20 }, (kernels) => {
    assert(kernels instanceof FastKernels);
    assertEquals(kernels.machine.heap.buffer.byteLength, 64 * 2 ** 20);
  });
});

/** Runs something while WebAssembly is not what it was. */
function withWebAssembly<T>(other: object | undefined, compute: () => T): T {
  const before = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly");
  assert(before);
  Object.defineProperty(globalThis, "WebAssembly", { ...before, value: other });
  try {
    return compute();
  } finally {
    Object.defineProperty(globalThis, "WebAssembly", before);
  }
}

/** As phones do: memory above a limit is refused. */
class SmallMemory extends WebAssembly.Memory {
  constructor(descriptor: WebAssembly.MemoryDescriptor) {
    if (descriptor.initial > 5000) throw new RangeError("could not allocate memory");
    super(descriptor);
  }
}

test("where 1 GiB is refused, kernels run in less", () => {
  const { Module, Instance } = WebAssembly, Memory = SmallMemory;
  const { kernels, notice } = withWebAssembly(
    { Module, Instance, Memory },
    () => kindling.chooseKernels(kindling, { wanted: "simd" }),
  );
  assert(kernels instanceof FastKernels, notice ?? "");
  assertEquals(kernels.machine.heap.buffer.byteLength, 2 ** 28);
});

test("where memory is refused that you asked for, the loops run, and the notice says why", () => {
  const { Module, Instance } = WebAssembly, Memory = SmallMemory;
  const { kernels, notice } = withWebAssembly(
    { Module, Instance, Memory },
    () => kindling.chooseKernels(kindling, { memory: 2 ** 30 }),
  );
  assertEquals(kernels, kindling.loops);
  assertEquals(notice?.endsWith("it cannot load relaxed SIMD (could not allocate memory)"), true);
});

test("where there is no WebAssembly, or a page forbids it, the loops run", () => {
  class Forbidden {
    constructor() {
      throw new Error("violates the Content Security Policy");
    }
  }
  const { Memory, Instance } = WebAssembly;
  for (const other of [undefined, { Memory, Instance, Module: Forbidden }]) {
    const { kernels, notice } = withWebAssembly(other, () => kindling.chooseKernels(kindling));
    assertEquals(kernels, kindling.loops);
    assert(notice?.startsWith("No fast kernels on this runtime, so the modules' own loops run:"));
  }
});

test("a bundled program that asks for threads goes on with one at once, and says why", () => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-threads-"));
  try {
    const program = join(root, "tests/kernels/three_threads.ts"), out = join(folder, "out.js");
    const build = ["build", program, "--target=bun", `--outfile=${out}`];
    assertEquals(spawnSync("bun", build, { cwd: root }).status, 0);
    const { stdout } = spawnSync("bun", [out], { encoding: "utf8", timeout: 20_000 });
    assertEquals(
      stdout.trim(),
      "relaxed SIMD\nOne thread runs: worker.ts is not beside the code that runs: was it bundled?",
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, { skip: hasBun ? undefined : "bun is not installed" });

for (
  const [options, says] of [
    [{ memory: 1000 }, "Cannot reserve 1000 bytes for kernels"],
    [{ memory: NaN }, "Cannot reserve NaN bytes for kernels"],
    [{ threads: 0 }, "Cannot share work among 0 threads"],
    [{ threads: 1.5 }, "Cannot share work among 1.5 threads"],
  ] as const
) {
  test(`chooseKernels() refuses ${JSON.stringify(options)}`, () => {
    assertThrows(() => kindling.chooseKernels(kindling, options), RangeError, says);
  });
}

// ── Minified ──

test("kernels are in use after a bundler has renamed every class and function", () => {
  const folder = mkdtempSync(join(tmpdir(), "kindling-minified-"));
  try {
    const program = join(root, "tests/kernels/minified_program.ts"), out = join(folder, "out.js");
    const run = (args: string[]): string => {
      const { status, stdout, stderr } = spawnSync("bun", args, { cwd: root, encoding: "utf8" });
      assertEquals(status, 0, stderr);
      return stdout.trim();
    };
    run(["build", program, "--target=bun", "--minify", `--outfile=${out}`]);
    assertEquals(run([out]), "SIMD true true true");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, { skip: hasBun ? undefined : "bun is not installed" });
