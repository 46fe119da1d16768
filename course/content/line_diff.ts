/**
 * The difference of two texts, line by line.
 *
 * @module
 */

/** Lines around a change that are shown, too. */
const around = 2;

/**
 * Shows what became of a text: "-" before a line that is gone, "+" before a new one, and two equal
 * lines around each change. What is left out in between is a line "…".
 *
 * @param before The text as it was.
 * @param after The text as it is.
 * @returns Lines to print; none if both are equal.
 */
export function lineDiff(before: string, after: string): string[] {
  const old = before.split("\n"), now = after.split("\n");
  // What is equal at both ends need not be compared.
  let start = 0, end = 0;
  while (start < Math.min(old.length, now.length) && old[start] === now[start]) start++;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old[old.length - 1 - end] === now[now.length - 1 - end]) end++;
  const marked = [
    ...old.slice(0, start).map((line) => `  ${line}`),
    ...changes(old.slice(start, old.length - end), now.slice(start, now.length - end)),
    ...old.slice(old.length - end).map((line) => `  ${line}`),
  ];
  const isNear = marked.map((_, k) =>
    marked.slice(Math.max(0, k - around), k + around + 1).some((line) => /^[+-]/.test(line))
  );
  return marked.flatMap((line, k) => isNear[k] ? [line] : isNear[k - 1] ? ["…"] : []);
}

/** By the longest common subsequence: common[i][j] is its length from line i and line j on. */
function changes(old: readonly string[], now: readonly string[]): string[] {
  const common = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      common[i][j] = old[i] === now[j]
        ? common[i + 1][j + 1] + 1
        : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const lines: string[] = [];
  let i = 0, j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push(`  ${old[i++]}`);
      j++;
    } else if (i < old.length && (j === now.length || common[i + 1][j] >= common[i][j + 1])) {
      lines.push(`- ${old[i++]}`);
    } else lines.push(`+ ${now[j++]}`);
  }
  return lines;
}
