/**
 * What a learner's code finds around it: the language, a clock, timers, a console, and nothing that
 * leads anywhere. All of it is frozen before the first line of theirs runs.
 *
 * @module
 */

/**
 * What the thread does for it. These are functions of another world: code of a learner's must never
 * hold one of them, nor what one of them throws, and so nothing but texts, numbers and functions of
 * our own go in and out.
 */
export interface Host {
  print(text: string): void;
  now(): number;
  /** Calls back later, once or again and again; gives what stops it. */
  startTimer(call: () => void, milliseconds: number, repeats: boolean): number;
  stopTimer(timer: number): void;
  /** Writes the text as UTF-8; how many bytes that took. */
  encode(text: string, into: Uint8Array): number;
  /** The text that the bytes stand for; null if they are no UTF-8 and must be. */
  decode(bytes: Uint8Array, fatal: boolean, keepMark: boolean): string | null;
  /** Is told of what a timer's function threw. */
  threw(error: unknown): void;
}

/** What of the language is there. What is not named here is taken away, whatever an engine adds. */
const language = [
  ..."Object Function Array Number Boolean String Symbol BigInt Date Promise RegExp".split(" "),
  ..."Error AggregateError EvalError RangeError ReferenceError SyntaxError".split(" "),
  ..."TypeError URIError SuppressedError DisposableStack AsyncDisposableStack".split(" "),
  ..."ArrayBuffer DataView Int8Array Uint8Array Uint8ClampedArray Int16Array".split(" "),
  ..."Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array".split(" "),
  ..."Float32Array Float64Array Map Set WeakMap WeakSet WeakRef Iterator".split(" "),
  ..."Proxy Reflect JSON Math globalThis Infinity NaN undefined".split(" "),
  ..."parseFloat parseInt isFinite isNaN escape unescape eval".split(" "),
  ..."decodeURI decodeURIComponent encodeURI encodeURIComponent".split(" "),
];

/**
 * Takes away what is not named, brings what is missing, and freezes all.
 *
 * @param host What the thread does.
 */
export function lockDown(host: Host): void {
  for (const name of Reflect.ownKeys(globalThis)) {
    if (!language.includes(String(name))) Reflect.deleteProperty(globalThis, name);
  }
  for (const [name, value] of Object.entries(furniture(host))) {
    Reflect.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
  dropLastMatch();
  const all = reachable([globalThis, ...hidden()]);
  for (const owner of all) letOverride(owner);
  for (const owner of all) Object.freeze(owner);
}

// ── What is brought ──

/** A message of a realm's own: what the host throws must not be seen. */
function safely<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch {
    throw new RangeError(`Cannot ${what} here`);
  }
}

function furniture(host: Host): Record<string, unknown> {
  const print = (...values: readonly unknown[]): void => {
    const text = values.map((value) => typeof value === "string" ? value : show(value)).join(" ");
    safely("print", () => host.print(text));
  };
  const start = (
    call: unknown,
    milliseconds: unknown,
    repeats: boolean,
    args: unknown[],
  ): number => {
    if (typeof call !== "function") {
      throw new TypeError("Cannot start a timer: it needs a function");
    }
    const run = (): void => {
      try {
        Reflect.apply(call, undefined, args);
      } catch (error) {
        host.threw(error);
      }
    };
    return safely("start a timer", () => host.startTimer(run, Number(milliseconds) || 0, repeats));
  };
  const stop = (timer: unknown): void => {
    if (typeof timer === "number") safely("stop a timer", () => host.stopTimer(timer));
  };
  const quiet = [
    "assert",
    "clear",
    "count",
    "dir",
    "group",
    "groupEnd",
    "time",
    "timeEnd",
    "trace",
  ];
  const loud = ["log", "info", "warn", "error", "debug", "table"];
  const console = Object.fromEntries([
    ...quiet.map((name) => [name, () => {}]),
    ...loud.map((name) => [name, (...values: readonly unknown[]) => print(...values)]),
  ]);
  return {
    console,
    performance: { now: () => safely("read the clock", () => host.now()) },
    setTimeout: (call: unknown, ms: unknown, ...args: unknown[]) => start(call, ms, false, args),
    setInterval: (call: unknown, ms: unknown, ...args: unknown[]) => start(call, ms, true, args),
    clearTimeout: (timer: unknown) => stop(timer),
    clearInterval: (timer: unknown) => stop(timer),
    queueMicrotask: (call: () => void) => void Promise.resolve().then(() => call()),
    structuredClone: (value: unknown) => clone(value, new Map()),
    TextEncoder: encoderOf(host),
    TextDecoder: decoderOf(host),
    AbortSignal,
    AbortController,
  };
}

