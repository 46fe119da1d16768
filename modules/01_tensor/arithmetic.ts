/**
 * # 01 · Tensor: arithmetic
 *
 * Element by element: a sum of two tensors is a loop over two typed arrays. What makes it more
 * than a loop is broadcasting. Each operation here therefore has two parts: the plain loop over one
 * straight stretch of memory, and broadcast(), which says what the stretches are.
 *
 * At the end you can add, subtract, multiply and divide tensors of any shapes that fit.
 *
 * Throughout: a, b operands · o, i, j positions in the output, in a and in b · n length of a stretch
 *
 * @module
 */
import {
  broadcastShapes,
  type Data,
  forEachStretch,
  like,
  requireOneDtype,
  sameShape,
  sizeOf,
  type Stretch,
  stretchedStrides,
  type Values,
} from "./shape.ts";

/** The loop of a two-operand operation over one stretch. */
type Loop = (out: Data, a: Data, b: Data, stretch: Stretch) => void;

// ── 1.4 Two operands ──
// Three cases cover nearly everything that a network does, and none of them needs the general
// walk to look clever: equal shapes are one stretch; a single number is one stretch with step 0; a
// bias row is one stretch per row.

/**
 * Applies a loop to all pairs of elements, stretching axes of size 1.
 *
 * @param verb What the operation does, for the error.
 */
function broadcast(verb: string, a: Values, b: Values, loop: Loop): Values {
  requireOneDtype(`Cannot ${verb}`, "and", a, b);
  if (sameShape(a.shape, b.shape)) {
    const out = like(a, a.data.length);
    loop(out, a.data, b.data, { o: 0, i: 0, iStep: 1, j: 0, jStep: 1, n: out.length });
    return { data: out, shape: a.shape };
  }
  const shape = broadcastShapes(a.shape, b.shape);
  const x = a.data, y = b.data, out = like(a, sizeOf(shape));
  const iStrides = stretchedStrides(a.shape, shape), jStrides = stretchedStrides(b.shape, shape);
  forEachStretch(shape, iStrides, jStrides, (stretch) => loop(out, x, y, stretch));
  return { data: out, shape };
}

/** @task 01.4 */
function addLoop(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
  for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] + b[j];
}

/** @task 01.4 */
function subLoop(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
  for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] - b[j];
}

/** @task 01.4 */
function mulLoop(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
  for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] * b[j];
}

/** @task 01.4 */
function divLoop(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
  for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] / b[j];
}

function equalLoop(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
  for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] === b[j] ? 1 : 0;
}

function greaterLoop(out: Data, a: Data, b: Data, { o, i, iStep, j, jStep, n }: Stretch): void {
  for (const end = o + n; o < end; o++, i += iStep, j += jStep) out[o] = a[i] > b[j] ? 1 : 0;
}

/** Adds, stretching axes of size 1. */
export function add(a: Values, b: Values): Values {
  return broadcast("add", a, b, addLoop);
}

/** Subtracts `b` from `a`, stretching axes of size 1. */
export function sub(a: Values, b: Values): Values {
  return broadcast("subtract", a, b, subLoop);
}

/** Multiplies element by element, stretching axes of size 1. */
export function mul(a: Values, b: Values): Values {
  return broadcast("multiply", a, b, mulLoop);
}

/** Divides `a` by `b` element by element, stretching axes of size 1. */
export function div(a: Values, b: Values): Values {
  return broadcast("divide", a, b, divLoop);
}

/** 1 where the two are equal, else 0. */
export function equal(a: Values, b: Values): Values {
  return broadcast("compare", a, b, equalLoop);
}

/** 1 where `a` is greater than `b`, else 0. */
export function greater(a: Values, b: Values): Values {
  return broadcast("compare", a, b, greaterLoop);
}

// ── One operand ──
// No broadcasting, no steps: the plainest loops of the whole framework.

/** −a. */
export function neg(a: Values): Values {
  const x = a.data, n = x.length, out = like(a, n);
  for (let i = 0; i < n; i++) out[i] = -x[i];
  return { data: out, shape: a.shape };
}

/** e to the power of a. */
export function exp(a: Values): Values {
  const x = a.data, n = x.length, out = like(a, n);
  for (let i = 0; i < n; i++) out[i] = Math.exp(x[i]);
  return { data: out, shape: a.shape };
}

/** The natural logarithm of a. */
export function log(a: Values): Values {
  const x = a.data, n = x.length, out = like(a, n);
  for (let i = 0; i < n; i++) out[i] = Math.log(x[i]);
  return { data: out, shape: a.shape };
}

/** The square root of a. */
export function sqrt(a: Values): Values {
  const x = a.data, n = x.length, out = like(a, n);
  for (let i = 0; i < n; i++) out[i] = Math.sqrt(x[i]);
  return { data: out, shape: a.shape };
}
