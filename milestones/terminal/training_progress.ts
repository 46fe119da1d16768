/**
 * Shows a training of minutes step by step: first how long it will take, then one line that is
 * overwritten at a terminal, and a plain line for each epoch.
 *
 * @module
 */
import { type Terminal, wrap } from "./terminal.ts";

/** How far a training is. */
export interface TrainingStep {
  /** 1 for the first. */
  readonly epoch: number;
  /** Steps taken since the training began. */
  readonly step: number;
  /** Steps in all. */
  readonly steps: number;
  /** Mean loss of the epoch so far. */
  readonly loss: number;
  /** The part that was right in the epoch so far. */
  readonly accuracy: number;
}

/** Steps before the clock is trusted, and steps that the first estimate then takes. */
const settling = 3, measured = 10;
/** Least time between two lines at a terminal, in milliseconds. */
const between = 100;

/** Minutes and seconds, as people say them. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds),
    minutes = Math.floor(whole / 60),
    hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

/** Shows how far one training is. */
export class TrainingProgress {
  readonly #terminal: Terminal;
  readonly #title: string;
  readonly #epochs: number;
  readonly #batchSize: number;
  readonly #now: () => number;
  #first = 0;
  #began = 0;
  #shown = 0;

  /**
   * @param terminal Where to show it.
   * @param title What is being trained.
   * @param size How many epochs there will be, and how many images a step takes.
   * @param now The clock, in milliseconds.
   */
  constructor(
    terminal: Terminal,
    title: string,
    { epochs, batchSize }: { readonly epochs: number; readonly batchSize: number },
    now: () => number = () => performance.now(),
  ) {
    this.#terminal = terminal;
    this.#title = title;
    this.#epochs = epochs;
    this.#batchSize = batchSize;
    this.#now = now;
  }

  /** Tells how many steps an earlier run has taken. */
  start(step: number, steps: number): void {
    this.#first = step;
    if (step > 0) this.say(`${this.#title}: going on after step ${step} of ${steps}.`);
  }

  /** Shows the state after a step. */
  show(state: TrainingStep): void {
    const { step, steps, epoch, loss, accuracy } = state,
      taken = step - this.#first,
      now = this.#now();
    if (taken <= settling) this.#began = now;
    if (taken < settling + measured && step < steps) return;
    const perStep = (now - this.#began) / Math.max(1, taken - settling) / 1000;
    const left = (steps - step) * perStep, rate = Math.round(this.#batchSize / perStep);
    if (taken === settling + measured) {
      this.say(
        `${this.#title}: about ${duration((steps - this.#first) * perStep)} for ` +
          `${steps - this.#first} steps in ${this.#epochs} epoch${
            this.#epochs === 1 ? "" : "s"
          }, ` +
          `judging by ${measured} steps at ${rate} images/s.`,
      );
    }
    const { live, columns } = this.#terminal;
    if (!live || now - this.#shown < between) return;
    this.#shown = now;
    const line = `epoch ${epoch}/${this.#epochs}  ${rate} images/s  loss ${loss.toFixed(3)}  ` +
      `accuracy ${(accuracy * 100).toFixed(1)} %  ${duration(left)} left`;
    this.#terminal.write(`\r\x1b[K${line.slice(0, columns - 1)}`);
  }

  /** Says in a line that stays what an epoch came to. */
  finishEpoch({ epoch, loss, accuracy }: Omit<TrainingStep, "step" | "steps">): void {
    this.say(
      `  epoch ${epoch}/${this.#epochs}  loss ${loss.toFixed(3)}  ` +
        `accuracy ${(accuracy * 100).toFixed(1)} % of the training images, as they came`,
    );
  }

  /** Says what came out. */
  finish(seconds: number, accuracy: number, images: number): void {
    this.say(
      `${this.#title}: ${(accuracy * 100).toFixed(1)} % of ${
        images.toLocaleString("en-US")
      } images ` +
        `that it has not learnt from, trained in ${duration(seconds)}.`,
    );
  }

  /** Prints a sentence in the place of the line. */
  say(text: string): void {
    const { live, columns } = this.#terminal;
    const lead = /^ */.exec(text)?.[0] ?? "";
    const lines = wrap(text.trim(), columns - lead.length).replaceAll("\n", `\n${lead}`);
    this.#terminal.write(`${live ? "\r\x1b[K" : ""}${lead}${lines}\n`);
  }
}
