/**
 * The fast kernels: that they compute what the loops do, write nowhere else, forget nothing that is
 * still needed, and give way where they cannot run.
 *
 * @module
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { backward } from "#autograd";
import { chooseKernels } from "#fast";
import { Flatten, Linear, Parameter, ReLU, Sequential } from "#layers";
import { crossEntropy } from "#losses";
import { Adam, SGD } from "#optimizers";
import { Generator } from "#random";
import { avgPool2d, BatchNorm2d, Conv2d, conv2d, MaxPool2d } from "#spatial";
import { type Data, kernels, loops, setKernels, Tensor, ValueError } from "#tensor";
import { trainStep } from "#training";
import * as kindling from "../mod.ts";
import { FastKernels } from "../modules/fast/kernel_set.ts";
import { Heap } from "../modules/fast/machine/heap.ts";
import { assembleKernels, type Level } from "../modules/fast/kernels/assemble.ts";
import { Machine } from "../modules/fast/machine/machine.ts";
import { test } from "../course/sandbox/register.ts";
import { shareOf } from "./project/shares.ts";

const root = fromFileUrl(new URL("../", import.meta.url));
const levels: readonly Level[] = ["relaxed SIMD", "SIMD"];
const heap = new Heap(true, 2 ** 30);
const machines = levels.map((level) => ({
  level,
  machine: new Machine(assembleKernels(level, heap.limits), heap, 1),
}));

/** Runs something with kernels, and puts back what was before. */
function withKernels<T>(compute: () => T, options: Parameters<typeof chooseKernels>[1] = {}): T {
  const { kernels: chosen } = chooseKernels(kindling, options), restore = setKernels(chosen);
  try {
    return compute();
  } finally {
    restore();
    if (chosen instanceof FastKernels) chosen.machine.stop();
  }
}

// ── The same tests ──

const settings = ["fast 1", "simd 1", "fast 2"];

// Bun's engine compiles the same instructions: there one of the three is tried in each commit.
for (const chosen of process.versions.deno ? settings : shareOf(settings, settings.length)) {
  test(`every graded test, PyTorch's fixtures and all properties hold on kernels: ${chosen}`, () => {
    const files = ["modules", "tests/fixtures_test.ts", "tests/properties_test.ts"];
    const preload = ["--preload", "./tests/kernels/everywhere.ts"];
    const args = process.versions.deno
      ? [
        "test",
        "--no-check",
        "--no-lock",
        "--allow-read",
        "--allow-env",
        "--allow-sys",
        ...preload,
      ]
      : ["test", ...preload];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...args, ...files], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, KINDLING_KERNELS: chosen, NO_COLOR: "1" },
    });
    const failed = `${stdout}\n${stderr}`.split("\n").filter((line) =>
      / \.\.\. FAILED|^\(fail\)/.test(line)
    ).map((line) => line.replace(/^\(fail\) | (\(\d+ points?\)|\[\d).*/g, ""));
    // kernels sum in single precision: that is what makes them fast
    assertEquals([...new Set(failed)], ["01.9 matmul() keeps its sums in float64"]);
    assertEquals(status, 1);
  });
}

// ── Near the greatest number ──

/** Sums of n terms, and how large the terms of each sum are together, all taken as positive. */
type Summing = readonly [what: string, n: number, sums: (x: Tensor, y: Tensor) => Tensor];

/** What kernels compute within a step, where all of it lies in their memory. */
function onKernels(wanted: "fast" | "simd", compute: () => Tensor): Data {
  return withKernels(() => kernels.step(() => compute().data.slice()), { wanted });
}

