/**
 * Looks at wrong numbers beside the right ones, and names the bug that makes such numbers.
 *
 * @module
 */
import type { About } from "../sandbox/context.ts";
import {
  describe,
  format,
  indexOfRow,
  isClose,
  type TensorLike,
} from "../sandbox/expect_tensor.ts";

/** What is known beside the numbers. */
export interface Clues {
  readonly tolerance: number;
  readonly about?: About;
  /** What was expected of earlier tensors of the same test. */
  readonly earlier?: readonly TensorLike[];
  /** What the test expected where the learner's own forward pass was used to find it. */
  readonly own?: TensorLike;
}

/** Two tensors and what is known of them. */
interface Case extends Clues {
  readonly got: TensorLike;
  readonly want: TensorLike;
}

/** What is said of a bug, or nothing. */
type Cause = string | undefined;

/** Tells one kind of bug. */
type Signature = (found: Case) => Cause;

/**
 * Names the likely cause of wrong numbers.
 *
 * @param got The numbers in question.
 * @param want The right ones.
 * @param clues What is known beside.
 * @returns The first wrong cell and the cause, or nothing if no known bug makes such numbers.
 */
export function diagnose(got: TensorLike, want: TensorLike, clues: Clues): string | undefined {
  const found = { ...clues, got, want }, sameShape = describe(got.shape) === describe(want.shape);
  const signatures = sameShape ? sameShapeSignatures : otherShapeSignatures;
  for (const signature of signatures) {
    const cause = signature(found);
    if (cause !== undefined) return `${sameShape ? firstWrong(found) : ""}${cause}`;
  }
  return undefined;
}

/** weight[2, 0]: got 0.31, expected -0.31; */
function firstWrong({ got, want, tolerance, about }: Case): string {
  const i = indexes(want).find((i) => !isClose(got.data[i], want.data[i], tolerance)) ?? 0;
  const place = want.shape.length === 0 ? "" : `[${indexOfRow(i, [...want.shape, 1]).join(", ")}]`;
  const name = about ? `${about.of ? "gradient of " : ""}${about.name}` : "value";
  return `${name}${place}: got ${format(got.data[i], 4)}, expected ${format(want.data[i], 4)}; `;
}

