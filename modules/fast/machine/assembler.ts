/**
 * # Fast kernels: the assembler
 *
 * WebAssembly is the machine code that every JavaScript engine understands: typed, checked, and
 * turned into the processor's own instructions when it is loaded. A compiler usually writes it.
 * This file writes ours by putting bytes in a row, so that the kernels need no toolchain, and the
 * repository holds no binary that nobody can read.
 *
 * WebAssembly is a stack machine: `f32.add` takes two numbers off the stack and puts their sum
 * back. Code for an expression is therefore the code of its operands, and then one byte for the
 * operation. The functions below do just that:
 * `i32.add(x, 4)` is `[...code of x, ...code of 4, 0x6a]`.
 *
 * At the end you can write a loop over memory, four numbers at a time, and run it.
 *
 * - **Code** the bytes of an expression or a statement · **Local** a parameter or a variable
 *
 * @module
 */

/** Bytes of an expression, which leave a value on the stack, or of a statement, which do not. */
export type Code = readonly (number | Code)[];

/** The types of values: whole numbers, numbers in two sizes, and four small ones side by side. */
export type Type = "i32" | "f32" | "f64" | "v128";

/** How the binary format writes types. */
const typeBytes: Readonly<Record<Type, number>> = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A parameter or a variable of a function. */
export interface Local {
  readonly type: Type;
  readonly index: number;
  /** The code that reads it. */
  readonly read: Code;
}

/** An operand: code, a variable, or a whole number. */
export type Operand = Code | Local | number;

// ── Numbers ──
// Whole numbers are written in LEB128: seven bits to a byte, the lowest first, and the eighth bit
// says that more bytes follow. Small numbers, nearly all of them, take one byte.

/** The numbers of one byte. */
const small: readonly Code[] = Array.from({ length: 0x80 }, (_, value) => [value]);

