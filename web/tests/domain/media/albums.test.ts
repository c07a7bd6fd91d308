import { expect, test } from "vitest";
import type { TimelineItem } from "@/domain/engine";
import { mergeAlbums } from "@/domain/media/album";
import type { Message } from "@/domain/message";
import { buildShownItems } from "@/domain/shown_items";

function picture(id: string, more: Partial<Message> & { readonly album?: never; readonly set?: string; readonly caption?: string } = {}): TimelineItem {
  const { set = "one", caption, ...rest } = more;
  const message = {
    id, eventId: `$${id}`, roomId: "!r", sender: "@a:b", senderName: "a", isOwn: false, sentAt: 1, edited: false, reactions: [], status: "read", deliveredTo: [], readBy: [], hop: 0,
    viewOnce: false, pinned: false, starred: false, encrypted: true, shield: "ok",
    body: { kind: "image", name: id, album: set, picture: { source: { mxc: "mxc://a/b", mimeType: "image/png", size: 1 }, width: 4, height: 3 }, ...(caption ? { caption: [{ type: "text", text: caption }] } : {}) },
    ...rest,
  } as Message;
  return { type: "message", key: id, message, opensGroup: id === "1" };
}

const shape = (items: readonly TimelineItem[]): readonly string[] => items.map((item) => (item.type === "message" ? `${item.key}:${(item.message.album ?? []).map(({ id }) => id).join()}` : item.type));

test("pictures sent together are one item, the first one's", () => {
  expect(shape(mergeAlbums([picture("1", { caption: "all of us" }), picture("2"), picture("3"), picture("4", { set: "two" })]))).toEqual(["1:1,2,3", "4:"]);
});

test("what needs a bubble of its own stays alone", () => {
  const reacted = picture("2", { reactions: [{ key: "👍", senders: ["@b:b"] }] });
  expect(shape(mergeAlbums([picture("1"), reacted]))).toEqual(["1:", "2:"]);
  expect(shape(mergeAlbums([picture("1"), picture("2", { viewOnce: true })]))).toEqual(["1:", "2:"]);
  expect(shape(mergeAlbums([picture("1"), picture("2", { sender: "@b:b" })]))).toEqual(["1:", "2:"]);
  expect(shape(mergeAlbums([picture("1"), picture("2", { replyTo: "$x" })]))).toEqual(["1:", "2:"]);
  expect(shape(mergeAlbums([picture("1"), picture("2", { status: "failed" }), picture("3"), picture("4")]))).toEqual(["1:", "2:", "3:3,4"]);
  expect(shape(mergeAlbums([picture("1"), picture("2", { caption: "look" })]))).toEqual(["1:", "2:"]);
});

test("at most ten stand together, and the whole is as far as its last part", () => {
  const items = Array.from({ length: 12 }, (_, at) => picture(String(at + 1), { status: at === 4 ? "sending" : "read" }));
  const shown = mergeAlbums(items);
  expect(shape(shown)).toEqual(["1:1,2,3,4,5,6,7,8,9,10", "11:11,12"]);
  expect(shown[0]).toMatchObject({ message: { status: "sending" } });
});

test("the item is the same while its pictures are", () => {
  const items = [picture("1"), picture("2")];
  const [first] = buildShownItems(items, true);
  const [again] = buildShownItems([...items, picture("9", { set: "two" })], true);
  if (first?.type !== "message" || again?.type !== "message") throw new Error("no message");
  expect(again.message).toBe(first.message);
  const [changed] = buildShownItems([...items, picture("3")], true);
  expect(changed).toMatchObject({ message: { album: { length: 3 } } });
});
