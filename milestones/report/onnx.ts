/**
 * Trained networks as ONNX files, which other programs run: browsers, telephones, Python.
 *
 * A file holds a graph. Its nodes are operations, and everything that flows between them has a
 * name: what goes in, what each node gives, and the trained numbers. Written down, graph and
 * numbers are one Protocol Buffers message (https://onnx.ai/onnx/repo-docs/IR.html).
 *
 * The library that writes such messages comes from npm. It is named here, and not in the project's
 * configuration, and is fetched when a network is first written: to train you need none.
 *
 * Throughout: C channels · F filters · K window side · I, O inputs and outputs of a layer
 *
 * @module
 */
import type * as Protobuf from "npm:protobufjs@7.6.6";
import { noGrad } from "#autograd";
import { Dropout, Flatten, Linear, type Module, ReLU, type Sequential } from "#layers";
import { BatchNorm2d, Conv2d, MaxPool2d, type Pair, type Window } from "#spatial";
import { say, type Shape, ShapeError, Tensor, ValueError, type Values } from "#tensor";
import { DataError } from "../../datasets/idx.ts";

const protobuf = "Deno" in globalThis ? "npm:protobufjs@7.6.6" : "protobufjs@7.6.6";

// ── The format ──
// The part of onnx.proto3 that is written here, as "type name = id" with a * where there are several.
// In the file a field is known by its id alone, and an enum is written as an int32.

const messages: Readonly<Record<string, string>> = {
  Model: "int64 irVersion = 1, string producerName = 2, Graph graph = 7, Opset* opsetImport = 8",
  Opset: "string domain = 1, int64 version = 2",
  Graph: "Node* node = 1, string name = 2, Tensor* initializer = 5, Info* input = 11, " +
    "Info* output = 12",
  Node: "string* input = 1, string* output = 2, string name = 3, string opType = 4, " +
    "Attribute* attribute = 5",
  Attribute: "string name = 1, float f = 2, int64 i = 3, int64* ints = 8, int32 type = 20",
  Tensor: "int64* dims = 1, int32 dataType = 2, string name = 8, bytes rawData = 9",
  Info: "string name = 1, Type type = 2",
  Type: "TensorType tensorType = 1",
  TensorType: "int32 elemType = 1, Shape shape = 2",
  Shape: "Dimension* dim = 1",
  Dimension: "int64 dimValue = 1, string dimParam = 2",
};

/** The messages as the library wants them. */
function schemaOf(): object {
  const nested = Object.entries(messages).map(([name, text]) => {
    const fields = text.split(", ").map((field) => {
      const [type, name, , id] = field.split(" "), isList = type.endsWith("*");
      const rule = isList ? { rule: "repeated" } : {};
      return [name, { id: Number(id), type: isList ? type.slice(0, -1) : type, ...rule }];
    });
    return [name, { fields: Object.fromEntries(fields) }];
  });
  return { nested: Object.fromEntries(nested) };
}

/** What the format calls numbers of 32 bits. */
const float32 = 1;

/** A setting of an operation; `type` says in which of the other fields it stands. */
type Attribute =
  | { readonly name: string; readonly type: 1; readonly f: number }
  | { readonly name: string; readonly type: 2; readonly i: number }
  | { readonly name: string; readonly type: 7; readonly ints: readonly number[] };

/** A setting of several whole numbers. */
function ints(name: string, ints: readonly number[]): Attribute {
  return { name, type: 7, ints };
}

/** Writes numbers and their shape; the format wants the lowest byte first. */
function tensorProto(name: string, { data, shape: dims }: Values): object {
  const rawData = new Uint8Array(4 * data.length), view = new DataView(rawData.buffer);
  for (let k = 0; k < data.length; k++) view.setFloat32(4 * k, data[k], true);
  return { name, dims, dataType: float32, rawData };
}

/** Announces what goes in or comes out: images or rows, however many. */
function valueInfo(name: string, [, ...sizes]: Shape): object {
  const dim = [{ dimParam: "batch" }, ...sizes.map((dimValue) => ({ dimValue }))];
  return { name, type: { tensorType: { elemType: float32, shape: { dim } } } };
}

