/**
 * Compares a tensor with what was expected, and shows where they differ. A tensor is seen by its
 * structure, as anything with `data` and `shape`: no module is imported.
 *
 * @module
 */
import { AssertionError } from "./assertion_error.ts";
import type { Nested } from "./seeded.ts";

/** What a tensor must have to be compared. */
export interface TensorLike {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** The most that a message shows. */
const maxRows = 8, maxColumns = 6;

/**
 * Fails unless the shapes are equal and each value is within the tolerance: |a − e| at most
 * tolerance · max(1, |e|). NaN equals NaN, and infinities equal themselves.
 *
 * @param actual The tensor in question.
 * @param expected Another one, or lists of numbers, or a number for the shape ().
 * @param tolerance How far a value may be off.
 * @param name What the tensor is called in a message.
 */
export function expectTensor(
  actual: TensorLike,
  expected: TensorLike | Nested,
  tolerance: number,
  name?: string,
): void {
  const of = name === undefined ? "" : ` of ${name}`;
  const want = isTensor(expected) ? expected : fromNested(expected);
  if (!isTensor(actual)) {
    throw new AssertionError(
      `Wrong value${of}: expected a tensor of shape ${describe(want.shape)}, got ${kindOf(actual)}`,
    );
  }
  if (describe(actual.shape) !== describe(want.shape)) {
    throw new AssertionError(
      `Wrong shape${of}: expected ${describe(want.shape)}, got ${describe(actual.shape)}`,
    );
  }
  const size = want.shape.reduce((product, n) => product * n, 1);
  if (actual.data.length !== size) {
    throw new AssertionError(
      `Wrong data${of}: a tensor of shape ${describe(want.shape)} holds ${size} numbers, ` +
        `this one holds ${actual.data.length}`,
    );
  }
  const wrong: number[] = [];
  for (let i = 0; i < size; i++) {
    if (typeof actual.data[i] !== "number") {
      throw new AssertionError(`Wrong data: expected numbers, got a ${typeof actual.data[i]}`);
    }
    if (!isClose(actual.data[i], want.data[i], tolerance)) wrong.push(i);
  }
  if (wrong.length > 0) {
    throw new AssertionError(`Wrong value${describeWrong({ of, actual, want, wrong, tolerance })}`);
  }
}

export function isTensor(value: unknown): value is TensorLike {
  if (typeof value !== "object" || value === null) return false;
  return "shape" in value && Array.isArray(value.shape) &&
    "data" in value && (ArrayBuffer.isView(value.data) || Array.isArray(value.data));
}

export function fromNested(nested: Nested): TensorLike {
  const shape: number[] = [];
  for (let inner = nested; typeof inner !== "number"; inner = inner[0]) shape.push(inner.length);
  const data: number[] = [];
  collect(nested, shape, data);
  return { data, shape };
}

function collect(nested: Nested, shape: readonly number[], data: number[]): void {
  if (typeof nested === "number" && shape.length === 0) {
    data.push(nested);
  } else if (typeof nested !== "number" && nested.length === shape[0]) {
    for (const inner of nested) collect(inner, shape.slice(1), data);
  } else {
    throw new TypeError("Cannot compare with these lists: lists side by side must be equally long");
  }
}

export function isClose(actual: number, expected: number, tolerance: number): boolean {
  if (Object.is(actual, expected)) return true;
  if (!Number.isFinite(expected)) return actual === expected;
  return Math.abs(actual - expected) <= tolerance * Math.max(1, Math.abs(expected));
}

// ── The message ──

export function describe(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

function kindOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if ("shape" in value && "data" in value) return "something whose data are not numbers in a list";
  return `an object of class ${value.constructor?.name ?? "Object"}`;
}

/** Some of the cells on one axis. */
interface Window {
  readonly start: number;
  readonly end: number;
}

/** A tensor in which some numbers are wrong. */
interface Differing {
  readonly of: string;
  readonly actual: TensorLike;
  readonly want: TensorLike;
  readonly wrong: readonly number[];
  readonly tolerance: number;
}

/** A tensor is shown as rows of its last axis. */
function describeWrong({ of, actual, want: expected, wrong, tolerance }: Differing): string {
  const columns = expected.shape.at(-1) ?? 1, rows = expected.data.length / columns;
  const rowWindow = windowAround(Math.floor(wrong[0] / columns), rows, maxRows);
  const columnWindow = windowAround(wrong[0] % columns, columns, maxColumns);
  const isWrong = new Set(wrong), shown: number[] = [];
  for (let row = rowWindow.start; row < rowWindow.end; row++) {
    for (let column = columnWindow.start; column < columnWindow.end; column++) {
      shown.push(row * columns + column);
    }
  }
  const digits = digitsFor(shown.filter((i) => isWrong.has(i)), actual, expected);
  if (expected.shape.length === 0) {
    return `${of}: expected ${format(expected.data[0], digits)}, ` +
      `got ${format(actual.data[0], digits)} (tolerance ${tolerance})`;
  }
  const width = columnWindow.end - columnWindow.start;
  const left = grid("expected", shown.map((i) => format(expected.data[i], digits)), width);
  const marked = shown.map((i) => format(actual.data[i], digits) + (isWrong.has(i) ? "*" : " "));
  const right = grid("got", marked, width);
  const lines = left.map((line, i) => `  ${line}   ${right[i]}`.trimEnd());
  lines.unshift(
    `s${of}: ${wrong.length} of ${expected.data.length}, marked * (tolerance ${tolerance})`,
  );
  if (shown.length < expected.data.length) {
    const place = indexOfRow(rowWindow.start, expected.shape).concat(columnWindow.start);
    lines.push(`  (shown: ${shown.length} of ${expected.data.length}, from [${place.join(", ")}])`);
  }
  return lines.join("\n");
}

/** The first cells if the wrong one is among them, else the wrong one and what follows it. */
function windowAround(wrong: number, size: number, most: number): Window {
  const start = wrong < most ? 0 : Math.min(wrong, size - most);
  return { start, end: Math.min(start + most, size) };
}

/** As few digits as tell each wrong value from the right one. */
export function digitsFor(
  wrong: readonly number[],
  actual: TensorLike,
  expected: TensorLike,
): number {
  for (const digits of [4, 6, 9]) {
    if (wrong.every((i) => format(actual.data[i], digits) !== format(expected.data[i], digits))) {
      return digits;
    }
  }
  return 17;
}

export function format(value: number, digits: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(digits)));
}

/** A title and rows of equally wide cells, all lines equally long. */
function grid(title: string, cells: readonly string[], width: number): string[] {
  const cellWidth = Math.max(...cells.map((cell) => cell.length));
  const lines = [title];
  for (let i = 0; i < cells.length; i += width) {
    lines.push(cells.slice(i, i + width).map((cell) => cell.padStart(cellWidth)).join(" "));
  }
  const lineWidth = Math.max(...lines.map((line) => line.length));
  return lines.map((line) => line.padEnd(lineWidth));
}

/** Where a row is on all axes but the last. */
export function indexOfRow(row: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const n of shape.slice(0, -1).toReversed()) {
    index.unshift(row % n);
    row = Math.floor(row / n);
  }
  return index;
}
