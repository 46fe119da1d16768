/**
 * Reads what a sandbox writes, line by line, and never holds more than a line may have.
 *
 * @module
 */
import type { Buffer } from "node:buffer";
import type { Readable } from "node:stream";

/**
 * Reads lines as they come.
 *
 * @param input Where from.
 * @param most The most bytes that a line may have.
 * @param onLine Is told of each line. It is told `null` of the first that is longer; the rest of the
 * input is not looked at.
 */
export function readLines(
  input: Readable,
  most: number,
  onLine: (line: string | null) => void,
): void {
  let parts: Buffer[] = [], size = 0;
  input.on("data", read);

  function read(chunk: Buffer): void {
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10)) {
      if (!keep(chunk.subarray(0, end))) return;
      const line = parts.map((part) => part.toString("latin1")).join("");
      [parts, size] = [[], 0];
      onLine(line);
      chunk = chunk.subarray(end + 1);
    }
    keep(chunk);
  }

  function keep(part: Buffer): boolean {
    size += part.length;
    if (size <= most) return parts.push(part) > 0;
    parts = [];
    input.off("data", read).resume();
    onLine(null);
    return false;
  }
}
