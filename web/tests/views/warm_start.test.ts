// @vitest-environment jsdom
import { afterEach, expect, test, vi } from "vitest";
import { WarmStart, WarmStarts } from "@/app/warm_start";
import type { ChatSummary } from "@/domain/engine";
import type { WarmList } from "@/protocol/warm_list";

const list: WarmList = { chats: [{ roomId: "!a:b" } as ChatSummary] };

/** Whether the promise is fulfilled already. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  return await Promise.race([promise.then(() => true), Promise.resolve().then(() => false)]);
}

function hidePage(isHidden: boolean): void {
  vi.spyOn(document, "hidden", "get").mockReturnValue(isHidden);
}

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

test("the engine waits until the chats of the last time are on the screen", async () => {
  vi.useFakeTimers();
  hidePage(false);
  const warm = new WarmStart("@anna:b", async () => list);
  expect(warm.list).toBeUndefined();
  await warm.loaded;
  expect(warm.list).toEqual(list);
  expect(await isDone(warm.shown)).toBe(false);
  warm.drawn();
  expect(await isDone(warm.shown)).toBe(false);
  // Long for a frame, and short for what ends the waiting otherwise.
  await vi.advanceTimersByTimeAsync(100);
  expect(await isDone(warm.shown)).toBe(true);
});

test("it does not wait for chats that are not there, cannot be read, or that nobody sees", async () => {
  vi.useFakeTimers();
  hidePage(false);
  const empty = new WarmStart("@anna:b", async () => ({ chats: [] }));
  await empty.shown;
  expect(empty.list).toBeNull();
  const broken = new WarmStart("@anna:b", async () => { throw new Error("no such database"); });
  await broken.shown;
  expect(broken.list).toBeNull();
  hidePage(true);
  const unseen = new WarmStart("@anna:b", async () => list);
  await unseen.shown;
  expect(unseen.list).toEqual(list);
});

test("it does not wait for ever for a page that draws something else", async () => {
  vi.useFakeTimers();
  hidePage(false);
  const warm = new WarmStart("@anna:b", async () => list);
  await warm.loaded;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await isDone(warm.shown)).toBe(true);
});

test("what was read for one account is never shown for another, and not again once the engine runs", () => {
  const starts = new WarmStarts();
  const warm = starts.begin("@anna:b");
  expect(starts.find("@anna:b")).toBe(warm);
  expect(starts.find("@omar:b")).toBeNull();
  starts.end();
  expect(starts.find("@anna:b")).toBeNull();
});
