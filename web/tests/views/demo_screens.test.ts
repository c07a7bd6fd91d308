import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readFile } from "node:fs/promises";
import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveDemo } from "../demo/serve_demo";

const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const showcase = "!showcase:demo";
const long = "!long:demo";

describe.skipIf(!existsSync(executablePath))("the views in Chromium", () => {
  let demo: Awaited<ReturnType<typeof serveDemo>>;
  let browser: Browser;
  let axe: string;

  beforeAll(async () => {
    demo = await serveDemo();
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
    axe = await readFile(fileURLToPath(new URL("../../node_modules/axe-core/axe.min.js", import.meta.url)), "utf-8");
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await demo?.close();
  });

  async function open(options: Readonly<Record<string, string>>, size = { width: 1280, height: 800 }): Promise<{ readonly page: Page; readonly errors: string[] }> {
    const context = await browser.newContext({ viewport: size, reducedMotion: "reduce", bypassCSP: true });
    const page = await context.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.goto(`${demo.url}?${new URLSearchParams(options)}`);
    await page.waitForSelector(options["room"] ? "[role=listitem]" : "[data-room]");
    return { page, errors };
  }

  async function findViolations(page: Page): Promise<readonly string[]> {
    await page.evaluate(axe);
    return page.evaluate(async () => {
      const { axe: engine } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> } };
      const { violations } = await engine.run();
      return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} — ${node.failureSummary.replace(/\s+/g, " ").slice(0, 200)}`));
    });
  }

  const screens: readonly (readonly [string, Readonly<Record<string, string>>, (page: Page) => Promise<unknown>])[] = [
    ["list", {}, async () => undefined],
    ["chat", { room: showcase }, async () => undefined],
    ["chat, top", { room: showcase }, (page) => page.evaluate(() => document.querySelector("[role=list]")!.parentElement!.scrollTo(0, 0))],
    ["message menu", { room: showcase }, (page) => page.locator("[role=listitem] p, [role=listitem] [dir=auto]").first().click({ button: "right" })],
    ["chat menu", {}, (page) => page.locator("[data-room]").nth(2).click({ button: "right" })],
    ["new chat", {}, async (page) => { await page.locator("nav").getByRole("button").nth(1).click(); await page.waitForSelector("[role=dialog]"); }],
    ["emoji", { room: showcase }, async (page) => { await page.locator("textarea + *, textarea").first().focus(); await page.locator("main button[aria-haspopup=dialog]").last().click(); await page.waitForSelector("[role=radiogroup] ~ *, [role=radiogroup]"); }],
    ["details", { room: showcase }, async (page) => { await page.locator("[data-key]").last().focus(); await page.keyboard.press("Delete"); await page.waitForSelector("[role=dialog]"); }],
  ];

  for (const lang of ["en", "ar"]) {
    for (const theme of ["light", "dark"]) {
      for (const [name, options, act] of screens) {
        test(`axe finds nothing: ${name}, ${lang}, ${theme}`, async () => {
          const { page, errors } = await open({ lang, theme, ...options });
          await act(page);
          await page.waitForTimeout(300);
          expect(await findViolations(page)).toEqual([]);
          expect(errors).toEqual([]);
          await page.context().close();
        }, 60_000);
      }
    }
  }

  test("no screen is wider than 320 px when the window is", async () => {
    for (const options of [{}, { room: showcase }] as readonly Readonly<Record<string, string>>[]) {
      const { page } = await open({ lang: "ar", ...options }, { width: 320, height: 640 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
      await page.context().close();
    }
  }, 60_000);

  test("a chat opens at its newest message, follows what arrives, and counts it while one reads further up", async () => {
    const { page } = await open({ room: long, messages: "2000", loaded: "2000" });
    const distance = () => page.evaluate(() => { const box = document.querySelector("[role=list]")!.parentElement!; return Math.round(box.scrollHeight - box.scrollTop - box.clientHeight); });
    await expect.poll(distance).toBeLessThan(4);
    const receive = (text: string) => page.evaluate((words) => { (window as unknown as { demo: { openChat(id: string): { receive(body: unknown, sender: string, name: string): void } } }).demo.openChat("!long:demo").receive({ kind: "text", style: "text", text: words, rich: [{ type: "text", text: words }] }, "@p3:demo", "ياسمين"); }, text);
    await receive("a new one");
    await expect.poll(distance).toBeLessThan(4);
    await expect.poll(() => page.locator("[data-live-region]").textContent()).toContain("a new one");
    await page.evaluate(() => document.querySelector("[role=list]")!.parentElement!.scrollBy(0, -1500));
    await page.waitForTimeout(300);
    const before = await distance();
    await receive("another");
    await page.waitForTimeout(300);
    expect(await distance()).toBeGreaterThan(before);
    await page.getByRole("button", { name: /1 new/ }).click();
    await expect.poll(distance).toBeLessThan(4);
    await page.context().close();
  }, 60_000);

  test("what one reads stays where it is while older messages load above", async () => {
    const { page } = await open({ room: long, messages: "5000", loaded: "200" });
    const scroll = (by: number) => page.evaluate((px) => document.querySelector("[role=list]")!.parentElement!.scrollBy(0, px), by);
    for (let at = 0; at < 60; at += 1) { await scroll(-400); await page.waitForTimeout(15); }
    await page.waitForTimeout(300);
    const middle = () => page.evaluate(() => {
      const box = document.querySelector("[role=list]")!.parentElement!.getBoundingClientRect();
      const row = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)!.closest("[data-key]");
      return row ? { key: row.getAttribute("data-key"), top: Math.round(row.getBoundingClientRect().top) } : undefined;
    });
    const seen = await middle();
    const loaded = await page.evaluate(() => { const chat = (window as unknown as { demo: { openChat(id: string): { timeline: { get(): { items: unknown[] } }; loadBefore(): Promise<void> } } }).demo.openChat("!long:demo"); const before = chat.timeline.get().items.length; return chat.loadBefore().then(() => chat.timeline.get().items.length - before); });
    expect(loaded).toBeGreaterThan(50);
    await page.waitForTimeout(300);
    const after = await page.evaluate((key) => document.querySelector(`[data-key="${CSS.escape(key!)}"]`)?.getBoundingClientRect().top, seen?.key ?? "");
    expect(Math.abs(after! - seen!.top)).toBeLessThanOrEqual(2);
    await page.context().close();
  }, 60_000);
});
