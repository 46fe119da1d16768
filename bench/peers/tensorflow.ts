/**
 * TensorFlow.js, on plain JavaScript (`--backend cpu`) or on WebAssembly with SIMD (`--backend wasm`).
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { channelsLast, type Numbers, type Plan, planOf } from "./plan.ts";
import { runPeer, type Step } from "./run_peer.ts";
import { registerKernels } from "./tensorflow_kernels.ts";

/** One layer, with its weights in the library's own hands. */
type Forward = (x: tf.Tensor) => tf.Tensor;

function tensorOf({ data, shape }: Numbers): tf.Tensor {
  return tf.tensor(data, [...shape]);
}

/** Builds the layers; a variable registers itself, so that it is found when it is derived by. */
function layersOf({ layers }: Plan): Forward[] {
  return layers.map((layer): Forward => {
    if (layer.kind === "relu") return tf.relu;
    if (layer.kind === "pool") return (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, "valid");
    if (layer.kind === "flatten") return (x) => tf.reshape(x, [x.shape[0], -1]);
    const weight = tf.variable(tensorOf(layer.weight)), bias = tf.variable(tensorOf(layer.bias));
    // Not tf.fused: it derives by the first layer's pictures too, which nobody asks for.
    if (layer.kind === "linear") return (x) => tf.add(tf.matMul(x, weight), bias);
    const filter = weight as tf.Tensor as tf.Tensor4D;
    return (x) => tf.add(tf.conv2d(x as tf.Tensor4D, filter, 1, "valid"), bias);
  });
}

/** The library's own optimizers; SGD has no weight decay there, so the gradient gets it by hand. */
function stepOf(plan: Plan): Step {
  const { learningRate, momentum, weightDecay } = plan, layers = layersOf(plan);
  const inputs = tensorOf(plan.inputs), shares = tf.oneHot(tf.tensor1d(plan.targets, "int32"), 10);
  const right = tf.cast(shares, "float32");
  const optimizer = momentum > 0
    ? tf.train.momentum(learningRate, momentum)
    : tf.train.sgd(learningRate);
  function loss(): tf.Scalar {
    let x = inputs;
    for (const forward of layers) x = forward(x);
    return tf.neg(tf.mean(tf.sum(tf.mul(right, tf.logSoftmax(x)), 1)));
  }
  function step(): number {
    const { value, grads } = tf.variableGrads(loss);
    if (weightDecay > 0) {
      const { registeredVariables } = tf.engine();
      for (const [name, gradient] of Object.entries(grads)) {
        grads[name] = tf.add(gradient, tf.mul(registeredVariables[name], weightDecay));
      }
    }
    optimizer.applyGradients(grads);
    return value.dataSync()[0];
  }
  return () => tf.tidy(step);
}

await runPeer(async (network, { backend }) => {
  if (!await tf.setBackend(backend)) throw new Error(`TensorFlow.js has no backend "${backend}"`);
  if (backend === "wasm" && !tf.getKernel("Conv2DBackpropFilter", "wasm")) registerKernels();
  tf.disposeVariables(); // those of the network before
  return stepOf(channelsLast(planOf(network)));
});
