/**
 * Runs cells in Deno's Jupyter kernel, as a notebook would: over ZeroMQ (ZMTP 3.0), with Jupyter's
 * messages, version 5.3.
 *
 * Both are written out here, because `zeromq` from npm cannot be relied on under Deno 2.9.6: of 40
 * runs with its version 6.8.0, 7 waited forever for a message, and a `receiveTimeout` ends the
 * process with a segmentation fault. Under Node neither happens.
 *
 * @module
 */
import { join } from "@std/path";
import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import process from "node:process";

/** What became of a cell. */
export interface CellResult {
  /** Whether it ran to its end. */
  readonly status: "ok" | "error";
  /** What was thrown: "TodoError: …". */
  readonly error: string;
}

/** A message of Jupyter's. */
interface Message {
  readonly type: string;
  /** The request that it answers. */
  readonly parent: string;
  // deno-lint-ignore no-explicit-any
  readonly content: any;
}

const key = "kindling",
  names = ["shell_port", "iopub_port", "stdin_port", "control_port", "hb_port"];

/** A kernel that runs. */
export class Kernel {
  readonly #process: ChildProcess;
  readonly #folder: string;
  readonly #shell: Connection;
  readonly #published: Connection;
  #printed = "";

  private constructor(process: ChildProcess, folder: string, shell: Connection, io: Connection) {
    this.#process = process;
    this.#folder = folder;
    this.#shell = shell;
    this.#published = io;
  }

  /**
   * Starts a kernel.
   *
   * @param deno Deno's program.
   * @param cwd The folder that it runs in.
   * @returns The kernel, ready for cells.
   */
  static async start(deno: string, cwd: string): Promise<Kernel> {
    const ports = await freePorts(names.length);
    const folder = mkdtempSync(join(tmpdir(), "kindling-kernel-")),
      file = join(folder, "kernel.json");
    const settings = { ip: "127.0.0.1", transport: "tcp", signature_scheme: "hmac-sha256", key };
    const numbered = Object.fromEntries(names.map((name, k) => [name, ports[k]]));
    writeFileSync(file, JSON.stringify({ ...settings, ...numbered }));
    const args = ["jupyter", "--kernel", "--conn", file];
    const child = spawn(deno, args, {
      cwd,
      stdio: "ignore",
      env: { ...process.env, NO_COLOR: "1" },
    });
    const io = await Connection.open(ports[1], "SUB"),
      shell = await Connection.open(ports[0], "DEALER");
    return new Kernel(child, folder, shell, io);
  }

  /** Runs a cell to its end. */
  async run(source: string): Promise<CellResult> {
    const content = { code: source, silent: false, store_history: true, allow_stdin: false };
    const id = this.#shell.send("execute_request", { ...content, stop_on_error: false });
    const reply = await this.#shell.next(({ parent, type }) =>
      parent === id && type === "execute_reply"
    );
    let error = "";
    await this.#published.next(({ parent, type, content }) => {
      if (type === "stream") this.#printed += content.text;
      if (parent !== id) return false;
      if (type === "error") error = `${content.ename}: ${content.evalue}`;
      return type === "status" && content.execution_state === "idle";
    });
    return { status: reply.content.status, error };
  }

  /**
   * What was printed since the last call. It travels apart from the news that a cell has ended, and
   * may come later; so a last word is printed and waited for.
   */
  async printed(): Promise<string> {
    const last = randomUUID();
    await this.run(`console.log("${last}");`);
    while (!this.#printed.includes(last)) {
      await this.#published.next(({ type, content }) => {
        if (type === "stream") this.#printed += content.text;
        return type === "stream";
      });
    }
    const [text] = this.#printed.split(last);
    this.#printed = "";
    return text;
  }

  /** Ends the kernel. */
  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.on("close", resolve));
    this.#shell.close();
    this.#published.close();
    this.#process.kill("SIGKILL");
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Ports of the loopback address that nobody listens on. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    ports.push(typeof address === "object" && address ? address.port : 0);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}

// ── ZeroMQ ──

