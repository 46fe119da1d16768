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
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { download, type DownloadOptions, lastingFailure } from "../datasets/download.ts";
import { DataError } from "../datasets/idx.ts";
import { lock, tryLock } from "../datasets/lock.ts";
import { inFolder } from "./project/in_folder.ts";
import { selfSigned } from "./project/certificate.ts";
import { joined } from "./project/small_cifar10.ts";
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

function portOf(server: { address(): unknown }): number {
  const address = server.address();
  return typeof address === "object" && address && "port" in address ? Number(address.port) : 0;
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
    const port = portOf(server);
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
function assertWhole({ folder, path }: Scene, expected: Uint8Array = file): void {
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

// ── What is packed on its way, or only said to be ──

const plain = file.subarray(2), packedFile = gzipSync(file), packedPlain = gzipSync(plain);
const sum = (bytes: Uint8Array): DownloadOptions["checksum"] => ({
  algorithm: "md5",
  hex: md5(bytes),
});

/** What is wanted, what is sent under which name of a packing, and what shall be there. */
const packings: readonly [
  string,
  string,
  sent: Uint8Array,
  got: Uint8Array | null,
  magic: number[],
][] = [
  ["an archive labelled as packed", "gzip", packedPlain, packedPlain, [0x1f, 0x8b]],
  ["an archive labelled in capitals", "GZIP", packedPlain, packedPlain, [0x1f, 0x8b]],
  ["an archive labelled x-gzip", "x-gzip", packedPlain, packedPlain, [0x1f, 0x8b]],
  ["an archive packed once more", "gzip", packedFile, file, [0x1f, 0x8b]],
  ["an archive packed by deflate", "deflate", deflateSync(file), file, [0x1f, 0x8b]],
  ["an archive packed by brotli", "br", brotliCompressSync(file), file, [0x1f, 0x8b]],
  ["an archive labelled br that is none", "br", packedPlain, packedPlain, [0x1f, 0x8b]],
  ["an archive of an unknown packing", "zz", packedPlain, packedPlain, [0x1f, 0x8b]],
  ["numbers packed on their way", "gzip", packedPlain, plain, [plain[0], plain[1]]],
  ["numbers labelled, not packed", "gzip", plain, plain, [plain[0], plain[1]]],
  ["a web page packed", "gzip", gzipSync("<html>sign in"), null, [1, 2]],
];
for (const [what, encoding, sent, got, magic] of packings) {
  for (const isChecked of [true, false]) {
    const found = got ? "brings" : "refuses", by = isChecked ? "checksum" : "first bytes";
    test(`download() ${found} ${what}, by its ${by}`, () =>
      inScene([(_, response) => {
        const headers = { "content-encoding": encoding, "content-length": sent.length };
        response.writeHead(200, headers).end(sent);
      }], async (scene) => {
        const download = scene.get({ magic, checksum: isChecked ? sum(got ?? file) : undefined });
        if (!got) return void await assertRejects(() => download, DataError);
        await download;
        assertWhole(scene, got);
      }));
  }
}

// ── Two versions are never mixed ──

/** Sends the first half of one file, then whatever is asked for of another. */
function halfThen(
  first: Record<string, string>,
  second: Record<string, string>,
  rest: Uint8Array,
): Behaviour[] {
  return [(_, response) => {
    const headers = { ...first, "content-length": other.length };
    response.writeHead(200, headers).write(other.subarray(0, 60_000), () => {
      setTimeout(() => response.destroy(), 20);
    });
  }, (request, response) => {
    const from = rangeOf(request), range = `bytes ${from}-${rest.length - 1}/${rest.length}`;
    if (from === undefined) response.writeHead(200, second).end(rest);
    else response.writeHead(206, { ...second, "content-range": range }).end(rest.subarray(from));
  }];
}

const monday = "Mon, 23 Nov 2026 10:00:00 GMT", friday = "Fri, 27 Nov 2026 10:00:00 GMT";
const longer = joined([file, file]);
const mixtures: readonly [string, Record<string, string>, Record<string, string>, Uint8Array][] = [
  ["another strong ETag", { etag: '"1"' }, { etag: '"2"' }, file],
  ["another ETag and date", { etag: '"1"', "last-modified": monday }, {
    etag: '"2"',
    "last-modified": monday,
  }, file],
  ["another date", { "last-modified": monday }, { "last-modified": friday }, file],
  ["another date beside a weak ETag", { etag: 'W/"1"', "last-modified": monday }, {
    etag: 'W/"1"',
    "last-modified": friday,
  }, file],
  ["another length", { etag: '"1"' }, { etag: '"1"' }, longer],
  [
    "another length of the same date",
    { "last-modified": monday },
    { "last-modified": monday },
    longer,
  ],
  ["a weak ETag only", { etag: 'W/"1"' }, { etag: 'W/"1"' }, file],
  ["no name of a version", {}, {}, file],
  ["a name that is not given again", { etag: '"1"' }, {}, file],
  ["a date in the place of an ETag", { etag: '"1"' }, { "last-modified": monday }, file],
  ["another packing", { etag: '"1"' }, { etag: '"1"', "content-encoding": "zz" }, file],
];
for (const [what, first, second, rest] of mixtures) {
  test(`download() without a checksum begins again at ${what}`, () =>
    inScene(halfThen(first, second, rest), async (scene) => {
      await scene.get({ checksum: undefined });
      assertWhole(scene, rest);
      assertEquals(scene.requests.at(-1), "all");
    }));
}

test("download() goes on by the date of the last change where a strong ETag is missing", () => {
  const headers = { etag: 'W/"1"', "last-modified": monday };
  return inScene(halfThen(headers, headers, other), async (scene) => {
    await scene.get({ checksum: undefined });
    assertWhole(scene, other);
    assertEquals(scene.requests.at(-1)?.endsWith(monday), true);
  });
});

// ── Too little, too late ──

test("download() gives up on a server that sends less than 16 KiB in half a minute", () => {
  let ring = (): void => {};
  const trickle: Behaviour = (_, response) => {
    response.writeHead(200, { "content-length": 200_000 });
    response.write(file.subarray(0, 1));
  };
  return inScene([trickle], async (scene) => {
    const started: number[] = [];
    const alarm = (seconds: number, onRing: () => void): () => void => {
      started.push(seconds);
      ring = onRing;
      return () => {};
    };
    await refuses(
      scene,
      scene.get({ alarm, onProgress: () => ring() }),
      "Cannot download URL: HOST sent less than 16 KiB in 30 s, 5 times in a row",
    );
    // one alarm for each connection, one for each answer: no byte has set it back
    assertEquals(started, Array.from({ length: 10 }, () => 30));
  });
});

const endless: readonly [what: string, behaviour: Behaviour, tries: number][] = [
  ["a byte at a time", (request, response) => {
    const from = rangeOf(request) ?? 0;
    serve(file, '"1"', from + 1)(request, response);
  }, 5],
  ["a chunk at a time, without ranges", (_, response) => {
    response.writeHead(200, { "content-length": 200_000, etag: '"1"' });
    response.write(file.subarray(0, 1000), () => setTimeout(() => response.destroy(), 5));
  }, 5],
  ["half of the file, without ranges", (_, response) => {
    response.writeHead(200, { "content-length": 200_000, etag: '"1"' });
    response.write(file.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 5));
  }, 5],
  ["fewer bytes than it promises", (request, response) => {
    const from = rangeOf(request);
    if (from === undefined) return serve(file, '"1"', 100_000)(request, response);
    response.writeHead(206, { etag: '"1"', "content-range": `bytes ${from}-199999/200000` });
    response.end(file.subarray(from, 100_000));
  }, 5],
  ["another version each time", (request, response) => {
    response.writeHead(rangeOf(request) ? 206 : 200, {
      etag: `"${Math.random()}"`,
      "content-range": `bytes ${rangeOf(request) ?? 0}-199999/200000`,
    });
    response.write(file.subarray(0, 100), () => setTimeout(() => response.destroy(), 5));
  }, 5],
  ["nothing at all", (_, response) => void response.writeHead(200, { etag: '"1"' }).end(), 5],
];
for (const [what, behaviour, tries] of endless) {
  test(`download() gives up on a server that sends ${what}`, () =>
    inScene([behaviour], async (scene) => {
      const error = await assertRejects(() => scene.get({ checksum: undefined }), DataError);
      assertEquals(/5 times in a row$/.test(error.message), true, error.message);
      assertEquals(error.cause instanceof Error, true);
      assertEquals(scene.requests.length, tries);
      assertEquals(existsSync(scene.path), false);
    }));
}

test("download() does not take the end of a connection for the end of a file", async () => {
  const cut = createTcpServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf"));
  });
  await new Promise<void>((resolve) => cut.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${portOf(cut)}/data.tar.gz`;
  try {
    await inScene([], async (scene) => {
      await refuses(
        { ...scene, url },
        scene.get({ url, checksum: undefined, magic: [] }),
        "Cannot download URL: the server does not say how long the file is, " +
          "so half of it would look like all of it",
        "Give its checksum as --sha256, or a copy of the file as --source.",
      );
      await scene.get({ url, checksum: sum(new TextEncoder().encode("half")), magic: [] });
    });
  } finally {
    cut.close();
  }
});

// ── What no second try can mend ──

const tls = selfSigned("localhost");

const lasting: readonly [what: string, url: (port: number) => string, says: string][] = [
  [
    "a certificate that is not trusted",
    (port) => `https://127.0.0.1:${port}/x`,
    "its certificate is not trusted",
  ],
  ["a port that nobody listens at", () => "http://127.0.0.1:9/x", "it refuses the connection"],
  [
    "a port that nobody listens at, by https",
    () => "https://127.0.0.1:2/x",
    "it refuses the connection",
  ],
];
for (const [what, url, says] of lasting) {
  test(`download() names ${what} at once`, async () => {
    const server = createHttpsServer(tls, (_, response) => response.end("x"));
    server.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      await inScene([], async (scene) => {
        const address = url(portOf(server));
        await refuses(
          { ...scene, url: address },
          scene.get({ url: address }),
          `Cannot download URL: HOST cannot be used, ${says}`,
        );
        assertEquals(scene.pauses, []);
        const error = await assertRejects(() => scene.get({ url: address }), DataError);
        assertEquals(error.cause instanceof Error, true);
      });
    } finally {
      server.close();
    }
  });
}

