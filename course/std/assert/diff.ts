/**
 * The shortest way from one list of lines to another, for messages.
 */

/** A line that both have, or only the first, or only the second. */
export interface Change {
  readonly type: "common" | "removed" | "added";
  readonly value: string;
}

/** Above this many pairs of lines, no search: everything between is removed and added. */
const maxPairs = 4_000_000;

/** Removed lines come before the added ones that replace them. */
export function diff(before: readonly string[], after: readonly string[]): Change[] {
  let start = 0;
  const shorter = Math.min(before.length, after.length);
  while (start < shorter && before[start] === after[start]) start++;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++;
  return [
    ...before.slice(0, start).map(common),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(common),
  ];
}

/** Compares two texts by lines, with what cannot be seen in them made visible. */
export function diffText(before: string, after: string): Change[] {
  return diff(visibleLines(before), visibleLines(after));
}

function common(value: string): Change {
  return { type: "common", value };
}

function removed(value: string): Change {
  return { type: "removed", value };
}

function added(value: string): Change {
  return { type: "added", value };
}

/** Longest common subsequence: length[i][j] is that of before[i…] and after[j…]. */
function middle(before: readonly string[], after: readonly string[]): Change[] {
  const width = after.length + 1;
  if (before.length * after.length > maxPairs) {
    return [...before.map(removed), ...after.map(added)];
  }
  const length = new Uint32Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      length[i * width + j] = before[i] === after[j]
        ? length[(i + 1) * width + j + 1] + 1
        : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const changes: Change[] = [];
  let i = 0, j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      changes.push(common(before[i++]));
      j++;
    } else if (
      j === after.length ||
      i < before.length && length[(i + 1) * width + j] >= length[i * width + j + 1]
    ) {
      changes.push(removed(before[i++]));
    } else {
      changes.push(added(after[j++]));
    }
  }
  return changes;
}

const escapes: Record<string, string> = {
  "\\": "\\\\",
  "\b": "\\b",
  "\f": "\\f",
  "\t": "\\t",
  "\v": "\\v",
  "\n": "\\n\n",
  "\r": "\\r",
  "\r\n": "\\r\\n\r\n",
};

/** Lines that keep their ends. */
function visibleLines(text: string): string[] {
  const visible = text.replace(/\r\n|[\\\b\f\t\v\n\r]/g, (found) => escapes[found]);
  return `${visible}\n`.match(/[^\n]*\n/g) ?? [];
}
