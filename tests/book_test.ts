/**
 * The book: what is prose and what is code, how formulas and pictures are drawn, and pages in which
 * nothing is lost and nothing leads nowhere.
 *
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { readDocComment } from "../course/book/doc_comment.ts";
import { readPieces } from "../course/book/literate.ts";
import { pictureToSvg } from "../course/book/picture.ts";
import { modules, reference, root } from "../course/content/course.ts";
import { test } from "../course/sandbox/register.ts";
import { chromium } from "./project/chromium.ts";
import { folderOfFile } from "./project/in_folder.ts";
import type { Ended } from "./project/project_copy.ts";

/** `bun test` fetches no packages, and pages need three. */
const deno = { only: "deno" } as const;

// ── Reading ──

test("readPieces() tells sections, comments and code apart, and loses no line of code", () => {
  const source = `/**
 * # Title
 */
import { a } from "./a.ts";

// ── 1.1 A section ──
// Its prose.
//
//   y = x

/** What f does. */
export function f(): void {
  // why
  a();
}
`;
  assertEquals(readPieces(source).map(({ kind, text }) => [kind, text]), [
    ["doc", "# Title"],
    ["code", 'import { a } from "./a.ts";'],
    ["section", "## 1.1 A section\n\nIts prose.\n\n  y = x"],
    ["doc", "What f does."],
    ["code", "export function f(): void {\n  // why\n  a();\n}"],
  ]);
  for (const { folder, files } of modules) {
    for (const file of files) {
      const text = reference(folder, file), pieces = readPieces(text);
      const lines = (all: string): string[] => all.split("\n").filter((line) => line.trim() !== "");
      const whole = pieces.map(({ start, end }) => text.slice(start, end)).join("");
      assertEquals(lines(whole), lines(text), file);
    }
  }
});

test("readPieces() leaves short notes within a class in the code, but no task", () => {
  const source = `class A {
  /** A note. */
  x = 1;

  /**
   * What it does.
   *
   * @task 01.1
   */
  f(): void {}
}
`;
  const pieces = readPieces(source).map(({ kind }) => kind);
  assertEquals(pieces, ["code", "doc", "code"]);
});

test("readDocComment() takes text and tags apart, and leaves code alone", () => {
  const comment = "Adds.\n\n@param x A number,\n  or none.\n@example One\n```ts\n@decorated\n```";
  assertEquals(readDocComment(comment), {
    text: "Adds.",
    tags: [
      { tag: "param", text: "x A number,\n  or none." },
      { tag: "example", text: "One\n```ts\n@decorated\n```" },
    ],
  });
});

// ── Figures ──

test("a formula in ordinary characters becomes the same formula in AsciiMath", async () => {
  const { isFormula, toAsciiMath } = await import("../course/book/formula.ts");
  const cases = [
    ["y = x·Wᵀ + b", "y = x·W^T  + b"],
    ["softmax(x)ᵢ = e^xᵢ / Σⱼ e^xⱼ", '"softmax"(x)_i  = e^(x_i )  "/"   sum _j  e^(x_j )'],
    ["v ← μ·v + g", "v ← μ·v + g"],
    ["m = s/(1 − β₁ᵗ)", 'm = s "/" (1 - β_1^t )'],
    ["norm = √(Σ g²)", '"norm" =  sqrt ( sum  g^2 )'],
  ];
  for (const [formula, asciiMath] of cases) {
    assert(isFormula(`  ${formula}`), formula);
    assertEquals(toAsciiMath(formula), asciiMath);
  }
  for (const picture of ["  a ──┐", "  shape (2, 3)", "  y = x\n  a picture"]) {
    assert(!isFormula(picture), picture);
  }
}, deno);

test("pictureToSvg() keeps each character in its place and draws lines as lines", () => {
  const svg = pictureToSvg("  a ─┐\n     │ <b>\n");
  assertStringIncludes(svg, '<text x="0" y="13.5" textLength="8">a</text>');
  assertStringIncludes(svg, '<text x="40" y="31.5" textLength="24">&lt;b&gt;</text>');
  assertStringIncludes(svg, 'aria-label="Diagram: a &lt;b&gt;"');
  assertStringIncludes(svg, "M20 9h-4M20 9h4"); // the line: to the left and to the right
  assertStringIncludes(svg, "M28 9h-4M28 9v9"); // the corner: to the left and down
});

// ── Pages ──

/** What the book's command has written. */
interface Made {
  readonly folder: string;
  readonly ended: Ended;
}

const folderOfBook = folderOfFile();
let made: Made | undefined;

/** A book in a folder, written once by the book's command for all tests that look at it. */
function makeBook(): Made {
  const folder = join(folderOfBook(), "new");
  made ??= { folder, ended: run(["--out", folder]) };
  assertEquals(made.ended.code, 0, made.ended.stderr);
  return made;
}

/** The files of the book, by name. */
function book(): Map<string, string> {
  const { folder } = makeBook();
  return new Map(
    readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
  );
}

/** The pages among its files. */
function htmlPages(): [name: string, html: string][] {
  return [...book()].filter(([name]) => name.endsWith(".html"));
}