/** What the runtimes say on several systems, and what it means; null where another try may help. */
const sayings: readonly [said: string, code: string, means: string | null][] = [
  ["client error (Connect): invalid peer certificate: UnknownIssuer", "", "certificate"],
  ["client error (Connect): invalid peer certificate: Expired", "", "certificate"],
  ["certificate has expired", "CERT_HAS_EXPIRED", "certificate"],
  ["self signed certificate in certificate chain", "SELF_SIGNED_CERT_IN_CHAIN", "certificate"],
  ["unable to verify the first certificate", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate"],
  ["dns error: failed to lookup address information: Name or service not known", "", "no host"],
  ["dns error: nodename nor servname provided, or not known", "", "no host"],
  ["dns error: No such host is known. (os error 11001)", "", "no host"],
  ["getaddrinfo ENOTFOUND no.such", "ENOTFOUND", "no host"],
  ["tcp connect error: Connection refused (os error 61)", "", "refuses"],
  ["No connection could be made because the target machine actively refused it.", "", "refuses"],
  ["Unable to connect. Is the computer able to access the url?", "ECONNREFUSED", "refuses"],
  ["Maximum number of redirects (20) reached", "", "leads from"],
  ["The response redirected too many times.", "TooManyRedirects", "leads from"],
  ["dns error: Temporary failure in name resolution", "EAI_AGAIN", null],
  ["tcp connect error: Network is unreachable (os error 101)", "", null],
  ["Connection reset by peer (os error 104)", "ECONNRESET", null],
  ["error reading a body from connection", "", null],
  ["operation timed out", "ETIMEDOUT", null],
];
for (const [said, code, means] of sayings) {
  test(`lastingFailure() knows ${means ? "what no try can mend" : "what may pass"}: ${said}`, () => {
    const found = lastingFailure(Object.assign(new Error(said), { code }), "x.org")?.[0];
    const within = lastingFailure(new TypeError("failed", { cause: new Error(said) }), "x.org")
      ?.[0];
    if (means === null) return assertEquals([found, within], [undefined, undefined]);
    assertEquals(found?.includes(means), true, found);
    if (!code) assertEquals(within, found);
  });
}

test("download() names a server that leads from address to address", () =>
  inScene(
    [(_, response) => void response.writeHead(302, { location: "/again" }).end()],
    (scene) =>
      refuses(
        scene,
        scene.get(),
        "Cannot download URL: HOST cannot be used, " +
          "it leads from address to address, and never to the file",
      ),
  ));

test("download() names a server that speaks http where https is asked for", () =>
  inScene([answer(200)], async (scene) => {
    const url = scene.url.replace("http:", "https:");
    await refuses(
      { ...scene, url },
      scene.get({ url }),
      "Cannot download URL: HOST cannot be used, it does not speak https there",
    );
    assertEquals(scene.pauses, []);
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
