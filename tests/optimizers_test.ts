/**
 * What module 06 promises: paths down a valley, what a step touches and what it does not, groups,
 * states, optimizers of one's own, and what is refused.
 *
 * @module
 */
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import { Parameter } from "#layers";
import {
  Adam,
  type AdamOptions,
  AdamW,
  Optimizer,
  type OptimizerOptions,
  SGD,
  type SGDOptions,
  type UpdateStep,
} from "#optimizers";
import {
  type Data,
  describeShape,
  type DType,
  type Nested,
  type Shape,
  ShapeError,
  Tensor,
  ValueError,
} from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";

// ── Help ──

type Numbers = readonly number[];

/** The slope of (1 − a)² + 5·(b − a²)², a bent valley (after Rosenbrock, 1960), by hand. */
function slopeOfValley([a, b]: Iterable<number>): [number, number] {
  const above = b - a * a;
  return [-2 * (1 - a) - 20 * a * above, 10 * above];
}

/** Walks 20 steps down the valley from (−1, 1.5), and notes each place. */
function walkDown(make: (w: Parameter) => AnyOptimizer, dtype: DType = "float64"): number[][] {
  const w = new Parameter(Tensor.of([-1, 1.5], { dtype })), optimizer = make(w);
  return Array.from({ length: 20 }, () => {
    w.grad = Tensor.of(slopeOfValley(w.data), { dtype });
    optimizer.step();
    return [...w.data];
  });
}

type AnyOptimizer = Pick<SGD | Adam, "step" | "zeroGrad" | "stateDict" | "learningRate">;

function largestDifference(a: readonly Numbers[], b: readonly Numbers[]): number {
  assertEquals([a.length, a.flat().length], [b.length, b.flat().length]);
  return Math.max(...a.flat().map((value, k) => Math.abs(value - b.flat()[k])));
}

function parameter(...values: number[]): Parameter {
  return new Parameter(Tensor.of(values));
}

/** Gives gradients of ones, and steps. */
function stepWithOnes(optimizer: AnyOptimizer, ...parameters: readonly Parameter[]): void {
  for (const w of parameters) w.grad = Tensor.ones(w.shape, { dtype: w.dtype });
  optimizer.step();
}

/** Something that is no settings of SGD or Adam, which the compiler would not let through. */
function untyped(json: string): { readonly learningRate: number } {
  return JSON.parse(json);
}

/** Each kind with good settings. */
const kinds: Readonly<Record<string, (w: Iterable<Parameter>, more?: object) => SGD | Adam>> = {
  SGD: (w, more) => new SGD(w, { learningRate: 0.1, momentum: 0.9, ...more }),
  Adam: (w, more) => new Adam(w, { learningRate: 0.1, ...more }),
  AdamW: (w, more) => new AdamW(w, { learningRate: 0.1, ...more }),
};

// ── Paths ──

// w = torch.tensor([-1, 1.5], dtype=torch.float64, requires_grad=True); o = torch.optim.SGD([w], 0.01, 0.9, weight_decay=0.05)
// for _ in range(20): o.zero_grad(); ((1 - w[0])**2 + 5*(w[1] - w[0]**2)**2).backward(); o.step(); print(w.tolist())
const pathInFloat64 = [
  [-1.0595, 1.44925],
  [-1.140560046025, 1.3701794],
  [-1.1859412663480426, 1.2914005521588552],
  [-1.1551826049738336, 1.2313595023325796],
  [-1.060001623978708, 1.1870156125879205],
  [-0.9460521083746237, 1.1401713870363912],
  [-0.8504896967199739, 1.0729258188188646],
  [-0.7865135524470244, 0.9769090350544781],
  [-0.7491739158982864, 0.854174928461839],
  [-0.7240987893424367, 0.7139958078442862],
  [-0.6941560914307122, 0.5685099262728561],
  [-0.6450081946105098, 0.4286226531951834],
  [-0.5691761737004405, 0.30125108789063293],
  [-0.4666739963250148, 0.18873709645435632],
  [-0.34214407509090283, 0.09028488785264056],
  [-0.2012208275112205, 0.004310525693886941],
  [-0.048808872160397004, -0.06945062593879692],
  [0.11006368641302905, -0.1286176439012063],
  [0.26769479452143685, -0.16773048534862095],
  [0.41125830424331805, -0.17890907857237032],
];

