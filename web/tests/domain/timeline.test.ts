import { expect, test } from "vitest";
import type { TimelineItem } from "@/domain/engine";
import type { EventRecord, HistoryEntry } from "@/domain/event_record";
import { hideRecord, redactRecord } from "@/domain/event_record";
import type { MessageContext } from "@/domain/message_builder";
import { TimelineModel } from "@/domain/timeline";

const NOON = new Date(2026, 10, 25, 12).getTime();
const ALI = "@ali:example.org";
const SARA = "@sara:example.org";

function context(more: Partial<MessageContext> = {}): MessageContext {
  return {
    ownUserId: ALI, nameOf: (_userId, fallback) => fallback, isVisible: (record) => !record.gone, isPinned: () => false, isStarred: () => false,
    deliveredTo: () => [], readBy: () => [], ...more,
  };
}

function record(eventId: string, more: Partial<EventRecord> = {}): EventRecord {
  return { eventId, roomId: "!room", type: "m.room.message", sender: SARA, senderName: "Sara", sentAt: NOON, content: { msgtype: "m.text", body: eventId }, encrypted: true, shield: "ok", ...more };
}

function entry(order: number, eventId: string, more: Partial<EventRecord> = {}): HistoryEntry {
  return { kind: "event", order, record: record(eventId, more) };
}

function shapes(items: readonly TimelineItem[]): readonly string[] {
  return items.map((item) => (item.type === "message" ? `${item.opensGroup ? "+" : " "}${item.message.body.kind === "text" ? item.message.body.text : item.message.body.kind}` : item.type));
}

test("groups, dates, gaps and the unread divider", () => {
  const model = new TimelineModel(context());
  model.put([entry(0, "a"), entry(1, "b", { sentAt: NOON + 1_000 }), entry(2, "c", { sender: ALI, sentAt: NOON + 2_000 }), entry(3, "d", { sentAt: NOON + 86_400_000 })]);
  expect(shapes(model.items())).toEqual(["date", "+a", " b", "+c", "date", "+d"]);
  model.setUnreadAfter(0);
  expect(shapes(model.items())).toEqual(["date", "+a", "unread", "+b", "+c", "date", "+d"]);
  model.put([{ kind: "gap", order: -1, token: "t" }, entry(-2, "z", { sentAt: NOON - 60_000 })]);
  expect(shapes(model.items())).toEqual(["date", "+z", "gap", "+a", "unread", "+b", "+c", "date", "+d"]);
});

test("an edit changes its message only if its author made it, encrypted as before", () => {
  const edit = (eventId: string, more: Partial<EventRecord> = {}): Partial<EventRecord> => ({
    content: { msgtype: "m.text", body: "* x", "m.new_content": { msgtype: "m.text", body: eventId }, "m.relates_to": { rel_type: "m.replace", event_id: "a" } }, ...more,
  });
  const model = new TimelineModel(context());
  model.put([entry(0, "a"), entry(1, "forged", edit("forged", { sender: ALI })), entry(2, "open", edit("open", { encrypted: false }))]);
  expect(shapes(model.items())).toEqual(["date", "+a"]);
  model.put([entry(3, "better", edit("better"))]);
  expect(shapes(model.items())).toEqual(["date", "+better"]);
  model.put([{ kind: "event", order: 3, record: redactRecord(record("better", edit("better")), SARA) }]);
  expect(shapes(model.items())).toEqual(["date", "+a"]);
});

test("reactions are gathered, taken back, and shown while they wait", () => {
  const reaction = (sender: string): Partial<EventRecord> => ({ type: "m.reaction", sender, content: { "m.relates_to": { rel_type: "m.annotation", event_id: "a", key: "👍" } } });
  const model = new TimelineModel(context());
  model.put([entry(0, "a"), entry(1, "r1", reaction(SARA)), entry(2, "r2", reaction(SARA))]);
  expect(model.message("a")?.reactions).toEqual([{ key: "👍", senders: [SARA] }]);
  model.setPending([record("local", reaction(ALI))], new Set());
  expect(model.message("a")?.reactions).toEqual([{ key: "👍", senders: [SARA, ALI], mine: "local" }]);
  model.setPending([], new Set(["r1", "r2"]));
  expect(model.message("a")?.reactions).toEqual([]);
});

test("hostile events never break the rest", () => {
  const hostile: readonly Partial<EventRecord>[] = [
    { content: { msgtype: 7, body: { a: 1 } } as never },
    { content: { "m.relates_to": [] } },
    { content: { "m.relates_to": { rel_type: "m.replace", event_id: { toString: "x" } } } },
    { type: "m.room.member", stateKey: "@x:y", content: { membership: { nested: true }, displayname: 5 } },
    { type: "m.reaction", content: { "m.relates_to": { rel_type: "m.annotation", event_id: "a", key: "x".repeat(100_000) } } },
    { type: "constructor", content: JSON.parse('{"__proto__": {"body": "x"}}') as Record<string, unknown> },
    { sentAt: Number.MAX_SAFE_INTEGER },
    { sentAt: -1 },
  ];
  const model = new TimelineModel(context());
  model.put([entry(0, "first"), ...hostile.map((more, index) => entry(index + 1, `h${index}`, more)), entry(99, "last")]);
  const shown = shapes(model.items());
  expect(shown[1]).toBe("+first");
  expect(shown.at(-1)).toBe("+last");
  expect(model.message("first")?.reactions).toEqual([]);
});