// ── Layers ──

/** What a layer becomes: an operation with its settings and, in order, its numbers. */
interface Operation {
  readonly opType: string;
  readonly constants?: Readonly<Record<string, Values>>;
  readonly attribute?: readonly Attribute[];
}

const known: readonly { readonly name: string }[] = [
  Flatten,
  Linear,
  ReLU,
  Dropout,
  Conv2d,
  BatchNorm2d,
  MaxPool2d,
];

/** Finds the operation that computes what a layer does in evaluation; null if that is nothing. */
function operationOf(layer: Module, inputShape: Shape): Operation | null {
  const Kind = layer.constructor; // of one's own kind it may compute what it likes
  if (!known.includes(Kind)) {
    const rule = `ONNX export knows ${known.map(({ name }) => name).join(", ")}`;
    throw new ValueError(`Cannot export ${Kind.name}: ${rule}`);
  }
  if (layer instanceof Flatten) {
    return { opType: "Flatten", attribute: [{ name: "axis", type: 2, i: 1 }] };
  }
  if (layer instanceof Linear) return linear(layer, inputShape);
  if (layer instanceof ReLU) return { opType: "Relu" };
  if (layer instanceof Conv2d) {
    const { weight, bias, sliding } = layer, [, , height, width] = weight.shape;
    const attribute = windowAttributes({ kernelSize: [height, width], ...sliding });
    return { opType: "Conv", constants: { weight, ...(bias && { bias }) }, attribute };
  }
  if (layer instanceof BatchNorm2d) return batchNorm(layer);
  if (layer instanceof MaxPool2d) {
    return { opType: "MaxPool", attribute: windowAttributes(layer.window) };
  }
  return null; // Dropout
}

/** x·Wᵀ + b. */
function linear({ weight, bias }: Linear, inputShape: Shape): Operation {
  if (inputShape.length !== 2) {
    const says = say`Cannot export Linear for ${inputShape}: ONNX takes rows (B, I)`;
    throw new ShapeError(says, "put a Flatten before it");
  }
  const attribute = [{ name: "transB", type: 2, i: 1 }] as const; // W is (O, I)
  return { opType: "Gemm", constants: { weight, ...(bias && { bias }) }, attribute };
}

/**
 * γ/√(variance + ε) · (x − mean) + β. The layer keeps ε to itself, so the factor is measured, and
 * written in place of γ; what it would be divided by is 1.
 */
function batchNorm(layer: BatchNorm2d): Operation {
  const { training, channels, bias, runningMean: mean } = layer, { dtype } = mean;
  const far = 2 ** 20; // so far out that the mean costs the factor no digits
  layer.eval();
  const [near, reached] = noGrad(() =>
    [0, far].map((x) => layer.forward(Tensor.full([1, channels, 1, 1], x, { dtype })))
  );
  layer.train(training);
  const scale = reached.sub(near).div(far).reshape([channels]);
  return {
    opType: "BatchNormalization",
    constants: { scale, bias, mean, variance: Tensor.ones([channels]) },
    attribute: [{ name: "epsilon", type: 1, f: 0 }],
  };
}

/** One number for each of two axes. */
function both(pair: Pair): readonly number[] {
  return typeof pair === "number" ? [pair, pair] : pair;
}

/** How a window slides, in ONNX's words. */
function windowAttributes(window: Window): Attribute[] {
  const { stride = 1, padding = 0, dilation = 1 } = window;
  const kernel = both(window.kernelSize), dilations = both(dilation);
  const around = padding === "same"
    ? kernel.map((n, axis) => dilations[axis] * (n - 1))
    : both(padding === "valid" ? 0 : padding).map((n) => 2 * n);
  const before = around.map((n) => Math.floor(n / 2)), after = around.map((n) => Math.ceil(n / 2));
  return [
    ints("kernel_shape", kernel),
    ints("strides", both(stride)),
    ints("dilations", dilations),
    ints("pads", [...before, ...after]),
  ];
}

