import { expect, test } from "vitest";
import type { Member } from "@/domain/engine";
import type { EventRecord, HistoryEntry } from "@/domain/event_record";
import { ForwardGuard, SEEN_MAX } from "@/domain/forward_guard/forward_guard";
import { MARKDOWN_LENGTH_MAX, parseMarkdown } from "@/domain/markdown";
import { buildMentionIndex } from "@/domain/mentions";
import { sortMembers } from "@/domain/people_members";
import { parseHtml } from "@/domain/rich_text_html";
import { HTML_LENGTH_MAX } from "@/domain/rich_text_html_tokens";
import { richTextToPlain } from "@/domain/rich_text_plain";
import { writeHtml } from "@/domain/rich_text_write";
import { parsePowers } from "@/domain/room_powers";
import { SearchIndex } from "@/domain/search/search_index";
import { parseQuery } from "@/domain/search/search_query";
import { TimelineModel } from "@/domain/timeline";
import { pick, seededRandom } from "../domain/seeded_random";

const NOON = new Date(2026, 10, 25, 12).getTime();

function measure(work: () => unknown): number {
  const begun = performance.now();
  work();
  return performance.now() - begun;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

test("people to mention are found among 5,000 within 50 ms", () => {
  const index = buildMentionIndex(Array.from({ length: 5_000 }, (_, n) => ({ userId: `@u${n}:x`, name: `عضو رقم ${n}` })));
  index.find("رقم");
  expect(median(Array.from({ length: 5 }, () => measure(() => index.find("رقم 4"))))).toBeLessThan(50);
});

test("10,000 members are sorted within a second", () => {
  const member = (at: number): Member => ({ userId: `@p${at}:x`, name: `Person ${(at * 7919) % 10_000}`, membership: "join", powerLevel: 0, trust: "unknown" });
  const many = Array.from({ length: 10_000 }, (_, at) => member(at));
  const powers = parsePowers({ content: {}, creators: [], soleCreator: "@creator:x", ownUserId: "@me:x" });
  expect(measure(() => sortMembers(many, powers, ""))).toBeLessThan(1_000);
});

test("a message more costs a history of 100,000 no more than 20 ms", () => {
  const model = new TimelineModel({ ownUserId: "@a:x", nameOf: (_userId, fallback) => fallback, isVisible: () => true, isPinned: () => false, isStarred: () => false, deliveredTo: () => [], readBy: () => [] });
  const record = (order: number): EventRecord => ({ eventId: `$${order}`, roomId: "!room", type: "m.room.message", sender: "@b:x", senderName: "Sara", sentAt: NOON + order, content: { msgtype: "m.text", body: `line ${order}` }, encrypted: true, shield: "ok" });
  const entry = (order: number): HistoryEntry => ({ kind: "event", order, record: record(order) });
  model.put(Array.from({ length: 100_000 }, (_, order) => entry(order)));
  expect(model.items().length).toBe(100_001);
  const times = Array.from({ length: 20 }, (_, extra) => measure(() => {
    model.put([entry(100_000 + extra)]);
    model.items();
  }));
  expect(median(times)).toBeLessThan(20);
});

test("100,000 messages are indexed within a minute and searched within 2 s", () => {
  const random = seededRandom(7);
  const arabic = "سلام مرحبا كيف الحال اليوم غدا المدرسة البيت العمل الاجتماع الموعد الصباح المساء شكرا جزيلا تمام الله يعطيك العافية".split(" ");
  const vocabulary = Array.from({ length: 30_000 }, (_, n) => (n % 2 === 0 ? `كلمة${n}` : `word${n.toString(36)}`));
  const words = (): string => Array.from({ length: 12 }, () => (random() < 0.5 ? pick(random, arabic) : (vocabulary[Math.floor(vocabulary.length * random() ** 3)] ?? ""))).join(" ");
  const messages = Array.from({ length: 100_000 }, (_, n) => ({ eventId: `$${n}`, text: words(), roomId: `!${n % 200}:b`, sender: `@${n % 900}:b`, sentAt: n }));
  const index = new SearchIndex();
  const indexing = measure(() => messages.forEach((message) => index.add(message)));
  let bytes = 0;
  const storing = measure(() => {
    for (const { postings, words: kept, eventIds } of index.takeChanges().write) bytes += postings.length + (kept.join("").length + eventIds.join("").length) * 2;
  });
  index.search(parseQuery("zz"));
  const times = ["المدرسة", "wor", "ك", "سلام كيف شكرا", "word7 البيت"].map((typed) => measure(() => index.search(parseQuery(typed))));
  console.info(`100,000 messages: indexed in ${indexing.toFixed(0)} ms, stored in ${storing.toFixed(0)} ms (${(bytes / 1e6).toFixed(1)} MB), queries ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
  expect(index.size).toBe(100_000);
  expect(indexing).toBeLessThan(60_000);
  expect(Math.max(...times)).toBeLessThan(2_000);
});

test("a guard that remembers all it may judges a text within 50 ms", () => {
  const guard = new ForwardGuard(() => NOON);
  const random = seededRandom(3);
  const text = (): string => Array.from({ length: 20 }, () => `w${Math.floor(random() * 5_000)}`).join(" ");
  for (let index = 0; index < SEEN_MAX; index += 1) guard.receive({ text: text() }, 0);
  expect(median(Array.from({ length: 20 }, () => measure(() => guard.inspectComposed({ text: text() }))))).toBeLessThan(50);
});

test.each(["**", "[", "![", "> ", "- ", "`", "||", "<u>", "*a ", "_", "[a](", "|a|\n|-|\n", "<", "&", "1. ", "    "])("a page of %s is read and written within 3 s", (piece) => {
  expect(measure(() => {
    const rich = parseMarkdown(piece.repeat(MARKDOWN_LENGTH_MAX));
    richTextToPlain(rich);
    writeHtml(rich);
  })).toBeLessThan(3_000);
});

test.each(["<", "<a ", "<a b=", "<!--", "</", "<b", "<a href='", "&#", "<svg>", "<p>", "<pre><code>", "<a/a", "\u202E<b>"])("64 KiB of %s are read within a second", (piece) => {
  expect(measure(() => parseHtml(piece.repeat(Math.floor(HTML_LENGTH_MAX / piece.length))))).toBeLessThan(1_000);
});
