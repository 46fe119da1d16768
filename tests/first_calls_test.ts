/**
 * The first calls of somebody who comes from another library, or guesses: an option left out, a
 * seed in the place of a generator, a list in the place of a tensor. Each is answered in a sentence
 * of the library's own, never by the engine.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import * as K from "../mod.ts";
import { test } from "../course/sandbox/register.ts";

// What the compiler would refuse is called here as by somebody who does not use it.
const { Tensor, Generator, Linear, Parameter, Sequential, SGD } = K;
const any = K as unknown as Readonly<Record<string, Callable>>;
type Callable =
  & ((...values: unknown[]) => unknown)
  & (new (...values: unknown[]) => Record<string, (...values: unknown[]) => unknown>);

const generator = (): K.Generator => new Generator(1);
const linear = (): K.Linear => new Linear(2, 2, { generator: generator() });
const x = Tensor.ones([2, 2]), image = Tensor.ones([1, 1, 4, 4]), labels = Int32Array.of(0, 1);
const data = new K.TensorDataset(x, labels), model = linear();
const optimizer = new SGD(model.parameters(), { learningRate: 0.1 });
const loss = K.crossEntropy, batch = { inputs: x, targets: labels };
const method = (of: object, name: string) => (...values: unknown[]): unknown =>
  (of as Record<string, (...values: unknown[]) => unknown>)[name](...values);
const made = (name: string) => (...values: unknown[]): unknown => new any[name](...values);

/** A function, and lists of arguments, each of which must be answered. */
type Row = readonly [name: string, call: (...values: unknown[]) => unknown, ...unknown[][]];

