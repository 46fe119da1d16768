/**
 * Structural equality as `@std/assert` means it. It differs from `deepStrictEqual` of node:assert,
 * which is why that one is not used: here −0 equals 0, an object without a prototype equals a plain
 * one, and the getters of a class are part of its value. As there, `{ a: undefined }` is not `{}`.
 */

/** Whether both have the same structure. */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

type Seen = Map<object, object>;

function compare(a: unknown, b: unknown, seen: Seen): boolean {
  if (sameValue(a, b)) return true;
  if (!isObject(a) || !isObject(b) || !samePrototype(a, b)) return false;
  if (a instanceof Date && b instanceof Date) return sameValue(a.getTime(), b.getTime());
  if (a instanceof WeakMap || a instanceof WeakSet) {
    throw new TypeError(`Cannot compare ${a.constructor.name} instances`);
  }
  if (isText(a)) return String(a) === String(b);
  const numbers = numbersOf(a);
  if (numbers) return sameNumbers(numbers, numbersOf(b) ?? []);
  if (seen.get(a) === b) return true;
  if (Object.keys(a).length !== Object.keys(b).length) return false;
  seen.set(a, b);
  if (isCollection(a) && isCollection(b)) return sameEntries(a, b, seen);
  return sameFields(a, b, seen);
}

/** NaN is NaN, and −0 is 0. */
function sameValue(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function samePrototype(a: object, b: object): boolean {
  const plain = (value: object): unknown => Object.getPrototypeOf(value) ?? Object.prototype;
  return plain(a) === plain(b);
}

/** Objects that their text says all about. */
function isText(value: object): boolean {
  return value instanceof RegExp || value instanceof URL || value instanceof URLSearchParams;
}

/** The elements of a typed array, or the bytes of a buffer. */
function numbersOf(value: object): ArrayLike<unknown> | undefined {
  if (ArrayBuffer.isView(value) && "length" in value) return value as Uint8Array;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (typeof SharedArrayBuffer !== "undefined" && value instanceof SharedArrayBuffer) {
    return new Uint8Array(value);
  }
  return undefined;
}

function sameNumbers(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (!sameValue(a[i], b[i])) return false;
  }
  return true;
}

type Collection = Map<unknown, unknown> | Set<unknown>;

function isCollection(value: object): value is Collection {
  return value instanceof Map || value instanceof Set;
}

/** Keys may be objects too, which are looked for by their structure. */
function sameEntries(a: Collection, b: Collection, seen: Seen): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a.entries()) {
    if (!isObject(key)) {
      if (!b.has(key) || b instanceof Map && !compare(value, b.get(key), seen)) return false;
      continue;
    }
    const twin = b.entries().some(([otherKey, otherValue]) =>
      compare(key, otherKey, seen) && compare(value, otherValue, seen)
    );
    if (!twin) return false;
  }
  return true;
}

function sameFields(a: object, b: object, seen: Seen): boolean {
  for (const key of new Set([...fieldsOf(a), ...fieldsOf(b)])) {
    if (key in a !== key in b) return false;
    if (!compare(Reflect.get(a, key), Reflect.get(b, key), seen)) return false;
  }
  return true;
}

/** The enumerable fields of a plain object or array; of anything else also what it inherits. */
function fieldsOf(value: object): (string | symbol)[] {
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype || prototype === Array.prototype) {
    return Reflect.ownKeys({ ...value });
  }
  const fields: (string | symbol)[] = [];
  let part = value;
  while (part && part !== Object.prototype && part !== Array.prototype) {
    fields.push(...Reflect.ownKeys(part));
    part = Object.getPrototypeOf(part);
  }
  return fields;
}
