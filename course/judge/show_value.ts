/**
 * Writes a value for a message. It knows what a check can hold: plain values, lists, tables and
 * plain objects. It is the same in every runtime and in a page.
 *
 * @module
 */

/** How deep, how many items of a list, and how wide a line. */
const maxDepth = 6, maxItems = 60, maxWidth = 90;

/** Values in brackets. */
interface Parts {
  readonly name: string;
  readonly brackets: "[]" | "{}";
  /** How many there are. */
  readonly count: number;
  /** The first of them, each with what stands before it. */
  readonly items: readonly (readonly [before: string, value: unknown])[];
}

/**
 * Writes a value: on one line if it fits, else on as many as it needs.
 *
 * @param value What a test showed or expected.
 * @param depth How many brackets stand around it.
 * @returns The text.
 */
export function showValue(value: unknown, depth = 0): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "bigint") return `${value}n`;
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return String(value);
  const { name, brackets, count, items } = partsOf(value), [open, close] = brackets;
  if (count === 0) return `${name}${brackets}`;
  if (depth > maxDepth) return open === "[" ? "[Array]" : "[Object]";
  const texts = items.map(([before, item]) => before + showValue(item, depth + 1));
  const more = count - items.length;
  if (more > 0) texts.push(`... ${more} more item${more === 1 ? "" : "s"}`);
  const line = `${name}${open} ${texts.join(", ")} ${close}`;
  if (line.length <= maxWidth && !line.includes("\n")) return line;
  const outer = "  ".repeat(depth), rows = open === "[" ? rowsOf(texts) : texts;
  return `${name}${open}\n${outer}  ${rows.join(`,\n${outer}  `)}\n${outer}${close}`;
}

/** As many short texts on a line as fit; a text of several lines stands alone. */
function rowsOf(texts: readonly string[]): string[] {
  const rows: string[] = [];
  for (const text of texts) {
    const row = rows.at(-1), joined = `${row}, ${text}`;
    const fits = row !== undefined && joined.length < maxWidth && !joined.includes("\n");
    if (fits) rows[rows.length - 1] = joined;
    else rows.push(text);
  }
  return rows;
}

/** A text in the first quotes that it does not hold. */
function quoted(text: string): string {
  const mark = ["'", '"', "`"].find((mark) => !text.includes(mark)) ?? "'";
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
  return mark + inner.replaceAll(mark, `\\${mark}`) + mark;
}

function partsOf(value: object): Parts {
  if (Array.isArray(value)) return listed("", value);
  if (ArrayBuffer.isView(value) && "length" in value) {
    const numbers = value as Float64Array;
    return listed(`${value.constructor.name}(${numbers.length}) `, numbers);
  }
  if (value instanceof Set) return { ...listed(`Set(${value.size}) `, [...value]), brackets: "{}" };
  const isMap = value instanceof Map, entries = [...(isMap ? value : Object.entries(value))];
  const items = entries.slice(0, maxItems).map(([key, item]) => {
    if (isMap) return [`${showValue(key)} => `, item] as const;
    return [`${/^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)}: `, item] as const;
  });
  const name = isMap ? `Map(${value.size}) ` : "";
  return { name, brackets: "{}", count: entries.length, items };
}

function listed(name: string, values: ArrayLike<unknown>): Parts {
  const first = Array.prototype.slice.call(values, 0, maxItems);
  return {
    name,
    brackets: "[]",
    count: values.length,
    items: first.map((value) => ["", value] as const),
  };
}
