import type { BrowserContext, CDPSession, Page } from "playwright-core";

/** What a page tells of itself: when things appeared, and what kept it busy. Times in ms since the page's navigation began. */
interface Notes {
  readonly seen: Record<string, number>;
  readonly tasks: { readonly at: number; readonly ms: number }[];
}

/** Notes when each selector first matches (after the frame that shows it) and every task over 50 ms. Before the page is opened. */
export async function watch(context: BrowserContext, selectors: Readonly<Record<string, string>>): Promise<void> {
  await context.addInitScript((wanted) => {
    const notes: Notes = { seen: {}, tasks: [] };
    Object.assign(window, { zajilNotes: notes });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) notes.tasks.push({ at: entry.startTime, ms: entry.duration });
    }).observe({ type: "longtask", buffered: true });
    const look = (): void => {
      for (const [name, selector] of Object.entries(wanted)) {
        if (notes.seen[name] !== undefined || document.querySelector(selector) === null) continue;
        notes.seen[name] = Infinity;
        requestAnimationFrame(() => setTimeout(() => (notes.seen[name] = performance.now())));
      }
    };
    new MutationObserver(look).observe(document, { childList: true, subtree: true });
  }, selectors);
}

export function readNotes(page: Page): Promise<Notes> {
  return page.evaluate(() => (window as unknown as { readonly zajilNotes: Notes }).zajilNotes);
}

/** When the selector had been shown and no task over 50 ms was running any more that had begun before. */
export async function interactiveMs(page: Page, name: string): Promise<number> {
  await page.waitForFunction((key) => Number.isFinite((window as unknown as { readonly zajilNotes?: Notes }).zajilNotes?.seen[key] ?? Infinity), name);
  await page.waitForTimeout(300);
  const { seen, tasks } = await readNotes(page);
  const shown = seen[name] ?? Infinity;
  return Math.max(shown, ...tasks.filter(({ at }) => at <= shown).map(({ at, ms }) => at + ms));
}

export interface Network {
  readonly mbit: number;
  readonly rttMs: number;
  readonly cpuSlowdown: number;
}

export async function throttle(cdp: CDPSession, { mbit, rttMs, cpuSlowdown }: Network): Promise<void> {
  await cdp.send("Network.enable");
  await cdp.send("Network.emulateNetworkConditions", { offline: false, latency: rttMs, downloadThroughput: (mbit * 1e6) / 8, uploadThroughput: (mbit * 1e6) / 16 });
  await cdp.send("Emulation.setCPUThrottlingRate", { rate: cpuSlowdown });
}

/** Bytes in use on the heap once all that can go has gone. */
export async function heapBytes(cdp: CDPSession): Promise<number> {
  for (let time = 0; time < 3; time += 1) await cdp.send("HeapProfiler.collectGarbage");
  return (await cdp.send("Runtime.getHeapUsage")).usedSize;
}

export interface Memory {
  readonly heapMib: number;
  readonly nodes: number;
  readonly listeners: number;
}

/** What the page holds once all that can go has gone. */
export async function countMemory(cdp: CDPSession): Promise<Memory> {
  const heapMib = (await heapBytes(cdp)) / 1024 ** 2;
  const { nodes, jsEventListeners } = await cdp.send("Memory.getDOMCounters");
  return { heapMib: Math.round(heapMib * 10) / 10, nodes, listeners: jsEventListeners };
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