function encoderOf(host: Host): unknown {
  return class TextEncoder {
    readonly encoding = "utf-8";
    encode(text = ""): Uint8Array {
      const all = `${text}`, bytes = new Uint8Array(3 * all.length);
      return bytes.slice(0, safely("encode", () => host.encode(all, bytes)));
    }
  };
}

function decoderOf(host: Host): unknown {
  return class TextDecoder {
    readonly encoding = "utf-8";
    readonly fatal: boolean;
    readonly ignoreBOM: boolean;
    constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
      if (!/^utf-?8$/i.test(label)) {
        throw new RangeError(`Cannot decode ${label} here: only utf-8`);
      }
      this.fatal = fatal === true;
      this.ignoreBOM = ignoreBOM === true;
    }
    decode(bytes: ArrayBuffer | ArrayBufferView = new Uint8Array()): string {
      const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(bytes)
        ? bytes
        : { buffer: bytes, byteOffset: 0, byteLength: bytes.byteLength };
      const copy = new Uint8Array(buffer, byteOffset, byteLength).slice();
      const { fatal, ignoreBOM } = this;
      const text = safely("decode", () => host.decode(copy, fatal, ignoreBOM));
      if (text === null) throw new TypeError("The encoded data was not valid utf-8");
      return text;
    }
  };
}