// the same two lines with dtype=torch.float32
const pathInFloat32 = [
  [-1.059499979019165, 1.4492499828338623],
  [-1.1405600309371948, 1.3701794147491455],
  [-1.185941219329834, 1.2914005517959595],
  [-1.1551826000213623, 1.2313594818115234],
  [-1.0600016117095947, 1.1870155334472656],
  [-0.9460521340370178, 1.1401712894439697],
  [-0.8504897356033325, 1.0729256868362427],
  [-0.7865135669708252, 0.9769089221954346],
  [-0.7491738796234131, 0.8541748523712158],
  [-0.7240986824035645, 0.7139957547187805],
  [-0.6941559314727783, 0.5685099363327026],
  [-0.6450080275535583, 0.42862266302108765],
  [-0.5691760182380676, 0.301251083612442],
  [-0.46667391061782837, 0.18873706459999084],
  [-0.34214404225349426, 0.09028483182191849],
  [-0.20122085511684418, 0.004310455173254013],
  [-0.04880895838141441, -0.06945069879293442],
  [0.11006354540586472, -0.12861770391464233],
  [0.2676946222782135, -0.16773054003715515],
  [0.41125810146331787, -0.17890912294387817],
];

// w = torch.tensor([-1, 1.5], dtype=torch.float64, requires_grad=True); o = torch.optim.SGD([w], 0.01)
// for _ in range(20): o.zero_grad(); ((1 - w[0])**2 + 5*(w[1] - w[0]**2)**2).backward(); o.step(); print(w.tolist())
const plainPath = [
  [-1.06, 1.45],
  [-1.0879968, 1.41736],
  [-1.0970730712713954, 1.393997703681024],
  [-1.0969143793806289, 1.3749548656838069],
  [-1.0926515269758976, 1.3577814946846252],
  [-1.0866143318720043, 1.3413920811564388],
  [-1.0797974357493079, 1.3253259436637592],
  [-1.0726175341123056, 1.3093895995224614],
  [-1.0652489409933092, 1.2935014770187316],
  [-1.057764800225109, 1.277626859945595],
  [-1.0501957552577594, 1.261750811210562],
  [-1.0425543931316932, 1.2458668425256474],
  [-1.0348455214025711, 1.229972124536902],
  [-1.0270705388626604, 1.2140654373999078],
  [-1.0192293173898175, 1.1981462828398806],
  [-1.0113210221461273, 1.1822144946985838],
  [-1.0033444731319876, 1.166270066212194],
  [-0.9952983060305721, 1.1503130727674253],
  [-0.9871810440690162, 1.1343436372894153],
  [-0.9789911299026167, 1.1183619149373931],
];

test("SGD with momentum and weight decay walks PyTorch's path", () => {
  const make = (w: Parameter): SGD =>
    new SGD([w], { learningRate: 0.01, momentum: 0.9, weightDecay: 0.05 });
  assertLess(largestDifference(walkDown(make), pathInFloat64), 1e-12);
  assertLess(largestDifference(walkDown(make, "float32"), pathInFloat32), 1e-6);
});

test("SGD without momentum or weight decay walks PyTorch's path", () => {
  const make = (w: Parameter): SGD => new SGD([w], { learningRate: 0.01 });
  assertLess(largestDifference(walkDown(make), plainPath), 1e-12);
  assertLess(largestDifference(walkDown(make, "float32"), plainPath), 1e-6);
});

/** One step of one number; `memory` is kept from step to step. */
type Formula = (w: number, g: number, t: number, memory: number[]) => number;

/** Walks down the valley by a formula. */
function walkBy(formula: Formula): number[][] {
  let w = [-1, 1.5];
  const memories = w.map(() => [0, 0]);
  return Array.from({ length: 20 }, (_, step) => {
    const slopes = slopeOfValley(w);
    w = w.map((at, i) => formula(at, slopes[i], step + 1, memories[i]));
    return w;
  });
}

/** SGD, written out. */
function sgd(
  { learningRate, momentum = 0, nesterov = false, weightDecay = 0 }: SGDOptions,
): Formula {
  return (w, g, _, memory) => {
    const slope = g + weightDecay * w;
    memory[0] = momentum * memory[0] + slope;
    return w - learningRate * (nesterov ? slope + momentum * memory[0] : memory[0]);
  };
}