const sameShapeSignatures: readonly Signature[] = [
  function notFinite({ got, want, tolerance }): Cause {
    const wrong = wrongIndexes(got, want, tolerance);
    return wrong.every((i) => Number.isNaN(got.data[i]))
      ? "NaN came out: look for 0/0, ∞ − ∞ or the logarithm of a negative number"
      : undefined;
  },
  function float32({ got, want, tolerance }): Cause {
    const isRounded = tolerance < 1e-7 &&
      indexes(got).every((i) =>
        isClose(got.data[i], want.data[i], 1e-5) && Math.fround(got.data[i]) === got.data[i]
      );
    return isRounded ? "the numbers were rounded to float32: make room with like()" : undefined;
  },
  function sign(found): Cause {
    return equals(found, (x) => -x) ? "every sign is flipped" : undefined;
  },
  function accumulation({ got, want, earlier = [], tolerance }): Cause {
    for (const before of earlier) {
      if (before.data.length !== want.data.length) continue;
      const off = (by: 1 | -1): boolean =>
        indexes(want).every((i) =>
          isClose(got.data[i], want.data[i] + by * before.data[i], tolerance * 4)
        );
      if (Array.from(before.data).every((x) => x === 0)) continue;
      if (off(-1)) return "what was there before is lost: was it overwritten instead of added to?";
      if (off(1)) return "what came before is still in it: was it not cleared?";
    }
    return undefined;
  },
  function factor({ got, want, tolerance }): Cause {
    const i = largest(want), ratio = got.data[i] / want.data[i];
    if (!Number.isFinite(ratio) || ratio === 0 || Math.abs(ratio - 1) < 1e-3) return undefined;
    const scaled = indexes(want).every((k) =>
      isClose(got.data[k] / ratio, want.data[k], Math.max(tolerance * 4, 1e-6))
    );
    const several = Array.from(want.data).filter((x) => x !== 0).length > 1;
    if (!scaled || !several && !isSimple(ratio)) return undefined;
    const size = Math.abs(ratio) > 1 ? Math.abs(ratio) : 1 / Math.abs(ratio);
    const flipped = ratio < 0 ? ", and its sign is flipped" : "";
    const of = Math.abs(ratio) > 1
      ? "large: is a factor or a division"
      : "small: is a sum or a factor";
    return `every number is ${format(size, 4)} times too ${of} missing?${flipped}`;
  },
  function transposed({ got, want, tolerance }): Cause {
    const [rows, columns] = want.shape.slice(-2);
    if (want.shape.length < 2 || rows !== columns) return undefined;
    return isTransposeOf(got, want, tolerance) ? "it is transposed" : undefined;
  },
  function atZero({ got, want, about, tolerance }): Cause {
    const of = about?.of;
    if (!of || of.data.length !== want.data.length) return undefined;
    const wrong = wrongIndexes(got, want, tolerance);
    if (wrong.length === of.data.length) return undefined;
    return wrong.every((i) => of.data[i] === 0)
      ? "it is wrong just where the input is 0"
      : undefined;
  },
  function shifted({ got, want, tolerance }): Cause {
    for (let axis = Math.max(0, want.shape.length - 2); axis < want.shape.length; axis++) {
      for (const by of [1, -1]) {
        if (isShifted(got, want, { axis, by, tolerance })) {
          return `it is shifted by one along axis ${axis}: is stride or padding forgotten?`;
        }
      }
    }
    return undefined;
  },
  function otherCells({ got, want, tolerance }): Cause {
    const sorted = [got, want].map(({ data }) => Array.from(data).sort((a, b) => a - b));
    if (new Set(sorted[1]).size < 2) return undefined;
    return sorted[0].every((x, i) => isClose(x, sorted[1][i], tolerance))
      ? "the right numbers stand in other cells"
      : undefined;
  },
  function partOfSum({ got, want, about, tolerance }): Cause {
    const isPart = wrongIndexes(got, want, tolerance).every((i) =>
      got.data[i] * want.data[i] > 0 && Math.abs(got.data[i]) < Math.abs(want.data[i])
    );
    return isPart && about?.of && want.data.length > 1
      ? "some cells hold only a part of their sum: was it overwritten instead of added to?"
      : undefined;
  },
  function ownForward({ got, own, about, tolerance }): Cause {
    if (!own || !about?.of || own.data.length !== got.data.length) return undefined;
    return wrongIndexes(got, own, Math.max(tolerance, 1e-6)).length === 0
      ? "your backward agrees with your forward, but the forward is not the right one"
      : undefined;
  },
  function offset({ got, want, tolerance }): Cause {
    const by = got.data[0] - want.data[0];
    if (want.data.length < 2 || !Number.isFinite(by)) return undefined;
    const same = indexes(want).every((i) => isClose(got.data[i] - by, want.data[i], tolerance * 4));
    return same
      ? `every number is ${format(Math.abs(by), 4)} too ${by > 0 ? "large" : "small"}`
      : undefined;
  },
  function zeros({ got }): Cause {
    return Array.from(got.data).every((x) => x === 0) ? "every number is 0" : undefined;
  },
  function disagrees({ own, about }): Cause {
    return own && about?.of ? "your backward does not agree with your forward" : undefined;
  },
];

