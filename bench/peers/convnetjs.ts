/**
 * ConvNetJS: plain JavaScript of 2014, in float64, one picture at a time.
 *
 * @module
 */
// @ts-types="./convnetjs.d.ts"
import convnetjs, { type LayerOptions, type Vol } from "convnetjs";
import { channelsLast, type Layer, type Plan, planOf, reorder, type Weighted } from "./plan.ts";
import { runPeer, type Step } from "./run_peer.ts";

/** The library's word for a layer; it flattens by itself, and its last layer is dense by itself. */
function optionsOf(layer: Layer, isLast: boolean): LayerOptions[] {
  if (layer.kind === "flatten") return [];
  if (layer.kind === "relu") return [{ type: "relu" }];
  if (layer.kind === "pool") return [{ type: "pool", sx: 2, stride: 2 }];
  const { shape } = layer.weight, size = shape[shape.length - 1];
  if (layer.kind === "convolution") {
    return [{ type: "conv", sx: shape[0], filters: size, stride: 1, pad: 0 }];
  }
  return isLast ? [{ type: "softmax", num_classes: size }] : [{ type: "fc", num_neurons: size }];
}

/** Puts weights into a layer: one block for each of what comes out. */
function load({ weight, bias }: Weighted, filters: readonly Vol[], biases: Vol): void {
  const last = weight.shape.length - 1, axes = weight.shape.map((_, axis) => axis);
  const { data } = reorder(weight, [last, ...axes.slice(0, last)]),
    size = data.length / filters.length;
  filters.forEach(({ w }, k) => w.set(data.subarray(k * size, (k + 1) * size)));
  biases.w.set(bias.data);
}

/** One step: as many pictures as there are in a batch. */
function stepOf(plan: Plan): Step {
  const [batch, height, width, channels] = plan.inputs.shape, size = height * width * channels;
  const net = new convnetjs.Net(), { layers } = plan;
  net.makeLayers([
    { type: "input", out_sx: width, out_sy: height, out_depth: channels },
    ...layers.flatMap((layer, k) => optionsOf(layer, k === layers.length - 1)),
  ]);
  const weighted = layers.filter((layer) => "weight" in layer);
  const places = net.layers.flatMap(({ filters, biases }) =>
    filters && biases ? [{ filters, biases }] : []
  );
  weighted.forEach((layer, k) => load(layer, places[k].filters, places[k].biases));
  const trainer = new convnetjs.Trainer(net, {
    method: "sgd",
    learning_rate: plan.learningRate,
    momentum: plan.momentum,
    l2_decay: plan.weightDecay * batch, // it divides this by the size of the batch; biases have none
    batch_size: batch,
  });
  const pictures = Array.from({ length: batch }, (_, k) => {
    const picture = new convnetjs.Vol(width, height, channels, 0);
    picture.w.set(plan.inputs.data.subarray(k * size, (k + 1) * size));
    return picture;
  });
  return () => {
    let sum = 0;
    for (let k = 0; k < batch; k++) sum += trainer.train(pictures[k], plan.targets[k]).cost_loss;
    return sum / batch;
  };
}

await runPeer((network) => stepOf(channelsLast(planOf(network))));
