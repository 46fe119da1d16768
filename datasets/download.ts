/**
 * # Downloads that can be trusted
 *
 * A file is used only when it is whole and its checksum is right; until then it has another name
 * (`.part`). A download that was cut off goes on where it stopped, in this run or the next.
 *
 * @module
 */
import { basename, dirname } from "@std/path";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { DataError } from "./idx.ts";
import { lock, writeFailure } from "./lock.ts";

/** What a file must come to. */
export interface Checksum {
  /** How it is computed. */
  readonly algorithm: "md5" | "sha256";
  /** What it must be, in hexadecimal. */
  readonly hex: string;
}

/** How far a download is. */
export interface DownloadProgress {
  /** Bytes that are there, those of earlier runs included. */
  readonly received: number;
  /** Bytes in all; null if the server does not say. */
  readonly total: number | null;
  /** Bytes per second since this run began. */
  readonly rate: number;
  /** Seconds that the rest will take at this rate; null if nobody can say. */
  readonly secondsLeft: number | null;
}

/** What download() takes. */
export interface DownloadOptions {
  /** Where the file comes from, `http:` or `https:`. */
  readonly url: string;
  /** Where it goes. */
  readonly path: string;
  /** What it must come to; without it, nobody checks. */
  readonly checksum?: Checksum;
  /** The bytes that it must begin with, so that a web page in its place is noticed at once. */
  readonly magic?: readonly number[];
  /** Called for every piece that arrives. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Called with a sentence when something is tried again, or waited for. */
  readonly onNotice?: (text: string) => void;
  /** Stops it; what has arrived stays for the next run. */
  readonly signal?: AbortSignal;
  /** How often in a row to try without getting a single byte, 5 by default. */
  readonly tries?: number;
  /** Seconds without a byte after which a connection counts as dropped, 30 by default. */
  readonly patience?: number;
  /** Waits for some seconds; for tests, which have no time. */
  readonly pause?: (seconds: number) => Promise<void>;
}

/** A connection that dropped, or a server that is busy: worth another try. */
class Dropped extends Error {
  readonly secondsToWait: number;

  constructor(message: string, secondsToWait = 0) {
    super(message);
    this.secondsToWait = secondsToWait;
  }
}

/** What is known of a file of which a part has arrived. */
interface Part {
  readonly url: string;
  /** The server's name for this very version of the file. */
  readonly version: string | null;
  readonly total: number | null;
}

/**
 * Computes the checksum of a file.
 *
 * @param path Which.
 * @param algorithm How.
 * @returns In hexadecimal.
 */
export async function hashOfFile(path: string, algorithm: Checksum["algorithm"]): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece);
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number | null> {
  return (await stat(path).catch(() => null))?.size ?? null;
}

/**
 * Makes sure that a file is there, whole: downloads it if it is not, or goes on with what has arrived
 * before. Two that want the same file take turns, and the second finds what the first one got.
 *
 * @param options Where from, where to, and how to know that it is right.
 * @throws {DataError} If it cannot be had; the message says why, and what has arrived is kept.
 * @throws {DOMException} An AbortError, if the signal says stop.
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { path, checksum, onNotice, signal } = options;
  if (await isThere(path, checksum)) return; // no lock: the folder may be read-only
  const onWait = (): void =>
    onNotice?.("Another run is downloading the same file: waiting for it.");
  const held = await lock(`${path}.lock`, { onWait, signal });
  try {
    if (await isThere(path, checksum)) return;
    if (await sizeOf(path) !== null) onNotice?.(`${path} is damaged: downloading it again.`);
    await new Download(options).run();
  } finally {
    held.release();
  }
}

/** Whether a file is there and what it should be. */
async function isThere(path: string, checksum?: Checksum): Promise<boolean> {
  if (await sizeOf(path) === null) return false;
  return !checksum || await hashOfFile(path, checksum.algorithm) === checksum.hex;
}

