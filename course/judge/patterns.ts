/**
 * What is certain about wrong numbers: where they are, and what they have in common. No cause is
 * claimed here, but the place is often half of it.
 *
 * @module
 */
import { describe, isClose, type TensorLike } from "../sandbox/expect_tensor.ts";
import {
  type Case,
  type Clues,
  indexes,
  placeAlong,
  sameShape,
  sumOver,
  wrongIndexes,
} from "./evidence.ts";

/**
 * Says what is certain.
 *
 * @param got Wrong numbers.
 * @param want The right ones.
 * @param clues What is known beside.
 * @returns A sentence, or nothing if there is nothing to see.
 */
export function patternOf(got: TensorLike, want: TensorLike, clues: Clues): string | undefined {
  const found = { ...clues, got, want };
  if (!sameShape(got, want)) return extraAxes(found);
  const wrong = wrongIndexes(found);
  if (wrong.length === 0) return undefined;
  return notNumbers(found, wrong) ??
    [
      flipped,
      nearly,
      transposed,
      normalised,
      allEqual,
      factor,
      offset,
      whereInput,
      whereExpected,
      ends,
    ]
      .map((look) => look(found, wrong)).find((sentence) => sentence !== undefined) ??
    alongAxis(found, wrong);
}

type Look = (found: Case, wrong: readonly number[]) => string | undefined;

function extraAxes({ got, want }: Case): string | undefined {
  const wide = [...Array(Math.max(0, got.shape.length - want.shape.length)).fill(1), ...want.shape];
  if (wide.length !== got.shape.length) return undefined;
  const odd = wide.flatMap((n, axis) => n === got.shape[axis] ? [] : [axis]);
  const [axis] = odd, by = odd.map((axis) => got.shape[axis] - wide[axis]);
  if (odd.length > 0 && Math.abs(by[0]) === 1 && by.every((n) => n === by[0])) {
    return `one too ${by[0] > 0 ? "many" : "few"} along axis ${
      odd.join(" and ")
    }: is it off by one?`;
  }
  if (odd.length !== 1) return undefined;
  if (wide[axis] === 1) return `axis ${axis}, of size ${got.shape[axis]}, is still there`;
  return want.shape.length > 1
    ? `axis ${axis} has size ${got.shape[axis]} instead of ${wide[axis]}`
    : undefined;
}

/** NaN has few sources. */
const sources =
  "an index outside of an array, 0/0, 0·∞, ∞ − ∞, the logarithm or root of less than 0";

const notNumbers: Look = (found, wrong) => {
  const { got, want } = found;
  const here = wrong.filter((i) => Number.isNaN(got.data[i]) && !Number.isNaN(want.data[i]));
  if (here.length === 0) return undefined;
  const which = here.length === got.data.length ? "" : ` (${here.length} of ${got.data.length})`;
  const place = ends(found, here) ?? alongAxis(found, here);
  return `${place ? `${place}\n  ` : ""}NaN${which} comes from: ${sources}`;
};

/** Numbers that agree to five digits. */
const nearly: Look = ({ got, want }, wrong) => {
  const isNear = wrong.every((i) =>
    want.data[i] !== 0 && Math.abs(got.data[i] / want.data[i] - 1) < 1e-4
  );
  if (!isNear) return undefined;
  const isFloat32 = indexes(got).every((i) => Math.fround(got.data[i]) === got.data[i]) &&
    indexes(want).some((i) => Math.fround(want.data[i]) !== want.data[i]);
  if (!isFloat32) {
    return "all are nearly right: is a small number (an ε) in another place, or something rounded?";
  }
  return indexes(got).every((i) => Math.fround(want.data[i]) === got.data[i])
    ? "these are the right numbers, rounded to float32: make room with like()"
    : "all are nearly right, and all fit in float32: is a running total kept in float32?";
};

/** Along which axis numbers add up to 1, or have mean 0. */
const normalised: Look = ({ got, want }) => {
  for (const [what, total] of [["add up to 1", 1], ["have mean 0", 0]] as const) {
    const [is, should] = [got, want].map((x) => axesWith(x, total));
    if (should === undefined || is === undefined || is === should) continue;
    return `they ${what} over ${is}, and should over ${should}`;
  }
  return undefined;
};

/** The first axes over which all sums are the same given number: "axis 1". */
function axesWith(x: TensorLike, total: number): string | undefined {
  const all = x.shape.map((_, axis) => axis),
    pairs = all.flatMap((a) => all.slice(a + 1).map((b) => [a, b]));
  const axes = [...all.map((axis) => [axis]), ...pairs, all].find((axes) => {
    const { data } = sumOver(x, axes), count = x.data.length / data.length;
    return count > 1 && (data.length > 1 || axes.length === all.length) &&
      Array.from(data).every((sum) => Math.abs(sum - total) < 1e-5 * Math.max(1, count / 10));
  });
  if (!axes || indexes(x).every((i) => x.data[i] === 0 || x.data[i] === 1)) return undefined;
  return axes.length === all.length ? "everything" : `axis ${axes.join(" and ")}`;
}

const allEqual: Look = ({ got, want }) => {
  const [first] = Array.from(got.data), different = new Set(Array.from(want.data)).size;
  return got.data.length > 2 && different > 1 && indexes(got).every((i) => got.data[i] === first)
    ? `every number is ${Number(first.toPrecision(4))}`
    : undefined;
};

