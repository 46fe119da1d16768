/**
 * Makes text safe within documents: pages, drawings, and reports for other programs.
 *
 * @module
 */

const signs: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/**
 * Makes text that every format can hold: XML 1.0 forbids NUL and other control characters, some
 * databases refuse them in JSON, and half of a surrogate pair is not valid in UTF-8.
 *
 * @param text Any text.
 * @returns The same with a replacement character for each of them.
 */
export function storable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd").toWellFormed();
}

/**
 * Escapes text for HTML and XML.
 *
 * @param text Any text.
 * @returns The same to a reader, but no tags, and nothing that XML cannot hold.
 */
export function escape(text: string): string {
  return storable(text).replace(/[&<>"]/g, (sign) => signs[sign]);
}