const term = 2 ** 127;
const sums: readonly Summing[] = [
  ["a product", 64, (x, y) => x.matmul(y)],
  ["a product from the left, transposed", 64, (x, y) => y.transpose().matmul(x.transpose())],
  ["a product by one column", 64, (x, y) => x.matmul(y.slice(null, [0, 1]))],
  ["a sum along rows", 64, (x) => x.sum(1)],
  ["a sum along columns", 8, (x) => x.sum(0)],
  ["a sum of all", 512, (x) => x.sum()],
  ["a mean", 512, (x) => x.mean()],
  ["a stretched sum of two", 2, (x) => x.add(x.slice([0, 1]))],
  ["a convolution", 16, (x) => conv2d(x.reshape([2, 4, 8, 8]), Tensor.ones([3, 4, 2, 2]), null)],
  ["a mean of windows", 16, (x) => avgPool2d(x.reshape([2, 4, 8, 8]), 4)],
];
for (const level of ["fast", "simd"] as const) {
  for (const [what, n, compute] of sums) {
    test(`${what} agrees with the loops below 2¹²⁷, on ${level}`, () => {
      for (let seed = 1; seed <= 10; seed++) {
        // the largest numbers of which n come to less than 2¹²⁷, of either sign
        const x = Tensor.uniform([8, 64], new Generator(seed), { low: -1, high: 1 }).mul(term / n);
        const y = Tensor.uniform([64, 9], new Generator(-seed + 20), { low: -1, high: 1 });
        const right = compute(x, y), found = onKernels(level, () => compute(x, y));
        right.data.forEach((value, i) => {
          assert(Number.isFinite(value) && Number.isFinite(found[i]), `${value} and ${found[i]}`);
          assert(Math.abs(value - found[i]) <= term * n * 2 ** -23, `${value} and ${found[i]}`);
        });
      }
    });
  }

  test(`a sum beyond 2¹²⁷ may be infinite on kernels where it is a number on loops: ${level}`, () => {
    const signs = Float32Array.from({ length: 8 * 64 }, (_, i) => i % 64 < 32 ? 3e38 : -3e38);
    const x = new Tensor(signs, [8, 64]), ones = Tensor.ones([64, 9]);
    const found = onKernels(level, () => x.matmul(ones))[0];
    assertEquals([x.matmul(ones).data[0], Number.isFinite(found)], [0, false]);
  });
}

// ── exp and log ──

/** How many float32 numbers lie between two of them. */
function ulpsBetween(a: number, b: number): number {
  if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) return 0;
  const [x, y] = new Int32Array(Float32Array.of(a, b).buffer);
  const order = (bits: number): number => bits < 0 ? -0x80000000 - bits : bits;
  return Math.abs(order(x) - order(y));
}

/** Numbers of every sign and exponent, and what is special. */
function numbersOfAllKinds(count: number): Float32Array {
  const generator = new Generator(1);
  const bits = Int32Array.from({ length: count }, () => generator.integer(2 ** 32) | 0);
  const special = [0, -0, 1, -1, Infinity, -Infinity, NaN, 2 ** -149, -(2 ** -149), 2 ** -126];
  const near = Array.from({ length: count }, () => generator.uniform(-104, 89));
  return Float32Array.from([...new Float32Array(bits.buffer), ...special, ...near]);
}

for (const [name, exact] of [["exp", Math.exp], ["log", Math.log]] as const) {
  for (const { level, machine } of machines) {
    test(`${name} is good to 2 ulp on ${level}, for numbers of all kinds`, () => {
      const x = numbersOfAllKinds(100_000), n = x.length, out = new Float32Array(n);
      machine.work(() => machine.run[name](machine.target(out), machine.address(x), n));
      const odd = [...x].flatMap((value, i) => {
        const right = Math.fround(exact(value));
        return ulpsBetween(out[i], right) > 2 ? [[value, out[i], right]] : [];
      });
      assertEquals(odd.slice(0, 5), []);
    });
  }
}

// ── Nothing outside ──

const sizes = [1, 2, 3, 4, 5, 7, 8, 17, 64, 1000];

for (const { level, machine } of machines) {
  test(`kernels write nothing outside of their results on ${level}`, () => {
    const { run } = machine, guard = 123.5, generator = new Generator(2);
    const strayed: string[] = [];
    const check = (name: string, n: number, write: (out: number, x: number) => void): void => {
      const before = machine.heap.top, x = machine.take(4 * 4096), out = machine.take(4 * 8192);
      const all = new Float32Array(heap.buffer, out, 8192).fill(guard);
      new Float32Array(heap.buffer, x, 4096).forEach((_, i, numbers) =>
        numbers[i] = generator.normal()
      );
      write(out + 4 * 16, x);
      const outside = all.filter((_, i) => i < 16 || i >= 16 + n);
      if (outside.some((value) => value !== guard)) strayed.push(`${name} of ${n}`);
      machine.heap.top = before;
    };
    for (const n of sizes) {
      for (const name of ["neg", "exp", "log", "relu", "tanh", "sigmoid"] as const) {
        check(name, n, (out, x) => run[name](out, x, n));
      }
      for (const [i, j] of [[1, 1], [1, 0], [0, 1]]) {
        check("add", n, (out, x) => run.add(out, x, x + 4 * 1000, n, i, j));
      }
      check("sumRows", n, (out, x) => run.sumRows(out, x, n, 3));
      check("sumColumns", n, (out, x) => run.sumColumns(out, x, 1, 3, n));
      check("logSoftmax", n, (out, x) => run.logSoftmax(out, x, 1, n));
      check("transpose", 3 * n, (out, x) => run.transpose(out, x, 1, 3, n));
      check("reluGradient", n, (out, x) => run.reluGradient(out, x, x, n));
      check("clear", n, (out) => run.clear(out, 4 * n));
    }
    for (const [m, n] of [[1, 1], [3, 7], [6, 8], [7, 9], [17, 3], [12, 16]]) {
      check("product", m * n, (out, x) => {
        run.clear(out, 4 * m * n);
        const scratch = machine.take(1 << 20);
        run.product(out, x, x, m, n, 5, 4 * n, 20, 4, 4, 4 * n, scratch);
      });
    }
    assertEquals(strayed, []);
  });
}

