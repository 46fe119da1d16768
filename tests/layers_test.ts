/**
 * What module 03 promises: where parameters are found and how they are named, what layers compute
 * and refuse, and what a model costs, counted by hand.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { gelu, leakyRelu, logSoftmax, relu, sigmoid, softmax, tanh } from "#activations";
import { backward } from "#autograd";
import {
  type Cost,
  Dropout,
  Elementwise,
  fansOf,
  Flatten,
  GELU,
  type Initializer,
  kaimingNormal,
  kaimingUniform,
  LeakyReLU,
  lecunNormal,
  lecunUniform,
  Linear,
  LogSoftmax,
  Module,
  Parameter,
  ReLU,
  Sequential,
  Sigmoid,
  Softmax,
  summarize,
  Tanh,
  uniformByFanIn,
  xavierNormal,
  xavierUniform,
} from "#layers";
import { Generator } from "#random";
import { type Nested, type Shape, ShapeError, Tensor, ValueError, type Values } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";

function linear(inFeatures: number, outFeatures: number, bias = true): Linear {
  return new Linear(inFeatures, outFeatures, { generator: seeded(), bias });
}

function seeded(seed = 1): Generator {
  return new Generator(seed);
}

function parameter(...numbers: number[]): Parameter {
  return new Parameter(Tensor.of(numbers));
}

/** A module of given parts that computes nothing. */
class Holder extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}

// ── Parameters ──

test("Parameter keeps numbers and shape without a copy, and requires a gradient", () => {
  const values = Tensor.of([[1, 2]], { dtype: "float64" }), w = new Parameter(values);
  assertStrictEquals(w.data, values.data);
  assertEquals([w.shape, w.dtype], [[1, 2], "float64"]);
  assertEquals([w.requiresGrad, w.grad, w.version, w.origin], [true, null, 0, null]);
});

test("write() changes the numbers in place and counts", () => {
  const w = parameter(1, 2), { data } = w;
  w.write((numbers) => numbers.fill(7));
  assertStrictEquals(w.data, data);
  assertEquals([...w.data], [7, 7]);
  assertEquals(w.version, 1);
  w.write(() => {});
  assertEquals(w.version, 2);
});

test("Parameter versions are noted by what is computed from them", () => {
  const w = parameter(1);
  w.write(() => {});
  assertEquals(w.mul(2).origin?.versions, [1, 0]);
});

test("write() that throws counts too: it may have written before", () => {
  const w = parameter(1);
  assertThrows(() =>
    w.write(() => {
      throw new Error("from inside");
    })
  );
  assertEquals(w.version, 1);
});

// ── Modules ──

test("namedParameters() names parameters by their fields, own ones first", () => {
  class Inner extends Holder {
    readonly scale = parameter(1);
  }
  class Outer extends Holder {
    readonly first = new Inner();
    readonly gain = parameter(2);
    readonly second = new Inner();
    readonly shift = parameter(3);
  }
  const model = new Outer(), named = model.namedParameters();
  assertEquals([...named.keys()], ["gain", "shift", "first.scale", "second.scale"]);
  assertStrictEquals(named.get("second.scale"), model.second.scale);
});

test("namedParameters() numbers the modules in lists", () => {
  class Model extends Holder {
    readonly blocks = [linear(2, 3), new ReLU(), new Sequential(linear(3, 1, false))];
    readonly head = linear(1, 1);
  }
  assertEquals([...new Model().namedParameters().keys()], [
    "blocks.0.weight",
    "blocks.0.bias",
    "blocks.2.layers.0.weight",
    "head.weight",
    "head.bias",
  ]);
});

test("namedParameters() finds public fields only", () => {
  class Model extends Holder {
    readonly seen = parameter(1);
    readonly #hidden = parameter(2);
    hidden(): Parameter {
      return this.#hidden;
    }
    get alsoHidden(): Parameter {
      return this.#hidden;
    }
  }
  assertEquals([...new Model().namedParameters().keys()], ["seen"]);
});

test("namedParameters() passes over constants, numbers and null", () => {
  class Model extends Holder {
    readonly constant = Tensor.of([1]);
    readonly rate = 0.5;
    readonly nothing = null;
    readonly mixed = [1, null, linear(1, 1, false), "text"];
  }
  assertEquals([...new Model().namedParameters().keys()], ["mixed.2.weight"]);
});

