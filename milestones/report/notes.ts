/**
 * Reads the notes of a checkpoint: what it says of the run that wrote it. Whoever edits or damages
 * them learns which field is wrong. It needs no package, so that a run can go on without a network.
 *
 * @module
 */
import { CheckpointError } from "#checkpoint";

/** Reads one value; `at` is the path to it, like "progress.step". */
export type Reader<T> = (value: unknown, at: string) => T;

/** A value that is not what it must be; readNotes() says of which file. */
class FieldError extends Error {}

function refuse(at: string, rule: string, value: unknown): never {
  throw new FieldError(`its ${at} must be ${rule}, found ${JSON.stringify(value) ?? "nothing"}`);
}

/** Reads a text. */
export function text(value: unknown, at: string): string {
  return typeof value === "string" ? value : refuse(at, "a text", value);
}

/** Reads a number from `least` to `most`; any number by default. */
export function number(least = -Infinity, most = Infinity): Reader<number> {
  const low = least > -Infinity ? ` of at least ${least}` : "";
  const range = most < Infinity ? ` from ${least} to ${most}` : low;
  return (value, at) => {
    const isRight = Number.isFinite(value) && Number(value) >= least && Number(value) <= most;
    return isRight ? Number(value) : refuse(at, `a number${range}`, value);
  };
}

/** Reads a whole number of at least `least`. */
export function whole(least: number): Reader<number> {
  return (value, at) => {
    const isRight = Number.isSafeInteger(value) && Number(value) >= least;
    return isRight ? Number(value) : refuse(at, `a whole number of at least ${least}`, value);
  };
}

/** Reads one of some values. */
export function oneOf<const T extends string | null>(known: readonly T[]): Reader<T> {
  const rule = known.map((value) => JSON.stringify(value)).join(" or ");
  return (value, at) => {
    const [found] = known.filter((one) => one === value);
    return found === undefined ? refuse(at, rule, value) : found;
  };
}

/** Reads a value that may be missing. */
export function optional<T>(reader: Reader<T>): Reader<T | undefined> {
  return (value, at) => value === undefined ? undefined : reader(value, at);
}

/** Reads a value that may be null. */
export function nullable<T>(reader: Reader<T>): Reader<T | null> {
  return (value, at) => value === null ? null : reader(value, at);
}

/** Reads a list. */
export function listOf<T>(reader: Reader<T>): Reader<readonly T[]> {
  return (value, at) =>
    Array.isArray(value)
      ? value.map((one, k) => reader(one, `${at}[${k}]`))
      : refuse(at, "a list", value);
}

/** Reads a table of fields as it is. */
export function table(value: unknown, at: string): Record<string, unknown> {
  const isTable = typeof value === "object" && value !== null && !Array.isArray(value);
  return isTable ? { ...value } : refuse(at, "a table of fields", value);
}

/** Reads a table of fields that are all alike. */
export function tableOf<T>(reader: Reader<T>): Reader<Readonly<Record<string, T>>> {
  return (value, at) => {
    const entries = Object.entries(table(value, at));
    return Object.fromEntries(entries.map(([name, one]) => [name, reader(one, `${at}.${name}`)]));
  };
}

/** Reads fields by their names, and leaves others out. */
export function fields<T extends object>(
  readers: { readonly [K in keyof T]: Reader<T[K]> },
): Reader<T> {
  return (value, at) => {
    const given = table(value, at);
    const read = Object.entries<Reader<unknown>>(readers).map(([name, reader]) =>
      [name, reader(given[name], at === "" ? name : `${at}.${name}`)] as const
    );
    return Object.fromEntries(read.filter(([, one]) => one !== undefined)) as T;
  };
}

/**
 * Reads the notes of a checkpoint.
 *
 * @param reader What they must be.
 * @param metadata The checkpoint's texts, each of which is JSON.
 * @param says How the message begins: "Cannot go on from FILE".
 * @throws {CheckpointError} If a field is missing or wrong; the message names it.
 */
export function readNotes<T>(
  reader: Reader<T>,
  metadata: Readonly<Record<string, string>>,
  says: string,
): T {
  try {
    const table = Object.entries(metadata).map(([name, json]) => [name, parse(json)]);
    return reader(Object.fromEntries(table), "");
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw new CheckpointError(`${says}: ${error.message}`, "was it written by this milestone?");
  }
}

/** Parses one note; other programs may keep texts beside ours that are not JSON. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
