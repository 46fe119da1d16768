/**
 * One way to declare a test, whichever runtime's test runner reads the file.
 *
 * @module
 */
import { placeOfCaller } from "./places.ts";

/** What a test does; it fails by throwing or rejecting. */
export type TestBody = () => void | Promise<void>;

/** Where a test can run. */
export interface TestOptions {
  /** The only runtime that can run it; the other one shows it as skipped. */
  only?: "deno" | "bun";
  /** Why it cannot run at all now; it is shown as skipped. */
  skip?: string;
}

/** The part of bun:test that is used here. */
interface BunTest {
  test: {
    (name: string, body: TestBody, timeout: number): void;
    skip(name: string, body: TestBody): void;
  };
}

interface Host {
  Deno?: { test(definition: { name: string; ignore: boolean; fn: TestBody }): void };
  Bun?: unknown;
  process?: { getBuiltinModule(name: string): BunTest | undefined };
}

/** Bun ends a test after 5 seconds unless told otherwise; some of ours start other programs. */
const bunTimeout = 120_000;

const host = globalThis as Host;
const here = host.Deno ? "deno" : "bun";
/** Asked for and not imported: a page has neither runtime, and cannot wait while it loads. */
const bun = host.Bun ? host.process?.getBuiltinModule("bun:test") : undefined;

/** The tests so far, each as its file and its name. */
const declared = new Set<string>();

/**
 * Declares a test. Outside of a test runner Deno does nothing with it.
 *
 * @param name What should hold, as a sentence.
 * @param body Throws if it does not.
 * @param options Where the test can run.
 * @throws {Error} If there is no test runner, as in Bun without `bun test`, or if the file has a test
 * of that name.
 */
export function test(name: string, body: TestBody, options: TestOptions = {}): void {
  const { only = here } = options, { file } = placeOfCaller(new Error().stack ?? "");
  if (declared.has(`${file} ${name}`)) {
    throw new Error(`Cannot declare "${name}" a second time: ${file} has a test of that name`);
  }
  declared.add(`${file} ${name}`);
  const reason = options.skip ?? (only === here ? undefined : `runs under ${only} only`);
  const title = reason === undefined ? name : `${name} [${reason}]`;
  if (host.Deno) host.Deno.test({ name: title, ignore: reason !== undefined, fn: body });
  else if (!bun) {
    throw new Error("Cannot declare a test here: run this file with deno test or bun test");
  } else if (reason === undefined) bun.test(title, body, bunTimeout);
  else bun.test.skip(title, body);
}
