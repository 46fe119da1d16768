/** What is used of ConvNetJS, which has no types of its own. */

/** A block of numbers, (H, W, C), and their derivatives. */
export interface Vol {
  readonly sx: number;
  readonly sy: number;
  readonly depth: number;
  readonly w: Float64Array;
}

/** What a layer is made from. */
export interface LayerOptions {
  readonly type: "input" | "conv" | "relu" | "pool" | "fc" | "softmax";
  readonly [option: string]: number | string;
}

/** A network, which sees one picture at a time. */
export interface Net {
  readonly layers: readonly { readonly filters?: readonly Vol[]; readonly biases?: Vol }[];
  makeLayers(layers: readonly LayerOptions[]): void;
}

/** What the trainer is told. */
export interface TrainerOptions {
  readonly method: "sgd";
  readonly learning_rate: number;
  readonly momentum: number;
  readonly l2_decay: number;
  readonly batch_size: number;
}

/** Adds up derivatives, and takes a step when a batch is complete. */
export interface Trainer {
  train(picture: Vol, target: number): { readonly cost_loss: number };
}

declare const convnetjs: {
  readonly Net: new () => Net;
  readonly Vol: new (sx: number, sy: number, depth: number, value: number) => Vol;
  readonly Trainer: new (net: Net, options: TrainerOptions) => Trainer;
};

export default convnetjs;
