/**
 * Makes text that comes from elsewhere safe to print at a terminal: names of files and folders, and
 * what other programs say.
 *
 * @module
 */

/** Control characters, halves of surrogate pairs, line separators, and marks that turn text around. */
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const short: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * Writes out what a terminal would obey.
 *
 * @param text Any text.
 * @returns One line: a line end is `\n`, an escape `\x1b`, a mark that turns text around `\u{202e}`.
 */
export function printable(text: string): string {
  return text.replace(unsafe, (sign) => {
    const code = sign.charCodeAt(0), digits = code.toString(16).padStart(2, "0");
    return short[sign] ?? (code < 0x100 ? `\\x${digits}` : `\\u{${digits}}`);
  });
}