/** Adam, or AdamW if the decay is kept apart, written out. */
function adam(options: AdamOptions, isApart: boolean): Formula {
  const { learningRate, betas = [0.9, 0.999], epsilon = 1e-8 } = options;
  const { weightDecay = isApart ? 0.01 : 0 } = options;
  return (w, g, t, memory) => {
    const slope = isApart ? g : g + weightDecay * w;
    const kept = isApart ? w * (1 - learningRate * weightDecay) : w;
    memory[0] = betas[0] * memory[0] + (1 - betas[0]) * slope;
    memory[1] = betas[1] * memory[1] + (1 - betas[1]) * slope * slope;
    const mean = memory[0] / (1 - betas[0] ** t), square = memory[1] / (1 - betas[1] ** t);
    return kept - learningRate * mean / (Math.sqrt(square) + epsilon);
  };
}

test("SGD walks by its formula, whatever the settings", () => {
  const table: SGDOptions[] = [
    { learningRate: 0.01 },
    { learningRate: 0.01, momentum: 0.5 },
    { learningRate: 0.01, momentum: 0.9, nesterov: true },
    { learningRate: 0.01, momentum: 0.9, nesterov: true, weightDecay: 0.1 },
    { learningRate: 0.01, nesterov: true },
    { learningRate: 0.02, weightDecay: 1 },
    { learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0 },
  ];
  for (const options of table) {
    const path = walkDown((w) => new SGD([w], options));
    assertLess(largestDifference(path, walkBy(sgd(options))), 1e-12);
  }
});

test("Adam and AdamW walk by their formulas, whatever the settings", () => {
  const table: AdamOptions[] = [
    { learningRate: 0.01 },
    { learningRate: 0.1, betas: [0.5, 0.9] },
    { learningRate: 0.1, betas: [0, 0], epsilon: 0.1 },
    { learningRate: 0.1, epsilon: 1 },
    { learningRate: 0.1, weightDecay: 0.5 },
    { learningRate: 0.1, weightDecay: 0, betas: [0.9, 0.99], epsilon: 1e-3 },
    { learningRate: 0 },
  ];
  for (const options of table) {
    const coupled = walkDown((w) => new Adam([w], options));
    assertLess(largestDifference(coupled, walkBy(adam(options, false))), 1e-12);
    const apart = walkDown((w) => new AdamW([w], options));
    assertLess(largestDifference(apart, walkBy(adam(options, true))), 1e-12);
    const single = walkDown((w) => new AdamW([w], options), "float32");
    assertLess(largestDifference(single, walkBy(adam(options, true))), 1e-4);
  }
});

test("every optimizer finds the lowest place of the valley", () => {
  const makes: ((w: Parameter) => AnyOptimizer)[] = [
    (w) => new SGD([w], { learningRate: 0.01, momentum: 0.9 }),
    (w) => new SGD([w], { learningRate: 0.01, momentum: 0.9, nesterov: true }),
    (w) => new Adam([w], { learningRate: 0.05 }),
    (w) => new AdamW([w], { learningRate: 0.05, weightDecay: 0 }),
  ];
  for (const make of makes) {
    const w = new Parameter(Tensor.of([-1, 1.5], { dtype: "float64" })), optimizer = make(w);
    for (let k = 0; k < 1500; k++) {
      w.grad = Tensor.of(slopeOfValley(w.data), { dtype: "float64" });
      optimizer.step();
    }
    for (const value of w.data) assertAlmostEquals(value, 1, 1e-3);
  }
});

// ── What a step touches ──

