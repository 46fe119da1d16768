/**
 * Copies what a check was given into what can be sent. The values are a learner's, and nothing on
 * them is trusted: no method of theirs is called, no `map` and no iterator, and what an object is
 * tells the engine and not its class. It never holds more than a check can need.
 *
 * @module
 */

/** An error as plain values. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly hint?: string;
  readonly stack?: string;
}

/** The most that one value of a check may hold, in numbers: thirty times what any test needs. */
const maxValues = 50_000;

/** The most of a text that is kept, in characters, and how many of them count as one number. */
const maxText = 20_000, perNumber = 10;

/** How deep lists may lie in lists. */
const maxDepth = 64;

const { apply, get, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { isArray } = Array, { isPrototypeOf } = Object.prototype;
const numbers = getPrototypeOf(Float64Array.prototype) ?? {};
const lengthOf = getterOf(numbers, "length"), kindOf = getterOf(numbers, Symbol.toStringTag);
const mapSize = getterOf(Map.prototype, "size"), setSize = getterOf(Set.prototype, "size");
const { forEach: eachOfMap } = Map.prototype, { forEach: eachOfSet } = Set.prototype;
const { set: setNumbers } = Float64Array.prototype;
/** The arrays that hold numbers as we know them. */
const classes = new Map(Object.entries({
  Float32Array,
  Float64Array,
  Int8Array,
  Int16Array,
  Int32Array,
  Uint8Array,
  Uint8ClampedArray,
  Uint16Array,
  Uint32Array,
}));

/** What reads a property of the engine's own. */
function getterOf(owner: object, key: PropertyKey): (this: unknown) => unknown {
  const found = Object.getOwnPropertyDescriptor(owner, key)?.get;
  if (!found) throw new TypeError(`Cannot find what reads ${String(key)}`);
  return found;
}

/** Says that a value is too large to be sent. */
class TooLarge extends Error {}

/**
 * Copies a value: numbers, texts, lists, tables and plain objects. A tensor is its numbers and its
 * shape, an object of a class its fields. What is too large becomes a text that says so.
 *
 * @param value Anything.
 * @returns Plain values.
 */
export function plain(value: unknown): unknown {
  let left = maxValues;
  const around: unknown[] = [];
  try {
    return copy(value);
  } catch (error) {
    if (error instanceof TooLarge) return error.message;
    throw error;
  }

  function take(count: number, what: string): void {
    left -= count;
    if (!(left >= 0)) throw new TooLarge(what);
  }

  function copy(value: unknown): unknown {
    take(1, `more than ${maxValues} values`);
    if (typeof value === "string") {
      take(value.length / perNumber, `a text of ${value.length} characters`);
      return cut(value);
    }
    if (typeof value === "function" || typeof value === "symbol") return `a ${typeof value}`;
    if (typeof value !== "object" || value === null) return value;
    if (around.includes(value)) return "itself";
    if (around.length === maxDepth) return "a value that lies too deep";
    around.push(value);
    const copied = copyObject(value);
    around.pop();
    return copied;
  }

  function copyObject(value: object): unknown {
    const kind = apply(kindOf, value, []);
    if (typeof kind === "string") return copyNumbers(value, kind);
    if (isArray(value)) return copyList(value);
    if (apply(isPrototypeOf, Error.prototype, [value])) return thrownFrom(value);
    if (ArrayBuffer.isView(value)) return "a DataView";
    const size = sizeWith(mapSize, value);
    if (size !== undefined) return copyMap(value, size);
    const members = sizeWith(setSize, value);
    if (members !== undefined) return copySet(value, members);
    return copyTensor(value) ?? copyFields(value);
  }

  function copyNumbers(value: object, kind: string): unknown {
    const Class = classes.get(kind), size = Number(apply(lengthOf, value, []));
    if (!Class) return `a ${kind}`;
    take(size, `a ${kind} of ${size} numbers`);
    const copied = new Class(size);
    apply(setNumbers, copied, [value]);
    return copied;
  }

  function copyList(value: object): unknown[] {
    const length = Number(getOwnPropertyDescriptor(value, "length")?.value);
    take(length, `a list of ${length} values`);
    const copied: unknown[] = [];
    for (let k = 0; k < length; k++) copied.push(copy(own(value, k)));
    return copied;
  }

  function copyMap(value: object, size: number): unknown {
    take(size, `a Map of ${size} entries`);
    const copied = new Map();
    apply(eachOfMap, value, [(inner: unknown, key: unknown) => copied.set(copy(key), copy(inner))]);
    return copied;
  }

  function copySet(value: object, size: number): unknown {
    take(size, `a Set of ${size} values`);
    const copied = new Set();
    apply(eachOfSet, value, [(inner: unknown) => copied.add(copy(inner))]);
    return copied;
  }

  /** Its fields may be getters: each is read once, and what it gave is what counts. */
  function copyTensor(value: object): unknown {
    const shape = get(value, "shape"), data = isArray(shape) ? get(value, "data") : undefined;
    if (!isArray(data) && typeof data !== "object" || data === null) return undefined;
    if (!isArray(data) && apply(kindOf, data, []) === undefined) return undefined;
    return { data: copy(data), shape: copy(shape) };
  }

  function copyFields(value: object): object {
    const names = ownKeys(value).filter((key) => typeof key === "string");
    take(names.length, `an object of ${names.length} fields`);
    return Object.fromEntries(
      names.filter((name) => getOwnPropertyDescriptor(value, name)?.enumerable)
        .map((name) => [name, copy(own(value, name))]),
    );
  }
}

/** What an object has under a key; a getter is not called. */
function own(value: object, key: PropertyKey): unknown {
  const found = getOwnPropertyDescriptor(value, key);
  return found && !("value" in found) ? "a getter" : found?.value;
}

/** How many values a table holds; nothing if it is none. */
function sizeWith(size: (this: unknown) => unknown, value: object): number | undefined {
  try {
    return Number(apply(size, value, []));
  } catch {
    return undefined;
  }
}

function cut(text: string, most = maxText): string {
  return text.length <= most
    ? text
    : `${text.slice(0, most)}… ${text.length - most} more characters`;
}

/** An error, or whatever was thrown, as plain values. */
export function thrownFrom(error: unknown): Thrown {
  if (typeof error !== "object" || error === null) {
    return { name: "Error", message: cut(`${String(error)} was thrown`) };
  }
  const hint = read("hint"), stack = read("stack");
  return {
    name: read("name") ?? "Error",
    message: read("message") ?? "an object that is no Error was thrown",
    ...(hint === undefined ? {} : { hint }),
    ...(stack === undefined ? {} : { stack }),
  };

  /** A text; what throws when it is looked at has none. */
  function read(key: string): string | undefined {
    try {
      const value = get(error as object, key);
      return typeof value === "string" ? cut(value, key === "name" ? 200 : maxText) : undefined;
    } catch {
      return undefined;
    }
  }
}
