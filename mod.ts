/**
 * Kindling: a small deep-learning framework to be read, built and used, from the `Tensor` class to
 * the convolutional network of 1998.
 *
 * @example Learn to tell two points apart
 * ```ts
 * import { assert } from "@std/assert";
 * import { crossEntropy, fit, Generator, Linear, SGD, Tensor } from "kindling";
 *
 * const model = new Linear(2, 2, { generator: new Generator(1) });
 * const batch = { inputs: Tensor.of([[0, 1], [1, 0]]), targets: Int32Array.of(0, 1) };
 * const optimizer = new SGD(model.parameters(), { learningRate: 0.5 });
 * const history = await fit(model, [batch], { loss: crossEntropy, optimizer, epochs: 100 });
 * assert(history[99].loss < 0.1);
 * ```
 *
 * @module
 */
export * from "#tensor";
export * from "#random";
export * from "#activations";
export * from "#layers";
export * from "#losses";
export * from "#autograd";
export * from "#optimizers";
export * from "#training";
export * from "#checkpoint";
export * from "#dataloader";
export * from "#spatial";
export * from "#fast";