test("namedParameters() names a shared parameter once, by its first path", () => {
  const shared = linear(2, 2);
  class Model extends Holder {
    readonly encoder = shared;
    readonly decoder = shared;
    readonly own = shared.bias;
  }
  const model = new Model();
  assertEquals([...model.namedParameters().keys()], ["own", "encoder.weight"]);
  assertEquals(model.parameters().length, 2);
});

test("parameters() gives the parameters in the order of their names", () => {
  const model = new Sequential(linear(2, 3), new ReLU(), linear(3, 1));
  const named = [...model.namedParameters().values()];
  assertEquals(named.length, 4);
  model.parameters().forEach((found, k) => assertStrictEquals(found, named[k]));
});

test("parameters() of a model without any is empty", () => {
  assertEquals(new Sequential(new ReLU(), new Flatten()).parameters(), []);
});

test("namedModules() lists the module itself and all in it, those in lists by position", () => {
  class Model extends Holder {
    readonly stem = new ReLU();
    readonly blocks = [new Tanh(), new Flatten()];
  }
  const model = new Model(), found = model.namedModules();
  assertEquals([...found.keys()], ["", "stem", "blocks.0", "blocks.1"]);
  const parts = [...found.values()];
  [model, model.stem, ...model.blocks].forEach((part, k) => assertStrictEquals(parts[k], part));
});

test("namedModules() walks modules that refer to each other once", () => {
  class Child extends Holder {
    parent: Module | null = null;
    readonly layer = linear(1, 1);
  }
  class Parent extends Holder {
    readonly child = new Child();
  }
  const model = new Parent();
  model.child.parent = model;
  assertEquals([...model.namedModules().keys()], ["", "child", "child.layer"]);
  assertEquals([...model.eval().namedParameters().keys()], [
    "child.layer.weight",
    "child.layer.bias",
  ]);
  assertEquals(model.child.layer.training, false);
});

test("namedParameters() finds parameters in lists", () => {
  class Model extends Holder {
    readonly scales = [new Parameter(Tensor.of([1])), new Parameter(Tensor.of([2]))];
  }
  assertEquals([...new Model().namedParameters().keys()], ["scales.0", "scales.1"]);
});

test("train() and eval() reach all modules, and give back the model", () => {
  class Model extends Holder {
    readonly deep = new Sequential(new ReLU(), new Sequential(new Tanh()));
    readonly blocks = [new Sigmoid()];
  }
  const model = new Model();
  function modes(module: Module): boolean[] {
    return [...module.namedModules().values()].map(({ training }) => training);
  }
  assertEquals(modes(model), new Array(6).fill(true));
  assertStrictEquals(model.eval(), model);
  assertEquals(modes(model), new Array(6).fill(false));
  assertStrictEquals(model.train(), model);
  assertEquals(modes(model), new Array(6).fill(true));
  model.train(false);
  assertEquals(modes(model), new Array(6).fill(false));
});

test("zeroGrad() forgets the gradients of all parameters", () => {
  const model = new Sequential(linear(1, 1), new Sequential(linear(1, 1)));
  for (const w of model.parameters()) w.grad = Tensor.zeros(w.shape);
  model.zeroGrad();
  assertEquals(model.parameters().map((w) => w.grad), [null, null, null, null]);
});

test("cost() of a module that does not say is an error", () => {
  assertRefuses(
    () => new Holder().cost([2, 3]),
    ShapeError,
    "Cannot count Holder on (2, 3): it has no cost()",
    "write cost(inputShape), which returns { outputShape, multiplyAccumulates }",
  );
});

// ── States ──

/** A module with a parameter, running numbers and a part. */
class Counted extends Holder {
  readonly gain = parameter(1, 2);
  readonly seen = Tensor.of([5]);
  readonly inner = linear(2, 1);
}

test("stateDict() copies parameters and other tensors in public fields, by path", () => {
  const model = new Counted(), state = model.stateDict();
  assertEquals([...state.keys()], ["gain", "seen", "inner.weight", "inner.bias"]);
  assertEquals(state.get("gain")?.toArray(), [1, 2]);
  for (const [name, tensor] of state) {
    assert(!(tensor instanceof Parameter) && !tensor.requiresGrad, `${name} is a parameter`);
    tensor.data.fill(99);
  }
  assertEquals([model.gain.toArray(), model.seen.toArray()], [[1, 2], [5]]);
  assertEquals(model.stateDict().get("inner.weight")?.shape, [1, 2]);
});

