/**
 * What comes out of a tensor: numbers, lists, another format, and text.
 *
 * @module
 */
import { assertEquals, assertStrictEquals } from "@std/assert";
import { inspect } from "node:util";
import { describeShape, ShapeError, Tensor, ValueError } from "#tensor";
import { assertRefuses } from "./project/assert_refuses.ts";
import { test } from "../course/sandbox/register.ts";
import { dtypes } from "./project/tensors.ts";

// ── Numbers and lists ──

test("toArray() gives back the lists that of() was given", () => {
  for (const lists of [5, [5], [1, 2], [[1, 2], [3, 4]], [[[1], [2]], [[3], [4]]]]) {
    assertEquals(Tensor.of(lists).toArray(), lists);
  }
});

test("item() gives the only number, whatever the rank", () => {
  for (const shape of [[], [1], [1, 1, 1]]) assertEquals(Tensor.full(shape, 3).item(), 3);
});

test("item() refuses more than one number", () => {
  for (const [shape, size] of [[[2, 1], 2], [[3], 3]] as const) {
    assertRefuses(
      () => Tensor.ones(shape).item(),
      ShapeError,
      `Cannot take one number out of ${describeShape(shape)}: it holds ${size}`,
      "reduce it first, with sum() or mean()",
    );
  }
});

test("to() converts the numbers and leaves the tensor as it was", () => {
  const x = Tensor.of([0.1, 1e300], { dtype: "float64" });
  assertEquals(x.to("float32").data, Float32Array.of(Math.fround(0.1), Infinity));
  assertEquals(x.data, Float64Array.of(0.1, 1e300));
  assertEquals(Tensor.of([0.1]).to("float64").data, Float64Array.of(Math.fround(0.1)));
});

test("to() gives the tensor itself where nothing has to be converted", () => {
  for (const dtype of dtypes) {
    const x = Tensor.ones([2], { dtype });
    assertStrictEquals(x.to(dtype), x);
  }
});

test("to() refuses a dtype that it does not know", () => {
  const x = Tensor.ones([2]);
  for (const dtype of ["int8", undefined]) {
    assertRefuses(
      () => Reflect.apply(x.to, x, [dtype]),
      ValueError,
      `Cannot make numbers of dtype ${dtype}: it is "float32" or "float64"`,
    );
  }
});

// ── Text ──

/** The numbers of a text, without the line that says shape and format. */
function numbersOf(x: Tensor): string {
  return String(x).split("\n").slice(1).join("\n");
}

test("toString() shows shape, format and numbers", () => {
  const cases: [Tensor, string][] = [
    [Tensor.of(5), "Tensor () float32 5"],
    [Tensor.of([7]), "Tensor (1,) float32 [7]"],
    [Tensor.of([1.5, 2.5]), "Tensor (2,) float32 [1.5, 2.5]"],
    [Tensor.of([[7]]), "Tensor (1, 1) float32\n[[7]]"],
    [
      Tensor.of([[1, 2, 3], [4, 5, 6]], { dtype: "float64" }),
      "Tensor (2, 3) float64\n[[1, 2, 3],\n [4, 5, 6]]",
    ],
  ];
  for (const [tensor, text] of cases) assertEquals(String(tensor), text);
});

test("toString() writes all numbers as wide as the widest", () => {
  assertEquals(
    numbersOf(Tensor.of([[1, -20], [0.125, 3000]])),
    "[[    1,   -20],\n" +
      " [0.125,  3000]]",
  );
  assertEquals(String(Tensor.of([1, -10])), "Tensor (2,) float32 [  1, -10]");
});

test("toString() puts an empty line between matrices, and two between stacks of them", () => {
  assertEquals(
    numbersOf(Tensor.arange(8).reshape([2, 2, 2])),
    "[[[0, 1],\n" +
      "  [2, 3]],\n" +
      "\n" +
      " [[4, 5],\n" +
      "  [6, 7]]]",
  );
  assertEquals(numbersOf(Tensor.of([[[[1]]], [[[2]]]])), "[[[[1]]],\n\n\n [[[2]]]]");
});

test("toString() shows four digits after the point, and an exponent where that says more", () => {
  const cases: [number, string][] = [
    [0, "0"],
    [-0, "0"],
    [1 / 3, "0.3333"],
    [-2 / 3, "-0.6667"],
    [0.1, "0.1"],
    [0.99999, "1"],
    [12345.678912, "12345.6789"],
    [0.001, "0.001"],
    [0.000999, "9.990e-4"],
    [-0.00001, "-1.000e-5"],
    [5e-324, "4.941e-324"],
    [123456789, "123456789"],
    [1e9, "1.000e+9"],
    [-1234567890123, "-1.235e+12"],
    [NaN, "NaN"],
    [Infinity, "∞"],
    [-Infinity, "-∞"],
  ];
  for (const [x, text] of cases) {
    assertEquals(String(Tensor.of(x, { dtype: "float64" })), `Tensor () float64 ${text}`);
  }
  assertEquals(String(Tensor.of(0.1)), "Tensor () float32 0.1");
});

test("toString() shows up to 200 numbers, and then the ends of each long axis", () => {
  assertEquals(String(Tensor.arange(200)).split(",").length - 1, 200);
  assertEquals(
    String(Tensor.arange(201)),
    "Tensor (201,) float32 [  0,   1,   2, …, 198, 199, 200]",
  );
  assertEquals(
    numbersOf(Tensor.arange(402).reshape([201, 2])),
    "[[  0,   1],\n" +
      " [  2,   3],\n" +
      " [  4,   5],\n" +
      " …,\n" +
      " [396, 397],\n" +
      " [398, 399],\n" +
      " [400, 401]]",
  );
  assertEquals(
    numbersOf(Tensor.arange(402).reshape([2, 201])),
    "[[  0,   1,   2, …, 198, 199, 200],\n" +
      " [201, 202, 203, …, 399, 400, 401]]",
  );
});

test("toString() shows axes of up to six numbers whole, however many there are in all", () => {
  const six = String(Tensor.ones([6, 6, 6])), seven = String(Tensor.ones([7, 6, 6]));
  assertEquals(six.match(/1/g)?.length, 216);
  assertEquals(seven.match(/1\b/g)?.length, 216);
  assertEquals(six.includes("…"), false);
  assertEquals(seven.split("…").length, 2);
});

test("toString() measures only what it shows", () => {
  const x = Tensor.arange(300);
  x.data[150] = -123456;
  assertEquals(String(x), "Tensor (300,) float32 [  0,   1,   2, …, 297, 298, 299]");
});

test("console.log() shows the numbers, and not the history", () => {
  const host: {
    Deno?: { inspect(value: unknown): string };
    Bun?: { inspect(value: unknown): string };
  } = globalThis;
  const x = Tensor.of([2]);
  x.origin = { op: "neg", inputs: [x], extra: undefined, versions: [0] };
  for (const show of [host.Deno?.inspect, host.Bun?.inspect, inspect]) {
    if (show) assertEquals(show(x), "Tensor (1,) float32 [2]");
  }
});