for (const [name, make] of Object.entries(kinds)) {
  test(`${name} keeps each parameter's format, shape and array, and counts its writes`, () => {
    for (const dtype of ["float32", "float64"] as const) {
      const w = new Parameter(Tensor.of([[1, 2, 3]], { dtype })), { data } = w;
      const optimizer = make([w]);
      for (const version of [1, 2, 3]) {
        stepWithOnes(optimizer, w);
        assertEquals([w.dtype, w.shape, w.version], [dtype, [1, 3], version]);
      }
      assertStrictEquals(w.data, data);
      assert(w.data.every((value, i) => value < i + 1));
    }
  });

  test(`${name} changes no gradient, and leaves what has none as it is`, () => {
    const w = parameter(1, 2), still = parameter(3, 4), grad = Tensor.of([2, -1]);
    const optimizer = make([still, w], { weightDecay: 0.5 });
    w.grad = grad;
    optimizer.step();
    optimizer.step();
    assertStrictEquals(w.grad, grad);
    assertEquals(grad.toArray(), [2, -1]);
    assertEquals([still.toArray(), still.version, still.grad], [[3, 4], 0, null]);
    const before = w.data.slice();
    optimizer.zeroGrad();
    optimizer.step(); // nobody moves
    assertEquals([w.data, w.version], [before, 2]);
  });

  test(`${name} treats each parameter as if it was alone`, () => {
    const alone = parameter(1, 2), together = parameter(1, 2), other = parameter(5);
    const first = make([alone]), second = make([other, together]);
    for (let k = 0; k < 4; k++) {
      stepWithOnes(first, alone);
      other.grad = k === 2 ? null : Tensor.of([-7]);
      stepWithOnes(second, together);
    }
    assertEquals(together.data, alone.data);
  });

  test(`${name} takes any iterable of parameters, once, in order`, () => {
    function* both(): Generator<Parameter> {
      yield first;
      yield second;
    }
    const first = parameter(1), second = parameter(2), optimizer = make(both());
    assertEquals(optimizer.parameters.map((p) => p.item()), [1, 2]);
    assertStrictEquals(optimizer.parameters[0], first);
    stepWithOnes(optimizer, first, second);
    assertEquals([first.version, second.version], [1, 1]);
  });

  test(`${name} takes rates of 0, and then does not move`, () => {
    const w = parameter(1, -2), optimizer = make([w], { learningRate: 0, weightDecay: 0 });
    stepWithOnes(optimizer, w);
    assertEquals(w.toArray(), [1, -2]);
  });

  test(`${name} refuses a gradient of another count, and changes nothing`, () => {
    const table: [Shape, Shape, string][] = [
      [[2], [3], "Cannot step (2,) by a gradient (3,)"],
      [[2, 2], [2], "Cannot step (2, 2) by a gradient (2,)"],
      [[3], [], "Cannot step (3,) by a gradient ()"],
    ];
    for (const [shape, given, says] of table) {
      const w = new Parameter(Tensor.ones(shape)), first = parameter(1);
      const optimizer = make([first, w]), before = optimizer.stateDict();
      first.grad = Tensor.of([1]);
      w.grad = Tensor.ones(given);
      const message = `${says}: sizes must be equal`;
      assertRefuses(() => optimizer.step(), ShapeError, message);
      assertEquals([first.item(), first.version, w.version], [1, 0, 0]);
      assertEquals(optimizer.stateDict(), before);
    }
  });
}

test("a velocity outlives steps without a gradient", () => {
  const w = parameter(1, 2);
  const optimizer = new SGD([w], { learningRate: 1, momentum: 0.5, weightDecay: 0.5 });
  stepWithOnes(optimizer, w); // v = 1.5, 2
  assertEquals(w.toArray(), [-0.5, 0]);
  optimizer.zeroGrad();
  optimizer.step();
  w.grad = Tensor.of([0, 0]);
  optimizer.step(); // 1.5/2 − 0.5/2 and 2/2 + 0
  assertEquals(w.toArray(), [-1, -1]);
});

test("zeroGrad() forgets the gradients of all parameters, and nothing else", () => {
  const first = parameter(1), second = parameter(2), stranger = parameter(3);
  const optimizer = new SGD([first, second], { learningRate: 1 });
  for (const w of [first, second, stranger]) w.grad = Tensor.of([1]);
  optimizer.zeroGrad();
  assertEquals([first.grad, second.grad, stranger.grad?.toArray()], [null, null, [1]]);
  assertEquals([first.item(), second.item(), first.version], [1, 2, 0]);
});

test("two optimizers of one parameter keep velocities of their own", () => {
  const w = parameter(0);
  const [one, two] = [1, 2].map(() => new SGD([w], { learningRate: 1, momentum: 0.5 }));
  w.grad = Tensor.of([1]);
  one.step(); // v = 1
  two.step(); // v = 1
  one.step(); // v = 1.5
  assertEquals(w.item(), -3.5);
});

// ── Rates and groups ──

test("a learning rate that is set between steps is followed", () => {
  const w = parameter(0), optimizer = new SGD([w], { learningRate: 1 });
  for (const [rate, expected] of [[1, -1], [0.5, -1.5], [0, -1.5], [2, -3.5]]) {
    optimizer.learningRate = rate;
    assertEquals(optimizer.learningRate, rate);
    stepWithOnes(optimizer, w);
    assertEquals(w.item(), expected);
  }
});

