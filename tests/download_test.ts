/**
 * Downloads over a network that does everything wrong: a server on the loopback address drops
 * connections, ignores ranges, changes its file, and answers with web pages.
 *
 * @module
 */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { download, type DownloadOptions } from "../datasets/download.ts";
import { DataError } from "../datasets/idx.ts";
import { lock, tryLock } from "../datasets/lock.ts";
import { inFolder } from "./project/in_folder.ts";
import { test } from "../course/sandbox/register.ts";

/** A file that begins as gzip does, and another version of it. */
const file = Uint8Array.from(
  { length: 200_000 },
  (_, k) => k === 0 ? 0x1f : k === 1 ? 0x8b : k % 251,
);
const other = file.map((byte, k) => k < 2 ? byte : byte ^ 1);

function md5(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** What a server does with its first, second, … request; the last one stands for all others. */
type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** The part of a file that is asked for; undefined for all of it. */
function rangeOf({ headers }: IncomingMessage): number | undefined {
  const match = /^bytes=(\d+)-$/.exec(headers.range ?? "");
  return match ? Number(match[1]) : undefined;
}

/** Sends a file or the rest of it, as a good server does. */
function serve(bytes: Uint8Array, etag = '"1"', upTo = Infinity): Behaviour {
  return (request, response) => {
    const isSame = (request.headers["if-range"] ?? etag) === etag;
    const start = isSame ? rangeOf(request) : undefined, from = start ?? 0, { length } = bytes;
    if (from >= length) {
      response.writeHead(416, { "content-range": `bytes */${length}` }).end();
      return;
    }
    const range = start === undefined
      ? {}
      : { "content-range": `bytes ${start}-${length - 1}/${length}` };
    response.writeHead(start === undefined ? 200 : 206, {
      ...range,
      etag,
      "content-length": length - from,
      "content-type": "application/gzip",
    });
    if (upTo >= length) response.end(bytes.subarray(from));
    else response.write(bytes.subarray(from, upTo), () => setTimeout(() => response.destroy(), 20));
  };
}

/** Answers with a status, and perhaps a text. */
function answer(status: number, headers: Record<string, string> = {}, body = ""): Behaviour {
  return (_, response) => void response.writeHead(status, headers).end(body);
}

/** What a test works with. */
interface Scene {
  readonly folder: string;
  readonly path: string;
  readonly url: string;
  /** The range and If-Range of each request so far. */
  readonly requests: string[];
  /** What was said, and the seconds of each pause. */
  readonly notices: string[];
  readonly pauses: number[];
  /** Downloads; the options fall back on those of a good download. */
  readonly get: (options?: Partial<DownloadOptions>) => Promise<void>;
}

async function inScene(
  behaviours: readonly Behaviour[],
  body: (scene: Scene) => Promise<void>,
): Promise<void> {
  await inFolder(async (folder) => {
    const requests: string[] = [], notices: string[] = [], pauses: number[] = [];
    const server = createServer((request, response) => {
      const { range = "all", "if-range": condition = "" } = request.headers;
      const behave = behaviours[Math.min(requests.length, behaviours.length - 1)];
      requests.push(`${range} ${condition}`.trim());
      behave(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address ? address.port : 0;
    const url = `http://127.0.0.1:${port}/data.tar.gz`, path = join(folder, "sub", "data.tar.gz");
    const get: Scene["get"] = (options) =>
      download({
        url,
        path,
        checksum: { algorithm: "md5", hex: md5(file) },
        magic: [0x1f, 0x8b],
        onNotice: (text) => void notices.push(text.replaceAll(`127.0.0.1:${port}`, "HOST")),
        pause: (seconds) => Promise.resolve(void pauses.push(seconds)),
        ...options,
      });
    try {
      await body({ folder, path, url, requests, notices, pauses, get });
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

/** That the whole file is there, and nothing else but the lock. */
function assertWhole({ folder, path }: Scene, expected = file): void {
  assertEquals(md5(readFileSync(path)), md5(expected));
  assertEquals(readdirSync(join(folder, "sub")).sort(), ["data.tar.gz", "data.tar.gz.lock"]);
}

async function refuses(
  { url, path }: Scene,
  got: Promise<void>,
  message: string,
  hint?: string,
): Promise<void> {
  const error = await assertRejects(() => got, DataError);
  assertEquals(error.message.replaceAll(url, "URL").replaceAll(new URL(url).host, "HOST"), message);
  if (hint !== undefined) assertEquals(error.hint, hint);
  assertEquals(existsSync(path), false, "nothing half-written may have the file's name");
}

test("download() brings a file, and says how far it is", () =>
  inScene([serve(file)], async (scene) => {
    const seen: [number, number | null][] = [];
    await scene.get({ onProgress: ({ received, total }) => seen.push([received, total]) });
    assertWhole(scene);
    assertEquals(seen.at(-1), [200_000, 200_000]);
    await scene.get();
    assertEquals(scene.requests, ["all"], "the second time it is there");
  }));

test("download() goes on by range where the connection dropped", () =>
  inScene([serve(file, '"1"', 60_000), serve(file, '"1"', 150_000), serve(file)], async (scene) => {
    await scene.get();
    assertWhole(scene);
    assertEquals(scene.requests[0], "all");
    assertEquals(scene.requests.slice(1).every((text) => /^bytes=\d+- "1"$/.test(text)), true);
    assertEquals(scene.pauses, [1, 1]); // each time some bytes had come
  }));

test("download() goes on in the next run", () =>
  inScene([serve(file, '"1"', 60_000), serve(file)], async (scene) => {
    const error = await assertRejects(() => scene.get({ tries: 1 }), DataError);
    assertEquals(/Run this again: it goes on after [\d.]+ MB/.test(error.hint), true);
    assertEquals(existsSync(scene.path), false);
    const there = readFileSync(`${scene.path}.part`).length;
    await scene.get();
    assertWhole(scene);
    assertEquals(scene.requests[1], `bytes=${there}- "1"`);
  }));

test("download() begins again with a server that ignores ranges", () =>
  inScene([serve(file, '"1"', 60_000), (_, response) => void response.end(file)], async (scene) => {
    await scene.get();
    assertWhole(scene);
    assertEquals(scene.requests.length, 2);
  }));

test("download() begins again if the file has changed on the server meanwhile", () =>
  inScene([serve(other, '"1"', 60_000), serve(file, '"2"')], async (scene) => {
    await scene.get();
    assertWhole(scene);
  }));

test("download() notices two versions by their checksum where the server does not", () =>
  inScene([serve(other, '"1"', 60_000), serve(file, '"1"')], async (scene) => {
    await scene.get();
    assertWhole(scene);
    assertEquals(scene.requests.at(-1), "all");
    assertEquals(
      scene.notices.at(-1),
      "What was put together has a wrong checksum: downloading all of it again.",
    );
  }));

test("download() has all of it although the last byte was not noticed", () =>
  inScene([serve(file, '"1"', 60_000), serve(file)], async (scene) => {
    await assertRejects(() => scene.get({ tries: 1 }), DataError);
    writeFileSync(`${scene.path}.part`, file);
    await scene.get();
    assertWhole(scene);
    assertEquals(scene.requests[1], 'bytes=200000- "1"');
  }));

test("download() refuses a wrong checksum, and keeps nothing", () =>
  inScene([serve(other)], async (scene) => {
    const message = `Cannot use URL: its md5 must be ${md5(file)}, found ${md5(other)}`;
    await refuses(scene, scene.get(), message);
    assertEquals(readdirSync(join(scene.folder, "sub")), ["data.tar.gz.lock"]);
  }));

test("download() replaces a file that was damaged since", () =>
  inScene([serve(file)], async (scene) => {
    await scene.get();
    writeFileSync(scene.path, file.subarray(0, 1000));
    await scene.get();
    assertWhole(scene);
    assertEquals(scene.notices, [`${scene.path} is damaged: downloading it again.`]);
  }));

const pages: [name: string, behaviour: Behaviour][] = [
  ["that says so", answer(200, { "content-type": "text/html; charset=utf-8" }, "<html>sign in")],
  ["that does not", answer(200, {}, "<html>sign in")],
];
for (const [name, page] of pages) {
  test(`download() refuses a web page ${name}, and begins anew afterwards`, () =>
    inScene([page, serve(file)], async (scene) => {
      await refuses(
        scene,
        scene.get(),
        "Cannot download URL: data.tar.gz was expected, something else came, perhaps a web page",
        "Does this network ask to sign in? Do that in a browser, then run this again.",
      );
      await scene.get();
      assertWhole(scene);
      assertEquals(scene.requests[1], "all");
    }));
}

test("download() does not ask again for what is not there", () =>
  inScene([answer(404)], async (scene) => {
    await refuses(scene, scene.get(), "Cannot download URL: the server answered 404 Not Found");
    assertEquals(scene.requests.length, 1);
  }));

test("download() waits as long as a busy server asks for, and longer each time without a byte", () =>
  inScene(
    [answer(503, { "retry-after": "7" }), answer(500), answer(429), serve(file)],
    async (scene) => {
      await scene.get();
      assertWhole(scene);
      assertEquals(scene.pauses, [7, 2, 4]);
      assertEquals(scene.notices[0], "HOST answered 503 Service Unavailable: trying again in 7 s.");
    },
  ));

test("download() gives up after five times without a byte", () =>
  inScene([(_, response) => void response.destroy()], async (scene) => {
    await refuses(
      scene,
      scene.get(),
      "Cannot download URL: The connection to HOST failed, 5 times in a row",
      "Run this again: it goes on after 0.0 MB. Or give a copy as --source.",
    );
    assertEquals([scene.requests.length, scene.pauses], [5, [1, 2, 4, 8]]);
  }));

test("download() drops a connection on which nothing comes", () =>
  inScene([() => {}, serve(file)], async (scene) => {
    await scene.get({ patience: 0.05 });
    assertWhole(scene);
  }));

test("download() stops at once when told to, and goes on later", () =>
  inScene([serve(file, '"1"', 60_000), serve(file)], async (scene) => {
    const stop = new AbortController();
    const got = scene.get({ signal: stop.signal, onProgress: () => stop.abort() });
    assertEquals((await assertRejects(() => got, DOMException)).name, "AbortError");
    assertEquals(existsSync(scene.path), false);
    await scene.get();
    assertWhole(scene);
    assertEquals(/^bytes=\d+- "1"$/.test(scene.requests[1]), true);
  }));

test("download() without a checksum takes what comes, but mixes no versions", () =>
  inScene([(_, response) => {
    response.writeHead(200, { "content-length": 200_000 });
    response.write(other.subarray(0, 60_000), () => setTimeout(() => response.destroy(), 20));
  }, serve(file)], async (scene) => {
    await scene.get({ checksum: undefined });
    assertWhole(scene);
    assertEquals(scene.requests, ["all", "all"]); // nobody knows which version the first part was of
  }));

test("Two downloads of the same file take turns, and the second finds it there", () =>
  inScene([serve(file)], async (scene) => {
    await Promise.all([scene.get(), scene.get()]);
    assertWhole(scene);
    assertEquals(scene.requests, ["all"]);
    assertEquals(scene.notices, ["Another run is downloading the same file: waiting for it."]);
  }));

test("download() says that nothing can be written there", () =>
  inScene([serve(file)], async (scene) => {
    writeFileSync(join(scene.folder, "sub"), "a file where a folder should be");
    const error = await assertRejects(() => scene.get(), DataError);
    const says = `Cannot write into ${join(scene.folder, "sub")}: it must be a folder to write in,`;
    assertEquals(error.message.startsWith(says), true, error.message);
    assertEquals(error.hint, "Choose another folder with --cache, or with KINDLING_CACHE.");
    assertEquals(scene.requests, []);
  }));

// ── The lock ──

test("A lock is one's own until it is released", () =>
  inScene([], async ({ folder }) => {
    const path = join(folder, "a.lock"), first = await tryLock(path);
    assertEquals(await tryLock(path), null);
    first?.release();
    const second = await lock(path);
    second.release();
  }));

test("lock() stops waiting when told to", () =>
  inScene([], async ({ folder }) => {
    const path = join(folder, "a.lock"), first = await tryLock(path), stop = new AbortController();
    const waiting = lock(path, { onWait: () => stop.abort(), signal: stop.signal });
    assertEquals((await assertRejects(() => waiting, DOMException)).name, "AbortError");
    first?.release();
  }));
