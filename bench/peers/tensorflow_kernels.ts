/**
 * What TensorFlow.js lacks for training on WebAssembly: the derivative of a convolution by its
 * filters, without which nothing with a convolution trains at all; and faster forms of five kernels
 * that it ships as plain loops or copies. They are composed of the backend's own fast operations, but
 * for two loops over its memory.
 *
 * Throughout: B pictures in a batch · H, W their height and width · C channels · F filters ·
 * K window side · o before one: of the output
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";

type Attributes = Readonly<Record<string, unknown>>;
type Inputs = Readonly<Record<string, tf.TensorInfo>>;

/** A kernel as it is written here. */
type Compute = (inputs: Inputs, attributes: Attributes, backend: BackendWasm) => tf.TensorInfo;

/** What the backend has under a name, as a function. */
function shipped(name: string): Compute {
  const kernel = tf.getKernel(name, "wasm");
  return (inputs, attributes, backend) => {
    const result = kernel.kernelFunc({
      inputs: { ...inputs },
      attrs: { ...attributes } as tf.NamedAttrMap,
      backend,
    });
    return Array.isArray(result) ? result[0] : result;
  };
}

/** Puts a kernel in the place of whatever the backend has under that name. */
function register(kernelName: string, compute: Compute): void {
  const config = tf.getKernel(kernelName, "wasm");
  if (config) tf.unregisterKernel(kernelName, "wasm");
  tf.registerKernel({
    ...config, // with its setup, which finds the function in the WebAssembly module
    kernelName,
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) =>
      compute(
        inputs as Inputs, // named after the kernel: none of those here is optional
        attrs ?? {},
        backend as BackendWasm,
      ),
  });
}

/** An input as a tensor, which is what it is when an operation runs its kernel. */
function tensor<Rank extends tf.Rank = tf.Rank>(input: tf.TensorInfo): tf.Tensor<Rank> {
  if (input instanceof tf.Tensor) return input;
  throw new TypeError("Cannot run a kernel on what is not a tensor");
}

/** Refuses what the networks here do not have. */
function requirePlain({ strides, pad, dataFormat, dilations = 1 }: Attributes): void {
  const isOne = [strides, dilations].flat().every((number) => number === 1);
  if (isOne && pad === "valid" && dataFormat === "NHWC") return;
  throw new RangeError("Cannot derive this convolution: strides must be 1, without padding");
}

/**
 * The derivative by the filters is a convolution too: the pictures with the output's derivative as the
 * filter, summed over the pictures of the batch as if they were channels.
 *
 * A filter as large as a picture takes its time to be packed, so where a few shifted copies of the
 * pictures have fewer numbers than it has, one matrix product of these is faster.
 */
function filterGradient({ x, dy }: Inputs, attributes: Attributes): tf.TensorInfo {
  requirePlain(attributes);
  const pictures = tensor<tf.Rank.R4>(x), derivative = tensor<tf.Rank.R4>(dy);
  const [batch, height, width, channels] = pictures.shape;
  const [, outHeight, outWidth, filters] = derivative.shape;
  const rows = height - outHeight + 1, columns = width - outWidth + 1;
  if (rows * columns * channels >= filters) {
    const images = tf.transpose(pictures, [3, 1, 2, 0]); // → (C, H, W, B)
    const windows = tf.transpose(derivative, [1, 2, 0, 3]); // → (oH, oW, B, F)
    return tf.transpose(tf.conv2d(images, windows, 1, "valid"), [1, 2, 0, 3]); // → (K, K, C, F)
  }
  const planes = tf.transpose(pictures, [3, 0, 1, 2]); // → (C, B, H, W)
  const positions = batch * outHeight * outWidth;
  const shifted = Array.from({ length: rows * columns }, (_, k) => {
    const corner = [0, 0, Math.floor(k / columns), k % columns];
    const part = tf.slice(planes, corner, [channels, batch, outHeight, outWidth]);
    return tf.reshape(part, [channels, positions]);
  });
  const sums = tf.matMul(
    tf.concat(shifted, 0), // (K·K·C, B·oH·oW)
    tf.reshape(derivative, [positions, filters]),
  );
  return tf.reshape(sums, [rows, columns, channels, filters]);
}

