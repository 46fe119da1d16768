/**
 * Makes a certificate that nobody has signed but its owner, for tests of connections that must not
 * be trusted (X.509 in DER, RFC 5280).
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { generateKeyPairSync, sign } from "node:crypto";

/** What a server needs: a key and its certificate, in PEM. */
export interface Credentials {
  readonly key: string;
  readonly cert: string;
}

/** A value of DER: its tag, its length, its bytes. */
function value(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = Buffer.concat(parts), { length } = bytes;
  const size = length < 128
    ? [length]
    : length < 256
    ? [0x81, length]
    : [0x82, length >> 8, length & 255];
  return Buffer.concat([Uint8Array.of(tag, ...size), bytes]);
}

const bytesOf = (...bytes: readonly number[]): Uint8Array => Uint8Array.from(bytes);
const textOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const sequence = (...parts: readonly Uint8Array[]): Uint8Array => value(0x30, ...parts);

/**
 * Makes a key and a certificate for one host.
 *
 * @param host Its name.
 */
export function selfSigned(host: string): Credentials {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(value(6, bytesOf(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2)));
  const name = sequence(
    value(0x31, sequence(value(6, bytesOf(0x55, 4, 3)), value(12, textOf(host)))),
  );
  const names = value(4, sequence(value(0x82, textOf(host))));
  const contents = sequence(
    value(0xa0, value(2, bytesOf(2))), // version 3
    value(2, bytesOf(1)), // serial number
    algorithm,
    name,
    sequence(value(23, textOf("200101000000Z")), value(23, textOf("491231000000Z"))),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    value(0xa3, sequence(sequence(value(6, bytesOf(0x55, 0x1d, 0x11)), names))),
  );
  const signature = value(3, bytesOf(0), sign("sha256", contents, privateKey));
  const base64 = Buffer.from(sequence(contents, algorithm, signature)).toString("base64");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${
      base64.replace(/.{64}/g, "$&\n")
    }\n-----END CERTIFICATE-----\n`,
  };
}
