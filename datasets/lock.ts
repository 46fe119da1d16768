/**
 * One at a time: a lock between processes.
 *
 * The system itself must let go of it when its owner dies, however it dies: a mere file would stay
 * behind and lock everybody out. Deno and Bun share one door to such locks, SQLite, which takes them
 * on every system: so the lock is an empty database, held open in a transaction that never ends.
 *
 * @module
 */
import { dirname } from "@std/path";
import { mkdir } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { DataError } from "./idx.ts";

/** A lock that is held. */
export interface Lock {
  /** Lets others in. */
  release(): void;
}

/**
 * Tries to take a lock.
 *
 * @param path Its file, which is made and stays behind; so are the folders above it.
 * @returns The lock; null if another process, or another part of this one, holds it.
 * @throws {DataError} If nothing may be written there.
 */
export async function tryLock(path: string): Promise<Lock | null> {
  let database: DatabaseSync | undefined;
  try {
    await mkdir(dirname(path), { recursive: true });
    database = new DatabaseSync(path);
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return { release: () => database?.close() };
  } catch (cause) {
    database?.close();
    if (cause instanceof Error && /locked|busy/i.test(cause.message)) return null;
    throw writeFailure(dirname(path), cause);
  }
}

/**
 * Says in our words why nothing can be written.
 *
 * @param folder Where.
 * @param cause What the system answered.
 */
export function writeFailure(folder: string, cause: unknown): DataError {
  const error: { name?: string; code?: string; message?: string } = cause instanceof Error
    ? cause
    : {};
  const where = "Choose another folder with --cache, or with KINDLING_CACHE.";
  if (error.code === "ENOSPC") {
    const says = `Cannot write into ${folder}: the disk is full`;
    return new DataError(says, `Make room there; what is there already is kept. ${where}`, {
      cause,
    });
  }
  const finding = error.name === "NotCapable"
    ? "Deno must be allowed to write there, permission was refused"
    : `it must be a folder to write in, the system answered ${
      error.code?.startsWith("ERR_SQLITE") ? error.message : error.code ?? error.message
    }`;
  return new DataError(`Cannot write into ${folder}: ${finding}`, where, { cause });
}

/**
 * Takes a lock, waiting for whoever holds it.
 *
 * @param path Its file.
 * @param options Called once if somebody else holds it; a signal that ends the waiting.
 */
export async function lock(
  path: string,
  { onWait, signal }: { readonly onWait?: () => void; readonly signal?: AbortSignal } = {},
): Promise<Lock> {
  for (let tries = 0;; tries++) {
    signal?.throwIfAborted();
    const taken = await tryLock(path);
    if (taken) return taken;
    if (tries === 0) onWait?.();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
