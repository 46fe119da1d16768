/**
 * Reads a JSDoc comment: what it says, and its tags.
 *
 * @module
 */

/** A JSDoc comment, taken apart. */
export interface DocComment {
  /** All before the first tag, as Markdown. */
  readonly text: string;
  /** The tags in order: `{ tag: "param", text: "x Any tensor." }`. */
  readonly tags: readonly Tag[];
}

/** A tag with all that belongs to it. */
export interface Tag {
  /** Its name without the sign. */
  readonly tag: string;
  /** What stands after it, up to the next tag. */
  readonly text: string;
}

/**
 * Takes a comment apart. A tag begins a line and stands outside of code.
 *
 * @param comment The comment's text without comment signs.
 * @returns Its text and its tags.
 */
export function readDocComment(comment: string): DocComment {
  const text: string[] = [], tags: { tag: string; lines: string[] }[] = [];
  let inCode = false;
  for (const line of comment.split("\n")) {
    const found = inCode ? null : line.match(/^@(\w+) ?(.*)$/);
    if (line.startsWith("```")) inCode = !inCode;
    if (found) tags.push({ tag: found[1], lines: [found[2]] });
    else (tags.at(-1)?.lines ?? text).push(line);
  }
  return {
    text: text.join("\n").trim(),
    tags: tags.map(({ tag, lines }) => ({ tag, text: lines.join("\n").trim() })),
  };
}
