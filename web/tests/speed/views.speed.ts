import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, launchChromium } from "../chromium";
import { serveDemo } from "../demo/serve_demo";

const OPENING_MS_MAX = 100;
const TASK_MS_MAX = 50;
const SCROLLING_TASK_MS_MAX = 200;
const FRAME_MS_MAX = 34;

interface Watched { longTasks: number[]; frames: number[] }

/** Other work on the machine only ever makes these slower: the limits hold if they hold in one of three runs. */
const noise = { retry: 2 } as const;

describe.skipIf(!hasChromium)("speed of the views in Chromium", () => {
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

  async function open(query: string): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(`${demo.url}?${query}`);
    await page.waitForSelector("[data-room]");
    await page.waitForTimeout(1_000);
    return page;
  }

  const watch = (page: Page) => page.evaluate(() => {
    const watched: Watched = { longTasks: [], frames: [] };
    Object.assign(window, { watched });
    new PerformanceObserver((list) => watched.longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ entryTypes: ["longtask"] });
    let last = performance.now();
    const frame = () => { const now = performance.now(); watched.frames.push(now - last); last = now; requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
  });
  const watched = (page: Page) => page.evaluate(() => (window as unknown as { watched: Watched }).watched);

  test("a chat is on the screen within 100 ms of the click", noise, async () => {
    const page = await open("chats=200");
    const times: number[] = [];
    for (let at = 2; at < 12; at += 1) {
      times.push(await page.evaluate(async (index) => {
        const link = document.querySelectorAll<HTMLElement>("[data-room]")[index]!;
        const begin = performance.now();
        link.click();
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        const isThere = () => document.querySelector(`main[data-chat="${CSS.escape(link.dataset["room"] ?? "")}"] [role=listitem]`) !== null;
        while (!isThere() && performance.now() - begin < 5_000) await frame();
        if (!isThere()) throw new Error(`chat ${index} is not on the screen`);
        // Twice: after the first frame the rows are measured, after the second they are painted where they belong.
        await frame();
        await frame();
        return performance.now() - begin;
      }, at));
    }
    times.sort((a, b) => a - b);
    console.log("opening a chat, ms:", times.map(Math.round).join(" "));
    expect(times[Math.floor(times.length / 2)]).toBeLessThan(OPENING_MS_MAX);
    await page.close();
  });

  test("typing in a room of 5,000 members causes no task over 50 ms", noise, async () => {
    const page = await open("chats=200&members=5000&messages=2000&loaded=2000&room=!long:demo");
    await page.locator("textarea").click();
    await watch(page);
    await page.keyboard.type("Hello everybody, مرحبا بكم جميعا @la is that you? and then @om", { delay: 25 });
    await page.waitForSelector("[role=listbox] [role=option]");
    await page.waitForTimeout(700);
    const { longTasks } = await watched(page);
    console.log("long tasks while typing, ms:", longTasks.map(Math.round).join(" ") || "none");
    expect(Math.max(0, ...longTasks)).toBeLessThanOrEqual(TASK_MS_MAX);
    await page.close();
  });

  test("100,000 messages scroll", noise, async () => {
    const page = await open("chats=20&messages=100000&loaded=100000&room=!long:demo");
    await page.waitForSelector("[role=listitem]");
    await watch(page);
    await page.mouse.move(900, 400);
    for (let at = 0; at < 120; at += 1) { await page.mouse.wheel(0, at % 40 < 20 ? -900 : -120); await page.waitForTimeout(12); }
    const { longTasks, frames } = await watched(page);
    const sorted = frames.slice(2).sort((a, b) => a - b);
    console.log(`100,000 messages: frame p50 ${sorted[Math.floor(sorted.length / 2)]!.toFixed(1)} ms, p95 ${sorted[Math.floor(sorted.length * 0.95)]!.toFixed(1)} ms, long tasks ${longTasks.map(Math.round).join(" ") || "none"}`);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(FRAME_MS_MAX);
    expect(Math.max(0, ...longTasks)).toBeLessThan(SCROLLING_TASK_MS_MAX);
    expect(await page.locator("[role=listitem]").count()).toBeLessThan(80);
    await page.close();
  });
});
