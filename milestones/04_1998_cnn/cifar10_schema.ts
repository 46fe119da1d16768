/**
 * The document of milestone 04, part 2: what `--json` prints, and what the report draws.
 *
 * @module
 */
import * as shared from "../report/schema.ts";
import { type Infer, z } from "../report/zod.ts";

const part = z.number().min(0).max(1),
  count = z.int().min(0),
  ofChannels = z.array(z.number()).length(3);
const className = z.string();

/** How a network is trained. */
const preset = z.strictObject({
  /** The name that `--preset` uses. */
  key: z.string(),
  purpose: z.string(),
  /** How many of the training images are used; all by default. */
  images: z.int().min(1).optional(),
  /** Passes over them. */
  epochs: z.int().min(1),
  /** The greatest learning rate of the CNN, and of the MLP. */
  learningRate: z.number(),
  denseLearningRate: z.number(),
  weightDecay: z.number(),
});
export type Preset = Infer<typeof preset>;

/** One network, trained and judged. */
const networkRow = z.strictObject({
  key: z.enum(["cnn", "mlp"]),
  title: z.string(),
  parameters: count,
  /** Multiplications with their additions, for one image. */
  multiplyAccumulates: count,
  layers: z.array(shared.layerRow),
  /** The part of the images judged that is right. */
  accuracy: part,
  /** Mean cross-entropy on them. */
  loss: z.number(),
  /** Seconds of training, those of earlier runs included. */
  trainingSeconds: z.number().min(0),
  history: z.array(shared.epoch),
});
export type NetworkRow = Infer<typeof networkRow>;

/** An image that was judged. */
const example = z.strictObject({
  /** Its place among the images judged. */
  index: count,
  truth: className,
  taken: className,
  confidence: part,
});
export type Example = Infer<typeof example>;

/** Everything that was measured. */
export const cifar10Document = z.strictObject({
  milestone: z.literal("04_1998_cnn/02_cifar10"),
  setting: shared.setting,
  /** Which data. */
  origin: z.strictObject({
    source: z.string(),
    verified: z.enum(["published", "given", "unverified"]),
    fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
    train: count,
    test: count,
  }),
  preset,
  /** What is the same for all presets. */
  recipe: z.strictObject({
    batchSize: count,
    labelSmoothing: part,
    shift: count,
    rise: part,
    means: ofChannels,
    deviations: ofChannels,
  }),
  seed: count,
  /** How many images the networks learnt from. */
  trained: count,
  judgedBy: z.strictObject({ images: count, what: z.enum(["test", "set aside"]) }),
  /** The CNN, and the MLP if it was trained. */
  networks: z.array(networkRow).min(1).max(2),
  /** The classes, by label. */
  classes: z.array(className).length(10),
  /** Of each class, the part that the CNN has right; null for a class of which there is none. */
  classAccuracies: z.array(part.nullable()).length(10),
  /** Rows are the truth, columns what the CNN says. */
  confusion: z.array(z.array(count).length(10)).length(10),
  /** The classes that it confuses most often, most first. */
  pairs: z.array(z.strictObject({ truth: className, taken: className, count })).max(5),
  /** The first layer's filters: red, green and blue planes of 3×3 numbers each. */
  filters: z.array(z.array(z.number())),
  /** Images that it has right, the surest of each class. */
  right: z.array(example).max(10),
  /** Images that it has wrong, the surest first. */
  wrong: z.array(example).max(10),
  ...shared.verdict.shape,
});
export type Cifar10Document = Infer<typeof cifar10Document>;