test("stateDict() names what is shared once", () => {
  const shared = linear(2, 2, false);
  assertEquals([...new Sequential(shared, shared).stateDict().keys()], ["layers.0.weight"]);
});

test("loadStateDict() takes over a state, and counts a write of each parameter", () => {
  const from = new Counted(), to = new Counted();
  from.gain.write((data) => data.set([7, 8]));
  from.seen.data.fill(6);
  const state = from.stateDict();
  to.loadStateDict(state);
  assertEquals([to.gain.toArray(), to.seen.toArray()], [[7, 8], [6]]);
  assertEquals(to.inner.weight.data, from.inner.weight.data);
  assertEquals(to.parameters().map(({ version }) => version), [1, 1, 1]);
  state.get("gain")?.data.fill(99);
  assertEquals(to.gain.toArray(), [7, 8]); // a copy
});

test("loadStateDict() keeps the module's own format", () => {
  const layer = linear(2, 1, false);
  layer.loadStateDict(new Map([["weight", Tensor.of([[0.1, 2]], { dtype: "float64" })]]));
  assertEquals([...layer.weight.data], [Math.fround(0.1), 2]);
  assertEquals(layer.weight.dtype, "float32");
});

/** States that do not fit a Counted, and what is said about them when names must agree or not. */
const misfits: [given: Record<string, Nested>, strict: string | null, loose: string | null][] = [
  [
    {},
    "gain is missing, seen is missing, inner.weight is missing, inner.bias is missing",
    null,
  ],
  [
    { gain: [1, 2], seen: [1], "inner.weight": [[1, 2]], "inner.bias": [1], more: 1, "": [2] },
    "more is unexpected,  is unexpected",
    null,
  ],
  [
    { gain: [[1, 2]], seen: [1, 2], "inner.weight": [[1], [2]], "inner.bias": 1 },
    "gain is (1, 2), not (2,), seen is (2,), not (1,), " +
    "inner.weight is (2, 1), not (1, 2), inner.bias is (), not (1,)",
    "gain is (1, 2), not (2,), seen is (2,), not (1,), " +
    "inner.weight is (2, 1), not (1, 2), inner.bias is (), not (1,)",
  ],
  [
    { gain: [1, 2, 3], "inner.weigth": [[1, 2]], seen: [0] },
    "gain is (3,), not (2,), inner.weight is missing, inner.bias is missing, " +
    "inner.weigth is unexpected",
    "gain is (3,), not (2,)",
  ],
];

test("loadStateDict() names all that does not fit, and changes nothing", () => {
  for (const [given, strict, loose] of misfits) {
    const state = new Map(Object.entries(given).map(([name, v]) => [name, Tensor.of(v)]));
    const model = new Counted(), before = model.stateDict();
    const says = "Cannot load this state into Counted: ";
    if (strict) assertRefuses(() => model.loadStateDict(state), ValueError, says + strict);
    if (loose) {
      const load = (): void => model.loadStateDict(state, { strict: false });
      assertRefuses(load, ValueError, says + loose);
    }
    assertEquals(model.stateDict(), before);
    assertEquals(model.parameters().map(({ version }) => version), [0, 0, 0]);
  }
});

test("loadStateDict() with strict false takes what both have, and leaves the rest", () => {
  const model = new Counted(), before = model.inner.weight.data.slice();
  const state = new Map([["gain", Tensor.of([7, 8])], ["elsewhere", Tensor.of([[1]])]]);
  model.loadStateDict(state, { strict: false });
  assertEquals([model.gain.toArray(), model.seen.toArray()], [[7, 8], [5]]);
  assertEquals([model.inner.weight.data, model.inner.weight.version], [before, 0]);
});

// ── How weights begin ──

/** The initialisers, each with the variance that it gives for a fan-in and a fan-out. */
const initializers: readonly [
  name: string,
  evenly: Initializer,
  normally: Initializer,
  variance: (fanIn: number, fanOut: number) => number,
][] = [
  ["lecun", lecunUniform, lecunNormal, (fanIn) => 1 / fanIn],
  ["kaiming", kaimingUniform, kaimingNormal, (fanIn) => 2 / fanIn],
  ["xavier", xavierUniform, xavierNormal, (fanIn, fanOut) => 2 / (fanIn + fanOut)],
];

/** Shapes of weights, with fan-in and fan-out. */
const weights: readonly [Shape, fanIn: number, fanOut: number][] = [
  [[1, 1], 1, 1],
  [[5, 3], 3, 5],
  [[4, 3, 5], 15, 20],
  [[8, 2, 3, 3], 18, 72],
  [[2, 3, 1, 4, 2], 24, 16],
];

