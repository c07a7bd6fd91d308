import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll } from "vitest";
import { launchChromium } from "./chromium";

/** Of one step in a page, in milliseconds. Far more than any takes: machines are busy, and some stall. */
const STEP_MS_MAX = 180_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf-8");

export interface OpenedPage {
  readonly page: Page;
  /** What was thrown in the page and caught by nobody, and what it wrote to the console as an error. */
  readonly errors: readonly string[];
}

/** One Chromium for all tests of a file. A test's pages are closed when it ends, however it ends: one that is left open slows all that follow. */
export class Pages {
  readonly #ofTest: BrowserContext[] = [];
  #browser: Browser | undefined;

  constructor() {
    beforeAll(async () => {
      this.#browser = await launchChromium();
    });
    afterEach(async () => {
      await Promise.all(this.#ofTest.splice(0).map((context) => context.close()));
    });
    afterAll(async () => {
      await this.#browser?.close();
    });
  }

  /** A page of a profile of its own, in front of all others, for as long as the test goes on. */
  async open(url: string, options: BrowserContextOptions): Promise<OpenedPage> {
    const opened = await this.openForAll(url, options);
    this.#ofTest.push(opened.page.context());
    return opened;
  }

  /** The same for several tests: whoever opens it closes its context. */
  async openForAll(url: string, options: BrowserContextOptions): Promise<OpenedPage> {
    if (this.#browser === undefined) throw new Error("Chromium has not been started");
    const context = await this.#browser.newContext({ bypassCSP: true, ...options });
    context.setDefaultTimeout(STEP_MS_MAX);
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (message) => {
      // Files that are not there are what some tests are about.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text());
    });
    await page.goto(url);
    return { page, errors };
  }
}

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** Where the page breaks the rules of accessibility that axe knows, but for those rules. */
export async function findViolations(page: Page, ...exceptions: readonly string[]): Promise<readonly string[]> {
  await page.evaluate(AXE);
  return await page.evaluate(async (allowed) => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: readonly Violation[] }> } };
    const { violations } = await axe.run();
    return violations.filter(({ id }) => !allowed.includes(id)).flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} — ${failureSummary.replace(/\s+/g, " ").slice(0, 200)}`));
  }, exceptions);
}
