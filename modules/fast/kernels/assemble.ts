/**
 * # Fast kernels: all of them, as one module
 *
 * @module
 */
import { Assembler, type CallOf, type Limits } from "../machine/assembler.ts";
import { defineBatchNorm } from "./batch_norm.ts";
import { defineConvolution } from "./convolution.ts";
import { defineCrossEntropy } from "./cross_entropy.ts";
import { defineElementwise } from "./elementwise.ts";
import { definePooling } from "./pooling.ts";
import { defineProducts } from "./products.ts";
import { defineSums } from "./sums.ts";
import { defineUpdates } from "./updates.ts";
import { defineWinograd } from "./winograd.ts";

/** What the kernels are written for: fused multiply-add, or plain vectors. */
export type Level = "relaxed SIMD" | "SIMD";

/** Defines the kernels that need no others. */
const definitions = [
  ...[defineElementwise, defineSums, defineCrossEntropy] as const,
  ...[definePooling, defineBatchNorm, defineUpdates] as const,
] as const;

type Definition = typeof defineProducts | typeof defineConvolution | typeof definitions[number];

type NamesOf<D> = D extends (...given: never) => infer Defined ? keyof Defined : never;

/** The kernels that JavaScript may call. */
export type KernelName = NamesOf<Definition>;

/** Those that only relaxed SIMD has. */
export type RelaxedName = NamesOf<typeof defineWinograd>;

/** A call of one. */
export type Call = CallOf<KernelName | RelaxedName>;

/** Writes the module of all kernels. */
export function assembleKernels(level: Level, limits: Limits): Uint8Array<ArrayBuffer> {
  const module = new Assembler(), relaxed = level === "relaxed SIMD";
  const products = defineProducts(module, relaxed),
    convolution = defineConvolution(module, products);
  if (relaxed) defineWinograd(module, { ...products, ...convolution });
  for (const define of definitions) define(module);
  return module.assemble(limits);
}