test("groups have settings of their own, and else those for all", () => {
  const [plain, fast, heavy] = [1, 2, 3].map(() => parameter(1));
  const optimizer = new SGD(
    [
      { parameters: [plain] },
      { parameters: [fast], learningRate: 1, momentum: 0 },
      { parameters: new Set([heavy]), weightDecay: 1, nesterov: true },
    ],
    { learningRate: 0.5, momentum: 0.5 },
  );
  assertEquals(optimizer.parameters.length, 3);
  stepWithOnes(optimizer, plain, fast, heavy);
  assertEquals([plain.item(), fast.item(), heavy.item()], [0.5, 0, -0.5]); // heavy: g = v = 2
  stepWithOnes(optimizer, plain, fast, heavy);
  assertEquals([plain.item(), fast.item()], [-0.25, -1]);
});

test("groups of Adam have betas, epsilon and weight decay of their own", () => {
  const groups: Partial<AdamOptions>[] = [
    {},
    { betas: [0.5, 0.5] },
    { epsilon: 1 },
    { weightDecay: 2 },
    { learningRate: 0.5 },
  ];
  const options = { learningRate: 0.25, weightDecay: 0.5, epsilon: 1e-4 };
  for (const [Kind, isApart] of [[Adam, false], [AdamW, true]] as const) {
    const parameters = groups.map(() => new Parameter(Tensor.of([3], { dtype: "float64" })));
    const optimizer = new Kind(
      groups.map((own, k) => ({ parameters: [parameters[k]], ...own })),
      options,
    );
    const formulas = groups.map((own) => adam({ ...options, ...own }, isApart));
    const memories = groups.map(() => [0, 0]), expected = groups.map(() => 3);
    for (let t = 1; t <= 4; t++) {
      parameters.forEach((w) => w.grad = Tensor.of([t - 2], { dtype: "float64" }));
      optimizer.step();
      formulas.forEach((formula, k) => expected[k] = formula(expected[k], t - 2, t, memories[k]));
      parameters.forEach((w, k) => assertAlmostEquals(w.item(), expected[k], 1e-12));
    }
  }
});

test("groups keep the ratio of their rates when the learning rate is set", () => {
  const [plain, fast, frozen] = [1, 2, 3].map(() => parameter(0));
  const optimizer = new SGD(
    [
      { parameters: [plain] },
      { parameters: [fast], learningRate: 1 },
      { parameters: [frozen], learningRate: 0 },
    ],
    { learningRate: 0.5 },
  );
  stepWithOnes(optimizer, plain, fast, frozen);
  assertEquals([plain.item(), fast.item(), frozen.item()], [-0.5, -1, 0]);
  optimizer.learningRate = 0.25; // half of it
  stepWithOnes(optimizer, plain, fast, frozen);
  assertEquals([plain.item(), fast.item(), frozen.item()], [-0.75, -1.5, 0]);
  optimizer.learningRate = 0;
  stepWithOnes(optimizer, plain, fast, frozen);
  assertEquals([plain.item(), fast.item(), frozen.item()], [-0.75, -1.5, 0]);
});

test("a group moves by its own rate where the rate for all is 0", () => {
  const still = parameter(0), moving = parameter(0);
  const groups = [{ parameters: [still] }, { parameters: [moving], learningRate: 0.5 }];
  stepWithOnes(new SGD(groups, { learningRate: 0 }), still, moving);
  assertEquals([still.item(), moving.item()], [0, -0.5]);
});

test("a rate of 0 for all can be raised", () => {
  const w = parameter(0), optimizer = new SGD([w], { learningRate: 0 });
  optimizer.learningRate = 0.5;
  stepWithOnes(optimizer, w);
  assertEquals(w.item(), -0.5);
});

test("an optimizer keeps its settings when the caller's options change", () => {
  const w = parameter(0), options = { learningRate: 1, momentum: 0 };
  const optimizer = new SGD([w], options);
  options.learningRate = 5;
  options.momentum = 1;
  stepWithOnes(optimizer, w);
  stepWithOnes(optimizer, w);
  assertEquals(w.item(), -2);
});

// ── States ──

