/**
 * What a tensor remembers of how it was made, and that it remembers nothing after an error.
 *
 * @module
 */
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  type CustomOp,
  type DType,
  type OpName,
  type PlainOp,
  result,
  setRecording,
  ShapeError,
} from "#tensor";
import { Tensor, ValueError } from "#tensor";
import { test } from "../course/sandbox/register.ts";
import { dtypes } from "./project/tensors.ts";

// ── Origins ──

/** A tensor that requires a gradient, as parameters will in module 03. */
class Tracked extends Tensor {
  override get requiresGrad(): boolean {
    return true;
  }

  override get version(): number {
    return 5;
  }
}

function tracked(dtype: DType = "float32"): Tensor {
  return new Tracked(Tensor.arange(6, { dtype }).data, [2, 3]);
}

const comparisons = ["equal", "notEqual", "greater", "greaterEqual", "less", "lessEqual"] as const;

/** Every primitive of this module applied to one tensor, and what its rule will need to know. */
const primitives: readonly [op: OpName, apply: (x: Tensor) => Tensor, extra: unknown][] = [
  ["add", (x) => x.add(1), undefined],
  ["sub", (x) => x.sub(1), undefined],
  ["mul", (x) => x.mul(1), undefined],
  ["div", (x) => x.div(1), undefined],
  ["pow", (x) => x.pow(2), undefined],
  ["maximum", (x) => x.maximum(2), undefined],
  ["neg", (x) => x.neg(), undefined],
  ["exp", (x) => x.exp(), undefined],
  ["log", (x) => x.log(), undefined],
  ["sqrt", (x) => x.sqrt(), undefined],
  ["abs", (x) => x.abs(), undefined],
  ["to", (x) => x.to("float64"), undefined],
  ["clip", (x) => x.clip(-1, Infinity), { low: -1, high: Infinity }],
  ["sum", (x) => x.sum(), { kept: [1, 1] }],
  ["sum", (x) => x.sum(0), { kept: [1, 3] }],
  ["sum", (x) => x.sum([-1], { keepDims: true }), { kept: [2, 1] }],
  ["max", (x) => x.max(), { kept: [1, 1], axes: [0, 1] }],
  ["max", (x) => x.max(-1), { kept: [2, 1], axes: [1] }],
  ["reshape", (x) => x.reshape([3, -1]), undefined],
  ["reshape", (x) => x.unsqueeze(0), undefined],
  ["permute", (x) => x.permute([1, 0]), { order: [1, 0] }],
  ["permute", (x) => x.transpose(), { order: [1, 0] }],
  ["expand", (x) => x.expand([4, 2, 3]), undefined],
  ["slice", (x) => x.slice(null, [-2, 3]), { ranges: [[0, 2], [1, 3]] }],
  ["pad", (x) => x.pad([[1, 0], [0, 2]]), { padding: [[1, 0], [0, 2]] }],
  ["concat", (x) => Tensor.concat([x], -1), { axis: 1 }],
  ["gather", (x) => x.gather(1, Tensor.of([[2], [0]])), { places: Int32Array.of(2, 3) }],
  ["gather", (x) => x.gather(0, Tensor.of([[1, 0]])), { places: Int32Array.of(3, 1) }],
];

test("Tensor operations note what they are, on what, and what their rule needs beside", () => {
  for (const [op, apply, extra] of primitives) {
    const x = tracked(), made = apply(x);
    assert(made.requiresGrad, op);
    assertEquals(made.origin?.op, op);
    assertStrictEquals(made.origin?.inputs[0], x, op);
    assertEquals(made.origin?.versions[0], 5, op);
    assertEquals(made.origin?.extra, extra, op);
    assertEquals(apply(Tensor.ones([2, 3])).origin, null, op);
  }
});

test("Tensor operations of several note all of them in order, if one requires a gradient", () => {
  const w = tracked(), x = Tensor.ones([2, 3]), square = Tensor.ones([3, 3]);
  const cases: [Tensor, OpName, Tensor[]][] = [
    [w.mul(x), "mul", [w, x]],
    [x.mul(w), "mul", [x, w]],
    [x.pow(w), "pow", [x, w]],
    [w.maximum(x), "maximum", [w, x]],
    [w.matmul(square), "matmul", [w, square]],
    [square.matmul(w.transpose()).transpose(), "permute", []],
    [Tensor.concat([x, w, x]), "concat", [x, w, x]],
  ];
  for (const [made, op, inputs] of cases) {
    assertEquals(made.origin?.op, op);
    inputs.forEach((input, k) => assertStrictEquals(made.origin?.inputs[k], input, op));
    const versions = inputs.map((input) => input.version);
    if (inputs.length > 0) assertEquals(made.origin?.versions, versions, op);
  }
});

