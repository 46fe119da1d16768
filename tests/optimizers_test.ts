/**
 * Module 06 as a whole: PyTorch's trajectories, what is refused, and what stays as it was.
 *
 * @module
 */
import { assert, assertEquals, assertInstanceOf, assertLess, assertThrows } from "@std/assert";
import { Parameter } from "#layers";
import { Optimizer, SGD } from "#optimizers";
import { type Data, type DType, Tensor, ValueError } from "#tensor";
import { test } from "./kit/register.ts";

// ── Help ──

/** The slope of (1 − a)² + 5·(b − a²)², a bent valley (after Rosenbrock, 1960), by hand. */
function slopeOfValley([a, b]: Data, dtype: DType): Tensor {
  const above = b - a * a;
  return Tensor.of([-2 * (1 - a) - 20 * a * above, 10 * above], { dtype });
}

/** Walks 20 steps down the valley from (−1, 1.5), and notes each place. */
function walkDown(dtype: DType, options: { momentum?: number; weightDecay?: number }): number[][] {
  const w = new Parameter(Tensor.of([-1, 1.5], { dtype }));
  const optimizer = new SGD([w], { learningRate: 0.01, ...options });
  return Array.from({ length: 20 }, () => {
    w.grad = slopeOfValley(w.data, dtype);
    optimizer.step();
    return [...w.data];
  });
}

function largestDifference(a: readonly number[][], b: readonly number[][]): number {
  assertEquals([a.length, a.flat().length], [b.length, b.flat().length]);
  return Math.max(...a.flat().map((value, k) => Math.abs(value - b.flat()[k])));
}

function expectValueError(body: () => unknown, message: string, hint?: string): void {
  const error = assertThrows(body, ValueError);
  assertInstanceOf(error, RangeError);
  assertEquals([error.name, error.message, error.hint], ["ValueError", message, hint]);
}

function parameter(...values: number[]): Parameter {
  return new Parameter(Tensor.of(values));
}

/** What a rate must be. */
const rateRule = "it must be a finite number of at least 0";

// ── The path ──

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

test("SGD with momentum and weight decay walks PyTorch's path in float64", () => {
  const path = walkDown("float64", { momentum: 0.9, weightDecay: 0.05 });
  assertLess(largestDifference(path, pathInFloat64), 1e-12);
});

test("SGD with momentum and weight decay walks PyTorch's path in float32", () => {
  const path = walkDown("float32", { momentum: 0.9, weightDecay: 0.05 });
  assertLess(largestDifference(path, pathInFloat32), 1e-6);
});

test("SGD without momentum or weight decay walks PyTorch's path", () => {
  assertLess(largestDifference(walkDown("float64", {}), plainPath), 1e-12);
  assertLess(largestDifference(walkDown("float32", {}), plainPath), 1e-6);
});

test("SGD keeps each parameter's dtype and shape", () => {
  for (const dtype of ["float32", "float64"] as const) {
    const w = new Parameter(Tensor.of([[1, 2, 3]], { dtype }));
    w.grad = Tensor.of([[1, 1, 1]], { dtype });
    new SGD([w], { learningRate: 1 }).step();
    assertEquals([w.dtype, w.shape], [dtype, [1, 3]]);
    assertEquals(w.toArray(), [[0, 1, 2]]);
  }
});

test("SGD takes any iterable of parameters, once", () => {
  function* both(): Generator<Parameter> {
    yield first;
    yield second;
  }
  const first = parameter(1), second = parameter(2);
  const optimizer = new SGD(both(), { learningRate: 1 });
  assertEquals(optimizer.parameters.map((p) => p.item()), [1, 2]);
  for (const w of [first, second]) w.grad = Tensor.of([1]);
  optimizer.step();
  assertEquals([first.item(), second.item()], [0, 1]);
});

test("SGD follows a learning rate that is set between steps", () => {
  const w = parameter(0), optimizer = new SGD([w], { learningRate: 1 });
  for (const [rate, expected] of [[1, -1], [0.5, -1.5], [0, -1.5], [2, -3.5]]) {
    optimizer.learningRate = rate;
    assertEquals(optimizer.learningRate, rate);
    w.grad = Tensor.of([1]);
    optimizer.step();
    assertEquals(w.item(), expected);
  }
});