// ── Steps ──

/** A small network of every kind of layer, something to learn, and an optimizer. */
function smallTraining(): { step: () => number; model: Sequential } {
  const generator = new Generator(3);
  const model = new Sequential(
    new Conv2d(2, 5, 3, { generator, padding: 1 }),
    new BatchNorm2d(5),
    new ReLU(),
    new MaxPool2d(2),
    new Flatten(),
    new Linear(5 * 5 * 5, 10, { generator }),
  );
  const optimizer = new SGD(model.parameters(), { learningRate: 0.05, momentum: 0.9 });
  const inputs = Tensor.normal([8, 2, 10, 10], generator);
  const targets = Int32Array.from({ length: 8 }, (_, k) => k);
  return {
    model,
    step: () => trainStep(model, [{ inputs, targets }], { loss: crossEntropy, optimizer }),
  };
}

/** All parameters after some steps. */
function trained(steps: number): number[][] {
  const { step, model } = smallTraining();
  for (let k = 0; k < steps; k++) step();
  return model.parameters().map(({ data }) => [...data]);
}

test("training on kernels goes where training on loops goes", () => {
  const expected = trained(5), found = withKernels(() => trained(5));
  const far = expected.flatMap((numbers, p) =>
    numbers.flatMap((value, i) =>
      Math.abs(value - found[p][i]) > 1e-4 ? [[value, found[p][i]]] : []
    )
  );
  assertEquals(far, []);
});

test("the results are the same for one thread, two and three, to the last bit", () => {
  const runs = [1, 2, 3].map((threads) => withKernels(() => largeResults(), { threads }));
  assertEquals(runs[1], runs[0]);
  assertEquals(runs[2], runs[0]);
});

/** What a convolution, a pooling and a product come to that are large enough to be shared out. */
function largeResults(): number[][] {
  const generator = new Generator(4), x = Tensor.normal([16, 8, 24, 24], generator);
  const conv = new Conv2d(8, 16, 3, { generator }), pool = new MaxPool2d(2), flat = new Flatten();
  const linear = new Linear(16 * 11 * 11, 64, { generator });
  const inputs = new Parameter(x);
  return kernels.step(() => {
    const loss = linear.forward(flat.forward(pool.forward(conv.forward(inputs)))).sum();
    backward(loss);
    const parameters = [inputs, ...conv.parameters(), ...linear.parameters()];
    return [[loss.item()], ...parameters.map(({ grad }) => [...grad?.data ?? []])];
  });
}

test("the gradient of usual pooling has the loops' bits, at all edges and for all numbers", () => {
  const sizes = [[8, 8], [9, 8], [8, 9], [11, 13], [2, 10], [3, 23], [16, 30]];
  const run = (): number[][] =>
    sizes.map(([height, width]) => {
      const generator = new Generator(8), x = Tensor.normal([3, 2, height, width], generator);
      const images = new Parameter(x), odd = [-0, NaN, Infinity];
      return kernels.step(() => {
        const y = new MaxPool2d(2).forward(images), g = Tensor.normal(y.shape, generator);
        g.data.set(odd.slice(0, g.size), 1);
        backward(y.mul(g).sum());
        return [...images.grad?.data ?? []];
      });
    });
  const right = run();
  for (const threads of [1, 2]) assertEquals(withKernels(run, { threads }), right);
});