test("add() of a number notes it as a tensor of the same format", () => {
  for (const dtype of dtypes) {
    const number = tracked(dtype).add(2).origin?.inputs[1];
    assertEquals([number?.shape, number?.dtype, number?.item()], [[], dtype, 2]);
  }
});

test("mean(), min(), variance() and stack() are compositions through which gradients flow", () => {
  const w = tracked();
  const made = [w.mean(), w.min(), w.variance(), Tensor.stack([w, w]), w.matmul(Tensor.ones([3]))];
  assertEquals(made.map(({ origin }) => origin?.op), ["div", "neg", "div", "concat", "reshape"]);
});

test("gather() notes its places and not its index", () => {
  const x = tracked(), index = Tensor.of([[2], [0]]);
  const made = x.gather(1, index);
  index.data.fill(1);
  assertEquals(made.origin?.inputs.length, 1);
  assertEquals(made.origin?.extra, { places: Int32Array.of(2, 3) });
});

test("mul() of constants keeps no history", () => {
  assertEquals(Tensor.of([2]).mul(Tensor.of([3])).origin, null);
});

test("result() hands an operation's extras to its origin", () => {
  const made = result({ data: Float32Array.of(3), shape: [] }, "sum", [tracked()], { kept: [1] });
  assertEquals(made.origin?.extra, { kept: [1] });
  assertEquals([made.shape, made.item()], [[], 3]);
});

test("result() takes an operation that brings its own derivative", () => {
  const op: CustomOp = { name: "twice", backward: (gradient) => [gradient.mul(2)] };
  const w = tracked(), out = { data: Float32Array.of(3), shape: [1] };
  const made = result<PlainOp>(out, op, [Tensor.of(1), w]);
  assertStrictEquals(made.origin?.op, op);
  assertEquals(made.origin?.versions, [0, 5]);
  assertStrictEquals(made.data, out.data);
  assertEquals(result<PlainOp>(out, op, [Tensor.of(1)]).origin, null);
});

test("equal() carries no gradient, nor do the other comparisons and argmax()", () => {
  const w = tracked();
  for (const name of comparisons) {
    assert(!w[name](w.neg()).requiresGrad, name);
    assert(!w[name](1).requiresGrad, name);
  }
  for (const axis of [undefined, 1]) assert(!w.argmax(axis).requiresGrad);
});

test("setRecording() switches origins off, and what it gives puts back what was before", () => {
  const w = tracked();
  const outer = setRecording(false), inner = setRecording(true);
  assert(w.neg().requiresGrad);
  inner();
  assert(!w.neg().requiresGrad);
  outer();
  assert(w.neg().requiresGrad);
});

// ── After an error ──

test("Tensor operations that are refused leave the tensor as it was", () => {
  const refused: ((x: Tensor) => unknown)[] = [
    (x) => x.add(Tensor.ones([2])),
    (x) => x.maximum(Tensor.ones([2, 3], { dtype: "float64" })),
    (x) => x.clip(1, 0),
    (x) => x.sum(2),
    (x) => x.variance(0, { correction: 2 }),
    (x) => x.matmul(x),
    (x) => x.reshape([4]),
    (x) => x.permute([0]),
    (x) => x.squeeze(2),
    (x) => x.expand([3]),
    (x) => x.slice([2, 3]),
    (x) => x.pad([]),
    (x) => Tensor.concat([x, Tensor.ones([3, 2])]),
    (x) => x.gather(1, Tensor.of([[9]])),
    (x) => x.item(),
  ];
  for (const refuse of refused) {
    const x = tracked();
    let error: unknown;
    try {
      refuse(x);
    } catch (caught) {
      error = caught;
    }
    assert(error instanceof ShapeError || error instanceof ValueError, String(refuse));
    assertEquals([x.shape, [...x.data], x.origin], [[2, 3], [0, 1, 2, 3, 4, 5], null]);
  }
});