const calls: readonly Row[] = [
  // tensors
  ["new Tensor", made("Tensor"), [], [[1, 2]], [[1, 2], [2]], [Float32Array.of(1)], [3, [3]]],
  ["Tensor.of", method(Tensor, "of"), [], ["1, 2"], [[1, "2"]], [Float32Array.of(1)], [{}]],
  ["Tensor.zeros", method(Tensor, "zeros"), [], [2], [2, 3], [[2], "float64"], [["2"]]],
  ["Tensor.ones", method(Tensor, "ones"), [], [2, 3], [x]],
  ["Tensor.full", method(Tensor, "full"), [], [2, 3], [3]],
  ["Tensor.arange", method(Tensor, "arange"), [], [0], ["a"]],
  ["Tensor.eye", method(Tensor, "eye"), [], [0], [[2, 2]]],
  ["Tensor.uniform", method(Tensor, "uniform"), [], [[2]], [[2], 1], [2, generator()], [0, 1]],
  ["Tensor.normal", method(Tensor, "normal"), [], [[2]], [[2], 42], [[2], {}], [2, generator()]],
  ["Tensor.concat", method(Tensor, "concat"), [], [x, x], [[]], [[[1], [2]]], [[x, 1]], [x]],
  ["Tensor.stack", method(Tensor, "stack"), [], [x, x], [[]], [[[1], [2]]], [x]],
  ["add", method(x, "add"), [], [[1, 2]], ["1"], [null], [{}]],
  ["matmul", method(x, "matmul"), [], [2], [[[1, 2], [3, 4]]], [null]],
  ["maximum", method(x, "maximum"), [], [[0]], [null]],
  ["sum", method(x, "sum"), [{ axis: 0 }], ["0"], [5], [0, { keepdim: true }]],
  ["mean", method(x, "mean"), [{ dim: 0 }], [2], [[0, 0]]],
  ["max", method(x, "max"), [{ axis: 0 }], [2]],
  ["argmax", method(x, "argmax"), [{ axis: 0 }], ["1"], [2]],
  ["variance", method(x, "variance"), [{ axis: 0 }], [0, { unbiased: false }]],
  ["clip", method(x, "clip"), [], [1], [[0, 1]]],
  ["greater", method(x, "greater"), [], [[0]], ["0"]],
  ["reshape", method(x, "reshape"), [], [4, 1], [4], ["4"], [[3]], [[-1, -1]]],
  ["permute", method(x, "permute"), [], [1, 0], [[1]], [[0, 2]]],
  ["squeeze", method(x, "squeeze"), ["0"], [4]],
  ["unsqueeze", method(x, "unsqueeze"), [], ["0"], [4]],
  ["expand", method(x, "expand"), [], [3, 2], [[3]]],
  ["slice", method(x, "slice"), [0], [0, 1], ["0:1"], [[0, 9]]],
  ["pad", method(x, "pad"), [], [1], [[1, 1]]],
  ["gather", method(x, "gather"), [], [1], [1, [[0], [0]]], [1, 0]],
  ["to", method(x, "to"), [], ["int32"], ["float16"]],
  ["item", method(x, "item"), []],
  ["new Generator", made("Generator"), [], ["seed"], [1.5], [-1], [generator()]],
  ["integer", method(generator(), "integer"), [], [0], ["6"]],
  ["permutation", method(generator(), "permutation"), [], [-1], [[1, 2]]],
  ["split", method(generator(), "split"), [], [0]],
  ["restore", method(generator(), "restore"), [], [1], ["state"], [[1, 2]]],
  // activations
  ...["relu", "sigmoid", "tanh", "gelu", "leakyRelu"].map((name) =>
    [name, any[name], [], [1], [[1, 2]], ["x"]] as unknown as Row
  ),
  ...["softmax", "logSoftmax"].map((name) =>
    [name, any[name], [[1, 2]], [1], [x, 2], [x, "1"], [x, { axis: 1 }]] as unknown as Row
  ),
  // layers
  ["new Parameter", made("Parameter"), [], [1], [[1, 2]], ["w"], [[2, 2]]],
  [
    "new Linear",
    made("Linear"),
    [],
    [2],
    [2, 2],
    [2, 2, {}],
    [2, 2, { generator: 1 }],
    [
      2,
      2,
      generator(),
    ],
    [2, 2, true],
    [[2, 2]],
    [{ inFeatures: 2 }],
    [2, 2, { generator: generator(), biass: 1 }],
  ],
  ["Linear.forward", method(model, "forward"), [[[1, 2]]], [1], [Tensor.ones([2, 3])], ["x"]],
  ["new Dropout", made("Dropout"), [], [0.5], [0.5, {}], [0.5, { generator: 7 }], [2, {
    generator: generator(),
  }], [{ p: 0.5 }]],
  ["Dropout.forward", method(new K.Dropout(0.5, { generator: generator() }), "forward"), [[1]]],
  ["new Sequential", made("Sequential"), [], [[linear()]], [[linear(), linear()]], [K.relu], [x], [
    linear(),
    "relu",
  ], [K.ReLU]],
  ["Sequential.forward", method(new Sequential(linear()), "forward"), [[[1, 2]]], [3]],
  ["Flatten.forward", method(new K.Flatten(), "forward"), [[[1, 2]]], [3], [Tensor.of(1)]],
  ["ReLU.forward", method(new K.ReLU(), "forward"), [], [[1, 2]], [3]],
  [
    "loadStateDict",
    method(model, "loadStateDict"),
    [],
    [{}],
    [new Map()],
    [model],
    [
      new Map([["weight", [1, 2, 3, 4]]]),
    ],
    [new Map([["other", x]]), { strict: false }],
    [new Map(), { strict: false }],
  ],
  ["summarize", any.summarize, [model], [model, 2], [model, "2"], [model, [1, 3]]],
  ...["kaimingNormal", "kaimingUniform", "xavierNormal", "lecunUniform"].map((name) =>
    [name, any[name], [], [2, 2], [[2, 2]], [[2, 2], 1], [[2], generator()]] as unknown as Row
  ),
  ["uniformByFanIn", any.uniformByFanIn, [], [[2, 2]], [[2, 2], 1]],
  ["fansOf", any.fansOf, [], [2, 2], [[2]]],
  // losses
  ["mseLoss", any.mseLoss, [], [x], [x, [1, 2]], [[1], [1]], [x, 1], [x, x, { reduce: "sum" }]],
  ["crossEntropy", any.crossEntropy, [], [x], [x, [3, 4]], [[[1, 2]], labels], [x, 1], [
    x,
    labels,
    { reduction: "average" },
  ], [Tensor.ones([2]), labels]],
  ["binaryCrossEntropy", any.binaryCrossEntropy, [], [x], [x, labels], [[1], [1]], [x, 1]],
  // gradients
  ["backward", any.backward, [], [1], [[1]], [x], [x.sum()], ["loss"]],
  ["gradients", any.gradients, [], [x.sum(), x], [x.sum()], [x.sum(), [x]]],
  ["noGrad", any.noGrad, [], [x], [1]],
  ["leaf", any.leaf, [], [1], [[1, 2]]],
  ["checkGradients", any.checkGradients, [(y: K.Tensor) => y, x], [(y: K.Tensor) => y, [x]]],
  // optimizers
  ...["SGD", "Adam", "AdamW"].map((name) =>
    [
      `new ${name}`,
      made(name),
      [],
      [model.parameters()],
      [model.parameters(), {}],
      [model.parameters(), 0.1],
      [model.parameters(), { lr: 0.1 }],
      [model.parameters(), { learningRate: "0.1" }],
      [model.parameters(), { learningRate: NaN }],
      [model, { learningRate: 0.1 }],
      [model.weight, { learningRate: 0.1 }],
      [model.parameters, { learningRate: 0.1 }],
      [[], { learningRate: 0.1 }],
      [[model], { learningRate: 0.1 }],
      [[x], { learningRate: 0.1 }],
      [[1], { learningRate: 0.1 }],
      [[null], { learningRate: 0.1 }],
      [{ learningRate: 0.1 }],
      [model.namedParameters(), { learningRate: 0.1 }],
      [[{ parameters: model.parameters() }], {}],
    ] as unknown as Row
  ),
  ["Optimizer.loadStateDict", method(optimizer, "loadStateDict"), [], [{}], [new Map()]],
  // training
  ["clipGradientNorm", any.clipGradientNorm, [model.parameters()], [model.parameters(), "1"]],
  [
    "trainStep",
    any.trainStep,
    [],
    [model],
    [model, [batch]],
    [model, batch, { loss, optimizer }],
    [
      model,
      [batch],
      {},
    ],
    [model, [batch], { optimizer }],
    [model, [batch], { loss }],
    [model, [], { loss, optimizer }],
    [
      model,
      [[x, labels]],
      { loss, optimizer },
    ],
    [K.relu, [batch], { loss, optimizer }],
    [
      model,
      [batch],
      { loss: () => 1, optimizer },
    ],
    [model, [batch], { loss: loss(x, labels), optimizer }],
    [
      model,
      [batch],
      { loss, optimizer: SGD },
    ],
    [model, x, labels],
    [model, [batch], { loss, optimizer, lr: 0.1 }],
  ],
  ["constant", any.constant, [], ["0.1"], [-1]],
  ["step", any.step, [], [0.1], [0.1, 10], [0.1, { every: 10 }]],
  ["cosine", any.cosine, [], ["0.1"], [-1]],
  ["warmup", any.warmup, [], [0.1], [K.constant(0.1), 5], [0.1, 0.1]],
  ["oneCycle", any.oneCycle, [], ["0.1"], [0.1, 3]],
  ["triangular", any.triangular, [], [0.1], ["0", "1"]],
  ["topK", any.topK, [], [0], [x, labels]],
  ["confusion", any.confusion, [], [0], [x, labels]],
  ["accuracyMetric", any.accuracyMetric, [], [[1, 2]], [x], [x, Int32Array.of(0)]],
  // data
  ["new TensorDataset", made("TensorDataset"), [], [x], [[[1, 2]], [0]], [x, 1], [
    x,
    Int32Array.of(0),
  ], [labels, x]],
  ["new Subset", made("Subset"), [], [data], [data, 1], [data, [0, 1]], [x, labels], [
    data,
    Int32Array.of(5),
  ]],
  [
    "randomSplit",
    any.randomSplit,
    [],
    [data],
    [data, [1, 1]],
    [data, [1, 1], 1],
    [
      data,
      0.5,
      generator(),
    ],
    [data, [0.5, 0.5], generator()],
    [data, [2, 2], generator()],
  ],
  [
    "new DataLoader",
    made("DataLoader"),
    [],
    [data],
    [data, {}],
    [data, 2],
    [data, {
      batchSize: 2,
      shuffle: true,
    }],
    [data, { batchSize: 2, shuffle: false }],
    [data, { batchSize: 2, shuffle: 1 }],
    [data, {
      batch_size: 2,
    }],
    [data, { batchSize: "2" }],
    [[x, labels], { batchSize: 2 }],
    [x, { batchSize: 2 }],
    [data, {
      batchSize: 2,
      transform: "flip",
    }],
    [data, { batchSize: 3, dropLast: true }],
  ],
  ["normalize", any.normalize, [], [0.5, 0.25], [[0.5]], [[0.5], [0]]],
  ["randomHorizontalFlip", any.randomHorizontalFlip, [], [0.5], [generator(), 2]],
  ["randomCrop", any.randomCrop, [], [32], [32, { padding: 4 }], [32, generator()], ["32"]],
  ["randomShift", any.randomShift, [], [2], [generator(), 2], [2, 1]],
  ["compose", any.compose, [[K.relu]], [1], ["flip"]],
  // images
  [
    "new Conv2d",
    made("Conv2d"),
    [],
    [1, 2],
    [1, 2, 3],
    [1, 2, 3, {}],
    [1, 2, 3, {
      generator: 1,
    }],
    [1, 2, 3, generator()],
    [1, 2, "3", { generator: generator() }],
    [1, 2, 3, 1, {
      generator: generator(),
    }],
    [1, 2, 3, { generator: generator(), kernel: 3 }],
  ],
  ["Conv2d.forward", method(new K.Conv2d(1, 1, 2, { generator: generator() }), "forward"), [[1]], [
    x,
  ]],
  ["conv2d", any.conv2d, [], [image], [image, [[1]]], [[1], image], [image, image, [1]]],
  ["new MaxPool2d", made("MaxPool2d"), [], ["2"], [2, 2], [{ kernelSize: 2 }], [0]],
  ["MaxPool2d.forward", method(new K.MaxPool2d(2), "forward"), [[1]], [x]],
  ["new AvgPool2d", made("AvgPool2d"), [], ["2"], [{ kernelSize: 2 }]],
  ["GlobalAvgPool2d.forward", method(new K.GlobalAvgPool2d(), "forward"), [[1]], [x]],
  ["maxPool2d", any.maxPool2d, [image], [[1], 2], [image, "2"], [image, 9]],
  ["avgPool2d", any.avgPool2d, [image], [[1], 2]],
  ["globalAvgPool2d", any.globalAvgPool2d, [[1]], [x]],
  ["unfold", any.unfold, [image], [image, 2], [[1], { kernelSize: 2 }]],
  ["new BatchNorm2d", made("BatchNorm2d"), [], [0], ["2"], [2, { eps: 1e-5 }]],
  ["BatchNorm2d.forward", method(new K.BatchNorm2d(1), "forward"), [[1]], [x], [3]],
  ["BatchNorm2d.forward in eval()", method(new K.BatchNorm2d(1).eval(), "forward"), [[1]], [x]],
  ["batchNorm2d", any.batchNorm2d, [], [image], [image, 1, 0], [[1], x, x]],
  // checkpoints
  ["encodeCheckpoint", any.encodeCheckpoint, [], [{}], [model], [model.stateDict()]],
  ["decodeCheckpoint", any.decodeCheckpoint, [], ["file"], [Uint8Array.of(1), "x"]],
  ["takeCheckpoint", any.takeCheckpoint, [], [model], [{ model }], [{ model, optimizer }]],
  ["restoreCheckpoint", any.restoreCheckpoint, [], [{}], [model, {}], [
    K.takeCheckpoint({ model, optimizer, resumable: {} }),
  ]],
  // kernels
  ["setKernels", any.setKernels, [], ["fast"], [{}]],
  ["chooseKernels", any.chooseKernels, [], ["fast"], [K, "fast"], [K, { wanted: "gpu" }], [K, {
    threads: 0,
  }]],
];