test("what is hidden or pending deletion is gone, in place", () => {
  const model = new TimelineModel(context());
  model.put([entry(0, "a"), entry(1, "b"), entry(2, "c")]);
  model.put([{ kind: "event", order: 1, record: hideRecord(record("b")) }]);
  expect(shapes(model.items())).toEqual(["date", "+a", " c"]);
  model.setPending([], new Set(["c"]));
  expect(shapes(model.items())).toEqual(["date", "+a", " deleted"]);
});

test("ticks of own messages follow the receipts", () => {
  let readUpTo = -1;
  const model = new TimelineModel(context({ readBy: (order) => (order <= readUpTo ? [SARA] : []), deliveredTo: () => [SARA] }));
  model.put([entry(0, "a", { sender: ALI }), entry(1, "b", { sender: ALI })]);
  expect(model.message("a")?.status).toBe("delivered");
  readUpTo = 0;
  model.touchOwn(-1, 0);
  expect([model.message("a")?.status, model.message("b")?.status]).toEqual(["read", "delivered"]);
});

test("a message more leaves the others as they are", () => {
  const model = new TimelineModel(context());
  model.put(Array.from({ length: 1_000 }, (_, order) => entry(order, `$${order}`, { sentAt: NOON + order })));
  const before = model.items();
  expect(before.length).toBe(1_001);
  model.put([entry(1_000, "$newer", { sentAt: NOON + 1_000 })]);
  expect(model.items()[500]).toBe(before[500]);
  model.put([entry(-1, "$older", { sentAt: NOON - 1 })]);
  expect(model.items().length).toBe(1_003);
  expect(model.items()[501]).toBe(before[500]);
});

test("answers in a thread stand in the thread only, under the message they answer", () => {
  const inThread = { content: { msgtype: "m.text", body: "in it", "m.relates_to": { rel_type: "m.thread", event_id: "a", is_falling_back: true, "m.in_reply_to": { event_id: "a" } } } };
  const entries = [entry(0, "a"), entry(1, "b"), entry(2, "in it", inThread)];
  const main = new TimelineModel(context({ threadOf: (eventId) => (eventId === "a" ? { count: 1, unread: 1, latestAt: NOON } : undefined) }));
  main.put(entries);
  expect(shapes(main.items())).toEqual(["date", "+a", " b"]);
  expect(main.message("a")?.thread).toEqual({ count: 1, unread: 1, latestAt: NOON });
  const thread = new TimelineModel(context(), "a");
  thread.put(entries);
  expect(shapes(thread.items())).toEqual(["date", "+a", " in it"]);
});

test("however many reactions the newest messages have, the messages before them stay", () => {
  const model = new TimelineModel(context());
  const reaction = (order: number) => entry(order, `r${order}`, { type: "m.reaction", content: { "m.relates_to": { rel_type: "m.annotation", event_id: "m59", key: `${order}` } } });
  model.put(Array.from({ length: 60 }, (_, order) => entry(order, `m${order}`)));
  const before = shapes(model.items());
  model.put(Array.from({ length: 1_200 }, (_, at) => reaction(60 + at)));
  expect(model.keepNewest(200, 40)).toBe(false);
  expect(shapes(model.items())).toEqual(before);
  model.put(Array.from({ length: 300 }, (_, at) => entry(1_260 + at, `n${at}`)));
  expect(model.keepNewest(200, 40)).toBe(true);
  expect(model.size).toBeLessThan(350);
  model.put(Array.from({ length: 6_000 }, (_, at) => reaction(1_560 + at)));
  expect(model.keepNewest(200, 40)).toBe(true);
  expect(model.size).toBeLessThanOrEqual(5_000);
});

test("the oldest are let go of in whole pages, and come back as they were", () => {
  const model = new TimelineModel(context());
  const edit = { content: { msgtype: "m.text", body: "* x", "m.new_content": { msgtype: "m.text", body: "edited" }, "m.relates_to": { rel_type: "m.replace", event_id: "m0" } } };
  const all = [...Array.from({ length: 600 }, (_, order) => entry(order, `m${order}`)), entry(600, "edit", edit)];
  model.put(all);
  const whole = shapes(model.items());
  expect(model.size).toBe(601);
  expect(model.keepNewest(200, 100)).toBe(true);
  expect(model.size).toBeGreaterThanOrEqual(200);
  expect(model.size).toBeLessThan(350);
  expect(model.has("m0")).toBe(false);
  expect(shapes(model.items()).at(-1)).toBe(" m599");
  expect(shapes(model.items())[0]).toBe("date");
  expect(model.keepNewest(model.size, 0)).toBe(false);
  model.put(all.slice(0, model.firstOrder));
  expect(shapes(model.items())).toEqual(whole);
  expect(whole[1]).toBe("+edited");
});
