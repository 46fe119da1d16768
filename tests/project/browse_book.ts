/**
 * Opens each page of the book in a real browser, wide, narrow and dark, and prints as JSON what is
 * wrong with it:
 *
 *   deno run -A --lock=tests/project/browse_book.lock tests/project/browse_book.ts CHROMIUM FOLDER
 *
 * The browser's driver and the accessibility checker come from npm. They are named here and not in
 * the project's configuration, because only this program needs them.
 *
 * @module
 */
import { basename, join, toFileUrl } from "@std/path";
import { readdirSync } from "node:fs";
import process from "node:process";
import axe from "npm:axe-core@4.14.1";
import puppeteer, { type Browser, type Page } from "npm:puppeteer-core@25.16.0";

/** What was looked at, and what is wrong. */
export interface Findings {
  /** How many pages, each in all views. */
  readonly pages: number;
  /** A sentence each. */
  readonly problems: readonly string[];
}

/** All rules of a few sets, or single ones: those that another width or other colours may break. */
const sets = { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] };
const narrow = { type: "rule", values: ["scrollable-region-focusable", "target-size"] };
const colours = { type: "rule", values: ["color-contrast"] };

const views = [
  { name: "wide", width: 1400, height: 900, scheme: "light", rules: sets },
  { name: "narrow", width: 360, height: 740, scheme: "light", rules: narrow },
  { name: "dark", width: 1400, height: 900, scheme: "dark", rules: colours },
] as const;

/** The accessibility rules that are broken, of those given. */
async function broken(page: Page, rules: (typeof views)[number]["rules"]): Promise<string[]> {
  await page.evaluate(axe.source);
  const options = JSON.stringify({ preload: false, runOnly: rules });
  const { violations } = await page.evaluate(`axe.run(document, ${options})`) as axe.AxeResults;
  return violations.map(({ id, nodes }) =>
    `${id}, ${nodes.length} ×: ${nodes[0].html.slice(0, 150)}`
  );
}

/** How far the page is wider than its window, in pixels. */
async function overflow(page: Page): Promise<number> {
  const root = "document.documentElement";
  return await page.evaluate(`${root}.scrollWidth - ${root}.clientWidth`) as number;
}

/** Types into the search and counts what is found. */
async function search(page: Page, word: string): Promise<number> {
  await page.type("#search", word);
  return (await page.$$("#found a")).length;
}

/** Opens pages in one view, one after the other; says what is wrong with each. */
async function visit(
  browser: Browser,
  { name, width, height, scheme, rules }: (typeof views)[number],
  files: readonly string[],
): Promise<string[]> {
  const problems: string[] = [], page = await browser.newPage();
  let where = name as string;
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`${where}: console: ${message.text()}`);
  });
  page.on("pageerror", (error) => problems.push(`${where}: ${error}`));
  page.on("request", (request) => {
    if (/^(file|data):/.test(request.url())) return;
    problems.push(`${where}: fetches ${request.url()}`);
  });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.setViewport({ width, height });
  for (const file of files) {
    where = `${basename(file)} (${name})`;
    await page.goto(toFileUrl(file).href);
    const wider = await overflow(page);
    if (wider > 0) problems.push(`${where}: is ${wider} pixels wider than its window`);
    for (const rule of await broken(page, rules)) problems.push(`${where}: ${rule}`);
    if (name === "wide" && await search(page, "softmax") === 0) {
      problems.push(`${where}: the search finds nothing`);
    }
  }
  await page.close();
  return problems;
}

/** One browser, and a tab for each view: they work side by side. */
async function browse(executablePath: string, folder: string): Promise<Findings> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".html"))
    .map((name) => join(folder, name));
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
  const browser = await puppeteer.launch({ executablePath, args, pipe: true });
  try {
    const problems = await Promise.all(views.map((view) => visit(browser, view, files)));
    return { pages: files.length, problems: problems.flat() };
  } finally {
    await browser.close();
  }
}

const [chromium, folder] = process.argv.slice(2);
const findings = await browse(chromium, folder);
process.stdout.write(JSON.stringify(findings), () => process.exit(0));
