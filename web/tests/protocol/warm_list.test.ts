import { expect, test } from "vitest";
import { parseSavedChats } from "@/protocol/warm_list";

const chat = (roomId: string, expiresAt?: number) => ({ roomId, typing: ["Sara"], last: { sentAt: 1, message: { id: "m", ...(expiresAt === undefined ? {} : { expiresAt }) } } });

test("what has disappeared since the list was saved does not come back with it", () => {
  const chats = parseSavedChats([chat("!gone", 1_000), chat("!stays", 1_001), chat("!ever")], 1_000);
  expect(chats.map(({ roomId, last }) => [roomId, last !== undefined])).toEqual([["!gone", false], ["!stays", true], ["!ever", true]]);
});

test("nobody types any more, and what is no list is none", () => {
  expect(parseSavedChats([chat("!a")], 0)[0]?.typing).toEqual([]);
  expect(parseSavedChats({ roomId: "!a" }, 0)).toEqual([]);
  expect(parseSavedChats(undefined, 0)).toEqual([]);
});