test("fansOf() counts inputs and outputs, and every pixel of a window", () => {
  for (const [shape, fanIn, fanOut] of weights) assertEquals(fansOf(shape), { fanIn, fanOut });
});

test("fansOf() refuses fewer than two axes, and so does what needs it", () => {
  for (const [shape, shown] of [[[], "()"], [[3], "(3,)"]] as const) {
    const message = `Cannot count the inputs of weights ${shown}: they have axes (O, I)`;
    assertRefuses(() => fansOf(shape), ShapeError, message);
    assertRefuses(() => uniformByFanIn(shape, seeded()), ShapeError, message);
    for (const [, evenly, normally] of initializers) {
      assertRefuses(() => evenly(shape, seeded()), ShapeError, message);
      assertRefuses(() => normally(shape, seeded()), ShapeError, message);
    }
  }
});

/** Numbers as a format holds them. */
function rounded(numbers: readonly number[], dtype: "float32" | "float64"): number[] {
  return dtype === "float32" ? numbers.map(Math.fround) : [...numbers];
}

test("uniformByFanIn() is the generator's uniform in ±1/√fanIn", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const g = seeded(3), expected = Array.from({ length: 6 }, () => g.uniform(-1 / 3, 1 / 3));
    const weight = uniformByFanIn([2, 3], seeded(3), { fanIn: 9, dtype });
    assertEquals([weight.shape, weight.dtype], [[2, 3], dtype]);
    assertEquals([...weight.data], rounded(expected, dtype));
  }
  const shape = [2, 4, 1, 1], counted = uniformByFanIn(shape, seeded(3));
  assertEquals(counted.data, uniformByFanIn(shape, seeded(3), { fanIn: 4 }).data);
});

test("initialisers are the generator's uniform and normal, float32 by default", () => {
  for (const [name, evenly, normally, variance] of initializers) {
    for (const [shape, fanIn, fanOut] of weights) {
      const v = variance(fanIn, fanOut), size = Tensor.ones(shape).size;
      for (const dtype of ["float32", "float64"] as const) {
        const options = dtype === "float32" ? undefined : { dtype }, bound = Math.sqrt(3 * v);
        const first = seeded(2),
          even = Array.from({ length: size }, () => first.uniform(-bound, bound));
        const evenWeight = evenly(shape, seeded(2), options);
        assertEquals([evenWeight.shape, [...evenWeight.data]], [shape, rounded(even, dtype)], name);
        const second = seeded(2);
        const bell = Array.from({ length: size }, () => second.normal(0, Math.sqrt(v)));
        const bellWeight = normally(shape, seeded(2), options);
        assertEquals([bellWeight.shape, [...bellWeight.data]], [shape, rounded(bell, dtype)], name);
      }
    }
  }
});

test("initialisers refuse shapes, formats and options that do not exist", () => {
  const all = [
    uniformByFanIn,
    ...initializers.flatMap(([, evenly, normally]) => [evenly, normally]),
  ];
  for (const initialize of all) {
    const size = "sizes must be whole numbers of at least 1";
    for (
      const [shape, message] of [
        [[0, 3], `Cannot make a tensor of shape (0, 3): ${size}, 0 is not`],
        [[3, 0], `Cannot make a tensor of shape (3, 0): ${size}, 0 is not`],
        [[2, 1.5], `Cannot make a tensor of shape (2, 1.5): ${size}, 1.5 is not`],
        [[2, 3, -1], `Cannot make a tensor of shape (2, 3, -1): ${size}, -1 is not`],
        [[NaN, 3], `Cannot make a tensor of shape (NaN, 3): ${size}, NaN is not`],
      ] as const
    ) {
      assertRefuses(() => initialize(shape, seeded()), ShapeError, message);
    }
    const format = JSON.parse('{ "dtype": "float16" }');
    assertRefuses(
      () => initialize([2, 3], seeded(), format),
      ValueError,
      'Cannot make numbers of dtype float16: it is "float32" or "float64"',
    );
    const misspelt = JSON.parse('{ "dtpye": "float64" }');
    assertRefuses(
      () => initialize([2, 3], seeded(), misspelt),
      ValueError,
      "Cannot use the option dtpye: a tensor has none of that name",
    );
  }
});

// ── Layers ──

