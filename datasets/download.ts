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
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
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
  /** How often in a row to try without getting 16 KiB further than ever before, 5 by default. */
  readonly tries?: number;
  /** Seconds that 16 KiB may take; a slower connection counts as dropped. 30 by default. */
  readonly patience?: number;
  /** Waits for some seconds; for tests, which have no time. */
  readonly pause?: (seconds: number) => Promise<void>;
  /** Calls back after some seconds, unless the function that it returns is called; for tests. */
  readonly alarm?: (seconds: number, ring: () => void) => () => void;
}

/** Fewer bytes than these are no progress: a byte a second would never come to an end. */
const usefulBytes = 1 << 14;

/** A connection that dropped, or a server that is busy: worth another try. */
class Dropped extends Error {
  readonly secondsToWait: number;

  constructor(message: string, secondsToWait = 0, cause?: unknown) {
    super(message, { cause });
    this.secondsToWait = secondsToWait;
  }
}

/** What is known of a file of which a part has arrived. */
interface Part {
  readonly url: string;
  /** The server's name for this very version of the file: a strong ETag, or else a date. */
  readonly version: string | null;
  /** How many bytes it has as it travels. */
  readonly total: number | null;
  /** How the server says that it is packed on its way; null if it does not. */
  readonly encoding: string | null;
}

