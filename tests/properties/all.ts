/**
 * All properties. Under Bun this file is run by itself, since `bun test` fetches no packages:
 *
 *   bun run tests/properties/all.ts
 *
 * @module
 */
import process from "node:process";
import { dataProperties } from "./data.ts";
import type { Property } from "./property.ts";
import { spatialProperties } from "./spatial.ts";
import { tensorProperties } from "./tensor.ts";

/** What is tried. */
export const properties: readonly Property[] = [
  ...tensorProperties,
  ...spatialProperties,
  ...dataProperties,
];

/** Tries every property, and tells of each that fails. */
function main(): void {
  let failed = 0, cases = 0;
  for (const property of properties) {
    try {
      property.check();
      cases += property.cases;
    } catch (error) {
      failed++;
      console.log(`${error instanceof Error ? error.message : error}\n`);
    }
  }
  console.log(`${properties.length - failed} properties hold in ${cases} cases, ${failed} fail`);
  process.exitCode = failed > 0 ? 1 : 0;
}

if (import.meta.main) main();