/** One file on its way. */
class Download {
  readonly #options: DownloadOptions;
  readonly #part: string;
  readonly #about: string;
  readonly #host: string;
  #received = 0;
  /** Bytes that have arrived in this run. */
  #fresh = 0;
  readonly #started = performance.now();

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#part = `${options.path}.part`;
    this.#about = `${options.path}.part.json`;
    this.#host = new URL(options.url).host;
  }

  /** Tries until the file is whole, checks it, and gives it its name. */
  async run(): Promise<void> {
    const { path, checksum, onNotice, tries = 5, signal } = this.#options;
    const { pause = (seconds: number) => this.#sleep(seconds) } = this.#options;
    await mkdir(dirname(path), { recursive: true }).catch((cause) => {
      throw writeFailure(dirname(path), cause);
    });
    let hasBegunAgain = false;
    for (let failed = 0;;) {
      signal?.throwIfAborted();
      const fresh = this.#fresh, resumedAt = await sizeOf(this.#part) ?? 0;
      try {
        await this.#fetch();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof Dropped)) throw error;
        failed = this.#fresh > fresh ? 1 : failed + 1;
        if (failed >= tries) throw this.#unreachable(error.message, failed);
        const seconds = Math.max(error.secondsToWait, 2 ** (failed - 1));
        onNotice?.(`${error.message}: trying again in ${seconds} s.`);
        await pause(seconds);
        continue;
      }
      const found = checksum && await hashOfFile(this.#part, checksum.algorithm);
      if (!checksum || found === checksum.hex) break;
      await this.#forget();
      if (resumedAt === 0 || hasBegunAgain) throw this.#wrongChecksum(checksum, found ?? "");
      hasBegunAgain = true; // the two parts may have been of two versions of the file
      onNotice?.("What was put together has a wrong checksum: downloading all of it again.");
    }
    await rename(this.#part, path);
    await rm(this.#about, { force: true });
  }

  #sleep(seconds: number): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve) => {
      const timer = setTimeout(done, seconds * 1000);
      signal?.addEventListener("abort", done);
      function done(): void {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      }
    });
  }

  async #forget(): Promise<void> {
    await rm(this.#part, { force: true });
    await rm(this.#about, { force: true });
  }

  /** What is known of the part that is there; null if it may not be gone on with. */
  async #known(): Promise<Part | null> {
    try {
      const part: Partial<Part> = JSON.parse(await readFile(this.#about, "utf8"));
      if (part.url !== this.#options.url) return null;
      return { url: part.url, version: part.version ?? null, total: part.total ?? null };
    } catch {
      return null;
    }
  }

  /** One connection: asks for what is missing, and writes down what comes. */
  async #fetch(): Promise<void> {
    const { url, signal, checksum } = this.#options, known = await this.#known();
    const isSafe = known && (known.version || checksum); // else two versions might be mixed unnoticed
    const have = isSafe ? await sizeOf(this.#part) ?? 0 : 0;
    const stop = new AbortController(), stopped = (): void => stop.abort();
    signal?.addEventListener("abort", stopped);
    const watch = new Watch(this.#options.patience ?? 30, stopped);
    try {
      const headers: Record<string, string> = { "accept-encoding": "identity" };
      if (have > 0) headers.range = `bytes=${have}-`;
      if (have > 0 && known?.version) headers["if-range"] = known.version;
      const response = await this.#connected(fetch(url, { headers, signal: stop.signal }));
      watch.rest();
      await this.#receive(response, have, known, watch);
    } finally {
      watch.end();
      signal?.removeEventListener("abort", stopped);
      stop.abort(); // closes the connection of a body that nobody wants
    }
  }

  /** Turns whatever a connection may fail with into words. */
  async #connected<T>(connection: Promise<T>): Promise<T> {
    try {
      return await connection;
    } catch (cause) {
      this.#options.signal?.throwIfAborted();
      if (cause instanceof Error && cause.name === "NotCapable") {
        const found = /"([^"]+)"/.exec(cause.message)?.[1] ?? "another host";
        throw new DataError(
          `Cannot download from ${this.#host}: Deno must be allowed to reach ${found}, ` +
            "permission was refused",
          "Does the address lead on to another host? Give that one as --source.",
          { cause },
        );
      }
      throw new Dropped(`The connection to ${this.#host} failed`);
    }
  }

  /** Reads one answer of the server. */
  async #receive(
    response: Response,
    have: number,
    known: Part | null,
    watch: Watch,
  ): Promise<void> {
    const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(
      response.headers.get("content-range") ?? "",
    );
    if (response.status === 416 && have > 0) { // nothing is missing, or the file has changed
      if (Number(range?.[2]) === have) return;
      await this.#forget();
      throw new Dropped("The file has changed on the server");
    }
    if (!response.ok) throw this.#refused(response);
    const isRest = response.status === 206;
    if (isRest && (Number(range?.[1]) !== have || response.headers.has("content-encoding"))) {
      await this.#forget();
      throw new Dropped("The server sent another part than was asked for");
    }
    const start = isRest ? have : 0, length = lengthOf(response);
    const total = length === null ? null : start + length;
    if (isRest && known?.total && total !== known.total) {
      await this.#forget();
      throw new Dropped("The file has changed on the server");
    }
    if (/\btext\/html\b/.test(response.headers.get("content-type") ?? "")) throw this.#webPage();
    await this.#requireRoom(total === null ? 0 : total - start);
    await this.#write(response, start, total, watch);
    if (total !== null && this.#received < total) {
      throw new Dropped(`The connection ended at ${this.#received} of ${total} bytes`);
    }
  }

  async #write(
    response: Response,
    start: number,
    total: number | null,
    watch: Watch,
  ): Promise<void> {
    const { url, onProgress, magic = [] } = this.#options, { headers } = response;
    const version = headers.get("etag") ?? headers.get("last-modified");
    const part: Part = { url, total, version: version?.startsWith("W/") ? null : version };
    this.#received = start;
    let file: Awaited<ReturnType<typeof open>> | undefined;
    try {
      for await (const value of this.#pieces(response)) {
        watch.rest();
        if (!file && start === 0) {
          const isOther = magic.some((byte, k) => k < value.length && value[k] !== byte);
          if (isOther) throw this.#webPage();
          await writeFile(this.#about, JSON.stringify(part));
        }
        file ??= await open(this.#part, start === 0 ? "w" : "a");
        for (let at = 0; at < value.length;) at += (await file.write(value, at)).bytesWritten;
        this.#received += value.length;
        this.#fresh += value.length;
        const seconds = Math.max(1e-3, (performance.now() - this.#started) / 1000);
        const rate = this.#fresh / seconds,
          secondsLeft = total === null ? null : (total - this.#received) / rate;
        onProgress?.({ received: this.#received, total, rate, secondsLeft });
      }
      await file?.sync();
      if (!file) throw new Dropped(`${this.#host} sent nothing`);
    } catch (error) {
      if (error instanceof Dropped || error instanceof DataError || this.#isOver()) throw error;
      throw writeFailure(dirname(this.#part), error);
    } finally {
      await file?.close();
    }
  }

  /** What comes, piece by piece. */
  async *#pieces({ body }: Response): AsyncGenerator<Uint8Array> {
    const reader = body?.getReader();
    while (reader) {
      const { done, value } = await this.#connected(reader.read());
      if (done) return;
      yield value;
    }
  }

  #isOver(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /** Refuses to begin what the disk cannot hold; where nobody may ask, the disk itself will say. */
  async #requireRoom(bytes: number): Promise<void> {
    const folder = dirname(this.#part), found = await statfs(folder).catch(() => null);
    if (!found || Number(found.bavail) * Number(found.bsize) >= bytes) return;
    const free = Number(found.bavail) * Number(found.bsize);
    throw new DataError(
      `Cannot download ${this.#options.url}: ${megabytes(bytes)} are missing, ` +
        `the disk of ${folder} has ${megabytes(free)} left`,
      "Make room there, or choose another folder with --cache.",
    );
  }

  // ── What can go wrong ──

  #refused({ status, statusText, headers }: Response): Error {
    const answer = `${status} ${statusText}`.trim();
    if (status >= 500 || [408, 425, 429].includes(status)) {
      const after = Math.min(60, Number(headers.get("retry-after")) || 0);
      return new Dropped(`${this.#host} answered ${answer}`, after);
    }
    return new DataError(
      `Cannot download ${this.#options.url}: the server answered ${answer}`,
      "Check the address, or take the file from elsewhere with --source.",
    );
  }

  #webPage(): DataError {
    return new DataError(
      `Cannot download ${this.#options.url}: ${basename(this.#options.path)} was expected, ` +
        "something else came, perhaps a web page",
      "Does this network ask to sign in? Do that in a browser, then run this again.",
    );
  }

  #unreachable(message: string, failed: number): DataError {
    return new DataError(
      `Cannot download ${this.#options.url}: ${message}, ${failed} times in a row`,
      `Run this again: it goes on after ${megabytes(this.#received)}. Or give a copy as --source.`,
    );
  }

  #wrongChecksum({ algorithm, hex }: Checksum, found: string): DataError {
    return new DataError(
      `Cannot use ${this.#options.url}: its ${algorithm} must be ${hex}, found ${found}`,
      "Nothing of it was kept. Has the file changed, or does something stand in between?",
    );
  }
}

/** Bytes that an answer will have; null if it does not say, or is packed on its way. */
function lengthOf({ headers }: Response): number | null {
  const length = headers.get("content-length");
  return length === null || headers.has("content-encoding") ? null : Number(length);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Says when nothing has happened for too long. */
class Watch {
  readonly #milliseconds: number;
  readonly #onTooLong: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(seconds: number, onTooLong: () => void) {
    this.#milliseconds = seconds * 1000;
    this.#onTooLong = onTooLong;
    this.rest();
  }

  /** Something has happened. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTooLong, this.#milliseconds);
  }

  /** Nobody waits any more. */
  end(): void {
    clearTimeout(this.#timer);
  }
}