// ── What a step touches ──

test("step() counts one more version for a parameter with a gradient", () => {
  const w = parameter(1, 2), optimizer = new SGD([w], { learningRate: 0.1, momentum: 0.9 });
  for (const expected of [1, 2, 3]) {
    w.grad = Tensor.of([1, 1]);
    optimizer.step();
    assertEquals(w.version, expected);
  }
});

test("step() leaves a parameter without a gradient as it is, whatever its velocity", () => {
  const w = parameter(1, 2), still = parameter(3, 4);
  const optimizer = new SGD([w, still], { learningRate: 1, momentum: 0.5, weightDecay: 0.5 });
  w.grad = Tensor.of([1, 1]);
  optimizer.step(); // w: v = 1.5, 2
  assertEquals([w.toArray(), still.toArray()], [[-0.5, 0], [3, 4]]);
  optimizer.zeroGrad();
  optimizer.step(); // nobody moves
  assertEquals([w.toArray(), still.toArray()], [[-0.5, 0], [3, 4]]);
  assertEquals([w.version, still.version], [1, 0]);
  w.grad = Tensor.of([0, 0]);
  optimizer.step(); // the velocity was kept meanwhile: 1.5/2 − 0.5/2 and 2/2 + 0
  assertEquals(w.toArray(), [-1, -1]);
});

test("step() does not change the gradients", () => {
  const w = parameter(1), grad = Tensor.of([2]);
  w.grad = grad;
  const optimizer = new SGD([w], { learningRate: 1, momentum: 0.5, weightDecay: 0.5 });
  optimizer.step();
  optimizer.step();
  assert(w.grad === grad);
  assertEquals(grad.toArray(), [2]);
});

test("zeroGrad() forgets the gradients of all parameters, and nothing else", () => {
  const first = parameter(1), second = parameter(2);
  const optimizer = new SGD([first, second], { learningRate: 1 });
  first.grad = Tensor.of([1]);
  second.grad = Tensor.of([1]);
  optimizer.zeroGrad();
  assertEquals([first.grad, second.grad], [null, null]);
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

test("an Optimizer of one's own only has to write step()", () => {
  class Sign extends Optimizer {
    step(): void {
      for (const parameter of this.parameters) {
        const signs = parameter.grad?.data.map(Math.sign) ?? [];
        parameter.write((w) => signs.forEach((sign, i) => w[i] -= this.learningRate * sign));
      }
    }
  }
  const w = parameter(1, 1), optimizer = new Sign([w], 0.25);
  w.grad = Tensor.of([-7, 0.1]);
  optimizer.step();
  assertEquals(w.toArray(), [1.25, 0.75]);
});

// ── What is refused ──

test("an Optimizer refuses an empty list", () => {
  expectValueError(
    () => new SGD([], { learningRate: 0.1 }),
    "Cannot optimize nothing: the list of parameters is empty",
    "does the model keep its layers in public fields?",
  );
});

test("an Optimizer refuses a parameter that is listed twice", () => {
  const a = parameter(1), b = parameter(1);
  expectValueError(
    () => new SGD([a, b, b], { learningRate: 0.1 }),
    "Cannot optimize a parameter twice: number 2 of the list was listed before",
  );
});

for (const rate of [-0.1, NaN, Infinity]) {
  test(`SGD refuses ${rate} for each of its rates`, () => {
    const good = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.01 };
    for (const name of ["learningRate", "momentum", "weightDecay"]) {
      expectValueError(
        () => new SGD([parameter(1)], { ...good, [name]: rate }),
        `Cannot set ${name} to ${rate}: ${rateRule}`,
      );
    }
  });

  test(`setting learningRate to ${rate} is refused, and the rate stays`, () => {
    const optimizer = new SGD([parameter(1)], { learningRate: 0.1 });
    expectValueError(() => {
      optimizer.learningRate = rate;
    }, `Cannot set learningRate to ${rate}: ${rateRule}`);
    assertEquals(optimizer.learningRate, 0.1);
  });
}

test("SGD takes rates of 0", () => {
  const w = parameter(1);
  w.grad = Tensor.of([5]);
  new SGD([w], { learningRate: 0, momentum: 0, weightDecay: 0 }).step();
  assertEquals(w.item(), 1);
});