/** One connection: a greeting, a handshake, and then messages of several frames each. */
class Connection {
  readonly #socket: Socket;
  #bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  #frames: Buffer<ArrayBufferLike>[] = [];
  readonly #messages: Message[] = [];
  #wake: () => void = () => {};
  #isGreeted = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (bytes: Uint8Array | string) => this.#receive(Buffer.from(bytes)));
    socket.on("error", () => {}); // the kernel was killed
  }

  /** Connects, again and again until the kernel listens. */
  static async open(port: number, kind: "DEALER" | "SUB"): Promise<Connection> {
    for (let attempt = 0;; attempt++) {
      const socket = await connected(port);
      if (socket) return new Connection(socket).#greet(kind);
      if (attempt === 200) throw new Error(`No kernel listens on port ${port}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #greet(kind: "DEALER" | "SUB"): this {
    const greeting = Buffer.alloc(64);
    greeting.set([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, ...Buffer.from("NULL")]);
    const ready = Buffer.from(
      `\x05READY\x0bSocket-Type\0\0\0${String.fromCharCode(kind.length)}${kind}`,
    );
    this.#socket.write(Buffer.concat([greeting, Buffer.from([4, ready.length]), ready]));
    if (kind === "SUB") this.#socket.write(frame(Buffer.from([1]), false)); // all topics
    return this;
  }

  /** Sends a message; returns its name. */
  send(type: string, content: object): string {
    const id = randomUUID();
    const header = {
      msg_id: id,
      msg_type: type,
      session: "test",
      username: "",
      version: "5.3",
      date: "",
    };
    const parts = [header, {}, {}, content].map((part) => Buffer.from(JSON.stringify(part)));
    const signature = createHmac("sha256", key);
    for (const part of parts) signature.update(part);
    const all = [Buffer.from("<IDS|MSG>"), Buffer.from(signature.digest("hex")), ...parts];
    for (const [k, part] of all.entries()) this.#socket.write(frame(part, k < all.length - 1));
    return id;
  }

  /** Takes messages one by one, until one is what is waited for. */
  async next(isWanted: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      for (let one = this.#messages.shift(); one; one = this.#messages.shift()) {
        if (isWanted(one)) return one;
      }
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer<ArrayBufferLike>): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#isGreeted) {
      if (this.#bytes.length < 64) return;
      this.#bytes = this.#bytes.subarray(64);
      this.#isGreeted = true;
    }
    for (let one = this.#takeFrame(); one; one = this.#takeFrame()) this.#addFrame(one);
    this.#wake();
  }

  /** The next whole frame: a byte of flags, its length in one byte or eight, and its body. */
  #takeFrame(): { flags: number; body: Buffer<ArrayBufferLike> } | undefined {
    const bytes = this.#bytes, isLong = (bytes[0] & 2) > 0, head = isLong ? 9 : 2;
    if (bytes.length < head) return undefined;
    const length = isLong ? Number(bytes.readBigUInt64BE(1)) : bytes[1];
    if (bytes.length < head + length) return undefined;
    this.#bytes = bytes.subarray(head + length);
    return { flags: bytes[0], body: bytes.subarray(head, head + length) };
  }

  #addFrame({ flags, body }: { flags: number; body: Buffer<ArrayBufferLike> }): void {
    if ((flags & 4) > 0) return; // a command of the handshake
    this.#frames.push(body);
    if ((flags & 1) > 0) return; // more of this message will come
    const texts = this.#frames.map((part) => part.toString());
    this.#frames = [];
    const [, header, parent, , content] = texts.slice(texts.indexOf("<IDS|MSG>") + 1);
    const { msg_type: type } = JSON.parse(header), { msg_id } = JSON.parse(parent);
    this.#messages.push({ type, parent: msg_id, content: JSON.parse(content) });
  }
}

function connected(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}

function frame(body: Uint8Array, hasMore: boolean): Buffer<ArrayBufferLike> {
  const head = Buffer.alloc(9);
  head[0] = hasMore ? 3 : 2;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}
