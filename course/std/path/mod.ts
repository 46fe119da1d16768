/**
 * The part of the published `@std/path` that this project uses, over `node:path`, whose answers it
 * corrects where the two differ.
 *
 * @module
 */
import * as path from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const isWindows = process.platform === "win32";

/** Joins the parts and resolves `.` and `..` within them. */
export function join(first: string | URL, ...rest: string[]): string {
  return path.join(toPath(first), ...rest);
}

/** The path of the folder that a path is in. */
export function dirname(from: string | URL): string {
  const folder = path.dirname(toPath(from));
  const { root } = path.parse(folder);
  return root + folder.slice(root.length).replace(trailingSeparators, "");
}

/** The last part of a path, without `suffix`. */
export function basename(from: string | URL, suffix = ""): string {
  const name = path.basename(toPath(from));
  if (name === "") return isWindows ? "\\" : toPath(from).slice(0, 1);
  return suffix.length < name.length && name.endsWith(suffix)
    ? name.slice(0, name.length - suffix.length)
    : name;
}

/** Whether a path starts at a root. */
export function isAbsolute(from: string): boolean {
  return path.isAbsolute(from);
}

/** The absolute path that the parts lead to, starting from the current folder. */
export function resolve(...parts: string[]): string {
  return path.resolve(...parts);
}

/** The way from one path to another. */
export function relative(from: string, to: string): string {
  return path.relative(from, to);
}

/** The path that a `file:` URL stands for. */
export function fromFileUrl(url: string | URL): string {
  const { protocol, pathname, hostname } = new URL(url);
  if (protocol !== "file:") throw new TypeError(`URL must be a file URL: received "${protocol}"`);
  const decoded = decodeURIComponent(pathname.replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
  if (!isWindows) return decoded;
  const local = decoded.replaceAll("/", "\\").replace(/^\\+(?=[A-Za-z]:(\\|$))/, "");
  const whole = /^[A-Za-z]:$/.test(local) ? `${local}\\` : local;
  return hostname === "" ? whole : `\\\\${hostname}${whole}`;
}

/** The `file:` URL of an absolute path. */
export function toFileUrl(from: string): URL {
  if (!isAbsolute(from)) throw new TypeError(`Path must be absolute: received "${from}"`);
  if (isWindows) return pathToFileURL(from);
  const url = new URL("file:///");
  url.pathname = from.replace(/^\/+/, "/").replace(/[%\\\t\n\v\f\r ]/g, encodeURIComponent);
  return url;
}

const trailingSeparators = isWindows ? /[\\/]+$/ : /\/+$/;

function toPath(from: string | URL): string {
  return from instanceof URL ? fromFileUrl(from) : from;
}
