/**
 * Finds the line of a test in the stack of an error.
 *
 * @module
 */

/** A line of a file. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

const folder = toPath(import.meta.url.replace(/[^/]*$/, ""));
const root = folder.slice(0, -"course/sandbox/".length);

/** The files that tests are declared through. */
const declaring = ["graded.ts", "places.ts", "register.ts"].map((name) => folder + name);

/**
 * Finds where a test was declared.
 *
 * @param stack The stack of an error made while it was.
 * @returns The first line of a file that does not declare tests for others.
 */
export function placeOfCaller(stack: string): Place {
  const places = stack.split("\n").map(placeOfFrame).filter((place) => place !== undefined);
  const place = places.find(({ file }) => !declaring.includes(file)) ??
    { file: "an unknown file", line: 0 };
  return { ...place, file: relativeTo(root, place.file) };
}

/**
 * Reads one line of a stack as Deno or Bun writes it, on any system:
 * `at f (file:///C:/a/b.ts:12:3)`, `at /a/b.ts:12:3`.
 *
 * @param frame The line.
 * @returns The file's path, with slashes, and the line in it; nothing if the frame has no file.
 */
export function placeOfFrame(frame: string): Place | undefined {
  const match = frame.match(
    /^\s*at (?:.*? \(|async )?((?:file:\/\/|\/|[A-Za-z]:[\\/]).*?):(\d+)(?::\d+)?\)?$/,
  );
  return match ? { file: toPath(match[1]), line: Number(match[2]) } : undefined;
}

/** A path with slashes, from a path or a file URL of any system. */
function toPath(file: string): string {
  if (!file.startsWith("file://")) return file.replaceAll("\\", "/");
  const path = decodeURIComponent(file.slice("file://".length));
  return /^\/[A-Za-z]:/.test(path) ? path.slice(1) : path;
}

function relativeTo(folder: string, file: string): string {
  return file.startsWith(folder) ? file.slice(folder.length) : file;
}