/** The library's own errors; the kernels have none, and throw what all others are kinds of. */
const own: readonly unknown[] = [
  K.ShapeError,
  K.ValueError,
  K.GraphError,
  K.CheckpointError,
  RangeError,
  TypeError,
];

function isSentence(error: unknown): boolean {
  return error instanceof Error && own.includes(error.constructor) &&
    /^Cannot (?!read properties|destructure|convert|use 'in'|access)/.test(error.message);
}

for (const [name, call, ...lists] of calls) {
  test(`${name}() answers wrong first calls in a sentence`, () => {
    const odd = lists.flatMap((values, k) => {
      try {
        call(...values);
        return [`${k}: nothing is said`];
      } catch (error) {
        return isSentence(error) ? [] : [`${k}: ${error}`];
      }
    });
    assertEquals(odd, []);
  });
}

const later: readonly Row[] = [
  [
    "fit",
    any.fit,
    [],
    [model],
    [model, [batch]],
    [model, [batch], {}],
    [model, [batch], {
      loss,
      optimizer,
    }],
    [model, [batch], { loss, epochs: 1 }],
    [model, [batch], { optimizer, epochs: 1 }],
    [
      model,
      [batch],
      { loss, optimizer: "sgd", epochs: 1 },
    ],
    [model, x, labels],
    [model, batch, { loss, optimizer, epochs: 1 }],
    [
      model,
      [[x, labels]],
      { loss, optimizer, epochs: 1 },
    ],
    [model.forward, [batch], { loss, optimizer, epochs: 1 }],
    [model, [batch], {
      loss: "crossEntropy",
      optimizer,
      epochs: 1,
    }],
    [model, [batch], { loss, optimizer, epochs: 1, batchSize: 2 }],
    [model, [], {
      loss,
      optimizer,
      epochs: 1,
    }],
    [model, [batch], { loss, optimizer, epochs: 1, metrics: ["accuracy"] }],
    [model, [batch], {
      loss: (y: K.Tensor) => y.sum().item(),
      optimizer,
      epochs: 1,
    }],
  ],
  [
    "evaluate",
    any.evaluate,
    [],
    [model],
    [model, [batch]],
    [model, [batch], {}],
    [
      model,
      [[x, labels]],
      { loss },
    ],
    [model, batch, { loss }],
    [model, x, labels],
    [null, [batch], { loss }],
    [model, [batch], {
      loss: "crossEntropy",
    }],
    [model, [], { loss }],
  ],
  ["readCheckpoint", any.readCheckpoint, [], ["no/such/file"], [7]],
  ["writeCheckpoint", any.writeCheckpoint, [], ["no/such/folder/x"], ["x", model]],
];
for (const [name, call, ...lists] of later) {
  test(`${name}() answers wrong first calls in a sentence`, async () => {
    const odd: string[] = [];
    for (const [k, values] of lists.entries()) {
      try {
        await call(...values);
        odd.push(`${k}: nothing is said`);
      } catch (error) {
        if (!isSentence(error)) odd.push(`${k}: ${error}`);
      }
    }
    assertEquals(odd, []);
  });
}

