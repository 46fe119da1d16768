/**
 * What the watch shows: one screen, made of what is known, for a terminal of any size.
 *
 * @module
 */
import { join, toFileUrl } from "@std/path";
import type { CourseModule } from "../content/course.ts";
import { root } from "../content/course.ts";
import type { Result } from "../judge/check_module.ts";
import { paint, pointsOf } from "./print.ts";
import type { Size } from "./terminal.ts";

/** All that the screen shows. */
export interface View {
  readonly module: CourseModule;
  /** By task of the module, in their order: what it is called. */
  readonly titles: ReadonlyMap<string, string>;
  /** The task in hand, and where it stands: "workspace/01_tensor/shape.ts:12". */
  readonly task: string | undefined;
  readonly place: string | undefined;
  readonly results: readonly Result[];
  /** What was found last, or what a key asked for. */
  readonly body: readonly string[];
  /** What goes on, and since when nothing does. */
  readonly status: string;
}

/** What can be typed. */
export const keys: readonly string[] = [
  "n next",
  "h hint",
  "l list",
  "c check",
  "s solution",
  "y history",
  "r reset",
  "t train",
  "q quit",
];

/** How a task stands. */
type State = "green" | "wrong" | "to do";

const signs: Record<State, string> = { green: "■", wrong: "✗", "to do": "□" };
const colours = { green: "green", wrong: "red", "to do": "dim" } as const;

/** Draws a view: as many lines as the terminal has at most, none wider than it. */
export function frame(view: View, { columns, rows }: Size): string[] {
  const rule = paint("dim", "─".repeat(columns));
  const head = [...headOf(view), rule].flatMap((line) => folded(line, columns).slice(0, 1));
  const status = folded(paint("dim", view.status), columns).slice(0, 1);
  const foot = [rule, ...status, ...keyLines(columns)];
  const room = Math.max(1, rows - head.length - foot.length);
  const body = view.body.flatMap((line) => folded(line, columns));
  const hidden = body.length - room;
  const shown = hidden > 0
    ? [
      ...body.slice(0, room - 1),
      ...folded(paint("dim", `… ${hidden + 1} more lines: m`), columns).slice(0, 1),
    ]
    : [...body, ...Array<string>(-hidden).fill("")];
  return [...head, ...shown, ...foot].slice(0, rows);
}

/** Where one is: the module, a sign for each task, the task in hand. */
function headOf({ module, titles, task, place, results }: View): string[] {
  const states = statesOf(titles, results), all = [...titles.keys()];
  const bar = all.map((one) => {
    const state = states.get(one) ?? "to do";
    const sign = one === task && state === "to do" ? "▣" : signs[state];
    return paint(one === task ? "bold" : colours[state], sign);
  });
  const green = all.filter((one) => states.get(one) === "green").length;
  const [earned, points] = pointsOf(results);
  const numbers = results.length > 0 ? ` · ${earned} of ${points} points` : "";
  const name = task === undefined ? "" : `${paint("bold", task)} ${titles.get(task) ?? ""}`;
  return [
    `${paint("bold", module.folder.replace("_", " "))}  ${bar.join("")}  ` +
    `${green} of ${all.length} tasks${numbers}`,
    place === undefined ? name : `${name}   ${link(place)}`,
  ];
}

/** The module's tasks, a line each, with what is in hand in the middle if they do not all fit. */
export function taskLines({ titles, task, results }: Omit<View, "body">, most: number): string[] {
  const states = statesOf(titles, results), all = [...titles];
  const at = all.findIndex(([one]) => one === task);
  const first = Math.max(0, Math.min(at - Math.floor(most / 2), all.length - most));
  return all.slice(first, first + most).map(([one, title]) => {
    const own = results.filter((result) => result.task === one), [earned, points] = pointsOf(own);
    const state = states.get(one) ?? "to do",
      worth = own.length > 0 ? `${earned} of ${points}` : "";
    const line = `${paint(colours[state], signs[state])} ${one.padEnd(5)} ${title.padEnd(40)} ${
      worth.padStart(9)
    }`;
    return one === task ? paint("bold", `▸ ${line}`) : `  ${line}`;
  });
}

/** How each task stands; one without results is not among them. */
function statesOf(
  titles: ReadonlyMap<string, string>,
  results: readonly Result[],
): Map<string, State> {
  const states = new Map<string, State>();
  for (const task of titles.keys()) {
    const own = results.filter((one) => one.task === task);
    const open = own.find(({ status }) => status !== "passed");
    if (own.length === 0) continue;
    states.set(task, !open ? "green" : open.status === "todo" ? "to do" : "wrong");
  }
  return states;
}

/** The keys, in as many lines as they need. */
function keyLines(columns: number): string[] {
  const lines = [""];
  for (const key of keys) {
    const last = lines[lines.length - 1];
    if (last !== "" && last.length + 2 + key.length > columns) lines.push(key);
    else lines[lines.length - 1] = last === "" ? key : `${last}  ${key}`;
  }
  return lines.map((line) => paint("dim", folded(line, columns)[0]));
}

/** A place as terminals make it clickable. */
function link(place: string): string {
  const [, file, line] = place.match(/^(.*):(\d+)$/) ?? ["", place, ""];
  const url = `${toFileUrl(join(root, file))}#${line}`;
  return `\x1b]8;;${url}\x1b\\${place}\x1b]8;;\x1b\\`;
}

/** What is no character: colours, and the addresses of links. */
// deno-lint-ignore no-control-regex -- that is what they begin with
const escapes = /(\x1b\[[\d;]*m|\x1b\]8;;.*?\x1b\\)/;

/** The codes that end one: of all, of bold and dim, of a colour. */
const endsColour = /^(?:0|22|39)$/;

/** A line, broken where the terminal ends; colours go on in the next piece. */
export function folded(line: string, columns: number): string[] {
  const lines = [""];
  let left = columns, colour = "";
  for (const part of line.split(escapes)) {
    if (escapes.test(part)) {
      if (part.startsWith("\x1b[")) colour = endsColour.test(part.slice(2, -1)) ? "" : part;
      lines[lines.length - 1] += part;
      continue;
    }
    for (const { segment } of graphemes.segment(part)) {
      const width = widthOf(segment);
      if (width > left) {
        lines[lines.length - 1] += colour && "\x1b[0m";
        lines.push(colour);
        left = columns;
      }
      lines[lines.length - 1] += segment;
      left -= width;
    }
  }
  return lines;
}

const graphemes = new Intl.Segmenter();

/** How many columns a character takes: two for emoji and for East Asian ones. */
function widthOf(segment: string): number {
  if (/\p{Emoji_Presentation}/u.test(segment)) return 2;
  return /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/.test(
      segment,
    )
    ? 2
    : 1;
}