/** What unpacks what was packed on its way. */
const unpackers: Readonly<Record<string, () => NodeJS.ReadWriteStream>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

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
  /** The most bytes that have ever been there. */
  #farthest = 0;
  #encoding: string | null = null;
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
    let hasBegunAgain = false, base = this.#farthest = await sizeOf(this.#part) ?? 0;
    for (let failed = 0;;) {
      signal?.throwIfAborted();
      const resumedAt = await sizeOf(this.#part) ?? 0;
      try {
        await this.#fetch();
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof Dropped)) throw error;
        const isFurther = this.#farthest - base >= usefulBytes;
        if (isFurther) base = this.#farthest;
        failed = isFurther ? 1 : failed + 1;
        if (failed >= tries) throw this.#unreachable(error, failed);
        const seconds = Math.max(error.secondsToWait, 2 ** (failed - 1));
        onNotice?.(`${error.message}: trying again in ${seconds} s.`);
        await pause(seconds);
        continue;
      }
      if (this.#encoding) await this.#unpack(this.#encoding);
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

  /**
   * Some servers say of an archive that it was packed on its way, when it is simply packed; others
   * pack it once more. What was asked for is what has the checksum, or else the first bytes.
   */
  async #unpack(encoding: string): Promise<void> {
    const { checksum, magic = [] } = this.#options, unpacked = `${this.#part}.unpacked`;
    async function isWanted(path: string): Promise<boolean> {
      if (checksum) return await hashOfFile(path, checksum.algorithm) === checksum.hex;
      const start = await startOf(path, magic.length);
      return magic.every((byte, k) => start[k] === byte);
    }
    const unpacker = unpackers[encoding];
    try {
      if (checksum && await isWanted(this.#part)) return;
      if (unpacker) {
        await pipeline(createReadStream(this.#part), unpacker(), createWriteStream(unpacked));
        if (await isWanted(unpacked)) return await rename(unpacked, this.#part);
      }
    } catch { // it is not packed, whatever the server says
    } finally {
      await rm(unpacked, { force: true });
    }
    if (checksum || await isWanted(this.#part)) return;
    await this.#forget();
    throw this.#webPage();
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
      const { url, version = null, total = null, encoding = null } = part;
      return { url, version, total, encoding };
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
    const { patience = 30, alarm = realAlarm } = this.#options;
    const watch = new Watch((ring) => alarm(patience, ring), () => {
      stop.abort(new Dropped(`${this.#host} sent less than 16 KiB in ${patience} s`));
    });
    try {
      const headers: Record<string, string> = { "accept-encoding": "identity" };
      if (have > 0) headers.range = `bytes=${have}-`;
      if (have > 0 && known?.version) headers["if-range"] = known.version;
      const init = { headers, signal: stop.signal, decompress: false }; // the last is for Bun
      const response = await this.#connected(fetch(url, init), stop.signal);
      watch.rest();
      const pieces = this.#pieces(response, stop.signal, watch);
      await this.#receive({ response, have, known, pieces });
    } finally {
      watch.end();
      signal?.removeEventListener("abort", stopped);
      stop.abort(); // closes the connection of a body that nobody wants
    }
  }

  /** Turns whatever a connection may fail with into words. */
  async #connected<T>(connection: Promise<T>, stop: AbortSignal): Promise<T> {
    try {
      return await connection;
    } catch (cause) {
      this.#options.signal?.throwIfAborted();
      if (stop.reason instanceof Dropped) throw stop.reason;
      if (cause instanceof Error && cause.name === "NotCapable") {
        const found = /"([^"]+)"/.exec(cause.message)?.[1] ?? "another host";
        throw new DataError(
          `Cannot download from ${this.#host}: Deno must be allowed to reach ${found}, ` +
            "permission was refused",
          "Does the address lead on to another host? Give that one as --source.",
          { cause },
        );
      }
      const says = lastingFailure(cause, this.#host);
      if (!says) throw new Dropped(`The connection to ${this.#host} failed`, 0, cause);
      throw new DataError(`Cannot download ${this.#options.url}: ${says[0]}`, says[1], { cause });
    }
  }

  /** Reads one answer of the server. */
  async #receive({ response, have, known, pieces }: Answer): Promise<void> {
    const { url, checksum } = this.#options, { headers } = response;
    const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(
      headers.get("content-range") ?? "",
    );
    if (response.status === 416 && have > 0) { // nothing is missing, or the file has changed
      const isWhole = Number(range?.[2]) === have && (known?.total ?? have) === have;
      if (!isWhole) throw await this.#changed();
      this.#encoding = known?.encoding ?? null;
      return;
    }
    if (!response.ok) throw this.#refused(response);
    const isRest = response.status === 206, start = isRest ? have : 0, length = lengthOf(headers);
    const whole = isRest ? range?.[2] ?? "*" : "*";
    const total = whole !== "*" ? Number(whole) : length === null ? null : start + length;
    const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? null;
    const part: Part = { url, version: versionOf(headers), total, encoding };
    if (isRest && Number(range?.[1]) !== have) {
      await this.#forget();
      throw new Dropped("The server sent another part than was asked for");
    }
    if (isRest && isOther(known, part, checksum !== undefined)) throw await this.#changed();
    if (/\btext\/html\b/.test(headers.get("content-type") ?? "")) throw this.#webPage();
    if (total === null && !checksum && !headers.has("transfer-encoding")) throw this.#endless();
    await this.#requireRoom(total === null ? 0 : total - start);
    this.#encoding = encoding;
    await this.#write(part, start, pieces);
    if (total !== null && this.#received < total) {
      throw new Dropped(`The connection ended at ${this.#received} of ${total} bytes`);
    }
  }

  async #changed(): Promise<Dropped> {
    await this.#forget();
    return new Dropped("The file has changed on the server");
  }

  async #write(part: Part, start: number, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const { onProgress, magic = [] } = this.#options, { total } = part;
    this.#received = start;
    let file: Awaited<ReturnType<typeof open>> | undefined;
    try {
      for await (const value of pieces) {
        if (!file && start === 0) {
          const isOther = magic.some((byte, k) => k < value.length && value[k] !== byte);
          if (isOther && !part.encoding) throw this.#webPage();
          file = await open(this.#part, "w"); // first: nothing of an older version may be left
          await writeFile(this.#about, JSON.stringify(part));
        }
        file ??= await open(this.#part, "a");
        for (let at = 0; at < value.length;) at += (await file.write(value, at)).bytesWritten;
        this.#received += value.length;
        this.#fresh += value.length;
        this.#farthest = Math.max(this.#farthest, this.#received);
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
  async *#pieces(
    { body }: Response,
    stop: AbortSignal,
    watch: Watch,
  ): AsyncGenerator<Uint8Array> {
    const reader = body?.getReader();
    while (reader) {
      const { done, value } = await this.#connected(reader.read(), stop);
      if (done) return;
      watch.saw(value.length);
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

  #endless(): DataError {
    return new DataError(
      `Cannot download ${this.#options.url}: the server does not say how long the file is, ` +
        "so half of it would look like all of it",
      "Give its checksum as --sha256, or a copy of the file as --source.",
    );
  }

  #unreachable(cause: Dropped, failed: number): DataError {
    return new DataError(
      `Cannot download ${this.#options.url}: ${cause.message}, ${failed} times in a row`,
      `Run this again: it goes on after ${megabytes(this.#received)}. Or give a copy as --source.`,
      { cause },
    );
  }

  #wrongChecksum({ algorithm, hex }: Checksum, found: string): DataError {
    return new DataError(
      `Cannot use ${this.#options.url}: its ${algorithm} must be ${hex}, found ${found}`,
      "Nothing of it was kept. Has the file changed, or does something stand in between?",
    );
  }
}

/** An answer of the server, and what it goes on with. */
interface Answer {
  readonly response: Response;
  /** Bytes that are here already, and were not asked for again. */
  readonly have: number;
  /** What is known of those. */
  readonly known: Part | null;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** Bytes that an answer has as it travels; null if it does not say. */
function lengthOf(headers: Headers): number | null {
  const length = headers.get("content-length");
  return length === null ? null : Number(length);
}

/** What the server calls this version: a strong ETag, or else the date of its last change. */
function versionOf(headers: Headers): string | null {
  const tag = headers.get("etag");
  return tag && !tag.startsWith("W/") ? tag : headers.get("last-modified");
}

/** Whether the rest may be of another file than what is here. A checksum will find what this cannot. */
function isOther(known: Part | null, now: Part, isChecked: boolean): boolean {
  if (!known || known.encoding !== now.encoding) return true;
  if (known.total !== null && now.total !== null && known.total !== now.total) return true;
  const isUnnamed = known.version === null || now.version === null;
  return isUnnamed ? !isChecked : known.version !== now.version;
}

/** The first bytes of a file. */
async function startOf(path: string, count: number): Promise<Uint8Array> {
  const start = new Uint8Array(count), file = await open(path);
  try {
    await file.read(start, 0, count, 0);
  } finally {
    await file.close();
  }
  return start;
}

/** Failures that another try cannot mend, by what Deno and Bun say: why, and what to do. */
const lastingFailures: readonly [said: RegExp, finding: string, hint: string][] = [
  [
    /certificate|\bCERT_|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|ALTNAME/i,
    "its certificate is not trusted",
    "Does a proxy stand in between? Set DENO_TLS_CA_STORE=system (Deno) or NODE_EXTRA_CA_CERTS " +
    "(Bun), or give a copy as --source.",
  ],
  [
    /ENOTFOUND|name or service not known|nodename nor servname|no such host|no address associated/i,
    "there is no host of this name",
    "Check the address, and whether this computer is on the network.",
  ],
  [
    /ECONNREFUSED|connection refused|actively refused|ports? \d+ (is|are) blocked/i,
    "it refuses the connection",
    "Check the address and its port, or take the file from elsewhere with --source.",
  ],
  [
    /redirect/i,
    "it leads from address to address, and never to the file",
    "Check the address, or take the file from elsewhere with --source.",
  ],
  [
    /InvalidContentType|EPROTO|wrong version number/i,
    "it does not speak https there",
    "Check the address: does it begin with http:, or is the port another one?",
  ],
];

/**
 * Says why a connection failed for good, and what to do; undefined if another try may help.
 *
 * @param cause What fetch() threw.
 * @param host Where it wanted to go.
 */
export function lastingFailure(
  cause: unknown,
  host: string,
): [finding: string, hint: string] | undefined {
  let said = "";
  for (let error = cause; error instanceof Error; error = error.cause) {
    said += ` ${error.message} ${"code" in error ? error.code : ""}`;
  }
  const found = lastingFailures.find(([pattern]) => pattern.test(said));
  return found && [`${host} cannot be used, ${found[1]}`, found[2]];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function realAlarm(seconds: number, ring: () => void): () => void {
  const timer = setTimeout(ring, seconds * 1000);
  return () => clearTimeout(timer);
}

/** Says when too little has come for too long. */
class Watch {
  readonly #start: () => () => void;
  #cancel: () => void;
  #bytes = 0;

  constructor(alarm: (ring: () => void) => () => void, onTooLong: () => void) {
    this.#start = () => alarm(onTooLong);
    this.#cancel = this.#start();
  }

  /** Some bytes have come: enough of them make a new start. */
  saw(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes >= usefulBytes) this.rest();
  }

  /** The time begins again. */
  rest(): void {
    this.#cancel();
    this.#bytes = 0;
    this.#cancel = this.#start();
  }

  /** Nobody waits any more. */
  end(): void {
    this.#cancel();
  }
}
