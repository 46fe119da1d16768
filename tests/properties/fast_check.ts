/**
 * The maker of random cases, from npm. It is named here and not in the project's configuration,
 * because what stands there is fetched before any task runs, and most tasks need nothing.
 *
 * @module
 */
import type * as FastCheck from "npm:fast-check@4.10.2";

export type { Arbitrary } from "npm:fast-check@4.10.2";

const fastCheck = "fast-check@4.10.2";

/** All of fast-check. */
export const fc: typeof FastCheck = await import(
  "Deno" in globalThis ? `npm:${fastCheck}` : fastCheck
);