test("Linear holds one row of weights per output and draws them before the biases", () => {
  const layer = new Linear(4, 3, { generator: seeded(7), dtype: "float64" });
  const g = seeded(7), dtype = "float64";
  assertEquals(layer.weight.data, uniformByFanIn([3, 4], g, { dtype }).data);
  assertEquals(layer.bias?.data, uniformByFanIn([3], g, { fanIn: 4, dtype }).data);
  assertEquals([layer.weight.shape, layer.bias?.shape], [[3, 4], [3]]);
  assertEquals([layer.inFeatures, layer.outFeatures], [4, 3]);
});

test("Linear begins as it is told, and its biases as ever", () => {
  const seen: unknown[] = [];
  const initialize: Initializer = (shape, generator, options) => {
    seen.push(shape, generator, options);
    return xavierNormal(shape, generator, options);
  };
  const generator = seeded(7),
    layer = new Linear(4, 3, { generator, initialize, dtype: "float64" });
  assertEquals(seen[0], [3, 4]);
  assertStrictEquals(seen[1], generator);
  assertEquals(seen[2], { dtype: "float64" });
  const g = seeded(7), dtype = "float64";
  assertEquals(layer.weight.data, xavierNormal([3, 4], g, { dtype }).data);
  assertEquals(layer.bias?.data, uniformByFanIn([3], g, { fanIn: 4, dtype }).data);
});

test("Linear without bias has one parameter", () => {
  const layer = linear(4, 3, false);
  assertEquals(layer.bias, null);
  assertEquals([...layer.namedParameters().keys()], ["weight"]);
});

test("Linear.forward() is x·Wᵀ + b, and x·Wᵀ without a bias", () => {
  for (const [bias, expected] of [[true, [[114, 232]]], [false, [[14, 32]]]] as const) {
    const layer = linear(3, 2, bias);
    layer.weight.write((data) => data.set([1, 2, 3, 4, 5, 6]));
    layer.bias?.write((data) => data.set([100, 200]));
    assertEquals(layer.forward(Tensor.of([[1, 2, 3]])).toArray(), expected);
  }
});

test("Linear.forward() keeps the format", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const layer = new Linear(2, 3, { generator: seeded(), dtype });
    assertEquals(layer.forward(Tensor.ones([1, 2], { dtype })).dtype, dtype);
  }
});

test("Linear.forward() takes all axes before the last for batch", () => {
  const layer = linear(3, 2), x = Tensor.uniform([2, 4, 3], seeded(2));
  const y = layer.forward(x);
  assertEquals(y.shape, [2, 4, 2]);
  assertEquals(y.data, layer.forward(x.reshape([8, 3])).data);
  const single = layer.forward(x.slice([0, 1], [0, 1]).reshape([3]));
  assertEquals([single.shape, [...single.data]], [[2], [...y.data.slice(0, 2)]]);
});

test("Linear counts B·I·O multiply-accumulates, and computes nothing for it", () => {
  assertEquals(linear(3, 2).cost([5, 3]), { outputShape: [5, 2], multiplyAccumulates: 30 });
  assertEquals(linear(3, 2).cost([2, 5, 3]), { outputShape: [2, 5, 2], multiplyAccumulates: 60 });
  assertEquals(linear(3, 2).cost([3]), { outputShape: [2], multiplyAccumulates: 6 });
});

test("Linear refuses an input of another width", () => {
  const message = (shown: string): string =>
    `Cannot feed ${shown} to Linear(3, 2): it takes (B, 3)`;
  const cases: [Shape, string, string?][] = [
    [[2, 4], "(2, 4)"],
    [[4], "(4,)"],
    [[], "()"],
    [[3, 2], "(3, 2)"],
    [[8, 1, 3, 5], "(8, 1, 3, 5)", "put a Flatten before it"],
    [[8, 3, 5], "(8, 3, 5)", "put a Flatten before it"],
  ];
  for (const [shape, shown, hint] of cases) {
    const layer = linear(3, 2);
    assertRefuses(() => layer.forward(Tensor.ones(shape)), ShapeError, message(shown), hint);
    assertRefuses(() => layer.cost(shape), ShapeError, message(shown), hint);
  }
});

test("Linear refuses counts that are not whole, or below 1", () => {
  for (const n of [0, -1, 1.5, NaN, Infinity]) {
    const rule = "it must be a whole number of at least 1";
    assertRefuses(() => linear(n, 2), ValueError, `Cannot make a Linear of ${n} inputs: ${rule}`);
    assertRefuses(() => linear(2, n), ValueError, `Cannot make a Linear of ${n} outputs: ${rule}`);
  }
});

