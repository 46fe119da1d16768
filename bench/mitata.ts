/**
 * The timer, from npm. It is named here and not in the project's configuration, because what stands
 * there is fetched before any task runs, and most tasks need nothing.
 *
 * @module
 */
import type * as Mitata from "npm:mitata@1.0.34";

const mitata = "mitata@1.0.34";

/** Times a function: mitata's `measure`. */
export const measure: typeof Mitata.measure =
  (await import("Deno" in globalThis ? `npm:${mitata}` : mitata)).measure;
