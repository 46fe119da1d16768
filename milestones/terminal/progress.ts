/**
 * One line that shows how far a training run is: overwritten at a terminal, and a plain line every
 * few epochs where there is none.
 *
 * @module
 */
import { type Terminal, wrap } from "./terminal.ts";

/** Shows how far one training run is. */
export class Progress {
  readonly #terminal: Terminal;
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
    this.#title = title;
    this.#epochs = epochs;
  }

  /** Says how far it is after an epoch. */
  show(epoch: number, loss: number): void {
    const { live, columns } = this.#terminal;
    const every = Math.max(1, Math.ceil(this.#epochs / 3));
    if (!live && (epoch % every !== 0 || epoch === this.#epochs)) return; // finish() says the last
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1);
    const length = live && columns >= 80 ? 20 : 0,
      filled = Math.round(epoch / this.#epochs * length);
    const bar = length > 0 ? `${"█".repeat(filled)}${"░".repeat(length - filled)}  ` : "";
    const line = `${this.#title}  ${bar}epoch ${epoch}/${this.#epochs}  loss ${
      loss.toFixed(4)
    }  ${seconds} s`;
    this.#terminal.write(live ? `\r\x1b[K${line.slice(0, columns - 1)}` : `${line}\n`);
  }

  /** Ends the line with what came out. */
  finish(text: string): void {
    const { live, columns } = this.#terminal, line = wrap(`${this.#title}: ${text}`, columns);
    this.#terminal.write(`${live ? "\r\x1b[K" : ""}${line}\n`);
  }
}