// ── What is said ──

const sentences: readonly [() => unknown, message: string, hint?: string][] = [
  [
    () => made("SGD")(model.parameters(), {}),
    "Cannot set learningRate of SGD to undefined: it must be a finite number of at least 0",
  ],
  [
    () => made("Linear")(2, 2),
    "Cannot draw weights from undefined: it must be a generator",
    "new Generator(1) makes one of a seed",
  ],
  [
    () => made("DataLoader")(data, { batchSize: 2, shuffle: true }),
    "Cannot shuffle by true: it must be a generator",
    "new Generator(1) makes one of a seed",
  ],
  [
    () => made("Sequential")([linear()]),
    "Cannot put into a row a list of 1: it must be a Module",
  ],
  [
    () => any.relu([1, 2]),
    "Cannot compute with a list of 2: it must be a tensor",
    "Tensor.of([[1, 2]]) makes one",
  ],
  [
    () => method(model, "loadStateDict")(new Map([["w", x]]), { strict: false }),
    "Cannot load this state into Linear: weight is missing, bias is missing",
  ],
];
for (const [call, message, hint] of sentences) {
  test(`it says: ${message}`, () => {
    const error = assertThrows(call, Error) as Error & { hint?: string };
    assertEquals([error.message, error.hint], [message, hint]);
  });
}

