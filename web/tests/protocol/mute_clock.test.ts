import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MuteClock } from "@/protocol/mutes";

const HOUR_MS = 3_600_000;

let mutes: Map<string, number>;
let ended: string[];
let isReachable: boolean;
let clock: MuteClock;

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 });
  mutes = new Map();
  ended = [];
  isReachable = true;
  clock = new MuteClock({
    now: Date.now,
    list: () => mutes,
    async end(roomId) {
      ended.push(roomId);
      if (!isReachable) throw new Error("no network");
      mutes.delete(roomId);
    },
  });
});

afterEach(() => {
  clock.stop();
  vi.useRealTimers();
});

test("mutes end at their times, also after weeks, and those for good never", async () => {
  mutes = new Map([["a", Date.now() + 8 * HOUR_MS], ["b", Date.now() + 40 * 24 * HOUR_MS], ["c", Number.MAX_SAFE_INTEGER]]);
  clock.check();
  await vi.advanceTimersByTimeAsync(8 * HOUR_MS - 1);
  expect(ended).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(ended).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(40 * 24 * HOUR_MS);
  expect(ended).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(400 * 24 * HOUR_MS);
  expect(ended).toEqual(["a", "b"]);
});

test("what ended while nothing was open is taken back at the start, and tried again when the server does not answer", async () => {
  mutes = new Map([["a", Date.now() - 1]]);
  isReachable = false;
  clock.check();
  clock.check();
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ended).toEqual(["a", "a"]);
  isReachable = true;
  clock.check();
  await vi.advanceTimersByTimeAsync(0);
  expect(mutes.size).toBe(0);
  await vi.advanceTimersByTimeAsync(HOUR_MS);
  expect(ended).toEqual(["a", "a", "a"]);
});