for (const [name, make] of Object.entries(kinds)) {
  test(`${name} goes on from a state as if it had never stopped`, () => {
    const w = new Parameter(Tensor.of([[1, 2]])), v = parameter(3);
    const optimizer = make([w, v]);
    function walk(next: AnyOptimizer, one: Parameter, two: Parameter): void {
      for (let k = 0; k < 3; k++) {
        one.grad = Tensor.of([[k - 1, 2]]);
        two.grad = k === 1 ? null : Tensor.of([k + 0.5]);
        next.step();
      }
    }
    walk(optimizer, w, v);
    optimizer.learningRate = 0.05;
    const state = optimizer.stateDict(),
      [w2, v2] = [w, v].map((p) => new Parameter({ data: p.data.slice(), shape: p.shape }));
    const resumed = make([w2, v2]);
    resumed.loadStateDict(state);
    assertEquals(resumed.learningRate, 0.05);
    assertEquals(resumed.stateDict(), state);
    walk(optimizer, w, v);
    walk(resumed, w2, v2);
    assertEquals([w2.data, v2.data], [w.data, v.data]);
    assertEquals(resumed.stateDict(), optimizer.stateDict());
  });
}

/** A state as plain lists. */
function listed(state: ReadonlyMap<string, Tensor>): [string, Nested][] {
  return [...state].map(([name, tensor]) => [name, tensor.toArray()]);
}

test("stateDict() holds the rate, and steps and numbers of each parameter", () => {
  const w = new Parameter(Tensor.of([[1, 2]])), still = parameter(3);
  const sgd = new SGD([w, still], { learningRate: 0.1, momentum: 0.5 });
  stepWithOnes(sgd, w);
  const expected: [string, Nested][] = [
    ["learningRate", 0.1],
    ["0.steps", 1],
    ["0.velocity", [[1, 1]]],
    ["1.steps", 0],
    ["1.velocity", [0]],
  ];
  assertEquals(listed(sgd.stateDict()), expected);
  const adam = new Adam([w], { learningRate: 0.25, betas: [0.5, 0.75] });
  w.grad = Tensor.of([[2, -4]]);
  adam.step();
  assertEquals(listed(adam.stateDict()), [
    ["learningRate", 0.25],
    ["0.steps", 1],
    ["0.mean", [[1, -2]]],
    ["0.square", [[1, 4]]],
  ]);
});

test("stateDict() gives copies, and loadStateDict() takes copies", () => {
  const w = parameter(0), optimizer = new SGD([w], { learningRate: 1, momentum: 0.5 });
  stepWithOnes(optimizer, w); // v = 1, w = −1
  const state = optimizer.stateDict();
  for (const tensor of optimizer.stateDict().values()) tensor.data.fill(9);
  optimizer.loadStateDict(state);
  for (const tensor of state.values()) tensor.data.fill(9);
  stepWithOnes(optimizer, w); // v = 1.5
  assertEquals([w.item(), optimizer.learningRate], [-2.5, 1]);
});

test("loadStateDict() names all that does not fit, and changes nothing", () => {
  const w = parameter(1, 2), optimizer = new Adam([w], { learningRate: 0.5 });
  stepWithOnes(optimizer, w);
  const before = optimizer.stateDict();
  const wrongShape = new Map(before).set("0.mean", Tensor.ones([2, 1])).set("more", Tensor.of(1));
  wrongShape.delete("0.square");
  const table: [ReadonlyMap<string, Tensor>, string][] = [
    [
      new Map(),
      "learningRate is missing, 0.steps is missing, 0.mean is missing, 0.square is missing",
    ],
    [wrongShape, "0.mean is (2, 1), not (2,), 0.square is missing, more is unexpected"],
    [
      new SGD([w], { learningRate: 1 }).stateDict(),
      "0.mean is missing, 0.square is missing, 0.velocity is unexpected",
    ],
    [
      new Adam([parameter(1, 2), parameter(1)], { learningRate: 1 }).stateDict(),
      "1.steps is unexpected, 1.mean is unexpected, 1.square is unexpected",
    ],
  ];
  for (const [state, complaints] of table) {
    assertRefuses(
      () => optimizer.loadStateDict(state),
      ValueError,
      `Cannot load this state into Adam: ${complaints}`,
    );
    assertEquals(optimizer.stateDict(), before);
  }
});

