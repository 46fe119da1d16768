/**
 * Ways to points without a right answer: a way out of the realm, a change to what all code shares, or
 * a value that tricks the one who looks at it. Each is tried with tests of a secret that it must not
 * find; see run in tests/sandbox_test.ts.
 *
 * @module
 */

/** One way. */
export interface Attack {
  readonly name: string;
  /**
   * A module that exports `give`: called with "tensor", "list", "number" or "error", it should give
   * what the tests expect without knowing it.
   */
  readonly code: string;
  /** Whether it catches what stops it, so that its module is loaded. */
  readonly isWary?: true;
}

const junk = "export const give = (what: string): any => what === 'error' ? null : 0;";

/** Code that runs before junk is given. */
function before(name: string, code: string): Attack {
  return { name, code: `const g: any = globalThis;\n${code}\n${junk}` };
}

/** Code that may throw, as all code that is wary would. */
function trying(name: string, code: string): Attack {
  return {
    ...before(name, `try {\n${code}\n} catch (error) { console.log(String(error)); }`),
    isWary: true,
  };
}

/** What is given in the place of a tensor, a list and a number. */
function giving(name: string, value: string): Attack {
  return { name, code: `export const give = (what: string): any => ${value};` };
}

const secrets = "course/sandbox/graded.ts";
const wrapTests = "m.declared?.forEach((test: any) => { test.body = () => {}; });";

/** Ways to other files, and out. */
export const waysOut: readonly Attack[] = [
  trying(
    "import() after a line separator in a comment",
    `const m: any = await (import//\u2028("../../${secrets}"));\n${wrapTests}`,
  ),
  trying(
    "import() after a carriage return in a comment",
    `const m: any = await (import//\r("../../${secrets}"));\n${wrapTests}`,
  ),
  trying("import() of a template", `const m: any = await import(\`\${"../.."}/${secrets}\`);`),
  trying("import() of a file: URL", `const m: any = await import("file:///${secrets}");`),
  trying("import() of its own test", 'await import("file:///modules/secret_test.ts");'),
  trying(
    "import() with attributes",
    'await import("./given.ts", { with: { type: "text" } } as any);',
  ),
  before("import.defer()", "await import.defer('node:fs');"), // Bun cannot read it
  trying("import() of a data: URL", 'await import("data:text/javascript,export default 1");'),
  trying("import() of node:module", 'await import("node:module");'),
  trying("import() of node:worker_threads", 'await import(["node", "worker_threads"].join(":"));'),
  trying(
    "import() of an object that becomes a name",
    "await import({ toString: () => 'node:vm' } as any);",
  ),
  trying(
    "import() in the loader of a class",
    "class A { static x = import('node:fs'); } await A.x;",
  ),
  trying("new Function", 'new Function("return this")().process.exit();'),
  trying("the constructor of functions", "(() => {}).constructor('return process')().exit();"),
  trying(
    "the constructor of async functions",
    "await (async () => {}).constructor('return import(\"node:fs\")')();",
  ),
  trying(
    "the constructor of generators",
    "(function* () {}).constructor('yield process')().next();",
  ),
  trying("eval", 'eval("1"); (0, eval)("process.exit()");'),
  trying("a timer of text", 'g.setTimeout("process.exit()");'),
  trying(
    "the constructor of what the console gives",
    "g.console.log.constructor.constructor('return process')();",
  ),
  trying(
    "the constructor of a timer",
    "g.setTimeout(() => {}, 0).constructor.constructor('return process')();",
  ),
  trying(
    "the constructor of an import's promise",
    "import('x').catch(() => {}).constructor.constructor('return process')();",
  ),
  trying(
    "the constructor of a refusal",
    "await import('x').catch((e) => e.constructor.constructor('return process')());",
  ),
  trying("getBuiltinModule", 'g.process.getBuiltinModule("node:fs"); g.require("node:fs");'),
  trying("a worker", 'new g.Worker("data:text/javascript,1"); new g.BroadcastChannel("x");'),
  trying(
    "the network, caches and storage",
    'g.fetch("http://127.0.0.1"); g.caches.open("x"); g.localStorage;',
  ),
  trying("WebAssembly", "new g.WebAssembly.Memory({ initial: 1 });"),
  trying("a realm of shadows", "new g.ShadowRealm().evaluate('1');"),
  trying(
    "the callers of a function",
    "(function f(this: any) { return (f as any).caller.arguments; })();",
  ),
  trying(
    "the call sites of an error",
    "(Error as any).prepareStackTrace = (_: any, sites: any[]) => sites.map((s) => s.getThis());" +
      "\n(new Error().stack as any)[0].declared;",
  ),
  trying(
    "a stack that overflows in what the host does",
    "const f = (): any => { g.performance.now(); g.setTimeout(f, 1); f(); };\nf();",
  ),
];

