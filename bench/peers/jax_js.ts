/**
 * jax-js, on WebAssembly: the whole step is one function, compiled by `jit()`.
 *
 * Its `lax.conv` is a sum over a window, computed anew for each number. Here the windows become the
 * columns of a matrix instead, and the convolution a matrix product, for which jax-js has its fastest
 * kernels; channels come before pictures, so that nothing is turned around in between.
 *
 * Every function of jax-js takes its arguments over; `ref` keeps one for another use.
 *
 * Throughout: B pictures in a batch · C channels · F filters · K window side · H, W height and width ·
 * o before one: of the output
 *
 * @module
 */
import { defaultDevice, jit, lax, nn, numpy as np, valueAndGrad } from "@jax-js/jax";
import { type Numbers, type Plan, planOf } from "./plan.ts";
import { type PeerOptions, runPeer, type Step } from "./run_peer.ts";

/** Weights and biases of all layers in turn. */
type Weights = np.Array[];

/** All that a step changes. */
type State = { weights: Weights; velocities: Weights };

function arrayOf({ data, shape }: Numbers): np.Array {
  return np.array(data.slice()).reshape([...shape]);
}

/** Adds rows and columns of zeros, up to multiples of four: then the fast kernels are taken. */
function padToFours(matrix: np.Array): np.Array {
  return np.pad(matrix, matrix.shape.map((size): [number, number] => [0, (4 - size % 4) % 4]));
}

/** (C, B, H, W) → (F, B, oH, oW). */
function convolve(x: np.Array, weight: np.Array, bias: np.Array): np.Array {
  const [filters, channels, side] = weight.shape;
  const windows = lax.reduceWindow(x, (window) => window, [side, side]); // → (C, B, oH, oW, K, K)
  const [, batch, height, width] = windows.shape, positions = batch * height * width;
  const columns = windows.transpose([0, 4, 5, 1, 2, 3])
    .reshape([channels * side * side, positions]);
  const sums = np.dot(padToFours(weight.reshape([filters, -1])), padToFours(columns));
  return sums.slice([0, filters], [0, positions]).add(bias.reshape([-1, 1]))
    .reshape([filters, batch, height, width]);
}

/** What each layer does; whoever is asked for a convolution's or a dense layer's weights gives two. */
function forward({ layers }: Plan, weights: Weights, inputs: np.Array): np.Array {
  const rest = weights.values();
  function next(): np.Array {
    const { value } = rest.next();
    if (value === undefined) throw new RangeError("Cannot go forward: there are too few weights");
    return value;
  }
  let x = inputs.transpose([1, 0, 2, 3]); // → (C, B, H, W)
  for (const { kind } of layers) {
    if (kind === "convolution") x = convolve(x, next(), next());
    else if (kind === "linear") x = np.dot(x, next().transpose()).add(next());
    else if (kind === "relu") x = nn.relu(x);
    else if (kind === "pool") x = lax.reduceWindow(x, np.max, [2, 2], [2, 2]);
    else x = x.transpose([1, 0, 2, 3]).reshape([x.shape[1], -1]); // → (B, C·H·W)
  }
  return x;
}

/** Makes the function that takes a step. */
function stepOf(plan: Plan, { threads }: PeerOptions): Step {
  const { momentum, weightDecay, learningRate } = plan, examples = plan.inputs.shape[0];
  function loss(weights: Weights, inputs: np.Array, shares: np.Array): np.Array {
    return nn.logSoftmax(forward(plan, weights, inputs)).mul(shares).sum().mul(-1 / examples);
  }
  const learn = jit(
    ({ weights, velocities }: State, inputs: np.Array, shares: np.Array): [np.Array, State] => {
      const kept = weights.map(({ ref }) => ref);
      const [value, gradients] = valueAndGrad(loss)(weights, inputs, shares);
      const moves = gradients.map((gradient, k) => {
        const decayed = weightDecay > 0 ? gradient.add(kept[k].ref.mul(weightDecay)) : gradient;
        return momentum > 0 ? velocities[k].mul(momentum).add(decayed) : decayed;
      });
      const next = kept.map((weight, k) => weight.sub(moves[k].ref.mul(learningRate)));
      if (momentum > 0) return [value, { weights: next, velocities: moves }];
      for (const move of moves) move.dispose();
      return [value, { weights: next, velocities: [] }];
    },
  );
  const weights = plan.layers.flatMap((layer) =>
    "weight" in layer ? [arrayOf(layer.weight), arrayOf(layer.bias)] : []
  );
  const velocities = momentum > 0 ? weights.map(({ shape }) => np.zeros(shape)) : [];
  const inputs = arrayOf(plan.inputs), shares = nn.oneHot(np.array(plan.targets.slice()), 10);
  let state: State = { weights, velocities };
  function step(): np.Array {
    const [value, next] = learn(state, inputs.ref, shares.ref);
    state = next;
    return value;
  }
  // dataSync() computes in this thread, data() in workers.
  return threads === 1 ? () => step().dataSync()[0] : async () => (await step().data())[0];
}

await runPeer((network, options) => {
  const { threads } = options, cores = navigator.hardwareConcurrency;
  if (threads !== 1 && threads !== cores) {
    throw new RangeError(
      `Cannot use ${threads} threads: jax-js takes 1 or one for each core, ${cores}`,
    );
  }
  defaultDevice("wasm");
  return stepOf(planOf(network), options);
});
