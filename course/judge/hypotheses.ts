/**
 * The bugs that numbers can prove. Each hypothesis looks for forms of its bug that these numbers
 * allow, and undoes them; whether that makes the numbers right is seen elsewhere.
 *
 * @module
 */
import type { TensorLike } from "../sandbox/expect_tensor.ts";
import {
  type Case,
  indexes,
  mapped,
  picked,
  sameShape,
  sumOver,
  type Trial,
  wrongIndexes,
} from "./evidence.ts";

/** A kind of bug: the forms of it that these numbers allow, undone. */
type Hypothesis = (found: Case) => Trials;

type Trials = readonly Trial[];

/** All of them, what explains most first. */
export const hypotheses: readonly Hypothesis[] = [
  function sign({ got }): Trials {
    return [{ says: "every sign is flipped", made: mapped(got, (x) => -x) }];
  },

  /** The numbers that were in place before are missing, or are still there. */
  function accumulation({ got, want, earlier = [] }): Trials {
    const others = earlier.filter((before) =>
      sameShape(before, want) && indexes(before).some((i) => before.data[i] !== 0)
    );
    return others.flatMap((before) =>
      sameShape(got, want)
        ? [
          {
            says: "what was there before is lost: was it overwritten instead of added to?",
            made: combined(got, before, 1),
            cost: 2,
          },
          {
            says: "what came before is still in it: was it not cleared?",
            made: combined(got, before, -1),
            cost: 2,
          },
        ]
        : []
    );
  },

  /** A function was forgotten, or is one too many. */
  function otherFunction({ got }): Trials {
    const undone: [string, (x: number) => number][] = [
      ["every number is the square of the right one: is a root missing?", Math.sqrt],
      ["every number is the root of the right one: is a square missing?", (x) => x * x],
      ["every number is one divided by the right one", (x) => 1 / x],
      ["every number is 1 minus the right one", (x) => 1 - x],
      ["every number is the logarithm of the right one: is exp() missing?", Math.exp],
      ["every number is e to the power of the right one: is log() missing?", Math.log],
    ];
    return undone.map(([says, undo]) => ({ says, made: mapped(got, undo), cost: 3 }));
  },

  function signsLost({ got, want }): Trials {
    const right = mapped(want, Math.abs);
    return want.data.length > 1 && indexes(want).some((i) => want.data[i] < 0)
      ? [{ says: "the signs are lost", made: got, right, cost: 3 }]
      : [];
  },

  /** A factor that is a size of what went in, or comes out, tells which division is missing. */
  function averaging({ got, want, about }): Trials {
    const sizes = new Set([want, about?.of].flatMap((tensor) => sizesIn(tensor?.shape ?? [])));
    return [...sizes].flatMap(([n, name]) => [
      {
        says: `every number is ${n} times too large, and ${n} is ${name}: is an average missing?`,
        made: mapped(got, (x) => x / n),
        cost: 3 + Math.log2(n),
      },
      {
        says: `every number is ${n} times too small, and ${n} is ${name}: averaged once too often?`,
        made: mapped(got, (x) => x * n),
        cost: 3 + Math.log2(n),
      },
    ]);
  },

  function transposed({ got, want }): Trials {
    const rank = want.shape.length, pairs: [number, number][] = [];
    if (got.shape.length !== rank) return [];
    for (let b = rank - 1; b > 0; b--) for (let a = b - 1; a >= 0; a--) pairs.push([a, b]);
    return pairs.filter(([a, b]) => want.shape[a] > 1 && want.shape[b] > 1).map(([a, b]) => ({
      says: rank === 2 ? "it is transposed" : `axes ${a} and ${b} have changed places`,
      made: picked(got, want.shape, (index) => index.with(a, index[b]).with(b, index[a])),
      cost: Math.log2(pairs.length),
    }));
  },

  function reversed({ got, want }): Trials {
    return got.shape.length !== want.shape.length ? [] : want.shape.map((n, axis) => ({
      says: want.shape.length === 1
        ? "the order is reversed"
        : `the order along axis ${axis} is reversed`,
      made: picked(got, want.shape, (index) => index.with(axis, n - 1 - index[axis])),
      cost: 2,
    }));
  },

  /** Each holds what belongs to its neighbour. */
  function shifted({ got, want }): Trials {
    if (!sameShape(got, want)) return [];
    return want.shape.flatMap((n, axis) =>
      n < 4 ? [] : [1, -1].map((by) => ({
        says: want.shape.length === 1
          ? `each number is the one that belongs ${by > 0 ? "after" : "before"} it: off by one?`
          : `everything is shifted by one along axis ${axis}`,
        made: picked(got, want.shape, (index) => index.with(axis, index[axis] - by)),
        cost: 3,
      }))
    );
  },

  /** One row, or one mask, for the whole batch. */
  function firstForAll({ got, want }): Trials {
    if (!sameShape(got, want)) return [];
    return want.shape.flatMap((n, axis) =>
      n < 2 ? [] : [{
        says: `what is right for the first along axis ${axis} stands in all ${n}`,
        made: got,
        right: picked(want, want.shape, (index) => index.with(axis, 0)) as TensorLike,
        cost: 3,
      }]
    );
  },

  function unsummed({ got, want }): Trials {
    const front = got.shape.length - want.shape.length;
    const wide = [...Array(Math.max(0, front)).fill(1), ...want.shape];
    const axes = wide.flatMap((n, axis) => n === 1 && got.shape[axis] > 1 ? [axis] : []);
    if (wide.length !== got.shape.length || axes.length === 0) return [];
    const { data } = sumOver(got, axes), made = { data, shape: want.shape };
    const says = `it is not summed over axis ${axes.join(" and ")}`;
    const count = got.data.length / want.data.length;
    return [
      { says, made, slack: count },
      { says: `${says}, and averaged`, made: mapped(made, (x) => x / count), slack: count },
    ];
  },

  function reshaped({ got, want }): Trials {
    return got.data.length !== want.data.length || sameShape(got, want) ? [] : [{
      says: "the numbers are right, only the shape is not",
      made: { data: got.data, shape: want.shape },
    }];
  },

  /** Only some positions of a window were wanted, or a border is missing or too much. */
  function windows({ got, want }): Trials {
    if (got.shape.length !== want.shape.length || want.shape.length < 2) return [];
    const trials: Trial[] = [];
    for (const step of [2, 3]) {
      const made = picked(
        got,
        want.shape,
        (index) => index.map((k, axis) => got.shape[axis] === want.shape[axis] ? k : k * step),
      );
      trials.push({ says: `every position is there: is the stride of ${step} forgotten?`, made });
    }
    for (
      const [inner, outer, says] of [[got, want, "is missing"], [want, got, "is too much"]]
        .map(([a, b, says]) => [a as TensorLike, b as TensorLike, says] as const)
    ) {
      const borders = outer.shape.map((n, axis) => (n - inner.shape[axis]) / 2);
      if (borders.some((n) => n < 0 || !Number.isInteger(n))) continue;
      const cut = picked(outer, inner.shape, (index) => index.map((k, axis) => k + borders[axis]));
      const width = Math.max(...borders);
      trials.push({
        says: `a border of ${width} ${says}: is it the padding?`,
        made: inner === want ? cut : got,
        right: inner === want ? want : cut as TensorLike,
        cost: 2,
      });
    }
    return sameShape(got, want) ? [] : trials;
  },

  function otherCells({ got, want, tolerance }): Trials {
    if (!sameShape(got, want) || new Set(Array.from(want.data)).size < 3) return [];
    // Of an order that is drawn, or of classes, other cells are no explanation.
    if (indexes(want).every((i) => Number.isInteger(want.data[i]))) return [];
    const wrong = wrongIndexes({ got, want, tolerance: Math.max(tolerance, 1e-6) }),
      moved = wrong.length;
    const [made, right] = [got, want].map(({ data }) => ({
      data: wrong.map((i) => data[i]).sort((a, b) => a - b),
      shape: [moved],
    }));
    return [{
      says: "the right numbers stand in other cells",
      made,
      right,
      cost: moved * Math.log2(moved),
    }];
  },
];

// ── Small tools ──

function combined(a: TensorLike, b: TensorLike, times: 1 | -1): TensorLike {
  return { data: indexes(a).map((i) => a.data[i] + times * b.data[i]), shape: a.shape };
}

/** The sizes of a shape that an average may go over, from 3 on, and what they are called. */
function sizesIn(shape: readonly number[]): [size: number, name: string][] {
  const named = `(${shape.join(", ")})`, all = shape.reduce((product, n) => product * n, 1);
  const sizes = shape.map((
    n,
    axis,
  ): [number, string] => [n, `the size of axis ${axis} of ${named}`]);
  return [...sizes, [all, `the count of numbers in ${named}`] as [number, string]]
    .filter(([n]) => n > 2);
}
