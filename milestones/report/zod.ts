/**
 * Zod, which checks data against a schema. It comes from npm, is named here and nowhere else, and is
 * fetched only where this file is loaded: by tests, calibrations and benches. Milestones take the
 * types of their documents from schemas, and types load nothing.
 *
 * @module
 */
import type * as Zod from "npm:zod@4.6.7";

const loaded: typeof Zod = await import(
  "Deno" in globalThis ? "npm:zod@4.6.7" : "zod@4.6.7"
);

/** What schemas are written with. */
export const z: typeof Zod.z = loaded.z;

/** Any schema. */
export type Schema = Zod.ZodType;

/** The type that a schema describes, nothing of which may be written to. */
export type Infer<Schema extends Zod.ZodType> = Fixed<Zod.infer<Schema>>;

type Fixed<T> = T extends readonly (infer One)[] ? readonly Fixed<One>[]
  : T extends object ? { readonly [K in keyof T]: Fixed<T[K]> }
  : T;
