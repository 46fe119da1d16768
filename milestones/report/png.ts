/**
 * Pictures as PNG files.
 *
 * @module
 */
import { crc32, deflateSync } from "node:zlib";

/** A chunk: length, four letters, data, and the checksum of letters and data. */
function chunk(kind: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length), view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(new TextEncoder().encode(kind), 4);
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}

/**
 * Writes a picture as the bytes of a PNG file.
 *
 * @param pixels Rows from the top, three bytes per pixel: red, green, blue.
 * @param width Columns.
 * @param height Rows.
 * @returns The file.
 */
export function encodePng(pixels: Uint8Array, width: number, height: number): Uint8Array {
  const header = new Uint8Array(13), view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2], 8); // eight bits per number, three numbers per pixel
  const rows = new Uint8Array(height * (1 + 3 * width)); // a 0 before each row: it stands as it is
  for (let y = 0; y < height; y++) {
    rows.set(pixels.subarray(y * 3 * width, (y + 1) * 3 * width), y * (1 + 3 * width) + 1);
  }
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const chunks = [
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", new Uint8Array()),
  ];
  return Uint8Array.from([signature, ...chunks].flatMap((part) => [...part]));
}
