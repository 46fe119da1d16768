/**
 * What module 03 promises: where parameters are found and how they are named, what layers compute
 * and refuse, and what a model costs, counted by hand.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { relu, sigmoid, tanh } from "#activations";
import {
  type Cost,
  Flatten,
  Linear,
  Module,
  Parameter,
  ReLU,
  Sequential,
  Sigmoid,
  summarize,
  Tanh,
  uniformByFanIn,
} from "#layers";
import { Generator } from "#random";
import { type Shape, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./kit/assert_refuses.ts";
import { test } from "./kit/register.ts";

function linear(inFeatures: number, outFeatures: number, bias = true): Linear {
  return new Linear(inFeatures, outFeatures, { generator: new Generator(1), bias });
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

// ── Layers ──

test("uniformByFanIn() is the generator's uniform in ±1/√fanIn", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const g = new Generator(3);
    const expected = Array.from({ length: 6 }, () => g.uniform(-1 / 3, 1 / 3));
    const weight = uniformByFanIn([2, 3], 9, new Generator(3), dtype);
    assertEquals([weight.shape, weight.dtype], [[2, 3], dtype]);
    const round = dtype === "float32" ? Math.fround : (x: number): number => x;
    assertEquals([...weight.data], expected.map(round));
  }
});

test("Linear holds one row of weights per output and draws them before the biases", () => {
  const layer = new Linear(4, 3, { generator: new Generator(7), dtype: "float64" });
  const g = new Generator(7);
  assertEquals(layer.weight.data, uniformByFanIn([3, 4], 4, g, "float64").data);
  assertEquals(layer.bias?.data, uniformByFanIn([3], 4, g, "float64").data);
  assertEquals([layer.weight.shape, layer.bias?.shape], [[3, 4], [3]]);
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
    const layer = new Linear(2, 3, { generator: new Generator(1), dtype });
    assertEquals(layer.forward(Tensor.ones([1, 2], { dtype })).dtype, dtype);
  }
});

test("Linear.forward() takes all axes before the last for batch", () => {
  const layer = linear(3, 2), x = Tensor.uniform([2, 4, 3], new Generator(2));
  const y = layer.forward(x);
  assertEquals(y.shape, [2, 4, 2]);
  assertEquals(y.data, layer.forward(x.reshape([8, 3])).data);
});

test("Linear refuses an input of another width", () => {
  const message = (shown: string): string =>
    `Cannot feed ${shown} to Linear(3, 2): it takes (B, 3)`;
  const cases: [Shape, string, string?][] = [
    [[2, 4], "(2, 4)"],
    [[3], "(3,)"],
    [[], "()"],
    [[3, 2], "(3, 2)"],
    [[8, 1, 3, 5], "(8, 1, 3, 5)", "put a Flatten before it"],
  ];
  for (const [shape, shown, hint] of cases) {
    const layer = linear(3, 2);
    assertRefuses(() => layer.forward(Tensor.ones(shape)), ShapeError, message(shown), hint);
    assertRefuses(() => layer.cost(shape), ShapeError, message(shown), hint);
  }
});

test("Linear refuses to have no inputs or no outputs", () => {
  const rest = "sizes must be whole numbers of at least 1, 0 is not";
  assertRefuses(() => linear(0, 2), ShapeError, `Cannot make a tensor of shape (2, 0): ${rest}`);
  assertRefuses(() => linear(2, 0), ShapeError, `Cannot make a tensor of shape (0, 2): ${rest}`);
});

test("Linear refuses an input of another format", () => {
  assertRefuses(
    () => linear(3, 2).forward(Tensor.ones([1, 3], { dtype: "float64" })),
    ShapeError,
    "Cannot multiply float64 by float32: all must have one dtype",
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

test("ReLU, Sigmoid and Tanh are their functions, for free", () => {
  const x = Tensor.of([[-1, 0, 2]]);
  for (
    const [layer, activation] of [
      [new ReLU(), relu],
      [new Sigmoid(), sigmoid],
      [new Tanh(), tanh],
    ] as const
  ) {
    assertEquals(layer.forward(x).data, activation(x).data);
    assertEquals(layer.cost([1, 3]), { outputShape: [1, 3], multiplyAccumulates: 0 });
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
    "Cannot make a Sequential of nothing: it needs at least one layer",
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
  class Watched extends ReLU {
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