/** A number that is never negative, as LEB128. */
export function unsigned(value: number): Code {
  if (value < 0x80) return small[value];
  const bytes: number[] = [];
  for (let rest = value;; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** A number that may be negative, as LEB128: the highest bit written is the sign. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value | 0;; rest >>= 7) {
    if (rest >= -0x40 && rest < 0x40) return [...bytes, rest & 0x7f];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

/** The code of an operand. */
function push(operand: Operand): Code {
  if (typeof operand === "number") return [0x41, ...signed(operand)];
  return "read" in operand ? operand.read : operand;
}

/** A function that writes an operation after its operands. */
type Operation = (...operands: Operand[]) => Code;

/** Makes one function for each operation of a table: by default one whose number is its byte. */
function table<Name extends string>(
  codes: Readonly<Record<Name, number>>,
  bytes = (code: number): Code => [code],
): Record<Name, Operation> {
  const entries = Object.entries<number>(codes).map(([name, code]) => [name, after(bytes(code))]);
  return Object.fromEntries(entries);
}

/** The bytes of a vector operation: a prefix, and its number. */
function ofVectors(code: number): Code {
  return [0xfd, unsigned(code)];
}

/** A function that writes some bytes after its operands. */
function after(bytes: Code): Operation {
  return (...operands) => [operands.map(push), bytes];
}

// ── Operations ──
// Addresses are in bytes. A load takes an address and a distance that is added to it for free; the
// byte before the distance promises how the address is aligned (2² bytes), which is free here.

/** A function that writes a load. */
function loading(...operation: readonly number[]): (address: Operand, distance?: number) => Code {
  return (address, distance = 0) => [push(address), operation, 2, unsigned(distance)];
}

/** A function that writes a store. */
function storing(
  ...operation: readonly number[]
): (address: Operand, value: Operand, distance?: number) => Code {
  return (address, value, distance = 0) => {
    return [push(address), push(value), operation, 2, unsigned(distance)];
  };
}

/** Whole numbers of 32 bits; comparisons give 1 or 0. */
export const i32 = {
  ...table({
    ...{ eqz: 0x45, eq: 0x46, ne: 0x47, lt: 0x48, gt: 0x4a, le: 0x4c, ge: 0x4e },
    ...{ add: 0x6a, sub: 0x6b, mul: 0x6c, div: 0x6d, rem: 0x6f, and: 0x71, or: 0x72, shl: 0x74 },
    select: 0x1b, // (a, b, condition): a if it is not 0, else b
  }),
  load: loading(0x28),
  store: storing(0x36),
};

/** Single numbers of 32 bits. */
export const f32 = {
  ...table({
    ...{ eq: 0x5b, ne: 0x5c, lt: 0x5d, gt: 0x5e, abs: 0x8b, neg: 0x8c, sqrt: 0x91 },
    ...{ add: 0x92, sub: 0x93, mul: 0x94, div: 0x95, min: 0x96, max: 0x97, demote: 0xb6 },
    convert: 0xb2, // from a whole number
  }),
  const: (value: number): Code => [0x43, ...new Uint8Array(Float32Array.of(value).buffer)],
  load: loading(0x2a),
  store: storing(0x38),
};

/** Numbers of 64 bits: for long sums. */
export const f64 = table({ add: 0xa0 });

/** Accesses to one or two numbers of a vector, without the last byte, which says which. */
const loadInto = storing(0xfd, 0x56), storeFirst = storing(0xfd, 0x5a);
const storeFirstTwo = storing(0xfd, 0x5b);

/** Four numbers side by side, whatever they are. */
export const v128 = {
  ...table({ not: 0x4d, and: 0x4e, or: 0x50, bitselect: 0x52 }, ofVectors),
  load: loading(0xfd, 0),
  store: storing(0xfd, 11),
  /** One number, four times. */
  loadSplat: loading(0xfd, 9),
  /** One number, and three zeros. */
  loadOne: loading(0xfd, 0x5c),
  /** Writes the first of four numbers. */
  storeOne: (address: Operand, value: Operand): Code => [storeFirst(address, value), 0],
  /** Writes the first two. */
  storeTwo: (address: Operand, value: Operand): Code => [storeFirstTwo(address, value), 0],
  /** Replaces one of four numbers by one from memory. */
  loadLane: (address: Operand, value: Operand, lane: number): Code => {
    return [loadInto(address, value), lane];
  },
};

/** Four single numbers side by side. */
export const f32x4 = {
  ...table({
    ...{ splat: 0x13, eq: 0x41, ne: 0x42, lt: 0x43, gt: 0x44, ge: 0x46, nearest: 0x6a },
    ...{ abs: 0xe0, neg: 0xe1, sqrt: 0xe3, add: 0xe4, sub: 0xe5, mul: 0xe6, div: 0xe7 },
    ...{ min: 0xe8, max: 0xe9, pmin: 0xea, pmax: 0xeb },
    ...{ demote: 0x5e, convert: 0xfa, relaxedMadd: 0x105 },
  }, ofVectors),
  const: (value: number): Code => f32x4.splat(f32.const(value)),
  extract: (value: Operand, lane: number): Code => [push(value), 0xfd, 0x1f, lane],
  /** Four of the eight numbers of two vectors, by their positions 0 to 7. */
  shuffle: (a: Operand, b: Operand, lanes: readonly number[]): Code => [
    ...[push(a), push(b), 0xfd, 13],
    ...lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
  ],
};

/** Two numbers of 64 bits side by side. */
export const f64x2 = {
  ...table({ promote: 0x5f, add: 0xf0 }, ofVectors), // promote takes the first two of four
  extract: (value: Operand, lane: number): Code => [push(value), 0xfd, 0x21, lane],
};

/** Four whole numbers side by side. */
export const i32x4 = {
  ...table(
    { splat: 0x11, eq: 0x37, shl: 0xab, sar: 0xac, add: 0xae, sub: 0xb1, truncate: 0xf8 },
    ofVectors,
  ),
  const: (...lanes: readonly number[]): Code => [
    ...[0xfd, 12],
    ...new Uint8Array(Int32Array.from({ length: 4 }, (_, k) => lanes[k % lanes.length]).buffer),
  ],
};

/** Whole blocks of memory: fill takes an address, a byte, and how many bytes. */
export const memory = { fill: after([0xfc, 11, 0]) };

// ── Statements ──

/** Gives a variable a value. */
export function set(local: Local, value: Operand): Code {
  return [push(value), 0x21, unsigned(local.index)];
}

/** Moves a variable on, which may be a negative distance. */
export function move(local: Local, distance: Operand): Code {
  return set(local, i32.add(local, distance));
}

/** Does something if a condition is not 0, and otherwise perhaps something else. */
export function when(condition: Operand, then: Code, otherwise: Code = []): Code {
  return [push(condition), 0x04, 0x40, then, otherwise.length > 0 ? [0x05, otherwise] : [], 0x0b];
}

/** Repeats as long as a condition is not 0; asked before the first time too. */
export function loopWhile(condition: Operand, body: Code): Code {
  const again: Code = [body, push(condition), 0x0d, 0]; // a branch to the loop's own start
  return when(condition, [0x03, 0x40, again, 0x0b]);
}

/** Takes a variable from a start, in steps, through all values below an end. */
export function loopOver(
  local: Local,
  from: Operand,
  end: Operand,
  step: Operand,
  body: Code,
): Code {
  return [set(local, from), loopWhile(i32.lt(local, end), [body, move(local, step)])];
}

// ── Modules ──
// A module is a row of sections, each a number, a length, and its content: the types of the
// functions, what is imported (the memory), which function has which type, what is exported, and
// last the code.

/**
 * Makes variables of a type, as many as the names on the left take, or as many as are asked for:
 * `const [row, end] = declare("i32")`, `[...declare("v128", 12)]`.
 */
export type Declare = (type: Type, count?: number) => Iterable<Local>;

/** The parameters of a function in order: their names and types. */
type Signature = Readonly<Record<string, Type>>;

/** Parameters that are whole numbers: addresses, counts, distances. */
export function wholes<Name extends string>(...names: readonly Name[]): Record<Name, "i32"> {
  return Object.fromEntries(names.map((name) => [name, "i32"])) as Record<Name, "i32">;
}

/** Parameters that are real numbers. */
export function reals<Name extends string>(...names: readonly Name[]): Record<Name, "f32"> {
  return Object.fromEntries(names.map((name) => [name, "f32"])) as Record<Name, "f32">;
}

/** What writes a call into another function: operands by name, none missing and none too many. */
export type CallWriter<S extends Signature> = <Given extends Readonly<Record<keyof S, Operand>>>(
  operands: Given & Readonly<Record<Exclude<keyof Given, keyof S>, never>>,
) => Code;

/** Functions by name that JavaScript calls. */
export type Kernels<Name extends string> = Readonly<Record<Name, unknown>>;

/** Functions by name that other functions are made of: what writes their calls. */
export type Parts<Name extends string, S extends Signature> = Readonly<Record<Name, CallWriter<S>>>;

/** A call from JavaScript: a function's name, and its parameters in order. */
export type CallOf<Name extends string> = readonly [name: Name, ...parameters: number[]];

/** The numbers for such a call, by name. */
export type Numbers<S extends Signature> = Readonly<Record<keyof S, number>>;

/**
 * Makes what builds such calls from numbers by name: it puts them in the signature's order. A kernel
 * that is called for little work has a builder of its own, which costs nothing.
 */
export function callsOf<Name extends string, S extends Signature>(
  name: Name,
  signature: S,
): (numbers: Numbers<S>) => CallOf<Name> {
  const names = Object.keys(signature);
  return (numbers) => {
    const call: [Name, ...number[]] = [name];
    for (const key of names) call.push(numbers[key]);
    return call;
  };
}

/** One function of a module. */
interface Made {
  readonly name: string;
  readonly type: string;
  readonly code: readonly number[];
}

/** A memory's limits. */
export interface Limits {
  /** How many pages of 64 KiB, at first and at most. */
  readonly pages: number;
  /** Whether threads may share it. */
  readonly shared: boolean;
}

/** Puts functions together and writes them as a module. */
export class Assembler {
  readonly #functions: Made[] = [];

  /**
   * Adds a function, which is exported by its name.
   *
   * @param name What JavaScript calls it by.
   * @param signature Its parameters in order, with their types; it returns nothing.
   * @param body Gets the parameters, and makes the code.
   * @returns By its name, what writes a call of it.
   */
  define<Name extends string, S extends Signature>(
    name: Name,
    signature: S,
    body: (parameters: Readonly<Record<keyof S, Local>>, declare: Declare) => Code,
  ): Parts<Name, S> {
    const names = Object.keys(signature), types: Type[] = [];
    const local = (type: Type): Local => {
      const index = types.push(type) - 1;
      return { type, index, read: [0x20, unsigned(index)] };
    };
    const parameters = names.map((name) => [name, local(signature[name])]);
    function* declare(type: Type, count = Infinity): Iterable<Local> {
      for (let k = 0; k < count; k++) yield local(type);
    }
    const code = body(Object.fromEntries(parameters), declare);
    const [own, declared] = [types.slice(0, names.length), types.slice(names.length)];
    const type = [0x60, own.length, ...own.map((type) => typeBytes[type]), 0].join();
    const variables = declared.map((type) => [1, typeBytes[type]]);
    const written = bytesOf([unsigned(variables.length), variables, code, 0x0b]);
    const index = this.#functions.push({ name, type, code: written }) - 1;
    const writer: CallWriter<S> = (operands) => [
      names.map((name) => push(operands[name])),
      ...[0x10, unsigned(index)],
    ];
    return { [name]: writer } as Parts<Name, S>;
  }

  /** Writes the module, whose memory is imported as `env.memory`. */
  assemble({ pages, shared }: Limits): Uint8Array<ArrayBuffer> {
    const types = [...new Set(this.#functions.map(({ type }) => type))];
    const memory = [2, shared ? 3 : 1, unsigned(pages), unsigned(pages)];
    const sections: Code = [
      section(1, types.map((type) => type.split(",").map(Number))),
      section(2, [[text("env"), text("memory"), memory]]),
      section(3, this.#functions.map(({ type }) => unsigned(types.indexOf(type)))),
      section(7, this.#functions.map(({ name }, k) => [text(name), 0, unsigned(k)])),
      section(10, this.#functions.map(({ code }) => [unsigned(code.length), code])),
    ];
    return Uint8Array.from(bytesOf([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0, sections]));
  }
}

/** A name: its length and its letters. */
function text(letters: string): Code {
  return [unsigned(letters.length), ...new TextEncoder().encode(letters)];
}

/** A section: its number, its length in bytes, how many items it has, and the items. */
function section(number: number, items: readonly Code[]): Code {
  const content = bytesOf([unsigned(items.length), items]);
  return [number, unsigned(content.length), content];
}

/** All bytes of nested lists, one after the other. */
function bytesOf(code: Code, bytes: number[] = []): number[] {
  for (let k = 0; k < code.length; k++) {
    const part = code[k];
    if (typeof part === "number") bytes.push(part);
    else bytesOf(part, bytes);
  }
  return bytes;
}
