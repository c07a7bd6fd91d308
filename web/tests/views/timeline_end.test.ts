import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, launchChromium } from "../chromium";
import { serveDemo } from "../demo/serve_demo";

const ROOM = "!long:demo";
/** Far more than anything takes: the machine may be busy. */
const WAIT_MS_MAX = 120_000;
/** Each order in which rows are measured and events come is one of chance. */
const OPENINGS = 12;
/** The room below the last message belongs to the end. */
const END_PX = 20;

describe.skipIf(!hasChromium)("the end of the timeline in Chromium", () => {
  let demo: Awaited<ReturnType<typeof serveDemo>>;
  let browser: Browser;

  beforeAll(async () => {
    demo = await serveDemo();
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await demo?.close();
  });

  async function withChat(messages: number, reducedMotion: "reduce" | "no-preference", look: (page: Page) => Promise<void>): Promise<void> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, reducedMotion });
    const complaints: string[] = [];
    page.on("console", (message) => { if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text()); });
    try {
      page.setDefaultTimeout(WAIT_MS_MAX);
      await page.goto(`${demo.url}?${new URLSearchParams({ room: ROOM, messages: String(messages), loaded: "30", lang: "en" })}`);
      await page.locator("[role=listitem]").first().waitFor();
      await look(page);
      expect(complaints).toEqual([]);
    } finally {
      await page.close();
    }
  }

  const belowView = (page: Page) => page.evaluate(() => {
    const scroller = document.querySelector("[role=list]")!.parentElement!;
    return Math.round(scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight);
  });

  const receive = (page: Page, text: string) => page.evaluate(([room, name]) => {
    const { demo: shown } = window as unknown as { demo: { openChat(id: string): { receive(body: unknown, sender: string, senderName: string): void } } };
    shown.openChat(room!).receive({ kind: "sticker", name, picture: { source: { mxc: "mxc://demo/wave", mimeType: "image/webp", size: 5 }, width: 200, height: 200 } }, "@p3:demo", "Nour");
  }, [ROOM, text]);

  test("a chat opens at its newest message, and stays there when a large one comes", async () => {
    for (let opening = 0; opening < OPENINGS; opening += 1) {
      await withChat(30 + opening, opening % 2 ? "reduce" : "no-preference", async (page) => {
        await expect.poll(() => belowView(page), { timeout: WAIT_MS_MAX }).toBeLessThanOrEqual(END_PX);
        await page.waitForTimeout(100);
        expect(await belowView(page)).toBeLessThanOrEqual(END_PX);
        await receive(page, "Wave");
        await page.getByRole("img", { name: "Sticker: Wave" }).waitFor();
        await expect.poll(() => belowView(page), { timeout: WAIT_MS_MAX }).toBeLessThanOrEqual(END_PX);
      });
    }
  });

  test("who reads further up is not pulled down by what comes", async () => {
    await withChat(60, "reduce", async (page) => {
      await expect.poll(() => belowView(page), { timeout: WAIT_MS_MAX }).toBeLessThanOrEqual(END_PX);
      await page.mouse.move(800, 400);
      await page.mouse.wheel(0, -700);
      await expect.poll(() => belowView(page), { timeout: WAIT_MS_MAX }).toBeGreaterThan(300);
      await receive(page, "Wave");
      await page.locator("main [data-count='1']").waitFor({ state: "attached" });
      expect(await belowView(page)).toBeGreaterThan(300);
      await page.getByRole("button", { name: /newest|new message/i }).click();
      await page.getByRole("img", { name: "Sticker: Wave" }).waitFor();
    });
  });
});