// ── Parts of a model ──

class Holder extends K.Module {
  readonly held: unknown;
  constructor(held: unknown) {
    super();
    this.held = held;
  }
  forward(y: K.Tensor): K.Tensor {
    return y;
  }
}

const layer = (): K.Linear => new Linear(1, 1, { generator: generator(), bias: false });
const places: readonly [where: string, held: unknown, paths: readonly string[]][] = [
  ["a list", [layer(), layer()], ["0.weight", "1.weight"]],
  ["a list of lists", [[layer()], [layer(), layer()]], ["0.0.weight", "1.0.weight", "1.1.weight"]],
  ["a Map", new Map([["a", layer()]]), ["a.weight"]],
  ["a Map of lists", new Map([["a", [layer(), layer()]]]), ["a.0.weight", "a.1.weight"]],
  ["a Map by numbers", new Map([[7, layer()]]), ["7.weight"]],
  ["a Set", new Set([layer(), layer()]), ["0.weight", "1.weight"]],
  ["an object", { a: layer(), b: { c: layer() } }, ["a.weight", "b.c.weight"]],
  ["a list of objects", [{ a: layer() }, { b: new Parameter(x) }], ["1.b", "0.a.weight"]],
  ["a model in a list in a Map", new Map([["m", [new Sequential(layer())]]]), [
    "m.0.layers.0.weight",
  ]],
];
for (const [where, held, paths] of places) {
  test(`parameters in ${where} are found, trained and saved`, () => {
    const holder = new Holder(held), names = paths.map((path) => `held.${path}`);
    assertEquals([...holder.namedParameters().keys()], names);
    assertEquals([...holder.stateDict().keys()], names);
    assertEquals(new SGD(holder.parameters(), { learningRate: 1 }).parameters.length, paths.length);
    holder.eval();
    for (const module of holder.namedModules().values()) assertEquals(module.training, false);
  });
}

