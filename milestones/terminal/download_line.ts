/**
 * One line that shows how far a download is: overwritten at a terminal, and a plain line now and then
 * where there is none.
 *
 * @module
 */
import type { DownloadProgress } from "../../datasets/download.ts";
import { type Terminal, wrap } from "./terminal.ts";
import { duration } from "./training_progress.ts";

/** Least time between two lines, in milliseconds: at a terminal, and where there is none. */
const between = { live: 100, plain: 5000 } as const;

/** Shows how far one download is. */
export class DownloadLine {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #shown = -Infinity;
  #last: DownloadProgress | null = null;

  /**
   * @param terminal Where to show it.
   * @param now The clock, in milliseconds.
   */
  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
  }

  /** Shows bytes, rate and time left. */
  show(progress: DownloadProgress): void {
    this.#last = progress;
    const { live, columns } = this.#terminal, now = this.#now();
    if (now - this.#shown < (live ? between.live : between.plain)) return;
    this.#shown = now;
    const line = describe(progress);
    this.#terminal.write(live ? `\r\x1b[K${line.slice(0, columns - 1)}` : `${line}\n`);
  }

  /** Prints a sentence in the place of the line. */
  say(text: string): void {
    const { live, columns } = this.#terminal;
    this.#terminal.write(`${live ? "\r\x1b[K" : ""}${wrap(text, columns)}\n`);
  }

  /** Says what came, if anything did. */
  finish(): void {
    if (this.#last) this.say(describe({ ...this.#last, secondsLeft: null }));
  }
}

function describe({ received, total, rate, secondsLeft }: DownloadProgress): string {
  const mega = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const of = total === null ? "" : ` of ${mega(total)}`;
  const left = secondsLeft === null ? "" : `, ${duration(secondsLeft)} left`;
  return `Downloading: ${mega(received)}${of} MB, ${mega(rate)} MB/s${left}`;
}
