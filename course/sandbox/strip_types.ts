/**
 * Makes JavaScript of a learner's TypeScript without reading a file, and keeps what tells which line
 * of theirs a line of it was.
 *
 * @module
 */
import module from "node:module";
import process from "node:process";

/** Code that a runtime's engine reads. */
export interface Code {
  readonly text: string;
  /** The line in the source of each line of the text, from 1; the same ones if it is left out. */
  readonly lines?: readonly number[];
}

/** Code by path; of a file that could not be read there is none. */
export type Codes = Readonly<Record<string, Code | { readonly thrown: unknown }>>;

/** The part of Bun that is used here. */
interface BunHost {
  Bun?: {
    build(options: object): Promise<{ readonly outputs: readonly { text(): Promise<string> }[] }>;
  };
}

/** A place in a file that cannot be read as TypeScript. */
interface Complaint {
  readonly message: string;
  readonly position?: { readonly line: number; readonly column: number };
}

/**
 * Strips the types off a file.
 *
 * @param path What it is called in messages.
 * @param source Its text.
 * @returns The code.
 * @throws {SyntaxError} If it is no TypeScript; the stack's second line says where.
 */
export async function stripTypes(path: string, source: string): Promise<Code> {
  const { Bun } = globalThis as BunHost;
  if (Bun) return await build(path, source, Bun);
  try {
    return { text: module.stripTypeScriptTypes(source) };
  } catch { // an enum or a parameter property is more than types
    return transform(path, source);
  }
}

function transform(path: string, source: string): Code {
  try {
    const text = module.stripTypeScriptTypes(source, { mode: "transform", sourceMap: true });
    const map = text.match(/\/\/# sourceMappingURL=data:application\/json;base64,(.*)\s*$/);
    if (!map) return { text };
    return { text: text.slice(0, map.index), lines: linesIn(atob(map[1])) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const message = text.replace(/^SyntaxError: /, "").split(/ at file:|\n/)[0],
      place = text.match(/:(\d+):(\d+)/);
    const position = place ? { line: Number(place[1]), column: Number(place[2]) } : undefined;
    throw syntaxError(path, { message, position });
  }
}

/** Bun's transpiler forgets the lines; its bundler writes them down. */
async function build(
  path: string,
  source: string,
  Bun: NonNullable<BunHost["Bun"]>,
): Promise<Code> {
  const name = `/${path}`;
  try {
    const { outputs: [text, map] } = await Bun.build({
      entrypoints: [name],
      files: { [name]: source },
      root: process.cwd(), // a folder that is there: Windows has no other for such a name
      external: ["*", "./*", "../*", "#*"],
      sourcemap: "external",
      target: "browser",
      treeShaking: false,
    });
    return { text: await text.text(), lines: linesIn(await map.text()) };
  } catch (error) {
    const first = error instanceof AggregateError ? error.errors[0] : error;
    throw syntaxError(path, first as Complaint);
  }
}

function syntaxError(path: string, { message, position }: Complaint): SyntaxError {
  const error = new SyntaxError(message);
  const { line = 1, column = 1 } = position ?? {};
  error.stack = `SyntaxError: ${message}\n    at file:///${path}:${line}:${column}`;
  return error;
}

/** The line in the source of each line, from a source map: that of the first thing on it. */
function linesIn(map: string): number[] {
  const { mappings }: { mappings: string } = JSON.parse(map);
  const lines: number[] = [];
  let source = 0;
  for (const segments of mappings.split(";")) {
    let first: number | undefined;
    for (const segment of segments === "" ? [] : segments.split(",")) {
      const [, , step] = decode(segment);
      if (step === undefined) continue;
      source += step;
      first ??= source + 1;
    }
    lines.push(first ?? lines.at(-1) ?? 1);
  }
  return lines;
}

const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Numbers as source maps write them: five bits a digit, the lowest first, the sign in the last bit. */
function decode(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0, shift = 0;
  for (const digit of segment) {
    const bits = digits.indexOf(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = shift = 0;
  }
  return numbers;
}

/** The places in a text, as the sources have them. */
export function withSourceLines(text: string, codes: Codes): string {
  return text.replace(/(file:\/\/\/([^\s:()]+)):(\d+)/g, (all, url, path, line) => {
    const code = Object.hasOwn(codes, path) ? codes[path] : { thrown: null };
    return "lines" in code ? `${url}:${code.lines?.[Number(line) - 1] ?? line}` : all;
  });
}
