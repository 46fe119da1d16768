/**
 * Shows a training of seconds, epoch by epoch: one line that is overwritten at a terminal, and a plain
 * line every few epochs where there is none.
 *
 * @module
 */
import { LiveLine, type Terminal } from "./terminal.ts";

/** What shows how far one training is. */
export interface TrainingProgress {
  /** Tells how many steps an earlier run has taken, and how many there are. */
  start(step: number, steps: number): void;
  /** Shows the state after a step. */
  show(state: TrainingStep): void;
  /** Shows what an epoch came to. */
  finishEpoch(epoch: Omit<TrainingStep, "step" | "steps">): void;
  /** Says what came out. */
  finish(text: string): void;
  /** Prints a sentence in place of the line. */
  say(text: string): void;
}

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
  /** The part that was right in the epoch so far, if anybody counts. */
  readonly accuracy?: number;
}

/** Shows a training of seconds. */
export class EpochProgress implements TrainingProgress {
  readonly #terminal: Terminal;
  readonly #line: LiveLine;
  readonly #title: string;
  readonly #epochs: number;
  readonly #started = performance.now();

  /**
   * @param terminal Where to show it.
   * @param title What is being trained.
   * @param epochs How many epochs there will be.
   */
  constructor(terminal: Terminal, title: string, epochs: number) {
    this.#terminal = terminal;
    this.#line = new LiveLine(terminal);
    this.#title = title;
    this.#epochs = epochs;
  }

  start(): void {}

  show(): void {}

  finishEpoch({ epoch, loss }: { readonly epoch: number; readonly loss: number }): void {
    const { live, columns } = this.#terminal;
    const every = Math.max(1, Math.ceil(this.#epochs / 3));
    if (!live && (epoch % every !== 0 || epoch === this.#epochs)) return; // finish() says the last
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1);
    const length = live && columns >= 80 ? 20 : 0;
    const filled = Math.round(epoch / this.#epochs * length);
    const bar = length > 0 ? `${"█".repeat(filled)}${"░".repeat(length - filled)}  ` : "";
    const state = `epoch ${epoch}/${this.#epochs}  loss ${loss.toFixed(4)}  ${seconds} s`;
    const line = `${this.#title}  ${bar}${state}`;
    if (live) this.#line.overwrite(line);
    else this.#terminal.write(`${line}\n`);
  }

  finish(text: string): void {
    this.say(`${this.#title}: ${text}`);
  }

  say(text: string): void {
    this.#line.say(text);
  }
}
