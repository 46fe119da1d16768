/**
 * What a learner changed of the code that was given: helpers, checks, other parts of a chapter that
 * tasks rest on.
 *
 * @module
 */
import { blank, findTasks, replaceBodies } from "./task_bodies.ts";

/**
 * Finds given functions, classes and constants that differ from the reference. Comments, and how code
 * is laid out, do not count; nor does what was added.
 *
 * @param own A learner's file.
 * @param right The same file of the reference.
 * @returns Their names, in the order of the reference; none if the file cannot be understood.
 */
export function changedGiven(own: string, right: string): string[] {
  try {
    const theirs = new Set(declarationsIn(own).map(({ name, text }) => `${name} ${text}`));
    const differing = declarationsIn(right).filter(({ name, text }) =>
      !theirs.has(`${name} ${text}`)
    );
    return [...new Set(differing.map(({ name }) => name))];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

interface Declaration {
  readonly name: string;
  readonly text: string;
}

/** The declarations at the left margin, and the members of classes, without the bodies of tasks. */
function declarationsIn(source: string): Declaration[] {
  const given = replaceBodies(source, findTasks(source), () => "{}"), { code } = blank(given);
  // Strings are blanked out in the code, and comments are not text: both come from where they count.
  const text = [...code].map((char, i) => char === "_" ? given[i] : char).join("");
  const heads = [...code.matchAll(head)];
  return heads.map((found, k) => ({
    name: found[1],
    text: text.slice(found.index, heads[k + 1]?.index).replace(/\s+/g, ""),
  })).filter(({ name }) => name !== "constructor");
}

/** A declaration: its name is the first group. */
const head = RegExp(
  "^(?:(?:export |async |abstract )*(?:function\\*?|class|const|let|type|interface) |" +
    "  (?:(?:async|static|override|readonly|get|set|declare|private|protected|public) )*(?=[#\\w$]+[(<:]))" +
    "([#\\w$]+)",
  "gm",
);