test("what holds itself, or no parts at all, does no harm", () => {
  const circle: unknown[] = [layer()];
  circle.push(circle, new Map([["circle", circle]]));
  const other = [1, "a", null, undefined, Float32Array.of(1), new Date(0), () => 1, { a: 1 }];
  assertEquals([...new Holder(circle).namedParameters().keys()], ["held.0.weight"]);
  assertEquals([...new Holder(other).namedParameters().keys()], []);
});

test("a layer is found once, wherever it stands", () => {
  const shared = layer(), holder = new Holder([shared, { again: shared }, new Set([shared])]);
  assertEquals([...holder.namedParameters().keys()], ["held.0.weight"]);
});

test("loadStateDict() with strict: false takes what there is, and refuses only nothing at all", () => {
  const one = linear(), some = new Map([["bias", Tensor.of([7, 8])], ["other", x]]);
  one.loadStateDict(some, { strict: false });
  assertEquals(one.bias?.toArray(), [7, 8]);
  new K.ReLU().loadStateDict(some, { strict: false }); // has nothing that could be loaded
  assert(one.parameters().length === 2);
});

/** Classes of another copy: of the same names, and not the same. */
const foreignKinds = { Module: class Module {}, Parameter: class Parameter {} };

/** What a layer of another copy looks like. */
class ForeignLayer extends foreignKinds.Module {
  readonly weight = { data: Float32Array.of(1), shape: [1], grad: null };
  forward(y: unknown): unknown {
    return y;
  }
  namedParameters(): ReadonlyMap<string, unknown> {
    return new Map([["weight", this.weight]]);
  }
}

class ForeignTensor extends foreignKinds.Parameter {
  readonly data = Float32Array.of(1);
  readonly shape = [1];
}

test("parts of another copy of the library are refused by name, and with the reason", () => {
  const foreign = new ForeignLayer(), tensor = new ForeignTensor();
  const hint = "was it made by another copy of the library?";
  const wrong: (() => unknown)[] = [
    () => made("Sequential")(foreign),
    () => new Holder(foreign).parameters(),
    () => new Holder([[foreign]]).stateDict(),
    () => new Holder(new Map([["a", foreign]])).train(),
    () => new Holder({ a: tensor }).parameters(),
    () => made("SGD")([tensor], { learningRate: 1 }),
    () => any.trainStep(foreign, [batch], { loss, optimizer }),
    () => method(x, "add")(tensor),
  ];
  for (const call of wrong) {
    const error = assertThrows(call, K.ShapeError);
    assertEquals(error.hint, hint, error.message);
  }
  assertMatch(assertThrows(wrong[2], K.ShapeError).message, /held\.0\.0/);
});
