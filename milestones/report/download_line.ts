/**
 * One line that shows how far a download is: overwritten at a terminal, and a plain line now and then
 * where there is none.
 *
 * @module
 */
import type { DownloadProgress } from "../../datasets/download.ts";
import { LiveLine, type Terminal } from "./terminal.ts";
import { duration } from "./wording.ts";

/** Least time between two lines, in milliseconds: at a terminal, and where there is none. */
const between = { live: 100, plain: 5000 } as const;

/** Shows how far one download is. */
export class DownloadLine {
  readonly #line: LiveLine;
  readonly #live: boolean;
  readonly #now: () => number;
  #shown = -Infinity;
  #last: DownloadProgress | null = null;

  /**
   * @param terminal Where to show it.
   * @param now The clock, in milliseconds.
   */
  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#line = new LiveLine(terminal);
    this.#live = terminal.live;
    this.#now = now;
  }

  /** Shows bytes, rate and time left. */
  show(progress: DownloadProgress): void {
    this.#last = progress;
    const now = this.#now();
    if (now - this.#shown < (this.#live ? between.live : between.plain)) return;
    this.#shown = now;
    const line = describe(progress);
    if (this.#live) this.#line.overwrite(line);
    else this.#line.say(line);
  }

  /** Prints a sentence in place of the line. */
  say(text: string): void {
    this.#line.say(text);
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
