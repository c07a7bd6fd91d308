import { expect, test } from "vitest";
import { applyOutcome, BACKOFF_MS_MAX, backoffMs, mayCancel, nextItems, outcomeOf, type QueueItem, recoverItems, retryItem } from "@/domain/send_queue";

function item(id: string, roomId: string, position: number, more: Partial<QueueItem> = {}): QueueItem {
  return { id, roomId, position, type: "m.room.message", content: {}, createdAt: 0, attempts: 0, state: "waiting", ...more };
}

const ids = (items: readonly QueueItem[]) => items.map(({ id }) => id);

test("one item of each room goes out at a time, the oldest first", () => {
  const items = [item("b", "!1", 2), item("a", "!1", 1), item("c", "!2", 3)];
  expect(ids(nextItems(items, new Set()))).toEqual(["a", "c"]);
  expect(ids(nextItems(items, new Set(["!1"])))).toEqual(["c"]);
});

test("a failed item stands aside, one that is being sent is waited for", () => {
  const failed = item("a", "!1", 1, { state: "failed" });
  const sending = item("b", "!1", 2, { state: "sending" });
  expect(ids(nextItems([failed, sending, item("c", "!1", 3)], new Set(["!1"])))).toEqual([]);
  expect(ids(nextItems([failed, item("c", "!1", 3)], new Set()))).toEqual(["c"]);
  expect(ids(nextItems([item("a", "!1", 1, { state: "sent" }), item("c", "!1", 3)], new Set()))).toEqual(["c"]);
});

test("pauses grow with full jitter up to a minute", () => {
  expect(backoffMs(0, 1)).toBe(1_000);
  expect(backoffMs(3, 1)).toBe(8_000);
  expect(backoffMs(3, 0.25)).toBe(2_000);
  for (const attempts of [6, 20, 10_000]) expect(backoffMs(attempts, 1)).toBe(BACKOFF_MS_MAX);
});

test("the server's wish to wait is followed exactly", () => {
  const outcome = outcomeOf(429, "M_LIMIT_EXCEEDED", 7_500, 0, 0.5);
  expect(outcome).toEqual({ kind: "limited", retryAfterMs: 7_500 });
  const { item: after, pauseMs } = applyOutcome(item("a", "!1", 1, { state: "sending" }), outcome, 0, 0.5);
  expect(pauseMs).toBe(7_500);
  expect(after).toMatchObject({ state: "waiting", attempts: 1 });
});

test.each([
  [undefined, "unreachable"],
  [500, "unreachable"],
  [502, "unreachable"],
  [401, "unreachable"],
  [403, "refused"],
  [413, "refused"],
  [429, "limited"],
])("HTTP status %s is %s", (status, kind) => {
  expect(outcomeOf(status, "M_X", undefined, 0, 0.5).kind).toBe(kind);
});

test("what was on its way at a crash goes out again under the same ID and with the same ciphertext", () => {
  const wire = { type: "m.room.encrypted", content: { ciphertext: "x" } };
  const [recovered] = recoverItems([item("a", "!1", 1, { state: "sending", wire })]);
  expect(recovered).toMatchObject({ id: "a", state: "waiting", wire });
});

test("a refused item says why, and is encrypted anew when it is tried by hand", () => {
  const { item: failed } = applyOutcome(item("a", "!1", 1, { wire: { type: "m.room.encrypted", content: {} } }), { kind: "refused", code: "M_FORBIDDEN" }, 0, 0);
  expect(failed).toMatchObject({ state: "failed", failure: "M_FORBIDDEN" });
  const again = retryItem(failed, 9);
  expect(again).toMatchObject({ id: "a", state: "waiting", position: 9, attempts: 0 });
  expect(again.wire).toBeUndefined();
  expect(again.failure).toBeUndefined();
});

test("only what cannot be at the server is taken back", () => {
  const wire = { type: "m.room.encrypted", content: {} };
  const waiting: QueueItem = { id: "z", roomId: "!r", position: 0, type: "m.room.message", content: {}, createdAt: 0, attempts: 0, state: "waiting" };
  expect(mayCancel(waiting)).toBe(true);
  expect(mayCancel({ ...waiting, state: "sending" })).toBe(true);
  expect(mayCancel({ ...waiting, state: "sending", wire })).toBe(false);
  expect(mayCancel({ ...waiting, wire })).toBe(false);
  expect(mayCancel({ ...waiting, wire, attempts: 1, slowUntil: 9 })).toBe(true);
  expect(mayCancel({ ...waiting, wire, attempts: 2, slowUntil: 9 })).toBe(false);
  expect(mayCancel({ ...waiting, wire, attempts: 5, state: "failed" })).toBe(true);
  expect(mayCancel({ ...waiting, redacts: "$e", state: "sending" })).toBe(false);
  expect(mayCancel({ ...waiting, state: "sent" })).toBe(false);
});