test("10,000 steps take no more memory than ten", () => {
  const { kernels: chosen } = chooseKernels(kindling);
  const restore = setKernels(chosen);
  try {
    assert(chosen instanceof FastKernels);
    const generator = new Generator(5), model = new Linear(4, 3, { generator });
    const optimizer = new Adam(model.parameters(), { learningRate: 0.01 });
    const batches = [{ inputs: Tensor.ones([2, 4]), targets: Int32Array.of(0, 1) }];
    for (let k = 0; k < 10; k++) trainStep(model, batches, { loss: crossEntropy, optimizer });
    const { peak, top } = chosen.machine.heap;
    for (let k = 0; k < 10_000; k++) trainStep(model, batches, { loss: crossEntropy, optimizer });
    assertEquals([chosen.machine.heap.peak, chosen.machine.heap.top], [peak, top]);
  } finally {
    restore();
  }
});

test("gradients and parameters outlive the step; what else was made in it says that it is gone", () => {
  withKernels(() => {
    const w = new Parameter(Tensor.of([1, 2, 3]));
    const made = kernels.step(() => {
      const product = w.mul(2);
      backward(product.sum());
      return product;
    });
    assertEquals([w.toArray(), w.grad?.toArray()], [[1, 2, 3], [2, 2, 2]]);
    assertThrows(
      () => made.add(1),
      ValueError,
      "Cannot read numbers after their step: their memory is used again",
    );
  });
});

test("an array taken from a gradient says that it is gone; the gradient itself is not", () => {
  withKernels(() => {
    const w = new Parameter(Tensor.of([1, 2, 3]));
    const taken = kernels.step(() => {
      backward(w.mul(2).sum());
      return w.grad?.data;
    });
    assertEquals(w.grad?.toArray(), [2, 2, 2]);
    assertThrows(() => taken?.length, ValueError, "their memory is used again");
  });
});

test("a product that does not fit into the memory is made in parts, with the same bits", () => {
  const [m, k, n] = [700, 90, 500];
  const run = (): number[] => {
    const generator = new Generator(9), a = Tensor.normal([m, k], generator);
    return [...a.matmul(Tensor.normal([k, n], generator)).data];
  };
  const loops = run(), all = withKernels(run);
  assertEquals(withKernels(run, { memory: 2 ** 20 }), all);
  assert(
    all.some((value, i) => value !== loops[i]),
    "the loops, which sum in float64, did not run",
  );
});

test("as long as the sums of |a·b| stay within float32, kernels and loops give the same kinds", () => {
  // Beyond, an order of summing may reach ∞ on the way, or ∞ − ∞, where another one does not.
  const generator = new Generator(10), k = 40;
  for (let round = 0; round < 50; round++) {
    const a = Tensor.normal([3, k], generator), b = Tensor.normal([k, 9], generator);
    const most = a.abs().matmul(b.abs()).max().item(), scale = 3.4e38 / most / 1.001;
    const [left, right] = [a.mul(Math.sqrt(scale)), b.mul(Math.sqrt(scale))];
    for (const wanted of ["fast", "simd"] as const) {
      const out = withKernels(() => [...left.matmul(right).data], { wanted });
      assert(out.every(Number.isFinite), `round ${round}, ${wanted}`);
    }
  }
});

test("a step that needs more room than there is goes on with the loops", () => {
  const run = (mebibytes: number): number[][] =>
    kernels.step(() => {
      const generator = new Generator(6), conv = new Conv2d(2, 4, 3, { generator });
      const x = Tensor.normal([2, 2, 9, 9], generator);
      for (let taken = 0; taken < mebibytes; taken += 32) kernels.room(2 ** 23, "anything");
      const y = new MaxPool2d(2).forward(conv.forward(x));
      backward(y.mul(y).sum());
      return [y, ...conv.parameters().map(({ grad }) => grad)].map((t) => [...t?.data ?? []]);
    });
  withKernels(() => {
    const [roomy, full] = [0, 1024].map(run);
    const far = roomy.flatMap((numbers, k) =>
      numbers.filter((value, i) => Math.abs(value - full[k][i]) > 1e-4 * Math.abs(value))
    );
    assertEquals([far, full.map((numbers) => numbers.length)], [[], roomy.map((n) => n.length)]);
  });
});

test("a parameter that no optimizer moves keeps its gradient from step to step", () => {
  withKernels(() => {
    const { model } = smallTraining(), [filters, ...others] = model.parameters();
    const optimizer = new SGD(others, { learningRate: 0.05 });
    const batches = [{ inputs: Tensor.ones([2, 2, 10, 10]), targets: Int32Array.of(1, 2) }];
    for (let k = 0; k < 3; k++) trainStep(model, batches, { loss: crossEntropy, optimizer });
    assert([...filters.grad?.data ?? [NaN]].every(Number.isFinite));
  });
});

