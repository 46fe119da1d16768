/**
 * Makes text safe within HTML and XML: pages, drawings, and reports for other programs.
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
 * Escapes text.
 *
 * @param text Any text.
 * @returns The same to a reader, but no tags; what XML cannot hold becomes a replacement character.
 */
export function escape(text: string): string {
  // deno-lint-ignore no-control-regex
  const clean = text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd").toWellFormed();
  return clean.replace(/[&<>"]/g, (sign) => signs[sign]);
}
