/**
 * # Fast kernels: all of them, as one module
 *
 * @module
 */
import { Assembler, type Limits } from "../machine/assembler.ts";
import { defineConvolution } from "./convolution.ts";
import { defineElementwise } from "./elementwise.ts";
import { defineNorm } from "./batch_norm.ts";
import { definePool } from "./pooling.ts";
import { defineProducts } from "./products.ts";
import { defineRows } from "./cross_entropy.ts";
import { defineSums } from "./sums.ts";
import { defineUpdates } from "./updates.ts";

/** What the kernels are written for: fused multiply-add, or plain vectors. */
export type KernelName = string;

/** What the kernels are written for */
export type Level = "relaxed SIMD" | "SIMD";

/** Writes the module of all kernels. */
export function assembleKernels(level: Level, limits: Limits): Uint8Array<ArrayBuffer> {
  const module = new Assembler(), relaxed = level === "relaxed SIMD";
  const products = defineProducts(module, relaxed);
  defineConvolution(module, products);
  defineElementwise(module);
  defineSums(module);
  defineRows(module);
  definePool(module);
  defineNorm(module);
  defineUpdates(module);
  return module.assemble(limits);
}
