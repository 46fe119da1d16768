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

/** The first steps are slower than the others: the clock starts after them. */
const settling = 3;
/** How many steps the first estimate takes, or how many milliseconds if that is less. */
const measured = { steps: 10, milliseconds: 15_000 } as const;
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
  /** The step after which the clock was started, and when that was. */
  #clock: { readonly step: number; readonly at: number };
  /** Steps that an earlier run has taken. */
  #first = 0;
  #isEstimated = false;
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
    this.#clock = { step: 0, at: now() };
  }

  /** Tells how many steps an earlier run has taken. */
  start(step: number, steps: number): void {
    this.#first = step;
    this.#clock = { step, at: this.#now() };
    if (step > 0) this.say(`${this.#title}: going on after step ${step} of ${steps}.`);
  }

  /** Shows the state after a step. */
  show(state: TrainingStep): void {
    const { step, steps, epoch, loss, accuracy } = state, now = this.#now();
    const isSettling = step - this.#first <= settling, waited = now - this.#clock.at;
    if (isSettling && waited < measured.milliseconds) this.#clock = { step, at: now };
    const counted = step - this.#clock.step, perStep = (now - this.#clock.at) / counted / 1000;
    if (!this.#isEstimated) {
      const isEnough = counted >= measured.steps || waited >= measured.milliseconds;
      if (counted === 0 || !isEnough) {
        return this.#live(`step ${step}: measuring how long it takes`);
      }
      this.#isEstimated = true;
      this.say(
        `${this.#title}: about ${duration((steps - this.#first) * perStep)} for ` +
          `${steps - this.#first} steps in ${this.#epochs} epoch${
            this.#epochs === 1 ? "" : "s"
          }, ` +
          `judging by ${counted} step${counted === 1 ? "" : "s"} at ${
            this.#rate(perStep)
          } images/s.`,
      );
    }
    if (now - this.#shown < between) return;
    this.#shown = now;
    this.#live(
      `epoch ${epoch}/${this.#epochs}  ${this.#rate(perStep)} images/s  loss ${loss.toFixed(3)}  ` +
        `accuracy ${(accuracy * 100).toFixed(1)} %  ${duration((steps - step) * perStep)} left`,
    );
  }

  #rate(secondsPerStep: number): string {
    const rate = this.#batchSize / secondsPerStep;
    return rate < 10 ? rate.toFixed(1) : rate.toFixed(0);
  }

  /** Overwrites the line at a terminal. */
  #live(line: string): void {
    const { live, columns } = this.#terminal;
    if (live) this.#terminal.write(`\r\x1b[K${line.slice(0, columns - 1)}`);
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
