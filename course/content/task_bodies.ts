/**
 * Finds the tasks of a chapter in its source: which bodies the learner is to write.
 *
 * A task is a function, a method or an entry of a table whose JSDoc says `@task 01.5`. There is no
 * parser here: strings and comments are blanked out, and then brackets are counted. So `<` opens
 * type arguments only where the formatter would set it: `Map<string, number>`, not `a < b`.
 *
 * @module
 */

/** One body that belongs to a task. */
export interface TaskBody {
  /** Module and number: "01.5". A task may have several bodies. */
  readonly task: string;
  /** What it is the body of: "matmul", "#next", "[Symbol.iterator]". */
  readonly name: string;
  /** The line of that name, from 1. */
  readonly line: number;
  /** Where the body begins: at its `{`, or at the expression that an arrow returns. */
  readonly start: number;
  /** Where it has ended. */
  readonly end: number;
  /** Whether it stands in braces. */
  readonly isBlock: boolean;
}

/**
 * Finds the bodies of all tasks.
 *
 * @param source TypeScript as `deno fmt` writes it.
 * @returns The bodies, in the order of the source.
 * @throws {SyntaxError} If a `@task` has no number, or stands above something without a body.
 */
export function findTasks(source: string): TaskBody[] {
  const { code, docs } = blank(source);
  return docs.flatMap(({ text, end }) => {
    const [tag, ...others] = [...text.matchAll(/^(?:\/\*)?[ *]*@task\b[ ]*(.*?)[ ]*(?:\*\/)?$/gm)];
    if (!tag) return [];
    const [, task] = tag, says = `Cannot stub task ${task} on line ${lineAt(source, end)}`;
    if (!/^\d\d\.[1-9]\d*$/.test(task) || others.length > 0) {
      throw new SyntaxError(`${says}: a declaration has one @task, and it looks like "01.5"`);
    }
    const body = findBody(source, code, end);
    if (body) return [{ task, ...body }];
    throw new SyntaxError(`${says}: it must be a function, a method or an arrow in a table`);
  });
}

/**
 * Puts other text in the place of bodies.
 *
 * @param source The file that they stand in.
 * @param bodies Which, in the order of the file.
 * @param write Gives the new text of one.
 * @returns The new file.
 */
export function replaceBodies<Body extends Pick<TaskBody, "start" | "end">>(
  source: string,
  bodies: readonly Body[],
  write: (source: string, body: Body) => string,
): string {
  return bodies.reduceRight(
    (text, body) => text.slice(0, body.start) + write(source, body) + text.slice(body.end),
    source,
  );
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split("\n").length;
}

// ── Blanking out ──

const comment = /\/\/.*|\/\*[^]*?\*\//y;
const quoted = /"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/y;
/** From a backtick, or from the end of a `${…}`, to the backtick or `${` that comes next. */
const template = /[`}](?:\\[^]|\$(?!\{)|[^`$\\])*(?:`|\$\{)/y;
const regExp = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/y;
/** What a value ends with: after it, a slash divides. So `if (x) /a/.test(y)` is misread. */
const value = /[\p{L}\p{N}_$)\]}]!?$|\+\+$|--$/u;
const operator = /\b(?:return|typeof|case|in|of|do|else|void|delete|throw|yield|await)$/;

export interface Blanked {
  /** As long as the source, with spaces for comments and _ for all other text. */
  readonly code: string;
  readonly docs: readonly { readonly text: string; readonly end: number }[];
}

export function blank(source: string): Blanked {
  const docs: { text: string; end: number }[] = [];
  const braces: boolean[] = []; // for each brace around us, whether it stands in a template
  let code = "";
  while (code.length < source.length) {
    const at = code.length, char = source[at];
    const inTemplate = char === "`" || (char === "}" && braces.pop() === true);
    const note = match(comment, source, at);
    const text = match(quoted, source, at) || (inTemplate && match(template, source, at)) ||
      (!note && char === "/" && !endsWithValue(code) && match(regExp, source, at));
    if (note) {
      code += note.replace(/\S/g, " ");
      if (note.startsWith("/**")) docs.push({ text: note, end: code.length });
    } else if (text) {
      const opens = inTemplate && text.endsWith("${"); // parentheses, so that they stay balanced
      if (opens) braces.push(true);
      const filled = (char === "}" ? ")" : "_") + text.slice(1).replace(/[^\n]/g, "_");
      code += opens ? `${filled.slice(0, -1)}(` : filled;
    } else {
      if (char === "{") braces.push(false);
      code += char;
    }
  }
  return { code, docs };
}

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function endsWithValue(code: string): boolean {
  const tail = code.trimEnd().slice(-12);
  return value.test(tail) && !operator.test(tail);
}

// ── Finding the body ──

/** What stands before a name. */
const modifier = "(?:export|async|static|override|protected|private|public|function|get|set)";
/** Modifiers, the name, and the colon of a table entry. */
const head = RegExp(
  `(?:\\s|\\*|${modifier}\\b(?=[ *]+[\\w$#[]))*([^\\s(<:=?;]+)(:\\s*(?:async\\b\\s*)?)?`,
  "y",
);
/** After these, a brace opens a type and not a body. */
const beforeType = /(?:[:|&?]|=>|\b(?:is|keyof|extends|readonly))\s*$/;

/** The body of what is declared at `from`, if it has one; `code` is the source, blanked. */
function findBody(source: string, code: string, from: number): Omit<TaskBody, "task"> | undefined {
  head.lastIndex = from;
  const [all = "", { length } = "", colon = ""] = head.exec(code) ?? [];
  const after = from + all.length, isArrow = colon !== "";
  if (!(isArrow ? /^([(<]|[\w$]+ =>)/ : /^[(<]/).test(code.slice(after))) return undefined;
  const found = walk(code, after, (i) =>
    ",;".includes(code[i]) ||
    (isArrow
      ? code.startsWith("=>", i)
      : code[i] === "{" && !beforeType.test(code.slice(after, i))));
  if (",;".includes(code[found])) return undefined;
  const start = isArrow ? found + 2 + code.slice(found + 2).search(/\S/) : found;
  const isBlock = code[start] === "{";
  const end = isBlock
    ? walk(code, start + 1, (i) => code[i] === "}") + 1
    : walk(code, start, (i) => ",;)]}".includes(code[i]));
  const at = after - colon.length - length;
  return {
    name: source.slice(at, at + length).replace(/^(["'])(.*)\1$/, "$2"),
    line: lineAt(source, at),
    start,
    end: start + code.slice(start, end).trimEnd().length,
    isBlock,
  };
}

/** The first place where something holds, outside of the brackets that open on the way. */
function walk(code: string, from: number, holds: (i: number) => boolean): number {
  for (let i = from; i < code.length; i++) {
    if (holds(i)) return i;
    const closer = closerAt(code, i);
    if (closer) i = walk(code, i + 1, (k) => code[k] === closer && code[k - 1] !== "="); // not =>
  }
  throw new SyntaxError(`Cannot find the end of what begins on line ${lineAt(code, from)}`);
}

/** What closes the bracket that opens at `i`, if one does. */
function closerAt(code: string, i: number): string | undefined {
  if (code[i] !== "<") return { "(": ")", "[": "]", "{": "}" }[code[i]];
  return /[\w$]/.test(code[i - 1]) || /[A-Za-z_$]/.test(code[i + 1]) ? ">" : undefined;
}