test("loadStateDict() refuses a learning rate that is none, and changes nothing", () => {
  const w = parameter(1), optimizer = new SGD([w], { learningRate: 0.5, momentum: 0.5 });
  const before = optimizer.stateDict();
  for (const rate of [-1, NaN, Infinity]) {
    const state = new Map(before).set(
      "learningRate",
      Tensor.of(rate, { dtype: "float64" }),
    );
    state.set("0.velocity", Tensor.of([7]));
    assertRefuses(
      () => optimizer.loadStateDict(state),
      ValueError,
      `Cannot set learningRate to ${rate}: it must be a finite number of at least 0`,
    );
    assertEquals(optimizer.stateDict(), before);
  }
});

// ── Optimizers of one's own ──

/** Steps by the sign of a running sum. */
class Sign extends Optimizer<OptimizerOptions> {
  readonly seen: UpdateStep<OptimizerOptions>[] = [];

  constructor(parameters: Iterable<Parameter>, options: OptimizerOptions) {
    const defaults = { learningRate: 0, weightDecay: 0.125 };
    super(parameters, options, { defaults, slotNames: ["sum"] });
  }

  protected override update(w: Data, step: UpdateStep<OptimizerOptions>): void {
    this.seen.push(step);
    const { sum } = step.slots;
    for (let i = 0; i < w.length; i++) {
      sum[i] += step.g[i];
      w[i] -= step.settings.learningRate * Math.sign(sum[i]);
    }
  }
}

test("an Optimizer of one's own only has to name its settings and write update()", () => {
  const w = parameter(1, 1), optimizer = new Sign([w], { learningRate: 0.25 });
  w.grad = Tensor.of([-7, 0.5]);
  optimizer.step();
  assertEquals([w.toArray(), w.version], [[1.25, 0.75], 1]);
  optimizer.learningRate = 0.5;
  w.grad = Tensor.of([0, -1]);
  optimizer.step();
  assertEquals(w.toArray(), [1.75, 1.25]);
  assertEquals(optimizer.seen.map(({ steps }) => steps), [1, 2]);
  assertEquals(optimizer.seen.map(({ settings }) => settings), [
    { learningRate: 0.25, weightDecay: 0.125 },
    { learningRate: 0.5, weightDecay: 0.125 },
  ]);
  assertStrictEquals(optimizer.seen[1].g, w.grad.data);
  assertEquals(optimizer.stateDict().get("0.sum")?.toArray(), [-7, -0.5]);
});

test("an Optimizer of one's own refuses by its own name", () => {
  assertRefuses(
    () => new Sign([parameter(1)], untyped('{ "learningRate": 1, "momentum": 0.5 }')),
    ValueError,
    "Cannot use the option momentum: Sign has none of that name",
  );
  assertRefuses(
    () => new Sign([parameter(1)], { learningRate: -1 }),
    ValueError,
    "Cannot set learningRate of Sign to -1: it must be a finite number of at least 0",
  );
});

// ── What is refused ──

for (const [name, make] of Object.entries(kinds)) {
  test(`${name} refuses an empty list`, () => {
    const message = "Cannot optimize nothing: the list of parameters is empty";
    const hint = "does the model keep its layers in public fields?";
    assertRefuses(() => make([]), ValueError, message, hint);
  });

  test(`${name} refuses a parameter that is listed twice`, () => {
    const a = parameter(1), b = parameter(1, 2);
    const says = "Cannot optimize a parameter twice: (2,), number 3 of the list, was listed before";
    assertRefuses(() => make([a, b, b]), ValueError, says);
    assertRefuses(() => make([b, a, b, a]), ValueError, says);
  });

  test(`${name} refuses settings that are out of range, for all and in a group`, () => {
    const numeric = name === "SGD" ? ["momentum"] : ["epsilon"];
    for (const setting of ["learningRate", "weightDecay", ...numeric]) {
      for (const value of [-0.1, NaN, Infinity, -Infinity]) {
        assertRefuses(
          () => make([parameter(1)], { [setting]: value }),
          ValueError,
          `Cannot set ${setting} of ${name} to ${value}: it must be a finite number of at least 0`,
        );
      }
    }
  });

  test(`${name} refuses a setting that it does not have`, () => {
    for (const setting of ["lr", "momentun", name === "SGD" ? "betas" : "nesterov"]) {
      assertRefuses(
        () => make([parameter(1)], { [setting]: 0.1 }),
        ValueError,
        `Cannot use the option ${setting}: ${name} has none of that name`,
      );
    }
  });

  test(`${name} refuses a learning rate out of range between steps, and keeps the old one`, () => {
    const w = parameter(1), optimizer = make([w]);
    for (const rate of [-0.1, NaN, Infinity]) {
      assertRefuses(
        () => {
          optimizer.learningRate = rate;
        },
        ValueError,
        `Cannot set learningRate to ${rate}: it must be a finite number of at least 0`,
      );
      assertEquals(optimizer.learningRate, 0.1);
    }
  });
}

