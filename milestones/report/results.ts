/**
 * What all milestones compare: models, each trained with one or several seeds.
 *
 * @module
 */
import type { Dataset } from "#dataloader";
import type { Parameter, Sequential } from "#layers";
import type { Generator } from "#random";
import { Conv2d } from "#spatial";
import type { Evaluation } from "#training";
import type { Epoch } from "./schema.ts";

/** A model that takes part in a comparison. */
export interface ModelSpec {
  /** The name that options and documents use. */
  readonly key: string;
  /** The name that tables use. */
  readonly title: string;
  /** Makes it, with weights drawn from a generator. */
  readonly build: (generator: Generator) => Sequential;
  /** Whether its filters stay as they were drawn; false by default. */
  readonly frozen?: boolean;
}

/** Examples to learn from, and examples that training never sees. */
export interface Data {
  readonly train: Dataset;
  readonly test: Dataset;
  /** The right class of each test example. */
  readonly labels: Int32Array;
}

/** One model, trained with one seed: what came of it, and why to believe it. */
export interface Run<Tested extends Evaluation = Evaluation> {
  readonly seed: number;
  readonly model: Sequential;
  readonly history: readonly Epoch[];
  /** Seconds of training, including those before an interruption. */
  readonly seconds: number;
  /** What the page measured on the test examples. */
  readonly tested: Tested;
  /** The probability of the predicted class, for each test example whose scores were noted. */
  readonly confidences: Float32Array;
  readonly evidence: RunEvidence;
}

/** Facts about one run that show whether you can trust its result. */
export interface RunEvidence {
  /** The test cross-entropy, recomputed from the scores that the page had noted; null without. */
  readonly recomputedLoss: number | null;
  /** How far training moved the filters, as a part of their length; null without filters. */
  readonly filtersMoved: number | null;
  /** The loss's slope along the filters' gradient; null without filters. */
  readonly slope: Slope | null;
}

/** A slope as backward() predicts it, and as moving the filters a little measures it. */
export interface Slope {
  readonly predicted: number;
  readonly measured: number;
}

/** One model with all its runs, one per seed. */
export interface Result<Tested extends Evaluation = Evaluation> {
  readonly spec: ModelSpec;
  readonly runs: readonly Run<Tested>[];
}

/** The convolutions of a model, first to last. */
export function convolutions(model: Sequential): Conv2d[] {
  return model.layers.filter((layer) => layer instanceof Conv2d);
}

/** What training may change: everything, or everything but frozen filters. */
export function trainable({ frozen }: ModelSpec, model: Sequential): Parameter[] {
  const filters = new Set(convolutions(model).map(({ weight }) => weight));
  return model.parameters().filter((parameter) => !(frozen && filters.has(parameter)));
}