/** The derivative by the pictures: turned filters slide over the output's derivative and its surroundings. */
function pictureGradient({ dy, filter }: Inputs, attributes: Attributes): tf.TensorInfo {
  requirePlain(attributes);
  const windows = tensor<tf.Rank.R4>(filter), [rows, columns] = windows.shape;
  const [above, beside] = [rows - 1, columns - 1];
  const around: [number, number][] = [[0, 0], [above, above], [beside, beside], [0, 0]];
  const turned = tf.transpose(tf.reverse(windows, [0, 1]), [0, 1, 3, 2]); // → (K, K, F, C)
  return tf.conv2d(tf.pad(tensor<tf.Rank.R4>(dy), around), turned, 1, "valid");
}

/** Only products of matrices as they are come from XNNPACK, so what is to be turned is turned first. */
function productFirst(product: Compute): Compute {
  return ({ a, b }, { transposeA, transposeB }, backend) => {
    function turn(matrix: tf.TensorInfo, isTurned: unknown): tf.TensorInfo {
      const axes = matrix.shape.map((_, axis) => axis), last = axes.length - 1;
      const swapped = [...axes.slice(0, -2), last, last - 1];
      return isTurned ? tf.transpose(tensor(matrix), swapped) : matrix;
    }
    const inputs = { a: turn(a, transposeA), b: turn(b, transposeB) };
    return product(inputs, { transposeA: false, transposeB: false }, backend);
  };
}

/** The numbers of a tensor where they are. */
function numbersIn(backend: BackendWasm, info: tf.TensorInfo): Float32Array {
  const numbers = backend.typedArrayFromHeap(info);
  if (numbers instanceof Float32Array) return numbers;
  throw new TypeError(`Cannot compute with ${info.dtype}: it must be float32`);
}

/** The derivative of the largest of four goes to the first that is the largest. */
function poolGradient(inputs: Inputs, attributes: Attributes, backend: BackendWasm): tf.TensorInfo {
  const isPlain = [attributes.filterSize, attributes.strides].flat().every((side) => side === 2);
  if (!isPlain || attributes.pad !== "valid") throw new RangeError("Cannot derive other pools");
  const [batch, height, width, channels] = inputs.input.shape;
  const [, outHeight, outWidth] = inputs.dy.shape;
  const result = backend.makeOutput(inputs.input.shape, "float32");
  const x = numbersIn(backend, inputs.input), dy = numbersIn(backend, inputs.dy);
  const dx = numbersIn(backend, result).fill(0), below = width * channels;
  let to = 0;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < outHeight; i++) {
      let from = (b * height + 2 * i) * below;
      for (let j = 0; j < outWidth; j++, from += channels) {
        for (const end = from + channels; from < end; from++, to++) {
          let at = from, most = x[at];
          if (x[from + channels] > most) most = x[at = from + channels];
          if (x[from + below] > most) most = x[at = from + below];
          if (x[from + below + channels] > most) at = from + below + channels;
          dx[at] = dy[to];
        }
      }
    }
  }
  return result;
}

/** Sums over all axes but the last, which is what a bias needs; other sums are left as they are. */
function sumOfRows(sum: Compute): Compute {
  return (inputs, attributes, backend) => {
    const { shape, dtype } = inputs.x, last = shape.length - 1;
    const axes = [attributes.axis].flat(), isRows = axes.length === last && !axes.includes(last);
    if (!isRows || last < 1 || dtype !== "float32" || attributes.keepDims) {
      return sum(inputs, attributes, backend);
    }
    const columns = shape[last], result = backend.makeOutput([columns], "float32");
    const x = numbersIn(backend, inputs.x), sums = numbersIn(backend, result).fill(0);
    for (let from = 0; from < x.length; from += columns) {
      for (let column = 0; column < columns; column++) sums[column] += x[from + column];
    }
    return result;
  };
}

/** A tensor never changes, so that a second one can look at the same numbers. */
function share({ x }: Inputs, _: Attributes, backend: BackendWasm): tf.TensorInfo {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
}

/** Adds what is missing and replaces what is slow; once, after the backend has been chosen. */
export function registerKernels(): void {
  register("Conv2DBackpropFilter", filterGradient);
  register("Conv2DBackpropInput", pictureGradient);
  register("BatchMatMul", productFirst(shipped("BatchMatMul")));
  register("MaxPoolGrad", poolGradient);
  register("Identity", share);
  register("Sum", sumOfRows(shipped("Sum")));
}
