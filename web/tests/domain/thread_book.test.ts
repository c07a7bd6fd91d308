import { expect, test } from "vitest";
import { type EventRecord, redactRecord } from "@/domain/event_record";
import { ThreadBook } from "@/domain/thread_book";

function reply(eventId: string, sentAt: number, root = "$root", sender = "@sara:example.org"): EventRecord {
  return { eventId, roomId: "!room", type: "m.room.message", sender, senderName: "", sentAt, encrypted: true, shield: "ok", content: { msgtype: "m.text", body: "x", "m.relates_to": { rel_type: "m.thread", event_id: root } } };
}

test("a book counts answers once, tells which are unread, and forgets those taken back", () => {
  const book = new ThreadBook("@ali:example.org", 100);
  expect(book.of("$root")).toBeUndefined();
  expect(book.take(reply("$old", 50))).toBe("$root");
  expect(book.take(reply("$one", 110))).toBe("$root");
  expect(book.take(reply("$one", 110))).toBeUndefined();
  book.take(reply("$mine", 120, "$root", "@ali:example.org"));
  book.take(reply("$other", 130, "$second"));
  expect(book.of("$root")).toEqual({ count: 3, unread: 1, latestAt: 120 });
  expect(book.list("!room").map(({ rootId }) => rootId)).toEqual(["$second", "$root"]);
  expect(book.read("$root")).toBe(true);
  expect(book.read("$root")).toBe(false);
  book.take(reply("$late", 140));
  expect(book.of("$root")?.unread).toBe(1);
  expect(book.take(redactRecord(reply("$late", 140), "@sara:example.org"))).toBe("$root");
  expect(book.of("$root")).toEqual({ count: 3, unread: 0, latestAt: 140 });
});

test("a book is the same after it was saved; what is not one is ignored", () => {
  const book = new ThreadBook("@ali:example.org", 0);
  book.take(reply("$one", 110));
  const again = new ThreadBook("@ali:example.org", 999);
  again.load(JSON.parse(JSON.stringify(book.save())));
  expect(again.of("$root")).toEqual({ count: 1, unread: 1, latestAt: 110 });
  const spoilt = new ThreadBook("@ali:example.org", 0);
  spoilt.load({ since: "x", threads: [null, { roomId: 1 }, { roomId: "!r", rootId: "$r", replies: "no" }] });
  expect(spoilt.list("!r")).toEqual([]);
});