test("Linear refuses an option that does not exist, however its weights begin", () => {
  const initialize: Initializer = (shape) => Tensor.ones(shape);
  for (const option of ["biass", "fanIn", "low"]) {
    const unknown = JSON.parse(`{ "${option}": 1 }`);
    for (const more of [{}, { initialize, bias: false }]) {
      assertRefuses(
        () => new Linear(3, 2, { generator: seeded(), ...more, ...unknown }),
        ValueError,
        `Cannot use the option ${option}: a layer with weights has none of that name`,
      );
    }
  }
});

test("Linear refuses a format that does not exist", () => {
  const options = { generator: seeded(), ...JSON.parse('{ "dtype": "float16" }') };
  assertRefuses(
    () => new Linear(3, 2, options),
    ValueError,
    'Cannot make numbers of dtype float16: it is "float32" or "float64"',
  );
});

test("Linear refuses an input of another format", () => {
  assertRefuses(
    () => linear(3, 2).forward(Tensor.ones([1, 3], { dtype: "float64" })),
    ShapeError,
    "Cannot multiply float64 and float32: all must have one dtype",
    "convert one with .to(dtype)",
  );
});

test("Flatten keeps the batch axis and shares the numbers", () => {
  for (const [shape, flat] of [[[2, 3, 4], [2, 12]], [[2, 5], [2, 5]], [[3], [3, 1]]]) {
    const x = Tensor.ones(shape), y = new Flatten().forward(x);
    assertEquals(y.shape, flat);
    assertStrictEquals(y.data, x.data);
    assertEquals(new Flatten().cost(shape), { outputShape: flat, multiplyAccumulates: 0 });
  }
});

test("Flatten refuses a single number", () => {
  const message = "Cannot flatten (): there is no batch axis";
  assertRefuses(() => new Flatten().forward(Tensor.of(3)), ShapeError, message);
  assertRefuses(() => new Flatten().cost([]), ShapeError, message);
});

test("activation layers are their functions, for free, and have no parameters", () => {
  const x = Tensor.of([[-1, 0, 2], [4, -3, 1]], { dtype: "float64" });
  const table: [Elementwise, Tensor][] = [
    [new ReLU(), relu(x)],
    [new LeakyReLU(), leakyRelu(x, 0.01)],
    [new LeakyReLU(0.5), leakyRelu(x, 0.5)],
    [new Sigmoid(), sigmoid(x)],
    [new Tanh(), tanh(x)],
    [new GELU(), gelu(x)],
    [new Softmax(), softmax(x, 1)],
    [new Softmax(0), softmax(x, 0)],
    [new LogSoftmax(), logSoftmax(x, 1)],
    [new LogSoftmax(0), logSoftmax(x, 0)],
  ];
  for (const [layer, expected] of table) {
    const name = layer.constructor.name, y = layer.forward(x);
    assertEquals([y.data, y.shape], [expected.data, [2, 3]], name);
    assertEquals(layer.cost([1, 3]), { outputShape: [1, 3], multiplyAccumulates: 0 }, name);
    assertEquals([layer.parameters(), [...layer.stateDict()]], [[], []], name);
    assert(layer.forward(new Parameter(x)).requiresGrad, name);
    assertEquals(layer.eval().forward(x).data, expected.data, name);
  }
});

test("an Elementwise layer of one's own only has to write forward()", () => {
  class Square extends Elementwise {
    override forward(x: Tensor): Tensor {
      return x.mul(x);
    }
  }
  const model = new Sequential(linear(2, 3), new Square());
  assertEquals(new Square().forward(Tensor.of([-3])).toArray(), [9]);
  assertEquals(model.cost([1, 2]), { outputShape: [1, 3], multiplyAccumulates: 6 });
});

test("Softmax and LogSoftmax refuse an axis that is not there", () => {
  for (const layer of [new Softmax(2), new LogSoftmax(2)]) {
    assertRefuses(
      () => layer.forward(Tensor.ones([2, 3])),
      ValueError,
      "Cannot use axis 2 of shape (2, 3): axes go from -2 to 1",
    );
  }
});

