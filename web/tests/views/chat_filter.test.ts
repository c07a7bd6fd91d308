import { expect, test } from "vitest";
import type { ChatSummary } from "@/domain/engine";
import { type ChatFilter, sortChats } from "@/views/chats/chat_filter";

function chat(name: string, more: Partial<ChatSummary> = {}): ChatSummary {
  return { roomId: `!${name}`, kind: "group", name, membership: "join", membersCount: 2, encrypted: true, unread: 0, mentions: 0, markedUnread: false, pinned: false, archived: false, folders: [], typing: [], maySend: true, disappearAfterS: 0, parents: [], ...more } as ChatSummary;
}

const CHATS = [chat("club"), chat("old", { archived: true }), chat("stranger", { membership: "invite", kind: "direct" }), chat("news", { kind: "channel", unread: 2 }), chat("left", { membership: "leave" })];

function names(filter: ChatFilter, words = ""): readonly string[] {
  const { requests, shown } = sortChats(CHATS, filter, words);
  return [...requests, ...shown].map(({ name }) => name).sort();
}

test("requests stand where nothing is sorted yet, and are found by their names", () => {
  expect(names("all")).toEqual(["club", "news", "stranger"]);
  expect(names("unread")).toEqual(["news", "stranger"]);
  expect(names("groups")).toEqual(["club"]);
  expect(names("channels")).toEqual(["news"]);
  expect(names("archive")).toEqual(["old"]);
  expect(names("folder:work")).toEqual([]);
  expect(names("archive", "stra")).toEqual(["stranger"]);
});