/** A deep copy of numbers, texts, lists, tables, plain objects and arrays of numbers. */
function clone(value: unknown, copies: Map<unknown, unknown>): unknown {
  if (typeof value === "function" || typeof value === "symbol") {
    throw new TypeError(`Cannot clone a ${typeof value}`);
  }
  if (typeof value !== "object" || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  const keep = <T>(copy: T): T => {
    copies.set(value, copy);
    return copy;
  };
  if (value instanceof Date) return keep(new Date(value));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (value instanceof DataView) return keep(new DataView(value.buffer.slice(0)));
  if (ArrayBuffer.isView(value)) return keep((value as Float64Array).slice());
  if (value instanceof Map) {
    const copy = keep(new Map());
    for (const [key, inner] of value) copy.set(clone(key, copies), clone(inner, copies));
    return copy;
  }
  if (value instanceof Set) {
    const copy = keep(new Set());
    for (const inner of value) copy.add(clone(inner, copies));
    return copy;
  }
  const copy: object = keep(
    Array.isArray(value)
      ? new Array(value.length)
      : value instanceof Error
      ? Object.assign(new Error(value.message), { name: value.name, stack: value.stack })
      : {},
  );
  for (const [key, inner] of Object.entries(value)) {
    const own = {
      value: clone(inner, copies),
      writable: true,
      enumerable: true,
      configurable: true,
    };
    Reflect.defineProperty(copy, key, own);
  }
  return copy;
}

/** What tells a training run to stop. */
class AbortSignal {
  #reason: unknown;
  #isAborted = false;
  readonly #listeners = new Set<(event: object) => void>();
  onabort: ((event: object) => void) | null = null;
  /** How a controller aborts: nobody else holds it. */
  static abortBy(signal: AbortSignal, reason: unknown): void {
    if (signal.#isAborted) return;
    signal.#isAborted = true;
    signal.#reason = reason ??
      Object.assign(new Error("The signal has been aborted"), { name: "AbortError" });
    const event = { type: "abort", target: signal };
    signal.onabort?.(event);
    for (const listener of signal.#listeners) listener(event);
  }
  static abort(reason?: unknown): AbortSignal {
    const signal = new AbortSignal();
    AbortSignal.abortBy(signal, reason);
    return signal;
  }
  get aborted(): boolean {
    return this.#isAborted;
  }
  get reason(): unknown {
    return this.#reason;
  }
  throwIfAborted(): void {
    if (this.#isAborted) throw this.#reason;
  }
  addEventListener(type: string, listener: (event: object) => void): void {
    if (type === "abort") this.#listeners.add(listener);
  }
  removeEventListener(_type: string, listener: (event: object) => void): void {
    this.#listeners.delete(listener);
  }
}

class AbortController {
  readonly signal = new AbortSignal();
  abort(reason?: unknown): void {
    AbortSignal.abortBy(this.signal, reason);
  }
}

// ── What is printed ──

/** How many values of a list are printed, and how deep it is looked into. */
const mostShown = 100, deepest = 4;
const customs = ["Deno.customInspect", "nodejs.util.inspect.custom"].map((name) =>
  Symbol.for(name)
);

/** A value as a line. */
function show(value: unknown, depth = 0): string {
  if (typeof value === "string") return depth === 0 ? value : JSON.stringify(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[Function: ${value.name}]`;
  if (typeof value !== "object" || value === null) {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (value instanceof Error) return value.stack ?? `${value.name}: ${value.message}`;
  const custom = customs.map((name) => Reflect.get(value, name)).find((f) =>
    typeof f === "function"
  );
  if (custom) return String(Reflect.apply(custom, value, []));
  const name = value.constructor?.name ?? "Object";
  if (depth > deepest) return `[${name}]`;
  if (Array.isArray(value)) return `[ ${list(value, value.length)} ]`;
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    const { length } = value as Float64Array;
    return `${name}(${length}) [ ${list(value as Float64Array, length)} ]`;
  }
  if (value instanceof Set) return `Set(${value.size}) { ${list(value, value.size)} }`;
  const pairs = value instanceof Map
    ? [...value].map(([key, inner]) => `${show(key, depth + 1)} => ${show(inner, depth + 1)}`)
    : Object.entries(value).map(([key, inner]) => `${key}: ${show(inner, depth + 1)}`);
  return `${name === "Object" ? "" : `${name} `}{ ${pairs.join(", ")} }`;

  function list(values: Iterable<unknown>, length: number): string {
    const shown: string[] = [];
    for (const inner of values) {
      if (shown.length === mostShown) break;
      shown.push(show(inner, depth + 1));
    }
    return shown.join(", ") + (length > mostShown ? `, … ${length - mostShown} more` : "");
  }
}

// ── What is frozen ──

/** RegExp remembers the last text that anybody matched, for anybody. */
function dropLastMatch(): void {
  for (const name of Reflect.ownKeys(RegExp)) {
    if (
      !["length", "name", "prototype", "escape"].includes(String(name)) && name !== Symbol.species
    ) {
      Reflect.deleteProperty(RegExp, name);
    }
  }
}

/** What everybody shares and no global name leads to: what they inherit from is walked, too. */
function hidden(): unknown[] {
  const text = "", list: unknown[] = [];
  return [
    list[Symbol.iterator](),
    text[Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    text.matchAll(/x/g),
    list.values().map(() => 0),
    Iterator.from({ next: () => ({ done: true, value: 0 }) }),
    async () => {},
    function* (): Generator {},
    async function* (): AsyncGenerator {},
    new Error(), // its stack is read by functions that all errors share
    argumentsOf(),
  ];
}

function argumentsOf(): IArguments {
  return arguments;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null || typeof value === "function";
}

/** All objects that can be got at from some. It runs cold, and before every test: it is plain. */
function reachable(from: readonly unknown[]): readonly object[] {
  const seen = new Set<object>(), all: object[] = [];
  from.forEach(meet);
  for (const owner of all) {
    meet(Object.getPrototypeOf(owner));
    for (const key of Reflect.ownKeys(owner)) {
      const found = Object.getOwnPropertyDescriptor(owner, key);
      meet(found?.value);
      meet(found?.get);
      meet(found?.set);
    }
  }
  return all;

  function meet(value: unknown): void {
    if (!isObject(value) || seen.has(value)) return;
    seen.add(value);
    all.push(value);
  }
}

/** What honest code writes on objects of its own although their prototype has it: all are given it. */
const overridden = "constructor hasOwnProperty message name toLocaleString toString valueOf".split(
  " ",
);

/**
 * Nobody can write to an object what it inherits from a frozen one: `error.name = "ShapeError"`
 * would throw. So the prototypes of objects, functions and errors have a pair of functions in the
 * place of such a value: reading gives the value, and writing makes the object one of its own.
 */
function letOverride(owner: object): void {
  const isShared = owner === Object.prototype || owner === Function.prototype ||
    owner === Error.prototype || owner instanceof Error;
  if (!isShared) return;
  for (const key of overridden) {
    const found = Object.getOwnPropertyDescriptor(owner, key);
    if (!found?.configurable || !("value" in found)) continue;
    const { value, enumerable } = found;
    const pair = {
      get: (): unknown => value,
      set(this: unknown, value: unknown): void {
        if (this === owner || !isObject(this)) {
          throw new TypeError(`Cannot change ${String(key)}: all code shares it`);
        }
        const own = { value, writable: true, enumerable: true, configurable: true };
        if (!Reflect.defineProperty(this, key, own)) {
          throw new TypeError(`Cannot change ${String(key)}: the object is frozen`);
        }
      },
    };
    Object.values(pair).forEach(Object.freeze);
    Reflect.defineProperty(owner, key, { ...pair, enumerable, configurable: false });
  }
}
