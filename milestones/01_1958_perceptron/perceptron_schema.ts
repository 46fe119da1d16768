/**
 * The document of milestone 01: each type is derived from its schema.
 *
 * @module
 */
import { check, setting } from "../report/schema.ts";
import { type Infer, z } from "../report/zod.ts";

const count = z.int().min(0), part = z.number().min(0).max(1);

/** What one machine did that tells two digits apart. */
export const pair = z.strictObject({
  digits: z.tuple([count, count]),
  mistakes: count,
  sweeps: count,
  separated: z.boolean(),
  /** On test digits: the part that is right with the last weights, and with their mean. */
  test: part,
  averagedTest: part,
});
export type Pair = Infer<typeof pair>;

/** Ten machines, one for each digit against all others. */
export const ten = z.strictObject({
  inputs: count,
  /** How many of the ten went through a sweep without a mistake, and which did not. */
  clean: count,
  notClean: z.array(count),
  /** The digit whose machine answers loudest: the part that is right. */
  test: part,
  shifted: part,
});
export type Ten = Infer<typeof ten>;

/** Everything that a run came to. */
export const perceptronDocument = z.strictObject({
  milestone: z.literal("01_1958_perceptron"),
  setting,
  seed: count,
  /** 0 against 1, with the proof of its end in numbers. */
  first: z.strictObject({
    examples: count,
    mistakes: z.array(count),
    sweeps: count,
    /** The longest example, and the best margin from both sides. */
    radius: z.number(),
    margin: z.strictObject({ least: z.number(), most: z.number() }),
    bound: z.number(),
    /** √M·R, ‖w‖, w·w*, M·γ: each at most the one before. */
    proof: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    weights: z.array(z.number()),
    /** The sum of the digits that it got wrong, each with its sign. */
    signedSum: z.array(z.number()),
    test: part,
    shifted: z.strictObject({ right: part, left: part, down: part, up: part }),
  }),
  pairs: z.array(pair),
  /** All pairs vote with their averaged weights. */
  vote: z.strictObject({ test: part, shifted: part }),
  pixels: ten,
  association: ten,
  /** The weights after each mistake of the first sweep over XOR. */
  xor: z.array(z.array(z.number())),
  /** Between which bounds the best margin of 8 against all others lies; null without --full. */
  eight: z.strictObject({ least: z.number(), most: z.number() }).nullable(),
  evidence: z.array(check),
  passed: z.boolean(),
  calibratedBy: z.string(),
});
export type PerceptronDocument = Infer<typeof perceptronDocument>;
