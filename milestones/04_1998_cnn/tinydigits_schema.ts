/**
 * The document of milestone 04, part 1: what `--json` prints, and what the report draws.
 *
 * @module
 */
import * as shared from "../report/schema.ts";
import { type Infer, z } from "../report/zod.ts";

const part = z.number().min(0).max(1), count = z.int().min(0);
const shape = z.array(z.int().min(1));
const classCounts = z.array(z.array(count).length(10)).length(10);

/** One row of the main table. */
const modelRow = z.strictObject({
  ...shared.modelRow.shape,
  /** The part that is right when the digits are moved by a pixel, mean of four directions. */
  shifted: shared.measured,
});
export type DigitsRow = Infer<typeof modelRow>;

/** A convolution beside the dense layer that would compute the same map. */
const layerCount = z.strictObject({
  model: z.string(),
  layer: z.string(),
  /** What goes in and comes out, without the batch axis. */
  inputShape: shape,
  outputShape: shape,
  /** Weights of the convolution. */
  weights: count,
  /** Weights of a dense layer from the same input to the same output. */
  denseWeights: count,
});
export type LayerCount = Infer<typeof layerCount>;

/** A closer look at one model. */
const closeup = z.strictObject({
  model: z.string(),
  /** The seed that its filters and wrong digits are from. */
  seed: count,
  /** Rows are the truth, columns what the model said; all seeds together. */
  confusion: classCounts,
  /** The first layer's filters, K×K numbers each; empty without convolutions. */
  filters: z.array(z.array(z.number())),
  /** Side of a filter; 0 without. */
  filterSide: count,
  /** How many test digits it reads wrong with that seed. */
  wrongCount: count,
  /** Up to five of them, those it was surest of first. */
  wrong: z.array(z.strictObject({
    /** Its place in the test data. */
    index: count,
    label: z.int().min(0).max(9),
    prediction: z.int().min(0).max(9),
    confidence: part,
    /** 8×8, 0 to 1. */
    pixels: z.array(part).length(64),
  })).max(5),
});

/** Everything that was measured. */
export const tinydigitsDocument = z.strictObject({
  milestone: z.literal("04_1998_cnn/01_tinydigits"),
  setting: shared.setting,
  /** What every model got alike. */
  recipe: z.strictObject({
    batchSize: count,
    learningRate: z.number(),
    momentum: z.number(),
    weightDecay: z.number(),
    epochs: z.int().min(1),
    seeds: z.array(count).min(1),
    augment: z.literal("shift").nullable(),
  }),
  /** The file that the network came from, if nothing was trained. */
  loadedFrom: z.string().nullable(),
  /** How many digits. */
  data: z.strictObject({ train: count, test: count }),
  models: z.array(modelRow).min(1),
  layers: z.array(layerCount),
  closeup,
  ...shared.verdict.shape,
});
export type TinydigitsDocument = Infer<typeof tinydigitsDocument>;
