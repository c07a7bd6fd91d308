import { createHash } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { AppLock, isPin, type LockParts, normalisePin, PIN_ITERATIONS, waitAfter } from "@/domain/app_lock";
import type { ChatSummary } from "@/domain/engine";
import { LockedChats } from "@/domain/locked_chats";
import { Store } from "@/domain/store";

const MINUTE_MS = 60_000;
let now = 0;
let kept: unknown = null;
let salts = 0;
const asked: number[] = [];

function parts(): LockParts {
  return {
    load: () => JSON.parse(JSON.stringify(kept)),
    store: (record) => void (kept = record),
    derive: async (pin, salt, iterations) => {
      asked.push(iterations);
      return createHash("sha256").update(`${pin} ${salt} ${iterations}`).digest("hex");
    },
    makeSalt: () => `salt ${(salts += 1)}`,
    now: () => now,
  };
}

beforeEach(() => {
  now = 1_000_000;
  kept = null;
  asked.length = 0;
});

test("digits of all keyboards are the same PIN, and nothing else is one", () => {
  expect(normalisePin("٠١٢٣ ۴۵-6")).toBe("0123456");
  expect([isPin("123"), isPin("1234"), isPin("123456789012"), isPin("1234567890123"), isPin("abcd")]).toEqual([false, true, true, false, false]);
});

test("a lock that is set locks at every start; the PIN itself is kept nowhere", async () => {
  const lock = new AppLock(parts());
  expect(lock.state.get()).toMatchObject({ isSet: false, isLocked: false });
  await lock.setPin("2580");
  expect(lock.state.get()).toMatchObject({ isSet: true, isLocked: false });
  expect(JSON.stringify(kept)).not.toContain("2580");
  expect(asked).toEqual([PIN_ITERATIONS]);
  const next = new AppLock(parts());
  expect(next.state.get().isLocked).toBe(true);
  expect(await next.unlock("1111")).toBe("wrong");
  expect(next.state.get().isLocked).toBe(true);
  expect(await next.unlock("٢٥٨٠")).toBe("right");
  expect(next.state.get().isLocked).toBe(false);
});

test("after five wrong PINs it takes time, more each time, and a reload does not shorten it", async () => {
  const first = new AppLock(parts());
  await first.setPin("2580");
  for (let tries = 0; tries < 5; tries += 1) expect(await first.check("0000")).toBe("wrong");
  const lock = new AppLock(parts());
  expect(lock.state.get().waitUntil).toBe(now + 30_000);
  expect(await lock.unlock("2580")).toBe("wait");
  now += 30_000;
  expect(await lock.unlock("0000")).toBe("wrong");
  expect(lock.state.get().waitUntil).toBe(now + 60_000);
  now += 60_000;
  expect(await lock.unlock("2580")).toBe("right");
  expect(lock.state.get().waitUntil).toBe(0);
  expect(waitAfter(1_000)).toBe(3_600_000);
});

test("it locks after the time without use, at once when hidden if so chosen, and never by itself otherwise", async () => {
  const lock = new AppLock(parts());
  await lock.setPin("2580");
  now += 4 * MINUTE_MS;
  lock.tick();
  expect(lock.state.get().isLocked).toBe(false);
  lock.noteUse();
  now += 5 * MINUTE_MS;
  lock.noteHidden();
  expect(lock.state.get().isLocked).toBe(false);
  lock.tick();
  expect(lock.state.get().isLocked).toBe(true);
  // Touching the lock screen is no use of what is behind it.
  lock.noteUse();
  await lock.unlock("2580");
  lock.setAfterMinutes(0);
  now += 60 * MINUTE_MS;
  lock.tick();
  expect(lock.state.get().isLocked).toBe(false);
  lock.noteHidden();
  expect(lock.state.get().isLocked).toBe(true);
  await lock.unlock("2580");
  lock.setAfterMinutes(null);
  now += 600 * MINUTE_MS;
  lock.tick();
  lock.noteHidden();
  expect(lock.state.get().isLocked).toBe(false);
});

test("the panic PIN answers wherever a PIN is asked for, and cannot be the PIN", async () => {
  const lock = new AppLock(parts());
  await lock.setPin("2580");
  expect(await lock.setPanicPin("2580")).toBe(false);
  expect(await lock.setPanicPin("9999")).toBe(true);
  expect([await lock.unlock("9999"), await lock.reveal("9999"), await lock.check("9999")]).toEqual(["panic", "panic", "panic"]);
  expect(await lock.setPanicPin("")).toBe(true);
  expect(await lock.check("9999")).toBe("wrong");
});

test("private chats are hidden until the PIN is given, and again when the app locks", async () => {
  const lock = new AppLock(parts());
  await lock.setPin("2580");
  const chats = new Store([{ roomId: "!a" }, { roomId: "!b" }] as unknown as readonly ChatSummary[]);
  const locked = new LockedChats(lock, "@anna:localhost");
  const visible = locked.filter(chats);
  expect(visible.get()).toBe(chats.get());
  let changes = 0;
  visible.subscribe(() => (changes += 1));
  lock.setChatLocked("@anna:localhost", "!b", true);
  expect(changes).toBe(1);
  expect(visible.get().map(({ roomId }) => roomId)).toEqual(["!a"]);
  expect(visible.get()).toBe(visible.get());
  expect(new LockedChats(lock, "@badr:localhost").isHidden("!b")).toBe(false);
  expect(await lock.reveal("0000")).toBe("wrong");
  expect(locked.isHidden("!b")).toBe(true);
  expect(await lock.reveal("2580")).toBe("right");
  expect(visible.get()).toHaveLength(2);
  lock.lock();
  expect(visible.get()).toHaveLength(1);
  lock.removePin();
  expect(visible.get()).toHaveLength(2);
});

test("a damaged record is no lock, and a strange one does no harm", () => {
  for (const damaged of ["x", 3, {}, { pin: { salt: 1 } }, { pin: { salt: "", hash: "", iterations: 0 } }]) {
    kept = damaged;
    expect(new AppLock(parts()).state.get().isSet).toBe(false);
  }
  kept = { pin: { salt: "s", hash: "h", iterations: 1 }, afterMinutes: "soon", failures: -1, chats: { "@a:b": [1, "!c"] } };
  const lock = new AppLock(parts());
  expect(lock.state.get()).toMatchObject({ isSet: true, afterMinutes: 5, waitUntil: 0 });
  expect(lock.chats.get()).toEqual({ "@a:b": ["!c"] });
});
