/**
 * Shows a training of minutes step by step: first how long it will take, then one line that is
 * overwritten at a terminal, and a plain line for each epoch.
 *
 * @module
 */
import type { TrainingProgress, TrainingStep } from "./epoch_progress.ts";
import { LiveLine, type Terminal } from "./terminal.ts";
import { duration, percent, plural } from "./wording.ts";

/** The first steps are slower than the others: the clock starts after them. */
const settling = 3;
/** How many steps the first estimate takes, or how many milliseconds if that is less. */
const measured = { steps: 10, milliseconds: 15_000 } as const;
/** Least time between two lines at a terminal, in milliseconds. */
const between = 100;

/** Shows a training of minutes. */
export class StepProgress implements TrainingProgress {
  readonly #line: LiveLine;
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
    this.#line = new LiveLine(terminal);
    this.#title = title;
    this.#epochs = epochs;
    this.#batchSize = batchSize;
    this.#now = now;
    this.#clock = { step: 0, at: now() };
  }

  start(step: number, steps: number): void {
    this.#first = step;
    this.#clock = { step, at: this.#now() };
    if (step > 0) this.say(`${this.#title}: going on after step ${step} of ${steps}.`);
  }

  show({ step, steps, epoch, loss, accuracy }: TrainingStep): void {
    const now = this.#now(), waited = now - this.#clock.at;
    const isSettling = step - this.#first <= settling;
    if (isSettling && waited < measured.milliseconds) this.#clock = { step, at: now };
    const counted = step - this.#clock.step, perStep = (now - this.#clock.at) / counted / 1000;
    if (!this.#isEstimated) {
      const isEnough = counted >= measured.steps || waited >= measured.milliseconds;
      if (counted === 0 || !isEnough) {
        return this.#line.overwrite(`step ${step}: measuring how long it takes`);
      }
      this.#isEstimated = true;
      this.#estimate(steps - this.#first, counted, perStep);
    }
    if (now - this.#shown < between) return;
    this.#shown = now;
    this.#line.overwrite(
      `epoch ${epoch}/${this.#epochs}  ${this.#rate(perStep)} images/s  loss ${loss.toFixed(3)}  ` +
        `${right(accuracy)}${duration((steps - step) * perStep)} left`,
    );
  }

  #estimate(steps: number, counted: number, perStep: number): void {
    this.say(
      `${this.#title}: about ${duration(steps * perStep)} for ${steps} steps in ` +
        `${plural(this.#epochs, "epoch")}, judging by ${plural(counted, "step")} at ` +
        `${this.#rate(perStep)} images/s.`,
    );
  }

  #rate(secondsPerStep: number): string {
    const rate = this.#batchSize / secondsPerStep;
    return rate < 10 ? rate.toFixed(1) : rate.toFixed(0);
  }

  finishEpoch({ epoch, loss, accuracy }: Omit<TrainingStep, "step" | "steps">): void {
    const part = accuracy === undefined ? "" : "of the training images, as they came";
    const state = `  epoch ${epoch}/${this.#epochs}  loss ${loss.toFixed(3)}  `;
    this.say(`${state}${right(accuracy).trimEnd()} ${part}`.trimEnd());
  }

  finish(text: string): void {
    this.say(`${this.#title}: ${text}`);
  }

  say(text: string): void {
    this.#line.say(text);
  }
}

function right(accuracy?: number): string {
  return accuracy === undefined ? "" : `accuracy ${percent(accuracy)}  `;
}
