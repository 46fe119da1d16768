/**
 * A trained network in a file: `--save` writes it, `--load` reads it. It is safetensors, with the
 * weights under their own names, and notes that say how it was trained.
 *
 * @module
 */
import { type Checkpoint, CheckpointError, readCheckpoint, writeCheckpoint } from "#checkpoint";
import type { Sequential } from "#layers";
import { fields, listOf, number, oneOf, type Reader, readNotes, whole } from "./notes.ts";
import type { ModelSpec } from "./results.ts";
import type { Epoch } from "./schema.ts";
import { epochReader } from "./training.ts";

/** What a file says of its network. */
export interface NetworkNotes<Settings> {
  /** The milestone that trained it: "04_1998_cnn/01_tinydigits". */
  readonly milestone: string;
  /** The model's key. */
  readonly model: string;
  readonly seed: number;
  /** How it was trained, as far as its result depends on it. */
  readonly settings: Settings;
  readonly history: readonly Epoch[];
  readonly seconds: number;
}

/**
 * Writes a network.
 *
 * @throws {CheckpointError} If the system does not let it.
 */
export async function saveNetwork(
  path: string,
  model: Sequential,
  notes: NetworkNotes<unknown>,
): Promise<void> {
  const texts = Object.entries(notes).map(([name, value]) => [name, JSON.stringify(value)]);
  await writeCheckpoint(path, { tensors: model.stateDict(), metadata: Object.fromEntries(texts) });
}

/** A network's file that has been read. */
export interface NetworkFile<Settings> {
  readonly path: string;
  readonly notes: NetworkNotes<Settings>;
  readonly tensors: Checkpoint["tensors"];
}

/**
 * Reads a network's file.
 *
 * @param path Where it is.
 * @param milestone The milestone that must have written it.
 * @param models The models that it may be of.
 * @param settings Reads how it was trained.
 * @throws {CheckpointError} If it is missing, damaged, or of another milestone.
 */
export async function readNetwork<Settings>(
  path: string,
  milestone: string,
  models: readonly ModelSpec[],
  settings: Reader<Settings>,
): Promise<NetworkFile<Settings>> {
  const { tensors, metadata } = await readCheckpoint(path);
  const reader = fields<NetworkNotes<Settings>>({
    milestone: oneOf([milestone]),
    model: oneOf(models.map(({ key }) => key)),
    seed: whole(0),
    settings,
    history: listOf(epochReader),
    seconds: number(0),
  });
  return { path, tensors, notes: readNotes(reader, metadata, `Cannot load ${path}`) };
}

/**
 * Puts a file's weights into a model.
 *
 * @throws {CheckpointError} If they do not fit.
 */
export function fillModel(model: Sequential, { path, tensors }: NetworkFile<unknown>): void {
  try {
    model.loadStateDict(tensors);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CheckpointError(
      `Cannot load ${path}: ${reason}`,
      "was it written by this milestone?",
    );
  }
}
