/**
 * What may stand in a page.
 *
 * @module
 */

/**
 * Makes text safe within HTML.
 *
 * @param text Any text.
 * @returns The same to a reader, but no tags.
 */
export function escape(text: string): string {
  return text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
