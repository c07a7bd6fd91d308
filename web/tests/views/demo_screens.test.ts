import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium } from "../chromium";
import { serveDemo } from "../demo/serve_demo";
import { settle } from "../demo/settle";
import { findViolations, type OpenedPage, Pages } from "../pages";

const showcase = "!showcase:demo";
const long = "!long:demo";
const MENU_WAIT_MS = 5_000;

describe.skipIf(!hasChromium)("the views in Chromium", () => {
  const pages = new Pages();
  let demo: Awaited<ReturnType<typeof serveDemo>>;

  beforeAll(async () => {
    demo = await serveDemo();
  });

  afterAll(async () => {
    await demo?.close();
  });

  async function open(options: Readonly<Record<string, string>>, size = { width: 1280, height: 800 }): Promise<OpenedPage> {
    const opened = await pages.open(`${demo.url}?${new URLSearchParams(options)}`, { viewport: size, reducedMotion: "reduce" });
    await opened.page.waitForSelector(options["room"] ? "[role=listitem]" : "[data-room]");
    return opened;
  }

  /** The menu of a message that somebody else has written. */
  async function openMessageMenu(page: Page): Promise<void> {
    await page.evaluate(() => document.querySelector("[role=list]")!.parentElement!.scrollTo(0, 0));
    await settle(page);
    // On a busy machine no menu was seen after a click once, for a reason that is not known; people click again.
    const menu = page.locator("[role=menu]");
    do {
      await page.locator("[role=listitem] p, [role=listitem] [dir=auto]").first().click({ button: "right" });
      await menu.first().waitFor({ timeout: MENU_WAIT_MS }).catch(() => undefined);
    } while ((await menu.count()) === 0);
  }

  async function choose(page: Page, icon: string): Promise<void> {
    await openMessageMenu(page);
    await page.locator(`[role=menuitem]:has(.lucide-${icon})`).click();
    await page.waitForSelector("[role=dialog]");
  }

  async function attach(page: Page, icon: string): Promise<void> {
    await page.locator("main button:has(.lucide-paperclip)").click();
    await page.locator(`[role=menuitem]:has(.${icon})`).click();
    await page.waitForSelector("[role=dialog]");
  }

  async function openThreads(page: Page): Promise<void> {
    await page.locator("main header [aria-haspopup=menu]").click();
    await page.locator("[role=menuitem]:has(.lucide-messages-square)").click();
    await page.locator("[data-threads] [data-thread]").first().waitFor();
  }

  const screens: readonly (readonly [string, Readonly<Record<string, string>>, (page: Page) => Promise<unknown>])[] = [
    ["list", {}, async () => undefined],
    ["chat", { room: showcase }, async () => undefined],
    ["chat, top", { room: showcase }, (page) => page.evaluate(() => document.querySelector("[role=list]")!.parentElement!.scrollTo(0, 0))],
    ["message menu", { room: showcase }, async (page) => { await page.locator("[role=listitem] p, [role=listitem] [dir=auto]").first().click({ button: "right" }); await page.waitForSelector("[role=menu]"); }],
    ["chat menu", {}, async (page) => { await page.locator("[data-room]").nth(2).click({ button: "right" }); await page.waitForSelector("[role=menu]"); }],
    ["new chat", {}, async (page) => { await page.locator("nav").getByRole("button").nth(1).click(); await page.waitForSelector("[role=dialog]"); }],
    ["emoji", { room: showcase }, async (page) => { await page.locator("textarea + *, textarea").first().focus(); await page.locator("main button[aria-haspopup=dialog]").last().click(); await page.waitForSelector("[role=radiogroup] ~ *, [role=radiogroup]"); }],
    ["delete", { room: showcase }, async (page) => { await page.locator("[data-key]").last().focus(); await page.keyboard.press("Delete"); await page.waitForSelector("[role=dialog]"); }],
    ["details", { room: showcase }, (page) => choose(page, "info")],
    ["forward", { room: showcase }, (page) => choose(page, "forward")],
    ["report", { room: showcase }, (page) => choose(page, "flag")],
    ["thread", { room: showcase }, async (page) => { await openMessageMenu(page); await page.locator("[role=menuitem]:has(.lucide-messages-square)").click(); await page.waitForSelector("aside textarea"); }],
    ["thread on a phone", { room: showcase, phone: "yes" }, async (page) => { await openMessageMenu(page); await page.locator("[role=menuitem]:has(.lucide-messages-square)").click(); await page.waitForSelector("main:has(> * h1) textarea"); }],
    ["threads", { room: showcase }, openThreads],
    ["threads on a phone", { room: showcase, phone: "yes" }, openThreads],
    ["poll", { room: showcase }, (page) => attach(page, "lucide-chart-column, .lucide-bar-chart-3")],
    ["location", { room: showcase }, (page) => attach(page, "lucide-map-pin")],
    ["contact", { room: showcase }, (page) => attach(page, "lucide-user-round")],
    ["marked words", { room: showcase }, async (page) => { await page.locator("main textarea").fill("make this bold"); await page.locator("main textarea").selectText(); await page.waitForSelector("[role=toolbar]"); }],
    ["send later", { room: showcase }, async (page) => { await page.locator("main textarea").fill("hello"); await page.locator("main button:has(.lucide-send-horizontal)").click({ button: "right" }); await page.locator("[role=menuitem]:has(.lucide-clock)").click(); await page.waitForSelector("[role=dialog]"); }],
    ["scheduled", { room: showcase }, async (page) => { await page.evaluate(() => { (window as unknown as { demo: { openChat(id: string): { schedule(text: unknown, at: number): void } } }).demo.openChat("!showcase:demo").schedule({ markdown: "Good morning – صباح الخير", mentions: [], hop: 0 }, Date.now() + 7_200_000); }); await page.locator("main button:has(.lucide-clock)").click(); await page.waitForSelector("[role=dialog]"); }],
    ["disappearing", { room: showcase }, async (page) => { await page.locator("main header [aria-haspopup=menu]").click(); await page.locator("[role=menuitem]:has(.lucide-timer)").click(); await page.waitForSelector("[role=menuitemcheckbox]"); }],
    ["quick switcher", { room: showcase }, async (page) => { await page.keyboard.press("Control+k"); await page.waitForSelector("[role=dialog] [role=option]"); }],
    ["shortcuts", { room: showcase }, async (page) => { await page.locator("[data-key]").last().focus(); await page.keyboard.press("?"); await page.waitForSelector("[role=dialog] kbd"); }],
    ["list on a phone", { phone: "yes" }, async () => undefined],
    ["chat on a phone", { room: showcase, phone: "yes" }, async () => undefined],
  ];

  for (const lang of ["en", "ar"]) {
    for (const [name, options, act] of screens) {
      test(`axe finds nothing: ${name}, ${lang}, light and dark`, async () => {
        const { page, errors } = await open({ lang, theme: "light", ...options }, options["phone"] ? { width: 360, height: 740 } : undefined);
        await act(page);
        await settle(page);
        expect(await findViolations(page)).toEqual([]);
        await page.evaluate(() => { document.documentElement.dataset["theme"] = "dark"; });
        await settle(page);
        expect(await findViolations(page)).toEqual([]);
        expect(errors).toEqual([]);
      });
    }
  }

  test("no screen is wider than 320 px when the window is", async () => {
    for (const options of [{}, { room: showcase }] as readonly Readonly<Record<string, string>>[]) {
      const { page } = await open({ lang: "ar", ...options }, { width: 320, height: 640 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    }
  });

  test("a thread is opened from the list of all threads, and left for it again", async () => {
    const { page, errors } = await open({ room: showcase });
    await openThreads(page);
    await page.locator("[data-threads] [data-thread]").first().click();
    await page.locator("aside textarea").waitFor();
    await page.locator("aside button:has(.lucide-arrow-left)").click();
    await page.locator("[data-threads] [data-thread]").first().waitFor();
    expect(errors).toEqual([]);
  });

  test("a chat that cannot be shown says so, and is tried again by its button", async () => {
    const { page } = await open({ room: long, messages: "200", loaded: "200" });
    interface Demo { openChat(id: string): { readonly timeline: { get(): object; set(value: object): void }; readonly calls: readonly { readonly name: string }[] } }
    await page.evaluate((id) => { const { timeline } = (window as unknown as { demo: Demo }).demo.openChat(id); timeline.set({ ...timeline.get(), failure: "the disk is gone" }); }, long);
    await page.locator("main [role=alert]").filter({ hasText: "the disk is gone" }).getByRole("button").click();
    expect(await page.evaluate((id) => (window as unknown as { demo: Demo }).demo.openChat(id).calls.map(({ name }) => name), long)).toContain("jumpToLive");
    expect(await page.locator("[data-room]").count()).toBeGreaterThan(1);
  });

  test("a chat opens at its newest message, follows what arrives, and counts it while one reads further up", async () => {
    const { page } = await open({ room: long, messages: "2000", loaded: "2000" });
    const distance = () => page.evaluate(() => { const box = document.querySelector("[role=list]")!.parentElement!; return Math.round(box.scrollHeight - box.scrollTop - box.clientHeight); });
    await expect.poll(distance).toBeLessThan(4);
    const receive = (text: string) => page.evaluate((words) => { (window as unknown as { demo: { openChat(id: string): { receive(body: unknown, sender: string, name: string): void } } }).demo.openChat("!long:demo").receive({ kind: "text", style: "text", text: words, rich: [{ type: "text", text: words }] }, "@p3:demo", "ياسمين"); }, text);
    await receive("a new one");
    await expect.poll(distance).toBeLessThan(4);
    await expect.poll(() => page.locator("[data-live-region]").textContent()).toContain("a new one");
    await page.evaluate(() => document.querySelector("[role=list]")!.parentElement!.scrollBy(0, -1500));
    await settle(page);
    const before = await distance();
    await receive("another");
    await settle(page);
    expect(await distance()).toBeGreaterThan(before);
    await page.getByRole("button", { name: /1 new/ }).click();
    await expect.poll(distance).toBeLessThan(4);
  });

  test("what one reads stays where it is while older messages load above", async () => {
    const { page } = await open({ room: long, messages: "5000", loaded: "200" });
    const scroll = (by: number) => page.evaluate((px) => document.querySelector("[role=list]")!.parentElement!.scrollBy(0, px), by);
    for (let at = 0; at < 60; at += 1) { await scroll(-400); await page.evaluate(() => new Promise(requestAnimationFrame)); }
    await settle(page);
    const middle = () => page.evaluate(() => {
      const box = document.querySelector("[role=list]")!.parentElement!.getBoundingClientRect();
      const row = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2)!.closest("[data-key]");
      return row ? { key: row.getAttribute("data-key"), top: Math.round(row.getBoundingClientRect().top) } : undefined;
    });
    const seen = await middle();
    const loaded = await page.evaluate(() => { const chat = (window as unknown as { demo: { openChat(id: string): { timeline: { get(): { items: unknown[] } }; loadBefore(): Promise<void> } } }).demo.openChat("!long:demo"); const before = chat.timeline.get().items.length; return chat.loadBefore().then(() => chat.timeline.get().items.length - before); });
    expect(loaded).toBeGreaterThan(50);
    await settle(page);
    const after = await page.evaluate((key) => document.querySelector(`[data-key="${CSS.escape(key!)}"]`)?.getBoundingClientRect().top, seen?.key ?? "");
    expect(Math.abs(after! - seen!.top)).toBeLessThanOrEqual(2);
  });
});
