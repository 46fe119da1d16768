/**
 * The browser that some tests need.
 *
 * @module
 */
import { existsSync } from "node:fs";

/** Where Chromium is, if it is anywhere that it usually is. */
export const chromium: string | undefined = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
].find((path) => existsSync(path));