test("groups refuse what the optimizer refuses", () => {
  const a = parameter(1), b = parameter(2, 3);
  const table: [body: () => unknown, message: string, hint?: string][] = [
    [
      () => new SGD([{ parameters: [a] }, { parameters: [b], momentum: -1 }], { learningRate: 1 }),
      "Cannot set momentum of SGD to -1: it must be a finite number of at least 0",
    ],
    [
      () => new Adam([{ parameters: [a], learningRate: NaN }], { learningRate: 1 }),
      "Cannot set learningRate of Adam to NaN: it must be a finite number of at least 0",
    ],
    [
      () => new SGD([{ parameters: [a], ...untyped('{ "momentun": 1 }') }], { learningRate: 1 }),
      "Cannot use the option momentun: SGD has none of that name",
    ],
    [
      () => new SGD([{ parameters: [b] }, { parameters: [a, b] }], { learningRate: 1 }),
      "Cannot optimize a parameter twice: (2,), number 3 of the list, was listed before",
    ],
    [
      () => new SGD([{ parameters: [] }], { learningRate: 1 }),
      "Cannot optimize nothing: the list of parameters is empty",
      "does the model keep its layers in public fields?",
    ],
  ];
  for (const [body, message, hint] of table) assertRefuses(body, ValueError, message, hint);
});

test("Adam and AdamW refuse betas that are not two, at least 0 and below 1", () => {
  const outOfRange = [[0.9, 1], [1, 0.9], [-0.1, 0.9], [0.9, -0.1], [NaN, 0.9], [0.9, Infinity]];
  for (const betas of [...outOfRange, [], [0.9], [0.9, 0.99, 0.999]]) {
    for (const name of ["Adam", "AdamW"]) {
      assertRefuses(
        () => kinds[name]([parameter(1)], { betas }),
        ValueError,
        `Cannot set betas of ${name} to ${
          describeShape(betas)
        }: they must be two, at least 0 and below 1`,
      );
    }
  }
});

test("optimizers refuse a tensor that is no parameter", () => {
  const parameters = Object.assign([], { 0: Tensor.ones([2]), length: 1 });
  for (const [name, make] of Object.entries(kinds)) {
    const error = assertThrows(() => make(parameters), ShapeError);
    assertEquals(error.message, "Cannot optimize the Tensor: it must be a Parameter", name);
  }
});

// ── Found by a second reader ──

test("SGD without momentum recovers from an infinite velocity", () => {
  const w = parameter(1), optimizer = new SGD([w], { learningRate: 0.5 });
  const state = optimizer.stateDict();
  optimizer.loadStateDict(state.set("0.velocity", Tensor.of([Infinity], { dtype: w.dtype })));
  w.grad = Tensor.of([1], { dtype: w.dtype });
  optimizer.step();
  assertEquals(w.item(), 0.5);
});

test("a group refuses what is no parameter", () => {
  const parameters: Parameter[] = Object.assign([], { 0: Tensor.ones([2]), length: 1 });
  assertRefuses(
    () => new SGD([{ parameters }], { learningRate: 1 }),
    ShapeError,
    "Cannot optimize the Tensor: it must be a Parameter",
  );
});

test("optimizers and operations say where a tensor of another copy of the library comes from", () => {
  const Class = { Parameter: class Parameter {} }.Parameter;
  const values = { data: Float32Array.of(1, 2), shape: [2] };
  const foreign = Object.assign(new Class(), values) as unknown as Parameter;
  const hint = "was it made by another copy of the library?";
  const optimizer = assertThrows(() => new SGD([foreign], { learningRate: 1 }), ShapeError);
  const sum = assertThrows(() => Tensor.ones([2]).add(foreign), ShapeError);
  assertEquals([optimizer.hint, sum.hint], [hint, hint]);
});