test("a step that throws gives its room back too", () => {
  withKernels(() => {
    const x = Tensor.ones([1000]);
    for (let k = 0; k < 3; k++) {
      assertThrows(() =>
        kernels.step(() => {
          throw new ValueError(`Cannot go on with ${x.mul(2).size}`);
        })
      );
    }
    assertEquals(kernels.step(() => x.add(1).sum().item()), 2000);
  });
});

test("float64 and numbers that lie elsewhere run on the loops, exactly", () => {
  withKernels(() => {
    const x = Tensor.of([[1e300, 1], [2, 3]], { dtype: "float64" });
    assertEquals(x.matmul(x).toArray(), [[Infinity, 1e300 + 3], [2e300 + 6, 11]]);
    const elsewhere = new Tensor(Float32Array.of(1, 2), [2]);
    assertEquals(elsewhere.add(Tensor.of([1, 1])).toArray(), [2, 3]);
  });
});

test("an optimizer that only has the name of another one keeps its own update", () => {
  class Backwards extends SGD {
    protected override update(w: Float32Array): void {
      for (let i = 0; i < w.length; i++) w[i] += 1;
    }
  }
  Object.defineProperty(Backwards, "name", { value: "SGD" });
  withKernels(() => {
    const w = new Parameter(Tensor.of([1, 2]));
    w.grad = Tensor.of([1, 1]);
    new Backwards([w], { learningRate: 0.5 }).step();
    assertEquals(w.toArray(), [2, 3]);
  });
});

// ── Where they cannot run ──

test("kernels of each level are chosen by name, and loops when they are asked for", () => {
  const names = (["fast", "simd", "loops"] as const).map((wanted) =>
    chooseKernels(kindling, { wanted }).kernels.name
  );
  assertEquals(names, ["relaxed SIMD", "SIMD", "loops"]);
});

test("a runtime without relaxed SIMD gets SIMD", () => {
  const { kernels: chosen, notice } = chooseKernels(kindling, {
    assemble: (level, limits) =>
      level === "SIMD" ? assembleKernels(level, limits) : Uint8Array.of(0, 1, 2),
  });
  assertEquals([chosen.name, notice], ["SIMD", null]);
});

test("a module that is refused leaves the loops in place, and one line says why", () => {
  const { kernels: chosen, notice } = chooseKernels(kindling, {
    assemble: () => Uint8Array.of(0, 1),
  });
  assertEquals(chosen, loops);
  assert(notice?.startsWith("No fast kernels on this runtime, so the modules' own loops run: it"));
  assertEquals(notice?.split("\n").length, 1);
});

test("a module that computes wrongly leaves the loops in place", () => {
  const { kernels: chosen, notice } = chooseKernels(kindling, {
    wanted: "simd",
    assemble: (level, limits) => {
      const bytes = assembleKernels(level, limits), multiply = [0xfd, 0xe6, 0x01]; // f32x4.mul
      for (let k = 0; k < bytes.length; k++) {
        if (multiply.every((byte, i) => bytes[k + i] === byte)) bytes[k + 1] = 0xe4; // add
      }
      return bytes;
    },
  });
  assertEquals(chosen, loops);
  assertEquals(
    notice,
    "No fast kernels on this runtime, so the modules' own loops run: its SIMD gives wrong results",
  );
});

test("without shared memory there is one thread, and the results are the same", () => {
  const alone = new Heap(false, 2 ** 30);
  const machine = new Machine(assembleKernels("SIMD", alone.limits), alone, 4);
  assertEquals([machine.threads, machine.fewerThreads], [1, "memory cannot be shared here"]);
  const out = new Float32Array(3), x = Float32Array.of(-1, 0, 2);
  machine.work(() => machine.run.relu(machine.target(out), machine.address(x), 3));
  assertEquals([...out], [0, 0, 2]);
});

test("threads let the process end", () => {
  const script = fromFileUrl(new URL("./kernels/three_threads.ts", import.meta.url));
  const args = process.versions.deno
    ? ["run", "--no-check", "--no-lock", "--allow-read", script]
    : [script];
  const { status, stdout } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: "utf8",
    timeout: 30_000,
  });
  assertEquals([status, stdout.trim()], [0, "relaxed SIMD, 3 threads"]);
});