test("Dropout keeps what the generator draws at or above p, scaled by 1/(1 − p)", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const p of [0.25, 0.5, 0.9]) {
      const x = Tensor.uniform([4, 5], seeded(2), { low: 1, high: 2, dtype });
      const g = seeded(3), drawn = Array.from(x.data, () => g.uniform());
      const y = new Dropout(p, { generator: seeded(3) }).forward(x);
      const expected = drawn.map((u, i) => u >= p ? x.data[i] / (1 - p) : 0);
      y.data.forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-5));
      assertEquals([y.shape, y.dtype], [[4, 5], dtype]);
    }
  }
});

test("Dropout draws anew for each forward, and nothing in evaluation or at p = 0", () => {
  const generator = seeded(), x = Tensor.ones([100]);
  const layer = new Dropout(0.5, { generator });
  const first = layer.forward(x), second = layer.forward(x), { state } = generator;
  assertNotEquals([...first.data], [...second.data]);
  assertStrictEquals(layer.eval().forward(x), x);
  assertStrictEquals(new Dropout(0, { generator }).forward(x), x);
  assertEquals(generator.state, state);
  assertEquals([...x.data], new Array(100).fill(1));
});

test("Dropout at p = 1 leaves zeros", () => {
  const y = new Dropout(1, { generator: seeded() }).forward(Tensor.of([1, -2, 0]));
  assertEquals(y.data.map(Math.abs), Float32Array.of(0, 0, 0));
});

test("Dropout costs nothing, has no state, and goes into evaluation with its model", () => {
  const layer = new Dropout(0.5, { generator: seeded() });
  assertEquals(layer.cost([2, 3]), { outputShape: [2, 3], multiplyAccumulates: 0 });
  assertEquals([layer.parameters(), [...layer.stateDict()]], [[], []]);
  new Sequential(new Sequential(layer)).eval();
  assertEquals(layer.forward(Tensor.of([1, 2])).toArray(), [1, 2]);
});

test("Dropout refuses what is no probability", () => {
  for (const p of [-0.1, 1.001, 2, NaN, Infinity, -Infinity]) {
    assertRefuses(
      () => new Dropout(p, { generator: seeded() }),
      ValueError,
      `Cannot drop with probability ${p}: it must be a finite number from 0 to 1`,
    );
  }
});

test("Sequential feeds each layer with what the one before it gave", () => {
  const first = linear(3, 4), second = linear(4, 2), x = Tensor.of([[1, 2, 3]]);
  const expected = second.forward(relu(first.forward(x)));
  assertEquals(new Sequential(first, new ReLU(), second).forward(x).data, expected.data);
});

test("Sequential adds up the costs of its layers", () => {
  const model = new Sequential(new Flatten(), linear(12, 5), new ReLU(), linear(5, 2));
  assertEquals(model.cost([10, 3, 4]), {
    outputShape: [10, 2],
    multiplyAccumulates: 10 * (12 * 5 + 5 * 2),
  });
});

test("Sequential refuses to be empty", () => {
  assertRefuses(
    () => new Sequential(),
    ValueError,
    "Cannot make a Sequential of 0 layers: it must be a whole number of at least 1",
  );
});

// ── What a model costs ──

test("summarize() counts a layer of 3 inputs and 2 outputs", () => {
  assertEquals(summarize(linear(3, 2), [1, 3]), {
    layers: [{
      name: "Linear",
      inputShape: [1, 3],
      outputShape: [1, 2],
      parameters: 3 * 2 + 2,
      multiplyAccumulates: 3 * 2,
    }],
    parameters: 8,
    multiplyAccumulates: 6,
  });
});

test("summarize() lists a model layer by layer, those inside of others too", () => {
  const body = new Sequential(linear(64, 32), new ReLU());
  const model = new Sequential(new Flatten(), body, linear(32, 10, false));
  const summary = summarize(model, [2, 1, 8, 8]);
  assertEquals(
    summary.layers.map(({ name, inputShape, outputShape, parameters, multiplyAccumulates }) => [
      name,
      inputShape,
      outputShape,
      parameters,
      multiplyAccumulates,
    ]),
    [
      ["0 Flatten", [2, 1, 8, 8], [2, 64], 0, 0],
      ["1.0 Linear", [2, 64], [2, 32], 2080, 4096], // 64·32 + 32 · 2·64·32
      ["1.1 ReLU", [2, 32], [2, 32], 0, 0],
      ["2 Linear", [2, 32], [2, 10], 320, 640],
    ],
  );
  assertEquals([summary.parameters, summary.multiplyAccumulates], [2400, 4736]);
});

