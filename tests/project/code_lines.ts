/**
 * Counts the lines of a TypeScript file that hold code: neither blank nor comment only.
 *
 * @module
 */

/** What the characters at hand belong to. */
type Place = "code" | "line comment" | "block comment" | '"' | "'" | "`";

/**
 * Counts lines of code. Comments inside of strings and templates are text, not comments. Regular
 * expressions are not told from divisions, so one that holds a quote or two slashes may mislead.
 *
 * @param source The file.
 * @returns How many of its lines hold code.
 */
export function countCodeLines(source: string): number {
  let lines = 0, hasCode = false, place: Place = "code", depth = 0;
  const templates: number[] = []; // for each template around us, the depth of braces outside it
  for (let i = 0; i < source.length; i++) {
    const char = source[i], pair = source.slice(i, i + 2);
    if (char === "\n") {
      if (hasCode) lines++;
      hasCode = false;
      if (place !== "block comment" && place !== "`") place = "code";
    } else if (place === "line comment") {
      continue;
    } else if (place === "block comment") {
      if (pair !== "*/") continue;
      place = "code";
      i++;
    } else if (place === "code" && pair === "//") {
      place = "line comment";
    } else if (place === "code" && pair === "/*") {
      place = "block comment";
      i++;
    } else {
      if (char.trim() !== "") hasCode = true;
      if (place !== "code") {
        if (char === "\\" && source[i + 1] !== "\n") {
          i++;
        } else if (place === "`" && pair === "${") {
          templates.push(depth);
          depth = 0;
          place = "code";
          i++;
        } else if (char === place) {
          place = "code";
        }
      } else if (char === '"' || char === "'" || char === "`") {
        place = char;
      } else if (char === "{") {
        depth++;
      } else if (char === "}" && depth === 0 && templates.length > 0) {
        depth = templates.pop() ?? 0;
        place = "`";
      } else if (char === "}") {
        depth--;
      }
    }
  }
  return hasCode ? lines + 1 : lines;
}
