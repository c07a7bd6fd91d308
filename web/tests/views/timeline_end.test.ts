import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium } from "../chromium";
import { serveDemo } from "../demo/serve_demo";
import { Pages } from "../pages";

const ROOM = "!long:demo";
/** Each order in which rows are measured and events come is one of chance. */
const OPENINGS = 12;
/** The room below the last message belongs to the end. */
const END_PX = 20;

describe.skipIf(!hasChromium)("the end of the timeline in Chromium", () => {
  const pages = new Pages();
  let demo: Awaited<ReturnType<typeof serveDemo>>;

  beforeAll(async () => {
    demo = await serveDemo();
  });

  afterAll(async () => {
    await demo?.close();
  });

  async function withChat(messages: number, reducedMotion: "reduce" | "no-preference", look: (page: Page) => Promise<void>): Promise<void> {
    const { page, errors } = await pages.open(`${demo.url}?${new URLSearchParams({ room: ROOM, messages: String(messages), loaded: "30", lang: "en" })}`, { viewport: { width: 1280, height: 800 }, reducedMotion });
    await page.locator("main [role=list]").waitFor({ state: "attached" });
    await look(page);
    expect(errors).toEqual([]);
    // A test opens many.
    await page.context().close();
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
        await expect.poll(() => belowView(page)).toBeLessThanOrEqual(END_PX);
        await page.waitForTimeout(100);
        expect(await belowView(page)).toBeLessThanOrEqual(END_PX);
        await receive(page, "Wave");
        await page.getByRole("img", { name: "Sticker: Wave" }).waitFor();
        await expect.poll(() => belowView(page)).toBeLessThanOrEqual(END_PX);
      });
    }
  });

  test("what comes while a chat is still being drawn is followed too", async () => {
    for (let opening = 0; opening < OPENINGS / 2; opening += 1) {
      await withChat(30, opening % 2 ? "reduce" : "no-preference", async (page) => {
        await receive(page, "Wave");
        await receive(page, "Nod");
        await page.getByRole("img", { name: "Sticker: Nod" }).waitFor();
        await expect.poll(() => belowView(page)).toBeLessThanOrEqual(END_PX);
      });
    }
  });

  test("who reads further up is not pulled down by what comes", async () => {
    await withChat(60, "reduce", async (page) => {
      await expect.poll(() => belowView(page)).toBeLessThanOrEqual(END_PX);
      await page.mouse.move(800, 400);
      await page.mouse.wheel(0, -700);
      await expect.poll(() => belowView(page)).toBeGreaterThan(300);
      await receive(page, "Wave");
      await page.locator("main [data-count='1']").waitFor({ state: "attached" });
      expect(await belowView(page)).toBeGreaterThan(300);
      await page.getByRole("button", { name: /newest|new message/i }).click();
      await page.getByRole("img", { name: "Sticker: Wave" }).waitFor();
    });
  });
});