test("summarize() counts shared parameters once, and their work each time", () => {
  const shared = linear(3, 3);
  const summary = summarize(new Sequential(shared, new Tanh(), shared), [1, 3]);
  assertEquals(summary.layers.map(({ parameters }) => parameters), [12, 0, 0]);
  assertEquals([summary.parameters, summary.multiplyAccumulates], [12, 18]);
});

test("summarize() asks a model of one's own for its cost, and counts all its parameters", () => {
  class Residual extends Module {
    readonly inner = linear(4, 4);
    readonly gain = parameter(1);

    forward(x: Tensor): Tensor {
      return this.inner.forward(x).mul(this.gain).add(x);
    }

    override cost(inputShape: Shape): Cost {
      return this.inner.cost(inputShape);
    }
  }
  const summary = summarize(new Sequential(new Residual(), linear(4, 1)), [1, 4]);
  assertEquals(summary.layers.map(({ name, parameters }) => [name, parameters]), [
    ["0 Residual", 4 * 4 + 4 + 1],
    ["1 Linear", 4 + 1],
  ]);
});

test("summarize() counts the parameters that a Sequential of one's own adds", () => {
  class Scaled extends Sequential {
    readonly gain = parameter(1);

    override forward(x: Tensor): Tensor {
      return super.forward(x).mul(this.gain);
    }
  }
  assertEquals(summarize(new Scaled(linear(3, 2)), [1, 3]).parameters, 3 * 2 + 2 + 1);
});

test("summarize() computes nothing and changes nothing", () => {
  class Watched extends Elementwise {
    override forward(): never {
      throw new Error("summarize() must not compute");
    }
  }
  const layer = linear(2, 2), before = layer.weight.data.slice();
  summarize(new Sequential(layer, new Watched()), [1, 2]);
  assertEquals([layer.weight.data, layer.weight.version], [before, 0]);
  assert(layer.training);
});

test("summarize() refuses a layer that cannot take what it would get", () => {
  assertRefuses(
    () => summarize(new Sequential(linear(3, 4), linear(5, 2)), [1, 3]),
    ShapeError,
    "Cannot feed (1, 4) to Linear(5, 2): it takes (B, 5)",
  );
});

test("summarize() refuses a layer that does not say what it costs", () => {
  assertRefuses(
    () => summarize(new Sequential(linear(3, 4), new Holder()), [1, 3]),
    ShapeError,
    "Cannot count Holder on (1, 4): it has no cost()",
    "write cost(inputShape), which returns { outputShape, multiplyAccumulates }",
  );
});

test("uniformByFanIn() refuses a fan-in below 1", () => {
  for (const fanIn of [0, -1, NaN]) {
    assertRefuses(
      () => uniformByFanIn([3], seeded(), { fanIn }),
      ValueError,
      `Cannot draw weights for a fan-in of ${fanIn}: it must be a finite number of at least 1`,
    );
  }
});

test("loadStateDict() and Dropout refuse options that they do not know", () => {
  const layer = new Linear(1, 1, { generator: seeded() });
  assertRefuses(
    () => layer.loadStateDict(layer.stateDict(), JSON.parse('{ "stict": false }')),
    ValueError,
    "Cannot use the option stict: loadStateDict has none of that name",
  );
  assertRefuses(
    () => new Dropout(0.5, Object.assign({ generator: seeded() }, { rate: 1 })),
    ValueError,
    "Cannot use the option rate: Dropout has none of that name",
  );
});

test("loadStateDict() refuses a state whose numbers do not fill its shapes, and changes nothing", () => {
  const layer = new Linear(1, 2, { generator: seeded() }), before = layer.stateDict();
  const bias = { data: new Float32Array(3), shape: [2] };
  assertRefuses(
    () => layer.loadStateDict(new Map<string, Values>(before).set("bias", bias)),
    ValueError,
    "Cannot load this state into Linear: bias has 3 numbers",
  );
  assertEquals(layer.stateDict(), before);
});

test("loadStateDict() counts as a write of all that it takes over", () => {
  class Scaled extends Module {
    readonly scale = Tensor.of([2]);
    forward(x: Tensor): Tensor {
      return x.mul(this.scale);
    }
  }
  const model = new Scaled(), x = parameter(3), loss = model.forward(x).sum();
  model.loadStateDict(new Map([["scale", Tensor.of([50])]]));
  const error = assertThrows(() => backward(loss), Error);
  assertEquals(error.name, "GraphError");
});