/** Changes to what all code shares. */
export const patches: readonly Attack[] = [
  trying(
    "a push that makes what came what is expected",
    "const push = Array.prototype.push;\n" +
      "Array.prototype.push = function (...all: any[]) {\n" +
      "  for (const one of all) if (one?.expected) one.actual = one.expected;\n" +
      "  return Reflect.apply(push, this, all);\n};",
  ),
  trying(
    "fields that give what is expected",
    "Object.defineProperty(Object.prototype, 'actual', {\n" +
      "  get() { return this.expected; }, set() {} });",
  ),
  before(
    "Error[Symbol.hasInstance]",
    "Object.defineProperty(Error, Symbol.hasInstance, { value: () => true });",
  ),
  ...[
    "Array.prototype.push = function () { return 0; }",
    "Array.prototype.map = () => []",
    "Array.isArray = (() => true) as any",
    "Object.fromEntries = () => ({})",
    "Object.is = () => true",
    "Object.prototype.toString = () => '42'",
    "Object.prototype.valueOf = () => 42",
    "Error.prototype.toString = () => ''",
    "(Error as any).stackTraceLimit = 0",
    "(Error as any).captureStackTrace = () => {}",
    "Promise.prototype.then = function () { return this; } as any",
    "Promise.resolve = (() => 0) as any",
    "Reflect.apply = () => 0",
    "Reflect.get = () => 42",
    "Reflect.getOwnPropertyDescriptor = (() => ({ value: 42 })) as any",
    "Map.prototype.forEach = () => {}",
    "String.prototype.split = (() => []) as any",
    "RegExp.prototype.test = () => true",
    "RegExp.prototype.exec = () => null",
    "Symbol.prototype.toString = () => ''",
    "JSON.parse = () => ({ task: '01.1' })",
    "Math.imul = () => 0",
    "Math.fround = () => 0",
    "Function.prototype.call = () => 42",
    "Number.prototype.valueOf = () => 42",
    "ArrayBuffer.isView = (() => true) as any",
    "g.TextEncoder.prototype.encode = () => new Uint8Array(1)",
    "g.console.log = () => {}",
    "g.structuredClone = () => 42",
    "g.setTimeout = () => 42",
    "g.Array = class {}",
    "g.Object.prototype.task = '01.1'",
    "g.process = { exit: () => {} }",
    "delete g.Reflect",
    "Object.getPrototypeOf(Int8Array.prototype).set = () => {}",
    "Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true })",
    "Object.getPrototypeOf(function* () {}).prototype.next = () => ({ done: true })",
    "Object.getPrototypeOf(async function () {}).constructor = Object",
    "Object.setPrototypeOf(Array.prototype, { get 0() { return 42; } })",
    "Object.setPrototypeOf(Object.prototype, null); Object.prototype.__proto__ = {}",
  ].map((code) => before(code.replaceAll(" as any", ""), `${code};`)),
  ...[
    ["Array[Symbol.species]", "Object.defineProperty(Array, Symbol.species, { value: Object });"],
    ["a then for all", "Object.defineProperty(Object.prototype, 'then', { value() {} });"],
    ["a toJSON for all", "Object.defineProperty(Object.prototype, 'toJSON', { value: () => 42 });"],
    [
      "Float32Array's tag",
      "Object.defineProperty(Object.getPrototypeOf(Int8Array.prototype), Symbol.toStringTag, { get: () => 'x' });",
    ],
    [
      "an iterator for numbers",
      "Object.defineProperty(Number.prototype, Symbol.iterator, { value: 0 });",
    ],
  ].map(([name, code]) => before(name, code)),
];