const otherShapeSignatures: readonly Signature[] = [
  function transposed({ got, want, tolerance }): Cause {
    if (want.shape.length < 2 || got.shape.length !== want.shape.length) return undefined;
    return isTransposeOf(got, want, tolerance) ? "it is transposed" : undefined;
  },
  function unsummed({ got, want, tolerance }): Cause {
    const padded = [
      ...Array(Math.max(0, got.shape.length - want.shape.length)).fill(1),
      ...want.shape,
    ];
    if (padded.length !== got.shape.length) return undefined;
    const axes = padded.flatMap((n, axis) => n === 1 && got.shape[axis] > 1 ? [axis] : []);
    if (axes.length === 0 || padded.some((n, axis) => n !== 1 && n !== got.shape[axis])) {
      return undefined;
    }
    const sums = sumOver(got, axes);
    const right = sums.every((x, i) => isClose(x, want.data[i], tolerance * got.data.length));
    return `it is not summed over axis ${axes.join(" and ")}${right ? "" : ", and more is wrong"}`;
  },
  function reshaped({ got, want, tolerance }): Cause {
    const same = got.data.length === want.data.length &&
      wrongIndexes(got, want, tolerance).length === 0;
    return same ? "the numbers are right, only the shape is not" : undefined;
  },
  function window({ got, want }): Cause {
    const isImage = want.shape.length >= 2 && got.shape.length === want.shape.length &&
      want.shape.slice(0, -2).every((n, axis) => n === got.shape[axis]);
    return isImage && want.shape.length > 2
      ? "the height or width is off: is stride or padding forgotten?"
      : undefined;
  },
];

// ── Small tools ──

function indexes({ data }: TensorLike): number[] {
  return Array.from({ length: data.length }, (_, i) => i);
}

function wrongIndexes(got: TensorLike, want: TensorLike, tolerance: number): number[] {
  return indexes(want).filter((i) => !isClose(got.data[i], want.data[i], tolerance));
}

/** Whether the right numbers become the ones at hand. */
function equals({ got, want, tolerance }: Case, change: (x: number) => number): boolean {
  return indexes(want).every((i) => isClose(got.data[i], change(want.data[i]), tolerance)) &&
    Array.from(want.data).some((x) => x !== 0);
}

function largest({ data }: TensorLike): number {
  let at = 0;
  for (let i = 1; i < data.length; i++) if (Math.abs(data[i]) > Math.abs(data[at])) at = i;
  return at;
}

/** Whether a factor is one that gets lost: a whole number, or one divided by it. */
function isSimple(ratio: number): boolean {
  const size = Math.abs(ratio) > 1 ? Math.abs(ratio) : 1 / Math.abs(ratio);
  return Math.abs(size - Math.round(size)) < 1e-4 * size;
}

function isTransposeOf(got: TensorLike, want: TensorLike, tolerance: number): boolean {
  const [rows, columns] = want.shape.slice(-2), plane = rows * columns;
  if (got.shape.at(-2) !== columns || got.shape.at(-1) !== rows) return false;
  return got.data.length === want.data.length && indexes(want).every((i) => {
    const row = Math.floor(i % plane / columns), column = i % columns;
    const mirrored = i - i % plane + column * rows + row;
    return isClose(got.data[mirrored], want.data[i], tolerance);
  });
}

interface Shift {
  readonly axis: number;
  readonly by: number;
  readonly tolerance: number;
}

/** Whether each cell holds what belongs into its neighbour; what falls off the edge is not looked at. */
function isShifted(got: TensorLike, want: TensorLike, { axis, by, tolerance }: Shift): boolean {
  const inner = want.shape.slice(axis + 1).reduce((product, n) => product * n, 1);
  const n = want.shape[axis];
  const pairs = indexes(want).flatMap((i) => {
    const at = Math.floor(i / inner) % n + by;
    return at >= 0 && at < n ? [[i, i + by * inner]] : [];
  });
  return pairs.length > 3 && new Set(pairs.map(([, to]) => want.data[to])).size > 2 &&
    pairs.every(([from, to]) => isClose(got.data[from], want.data[to], tolerance));
}

/** Sums over axes, in the order of what is left. */
function sumOver({ data, shape }: TensorLike, axes: readonly number[]): number[] {
  const kept = shape.map((n, axis) => axes.includes(axis) ? 1 : n);
  const sums: number[] = Array(kept.reduce((product, n) => product * n, 1)).fill(0);
  for (let i = 0; i < data.length; i++) {
    const at = indexOfRow(i, [...shape, 1]);
    let place = 0;
    at.forEach((k, axis) => place = place * kept[axis] + (axes.includes(axis) ? 0 : k));
    sums[place] += data[i];
  }
  return sums;
}
