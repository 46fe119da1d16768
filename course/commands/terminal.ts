/**
 * A terminal that a command has for itself: one screen that is drawn again in place, and keys.
 *
 * @module
 */
import process from "node:process";

/** What a terminal tells. */
export interface TerminalEvents {
  /** A key was pressed: its character. Pasted text and keys such as arrows are not told. */
  readonly onKey: (key: string) => void;
  /** The terminal is gone, or somebody asks the command to end. */
  readonly onEnd: (code: number) => void;
  /** What was drawn is no longer there, or no longer fits. */
  readonly onLost: () => void;
}

/** How large a terminal is, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The other screen: what was printed before comes back when it is left. The cursor is hidden. */
const enter = "\x1b[?1049h\x1b[?25l\x1b[?2004h\x1b[2J", leave = "\x1b[?2004l\x1b[?25h\x1b[?1049l";

const ctrlC = "\x03", ctrlZ = "\x1a";

/** The signals that end a command, and the exit code of each. */
const endings = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/** The terminal that the command was started in. */
export class Terminal {
  readonly #events: TerminalEvents;
  #isOpen = false;

  /** @param events Who is told. */
  constructor(events: TerminalEvents) {
    this.#events = events;
  }

  /** How large it is now. Some pipes that pass for terminals do not know. */
  get size(): Size {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
  }

  /** Takes the terminal over. */
  open(): void {
    for (const [signal, code] of Object.entries(endings)) {
      process.on(signal, () => this.#events.onEnd(code));
    }
    process.stdin.on("data", (typed) => this.#typed(String(typed)));
    process.stdin.on("end", () => this.#events.onEnd(129));
    process.stdin.on("error", () => this.#events.onEnd(129));
    process.stdout.on("resize", () => this.#events.onLost());
    this.#enter();
  }

  /** Draws the screen: as many lines as fit. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const drawn = lines.slice(0, this.size.rows).map((line) => `${line}\x1b[K`).join("\r\n");
    process.stdout.write(`\x1b[H${drawn}\x1b[J`);
  }

  /** Gives the terminal back; what is printed next is an ordinary line. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    process.stdout.write(leave);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }

  /** Prints lines where one can scroll through them, until a key is pressed. */
  async show(lines: readonly string[]): Promise<void> {
    process.stdout.write(`${leave}${lines.join("\r\n")}\r\n\r\nAny key goes back.\r\n`);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#isOpen = false;
    process.stdin.once("data", () => resolve());
    await promise;
    this.#enter();
    this.#events.onLost();
  }

  #enter(): void {
    this.#isOpen = true;
    process.stdin.setRawMode(true);
    process.stdin.resume();
    process.stdout.write(enter);
  }

  #typed(text: string): void {
    if (!this.#isOpen) return;
    for (const key of keysIn(text)) {
      if (key === ctrlC) this.#events.onEnd(endings.SIGINT);
      else if (key === ctrlZ) this.#suspend();
      else this.#events.onKey(key);
    }
  }

  /** As Ctrl-Z does in other programs: all that belongs to the command stops, until `fg`. */
  #suspend(): void {
    if (process.platform === "win32") return;
    this.close();
    process.once("SIGCONT", () => {
      this.#enter();
      this.#events.onLost();
    });
    process.kill(0, "SIGTSTP");
  }
}

/**
 * The keys in what came from a terminal at once.
 *
 * @param text What came.
 * @returns A character each; what was pasted, and keys that send several characters, are left out.
 */
export function keysIn(text: string): string[] {
  // deno-lint-ignore no-control-regex -- control characters are what a terminal sends
  return [...text.replace(/\x1b\[200~[^]*?(?:\x1b\[201~|$)|\x1b(?:\[[\d;?]*.|O.|.)/gu, "")];
}
