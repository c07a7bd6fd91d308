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
  expect(book.of("$root")).toEqual({ count: 2, unread: 1, latestAt: 110 });
  // Who answers has seen what was said before.
  book.take(reply("$mine", 120, "$root", "@ali:example.org"));
  expect(book.of("$root")).toEqual({ count: 3, unread: 0, latestAt: 120 });
  book.take(reply("$other", 130, "$second"));
  book.take(reply("$more", 135));
  expect(book.of("$root")).toEqual({ count: 4, unread: 1, latestAt: 135 });
  expect(book.list("!room").map(({ rootId }) => rootId)).toEqual(["$root", "$second"]);
  expect(book.read("$root")).toBe(true);
  expect(book.read("$root")).toBe(false);
  book.take(reply("$late", 140));
  expect(book.of("$root")?.unread).toBe(1);
  expect(book.take(redactRecord(reply("$late", 140), "@sara:example.org"))).toBe("$root");
  expect(book.of("$root")).toEqual({ count: 4, unread: 0, latestAt: 140 });
});

test("what another device has read is read, also when its place is not known here yet; what came after it is not", () => {
  const book = new ThreadBook("@ali:example.org", 1_000);
  expect(book.readElsewhere("!room", "$root", "$two")).toBe(true);
  expect(book.readElsewhere("!room", "$root", "$two")).toBe(false);
  expect(book.list("!room")).toEqual([]);
  const again = new ThreadBook("@ali:example.org", 5_000);
  again.load(JSON.parse(JSON.stringify(book.save())));
  for (const [at, id] of ["$one", "$two", "$three"].entries()) again.take(reply(id, 100 + at));
  // All are older than this device, but the other one has left off at the second.
  expect(again.of("$root")).toEqual({ count: 3, unread: 1, latestAt: 102 });
  expect(again.readElsewhere("!room", "$root", "$three")).toBe(true);
  expect(again.of("$root")?.unread).toBe(0);
  expect(again.readElsewhere("!room", "$root", "$one")).toBe(false);
  expect(again.readElsewhere("!another", "$root", "$one")).toBe(false);
});

test("the server's list adds threads and counts that this device does not know", () => {
  const book = new ThreadBook("@ali:example.org", 100);
  expect(book.takeListed("!room", "$far", 12, reply("$last", 90, "$far"))).toBe(true);
  expect(book.takeListed("!room", "$far", 12, reply("$last", 90, "$far"))).toBe(false);
  expect(book.list("!room")).toEqual([{ rootId: "$far", count: 12, unread: 0, latestAt: 90, latestId: "$last" }]);
  book.take(reply("$new", 130, "$far"));
  book.take(reply("$old", 80, "$far"));
  expect(book.list("!room")).toEqual([{ rootId: "$far", count: 13, unread: 1, latestAt: 130, latestId: "$new" }]);
  book.take(redactRecord(reply("$new", 130, "$far"), "@sara:example.org"));
  expect(book.list("!room")[0]).toMatchObject({ count: 12, latestId: "$last" });
  book.take(redactRecord(reply("$old", 80, "$far"), "@sara:example.org"));
  expect(book.list("!room")[0]).toMatchObject({ count: 11, latestId: "$last" });
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