/** Numbers with the wrong sign, be it only one. */
const flipped: Look = ({ got, want, tolerance }, wrong) => {
  const isFlipped = wrong.every((i) =>
    want.data[i] !== 0 && isClose(-got.data[i], want.data[i], tolerance)
  );
  if (!isFlipped) return undefined;
  return wrong.length === 1 ? "only its sign is wrong" : "only the signs are wrong";
};

const transposed: Look = ({ got, want, tolerance }) => {
  const [rows, columns] = want.shape;
  if (want.shape.length !== 2 || rows !== columns) return undefined;
  const mirrored = indexes(want).map((i) => (i % rows) * rows + Math.floor(i / rows));
  return mirrored.every((from, i) => isClose(got.data[from], want.data[i], tolerance))
    ? "rows and columns have changed places"
    : undefined;
};

/** What all numbers are times the right ones: a simple factor, or one that many numbers show. */
const factor: Look = ({ got, want, tolerance }) => {
  const known = indexes(want).filter((i) => want.data[i] !== 0);
  const ratio = got.data[known[0]] / want.data[known[0]], size = Math.abs(ratio);
  if (!Number.isFinite(ratio) || ratio === 0 || Math.abs(size - 1) < 1e-3) return undefined;
  const isSame = indexes(want).every((i) =>
    isClose(got.data[i] / ratio, want.data[i], Math.max(tolerance, 1e-6) * 4)
  );
  const times = Math.max(size, 1 / size), isWhole = Math.abs(times - Math.round(times)) < 1e-5;
  const distinct = new Set(known.map((i) => want.data[i])).size;
  const isSimple = distinct > 1 || !Number.isInteger(want.data[known[0]]);
  if (!isSame || !(isWhole ? isSimple : distinct > 3)) return undefined;
  const which = want.data.length === 1 ? "it" : "every number";
  return `${which} is ${Number(times.toPrecision(4))} times too ${size > 1 ? "large" : "small"}` +
    (ratio < 0 ? ", and its sign is flipped" : "");
};

/** A number that is too much everywhere. */
const offset: Look = ({ got, want, tolerance }) => {
  const by = got.data[0] - want.data[0], most = Math.max(...Array.from(want.data, Math.abs));
  const accuracy = Math.max(tolerance, 1e-6) * Math.max(1, most);
  const distinct = new Set(Array.from(want.data)).size;
  if (distinct < 3 || !(Math.abs(by) > 100 * accuracy) || !Number.isFinite(by)) return undefined;
  const isSame = indexes(want).every((i) =>
    Math.abs(got.data[i] - want.data[i] - by) <= 4 * accuracy
  );
  const size = Number(Math.abs(by).toPrecision(4));
  return isSame ? `every number is ${size} too ${by > 0 ? "large" : "small"}` : undefined;
};

/** Of a gradient: whether just the numbers of one sign are wrong. */
const whereInput: Look = ({ about, want }, wrong) => {
  const of = about?.of;
  if (!of || of.data.length !== want.data.length) return undefined;
  return justWhere(of, wrong, "the input");
};

const whereExpected: Look = ({ want }, wrong) =>
  wrong.length > 1 ? justWhere(want, wrong, "the right number") : undefined;

function justWhere(x: TensorLike, wrong: readonly number[], what: string): string | undefined {
  const tests: [string, (n: number) => boolean][] = [
    ["0", (n) => n === 0],
    ["below 0", (n) => n < 0],
    ["above 0", (n) => n > 0],
    ["NaN", Number.isNaN],
    ["infinite", (n) => Math.abs(n) === Infinity],
  ];
  for (const [name, holds] of tests) {
    const here = indexes(x).filter((i) => holds(x.data[i]));
    if (here.length === 0 || here.length === x.data.length) continue;
    if (here.length === wrong.length && here.every((i, k) => wrong[k] === i)) {
      return `wrong just where ${what} is ${name}`;
    }
  }
  return undefined;
}

/** Lists that go right for a while, or that end too early. */
const ends: Look = ({ want }, wrong) => {
  const size = want.data.length, last = wrong.at(-1) ?? 0;
  if (want.shape.length !== 1 || size < 3) return undefined;
  const isRun = last - wrong[0] + 1 === wrong.length;
  if (!isRun || wrong.length === size) return undefined;
  if (last === size - 1 && wrong.length > 1) {
    return `the first ${
      wrong[0] === 1 ? "is" : `${wrong[0]} are`
    } right, and all after it are wrong`
      .replace(/(\d+ are) right, and all after it/, "$1 right, and all after them");
  }
  if (wrong.length === 1) {
    return `only ${
      last === size - 1 ? "the last" : last === 0 ? "the first" : `[${last}]`
    } is wrong`;
  }
  return wrong[0] === 0 ? `only the first ${wrong.length} are wrong` : undefined;
};

/** Whether all that is wrong lies in one place along an axis. */
const alongAxis: Look = ({ want }, wrong) => {
  const { shape } = want;
  for (const axis of shape.map((_, axis) => axis)) {
    const places = new Set(wrong.map((i) => placeAlong(i, shape, axis))), n = shape[axis];
    if (n < 2 || want.data.length < 4 || wrong.length < 2) continue;
    if (places.size === 1) {
      const [at] = places, edge = at === n - 1 ? " (the last)" : at === 0 ? " (the first)" : "";
      return `all that is wrong is at ${at}${edge} along axis ${axis} of ${describe(shape)}`;
    }
    const right = [...Array(n).keys()].filter((k) => !places.has(k));
    if (n > 2 && right.length === 1 && wrong.length === want.data.length / n * (n - 1)) {
      return `only what is at ${right[0]} along axis ${axis} of ${describe(shape)} is right`;
    }
  }
  return undefined;
};