test("each link of the book leads to a page and a part that are there", () => {
  const files = book(), wrong: string[] = [];
  let count = 0;
  for (const [name, html] of htmlPages()) {
    for (const [, address] of html.matchAll(/(?:href|src)="([^"]*)"/g)) {
      if (/^(https?:|data:)/.test(address)) continue;
      count++;
      const [file, part] = address.split("#"), target = files.get(file || name);
      const isThere = part === undefined || target?.includes(`id="${decodeURIComponent(part)}"`);
      if (target === undefined || !isThere) wrong.push(`${name}: ${address}`);
    }
  }
  assertEquals(wrong, []);
  assert(count > 500, `${count} links`);
}, deno);

test("the search index leads to parts that are there", () => {
  const files = book(), script = files.get("search_index.js") ?? "";
  const entries: string[][] = JSON.parse(
    script.slice(script.indexOf("["), script.lastIndexOf("]") + 1),
  );
  const wrong = entries.filter(([, address]) => {
    const [file, part] = address.split("#");
    return part !== undefined && !files.get(file)?.includes(`id="${part}"`);
  });
  assertEquals(wrong, []);
  for (const word of ["matmul", "Task 05.1", "softmax"]) {
    assert(entries.some(([title]) => title.includes(word)), word);
  }
}, deno);

test("no page fetches anything from elsewhere", () => {
  for (const [name, html] of htmlPages()) {
    const fetched = [...html.matchAll(/<(?:link|script|img|iframe)[^>]*(?:href|src)="([^"]*)"/g)];
    const away = fetched.filter(([, address]) => /^(https?:)?\/\//.test(address));
    assertEquals(away.map(([, address]) => address), [], name);
  }
  assertEquals(book().get("style.css")?.match(/url\(|@import/g) ?? null, null);
}, deno);

test("names within a page are given once, and headings go down one level at a time", () => {
  for (const [name, html] of htmlPages()) {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    assertEquals(ids.filter((id, k) => ids.indexOf(id) !== k), [], name);
    const levels = [...html.matchAll(/<h(\d)[ >]/g)].map(([, level]) => Number(level));
    assertEquals(levels[0], 1, name);
    assertEquals(levels.filter((level, k) => k > 0 && level > levels[k - 1] + 1), [], name);
    assertEquals(levels.filter((level) => level === 1).length, 1, name);
  }
}, deno);

test(
  "each task has its place, with what is tested, three hints, and a folded solution",
  () => {
    const files = book();
    for (const { folder, files: chapters } of modules) {
      const html = files.get(`${folder}.html`) ?? "";
      const sources = chapters.map((file) => reference(folder, file)).join("");
      for (
        const task of new Set([...sources.matchAll(/@task (\d\d\.\d+)/g)].map(([, task]) => task))
      ) {
        const [, part = ""] = html.split(`id="task-${task}"`);
        const own = part.split('<div class="task"')[0];
        for (const text of ["What is tested", "Hint 1", "Hint 2", "Hint 3"]) {
          assertStringIncludes(own, `<summary>${text}</summary>`, task);
        }
        assert(html.includes(`One solution of ${task}`), task);
      }
    }
  },
  deno,
);

test("the book's command writes its pages, and says what it cannot do", () => {
  const { folder, ended } = makeBook();
  assertEquals([ended.code, ended.stderr], [0, ""]);
  assertStringIncludes(ended.stdout, "The book has 14 pages. Open ");
  assert(existsSync(join(folder, "index.html")));
  assert(readdirSync(folder).includes("search_index.js"));
  const refused = run(["--out", fromFileUrl(import.meta.url)]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "Cannot write ");
  assertStringIncludes(refused.stderr, "\n  hint: what was there is unchanged");
  assertEquals(
    run(["--outt"]).stderr,
    "Cannot understand --outt: there is no such option\n  hint: the options are --out --help\n",
  );
}, deno);

/** Runs the book's command. */
function run(args: readonly string[]): Ended {
  const flags = [
    "run",
    "--no-prompt",
    "--lock=course/book/deno.lock",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--quiet",
  ];
  const all = [...flags, "course/book/book.ts", ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, {
    cwd: root,
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

test("the picture of the terminal and the README show the same run", () => {
  const svg = readFileSync(join(root, "course/book/tinydigits.svg"), "utf8");
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const rows = readme.match(/^(?:MLP 64-32-10|One convolution|Small LeNet) .*%$/gm) ?? [];
  assertEquals(rows.length, 3);
  for (const cell of rows.flatMap((row) => row.split(/ {2,}/))) {
    assertStringIncludes(svg, `>${cell}<`);
  }
});

// ── In a browser ──

test(
  "in Chromium no page has errors, scrolls sideways at 360 px, or breaks a rule of accessibility",
  () => {
    const lock = "--lock=tests/project/browse_book.lock";
    const args = ["run", "-A", "--quiet", lock, "tests/project/browse_book.ts"];
    const { folder } = makeBook();
    const browsed = spawnSync(process.execPath, [...args, chromium ?? "", folder], {
      cwd: root,
      encoding: "utf8",
    });
    assertEquals(browsed.status, 0, browsed.stderr);
    assertEquals(JSON.parse(browsed.stdout), { pages: 14, problems: [] });
  },
  { ...deno, skip: chromium ? undefined : "there is no Chromium" },
);