const tensorOf = (data: string, shape = "[3]"): string => `({ data: ${data}, shape: ${shape} })`;

/** Values that trick. */
export const tricks: readonly Attack[] = [
  giving("a getter for data", "({ shape: [3], get data() { return [0, 0, 0]; } })"),
  giving(
    "a getter for shape that changes",
    "({ n: 0, get shape() { return this.n++ ? [1] : [3]; }, data: [0] })",
  ),
  giving(
    "data with a map of its own",
    tensorOf("Object.assign([0, 0, 0], { map: () => [41, 42, 43] })"),
  ),
  giving("an array whose length is greater", "Object.assign([], { length: 2 ** 32 - 1 })"),
  giving("data whose length is greater", tensorOf("Object.assign([], { length: 2 ** 32 - 1 })")),
  giving("an array of getters", "Object.defineProperty([0, 0, 0], 0, { get: () => 41 })"),
  giving(
    "an array with an iterator of its own",
    "Object.assign([0], { *[Symbol.iterator]() { yield 41; } })",
  ),
  giving(
    "an array of a class with a species",
    "new (class extends Array { static get [Symbol.species]() { return Object as any; } })(3)",
  ),
  giving(
    "a typed array of a class",
    tensorOf("new (class extends Float32Array { get length() { return 0; } } as any)(3)"),
  ),
  giving(
    "an object that becomes a number",
    "({ valueOf: () => 47, toString: () => '47', [Symbol.toPrimitive]: () => 47 })",
  ),
  giving(
    "an object that is equal to all",
    "({ equals: () => true, asymmetricMatch: () => true, toJSON: () => 47 })",
  ),
  giving(
    "a proxy that has all",
    "new Proxy({}, { get: (_, key) => key === 'shape' ? [3] : [0, 0, 0], has: () => true })",
  ),
  giving(
    "a proxy of an array",
    "new Proxy([0, 0, 0], { get: () => 3, getOwnPropertyDescriptor: (a, k) => Reflect.getOwnPropertyDescriptor(a, k) })",
  ),
  giving(
    "a proxy without end",
    "new Proxy({}, { ownKeys: () => Array.from({ length: 1e5 }, (_, k) => `k${k}`), getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) })",
  ),
  giving(
    "a proxy that has been revoked",
    "(() => { const p = Proxy.revocable([], {}); p.revoke(); return p.proxy; })()",
  ),
  giving("an object without a prototype", "Object.create(null)"),
  giving("a list that holds itself", "(() => { const a: any[] = []; a.push(a); return a; })()"),
  giving(
    "lists of great depth",
    "(() => { let a: any[] = []; for (let k = 0; k < 1e5; k++) a = [a]; return a; })()",
  ),
  giving("a promise", "Promise.resolve(47)"),
  giving("a thenable", "({ then: (f: any) => f(47) })"),
  giving("big numbers", tensorOf("new BigInt64Array(3)")),
  giving("a DataView", tensorOf("new DataView(new ArrayBuffer(24))")),
  giving("NaN", tensorOf("[NaN, NaN, NaN]")),
  giving("900,000 numbers", tensorOf("new Float32Array(9e5)", "[9e5]")),
  giving("a text of 30 MB", "'x'.repeat(3e7)"),
  giving("an error of 20 MB", "(() => { throw new Error('x'.repeat(2e7)); })()"),
  giving(
    "an error with getters",
    "(() => { throw Object.create(Error.prototype, { message: { get: () => { throw 1; } } }); })()",
  ),
  giving("a thrown symbol", "(() => { throw Symbol(); })()"),
  giving(
    "a Map of its own class",
    "new (class extends Map { forEach() { } get size() { return 0; } } as any)([[1, 2]])",
  ),
  giving(
    "a symbol's own tag",
    "({ [Symbol.toStringTag]: 'Float32Array', length: 3, 0: 41, 1: 42, 2: 43 })",
  ),
];
