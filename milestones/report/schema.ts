/**
 * What the documents of all milestones have in common: each type is derived from its schema.
 *
 * @module
 */
import { type Infer, z } from "./zod.ts";

const part = z.number().min(0).max(1);
const count = z.int().min(0);

/** A mean over seeds, with how much the seeds differ. */
export const measured = z.strictObject({
  mean: z.number(),
  /** Standard deviation over the seeds (n − 1); null for a single seed. */
  spread: z.number().nullable(),
  /** One value per seed. */
  values: z.array(z.number()).min(1),
});
export type Measured = Infer<typeof measured>;

/** A check that a program with a broken part would not pass. */
export const check = z.strictObject({
  /** What was checked, as a sentence with the numbers that were found. */
  claim: z.string(),
  /** Null if it could not be judged in this run; the claim says why. */
  passed: z.boolean().nullable(),
  /** What is most likely wrong, where it failed. */
  suspicion: z.string().optional(),
});
export type Check = Infer<typeof check>;

/** Where a run takes place. */
export const setting = z.strictObject({
  /** Runtime and version. */
  runtime: z.string(),
  /** Whose modules are loaded. */
  modules: z.string(),
  /** Whose loops run. */
  kernels: z.string(),
});
export type Setting = Infer<typeof setting>;

/** What one epoch came to. */
export const epoch = z.strictObject({
  /** 1 for the first. */
  epoch: z.int().min(1),
  /** Mean loss over its examples, each at the moment it was seen. */
  loss: z.number().min(0),
  /** The learning rate of its last step. */
  learningRate: z.number().min(0),
  /** The part of its examples that was right, if the page counts them. */
  accuracy: part.optional(),
});
export type Epoch = Infer<typeof epoch>;

/** What one metric adds up to over some rows. */
const sum = z.object({
  rows: count,
  /** Null for a number. */
  shape: z.array(z.int().min(1)).nullable(),
  values: z.array(z.number()),
});

/** What a checkpoint says of its run, besides tensors and generators. */
export const notes = z.object({
  /** Everything that the result depends on, but for the kernels. */
  settings: z.record(z.string(), z.unknown()),
  kernels: z.string(),
  progress: z.object({
    step: count,
    total: z.number().min(0),
    examples: count,
    /** Sums of the page's metrics, in the middle of an epoch. */
    measured: z.record(z.string(), sum).optional(),
  }),
  history: z.array(epoch),
  /** Seconds of training. */
  seconds: z.number().min(0),
});
export type Notes = Infer<typeof notes>;

/** The part of every document that says whether to believe it. */
export const verdict = z.strictObject({
  evidence: z.array(check),
  /** The command that measured what the accuracies are held against. */
  calibratedBy: z.string(),
  /** Whether no check failed. */
  passed: z.boolean(),
});
export type Verdict = Infer<typeof verdict>;

/** One row of a comparison. */
export const modelRow = z.strictObject({
  /** The name that options use. */
  key: z.string(),
  /** The name that tables use. */
  title: z.string(),
  /** All numbers in it that can be trained. */
  parameters: count,
  /** Those that training may change; fewer if filters are frozen. */
  trained: count,
  /** Multiplications with their additions, for one image. */
  multiplyAccumulates: count,
  /** The part of the test images that was right. */
  accuracy: measured,
  /** Seconds of training. */
  trainingSeconds: measured,
  /** Mean loss of each epoch while it ran, for each seed. */
  losses: z.array(z.array(z.number())),
});
export type ModelRow = Infer<typeof modelRow>;

/** A layer that has parameters, and what it costs. */
export const layerRow = z.strictObject({
  /** Place and class. */
  name: z.string(),
  /** What comes out, without the batch axis. */
  outputShape: z.array(count),
  parameters: count,
  /** Multiplications with their additions, for one image. */
  multiplyAccumulates: count,
});
export type LayerRow = Infer<typeof layerRow>;