// ── The graph ──

/** What was taken from each channel, and by what it was divided, before the network saw it. */
export interface Normalized {
  /** The means, one per channel. */
  readonly means: readonly number[];
  /** The standard deviations, one per channel. */
  readonly deviations: readonly number[];
}

function notNormalized([channels]: ImageShape): Normalized {
  return {
    means: new Array<number>(channels).fill(0),
    deviations: new Array<number>(channels).fill(1),
  };
}

/** Shape of one image. */
export type ImageShape = readonly [channels: number, height: number, width: number];

/** Puts the operations into a row, each fed with what the one before it gives. */
function graphOf(model: Sequential, image: ImageShape, normalized: Normalized): object {
  const inputShape = [1, ...image], perChannel = [1, image[0], 1, 1];
  const means = Tensor.of(normalized.means).reshape(perChannel);
  const deviations = Tensor.of(normalized.deviations).reshape(perChannel);
  const steps: (Operation & { readonly path: string })[] = [
    { path: "input", opType: "Sub", constants: { means } },
    { path: "input", opType: "Div", constants: { deviations } },
  ];
  const outputShape = model.layers.reduce<Shape>((shape, layer, k) => {
    const operation = operationOf(layer, shape);
    if (operation) steps.push({ path: `layers.${k}`, ...operation });
    return layer.cost(shape).outputShape;
  }, inputShape);
  const names = steps.map(({ path, opType }) => `${path}.${opType}`);
  const flows = ["images", ...names.slice(0, -1), "scores"]; // before, between and after the nodes
  return {
    name: "network",
    node: steps.map(({ path, opType, constants = {}, attribute = [] }, k) => ({
      name: names[k],
      opType,
      attribute,
      input: [flows[k], ...Object.keys(constants).map((name) => `${path}.${name}`)],
      output: [flows[k + 1]],
    })),
    initializer: steps.flatMap(({ path, constants = {} }) =>
      Object.entries(constants).map(([name, values]) => tensorProto(`${path}.${name}`, values))
    ),
    input: [valueInfo("images", inputShape)],
    output: [valueInfo("scores", outputShape)],
  };
}

/**
 * Fetches the library that writes such files, if it is not there yet.
 *
 * @throws {DataError} If it cannot be had.
 */
export async function fetchWriter(): Promise<typeof Protobuf> {
  try {
    const { default: library }: { default: typeof Protobuf } = await import(
      `${protobuf}/light.js` // without a parser of .proto files
    );
    return library;
  } catch (cause) {
    throw new DataError(
      `Cannot write ONNX: the package ${protobuf} is not here, and could not be fetched`,
      "run it once with a network; the package is kept then",
      { cause },
    );
  }
}

/**
 * Writes a trained network as an ONNX file, as it computes in evaluation. The file's input is
 * `images`, (batch, C, H, W) with numbers from 0 to 1, which it normalises itself; its output is
 * `scores`. Both are float32, whatever the network's own numbers are.
 *
 * @param model The network.
 * @param inputShape Shape of one image.
 * @param normalized How the images were normalised that it was trained on; not at all by default.
 * @returns The bytes of the file.
 * @throws {ValueError} If ONNX export does not know a layer.
 * @throws {ShapeError} If a layer cannot take what it would get, or the means are not one per
 * channel.
 */
export async function encodeOnnx(
  model: Sequential,
  inputShape: ImageShape,
  normalized: Normalized = notNormalized(inputShape),
): Promise<Uint8Array> {
  const graph = graphOf(model, inputShape, normalized); // first: what is refused fetches nothing
  const { Root } = await fetchWriter();
  const opsetImport = [{ domain: "", version: 17 }]; // "" is ONNX's own operations
  const file = { irVersion: 8, producerName: "kindling", opsetImport, graph };
  const bytes = Root.fromJSON(schemaOf()).lookupType("Model").encode(file).finish();
  return new Uint8Array(bytes); // a copy: the library's own may be a piece of a larger buffer
}
